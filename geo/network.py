"""Who works where and with whom: the parts of a network, and the link that would join the most."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from geo.checks import require_columns, require_unique_index
from geo.errors import GeoError

LINK = ["source", "target"]


def find_parts(nodes: pd.Index, links: pd.DataFrame) -> pd.Series:
    """Number the parts of a network; nodes of one part reach each other.

    Parameters
    ----------
    nodes : Index of n unique labels
    links : DataFrame[source, target], labels of nodes, in any number and direction

    Returns
    -------
    Series of n int64, index `nodes`
        The largest part is 0; of parts alike in size the one whose node comes first.

    Raises
    ------
    GeoError
        Doubled nodes, or a link of a node that is not there.
    """
    require_unique_index(nodes, "网络的节点")
    require_columns(links, LINK, "网络的联系")
    ends = [nodes.get_indexer(pd.Index(links[name])) for name in LINK]
    for name, found in zip(LINK, ends, strict=True):
        if (found < 0).any():
            raise GeoError(f"网络里没有“{links[name].iloc[int((found < 0).argmax())]}”。")
    size = len(nodes)
    joined = coo_matrix((np.ones(len(links)), (ends[0], ends[1])), shape=(size, size))
    _, part = connected_components(joined, directed=False)
    sizes = np.bincount(part, minlength=int(part.max(initial=-1)) + 1)
    first = np.full(len(sizes), size)
    np.minimum.at(first, part, np.arange(size))
    order = np.lexsort((first, -sizes))
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return pd.Series(number[part].astype(np.int64), index=nodes)


def find_missing_links(nodes: pd.DataFrame, links: pd.DataFrame, most: int = 3) -> pd.DataFrame:
    """Find the links that are missing and, added one by one, would join the most.

    Parameters
    ----------
    nodes : DataFrame[is_compound, can_link], index of n unique labels
        ``can_link`` is False for those to whom nobody can simply turn: a property company comes
        by contract, an owners' committee by vote.
    links : DataFrame[source, target]
        The links that hold.
    most : int
        How many to find at most.

    Returns
    -------
    DataFrame[source, target, source_ties, target_ties, compounds_joined, organizations_joined,
    pairs, is_tie]
        A row per link, the weightiest first. Of all pairs of parts the one is joined that brings
        most pairs of nodes (compounds or organizations) together: the product of the sizes. The
        organization (``source``) is the one of either part that can link and reaches most
        compounds already; ``target`` is a compound of the other part or, where there is none, an
        organization: the one with most links. ``source_ties`` and ``target_ties`` list all that
        are as good, themselves among them. The counts are of the smaller part, which is what
        the link brings in. ``is_tie`` says that another pair of parts would have done as well.
        Each following row takes the ones above as made. Empty where all is joined, or nobody
        can link.

    Raises
    ------
    GeoError
        As in `find_parts`, or a column is absent.
    """
    require_columns(nodes, ["is_compound", "can_link"], "网络的节点")
    found = []
    made = links[LINK]
    for _ in range(most):
        link = _find_best(nodes, made)
        if link is None:
            break
        found.append(link)
        made = pd.concat([made, pd.DataFrame([{name: link[name] for name in LINK}])])
    columns = [*LINK, "source_ties", "target_ties", "compounds_joined", "organizations_joined",
               "pairs", "is_tie"]  # fmt: skip
    return pd.DataFrame(found, columns=columns)


def _find_best(nodes: pd.DataFrame, links: pd.DataFrame) -> dict[str, object] | None:
    part = find_parts(nodes.index, links)
    sizes = part.value_counts().sort_index()
    if len(sizes) < 2:
        return None
    can_reach = nodes["can_link"] & ~nodes["is_compound"]
    able = can_reach.groupby(part).any()
    # Parts are numbered by size: whoever can reach out, the largest part gains most from it.
    others = [b for b in sizes.index[1:] if able[0] or able[b]]
    if not others:
        return None
    best = others[0]
    alike = [b for b in others[1:] if sizes[b] == sizes[best]]
    as_large = bool(able[best] and (sizes.drop([0, best]) == sizes[0]).any())
    ends = _choose_ends(nodes, links, part, 0, best)
    return {**ends, "pairs": int(sizes[0] * sizes[best]), "is_tie": bool(alike) or as_large}


def _choose_ends(
    nodes: pd.DataFrame, links: pd.DataFrame, part: pd.Series, one: int, other: int
) -> dict[str, object]:
    """Who of two parts should turn to whom."""
    both = pd.concat([links, links.set_axis(["target", "source"], axis=1)[LINK]])
    both = both[both["source"] != both["target"]].drop_duplicates()
    to_compounds = both[both["target"].map(nodes["is_compound"]).astype(bool)]
    reach = to_compounds.groupby("source").size().reindex(nodes.index, fill_value=0)
    degree = both.groupby("source").size().reindex(nodes.index, fill_value=0)
    inside = part.isin([one, other])
    able = reach[inside & nodes["can_link"] & ~nodes["is_compound"]]
    sources = list(able.index[able == able.max()])
    source = sources[0]
    away = other if part[source] == one else one
    ties = [label for label in sources if part[label] == part[source]]
    there = part == away
    has_compound = bool((there & nodes["is_compound"]).any())
    asked = degree[there & nodes["is_compound"]] if has_compound else degree[there]
    targets = list(asked.index[asked == asked.max()])
    smaller = part == max(one, other)
    return {
        "source": source, "target": targets[0], "source_ties": ties, "target_ties": targets,
        "compounds_joined": int((smaller & nodes["is_compound"]).sum()),
        "organizations_joined": int((smaller & ~nodes["is_compound"]).sum()),
    }  # fmt: skip

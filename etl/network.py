"""The network of organizations and compounds: who works where, who with whom, what would join most."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pandas as pd

from etl.cells import fold
from etl.people import Span
from etl.profile import Profile
from etl.store import Writer
from etl.tables.organizations import KINDS
from etl.tables.people import OUT_LINKS, OUT_MISSING_LINKS, OUT_NODES
from geo.coverage import ACTIVE, DISSOLVED, FORMING, NOMINAL
from geo.network import find_missing_links, find_parts

COMPOUND = "compound"
WORKS, TOGETHER, MEETS = "works", "together", "meets"
# They come by contract or by vote: nobody can simply send them to another compound.
BOUND = ("property_company", "owners_committee", "courtyard_committee")
BROKEN = {NOMINAL: "nominal", DISSOLVED: "dissolved"}
_SEAMS = re.compile(r"[、,，;；/\s]+")


def split_partners(written: object) -> list[str]:
    """Those whom a cell lists, as they are written; 和 and 及 may stand in a name and part nothing."""
    if not isinstance(written, str):
        return []
    return [part for part in _SEAMS.split(written.strip()) if part]


def publish_network(
    writer: Writer, base: pd.DataFrame, states: pd.DataFrame, register: pd.DataFrame,
    ties: pd.DataFrame, meetings: pd.DataFrame, profile: Profile, span: Span,
) -> None:  # fmt: skip
    """Write the nodes, the links and the links that are missing most."""
    nodes = _list_nodes(base, register)
    links = pd.DataFrame(
        [
            *_list_works(states, profile, span),
            *_list_hosted(ties),
            *_list_partners(ties, register),
            *_list_met(meetings, states),
        ],
        columns=[column.name for column in OUT_LINKS.columns],
    )
    ends = links["source"].isin(nodes.index) & links["target"].isin(nodes.index)
    links = _sum_links(links[ends])
    alive = links[~links["is_broken"].astype(bool)]
    # What exists in name only neither joins anything nor is left to be joined.
    live = nodes[nodes["is_compound"] | nodes["state"].isin([ACTIVE, FORMING])]
    alive = alive[alive["source"].isin(live.index) & alive["target"].isin(live.index)]
    nodes["part"] = find_parts(live.index, alive)
    nodes = nodes.join(_count_links(nodes, alive))
    missing = find_missing_links(live, alive)
    missing.insert(0, "rank", range(1, len(missing) + 1))
    for name in ("source_ties", "target_ties"):
        missing[name] = [json.dumps(ties, ensure_ascii=False) for ties in missing[name]]
    writer.replace(OUT_NODES, nodes.reset_index(names="node_id").reindex(
        columns=[column.name for column in OUT_NODES.columns]))  # fmt: skip
    writer.replace(OUT_LINKS, links)
    writer.replace(OUT_MISSING_LINKS, missing.reindex(
        columns=[column.name for column in OUT_MISSING_LINKS.columns]))  # fmt: skip


def _list_nodes(base: pd.DataFrame, register: pd.DataFrame) -> pd.DataFrame:
    """Compounds and organizations; one that is dissolved can be turned to by nobody."""
    compounds = pd.DataFrame(
        {
            "place_id": base["compound_id"],
            "name": base["name"],
            "kind": COMPOUND,
            "compound_id": base["compound_id"],
            "state": None,
            "is_compound": True,
            "can_link": True,
        }
    ).set_axis("C:" + base["compound_id"].astype(str))
    lives = register["state"].isin([ACTIVE, FORMING])
    bodies = pd.DataFrame(
        {
            "place_id": register["organization_id"],
            "name": register["name"],
            "kind": register["kind"],
            "compound_id": register["compound_id"],
            "state": register["state"],
            "is_compound": False,
            "can_link": lives & ~register["kind"].isin(BOUND),
        }
    ).set_axis("O:" + register["organization_id"].astype(str))
    return pd.concat([compounds, bodies])


def _list_works(states: pd.DataFrame, profile: Profile, span: Span) -> Iterator[tuple[object, ...]]:
    """Who serves which compound, and whether that has come to nothing."""
    known = states.dropna(subset="organization_id")
    for row in known.to_dict("records"):
        if row["state"] not in (ACTIVE, FORMING, NOMINAL, DISSOLVED):
            continue
        is_company = row["kind"] == "property_company"
        limit = profile.coverage["no_response" if is_company else "inactive"]
        quiet = (span.today - pd.Timestamp(row["last_active_on"])).days
        is_quiet = not pd.isna(quiet) and quiet > limit
        why = BROKEN.get(row["state"]) or (
            ("silent" if is_company else "quiet") if is_quiet else None
        )
        yield (f"O:{row['organization_id']}", f"C:{row['compound_id']}", WORKS, None,
               row["last_active_on"], why is not None, why,
               quiet if is_quiet else None)  # fmt: skip


def _list_hosted(ties: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Who held an activity in which compound."""
    for row in ties.dropna(subset=["organization_id", "compound_id"]).to_dict("records"):
        yield (f"O:{row['organization_id']}", f"C:{row['compound_id']}", TOGETHER,
               row["activity_count"], row["last_on"], False, None, None)  # fmt: skip


def _list_partners(ties: pd.DataFrame, register: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Who held activities with whom; partners that the register does not name are left out."""
    known = dict(zip(register["name"].map(fold), register["organization_id"], strict=True))
    for row in ties.dropna(subset=["partners", "organization_id"]).to_dict("records"):
        host = row["organization_id"]
        helpers = [known.get(fold(part)) for part in split_partners(row["partners"])]
        for helper in {h for h in helpers if h is not None and h != host}:
            yield (*sorted([f"O:{host}", f"O:{helper}"]), TOGETHER, row["activity_count"],
                   row["last_on"], False, None, None)  # fmt: skip


def _list_met(meetings: pd.DataFrame, states: pd.DataFrame) -> Iterator[tuple[object, ...]]:
    """Who sat at one table: words like 物业 mean the one that works in the compound, if it is one."""
    kinds = {fold(word): kind.code for kind in KINDS for word in kind.spellings}
    works = states[states["state"].isin([ACTIVE, FORMING]) & states["organization_id"].notna()]
    found = works.groupby(["compound_id", "kind"])["organization_id"].agg(["nunique", "first"])
    only = found.loc[found["nunique"] == 1, "first"].to_dict()
    for row in meetings.dropna(subset=["compound_id", "parties"]).to_dict("records"):
        told = {kinds.get(fold(part)) for part in split_partners(row["parties"])} - {None}
        there = sorted(
            {only[key] for key in ((row["compound_id"], k) for k in told) if key in only}
        )
        for one, other in combinations(there, 2):
            yield (f"O:{one}", f"O:{other}", MEETS, 1, row["held_on"], False, None, None)


def _sum_links(links: pd.DataFrame) -> pd.DataFrame:
    """One row for two ends and a relation; of several the one that holds counts."""
    keys = ["source", "target", "relation"]
    ordered = links.assign(
        last_on=pd.to_datetime(links["last_on"]), tie_count=links["tie_count"].astype(float)
    ).sort_values([*keys, "is_broken"], kind="stable")
    grouped = ordered.groupby(keys, sort=False)
    first = ordered.drop_duplicates(keys).drop(columns=["tie_count", "last_on"])
    summed = pd.DataFrame(
        {"tie_count": grouped["tie_count"].sum(min_count=1), "last_on": grouped["last_on"].max()}
    )
    return first.join(summed, on=keys)


def _count_links(nodes: pd.DataFrame, alive: pd.DataFrame) -> pd.DataFrame:
    """To how many compounds, and to how many others, each node has a link that holds."""
    turned = alive.rename(columns={"source": "target", "target": "source"})
    both = pd.concat([alive, turned])[["source", "target"]].drop_duplicates()
    is_compound = both["target"].map(nodes["is_compound"]).astype(bool)
    found: dict[str, Any] = {
        "reach_count": both[is_compound].groupby("source").size(),
        "link_count": both.groupby("source").size(),
    }
    return pd.DataFrame(found).reindex(nodes.index).fillna(0).astype("int64")

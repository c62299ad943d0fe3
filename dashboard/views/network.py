"""The network: what link would join the most, which are broken, the drawing and its table twin."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, load, page
from dashboard.drawing import MOST_COMPOUNDS, draw_network
from dashboard.people import MOST, tell_broken, tell_count, tell_day, tell_missing, tell_why
from dashboard.views import taking
from dashboard.words import say

RELATIONS = ("works", "together", "meets")
NO_RELATION = "none"
FIRST = 8
WHOLE_TABLE = 400


def show_network(build: load.Build, shown: pd.DataFrame) -> None:
    """What to do first, then the drawing, then the same as a table."""
    nodes = load.frame(build, "out_network_nodes")
    links = load.frame(build, "out_network_links")
    page.show_heading(say("network.title"))
    if links.empty:
        page.show_note([say("network.none")])
        return
    names = dict(zip(nodes["node_id"], nodes["name"], strict=True))
    place = choice.current().at
    if not place:
        _show_missing(build, nodes, names)
    inside = select_links(nodes, links, place)
    _show_broken(inside, names)
    picked = st.pills(
        say("network.relations"), RELATIONS, selection_mode="multi", default=_read_relations(),
        format_func=lambda name: say(f"network.{name}"), key=f"relations.{choice.mark()}",
    )  # fmt: skip
    chosen = [name for name in RELATIONS if name in picked]
    choice.change(links="" if len(chosen) == len(RELATIONS) else ".".join(chosen) or NO_RELATION)
    drawn = inside[inside["relation"].isin(picked)]
    if len(shown) > MOST_COMPOUNDS:
        page.show_note([say("network.too_many", count=MOST_COMPOUNDS)])
    else:
        page.show_note([say("network.legend")])
        st.html(draw_network(nodes, drawn, list(shown.index)))
    with st.expander(say("network.table", count=len(drawn))):
        _show_table(drawn, names)


def _read_relations() -> list[str]:
    """The relations that the address names; all of them where it names none."""
    written = choice.current().links
    named = [name for name in RELATIONS if name in written.split(".")]
    return named if named or written == NO_RELATION else list(RELATIONS)


def select_links(nodes: pd.DataFrame, links: pd.DataFrame, place: str) -> pd.DataFrame:
    """All links, or those of one compound, of who works there, and among them."""
    if not place:
        return links
    here = f"C:{place}"
    around = links[(links["source"] == here) | (links["target"] == here)]
    own = nodes.loc[nodes["compound_id"] == place, "node_id"]
    near = {here, *around["source"], *around["target"], *own}
    return links[links["source"].isin(near) & links["target"].isin(near)]


def _show_missing(build: load.Build, nodes: pd.DataFrame, names: dict[str, str]) -> None:
    missing = load.frame(build, "out_network_missing").sort_values("rank")
    compounds = nodes[nodes["kind"] == "compound"]
    parts = compounds["part"].nunique()
    page.show_note([say("network.one" if parts < 2 else "network.parts", count=parts)])
    if len(missing):
        page.show_heading(say("network.most"), 3)
        page.show_list((tell_missing(row, names),) for row in missing.itertuples())


def _show_broken(links: pd.DataFrame, names: dict[str, str]) -> None:
    broken = links[links["is_broken"].fillna(False).astype(bool)]
    broken = broken.sort_values("quiet_days", ascending=False, na_position="last", kind="stable")
    if broken.empty:
        return
    page.show_heading(say("network.broken", count=len(broken)), 3)
    items = [(tell_broken(row, names),) for row in broken.itertuples()]
    page.show_list(items[:FIRST])
    if len(items) > FIRST:
        with st.expander(say("org.more", count=len(items) - FIRST)):
            page.show_list(items[FIRST:MOST])


def _show_table(links: pd.DataFrame, names: dict[str, str]) -> None:
    if len(links) > WHOLE_TABLE:
        # All of a large network, to be scrolled and searched.
        told = pd.DataFrame([_tell_link(row, names) for row in links.itertuples()])
        page.show_frame(told.set_axis(_heads(), axis=1))
        taking.offer_table("network", say("org.network"), _heads(), told.to_numpy().tolist())
        return
    rows = [_tell_link(row, names) for row in links.itertuples()]
    taking.show_rows("network", say("org.network"), _heads(), rows, mark="sq-gap")


def _heads() -> list[str]:
    return [say(f"network.col.{name}") for name in ("source", "relation", "target", "last", "why")]


def _tell_link(row: Any, names: dict[str, str]) -> list[str]:
    return [
        names[row.source],
        _tell_relation(row),
        names[row.target],
        tell_day(row.last_on),
        page.FLAG + tell_why(row) if row.is_broken else "",
    ]


def _tell_relation(row: Any) -> str:
    relation = say(f"network.{row.relation}")
    if pd.isna(row.tie_count):
        return relation
    return say("network.times", relation=relation, count=tell_count(row.tie_count))

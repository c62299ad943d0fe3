"""Organizations: what is missing, what each should do next, who answers for what, who knows whom."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard import choice, load, page
from dashboard.telling import tell_gap
from dashboard.views import growth, network, tables, taking_part, watch
from dashboard.words import name_value, say

FIRST = 6


def show() -> None:
    """The page."""
    build = load.current_build()
    if build.is_empty:
        page.show_empty()
        return
    page.show_title(say("nav.organizations"), say("org.lead"))
    compounds = load.frame(build, "out_compounds").set_index("compound_id", drop=False)
    compounds = compounds.rename_axis(None)
    _show_controls(compounds)
    chosen = choice.current()
    shown = compounds.loc[[chosen.at]] if chosen.at else compounds
    _PARTS[chosen.part](build, shown)


def _show_controls(compounds: pd.DataFrame) -> None:
    """Which part, and of all compounds or of one; both are in the address."""
    chosen = choice.current()
    if chosen.at and chosen.at not in compounds.index:
        st.warning(say("map.gone", name=chosen.at))
        choice.change(at="")
        chosen = choice.current()
    part = st.segmented_control(
        say("org.part"), choice.PARTS, default=chosen.part, required=True,
        format_func=lambda name: say(f"org.{name}"), key=f"part.{chosen.lang}",
        label_visibility="collapsed",
    )  # fmt: skip
    names = compounds["name"].to_dict()
    places = ["", *sorted(names, key=lambda place: str(place))]
    with st.container(key="org-place"):
        at = st.selectbox(
            say("org.place"), places, index=places.index(chosen.at),
            format_func=lambda place: names.get(place, say("org.everywhere")),
            label_visibility="collapsed",
        )  # fmt: skip
    if (part, at) != (chosen.part, chosen.at):
        choice.change(part=part, at=at)
        st.rerun()


def _show_gaps(build: load.Build, shown: pd.DataFrame) -> None:
    """What is missing, the worst compound first, and the matrix of kinds and compounds."""
    coverage = load.frame(build, "out_coverage")
    own = coverage[coverage["compound_id"].isin(shown.index)]
    gaps = own[own["is_gap"].fillna(False).astype(bool)]
    page.show_heading(say("org.gaps_first"))
    if gaps.empty:
        page.show_note([say("org.no_gaps" if len(own) else "org.no_coverage")])
    number = gaps.groupby("compound_id").size().sort_values(ascending=False, kind="stable")
    items = [_tell_compound(shown.loc[place], gaps) for place in number.index]
    page.show_list(items[:FIRST])
    if len(items) > FIRST:
        with st.expander(say("org.more", count=len(items) - FIRST)):
            page.show_list(items[FIRST:])
    tables.show_coverage(build, shown)


def _tell_compound(row: pd.Series, gaps: pd.DataFrame) -> tuple[str, ...]:
    kind = name_value("type", row["type"], say("type.unknown"))
    own = gaps[gaps["compound_id"] == row["compound_id"]]
    head = say("org.gaps_of", name=row["name"], count=len(own))
    return (head, *(tell_gap(line, kind) for line in own.itertuples()))


_PARTS: dict[str, Callable[[load.Build, pd.DataFrame], None]] = {
    "gaps": _show_gaps,
    "growth": growth.show_organizations,
    "committees": growth.show_committees,
    "core": taking_part.show_core,
    "watch": watch.show_watch,
    "activities": taking_part.show_activities,
    "network": network.show_network,
}

"""Organizations: what is missing, what each should do next, who answers for what, who knows whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, explain, load, page
from dashboard.people import MOST
from dashboard.telling import tell_concerns, tell_gap
from dashboard.views import areas, growth, network, tables, taking_part, watch
from dashboard.words import name_value, say

FIRST = 6
# Which methods, and which table of rows, stand behind each part.
METHODS: dict[str, tuple[tuple[str, ...], str]] = {
    "gaps": (("coverage",), "organizations"),
    "growth": (("growth",), "organizations"),
    "committees": (("committee",), "committee_steps"),
    "core": (("core",), "core_residents"),
    "watch": (("watch",), "organizations"),
    "activities": (("core",), "activities"),
    "network": (("network",), "organizations"),
}


def show() -> None:
    """The page."""
    whole = load.current_build()
    if whole.is_empty:
        page.show_empty()
        return
    build = areas.open_area(whole, "organizations")
    if build is None:
        return
    page.show_title(say("nav.organizations"), say("org.lead"))
    compounds = load.frame(build, "out_compounds").set_index("compound_id", drop=False)
    compounds = compounds.rename_axis(None)
    _show_controls(compounds)
    chosen = choice.current()
    shown = compounds.loc[[chosen.at]] if chosen.at else compounds
    _PARTS[chosen.part](build, shown)
    names, table = METHODS[chosen.part]
    explain.offer("org", *names, rows=explain.Rows(build, table, chosen.at))


def _show_controls(compounds: pd.DataFrame) -> None:
    """Which part, and of all compounds or of one; both are in the address."""
    chosen = choice.current()
    if chosen.at and chosen.at not in compounds.index:
        st.warning(say("map.gone", name=page.write_plain(chosen.at)))
        choice.change(at="")
        chosen = choice.current()
    part = st.segmented_control(
        say("org.part"), choice.PARTS, default=chosen.part, required=True,
        format_func=lambda name: say(f"org.{name}"), key=f"part.{choice.mark()}",
        label_visibility="collapsed",
    )  # fmt: skip
    names = compounds["name"].to_dict()
    with st.container(key="org-place"):
        places = ["", *areas.list_for_picker(names, chosen.at)]
        at = st.selectbox(
            say("org.place"), places, index=places.index(chosen.at),
            format_func=lambda place: names.get(place, say("org.everywhere")),
            label_visibility="collapsed",
        )  # fmt: skip
    if (part, at) != (chosen.part, chosen.at):
        choice.change(part=part, at=at)
        st.rerun()


def _show_gaps(build: load.Build, shown: pd.DataFrame) -> None:
    """What is missing or failing, the worst compound first, and the matrix of kinds and compounds."""
    coverage = load.frame(build, "out_coverage")
    own = coverage[coverage["compound_id"].isin(shown.index)]
    own = own.assign(is_gap=own["is_gap"].fillna(False).astype(bool))
    page.show_heading(say("org.gaps_first"))
    # What is missing weighs twice what is there but failing.
    weight = 2 * shown["gap_count"].fillna(0) + shown["concern_count"].fillna(0)
    order = weight.sort_values(ascending=False, kind="stable")
    worst = order.index[order > 0][:MOST]
    items = [_tell_compound(shown.loc[place], own) for place in worst]
    if not items:
        page.show_note([say("org.no_gaps" if len(own) else "org.no_coverage")])
    page.show_list(items[:FIRST])
    if len(items) > FIRST:
        with st.expander(say("org.more", count=len(items) - FIRST)):
            page.show_list(items[FIRST:])
    tables.show_coverage(build, shown)


def _tell_compound(row: pd.Series, coverage: pd.DataFrame) -> tuple[str, ...]:
    """What one compound lacks, and what is there but failing."""
    kind = name_value("type", row["type"], say("type.unknown"))
    own = coverage[coverage["compound_id"] == row["compound_id"]]
    gaps = own[own["is_gap"]]
    weak = [line for line in own[~own["is_gap"]].itertuples() if load.read_list(line.concerns)]
    count = sum(len(load.read_list(line.concerns)) for line in weak)
    key = "gaps_and" if len(gaps) and weak else "gaps_of" if len(gaps) else "concerns_of"
    told = {"count": len(gaps), "concerns": count} if key == "gaps_and" else {
        "count": len(gaps) or count
    }  # fmt: skip
    head = say(f"org.{key}", name=row["name"], **told)
    return (
        head,
        *(tell_gap(line, kind) for line in gaps.itertuples()),
        *(_tell_weak(line) for line in weak),
    )


def _tell_weak(line: Any) -> str:
    return say(
        "org.but", kind=name_value("kind", line.kind), state=name_value("state", line.state),
        concerns=say("listed_with").join(tell_concerns(line)),
    )  # fmt: skip


_PARTS: dict[str, Callable[[load.Build, pd.DataFrame], None]] = {
    "gaps": _show_gaps,
    "growth": growth.show_organizations,
    "committees": growth.show_committees,
    "core": taking_part.show_core,
    "watch": watch.show_watch,
    "activities": taking_part.show_activities,
    "network": network.show_network,
}

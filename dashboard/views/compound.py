"""Everything that is known of one compound, on one page that can be printed."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import choice, load, page, sums
from dashboard.briefing.place import draw_place
from dashboard.places import name_for_search
from dashboard.talks import write_day
from dashboard.views import areas, card
from dashboard.words import count, known, language, name_value, say
from etl import periods
from etl.tables import BY_NAME

ACTIVITIES_SHOWN = 12


def show() -> None:
    """The page."""
    whole = load.current_build()
    if whole.is_empty:
        page.show_empty()
        return
    build = areas.open_area(whole, "compound")
    if build is None:
        return
    compounds = load.frame(build, "out_compounds")
    place = _pick_place(compounds)
    if not place:
        _show_all(compounds)
        return
    months = load.frame(build, "out_months")
    listed = periods.list_months(compounds, months)
    chosen = choice.current()
    period = periods.find_period(compounds, listed, chosen.first, chosen.last, chosen.category)
    row = sums.measure(build, period).loc[place]
    _show_top(build, row, period, listed)
    card.show_details(build, row)
    left, right = st.columns(2, gap="medium")
    with left:
        _show_needs(build, place)
        _show_buildings(build, place)
    with right:
        _show_activities(build, place)
    _show_sources(build, place)


def _pick_place(compounds: pd.DataFrame) -> str:
    """The compound in the address, chosen by name or by how the name sounds."""
    names = dict(zip(compounds["compound_id"], compounds["name"], strict=True))
    at = choice.current().at
    if at and at not in names:
        st.warning(say("map.gone", name=page.write_plain(at)))
        choice.change(at="")
        at = ""
    places = areas.list_for_picker(names, at)
    with st.container(horizontal=True, vertical_alignment="bottom", key="compound-pick"):
        picked = st.selectbox(
            say("control.compound"), places, index=places.index(at) if at else None,
            format_func=lambda place: name_for_search(names[place]),
            placeholder=say("control.placeholder"), key=f"compound.{at}.{choice.mark()}",
        )  # fmt: skip
        if at:
            page.offer_print()
    if (picked or "") != at:
        choice.change(at=picked or "")
        st.rerun()
    return at


def _show_all(compounds: pd.DataFrame) -> None:
    """All compounds by type, each a link to its page."""
    page.show_title(say("nav.compound"), say("compound.lead"))
    kinds = compounds["type"].fillna("")
    for kind, own in compounds.groupby(kinds, sort=False):
        head = name_value("type", kind, say("type.unknown"))
        page.show_heading(say("with_unit", head=head, unit=f"{len(own):,}"), 3)
        with st.container(horizontal=True):
            for row in own.sort_values("name").head(200).itertuples():
                page.link("compound", row.name, at=row.compound_id)


def _show_top(
    build: load.Build, row: pd.Series, period: periods.Period, listed: list[pd.Timestamp]
) -> None:
    left, right = st.columns([1.7, 1], gap="medium")
    with left:
        card.show_summary(build, row, period, listed, level=1)
    with right:
        picture = draw_place(
            load.shapes(build), load.frame(build, "out_cells").iloc[:0], row["compound_id"]
        )
        if picture:
            page.show_picture(picture, say("compound.where", name=row["name"]))
        page.link("map", say("talks.on_map"), at=row["compound_id"], form="map")


def _show_needs(build: load.Build, place: str) -> None:
    """The whole list of needs; the card above has the newest few."""
    needs = _own(build, "core_needs", place).sort_values("raised_on", ascending=False)
    if len(needs) <= card.NEEDS_SHOWN:
        return
    page.show_heading(say("compound.needs", count=len(needs)), 3)
    heads = [say(f"compound.col.{name}") for name in ("content", "category", "status", "day")]
    page.show_rows(
        heads,
        [
            [
                str(need.content),
                name_value("category", need.category),
                name_value("need", need.status, say("none")),
                write_day(need.raised_on),
            ]
            for need in needs.itertuples()
        ],
        stacks=True,
    )


def _show_buildings(build: load.Build, place: str) -> None:
    buildings = _own(build, "core_buildings", place)
    if buildings.empty:
        return
    page.show_heading(say("compound.buildings", count=len(buildings)), 3)
    lines = []
    for name, unit in (("household_count", "unit.households"), ("unit_count", "unit.entrances")):
        if name in buildings and buildings[name].notna().any():
            told = count(int(buildings[name].sum()), unit)
            lines.append(say("headed", head=say(f"compound.{name}"), text=told))
    page.show_note(lines)


def _show_activities(build: load.Build, place: str) -> None:
    activities = _own(build, "core_activities", place).sort_values("held_on", ascending=False)
    page.show_heading(say("compound.activities", count=len(activities)), 3)
    if activities.empty:
        page.show_note([say("taking_part.unknown")])
        return
    page.show_list(
        (
            say("headed", head=write_day(one.held_on), text=known(one.name)),
            count(one.participant_count, "unit.people"),
        )
        for one in activities.head(ACTIVITIES_SHOWN).itertuples()
    )


def _show_sources(build: load.Build, place: str) -> None:
    """Which files and sheets all of this came from."""
    found = load.sources(build, place)
    if found.empty:
        return
    page.show_heading(say("compound.sources"))
    heads = [say("compound.col.table"), say("data.file"), say("data.sheet"), say("data.read")]
    page.show_rows(
        heads,
        [
            [
                BY_NAME[row.table].label if language() == "zh" else row.table,
                row.file, row.sheet, f"{row.row_count:,}",
            ]
            for row in found.itertuples()
        ],
        stacks=True,
    )  # fmt: skip
    if build.snapshot is not None:
        page.show_note([say("compound.state", snapshot=build.snapshot)])


def _own(build: load.Build, table: str, place: str) -> pd.DataFrame:
    found = load.frame(build, table)
    return found[found["compound_id"] == place]

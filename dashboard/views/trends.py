"""Hotspots and trends: where more comes than should, what is rising, and how it is handled."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, explain, load, page
from dashboard.charts import chart_category, chart_months
from dashboard.map.layers import name_hotspot, tell_hotspot
from dashboard.places import name_for_search
from dashboard.views import areas, tables, taking
from dashboard.words import name_value, say, tell_chance, tell_period
from etl import periods

CATEGORIES_SHOWN = 8
PLACES_SHOWN = 40
# What is surely rising stands first, what is too small to tell last.
ORDER = {"up": 0, "down": 1, "no_real_change": 2, "too_few": 3}


def show() -> None:
    """The page."""
    whole = load.current_build()
    if whole.is_empty:
        page.show_empty()
        return
    build = areas.open_area(whole, "trends")
    if build is None:
        return
    compounds, months = load.frame(build, "out_compounds"), load.frame(build, "out_months")
    listed = periods.list_months(compounds, months)
    page.show_title(say("nav.trends"), say("trends.lead"))
    if not listed:
        page.show_note([say("card.no_complaints")])
        return
    at, category = _show_controls(compounds, months)
    _show_hotspots(build, at)
    explain.offer("hotspots", "funnel", "past", "scan")
    own = months[months["compound_id"] == at] if at else months
    _show_months(own, listed, category, _name_place(build, at))
    period = periods.Period(listed[0], listed[-1], category)
    explain.offer("months", "rate", rows=explain.Rows(build, "complaints", at, period))
    _show_changes(compounds, at)
    explain.offer("changes", "change")
    if not at:
        tables.show_funnel(compounds)
        tables.show_handling(build, compounds)
        explain.offer("handling", "deadline", "closing", "repeat")


def _show_controls(compounds: pd.DataFrame, months: pd.DataFrame) -> tuple[str, str]:
    """One compound or all, one category or all; both in the address."""
    names = dict(zip(compounds["compound_id"], compounds["name"], strict=True))
    chosen = choice.current()
    if chosen.at and chosen.at not in names:
        st.warning(say("map.gone", name=page.write_plain(chosen.at)))
        choice.change(at="")
    sums = months.groupby("category")["complaint_count"].sum().sort_values(ascending=False)
    if chosen.category and chosen.category not in sums.index:
        st.warning(say("map.category_gone", name=page.write_plain(chosen.category)))
        choice.change(category="")
    chosen = choice.current()
    places = ["", *areas.list_for_picker(names, chosen.at)]
    categories = ["", *sums.index]
    with st.container(horizontal=True, vertical_alignment="bottom", key="trend-controls"):
        at = st.selectbox(
            say("org.place"), places, index=places.index(chosen.at), key=f"trend-at.{choice.mark()}",
            format_func=lambda place: (
                name_for_search(names[place]) if place else say("talks.all")
            ),
        )  # fmt: skip
        category = st.selectbox(
            say("control.category"), categories, index=categories.index(chosen.category),
            format_func=lambda name: name_value("category", name, say("control.all")),
            key=f"trend-category.{choice.mark()}",
        )  # fmt: skip
    choice.change(at=at, category=category)
    return at, category


def _show_hotspots(build: load.Build, at: str) -> None:
    """Every hotspot in words, with the way to it on the map."""
    hotspots = load.frame(build, "out_hotspots")
    if at:
        hotspots = hotspots[hotspots["compound_id"] == at]
    page.show_heading(say("trends.hotspots", count=len(hotspots)))
    if hotspots.empty:
        page.show_note([say("map.no_hotspots")])
        return
    for number, row in enumerate(hotspots.itertuples()):
        with st.container(key=f"today-hotspot-{number}"):
            told = say(
                "headed", head=name_hotspot(row), text=name_value("hotspot.method", row.method)
            )
            where = row.compound_id if isinstance(row.compound_id, str) else ""
            page.link("map", told, at=where, form="map", show=("hotspots", "buildings"))
            page.show_note(tell_hotspot(row))
    heads = ("name", "method", "observed", "expected", "chance", "first", "last")
    taking.offer_table(
        "hotspots",
        say("trends.file.hotspots"),
        [say(f"trends.hotspot.{name}") for name in heads],
        [_list_hotspot(row) for row in hotspots.itertuples()],
        [(say("org.place"), _name_place(build, at))],
    )


def _list_hotspot(row: Any) -> list[object]:
    expected = None if pd.isna(row.expected) else round(float(row.expected), 1)
    ends = (row.period_from, row.period_to)
    return [
        name_hotspot(row), name_value("hotspot.method", row.method), int(row.observed), expected,
        tell_chance(row.p_value), *(f"{day:%Y-%m-%d}" for day in ends),
    ]  # fmt: skip


def _name_place(build: load.Build, at: str) -> str:
    if not at:
        return say("talks.all")
    names = load.frame(build, "out_compounds").set_index("compound_id")["name"]
    return str(names[at])


def _show_months(own: pd.DataFrame, listed: list[pd.Timestamp], category: str, place: str) -> None:
    """Bars by month, and the same by category, a small chart each."""
    page.show_heading(say("trends.months", period=tell_period(listed[0], listed[-1])))
    shown = own[own["category"] == category] if category else own
    st.altair_chart(chart_months(shown, listed), key="chart-months")
    if not shown["complaint_count"].isna().any():
        tables.offer_months(shown, periods.Period(listed[0], listed[-1], category), place)
    if category:
        return
    sums = own.groupby("category")["complaint_count"].sum()
    largest = list(sums.sort_values(ascending=False).index[:CATEGORIES_SHOWN])
    if len(largest) < 2:
        return
    page.show_note([say("trends.one_scale")])
    cells = own[own["category"].isin(largest) & own["month"].isin(listed)]
    highest = int(cells.groupby(["category", "month"])["complaint_count"].sum().max())
    columns = st.columns(2, gap="medium")
    for at, name in enumerate(largest):
        chart = chart_category(own, listed, name, highest)
        columns[at % 2].altair_chart(chart, key=f"chart-category-{at}")


def _show_changes(compounds: pd.DataFrame, at: str) -> None:
    """The newest month of each compound against the month before and the year before."""
    known = compounds[compounds["month"].notna()]
    known = known[known["compound_id"] == at] if at else known
    if known.empty:
        return
    month = known["month"].max()
    page.show_heading(say("trends.changes", month=month))
    page.show_note([say("trends.changes_lead")])
    order = known["month_verdict"].map(ORDER).fillna(len(ORDER))
    rows = known.assign(order=order).sort_values(["order", "month_count"], ascending=[True, False])
    names = ("place", "now", "before", "verdict", "year_before", "year_verdict", "past")
    taking.show_rows(
        "changes",
        say("trends.changes", month=month),
        [say(f"trends.col.{name}") for name in names],
        [_describe(row) for row in rows.head(PLACES_SHOWN).itertuples()],
        mark="sq-gap",
        stacks=True,
    )
    if len(rows) > PLACES_SHOWN:
        page.show_note([say("people.cut", count=len(rows), shown=PLACES_SHOWN)])


def _describe(row: Any) -> list[str]:
    verdict = _tell_change(row, "month")
    return [
        str(row.name),
        _whole(row.month_count),
        _whole(row.month_before_count),
        page.FLAG + verdict if row.month_verdict == "up" else verdict,
        _whole(row.year_before_count),
        _tell_change(row, "year"),
        say("card.flag.is_past_high") if row.is_past_high is True or row.is_past_high == 1 else "",
    ]


def _tell_change(row: Any, what: str) -> str:
    """A verdict with the ratio and its interval behind it; alone where there is none to give."""
    code = getattr(row, f"{what}_verdict")
    verdict = name_value("verdict", code, say("none"))
    if code == "too_few":
        return verdict
    ratio = getattr(row, f"{what}_ratio")
    low, high = getattr(row, f"{what}_ratio_low"), getattr(row, f"{what}_ratio_high")
    if any(map(pd.isna, (ratio, low, high))):
        return verdict
    return say("trends.ratio", verdict=verdict, ratio=ratio, low=low, high=high)


def _whole(number: Any) -> str:
    return say("none") if pd.isna(number) else f"{int(number):,}"

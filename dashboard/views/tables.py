"""Tables beneath the table twin of the map: how complaints are handled, and organizations."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import load, page, withheld
from dashboard.charts import chart_funnel
from dashboard.views import taking
from dashboard.words import name_value, say, tell_period
from etl import periods

SCOPES = ("category", "type", "grid", "community", "street", "district", "month")
BRIEF_CONCERNS = 2
MOST_COMPOUNDS = 100
MOST_OUTSIDE = 8


def offer_months(shown: pd.DataFrame, period: periods.Period, place: str) -> None:
    """Complaints by month, a column for each category and one for all of them."""
    inside = periods.select_months(shown, period)
    counts = inside.pivot_table(
        index="month", columns="category", values="complaint_count", aggfunc="sum", fill_value=0
    ).reindex(pd.date_range(period.first, period.last, freq="MS"), fill_value=0)
    heads = [say("chart.month"), *(name_value("category", name) for name in counts)]
    rows = [
        [f"{month:%Y-%m}", *map(int, row)]
        for month, row in zip(counts.index, counts.to_numpy(), strict=True)
    ]
    if len(heads) > 2:
        heads, rows = [*heads, say("chart.count")], [[*row, sum(row[1:])] for row in rows]
    more = [(say("org.place"), place)]
    taking.offer_table("months", say("trends.file.months"), heads, rows, more, period)


def show_handling(build: load.Build, compounds: pd.DataFrame) -> None:
    """How complaints of the window are handled: all of them, and by category, type or month."""
    handling = load.frame(build, "out_handling")
    if handling.empty:
        return
    page.show_heading(say("handling.title"))
    period = tell_period(compounds["window_from"].min(), compounds["window_to"].max())
    page.show_note([say("handling.lead", period=period)])
    found = set(handling["scope"])
    scopes = [scope for scope in SCOPES if scope in found]
    if not scopes:
        return
    scope = page.pick_kept(
        "scope", say("handling.by"), scopes, lambda name: say(f"handling.by.{name}")
    )
    rows = handling[handling["scope"].isin(["all", scope])]
    is_hiding = withheld.is_hiding(compounds)
    if scope != "month":
        rows = rows.sort_values("complaint_count", ascending=False, kind="stable")
    names = ["count", "rate", "open", "overdue", "late_pct", "closing", "repeat", "reopened"]
    names += ["backlog"] if scope == "month" else []
    heads = [say(f"handling.by.{scope}"), *(say(f"handling.{name}") for name in names)]
    told = [_describe(row, scope, is_hiding) for row in rows.itertuples()]
    by = (say("handling.by"), say(f"handling.by.{scope}"))
    taking.show_rows("handling", say("handling.title"), heads, told, [by])
    page.show_note(withheld.tell_withheld(compounds))


def show_funnel(compounds: pd.DataFrame) -> None:
    """Which rates differ by more than chance and nature, and which only seem to."""
    known = compounds[compounds["funnel_high"].notna() & compounds["rate"].notna()]
    if known.empty:
        return
    page.show_heading(say("funnel.title"))
    outside = known[(known["rate"] > known["funnel_high"]) | (known["rate"] < known["funnel_low"])]
    lines = [say("funnel.lead", n=len(known), inside=len(known) - len(outside))]
    lines += [
        say(
            f"funnel.{'above' if row.rate > row.funnel_high else 'below'}",
            name=row.name, rate=row.rate, low=row.funnel_low, high=row.funnel_high,
        )
        for row in outside.nlargest(MOST_OUTSIDE, "rate").itertuples()
    ]  # fmt: skip
    page.show_note(lines)
    title = say("chart.funnel", n=len(known))
    st.altair_chart(chart_funnel(known, title), key="chart-funnel")


def _describe(row: Any, scope: str, is_hiding: bool) -> list[str]:
    name = say("handling.all") if row.scope == "all" else name_value(scope, row.name)
    if is_hiding:
        # What is not told of any row is a dash there; a count that is hidden is called that.
        count = withheld.write_count(row.complaint_count, _whole(row.complaint_count))
    else:
        count = _whole(row.complaint_count)
    cells = [
        name,
        count,
        _range("range", row.rate, row.rate_low, row.rate_high),
        _whole(row.open_count),
        _whole(row.overdue_count),
        _range("range_pct", row.late_pct, row.late_pct_low, row.late_pct_high),
        _tell_days(row),
        _whole(row.repeat_count),
        _whole(row.reopened_count),
    ]
    return [*cells, _whole(row.backlog_count)] if scope == "month" else cells


def _tell_days(row: Any) -> str:
    if pd.notna(row.closing_days):
        ends = (row.closing_days_low, row.closing_days_high)
        if any(map(pd.isna, ends)):
            return f"{row.closing_days:.0f}"
        return _range("range", row.closing_days, *ends)
    if pd.notna(row.closing_days_low):
        return say("handling.more_than", low=row.closing_days_low)
    return say("none")


def _range(key: str, value: Any, low: Any, high: Any) -> str:
    if pd.isna(value):
        return say("none")
    return say(f"handling.{key}", value=value, low=low, high=high)


def _whole(number: Any) -> str:
    return say("none") if pd.isna(number) else f"{number:,}"


def show_coverage(build: load.Build, table: pd.DataFrame) -> None:
    """Which organizations each compound has, what is missing and what is failing."""
    coverage = load.frame(build, "out_coverage")
    if coverage.empty or coverage["is_unknown"].all():
        return
    page.show_heading(say("coverage.title"))
    ordered = table.sort_values(["gap_count", "concern_count"], ascending=False)
    shown = ordered.head(MOST_COMPOUNDS)
    is_part = len(shown) < len(ordered)
    page.show_note(
        [say("coverage.lead"), say("coverage.first", count=len(shown)) if is_part else ""]
    )
    kinds = list(coverage["kind"].drop_duplicates())
    states = {(row.compound_id, row.kind): _tell_state(row) for row in coverage.itertuples()}
    names = ("gaps", "concerns", "members", "over_60", "under_40", "service")
    heads = [say(f"coverage.{name}") for name in names]
    taking.show_rows(
        "coverage",
        say("coverage.title"),
        [say("table.name"), *heads[:2], *(name_value("kind", kind) for kind in kinds), *heads[2:]],
        [
            [
                row.name,
                _whole(row.gap_count),
                _whole(row.concern_count),
                *(states.get((row.compound_id, kind), "") for kind in kinds),
                _whole(row.member_count),
                _share(row.member_over_60_pct),
                _share(row.member_under_40_pct),
                _tell_service(row),
            ]
            for row in shown.itertuples()
        ],
        mark="sq-gap",
    )


def _share(pct: Any) -> str:
    return say("none") if pd.isna(pct) else say("coverage.share", pct=pct)


def _tell_state(row: Any) -> str:
    """A state in a word, a gap marked, and what is failing in another word or two."""
    state = name_value("state", row.state)
    if row.is_gap:
        return page.FLAG + state
    codes = [concern["code"] for concern in load.read_list(row.concerns)][:BRIEF_CONCERNS]
    if not codes:
        return state
    brief = say("listed").join(say(f"brief.{code}") for code in codes)
    return say("with_unit", head=state, unit=brief)


def _tell_service(row: Any) -> str:
    if pd.isna(row.service_m):
        return say("none")
    is_reached = pd.notna(row.is_in_reach) and bool(row.is_in_reach)
    metres = round(row.service_m, -1)
    if is_reached:
        return say("coverage.reached", metres=metres)
    return page.FLAG + say("coverage.far", metres=metres)

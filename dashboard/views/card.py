"""One compound's card: what is known of it, in words and small charts."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, explain, load, page
from dashboard.charts import chart_months, chart_shares
from dashboard.map.layers import tell_rank
from dashboard.reasons import tell_action, tell_reasons
from dashboard.telling import tell_body, tell_gap, tell_handling, tell_people
from dashboard.views import actions_card, capital_card, people_card, talks_card
from dashboard.words import name_value, say, tell_period
from etl import periods
from etl.disclosure import COUNT_WITHHELD

NEEDS_SHOWN = 5
LEAST_CHANCE, SURE_CHANCE = 0.05, 0.99


def show_card(
    build: load.Build, row: pd.Series, period: periods.Period, listed: list[pd.Timestamp]
) -> None:
    """The card of one compound for the chosen period."""
    with st.container(horizontal=True, key="card-links"):
        if st.button(say("card.close"), key="close", type="tertiary"):
            choice.change(at="")
            st.rerun()
        page.link("compound", say("card.whole"), at=row["compound_id"])
    show_summary(build, row, period, listed)


def show_summary(
    build: load.Build,
    row: pd.Series,
    period: periods.Period,
    listed: list[pd.Timestamp],
    level: int = 2,
) -> None:
    """Name, figures, reasons, complaints and how they are handled; the name as a heading."""
    kind = name_value("type", row["type"]) if isinstance(row["type"], str) else say("type.unknown")
    st.html(
        f'<div class="sq-card-head"><h{level}>{escape(str(row["name"]))}</h{level}><span>{escape(kind)}</span></div>'
    )
    page.show_facts(_list_facts(row))
    _show_reasons(build, row)
    explain.offer("why", "targets", "steady")
    _show_complaints(build, row, period, listed)
    behind = explain.Rows(build, "complaints", row["compound_id"], period)
    explain.offer("complaints", "rate", "interval", "rank", "change", rows=behind)
    handled = tell_handling(row)
    if handled:
        # Unlike the counts above it does not follow the filter.
        window = tell_period(row["window_from"], row["window_to"])
        page.show_heading(say("card.handling", period=window), 3)
        page.show_note(handled)
        explain.offer("handled", "deadline", "closing", "repeat")


def show_details(build: load.Build, row: pd.Series) -> None:
    """The rest of the card, over the width of the page: organizations, people, needs, actions."""
    page.show_heading(say("card.details", name=row["name"]))
    if load.may_read(build, "out_coverage"):
        _show_coverage(build, row)
    if not load.may_read(build, "core_needs"):
        page.show_note([say("withheld.card")])
        return
    people_card.show_people(build, row)
    capital_card.show_capital(build, row)
    left, middle, right = st.columns([1, 1.3, 1], gap="medium")
    with left:
        _show_groups(build, row)
    with middle:
        actions_card.show_actions(build, row)
    with right:
        _show_needs(build, row)
        talks_card.show_talks(build, row)


def _list_facts(row: pd.Series) -> list[tuple[str, str]]:
    area = row["area_m2"]
    facts = [
        (say("card.households"), _fact("households", row["households"])),
        (say("card.residents"), _fact("people", row["residents"])),
        (
            say("card.area"),
            say("none") if pd.isna(area) else say("card.area_value", hectares=area / 10_000),
        ),
    ]
    if COUNT_WITHHELD in row:
        return facts
    return [
        *facts,
        (say("card.core"), _fact("people", row["core_resident_count"])),
        (say("card.open"), _fact("complaints", row["open_count"])),
        (say("card.overdue"), _fact("complaints", row["overdue_count"])),
        (say("card.closing"), _tell_closing(row)),
        (say("card.late"), _tell_late(row.get("late_pct"))),
        (say("card.repeats"), _fact("complaints", row.get("repeat_count"))),
    ]


def _tell_closing(row: pd.Series) -> str:
    if pd.notna(row.get("closing_days")):
        return say("card.closing_value", days=row["closing_days"])
    low = row.get("closing_days_low")
    return say("card.closing_open", low=low) if pd.notna(low) else say("none")


def _tell_late(pct: Any) -> str:
    return say("none") if pd.isna(pct) else say("card.late_value", pct=pct)


def _fact(unit: str, number: Any) -> str:
    return say("none") if pd.isna(number) else say(f"fact.{unit}", number=f"{number:,}")


def _show_reasons(build: load.Build, row: pd.Series) -> None:
    if not load.may_read(build, "out_targets"):
        return
    targets = load.frame(build, "out_targets")
    found = targets[targets["compound_id"] == row["compound_id"]]
    if found.empty:
        return
    target = found.iloc[0]
    reasons = tell_reasons(load.read_list(target["reasons"]))
    actions = [tell_action(action) for action in load.read_list(target["actions"])]
    if not reasons and not actions:
        return
    page.show_heading(say("card.why"), 3)
    if any(reason.get("code") == "overdue" for reason in load.read_list(target["reasons"])):
        # The counts above are of all times.
        window = tell_period(row["window_from"], row["window_to"])
        page.show_note([say("card.why_period", period=window)])
    items = "".join(f"<li>{escape(text)}</li>" for text in reasons)
    todo = "".join(f'<p class="sq-do">{escape(text)}</p>' for text in actions)
    st.html(f'<div class="sq-target"><ul>{items}</ul>{todo}</div>')


def _show_complaints(
    build: load.Build, row: pd.Series, period: periods.Period, listed: list[pd.Timestamp]
) -> None:
    page.show_heading(say("card.complaints"), 3)
    months = load.frame(build, "out_months")
    own = periods.select_months(months[months["compound_id"] == row["compound_id"]], period)
    page.show_note(tell_complaints(row, period))
    if own.empty or own["complaint_count"].isna().any():
        return
    inside = [month for month in listed if period.first <= month <= period.last]
    st.altair_chart(chart_months(own, inside), key="chart-months")
    if not period.category and own["category"].notna().any():
        sums = own.groupby("category")["complaint_count"].sum()
        title = say("chart.categories", n=int(sums.sum()))
        names = pd.Series(sums.index)
        st.altair_chart(chart_shares(names, sums, title, "category"), key="chart-categories")


def tell_complaints(row: pd.Series, period: periods.Period) -> list[str]:
    """The complaints of one compound in plain sentences."""
    if period.first is None:
        return [say("card.no_complaints")]
    if pd.isna(row["shown_count"]):
        return [say("withheld.period", period=tell_period(period.first, period.last))]
    said = {"period": tell_period(period.first, period.last), "count": int(row["shown_count"])}
    if pd.isna(row["shown_rate"]):
        lines = [say("card.rate_unknown", **said)]
    else:
        low, high = row["shown_low"], row["shown_high"]
        rank = tell_rank(row["rank"], row["rank_low"], row["rank_high"]) or say("none")
        lines = [say("card.rate", **said, rate=row["shown_rate"], low=low, high=high, rank=rank)]
    lines += tell_first(row)
    if pd.notna(row["month"]) and isinstance(row["month_verdict"], str):
        verdict = name_value("verdict", row["month_verdict"])
        now, before = row["month_count"], row["month_before_count"]
        lines.append(say("card.month", month=row["month"], now=now, before=before, verdict=verdict))
    if pd.notna(row.get("year_before_count")) and isinstance(row.get("year_verdict"), str):
        verdict = name_value("verdict", row["year_verdict"])
        lines.append(say("card.year", before=row["year_before_count"], verdict=verdict))
    flags = ("is_funnel_high", "is_past_high")
    lines += [say(f"card.flag.{flag}") for flag in flags if row[flag] is True or row[flag] == 1]
    return lines


def tell_first(row: pd.Series) -> list[str]:
    """How likely the compound's rate is the highest of all, where that is worth saying."""
    chance = row.get("first_chance")
    if pd.isna(chance) or chance < LEAST_CHANCE:
        return []
    # The months behind it are those of the ranks, whatever months are shown.
    period = tell_period(row["window_from"], row["window_to"])
    key = "card.first_sure" if chance > SURE_CHANCE else "card.first"
    return [say(key, period=period, **({} if chance > SURE_CHANCE else {"chance": chance}))]


def _show_coverage(build: load.Build, row: pd.Series) -> None:
    coverage = load.frame(build, "out_coverage")
    own = coverage[coverage["compound_id"] == row["compound_id"]]
    own = own[(own["expectation"] != "not_applicable") | (own["state"] != "不适用")]
    if own.empty:
        return
    page.show_heading(say("card.organizations"), 3)
    page.show_note(tell_people(row))
    heads = [say(f"card.{name}") for name in ("kind", "state", "expected", "body", "names")]
    rows = []
    for line in own.itertuples():
        state = name_value("state", line.state)
        rows.append(
            [
                name_value("kind", line.kind),
                page.FLAG + say("with_unit", head=state, unit=say("card.gap"))
                if line.is_gap
                else state,
                name_value("expectation", line.expectation),
                tell_body(line),
                line.organization_names if isinstance(line.organization_names, str) else "",
            ]
        )
    page.show_rows(heads, rows, mark="sq-gap")
    gaps = own[own["is_gap"].fillna(False).astype(bool)]
    if len(gaps):
        kind = name_value("type", row["type"])
        told = [tell_gap(line, kind) for line in gaps.itertuples()]
        page.show_heading(say("card.gaps_why"), 4)
        page.show_note(told)


def _show_groups(build: load.Build, row: pd.Series) -> None:
    groups = load.frame(build, "core_population_groups")
    own = groups[groups["compound_id"] == row["compound_id"]].dropna(subset=["resident_count"])
    if own.empty:
        return
    page.show_heading(say("card.groups"), 3)
    title = say("chart.groups", n=int(own["resident_count"].sum()))
    chart = chart_shares(own["resident_group"], own["resident_count"], title, "group")
    st.altair_chart(chart, key="chart-groups")


def _show_needs(build: load.Build, row: pd.Series) -> None:
    needs = load.frame(build, "core_needs")
    own = needs[needs["compound_id"] == row["compound_id"]].sort_values(
        "raised_on", ascending=False
    )
    page.show_heading(say("card.needs"), 3)
    if own.empty:
        page.show_note([say("card.no_needs")])
        return
    items = []
    for need in own.head(NEEDS_SHOWN).itertuples():
        mentions = need.mention_count if pd.notna(need.mention_count) else say("none")
        status = name_value("need", need.status, say("none"))
        told = say("card.need.line", status=status, mentions=mentions)
        items.append((str(need.content), told))
    page.show_list(items)

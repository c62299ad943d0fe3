"""Who takes part: core residents by role and age, activities by month, festivals."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import load, page
from dashboard.charts import chart_participants, chart_shares
from dashboard.people import (
    FEW,
    MOST,
    list_names,
    tell_core,
    tell_count,
    tell_cut,
    tell_day,
    tell_per,
    tell_window,
)
from dashboard.views.taking import show_rows
from dashboard.words import say


def show_core(build: load.Build, shown: pd.DataFrame) -> None:
    """Core residents: how many, how old, where there is none and where nobody knows."""
    core = load.frame(build, "out_core_residents")
    page.show_heading(say("core.title"))
    if core.empty:
        page.show_note([say("people.next_refresh")])
        return
    own = core[core["compound_id"].isin(shown.index)]
    is_one = len(shown) == 1
    head = own if is_one else core[core["compound_id"].isna()]
    page.show_note([*(tell_core(row) for row in head.itertuples()), *_tell_lacking(own, shown)])
    _show_groups(build, own["compound_id"].iloc[0] if is_one and len(own) else None)
    heads = ("place", "count", "per", "old", "party", "former")
    ordered = own[own["status"] != "silent"].sort_values("core_per_100h", na_position="first")
    page.show_note(tell_cut(len(ordered)))
    ordered = ordered.head(MOST)
    show_rows(
        "core",
        say("org.core"),
        [say(f"core.col.{name}") for name in heads],
        [
            _describe_core(row, str(shown.loc[row.compound_id, "name"]))
            for row in ordered.itertuples()
        ],
        mark="sq-gap",
    )


def _tell_lacking(own: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """None on record, and nothing on record, are two things."""
    names = shown["name"].to_dict()
    return [
        say(f"core.where_{status}", names=list_names(places, names, 12))
        for status in ("none", "silent")
        if len(places := own.loc[own["status"] == status, "compound_id"]) and len(shown) > 1
    ]


def _show_groups(build: load.Build, place: str | None) -> None:
    groups = load.frame(build, "out_core_groups")
    own = groups[groups["compound_id"].isna() if place is None else groups["compound_id"] == place]
    if own.empty:
        return
    for column, facet in zip(st.columns(2, gap="medium"), ("role", "age_band"), strict=True):
        part = own[own["facet"] == facet]
        names = part["name"].fillna(say("flag.unsaid"))
        title = say(f"core.by_{facet}", n=int(part["core_count"].sum()))
        with column:
            chart = chart_shares(names, part["core_count"], title, facet)
            st.altair_chart(chart, key=f"chart-core-{facet}")


def _describe_core(row: Any, name: str) -> list[str]:
    count = tell_count(row.core_count)
    return [
        name,
        page.FLAG + count if row.status == "none" else count,
        tell_per(row.core_per_100h),
        say("core.of", part=tell_count(row.over_60_count), whole=tell_count(row.age_known_count)),
        say("core.of", part=tell_count(row.party_member_count),
            whole=tell_count(row.party_known_count)),
        tell_count(row.former_count),
    ]  # fmt: skip


def show_activities(build: load.Build, shown: pd.DataFrame) -> None:
    """Festivals first, then participation by month and by compound."""
    taking = load.frame(build, "out_participation")
    page.show_heading(say("taking_part.title"))
    if taking.empty:
        page.show_note([say("people.next_refresh")])
        return
    is_one = len(shown) == 1
    head = taking[
        taking["compound_id"].isin(shown.index) if is_one else taking["compound_id"].isna()
    ]
    for row in head.itertuples():
        page.show_note([say("taking_part.period", period=tell_window(row.window_from, row.window_to)),
                        tell_participation(row)])  # fmt: skip
    _show_months(build, shown if is_one else None, head)
    _show_festivals(build, shown, is_one)
    if not is_one:
        _show_compounds(taking, shown)


def tell_participation(row: Any) -> str:
    """How many activities there were, how many came and how old they were."""
    if pd.isna(row.activity_count):
        return say("taking_part.none_yet" if pd.isna(row.compound_id) else "taking_part.silent")
    told = [
        say(
            "taking_part.count", activities=int(row.activity_count),
            people=tell_count(row.participant_count), per=tell_per(row.participants_per_100h),
        )
    ]  # fmt: skip
    uncounted = int(row.activity_count) - int(row.counted_count)
    if uncounted:
        told.append(say("taking_part.uncounted", count=uncounted))
    if pd.notna(row.over_60_pct):
        young = 100 * row.under_40_count / row.aged_count if row.aged_count else 0
        told.append(
            say("taking_part.ages", old=row.over_60_pct, young=young, n=int(row.aged_count))
        )
    if row.shared_count:
        told.append(say("taking_part.shared", count=int(row.shared_count)))
    return say("between").join(told)


def _show_months(build: load.Build, only: pd.DataFrame | None, head: pd.DataFrame) -> None:
    months = load.frame(build, "out_activity_months").dropna(subset=["month"])
    if only is not None:
        months = months[months["compound_id"].isin(only.index)]
    first, last = (pd.Timestamp(head[name].iloc[0]) for name in ("window_from", "window_to"))
    if months.empty or pd.isna(first):
        return
    months = months[months["month"].between(first, last)]
    listed = list(pd.date_range(first.to_period("M").to_timestamp(), last, freq="MS"))
    st.altair_chart(chart_participants(months, listed), key="chart-participants")


def _show_festivals(build: load.Build, shown: pd.DataFrame, is_one: bool) -> None:
    festivals = load.frame(build, "out_festivals")
    inside = festivals["compound_id"].isin(shown.index)
    festivals = festivals[inside if is_one else inside | festivals["compound_id"].isna()]
    page.show_heading(say("festival.title"), 3)
    if festivals.empty:
        page.show_note([say("festival.none")])
        return
    names = shown["name"].to_dict()
    page.show_list(_tell_festival(row, names) for row in festivals.itertuples())


def _tell_festival(row: Any, names: dict[str, str]) -> tuple[str, ...]:
    place = names.get(row.compound_id, say("festival.everywhere"))
    head = say("festival.head", name=row.name, day=tell_day(row.held_on), place=place)
    lines = [say("festival.people", count=tell_count(row.participant_count))]
    if pd.notna(row.over_60_count):
        lines.append(say("festival.old", count=int(row.over_60_count)))
    if pd.notna(row.under_40_count):
        lines.append(say("festival.young", count=int(row.under_40_count)))
    if pd.notna(row.before_count):
        day = tell_day(row.before_on)
        lines.append(say("festival.before", day=day, count=int(row.before_count)))
    told = [say("listed_with").join(lines)]
    if isinstance(row.host, str):
        helped = say("festival.helped", names=row.partners) if isinstance(row.partners, str) else ""
        told.append(say("festival.host", name=row.host) + helped)
    return (head, *told)


def _show_compounds(taking: pd.DataFrame, shown: pd.DataFrame) -> None:
    """Per compound, the fewest per 100 households first; where nothing is on record, that is said."""
    own = taking[taking["compound_id"].isin(shown.index)]
    known = own[own["activity_count"].notna()].sort_values("participants_per_100h")
    page.show_heading(say("taking_part.by_compound"), 3)
    silent = own.loc[own["activity_count"].isna(), "compound_id"]
    if len(silent):
        names = list_names(silent, shown["name"].to_dict(), 12)
        page.show_note([say("taking_part.where_silent", names=names)])
    page.show_note(tell_cut(len(known)))
    known = known.head(MOST)
    heads = ("place", "activities", "people", "per", "old", "shared", "festivals")
    show_rows(
        "activities",
        say("org.activities"),
        [say(f"taking_part.col.{name}") for name in heads],
        [_describe(row, str(shown.loc[row.compound_id, "name"])) for row in known.itertuples()],
    )


def _describe(row: Any, name: str) -> list[str]:
    aged = int(row.aged_count) if pd.notna(row.aged_count) else 0
    old = say("none") if pd.isna(row.over_60_pct) else say("taking_part.old", pct=row.over_60_pct)
    return [
        name,
        tell_count(row.activity_count),
        tell_count(row.participant_count),
        tell_per(row.participants_per_100h),
        old if aged >= FEW else say("none"),
        tell_count(row.shared_count),
        tell_count(row.festival_count),
    ]

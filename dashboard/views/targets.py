"""Where to act first, and the table twin of the map."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, explain, page, withheld
from dashboard.capital import ON_MAP
from dashboard.load import read_list
from dashboard.reasons import tell_action, tell_reasons
from dashboard.words import name_value, say

FIRST, REASONS_SHOWN, ACTIONS_SHOWN = 5, 4, 1
MOST_OTHERS = 100


def show_targets(targets: pd.DataFrame) -> None:
    """The panel: the first compounds with their reasons, the others folded away."""
    page.show_heading(say("targets.title"))
    ranked = targets.dropna(subset=["rank"]).sort_values(["rank", "name"])
    if ranked.empty:
        page.show_note([say("targets.none")])
        return
    page.show_note([say("targets.lead")])
    explain.offer("targets", "targets", "steady")
    for row in ranked.head(FIRST).itertuples():
        _show_target(row)
    others = ranked.iloc[FIRST:]
    if len(others):
        # Of thousands of compounds these are many pieces: they are sent when they are asked for.
        more = st.expander(
            say("targets.more", count=len(others)), key=f"targets-more.{choice.mark()}",
            on_change="rerun",
        )  # fmt: skip
        if more.open:
            with more:
                for row in others.head(MOST_OTHERS).itertuples():
                    _show_target(row)


def _show_target(row: Any) -> None:
    reasons = tell_reasons(read_list(row.reasons), REASONS_SHOWN)
    actions = [tell_action(action) for action in read_list(row.actions)[:ACTIONS_SHOWN]]
    steady = say("targets.steady", pct=row.top_share) if pd.notna(row.top_share) else ""
    with st.container(key=f"target-{row.compound_id}"):
        if st.button(
            f"{say('targets.rank', rank=row.rank)}  {page.write_plain(row.name)}",
            key=f"open.{row.compound_id}", type="tertiary", help=say("targets.open"),
        ):  # fmt: skip
            choice.change(at=row.compound_id)
            st.rerun()
        st.html(
            f'<div class="sq-target"><p>{escape(say("between").join(reasons))}</p>'
            + "".join(f'<p class="sq-do">{escape(text)}</p>' for text in actions)
            + f'<p class="sq-steady">{escape(steady)}</p></div>'
        )


def show_table(table: pd.DataFrame) -> None:
    """The same as the map says, as a table that can be sorted and searched."""
    shown = pd.DataFrame(
        {
            say("table.name"): table["name"],
            say("table.type"): table["type"].map(_type),
            say("table.households"): table["households"],
            say("table.residents"): table["residents"],
            say("table.count"): table["shown_count"],
            say("table.rate"): table["shown_rate"].round(1),
            say("table.shrunk"): table["shown_shrunk"].round(1),
            say("table.nearby"): _column(table, "rate_nearby").round(1),
            say("table.rank"): table["rank"],
            say("table.range"): _write_range(table),
            say("table.first"): _column(table, "first_chance"),
            say("table.month"): table["month_count"],
            say("table.before"): table["month_before_count"],
            say("table.verdict"): table["month_verdict"].map(_verdict),
            say("table.hotspot"): table["is_hotspot"].map({True: say("table.yes")}),
            say("table.open"): table["open_count"],
            say("table.overdue"): table["overdue_count"],
            say("table.late"): _column(table, "late_pct").round(),
            say("table.closing"): _column(table, "closing_days"),
            say("table.repeats"): _column(table, "repeat_count"),
            say("table.gaps"): table["gap_count"],
            say("table.concerns"): _column(table, "concern_count"),
            say("table.unknown"): table["unknown_count"],
            say("table.core"): table["core_resident_count"],
            say("table.core_per"): _column(table, "core_per_100h").round(2),
            say("table.taking_part"): _column(table, "participants_per_100h").round(1),
            say("table.needs"): table["open_need_count"],
            say("table.service"): _column(table, "service_m").round(-1),
            say("table.actions"): _column(table, "open_action_count"),
            **_list_survey(table),
            say("table.open_needs"): _column(table, "open_needs_per_1000h").round(1),
            say("table.overdue_matters"): _column(table, "overdue_matter_count"),
            say("table.late_promises"): _column(table, "late_promise_count"),
        }
    )
    names = ("households", "residents", "count", "month", "before")
    columns = {
        say(f"table.{name}"): st.column_config.NumberColumn(format="localized") for name in names
    }
    columns[say("table.first")] = st.column_config.NumberColumn(format="percent")
    columns[say("table.late")] = st.column_config.NumberColumn(format="%d%%")
    columns[say("table.name")] = st.column_config.TextColumn(pinned=True)
    shown = shown.sort_values(say("table.shrunk"), ascending=False, na_position="last")
    # Figures that this community has not would stand there as columns of dashes.
    shown = shown.loc[:, [name for name in shown if not _is_untold(shown[name])]]
    columns = {name: how for name, how in columns.items() if name in shown}
    if withheld.is_hiding(table):
        shown = _say_withheld(shown)
        columns = {say("table.name"): columns[say("table.name")]}
    page.show_frame(shown, columns)


def _say_withheld(shown: pd.DataFrame) -> pd.DataFrame:
    """Only what is told at all, as text: a withheld figure is named, not left out."""
    told = shown.copy()
    named = {say(f"table.{name}") for name in ("count", "rate", "shrunk", "month", "before")}
    for name in told:
        write = "{:,}".format if pd.api.types.is_numeric_dtype(told[name]) else str
        written = told[name].map(write)
        gap = say("withheld.count") if name in named else say("none")
        told[name] = written.where(told[name].notna(), gap)
    return told


def _is_untold(column: pd.Series) -> bool:
    return bool((column.isna() | column.astype(str).isin(["", "<NA>"])).all())


def _list_survey(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The items of the survey that the map can show, each with how many answered."""
    columns = {}
    for name in ON_MAP:
        item = say(f"color.{name}")
        columns[say("with_unit", head=item, unit="%")] = _column(table, f"{name}_pct").round()
        columns[say("table.answers", item=item)] = _column(table, f"{name}_count")
    return columns


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    """A column of figures that a store of an earlier version does not have."""
    if name in table:
        return table[name].astype("Float64")
    return pd.Series(pd.NA, table.index, dtype="Float64")


def _type(value: object) -> str:
    return name_value("type", value, say("type.unknown"))


def _verdict(value: object) -> str:
    return name_value("verdict", value)


def _write_range(table: pd.DataFrame) -> pd.Series:
    known = table["rank"].notna()
    written = table["rank_low"].astype(str) + "–" + table["rank_high"].astype(str)
    return written.where(known, "")

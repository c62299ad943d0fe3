"""Interventions in plain sentences: who, when, how late, and what worked elsewhere."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.words import name_value, say

LATE = ("end_passed", "start_passed", "no_status")
CONTRADICTORY = ("ends_ahead", "starts_ahead")
OPEN = ("计划", "进行中")
DONE = ("已完成", "终止")
GIVEN_UP = "终止"
# What helped stands first, what cannot be told yet last.
ORDER = ("better", "no_change", "worse", "too_early")


def read_actions(
    actions: pd.DataFrame, effects: pd.DataFrame, compounds: pd.DataFrame
) -> pd.DataFrame:
    """Every action with the name of its compound and its verdict; index intervention_id."""
    table = actions.set_index("intervention_id", drop=False).rename_axis(None)
    names = compounds.set_index("compound_id")["name"]
    verdicts = effects.set_index("intervention_id")["verdict"]
    return table.assign(
        place=table["compound_id"].map(names).fillna(table["compound_id"]),
        verdict=verdicts.reindex(table.index),
    )


def list_late(actions: pd.DataFrame) -> pd.DataFrame:
    """Actions that should have begun or ended, the longest overdue first."""
    late = actions[actions["lateness"].isin(LATE)]
    return late.sort_values(["late_days", "name"], ascending=[False, True], na_position="last")


def list_open(actions: pd.DataFrame) -> pd.DataFrame:
    """Actions that run or are planned, those that run first."""
    is_open = ~actions["status"].isin(DONE)
    running = actions["status"].ne(OPEN[0])
    ordered = actions.assign(running=running)[is_open]
    return ordered.sort_values(["running", "starts_on"], ascending=[False, True])


def find_alike(actions: pd.DataFrame, path: str, category: str, words: str) -> pd.DataFrame:
    """Actions that have begun on a path and against a problem, those that helped first.

    An action that states no problem is against all of them.
    """
    found = actions[actions["status"] != OPEN[0]]
    if path:
        found = found[found["path"] == path]
    if category:
        found = found[(found["category"] == category) | found["category"].isna()]
    if words:
        texts = found[
            ["name", "place", "aim", "result", "lesson", "category", "lead_party"]
        ].fillna("")
        joined = texts.agg(" ".join, axis=1).str.casefold()
        for word in words.casefold().split():
            joined = joined[joined.str.contains(word, regex=False)]
        found = found.loc[joined.index]
    place = {verdict: at for at, verdict in enumerate(ORDER)}
    is_general = found["category"].isna()
    ordered = found.assign(order=found["verdict"].map(place).fillna(len(ORDER)), last=is_general)
    return ordered.sort_values(["order", "last", "starts_on"], ascending=[True, True, False])


def tell_when(row: Any) -> str:
    """The dates of an action."""
    starts, ends = row["starts_on"], row["ends_on"]
    if pd.isna(starts):
        return say("action.no_dates") if pd.isna(ends) else say("action.until", ends=ends)
    if pd.isna(ends):
        return say("action.from", starts=starts)
    return say("action.span", starts=starts, ends=ends)


def tell_late(row: Any) -> str:
    """Why an action is late, or why its status cannot be; '' where neither holds."""
    code = row["lateness"]
    if code not in (*LATE, *CONTRADICTORY):
        return ""
    days = 0 if pd.isna(row["late_days"]) else int(row["late_days"])
    dates = {name: row[name] for name in ("starts_on", "ends_on") if pd.notna(row[name])}
    status = name_value("intervention", row["status"])
    return say(f"action.{code}", days=days, status=status, **_fill(dates))


def _fill(dates: dict[str, Any]) -> dict[str, str]:
    """Dates as text; a dash where one is not known."""
    return {
        name: f"{dates[name]:%Y-%m-%d}" if name in dates else say("none")
        for name in ("starts_on", "ends_on")
    }


def tell_who(row: Any, place: str = "") -> str:
    """Where, on which path, against what, who leads, and how far it is."""
    lead = name_value("party", row["lead_party"])
    parts = [
        place,
        name_value("path", row["path"]),
        name_value("category", row["category"]),
        say("action.lead", party=lead) if lead else "",
        name_value("intervention", row["status"], say("action.status_unknown")),
    ]
    return " · ".join(part for part in parts if part)


def tell_learnt(row: Any) -> list[str]:
    """What came of an action, and what was learnt, as its sheet says."""
    return [
        say(f"action.{name}", text=row[name])
        for name in ("result", "lesson")
        if isinstance(row[name], str) and row[name]
    ]

"""What is known of the matter behind a matter: complaints, needs, former decisions, who acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard.talks import Talks, write_day
from dashboard.words import known, name_value, say

RECENT_MONTHS = 3


@dataclass(frozen=True)
class Evidence:
    """One matter, its compound (None where unknown), and the tables of its category there."""

    row: Any
    compound: Any
    months: pd.DataFrame
    needs: pd.DataFrame
    decisions: pd.DataFrame
    duties: pd.DataFrame


def gather_evidence(talks: Talks, matter_id: str) -> Evidence:
    """Everything on record that bears on a matter."""
    row = next(talks.matters[talks.matters["matter_id"] == matter_id].itertuples())
    compounds = talks.compounds[talks.compounds["compound_id"] == row.compound_id]

    def alike(table: pd.DataFrame) -> pd.DataFrame:
        here = table["compound_id"] == row.compound_id
        return table[here & (table["category"] == row.category)]

    former = alike(talks.stated).dropna(subset=["decision"])
    return Evidence(
        row,
        next(compounds.itertuples(), None),
        alike(talks.months).sort_values("month"),
        alike(talks.listed_needs).sort_values("raised_on", ascending=False),
        former[former["matter_id"] != matter_id].sort_values("decided_on", ascending=False),
        talks.duties[talks.duties["category"] == row.category],
    )


def tell_complaints(evidence: Evidence) -> list[str]:
    """How many complaints of its category there are in the compound, since when, and the trend."""
    row, months = evidence.row, evidence.months
    if not isinstance(row.category, str):
        return [say("evidence.no_category")]
    category = name_value("category", row.category)
    if months.empty:
        return [say("evidence.no_complaints", category=category)]
    lines = [
        say(
            "evidence.complaints", category=category, count=int(row.complaint_count),
            all=int(months["complaint_count"].sum()), since=months["month"].min(),
            newest=write_day(months["newest_at"].max()),
        )
    ]  # fmt: skip
    end = None if evidence.compound is None else evidence.compound.month
    if end is not None and pd.notna(end):
        now, before = (_sum_months(months, pd.Timestamp(end), back) for back in (0, RECENT_MONTHS))
        lines.append(say("evidence.trend", months=RECENT_MONTHS, now=now, before=before))
    return lines


def _sum_months(months: pd.DataFrame, newest: pd.Timestamp, back: int) -> int:
    """Complaints of three whole months, the last of them so many months before the newest."""
    last = newest - pd.DateOffset(months=back)
    first = last - pd.DateOffset(months=RECENT_MONTHS - 1)
    return int(months[months["month"].between(first, last)]["complaint_count"].sum())


def tell_place(evidence: Evidence) -> str:
    """Where the compound lies, as the map has it."""
    place = evidence.compound
    if place is None:
        return say("evidence.no_place")
    if pd.isna(place.lon):
        return say("evidence.unplaced", name=place.name)
    households = say("none") if pd.isna(place.households) else f"{int(place.households):,}"
    return say(
        "evidence.place", name=place.name, type=name_value("type", place.type),
        households=households, lon=place.lon, lat=place.lat,
    )  # fmt: skip


def list_needs(evidence: Evidence) -> list[str]:
    """Needs of the same category there."""
    return [
        say(
            "evidence.need",
            content=need.content, status=name_value("need", need.status, say("none")),
            people=say("none") if pd.isna(need.mention_count) else int(need.mention_count),
        )
        for need in evidence.needs.itertuples()
    ]  # fmt: skip


def list_decisions(evidence: Evidence) -> list[str]:
    """What was decided there on the same category before."""
    return [
        say("evidence.decision", day=write_day(past.decided_on), title=past.title,
            decision=past.decision)
        for past in evidence.decisions.itertuples()
    ]  # fmt: skip


def list_duties(evidence: Evidence) -> list[list[str]]:
    """Party, role and duty of each responsible party, those in the lead first."""
    order = {"牵头": 0, "配合": 1, "监督": 2}
    duties = evidence.duties.sort_values("role", key=lambda role: role.map(order), kind="stable")
    return [
        [name_value("party", duty.party), name_value("role", duty.role), known(duty.duty)]
        for duty in duties.itertuples()
    ]

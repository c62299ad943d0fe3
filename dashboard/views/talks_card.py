"""What a compound's card says of matters, promises, needs, meetings and who answers for what."""

from __future__ import annotations

import pandas as pd

from dashboard import load, page
from dashboard.talks import (
    Talks,
    list_gaps,
    name_parties,
    rank_matters,
    rank_promises,
    read_talks,
    tell_limit,
    tell_promise_line,
    tell_steps,
)
from dashboard.words import name_value, say

SHOWN = 4


def show_talks(build: load.Build, row: pd.Series) -> None:
    """Ongoing matters, promises that slipped, and what is complained about but not on the list."""
    everything = read_talks(build)
    if everything.is_empty:
        return
    talks = everything.of_compound(row["compound_id"])
    page.show_heading(say("card.talks"), 3)
    items = [
        *_list_matters(talks), *_list_promises(talks), *_list_unsaid(talks),
        *_list_duties(talks, row["top_category"]), *_list_meetings(row),
    ]  # fmt: skip
    if items:
        page.show_list(items)
    else:
        page.show_note([say("card.no_talks")])
    if page.can_open("deliberation"):
        page.link(
            "deliberation", say("card.to_talks"), at=row["compound_id"], talk="matters", matter=""
        )


def _list_matters(talks: Talks) -> list[tuple[str, ...]]:
    return [
        (row.title, tell_limit(row), *tell_steps(row))
        for row in rank_matters(talks.matters).head(SHOWN).itertuples()
    ]


def _list_promises(talks: Talks) -> list[tuple[str, ...]]:
    slipped = talks.promises[talks.promises["state"] == "slipped"]
    return [(tell_promise_line(row),) for row in rank_promises(slipped).head(SHOWN).itertuples()]


def _list_unsaid(talks: Talks) -> list[tuple[str, ...]]:
    found = talks.needs[talks.needs["match"] == "complained_only"]
    if found.empty:
        return []
    names = [
        say("monthly.named_count", name=name_value("category", row.category),
            count=int(row.complaint_count))
        for row in found.sort_values("complaint_count", ascending=False).itertuples()
    ]  # fmt: skip
    return [(say("card.unsaid", names=say("listed").join(names)),)]


def _list_duties(talks: Talks, category: str | None) -> list[tuple[str, ...]]:
    """Who answers by the handbook for what is complained of most, or what the handbook lacks."""
    found = talks.handbook[talks.handbook["category"] == category]
    if found.empty:
        return []
    if gaps := list_gaps(found):
        return [(say("card.duty_gap", gap=gaps[0]),)]
    leads, supervisors = (name_parties(found[name].iloc[0]) for name in ("leads", "supervisors"))
    named = name_value("category", category)
    return [(say("card.duty", category=named, leads=leads, supervisors=supervisors),)]


def _list_meetings(row: pd.Series) -> list[tuple[str, ...]]:
    """How often the people of the compound met, and how long ago."""
    held, days = (row.get(name) for name in ("meeting_count", "meeting_age_days"))
    if held is None or pd.isna(held):
        return []
    if pd.isna(days):
        return [(say("card.never_met"),)]
    return [(say("card.met", count=int(held), days=int(days)),)]

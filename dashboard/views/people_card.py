"""The part of a compound's card on people: core residents, next steps, committee, taking part."""

from __future__ import annotations

import pandas as pd

from dashboard import load, page
from dashboard.people import (
    tell_core,
    tell_late_share,
    tell_meetings,
    tell_next_step,
    tell_promises,
    tell_turn,
    tell_vote,
)
from dashboard.views.growth import VOTE
from dashboard.views.taking_part import tell_participation
from dashboard.words import say

SHOWN = 6


def show_people(build: load.Build, row: pd.Series) -> None:
    """Who takes part here, and what comes next for whom."""
    place = row["compound_id"]
    core = _own(build, "out_core_residents", place)
    if core.empty:
        return  # a store of an earlier version, until its next refresh
    page.show_heading(say("card.people"), 3)
    lines = [tell_core(one) for one in core.itertuples()]
    lines += [
        tell_participation(one) for one in _own(build, "out_participation", place).itertuples()
    ]
    page.show_note([*lines, *_tell_committee(build, place)])
    bodies = _own(build, "out_self_organizations", place)
    bodies = bodies[bodies["verdict"].isin(["step", "ask"])].sort_values("place")
    if len(bodies):
        page.show_heading(say("card.next_steps"), 4)
        page.show_list(
            (say("headed", head=one.name, text=tell_next_step(one)), *_why(one))
            for one in bodies.head(SHOWN).itertuples()
        )
    watched = _tell_watched(build, place)
    if watched:
        page.show_heading(say("card.watched"), 4)
        page.show_list(watched)
    if page.can_open("organizations"):
        page.link("organizations", say("card.more_people"), at=place, part="growth")


def _own(build: load.Build, table: str, place: str) -> pd.DataFrame:
    found = load.frame(build, table)
    return found[found["compound_id"] == place]


def _why(one: object) -> list[str]:
    why = one.next_why  # type: ignore[attr-defined]
    return [why] if isinstance(why, str) else []


def _tell_watched(build: load.Build, place: str) -> list[tuple[str, str]]:
    """How the property company and the owners' committee answer here: one line each."""
    rows = _own(build, "out_supervision", place)
    # What it leads by the handbook speaks, where there is any of it.
    rows = rows.sort_values("basis", ascending=False).drop_duplicates("organization_id")
    return [
        (row.name, say("card.watched_line", late=tell_late_share(row), meetings=tell_meetings(row),
                       promises=tell_promises(row)))
        for row in rows.sort_values(["kind", "name"]).head(SHOWN).itertuples(index=False)
    ]  # fmt: skip


def _tell_committee(build: load.Build, place: str) -> list[str]:
    """How far its committee is, where one is on record."""
    steps = _own(build, "out_committee_steps", place)
    steps = steps[steps["is_newest"].fillna(False).astype(bool)]
    if steps.empty:
        return []
    asked = load.profile().committee
    votes = [tell_vote(one, asked) for one in steps[steps["step"] == VOTE].itertuples()]
    return [say("card.committee", told=tell_turn(steps)), *votes]

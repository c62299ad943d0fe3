"""What needs doing now, out of what etl published: each thing once, with where to act on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from dashboard import actions, load
from dashboard.load import Build, read_list
from dashboard.map.layers import name_hotspot, tell_hotspot
from dashboard.people import tell_turn
from dashboard.talks import (
    Talks,
    rank_matters,
    rank_promises,
    read_talks,
    tell_limit,
    tell_promise_line,
    tell_steps,
)
from dashboard.telling import tell_concerns
from dashboard.words import name_value, say

# The first are the more pressing ones.
KINDS = (
    "matters", "promises", "complaints", "hotspots", "actions", "committees", "terms", "data",
)  # fmt: skip
NEW_METHODS = ("emerging", "own_past")
TERMS = frozenset({"term_over", "term_soon"})
# A promise due within so many days is worth a telephone call today.
SOON_DAYS = 7
STALE_DAYS = 10


@dataclass(frozen=True)
class Line:
    """One thing to do: what, why in smaller lines, and the page with what it is to show."""

    text: str
    why: tuple[str, ...]
    page: str
    shows: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """Things of one kind, the most pressing first, and where all of them stand."""

    kind: str
    lines: tuple[Line, ...]
    page: str
    shows: dict[str, Any] = field(default_factory=dict)


def list_tasks(build: Build, now: pd.Timestamp) -> list[Task]:
    """Everything that needs doing by the newest day of data; kinds without anything have no lines.

    `now` is today as the visitor's calendar has it; only the age of the data is judged by it.
    """
    talks = read_talks(build)
    compounds = load.frame(build, "out_compounds")
    names = compounds.set_index("compound_id")["name"]
    return [
        Task("matters", tuple(_list_matters(talks)), "deliberation", {"talk": "matters", "at": ""}),
        Task("promises", tuple(_list_promises(talks)), "deliberation",
             {"talk": "promises", "at": ""}),
        Task("complaints", tuple(_list_complaints(compounds)), "trends", {"at": ""}),
        Task("hotspots", tuple(_list_hotspots(build, compounds)), "trends", {"at": ""}),
        Task("actions", tuple(_list_actions(build, compounds)), "actions"),
        Task("committees", tuple(_list_committees(build, names)), "organizations",
             {"part": "committees", "at": ""}),
        Task("terms", tuple(_list_terms(build, names)), "organizations",
             {"part": "gaps", "at": ""}),
        Task("data", tuple(_list_data(build, now)), "quality"),
    ]  # fmt: skip


def find_matters(talks: Talks) -> pd.DataFrame:
    """Reopened, overdue, gone up a level, or due soon; those are the first of the ranking."""
    ranked = rank_matters(talks.matters)
    return ranked[ranked["order"] <= 3]


def find_promises(talks: Talks) -> pd.DataFrame:
    """Promises that slipped, and those due within a week."""
    ranked = rank_promises(talks.promises)
    if ranked.empty:
        return ranked
    until = pd.to_datetime(ranked["as_of_on"]) + pd.Timedelta(days=SOON_DAYS)
    is_near = (ranked["state"] == "open") & (pd.to_datetime(ranked["due_on"]) <= until)
    return ranked[(ranked["state"] == "slipped") | is_near]


def find_late_steps(steps: pd.DataFrame) -> pd.DataFrame:
    """The newest steps of committees of residents that have one past its day."""
    if steps.empty:
        return steps
    newest = steps[steps["is_newest"].fillna(False).astype(bool)]
    late = newest.loc[newest["status"] == "late", "compound_id"].unique()
    return newest[newest["compound_id"].isin(late)]


def find_ending_terms(coverage: pd.DataFrame) -> pd.DataFrame:
    """Organizations whose contract or term of office has ended or soon will."""
    is_ending = [
        not TERMS.isdisjoint(concern["code"] for concern in read_list(told))
        for told in coverage["concerns"]
    ]
    return coverage[is_ending]


def _list_matters(talks: Talks) -> Iterator[Line]:
    for row in find_matters(talks).itertuples():
        again = [say("matter.reopened")] if row.is_reopened else []
        why = (*again, tell_limit(row), *tell_steps(row)[-1:])
        shows = {"talk": "matters", "matter": row.matter_id, "at": ""}
        yield Line(talks.name_matter(row), why, "deliberation", shows)


def _list_promises(talks: Talks) -> Iterator[Line]:
    for row in find_promises(talks).itertuples():
        at = row.compound_id if isinstance(row.compound_id, str) else ""
        shows = {"talk": "promises", "at": at}
        yield Line(tell_promise_line(row), (talks.place(row.compound_id),), "deliberation", shows)


def _list_complaints(compounds: pd.DataFrame) -> Iterator[Line]:
    """Compounds with complaints past their deadline, those with most first."""
    late = compounds[compounds["overdue_count"].fillna(0) > 0]
    for row in late.sort_values("overdue_count", ascending=False).itertuples():
        told = say("today.overdue", name=row.name, count=int(row.overdue_count))
        why = () if pd.isna(row.open_count) else (say("today.open", count=int(row.open_count)),)
        yield Line(told, why, "compound", {"at": row.compound_id})


def _list_hotspots(build: Build, compounds: pd.DataFrame) -> Iterator[Line]:
    """Places where more came than before: new clusters, and compounds above their own past."""
    found = load.frame(build, "out_hotspots")
    for row in found[found["method"].isin(NEW_METHODS)].itertuples():
        told = say("headed", head=name_hotspot(row), text=name_value("hotspot.method", row.method))
        shown = {"show": ("hotspots", "buildings"), "at": _known(row.compound_id), "form": "map"}
        yield Line(told, tuple(tell_hotspot(row)), "map", shown)
    for row in compounds[compounds["month_verdict"] == "up"].itertuples():
        told = say("today.more", name=row.name, month=row.month, now=int(row.month_count),
                   before=int(row.month_before_count))  # fmt: skip
        yield Line(told, (), "compound", {"at": row.compound_id})


def _list_actions(build: Build, compounds: pd.DataFrame) -> Iterator[Line]:
    """Actions that should have begun or ended."""
    effects = load.frame(build, "out_effects")
    table = actions.read_actions(load.frame(build, "out_actions"), effects, compounds)
    for row in actions.list_late(table).to_dict("records"):
        told = say("action.at", name=row["name"], place=row["place"])
        why = (actions.tell_late(row), actions.tell_who(row))
        yield Line(told, why, "actions", {"at": _known(row["compound_id"])})


def _list_committees(build: Build, names: pd.Series) -> Iterator[Line]:
    late = find_late_steps(load.frame(build, "out_committee_steps"))
    for place, own in late.groupby("compound_id", sort=False):
        told = say("headed", head=names.get(place, place), text=tell_turn(own))
        yield Line(told, (), "organizations", {"part": "committees", "at": place})


def _list_terms(build: Build, names: pd.Series) -> Iterator[Line]:
    for row in find_ending_terms(load.frame(build, "out_coverage")).itertuples():
        head = say("with_unit", head=names.get(row.compound_id, row.compound_id),
                   unit=name_value("kind", row.kind))  # fmt: skip
        why = (row.organization_names,) if isinstance(row.organization_names, str) else ()
        told = say("headed", head=head, text=say("listed_with").join(tell_concerns(row)))
        yield Line(told, why, "organizations", {"part": "gaps", "at": row.compound_id})


def _list_data(build: Build, now: pd.Timestamp) -> Iterator[Line]:
    """Data that have grown old, and rows that were set aside."""
    newest = load.frame(build, "out_months")["newest_at"].dropna()
    if len(newest):
        day = pd.Timestamp(newest.max())
        days = (now.normalize() - day.normalize()).days
        if days > STALE_DAYS:
            yield Line(say("today.stale", day=day, days=days), (), "data")
    aside = load.frame(build, "quarantine")
    if len(aside):
        files = say("listed").join(sorted(set(aside["file"].dropna()))[:3])
        told = say("today.aside", count=len(aside))
        yield Line(told, (say("today.aside_files", files=files),), "quality")


def _known(place: Any) -> str:
    return place if isinstance(place, str) else ""

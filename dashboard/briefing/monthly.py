"""The report to the monthly meeting (月度议事会): what happened, who did what, what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from dashboard import load
from dashboard.briefing.paper import Paper
from dashboard.talks import (
    Talks,
    count_promises,
    rank_matters,
    rank_promises,
    tell_limit,
    tell_promise_line,
    write_day,
)
from dashboard.words import known, name_value, say

NAMED = 5
COMPANY, SELF_ORGANIZED = "property_company", ("self_organization", "courtyard_committee")
# The parties by whose names promises and duties are theirs.
COMPANY_PARTY, SELF_PARTY = "物业", "自组织"


@dataclass(frozen=True)
class Month:
    """One month, and the tables on what organizations did and plan besides the talks."""

    first: pd.Timestamp
    talks: Talks
    activities: pd.DataFrame
    organizations: pd.DataFrame
    coverage: pd.DataFrame
    interventions: pd.DataFrame

    @property
    def last(self) -> pd.Timestamp:
        """The last day of the month."""
        return self.first + pd.offsets.MonthEnd(0)

    def within(self, days: pd.Series) -> pd.Series:
        """Which days lie in the month."""
        return pd.to_datetime(days).between(self.first, self.last)

    def next(self, days: pd.Series) -> pd.Series:
        """Which days lie in the month after it."""
        start = self.first + pd.DateOffset(months=1)
        return pd.to_datetime(days).between(start, start + pd.offsets.MonthEnd(0))


def read_month(build: load.Build, talks: Talks, first: pd.Timestamp) -> Month:
    """A month of a published state."""
    names = ("core_activities", "core_organizations", "core_coverage", "core_interventions")
    return Month(first, talks, *(load.frame(build, name) for name in names))


def list_report_months(talks: Talks) -> list[pd.Timestamp]:
    """The months of which a report can be written, the newest first."""
    days = [talks.months["month"], talks.meetings["held_on"], talks.matters["raised_on"]]
    found = pd.concat([pd.to_datetime(each) for each in days]).dropna()
    if talks.today is not None:
        found = found[found <= talks.today]
    months = sorted(found.dt.to_period("M").unique(), reverse=True)
    return [month.to_timestamp() for month in months]


def write_monthly(month: Month) -> bytes:
    """The report as DOCX, every section written from the data; what is not on record is said."""
    name = month.talks.profile.name
    paper = Paper(say("monthly.title", name=name), say("monthly.subtitle", month=month.first))
    sections: tuple[tuple[str, Callable[[Paper, Month], None]], ...] = (
        ("complaints", _write_complaints), ("matters", _write_matters),
        ("meetings", _write_meetings), ("activities", _write_activities),
        ("self", _write_self_organizations), ("company", _write_company),
        ("promises", _write_promises), ("plan", _write_plan),
    )  # fmt: skip
    for key, write in sections:
        paper.heading(say(f"monthly.{key}"))
        write(paper, month)
    paper.note(say("paper.as_of", day=write_day(month.talks.today)))
    return paper.save()


def _write_complaints(paper: Paper, month: Month) -> None:
    months = month.talks.months
    own = months[months["month"] == month.first]
    if own.empty:
        paper.paragraph(say("monthly.no_complaints"))
        return
    before = months[months["month"] == month.first - pd.DateOffset(months=1)]
    paper.paragraph(
        say(
            "monthly.counts", count=int(own["complaint_count"].sum()),
            before=int(before["complaint_count"].sum()), closed=int(own["closed_count"].sum()),
            overdue=int(own["overdue_count"].sum()),
        )
    )  # fmt: skip
    by_category = own.groupby("category")["complaint_count"].sum()
    by_place = own.groupby("compound_id")["complaint_count"].sum()
    paper.paragraph(say("monthly.top_categories", names=_name_top(
        by_category, lambda name: name_value("category", name)
    )))  # fmt: skip
    paper.paragraph(say("monthly.top_compounds", names=_name_top(by_place, month.talks.place)))


def _name_top(counts: pd.Series, name: Callable[[object], str]) -> str:
    top = counts[counts > 0].sort_values(ascending=False, kind="stable").head(NAMED)
    told = [say("monthly.named_count", name=name(at), count=int(n)) for at, n in top.items()]
    return say("listed").join(told)


def _write_matters(paper: Paper, month: Month) -> None:
    matters = month.talks.matters
    counts = {
        name: int(month.within(matters[f"{name}_on"]).sum())
        for name in ("raised", "decided", "closed")
    }
    ongoing = rank_matters(matters)
    over = ongoing[ongoing["is_over"].fillna(False).astype(bool)]
    paper.paragraph(say("monthly.matter_counts", **counts, open=len(ongoing), overdue=len(over)))
    if over.empty:
        return
    heads = ("place", "matter", "progress", "limit")
    paper.table(
        [say(f"monthly.{head}") for head in heads],
        [
            [month.talks.place(row.compound_id), row.title,
             name_value("matter", row.status, say("none")), tell_limit(row)]
            for row in over.itertuples()
        ],
        (4, 7, 4, 10),
    )  # fmt: skip


def _write_meetings(paper: Paper, month: Month) -> None:
    held = month.talks.meetings[month.within(month.talks.meetings["held_on"])]
    held = held.sort_values(["held_on", "item_no"]).drop_duplicates("meeting_id")
    if held.empty:
        paper.paragraph(say("monthly.no_meetings"))
        return
    paper.items(
        say(
            "monthly.meeting", day=write_day(row.held_on), kind=name_value("meeting", row.kind),
            place=month.talks.place(row.compound_id), summary=known(row.summary, say("none")),
            people=say("none") if pd.isna(row.attendee_count) else int(row.attendee_count),
        )
        for row in held.itertuples()
    )  # fmt: skip


def _write_activities(paper: Paper, month: Month) -> None:
    held = month.activities[month.within(month.activities["held_on"])].sort_values("held_on")
    if held.empty:
        paper.paragraph(say("monthly.no_activities"))
        return
    people = held["participant_count"].sum(min_count=1)
    told = say("none") if pd.isna(people) else f"{int(people):,}"
    paper.paragraph(say("monthly.activity_counts", count=len(held), people=told))
    paper.items(_tell_activity(row, month) for row in held.itertuples())


def _tell_activity(row: object, month: Month) -> str:
    people = row.participant_count  # type: ignore[attr-defined]
    return say(
        "monthly.activity", day=write_day(row.held_on),  # type: ignore[attr-defined]
        place=month.talks.place(row.compound_id), name=row.name,  # type: ignore[attr-defined]
        people=say("none") if pd.isna(people) else int(people),
    )  # fmt: skip


def _write_self_organizations(paper: Paper, month: Month) -> None:
    """What the residents' own organizations did: activities, and promises that were theirs."""
    kinds = month.organizations[month.organizations["kind"].isin(SELF_ORGANIZED)]
    names = dict(zip(kinds["organization_id"], kinds["name"], strict=True))
    held = month.activities[month.within(month.activities["held_on"])]
    own = held[held["organization_id"].isin(names)]
    lines = [
        say(
            "monthly.organized",
            organization=names[row.organization_id],
            told=_tell_activity(row, month),
        )
        for row in own.sort_values("held_on").itertuples()
    ]
    lines += _tell_promises_of(month, SELF_PARTY)
    if lines:
        paper.items(lines)
    else:
        paper.paragraph(say("monthly.no_self"))


def _tell_promises_of(month: Month, party: str) -> list[str]:
    """Promises of a party that were made, fell due or were kept within the month."""
    promises = month.talks.promises
    days = [month.within(promises[name]) for name in ("held_on", "due_on", "kept_on")]
    own = promises[(promises["party"] == party) & (days[0] | days[1] | days[2])]
    return [_tell_promise(row, month) for row in rank_promises(own).itertuples()]


def _tell_promise(row: object, month: Month) -> str:
    place = month.talks.place(row.compound_id)  # type: ignore[attr-defined]
    return say("monthly.promise", place=place, told=tell_promise_line(row))


def _write_company(paper: Paper, month: Month) -> None:
    """Complaints in which property companies lead, last responses, and what they promised."""
    lines = [_tell_company_complaints(month)]
    companies = month.coverage[month.coverage["kind"] == COMPANY]
    silent = companies[pd.to_datetime(companies["last_response_on"]) < month.first]
    if len(silent):
        told = [
            say("monthly.silent", place=month.talks.place(row.compound_id),
                day=write_day(row.last_response_on))
            for row in silent.sort_values("last_response_on").itertuples()
        ]  # fmt: skip
        lines.append(say("monthly.silent_all", told=say("listed").join(told)))
    paper.items([*lines, *_tell_promises_of(month, COMPANY_PARTY)])


def _tell_company_complaints(month: Month) -> str:
    """How many complaints of the month are the property companies' to deal with, by the handbook."""
    book, months = month.talks.handbook, month.talks.months
    theirs = [COMPANY_PARTY in load.read_list(leads) for leads in book["leads"]]
    categories = list(book["category"][theirs])
    if not categories:
        return say("monthly.company_no_duties")
    own = months[(months["month"] == month.first) & months["category"].isin(categories)]
    total = int(own["complaint_count"].sum())
    named = say("listed").join(name_value("category", name) for name in categories)
    if not total:
        return say("monthly.company_none", categories=named)
    by_place = own.groupby("compound_id")["complaint_count"].sum()
    names = _name_top(by_place, month.talks.place)
    return say("monthly.company_counts", categories=named, count=total, names=names)


def _write_promises(paper: Paper, month: Month) -> None:
    promises = month.talks.promises
    if promises.empty:
        paper.paragraph(say("monthly.no_promises"))
        return
    news = promises[promises["is_news"].fillna(False).astype(bool)]
    since = promises["since_on"].dropna()
    if len(since):
        paper.paragraph(say("monthly.promises_since", day=write_day(since.iloc[0])))
    write_promise_counts(paper, news)
    slipped = rank_promises(promises[promises["state"] == "slipped"])
    if len(slipped):
        paper.paragraph(say("monthly.slipped", count=len(slipped)))
        paper.items(_tell_promise(row, month) for row in slipped.itertuples())


def write_promise_counts(paper: Paper, promises: pd.DataFrame) -> None:
    """A table of promises by party and how they stand."""
    counts = count_promises(promises)
    states = [state for state in counts.columns if counts[state].any()]
    paper.table(
        [say("handbook.party"), *(say(f"promise.state.{state}") for state in states)],
        [
            [name_value("party", party, say("talks.nobody")), *map(str, row[states])]
            for party, row in counts.iterrows()
        ],
    )


def _write_plan(paper: Paper, month: Month) -> None:
    """What falls due or begins in the month after, and room for what else is decided."""
    talks = month.talks
    lines = [
        _tell_promise(row, month)
        for row in talks.promises[
            (talks.promises["state"] == "open") & month.next(talks.promises["due_on"])
        ].itertuples()
    ]
    ongoing = talks.matters[talks.matters["state"].isin(["open", "settled"])]
    due = ongoing["due_on"].where(ongoing["state"] == "open", ongoing["stated_due_on"])
    lines += [
        say("monthly.matter_due", place=talks.place(row.compound_id), title=row.title,
            told=tell_limit(row))
        for row in ongoing[month.next(due)].itertuples()
    ]  # fmt: skip
    begins = month.interventions[month.next(month.interventions["starts_on"])]
    lines += [
        say("monthly.begins", day=write_day(row.starts_on), name=row.name,
            place=talks.place(row.compound_id))
        for row in begins.itertuples()
    ]  # fmt: skip
    urgent = talks.needs[talks.needs["urgent_count"] > 0].sort_values(
        "urgent_count", ascending=False
    )
    lines += [
        say("monthly.urgent_needs", place=talks.place(row.compound_id),
            category=name_value("category", row.category), count=int(row.urgent_count))
        for row in urgent.head(NAMED).itertuples()
    ]  # fmt: skip
    paper.items([*lines, say("monthly.more")])

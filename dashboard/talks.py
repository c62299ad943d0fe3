"""Needs, matters, promises and duties of one published state, and what is said of them in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from dashboard import load
from dashboard.load import read_list
from dashboard.words import known, name_value, say
from etl.profile import Profile
from geo.voting import SPECIAL_ITEMS

LEVELS = (1, 2, 3)
ONGOING = ("open", "settled")
STATES = ("slipped", "late", "open", "kept", "unknown")
# Changes that the dates of a matter say as well.
_SAID_BY_DATES = frozenset({"decided_on", "published_on", "closed_on", "decision", "listed"})


@dataclass(frozen=True)
class Talks:
    """The tables on deliberation, of all compounds or of one."""

    profile: Profile
    compounds: pd.DataFrame
    matters: pd.DataFrame
    promises: pd.DataFrame
    needs: pd.DataFrame
    listed_needs: pd.DataFrame
    handbook: pd.DataFrame
    duties: pd.DataFrame
    meetings: pd.DataFrame
    stated: pd.DataFrame
    events: pd.DataFrame
    months: pd.DataFrame

    @cached_property
    def names(self) -> dict[str, str]:
        """Names of compounds by id."""
        return dict(zip(self.compounds["compound_id"], self.compounds["name"], strict=True))

    @property
    def is_empty(self) -> bool:
        """Whether no sheet on any of it was ever read."""
        kept = (self.matters, self.promises, self.listed_needs, self.duties, self.meetings)
        return all(table.empty for table in kept)

    @property
    def today(self) -> pd.Timestamp | None:
        """The newest day of data, by which all is judged; None where nothing is."""
        for table in (self.matters, self.promises):
            if len(table):
                return pd.Timestamp(table["as_of_on"].iloc[0])
        return None

    def of_compound(self, compound_id: str) -> Talks:
        """The same of one compound."""

        def own(table: pd.DataFrame) -> pd.DataFrame:
            return table[table["compound_id"] == compound_id]

        return Talks(
            self.profile, self.compounds, own(self.matters), own(self.promises), own(self.needs),
            own(self.listed_needs), self.handbook, self.duties, own(self.meetings),
            own(self.stated), self.events, own(self.months),
        )  # fmt: skip

    def place(self, compound_id: Any) -> str:
        """The name of a compound; what concerns no single one is said to concern all."""
        if not isinstance(compound_id, str):
            return say("talks.everywhere")
        return self.names.get(compound_id, compound_id)

    def name_matter(self, row: Any) -> str:
        """A matter with its compound, which is not said twice where the title begins with it."""
        place = self.place(row.compound_id)
        if row.title.startswith(place):
            return str(row.title)
        return say("headed", head=place, text=row.title)


def read_talks(build: load.Build) -> Talks:
    """The tables of a published state."""
    names = (
        "out_compounds", "out_matters", "out_promises", "out_needs", "core_needs", "out_handbook",
        "core_responsibilities", "core_meetings", "core_matters", "matter_events", "out_months",
    )  # fmt: skip
    return Talks(load.profile(), *(load.frame(build, name) for name in names))


def write_day(day: Any) -> str:
    """A day, or a dash where it is not known."""
    return say("none") if pd.isna(day) else f"{pd.Timestamp(day):%Y-%m-%d}"


def name_level(level: Any) -> str:
    """A level in words; a dash where none is given."""
    return say("none") if pd.isna(level) else say(f"level.{int(level)}")


def name_parties(written: Any) -> str:
    """Parties that a table keeps as JSON, in words."""
    parties = [name_value("party", party) for party in read_list(written)]
    return say("listed").join(parties) if parties else say("none")


# -- matters -------------------------------------------------------------------------------


def rank_matters(matters: pd.DataFrame) -> pd.DataFrame:
    """Ongoing and shelved matters, what needs doing first on top.

    Reopened ones, then those overdue (the longest first), those that went up a level, those due
    soon; shelved ones of high urgency before those that are in time, the other shelved ones last.
    """
    table = matters[matters["state"] != "closed"].copy()
    went_up = (table["steps"] != "[]") & (table["state"] == "open")
    is_shelved = table["state"] == "shelved"
    order = pd.Series(5, index=table.index)
    order = order.mask(is_shelved, 6).mask(is_shelved & (table["urgency"] == "高"), 4)
    order = (
        order.mask(_yes(table["is_due_soon"]), 3).mask(went_up, 2).mask(_yes(table["is_over"]), 1)
    )
    table["order"] = order.mask(_yes(table["is_reopened"]), 0)
    table["waits"] = -table["over_days"].fillna(table["waited_days"]).fillna(0).astype(int)
    return table.sort_values(["order", "waits", "matter_id"])


def find_unpublished(talks: Talks) -> pd.DataFrame:
    """Matters that were decided above the compound's own level and not made public, oldest first.

    What a compound settles within itself by telephone is not hung up.
    """
    table = talks.matters
    is_decided = table["decided_on"].notna() & table["state"].isin(["settled", "closed"])
    found = table[is_decided & table["published_on"].isna() & (table["level_now"] > LEVELS[0])]
    return found.sort_values("decided_on")


def _yes(flags: pd.Series) -> pd.Series:
    return flags.fillna(False).astype(bool)


def tell_limit(row: Any) -> str:
    """Until when a matter has to be settled, and whether that day has passed."""
    over = int(row.over_days) if pd.notna(row.over_days) else 0
    if row.state == "shelved":
        return say("matter.shelved", days=_whole(row.waited_days))
    if row.state == "closed":
        day = row.closed_on if pd.notna(row.closed_on) else row.decided_on
        return say("matter.closed", day=write_day(day))
    if row.state == "settled":
        if pd.isna(row.stated_due_on):
            return say("matter.settled_without_day")
        key = "matter.settled_over" if row.is_over else "matter.settled_until"
        return say(key, day=write_day(row.stated_due_on), days=over)
    if pd.isna(row.due_on):
        return say("matter.no_day")
    level = name_level(row.level_now)
    key = "matter.over" if row.is_over else "matter.until"
    return say(key, level=level, day=write_day(row.due_on), days=over)


def tell_steps(row: Any) -> list[str]:
    """How a matter went up from level to level."""
    return [
        say(
            "matter.step",
            level=name_level(step["level"]), day=step["due_on"], days=step["over_days"],
            next=name_level(step["level"] + 1),
        )
        for step in read_list(row.steps)
    ]  # fmt: skip


def tell_route(row: Any, profile: Profile) -> list[str]:
    """Which level a matter goes to, by which rule and why, who meets there, and what a sheet says."""
    lines = [say("matter.rule", rule=row.rule, level=name_level(row.level), reason=row.reason)]
    lines += tell_steps(row)
    way = list(profile.levels.values())[int(row.level_now) - 1].way
    parties = name_parties(row.parties)
    lines.append(say("matter.who", level=name_level(row.level_now), way=way, parties=parties))
    lines.append(tell_lead(row))
    leads, stated = read_list(row.leads), known(row.lead_party)
    if stated and leads and stated not in leads:
        lines.append(say("matter.lead_differs", party=name_value("party", stated)))
    lines += tell_difference(row)
    return lines


def tell_lead(row: Any) -> str:
    """Who is in the lead by the handbook: one party, several, or none."""
    leads = read_list(row.leads)
    if not leads:
        return say("matter.no_lead")
    key = "matter.lead" if len(leads) == 1 else "matter.leads"
    return say(key, parties=name_parties(row.leads))


def tell_difference(row: Any) -> list[str]:
    """Where the level that a sheet states is not the one by the rules."""
    if pd.isna(row.is_level_different) or not row.is_level_different:
        return []
    stated, ruled = name_level(row.stated_level), name_level(row.level)
    return [say("matter.level_differs", stated=stated, ruled=ruled)]


def tell_vote(row: Any) -> list[str]:
    """What article 278 asks of a vote, and how the stated one stands."""
    if pd.isna(row.vote_item):
        return []
    item = int(row.vote_item)
    lines = [say("vote.item", item=say(f"vote.number.{item}"), what=say(f"vote.{item}"))]
    if pd.isna(row.owners_needed):
        lines.append(say("vote.owners_unknown"))
    else:
        lines.append(say("vote.owners", all=int(row.owner_count), needed=int(row.owners_needed)))
    if pd.isna(row.area_needed_m2):
        lines.append(say("vote.area_unknown"))
    else:
        lines.append(say("vote.area", all=row.owner_area_m2, needed=row.area_needed_m2))
    lines.append(say("vote.special" if item in SPECIAL_ITEMS else "vote.ordinary"))
    lines += _tell_ballots(row)
    lines.append(say("vote.source"))
    return lines


def _tell_ballots(row: Any) -> list[str]:
    if pd.isna(row.vote_count):
        return [say("vote.no_ballots")]
    told = {"voters": _whole(row.voter_count), "votes": _whole(row.vote_count),
            "approvals": _whole(row.approval_count)}  # fmt: skip
    lines = [say("vote.ballots", **told), say(f"vote.verdict.{row.vote_verdict}")]
    differs = pd.notna(row.voter_count) and pd.notna(row.owner_count)
    if differs and int(row.voter_count) != int(row.owner_count):
        told = {"voters": int(row.voter_count), "owners": int(row.owner_count)}
        lines.append(say("vote.other_electorate", **told))
    return lines


def _whole(number: Any) -> str:
    return say("none") if pd.isna(number) else f"{int(number):,}"


def list_timeline(talks: Talks, matter_id: str) -> list[tuple[str, str]]:
    """Everything that happened to a matter: days and sentences, in order; nothing is overwritten."""
    row = next(talks.matters[talks.matters["matter_id"] == matter_id].itertuples())
    stated = talks.stated[talks.stated["matter_id"] == matter_id]
    decision = known(stated["decision"].iloc[0]) if len(stated) else ""
    told = [(day, say(f"timeline.{name}", decision=decision)) for name, day in (
        ("raised", row.raised_on), ("decided", row.decided_on), ("published", row.published_on),
        ("closed", row.closed_on),
    )]  # fmt: skip
    told += [(pd.Timestamp(step["due_on"]), text) for step, text in zip(
        read_list(row.steps), tell_steps(row), strict=True
    )]  # fmt: skip
    told += list(_tell_meetings(talks, matter_id))
    told += list(_tell_changes(talks.events, matter_id))
    happened = [(pd.Timestamp(day), text) for day, text in told if pd.notna(day)]
    return [(f"{day:%Y-%m-%d}", text) for day, text in sorted(happened, key=lambda e: e[0])]


def _tell_meetings(talks: Talks, matter_id: str) -> Iterable[tuple[Any, str]]:
    held = talks.meetings[talks.meetings["matter_id"] == matter_id]
    for _, rows in held.groupby("meeting_id", sort=False):
        first = rows.iloc[0]
        said = say("listed_with").join(known(text) for text in rows["summary"] if known(text))
        kind, people = name_value("meeting", first["kind"]), _whole(first["attendee_count"])
        yield first["held_on"], say("timeline.meeting", kind=kind, people=people, said=said)
    for row in talks.promises[talks.promises["matter_id"] == matter_id].itertuples():
        party = name_value("party", row.party, say("talks.nobody"))
        told = {"party": party, "promise": row.promise, "due": write_day(row.due_on)}
        yield row.held_on, say("timeline.promise", **told)
        if pd.notna(row.kept_on):
            yield row.kept_on, say(f"timeline.{row.state}", **told)


def _tell_changes(events: pd.DataFrame, matter_id: str) -> Iterable[tuple[Any, str]]:
    own = events[events["matter_id"] == matter_id]
    first = own["snapshot"].min()
    for event in own.itertuples():
        day = pd.Timestamp(event.seen_at).normalize()
        if event.field == "listed":
            if pd.isna(event.new):
                yield day, say("timeline.gone")
            elif pd.notna(event.old) or event.snapshot != first:
                yield day, say("timeline.back")
            else:
                yield day, say("timeline.first_seen", file=event.file, row=event.row)
        elif event.snapshot != first and event.field not in _SAID_BY_DATES:
            yield day, _tell_change(event)


def _tell_change(event: Any) -> str:
    def name(value: Any) -> str:
        if event.field == "routed_level":
            return name_level(float(value)) if isinstance(value, str) else say("none")
        return name_value("matter", value, say("none"))

    what = say(f"timeline.field.{event.field}")
    if event.field == "status" and event.old == "已办结":
        return say("timeline.reopened", new=name(event.new))
    return say("timeline.change", what=what, old=name(event.old), new=name(event.new))


# -- promises ------------------------------------------------------------------------------


def rank_promises(promises: pd.DataFrame) -> pd.DataFrame:
    """Promises that slipped, the longest first, then those kept late, open ones by day, the rest."""
    order = promises["state"].map({state: at for at, state in enumerate(STATES)})
    late = -promises["late_days"].fillna(0).astype(int)
    table = promises.assign(order=order, waits=late)
    return table.sort_values(["order", "waits", "due_on", "meeting_id", "item_no"])


def tell_promise(row: Any) -> str:
    """How a promise stands by its dates."""
    told = {"due": write_day(row.due_on), "kept": write_day(row.kept_on),
            "days": _whole(row.late_days)}  # fmt: skip
    return say(f"promise.{row.state}", **told)


def tell_promise_line(row: Any) -> str:
    """Who promised what and how it stands; the party is not said twice."""
    party = name_value("party", row.party, say("talks.nobody"))
    told = {"promise": row.promise, "told": tell_promise(row)}
    if row.promise.startswith(party):
        return say("promise.line_named", **told)
    return say("promise.line", party=party, **told)


def tell_contradiction(row: Any) -> str:
    """What a sheet states of a promise although its dates say otherwise; '' where they agree."""
    if not isinstance(row.contradiction, str):
        return ""
    return say(f"promise.contradiction.{row.contradiction}", stated=row.stated)


def count_promises(promises: pd.DataFrame) -> pd.DataFrame:
    """Promises by party and state; the party with most that slipped first, all of them last."""
    table = pd.crosstab(promises["party"].fillna(""), promises["state"])
    table = table.reindex(columns=list(STATES), fill_value=0)
    return table.sort_values(["slipped", "late"], ascending=False, kind="stable")


# -- duties --------------------------------------------------------------------------------


def list_gaps(handbook: pd.DataFrame) -> list[str]:
    """What is missing or doubled in the handbook, in words."""
    found = handbook[handbook["problem"].notna()]
    return [
        say(
            f"handbook.{row.problem}",
            category=name_value("category", row.category), parties=name_parties(row.leads),
        )
        for row in found.itertuples()
    ]  # fmt: skip

"""Needs, duties, matters and promises: matched, routed and judged at each refresh."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa

from etl.profile import Profile
from etl.store import Writer
from etl.table import Table
from etl.tables.deliberation import (
    MATTER_EVENTS,
    OUT_HANDBOOK,
    OUT_MATTERS,
    OUT_NEEDS,
    OUT_PROMISES,
)
from etl.tables.governance import MATTER_LEVELS
from etl.tally import Period, Tally, number_workdays
from geo.needs import match_needs
from geo.promises import KEPT, LATE, OPEN, SLIPPED, judge_promises
from geo.routing import Calendar, Rule, follow_levels, route_matters
from geo.voting import find_threshold, judge_vote

LEVELS = {value.code: place for place, value in enumerate(MATTER_LEVELS, start=1)}
OPEN_STATE, SETTLED, CLOSED, SHELVED = "open", "settled", "closed", "shelved"
_STATES = {
    "待议": OPEN_STATE, "议事中": OPEN_STATE, "已议定": SETTLED, "执行中": SETTLED,
    "已办结": CLOSED, "搁置": SHELVED,
}  # fmt: skip
_STATED = {"已兑现": KEPT, "逾期兑现": LATE, "逾期未兑现": SLIPPED, "未到期": OPEN}
_LEAD, _SUPPORT, _SUPERVISE = "牵头", "配合", "监督"
MONTHLY = "月度议事会"
_COLUMNS = (
    "open_needs_per_1000h", "open_matter_count", "overdue_matter_count", "late_promise_count",
    "meeting_count", "meeting_age_days",
)  # fmt: skip
# What there is to tell comes from these, and goes where they are gone.
_KEPT = (
    "core_needs", "core_responsibilities", "core_matters", "core_meetings", OUT_NEEDS.name,
    OUT_HANDBOOK.name, OUT_MATTERS.name, OUT_PROMISES.name, MATTER_EVENTS.name,
)  # fmt: skip


def publish_deliberation(
    writer: Writer, profile: Profile, tally: Tally, base: pd.DataFrame
) -> pd.DataFrame:
    """Write `out_needs`, `out_handbook`, `out_matters`, `out_promises` and what has changed.

    Returns
    -------
    DataFrame[open_needs_per_1000h, open_matter_count, overdue_matter_count, late_promise_count,
    meeting_count, meeting_age_days], index compound_id
        <NA> of everything of which the office keeps no list at all.
    """
    if not writer.holds_any(*_KEPT):
        # An office that keeps none of these sheets does not wait for them.
        return pd.DataFrame({name: pd.array([pd.NA] * len(base)) for name in _COLUMNS}, base.index)
    counts = _count_complaints(tally)
    needs = _match_needs(writer, profile, counts, base)
    _replace(writer, OUT_NEEDS, needs)
    handbook = _read_handbook(writer, profile)
    _replace(writer, OUT_HANDBOOK, handbook)
    promises = writer.frame("stated_promises")
    matters = writer.frame("matter_states")
    today = _find_today(tally.period, matters, promises)
    matters = _route_matters(matters, profile, handbook, counts, today)
    _record_changes(writer, matters)
    matters["is_reopened"] |= _list_reopened(writer, matters)
    _replace(writer, OUT_MATTERS, matters.assign(as_of_on=today))
    since = _find_last_monthly(writer, today)
    promises = _judge_promises(promises, profile, today, since)
    _replace(writer, OUT_PROMISES, promises.assign(as_of_on=today))
    described = _describe_compounds(needs, matters, promises, base)
    return described.join(_describe_meetings(writer, base.index, today))


def _replace(writer: Writer, table: Table, frame: pd.DataFrame) -> None:
    writer.replace(table, frame.reindex(columns=[c.name for c in table.columns]))


def _count_complaints(tally: Tally) -> pd.Series:
    """Complaints of the window by compound and category; empty where there are none."""
    months = tally.months
    if tally.period is None:
        months = months.iloc[:0]
    else:
        start, end = pd.Timestamp(tally.period.start), pd.Timestamp(tally.period.end)
        months = months[(months["month"] >= start) & (months["month"] < end)]
    placed = months[months["compound_id"].notna()]
    return placed.groupby(["compound_id", "category"])["complaint_count"].sum()


def _find_today(
    period: Period | None, matters: pd.DataFrame, promises: pd.DataFrame
) -> pd.Timestamp:
    """The newest day of data: that of the complaints, or without any that of the talks."""
    if period is not None:
        return pd.Timestamp(period.known_until).normalize()
    days = pd.concat([pd.to_datetime(matters["raised_on"]), pd.to_datetime(promises["held_on"])])
    newest = days.max()
    return pd.Timestamp(1900, 1, 1) if pd.isna(newest) else newest


# -- needs ---------------------------------------------------------------------------------


def _match_needs(
    writer: Writer, profile: Profile, complaints: pd.Series, base: pd.DataFrame
) -> pd.DataFrame:
    """The rows of `out_needs`; none at all where no list of needs is kept."""
    needs = writer.frame("needs_by_category")
    if needs.empty:
        return pd.DataFrame(columns=[c.name for c in OUT_NEEDS.columns])
    counted = complaints.rename("complaint_count").reset_index()
    table = needs.merge(counted, on=["compound_id", "category"], how="outer")
    table = table[table["compound_id"].isin(base.index)].reset_index(drop=True)
    for name in ("need_count", "open_count", "urgent_count", "complaint_count"):
        table[name] = table[name].fillna(0).astype("int64")
    is_open = table["open_count"] > 0
    table["compound_count"] = is_open.groupby(table["category"]).transform("sum").astype("int64")
    few, many = profile.needs["few_complaints"], profile.needs["many_complaints"]
    table["match"] = match_needs(table, few, many)
    return table


# -- responsibilities ----------------------------------------------------------------------


def _read_handbook(writer: Writer, profile: Profile) -> pd.DataFrame:
    """Who leads, supports and supervises in each category, and what is missing or doubled."""
    duties = writer.frame("SELECT category, party, role FROM lake.core_responsibilities")
    if duties.empty:
        return pd.DataFrame(columns=[c.name for c in OUT_HANDBOOK.columns])
    parties: dict[tuple[str, str], list[str]] = {}
    for category, party, role in duties.sort_values("party").itertuples(index=False):
        parties.setdefault((category, role), []).append(party)
    rows = []
    for category in profile.categories:
        roles = [parties.get((category.name, r), []) for r in (_LEAD, _SUPPORT, _SUPERVISE)]
        rows.append((category.name, *map(_write, roles), _find_problem(*roles)))
    return pd.DataFrame(rows, columns=[c.name for c in OUT_HANDBOOK.columns])


def _find_problem(leads: list[str], supports: list[str], supervisors: list[str]) -> str | None:
    """What is wrong with the duties of a category, the worst first."""
    if not (leads or supports or supervisors):
        return "nobody"
    if not leads:
        return "no_lead"
    if len(leads) > 1:
        return "two_leads"
    return None if supervisors else "no_supervisor"


def _write(items: Iterable[Any]) -> str:
    return json.dumps(list(items), ensure_ascii=False)


# -- matters -------------------------------------------------------------------------------


def _route_matters(
    matters: pd.DataFrame,
    profile: Profile,
    handbook: pd.DataFrame,
    complaints: pd.Series,
    today: pd.Timestamp,
) -> pd.DataFrame:
    """The rows of `out_matters`."""
    table = matters.copy()
    for name in ("raised_on", "stated_due_on", "decided_on", "published_on", "closed_on"):
        table[name] = pd.to_datetime(table[name])
    table["state"] = [
        _find_state(*said) for said in _rows(table, "status", "decided_on", "closed_on")
    ]
    table["is_reopened"] = table.pop("was_reopened").astype(bool) & (table["state"] != CLOSED)
    households = table["owner_count"].astype("Float64").astype(float)
    concerned = table.pop("household_count").astype("Float64").astype(float)
    table["share"] = (concerned / households.where(households > 0)).clip(upper=1.0)
    table["vote_item"] = pd.array(
        [_find_vote(profile, *said) for said in _rows(table, "title", "category")], dtype="Int64"
    )
    table = table.join(_find_levels(table, profile, today))
    table["stated_level"] = table["stated_level"].map(LEVELS).astype("Int64")
    differs = table["stated_level"] != table["level"]
    table["is_level_different"] = differs.astype("boolean").mask(table["stated_level"].isna())
    leads = dict(zip(handbook["category"], handbook["leads"], strict=True))
    table["leads"] = [leads.get(category) for category in table["category"]]
    places = zip(table["compound_id"], table["category"], strict=True)
    found = complaints.to_dict()
    table["complaint_count"] = pd.array([found.get(place, 0) for place in places], dtype="Int64")
    return table.join(_describe_votes(table))


def _rows(table: pd.DataFrame, *names: str) -> Iterable[tuple[Any, ...]]:
    return table[list(names)].itertuples(index=False, name=None)


def _find_state(status: Any, decided_on: Any, closed_on: Any) -> str:
    """How far a matter is; where the sheet says no status its dates do."""
    if isinstance(status, str):
        return _STATES[status]
    if pd.notna(closed_on):
        return CLOSED
    return SETTLED if pd.notna(decided_on) else OPEN_STATE


def _find_vote(profile: Profile, title: str, category: Any) -> int | None:
    """Under which item of article 278 the owners vote on a matter; None where they need not."""
    return next(
        (
            vote.item
            for vote in profile.votes
            if category in vote.categories or any(word in title for word in vote.keywords)
        ),
        None,
    )


def _make_rules(profile: Profile) -> list[Rule]:
    return [
        Rule(
            route.name,
            LEVELS[route.level],
            route.days or profile.levels[route.level].days,
            frozenset(route.categories),
            frozenset(route.urgency),
            route.keywords,
            route.share_at_least,
            route.share_at_most,
            route.is_vote,
        )
        for route in profile.routing
    ]


def _find_levels(table: pd.DataFrame, profile: Profile, today: pd.Timestamp) -> pd.DataFrame:
    """Which level by rule, how far up it has come, until when, and whether that day has passed."""
    asked = table[["title", "category", "urgency", "share"]]
    routed = route_matters(asked.assign(is_vote=table["vote_item"].notna()), _make_rules(profile))
    calendar = read_calendar(profile.holidays)
    days = {LEVELS[name]: level.days for name, level in profile.levels.items()}
    settled = table["decided_on"].fillna(table["closed_on"])
    # What is decided, closed or shelved without a day goes no further up.
    stands = table["state"] != OPEN_STATE
    settled = settled.mask(~stands, pd.NaT).fillna(table["raised_on"].where(stands))
    begun = routed.assign(raised_on=table["raised_on"], settled_on=settled)
    followed = follow_levels(begun, today, days, calendar)
    out = routed.rename(columns={"days": "allowed"}).join(followed)
    reasons = {route.name: route.reason for route in profile.routing}
    out["reason"] = out["rule"].map(reasons)
    ways = {LEVELS[name]: _write(level.parties) for name, level in profile.levels.items()}
    out["parties"] = out["level_now"].map(ways)
    out["steps"] = [_write(map(_describe_step, steps)) for steps in out["steps"]]
    is_waiting = table["state"].isin([OPEN_STATE, SHELVED])
    until = table["decided_on"].fillna(table["closed_on"]).mask(table["state"] == OPEN_STATE, today)
    until = until.fillna(pd.Series(today, index=table.index).where(is_waiting))
    out["waited_days"] = pd.array(
        [
            max(0, calendar.count(begin, end)) if pd.notna(begin) and pd.notna(end) else None
            for begin, end in zip(table["raised_on"], until, strict=True)
        ],
        dtype="Int64",
    )
    return _judge_time(out, table, profile, today, calendar)


def _describe_step(step: tuple[int, pd.Timestamp, int]) -> dict[str, Any]:
    level, due_on, over_days = step
    return {"level": level, "due_on": f"{due_on:%Y-%m-%d}", "over_days": over_days}


def _judge_time(
    out: pd.DataFrame,
    table: pd.DataFrame,
    profile: Profile,
    today: pd.Timestamp,
    calendar: Calendar,
) -> pd.DataFrame:
    """Open matters by their level's day, settled ones by the day their sheet states."""
    due = out["due_on"].where(table["state"] == OPEN_STATE)
    due = due.mask(table["state"] == SETTLED, table["stated_due_on"])
    is_over = (due < today).astype(bool)
    out["is_over"] = is_over
    out["over_days"] = pd.array(
        [
            calendar.count(day, today) if over else None
            for day, over in zip(due, is_over, strict=True)
        ],
        dtype="Int64",
    )
    soon = profile.deliberation["due_soon"]
    out["is_due_soon"] = [
        bool(pd.notna(day) and day >= today and calendar.count(today, day) <= soon) for day in due
    ]
    return out


def _describe_votes(table: pd.DataFrame) -> pd.DataFrame:
    """What a vote needs by article 278, and how the stated one stands by number."""
    rows: list[tuple[Any, ...]] = []
    names = ("vote_item", "owner_count", "owner_area_m2", "voter_count", "vote_count",
             "approval_count")  # fmt: skip
    for item, owners, area, voters, votes, approvals in _rows(table, *names):
        if pd.isna(item):
            rows.append((None, None, None))
            continue
        known = [None if pd.isna(n) else int(n) for n in (owners, voters, votes, approvals)]
        threshold = find_threshold(int(item), known[0], None if pd.isna(area) else float(area))
        verdict = judge_vote(int(item), known[1] or known[0], known[2], known[3])
        rows.append((threshold.owners, threshold.area_m2, verdict))
    out = pd.DataFrame(
        rows, columns=["owners_needed", "area_needed_m2", "vote_verdict"], index=table.index
    )
    out["owners_needed"] = out["owners_needed"].astype("Int64")
    out["area_needed_m2"] = out["area_needed_m2"].astype(float)
    return out


def _record_changes(writer: Writer, matters: pd.DataFrame) -> None:
    """Add what has changed of any matter since the last look; nothing there is ever changed."""
    ids = pa.array(matters["matter_id"].tolist(), pa.string())
    levels = pa.array(matters["level_now"].tolist(), pa.int64())
    writer.register("routed", pa.table({"matter_id": ids, "level_now": levels}))
    changes = writer.frame("matter_changes")
    seen = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    writer.append(MATTER_EVENTS, changes.assign(seen_at=seen, snapshot=writer.snapshot))


def _list_reopened(writer: Writer, matters: pd.DataFrame) -> pd.Series:
    """Which matters are open again since this very refresh."""
    if matters.empty:
        return pd.Series(False, index=matters.index)
    found = writer.rows(
        "SELECT matter_id FROM lake.matter_events WHERE snapshot = ? AND field = 'status' "
        "AND old = '已办结' AND new <> '已办结'",
        [writer.snapshot],
    )
    return matters["matter_id"].isin([matter for (matter,) in found])


@cache
def read_calendar(holidays: str) -> Calendar:
    """The working days by which deadlines are reckoned, as the profile chooses them."""
    return Calendar(number_workdays(holidays).to_pandas())


# -- promises ------------------------------------------------------------------------------


def _judge_promises(
    promises: pd.DataFrame, profile: Profile, today: pd.Timestamp, since: Any
) -> pd.DataFrame:
    """The rows of `out_promises`; `since` is the meeting that is looked back upon, or NaT."""
    table = promises.copy()
    for name in ("held_on", "due_on", "kept_on"):
        table[name] = pd.to_datetime(table[name])
    asked = table[["due_on", "kept_on"]].assign(stated=table["stated"].map(_STATED))
    judged = judge_promises(asked, today, read_calendar(profile.holidays))
    table = table.join(judged.assign(contradiction=judged["contradiction"].replace("", None)))
    table["since_on"] = since
    news = [table[name] >= since for name in ("held_on", "due_on", "kept_on")]
    is_past = table["due_on"] <= today
    # Before any such meeting everything is news.
    table["is_news"] = pd.isna(since) | news[0] | (news[1] & is_past) | news[2]
    return table


def _find_last_monthly(writer: Writer, today: pd.Timestamp) -> Any:
    """The day of the monthly meeting before the newest one, which is looked back upon; or NaT."""
    rows = writer.rows(
        "SELECT DISTINCT held_on FROM lake.core_meetings WHERE kind = ? AND held_on <= ? "
        "ORDER BY held_on DESC LIMIT 2",
        [MONTHLY, today.date()],
    )
    return pd.Timestamp(rows[-1][0]) if rows else pd.NaT


# -- compounds -----------------------------------------------------------------------------


def _describe_compounds(
    needs: pd.DataFrame, matters: pd.DataFrame, promises: pd.DataFrame, base: pd.DataFrame
) -> pd.DataFrame:
    """The columns of `out_compounds` on needs, matters and promises."""
    index = base.index
    households = base["households"].astype("Float64").astype(float)
    is_open = matters["state"].isin([OPEN_STATE, SETTLED])
    is_late = promises["state"] == SLIPPED
    counted: Mapping[str, tuple[pd.DataFrame, pd.Series]] = {
        "open_matter_count": (matters, is_open),
        "overdue_matter_count": (matters, matters["is_over"].astype(bool)),
        "late_promise_count": (promises, is_late),
    }
    out = pd.DataFrame(index=index)
    open_needs = needs.groupby("compound_id")["open_count"].sum().reindex(index)
    # A compound without a need on a list that is kept has none; without any list nobody knows.
    known = open_needs.fillna(0).astype(float) if len(needs) else open_needs.astype(float)
    out["open_needs_per_1000h"] = 1000 * known / households.where(households > 0)
    for name, (table, which) in counted.items():
        counts = table[which].groupby("compound_id").size().reindex(index, fill_value=0)
        out[name] = counts.astype("Int64") if len(table) else pd.array([None] * len(index), "Int64")
    return out


def _describe_meetings(writer: Writer, index: pd.Index, today: pd.Timestamp) -> pd.DataFrame:
    """How often the people of each compound met, and how long ago; by compound_id.

    A compound that the minutes do not name has met never; without any minutes nobody knows.
    """
    met = writer.frame(
        "SELECT compound_id, count(DISTINCT meeting_id) AS meeting_count, max(held_on) AS last_on "
        f"FROM lake.core_meetings WHERE held_on <= DATE '{today:%Y-%m-%d}' "
        "GROUP BY compound_id"
    )
    told = met[met["compound_id"].notna()].set_index("compound_id").reindex(index)
    out = pd.DataFrame(index=index)
    counts = told["meeting_count"].astype("Int64")
    out["meeting_count"] = counts.fillna(0) if len(met) else counts
    out["meeting_age_days"] = (today - pd.to_datetime(told["last_on"])).dt.days.astype("Int64")
    return out

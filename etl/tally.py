"""Complaints counted by month, compound and category: brought up to date where they changed."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

import pandas as pd
import pyarrow as pa

from etl.profile import CHINA, Profile
from etl.store import Writer
from etl.table import EARLIEST, LATEST
from etl.tables.outputs import OUT_CLOSINGS, OUT_MONTHS
from geo.workdays import FIRST_KNOWN_YEAR, LAST_KNOWN_YEAR, number_days

WHOLE_MONTH_SLACK_DAYS = 3
STRAY_DAYS = 400
_EVER = (date(1, 1, 1), date(9999, 1, 1))
_KEY = ["month", "compound_id", "category"]
_COUNTS = [
    "complaint_count", "closed_count", "closed_overdue_count", "repeat_count", "reopened_count",
]  # fmt: skip
# By which calendar what the store holds was counted; a newer one has everything counted anew.
_CALENDAR = "calendar"


@dataclass(frozen=True)
class Period:
    """What time the figures speak of; `end` is the day after the last, `month` the newest one."""

    known_until: datetime
    start: date
    end: date
    month: date
    first: date

    @property
    def last(self) -> date:
        """The last day of the window."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True)
class Tally:
    """Complaints by month, compound and category, and those still open by how long they wait.

    `months` is `out_months` with `open_count` and `open_overdue_count`; `waiting` has month,
    compound_id, category, working_days, open_count and open_overdue_count.
    """

    months: pd.DataFrame
    waiting: pd.DataFrame
    period: Period | None


def tally_complaints(writer: Writer, profile: Profile) -> Tally:
    """Bring `out_months` and `out_closings` up to date.

    Only the months of complaints that came, changed or went are counted anew: what is said of
    closed ones does not change with time. The open ones are judged again by the newest day.
    """
    _register_deadlines(writer, profile)
    months = _count_closed(writer, profile)
    period = find_period(months, profile)
    until = period.known_until if period else datetime(1900, 1, 1)
    waiting = writer.frame("open_complaints", known_until=until)
    waiting["month"] = pd.to_datetime(waiting["month"])
    late = waiting.groupby(_KEY, dropna=False, as_index=False)["open_overdue_count"].sum()
    months = months.merge(late, on=_KEY, how="left")
    months["open_overdue_count"] = months["open_overdue_count"].fillna(0).astype("int64")
    months["overdue_count"] = months["closed_overdue_count"] + months["open_overdue_count"]
    months["open_count"] = months["complaint_count"] - months["closed_count"]
    writer.replace(OUT_MONTHS, months)
    return Tally(months, waiting, period)


def _register_deadlines(writer: Writer, profile: Profile) -> None:
    """The temporary tables `deadlines` and `workdays`, by which SQL reckons in working days."""
    allowed = profile.deadlines
    categories, levels = ([key[i] for key in allowed] for i in (0, 1))
    days = pa.array(allowed.values(), type=pa.int32())
    told = {"category": pa.array(categories, type=pa.string()), "urgency": levels, "due_days": days}
    writer.register("deadlines", pa.table(told))
    writer.register("workdays", number_workdays(profile.holidays))


@cache
def number_workdays(holidays: str) -> pa.Table:
    """Every day that the contract allows, numbered by working days."""
    none = None if holidays == CHINA else frozenset[date]()
    numbered = number_days(EARLIEST, LATEST, none, none)
    kinds = {"day": pa.date32(), "through": pa.int32(), "before": pa.int32()}
    return pa.table({name: pa.array(numbered[name], type=kinds[name]) for name in kinds})


def list_unknown_years(tally: Tally, profile: Profile) -> list[int]:
    """The years in which complaints came or fall due of which the calendar knows no holidays."""
    if tally.period is None:
        return []
    years = {int(year) for year in tally.months["month"].dt.year}
    return find_unknown_years(years, tally.period.known_until, profile)


def find_unknown_years(years: set[int], known_until: datetime, profile: Profile) -> list[int]:
    """Of the years in which complaints came or fall due, those of unknown holidays, in order."""
    if profile.holidays != CHINA:
        return []
    longest = max(profile.deadlines.values())
    # Two free days a week, and a holiday of at most two weeks, lie among the days allowed.
    last = known_until + timedelta(days=2 * longest + 14)
    return sorted(y for y in {*years, last.year} if not FIRST_KNOWN_YEAR <= y <= LAST_KNOWN_YEAR)


def _count_closed(writer: Writer, profile: Profile) -> pd.DataFrame:
    """Counts by month, compound and category; those of untouched months as they were."""
    touched = writer.touched_months
    if writer.is_partial:
        return _count_between(writer, profile, *_EVER)
    known = _read_known(writer) if keeps_calendar(writer, profile) else None
    if touched is None or known is None:
        return _count_between(writer, profile, *_EVER)
    if not touched:
        return _in_order(known)
    # What came in one month may make repeats of what came in the next.
    reach = -(-profile.repeat_days // 28)
    first, end = min(touched), add_months(max(touched), 1 + reach)
    stays = (known["month"] < pd.Timestamp(first)) | (known["month"] >= pd.Timestamp(end))
    fresh = _count_between(writer, profile, first, end)
    return _in_order(pd.concat([known[stays], fresh], ignore_index=True) if stays.any() else fresh)


def keeps_calendar(writer: Writer, profile: Profile) -> bool:
    """Whether what the store holds was counted by the calendar of today; that one is noted."""
    calendar = f"{profile.holidays} {LAST_KNOWN_YEAR}"
    is_same = writer.setting(_CALENDAR) == calendar
    writer.set_setting(_CALENDAR, calendar)
    return is_same


def _read_known(writer: Writer) -> pd.DataFrame | None:
    """What was counted before; None where an earlier version did not count all of it."""
    known = writer.frame("SELECT * FROM lake.out_months")
    known["month"] = pd.to_datetime(known["month"])
    return None if known[[*_COUNTS, "newest_at"]].isna().any(axis=None) else known


def _count_between(writer: Writer, profile: Profile, first: date, end: date) -> pd.DataFrame:
    months = {"months_from": first, "months_to": end}
    counted = writer.frame("closed_months", **months)
    before = first - timedelta(days=profile.repeat_days) if first > EARLIEST else first
    reach = {"repeat_days": profile.repeat_days, "repeats_from": before}
    repeats = writer.frame("repeated_months", **months, **reach)
    writer.replace_by(OUT_CLOSINGS, "out_closings", **months)
    counted = counted.merge(repeats, on=_KEY, how="left")
    for name in ("unsaid_repeat_count", "reopened_count"):
        counted[name] = counted[name].fillna(0)
    counted["repeat_count"] = counted["said_repeat_count"] + counted["unsaid_repeat_count"]
    counted["month"] = pd.to_datetime(counted["month"])
    return _in_order(counted)


def _in_order(months: pd.DataFrame) -> pd.DataFrame:
    ordered = months[[*_KEY, *_COUNTS, "newest_at"]].sort_values(_KEY, ignore_index=True)
    ordered[_COUNTS] = ordered[_COUNTS].astype("int64")
    return ordered


def find_period(months: pd.DataFrame, profile: Profile) -> Period | None:
    """The window of the rates; None where there is no complaint.

    The newest month counts as whole when a complaint lies in its last three days. A lone date
    more than a year away from all others is a slip of the pen: it is counted, not followed.
    """
    by_month = months.groupby("month", as_index=False).agg(
        complaint_count=("complaint_count", "sum"), newest_at=("newest_at", "max")
    )
    by_month = _drop_stray_months(by_month)
    if by_month.empty:
        return None
    newest = by_month["newest_at"].max()
    first, month = (by_month["month"].iloc[k].date() for k in (0, -1))
    days = calendar.monthrange(month.year, month.month)[1]
    if newest.day <= days - WHOLE_MONTH_SLACK_DAYS:
        month = add_months(month, -1)
    end = add_months(month, 1)
    start = add_months(end, -profile.rate_months)
    return Period(newest.to_pydatetime(), min(max(start, first), month), end, month, first)


def _drop_stray_months(months: pd.DataFrame) -> pd.DataFrame:
    """The run of months, none more than a year from the next, that holds most complaints."""
    gaps = months["month"].diff() > pd.Timedelta(days=STRAY_DAYS)
    runs = gaps.cumsum()
    counts = months["complaint_count"].groupby(runs).sum()
    return months[runs == counts.idxmax()] if len(counts) else months


def add_months(day: date, months: int) -> date:
    """The first of a month so many months from another one."""
    index = day.year * 12 + day.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def count_compounds(months: pd.DataFrame, start: date, end: date) -> pd.DataFrame:
    """Complaints of each compound: all, in the window, open, overdue, and the commonest category.

    Returns
    -------
    DataFrame[complaint_count, window_count, open_count, overdue_count, window_overdue_count,
    window_late_count, repeat_count, reopened_count, top_category, top_category_pct], index
    compound_id
        `overdue_count` are open ones past their deadline; the window runs from `start` to before
        `end`, and `window_late_count` are those of it past their deadline, closed or open;
        repeats are of the window. Of equally common categories the last by name counts.
    """
    placed = months[months["compound_id"].notna()]
    is_inside = (placed["month"] >= pd.Timestamp(start)) & (placed["month"] < pd.Timestamp(end))
    inside = placed[is_inside].groupby("compound_id")
    out = placed.groupby("compound_id").agg(
        complaint_count=("complaint_count", "sum"),
        open_count=("open_count", "sum"),
        overdue_count=("open_overdue_count", "sum"),
    )
    out["window_count"] = inside["complaint_count"].sum()
    for name, of in (
        ("window_overdue_count", "open_overdue_count"),
        ("window_late_count", "overdue_count"),
        ("repeat_count", "repeat_count"),
        ("reopened_count", "reopened_count"),
    ):
        out[name] = inside[of].sum()
    out = out.fillna(0).astype("int64")
    by_category = placed[is_inside].groupby(["compound_id", "category"])
    ranked = by_category.agg(complaint_count=("complaint_count", "sum")).reset_index()
    ranked = ranked.sort_values(["complaint_count", "category"])
    top = ranked[ranked["complaint_count"] > 0].groupby("compound_id").last()
    out["top_category"] = top["category"]
    share = 100.0 * top["complaint_count"] / out["window_count"]
    out["top_category_pct"] = share.reindex(out.index).astype(float)
    return out

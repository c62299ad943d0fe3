"""Complaints counted by month, compound and category: brought up to date where they changed."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pandas as pd
import pyarrow as pa

from etl.profile import Profile
from etl.store import Writer
from etl.tables.outputs import OUT_MONTHS

WHOLE_MONTH_SLACK_DAYS = 3
STRAY_DAYS = 400
_EVER = (date(1, 1, 1), date(9999, 1, 1))
_KEY = ["month", "compound_id", "category"]


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


def tally_complaints(writer: Writer, profile: Profile) -> tuple[pd.DataFrame, Period | None]:
    """Bring `out_months` up to date; its rows, with `open_count` and `open_overdue_count`.

    Only the months of complaints that came, changed or went are counted anew: what is said of
    closed ones does not change with time. The open ones are judged again by the newest day.
    """
    _register_deadlines(writer, profile)
    months = _count_closed(writer)
    period = find_period(months, profile)
    until = period.known_until if period else datetime(1900, 1, 1)
    late = writer.frame("open_overdue", known_until=until)
    late["month"] = pd.to_datetime(late["month"])
    months = months.merge(late, on=_KEY, how="left")
    months["open_overdue_count"] = months["open_overdue_count"].fillna(0).astype("int64")
    months["overdue_count"] = months["closed_overdue_count"] + months["open_overdue_count"]
    months["open_count"] = months["complaint_count"] - months["closed_count"]
    writer.replace(OUT_MONTHS, months)
    return months, period


def _register_deadlines(writer: Writer, profile: Profile) -> None:
    """The days allowed for each category, as the temporary table `categories`."""
    names = [category.name for category in profile.categories]
    days = pa.array([category.due_days for category in profile.categories], type=pa.int32())
    writer.register("categories", pa.table({"name": names, "due_days": days}))


def _count_closed(writer: Writer) -> pd.DataFrame:
    """Counts by month, compound and category; those of untouched months as they were."""
    touched = writer.touched_months
    if touched is None:
        return _count_between(writer, *_EVER)
    known = writer.frame("SELECT * FROM lake.out_months")
    known["month"] = pd.to_datetime(known["month"])
    if known["closed_overdue_count"].isna().any() or known["newest_at"].isna().any():
        return _count_between(writer, *_EVER)
    if not touched:
        return _in_order(known)
    first, end = min(touched), add_months(max(touched), 1)
    stays = (known["month"] < pd.Timestamp(first)) | (known["month"] >= pd.Timestamp(end))
    fresh = _count_between(writer, first, end)
    return _in_order(pd.concat([known[stays], fresh], ignore_index=True) if stays.any() else fresh)


def _count_between(writer: Writer, first: date, end: date) -> pd.DataFrame:
    counted = writer.frame("closed_months", months_from=first, months_to=end)
    counted["month"] = pd.to_datetime(counted["month"])
    return _in_order(counted)


def _in_order(months: pd.DataFrame) -> pd.DataFrame:
    counts = ["complaint_count", "closed_count", "closed_overdue_count"]
    ordered = months[[*_KEY, *counts, "newest_at"]].sort_values(_KEY, ignore_index=True)
    ordered[counts] = ordered[counts].astype("int64")
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
    top_category, top_category_pct], index compound_id
        `overdue_count` are open ones past their deadline; the window runs from `start` to before
        `end`. Of equally common categories the last by name counts.
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
    out["window_overdue_count"] = inside["open_overdue_count"].sum()
    out = out.fillna(0).astype("int64")
    by_category = placed[is_inside].groupby(["compound_id", "category"])
    ranked = by_category.agg(complaint_count=("complaint_count", "sum")).reset_index()
    ranked = ranked.sort_values(["complaint_count", "category"])
    top = ranked[ranked["complaint_count"] > 0].groupby("compound_id").last()
    out["top_category"] = top["category"]
    share = 100.0 * top["complaint_count"] / out["window_count"]
    out["top_category_pct"] = share.reindex(out.index).astype(float)
    return out

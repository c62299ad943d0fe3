"""Working days of mainland China: public holidays out, make-up weekends in."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from chinese_calendar import constants

from geo.errors import GeoError

Days = npt.NDArray[np.datetime64]
WEEKMASK = "1111100"
# The State Council fixes the days off of a year in the November before it.
FIRST_KNOWN_YEAR = min(constants.holidays).year
LAST_KNOWN_YEAR = max(max(constants.holidays), max(constants.workdays)).year


def count_working_days(
    start: pd.Series,
    end: pd.Series,
    holidays: frozenset[date] | None = None,
    workdays: frozenset[date] | None = None,
) -> pd.DataFrame:
    """Count working days from one day to another.

    The day of `start` is not counted and that of `end` is, as deadlines are reckoned:
    from Monday to Tuesday is one working day, from Friday to Monday too, and what was
    closed on the day it came took none.

    Parameters
    ----------
    start, end : Series of n dates or times, same labels; NaT is unknown
    holidays : set of dates or None
        Days off, weekends apart. None takes the public holidays of mainland China.
    workdays : set of dates or None
        Weekend days on which people work to make up for a holiday. None takes those of
        mainland China.

    Returns
    -------
    DataFrame[working_days, is_certain], index of `start`
        ``working_days`` is Int64, negative where `end` lies before `start`, <NA> where one
        is unknown. ``is_certain`` is False where the span touches a year whose holidays
        are not published in the installed calendar (`list_unknown_years`): there only
        weekends are taken out.

    Raises
    ------
    GeoError
        Labels that are duplicated or do not match, or values that are not dates.

    Notes
    -----
    Holidays by the package chinesecalendar, from the yearly notice of the State Council;
    counting by ``numpy.busday_count``, with make-up days added.
    """
    if not start.index.is_unique or not start.index.equals(end.index):
        raise GeoError("开始日期与结束日期的编号对不上，或有重复。")
    first, last = _read_days(start), _read_days(end)
    known = ~(np.isnat(first) | np.isnat(last))
    off = _to_days(constants.holidays if holidays is None else holidays)
    made_up = _to_days(constants.workdays if workdays is None else workdays)
    counted = np.zeros(len(first), dtype=np.int64)
    counted[known] = _count_after(first[known], last[known], off, made_up)
    days = pd.Series(counted, index=start.index, dtype="Int64").mask(~known)
    is_certain = known & (holidays is not None or _lies_in_known_years(first, last))
    return pd.DataFrame({"working_days": days, "is_certain": is_certain})


def add_working_days(start: pd.Series, days: pd.Series | int) -> pd.Series:
    """Find the day on which so many working days have passed; NaT and <NA> stay unknown.

    Parameters
    ----------
    start : Series of n dates or times
    days : Series of n whole numbers (same labels) or one number, not negative

    Returns
    -------
    Series of datetime64 named ``due_on``, index of `start`
        The last working day in time: `count_working_days` from `start` to it is `days`.

    Raises
    ------
    GeoError
        Negative days, labels that do not match, or values that are not dates.
    """
    first = _read_days(start)
    allowed = days if isinstance(days, pd.Series) else pd.Series(days, index=start.index)
    if not start.index.is_unique or not start.index.equals(allowed.index):
        raise GeoError("开始日期与期限天数的编号对不上，或有重复。")
    spans = allowed.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    if (spans < 0).any():
        raise GeoError("期限的工作日天数不能是负数。")
    due = np.full(len(first), np.datetime64("NaT"), dtype="datetime64[D]")
    known = ~(np.isnat(first) | np.isnan(spans))
    if known.any():
        due[known] = _walk(first[known], spans[known].astype(np.int64))
    return pd.Series(due.astype("datetime64[s]"), index=start.index, name="due_on")


def number_days(
    first: date,
    last: date,
    holidays: frozenset[date] | None = None,
    workdays: frozenset[date] | None = None,
) -> pd.DataFrame:
    """Number the days of a span by the working days so far, so that spans are differences.

    Parameters
    ----------
    first, last : dates, both included
    holidays, workdays : set of dates or None
        As in `count_working_days`; two empty sets leave only the weekends out.

    Returns
    -------
    DataFrame[day, through, before], one row per day
        ``through`` is the number of working days from `first` to the day, the day included,
        ``before`` the same without the day. From day a to day b ``through(b) - through(a)``
        working days pass, as `count_working_days` says; and b lies after the deadline of
        `add_working_days(a, n)`, n at least 1, where ``before(b) - through(a) >= n``: what is
        closed on the Saturday after a Friday's deadline is late, though no working day passed.

    Raises
    ------
    GeoError
        `last` lies before `first`.
    """
    if last < first:
        raise GeoError("日历的最后一天早于第一天。")
    days = np.arange(np.datetime64(first, "D"), np.datetime64(last, "D") + 1)
    off = _to_days(constants.holidays if holidays is None else holidays)
    made_up = _to_days(constants.workdays if workdays is None else workdays)
    works = _is_working(days, off, made_up)
    through = np.cumsum(works)
    table = {"day": days.astype("datetime64[s]"), "through": through, "before": through - works}
    return pd.DataFrame(table)


def list_unknown_years(days: pd.Series) -> list[int]:
    """List the years among dates whose holidays the installed calendar does not know."""
    years = _read_days(days).astype("datetime64[Y]").astype(np.int64) + 1970
    known = years[~np.isnat(_read_days(days))]
    beyond = known[(known < FIRST_KNOWN_YEAR) | (known > LAST_KNOWN_YEAR)]
    return [int(year) for year in np.unique(beyond)]


def _read_days(values: pd.Series) -> Days:
    try:
        times = pd.to_datetime(values, errors="raise", format="ISO8601")
    except (TypeError, ValueError) as error:
        raise GeoError("日期列里有不是日期的内容。") from error
    if getattr(times.dt, "tz", None) is not None:
        times = times.dt.tz_localize(None)
    return times.to_numpy().astype("datetime64[D]")


def _to_days(dates: object) -> Days:
    return np.array(sorted(dates), dtype="datetime64[D]")  # type: ignore[call-overload]


def _count_after(first: Days, last: Days, off: Days, made_up: Days) -> npt.NDArray[np.int64]:
    """Count working days d with first < d <= last; negative when turned round."""
    one = np.timedelta64(1, "D")
    counted = np.busday_count(first + one, last + one, weekmask=WEEKMASK, holidays=off)
    weekends = made_up[~np.is_busday(made_up, weekmask=WEEKMASK, holidays=off)]
    added = np.searchsorted(weekends, last, "right") - np.searchsorted(weekends, first, "right")
    total: npt.NDArray[np.int64] = counted.astype(np.int64) + added
    return total


def _lies_in_known_years(first: Days, last: Days) -> npt.NDArray[np.bool_]:
    low = np.datetime64(f"{FIRST_KNOWN_YEAR}-01-01")
    high = np.datetime64(f"{LAST_KNOWN_YEAR}-12-31")
    inside: npt.NDArray[np.bool_] = (first >= low) & (last >= low)
    return inside & (first <= high) & (last <= high)


def _is_working(days: Days, off: Days, made_up: Days) -> npt.NDArray[np.bool_]:
    works: npt.NDArray[np.bool_] = np.is_busday(days, weekmask=WEEKMASK, holidays=off)
    return works | np.isin(days, made_up)


def _walk(first: Days, spans: npt.NDArray[np.int64]) -> Days:
    """Look the day up among all working days from the earliest start on."""
    off, made_up = _to_days(constants.holidays), _to_days(constants.workdays)
    # Of any week at most two days are free, and no holiday is longer than two weeks.
    last = first.max() + int(spans.max()) * 2 + 60
    every = np.arange(first.min(), last)
    working = every[_is_working(every, off, made_up)]
    position = np.searchsorted(working, first, "right") + spans - 1
    due: Days = np.where(spans > 0, working[np.maximum(position, 0)], first)
    return due

"""How complaints are dealt with: time to close, overdue, repeats, and what is left open."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from geo.checks import (
    Floats,
    read_amounts,
    read_counts,
    read_numbers,
    require_columns,
    require_share,
    require_unique_index,
)
from geo.errors import GeoError


def estimate_closing(
    days: pd.Series,
    is_closed: pd.Series,
    groups: pd.Series | None = None,
    share: float = 0.5,
    level: float = 0.95,
    number: pd.Series | None = None,
) -> pd.DataFrame:
    """Estimate after how many days half of the complaints are closed, open ones included.

    Parameters
    ----------
    days : Series of n numbers, not negative
        Days (or working days) from report to close, or to today where it is still open.
    is_closed : Series of n bool, same labels
    groups : Series of n labels, same index, or None
        Compound, category or level; rows without a group are left out. None takes all
        together, under the label 0.
    share : float
        0.5 is the median.
    level : float
        Confidence of the interval, 0 to 1.
    number : Series of n whole numbers above 0, same labels, or None
        How many complaints a row stands for; None takes each for one.

    Returns
    -------
    DataFrame[row_count, open_count, days, days_low, days_high], index of the groups
        ``days`` is the first day by which `share` are closed. NaN where so few are
        closed that it is not reached; then ``days_low`` may still be known. Rows without
        days are left out of the counts.

    Raises
    ------
    GeoError
        Negative days, labels that are duplicated or do not match.

    Notes
    -----
    Kaplan and Meier (1958), JASA 53, 457-481: leaving out the open ones, or taking them
    as closed today, makes an office look faster than it is. Interval by inverting the
    log-log limits of the curve: Brookmeyer and Crowley (1982), Biometrics 38, 29-41.
    """
    require_share(share, "比例")
    require_share(level, "置信水平")
    table = _read_closing(days, is_closed, groups, number).sort_values("group", kind="stable")
    z = float(stats.norm.isf((1.0 - level) / 2.0))
    labels, starts = np.unique(table["group"].to_numpy(), return_index=True)
    spans, closed, each = (table[name].to_numpy() for name in ("days", "is_closed", "number"))
    rows = {
        label: _find_quantile(spans[part], closed[part], each[part], share, z)
        for label, part in zip(labels, _cut_at(starts, len(table)), strict=True)
    }
    columns = ["row_count", "open_count", "days", "days_low", "days_high"]
    found = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return found.astype({"row_count": "int64", "open_count": "int64"})


def flag_overdue(due_on: pd.Series, closed_on: pd.Series, today: object) -> pd.Series:
    """Flag what was closed after its deadline or is open past it.

    Parameters
    ----------
    due_on : Series of n dates; NaT has no deadline
    closed_on : Series of n dates, same labels; NaT is open
    today : date
        The day to which the data reach.

    Returns
    -------
    Series of boolean named ``is_overdue``, index of `due_on`
        <NA> where there is no deadline. Closed on the very day is in time.

    Raises
    ------
    GeoError
        Labels that are duplicated or do not match, or values that are not dates.
    """
    due, closed = _read_dates(due_on, "期限"), _read_dates(closed_on, "办结日期")
    _require_same_index(due_on, closed_on)
    ended = closed.fillna(pd.Timestamp(today).normalize())  # type: ignore[arg-type]
    late = (ended > due).astype("boolean")
    return late.mask(due.isna()).rename("is_overdue")


def measure_overdue(
    is_overdue: pd.Series, groups: pd.Series | None = None, level: float = 0.95
) -> pd.DataFrame:
    """Measure the share that is overdue, with an exact interval.

    Parameters
    ----------
    is_overdue : Series of n boolean; <NA> has no deadline and is left out
    groups : Series of n labels, same index, or None for all together (label 0)
    level : float
        Confidence of the interval, 0 to 1.

    Returns
    -------
    DataFrame[judged_count, overdue_count, overdue_pct, overdue_pct_low, overdue_pct_high]
        Index of the groups; percent of those with a deadline, 0 to 100; NaN where none has.

    Notes
    -----
    Clopper and Pearson (1934), Biometrika 26, 404-413.
    """
    labels = _read_groups(is_overdue, groups)
    flags = is_overdue.astype("boolean")
    judged = flags.notna().groupby(labels).sum().astype("int64")
    late = flags.fillna(False).astype("int64").groupby(labels).sum()
    shares = measure_share(late, judged, level).add_prefix("overdue_")
    counts = pd.DataFrame({"judged_count": judged, "overdue_count": late}, index=judged.index)
    return counts.join(shares)


def measure_share(part: pd.Series, whole: pd.Series, level: float = 0.95) -> pd.DataFrame:
    """Measure shares of counts in per cent, with exact intervals.

    Parameters
    ----------
    part, whole : Series of n whole numbers, same labels, no part larger than its whole
    level : float
        Confidence of the interval, 0 to 1.

    Returns
    -------
    DataFrame[pct, pct_low, pct_high], index of `part`
        0 to 100; NaN where the whole is 0 or missing.

    Raises
    ------
    GeoError
        Negative or fractional counts, a part above its whole, labels that do not match.

    Notes
    -----
    Clopper and Pearson (1934), Biometrika 26, 404-413.
    """
    require_share(level, "置信水平")
    some, number = read_counts(part), read_amounts(whole, part.index, "总件数")
    if (some > number).any():
        raise GeoError("部分不能多于总数。")
    low, high = _bound_share(some, number, (1.0 - level) / 2.0)
    share = np.full(len(number), np.nan)
    np.divide(some, number, out=share, where=number > 0)
    table = {"pct": 100.0 * share, "pct_low": 100.0 * low, "pct_high": 100.0 * high}
    return pd.DataFrame(table, index=part.index)


def find_repeats(reports: pd.DataFrame, within_days: int = 30) -> pd.DataFrame:
    """Find complaints that repeat an earlier one of the same place and matter.

    Parameters
    ----------
    reports : DataFrame[place, matter, reported_on] and, if known, ``closed_on``
        ``place`` as finely as it is known (compound, building or unit), ``matter`` the
        category or the like. Rows that lack any of the three are never repeats.
    within_days : int
        A report repeats the one before when it comes at most so many days after it. A
        chain of reports is one case, however long it lasts.

    Returns
    -------
    DataFrame[case, nth, is_repeat, is_reopened, days_since], index of `reports`
        ``case`` numbers the chains from 0 by their first report (<NA> where unknown),
        ``nth`` is 1 for the first of a chain, ``is_repeat`` True for the others;
        ``is_reopened`` True where the one before had been closed by then, so that it came
        back after it was said to be solved; ``days_since`` the one before, NaN for first.

    Raises
    ------
    GeoError
        A column is absent, labels are duplicated, values are not dates, or
        `within_days` is negative.
    """
    require_columns(reports, ["place", "matter", "reported_on"], "诉求表")
    require_unique_index(reports.index, "诉求表")
    if within_days < 0:
        raise GeoError("重复诉求的天数不能是负数。")
    rows = _sort_reports(reports)
    same = rows["place"].eq(rows["place"].shift()) & rows["matter"].eq(rows["matter"].shift())
    gap = rows["reported_on"].diff().dt.days
    is_repeat = same.fillna(False).astype(bool) & (gap <= within_days)
    chain = (~is_repeat).cumsum()
    closed = rows["closed_on"].groupby(chain).shift()
    found = pd.DataFrame(
        {
            "case": chain,
            "nth": is_repeat.groupby(chain).cumcount() + 1,
            "is_repeat": is_repeat,
            "is_reopened": is_repeat & (closed <= rows["reported_on"]),
            "days_since": gap.where(is_repeat),
        }
    )
    return _number_cases(found, rows["reported_on"], reports.index)


def count_backlog(reported_on: pd.Series, closed_on: pd.Series, until: object) -> pd.DataFrame:
    """Count what came, what was closed and what was left open, month by month.

    Parameters
    ----------
    reported_on, closed_on : Series of n dates, same labels
        NaT in `closed_on` is open; rows without `reported_on` are left out.
    until : date
        The day to which the data reach; months run to its month.

    Returns
    -------
    DataFrame[reported_count, closed_count, open_count], index PeriodIndex of months
        ``open_count`` is what was open at the end of the month. What came before it
        but was closed earlier than reported counts as closed when it came. Empty where
        nothing was reported by then.

    Raises
    ------
    GeoError
        Labels that are duplicated or do not match, or values that are not dates.
    """
    _require_same_index(reported_on, closed_on)
    came, went = _read_dates(reported_on, "诉求日期"), _read_dates(closed_on, "办结日期")
    end = pd.Timestamp(until).to_period("M")  # type: ignore[arg-type]
    came = came[came.dt.to_period("M") <= end]
    went = went.reindex(came.index).dropna()
    went = went.where(went >= came.reindex(went.index), came.reindex(went.index))
    columns = ["reported_count", "closed_count", "open_count"]
    if came.empty:
        return pd.DataFrame({name: pd.Series(dtype="int64") for name in columns})
    months = pd.period_range(came.min().to_period("M"), end, freq="M")
    opened, closed = (
        when.dt.to_period("M").value_counts().reindex(months, fill_value=0).astype("int64")
        for when in (came, went)
    )
    left = (opened - closed).cumsum()
    return pd.DataFrame(dict(zip(columns, (opened, closed, left), strict=True)), index=months)


def _require_same_index(first: pd.Series, second: pd.Series) -> None:
    require_unique_index(first.index, "日期列")
    if not first.index.equals(second.index):
        raise GeoError("两列日期的编号对不上，请检查是否是同一批诉求。")


def _read_dates(values: pd.Series, what: str) -> pd.Series:
    try:
        times = pd.to_datetime(values, errors="raise", format="ISO8601")
    except (TypeError, ValueError) as error:
        raise GeoError(f"{what}里有不是日期的内容。") from error
    if getattr(times.dt, "tz", None) is not None:
        times = times.dt.tz_localize(None)
    return times.dt.normalize()


def _read_groups(values: pd.Series, groups: pd.Series | None) -> pd.Series:
    require_unique_index(values.index, "诉求表")
    if groups is None:
        return pd.Series(0, index=values.index)
    if not groups.index.equals(values.index):
        raise GeoError("分组与诉求的编号对不上。")
    return groups


def _cut_at(starts: npt.NDArray[np.int64], length: int) -> list[slice]:
    """The stretches between places where something begins."""
    edges = [*(int(start) for start in starts), length]
    return [slice(start, end) for start, end in pairwise(edges)]


def _read_closing(
    days: pd.Series, is_closed: pd.Series, groups: pd.Series | None, number: pd.Series | None
) -> pd.DataFrame:
    labels = _read_groups(days, groups)
    if not is_closed.index.equals(days.index):
        raise GeoError("办结与否与天数的编号对不上。")
    spans = read_numbers(days, "办理天数")
    if (spans < 0).any():
        raise GeoError("办理天数不能是负数：办结日期早于诉求日期。")
    closed = is_closed.fillna(False).astype(bool)
    each = np.ones(len(spans)) if number is None else read_numbers(number, "件数")
    if number is not None and not number.index.equals(days.index):
        raise GeoError("件数与天数的编号对不上。")
    if not (each > 0).all():
        raise GeoError("每行代表的件数必须大于 0。")
    read = {"days": spans, "is_closed": closed, "number": each, "group": labels}
    return pd.DataFrame(read, index=days.index).dropna(subset=["days", "group"])


def _find_quantile(
    days: Floats, is_closed: npt.NDArray[np.bool_], number: Floats, share: float, z: float
) -> tuple[float, ...]:
    """Follow the Kaplan-Meier curve to the share; with it the days where its limits cross."""
    at, inverse = np.unique(days, return_inverse=True)
    closed = np.bincount(inverse, weights=is_closed * number, minlength=len(at))
    gone = np.cumsum(np.bincount(inverse, weights=number))
    left = gone[-1] - np.concatenate([[0.0], gone[:-1]])
    survival = np.cumprod(1.0 - closed / left)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Greenwood's variance on the log-log scale; empty ends of the curve have none.
        variance = np.cumsum(closed / (left * (left - closed)))
        deviation = np.sqrt(variance) / np.abs(np.log(survival))
        centre = np.log(-np.log(survival))
        distance = (centre - np.log(-np.log(1.0 - share))) / deviation
    open_share = 1.0 - share
    reached = at[survival <= open_share + 1e-12]
    compatible = at[np.abs(distance) <= z]
    days_at = float(reached[0]) if len(reached) else np.nan
    past = at[(distance > z) | (survival == 0)]
    low = float(compatible[0]) if len(compatible) else days_at
    high = float(past[0]) if len(past) else np.nan
    low = np.nan if np.isnan(days_at) and not len(compatible) else min(low, _or_inf(days_at))
    return float(number.sum()), float(number[~is_closed].sum()), days_at, low, high


def _or_inf(value: float) -> float:
    return np.inf if np.isnan(value) else value


def _bound_share(part: Floats, whole: Floats, tail: float) -> tuple[Floats, Floats]:
    known = whole > 0
    low = np.where(part > 0, stats.beta.ppf(tail, np.maximum(part, 1), whole - part + 1), 0.0)
    rest = np.maximum(whole - part, 1)
    high = np.where(part < whole, stats.beta.isf(tail, part + 1, rest), 1.0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def _sort_reports(reports: pd.DataFrame) -> pd.DataFrame:
    dates = {"reported_on": _read_dates(reports["reported_on"], "诉求日期")}
    closed = reports.get("closed_on")
    dates["closed_on"] = (
        pd.Series(pd.NaT, index=reports.index, dtype="datetime64[s]")
        if closed is None
        else _read_dates(closed, "办结日期")
    )
    rows = reports[["place", "matter"]].assign(**dates)
    rows = rows.dropna(subset=["place", "matter", "reported_on"])
    return rows.sort_values(["place", "matter", "reported_on"], kind="stable")


def _number_cases(found: pd.DataFrame, reported: pd.Series, index: pd.Index) -> pd.DataFrame:
    """Number the chains by the day of their first report, in the order of the rows."""
    first = reported.groupby(found["case"]).transform("min")
    position = pd.Series(np.arange(len(index)), index=index).reindex(found.index)
    opening = position.where(found["nth"] == 1).groupby(found["case"]).transform("max")
    order = (
        pd.DataFrame({"day": first, "row": opening}).drop_duplicates().sort_values(["day", "row"])
    )
    numbers = {row: number for number, row in enumerate(order["row"])}
    found = found.assign(case=opening.map(numbers).astype("Int64")).reindex(index)
    found["nth"] = found["nth"].astype("Int64")
    for flag in ("is_repeat", "is_reopened"):
        found[flag] = found[flag].astype("boolean").fillna(False).astype(bool)
    return found

"""Working days in China: weekends, holidays, make-up days and years nobody knows yet."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.workdays import (
    LAST_KNOWN_YEAR,
    add_working_days,
    count_working_days,
    list_unknown_years,
    number_days,
)


def days(*texts):
    return pd.Series(pd.to_datetime(list(texts)), index=list("ABCDEFGH")[: len(texts)])


def test_plain_weeks():
    start = days("2025-03-03", "2025-03-07", "2025-03-08", "2025-03-03", "2025-03-05")
    end = days("2025-03-04", "2025-03-10", "2025-03-09", "2025-03-03", "2025-03-04")
    counted = count_working_days(start, end)
    # Monday to Tuesday, Friday to Monday, Saturday to Sunday, the same day, backwards.
    assert counted["working_days"].tolist() == [1, 1, 0, 0, -1]
    assert counted["is_certain"].all()


def test_holidays_and_make_up_days_of_2025():
    # State Council, notice 2024 no. 12: spring festival 28 January to 4 February 2025,
    # worked on Sunday 26 January and Saturday 8 February; national day 1 to 8 October,
    # worked on Sunday 28 September and Saturday 11 October.
    start = days("2025-01-24", "2025-01-27", "2025-09-26", "2025-09-30")
    end = days("2025-01-27", "2025-02-08", "2025-09-28", "2025-10-11")
    counted = count_working_days(start, end)["working_days"]
    # 26, 27 January; 5, 6, 7, 8 February; 28 September; 9, 10, 11 October.
    assert counted.tolist() == [2, 4, 1, 3]


def test_years_nobody_knows_are_said():
    year = LAST_KNOWN_YEAR + 1
    start = days(f"{year - 1}-12-01", f"{year}-03-01", "2003-05-01", None)
    counted = count_working_days(start, start + pd.Timedelta(days=14))
    assert counted["is_certain"].tolist() == [True, False, False, False]
    assert counted["working_days"].isna().tolist() == [False, False, False, True]
    assert counted.loc["B", "working_days"] == 10, "weekends alone"
    assert list_unknown_years(start) == [2003, year]


def test_own_holidays_take_the_place_of_the_library():
    start, end = days("2025-10-01"), days("2025-10-08")
    assert count_working_days(start, end)["working_days"].tolist() == [0]
    own = count_working_days(start, end, frozenset({date(2025, 10, 2)}), frozenset())
    assert own["working_days"].tolist() == [4]


def count_one_by_one(start, end):
    """Every day after start up to end, asked of the library."""
    from chinese_calendar import is_workday

    span = pd.date_range(start, end, inclusive="right")
    return sum(is_workday(day.date()) for day in span)


dates = st.dates(date(2019, 1, 1), date(2026, 12, 31))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(dates, st.integers(0, 120))
def test_count_equals_asking_day_by_day(start, length):
    end = min(start + pd.Timedelta(days=length), date(2026, 12, 31))
    counted = count_working_days(pd.Series([start]), pd.Series([end]))
    assert counted["working_days"].item() == count_one_by_one(start, end)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.tuples(dates, st.integers(0, 40)), min_size=1, max_size=8))
def test_a_deadline_is_the_first_day_with_so_many_working_days(rows):
    start = pd.Series([pd.Timestamp(day) for day, _ in rows])
    allowed = pd.Series([number for _, number in rows])
    due = add_working_days(start, allowed)
    assert count_working_days(start, due)["working_days"].tolist() == allowed.tolist()
    eve = due - pd.Timedelta(days=1)
    before = count_working_days(start, eve)["working_days"]
    assert (before[allowed > 0] < allowed[allowed > 0]).all()


def test_times_of_day_and_unknown_do_not_matter():
    start = pd.Series([pd.Timestamp("2025-03-03 23:59"), pd.NaT])
    due = add_working_days(start, 3)
    assert due[0] == pd.Timestamp("2025-03-06")
    assert due.isna().tolist() == [False, True]
    assert add_working_days(start, pd.Series([pd.NA, 3], dtype="Int64")).isna().all()
    assert add_working_days(start[:0], 3).empty
    assert count_working_days(start[:0], start[:0]).empty


def test_it_is_fast_enough_for_every_complaint():
    start = pd.Series(np.datetime64("2024-01-01") + np.arange(200_000) % 700)
    counted = count_working_days(start, start + pd.Timedelta(days=20))
    assert counted["working_days"].between(8, 16).all()


def test_bad_input_is_refused():
    start = days("2025-03-03", "2025-03-04")
    with pytest.raises(GeoError):
        count_working_days(start, start.set_axis(["A", "Z"]))
    with pytest.raises(GeoError):
        count_working_days(start.set_axis(["A", "A"]), start.set_axis(["A", "A"]))
    with pytest.raises(GeoError, match="不是日期"):
        count_working_days(pd.Series(["昨天"]), pd.Series(["今天"]))
    with pytest.raises(GeoError):
        add_working_days(start, -1)
    with pytest.raises(GeoError):
        add_working_days(start, pd.Series([1, 2]))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(dates, st.integers(0, 60), st.integers(1, 20))
def test_numbered_days_count_and_judge_as_the_others_do(start, length, allowed):
    end = min(start + pd.Timedelta(days=length), date(2026, 12, 31))
    numbered = number_days(date(2019, 1, 1), date(2026, 12, 31)).set_index("day")
    first, last = numbered.loc[pd.Timestamp(start)], numbered.loc[pd.Timestamp(end)]
    counted = count_working_days(pd.Series([start]), pd.Series([end]))["working_days"].item()
    assert last["through"] - first["through"] == counted
    due = add_working_days(pd.Series([start]), allowed).item()
    assert (last["before"] - first["through"] >= allowed) == (pd.Timestamp(end) > due)


def test_days_are_numbered_without_holidays_where_none_are_meant():
    week = number_days(date(2025, 10, 1), date(2025, 10, 8), frozenset(), frozenset())
    assert week["through"].tolist() == [1, 2, 3, 3, 3, 4, 5, 6]
    assert week["before"].tolist() == [0, 1, 2, 3, 3, 3, 4, 5]
    assert number_days(date(2025, 10, 1), date(2025, 10, 8))["through"].max() == 0
    with pytest.raises(GeoError):
        number_days(date(2025, 10, 2), date(2025, 10, 1))

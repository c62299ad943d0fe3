"""Small counts hidden: by hand, and against a reader who solves for every hidden count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.optimize import Bounds, LinearConstraint, milp

from geo.suppression import hide_cells, hide_rows

FEWEST = 5


def cells(*counts: int) -> pd.Series:
    return pd.Series(counts, index=[f"c{at}" for at in range(len(counts))])


def hidden_of(*counts: int, **known: Any) -> tuple[list[int], bool]:
    hidden, is_sum = hide_cells(cells(*counts), FEWEST, **known)
    return [at for at, is_hidden in enumerate(hidden) if is_hidden], is_sum


def test_nothing_small_hides_nothing_and_zero_is_not_small() -> None:
    assert hidden_of(5, 0, 70) == ([], False)
    assert hidden_of() == ([], False)


def test_one_small_count_takes_the_smallest_other_with_it() -> None:
    # 3 alone would be the sum less the rest.
    assert hidden_of(3, 40, 9, 12) == ([0, 2], False)


def test_two_small_counts_that_sum_too_low_take_a_third() -> None:
    # 1 + 1: that nothing hidden is zero tells both.
    assert hidden_of(1, 1, 8, 30) == ([0, 1, 2], False)
    # 4 + 4 leaves 1 to 7 for either.
    assert hidden_of(4, 4, 8, 30) == ([0, 1], False)


def test_where_all_hidden_still_tells_the_sum_goes_too() -> None:
    assert hidden_of(3) == ([0], True)
    assert hidden_of(2, 0, 1) == ([0, 1, 2], True)


def test_what_is_left_of_the_whole_is_a_count_too() -> None:
    # 38 of 40 are late: two are not.
    hidden, is_sum = hidden_of(38, 20, 11, wholes=cells(40, 60, 30))
    assert (hidden, is_sum) == ([0, 2], False)
    # All of them, or none: nobody is left.
    assert hidden_of(40, 0, 11, wholes=cells(40, 60, 30)) == ([], False)


def test_rows_are_hidden_whole_and_never_alone() -> None:
    table = pd.DataFrame([[9, 7, 8], [2, 30, 30], [10, 10, 10], [60, 50, 40]], list("abcd"))
    none = pd.Series(False, index=table.index)
    hidden, is_closed = hide_rows(table, FEWEST, forced=none)
    assert (list(hidden[hidden].index), is_closed) == (["a", "b"], False)


def test_a_table_of_one_row_cannot_keep_its_columns_sums() -> None:
    table = pd.DataFrame([[2, 30]], ["a"])
    hidden, is_closed = hide_rows(table, FEWEST, forced=pd.Series([False], ["a"]))
    assert (list(hidden), is_closed) == ([True], True)


# -- a reader who solves for what is hidden -------------------------------------------------------


class Reader:
    """Knows sums of cells that are whole and never negative; asks how far one sum can go."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.rows: list[np.ndarray] = []
        self.sums: list[float] = []
        self.low: list[float] = []
        self.high: list[float] = []

    def learn(self, cells: Any, value: float) -> None:
        self.bound(cells, value, value)

    def bound(self, cells: Any, low: float, high: float = np.inf) -> None:
        row = np.zeros(self.size)
        row[np.asarray(cells).ravel()] = 1
        self.rows.append(row)
        self.low.append(low)
        self.high.append(high)

    def reach(self, cells: Any) -> tuple[int, int]:
        """The least and the most that these cells can sum to."""
        asked = np.zeros(self.size)
        asked[np.asarray(cells).ravel()] = 1
        known = LinearConstraint(np.array(self.rows), self.low, self.high)
        ends = []
        for sign in (1, -1):
            found = milp(
                sign * asked, constraints=known, integrality=np.ones(self.size),
                bounds=Bounds(0, np.inf),
            )  # fmt: skip
            assert found.status in (0, 3), found.message
            ends.append(np.inf if found.status == 3 else round(sign * found.fun))
        return ends[0], ends[1]


small = some.integers(0, 12)


@settings(max_examples=120)
@given(some.lists(small, min_size=1, max_size=7))
def test_no_hidden_cell_follows_from_the_sum(counts: list[int]) -> None:
    hidden, is_sum = hide_cells(cells(*counts), FEWEST)
    assert all(hidden[(cells(*counts) > 0) & (cells(*counts) < FEWEST)])
    if is_sum:
        assert hidden.all()
        return
    reader = Reader(len(counts))
    reader.learn(range(len(counts)), sum(counts))
    for at, (count, is_hidden) in enumerate(zip(counts, hidden, strict=True)):
        if is_hidden:
            reader.bound([at], 1)
        else:
            reader.learn([at], count)
    for at in np.flatnonzero(hidden):
        low, high = reader.reach([at])
        assert low <= counts[at] <= high
        assert high - low >= FEWEST - 1


@settings(max_examples=60)
@given(
    some.integers(1, 4).flatmap(
        lambda wide: some.lists(
            some.lists(some.integers(0, 30), min_size=wide, max_size=wide), min_size=1, max_size=5
        )
    )
)
def test_no_hidden_cell_follows_from_the_margins(rows: list[list[int]]) -> None:
    table = pd.DataFrame(rows)
    places, is_sum = hide_cells(table.sum(axis=1), FEWEST)
    columns, is_sum_too = hide_cells(table.sum(axis=0), FEWEST)
    if is_sum or is_sum_too:
        return
    hidden, is_closed = hide_rows(table, FEWEST, forced=places, open_columns=~columns)
    assert hidden[places].all()
    if is_closed:
        return
    at = np.arange(table.size).reshape(table.shape)
    values, reader = table.to_numpy(), Reader(table.size)
    reader.learn(at, values.sum())
    for row in range(len(table)):
        if not places[row]:
            reader.learn(at[row], values[row].sum())
        if not hidden[row]:
            for column in range(table.shape[1]):
                reader.learn([at[row, column]], values[row, column])
    for column in np.flatnonzero(~columns.to_numpy()):
        reader.learn(at[:, column], values[:, column].sum())
    for row in np.flatnonzero(hidden):
        for column in range(table.shape[1]):
            if 0 < values[row, column] < FEWEST:
                low, high = reader.reach([at[row, column]])
                assert low <= values[row, column] <= high
                assert high - low >= FEWEST - 1


@pytest.mark.parametrize("fewest", [3, 10])
def test_the_threshold_is_the_communitys_own(fewest: int) -> None:
    hidden, _ = hide_cells(cells(3, 9, 40, 50), fewest)
    assert list(hidden) == ([False] * 4 if fewest == 3 else [True, True, False, False])

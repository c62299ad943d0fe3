"""Small counts hidden, with others beside them, so that no hidden count follows by subtraction.

Two shapes of table are protected, each against a reader who knows every total and every count that
is shown, and that nothing hidden is zero:

- one list of counts with its sum (`hide_cells`);
- a table of rows by columns whose row sums and column sums are shown as well (`hide_rows`). Rows
  are shown whole or not at all: what is left over is then a full table of which only the margins
  are known, and what they tell of a cell is exact (Fréchet's bounds).

Tables that share one margin and nothing else can be protected one by one: whatever fits each of
them fits all of them together (a decomposable model), so together they tell no more. It is for the
caller to publish no others.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def hide_cells(
    counts: pd.Series,
    fewest: int,
    *,
    wholes: pd.Series | None = None,
    at_least: pd.Series | None = None,
    forced: pd.Series | None = None,
) -> tuple[pd.Series, bool]:
    """Which of a list of counts to hide, where the sum of the list is shown.

    A count is small where it lies above 0 and below `fewest`; so is what is left of its whole.
    Others are hidden beside the small ones, the smallest first, until a reader is left with at
    least `fewest` possible values for every hidden count, as far as there are so many at all.

    Parameters
    ----------
    counts : Series[int]
        Never negative, none missing.
    fewest
        The smallest count that may be shown, at least 2.
    wholes : Series[int], optional
        What each count is a part of, where the reader knows it.
    at_least : Series[int], optional
        What the reader knows each hidden count to reach.
    forced : Series[bool], optional
        Hidden whatever the count.

    Returns
    -------
    Series[bool], bool
        What is hidden, on the index of `counts`; and whether even the sum must be hidden, because
        all that is above 0 is hidden and the sum would still tell: then everything is.
    """
    values = counts.to_numpy(dtype=np.int64)
    above = np.full(values.size, np.inf) if wholes is None else wholes.to_numpy(dtype=float)
    must = np.zeros(values.size, bool) if forced is None else forced.to_numpy(dtype=bool)
    # Nothing hidden is 0, but for what was hidden whatever it is.
    below = np.where(must, 0, np.minimum(values, 1))
    if at_least is not None:
        below = np.maximum(below, at_least.to_numpy(dtype=np.int64))
    rest = above - values
    is_small = (values > 0) & (values < fewest) | (rest > 0) & (rest < fewest)
    hidden = is_small | must
    while _tells(values, hidden, below, above, fewest):
        left = np.flatnonzero(~hidden & (values > 0))
        if left.size == 0:
            return pd.Series(True, index=counts.index), True
        hidden[left[np.argmin(values[left])]] = True
    return pd.Series(hidden, index=counts.index), False


def _tells(values: Ints, hidden: Flags, below: Ints, above: Floats, fewest: int) -> bool:
    """Whether a reader could tell some hidden count too closely from the sum of the hidden ones."""
    if not hidden.any():
        return False
    low, high = below[hidden].astype(float), above[hidden]
    total = float(values[hidden].sum())
    is_bound = np.isfinite(high)
    bound = np.where(is_bound, high, 0.0)
    # What the others can come to at most; without end as long as one of them is without bound.
    has_open = np.count_nonzero(~is_bound) - ~is_bound > 0
    others = np.where(has_open, np.inf, bound.sum() - bound)
    least = np.maximum(low, total - others)
    most = np.minimum(high, total - (low.sum() - low))
    return bool((most - least < np.minimum(fewest - 1, high - low)).any())


def hide_rows(
    table: pd.DataFrame,
    fewest: int,
    *,
    forced: pd.Series,
    open_columns: pd.Series | None = None,
) -> tuple[pd.Series, bool]:
    """Which rows of a table to hide, where the sums of rows and columns are shown.

    A row is hidden where it holds a small count. More are hidden, the smallest first, until what
    the hidden rows come to in a column is no small count itself, and their margins leave at least
    `fewest` possible values for every small count in them.

    Parameters
    ----------
    table : DataFrame[int]
        Counts, never negative, none missing.
    fewest
        The smallest count that may be shown, at least 2.
    forced : Series[bool]
        Rows whose own sum is hidden, on the index of `table`.
    open_columns : Series[bool], optional
        Columns whose sum is shown; all of them by default.

    Returns
    -------
    Series[bool], bool
        What is hidden, on the index of `table`; and whether the column sums must be hidden too,
        because with every row hidden they would still tell: then both are.
    """
    values = table.to_numpy(dtype=np.int64)
    known = np.ones(values.shape[1], bool)
    if open_columns is not None:
        known = open_columns.to_numpy(dtype=bool)
    is_forced = forced.to_numpy(dtype=bool)
    hidden = ((values > 0) & (values < fewest)).any(axis=1) | is_forced
    sums = values.sum(axis=1)
    while hidden.any() and _table_tells(values[hidden], is_forced[hidden], known, fewest):
        left = np.flatnonzero(~hidden & (sums > 0))
        if left.size == 0:
            return pd.Series(True, index=table.index), bool(known.any())
        hidden[left[np.argmin(sums[left])]] = True
    return pd.Series(hidden, index=table.index), False


def _table_tells(block: Ints, is_forced: Flags, known: Flags, fewest: int) -> bool:
    """Whether the margins of the hidden rows tell a small count, or are one."""
    columns, rows = block[:, known], block.sum(axis=1).astype(float)
    if columns.shape[1] == 0:
        return False
    sums, total = columns.sum(axis=0).astype(float), rows.sum()
    if ((sums > 0) & (sums < fewest)).any():
        return True
    # Of rows without a sum the reader knows but what they come to together.
    bound = np.where(is_forced, rows[is_forced].sum() - (is_forced.sum() - 1), rows)
    least = np.maximum(0.0, rows[:, None] + sums[None, :] - total)
    most = np.minimum(bound[:, None], sums[None, :])
    is_small = (columns > 0) & (columns < fewest)
    return bool(((most - least < fewest - 1) & is_small).any())

"""Classes of a choropleth: natural breaks, at round limits, so that an outlier stands alone."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
SAMPLE = 400


def find_limits(values: pd.Series, most: int = 5) -> list[float]:
    """The limits of at most `most` classes, lowest and highest value included.

    Natural breaks (Fisher 1958: least squares within classes), each moved to the roundest number
    between the classes it parts. No class is empty. One distinct value gives one class, no values
    give none.
    """
    known = np.sort(values.dropna().to_numpy(dtype=float))
    if known.size == 0:
        return []
    distinct = np.unique(known)
    if distinct.size == 1:
        return [float(known[0]), float(known[0])]
    if known.size > SAMPLE:
        known = np.quantile(known, np.linspace(0, 1, SAMPLE))
    starts = _break_naturally(known, min(most, distinct.size))
    inner = [_round_between(known[at - 1], known[at]) for at in starts if known[at - 1] < known[at]]
    return [float(known[0]), *inner, float(known[-1])]


def _break_naturally(known: Floats, classes: int) -> list[int]:
    """Where each class after the first begins, in sorted values."""
    count = known.size
    sums = np.concatenate([[0.0], np.cumsum(known)])
    squares = np.concatenate([[0.0], np.cumsum(known**2)])
    first, last = np.meshgrid(np.arange(count + 1), np.arange(count + 1), indexing="ij")
    size = np.maximum(last - first, 1)
    spread = squares[last] - squares[first] - (sums[last] - sums[first]) ** 2 / size
    cost = np.where(last > first, np.maximum(spread, 0.0), np.inf)
    best, chosen = cost[0], []
    for _ in range(classes - 1):
        total = best[:, None] + cost
        chosen.append(total.argmin(axis=0))
        best = total.min(axis=0)
    starts, end = [], count
    for split in reversed(chosen):
        end = int(split[end])
        starts.append(end)
    return sorted({start for start in starts if 0 < start < count})


def _round_between(below: float, above: float) -> float:
    """The most central of the roundest numbers above `below` and not above `above`."""
    gap = above - below
    power = 10.0 ** math.floor(math.log10(gap))
    size = max(step * power for step in (1, 2, 5) if step * power <= gap * (1 + 1e-9))
    lowest, highest = math.floor(below / size) + 1, math.floor(above / size)
    chosen = min(max(round((below + above) / 2 / size), lowest), highest)
    found = float(f"{chosen * size:.12g}")
    return found if below < found <= above else above


def put_in_classes(values: pd.Series, limits: list[float]) -> pd.Series:
    """The class of every value, from 0; -1 where the value is not known. Same index."""
    if len(limits) < 2:
        return pd.Series(-1, index=values.index, dtype=int)
    inner = np.array(limits[1:-1])
    found = np.searchsorted(inner, values.to_numpy(dtype=float), side="right")
    return pd.Series(np.where(values.isna(), -1, found), index=values.index, dtype=int)


def write_limits(limits: list[float]) -> list[str]:
    """Each class in words: '12 – 30'. A class holds its lower limit, the last one both."""
    if len(limits) == 2 and limits[0] == limits[1]:
        return [f"{limits[0]:,.4g}" if limits[0] < 1000 else f"{limits[0]:,.0f}"]
    # The outer ends are written outwards, as finely as the range asks for.
    digits = max(0, 1 - math.floor(math.log10((limits[-1] - limits[0]) * 2)))
    size = 10.0**-digits
    low, high = math.floor(limits[0] / size) * size, math.ceil(limits[-1] / size) * size
    ends = [round(low, digits), *limits[1:-1], round(high, digits)]
    return [f"{_write(low)} – {_write(high)}" for low, high in pairwise(ends)]


def _write(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"

"""Circles over places, and Kulldorff's ratio in them: what all scans share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy import spatial

from geo.checks import (
    Floats,
    read_numbers,
    require_columns,
    require_metric,
    require_unique_index,
)
from geo.errors import GeoError

Ints = npt.NDArray[np.int64]
Places: TypeAlias = gpd.GeoSeries | gpd.GeoDataFrame | pd.DataFrame | npt.NDArray[np.float64]

SAME_DISTANCE = 1e-9  # in the unit of the plane
ROUNDING = 1e-9  # relative
CENTRES_AT_ONCE = 1_000


@dataclass(frozen=True)
class Windows:
    """The circles around one centre: units by distance, and where a circle may end."""

    order: Ints
    distance: Floats
    is_end: npt.NDArray[np.bool_]
    expected: Floats


@dataclass(frozen=True)
class Circles:
    """The windows of every centre, grown anew on each pass so that memory stays bounded.

    ``x``, ``y`` and ``expected`` are (n,); no circle holds more than ``limit`` expected, nor
    more than ``most`` units, so that time grows with n and not with its square.
    """

    x: Floats
    y: Floats
    expected: Floats
    limit: float
    most: int | None = None

    def __iter__(self) -> Iterator[Windows]:
        for x, y, near in zip(self.x, self.y, self._find_near(), strict=True):
            windows = self._grow(near, np.hypot(self.x[near] - x, self.y[near] - y))
            if len(windows.order):
                yield windows

    def _find_near(self) -> Iterator[Ints]:
        """The units that may lie in the circles of each centre, and one more; ascending."""
        number = len(self.x)
        if self.most is None or self.most + 1 >= number:
            yield from [np.arange(number)] * number
            return
        places = np.column_stack([self.x, self.y])
        tree = spatial.cKDTree(places)
        for start in range(0, number, CENTRES_AT_ONCE):
            centres = places[start : start + CENTRES_AT_ONCE]
            yield from np.sort(tree.query(centres, k=self.most + 1)[1], axis=1)

    def _grow(self, near: Ints, distance: Floats) -> Windows:
        order = np.argsort(distance, kind="stable")
        distance, order = distance[order], near[order]
        expected = np.cumsum(self.expected[order])
        is_end = np.ones(len(order), dtype=bool)
        is_end[:-1] = distance[1:] > distance[:-1] * (1.0 + ROUNDING) + SAME_DISTANCE
        # Of units that do not all fit in, it is not known whether others lie as far away.
        is_end[-1] = len(order) == len(self.x)
        is_end &= (expected <= self.limit * (1.0 + ROUNDING)) & (expected > 0)
        size = int(np.flatnonzero(is_end)[-1]) + 1 if is_end.any() else 0
        return Windows(order[:size], distance[:size], is_end[:size], expected[:size])


@dataclass(frozen=True)
class Pick:
    """One circle chosen as a cluster."""

    windows: Windows
    size: int
    llr: float


def require_scan_settings(
    max_share: float,
    simulations: int,
    max_clusters: int,
    cv: float = 0.0,
    max_units: int | None = None,
) -> None:
    """Raise `GeoError` when a setting of a scan is out of range."""
    if not 0.0 <= cv < np.inf:
        raise GeoError(f"单元之间的变异系数不能是负数或空，现在是 {cv}。")
    if not 0.0 < max_share <= 0.5:
        raise GeoError(f"扫描圈的人口上限必须大于 0 且不超过 0.5，现在是 {max_share}。")
    if max_units is not None and max_units < 1:
        raise GeoError("扫描圈里的单元数至少为 1。")
    if simulations < 1 or max_clusters < 1:
        raise GeoError("模拟次数和聚集区个数都至少为 1。")


def read_places(points: Places, index: pd.Index) -> tuple[Floats, Floats]:
    """Read plane coordinates in the order of `index`; NaN where a unit has no point."""
    if isinstance(points, np.ndarray):
        if points.shape != (len(index), 2):
            raise GeoError("坐标数组的行数与单元数不一致，或者不是两列。")
        points = pd.DataFrame(points, index=index, columns=["x", "y"])
    if isinstance(points, gpd.GeoSeries | gpd.GeoDataFrame):
        require_metric(points, "点位")
        shapes = points.geometry.to_numpy()
        if not np.isin(shapely.get_type_id(shapes), [-1, shapely.GeometryType.POINT]).all():
            raise GeoError("点位里有不是点的图形，请先用 find_inner_points 取内部点。")
        x, y = shapely.get_x(shapes), shapely.get_y(shapes)
        points = pd.DataFrame({"x": x, "y": y}, index=points.index)
    require_columns(points, ["x", "y"], "点位")
    require_unique_index(points.index, "点位")
    if len(points) != len(index) or not index.isin(points.index).all():
        raise GeoError("点位与件数的编号对不上，请检查是否是同一批单元。")
    placed = points.reindex(index)
    return read_numbers(placed["x"], "横坐标"), read_numbers(placed["y"], "纵坐标")


def measure_llr(cases: Floats | Ints, expected: Floats, total: int) -> Floats:
    """Kulldorff's log-likelihood ratio; 0 where there are no more cases than expected."""
    inside = np.maximum(cases, expected)
    outside = total - inside
    llr = inside * np.log(inside / expected)
    llr += outside * np.log(np.where(outside > 0, outside, 1.0) / (total - expected))
    return np.where(cases > expected, llr, 0.0)


def find_best(cases: Ints, windows: Windows, is_taken: Ints, total: int) -> Pick:
    """Find the circle of one centre with the largest ratio, clear of what is taken.

    `cases` and `is_taken` (0 or 1) are (n,), `total` is of all cases everywhere. The ratio
    is 0 where no circle holds more than expected.
    """
    expected = np.where(windows.is_end, windows.expected, 1.0)
    llr = measure_llr(np.cumsum(cases[windows.order]), expected, total)
    llr[~windows.is_end | (np.cumsum(is_taken[windows.order]) > 0)] = 0.0
    at = int(np.argmax(llr))
    return Pick(windows, at + 1, float(llr[at]))


def raise_maxima(
    maxima: Floats, simulated: npt.NDArray[np.signedinteger], windows: Windows, total: int
) -> None:
    """Raise each replication's maximum to the best circle of one centre, in place."""
    cases = simulated.take(windows.order, axis=0)
    for row, following in pairwise(cases):
        np.add(row, following, out=following)
    if not windows.is_end.all():
        cases = cases[windows.is_end]
    expected = windows.expected[windows.is_end]
    least = _bound_cases(expected, total, float(maxima.min())).astype(cases.dtype)
    flat = np.flatnonzero(cases >= least[:, None])
    row, replication = np.divmod(flat, len(maxima))
    llr = measure_llr(cases.ravel()[flat].astype(np.int64), expected[row], total)
    np.maximum.at(maxima, replication, llr)


def _bound_cases(expected: Floats, total: int, llr: float) -> Floats:
    """Bound from below the cases that a circle needs to exceed a ratio.

    For expected < c < total - expected the ratio is at most
    (c - e)² / (2 e (1 - e / total)), since the variance function t (1 - t) is smallest
    at the near end; solved for c. So most circles need no logarithm.
    """
    reach = np.sqrt(2.0 * llr * expected * (1.0 - expected / total))
    return np.floor(np.minimum(expected + reach, total - expected))

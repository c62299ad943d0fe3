"""A density surface for the eye: smooth, pretty, and never a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from geo.checks import Floats, read_amounts
from geo.circles import Places, read_places
from geo.errors import GeoError

REACH = 4.0
CELLS_PER_BANDWIDTH = 3.0
MOST_CELLS = 4_000_000
HECTARE_M2 = 10_000.0


@dataclass(frozen=True)
class Density:
    """A smooth surface of cases, with what was done to get it.

    ``per_hectare`` is (rows, columns), row 0 in the south; ``x`` (columns,) and ``y``
    (rows,) are the middles of the cells in metres; ``bandwidth_m`` is the standard
    deviation of the kernel; ``case_count`` what lies in it, ``unplaced_count`` what has
    no point and is in no cell.
    """

    per_hectare: Floats
    x: Floats
    y: Floats
    bandwidth_m: float
    cell_m: float
    case_count: float
    unplaced_count: float


def smooth_density(
    points: Places,
    weights: pd.Series,
    bandwidth_m: float | None = None,
    cell_m: float | None = None,
) -> Density:
    """Smooth cases into a surface of cases per hectare (Gaussian kernel).

    Parameters
    ----------
    points : n points, as in `geo.hotspots.scan_clusters`; metres
    weights : Series of n numbers, not negative
        Cases at each point; leave default geocodes out.
    bandwidth_m : float or None
        Standard deviation of the kernel. None takes Silverman's rule.
    cell_m : float or None
        Size of a cell. None takes a third of the bandwidth.

    Returns
    -------
    Density
        Its sum times the area of a cell is the number of placed cases, but for the
        3 in 100,000 beyond four bandwidths. Without any placed case it has no cells and
        a bandwidth of NaN.

    Raises
    ------
    MissingCrsError, DegreesError, GeoError
        As in `scan_clusters`; bandwidth or cell not positive; all on one point and no
        bandwidth given; a surface of more than four million cells.

    Notes
    -----
    Silverman (1986), Density Estimation, section 4.3.2: A n^(-1/6) in the plane with A the
    smaller of the mean standard deviation and the mean interquartile range over 1.34.
    It shows where many live as much as where much is wrong: no rate, no test.
    """
    for size in (bandwidth_m, cell_m):
        if size is not None and not 0.0 < size < np.inf:
            raise GeoError("密度图的带宽和格子大小必须大于 0 米。")
    amounts = read_amounts(weights, weights.index, "件数")
    x, y = read_places(points, weights.index)
    amounts = np.nan_to_num(amounts)
    is_placed = ~(np.isnan(x) | np.isnan(y))
    unplaced = float(amounts[~is_placed].sum())
    kept = is_placed & (amounts > 0)
    if not kept.any():
        nothing = np.empty(0)
        return Density(np.empty((0, 0)), nothing, nothing, np.nan, np.nan, 0.0, unplaced)
    x, y, amounts = x[kept], y[kept], amounts[kept]
    width = _choose_bandwidth(x, y, amounts) if bandwidth_m is None else bandwidth_m
    cell = width / CELLS_PER_BANDWIDTH if cell_m is None else cell_m
    counted, east, north = _lay_grid(x, y, amounts, width, cell)
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(counted, width / cell, mode="constant", truncate=REACH)
    per_hectare = smooth * (HECTARE_M2 / cell**2)
    return Density(per_hectare, east, north, width, cell, float(amounts.sum()), unplaced)


def _choose_bandwidth(x: Floats, y: Floats, amounts: Floats) -> float:
    total = amounts.sum()
    spreads = []
    for values in (x, y):
        mean = (values * amounts).sum() / total
        deviation = np.sqrt(((values - mean) ** 2 * amounts).sum() / total)
        quarters = _find_quartiles(values, amounts)
        spreads.append((deviation, (quarters[1] - quarters[0]) / 1.34))
    deviation, middle = np.mean(spreads, axis=0)
    spread = min(deviation, middle) if middle > 0 else deviation
    if spread == 0:
        raise GeoError("所有诉求都在同一个点上，画不出密度图；请给出带宽，或检查坐标。")
    return float(spread * total ** (-1.0 / 6.0))


def _find_quartiles(values: Floats, amounts: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    share = np.cumsum(amounts[order]) / amounts.sum()
    quartiles: Floats = values[order][np.searchsorted(share, [0.25, 0.75])]
    return quartiles


def _lay_grid(
    x: Floats, y: Floats, amounts: Floats, width: float, cell: float
) -> tuple[Floats, Floats, Floats]:
    margin = REACH * width + cell
    west, south = x.min() - margin, y.min() - margin
    columns = int(np.ceil((x.max() + margin - west) / cell))
    rows = int(np.ceil((y.max() + margin - south) / cell))
    if rows * columns > MOST_CELLS:
        raise GeoError("密度图的格子太多：请放大带宽或格子，或检查有没有离得很远的点。")
    counted = np.zeros((rows, columns))
    at = ((y - south) / cell).astype(int), ((x - west) / cell).astype(int)
    np.add.at(counted, at, amounts)
    east = west + (np.arange(columns) + 0.5) * cell
    north = south + (np.arange(rows) + 0.5) * cell
    return counted, east, north

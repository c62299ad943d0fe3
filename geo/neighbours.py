"""Neighbours, and Getis-Ord Gi* among hundreds of areas."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from esda.getisord import G_Local
from libpysal.graph import Graph
from scipy import spatial, stats

from geo.checks import (
    Floats,
    read_numbers,
    require_columns,
    require_metric,
    require_share,
    require_unique_index,
)
from geo.circles import Places, read_places
from geo.errors import GeoError

HOT, COLD, NEITHER, NO_NEIGHBOURS, UNKNOWN = "hot", "cold", "neither", "no_neighbours", "unknown"
FEWEST_UNITS = 3
Ints = npt.NDArray[np.int64]


def find_touching(areas: gpd.GeoSeries, within_m: float = 1.0) -> pd.DataFrame:
    """Find which areas touch or nearly touch, as neighbours in both directions.

    Parameters
    ----------
    areas : GeoSeries of n polygons, metric CRS; None and empty have no neighbours
    within_m : float
        Gaps up to so many metres still touch: outlines drawn by hand never meet.

    Returns
    -------
    DataFrame[unit, neighbour], sorted; no area is its own neighbour

    Raises
    ------
    MissingCrsError, DegreesError
        The areas are not in a metric CRS.
    GeoError
        Duplicated labels, or a negative distance.
    """
    require_metric(areas, "小区边界")
    require_unique_index(areas.index, "小区边界")
    if not 0.0 <= within_m < np.inf:
        raise GeoError("相邻的距离不能是负数。")
    shapes = areas.to_numpy()
    usable = np.flatnonzero(~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    tree = shapely.STRtree(shapes[usable])
    first, second = tree.query(shapes[usable], predicate="dwithin", distance=within_m)
    return _list_pairs(areas.index, usable[first], usable[second])


def find_nearest(points: Places, index: pd.Index, n_nearest: int) -> pd.DataFrame:
    """Find the nearest units of each unit.

    Parameters
    ----------
    points : n points, as in `geo.hotspots.scan_clusters`; metres
    index : labels of the n units
    n_nearest : int
        How many neighbours each gets, at least 1.

    Returns
    -------
    DataFrame[unit, neighbour], sorted
        One direction: being the nearest of another need not be mutual. Units without a
        point are nobody's neighbours.

    Raises
    ------
    MissingCrsError, DegreesError, GeoError
        As in `scan_clusters`; or `n_nearest` not positive.
    """
    if n_nearest < 1:
        raise GeoError("邻居个数至少为 1。")
    x, y = read_places(points, index)
    placed = np.flatnonzero(~(np.isnan(x) | np.isnan(y)))
    number = min(n_nearest + 1, len(placed))
    if number < 2:
        return _list_pairs(index, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    plane = np.column_stack([x, y])[placed]
    _, found = spatial.cKDTree(plane).query(plane, k=number)
    # On one point with more than number others, a unit may be missing from its own list.
    rows = [[other for other in row if other != i][:n_nearest] for i, row in enumerate(found)]
    first = np.repeat(placed, [len(row) for row in rows])
    return _list_pairs(index, first, placed[np.concatenate(rows)])


def find_local_hotspots(
    values: pd.Series,
    neighbours: pd.DataFrame,
    alpha: float = 0.05,
    permutations: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Find areas that lie in high or low surroundings (Getis-Ord Gi*), for hundreds of areas.

    Parameters
    ----------
    values : Series of n numbers, not negative
        Rates, best shrunk: Gi* knows nothing of how many households stand behind one.
    neighbours : DataFrame[unit, neighbour]
        Pairs of labels (`find_touching`, `find_nearest`); an area counts among its own.
        The frame is left as it was.
    alpha : float
        False discovery rate among the areas called hot or cold.
    permutations, seed : int
        Conditional permutations behind the p-values, and their seed.

    Returns
    -------
    DataFrame[z, p_value, q_value, verdict], index of `values`
        `z` is Getis and Ord's; `p_value` two-sided, by permutation; `q_value`
        Benjamini and Hochberg's; ``verdict`` 'hot', 'cold' or 'neither'. Areas without a
        value are 'unknown', those without a neighbour that has one 'no_neighbours'; their
        numbers are NaN. So are all where fewer than three areas are left or all values
        are alike.

    Raises
    ------
    GeoError
        Negative values, duplicated labels, a column absent, pairs with unknown labels,
        settings out of range.

    Notes
    -----
    Ord and Getis (1995), Geographical Analysis 27, 286-306, computed by esda with binary
    weights; Caldas de Castro and Singer (2006), Geographical Analysis 38, 180-208, for
    the false discovery rate. Not for a handful of areas: `geo.hotspots.choose_method`.
    """
    require_share(alpha, "显著性水平")
    if permutations < 1:
        raise GeoError("置换次数至少为 1。")
    require_unique_index(values.index, "数值")
    amounts = read_numbers(values, "数值")
    if (amounts < 0).any():
        raise GeoError("Gi* 的数值不能是负数。")
    first, second = _read_pairs(neighbours, values.index)
    has_value = ~np.isnan(amounts)
    kept = has_value[first] & has_value[second] & (first != second)
    first, second = first[kept], second[kept]
    is_linked = has_value & (np.bincount(first, minlength=len(amounts)) > 0)
    z, p_value = _measure_local(amounts, first, second, is_linked, permutations, seed)
    q_value = np.full(len(amounts), np.nan)
    judged = ~np.isnan(p_value)
    if judged.any():
        q_value[judged] = stats.false_discovery_control(p_value[judged])
    found = q_value <= alpha
    cases = [~has_value, ~is_linked, found & (z > 0), found & (z < 0)]
    verdict = np.select(cases, [UNKNOWN, NO_NEIGHBOURS, HOT, COLD], NEITHER)
    table = {"z": z, "p_value": p_value, "q_value": q_value, "verdict": verdict}
    return pd.DataFrame(table, index=values.index)


def _list_pairs(index: pd.Index, first: Ints, second: Ints) -> pd.DataFrame:
    other = first != second
    order = np.lexsort((second[other], first[other]))
    pairs = {"unit": index[first[other][order]], "neighbour": index[second[other][order]]}
    return pd.DataFrame(pairs)


def _read_pairs(neighbours: pd.DataFrame, index: pd.Index) -> tuple[Ints, Ints]:
    require_columns(neighbours, ["unit", "neighbour"], "相邻关系")
    pairs = neighbours[["unit", "neighbour"]].drop_duplicates()
    first, second = (index.get_indexer(pd.Index(pairs[name])) for name in pairs.columns)
    if (first < 0).any() or (second < 0).any():
        raise GeoError("相邻关系里有数值表中没有的单元，请检查编号。")
    return first.astype(np.int64), second.astype(np.int64)


def _measure_local(
    amounts: Floats,
    first: Ints,
    second: Ints,
    is_linked: npt.NDArray[np.bool_],
    permutations: int,
    seed: int,
) -> tuple[Floats, Floats]:
    """Measure Gi* among the linked areas; NaN elsewhere."""
    z, p_value = (np.full(len(amounts), np.nan) for _ in range(2))
    linked = np.flatnonzero(is_linked)
    known = amounts[linked]
    if len(linked) < FEWEST_UNITS or np.ptp(known) == 0:
        return z, p_value
    position = np.full(len(amounts), -1)
    position[linked] = np.arange(len(linked))
    mutual = is_linked[second]
    own = np.arange(len(linked))
    focal = np.append(position[first[mutual]], own)
    near = np.append(position[second[mutual]], own)
    order = np.lexsort((near, focal))
    graph = Graph.from_arrays(focal[order], near[order], np.ones(len(order)))
    with warnings.catch_warnings():
        # esda 2 gives the p-value of the nearer tail and announces that 3 will give both.
        warnings.filterwarnings("ignore", "The alternative hypothesis", DeprecationWarning)
        local = G_Local(
            known, graph, transform="B", star=True, permutations=permutations,
            keep_simulations=False, n_jobs=1, seed=seed,
        )  # fmt: skip
    z[linked] = local.Zs
    p_value[linked] = np.minimum(1.0, 2.0 * local.p_sim)
    return z, p_value

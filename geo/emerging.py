"""Clusters in space and time: where more came than place and season explain, and since when."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from geo.checks import Floats, read_amounts, read_month_table
from geo.circles import (
    ROUNDING,
    Circles,
    Ints,
    Pick,
    Places,
    Windows,
    find_best,
    raise_maxima,
    read_places,
    require_scan_settings,
)
from geo.errors import GeoError

EMERGING_COLUMNS = [
    "cluster",
    "centre",
    "radius_m",
    "members",
    "first_period",
    "last_period",
    "cases",
    "expected",
    "ratio",
    "llr",
    "p_value",
]


def scan_emerging(
    points: Places,
    cases: pd.DataFrame,
    population: pd.Series | None = None,
    is_prospective: bool = True,
    max_share: float = 0.5,
    max_periods: int | None = None,
    simulations: int = 999,
    seed: int = 0,
    max_clusters: int = 5,
    cv: float = 0.0,
    max_units: int | None = None,
) -> pd.DataFrame:
    """Scan for circles and spans of time that hold more cases than expected.

    Parameters
    ----------
    points : n points, as in `geo.hotspots.scan_clusters`
    cases : DataFrame, n units x k periods of whole numbers, periods ascending
    population : Series of n (same labels) or None
        None expects each unit's own share of all cases in each period's share of them
        (space-time permutation): what differs by nature between places, and the season,
        are no cluster. With a population, expected are its share times the mean period, so
        that a place that is always high is found too.
    is_prospective : bool
        True looks only at spans that reach the last period: what is going on now.
    max_share : float
        No circle holds more than this share of the population (of all cases), at most 0.5.
    max_periods : int or None
        The longest span; None takes half of the periods (at least one).
    simulations, seed : int
        Monte Carlo replications behind the p-values, and their seed.
    max_clusters : int
        Clusters to return at most.
    cv : float
        How far units of each period vary beyond Poisson, as a coefficient of variation:
        see `geo.hotspots.scan_clusters`. It needs a population.
    max_units : int or None
        No circle holds more units than this either.

    Returns
    -------
    DataFrame[cluster, centre, radius_m, members, first_period, last_period, cases,
    expected, ratio, llr, p_value]
        As in `scan_clusters`, with the span of periods. Clusters share no unit. Empty
        where nothing exceeds its expectation. Units without a point are left out, with
        their cases, and named in ``attrs['unplaced']``.

    Raises
    ------
    MissingCrsError, DegreesError
        Points do not lie in a metric CRS.
    GeoError
        Missing, negative or fractional counts, labels that are duplicated or do not
        match, periods that do not ascend, cases where no population is, settings out
        of range, fewer than two periods.

    Notes
    -----
    Kulldorff, Athas, Feurer, Miller and Key (1998), American Journal of Public Health
    88, 1377-1380 (space-time); Kulldorff (2001), JRSS A 164, 61-72 (prospective);
    Kulldorff, Heffernan, Hartman, Assunção and Mostashari (2005), PLoS Medicine 2, e59
    (permutation: replications keep the totals of every unit and period; here they are
    drawn by Patefield's method, scipy.stats.random_table). The p-value does not allow
    for asking again every month.
    """
    require_scan_settings(max_share, simulations, max_clusters, cv, max_units)
    table = _read_table(points, cases, population)
    longest = _read_longest(max_periods, cases.shape[1])
    if population is None and cv > 0:
        raise GeoError("要考虑额外离散时，请给出各单元的户数或人口。")
    spans = _list_spans(cases.shape[1], longest, is_prospective)
    circles = list(_grow(table, max_share, max_units)) if table.total > 0 else []
    found: list[_Found] = []
    if circles:
        found = _pick_spans(table, spans, circles, max_clusters)
    maxima = np.empty(0)
    if found:
        drawn = _draw(table, population is None, simulations, seed, cv)
        maxima = _find_maxima(table, spans, circles, drawn)
    rows = [_describe(table, cases, n, one, maxima) for n, one in enumerate(found, 1)]
    clusters = pd.DataFrame(rows, columns=EMERGING_COLUMNS)
    clusters.attrs["unplaced"] = table.unplaced
    return clusters


@dataclass(frozen=True)
class _Table:
    """Placed units in a fixed order: coordinates, cases and expected (n, k), their total."""

    labels: pd.Index
    x: Floats
    y: Floats
    cases: Ints
    expected: Floats
    total: int
    unplaced: list[object]


@dataclass(frozen=True)
class _Found:
    pick: Pick
    span: tuple[int, int]


def _read_table(points: Places, cases: pd.DataFrame, population: pd.Series | None) -> _Table:
    counts = read_month_table(cases)
    if np.isnan(counts).any():
        raise GeoError("扫描聚集区时，每个单元的每一期都要有件数。")
    if counts.shape[1] < 2:
        raise GeoError("时空扫描至少需要两期数据。")
    people = counts.sum(axis=1)
    if population is not None:
        people = read_amounts(population, cases.index, "户数或人口")
        if np.isnan(people).any():
            raise GeoError("扫描聚集区时，每个单元都要有户数或人口。")
        if (counts.sum(axis=1)[people == 0] > 0).any():
            raise GeoError("有的单元户数为 0 却有诉求，请检查户数。")
    x, y = read_places(points, cases.index)
    is_placed = ~(np.isnan(x) | np.isnan(y))
    order = np.lexsort((*counts.T, people, y, x))
    order = order[is_placed[order]]
    kept, share = counts[order].astype(np.int64), people[order]
    total = int(kept.sum())
    share = share / share.sum() if total else share
    when = kept.sum(axis=0) if population is None else np.full(kept.shape[1], total / kept.shape[1])
    expected = np.outer(share, when)
    unplaced = list(cases.index[~is_placed])
    return _Table(cases.index[order], x[order], y[order], kept, expected, total, unplaced)


def _read_longest(max_periods: int | None, n_periods: int) -> int:
    longest = max(1, n_periods // 2) if max_periods is None else max_periods
    if not 1 <= longest < n_periods:
        raise GeoError("时空扫描的最长时段至少为 1 期，并且要短于全部时段。")
    return longest


def _list_spans(n_periods: int, longest: int, is_prospective: bool) -> list[tuple[int, int]]:
    """List the spans as (first, end), the end not included."""
    ends = [n_periods] if is_prospective else range(1, n_periods + 1)
    return [(end - size, end) for end in ends for size in range(1, min(longest, end) + 1)]


def _grow(table: _Table, max_share: float, max_units: int | None) -> Circles:
    """Make the circles, limited by the expected cases of all periods together."""
    expected = table.expected.sum(axis=1)
    return Circles(table.x, table.y, expected, max_share * table.total, max_units)


def _narrow(windows: Windows, expected: Floats) -> Windows:
    """Take the circles of one centre for one span: same places, the span's expectations."""
    within = np.cumsum(expected[windows.order])
    return replace(windows, expected=within, is_end=windows.is_end & (within > 0))


def _pick_spans(
    table: _Table, spans: list[tuple[int, int]], circles: list[Windows], max_clusters: int
) -> list[_Found]:
    """Pick the best circle and span, then the best that shares no unit with it, and so on."""
    is_taken = np.zeros(len(table.labels), dtype=np.int64)
    found: list[_Found] = []
    while len(found) < max_clusters:
        best: _Found | None = None
        for span in spans:
            cases = table.cases[:, slice(*span)].sum(axis=1)
            expected = table.expected[:, slice(*span)].sum(axis=1)
            for circle in circles:
                pick = find_best(cases, _narrow(circle, expected), is_taken, table.total)
                if pick.llr > (best.pick.llr if best else 0.0):
                    best = _Found(pick, span)
        if best is None:
            break
        is_taken[best.pick.windows.order[: best.pick.size]] = 1
        found.append(best)
    return found


def _draw(table: _Table, is_permuted: bool, simulations: int, seed: int, cv: float) -> Ints:
    """Draw replications of 'nothing is going on': (n, k, simulations)."""
    generator = np.random.default_rng(seed)
    if is_permuted:
        rows, columns = table.cases.sum(axis=1), table.cases.sum(axis=0)
        drawn = stats.random_table(rows, columns, seed=generator).rvs(simulations)
    else:
        share = (table.expected / table.expected.sum()).ravel()
        if cv > 0:
            shape = 1.0 / cv**2
            share = share * generator.gamma(shape, 1.0 / shape, (simulations, len(share)))
            share /= share.sum(axis=1, keepdims=True)
        drawn = generator.multinomial(table.total, share, size=simulations)
        drawn = drawn.reshape(simulations, *table.cases.shape)
    moved: Ints = np.moveaxis(np.asarray(drawn), 0, -1).astype(np.int64)
    return moved


def _find_maxima(
    table: _Table, spans: list[tuple[int, int]], circles: list[Windows], drawn: Ints
) -> Floats:
    maxima = np.zeros(drawn.shape[-1])
    width = np.int16 if table.total < np.iinfo(np.int16).max else np.int32
    for span in spans:
        cases = np.ascontiguousarray(drawn[:, slice(*span)].sum(axis=1).astype(width))
        expected = table.expected[:, slice(*span)].sum(axis=1)
        for circle in circles:
            raise_maxima(maxima, cases, _narrow(circle, expected), table.total)
    return maxima


def _describe(
    table: _Table, cases: pd.DataFrame, number: int, found: _Found, maxima: Floats
) -> dict[str, object]:
    pick, (first, end) = found.pick, found.span
    members = pick.windows.order[: pick.size]
    count = int(table.cases[members, first:end].sum())
    expected = float(pick.windows.expected[pick.size - 1])
    beaten = int((maxima >= pick.llr * (1.0 - ROUNDING)).sum())
    return {
        "cluster": number,
        "centre": table.labels[members[0]],
        "radius_m": float(pick.windows.distance[pick.size - 1]),
        "members": list(table.labels[members]),
        "first_period": cases.columns[first],
        "last_period": cases.columns[end - 1],
        "cases": count,
        "expected": expected,
        "ratio": count / expected,
        "llr": pick.llr,
        "p_value": (1 + beaten) / (1 + len(maxima)),
    }

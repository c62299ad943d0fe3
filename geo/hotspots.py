"""Hotspots: funnel, own past, scan for clusters, and default geocodes that feign them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
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

WINSORISED_SHARE = 0.1
FEWEST_UNITS_FOR_SPREAD = 3
FEWEST_FOR_SCAN = 30
FEWEST_FOR_LOCAL = 200
FEWEST_EARLIER_MONTHS = 3
NONE, ALARMS, SCAN, LOCAL = "none", "alarms", "scan", "scan_and_local"
SCANNED = (SCAN, LOCAL)
GEOCODE_DECIMALS = 6
DOMINANCE = 10
MOST_UNITS_HELD = 4000
CLUSTER_COLUMNS = [
    "cluster",
    "centre",
    "radius_m",
    "members",
    "cases",
    "expected",
    "ratio",
    "llr",
    "p_value",
]


def judge_funnel(counts: pd.Series, expected: pd.Series, alpha: float = 0.05) -> pd.DataFrame:
    """Find units far above what the spread of all units explains.

    Parameters
    ----------
    counts : Series of n whole numbers
    expected : Series of n, same labels
        Expected cases, such as households times the overall rate.
    alpha : float
        False discovery rate among the units called high.

    Returns
    -------
    DataFrame[ratio, z, p_value, q_value, is_high], index of `counts`
        `z` is corrected for overdispersion; `p_value` is one-sided (high); `q_value` is
        Benjamini-Hochberg's. The factor is in ``attrs['phi']``. Numbers are NaN and
        ``is_high`` False where the count is missing or nothing is expected.

    Raises
    ------
    GeoError
        Negative or fractional counts, negative expectations, labels that are
        duplicated or do not match, `alpha` outside 0 to 1.

    Notes
    -----
    Spiegelhalter (2005), Statistics in Medicine 24, 1185-1202, and Quality and Safety
    in Health Care 14, 347-351: z = 2 (sqrt(O) - sqrt(E)), winsorised at 10 % at either
    end; phi is the mean of the squared winsorised z; z is divided by sqrt(phi) unless
    phi < 1. Fewer than three units say nothing about spread: phi is then 1. Winsorising
    makes phi small (to 0.68 of its value for normal z) and normal limits take it as
    known, so among 16 units that differ by nature (CV 0.4) 20 to 40 % of communities show
    a false alarm: this is the published funnel, for comparison. To decide, take
    `geo.alarms.judge_outliers`, which holds `alpha`.
    Benjamini and Hochberg (1995), JRSS B 57, 289-300.
    """
    require_share(alpha, "显著性水平")
    cases = read_counts(counts)
    base = read_amounts(expected, counts.index, "期望件数")
    base = np.where(np.isnan(cases) | (base == 0), np.nan, base)
    naive = 2.0 * (np.sqrt(cases) - np.sqrt(base))
    phi = _measure_overdispersion(naive[~np.isnan(naive)])
    z = naive / np.sqrt(max(1.0, phi))
    judged = pd.DataFrame({"ratio": cases / base, "z": z}, index=counts.index)
    judged = _add_verdict(judged, stats.norm.sf(z), alpha)
    judged.attrs["phi"] = phi
    return judged


def judge_own_past(
    counts: pd.DataFrame,
    exposure: pd.DataFrame | pd.Series | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Judge each unit's latest month against its own earlier months.

    What differs by nature between units does not matter here, for each is its own
    measure. Seasons are not taken out: give months of one season where they matter.

    Parameters
    ----------
    counts : DataFrame, n units x k months of whole numbers, months ascending
        Missing earlier months are skipped.
    exposure : DataFrame of the same labels, or Series per unit, or None
        Households, or days in the month. None means that months are alike.
    alpha : float
        False discovery rate among the units called high.

    Returns
    -------
    DataFrame[latest, expected, ratio, p_value, q_value, is_high], index of `counts`
        ``expected`` is the mean rate of the earlier months times the latest exposure;
        ``ratio`` is NaN where it is zero. ``p_value`` is the probability of at least
        the latest count. A unit with fewer than three earlier months, or without its
        latest count or exposure, has NaN p and q and ``is_high`` False.

    Raises
    ------
    GeoError
        No month at all, months that do not ascend, duplicated labels, exposure that
        does not match, negative or fractional counts.

    Notes
    -----
    With Jeffreys' prior the posterior of the rate is gamma(S + 1/2, E) after S cases in
    exposure E; the latest count is then negative binomial, which holds the uncertainty
    of the past too, and its tail is exact. Within a unit, months are taken as Poisson.
    """
    require_share(alpha, "显著性水平")
    require_unique_index(counts.columns, "月份")
    if not len(counts.columns) or not counts.columns.is_monotonic_increasing:
        raise GeoError("月份必须至少有一个，并且从早到晚排列。")
    cases = _read_months(counts, counts, "件数")
    base = _read_months(_spread_exposure(exposure, counts), counts, "基数(如户数)")
    unusable = np.isnan(cases) | np.isnan(base) | (base == 0)
    cases[unusable] = base[unusable] = np.nan
    past, past_base = np.nansum(cases[:, :-1], axis=1), np.nansum(base[:, :-1], axis=1)
    latest, latest_base = cases[:, -1], base[:, -1]
    enough = (~unusable[:, :-1]).sum(axis=1) >= FEWEST_EARLIER_MONTHS
    rate = np.where(enough, past, np.nan) / np.where(enough, past_base, 1.0)
    expected = rate * latest_base
    p_value = stats.nbinom.sf(latest - 1.0, past + 0.5, past_base / (past_base + latest_base))
    table = {
        "latest": latest,
        "expected": expected,
        "ratio": latest / np.where(expected > 0, expected, np.nan),
    }
    judged = pd.DataFrame(table, index=counts.index)
    return _add_verdict(judged, np.where(enough, p_value, np.nan), alpha)


def scan_clusters(
    points: Places,
    cases: pd.Series,
    expected: pd.Series,
    max_share: float = 0.5,
    simulations: int = 999,
    seed: int = 0,
    max_clusters: int = 5,
    cv: float = 0.0,
    max_units: int | None = None,
) -> pd.DataFrame:
    """Scan for circles that hold more cases than expected (Kulldorff's statistic).

    Parameters
    ----------
    points : GeoSeries or GeoDataFrame of n points in a metric CRS, or DataFrame[x, y], or
        array (n, 2) in the order of `cases`, both taken as a plane
        Units without a point are left out, with their cases, and named in
        ``attrs['unplaced']``.
    cases : Series of n whole numbers
    expected : Series of n, same labels
        Expected cases or population; only proportions matter, for it is scaled to the
        total of the cases.
    max_share : float
        No circle holds more than this share of `expected`, at most 0.5. As in SaTScan a
        circle grows from its centre over the units until the next would exceed it.
    simulations, seed : int
        Monte Carlo replications behind the p-values, and their seed.
    max_clusters : int
        Clusters to return at most.
    cv : float
        How far units differ by nature, as a coefficient of variation, when nothing is
        going on; 0 is plain Poisson. `geo.alarms.judge_outliers` says it in
        ``attrs['cv']``. Where units differ and this is left at 0, nearly every
        community shows a cluster.
    max_units : int or None
        No circle holds more units than this either. Of many thousands, circles of a tenth
        are no place to go to, and looking at them all takes minutes.

    Returns
    -------
    DataFrame[cluster, centre, radius_m, members, cases, expected, ratio, llr, p_value]
        Most likely cluster first (``cluster`` is 1, 2, ...); the others share no unit
        with those before. ``centre`` is a label, ``members`` a list of labels from the
        centre outwards, ``ratio`` is cases over expected, ``llr`` the log-likelihood
        ratio. Empty when there are no cases or nothing exceeds its expectation.

    Raises
    ------
    MissingCrsError, DegreesError
        Points do not lie in a metric CRS.
    GeoError
        Missing, negative or fractional numbers, cases where none are expected, labels
        that are duplicated or do not match, settings out of range.

    Notes
    -----
    Kulldorff (1997), Communications in Statistics - Theory and Methods 26, 1481-1496:
    Poisson model, circular windows centred at each unit, high clusters only. Units at
    one distance from the centre enter together. The p-value compares each cluster with
    the largest ratio anywhere in each replication (multinomial given the total), so
    that secondary ones are judged conservatively. Neither order nor labels of the units
    change the result. A replication costs about 1 ns per window. With `cv`, replications
    are gamma-Poisson: each unit's expectation is multiplied by a gamma variable of mean
    1, as in the overdispersed scans of Loh and Zhu (2007), Annals of Applied Statistics
    1, 560-584, and Zhang, Zhang and Lin (2012), Biometrics 68, 1156-1163; the ratio
    itself is unchanged, only what it is held against.
    """
    require_scan_settings(max_share, simulations, max_clusters, cv, max_units)
    units, unplaced = _read_units(points, cases, expected)
    clusters = pd.DataFrame(columns=CLUSTER_COLUMNS)
    if units.total > 0:
        windows: Iterable[Windows] = Circles(
            units.x, units.y, units.expected, max_share * units.total, max_units
        )
        if len(units.labels) * min(max_units or np.inf, len(units.labels)) <= MOST_UNITS_HELD**2:
            windows = list(windows)
        found = _pick_clusters(units, windows, max_clusters)
        maxima = _simulate_maxima(units, windows, simulations, seed, cv) if found else np.empty(0)
        rows = [
            _describe_cluster(units, number, pick, maxima) for number, pick in enumerate(found, 1)
        ]
        clusters = pd.DataFrame(rows, columns=CLUSTER_COLUMNS)
    clusters.attrs["unplaced"] = unplaced
    return clusters


def choose_method(n_units: int) -> str:
    """Choose which method speaks, by how many units there are.

    Parameters
    ----------
    n_units : int
        Compounds, buildings or cells with a place.

    Returns
    -------
    'none', 'alarms', 'scan' or 'scan_and_local'
        Below 3 units nothing can be compared. Below 30, as the compounds of one
        community, `geo.alarms.judge_compounds` (against the others and their own past).
        From 30 on, as buildings or cells, `scan_clusters` and `scan_emerging`. From
        200 on also `geo.neighbours.find_local_hotspots` (Gi*).

    Raises
    ------
    GeoError
        A negative number.

    Notes
    -----
    Simulated at 16 units, one of them at twice the rate, Gi* finds 4 % and cries wolf in
    48 % of quiet communities: its normal approximation needs many neighbours in a
    large map (Getis and Ord 1992, Geographical Analysis 24, 189-206). A density surface
    (`geo.density`) is for the eye only and never chosen.
    """
    if n_units < 0:
        raise GeoError("单元数不能是负数。")
    limits = [(FEWEST_UNITS_FOR_SPREAD, NONE), (FEWEST_FOR_SCAN, ALARMS), (FEWEST_FOR_LOCAL, SCAN)]
    return next((name for limit, name in limits if n_units < limit), LOCAL)


def find_default_geocodes(
    points: pd.DataFrame,
    min_rows: int = 30,
    min_share: float = 0.005,
    min_addresses: int = 10,
) -> pd.DataFrame:
    """Find points that stand for 'place unknown' rather than for a place.

    The rule: many unrelated rows lie on one exact point. Exact means to 6 decimals
    (0.1 m); many means at least `min_rows` and `min_share` of all rows with
    coordinates. They are unrelated when

    - at least `min_addresses` different addresses lie there; a tower or a busy junction
      has one or a few; or
    - more than half of them state no address, and there are ten times as many as on the
      busiest point that is not suspected. Without addresses a busy place looks like a
      default, so only one that dwarfs all ordinary ones is named.

    Longitude 0, latitude 0 is always a default.

    Parameters
    ----------
    points : DataFrame[lon, lat] and, if known, ``address`` (text)
        Degrees; rows without coordinates are passed over. Blank addresses are unknown.
    min_rows, min_share, min_addresses
        Thresholds of the rule.

    Returns
    -------
    DataFrame[lon, lat, row_count, address_count, share]
        One row per default geocode, the busiest first; `share` of the rows with
        coordinates, 0 to 1.

    Raises
    ------
    GeoError
        A column is absent, or coordinates are not numbers.
    """
    return judge_spots(_count_spots(points), min_rows, min_share, min_addresses)


def judge_spots(
    spots: pd.DataFrame,
    min_rows: int = 30,
    min_share: float = 0.005,
    min_addresses: int = 10,
) -> pd.DataFrame:
    """Find default geocodes among points that are counted already, by `find_default_geocodes`.

    Parameters
    ----------
    spots : DataFrame[lon, lat, row_count, address_count, blank_count, share]
        One row per exact point (degrees to 6 decimals): its rows, its different addresses, its
        rows without one, and its share of all rows with coordinates (0 to 1).

    Returns
    -------
    DataFrame[lon, lat, row_count, address_count, share]
        As `find_default_geocodes` has it.
    """
    is_many = (spots["row_count"] >= min_rows) & (spots["share"] >= min_share)
    ordinary = spots.loc[~is_many, "row_count"]
    busiest_ordinary = ordinary.max() if len(ordinary) else np.inf
    is_blank = spots["blank_count"] * 2 > spots["row_count"]
    dwarfs = is_blank & (spots["row_count"] >= DOMINANCE * busiest_ordinary)
    is_null = (spots["lon"] == 0) & (spots["lat"] == 0)
    is_default = is_null | (is_many & ((spots["address_count"] >= min_addresses) | dwarfs))
    found = spots[is_default].sort_values(
        ["row_count", "lon", "lat"], ascending=[False, True, True]
    )
    return found.drop(columns="blank_count").reset_index(drop=True)


def flag_default_geocodes(
    points: pd.DataFrame,
    min_rows: int = 30,
    min_share: float = 0.005,
    min_addresses: int = 10,
) -> pd.Series[bool]:
    """Flag the rows that lie on a default geocode, by `find_default_geocodes`.

    Returns
    -------
    Series of bool named ``is_default_geocode``, index of `points`
        False where a row has no coordinates.
    """
    found = find_default_geocodes(points, min_rows, min_share, min_addresses)
    lon, lat = _round_degrees(points)
    defaults = pd.MultiIndex.from_frame(found[["lon", "lat"]])
    is_default = pd.MultiIndex.from_arrays([lon, lat]).isin(defaults)
    return pd.Series(is_default, index=points.index, name="is_default_geocode")


@dataclass(frozen=True)
class _Units:
    """The placed units, in an order that depends on nothing but themselves."""

    labels: pd.Index
    x: Floats
    y: Floats
    cases: Ints
    expected: Floats
    total: int


def _measure_overdispersion(z: Floats) -> float:
    if len(z) < FEWEST_UNITS_FOR_SPREAD:
        return 1.0
    low, high = np.quantile(z, [WINSORISED_SHARE, 1.0 - WINSORISED_SHARE])
    return float(np.mean(np.clip(z, low, high) ** 2))


def _add_verdict(judged: pd.DataFrame, p_value: Floats, alpha: float) -> pd.DataFrame:
    q_value = np.full(len(p_value), np.nan)
    is_known = ~np.isnan(p_value)
    if is_known.any():
        q_value[is_known] = stats.false_discovery_control(p_value[is_known])
    return judged.assign(p_value=p_value, q_value=q_value, is_high=q_value <= alpha)


def _spread_exposure(
    exposure: pd.DataFrame | pd.Series | None, counts: pd.DataFrame
) -> pd.DataFrame:
    if isinstance(exposure, pd.DataFrame):
        return exposure
    base = 1.0 if exposure is None else exposure
    column = read_amounts(base, counts.index, "基数(如户数)")
    return pd.DataFrame(dict.fromkeys(counts.columns, column), index=counts.index)


def _read_months(table: pd.DataFrame, like: pd.DataFrame, what: str) -> Floats:
    require_unique_index(table.columns, what)
    if set(table.columns) != set(like.columns):
        raise GeoError(f"{what}的月份与件数的月份对不上。")
    if table is like:
        return np.column_stack([read_counts(table[month], what) for month in like.columns])
    columns = [read_amounts(table[month], like.index, what) for month in like.columns]
    return np.column_stack(columns)


def _read_units(
    points: Places, cases: pd.Series, expected: pd.Series
) -> tuple[_Units, list[object]]:
    counts = read_counts(cases, "件数")
    base = read_amounts(expected, cases.index, "期望件数")
    if np.isnan(counts).any() or np.isnan(base).any():
        raise GeoError("扫描聚集区时，每个单元都要有件数和期望件数。")
    if (counts[base == 0] > 0).any():
        raise GeoError("有的单元期望件数为 0 却有诉求，请检查户数。")
    x, y = read_places(points, cases.index)
    is_placed = ~(np.isnan(x) | np.isnan(y))
    # Sorted by place and content, so that the order of the rows cannot move a p-value.
    order = np.lexsort((counts, base, y, x))
    order = order[is_placed[order]]
    total = int(counts[order].sum())
    scale = total / base[order].sum() if total else 1.0
    units = _Units(
        cases.index[order],
        x[order],
        y[order],
        counts[order].astype(np.int64),
        base[order] * scale,
        total,
    )
    return units, list(cases.index[~is_placed])


def _pick_clusters(units: _Units, windows: Iterable[Windows], max_clusters: int) -> list[Pick]:
    picks: list[Pick] = []
    is_taken = np.zeros(len(units.labels), dtype=np.int64)
    while len(picks) < max_clusters:
        best = max(
            (find_best(units.cases, window, is_taken, units.total) for window in windows),
            key=lambda pick: pick.llr,
            default=None,
        )
        if best is None or best.llr <= 0.0:
            break
        is_taken[best.windows.order[: best.size]] = 1
        picks.append(best)
    return picks


def _simulate_maxima(
    units: _Units, windows: Iterable[Windows], simulations: int, seed: int, cv: float
) -> Floats:
    """Find the largest ratio anywhere in each replication of 'nothing is going on'."""
    generator = np.random.default_rng(seed)
    share = units.expected / units.expected.sum()
    if cv > 0.0:
        shape = 1.0 / cv**2
        share = share * generator.gamma(shape, 1.0 / shape, (simulations, len(share)))
        share /= share.sum(axis=1, keepdims=True)
    # Narrow integers halve the memory traffic, which is what the scan spends its time on.
    width = np.int16 if units.total < np.iinfo(np.int16).max else np.int32
    drawn = generator.multinomial(units.total, share, size=simulations)
    simulated = np.ascontiguousarray(drawn.T.astype(width))
    maxima = np.zeros(simulations)
    for window in windows:
        raise_maxima(maxima, simulated, window, units.total)
    return maxima


def _describe_cluster(units: _Units, number: int, pick: Pick, maxima: Floats) -> dict[str, object]:
    members = pick.windows.order[: pick.size]
    expected = float(pick.windows.expected[pick.size - 1])
    cases = int(units.cases[members].sum())
    beaten = int((maxima >= pick.llr * (1.0 - ROUNDING)).sum())
    return {
        "cluster": number,
        "centre": units.labels[members[0]],
        "radius_m": float(pick.windows.distance[pick.size - 1]),
        "members": list(units.labels[members]),
        "cases": cases,
        "expected": expected,
        "ratio": cases / expected,
        "llr": pick.llr,
        "p_value": (1 + beaten) / (1 + len(maxima)),
    }


def _round_degrees(points: pd.DataFrame) -> tuple[Floats, Floats]:
    require_columns(points, ["lon", "lat"], "点位")
    lon = np.round(read_numbers(points["lon"], "经度"), GEOCODE_DECIMALS) + 0.0
    lat = np.round(read_numbers(points["lat"], "纬度"), GEOCODE_DECIMALS) + 0.0
    return lon, lat


def _count_spots(points: pd.DataFrame) -> pd.DataFrame:
    lon, lat = _round_degrees(points)
    rows = pd.DataFrame({"lon": lon, "lat": lat, "address": _read_addresses(points).array})
    rows = rows.dropna(subset=["lon", "lat"])
    by_spot = rows.groupby(["lon", "lat"], sort=True)
    spots = pd.DataFrame({"row_count": by_spot.size()})
    spots["address_count"] = by_spot["address"].nunique()
    spots["blank_count"] = spots["row_count"] - by_spot["address"].count()
    spots["share"] = spots["row_count"] / max(1, len(rows))
    return spots.reset_index()


def _read_addresses(points: pd.DataFrame) -> pd.Series[str]:
    if "address" not in points.columns:
        return pd.Series(pd.NA, index=points.index, dtype="string")
    text = points["address"].astype("string").str.strip()
    return text.where(text.ne("").fillna(False))

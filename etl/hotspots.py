"""The rows of `out_hotspots`: which compounds, buildings or cells stand out, each method in its place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from etl.store import Writer
from etl.tables.outputs import OUT_HOTSPOTS
from etl.tally import Period, add_months
from geo.alarms import (
    HIGH,
    HIGH_AND_RISING,
    RECENT_MONTHS,
    RISING,
    judge_compounds,
    judge_outliers,
)
from geo.areas import place_points
from geo.crs import make_points, measure_cell, to_metric
from geo.emerging import scan_emerging
from geo.hotspots import LOCAL, SCANNED, choose_method, scan_clusters
from geo.neighbours import HOT, find_local_hotspots, find_nearest, find_touching

ALPHA = 0.05
SEED = 20120901
# A wider circle is no place to go to, and of 20,000 units would take minutes to look for.
MOST_IN_CIRCLE = 200
# Of a community no circle holds more than this share: beyond it is no place to go to.
MAX_SHARE, MAX_SHARE_OF_COMPOUNDS = 0.1, 0.25
EMERGING_CELL_M = 500.0
EMERGING_MONTHS = 3
# Of more units than these months by months take gigabytes to simulate: larger cells, fewer of them.
MOST_EMERGING = 2_000
FEWEST_CASES = 10
FEWEST_EMERGING_CASES = 100
NAMED_MEMBERS = 6
NEAR_BUILDING_M = 60.0
STREET_M = 60.0  # compounds no further apart are neighbours
NEAREST = 6

Row = dict[str, Any]


@dataclass(frozen=True)
class Units:
    """What a scan looks at, one row each: where, whose and called what; counts by month.

    `lonlat` (lon, lat), `points` in metres, `compound_ids`, `names`; `counts` has a column for
    each whole month of the window; circles reach `margin_m` beyond the middles of their units.
    """

    lonlat: pd.DataFrame
    points: gpd.GeoSeries
    compound_ids: pd.Series
    names: pd.Series
    counts: pd.DataFrame
    margin_m: float = 0.0


def find_hotspots(
    writer: Writer, compounds: pd.DataFrame, months: pd.DataFrame, period: Period | None
) -> pd.DataFrame:
    """Compounds above the others or their own past, and clusters among compounds and buildings.

    Which method speaks follows from how many units there are (`geo.hotspots.choose_method`).
    Adds `is_funnel_high`, `is_past_high` and `past_ratio` to `compounds`.
    """
    compounds["is_funnel_high"] = compounds["is_past_high"] = False
    compounds["past_ratio"] = np.nan
    if period is None:
        return pd.DataFrame(columns=[c.name for c in OUT_HOTSPOTS.columns])
    found = [
        *_judge_compounds(compounds, months, period),
        *_scan_compounds(writer, compounds, period),
        *_scan_buildings(writer, compounds, period),
    ]
    frame = pd.DataFrame(found, columns=[c.name for c in OUT_HOTSPOTS.columns])
    frame["hotspot_id"] = [f"H{i + 1:02d}" for i in range(len(frame))]
    return frame


# -- compounds ----------------------------------------------------------------------------------


def _judge_compounds(compounds: pd.DataFrame, months: pd.DataFrame, period: Period) -> list[Row]:
    """Flag the compounds that stand out; a row each against the others and the own past.

    Both comparisons share one allowance for false alarms, so they are judged together.
    """
    households = compounds["households"].astype(float)
    window = len(_list_months(period))
    judged = judge_compounds(months, households, window=window, alpha=ALPHA)
    compounds["past_ratio"] = judged["ratio_past"]
    compounds["is_funnel_high"] = judged["verdict"].isin([HIGH, HIGH_AND_RISING])
    compounds["is_past_high"] = judged["verdict"].isin([RISING, HIGH_AND_RISING])
    recent = add_months(period.end, -RECENT_MONTHS)
    said = (
        ("funnel", "is_funnel_high", "others", window, period.start),
        ("own_past", "is_past_high", "past", RECENT_MONTHS, recent),
    )
    return [
        _describe_compound(
            compounds.loc[i], method, int(months.loc[i].iloc[-length:].sum()),
            judged.loc[i, f"ratio_{against}"], judged.loc[i, f"p_{against}"], since, period,
        )
        for method, flag, against, length, since in said
        for i in compounds.index[compounds[flag]]
    ]  # fmt: skip


def _describe_compound(
    compound: pd.Series, method: str, observed: int, ratio: float, p_value: float,
    since: date, period: Period,
) -> Row:  # fmt: skip
    return {
        "method": method,
        "compound_id": compound["compound_id"],
        "name": compound["name"],
        "lon": compound["lon"],
        "lat": compound["lat"],
        "radius_m": None,
        "observed": observed,
        # A ratio is missing only where nothing at all was expected.
        "expected": 0.0 if pd.isna(ratio) else observed / ratio,
        "ratio": ratio,
        "p_value": p_value,
        "members": json.dumps([compound["compound_id"]], ensure_ascii=False),
        "period_from": since,
        "period_to": period.last,
    }


def _scan_compounds(writer: Writer, compounds: pd.DataFrame, period: Period) -> list[Row]:
    """Clusters of compounds, and compounds in high surroundings, where there are many of them."""
    placed = compounds[compounds["lon"].notna() & (compounds["households"] > 0)]
    method = choose_method(len(placed))
    if method not in SCANNED or not placed["window_count"].sum():
        return []
    units = Units(
        placed[["lon", "lat"]], _metric_points(placed), placed["compound_id"], placed["name"],
        placed[["window_count"]],
    )  # fmt: skip
    households = placed["households"].astype(float)
    counts = placed["window_count"].astype(int)
    rows = _scan(units, counts, households, "scan_compounds", period, MAX_SHARE_OF_COMPOUNDS)
    return [*rows, *(_find_local(writer, placed, period) if method == LOCAL else [])]


def _find_local(writer: Writer, placed: pd.DataFrame, period: Period) -> list[Row]:
    """Compounds whose surroundings are high too (Gi*), each a row."""
    shapes = writer.shapes("core_boundaries")
    areas = shapes[(shapes["level"] == "compound") & shapes["compound_id"].isin(placed.index)]
    areas = areas.drop_duplicates("compound_id").set_index("compound_id")
    # Neighbours are those across the street; where most have no outline, the nearest few.
    if len(areas) * 2 >= len(placed):
        near = find_touching(to_metric(areas.geometry), within_m=STREET_M)
    else:
        near = find_nearest(_metric_points(placed), placed.index, NEAREST)
    local = find_local_hotspots(placed["rate_shrunk"], near, alpha=ALPHA, seed=SEED)
    counts, households = placed["window_count"].astype(float), placed["households"].astype(float)
    ratio = (counts / households) / (counts.sum() / households.sum())
    return [
        _describe_compound(
            placed.loc[i], "local", int(counts[i]), ratio[i], local.loc[i, "q_value"],
            period.start, period,
        )
        for i in local.index[local["verdict"] == HOT]
    ]  # fmt: skip


# -- buildings and cells ------------------------------------------------------------------------


def _scan_buildings(writer: Writer, compounds: pd.DataFrame, period: Period) -> list[Row]:
    """What stands out among buildings; without them, what is new in cells of some hundred metres."""
    buildings = writer.frame("building_units").set_index("building_id", drop=False)
    if choose_method(len(buildings)) not in SCANNED:
        if writer.rows("SELECT count(*) FROM lake.core_buildings")[0][0]:
            return []
        return _scan_news(_count_in_cells(writer, compounds, period), period)
    units = _count_in_buildings(writer, buildings, compounds, period)
    news = units if len(buildings) <= MOST_EMERGING else _count_in_cells(writer, compounds, period)
    return [*_scan_within(units, buildings, period), *_scan_news(news, period)]


def _scan_within(units: Units, buildings: pd.DataFrame, period: Period) -> list[Row]:
    """Clusters of buildings with more complaints than their share of their own compound's.

    Compounds differ by nature and are judged apart; here only what stands out within.
    """
    observed = units.counts.sum(axis=1).astype(int)
    if observed.sum() < FEWEST_CASES:
        return []
    households = buildings["households"].astype(float)
    whose = units.compound_ids
    rate = observed.groupby(whose).sum() / households.groupby(whose).sum()
    return _scan(units, observed, households * whose.map(rate), "scan", period)


def _scan(
    units: Units,
    observed: pd.Series,
    expected: pd.Series,
    method: str,
    period: Period,
    max_share: float = MAX_SHARE,
) -> list[Row]:
    """Clusters of one kind of unit in the whole window, by chance and by nature.

    Units differ by nature too: the second p-value is held against that (overdispersed scan).
    """
    options: dict[str, Any] = {
        "max_share": max_share, "seed": SEED, "max_units": MOST_IN_CIRCLE,
    }  # fmt: skip
    clusters = scan_clusters(units.points, observed, expected, **options)
    if not (clusters["p_value"] <= ALPHA).any():
        return []
    cv = judge_outliers(observed, expected).attrs["cv"]
    clusters["p_value_wide"] = clusters["p_value"]
    if cv > 0:
        wide = scan_clusters(units.points, observed, expected, cv=cv, **options)
        clusters["p_value_wide"] = wide["p_value"]
    return _describe_clusters(clusters, units, method, period.start, period)


def _scan_news(units: Units | None, period: Period) -> list[Row]:
    """Clusters of the newest months that neither the place nor the season explains."""
    if units is None or units.counts.shape[1] < 2 * EMERGING_MONTHS:
        return []
    if units.counts.to_numpy().sum() < FEWEST_EMERGING_CASES:
        return []
    # What came earlier only says how much a place has by nature: one column of it is enough.
    recent = units.counts.iloc[:, -EMERGING_MONTHS:]
    earlier = units.counts.iloc[:, :-EMERGING_MONTHS].sum(axis=1)
    table = pd.concat([earlier.rename(units.counts.columns[0]), recent], axis=1).astype(int)
    clusters = scan_emerging(
        units.points, table, max_share=MAX_SHARE, max_periods=EMERGING_MONTHS, seed=SEED,
        max_units=MOST_IN_CIRCLE,
    )  # fmt: skip
    return _describe_clusters(clusters, units, "emerging", period.start, period)


def _count_in_buildings(
    writer: Writer, buildings: pd.DataFrame, compounds: pd.DataFrame, period: Period
) -> Units:
    """Complaints of each building by month; each complaint counts for the nearest one."""
    points = _metric_points(buildings)
    window = {"window_from": period.start, "window_to": period.end}
    cases = writer.frame("located_points", **window)
    nearest = _find_nearest(points, _metric_points(cases))
    counts = _spread_months(cases, nearest, range(len(buildings)), period)
    whose = buildings["compound_id"]
    names = whose.map(compounds["name"]).fillna(whose) + buildings["building_no"]
    return Units(buildings[["lon", "lat"]], points, whose, names, counts.set_axis(buildings.index))


def _count_in_cells(writer: Writer, compounds: pd.DataFrame, period: Period) -> Units | None:
    """Complaints of each cell by month; cells are larger where there would be too many."""
    window = {"window_from": period.start, "window_to": period.end}
    latitude = compounds["lat"].mean() if compounds["lat"].notna().any() else None
    metres, cells, counted = EMERGING_CELL_M, None, pd.DataFrame()
    while cells is None or len(cells) > MOST_EMERGING:
        lon_step, lat_step = measure_cell(metres, latitude)
        counted = writer.frame("located_cells", lon_step=lon_step, lat_step=lat_step, **window)
        cells = counted[["x", "y"]].drop_duplicates(ignore_index=True)
        metres *= 2.0
    if cells.empty:
        return None
    which = counted[["x", "y"]].merge(cells.reset_index(), how="left")["index"].to_numpy(float)
    lonlat = pd.DataFrame({"lon": cells["x"] * lon_step, "lat": cells["y"] * lat_step})
    points = _metric_points(lonlat)
    within = _find_compounds(writer, points)
    counts = _spread_months(counted, which, range(len(cells)), period)
    names = within.map(compounds["name"]).astype(object).fillna("")
    return Units(lonlat, points, within, names, counts, margin_m=metres / 4.0)


def _spread_months(
    counted: pd.DataFrame, which: np.ndarray, units: Iterable[int], period: Period
) -> pd.DataFrame:
    """A row for each unit and a column for each whole month of the window."""
    months = pd.to_datetime(counted["month"])
    sums = counted["complaint_count"].astype("int64").groupby([which, months]).sum()
    table = sums.unstack(fill_value=0) if len(sums) else pd.DataFrame()
    return table.reindex(index=list(units), columns=_list_months(period), fill_value=0)


def _list_months(period: Period) -> pd.DatetimeIndex:
    return pd.date_range(period.start, period.month, freq="MS")


def _metric_points(frame: pd.DataFrame) -> gpd.GeoSeries:
    return to_metric(make_points(frame))


def _find_nearest(units: gpd.GeoSeries, points: gpd.GeoSeries) -> np.ndarray:
    """Position of the nearest unit of each point; NaN where none is near."""
    tree = shapely.STRtree(units.values)
    which, unit = tree.query_nearest(
        points.to_crs(units.crs).values, max_distance=NEAR_BUILDING_M, all_matches=False
    )
    nearest = np.full(len(points), np.nan)
    nearest[which] = unit
    return nearest


def _find_compounds(writer: Writer, points: gpd.GeoSeries) -> pd.Series:
    """The compound in whose boundary each point lies; None outside all."""
    shapes = writer.shapes("core_boundaries")
    areas = shapes[shapes["level"] == "compound"].drop_duplicates("compound_id")
    if areas.empty:
        return pd.Series([None] * len(points), index=points.index, dtype=object)
    return place_points(points, areas.set_index("compound_id").geometry.to_crs(points.crs))


def _describe_clusters(
    clusters: pd.DataFrame, units: Units, method: str, since: date, period: Period
) -> list[Row]:
    described = []
    for cluster in clusters[clusters["p_value"] <= ALPHA].to_dict("records"):
        members = list(cluster["members"])
        compounds = set(units.compound_ids.loc[members].dropna())
        named = list(dict.fromkeys(name for name in units.names.loc[members] if name))
        first = cluster.get("first_period")
        described.append(
            {
                "method": method,
                "compound_id": compounds.pop() if len(compounds) == 1 else None,
                "name": "、".join(named[:NAMED_MEMBERS]),
                "lon": units.lonlat.loc[cluster["centre"], "lon"],
                "lat": units.lonlat.loc[cluster["centre"], "lat"],
                "radius_m": cluster["radius_m"] + units.margin_m,
                "observed": int(cluster["cases"]),
                "expected": cluster["expected"],
                "ratio": cluster["ratio"],
                "p_value": cluster["p_value"],
                "p_value_wide": cluster.get("p_value_wide"),
                "members": json.dumps([str(m) for m in members], ensure_ascii=False),
                "period_from": since if first is None else first.date(),
                "period_to": period.last,
            }
        )
    return described

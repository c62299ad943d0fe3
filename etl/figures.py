"""The `out_` tables: aggregates from SQL, statistics from geo, put where the views read them."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from etl.coverage import describe_coverage, judge_organizations
from etl.effects import publish_effects
from etl.handling import (
    handle_compounds,
    measure_handling,
    publish_handling,
    read_handling,
)
from etl.profile import Profile
from etl.store import Writer, named_sql
from etl.tables.outputs import (
    OUT_CELLS,
    OUT_COMPOUNDS,
    OUT_COVERAGE,
    OUT_HANDLING,
    OUT_HOTSPOTS,
    OUT_SHAPES,
    OUT_TARGETS,
    OUT_TOTALS,
)
from etl.tally import (
    Period,
    Tally,
    add_months,
    count_compounds,
    list_unknown_years,
    tally_complaints,
)
from etl.targets import build_targets
from geo.alarms import HIGH, HIGH_AND_RISING, RECENT_MONTHS, RISING, judge_compounds
from geo.areas import measure_area, place_points
from geo.crs import to_metric
from geo.hotspots import scan_clusters
from geo.neighbours import find_touching
from geo.rates import (
    estimate_rates,
    measure_chance_first,
    rank_rates,
    shrink_rates,
    smooth_rates_nearby,
)
from geo.seasons import compare_months

CELL_M = 50.0
EMERGING_CELL_M = 500.0
EMERGING_MONTHS = 3
NAMED_MEMBERS = 6
NEAR_BUILDING_M = 60.0
# A wider circle is no place to go to, and of 20,000 units would take minutes to look for.
MOST_IN_CIRCLE = 200
ALPHA = 0.05
CHANCE_CELLS = 4_000_000
MOST_DRAWS, FEWEST_DRAWS = 4_000, 200
SEED = 20120901
UNKNOWN_YEARS = "unknown_holiday_years"
STREET_M = 60.0  # compounds no further apart are neighbours
METRES_PER_DEGREE = 111_320.0


def publish_figures(writer: Writer, profile: Profile) -> None:
    """Work out every `out_` table from the core tables of this transaction."""
    tally = tally_complaints(writer, profile)
    period = tally.period
    writer.replace_by(OUT_SHAPES, "out_shapes")
    base = _measure_compounds(writer)
    _publish_cells(writer, base)
    months = _count_months(tally.months, base, period)
    states = writer.frame("coverage_states")
    states = states[states["compound_id"].isin(base.index)]
    coverage = judge_organizations(states, base, profile, period)
    writer.replace(OUT_COVERAGE, coverage)
    compounds = _describe_compounds(writer, base, tally.months, months, period)
    compounds = compounds.join(describe_coverage(writer, states, coverage, base))
    compounds = compounds.join(_describe_handling(writer, tally, compounds))
    publish_effects(writer, tally, base.index)
    hotspots = _find_hotspots(writer, compounds, months, period)
    # Whatever is flagged has a row of its own there, and so has what the scans find.
    compounds["is_hotspot"] = compounds.index.isin(hotspots["compound_id"].dropna())
    writer.replace(OUT_COMPOUNDS, _finish(compounds))
    writer.replace(OUT_HOTSPOTS, hotspots)
    writer.replace(OUT_TARGETS, build_targets(compounds, coverage, profile))
    unknown_years = list_unknown_years(tally, profile)
    writer.replace(OUT_TOTALS, _sum_up(writer, compounds, profile, unknown_years))


def _measure_compounds(writer: Writer) -> pd.DataFrame:
    """Register and boundaries joined, with areas; index compound_id."""
    base = writer.frame("compound_base").set_index("compound_id", drop=False)
    base.index.name = None
    shapes = writer.shapes("core_boundaries")
    compounds = shapes[shapes["level"] == "compound"].set_index("compound_id")
    compounds = compounds[~compounds.index.duplicated()]
    areas = measure_area(compounds.geometry) if len(compounds) else pd.Series(dtype=float)
    return base.assign(area_m2=areas.reindex(base.index).astype(float))


def _publish_cells(writer: Writer, base: pd.DataFrame) -> None:
    lon_step, lat_step = _cell_steps(base, CELL_M)
    touched = writer.touched_months
    if touched is None:
        first, end = date(1, 1, 1), date(9999, 1, 1)
    elif touched:
        first, end = min(touched), add_months(max(touched), 1)
    else:
        return
    steps = {"lon_step": lon_step, "lat_step": lat_step}
    writer.replace_by(OUT_CELLS, "out_cells", months_from=first, months_to=end, **steps)


def _cell_steps(base: pd.DataFrame, metres: float) -> tuple[float, float]:
    """Degrees of longitude and latitude that make a cell of about so many metres here."""
    latitude = base["lat"].mean() if base["lat"].notna().any() else 30.0
    step = metres / METRES_PER_DEGREE
    return step / max(float(np.cos(np.radians(latitude))), 0.01), step


def _count_months(tally: pd.DataFrame, base: pd.DataFrame, period: Period | None) -> pd.DataFrame:
    """Complaints of each compound in each whole month, months ascending; index compound_id."""
    if period is None:
        return pd.DataFrame(index=base.index)
    months = pd.date_range(min(period.first, period.month), period.month, freq="MS")
    table = tally[tally["compound_id"].notna()].pivot_table(
        index="compound_id", columns="month", values="complaint_count", aggfunc="sum"
    )
    return table.reindex(index=base.index, columns=months).fillna(0).astype("int64")


def _describe_compounds(
    writer: Writer,
    base: pd.DataFrame,
    tally: pd.DataFrame,
    months: pd.DataFrame,
    period: Period | None,
) -> pd.DataFrame:
    """Complaints and people of each compound, but not whether it is a hotspot; by compound_id."""
    start, end = (period.start, period.end) if period else (date(1900, 1, 1), date(1900, 2, 1))
    counts = count_compounds(tally, start, end)
    people = writer.frame("compound_people").set_index("compound_id")
    out = base.copy()
    for frame in (counts, people):
        known = frame.reindex(out.index)
        whole = known.columns.difference(["top_category", "top_category_pct"])
        known[whole] = known[whole].fillna(0).astype("int64")
        out = out.join(known)
    households = out["households"].astype(float)
    all_time = estimate_rates(out["complaint_count"], households)
    out["complaints_per_1000h"] = all_time["rate"]
    out = out.join(estimate_rates(out["window_count"], households))
    out["rate_shrunk"] = shrink_rates(out["window_count"], households)["rate_shrunk"]
    out = out.join(rank_rates(out["window_count"], households, seed=SEED))
    out["first_chance"] = _measure_first(out["window_count"], households)
    out["rate_nearby"] = _smooth_nearby(writer, out["window_count"], households)
    out["window_from"], out["window_to"] = (period.start, period.last) if period else (None, None)
    return out.join(_compare_months(months, period))


def _describe_handling(writer: Writer, tally: Tally, compounds: pd.DataFrame) -> pd.DataFrame:
    """How each compound's complaints are dealt with; `out_handling` says it of them all."""
    if tally.period is None:
        writer.replace(OUT_HANDLING, pd.DataFrame(columns=[c.name for c in OUT_HANDLING.columns]))
        return pd.DataFrame(index=compounds.index)
    handling = read_handling(writer, tally, tally.period)
    measured = measure_handling(handling, compounds)
    publish_handling(writer, measured, handling, compounds)
    return handle_compounds(measured, handling, tally.period, compounds.index)


def _smooth_nearby(writer: Writer, counts: pd.Series, households: pd.Series) -> pd.Series:
    """Rates shrunk towards those of the compounds across the street."""
    shapes = writer.shapes("core_boundaries")
    areas = shapes[shapes["level"] == "compound"].drop_duplicates("compound_id")
    areas = areas[areas["compound_id"].isin(counts.index)].set_index("compound_id")
    if areas.empty:
        return pd.Series(np.nan, index=counts.index)
    near = find_touching(to_metric(areas.geometry), within_m=STREET_M)
    return smooth_rates_nearby(counts, households, near)["rate_nearby"]


def _measure_first(counts: pd.Series, households: pd.Series) -> pd.Series:
    """How likely each compound's true rate is the highest of all, 0 to 1; NaN is unknown."""
    # Draws times compounds are held in memory at once; thousands of compounds need fewer.
    draws = CHANCE_CELLS // max(1, len(counts))
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, draws))
    return measure_chance_first(counts, households, top=1, draws=draws, seed=SEED)


def _compare_months(months: pd.DataFrame, period: Period | None) -> pd.DataFrame:
    """The newest whole month against the month before and the same month a year before."""
    out = pd.DataFrame(index=months.index)
    out["month"] = period.month if period else None
    out["month_count"] = months.iloc[:, -1] if months.shape[1] else pd.NA
    for name, back in (("month", 1), ("year", 12)):
        is_known = months.shape[1] > back
        out[f"{name}_before_count"] = months.iloc[:, -1 - back] if is_known else pd.NA
        compared = compare_months(months, back) if is_known else pd.DataFrame(index=out.index)
        # No such month on record is not the same as a month with too few complaints.
        parts = compared.reindex(columns=["ratio", "ratio_low", "ratio_high", "verdict"])
        out = out.join(parts.add_prefix(f"{name}_"))
    return out


def _find_hotspots(
    writer: Writer, compounds: pd.DataFrame, months: pd.DataFrame, period: Period | None
) -> pd.DataFrame:
    """Compounds above the others or their own past, and clusters among buildings or cells.

    Adds `is_funnel_high`, `is_past_high` and `past_ratio` to `compounds`.
    """
    compounds["is_funnel_high"] = compounds["is_past_high"] = False
    compounds["past_ratio"] = np.nan
    if period is None:
        return pd.DataFrame(columns=[c.name for c in OUT_HOTSPOTS.columns])
    found = [
        *_judge_compounds(compounds, months, period),
        *_scan_buildings(writer, compounds, period),
        *_scan_cells(writer, compounds, period),
    ]
    frame = pd.DataFrame(found, columns=[c.name for c in OUT_HOTSPOTS.columns])
    frame["hotspot_id"] = [f"H{i + 1:02d}" for i in range(len(frame))]
    return frame


def _judge_compounds(
    compounds: pd.DataFrame, months: pd.DataFrame, period: Period
) -> list[dict[str, Any]]:
    """Flag the compounds that stand out; a row each against the others and the own past.

    Both comparisons share one allowance for false alarms, so they are judged together.
    """
    households = compounds["households"].astype(float)
    window = len(pd.date_range(period.start, period.month, freq="MS"))
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
            compounds.loc[i], method, observed=int(months.loc[i].iloc[-length:].sum()),
            ratio=judged.loc[i, f"ratio_{against}"], p_value=judged.loc[i, f"p_{against}"],
            since=since, period=period,
        )
        for method, flag, against, length, since in said
        for i in compounds.index[compounds[flag]]
    ]  # fmt: skip


def _describe_compound(
    compound: pd.Series, method: str, *, observed: int, ratio: float, p_value: float,
    since: date, period: Period,
) -> dict[str, Any]:  # fmt: skip
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


def _scan_buildings(
    writer: Writer, compounds: pd.DataFrame, period: Period
) -> list[dict[str, Any]]:
    """Clusters of buildings with more complaints than their share of their own compound's.

    Compounds differ by nature and are judged apart; here only what stands out within.
    """
    units = writer.frame("building_units").set_index("building_id", drop=False)
    if len(units) < 10:
        return []
    cases = writer.frame("located_points", window_from=period.start, window_to=period.end)
    if cases["complaint_count"].sum() < 10:
        return []
    points = _metric_points(units)
    nearest = _find_nearest(points, _metric_points(cases))
    counted = cases["complaint_count"].groupby(nearest).sum()
    observed = counted.reindex(range(len(units)), fill_value=0).set_axis(units.index).astype(int)
    households = units["households"].astype(float)
    by_compound = units["compound_id"]
    rate = observed.groupby(by_compound).sum() / households.groupby(by_compound).sum()
    expected = households * by_compound.map(rate)
    clusters = scan_clusters(
        points, observed, expected, max_share=0.1, seed=SEED, max_units=MOST_IN_CIRCLE
    )
    lonlat = units[["lon", "lat"]]
    names = _name_buildings(units, compounds)
    return _describe_clusters(clusters, lonlat, by_compound, names, "scan", period.start, period)


def _name_buildings(units: pd.DataFrame, compounds: pd.DataFrame) -> pd.Series:
    compound = units["compound_id"].map(compounds["name"]).fillna(units["compound_id"])
    return compound + units["building_no"]


def _metric_points(frame: pd.DataFrame) -> gpd.GeoSeries:
    points = gpd.points_from_xy(frame["lon"].astype(float), frame["lat"].astype(float))
    return to_metric(gpd.GeoSeries(points, index=frame.index, crs="EPSG:4326"))


def _find_nearest(units: gpd.GeoSeries, points: gpd.GeoSeries) -> np.ndarray:
    """Position of the nearest unit of each point; NaN where none is near."""
    tree = shapely.STRtree(units.values)
    which, unit = tree.query_nearest(
        points.to_crs(units.crs).values, max_distance=NEAR_BUILDING_M, all_matches=False
    )
    nearest = np.full(len(points), np.nan)
    nearest[which] = unit
    return nearest


def _scan_cells(writer: Writer, compounds: pd.DataFrame, period: Period) -> list[dict[str, Any]]:
    """Clusters of cells whose newest months hold more than their own earlier ones lead to expect.

    For places without households by building: each cell's share of all complaints before is the
    expectation for its share now.
    """
    if writer.rows("SELECT count(*) FROM lake.core_buildings")[0][0]:
        return []
    recent = add_months(period.end, -EMERGING_MONTHS)
    lon_step, lat_step = _cell_steps(compounds, EMERGING_CELL_M)
    window = {"window_from": period.start, "window_to": period.end, "recent_from": recent}
    counted = writer.frame("located_cells", lon_step=lon_step, lat_step=lat_step, **window)
    months = pd.Period(period.end, "M").ordinal - pd.Period(period.start, "M").ordinal
    if counted["complaint_count"].sum() < 100 or months < 2 * EMERGING_MONTHS:
        return []
    observed = counted["recent_count"].astype(int)
    before = (
        counted["complaint_count"].astype(int) - observed + 0.5
    )  # a cell never complained of is not impossible
    expected = before * (observed.sum() / before.sum())
    lonlat = pd.DataFrame({"lon": counted["x"] * lon_step, "lat": counted["y"] * lat_step})
    points = _metric_points(lonlat)
    clusters = scan_clusters(
        points, observed, expected, max_share=0.1, seed=SEED, max_units=MOST_IN_CIRCLE
    )
    clusters["radius_m"] += EMERGING_CELL_M / 2  # from the centres of the cells to their edges
    within = _find_compounds(writer, points)
    names = within.map(compounds["name"]).fillna("")
    return _describe_clusters(clusters, lonlat, within, names, "emerging", recent, period)


def _find_compounds(writer: Writer, points: gpd.GeoSeries) -> pd.Series:
    """The compound in whose boundary each point lies; None outside all."""
    shapes = writer.shapes("core_boundaries")
    areas = shapes[shapes["level"] == "compound"].drop_duplicates("compound_id")
    if areas.empty:
        return pd.Series([None] * len(points), index=points.index, dtype=object)
    return place_points(points, areas.set_index("compound_id").geometry.to_crs(points.crs))


def _describe_clusters(
    clusters: pd.DataFrame, lonlat: pd.DataFrame, compound_ids: pd.Series, names: pd.Series,
    method: str, since: date, period: Period,
) -> list[dict[str, Any]]:  # fmt: skip
    described = []
    for cluster in clusters[clusters["p_value"] <= ALPHA].to_dict("records"):
        members = list(cluster["members"])
        compounds = set(compound_ids.loc[members].dropna())
        named = list(dict.fromkeys(name for name in names.loc[members] if name))
        described.append(
            {
                "method": method,
                "compound_id": compounds.pop() if len(compounds) == 1 else None,
                "name": "、".join(named[:NAMED_MEMBERS]),
                "lon": lonlat.loc[cluster["centre"], "lon"],
                "lat": lonlat.loc[cluster["centre"], "lat"],
                "radius_m": cluster["radius_m"],
                "observed": int(cluster["cases"]),
                "expected": cluster["expected"],
                "ratio": cluster["ratio"],
                "p_value": cluster["p_value"],
                "members": json.dumps([str(m) for m in members], ensure_ascii=False),
                "period_from": since,
                "period_to": period.last,
            }
        )
    return described


def _finish(compounds: pd.DataFrame) -> pd.DataFrame:
    return compounds.reindex(columns=[c.name for c in OUT_COMPOUNDS.columns])


def _sum_up(
    writer: Writer, compounds: pd.DataFrame, profile: Profile, unknown_years: list[int]
) -> pd.DataFrame:
    """Totals over the community, beside what the office has published."""
    shapes = writer.shapes("core_boundaries")
    outline = shapes[shapes["level"] == "community"]
    area = measure_area(outline.geometry).sum() if len(outline) else compounds["area_m2"].sum()
    known = compounds["households"].notna().any()
    values = {
        "compounds": float(len(compounds)),
        "households": float(compounds["households"].sum()) if known else None,
        "residents": float(compounds["residents"].sum())
        if compounds["residents"].notna().any()
        else None,
        "area_km2": round(float(area) / 1e6, 4) if area else None,
        **dict(writer.rows(named_sql("plain_totals"))),
    }
    texts = {}
    if unknown_years:
        values[UNKNOWN_YEARS] = float(len(unknown_years))
        texts[UNKNOWN_YEARS] = "、".join(map(str, unknown_years))
    return pd.DataFrame(
        {
            "name": list(values),
            "value": list(values.values()),
            "published": [profile.published.get(name) or None for name in values],
            "text": [texts.get(name) for name in values],
        }
    )

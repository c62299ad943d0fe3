"""Coordinate systems: WGS-84, GCJ-02, BD-09 and metres; nothing is guessed silently.

Chinese web maps shift coordinates. GCJ-02 (Amap, Tencent) moves WGS-84 by up to about
700 m, BD-09 (Baidu) moves GCJ-02 by some more. The formulas are the published ones
(eviltransform, gcoord); their closed inverses are approximate, so the inverses here
are found by fixed-point iteration on the forward formulas and are exact to well below
a millimetre.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely

from geo.areas import repair_areas
from geo.checks import (
    Floats,
    read_numbers,
    require_crs,
    require_metric,
    require_unique_index,
)
from geo.errors import GeoError

__all__ = [
    "Datum",
    "choose_datum",
    "convert",
    "convert_geometry",
    "judge_datum",
    "make_points",
    "measure_cell",
    "require_metric",
    "to_metric",
]

Geo = TypeVar("Geo", gpd.GeoSeries, gpd.GeoDataFrame)
Pair = tuple[Floats, Floats]

KRASOVSKY_AXIS_M = 6378245.0
KRASOVSKY_ECCENTRICITY_SQUARED = 0.00669342162296594323
CHINA_WEST, CHINA_EAST = 72.004, 137.8347
CHINA_SOUTH, CHINA_NORTH = 0.8293, 55.8271
BAIDU_ANGLE = np.pi * 3000.0 / 180.0
BAIDU_SHIFT_LON, BAIDU_SHIFT_LAT = 0.0065, 0.006
MAX_ITERATIONS = 12
SETTLED_DEGREES = 1e-13
# One in a thousand: a wrong datum moves every point, a missed one only leaves things as written.
METRES_PER_DEGREE = 111_320.0  # of latitude, and of longitude on the equator
MIDDLE_OF_CHINA = 30.0
CLEARLY_WORSE = 0.001
LEAST_INSIDE_PCT = 50.0


class Datum(StrEnum):
    """The three systems in which Chinese longitude and latitude come."""

    WGS84 = "WGS-84"
    GCJ02 = "GCJ-02"
    BD09 = "BD-09"


def convert(
    lon: npt.ArrayLike, lat: npt.ArrayLike, source: Datum, target: Datum
) -> tuple[Floats, Floats]:
    """Convert longitudes and latitudes from one datum to another.

    Outside the box 72.004-137.8347 °E, 0.8293-55.8271 °N GCJ-02 equals WGS-84, by the
    published rule; BD-09 has no such box and is shifted everywhere.

    Parameters
    ----------
    lon, lat : array-like of degrees, equal shapes
    source, target : Datum

    Returns
    -------
    lon, lat : ndarray of float
        Degrees, in the shape of the input. Both are NaN where either input was NaN,
        and only there.

    Raises
    ------
    GeoError
        Shapes differ, or a value lies beyond ±180 or ±90 degrees.

    Notes
    -----
    Forward formulas: eviltransform (googollee, 2013) and coordtransform (wandergis).
    The inverses undo the forward formulas to below 1e-9 degrees (0.1 mm); the one-step
    inverses of other libraries differ from them by up to a few 1e-6 degrees (0.5 m).
    """
    lon, lat = _read_degrees(lon, lat)
    source, target = Datum(source), Datum(target)
    if source is target:
        return lon, lat
    is_known = ~np.isnan(lon)
    here = lon[is_known], lat[is_known]
    for step in _STEPS[source, target]:
        here = step(*here)
    lon[is_known], lat[is_known] = here
    return lon, lat


def convert_geometry(geo: Geo, source: Datum, target: Datum) -> Geo:
    """Convert every vertex of a layer from one datum to another.

    Parameters
    ----------
    geo : GeoSeries or GeoDataFrame in degrees
        Its stated CRS is not believed, for GCJ-02 and BD-09 files usually claim WGS-84
        or nothing; `source` says what it is.

    Returns
    -------
    The same layer, heights dropped. CRS is EPSG:4326 when the target is WGS-84 and
    None otherwise, since the other two have no EPSG code and must not pass for WGS-84.

    Raises
    ------
    GeoError
        Coordinates are not degrees.
    """

    def shift(vertices: Floats) -> Floats:
        return np.column_stack(convert(vertices[:, 0], vertices[:, 1], source, target))

    shapes = shapely.transform(shapely.force_2d(geo.geometry.to_numpy()), shift)
    crs = "EPSG:4326" if Datum(target) is Datum.WGS84 else None
    moved = gpd.GeoSeries(shapes, index=geo.index, name=geo.geometry.name, crs=crs)
    if isinstance(geo, gpd.GeoDataFrame):
        return geo.assign(**{geo.geometry.name: moved}).set_crs(crs, allow_override=True)
    return moved


def to_metric(geo: Geo) -> Geo:
    """Bring a layer into the UTM zone that fits it, in metres.

    Lengths in UTM are true to 0.04 % near the central meridian of the zone and to
    0.1 % at its edge.

    Parameters
    ----------
    geo : GeoSeries or GeoDataFrame with a CRS

    Returns
    -------
    The same layer in an estimated UTM CRS.

    Raises
    ------
    MissingCrsError
        The layer has no CRS; it is never guessed.
    GeoError
        The layer holds no geometry, so that no zone can be estimated.
    """
    require_crs(geo)
    shapes = geo.geometry.to_numpy()
    if (shapely.is_missing(shapes) | shapely.is_empty(shapes)).all():
        raise GeoError("这份空间数据里没有任何图形，无法换算成米。")
    return geo.to_crs(_find_utm(geo))


def make_points(frame: pd.DataFrame) -> gpd.GeoSeries:
    """Points of a table with columns lon and lat (WGS-84 degrees); None where either is unknown.

    A point of NaN counts as neither missing nor empty, and then poisons every extent and distance.
    """
    lon, lat = (frame[name].astype(float) for name in ("lon", "lat"))
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), index=frame.index, crs="EPSG:4326")
    return points.where(lon.notna() & lat.notna())


_UTM: dict[tuple[int, int], pyproj.CRS] = {}


def measure_cell(metres: float, latitude: float | None) -> tuple[float, float]:
    """Measure the degrees of longitude and latitude that make a cell of about so many metres.

    `latitude` in degrees; None, where nothing has a place yet, is the middle of China. On a
    sphere, which is within 1 % of the ellipsoid: for cells that only have to be alike.
    """
    step = metres / METRES_PER_DEGREE
    across = np.cos(np.radians(MIDDLE_OF_CHINA if latitude is None else latitude))
    return step / max(float(across), 0.01), step


def _find_utm(geo: Geo) -> pyproj.CRS:
    """The UTM zone of a layer; asked of PROJ once for every part of the world, for that is slow."""
    zone: pyproj.CRS
    if geo.crs != "EPSG:4326":
        zone = geo.estimate_utm_crs()
        return zone
    west, south, east, north = geo.total_bounds
    # All borders of zones, those of Norway and Svalbard too, lie on these lines.
    part = (int((west + east) / 2 // 3), int((south + north) / 2 // 8))
    if part not in _UTM:
        _UTM[part] = geo.estimate_utm_crs()
    return _UTM[part]


def judge_datum(
    lon: pd.Series,
    lat: pd.Series,
    areas_wgs84: gpd.GeoSeries | gpd.GeoDataFrame,
    stated: pd.Series,
) -> pd.DataFrame:
    """Weigh in which datum unlabelled coordinates are, by the areas their rows state.

    Each candidate datum is converted to WGS-84; the right one puts the most points
    into the area (district, community) that the row itself names.

    Parameters
    ----------
    lon, lat : Series of float, n rows
        Degrees in an unknown datum.
    areas_wgs84 : GeoSeries or GeoDataFrame of polygons, indexed by area name
        True WGS-84; any stated geographic or plane CRS is brought there.
    stated : Series of str, n rows, index of `lon`
        The name of the area in which the row says it is.

    Returns
    -------
    DataFrame[point_count, inside_count, inside_pct, lost_count, gained_count], indexed by
    datum (``datum``)
        Best datum first (ties in the order WGS-84, GCJ-02, BD-09). Rows without usable
        coordinates, or whose stated area has no polygon, are not counted.
        ``inside_pct`` is NaN when no row can be judged.
        ``lost_count`` and ``gained_count`` compare each datum with the best one: how many
        different points lie in their area under the best datum only, and under this one
        only. Rows that share a point and an area count once there, for a hundred
        complaints at one gate are one piece of evidence.

    Raises
    ------
    MissingCrsError
        The areas have no CRS.
    GeoError
        Labels are duplicated, or differ between `lon`, `lat` and `stated`.
    """
    require_crs(areas_wgs84, "边界")
    require_unique_index(areas_wgs84.index, "边界")
    require_unique_index(lon.index, "坐标")
    if not (lon.index.equals(lat.index) and lon.index.equals(stated.index)):
        raise GeoError("经度、纬度和所属区域的编号不一致。")
    areas = repair_areas(areas_wgs84).to_crs("EPSG:4326").dropna()
    x, y = read_numbers(lon, "经度"), read_numbers(lat, "纬度")
    position = areas.index.get_indexer(pd.Index(stated))
    usable = (np.abs(x) <= 180) & (np.abs(y) <= 90) & (position >= 0)
    shapes = areas.to_numpy()
    shapely.prepare(shapes)
    claimed = shapes[position[usable]]
    inside = pd.DataFrame(
        {d.value: _is_inside(x[usable], y[usable], d, claimed) for d in Datum}, dtype=bool
    )
    counts = inside.sum().sort_values(ascending=False, kind="stable")
    where = pd.DataFrame({"x": x[usable], "y": y[usable], "area": position[usable]})
    different = inside[~where.duplicated()]
    best = different[counts.index[0]]
    judged = pd.DataFrame({"point_count": len(inside), "inside_count": counts.astype(int)})
    judged["inside_pct"] = 100.0 * counts / len(inside) if len(inside) else np.nan
    judged["lost_count"] = [int((best & ~different[d]).sum()) for d in counts.index]
    judged["gained_count"] = [int((~best & different[d]).sum()) for d in counts.index]
    judged.index = pd.Index([Datum(d) for d in counts.index], name="datum")
    return judged


def _is_inside(
    lon: Floats, lat: Floats, datum: Datum, claimed: npt.NDArray[np.object_]
) -> npt.NDArray[np.bool_]:
    points = shapely.points(*convert(lon, lat, datum, Datum.WGS84))
    return np.asarray(shapely.covers(claimed, points), dtype=bool)


def choose_datum(judged: pd.DataFrame) -> tuple[Datum, bool, str]:
    """Say in which datum coordinates are, with the evidence, and whether it is clear.

    Parameters
    ----------
    judged : DataFrame
        As `judge_datum` returns it.

    Returns
    -------
    datum : Datum
        The best one, where it is clear. Else WGS-84, as long as the best one is not clearly
        better than that; no point is moved without reason.
    is_certain : bool
        Whether at least half of the points lie in their areas under the best datum, and each
        other one is worse by more than chance allows.
    sentence : str
        What was found, with its evidence, and what to do where it is not clear.

    Notes
    -----
    Each other datum is held against the best by the exact one-sided test of McNemar on the
    points on which the two disagree, at `CLEARLY_WORSE`.
    """
    best = Datum(judged.index[0])
    rivals = [Datum(d) for d in judged.index[1:] if not _is_clearly_worse(judged.loc[d])]
    shares = judged["inside_pct"]
    is_plausible = bool(shares.iloc[0] >= LEAST_INSIDE_PCT)
    is_certain = is_plausible and not rivals
    can_be_wgs84 = not is_plausible or Datum.WGS84 in rivals
    datum = best if is_certain or not can_be_wgs84 else Datum.WGS84
    return datum, is_certain, _say_datum(datum, is_certain, rivals, judged)


def _is_clearly_worse(datum: pd.Series) -> bool:
    lost, gained = int(datum["lost_count"]), int(datum["gained_count"])
    if lost <= gained:
        return False
    from scipy import special

    return bool(special.bdtrc(lost - 1, lost + gained, 0.5) < CLEARLY_WORSE)


def _say_datum(datum: Datum, is_certain: bool, rivals: list[Datum], judged: pd.DataFrame) -> str:
    count = int(judged["point_count"].iloc[0])
    advice = "；如有偏移，请在设置里写明 datum。"
    if not count:
        return f"坐标没有写明坐标系，也没有可对照的边界或所属区，先按 {datum} 处理{advice}"
    shares = "，".join(f"按 {d} {p:.1f}% 落在所填区内" for d, p in judged["inside_pct"].items())
    evidence = f"{shares}（{count} 个点）"
    if is_certain:
        return f"坐标按 {datum} 处理：{evidence}。"
    if judged["inside_pct"].iloc[0] < LEAST_INSIDE_PCT:
        return f"坐标和所填的区大多对不上，坐标系看不出来，先按 {datum} 处理：{evidence}{advice}"
    doubtful = "、".join([str(judged.index[0]), *rivals])
    return f"坐标是 {doubtful} 中的哪一种，分不清楚，先按 {datum} 处理：{evidence}{advice}"


def _read_degrees(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Pair:
    x, y = _read_numbers(lon, "经度"), _read_numbers(lat, "纬度")
    if x.shape != y.shape:
        raise GeoError(f"经度有 {x.size} 个，纬度有 {y.size} 个，数目不一致。")
    if (np.abs(x) > 180).any() or (np.abs(y) > 90).any():
        raise GeoError("经纬度超出范围（经度 ±180、纬度 ±90），可能写反了或不是经纬度。")
    unknown = np.isnan(x) | np.isnan(y)
    x[unknown] = y[unknown] = np.nan
    return x, y


def _read_numbers(values: npt.ArrayLike, what: str) -> Floats:
    if isinstance(values, pd.Series):
        return read_numbers(values, what).copy()
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GeoError(f"{what}里有不是数字的内容。") from error


def _is_in_china(lon: Floats, lat: Floats) -> npt.NDArray[np.bool_]:
    inside_lon = (lon >= CHINA_WEST) & (lon <= CHINA_EAST)
    return inside_lon & (lat >= CHINA_SOUTH) & (lat <= CHINA_NORTH)


def _wave(value: Floats, *terms: tuple[float, float]) -> Floats:
    """Sum ``amplitude * sin(value * factor * pi)`` over the terms, times two thirds."""
    total = np.zeros_like(value)
    for amplitude, factor in terms:
        total += amplitude * np.sin(value * factor * np.pi)
    return total * 2.0 / 3.0


def _measure_shift_m(x: Floats, y: Floats) -> Pair:
    """Shift east and north in (pseudo) metres, at x, y degrees from 105 °E 35 °N."""
    common = _wave(x, (20.0, 6.0), (20.0, 2.0))
    root = np.sqrt(np.abs(x))
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += common + _wave(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += common + _wave(x, (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))
    return east, north


def _wgs84_to_gcj02(lon: Floats, lat: Floats) -> Pair:
    east, north = _measure_shift_m(lon - 105.0, lat - 35.0)
    radians = np.radians(lat)
    flattening = 1.0 - KRASOVSKY_ECCENTRICITY_SQUARED * np.sin(radians) ** 2
    prime_vertical = KRASOVSKY_AXIS_M / np.sqrt(flattening)
    meridional = prime_vertical * (1.0 - KRASOVSKY_ECCENTRICITY_SQUARED) / flattening
    shifted_lon = lon + np.degrees(east / (prime_vertical * np.cos(radians)))
    shifted_lat = lat + np.degrees(north / meridional)
    inside = _is_in_china(lon, lat)
    return np.where(inside, shifted_lon, lon), np.where(inside, shifted_lat, lat)


def _gcj02_to_bd09(lon: Floats, lat: Floats) -> Pair:
    radius = np.hypot(lon, lat) + 2e-5 * np.sin(lat * BAIDU_ANGLE)
    angle = np.arctan2(lat, lon) + 3e-6 * np.cos(lon * BAIDU_ANGLE)
    return (
        radius * np.cos(angle) + BAIDU_SHIFT_LON,
        radius * np.sin(angle) + BAIDU_SHIFT_LAT,
    )


def _invert(forward: Callable[[Floats, Floats], Pair], lon: Floats, lat: Floats) -> Pair:
    """Undo `forward` by fixed-point iteration; both shifts are strong contractions."""
    x, y = lon, lat
    for _ in range(MAX_ITERATIONS):
        ahead_x, ahead_y = forward(x, y)
        miss_x, miss_y = ahead_x - lon, ahead_y - lat
        x, y = x - miss_x, y - miss_y
        if not x.size or max(np.abs(miss_x).max(), np.abs(miss_y).max()) < SETTLED_DEGREES:
            break
    return x, y


def _gcj02_to_wgs84(lon: Floats, lat: Floats) -> Pair:
    x, y = _invert(_wgs84_to_gcj02, lon, lat)
    inside = _is_in_china(lon, lat)
    return np.where(inside, x, lon), np.where(inside, y, lat)


def _bd09_to_gcj02(lon: Floats, lat: Floats) -> Pair:
    return _invert(_gcj02_to_bd09, lon, lat)


_STEPS: dict[tuple[Datum, Datum], tuple[Callable[[Floats, Floats], Pair], ...]] = {
    (Datum.WGS84, Datum.GCJ02): (_wgs84_to_gcj02,),
    (Datum.WGS84, Datum.BD09): (_wgs84_to_gcj02, _gcj02_to_bd09),
    (Datum.GCJ02, Datum.WGS84): (_gcj02_to_wgs84,),
    (Datum.GCJ02, Datum.BD09): (_gcj02_to_bd09,),
    (Datum.BD09, Datum.GCJ02): (_bd09_to_gcj02,),
    (Datum.BD09, Datum.WGS84): (_bd09_to_gcj02, _gcj02_to_wgs84),
}

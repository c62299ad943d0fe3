"""Boundaries: repair them, measure them, lay points into them, find where they overlap."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geo.checks import require_crs, require_metric, require_same_crs, require_unique_index
from geo.errors import GeoError

EQUAL_AREA_CRS = "EPSG:6933"
AREAL_TYPES = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
# How far around it a single place is drawn.
LONE_REACH_M = 300.0
MIXED_TYPE = shapely.GeometryType.GEOMETRYCOLLECTION


def repair_areas(areas: gpd.GeoSeries | gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Make every boundary a valid polygon or multipolygon.

    Self-crossings and overlapping parts are resolved by the 'structure' method of
    GEOS: parts that overlap are merged, holes are cut, and whatever collapses to a
    line or a point is dropped. Heights (z) are dropped too.

    Parameters
    ----------
    areas : GeoSeries or GeoDataFrame, n rows, any CRS or none

    Returns
    -------
    GeoSeries
        Same index and CRS. A missing or empty boundary, and one of which no surface
        is left, is None.

    Raises
    ------
    GeoError
        A row holds a point or a line, which is not a boundary.
    """
    raw = areas.geometry.to_numpy()
    kinds = shapely.get_type_id(raw)
    has_shape = (kinds >= 0) & ~shapely.is_empty(raw)
    wrong = has_shape & ~np.isin(kinds, [*AREAL_TYPES, MIXED_TYPE])
    if wrong.any():
        raise GeoError(f"“{areas.index[int(np.argmax(wrong))]}”的边界不是面，而是点或线。")
    repaired = shapely.force_2d(raw)
    broken = has_shape & (~shapely.is_valid(repaired) | (kinds == MIXED_TYPE))
    repaired[broken] = [_keep_surface(shape) for shape in repaired[broken]]
    repaired[~has_shape] = None
    return gpd.GeoSeries(repaired, index=areas.index, crs=areas.crs, name=_name_of(areas))


def measure_area(areas: gpd.GeoSeries | gpd.GeoDataFrame) -> pd.Series[float]:
    """Measure the surface of each boundary.

    Computed in EPSG:6933 (WGS 84 / NSIDC EASE-Grid 2.0 Global), a cylindrical
    projection that keeps area on the ellipsoid. The only error is that edges are
    straight on that plane rather than geodesics: below one part in a million for
    edges of a few kilometres.

    Parameters
    ----------
    areas : GeoSeries or GeoDataFrame of n polygons, any CRS that is stated

    Returns
    -------
    Series of float, n rows, named ``area_m2``
        Square metres; NaN where there is no boundary.

    Raises
    ------
    MissingCrsError
        The layer has no CRS.
    """
    plane = to_equal_area(areas)
    area_m2 = pd.Series(plane.area.to_numpy(), index=areas.index, name="area_m2")
    return area_m2.mask(plane.isna().to_numpy())


def place_points(
    points: gpd.GeoSeries | gpd.GeoDataFrame, areas: gpd.GeoSeries | gpd.GeoDataFrame
) -> pd.Series:
    """Say in which area each point lies.

    A point on a boundary counts as inside. Where several areas cover a point (a
    shared border, an overlap) the first by position in `areas` gets it, so that the
    answer is the same on every run.

    Parameters
    ----------
    points : GeoSeries or GeoDataFrame of n points; missing ones allowed
    areas : GeoSeries or GeoDataFrame of m polygons, in the same CRS
        Broken polygons are repaired first, see `repair_areas`.

    Returns
    -------
    Series of object, n rows, named ``area``
        The label of the area in ``areas.index``, or None outside every area.

    Raises
    ------
    MissingCrsError, CrsMismatchError
        The layers do not say one and the same CRS.
    GeoError
        Duplicated labels, or geometries other than points.
    """
    require_same_crs(points, areas)
    require_unique_index(points.index, "点位")
    require_unique_index(areas.index, "边界")
    shapes = points.geometry.to_numpy()
    kinds = shapely.get_type_id(shapes)
    if not np.isin(kinds, [-1, shapely.GeometryType.POINT]).all():
        raise GeoError("点位里有不是点的图形。")
    first = np.full(len(points), len(areas))
    tree = shapely.STRtree(shapes)
    # Areas are the queries, not the points: GEOS then prepares each polygon once.
    area_at, point_at = tree.query(repair_areas(areas).to_numpy(), predicate="intersects")
    np.minimum.at(first, point_at, area_at)
    labels = np.array([*areas.index, None], dtype=object)
    return pd.Series(labels[first], index=points.index, name="area", dtype=object)


def find_inner_points(areas: gpd.GeoSeries | gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Find a point that certainly lies inside each boundary, for labels and distances.

    The centroid of an L-shaped courtyard can lie outside it; this point cannot.

    Returns
    -------
    GeoSeries of points named ``inner_point``, same index and CRS; None without boundary.
    """
    inner = shapely.point_on_surface(repair_areas(areas).to_numpy())
    return gpd.GeoSeries(inner, index=areas.index, crs=areas.crs, name="inner_point")


def outline_groups(points: gpd.GeoSeries, groups: pd.Series) -> gpd.GeoSeries:
    """Draw areas around groups of points, for groups that have no boundary of their own.

    Every place belongs to the group of the point that is nearest to it (Voronoi cells, dissolved),
    as far out as three times the usual distance between neighbours; enclosed ground is filled.

    Parameters
    ----------
    points : GeoSeries of n points, metric CRS
        Missing points are left out; of several on one spot the first one counts.
    groups : Series of n labels, same index

    Returns
    -------
    GeoSeries
        A polygon or multipolygon for each group that has a point, index the sorted labels, same
        CRS. They touch and do not overlap.

    Raises
    ------
    MissingCrsError, DegreesError
        The points are not in metres.
    """
    require_metric(points, "这些点")
    known = points[~(points.isna() | points.is_empty)]
    known = known[~known.duplicated()]
    if known.empty:
        return gpd.GeoSeries([], index=pd.Index([], dtype=object), crs=points.crs)
    cells, around = _divide_ground(np.asarray(known.values))
    labels = groups[known.index].to_numpy()
    whole = pd.Series(cells).groupby(labels).agg(lambda own: shapely.union_all(own))
    return gpd.GeoSeries(shapely.intersection(whole.to_numpy(), around), whole.index, points.crs)


def _divide_ground(spots: np.ndarray) -> tuple[np.ndarray, shapely.Geometry]:
    """The ground nearest to each of several different points, and how far out any of it is meant."""
    if len(spots) == 1:
        around = shapely.buffer(spots[0], LONE_REACH_M)
        return np.array([around]), around
    near = shapely.distance(spots, spots[_find_nearest(spots)])
    reach = 3.0 * float(np.median(near))
    # Far enough out that the edge of the diagram cuts nothing off.
    frame = shapely.buffer(shapely.box(*shapely.total_bounds(spots)), reach * 2.0)
    drawn = shapely.voronoi_polygons(shapely.multipoints(spots), extend_to=frame, ordered=True)
    around = shapely.get_parts(shapely.union_all(shapely.buffer(spots, reach)))
    # Ground that is enclosed belongs to somebody too.
    filled = shapely.polygons(shapely.get_exterior_ring(around))
    return shapely.get_parts(drawn), shapely.union_all(filled)


def _find_nearest(spots: np.ndarray) -> np.ndarray:
    """For each point the position of the nearest other one."""
    tree = shapely.STRtree(spots)
    which, other = tree.query_nearest(spots, exclusive=True, all_matches=False)
    found = np.empty(len(spots), dtype=np.intp)
    found[which] = other
    return found


def find_overlaps(
    areas: gpd.GeoSeries | gpd.GeoDataFrame, tolerance_m2: float = 1.0
) -> pd.DataFrame:
    """Find pairs of areas that claim the same ground.

    Parameters
    ----------
    areas : GeoSeries or GeoDataFrame of n polygons, any CRS that is stated
    tolerance_m2 : float
        Overlaps up to this many square metres are drawing noise and left out.

    Returns
    -------
    DataFrame[first, second, area_m2]
        A row per overlapping pair, labels in the order of ``areas.index``, the largest
        overlap first.

    Raises
    ------
    MissingCrsError
        The layer has no CRS.
    GeoError
        Duplicated labels or a negative tolerance.
    """
    if not tolerance_m2 >= 0:
        raise GeoError(f"重叠面积的容差不能是负数：{tolerance_m2}。")
    require_unique_index(areas.index, "边界")
    plane = to_equal_area(areas).to_numpy()
    first, second = shapely.STRtree(plane).query(plane, predicate="intersects")
    first, second = first[first < second], second[first < second]
    area_m2 = shapely.area(shapely.intersection(plane[first], plane[second]))
    pairs = pd.DataFrame(
        {"first": areas.index[first], "second": areas.index[second], "area_m2": area_m2}
    ).iloc[np.lexsort((second, first, -area_m2))]
    return pairs[pairs["area_m2"] > tolerance_m2].reset_index(drop=True)


def to_equal_area(areas: gpd.GeoSeries | gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Repair boundaries and bring them into the equal-area plane EPSG:6933 (metres)."""
    require_crs(areas, "边界")
    return repair_areas(areas).to_crs(EQUAL_AREA_CRS)


def _keep_surface(shape: shapely.Geometry) -> shapely.Geometry | None:
    valid = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    parts = shapely.get_parts(valid)
    parts = parts[np.isin(shapely.get_type_id(parts), AREAL_TYPES)]
    surface = shapely.union_all(parts)
    return None if surface.is_empty else surface


def _name_of(areas: gpd.GeoSeries | gpd.GeoDataFrame) -> str:
    return str(areas.geometry.name or "geometry")

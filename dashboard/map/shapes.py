"""Outlines for the page: every shape once, small enough to draw at once."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from dashboard.places import name_area
from etl.areas import SEAM, name_paths
from geo.areas import outline_groups
from geo.crs import make_points, to_metric

DIGITS = 6
LABELLED = ("building", "district")
LEVELS = ("district", "street", "community", "water", "road", "building")
# Outlines keep what can be told apart when the whole area fills a screen three times this wide.
SCREEN = 4000
OUTER_PCT = 0.5


def write_shapes(shapes: gpd.GeoDataFrame, compounds: pd.DataFrame) -> dict[str, Any]:
    """Everything that the page draws of the ground and of the compounds, as plain data.

    Parameters
    ----------
    shapes : GeoDataFrame[level, place_id, name, compound_id, geometry], EPSG:4326
    compounds : DataFrame[compound_id, name, lon, lat]
        A compound without a boundary is drawn as its point; one without either is left out.
    """
    drawn = shapes[~(shapes.geometry.is_empty | shapes.geometry.isna())]
    levels = {level: _write_level(drawn[drawn["level"] == level]) for level in LEVELS}
    outlines = drawn[drawn["level"] == "compound"].set_index("compound_id")
    levels["compound"] = _write_compounds(outlines.geometry, compounds)
    bounds = _find_bounds(outlines.geometry, compounds)
    return {"levels": {k: v for k, v in levels.items() if v}, "bounds": bounds}


def write_areas(shapes: gpd.GeoDataFrame, compounds: pd.DataFrame, level: str) -> dict[str, Any]:
    """The same for the areas of a level, each drawn in place of its compounds; ids are paths.

    An area keeps the boundary that is known for it if all of them have one; else every area is
    drawn around its compounds.
    """
    outlines = _find_areas(shapes, compounds, level)
    areas = pd.DataFrame({"compound_id": outlines.index, "lon": pd.NA, "lat": pd.NA})
    areas["name"] = [name_area(path) for path in outlines.index]
    water = _write_level(shapes[shapes["level"] == "water"])
    levels = {"water": water, "compound": _write_compounds(outlines, areas)}
    return {
        "levels": {k: v for k, v in levels.items() if v},
        "bounds": _find_bounds(outlines, areas),
    }


def outline_areas(
    shapes: gpd.GeoDataFrame, compounds: pd.DataFrame, level: str
) -> gpd.GeoDataFrame:
    """The outlines of the areas of a level as `write_areas` draws them: area, geometry; EPSG:4326."""
    found = _find_areas(shapes, compounds, level)
    return gpd.GeoDataFrame({"area": list(found.index)}, geometry=list(found), crs=shapes.crs)


def _find_areas(shapes: gpd.GeoDataFrame, compounds: pd.DataFrame, level: str) -> gpd.GeoSeries:
    paths = name_paths(compounds, level)
    own = shapes[shapes["level"] == level].drop_duplicates("name").set_index("name").geometry
    listed = sorted(set(paths))
    names = [path.rsplit(SEAM, 1)[-1] for path in listed]
    if len(set(names)) == len(names) and set(names) <= set(own.index):
        return gpd.GeoSeries(own[names].values, index=listed, crs=shapes.crs)
    points = make_points(compounds)
    if points.isna().all():
        return gpd.GeoSeries([], index=pd.Index([], dtype=object), crs=shapes.crs)
    return outline_groups(to_metric(points), paths).to_crs(shapes.crs)


def _write_level(part: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    geometry = _simplify(part.geometry)
    return [
        {
            "id": str(place),
            "name": "" if pd.isna(name) else str(name),
            "geometry": _as_geojson(shape),
            **({"label": _find_middle(shape)} if level in LABELLED else {}),
        }
        for level, place, name, shape in zip(
            part["level"], part["place_id"], part["name"], geometry, strict=True
        )
    ]


def _write_compounds(outlines: gpd.GeoSeries, compounds: pd.DataFrame) -> list[dict[str, Any]]:
    simple = dict(zip(outlines.index, _simplify(outlines), strict=True))
    written = []
    for row in compounds.itertuples():
        shape = simple.get(row.compound_id)
        if shape is None and pd.notna(row.lon) and pd.notna(row.lat):
            shape = shapely.Point(row.lon, row.lat)
        if shape is None:
            continue
        written.append(
            {
                "id": str(row.compound_id),
                "name": str(row.name),
                "geometry": _as_geojson(shape),
                "label": _find_middle(shape),
            }
        )
    return written


def _simplify(shapes: gpd.GeoSeries) -> list[shapely.Geometry]:
    """The shapes without detail too small to be seen; shared borders stay shared."""
    if shapes.empty:
        return []
    parts = np.asarray(shapes.values)
    left, bottom, right, top = shapes.total_bounds
    tolerance = max(right - left, top - bottom) / SCREEN
    is_area = all(shapely.get_dimensions(parts) == 2)
    if is_area and shapely.is_valid(parts).all() and shapely.coverage_is_valid(parts):
        return list(shapely.coverage_simplify(parts, tolerance))
    return list(shapely.simplify(parts, tolerance, preserve_topology=True))


def _as_geojson(shape: shapely.Geometry) -> dict[str, Any]:
    rounded = shapely.transform(shape, lambda xy: np.round(xy, DIGITS))
    found = shapely.geometry.mapping(rounded)
    return {"type": found["type"], "coordinates": found["coordinates"]}


def _find_middle(shape: shapely.Geometry) -> list[float]:
    """Where a label fits best: the middle of the largest circle inside."""
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        largest = max(shapely.get_parts(shape), key=lambda part: part.area)
        reach = max(largest.bounds[2] - largest.bounds[0], largest.bounds[3] - largest.bounds[1])
        sound = largest if largest.is_valid else shapely.make_valid(largest)
        circle = shapely.maximum_inscribed_circle(sound, tolerance=reach / 100)
        point = shapely.Point(circle.coords[0])
    else:
        point = shape.representative_point()
    return [round(point.x, DIGITS), round(point.y, DIGITS)]


def _find_bounds(outlines: gpd.GeoSeries, compounds: pd.DataFrame) -> list[list[float]] | None:
    """South-west and north-east of what the first sight shows; a few far points do not count."""
    points = compounds.dropna(subset=["lon", "lat"])
    boxes = [outlines.total_bounds] if len(outlines) else []
    if len(points):
        share = [OUTER_PCT, 100 - OUTER_PCT] if len(points) > 200 else [0, 100]
        west, east = np.percentile(points["lon"].astype(float), share)
        south, north = np.percentile(points["lat"].astype(float), share)
        boxes.append(np.array([west, south, east, north]))
    if not boxes:
        return None
    stacked = np.vstack(boxes)
    (west, south), (east, north) = stacked[:, :2].min(axis=0), stacked[:, 2:].max(axis=0)
    return [[round(south, 6), round(west, 6)], [round(north, 6), round(east, 6)]]

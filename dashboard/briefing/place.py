"""A small map for a paper: where a compound lies, and where its complaints are; black and white."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import geopandas as gpd
import pandas as pd
from PIL import Image, ImageDraw

# Wide enough for 120 mm at 200 dots an inch; drawn twice as large, for smooth lines.
WIDTH, MARGIN, SCALE = 945, 12, 2
# Grey by level, the lightest below; what is not named here is not drawn.
GROUNDS = {"water": 200, "road": 235}
HIGHEST = 1.2  # times the width
LEAST_DOT, DOT_GROWTH = 3.0, 2.2
Point = tuple[float, float]


def draw_place(shapes: gpd.GeoDataFrame, cells: pd.DataFrame, compound_id: str) -> bytes | None:
    """The community with one compound set off, as PNG; None where it has no outline.

    `cells` are complaints to be shown as dots (lon, lat, complaint_count), the larger the more.
    """
    compounds = shapes[shapes["level"] == "compound"]
    own = compounds[compounds["compound_id"] == compound_id]
    if own.empty:
        return None
    project, size = _make_projection(compounds.total_bounds)
    image = Image.new("L", size, 255)
    pen = ImageDraw.Draw(image)
    for level, grey in GROUNDS.items():
        for shape in shapes[shapes["level"] == level].geometry:
            _draw(pen, shape, project, fill=grey, line=0)
    for shape in compounds.geometry:
        _draw(pen, shape, project, fill=255, line=2 * SCALE)
    for shape in own.geometry:
        _draw(pen, shape, project, fill=215, line=6 * SCALE)
    _draw_dots(pen, cells, project)
    held = io.BytesIO()
    image.resize((size[0] // SCALE, size[1] // SCALE), Image.Resampling.LANCZOS).save(held, "PNG")
    return held.getvalue()


def select_cells(cells: pd.DataFrame, row: Any, compound: Any) -> pd.DataFrame:
    """Complaints of a matter's category within the window of the figures, summed by place."""
    if compound is None or pd.isna(compound.window_from):
        return cells.iloc[:0][["lon", "lat", "complaint_count"]]
    months = pd.to_datetime(cells["month"])
    inside = months.between(pd.Timestamp(compound.window_from), pd.Timestamp(compound.window_to))
    found = cells[inside & (cells["category"] == row.category)]
    return found.groupby(["lon", "lat"], as_index=False)["complaint_count"].sum()


def _make_projection(bounds: Any) -> tuple[Callable[[float, float], Point], tuple[int, int]]:
    """From degrees to dots, shapes kept true at this latitude, and how large the picture is."""
    west, south, east, north = map(float, bounds)
    narrow = math.cos(math.radians((south + north) / 2))
    inner = (WIDTH - 2 * MARGIN) * SCALE
    wide, high = max((east - west) * narrow, 1e-9), max(north - south, 1e-9)
    per_degree = min(inner / wide, inner * HIGHEST / high)
    margin = MARGIN * SCALE
    size = (round(wide * per_degree) + 2 * margin, round(high * per_degree) + 2 * margin)

    def project(lon: float, lat: float) -> Point:
        return (lon - west) * narrow * per_degree + margin, (north - lat) * per_degree + margin

    return project, size


def _draw(
    pen: ImageDraw.ImageDraw, shape: Any, project: Callable[[float, float], Point], *, fill: int,
    line: int,
) -> None:  # fmt: skip
    """The areas of a shape, holes left white; lines are drawn as wide lines."""
    for part in getattr(shape, "geoms", [shape]):
        if part.geom_type == "Polygon":
            ring = [project(*point[:2]) for point in part.exterior.coords]
            pen.polygon(ring, fill=fill)
            for hole in part.interiors:
                pen.polygon([project(*point[:2]) for point in hole.coords], fill=255)
            if line:
                pen.line(ring, fill=0, width=line, joint="curve")
        elif part.geom_type == "LineString":
            pen.line([project(*point[:2]) for point in part.coords], fill=fill, width=4 * SCALE)


def _draw_dots(
    pen: ImageDraw.ImageDraw, cells: pd.DataFrame, project: Callable[[float, float], Point]
) -> None:
    """A dot for each place, its area by how many complaints there are."""
    for lon, lat, count in cells[["lon", "lat", "complaint_count"]].itertuples(index=False):
        x, y = project(float(lon), float(lat))
        radius = (LEAST_DOT + DOT_GROWTH * math.sqrt(float(count))) * SCALE
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=70, outline=255)

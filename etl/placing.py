"""Points into areas inside the database: most by the cell of a grid, the rest by geometry."""

from __future__ import annotations

import geopandas as gpd
import pyarrow as pa
import shapely

from etl.store import Writer, named_sql
from geo.grid import MOST_CELLS, Grid, lay_grid

# Fewer points are placed sooner by their geometry than a grid is laid.
FEWEST_POINTS = 500_000


def place_in_areas(
    writer: Writer, point_count: int, fewest: int = FEWEST_POINTS, most_cells: int = MOST_CELLS
) -> None:
    """Make `placed_points` readable by name: point_id, and in which area each point lies.

    It says so of the rows that `points` (point_id, lon, lat) then has, by the shapes of `areas`
    (area, geometry; numbered from 0 without gaps), both readable by name already. A point on a
    border lies in the area; of several the first has it. Points outside all of them are not
    listed, or have no area. Both ways give the same; `point_count`, a guess is enough, decides.
    """
    shapes = _read_areas(writer) if point_count >= fewest else None
    by_cell = shapes is not None and not shapes.is_empty.all()
    if by_cell:
        _keep_grid(writer, lay_grid(shapes, most_cells))
    name = "points_by_cell" if by_cell else "points_by_shape"
    writer.execute(f"CREATE OR REPLACE TEMP VIEW placed_points AS {named_sql(name)}")


def _read_areas(writer: Writer) -> gpd.GeoSeries:
    found = writer.arrow("SELECT ST_AsWKB(geometry)::BLOB AS shape FROM areas ORDER BY area")
    return gpd.GeoSeries(shapely.from_wkb(found["shape"].to_pylist()), crs="EPSG:4326")


def _keep_grid(writer: Writer, grid: Grid) -> None:
    """Put the grid where `points_by_cell` reads it."""
    borders = grid.borders.rename_axis("border").reset_index().astype({"border": "int32"})
    writer.register("area_cells", pa.Table.from_pandas(grid.cells, preserve_index=False))
    writer.register("area_borders", pa.Table.from_pandas(borders, preserve_index=False))
    variables = {
        "west": grid.west,
        "south": grid.south,
        "east": grid.east,
        "north": grid.north,
        "per_unit": grid.per_unit,
        "width": grid.width,
        "tolerance": grid.tolerance,
        "tolerance_apart": grid.tolerance_apart,
        "hard": len(borders) - 1,
    }
    for name, value in variables.items():
        writer.execute(f"SET VARIABLE grid_{name} = $1", [value])

"""A grid under areas: what its cells claim holds of their whole square."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import Polygon, box

from geo.errors import GeoError
from geo.grid import lay_grid


def draw_cells(grid, cells):
    """The squares of cells."""
    x = cells % grid.width / grid.per_unit + grid.west
    y = cells // grid.width / grid.per_unit + grid.south
    half = 0.5 / grid.per_unit
    return shapely.box(x - half, y - half, x + half, y + half)


def test_a_square_is_a_ring_of_border_cells_around_whole_ones():
    # The first centre is a quarter of a cell within the corner, so the last cell ends three
    # quarters of one beyond as many cells as fit.
    grid = lay_grid(gpd.GeoSeries([box(0, 0, 10, 10)]), most_cells=100)
    across = int(10 * grid.per_unit + 0.25) + 1
    assert 81 <= across**2 <= 100
    assert (grid.cells["area"] == 0).sum() == (across - 2) ** 2
    assert (grid.cells["area"] == -1).sum() == 4 * (across - 1)
    assert grid.cells["border"].max() == 4 * (across - 1) - 1
    assert len(grid.borders) == 4 * (across - 1) + 1
    assert (grid.cells["area"] == -1).equals(grid.cells["border"] >= 0)


def test_whole_cells_lie_inside_and_others_meet_a_border():
    courtyard = Polygon(box(0, 0, 40, 40).exterior, [box(10, 10, 30, 20).exterior])
    slanted = Polygon([(41, 0), (80, 7), (60, 45), (43, 38)])
    areas = gpd.GeoSeries([courtyard, slanted, None, Polygon()], crs="EPSG:32648")
    grid = lay_grid(areas, most_cells=2_000)
    assert grid.cells["cell"].is_unique
    whole = grid.cells[grid.cells["area"] >= 0]
    assert len(whole) > 800
    squares = draw_cells(grid, whole["cell"].to_numpy())
    assert shapely.covers(areas.to_numpy()[whole["area"]], squares).all()
    shared = grid.cells[grid.cells["area"] < 0]
    borders = shapely.union_all(areas.boundary.to_numpy())
    squares = draw_cells(grid, shared["cell"].to_numpy())
    assert (shapely.distance(borders, squares) < 1e-3).all()
    # Together they cover everything.
    covered = shapely.union_all(draw_cells(grid, grid.cells["cell"].to_numpy()))
    assert covered.buffer(1e-6).covers(shapely.union_all(areas.to_numpy()[:2]))


def test_a_border_row_has_its_centre_on_the_left():
    grid = lay_grid(gpd.GeoSeries([Polygon([(0, 0), (9, 1), (8, 9), (1, 8)])]), most_cells=300)
    rows = grid.borders[:-1]
    for edge in "12":
        side = rows[f"dx{edge}"] * (rows["at_y"] - rows[f"y{edge}"]) - rows[f"dy{edge}"] * (
            rows["at_x"] - rows[f"x{edge}"]
        )
        assert (side[~rows["is_hard"]] > grid.tolerance).all()
    assert grid.borders["is_hard"].iloc[-1]


def test_the_first_of_overlapping_areas_has_the_cell():
    areas = gpd.GeoSeries([box(0, 0, 10, 10), box(0, 0, 10, 10)])
    grid = lay_grid(areas, most_cells=400)
    assert set(grid.cells["area"]) == {-1, 0}
    later = grid.borders["later"].to_numpy()[:-1]
    first = np.flatnonzero(later >= 0)
    assert (grid.borders["area"].to_numpy()[first] == 0).all()
    assert (grid.borders["area"].to_numpy()[later[first]] == 1).all()


def test_broken_shapes_are_left_to_geometry():
    bow_tie = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    grid = lay_grid(gpd.GeoSeries([bow_tie]), most_cells=100)
    assert (grid.cells["area"] == -1).all()
    assert grid.borders["is_hard"].all()


def test_the_number_of_cells_is_held_to():
    towns = gpd.GeoSeries([box(x, 0, x + 0.01, 0.01) for x in range(50)])
    assert 2_000 < len(lay_grid(towns, most_cells=10_000).cells) < 11_000
    line = gpd.GeoSeries([box(0, 0, 1, 0.0000001)])
    assert len(lay_grid(line, most_cells=1_000).cells) < 3_000


def test_a_grid_needs_an_area_and_cells():
    with pytest.raises(GeoError, match="边界"):
        lay_grid(gpd.GeoSeries([None, Polygon()]))
    with pytest.raises(GeoError, match="格数"):
        lay_grid(gpd.GeoSeries([box(0, 0, 1, 1)]), most_cells=0)

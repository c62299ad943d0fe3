"""Points are placed in areas: by cells and by shapes alike, and as shapely has it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from etl.placing import place_in_areas
from etl.store import Store

EAST, NORTH = 104.0, 30.5


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("placing") / "store")
    with store.write("test") as writer:
        yield writer
    store.close()


def place(writer, shapes, points, *, most_cells=400, fewest=0):
    """In which area each point lies; -1 is none."""
    lon, lat = np.asarray(points, dtype=float).reshape(-1, 2).T
    number = pa.array(range(len(lon)), pa.int64())
    writer.register("points", pa.table({"point_id": number, "lon": lon, "lat": lat}))
    wkb = pa.array(list(shapely.to_wkb(np.array(shapes, dtype=object))), pa.binary())
    place_areas = pa.table({"area": pa.array(range(len(shapes)), pa.int32()), "wkb": wkb})
    writer.register("wkb_areas", place_areas)
    writer.execute(
        "CREATE OR REPLACE TEMP TABLE areas AS "
        "SELECT area, ST_GeomFromWKB(wkb) AS geometry FROM wkb_areas"
    )
    place_in_areas(writer, len(lon), fewest, most_cells)
    found = writer.rows("SELECT point_id, area FROM placed_points WHERE area IS NOT NULL")
    assert len(dict(found)) == len(found), "a point was placed twice"
    return [dict(found).get(i, -1) for i in range(len(lon))]


def place_with_shapely(shapes, points):
    """The first shape by position that covers each point."""
    laid = shapely.points(np.asarray(points, dtype=float))
    covers = np.array([shapely.intersects(shape, laid) for shape in shapes])
    return np.where(covers.any(axis=0), covers.argmax(axis=0), -1).tolist()


COURTYARD = Polygon(box(0, 0, 4, 4).exterior, [box(1, 1, 2, 2).exterior])
BOW_TIE = Polygon([(6, 0), (8, 2), (8, 0), (6, 2)])


@pytest.mark.parametrize("most_cells", [1, 16, 1_000, 50_000])
@pytest.mark.parametrize("fewest", [0, 10**9])
def test_borders_holes_and_overlaps_by_hand(writer, most_cells, fewest):
    shapes = [COURTYARD, box(4, 0, 5, 4), box(3, 3, 6, 6), BOW_TIE]
    points = {
        (0.5, 0.5): 0,
        (1.5, 1.5): -1,  # in the courtyard
        (1, 1.5): 0,  # on the wall around it
        (2, 2): 0,  # and at its corner
        (4, 1): 0,  # where two touch the first has it
        (4, 4): 0,
        (3.5, 3.5): 0,  # where they overlap too
        (5.5, 5.5): 2,
        (5, 4): 1,
        (6, 6): 2,
        (6.000001, 6): -1,
        (7.5, 1): 3,  # in a wing of the bow tie
        (7, 1.5): -1,  # between its wings
        (-1, 0): -1,
        (1e9, -1e9): -1,
    }
    placed = place(writer, shapes, list(points), most_cells=most_cells, fewest=fewest)
    assert dict(zip(points, placed, strict=True)) == points


def test_what_is_no_polygon_and_no_number(writer):
    shapes = [Point(1, 1), LineString([(0, 0), (2, 2)]), box(0, 0, 2, 2), Polygon()]
    points = [(1, 1), (0.5, 0.5), (0.5, 1), (np.nan, 1), (1, np.inf)]
    assert place(writer, shapes, points) == [0, 1, 2, -1, -1]
    assert place(writer, [Polygon()], points) == [-1] * 5
    assert place(writer, [Point(1, 1)], points) == [0, -1, -1, -1, -1]


def test_cells_settle_nearly_all_points_without_the_shapes(writer):
    shapes = [Polygon([(0, 0), (9, 1), (8, 9), (1, 8)]), box(10, 0, 19, 9)]
    points = np.random.default_rng(5).uniform(-1, 20, (3_000, 2))
    placed = place(writer, shapes, points, most_cells=2_000)
    assert placed == place_with_shapely(shapes, points)
    writer.execute("DELETE FROM areas")
    by_cell = writer.rows("SELECT count(*) FROM placed_points WHERE area IS NOT NULL")[0][0]
    assert by_cell > 0.99 * sum(area >= 0 for area in placed)


def test_nothing_to_place_and_nowhere(writer):
    assert place(writer, [box(0, 0, 1, 1)], []) == []
    assert place(writer, [], [(0.5, 0.5)]) == [-1]


steps = st.integers(0, 8)
corners = st.tuples(steps, steps)


@st.composite
def outlines(draw):
    """A box, a star about a centre, a frame, or two boxes as one, on a coarse lattice."""
    kind = draw(st.sampled_from(["box", "star", "frame", "pair"]))
    x, y = draw(corners)
    width, height = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    whole = box(x, y, x + width, y + height)
    if kind == "frame":
        inset = draw(st.sampled_from([0.25, 0.125]))
        hole = box(x + inset, y + inset, x + width - inset, y + height - 2 * inset)
        return Polygon(whole.exterior, [hole.exterior])
    if kind == "pair":
        return MultiPolygon([whole, box(x + width + 1, y, x + width + 2, y + 1)])
    if kind == "star":
        radii = draw(st.lists(st.sampled_from([0.5, 1.0, 2.5, 3.0]), min_size=3, max_size=9))
        turn = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
        return Polygon(np.column_stack([x + radii * np.cos(turn), y + radii * np.sin(turn)]))
    return whole


def spread_points(shapes, seed):
    """The vertices, the middles of edges, points of the lattice, near ones, and any."""
    generator = np.random.default_rng(seed)
    vertices = shapely.get_coordinates(shapes)
    middles = (vertices[:-1] + vertices[1:]) / 2
    lattice = generator.integers(0, 40, (40, 2)) / 4
    near = vertices + generator.choice([-1e-9, 0.0, 1e-15, 1e-6], vertices.shape)
    return np.vstack([vertices, middles, lattice, near, generator.uniform(-1, 14, (60, 2))])


@settings(derandomize=True, database=None, deadline=None, max_examples=60)
@given(
    st.lists(outlines(), min_size=1, max_size=6),
    st.sampled_from([1, 9, 60, 700, 9_000]),
    st.sampled_from([1.0, 0.003]),
    st.integers(0, 999),
)
@example([box(0, 0, 1, 1)] * 4, 60, 1.0, 1)
def test_cells_place_as_shapely_does(writer, shapes, most_cells, scale, seed):
    def lay(xy):
        return xy * scale + (EAST, NORTH)

    points = lay(spread_points(shapes, seed))
    laid = [shapely.transform(shape, lay) for shape in shapes]
    is_plain = all(shape.is_valid for shape in laid)
    by_cell = place(writer, laid, points, most_cells=most_cells)
    assert by_cell == place(writer, laid, points, fewest=10**9)
    assert not is_plain or by_cell == place_with_shapely(laid, points)

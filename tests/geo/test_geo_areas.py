"""Boundaries are repaired, measured and laid under points with answers known by hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Geod
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from geo.areas import (
    find_inner_points,
    find_overlaps,
    measure_area,
    outline_groups,
    place_points,
    repair_areas,
)
from geo.errors import CrsMismatchError, DegreesError, GeoError, MissingCrsError

UTM = "EPSG:32648"
BOW_TIE = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])


def areas_of(*shapes, crs=UTM):
    return gpd.GeoSeries(list(shapes), index=list("ABCDEFG")[: len(shapes)], crs=crs)


def test_repair_resolves_a_bow_tie_into_its_two_triangles():
    raw = areas_of(BOW_TIE, None, Polygon(), box(0, 0, 1, 1))
    repaired = repair_areas(raw)
    assert list(repaired.index) == list("ABCD")
    assert repaired.crs == UTM
    assert repaired["A"].is_valid
    assert repaired["A"].area == 2.0
    assert repaired["B"] is None
    assert repaired["C"] is None
    assert repaired["D"].equals(box(0, 0, 1, 1))
    assert not raw["A"].is_valid, "the caller's geometry was changed"


def test_repair_keeps_only_surface():
    spike = Polygon([(0, 0), (1, 0), (1, 1), (1, 5), (1, 1), (0, 1)])
    mixed = GeometryCollection([box(0, 0, 1, 1), LineString([(0, 0), (9, 9)]), Point(5, 5)])
    collapsed = Polygon([(0, 0), (1, 1), (2, 2), (0, 0)])
    repaired = repair_areas(areas_of(spike, mixed, collapsed))
    assert repaired["A"].equals(box(0, 0, 1, 1))
    assert repaired["B"].equals(box(0, 0, 1, 1))
    assert repaired["C"] is None


def test_repair_merges_overlapping_parts_and_drops_heights():
    parts = MultiPolygon([box(0, 0, 2, 1), box(1, 0, 3, 1)])
    high = shapely.force_3d(box(0, 0, 1, 1), 500.0)
    repaired = repair_areas(areas_of(parts, high))
    assert repaired["A"].area == 3.0
    assert not repaired["B"].has_z


def test_repair_refuses_what_is_no_surface():
    with pytest.raises(GeoError, match="B"):
        repair_areas(areas_of(box(0, 0, 1, 1), Point(0, 0)))


def test_measure_area_agrees_with_the_ellipsoid():
    square = box(104.0, 30.6, 104.02, 30.62)
    area_m2 = measure_area(areas_of(square, None, crs="EPSG:4326"))
    geodesic = abs(Geod(ellps="WGS84").geometry_area_perimeter(square)[0])
    assert area_m2.name == "area_m2"
    assert area_m2["A"] == pytest.approx(geodesic, rel=2e-6)
    assert np.isnan(area_m2["B"])
    with pytest.raises(MissingCrsError):
        measure_area(areas_of(square, crs=None))


def test_place_points_counts_borders_and_gives_them_to_the_first():
    areas = areas_of(box(0, 0, 1, 1), box(1, 0, 2, 1), None, BOW_TIE)
    shapes = [Point(0.5, 0.5), Point(1, 0.5), Point(2, 0.5), Point(9, 9), None, Point(1.5, 1.4)]
    points = gpd.GeoSeries(shapes, index=list("uvwxyz"), crs=UTM)
    placed = place_points(points, areas)
    assert placed.name == "area"
    assert placed.index.equals(points.index)
    assert placed.to_list() == ["A", "A", "B", None, None, "D"]
    assert place_points(points, areas[::-1]).to_list() == ["D", "B", "D", None, None, "D"]


def test_place_points_keeps_the_labels_as_they_are():
    areas = gpd.GeoSeries([box(0, 0, 1, 1)], index=[42], crs=UTM)
    points = gpd.GeoSeries([Point(0, 0), Point(5, 5)], crs=UTM)
    assert place_points(points, areas).to_list() == [42, None]
    nowhere = place_points(points, areas[:0])
    assert nowhere.isna().all()
    assert place_points(points[:0], areas).empty


def test_place_points_refuses_mixed_systems():
    points, areas = gpd.GeoSeries([Point(0, 0)], crs=4326), areas_of(box(0, 0, 1, 1))
    with pytest.raises(CrsMismatchError, match="不一致"):
        place_points(points, areas)
    with pytest.raises(MissingCrsError):
        place_points(points, areas_of(box(0, 0, 1, 1), crs=None))
    twice = gpd.GeoSeries([box(0, 0, 1, 1)] * 2, index=["A", "A"], crs=4326)
    with pytest.raises(GeoError, match="重复"):
        place_points(points, twice)
    with pytest.raises(GeoError, match="不是点"):
        place_points(areas, areas)


def test_inner_points_lie_inside_where_the_centroid_does_not():
    courtyard = Polygon([(0, 0), (10, 0), (10, 1), (1, 1), (1, 10), (0, 10)])
    inner = find_inner_points(areas_of(courtyard, None))
    assert not courtyard.contains(courtyard.centroid)
    assert courtyard.contains(inner["A"])
    assert inner["B"] is None
    assert inner.name == "inner_point"
    assert inner.crs == UTM


def test_overlaps_are_paired_once_with_their_area():
    side = 500_000
    areas = areas_of(
        box(side, 3_000_000, side + 100, 3_000_100),
        box(side + 90, 3_000_000, side + 200, 3_000_100),
        box(side + 200, 3_000_000, side + 300, 3_000_100),
        None,
    )
    pairs = find_overlaps(areas, tolerance_m2=1.0)
    assert pairs[["first", "second"]].to_numpy().tolist() == [["A", "B"]]
    assert pairs["area_m2"].iloc[0] == pytest.approx(1000.0, rel=2e-3)  # UTM scale 0.9996²
    assert find_overlaps(areas, tolerance_m2=2000.0).empty
    assert list(find_overlaps(areas[:1]).columns) == ["first", "second", "area_m2"]
    with pytest.raises(GeoError):
        find_overlaps(areas, tolerance_m2=-1.0)


def test_frames_serve_as_well_as_series():
    frame = gpd.GeoDataFrame({"name": ["甲"]}, geometry=[box(0, 0, 1, 1)], crs=UTM)
    assert place_points(find_inner_points(frame), frame).to_list() == [0]
    pd.testing.assert_index_equal(measure_area(frame).index, frame.index)


def test_groups_of_points_share_the_ground_between_them():
    corners = gpd.GeoSeries([Point(x, y) for y in (0, 100) for x in (0, 100)], crs=32648)
    drawn = outline_groups(corners, pd.Series(["south", "south", "north", "north"]))
    assert list(drawn.index) == ["north", "south"]
    assert drawn["south"].contains(box(-100, -100, 200, 49))
    assert drawn["south"].intersection(drawn["north"]).area == 0
    assert drawn["south"].touches(drawn["north"])
    # Three times the usual distance from a point, and no farther.
    west, south, east, north = drawn.total_bounds
    assert (west, south, east, north) == pytest.approx((-300, -300, 400, 400))


def test_a_ring_of_points_has_no_hole_and_a_lone_point_is_round():
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = gpd.GeoSeries(
        gpd.points_from_xy(1000 * np.cos(angles), 1000 * np.sin(angles)), crs=32648
    )
    drawn = outline_groups(ring, pd.Series(["a"] * 60))
    assert drawn["a"].contains(Point(0, 0))
    lone = outline_groups(ring[:1], pd.Series(["a"]))
    assert lone["a"].area == pytest.approx(np.pi * 300.0**2, rel=0.01)


def test_points_without_a_place_and_points_on_one_spot_do_no_harm():
    points = gpd.GeoSeries([Point(0, 0), None, Point(0, 0), Point(500, 0)], crs=32648)
    drawn = outline_groups(points, pd.Series(["a", "lost", "b", "c"]))
    assert list(drawn.index) == ["a", "c"]
    nothing = outline_groups(points[1:2], pd.Series(["lost"], index=[1]))
    assert nothing.empty
    with pytest.raises(DegreesError):
        outline_groups(points.set_crs(4326, allow_override=True), pd.Series(["a"] * 4))

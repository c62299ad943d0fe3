"""Neighbours by hand, Gi* against its published example, and a density that adds up."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, box

from geo.density import smooth_density
from geo.errors import DegreesError, GeoError, MissingCrsError
from geo.neighbours import find_local_hotspots, find_nearest, find_touching


def pairs_of(frame):
    return list(zip(frame["unit"], frame["neighbour"], strict=True))


def test_touching_areas():
    shapes = [box(0, 0, 10, 10), box(10, 0, 20, 10), box(20.8, 0, 30, 10), box(90, 0, 99, 9), None]
    areas = gpd.GeoSeries(shapes, index=list("ABCDE"), crs=32648)
    assert pairs_of(find_touching(areas)) == [("A", "B"), ("B", "A"), ("B", "C"), ("C", "B")]
    assert pairs_of(find_touching(areas, 0.0)) == [("A", "B"), ("B", "A")]
    assert find_touching(areas[:0]).empty
    with pytest.raises(DegreesError):
        find_touching(areas.set_crs(4326, allow_override=True))
    with pytest.raises(MissingCrsError):
        find_touching(gpd.GeoSeries(shapes[:2]))
    with pytest.raises(GeoError):
        find_touching(areas, -1.0)
    with pytest.raises(GeoError):
        find_touching(areas.iloc[[0, 0]])


def test_nearest_units():
    index = pd.Index(list("ABCD"))
    plane = np.array([[0.0, 0], [1, 0], [5, 0], [np.nan, np.nan]])
    assert pairs_of(find_nearest(plane, index, 1)) == [("A", "B"), ("B", "A"), ("C", "B")]
    assert len(find_nearest(plane, index, 9)) == 6
    same = find_nearest(np.zeros((4, 2)), index, 2)
    assert (same.groupby("unit").size() == 2).all()
    assert (same["unit"] != same["neighbour"]).all()
    assert find_nearest(plane[3:], index[3:], 2).empty
    with pytest.raises(GeoError):
        find_nearest(plane, index, 0)


# The example of the documentation of esda.getisord.G_Local: six points, neighbours within
# 15, Gi* with binary weights.
POINTS = np.array([[10.0, 10], [20, 10], [40, 10], [15, 20], [30, 20], [30, 30]])
VALUES = pd.Series([2, 3, 3.2, 5, 8, 7], index=list("abcdef"))
PUBLISHED = [-1.39727626, -0.28917762, 0.65064964, -0.28917762, 1.23452088, 2.02424331]


def within(points, index, distance):
    apart = np.hypot(*(points[:, None] - points).transpose(2, 0, 1))
    first, second = np.nonzero((apart <= distance) & (apart > 0))
    return pd.DataFrame({"unit": index[first], "neighbour": index[second]})


def test_local_statistic_matches_the_published_example():
    neighbours = within(POINTS, VALUES.index, 15.0)
    before = neighbours.copy()
    found = find_local_hotspots(VALUES, neighbours, permutations=99)
    np.testing.assert_allclose(found["z"], PUBLISHED, atol=5e-9)
    pd.testing.assert_frame_equal(neighbours, before)
    again = find_local_hotspots(VALUES, neighbours, permutations=99)
    pd.testing.assert_frame_equal(found, again)
    other = find_local_hotspots(VALUES, neighbours, permutations=99, seed=5)
    assert not other["p_value"].equals(found["p_value"])


def test_a_planted_hotspot_among_hundreds_is_found_and_quiet_ones_are_not():
    generator = np.random.default_rng(0)
    index = pd.RangeIndex(400)
    points = np.stack(np.meshgrid(np.arange(20.0), np.arange(20.0)), -1).reshape(-1, 2)
    neighbours = within(points, index, 1.5)
    values = pd.Series(generator.gamma(9.0, 1.0, 400))
    assert (find_local_hotspots(values, neighbours)["verdict"] == "neither").sum() >= 396
    core = (np.abs(points - 5) <= 1).all(axis=1)
    values[core] *= 2.5
    found = find_local_hotspots(values, neighbours)
    assert (found.loc[core, "verdict"] == "hot").sum() >= 5
    far = (np.abs(points - 5) > 3).any(axis=1)
    assert (found.loc[far, "verdict"] == "hot").sum() <= 3
    assert (found["q_value"] >= found["p_value"] - 1e-12).all()


def test_areas_without_value_or_neighbour_are_said():
    neighbours = within(POINTS, VALUES.index, 15.0)
    values = pd.concat([VALUES, pd.Series([4.0, None], index=["alone", "blank"])])
    found = find_local_hotspots(values, neighbours, permutations=9)
    assert found["verdict"].tolist()[-2:] == ["no_neighbours", "unknown"]
    assert found["z"].isna().tolist() == [False] * 6 + [True] * 2
    np.testing.assert_allclose(found["z"][:6], PUBLISHED, atol=5e-9)
    alike = find_local_hotspots(VALUES * 0 + 3, neighbours, permutations=9)
    assert alike["z"].isna().all()
    assert (alike["verdict"] == "neither").all()
    assert find_local_hotspots(VALUES[:0], neighbours[:0]).empty


def test_bad_input_is_refused():
    neighbours = within(POINTS, VALUES.index, 15.0)
    for values in (-VALUES, VALUES.iloc[[0, 0]], VALUES[:3], VALUES.astype(str) + "户"):
        with pytest.raises(GeoError):
            find_local_hotspots(values, neighbours)
    with pytest.raises(GeoError):
        find_local_hotspots(VALUES, neighbours[["unit"]])
    for wrong in ({"alpha": 5}, {"permutations": 0}):
        with pytest.raises(GeoError):
            find_local_hotspots(VALUES, neighbours, **wrong)


# density


def test_density_adds_up_and_peaks_where_the_cases_are():
    generator = np.random.default_rng(0)
    plane = np.vstack([generator.normal(0, 30, (200, 2)), [[400.0, 400.0]]])
    density = smooth_density(plane, pd.Series(np.ones(201)))
    total = density.per_hectare.sum() * density.cell_m**2 / 10_000
    assert total == pytest.approx(201, rel=1e-3)
    row, column = np.unravel_index(np.argmax(density.per_hectare), density.per_hectare.shape)
    assert np.hypot(density.x[column], density.y[row]) < 30
    assert density.cell_m == pytest.approx(density.bandwidth_m / 3)


def test_density_of_one_point_is_the_kernel():
    density = smooth_density(np.zeros((1, 2)), pd.Series([7.0]), bandwidth_m=50.0, cell_m=2.0)
    assert density.per_hectare.max() == pytest.approx(7e4 / (2 * np.pi * 50**2), rel=1e-3)
    assert density.bandwidth_m == 50.0


def test_bandwidth_is_silvermans_rule():
    generator = np.random.default_rng(4)
    plane = generator.normal(0, 100, (4000, 2))
    density = smooth_density(plane, pd.Series(np.ones(4000)))
    assert density.bandwidth_m == pytest.approx(100 * 4000 ** (-1 / 6), rel=0.05)


def test_density_is_defined_or_refused():
    cases = pd.Series([3.0, 4.0, None], index=list("abc"))
    points = gpd.GeoSeries([Point(0, 0), None, Point(1, 1)], index=cases.index, crs=32648)
    density = smooth_density(points, cases, bandwidth_m=10.0)
    assert (density.case_count, density.unplaced_count) == (3.0, 4.0)
    empty = smooth_density(points, cases * 0)
    assert empty.per_hectare.size == 0
    assert np.isnan(empty.bandwidth_m)
    with pytest.raises(GeoError, match="同一个点"):
        smooth_density(points, cases)
    far = gpd.GeoSeries([Point(0, 0), Point(1e6, 1e6), None], index=cases.index, crs=32648)
    with pytest.raises(GeoError, match="太多"):
        smooth_density(far, cases, bandwidth_m=10.0)
    with pytest.raises(GeoError):
        smooth_density(points, cases, bandwidth_m=0.0)
    with pytest.raises(DegreesError):
        smooth_density(points.set_crs(4326, allow_override=True), cases)

"""Clusters in space and time against arithmetic, brute force and quiet months."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import xlogy
from shapely.geometry import Point

from geo.emerging import EMERGING_COLUMNS, scan_emerging
from geo.errors import DegreesError, GeoError


def line(rows):
    labels = list("ABCDEFGHIJKLMNOP")[: len(rows)]
    months = pd.period_range("2026-01", periods=len(rows[0]), freq="M")
    places = pd.DataFrame({"x": np.arange(len(rows)) * 10.0, "y": 0.0}, index=labels)
    return places, pd.DataFrame(rows, index=labels, columns=months)


def test_new_cluster_by_hand():
    # C and D rise from 2 to 10 in the last month; A, B and E stay at 5.
    places, cases = line([[5] * 4, [5] * 4, [2, 2, 2, 10], [2, 2, 2, 10], [5] * 4])
    places["x"] = [0.0, 20.0, 40.0, 50.0, 80.0]
    first = scan_emerging(places, cases, simulations=99).iloc[0]
    assert sorted(first["members"]) == ["C", "D"]
    assert (str(first["first_period"]), str(first["last_period"])) == ("2026-04", "2026-04")
    assert first["radius_m"] == 10.0
    # Of 92 cases 32 are theirs and 35 of the last month: 32 × 35 / 92 expected.
    assert (first["cases"], first["expected"]) == (20, pytest.approx(32 * 35 / 92))
    llr = 20 * np.log(20 / first["expected"]) + 72 * np.log(72 / (92 - first["expected"]))
    assert first["llr"] == pytest.approx(llr)
    assert first["p_value"] < 0.1


def scan_by_brute_force(places, cases, population, is_prospective, longest):
    """The largest ratio of every circle and every span, with every logarithm."""
    table = cases.to_numpy(float)
    total, k = table.sum(), table.shape[1]
    if total == 0:
        return 0.0
    share = table.sum(axis=1) if population is None else population.to_numpy(float)
    share = share / share.sum()
    when = table.sum(axis=0) if population is None else np.full(k, total / k)
    expected = np.outer(share, when)
    distance = np.abs(places["x"].to_numpy()[:, None] - places["x"].to_numpy())
    best = 0.0
    for row in distance:
        for radius in np.unique(row):
            inside = row <= radius
            if expected[inside].sum() > total / 2 + 1e-9:
                continue
            for end in [k] if is_prospective else range(1, k + 1):
                for size in range(1, min(longest, end) + 1):
                    c = table[inside, end - size : end].sum()
                    e = expected[inside, end - size : end].sum()
                    if c > e + 1e-9 and e > 0:
                        rest = xlogy(total - c, (total - c) / (total - e))
                        best = max(best, xlogy(c, c / e) + rest)
    return best


@settings(deadline=None, derandomize=True, max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 6), min_size=4, max_size=4), min_size=2, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_scan_equals_brute_force(rows, is_prospective, has_population):
    places, cases = line(rows)
    population = pd.Series(range(3, 3 + len(rows)), index=cases.index, dtype=float)
    population = population if has_population else None
    wanted = scan_by_brute_force(places, cases, population, is_prospective, 2)
    found = scan_emerging(
        places, cases, population, is_prospective, simulations=9, seed=1, max_clusters=1
    )
    assert (found["llr"].iloc[0] if len(found) else 0.0) == pytest.approx(wanted)


def test_what_differs_by_nature_and_season_is_no_cluster():
    base = np.outer([50, 5, 5, 20, 5, 5], [1, 2, 4, 2, 1, 1])
    places, cases = line(base.tolist())
    assert scan_emerging(places, cases, simulations=9).empty
    # By population the first one is high for ever, and that is found.
    people = pd.Series(100.0, index=cases.index)
    high = scan_emerging(places, cases, people, is_prospective=False, simulations=99)
    assert high["members"].iloc[0] == ["A"]
    assert high["p_value"].iloc[0] == 0.01


def test_a_past_cluster_is_seen_only_in_retrospect():
    rows = [[4] * 8 for _ in range(8)]
    rows[2][2:4] = [20, 20]
    places, cases = line(rows)
    back = scan_emerging(places, cases, is_prospective=False, simulations=99).iloc[0]
    assert (back["members"], str(back["first_period"])) == (["C"], "2026-03")
    assert str(back["last_period"]) == "2026-04"
    assert back["p_value"] == 0.01
    now = scan_emerging(places, cases, simulations=99)
    assert now.empty or now["p_value"].iloc[0] > 0.05


def test_quiet_months_seldom_alarm_and_the_seed_decides():
    generator = np.random.default_rng(7)
    places = pd.DataFrame(generator.uniform(0, 1000, (20, 2)), columns=["x", "y"])
    alarms = 0
    for _ in range(60):
        cases = pd.DataFrame(generator.poisson(generator.gamma(6.0, 0.5, (20, 1)) * np.ones(8)))
        found = scan_emerging(places, cases, simulations=59, max_clusters=1)
        alarms += bool(len(found) and found["p_value"].iloc[0] <= 0.05)
    assert alarms <= 8
    again = scan_emerging(places, cases, simulations=59, max_clusters=1)
    pd.testing.assert_frame_equal(found, again)


def test_overdispersion_makes_clusters_less_sure():
    generator = np.random.default_rng(3)
    places, cases = line(generator.poisson(120 * generator.gamma(6.25, 0.16, (10, 4))).tolist())
    people = pd.Series(100.0, index=cases.index)
    plain = scan_emerging(places, cases, people, simulations=199)["p_value"].iloc[0]
    wide = scan_emerging(places, cases, people, simulations=199, cv=0.4)["p_value"].iloc[0]
    assert plain <= 0.01 < 0.05 < wide


def test_secondary_clusters_share_no_unit():
    rows = [[4] * 6 for _ in range(12)]
    rows[1][5] = rows[2][5] = 30
    rows[9][5] = 25
    places, cases = line(rows)
    places.loc["B", "x"] = 12.0
    found = scan_emerging(places, cases, simulations=99)
    members = [set(units) for units in found["members"]]
    assert members[0] == {"B", "C"}
    assert {"J"} in members
    assert len(set.union(*members)) == sum(map(len, members))


def test_nothing_and_unplaced_are_defined():
    places, cases = line([[0] * 4] * 3)
    assert scan_emerging(places, cases).columns.tolist() == EMERGING_COLUMNS
    assert scan_emerging(places * 0.0, cases + 1).empty, "all on one point"
    rows = [[3, 3, 3, 3]] * 3 + [[3, 3, 3, 30]]
    places, cases = line(rows)
    points = gpd.GeoSeries([Point(0, 0), Point(9, 0), Point(20, 0), None], cases.index, crs=32648)
    found = scan_emerging(points, cases, simulations=9)
    assert found.attrs["unplaced"] == ["D"]
    assert found.empty


def test_bad_input_is_refused():
    places, cases = line([[1, 2, 3, 4]] * 3)
    for wrong in (
        {"max_share": 0.9},
        {"simulations": 0},
        {"max_clusters": 0},
        {"max_periods": 4},
        {"max_periods": 0},
        {"cv": -1.0},
        {"cv": 0.4},
    ):
        with pytest.raises(GeoError):
            scan_emerging(places, cases, **wrong)
    for wrong in (cases.iloc[:, :1], cases.where(cases > 1), -cases, cases[cases.columns[::-1]]):
        with pytest.raises(GeoError):
            scan_emerging(places, wrong)
    with pytest.raises(GeoError, match="户数为 0"):
        scan_emerging(places, cases, pd.Series([1.0, 1.0, 0.0], index=cases.index))
    with pytest.raises(GeoError):
        scan_emerging(places, cases, pd.Series([1.0, None, 1.0], index=cases.index))
    degrees = gpd.GeoSeries([Point(104, 30)] * 3, index=cases.index, crs=4326)
    with pytest.raises(DegreesError):
        scan_emerging(degrees, cases)

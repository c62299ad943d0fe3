"""Hotspots against arithmetic, brute force, reference data and planted defaults."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import xlogy
from shapely.geometry import Point

from geo.errors import DegreesError, GeoError, MissingCrsError
from geo.hotspots import (
    choose_method,
    find_default_geocodes,
    flag_default_geocodes,
    judge_funnel,
    judge_own_past,
    scan_clusters,
)

SHARED = Path(__file__).parents[2].parent / "shared/data"
NEW_YORK = SHARED / "ny_leukemia"
BOSTON = SHARED / "boston311/csv"


def on_a_line(*cases, expected=None):
    index = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")[: len(cases)]
    places = pd.DataFrame({"x": np.arange(len(cases)) * 10.0, "y": 0.0}, index=index)
    return places, pd.Series(cases, index=index), pd.Series(expected or 1.0, index=index)


# funnel


def test_funnel_is_the_square_root_z_when_there_is_no_spread():
    counts, expected = pd.Series([9, 16, 16, 16, 25]), pd.Series([16.0] * 5)
    judged = judge_funnel(counts, expected)
    # z = 2 (sqrt O - sqrt E) = -2, 0, 0, 0, 2; winsorised at ±1.2: phi = 2.88 / 5 < 1.
    assert judged.attrs["phi"] == pytest.approx(0.576)
    assert judged["z"].tolist() == [-2, 0, 0, 0, 2]
    assert judged["p_value"].iloc[4] == pytest.approx(stats.norm.sf(2))
    assert judged["q_value"].iloc[4] == pytest.approx(5 * stats.norm.sf(2))
    assert not judged["is_high"].any()


def test_funnel_divides_by_the_spread_between_units():
    counts, expected = pd.Series([4, 36, 4, 36, 4, 36]), pd.Series([16.0] * 6)
    judged = judge_funnel(counts, expected)
    # Every z is ±4, so winsorising changes nothing and phi = 16.
    assert judged.attrs["phi"] == pytest.approx(16.0)
    np.testing.assert_allclose(judged["z"].abs(), 1.0)
    assert not judged["is_high"].any()


def test_funnel_finds_the_one_far_outlier():
    counts = pd.Series([20, 19, 21, 22, 18, 20, 60], index=list("abcdefg"))
    judged = judge_funnel(counts, pd.Series(20.0, index=counts.index))
    assert judged.index[judged["is_high"]].tolist() == ["g"]
    assert judged.loc["g", "ratio"] == 3.0


def test_funnel_says_nothing_where_nothing_is_expected():
    judged = judge_funnel(pd.Series([2, None, 5]), pd.Series([0.0, 4.0, 4.0]))
    assert judged["p_value"].isna().tolist() == [True, True, False]
    assert judged["is_high"].tolist() == [False, False, False]
    assert judged.attrs["phi"] == 1.0
    assert judge_funnel(pd.Series([], dtype=int), pd.Series([], dtype=float)).empty
    with pytest.raises(GeoError):
        judge_funnel(pd.Series([2]), pd.Series([-1.0]))
    with pytest.raises(GeoError):
        judge_funnel(pd.Series([2]), pd.Series([1.0]), alpha=5)


# own past


def months(*rows):
    labels = pd.period_range("2025-01", periods=len(rows[0]), freq="M")
    return pd.DataFrame(list(rows), columns=labels, index=list("ABCDEFG")[: len(rows)])


def test_own_past_is_the_tail_of_the_negative_binomial():
    judged = judge_own_past(months([4, 6, 5, 12]))
    # After 15 cases in 3 months the next is NB(15.5, 3/4); summed term by term.
    wanted = 1 - sum(stats.nbinom.pmf(k, 15.5, 0.75) for k in range(12))
    assert judged.loc["A", "expected"] == 5.0
    assert judged.loc["A", "ratio"] == pytest.approx(2.4)
    assert judged.loc["A", "p_value"] == pytest.approx(wanted)
    assert judged.loc["A", "q_value"] == judged.loc["A", "p_value"]


def test_own_past_calls_high_only_what_is_new():
    judged = judge_own_past(months([50, 52, 48, 50], [5, 4, 6, 20], [0, 0, 0, 0]))
    assert judged["is_high"].tolist() == [False, True, False]
    assert judged.loc["C", "expected"] == 0.0
    assert np.isnan(judged.loc["C", "ratio"])
    assert judged.loc["C", "p_value"] == 1.0


def test_own_past_needs_three_earlier_months():
    judged = judge_own_past(months([5, None, 5, 90], [5, 5, 5, None], [5, 5, 5, 5]))
    assert judged["p_value"].isna().tolist() == [True, True, False]
    assert judged["expected"].isna().tolist() == [True, True, False]
    assert not judged["is_high"].any()
    assert judge_own_past(months([5]))["p_value"].isna().all()


def test_own_past_weighs_exposure_by_unit_or_month():
    counts = months([10, 10, 10, 20])
    doubled = pd.DataFrame([[100, 100, 100, 200]], index=["A"], columns=counts.columns)
    assert judge_own_past(counts, doubled)["ratio"].item() == 1.0
    steady = judge_own_past(counts, pd.Series([100.0], index=["A"]))
    pd.testing.assert_frame_equal(steady, judge_own_past(counts))
    gone = doubled.copy()
    gone.iloc[0, 3] = 0
    assert judge_own_past(counts, gone)["p_value"].isna().all()


def test_own_past_refuses_months_out_of_order():
    counts = months([1, 2, 3, 4])
    with pytest.raises(GeoError, match="从早到晚"):
        judge_own_past(counts[counts.columns[::-1]])
    with pytest.raises(GeoError):
        judge_own_past(counts[[]])
    with pytest.raises(GeoError, match="对不上"):
        judge_own_past(counts, counts.iloc[:, :3])


# scan


def test_scan_of_five_units_by_hand():
    # Ten cases, two expected in each unit, at most two units in a circle. Around D its
    # two neighbours are equally far and enter together, which is too many; around E
    # comes D alone: 10 cases for 4 expected, llr = 10 ln(10 / 4).
    clusters = scan_clusters(*on_a_line(0, 0, 0, 5, 5))
    first = clusters.iloc[0]
    assert first["centre"] == "E"
    assert first["members"] == ["E", "D"]
    assert first["radius_m"] == 10.0
    assert (first["cases"], first["expected"], first["ratio"]) == (10, 4.0, 2.5)
    assert first["llr"] == pytest.approx(10 * np.log(2.5))
    assert len(clusters) == 1
    assert clusters.attrs["unplaced"] == []


def test_scan_p_value_tends_to_the_exact_one():
    # Two like units, four cases in one: the chance of 4-0 or 0-4 is 2 / 16.
    clusters = scan_clusters(*on_a_line(4, 0), simulations=9999)
    assert clusters["llr"].item() == pytest.approx(4 * np.log(2))
    assert clusters["p_value"].item() == pytest.approx(0.125, abs=0.01)


def scan_by_brute_force(places, cases, expected, simulations, seed):
    """The largest ratio, and its p-value, from every circle and every logarithm."""
    total = int(cases.sum())
    base = expected.to_numpy() * (total / expected.sum())
    distance = np.abs(places["x"].to_numpy()[:, None] - places["x"].to_numpy())
    is_in = np.array([row <= radius for row in distance for radius in np.unique(row)])
    is_in = is_in[is_in @ base <= total / 2 + 1e-9]
    if not len(is_in):
        return 0.0, 1.0

    def find_largest(counts):
        c, e = is_in @ counts, is_in @ base
        llr = xlogy(c, c / e) + xlogy(total - c, (total - c) / (total - e))
        return np.where(c > e + 1e-9, llr, 0.0).max()

    drawn = np.random.default_rng(seed).multinomial(total, base / base.sum(), size=simulations)
    observed = find_largest(cases.to_numpy())
    beaten = sum(find_largest(counts) >= observed - 1e-9 for counts in drawn)
    return observed, (1 + beaten) / (1 + simulations)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=2, max_size=8),
    st.integers(0, 5),
)
def test_scan_equals_brute_force(pairs, seed):
    places, cases, expected = on_a_line(
        *(count for count, _ in pairs), expected=[float(base) for _, base in pairs]
    )
    if cases.sum() == 0:
        return
    llr, p_value = scan_by_brute_force(places, cases, expected, 49, seed)
    clusters = scan_clusters(places, cases, expected, simulations=49, seed=seed)
    if llr == 0:
        assert clusters.empty
    else:
        assert clusters["llr"].iloc[0] == pytest.approx(llr)
        assert clusters["p_value"].iloc[0] == p_value


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.permutations(range(12)))
def test_scan_does_not_depend_on_the_order_of_units(order):
    generator = np.random.default_rng(4)
    places = pd.DataFrame(generator.uniform(0, 100, (12, 2)), columns=["x", "y"])
    cases, expected = pd.Series(generator.poisson(5, 12)), pd.Series(generator.uniform(3, 7, 12))
    wanted = scan_clusters(places, cases, expected, simulations=99)
    got = scan_clusters(places.iloc[order], cases.iloc[order], expected, simulations=99)
    pd.testing.assert_frame_equal(got, wanted)


def test_secondary_clusters_share_no_unit():
    cases = [1, 1, 9, 9, 1, 1, 1, 1, 8, 8, 1, 1]
    clusters = scan_clusters(*on_a_line(*cases), simulations=99)
    members = [set(found) for found in clusters["members"]]
    assert len(members) >= 2
    assert {"C", "D"} <= members[0]
    assert {"I", "J"} <= members[1]
    assert len(set.union(*members)) == sum(map(len, members))
    assert clusters["llr"].is_monotonic_decreasing
    assert clusters["cluster"].tolist() == list(range(1, len(clusters) + 1))
    assert len(scan_clusters(*on_a_line(*cases), simulations=9, max_clusters=1)) == 1


def test_scan_is_defined_when_there_is_nothing_to_find():
    for cases in [(0, 0, 0), (7,), (3, 3), ()]:
        clusters = scan_clusters(*on_a_line(*cases), simulations=9)
        assert clusters.empty
        assert "p_value" in clusters.columns
    # All units on one point are one circle, which holds everything.
    places, cases, expected = on_a_line(9, 1, 1)
    assert scan_clusters(places * 0.0, cases, expected, simulations=9).empty


def test_scan_leaves_out_units_without_a_point_and_names_them():
    _, cases, expected = on_a_line(0, 0, 0, 5, 5, 90)
    shapes = [Point(i * 10, 0) for i in range(5)] + [None]
    points = gpd.GeoSeries(shapes, index=cases.index, crs="EPSG:32648")
    clusters = scan_clusters(points, cases, expected, simulations=9)
    assert clusters.attrs["unplaced"] == ["F"]
    assert clusters["cases"].iloc[0] == 10
    plane = points[:5].get_coordinates().to_numpy()
    same = scan_clusters(plane, cases[:5], expected[:5], simulations=9)
    pd.testing.assert_frame_equal(same, clusters, check_like=True)


def test_scan_refuses_degrees_and_bad_numbers():
    places, cases, expected = on_a_line(1, 2, 3)
    points = gpd.GeoSeries([Point(104, 30)] * 3, index=cases.index)
    with pytest.raises(MissingCrsError):
        scan_clusters(points, cases, expected)
    with pytest.raises(DegreesError):
        scan_clusters(points.set_crs(4326), cases, expected)
    with pytest.raises(GeoError, match="inner_points"):
        scan_clusters(points.set_crs(32648).buffer(1), cases, expected)
    with pytest.raises(GeoError, match="期望件数为 0"):
        scan_clusters(places, cases, expected.where(expected.index != "C", 0.0))
    with pytest.raises(GeoError, match="每个单元"):
        scan_clusters(places, cases.where(cases > 1), expected)
    with pytest.raises(GeoError, match="对不上"):
        scan_clusters(places[:2], cases, expected)
    with pytest.raises(GeoError):
        scan_clusters(np.zeros((2, 2)), cases, expected)
    for wrong in ({"max_share": 0.6}, {"simulations": 0}, {"max_clusters": 0}):
        with pytest.raises(GeoError):
            scan_clusters(places, cases, expected, **wrong)


@pytest.mark.skipif(not NEW_YORK.exists(), reason="../shared/data/ny_leukemia is absent")
def test_scan_reproduces_satscan_on_new_york_leukaemia():
    def read(name):
        path = NEW_YORK / f"satscan_ny_{name}.txt"
        return pd.read_csv(path, sep=r"\s+", header=None, index_col=0)

    places = read("coords").set_axis(["x", "y"], axis=1)
    cases, population = read("cases")[1], read("pop")[2]
    assert (len(places), cases.sum(), population.sum()) == (281, 552, 1_057_673)
    clusters = scan_clusters(places, cases, population)
    # SaTScan 9.6, Poisson, circles, at most 50 % of the population.
    assert [len(found) for found in clusters["members"][:2]] == [28, 8]
    assert clusters["cases"].tolist()[:2] == [100, 38]
    np.testing.assert_allclose(clusters["llr"][:2], [14.083511, 9.019716], atol=5e-7)
    assert clusters["p_value"].iloc[0] == 0.001
    assert clusters["p_value"].iloc[1] < 0.05 < clusters["p_value"].iloc[2]


# default geocodes


def made_up_town(seed=0):
    """300 rows at homes of their own, a tower, a junction and a default geocode."""
    generator = np.random.default_rng(seed)
    homes = pd.DataFrame(
        {
            "lon": generator.uniform(104.0, 104.1, 300),
            "lat": generator.uniform(30.6, 30.7, 300),
            "address": [f"府河路{number}号" for number in range(300)],
        }
    )
    tower = pd.DataFrame({"lon": 104.05, "lat": 30.65, "address": ["天府大厦"] * 60})
    corner = ["府河路口", "府河路与玉林路口", "玉林路口"] * 15
    junction = pd.DataFrame({"lon": 104.06, "lat": 30.66, "address": corner})
    elsewhere = [f"玉林路{number}号" for number in range(20)] + [None] * 20 + [" "] * 5
    default = pd.DataFrame({"lon": 104.0668, "lat": 30.5728, "address": elsewhere})
    return pd.concat([homes, tower, junction, default], ignore_index=True)


def test_default_is_told_from_a_tower_and_a_junction():
    town = made_up_town()
    found = find_default_geocodes(town)
    assert found[["lon", "lat"]].to_numpy().tolist() == [[104.0668, 30.5728]]
    assert found[["row_count", "address_count"]].to_numpy().tolist() == [[45, 20]]
    assert found["share"].item() == pytest.approx(45 / 450)
    flags = flag_default_geocodes(town)
    assert flags.name == "is_default_geocode"
    assert flags.dtype == bool
    assert flags.index[flags].tolist() == list(range(405, 450))


def test_without_addresses_only_a_point_that_dwarfs_all_others_is_named():
    homes = made_up_town()[:300].drop(columns="address")
    default = pd.DataFrame({"lon": [104.0668] * 200, "lat": 30.5728})
    assert find_default_geocodes(pd.concat([homes, default]))["row_count"].tolist() == [200]
    centres = pd.DataFrame({"lon": np.repeat(np.arange(16) / 100 + 104, 40), "lat": 30.6})
    assert find_default_geocodes(centres).empty, "compounds placed on their centres"


def test_rows_without_an_address_make_a_default_when_they_dwarf_the_rest():
    town = made_up_town()[:300]
    blank = pd.DataFrame({"lon": [104.0668] * 200, "lat": 30.5728, "address": [None] * 200})
    found = find_default_geocodes(pd.concat([town, blank]))
    assert found["address_count"].tolist() == [0]


def test_null_island_is_always_a_default():
    points = pd.DataFrame({"lon": [0.0, -0.0, 104.0, None], "lat": [0.0, 0.0, 30.0, 30.0]})
    assert flag_default_geocodes(points).tolist() == [True, True, False, False]
    assert find_default_geocodes(points)["share"].item() == pytest.approx(2 / 3)
    assert find_default_geocodes(points[:0]).empty
    assert flag_default_geocodes(points[:0]).empty
    with pytest.raises(GeoError, match="lat"):
        find_default_geocodes(points[["lon"]])


@pytest.mark.skipif(not BOSTON.exists(), reason="../shared/data/boston311 is absent")
def test_the_one_default_of_boston_is_found():
    columns = ["LONGITUDE", "LATITUDE", "LOCATION_STREET_NAME"]
    calls = pd.concat(pd.read_csv(path, usecols=columns) for path in sorted(BOSTON.glob("*.csv")))
    calls = calls[columns].set_axis(["lon", "lat", "address"], axis=1)
    # City Hall, 333 calls from one address, is busy but a place.
    for points in (calls, calls[["lon", "lat"]]):
        found = find_default_geocodes(points)
        assert found[["lon", "lat"]].to_numpy().tolist() == [[-71.0587, 42.3594]]
        assert found["row_count"].item() == 7438
    assert flag_default_geocodes(calls.reset_index()).sum() == 7438


# which method speaks, and units that differ by nature


def test_the_number_of_units_chooses_the_method():
    chosen = [choose_method(n) for n in (0, 2, 3, 16, 29, 30, 199, 200, 5000)]
    assert chosen == [
        *["none"] * 2, *["alarms"] * 3, *["scan"] * 2, *["scan_and_local"] * 2,
    ]  # fmt: skip
    with pytest.raises(GeoError):
        choose_method(-1)


def test_what_differs_by_nature_is_no_cluster_when_it_is_said():
    generator = np.random.default_rng(9)
    places = pd.DataFrame(generator.uniform(0, 1000, (16, 2)), columns=["x", "y"])
    people = pd.Series(generator.uniform(200, 2000, 16))
    plain = wide = 0
    for _ in range(40):
        rates = people * 0.06 * generator.gamma(6.25, 0.16, 16)
        cases = pd.Series(generator.poisson(rates))
        for cv in (0.0, 0.4):
            found = scan_clusters(places, cases, people, simulations=59, max_clusters=1, cv=cv)
            alarm = bool(len(found) and found["p_value"].iloc[0] <= 0.05)
            plain, wide = (plain + alarm, wide) if cv == 0 else (plain, wide + alarm)
    assert plain >= 30
    assert wide <= 6


def test_overdispersion_leaves_the_ratio_and_refuses_nonsense():
    places, cases, expected = on_a_line(0, 0, 0, 5, 5)
    plain = scan_clusters(places, cases, expected, simulations=99)
    wide = scan_clusters(places, cases, expected, simulations=99, cv=0.5)
    assert wide["llr"].tolist() == plain["llr"].tolist()
    assert wide["p_value"].iloc[0] >= plain["p_value"].iloc[0]
    for cv in (-0.1, np.inf, np.nan):
        with pytest.raises(GeoError):
            scan_clusters(places, cases, expected, cv=cv)


def test_a_scan_of_few_units_a_circle_agrees_with_one_of_all():
    generator = np.random.default_rng(11)
    places = np.vstack([generator.uniform(0, 900, (70, 2)), [[450.0, 450.0]] * 3])
    cases = pd.Series(generator.poisson(3.0, 73))
    near = np.argsort(np.hypot(*(places - places[5]).T))[:6]
    cases.iloc[near] += 12
    wide = scan_clusters(places, cases, pd.Series(1.0, cases.index), 0.15, 99, max_clusters=2)
    few = scan_clusters(
        places, cases, pd.Series(1.0, cases.index), 0.15, 99, max_clusters=2, max_units=15
    )
    pd.testing.assert_frame_equal(wide, few)
    fewer = scan_clusters(places, cases, pd.Series(1.0, cases.index), 0.15, 99, max_units=4)
    assert fewer["members"].str.len().max() <= 4
    with pytest.raises(GeoError, match="单元数"):
        scan_clusters(places, cases, pd.Series(1.0, cases.index), max_units=0)

"""Rates, shrinkage, ranks and comparisons against other libraries and known answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from geo import rates
from geo.errors import GeoError
from geo.rates import (
    compare_counts,
    estimate_rates,
    group_rates,
    measure_chance_first,
    rank_rates,
    shrink_rates,
    smooth_rates_nearby,
)

counts_and_households = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 3000)), min_size=1, max_size=12
)


def series(*values, index=None):
    return pd.Series(values, index=index or list("ABCDEFGHIJKLMNOP")[: len(values)])


def test_intervals_match_the_published_table():
    # Exact 95 % limits for observed 0, 1, 5, 10: Ulm (1990), Am. J. Epidemiology 131.
    rates = estimate_rates(series(0, 1, 5, 10), 1000.0)
    np.testing.assert_allclose(rates["rate"], [0, 1, 5, 10])
    np.testing.assert_allclose(rates["rate_low"], [0, 0.0253, 1.6235, 4.7954], atol=5e-5)
    np.testing.assert_allclose(rates["rate_high"], [3.6889, 5.5716, 11.6683, 18.3904], atol=5e-5)


def test_nothing_is_said_without_exposure():
    rates = estimate_rates(series(3, 3, None, 3), series(100, 0, 100, None))
    assert rates.notna().all(axis=1).tolist() == [True, False, False, False]
    assert rates.isna().all(axis=1).tolist() == [False, True, True, True]
    shrunk = shrink_rates(series(3, 3, None, 3), series(100, 0, 100, None))
    assert shrunk.isna().all(axis=1).tolist() == [False, True, True, True]


@settings(deadline=None, derandomize=True)
@given(counts_and_households)
def test_intervals_contain_the_rate_and_shrinkage_lies_between(pairs):
    counts = pd.Series([count for count, _ in pairs])
    households = pd.Series([count for _, count in pairs])
    raw, shrunk = estimate_rates(counts, households), shrink_rates(counts, households)
    assert (raw["rate_low"] <= raw["rate"]).all()
    assert (raw["rate"] <= raw["rate_high"]).all()
    assert (shrunk["rate_shrunk_low"] <= shrunk["rate_shrunk"] + 1e-9).all()
    assert (shrunk["rate_shrunk"] <= shrunk["rate_shrunk_high"] + 1e-9).all()
    mean = 1000.0 * counts.sum() / households.sum()
    low, high = np.minimum(raw["rate"], mean), np.maximum(raw["rate"], mean)
    assert shrunk["rate_shrunk"].between(low - 1e-9, high + 1e-9).all()
    assert shrunk["weight"].between(0, 1).all()


def test_shrinkage_matches_esda():
    # esda 2.9.0, esda.smoothing.Empirical_Bayes(e, b).r times 1,000, on these counts.
    counts = series(3, 12, 0, 45, 7, 20, 9, 2)
    households = series(120, 400, 80, 900, 310, 1500, 450, 60)
    wanted = [
        25.3676620796768,
        28.792938599374622,
        16.877691029252453,
        46.44602961101098,
        23.60012140051396,
        14.479441118372426,
        21.440580246882412,
        27.809020583801228,
    ]
    got = shrink_rates(counts, households)
    np.testing.assert_allclose(got["rate_shrunk"], wanted, rtol=1e-12)
    assert list(got.columns) == ["rate_shrunk", "rate_shrunk_low", "rate_shrunk_high", "weight"]


def test_alike_units_all_lie_at_the_mean():
    shrunk = shrink_rates(series(10, 11, 9), 1000.0)
    np.testing.assert_allclose(shrunk["rate_shrunk"], 10.0)
    assert (shrunk["weight"] == 0).all()
    # Between the interval of all 30 cases, were the rate known to be one, and each unit's own.
    own = estimate_rates(series(10, 11, 9), 1000.0)
    assert (shrunk["rate_shrunk_low"].between(own["rate_low"], 20.2409 / 3)).all()
    assert (shrunk["rate_shrunk_high"].between(42.8269 / 3, own["rate_high"])).all()


def test_no_cases_and_a_single_unit_are_defined():
    none = shrink_rates(series(0, 0), 500.0)
    assert (none["rate_shrunk"] == 0).all()
    np.testing.assert_allclose(none["rate_shrunk_high"], 3.6889, atol=1e-4)
    one = shrink_rates(series(5), 1000.0)
    assert one["rate_shrunk"].item() == 5.0
    assert shrink_rates(series(5), 0.0).isna().all(axis=None)
    assert rank_rates(series(5), 1000.0).to_numpy().tolist() == [[1, 1, 1]]
    assert rank_rates(series(0, 0), 500.0).to_numpy().tolist() == [[1, 1, 2], [1, 1, 2]]
    empty = pd.Series([], dtype=float)
    assert estimate_rates(empty, 1.0).empty
    assert shrink_rates(empty, 1.0).empty
    assert rank_rates(empty, 1.0).empty


def test_clear_differences_rank_and_near_ones_share():
    ranks = rank_rates(series(400, 100, 105, 20), 1000.0)
    assert ranks["rank"].tolist() == [1, 2, 2, 4]
    assert ranks["rank_low"].tolist() == [1, 2, 2, 4]
    assert ranks["rank_high"].tolist() == [1, 3, 3, 4]


@settings(deadline=None, derandomize=True, max_examples=25)
@given(counts_and_households)
def test_ranks_lie_in_their_range_and_repeat(pairs):
    counts = pd.Series([count for count, _ in pairs])
    households = pd.Series([count for _, count in pairs])
    ranks = rank_rates(counts, households, draws=50, seed=3)
    assert (ranks["rank_low"] <= ranks["rank"]).all()
    assert (ranks["rank"] <= ranks["rank_high"]).all()
    assert ranks["rank"].min() == 1
    pd.testing.assert_frame_equal(ranks, rank_rates(counts, households, draws=50, seed=3))


@pytest.mark.parametrize("certainty", [0.5, 0.95, 0.999])
@pytest.mark.parametrize("units", [40, 300])
def test_clearly_higher_is_counted_as_pair_by_pair(units, certainty):
    # 300 units have more different counts than limits are worked out for.
    generator = np.random.default_rng(7)
    base = generator.integers(50, 3000, units).astype(float)
    shape = 6.3 + generator.poisson(base * generator.gamma(6.0, 1 / 6, units))
    shape[1], base[1] = shape[0], base[0]
    counted = rates._count_clearly_higher(shape, base + 5.0, certainty)
    share = (base + 5.0)[:, None] / ((base + 5.0)[:, None] + (base + 5.0))
    pairs = special.betainc(shape[:, None], shape[None, :], share) > certainty
    assert counted.tolist() == pairs.sum(axis=1).tolist()
    assert units < 300 or len(np.unique(shape)) > rates.MOST_SHAPES


def test_ranks_of_many_units_agree_with_their_range():
    generator = np.random.default_rng(3)
    households = pd.Series(generator.integers(100, 2000, 3000).astype(float))
    counts = pd.Series(generator.poisson(households * generator.gamma(4.0, 0.02, 3000)))
    ranks = rank_rates(counts, households).astype(int)
    assert (ranks["rank_low"] <= ranks["rank"]).all()
    assert (ranks["rank"] <= ranks["rank_high"]).all()
    assert ranks["rank_high"].max() <= 3000


def test_a_unit_without_households_has_no_rank():
    ranks = rank_rates(series(400, 3, 100), series(1000, 0, 1000))
    assert ranks["rank"].isna().tolist() == [False, True, False]
    assert ranks["rank"].dtype == "Int64"


def test_comparison_matches_the_exact_rate_ratio():
    # scipy 1.17 stats.binomtest(30, 45).proportion_ci(method='exact'), p / (1 - p).
    compared = compare_counts(series(30), series(15))
    assert compared["ratio"].item() == 2.0
    assert compared["ratio_low"].item() == pytest.approx(1.0428857370194897)
    assert compared["ratio_high"].item() == pytest.approx(3.999857803776694)
    assert compared["verdict"].item() == "up"


def test_exposure_scales_the_ratio():
    plain = compare_counts(series(30), series(15))
    scaled = compare_counts(series(30), series(15), 200.0, series(100.0))
    np.testing.assert_allclose(
        scaled.iloc[0, :3].astype(float), plain.iloc[0, :3].astype(float) / 2
    )
    assert scaled["verdict"].item() == "no_real_change"


def test_verdicts_are_defined_at_zero():
    now = series(0, 0, 9, 3, 10, 5, None, 40)
    before = series(0, 9, 0, 2, 11, 0, 4, 80)
    compared = compare_counts(now, before)
    assert compared["verdict"].tolist() == [
        "too_few",
        "down",
        "up",
        "too_few",
        "no_real_change",
        "too_few",
        "too_few",
        "down",
    ]
    assert not np.isinf(compared.drop(columns="verdict").to_numpy()).any()
    assert compared.loc["A"].isna().sum() == 3
    assert compared.loc["B", "ratio"] == 0.0
    assert compared.loc["C", ["ratio", "ratio_high"]].isna().all()
    assert compared.loc["C", "ratio_low"] > 1
    assert compare_counts(series(9), series(3), 0.0)["verdict"].item() == "too_few"


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 500), st.integers(0, 500))
def test_comparison_mirrors_when_periods_swap(now, before):
    one = compare_counts(series(now), series(before)).iloc[0]
    other = compare_counts(series(before), series(now)).iloc[0]
    mirror = {"up": "down", "down": "up"}
    assert other["verdict"] == mirror.get(one["verdict"], one["verdict"])
    if now and before:
        assert one["ratio_low"] <= one["ratio"] <= one["ratio_high"]
        assert one["ratio_low"] == pytest.approx(1 / other["ratio_high"])


@pytest.mark.parametrize(
    ("counts", "exposure"),
    [
        (series(-1), 10.0),
        (series(1.5), 10.0),
        (series(np.inf), 10.0),
        (series("三"), 10.0),
        (series(1), -10.0),
        (series(1), series(10, index=["Z"])),
        (series(1, 2, index=["A", "A"]), 10.0),
    ],
)
@pytest.mark.parametrize("measure", [estimate_rates, shrink_rates, rank_rates])
def test_bad_input_is_refused(measure, counts, exposure):
    with pytest.raises(GeoError):
        measure(counts, exposure)


def test_exposure_is_matched_by_label_not_by_position():
    rates = estimate_rates(series(1, 4), series(200, 100, index=["B", "A"]))
    assert rates["rate"].tolist() == [10.0, 20.0]


def test_nothing_of_the_caller_is_changed():
    counts, households = series(1, 2), series(10, 0)
    shrink_rates(counts, households)
    compare_counts(counts, counts, households, households)
    assert households.tolist() == [10, 0]


@pytest.mark.parametrize("settings_", [{"per": 0.0}, {"level": 1.0}, {"level": 95}])
def test_bad_settings_are_refused(settings_):
    with pytest.raises(GeoError):
        estimate_rates(series(1), 10.0, **settings_)


def test_groups_join_ranges_that_overlap():
    ranks = pd.DataFrame(
        {
            "rank": [1, 2, 2, 4, None],
            "rank_low": [1, 2, 2, 4, None],
            "rank_high": [1, 3, 3, 4, None],
        },
        index=list("ABCDE"),
    ).astype("Int64")
    assert group_rates(ranks).tolist() == [1, 2, 2, 3, pd.NA]
    chained = pd.DataFrame(
        {"rank": [1, 1, 3], "rank_low": [1, 1, 2], "rank_high": [2, 2, 3]}, index=list("ABC")
    )
    assert group_rates(chained).tolist() == [1, 1, 1]
    assert group_rates(rank_rates(series(0, 0, 0), 500.0)).tolist() == [1, 1, 1]
    assert group_rates(rank_rates(series(400, 100, 105, 20), 1000.0)).tolist() == [1, 2, 2, 3]
    assert group_rates(ranks[:0]).empty
    with pytest.raises(GeoError):
        group_rates(ranks.drop(columns="rank_low"))


@settings(deadline=None, derandomize=True, max_examples=15)
@given(counts_and_households)
def test_units_of_different_groups_have_ranges_apart(pairs):
    counts = pd.Series([count for count, _ in pairs])
    households = pd.Series([count for _, count in pairs])
    ranks = rank_rates(counts, households, draws=60)
    groups = group_rates(ranks)
    for number in range(1, int(groups.max())):
        above, below = ranks[groups == number], ranks[groups == number + 1]
        assert above["rank_high"].max() < below["rank_low"].min()


def test_chance_of_being_first():
    chance = measure_chance_first(series(400, 100, 105, 20), 1000.0, top=1)
    assert chance.tolist() == [1, 0, 0, 0]
    three = measure_chance_first(series(40, 35, 38, 20, 5), 1000.0, top=3)
    assert three.sum() == pytest.approx(3)
    assert three["A"] > three["D"] > three["E"]
    assert three["E"] < 0.01
    alike = measure_chance_first(series(0, 0, 0, 0), 1000.0, top=1)
    assert alike.tolist() == [0.25] * 4
    few = measure_chance_first(series(5, None, 2), 1000.0)
    assert few.isna().tolist() == [False, True, False]
    assert few["A"] == 1.0
    assert measure_chance_first(series(None), 1.0).isna().all()
    # Where nothing tells them apart, position does not either.
    even = measure_chance_first(series(*[10] * 8), 1000.0, top=1)
    assert even.between(0.09, 0.16).all()
    with pytest.raises(GeoError):
        measure_chance_first(series(1), 1.0, top=0)


def read_st_louis():
    """Homicides by county around St Louis, as libpysal ships them, and their neighbours."""
    examples = pytest.importorskip("libpysal.examples")
    weights = pytest.importorskip("libpysal.io")
    where = examples.load_example("stl")
    table = pd.read_csv(where.get_path("stl_hom.csv"))
    opened = weights.open(where.get_path("stl.gal"), "r")
    pairs = opened.read().to_adjlist(drop_islands=True)
    opened.close()
    return table.iloc[:, 10], table.iloc[:, 13], pairs


@pytest.mark.filterwarnings("ignore")
def test_shrinkage_and_local_shrinkage_match_the_published_example():
    cases, people, pairs = read_st_louis()
    first = int(pairs["focal"].astype(int).min())
    labels = cases.index + first
    neighbours = pd.DataFrame(
        {"unit": pairs["focal"].astype(int), "neighbour": pairs["neighbor"].astype(int)}
    )
    local = smooth_rates_nearby(
        cases.set_axis(labels), people.set_axis(labels), neighbours, per=1.0
    )
    # The documentation of esda.smoothing.Spatial_Empirical_Bayes and Empirical_Bayes.
    wanted = [4.01485749e-05, 3.62437513e-05, 4.93034844e-05, 5.09387329e-05, 3.72735210e-05]
    wanted += [3.69333797e-05, 5.40245456e-05, 2.99806055e-05, 3.73034109e-05, 3.47270722e-05]
    np.testing.assert_allclose(local["rate_nearby"].iloc[:10], wanted, rtol=1e-8)
    overall = shrink_rates(cases, people, per=1.0)["rate_shrunk"]
    wanted = [2.36718950e-05, 4.54539167e-05, 4.78114019e-05, 2.76907146e-05, 6.58989323e-05]
    wanted += [3.66494122e-05, 5.79952721e-05, 2.03064590e-05, 3.31152999e-05, 3.02748380e-05]
    np.testing.assert_allclose(overall.iloc[:10], wanted, rtol=1e-8)


def test_local_shrinkage_is_defined_without_neighbours_or_households():
    pairs = pd.DataFrame({"unit": ["A", "B", "A"], "neighbour": ["B", "A", "B"]})
    near = smooth_rates_nearby(series(9, 1, 5, 2, None), series(100, 100, 100, 0, 100), pairs)
    assert near["neighbour_count"].tolist() == [1, 1, 0, 0, 0]
    assert near["rate_nearby"].isna().tolist() == [False, False, False, True, True]
    assert near.loc["C", ["rate_nearby", "weight"]].tolist() == [50.0, 1.0]
    assert 50 < near.loc["A", "rate_nearby"] < 90
    zero = smooth_rates_nearby(series(0, 0), 100.0, pairs)
    assert zero["rate_nearby"].tolist() == [0.0, 0.0]
    with pytest.raises(GeoError, match="没有的单元"):
        smooth_rates_nearby(series(1, 1), 100.0, pd.DataFrame({"unit": ["A"], "neighbour": ["Z"]}))
    with pytest.raises(GeoError):
        smooth_rates_nearby(series(1, 1), 100.0, pairs[["unit"]])


def test_overdispersion_widens_the_comparison():
    plain = compare_counts(series(60), series(30)).iloc[0]
    wide = compare_counts(series(60), series(30), overdispersion=4.0).iloc[0]
    assert (plain["verdict"], wide["verdict"]) == ("up", "no_real_change")
    assert wide["ratio_low"] < plain["ratio_low"] < plain["ratio_high"] < wide["ratio_high"]
    same = compare_counts(series(60), series(30), overdispersion=0.5).iloc[0]
    assert same.equals(plain)
    with pytest.raises(GeoError):
        compare_counts(series(60), series(30), overdispersion=-1.0)


def test_intervals_of_shrunk_rates_hold_the_truth():
    generator = np.random.default_rng(2)
    households = pd.Series(generator.integers(150, 2200, 16).astype(float))
    held = []
    for _ in range(40):
        truth = 40.0 * generator.gamma(6.25, 0.16, 16)
        counts = pd.Series(generator.poisson(truth * households / 1000.0))
        shrunk = shrink_rates(counts, households)
        inside = (shrunk["rate_shrunk_low"] <= truth) & (truth <= shrunk["rate_shrunk_high"])
        held.append(inside.mean())
    assert 0.93 <= np.mean(held) <= 0.975

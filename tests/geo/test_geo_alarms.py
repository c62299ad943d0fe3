"""Alarms: rarely in vain, found when real, defined when there is little to go by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from geo.alarms import (
    adjust_by_holm,
    judge_compounds,
    judge_outliers,
    judge_rise,
    limit_funnel,
)
from geo.errors import GeoError
from geo.exact import bound_ratio, find_excess, measure_dispersion, widen_tail
from geo.spread import bound_rates, draw_rates, find_tails, fit_spread
from tests.bench.targeting import HOUSEHOLDS, QUIET, Scenario, make_communities


def months(*rows, start="2025-01"):
    labels = pd.period_range(start, periods=len(rows[0]), freq="M")
    return pd.DataFrame(list(rows), columns=labels, index=list("ABCDEFGHIJ")[: len(rows)])


# the exact tests


def test_excess_is_fishers_exact_test_with_mid_p():
    # 8 of 10 now, the rest 10 of 30: hypergeometric, summed term by term.
    got = find_excess(*(np.array([float(v)]) for v in (8, 2, 10, 20)))
    mass = [special.comb(10, k) * special.comb(30, 18 - k) for k in range(11)]
    wanted = (sum(mass[9:]) + 0.5 * mass[8]) / special.comb(40, 18)
    assert got.item() == pytest.approx(wanted)
    _, fisher = stats.fisher_exact([[8, 2], [10, 20]], alternative="greater")
    assert got.item() < fisher


def test_excess_is_unknown_where_nothing_can_be_told():
    nothing = np.array([0.0, 3.0, 3.0, np.nan, 0.0])
    before = np.array([0.0, 2.0, 0.0, 1.0, 4.0])
    rest_now, rest_before = np.array([5.0, 0, 5, 5, 0]), np.array([5.0, 0, 0, 5, 5])
    got = find_excess(nothing, before, rest_now, rest_before)
    assert np.isnan(got).all()


@settings(deadline=None, derandomize=True, max_examples=50)
@given(*[st.integers(1, 60)] * 4)
def test_bounds_of_the_ratio_agree_with_the_test(now, before, rest_now, rest_before):
    counts = (float(now), float(before), float(rest_now), float(rest_before))
    low, high = bound_ratio(*counts, tail=0.025)
    ratio = (now / before) / (rest_now / rest_before)
    assert low < ratio
    assert np.isnan(high) or ratio < high
    p_value = find_excess(*(np.array([c]) for c in counts)).item()
    if abs(p_value - 0.025) > 1e-6:
        assert (low > 1.0) == (p_value < 0.025)


def test_bounds_of_the_ratio_match_scipy():
    # scipy.stats.fisher_exact's conditional interval is Clopper-Pearson's: the mid-p one
    # lies inside it and is the same to a tenth with so many cases.
    table = [[300, 200], [500, 500]]
    wanted = stats.contingency.odds_ratio(table).confidence_interval(0.95)
    low, high = bound_ratio(300.0, 200.0, 500.0, 500.0, tail=0.025)
    assert wanted.low < low < wanted.low * 1.01
    assert wanted.high * 0.99 < high < wanted.high
    # Beyond 4,000 cases Woolf's formula takes over without a jump.
    exact = bound_ratio(2000.0, 1999.0, 5000.0, 5000.0, tail=0.025)
    woolf = bound_ratio(2001.0, 2000.0, 5000.0, 5000.0, tail=0.025)
    np.testing.assert_allclose(exact, woolf, rtol=2e-3)


def test_bounds_are_open_not_infinite():
    assert bound_ratio(0.0, 0.0, 5.0, 5.0, 0.025) == (0.0, pytest.approx(np.nan, nan_ok=True))
    low, high = bound_ratio(5.0, 0.0, 5.0, 5.0, 0.025)
    assert low > 0
    assert np.isnan(high)
    assert bound_ratio(0.0, 5.0, 5.0, 5.0, 0.025)[0] == 0.0


def test_tails_widen_with_dispersion():
    assert widen_tail(0.025, 0.7, 10) == 0.025
    # 1.95996 × sqrt(4) = 3.91993 standard deviations.
    assert widen_tail(0.025, 4.0) == pytest.approx(stats.norm.sf(3.9199280))
    assert widen_tail(0.025, 4.0, 5) < widen_tail(0.025, 4.0)


def test_dispersion_by_hand():
    # Margins 10, 10 by 10, 10: every cell expects 5; chi-square 4 × 9 / 5 over 1 degree.
    assert measure_dispersion(np.array([[8.0, 2.0], [2.0, 8.0]])) == (pytest.approx(7.2), 1.0)
    assert measure_dispersion(np.array([[8.0, 2.0]])) == (1.0, 0.0)
    assert measure_dispersion(np.zeros((3, 4))) == (1.0, 0.0)
    assert measure_dispersion(np.empty((0, 0))) == (1.0, 0.0)


# the model of what differs by nature


def test_tail_without_any_spread_is_poissons():
    # Two hundred like units of 100 cases foretell the next: Poisson(100), nearly.
    cases = np.random.default_rng(0).poisson(100.0, 200).astype(float)
    cases[0] = 120.0
    tails = find_tails(fit_spread(cases, np.ones(200)))
    wanted = stats.poisson.sf(120, 100) + 0.5 * stats.poisson.pmf(120, 100)
    assert wanted < tails[0] < 2 * wanted


def test_spread_is_recovered():
    generator = np.random.default_rng(1)
    for cv in (0.2, 0.4, 0.8):
        rates = generator.gamma(cv**-2, cv**2, 400)
        spread = fit_spread(generator.poisson(200.0 * rates).astype(float), np.full(400, 200.0))
        assert spread.typical_cv == pytest.approx(cv, rel=0.12)
        assert spread.typical_mean == pytest.approx(1.0, rel=0.1)


def test_draws_and_bounds_come_from_one_posterior():
    cases, base = np.array([4.0, 60.0, 21.0, 0.0]), np.array([100.0, 400.0, 300.0, 50.0])
    spread = fit_spread(cases, base)
    low, high = bound_rates(spread, 0.9)
    drawn = draw_rates(spread, 40_000, np.random.default_rng(0))
    assert (drawn < low).mean(axis=0) == pytest.approx(np.full(4, 0.05), abs=0.01)
    assert (drawn > high).mean(axis=0) == pytest.approx(np.full(4, 0.05), abs=0.01)


# against the others


def test_one_far_outlier_is_found_and_the_rest_are_not():
    counts = pd.Series([20, 19, 21, 22, 18, 20, 23, 60], index=list("abcdefgh"))
    judged = judge_outliers(counts, 500.0)
    assert judged.index[judged["is_high"]].tolist() == ["h"]
    assert judged["expected"].sum() == pytest.approx(counts.sum())
    assert judged.loc["h", "ratio"] == pytest.approx(60 / (203 / 8))


def test_an_outlier_among_many_that_differ_is_not_called():
    counts = pd.Series([5, 12, 25, 40, 44, 60])
    judged = judge_outliers(counts, 500.0)
    assert not judged["is_high"].any()
    assert judged.attrs["cv"] > 0.4


def test_others_are_defined_where_little_is_known():
    two = judge_outliers(pd.Series([1, 99]), 10.0)
    assert two["p_value"].isna().all()
    assert not two["is_high"].any()
    assert np.isnan(two.attrs["cv"])
    none = judge_outliers(pd.Series([0, 0, 0]), 10.0)
    assert none["p_value"].tolist() == [1.0, 1.0, 1.0]
    gap = judge_outliers(pd.Series([3, None, 4, 5, 2]), pd.Series([9.0, 9.0, 0.0, 9.0, 9.0]))
    assert gap["p_adjusted"].isna().tolist() == [False, True, True, False, False]
    assert judge_outliers(pd.Series([], dtype=float), 1.0).empty


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 3000)), min_size=3, max_size=16))
def test_p_values_are_probabilities_and_order_does_not_matter(pairs):
    counts = pd.Series([float(c) for c, _ in pairs])
    base = pd.Series([float(b) for _, b in pairs])
    judged = judge_outliers(counts, base)
    assert judged["p_adjusted"].between(0, 1).all()
    assert (judged["p_adjusted"] >= judged["p_value"]).all()
    back = judge_outliers(counts[::-1], base).sort_index()
    np.testing.assert_allclose(back["p_value"], judged["p_value"], rtol=1e-6, atol=1e-12)


# against its own past


def test_rise_is_seen_against_the_others_months():
    steady = [10] * 12
    season = months(*[[*steady[:9], 30, 30, 30]] * 4)
    assert not judge_rise(season)["is_rising"].any(), "all rose alike: a season"
    one = months([*steady[:9], 30, 30, 30], steady, steady, steady)
    judged = judge_rise(one)
    assert judged["is_rising"].tolist() == [True, False, False, False]
    assert judged.loc["A", ["recent", "expected", "ratio"]].tolist() == [90, 30, 3]
    wanted = find_excess(*(np.array([v]) for v in (90.0, 90.0, 90.0, 270.0)))
    assert judged.loc["A", "p_value"] == pytest.approx(wanted.item())


def test_rise_by_nature_is_no_rise():
    judged = judge_rise(months([50] * 12, [5] * 12, [20] * 12))
    assert not judged["is_rising"].any()
    assert judged.attrs["phi"] == 0.0


def test_clumped_counts_need_more_to_count():
    bumpy = [0, 30, 0, 2, 28, 1, 0, 31, 0]
    calm = [10] * 9
    others = [[*calm, 10, 10, 10]] * 3
    rough = [[*np.roll(bumpy, k), 10, 10, 10] for k in (1, 2, 4)]
    quiet = judge_rise(months([*calm, 17, 17, 17], *others))
    noisy = judge_rise(months([*calm, 17, 17, 17], *rough), recent=1)
    assert quiet.loc["A", "p_value"] < 0.05
    assert noisy.attrs["phi"] > 3
    assert noisy.loc["A", "p_value"] > 0.05


def test_rise_needs_a_past_and_others():
    short = judge_rise(months([1, 2, 3, 4], [1, 2, 3, 4]), recent=3)
    assert short["p_value"].isna().all()
    alone = judge_rise(months([5] * 11 + [90]))
    assert alone["p_value"].isna().all()
    assert not alone["is_rising"].any()
    gaps = judge_rise(months([None] * 9 + [5, 5, 5], [5] * 12, [5] * 12))
    assert gaps["p_value"].isna().tolist() == [True, False, False]
    none = judge_rise(months([0] * 12, [0] * 12))
    assert none["p_value"].isna().all()


def test_rise_refuses_what_it_cannot_read():
    good = months([1, 2, 3, 4], [1, 2, 3, 4])
    for wrong in (good[good.columns[::-1]], good[[]], good.iloc[[0, 0]], good - 5, good + 0.5):
        with pytest.raises(GeoError):
            judge_rise(wrong)
    with pytest.raises(GeoError):
        judge_rise(good, recent=0)
    with pytest.raises(GeoError):
        judge_rise(good.astype(object).replace(1, "一"))


# both


def test_verdicts_tell_high_from_rising():
    flat = [[10] * 24] * 7
    judged = judge_compounds(
        months([10] * 21 + [40, 40, 40], [60] * 24, *flat),
        pd.Series(500.0, index=list("ABCDEFGHI")),
    )
    assert judged["verdict"].tolist() == ["rising", "high", *["usual"] * 7]
    both = judge_compounds(months([30] * 21 + [90, 90, 90], *flat), 500.0)
    assert both["verdict"].iloc[0] == "high_and_rising"
    assert judge_compounds(months([3]), 500.0)["verdict"].tolist() == ["unknown"]
    with pytest.raises(GeoError):
        judge_compounds(months([3]), 500.0, window=0)


def test_holm_by_hand():
    np.testing.assert_allclose(adjust_by_holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(adjust_by_holm(np.array([0.02, np.nan])), [0.02, np.nan])
    # Weight 3 of 4: p / w × what is left = 0.03 / 3 × 4, then 0.03 / 1 × 1.
    weighted = adjust_by_holm(np.array([0.03, 0.03]), np.array([1.0, 3.0]))
    np.testing.assert_allclose(weighted, [0.04, 0.04])
    assert adjust_by_holm(np.empty(0)).size == 0


@pytest.mark.slow
@pytest.mark.parametrize("scenario", QUIET, ids=lambda scenario: scenario.name)
def test_false_alarms_stay_below_five_per_cent(scenario):
    alarms = [
        judge_compounds(town.counts, HOUSEHOLDS)["verdict"].ne("usual").any()
        for town in make_communities(scenario, 160, seed=11)
    ]
    # Five per cent of 160 is 8; two and a half standard deviations more is 15.
    assert sum(alarms) <= 15


def test_a_doubled_compound_is_mostly_found():
    towns = make_communities(Scenario("x2", boost=2.0), 60, seed=12)
    found = [judge_compounds(t.counts, HOUSEHOLDS)["p_others"][t.planted] <= 0.05 for t in towns]
    assert sum(found) >= 30


# funnel limits


def test_funnel_narrows_with_size_and_widens_with_nature():
    alike = pd.Series([20, 19, 21, 22, 18, 20, 23, 17])
    limits = limit_funnel(alike, 500.0, [100, 500, 2500])
    width = limits[0.975] - limits[0.025]
    assert width.is_monotonic_decreasing
    unlike = limit_funnel(alike * [1, 2, 1, 3, 1, 2, 1, 1], 500.0, [2500])
    assert (unlike[0.999] / unlike.attrs["mean"]).item() > (
        limits[0.999] / limits.attrs["mean"]
    ).iloc[2]
    for at, levels in (([0.0], [0.5]), ([10.0], [1.5])):
        with pytest.raises(GeoError):
            limit_funnel(alike, 500.0, at, levels)
    with pytest.raises(GeoError):
        limit_funnel(alike[:2], 500.0, [10.0])

"""Effects of known size, and the words when nothing can be said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo.effect import find_detectable, measure_effect
from geo.errors import GeoError
from geo.exact import bound_ratio


def months(*rows):
    labels = pd.period_range("2025-01", periods=len(rows[0]), freq="M")
    return pd.DataFrame(list(rows), columns=labels, index=list("QRSTUV")[: len(rows)])


START = pd.Period("2025-07", "M")


def test_effect_by_hand():
    # Q halves while the others grow by half: ratio (60/120) / (270/180) = 1/3.
    counts = months([20] * 6 + [10] * 6, [10] * 6 + [15] * 6, [20] * 6 + [30] * 6)
    effect = measure_effect(counts, ["Q"], START)
    assert (effect.treated_before, effect.treated_after) == (120, 60)
    assert (effect.others_before, effect.others_after) == (180, 270)
    assert (effect.months_before, effect.months_after) == (6, 6)
    assert effect.ratio == pytest.approx(1 / 3)
    assert effect.overdispersion == 0.0
    wanted = bound_ratio(60.0, 120.0, 270.0, 180.0, 0.025)
    assert (effect.ratio_low, effect.ratio_high) == pytest.approx(wanted)
    assert (effect.verdict, effect.reason) == ("better", "")


def test_effect_can_be_worse_or_none():
    flat = [[30] * 12] * 3
    worse = measure_effect(months([20] * 6 + [40] * 6, *flat), ["Q"], START)
    assert worse.verdict == "worse"
    none = measure_effect(months([40] * 12, *flat), ["Q"], START)
    assert (none.verdict, none.ratio) == ("no_change", 1.0)
    assert 0.5 < none.detectable < 0.9


def test_overdispersion_widens():
    calm = measure_effect(months([20] * 6 + [12] * 6, [20] * 12, [20] * 12), ["Q"], START)
    rough = [[5, 60, 3, 40, 9, 3] * 2, [30, 2, 50, 4, 3, 31] * 2]
    noisy = measure_effect(months([20] * 6 + [12] * 6, *rough), ["Q"], START, after_months=3)
    assert calm.verdict == "better"
    assert noisy.overdispersion > 2
    assert noisy.ratio_high / noisy.ratio_low > calm.ratio_high / calm.ratio_low
    assert noisy.verdict == "too_early"


@pytest.mark.parametrize(
    ("rows", "start", "reason"),
    [
        ([[9] * 12, [9] * 12], "2025-02", "few_months_before"),
        ([[9] * 12, [9] * 12], "2025-11", "few_months_after"),
        ([[9] * 12, [9] * 12], "2026-06", "few_months_after"),
        ([[9] * 12], "2025-07", "no_others"),
        ([[9] * 12, [0] * 12], "2025-07", "no_others"),
        ([[0] * 12, [9] * 12], "2025-07", "few_cases"),
        ([[1, 0] * 6, [9] * 12], "2025-07", "few_cases"),
    ],
)
def test_too_early_says_why(rows, start, reason):
    effect = measure_effect(months(*rows), ["Q"], pd.Period(start, "M"))
    assert (effect.verdict, effect.reason) == ("too_early", reason)
    values = [effect.ratio, effect.ratio_low, effect.ratio_high, effect.detectable]
    assert not np.isinf(values).any()


def test_from_nothing_to_something_has_no_ratio_but_a_bound():
    effect = measure_effect(months([0] * 6 + [10] * 6, [30] * 12, [30] * 12), ["Q"], START)
    assert np.isnan(effect.ratio)
    assert np.isnan(effect.ratio_high)
    assert effect.ratio_low > 1
    assert effect.verdict == "worse"


def test_spans_can_be_cut_and_gaps_leave_others_out():
    counts = months([20] * 6 + [10] * 6, [10] * 12, [None] + [10] * 11)
    effect = measure_effect(counts, ["Q"], START, after_months=4, before_months=5)
    assert (effect.months_before, effect.months_after) == (5, 4)
    assert effect.others_before == 100, "S lacks only a month that is not used"
    assert measure_effect(counts, ["Q"], START).others_before == 60


def test_detectable_falls_with_more_cases():
    few, many = find_detectable(30, 300, 300), find_detectable(300, 3000, 3000)
    assert 0 < few < many < 1
    assert find_detectable(300, 3000, 3000, overdispersion=4.0) < many
    assert np.isnan(find_detectable(0, 10, 10))
    # At the detectable ratio the distance is z(0.975) + z(0.8) deviations.
    deviation = np.sqrt(1 / 300 + 2 / 3000 + 1 / (300 * many))
    assert -np.log(many) / deviation == pytest.approx(1.959964 + 0.841621, rel=1e-4)


def test_interval_holds_the_truth():
    generator = np.random.default_rng(5)
    nature = generator.gamma(6.25, 0.16, 12)
    held = 0
    for _ in range(150):
        mean = np.repeat(20.0 * nature[:, None], 18, axis=1)
        mean[0, 12:] *= 0.6
        effect = measure_effect(pd.DataFrame(generator.poisson(mean)), [0], 12)
        held += effect.ratio_low <= 0.6 <= effect.ratio_high
    assert 136 <= held <= 150


def test_bad_input_is_refused():
    counts = months([9] * 12, [9] * 12)
    for treated in (["Z"], []):
        with pytest.raises(GeoError):
            measure_effect(counts, treated, START)
    with pytest.raises(GeoError, match="没有件数"):
        measure_effect(counts.astype(float).replace(9, np.nan), ["Q"], START)
    with pytest.raises(GeoError):
        measure_effect(counts, ["Q"], 7)
    for wrong in ({"level": 95}, {"after_months": 0}, {"before_months": 0}):
        with pytest.raises(GeoError):
            measure_effect(counts, ["Q"], START, **wrong)
    with pytest.raises(GeoError):
        measure_effect(counts.iloc[[0, 0]], ["Q"], START)

"""Shares, comparisons and changes of survey items, against figures worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from geo.capital import compare_waves, compare_with_rest, measure_shares
from geo.errors import GeoError


def counts(*numbers: int) -> pd.Series:
    return pd.Series(numbers, index=list("ABCDEFGHIJKLMNOP")[: len(numbers)])


def test_shares_have_wilsons_interval() -> None:
    found = measure_shares(counts(10, 0, 81), counts(20, 10, 263))
    assert found["share"].tolist() == [0.5, 0.0, 81 / 263]
    # z^2 = 3.8415: half of 20 is 0.5 +- 1.96 * sqrt(0.25/20 + 3.8415/1600) / (1 + 3.8415/20)
    assert found.loc["A", ["share_low", "share_high"]].tolist() == pytest.approx(
        [0.2993, 0.7007], abs=5e-5
    )
    # none of n: 0 to z^2 / (n + z^2)
    assert found.loc["B", ["share_low", "share_high"]].tolist() == pytest.approx(
        [0.0, 3.8415 / 13.8415], abs=5e-5
    )
    # Newcombe (1998), table I of the paper on one proportion: 81 of 263
    assert found.loc["C", ["share_low", "share_high"]].tolist() == pytest.approx(
        [0.2553, 0.3662], abs=5e-5
    )


def test_of_fewer_than_five_answers_nothing_is_said() -> None:
    found = measure_shares(counts(4, 5, 0), counts(4, 5, 0))
    assert found["status"].tolist() == ["too_few", "known", "too_few"]
    assert found["share"].isna().tolist() == [True, False, True]
    assert found[["share_low", "share_high"]].isna().all(axis=1).tolist() == [True, False, True]


def test_one_place_is_told_apart_from_the_others_by_fishers_test() -> None:
    # 0 of 10 against 10 of 10: 2 / C(20, 10) = 1.08e-5, for two places twice that.
    found = compare_with_rest(counts(0, 10), counts(10, 10))
    assert found["p_value"].tolist() == pytest.approx([4 / 184_756] * 2)
    assert found["verdict"].tolist() == ["lower", "higher"]
    assert found["rest_share"].tolist() == [1.0, 0.0]
    assert found["rest_asked"].tolist() == [10, 10]


def test_places_alike_cannot_be_told_apart_and_small_ones_are_left_out() -> None:
    found = compare_with_rest(counts(5, 6, 4, 4), counts(10, 10, 10, 4))
    assert found["verdict"].tolist() == ["not_apart"] * 3 + ["too_few"]
    assert found["rest_asked"].tolist()[:3] == [20, 20, 20]  # without the four of D
    assert np.isnan(found["rest_share"]["D"])


def test_a_place_alone_has_no_others() -> None:
    assert compare_with_rest(counts(5), counts(10))["verdict"].tolist() == ["too_few"]


def test_a_change_has_newcombes_interval() -> None:
    # Newcombe (1998), paper on differences: 56/70 - 48/80, method 10: 0.0524 to 0.3339
    found = compare_waves(counts(56), counts(70), counts(48), counts(80))
    assert found.loc["A", "change"] == pytest.approx(0.2)
    assert found.loc["A", ["change_low", "change_high"]].tolist() == pytest.approx(
        [0.0524, 0.3339], abs=5e-5
    )
    assert found.loc["A", "verdict"] == "up"
    back = compare_waves(counts(48), counts(80), counts(56), counts(70))
    assert back.loc["A", ["change_low", "change_high"]].tolist() == pytest.approx(
        [-0.3339, -0.0524], abs=5e-5
    )
    assert back.loc["A", "verdict"] == "down"


def test_a_change_that_is_no_surprise_among_many_places_is_only_a_maybe() -> None:
    others = [5] * 9
    found = compare_waves(
        counts(56, *others), counts(70, *[10] * 9), counts(48, *others), counts(80, *[10] * 9)
    )
    assert found["verdict"].tolist() == ["maybe_up"] + ["no_real_change"] * 9


def test_too_few_answers_in_either_survey_say_no_change() -> None:
    found = compare_waves(counts(4, 9), counts(4, 10), counts(9, 0), counts(10, 0))
    assert found["verdict"].tolist() == ["too_few", "too_few"]
    assert found[["change", "change_low", "change_high"]].isna().all(axis=None)


def test_the_interval_covers_what_is_true_as_often_as_it_says() -> None:
    yes = pd.Series(range(27))
    found = measure_shares(yes, pd.Series(26, index=yes.index))
    covered = [
        stats.binom.pmf(yes, 26, share)[
            found["share_low"].le(share) & found["share_high"].ge(share)
        ]
        for share in np.linspace(0.01, 0.99, 99)
    ]
    often = [weights.sum() for weights in covered]
    assert np.mean(often) == pytest.approx(0.95, abs=0.01)
    assert min(often) > 0.83


@pytest.mark.parametrize(("agreed", "asked"), [(3, 2), (-1, 2)])
def test_counts_that_cannot_be_are_refused(agreed: int, asked: int) -> None:
    with pytest.raises(GeoError, match="同意的人数"):
        measure_shares(counts(agreed), counts(asked))


def test_items_in_one_table_are_judged_as_if_each_stood_alone() -> None:
    agreed, asked = counts(0, 10, 5, 6), counts(10, 10, 10, 10)
    items = pd.Series(["x", "x", "y", "y"], index=asked.index)
    found = compare_with_rest(agreed, asked, groups=items)
    apart = [compare_with_rest(agreed[items == i], asked[items == i]) for i in "xy"]
    pd.testing.assert_frame_equal(found, pd.concat(apart))
    before = counts(5, 5, 5, 5)
    found = compare_waves(agreed, asked, before, asked, groups=items)
    apart = [
        compare_waves(*(part[items == i] for part in (agreed, asked, before, asked))) for i in "xy"
    ]
    pd.testing.assert_frame_equal(found, pd.concat(apart))

"""Targets: need times gap by hand, ties, unknown parts and moved weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.targeting import list_contributions, measure_stability, scale_part, score_targets

NEED, GAP = ["rate", "trend"], ["bodies"]
WEIGHTS = {"rate": 3.0, "trend": 1.0, "bodies": 1.0}


def parts_of(**columns):
    size = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=list("ABCDEFGH")[:size], dtype=float)


def test_scale_is_linear_cut_off_and_can_turn_round():
    values = pd.Series([0.0, 5.0, 10.0, 99.0, np.nan], index=list("abcde"), name="rate")
    scaled = scale_part(values, 0, 10)
    np.testing.assert_array_equal(scaled, [0, 0.5, 1, 1, np.nan])
    assert scaled.name == "rate"
    assert scaled.index.equals(values.index)
    np.testing.assert_array_equal(scale_part(values, 10, 0), [1, 0.5, 0, 0, np.nan])
    for low, high in [(1, 1), (np.nan, 1), (0, np.inf)]:
        with pytest.raises(GeoError):
            scale_part(values, low, high)


def test_score_by_hand():
    parts = parts_of(rate=[1.0, 0.4], trend=[0.2, 0.4], bodies=[0.5, 1.0])
    scored = score_targets(parts, NEED, GAP, WEIGHTS, floor=0.2)
    np.testing.assert_allclose(scored["need"], [0.8, 0.4])  # (3 × 1 + 1 × 0.2) / 4
    np.testing.assert_allclose(scored["gap"], [0.5, 1.0])
    np.testing.assert_allclose(scored["score"], [0.8 * 0.6, 0.4])  # 0.2 + 0.8 × 0.5 = 0.6
    assert scored["rank"].tolist() == [1, 2]
    assert scored.columns.tolist() == ["need", "gap", "score", "rank"]


def test_need_still_orders_where_there_is_no_gap():
    parts = parts_of(rate=[0.2, 0.9], trend=[0.2, 0.9], bodies=[0.0, 0.0])
    assert score_targets(parts, NEED, GAP, WEIGHTS)["rank"].tolist() == [2, 1]
    plain = score_targets(parts, NEED, GAP, WEIGHTS, floor=0.0)
    assert plain["score"].tolist() == [0.0, 0.0]
    assert plain["rank"].tolist() == [1, 1]


def test_ties_share_the_better_rank():
    parts = parts_of(rate=[0.1, 0.7, 0.7, 0.3], trend=[0.1, 0.7, 0.7, 0.3], bodies=[1.0] * 4)
    assert score_targets(parts, NEED, GAP, WEIGHTS)["rank"].tolist() == [4, 1, 1, 3]


def test_unknown_parts_count_neither_way():
    parts = parts_of(
        rate=[0.8, 0.8, np.nan, np.nan],
        trend=[np.nan, 0.8, 0.6, np.nan],
        bodies=[0.5, np.nan, 1.0, 1.0],
    )
    scored = score_targets(parts, NEED, GAP, WEIGHTS, floor=0.0)
    np.testing.assert_allclose(scored["need"], [0.8, 0.8, 0.6, np.nan])
    assert np.isnan(scored.loc["B", "gap"])
    # The mean of the known gaps 0.5, 1, 1 stands in for the unknown one.
    assert scored.loc["B", "score"] == pytest.approx(0.8 * 2.5 / 3)
    assert scored["rank"].isna().tolist() == [False, False, False, True]
    no_gap_known = score_targets(parts.assign(bodies=np.nan), NEED, GAP, WEIGHTS)
    assert no_gap_known["score"].notna().tolist() == [True, True, True, False]


unit_parts = st.lists(
    st.tuples(*[st.floats(0, 1) | st.just(float("nan"))] * 3), min_size=1, max_size=8
)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(unit_parts)
def test_scores_lie_in_zero_to_one_and_shares_too(values):
    parts = pd.DataFrame(values, columns=["rate", "trend", "bodies"])
    scored = score_targets(parts, NEED, GAP, WEIGHTS)
    assert scored["score"].dropna().between(0, 1 + 1e-9).all()
    share = measure_stability(parts, NEED, GAP, WEIGHTS, draws=20)
    assert share.dropna().between(0, 1).all()
    assert share.isna().equals(scored["score"].isna())


def test_an_undisputed_order_is_steady_and_a_disputed_one_is_not():
    parts = parts_of(
        rate=[1.0, 0.9, 0.0, 0.1], trend=[1.0, 0.0, 0.9, 0.1], bodies=[1.0, 1.0, 1.0, 1.0]
    )
    even = {"rate": 1.0, "trend": 1.0, "bodies": 1.0}
    share = measure_stability(parts, NEED, GAP, even, top=2)
    assert share.name == "top_share"
    assert share["A"] == 1.0
    assert share["D"] == 0.0
    assert share["B"] + share["C"] == pytest.approx(1.0)
    assert 0.4 < share["B"] < 0.6
    pd.testing.assert_series_equal(share, measure_stability(parts, NEED, GAP, even, top=2))
    tilted = measure_stability(parts, NEED, GAP, WEIGHTS, top=2)
    assert tilted["B"] > 0.9


def test_a_weight_of_zero_stays_zero():
    parts = parts_of(rate=[1.0, 0.0], trend=[0.0, 1.0], bodies=[1.0, 1.0])
    share = measure_stability(parts, NEED, GAP, WEIGHTS | {"trend": 0.0}, top=1)
    assert share.tolist() == [1.0, 0.0]


def test_more_places_than_units_hold_everyone():
    parts = parts_of(rate=[1.0, 0.0], trend=[0.0, 1.0], bodies=[1.0, 1.0])
    assert measure_stability(parts, NEED, GAP, WEIGHTS, top=3, draws=5).tolist() == [1.0, 1.0]
    empty = parts[:0]
    assert measure_stability(empty, NEED, GAP, WEIGHTS, draws=5).empty
    assert score_targets(empty, NEED, GAP, WEIGHTS).empty


@pytest.mark.parametrize(
    "wrong",
    [
        {"need": []},
        {"need": ["absent"]},
        {"weights": {"rate": 1.0}},
        {"weights": WEIGHTS | {"rate": -1.0}},
        {"weights": WEIGHTS | {"bodies": 0.0}},
        {"parts": parts_of(rate=[1.2], trend=[0.1], bodies=[0.1])},
        {"floor": 1.5},
    ],
)
@pytest.mark.parametrize("measure", [score_targets, measure_stability])
def test_bad_input_is_refused(measure, wrong):
    good = {
        "parts": parts_of(rate=[0.2], trend=[0.1], bodies=[0.1]),
        "need": NEED,
        "gap": GAP,
        "weights": WEIGHTS,
    }
    with pytest.raises(GeoError):
        measure(**(good | wrong))


def test_bad_settings_are_refused():
    parts = parts_of(rate=[0.2], trend=[0.1], bodies=[0.1])
    for wrong in ({"draws": 0}, {"top": 0}, {"concentration": 0.0}):
        with pytest.raises(GeoError):
            measure_stability(parts, NEED, GAP, WEIGHTS, **wrong)


def test_contributions_add_up_to_the_score():
    parts = parts_of(rate=[1.0, 0.4, np.nan], trend=[0.2, np.nan, np.nan], bodies=[0.5, 0.0, 1.0])
    listed = list_contributions(parts, NEED, GAP, WEIGHTS)
    assert listed["unit"].tolist() == ["A"] * 3 + ["B"] * 3 + ["C"] * 3
    assert listed["part"].tolist() == ["rate", "trend", "bodies"] * 3
    first = listed.set_index(["unit", "part"]).loc["A"]
    np.testing.assert_allclose(first["contribution"], [0.75, 0.05, 0.5])
    np.testing.assert_allclose(first["share"], [0.9375, 0.0625, 1.0])
    # B's trend is unknown, so the rate has all the weight; its gap of 0 has no shares.
    second = listed.set_index(["unit", "part"]).loc["B"]
    np.testing.assert_array_equal(second["weight"], [1.0, np.nan, 1.0])
    assert np.isnan(second.loc["bodies", "share"])
    scored = score_targets(parts, NEED, GAP, WEIGHTS)
    for group in ("need", "gap"):
        rows = listed[listed["group"] == group]
        total = rows.groupby("unit")["contribution"].sum(min_count=1)
        np.testing.assert_allclose(total, scored[group])
    with pytest.raises(GeoError):
        list_contributions(parts, NEED, [], WEIGHTS)
    assert list_contributions(parts[:0], NEED, GAP, WEIGHTS).empty

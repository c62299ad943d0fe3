"""Time to close, overdue, repeats and backlog, by hand and against statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from geo.errors import GeoError
from geo.handling import (
    count_backlog,
    estimate_closing,
    find_repeats,
    flag_overdue,
    measure_overdue,
    measure_share,
)


def test_median_counts_what_is_still_open():
    days = pd.Series([1.0, 2, 3, 4, 5, 6])
    all_closed = estimate_closing(days, pd.Series([True] * 6)).loc[0]
    assert (all_closed["row_count"], all_closed["open_count"], all_closed["days"]) == (6, 0, 3)
    some = estimate_closing(days, pd.Series([True, False, True, False, True, True])).loc[0]
    # 5/6, then 5/6 × 3/4 = 0.625, then × 1/2 at day 5.
    assert (some["open_count"], some["days"]) == (2, 5)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=1, max_size=40),
    st.sampled_from([0.25, 0.5, 0.75]),
)
def test_closing_matches_statsmodels(rows, share):
    days = pd.Series([float(day) for day, _ in rows])
    closed = pd.Series([flag for _, flag in rows])
    got = estimate_closing(days, closed, share=share).loc[0]
    if closed.any():
        curve = SurvfuncRight(days + 1.0, closed.astype(int))
        reached = curve.surv_times[curve.surv_prob <= 1.0 - share + 1e-9] - 1.0
        assert got["days"] == pytest.approx([*reached, np.nan][0], nan_ok=True)
    else:
        assert np.isnan(got["days"])
    known = got[["days_low", "days", "days_high"]].dropna()
    assert known.is_monotonic_increasing


def test_interval_matches_statsmodels():
    generator = np.random.default_rng(3)
    days = pd.Series(generator.exponential(10.0, 80).round(2))
    closed = pd.Series(generator.random(80) < 0.8)
    closed[days.idxmax()] = False  # statsmodels warns where the curve ends at nought
    got = estimate_closing(days, closed).loc[0]
    low, high = SurvfuncRight(days, closed.astype(int)).quantile_ci(0.5, method="cloglog")
    assert (got["days_low"], got["days_high"]) == (pytest.approx(low), pytest.approx(high))


def test_closing_by_group_and_where_nothing_is_known():
    days = pd.Series([2.0, 4, 9, None, 3])
    closed = pd.Series([True, True, False, True, True])
    got = estimate_closing(days, closed, pd.Series(["a", "a", "b", "b", None]))
    assert got.index.tolist() == ["a", "b"]
    assert got["row_count"].tolist() == [2, 1]
    assert got["days"].isna().tolist() == [False, True]
    assert estimate_closing(days[:0], closed[:0]).empty
    with pytest.raises(GeoError, match="负数"):
        estimate_closing(-days, closed)
    with pytest.raises(GeoError):
        estimate_closing(days, closed[:2])


def test_median_interval_covers():
    generator = np.random.default_rng(8)
    held = 0
    for _ in range(200):
        true, seen_for = generator.exponential(10.0, 60), generator.uniform(2.0, 40.0, 60)
        got = estimate_closing(
            pd.Series(np.minimum(true, seen_for)), pd.Series(true <= seen_for)
        ).loc[0]
        held += got["days_low"] <= 10 * np.log(2) < got["days_high"]
    assert 180 <= held <= 199


def test_overdue_is_late_or_open_past_the_day():
    due = pd.Series(pd.to_datetime(["2026-03-10"] * 4 + [None]))
    texts = ["2026-03-10 17:00", "2026-03-11 09:00", None, None, None]
    closed = pd.Series(pd.to_datetime(texts))
    assert flag_overdue(due, closed, "2026-03-10").tolist() == [False, True, False, False, pd.NA]
    late = flag_overdue(due, closed, "2026-03-11")
    assert late.tolist()[:4] == [False, True, True, True]
    measured = measure_overdue(late).loc[0]
    assert (measured["judged_count"], measured["overdue_count"]) == (4, 3)
    assert measured["overdue_pct"] == 75.0
    # scipy.stats.binomtest(3, 4).proportion_ci(): 0.194120, 0.993690.
    assert measured["overdue_pct_low"] == pytest.approx(19.4120, abs=1e-3)
    assert measured["overdue_pct_high"] == pytest.approx(99.3690, abs=1e-3)
    none = measure_overdue(pd.Series([pd.NA, pd.NA], dtype="boolean"))
    assert none["judged_count"].item() == 0
    assert none[["overdue_pct", "overdue_pct_low", "overdue_pct_high"]].isna().all(axis=None)
    every = measure_overdue(pd.Series([True, False]), pd.Series(["a", "b"]))
    assert every["overdue_pct"].tolist() == [100.0, 0.0]
    assert every["overdue_pct_high"].iloc[0] == 100.0
    assert every["overdue_pct_low"].iloc[1] == 0.0


def reports(*rows):
    columns = ["place", "matter", "reported_on", "closed_on"]
    return pd.DataFrame(list(rows), columns=columns)


def test_repeats_make_chains_of_one_place_and_matter():
    table = reports(
        ("Q", "噪音", "2026-03-20", None),
        ("Q", "噪音", "2026-03-01", "2026-03-05"),
        ("Q", "噪音", "2026-03-04", "2026-03-05"),
        ("R", "噪音", "2026-03-05", None),
        ("Q", "停车", "2026-03-05", None),
        ("Q", "噪音", "2026-06-01", None),
        ("Q", None, "2026-03-05", None),
        ("Q", "噪音", None, None),
    )
    found = find_repeats(table, within_days=30)
    assert found["is_repeat"].tolist() == [True, False, True] + [False] * 5
    assert found["nth"].tolist() == [3, 1, 2, 1, 1, 1, pd.NA, pd.NA]
    assert found["is_reopened"].tolist() == [True] + [False] * 7
    assert found["days_since"].tolist()[0] == 16
    assert found["case"].tolist() == [0, 0, 0, 1, 2, 3, pd.NA, pd.NA]
    shorter = find_repeats(table, within_days=10)
    assert shorter["is_repeat"].tolist() == [False, False, True] + [False] * 5
    assert find_repeats(table[:0]).empty
    without = find_repeats(table.drop(columns="closed_on"))
    assert not without["is_reopened"].any()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from("QR"), st.integers(0, 60)), max_size=25),
    st.integers(0, 20),
)
def test_repeats_equal_a_plain_loop(rows, within):
    start = pd.Timestamp("2026-01-01")
    table = reports(*[(p, "a", start + pd.Timedelta(days=d), None) for p, d in rows])
    found = find_repeats(table, within)
    latest = {}
    wanted = [False] * len(rows)
    for number in sorted(range(len(rows)), key=lambda k: (rows[k][1], k)):
        place, day = rows[number]
        wanted[number] = place in latest and day - latest[place] <= within
        latest[place] = day
    assert found["is_repeat"].tolist() == wanted


def test_backlog_by_month():
    came = pd.Series(pd.to_datetime(["2026-01-05", "2026-01-20", "2026-03-02", "2026-05-01", None]))
    went = pd.Series(pd.to_datetime(["2026-01-30", "2026-03-03", "2026-02-01", None, None]))
    got = count_backlog(came, went, "2026-04-15")
    assert [str(month) for month in got.index] == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert got["reported_count"].tolist() == [2, 0, 1, 0]
    # The third was closed before it was reported: a slip, closed when it came.
    assert got["closed_count"].tolist() == [1, 0, 2, 0]
    assert got["open_count"].tolist() == [1, 1, 0, 0]
    assert count_backlog(came, went, "2025-12-31").empty


def test_backlog_balances_with_what_is_closed_later():
    came = pd.Series(pd.to_datetime(["2026-01-05", "2026-01-06"]))
    went = pd.Series(pd.to_datetime(["2026-09-01", None]))
    assert count_backlog(came, went, "2026-03-01")["open_count"].tolist() == [2, 2, 2]


def test_bad_input_is_refused():
    table = reports(("Q", "噪音", "2026-03-20", None))
    with pytest.raises(GeoError):
        find_repeats(table, within_days=-1)
    with pytest.raises(GeoError, match="matter"):
        find_repeats(table.drop(columns="matter"))
    with pytest.raises(GeoError, match="不是日期"):
        find_repeats(table.assign(reported_on="昨天"))
    with pytest.raises(GeoError):
        find_repeats(pd.concat([table, table]))
    dates = pd.Series(pd.to_datetime(["2026-01-05"]))
    with pytest.raises(GeoError):
        flag_overdue(dates, dates.set_axis(["x"]), "2026-01-01")
    with pytest.raises(GeoError):
        measure_overdue(pd.Series([True]), pd.Series(["a"], index=["x"]))


def test_a_row_may_stand_for_many():
    generator = np.random.default_rng(4)
    days = pd.Series(generator.integers(0, 9, 200).astype(float))
    closed = pd.Series(generator.random(200) < 0.7)
    rows = pd.DataFrame({"days": days, "closed": closed}).value_counts().reset_index(name="n")
    got = estimate_closing(rows["days"], rows["closed"], number=rows["n"])
    pd.testing.assert_frame_equal(got, estimate_closing(days, closed))
    for wrong in (rows["n"] - rows["n"].min(), rows["n"].iloc[1:]):
        with pytest.raises(GeoError):
            estimate_closing(rows["days"], rows["closed"], number=wrong)
    nothing = estimate_closing(days.iloc[:0], closed.iloc[:0], days.iloc[:0])
    assert nothing.empty


def test_shares_have_exact_limits():
    shares = measure_share(pd.Series([0, 3, 0]), pd.Series([10, 12, 0]))
    assert shares["pct"].tolist() == pytest.approx([0.0, 25.0, np.nan], nan_ok=True)
    # Clopper and Pearson: none of ten may still be up to 30.85 %.
    assert shares.loc[0, "pct_high"] == pytest.approx(30.85, abs=0.01)
    assert shares.loc[1, ["pct_low", "pct_high"]].tolist() == pytest.approx([5.49, 57.19], abs=0.01)
    with pytest.raises(GeoError, match="多于"):
        measure_share(pd.Series([3]), pd.Series([2]))

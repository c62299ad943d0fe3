"""Seasons recovered, taken out of comparisons, and left alone where they cannot be known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo.errors import GeoError
from geo.rates import compare_counts
from geo.seasons import compare_months, estimate_seasons


def monthly(values, start="2024-01"):
    return pd.Series(values, index=pd.period_range(start, periods=len(values), freq="M"))


def busy_summers(n_months=24, mean=200.0):
    months = pd.period_range("2024-01", periods=n_months, freq="M")
    wave = np.exp(0.5 * np.cos(2 * np.pi * (months.month - 7) / 12))
    return mean * wave * months.days_in_month / 30.0


def test_factors_are_recovered_whatever_the_trend():
    trend = np.exp(np.linspace(0, 0.7, 36))
    found = estimate_seasons(monthly(np.round(busy_summers(36, 5000.0) * trend)))
    wanted = np.exp(0.5 * np.cos(2 * np.pi * (np.arange(1, 13) - 7) / 12))
    np.testing.assert_allclose(found["factor"], wanted, rtol=0.01)
    assert np.log(found["factor"]).sum() == pytest.approx(0.0, abs=1e-9)
    assert (found["factor_low"] < found["factor"]).all()
    assert found.attrs["is_adjusted"]
    assert found.attrs["phi"] < 1.0


def test_limits_hold_the_truth():
    generator = np.random.default_rng(6)
    wanted = np.exp(0.5 * np.cos(2 * np.pi * (np.arange(1, 13) - 7) / 12))
    held = []
    for _ in range(40):
        found = estimate_seasons(monthly(generator.poisson(busy_summers(36))))
        held.append(found["factor_low"].le(wanted) & found["factor_high"].ge(wanted))
    assert 0.92 <= np.mean(held) <= 0.99


def test_a_season_needs_two_years_and_a_case_in_every_month():
    for values in (np.full(23, 9), [*[5] * 11, 0, *[5] * 11, 0], []):
        found = estimate_seasons(monthly(values))
        assert (found["factor"] == 1.0).all()
        assert found["factor_low"].isna().all()
        assert not found.attrs["is_adjusted"]


def test_the_month_before_is_compared_with_the_season_taken_out():
    generator = np.random.default_rng(1)
    rows = generator.poisson(np.tile(busy_summers(31, 40.0), (6, 1)))
    counts = pd.DataFrame(rows, columns=pd.period_range("2024-01", periods=31, freq="M"))
    counts.iloc[0, -1] *= 3
    compared = compare_months(counts)
    assert compared.attrs["is_adjusted"]
    assert compared["verdict"].iloc[0] == "up"
    assert (compared["verdict"].iloc[1:] == "no_real_change").sum() >= 4
    # From May to July nearly everybody rises, which is the season.
    plain = compare_counts(counts.iloc[:, -1], counts.iloc[:, -3])["ratio"].iloc[1:].mean()
    taken_out = compare_months(counts, back=2)["ratio"].iloc[1:].mean()
    assert abs(taken_out - 1) < abs(plain - 1)
    year = compare_months(counts, back=12)
    assert not year.attrs["is_adjusted"]
    assert year["before"].tolist() == counts.iloc[:, -13].tolist()


def test_lengths_of_months_are_taken_out():
    counts = pd.DataFrame(
        [[290, 310]], columns=pd.period_range("2024-02", periods=2, freq="M"), index=["Q"]
    )
    assert compare_months(counts).loc["Q", "ratio"] == pytest.approx(1.0)
    homes = pd.DataFrame([[100, 200]], columns=counts.columns, index=["Q"])
    assert compare_months(counts, exposure=homes).loc["Q", "ratio"] == pytest.approx(0.5)


def test_no_month_so_far_back_is_too_few():
    counts = pd.DataFrame([[3, 4]], columns=pd.period_range("2024-02", periods=2, freq="M"))
    compared = compare_months(counts, back=12)
    assert compared["verdict"].tolist() == ["too_few"]
    assert compared[["before", "ratio", "ratio_low"]].isna().all(axis=None)


def test_dates_serve_as_months_and_gaps_are_refused():
    months = pd.date_range("2024-01-01", periods=24, freq="MS")
    assert estimate_seasons(pd.Series(range(1, 25), index=months)).attrs["is_adjusted"]
    gap = monthly([5, 6, 7]).drop(pd.Period("2024-02", "M"))
    for wrong in (gap, monthly([1, None, 2]), monthly([1, -1]), pd.Series([1], index=["甲"])):
        with pytest.raises(GeoError):
            estimate_seasons(wrong)
    counts = monthly([5, 6, 7]).to_frame().T
    with pytest.raises(GeoError):
        compare_months(counts, back=0)
    with pytest.raises(GeoError, match="对不上"):
        compare_months(counts, exposure=counts.iloc[:, :2])

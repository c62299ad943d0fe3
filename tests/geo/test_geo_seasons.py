"""Seasons recovered, taken out of comparisons, and left alone where they cannot be known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from geo.errors import GeoError
from geo.exact import measure_dispersion, measure_step_dispersion
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


def drifting(generator, n_months, phi=1.0, drift=1.0, season=0.0, jump=1.0):
    """16 units that drift apart; from the last month but one only the first of them jumps."""
    months = pd.period_range("2023-01", periods=n_months, freq="M")
    slope = generator.uniform(-1, 1, (16, 1)) * np.log1p(drift)
    wave = np.exp(season * np.cos(2 * np.pi * (months.month.to_numpy() - 7) / 12))
    usual = months.days_in_month.to_numpy() / 30.4 * wave
    level = 40 * generator.gamma(6.25, 0.16, (16, 1)) * np.exp(
        slope * np.linspace(-1, 1, n_months)
    )  # fmt: skip
    level[:, -1] = level[:, -2]
    level[0, -1] *= jump
    mean = level * usual
    drawn = (
        generator.poisson(mean)
        if phi == 1.0
        else generator.negative_binomial(mean / (phi - 1), 1 / phi)
    )
    return pd.DataFrame(drawn, columns=months)


@pytest.mark.parametrize(
    ("n_months", "phi", "season", "least_power"),
    [(12, 1.0, 0.0, 0.75), (12, 2.0, 0.0, 0.5), (30, 1.0, 0.4, 0.7), (30, 2.0, 0.4, 0.45)],
)
def test_drift_and_season_are_not_taken_for_noise(n_months, phi, season, least_power):
    generator = np.random.default_rng(7)
    false, found, measured = [], [], []
    for _ in range(50):
        counts = drifting(generator, n_months, phi, season=season, jump=2.0)
        compared = compare_months(counts)
        false.append(compared["verdict"].iloc[1:].isin(["up", "down"]).mean())
        found.append(compared["verdict"].iloc[0] == "up")
        measured.append(compared.attrs["phi"])
    assert np.mean(false) <= 0.06
    assert np.mean(found) >= least_power
    assert np.mean(measured) == pytest.approx(phi, rel=0.2)


def test_a_dispersion_around_the_mean_of_all_months_would_hide_the_change():
    generator = np.random.default_rng(8)
    plain, steps = [], []
    for _ in range(20):
        cases = drifting(generator, 36).to_numpy(dtype=float)
        plain.append(measure_dispersion(cases)[0])
        steps.append(measure_step_dispersion(cases, np.ones(36))[0])
    assert np.mean(plain) > 3.0
    assert np.mean(steps) == pytest.approx(1.0, abs=0.05)


def test_a_jump_of_one_month_is_no_noise_and_few_months_widen():
    generator = np.random.default_rng(9)
    cases = generator.poisson(50.0, (16, 12)).astype(float)
    calm, freedom = measure_step_dispersion(cases, np.ones(12))
    cases[3, 6] = 400.0
    assert measure_step_dispersion(cases, np.ones(12))[0] == pytest.approx(calm, rel=0.15)
    assert freedom == pytest.approx(11 * 15 * 2 / 3)
    assert measure_step_dispersion(cases[:, :2], np.ones(2))[1] == 15.0


def test_one_unit_alone_is_held_against_the_days_of_its_months():
    twos = np.array([[10.0, 20.0, 10.0, 20.0]])
    # Expected 15 and 15: (25 + 25) / 15, set right by the median of one degree of freedom.
    wanted = (50 / 15) / (1 - 2 / 9) ** 3
    assert measure_step_dispersion(twos, np.ones(4))[0] == pytest.approx(wanted)
    assert measure_step_dispersion(twos, np.array([1.0, 2.0, 1.0, 2.0]))[0] == 0.0
    for empty in (np.zeros((2, 5)), np.ones((3, 1)), np.empty((0, 4))):
        assert measure_step_dispersion(empty, np.ones(empty.shape[1])) == (1.0, 0.0)

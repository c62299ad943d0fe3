"""Seasons: how the months of the year differ, and comparisons with them taken out."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

from geo.checks import Floats, read_amounts, read_month_table, require_share
from geo.errors import GeoError
from geo.exact import measure_step_dispersion
from geo.rates import compare_counts

FEWEST_MONTHS = 24
MONTHS = 12


def estimate_seasons(counts: pd.Series, level: float = 0.95) -> pd.DataFrame:
    """Estimate how much more or less than in the mean month comes in each month of the year.

    Parameters
    ----------
    counts : Series of k whole numbers, index of months (periods or dates), ascending
        Cases of all units together, whole months, without gaps.
    level : float
        Confidence of the interval, 0 to 1.

    Returns
    -------
    DataFrame[factor, factor_low, factor_high], index 1 to 12
        Per day: longer months do not count as busier. 1 is the mean month (geometric).
        ``attrs['phi']`` is the dispersion, ``attrs['is_adjusted']`` True. With fewer than
        24 months, or no case in some month of the year, a season cannot be told from
        chance: all factors are 1, limits NaN, and ``is_adjusted`` is False.

    Raises
    ------
    GeoError
        Months that are missing, repeated or out of order; negative or fractional counts.

    Notes
    -----
    Quasi-Poisson regression with a factor per month of the year and a log-linear trend:
    McCullagh and Nelder (1989), Generalized Linear Models, chapters 6 and 9.
    """
    require_share(level, "置信水平")
    cases, months = _read_series(counts)
    number = (months.month - 1).to_numpy()
    per_month = np.bincount(number, weights=cases, minlength=MONTHS)
    if len(cases) < FEWEST_MONTHS or (per_month == 0).any():
        return _say_no_season()
    design = np.column_stack([np.eye(MONTHS)[number], np.linspace(-0.5, 0.5, len(cases))])
    offset = np.log(months.days_in_month.to_numpy(dtype=np.float64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PerfectSeparationWarning)
        fit = sm.GLM(cases, design, family=sm.families.Poisson(), offset=offset).fit(scale="X2")
    return _describe_factors(fit.params, fit.cov_params(), max(1.0, fit.scale), fit.scale, level)


def compare_months(
    counts: pd.DataFrame,
    back: int = 1,
    exposure: pd.DataFrame | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare the latest month with one before it: 环比 with 1 back, 同比 with 12.

    Parameters
    ----------
    counts : DataFrame, n units x k months of whole numbers, columns periods or dates,
        ascending
    back : int
        How many months before. With a multiple of 12 the season is the same and is not
        taken out.
    exposure : DataFrame of the same labels or None
        Households, where they change; None takes them as unchanged.
    level : float
        Confidence of the interval, 0 to 1.

    Returns
    -------
    DataFrame[now, before, ratio, ratio_low, ratio_high, verdict], index of `counts`
        As `geo.rates.compare_counts` says; lengths of months are taken out, and the season
        where two years are known before the latest month. ``attrs`` holds 'is_adjusted' and 'phi', the dispersion
        over time by which intervals are widened. Where there is no month so far back,
        ``before`` and the numbers are NaN and the verdict is ``'too_few'``.

    Raises
    ------
    GeoError
        As in `estimate_seasons` and `compare_counts`; `back` not positive.

    Notes
    -----
    How much counts swing by themselves is measured between neighbouring months
    (`geo.exact.measure_step_dispersion`), so that what a unit gained or lost over the
    years, a season or a jump of one month is not taken for swinging; a change that
    befell all units alike counts as a change of each. Simulated with 16 units of some 40
    complaints a month over 6 to 36 months, drifting apart until some have doubled and
    others halved: of unchanged units 1 to 6 % are called changed, with Poisson counts and
    with two and four times their variance; a doubling is found in 8 to 9, in 5 to 7 and
    in 3 to 5 of ten. Where months swing wildly little can be told from one to the next.
    """
    if back < 1:
        raise GeoError("比较的间隔月数至少为 1。")
    cases = read_month_table(counts)
    months = _read_months(counts.columns)
    now = pd.Series(cases[:, -1], index=counts.index)
    exists = back < len(months)
    before = pd.Series(cases[:, -1 - back] if exists else np.nan, index=counts.index)
    whole = cases[~np.isnan(cases).any(axis=1)]
    totals = pd.Series(whole.sum(axis=0), index=months)
    # The latest month is on trial: what is new in it must not pass for its season.
    seasons = _say_no_season() if back % MONTHS == 0 else estimate_seasons(totals.iloc[:-1])
    usual = months.days_in_month * seasons["factor"].to_numpy()[months.month - 1]
    phi, freedom = measure_step_dispersion(whole, np.asarray(usual, dtype=np.float64))
    phi = max(1.0, phi)
    weight_now, weight_before = (
        _weigh_month(counts, exposure, seasons, months, position)
        for position in (-1, -1 - back if exists else -1)
    )
    compared = compare_counts(now, before, weight_now, weight_before, level, phi, freedom)
    compared.insert(0, "now", now)
    compared.insert(1, "before", before)
    compared.attrs.update(is_adjusted=seasons.attrs["is_adjusted"], phi=phi)
    return compared


def _read_months(labels: pd.Index) -> pd.PeriodIndex:
    try:
        months = pd.PeriodIndex(labels, freq="M")
    except (TypeError, ValueError) as error:
        raise GeoError("月份必须是年月，例如 2026-05。") from error
    if len(months) and not months.equals(pd.period_range(months[0], months[-1], freq="M")):
        raise GeoError("月份必须从早到晚、一个不缺地排列。")
    return months


def _read_series(counts: pd.Series) -> tuple[Floats, pd.PeriodIndex]:
    months = _read_months(counts.index)
    table = counts.to_frame().T.set_axis(months, axis=1)
    if not len(months):
        return np.empty(0), months
    cases = read_month_table(table)[0]
    if np.isnan(cases).any():
        raise GeoError("有的月份没有件数，季节无法估计；没有诉求的月份请写 0。")
    return cases, months


def _say_no_season() -> pd.DataFrame:
    index = pd.RangeIndex(1, MONTHS + 1, name="month")
    flat = pd.DataFrame({"factor": 1.0, "factor_low": np.nan, "factor_high": np.nan}, index=index)
    flat.attrs.update(is_adjusted=False, phi=np.nan)
    return flat


def _describe_factors(
    params: Floats, covariance: Floats, widen: float, scale: float, level: float
) -> pd.DataFrame:
    """Turn coefficients into factors around their mean, with limits."""
    contrast = np.eye(MONTHS) - 1.0 / MONTHS
    logs = contrast @ params[:MONTHS]
    # The fit scales its covariance by the dispersion; less than Poisson is not believed.
    spread = contrast @ covariance[:MONTHS, :MONTHS] @ contrast.T * (widen / scale)
    reach = stats.norm.isf((1.0 - level) / 2.0) * np.sqrt(np.diag(spread))
    table = {
        "factor": np.exp(logs),
        "factor_low": np.exp(logs - reach),
        "factor_high": np.exp(logs + reach),
    }
    described = pd.DataFrame(table, index=pd.RangeIndex(1, MONTHS + 1, name="month"))
    described.attrs.update(is_adjusted=True, phi=float(scale))
    return described


def _weigh_month(
    counts: pd.DataFrame,
    exposure: pd.DataFrame | None,
    seasons: pd.DataFrame,
    months: pd.PeriodIndex,
    position: int,
) -> pd.Series:
    month = months[position]
    weight = month.days_in_month * float(seasons["factor"].loc[month.month])
    households = pd.Series(1.0, index=counts.index)
    if exposure is not None:
        if not exposure.columns.equals(counts.columns):
            raise GeoError("户数表的月份与件数表的对不上。")
        column = exposure.iloc[:, len(months) + position]
        households = pd.Series(read_amounts(column, counts.index, "户数"), index=counts.index)
    return households * weight

"""Which compounds stand out, against the others and against their own past, rarely in vain."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from geo.checks import (
    Floats,
    Numbers,
    read_amounts,
    read_counts,
    read_month_table,
    require_share,
)
from geo.errors import GeoError
from geo.exact import find_excess, measure_dispersion
from geo.spread import find_limits, find_tails, fit_spread

Flags = npt.NDArray[np.bool_]

FEWEST_UNITS = 3
FEWEST_EARLIER_MONTHS = 3
RECENT_MONTHS = 3
WINDOW_MONTHS = 12
SHARE_OF_OTHERS = 0.3
HIGH, RISING, HIGH_AND_RISING, USUAL, UNKNOWN = (
    "high",
    "rising",
    "high_and_rising",
    "usual",
    "unknown",
)


def judge_outliers(counts: pd.Series, exposure: Numbers, alpha: float = 0.05) -> pd.DataFrame:
    """Find units higher than the differences between all the others explain.

    Parameters
    ----------
    counts : Series of n whole numbers
    exposure : Series of n (same labels) or one number
        Households, or expected cases; only proportions matter.
    alpha : float
        Probability of flagging any unit at all in a community where none stands out.

    Returns
    -------
    DataFrame[expected, ratio, p_value, p_adjusted, is_high], index of `counts`
        ``expected`` is what the unit would have at the pooled rate of all, ``ratio`` the
        count over it; ``p_value`` is one-sided; ``p_adjusted`` is Holm's. All are NaN
        and ``is_high`` False where the count or the exposure is missing or zero, or where
        fewer than three units are known; with no cases at all p is 1. The coefficient
        of variation between units is in ``attrs['cv']`` (NaN where it cannot be known).

    Raises
    ------
    GeoError
        Negative or fractional counts, negative exposure, labels that are duplicated or
        do not match, `alpha` outside 0 to 1.

    Notes
    -----
    Each count is held against what the other units foretell: gamma-Poisson rates whose
    mean and spread are integrated over all that those units leave possible; see
    `geo.spread.find_tails` (Marshall and Spiegelhalter 2007, Bayesian Analysis 2,
    409-444). Holm (1979), Scandinavian Journal of Statistics 6, 65-70, holds the error
    of the whole family.

    Chosen by simulation (16 compounds of 120 to 2,200 households, 10 to 100 cases per
    1,000): false alarms in 1 to 2 % of communities with plain Poisson counts and in 4 to
    5 % where compounds differ by nature with CV 0.4 (gamma; 7 to 9 % where the law is
    log-normal). The published funnel (`geo.hotspots.judge_funnel`) gives 7 to 26 %
    there, and the same with t limits 0 to 7 % at half the power. What differs by
    nature can only be called high when it differs more than the others do: at CV 0.4 a
    compound at twice its own rate is found in about one of ten communities, at three
    times in four of ten; without such differences in seven of ten, and in all.
    """
    require_share(alpha, "显著性水平")
    cases, base = _read_pair(counts, exposure)
    known = ~np.isnan(cases)
    expected = np.full(len(cases), np.nan)
    if known.any():
        expected[known] = base[known] * (cases[known].sum() / base[known].sum())
    tails, cv = _find_tails(cases, base, known)
    judged = pd.DataFrame(
        {"expected": expected, "ratio": _divide(cases, expected), "p_value": tails},
        index=counts.index,
    )
    adjusted = adjust_by_holm(tails)
    judged = judged.assign(p_adjusted=adjusted, is_high=adjusted <= alpha)
    judged.attrs["cv"] = cv
    return judged


def judge_rise(
    counts: pd.DataFrame, recent: int = RECENT_MONTHS, alpha: float = 0.05
) -> pd.DataFrame:
    """Find units that rose in the latest months, against themselves and the others.

    A unit is its own measure, so what differs by nature does not matter; the other units
    in the same months carry the season and whatever befell everybody.

    Parameters
    ----------
    counts : DataFrame, n units x k months of whole numbers, months ascending
        Months that a unit lacks are left out for it. Households are taken as unchanged.
    recent : int
        How many of the last months are judged against those before.
    alpha : float
        Probability of flagging any unit at all where none has changed.

    Returns
    -------
    DataFrame[recent, expected, ratio, p_value, p_adjusted, is_rising], index of `counts`
        ``recent`` is the unit's count in the latest months; ``expected`` its earlier
        count times the growth of the others; ``ratio`` the one over the other, NaN where
        nothing was expected. p is NaN and ``is_rising`` False where fewer than three
        earlier months are known, or no latest one, or where there are no others.
        The dispersion over time is in ``attrs['phi']``.

    Raises
    ------
    GeoError
        Months that do not ascend, duplicated labels, negative or fractional counts,
        `recent` not positive, `alpha` outside 0 to 1.

    Notes
    -----
    Fisher's exact test with mid-p of unit against rest, latest against earlier months;
    where counts vary over time beyond Poisson, by the dispersion of the earlier blocks
    of as many months, the normal deviate is divided by its root and held against
    Student's t (quasi-Poisson; McCullagh and Nelder 1989, chapter 4.5). Holm (1979) over
    the units.
    """
    require_share(alpha, "显著性水平")
    cases = read_month_table(counts)
    if recent < 1:
        raise GeoError("近期的月数至少为 1。")
    n_past = max(0, cases.shape[1] - recent)
    known = np.asarray(~np.isnan(cases), dtype=np.bool_)
    earlier = known[:, :n_past].sum(axis=1) >= FEWEST_EARLIER_MONTHS
    enough = earlier & (known[:, n_past:].sum(axis=1) > 0)
    own = np.where(known, cases, 0.0)
    is_whole: Flags = np.asarray(known.all(axis=1), dtype=np.bool_)
    rest = own[is_whole].sum(axis=0) - np.where(is_whole[:, None], own, 0.0)
    rest = np.where(known, rest, 0.0)
    now, before = (_sum_known(own, part, enough) for part in _split(n_past))
    rest_now, rest_before = (_sum_known(rest, part, enough) for part in _split(n_past))
    phi, freedom = measure_dispersion(_block(own[is_whole][:, :n_past], recent))
    p_value = _soften(find_excess(now, before, rest_now, rest_before), phi, freedom)
    expected = before * _divide(rest_now, rest_before)
    table = {"recent": now, "expected": expected, "ratio": _divide(now, expected)}
    adjusted = adjust_by_holm(p_value)
    judged = pd.DataFrame(table, index=counts.index).assign(
        p_value=p_value, p_adjusted=adjusted, is_rising=adjusted <= alpha
    )
    judged.attrs["phi"] = phi
    return judged


def judge_compounds(
    counts: pd.DataFrame,
    exposure: Numbers,
    window: int = WINDOW_MONTHS,
    recent: int = RECENT_MONTHS,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Say of each compound whether it is high, rising, both or as usual.

    Parameters
    ----------
    counts : DataFrame, n compounds x k months of whole numbers, months ascending
    exposure : Series of n (same labels) or one number
        Households.
    window : int
        How many of the last months are compared between compounds.
    recent : int
        How many of the last months are compared with those before.
    alpha : float
        Probability of any false alarm, of either kind, in the whole community.

    Returns
    -------
    DataFrame, index of `counts`
        ratio_others, p_others (adjusted): against the other compounds;
        ratio_past, p_past (adjusted): against its own past and the others' months;
        verdict: ``'high'``, ``'rising'``, ``'high_and_rising'``, ``'usual'``, or
        ``'unknown'`` where neither could be judged. ``attrs`` holds 'cv' and 'phi'.

    Raises
    ------
    GeoError
        As in `judge_outliers` and `judge_rise`; `window` not positive.

    Notes
    -----
    Both p-values of all compounds are one family under Holm's rule, so that looking in
    two ways costs no more false alarms than looking in one. The comparison with the
    others weighs 0.3 and that with the past 0.7 (Holm's weighted rule), since the former
    leans on a law of what differs by nature and the latter on none: by simulation
    this holds 5 % even where that law is log-normal. False alarms and power are printed
    by ``python -m tests.bench.targeting``.
    """
    require_share(alpha, "显著性水平")
    if window < 1:
        raise GeoError("比较的月数至少为 1。")
    rise = judge_rise(counts, recent, alpha)
    in_window = counts.iloc[:, -window:]
    summed = in_window.sum(axis=1, min_count=in_window.shape[1] or 1)
    high = judge_outliers(summed, exposure, alpha)
    shares = np.repeat([SHARE_OF_OTHERS, 1.0 - SHARE_OF_OTHERS], len(counts))
    adjusted = adjust_by_holm(np.concatenate([high["p_value"], rise["p_value"]]), shares)
    p_others, p_past = adjusted[: len(counts)], adjusted[len(counts) :]
    is_high: Flags = p_others <= alpha
    is_rising: Flags = p_past <= alpha
    is_unknown = np.isnan(p_others) & np.isnan(p_past)
    cases = [is_unknown, is_high & is_rising, is_high, is_rising]
    verdict = np.select(cases, [UNKNOWN, HIGH_AND_RISING, HIGH, RISING], USUAL)
    table = {
        "ratio_others": high["ratio"],
        "p_others": p_others,
        "ratio_past": rise["ratio"],
        "p_past": p_past,
        "verdict": verdict,
    }
    judged = pd.DataFrame(table, index=counts.index)
    judged.attrs.update(cv=high.attrs["cv"], phi=rise.attrs["phi"])
    return judged


def limit_funnel(
    counts: pd.Series,
    exposure: Numbers,
    at: Sequence[float],
    levels: Sequence[float] = (0.025, 0.975, 0.999),
) -> pd.DataFrame:
    """Draw the funnel: rates between which units of each size lie by chance and by nature.

    Parameters
    ----------
    counts, exposure
        As in `judge_outliers`; they say how far units differ.
    at : m exposures above 0
        Where to draw the limits, such as 100 to 2,500 households.
    levels : q probabilities, 0 to 1
        A limit is drawn for each.

    Returns
    -------
    DataFrame, m x q, index `at`, columns `levels`
        Rates per one unit of exposure. ``attrs`` holds 'mean' and 'cv'.

    Raises
    ------
    GeoError
        As in `judge_outliers`; no cases, or fewer than three units; `at` not positive.

    Notes
    -----
    Quantiles of the same predictive distribution that `judge_outliers` tests with; on
    funnel plots Spiegelhalter (2005), Statistics in Medicine 24, 1185-1202.
    """
    cases, base = _read_pair(counts, exposure)
    known = ~np.isnan(cases)
    places, shares = np.asarray(at, dtype=np.float64), np.asarray(levels, dtype=np.float64)
    if not (np.isfinite(places) & (places > 0)).all():
        raise GeoError("漏斗图的户数必须大于 0。")
    for share in shares:
        require_share(float(share), "漏斗图的界限")
    if known.sum() < FEWEST_UNITS or cases[known].sum() == 0:
        raise GeoError("单元不足三个或没有诉求，画不出漏斗图的界限。")
    spread = fit_spread(cases[known], base[known])
    limits = pd.DataFrame(find_limits(spread, places, shares), index=places, columns=shares)
    limits.attrs.update(mean=spread.typical_mean, cv=spread.typical_cv)
    return limits


def adjust_by_holm(p_values: Floats, weights: Floats | None = None) -> Floats:
    """Adjust p-values so that the chance of any error among them stays below the level.

    Parameters
    ----------
    p_values : (n,) floats in 0 to 1; NaN is no test and stays NaN
    weights : (n,) floats above 0, or None for all alike
        A test of twice the weight gets twice the share of the level.

    Returns
    -------
    (n,) floats in 0 to 1

    Notes
    -----
    Holm (1979), Scandinavian Journal of Statistics 6, 65-70, sections 2 and 4.
    """
    values = np.asarray(p_values, dtype=np.float64)
    shares = np.ones(values.shape) if weights is None else weights
    adjusted = np.full(values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known] / shares[known], kind="stable")]
    left = np.cumsum(shares[order][::-1])[::-1]
    stepped = values[order] / shares[order] * left
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def _read_pair(counts: pd.Series, exposure: Numbers) -> tuple[Floats, Floats]:
    cases = read_counts(counts)
    base = read_amounts(exposure, counts.index, "基数(如户数)")
    unusable = np.isnan(cases) | np.isnan(base) | (base == 0)
    return np.where(unusable, np.nan, cases), np.where(unusable, np.nan, base)


def _find_tails(cases: Floats, base: Floats, known: Flags) -> tuple[Floats, float]:
    tails = np.full(len(cases), np.nan)
    if known.sum() < FEWEST_UNITS:
        return tails, np.nan
    if cases[known].sum() == 0:
        tails[known] = 1.0
        return tails, np.nan
    spread = fit_spread(cases[known], base[known])
    tails[known] = find_tails(spread)
    return tails, spread.typical_cv


def _split(n_past: int) -> tuple[slice, slice]:
    return slice(n_past, None), slice(0, n_past)


def _sum_known(table: Floats, months: slice, enough: Flags) -> Floats:
    total: Floats = np.where(enough, table[:, months].sum(axis=1), np.nan)
    return total


def _block(past: Floats, length: int) -> Floats:
    """Sum months into blocks, so that slow drift shows; months alone if there are too few."""
    n_blocks: int = past.shape[1] // length
    if n_blocks < FEWEST_EARLIER_MONTHS:
        return past
    kept = past[:, past.shape[1] - n_blocks * length :]
    blocks: Floats = kept.reshape(len(past), n_blocks, length).sum(axis=2)
    return blocks


def _soften(p_value: Floats, phi: float, freedom: float) -> Floats:
    if phi <= 1.0:
        return p_value
    deviate = stats.norm.isf(np.clip(p_value, 1e-300, 1.0 - 1e-16))
    softened: Floats = stats.t.sf(deviate / np.sqrt(phi), freedom)
    return softened


def _divide(above: Floats, below: Floats) -> Floats:
    quotient = np.full(above.shape, np.nan)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient

"""Exact tests and intervals for four counts: one unit and the rest, now and before."""

from __future__ import annotations

import numpy as np
from scipy import special

from geo.checks import Floats

SEARCH_STEPS = 60
WIDEST_LOG = 30.0
LARGEST_EXACT = 4000.0


def find_excess(now: Floats, before: Floats, rest_now: Floats, rest_before: Floats) -> Floats:
    """Find how likely so many cases are now, were the unit's share of all unchanged.

    Parameters
    ----------
    now, before, rest_now, rest_before : (n,) whole counts, NaN where unknown

    Returns
    -------
    (n,) floats in 0 to 1
        One-sided mid-p value, small where the unit rose against the rest; NaN where a
        count is missing, or where a margin is zero, so that nothing can be told.

    Notes
    -----
    Given all margins the count is hypergeometric (Fisher's exact test); half of the
    probability of the count itself is left out: Lancaster (1961), JASA 56, 223-234.
    """
    total = now + before + rest_now + rest_before
    unit, later = now + before, now + rest_now
    can_tell = (unit > 0) & (later > 0) & (unit < total) & (later < total)
    can_tell &= ~np.isnan(total)
    arguments = [np.where(can_tell, part, 1.0) for part in (now, total, unit, later)]
    count, everything, own, drawn = arguments
    from scipy import stats

    law = stats.hypergeom(np.where(can_tell, everything, 2.0), own, drawn)
    p_value: Floats = law.sf(count) + 0.5 * law.pmf(count)
    return np.where(can_tell, p_value, np.nan)


def bound_ratio(
    now: float, before: float, rest_now: float, rest_before: float, tail: float
) -> tuple[float, float]:
    """Bound the ratio of ratios (now/before) / (rest_now/rest_before).

    Parameters
    ----------
    now, before, rest_now, rest_before : whole counts
    tail : float
        Probability left out at either end, 0 to 0.5.

    Returns
    -------
    (low, high)
        Exact mid-p limits; 0 and NaN stand for an open end (nothing infinite).

    Notes
    -----
    Given the margins the count follows Fisher's noncentral hypergeometric distribution:
    Agresti (1992), Statistical Science 7, 131-153. Above 4,000 cases of the unit the
    logarithm of the ratio is taken as normal (Woolf 1955).
    """
    total = now + before
    if total == 0 or rest_now + rest_before == 0:
        return 0.0, np.nan
    if total > LARGEST_EXACT and min(now, before, rest_now, rest_before) > 0:
        return _bound_by_woolf(now, before, rest_now, rest_before, tail)
    support, weight = _list_outcomes(now, before, rest_now, rest_before)
    low = 0.0 if now <= support[0] else _search(support, weight, now, tail)
    high = np.nan if now >= support[-1] else _search(support, weight, now, 1.0 - tail)
    return low, high


def widen_tail(tail: float, overdispersion: float, freedom: float = np.inf) -> float:
    """Find the tail of exact counts that is as wide as `tail` of overdispersed ones.

    Quasi-Poisson inference widens a normal limit by the root of the dispersion and takes
    Student's t for what is not known of it; the same number of standard deviations is
    then used with the exact distribution. A dispersion of at most 1 leaves the tail alone.
    McCullagh and Nelder (1989), Generalized Linear Models, chapter 4.5.
    """
    if overdispersion <= 1.0:
        return tail
    from scipy import stats

    deviations = stats.t.isf(tail, freedom) * np.sqrt(overdispersion)
    return float(stats.norm.sf(deviations))


def measure_dispersion(counts: Floats) -> tuple[float, float]:
    """Measure how much a table of counts varies beyond chance, and by how many degrees.

    Parameters
    ----------
    counts : (n, k) whole counts without NaN: units by periods

    Returns
    -------
    (dispersion, degrees of freedom)
        Pearson's chi-square over its degrees of freedom around the product of the
        margins: 1 for Poisson counts. (1.0, 0.0) where the table is too small to tell.
    """
    kept = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    freedom = (kept.shape[0] - 1) * (kept.shape[1] - 1)
    if not kept.size or freedom < 1:
        return 1.0, 0.0
    expected = np.outer(kept.sum(axis=1), kept.sum(axis=0)) / kept.sum()
    return float(((kept - expected) ** 2 / expected).sum() / freedom), float(freedom)


def measure_step_dispersion(counts: Floats, weights: Floats) -> tuple[float, float]:
    """Measure how much counts vary from one month to the next beyond chance, drift aside.

    Parameters
    ----------
    counts : (n, k) whole counts without NaN: units by months, ascending
    weights : (k,) floats above 0
        What each month would hold were nothing going on: its days times its season. Used
        where one unit alone is known; else the months' totals take their place.

    Returns
    -------
    (dispersion, degrees of freedom)
        1 for Poisson counts. (1.0, 0.0) where there are too few counts to tell.

    Notes
    -----
    A dispersion around the mean of all months takes every trend of a unit for noise. Here
    each pair of neighbouring months is looked at by itself, as the classical estimate of
    variance from successive differences does: von Neumann, Kent, Bellinson and Hart
    (1941), Annals of Mathematical Statistics 12, 153-162; Rice (1984), Annals of
    Statistics 12, 1215-1230. Of each pair Pearson's chi-square is taken, with what befell
    all units alike removed; over the pairs the median, set right for the skewness of
    chi-square (Wilson and Hilferty 1931), so that a real jump of one month does not pass
    for noise. Neighbouring pairs share a month: two thirds of the degrees of freedom are
    counted, the ratio for successive differences (von Neumann et al.).
    """
    kept = counts[counts.sum(axis=1) > 0]
    measured = [
        _measure_pair(kept[:, at : at + 2], weights[at : at + 2]) for at in range(kept.shape[1] - 1)
    ]
    pairs = np.array([pair for pair in measured if pair[1] > 0], dtype=np.float64)
    if not len(pairs):
        return 1.0, 0.0
    square, freedom = pairs.T
    usual = (1.0 - 2.0 / (9.0 * freedom)) ** 3  # the median of chi-square over its freedom
    shared = 1.0 if len(pairs) == 1 else 2.0 / 3.0
    return float(np.median(square / freedom / usual)), float(freedom.sum() * shared)


def _measure_pair(pair: Floats, weights: Floats) -> tuple[float, float]:
    """Pearson's chi-square of two months, and its degrees of freedom."""
    pair = pair[pair.sum(axis=1) > 0]
    if len(pair) > 1:
        share = pair.sum(axis=0) / pair.sum()
        freedom = len(pair) - 1.0
    else:
        share, freedom = weights / weights.sum(), float(len(pair))
    if not pair.size or (share == 0).any():
        return 0.0, 0.0
    expected = np.outer(pair.sum(axis=1), share)
    return float(((pair - expected) ** 2 / expected).sum()), freedom


def _list_outcomes(
    now: float, before: float, rest_now: float, rest_before: float
) -> tuple[Floats, Floats]:
    """List the counts that the margins allow, and their log weights when nothing changed."""
    own, later = now + before, now + rest_now
    rest = rest_now + rest_before
    support = np.arange(max(0.0, later - rest), min(own, later) + 1.0)
    weight = -special.gammaln(support + 1.0) - special.gammaln(own - support + 1.0)
    weight -= special.gammaln(later - support + 1.0)
    weight -= special.gammaln(rest - later + support + 1.0)
    return support, weight


def _search(support: Floats, weight: Floats, count: float, wanted: float) -> float:
    """Find the ratio at which the chance of more than the count (mid-p) is as wanted."""
    low, high = -WIDEST_LOG, WIDEST_LOG
    for _ in range(SEARCH_STEPS):
        middle = (low + high) / 2.0
        logs = weight + support * middle
        shares = np.exp(logs - logs.max())
        above = shares[support > count].sum() + 0.5 * shares[support == count].sum()
        if above / shares.sum() < wanted:
            low = middle
        else:
            high = middle
    return float(np.exp((low + high) / 2.0))


def _bound_by_woolf(
    now: float, before: float, rest_now: float, rest_before: float, tail: float
) -> tuple[float, float]:
    ratio = np.log(now / before) - np.log(rest_now / rest_before)
    reach = -special.ndtri(tail) * np.sqrt(1 / now + 1 / before + 1 / rest_now + 1 / rest_before)
    return float(np.exp(ratio - reach)), float(np.exp(ratio + reach))

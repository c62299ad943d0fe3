"""What an intervention changed: treated compounds against the others, before against after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from geo.checks import Floats, read_month_table, require_share
from geo.errors import GeoError
from geo.exact import bound_ratio, measure_dispersion, widen_tail

Flags = npt.NDArray[np.bool_]

BETTER, WORSE, NO_CHANGE, TOO_EARLY = "better", "worse", "no_change", "too_early"
FEWEST_BEFORE = 3
FEWEST_AFTER = 3
FEWEST_BLOCKS = 3
POWER = 0.8
LEAST_USEFUL = 0.5
SEARCH_STEPS = 60


@dataclass(frozen=True)
class Effect:
    """What changed in the treated compounds, the others taken as what would have been.

    ``ratio`` is (after / before) of the treated over the same of the others: 0.7 means
    30 % fewer complaints than without; ``ratio_low`` and ``ratio_high`` bound it.
    ``detectable`` is the ratio that would have been noticed with 80 % power: only a fall
    to it or further. NaN stands for what cannot be said, nothing is infinite.
    ``verdict`` is 'better', 'worse', 'no_change' or 'too_early'. ``reason`` says why it is
    too early: 'few_months_before', 'few_months_after', 'no_others', 'few_cases', or ''.
    """

    ratio: float
    ratio_low: float
    ratio_high: float
    detectable: float
    overdispersion: float
    verdict: str
    reason: str
    treated_before: int
    treated_after: int
    others_before: int
    others_after: int
    months_before: int
    months_after: int


def measure_effect(
    counts: pd.DataFrame,
    treated: Sequence[object],
    start: Any,
    level: float = 0.95,
    after_months: int | None = None,
    before_months: int | None = None,
) -> Effect:
    """Measure what changed after an intervention, against the compounds without it.

    Parameters
    ----------
    counts : DataFrame, n compounds x k months of whole numbers, months ascending
        Complaints; compounds that lack a month are left out, the treated may not.
    treated : labels of `counts`
        Where the intervention took place.
    start : a value comparable with the columns
        The first month that counts as after. The month in which something began half
        way is best left out of `counts`.
    level : float
        Confidence of the interval, 0 to 1.
    after_months, before_months : int or None
        How many months on either side of `start` to take; None takes all.

    Returns
    -------
    Effect
        The verdict is 'better' or 'worse' when the interval excludes 1. It is
        'too_early' with fewer than three months on either side, without other
        compounds, or when not even a halving could have been noticed.

    Raises
    ------
    GeoError
        Labels that are not there or duplicated, months that do not ascend, negative or
        fractional counts, a treated compound that lacks a month, no treated compound.

    Notes
    -----
    Difference in differences on counts: the ratio of two rate ratios, as in a Poisson
    regression with effects of compound and month and one of treatment (Wooldridge 2023,
    The Econometrics Journal 26, C31-C66). Given the margins the interval is exact
    (noncentral hypergeometric, mid-p; Agresti 1992, Statistical Science 7, 131-153) and
    is widened by the dispersion of the untreated compounds and the earlier months, in
    blocks as long as the time after, so that drift counts as noise too. What differs by
    nature between compounds cancels out; that they would have moved alike does not
    follow from the data and must be believed.
    """
    require_share(level, "置信水平")
    cases = read_month_table(counts)
    is_treated = _find_treated(counts, treated, cases)
    before, after = _cut(_find_later(counts.columns, start), before_months, after_months)
    whole = ~np.isnan(cases[:, before | after]).any(axis=1)
    own, rest = cases[is_treated], cases[~is_treated & whole]
    sums = tuple(
        float(table[:, months].sum()) for table in (own, rest) for months in (before, after)
    )
    phi, freedom = _measure_noise(own, rest, before, after)
    reason = _find_reason(before, after, rest, sums)
    return _conclude(sums, before, after, phi, freedom, level, reason)


def find_detectable(
    before: float,
    others_before: float,
    others_after: float,
    overdispersion: float = 1.0,
    level: float = 0.95,
    power: float = POWER,
) -> float:
    """Find the smallest fall that would be noticed, as a ratio below 1.

    Parameters
    ----------
    before, others_before, others_after : counts
        Of the treated before, and of the others before and after.
    overdispersion : float
        How many times more than Poisson counts vary.
    level, power : float
        Confidence of the interval, and the chance of noticing, 0 to 1.

    Returns
    -------
    float
        Such as 0.7: falls by 30 % or more are noticed. NaN when no fall would be.

    Notes
    -----
    Normal approximation of the logarithm of the ratio, its variance under the ratio
    itself: Signorini (1991), Biometrika 78, 446-450, carried over to four counts.
    """
    require_share(level, "置信水平")
    require_share(power, "把握")
    if min(before, others_before, others_after) <= 0:
        return np.nan
    quiet = before * others_after / others_before
    reach = stats.norm.isf((1.0 - level) / 2.0) + stats.norm.ppf(power)
    noise = max(1.0, overdispersion)
    known = 1.0 / before + 1.0 / others_before + 1.0 / others_after
    low, high = -8.0, 0.0
    for _ in range(SEARCH_STEPS):
        middle = (low + high) / 2.0
        deviation = np.sqrt(noise * (known + 1.0 / (quiet * np.exp(middle))))
        low, high = (middle, high) if -middle > reach * deviation else (low, middle)
    ratio = float(np.exp(low))
    # With hardly any case expected not even none at all would be noticed.
    return ratio if low > -8.0 and quiet * (1.0 - ratio) >= 1.0 else np.nan


def _find_treated(counts: pd.DataFrame, treated: Sequence[object], cases: Floats) -> Flags:
    missing = [str(label) for label in treated if label not in counts.index]
    if missing:
        raise GeoError(f"件数表里没有这些小区：{'、'.join(missing)}。")
    is_treated = np.asarray(counts.index.isin(list(treated)), dtype=bool)
    if not is_treated.any():
        raise GeoError("至少要有一个采取了行动的小区。")
    if np.isnan(cases[is_treated]).any():
        raise GeoError("采取了行动的小区有的月份没有件数，无法比较。")
    return is_treated


def _find_later(months: pd.Index, start: Any) -> Flags:
    try:
        later: Flags = np.array([month >= start for month in months], dtype=np.bool_)
    except TypeError as error:
        raise GeoError("行动开始的月份与表中的月份不是同一种写法，无法比较。") from error
    return later


def _cut(after: Flags, before_months: int | None, after_months: int | None) -> tuple[Flags, Flags]:
    """Cut the two spans to the wanted lengths on either side of the start."""
    for months in (before_months, after_months):
        if months is not None and months < 1:
            raise GeoError("比较的月数至少为 1。")
    earlier, later = np.flatnonzero(~after), np.flatnonzero(after)
    earlier = earlier[len(earlier) - min(before_months or len(earlier), len(earlier)) :]
    later = later[: after_months or len(later)]
    spans = np.zeros((2, len(after)), dtype=bool)
    spans[0, earlier] = spans[1, later] = True
    return spans[0], spans[1]


def _measure_noise(own: Floats, rest: Floats, before: Flags, after: Flags) -> tuple[float, float]:
    """Measure dispersion where no effect can be: among the others, else before the start."""
    if len(rest) < 2:
        return measure_dispersion(np.vstack([own, rest])[:, before])
    others = rest[:, before | after]
    length = max(1, int(after.sum()))
    blocks = others.shape[1] // length
    if blocks >= FEWEST_BLOCKS:
        kept = others[:, others.shape[1] - blocks * length :]
        others = kept.reshape(len(rest), blocks, length).sum(axis=2)
    return measure_dispersion(others)


def _find_reason(
    before: Flags,
    after: Flags,
    rest: Floats,
    sums: tuple[float, ...],
) -> str:
    if before.sum() < FEWEST_BEFORE:
        return "few_months_before"
    if after.sum() < FEWEST_AFTER:
        return "few_months_after"
    if not len(rest) or sums[2] == 0 or sums[3] == 0:
        return "no_others"
    return "few_cases" if sums[0] + sums[1] == 0 else ""


def _conclude(
    sums: tuple[float, ...],
    before: Flags,
    after: Flags,
    phi: float,
    freedom: float,
    level: float,
    reason: str,
) -> Effect:
    own_before, own_after, rest_before, rest_after = sums
    ratio, low, high, detectable = np.nan, np.nan, np.nan, np.nan
    if reason != "no_others" and min(rest_before, rest_after) > 0:
        tail = widen_tail((1.0 - level) / 2.0, phi, freedom)
        low, high = bound_ratio(own_after, own_before, rest_after, rest_before, tail)
        if own_before > 0:
            ratio = (own_after / own_before) / (rest_after / rest_before)
        detectable = find_detectable(own_before, rest_before, rest_after, phi, level)
    verdict, reason = _judge(low, high, detectable, reason)
    return Effect(
        ratio, low, high, detectable, phi, verdict, reason,
        int(own_before), int(own_after), int(rest_before), int(rest_after),
        int(before.sum()), int(after.sum()),
    )  # fmt: skip


def _judge(low: float, high: float, detectable: float, reason: str) -> tuple[str, str]:
    if reason:
        return TOO_EARLY, reason
    if high < 1.0:
        return BETTER, ""
    if low > 1.0:
        return WORSE, ""
    if not detectable >= LEAST_USEFUL:
        return TOO_EARLY, "few_cases"
    return NO_CHANGE, ""

"""Who is later than the others: shares past the deadline compared, without a false ranking."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from geo.checks import require_columns

HIGHER, LOWER, ALIKE, TOO_FEW = "higher", "lower", "alike", "too_few"
FEWEST = 10  # of so few nothing is said


def compare_shares(counts: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Compare the share of each group with that of all others together.

    Parameters
    ----------
    counts : DataFrame[group, part, whole]
        Several rows per group, for example one a month; `part` is never larger than `whole`.
    alpha : float
        The allowance for a false word on any group at all.

    Returns
    -------
    DataFrame[part, whole, p_value, verdict], index of the groups
        ``verdict``: ``higher`` or ``lower`` than the others; ``alike`` where that cannot be told;
        ``too_few`` with fewer than 10 in the group or in all others. ``p_value`` is adjusted for
        the number of groups (Holm), NaN where nothing is compared.

    Raises
    ------
    GeoError
        A column is absent.

    Notes
    -----
    Fisher's exact test, and a comparison of two shares whose variance is widened by how much the
    rows of one group differ among themselves more than chance makes them (Pearson's dispersion, at
    least 1): complaints come in clusters. The larger of the two p-values counts.
    """
    require_columns(counts, ["group", "part", "whole"], "件数表")
    sums = counts.groupby("group", sort=False)[["part", "whole"]].sum()
    spread = _measure_spread(counts, sums)
    p_values = pd.Series(
        [_compare(row, sums, spread) for row in sums.itertuples()], index=sums.index, dtype=float
    )
    adjusted = _adjust(p_values)
    others = (sums["part"].sum() - sums["part"]) / (sums["whole"].sum() - sums["whole"])
    is_higher = sums["part"] / sums["whole"] > others
    verdict = pd.Series(ALIKE, index=sums.index, dtype=object)
    verdict = verdict.mask((adjusted <= alpha) & is_higher, HIGHER)
    verdict = verdict.mask((adjusted <= alpha) & ~is_higher, LOWER)
    return sums.assign(p_value=adjusted, verdict=verdict.mask(p_values.isna(), TOO_FEW))


def _measure_spread(counts: pd.DataFrame, sums: pd.DataFrame) -> float:
    """How many times chance the rows of one group differ; at least 1."""
    share = counts["group"].map(sums["part"] / sums["whole"].where(sums["whole"] > 0))
    variance = counts["whole"] * share * (1 - share)
    is_told = variance > 0
    free = int(is_told.sum()) - counts.loc[is_told, "group"].nunique()
    if free < 1:
        return 1.0
    beside = (counts["part"] - counts["whole"] * share)[is_told] ** 2 / variance[is_told]
    return max(1.0, float(beside.sum()) / free)


def _compare(row: object, sums: pd.DataFrame, spread: float) -> float:
    part, whole = int(row.part), int(row.whole)  # type: ignore[attr-defined]
    rest_part, rest = int(sums["part"].sum()) - part, int(sums["whole"].sum()) - whole
    if min(whole, rest) < FEWEST:
        return float("nan")
    exact = stats.fisher_exact([[part, whole - part], [rest_part, rest - rest_part]]).pvalue
    pooled = (part + rest_part) / (whole + rest)
    variance = spread * pooled * (1 - pooled) * (1 / whole + 1 / rest)
    if variance == 0:
        return float(exact)
    distance = abs(part / whole - rest_part / rest) / np.sqrt(variance)
    return max(float(exact), float(2 * stats.norm.sf(distance)))


def _adjust(p_values: pd.Series) -> pd.Series:
    """Holm's adjustment of those that are known."""
    known = p_values.dropna().sort_values()
    steps = len(known) - np.arange(len(known))
    adjusted = np.minimum(np.maximum.accumulate(known.to_numpy() * steps), 1.0)
    return pd.Series(adjusted, index=known.index).reindex(p_values.index)

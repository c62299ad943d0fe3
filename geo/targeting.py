"""Targeting: where to act first (need × gap), and how steady that order is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from geo.checks import Floats, read_numbers, require_columns, require_unique_index
from geo.errors import GeoError

DEFAULT_FLOOR = 0.25
DEFAULT_CONCENTRATION = 20.0
SCORE_DECIMALS = 12


def scale_part(values: pd.Series, low: float, high: float) -> pd.Series[float]:
    """Scale a measure to 0 at `low` and 1 at `high`, cut off at both ends.

    Parameters
    ----------
    values : Series of n numbers, any unit
    low, high : float, in that unit
        `low` above `high` turns the measure round, as for trust, where less is worse.

    Returns
    -------
    Series of float in 0 to 1, index and name of `values`; NaN (unknown) stays NaN.

    Raises
    ------
    GeoError
        `low` equals `high` or is not finite, or values are not numbers.
    """
    if not np.isfinite([low, high]).all() or low == high:
        raise GeoError(f"指标的下限和上限不能相同，也不能为空：{low} 与 {high}。")
    scaled = np.clip((read_numbers(values, "指标") - low) / (high - low), 0.0, 1.0)
    return pd.Series(scaled, index=values.index, name=values.name)


def score_targets(
    parts: pd.DataFrame,
    need: Sequence[str],
    gap: Sequence[str],
    weights: Mapping[str, float],
    floor: float = DEFAULT_FLOOR,
) -> pd.DataFrame:
    """Score where help is needed most and is most lacking.

    ``score = need × (floor + (1 - floor) × gap)``, where need and gap are weighted means
    of those of their parts that are known. With `floor` above 0 need still orders the
    units where no gap is known to exist; with 0 it is the plain product.

    Parameters
    ----------
    parts : DataFrame, n units × named parts in 0 to 1; NaN is unknown
    need, gap : names of columns of `parts`, at least one each
    weights : {part: weight}, not negative; they are made to sum to 1 within each group
    floor : float in 0 to 1

    Returns
    -------
    DataFrame[need, gap, score, rank], index of `parts`
        Rank 1 is first; ties share the better rank. Where every need part is unknown,
        need and score are NaN and rank <NA>. Where every gap part is unknown, ``gap`` is
        NaN and the score uses the mean gap of the other units (0 if there are none), so
        that the unknown counts neither as a gap nor as none.

    Raises
    ------
    GeoError
        A part or weight is absent, a part lies outside 0 to 1, weights are negative or
        all zero, labels are duplicated.
    """
    if not 0.0 <= floor <= 1.0:
        raise GeoError(f"保底系数必须在 0 与 1 之间，现在是 {floor}。")
    needs, gaps = _read_parts(parts, need), _read_parts(parts, gap)
    need_mean = _average(needs, _read_weights(weights, need)[None, :])[0]
    gap_mean = _average(gaps, _read_weights(weights, gap)[None, :])[0]
    score = _score(need_mean[None, :], gap_mean[None, :], floor)[0]
    table = {"need": need_mean, "gap": gap_mean, "score": score}
    scored = pd.DataFrame(table, index=parts.index)
    rank = scored["score"].round(SCORE_DECIMALS).rank(method="min", ascending=False)
    return scored.assign(rank=rank.astype("Int64"))


def list_contributions(
    parts: pd.DataFrame,
    need: Sequence[str],
    gap: Sequence[str],
    weights: Mapping[str, float],
) -> pd.DataFrame:
    """List what each part adds to need and gap, so that every score can be explained.

    Parameters
    ----------
    parts, need, gap, weights
        As in `score_targets`.

    Returns
    -------
    DataFrame[unit, group, part, value, weight, contribution, share]
        One row per unit and part, in the order of `parts`, need before gap. ``group`` is
        'need' or 'gap'; ``weight`` is the part's weight among those known of the unit,
        ``contribution`` value times weight: within a unit and group they add up to the
        ``need`` or ``gap`` of `score_targets`; ``share`` is of that sum, NaN where it is 0.
        Where the part is unknown, value, weight, contribution and share are NaN.

    Raises
    ------
    GeoError
        As in `score_targets`.
    """
    tables = [
        _explain_group(parts, names, weights, group)
        for group, names in (("need", need), ("gap", gap))
    ]
    joined = pd.concat(tables, ignore_index=True)
    return joined.sort_values("position", kind="stable", ignore_index=True).drop(columns="position")


def measure_stability(
    parts: pd.DataFrame,
    need: Sequence[str],
    gap: Sequence[str],
    weights: Mapping[str, float],
    draws: int = 1000,
    top: int = 3,
    seed: int = 0,
    floor: float = DEFAULT_FLOOR,
    concentration: float = DEFAULT_CONCENTRATION,
) -> pd.Series[float]:
    """Measure how often each unit stays among the first when the weights move.

    Parameters
    ----------
    parts, need, gap, weights, floor
        As in `score_targets`.
    draws, seed : int
        Number and seed of the drawn weights.
    top : int
        How many count as first. Ties share a rank, so more units than `top` may.
    concentration : float
        Weights of each group are drawn from a Dirichlet distribution with mean w and this
        concentration c: a weight w has standard deviation sqrt(w (1 - w) / (c + 1)).
        At the default of 20 a weight of 0.5 varies by about ±0.11. A weight of zero
        stays zero.

    Returns
    -------
    Series of float in 0 to 1 named ``top_share``, index of `parts`
        NaN where the unit cannot be scored.

    Raises
    ------
    GeoError
        As in `score_targets`; or `draws`, `top` or `concentration` not positive.
    """
    if draws < 1 or top < 1 or not 0 < concentration < np.inf:
        raise GeoError("抽样次数、前几名和集中度都必须大于 0。")
    if not 0.0 <= floor <= 1.0:
        raise GeoError(f"保底系数必须在 0 与 1 之间，现在是 {floor}。")
    generator = np.random.default_rng(seed)

    def average(names: Sequence[str]) -> Floats:
        moved = _draw_weights(_read_weights(weights, names), draws, concentration, generator)
        return _average(_read_parts(parts, names), moved)

    score = np.round(_score(average(need), average(gap), floor), SCORE_DECIMALS)
    is_known = ~np.isnan(score).all(axis=0)
    share = np.full(len(parts), np.nan)
    if is_known.any():
        known = np.nan_to_num(score[:, is_known], nan=-1.0)
        last = max(0, known.shape[1] - top)
        threshold = np.partition(known, last, axis=1)[:, last]
        share[is_known] = (known >= threshold[:, None]).mean(axis=0)
    return pd.Series(share, index=parts.index, name="top_share")


def _read_parts(parts: pd.DataFrame, names: Sequence[str]) -> Floats:
    require_unique_index(parts.index, "指标表")
    require_unique_index(parts.columns, "指标表的列")
    require_columns(parts, names, "指标表")
    if not names:
        raise GeoError("需求和缺口都至少要有一项指标。")
    values = np.column_stack([read_numbers(parts[name], f"指标“{name}”") for name in names])
    if (values < 0).any() or (values > 1).any():
        raise GeoError("各项指标必须先换算到 0 与 1 之间。")
    return values


def _explain_group(
    parts: pd.DataFrame, names: Sequence[str], weights: Mapping[str, float], group: str
) -> pd.DataFrame:
    values = _read_parts(parts, names)
    shares = np.where(np.isnan(values), np.nan, _read_weights(weights, names))
    known = np.nansum(shares, axis=1, keepdims=True)
    shares = np.divide(shares, known, out=np.full(shares.shape, np.nan), where=known > 0)
    added = values * shares
    total = np.nansum(added, axis=1, keepdims=True)
    of_total = np.divide(added, total, out=np.full(added.shape, np.nan), where=total > 0)
    n_units, n_parts = values.shape
    return pd.DataFrame(
        {
            "unit": parts.index.repeat(n_parts),
            "group": group,
            "part": list(names) * n_units,
            "value": values.ravel(),
            "weight": shares.ravel(),
            "contribution": added.ravel(),
            "share": of_total.ravel(),
            "position": np.arange(n_units).repeat(n_parts),
        }
    )


def _read_weights(weights: Mapping[str, float], names: Sequence[str]) -> Floats:
    missing = [name for name in names if name not in weights]
    if missing:
        raise GeoError(f"这些指标没有设置权重：{'、'.join(missing)}。")
    values = np.array([weights[name] for name in names], dtype=np.float64)
    if not np.isfinite(values).all() or (values < 0).any() or values.sum() == 0:
        raise GeoError("权重不能是负数或空，并且至少有一项大于 0。")
    shares: Floats = values / values.sum()
    return shares


def _average(values: Floats, weights: Floats) -> Floats:
    """Average known parts: (n, parts) and (draws, parts) to (draws, n), NaN if unknown."""
    is_known = ~np.isnan(values)
    total: Floats = weights @ np.where(is_known, values, 0.0).T
    weight = weights @ is_known.T.astype(np.float64)
    mean: Floats = np.full(total.shape, np.nan)
    np.divide(total, weight, out=mean, where=weight > 0)
    return mean


def _score(need: Floats, gap: Floats, floor: float) -> Floats:
    is_known = ~np.isnan(gap)
    known_count = is_known.sum(axis=1, keepdims=True)
    usual = np.where(is_known, gap, 0.0).sum(axis=1, keepdims=True) / np.maximum(1, known_count)
    score: Floats = need * (floor + (1.0 - floor) * np.where(is_known, gap, usual))
    return score


def _draw_weights(
    weights: Floats, draws: int, concentration: float, generator: np.random.Generator
) -> Floats:
    moved = np.zeros((draws, len(weights)))
    counts = weights > 0
    moved[:, counts] = generator.dirichlet(weights[counts] * concentration, size=draws)
    return moved

"""Social capital of places: shares of residents who agree, how sure, and what cannot be told apart.

Trust, norms and networks are the three parts of social capital in Putnam (1993), Making Democracy
Work, chapter 6. Every item is measured for itself: nothing here adds items up to a score.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from geo.alarms import adjust_by_holm
from geo.checks import Floats, require_share, require_unique_index
from geo.errors import GeoError

Numbers = npt.NDArray[np.intp]

FEWEST = 5
KNOWN, TOO_FEW = "known", "too_few"
HIGHER, LOWER, NOT_APART = "higher", "lower", "not_apart"
UP, DOWN, NO_REAL_CHANGE = "up", "down", "no_real_change"
MAYBE_UP, MAYBE_DOWN = "maybe_up", "maybe_down"


def measure_shares(
    agreed: pd.Series, asked: pd.Series, fewest: int = FEWEST, level: float = 0.95
) -> pd.DataFrame:
    """Measure the share of those asked who agree.

    Parameters
    ----------
    agreed, asked : (n,) whole counts with one index, agreed at most asked
    fewest : int
        Of fewer answers nothing is said.
    level : float
        Of the interval, 0 to 1.

    Returns
    -------
    DataFrame[share, share_low, share_high, status]
        Shares are 0 to 1. `status` is 'known', or 'too_few' and the shares are NaN.

    Raises
    ------
    GeoError
        Counts that cannot be: negative, or more who agree than were asked.

    Notes
    -----
    Score interval of Wilson (1927), JASA 22, 209-212. That those asked may be a large part of all
    who live there is left out of account, so it is rather too wide than too narrow.
    """
    yes, number = _read_counts(agreed, asked)
    low, high = _bound_share(yes, number, level)
    is_known = number >= max(fewest, 1)
    parts = {"share": yes / np.where(number > 0, number, 1.0), "share_low": low, "share_high": high}
    frame = pd.DataFrame(
        {name: np.where(is_known, values, np.nan) for name, values in parts.items()},
        index=asked.index,
    )
    frame["status"] = np.where(is_known, KNOWN, TOO_FEW)
    return frame


def compare_with_rest(
    agreed: pd.Series,
    asked: pd.Series,
    fewest: int = FEWEST,
    alpha: float = 0.05,
    groups: pd.Series | None = None,
) -> pd.DataFrame:
    """Tell which places agree more or less than all the others together.

    Parameters
    ----------
    agreed, asked : (n,) whole counts, a row for each place (and item)
    fewest : int
        Places with fewer answers are neither judged nor among the others.
    alpha : float
        Chance that any place at all is called different though none is.
    groups : (n,) labels, or None
        Where there are several items: which row is of which. Each is judged for itself.

    Returns
    -------
    DataFrame[rest_share, rest_asked, p_value, verdict]
        `p_value` is two-sided and adjusted; `verdict` is 'higher', 'lower', 'not_apart' (it
        cannot be told apart from the others) or 'too_few'.

    Notes
    -----
    Fisher's exact test, twice the smaller tail, adjusted for the number of places by Holm (1979),
    Scandinavian Journal of Statistics 6, 65-70.
    """
    require_share(alpha, "误报率")
    yes, number = _read_counts(agreed, asked)
    judged = number >= max(fewest, 1)
    yes, number = np.where(judged, yes, 0.0), np.where(judged, number, 0.0)
    group = _number_groups(groups, len(number))
    rest_yes, rest = (np.bincount(group, part)[group] - part for part in (yes, number))
    can_tell = judged & (rest > 0)
    p_value = _adjust(_test_exactly(yes, number, rest_yes, rest, can_tell), group)
    rest_share = np.where(can_tell, rest_yes / np.where(rest > 0, rest, 1.0), np.nan)
    own_share = yes / np.where(number > 0, number, 1.0)
    verdict = np.where(own_share > rest_share, HIGHER, LOWER)
    verdict = np.where(p_value <= alpha, verdict, NOT_APART)
    return pd.DataFrame(
        {
            "rest_share": rest_share,
            "rest_asked": np.where(can_tell, rest, np.nan),
            "p_value": p_value,
            "verdict": np.where(can_tell, verdict, TOO_FEW),
        },
        index=asked.index,
    )


def compare_waves(
    agreed: pd.Series,
    asked: pd.Series,
    agreed_before: pd.Series,
    asked_before: pd.Series,
    fewest: int = FEWEST,
    level: float = 0.95,
    groups: pd.Series | None = None,
) -> pd.DataFrame:
    """Compare the share who agree with that of an earlier survey, place by place.

    Parameters
    ----------
    agreed, asked, agreed_before, asked_before : (n,) whole counts, one index
    fewest : int
        With fewer answers in either survey nothing is said.
    level : float
        Of the interval; what it leaves out is also the chance that any place at all is said to
        have changed though none has.
    groups : (n,) labels, or None
        Where there are several items: which row is of which. Each is judged for itself.

    Returns
    -------
    DataFrame[change, change_low, change_high, verdict]
        Differences of shares, -1 to 1. `verdict` is 'up' or 'down'; 'maybe_up' or 'maybe_down'
        where the place taken alone would have changed but among so many one does by chance;
        'no_real_change'; or 'too_few'.

    Notes
    -----
    Interval: method 10 of Newcombe (1998), Statistics in Medicine 17, 873-890, from two score
    intervals. The two surveys are taken as independent samples. Fisher's exact test and Holm's
    adjustment decide between 'up' and 'maybe_up'.
    """
    require_share(level, "置信水平")
    yes, number = _read_counts(agreed, asked)
    yes_before, number_before = _read_counts(agreed_before, asked_before)
    can_tell = (number >= max(fewest, 1)) & (number_before >= max(fewest, 1))
    share, before = (
        part / np.where(whole > 0, whole, 1.0)
        for part, whole in ((yes, number), (yes_before, number_before))
    )
    low, high = _bound_share(yes, number, level)
    low_before, high_before = _bound_share(yes_before, number_before, level)
    change = share - before
    change_low = change - np.hypot(share - low, high_before - before)
    change_high = change + np.hypot(high - share, before - low_before)
    tested = _test_exactly(yes, number, yes_before, number_before, can_tell)
    p_value = _adjust(tested, _number_groups(groups, len(tested)))
    is_sure = p_value <= 1 - level
    verdict = np.select(
        [change_low > 0, change_high < 0],
        [np.where(is_sure, UP, MAYBE_UP), np.where(is_sure, DOWN, MAYBE_DOWN)],
        NO_REAL_CHANGE,
    )
    parts = {"change": change, "change_low": change_low, "change_high": change_high}
    frame = pd.DataFrame(
        {name: np.where(can_tell, values, np.nan) for name, values in parts.items()},
        index=asked.index,
    )
    frame["verdict"] = np.where(can_tell, verdict, TOO_FEW)
    return frame


def _number_groups(groups: pd.Series | None, size: int) -> Numbers:
    """Groups by number from 0; all rows in one where none are named."""
    if groups is None:
        return np.zeros(size, dtype=np.intp)
    return np.asarray(pd.factorize(groups)[0], dtype=np.intp)


def _adjust(p_values: Floats, group: Numbers) -> Floats:
    """Holm's adjustment within each group."""
    adjusted = np.full(p_values.shape, np.nan)
    for number in np.unique(group):
        own = group == number
        adjusted[own] = adjust_by_holm(p_values[own])
    return adjusted


def _read_counts(agreed: pd.Series, asked: pd.Series) -> tuple[Floats, Floats]:
    require_unique_index(asked.index, "问卷")
    if not agreed.index.equals(asked.index):
        raise GeoError("同意的人数和回答的人数，编号必须一致。")
    yes, number = (series.to_numpy(dtype=float, na_value=np.nan) for series in (agreed, asked))
    if not ((yes >= 0) & (yes <= number)).all():
        raise GeoError("同意的人数必须在 0 与回答的人数之间。")
    return yes, number


def _bound_share(yes: Floats, number: Floats, level: float) -> tuple[Floats, Floats]:
    """Wilson's score interval; 0 to 1 of nobody."""
    require_share(level, "置信水平")
    z = float(stats.norm.isf((1 - level) / 2))
    whole = np.where(number > 0, number, 1.0)
    share = yes / whole
    middle = share + z**2 / (2 * whole)
    reach = z * np.sqrt(share * (1 - share) / whole + z**2 / (4 * whole**2))
    low, high = ((middle + sign * reach) / (1 + z**2 / whole) for sign in (-1, 1))
    is_empty = number <= 0
    return (
        np.where(is_empty, 0.0, np.clip(low, 0.0, 1.0)),
        np.where(is_empty, 1.0, np.clip(high, 0.0, 1.0)),
    )


def _test_exactly(
    yes: Floats, number: Floats, other_yes: Floats, other: Floats, can_tell: np.ndarray
) -> Floats:
    """Two-sided p-values of Fisher's exact test; NaN where nothing can be told."""
    drawn, own, good, everyone = (
        np.where(can_tell, part, filler)
        for part, filler in (
            (yes, 0.0), (number, 1.0), (yes + other_yes, 0.0), (number + other, 1.0),
        )
    )  # fmt: skip
    law = stats.hypergeom(everyone, good, own)
    p_value = np.minimum(1.0, 2 * np.minimum(law.cdf(drawn), law.sf(drawn - 1)))
    return np.where(can_tell, p_value, np.nan)

"""Needs against complaints: what is said but not complained about, and the reverse."""

from __future__ import annotations

import pandas as pd

from geo.errors import GeoError

SAID_ONLY, COMPLAINED_ONLY, BOTH, LITTLE = "said_only", "complained_only", "both", "little"


def match_needs(counts: pd.DataFrame, few: int, many: int) -> pd.Series:
    """Compare how much is said and complained about, compound by compound and category.

    Parameters
    ----------
    counts : DataFrame[need_count, complaint_count], whole numbers from zero
        Needs on the list, solved ones included, and complaints of the window.
    few : with needs and at most so many complaints it is ``said_only``
    many : without any need and at least so many complaints it is ``complained_only``

    Returns
    -------
    Series named ``match``, index of `counts`
        ``said_only``, ``complained_only``, ``both`` (needs, and more than a few complaints) or
        ``little`` (no need, and not many complaints).

    Raises
    ------
    GeoError
        Counts below zero.
    """
    needs, complaints = counts["need_count"], counts["complaint_count"]
    if (needs < 0).any() or (complaints < 0).any():
        raise GeoError("需求条数和投诉件数不能是负数。")
    match = pd.Series(LITTLE, index=counts.index, name="match", dtype=object)
    match = match.mask(needs > 0, BOTH).mask((needs > 0) & (complaints <= few), SAID_ONLY)
    return match.mask((needs == 0) & (complaints >= many), COMPLAINED_ONLY)

"""Promises made at meetings: kept, late, slipped or open, by their dates."""

from __future__ import annotations

import pandas as pd

from geo.errors import GeoError
from geo.routing import Calendar

KEPT, LATE, SLIPPED, OPEN, UNKNOWN = "kept", "late", "slipped", "open", "unknown"
DONE = (KEPT, LATE)


def judge_promises(promises: pd.DataFrame, until: pd.Timestamp, calendar: Calendar) -> pd.DataFrame:
    """Judge promises by their dates, and say where what a sheet states does not agree with them.

    Parameters
    ----------
    promises : DataFrame[due_on, kept_on, stated]
        Until when, on which day it was done (NaT: no such day is given), and what the sheet
        states: ``kept``, ``late``, ``slipped``, ``open`` or missing.
    until : the day as of which is judged
    calendar : by which working days are counted

    Returns
    -------
    DataFrame[state, late_days, contradiction], index of `promises`
        ``state``: by the dates ``kept`` in time, kept ``late``, ``slipped`` (due, and not done),
        ``open`` (not due yet); as stated where dates are lacking, else ``unknown``.
        ``late_days``: working days past the date, <NA> where there are none to count.
        ``contradiction``: '' or ``kept_without_date`` (stated as done, without a day),
        ``late_by_dates``, ``in_time_by_dates``, ``done_by_dates`` (stated as not done, with a
        day), ``due_by_dates`` (stated as not due), ``not_due_by_dates``.

    Raises
    ------
    GeoError
        A stated word that is none of these.
    """
    strange = set(promises["stated"].dropna()) - {KEPT, LATE, SLIPPED, OPEN}
    if strange:
        raise GeoError(f"承诺的状态“{min(strange)}”不认识。")
    rows = [
        _judge(due, kept, stated if isinstance(stated, str) else None, until, calendar)
        for due, kept, stated in zip(
            promises["due_on"], promises["kept_on"], promises["stated"], strict=True
        )
    ]
    names = ["state", "late_days", "contradiction"]
    table = pd.DataFrame(rows, columns=names, index=promises.index)
    table["late_days"] = table["late_days"].astype("Int64")
    return table


def _judge(
    due: pd.Timestamp, kept: pd.Timestamp, stated: str | None, until: pd.Timestamp,
    calendar: Calendar,
) -> tuple[str, object, str]:  # fmt: skip
    if not pd.isna(kept):
        return _judge_done(due, kept, stated, calendar)
    if stated in DONE:
        return stated, pd.NA, "kept_without_date"
    if pd.isna(due):
        return stated or UNKNOWN, pd.NA, ""
    if until > due:
        late = calendar.count(due, until)
        return SLIPPED, late, "due_by_dates" if stated == OPEN else ""
    return OPEN, pd.NA, "not_due_by_dates" if stated == SLIPPED else ""


def _judge_done(
    due: pd.Timestamp, kept: pd.Timestamp, stated: str | None, calendar: Calendar
) -> tuple[str, object, str]:
    is_undone = stated in (SLIPPED, OPEN)
    if pd.isna(due):
        state = stated if stated in DONE else KEPT
        return str(state), pd.NA, "done_by_dates" if is_undone else ""
    state = LATE if kept > due else KEPT
    days = calendar.count(due, kept) if state == LATE else pd.NA
    if is_undone:
        return state, days, "done_by_dates"
    if stated is None or stated == state:
        return state, days, ""
    return state, days, "late_by_dates" if state == LATE else "in_time_by_dates"

"""Promises by their dates, and statements that do not agree with them."""

from datetime import date

import pandas as pd
import pytest

from geo.errors import GeoError
from geo.promises import judge_promises
from geo.routing import Calendar
from geo.workdays import number_days

CALENDAR = Calendar(number_days(date(2025, 1, 1), date(2026, 12, 31), frozenset(), frozenset()))
TODAY = pd.Timestamp("2025-06-30")  # a Monday


def judge(due: str | None, kept: str | None, stated: str | None) -> tuple[str, object, str]:
    frame = pd.DataFrame({"due_on": [due], "kept_on": [kept], "stated": [stated]})
    for name in ("due_on", "kept_on"):
        frame[name] = pd.to_datetime(frame[name])
    row = judge_promises(frame, TODAY, CALENDAR).iloc[0]
    days = None if pd.isna(row["late_days"]) else int(row["late_days"])
    return row["state"], days, row["contradiction"]


@pytest.mark.parametrize(
    ("due", "kept", "stated", "told"),
    [
        ("2025-06-20", "2025-06-20", "kept", ("kept", None, "")),
        ("2025-06-20", "2025-06-25", "late", ("late", 3, "")),  # a Friday, and the Wednesday after
        ("2025-06-20", None, "slipped", ("slipped", 6, "")),
        ("2025-06-30", None, "open", ("open", None, "")),  # the day itself is still in time
        ("2025-06-20", "2025-06-18", None, ("kept", None, "")),
        ("2025-06-20", None, None, ("slipped", 6, "")),
        (None, None, None, ("unknown", None, "")),
        (None, None, "open", ("open", None, "")),
        (None, "2025-06-18", None, ("kept", None, "")),
        (None, "2025-06-18", "late", ("late", None, "")),
        # The dates count, and what does not agree with them is named.
        ("2025-06-20", "2025-06-25", "kept", ("late", 3, "late_by_dates")),
        ("2025-06-20", "2025-06-18", "late", ("kept", None, "in_time_by_dates")),
        ("2025-06-20", "2025-06-25", "slipped", ("late", 3, "done_by_dates")),
        ("2025-06-20", "2025-06-18", "open", ("kept", None, "done_by_dates")),
        ("2025-06-20", None, "kept", ("kept", None, "kept_without_date")),
        ("2025-06-20", None, "open", ("slipped", 6, "due_by_dates")),
        ("2025-07-15", None, "slipped", ("open", None, "not_due_by_dates")),
        (None, "2025-06-18", "slipped", ("kept", None, "done_by_dates")),
    ],
)
def test_the_dates_decide_and_a_statement_against_them_is_named(
    due: str | None, kept: str | None, stated: str | None, told: tuple[str, object, str]
) -> None:
    assert judge(due, kept, stated) == told


def test_a_word_that_is_no_state_is_refused() -> None:
    with pytest.raises(GeoError, match="maybe"):
        judge("2025-06-20", None, "maybe")

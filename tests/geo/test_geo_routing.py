"""Matters to levels by rule, and up from level to level when their time is over."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from geo.errors import GeoError
from geo.routing import Calendar, Rule, follow_levels, route_matters
from geo.workdays import add_working_days, number_days

# A year without holidays, so that every week has five working days.
PLAIN = Calendar(number_days(date(2025, 1, 1), date(2026, 12, 31), frozenset(), frozenset()))
DAYS = {1: 5, 2: 10, 3: 20}
RULES = [
    Rule("夜市", 3, 20, keywords=("夜市", "路口")),
    Rule("消防急事", 1, 3, categories=frozenset({"消防安全"}), urgencies=frozenset({"高"})),
    Rule("很多户", 3, 20, share_low=0.3),
    Rule("很少户", 1, 5, share_high=0.05),
    Rule("要表决", 3, 30, needs_vote=True),
    Rule("一般", 2, 10),
]


def matter(
    title: str = "楼道照明",
    category: str | None = "公共设施",
    urgency: str | None = "中",
    share: float = np.nan,
    is_vote: bool = False,
) -> dict[str, object]:
    return {"title": title, "category": category, "urgency": urgency, "share": share,
            "is_vote": is_vote}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "rule", "level", "days"),
    [
        (matter("门口夜市吵闹", "消防安全", "高"), "夜市", 3, 20),  # the first that fits counts
        (matter(category="消防安全", urgency="高"), "消防急事", 1, 3),
        (matter(category="消防安全"), "一般", 2, 10),  # both conditions must hold
        (matter(category=None, urgency=None), "一般", 2, 10),
        (matter(share=0.3), "很多户", 3, 20),
        (matter(share=0.05), "很少户", 1, 5),
        (matter(share=0.2), "一般", 2, 10),
        (matter(), "一般", 2, 10),  # a share that is not known meets no condition
        (matter(is_vote=True), "要表决", 3, 30),
    ],
)
def test_the_first_rule_of_which_every_condition_holds_decides(
    told: dict[str, object], rule: str, level: int, days: int
) -> None:
    found = route_matters(pd.DataFrame([told]), RULES).iloc[0]
    assert found.to_list() == [rule, level, days]


def test_rules_that_leave_a_matter_out_are_refused() -> None:
    with pytest.raises(GeoError, match="不设条件"):
        route_matters(pd.DataFrame([matter()]), RULES[:1])


def follow(level: int, days: int, raised: str | None, until: str, settled: str | None = None):
    told = {"level": [level], "days": [days], "raised_on": [raised], "settled_on": [settled]}
    frame = pd.DataFrame(told)
    for name in ("raised_on", "settled_on"):
        frame[name] = pd.to_datetime(frame[name])
    return follow_levels(frame, pd.Timestamp(until), DAYS, PLAIN).iloc[0]


def test_a_matter_stays_on_its_level_until_its_day() -> None:
    # Raised on Wednesday 1 October 2025; five working days later is Wednesday the 8th.
    found = follow(1, 5, "2025-10-01", "2025-10-08")
    assert (found["level_now"], found["is_over"], found["steps"]) == (1, False, [])
    assert found["due_on"] == pd.Timestamp("2025-10-08")
    assert pd.isna(found["over_days"])


def test_it_goes_one_level_up_when_its_time_is_over() -> None:
    found = follow(1, 5, "2025-10-01", "2025-10-17")
    # Seven working days after the 8th; level 2 has ten, until Wednesday the 22nd.
    assert found["steps"] == [(1, pd.Timestamp("2025-10-08"), 7)]
    assert (found["level_now"], found["is_over"]) == (2, False)
    assert found["due_on"] == pd.Timestamp("2025-10-22")


def test_it_stays_on_the_highest_level_and_grows_overdue() -> None:
    found = follow(1, 5, "2025-10-01", "2025-11-20")
    # 8 October, 22 October, then twenty more: 19 November; a day over on the 20th.
    assert [step[0] for step in found["steps"]] == [1, 2]
    assert (found["level_now"], found["is_over"], found["over_days"]) == (3, True, 1)
    assert found["due_on"] == pd.Timestamp("2025-11-19")


def test_what_was_settled_in_time_went_no_further() -> None:
    found = follow(2, 10, "2025-10-01", "2026-06-01", settled="2025-10-15")
    assert (found["level_now"], found["is_over"], found["steps"]) == (2, False, [])


def test_the_weekend_after_a_friday_is_over_though_no_working_day_passed() -> None:
    found = follow(3, 3, "2025-10-07", "2025-10-11")  # due on Friday the 10th
    assert (found["is_over"], found["over_days"]) == (True, 0)


def test_without_the_day_it_was_raised_nothing_is_over() -> None:
    found = follow(1, 5, None, "2026-01-01")
    assert (found["level_now"], found["is_over"]) == (1, False)
    assert pd.isna(found["due_on"])


def test_the_calendar_agrees_with_the_deadlines_of_complaints() -> None:
    calendar = Calendar(number_days(date(2025, 1, 1), date(2025, 12, 31)))
    starts = pd.Series(pd.date_range("2025-01-20", "2025-10-10", freq="3D"))
    for days in (1, 7, 15):
        expected = add_working_days(starts, days)
        assert [calendar.add(day, days) for day in starts] == expected.to_list()
        counts = [calendar.count(a, b) for a, b in zip(starts, expected, strict=True)]
        assert counts == [days] * len(starts)


def test_a_day_beyond_the_calendar_is_its_last_one() -> None:
    assert PLAIN.add(pd.Timestamp("2026-12-30"), 10) == pd.Timestamp("2026-12-31")
    with pytest.raises(GeoError, match="日历"):
        PLAIN.count(pd.Timestamp("2024-12-31"), pd.Timestamp("2025-01-02"))

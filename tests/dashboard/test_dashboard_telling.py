"""What is said of handling, organizations and interventions, and that nothing unknown is told."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dashboard.telling import (
    tell_body,
    tell_effect,
    tell_gap,
    tell_handling,
    tell_people,
)

HANDLING = {
    "closing_days": 7.0, "closing_days_low": 6.0, "closing_days_high": 9.0,
    "window_late_count": 116, "late_pct": 54.7, "late_pct_low": 48.0, "late_pct_high": 61.6,
    "open_count": 85, "backlog_before_count": 56, "repeat_count": 87, "reopened_count": 12,
}  # fmt: skip
NOTHING = dict.fromkeys(HANDLING, np.nan)


def test_handling_is_told_in_sentences() -> None:
    told = tell_handling(pd.Series(HANDLING))
    assert told == [
        "受理后一半在 7 个工作日内办结（95% 区间 6–9），未办结的也算在内。",
        "超过时限的 116 件，占已办结和已到期的 55%（95% 区间 48%–62%）。",
        "现在 85 件没有办结，三个月前是 56 件，积压在增加。",
        "重复反映 87 件，其中 12 件是办结以后又来的。",
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"closing_days": np.nan, "closing_days_high": np.nan}, "多半超过 6 个工作日"),
        ({"closing_days_high": np.nan}, "（至少 6）"),
        ({"backlog_before_count": 85}, "和三个月前一样"),
        ({"backlog_before_count": 100}, "积压在减少"),
    ],
)
def test_open_ends_and_directions_are_said(changes: dict[str, float], told: str) -> None:
    assert any(told in line for line in tell_handling(pd.Series({**HANDLING, **changes})))


def test_of_what_is_not_known_nothing_is_said() -> None:
    assert tell_handling(pd.Series(NOTHING)) == []
    assert tell_handling(pd.Series({"open_count": 3})) == []
    assert tell_people(pd.Series({"name": "甲园"})) == []


def describe_body(**changes: object) -> SimpleNamespace:
    body = {
        "kind": "owners_committee", "state": "名存实亡", "covered_pct": 82.4, "member_count": 9,
        "member_over_60_count": 6, "member_under_40_count": None,
        "term_ends_on": pd.Timestamp("2025-03-01"), "last_active_on": pd.NaT,
        "concerns": json.dumps([{"code": "term_over", "days": 121}, {"code": "not_registered"}]),
    }  # fmt: skip
    return SimpleNamespace(**{**body, **changes})


def test_an_organization_is_told_with_what_is_failing_first() -> None:
    wanted = "2025-03-01 已届满，未备案，覆盖 82% 的户，成员 9 人，60 岁以上 6 人"
    assert tell_body(describe_body()) == wanted
    staff = describe_body(kind="property_company", concerns=None)
    assert tell_body(staff) == "覆盖 82% 的户"
    assert tell_body(describe_body(concerns="[]", covered_pct=None, member_count=pd.NA)) == ""


def test_a_gap_says_why_it_is_one() -> None:
    wanted = "业委会：商品房小区应有，现在名存实亡（2025-03-01 已届满，未备案）"
    assert tell_gap(describe_body(), "商品房") == wanted
    assert tell_gap(describe_body(state="无", concerns=None), "商品房").endswith("现在无")


def describe_effect(**changes: object) -> SimpleNamespace:
    effect = {
        "verdict": "better", "reason": None, "category": "停车管理", "months_before": 7,
        "months_after": 6, "before_count": 45, "after_count": 16, "ratio": 0.357,
        "ratio_low": 0.19, "ratio_high": 0.649, "detectable": 0.45, "overlapping": "[]",
    }  # fmt: skip
    return SimpleNamespace(**{**effect, **changes})


def test_an_effect_is_told_in_per_cent() -> None:
    assert tell_effect(describe_effect()) == (
        "停车管理：之前 7 个月 45 件，之后 6 个月 16 件。"
        "除去其他小区同期的涨落，减少 64%（95% 区间：减少 81%到减少 35%）：见效了。"
    )
    none = tell_effect(
        describe_effect(
            verdict="no_change", ratio=1.0, ratio_low=0.7, ratio_high=3.2, category=None,
            overlapping=json.dumps(["坝坝会"]),
        )
    )  # fmt: skip
    assert none.startswith("全部投诉：")
    for told in ("不变（95% 区间：减少 30%到增到 3.2 倍）", "要减少 55% 以上", "同期还有：坝坝会"):
        assert told in none
    worse = describe_effect(verdict="worse", ratio=np.nan, ratio_high=np.nan)
    assert "以前没有，现在有了" in tell_effect(worse)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("not_started", "还没开始"),
        ("few_months_before", "只有 7 个整月"),
        ("few_months_after", "再过 1 个整月"),
        ("no_others", "没有别的小区"),
        ("few_cases", "减少一半也看不出来"),
        (None, "减少一半也看不出来"),
    ],
)
def test_too_early_says_why(reason: str | None, told: str) -> None:
    effect = describe_effect(verdict="too_early", reason=reason, months_after=2)
    assert told in tell_effect(effect)
    blank = {"months_before": pd.NA, "months_after": pd.NA}
    assert "0" not in tell_effect(describe_effect(verdict="too_early", reason=reason, **blank))

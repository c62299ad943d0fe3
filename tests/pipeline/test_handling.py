"""Deadlines in working days, repeats, backlog, organizations and effects, counted by hand."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pandas as pd
import pytest

from etl.profile import parse_profile
from etl.refresh import refresh
from etl.store import Store
from geo.handling import find_repeats
from geo.workdays import LAST_KNOWN_YEAR, count_working_days
from tests.conftest import WriteXlsx

REGISTER = [
    ["小区编号", "小区名称", "小区类型", "总户数", "经度", "纬度"],
    ["T01", "甲园", "商品房", 400, 104.00012, 30.00012],
    ["T02", "乙院", "老旧", 400, 104.01012, 30.00012],
]
HEAD = ["工单编号", "受理时间", "诉求类别", "紧急程度", "小区", "楼栋", "地址", "办理状态",
        "办结时间", "办理时限", "是否重复"]  # fmt: skip


def complain(
    number: str,
    reported: str,
    category: str = "停车管理",
    urgency: str = "中",
    place: str = "甲园",
    building: str = "",
    address: str = "",
    closed: str = "",
    due: str = "",
    repeat: str = "",
) -> list[Any]:
    status = "已办结" if closed else "处理中"
    return [number, reported, category, urgency, place, building, address, status, closed, due,
            repeat]  # fmt: skip


def publish(store: Store, write_xlsx: WriteXlsx, *rows: list[Any], name: str = "表.xlsx") -> None:
    refresh(store, [write_xlsx(name, 小区台账=REGISTER, 投诉工单=[HEAD, *rows])])


def sum_months(store: Store, name: str) -> int:
    return int(store.frame("out_months")[name].sum())


@pytest.mark.parametrize(
    ("category", "urgency", "closed", "is_late"),
    [
        # From Tuesday 30 September 2025: National Day takes 1 to 8 October, Saturday 11 is worked.
        ("环境卫生", "中", "2025-10-11", False),  # the third working day
        ("环境卫生", "中", "2025-10-12", True),  # the Sunday after it
        ("停车管理", "中", "2025-10-16", False),  # the seventh
        ("停车管理", "中", "2025-10-17", True),
        ("停车管理", "高", "2025-10-11", False),  # urgent: at most three
        ("停车管理", "高", "2025-10-13", True),
        ("停车管理", "低", "2025-10-13", False),
        ("公共设施", "中", "2025-10-28", False),  # the fifteenth
        ("公共设施", "中", "2025-10-29", True),
    ],
)
def test_a_deadline_is_so_many_working_days_by_category_and_urgency(
    empty_store: Store, write_xlsx: WriteXlsx,
    category: str, urgency: str, closed: str, is_late: bool,
) -> None:  # fmt: skip
    publish(empty_store, write_xlsx, complain("A1", "2025-09-30", category, urgency, closed=closed))
    assert sum_months(empty_store, "closed_overdue_count") == is_late


def test_a_deadline_that_the_sheet_states_goes_before_the_profile(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    publish(
        empty_store, write_xlsx,
        complain("A1", "2025-09-30", closed="2025-10-05", due="2025-10-04"),
        complain("A2", "2025-09-30", closed="2025-11-05", due="2025-11-05"),
    )  # fmt: skip
    assert sum_months(empty_store, "closed_overdue_count") == 1


def test_without_holidays_only_weekends_are_off(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    rows = [complain("A1", "2025-09-30", "环境卫生", closed="2025-10-06")]
    book = write_xlsx("表.xlsx", 小区台账=REGISTER, 投诉工单=[HEAD, *rows])
    refresh(empty_store, [book])
    assert sum_months(empty_store, "closed_overdue_count") == 0
    # Another calendar: everything is counted anew, 3 October is the third working day.
    refresh(empty_store, [book], parse_profile('holidays = "none"'))
    assert sum_months(empty_store, "closed_overdue_count") == 1


def test_time_to_close_share_late_and_backlog(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    publish(
        empty_store, write_xlsx,
        complain("A1", "2025-03-03", closed="2025-03-04"),  # one working day
        complain("A2", "2025-03-03", closed="2025-03-06"),  # three
        complain("A3", "2025-03-07", closed="2025-03-10"),  # a weekend between: one
        complain("A4", "2025-03-10", closed="2025-04-02"),  # seventeen: late, and open in March
        complain("A5", "2025-03-11"),  # open, late
        complain("A6", "2025-06-30"),  # open, not due
    )  # fmt: skip
    compounds = empty_store.frame("out_compounds").set_index("compound_id")
    first = compounds.loc["T01"]
    assert (first["open_count"], first["overdue_count"], first["window_late_count"]) == (2, 1, 2)
    assert first["late_pct"] == pytest.approx(100 * 2 / 5)  # the one not yet due is left out
    assert first["late_pct_low"] < 40 < first["late_pct_high"]
    # 1, 1, 3 of six are closed by then: the curve stands at one half.
    assert first["closing_days"] == 3
    assert first["backlog_before_count"] == 2  # at the end of March: A5, and A4, closed in April
    assert compounds.loc["T02", ["late_pct", "closing_days"]].isna().all()
    handling = empty_store.frame("out_handling").set_index(["scope", "name"])
    ends = handling.loc["month"]["backlog_count"]
    assert ends.to_dict() == {"2025-03": 2, "2025-06": 2}
    whole = handling.loc[("all", "")]
    assert (whole["complaint_count"], whole["late_count"]) == (6, 2)
    assert whole["rate"] == pytest.approx(1000 * 6 / 800)
    assert handling.loc[("type", "商品房"), "rate"] == pytest.approx(1000 * 6 / 400)
    closings = empty_store.frame("out_closings")
    assert sorted(closings["working_days"].repeat(closings["closed_count"])) == [1, 1, 3, 17]


def test_rates_are_told_for_every_level_of_which_there_is_more_than_one(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    register = [
        ["小区编号", "小区名称", "小区类型", "总户数", "网格", "所属社区", "所属街道", "区县"],
        ["T01", "甲园", "商品房", 400, "一网格", "东社区", "锦街道", "青羊区"],
        ["T02", "乙院", "老旧", 200, "二网格", "东社区", "锦街道", "青羊区"],
        ["T03", "丙院", "老旧", 100, "三网格", "西社区", "锦街道", ""],
        ["T04", "丁院", "老旧", 0, "三网格", "西社区", "锦街道", ""],
    ]
    rows = [
        complain(f"{place}{number}", "2025-03-31", place=place)
        for place, count in (("甲园", 4), ("乙院", 6), ("丙院", 3), ("丁院", 2))
        for number in range(count)
    ]
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=register, 投诉工单=[HEAD, *rows])])
    handling = empty_store.frame("out_handling").set_index(["scope", "name"])
    # One street, and one known district: they tell nothing that the whole does not.
    assert set(handling.index.get_level_values("scope")) == {
        "all", "type", "grid", "community", "category", "month",
    }  # fmt: skip
    counts, rates = handling["complaint_count"], handling["rate"]
    assert counts.loc["community"].to_dict() == {"东社区": 10, "西社区": 5}
    assert rates.loc[("community", "东社区")] == pytest.approx(1000 * 10 / 600)
    # One compound has no households: its complaints count, but are in no rate.
    assert rates.loc[("community", "西社区")] == pytest.approx(1000 * 3 / 100)
    assert counts.loc["grid"].to_dict() == {"一网格": 4, "二网格": 6, "三网格": 5}
    assert rates.loc[("type", "老旧")] == pytest.approx(1000 * 9 / 300)
    compounds = empty_store.frame("out_compounds").set_index("compound_id")
    assert compounds.loc["T03", ["grid", "community", "street"]].tolist() == [
        "三网格", "西社区", "锦街道",
    ]  # fmt: skip


REPEATS = [
    complain("A1", "2025-03-03", building="1栋", closed="2025-03-05"),
    complain("A2", "2025-03-20", building="1栋"),  # again, after closing
    complain("A3", "2025-04-19", building="1栋"),  # again: thirty days after the one before
    complain("A4", "2025-05-20", building="1栋"),  # thirty-one: not again
    complain("A5", "2025-03-21", building="2栋"),  # another building
    complain("A6", "2025-03-22", "噪音扰民", building="1栋"),  # another matter
    complain("A7", "2025-03-03", address="建设路5号", closed="2025-03-04"),
    complain("A8", "2025-03-04", address="建设路5号"),  # again, closed the same day
    complain("A9", "2025-03-05", address="门口"),  # no number: nobody knows where
    complain("B1", "2025-03-06", address="门口"),
    complain("B2", "2025-03-07", repeat="是"),  # the sheet says so
    complain("B3", "2025-03-04", place="乙院", building="1栋"),  # another compound
]


def test_repeats_and_reopened_ones_as_geo_finds_them(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    publish(empty_store, write_xlsx, *REPEATS)
    assert sum_months(empty_store, "repeat_count") == 4
    assert sum_months(empty_store, "reopened_count") == 2
    kept = empty_store.frame("core_complaints").sort_values("complaint_id").reset_index(drop=True)
    spot = kept["building_no"].fillna(kept["address"].where(kept["address"].str.contains(r"\d")))
    reports = pd.DataFrame(
        {"place": kept["compound_id"] + spot, "matter": kept["category"],
         "reported_on": kept["reported_at"], "closed_on": kept["closed_at"]}
    )  # fmt: skip
    found = find_repeats(reports, 30)
    assert found["is_repeat"].sum() + 1 == 4  # and the one of which the sheet says so
    assert found["is_reopened"].sum() == 2


def test_month_by_month_is_the_same_as_all_at_once(
    tmp_path: Any, empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    publish(empty_store, write_xlsx, *REPEATS)
    other = Store(tmp_path / "other")
    # The newest first: what comes later makes repeats of what is already there.
    for month in ("2025-05", "2025-04", "2025-03"):
        rows = [row for row in REPEATS if row[1].startswith(month)]
        publish(other, write_xlsx, *rows, name=f"{month}.xlsx")
    for table in ("out_months", "out_closings", "out_handling", "out_compounds"):
        pd.testing.assert_frame_equal(other.frame(table), empty_store.frame(table))


def test_years_without_known_holidays_are_said(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    year = LAST_KNOWN_YEAR + 1
    publish(empty_store, write_xlsx, complain("A1", f"{year}-03-01", closed=f"{year}-03-02"))
    totals = empty_store.frame("out_totals").set_index("name")
    assert totals.loc["unknown_holiday_years", "text"] == str(year)


def test_the_sample_s_working_days_are_those_of_geo(sample_store: Any) -> None:
    store = Store(sample_store, read_only=True)
    kept = store.frame("core_complaints").dropna(subset="closed_at")
    counted = count_working_days(kept["reported_at"], kept["closed_at"])["working_days"]
    closings = store.frame("out_closings")
    wanted = counted.value_counts().sort_index().to_dict()
    assert closings.groupby("working_days")["closed_count"].sum().to_dict() == wanted


ORGANIZATIONS = [
    ["组织编号", "组织名称", "组织类型", "所在小区", "运行状态", "任期届满", "是否备案", "有无监督",
     "成员人数", "60岁以上成员", "40岁以下成员", "最近活动时间", "服务半径", "经度", "纬度"],
    ["Z1", "甲园业委会", "业委会", "甲园", "正常", "2025-03-01", "否", "是", 9, 6, 1, "2025-06-01",
     "", "", ""],
    ["Z2", "甲园党支部", "党组织", "甲园", "正常", "2025-08-01", "是", "是", 11, 6, 3, "2024-12-01",
     300, 104.00112, 30.00012],
    ["Z3", "甲园物业", "物业", "甲园", "名存实亡", "", "是", "否", 30, 1, 20, "2025-01-01", "", "",
     ""],
]  # fmt: skip
COVERS = [
    ["小区", "组织类型", "组织名称", "覆盖状态", "覆盖户数"],
    ["甲园", "党组织", "甲园党支部", "正常", 100],
]


@pytest.fixture
def organized(empty_store: Store, write_xlsx: WriteXlsx) -> Store:
    book = write_xlsx(
        "表.xlsx", 小区台账=REGISTER, 组织台账=ORGANIZATIONS, 组织覆盖=COVERS,
        投诉工单=[HEAD, complain("A1", "2025-06-30")],
    )  # fmt: skip
    refresh(empty_store, [book])
    return empty_store


def test_coverage_says_what_is_failing_and_who_is_in_it(organized: Store) -> None:
    coverage = organized.frame("out_coverage").set_index(["compound_id", "kind"])
    committee = coverage.loc[("T01", "owners_committee")]
    assert not committee["is_gap"]
    assert json.loads(committee["concerns"]) == [
        {"code": "term_over", "days": 121},  # 1 March to 30 June
        {"code": "not_registered"},
    ]
    party = coverage.loc[("T01", "party_branch")]
    assert json.loads(party["concerns"]) == [
        {"code": "term_soon", "days": 32},
        {"code": "inactive", "days": 211},
    ]
    assert (party["household_count"], party["covered_pct"]) == (100, 25.0)
    company = coverage.loc[("T01", "property_company")]
    assert company["is_gap"]
    assert {"code": "no_response", "days": 180} in json.loads(company["concerns"])
    assert coverage.loc[("T02", "party_branch"), "concerns"] is None or pd.isna(
        coverage.loc[("T02", "party_branch"), "concerns"]
    )


def test_members_and_reach_of_service_points(organized: Store) -> None:
    compounds = organized.frame("out_compounds").set_index("compound_id")
    first, second = compounds.loc["T01"], compounds.loc["T02"]
    assert first["member_count"] == 20  # the staff of the property company are no residents
    assert first["member_over_60_pct"] == pytest.approx(60.0)
    assert first["member_under_40_pct"] == pytest.approx(20.0)
    # A thousandth of a degree at 30 degrees north is 96 m.
    assert first["service_m"] == pytest.approx(96.5, abs=0.5)
    assert (first["service_name"], bool(first["is_in_reach"])) == ("甲园党支部", True)
    assert second["service_m"] == pytest.approx(868, abs=4)
    assert not second["is_in_reach"]
    assert pd.isna(second["member_count"])
    assert first["concern_count"] == 4  # of the property company the gap is told


def test_reasons_name_who_does_not_answer(organized: Store) -> None:
    reasons = json.loads(organized.frame("out_targets").set_index("name").loc["甲园", "reasons"])
    assert {"code": "no_response", "kind": "property_company", "days": 180} in reasons
    assert {"code": "term_over", "kind": "owners_committee", "days": 121} in reasons


def count_by_month(place: str, category: str, *counts: int) -> list[list[Any]]:
    months = pd.period_range("2025-01", periods=len(counts), freq="M")
    return [
        complain(f"{place}{category}{month}-{i}", str(month.end_time.date()), category, place=place)
        for month, count in zip(months, counts, strict=True)
        for i in range(count)
    ]


def test_effects_of_interventions(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    actions = [
        ["行动编号", "行动名称", "小区", "针对问题", "开始日期", "行动状态"],
        ["X1", "停车自管", "甲园", "停车管理", "2025-06-10", "已完成"],
        ["X2", "坝坝会", "甲园", "", "2025-10-20", "进行中"],
        ["X3", "明年的事", "乙院", "停车管理", "2026-05-01", "计划"],
        ["X4", "没写日期", "乙院", "停车管理", "", "进行中"],
    ]
    parking = [20] * 6 + [6] * 6
    rows = [
        *count_by_month("甲园", "停车管理", *parking),
        *count_by_month("乙院", "停车管理", *[20] * 12),
        *count_by_month("甲园", "噪音扰民", *[3] * 12),
    ]
    book = write_xlsx("表.xlsx", 小区台账=REGISTER, 投诉工单=[HEAD, *rows], 行动计划=actions)
    refresh(empty_store, [book])
    effects = empty_store.frame("out_effects").set_index("intervention_id")
    assert effects.index.tolist() == ["X1", "X2", "X3"]
    first = effects.loc["X1"]
    # June began half way: five months before, six after; the others stay at twenty.
    assert (first["months_before"], first["months_after"]) == (5, 6)
    assert (first["before_count"], first["after_count"]) == (100, 36)
    assert first["ratio"] == pytest.approx((36 / 100) / (120 / 100))
    assert first["ratio_low"] < 0.3 < first["ratio_high"] < 1
    assert 0 < first["detectable"] < 1
    assert (first["verdict"], first["starts_on"].date()) == ("better", date(2025, 6, 10))
    assert json.loads(first["overlapping"]) == ["坝坝会"]
    assert effects.loc["X2", ["verdict", "reason"]].tolist() == ["too_early", "few_months_after"]
    assert effects.loc["X3", ["verdict", "reason"]].tolist() == ["too_early", "not_started"]
    assert pd.isna(effects.loc["X3", "ratio"])


def test_rates_are_smoothed_by_neighbours(sample_store: Any) -> None:
    compounds = Store(sample_store, read_only=True).frame("out_compounds")
    moved = compounds["rate_nearby"] - compounds["rate"]
    assert compounds["rate_nearby"].notna().all()
    assert (moved.abs() > 0).any()
    q = compounds.set_index("name").loc["Q小区"]
    assert q["rate_nearby"] <= q["rate"]

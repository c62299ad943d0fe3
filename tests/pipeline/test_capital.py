"""The survey told item by item, registers beside it, and interventions that are late or cannot be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from etl.profile import parse_profile
from etl.refresh import refresh
from etl.report import Report
from etl.store import Store
from tests.conftest import WriteXlsx, write_workbook

REGISTER = [
    ["小区编号", "小区名称", "小区类型", "总户数", "经度", "纬度"],
    ["T01", "甲园", "商品房", 400, 104.00012, 30.00012],
    ["T02", "乙院", "老旧", 100, 104.01012, 30.00012],
    ["T03", "丙苑", "商品房", 300, 104.02012, 30.00012],
    ["T04", "丁庭", "商品房", 200, 104.03012, 30.00012],
]
COMPLAINTS = [
    ["工单编号", "受理时间", "诉求类别", "小区"],
    ["A1", "2026-01-05", "停车管理", "甲园"],
    ["A2", "2026-10-31", "停车管理", "甲园"],
]
SURVEY = ["问卷编号", "小区", "填写日期", "信任邻居"]
ACTIVITIES = [
    ["活动编号", "活动名称", "活动日期", "小区", "参与人数"],
    ["H1", "游园会", "2026-05-01", "甲园", 60],
    ["H2", "读书会", "2026-06-01", "甲园", None],
    ["H3", "游园会", "2025-05-01", "甲园", 900],  # before the window
    ["H4", "坝坝宴", "2026-06-02", None, 300],  # of the whole community
]
MEETINGS = [
    ["会议编号", "事项序号", "会议类型", "会议日期", "小区", "参会人数"],
    ["M1", 1, "坝坝会", "2026-03-01", "丙苑", 20],
    ["M1", 2, "坝坝会", "2026-03-01", "丙苑", 20],  # the second promise of one meeting
]
ACTIONS = [
    ["行动编号", "行动名称", "小区", "开始日期", "结束日期", "行动状态"],
    ["X1", "早该开始", "甲园", "2026-10-01", None, "计划"],
    ["X2", "早该结束", "甲园", "2026-07-01", "2026-10-21", "进行中"],
    ["X3", "照常", "甲园", "2026-07-01", "2026-12-31", "进行中"],
    ["X4", "还没到", "甲园", "2026-11-15", None, "计划"],
    ["X5", "提前说完成", "甲园", "2026-09-01", "2027-01-31", "已完成"],
    ["X6", "提前说开始", "甲园", "2026-12-01", None, "进行中"],
    ["X7", "先完后始", "甲园", "2026-09-01", "2026-03-01", "进行中"],
    ["X8", "没写状态", "甲园", "2026-09-01", None, None],
    ["X9", "没有小区", None, "2026-09-01", None, "计划"],
    ["X10", "做完了", "甲园", "2026-07-01", "2026-08-31", "已完成"],
    ["X11", "计划也该结束了", "甲园", "2026-07-01", "2026-10-30", "计划"],
]


def answer(wave: str, place: str, day: str, *scores: int) -> list[list[Any]]:
    return [[f"{wave}{place}{at}", place, day, score] for at, score in enumerate(scores)]


SHEETS = {
    "小区台账": REGISTER,
    "投诉工单": COMPLAINTS,
    "活动记录": ACTIVITIES,
    "会议纪要": MEETINGS,
    "行动计划": ACTIONS,
    "居民问卷2025": [
        SURVEY,
        *answer("a", "甲园", "2025-09-10", 5, 4, 3, 3, 3, 2, 2, 1, 1, 1),
        *answer("a", "乙院", "2025-09-10", 5, 5, 5, 5, 5, 5),
    ],
    "居民问卷": [
        SURVEY,
        *answer("b", "甲园", "2026-09-10", 5, 5, 5, 4, 4, 4, 4, 4, 4, 3),
        *answer("b", "乙院", "2026-09-10", 5, 5, 5, 5),
        *answer("b", "丙苑", "2026-09-11", 4, 4, 4, 4, 4, 1, 1, 2, 2, 3),
    ],
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Report]:
    """A store of four compounds. Read it, never write to it."""
    folder = tmp_path_factory.mktemp("capital")
    store = Store(folder / "store")
    return store, refresh(store, [write_workbook(folder / "表.xlsx", SHEETS)])


@pytest.fixture
def trust(published: tuple[Store, Report]) -> pd.DataFrame:
    table = published[0].frame("out_capital")
    return table[table["measure"] == "trust_neighbors"].set_index(["compound_id", "wave"])


def test_an_item_is_the_share_who_agree_with_its_interval(trust: pd.DataFrame) -> None:
    row = trust.loc[("T01", "2026")]
    assert row[["yes_count", "base_count", "households"]].tolist() == [9, 10, 400]
    assert row["pct"] == 90.0
    assert row[["pct_low", "pct_high"]].tolist() == pytest.approx([59.58, 98.21], abs=0.01)
    assert row["part"] == "trust"
    assert row["status"] == "known"


def test_of_fewer_than_five_answers_nothing_is_published(trust: pd.DataFrame) -> None:
    row = trust.loc[("T02", "2026")]
    assert row["status"] == "too_few"
    told = ["yes_count", "base_count", "pct", "pct_low", "pct_high", "rest_pct", "change"]
    assert row[told].isna().all()
    assert row["change_verdict"] == "too_few"
    # Nor can it be reckoned from the sum over all, or from what the others are compared with.
    assert trust.loc[("", "2026"), ["yes_count", "base_count"]].tolist() == [14, 20]
    assert trust.loc[("T01", "2026"), "rest_count"] == 10


def test_a_compound_that_was_not_asked_has_no_row(trust: pd.DataFrame) -> None:
    assert "T04" not in trust.index.get_level_values("compound_id")


def test_compounds_are_held_against_the_others(trust: pd.DataFrame) -> None:
    # 2025: 2 of 10 against 6 of 6. Fisher: C(8,2) * C(8,8) / C(16,10), two sides, two compounds.
    first = trust.loc[("T01", "2025")]
    assert first["p_value"] == pytest.approx(2 * 2 * 28 / 8008)
    assert first["against_rest"] == "lower"
    assert trust.loc[("T02", "2025"), "against_rest"] == "higher"
    assert trust.loc[("T01", "2026"), "against_rest"] == "not_apart"


def test_a_change_between_surveys_has_its_interval(trust: pd.DataFrame) -> None:
    row = trust.loc[("T01", "2026")]
    assert row[["before_wave", "before_pct", "before_count"]].tolist() == ["2025", 20.0, 10]
    assert row["change"] == pytest.approx(70.0)
    assert row["change_low"] > 0
    assert row["change_verdict"] == "up"
    assert pd.isna(trust.loc[("T03", "2026"), "change_verdict"])
    assert pd.isna(trust.loc[("", "2026"), "change_verdict"])


def test_registers_count_what_lies_in_the_window(published: tuple[Store, Report]) -> None:
    table = published[0].frame("out_capital").set_index(["measure", "compound_id"])
    counts = ["yes_count", "base_count", "unknown_count"]
    assert table.loc[("activities", "T01"), counts].tolist() == [60, 2, 1]
    assert table.loc[("meetings", "T03"), counts].tolist() == [20, 1, 0]
    assert ("activities", "T02") not in table.index
    assert ("meetings", "T01") not in table.index


def test_without_complaints_registers_count_of_all_times(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=REGISTER, 活动记录=ACTIVITIES)])
    table = empty_store.frame("out_capital").set_index("compound_id")
    assert table.loc["T01", ["yes_count", "base_count", "unknown_count"]].tolist() == [960, 3, 1]


def test_a_wave_is_what_the_sheet_calls_it(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    winter = [
        [*SURVEY, "调查批次"],
        *([*row, "冬季"] for row in answer("a", "甲园", "2025-12-30", 4, 4, 4)),
        *([*row, "冬季"] for row in answer("c", "甲园", "2026-01-02", 1, 1)),
        *([*row, None] for row in answer("b", "甲园", "2026-06-02", 1, 1, 1, 1, 1)),
    ]
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=REGISTER, 居民问卷=winter)])
    table = empty_store.frame("out_capital")
    told = table[table["compound_id"] == "T01"].set_index("wave")
    assert told["wave_order"].to_dict() == {"冬季": 1, "2026": 2}
    assert told["pct"].to_dict() == {"冬季": 60.0, "2026": 0.0}
    assert told.loc["2026", "before_wave"] == "冬季"


def test_what_counts_as_agreeing_is_the_profiles(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    rows = [SURVEY, *answer("a", "甲园", "2026-09-10", 5, 4, 4, 3, 3, 1)]
    book = write_xlsx("表.xlsx", 小区台账=REGISTER, 居民问卷=rows)
    refresh(empty_store, [book], parse_profile("[capital]\nagrees_from = 3\nfewest_answers = 7"))
    assert set(empty_store.frame("out_capital")["status"]) == {"too_few"}
    refresh(empty_store, [book], parse_profile("[capital]\nagrees_from = 3"))
    table = empty_store.frame("out_capital")
    assert table.loc[table["compound_id"] == "T01", "yes_count"].tolist() == [5]


def test_without_survey_and_registers_there_are_no_rows(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=REGISTER)])
    assert empty_store.frame("out_capital").empty
    assert empty_store.frame("out_actions").empty


def test_surveys_of_two_years_may_both_be_numbered_from_one(
    empty_store: Store, tmp_path: Path
) -> None:
    sheets = {
        "问卷2025.xlsx": [SURVEY, *answer("W", "甲园", "2025-09-10", 5, 4, 4, 3, 3, 1)],
        "问卷2026.xlsx": [SURVEY, *answer("W", "甲园", "2026-09-10", 1, 1, 1, 1, 1, 5)],
    }
    register = write_workbook(tmp_path / "小区.xlsx", {"小区台账": REGISTER})
    first, second = (
        write_workbook(tmp_path / name, {"居民问卷": rows}) for name, rows in sheets.items()
    )
    refresh(empty_store, [register, first])
    report = refresh(empty_store, [second])
    assert report.issues == []
    assert report.count("new") == 6
    table = empty_store.frame("out_capital")
    own = table[table["compound_id"] == "T01"].set_index("wave")
    assert own["yes_count"].to_dict() == {"2025": 3, "2026": 1}
    # What came comes again as what it is.
    for book in (first, second):
        again = refresh(empty_store, [book])
        assert (again.count("unchanged"), again.count("new")) == (6, 0)
    # On another sheet of the same year the same number is the same answer, or a slip.
    slip = answer("W", "甲园", "2026-09-11", 1)
    third = write_workbook(tmp_path / "补录.xlsx", {"居民问卷": [SURVEY, *slip]})
    problems = [issue.problem for issue in refresh(empty_store, [third]).issues]
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("action", "lateness", "days"),
    [
        ("X1", "start_passed", 30),
        ("X2", "end_passed", 10),
        ("X3", "on_time", None),
        ("X4", "on_time", None),
        ("X5", "ends_ahead", None),
        ("X6", "starts_ahead", None),
        ("X8", "no_status", None),
        ("X10", "on_time", None),
        ("X11", "end_passed", 1),
    ],
)
def test_an_action_is_late_by_the_newest_day_of_the_data(
    published: tuple[Store, Report], action: str, lateness: str, days: int | None
) -> None:
    table = published[0].frame("out_actions").set_index("intervention_id")
    assert table.loc[action, "lateness"] == lateness
    found = table.loc[action, "late_days"]
    assert pd.isna(found) if days is None else found == days
    assert table.loc[action, "known_until"] == pd.Timestamp("2026-10-31")


def test_without_complaints_nothing_is_said_to_be_late(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=REGISTER, 行动计划=ACTIONS[:3])])
    table = empty_store.frame("out_actions")
    assert table["lateness"].tolist() == ["unknown", "unknown"]
    assert table["late_days"].isna().all()


@pytest.fixture
def named(published: tuple[Store, Report]) -> Callable[[str], list[str]]:
    """What the report says of one cell of the sheet of actions."""

    def find(cell: str) -> list[str]:
        return [i.problem for i in published[1].issues if (i.sheet, i.cell) == ("行动计划", cell)]

    return find


def test_bad_actions_are_named_in_their_cells(
    published: tuple[Store, Report], named: Callable[[str], list[str]]
) -> None:
    assert any("2027-01-31" in told and "已完成" in told for told in named("F6"))
    assert any("2026-12-01" in told and "2026-10-31" in told for told in named("F7"))
    assert any("早于" in told for told in named("E8"))
    assert named("C10")
    store = published[0]
    table = store.frame("core_interventions").set_index("intervention_id")
    # What ends before it begins has no end; what contradicts itself is kept as it is written.
    assert pd.isna(table.loc["X7", "ends_on"])
    assert table.loc["X5", "status"] == "已完成"
    assert "X9" not in table.index
    assert (store.frame("quarantine")["table"] == "interventions").sum() == 1
    sheet = [told for told in published[1].issues if told.sheet == "行动计划"]
    assert len(sheet) == 4


def test_a_contradiction_is_named_once_and_not_for_sheets_that_did_not_come(
    tmp_path: Path, empty_store: Store
) -> None:
    refresh(empty_store, [write_workbook(tmp_path / "表.xlsx", SHEETS)])
    more = [*COMPLAINTS, ["A3", date(2026, 10, 31), "停车管理", "乙院"]]
    later = refresh(empty_store, [write_workbook(tmp_path / "投诉.xlsx", {"投诉工单": more})])
    assert [i for i in later.issues if i.sheet == "行动计划"] == []
    kept = empty_store.frame("issues")
    assert (kept["sheet"] == "行动计划").sum() == 4

"""What is asked, how answers are given, and that next month's sheet needs no question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from etl.errors import UsageError
from etl.profile import load_profile
from etl.questions import ADDITIONS, FULL, Answer, Question, mark_list, parse_answer
from etl.refresh import refresh
from etl.report import Report
from etl.store import Store
from tests.backends import backend  # noqa: F401
from tests.conftest import WriteXlsx, write_workbook

REGISTER = [
    ["小区编号", "小区名称", "小区类型", "总户数", "常住人口"],
    ["T1", "翠屏家园", "商品房", 100, 250],
    ["T2", "荷塘小区", "老旧院落", 50, 120],
    ["T3", "翡翠城一期", "商品房", 30, 70],
    ["T4", "翡翠城二期", "商品房", 40, 90],
]
HEADER = ["工单编号", "受理时间", "诉求类别", "小区", "诉求内容"]


def complaint(number: str, compound: str = "翠屏家园", day: int = 3) -> list[Any]:
    return [number, f"2026-01-{day:02d}", "停车管理", compound, f"乱停{number}"]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory, backend: str) -> Path:  # noqa: F811
    folder = tmp_path_factory.mktemp(f"office-{backend}")
    with Store(folder / "store") as made:
        refresh(made, [write_workbook(folder / "台账.xlsx", {"小区台账": REGISTER})])
    return made.path


@pytest.fixture
def office(made_once: Path, copy_store: Callable[[Path], Store]) -> Store:
    return copy_store(made_once)


def kinds(report: Report) -> list[str]:
    return [question.kind for question in report.questions]


def only(report: Report, kind: str) -> Question:
    (question,) = [q for q in report.questions if q.kind == kind]
    return question


def remembered(store: Store) -> set[tuple[str, str, str]]:
    return set(store.answers())


def numbers(store: Store) -> set[str]:
    return set(store.frame("core_complaints")["complaint_id"])


# -- which table, which column ----------------------------------------------------------------


def test_a_header_like_one_that_is_known_is_asked_about_and_remembered(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [["单号", *HEADER[1:]], complaint("A1")]
    book = write_xlsx("一月.xlsx", 登记=rows)
    look = refresh(office, [book], dry_run=True)
    question = only(look, "column")
    assert question.text == "“单号”是不是“工单编号”？"
    assert look.files[0].sheets[0].unknown_columns == ["单号"]
    answer = Answer("column", question.key, question.choices[0].answer)
    report = refresh(office, [book], answers=[answer])
    assert "column" not in kinds(report)
    assert numbers(office) == {"A1"}
    again = refresh(
        office, [write_xlsx("二月.xlsx", 登记=[["单号", *HEADER[1:]], complaint("B1", day=9)])]
    )
    assert "column" not in kinds(again)
    assert numbers(office) == {"A1", "B1"}


def test_a_header_said_to_be_none_is_kept_and_not_asked_about_again(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    book = write_xlsx("一月.xlsx", 登记=[[*HEADER, "满意"], [*complaint("A1"), "还行"]])
    question = only(refresh(office, [book], dry_run=True), "column")
    report = refresh(office, [book], answers=[Answer("column", question.key, "")])
    assert report.questions == []
    (raw,) = office.query("SELECT cells FROM raw_rows WHERE file = '一月.xlsx'")[1]
    assert '"满意":"还行"' in raw[0]
    assert refresh(office, [book]).questions == []


def test_a_sheet_that_is_almost_known_is_asked_about_and_read_with_the_answer(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    book = write_xlsx("盘点.xlsx", 盘点=[["盘", "小区类型", "总户数"], ["新苑", "商品房", 20]])
    look = refresh(office, [book], dry_run=True)
    assert look.snapshot is None
    assert kinds(look) == ["sheet", "column"]
    question = only(look, "column")
    assert [choice.label for choice in question.choices] == ["小区名称", "都不是"]
    report = refresh(office, [book], answers=[Answer("column", question.key, "name")])
    assert report.count("new") == 1
    assert "新苑" in set(office.frame("core_compounds")["name"])


def test_a_sheet_said_to_be_nothing_is_left_alone_from_then_on(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [["盘", "小区类型", "总户数"], ["新苑", "商品房", 20]]
    good = [HEADER, complaint("A1")]
    book = write_xlsx("盘点.xlsx", 盘点=rows, 投诉=good)
    question = only(refresh(office, [book], dry_run=True), "sheet")
    refresh(office, [book], answers=[Answer("sheet", question.key, "")])
    again = refresh(office, [write_xlsx("二月.xlsx", 其他=rows, 投诉=[HEADER, complaint("A2")])])
    assert again.questions == []
    assert [i.problem for i in again.issues] == []
    assert any("按您的回答没有读" in warning for warning in again.warnings)


def test_a_sheet_told_to_be_another_table_is_read_as_that(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [["名称", "类型"], ["新苑", "商品房"]]
    profile = load_profile()
    book = write_xlsx("名单.xlsx", 一览=[["小区名称", "类型"], *rows[1:]])
    look = refresh(office, [book], dry_run=True)
    (answer,) = parse_answer("一览=小区台账", look, profile)
    assert (answer.kind, answer.answer) == ("sheet", "compounds")


# -- which compound ---------------------------------------------------------------------------


def test_a_name_that_may_be_two_is_asked_about_not_guessed(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    book = write_xlsx("一月.xlsx", 投诉=[HEADER, complaint("A1", "翡翠城")])
    report = refresh(office, [book])
    assert report.count("quarantined") == 1
    question = only(report, "name")
    assert [choice.label for choice in question.choices] == [
        "翡翠城一期",
        "翡翠城二期",
        "不是某一个小区",
    ]
    answered = refresh(office, [book], answers=[Answer("name", question.key, "T4")])
    assert (answered.count("new"), answered.count("quarantined")) == (1, 0)
    (row,) = office.frame("core_complaints").to_dict("records")
    assert (row["compound_id"], row["compound_by"], row["compound_certainty"]) == ("T4", "alias", 1)
    assert office.frame("quarantine").empty
    assert remembered(office) == {("name", "翡翠城", "T4")}
    later = refresh(office, [write_xlsx("二月.xlsx", 投诉=[HEADER, complaint("A2", "翡翠城", 5)])])
    assert (later.count("new"), later.questions) == (1, [])


def test_a_name_that_is_misspelt_is_taken_and_said(office: Store, write_xlsx: WriteXlsx) -> None:
    rows = [HEADER, complaint("A1", "翠平家园"), complaint("A2"), complaint("A3", "T1")]
    report = refresh(office, [write_xlsx("一月.xlsx", 投诉=rows)])
    (issue,) = report.issues
    assert (issue.cell, issue.severity) == ("D2", "warning")
    assert "翠屏家园" in issue.problem
    found = office.frame("core_complaints").set_index("complaint_id")
    assert found["compound_id"].unique().tolist() == ["T1"]
    assert found["compound_by"].to_dict() == {"A1": "homophone", "A2": "name", "A3": "id"}
    assert found["compound_certainty"].to_dict() == {"A1": 0.85, "A2": 1.0, "A3": 1.0}


# -- full list or additions -------------------------------------------------------------------


def test_a_shorter_list_of_the_same_name_is_asked_about_and_nothing_goes(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    report = refresh(office, [write_xlsx("台账.xlsx", 小区台账=REGISTER[:-1])])
    question = only(report, "list")
    assert "1 行不在这张表上" in question.text
    assert (question.key, question.answer) == (
        mark_list("compounds", "台账.xlsx", "小区台账"),
        ADDITIONS,
    )
    assert report.count("gone") == 0
    assert len(office.frame("core_compounds")) == 4


def test_what_is_no_longer_on_a_full_list_goes_and_is_said_beforehand(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    shorter = write_xlsx("2026年3月台账.xlsx", 小区台账=REGISTER[:-1])
    mark = mark_list("compounds", "台账.xlsx", "小区台账")
    answers = [Answer("list", mark, FULL)]
    look = refresh(office, [shorter], dry_run=True, answers=answers)
    assert [(gone.table, gone.key, gone.file, gone.row) for gone in look.gone] == [
        ("compounds", "T4", "台账.xlsx", 5)
    ]
    assert look.count("gone") == 1
    assert len(office.frame("core_compounds")) == 4
    refresh(office, [shorter], answers=answers)
    assert set(office.frame("core_compounds")["compound_id"]) == {"T1", "T2", "T3"}
    # It is remembered: next month's list needs no question.
    later = refresh(office, [write_xlsx("2026年4月台账.xlsx", 小区台账=REGISTER[:3])])
    assert (later.questions, later.count("gone")) == ([], 1)
    office.undo()
    assert set(office.frame("core_compounds")["compound_id"]) == {"T1", "T2", "T3"}


def test_additions_take_nothing_away_and_are_not_asked_about_again(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    mark = mark_list("complaints", "投诉2026年1月.xlsx", "投诉")
    refresh(office, [write_xlsx("投诉2026年1月.xlsx", 投诉=[HEADER, complaint("A1")])])
    second = write_xlsx("投诉2026年2月.xlsx", 投诉=[HEADER, complaint("A2", day=9)])
    report = refresh(office, [second], answers=[Answer("list", mark, ADDITIONS)])
    assert report.questions == []
    third = refresh(
        office, [write_xlsx("投诉2026年3月.xlsx", 投诉=[HEADER, complaint("A3", day=12)])]
    )
    assert third.questions == []
    assert numbers(office) == {"A1", "A2", "A3"}


@pytest.mark.parametrize(
    "name",
    ["台账.xlsx", "2026年3月台账.xlsx", "台账（最新）.xlsx", "台账 (2).xlsx", "台账-20260301.xls"],
)
def test_the_same_list_is_known_whatever_its_date(name: str) -> None:
    assert mark_list("compounds", name, "小区台账") == mark_list(
        "compounds", "台账.xlsx", "小区台账"
    )


# -- the preview ------------------------------------------------------------------------------


def test_the_preview_names_every_cell_that_changes_and_the_totals(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [list(row) for row in REGISTER]
    rows[1][3], rows[2][1] = 110, "荷塘月色"
    look = refresh(office, [write_xlsx("台账.xlsx", 小区台账=rows)], dry_run=True)
    told = [(c.table, c.key, c.row, c.column, c.old, c.new) for c in look.changes]
    assert told == [
        ("compounds", "T1", 2, "household_count", "100", "110"),
        ("compounds", "T2", 3, "name", "荷塘小区", "荷塘月色"),
    ]
    assert look.changed_cells == 2
    totals = {total.name: (total.before, total.after) for total in look.totals}
    assert totals["households"] == (220, 230)
    assert totals["compounds"] == (4, 4)
    assert office.frame("core_compounds")["household_count"].sum() == 220


def test_the_history_says_who_when_which_files_and_what_changed(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [list(row) for row in REGISTER]
    rows[1][3] = 110
    report = refresh(office, [write_xlsx("台账.xlsx", 小区台账=rows)], who="数据员")
    newest = office.history()[0]
    assert (newest.who, newest.files) == ("数据员", ["台账.xlsx"])
    assert newest.hashes == [report.files[0].sha256]
    assert newest.counts == {
        "new": 0, "changed": 1, "unchanged": 3, "quarantined": 0, "gone": 0, "changed_cells": 1,
    }  # fmt: skip


# -- another file of the same name ------------------------------------------------------------


def test_another_list_under_the_same_name_does_not_take_the_place_of_the_first(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    bad = complaint("A9")
    bad[1] = "不详"
    refresh(office, [write_xlsx("投诉.xlsx", 投诉=[HEADER, complaint("A1"), bad])])
    other = [HEADER, complaint("B1", day=20), complaint("B2", day=21)]
    refresh(office, [write_xlsx("投诉.xlsx", 投诉=other)])
    assert numbers(office) == {"A1", "B1", "B2"}
    before = f"投诉（快照 {office.snapshot()} 之前）.xlsx"
    waiting = office.frame("quarantine")
    assert waiting["file"].tolist() == [before]
    files = office.frame("core_complaints").set_index("complaint_id")["file"].to_dict()
    assert files == {
        "A1": before,
        "B1": "投诉.xlsx",
        "B2": "投诉.xlsx",
    }


def test_two_files_of_one_name_in_one_go_are_told_apart(
    office: Store, write_xlsx: WriteXlsx, tmp_path: Path
) -> None:
    paths = []
    for folder, day in (("网格一", 4), ("网格二", 5)):
        (tmp_path / folder).mkdir()
        path = write_xlsx("投诉.xlsx", 投诉=[HEADER, complaint("1", day=day)])
        paths.append(path.rename(tmp_path / folder / "投诉.xlsx"))
    report = refresh(office, paths)
    assert [file.name for file in report.files] == ["网格一/投诉.xlsx", "网格二/投诉.xlsx"]
    # Both count from one: the second is another thing, and is not written over the first.
    assert (report.count("new"), report.count("quarantined")) == (1, 1)


# -- on the command line ----------------------------------------------------------------------


def test_an_answer_to_nothing_that_was_asked_is_wrong_usage(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    look = refresh(office, [write_xlsx("一月.xlsx", 投诉=[HEADER, complaint("A1", "翡翠城")])])
    profile = load_profile()
    (answer,) = parse_answer("翡翠城=翡翠城二期", look, profile)
    assert answer == Answer("name", "翡翠城", "T4")
    assert parse_answer("name:翡翠城=T3", look, profile) == [Answer("name", "翡翠城", "T3")]
    assert parse_answer("翡翠城=都不是", look, profile) == [Answer("name", "翡翠城", "")]
    for wrong in ("翡翠城", "=T3", "没问过的=T3", "翡翠城=没有的小区"):
        with pytest.raises(UsageError):
            parse_answer(wrong, look, profile)


def test_progress_runs_from_nothing_to_all(office: Store, write_xlsx: WriteXlsx) -> None:
    told: list[tuple[float, str]] = []
    paths = [
        write_xlsx("一月.xlsx", 投诉=[HEADER, complaint("A1")]),
        write_xlsx("二月.xlsx", 投诉=[HEADER, complaint("A2")]),
    ]
    refresh(office, paths, progress=lambda share, words: told.append((share, words)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert [words for _, words in told][:2] == ["读《一月.xlsx》", "读《二月.xlsx》"]


# -- what nobody knows a word of ----------------------------------------------------------------


def test_a_sheet_without_any_known_header_is_asked_about_until_it_is_read(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [["登记表"], ["几时", "哪儿", "啥事"], ["2026-01-03", "翠屏家园", "停车管理"]]
    book = write_xlsx("登记.xlsx", 流水=rows)
    look = refresh(office, [book], dry_run=True)
    assert look.snapshot is None
    answers = parse_answer("流水=投诉工单", look, load_profile())
    look = refresh(office, [book], dry_run=True, answers=answers)
    for told in ("几时=受理时间", "啥事=诉求类别", "哪儿=小区"):
        answers += parse_answer(told, look, load_profile())
    assert refresh(office, [book], answers=answers).count("new") == 1
    (row,) = office.frame("core_complaints").to_dict("records")
    assert (row["compound_id"], row["category"]) == ("T1", "停车管理")
    rows[2][0] = "2026-02-03"
    again = refresh(office, [write_xlsx("二月.xlsx", 流水=rows)])
    assert (again.count("new"), again.questions) == (1, [])


def test_one_answer_is_not_given_to_two_sheets_of_one_name(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    files = [
        write_xlsx("一.xlsx", Sheet1=[["盘", "小区类型", "总户数"], ["新苑", "商品房", 20]]),
        write_xlsx("二.xlsx", Sheet1=[["楼盘", "小区类型", "总户数"], ["老苑", "商品房", 20]]),
    ]
    look = refresh(office, files, dry_run=True)
    with pytest.raises(UsageError, match="一.xlsx/Sheet1、二.xlsx/Sheet1"):
        parse_answer("sheet:Sheet1=小区台账", look, load_profile())
    (answer,) = parse_answer("sheet:二.xlsx/Sheet1=小区台账", look, load_profile())
    assert answer.answer == "compounds"


# -- two columns of one meaning ----------------------------------------------------------------


def test_two_columns_of_one_meaning_that_differ_are_named(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    head = [*HEADER, "所属小区", "问题描述"]
    rows = [[*complaint("A1"), "T1", "乱停A1"], [*complaint("A2"), "荷塘小区", ""]]
    report = refresh(office, [write_xlsx("一月.xlsx", 登记=[head, *rows])])
    (issue,) = report.issues
    assert (issue.cell, issue.severity) == ("F1", "warning")
    assert "D 列和 F 列都是“小区”，有 1 行写得不一样（第 3 行）" in issue.problem
    assert set(office.frame("core_complaints")["compound_id"]) == {"T1"}


def test_of_columns_of_one_meaning_the_first_that_says_anything_counts(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    head = [*HEADER, "登记时间", "办理状态", "状态", "处理状态"]
    rows = [
        [*complaint("A1"), "2026年1月3日", "—", "已办结", ""],
        [*complaint("A2"), "", "", "已办结", "待办"],
    ]
    report = refresh(office, [write_xlsx("一月.xlsx", 登记=[head, *rows])])
    told = office.query("SELECT status FROM core_complaints ORDER BY complaint_id")[1]
    assert told == [("已办结",), ("已办结",)]
    assert [issue.cell for issue in report.issues] == ["I1"]

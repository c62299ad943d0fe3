"""A refresh, from small workbooks drawn by hand to rows in the store: nothing lost, nothing half."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock

from etl import figures, store
from etl.errors import StoreBusyError, StoreError
from etl.move import open_files
from etl.profile import parse_profile
from etl.refresh import refresh
from etl.report import Report
from etl.store import TABLE_NAMES, Store
from tests.backends import backend  # noqa: F401
from tests.conftest import WriteXlsx, write_workbook

COMPOUNDS = [
    ["小区编号", "小区名称", "小区类型", "总户数", "常住人口"],
    ["T01", "甲园", "商品房", 100, 250],
    ["T02", "乙院", "老旧", 50, 120],
]
COMPLAINTS = [
    ["工单编号", "受理时间", "诉求类别", "小区", "诉求内容", "办理状态"],
    ["A1", "2026年1月3日", "停车管理", "甲园", "占道", "已办结"],
    ["A2", "2026-01-05 10:00", "环境卫生", "乙院", "垃圾", "处理中"],
]


def account_for_rows(report: Report) -> None:
    """Every row read is in exactly one place."""
    for sheet in report.sheets:
        parts = (
            sheet.rows_new
            + sheet.rows_changed
            + sheet.rows_unchanged
            + sheet.rows_quarantined
            + sheet.rows_recognised
        )
        assert sheet.rows_read == parts, sheet


def contents(at: Store) -> dict[str, str]:
    """A fingerprint of everything in the store, table by table, whatever the order of rows."""
    prints = {}
    for name in TABLE_NAMES:
        frame = at.frame(name)
        rows = sorted(map(repr, frame.astype(object).where(frame.notna(), None).values.tolist()))
        prints[name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return prints


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two compounds and two complaints, from which each test gets a copy."""
    folder = tmp_path_factory.mktemp("community")
    workbook = write_workbook(folder / "台账.xlsx", {"小区台账": COMPOUNDS, "投诉工单": COMPLAINTS})
    made = Store(folder / "store")
    assert refresh(made, [workbook]).snapshot is not None
    made.close()
    return made.path


@pytest.fixture
def community(made_once: Path, copy_store: Callable[[Path], Store]) -> Store:
    """A store with two compounds and two complaints."""
    return copy_store(made_once)


def test_rows_arrive_typed_and_know_where_they_came_from(community: Store) -> None:
    rows = community.frame("core_complaints").set_index("complaint_id")
    assert rows.loc["A1", "reported_at"] == pd.Timestamp(2026, 1, 3)
    assert rows.loc["A2", "reported_at"] == pd.Timestamp(2026, 1, 5, 10)
    assert rows["compound_id"].to_dict() == {"A1": "T01", "A2": "T02"}
    assert rows.loc["A2", ["file", "sheet", "row"]].tolist() == ["台账.xlsx", "投诉工单", 3]
    assert set(rows["snapshot"]) == {community.snapshot()}


def test_the_same_file_twice_changes_nothing(community: Store, write_xlsx: WriteXlsx) -> None:
    before, snapshot = contents(community), community.snapshot()
    again = write_xlsx("台账.xlsx", 小区台账=COMPOUNDS, 投诉工单=COMPLAINTS)
    report = refresh(community, [again])
    assert report.snapshot is None
    assert report.count("unchanged") == 4
    assert (community.snapshot(), contents(community)) == (snapshot, before)


def test_new_changed_and_unchanged_rows_are_told_apart(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [
        COMPLAINTS[0],
        COMPLAINTS[1],
        [*COMPLAINTS[2][:5], "已办结"],
        ["A3", "2026-01-06", "停车管理", "甲园", "堵门", "待办"],
    ]
    report = refresh(community, [write_xlsx("台账2.xlsx", 投诉工单=rows)])
    (sheet,) = report.sheets
    assert (sheet.rows_new, sheet.rows_changed, sheet.rows_unchanged) == (1, 1, 1)
    stored = community.frame("core_complaints").set_index("complaint_id")
    assert stored["status"].to_dict() == {"A1": "已办结", "A2": "已办结", "A3": "待办"}
    assert stored["file"].to_dict() == {
        "A1": "台账.xlsx",
        "A2": "台账2.xlsx",
        "A3": "台账2.xlsx",
    }


def test_columns_a_sheet_does_not_have_keep_what_was_known(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [
        ["工单编号", "受理时间", "诉求类别", "满意度"],
        ["A1", "2026-01-03", "停车管理", "满意"],
    ]
    refresh(community, [write_xlsx("回访.xlsx", 回访=rows)])
    first = community.frame("core_complaints").set_index("complaint_id").loc["A1"]
    assert (first["compound_id"], first["text"], first["satisfaction"]) == ("T01", "占道", "满意")


def test_a_row_that_cannot_be_used_is_kept_with_its_reason(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [COMPLAINTS[0], ["A4", "2026-02-30", "停车管理", "甲园", "电话13800000123", "待办"]]
    report = refresh(community, [write_xlsx("二月.xlsx", 二月=rows)])
    assert (report.count("new"), report.count("quarantined")) == (0, 1)
    (row,) = community.frame("quarantine").to_dict("records")
    assert (row["file"], row["sheet"], row["row"], row["table"]) == (
        "二月.xlsx",
        "二月",
        2,
        "complaints",
    )
    assert "B2" in row["problem"]
    assert "2026-02-30" in row["problem"]
    assert "13800000123" not in row["cells"]
    assert json.loads(row["cells"])["工单编号"] == "A4"
    assert "A4" not in set(community.frame("core_complaints")["complaint_id"])
    totals = community.frame("out_totals").set_index("name")["value"]
    assert totals["quarantined"] == 1


def test_a_mended_row_leaves_quarantine_even_under_another_file_name(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    bad = ["A4", "2026-02-30", "停车管理", "甲园", "堵门", "待办"]
    good = ["A4", "2026-02-28", "停车管理", "甲园", "堵门", "待办"]
    refresh(community, [write_xlsx("二月.xlsx", 二月=[COMPLAINTS[0], bad])])
    report = refresh(community, [write_xlsx("二月 改.xlsx", 二月=[COMPLAINTS[0], good])])
    assert report.count("new") == 1
    assert community.frame("quarantine").empty


def test_an_optional_cell_that_is_wrong_is_left_empty_and_named(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [[*COMPLAINTS[0], "办结时间"], [*COMPLAINTS[1], "下周三"]]
    report = refresh(community, [write_xlsx("一月.xlsx", 一月=rows)])
    (issue,) = report.issues
    assert (issue.file, issue.sheet, issue.cell, issue.column, issue.value, issue.severity) == (
        "一月.xlsx",
        "一月",
        "G2",
        "办结时间",
        "下周三",
        "warning",
    )
    assert "应是日期" in issue.problem
    assert community.frame("core_complaints")["closed_at"].isna().all()


def test_registers_come_first_whatever_the_order_of_files(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    complaints = write_xlsx("a投诉.xlsx", 投诉工单=COMPLAINTS)
    compounds = write_xlsx("b小区.xlsx", 小区台账=COMPOUNDS)
    report = refresh(empty_store, [complaints, compounds])
    assert (report.count("new"), report.count("quarantined")) == (4, 0)


def test_a_total_that_contradicts_its_rows_keeps_the_sheet_out(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [*COMPOUNDS[:2], ["T02", "乙院", "老旧", 60, 120], ["合计", "", "", 150, 370]]
    other = [*COMPLAINTS, ["A3", "2026-01-06", "停车管理", "甲园", "堵门", "待办"]]
    report = refresh(community, [write_xlsx("新台账.xlsx", 小区台账=rows, 投诉工单=other)])
    (issue,) = report.issues
    assert (issue.sheet, issue.cell, issue.severity) == ("小区台账", "D4", "error")
    assert "150" in issue.problem
    assert "160" in issue.problem
    compounds = community.frame("core_compounds").set_index("compound_id")
    assert compounds.loc["T02", "household_count"] == 50
    assert len(community.frame("core_complaints")) == 3  # the rest of the refresh went on
    account_for_rows(report)


def test_sums_that_contradict_the_register_are_named(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [
        ["小区", "居民类别", "户数", "人数"],
        ["甲园", "本地居民", 60, 150],
        ["甲园", "租住居民", 41, 100],
    ]
    report = refresh(community, [write_xlsx("人口.xlsx", 人口构成=rows)])
    (issue,) = report.issues
    assert (issue.file, issue.sheet, issue.column, issue.value) == (
        "人口.xlsx",
        "人口构成",
        "户数",
        "101",
    )
    assert "小区台账写的是 100" in issue.problem


def test_published_figures_that_do_not_hold_are_said(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    profile = parse_profile("[published]\nhouseholds = 151\ncompounds = 2")
    report = refresh(empty_store, [write_xlsx("台账.xlsx", 小区台账=COMPOUNDS)], profile)
    assert "总户数现在是 150，已公布的是 151，请核对。" in report.warnings


def test_a_repeated_number_keeps_the_first_row_and_the_second_in_quarantine(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [
        COMPLAINTS[0],
        ["B1", "2026-01-06", "停车管理", "甲园", "堵门", "待办"],
        ["B1", "2026-01-07", "环境卫生", "乙院", "异味", "待办"],
    ]
    report = refresh(community, [write_xlsx("重.xlsx", 重=rows)])
    assert (report.count("new"), report.count("quarantined")) == (1, 1)
    assert "与第 2 行重复" in report.issues[0].problem


def test_files_that_cannot_be_used_each_get_one_sentence_and_the_rest_goes_on(
    community: Store, write_xlsx: WriteXlsx, tmp_path: Path
) -> None:
    picture, blank = tmp_path / "照片.jpg", tmp_path / "空.xlsx"
    picture.write_bytes(b"\xff\xd8\xff\xe0 not a table")
    blank.write_bytes(b"")
    stranger = write_xlsx("菜单.xlsx", 菜单=[["菜名", "价格"], ["回锅肉", 28]])
    lacking = write_xlsx("缺.xlsx", 缺=[["工单编号", "小区", "诉求内容"], ["C1", "甲园", "x"]])
    good = write_xlsx(
        "好.xlsx", 好=[COMPLAINTS[0], ["C2", "2026-01-09", "停车管理", "甲园", "堵", "待办"]]
    )
    report = refresh(community, [picture, blank, stranger, lacking, good])
    said = {issue.file: issue.problem for issue in report.issues}
    assert set(said) == {"照片.jpg", "空.xlsx", "菜单.xlsx", "缺.xlsx"}
    assert "不是能读的表格" in said["照片.jpg"]
    assert "是空的" in said["空.xlsx"]
    assert "没有认得的表头" in said["菜单.xlsx"]
    assert "《投诉工单》" in said["缺.xlsx"]
    assert "“受理时间”" in said["缺.xlsx"]
    assert (report.snapshot is not None, report.count("new")) == (True, 1)


def test_nothing_usable_publishes_nothing(community: Store, tmp_path: Path) -> None:
    before = contents(community)
    blank = tmp_path / "空.csv"
    blank.write_bytes(b"")
    report = refresh(community, [blank])
    assert report.snapshot is None
    assert contents(community) == before


def test_a_preview_changes_nothing_and_says_what_would(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    before = contents(community)
    more = write_xlsx(
        "多.xlsx", 多=[COMPLAINTS[0], ["C2", "2026-01-09", "停车管理", "甲园", "堵", "待办"]]
    )
    report = refresh(community, [more], dry_run=True)
    assert (report.snapshot, report.count("new"), report.is_dry_run) == (None, 1, True)
    assert contents(community) == before


def test_undo_brings_back_the_exact_former_state(community: Store, write_xlsx: WriteXlsx) -> None:
    first, before = community.snapshot(), contents(community)
    rows = [COMPLAINTS[0], ["C2", "2026-02-30", "停车管理", "甲园", "堵", "待办"], COMPLAINTS[2]]
    rows[2] = [*COMPLAINTS[2][:4], "改了", "已办结"]
    refresh(community, [write_xlsx("多.xlsx", 多=rows)])
    assert contents(community) != before
    entry = community.undo("张三")
    assert (entry.what, entry.who, entry.restores) == ("undo", "张三", first)
    assert contents(community) == before


def test_undo_goes_back_refresh_by_refresh_down_to_the_empty_store(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    states = [contents(empty_store)]
    for number in range(2):
        rows = [COMPOUNDS[0], [f"T{number}", f"第{number}园", "商品房", 10 + number, 20]]
        refresh(empty_store, [write_xlsx(f"{number}.xlsx", 台账=rows)])
        states.append(contents(empty_store))
    for state in reversed(states[:-1]):
        empty_store.undo()
        assert contents(empty_store) == state
    with pytest.raises(StoreError, match="没有可以撤销的更新"):
        empty_store.undo()
    assert [e.is_undone for e in empty_store.history() if e.what == "refresh"] == [True] * 2


def test_a_refresh_after_an_undo_stands_on_the_restored_state(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    extra = [COMPLAINTS[0], ["C2", "2026-01-09", "停车管理", "甲园", "堵", "待办"]]
    refresh(community, [write_xlsx("多.xlsx", 多=extra)])
    community.undo()
    report = refresh(community, [write_xlsx("多.xlsx", 多=extra)])
    assert report.count("new") == 1
    assert [e.is_current for e in community.history()] == [True, False, False, False]


def test_a_failure_in_the_middle_leaves_the_former_state(
    community: Store, write_xlsx: WriteXlsx, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(community)

    def fail(*_: object) -> None:
        raise store.duckdb.IOException("disk full")

    monkeypatch.setattr(figures, "_publish_cells", fail)
    extra = [COMPLAINTS[0], ["C2", "2026-01-09", "停车管理", "甲园", "堵", "待办"]]
    with pytest.raises(StoreError, match="仍是原来的状态"):
        refresh(community, [write_xlsx("多.xlsx", 多=extra)])
    assert contents(community) == before


def test_readers_see_the_former_state_until_the_refresh_is_published(
    community: Store, write_xlsx: WriteXlsx, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    reader = Store(community.path, read_only=True)
    publish = figures._publish_cells

    def look(*arguments: object) -> None:
        seen.append(len(reader.frame("core_complaints")))
        publish(*arguments)

    monkeypatch.setattr(figures, "_publish_cells", look)
    extra = [COMPLAINTS[0], ["C2", "2026-01-09", "停车管理", "甲园", "堵", "待办"]]
    refresh(community, [write_xlsx("多.xlsx", 多=extra)])
    seen.append(len(reader.frame("core_complaints")))
    assert seen == [2, 3]


def test_a_second_writer_is_told_who_is_at_it(
    community: Store, write_xlsx: WriteXlsx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.05)
    (community.path / "writer.who").write_text("李四（09:30 开始）", encoding="utf-8")
    with (
        FileLock(community.path / "writer.lock"),
        pytest.raises(StoreBusyError, match=r"李四.*正在更新数据"),
    ):
        refresh(community, [write_xlsx("台账.xlsx", 小区台账=COMPOUNDS)])


def test_two_refreshes_at_once_both_land(community: Store, write_xlsx: WriteXlsx) -> None:
    files = [
        write_xlsx(
            f"{n}.xlsx",
            表=[COMPLAINTS[0], [f"D{n}", "2026-01-09", "停车管理", "甲园", "堵", "待办"]],
        )
        for n in range(2)
    ]
    errors: list[BaseException] = []

    def run(path: Path) -> None:
        try:
            refresh(Store(community.path), [path])
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(path,)) for path in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert set(community.frame("core_complaints")["complaint_id"]) == {"A1", "A2", "D0", "D1"}
    assert len([e for e in community.history() if e.what == "refresh"]) == 3


def test_a_store_of_a_newer_version_is_refused(community: Store) -> None:
    with community._transaction() as cursor:
        cursor.execute("UPDATE lake.settings SET value = '99' WHERE name = 'format'")
        cursor.execute("COMMIT")
    with pytest.raises(StoreError, match="请升级软件"):
        Store(community.path)


@pytest.mark.own_folder
def test_a_folder_of_other_things_is_never_used_as_a_store(tmp_path: Path) -> None:
    (tmp_path / "照片.jpg").write_bytes(b"x")
    with pytest.raises(StoreError, match="不是空文件夹"):
        Store(tmp_path)


def test_a_moved_store_still_opens(community: Store, tmp_path: Path) -> None:
    before = contents(community)
    community.close()
    community.path.rename(tmp_path / "搬家 后's")
    assert contents(Store(tmp_path / "搬家 后's")) == before


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE core_complaints",
        "SELECT 1; SELECT 2",
        "INSERT INTO settings VALUES ('a', 'b')",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM sqlite_scan('other.db', 't')",
        "COPY (SELECT 1) TO 'x.csv'",
        "ATTACH 'other.db'",
        "SELEKT 1",
    ],
)
def test_queries_can_only_read_the_store(community: Store, sql: str) -> None:
    before = contents(community)
    with pytest.raises(StoreError):
        community.query(sql)
    assert contents(community) == before


def test_queries_answer_with_columns_and_rows(community: Store) -> None:
    sql = "SELECT type, households FROM out_compounds ORDER BY households"
    assert community.query(sql) == (["type", "households"], [("老旧", 50), ("商品房", 100)])


def test_personal_columns_never_reach_the_files_of_the_store(
    community: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [
        ["工单编号", "受理时间", "诉求类别", "小区", "诉求人", "联系电话", "录入人姓名", "诉求内容"],
        ["P1", "2026-01-09", "停车管理", "甲园", "欧阳测试", "13900000456", "司马录入",
         "联系电话13700000789，身份证110101199003070134"],
    ]  # fmt: skip
    report = refresh(community, [write_xlsx("带个人信息.xlsx", 表=rows)])
    assert report.sheets[0].masked == 5
    files, root = open_files(community.lake)
    kept = {
        path: files.open_input_file(f"{root}/{path}").read() for path in community.list_stored()
    }
    kept |= {str(path): path.read_bytes() for path in community.path.rglob("*") if path.is_file()}
    assert len(kept) > 10
    for name, content in kept.items():
        for secret in (
            "欧阳测试",
            "13900000456",
            "司马录入",
            "13700000789",
            "110101199003070134",
        ):
            assert secret.encode() not in content, (name, secret)
    text = community.frame("core_complaints").set_index("complaint_id").loc["P1", "text"]
    assert text == "联系电话＊＊＊，身份证＊＊＊"

"""Undo brings back the former state exactly: every table, whatever the refreshes did, also across versions."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from etl.errors import StoreError
from etl.questions import FULL, LIST, Answer, mark_list
from etl.refresh import refresh
from etl.store import CATALOGUE, STORE_FORMAT, TABLE_NAMES, Store
from tests.backends import backend  # noqa: F401
from tests.conftest import WriteXlsx, write_workbook

REGISTER = [
    ["小区编号", "小区名称", "小区类型", "总户数"],
    ["T01", "甲园", "商品房", 100],
    ["T02", "乙院", "老旧", 50],
]
HEAD = ["受理时间", "诉求类别", "小区", "诉求内容"]
ORGANIZATIONS = ["组织编号", "组织名称", "组织类型", "小区", "状态"]


def read_all(store: Store) -> dict[str, pd.DataFrame]:
    """Every table to the last column, in an order of its own."""
    tables = {}
    for name in TABLE_NAMES:
        frame = store.frame(name)
        frame = frame[sorted(frame.columns)].astype(str)
        tables[name] = frame.sort_values(list(frame.columns)).reset_index(drop=True)
    return tables


def require_same(store: Store, before: dict[str, pd.DataFrame]) -> None:
    for name, frame in read_all(store).items():
        pd.testing.assert_frame_equal(frame, before[name], obj=name)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undo")
    store = Store(folder / "store")
    refresh(store, [write_workbook(folder / "台账.xlsx", {"小区台账": REGISTER})])
    store.close()
    return store.path


@pytest.fixture
def store(made_once: Path, copy_store: Callable[[Path], Store]) -> Store:
    return copy_store(made_once)


# -- sequences ----------------------------------------------------------------------------------

ROWS = st.lists(
    st.sampled_from(
        [["2026-01-03", "停车管理", "甲园", "占道"], ["2026-01-04", "停车管理", "乙院", "占道"],
         ["2026-01-05", "环境卫生", "甲园", "垃圾"], ["2026-01-06", "环境卫生", "乙院", "气味"],
         ["没有日期", "停车管理", "甲园", "占道"], ["2026-01-07", "停车管理", "无名府", "占道"]]
    ),
    min_size=1, max_size=5, unique_by=lambda row: row[0],
)  # fmt: skip
STEPS = st.tuples(st.sampled_from(["投诉1月.xlsx", "投诉2月.xlsx"]), ROWS, st.booleans())


@settings(
    max_examples=2, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.lists(STEPS, min_size=2, max_size=2))
def test_undone_step_by_step_every_table_is_what_it_was(
    made_once: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    undo_all(made_once, tmp_path_factory.mktemp("steps"), steps)


@pytest.mark.slow
@pytest.mark.own_folder  # elsewhere the short form will do: this takes minutes
@settings(
    max_examples=8, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.lists(STEPS, min_size=2, max_size=5))
def test_undone_step_by_step_every_table_is_what_it_was_at_length(
    made_once: Path, tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    undo_all(made_once, tmp_path_factory.mktemp("steps"), steps)


def undo_all(made: Path, folder: Path, steps: list[Any]) -> None:
    """Refresh again and again, then undo as often: each time the state in between is back."""
    store = Store(shutil.copytree(made, folder / "store"))
    states = [read_all(store)]
    for name, rows, is_full in steps:
        path = write_workbook(folder / name, {"投诉": [HEAD, *rows]})
        mark = mark_list("complaints", name, "投诉")
        answers = [Answer(LIST, mark, FULL)] if is_full else []
        if refresh(store, [path], answers=answers).snapshot is not None:
            states.append(read_all(store))
    for before in states[-2::-1]:
        store.undo()
        require_same(store, before)
    store.close()


def test_what_was_answered_is_unanswered_again(store: Store, write_xlsx: WriteXlsx) -> None:
    before = read_all(store)
    path = write_xlsx("投诉.xlsx", 投诉=[HEAD, ["2026-01-03", "停车管理", "甲苑子", "占道"]])
    refresh(store, [path], answers=[Answer("name", "甲苑子", "T01")])
    assert store.answers() == [("name", "甲苑子", "T01")]
    store.undo()
    assert store.answers() == []
    require_same(store, before)


def test_a_list_set_apart_is_together_again(store: Store, write_xlsx: WriteXlsx) -> None:
    for day in (3, 4):
        rows = [HEAD, *([f"2026-0{day}-0{d}", "停车管理", "甲园", "占道"] for d in (1, 2, 3))]
        path = write_xlsx("导出.xlsx", 投诉=rows)
        before = read_all(store)
        refresh(store, [path])
    assert store.frame("core_complaints")["file"].nunique() == 2
    store.undo()
    require_same(store, before)
    assert refresh(store, [path]).count("new") == 3


# -- stores of an earlier version ---------------------------------------------------------------


def make_old(path: Path) -> None:
    """Take a store back to format 1, which knew no answers and no certainty."""
    with_tables = Store(path)
    run = with_tables._connection
    run.execute("BEGIN")
    run.execute("DROP TABLE lake.answers")
    run.execute("ALTER TABLE lake.core_complaints DROP COLUMN compound_certainty")
    run.execute("UPDATE lake.settings SET value = '1' WHERE name = 'format'")
    run.execute(
        "CALL lake.set_commit_message('-', 'refresh', extra_info => ?)",
        [json.dumps({"kind": "refresh", "files": ["旧版.xlsx"]})],
    )
    run.execute("COMMIT")
    with_tables.close()


@pytest.fixture
def old(store: Store, write_xlsx: WriteXlsx) -> Path:
    """A store of format 1 with a register and a complaint."""
    refresh(
        store, [write_xlsx("1月.xlsx", 投诉=[HEAD, ["2026-01-03", "停车管理", "甲园", "占道"]])]
    )
    store.close()
    make_old(store.path)
    return store.path


def test_an_old_store_is_brought_up_to_date_when_opened(old: Path, write_xlsx: WriteXlsx) -> None:
    with pytest.raises(StoreError, match="由较早的版本写成.*升级"):
        Store(old, read_only=True)
    store = Store(old)
    entries = store.history()
    assert store.query("SELECT value FROM settings WHERE name = 'format'")[1] == [
        (str(STORE_FORMAT),)
    ]
    assert store.frame("core_complaints")["compound_certainty"].isna().all()
    assert store.answers() == []
    assert len(Store(old, read_only=True).frame("core_complaints")) == 1
    assert Store(old).history() == entries, "once is enough"
    rows = [HEAD, ["2026-02-03", "停车管理", "甲园", "占道"]]
    assert refresh(store, [write_xlsx("2月.xlsx", 投诉=rows)]).count("new") == 1


def test_undo_reaches_behind_the_upgrade(old: Path, write_xlsx: WriteXlsx) -> None:
    store = Store(old)
    before = read_all(store)
    rows = [HEAD, ["2026-02-03", "停车管理", "无名府", "占道"]]
    path = write_xlsx("2月.xlsx", 投诉=rows)
    refresh(store, [path], answers=[Answer("name", "无名府", "T02")])
    assert store.frame("core_complaints")["compound_certainty"].notna().sum() == 1
    store.undo()
    require_same(store, before)
    store.undo()  # the last one of the old version
    store.undo()
    assert store.frame("core_complaints").empty
    assert len(store.frame("core_compounds")) == 2
    again = refresh(store, [path], answers=[Answer("name", "无名府", "T02")])
    assert again.count("new") == 1
    assert Store(old, read_only=True).answers() == [("name", "无名府", "T02")]


@pytest.mark.own_folder
def test_a_store_of_a_newer_version_is_not_touched(store: Store) -> None:
    store._connection.execute(
        "UPDATE lake.settings SET value = ? WHERE name = 'format'", [str(STORE_FORMAT + 1)]
    )
    store.close()
    before = (store.path / CATALOGUE).read_bytes()
    for read_only in (True, False):
        with pytest.raises(StoreError, match="更新的版本"):
            Store(store.path, read_only=read_only)
    assert (store.path / CATALOGUE).read_bytes() == before


def test_what_is_not_kept_is_known_without_looking(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    needs = [["小区", "需求类别", "需求内容"], ["甲园", "停车管理", "多画几个车位"]]
    register = [["小区名称", "小区类型", "总户数"], ["甲园", "商品房", 100]]
    with empty_store.write() as writer:
        assert not writer.holds_any("core_compounds", "core_needs", "out_needs")
    refresh(empty_store, [write_xlsx("台账.xlsx", 台账=register)])
    with empty_store.write() as writer:
        assert writer.holds_any("core_needs", "core_compounds")
        assert not writer.holds_any("core_needs", "out_needs")
    refresh(empty_store, [write_xlsx("需求.xlsx", 需求清单=needs)])
    assert len(empty_store.frame("out_needs")) == 1
    empty_store.undo()
    assert empty_store.frame("out_needs").empty
    with empty_store.write() as writer:
        assert not writer.holds_any("core_needs", "out_needs")


def count_changes(store: Store, table: str) -> int:
    """How many rows the newest snapshot wrote or took out of a table."""
    newest = store.history()[0].snapshot
    sql = "SELECT count(*) FROM lake.table_changes(?, ?, ?)"
    return int(store._connection.execute(sql, [table, newest, newest]).fetchall()[0][0])


def test_a_table_that_stays_as_it_was_is_not_written_again(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    complaints = [HEAD, ["2026-03-01", "停车管理", "甲园", "堵了"]]
    larger = [*REGISTER, ["T03", "丙苑", "商品房", 70]]
    refresh(empty_store, [write_xlsx("台账.xlsx", 台账=REGISTER)])
    assert count_changes(empty_store, "out_core_residents") > 0
    refresh(empty_store, [write_xlsx("投诉.xlsx", 投诉=complaints)])
    assert count_changes(empty_store, "out_core_residents") == 0
    assert count_changes(empty_store, "out_compounds") > 0
    # What undo took back is written again when it comes again.
    book = write_xlsx("台账新.xlsx", 台账=larger)
    for _ in range(2):
        refresh(empty_store, [book])
        assert set(empty_store.frame("out_core_residents")["compound_id"]) >= {"T01", "T02", "T03"}
        empty_store.undo()
        assert "T03" not in set(empty_store.frame("out_core_residents")["compound_id"])

"""Full lists over several sheets, offices that count alike, and what is counted only in part."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from etl import store as store_module
from etl.errors import StoreError
from etl.profile import load_profile
from etl.questions import FULL, Answer, Answers, mark_list
from etl.refresh import refresh
from etl.store import Store
from tests.backends import backend  # noqa: F401
from tests.conftest import WriteXlsx

REGISTER = [
    ["小区编号", "小区名称", "小区类型", "总户数"],
    ["C1", "翠屏家园", "商品房", 100],
    ["C2", "锦绣花园", "商品房", 100],
    ["C3", "望江苑", "商品房", 100],
]
HEADER = ["工单编号", "受理时间", "诉求类别", "小区名称", "诉求内容"]


def row(number: str, day: object = "2026-01-05", compound: str = "翠屏家园") -> list[Any]:
    return [number, day, "停车管理", compound, f"第{number}件"]


@pytest.fixture
def office(empty_store: Store, write_xlsx: WriteXlsx) -> Store:
    refresh(empty_store, [write_xlsx("台账.xlsx", 小区台账=REGISTER)])
    return empty_store


def numbers(store: Store) -> set[str]:
    return set(store.frame("core_complaints")["complaint_id"])


def full(name: str, sheet: str) -> Answer:
    return Answer("list", mark_list("complaints", name, sheet), FULL)


def test_a_full_list_of_monthly_sheets_keeps_what_stands_on_any_of_them(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    first = [row("a1"), row("a2")]
    second = [row("b1", "2026-02-01"), row("b2", "2026-02-02")]
    refresh(
        office, [write_xlsx("投诉.xlsx", **{"1月": [HEADER, *first], "2月": [HEADER, *second]})]
    )
    shorter = write_xlsx("投诉.xlsx", **{"1月": [HEADER, *first], "2月": [HEADER, second[0]]})
    asked = refresh(office, [shorter], dry_run=True)
    assert [q.text for q in asked.questions if q.kind == "list"] == [
        "《投诉工单》里原有 1 行不在这张表上。这张表是完整名单，还是只有新增？"
    ]
    report = refresh(office, [shorter], answers=[full("投诉.xlsx", "1月")])
    assert numbers(office) == {"a1", "a2", "b1"}
    assert report.count("gone") == 1


def test_a_row_that_is_on_the_list_but_refused_does_not_go(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(office, [write_xlsx("投诉.xlsx", 投诉=[HEADER, row("g0"), row("g1")])])
    misspelt = write_xlsx("投诉.xlsx", 投诉=[HEADER, row("g0", "不详"), row("g1")])
    report = refresh(office, [misspelt], answers=[full("投诉.xlsx", "投诉")])
    assert (report.count("quarantined"), report.count("gone")) == (1, 0)
    assert numbers(office) == {"g0", "g1"}


def test_another_offices_number_does_not_mend_a_row_in_quarantine(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(office, [write_xlsx("甲办.xlsx", 投诉=[HEADER, row("1", compound="没有的小区")])])
    refresh(office, [write_xlsx("乙办.xlsx", 投诉=[HEADER, row("1", "2026-03-01")])])
    assert office.frame("quarantine")["file"].tolist() == ["甲办.xlsx"]
    refresh(office, [write_xlsx("甲办.xlsx", 投诉=[HEADER, row("2")])])
    assert numbers(office) == {"1", "2"}


def test_a_compound_that_a_full_register_drops_is_said_and_its_complaints_are_unplaced(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [row("1"), row("2", compound="望江苑"), row("3", compound="望江苑")]
    refresh(office, [write_xlsx("投诉.xlsx", 投诉=[HEADER, *rows])])
    answer = Answer("list", mark_list("compounds", "台账.xlsx", "小区台账"), FULL)
    report = refresh(office, [write_xlsx("台账.xlsx", 小区台账=REGISTER[:-1])], answers=[answer])
    assert any("1 个小区（C3）已去掉" in warning for warning in report.warnings)
    totals = office.frame("out_totals").set_index("name")["value"]
    counted = office.frame("out_compounds")["complaint_count"].sum()
    assert (totals["complaints"], totals["complaints_unplaced"], counted) == (3, 2, 1)


def test_ids_that_a_register_gives_later_are_adopted(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    nameless = [line[1:] for line in REGISTER]
    refresh(empty_store, [write_xlsx("台账.xlsx", 小区台账=nameless)])
    report = refresh(empty_store, [write_xlsx("台账.xlsx", 小区台账=REGISTER)])
    assert report.snapshot is not None
    assert set(empty_store.frame("core_compounds")["compound_id"]) == {"C1", "C2", "C3"}


def test_a_default_geocode_that_grows_is_found_as_in_one_go(
    office: Store, write_xlsx: WriteXlsx, tmp_path: Any
) -> None:
    header = [*HEADER[:3], "诉求内容", "经度", "纬度"]

    def book(name: str, first: int, count: int, place: tuple[float, float]) -> Any:
        lines = [
            [f"{name}{i}", "2026-01-05", "停车管理", f"{name}第{i}件", *place]
            for i in range(first, first + count)
        ]
        return write_xlsx(f"{name}.xlsx", 投诉=[header, *lines])

    books = [
        book("甲", 0, 200, (104.12345, 30.65432)),
        book("乙", 0, 25, (104.13345, 30.66432)),
        book("丙", 0, 100, (104.12345, 30.65432)),
    ]
    for path in books:
        refresh(office, [path])
    whole = Store(tmp_path / "whole")
    refresh(whole, [write_xlsx("台账.xlsx", 小区台账=REGISTER), *books])
    pd.testing.assert_frame_equal(office.frame("out_geocodes"), whole.frame("out_geocodes"))
    assert len(whole.frame("out_geocodes")) == 1


def test_numbers_and_names_in_cells_and_headers_are_masked_wherever_they_go(
    office: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [[*HEADER, "备用", "值班13912345678"], [*row("1"), 13812345684, "在"], row("2", "不详")]
    rows[2] += [13812345684, "在"]
    report = refresh(office, [write_xlsx("投诉.xlsx", 投诉=rows)])
    stored = "".join(
        office.frame(name).to_csv() for name in ("raw_rows", "quarantine", "files", "issues")
    )
    for told in (stored, repr(report.as_dict())):
        for secret in ("13812345684", "1.3812345684", "3812345684", "13912345678"):
            assert secret not in told


def test_answers_that_no_longer_make_sense_are_passed_over() -> None:
    profile = load_profile()
    given = [
        Answer("sheet", "mark", "gone_table"),
        Answer("column", "complaints/编码", "no_such"),
        Answer("column", "编码", "x"),
        Answer("column", "complaints/来路", "channel"),
    ]
    applied = Answers(given).apply(profile)
    assert applied.heads == {}
    assert applied.columns["complaints"] == {"来路": "channel"}


@pytest.mark.own_folder
def test_a_disk_without_locks_is_said(
    office: Store, write_xlsx: WriteXlsx, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("FileSystem does not appear to support flock")

    monkeypatch.setattr(store_module.FileLock, "acquire", refuse)
    with pytest.raises(StoreError, match="不支持文件锁"):
        refresh(office, [write_xlsx("投诉.xlsx", 投诉=[HEADER, row("1")])])
    assert numbers(office) == set()

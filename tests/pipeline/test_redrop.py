"""Sheets dropped again, corrected, renumbered or renamed: nothing doubled, nothing swallowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from shapely import Point

from etl.profile import parse_profile
from etl.refresh import refresh
from etl.store import Store
from geo.crs import Datum, convert
from tests.backends import backend  # noqa: F401
from tests.conftest import WriteXlsx, write_workbook

COMPOUNDS = [
    ["小区编号", "小区名称", "小区类型", "总户数"],
    ["T01", "甲园", "商品房", 100],
    ["T02", "乙院", "老旧", 50],
]
NUMBERED = ["编号", "受理时间", "诉求类别", "小区", "诉求内容"]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("register")
    made = Store(folder / "store")
    refresh(made, [write_workbook(folder / "台账.xlsx", {"小区台账": COMPOUNDS})])
    made.close()
    return made.path


@pytest.fixture
def store(made_once: Path, copy_store: Callable[[Path], Store]) -> Store:
    return copy_store(made_once)


def test_numbers_that_start_again_in_each_file_do_not_overwrite(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    january = [NUMBERED, [1, "2026-01-03", "停车管理", "甲园", "占道"]]
    february = [NUMBERED, [1, "2026-02-03", "环境卫生", "乙院", "垃圾"]]
    refresh(store, [write_xlsx("1月.xlsx", 投诉=january)])
    report = refresh(store, [write_xlsx("2月.xlsx", 投诉=february)])
    assert (report.count("changed"), report.count("quarantined")) == (0, 1)
    assert "已用于另一件" in report.issues[0].problem
    assert report.issues[0].cell == "A2"
    (row,) = store.frame("core_complaints").to_dict("records")
    assert row["text"] == "占道"
    assert len(store.frame("quarantine")) == 1


def test_the_same_complaint_in_another_export_is_brought_up_to_date(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(
        store,
        [write_xlsx("1月.xlsx", 投诉=[NUMBERED, ["G1", "2026-01-03", "停车管理", "甲园", "占道"]])],
    )
    later = [
        [*NUMBERED, "办理状态"],
        ["G1", "2026-01-03 09:30", "停车管理", "甲园", "占道", "办结"],
    ]
    report = refresh(store, [write_xlsx("全年.xlsx", 投诉=later)])
    assert (report.count("changed"), report.count("quarantined")) == (1, 0)


def test_a_corrected_row_without_id_takes_the_place_of_the_former(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [NUMBERED[1:], *([f"2026-01-0{d}", "停车管理", "甲园", f"第{d}件"] for d in range(1, 5))]
    refresh(store, [write_xlsx("投诉.xlsx", 投诉=rows)])
    rows[2] = ["2026-01-02", "停车管理", "甲园", "第二件改过"]
    report = refresh(store, [write_xlsx("投诉.xlsx", 投诉=rows)])
    assert report.count("new") == 1
    assert sorted(store.frame("core_complaints")["text"]) == [
        "第1件",
        "第3件",
        "第4件",
        "第二件改过",
    ]
    assert any("没有的 1 行已按新表去掉" in warning for warning in report.warnings)


def test_another_list_under_the_same_name_takes_nothing_away(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    for month in (1, 2):
        rows = [
            NUMBERED[1:],
            *([f"2026-0{month}-0{d}", "停车管理", "甲园", "占道"] for d in (1, 2)),
        ]
        refresh(store, [write_xlsx("导出.xlsx", 投诉=rows)])
    assert len(store.frame("core_complaints")) == 4


def test_people_alike_on_two_lists_are_different_people(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [["小区", "角色", "年龄段"], ["甲园", "楼栋长", "60岁及以上"]]
    refresh(store, [write_xlsx("一.xlsx", 居民骨干=rows), write_xlsx("二.xlsx", 居民骨干=rows)])
    assert len(store.frame("core_core_residents")) == 2
    assert refresh(store, [write_xlsx("一.xlsx", 居民骨干=rows)]).snapshot is None


def test_a_register_that_gives_ids_later_renames_and_does_not_double(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(empty_store, [write_xlsx("台账.xlsx", 小区台账=[row[1:] for row in COMPOUNDS])])
    rows = [NUMBERED, ["G1", "2026-01-03", "停车管理", "甲园", "占道"]]
    refresh(empty_store, [write_xlsx("投诉.xlsx", 投诉=rows)])
    refresh(empty_store, [write_xlsx("新台账.xlsx", 小区台账=COMPOUNDS)])
    compounds = empty_store.frame("out_compounds").set_index("compound_id")
    assert compounds.index.tolist() == ["T01", "T02"]
    assert compounds.loc["T01", "complaint_count"] == 1
    # And back: a list without ids goes by those that are known.
    again = refresh(empty_store, [write_xlsx("旧式.xlsx", 小区台账=[row[1:] for row in COMPOUNDS])])
    assert (again.count("new"), again.count("unchanged")) == (0, 2)


def test_a_slip_in_one_date_does_not_move_the_window(store: Store, write_xlsx: WriteXlsx) -> None:
    rows = [NUMBERED]
    rows += [[f"G{m}", f"2026-{m:02}-28", "停车管理", "甲园", "占道"] for m in range(1, 13)]
    rows += [
        ["S1", "2052-01-03", "停车管理", "甲园", "占道"],
        ["S2", "1925-06-03", "停车管理", "甲园", "占道"],
    ]
    rows[12][1] = "2026-12-31"
    refresh(store, [write_xlsx("投诉.xlsx", 投诉=rows)])
    first = store.frame("out_compounds").set_index("compound_id").loc["T01"]
    assert (first["complaint_count"], first["window_count"]) == (14, 12)
    assert f"{first['window_from']:%Y-%m} {first['window_to']:%Y-%m}" == "2026-01 2026-12"
    assert not first["is_past_high"]


def test_a_repeated_number_dropped_again_publishes_nothing(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [NUMBERED, *(["G1", f"2026-01-0{d}", "停车管理", "甲园", "占道"] for d in (3, 4))]
    path = write_xlsx("重.xlsx", 投诉=rows)
    assert refresh(store, [path]).snapshot is not None
    assert refresh(store, [path]).snapshot is None
    assert len(store.frame("quarantine")) == 1


def test_other_settings_are_taken_over_though_no_cell_changed(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    profile = parse_profile('name = "新名"\n[published]\nhouseholds = 150')
    path = write_xlsx("台账.xlsx", 小区台账=COMPOUNDS)
    assert refresh(store, [path], profile).snapshot is not None
    assert store.profile_text() == profile.text
    totals = store.frame("out_totals").set_index("name")
    assert totals.loc["households", "published"] == 150
    assert refresh(store, [path]).snapshot is None


def test_sums_against_the_register_are_kept_with_their_cell(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [["小区", "居民类别", "户数"], ["甲园", "本地居民", 60], ["甲园", "租住居民", 41]]
    path = write_xlsx("人口.xlsx", 人口构成=rows)
    for _ in range(2):
        (issue,) = refresh(store, [path]).issues
        assert (issue.cell, issue.value) == ("C2", "101")
    assert store.frame("issues")["problem"].str.contains("小区台账写的是 100").sum() == 1


def test_a_sheet_without_compounds_does_not_blank_those_that_are_known(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(
        store,
        [write_xlsx("一.xlsx", 投诉=[NUMBERED, ["G1", "2026-01-03", "停车管理", "甲园", "占道"]])],
    )
    rows = [["编号", "受理时间", "诉求类别", "地址"], ["G1", "2026-01-03", "停车管理", "某路1号"]]
    refresh(store, [write_xlsx("二.xlsx", 投诉=rows)])
    (row,) = store.frame("core_complaints").to_dict("records")
    assert (row["compound_id"], row["compound_by"], row["address"]) == ("T01", "name", "某路1号")


def test_a_layer_without_one_usable_shape_is_said(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "点.gpkg"
    shapes = gpd.GeoDataFrame({"name": ["甲园"]}, geometry=[Point(104, 30)], crs="EPSG:4326")
    shapes.to_file(path, layer="compounds")
    report = refresh(store, [path])
    assert [sheet.rows_quarantined for sheet in report.sheets] == [1]
    assert "不是面" in report.issues[0].problem


def test_words_that_look_like_a_signature_are_data_in_a_full_row(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [
        ["诉求内容", "受理时间", "诉求类别", "小区"],
        ["说明：楼下停车乱", "2026-01-03", "停车管理", "甲园"],
        ["注意消防通道：被堵住了", "2026-01-04", "消防安全", "乙院"],
        ["填表人：某某", "", "审核：某某", ""],
    ]
    report = refresh(store, [write_xlsx("投诉.xlsx", 投诉=rows)])
    assert (report.count("new"), report.count("recognised")) == (2, 1)


def test_rows_pushed_down_are_followed_to_where_they_stand(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    first = ["G1", "2026-01-03", "停车管理", "甲园", "占道"]
    second = ["G2", "2026-01-04", "环境卫生", "乙院", "垃圾"]
    above = ["G3", "2026-01-05", "停车管理", "甲园", "堵门"]
    refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED, first, second])])
    report = refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED, above, first, second])])
    assert (report.count("new"), report.count("changed"), report.count("unchanged")) == (1, 0, 2)
    told = store.query(
        "SELECT c.complaint_id, c.row, r.cells FROM core_complaints c JOIN raw_rows r "
        "USING (file, sheet, row, snapshot) ORDER BY c.row"
    )[1]
    assert [(key, row) for key, row, _ in told] == [("G3", 2), ("G1", 3), ("G2", 4)]
    assert all(f'"编号":"{key}"' in cells for key, _, cells in told)
    assert len(store.frame("raw_rows").query("file == '1月.xlsx'")) == 3


def test_a_row_that_left_its_sheet_keeps_what_it_said(store: Store, write_xlsx: WriteXlsx) -> None:
    rows = [["G1", "2026-01-03", "停车管理", "甲园", "占道"],
            ["G2", "2026-01-04", "环境卫生", "乙院", "垃圾"],
            ["G3", "2026-01-05", "停车管理", "甲园", "堵门"]]  # fmt: skip
    refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED, *rows])])
    refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED, *rows[1:]])])
    told = store.query(
        "SELECT c.complaint_id, c.row, r.cells FROM core_complaints c JOIN raw_rows r "
        "USING (file, sheet, row, snapshot) ORDER BY c.complaint_id"
    )[1]
    assert [(key, row) for key, row, _ in told] == [("G1", 2), ("G2", 2), ("G3", 3)]
    assert all(f'"编号":"{key}"' in cells for key, _, cells in told)


def test_a_corrected_address_takes_the_compound_of_the_earlier_one_away(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    longer = [COMPOUNDS[0], ["T03", "翠屏家园", "商品房", 80], ["T04", "荷花新苑", "商品房", 90]]
    refresh(store, [write_xlsx("台账2.xlsx", 小区台账=longer)])
    head = ["编号", "受理时间", "诉求类别", "地址", "诉求内容"]
    for address, compound in (("翠屏家园东门", "T03"), ("人民路口", None), ("荷花新苑外", "T04")):
        row = ["G1", "2026-01-03", "停车管理", address, "占道"]
        refresh(store, [write_xlsx("1月.xlsx", 投诉=[head, row])])
        (told,) = store.query("SELECT compound_id FROM core_complaints")[1]
        assert told == (compound,)


def test_an_empty_column_of_ids_is_as_good_as_none(store: Store, write_xlsx: WriteXlsx) -> None:
    rows = [["", f"2026-01-0{day}", "停车管理", "甲园", "占道"] for day in range(1, 5)]
    refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED, *rows])])
    rows[2][4] = "占消防道"
    refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED, *rows])])
    texts = [text for (text,) in store.query("SELECT text FROM core_complaints ORDER BY row")[1]]
    assert texts == ["占道", "占道", "占消防道", "占道"]


def test_rows_alike_without_ids_are_said_by_what_they_say(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    row = ["2026-01-03", "停车管理", "甲园", "占道"]
    report = refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED[1:], row, row])])
    (issue,) = report.issues
    assert "受理时间、小区、" in issue.problem
    assert "编号" not in issue.problem


def test_a_datum_found_out_once_holds_for_the_few_rows_of_next_month(
    store: Store, write_xlsx: WriteXlsx, tmp_path: Path
) -> None:
    square = shapely.box(104.180, 30.810, 104.184, 30.814)
    outline = gpd.GeoDataFrame({"小区编号": ["T01"]}, geometry=[square], crs="EPSG:4326")
    outline.to_file(tmp_path / "边界.geojson")
    head = [*NUMBERED, "经度", "纬度"]

    def written(number: int, month: int) -> list[Any]:
        lon, lat = 104.1805 + number % 6 / 2000, 30.8105 + number // 6 / 2000
        x, y = convert([lon], [lat], Datum.WGS84, Datum.BD09)
        day = f"2026-{month:02d}-03"
        return [f"G{month}-{number}", day, "停车管理", "甲园", "占道", float(x[0]), float(y[0])]

    profile = parse_profile('datum = "auto"')
    january = write_xlsx("1月.xlsx", 投诉=[head, *(written(n, 1) for n in range(30))])
    refresh(store, [tmp_path / "边界.geojson", january], profile)
    february = write_xlsx("2月.xlsx", 投诉=[head, written(8, 2)])
    report = refresh(store, [february], profile)
    assert any("沿用上次认出的 BD-09" in warning for warning in report.warnings)
    where = "SELECT lon, lat FROM core_complaints WHERE complaint_id = "
    (place,) = store.query(f"{where}'G2-8'")[1]
    assert place == pytest.approx((104.1815, 30.811), abs=1e-6)
    # Points that lie where they should as they are speak against what is remembered.
    plain = [*written(1, 3)[:5], 104.1815, 30.811]
    report = refresh(store, [write_xlsx("3月.xlsx", 投诉=[head, plain])], profile)
    assert any("上次认出的是 BD-09，这次的点却不合" in warning for warning in report.warnings)
    assert store.query(f"{where}'G3-1'")[1] == [(104.1815, 30.811)]


def test_a_complaint_on_two_months_sheets_is_what_the_later_says_and_settles(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    head = [*NUMBERED, "办理状态"]
    open_, closed = (
        ["G1", "2026-01-03", "停车管理", "甲园", "占道", state] for state in ("处理中", "已办结")
    )
    other = ["G2", "2026-01-04", "停车管理", "甲园", "堵门", "已办结"]
    files = [
        write_xlsx("1月.xlsx", 投诉=[head, other, open_]),
        write_xlsx("2月.xlsx", 投诉=[head, closed]),
    ]
    report = refresh(store, files)
    assert (report.count("new"), report.count("unchanged")) == (2, 1)
    told = "SELECT complaint_id, status, file FROM core_complaints ORDER BY 1"
    landed = [("G1", "已办结", "2月.xlsx"), ("G2", "已办结", "1月.xlsx")]
    assert store.query(told)[1] == landed
    assert refresh(store, files).snapshot is None
    assert refresh(store, files[::-1]).count("changed") == 1
    assert store.query(told)[1][0][1] == "处理中"


def test_what_only_the_earlier_of_two_sheets_says_is_kept(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    row = ["G1", "2026-01-03", "停车管理", "甲园", "占道"]
    files = [
        write_xlsx("1月.xlsx", 投诉=[[*NUMBERED, "地址"], [*row, "东门"]]),
        write_xlsx("2月.xlsx", 投诉=[NUMBERED, [*row[:4], "占消防道"]]),
    ]
    refresh(store, files)
    told = store.query("SELECT text, address FROM core_complaints")[1]
    assert told == [("占消防道", "东门")]


def test_sheets_of_one_file_that_each_count_from_one_do_not_overwrite(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    august = [[n, f"2026-08-0{n}", "停车管理", "甲园", f"八{n}"] for n in (1, 2)]
    september = [[n, f"2026-09-0{n}", "环境卫生", "乙院", f"九{n}"] for n in (1, 2)]
    book = write_xlsx("台账.xlsx", 八月=[NUMBERED, *august], 九月=[NUMBERED, *september])
    report = refresh(store, [book])
    assert (report.count("new"), report.count("quarantined")) == (2, 2)
    assert all("已用于另一件" in issue.problem for issue in report.issues)
    assert set(store.frame("core_complaints")["text"]) == {"八1", "八2"}
    assert refresh(store, [book]).snapshot is None


def test_an_address_does_not_speak_against_a_name(store: Store, write_xlsx: WriteXlsx) -> None:
    longer = [COMPOUNDS[0], ["T03", "翠屏家园", "商品房", 80]]
    refresh(store, [write_xlsx("台账2.xlsx", 小区台账=longer)])
    head = ["编号", "受理时间", "诉求类别", "地址", "诉求内容"]
    row = ["G1", "2026-01-03", "停车管理"]
    files = [
        write_xlsx("1月.xlsx", 投诉=[NUMBERED, [*row, "甲园", "占道"]]),
        write_xlsx("2月.xlsx", 投诉=[head, [*row, "翠屏家园东门", "占道"]]),
    ]
    refresh(store, files)
    told = store.query("SELECT compound_id, compound_by, address FROM core_complaints")[1]
    assert told == [("T01", "name", "翠屏家园东门")]
    assert refresh(store, files).snapshot is None


def test_a_corrected_row_without_id_among_rows_with_ids_does_not_double(
    store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [["", "2026-01-03", "停车管理", "甲园", "占道"],
            ["", "2026-01-04", "停车管理", "甲园", "堵门"],
            ["X2", "2026-01-05", "停车管理", "甲园", "鸣笛"]]  # fmt: skip
    refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED, *rows])])
    rows[0][4] = "占消防道"
    refresh(store, [write_xlsx("1月.xlsx", 投诉=[NUMBERED, *rows])])
    assert sorted(store.frame("core_complaints")["text"]) == ["占消防道", "堵门", "鸣笛"]

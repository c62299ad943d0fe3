"""Forms as three departments draw them, filled from the sample; every value checked by SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import Border, Font, PatternFill, Side
from openpyxl.worksheet.worksheet import Worksheet

from etl.cli import main
from etl.errors import FileError
from etl.fill import AUTHOR, NOTES_SHEET, Filled, fill_form
from etl.profile import Profile, load_profile, parse_profile
from etl.refresh import refresh
from etl.store import Store

OCTOBER = date(2026, 10, 1)
SOLID = Border(*[Side(style="thin")] * 4)


@pytest.fixture(scope="module")
def store(sample_store: Path) -> Iterator[Store]:
    opened = Store(sample_store, read_only=True)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def profile(store: Store) -> Profile:
    return parse_profile(store.profile_text() or "")


def draw(
    path: Path,
    rows: Sequence[Sequence[Any]],
    merged: Sequence[str] = (),
    title: str = "Sheet",
    framed: str = "",
) -> Path:
    """A form with these cells."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            sheet.cell(number, column, value)
    for area in merged:
        sheet.merge_cells(area)
    for line in sheet[framed] if framed else ():
        for cell in line:
            cell.border = SOLID
    book.save(path)
    return path


def opened(filled: Filled) -> Worksheet:
    assert filled.path is not None
    return load_workbook(filled.path).worksheets[0]


def one(store: Store, sql: str) -> Any:
    return store.query(sql)[1][0][0]


def reasons(filled: Filled) -> dict[str, str]:
    return {left.label: left.reason for left in filled.left}


def complaints(store: Store, where: str) -> int:
    return int(one(store, f"SELECT count(*) FROM core_complaints WHERE {where}"))


# -- civil affairs: a list with empty rows -------------------------------------------------------

COURTYARDS = [
    ["老旧院落基本情况统计表"],
    ["填报单位：____  填报日期：____"],
    ["序号", "院落名称", "总户数（户）", "常住人口", "60岁以上人数", "建成年份", "低保户数", "负责人",
     "联系电话"],
    *[[None] * 9 for _ in range(7)],
    ["合计"],
    ["填表人：", None, "联系电话："],
]  # fmt: skip


@pytest.fixture
def courtyards(tmp_path: Path, store: Store, profile: Profile) -> Filled:
    form = draw(tmp_path / "民政.xlsx", COURTYARDS, ["A1:I1", "A2:I2"], framed="A3:I11")
    return fill_form(store, form, profile)


def test_a_list_gets_a_row_for_each_compound_that_its_title_means(
    courtyards: Filled, store: Store
) -> None:
    sheet = opened(courtyards)
    columns = "name, household_count, resident_count, elderly_count, built_year"
    _, known = store.query(
        f"SELECT {columns} FROM core_compounds WHERE type = '老旧' ORDER BY compound_id"
    )
    assert len(known) == 6
    found = [tuple(sheet.cell(row, column).value for column in range(2, 7)) for row in range(4, 10)]
    assert found == known
    assert [sheet.cell(row, 1).value for row in range(4, 11)] == [1, 2, 3, 4, 5, 6, None]
    assert sheet["B10"].value is None


def test_the_sum_of_a_list_is_that_of_its_rows(courtyards: Filled, store: Store) -> None:
    sheet = opened(courtyards)
    for cell, column in (("C11", "household_count"), ("D11", "resident_count")):
        sql = f"SELECT sum({column}) FROM core_compounds WHERE type = '老旧'"
        assert sheet[cell].value == one(store, sql)
    assert sheet["F11"].value is None
    assert "建成年份" not in reasons(courtyards)


def test_what_is_not_known_and_what_is_personal_stays_empty_and_is_listed(
    courtyards: Filled,
) -> None:
    sheet = opened(courtyards)
    for column in (7, 8, 9):
        assert all(sheet.cell(row, column).value is None for row in range(4, 12))
    said = {left.label: (left.cell, left.reason) for left in courtyards.left}
    assert said["低保户数"] == ("G4:G11", "“低保户数”库里没有这一项")
    assert said["负责人"][1] == "“负责人”是个人信息，不代填"
    assert "个人信息" in said["联系电话"][1]
    assert said["填表人"][1] == "“填表人”请手工填写"
    assert sheet["A2"].value == "填报单位：T社区  填报日期：____"


def test_every_filled_cell_says_where_its_value_comes_from(
    courtyards: Filled, store: Store
) -> None:
    sheet = opened(courtyards)
    for cell in courtyards.filled:
        comment = sheet[cell.cell].comment
        assert comment is not None, cell
        assert comment.author == AUTHOR
    assert "《小区台账.xlsx》小区台账 第" in sheet["C4"].comment.text
    assert f"快照 {store.snapshot()}，" in sheet["C4"].comment.text
    assert "之和" in sheet["C11"].comment.text


def test_the_last_sheet_lists_what_was_filled_and_left(courtyards: Filled) -> None:
    assert courtyards.path is not None
    notes = load_workbook(courtyards.path)[NOTES_SHEET]
    lines = [tuple(cell.value for cell in row) for row in notes.iter_rows()]
    for left in courtyards.left:
        assert (left.sheet, left.cell, left.label, left.reason) in [line[:4] for line in lines]
    assert sum(line[0] == "Sheet" for line in lines) == len(courtyards.filled) + len(
        courtyards.left
    )


def test_a_list_without_room_is_not_filled_by_half(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    rows = [["小区名称", "总户数"], *[[None, None]] * 3, ["填表人：", "刘某"]]
    filled = fill_form(store, draw(tmp_path / "短.xlsx", rows), profile)
    assert (filled.path, filled.filled) == (None, [])
    (left,) = filled.left
    assert left.reason == "要填 16 行，表里只有 3 行空行；请先加 13 行再填"


def test_a_list_that_nothing_follows_may_grow(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    form = draw(
        tmp_path / "名录.xlsx", [["组织名称", "组织类型", "所在小区", "运行状态"]], title="业委会"
    )
    sheet = opened(fill_form(store, form, profile))
    _, known = store.query(
        "SELECT o.name, '业委会', c.name, o.state FROM core_organizations o "
        "JOIN core_compounds c USING (compound_id) WHERE kind = 'owners_committee' "
        "ORDER BY o.file, o.sheet, o.row"
    )
    found = [tuple(cell.value for cell in row) for row in sheet.iter_rows(min_row=2)]
    assert found == known


# -- street office: a cross table by month -------------------------------------------------------

MONTHLY = [
    ["2026年10月投诉情况统计表"],
    ["项目", "单位", "本月", "上月", "环比", "去年同月", "本年累计"],
    ["投诉总数", "件"],
    ["其中：停车类投诉", "件"],
    ["环境卫生", "件"],
    ["未办结数", "件"],
    ["办结率", "%"],
    ["总户数", "户"],
    ["信访件数", "件"],
]


@pytest.fixture
def monthly(tmp_path: Path, store: Store, profile: Profile) -> Filled:
    return fill_form(store, draw(tmp_path / "街道.xlsx", MONTHLY, ["A1:G1"]), profile)


@pytest.mark.parametrize(
    ("row", "where"),
    [
        (3, "true"),
        (4, "category = '停车管理'"),
        (5, "category = '环境卫生'"),
        (6, "closed_at IS NULL AND status IN ('待办', '处理中')"),
    ],
)
def test_a_cross_table_by_month(monthly: Filled, store: Store, row: int, where: str) -> None:
    sheet = opened(monthly)
    month = "date_trunc('month', reported_at)::DATE"
    now = complaints(store, f"{where} AND {month} = '2026-10-01'")
    before = complaints(store, f"{where} AND {month} = '2026-09-01'")
    assert sheet.cell(row, 3).value == now
    assert sheet.cell(row, 4).value == before
    assert sheet.cell(row, 6).value == complaints(store, f"{where} AND {month} = '2025-10-01'")
    assert sheet.cell(row, 7).value == complaints(store, f"{where} AND year(reported_at) = 2026")
    comment = sheet.cell(row, 3).comment
    assert comment is not None
    assert "2026年10月" in comment.text
    assert "3 行未入库" in comment.text
    if before:
        assert sheet.cell(row, 5).value == pytest.approx((now - before) / before, abs=1e-3)
        assert sheet.cell(row, 5).number_format == "0.0%"


def test_a_rate_is_given_in_the_unit_of_the_row(monthly: Filled, store: Store) -> None:
    month = "date_trunc('month', reported_at)::DATE = '2026-10-01'"
    ended = "(status = '已办结' OR closed_at IS NOT NULL) AND status <> '无法办理'"
    done = complaints(store, f"{month} AND {ended}")
    share = 100 * done / complaints(store, month)
    assert opened(monthly)["C7"].value == pytest.approx(share, abs=0.01)


def test_a_figure_without_time_is_not_given_by_month(monthly: Filled) -> None:
    sheet = opened(monthly)
    assert [sheet.cell(8, column).value for column in range(3, 8)] == [None] * 5
    assert "只有现状" in reasons(monthly)["总户数·本月"]
    assert reasons(monthly)["信访件数"] == "“信访件数”库里没有这一项"


def test_without_a_month_this_month_is_asked_for(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    rows = [["投诉统计"], ["项目", "本月", "3月"], ["投诉总数"]]
    form = draw(tmp_path / "月.xlsx", rows, ["A1:C1"])
    filled = fill_form(store, form, profile)
    assert filled.filled == []
    assert [left for left in filled.left if "--month" not in left.reason] == []
    sheet = opened(fill_form(store, form, profile, month=date(2026, 10, 15)))
    month = "date_trunc('month', reported_at)::DATE"
    assert sheet["B3"].value == complaints(store, f"{month} = '2026-10-01'")
    assert sheet["C3"].value == complaints(store, f"{month} = '2026-03-01'")


def test_a_month_that_the_store_does_not_have_is_not_zero(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    form = draw(tmp_path / "月.xlsx", [["项目", "2025年3月", "2026年3月"], ["投诉总数"]])
    filled = fill_form(store, form, profile)
    assert len(filled.filled) == 1
    (left,) = filled.left
    assert left.cell == "B2"
    assert "库里没有2025年3月的《投诉工单》" in left.reason


# -- property regulator: merged headers, named rows ----------------------------------------------

REGULATOR = [
    ["住宅小区物业管理情况表（2026年10月）"],
    ["小区名称", "基本情况", None, "组织建设", None, "投诉情况", None, "备案户数（含租户）"],
    [None, "总户数", "建筑面积（万平方米）", "有无业委会", "党组织数量", "投诉总数", "物业类投诉"],
    ["翠屏家园"],
    ["Q院"],
    ["不存在苑"],
]
REGULATOR_MERGED = ["A1:H1", "A2:A3", "B2:C2", "D2:E2", "F2:G2", "H2:H3"]


@pytest.fixture
def regulator(tmp_path: Path, store: Store, profile: Profile) -> Filled:
    form = draw(tmp_path / "房管.xlsx", REGULATOR, REGULATOR_MERGED)
    return fill_form(store, form, profile)


def test_merged_headers_over_named_rows(regulator: Filled, store: Store) -> None:
    sheet = opened(regulator)
    month = "date_trunc('month', reported_at)::DATE = '2026-10-01'"
    for row, compound in ((4, "T01"), (5, "T14")):
        here = f"compound_id = '{compound}'"
        register = f"FROM core_compounds WHERE {here}"
        assert sheet.cell(row, 2).value == one(store, f"SELECT household_count {register}")
        area = one(store, f"SELECT floor_area_m2 / 10000 {register}")
        assert sheet.cell(row, 3).value == pytest.approx(area, abs=1e-4)
        assert sheet.cell(row, 5).value == one(
            store,
            f"SELECT count(*) FROM core_organizations WHERE {here} AND kind = 'party_branch' "
            "AND state IN ('正常', '名存实亡')",
        )
        assert sheet.cell(row, 6).value == complaints(store, f"{here} AND {month}")
        mine = f"{here} AND {month} AND category = '物业服务'"
        assert sheet.cell(row, 7).value == complaints(store, mine)
    assert (sheet["D4"].value, sheet["D5"].value) == ("有", "无")


def test_a_compound_that_nobody_knows_and_a_doubtful_header_stay_empty(regulator: Filled) -> None:
    sheet = opened(regulator)
    assert [sheet.cell(6, column).value for column in range(2, 9)] == [None] * 7
    assert [sheet.cell(row, 8).value for row in (4, 5, 6)] == [None] * 3
    assert "“不存在苑”" in reasons(regulator)["不存在苑"]
    assert any("含租户" in left.reason or "库里没有" in left.reason for left in regulator.left)


# -- pairs, ambiguity, and what must not be touched ----------------------------------------------


def test_labels_with_a_blank_beside_or_below(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    rows = [
        ["社区概况"],
        ["社区名称：", None, "小区数：", None],
        ["总户数（万户）：", None, "老旧小区数：", None],
        ["业委会数量：", None, "人数：", None],
        ["单位负责人：", None, "户数（含空置）：", None],
    ]
    filled = fill_form(store, draw(tmp_path / "概况.xlsx", rows, ["A1:D1"]), profile)
    sheet = opened(filled)
    households = one(store, "SELECT sum(household_count) FROM core_compounds")
    assert sheet["B2"].value == profile.name
    assert sheet["D2"].value == one(store, "SELECT count(*) FROM core_compounds")
    assert sheet["B3"].value == pytest.approx(households / 10_000)
    assert sheet["D3"].value == 6
    assert sheet["B4"].value == one(
        store,
        "SELECT count(*) FROM core_organizations WHERE kind = 'owners_committee' "
        "AND state IN ('正常', '名存实亡')",
    )
    said = reasons(filled)
    assert said["人数"] == "“人数”可能是常住人口、组织成员人数、活动参与人次，请写明"
    assert "含空置" in said["户数（含空置）"]
    assert [sheet[cell].value for cell in ("D4", "B5", "D5")] == [None] * 3


def test_a_label_about_one_compound_does_not_rub_off_on_the_others(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    rows = [["Q小区投诉总数", None, "总户数", None], ["Q小区总户数", None], ["常住人口", None]]
    sheet = opened(fill_form(store, draw(tmp_path / "表.xlsx", rows, framed="A1:D3"), profile))
    assert sheet["B1"].value == complaints(store, "compound_id = 'T14'")
    assert (sheet["D1"].value, sheet["B2"].value, sheet["B3"].value) == (15262, 412, 34852)


def test_stacked_rows_and_the_sum_within_a_group(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    rows = [
        ["类别", None, "2026年10月"], ["投诉", "停车类"], [None, "卫生"], [None, "合计"],
        ["组织", "业委会数"],
    ]  # fmt: skip
    filled = fill_form(store, draw(tmp_path / "表.xlsx", rows, ["A2:A4"]), profile)
    sheet = opened(filled)
    assert sheet["C4"].value == sheet["C2"].value + sheet["C3"].value > 0
    assert [left.cell for left in filled.left] == ["C5"]


def test_months_side_by_side_and_their_sum(tmp_path: Path, store: Store, profile: Profile) -> None:
    rows = [
        ["2026年投诉统计"], ["小区", "投诉数", None, "合计"], [None, "8月", "9月", None],
        ["翠屏家园"], ["Q小区"], ["合计"],
    ]  # fmt: skip
    merged = ["A1:D1", "A2:A3", "B2:C2", "D2:D3"]
    sheet = opened(fill_form(store, draw(tmp_path / "表.xlsx", rows, merged), profile))
    table = [[sheet.cell(row, column).value for column in (2, 3, 4)] for row in (4, 5, 6)]
    here = "compound_id = 'T01' AND date_trunc('month', reported_at)::DATE = '2026-08-01'"
    assert table[0][0] == complaints(store, here)
    assert all(line[2] == line[0] + line[1] for line in table)
    assert table[2] == [a + b for a, b in zip(*table[:2], strict=True)]


def test_the_unit_of_a_line_above_the_table(tmp_path: Path, store: Store, profile: Profile) -> None:
    rows = [["基本情况", "单位：万人"], ["总户数", "常住人口"], [None, None]]
    sheet = opened(fill_form(store, draw(tmp_path / "表.xlsx", rows), profile))
    assert (sheet["A3"].value, sheet["B3"].value) == (15262, 3.4852)


def test_text_from_the_store_never_becomes_a_formula(tmp_path: Path, empty_store: Store) -> None:
    register = tmp_path / "小区台账.csv"
    text = '小区名称,小区类型,总户数,地址\n甲园,老旧,10,"=HYPERLINK(""x"")"\n'
    register.write_text(text, encoding="utf-8")
    refresh(empty_store, [register])
    form = draw(tmp_path / "表.xlsx", [["小区名称", "地址"], ["甲园", None]])
    sheet = opened(fill_form(empty_store, form, load_profile()))
    assert sheet["B2"].value == '=HYPERLINK("x")'
    assert sheet["B2"].data_type == "s"


def test_an_empty_store_knows_nothing_and_says_so(tmp_path: Path, empty_store: Store) -> None:
    rows = [["项目", "合计"], ["总户数"], ["投诉总数"], ["社区名称"]]
    filled = fill_form(empty_store, draw(tmp_path / "表.xlsx", rows), load_profile())
    assert (filled.path, filled.filled) == (None, [])
    assert "库里还没有《小区台账》的数据" in reasons(filled)["总户数·合计"]


LABELS = st.sampled_from(
    ["总户数", "投诉总数", "Q小区", "老旧", "合计", "2026年10月", "本月", "环比", "人数", "姓名", "低保户数",
     "停车类", "其他", "业委会数量", "小区名称", "序号", "单位：户", "填表人：", "____", "=1+1", "户数（万户）"]
)  # fmt: skip
CELLS = st.one_of(st.none(), st.none(), LABELS, st.integers(0, 99), st.text(max_size=6))


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=7))
def test_any_form_keeps_what_it_had(
    tmp_path: Path, store: Store, profile: Profile, rows: list[list[Any]]
) -> None:
    clean = [[ILLEGAL_CHARACTERS_RE.sub("", c) if isinstance(c, str) else c for c in r]
             for r in rows]  # fmt: skip
    form = draw(tmp_path / "任意.xlsx", [["表"], *clean])
    before = load_workbook(form).worksheets[0]
    filled = fill_form(store, form, profile, month=OCTOBER)
    if filled.path is None:
        assert filled.filled == []
        return
    after = opened(filled)
    told = {cell.cell for cell in filled.filled}
    for row in before.iter_rows():
        for cell in row:
            kept = after[cell.coordinate].value
            if cell.value is not None and "_" not in str(cell.value):
                assert kept == cell.value
            elif cell.value is None:
                assert (kept is not None) == (cell.coordinate in told)
    filled.path.unlink()


def test_columns_by_type_and_their_sum(tmp_path: Path, store: Store, profile: Profile) -> None:
    rows = [
        ["指标", "商品房", "安置", "老旧", "合计", "全社区"],
        ["小区数"], ["总户数"], ["投诉总数"],
    ]  # fmt: skip
    sheet = opened(fill_form(store, draw(tmp_path / "类型.xlsx", rows), profile))
    for column, kind in ((2, "商品房"), (3, "安置"), (4, "老旧")):
        here = f"FROM core_compounds WHERE type = '{kind}'"
        assert sheet.cell(2, column).value == one(store, f"SELECT count(*) {here}")
        assert sheet.cell(3, column).value == one(store, f"SELECT sum(household_count) {here}")
    for row in (2, 3, 4):
        listed = [sheet.cell(row, column).value for column in (2, 3, 4)]
        assert sheet.cell(row, 5).value == sum(listed)
    assert sheet["F2"].value == 16
    assert sheet["F4"].value == complaints(store, "true")


def test_filled_cells_formulas_and_formats_are_not_touched(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    form = tmp_path / "原样.xlsx"
    draw(form, [["小区名称", "总户数", "常住人口"], ["翠屏家园", 1, None], ["Q小区", None, None],
                ["合计", "=SUM(B2:B3)", None]])  # fmt: skip
    book = load_workbook(form)
    sheet = book.worksheets[0]
    sheet["C2"].fill = PatternFill("solid", fgColor="FFEE00")
    sheet["C2"].font = Font(name="仿宋", size=16)
    sheet["C2"].comment = Comment("单位：人", "民政")
    sheet.column_dimensions["A"].width = 33
    book.save(form)
    before = form.read_bytes()
    filled = fill_form(store, form, profile)
    sheet = opened(filled)
    assert form.read_bytes() == before
    assert (sheet["B2"].value, sheet["B4"].value) == (1, "=SUM(B2:B3)")
    assert sheet["C2"].value == 4387
    assert sheet["C2"].fill.fgColor.rgb == "00FFEE00"
    assert (sheet["C2"].font.name, sheet["C2"].font.size) == ("仿宋", 16)
    assert sheet.column_dimensions["A"].width == 33
    assert "单位：人" in sheet["C2"].comment.text
    assert filled.path is not None
    again = fill_form(store, form, profile)
    assert (filled.path.name, again.path and again.path.name) == (
        "原样（已填）.xlsx",
        "原样（已填2）.xlsx",
    )


def test_an_old_format_is_written_as_a_new_workbook(
    tmp_path: Path, store: Store, profile: Profile
) -> None:
    form = tmp_path / "旧.csv"
    form.write_text("小区名称,总户数\n翠屏家园,\n", encoding="gb18030")
    filled = fill_form(store, form, profile, out=tmp_path / "填好")
    assert opened(filled)["B2"].value == 1986
    assert filled.path == tmp_path / "填好" / "旧（已填）.xlsx"
    assert "不是 xlsx" in filled.notes[0]


def test_a_form_that_cannot_be_read_is_said(tmp_path: Path, store: Store, profile: Profile) -> None:
    form = tmp_path / "坏.xlsx"
    form.write_bytes(b"PK\x03\x04 not a workbook")
    with pytest.raises(FileError, match="《坏"):
        fill_form(store, form, profile)


# -- the command ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([["指标", "合计"], ["总户数", None]], 0),
        ([["指标", "合计"], ["总户数", None], ["低保户数", None]], 3),
        ([["指标", "合计"], ["低保户数", None]], 1),
    ],
)
def test_exit_codes(
    tmp_path: Path, sample_store: Path, capsys: pytest.CaptureFixture[str], rows: Any, code: int
) -> None:
    form = draw(tmp_path / "表.xlsx", rows)
    arguments = ["fill", str(form), "--store", str(sample_store), "--out", str(tmp_path / "out")]
    assert main(arguments) == code
    out = capsys.readouterr().out
    assert ("低保户数" in out) == (code != 0)
    assert main([*arguments, "--json"]) == code
    said = json.loads(capsys.readouterr().out)
    (file,) = said["files"]
    assert bool(file["filled"]) == (code != 1)
    assert [left["reason"] for left in file["left"]] == (
        [] if code == 0 else ["“低保户数”库里没有这一项"]
    )


def test_a_month_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["fill", "x.xlsx", "--month", "十月"])
    assert stopped.value.code == 2
    assert "2026-10" in capsys.readouterr().err

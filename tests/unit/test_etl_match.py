"""Which sheet is which table: headers under titles, in brackets, in layers, by other words."""

from __future__ import annotations

from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.match import (
    Match,
    NoMatch,
    find_table,
    fold_header,
)
from etl.profile import Profile, load_profile, parse_profile
from etl.rows import is_foot_row, is_header_row, is_total_row
from etl.sheet import Sheet
from etl.tables import TABLES
from etl.workbook import read_workbook

PROFILE = load_profile()
QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=100)
HEAD = ["小区名称", "小区类型", "总户数", "常住人口"]
ROW = ["翠屏家园", "商品房", 1200, 3100]


def find(
    *rows: list[Any], sheet: str = "Sheet1", file: str = "a.xlsx", profile: Profile = PROFILE
) -> Match:
    match = find_table(Sheet.of(sheet, list(rows)), file, profile)
    assert isinstance(match, Match), match
    return match


def miss(*rows: list[Any], sheet: str = "Sheet1", file: str = "a.xlsx") -> NoMatch:
    match = find_table(Sheet.of(sheet, list(rows)), file, PROFILE)
    assert isinstance(match, NoMatch), match
    return match


# -- where the header is ----------------------------------------------------------------------


def test_a_header_in_the_first_row() -> None:
    match = find(HEAD, ROW)
    assert match.table.name == "compounds"
    assert match.first_row == 1
    assert match.headers == tuple(HEAD)
    assert match.columns == {
        "name": [0],
        "type": [1],
        "household_count": [2],
        "resident_count": [3],
    }
    assert match.unknown == {}
    assert match.missing == ()


@pytest.mark.parametrize("titles", range(6))
def test_titles_above_the_header_are_passed_over(titles: int) -> None:
    above: list[list[Any]] = [
        ["T 社区小区基本情况一览表", "", "", ""],
        ["", "", "", ""],
        ["填报单位：T 社区居委会", "", "", "2025年1月"],
        ["单位：户、人", "", "", ""],
        ["说明：本表每季度更新", "", "", ""],
    ][:titles]
    match = find(*above, HEAD, ROW)
    assert match.table.name == "compounds"
    assert match.first_row == titles + 1


def test_a_header_is_looked_for_in_thirty_rows() -> None:
    blank: list[Any] = [""] * 4
    assert find(*[blank] * 29, HEAD, ROW).first_row == 30
    assert miss(*[blank] * 30, HEAD, ROW).nearest is None


def test_headers_in_two_layers() -> None:
    match = find(
        ["小区名称", "小区类型", "户数情况", "", "人口情况", ""],
        ["", "", "总户数", "出租户数", "常住人口", "60岁以上人数"],
        ["翠屏家园", "商品房", 1200, 200, 3100, 500],
    )
    assert match.first_row == 2
    assert match.columns == {
        "name": [0],
        "type": [1],
        "household_count": [2],
        "rented_household_count": [3],
        "resident_count": [4],
        "elderly_count": [5],
    }


def test_headers_in_three_layers() -> None:
    match = find(
        ["T 社区台账", "", "", "", ""],
        ["小区名称", "基本情况", "", "", ""],
        ["", "小区类型", "户数", "", "建筑"],
        ["", "", "总户数", "出租户数", "建筑面积"],
        ["翠屏家园", "商品房", 1200, 200, 35000.5],
    )
    assert match.first_row == 4
    assert match.columns["name"] == [0]
    assert match.columns["type"] == [1]
    assert match.columns["household_count"] == [2]
    assert match.columns["rented_household_count"] == [3]
    assert match.columns["floor_area_m2"] == [4]


def test_merged_headers_of_a_real_workbook(tmp_path: Any) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (
        ["T 社区小区台账", None, None, None],
        ["小区名称", "小区类型", "规模", None],
        [None, None, "总户数", "常住人口"],
        ["翠屏家园", "商品房", 1200, 3100],
    ):
        sheet.append(row)
    for cells in ("A1:D1", "A2:A3", "B2:B3", "C2:D2"):
        sheet.merge_cells(cells)
    book.save(tmp_path / "a.xlsx")
    match = find_table(read_workbook(tmp_path / "a.xlsx").sheets[0], "a.xlsx", PROFILE)
    assert isinstance(match, Match)
    assert match.first_row == 3
    assert match.columns == {
        "name": [0],
        "type": [1],
        "household_count": [2],
        "resident_count": [3],
    }


# -- how a header is written ------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    ["总户数（户）", "总户数(户)", "总户数【必填】", "总户数[户]", "*总户数", "总户数*", "总户数：", " 总 户 数 ",
     "总户数\n（户）", "总户数（户）*", "＊总户数", "户数", "居民户数", "住户数", "household_count", "HOUSEHOLD_COUNT"],
)  # fmt: skip
def test_units_marks_and_other_words_are_known(header: str) -> None:
    assert find(["小区名称", "小区类型", header], ROW[:3]).columns["household_count"] == [2]


@pytest.mark.parametrize(
    ("header", "folded"),
    [
        ("面积（平方米）", "面积"),
        ("(备注)", "(备注)"),
        ("小区（院落）名称", "小区(院落)名称"),
        ("", ""),
        ("：", ""),
    ],
)
def test_only_brackets_at_the_end_are_taken_off(header: str, folded: str) -> None:
    assert fold_header(header) == folded


def test_headers_that_nobody_knows_are_listed() -> None:
    match = find([*HEAD, "户主姓名", "", "几号线"], [*ROW, "甲", "", "2"])
    assert match.unknown == {4: "户主姓名", 6: "几号线"}


def test_of_two_headers_for_one_column_the_label_comes_first() -> None:
    match = find(["户数", "小区名称", "小区类型", "总户数"], [1, "翠屏", "商品房", 2])
    assert match.columns["household_count"] == [3, 0]


def test_a_label_outweighs_the_alias_of_another_column() -> None:
    # 楼栋号 of buildings is called 楼栋 too; 户数 and 总户数 are one.
    match = find(["小区", "楼栋", "楼栋号", "层数"], ["翠屏", "1栋", "1栋", 6], sheet="楼栋")
    assert match.columns["building_no"] == [2, 1]


# -- which table ------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_required_headers_under_the_own_name_are_enough(table: Any) -> None:
    required = [column.label for column in table.asked if column.required]
    others = [column.label for column in table.asked if not column.required]
    header = [*required, *others[: max(0, 2 - len(required))]]  # one header alone tells nothing
    assert find(header, sheet=table.label).table.name == table.name


def test_likeness_decides_and_not_the_name_of_the_file() -> None:
    rows = (
        ["工单编号", "受理时间", "诉求类别", "小区", "诉求内容", "办理状态"],
        ["G1", "2025-01-03", "停车管理", "翠屏家园", "乱停", "待办"],
    )
    assert find(*rows, file="小区台账.xlsx").table.name == "complaints"


def test_sheet_and_file_name_decide_between_equals() -> None:
    header = ["小区", "类型", "户数", "状态", "名称", "组织类型"]
    assert find(header, sheet="组织覆盖").table.name == "coverage"
    assert find(header, sheet="组织台账").table.name == "organizations"


def test_a_sheet_that_lacks_a_required_column_says_which() -> None:
    found = miss(["小区名称", "总户数", "常住人口", "车位数"], ["翠屏", 1, 2, 3], sheet="小区台账")
    assert found.nearest is not None
    assert found.nearest.name == "compounds"
    assert found.missing == ("小区类型",)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [[]],
        [["翠屏家园", "商品房", 1200], ["荷塘小区", "老旧", 85]],
        [[1, 2], [3, 4]],
        [["序号", "菜名", "价格"], [1, "回锅肉", 28]],
        [["关于开展调查的通知"], ["请各小区填报。"]],
        [["名称", "时间"], ["x", "y"]],
    ],
)
def test_a_sheet_without_header_is_no_table(rows: list[list[Any]]) -> None:
    assert miss(*rows).nearest is None


def test_rows_of_data_are_not_taken_for_the_header() -> None:
    match = find(HEAD, ["小区", "类型", 5, 6], ["院落", "其他", 7, 8])
    assert match.first_row == 1


# -- what the profile says --------------------------------------------------------------------


def test_the_profile_fixes_the_table_of_a_file() -> None:
    profile = parse_profile('[[sources]]\npattern = "导出*.csv"\ntable = "survey"')
    rows = (["编号", "小区", "满意度"], ["1", "翠屏", 5])
    assert find(*rows, file="导出1.csv", profile=profile).table.name == "survey"
    with_other = find_table(Sheet.of("x", [*rows]), "其他.csv", profile)
    assert not (isinstance(with_other, Match) and with_other.table.name == "compounds")


def test_the_profile_names_headers_that_the_contract_does_not_know() -> None:
    profile = parse_profile(
        '[columns.complaints]\n"OPEN DT" = "reported_at"\n"Kind" = "category"\n"诉求内容" = ""'
    )
    match = find(
        ["open dt", "KIND", "诉求内容", "小区"],
        ["2025-01-03", "停车管理", "x", "翠屏"],
        sheet="投诉",
        profile=profile,
    )
    assert match.columns == {"reported_at": [0], "category": [1], "compound_id": [3]}
    assert match.unknown == {}, "a header set to nothing is passed over on purpose"


# -- rows that are no data --------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        ["合计", "", 1200],
        ["合 计", 16, 1200],
        ["", "总计", 1200],
        ["", "", "小计", 300],
        ["翠屏家园小计", "", 300],
        ["合计：", 5],
        ["共计", 5],
        ["总数", 5],
    ],
)
def test_sums_are_known(row: list[Any]) -> None:
    assert is_total_row(row)


@pytest.mark.parametrize(
    "row",
    [
        ["翠屏家园", "商品房", 1200],
        ["会计师事务所", "其他", 3],
        ["计划路小区", "老旧", 3],
        ["总府路小区", "老旧", 3],
        ["G1", "停车管理", "请统计车位合计有多少"],
        ["G1", "停车管理", "物业公示的车位、绿化、电梯维修三项费用合计", "待办"],
        [1, 2, 3],
        [],
    ],
)
def test_data_is_no_sum(row: list[Any]) -> None:
    assert not is_total_row(row)


@pytest.mark.parametrize(
    "row",
    [
        ["填表人：张三", "", ""],
        ["制表:李四", "", "审核:王五", "", ""],
        ["单位负责人：", "", ""],
        ["备注：本表数据截至年底", "", ""],
        ["注：含在建", ""],
        ["", "说明：不含车库", ""],
        ["联系人：王五", "", "电话：略"],
    ],
)
def test_remarks_and_signatures_are_known(row: list[Any]) -> None:
    assert is_foot_row(row)


@pytest.mark.parametrize(
    "row",
    [
        ["翠屏家园", "商品房", 1200, "备注：含车库"],
        ["备注", "", ""],
        ["说明小区", "老旧", 1],
        [],
        ["", ""],
        ["注：甲", "乙", "丙", "丁", "戊"],
    ],
)
def test_data_is_no_remark(row: list[Any]) -> None:
    assert not is_foot_row(row)


def test_a_header_printed_again_is_known() -> None:
    match = find(HEAD, ROW)
    assert is_header_row(list(HEAD), match)
    assert is_header_row([*HEAD[:3], "常住人口 "], match)
    assert not is_header_row(list(ROW), match)
    assert not is_header_row(["小区名称", "老旧", 3, 4], match)
    assert not is_header_row([], match)


# -- anything ---------------------------------------------------------------------------------

CELL = st.one_of(
    st.just(""),
    st.sampled_from([c.label for t in TABLES for c in t.asked]),
    st.sampled_from([alias for t in TABLES for c in t.asked for alias in c.aliases]),
    st.text(max_size=6),
    st.integers(0, 3000),
)


@given(st.lists(st.lists(CELL, max_size=8), max_size=6), st.text(max_size=6), st.text(max_size=6))
@QUICK
def test_any_sheet_is_a_table_or_not(rows: list[list[Any]], name: str, file: str) -> None:
    match = find_table(Sheet.of(name, rows), file, PROFILE)
    if isinstance(match, NoMatch):
        return
    assert match.missing == ()
    assert 1 <= match.first_row <= len(rows)
    places = [place for places in match.columns.values() for place in places]
    assert len(set(places)) == len(places)
    assert not set(places) & set(match.unknown)
    written = {place for place, header in enumerate(match.headers) if header}
    assert set(places) | set(match.unknown) == written
    assert set(match.columns) <= {column.name for column in match.table.asked}


@given(st.sampled_from(TABLES), st.randoms(use_true_random=False), st.integers(0, 4))
@QUICK
def test_columns_are_found_in_any_order_under_any_title(
    table: Any, random: Any, titles: int
) -> None:
    columns = list(table.asked)
    random.shuffle(columns)
    kept = [c for c in columns if c.required or c.is_personal or random.random() < 0.8]
    header = [random.choice([c.label, f"{c.label}（填）", f"*{c.label}"]) for c in kept]
    above = [[f"第{n}行题目", *[""] * (len(header) - 1)] for n in range(titles)]
    match = find_table(Sheet.of(table.label, [*above, header]), "a.xlsx", PROFILE)
    assert isinstance(match, Match)
    assert match.table.name == table.name
    assert match.first_row == titles + 1
    assert match.columns == {column.name: [place] for place, column in enumerate(kept)}

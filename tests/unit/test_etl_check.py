"""Sheets to rows: every row is loaded, quarantined or recognised, and every problem has its cell."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.check import Checked, check_sheet
from etl.match import Match, find_table
from etl.names import Names
from etl.profile import Profile, load_profile, parse_profile
from etl.raw import describe_cells
from etl.sheet import Sheet
from etl.table import Column

PROFILE = load_profile()
COMPOUNDS = ["小区编号", "小区名称", "小区类型", "总户数", "常住人口"]
COMPLAINTS = [
    "工单编号",
    "受理时间",
    "诉求类别",
    "小区",
    "楼栋",
    "地址",
    "诉求内容",
    "经度",
    "纬度",
]
DAY = datetime(2025, 1, 3, 9, 20)


def match_of(rows: list[list[Any]], sheet: str, profile: Profile = PROFILE) -> Match:
    match = find_table(Sheet.of(sheet, rows), "表.xlsx", profile)
    assert isinstance(match, Match), match
    return match


def check(*rows: list[Any], sheet: str = "表", profile: Profile = PROFILE) -> Checked:
    cells = [list(row) for row in rows]
    compounds = Names({"全社区": ""})
    compounds.add("T01", ["翠屏家园", "老翠屏"])
    compounds.add("T02", ["荷塘小区"])
    organizations = Names()
    organizations.add("Z01", ["翠屏家园业委会"])
    known = {"compounds": compounds, "organizations": organizations, "matters": Names()}
    match = match_of(cells, sheet, profile)
    return check_sheet(Sheet.of(sheet, cells), match, profile, "表.xlsx", known)


def problems(checked: Checked) -> list[tuple[str, str, str]]:
    return [(issue.cell, issue.column, issue.severity) for issue in checked.issues]


# -- rows -------------------------------------------------------------------------------------


def test_good_rows_are_typed_and_numbered_as_the_spreadsheet_shows_them() -> None:
    checked = check(
        ["台账", "", "", "", ""],
        COMPOUNDS,
        ["T01", "翠屏家园", "商品房小区", "1,200户", "3100人"],
        ["T02", "荷塘小区", "老旧院落", 85.0, ""],
    )
    assert checked.issues == []
    assert checked.row_numbers.tolist() == [3, 4]
    assert checked.rows["household_count"].to_pylist() == [1200, 85]
    assert checked.rows["resident_count"].to_pylist() == [3100, None]
    assert checked.rows["type"].to_pylist() == ["商品房", "老旧"]
    assert checked.rows["built_year"].to_pylist() == [None, None]
    assert checked.keys().to_pylist() == ["T01", "T02"]
    assert (checked.rows_read, checked.recognised) == (2, 0)


def test_rows_that_are_no_data_are_recognised() -> None:
    checked = check(
        COMPOUNDS,
        ["T01", "翠屏家园", "商品房", 1200, 3000],
        ["", "", "", "", ""],
        COMPOUNDS,
        ["T02", "荷塘小区", "老旧", 85, 200],
        ["合计", "", "", 1285, 3200],
        ["填表人：甲", "", "", "", ""],
    )
    assert checked.row_numbers.tolist() == [2, 5]
    assert (checked.recognised, checked.rows_read) == (4, 6)
    assert checked.issues == []


def test_a_bad_cell_that_is_required_keeps_its_row_out() -> None:
    checked = check(
        COMPOUNDS, ["T01", "翠屏家园", "商品房", "很多", 3100], ["T02", "荷塘", "别墅", 85, 1]
    )
    assert checked.row_numbers.tolist() == []
    assert problems(checked) == [("C3", "小区类型", "error"), ("D2", "总户数", "error")]
    assert list(checked.bad_rows) == [2, 3]
    assert checked.bad_rows[2][0].startswith("D2：")
    assert checked.bad_keys == {2: "T01", 3: "T02"}
    assert checked.issues[1].value == "很多"


def test_a_bad_cell_that_is_not_required_is_left_empty() -> None:
    checked = check(COMPOUNDS, ["T01", "翠屏家园", "商品房", 1200, "很多"])
    assert problems(checked) == [("E2", "常住人口", "warning")]
    assert checked.rows["resident_count"].to_pylist() == [None]
    assert checked.row_numbers.tolist() == [2]


def test_a_required_cell_that_is_empty_is_named_once() -> None:
    checked = check(COMPOUNDS, ["T01", "", "商品房", "无", 3100])
    assert problems(checked) == [("B2", "小区名称", "error"), ("D2", "总户数", "error")]
    assert [issue.problem for issue in checked.issues] == [
        "缺“小区名称”，请补填",
        "缺“总户数”，请补填",
    ]


def test_the_second_row_of_one_key_is_kept_out_and_the_first_named() -> None:
    checked = check(
        COMPOUNDS,
        ["T01", "翠屏家园", "商品房", 1200, 3100],
        ["T02", "荷塘", "老旧", 85, 200],
        ["T01", "翠屏新园", "商品房", 1300, 3200],
    )
    assert checked.row_numbers.tolist() == [2, 3]
    assert problems(checked) == [("A4", "小区编号", "error")]
    assert "与第 2 行重复" in checked.issues[0].problem


def test_a_bad_first_row_does_not_bar_the_second() -> None:
    checked = check(
        COMPOUNDS, ["T01", "翠屏", "商品房", "很多", 1], ["T01", "翠屏", "商品房", 1200, 1]
    )
    assert checked.row_numbers.tolist() == [3]
    assert list(checked.bad_rows) == [2]


def test_of_two_columns_for_one_the_first_with_content_counts() -> None:
    checked = check(
        ["小区名称", "小区类型", "户数", "总户数"],
        ["翠屏", "商品房", 1, 2],
        ["荷塘", "老旧", 3, ""],
        sheet="小区台账",
    )
    assert checked.rows["household_count"].to_pylist() == [2, 3]


# -- ids --------------------------------------------------------------------------------------


def test_a_compound_without_id_goes_by_the_id_it_is_known_by_else_by_its_name() -> None:
    known, new = ["翠屏家园", "商品房", 1200, 3100], ["新来苑", "商品房", 10, 20]
    checked = check(COMPOUNDS[1:], known, new)
    assert checked.rows["compound_id"].to_pylist() == ["T01", "新来苑"]


def test_an_id_is_made_of_what_tells_rows_apart_and_is_the_same_again() -> None:
    row = [DAY, "停车管理", "翠屏家园", "3栋", "", "乱停"]
    other = [DAY, "停车管理", "翠屏家园", "4栋", "", "乱停"]
    header = COMPLAINTS[1:7]
    first = check(header, row, other)
    second = check(["题目", *[""] * 5], header, other, row)
    assert len(set(first.rows["complaint_id"])) == 2
    assert first.rows["complaint_id"].to_pylist() == second.rows["complaint_id"].to_pylist()[::-1]


def test_the_same_thing_typed_twice_is_one_thing_and_people_alike_are_not() -> None:
    row = [DAY, "停车管理", "翠屏家园", "3栋", "", "乱停"]
    assert len(check(COMPLAINTS[1:7], row, row).row_numbers) == 1
    person = ["翠屏家园", "楼栋长", "60岁以上"]
    people = check(["小区", "角色", "年龄段"], person, person, sheet="居民骨干")
    assert people.row_numbers.tolist() == [2, 3]
    assert len(set(people.rows["core_resident_id"])) == 2


def test_numbers_are_ids_as_they_are_read() -> None:
    checked = check(COMPOUNDS, [1.0, "翠屏", "商品房", 1, 1], ["001", "荷塘", "老旧", 1, 1])
    assert checked.rows["compound_id"].to_pylist() == ["1", "001"]


# -- sums -------------------------------------------------------------------------------------


def test_a_sum_that_is_wrong_keeps_its_rows_out() -> None:
    checked = check(
        COMPOUNDS,
        ["T01", "翠屏家园", "商品房", 1200, 3000],
        ["T02", "荷塘小区", "老旧", 85, 200],
        ["合计", "", "", 1300, 3200],
    )
    assert checked.row_numbers.tolist() == []
    assert list(checked.bad_rows) == [2, 3]
    assert problems(checked) == [("D4", "总户数", "error")]
    for word in ("1300", "1285", "-15"):
        assert word in checked.issues[0].problem


@pytest.mark.parametrize("stated", ["", "—", "1285户", "１２８５", 1285.0, "一千二百八十五"])
def test_a_sum_that_is_right_or_unsaid_is_well(stated: Any) -> None:
    checked = check(
        COMPOUNDS,
        ["T01", "翠屏家园", "商品房", 1200, 3000],
        ["T02", "荷塘小区", "老旧", 85, 200],
        ["合计", "", "", stated, ""],
    )
    assert checked.row_numbers.tolist() == [2, 3]
    assert checked.issues == []


def test_sums_of_parts_cover_their_part_and_the_last_sum_all() -> None:
    rows = [
        ["T01", "甲", "商品房", 10, 1],
        ["T02", "乙", "商品房", 20, 1],
        ["小计", "", "", 30, ""],
        ["T03", "丙", "老旧", 5, 1],
        ["小计", "", "", 5, ""],
        ["合计", "", "", 35, ""],
    ]
    assert check(COMPOUNDS, *rows).issues == []
    rows[4] = ["小计", "", "", 6, ""]
    checked = check(COMPOUNDS, *rows)
    assert problems(checked) == [("D6", "总户数", "error")]
    assert checked.row_numbers.tolist() == [2, 3]


def test_a_sum_over_a_cell_that_is_named_is_not_judged() -> None:
    checked = check(
        COMPOUNDS,
        ["T01", "甲", "商品房", 10, "多"],
        ["T02", "乙", "老旧", 20, 5],
        ["合计", "", "", 30, 9],
    )
    assert problems(checked) == [("E2", "常住人口", "warning")]
    assert checked.row_numbers.tolist() == [2, 3]


def test_sums_of_named_groups_cover_their_group() -> None:
    checked = check(
        COMPOUNDS,
        ["T01", "甲", "商品房", 10, 1],
        ["商品房合计", "", "", 10, ""],
        ["T03", "丙", "老旧", 5, 1],
        ["老旧合计", "", "", 5, ""],
        ["总计", "", "", 15, ""],
    )
    assert checked.issues == []
    assert checked.row_numbers.tolist() == [2, 4]


def test_a_sum_above_its_rows_covers_those_below() -> None:
    checked = check(
        COMPOUNDS,
        ["合计", "", "", 15, 2],
        ["T01", "甲", "商品房", 10, 1],
        ["T03", "丙", "老旧", 5, 1],
    )
    assert checked.issues == []
    assert checked.row_numbers.tolist() == [3, 4]


def test_a_mean_year_in_the_row_of_sums_is_no_sum() -> None:
    checked = check(
        ["小区名称", "小区类型", "总户数", "建成年份"],
        ["甲", "商品房", 10, 1996],
        ["乙", "老旧", 20, 2004],
        ["合计", "", 30, 2000],
    )
    assert checked.row_numbers.tolist() == [2, 3]


# -- names and places -------------------------------------------------------------------------


def complaint(**cells: Any) -> list[Any]:
    usual = {"工单编号": "G1", "受理时间": DAY, "诉求类别": "停车管理", "小区": "翠屏家园"}
    return [({**usual, **cells}).get(header, "") for header in COMPLAINTS]


@pytest.mark.parametrize(
    ("cells", "compound", "how"),
    [
        ({}, "T01", "name"),
        ({"小区": "老翠屏"}, "T01", "name"),
        ({"小区": "T02"}, "T02", "id"),
        ({"小区": "", "地址": "建设路1号翠屏家园3栋"}, "T01", "address"),
        ({"小区": "不知道的", "地址": "建设路1号翠屏家园3栋"}, "T01", "address"),
        ({"小区": ""}, None, None),
        ({"小区": "全社区"}, None, None),
        ({"小区": "全社区", "经度": 104.123, "纬度": 30.612}, None, None),
    ],
)
def test_a_complaint_finds_its_compound(
    cells: dict[str, Any], compound: str | None, how: str | None
) -> None:
    checked = check(COMPLAINTS, complaint(**cells))
    assert checked.issues == []
    assert checked.rows["compound_id"].to_pylist() == [compound]
    assert checked.rows["compound_by"].to_pylist() == [how]
    assert checked.rows["located_by"].to_pylist() == (
        ["coordinates"] if "经度" in cells else [None]
    )


def test_a_complaint_of_an_unknown_compound_is_kept_out() -> None:
    checked = check(COMPLAINTS, complaint(小区="月季花园"))
    assert problems(checked) == [("D2", "小区", "error")]
    assert "“月季花园”" in checked.issues[0].problem
    assert checked.row_numbers.tolist() == []


def test_a_complaint_of_an_unknown_compound_goes_by_its_coordinates() -> None:
    checked = check(COMPLAINTS, complaint(小区="月季花园", 经度=104.123, 纬度=30.612))
    assert problems(checked) == [("D2", "小区", "warning")]
    assert checked.rows["lon"].to_pylist() == [104.123]
    assert checked.row_numbers.tolist() == [2]


@pytest.mark.parametrize(
    ("cells", "cell"),
    [
        ({"经度": 104.123}, "I2"),
        ({"纬度": 30.612}, "H2"),
        ({"经度": 0, "纬度": 0}, "H2"),
        ({"经度": 1041, "纬度": 30.612}, "H2"),
        ({"经度": "东", "纬度": 30.612}, "H2"),
    ],
)
def test_half_a_place_is_none_and_named(cells: dict[str, Any], cell: str) -> None:
    checked = check(COMPLAINTS, complaint(**cells))
    assert checked.rows["lon"].to_pylist() == checked.rows["lat"].to_pylist() == [None]
    assert [issue.cell for issue in checked.issues] == [cell]
    assert checked.row_numbers.tolist() == [2]


def test_a_pair_in_one_cell_fills_both_coordinates() -> None:
    header = [*COMPLAINTS[:7], "经纬度"]
    rows = [[*complaint()[:7], pair] for pair in ("104.18,30.81", "", "104.18", "104.18,300")]
    for number, row in enumerate(rows):
        row[0] = f"G{number}"
    checked = check(header, *rows)
    assert checked.rows["lon"].to_pylist() == [104.18, None, None, None]
    assert checked.rows["lat"].to_pylist() == [30.81, None, None, None]
    assert [issue.cell for issue in checked.issues] == ["H4", "H5"]
    assert "lonlat" not in checked.rows


def test_an_organization_that_nobody_knows_is_left_empty_and_named() -> None:
    checked = check(
        ["小区", "组织类型", "组织名称", "覆盖状态"],
        ["翠屏家园", "业委会", "翠屏家园业委会", "正常"],
        ["荷塘小区", "业委会", "没有的业委会", "正常"],
        sheet="组织覆盖",
    )
    assert checked.rows["organization_id"].to_pylist() == ["Z01", None]
    assert problems(checked) == [("C3", "组织名称", "warning")]


# -- personal information ---------------------------------------------------------------------


def test_personal_columns_are_counted_and_thrown_away() -> None:
    rows = [
        [*COMPLAINTS[:4], "诉求人", "联系电话", "身份证号码", "受理人姓名", "内容"],
        [
            "G1",
            DAY,
            "停车管理",
            "翠屏家园",
            "王建国",
            "13812345678",
            "510107199001011234",
            "李四",
            "乱停",
        ],
        ["G2", DAY, "停车管理", "翠屏家园", "", "", "", "", "乱停"],
    ]
    checked = check(*rows)
    assert checked.masked == 4
    assert checked.unknown == []
    told = repr(checked.rows) + repr(checked.issues)
    described = describe_cells(Sheet.of("表", rows), match_of(rows, "表"), [2, 3])
    for secret in ("王建国", "13812345678", "510107199001011234", "李四"):
        assert secret not in told
        assert secret not in repr(described)
    assert described[1] == {
        "工单编号": "G2",
        "受理时间": "2025-01-03 09:20:00",
        "诉求类别": "停车管理",
        "小区": "翠屏家园",
        "内容": "乱停",
    }


def test_sentences_are_masked_where_they_are_kept_and_where_they_are_told() -> None:
    checked = check(
        COMPLAINTS,
        complaint(
            诉求内容="王女士13812345678来电", 地址="翠屏家园3栋2单元501室", 小区="13812345678"
        ),
    )
    assert checked.rows["text"].to_pylist() == ["＊女士＊＊＊来电"]
    assert checked.rows["address"].to_pylist() == ["翠屏家园3栋＊＊"]
    refused = check(COMPLAINTS, complaint(小区="王女士13812345678"))
    assert "13812345678" not in repr(refused.issues) + repr(refused.bad_rows)


@pytest.mark.parametrize("written", ["3栋2单元501室", "3栋501", "3号楼2单元501"])
def test_a_door_in_the_column_of_buildings_is_not_stored(written: str) -> None:
    checked = check(COMPLAINTS, complaint(楼栋=written))
    assert "501" not in str(checked.rows["building_no"][0])


@pytest.mark.parametrize(
    "header", ["户主", "业主", "申请人", "网格员", "户主及电话", "住户", "记录人"]
)
def test_columns_of_persons_that_nobody_knows_are_thrown_away(header: str) -> None:
    rows = [[*COMPOUNDS, header], ["T01", "翠屏家园", "商品房", 1200, 3100, "王建国"]]
    checked = check(*rows)
    assert "王建国" not in repr(describe_cells(Sheet.of("表", rows), match_of(rows, "表"), [2]))
    assert checked.masked == 1


def test_an_organization_named_after_a_person_keeps_its_name() -> None:
    checked = check(
        ["组织名称", "组织类型", "运行状态"],
        ["李大爷调解室", "居民自组织", "正常"],
        sheet="组织台账",
    )
    # Other sheets refer to it by the name as it is written.
    assert checked.rows["name"].to_pylist() == ["李大爷调解室"]


def test_other_columns_are_kept_and_listed() -> None:
    rows = [[*COMPOUNDS, "几号线", ""], ["T01", "翠屏家园", "商品房", 1200, 3100, "2号线", "旁注"]]
    assert check(*rows).unknown == ["几号线"]
    described = describe_cells(Sheet.of("表", rows), match_of(rows, "表"), [2])
    assert described[0]["几号线"] == "2号线"
    assert "旁注" in described[0].values(), "a column without header is not dropped in silence"


def test_two_columns_of_one_header_are_both_kept() -> None:
    rows = [[*COMPOUNDS, "备注", "备注"], ["T01", "翠屏家园", "商品房", 1200, 3100, "甲", "乙"]]
    kept = describe_cells(Sheet.of("表", rows), match_of(rows, "表"), [2])[0]
    assert {"甲", "乙"} <= set(kept.values())


# -- types and anything -----------------------------------------------------------------------


def test_good_rows_become_arrow_of_the_contracts_types() -> None:
    checked = check(
        COMPLAINTS, complaint(经度=104.123, 纬度=30.612), ["", "", "", "", "", "", "", "", "x"]
    )
    table = checked.to_arrow()
    names = [column.name for column in checked.table.columns if column.is_stored]
    assert table.column_names == [*names, "row"]
    assert table.column("row").to_pylist() == [2]
    assert table.column("reported_at").to_pylist() == [DAY]
    assert table.column("lon").to_pylist() == [104.123]
    assert table.column("due_at").null_count == 1


def test_formats_of_the_source_are_used() -> None:
    profile = parse_profile('[[sources]]\npattern = "表.xlsx"\ndate_formats = ["%d.%m.%Y"]')
    checked = check(COMPLAINTS, complaint(受理时间="03.01.2025"), profile=profile)
    assert checked.rows["reported_at"].to_pylist() == [datetime(2025, 1, 3)]


CELL = st.one_of(
    st.just(""),
    st.sampled_from(["翠屏家园", "T01", "商品房", "停车管理", "合计", "小计", "填表人：甲", "无", "正常",
                     "物业", "13812345678", "2025年1月3日", "104.123,30.612", *COMPOUNDS]),
    st.text(max_size=6),
    st.integers(-5, 3000),
    st.floats(allow_nan=True),
    st.dates(),
    st.datetimes(),
)  # fmt: skip


def usual_cell(column: Column) -> Any:
    if column.is_personal or column.lonlat or not column.required:
        return ""
    if column.refers_to:
        return "翠屏家园"
    if column.values:
        return column.values[0].text
    return column.example or "2025年1月3日"


@given(st.data())
@settings(derandomize=True, database=None, deadline=None, max_examples=250)
def test_every_row_is_loaded_or_kept_or_recognised(data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(PROFILE.tables))
    header: list[Any] = [column.label for column in table.asked] + ["户主姓名", "", "其他"]
    width = len(header)
    # Rows of which most cells are good: else none would ever be loaded.
    changes = st.dictionaries(st.integers(0, width - 1), CELL, max_size=3)
    others = st.lists(CELL, max_size=width)
    drawn = data.draw(st.lists(st.one_of(changes, changes, others), max_size=8))
    usual: list[Any] = [usual_cell(column) for column in table.asked] + ["", "", ""]
    rows = [
        [row.get(place, cell) for place, cell in enumerate(usual)] if isinstance(row, dict) else row
        for row in drawn
    ]
    checked = check(header, *rows, sheet=table.label)
    assert checked.table.name == table.name
    assert checked.rows_read == len(rows)
    numbers = [*checked.row_numbers, *checked.bad_rows]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(2, len(rows) + 2))
    assert all(len(values) == len(checked.row_numbers) for values in checked.rows.values())
    assert len(set(checked.keys().to_pylist())) == len(checked.row_numbers)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    errors = {i.cell.lstrip(letters) for i in checked.issues if i.severity == "error"}
    is_sum_wrong = any("合计" in issue.problem for issue in checked.issues)
    assert is_sum_wrong or {str(row) for row in checked.bad_rows} <= errors
    assert not {str(row) for row in checked.row_numbers} & errors
    assert all(isinstance(text, str) for issue in checked.issues for text in vars(issue).values())
    assert "13812345678" not in repr(checked.issues)
    for column in table.columns:
        if column.name in checked.rows:
            for value in checked.rows[column.name].to_pylist():
                assert value is None or isinstance(value, column.kind)
    checked.to_arrow()


def test_day_columns_hold_days() -> None:
    checked = check(
        ["小区", "提出时间", "需求类别", "需求内容"],
        ["翠屏家园", datetime(2025, 1, 3, 9, 20), "环境卫生", "清理杂物"],
        ["翠屏家园", "2025年1月", "环境卫生", "清理杂物"],
        sheet="需求清单",
    )
    assert checked.rows["raised_on"].to_pylist() == [date(2025, 1, 3), date(2025, 1, 1)]

"""A workbook given back: everything of its own is still there, and every bad cell is told."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Iterable, Sequence
from copy import copy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import python_calamine as calamine
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation

from etl import returned
from etl.check import ERROR, WARNING, Issue
from etl.errors import FileError, PasswordNeededError
from etl.marked.parts import Book
from etl.profile import load_profile, parse_profile
from etl.returned import (
    LIST_TITLE,
    RED,
    YELLOW,
    Marks,
    is_issue_list,
    name_returned,
    original_name,
    return_sheets,
    return_workbook,
)
from etl.sheet import Cell, Sheet, address
from etl.workbook import read_workbook

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=40)
PROFILE = load_profile()
COMPLAINTS = PROFILE.table("complaints")
WHEN = datetime(2025, 4, 1, 8, 30)
COLUMNS = {
    "complaint_id": [0],
    "reported_at": [1],
    "category": [2],
    "compound_id": [3],
    "status": [5],
}
HEADS = ["工单编号", "受理时间", "诉求类别", "小区", "诉求内容", "办理状态", "户数"]
ROWS = [
    ["007", datetime(2025, 3, 1, 9), "停车管理", "翠屏家园", "车位被占", "办结", 1],
    ["008", "三月某日", "停车", "荷塘小区", "=1+1", "在办", 2],
    ["009", None, "环境卫生", "石榴苑", "垃圾", "办好了", 3],
]


def issue(cell: str, problem: str = "写错了", severity: str = ERROR, **other: str) -> Issue:
    told = {"file": "投诉.xlsx", "sheet": "投诉", "column": "诉求类别", "value": "停车"} | other
    return Issue(
        told["file"], told["sheet"], cell, told["column"], told["value"], problem, severity
    )


def mark(issues: Sequence[Issue], position: int = 0, first_row: int = 1, **other: Any) -> Marks:
    told = {"name": "投诉", "table": COMPLAINTS, "columns": COLUMNS} | other
    return Marks(position, told["name"], told["table"], told["columns"], first_row, issues)


def save(book: openpyxl.Workbook) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def plain_book(title: str = "投诉") -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for row in [HEADS, *ROWS]:
        sheet.append(row)
    sheet["E3"].data_type = "s"
    return book


def give_back(
    content: bytes, marks: Sequence[Marks], name: str = "投诉.xlsx", **other: Any
) -> tuple[str, bytes]:
    return return_workbook(content, name, marks, PROFILE, when=WHEN, **other)


def opened(content: bytes, **how: Any) -> openpyxl.Workbook:
    return openpyxl.load_workbook(io.BytesIO(content), **how)


def read_cells(content: bytes) -> dict[str, list[list[Any]]]:
    """What a reader finds on each sheet, without the empty cells at its edges."""
    book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    kind = calamine.SheetTypeEnum.WorkSheet
    names = [meta.name for meta in book.sheets_metadata if meta.typ == kind]
    return {
        name: trim(book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in names
    }


def trim(rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
    kept = [list(row) for row in rows]
    for row in kept:
        while row and row[-1] == "":
            row.pop()
    while kept and not kept[-1]:
        kept.pop()
    return kept


def list_of(content: bytes) -> list[tuple[Any, ...]]:
    """The rows of the list under its header."""
    sheet = opened(content).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    start = next(number for number, row in enumerate(rows) if row[0] == "序号")
    return rows[start + 1 :]


def head_of(content: bytes) -> str:
    rows = opened(content).worksheets[0].iter_rows(values_only=True, max_col=1)
    told = [str(row[0]) for row in rows]
    return "\n".join(told[: told.index("序号")])


def colour(cell: Any) -> str:
    return str(cell.fill.fgColor.rgb) if cell.fill.fill_type == "solid" else ""


# -- colours, comments, list --------------------------------------------------------------------


def test_bad_cells_are_coloured_and_say_what_is_wrong() -> None:
    issues = [issue("C3", "没有这一类"), issue("F4", "没有这种状态", WARNING)]
    sheet = opened(give_back(save(plain_book()), [mark(issues)])[1])["投诉"]
    assert colour(sheet["C3"]) == RED
    assert colour(sheet["F4"]) == YELLOW
    assert sheet["C3"].comment.author == "社区地图"
    assert "未入库：没有这一类" in sheet["C3"].comment.text
    assert "提醒：没有这种状态" in sheet["F4"].comment.text
    others = [c for row in sheet for c in row if c.coordinate not in ("C3", "F4")]
    assert not any(c.comment or c.fill.fill_type for c in others)


def test_problems_of_one_cell_share_a_comment_and_the_worse_colours_it() -> None:
    issues = [issue("C3", "小事", WARNING), issue("C3", "大事"), issue("C3", "大事")]
    cell = opened(give_back(save(plain_book()), [mark(issues)])[1])["投诉"]["C3"]
    assert colour(cell) == RED
    assert re.findall("大事|小事", cell.comment.text) == ["大事", "小事"]


def test_an_empty_cell_that_is_not_even_there_is_marked() -> None:
    content = save(plain_book())
    sheet = opened(give_back(content, [mark([issue("B4"), issue("K9"), issue("A40")])])[1])["投诉"]
    assert [colour(sheet[place]) for place in ("B4", "K9", "A40")] == [RED] * 3
    assert sheet["B4"].value is None


def test_the_list_comes_first_and_tells_every_problem() -> None:
    issues = [
        issue("F4", "没有这种状态", WARNING, column="办理状态", value="办好了"),
        issue("C3", "没有这一类"),
        issue("", "缺坐标列", WARNING, column="", value=""),
        issue("A1", "合计不符", WARNING, column="户数", value="7"),
    ]
    name, content = give_back(save(plain_book()), [mark(issues)])
    assert name == "投诉（已标注）.xlsx"
    book = opened(content)
    assert book.sheetnames[0] == LIST_TITLE
    assert book.active.title == LIST_TITLE
    assert [v.tabSelected for s in book for v in s.views.sheetView].count(True) == 1
    rows = list_of(content)
    assert [row[0] for row in rows] == [1, 2, 3, 4]
    assert [row[2] for row in rows] == ["整张表", "整张表", "C3", "F4"]
    assert rows[2][1:4] == ("投诉", "C3", "诉求类别")
    assert rows[2][4] == "停车"
    assert rows[2][5].startswith("没有这一类")
    assert [row[6] for row in rows] == ["提醒", "提醒", "未入库", "提醒"]
    head = head_of(content)
    assert "原文件：投诉.xlsx" in head
    assert "2025-04-01 08:30" in head
    assert "共 4 处" in head
    assert "未入库 1 处" in head
    assert "提醒 3 处" in head


@pytest.mark.parametrize("title", ["投诉", "3月 投诉", "O'Brien & Co", 'a<b>"c"', "表-1"])
def test_links_of_the_list_lead_to_the_cells(title: str) -> None:
    content = give_back(save(plain_book(title)), [mark([issue("C3"), issue("B4")])])[1]
    book = opened(content)
    links = {
        cell.value: cell.hyperlink.location
        for row in book.worksheets[0].iter_rows()
        for cell in row
        if cell.hyperlink
    }
    assert set(links) == {"C3", "B4"}
    for where, link in links.items():
        quoted, place = link.rsplit("!", 1)
        assert quoted[1:-1].replace("''", "'") in book.sheetnames
        assert (quoted[0], quoted[-1], place) == ("'", "'", where)


def test_nothing_wrong_is_said_too() -> None:
    content = give_back(save(plain_book()), [mark([])])[1]
    assert list_of(content) == []
    assert "没有发现问题" in head_of(content)


def test_a_cell_inside_a_merged_range_is_marked_where_it_shows() -> None:
    book = plain_book()
    book.worksheets[0].merge_cells("C2:D4")
    sheet = opened(give_back(save(book), [mark([issue("D4"), issue("C3", "又一处")])])[1])["投诉"]
    assert colour(sheet["C2"]) == RED
    assert "写错了" in sheet["C2"].comment.text
    assert "又一处" in sheet["C2"].comment.text
    assert [r.coord for r in sheet.merged_cells.ranges] == ["C2:D4"]


def test_hidden_rows_and_sheets_are_said_to_be_hidden() -> None:
    book = plain_book()
    book.worksheets[0].row_dimensions[3].hidden = True
    book.create_sheet("旧表").sheet_state = "hidden"
    marks = [mark([issue("C3")]), mark([issue("B2")], 1, name="旧表")]
    rows = list_of(give_back(save(book), marks)[1])
    assert rows[0][2] == "C3（行已隐藏）"
    assert rows[1][1] == "旧表（表已隐藏）"


def test_a_title_of_somebody_else_is_left_to_him() -> None:
    book = plain_book()
    book.create_sheet(LIST_TITLE)["A1"] = "我自己的清单"
    content = give_back(save(book), [mark([issue("C3")])])[1]
    told = opened(content)
    assert told.sheetnames == ["问题清单（社区地图）", "投诉", LIST_TITLE]
    assert told[LIST_TITLE]["A1"].value == "我自己的清单"


def test_what_is_meant_is_said_where_it_can_be_told() -> None:
    issues = [
        issue("C3", "不在取值里"),
        issue("B3", "“受理时间”的日期不合理", column="受理时间", value="0200-01-05"),
        issue("B4", "应是日期，例如 2025年1月3日", column="受理时间", value="三月"),
        issue("F4", "不在取值里", column="办理状态", value="＊＊＊"),
        issue("F3", "不在取值里", column="办理状态", value="甲乙丙"),
    ]
    rows = {row[2]: row[5] for row in list_of(give_back(save(plain_book()), [mark(issues)])[1])}
    assert rows["C3"].endswith("最像的是：停车管理")
    assert "2025-01-03" in rows["B3"]
    assert rows["B4"] == "应是日期，例如 2025年1月3日"
    assert rows["F4"] == rows["F3"] == "不在取值里"


def test_every_comment_has_a_box_of_its_own_that_holds_its_text() -> None:
    issues = [issue("C4", "短"), issue("F4", "长" * 200), issue("B5")]
    parts = unpack(give_back(save(full_book()), [mark(issues, 0, 2)])[1])
    (vml,) = (data.decode() for name, data in parts.items() if name.endswith(".vml"))
    shapes = re.findall(r"<(?:\w+:)?shape .*?</(?:\w+:)?shape>", vml, re.DOTALL)
    boxes = {
        tuple(int(re.search(rf"{name}>(\d+)<", shape)[1]) for name in ("Row", "Column")): shape  # type: ignore[index]
        for shape in shapes
    }
    assert sorted(boxes) == [(2, 0), (3, 2), (3, 5), (4, 1)]
    assert len(shapes) == 4
    assert len(set(re.findall(r'\sid="(_x0000_s\d+)"', vml))) == 4
    tall = {
        place: float(re.search(r"height:([\d.]+)pt", box)[1])  # type: ignore[index]
        for place, box in boxes.items()
        if place != (2, 0)
    }
    assert tall[3, 5] > 8 * 15
    assert tall[4, 1] < 4 * 15


def test_a_dropdown_ends_before_the_next_table() -> None:
    book = plain_book()
    for row in [["下面是四月"], HEADS, *ROWS]:
        book.worksheets[0].append(row)
    marks = [mark([issue("C3")], 0, 1), mark([issue("C8")], 0, 6)]
    offers = opened(give_back(save(book), marks)[1])["投诉"].data_validations.dataValidation
    assert [str(offer.sqref) for offer in offers] == ["C2:C3", "C7:C9"]


# -- what was the person's own ------------------------------------------------------------------


def full_book() -> openpyxl.Workbook:
    """A workbook with much of what people put into one."""
    book = plain_book()
    sheet = book.worksheets[0]
    thin = Side("thin", "FF888888")
    sheet.insert_rows(1)
    sheet["A1"] = "三月投诉台账"
    sheet.merge_cells("A1:G1")
    sheet["A1"].font = Font("黑体", 16, bold=True)
    sheet["A1"].alignment = Alignment(horizontal="center", vertical="center")
    for cell in sheet[2]:
        cell.font = Font(bold=True, color="FFFFFFFF", italic=True)
        cell.fill = PatternFill("solid", fgColor="FF4472C4")
        cell.border = Border(thin, thin, thin, thin)
    for row in (3, 4, 5):
        sheet.cell(row, 2).number_format = "yyyy/m/d h:mm"
        sheet.cell(row, 7).number_format = '#,##0"户"'
        sheet.cell(row, 7).protection = Protection(locked=False)
    sheet["C4"].fill = PatternFill("solid", fgColor="FF92D050")
    sheet["C5"].fill = PatternFill("lightGrid", fgColor="FF0000FF", bgColor="FFFFFF00")
    sheet["G6"] = "=SUM(G3:G5)"
    sheet["A3"].comment = Comment("原有批注", "李四", width=300, height=90)
    sheet["C4"].comment = Comment("请核对", "张三")
    sheet.column_dimensions["E"].width = 33
    sheet.column_dimensions["H"].hidden = True
    sheet.row_dimensions[5].height = 41
    sheet.freeze_panes = "B3"
    sheet.auto_filter.ref = "A2:G5"
    sheet.print_title_rows = "2:2"
    sheet.page_setup.orientation = "landscape"
    sheet.conditional_formatting.add(
        "G3:G5",
        openpyxl.formatting.rule.ColorScaleRule("min", None, "FFFFFFFF", "max", None, "FF00FF00"),
    )
    offer = DataValidation("list", formula1='"甲,乙"')
    offer.add("F3:F9")
    sheet.add_data_validation(offer)
    sheet["H3"].hyperlink = "https://example.org/"
    book.defined_names["户数"] = DefinedName("户数", attr_text="投诉!$G$3:$G$5")
    book.create_sheet("说明")["A1"] = "随便写写"
    return book


STYLES = ("font", "fill", "border", "alignment", "protection", "number_format")


def test_everything_but_the_marked_cells_looks_as_before() -> None:
    content = save(full_book())
    issues = [issue("C4"), issue("B5"), issue("F3", severity=WARNING), issue("J9")]
    before, after = opened(content), opened(give_back(content, [mark(issues, 0, 2)])[1])
    marked = {"C4", "B5", "F3", "J9"}
    for title in before.sheetnames:
        old, new = before[title], after[title]
        for row in old.iter_rows():
            for cell in row:
                same, where = new[cell.coordinate], f"{title} {cell.coordinate}"
                assert same.value == cell.value
                for style in STYLES:
                    if style != "fill" or title != "投诉" or cell.coordinate not in marked:
                        assert repr(getattr(same, style)) == repr(getattr(cell, style)), where
        assert new.freeze_panes == old.freeze_panes
        assert new.auto_filter.ref == old.auto_filter.ref
        assert new.print_title_rows == old.print_title_rows
        assert new.page_setup.orientation == old.page_setup.orientation
        assert {k: (d.width, d.hidden) for k, d in new.column_dimensions.items()} == {
            k: (d.width, d.hidden) for k, d in old.column_dimensions.items()
        }
        assert new.row_dimensions[5].height == old.row_dimensions[5].height
        assert len(new.conditional_formatting) == len(old.conditional_formatting)
    sheet = after["投诉"]
    assert after.defined_names["户数"].attr_text == "投诉!$G$3:$G$5"
    assert (sheet["A3"].comment.text, sheet["A3"].comment.author) == ("原有批注", "李四")
    assert sheet["C4"].comment.text.startswith("请核对\n")
    assert "写错了" in sheet["C4"].comment.text
    assert sheet["H3"].hyperlink.target == "https://example.org/"


def test_parts_that_are_not_touched_stay_to_the_byte() -> None:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet = book.add_worksheet("投诉")
    for number, row in enumerate([HEADS, *ROWS]):
        sheet.write_row(number, 0, [str(value) for value in row])
    sheet.write_formula("G9", "=1+1", None, 2)
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "=投诉!$G$2:$G$4"})
    sheet.insert_chart("I2", chart)
    sheet.insert_textbox("I20", "一个文本框")
    other = book.add_worksheet("别的")
    other.write("A1", "不动")
    other.write_comment("A1", "别人的")
    line = book.add_chart({"type": "line"})
    line.add_series({"values": "=投诉!$G$2:$G$4"})
    book.add_chartsheet("图").set_chart(line)
    book.add_vba_project(io.BytesIO(b"no real program"), is_stream=True)
    book.close()
    name, content = give_back(buffer.getvalue(), [mark([issue("C3")])], "投诉.xlsm")
    assert name == "投诉（已标注）.xlsm"
    old, new = (zipfile.ZipFile(io.BytesIO(data)) for data in (buffer.getvalue(), content))
    touched = {
        "[Content_Types].xml",
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
        "xl/styles.xml",
        "xl/worksheets/sheet1.xml",
        "xl/worksheets/_rels/sheet1.xml.rels",
    }
    kept = set(old.namelist()) - touched
    assert {"xl/charts/chart1.xml", "xl/vbaProject.bin", "xl/drawings/drawing1.xml"} <= kept
    assert [part for part in kept if old.read(part) != new.read(part)] == []
    # the value that the formula last had is there for readers that compute nothing
    assert read_cells(content)["投诉"][8][6] == 2


def test_names_that_belong_to_a_sheet_move_along_with_it() -> None:
    book = full_book()
    book["说明"].print_area = "A1:B2"
    content = give_back(save(book), [mark([issue("C4")], 0, 2)])[1]
    told = opened(content)
    assert told["说明"].print_area == "'说明'!$A$1:$B$2"
    assert told["投诉"].print_title_rows == "$2:$2"


def test_a_signed_dropdown_of_the_person_stays_and_ours_fill_in() -> None:
    content = save(full_book())
    sheet = opened(give_back(content, [mark([issue("C4"), issue("F3")], 0, 2)])[1])["投诉"]
    lists = {str(v.sqref): v.formula1 for v in sheet.data_validations.dataValidation}
    assert lists["F3:F9"] == '"甲,乙"'
    assert len(lists) == 2
    (ours,) = set(lists) - {"F3:F9"}
    assert ours.startswith("C3:C")
    assert "停车管理" in lists[ours]


def test_a_long_list_of_values_comes_from_hidden_cells() -> None:
    words = [f"类别之{number:02d}，很长的名称" for number in range(30)]
    told = "\n".join(f'[[categories]]\nname = "{word}"' for word in words)
    profile = parse_profile(told)
    content = return_workbook(
        save(plain_book()), "投诉.xlsx", [mark([issue("C3")])], profile, when=WHEN
    )[1]
    book = opened(content)
    (offer,) = book["投诉"].data_validations.dataValidation
    quoted, cells = offer.formula1.rsplit("!", 1)
    sheet = book[quoted.strip("'")]
    assert sheet.sheet_state == "veryHidden"
    assert [cell[0].value for cell in sheet[cells.replace("$", "")]] == words


# -- dropped again ------------------------------------------------------------------------------


def test_what_is_dropped_again_holds_the_same_cells_and_a_list_that_is_known(
    tmp_path: Path,
) -> None:
    content = save(full_book())
    name, back = give_back(content, [mark([issue("C4"), issue("B9")], 0, 2)], "三月.xlsx")
    path = tmp_path / name
    path.write_bytes(back)
    (tmp_path / "三月.xlsx").write_bytes(content)
    old = read_workbook(tmp_path / "三月.xlsx").sheets
    new = read_workbook(path).sheets
    ours = [sheet for sheet in new if is_issue_list(sheet)]
    assert {sheet.name for sheet in new} - {sheet.name for sheet in old} == {s.name for s in ours}
    assert next(filter(None, map(original_name, ours))) == "三月.xlsx"
    assert not any(is_issue_list(sheet) or original_name(sheet) for sheet in old)
    kept = [sheet for sheet in new if not is_issue_list(sheet)]
    assert [trim(sheet.rows()) for sheet in kept] == [trim(sheet.rows()) for sheet in old]


def test_a_sheet_that_only_has_the_name_is_no_list() -> None:
    for rows in ([["问题清单"]], [["问题清单"], ["原文件："]], [["原文件：a"], ["x"]], []):
        assert not is_issue_list(Sheet.of(LIST_TITLE, rows))


def test_what_was_mended_is_as_it_was_and_the_rest_is_marked_anew() -> None:
    content = save(full_book())
    issues = [issue("C4"), issue("C5"), issue("B5"), issue("F3", severity=WARNING)]
    first = give_back(content, [mark(issues, 0, 2)])[1]
    mended = opened(first)
    mended["投诉"]["C4"] = "停车管理"
    again = give_back(save(mended), [mark([issues[2]], 1, 2)], "投诉（已标注）.xlsx")
    assert again[0] == "投诉（已标注）.xlsx"
    before, after = opened(content)["投诉"], opened(again[1])["投诉"]
    assert opened(again[1]).sheetnames == [LIST_TITLE, "投诉", "说明"]
    assert "原文件：投诉.xlsx" in head_of(again[1])
    assert after["C4"].comment.text == "请核对"
    assert colour(after["B5"]) == RED
    for place in ("C4", "C5", "F3", "A3"):
        assert repr(after[place].fill) == repr(before[place].fill), place
    assert after["C5"].comment is None
    assert len(after.data_validations.dataValidation) == 1


def test_marking_twice_is_marking_once() -> None:
    issues = [issue("C4"), issue("B5", severity=WARNING), issue("F3"), issue("", "整张表")]
    first = give_back(save(full_book()), [mark(issues, 0, 2)])[1]
    second = give_back(first, [mark(issues, 1, 2)])[1]
    third = give_back(second, [mark(issues, 1, 2)])[1]
    assert unpack(second) == unpack(third)
    for one, other in zip(opened(first).worksheets, opened(second).worksheets, strict=True):
        assert one.title == other.title
        for row in one.iter_rows():
            for cell in row:
                same = other[cell.coordinate]
                assert (same.value, colour(same)) == (cell.value, colour(cell))
                assert (same.comment and same.comment.text) == (cell.comment and cell.comment.text)


def unpack(content: bytes) -> dict[str, bytes]:
    package = zipfile.ZipFile(io.BytesIO(content))
    return {name: package.read(name) for name in package.namelist()}


def test_a_cell_moved_by_a_new_row_gets_its_own_colour_back() -> None:
    first = give_back(save(full_book()), [mark([issue("C4")], 0, 2)])[1]
    book = opened(first)
    sheet = book["投诉"]
    target = sheet["C7"]
    target.value, target._style = sheet["C4"].value, copy(sheet["C4"]._style)
    target.comment = Comment(sheet["C4"].comment.text, "谁")
    sheet["C4"].comment = None
    sheet["C4"].fill = PatternFill()
    after = opened(give_back(save(book), [mark([], 1, 2)])[1])["投诉"]
    assert colour(after["C7"]) == "FF92D050"
    assert after["C7"].comment.text == "请核对"


def test_a_colour_that_the_person_gave_since_is_kept() -> None:
    first = give_back(save(plain_book()), [mark([issue("C3")])])[1]
    book = opened(first)
    book["投诉"]["C3"].fill = PatternFill("solid", fgColor="FF00B050")
    after = opened(give_back(save(book), [mark([], 1)])[1])["投诉"]
    assert colour(after["C3"]) == "FF00B050"
    assert after["C3"].comment is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("投诉.xlsx", "投诉（已标注）.xlsx"),
        ("投诉（已标注）.xlsx", "投诉（已标注）.xlsx"),
        ("投诉（已标注） (1).xlsx", "投诉（已标注）.xlsx"),
        ("投诉（已标注）（已标注）.xls", "投诉（已标注）.xlsx"),
        ("3.1 台账.csv", "3.1 台账（已标注）.xlsx"),
    ],
)
def test_the_name_does_not_grow(name: str, expected: str) -> None:
    assert name_returned(name) == expected


# -- other formats ------------------------------------------------------------------------------


def test_a_csv_comes_back_as_a_workbook_of_what_was_read(tmp_path: Path) -> None:
    text = "工单编号,诉求类别\n007,停车\n008,=1+1\n0012345678901234567890,@SUM(A1)\n"
    name, content = give_back(text.encode("gb18030"), [mark([issue("B2")])], "投诉/三月.csv")
    assert name == "三月（已标注）.xlsx"
    book = opened(content)
    sheet = book.worksheets[1]
    assert [[cell.value for cell in row] for row in sheet] == [
        line.split(",") for line in text.splitlines()
    ]
    assert all(cell.data_type == "s" for row in sheet for cell in row)
    assert sheet["A2"].number_format == "@"
    assert sheet["A1"].font.bold
    assert not sheet["A2"].font.bold
    assert colour(sheet["B2"]) == RED
    assert "格式没有带过来" in head_of(content)


def test_sheets_as_read_keep_numbers_days_and_their_order() -> None:
    rows: list[list[Cell]] = [
        ["编号", "日期", "时刻", "数"],
        ["001", date(2025, 1, 3), datetime(2025, 1, 3, 9, 20, 30), 1.5],
        ["002", date(1899, 5, 1), datetime(1900, 1, 31, 1), float("inf")],
    ]
    sheets = [
        Sheet.of("甲:乙/" + "长" * 40, rows),
        Sheet.of("空", []),
        Sheet.of("丙", [["x"]], True),
    ]
    name, content = return_sheets(sheets, "账.ods", [mark([issue("B2")])], PROFILE, when=WHEN)
    assert name == "账（已标注）.xlsx"
    book = opened(content)
    assert book.sheetnames[0] == LIST_TITLE
    assert [sheet.sheet_state for sheet in book][-1] == "hidden"
    first = book.worksheets[1]
    assert first["B2"].value == datetime(2025, 1, 3)
    assert first["B2"].number_format == "yyyy-mm-dd"
    assert first["C2"].value == datetime(2025, 1, 3, 9, 20, 30)
    assert first["D2"].value == 1.5
    assert [cell.value for cell in first[3]] == [
        "002",
        "1899-05-01 00:00:00",
        "1900-01-31 01:00:00",
        "inf",
    ]


def test_text_beyond_what_a_cell_may_hold_is_said_to_be_cut() -> None:
    sheets = [Sheet.of("长", [["甲", "乙"], ["字" * 40_000, "x"]])]
    content = return_sheets(sheets, "a.csv", [mark([])], PROFILE, when=WHEN)[1]
    assert len(opened(content).worksheets[1]["A2"].value) == 32_767
    assert "已截短" in head_of(content)


def test_a_package_that_is_put_together_oddly_still_comes_back() -> None:
    parts = unpack(save(plain_book()))
    sheet = parts["xl/worksheets/sheet1.xml"]
    first, rest = sheet.index(b"<row"), sheet.index(b"</sheetData>")
    rows = re.findall(rb"<row .*?</row>", sheet[first:rest])
    parts["xl/worksheets/sheet1.xml"] = sheet[:first] + b"".join(rows[::-1]) + sheet[rest:]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    content = give_back(buffer.getvalue(), [mark([issue("C3")])])[1]
    assert "内部结构特殊" in head_of(content)
    assert colour(opened(content).worksheets[1]["C3"]) == RED


def test_what_is_no_table_is_refused_in_a_sentence() -> None:
    for content in (b"PK\x03\x04" + b"\x00" * 50, b"\x00\x01\x02\x03"):
        with pytest.raises(FileError, match="《投诉.xlsx》"):
            give_back(content, [mark([])])


# -- passwords ----------------------------------------------------------------------------------


def test_what_was_locked_comes_back_locked() -> None:
    from msoffcrypto.format.ooxml import OOXMLFile

    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(save(plain_book()))).encrypt("小区1", locked)
    with pytest.raises(PasswordNeededError):
        give_back(locked.getvalue(), [mark([])])
    with pytest.raises(PasswordNeededError):
        give_back(locked.getvalue(), [mark([])], password="不对")
    content = give_back(locked.getvalue(), [mark([issue("C3")])], password="小区1")[1]
    assert not content.startswith(b"PK")
    file = OOXMLFile(io.BytesIO(content))
    file.load_key(password="小区1")
    plain = io.BytesIO()
    file.decrypt(plain)
    assert colour(opened(plain.getvalue())["投诉"]["C3"]) == RED


def test_a_password_that_is_not_needed_locks_nothing() -> None:
    content = give_back(save(plain_book()), [mark([])], password="x")[1]
    assert content.startswith(b"PK")


# -- hostile ------------------------------------------------------------------------------------


def test_what_looks_like_a_formula_stays_text(shared_data: Path) -> None:
    lines = (shared_data / "hostile" / "csv_injection_cells.txt").read_text("utf-8").splitlines()
    check_hostile([line for line in lines if line])


def test_naughty_strings_stay_what_they_are(shared_data: Path) -> None:
    words = json.loads((shared_data / "hostile" / "blns.json").read_text("utf-8"))
    check_hostile([word for word in words if word])


def check_hostile(words: list[str]) -> None:
    issues = [issue(f"C{n}", w, value=w, column=w) for n, w in enumerate(words, start=2)]
    sheets = [Sheet.of("投诉", [["编号", "x", "诉求类别"], *(["1", "", word] for word in words)])]
    content = return_sheets(sheets, "投诉.csv", [mark(issues)], PROFILE, when=WHEN)[1]
    book = opened(content)
    for sheet in book:
        assert not any(cell.data_type == "f" for row in sheet for cell in row)
    assert len(list_of(content)) == len(words)
    text = b"".join(unpack(content).values())
    assert b"<f>" not in text
    shown = [[*row, "", ""][2] for row in read_cells(content)["投诉"][1:]]
    kept = [re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", w) for w in words]
    assert [text.replace("\r", "\n") for text in shown] == [
        word.replace("\r\n", "\n").replace("\r", "\n") for word in kept
    ]


def test_a_part_that_declares_entities_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("geheim")
    parts = unpack(save(plain_book()))
    bomb = f'<!DOCTYPE styleSheet [<!ENTITY a SYSTEM "file://{secret}">]>'.encode()
    parts["xl/styles.xml"] = parts["xl/styles.xml"].replace(
        b"<styleSheet", bomb + b"<styleSheet", 1
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    with pytest.raises(ValueError, match="entities"):
        Book(buffer.getvalue())


# -- any grid, any issues -----------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=12)
GRIDS = st.lists(st.lists(st.none() | TEXTS | st.integers(-99, 99), max_size=7), max_size=9)
PLACES = st.tuples(st.integers(0, 14), st.integers(0, 9))


@QUICK
@given(
    GRIDS,
    st.lists(st.tuples(PLACES, st.booleans(), st.text(max_size=12)), max_size=12),
    st.lists(st.tuples(PLACES, PLACES), max_size=2),
    st.sets(PLACES, max_size=3),
)
def test_any_cells_survive_any_marks(
    grid: list[list[Any]],
    told: list[tuple[tuple[int, int], bool, str]],
    merged: list[tuple[tuple[int, int], tuple[int, int]]],
    commented: set[tuple[int, int]],
) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for number, row in enumerate(grid, start=1):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(number, column)
            cell.value = value
            cell.data_type = "s" if isinstance(value, str) else cell.data_type
    for place in commented:
        sheet.cell(place[0] + 1, place[1] + 1).comment = Comment("旧", "谁")
    taken: set[tuple[int, int]] = set()
    for one, other in merged:
        rows, columns = sorted((one[0], other[0])), sorted((one[1], other[1]))
        area = {
            (r, c) for r in range(rows[0], rows[1] + 1) for c in range(columns[0], columns[1] + 1)
        }
        if len(area) > 1 and not area & (taken | commented):
            taken |= area
            sheet.merge_cells(f"{address(rows[0], columns[0])}:{address(rows[1], columns[1])}")
    content = save(book)
    issues = [
        issue(address(*place), text or "坏", ERROR if is_error else WARNING, value=text)
        for place, is_error, text in told
    ]
    back = give_back(content, [mark(issues, columns={})])[1]
    again = give_back(back, [mark([], 1, columns={})])[1]
    before = read_cells(content)["Sheet"]
    assert read_cells(back)["Sheet"] == before
    assert read_cells(again)["Sheet"] == before
    assert len(list_of(back)) == len(issues)
    after, clean = opened(back)["Sheet"], opened(again)["Sheet"]
    expected = {_shown(after, place) for place, _, _ in told if place != (0, 0)}
    assert {(c.row - 1, c.column - 1) for row in after for c in row if colour(c)} == expected
    assert not any(colour(c) for row in clean for c in row)
    assert {(c.row - 1, c.column - 1) for row in clean for c in row if c.comment} == commented


def _shown(sheet: Any, place: tuple[int, int]) -> tuple[int, int]:
    for area in sheet.merged_cells.ranges:
        if area.min_row <= place[0] + 1 <= area.max_row and (
            area.min_col <= place[1] + 1 <= area.max_col
        ):
            return area.min_row - 1, area.min_col - 1
    return place


def test_every_workbook_of_others_keeps_its_cells(shared_data: Path) -> None:
    checked = 0
    for path in sorted((shared_data / "workbooks").glob("*.xls[xm]")):
        content = path.read_bytes()
        try:
            before = read_cells(content)
        except calamine.CalamineError:
            continue
        marks = [
            mark([issue("B2"), issue("D40")], position, name=name)
            for position, name in enumerate(before)
        ]
        after = read_cells(give_back(content, marks, path.name)[1])
        assert {name: after[name] for name in before} == before, path.name
        checked += 1
    assert checked > 40


# -- many ---------------------------------------------------------------------------------------


def test_twenty_thousand_problems_are_marked_in_seconds() -> None:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"constant_memory": True})
    sheet = book.add_worksheet("投诉")
    for row in range(20_001):
        sheet.write_row(row, 0, [f"{row}", row, "停车", "翠屏家园"])
    book.close()
    issues = [
        issue(f"{'ABCD'[n % 4]}{n + 2}", severity=[ERROR, WARNING][n % 3 > 0])
        for n in range(20_000)
    ]
    started = time.process_time()
    content = give_back(buffer.getvalue(), [mark(issues)])[1]
    assert time.process_time() - started < 10
    parts = unpack(content)
    comments = next(data for name, data in parts.items() if "comments" in name)
    assert comments.count(b"<comment ") == returned.MAX_COMMENTS
    cells = read_cells(content)
    assert (
        sum(row[:1] != [] and row[-1] in ("未入库", "提醒") for row in cells[LIST_TITLE]) == 20_000
    )
    assert any("其余 15000 格只涂了颜色" in str(row[0]) for row in cells[LIST_TITLE])
    styles = Book(content).styles
    ours = styles.with_fills(styles.find_fills({RED, YELLOW}))
    used = re.findall(rb'<c s="(\d+)"', parts["xl/worksheets/sheet1.xml"])
    assert sum(int(style) in ours for style in used) == 20_000


def test_errors_are_commented_before_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned, "MAX_COMMENTS", 2)
    issues = [
        issue("A2", severity=WARNING),
        issue("A3", severity=WARNING),
        issue("B4"),
        issue("C4"),
    ]
    sheet = opened(give_back(save(plain_book()), [mark(issues)])[1])["投诉"]
    assert {c.coordinate for row in sheet for c in row if c.comment} == {"B4", "C4"}
    assert colour(sheet["A2"]) == YELLOW


def test_a_list_that_is_too_long_says_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned, "MAX_ROWS", 8)
    issues = [issue(f"{get_column_letter(n)}3") for n in range(1, 7)]
    content = give_back(save(plain_book()), [mark(issues)])[1]
    assert len(list_of(content)) == 2
    assert "还有 4 处没有列出" in head_of(content)

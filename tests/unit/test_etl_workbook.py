"""Files of any kind to sheets of cells; what is no table is refused in one sentence."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import FileError
from etl.files.limits import Limits
from etl.files.texts import decode_text
from etl.sheet import Cell, Sheet, address
from etl.workbook import Reader, Workbook

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=60)
GRID = [["小区名称", "总户数"], ["翠屏家园", "1200"], ["荷塘，月色", "85"]]


READER = Reader()


@pytest.fixture(scope="module", autouse=True)
def reader() -> Iterator[Reader]:
    """One child process for all tests here: starting it takes longer than reading a small file."""
    yield READER
    READER.close()


def read(path: Path) -> Workbook:
    return READER.read(path)


def save(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def refuse(path: Path) -> str:
    with pytest.raises(FileError) as caught:
        read(path)
    said = str(caught.value)
    assert f"《{path.name}》" in said
    assert any("\u4e00" <= char <= "\u9fff" for char in said.replace(path.name, ""))
    return said


def only_sheet(path: Path) -> Sheet:
    sheets = read(path).sheets
    assert len(sheets) == 1
    return sheets[0]


def rows_of(sheet: Sheet) -> list[list[Cell]]:
    return list(sheet.rows())


def only_rows(path: Path) -> list[list[Cell]]:
    return rows_of(only_sheet(path))


def xlsx_bytes(rows: list[list[Any]], title: str = "表") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# -- text files -------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_text_is_read_in_every_encoding(
    encoding: str, delimiter: str, newline: str, tmp_path: Path
) -> None:
    text = newline.join(delimiter.join(row) for row in GRID)
    sheet = only_sheet(save(tmp_path / "小区.csv", text.encode(encoding)))
    assert sheet == Sheet.of("小区", GRID)


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".tsv", ".txt"])
def test_text_is_known_by_its_suffix(suffix: str, tmp_path: Path) -> None:
    assert only_rows(save(tmp_path / f"a{suffix}", b"a\tb\n1\t2\n")) == [
        ["a", "b"],
        ["1", "2"],
    ]


def test_commas_in_sentences_do_not_part_a_file_of_tabs(tmp_path: Path) -> None:
    text = "工单编号\t诉求内容\nG1\t噪音,停车,垃圾,灯\nG2\t电梯,漏水,围墙\n"
    sheet = only_sheet(save(tmp_path / "工单.tsv", text.encode()))
    assert rows_of(sheet)[1] == ["G1", "噪音,停车,垃圾,灯"]


def test_semicolons_in_quoted_sentences_do_not_part_a_file_of_commas(tmp_path: Path) -> None:
    text = '编号,内容\nG1,"噪音;停车;垃圾;灯"\nG2,"电梯;漏水;围墙"\n'
    assert only_rows(save(tmp_path / "工单.csv", text.encode()))[1] == [
        "G1",
        "噪音;停车;垃圾;灯",
    ]


def test_quoted_cells_hold_commas_quotes_and_lines(tmp_path: Path) -> None:
    text = 'a,b\n"1,200","他说""好""\n第二行"\n'
    sheet = only_sheet(save(tmp_path / "a.csv", text.encode()))
    assert rows_of(sheet) == [["a", "b"], ["1,200", '他说"好"\n第二行']]


def test_an_open_quote_does_not_swallow_the_rest_of_the_file(tmp_path: Path) -> None:
    text = '小区名称,总户数\n"翠屏家园,1200\n荷塘小区,85\n'
    assert "引号" in refuse(save(tmp_path / "小区.csv", text.encode()))


def test_marks_that_nobody_sees_are_taken_off(tmp_path: Path) -> None:
    text = "\ufeffa,b\n\u3000翠屏\xa0,\u200b12\ufeff \n"
    assert only_rows(save(tmp_path / "a.csv", text.encode())) == [["a", "b"], ["翠屏", "12"]]


def test_a_byte_order_mark_alone_is_an_empty_file(tmp_path: Path) -> None:
    assert "是空的" in refuse(save(tmp_path / "a.csv", b"\xef\xbb\xbf"))
    assert "是空的" in refuse(save(tmp_path / "b.csv", b"\xff\xfe"))


def test_text_in_no_encoding_is_said_to_be_so() -> None:
    with pytest.raises(FileError, match="《a.csv》的文字编码认不出来"):
        decode_text("a.csv", b"\xff\xff\xff\xff\x81")


def test_utf8_outweighs_gb18030() -> None:
    text = "联通联通"
    assert decode_text("a.csv", text.encode("utf-8")) == text
    assert decode_text("a.csv", text.encode("gb18030")) == text
    assert decode_text("a.csv", "㐀𠀀".encode("gb18030")) == "㐀𠀀"


# -- records ----------------------------------------------------------------------------------


def test_a_list_of_records_is_a_table(tmp_path: Path) -> None:
    records = [{"小区": "翠屏", "户数": 12}, {"户数": 3.5, "电梯": True, "备注": None}]
    sheet = only_sheet(save(tmp_path / "小区.json", json.dumps(records).encode()))
    assert rows_of(sheet) == [
        ["小区", "户数", "电梯", "备注"],
        ["翠屏", 12, "", ""],
        ["", 3.5, "是", ""],
    ]


def test_records_keyed_by_name_are_a_table(tmp_path: Path) -> None:
    text = json.dumps({"x": {"小区": "翠屏"}, "y": {"小区": "荷塘"}})
    sheet = only_sheet(save(tmp_path / "a.json", text.encode("utf-8-sig")))
    assert rows_of(sheet) == [["小区"], ["翠屏"], ["荷塘"]]


@pytest.mark.parametrize(
    "text",
    ["{", "3", '"x"', "[1, 2]", '{"a": 1}', "[", "nul", "[" * 100_000, '{"a":' * 100_000],
    ids=["{", "3", "text", "numbers", "plain", "[", "nul", "deep list", "deep object"],
)
def test_json_that_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    refuse(save(tmp_path / "a.json", text.encode()))


@pytest.mark.parametrize("text", ["[]", "{}", "[{}]"])
def test_json_without_records_is_empty(text: str, tmp_path: Path) -> None:
    assert "是空的" in refuse(save(tmp_path / "a.json", text.encode()))


def test_half_a_letter_in_json_does_not_reach_the_store(tmp_path: Path) -> None:
    # A lone surrogate cannot be written in UTF-8: neither hashed nor stored.
    path = save(tmp_path / "a.json", b'[{"\\u5c0f\\u533a": "\\ud83d x"}]')
    for row in only_rows(path):
        for cell in row:
            str(cell).encode("utf-8")


# -- spreadsheets -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["表.xlsx", "表.xls", "表.et", "表.XLSX", "表.csv", "表.txt", "表.dat", "表"]
)
def test_a_workbook_is_known_by_its_bytes(name: str, tmp_path: Path) -> None:
    path = save(tmp_path / name, xlsx_bytes([["小区", "户数"], ["翠屏", 12]]))
    assert only_sheet(path) == Sheet.of("表", [["小区", "户数"], ["翠屏", 12.0]])


@pytest.mark.parametrize("name", ["旧表.xls", "旧表.xlsx", "旧表.et"])
def test_an_old_workbook_is_known_by_its_bytes(name: str, tmp_path: Path) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("楼栋")
    for row, cells in enumerate(GRID):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell)
    book.save(str(tmp_path / "x"))
    path = (tmp_path / "x").rename(tmp_path / name)
    assert only_sheet(path) == Sheet.of("楼栋", GRID)


def test_cells_keep_their_types(tmp_path: Path) -> None:
    moment = datetime(2025, 1, 3, 9, 20)
    rows = [["字", 1, 2.5, date(2025, 1, 3), moment, True, False, None, "尾"]]
    sheet = only_sheet(save(tmp_path / "a.xlsx", xlsx_bytes(rows)))
    assert rows_of(sheet) == [["字", 1.0, 2.5, date(2025, 1, 3), moment, "是", "否", "", "尾"]]
    assert all(type(cell) in (str, int, float, date, datetime) for cell in rows_of(sheet)[0])


def test_cells_stand_where_the_spreadsheet_shows_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet["C4"] = "远"
    sheet["A6"] = "下"
    book.save(tmp_path / "a.xlsx")
    rows = only_rows(tmp_path / "a.xlsx")
    assert rows[3][2] == "远"
    assert rows[5][0] == "下"
    assert len(rows) == 6
    assert all(cell == "" for row in rows[:3] for cell in row)


@pytest.mark.parametrize(
    ("row", "column", "shown"), [(0, 0, "A1"), (9, 25, "Z10"), (0, 26, "AA1"), (99, 701, "ZZ100")]
)
def test_addresses_are_those_of_spreadsheet_programs(row: int, column: int, shown: str) -> None:
    assert address(row, column) == shown


def test_ghost_rows_are_left_out(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["小区"], ["翠屏"], *[[" "] for _ in range(3000)]]
    assert only_rows(save(tmp_path / "a.xlsx", xlsx_bytes(rows))) == [["小区"], ["翠屏"]]
    text = "小区,户数\n翠屏,1\n" + ",\n" * 3000
    assert len(only_rows(save(tmp_path / "a.csv", text.encode()))) == 2


def test_a_blank_row_amid_the_rows_stays(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", xlsx_bytes([["小区"], [None], ["翠屏"]]))
    assert only_rows(path) == [["小区"], [""], ["翠屏"]]


def test_hidden_sheets_are_read_and_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title, state in (("明", "visible"), ("暗", "hidden"), ("更暗", "veryHidden")):
        sheet = book.create_sheet(title)
        sheet["A1"] = title
        sheet.sheet_state = state
    book.remove(book.worksheets[0])
    book.save(tmp_path / "a.xlsx")
    sheets = read(tmp_path / "a.xlsx").sheets
    assert [(s.name, s.is_hidden) for s in sheets] == [("明", False), ("暗", True), ("更暗", True)]
    assert [rows_of(s) for s in sheets] == [[["明"]], [["暗"]], [["更暗"]]]


def test_empty_sheets_beside_others_are_kept_without_rows(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["a"])
    book.create_sheet("空")
    book.save(tmp_path / "a.xlsx")
    assert [rows_of(sheet) for sheet in read(tmp_path / "a.xlsx").sheets] == [[["a"]], []]


def test_a_chart_on_a_page_of_its_own_does_no_harm(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        book.add_worksheet("表").write_row(0, 0, ["小区", "户数"])
        chart = book.add_chart({"type": "bar"})
        chart.add_series({"values": "=表!$B$1:$B$1"})
        book.add_chartsheet("图").set_chart(chart)
    sheets = read(tmp_path / "a.xlsx").sheets
    assert [rows_of(sheet) for sheet in sheets if rows_of(sheet)] == [[["小区", "户数"]]]


def merged(path: Path, rows: list[list[Any]], *ranges: str) -> list[list[Cell]]:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    for cells in ranges:
        sheet.merge_cells(cells)
    book.save(path)
    return only_rows(path)


def test_text_merged_downwards_is_repeated(tmp_path: Path) -> None:
    rows = [["小区", "楼栋"], ["翠屏", "1栋"], [None, "2栋"], [None, "3栋"], ["荷塘", "1栋"]]
    assert merged(tmp_path / "a.xlsx", rows, "A2:A4") == [
        ["小区", "楼栋"],
        ["翠屏", "1栋"],
        ["翠屏", "2栋"],
        ["翠屏", "3栋"],
        ["荷塘", "1栋"],
    ]


def test_a_day_merged_downwards_is_repeated(tmp_path: Path) -> None:
    day = datetime(2025, 1, 3)
    found = merged(tmp_path / "a.xlsx", [[day, "1栋"], [None, "2栋"]], "A1:A2")
    assert found[1][0] == found[0][0]
    assert found[0][0] in (day, day.date())


def test_a_number_merged_downwards_counts_once(tmp_path: Path) -> None:
    found = merged(tmp_path / "a.xlsx", [["1栋", 120], ["2栋", None]], "B1:B2")
    assert found == [["1栋", 120.0], ["2栋", ""]]


def test_a_title_merged_across_stays_one_cell(tmp_path: Path) -> None:
    found = merged(
        tmp_path / "a.xlsx",
        [["台账", None, None], ["小区", "户数", "类型"], ["翠屏", 1, "商品房"]],
        "A1:C1",
    )
    assert found[0] == ["台账", "", ""]


def test_merged_cells_make_no_rows_out_of_blank_ones(tmp_path: Path) -> None:
    found = merged(tmp_path / "a.xlsx", [["翠屏", "1栋"], [None, None], [None, None]], "A1:A3")
    assert found == [["翠屏", "1栋"]]


# -- what is no table -------------------------------------------------------------------------


def truncated() -> bytes:
    whole = xlsx_bytes([["小区", "户数"]] * 50)
    return whole[: len(whole) // 2]


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as pack:
        pack.writestr(name, "内容")
    return buffer.getvalue()


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
NO_TABLES = {
    "0字节.xlsx": b"",
    "0字节.csv": b"",
    "0字节.json": b"",
    "截断.xlsx": truncated(),
    "只有头.xlsx": b"PK\x03\x04",
    "压缩包.xlsx": zipped("a.txt"),
    "压缩包.csv": zipped("a.txt"),
    "像表.xlsx": zipped("xl/workbook.xml"),
    "截断.xls": OLE + b"\x00" * 100,
    "只有头.xls": OLE,
    "乱码.xlsx": bytes(range(256)) * 20,
    "乱码.csv": bytes(range(256)) * 20,
    "图片.xls": b"\x89PNG\r\n\x1a\n" + b"\x00" * 200,
    "文档.docx": zipped("word/document.xml"),
    "文档.pdf": b"%PDF-1.7\n",
    "程序.exe": b"MZ" + b"\x00" * 200,
    "空表.csv": b"\n\n,,,\n  ,\n",
    "空格.txt": b"   \n\t\n",
}


@pytest.mark.parametrize("name", NO_TABLES)
def test_what_is_no_table_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    refuse(save(tmp_path / name, NO_TABLES[name]))


def test_a_workbook_of_empty_sheets_is_empty(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.create_sheet("二")
    book.save(tmp_path / "空.xlsx")
    assert "是空的" in refuse(tmp_path / "空.xlsx")


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "文件夹.xlsx").mkdir()
    assert "文件夹" in refuse(tmp_path / "文件夹.xlsx").replace("《文件夹.xlsx》", "")
    assert "找不到" in refuse(tmp_path / "没有.xlsx")
    refuse(save(tmp_path / "a.csv", b"a") / "b.csv")
    refuse(tmp_path / ("长" * 300 + ".xlsx"))


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="the superuser may read anything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "锁.csv", b"a,b\n1,2\n")
    path.chmod(0)
    assert "权限" in refuse(path)


def test_a_file_beyond_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = save(tmp_path / "大.csv", b"a,b\n1,2\n3,4\n")
    with Reader(Limits(size=10)) as reader:
        with pytest.raises(FileError, match="《大.csv》有.*超过上限"):
            reader.read(path)
        path.write_bytes(b"a,b\n1,2\n")
        assert reader.read(path).sheets[0].height == 2


@given(st.binary(max_size=600), st.sampled_from([".xlsx", ".xls", ".csv", ".txt", ".json", ".ods"]))
@settings(QUICK, max_examples=200)
def test_any_bytes_are_sheets_or_a_sentence(content: bytes, suffix: str) -> None:
    read_or_refuse(content, suffix)


@given(
    st.sampled_from([b"PK\x03\x04", OLE, b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b'"', b'[{"']),
    st.binary(max_size=600),
    st.sampled_from([".xlsx", ".xls", ".csv", ".json"]),
)
@settings(QUICK, max_examples=200)
def test_any_bytes_behind_a_known_beginning_too(head: bytes, rest: bytes, suffix: str) -> None:
    read_or_refuse(head + rest, suffix)


WHOLE = xlsx_bytes([["小区", "户数", "日期"], ["翠屏", 12, date(2025, 1, 3)]] * 20)


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4))
@settings(QUICK, max_examples=200)
def test_a_damaged_workbook_is_sheets_or_a_sentence(place: int, noise: bytes) -> None:
    read_or_refuse(WHOLE[:place] + noise + WHOLE[place + len(noise) :], ".xlsx")


def read_or_refuse(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder) / f"某表{suffix}", content)
        try:
            book = read(path)
        except FileError as error:
            assert "《某表" in str(error)
            return
        assert any(rows_of(sheet) for sheet in book.sheets)
        for sheet in book.sheets:
            for row in rows_of(sheet):
                assert all(type(cell) in (str, int, float, date, datetime) for cell in row)


# -- there and back ---------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co", "Zs", "Zl", "Zp", "Cf")), max_size=8
).filter(lambda text: not text.startswith(("=", "_x")))
GRIDS = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), min_size=1, max_size=5)
)


def trimmed(rows: list[list[str]]) -> list[list[str]]:
    end = max((n for n, row in enumerate(rows, start=1) if any(row)), default=0)
    return rows[:end]


def padded(rows: list[list[Cell]], width: int) -> list[list[Cell]]:
    return [[*row, *[""] * (width - len(row))] for row in rows]


@given(GRIDS.filter(lambda rows: any(map(any, rows))))
@QUICK
def test_texts_come_back_from_a_workbook(rows: list[list[str]]) -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        sheet = book.add_worksheet("表")
        for number, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write_string(number, place, cell)
    with tempfile.TemporaryDirectory() as folder:
        found = only_sheet(save(Path(folder) / "a.xlsx", buffer.getvalue()))
    assert padded(rows_of(found), len(rows[0])) == trimmed(rows)


@given(
    GRIDS.filter(lambda rows: any(map(any, rows))), st.sampled_from(["utf-8", "gb18030", "utf-16"])
)
@QUICK
def test_texts_come_back_from_a_csv(rows: list[list[str]], encoding: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["甲", *"," * (len(rows[0]) - 1)], *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder) / "a.csv", buffer.getvalue().encode(encoding))
        found = only_rows(path)
    assert found[1:] == trimmed(rows)


# -- files that nobody here wrote -------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".xls", ".xlsx", ".xlsb", ".ods"])
def test_a_chart_sheet_does_not_hide_the_tables_beside_it(suffix: str, shared_data: Path) -> None:
    book = read(shared_data / "workbooks" / f"any_sheets{suffix}")
    shown = [sheet for sheet in book.sheets if rows_of(sheet)]
    assert [rows_of(sheet)[:3] for sheet in shown] == [[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]]
    assert any(sheet.is_hidden for sheet in book.sheets)


@pytest.mark.parametrize(
    "name", ["date.xls", "date.xlsx", "date.xlsb", "date_1904.xls", "date_1904.xlsx"]
)
def test_days_of_both_epochs_are_the_same_days(name: str, shared_data: Path) -> None:
    rows = only_rows(shared_data / "workbooks" / name)
    first = rows[0][0]
    assert isinstance(first, (date, datetime))
    assert first.isoformat()[:10] == "2021-01-01"

"""Web pages and XML saved as .xls, csv under any name: read as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from etl.errors import FileError
from etl.sheet import Cell, Sheet
from etl.workbook import Reader


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def sheet_of(reader: Reader, path: Path, content: str | bytes) -> Sheet:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    sheets = reader.read(path).sheets
    assert len(sheets) == 1
    return sheets[0]


def rows_of(sheet: Sheet) -> list[list[Cell]]:
    return list(sheet.rows())


def page(*rows: str) -> str:
    return (
        "<html><body><table>"
        + "".join(f"<tr>{row}</tr>" for row in rows)
        + "</table></body></html>"
    )


# -- web pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("name", ["投诉.xls", "投诉.xlsx", "投诉.csv", "投诉.et"])
def test_a_web_page_is_read_under_any_name(
    reader: Reader, encoding: str, name: str, tmp_path: Path
) -> None:
    text = '<meta charset="gb2312">' + page("<th>小区<th>户数", "<td>翠屏 &amp; 荷塘<td> 12 ")
    sheet = sheet_of(reader, tmp_path / name, text.encode(encoding))
    assert sheet == Sheet.of("投诉", [["小区", "户数"], ["翠屏 & 荷塘", "12"]])
    assert reader.read(tmp_path / name).notes[0].startswith(f"《{name}》其实是网页")


def test_lines_and_marks_inside_a_cell_stay_one_cell(reader: Reader, tmp_path: Path) -> None:
    text = page("<td>内容<td>号", "<td><b>噪</b>音<br>停\n  车<script></script><td>&nbsp;7&nbsp;")
    assert rows_of(sheet_of(reader, tmp_path / "a.xls", text))[1] == ["噪音\n停 车", "7"]


def test_merged_cells_of_a_page_keep_their_columns(reader: Reader, tmp_path: Path) -> None:
    text = page(
        "<td colspan=3>台账",
        "<td>小区<td>楼栋<td>户数",
        "<td rowspan=2>翠屏<td>1栋<td rowspan='2'>60",
        "<td>2栋",
        "<td>荷塘<td>1栋<td>5",
    )
    assert rows_of(sheet_of(reader, tmp_path / "a.xls", text)) == [
        ["台账", "", ""],
        ["小区", "楼栋", "户数"],
        ["翠屏", "1栋", "60"],
        ["翠屏", "2栋", ""],
        ["荷塘", "1栋", "5"],
    ]


def test_a_cell_that_reaches_beyond_its_table_does_not_reach_the_next(
    reader: Reader, tmp_path: Path
) -> None:
    text = "<html><table><tr><td rowspan=9>甲<td>1</table><table><tr><td>乙<td>2</table>"
    assert rows_of(sheet_of(reader, tmp_path / "a.xls", text)) == [
        ["甲", "1"],
        ["", ""],
        ["乙", "2"],
    ]


def test_tables_that_hold_tables_are_layout(reader: Reader, tmp_path: Path) -> None:
    text = "<table><tr><td>菜单<td><table><tr><td>小区<td>户数</table></table>"
    assert rows_of(sheet_of(reader, tmp_path / "a.xls", text)) == [["小区", "户数"]]


def test_hidden_rows_and_the_name_of_the_sheet_are_taken_over(
    reader: Reader, tmp_path: Path
) -> None:
    text = "<!--[if gte mso 9]><xml><x:Name>六月&amp;七月</x:Name></xml><![endif]-->" + (
        "<table><tr><td>小区<tr style='mso-x:y;DISPLAY: none'><td>翠屏<tr><td>荷塘</table>"
    )
    sheet = sheet_of(reader, tmp_path / "a.xls", text)
    assert (sheet.name, sheet.hidden_rows, sheet.height) == ("六月&七月", frozenset({1}), 3)


@pytest.mark.parametrize("span", ["0", "-3", "x", "99999999999999999999", "1e9", "٣"])
def test_a_strange_span_does_no_harm(reader: Reader, span: str, tmp_path: Path) -> None:
    text = page(f"<td>甲<td rowspan='{span}'>乙", "<td>丙")
    assert rows_of(sheet_of(reader, tmp_path / "a.xls", text))[0] == ["甲", "乙"]


def test_spans_that_add_up_to_too_much_are_refused(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "宽.xls"
    path.write_text(page("<td colspan=1000>x" * 20))
    with pytest.raises(FileError, match="《宽.xls》.*超过上限"):
        reader.read(path)


@pytest.mark.parametrize(
    "text", ["<html><body>请先登录</body></html>", "<", "<!DOCTYPE html>", "<a"]
)
def test_a_page_without_a_table_says_so(reader: Reader, text: str, tmp_path: Path) -> None:
    path = tmp_path / "登录.xls"
    path.write_text(text)
    with pytest.raises(FileError, match="《登录.xls》"):
        reader.read(path)


# -- SpreadsheetML 2003 -------------------------------------------------------------------------

XML = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
 <Worksheet ss:Name="楼栋"><Table>
  <Row><Cell><Data ss:Type="String">小区</Data></Cell><Cell ss:Index="3"><Data
   ss:Type="String">建成</Data></Cell></Row>
  <Row ss:Index="3" ss:Hidden="1"><Cell ss:MergeDown="1"><Data ss:Type="String">翠屏</Data></Cell>
   <Cell><Data ss:Type="Number">12</Data></Cell>
   <Cell><Data ss:Type="DateTime">2025-01-03T00:00:00.000</Data></Cell></Row>
  <Row><Cell ss:Index="2"><Data ss:Type="Boolean">1</Data></Cell>
   <Cell><Data ss:Type="DateTime">2025-01-03T09:30:00.000</Data></Cell>
   <Cell><Data ss:Type="Error">#REF!</Data></Cell></Row>
 </Table></Worksheet>
 <Worksheet ss:Name="空"/>
</Workbook>"""


def test_a_workbook_in_xml_is_read(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_text(XML)
    first, second = reader.read(path).sheets
    assert (first.name, second.name, second.height) == ("楼栋", "空", 0)
    assert rows_of(first) == [
        ["小区", "", "建成", ""],
        ["", "", "", ""],
        ["翠屏", 12.0, date(2025, 1, 3), ""],
        ["翠屏", "是", datetime(2025, 1, 3, 9, 30), "#REF!"],
    ]
    assert first.hidden_rows == frozenset({2})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('ss:Index="3" ss:Hidden', 'ss:Index="999999999" ss:Hidden'),
        ('<Cell ss:Index="3">', '<Cell ss:Index="99999999">'),
        ('ss:MergeDown="1"', 'ss:MergeDown="x"'),
        ("</Workbook>", ""),
    ],
)
def test_a_workbook_in_broken_xml_is_refused(
    reader: Reader, old: str, new: str, tmp_path: Path
) -> None:
    path = tmp_path / "坏.xls"
    path.write_text(XML.replace(old, new))
    with pytest.raises(FileError, match="《坏.xls》"):
        reader.read(path)


def test_xml_reads_no_other_file(reader: Reader, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("机密")
    kind = f'<!DOCTYPE Workbook [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    path = tmp_path / "a.xls"
    path.write_text(XML.replace("<Workbook", f"{kind}<Workbook", 1).replace("小区", "&x;区"))
    try:
        shown = str([rows_of(sheet) for sheet in reader.read(path).sheets])
    except FileError:
        shown = ""
    assert "机密" not in shown


def test_entities_of_entities_are_not_unfolded(reader: Reader, tmp_path: Path) -> None:
    kinds = "".join(f'<!ENTITY x{n + 1} "{f"&x{n};" * 10}">' for n in range(12))
    kind = f'<!DOCTYPE Workbook [<!ENTITY x0 "哈">{kinds}]>'
    path = tmp_path / "炸.xls"
    path.write_text(XML.replace("<Workbook", f"{kind}<Workbook", 1).replace("小区", "&x12;"))
    try:
        assert reader.read(path).sheets[0].height == 4
    except FileError as error:
        assert "秒还没有读完" not in str(error)


# -- texts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["表.xls", "表.xlsx", "表.et", "表.ods"])
@pytest.mark.parametrize("mark", [",", "\t"])
def test_a_csv_under_the_name_of_a_workbook_is_read(
    reader: Reader, name: str, mark: str, tmp_path: Path
) -> None:
    text = f"小区{mark}户数\n翠屏{mark}12\n"
    sheet = sheet_of(reader, tmp_path / name, text.encode("gb18030"))
    assert sheet == Sheet.of("表", [["小区", "户数"], ["翠屏", "12"]])
    assert "文本格式" in reader.read(tmp_path / name).notes[0]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_read_where_it_is_certain(
    reader: Reader, encoding: str, tmp_path: Path
) -> None:
    text = "小区,户数\n翠屏家园,12\n荷塘月色,9\n"
    sheet = sheet_of(reader, tmp_path / "a.csv", text.encode(encoding))
    assert rows_of(sheet) == [["小区", "户数"], ["翠屏家园", "12"], ["荷塘月色", "9"]]


def test_a_line_that_names_the_mark_is_for_excel_only(reader: Reader, tmp_path: Path) -> None:
    text = "sep=;\r\n小区;户数,户\r\n翠屏;12\r\n"
    assert rows_of(sheet_of(reader, tmp_path / "a.csv", text)) == [
        ["小区", "户数,户"],
        ["翠屏", "12"],
    ]


def test_a_letter_cut_by_the_end_of_a_piece_is_read(reader: Reader, tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f"{n},翠屏家园第{n}号𠀀\n" for n in range(60_000))
    for encoding in ("utf-8", "gb18030", "utf-16"):
        sheet = sheet_of(reader, tmp_path / "a.csv", text.encode(encoding))
        assert sheet.height == 60_001
        assert sheet.row(60_000) == ["59999", "翠屏家园第59999号𠀀"]


def test_a_wrong_byte_far_down_is_no_utf8(reader: Reader, tmp_path: Path) -> None:
    content = ("a,b\n" + "甲,乙\n" * 200_000).encode() + "丙,丁\n".encode("gb18030") + b"\xff\xff\n"
    path = tmp_path / "混.csv"
    path.write_bytes(content)
    with pytest.raises(FileError, match="《混.csv》的文字编码认不出来"):
        reader.read(path)


def test_an_open_quote_far_down_is_found(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "引.csv"
    path.write_text("a,b\n" + "甲,乙\n" * 1000 + '"丙,丁\n' + "甲,乙\n" * 1000)
    with pytest.raises(FileError, match="《引.csv》里有一个引号没有成对"):
        reader.read(path)

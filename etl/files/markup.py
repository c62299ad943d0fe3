"""Web pages and XML that office systems save as .xls: their tables as pages of cells."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from lxml import etree
from lxml.html import HTMLParser, document_fromstring

from etl.errors import FileError
from etl.files.limits import MAX_COLUMNS, MAX_ROWS, damaged, too_many_cells
from etl.files.merged import Range, fill_merged
from etl.files.page import Page
from etl.files.texts import decode_text

MAX_SPAN = 65_534
_WORKBOOK = b"urn:schemas-microsoft-com:office:spreadsheet"
_SS = "{urn:schemas-microsoft-com:office:spreadsheet}"
_NAME = re.compile(r"<x:Name>([^<]{1,100})</x:Name>")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_NUMBER = re.compile(r"[\s\d.,%+-]+")
# Stands for a line break while runs of blanks are made one.
_BREAK = "\u2028"


def read_markup(name: str, file: BinaryIO) -> list[Page]:
    """The pages of a web page (one, its tables below each other) or of SpreadsheetML 2003.

    Raises
    ------
    FileError
        It holds no table.
    """
    file.seek(0)
    if _WORKBOOK in file.read(4096).replace(b"\x00", b"") and not _is_web_page(file):
        return _read_xml(name, file)
    file.seek(0)
    return [_read_html(name, decode_text(name, file.read()))]


def _is_web_page(file: BinaryIO) -> bool:
    file.seek(0)
    return b"<html" in file.read(4096).replace(b"\x00", b"").lower()


# -- web pages ----------------------------------------------------------------------------------


def _read_html(name: str, text: str) -> Page:
    try:
        parser = HTMLParser(encoding="utf-8", no_network=True, remove_comments=True)
        root = document_fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise damaged(name) from error
    # Tables that only hold tables are layout.
    tables = [table for table in root.iter("table") if table.find(".//table") is None]
    if not tables:
        raise FileError(f"《{name}》其实是一个网页，里面没有表格。请重新导出为 xlsx 再放进来。")
    titles = _NAME.findall(text)
    title = html.unescape(titles[0]) if len(titles) == 1 else Path(name).stem
    rows: list[list[str]] = []
    ranges: list[Range] = []
    hidden: set[int] = set()
    for table in tables:
        if rows:
            rows.append([])
        _read_table(name, title, table, rows, ranges, hidden)
    texts = [mark for mark in ranges if not _NUMBER.fullmatch(rows[mark[0][0]][mark[0][1]])]
    return Page(title, fill_merged(rows, texts), hidden_rows=frozenset(hidden))


def _read_table(
    name: str,
    title: str,
    table: Any,
    rows: list[list[str]],
    ranges: list[Range],
    hidden: set[int],
) -> None:
    """Add one table's rows, what is merged in them and which of them are hidden."""
    # Until which row a column is taken by a cell that reaches down.
    reach: dict[int, int] = {}
    lines = list(table.iter("tr"))
    end = len(rows) + len(lines) - 1
    for line in lines:
        if _HIDDEN.search(line.get("style") or ""):
            hidden.add(len(rows))
        rows.append(_read_line(line, len(rows), end, reach, ranges))
        if len(rows[-1]) > MAX_COLUMNS:
            raise too_many_cells(name, title, len(rows), len(rows[-1]))


def _read_line(
    line: Any, number: int, end: int, reach: dict[int, int], ranges: list[Range]
) -> list[str]:
    """The cells of one row; those that a cell above reaches down to are left empty."""
    row: list[str] = []
    for cell in line.iterchildren("td", "th"):
        while reach.get(len(row), -1) >= number:
            row.append("")
        text, left = _text_of(cell), len(row)
        across = _span(cell, "colspan", 1000)
        bottom = min(number + _span(cell, "rowspan", MAX_SPAN) - 1, end)
        row.extend([text, *[""] * (across - 1)])
        if bottom > number:
            ranges.append(((number, left), (bottom, left + across - 1)))
            reach.update(dict.fromkeys(range(left, left + across), bottom))
        if len(row) > MAX_COLUMNS:
            break
    return row


def _span(cell: Any, attribute: str, most: int) -> int:
    text = (cell.get(attribute) or "").strip()
    return max(1, min(int(text), most)) if text.isascii() and text[:6].isdecimal() else 1


def _text_of(cell: Any) -> str:
    for mark in cell.iter("br"):
        mark.tail = _BREAK + (mark.tail or "")
    text = re.sub(r"[ \t\r\n]+", " ", "".join(cell.itertext()))
    return text.replace(_BREAK, "\n")


# -- SpreadsheetML 2003 -------------------------------------------------------------------------


def _read_xml(name: str, file: BinaryIO) -> list[Page]:
    file.seek(0)
    pages: list[Page] = []
    try:
        events = etree.iterparse(
            io.BytesIO(file.read()),
            events=("end",),
            tag=f"{_SS}Worksheet",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
        )
        for _event, sheet in events:
            pages.append(_read_sheet(name, sheet, len(pages)))
            sheet.clear()
    except (etree.LxmlError, ValueError, OverflowError) as error:
        raise damaged(name) from error
    return pages


def _read_sheet(name: str, sheet: Any, position: int) -> Page:
    title = sheet.get(f"{_SS}Name") or Path(name).stem
    rows: list[list[Any]] = []
    ranges: list[Range] = []
    hidden: set[int] = set()
    for line in sheet.iterfind(f"{_SS}Table/{_SS}Row"):
        number = int(line.get(f"{_SS}Index") or len(rows) + 1) - 1
        if number >= MAX_ROWS:
            raise too_many_cells(name, title, number + 1, 1)
        rows.extend([] for _ in range(number - len(rows)))
        if line.get(f"{_SS}Hidden") == "1":
            hidden.add(len(rows))
        rows.append(_read_row(name, title, line, len(rows), ranges))
    is_hidden = any("Hidden" in (mark.text or "") for mark in sheet.iter("{*}Visible"))
    return Page(title, fill_merged(rows, ranges), is_hidden, frozenset(hidden), position)


def _read_row(name: str, title: str, line: Any, number: int, ranges: list[Range]) -> list[Any]:
    row: list[Any] = []
    for cell in line.iterfind(f"{_SS}Cell"):
        place = int(cell.get(f"{_SS}Index") or len(row) + 1) - 1
        across = int(cell.get(f"{_SS}MergeAcross") or 0)
        down = int(cell.get(f"{_SS}MergeDown") or 0)
        if max(place, 0) + across >= MAX_COLUMNS:
            raise too_many_cells(name, title, number + 1, place + across + 1)
        row.extend("" for _ in range(place - len(row)))
        if down:
            ranges.append(((number, len(row)), (number + down, len(row) + across)))
        row.extend([_value_of(cell.find(f"{_SS}Data")), *[""] * across])
    return row


def _value_of(data: Any) -> Any:
    """The value of a cell by the type it states; what does not fit it stays the text it is."""
    if data is None:
        return ""
    text = "".join(data.itertext())
    read = _READERS.get(data.get(f"{_SS}Type") or "", str)
    try:
        return read(text)
    except ValueError:
        return text


_READERS: dict[str, Callable[[str], Any]] = {
    "Number": float,
    "DateTime": lambda text: datetime.fromisoformat(text).replace(tzinfo=None),
    "Boolean": lambda text: text.strip() in ("1", "true"),
}

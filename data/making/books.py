"""Workbooks as a clerk would lay them out, written the same byte for byte every time."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import xlwt
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

SAVED_ON = datetime(2026, 10, 31, 18, 0)
ZIP_TIME = (2026, 10, 31, 18, 0, 0)
THIN = Side(style="thin", color="FF808080")
BOX = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)
HEAD = PatternFill("solid", fgColor="FFD9E2EF")
WIDEST = 46


@dataclass(frozen=True)
class Sheet:
    """One sheet: lines above the header, the header, rows, a total, a line below."""

    name: str
    headers: list[str]
    rows: list[list[Any]]
    top: list[str] = field(default_factory=list)
    merge_down: tuple[int, ...] = ()  # columns whose equal neighbours become one merged cell
    total: list[Any] | None = None
    footer: str = ""

    def cell_name(self, row: int, header: str) -> str:
        """The address of one cell, as a spreadsheet says it; the row counts from zero."""
        column = get_column_letter(self.headers.index(header) + 1)
        return f"{column}{len(self.top) + 2 + row}"


def write_xlsx(path: Path, sheets: list[Sheet]) -> None:
    """One workbook, with nothing in it that depends on the day it was written."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    book.properties.creator = "T社区（虚构）"
    for sheet in sheets:
        fill_sheet(book.create_sheet(sheet.name), sheet)
    held = io.BytesIO()
    book.save(held)
    path.write_bytes(freeze_zip(held.getvalue()))


def freeze_zip(content: bytes) -> bytes:
    """The same archive with fixed times, inside and out."""
    stamp = SAVED_ON.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    held = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new,
    ):
        for name in sorted(old.namelist()):
            data = old.read(name)
            if name == "docProps/core.xml":
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, data)
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            entry.create_system = 3
            new.writestr(entry, data)
    return held.getvalue()


def fill_sheet(page: Worksheet, sheet: Sheet) -> None:
    """Title, header, rows, total and footer, with borders and widths."""
    width = len(sheet.headers)
    for i, line in enumerate(sheet.top, start=1):
        page.cell(i, 1, line).font = Font(name="宋体", size=16 if i == 1 else 10, bold=i == 1)
        page.cell(i, 1).alignment = Alignment(horizontal="center" if i == 1 else "left")
        page.merge_cells(start_row=i, start_column=1, end_row=i, end_column=width)
    start = len(sheet.top) + 1
    write_row(page, start, sheet.headers, bold=True, fill=HEAD)
    for i, row in enumerate(sheet.rows, start=start + 1):
        write_row(page, i, row)
    last = start + len(sheet.rows)
    merge_equal(page, sheet, start + 1)
    if sheet.total:
        last += 1
        write_row(page, last, sheet.total, bold=True)
    if sheet.footer:
        page.cell(last + 1, 1, sheet.footer).font = Font(name="宋体", size=10)
    set_widths(page, sheet)
    page.freeze_panes = page.cell(start + 1, 1)
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", 9


def write_row(
    page: Worksheet, at: int, values: list[Any], bold: bool = False, fill: PatternFill | None = None
) -> None:
    """One row of cells with borders."""
    for column, value in enumerate(values, start=1):
        cell = page.cell(at, column, value)
        cell.border = BOX
        cell.font = Font(name="宋体", size=11, bold=bold)
        if fill:
            cell.fill = fill
            cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        set_format(cell, value)


def set_format(cell: Cell, value: Any) -> None:
    """How dates and times look."""
    if isinstance(value, datetime):
        cell.number_format = "yyyy-mm-dd hh:mm"
    elif isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"


def merge_equal(page: Worksheet, sheet: Sheet, first: int) -> None:
    """Merge the equal neighbours of some columns downwards."""
    for column in sheet.merge_down:
        begin = 0
        for i in range(1, len(sheet.rows) + 1):
            value = sheet.rows[begin][column]
            if i < len(sheet.rows) and sheet.rows[i][column] == value:
                continue
            if i - begin > 1:
                page.merge_cells(start_row=first + begin, end_row=first + i - 1,
                                 start_column=column + 1, end_column=column + 1)  # fmt: skip
            page.cell(first + begin, column + 1).alignment = Alignment(
                horizontal="center", vertical="center"
            )
            begin = i


def set_widths(page: Worksheet, sheet: Sheet) -> None:
    """Columns as wide as their longest cell, within reason."""
    for column, header in enumerate(sheet.headers):
        widest = max([text_width(header), *(text_width(row[column]) for row in sheet.rows)])
        page.column_dimensions[get_column_letter(column + 1)].width = min(WIDEST, widest + 3)


def text_width(value: Any) -> int:
    """How many columns a value takes, a Chinese character counting twice."""
    if isinstance(value, datetime):
        return 16
    text = "" if value is None else str(value)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def write_xls(path: Path, sheets: list[Sheet]) -> None:
    """One workbook of the old kind (BIFF8), as old office PCs still save it."""
    book = xlwt.Workbook(encoding="utf-8")
    title = xlwt.easyxf("font: name 宋体, bold on, height 320; align: horiz center")
    head = xlwt.easyxf("font: name 宋体, bold on; align: horiz center, wrap on;"
                       "borders: left thin, right thin, top thin, bottom thin")  # fmt: skip
    plain = xlwt.easyxf("font: name 宋体; borders: left thin, right thin, top thin, bottom thin")
    for sheet in sheets:
        page = book.add_sheet(sheet.name)
        for i, line in enumerate(sheet.top):
            page.write_merge(i, i, 0, len(sheet.headers) - 1, line, title)
        start = len(sheet.top)
        for column, header in enumerate(sheet.headers):
            page.write(start, column, header, head)
            widest = max(text_width(header), *(text_width(row[column]) for row in sheet.rows))
            page.col(column).width = 256 * min(WIDEST, widest + 3)
        for i, row in enumerate(sheet.rows, start=start + 1):
            for column, value in enumerate(row):
                page.write(i, column, value, plain)
    held = io.BytesIO()
    book.save(held)
    path.write_bytes(held.getvalue())


def write_csv(path: Path, sheet: Sheet) -> None:
    """A platform's export: GB18030, no title, line ends of Windows."""
    with path.open("w", encoding="gb18030", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(sheet.headers)
        writer.writerows(sheet.rows)

"""Worksheets written anew: rows of styled cells, and a workbook of sheets as they were read."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from xml.sax.saxutils import escape

import pyarrow.compute as pc

from etl.marked.parts import Book, clean_text
from etl.sheet import Cells, Sheet, address

_SPECIAL = re.compile(r"[&<>_\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Programs read this as a letter by its number, so that who means it must say so.
_CODED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
MAX_TEXT = 32_767


class Styled(NamedTuple):
    """A cell to write: text, a number (dates are numbers here) or nothing, and its style."""

    value: str | float | None
    style: int = 0


def write_text(text: str) -> str:
    """Text for XML: what cannot be written is left out, and nothing of it is markup."""
    if len(text) <= MAX_TEXT and not _SPECIAL.search(text):
        return text
    return escape(_CODED.sub("_x005F_", clean_text(text)[:MAX_TEXT]))


def write_row(number: int, cells: Sequence[Styled | None], height: float = 0.0) -> str:
    """A row, counted from zero. Text is never a formula."""
    told = "".join(
        _write_cell(address(number, column), cell)
        for column, cell in enumerate(cells)
        if cell is not None
    )
    tall = f' ht="{height:g}" customHeight="1"' if height else ""
    return f'<row r="{number + 1}"{tall}>{told}</row>'


def _write_cell(where: str, cell: Styled) -> str:
    if cell.value is None or cell.value == "":
        return f'<c r="{where}" s="{cell.style}"/>'
    if isinstance(cell.value, str):
        text = write_text(cell.value)
        return (
            f'<c r="{where}" s="{cell.style}" t="inlineStr">'
            f'<is><t xml:space="preserve">{text}</t></is></c>'
        )
    return f'<c r="{where}" s="{cell.style}"><v>{cell.value!r}</v></c>'


def wrap_sheet(book: Book, before: str, rows: str, behind: str) -> bytes:
    """A worksheet around its rows."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        f'<worksheet xmlns="{book.main}" xmlns:r="{book.relations}">{before}'
        f"<sheetData>{rows}</sheetData>{behind}</worksheet>"
    ).encode()


def count_digits(text: str) -> float:
    """How wide a text is, in digits, as widths of columns are told."""
    return sum(2.0 if ord(letter) > 0x2E7F else 1.1 for letter in text)


# -- a workbook of what was read ----------------------------------------------------------------

_BLANK_BOOK = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType="application/'
        'vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        "<sheets/></workbook>"
    ),
}
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
LONGEST_TITLE = 31
# Days before this one are counted differently by different programs.
_FIRST_DAY = datetime(1900, 3, 1)
_EPOCH = datetime(1899, 12, 30)
_WIDEST, _LOOKED_AT = 40.0, 200


def rebuild_workbook(sheets: Sequence[Sheet], tops: Mapping[int, set[int]]) -> bytes:
    """An xlsx of sheets as they were read: text as text, dates as dates, headers bold.

    `tops` are the first rows under headers, from zero, by the position of the sheet.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as blank:
        for name, text in _BLANK_BOOK.items():
            blank.writestr(zipfile.ZipInfo(name), text)
    book = Book(buffer.getvalue())
    writer = _CellWriter(book)
    for order, sheet in enumerate(sheets):
        title = _FORBIDDEN.sub("_", sheet.name).strip("'")[:LONGEST_TITLE].strip() or "Sheet"
        title = book.free_title(title, title[: LONGEST_TITLE - 3])
        book.add_sheet(title, writer.write(sheet, tops.get(sheet.position, set())), order)
        if sheet.is_hidden:
            book.sheets[order].entry.set("state", "hidden")
    return book.save()


class _CellWriter:
    """Writes cells as they were read; nothing that was text becomes a formula."""

    def __init__(self, book: Book) -> None:
        self.book = book
        styles = book.styles
        bold = styles.add("fonts", '<font><b/><sz val="11"/></font>')
        self.text = styles.variant(0, numFmtId=49)
        self.guarded = styles.variant(0, numFmtId=49, quotePrefix=1)
        self.bold = styles.variant(0, numFmtId=49, fontId=bold)
        self.day = styles.variant(0, numFmtId=styles.number_format("yyyy-mm-dd"))
        self.moment = styles.variant(0, numFmtId=styles.number_format("yyyy-mm-dd hh:mm:ss"))

    def write(self, sheet: Sheet, tops: set[int]) -> bytes:
        """The XML of a sheet; `tops` are the first rows under headers."""
        columns = [self._style_column(column) for column in sheet.columns]
        widths = [_width_of(column[:_LOOKED_AT]) for column in columns]
        for top in tops & set(range(1, sheet.height + 1)):
            for column in columns:
                cell = column[top - 1]
                if cell is not None and isinstance(cell.value, str):
                    column[top - 1] = cell._replace(style=self.bold)
        rows = "".join(
            write_row(number, cells)
            for number, cells in enumerate(zip(*columns, strict=True))
            if any(cells)
        )
        told = "".join(
            f'<col min="{n}" max="{n}" width="{width:.1f}" customWidth="1"/>'
            for n, width in enumerate(widths, start=1)
        )
        view = _freeze(min(tops)) if len(tops) == 1 and 0 < min(tops) < sheet.height else ""
        return wrap_sheet(self.book, view + (f"<cols>{told}</cols>" if told else ""), rows, "")

    def _style_column(self, column: Cells) -> list[Styled | None]:
        texts, numbers, moments = (part.to_pylist() for part in column.parts)
        return [
            self._style(text, number, moment)
            for text, number, moment in zip(texts, numbers, moments, strict=True)
        ]

    def _style(
        self, text: str | None, number: float | None, moment: datetime | None
    ) -> Styled | None:
        if text is not None:
            return Styled(text, self.guarded if text[:1] in "=+-@\t\r" else self.text)
        if number is not None:
            is_finite = number - number == 0
            return Styled(number, 0) if is_finite else Styled(str(number), self.text)
        if moment is None:
            return None
        if moment < _FIRST_DAY:
            return Styled(moment.isoformat(" "), self.text)
        days = (moment - _EPOCH).total_seconds() / 86_400
        return Styled(days, self.day if days.is_integer() else self.moment)


def _freeze(top: int) -> str:
    return (
        f'<sheetViews><sheetView workbookViewId="0"><pane ySplit="{top}" '
        f'topLeftCell="A{top + 1}" activePane="bottomLeft" state="frozen"/>'
        "</sheetView></sheetViews>"
    )


def _width_of(cells: Sequence[Styled | None]) -> float:
    widths = [count_digits(_shown(cell)) + 2 for cell in cells if cell is not None]
    return min(max(widths, default=8.0), _WIDEST)


def _shown(cell: Styled) -> str:
    return cell.value if isinstance(cell.value, str) else "2025-01-03"


def is_cut(sheet: Sheet) -> bool:
    """Whether a sheet has text that is longer than a cell of an xlsx may be."""
    longest = (pc.max(pc.utf8_length(column.text)).as_py() for column in sheet.columns)
    return any(length is not None and length > MAX_TEXT for length in longest)

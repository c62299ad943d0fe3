"""The trace of a briefing as a workbook: every figure, how it is worked out, and its sheet rows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from dashboard.briefing.pinned import pin_package
from dashboard.words import look_up
from etl.briefing.trace import Trace

FIGURE_HEADS = (
    "number",
    "figure",
    "label",
    "value",
    "unit",
    "definition",
    "snapshot",
    "rows",
    "sql",
)
ROW_HEADS = ("figure", "label", "file", "sheet", "row")
WIDTHS = {"figure": 34, "label": 30, "definition": 48, "sql": 60, "file": 34, "sheet": 16}
LONGEST_CELL = 32_000


def write_trace(traces: Sequence[Trace]) -> bytes:
    """Two sheets: the figures, and the rows behind them; the same trace gives the same bytes."""
    book = Workbook(write_only=True)
    add_sheet(book, look_up("brief.trace.figures", "zh"), FIGURE_HEADS, _list_figures(traces))
    add_sheet(book, look_up("brief.trace.rows", "zh"), ROW_HEADS, _list_rows(traces))
    return save_book(book)


def _list_figures(traces: Sequence[Trace]) -> Iterator[Sequence[object]]:
    for number, trace in enumerate(traces, start=1):
        figure = trace.figure
        value = (
            figure.text if figure.value is None or isinstance(figure.value, str) else figure.value
        )
        yield (
            number, figure.figure_id, figure.label, value, figure.unit, figure.definition,
            figure.snapshot, trace.rows_count, figure.sql,
        )  # fmt: skip


def _list_rows(traces: Sequence[Trace]) -> Iterator[Sequence[object]]:
    for trace in traces:
        for file, sheet, row in trace.rows:
            yield trace.figure.figure_id, trace.figure.label, file, sheet, row
        left = trace.rows_count - len(trace.rows)
        if left:
            told = look_up("brief.trace.left", "zh", count=left)
            yield trace.figure.figure_id, trace.figure.label, told, "", None


def add_sheet(
    book: Workbook, title: str, heads: Sequence[str], rows: Iterable[Sequence[object]],
    words: str = "brief.trace.head",
) -> None:  # fmt: skip
    """A sheet with a header that stays; text is never taken for a formula.

    `heads` are looked up under `words`, or stand as they are where that is ''.
    """
    sheet: WriteOnlyWorksheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for at, head in enumerate(heads, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = WIDTHS.get(head, 14)
    told = [look_up(f"{words}.{head}", "zh") if words else head for head in heads]
    sheet.append([_make_cell(sheet, head, bold=True) for head in told])
    for row in rows:
        sheet.append([_make_cell(sheet, value) for value in row])


def _make_cell(sheet: WriteOnlyWorksheet, value: object, *, bold: bool = False) -> WriteOnlyCell:
    if isinstance(value, str):
        cell = WriteOnlyCell(sheet, value[:LONGEST_CELL])
        cell.data_type = "s"  # a cell that begins with '=' is what a sheet said, not a formula
    else:
        cell = WriteOnlyCell(sheet, value)
    if bold:
        cell.font = Font(bold=True)
    return cell


def save_book(book: Workbook) -> bytes:
    """The workbook as a file without the hour it was made."""
    held = io.BytesIO()
    book.save(held)
    return pin_package(held.getvalue())

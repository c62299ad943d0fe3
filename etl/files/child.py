"""The process that reads what nobody here wrote: a request a line, an answer in JSON and Arrow.

    python -m etl.files.child

A request is a line of JSON on standard input: {"path", "name", "password", "limits": {...}}.
The answer on standard output is lines of JSON: {"sheet": {"name", "is_hidden", "hidden_rows",
"position", "height", "width"}}, each followed by an Arrow stream of its columns where it has
any, and at last {"done": {"notes"}} or {"error": {"text", "needs_password"}}, which voids what
came before. The process may be ended at any moment; it writes nothing anywhere else.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import python_calamine as calamine

from etl.errors import FileError, PasswordNeededError
from etl.files import package
from etl.files.limits import (
    RECORDS,
    SPREADSHEETS,
    TEXTS,
    Limits,
    damaged,
    too_hungry,
    too_many_cells,
)
from etl.files.marks import Marks, find_marks

if TYPE_CHECKING:
    from etl.files.page import Columns, Page

# Arrow would ask these only whether what it is given is of their kind, which it never is here;
# importing them takes three times as long as reading a usual file.
_SPARED = frozenset({"numpy", "pandas"})


class _Spare:
    """Keeps libraries that are not needed from being imported by one that is."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """Refuse what is spared, and leave anything else to the ordinary finders."""
        if name in _SPARED:
            raise ModuleNotFoundError(f"{name} is spared here", name=name)


def main() -> None:
    """Answer requests until there are none."""
    requests, answers = _take_pipes()
    sys.meta_path.insert(0, _Spare)
    gc.disable()  # millions of cells, and no circles among them
    # Arrow takes longer to import than a small file to parse, and both let go of the lock.
    threading.Thread(target=importlib.import_module, args=("etl.files.page",), daemon=True).start()
    for line in requests:
        request = json.loads(line)
        limits = Limits(**request.pop("limits"))
        _answer(answers, limits, **request)
        answers.flush()
        gc.collect()  # what an error held on to


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the parent, out of reach of whatever a library prints."""
    answers = os.fdopen(os.dup(1), "wb", buffering=1 << 16)
    os.dup2(2, 1)
    return sys.stdin.buffer, answers


def _limit_process(limits: Limits, size: int) -> None:
    """Let the system stop what asks for too much; where it cannot, the parent does."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + 2 * limits.time_for(size)) + 2
    with suppress(ValueError, OSError):
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, most))
    if sys.platform == "linux":
        # What is really asked for, and not the addresses that libraries set aside.
        with suppress(ValueError, OSError):
            _, most = resource.getrlimit(resource.RLIMIT_DATA)
            resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, most))


def _answer(answers: BinaryIO, limits: Limits, path: str, name: str, password: str) -> None:
    """Send the sheets of one file, or the sentence that says why there are none."""
    try:
        _limit_process(limits, os.path.getsize(path))
        notes = _send_file(answers, limits, Path(path), name, password)
    except FileError as error:
        needs = isinstance(error, PasswordNeededError)
        _send(answers, {"error": {"text": str(error), "needs_password": needs}})
    except MemoryError:
        _send(answers, {"error": {"text": str(too_hungry(name, limits)), "needs_password": False}})
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except BaseException:  # a parser may panic, which is no Exception
        traceback.print_exc()  # seen by whoever runs this by hand
        _send(answers, {"error": {"text": str(damaged(name)), "needs_password": False}})
    else:
        _send(answers, {"done": {"notes": notes}})


def _send(answers: BinaryIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message).encode() + b"\n")


def _send_file(
    answers: BinaryIO, limits: Limits, path: Path, name: str, password: str
) -> list[str]:
    """Send the sheets of one file. The answer is what is to be said about it."""
    from etl.files.page import Columns

    notes: list[str] = []
    taken = 0
    with path.open("rb") as file:
        for page in _read_pages(file, limits, name, path.suffix.lower(), password, notes):
            columns = Columns(name, page.name, limits.cells - taken, page.keeps_digits)
            columns.add_rows(page.rows)
            taken += columns.taken
            _send_sheet(answers, page, columns)
    return notes


def _send_sheet(answers: BinaryIO, page: Page, columns: Columns) -> None:
    import pyarrow as pa

    about = {
        "name": page.name,
        "is_hidden": page.is_hidden,
        "hidden_rows": sorted(row for row in page.hidden_rows if row < columns.height),
        "position": page.position,
        "height": columns.height,
        "width": columns.width,
    }
    batch = columns.finish()
    _send(answers, {"sheet": about})
    if batch.num_columns:
        with pa.ipc.new_stream(answers, batch.schema) as stream:
            stream.write_batch(batch)


def _read_pages(
    file: BinaryIO, limits: Limits, name: str, suffix: str, password: str, notes: list[str]
) -> Iterator[Page]:
    """The pages of a file by what is in it; the name only decides between texts."""
    head = file.read(4096)
    if head.startswith((package.ZIP, package.OLE)):
        yield from _read_spreadsheet(file, limits, name, password, notes)
        return
    if suffix not in SPREADSHEETS | TEXTS | RECORDS:
        raise FileError(
            f"《{name}》不是能读的表格（可以是 xlsx、xls、xlsb、xlsm、ods、et、csv、tsv、json）。"
            "请另存为 xlsx 或 csv 再放进来。"
        )
    yield from _read_texts(file, name, suffix, head, notes)


def _read_texts(
    file: BinaryIO, name: str, suffix: str, head: bytes, notes: list[str]
) -> Iterator[Page]:
    """The pages of a file of text, which some systems call .xls."""
    from etl.files import texts

    if suffix in RECORDS:
        file.seek(0)
        yield texts.read_records(name, file.read())
    elif _looks_like_markup(head):
        from etl.files.markup import read_markup

        notes.append("其实是网页或 XML 格式，已按其中的表格读取")
        yield from read_markup(name, file)
    else:
        if suffix in SPREADSHEETS:
            notes.append("其实是文本格式（csv），已按文本读取")
        yield texts.read_delimited(name, file, must_part=suffix in SPREADSHEETS)


def _looks_like_markup(head: bytes) -> bool:
    """Whether a file begins like a web page or like XML, in whatever encoding."""
    return head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


# -- spreadsheets -------------------------------------------------------------------------------


def _read_spreadsheet(
    file: BinaryIO, limits: Limits, name: str, password: str, notes: list[str]
) -> Iterator[Page]:
    """The pages of anything that a spreadsheet program wrote."""
    if package.is_encrypted(file):
        file = package.decrypt(name, file, password, limits)
    package.check_package(name, file, limits)
    encoding = ""
    if package.is_old(file):
        from etl.files.biff import mend_encoding

        file, encoding = mend_encoding(file)
    if package.holds_macros(file):
        notes.append("含宏，宏未运行")
    file.seek(0)
    try:
        # From a file object the format is told from the bytes; from a path, from the suffix.
        book = calamine.CalamineWorkbook.from_filelike(file)
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise damaged(name) from error
    marks = _Finder(file)
    for position, meta in enumerate(book.sheets_metadata):
        if meta.typ == calamine.SheetTypeEnum.WorkSheet:
            page = _read_sheet(book, name, meta, position, limits, marks)
            yield _restore_texts(page, encoding) if encoding else page


class _Finder(threading.Thread):
    """Looks for hidden rows and failed formulas while the sheets are parsed, on another core."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(daemon=True)
        self._file = file
        self._marks: dict[str | int, Marks] = {}
        self._problem: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._marks = find_marks(self._file)
        except Exception as error:
            self._problem = error

    def find(self, sheet: str, position: int) -> Marks:
        """The marks of one sheet, waited for."""
        self.join()
        if self._problem:  # read without them, a failed formula would pass for a blank
            raise self._problem
        return self._marks.get(sheet) or self._marks.get(position) or Marks()


def _read_sheet(
    book: Any, name: str, meta: Any, position: int, limits: Limits, finder: _Finder
) -> Page:
    """One sheet as a page."""
    from etl.files.merged import fill_merged
    from etl.files.page import Page

    sheet = book.get_sheet_by_name(meta.name)
    if sheet.total_height * sheet.total_width > limits.cells:
        raise too_many_cells(name, meta.name, sheet.total_height, sheet.total_width)
    marks = finder.find(meta.name, position)
    rows = sheet.iter_rows()
    # Empty rows above the first cell are handed on, empty columns left of it are not.
    if sheet.start and sheet.start[1]:
        blanks = [""] * sheet.start[1]
        rows = (blanks + row for row in rows)
    if marks.errors:
        rows = _show_errors(rows, marks)
    if ranges := sheet.merged_cell_ranges:
        rows = fill_merged(rows, ranges)
    is_hidden = meta.visible != calamine.SheetVisibleEnum.Visible
    return Page(meta.name, rows, is_hidden, frozenset(marks.hidden), position)


def _restore_texts(page: Page, encoding: str) -> Page:
    """A page of an old workbook with letters of two bytes."""
    from etl.files.biff import restore_text

    page.name = restore_text(page.name, encoding)
    page.rows = (
        [restore_text(cell, encoding) if type(cell) is str and cell else cell for cell in row]
        for row in page.rows
    )
    return page


def _show_errors(rows: Iterator[list[Any]], marks: Marks) -> Iterator[list[Any]]:
    """The rows with '#REF!' and the like where the reader of cells leaves a blank, or a zero."""
    for number, row in enumerate(rows):
        for column, text in marks.errors.get(number, {}).items():
            if column < len(row) and not row[column]:
                row[column] = text
        yield row


if __name__ == "__main__":
    main()

"""Hidden rows and failed formulas of an ods, which its reader of cells does not hand on."""

from __future__ import annotations

import html
import re
import zipfile

from etl.files.limits import MAX_COLUMNS, MAX_ROWS
from etl.files.marks import Marks
from etl.files.package import CHUNK

MAX_CONTENT = 200_000_000
_CONTENT = "content.xml"
# Each is looked for by itself: a pattern of them all would be several times as slow.
_HINTS = (
    b'table:visibility="collapse"',
    b'table:visibility="filter"',
    b'value-type="error"',
    b"<text:p>#",
    b"<text:p>Err:",
    "<text:p>错误".encode(),
)
_LONGEST_HINT = max(map(len, _HINTS))
_PART = re.compile(
    rb"<table:table\s[^>]*?table:name=\"([^\"]*)\"[^>]*>|<table:table-row(?=[\s/>])([^>]*)>"
)
_HIDDEN = re.compile(rb"table:visibility=\"(?:collapse|filter)\"")
_ROWS = re.compile(rb"table:number-rows-repeated=\"(\d{1,9})\"")
_CELL = re.compile(rb"<table:(?:covered-)?table-cell(?=[\s/>])([^>]*)>")
_COLUMNS = re.compile(rb"table:number-columns-repeated=\"(\d{1,9})\"")
_COMMENT = re.compile(rb"<office:annotation\b.*?</office:annotation>", re.DOTALL)
_TEXT = re.compile(rb"<text:p\b[^>]*>([^<]{1,40})</text:p>")
# As LibreOffice shows them: 'Err:502' and the like have no name of their own anywhere else.
_ERROR = re.compile(r"#(?:NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|N/A)|(?:Err|错误)[:：]\d{3}")


def find_ods_marks(package: zipfile.ZipFile) -> dict[str | int, Marks]:
    """The marks of each sheet by name; all rows are counted only where something hints at any."""
    found: dict[str | int, Marks] = {}
    if package.getinfo(_CONTENT).file_size > MAX_CONTENT or not _holds_hints(package):
        return found
    content = package.read(_CONTENT)
    marks, row = Marks(), 0
    parts = list(_PART.finditer(content))
    ends = [*(part.start() for part in parts[1:]), len(content)]
    for part, end in zip(parts, ends, strict=True):
        if part[1] is not None:
            marks, row = Marks(), 0
            found[html.unescape(part[1].decode("utf-8", "replace"))] = marks
            continue
        repeated = _ROWS.search(part[2])
        rows = range(row, min(row + (int(repeated[1]) if repeated else 1), MAX_ROWS))
        if _HIDDEN.search(part[2]):
            marks.hidden.update(rows)
        if errors := _find_errors(content[part.end() : end]):
            marks.errors.update(dict.fromkeys(rows, errors))
        row = max(row, rows.stop)
    return found


def _holds_hints(package: zipfile.ZipFile) -> bool:
    tail = b""
    with package.open(_CONTENT) as stream:
        while chunk := stream.read(CHUNK):
            text = tail + chunk
            if any(hint in text for hint in _HINTS):
                return True
            tail = chunk[-_LONGEST_HINT:]
    return False


def _find_errors(row: bytes) -> dict[int, str]:
    """The failed formulas of one row by column."""
    errors: dict[int, str] = {}
    if not any(hint in row for hint in _HINTS[2:]):
        return errors
    column = 0
    cells = list(_CELL.finditer(row))
    ends = [*(cell.start() for cell in cells[1:]), len(row)]
    for cell, end in zip(cells, ends, strict=True):
        repeated = _COLUMNS.search(cell[1])
        next_column = min(column + (int(repeated[1]) if repeated else 1), MAX_COLUMNS)
        if error := _find_error(cell[1], row[cell.end() : end]):
            errors.update(dict.fromkeys(range(column, next_column), error))
        column = next_column
    return errors


def _find_error(about: bytes, content: bytes) -> str:
    """What a cell shows whose formula failed; '' for any other cell.

    Older programs do not say that it is an error, and give its value as zero.
    """
    is_said = b'value-type="error"' in about
    if not is_said and b"table:formula=" not in about:
        return ""
    text = _TEXT.search(_COMMENT.sub(b"", content))
    shown = html.unescape(text[1].decode("utf-8", "replace")) if text else ""
    if not _ERROR.fullmatch(shown):
        return "#VALUE!" if is_said else ""
    if shown.startswith("#"):
        return shown
    # The names under which they are known to Excel, and to the checks.
    return "#NUM!" if shown.endswith("503") else "#VALUE!"

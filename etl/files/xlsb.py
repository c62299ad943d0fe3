"""Hidden rows and failed formulas of an xlsb, which its reader of cells does not hand on."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import suppress

from etl.files.limits import MAX_COLUMNS, MAX_ROWS
from etl.files.marks import ERROR_CODES, Marks, list_targets
from etl.files.package import BROKEN_ZIP, CHUNK, MAX_MANIFEST

MAX_SHEET = 300_000_000
# Records by their numbers (Microsoft, [MS-XLSB] 2.3.2).
_ROW, _ERROR, _FORMULA_ERROR, _SHEET = 0, 3, 11, 156
_IS_HIDDEN = 0x10
# Going through all records takes longer than reading the cells: only where these bytes occur.
_CODE = b"[\x00\x07\x0f\x17\x1d\x24\x2a]"
_CELL = rb".[\x00-\x3f]\x00\x00..\x00[\x00\x01]" + _CODE
_HIDDEN_ROW = (
    rb"..[\x00-\x0f]\x00.{7}"
    rb"[\x10-\x1f\x30-\x3f\x50-\x5f\x70-\x7f\x90-\x9f\xb0-\xbf\xd0-\xdf\xf0-\xff]"
    rb".[\x00\x01]\x00\x00\x00"
)
_HINTS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        # An empty row, and one whose cells lie in the first 1,024 columns.
        rb"\x00\x11" + _HIDDEN_ROW,
        rb"\x00\x19" + _HIDDEN_ROW,
        # A wider sheet, whose rows may be of any length.
        rb"\x94\x01\x10.{12}.[\x04-\x3f]\x00\x00",
        # Followed by no record that is as short as no row is.
        rb"\x03\x09" + _CELL + rb"(?!\x00[\x00-\x10])",
        rb"\x0b(?:[\x13-\x7f]|[\x80-\xff][\x01-\x7f])" + _CELL + rb"....[\x00-\x3f]\x00",
    )
)
# Longer than anything that the patterns match.
_OVERLAP = 32


def find_xlsb_marks(package: zipfile.ZipFile) -> dict[str | int, Marks]:
    """The marks of each sheet by name; a sheet is gone through only where bytes hint at any.

    Raises
    ------
    KeyError, ValueError and others of `BROKEN_ZIP`
        The list of the sheets is damaged.
    """
    found: dict[str | int, Marks] = {}
    targets = list_targets(package, "xl/_rels/workbook.bin.rels")
    for link, name in _list_sheets(package):
        with suppress(*BROKEN_ZIP):
            path = targets[link]
            if package.getinfo(path).file_size <= MAX_SHEET and _holds_hints(package, path):
                found[name] = _find_marks(package.read(path))
    return found


def _list_sheets(package: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    """The id of the link to each sheet, and its name."""
    info = package.getinfo("xl/workbook.bin")
    if info.file_size > 10 * MAX_MANIFEST:
        raise ValueError(info.filename)
    content = package.read(info)
    for number, start, end in _walk(content):
        if number == _SHEET:
            link, place = _read_text(content, start + 8, end)
            name, _ = _read_text(content, place, end)
            yield link, name


def _read_text(content: bytes, start: int, end: int) -> tuple[str, int]:
    """A text that is preceded by its length, and where it ends."""
    if start + 4 > end:
        return "", end
    stop = min(start + 4 + 2 * int.from_bytes(content[start : start + 4], "little"), end)
    return content[start + 4 : stop].decode("utf-16-le", "replace"), stop


def _holds_hints(package: zipfile.ZipFile, path: str) -> bool:
    tail = b""
    with package.open(path) as stream:
        while chunk := stream.read(CHUNK):
            text = tail + chunk
            if any(hint.search(text) for hint in _HINTS):
                return True
            tail = chunk[-_OVERLAP:]
    return False


def _walk(content: bytes) -> Iterator[tuple[int, int, int]]:
    """The records: number, and where their content begins and ends.

    Number and size take as many bytes as they need: the first bit says whether one more follows.
    """
    place, length = 0, len(content)
    while place + 2 <= length:
        number = content[place]
        place += 1
        if number > 127:
            number += (content[place] - 1) * 128
            place += 1
        size = shift = 0
        for _ in range(4):
            if place >= length:
                return
            byte = content[place]
            place += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        yield number, place, min(place + size, length)
        place += size


def _find_marks(content: bytes) -> Marks:
    marks, row = Marks(), -1
    for number, start, end in _walk(content):
        if number == _ROW and end - start >= 12:
            row = int.from_bytes(content[start : start + 4], "little")
            if row < MAX_ROWS and content[start + 11] & _IS_HIDDEN:
                marks.hidden.add(row)
        elif number in (_ERROR, _FORMULA_ERROR) and end - start >= 9:
            (column,) = struct.unpack_from("<I", content, start)
            code = content[start + 8]
            if column < MAX_COLUMNS and code in ERROR_CODES:
                marks.errors.setdefault(row, {})[column] = ERROR_CODES[code]
    return marks

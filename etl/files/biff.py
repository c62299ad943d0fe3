"""Hidden rows and failed formulas of an old .xls, which its reader of cells does not hand on."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

import olefile

from etl.files.marks import ERROR_CODES, Marks

# Records by their numbers (Microsoft, [MS-XLS] 2.3).
_BOF, _EOF, _SHEET, _ROW, _ERROR, _FORMULA = 0x0809, 0x000A, 0x0085, 0x0208, 0x0205, 0x0006
_IS_HIDDEN = 0x20
# Going through all records takes longer than reading the cells: only where these bytes occur.
_HINTS = re.compile(
    rb"\x08\x02\x10\x00.{12}[\x20-\x3f\x60-\x7f\xa0-\xbf\xe0-\xff]"
    rb"|\x05\x02\x08\x00.{7}\x01"
    rb"|\x06\x00.{8}\x02.[\x00\x07\x0f\x17\x1d\x24\x2a].{3}\xff\xff",
    re.DOTALL,
)


def find_old_marks(file: BinaryIO) -> list[Marks]:
    """The marks of each sheet in the order of the file; none where nothing hints at any.

    Raises
    ------
    OSError, ValueError, struct.error
        The file is damaged.
    """
    file.seek(0)
    with olefile.OleFileIO(file) as package:
        names = [name for name in ("Workbook", "Book") if package.exists(name)]
        stream = package.openstream(names[0]).read() if names else b""
    if not _HINTS.search(stream):
        return []
    starts = [
        int.from_bytes(body[:4], "little")
        for number, body in _walk(stream, 0)
        if number == _SHEET and len(body) >= 4
    ]
    return [_find_marks(stream, start) for start in starts]


def _walk(stream: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The records of one part of the stream: number and content, parts inside it left out."""
    depth, place = 0, start
    while place + 4 <= len(stream):
        number, size = struct.unpack_from("<HH", stream, place)
        depth += (number == _BOF) - (number == _EOF)
        if depth == 1:
            yield number, stream[place + 4 : place + 4 + size]
        elif depth < 1:
            return
        place += 4 + size


def _find_marks(stream: bytes, start: int) -> Marks:
    marks = Marks()
    for number, body in _walk(stream, start):
        if number == _ROW and len(body) >= 16:
            if body[12] & _IS_HIDDEN:
                marks.hidden.add(int.from_bytes(body[:2], "little"))
        elif (number == _ERROR and len(body) >= 8 and body[7] == 1) or (
            number == _FORMULA and len(body) >= 14 and body[6] == 2 and body[12:14] == b"\xff\xff"
        ):
            row, column = struct.unpack_from("<HH", body)
            code = body[6] if number == _ERROR else body[8]
            if code in ERROR_CODES:
                marks.errors.setdefault(row, {})[column] = ERROR_CODES[code]
    return marks

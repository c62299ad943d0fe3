"""Old .xls: hidden rows and failed formulas that its reader of cells leaves out, and its encoding."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from etl.files.marks import ERROR_CODES, Marks

# Records by their numbers (Microsoft, [MS-XLS] 2.3).
_BOF, _EOF, _SHEET, _ROW, _ERROR, _FORMULA = 0x0809, 0x000A, 0x0085, 0x0208, 0x0205, 0x0006
_CODE_PAGE, _UNICODE = 0x0042, 1200
# The first record of a workbook since Excel 97.
_FIRST = b"\x09\x08\x10\x00\x00\x06\x05\x00"
_MAX_FIRST_RECORDS = 100
_IS_HIDDEN = 0x20
# Going through all records takes longer than reading the cells: only where these bytes occur.
_HINTS = re.compile(
    rb"\x08\x02\x10\x00.{12}[\x20-\x3f\x60-\x7f\xa0-\xbf\xe0-\xff]"
    rb"|\x05\x02\x08\x00.{7}\x01"
    rb"|\x06\x00.{8}\x02.[\x00\x07\x0f\x17\x1d\x24\x2a].{3}\xff\xff",
    re.DOTALL,
)


def mend_encoding(file: BinaryIO) -> BinaryIO:
    """The workbook with the code page that its texts are in: Unicode, since Excel 97.

    Some exports name another, such as 936; spreadsheet programs ignore that, the reader of cells
    believes it and garbles all text.
    """
    file.seek(0)
    content = file.read()
    start = content.find(_FIRST)
    # These records lie one behind the other where the workbook begins.
    for _ in range(_MAX_FIRST_RECORDS if start >= 0 else 0):
        number, size = struct.unpack("<HH", content[start : start + 4].ljust(4, b"\0"))
        if number == _EOF:
            break
        if number == _CODE_PAGE and size == 2:
            page = struct.pack("<H", _UNICODE)
            if content[start + 4 : start + 6] == page:
                break
            return io.BytesIO(content[: start + 4] + page + content[start + 6 :])
        start += 4 + size
    return file


def find_old_marks(file: BinaryIO) -> list[Marks]:
    """The marks of each sheet in the order of the file; none where nothing hints at any.

    Raises
    ------
    OSError, ValueError, struct.error
        The file is damaged.
    """
    import olefile  # costs more to import than most files to read

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

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
_CODE_PAGE = 0x0042
# The first record of a workbook of Excel 5 and 95, or of all versions since.
_FIRST = re.compile(rb"\x09\x08(?:\x08\x00\x00(\x05)|\x10\x00\x00\x06)\x05\x00")
_MAX_FIRST_RECORDS = 100
_UNICODE, _WESTERN = 1200, 1252
# Chinese code pages: their letters of two bytes come out of the reader of cells as rubbish.
_WIDE = {936: "gb18030", 950: "cp950", 54936: "gb18030"}
# The letters that code page 1252 has where Latin-1 has none, back to their bytes.
_TO_BYTES = {
    ord(letter): code
    for code in range(0x80, 0xA0)
    if (letter := bytes([code]).decode("cp1252", "ignore"))
}
_IS_HIDDEN = 0x20
# Going through all records takes longer than reading the cells: only where these bytes occur.
_HINTS = re.compile(
    rb"\x08\x02\x10\x00.{12}[\x20-\x3f\x60-\x7f\xa0-\xbf\xe0-\xff]"
    rb"|\x05\x02\x08\x00.{7}\x01"
    rb"|\x06\x00.{8}\x02.[\x00\x07\x0f\x17\x1d\x24\x2a].{3}\xff\xff",
    re.DOTALL,
)


def mend_encoding(file: BinaryIO) -> tuple[BinaryIO, str]:
    """The workbook with the code page by which its reader of cells reads it right.

    Since Excel 97 all texts are Unicode; some exports name another code page, which spreadsheet
    programs ignore, and the reader of cells garbles all text by it. Before that Chinese is in
    letters of two bytes: they come out as Western ones, and `restore_text` with the encoding that
    is the second answer ('' where nothing needs it) puts them together.
    """
    file.seek(0)
    content = file.read()
    if not (first := _FIRST.search(content)):
        return file, ""
    place, page = _find_code_page(content, first.start())
    right = _UNICODE if not first[1] else _WESTERN if page in _WIDE else page
    if place and page != right:
        file = io.BytesIO(content[:place] + struct.pack("<H", right) + content[place + 2 :])
    return file, _WIDE.get(page, "") if first[1] else ""


def _find_code_page(content: bytes, start: int) -> tuple[int, int]:
    """Where in a file the code page of a workbook stands, and which; zeros where there is none."""
    # The first records lie one behind the other.
    for _ in range(_MAX_FIRST_RECORDS):
        if start + 6 > len(content):
            break
        number, size, page = struct.unpack_from("<HHH", content, start)
        if number == _EOF:
            break
        if number == _CODE_PAGE and size == 2:
            return start + 4, page
        start += 4 + size
    return 0, 0


def restore_text(text: str, encoding: str) -> str:
    """Text whose bytes were taken for Western letters."""
    return text.translate(_TO_BYTES).encode("latin-1", "replace").decode(encoding, "replace")


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

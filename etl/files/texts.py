"""Text files as they really are: their encoding, what parts their cells, records in JSON."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from etl.errors import FileError
from etl.files.page import Page

CHUNK = 1 << 20
# How far to look into a file for its encoding and for what parts its cells.
HEAD = 100_000
# A cell of text may be long; what is longer than the contract allows is named by the checks.
csv.field_size_limit(10_000_000)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\ufffe\uffff]")


def find_encoding(name: str, file: BinaryIO) -> str:
    """UTF-8, UTF-16 or GB18030, each tried strictly on the whole file; guessing misjudges.

    Raises
    ------
    FileError
        The file is in none of them, or is no text.
    """
    candidates = _list_encodings(_read_head(file))
    for encoding in candidates:
        with suppress(UnicodeDecodeError):
            _check_encoding(name, file, encoding)
            return encoding
    if not candidates:
        raise _is_binary(name)
    raise FileError(f"《{name}》的文字编码认不出来。请用 Excel 打开后另存为 xlsx 再放进来。")


def decode_text(name: str, content: bytes) -> str:
    """The text of a whole file. Raises FileError where it is none."""
    return content.decode(find_encoding(name, io.BytesIO(content)))


def read_delimited(name: str, file: BinaryIO, must_part: bool = False) -> Page:
    """A csv or tsv file as the one page it is.

    Raises
    ------
    FileError
        The file is no text, a quote in it is left open, or, where `must_part`, nothing parts its
        lines into cells: it only bears the name of a table.
    """
    encoding = find_encoding(name, file)
    head = _open_text(file, encoding).read(HEAD)
    announced = re.match(r"\ufeff?sep=(.)\r?\n", head)
    delimiter = announced[1] if announced else _find_delimiter(head, name)
    if must_part and not announced and not _score(head, delimiter)[0]:
        raise FileError(
            f"《{name}》不是真正的表格文件，里面是没有分栏的文字。请用 Excel 或 WPS 另存为 xlsx 再试。"
        )
    # Only quotes can go wrong; most files have none.
    strict = _holds_quotes(file) and _are_quotes_closed(name, file, encoding, delimiter)
    rows = csv.reader(_open_text(file, encoding), delimiter=delimiter, strict=strict)
    if announced:  # a line for Excel, which does not show it
        next(rows)
    return Page(Path(name).stem, rows)


def read_records(name: str, content: bytes) -> Page:
    """A JSON list of records, or records keyed by name, as a page; keys become the header.

    Raises
    ------
    FileError
        The file is no JSON, or holds no records.
    """
    try:
        data = json.loads(decode_text(name, content))
    except (ValueError, RecursionError) as error:
        raise FileError(f"《{name}》不是完整的 JSON 文件。请重新导出。") from error
    records = list(data.values()) if isinstance(data, dict) else data
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise FileError(f"《{name}》里不是一条条记录，读不成表格。")
    header = list(dict.fromkeys(key for record in records for key in record))
    return Page(Path(name).stem, _list_records(header, records), keeps_digits=True)


def _list_records(header: list[str], records: list[dict[str, Any]]) -> Iterator[list[Any]]:
    if header:
        yield [_mend_letters(key) for key in header]
        for record in records:
            yield [_mend_letters(record.get(key, "")) for key in header]


def _mend_letters(cell: Any) -> Any:
    """Text without half letters, which JSON may hold and no store takes; lists as their text."""
    if isinstance(cell, (list, dict)):
        cell = str(cell)
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else cell


def _read_head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(HEAD)


def _list_encodings(head: bytes) -> list[str]:
    """What the first bytes may be encoded in; nothing where they are no text."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return ["utf-16"]
    if b"\x00" not in head:
        return ["utf-8-sig", "gb18030"]
    # Marks between cells have a zero byte in UTF-16: always the second one, or always the first.
    for encoding, letters, zeros in (("utf-16-le", 0, 1), ("utf-16-be", 1, 0)):
        if b"\x00" not in head[letters::2] and head[zeros::2].count(0):
            text = head[: len(head) // 2 * 2].decode(encoding, "replace")
            if not _CONTROLS.search(text) and "\ufffd" not in text[:-1] and "\n" in text:
                return [encoding]
    return []


def _check_encoding(name: str, file: BinaryIO, encoding: str) -> None:
    """Decode the whole file once, in pieces. Raises UnicodeDecodeError; FileError if binary."""
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    while chunk := file.read(CHUNK):
        if "\x00" in decoder.decode(chunk):
            raise _is_binary(name)
    decoder.decode(b"", final=True)


def _is_binary(name: str) -> FileError:
    return FileError(
        f"《{name}》不是文本表格（里面有二进制内容）。请用 Excel 或 WPS 打开后另存为 xlsx 再放进来。"
    )


def _open_text(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """The file from its beginning as text; closing that leaves the file open."""
    file.seek(0)
    return _Text(file, encoding=encoding, newline="")


class _Text(io.TextIOWrapper):
    """Text over a file that others go on reading."""

    def __del__(self) -> None:
        with suppress(ValueError):
            self.detach()


def _holds_quotes(file: BinaryIO) -> bool:
    file.seek(0)
    return any(b'"' in chunk for chunk in iter(lambda: file.read(CHUNK), b""))


def _are_quotes_closed(name: str, file: BinaryIO, encoding: str, delimiter: str) -> bool:
    """Whether quotes stand as the rules have it; a quote inside a quoted cell does no harm.

    Raises
    ------
    FileError
        A quote is never closed: everything behind it would be one cell.
    """
    try:
        for _ in csv.reader(_open_text(file, encoding), delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        if "end of data" in str(error) or "field limit" in str(error):
            raise FileError(
                f"《{name}》里有一个引号没有成对，后面的行会连成一格。请用 Excel 打开另存为 xlsx 再试。"
            ) from error
        return False
    return True


def _find_delimiter(head: str, name: str) -> str:
    """The mark by which most of the first lines have the same number of cells."""
    prefers_tab = name.lower().endswith(".tsv")
    scores = {mark: _score(head, mark) for mark in ",\t;|"}
    return max(
        scores, key=lambda mark: (scores[mark][0], mark == "\t" and prefers_tab, scores[mark][1])
    )


def _score(head: str, mark: str) -> tuple[int, int]:
    """How many of the first lines have the commonest number of cells, and that number."""
    lines = "\n".join(head.splitlines()[:50])
    with suppress(csv.Error):
        rows = csv.reader(io.StringIO(lines, newline=""), delimiter=mark)
        widths = Counter(len(row) for row in rows if len(row) > 1)
        if widths:
            width, times = widths.most_common(1)[0]
            return times, width
    return 0, 0

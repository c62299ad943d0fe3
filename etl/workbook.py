"""Bytes to sheets of cells with their addresses, within limits, whatever the program that wrote them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import python_calamine as calamine
from openpyxl.utils import get_column_letter

from etl.errors import FileError
from etl.privacy import mask_text

Cell = str | int | float | date | datetime

SPREADSHEETS = frozenset({".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".et"})
TEXTS = frozenset({".csv", ".tsv", ".txt"})
RECORDS = frozenset({".json"})
SUFFIXES = SPREADSHEETS | TEXTS | RECORDS

MAX_BYTES = 300_000_000
MAX_CELLS = 30_000_000
MAX_MANIFEST = 1_000_000
# A cell of text may be long; what is longer than the contract allows is named by the checks.
csv.field_size_limit(10_000_000)


@dataclass(frozen=True)
class Sheet:
    """One sheet: rows of cells from A1; an empty cell is ''; text merged downwards is repeated."""

    name: str
    rows: list[list[Cell]]
    is_hidden: bool = False


@dataclass(frozen=True)
class Workbook:
    """A file and the sheets that were found in it."""

    name: str
    sheets: list[Sheet] = field(default_factory=list)


def address(row: int, column: int) -> str:
    """The address a spreadsheet program shows for a cell, both counted from zero."""
    return f"{get_column_letter(column + 1)}{row + 1}"


def read_workbook(path: Path) -> Workbook:
    """Read a file that holds tables.

    Raises
    ------
    FileError
        The file is no table, is empty, damaged, encrypted or too large; said in a sentence.
    """
    name = mask_text(path.name)[0]
    content = read_bytes(path)
    suffix = path.suffix.lower()
    if suffix in SPREADSHEETS or _looks_packed(content):
        sheets = list(_read_spreadsheet(name, content))
    elif suffix in TEXTS:
        sheets = [Sheet(Path(name).stem, _read_text(name, content))]
    elif suffix in RECORDS:
        sheets = [Sheet(Path(name).stem, _read_records(name, content))]
    else:
        raise FileError(
            f"《{name}》不是能读的表格（可以是 xlsx、xls、xlsb、xlsm、ods、et、csv、tsv、json）。"
            "请另存为 xlsx 或 csv 再放进来。"
        )
    if not any(sheet.rows for sheet in sheets):
        raise FileError(f"《{name}》是空的：里面没有任何有内容的单元格。请确认是否选错了文件。")
    return Workbook(name, sheets)


def read_bytes(path: Path) -> bytes:
    """The content of a file, refused with a sentence where it cannot be had or is too large."""
    name = mask_text(path.name)[0]
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileError(
                f"《{name}》有 {size / 1e6:.0f} MB，超过上限 {MAX_BYTES / 1e6:.0f} MB。请分成几个文件。"
            )
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileError(f"找不到文件《{name}》。请检查文件名和路径。") from error
    except IsADirectoryError as error:
        raise FileError(f"《{name}》是文件夹，不是文件。") from error
    except OSError as error:
        raise FileError(
            f"《{name}》打不开：可能正在 Excel 或 WPS 里打开，或没有读取权限。请关闭后再试。"
        ) from error
    if not content:
        raise FileError(f"《{name}》是空的（0 字节）。请重新导出或复制一次。")
    return content


def _looks_packed(content: bytes) -> bool:
    """Whether the bytes begin like an xlsx/ods (zip) or an xls (OLE) whatever the name says."""
    return content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))


def _read_spreadsheet(name: str, content: bytes) -> Iterator[Sheet]:
    """Sheets of anything that a spreadsheet program wrote."""
    try:
        # From a file object the format is told from the bytes; from a path, from the suffix.
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        hidden = {
            meta.name
            for meta in book.sheets_metadata
            if meta.visible != calamine.SheetVisibleEnum.Visible
        }
        charts = {
            meta.name
            for meta in book.sheets_metadata
            if meta.typ != calamine.SheetTypeEnum.WorkSheet
        }
        for sheet_name in book.sheet_names:
            if sheet_name in charts:
                continue
            sheet = book.get_sheet_by_name(sheet_name)
            if sheet.height * sheet.width > MAX_CELLS:
                raise FileError(
                    f"《{name}》的工作表“{sheet_name}”有 {sheet.height}×{sheet.width} 个单元格，"
                    "超过上限。请删去空行空列后另存。"
                )
            rows = [
                [_clean_cell(cell) for cell in row]
                for row in sheet.to_python(skip_empty_area=False)
            ]
            _fill_merged(rows, sheet.merged_cell_ranges or [])
            # Even a sheet may be called after a person.
            yield Sheet(mask_text(sheet_name)[0], _trim(rows), sheet_name in hidden)
    except (calamine.CalamineError, OSError, ValueError) as error:
        if isinstance(error, calamine.PasswordError) or _is_encrypted(content):
            raise FileError(
                f"《{name}》设有打开密码。请在 Excel 里去掉密码后另存再放进来。"
            ) from error
        raise FileError(
            f"《{name}》已损坏，或不是真正的表格文件。请用 Excel 或 WPS 打开后另存为 xlsx 再试。"
        ) from error


def _is_encrypted(content: bytes) -> bool:
    """Whether a file that could not be read is one with a password; the reader hides that."""
    if "EncryptedPackage".encode("utf-16-le") in content:
        return True
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            info = package.getinfo("META-INF/manifest.xml")
            return info.file_size < MAX_MANIFEST and b"encryption-data" in package.read(info)
    except (zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, zlib.error):
        return False


def _clean_cell(cell: Any) -> Cell:
    """One cell as one of few types; text without the spaces and marks that nobody sees."""
    if isinstance(cell, str):
        return cell.strip(" \t\r\n\u3000\xa0\ufeff\u200b")
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, (int, float, date, datetime)):
        return cell
    if isinstance(cell, time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return "" if cell is None else str(cell)


def _fill_merged(
    rows: list[list[Cell]], ranges: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    """Repeat text that was merged over several cells; numbers are not: they would count twice."""
    for (top, left), (bottom, _right) in ranges:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        cell = rows[top][left]
        if isinstance(cell, (int, float)) or cell == "":
            continue
        # A title merged across the sheet stays one cell; only its first column is repeated down,
        # and a header merged across is repeated in its row by the header search.
        for row in range(top + 1, min(bottom, len(rows) - 1) + 1):
            if left < len(rows[row]) and rows[row][left] == "" and any(c != "" for c in rows[row]):
                rows[row][left] = cell


def _trim(rows: list[list[Cell]]) -> list[list[Cell]]:
    """Without the empty rows at the end, of which some programs write thousands."""
    end = len(rows)
    while end and all(cell == "" for cell in rows[end - 1]):
        end -= 1
    return rows[:end]


def decode_text(name: str, content: bytes) -> str:
    """Text in UTF-8, UTF-16 or GB18030. UTF-8 is tried strictly first; guessing misjudges."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileError(f"《{name}》的文字编码认不出来。请用 Excel 打开后另存为 xlsx 再放进来。")


def _read_text(name: str, content: bytes) -> list[list[Cell]]:
    """Rows of a csv or tsv file."""
    text = decode_text(name, content)
    if "\x00" in text:
        raise FileError(
            f"《{name}》不是文本表格（里面有二进制内容）。请另存为 xlsx 或 csv 再放进来。"
        )
    delimiter = _find_delimiter(text, prefers_tab=name.lower().endswith(".tsv"))
    try:
        rows = _split_text(text, delimiter, strict=True)
    except csv.Error as error:
        if "end of data" in str(error):
            raise FileError(
                f"《{name}》里有一个引号没有成对，后面的行会连成一格。请用 Excel 打开另存为 xlsx 再试。"
            ) from error
        rows = _split_text(text, delimiter, strict=False)  # quotes inside quotes do no harm
    return _trim(rows)


def _split_text(text: str, delimiter: str, strict: bool) -> list[list[Cell]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)
    return [[_clean_cell(cell) for cell in row] for row in reader]


def _find_delimiter(text: str, prefers_tab: bool) -> str:
    """The mark by which most of the first lines have the same number of cells."""
    head = "\n".join(text[:100_000].splitlines()[:50])

    def score(mark: str) -> tuple[int, bool, int]:
        with suppress(csv.Error):
            rows = _split_text(head, mark, strict=False)
            widths = Counter(len(row) for row in rows if len(row) > 1)
            if widths:
                width, times = widths.most_common(1)[0]
                return times, mark == "\t" and prefers_tab, width
        return 0, False, 0

    return max(",\t;|", key=score)


def _read_records(name: str, content: bytes) -> list[list[Cell]]:
    """Rows of a JSON list of records, or of records keyed by name; keys become the header."""
    try:
        data = json.loads(decode_text(name, content))
    except (ValueError, RecursionError) as error:
        raise FileError(f"《{name}》不是完整的 JSON 文件。请重新导出。") from error
    records = list(data.values()) if isinstance(data, dict) else data
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise FileError(f"《{name}》里不是一条条记录，读不成表格。")
    header = list(dict.fromkeys(key for record in records for key in record))
    rows: list[list[Cell]] = [list(header)]
    rows.extend([_clean_cell(record.get(key, "")) for key in header] for record in records)
    return [[_mend_letters(cell) for cell in row] for row in rows] if header else []


def _mend_letters(cell: Cell) -> Cell:
    """Text without half letters, which JSON may hold and no store takes."""
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else cell

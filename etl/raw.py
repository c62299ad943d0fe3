"""What a sheet itself says in its rows: by header, masked as stored, as JSON for the records."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.utils import get_column_letter

from etl.cells import as_texts
from etl.check import find_personal
from etl.match import Match
from etl.privacy import mask_texts
from etl.sheet import Cells, Sheet, judge_texts

# The shortest number that may be somebody's: a telephone's.
_SHORTEST_NUMBER = 1e10
# What JSON cannot hold as it stands.
_ESCAPED = r'["\\\x00-\x1f\x7f]'
# Rows are written so many at a time, fewer where headers are long: each row repeats them.
_STRETCH, _STRETCH_BYTES = 50_000, 64_000_000
# DuckDB reads a file in parallel by groups of about so many rows.
_GROUP, _GROUP_BYTES = 120_000, 200_000_000
_NOTHING = "{}"


@dataclass(frozen=True)
class RawCells:
    """What a sheet itself says in some rows: a text column for each header, masked as stored."""

    headers: list[str]
    columns: list[pa.Array]


@dataclass(frozen=True)
class RawRows:
    """Rows of a sheet (numbers from one, in order) as JSON."""

    numbers: np.ndarray
    cells: pa.Array

    def take(self, numbers: np.ndarray) -> RawRows:
        """Some of these rows, in order, as far as they say anything."""
        # Copying what is all wanted would take as long as writing it.
        is_all = len(numbers) == len(self.numbers)
        places = None if is_all else pa.array(np.searchsorted(self.numbers, numbers))
        chosen = self.cells if places is None else self.cells.take(places)
        says = pc.not_equal(chosen, _NOTHING)
        if pc.all(says).as_py():
            return RawRows(numbers, chosen)
        return RawRows(numbers[says.to_numpy(zero_copy_only=False)], chosen.filter(says))


def plan_stretches(sheet: Sheet, match: Match) -> list[range]:
    """The rows under the header (from zero) in stretches, each to be written at once."""
    end = sheet.height if match.end_row is None else match.end_row
    repeated = sum(len(_quote(header).encode()) for header in match.headers)
    size = max(1, min(_STRETCH, _STRETCH_BYTES // max(1, repeated)))
    return [range(start, min(start + size, end)) for start in range(match.first_row, end, size)]


def is_full(parts: Sequence[RawRows]) -> bool:
    """Whether rows are as many as are stored at once."""
    rows = sum(len(part.numbers) for part in parts)
    return rows >= _GROUP or sum(part.cells.nbytes for part in parts) >= _GROUP_BYTES


def write_stretch(sheet: Sheet, match: Match, rows: range) -> RawRows:
    """Each row (from zero) of a stretch as a JSON object from header to text."""
    numbers = np.arange(rows.start + 1, rows.stop + 1)
    raw = _pick_cells(sheet, match, lambda column: column.slice(rows.start, len(rows)))
    if not raw.columns:
        return RawRows(numbers, pa.array([_NOTHING] * len(rows), pa.string()))
    pairs = [
        pc.binary_join_element_wise(f'{_quote(header)}:"', _escape(texts), '"', "")
        for header, texts in zip(raw.headers, raw.columns, strict=True)
    ]
    # A row of nothing but nulls would be left out of what is joined, so that none may be one.
    is_blank = np.logical_and.reduce([pair.is_null().to_numpy(False) for pair in pairs])
    pairs.append(pc.if_else(pa.array(is_blank), "", pa.scalar(None, pa.string())))
    told = pc.binary_join_element_wise(*pairs, ",", null_handling="skip")
    return RawRows(numbers, pc.binary_join_element_wise("{", told, "}", ""))


def _escape(texts: pa.Array) -> pa.Array:
    """Texts as they stand between the quotes of JSON."""
    wrong = judge_texts(texts, lambda part: pc.match_substring_regex(part, _ESCAPED))
    if not pc.any(wrong).as_py():
        return texts
    escaped = [None if text is None else _quote(text)[1:-1] for text in texts.to_pylist()]
    return pa.array(escaped, pa.string())


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def read_raw(sheet: Sheet, match: Match, numbers: Sequence[int] | np.ndarray) -> RawCells:
    """What the sheet itself says in some rows (counted from one), by header, masked as stored.

    Cells of personal columns are left out, and an empty cell is null.
    """
    rows = pa.array(np.asarray(numbers, dtype=np.int64) - 1)
    return _pick_cells(sheet, match, lambda column: column.take(rows))


def _pick_cells(sheet: Sheet, match: Match, pick: Callable[[Cells], Cells]) -> RawCells:
    personal = set(find_personal(match))
    raw = RawCells([], [])
    named: set[str] = set()
    for place in match.places(sheet.width):
        header = match.headers[place] if place < len(match.headers) else ""
        if not header or header in named:
            # No header, or one that stands twice: the letter tells the columns apart.
            header = f"{header}（{get_column_letter(place + 1)}列）"
        named.add(header)
        cells = pick(sheet.columns[place])
        if place not in personal and cells.filled().any():
            raw.headers.append(header)
            raw.columns.append(_mask_cells(cells))
    return raw


def _mask_cells(cells: Cells) -> pa.Array:
    """Cells as text without personal information; a number is such only where it is long."""
    nothing = [pa.nulls(len(cells), part.type) for part in cells.parts]
    told = mask_texts(cells.text)
    if cells.number.null_count < len(cells):
        is_long = pc.greater_equal(pc.abs(cells.number), _SHORTEST_NUMBER)
        is_long = pc.and_(is_long, pc.equal(pc.floor(cells.number), cells.number))
        long = pc.if_else(is_long, cells.number, None)
        if long.null_count < len(long):
            told = pc.coalesce(told, mask_texts(as_texts(Cells(nothing[0], long, nothing[2]))))
    return pc.coalesce(told, as_texts(Cells(nothing[0], cells.number, cells.moment)))


def describe_cells(
    sheet: Sheet, match: Match, numbers: Sequence[int] | np.ndarray
) -> list[dict[str, str]]:
    """The same as `read_raw`, a row each: header to text, without empty cells."""
    raw = read_raw(sheet, match, numbers)
    texts = [column.to_pylist() for column in raw.columns]
    return [
        {
            h: column[i]
            for h, column in zip(raw.headers, texts, strict=True)
            if column[i] is not None
        }
        for i in range(len(numbers))
    ]

"""A sheet on its way in: rows of Python values to columns of Arrow, without the empty edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice, zip_longest
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from etl.files.limits import MAX_COLUMNS, too_many_cells

KINDS = {"t": pa.string(), "n": pa.float64(), "m": pa.timestamp("us")}
# Spaces and marks that nobody sees, at the ends of a text.
UNSEEN = " \t\r\n\u3000\xa0\ufeff\u200b"
MIDNIGHT = time()
# Beyond this a float no longer tells neighbouring whole numbers apart.
EXACT = 2**53
FIRST_ROWS = 100
# Small enough that the values are still in the cache when they are converted.
BATCH_CELLS = 30_000
BATCH_ROWS = 5_000
_SEPARATOR = "\x1f"

# What a spreadsheet's cells nearly always are.
_USUAL = {str, float, datetime, date, type(None)}

Part = dict[str, pa.Array]


@dataclass(eq=False)
class Page:
    """A sheet as its parser found it: rows of Python values from A1, of any length, read once.

    `keeps_digits` says that whole numbers were written out in digits, so that a long one is no
    float that lost its last digits.
    """

    name: str
    rows: Iterable[Sequence[Any]]
    is_hidden: bool = False
    hidden_rows: frozenset[int] = frozenset()
    position: int = 0
    keeps_digits: bool = False


@dataclass(eq=False)
class Columns:
    """The columns of one sheet as its rows come in; `cells` is how many there may be."""

    file: str
    sheet: str
    cells: int
    keeps_digits: bool = False
    height: int = 0
    taken: int = 0
    _sizes: list[int] = field(default_factory=list)
    _parts: list[dict[int, Part]] = field(default_factory=list)

    def add_rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Take rows up, a batch at a time. Raises FileError where there are too many cells."""
        remaining, size = iter(rows), FIRST_ROWS
        while batch := list(islice(remaining, size)):
            width = self._add_batch(batch)
            size = max(1, min(BATCH_ROWS, BATCH_CELLS // max(width, 1)))

    def _add_batch(self, rows: list[Sequence[Any]]) -> int:
        """Take up one batch; the answer is how wide it is."""
        lengths = set(map(len, rows))
        width, start = max(lengths), sum(self._sizes)
        self.taken += width * len(rows)
        if self.taken > self.cells or width > MAX_COLUMNS:
            raise too_many_cells(self.file, self.sheet, start + len(rows), width)
        last = next((n for n in range(len(rows), 0, -1) if not all(map(is_blank, rows[n - 1]))), 0)
        if last:
            self.height = start + last
        self._parts.append(self._split(rows, len(lengths) > 1) if last else {})
        self._sizes.append(len(rows))
        return width

    def _split(self, rows: list[Sequence[Any]], is_ragged: bool) -> dict[int, Part]:
        """One batch by columns; those that hold nothing are left out."""
        columns: Iterator[tuple[Any, ...]]
        columns = zip_longest(*rows, fillvalue="") if is_ragged else zip(*rows, strict=True)
        parts = (_split_kinds(column, self.keeps_digits) for column in columns)
        return {place: part for place, part in enumerate(parts) if part}

    @property
    def width(self) -> int:
        """How many columns there are up to the last that holds anything."""
        return max((place + 1 for part in self._parts for place in part), default=0)

    def finish(self) -> pa.RecordBatch:
        """All columns, as fields named by place and kind ('0t'); what holds nothing is left out."""
        names, arrays = [], []
        for place in range(self.width):
            parts = [part.pop(place, {}) for part in self._parts]
            for kind in KINDS:
                if any(kind in part for part in parts):
                    names.append(f"{place}{kind}")
                    arrays.append(self._join(parts, kind))
        return pa.record_batch(arrays, names=names)

    def _join(self, parts: list[Part], kind: str) -> pa.Array:
        pieces = [
            part.pop(kind) if kind in part else pa.nulls(size, KINDS[kind])
            for part, size in zip(parts, self._sizes, strict=True)
        ]
        joined = pa.concat_arrays(pieces) if len(pieces) > 1 else pieces[0]
        return joined.slice(0, self.height)


def is_blank(value: Any) -> bool:
    """Whether a cell holds nothing that anybody could see."""
    return value is None or (isinstance(value, str) and not value.strip(UNSEEN))


def _split_kinds(values: tuple[Any, ...], keeps_digits: bool) -> Part:
    """One column's values as an array for each kind that occurs in it."""
    kinds = set(map(type, values))
    if kinds == {str}:
        texts = _trim_texts(values)
        return {"t": texts} if texts.null_count < len(texts) else {}
    if kinds == {float}:
        return {"n": pa.array(values, KINDS["n"])}
    if kinds == {date, datetime}:  # a day's midnight comes as a date
        moments = [v if type(v) is datetime else datetime(v.year, v.month, v.day) for v in values]
        return {"m": pa.array(moments, KINDS["m"])}
    part: Part = {}
    exact = EXACT if keeps_digits else None
    if kinds <= _USUAL:
        part |= _any_of("t", [v.strip(UNSEEN) or None if type(v) is str else None for v in values])
    elif kinds - {float, datetime, date, type(None)}:
        part |= _any_of("t", [_text_of(value, exact) for value in values])
    if kinds & {int, float}:
        part |= _any_of("n", [_number_of(value, exact) for value in values])
    if kinds & {date, datetime}:
        part |= _any_of("m", [_moment_of(value) for value in values])
    return part


def _trim_texts(values: Sequence[str]) -> pa.Array:
    """Texts without what nobody sees at their ends; an empty one is null.

    Encoded all at once and parted again: one by one, as Arrow does it, takes four times as long.
    """
    texts = pc.split_pattern(pa.array([_SEPARATOR.join(values)]), _SEPARATOR).flatten()
    if len(texts) != len(values):  # a text holds the separator itself
        texts = pa.array(values, KINDS["t"])
    trimmed = pc.utf8_trim(texts, UNSEEN)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, KINDS["t"]), trimmed)


def _any_of(kind: str, values: list[Any]) -> Part:
    found = any(value is not None for value in values)
    return {kind: pa.array(values, KINDS[kind])} if found else {}


def _text_of(value: Any, exact: int | None) -> str | None:
    """The text of a cell that is neither number nor day."""
    if isinstance(value, str):
        return value.strip(UNSEEN) or None
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int):
        return str(value) if exact and abs(value) >= exact else None
    if value is None or isinstance(value, (float, date)):
        return None
    return value.isoformat() if isinstance(value, time) else str(value)


def _number_of(value: Any, exact: int | None) -> float | None:
    if type(value) is float:
        return value
    if type(value) is not int or (exact and abs(value) >= exact):
        return None
    return float(value)


def _moment_of(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, MIDNIGHT) if isinstance(value, date) else None

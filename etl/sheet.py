"""A sheet as it was read: columns of cells with their addresses, nothing interpreted yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import zip_longest

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.utils import get_column_letter

Cell = str | int | float | date | datetime

TEXT, NUMBER, MOMENT = pa.string(), pa.float64(), pa.timestamp("us")
# Beyond this a float no longer tells neighbouring whole numbers apart.
_EXACT = 2**53
_NO_TIME = time()
# A column repeats itself where few of its first texts differ.
_LOOKED_AT, _FEW = 1_000, 250


@dataclass(frozen=True, eq=False)
class Cells:
    """One column of a sheet: three Arrow arrays of equal length, at most one filled in each row.

    `text` (string), `number` (float64) and `moment` (timestamp[us], a date is its midnight); a
    row that is null in all three is an empty cell.
    """

    text: pa.Array
    number: pa.Array
    moment: pa.Array

    @staticmethod
    def of(values: Sequence[Cell]) -> Cells:
        """Cells out of Python values; '' is the empty cell."""
        kinds = set(map(type, values))
        size = len(values)
        texts = pa.nulls(size, TEXT)
        numbers = pa.nulls(size, NUMBER)
        moments = pa.nulls(size, MOMENT)
        if str in kinds or int in kinds:
            texts = pa.array([_text_of(v) for v in values], TEXT)
        if float in kinds or int in kinds:
            numbers = pa.array([_number_of(v) for v in values], NUMBER)
        if date in kinds or datetime in kinds:
            moments = pa.array([_moment_of(v) for v in values], MOMENT)
        return Cells(texts, numbers, moments)

    @staticmethod
    def joined(parts: Sequence[Cells]) -> Cells:
        """One column out of its parts, in order."""
        if len(parts) == 1:
            return parts[0]
        return Cells(
            pa.concat_arrays([part.text for part in parts]),
            pa.concat_arrays([part.number for part in parts]),
            pa.concat_arrays([part.moment for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, row: int) -> Cell:
        if (text := self.text[row].as_py()) is not None:
            return str(text)
        if (number := self.number[row].as_py()) is not None:
            return float(number)
        moment = self.moment[row].as_py()
        if moment is None:
            return ""
        return moment.date() if moment.time() == _NO_TIME else moment  # type: ignore[no-any-return]

    def take(self, rows: pa.Array | np.ndarray) -> Cells:
        """The cells of some rows, in the order asked for."""
        return Cells(self.text.take(rows), self.number.take(rows), self.moment.take(rows))

    def slice(self, start: int, length: int) -> Cells:
        """The cells of a stretch of rows."""
        return Cells(*(part.slice(start, length) for part in self.parts))

    def filled(self) -> np.ndarray:
        """Which cells hold anything: bool, one for each row."""
        masks = [pc.is_valid(part).to_numpy(zero_copy_only=False) for part in self.parts]
        return masks[0] | masks[1] | masks[2]  # type: ignore[no-any-return]

    def or_else(self, other: Cells) -> Cells:
        """These cells, and where they are empty the other's."""
        empty = pa.array(~self.filled())
        return Cells(
            *(
                pc.if_else(empty, theirs, own)
                for own, theirs in zip(self.parts, other.parts, strict=True)
            )
        )

    @property
    def parts(self) -> tuple[pa.Array, pa.Array, pa.Array]:
        """The three arrays."""
        return self.text, self.number, self.moment


@dataclass(frozen=True, eq=False)
class Sheet:
    """One sheet from A1; text merged downwards is repeated.

    Parameters
    ----------
    name
        As a person sees it, personal names masked.
    columns
        Columns of equal length, from A.
    is_hidden, hidden_rows
        Hidden by whoever made the file; read all the same. Rows count from zero.
    position
        Which sheet of its file it is, from zero.
    """

    name: str
    columns: tuple[Cells, ...]
    is_hidden: bool = False
    hidden_rows: frozenset[int] = frozenset()
    position: int = 0

    @staticmethod
    def of(name: str, rows: Iterable[Sequence[Cell]], is_hidden: bool = False) -> Sheet:
        """A sheet out of rows of Python values; '' is the empty cell."""
        columns = zip_longest(*rows, fillvalue="")
        return Sheet(name, tuple(Cells.of(column) for column in columns), is_hidden)

    @property
    def height(self) -> int:
        """How many rows there are."""
        return len(self.columns[0]) if self.columns else 0

    @property
    def width(self) -> int:
        """How many columns there are."""
        return len(self.columns)

    def cell(self, row: int, column: int) -> Cell:
        """One cell, both counted from zero; '' where it is empty or beyond the edge."""
        if row >= self.height or column >= self.width:
            return ""
        return self.columns[column][row]

    def row(self, number: int) -> list[Cell]:
        """The cells of one row, counted from zero."""
        return [column[number] for column in self.columns]

    def rows(self, start: int = 0, stop: int | None = None) -> Iterator[list[Cell]]:
        """The rows of a stretch, as Python values."""
        stop = self.height if stop is None else min(stop, self.height)
        for number in range(start, stop):
            yield self.row(number)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sheet):
            return NotImplemented
        alike = self.name == other.name and self.is_hidden == other.is_hidden
        return alike and list(self.rows()) == list(other.rows())

    __hash__ = None  # type: ignore[assignment]


def judge_texts(texts: pa.Array, judge: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """What `judge` says of each text of a column; asked only once of texts that come again."""
    first = texts.slice(0, _LOOKED_AT)
    if len(texts) <= _LOOKED_AT or pc.count_distinct(first).as_py() > _FEW:
        return judge(texts)
    encoded = texts.dictionary_encode()
    return judge(encoded.dictionary).take(encoded.indices)


def address(row: int, column: int) -> str:
    """The address a spreadsheet program shows for a cell, both counted from zero."""
    return f"{get_column_letter(column + 1)}{row + 1}"


def _text_of(value: Cell) -> str | None:
    if isinstance(value, str):
        return value or None
    # A whole number too long for a float keeps its digits as text.
    is_long = type(value) is int and abs(value) >= _EXACT
    return str(value) if is_long else None


def _number_of(value: Cell) -> float | None:
    if isinstance(value, float):
        return value
    return float(value) if type(value) is int and abs(value) < _EXACT else None


def _moment_of(value: Cell) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.combine(value, _NO_TIME) if isinstance(value, date) else None

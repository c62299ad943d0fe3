"""A column of cells to typed values: every distinct cell is parsed once, plain ones all together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.cells import BadCellError, Typed, is_short_empty
from etl.privacy import is_suspect
from etl.sheet import Cell, Cells
from etl.table import LONGEST_TEXT, Column

ARROW_TYPES: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: pa.timestamp("us"),
}
# A function from one cell to its value, with how many personal pieces it masked on the way.
Parser = Callable[[Cell], tuple[Typed | None, int]]
_EXACT = 2.0**53


@dataclass(frozen=True)
class Parsed:
    """A column as parsed: values typed by the contract, and what was wrong with some rows."""

    values: pa.Array
    problems: dict[int, str]
    masked: int = 0


def parse_column(cells: Cells, column: Column, parse: Parser, is_plain: bool = False) -> Parsed:
    """Values of a column.

    Parameters
    ----------
    parse
        From one cell to its value; raises BadCellError with the sentence for the clerk. It is
        asked once for every distinct cell that is not plainly right.
    is_plain
        Text of this column is stored as it stands, unless it is empty, long, or may hold personal
        information.
    """
    kind = ARROW_TYPES[column.kind]
    parts = [
        _parse_part(part, kind, parse, fast)
        for part, fast in zip(cells.parts, _fast_ways(column, is_plain), strict=True)
    ]
    values = parts[0].values
    for part in parts[1:]:
        values = pc.coalesce(values, part.values)
    problems = {row: said for part in parts for row, said in part.problems.items()}
    return Parsed(values, dict(sorted(problems.items())), sum(part.masked for part in parts))


_Fast = Callable[[pa.Array], tuple[pa.Array, pa.Array]] | None


def _fast_ways(column: Column, is_plain: bool) -> tuple[_Fast, _Fast, _Fast]:
    """For text, numbers and moments: a way to take those that are plainly right at once."""
    if is_plain and column.kind is str:
        return _plain_texts, None, None
    if column.kind in (int, float):
        return None, lambda part: _plain_numbers(part, column), None
    if column.kind in (date, datetime):
        return None, None, lambda part: _plain_moments(part, column)
    return None, None, None


def _parse_part(part: pa.Array, kind: pa.DataType, parse: Parser, fast: _Fast) -> Parsed:
    """One of the three arrays of a column."""
    if part.null_count == len(part):
        return Parsed(pa.nulls(len(part), kind), {})
    if fast is None:
        return _parse_distinct(part, kind, parse)
    values, is_clear = fast(part)
    if is_clear.true_count == len(part) - part.null_count:
        return Parsed(values, {})
    # null in the mask means an empty cell, which neither way has anything to say about
    rest = _parse_distinct(pc.if_else(is_clear, None, part), kind, parse)
    return Parsed(pc.coalesce(values, rest.values), rest.problems, rest.masked)


def _parse_distinct(part: pa.Array, kind: pa.DataType, parse: Parser) -> Parsed:
    encoded = part.dictionary_encode()
    told = [_ask(parse, cell) for cell in _as_cells(encoded.dictionary)]
    values = pa.array([None if isinstance(v, BadCellError) else v for v, _ in told], kind)
    masked = np.array([count for _, count in told], dtype=np.int64)
    wrong = [isinstance(value, BadCellError) for value, _ in told]
    problems: dict[int, str] = {}
    if any(wrong):
        for row in _rows_where(encoded.indices, wrong):
            problems[row] = str(told[encoded.indices[row].as_py()][0])
    count = 0
    if masked.any():
        used = np.bincount(encoded.indices.drop_null().to_numpy(), minlength=len(masked))
        count = int(used @ masked)
    return Parsed(values.take(encoded.indices), problems, count)


def _rows_where(indices: pa.Array, wrong: list[bool]) -> list[int]:
    """The rows whose distinct value is a wrong one."""
    chosen = pa.array(wrong, pa.bool_()).take(indices).fill_null(False)
    return np.flatnonzero(chosen.to_numpy(zero_copy_only=False)).tolist()


def _ask(parse: Parser, cell: Cell) -> tuple[Typed | BadCellError | None, int]:
    try:
        return parse(cell)
    except BadCellError as error:
        return error, 0


def _as_cells(values: pa.Array) -> Iterator[Cell]:
    """Arrow values as the cells they were: midnight is a date."""
    if not pa.types.is_timestamp(values.type):
        yield from values.to_pylist()
        return
    for moment in values.to_pylist():
        yield (
            moment
            if moment.hour or moment.minute or moment.second or moment.microsecond
            else (moment.date())
        )


def _plain_texts(part: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Texts that say something, are not too long, and hold nothing personal."""
    is_clear = pc.and_(
        pc.invert(is_short_empty(part)),
        pc.and_(pc.invert(is_suspect(part)), pc.less_equal(pc.utf8_length(part), LONGEST_TEXT)),
    )
    return pc.if_else(is_clear, part, None), is_clear


def _plain_numbers(part: pa.Array, column: Column) -> tuple[pa.Array, pa.Array]:
    """Numbers that are finite, within bounds, and whole where they must be."""
    low, high = column.bounds
    is_clear = pc.is_finite(part)
    if low is not None:
        is_clear = pc.and_(is_clear, pc.greater_equal(part, float(low)))  # type: ignore[arg-type]
    if high is not None:
        is_clear = pc.and_(is_clear, pc.less_equal(part, float(high)))  # type: ignore[arg-type]
    if column.kind is int:
        is_whole = pc.and_(pc.equal(pc.floor(part), part), pc.less(pc.abs(part), _EXACT))
        is_clear = pc.and_(is_clear, is_whole)
    kept = pc.if_else(is_clear, part, None)
    return kept.cast(ARROW_TYPES[column.kind]), is_clear


def _plain_moments(part: pa.Array, column: Column) -> tuple[pa.Array, pa.Array]:
    """Moments between the days that the column allows."""
    low, high = column.bounds
    days = part.cast(pa.date32(), safe=False)
    is_clear = pc.and_(
        pc.greater_equal(days, pa.scalar(low, pa.date32())),
        pc.less_equal(days, pa.scalar(high, pa.date32())),
    )
    kept = pc.if_else(is_clear, part, None)
    kind = ARROW_TYPES[column.kind]
    return kept.cast(kind, safe=False), is_clear


def as_floats(values: pa.Array) -> np.ndarray:
    """A column of numbers with NaN for what is missing; a copy."""
    return np.array(values.to_numpy(zero_copy_only=False), dtype=float)

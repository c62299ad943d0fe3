"""Text merged over several rows is repeated in each; numbers are not: they would count twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from etl.files.page import is_blank

# Top left and bottom right cell, both counted from zero, both included.
Range = tuple[tuple[int, int], tuple[int, int]]


def fill_merged(rows: Iterable[Sequence[Any]], ranges: Sequence[Range]) -> Iterator[Sequence[Any]]:
    """The rows, with merged text repeated downwards in the first of its columns.

    A title merged across the sheet stays one cell; a header merged across is repeated in its row
    by the header search. A row without anything else stays blank.
    """
    starts: dict[int, list[tuple[int, int]]] = {}
    for (top, left), (bottom, _right) in ranges:
        if bottom > top:
            starts.setdefault(top, []).append((left, bottom))
    running: dict[int, tuple[int, Any]] = {}
    for number, row in enumerate(rows):
        if running:
            running = {left: kept for left, kept in running.items() if kept[0] >= number}
            row = _fill_row(row, running)
        for left, bottom in starts.get(number, ()):
            if left < len(row) and type(row[left]) not in (int, float) and not is_blank(row[left]):
                running[left] = (bottom, row[left])
        yield row


def _fill_row(row: Sequence[Any], running: dict[int, tuple[int, Any]]) -> Sequence[Any]:
    gaps = [left for left in running if left < len(row) and is_blank(row[left])]
    if not gaps or all(map(is_blank, row)):
        return row
    filled = list(row)
    for left in gaps:
        filled[left] = running[left][1]
    return filled

"""A form's sheet as a person sees it: labels, blanks, merged cells; its tables and its pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from etl.forms.labels import SERIAL_LABELS, clean

MOST_ROWS, MOST_COLUMNS = 3000, 200
HEADER_DEPTHS = (1, 2, 3)
SUMS = frozenset({"合计", "总计", "共计", "小计", "总数"})
_FOOT = re.compile(
    r"(?:填表|制表|审核|填报|统计|经办|单位负责|负责|联系|数据来源|附注|说明|注)"
    r"(?:人|单位|时间|日期|签字|签名|签章|盖章|电话|方式)?\s*[:：]"
)


@dataclass(frozen=True)
class Block:
    """A table of a form; rows and columns count from one, both ends included.

    Parameters
    ----------
    labels
        For each column the labels above it, from the top down.
    is_open
        Nothing stands below, so that it may grow.
    """

    top: int
    left: int
    right: int
    body: int
    bottom: int
    labels: dict[int, tuple[str, ...]]
    is_open: bool

    @property
    def rows(self) -> range:
        """The rows of the body."""
        return range(self.body, self.bottom + 1)

    def holds(self, row: int, column: int) -> bool:
        """Whether a cell belongs to the table."""
        return self.top <= row <= self.bottom and self.left <= column <= self.right


class Grid:
    """One sheet: what a person reads where, and where there is room to write."""

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self._home: dict[tuple[int, int], tuple[int, int]] = {}
        self._right: dict[tuple[int, int], int] = {}
        self._below: dict[tuple[int, int], int] = {}
        for area in sheet.merged_cells.ranges:
            home = (area.min_row, area.min_col)
            self._right[home], self._below[home] = area.max_col, area.max_row
            for row in range(area.min_row, min(area.max_row, MOST_ROWS) + 1):
                for column in range(area.min_col, min(area.max_col, MOST_COLUMNS) + 1):
                    self._home[row, column] = home
        self._texts = self._read_texts()
        self.height = max((row for row, _ in self._texts), default=0)
        self.width = max((column for _, column in self._texts), default=0)

    def _read_texts(self) -> dict[tuple[int, int], str]:
        last = min(self.sheet.max_row, MOST_ROWS), min(self.sheet.max_column, MOST_COLUMNS)
        cells = self.sheet.iter_rows(max_row=last[0], max_col=last[1])
        return {
            (cell.row, cell.column): str(cell.value).strip()
            for row in cells
            for cell in row
            if cell.value is not None and str(cell.value).strip()
        }

    @property
    def is_cut(self) -> bool:
        """Whether the sheet goes on beyond what is looked at."""
        return bool(self.sheet.max_row > MOST_ROWS or self.sheet.max_column > MOST_COLUMNS)

    def text(self, row: int, column: int) -> str:
        """What a person reads in a cell; text of a merged cell in every part of it."""
        return self._texts.get(self._home.get((row, column), (row, column)), "")

    def is_label(self, row: int, column: int) -> bool:
        """Whether words stand in a cell: neither a number nor a formula."""
        home = self._home.get((row, column), (row, column))
        value = self.sheet.cell(*home).value if home in self._texts else None
        return isinstance(value, str) and not value.startswith("=") and not _is_number(value)

    def is_blank(self, row: int, column: int) -> bool:
        """Whether a value may be written: nothing there, and no part of another's merged cell."""
        home = self._home.get((row, column), (row, column))
        return home == (row, column) and not self.text(row, column)

    def cell(self, row: int, column: int) -> Cell:
        """The cell to write to."""
        found: Any = self.sheet.cell(row, column)
        return found

    def right_of(self, row: int, column: int) -> int:
        """The column behind a cell and all it is merged with."""
        home = self._home.get((row, column), (row, column))
        return self._right.get(home, column) + 1

    def below(self, row: int, column: int) -> int:
        """The row under a cell and all it is merged with."""
        home = self._home.get((row, column), (row, column))
        return self._below.get(home, row) + 1

    def is_home(self, row: int, column: int) -> bool:
        """Whether a cell is none, or the first, of merged ones."""
        return self._home.get((row, column), (row, column)) == (row, column)

    def is_framed(self, row: int, column: int) -> bool:
        """Whether a line is drawn around a cell."""
        border = self.cell(row, column).border
        return any(side is not None and side.style for side in (border.left, border.right))

    def row_texts(self, row: int) -> list[str]:
        """What stands in a row, each merged cell once."""
        columns = range(1, self.width + 1)
        return [self.text(row, c) for c in columns if self.text(row, c) and self._is_first(row, c)]

    def _is_first(self, row: int, column: int) -> bool:
        home = self._home.get((row, column), (row, column))
        return home[1] == column

    def address(self, row: int, column: int) -> str:
        """The address as a spreadsheet program shows it."""
        return f"{get_column_letter(column)}{row}"

    # -- tables ----------------------------------------------------------------------------

    def find_blocks(self) -> list[Block]:
        """The tables of the sheet from the top down."""
        blocks: list[Block] = []
        row = 1
        while row <= self.height:
            block = self._block_at(row)
            if block:
                blocks.append(block)
                row = block.bottom + 1
            else:
                row += 1
        return blocks

    def _block_at(self, top: int) -> Block | None:
        for depth in HEADER_DEPTHS:
            labels = self._header_at(top, depth)
            if labels:
                left, right = min(labels), max(labels)
                bottom, is_open = self._find_bottom(top + depth, left, right, labels)
                if bottom >= top + depth:
                    return Block(top, left, right, top + depth, bottom, labels, is_open)
        return None

    def _header_at(self, top: int, depth: int) -> dict[int, tuple[str, ...]]:
        """The labels by column where rows are the header of a table; else none."""
        if len({self.text(top, c) for c in range(1, self.width + 1)} - {""}) < 2:
            return {}  # a title
        labels = {}
        for column in range(1, self.width + 1):
            parts = [
                text
                for row in range(top, top + depth)
                if (text := self._heading(row, column, is_last=row == top + depth - 1))
            ]
            is_own = any(self.is_label(row, column) for row in range(top, top + depth))
            # A column in which the rows below have labels need not have one itself.
            if is_own or self.is_label(top + depth, column):
                labels[column] = tuple(dict.fromkeys(parts)) or ("",)
        if len(set(labels.values()) - {("",)}) < 2 or not self._is_header(top, depth, labels):
            return {}
        return labels

    def _heading(self, row: int, column: int, is_last: bool) -> str:
        """A part of a header; a group reaches over the blanks to its right, merged or not."""
        place = column
        while not is_last and place > 1 and self.is_blank(row, place):
            place -= 1
        return self.text(row, place) if self.is_label(row, place) else ""

    def _is_header(self, top: int, depth: int, labels: dict[int, tuple[str, ...]]) -> bool:
        """Labels side by side, none a pair's, ending where what is below begins."""
        left, right, last, under = min(labels), max(labels), top + depth - 1, top + depth
        if len(labels) != right - left + 1:
            return False
        if any(re.search(r"(?<!其中)[:：]", part) for parts in labels.values() for part in parts):
            return False
        if any(self._is_cut_off(top, last, c) for c in labels):
            return False
        if right < self.width and self.is_blank(top, right + 1) and self.is_framed(top, right + 1):
            return False
        if top > 1 and self.is_label(top - 1, right) and self._is_pair_line(top - 1):
            return False
        blank = [c for c in labels if self.is_blank(under, c)]
        worded = [c for c in labels if self.is_label(under, c)]
        is_stacked = depth == 1 or self._has_group(top, depth, labels)
        is_led = len(worded) <= max(1, len(labels) // 2) or max(worded) < min(blank, default=0)
        return bool(blank) and is_led and is_stacked

    def _is_pair_line(self, row: int) -> bool:
        """Whether a row has several labels, a line such as 单位：户 left aside."""
        return len({t for t in self.row_texts(row) if not re.search("[:：].", t)}) > 1

    def _is_cut_off(self, top: int, last: int, column: int) -> bool:
        """Whether a merged cell reaches out of these rows, above or below."""
        reaches_down = self.text(last, column) and self.below(last, column) > last + 1
        home = self._home.get((top, column), (top, column))
        return bool(reaches_down) or home[0] < top

    def _has_group(self, top: int, depth: int, labels: dict[int, tuple[str, ...]]) -> bool:
        """Whether any part of a header of several rows reaches over several columns."""
        return any(
            self._heading(row, c, False) == self._heading(row, c + 1, False) != ""
            for row in range(top, top + depth - 1)
            for c in labels
            if c + 1 in labels
        )

    def _find_bottom(
        self, body: int, left: int, right: int, labels: dict[int, tuple[str, ...]]
    ) -> tuple[int, bool]:
        """The last row of a body, and whether nothing stands below it."""
        serial = {c for c, parts in labels.items() if clean(parts[-1]) in SERIAL_LABELS}
        is_listed = not self._is_named(body, left, right, serial)
        row = body
        while row <= self.height:
            texts: list[Any] = [self.text(row, c) for c in range(1, self.width + 1)]
            if _FOOT.match(next(filter(None, texts), "")):
                return row - 1, False
            if is_listed and self._is_named(row, left, right, serial):
                is_total = any(clean(text) in SUMS for text in texts)
                return (row if is_total else row - 1), False
            if not is_listed and not any(texts):
                return row - 1, False
            row += 1
        end = max(self.height, body)
        return end, True

    def _is_named(self, row: int, left: int, right: int, serial: set[int]) -> bool:
        columns = [c for c in range(left, right + 1) if c not in serial]
        return any(self.is_label(row, c) for c in columns) or (
            not any(self.text(row, c) for c in range(left, right + 1)) and bool(self.row_texts(row))
        )

    def pairs(self, blocks: list[Block]) -> Iterator[tuple[int, int]]:
        """The label cells that belong to no table."""
        for row, column in sorted(self._texts):
            if self.is_label(row, column) and not any(b.holds(row, column) for b in blocks):
                yield row, column


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True

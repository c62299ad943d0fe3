"""Which sheet holds which table, under which header row, and which column is which."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from etl.cells import fold
from etl.profile import Profile
from etl.table import Table
from etl.workbook import Cell, Sheet

SEARCHED_ROWS = 30
HEADER_DEPTHS = (1, 2, 3)
FEWEST_HEADERS = 3
_BRACKETS = re.compile(r"[（(\[【][^）)\]】]*[）)\]】]\s*$")


@dataclass(frozen=True)
class Match:
    """A table found on a sheet.

    `columns` gives, for each column of the contract, the places (from zero) that head it, the
    first being preferred; `unknown` the headers that the contract does not know.
    """

    table: Table
    first_row: int
    headers: tuple[str, ...]
    columns: dict[str, list[int]]
    unknown: dict[int, str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Labels of required columns without a header, as far as no id or pair stands in."""
        return tuple(
            column.label
            for column in self.table.asked
            if column.required and column.name not in self.columns
        )


@dataclass(frozen=True)
class NoMatch:
    """A sheet on which no table was found, with the nearest one."""

    nearest: Table | None = None
    header_row: int = 0
    missing: tuple[str, ...] = ()


@lru_cache(maxsize=20_000)
def fold_header(text: str) -> str:
    """A header without units in brackets, spaces, colons and required-marks."""
    folded = fold(text).strip("*＊:：")
    return fold(_BRACKETS.sub("", folded)) or folded


def find_table(sheet: Sheet, file: str, profile: Profile) -> Match | NoMatch:
    """The table on a sheet, by likeness of its headers to the contract.

    Every row near the top, alone and together with the next one or two (headers of merged rows),
    is held against every table; the table whose required columns are all there and that explains
    most headers wins. The words in sheet and file name decide between equals.
    """
    fixed = profile.source(file).table
    tables = [profile.table(fixed)] if fixed else profile.tables
    best: tuple[tuple[float, ...], Match] | None = None
    for row in range(min(SEARCHED_ROWS, len(sheet.rows))):
        for depth in HEADER_DEPTHS:
            if row + depth > len(sheet.rows) or (depth > 1 and not _may_be_stacked(sheet, row)):
                break
            headers = _join_headers(sheet.rows[row : row + depth])
            if not fixed and not _may_be_header(headers, profile):
                continue
            for table in tables:
                match = _match_headers(table, headers, row + depth, profile)
                score = _score(match, table, sheet.name, file, depth)
                if match.columns and (best is None or score > best[0]):
                    best = score, match
    if best is None or (len(best[1].columns) < 2 and not fixed):
        return NoMatch()
    score, match = best
    if match.missing:
        return NoMatch(match.table, match.first_row, match.missing)
    return match if score[0] or fixed else NoMatch()


def _may_be_stacked(sheet: Sheet, row: int) -> bool:
    """Whether a header row leaves cells to the row below: only then is it worth joining."""
    cells = sheet.rows[row]
    filled = sum(cell != "" for cell in cells)
    return filled > 1 and any(isinstance(cell, str) for cell in cells)


def _may_be_header(headers: tuple[str, ...], profile: Profile) -> bool:
    """Whether at least two cells head a column of some table: most rows of data do not."""
    known = _all_headers(profile.tables)
    own = {header for columns in profile.columns.values() for header in columns}
    return sum(fold_header(h) in known or fold(h) in own for h in headers if h) >= 2


@lru_cache(maxsize=16)
def _all_headers(tables: tuple[Table, ...]) -> frozenset[str]:
    return frozenset(header for table in tables for header in _known_headers(table))


def _join_headers(rows: list[list[Cell]]) -> tuple[str, ...]:
    """Headers of one or several rows: the lowest part that is written, else what is above it."""
    width = max((len(row) for row in rows), default=0)
    joined = []
    for place in range(width):
        parts = [str(row[place]) for row in rows if place < len(row) and row[place] != ""]
        joined.append(parts[-1] if parts else "")
    return tuple(joined)


def _match_headers(
    table: Table, headers: tuple[str, ...], first_row: int, profile: Profile
) -> Match:
    known = _known_headers(table)
    own = profile.columns.get(table.name, {})
    columns: dict[str, list[int]] = {}
    unknown: dict[int, str] = {}
    for place, header in enumerate(headers):
        if not header:
            continue
        name = own.get(fold(header), known.get(fold_header(header)))
        if name:
            columns.setdefault(name, []).append(place)
        elif name is None:
            unknown[place] = header
    for places in columns.values():
        # The column's own label before its aliases, whatever the order on the sheet.
        label = fold_header(table[next(n for n, p in columns.items() if p is places)].label)
        places.sort(key=lambda place: fold_header(headers[place]) != label)
    return Match(table, first_row, headers, columns, unknown)


@lru_cache(maxsize=256)
def _known_headers(table: Table) -> dict[str, str]:
    """Folded header to column; a label outweighs another column's alias."""
    known: dict[str, str] = {}
    for column in table.asked:
        for header in column.headers:
            known.setdefault(fold_header(header), column.name)
    known.update({fold_header(column.label): column.name for column in table.asked})
    return known


def _score(match: Match, table: Table, sheet: str, file: str, depth: int) -> tuple[float, ...]:
    required = [column for column in table.asked if column.required]
    found = sum(column.name in match.columns for column in required)
    written = sum(header != "" for header in match.headers)
    share = len(match.columns) / max(written, 1)
    named = _is_named(table, sheet) * 2 + _is_named(table, file)
    # Two headers such as 名称 and 时间 stand on any list; they tell a table only with its name.
    complete = found == len(required) and (len(match.columns) >= FEWEST_HEADERS or named > 0)
    return (complete, complete * named, len(match.columns) * share, found, named, -depth)


def _is_named(table: Table, name: str) -> bool:
    folded = fold(name)
    return any(fold(word) in folded for word in (table.label, table.name, *table.aliases))


_TOTAL = re.compile(r"^(合计|总计|共计|总数|累计|小计|.{0,12}小计|.{0,12}合计)[:：]?$")
_FOOT = re.compile(
    r"^(填表|制表|审核|填报|统计|经办|单位负责|负责|联系|数据来源|备注|附注|说明|注)"
    r"(人|单位|时间|日期|签字|签名|签章|盖章)?\s*[:：]"
)
_LABELLED = re.compile(r"^[^:：]{1,10}[:：]")


def is_total_row(row: Iterable[Cell]) -> bool:
    """Whether a row is a sum of others: 合计, 小计 and their like in one of its text cells."""
    texts = [cell for cell in row if isinstance(cell, str) and cell][:3]
    # Most rows have no such word at all; folding every cell of every row would be felt.
    return any(_TOTAL.match(fold(text)) for text in texts if "计" in text or "总" in text)


def is_foot_row(row: list[Cell]) -> bool:
    """Whether a row below the table is a remark or a signature, not data."""
    texts = [str(cell) for cell in row if cell != ""]
    if not texts or not _FOOT.match(texts[0]):
        return False
    # Data may begin so too ('说明：楼下停车乱'); a signature stands alone or among its like.
    return len(texts) <= 2 or all(_LABELLED.match(text) for text in texts)


def is_header_row(row: list[Cell], match: Match) -> bool:
    """Whether a row repeats the header, as printed pages do."""
    places = [place for places in match.columns.values() for place in places]
    if not any(place < len(row) and row[place] == match.headers[place] for place in places):
        return False
    same = sum(
        place < len(row) and fold_header(str(row[place])) == fold_header(match.headers[place])
        for place in places
    )
    return same >= max(2, 0.8 * len(places))

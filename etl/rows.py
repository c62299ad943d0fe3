"""Which rows under a header are data: blanks, sums, repeated headers, titles and signatures are not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow.compute as pc

from etl.cells import fold
from etl.match import Match, fold_header
from etl.sheet import Cell, Cells, Sheet, judge_texts

_TOTAL = re.compile(r"^(合计|总计|共计|总数|累计|小计|.{0,12}小计|.{0,12}合计)[:：]?$")
_SUM = re.compile(r"^(合计|总计|共计|总数|累计|小计)[:：]?$")
_FOOT = re.compile(
    r"^(填表|制表|审核|填报|统计|经办|单位负责|负责|联系|数据来源|备注|附注|说明|注)"
    r"(人|单位|时间|日期|签字|签名|签章|盖章)?\s*[:：]"
)
# For the engine that Arrow brings (RE2): whatever may be a sum, a remark or a signature.
_SPECIAL = (
    r"^[\s\p{Z}]*(?:填表|制表|审核|填报|统计|经办|单位负责|负责|联系|数据来源|备注|附注|说明|注)"
    r"|^.{0,24}(?:计|总[\s\p{Z}]*数)[\s\p{Z}]*[:：]?[\s\p{Z}]*$"
)
# 一、老旧院落 (二) 附: the title of a stretch of rows
_SECTION = re.compile(
    r"^(?:[（(]?[一二三四五六七八九十]{1,3}[）)]?[、.．\s]|[（(][一二三四五六七八九十]{1,3}[）)]|附[件表注录一二三四五六七八九十\d：:]|附$|续表)"
)
FEWEST_FOR_SECTION = 3
_LABELLED = re.compile(r"^[^:：]{1,10}[:：]")


@dataclass(frozen=True)
class Sorted:
    """Rows of a sheet, from zero: those of data, those that are sums, and how many are neither."""

    data: np.ndarray
    totals: list[int]
    recognised: int


def sort_rows(sheet: Sheet, match: Match) -> Sorted:
    """Tell data from blank rows, repeated headers, sums, titles of sections and signatures.

    `recognised` counts every row under the header that is no data, the sums included.
    """
    top = match.first_row
    end = sheet.height if match.end_row is None else match.end_row
    size = max(end - top, 0)
    places = match.places(sheet.width)
    columns = {place: sheet.columns[place].slice(top, size) for place in places}
    count = np.zeros(size, dtype=np.int64)
    for cells in columns.values():
        count += cells.filled()
    repeats = {row - top for row in match.repeats if top <= row < end}
    suspects = {*repeats, *np.flatnonzero(_may_be_special(columns, match, count)).tolist()}
    is_data = count > 0
    wordy = _find_wordy(match)
    head = [[sheet.cell(row, p) for p in places] for row in range(match.header_row, top)]
    totals = []
    # Where the next header is, repeated or of another table: above it stand its titles.
    heads = [] if match.end_row is None else [size]
    for row in sorted(suspects):
        row_cells = [columns[place][row] for place in places]
        terse = [c for c, place in zip(row_cells, places, strict=True) if place not in wordy]
        words = [c for c, place in zip(row_cells, places, strict=True) if place in wordy]
        if is_total_row(terse) or any(isinstance(c, str) and _SUM.match(fold(c)) for c in words):
            if _is_record(sheet, top + row, match):
                continue
            totals.append(top + row)
        elif row in repeats or row_cells in head or is_header_row(row_cells, match, places):
            heads.append(row)
        elif not (is_foot_row(row_cells) or is_section_row(terse, match)):
            continue
        is_data[row] = False
    for row in heads:
        is_data[_find_titles(columns, count, row)] = False
    return Sorted(top + np.flatnonzero(is_data), totals, int(size - is_data.sum()))


def _find_wordy(match: Match) -> frozenset[int]:
    """The places of sentences: 物业费合计 and 一、二栋之间没有灯 are what somebody said there."""
    return frozenset(
        place
        for column in match.table.asked
        if column.is_free_text
        for place in match.columns.get(column.name, [])
    )


def _find_titles(columns: dict[int, Cells], count: np.ndarray, end: int) -> list[int]:
    """The lone texts just above a header: the table's title, and the unit of its figures."""
    titles = []
    for row in range(end - 1, -1, -1):
        if count[row] == 0:
            continue
        if count[row] > 1 or not any(cells.text[row].is_valid for cells in columns.values()):
            break
        titles.append(row)
    return titles


def _may_be_special(columns: dict[int, Cells], match: Match, count: np.ndarray) -> np.ndarray:
    """Rows that are worth looking at one by one."""
    found = np.zeros(len(count), dtype=bool)
    for place, cells in columns.items():
        if cells.text.null_count == len(cells):
            continue
        special = judge_texts(cells.text, lambda part: pc.match_substring_regex(part, _SPECIAL))
        if place < len(match.headers) and match.headers[place]:
            special = pc.or_kleene(special, pc.equal(cells.text, match.headers[place]))
        found |= special.fill_null(False).to_numpy(zero_copy_only=False)
    return np.asarray(found | (count == 1))


def is_section_row(row: Sequence[Cell], match: Match) -> bool:
    """Whether a row is the title of those below it: a single text that is numbered as such."""
    texts = [cell for cell in row if cell != ""]
    return (
        len(texts) == 1
        and isinstance(texts[0], str)
        and len(match.columns) >= FEWEST_FOR_SECTION
        and _SECTION.match(texts[0]) is not None
    )


def is_total_row(row: Iterable[Cell]) -> bool:
    """Whether a row looks like a sum of others: 合计, 小计 and their like in a first text cell."""
    texts = [cell for cell in row if isinstance(cell, str) and cell][:3]
    # Most rows have no such word at all; folding every cell of every row would be felt.
    return any(_TOTAL.match(fold(text)) for text in texts if "计" in text or "总" in text)


def _is_record(sheet: Sheet, row: int, match: Match) -> bool:
    """Whether a row that has the word of a sum in it is data: a sum has no date and no whole key.

    公摊费合计 may be the kind of a complaint, and then the row says all that a complaint must.
    """
    required = [c for c in match.table.asked if c.required and c.name in match.columns]
    told = {c.name: [sheet.cell(row, p) for p in match.columns[c.name]] for c in required}
    if not all(any(cell != "" for cell in cells) for cells in told.values()):
        return False
    words = [c for cells in told.values() for c in cells if isinstance(c, str)]
    return any(c.kind in (date, datetime) for c in required) or not is_total_row(words)


def is_foot_row(row: Sequence[Cell]) -> bool:
    """Whether a row below the table is a remark or a signature, not data."""
    texts = [str(cell) for cell in row if cell != ""]
    if not texts or not _FOOT.match(texts[0]):
        return False
    # Data may begin so too ('说明：楼下停车乱'); a signature stands alone or among its like.
    return len(texts) <= 2 or all(_LABELLED.match(text) for text in texts)


def is_header_row(row: Sequence[Cell], match: Match, places: Sequence[int] | None = None) -> bool:
    """Whether a row repeats the header, as printed pages do.

    `places` says in which columns of the sheet the cells of the row lie; without, from the first.
    """
    told = dict(zip(places if places is not None else range(len(row)), row, strict=True))
    headed = [place for places in match.columns.values() for place in places]
    if not any(told.get(place) == match.headers[place] for place in headed):
        return False
    same = sum(
        fold_header(str(told.get(place, ""))) == fold_header(match.headers[place])
        for place in headed
    )
    return same >= max(2, 0.8 * len(headed))

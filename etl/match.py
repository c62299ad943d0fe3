"""Which sheet holds which tables, under which header row, and which column is which."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz, process

from etl.cells import fold
from etl.privacy import mask_text
from etl.profile import Profile
from etl.sheet import Cell, Sheet, judge_texts
from etl.table import Table

SEARCHED_ROWS = 30
HEADER_DEPTHS = (1, 2, 3)
FEWEST_HEADERS = 3
# A header that nobody knows is a short word.
LONGEST_GUESS = 12
MOST_TABLES = 2_000
MOST_HEADERS = 20_000
# Below this likeness (0 to 100) a header that nobody knows is not even asked about.
ALIKE = 75
# For the engine that Arrow brings (RE2): what `fold_header` leaves out of a header.
_UNTOLD = r"[\s\p{Z}*＊:：]+|[（(\[【][^）)\]】]*[）)\]】][\s\p{Z}]*$"
_LONGEST_HEADER = 90  # bytes
_BRACKETS = re.compile(r"[（(\[【][^）)\]】]*[）)\]】]\s*$")


@dataclass(frozen=True)
class Match:
    """A table found on a sheet.

    `columns` gives, for each column of the contract, the places (from zero) that head it, the
    first being preferred; `unknown` the headers that the contract does not know. The rows of the
    table are those from `first_row` to before `end_row` (from zero; None: to the end), and the
    `depth` rows before them are its header, which `repeats` itself in these rows, as printed pages
    do. A table with neighbours beside it has only the columns between its first and its last
    header.
    """

    table: Table
    first_row: int
    headers: tuple[str, ...]
    columns: dict[str, list[int]]
    unknown: dict[int, str]
    end_row: int | None = None
    has_neighbours: bool = False
    depth: int = 1
    repeats: tuple[int, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Labels of required columns without a header, as far as no id or pair stands in."""
        return tuple(
            column.label
            for column in self.table.asked
            if column.required and column.name not in self.columns
        )

    def places(self, width: int) -> range:
        """The columns that belong to this table, from zero, on a sheet of some width."""
        if not self.has_neighbours:
            return range(width)
        written = [place for place, header in enumerate(self.headers) if header]
        return range(min(written), min(max(written) + 1, width))

    @property
    def header_row(self) -> int:
        """The first row of the header, from zero."""
        return self.first_row - self.depth

    @property
    def head(self) -> str:
        """By what a sheet headed the same is known again."""
        return mark_head(self.headers)


@dataclass(frozen=True)
class NoMatch:
    """A sheet on which no table was found, with the nearest one."""

    nearest: Table | None = None
    header_row: int = 0
    missing: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    is_set_aside: bool = False

    @property
    def head(self) -> str:
        """By what a sheet headed the same is known again."""
        return mark_head(self.headers)


def mark_head(headers: Iterable[str]) -> str:
    """A short mark that is the same for the same headers, whatever the file is called."""
    told = "|".join(fold_header(header) for header in headers if header)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


@lru_cache(maxsize=20_000)
def fold_header(text: str) -> str:
    """A header without units in brackets, spaces, colons and required-marks."""
    folded = fold(text).strip("*＊:：")
    return fold(_BRACKETS.sub("", folded)) or folded


def find_tables(sheet: Sheet, file: str, profile: Profile) -> list[Match] | NoMatch:
    """Every table on a sheet, in their order, or why there is none.

    Tables may follow one another, each under its own header, or stand side by side with an empty
    column between; a header that is repeated, as printed pages do, begins no new table.
    """
    first = find_table(sheet, file, profile)
    if isinstance(first, NoMatch):
        return first
    if profile.source(file).table:
        return _split_sideways(first, sheet, profile)
    surest = {match.header_row: match for match in _find_above(first, sheet, file, profile)}
    rows = _further_headers(sheet, min(m.first_row for m in surest.values()), profile)
    found: list[Match] = []
    for row in sorted({*surest, *rows}):
        if len(found) >= MOST_TABLES or any(row < match.first_row for match in found):
            continue
        below = surest.get(row) or _best_match(sheet, [row], file, profile)
        if not isinstance(below, Match):
            continue
        if found and below.headers == found[-1].headers:
            again = (*found[-1].repeats, *range(below.header_row, below.first_row))
            found[-1] = replace(found[-1], repeats=again)
            continue
        found[-1:] = [replace(match, end_row=row) for match in found[-1:]]
        found.append(below)
    return [part for match in found for part in _split_sideways(match, sheet, profile)]


def _find_above(first: Match, sheet: Sheet, file: str, profile: Profile) -> list[Match]:
    """A table and those above it: the surest one on a sheet need not be the first."""
    found = [first]
    while (end := found[-1].header_row) > 0:
        above = _best_match(sheet, range(end), file, profile, end)
        if not isinstance(above, Match):
            break
        found.append(above)
    return found


def find_table(sheet: Sheet, file: str, profile: Profile) -> Match | NoMatch:
    """The first table on a sheet, by likeness of its headers to the contract.

    Every row near the top, alone and together with the next one or two (headers of merged rows),
    is held against every table; the table whose required columns are all there and that explains
    most headers wins. What a person answered for a sheet headed the same outweighs likeness; the
    words in sheet and file name decide between equals.
    """
    return _best_match(sheet, range(min(SEARCHED_ROWS, sheet.height)), file, profile)


def _best_match(
    sheet: Sheet, rows: Iterable[int], file: str, profile: Profile, stop: int | None = None
) -> Match | NoMatch:
    """The table that is headed by one of these rows and those below it, down to before `stop`."""
    stop = sheet.height if stop is None else stop
    fixed = profile.source(file).table
    best: tuple[tuple[float, ...], Match] | None = None
    for row in rows:
        stretch = list(sheet.rows(row, min(row + max(HEADER_DEPTHS), stop)))
        for depth in HEADER_DEPTHS:
            if depth > len(stretch) or not _may_be_stacked(stretch[:depth]):
                break
            headers = _join_headers(stretch[:depth])
            answered = profile.heads.get(mark_head(headers))
            if answered == "":
                return NoMatch(headers=headers, is_set_aside=True)
            told = answered or fixed
            if not told and not _may_be_header(headers, profile):
                continue
            for table in [profile.table(told)] if told else profile.tables:
                match = _match_headers(table, headers, row + depth, profile)
                score = (bool(answered), *_score(match, table, sheet.name, file, depth))
                if (match.columns or answered) and (best is None or score > best[0]):
                    best = score, replace(match, depth=depth)
    if best is None or (len(best[1].columns) < 2 and not fixed and not best[0][0]):
        return _guess_header(sheet)
    score, match = best
    if match.missing:
        unknown = tuple(match.unknown.values())
        return NoMatch(match.table, match.first_row, match.missing, match.headers, unknown)
    is_sure = score[0] or score[1] or fixed
    return match if is_sure else NoMatch(None, match.first_row, (), match.headers)


def _guess_header(sheet: Sheet) -> NoMatch:
    """What may be the header of a sheet on which no word is known: the first full row of texts."""
    for row in range(min(SEARCHED_ROWS, sheet.height - 1)):
        cells = [cell for cell in sheet.row(row) if cell != ""]
        is_header = len(cells) >= FEWEST_HEADERS and all(
            isinstance(cell, str) and len(cell) <= LONGEST_GUESS for cell in cells
        )
        if is_header and len(set(cells)) == len(cells):
            headers = _join_headers([sheet.row(row)])
            return NoMatch(header_row=row + 1, headers=headers)
    return NoMatch()


def _split_sideways(match: Match, sheet: Sheet, profile: Profile) -> list[Match]:
    """The tables that stand side by side in one header, where each stands on its own."""
    parts = list(_groups(match, sheet))
    if len(parts) < 2:
        return [match]
    found = []
    for places in parts:
        headers = tuple(h if i in places else "" for i, h in enumerate(match.headers))
        tables = [
            _match_headers(table, headers, match.first_row, profile) for table in profile.tables
        ]
        whole = [
            (score, position, m)
            for position, m in enumerate(tables)
            if m.columns
            and not m.missing
            and (score := _score(m, m.table, "", "", 1))[0]
        ]  # fmt: skip
        if not whole:
            return [match]
        best = max(whole, key=lambda item: (item[0], -item[1]))[2]
        beside = replace(match, headers=best.headers, has_neighbours=True)
        found.append(replace(beside, table=best.table, columns=best.columns, unknown=best.unknown))
    return found


def _groups(match: Match, sheet: Sheet) -> Iterator[range]:
    """Stretches of headed columns with a column between that is empty all along the table."""
    headed = [
        place < len(match.headers) and match.headers[place] != "" for place in range(sheet.width)
    ]
    told = headed if all(headed) else (_find_told(match, sheet) | np.array(headed)).tolist()
    start: int | None = None
    for place, is_told in enumerate([*told, False]):
        if is_told and start is None:
            start = place
        elif not is_told and start is not None:
            if any(headed[start:place]):
                yield range(start, place)
            start = None


def _find_told(match: Match, sheet: Sheet) -> np.ndarray:
    """Which columns of a sheet hold anything beside a table; a lone text, as a title, is nothing."""
    end = sheet.height if match.end_row is None else match.end_row
    size = max(end - match.first_row, 0)
    filled = np.array([column.slice(match.first_row, size).filled() for column in sheet.columns])
    return np.asarray(filled[:, filled.sum(axis=0) > 1].any(axis=1))


def _further_headers(sheet: Sheet, start: int, profile: Profile) -> list[int]:
    """Rows below a header that may begin the header of another table: enough known words.

    The words may stand in two rows, of which the upper one is where the header begins.
    """
    if start >= sheet.height:
        return []
    known = _exact_headers(profile.tables) | {
        header for columns in profile.columns.values() for header in columns
    }
    words = pa.array(sorted(known), pa.string())
    count = np.zeros(sheet.height - start, dtype=np.int64)
    for column in sheet.columns:
        part = column.slice(start, sheet.height - start)
        if part.text.null_count == len(part):
            continue
        is_word = judge_texts(part.text, lambda texts: _find_words(texts, words))
        count += is_word.fill_null(False).to_numpy(zero_copy_only=False)
    below = np.append(count[1:], 0)
    enough = (count >= FEWEST_HEADERS) | (
        (count > 0) & (below > 0) & (count + below >= FEWEST_HEADERS)
    )
    return [start + int(row) for row in np.flatnonzero(enough)[:MOST_HEADERS]]


def _find_words(texts: pa.Array, words: pa.Array) -> pa.Array:
    """Which texts are known headers, but for units and spaces; few texts are short and end so."""
    is_short = pc.less_equal(pc.binary_length(texts), _LONGEST_HEADER)
    found = pc.is_in(texts, value_set=words)
    dressed = pc.and_(is_short, pc.match_substring_regex(texts, _UNTOLD))
    if not pc.any(dressed).as_py():
        return found
    plain = pc.replace_substring_regex(pc.if_else(dressed, texts, None), _UNTOLD, "")
    return pc.or_(found, pc.is_in(plain, value_set=words))


def _may_be_stacked(rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether rows may be one header: of texts alone, each giving a part of the lowest labels.

    A row that is covered by those below it is a header of its own, or data under one.
    """
    if len(rows) == 1:
        return True
    if any(not isinstance(cell, str) for row in rows for cell in row):
        return False
    joined = _join_headers(rows)
    return sum(cell != "" for cell in rows[0]) > 1 and all(
        any(cell != "" and cell == joined[place] for place, cell in enumerate(row)) for row in rows
    )


def _may_be_header(headers: tuple[str, ...], profile: Profile) -> bool:
    """Whether at least two cells head a column of some table: most rows of data do not."""
    known = _all_headers(profile.tables)
    own = {header for columns in profile.columns.values() for header in columns}
    return sum(fold_header(h) in known or fold(h) in own for h in headers if h) >= 2


@lru_cache(maxsize=16)
def _all_headers(tables: tuple[Table, ...]) -> frozenset[str]:
    return frozenset(header for table in tables for header in _known_headers(table))


@lru_cache(maxsize=16)
def _exact_headers(tables: tuple[Table, ...]) -> frozenset[str]:
    """Headers as they are written but for units, for finding them in long columns."""
    told = {h for table in tables for column in table.asked for h in column.headers}
    return frozenset(told | {fold_header(header) for header in told})


def _join_headers(rows: Sequence[Sequence[Cell]]) -> tuple[str, ...]:
    """Headers of one or several rows: the lowest part that is written, else what is above it."""
    width = max((len(row) for row in rows), default=0)
    joined = []
    for place in range(width):
        parts = [str(row[place]) for row in rows if place < len(row) and row[place] != ""]
        # A header may hold somebody's name or number, and it is kept and shown.
        joined.append(mask_text(parts[-1])[0] if parts else "")
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


def suggest_columns(match: Match) -> dict[str, str]:
    """For headers that nobody knows: the column, not found otherwise, that is most alike."""
    free = {
        fold_header(header): column.name
        for column in match.table.asked
        if column.name not in match.columns
        for header in (column.label, *column.aliases)
    }
    suggested = {}
    for header in match.unknown.values():
        best = process.extractOne(
            fold_header(header), list(free), scorer=fuzz.ratio, score_cutoff=ALIKE
        )
        if best is not None:
            suggested[header] = free[best[0]]
    return suggested


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

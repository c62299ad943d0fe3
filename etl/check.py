"""Cells to typed rows, and every issue with its cell; nothing is dropped without being named."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from openpyxl.utils import get_column_letter

from etl.cells import (
    BadCellError,
    Typed,
    as_text,
    as_texts,
    is_empty,
    parse_cell,
    split_lonlat,
)
from etl.columns import ARROW_TYPES, Parsed, as_floats, parse_column
from etl.coordinates import judge_coordinates, parse_angle
from etl.match import Match
from etl.names import INEXACT, Found, Names, Tie, canonical_building
from etl.privacy import MASK, mask_text
from etl.profile import Profile
from etl.rows import sort_rows
from etl.sheet import Cell, Cells, Sheet, address
from etl.table import Column, Table

ERROR = "error"
WARNING = "warning"
Extent = tuple[float, float, float, float]
_PERSONAL_HEADER = re.compile(
    r"姓名|电话|手机|身份证|证件|联系方|微信|QQ|车牌|户主|业主$|住户$|房东|租客|家属|监护|称呼|名单|书记"
    r"|房号|门牌|户代表|name|phone|tel|mobile|owner|e-?mail|(?:人|者|员|长)(?:[（(].*)?$",
    re.IGNORECASE,
)
NAMED_DOUBLES = 5
# Columns whose sums mean something; a mean year or score in the row of sums is none.
_SUMMED_UNITS = frozenset({"户", "人", "栋", "个"})


@dataclass(frozen=True)
class Issue:
    """A problem found in a cell. An error keeps the row out; a warning leaves the cell empty."""

    file: str
    sheet: str
    cell: str
    column: str
    value: str
    problem: str
    severity: str


@dataclass(frozen=True)
class Doubt:
    """A name of a compound that may stand for several, or for none that is known.

    `candidates` are ids or names of those that it may be, the nearest first.
    """

    written: str
    candidates: tuple[str, ...]


@dataclass
class Checked:
    """What a table on a sheet came to.

    `rows` holds the asked and derived columns of the contract by name, each an Arrow array as long
    as `row_numbers` (counted from one, as a spreadsheet program shows them). Every row under the
    header is in exactly one of `row_numbers`, `bad_rows` and `recognised`.
    """

    table: Table
    rows: dict[str, pa.Array]
    row_numbers: np.ndarray
    bad_rows: dict[int, list[str]] = field(default_factory=dict)
    recognised: int = 0
    bad_keys: dict[int, str] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    masked: int = 0
    unknown: list[str] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    file: str = ""
    sheet: str = ""
    key_place: int = 0
    # Whether any row's id was made from what it says.
    has_made_keys: bool = False

    @property
    def rows_read(self) -> int:
        """Rows under the header."""
        return len(self.row_numbers) + len(self.bad_rows) + self.recognised

    def copy(self) -> Checked:
        """The same, to be changed without a change to this one."""
        return replace(
            self, rows=dict(self.rows), issues=list(self.issues), bad_keys=dict(self.bad_keys),
            bad_rows={number: list(problems) for number, problems in self.bad_rows.items()},
            unknown=list(self.unknown), doubts=list(self.doubts),
        )  # fmt: skip

    def drop(self, places: Sequence[int]) -> None:
        """Take rows out of the good ones, by their places among them."""
        stays = np.ones(len(self.row_numbers), dtype=bool)
        stays[list(places)] = False
        self.row_numbers = self.row_numbers[stays]
        chosen = pa.array(stays)
        self.rows = {name: values.filter(chosen) for name, values in self.rows.items()}

    def refuse(self, number: int, problem: str) -> None:
        """Name a row (from one) that another one makes unusable, at the cell of its key."""
        where = address(number - 1, self.key_place)
        label = "、".join(self.table[name].label for name in self.table.key)
        self.issues.append(Issue(self.file, self.sheet, where, label, "", problem, ERROR))
        self.bad_rows.setdefault(number, []).append(f"{where}：{problem}")

    def keys(self) -> pa.Array:
        """The keys of the good rows, as text, in the form in which quarantine keeps them."""
        columns = [self.rows[name] for name in self.table.key]
        if len(columns) == 1 and pa.types.is_string(columns[0].type):
            return columns[0]
        told = zip(*(column.to_pylist() for column in columns), strict=True)
        return pa.array([join_key(key) for key in told], pa.string())

    def to_arrow(self) -> pa.Table:
        """The good rows, typed by the contract."""
        size = len(self.row_numbers)
        columns = [c for c in self.table.columns if c.is_stored]
        arrays = [
            self.rows[c.name] if c.name in self.rows else pa.nulls(size, ARROW_TYPES[c.kind])
            for c in columns
        ]
        return pa.Table.from_arrays(
            [*arrays, pa.array(self.row_numbers, type=pa.int64())],
            names=[*(c.name for c in columns), "row"],
        )


class Checker:
    """The checks of one table on a sheet, in the order in which they lean on each other."""

    def __init__(
        self,
        sheet: Sheet,
        match: Match,
        profile: Profile,
        file: str,
        references: Mapping[str, Names],
        extent: Extent | None,
    ) -> None:
        self.sheet = sheet
        self.match = match
        self.profile = profile
        self.file = file
        self.references = references
        self.extent = extent
        self.table = match.table
        self.formats = profile.source(file).date_formats
        self.issues: list[Issue] = []
        self.bad: dict[int, list[str]] = {}
        self.masked = 0
        self.sorted = sort_rows(sheet, match)
        self.data = self.sorted.data
        self.unplaced: set[int] = set()
        self.repeats: set[int] = set()
        self.has_made_keys = False
        self.found: dict[str, pa.Array] = {}
        self.doubts: dict[str, Doubt] = {}

    def run(self) -> Checked:
        """Check the table."""
        rows = {c.name: self._read_column(c) for c in self.table.asked if not c.is_personal}
        self._count_personal()
        self._fill_lonlat(rows)
        if self.table.must_be_here:
            self._place_by_name(rows)
        self._require(rows)
        self._make_keys(rows)
        self._check_order(rows)
        self._check_parts(rows)
        self._check_totals(rows)
        self._refuse_repeats(rows)
        return self._gather(rows)

    def _cells(self, name: str) -> Cells:
        """The cells of the data rows under one name, from the first column that has content."""
        columns = [
            self.sheet.columns[place].take(self.data)
            for place in self.match.columns.get(name, [])
            if place < self.sheet.width
        ]
        joined = columns[0]
        for other in columns[1:]:
            joined = joined.or_else(other)
        return joined

    def _cell(self, number: int, name: str) -> tuple[Cell, int]:
        """The first cell with content among the columns that head one name, and its place."""
        places = self.match.columns.get(name, [])
        for place in places:
            if (cell := self.sheet.cell(number, place)) != "":
                return cell, place
        return "", places[0] if places else 0

    def _read_column(self, column: Column) -> pa.Array:
        """One column of all data rows; of several that head it the first with a value counts."""
        places = [p for p in self.match.columns.get(column.name, []) if p < self.sheet.width]
        if not places:
            return pa.nulls(len(self.data), ARROW_TYPES[column.kind])
        if column.refers_to:
            values = self._read_reference(self._cells(column.name), column)
            for place in places[1:]:
                self._name_double(column, place, values, self._resolve_place(column, place))
            return values
        values = self._read_place(column, places[0])
        for place in places[1:]:
            other = self._read_place(column, place)
            self._name_double(column, place, values, other)
            values = pc.coalesce(values, other)
        return values

    def _read_place(self, column: Column, place: int) -> pa.Array:
        """What one column of the sheet says, each cell that says it wrongly named."""
        cells = self.sheet.columns[place].take(self.data)
        parsed = parse_column(cells, column, self._parser(column), self._is_plain(column))
        self.masked += parsed.masked
        severity = ERROR if column.required else WARNING
        for row, problem in parsed.problems.items():
            number = int(self.data[row])
            cell = self.sheet.cell(number, place)
            self._add(number, place, column.label, cell, problem, severity)
        return parsed.values

    def _resolve_place(self, column: Column, place: int) -> pa.Array:
        """The ids that one column of the sheet stands for, null where it stands for none."""
        encoded = as_texts(self.sheet.columns[place].take(self.data)).dictionary_encode()
        found = [self._resolve(text, column) for text in encoded.dictionary.to_pylist()]
        return _spread([f.identifier if isinstance(f, Found) else None for f in found], encoded)

    def _name_double(self, column: Column, place: int, taken: pa.Array, other: pa.Array) -> None:
        """Say where a further column of one meaning holds something else than what is taken."""
        rows = np.flatnonzero(pc.not_equal(taken, other).fill_null(False).to_numpy(False))
        if not len(rows):
            return
        told = "、".join(str(int(self.data[row]) + 1) for row in rows[:NAMED_DOUBLES])
        first = self.match.columns[column.name][0]
        letters = [get_column_letter(p + 1) for p in (first, place)]
        problem = (
            f"{letters[0]} 列和 {letters[1]} 列都是“{column.label}”，有 {len(rows)} 行写得不一样"
            f"（第 {told} 行{'等' if len(rows) > NAMED_DOUBLES else ''}），收的是前面一列的；"
            "请只留一列，或改一个表头"
        )
        header = self.match.headers[place]
        self._add(self.match.first_row - 1, place, column.label, header, problem, WARNING)

    def _is_plain(self, column: Column) -> bool:
        """Whether text of a column is stored as it stands."""
        return not (column.values or column.values_from or column.canonical)

    def _parser(self, column: Column) -> Callable[[Cell], tuple[Typed | None, int]]:
        """The function that makes one cell of a column a value."""
        spellings = self.profile.spellings(column)
        if column.name in ("lon", "lat"):
            return lambda cell: (_parse_degrees(cell, column), 0)

        def parse(cell: Cell) -> tuple[Typed | None, int]:
            value = parse_cell(cell, column, spellings, self.formats)
            if value is None or column.kind is not str or spellings or column.lonlat:
                return value, 0
            return self._clean_text(str(value), column)

        return parse

    def _clean_text(self, text: str, column: Column) -> tuple[str, int]:
        """Text without personal information, in the form in which it is kept."""
        if column.canonical == "building":
            text = canonical_building(text)
        if column.name in self.table.key:
            # An id that is somebody's telephone or card number is kept as a mark, not in clear.
            _, count = mask_text(text, keeps_names=True)
            return (_digest(text) if count else text), count
        return mask_text(text, keeps_names=column.is_name)

    def _read_reference(self, cells: Cells, column: Column) -> pa.Array:
        """The ids that written names stand for; how they were found is kept in `found`."""
        encoded = as_texts(cells).dictionary_encode()
        written = encoded.dictionary.to_pylist()
        answers = [self._resolve(name, column) for name in written]
        found = [a if isinstance(a, Found) else None for a in answers]
        for name, kind in (("how", pa.string()), ("certainty", pa.float64())):
            told = pa.array([getattr(f, name) if f else None for f in found], kind)
            self.found[name] = told.take(encoded.indices)
        problems = [
            self._describe_answer(w, a, column) for w, a in zip(written, answers, strict=True)
        ]
        said = pa.array([p is not None for p in problems], pa.bool_())
        rows = said.take(encoded.indices).fill_null(False).to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(rows).tolist():
            code = encoded.indices[row].as_py()
            self._report_reference(int(self.data[row]), column, found[code], str(problems[code]))
        ids = pa.array([f.identifier if f else None for f in found], pa.string())
        return ids.take(encoded.indices)

    def _resolve(self, written: str, column: Column) -> Found | Tie | str | None:
        """What a written name stands for; '' where it stands for nothing on purpose."""
        names = self.references.get(column.refers_to)
        if names is None or is_empty(written) or names.is_no_place(written):
            return ""
        found = names.resolve(written)
        # 翠屏家园3栋: the name with more behind it
        return found if found is not None else names.resolve_in(written)

    def _describe_answer(
        self, written: str, answer: Found | Tie | str | None, column: Column
    ) -> str | None:
        """The sentence on a name that was not plainly found; None where there is nothing to say."""
        if answer == "":
            return None
        names = self.references[column.refers_to]
        label = self.profile.table(column.refers_to).label
        if isinstance(answer, Found):
            if answer.how not in INEXACT:
                return None
            return f"“{written}”按“{names.name_of(answer.identifier)}”收下（写法相近），不对请改成准确的名称"
        ids = answer.identifiers if isinstance(answer, Tie) else names.suggest(written)
        near = [names.name_of(key) for key in ids]
        if column.refers_to == "compounds":
            self.doubts[written] = Doubt(written, tuple(ids))
        if isinstance(answer, Tie):
            return f"“{written}”可能是{'、'.join(near)}，请写明是哪一个"
        hint = f"，您是不是指{'、'.join(near)}？" if near else "，请核对名称，或先补登"
        return f"“{written}”不在《{label}》里{hint}"

    def _report_reference(
        self, number: int, column: Column, found: Found | None, problem: str
    ) -> None:
        """Name a reference that was not plainly found; a required one keeps its row out."""
        cell, place = self._cell(number, column.name)
        if found is not None:
            self._add(number, place, column.label, cell, problem, WARNING)
        elif column.refers_to == "compounds" and self.table.must_be_here and not column.required:
            self.unplaced.add(number)  # decided when coordinates and address are known
        else:
            severity = ERROR if column.required else WARNING
            self._add(number, place, column.label, cell, problem, severity)

    def _add(
        self, number: int, place: int, label: str, cell: Cell, problem: str, severity: str
    ) -> None:
        shown = mask_text(as_text(cell))[0][:200]
        problem = mask_text(problem)[0]
        where = address(number, place)
        self.issues.append(
            Issue(self.file, self.sheet.name, where, label, shown, problem, severity)
        )
        if severity == ERROR:
            self.bad.setdefault(number, []).append(f"{where}：{problem}")

    def _count_personal(self) -> None:
        """Count what is thrown away: personal columns, known ones and such as look like it."""
        for place in find_personal(self.match):
            if place < self.sheet.width:
                texts = as_texts(self.sheet.columns[place].take(self.data)).dictionary_encode()
                says = [not is_empty(text) for text in texts.dictionary.to_pylist()]
                told = pa.array(says, pa.bool_()).take(texts.indices)
                self.masked += int(pc.sum(told).as_py() or 0)

    def _fill_lonlat(self, rows: dict[str, pa.Array]) -> None:
        """Coordinates in pairs only, from two cells or one that holds both; doubtful ones named."""
        pairs = rows.pop("lonlat", None)
        if "lon" not in rows:
            return
        lon, lat = as_floats(rows["lon"]), as_floats(rows["lat"])
        if pairs is not None and pairs.null_count < len(pairs):
            self._split_pairs(pairs, lon, lat)
        judged = judge_coordinates(lon, lat, self.extent)
        named = self._rows_named(*(self.table[n].label for n in ("lon", "lat", "lonlat")))
        problems = np.flatnonzero(judged.has_problem).tolist()
        if judged.is_all_swapped:
            problems = [row for row in problems if judged.codes[row] != "swapped"]
            place = self._cell(self.match.first_row - 1, "lon")[1]
            said = judged.summary()[0]
            self._add(self.match.first_row - 1, place, self.table["lon"].label, "", said, WARNING)
        for row in problems:
            number = int(self.data[row])
            if number in named:
                continue  # the cell itself was refused, with its own sentence
            which = self._doubtful_place(number, lon[row], lat[row])
            cell, place = self._cell(number, which)
            label = self.table[which].label
            self._add(number, place, label, cell, judged.sentence(row), WARNING)
        rows["lon"], rows["lat"] = _as_column(judged.lon), _as_column(judged.lat)

    def _doubtful_place(self, number: int, lon: float, lat: float) -> str:
        """Which column of a coordinate to point at: the one that is missing or impossible."""
        if self._cell(number, "lonlat")[0] != "":
            return "lonlat"
        if np.isnan(lon) or np.isnan(lat):
            return "lon" if np.isnan(lon) else "lat"
        return "lat" if abs(lat) > 90 and abs(lon) <= 180 else "lon"

    def _split_pairs(self, pairs: pa.Array, lon: np.ndarray, lat: np.ndarray) -> None:
        """Fill in coordinates that stand in one cell."""
        for row in np.flatnonzero(pairs.is_valid().to_numpy(zero_copy_only=False)).tolist():
            if np.isnan(lon[row]):
                lon[row], lat[row] = self._split_pair(int(self.data[row]))

    def _split_pair(self, number: int) -> tuple[float, float]:
        cell, place = self._cell(number, "lonlat")
        try:
            pair = split_lonlat(cell)
        except BadCellError as error:
            self._add(number, place, "经纬度", cell, str(error), WARNING)
            return np.nan, np.nan
        return pair if pair is not None else (np.nan, np.nan)

    def _rows_named(self, *labels: str) -> set[int]:
        """Rows (from zero) of which a cell of some columns is named already."""
        return {
            int(issue.cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")) - 1
            for issue in self.issues
            if issue.column in labels
        }

    def _place_by_name(self, rows: dict[str, pa.Array]) -> None:
        """Say how the compound is known, and how surely: by its name, or by one in the address."""
        ids = rows["compound_id"]
        size = len(ids)
        how = self.found.get("how", pa.nulls(size, pa.string()))
        sure = self.found.get("certainty", pa.nulls(size, pa.float64()))
        rest = pc.if_else(ids.is_null(), rows["address"], None)
        if rest.null_count < size:
            encoded = rest.dictionary_encode()
            names = self.references["compounds"]
            told = [names.resolve_in(text) for text in encoded.dictionary.to_pylist()]
            found = [f if isinstance(f, Found) else None for f in told]
            ids = pc.coalesce(ids, _spread([f.identifier if f else None for f in found], encoded))
            how = pc.coalesce(how, _spread(["address" if f else None for f in found], encoded))
            sure = pc.coalesce(
                sure, _spread([f.certainty if f else None for f in found], encoded, pa.float64())
            )
        rows["compound_id"], rows["compound_by"], rows["compound_certainty"] = ids, how, sure
        has_place = rows["lon"].is_valid()
        rows["located_by"] = pc.if_else(has_place, "coordinates", None)
        self._refuse_strangers(ids, has_place)

    def _refuse_strangers(self, ids: pa.Array, has_place: pa.Array) -> None:
        if not self.unplaced:
            return
        known = ids.is_valid().to_numpy(zero_copy_only=False)
        located = has_place.to_numpy(zero_copy_only=False)
        for row, number in enumerate(self.data.tolist()):
            if number in self.unplaced and not known[row]:
                self._refuse_stranger(number, bool(located[row]))

    def _refuse_stranger(self, number: int, has_place: bool) -> None:
        """A compound that nobody knows: a warning where coordinates tell the place, else an error."""
        cell, place = self._cell(number, "compound_id")
        written = as_text(cell)
        label = self.table["compound_id"].label
        doubt = self.doubts.get(written)
        near = [self.references["compounds"].name_of(i) for i in doubt.candidates] if doubt else []
        hint = f"，最像的是{'、'.join(near)}" if near else ""
        if has_place:
            problem = f"“{written}”不在《小区台账》里{hint}，改按坐标定位"
            self._add(number, place, label, cell, problem, WARNING)
            return
        problem = (
            f"“{written}”不在《小区台账》里{hint}，也没有坐标或能认出小区的地址；"
            "请改成台账里的名称，或告诉我们它是哪个小区"
        )
        self._add(number, place, label, cell, problem, ERROR)

    def _require(self, rows: dict[str, pa.Array]) -> None:
        """A required cell that is empty keeps its row out."""
        for column in self.table.asked:
            if not column.required or column.is_personal:
                continue
            empty = rows[column.name].is_null().to_numpy(zero_copy_only=False)
            for number in self.data[empty].tolist():
                if not self._is_named(number, column):
                    cell, place = self._cell(number, column.name)
                    problem = f"缺“{column.label}”，请补填"
                    self._add(number, place, column.label, cell, problem, ERROR)

    def _is_named(self, number: int, column: Column) -> bool:
        """Whether this cell was refused already."""
        if number not in self.bad:
            return False
        where = address(number, self._cell(number, column.name)[1])
        return any(text.startswith(f"{where}：") for text in self.bad[number])

    def _make_keys(self, rows: dict[str, pa.Array]) -> None:
        """Ids for rows whose sheet keeps none, from what tells them apart."""
        if not self.table.identity:
            return
        key = self.table.key[0]
        lacking = np.flatnonzero(rows[key].is_null().to_numpy(zero_copy_only=False))
        if not len(lacking):
            return
        self.has_made_keys = True
        chosen = [rows[name].take(pa.array(lacking)).to_pylist() for name in self.table.identity]
        seen: Counter[str] = Counter()
        made = [
            self._make_key([as_text("" if v is None else v) for v in parts], seen)
            for parts in zip(*chosen, strict=True)
        ]
        keys = np.full(len(self.data), None, dtype=object)
        keys[lacking] = made
        rows[key] = pc.coalesce(rows[key], pa.array(keys, pa.string()))

    def _make_key(self, parts: list[str], seen: Counter[str]) -> str | None:
        if len(parts) == 1 and parts[0]:
            return self._known_id(parts[0]) or parts[0]
        if self.table.keeps_repeats:
            # People alike are different people, the more so on different lists.
            text = "|".join(parts)
            seen[text] += 1
            parts = [text, self.file, self.sheet.name, str(seen[text])]
        return make_key(parts)

    def _known_id(self, name: str) -> str | None:
        """The id under which something of this table is known already by its name."""
        names = self.references.get(self.table.name)
        found = names.resolve(name) if names else None
        return found.identifier if isinstance(found, Found) and found.how not in INEXACT else None

    def _check_order(self, rows: dict[str, pa.Array]) -> None:
        """What ends cannot end before it began."""
        for name, after in self.table.later:
            if name not in self.match.columns or after not in self.match.columns:
                continue
            begun, ended = (rows[n].cast(pa.date32(), safe=False) for n in (after, name))
            wrong = pc.less(ended, begun).fill_null(False)
            for row in np.flatnonzero(wrong.to_numpy(zero_copy_only=False)).tolist():
                number = int(self.data[row])
                cell, place = self._cell(number, name)
                early, late = self.table[after].label, self.table[name].label
                problem = f"“{late}”早于“{early}”（{begun[row].as_py()}），请核对这两个日期"
                self._add(number, place, late, cell, problem, WARNING)
            rows[name] = pc.if_else(wrong, None, rows[name])

    def _check_parts(self, rows: dict[str, pa.Array]) -> None:
        """What is part of something is never more than the whole: votes and the electorate."""
        for name, whole in self.table.at_most:
            if name not in self.match.columns or whole not in self.match.columns:
                continue
            wrong = pc.greater(rows[name], rows[whole]).fill_null(False)
            for row in np.flatnonzero(wrong.to_numpy(zero_copy_only=False)).tolist():
                number = int(self.data[row])
                cell, place = self._cell(number, name)
                part, all_of = self.table[name].label, self.table[whole].label
                problem = (
                    f"“{part}”是 {rows[name][row].as_py()}，多于“{all_of}”的 "
                    f"{rows[whole][row].as_py()}，请核对这两个数"
                )
                self._add(number, place, part, cell, problem, WARNING)
            rows[name] = pc.if_else(wrong, None, rows[name])

    def _refuse_repeats(self, rows: dict[str, pa.Array]) -> None:
        """The second of two rows with one key goes to quarantine, whatever it says."""
        columns = [rows[name] for name in self.table.key]
        if len(columns) == 1 and pc.count_distinct(columns[0], mode="all").as_py() == len(
            self.data
        ):
            return
        first: dict[tuple[Typed | None, ...], int] = {}
        keys = zip(*(column.to_pylist() for column in columns), strict=True)
        for number, key in zip(self.data.tolist(), keys, strict=True):
            if number in self.bad:
                continue
            if key in first:
                self._refuse_repeat(number, first[key])
            else:
                first[key] = number

    def _refuse_repeat(self, number: int, first: int) -> None:
        names = [n for n in self.table.key if n in self.match.columns] or [self.table.key[0]]
        cell, place = self._cell(number, names[0])
        told = self.table.key
        if cell == "" and self.table.identity:  # its id was made from what it says
            told = tuple(n for n in self.table.identity if n in self.match.columns) or told
        label = "、".join(self.table[name].label for name in told)
        problem = f"与第 {first + 1} 行重复（{label}相同），只收第一行；请删去或改正"
        self._add(number, place, label, cell, problem, ERROR)
        self.repeats.add(number)  # the first row's arrival does not mend this one

    def _check_totals(self, rows: dict[str, pa.Array]) -> None:
        """Sums that the sheet itself states must be the sums of its rows."""
        for total in self.sorted.totals:
            spans = self._summed_rows(total)
            for column in self.table.asked:
                if column.unit in _SUMMED_UNITS and column.name in self.match.columns:
                    self._check_total(total, spans, column, rows[column.name])

    def _summed_rows(self, total: int) -> list[range]:
        """The rows that a sum may cover: those since the last sum, all above it, all below it.

        小计, 商品房合计 and 合计 are used for either; which of them is meant shows in the figures.
        The likeliest comes first.
        """
        end = self.sheet.height if self.match.end_row is None else self.match.end_row
        first = self.match.first_row
        before = [number for number in self.sorted.totals if number < total]
        since = range(before[-1] + 1 if before else first, total)
        above, below = range(first, total), range(total + 1, end)
        if not len(self.data) or self.data[0] > total:
            return [below]
        texts = [str(cell) for cell in self.sheet.row(total) if isinstance(cell, str)]
        return [since, above] if any("小计" in text for text in texts) else [above, since]

    def _check_total(
        self, total: int, spans: list[range], column: Column, values: pa.Array
    ) -> None:
        stated, place = self._cell(total, column.name)
        if is_empty(stated):
            return
        try:
            said = parse_cell(stated, Column(column.name, float, column.label), {})
        except BadCellError:
            return  # a word in the sums' row, not a sum
        refused = self._rows_named(column.label)
        counts = values.fill_null(0).to_numpy(zero_copy_only=False)
        sums = []
        for span in spans:
            inside = (self.data >= span.start) & (self.data < span.stop)
            if refused & set(self.data[inside].tolist()):
                return  # a cell of this column was refused and named: its sum cannot be known
            sums.append((int(counts[inside].sum()), self.data[inside].tolist()))
        found, covered = sums[0]
        if said not in [known for known, _ in sums]:
            problem = (
                f"“{column.label}”合计写的是 {as_text(stated)}，而各行相加是 {found}，"
                f"差 {found - float(said):+g}；本表先不入库，请核对后重新放入"  # type: ignore[arg-type]
            )
            self._add(total, place, column.label, stated, problem, ERROR)
            for number in covered:
                self.bad.setdefault(number, []).append(f"{address(total, place)}：{problem}")

    def _gather(self, rows: dict[str, pa.Array]) -> Checked:
        is_bad = np.isin(self.data, list(self.bad))
        good, bad = np.flatnonzero(~is_bad), np.flatnonzero(is_bad)
        keys = [rows[name].take(pa.array(bad)).to_pylist() for name in self.table.key]
        bad_keys = {
            number + 1: join_key(key)
            for number, key in zip(self.data[bad].tolist(), zip(*keys, strict=True), strict=True)
            if number not in self.repeats and all(key)
        }
        if len(bad):
            rows = {name: values.take(pa.array(good)) for name, values in rows.items()}
        return Checked(
            table=self.table,
            rows=rows,
            row_numbers=self.data[good] + 1,
            bad_rows={n + 1: self.bad[n] for n in self.data[bad].tolist()},
            bad_keys=bad_keys,
            recognised=self.sorted.recognised,
            issues=self.issues,
            masked=self.masked,
            unknown=[h for h in self.match.unknown.values() if not looks_personal(h)],
            doubts=[d for d in self.doubts.values() if not mask_text(d.written)[1]],
            file=self.file,
            sheet=self.sheet.name,
            key_place=self._key_place(),
            has_made_keys=self.has_made_keys,
        )

    def _key_place(self) -> int:
        """The column, from zero, at which to point where a key is doubled."""
        names = [n for n in self.table.key if n in self.match.columns] or [*self.match.columns]
        return self.match.columns[names[0]][0] if names else 0


def join_checked(parts: Sequence[Checked]) -> Checked:
    """Several tables of one kind on a sheet as one; a key that comes twice is refused."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    _refuse_twice(parts)
    joined = Checked(
        table=first.table,
        rows={name: pa.concat_arrays([part.rows[name] for part in parts]) for name in first.rows},
        row_numbers=np.concatenate([part.row_numbers for part in parts]),
        recognised=sum(part.recognised for part in parts),
        issues=[issue for part in parts for issue in part.issues],
        masked=sum(part.masked for part in parts),
        unknown=list(dict.fromkeys(h for part in parts for h in part.unknown)),
        doubts=list({d.written: d for part in parts for d in part.doubts}.values()),
        has_made_keys=any(part.has_made_keys for part in parts),
    )
    for part in parts:
        for number, problems in part.bad_rows.items():
            # Side by side two tables have rows of one number, and quarantine keeps them as one.
            is_shared = number in joined.bad_rows
            joined.bad_rows.setdefault(number, []).extend(problems)
            joined.bad_keys.pop(number, None)
            if not is_shared and number in part.bad_keys:
                joined.bad_keys[number] = part.bad_keys[number]
    return joined


def _refuse_twice(parts: Sequence[Checked]) -> None:
    """A key of one table of a sheet that stands in an earlier one as well is refused there."""
    seen: dict[str, int] = {}
    for part in parts:
        keys = part.keys().to_pylist()
        numbers = part.row_numbers.tolist()
        twice = [place for place, key in enumerate(keys) if key in seen]
        for place in twice:
            part.refuse(
                numbers[place], f"与第 {seen[keys[place]]} 行重复，只收第一行；请删去或改正"
            )
        seen = dict(zip(keys, numbers, strict=True)) | seen
        part.drop(twice)


def _spread(values: list[object], encoded: pa.Array, kind: pa.DataType | None = None) -> pa.Array:
    """Values of distinct texts to all their rows."""
    return pa.array(values, kind or pa.string()).take(encoded.indices)


def _as_column(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


def _parse_degrees(cell: Cell, column: Column) -> Typed | None:
    """A coordinate as decimal degrees, also where it is written with minutes and seconds."""
    if isinstance(cell, str) and (angle := parse_angle(cell)) is not None:
        return angle
    if isinstance(cell, float):
        return cell  # bounds are judged in pairs, where more can be said
    return parse_cell(cell, Column(column.name, float, column.label), {})


# How an id looks that was made.
MADE_KEY = "[0-9a-f]{16}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def join_key(key: Iterable[Typed | None]) -> str:
    """The values of a key as one text."""
    return "|".join(as_text(value) for value in key if value is not None)


def looks_personal(header: str) -> bool:
    """Whether a header that the contract does not know is likely to head personal information."""
    return bool(_PERSONAL_HEADER.search(header))


def make_key(parts: Iterable[str]) -> str:
    """The id of a row that has none, from what tells it apart."""
    return _digest("|".join(parts))


def find_personal(match: Match) -> list[int]:
    """The columns of a sheet, from zero, that hold personal information and are thrown away."""
    places = [
        place
        for column in match.table.asked
        if column.is_personal
        for place in match.columns.get(column.name, [])
    ]
    return places + [p for p, header in match.unknown.items() if looks_personal(header)]


def check_sheet(
    sheet: Sheet,
    match: Match,
    profile: Profile,
    file: str,
    references: Mapping[str, Names],
    extent: Extent | None = None,
) -> Checked:
    """Typed rows and issues of one table on a sheet.

    `extent` is where the community lies (west, south, east, north in degrees), as far as known;
    coordinates far from it are named and left out.
    """
    return Checker(sheet, match, profile, file, references, extent).run()


__all__ = [
    "ERROR", "MADE_KEY", "MASK", "WARNING", "Checked", "Doubt", "Issue", "Parsed", "check_sheet",
]  # fmt: skip

"""Cells to typed rows, and every issue with its cell; nothing is dropped without being named."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import pyarrow as pa
from openpyxl.utils import get_column_letter

from etl.cells import (
    BadCellError,
    Typed,
    as_text,
    is_empty,
    parse_cell,
    split_lonlat,
)
from etl.match import Match, is_foot_row, is_header_row, is_total_row
from etl.names import Names, canonical_building
from etl.privacy import MASK, mask_text
from etl.profile import Profile
from etl.table import Column, Table
from etl.workbook import Cell, Sheet, address

ERROR = "error"
WARNING = "warning"
ARROW_TYPES: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: pa.timestamp("us"),
}
_PERSONAL_HEADER = re.compile(
    r"姓名|电话|手机|身份证|证件|联系方|微信|QQ|车牌|户主|业主$|住户$|房东|租客|家属|监护|称呼|名单|书记"
    r"|房号|门牌|户代表|name|phone|tel|mobile|owner|e-?mail|(?:人|者|员|长)(?:[（(].*)?$",
    re.IGNORECASE,
)
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


@dataclass
class Checked:
    """What a sheet came to.

    `rows` holds the stated columns of the contract by name, each a list as long as `row_numbers`
    (counted from one, as a spreadsheet program shows them). Every row under the header is in
    exactly one of `row_numbers`, `bad_rows` and `recognised`.
    """

    table: Table
    rows: dict[str, list[Typed | None]]
    row_numbers: list[int]
    bad_rows: dict[int, list[str]] = field(default_factory=dict)
    recognised: int = 0
    bad_keys: dict[int, str] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    masked: int = 0
    unknown: list[str] = field(default_factory=list)

    @property
    def rows_read(self) -> int:
        """Rows under the header."""
        return len(self.row_numbers) + len(self.bad_rows) + self.recognised

    def drop_row(self, number: int) -> None:
        """Take a row out of the good ones."""
        position = self.row_numbers.index(number)
        del self.row_numbers[position]
        for values in self.rows.values():
            del values[position]

    def good_keys(self) -> list[str]:
        """The keys of the good rows, as text."""
        columns = [self.rows[name] for name in self.table.key]
        return [join_key(key) for key in zip(*columns, strict=True)]

    def to_arrow(self) -> pa.Table:
        """The good rows, typed by the contract."""
        columns = [c for c in self.table.columns if c.is_stored]
        size = len(self.row_numbers)
        arrays = [
            pa.array(self.rows.get(c.name) or [None] * size, type=ARROW_TYPES[c.kind])
            for c in columns
        ]
        return pa.Table.from_arrays(
            [*arrays, pa.array(self.row_numbers, type=pa.int64())],
            names=[*(c.name for c in columns), "row"],
        )


class Checker:
    """The checks of one sheet, in the order in which they lean on each other."""

    def __init__(
        self,
        sheet: Sheet,
        match: Match,
        profile: Profile,
        file: str,
        references: Mapping[str, Names],
    ) -> None:
        self.sheet = sheet
        self.match = match
        self.profile = profile
        self.file = file
        self.references = references
        self.table = match.table
        self.formats = profile.source(file).date_formats
        self.issues: list[Issue] = []
        self.bad: dict[int, list[str]] = {}
        self.masked = 0
        self.totals: list[int] = []
        self.data: list[int] = []
        self.recognised = 0
        self.unplaced: set[int] = set()
        self.repeats: set[int] = set()

    def run(self) -> Checked:
        """Check the sheet."""
        self._sort_rows()
        rows = {c.name: self._read_column(c) for c in self.table.asked if not c.is_personal}
        self._count_personal()
        self._fill_lonlat(rows)
        if self.table.must_be_here:
            self._place_by_name(rows)
        self._require(rows)
        self._make_keys(rows)
        self._check_totals(rows)
        self._refuse_repeats(rows)
        return self._gather(rows)

    def _sort_rows(self) -> None:
        """Tell data from blank rows, repeated headers, sums and signatures."""
        for number in range(self.match.first_row, len(self.sheet.rows)):
            row = self.sheet.rows[number]
            if all(cell == "" for cell in row) or is_header_row(row, self.match):
                self.recognised += 1
            elif is_total_row(row):
                self.totals.append(number)
                self.recognised += 1
            elif is_foot_row(row):
                self.recognised += 1
            else:
                self.data.append(number)

    def _cell(self, number: int, name: str) -> tuple[Cell, int]:
        """The first cell with content among the columns that head one name, and its place."""
        places = self.match.columns.get(name, [])
        row = self.sheet.rows[number]
        for place in places:
            if place < len(row) and row[place] != "":
                return row[place], place
        return "", places[0] if places else 0

    def _read_column(self, column: Column) -> list[Typed | None]:
        """One column of all data rows. Every distinct cell is parsed once."""
        if column.name not in self.match.columns:
            return [None] * len(self.data)
        spellings = self.profile.spellings(column)
        parsed: dict[tuple[type, Cell], Typed | BadCellError | None] = {}
        values: list[Typed | None] = []
        for number in self.data:
            cell, place = self._cell(number, column.name)
            known = (type(cell), cell)
            if known not in parsed:
                parsed[known] = self._parse(cell, column, spellings)
            value = parsed[known]
            if isinstance(value, BadCellError):
                self._report(number, place, column, cell, str(value))
                value = None
            values.append(value)
        return values

    def _parse(
        self, cell: Cell, column: Column, spellings: Mapping[str, str]
    ) -> Typed | BadCellError | None:
        try:
            value = parse_cell(cell, column, spellings, self.formats)
        except BadCellError as error:
            return error
        if value is None or column.kind is not str or spellings:
            return value
        text = str(value)
        if column.refers_to:
            return self._resolve(text, column)
        if column.canonical == "building":
            text = canonical_building(text)
        if column.lonlat:
            return text
        if column.name in self.table.key:
            # An id that is somebody's telephone or card number is kept as a mark, not in clear.
            masked, count = mask_text(text, keeps_names=True)
            self.masked += count
            return _digest(text) if count else text
        masked, count = mask_text(text, keeps_names=column.is_name)
        self.masked += count
        return masked

    def _resolve(self, written: str, column: Column) -> str | BadCellError | None:
        """The id that a written name stands for."""
        names = self.references.get(column.refers_to)
        if names is None or names.is_no_place(written):
            return None
        found = names.find(written)
        if found is None:
            label = self.profile.table(column.refers_to).label
            return BadCellError(
                f"“{written}”不在《{label}》里（或有几个同名的），请核对名称，或先补登"
            )
        return found

    def _report(self, number: int, place: int, column: Column, cell: Cell, problem: str) -> None:
        """Name a bad cell; its row goes to quarantine where the column is required."""
        if column.refers_to == "compounds" and self.table.must_be_here and not column.required:
            self.unplaced.add(number)  # decided when coordinates and address are known
            return
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
        places = [
            place
            for column in self.table.asked
            if column.is_personal
            for place in self.match.columns.get(column.name, [])
        ]
        places += [p for p, header in self.match.unknown.items() if looks_personal(header)]
        for number in self.data:
            row = self.sheet.rows[number]
            self.masked += sum(place < len(row) and not is_empty(row[place]) for place in places)

    def _fill_lonlat(self, rows: dict[str, list[Typed | None]]) -> None:
        """Coordinates in pairs only, from two cells or from one that holds both; 0,0 is none."""
        pairs = rows.pop("lonlat", None)
        if "lon" not in rows:
            return
        for i, number in enumerate(self.data):
            if pairs and pairs[i] is not None and rows["lon"][i] is None:
                rows["lon"][i], rows["lat"][i] = self._split_pair(number)
            lon, lat = rows["lon"][i], rows["lat"][i]
            half = (lon is None) != (lat is None)
            if half or (lon == 0 and lat == 0):
                cell, place = self._cell(number, "lat" if lon is not None else "lon")
                if half and not self._has_issue(number):
                    self._add(number, place, "坐标", cell, "经度、纬度要两个都有才能用", WARNING)
                elif not half:
                    self._add(number, place, "坐标", cell, "坐标是 0,0，不是真实位置", WARNING)
                rows["lon"][i] = rows["lat"][i] = None

    def _split_pair(self, number: int) -> tuple[float | None, float | None]:
        cell, place = self._cell(number, "lonlat")
        try:
            pair = split_lonlat(cell)
            if pair is None:
                return None, None
            lon = parse_cell(pair[0], self.table["lon"], {})
            lat = parse_cell(pair[1], self.table["lat"], {})
        except BadCellError as error:
            self._add(number, place, "经纬度", cell, str(error), WARNING)
            return None, None
        return lon, lat  # type: ignore[return-value]

    def _has_issue(self, number: int) -> bool:
        """Whether a coordinate of this row is named already."""
        ending = str(number + 1)
        return any(
            issue.column in ("经度", "纬度") and issue.cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ending
            for issue in self.issues[-4:]
        )  # fmt: skip

    def _place_by_name(self, rows: dict[str, list[Typed | None]]) -> None:
        """Say how the compound is known: by its name, or by a name in the address."""
        names = self.references["compounds"]
        by: list[Typed | None] = []
        for i, number in enumerate(self.data):
            found, how = rows["compound_id"][i], "name"
            if found is None:
                found, how = self._compound_in(rows, i, names), "address"
            rows["compound_id"][i] = found
            by.append(how if found else None)
            if number in self.unplaced and not found:
                self._refuse_stranger(number, has_place=rows["lon"][i] is not None)
        rows["compound_by"] = by
        rows["located_by"] = ["coordinates" if lon is not None else None for lon in rows["lon"]]

    def _compound_in(self, rows: dict[str, list[Typed | None]], i: int, names: Names) -> str | None:
        address_text = rows["address"][i]
        return names.find_in(str(address_text)) if address_text else None

    def _refuse_stranger(self, number: int, has_place: bool) -> None:
        """A compound that nobody knows: a warning where coordinates tell the place, else an error."""
        cell, place = self._cell(number, "compound_id")
        label = self.table["compound_id"].label
        if has_place:
            problem = f"“{as_text(cell)}”不在《小区台账》里，改按坐标定位"
            self._add(number, place, label, cell, problem, WARNING)
            return
        problem = (
            f"“{as_text(cell)}”不在《小区台账》里，也没有坐标或能认出小区的地址；"
            "请改成台账里的名称，或在设置里加别名"
        )
        self._add(number, place, label, cell, problem, ERROR)

    def _require(self, rows: dict[str, list[Typed | None]]) -> None:
        """A required cell that is empty keeps its row out."""
        for column in self.table.asked:
            if not column.required or column.is_personal:
                continue
            for i, number in enumerate(self.data):
                if rows[column.name][i] is None and not self._is_named(number, column):
                    cell, place = self._cell(number, column.name)
                    problem = f"缺“{column.label}”，请补填"
                    self._add(number, place, column.label, cell, problem, ERROR)

    def _is_named(self, number: int, column: Column) -> bool:
        """Whether this cell was refused already."""
        if number not in self.bad:
            return False
        where = address(number, self._cell(number, column.name)[1])
        return any(text.startswith(f"{where}：") for text in self.bad[number])

    def _make_keys(self, rows: dict[str, list[Typed | None]]) -> None:
        """Ids for rows whose sheet keeps none, from what tells them apart."""
        if not self.table.identity:
            return
        key = self.table.key[0]
        seen: Counter[str] = Counter()
        known = self.references.get(self.table.name)
        for i in range(len(self.data)):
            if rows[key][i] is not None:
                continue
            parts = [as_text(rows[name][i] or "") for name in self.table.identity]
            if len(parts) == 1 and parts[0]:
                # By its name alone: the id under which it is known already, else the name.
                rows[key][i] = (known.find(parts[0]) if known else None) or parts[0]
                continue
            text = "|".join(parts)
            if self.table.keeps_repeats:
                # People alike are different people, the more so on different lists.
                seen[text] += 1
                text = "|".join((text, self.file, self.sheet.name, str(seen[text])))
            rows[key][i] = _digest(text)

    def _refuse_repeats(self, rows: dict[str, list[Typed | None]]) -> None:
        """The second of two rows with one key goes to quarantine, whatever it says."""
        first: dict[tuple[Typed | None, ...], int] = {}
        for i, number in enumerate(self.data):
            if number in self.bad:
                continue
            key = tuple(rows[name][i] for name in self.table.key)
            if key in first:
                names = [n for n in self.table.key if n in self.match.columns] or [
                    self.table.key[0]
                ]
                cell, place = self._cell(number, names[0])
                label = "、".join(self.table[name].label for name in self.table.key)
                problem = f"与第 {first[key] + 1} 行重复（{label}相同），只收第一行；请删去或改正"
                self._add(number, place, label, cell, problem, ERROR)
                self.repeats.add(number)  # the first row's arrival does not mend this one
            else:
                first[key] = number

    def _check_totals(self, rows: dict[str, list[Typed | None]]) -> None:
        """Sums that the sheet itself states must be the sums of its rows."""
        for total in self.totals:
            spans = self._summed_rows(total)
            for column in self.table.asked:
                if column.unit in _SUMMED_UNITS and column.name in self.match.columns:
                    self._check_total(total, spans, column, rows)

    def _summed_rows(self, total: int) -> list[range]:
        """The rows that a sum may cover: those since the last sum, all above it, all below it.

        小计, 商品房合计 and 合计 are used for either; which of them is meant shows in the figures.
        The likeliest comes first.
        """
        first, end = self.match.first_row, len(self.sheet.rows)
        before = [number for number in self.totals if number < total]
        since = range(before[-1] + 1 if before else first, total)
        above, below = range(first, total), range(total + 1, end)
        if not any(number in above for number in self.data):
            return [below]
        texts = [str(cell) for cell in self.sheet.rows[total] if isinstance(cell, str)]
        return [since, above] if any("小计" in text for text in texts) else [above, since]

    def _check_total(
        self, total: int, spans: list[range], column: Column, rows: dict[str, list[Typed | None]]
    ) -> None:
        stated, place = self._cell(total, column.name)
        if is_empty(stated):
            return
        try:
            said = parse_cell(stated, Column(column.name, float, column.label), {})
        except BadCellError:
            return  # a word in the sums' row, not a sum
        values = dict(zip(self.data, rows[column.name], strict=True))
        sums = []
        for span in spans:
            covered = {number: value for number, value in values.items() if number in span}
            if any(v is None and self._cell(n, column.name)[0] != "" for n, v in covered.items()):
                return  # a cell of this column was refused and named: its sum cannot be known
            sums.append((sum(v for v in covered.values() if isinstance(v, int)), covered))
        found, covered = sums[0]
        if said not in [known for known, _ in sums]:
            problem = (
                f"“{column.label}”合计写的是 {as_text(stated)}，而各行相加是 {found}，"
                f"差 {found - float(said):+g}；本表先不入库，请核对后重新放入"  # type: ignore[arg-type]
            )
            self._add(total, place, column.label, stated, problem, ERROR)
            for number in covered:
                self.bad.setdefault(number, []).append(f"{address(total, place)}：{problem}")

    def _gather(self, rows: dict[str, list[Typed | None]]) -> Checked:
        good = [i for i, number in enumerate(self.data) if number not in self.bad]
        return Checked(
            table=self.table,
            rows={name: [values[i] for i in good] for name, values in rows.items()},
            row_numbers=[self.data[i] + 1 for i in good],
            bad_rows={n + 1: self.bad[n] for n in self.data if n in self.bad},
            bad_keys={
                number + 1: join_key(key)
                for i, number in enumerate(self.data)
                if number in self.bad
                and number not in self.repeats
                and all(key := [rows[name][i] for name in self.table.key])
            },
            recognised=self.recognised,
            issues=self.issues,
            masked=self.masked,
            unknown=[h for h in self.match.unknown.values() if not looks_personal(h)],
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def join_key(key: Iterable[Typed | None]) -> str:
    """The values of a key as one text."""
    return "|".join(as_text(value) for value in key if value is not None)


def looks_personal(header: str) -> bool:
    """Whether a header that the contract does not know is likely to head personal information."""
    return bool(_PERSONAL_HEADER.search(header))


def check_sheet(
    sheet: Sheet, match: Match, profile: Profile, file: str, references: Mapping[str, Names]
) -> Checked:
    """Typed rows and issues of one sheet on which a table was found."""
    return Checker(sheet, match, profile, file, references).run()


def describe_cells(sheet: Sheet, match: Match, numbers: Iterable[int]) -> list[dict[str, str]]:
    """What the sheet itself says in some rows (counted from one), by header, masked as stored.

    Cells of personal columns are left out.
    """
    personal = {
        place
        for column in match.table.asked
        if column.is_personal
        for place in match.columns.get(column.name, [])
    }
    personal |= {place for place, header in match.unknown.items() if looks_personal(header)}
    described = []
    for number in numbers:
        row = sheet.rows[number - 1]
        cells: dict[str, str] = {}
        for place, cell in enumerate(row):
            if cell != "" and place not in personal:
                header = match.headers[place] if place < len(match.headers) else ""
                if not header or header in cells:
                    # No header, or one that stands twice: the letter tells the columns apart.
                    header = f"{header}（{get_column_letter(place + 1)}列）"
                cells[header] = mask_text(as_text(cell))[0]
        described.append(cells)
    return described


__all__ = ["ERROR", "MASK", "WARNING", "Checked", "Issue", "check_sheet", "describe_cells"]

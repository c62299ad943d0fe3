"""Another office's empty form filled in from the store, every value with its source."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import Workbook, load_workbook
from openpyxl.cell import Cell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image

from etl.cells import fold
from etl.check import looks_personal
from etl.errors import FileError
from etl.forms.grid import SUMS, Block, Grid
from etl.forms.known import BY_NAME, SOURCES, Knowledge, Known, UnknownError, Value, describe_months
from etl.forms.labels import (
    SERIAL_LABELS,
    UNIT_LABELS,
    UNITS,
    Labels,
    Meaning,
    Period,
    add_months,
    choose,
    clean,
    find_period,
    imply_figure,
    is_neutral,
    is_noun,
    merge_all,
    resolve,
    scale_of,
)
from etl.privacy import mask_text
from etl.profile import Profile
from etl.store import Store
from etl.table import Column, Table
from etl.workbook import read_workbook

AUTHOR = "社区地图"
NOTES_SHEET = "填表说明"
OPENPYXL_SUFFIXES = (".xlsx", ".xlsm")
SUBJECTS = {"compounds": "name", "buildings": "building_no", "organizations": "name"}
LONGEST_PAIR_LABEL = 24
LONGEST_COMMENT = 1500
_OFFICE_LABELS = frozenset(
    {
        "社区名称",
        "填报单位",
        "填报社区",
        "报送单位",
        "填表单位",
        "社区",
        "所属社区",
        "社区(村)",
        "村(社区)",
    }
)
_SIGNED = re.compile(r"填表|填报|制表|审核|经办|签|盖章|日期|时间|年月日")
_GAP = re.compile(r"([^_:：\s]{2,20})([:：]\s*)(_{2,})")
_UNIT_LINE = re.compile(r"单位[:：]\s*([^\s]+)")
_UNNAMED = "社区"


class FilledCell(NamedTuple):
    """A cell that was filled."""

    sheet: str
    cell: str
    label: str
    value: Value
    source: str


class LeftCell(NamedTuple):
    """A cell, or a stretch of cells, that stayed empty, and why."""

    sheet: str
    cell: str
    label: str
    reason: str


@dataclass
class Filled:
    """What became of a form; `path` is None where nothing of it could be filled."""

    path: Path | None = None
    filled: list[FilledCell] = field(default_factory=list)
    left: list[LeftCell] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {
            "file": self.path.name if self.path else None,
            "filled": [cell._asdict() for cell in self.filled],
            "left": [cell._asdict() for cell in self.left],
            "notes": list(self.notes),
        }


def fill_form(
    store: Store, path: Path, profile: Profile, out: Path | None = None, month: date | None = None
) -> Filled:
    """Fill a form from the newest state of the store; the form itself is not touched.

    Parameters
    ----------
    out
        The folder for the filled form; that of the form where None.
    month
        Any day of the month that 本月 means, and that holds where the form says no time.

    Raises
    ------
    FileError
        The form cannot be read, or the filled one not be written.
    """
    book, notes = _open_form(path)
    knowledge = Knowledge(store, profile)
    filled = Filled(notes=notes)
    labels = Labels(knowledge)
    for sheet in book.worksheets:
        if sheet.sheet_state == "visible":
            _SheetFiller(sheet, knowledge, labels, filled, path.stem, month).run()
    if filled.filled:
        _add_notes(book, path, filled)
        filled.path = _save(book, out or path.parent, path.stem)
    return filled


def _open_form(path: Path) -> tuple[Workbook, list[str]]:
    """The form for writing, and what of it may not come through."""
    read = read_workbook(path)  # within limits, and with a sentence where it cannot be read
    name = mask_text(path.name)[0]
    if path.suffix.lower() in OPENPYXL_SUFFIXES:
        try:
            # A picture is looked at, to keep it; one that says it is huge is not unpacked.
            with warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning):
                return load_workbook(path, rich_text=True), list(_name_losses(path))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise FileError(
                f"《{name}》里有一张过大的图片，没有打开。请删去图片后另存再试。"
            ) from error
        except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
            raise FileError(
                f"《{name}》打得开但写不了。请用 Excel 或 WPS 另存为 xlsx 再试。"
            ) from error
    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in read.sheets:
        copy = book.create_sheet(sheet.name)
        for row in sheet.rows():
            copy.append([None if cell == "" else cell for cell in row])
            _keep_as_text(copy[copy.max_row])
    return book, [f"《{name}》不是 xlsx，已照内容另写成 xlsx，原来的格式没有保留"]


def _name_losses(path: Path) -> Iterable[str]:
    with zipfile.ZipFile(path) as package:
        names = package.namelist()
    if any(name.startswith(("xl/drawings/drawing", "xl/charts/")) for name in names):
        yield "表里的图形或图表可能没有保留，请对照原表"
    if any(name.endswith("vbaProject.bin") for name in names):
        yield "表里的宏没有保留"


def _keep_as_text(cells: Iterable[Any]) -> None:
    """Text that begins like a formula stays text."""
    for cell in cells:
        if isinstance(cell.value, str) and cell.value.startswith("="):
            cell.data_type = "s"


def _save(book: Workbook, folder: Path, stem: str) -> Path:
    """Write beside what is there, never over it."""
    content = io.BytesIO()
    book.save(content)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, 10_000):
            path = folder / f"{stem}（已填{'' if number == 1 else number}）.xlsx"
            try:
                with path.open("xb") as file:
                    file.write(content.getvalue())
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise FileError(f"填好的表写不到“{folder}”：{error.strerror}。请换一个文件夹。") from error
    raise FileError(f"“{folder}”里同名的表太多了。请清理后再试。")


@dataclass(frozen=True)
class _Context:
    """What the words above a table hold for all of it."""

    facets: Mapping[str, frozenset[str]]
    period: Period | None
    figure: str
    units: tuple[str, ...]


@dataclass
class _Axis:
    """One row or column of a table: what its label asks for, or why that is not known."""

    label: str
    meanings: list[Meaning] = field(default_factory=list)
    column: Column | None = None
    key: str = ""
    is_sum: bool = False
    problem: str = ""


class _SheetFiller:
    """One sheet of a form."""

    def __init__(
        self,
        sheet: Worksheet,
        knowledge: Knowledge,
        labels: Labels,
        filled: Filled,
        stem: str,
        month: date | None,
    ) -> None:
        self.sheet = sheet
        self.knowledge = knowledge
        self.labels = labels
        self.filled = filled
        self.stem = stem
        self.month = month.replace(day=1) if month else None
        self.grid = Grid(sheet)

    def run(self) -> None:
        """Fill tables, then pairs of a label and a blank."""
        if self.grid.is_cut:
            self.filled.notes.append(f"工作表“{self.sheet.title}”太大，只看了前面的部分")
        blocks = self.grid.find_blocks()
        above = 1
        for block in blocks:
            self._fill_block(block, self._read_context(above, block.top))
            above = block.bottom + 1
        top = blocks[0].top if blocks else 4
        self._fill_pairs(blocks, self._read_context(1, top))

    # -- context ---------------------------------------------------------------------------

    def _read_context(self, start: int, stop: int) -> _Context:
        """What the titles in some rows and the sheet's name say."""
        lines = [row for row in range(start, stop) if self.grid.row_texts(row)]
        titles = [text for row in lines for text in self._titles_in(row, row == lines[0])]
        units = [
            unit
            for row in lines
            for text in self.grid.row_texts(row)
            for unit in _UNIT_LINE.findall(text)
        ]
        said = " ".join([*titles, self.sheet.title])
        period = find_period(said) or find_period(self.stem)
        own = _single_month(period)
        if own and self.month and own != self.month:
            said_month = describe_months({own})
            self.filled.notes.append(f"工作表“{self.sheet.title}”写明了{said_month}，按表里的")
        return _Context(
            self.labels.find_facets(said),
            period,
            self.labels.find_figure(said) or self.labels.find_figure(self.stem),
            tuple(fold(part) for unit in units for part in re.split(r"[、,，;；/]", unit)),
        )

    def _titles_in(self, row: int, is_first: bool) -> list[str]:
        """The title that a row is: one text across it, or alone at the top; not a pair's label."""
        texts = [text for text in self.grid.row_texts(row) if not _UNIT_LINE.search(text)]
        if len(texts) != 1 or re.search(r"[:：]\s*$|_", texts[0]):
            return []
        column = next(c for c in range(1, self.grid.width + 1) if self.grid.text(row, c))
        is_wide = self.grid.right_of(row, column) > column + 1
        is_pair = any(imply_figure(m).figure for m in self._meanings_of(texts[0]))
        return texts if is_wide or (is_first and not is_pair) else []

    def _base(self, context: _Context) -> date | None:
        """The month that 本月 means."""
        return _single_month(context.period) or self.month

    # -- tables ----------------------------------------------------------------------------

    def _fill_block(self, block: Block, context: _Context) -> None:
        subject = self._find_subject(block, context)
        heads = self._read_heads(block, subject)
        if self._is_list(block, heads):
            if subject:
                self._fill_list(block, subject, heads, context)
            else:
                self._fill_single_row(block, heads, context)
            return
        label_columns = self._label_columns(block, heads, subject)
        read = {row: self._read_row(row, label_columns, heads, subject) for row in block.rows}
        rows = {row: axis for row, axis in read.items() if axis is not None}
        columns = {c: axis for c, axis in heads.items() if c not in label_columns}
        self._fill_cells(rows, columns, subject, context)

    def _find_subject(self, block: Block, context: _Context) -> Table | None:
        """The table of things of which there is one in each row; None where that is unclear."""
        ranked = []
        for name, key in SUBJECTS.items():
            table = self.knowledge.profile.table(name)
            known = [self._match_column(table, parts[-1]) for parts in block.labels.values()]
            found = {column.name for column in known if column}
            if key in found and (name != "buildings" or "compound_id" in found):
                ranked.append((len(found), name))
        ranked.sort(reverse=True)
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            named = [n for _, n in ranked if self._is_named(self.knowledge.profile.table(n))]
            return self.knowledge.profile.table(named[0]) if len(named) == 1 else None
        return self.knowledge.profile.table(ranked[0][1])

    def _is_named(self, table: Table) -> bool:
        said = fold(f"{self.sheet.title} {self.stem}")
        return any(fold(word) in said for word in (table.label, *table.aliases))

    def _match_column(self, table: Table, label: str) -> Column | None:
        """The column of the contract that a header means, its brackets understood."""
        folded = clean(label)
        columns = [c for c in table.asked if not c.lonlat]
        for written in (folded, clean(re.sub(r"\([^()]*\)$", "", folded))):
            for column in columns:
                if fold(column.label) == written:
                    return column
            for column in columns:
                if written in {fold(alias) for alias in column.headers}:
                    return column
            unit = folded.removeprefix(written).strip("()") or re.sub(r".*\(|\)$", "", folded)
            if unit not in {u for known in UNITS.values() for u in known}:
                break  # what else stands in brackets may change the meaning
        return None

    def _read_heads(self, block: Block, subject: Table | None) -> dict[int, _Axis]:
        heads = {column: self._read_head(parts, subject) for column, parts in block.labels.items()}
        _settle_sums(heads.values())
        return heads

    def _read_head(self, parts: tuple[str, ...], subject: Table | None) -> _Axis:
        label = "·".join(part for part in parts if part)
        axis = _Axis(label, is_sum=clean(parts[-1]) in SUMS)
        column = self._match_column(subject, parts[-1]) if subject else None
        groups = [part for part in parts[:-1] if not is_neutral(clean(part))]
        if column is not None and not groups:
            axis.column = column
            axis.meanings = self._meanings_of(parts[-1])
            return axis
        if _is_personal_label(parts[-1], self.knowledge.profile) and not self._meanings_of(
            parts[-1]
        ):
            axis.problem = f"“{label}”是个人信息，不代填"
            return axis
        try:
            axis.meanings = self._read_parts(parts)
        except UnknownError as error:
            axis.problem = str(error)
        return axis

    def _meanings_of(self, label: str) -> list[Meaning]:
        try:
            return [meaning for meaning in self.labels.read(label) if meaning != Meaning()]
        except UnknownError:
            return []

    def _read_parts(self, parts: Iterable[str]) -> list[Meaning]:
        """Stacked labels together; a group that adds nothing is passed over."""
        told = [part for part in parts if part]
        readings = [self._read_group(part) for part in told[:-1]]
        readings += [self.labels.read(part) for part in told[-1:]]
        merged = merge_all(readings) if readings else [Meaning()]
        if not merged:
            raise UnknownError(f"“{'·'.join(told)}”的几层说法合不到一起")
        return merged

    def _read_group(self, part: str) -> list[Meaning]:
        """What a label says to those below it; nothing where it only names the matter."""
        folded = clean(part)
        if is_neutral(folded):
            return [Meaning()]
        try:
            return self.labels.read(part)
        except UnknownError:
            if is_noun(folded):
                return [Meaning()]
            raise

    def _is_list(self, block: Block, heads: Mapping[int, _Axis]) -> bool:
        """Whether the body is empty but for serial numbers and a sum."""
        serial = {c for c, axis in heads.items() if clean(axis.label) in SERIAL_LABELS}
        columns = [c for c in heads if c not in serial]
        for row in block.rows:
            worded = [c for c in columns if self.grid.is_label(row, c)]
            if any(clean(self.grid.text(row, c)) not in SUMS for c in worded):
                return False
            if worded and row == block.body:
                return False
        return True

    def _label_columns(
        self, block: Block, heads: Mapping[int, _Axis], subject: Table | None
    ) -> list[int]:
        """The leading columns that say what each row is."""
        found = []
        for column, axis in heads.items():
            head = clean(axis.label)
            if head in SERIAL_LABELS or head in UNIT_LABELS:
                continue
            worded = sum(self.grid.is_label(row, column) for row in block.rows)
            if worded * 2 < len(block.rows):
                break
            found.append(column)
            is_key = subject is not None and axis.column is not None
            if is_key and axis.column and axis.column.name == SUBJECTS[subject.name]:  # type: ignore[union-attr]
                break
        return found

    def _read_row(
        self, row: int, columns: list[int], heads: Mapping[int, _Axis], subject: Table | None
    ) -> _Axis | None:
        """What a row is about; None where it has no label."""
        parts = [self.grid.text(row, c) for c in columns if self.grid.is_label(row, c)]
        parts = list(dict.fromkeys(parts))
        if not parts:
            return None
        label = "·".join(parts)
        axis = _Axis(label, is_sum=clean(parts[-1]) in SUMS)
        try:
            if subject and not axis.is_sum:
                axis.key = self._find_key(subject, row, columns, heads, parts)
            if subject and subject.name != "compounds" and axis.key:
                return axis
            axis.meanings = self._read_parts(parts)
            axis.meanings = self._with_unit(axis.meanings, row, heads)
        except UnknownError as error:
            axis.problem = str(error)
        return axis

    def _with_unit(
        self, meanings: list[Meaning], row: int, heads: Mapping[int, _Axis]
    ) -> list[Meaning]:
        """The unit of a row from the column that gives units."""
        for column, axis in heads.items():
            unit = fold(self.grid.text(row, column))
            if clean(axis.label) in UNIT_LABELS and unit:
                return [replace(m, unit=m.unit or unit) for m in meanings]
        return meanings

    def _find_key(
        self,
        subject: Table,
        row: int,
        columns: list[int],
        heads: Mapping[int, _Axis],
        parts: list[str],
    ) -> str:
        """The id of the thing that a row names; '' where the row is no thing but a figure."""
        if subject.name == "compounds":
            return self.knowledge.compounds.find(parts[0]) or ""
        if subject.name == "organizations":
            names = self.knowledge.frame("organizations")["name"].map(fold)
            found = list(names.index[names == fold(parts[-1])])
        else:
            found = self._find_building(row, heads)
        if len(found) != 1:
            why = "有不止一个" if found else "没有"
            raise UnknownError(
                f"库里{why}“{'·'.join(parts)}”这个{subject.label.removesuffix('台账')}"
            )
        return str(found[0])

    def _find_building(self, row: int, heads: Mapping[int, _Axis]) -> list[Any]:
        from etl.names import canonical_building

        said = {
            axis.column.name: self.grid.text(row, column)
            for column, axis in heads.items()
            if axis.column is not None and axis.column.name in ("compound_id", "building_no")
        }
        home = self.knowledge.compounds.find(said.get("compound_id", ""))
        frame = self.knowledge.frame("buildings")
        number = canonical_building(said.get("building_no", ""))
        return list(frame.index[(frame["compound_id"] == home) & (frame["building_no"] == number)])

    # -- filling ---------------------------------------------------------------------------

    def _fill_list(
        self, block: Block, subject: Table, heads: Mapping[int, _Axis], context: _Context
    ) -> None:
        """One row for each thing that the store knows and the title means."""
        wanted = {"compounds": ("type", "compound"), "buildings": ("type", "compound")}
        facets = {
            facet: values
            for facet, values in context.facets.items()
            if facet in wanted.get(subject.name, ("type", "compound", "kind"))
        }
        keys = self.knowledge.entities(subject.name, facets)
        free = [row for row in block.rows if not self._sum_in(row, heads)]
        if block.is_open and not any(self._sum_in(row, heads) for row in block.rows):
            free = list(range(block.body, block.body + max(len(keys), len(free))))
        where = self._stretch(block.body, block.bottom, block.left)
        if not keys or len(keys) > len(free):
            reason = (
                f"要填 {len(keys)} 行，表里只有 {len(free)} 行空行；请先加 {len(keys) - len(free)} 行再填"
                if keys
                else f"库里没有可填的{subject.label}"
            )
            self._leave(where, subject.label, reason)
            return
        rows = {row: self._row_of(subject, key) for row, key in zip(free, keys, strict=False)}
        rows |= {
            row: _Axis("合计", [Meaning()], is_sum=True)
            for row in block.rows
            if self._sum_in(row, heads)
        }
        self._copy_styles(block, list(rows), heads)
        self._number_rows(rows, heads)
        self._fill_cells(rows, heads, subject, replace(context, facets={
            f: v for f, v in context.facets.items() if f not in facets}))  # fmt: skip

    def _row_of(self, subject: Table, key: str) -> _Axis:
        axis = _Axis(self.knowledge.name_of(subject.name, key), key=key)
        if subject.name == "compounds":
            axis.meanings = [Meaning(facets=(("compound", frozenset({key})),))]
        return axis

    def _sum_in(self, row: int, heads: Mapping[int, _Axis]) -> bool:
        return any(clean(self.grid.text(row, column)) in SUMS for column in heads)

    def _copy_styles(self, block: Block, rows: list[int], heads: Mapping[int, _Axis]) -> None:
        """Rows beyond those that were drawn look like the first one."""
        for row in rows:
            for column in heads:
                if row > max(self.grid.height, block.body):
                    first = self.grid.cell(block.body, column)
                    self.grid.cell(row, column)._style = first._style

    def _number_rows(self, rows: Mapping[int, _Axis], heads: Mapping[int, _Axis]) -> None:
        """Serial numbers where the form asks for them."""
        for column, axis in heads.items():
            if clean(axis.label) in SERIAL_LABELS and axis.column is None:
                for number, (row, about) in enumerate(rows.items(), start=1):
                    if not about.is_sum and self.grid.is_blank(row, column):
                        self._write(row, column, axis.label, Known(number, "按填入次序编号"))

    def _fill_single_row(self, block: Block, heads: Mapping[int, _Axis], context: _Context) -> None:
        """A header above one empty row asks for the whole community."""
        self._fill_cells({block.body: _Axis("", [Meaning()])}, heads, None, context)

    def _fill_cells(
        self,
        rows: Mapping[int, _Axis],
        columns: Mapping[int, _Axis],
        subject: Table | None,
        context: _Context,
    ) -> None:
        _settle_sums(rows.values())
        for column, head in columns.items():
            if head.problem and clean(head.label) not in SERIAL_LABELS | UNIT_LABELS:
                self._leave_column(rows, column, head)
        for row, about in rows.items():
            open_columns = [
                c for c, head in columns.items()
                if self.grid.is_blank(row, c) and not head.problem
                and clean(head.label) not in UNIT_LABELS
                and (clean(head.label) not in SERIAL_LABELS or head.column is not None)
            ]  # fmt: skip
            if about.problem:
                if open_columns:
                    where = self._stretch_across(row, open_columns)
                    self._leave(where, about.label, about.problem)
                continue
            for column in open_columns:
                self._fill_cell(row, column, about, columns[column], subject, context)
        self._leave_personal(rows, columns)

    def _leave_column(self, rows: Mapping[int, _Axis], column: int, head: _Axis) -> None:
        blank = [row for row in rows if self.grid.is_blank(row, column)]
        if blank:
            self._leave(self._stretch(min(blank), max(blank), column), head.label, head.problem)

    def _leave_personal(self, rows: Mapping[int, _Axis], columns: Mapping[int, _Axis]) -> None:
        for column, head in columns.items():
            if head.column is not None and head.column.is_personal:
                head = replace(head, problem=f"“{head.label}”是个人信息，不代填")
                self._leave_column(rows, column, head)

    def _fill_cell(
        self,
        row: int,
        column: int,
        about: _Axis,
        head: _Axis,
        subject: Table | None,
        context: _Context,
    ) -> None:
        if head.column is not None and head.column.is_personal:
            return
        label = "·".join(part for part in (about.label, head.label) if part)
        try:
            if subject and head.column is not None and about.key:
                answer = self._fact(subject, about.key, head, row, column)
            elif about.is_sum and head.column is not None and not _is_summed(head):
                return  # a sum of addresses or years is asked for by nobody
            else:
                answer = self._figure(about.meanings, head.meanings, label, context, row, column)
        except UnknownError as error:
            self._leave(self.grid.address(row, column), label, str(error))
            return
        self._write(row, column, label, answer)

    def _fact(self, subject: Table, key: str, head: _Axis, row: int, column: int) -> Known:
        assert head.column is not None
        answer = self.knowledge.fact(subject, key, head.column)
        units = {meaning.unit for meaning in head.meanings} - {""}
        written = re.findall(r"[（(]([^（）()]*)[)）]\s*$", head.label)
        unit = units.pop() if len(units) == 1 else fold(written[0]) if written else ""
        if isinstance(answer.value, (int, float)) and unit:
            return replace(answer, value=_scaled(answer.value, scale_of(unit, head.column.unit)))
        return answer

    def _figure(
        self,
        first: list[Meaning],
        second: list[Meaning],
        label: str,
        context: _Context,
        row: int,
        column: int,
    ) -> Known:
        """The figure that row, column and title ask for together."""
        merged = merge_all([first, second])
        if not merged:
            raise UnknownError(f"“{label}”的行和列合不到一起")
        merged = [self._with_title(imply_figure(meaning), context) for meaning in merged]
        meaning = choose(merged, label)
        facets = dict(meaning.facets)
        for facet, values in context.facets.items():
            if facet in ("type", "compound") and not {"type", "compound"} & facets.keys():
                facets[facet] = values
        months = self._months(meaning, context)
        if meaning.compare:
            return self._compare(meaning, facets, months, row, column)
        answer = self.knowledge.figure(meaning.figure, facets, months)
        return self._in_unit(answer, meaning, label, context, row, column)

    def _in_unit(
        self, answer: Known, meaning: Meaning, label: str, context: _Context, row: int, column: int
    ) -> Known:
        """A figure in the unit that the form asks for."""
        if not isinstance(answer.value, (int, float)):
            return answer
        own = BY_NAME[meaning.figure].unit
        unit = meaning.unit or _line_unit(context.units, own)
        value = _scaled(answer.value, scale_of(unit, own))
        if own == "%" and not unit and "%" not in label:
            value = self._as_share(value, row, column)
        return replace(answer, value=value)

    def _with_title(self, meaning: Meaning, context: _Context) -> Meaning:
        return replace(meaning, figure=meaning.figure or context.figure)

    def _months(self, meaning: Meaning, context: _Context) -> frozenset[date] | None:
        """The months that a cell is about; None for all there are."""
        base = self._base(context)
        year = context.period.year if context.period else None
        year = year or (self.month.year if self.month else None)
        if meaning.period is not None:
            return resolve(meaning.period, base, year)
        if not SOURCES[BY_NAME[meaning.figure].source].moment:
            return None
        if context.period is not None:
            return resolve(context.period, base, year)
        return frozenset({base}) if base else None

    def _compare(
        self,
        meaning: Meaning,
        facets: Mapping[str, frozenset[str]],
        months: frozenset[date] | None,
        row: int,
        column: int,
    ) -> Known:
        if not months:
            raise UnknownError(f"没有写{meaning.compare}是哪个月的，请用 --month 写明")
        if meaning.compare == "环比" and len(months) > 1:
            raise UnknownError("环比只按单个月算，这里说的不止一个月")
        shift = -1 if meaning.compare == "环比" else -12
        before = frozenset(add_months(month, shift) for month in months)
        answer = self.knowledge.change(meaning.figure, facets, months, before, meaning.compare)
        assert isinstance(answer.value, (int, float))
        percent = round(answer.value * 100, 2)
        value = percent if meaning.unit == "%" else self._as_share(percent, row, column)
        return replace(answer, value=value)

    def _as_share(self, percent: int | float, row: int, column: int) -> float:
        """A percentage as a share that the spreadsheet shows as one."""
        cell = self.grid.cell(row, column)
        if "%" not in cell.number_format:
            cell.number_format = "0.0%"
        return round(percent / 100, 6)

    # -- pairs -----------------------------------------------------------------------------

    def _fill_pairs(self, blocks: list[Block], context: _Context) -> None:
        for row, column in self.grid.pairs(blocks):
            text = self.grid.text(row, column)
            if _GAP.search(text):
                self._fill_gaps(row, column, text, context)
            elif len(clean(text)) <= LONGEST_PAIR_LABEL:
                place = self._blank_beside(row, column, blocks)
                if place:
                    self._fill_pair(place, text, context)

    def _blank_beside(self, row: int, column: int, blocks: list[Block]) -> tuple[int, int] | None:
        """The blank that belongs to a label: to its right, else below it."""
        text = self.grid.text(row, column)
        right = (row, self.grid.right_of(row, column))
        below = (self.grid.below(row, column), column)
        is_asking = text.endswith((":", "："))
        for place in (right, below):
            free = self.grid.is_blank(*place) and not any(b.holds(*place) for b in blocks)
            within = place[1] <= self.grid.width or self.grid.is_framed(*place)
            if free and (is_asking or (within and place == right) or self._meanings_of(text)):
                return place
            said = self.grid.text(*place)
            is_filled = said and (is_asking or not self.grid.is_label(*place))
            if place == right and is_filled and not said.endswith((":", "：")):
                return None
        return None

    def _fill_pair(self, place: tuple[int, int], text: str, context: _Context) -> None:
        label = text.strip().rstrip(":：").strip()
        is_asking = text.endswith((":", "：")) or self.grid.is_framed(*place)
        try:
            answer = self._answer_label(label, context, place)
        except UnknownError as error:
            if is_asking or self._meanings_of(label):
                self._leave(self.grid.address(*place), label, str(error))
            return
        self._write(*place, label, answer)

    def _answer_label(self, label: str, context: _Context, place: tuple[int, int]) -> Known:
        if clean(label) in _OFFICE_LABELS:
            return self._office()
        if _SIGNED.search(label) and not self._meanings_of(label):
            raise UnknownError(f"“{label}”请手工填写")
        if _is_personal_label(label, self.knowledge.profile) and not self._meanings_of(label):
            raise UnknownError(f"“{label}”是个人信息，不代填")
        meanings = self.labels.read(label)
        if meanings == [Meaning()]:
            raise UnknownError(f"“{label}”没有写明要填什么")
        # A label that stands alone says itself what it counts.
        return self._figure([Meaning()], meanings, label, replace(context, figure=""), *place)

    def _office(self) -> Known:
        name = self.knowledge.profile.name
        if name == _UNNAMED:
            raise UnknownError("设置文件里没有写社区名称（name）")
        return Known(name, "设置文件里的社区名称")

    def _fill_gaps(self, row: int, column: int, text: str, context: _Context) -> None:
        """Blanks drawn with underscores inside a text."""
        told: list[tuple[str, Known]] = []

        def put(match: re.Match[str]) -> str:
            try:
                answer = self._answer_label(match[1], context, (row, column))
            except UnknownError as error:
                self._leave(self.grid.address(row, column), match[1], str(error))
                return match[0]
            told.append((match[1], answer))
            return f"{match[1]}{match[2]}{_show(answer.value)}"

        written = _GAP.sub(put, text)
        if not told:
            return
        source = "\n\n".join(f"{label}：{answer.source}" for label, answer in told)
        cell = self.grid.cell(row, column)
        _set_value(cell, written)
        _add_comment(cell, source)
        for label, answer in told:
            self._tell(row, column, label, answer)

    # -- writing ---------------------------------------------------------------------------

    def _write(self, row: int, column: int, label: str, answer: Known) -> None:
        cell = self.grid.cell(row, column)
        _set_value(cell, answer.value)
        if isinstance(answer.value, (date, datetime)) and not cell.is_date:
            cell.number_format = "yyyy-mm-dd"
        _add_comment(cell, answer.source)
        self._tell(row, column, label, answer)

    def _tell(self, row: int, column: int, label: str, answer: Known) -> None:
        where = self.grid.address(row, column)
        told = FilledCell(self.sheet.title, where, label, answer.value, answer.source)
        self.filled.filled.append(told)

    def _leave(self, cell: str, label: str, reason: str) -> None:
        self.filled.left.append(LeftCell(self.sheet.title, cell, label, reason))

    def _stretch(self, top: int, bottom: int, column: int) -> str:
        first, last = self.grid.address(top, column), self.grid.address(bottom, column)
        return first if first == last else f"{first}:{last}"

    def _stretch_across(self, row: int, columns: list[int]) -> str:
        first = self.grid.address(row, min(columns))
        last = self.grid.address(row, max(columns))
        return first if first == last else f"{first}:{last}"


def _settle_sums(axes: Iterable[_Axis]) -> None:
    """合计 means what stands beside it: the compounds, kinds or months that the form lists."""
    listed = list(axes)
    others = [axis for axis in listed if not axis.is_sum and _is_part(axis)]
    _agree(others)
    for axis in listed:
        if axis.is_sum and not axis.problem and axis.column is None:
            group = axis.label.rpartition("·")[0]
            near = [o for o in others if group and o.label.rpartition("·")[0] == group]
            _sum_up(axis, near or others)


def _is_part(axis: _Axis) -> bool:
    """Whether a neighbour says a part of which there may be a sum."""
    if axis.problem or axis.key:
        return True
    return any(m.facets or m.period for m in axis.meanings) and axis.column is None


def _agree(axes: list[_Axis]) -> None:
    """What can be read in two ways is read as its neighbours are: 其他 beside 停车 is a category."""
    certain = [_facets_of(axis.meanings[0]) for axis in axes if len(axis.meanings) == 1]
    common = set.intersection(*certain) if certain else set()
    for axis in axes:
        fitting = [m for m in axis.meanings if common and common <= _facets_of(m)]
        if len(axis.meanings) > 1 and fitting:
            axis.meanings = fitting


def _facets_of(meaning: Meaning) -> set[str]:
    return {facet for facet, _ in meaning.facets}


def _sum_up(axis: _Axis, others: list[_Axis]) -> None:
    """Give a sum the meaning of its neighbours together."""
    figures = {m.figure for other in others for m in other.meanings}
    parts = others if len(figures) == 1 else [o for o in others if not _has_figure(o)]
    meanings = [m for part in parts for m in part.meanings]
    common = set.intersection(*map(_facets_of, meanings)) if meanings else set()
    stated = axis.meanings if axis.meanings not in ([], [Meaning()]) else []
    own = next(iter(figures)) if parts and len(figures) == 1 else ""
    if any(part.problem for part in parts) and (common or any(m.period for m in meanings)):
        axis.problem = "所列的有认不出的，合计会不完整"
    elif len(common) == 1:
        facet = common.pop()
        union = frozenset(code for m in meanings for code in dict(m.facets)[facet])
        axis.meanings = _with_part(stated, Meaning(own, ((facet, union),)))
    elif meanings and all(m.period for m in meanings):
        period = _join_periods(meanings)
        axis.problem = "" if period else "所列的时段加不到一起"
        axis.meanings = _with_part(stated, Meaning(own, period=period))
    elif meanings and own:
        axis.problem = "是哪几项之和说不清，请写明"
    else:
        axis.meanings = stated or [Meaning()]


def _has_figure(axis: _Axis) -> bool:
    return any(meaning.figure for meaning in axis.meanings)


def _with_part(stated: list[Meaning], part: Meaning) -> list[Meaning]:
    return merge_all([stated or [Meaning()], [part]])


def _join_periods(meanings: list[Meaning]) -> Period | None:
    """Months of one year together; None where they are of several, overlap or are relative."""
    periods = [m.period for m in meanings if m.period]
    years = {period.year for period in periods}
    months = [month for period in periods for month in period.months]
    is_plain = all(period.months for period in periods) and len(set(months)) == len(months)
    return Period(years.pop(), tuple(sorted(months))) if len(years) == 1 and is_plain else None


def _single_month(period: Period | None) -> date | None:
    """The month that a period is, where it is one of a stated year."""
    if period is None or not period.is_month or period.year is None:
        return None
    return date(period.year, period.months[0], 1)


def _is_summed(head: _Axis) -> bool:
    """Whether a column of the contract is also a figure that can be added up."""
    assert head.column is not None
    return head.column.name in BY_NAME and bool(head.meanings)


def _is_personal_label(label: str, profile: Profile) -> bool:
    folded = clean(label)
    known = {
        fold(header)
        for table in profile.tables
        for column in table.columns
        if column.is_personal
        for header in column.headers
    }
    return folded in known or looks_personal(label)


def _line_unit(units: tuple[str, ...], own: str) -> str:
    """The unit that a line such as 单位：万户 gives for a figure; '' where it gives none."""
    return next((unit for unit in units if unit in UNITS.get(own, {})), "")


def _scaled(value: int | float, size: float) -> int | float:
    return value if size == 1 else round(value / size, 4)


def _show(value: Value) -> str:
    return f"{value:%Y-%m-%d}" if isinstance(value, (date, datetime)) else str(value)


def _set_value(cell: Cell, value: Value) -> None:
    """Write a value; text that begins like a formula stays text."""
    if isinstance(value, str):
        value = ILLEGAL_CHARACTERS_RE.sub("", value)
    cell.value = value
    if isinstance(value, str) and value.startswith("="):
        cell.data_type = "s"


def _add_comment(cell: Cell, source: str) -> None:
    """Say where a value comes from, below what the form itself says there."""
    known = f"{cell.comment.text}\n——\n" if cell.comment else ""
    text = ILLEGAL_CHARACTERS_RE.sub("", f"{known}{source}")[:LONGEST_COMMENT]
    cell.comment = Comment(text, AUTHOR, width=340, height=180)


def _add_notes(book: Workbook, path: Path, filled: Filled) -> None:
    """A last sheet: what was filled from where, and what stayed empty and why."""
    sheet = book.create_sheet(NOTES_SHEET)
    lines: list[list[Any]] = [
        [
            f"《{mask_text(path.name)[0]}》：填了 {len(filled.filled)} 格，留空 {len(filled.left)} 处"
        ],
        *([note] for note in filled.notes),
        [],
        ["留空的", "单元格", "项目", "为什么"],
        *(list(cell) for cell in filled.left),
        [],
        ["已填的", "单元格", "项目", "值", "来源"],
        *([*cell[:4], cell.source.replace("\n", "；")] for cell in filled.filled),
    ]
    for line in lines:
        for column, value in enumerate(line, start=1):
            _set_value(
                sheet.cell(sheet.max_row if column > 1 else sheet.max_row + 1, column), value
            )
    _style_notes(sheet)


def _style_notes(sheet: Worksheet) -> None:
    for letter, width in zip("ABCDE", (24, 14, 30, 40, 90), strict=True):
        sheet.column_dimensions[letter].width = width
    for row in sheet.iter_rows(max_col=1):
        if row[0].value in ("留空的", "已填的"):
            for cell in sheet[row[0].row]:
                cell.font = Font(bold=True)

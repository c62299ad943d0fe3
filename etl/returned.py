"""The person's own workbook back: bad cells coloured and commented, a first sheet that lists them."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path, PurePath
from typing import Any

import python_calamine as calamine
from lxml import etree
from openpyxl.utils import get_column_letter
from rapidfuzz import fuzz, process, utils

from etl.cells import as_text
from etl.check import ERROR, Issue
from etl.errors import FileError
from etl.files import package
from etl.marked.comments import OPENING, Notes, tell_sample
from etl.marked.marking import LIST_LIMIT, MAX_ROWS, Place, Worksheet, parse_address
from etl.marked.parts import Book, SheetPart
from etl.marked.rebuilt import (
    MAX_TEXT,
    Styled,
    count_digits,
    is_cut,
    rebuild_workbook,
    wrap_sheet,
    write_row,
    write_text,
)
from etl.privacy import MASK
from etl.profile import Profile
from etl.sheet import Sheet
from etl.table import Column, Table
from etl.template import allowed_values
from etl.workbook import read_workbook

LIST_TITLE = "问题清单"
MARK = "（已标注）"
# Colours that nobody picks by hand, so that ours are known again: red keeps a row out.
RED, YELLOW = "FFFFC2C1", "FFFFEB9B"
MAX_COMMENTS = 5_000
# Programs refuse more links on one sheet.
MAX_LINKS = 65_000
SEVERITIES = {True: "未入库", False: "提醒"}
_OTHER_TITLE = "问题清单（社区地图）"
_STORE_TITLE = "社区地图附表"
_STORE_HEAD = "社区地图附表：下拉选项和原有底色，请勿改动"
_LIST_HEAD = "问题清单（社区地图自动生成，再放进来时跳过）"
_NAME_HEAD = "原文件："
_COLUMNS = (
    ("序号", 6.0),
    ("工作表", 16.0),
    ("单元格", 12.0),
    ("列", 14.0),
    ("现在的值", 26.0),
    ("哪里不对，应怎样改", 62.0),
    ("严重程度", 10.0),
)
_MARKED_NAME = re.compile(rf"(?:{MARK}(?:\s*[（(]\d+[)）]|\s*-\s*副本)?)+$")
_UNUSUAL = (*package.BROKEN_ZIP, calamine.CalamineError, etree.XMLSyntaxError, IndexError)
# Below this likeness (0 to 100) a value is not said to be meant.
_ALIKE = 65


@dataclass(frozen=True)
class Marks:
    """What is to be marked on one sheet; a sheet with several tables has several.

    Parameters
    ----------
    position, name
        Which sheet of the file, from zero, and what it was called when read.
    table, columns, first_row
        The table found on it (None: none), the places of its columns and its first row, all from
        zero.
    issues
        The problems; one whose cell is '' or 'A1' is about the sheet as a whole.
    """

    position: int
    name: str
    table: Table | None
    columns: Mapping[str, list[int]]
    first_row: int
    issues: Sequence[Issue]


@dataclass(frozen=True)
class _Finding:
    """An issue, the sheet and the cell that it is about, and what would be right."""

    issue: Issue
    title: str
    sheet: SheetPart | None
    place: Place | None
    hint: str = ""

    @property
    def is_error(self) -> bool:
        return self.issue.severity == ERROR


@dataclass
class _Samples:
    """Fills that cells had before they were coloured, numbered from one."""

    fills: list[int] = field(default_factory=list)
    numbers: dict[int, int] = field(default_factory=dict)

    def number_of(self, fill: int) -> int:
        """The number under which a fill is kept; 0 for none at all."""
        if fill and fill not in self.numbers:
            self.fills.append(fill)
            self.numbers[fill] = len(self.fills)
        return self.numbers.get(fill, 0)


def return_workbook(
    content: bytes,
    name: str,
    marks: Sequence[Marks],
    profile: Profile,
    password: str = "",
    when: datetime | None = None,
) -> tuple[str, bytes]:
    """The file name and the bytes of the marked workbook.

    An xlsx or xlsm keeps all that is in it, to the byte, but for the colours, comments and
    dropdowns of the marked cells and the list in front; nothing in it is run or computed. Any
    other file comes back as an xlsx of the cells as they were read. What was encrypted is
    encrypted again with the same password.

    Raises
    ------
    FileError
        The file cannot be read; PasswordNeededError, where the password is wrong.
    """
    is_locked = package.is_encrypted(io.BytesIO(content))
    opened = content
    if is_locked:
        inside = package.decrypt(name, io.BytesIO(content), password)
        inside.seek(0)
        opened = inside.read()
    lock = password if is_locked else ""
    book: Book | None = None
    with suppress(*_UNUSUAL):
        book = Book(opened)
    if book is not None:
        with suppress(*_UNUSUAL):
            return _finish(_Marker(book, name, marks, profile, when), lock)
    sheets = _read_again(content, name, password)
    remark = "" if book is None else "原文件的内部结构特殊，"
    return return_sheets(sheets, name, marks, profile, lock, when, remark)


def return_sheets(
    sheets: Sequence[Sheet],
    name: str,
    marks: Sequence[Marks],
    profile: Profile,
    password: str = "",
    when: datetime | None = None,
    remark: str = "",
) -> tuple[str, bytes]:
    """A new workbook of sheets as they were read, marked; for files whose formats are not kept.

    `password`, where there is one, encrypts it.
    """
    name = next(filter(None, map(original_name, sheets)), name)
    sheets = [sheet for sheet in sheets if not is_issue_list(sheet)]
    new = {sheet.position: order for order, sheet in enumerate(sheets)}
    book = Book(rebuild_workbook(sheets, _tops(marks)))
    marks = [replace(mark, position=new[mark.position]) for mark in marks if mark.position in new]
    marker = _Marker(book, name, marks, profile, when)
    marker.remarks.append(f"{remark}单元格的内容都在，原来的字体、颜色、列宽等格式没有带过来。")
    if any(map(is_cut, sheets)):
        marker.remarks.append(f"超过 {MAX_TEXT} 字的格子在表格软件里放不下，已截短。")
    return _finish(marker, password)


def _tops(marks: Sequence[Marks]) -> dict[int, set[int]]:
    """The first rows under headers, by sheet."""
    tops: dict[int, set[int]] = {}
    for mark in marks:
        if mark.table is not None:
            tops.setdefault(mark.position, set()).add(mark.first_row)
    return tops


def _finish(marker: _Marker, password: str) -> tuple[str, bytes]:
    content = marker.run()
    suffix = ".xlsm" if marker.book.has_macros else ".xlsx"
    if password:
        content = _encrypt(content, password)
    return name_returned(marker.original, suffix), content


def name_returned(name: str, suffix: str = ".xlsx") -> str:
    """'投诉.xls' as '投诉（已标注）.xlsx'; one that is so already stays."""
    return f"{_MARKED_NAME.sub('', PurePath(name).stem)}{MARK}{suffix}"


def _encrypt(content: bytes, password: str) -> bytes:
    from msoffcrypto.format.ooxml import OOXMLFile  # costs more to import than most files to read

    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(content)).encrypt(password, locked)
    return locked.getvalue()


def _read_again(content: bytes, name: str, password: str) -> list[Sheet]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"file{PurePath(name).suffix}"
        path.write_bytes(content)
        try:
            return read_workbook(path, password).sheets
        except FileError as error:
            raise type(error)(str(error).replace(path.name, name)) from error


# -- the list, known again ----------------------------------------------------------------------


def is_issue_list(sheet: Sheet) -> bool:
    """Whether a sheet was added by us: the list of problems, or the hidden one that goes with it."""
    return _is_list(sheet) or sheet.cell(0, 0) == _STORE_HEAD


def _is_list(sheet: Sheet) -> bool:
    told = sheet.cell(1, 0)
    is_named = isinstance(told, str) and told.startswith(_NAME_HEAD)
    return is_named and sheet.cell(0, 0) == _LIST_HEAD


def original_name(sheet: Sheet) -> str:
    """What the file was called before it was first given back; '' where the sheet is no list."""
    return str(sheet.cell(1, 0)).removeprefix(_NAME_HEAD) if _is_list(sheet) else ""


def _peek(opened: Any, sheet: SheetPart) -> Sheet:
    """The first two rows of a sheet that may be ours."""
    rows = opened.get_sheet_by_name(sheet.title).to_python(skip_empty_area=False, nrows=2)
    return Sheet.of(sheet.title, [[str(cell) for cell in row[:1]] for row in rows])


# -- marking ------------------------------------------------------------------------------------


class _Marker:
    """The marking of one workbook, step by step."""

    def __init__(
        self,
        book: Book,
        name: str,
        marks: Sequence[Marks],
        profile: Profile,
        when: datetime | None,
    ) -> None:
        self.book = book
        self.original = name
        self.profile = profile
        self.when = when or datetime.now()
        self.remarks: list[str] = []
        self.samples = _Samples()
        self.lists: list[list[str]] = []
        self.old_fills: list[int] = []
        self.wanted = [(mark, self._sheet_of(mark)) for mark in marks]
        self.findings: list[_Finding] = []
        self.commented: set[tuple[str, Place]] = set()
        self.hidden: set[tuple[str, int]] = set()

    def run(self) -> bytes:
        """Mark everything. The answer is the bytes of the workbook."""
        self._drop_earlier()
        self.store_title = self.book.free_title(_STORE_TITLE, _STORE_TITLE)
        self.ours = self.book.styles.find_fills({RED, YELLOW})
        self.stale = self.book.styles.with_fills(self.ours) if self.ours else set()
        opened = {id(sheet): self._open(sheet) for sheet in self.book.sheets}
        self._find(opened)
        self._choose_commented()
        for sheet in list(self.book.sheets):
            if worksheet := opened[id(sheet)]:
                self._mark_sheet(sheet, worksheet)
        self._add_store()
        self._add_list()
        return self.book.save()

    def _sheet_of(self, mark: Marks) -> SheetPart | None:
        """The sheet at a position, which earlier lists still count in."""
        sheets = self.book.sheets
        return sheets[mark.position] if 0 <= mark.position < len(sheets) else None

    def _drop_earlier(self) -> None:
        """Take out what we added earlier, and learn from it."""
        tables = {id(sheet) for mark, sheet in self.wanted if mark.table is not None}
        maybe = [s for s in self.book.sheets if s.is_worksheet and id(s) not in tables]
        if not maybe:
            return
        opened = calamine.CalamineWorkbook.from_filelike(io.BytesIO(self.book.content))
        for sheet in maybe:
            head = _peek(opened, sheet)
            if not is_issue_list(head):
                continue
            if told := original_name(head):
                self.original = told
            else:
                self._read_samples(sheet)
            self.wanted = [(mark, s) for mark, s in self.wanted if s is not sheet]
            self.book.remove_sheet(sheet)

    def _read_samples(self, sheet: SheetPart) -> None:
        """The fills that were kept on the hidden sheet, in the order of their numbers."""
        root = self.book.parts.tree(sheet.part)
        fills = {}
        for cell in root.iter("{*}c"):
            place = parse_address(cell.get("r", ""))
            if place and place[1] == 0 and place[0] > 0:
                fills[place[0]] = self.book.styles.fill_of(int(cell.get("s", "0")))
        self.old_fills = [fills.get(row, 0) for row in range(1, max(fills, default=0) + 1)]

    def _open(self, sheet: SheetPart) -> Worksheet | None:
        """A worksheet's XML; None for a sheet of another kind, which has no cells."""
        if sheet.is_worksheet:
            return Worksheet(self.book.parts.read(sheet.part))
        root = self.book.parts.tree(sheet.part)
        if chosen := [view for view in root.iter("{*}sheetView") if view.get("tabSelected")]:
            for view in chosen:
                del view.attrib["tabSelected"]
            self.book.parts.put(sheet.part, root)
        return None

    # -- what is wrong where --------------------------------------------------------------------

    def _find(self, opened: Mapping[int, Worksheet | None]) -> None:
        """Every issue with its cell, sheet by sheet and row by row."""
        found: list[tuple[int, _Finding]] = []
        for mark, sheet in self.wanted:
            worksheet = opened.get(id(sheet))
            order = self.book.sheets.index(sheet) if sheet else len(self.book.sheets)
            places = {issue.cell: _place_of(issue) for issue in mark.issues}
            known = [place for place in places.values() if place]
            shown = worksheet.top_left(set(known)) if worksheet else {}
            for issue in mark.issues:
                place = places[issue.cell]
                hint = _suggest(issue, place, mark, self.profile)
                at = shown.get(place) if place else None
                title = sheet.title if sheet else mark.name
                found.append((order, _Finding(issue, title, sheet, at, hint)))
        found.sort(key=lambda item: (item[0], item[1].place or (-1, -1)))
        self.findings = [finding for _, finding in found]

    def _choose_commented(self) -> None:
        """Comments are for the first few thousand, errors before warnings."""
        cells: dict[tuple[str, Place], bool] = {}
        for finding in self.findings:
            if finding.place:
                key = finding.title, finding.place
                cells[key] = cells.get(key, False) or finding.is_error
        ordered = sorted(cells, key=lambda key: not cells[key])
        self.commented = set(ordered[:MAX_COMMENTS])
        if left := len(ordered) - len(self.commented):
            self.remarks.append(
                f"有问题的格子太多：前 {MAX_COMMENTS} 格有批注，其余 {left} 格只涂了颜色，"
                "说明见下表。"
            )

    # -- one sheet ------------------------------------------------------------------------------

    def _mark_sheet(self, sheet: SheetPart, worksheet: Worksheet) -> None:
        mine = [f for f in self.findings if f.sheet is sheet and f.place]
        notes = Notes(self.book, sheet)
        earlier = notes.drop_ours()
        is_changed = worksheet.unselect()
        is_changed |= worksheet.drop_offers()
        severe: dict[Place, bool] = {}
        for finding in mine:
            if finding.place:
                severe[finding.place] = severe.get(finding.place, False) or finding.is_error
        kept: dict[Place, int] = {}
        if severe or self.stale:
            before = worksheet.cells
            worksheet.restyle(severe, self.stale, self._style_for(severe, earlier, kept))
            is_changed |= worksheet.cells is not before
        self.hidden |= {(sheet.title, row) for row in worksheet.hidden_rows}
        offered = self._offer(sheet, worksheet, mine)
        notes.add(self._word(mine, kept, offered))
        notes.save(worksheet)
        if is_changed or offered or notes.is_changed:
            self.book.parts.write(sheet.part, bytes(worksheet))

    def _style_for(
        self, severe: Mapping[Place, bool], earlier: Mapping[Place, int], kept: dict[Place, int]
    ) -> Callable[[Place, int], int]:
        """From a cell and its style to its new one; `kept` gets the numbers of the fills it had."""
        styles = self.book.styles
        colours = {True: styles.colour(RED), False: styles.colour(YELLOW)}

        def style_of(place: Place, style: int) -> int:
            fill = styles.fill_of(style)
            if style in self.stale:
                fill = self._restored(earlier.get(place, 0))
            if place not in severe:
                return styles.variant(style, fillId=fill)
            kept[place] = self.samples.number_of(fill)
            return styles.variant(style, fillId=colours[severe[place]])

        return style_of

    def _restored(self, number: int) -> int:
        """The fill that was kept under a number; none where it is not known any more."""
        return self.old_fills[number - 1] if 0 < number <= len(self.old_fills) else 0

    def _word(
        self, mine: Sequence[_Finding], kept: Mapping[Place, int], offered: set[int]
    ) -> dict[Place, str]:
        """The comment of each cell."""
        grouped: dict[Place, list[_Finding]] = {}
        for finding in mine:
            if finding.place and (finding.title, finding.place) in self.commented:
                grouped.setdefault(finding.place, []).append(finding)
        return {
            place: _word_comment(found, kept.get(place, 0), place[1] in offered)
            for place, found in grouped.items()
        }

    def _offer(self, sheet: SheetPart, worksheet: Worksheet, mine: Sequence[_Finding]) -> set[int]:
        """Dropdowns in the columns of bad cells that take certain values only. Which they are."""
        offered: set[int] = set()
        bad = {finding.place[1] for finding in mine if finding.place}
        marks = sorted((m for m, s in self.wanted if s is sheet), key=lambda m: m.first_row)
        deepest = max((f.place[0] for f in mine if f.place), default=0)
        for order, mark in enumerate(marks):
            # A table below has its title and header above its first row.
            below = [m.first_row - 4 for m in marks[order + 1 :] if m.first_row > mark.first_row]
            last = min([*below, max(deepest, worksheet.last_row)])
            for place, column in _headed(mark):
                values = allowed_values(column, self.profile) if place in bad else []
                if not values or worksheet.has_validation(place, mark.first_row, last):
                    continue
                if last >= mark.first_row:
                    advice = f"“{column.label}”请从下拉列表里选。"
                    worksheet.offer(place, mark.first_row, last, self._list_formula(values), advice)
                    offered.add(place)
        return offered

    def _list_formula(self, values: list[str]) -> str:
        """A list of values for a dropdown: in quotes where it fits, else on the hidden sheet."""
        listed = ",".join(values)
        if len(listed) <= LIST_LIMIT and not any(c in value for value in values for c in ',"'):
            return f'"{listed}"'
        if values not in self.lists:
            self.lists.append(values)
        letter = get_column_letter(self.lists.index(values) + 2)
        return f"{_quote(self.store_title)}!${letter}$2:${letter}${len(values) + 1}"

    # -- the sheets that are added --------------------------------------------------------------

    def _add_store(self) -> None:
        """The hidden sheet, where there is anything to keep on it."""
        if not (self.samples.fills or self.lists):
            return
        styles = self.book.styles
        plain = styles.variant(0, fillId=0, numFmtId=49)
        rows = [write_row(0, [Styled(_STORE_HEAD, plain)])]
        height = max([len(self.samples.fills), *(len(values) for values in self.lists)])
        for row in range(height):
            is_sample = row < len(self.samples.fills)
            first = (
                Styled(None, styles.variant(0, fillId=self.samples.fills[row]))
                if is_sample
                else None
            )
            others = [
                Styled(values[row], plain) if row < len(values) else None for values in self.lists
            ]
            rows.append(write_row(row + 1, [first, *others]))
        data = wrap_sheet(self.book, "", "".join(rows), "")
        self.book.add_sheet(self.store_title, data, len(self.book.sheets), is_hidden=True)

    def _add_list(self) -> None:
        title = self.book.free_title(LIST_TITLE, _OTHER_TITLE)
        listed = _List(self)
        sheet = self.book.add_sheet(title, listed.write(), 0)
        self.book.open_on(sheet)
        head = listed.header_row + 1
        where = f"{_quote(title)}!$A${head}:${get_column_letter(len(_COLUMNS))}${listed.last_row}"
        self.book.add_name("_xlnm._FilterDatabase", where, 0, is_hidden=True)
        self.book.add_name("_xlnm.Print_Titles", f"{_quote(title)}!${head}:${head}", 0)


def _quote(title: str) -> str:
    """A sheet's title as links and formulas write it."""
    return "'" + title.replace("'", "''") + "'"


def _place_of(issue: Issue) -> Place | None:
    """The cell of an issue; None where it is about the sheet as a whole."""
    return None if issue.cell == "A1" else parse_address(issue.cell)


def _headed(mark: Marks) -> Iterator[tuple[int, Column]]:
    """The places of a table's columns."""
    for name, places in mark.columns.items():
        column = (
            next((c for c in mark.table.columns if c.name == name), None) if mark.table else None
        )
        for place in places if column else []:
            yield place, column  # type: ignore[misc]


def _suggest(issue: Issue, place: Place | None, mark: Marks, profile: Profile) -> str:
    """What would be right, where the problem does not say it and it can be told; else ''."""
    column = next((c for at, c in _headed(mark) if place and at == place[1]), None)
    if column is None or place is None or place[0] < mark.first_row:
        return ""
    values = allowed_values(column, profile)
    if values:
        return _nearest(issue.value, values)
    if "例" in issue.problem:
        return ""
    if column.kind in (date, datetime):
        clock = " 9:20" if column.kind is datetime else ""
        return f"写法例如 2025-01-03{clock} 或 2025年1月3日"
    has_example = column.example is not None and not column.is_personal
    if not has_example or not _tells_kind(issue.problem):
        return ""
    return f"例如 {as_text(column.example)}"  # type: ignore[arg-type]


def _tells_kind(problem: str) -> bool:
    """Whether an example helps: the cell is empty, or not of its kind."""
    return problem.startswith("缺") or "应是" in problem


def _nearest(value: str, values: list[str]) -> str:
    """The allowed values most like what is written."""
    if not value or MASK in value:
        return ""
    found = process.extract(
        value,
        values,
        scorer=fuzz.WRatio,
        processor=utils.default_process,
        limit=2,
        score_cutoff=_ALIKE,
    )
    return f"最像的是：{'、'.join(word for word, *_ in found)}" if found else ""


def _word_comment(found: Sequence[_Finding], sample: int, is_offered: bool) -> str:
    """What is said of a cell, a line for each problem."""
    lines = []
    for finding in sorted(found, key=lambda f: not f.is_error):
        lines.append(f"{SEVERITIES[finding.is_error]}：{finding.issue.problem}")
        if finding.hint:
            lines.append(f"→ {finding.hint}")
    if is_offered:
        lines.append("→ 点该格右边的箭头，可从下拉列表里选")
    if sample:
        lines.append(tell_sample(sample))
    return f"{OPENING}\n" + "\n".join(dict.fromkeys(lines))


# -- the list -----------------------------------------------------------------------------------


class _List:
    """The first sheet: every problem with a link to its cell, under a head of a few lines."""

    def __init__(self, marker: _Marker) -> None:
        self.book = marker.book
        self.hidden = marker.hidden
        findings = marker.findings
        told = _count(findings, marker.when)
        self.head = [_LIST_HEAD, f"{_NAME_HEAD}{marker.original}", *told, *marker.remarks]
        most = MAX_ROWS - len(self.head) - 2
        if left := max(0, len(findings) - most):
            self.head.append(f"这一页放不下，还有 {left} 处没有列出，见有颜色的格子。")
        self.findings = findings[:most]
        self.header_row = len(self.head)
        self.last_row = self.header_row + len(self.findings) + 1
        self._make_styles()

    def _make_styles(self) -> None:
        styles = self.book.styles

        def font(size: int, extra: str = "") -> int:
            return styles.add(
                "fonts",
                f'<font>{extra}<sz val="{size}"/>{_COLOUR if "<u/>" in extra else ""}'
                '<name val="宋体"/><charset val="134"/></font>',
            )

        line = '<{0} style="thin"><color rgb="FFBFBFBF"/></{0}>'
        border = styles.add(
            "borders",
            "<border>"
            + "".join(map(line.format, ("left", "right", "top", "bottom")))
            + "</border>",
        )
        plain = {"fontId": font(11), "fillId": 0, "borderId": 0, "numFmtId": 49}
        cell = {**plain, "borderId": border}
        bold = font(11, "<b/>")
        self.plain = styles.variant(0, wraps=True, **plain)
        self.title = styles.variant(0, wraps=True, **{**plain, "fontId": font(14, "<b/>")})
        self.header = styles.variant(
            0, wraps=True, **{**cell, "fontId": bold, "fillId": styles.colour("FFD9E1F2")}
        )
        self.cell = styles.variant(0, wraps=True, **cell, quotePrefix=1)
        self.number = styles.variant(0, wraps=True, **{**cell, "numFmtId": 0})
        self.link = styles.variant(0, wraps=True, **{**cell, "fontId": font(11, "<u/>")})
        self.levels = {
            True: styles.variant(0, wraps=True, **{**cell, "fillId": styles.colour(RED)}),
            False: styles.variant(0, wraps=True, **{**cell, "fillId": styles.colour(YELLOW)}),
        }

    def write(self) -> bytes:
        """The XML of the sheet."""
        rows = [
            write_row(
                number,
                [Styled(text, self.plain if number else self.title)],
                height=_height(text, _total_width()) if number else 24.0,
            )
            for number, text in enumerate(self.head)
        ]
        rows.append(
            write_row(self.header_row, [Styled(name, self.header) for name, _ in _COLUMNS], 20.0)
        )
        for order, finding in enumerate(self.findings, start=1):
            rows.append(self._write_finding(order, finding))
        return wrap_sheet(self.book, self._before(), "".join(rows), self._behind())

    def _write_finding(self, order: int, finding: _Finding) -> str:
        issue = finding.issue
        problem = f"{issue.problem}\n→ {finding.hint}" if finding.hint else issue.problem
        where = issue.cell if finding.place else "整张表"
        if finding.place and (finding.title, finding.place[0]) in self.hidden:
            where = f"{where}（行已隐藏）"
        title = finding.title
        if finding.sheet is not None and finding.sheet.is_hidden:
            title = f"{title}（表已隐藏）"
        cells = [
            Styled(float(order), self.number),
            Styled(title, self.cell),
            Styled(where, self.link if finding.place else self.cell),
            Styled(issue.column, self.cell),
            Styled(issue.value or "（空）" * (finding.place is not None), self.cell),
            Styled(problem, self.cell),
            Styled(SEVERITIES[finding.is_error], self.levels[finding.is_error]),
        ]
        texts = (title, where, issue.column, issue.value, problem)
        tall = max(
            _height(text, width) for text, (_, width) in zip(texts, _COLUMNS[1:], strict=False)
        )
        return write_row(self.header_row + order, cells, min(tall, 180.0))

    def _before(self) -> str:
        columns = "".join(
            f'<col min="{n}" max="{n}" width="{width}" customWidth="1"/>'
            for n, (_, width) in enumerate(_COLUMNS, start=1)
        )
        top = self.header_row + 1
        return (
            '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
            '<sheetViews><sheetView tabSelected="1" showGridLines="0" workbookViewId="0">'
            f'<pane ySplit="{top}" topLeftCell="A{top + 1}" activePane="bottomLeft" '
            f'state="frozen"/><selection pane="bottomLeft" activeCell="A{top + 1}" '
            f'sqref="A{top + 1}"/></sheetView></sheetViews><cols>{columns}</cols>'
        )

    def _behind(self) -> str:
        letter = get_column_letter(len(_COLUMNS))
        merged = "".join(
            f'<mergeCell ref="A{row}:{letter}{row}"/>' for row in range(1, len(self.head) + 1)
        )
        return (
            f'<autoFilter ref="A{self.header_row + 1}:{letter}{self.last_row}"/>'
            f'<mergeCells count="{len(self.head)}">{merged}</mergeCells>{self._links()}'
            '<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.5" header="0.3" footer="0.3"/>'
            '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/>'
            "<headerFooter><oddFooter>&amp;C第 &amp;P 页，共 &amp;N 页</oddFooter></headerFooter>"
        )

    def _links(self) -> str:
        links: list[str] = []
        for order, finding in enumerate(self.findings, start=1):
            if finding.place and len(links) < MAX_LINKS:
                place = _address_of(finding.place)
                target = write_text(f"{_quote(finding.title)}!{place}").replace('"', "&quot;")
                links.append(
                    f'<hyperlink ref="C{self.header_row + 1 + order}" location="{target}"/>'
                )
        return f"<hyperlinks>{''.join(links)}</hyperlinks>" if links else ""


_COLOUR = '<color rgb="FF0563C1"/>'


def _address_of(place: Place) -> str:
    return f"{get_column_letter(place[1] + 1)}{place[0] + 1}"


def _count(findings: Sequence[_Finding], when: datetime) -> list[str]:
    """When it was looked through, what was found, and what to do."""
    errors = [finding for finding in findings if finding.is_error]
    rows = len({(f.title, f.place[0]) for f in errors if f.place})
    told = f"检查时间：{when:%Y-%m-%d %H:%M}　共 {len(findings)} 处"
    if errors:
        told += f"　未入库 {len(errors)} 处（红色，涉及 {rows} 行，改好才能入库）"
    if warnings := len(findings) - len(errors):
        told += f"　提醒 {warnings} 处（黄色，该行已入库，请核对）"
    advice = (
        "怎么用：点“单元格”一列的蓝字跳到那一格，鼠标停在有颜色的格子上看说明；"
        "改好有颜色的格子后保存，把整个文件直接再放进来即可。颜色和批注不用删，这一页会被跳过。"
    )
    return [told, advice if findings else "没有发现问题，不用改。"]


def _total_width() -> float:
    return sum(width for _, width in _COLUMNS)


def _height(text: str, width: float) -> float:
    """How tall a row must be for a text in a column so wide (in digits)."""
    lines = sum(1 + int(count_digits(line) / max(width - 1.5, 1)) for line in text.split("\n"))
    return lines * 15.0 + 3.0

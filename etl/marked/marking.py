"""Marks in a worksheet's XML: styles of cells, comments, dropdowns; all else stays byte for byte."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

from lxml import etree
from openpyxl.utils import get_column_letter, range_boundaries

from etl.marked.parts import (
    UnusualPackageError,
    as_utf8,
    find_child,
    insert_in_order,
)
from etl.sheet import address

# Row and column of a cell, both counted from zero.
Place = tuple[int, int]
MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384
SHEET_ORDER = (
    "sheetPr dimension sheetViews sheetFormatPr cols sheetData sheetCalcPr sheetProtection "
    "protectedRanges scenarios autoFilter sortState dataConsolidate customSheetViews mergeCells "
    "phoneticPr conditionalFormatting dataValidations hyperlinks printOptions pageMargins "
    "pageSetup headerFooter rowBreaks colBreaks customProperties cellWatches ignoredErrors "
    "smartTags drawing legacyDrawing legacyDrawingHF drawingHF picture oleObjects controls "
    "webPublishItems tableParts extLst"
)
_OPENING = re.compile(rb"<((?:[\w.-]+:)?sheetData)(?:\s[^>]*?)?(/?)>")
_TAG = re.compile(rb"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*(/?)>")
_ATTRIBUTES = rb"((?:\s+[^\s=/>]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*)\s*(/?)>"
_ROW_TAG = re.compile(rb"<(?:[\w.-]+:)?row(?=[\s/>])" + _ATTRIBUTES)
_CELL_TAG = re.compile(rb"<(?:[\w.-]+:)?c(?=[\s/>])" + _ATTRIBUTES)
_STYLE = re.compile(rb"\ss\s*=\s*[\"'](\d*)[\"']")
_LETTERS = re.compile(rb"\sr\s*=\s*[\"']([A-Z]{1,3})\d+[\"']")
_HIDDEN = re.compile(rb"\shidden\s*=\s*[\"'](?:1|true)[\"']")
_NUMBER = re.compile(rb"\sr\s*=\s*[\"'](\d+)[\"']")
_SPANS = re.compile(rb"\sspans\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_REFERENCE = re.compile(r"^\$?([A-Z]{1,3})\$?([0-9]{1,7})$")
# Told with our own dropdowns, by which they are known again.
OFFER_TITLE = "社区地图"
# A longer list must come from cells: programs refuse a list of over 255 characters.
LIST_LIMIT = 255


def parse_address(text: str) -> Place | None:
    """'D7' as (6, 3); None where it is no address of a cell that a sheet can have."""
    match = _REFERENCE.match(text)
    if match is None:
        return None
    row, column = int(match[2]) - 1, _column_number(match[1])
    return (row, column) if 0 <= row < MAX_ROWS and column < MAX_COLUMNS else None


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


class Worksheet:
    """One worksheet's XML in two: its cells as bytes, and the frame around them as a tree."""

    def __init__(self, data: bytes) -> None:
        data = _plain(as_utf8(data))
        opening = _OPENING.search(data)
        if opening is None:
            raise UnusualPackageError("a worksheet without cells")
        start, end = opening.start(), opening.end()
        if not opening[2]:
            closing = b"</" + opening[1] + b">"
            end = data.rfind(closing) + len(closing)
            if end < opening.end():
                raise UnusualPackageError("a worksheet without an end")
        self.cells = data[start:end]
        frame = data[:start] + b"<" + opening[1] + b"/>" + data[end:]
        self.root = etree.fromstring(frame, etree.XMLParser(resolve_entities=False))
        self.main = etree.QName(self.root).namespace
        # Those of the restyled cells that people do not see.
        self.hidden_rows: set[int] = set()

    def __bytes__(self) -> bytes:
        frame = etree.tostring(self.root, encoding="UTF-8", xml_declaration=True, standalone=True)
        found = _OPENING.search(frame)
        if found is None:
            raise UnusualPackageError("a worksheet without cells")
        return bytes(frame[: found.start()] + self.cells + frame[found.end() :])

    def find(self, name: str) -> Any:
        """A child of the frame; None where there is none."""
        return find_child(self.root, name)

    def make(self, name: str) -> Any:
        """A child of the frame, put in its place where there is none."""
        child = self.find(name)
        if child is None:
            child = etree.Element(f"{{{self.main}}}{name}")
            insert_in_order(self.root, child, SHEET_ORDER)
        return child

    def unselect(self) -> bool:
        """Not shown on opening, nor typed into along with another sheet. Whether it was selected."""
        views = self.find("sheetViews")
        chosen = [v for v in ([] if views is None else views) if v.get("tabSelected")]
        for view in chosen:
            del view.attrib["tabSelected"]
        return bool(chosen)

    # -- cells --------------------------------------------------------------------------------

    def top_left(self, places: Collection[Place]) -> dict[Place, Place]:
        """For each cell the one that is shown: of a merged range its top left one."""
        merged = self.find("mergeCells")
        columns = {column for _, column in places}
        ranges: dict[int, list[tuple[int, int, int]]] = {column: [] for column in columns}
        for mark in [] if merged is None else merged:
            left, top, right, bottom = _boundaries(mark.get("ref", ""))
            for column in columns & set(range(left, right + 1)):
                ranges[column].append((top, bottom, left))
        for found in ranges.values():
            found.sort()
        return {place: _find_range(place, ranges[place[1]]) for place in places}

    def restyle(
        self,
        wanted: Collection[Place],
        stale: Collection[int],
        style_of: Callable[[Place, int], int],
    ) -> None:
        """Give new styles to some cells, and to all cells of some styles.

        Parameters
        ----------
        wanted
            Cells that get a style, made where they are not there.
        stale
            Styles whose every cell gets a new one.
        style_of
            From a cell and the style that it has to the one it gets.
        """
        inherited = self._column_styles()
        scan = _Scan(self.cells, wanted, stale, style_of, inherited)
        self.cells = scan.run()
        self.hidden_rows |= scan.hidden_rows

    @property
    def last_row(self) -> int:
        """The last row that has an entry, from zero; 0 where it cannot be told."""
        at = max(self.cells.rfind(b"<row"), self.cells.rfind(b":row "))
        start = self.cells.rfind(b"<", 0, at + 1)
        tag = _TAG.match(self.cells, max(start, 0))
        number = _NUMBER.search(tag[0]) if tag else None
        return int(number[1]) - 1 if number else 0

    def _column_styles(self) -> dict[int, int]:
        """The style of each column that has one of its own."""
        columns = self.find("cols")
        styles = {}
        for mark in [] if columns is None else columns:
            if style := int(mark.get("style", "0")):
                first, last = int(mark.get("min", "1")), int(mark.get("max", "1"))
                styles.update(dict.fromkeys(range(first - 1, min(last, MAX_COLUMNS)), style))
        return styles

    # -- where things are drawn ---------------------------------------------------------------

    def reach_column(self, column: int, width: float) -> tuple[int, int]:
        """Where one is, so many pixels right of a column's left edge: a column, and how far in."""
        widths, usual, _ = self._sizes
        while width > (pixels := widths.get(column, usual)) and column < MAX_COLUMNS - 1:
            width -= pixels
            column += 1
        return column, int(min(width, pixels))

    def reach_row(self, row: int, height: float) -> tuple[int, int]:
        """Where one is, so many pixels below a row's upper edge, were all rows of usual height."""
        *_, usual = self._sizes
        return min(row + int(height // usual), MAX_ROWS - 1), int(height % usual)

    @cached_property
    def _sizes(self) -> tuple[dict[int, float], float, float]:
        """Pixels: the widths of columns that have their own, the usual width, the usual height."""
        usual = self.find("sheetFormatPr")
        told = {} if usual is None else usual.attrib
        columns = self.find("cols")
        widths = {}
        for mark in [] if columns is None else columns:
            width = 0.0 if mark.get("hidden") in ("1", "true") else _pixels(mark.get("width", "9"))
            first, last = int(mark.get("min", "1")), int(mark.get("max", "1"))
            widths.update(dict.fromkeys(range(first - 1, min(last, MAX_COLUMNS)), width))
        height = float(told.get("defaultRowHeight", 15)) * 4 / 3
        return widths, _pixels(told.get("defaultColWidth", "8.43")), max(height, 1.0)

    # -- dropdowns ----------------------------------------------------------------------------

    def drop_offers(self) -> bool:
        """Take our own dropdowns away. Whether there were any."""
        validations = self.find("dataValidations")
        if validations is None:
            return False
        ours = [v for v in validations if v.get("errorTitle") == OFFER_TITLE]
        for validation in ours:
            validations.remove(validation)
        if ours and not len(validations):
            self.root.remove(validations)
        elif ours:
            validations.set("count", str(len(validations)))
        return bool(ours)

    def has_validation(self, column: int, first: int, last: int) -> bool:
        """Whether something is said already of what rows of a column may hold."""
        for mark in self.root.iter(f"{{{self.main}}}dataValidation", "{*}sqref"):
            for part in (mark.get("sqref") or mark.text or "").split():
                left, top, right, bottom = _boundaries(part)
                if left <= column <= right and top <= last and bottom >= first:
                    return True
        return False

    def offer(self, column: int, first: int, last: int, formula: str, advice: str) -> None:
        """A dropdown in rows of a column; `formula` is a quoted list or a range of cells."""
        letter = get_column_letter(column + 1)
        validations = self.make("dataValidations")
        validation = etree.SubElement(validations, f"{{{self.main}}}dataValidation", type="list")
        validation.set("allowBlank", "1")
        validation.set("showErrorMessage", "1")
        # A warning, not a ban: an old word may be meant.
        validation.set("errorStyle", "warning")
        validation.set("errorTitle", OFFER_TITLE)
        validation.set("error", advice)
        validation.set("sqref", f"{letter}{first + 1}:{letter}{last + 1}")
        etree.SubElement(validation, f"{{{self.main}}}formula1").text = formula
        validations.set("count", str(len(validations)))


def _pixels(width: str) -> float:
    """A column's width, told in digits, in pixels."""
    return float(int(float(width) * 7 + 5))


def _plain(data: bytes) -> bytes:
    """A part without comments and the like, in which a tag might stand that is none."""
    body = data[data.find(b"?>") + 2 :] if data.startswith(b"<?xml") else data
    if b"<!" not in body and b"<?" not in body:
        return data
    parser = etree.XMLParser(
        resolve_entities=False, strip_cdata=True, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(data, parser)
    if root.getroottree().docinfo.doctype:
        raise UnusualPackageError("a part declares entities")
    return bytes(etree.tostring(root, encoding="UTF-8"))


def _boundaries(ref: str) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of 'B2:C9', from zero; a whole column has all rows."""
    try:
        left, top, right, bottom = range_boundaries(ref)
    except (ValueError, TypeError) as error:
        raise UnusualPackageError(f"no range: {ref}") from error
    return (left or 1) - 1, (top or 1) - 1, (right or MAX_COLUMNS) - 1, (bottom or MAX_ROWS) - 1


def _find_range(place: Place, ranges: list[tuple[int, int, int]]) -> Place:
    row, _column = place
    at = bisect_right(ranges, (row, MAX_ROWS, MAX_COLUMNS)) - 1
    if at >= 0 and ranges[at][0] <= row <= ranges[at][1]:
        return ranges[at][0], ranges[at][2]
    return place


class _Scan:
    """Goes through the rows once and notes which bytes are to be replaced by which."""

    def __init__(
        self,
        data: bytes,
        wanted: Collection[Place],
        stale: Collection[int],
        style_of: Callable[[Place, int], int],
        inherited: Mapping[int, int],
    ) -> None:
        self.data = data
        self.style_of = style_of
        self.inherited = inherited
        self.stale = frozenset(stale)
        told = b"|".join(b"%d" % style for style in stale)
        self.is_stale = re.compile(rb"\ss\s*=\s*[\"'](?:%b)[\"']" % told) if stale else None
        self.rows: dict[int, list[int]] = {}
        for row, column in sorted(wanted):
            self.rows.setdefault(row, []).append(column)
        self.order = list(self.rows)
        self.at = 0
        opening = _OPENING.match(data)
        self.prefix = b"" if opening is None else opening[1][: -len("sheetData")]
        self.edits: list[tuple[int, int, bytes]] = []
        self.hidden_rows: set[int] = set()

    def run(self) -> bytes:
        """The bytes with everything replaced."""
        row = -1
        for tag in _ROW_TAG.finditer(self.data):
            above, row = row, _row_number(tag[1], row)
            if row <= above:
                raise UnusualPackageError("rows out of order")
            if new := self._make_rows(row):
                self.edits.append((tag.start(), tag.start(), new))
            self._go_through_row(row, tag)
        if new := self._make_rows(MAX_ROWS):
            self._close(0, len(self.data), b"sheetData", new)
        return self._replace() if self.edits else self.data

    def _replace(self) -> bytes:
        parts, done = [], 0
        for start, end, new in self.edits:
            parts += [self.data[done:start], new]
            done = end
        return b"".join([*parts, self.data[done:]])

    def _go_through_row(self, row: int, tag: re.Match[bytes]) -> None:
        """Note what changes in a row, where anything does."""
        end = tag.end()
        if not tag[2]:
            end = self.data.find(b"</" + self.prefix + b"row", end)
            if end < 0:
                raise UnusualPackageError("a row without an end")
        is_wanted = self.at < len(self.order) and self.order[self.at] == row
        if not is_wanted:
            if self.is_stale and self.is_stale.search(self.data, tag.end(), end):
                self._go_through_cells(row, [], tag.end(), end, 0)
            return
        self.at += 1
        if _HIDDEN.search(tag[1]):
            self.hidden_rows.add(row)
        # The hint of which columns there are would be wrong.
        if spans := _SPANS.search(tag[1]):
            start = tag.start(1)
            self.edits.append((start + spans.start(), start + spans.end(), b""))
        style = _style_in(tag[1]) if b"customFormat" in tag[1] else 0
        missing = self._go_through_cells(row, self.rows[row], tag.end(), end, style)
        if missing:
            self._close(tag.start(), end, b"row", self._make_cells(row, missing, style))

    def _go_through_cells(
        self, row: int, columns: list[int], start: int, end: int, row_style: int
    ) -> list[int]:
        """Restyle the cells of a row. The answer is which columns lie behind its last cell."""
        pending, column = columns, -1
        for tag in _CELL_TAG.finditer(self.data, start, end):
            left = column
            reference = _LETTERS.search(tag[1])
            column = _column_number(reference[1].decode()) if reference else left + 1
            if column <= left:
                raise UnusualPackageError("cells out of order")
            before = [other for other in pending if other < column]
            if before:
                new = self._make_cells(row, before, row_style)
                self.edits.append((tag.start(), tag.start(), new))
            style = _style_in(tag[1])
            if column in pending or style in self.stale:
                self._edit_cell(tag, self.style_of((row, column), style))
            pending = [other for other in pending if other > column]
        return pending

    def _edit_cell(self, tag: re.Match[bytes], style: int) -> None:
        told, start = b' s="%d"' % style, tag.start(1)
        if known := _STYLE.search(tag[1]):
            self.edits.append((start + known.start(), start + known.end(), told))
        else:
            self.edits.append((start, start, told))

    def _close(self, start: int, end: int, name: bytes, new: bytes) -> None:
        """Put bytes before the end of an element, which may be one tag alone."""
        closing = b"</" + self.prefix + name + b">"
        tag = _TAG.match(self.data, start)
        if tag and tag[1]:
            at = tag.end()
            self.edits.append((at - 2, at, b">" + new + closing))
        else:
            at = self.data.rfind(b"</", start, end) if name == b"sheetData" else end
            self.edits.append((at, at, new))

    def _make_rows(self, before: int) -> bytes:
        """Rows that are not there, down to a row."""
        made = []
        while self.at < len(self.order) and self.order[self.at] < before:
            row = self.order[self.at]
            self.at += 1
            cells = self._make_cells(row, self.rows[row], 0)
            made.append(b'<%brow r="%d">%b</%brow>' % (self.prefix, row + 1, cells, self.prefix))
        return b"".join(made)

    def _make_cells(self, row: int, columns: Sequence[int], style: int) -> bytes:
        """Cells that are not there: blank, in the style of their row or column."""
        return b"".join(
            b'<%bc r="%b" s="%d"/>'
            % (
                self.prefix,
                address(row, column).encode(),
                self.style_of((row, column), style or self.inherited.get(column, 0)),
            )
            for column in columns
        )


def _row_number(attributes: bytes, above: int) -> int:
    told = _NUMBER.search(attributes)
    return int(told[1]) - 1 if told else above + 1


def _style_in(attributes: bytes) -> int:
    told = _STYLE.search(attributes)
    return int(told[1] or 0) if told else 0

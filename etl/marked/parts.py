"""An xlsx or xlsm as the parts it is made of: what is not touched stays byte for byte."""

from __future__ import annotations

import codecs
import io
import re
import zipfile
from copy import deepcopy
from dataclasses import dataclass
from posixpath import basename, dirname, join, normpath, relpath
from typing import Any

from lxml import etree

from etl.files.limits import LIMITS

TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = f"{{{_PACKAGE}/content-types}}"
LINKS = f"{{{_PACKAGE}/relationships}}"
_CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml"
WORKSHEET_TYPE = f"{_CONTENT}.worksheet+xml"
COMMENTS_TYPE = f"{_CONTENT}.comments+xml"
STYLES_TYPE = f"{_CONTENT}.styles+xml"
VML_TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_LINK_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
# So that the same workbook is the same bytes; the zip format knows no earlier day.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
# A new element is put before the first of those that the format wants behind it.
WORKBOOK_ORDER = (
    "fileVersion fileSharing workbookPr workbookProtection bookViews sheets functionGroups "
    "externalReferences definedNames calcPr oleSize customWorkbookViews pivotCaches smartTagPr "
    "smartTagTypes webPublishing fileRecoveryPr webPublishObjects extLst"
)
STYLES_ORDER = (
    "numFmts fonts fills borders cellStyleXfs cellXfs cellStyles dxfs tableStyles colors extLst"
)
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BLANK_STYLES = """<styleSheet xmlns="{}"><fonts count="1"><font><sz val="11"/><name val="宋体"/>
<charset val="134"/></font></fonts>
<fills count="2"><fill><patternFill patternType="none"/></fill>
<fill><patternFill patternType="gray125"/></fill></fills>
<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>
<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>
<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>
</styleSheet>"""


class UnusualPackageError(ValueError):
    """The package is not put together as the format says; its cells may be readable all the same."""


def parse_xml(data: bytes) -> Any:
    """The root element. Nothing outside the bytes is ever read, and no entity is filled in."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    root = etree.fromstring(data, parser)
    if root.getroottree().docinfo.doctype:
        raise UnusualPackageError("a part declares entities")
    return root


def as_utf8(data: bytes) -> bytes:
    """The bytes of a part in UTF-8, whatever encoding it says."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16")
        return re.sub(r"^<\?xml[^>]*\?>", "", text).encode()
    head = data[:200].split(b"?>")[0].lower()
    if b"encoding" in head and not re.search(rb"encoding\s*=\s*.(utf-?8|us-ascii)", head):
        return bytes(etree.tostring(parse_xml(data), encoding="UTF-8", xml_declaration=True))
    return data.removeprefix(codecs.BOM_UTF8)


def clean_text(text: str) -> str:
    """Text without what XML cannot hold, its lines ended in one way."""
    return _ILLEGAL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def insert_in_order(root: Any, element: Any, order: str) -> None:
    """Put a child where the format wants it among the others."""
    names = order.split()
    behind = set(names[names.index(etree.QName(element).localname) + 1 :])
    for place, child in enumerate(root):
        if isinstance(child.tag, str) and etree.QName(child).localname in behind:
            root.insert(place, element)
            return
    root.append(element)


def find_child(root: Any, name: str) -> Any:
    """The first child of that name in whatever namespace; None where there is none."""
    return next(iter(root.iterchildren(f"{{*}}{name}")), None)


@dataclass(frozen=True)
class Link:
    """A relationship of a part: its id, the last word of its kind, and the part that it leads to."""

    id: str
    kind: str
    target: str


class Parts:
    """The parts of a package by name ('xl/workbook.xml'); names are matched whatever their case."""

    def __init__(self, content: bytes) -> None:
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self._members = {_fold(info.filename): info for info in self._zip.infolist()}
        self._changed: dict[str, bytes] = {}
        self._gone: set[str] = set()
        if sum(info.file_size for info in self._members.values()) > LIMITS.unpacked:
            raise UnusualPackageError("the package unpacks to too much")

    def __contains__(self, part: str) -> bool:
        name = _fold(part)
        return name not in self._gone and (name in self._changed or name in self._members)

    def read(self, part: str) -> bytes:
        """The bytes of a part, as they are now."""
        name = _fold(part)
        if part not in self:
            raise UnusualPackageError(f"there is no part {part}")
        if name not in self._changed:
            return self._zip.read(self._members[name])
        return self._changed[name]

    def tree(self, part: str) -> Any:
        """The root element of a part; what is done to it counts once it is put back."""
        return parse_xml(self.read(part))

    def write(self, part: str, data: bytes) -> None:
        """Replace or add a part."""
        self._changed[_fold(part)] = data
        self._gone.discard(_fold(part))
        self._members.setdefault(_fold(part), zipfile.ZipInfo(part, _NO_TIME))

    def put(self, part: str, root: Any) -> None:
        """Replace or add a part by its root element."""
        data = etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True)
        self.write(part, data)

    def remove(self, part: str) -> None:
        """Take a part out, with its own relationships and its content type."""
        for name in (part, _links_of(part)):
            self._gone.add(_fold(name))
        types = self.tree("[Content_Types].xml")
        for mark in types.findall(f"{TYPES}Override"):
            if _fold(mark.get("PartName", "")) == _fold(part):
                types.remove(mark)
        self.put("[Content_Types].xml", types)

    def new_name(self, pattern: str) -> str:
        """A part name that is free, such as 'xl/comments{}.xml' numbered."""
        number = 1
        while pattern.format(number) in self:
            number += 1
        return pattern.format(number)

    def names(self, suffix: str) -> list[str]:
        """The names of all parts that end so."""
        return [i.filename for n, i in self._members.items() if n.endswith(suffix) and n in self]

    def content_type(self, part: str) -> str:
        """The content type that is declared for one part; '' where none is."""
        for mark in self.tree("[Content_Types].xml").findall(f"{TYPES}Override"):
            if _fold(mark.get("PartName", "")) == _fold(part):
                return str(mark.get("ContentType", ""))
        return ""

    def declare(self, kind: str, part: str = "", suffix: str = "") -> None:
        """Declare the content type of one part, or of all parts of a suffix."""
        types = self.tree("[Content_Types].xml")
        if suffix:
            known = {mark.get("Extension", "").lower() for mark in types.iter(f"{TYPES}Default")}
            if suffix not in known:
                default = etree.Element(f"{TYPES}Default", Extension=suffix, ContentType=kind)
                types.insert(0, default)
        else:
            etree.SubElement(types, f"{TYPES}Override", PartName=f"/{part}", ContentType=kind)
        self.put("[Content_Types].xml", types)

    def links(self, part: str) -> list[Link]:
        """The relationships of a part to other parts of the package; '' is the package itself."""
        where = _links_of(part)
        if where not in self:
            return []
        return [
            Link(
                mark.get("Id", ""),
                mark.get("Type", "").rpartition("/")[2],
                _resolve(part, mark.get("Target", "")),
            )
            for mark in self.tree(where).findall(f"{LINKS}Relationship")
            if mark.get("TargetMode") != "External"
        ]

    def link(self, part: str, kind: str, target: str) -> str:
        """Relate a part to another one. The answer is the id of the relationship."""
        where = _links_of(part)
        if where in self:
            root = self.tree(where)
        else:
            root = etree.Element(f"{LINKS}Relationships", nsmap={None: LINKS.strip("{}")})
            self.declare(_LINK_TYPE, suffix="rels")
        taken = {mark.get("Id") for mark in root}
        name = next(f"rIdShequ{n}" for n in range(1, len(taken) + 2) if f"rIdShequ{n}" not in taken)
        etree.SubElement(
            root, f"{LINKS}Relationship", Id=name, Type=kind, Target=_relative(part, target)
        )
        self.put(where, root)
        return name

    def unlink(self, part: str, name: str) -> None:
        """Take a relationship away by its id."""
        root = self.tree(_links_of(part))
        for mark in root.findall(f"{LINKS}Relationship"):
            if mark.get("Id") == name:
                root.remove(mark)
        self.put(_links_of(part), root)

    def save(self) -> bytes:
        """The package with all that was changed."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as package:
            for name, info in self._members.items():
                if name in self._gone or name.endswith("/"):
                    continue
                kept = zipfile.ZipInfo(info.filename.replace("\\", "/"), info.date_time)
                kept.compress_type = zipfile.ZIP_DEFLATED
                data = self._changed.get(name)
                package.writestr(kept, self._zip.read(info) if data is None else data)
        return buffer.getvalue()


def _fold(part: str) -> str:
    return part.replace("\\", "/").lstrip("/").casefold()


def _links_of(part: str) -> str:
    return join(dirname(part), "_rels", f"{basename(part)}.rels")


def _resolve(part: str, target: str) -> str:
    return normpath(join("/", dirname(part), target)).lstrip("/")


def _relative(part: str, target: str) -> str:
    return relpath(target, dirname(part) or ".")


@dataclass(eq=False)
class SheetPart:
    """A sheet of a book: its title as people see it, its part, its entry in the list of sheets."""

    title: str
    part: str
    entry: Any
    is_worksheet: bool

    @property
    def is_hidden(self) -> bool:
        """Whether people have to unhide it first."""
        return bool(self.entry.get("state", "visible") != "visible")


class Book:
    """A workbook: its list of sheets and its styles, over its parts.

    Raises
    ------
    UnusualPackageError, zipfile.BadZipFile, lxml.etree.XMLSyntaxError
        It is none, or not put together as the format says.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.parts = Parts(content)
        self.part = self._only_link("", "officeDocument")
        self.root = self.parts.tree(self.part)
        self.main = etree.QName(self.root).namespace
        self.relations = STRICT if "purl.oclc.org" in str(self.main) else TRANSITIONAL
        self.sheets = list(self._list_sheets())
        self.styles_part = next(
            (link.target for link in self.parts.links(self.part) if link.kind == "styles"), ""
        )
        if not self.styles_part:
            self._add_styles()
        self.styles = Styles(self.parts.tree(self.styles_part))

    @property
    def has_macros(self) -> bool:
        """Whether it must go by the suffix .xlsm."""
        return "macroenabled" in self.parts.content_type(self.part).lower()

    def _only_link(self, part: str, kind: str) -> str:
        for link in self.parts.links(part):
            if link.kind == kind:
                return link.target
        raise UnusualPackageError(f"no {kind}")

    def _list_sheets(self) -> list[SheetPart]:
        links = {link.id: link for link in self.parts.links(self.part)}
        sheets = []
        for entry in self.root.findall(f"{{{self.main}}}sheets/{{{self.main}}}sheet"):
            link = links.get(entry.get(f"{{{self.relations}}}id", ""))
            if link is None:
                raise UnusualPackageError("a sheet without a part")
            sheets.append(
                SheetPart(entry.get("name", ""), link.target, entry, link.kind == "worksheet")
            )
        return sheets

    def _add_styles(self) -> None:
        usual = "xl/styles.xml"
        is_free = usual not in self.parts
        self.styles_part = usual if is_free else self.parts.new_name("xl/styles{}.xml")
        self.parts.write(self.styles_part, _BLANK_STYLES.format(self.main).encode())
        self.parts.declare(STYLES_TYPE, part=self.styles_part)
        self.parts.link(self.part, f"{self.relations}/styles", self.styles_part)

    def remove_sheet(self, sheet: SheetPart) -> None:
        """Take a sheet out, with whatever names point into it alone."""
        position = self.sheets.index(sheet)
        for link in self.parts.links(sheet.part):
            if link.kind in ("comments", "vmlDrawing", "printerSettings"):
                self.parts.remove(link.target)
        self.parts.remove(sheet.part)
        self.parts.unlink(self.part, sheet.entry.get(f"{{{self.relations}}}id"))
        sheet.entry.getparent().remove(sheet.entry)
        self.sheets.remove(sheet)
        self._shift_names(position, -1)

    def add_sheet(
        self, title: str, data: bytes, position: int, is_hidden: bool = False
    ) -> SheetPart:
        """Add a worksheet at a position, from zero."""
        part = self.parts.new_name("xl/worksheets/sheet{}.xml")
        self.parts.write(part, data)
        self.parts.declare(WORKSHEET_TYPE, part=part)
        name = self.parts.link(self.part, f"{self.relations}/worksheet", part)
        entry = etree.Element(f"{{{self.main}}}sheet", name=title)
        numbers = [int(sheet.entry.get("sheetId", "0")) for sheet in self.sheets]
        entry.set("sheetId", str(max(numbers, default=0) + 1))
        entry.set(f"{{{self.relations}}}id", name)
        if is_hidden:
            entry.set("state", "veryHidden")
        find_child(self.root, "sheets").insert(position, entry)
        self._shift_names(position, 1)
        sheet = SheetPart(title, part, entry, is_worksheet=True)
        self.sheets.insert(position, sheet)
        return sheet

    def free_title(self, wanted: str, other: str) -> str:
        """A title that no sheet has: the wanted one, else the other, else that numbered."""
        taken = {sheet.title.casefold() for sheet in self.sheets}
        titles = [wanted, other, *(f"{other}{n}" for n in range(2, len(taken) + 3))]
        return next(title for title in titles if title.casefold() not in taken)

    def _shift_names(self, position: int, step: int) -> None:
        """Names of one sheet tell it by its position: those behind move along."""
        names = find_child(self.root, "definedNames")
        for name in [] if names is None else list(names):
            where = int(name.get("localSheetId", "-1"))
            if step < 0 and where == position:
                names.remove(name)
            elif where >= position:
                name.set("localSheetId", str(where + step))
        if names is not None and not len(names):
            self.root.remove(names)

    def add_name(self, name: str, formula: str, position: int, is_hidden: bool = False) -> None:
        """Define a name on the sheet at a position."""
        names = find_child(self.root, "definedNames")
        if names is None:
            names = etree.Element(f"{{{self.main}}}definedNames")
            insert_in_order(self.root, names, WORKBOOK_ORDER)
        defined = etree.SubElement(names, f"{{{self.main}}}definedName", name=name)
        defined.set("localSheetId", str(position))
        if is_hidden:
            defined.set("hidden", "1")
        defined.text = formula

    def open_on(self, sheet: SheetPart) -> None:
        """Make a sheet the one that is shown when the file is opened."""
        views = find_child(self.root, "bookViews")
        if views is None:
            views = etree.Element(f"{{{self.main}}}bookViews")
            etree.SubElement(views, f"{{{self.main}}}workbookView")
            insert_in_order(self.root, views, WORKBOOK_ORDER)
        for view in views:
            view.set("activeTab", str(self.sheets.index(sheet)))
            view.attrib.pop("firstSheet", None)

    def save(self) -> bytes:
        """The workbook with all that was changed."""
        self.parts.put(self.part, self.root)
        self.parts.put(self.styles_part, self.styles.root)
        return self.parts.save()


class Styles:
    """The styles of a workbook; new ones are made from those it has."""

    def __init__(self, root: Any) -> None:
        self.root = root
        self.main = etree.QName(root).namespace
        self._complete()
        self._xfs = find_child(root, "cellXfs")
        self._fills = find_child(root, "fills")
        self._made: dict[tuple[tuple[str, str], ...], int] = {}
        self._known = {_tell(xf): number for number, xf in enumerate(self._xfs)}

    def _complete(self) -> None:
        """What every workbook of styles has, where it is lacking; two fills are spoken for."""
        for group in parse_xml(_BLANK_STYLES.format(self.main).encode()):
            own = find_child(self.root, etree.QName(group).localname)
            if own is None:
                insert_in_order(self.root, deepcopy(group), STYLES_ORDER)
            elif len(own) < len(group):
                own.extend(list(group)[len(own) :])
                own.set("count", str(len(own)))

    def fill_of(self, style: int) -> int:
        """Which fill a style has; 0 is none."""
        if not 0 <= style < len(self._xfs):
            return 0
        number = int(self._xfs[style].get("fillId", "0"))
        return number if 0 < number < len(self._fills) and not self._is_none(number) else 0

    def _is_none(self, number: int) -> bool:
        pattern = find_child(self._fills[number], "patternFill")
        return pattern is not None and pattern.get("patternType", "none") == "none"

    def find_fills(self, colours: set[str]) -> set[int]:
        """The fills that are plainly one of these colours ('FFRRGGBB')."""
        found = set()
        for number, fill in enumerate(self._fills):
            pattern = find_child(fill, "patternFill")
            if pattern is None or pattern.get("patternType") != "solid":
                continue
            colour = find_child(pattern, "fgColor")
            if colour is not None and colour.get("rgb", "").upper() in colours:
                found.add(number)
        return found

    def with_fills(self, fills: set[int]) -> set[int]:
        """The styles that have one of these fills."""
        return {n for n, xf in enumerate(self._xfs) if int(xf.get("fillId", "0")) in fills}

    def colour(self, rgb: str) -> int:
        """The fill that is plainly of a colour, made where there is none."""
        for known in self.find_fills({rgb}):
            return known
        return self.add(
            "fills",
            f'<fill><patternFill patternType="solid"><fgColor rgb="{rgb}"/>'
            '<bgColor indexed="64"/></patternFill></fill>',
        )

    def add(self, group: str, xml: str) -> int:
        """The number of a font, fill or border, added where there is none like it."""
        parent = find_child(self.root, group)
        child = parse_xml(xml.replace(">", f' xmlns="{self.main}">', 1).encode())
        told = _tell(child)
        for number, known in enumerate(parent):
            if _tell(known) == told:
                return number
        parent.append(child)
        parent.set("count", str(len(parent)))
        return len(parent) - 1

    def number_format(self, code: str) -> int:
        """The number of a number format, made where there is none."""
        formats = find_child(self.root, "numFmts")
        if formats is None:
            formats = etree.Element(f"{{{self.main}}}numFmts")
            insert_in_order(self.root, formats, STYLES_ORDER)
        for known in formats:
            if known.get("formatCode") == code:
                return int(known.get("numFmtId"))
        number = max([163, *(int(known.get("numFmtId", "0")) for known in formats)]) + 1
        etree.SubElement(formats, f"{{{self.main}}}numFmt", numFmtId=str(number), formatCode=code)
        formats.set("count", str(len(formats)))
        return number

    def variant(self, style: int, wraps: bool = False, **attributes: int) -> int:
        """A style like another one but for some attributes (fillId, fontId, numFmtId, …)."""
        asked: tuple[tuple[str, str], ...] = (("", str(style)), ("wraps", str(wraps)))
        asked += tuple((name, str(value)) for name, value in sorted(attributes.items()))
        if asked not in self._made:
            self._made[asked] = self._make(style, wraps, attributes)
        return self._made[asked]

    def _make(self, style: int, wraps: bool, attributes: dict[str, int]) -> int:
        xf = deepcopy(self._xfs[style if 0 <= style < len(self._xfs) else 0])
        for name, value in attributes.items():
            xf.set(name, str(value))
            if name.endswith("Id") and name != "xfId":
                kind = name.removesuffix("Id").replace("numFmt", "NumberFormat")
                xf.set(f"apply{kind[0].upper()}{kind[1:]}", "1")
        if wraps:
            self._wrap(xf)
        known = self._known.setdefault(_tell(xf), len(self._xfs))
        if known == len(self._xfs):
            self._xfs.append(xf)
            self._xfs.set("count", str(len(self._xfs)))
        return known

    def _wrap(self, xf: Any) -> None:
        for old in xf.findall(f"{{{self.main}}}alignment"):
            xf.remove(old)
        alignment = etree.Element(f"{{{self.main}}}alignment", wrapText="1", vertical="top")
        xf.insert(0, alignment)
        xf.set("applyAlignment", "1")


def _tell(element: Any) -> bytes:
    """The same bytes for elements that say the same."""
    return bytes(etree.tostring(element, method="c14n", exclusive=True, with_tail=False))

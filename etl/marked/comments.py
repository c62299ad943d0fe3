"""Comments on the cells of a worksheet, and the boxes in which programs draw them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from etl.marked.marking import MAX_COLUMNS, Place, Worksheet, parse_address
from etl.marked.parts import (
    COMMENTS_TYPE,
    VML_TYPE,
    Book,
    SheetPart,
    UnusualPackageError,
    clean_text,
    find_child,
)
from etl.sheet import address

AUTHOR = "社区地图"
# With this every comment of ours begins, also where a program forgets who wrote it.
OPENING = "【社区地图】"
_SAMPLE = re.compile(r"（原有底色已记下：(\d+) 号）")
_THREAD = "tc="


def tell_sample(number: int) -> str:
    """The line of a comment that tells which fill the cell had."""
    return f"（原有底色已记下：{number} 号）"


class Notes:
    """The comments of one worksheet: a part of their own, and the part that draws their boxes."""

    def __init__(self, book: Book, sheet: SheetPart) -> None:
        self._book = book
        self._sheet = sheet
        links = book.parts.links(sheet.part)
        self._part = next((link.target for link in links if link.kind == "comments"), "")
        self._vml = ""
        self._root: Any = book.parts.tree(self._part) if self._part else None
        self._links = {link.id: link.target for link in links}
        self._redrawn: dict[Place, str | None] = {}

    def drop_ours(self) -> dict[Place, int]:
        """Take away what we said earlier. The answer tells, for each such cell, its fill's number."""
        samples: dict[Place, int] = {}
        for comment, place in self._comments():
            text = _text_of(comment)
            at = text.find(OPENING)
            if at < 0 or self._author_of(comment).startswith(_THREAD):
                continue
            told = _SAMPLE.search(text, at)
            samples[place] = int(told[1]) if told else 0
            if text[:at].strip() in ("", f"{AUTHOR}:", f"{AUTHOR}："):
                comment.getparent().remove(comment)
                self._redrawn[place] = None
            else:
                _cut_text(comment, len(text[:at].rstrip("\n")))
                self._redrawn[place] = _text_of(comment)
        return samples

    def add(self, texts: Mapping[Place, str]) -> None:
        """Say something of some cells, behind what others said."""
        if not texts:
            return
        if self._root is None:
            self._make_part()
        known = {place: comment for comment, place in self._comments()}
        author = str(self._our_author())
        listed = find_child(self._root, "commentList")
        for place, text in texts.items():
            comment = known.get(place)
            if comment is None:
                comment = etree.SubElement(listed, self._tag("comment"), ref=address(*place))
                comment.set("authorId", author)
                etree.SubElement(comment, self._tag("text"))
            elif self._author_of(comment).startswith(_THREAD):
                continue  # a conversation, of which this is only a shadow for old programs
            else:
                text = f"\n{text}"
            self._say(comment, text)
            self._redrawn[place] = _text_of(comment)
        self._sort(listed)

    @property
    def is_changed(self) -> bool:
        """Whether anything was said or taken back."""
        return bool(self._redrawn)

    def save(self, worksheet: Worksheet) -> None:
        """Write the parts back, where anything was changed."""
        if not self._redrawn:
            return
        self._book.parts.put(self._part, self._root)
        self._draw(worksheet)

    def _tag(self, name: str) -> str:
        return f"{{{self._book.main}}}{name}"

    def _comments(self) -> list[tuple[Any, Place]]:
        """Every comment with its cell."""
        listed = None if self._root is None else find_child(self._root, "commentList")
        found = []
        for comment in [] if listed is None else listed.iterchildren("{*}comment"):
            if place := parse_address(comment.get("ref", "")):
                found.append((comment, place))
        return found

    def _author_of(self, comment: Any) -> str:
        authors = list(find_child(self._root, "authors"))
        number = int(comment.get("authorId", "0"))
        return (authors[number].text or "") if number < len(authors) else ""

    def _our_author(self) -> int:
        authors = find_child(self._root, "authors")
        for number, author in enumerate(authors):
            if author.text == AUTHOR:
                return number
        etree.SubElement(authors, self._tag("author")).text = AUTHOR
        return len(authors) - 1

    def _make_part(self) -> None:
        parts = self._book.parts
        self._part = parts.new_name("xl/comments{}.xml")
        self._root = etree.Element(self._tag("comments"), nsmap={None: self._book.main})
        etree.SubElement(self._root, self._tag("authors"))
        etree.SubElement(self._root, self._tag("commentList"))
        parts.declare(COMMENTS_TYPE, part=self._part)
        parts.link(self._sheet.part, f"{self._book.relations}/comments", self._part)

    def _say(self, comment: Any, text: str) -> None:
        """A stretch of text, in a font that has the letters."""
        run = etree.SubElement(find_child(comment, "text"), self._tag("r"))
        style = etree.SubElement(run, self._tag("rPr"))
        etree.SubElement(style, self._tag("sz"), val="10")
        etree.SubElement(style, self._tag("color"), indexed="81")
        etree.SubElement(style, self._tag("rFont"), val="宋体")
        etree.SubElement(style, self._tag("charset"), val="134")
        said = etree.SubElement(run, self._tag("t"))
        said.text = clean_text(text)
        said.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")

    @staticmethod
    def _sort(listed: Any) -> None:
        """By rows, as programs write them."""
        listed[:] = sorted(listed, key=lambda c: parse_address(c.get("ref", "")) or (0, 0))

    def _draw(self, worksheet: Worksheet) -> None:
        """Boxes for the comments that are new or changed, none for those that are gone."""
        parts = self._book.parts
        drawing = worksheet.find("legacyDrawing")
        name = None if drawing is None else drawing.get(f"{{{self._book.relations}}}id")
        self._vml = self._links.get(name or "", "")
        if not self._vml:
            self._vml = parts.new_name("xl/drawings/vmlDrawing{}.vml")
            parts.declare(VML_TYPE, suffix="vml")
            kind = f"{self._book.relations}/vmlDrawing"
            name = parts.link(self._sheet.part, kind, self._vml)
            worksheet.make("legacyDrawing").set(f"{{{self._book.relations}}}id", name)
        old = parts.read(self._vml).decode("utf-8-sig", "surrogateescape") if (
            self._vml in parts
        ) else _BLANK_VML  # fmt: skip
        taken = _taken_blocks(
            parts.read(part).decode("utf-8", "replace") for part in parts.names(".vml")
        )
        drawn = redraw(old, self._redrawn, max(taken, default=0) + 1, worksheet)
        parts.write(self._vml, drawn.encode("utf-8", "surrogateescape"))


def _text_of(comment: Any) -> str:
    return "".join(part.text or "" for part in _texts(comment))


def _texts(comment: Any) -> Iterable[Any]:
    """The stretches of a comment's text; what tells how to read aloud is none."""
    for part in comment.iter("{*}t"):
        if etree.QName(part.getparent()).localname != "rPh":
            yield part


def _cut_text(comment: Any, length: int) -> None:
    """Keep the beginning of a comment's text."""
    for part in list(_texts(comment)):
        text = part.text or ""
        part.text = text[: max(length, 0)]
        length -= len(text)
        holder = part.getparent()
        if not part.text and etree.QName(holder).localname == "r":
            holder.getparent().remove(holder)


# -- boxes of comments --------------------------------------------------------------------------

_NAMESPACES = {
    "v": "urn:schemas-microsoft-com:vml",
    "o": "urn:schemas-microsoft-com:office:office",
    "x": "urn:schemas-microsoft-com:office:excel",
}
_TOLD = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in _NAMESPACES.items())
_BLANK_VML = f'<xml {_TOLD}>\n<o:shapelayout v:ext="edit"></o:shapelayout>\n</xml>'
_BOX_TYPE = (
    '<v:shapetype id="_x0000_t202" {told}coordsize="21600,21600" o:spt="202" '
    'path="m,l,21600r21600,l21600,xe"><v:stroke joinstyle="miter"/>'
    '<v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>\n'
)
_BOX = (
    '<v:shape id="_x0000_s{id}" {told}type="#_x0000_t202" style="position:absolute;'
    "margin-left:80pt;margin-top:2pt;width:{width}pt;height:{height}pt;z-index:{order};"
    'visibility:{visibility}" fillcolor="#ffffe1" o:insetmode="auto"><v:fill color2="#ffffe1"/>'
    '<v:shadow on="t" color="black" obscured="t"/><v:path o:connecttype="none"/>'
    '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
    '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>{visible}'
    "<x:Anchor>{anchor}</x:Anchor>"
    "<x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column>"
    "</x:ClientData></v:shape>\n"
)
_SHAPE = re.compile(r"<((?:[\w.-]+:)?shape)\s.*?</\1>\s*", re.DOTALL)
_ROW = re.compile(r"<(?:[\w.-]+:)?Row>\s*(\d+)\s*<")
_COLUMN = re.compile(r"<(?:[\w.-]+:)?Column>\s*(\d+)\s*<")
_VISIBLE = re.compile(r"<(?:[\w.-]+:)?Visible\s*(?:/>|>)")
_BLOCKS = re.compile(r"(<(?:[\w.-]+:)?idmap\s[^>]*?data=[\"'])([\d,]*)")
_END = re.compile(r"</(?:[\w.-]+:)?xml>\s*$")
# Shapes are numbered in blocks of so many, each for one sheet; the first number is not used.
_BLOCK, _PER_BLOCK = 1024, 1023
_NUMBERED = re.compile(r"[\"']_x0000_s(\d+)[\"']")
# Points, and a gap in pixels between a cell and its box.
LETTERS_PER_LINE, LETTER, LINE, MARGIN, _GAP = 24, 10.5, 15.0, 12.0, 12


def _taken_blocks(drawings: Iterable[str]) -> list[int]:
    """Blocks of shape numbers that are used somewhere in the book."""
    return [
        int(block)
        for drawing in drawings
        for match in _BLOCKS.finditer(drawing)
        for block in match[2].split(",")
        if block
    ]


def redraw(vml: str, notes: Mapping[Place, str | None], block: int, worksheet: Worksheet) -> str:
    """The drawing with boxes for some comments, sized to their text; None takes a box away.

    `block` is the first block of shape numbers that is free.
    """
    shown: set[Place] = set()

    def drop(match: re.Match[str]) -> str:
        row, column = _ROW.search(match[0]), _COLUMN.search(match[0])
        if 'Note"' not in match[0] or not row or not column:
            return match[0]
        place = int(row[1]), int(column[1])
        if _VISIBLE.search(match[0]):
            shown.add(place)
        return "" if place in notes else match[0]

    vml = _SHAPE.sub(drop, vml)
    texts = {place: text for place, text in notes.items() if text is not None}
    if not texts:
        return vml
    if not _END.search(vml):
        raise UnusualPackageError("a drawing without an end")
    head = vml[:1000]
    told = "" if all(f'xmlns:{p}="{n}"' in head for p, n in _NAMESPACES.items()) else f"{_TOLD} "
    boxes = "" if 'id="_x0000_t202"' in vml else _BOX_TYPE.format(told=told)
    blocks = _choose_blocks(vml, -(-len(texts) // _PER_BLOCK), block)
    for order, (place, text) in enumerate(sorted(texts.items())):
        number = blocks[order // _PER_BLOCK] * _BLOCK + order % _PER_BLOCK + 1
        boxes += _draw_box(place, text, number, told, place in shown, worksheet)
    vml = _tell_blocks(vml, blocks)
    return _END.sub(lambda match: boxes + match[0], vml)


def _choose_blocks(vml: str, count: int, block: int) -> list[int]:
    """Blocks of numbers for new shapes: the drawing's own that are empty, then free ones."""
    used = {int(number) // _BLOCK for number in _NUMBERED.findall(vml)}
    empty = [own for own in _taken_blocks([vml]) if own not in used]
    return [*empty, *range(block, block + count)][:count]


def _tell_blocks(vml: str, blocks: list[int]) -> str:
    """Tell which blocks of numbers this drawing uses."""
    told = ",".join(map(str, sorted({*_taken_blocks([vml]), *blocks})))
    if _BLOCKS.search(vml):
        return _BLOCKS.sub(lambda match: match[1] + told, vml, count=1)
    idmap = f'<o:idmap v:ext="edit" data="{told}"/>'
    if "</o:shapelayout>" not in vml:
        return vml
    return re.sub(r"(<o:shapelayout\s[^>]*>)", rf"\1{idmap}", vml, count=1)


def _draw_box(
    place: Place, text: str, number: int, told: str, is_shown: bool, worksheet: Worksheet
) -> str:
    lines = sum(1 + int(_width_of(line) - 0.5) // LETTERS_PER_LINE for line in text.split("\n"))
    width, height = LETTERS_PER_LINE * LETTER + MARGIN, min(lines, 30) * LINE + MARGIN
    # In pixels, right of the cell and a little higher: column, offset, row, offset, twice.
    row, column = max(place[0] - 1, 0), min(place[1] + 1, MAX_COLUMNS - 1)
    right = worksheet.reach_column(column, _GAP + width * 4 / 3)
    bottom = worksheet.reach_row(row, _GAP + height * 4 / 3)
    anchor = (column, _GAP, row, _GAP, *right, *bottom)
    return _BOX.format(
        id=number,
        told=told,
        order=number % _BLOCK,
        width=width,
        height=height,
        anchor=", ".join(map(str, anchor)),
        visibility="visible" if is_shown else "hidden",
        visible="<x:Visible/>" if is_shown else "",
        row=place[0],
        column=place[1],
    )


def _width_of(text: str) -> float:
    """How wide a line is, in Chinese letters."""
    return sum(1.0 if ord(letter) > 0x2E7F else 0.55 for letter in text)

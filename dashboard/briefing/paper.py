"""A paper laid out by GB/T 9704-2012: page, fonts, headings, tables, page numbers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal
from xml.sax.saxutils import escape

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph

from dashboard.briefing.pinned import pin_package
from dashboard.words import look_up, say
from etl.briefing.model import split_cited

# A4; the type area is 156 × 225 mm, 22 lines of 28 characters.
PAGE_MM = (210, 297)
TOP_MM, LEFT_MM, WIDTH_MM, HEIGHT_MM = 37, 28, 156, 225
LINES = 22
TITLE_PT, BODY_PT, TABLE_PT, NUMBER_PT = 22, 16, 12, 14
MASTHEAD_PT, FINE_PT = 40, 9
# Down to a twentieth of a point, which is how files count: rounded up the last line would not fit.
LINE_PT = int(HEIGHT_MM / 25.4 * 72 / LINES * 20) / 20
# 28 characters in a line: each stands a quarter of a point closer than its size would have it.
CHARACTERS = 28
CLOSER_PT = 0.25
LATIN = "Times New Roman"
RED = RGBColor(0xC8, 0x10, 0x2E)
# 一、 （一） 1. as the standard numbers headings; the fourth depth is plain text.
DEPTHS = 3
_CELL_MARGIN = "60"


class Paper:
    """A document under construction; sizes and fonts are set in its styles, to be changed there."""

    def __init__(
        self, title: str, subtitle: str = "", opening: Sequence[tuple[str, str]] = (),
        marks: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        """`opening` are lines above the title with their styles; `marks` numbers cited figures."""
        self.document: DocumentType = Document()
        self._counts = [0] * DEPTHS
        self._captions = {"table": 0, "picture": 0}
        self._marks = marks or {}
        self._ids: dict[str, str] = {}
        self._set_page()
        self._set_styles()
        self._number_pages()
        self.document.core_properties.title = title
        self.document.core_properties.author = ""
        self.document.core_properties.comments = ""
        for text, style in opening:
            self.line(text, style)
        self.document.add_paragraph(title, style="Title")
        if subtitle:
            self.document.add_paragraph(subtitle, style="Subtitle")

    # -- what is written ---------------------------------------------------------------------

    def heading(self, text: str, depth: int = 1) -> None:
        """A heading with its number: 一、 then （一） then 1.; at depth 0 one without."""
        if not depth:
            self.line(text, "Annex Heading").paragraph_format.keep_with_next = True
            return
        self._counts[depth - 1] += 1
        self._counts[depth:] = [0] * (DEPTHS - depth)
        count = self._counts[depth - 1]
        number = write_number(count) if depth < DEPTHS else str(count)
        told = say(f"paper.heading.{depth}", number=number, text=text)
        self.line(told, f"Heading {depth}")

    def paragraph(self, text: str) -> None:
        """A paragraph of the body, its first line set in by two characters."""
        self.line(text, "Normal")

    def line(self, text: str, style: str) -> Paragraph:
        """A paragraph in a style; cited figures in it carry the number of their mark."""
        paragraph = self.document.add_paragraph()
        # By its id, looked up once: the library goes through all styles for every paragraph.
        paragraph._p.style = self._ids.get(style) or self._find_id(style)
        self._fill(paragraph, text)
        return paragraph

    def _find_id(self, style: str) -> str:
        self._ids[style] = self.document.styles[style].style_id
        return self._ids[style]

    def _fill(self, paragraph: Paragraph, text: str) -> None:
        for piece, figure_id in split_cited(text):
            paragraph.add_run(piece)
            if figure_id in self._marks:
                mark = paragraph.add_run(f"[{self._marks[figure_id]}]")
                mark.font.superscript = True

    def caption(self, kind: Literal["table", "picture"], text: str) -> None:
        """What a table or picture shows, with its number; it stays with what it belongs to."""
        self._captions[kind] += 1
        told = say(f"paper.caption.{kind}", number=self._captions[kind], text=text)
        self.line(told, "Caption")

    def items(self, lines: Iterable[str]) -> None:
        """Sentences one under the other, numbered （1） （2）."""
        for number, line in enumerate(lines, start=1):
            self.paragraph(say("paper.item", number=number, text=line))

    def note(self, text: str) -> None:
        """A remark in smaller letters, under a table."""
        self.line(text, "Note")

    def table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        widths: Sequence[int] = (),
        row_mm: float = 0,
        *,
        fine: bool = False,
    ) -> None:
        """A ruled table as wide as the type area; its header is repeated on every page.

        `widths` are in proportion, one a column; rows are `row_mm` high at least. Where it is
        `fine`, letters are small.
        """
        shares = list(widths) or [1] * len(heads)
        twips = [round(WIDTH_MM * share / sum(shares) / 25.4 * 1440) for share in shares]
        table = self.document.add_table(rows=0, cols=len(heads), style="Table Grid")
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = False
        for column, wide in zip(table._tbl.tblGrid.gridCol_lst, twips, strict=True):
            column.set(qn("w:w"), str(wide))
        text = "Fine Text" if fine else "Table Text"
        ids = {name: self.document.styles[name].style_id for name in ("Table Head", text)}
        lines = [self._make_row(heads, ids["Table Head"], twips, is_head=True)]
        lines += [self._make_row(row, ids[text], twips, row_mm=row_mm) for row in rows]
        for line in lines:
            table._tbl.append(line)
        _space_cells(table)

    def _make_row(
        self, cells: Sequence[str], style: str, twips: Sequence[int], *, is_head: bool = False,
        row_mm: float = 0,
    ) -> Any:  # fmt: skip
        """A row as XML, many times faster than cell by cell; it is not torn apart at a page's end."""
        told = "<w:cantSplit/>"
        if row_mm:
            told += f'<w:trHeight w:val="{round(row_mm / 25.4 * 1440)}"/>'
        if is_head:
            told += "<w:tblHeader/>"
        body = "".join(
            f'<w:tc><w:tcPr><w:tcW w:w="{wide}" w:type="dxa"/></w:tcPr>'
            f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{self._write_runs(text)}</w:p></w:tc>'
            for text, wide in zip(cells, twips, strict=True)
        )
        return parse_xml(f"<w:tr {nsdecls('w')}><w:trPr>{told}</w:trPr>{body}</w:tr>")

    def _write_runs(self, text: str) -> str:
        """Runs of a sentence as XML; what a sheet holds is escaped."""
        runs = []
        for piece, figure_id in split_cited(text):
            runs.append(f'<w:r><w:t xml:space="preserve">{escape(piece)}</w:t></w:r>')
            if figure_id in self._marks:
                raised = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
                runs.append(f"<w:r>{raised}<w:t>[{self._marks[figure_id]}]</w:t></w:r>")
        return "".join(runs)

    def picture(self, content: bytes, caption: str, width_mm: float) -> None:
        """A picture in the middle of the line, with what it shows under it."""
        self.draw(content, width_mm)
        under = self.document.add_paragraph(caption, style="Note")
        under.alignment = WD_ALIGN_PARAGRAPH.CENTER

    def draw(self, content: bytes, width_mm: float) -> None:
        """A picture in the middle of the line, kept with what follows."""
        line = self.document.add_paragraph(style="Note")
        line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        line.paragraph_format.keep_with_next = True
        line.add_run().add_picture(io.BytesIO(content), width=Mm(width_mm))

    def page_break(self) -> None:
        """Go on on a new page."""
        self.document.add_page_break()

    def save(self) -> bytes:
        """The document as a file."""
        held = io.BytesIO()
        self.document.save(held)
        return pin_package(held.getvalue())

    # -- how it looks ------------------------------------------------------------------------

    def _set_page(self) -> None:
        section = self.document.sections[0]
        section.page_width, section.page_height = (Mm(side) for side in PAGE_MM)
        section.top_margin, section.left_margin = Mm(TOP_MM), Mm(LEFT_MM)
        section.right_margin = Mm(PAGE_MM[0] - LEFT_MM - WIDTH_MM)
        section.bottom_margin = Mm(PAGE_MM[1] - TOP_MM - HEIGHT_MM)
        section.footer_distance = Mm(PAGE_MM[1] - TOP_MM - HEIGHT_MM - 14)

    def _set_styles(self) -> None:
        styles = self.document.styles
        body = styles["Normal"]
        _set_font(body, "body", BODY_PT)
        _set_lines(body, LINE_PT)
        body.paragraph_format.first_line_indent = Pt(2 * BODY_PT)
        body.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
        for name, font, size in (("Title", "title", TITLE_PT), ("Subtitle", "kai", BODY_PT)):
            style = styles[name]
            _set_font(style, font, size)
            _set_lines(style, LINE_PT * (1.25 if name == "Title" else 1))
            _drop_borders(style)
            style.paragraph_format.first_line_indent = Pt(0)
            style.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
            style.paragraph_format.space_after = Pt(LINE_PT / 2)
        for depth, font in enumerate(("hei", "kai", "body"), start=1):
            style = styles[f"Heading {depth}"]
            _set_font(style, font, BODY_PT, bold=depth == DEPTHS)
            _set_lines(style, LINE_PT)
            style.paragraph_format.first_line_indent = Pt(2 * BODY_PT)
            style.paragraph_format.space_before = Pt(0)
            style.paragraph_format.space_after = Pt(0)
            style.paragraph_format.keep_with_next = True
        for name, font, bold in (("Table Head", "hei", False), ("Table Text", "body", False),
                                 ("Note", "body", False), ("Fine Text", "body", False)):  # fmt: skip
            style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = styles["Normal"]
            size = FINE_PT if name == "Fine Text" else TABLE_PT
            _set_font(style, font, size, bold=bold)
            style.paragraph_format.first_line_indent = Pt(0)
            style.paragraph_format.line_spacing_rule = WD_LINE_SPACING.AT_LEAST
            style.paragraph_format.line_spacing = Pt(size * 1.3)
            style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(1.5)
            style.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.LEFT
        styles["Table Head"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        self._set_opening_styles()
        styles["Note"].paragraph_format.space_before = Pt(4)
        styles["Note"].paragraph_format.space_after = Pt(8)

    def _set_opening_styles(self) -> None:
        """The masthead, the line with number and date, captions, and what closes a paper."""
        styles = self.document.styles
        caption = styles["Caption"]
        _set_font(caption, "hei", TABLE_PT)
        caption.paragraph_format.keep_with_next = True
        for name, font, size, side in (
            ("Masthead", "title", MASTHEAD_PT, WD_ALIGN_PARAGRAPH.CENTER),
            ("Issue Line", "body", BODY_PT, WD_ALIGN_PARAGRAPH.CENTER),
            ("Annex Heading", "hei", BODY_PT, WD_ALIGN_PARAGRAPH.LEFT),
            ("Addressed", "body", BODY_PT, WD_ALIGN_PARAGRAPH.LEFT),
            ("Signed", "body", BODY_PT, WD_ALIGN_PARAGRAPH.RIGHT),
            ("Sent To", "body", NUMBER_PT, WD_ALIGN_PARAGRAPH.LEFT),
        ):
            style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = styles["Normal"]
            _set_font(style, font, size)
            style.paragraph_format.alignment = side
            style.paragraph_format.first_line_indent = Pt(0)
        _set_outline(styles["Annex Heading"], 0)
        caption.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        caption.paragraph_format.first_line_indent = Pt(0)
        _set_lines(caption, LINE_PT * 0.8)
        masthead = styles["Masthead"]
        masthead.font.color.rgb = RED
        _set_lines(masthead, MASTHEAD_PT * 1.5)
        # Four characters in from the right, as the standard has the date.
        styles["Signed"].paragraph_format.right_indent = Pt(4 * BODY_PT)

    def _number_pages(self) -> None:
        """'— 1 —' at the foot: odd pages at the right, even ones at the left, one character in."""
        self.document.settings.odd_and_even_pages_header_footer = True
        section = self.document.sections[0]
        for footer, side in (
            (section.footer, WD_ALIGN_PARAGRAPH.RIGHT),
            (section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT),
        ):
            paragraph = footer.paragraphs[0]
            paragraph.alignment = side
            paragraph.paragraph_format.first_line_indent = Pt(0)
            if side == WD_ALIGN_PARAGRAPH.RIGHT:
                paragraph.paragraph_format.right_indent = Pt(NUMBER_PT)
            else:
                paragraph.paragraph_format.left_indent = Pt(NUMBER_PT)
            _add_page_number(paragraph)


def rule_off(paragraph: Paragraph, side: str, color: str, eighths: int) -> None:
    """A line above ('top') or under ('bottom') a paragraph; `eighths` of a point thick."""
    properties = paragraph._p.get_or_add_pPr()
    borders = OxmlElement("w:pBdr")
    edge = OxmlElement(f"w:{side}")
    told = {"val": "single", "sz": str(eighths), "space": "4", "color": color}
    for name, value in told.items():
        edge.set(qn(f"w:{name}"), value)
    borders.append(edge)
    # Where the schema wants it: after the style and what keeps lines together.
    properties.insert_element_before(
        borders, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:kinsoku", "w:wordWrap",
        "w:overflowPunct", "w:topLinePunct", "w:autoSpaceDE", "w:autoSpaceDN", "w:bidi",
        "w:adjustRightInd", "w:snapToGrid", "w:spacing", "w:ind", "w:contextualSpacing",
        "w:mirrorIndents", "w:jc", "w:outlineLvl", "w:rPr", "w:sectPr",
    )  # fmt: skip


def write_number(count: int) -> str:
    """A small number as headings have it: 一 to 九十九 in Chinese."""
    digits = say("paper.digits").split()
    if len(digits) <= 10:  # no sign of its own for ten: ordinary figures
        return str(count)
    tens, ones = divmod(count, 10)
    if not tens:
        return digits[ones]
    return (digits[tens] if tens > 1 else "") + digits[10] + (digits[ones] if ones else "")


def _set_font(style: ParagraphStyle, font: str, size: float, *, bold: bool = False) -> None:
    """Latin and Chinese font of a style; Word keeps to its own unless both are named."""
    style.font.name, style.font.size = LATIN, Pt(size)
    style.font.bold, style.font.italic = bold, False
    style.font.color.rgb = None
    properties = style.element.get_or_add_rPr()
    _set_spacing(properties, -CLOSER_PT if size == BODY_PT else 0)
    fonts = properties.get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for script in ("ascii", "hAnsi", "cs"):
        fonts.set(qn(f"w:{script}"), LATIN)
    # The names that Chinese machines know their fonts by, whatever language the words are in.
    fonts.set(qn("w:eastAsia"), look_up(f"paper.font.{font}", "zh"))
    for color in properties.findall(qn("w:color")):
        properties.remove(color)


def _set_spacing(properties: Any, points: float) -> None:
    """How much further apart letters stand than their size has it."""
    for former in properties.findall(qn("w:spacing")):
        properties.remove(former)
    spacing = OxmlElement("w:spacing")
    spacing.set(qn("w:val"), str(round(points * 20)))
    properties.insert_element_before(
        spacing, "w:w", "w:kern", "w:position", "w:sz", "w:szCs", "w:highlight", "w:u",
        "w:effect", "w:bdr", "w:shd", "w:fitText", "w:vertAlign", "w:rtl", "w:cs", "w:em",
        "w:lang", "w:eastAsianLayout", "w:specVanish", "w:oMath",
    )  # fmt: skip


def _set_outline(style: ParagraphStyle, level: int) -> None:
    """A style whose paragraphs stand in the table of contents."""
    outline = OxmlElement("w:outlineLvl")
    outline.set(qn("w:val"), str(level))
    style.element.get_or_add_pPr().append(outline)


def _set_lines(style: ParagraphStyle, points: float) -> None:
    style.paragraph_format.line_spacing_rule = WD_LINE_SPACING.EXACTLY
    style.paragraph_format.line_spacing = Pt(points)
    style.paragraph_format.space_before = Pt(0)
    style.paragraph_format.space_after = Pt(0)


def _drop_borders(style: ParagraphStyle) -> None:
    properties = style.element.get_or_add_pPr()
    for border in properties.findall(qn("w:pBdr")):
        properties.remove(border)


def _add_page_number(paragraph: Paragraph) -> None:
    run = paragraph.add_run("— ")
    for kind, text in (("begin", ""), ("", "PAGE"), ("end", "")):
        if kind:
            part = OxmlElement("w:fldChar")
            part.set(qn("w:fldCharType"), kind)
        else:
            part = OxmlElement("w:instrText")
            part.set(qn("xml:space"), "preserve")
            part.text = text
        run._r.append(part)
    paragraph.add_run(" —")
    for each in paragraph.runs:
        each.font.name, each.font.size = LATIN, Pt(NUMBER_PT)
        each._r.get_or_add_rPr().get_or_add_rFonts().set(
            qn("w:eastAsia"), look_up("paper.font.song", "zh")
        )


def _space_cells(table: object) -> None:
    properties = table._tbl.tblPr  # type: ignore[attr-defined]
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        edge = OxmlElement(f"w:{side}")
        edge.set(qn("w:w"), _CELL_MARGIN)
        edge.set(qn("w:type"), "dxa")
        margins.append(edge)
    # Word wants the parts of a table's properties in the order of its schema.
    look = properties.find(qn("w:tblLook"))
    properties.append(margins) if look is None else look.addprevious(margins)

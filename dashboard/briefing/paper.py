"""A paper laid out by GB/T 9704-2012: page, fonts, headings, tables, page numbers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from docx.styles.style import ParagraphStyle
from docx.text.paragraph import Paragraph

from dashboard.words import look_up, say

# A4; the type area is 156 × 225 mm, 22 lines of 28 characters.
PAGE_MM = (210, 297)
TOP_MM, LEFT_MM, WIDTH_MM, HEIGHT_MM = 37, 28, 156, 225
LINES = 22
TITLE_PT, BODY_PT, TABLE_PT, NUMBER_PT = 22, 16, 12, 14
LINE_PT = HEIGHT_MM / 25.4 * 72 / LINES
LATIN = "Times New Roman"
# 一、 （一） 1. as the standard numbers headings; the fourth depth is plain text.
DEPTHS = 3
_CELL_MARGIN = "60"


class Paper:
    """A document under construction; sizes and fonts are set in its styles, to be changed there."""

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.document: DocumentType = Document()
        self._counts = [0] * DEPTHS
        self._set_page()
        self._set_styles()
        self._number_pages()
        self.document.core_properties.title = title
        self.document.core_properties.author = ""
        self.document.core_properties.comments = ""
        self.document.add_paragraph(title, style="Title")
        if subtitle:
            self.document.add_paragraph(subtitle, style="Subtitle")

    # -- what is written ---------------------------------------------------------------------

    def heading(self, text: str, depth: int = 1) -> None:
        """A heading with its number: 一、 then （一） then 1."""
        self._counts[depth - 1] += 1
        self._counts[depth:] = [0] * (DEPTHS - depth)
        count = self._counts[depth - 1]
        number = write_number(count) if depth < DEPTHS else str(count)
        told = say(f"paper.heading.{depth}", number=number, text=text)
        self.document.add_paragraph(told, style=f"Heading {depth}")

    def paragraph(self, text: str) -> None:
        """A paragraph of the body, its first line set in by two characters."""
        self.document.add_paragraph(text, style="Normal")

    def items(self, lines: Iterable[str]) -> None:
        """Sentences one under the other, numbered （1） （2）."""
        for number, line in enumerate(lines, start=1):
            self.paragraph(say("paper.item", number=number, text=line))

    def note(self, text: str) -> None:
        """A remark in smaller letters, under a table."""
        self.document.add_paragraph(text, style="Note")

    def table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        widths: Sequence[int] = (),
        row_mm: float = 0,
    ) -> None:
        """A ruled table as wide as the type area; its header is repeated on every page.

        `widths` are in proportion, one a column; rows are `row_mm` high at least.
        """
        table = self.document.add_table(rows=1, cols=len(heads), style="Table Grid")
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = False
        shares = list(widths) or [1] * len(heads)
        millimetres = [WIDTH_MM * share / sum(shares) for share in shares]
        for cells, style in [(heads, "Table Head"), *((row, "Table Text") for row in rows)]:
            line = table.rows[0] if style == "Table Head" else table.add_row()
            for cell, text, wide in zip(line.cells, cells, millimetres, strict=True):
                cell.width = Mm(wide)
                cell.paragraphs[0].style = self.document.styles[style]
                cell.paragraphs[0].add_run(text)
            _keep_together(line)
            if row_mm and style == "Table Text":
                line.height = Mm(row_mm)
        for column, wide in zip(table.columns, millimetres, strict=True):
            column.width = Mm(wide)
        _repeat_header(table.rows[0])
        _space_cells(table)

    def picture(self, content: bytes, caption: str, width_mm: float) -> None:
        """A picture in the middle of the line, with what it shows under it."""
        line = self.document.add_paragraph(style="Note")
        line.alignment = WD_ALIGN_PARAGRAPH.CENTER
        line.paragraph_format.keep_with_next = True
        line.add_run().add_picture(io.BytesIO(content), width=Mm(width_mm))
        under = self.document.add_paragraph(caption, style="Note")
        under.alignment = WD_ALIGN_PARAGRAPH.CENTER

    def page_break(self) -> None:
        """Go on on a new page."""
        self.document.add_page_break()

    def save(self) -> bytes:
        """The document as a file."""
        held = io.BytesIO()
        self.document.save(held)
        return held.getvalue()

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
                                 ("Note", "body", False)):  # fmt: skip
            style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = styles["Normal"]
            _set_font(style, font, TABLE_PT, bold=bold)
            style.paragraph_format.first_line_indent = Pt(0)
            style.paragraph_format.line_spacing_rule = WD_LINE_SPACING.AT_LEAST
            style.paragraph_format.line_spacing = Pt(TABLE_PT * 1.35)
            style.paragraph_format.space_before = style.paragraph_format.space_after = Pt(1.5)
            style.paragraph_format.alignment = WD_ALIGN_PARAGRAPH.LEFT
        styles["Table Head"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        styles["Note"].paragraph_format.space_before = Pt(4)
        styles["Note"].paragraph_format.space_after = Pt(8)

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
    fonts = properties.get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for script in ("ascii", "hAnsi", "cs"):
        fonts.set(qn(f"w:{script}"), LATIN)
    # The names that Chinese machines know their fonts by, whatever language the words are in.
    fonts.set(qn("w:eastAsia"), look_up(f"paper.font.{font}", "zh"))
    for color in properties.findall(qn("w:color")):
        properties.remove(color)


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


def _mark(row: object, name: str) -> None:
    element = OxmlElement(name)
    element.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(element)  # type: ignore[attr-defined]


def _repeat_header(row: object) -> None:
    _mark(row, "w:tblHeader")


def _keep_together(row: object) -> None:
    """A row is not torn apart at the end of a page."""
    _mark(row, "w:cantSplit")


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

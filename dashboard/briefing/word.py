"""A briefing as DOCX, in the layout of a bulletin (简报) or of an official document (公文)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from docx.shared import Pt

from dashboard.briefing.paper import BODY_PT, Paper, rule_off
from dashboard.words import look_up
from etl.briefing.model import (
    Block,
    Content,
    Grid,
    Heading,
    Items,
    Note,
    PageBreak,
    Paragraph,
    Picture,
)

BULLETIN, OFFICIAL = "bulletin", "official"
LAYOUTS = (BULLETIN, OFFICIAL)
RED = "C8102E"


def write_docx(
    content: Content, pictures: Mapping[str, bytes], layout: str = BULLETIN,
    marks: Mapping[str, int] | None = None,
) -> bytes:  # fmt: skip
    """The paper as a file: real headings, real tables, Chinese fonts named for Chinese text.

    `pictures` by the names that the content uses; one that is missing is left out with a remark.
    `marks` are the numbers of cited figures, printed small above the line.
    """
    paper = Paper(content.title, content.subtitle, _list_opening(content, layout), marks)
    _rule_opening(paper)
    if layout == OFFICIAL and content.addressed:
        paper.line(content.addressed, "Addressed")
    write_blocks(paper, content.blocks, pictures)
    if layout == OFFICIAL:
        if content.annex:
            named = paper.line(look_up("brief.annex_named", "zh"), "Normal")
            named.paragraph_format.keep_with_next = True
        signed = paper.line(content.issuer, "Signed")
        signed.paragraph_format.space_before = Pt(BODY_PT)
        signed.paragraph_format.keep_with_next = True
        paper.line(content.dated, "Signed")
    if content.annex:
        paper.page_break()
        write_blocks(paper, content.annex, pictures)
    if content.sent_to:
        foot = paper.line(content.sent_to, "Sent To")
        foot.paragraph_format.space_before = Pt(BODY_PT)
        rule_off(foot, "top", "000000", 8)
    return paper.save()


def _list_opening(content: Content, layout: str) -> Sequence[tuple[str, str]]:
    """The lines above the title."""
    number = [(content.number, "Issue Line")] if content.number else []
    if layout == OFFICIAL:
        return [(content.issuer, "Masthead"), *number]
    under = look_up("brief.issue_line", "zh", issuer=content.issuer, day=content.dated)
    return [(content.masthead, "Masthead"), *number, (under, "Issue Line")]


def _rule_opening(paper: Paper) -> None:
    """The red line between the masthead's lines and the title."""
    named = ("Masthead", "Issue Line")
    lines = [p for p in paper.document.paragraphs if p.style.name in named]
    rule_off(lines[-1], "bottom", RED, 12)
    lines[-1].paragraph_format.space_after = Pt(BODY_PT)


def write_blocks(paper: Paper, blocks: Sequence[Block], pictures: Mapping[str, bytes]) -> None:
    """The parts of a paper one after the other."""
    for block in blocks:
        match block:
            case Heading(text, depth):
                paper.heading(text, depth)
            case Paragraph(text):
                paper.paragraph(text)
            case Note(text):
                paper.note(text)
            case Items(lines):
                paper.items(lines)
            case Grid(caption, heads, rows, widths, is_fine):
                if caption:
                    paper.caption("table", caption)
                paper.table(heads, rows, widths, fine=is_fine)
            case Picture(name, caption, width_mm):
                if name in pictures:
                    paper.draw(pictures[name], width_mm)
                    paper.caption("picture", caption)
                else:
                    paper.note(look_up("brief.no_map", "zh"))
            case PageBreak():
                paper.page_break()

"""An office's own .docx filled: placeholders in double braces become figures, words and sections."""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docx import Document
from docx.document import Document as DocumentType
from docx.shared import Mm
from docx.text.paragraph import Paragraph as DocxParagraph

from dashboard.briefing.pinned import pin_package
from dashboard.words import look_up
from etl.briefing.compose import Briefing
from etl.briefing.facts import write_month
from etl.briefing.model import (
    Block,
    Grid,
    Heading,
    Items,
    Note,
    Paragraph,
    Picture,
    plain,
    read_text,
)
from etl.errors import FileError, ShequError

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
GRID = "Table Grid"


@dataclass(frozen=True)
class Filling:
    """What placeholders stand for: words in a line, or sections in the place of a paragraph."""

    words: dict[str, str]
    sections: dict[str, tuple[Block, ...]]


def describe_filling(briefing: Briefing) -> Filling:
    """The placeholders that a briefing fills: what is on its head, its sections, every figure by id."""
    content = briefing.content
    sections = dict(_split_sections(content.blocks))
    whole = look_up("brief.template.body", "zh")
    named = {
        "title": content.title, "number": content.number, "issuer": content.issuer,
        "date": content.dated, "month": write_month(briefing.scope.month),
        "masthead": content.masthead, "sent_to": content.sent_to, "addressed": content.addressed,
    }  # fmt: skip
    words = {look_up(f"brief.template.{name}", "zh"): value for name, value in named.items()}
    words |= {figure_id: figure.text for figure_id, figure in briefing.figures.items()}
    sections[whole] = tuple(content.blocks)
    sections[look_up("brief.template.annex", "zh")] = tuple(content.annex)
    return Filling(words, sections)


def _split_sections(blocks: tuple[Block, ...] | Any) -> Iterator[tuple[str, tuple[Block, ...]]]:
    """Each section by its heading; what stands before the first is the summary."""
    name, held = look_up("brief.template.summary", "zh"), []
    for block in blocks:
        if isinstance(block, Heading) and block.depth == 1:
            yield name, tuple(held)
            name, held = read_text(block.text), []
        else:
            held.append(block)
    yield name, tuple(held)


def fill_template(path: Path, briefing: Briefing, pictures: Mapping[str, bytes]) -> bytes:
    """The template with every placeholder replaced; its own look is kept.

    Raises
    ------
    FileError
        It cannot be read, or is no .docx.
    ShequError
        It has placeholders that mean nothing; each is named with its place.
    """
    document = _open_template(path)
    filling = describe_filling(briefing)
    places = list(_list_places(document))
    unknown = [
        look_up("brief.template.unknown_one", "zh", name=plain(name), place=place)
        for place, paragraph in places
        for name in PLACEHOLDER.findall(paragraph.text)
        if name not in filling.words and name not in filling.sections
    ]
    unknown += [
        look_up("brief.template.not_alone", "zh", name=plain(name), place=place)
        for place, paragraph in places
        for name in PLACEHOLDER.findall(paragraph.text)
        if name in filling.sections and name not in filling.words
        and not PLACEHOLDER.fullmatch(paragraph.text.strip())
    ]  # fmt: skip
    if unknown:
        told = look_up("between", "zh").join(unknown)
        some = look_up("listed", "zh").join([*filling.sections][:6])
        raise ShequError(
            look_up("brief.template.unknown", "zh", name=path.name, told=told, some=some)
        )
    for _, paragraph in places:
        alone = PLACEHOLDER.fullmatch(paragraph.text.strip())
        if alone and alone[1] in filling.sections:
            _put_section(document, paragraph, filling.sections[alone[1]], pictures)
        elif "{{" in paragraph.text:
            replace_words(paragraph, filling.words)
    held = io.BytesIO()
    document.save(held)
    return pin_package(held.getvalue())


def _open_template(path: Path) -> DocumentType:
    try:
        return Document(io.BytesIO(path.read_bytes()))
    except PermissionError as error:
        raise FileError(look_up("brief.template.is_open", "zh", name=path.name)) from error
    except OSError as error:
        told = look_up("brief.template.missing", "zh", name=path.name, why=error.strerror)
        raise FileError(told) from error
    except Exception as error:  # whatever a file that is no document makes the reader say
        raise FileError(look_up("brief.template.no_docx", "zh", name=path.name)) from error


def _list_places(document: DocumentType) -> Iterator[tuple[str, DocxParagraph]]:
    """Every paragraph that may hold a placeholder, with where it stands in words."""
    for at, paragraph in enumerate(document.paragraphs, start=1):
        yield look_up("brief.template.paragraph", "zh", at=at), paragraph
    for number, table in enumerate(document.tables, start=1):
        seen: set[int] = set()
        for down, row in enumerate(table.rows, start=1):
            for across, cell in enumerate(row.cells, start=1):
                if id(cell._tc) in seen:  # a merged cell comes once for each place it covers
                    continue
                seen.add(id(cell._tc))
                told = {"table": number, "row": down, "column": across}
                for paragraph in cell.paragraphs:
                    yield look_up("brief.template.cell", "zh", **told), paragraph
    for section in document.sections:
        for part in (section.header, section.footer, section.even_page_header, section.even_page_footer,
                     section.first_page_header, section.first_page_footer):  # fmt: skip
            if not part.is_linked_to_previous:
                for paragraph in part.paragraphs:
                    yield look_up("brief.template.margin", "zh"), paragraph


def replace_words(paragraph: DocxParagraph, words: Mapping[str, str]) -> None:
    """Put words in; a placeholder may lie across several runs, the first gives it its look."""
    for found in reversed(list(PLACEHOLDER.finditer(paragraph.text))):
        start, end, at, value = found.start(), found.end(), 0, words[found[1]]
        for run in paragraph.runs:
            first, last = at, at + len(run.text)
            at = last
            if last <= start or first >= end:
                continue
            before, after = run.text[: max(0, start - first)], run.text[max(0, end - first) :]
            run.text = before + (value if first <= start else "") + (after if last >= end else "")


def _put_section(
    document: DocumentType, paragraph: DocxParagraph, blocks: tuple[Block, ...],
    pictures: Mapping[str, bytes],
) -> None:  # fmt: skip
    """A section in the place of a paragraph, in that paragraph's own style."""
    for block in blocks:
        match block:
            case Heading(text):
                _add_line(paragraph, text, bold=True)
            case Paragraph(text) | Note(text):
                _add_line(paragraph, text)
            case Items(lines):
                for at, line in enumerate(lines, start=1):
                    _add_line(paragraph, look_up("paper.item", "zh", number=at, text=line))
            case Grid(caption, heads, rows):
                if caption:
                    _add_line(paragraph, caption, bold=True)
                _add_table(document, paragraph, [heads, *rows])
            case Picture(name, caption, width_mm) if name in pictures:
                line = _add_line(paragraph, "")
                line.add_run().add_picture(io.BytesIO(pictures[name]), width=Mm(width_mm))
                _add_line(paragraph, caption)
            case _:
                continue
    paragraph._p.getparent().remove(paragraph._p)


def _add_line(paragraph: DocxParagraph, text: str, *, bold: bool = False) -> DocxParagraph:
    """A paragraph before another one, looking like it."""
    element = copy.deepcopy(paragraph._p)
    paragraph._p.addprevious(element)
    line = DocxParagraph(element, paragraph._parent)
    looks = (
        copy.deepcopy(line.runs[0]._r.rPr)
        if line.runs and line.runs[0]._r.rPr is not None
        else None
    )
    for run in line.runs:
        run._r.getparent().remove(run._r)
    added = line.add_run(read_text(text))
    if looks is not None:
        added._r.insert(0, looks)
    if bold:
        added.bold = True
    return line


def _add_table(document: DocumentType, paragraph: DocxParagraph, rows: list[Any]) -> None:
    table = document.add_table(rows=len(rows), cols=len(rows[0]))
    if GRID in [style.name for style in document.styles]:
        table.style = GRID
    for line, row in zip(table._tbl.tr_lst, rows, strict=True):
        for cell, text in zip(line.tc_lst, row, strict=True):
            cell.p_lst[0].add_r().text = read_text(text)
    paragraph._p.addprevious(table._tbl)

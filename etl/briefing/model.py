"""A paper as content, whatever file it becomes: headings, paragraphs, tables, pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# A cited figure inside a sentence: its id and its printed text between marks no sheet can hold.
_OPEN, _BETWEEN, _CLOSE = "\x02", "\x1f", "\x03"
_CITED = re.compile(f"{_OPEN}([^{_BETWEEN}]*){_BETWEEN}([^{_CLOSE}]*){_CLOSE}")
_CONTROL = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029\ufffe\uffff]+")


def cite(figure_id: str, text: str) -> str:
    """Text of a figure that a sentence may hold, with the figure's id inside."""
    return f"{_OPEN}{figure_id}{_BETWEEN}{plain(text)}{_CLOSE}"


def plain(text: object) -> str:
    """Text from a sheet as one line, without what no document can hold."""
    return _CONTROL.sub(" ", str(text)).strip()


def split_cited(text: str) -> Iterator[tuple[str, str]]:
    """Pieces of a sentence, each with the id of the figure that it prints ('' for plain words)."""
    at = 0
    for found in _CITED.finditer(text):
        if found.start() > at:
            yield text[at : found.start()], ""
        yield found[2], found[1]
        at = found.end()
    if at < len(text):
        yield text[at:], ""


def read_text(text: str) -> str:
    """A sentence as it is read, without marks."""
    return _CITED.sub(r"\2", text)


@dataclass(frozen=True)
class Heading:
    """A heading; depth 1 to 3, or 0 for one without a number over an annex."""

    text: str
    depth: int = 1


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of the body."""

    text: str


@dataclass(frozen=True)
class Note:
    """A remark in smaller letters."""

    text: str


@dataclass(frozen=True)
class Items:
    """Sentences one under the other, numbered."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Grid:
    """A table; `widths` in proportion, one a column; an annex is set in fine print."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[int] = ()
    is_fine: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture by its name, with what it shows under it."""

    name: str
    caption: str
    width_mm: float


@dataclass(frozen=True)
class PageBreak:
    """What follows begins on a new page."""


Block = Heading | Paragraph | Note | Items | Grid | Picture | PageBreak


@dataclass(frozen=True)
class Content:
    """A whole paper.

    `masthead` and `number` stand on top, `issuer` and `dated` say who wrote it and of what day
    the data are, `sent_to` stands at the foot; `annex` follows on a new page.
    """

    title: str
    subtitle: str
    masthead: str
    number: str
    issuer: str
    dated: str
    sent_to: str
    blocks: Sequence[Block]
    annex: Sequence[Block] = field(default_factory=tuple)
    addressed: str = ""


def read_blocks(blocks: Sequence[Block]) -> Iterator[str]:
    """Every text of a paper, with its marks."""
    for block in blocks:
        if isinstance(block, (Heading, Paragraph, Note)):
            yield block.text
        elif isinstance(block, Items):
            yield from block.lines
        elif isinstance(block, Grid):
            yield from (block.caption, *block.heads, *(cell for row in block.rows for cell in row))
        elif isinstance(block, Picture):
            yield block.caption

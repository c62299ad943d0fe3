"""A briefing as PDF/A, typeset from the same content as the DOCX, with open fonts embedded."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typst

from dashboard.briefing.fonts import Fonts, find_fonts, list_folders
from dashboard.briefing.paper import DEPTHS, write_number
from dashboard.briefing.word import BULLETIN, OFFICIAL
from dashboard.words import look_up
from etl.briefing.model import (
    Block,
    Content,
    Grid,
    Heading,
    Items,
    Note,
    Paragraph,
    Picture,
    read_text,
    split_cited,
)
from etl.errors import ShequError

STANDARD = "a-2b"
_TEMPLATE = resources.files("dashboard.briefing").joinpath("paper.typ")


def write_pdf(
    content: Content, pictures: Mapping[str, bytes], fonts: Fonts, layout: str = BULLETIN,
    marks: Mapping[str, int] | None = None,
) -> bytes:  # fmt: skip
    """The paper as PDF/A-2b with bookmarks; the same content gives the same bytes.

    Raises
    ------
    ShequError
        A font that was chosen is not found any more, or the text cannot be set.
    """
    day = [int(number) for number in re.findall(r"\d+", content.dated)[:3]]
    setting = _Setting(fonts, marks or {}, pictures)
    told = {
        "fonts": fonts.families,
        "official": layout == OFFICIAL,
        "day": day if len(day) == 3 else [2000, 1, 1],
        "title": fonts.keep_known(content.title),
        "issuer": fonts.keep_known(content.issuer),
        "masthead": fonts.keep_known(content.masthead),
        "number": content.number,
        "line": look_up("brief.issue_line", "zh", issuer=content.issuer, day=content.dated),
        "addressed": content.addressed,
        "dated": content.dated,
        "sent": fonts.keep_known(content.sent_to),
        "annexed": look_up("brief.annex_named", "zh"),
        "blocks": setting.describe(content.blocks),
        "annex": setting.describe(content.annex),
    }
    files = {f"{name}.png": held for name, held in pictures.items()}
    return _compile({"content.json": json.dumps(told, ensure_ascii=False).encode(), **files})


def _compile(files: Mapping[str, bytes]) -> bytes:
    try:
        with TemporaryDirectory(prefix="brief-") as folder:
            for name, held in {"main.typ": _TEMPLATE.read_bytes(), **files}.items():
                (Path(folder) / name).write_bytes(held)
            held, warnings = typst.compile_with_warnings(
                Path(folder) / "main.typ", root=folder, format="pdf", font_paths=find_fonts(list_folders()),
                pdf_standards=[STANDARD],
            )  # fmt: skip
    except typst.TypstError as error:
        raise ShequError(look_up("brief.not_set", "zh", why=error.message)) from error
    for warning in warnings:
        if "font" in warning.message:
            raise ShequError(look_up("brief.no_font", "zh"))
    return bytes(held)


class _Setting:
    """The parts of a paper as the template reads them: text only, never markup."""

    def __init__(self, fonts: Fonts, marks: Mapping[str, int], pictures: Mapping[str, bytes]):
        self._fonts, self._marks, self._pictures = fonts, marks, pictures
        self._counts = [0] * DEPTHS
        self._captions = {"table": 0, "picture": 0}

    def describe(self, blocks: Sequence[Block]) -> list[dict[str, Any]]:
        """Every block, in order."""
        return [told for block in blocks for told in self._describe(block)]

    def _describe(self, block: Block) -> list[dict[str, Any]]:
        match block:
            case Heading(text, 0):
                return [{"kind": "annex", "text": self._split(text)}]
            case Heading(text, depth):
                told = self._split(self._number(text, depth))
                return [{"kind": "heading", "depth": depth, "text": told}]
            case Paragraph(text):
                return [{"kind": "paragraph", "text": self._split(text)}]
            case Note(text):
                return [{"kind": "note", "text": self._split(text)}]
            case Items(lines):
                return [
                    {"kind": "paragraph",
                     "text": self._split(look_up("paper.item", "zh", number=at, text=line))}
                    for at, line in enumerate(lines, start=1)
                ]  # fmt: skip
            case Grid(caption, heads, rows, widths, is_fine):
                return [
                    {
                        "kind": "grid", "fine": is_fine,
                        "caption": self._caption("table", caption) if caption else [],
                        "widths": list(widths) or [1] * len(heads),
                        "heads": [self._split(head) for head in heads],
                        "rows": [[self._split(cell) for cell in row] for row in rows],
                    }
                ]  # fmt: skip
            case Picture(name, caption, width_mm):
                return [self._describe_picture(name, caption, width_mm)]
        return [{"kind": "break"}]

    def _describe_picture(self, name: str, caption: str, width_mm: float) -> dict[str, Any]:
        if name not in self._pictures:
            return {"kind": "note", "text": self._split(look_up("brief.no_map", "zh"))}
        return {
            "kind": "picture", "file": f"{name}.png", "width": width_mm,
            "alt": read_text(caption), "caption": self._caption("picture", caption),
        }  # fmt: skip

    def _caption(self, kind: str, text: str) -> list[list[str]]:
        self._captions[kind] += 1
        number = self._captions[kind]
        return self._split(look_up(f"paper.caption.{kind}", "zh", number=number, text=text))

    def _number(self, text: str, depth: int) -> str:
        self._counts[depth - 1] += 1
        self._counts[depth:] = [0] * (DEPTHS - depth)
        count = self._counts[depth - 1]
        number = write_number(count) if depth < DEPTHS else str(count)
        return look_up(f"paper.heading.{depth}", "zh", number=number, text=text)

    def _split(self, text: str) -> list[list[str]]:
        """Pieces of a sentence, each with the number of its mark or none."""
        return [
            [self._fonts.keep_known(piece), self._write_mark(figure_id)]
            for piece, figure_id in split_cited(text)
        ]

    def _write_mark(self, figure_id: str) -> str:
        """The number of a cited figure in brackets, so that none is taken for a digit of it."""
        return f"[{self._marks[figure_id]}]" if figure_id in self._marks else ""

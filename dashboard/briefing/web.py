"""A briefing as one HTML file that opens without any network: pictures inside, no script."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from dashboard.briefing.paper import write_number
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

STYLE = """
body{margin:0 auto;max-width:46rem;padding:1rem;font:1.1rem/1.8 "Noto Serif CJK SC",SimSun,serif}
h1{font-size:1.5rem;text-align:center}h2{font-size:1.15rem;margin:1.4em 0 .4em}
header{border-bottom:3px solid #c8102e;text-align:center}header b{color:#c8102e;font-size:2rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}caption{font-weight:bold;padding:.4em}
th,td{border:1px solid #555;padding:.2em .5em;text-align:left;overflow-wrap:anywhere}
div{overflow-x:auto}img{max-width:100%}figure{margin:1em 0;text-align:center}
small{color:#444}a{color:inherit;text-decoration:none}sup{font-size:.65em}
@media print{body{max-width:none}h2,caption{break-after:avoid}tr{break-inside:avoid}}
"""


def write_html(
    content: Content, pictures: Mapping[str, bytes], marks: Mapping[str, int] | None = None
) -> bytes:
    """The paper as a page; a mark leads to its line of the annex."""
    page = _Page(pictures, marks or {})
    body = "\n".join([*page.write(content.blocks), *page.write(content.annex)])
    told = {
        name: escape(getattr(content, name)) for name in ("title", "masthead", "number", "sent_to")
    }
    line = escape(look_up("brief.issue_line", "zh", issuer=content.issuer, day=content.dated))
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{told['title']}</title><style>{STYLE}</style></head><body>"
        f"<header><b>{told['masthead']}</b><p>{told['number']}<br>{line}</p></header>"
        f"<h1>{told['title']}</h1>\n{body}\n<hr><p>{told['sent_to']}</p></body></html>\n"
    ).encode()


class _Page:
    """The parts of a paper as HTML; all text is escaped."""

    def __init__(self, pictures: Mapping[str, bytes], marks: Mapping[str, int]) -> None:
        self._pictures, self._marks = pictures, marks
        self._headings = 0

    def write(self, blocks: Sequence[Block]) -> Iterator[str]:
        """Every block, in order."""
        for block in blocks:
            match block:
                case Heading(text, depth):
                    yield f"<h2>{self._number(text, depth)}</h2>"
                case Paragraph(text):
                    yield f"<p>{self._mark(text)}</p>"
                case Note(text):
                    yield f"<p><small>{self._mark(text)}</small></p>"
                case Items(lines):
                    items = "".join(f"<li>{self._mark(line)}</li>" for line in lines)
                    yield f"<ol>{items}</ol>"
                case Grid():
                    yield self._write_grid(block)
                case Picture(name, caption, _) if name in self._pictures:
                    held = b64encode(self._pictures[name]).decode()
                    told = escape(read_text(caption))
                    yield (
                        f'<figure><img alt="{told}" src="data:image/png;base64,{held}">'
                        f"<figcaption>{told}</figcaption></figure>"
                    )
                case _:
                    continue

    def _number(self, text: str, depth: int) -> str:
        if not depth:
            return escape(read_text(text))
        self._headings += 1
        number = write_number(self._headings)
        return escape(look_up("paper.heading.1", "zh", number=number, text=read_text(text)))

    def _write_grid(self, grid: Grid) -> str:
        heads = "".join(f'<th scope="col">{self._mark(head)}</th>' for head in grid.heads)
        rows = "".join(self._write_row(row, grid.is_fine) for row in grid.rows)
        caption = f"<caption>{self._mark(grid.caption)}</caption>" if grid.caption else ""
        return f"<div><table>{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"

    def _write_row(self, row: Sequence[str], is_annex: bool) -> str:
        at = f' id="f{escape(row[0])}"' if is_annex else ""
        return f"<tr{at}>{''.join(f'<td>{self._mark(cell)}</td>' for cell in row)}</tr>"

    def _mark(self, text: str) -> str:
        pieces = []
        for piece, figure_id in split_cited(text):
            pieces.append(escape(piece))
            if figure_id in self._marks:
                number = self._marks[figure_id]
                pieces.append(f'<sup><a href="#f{number}">[{number}]</a></sup>')
        return "".join(pieces)

"""Text that means harm, and a way to put it into workbooks as text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

SHARED = Path(__file__).parents[2] / "shared" / "data" / "hostile"
LONGEST = 2_000
# What no XML can hold, and so no cell.
NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
RUN = "window.ran=1;alert(1)"
# What pages, maps, charts, markdown, templates and spreadsheets might take for their own.
HOSTILE = (
    f"<script>{RUN}</script>",
    f'"><img src=x onerror="{RUN}">',
    f"'><svg/onload={RUN}>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"</script><script>{RUN}</script>",
    f"</style></textarea></title><img src=x onerror={RUN}>",
    f"`${{{RUN}}}` {{{{{RUN}}}}} {{% raw %}} <%= 7*7 %>",
    f"[看这里](javascript:{RUN}) ![图](https://evil.example/x.png)",
    '<a href="javascript:window.ran=1" autofocus onfocus="window.ran=1">点</a>',
    '<link rel=stylesheet href="https://evil.example/x.css"><style>@import "//evil.example/y"</style>',
    '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    '<base href="https://evil.example/"><form action="https://evil.example/"><input name=a>',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=1&gt;'>",
    ":red[红] $\\frac{1}{0}$ :material/home: # 标题\n- 列\n\n---\n```js",
    "{0} {name!r} %s %(name)s %n {count:,} {} {{",
    "=HYPERLINK(\"https://evil.example\",\"点\")", "+cmd|' /C calc'!A0", "@SUM(1+1)", "-2+3",
    "'; DROP TABLE core_complaints; --", "\" OR \"\"=\"", "\\'; EXEC xp_cmdshell('dir'); --",
    "../../etc/passwd", "C:\\con\\nul", "http://evil.example/?q=1&amp;b=2",
    "\u202e左右颠倒\u202c \u200b\u200d\ufeff零宽", "Z̴͇̅a̷͇͐l̶͇̍g̵͇͝o̷͇̎", "👨‍👩‍👧‍👦🏳️‍🌈", "𠮷𡈽𪚥",
    "null", "undefined", "NaN", "None", "true", "__proto__", "constructor", "nan\tinf",
    "字" * 900,
)  # fmt: skip


def read_naughty() -> tuple[str, ...]:
    """The strings that others have collected, as far as a cell can hold them; none where absent."""
    if not SHARED.is_dir():
        return ()
    words = json.loads((SHARED / "blns.json").read_text(encoding="utf-8"))
    words += (SHARED / "csv_injection_cells.txt").read_text(encoding="utf-8").splitlines()
    kept = (NO_CHARACTER.sub("", word)[:LONGEST] for word in words)
    return tuple(dict.fromkeys(word for word in kept if word.strip()))


def append(sheet: Any, row: list[Any]) -> None:
    """A row in which what looks like a formula is text, as it is when it was typed with an apostrophe."""
    at = sheet.max_row + 1
    for place, value in enumerate(row, start=1):
        if value is not None:
            cell = sheet.cell(at, place)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"

"""Hostile text in every text column, in a real browser: shown as text on every page, and never run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook

from dashboard.app import PAGES
from dashboard.choice import PARTS, TALKS
from etl.refresh import refresh
from etl.store import Store
from etl.table import Column, Table
from etl.tables import TABLES
from tests.browser.conftest import serve

Visitor = Callable[..., Any]
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


def write_value(column: Column, number: int) -> Any:
    """A sound value of a column that is not under attack."""
    if column.name == "compound_id":
        return f"T{number % len(HOSTILE):02}"
    if column.name.endswith("_id") and not column.refers_to and column.kind is str:
        return f"{column.name[0].upper()}{number:04}"
    if column.refers_to:
        return None
    if column.example is not None:
        return column.example
    if column.kind is date:
        return date(2026, 3, 1 + number % 28)
    return datetime(2026, 3, 1 + number % 28, 9) if column.kind is datetime else None


def is_open(column: Column) -> bool:
    """Whether people write into a column what they like."""
    is_text = column.kind is str and not column.is_derived and not column.lonlat
    is_id = column.name.endswith("_id")
    return is_text and not (column.values or column.values_from or is_id or column.canonical)


def write_sheet(book: Workbook, table: Table) -> None:
    """Rows that land, with the text in every open column; then rows that attack one other column."""
    sheet = book.create_sheet(table.label)
    columns = [column for column in table.columns if not column.is_derived]
    sheet.append([*(column.label for column in columns), f"其他{HOSTILE[0]}"])
    for number, text in enumerate(HOSTILE):
        row = [
            # A name of its own for each, or two rows would be one thing.
            f"{text}{number}" if is_open(column) else write_value(column, number)
            for column in columns
        ]
        append(sheet, [*row, text])
    number = len(HOSTILE)
    for at, column in enumerate(columns):
        if column.kind is str and not is_open(column):
            for text in HOSTILE[:3]:
                row = [write_value(other, number) for other in columns]
                row[at] = text
                append(sheet, row)
                number += 1


def append(sheet: Any, row: list[Any]) -> None:
    """A row in which what looks like a formula is text, as it is when it was typed with an apostrophe."""
    at = sheet.max_row + 1
    for place, value in enumerate(row, start=1):
        if value is not None:
            cell = sheet.cell(at, place)
            cell.value = value
            if isinstance(value, str):
                cell.data_type = "s"


@pytest.fixture(scope="module")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile")
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in TABLES:
        write_sheet(book, table)
    book.save(folder / "社区<img src=x onerror=alert(1)>.xlsx")
    with Store(folder / "store") as store:
        report = refresh(store, list(folder.glob("*.xlsx")), who=HOSTILE[1])
        assert report.snapshot is not None
        compounds = store.frame("out_compounds")
        assert compounds["name"].str.contains("script").any()
        assert len(store.frame("core_complaints")) >= len(HOSTILE) - 5
        assert len(store.frame("quarantine")) > 0
    with serve(folder / "store", folder / "log") as address:
        yield address
    said = (folder / "log").read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said
    assert "page failed" not in said


def list_addresses() -> list[str]:
    """Every page, every part of one, and the first compounds' cards."""
    pages = ["/", *(f"/{name}" for name in PAGES[1:])]
    pages += [f"/organizations?part={part}" for part in PARTS]
    pages += [f"/deliberation?talk={talk}" for talk in TALKS]
    pages += [f"/map?at=T{number:02}" for number in (0, 1, 6, 14)]
    pages += [f"/compound?at=T{number:02}" for number in (1, 7)]
    return [*pages, "/map?form=table", "/map?show=hotspots.gaps.organizations.reach.actions"]


@pytest.mark.slow
@pytest.mark.parametrize("size", ["office", "phone"])
def test_hostile_text_is_shown_and_never_run(
    visit: Visitor, hostile_server: str, size: str
) -> None:
    visitor = visit(size)
    dialogs: list[str] = []
    visitor.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for address in list_addresses() if size == "office" else list_addresses()[:4]:
        page = visitor.open(hostile_server, address)
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        for title in page.locator("summary").all()[:6]:
            title.click()
        if "/map" in address and "table" not in address:
            visitor.find_map(page)
        for frame in page.frames:
            assert frame.evaluate("typeof window.ran") == "undefined", (address, frame.url)
        assert page.locator("text=没有打开成功").count() == 0, address
        assert page.url.startswith(hostile_server)
    assert dialogs == []

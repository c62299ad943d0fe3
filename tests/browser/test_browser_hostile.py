"""Hostile text in every text column, in a real browser: shown as text on every page, and never run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from tests.hostile import HOSTILE, append, read_naughty

Visitor = Callable[..., Any]


def write_value(column: Column, number: int) -> Any:
    """A sound value of a column that is not under attack."""
    if column.name == "compound_id":
        return f"T{number:02}"
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


def write_sheet(book: Workbook, table: Table, texts: Sequence[str]) -> None:
    """Rows that land, with the text in every open column; then rows that attack one other column."""
    sheet = book.create_sheet(table.label)
    columns = [column for column in table.columns if not column.is_derived]
    sheet.append([*(column.label for column in columns), f"其他{HOSTILE[0]}"])
    for number, text in enumerate(texts):
        row = [
            # A name of its own for each, or two rows would be one thing.
            f"{text}{number}" if is_open(column) else write_value(column, number)
            for column in columns
        ]
        append(sheet, [*row, text])
    number = len(texts)
    for at, column in enumerate(columns):
        if column.kind is str and not is_open(column):
            for text in HOSTILE[:3]:
                row = [write_value(other, number) for other in columns]
                row[at] = text
                append(sheet, row)
                number += 1


@pytest.fixture(scope="module", params=["own", "collected"])
def hostile_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    texts = HOSTILE if request.param == "own" else read_naughty()
    if not texts:
        pytest.skip("../shared/data/hostile is not beside this checkout")
    folder = tmp_path_factory.mktemp("hostile")
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in TABLES:
        write_sheet(book, table, texts)
    book.save(folder / "社区<img src=x onerror=alert(1)>.xlsx")
    with Store(folder / "store") as store:
        report = refresh(store, list(folder.glob("*.xlsx")), who=HOSTILE[1])
        assert report.snapshot is not None
        compounds = store.frame("out_compounds")
        assert compounds["name"].str.contains("script").any()
        assert len(store.frame("core_complaints")) >= 0.8 * len(texts)
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

"""The annex for the street's own pivot tables: plain rows, one sheet a subject, no merged cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pandas as pd
from openpyxl import Workbook

from dashboard.briefing.tracing import add_sheet, save_book
from dashboard.words import look_up
from etl.briefing.facts import KIND_NAMES, TYPE_NAMES, Reader
from etl.table import Table
from etl.tables.deliberation import OUT_MATTERS, OUT_NEEDS, OUT_PROMISES
from etl.tables.outputs import OUT_COMPOUNDS, OUT_COVERAGE, OUT_EFFECTS, OUT_MONTHS

# Which tables go in; what only programs read is left out.
TABLES: tuple[Table, ...] = (
    OUT_MONTHS, OUT_COMPOUNDS, OUT_COVERAGE, OUT_MATTERS, OUT_PROMISES, OUT_NEEDS, OUT_EFFECTS,
)  # fmt: skip
_LEFT_OUT = frozenset({
    "steps", "parties", "leads", "concerns", "overlapping", "newest_at", "lon", "lat",
})  # fmt: skip
_NAMES = {"type": TYPE_NAMES, "kind": KIND_NAMES}


def write_annex_book(read: Reader, last: date) -> bytes:
    """Every subject as rows, months up to `last`; the name of the compound beside its id."""
    compounds = read("out_compounds").set_index("compound_id")["name"]
    book = Workbook(write_only=True)
    for table in TABLES:
        frame = read(table.name)
        if "month" in frame and table is OUT_MONTHS:
            frame = frame[pd.to_datetime(frame["month"]) <= pd.Timestamp(last)]
        columns = [c for c in table.columns if c.name not in _LEFT_OUT]
        heads = [
            look_up("with_unit", "zh", head=c.label, unit=c.unit) if c.unit else c.label
            for c in columns
        ]
        add_rows(book, table.label, heads, columns, frame, compounds)
    return save_book(book)


def add_rows(
    book: Workbook, title: str, heads: Sequence[str], columns: Sequence[Any],
    frame: pd.DataFrame, compounds: pd.Series,
) -> None:  # fmt: skip
    """A sheet of one table."""
    place = look_up("brief.annex.place", "zh")
    has_place = "compound_id" in frame and "name" not in [c.name for c in columns]
    told = [*([place] if has_place else []), *heads]
    add_sheet(book, title, told, _list_rows(frame, columns, compounds, has_place), words="")


def _list_rows(
    frame: pd.DataFrame, columns: Sequence[Any], compounds: pd.Series, has_place: bool
) -> Iterator[list[object]]:
    names = [column.name for column in columns]
    for row in frame[[*names]].to_dict("records"):
        cells: list[object] = []
        if has_place:
            cells.append(str(compounds.get(row["compound_id"], "")))
        yield [*cells, *(_write(name, row[name]) for name in names)]


def _write(name: str, value: Any) -> object:
    """A cell as a spreadsheet has it; what is not known is empty."""
    if value is None or (not isinstance(value, (list, dict)) and pd.isna(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    if isinstance(value, str):
        return _NAMES.get(name, {}).get(value, value)
    return value.item() if hasattr(value, "item") else value

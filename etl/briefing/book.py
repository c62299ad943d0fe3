"""The figures of one briefing: each with its definition, its SELECT and the sheet rows behind it."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from etl.briefing.model import cite
from etl.ddl import literal

UNKNOWN = "不详"
Number = int | float


@dataclass(frozen=True)
class Scope:
    """What a briefing is about: a month of the community ('') or of one compound, as published."""

    month: date
    snapshot: int
    compound_id: str = ""

    @property
    def end(self) -> date:
        """The day after the month's last."""
        return self.last + timedelta(days=1)

    @property
    def last(self) -> date:
        """The month's last day."""
        days = calendar.monthrange(self.month.year, self.month.month)[1]
        return self.month.replace(day=days)

    def back(self, months: int) -> date:
        """The first day of a month before."""
        index = self.month.year * 12 + self.month.month - 1 - months
        return date(index // 12, index % 12 + 1, 1)

    def table(self, name: str) -> str:
        """A table of the store as it was published then."""
        return f"{name} AT (VERSION => {self.snapshot})"

    def own(self, *conditions: str, column: str = "compound_id") -> str:
        """Conditions of a SELECT, and that the row belongs to the compound if it is about one."""
        told = [each for each in conditions if each]
        if self.compound_id:
            told.append(f"{column} = {literal(self.compound_id)}")
        return " AND ".join(told) or "true"

    def within(self, column: str, back: int = 0) -> str:
        """That a day lies in the month, or in one before."""
        first = self.back(back)
        end = self.end if back == 0 else self.back(back - 1)
        return f"{column} >= DATE '{first}' AND {column} < DATE '{end}'"


@dataclass(frozen=True)
class Figure:
    """A number (or a quoted reason) that a briefing prints.

    `sql` is a SELECT that gives it again; `rows` one that gives the file, sheet and row behind it.
    """

    figure_id: str
    label: str
    value: Number | str | None
    text: str
    unit: str
    definition: str
    snapshot: int
    sql: str
    rows: str = ""


class Book:
    """The figures that a briefing has cited so far, in the order of their first appearance."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.figures: dict[str, Figure] = {}

    def cite(
        self, figure_id: str, label: str, value: Number | str | None, unit: str, definition: str,
        sql: str, rows: str = "", digits: int = 1,
    ) -> str:  # fmt: skip
        """Note a figure and return its text for a sentence."""
        text = write_value(value, digits)
        self.figures.setdefault(
            figure_id,
            Figure(figure_id, label, value, text, unit, definition, self.scope.snapshot, sql, rows),
        )
        return cite(figure_id, text)

    def count_core(
        self, figure_id: str, label: str, value: Number | None, unit: str, definition: str,
        table: str, *conditions: str,
    ) -> str:  # fmt: skip
        """A count of rows of a sheet: both the number and its rows are asked of the core table."""
        where = self.scope.own(*conditions)
        source = self.scope.table(f"core_{table}")
        return self.cite(
            figure_id, label, value, unit, definition,
            f"SELECT count(*) FROM {source} WHERE {where}", self._list_rows(source, where),
        )  # fmt: skip

    def count_shown(
        self, figure_id: str, label: str, value: Number | None, unit: str, definition: str,
        shown: str, conditions: Sequence[str], table: str = "", keys: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """A count of rows of an `out_` table, with the sheet rows they were worked out of."""
        where = self.scope.own(*conditions)
        source = self.scope.table(shown)
        return self.cite(
            figure_id, label, value, unit, definition,
            f"SELECT count(*) FROM {source} WHERE {where}",
            self.rows_behind(shown, where, table, keys) if table else "",
        )  # fmt: skip

    def cell(
        self, figure_id: str, label: str, value: Number | str | None, unit: str, definition: str,
        column: str, shown: str, where: str, rows: str = "", digits: int = 1,
    ) -> str:  # fmt: skip
        """One cell, or a sum, of an `out_` table."""
        source = self.scope.table(shown)
        sql = f"SELECT {column} FROM {source} WHERE {where}"
        return self.cite(figure_id, label, value, unit, definition, sql, rows, digits)

    def rows_behind(self, shown: str, where: str, table: str, keys: Sequence[str]) -> str:
        """A SELECT of the sheet rows from which chosen rows of an `out_` table were worked out."""
        named = ", ".join(keys)
        chosen = f"SELECT {named} FROM {self.scope.table(shown)} WHERE {where}"
        return self._list_rows(self.scope.table(f"core_{table}"), f"({named}) IN ({chosen})")

    def rows_of(self, table: str, *conditions: str) -> str:
        """A SELECT of the sheet rows of a core table."""
        return self._list_rows(self.scope.table(f"core_{table}"), self.scope.own(*conditions))

    @staticmethod
    def _list_rows(source: str, where: str) -> str:
        return f"SELECT file, sheet, row FROM {source} WHERE {where} ORDER BY file, sheet, row"


def write_value(value: Number | str | None, digits: int = 1) -> str:
    """A value as it is printed: whole numbers plainly, others with so many decimals."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    return f"{value:.{digits}f}"

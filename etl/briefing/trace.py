"""Where a printed number comes from: its definition, its SELECT, and the rows of the sheets."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from etl.briefing.book import Figure
from etl.briefing.model import plain
from etl.errors import ShequError

MOST_ROWS = 5_000
Query = Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]


@dataclass(frozen=True)
class Trace:
    """One figure with the sheet rows behind it (file, sheet, row); `rows_count` counts them all."""

    figure: Figure
    rows: list[tuple[str, str, int]]
    rows_count: int

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            **vars(self.figure),
            "rows_sql": self.figure.rows,
            "rows": [{"file": f, "sheet": s, "row": r} for f, s, r in self.rows],
            "rows_count": self.rows_count,
        }


def trace_figure(figure: Figure, query: Query, most: int = MOST_ROWS) -> Trace:
    """Ask the store, as it was when the figure was printed, for the rows behind it."""
    if not figure.rows:
        return Trace(figure, [], 0)
    _, rows = query(figure.rows)
    named = [(str(file or ""), str(sheet or ""), int(row or 0)) for file, sheet, row in rows]
    return Trace(figure, named[:most], len(named))


def find_figure(figures: dict[str, Figure], asked: str) -> Figure:
    """A figure by its id, or by the number with which the text marks it.

    Raises
    ------
    ShequError
        There is no such figure; the nearest ids are named.
    """
    asked = asked.strip()
    if asked in figures:
        return figures[asked]
    if asked.isascii() and asked.isdigit() and 0 < int(asked) <= len(figures):
        return list(figures.values())[int(asked) - 1]
    near = [each for each in figures if asked and asked.split(".")[0] in each] or list(figures)
    raise ShequError(
        f"这份简报里没有“{plain(asked)}”这个数字。有的例如：{'、'.join(near[:6])}；全部编码在附表和 trace.xlsx 里。"
    )


def recompute(figure: Figure, query: Query) -> Any:
    """What the figure's own SELECT gives today: its first cell."""
    _, rows = query(figure.sql)
    return rows[0][0] if rows else None


def agrees(figure: Figure, found: Any) -> bool:
    """Whether a value asked of the store is the one that was printed."""
    if figure.value is None or isinstance(figure.value, str):
        return True
    return found is not None and math.isclose(float(found), float(figure.value), abs_tol=1e-6)

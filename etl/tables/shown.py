"""Short ways of writing the columns of tables that no sheet holds."""

from __future__ import annotations

from datetime import date

from etl.table import Column


def number(name: str, label: str, unit: str = "", note: str = "") -> Column:
    """A column of real numbers."""
    return Column(name, float, label, unit=unit, note=note)


def whole(name: str, label: str, unit: str = "", note: str = "") -> Column:
    """A column of whole numbers."""
    return Column(name, int, label, unit=unit, note=note)


def text(name: str, label: str, note: str = "") -> Column:
    """A column of text."""
    return Column(name, str, label, note=note)


def day(name: str, label: str, note: str = "") -> Column:
    """A column of dates."""
    return Column(name, date, label, note=note)


def flag(name: str, label: str, note: str = "") -> Column:
    """A column of yes or no."""
    return Column(name, bool, label, note=note)


def share(name: str, label: str, note: str = "") -> tuple[Column, Column, Column]:
    """A share in per cent with its interval."""
    return (
        number(f"{name}_pct", label, "%", note),
        number(f"{name}_pct_low", f"{label}下限", "%", "95% 精确区间"),
        number(f"{name}_pct_high", f"{label}上限", "%"),
    )

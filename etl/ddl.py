"""The contract as SQL: table definitions for the lake, and constrained ones for staging."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from etl.table import LONGEST_TEXT, Column, Table

SQL_TYPES: dict[type, str] = {
    str: "VARCHAR",
    int: "BIGINT",
    float: "DOUBLE",
    bool: "BOOLEAN",
    date: "DATE",
    datetime: "TIMESTAMP",
}
PROVENANCE = (("file", "VARCHAR"), ("sheet", "VARCHAR"), ("row", "BIGINT"), ("snapshot", "BIGINT"))
WITH_GEOMETRY = frozenset({"core_boundaries", "out_shapes"})


def quote(name: str) -> str:
    """An identifier, safe whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text literal, safe whatever is in it."""
    return "'" + value.replace("'", "''") + "'"


def core_columns(table: Table) -> list[tuple[str, str]]:
    """Names and types of a contract table's columns in the lake, with where each row came from."""
    return [(c.name, SQL_TYPES[c.kind]) for c in table.stored] + list(PROVENANCE)


def plain_columns(table: Table) -> list[tuple[str, str]]:
    """Names and types of the columns of a table that no sheet holds."""
    columns = [(c.name, SQL_TYPES[c.kind]) for c in table.columns]
    return [*columns, ("geometry", "GEOMETRY")] if table.name in WITH_GEOMETRY else columns


def define_core(table: Table) -> str:
    """CREATE TABLE of a contract table in the lake."""
    return _define("core_" + table.name, core_columns(table))


def define_plain(table: Table) -> str:
    """CREATE TABLE of a table that no sheet holds."""
    return _define(table.name, plain_columns(table))


def _define(name: str, columns: list[tuple[str, str]]) -> str:
    told = ", ".join(f"{quote(column)} {kind}" for column, kind in columns)
    return f"CREATE TABLE lake.{quote(name)} ({told})"


def define_staging(table: Table, spellings: dict[str, Iterable[str]]) -> str:
    """CREATE TABLE with every rule of the contract as a constraint.

    DuckLake keeps no constraints; rows pass through this table first. `spellings` gives the
    allowed values of the columns that take only some.
    """
    parts = [_define_column(c, table, spellings.get(c.name, ())) for c in table.stored]
    parts.append('"row" BIGINT NOT NULL')
    parts += [
        f"CHECK (CAST({quote(late)} AS DATE) >= CAST({quote(early)} AS DATE))"
        for late, early in table.later
    ]
    parts += [f"CHECK ({quote(part)} <= {quote(whole)})" for part, whole in table.at_most]
    parts.append(f"PRIMARY KEY ({', '.join(quote(name) for name in table.key)})")
    return f"CREATE OR REPLACE TEMP TABLE staging ({', '.join(parts)})"


def _define_column(column: Column, table: Table, values: Iterable[str]) -> str:
    name = quote(column.name)
    rules = [f"{name} {SQL_TYPES[column.kind]}"]
    if column.required or column.name in table.key:
        rules.append("NOT NULL")
    allowed = ", ".join(literal(value) for value in dict.fromkeys(values))
    if allowed:
        rules.append(f"CHECK ({name} IN ({allowed}))")
    low, high = column.bounds
    if low is not None:
        rules.append(f"CHECK ({name} >= {_bound(low)})")
    if high is not None:
        rules.append(f"CHECK ({_whole_day(column)} <= {_bound(high)})")
    if column.kind is str:
        rules.append(f"CHECK (length({name}) <= {LONGEST_TEXT})")
    if column.kind is float:
        rules.append(f"CHECK (isfinite({name}))")
    return " ".join(rules)


def _bound(value: float | date) -> str:
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else repr(value)


def _whole_day(column: Column) -> str:
    """A time on the last allowed day is still allowed."""
    name = quote(column.name)
    return f"CAST({name} AS DATE)" if column.kind is datetime else name

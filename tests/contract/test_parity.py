"""Whatever the contract forbids is refused twice: by the checks, and by the staging table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.check import Checked, check_sheet
from etl.ddl import define_staging
from etl.match import Match, find_table
from etl.names import Names
from etl.profile import load_profile
from etl.sheet import Cell, Sheet
from etl.table import EARLIEST, LATEST, LONGEST_TEXT, Column, Table

PROFILE = load_profile()
PLACE = {"lon": 104.12345, "lat": 30.65432}
REFUSED = (duckdb.ConstraintException, duckdb.ConversionException)
# The name under which each register knows its one entry, and its id there.
KNOWN = {
    "compounds": ("翠屏家园", "T01"),
    "organizations": ("翠屏家园业委会", "Z01"),
    "matters": ("停车整治", "Y01"),
}


@dataclass(frozen=True)
class Case:
    """A value that a column must not hold, as a sheet writes it and as a program would send it."""

    table: Table
    column: Column
    kind: str
    cell: Cell
    value: Any

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column.name}: {self.kind}"


def good_value(column: Column) -> Any:
    """A value that the store may hold."""
    if column.refers_to:
        return KNOWN[column.refers_to][1]
    if column.values_from:
        return PROFILE.categories[0].name
    if column.values:
        return column.values[0].code
    if column.kind is str:
        return "3栋" if column.canonical == "building" else "甲"
    if column.kind is bool:
        return True
    if column.name in PLACE:
        return PLACE[column.name]
    if column.kind in (int, float):
        return column.kind(column.high)  # type: ignore[arg-type, call-arg]
    return datetime(2025, 1, 3, 9, 20) if column.kind is datetime else date(2025, 1, 3)


def good_cell(column: Column) -> Cell:
    """The same value as a sheet would have it; nothing personal, and one way to say the place."""
    if column.is_personal or column.lonlat:
        return ""
    if column.refers_to:
        return KNOWN[column.refers_to][0]
    if column.values:
        return column.values[0].text
    return "是" if column.kind is bool else good_value(column)


def bad_values(table: Table, column: Column) -> Iterator[tuple[str, Cell, Any]]:
    """Every kind of bad value that a column can have: kind, cell, value sent to the database."""
    low, high = column.bounds
    if column.kind in (int, float):
        assert isinstance(low, (int, float))
        assert isinstance(high, (int, float))
        yield "below low", low - 1, low - 1
        yield "above high", high + 1, high + 1
        yield "infinite", math.inf, math.inf
        yield "minus infinite", -math.inf, -math.inf
        yield "a word", "许多", "许多"
    elif column.kind in (date, datetime):
        early, late = EARLIEST - timedelta(days=1), LATEST + timedelta(days=1)
        assert (early, late) == (date(1899, 12, 31), date(2100, 1, 2))
        yield "before 1900", early, early
        yield "after 2100", late, late
        yield "no such day", "2025-02-30", "2025-02-30"
    elif column.values or column.values_from:
        yield "wrong choice", "并无此项", "并无此项"
    elif column.kind is bool:
        yield "neither yes nor no", "也许", "也许"
    else:
        yield "too long", "字" * (LONGEST_TEXT + 1), "字" * (LONGEST_TEXT + 1)
    if column.required:
        yield "missing", "", None


CASES = [
    Case(table, column, *bad)
    for table in PROFILE.tables
    for column in table.stated
    for bad in bad_values(table, column)
]
DERIVED = [(t, c) for t in PROFILE.tables for c in t.columns if c.is_derived]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory for the staging table."""
    with duckdb.connect() as connection:
        yield connection


def names() -> dict[str, Names]:
    """The registers to which rows refer."""
    known = {}
    for table, (name, identifier) in KNOWN.items():
        known[table] = Names()
        known[table].add(identifier, [name])
    return known


@cache
def header(table: Table) -> tuple[Match, tuple[str, ...]]:
    labels = tuple(column.label for column in table.asked)
    match = find_table(Sheet.of(table.label, [list(labels)]), "表.xlsx", PROFILE)
    assert isinstance(match, Match)
    assert match.table.name == table.name
    return match, labels


def check(table: Table, *rows: dict[str, Cell]) -> Checked:
    """Rows under the header of the template, checked."""
    match, labels = header(table)
    cells = [[row.get(column.name, "") for column in table.asked] for row in rows]
    sheet = Sheet.of(table.label, [list(labels), *cells])
    return check_sheet(sheet, match, PROFILE, "表.xlsx", names())


def good_cells(table: Table) -> dict[str, Cell]:
    return {column.name: good_cell(column) for column in table.asked}


def good_values(table: Table) -> dict[str, Any]:
    return {column.name: good_value(column) for column in table.stored}


def stage(database: duckdb.DuckDBPyConnection, table: Table) -> None:
    spellings = {c.name: set(PROFILE.spellings(c).values()) for c in table.stored}
    database.execute(define_staging(table, dict(spellings)))


def insert(database: duckdb.DuckDBPyConnection, values: dict[str, Any], row: int = 2) -> None:
    columns = ", ".join(f'"{name}"' for name in (*values, "row"))
    marks = ", ".join("?" * (len(values) + 1))
    database.execute(f"INSERT INTO staging ({columns}) VALUES ({marks})", [*values.values(), row])


@pytest.mark.parametrize("table", PROFILE.tables, ids=lambda table: table.name)
def test_a_good_row_is_taken_by_both(table: Table, database: duckdb.DuckDBPyConnection) -> None:
    checked = check(table, good_cells(table))
    assert [issue.problem for issue in checked.issues] == []
    assert checked.row_numbers.tolist() == [2]
    found = {name: values[0].as_py() for name, values in checked.rows.items()}
    wanted = good_values(table)
    assert {name: found[name] for name in found} == {name: wanted[name] for name in found} | {
        name: found[name]
        for name in ("compound_by", "compound_certainty", "located_by")
        if name in found
    }
    stage(database, table)
    insert(database, wanted)
    arriving = checked.to_arrow()
    stage(database, table)
    database.execute("INSERT INTO staging BY NAME SELECT * FROM arriving")
    assert database.execute("SELECT count(*) FROM staging").fetchone() == (1,)
    assert arriving.num_rows == 1


@pytest.mark.parametrize("table", PROFILE.tables, ids=lambda table: table.name)
def test_a_row_of_only_what_is_required_is_taken_by_both(
    table: Table, database: duckdb.DuckDBPyConnection
) -> None:
    required = {c.name for c in table.asked if c.required}
    checked = check(table, {k: v for k, v in good_cells(table).items() if k in required})
    assert [issue.problem for issue in checked.issues] == []
    assert checked.row_numbers.tolist() == [2]
    stage(database, table)
    insert(
        database,
        {k: v for k, v in good_values(table).items() if k in required | set(table.key)},
    )


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_bad_value_is_refused_by_the_check(case: Case) -> None:
    table, column = case.table, case.column
    checked = check(table, good_cells(table) | {column.name: case.cell})
    told = [issue for issue in checked.issues if issue.column == column.label]
    assert len(told) == 1, [issue.problem for issue in checked.issues]
    place = [c.name for c in table.asked].index(column.name)
    assert told[0].cell == f"{'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[place]}2"
    assert told[0].file == "表.xlsx"
    assert told[0].sheet == table.label
    assert any("\u4e00" <= char <= "\u9fff" for char in told[0].problem)
    if column.required:
        assert told[0].severity == "error"
        assert list(checked.bad_rows) == [2]
        assert checked.row_numbers.tolist() == []
    else:
        assert told[0].severity == "warning"
        assert checked.row_numbers.tolist() == [2]
        if column.name not in table.key:  # an id that is missing is made from the row
            assert checked.rows[column.name].to_pylist() == [None]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_bad_value_is_refused_by_the_staging_table(
    case: Case, database: duckdb.DuckDBPyConnection
) -> None:
    stage(database, case.table)
    with pytest.raises(REFUSED):
        insert(database, good_values(case.table) | {case.column.name: case.value})


@pytest.mark.parametrize("table", PROFILE.tables, ids=lambda table: table.name)
def test_a_second_row_with_one_key_is_refused_by_both(
    table: Table, database: duckdb.DuckDBPyConnection
) -> None:
    checked = check(table, good_cells(table), good_cells(table))
    assert checked.row_numbers.tolist() == [2]
    assert list(checked.bad_rows) == [3]
    assert "与第 2 行重复" in checked.issues[-1].problem
    stage(database, table)
    insert(database, good_values(table))
    with pytest.raises(duckdb.ConstraintException):
        insert(database, good_values(table), row=3)


@pytest.mark.parametrize("table", PROFILE.tables, ids=lambda table: table.name)
def test_the_staging_table_takes_no_row_without_key(
    table: Table, database: duckdb.DuckDBPyConnection
) -> None:
    stage(database, table)
    for name in table.key:
        with pytest.raises(duckdb.ConstraintException):
            insert(database, good_values(table) | {name: None})


@pytest.mark.parametrize(("table", "column"), DERIVED, ids=lambda case: case.name)
def test_the_staging_table_takes_no_stranger_in_a_derived_column(
    table: Table, column: Column, database: duckdb.DuckDBPyConnection
) -> None:
    stage(database, table)
    with pytest.raises(REFUSED):
        insert(database, good_values(table) | {column.name: "并无此项"})


@pytest.mark.parametrize("table", PROFILE.tables, ids=lambda table: table.name)
def test_bounds_are_inclusive_for_both(table: Table, database: duckdb.DuckDBPyConnection) -> None:
    for end in (0, 1):
        edges: dict[str, Any] = {}
        for column in table.stated:
            bound = column.bounds[end]
            if column.name in ("lon", "lat"):
                continue  # they are judged in pairs, and a whole number is too coarse
            if column.kind is datetime:
                assert isinstance(bound, date)
                last = datetime.max.time().replace(microsecond=0)
                edges[column.name] = datetime.combine(bound, last)
            elif bound is not None:
                edges[column.name] = column.kind(bound) if column.kind is not date else bound  # type: ignore[call-arg, arg-type]
        checked = check(table, good_cells(table) | edges)
        assert [issue.problem for issue in checked.issues] == []
        found = {name: checked.rows[name][0].as_py() for name in edges}
        assert found == edges
        stage(database, table)
        insert(database, good_values(table) | edges)


@pytest.mark.parametrize(
    ("table", "column"),
    [(t, c) for t in PROFILE.tables for c in t.stated if PROFILE.spellings(c)],
    ids=lambda case: case.name,
)
def test_every_spelling_of_a_choice_is_taken_by_both(
    table: Table, column: Column, database: duckdb.DuckDBPyConnection
) -> None:
    for spelling, code in PROFILE.spellings(column).items():
        checked = check(table, good_cells(table) | {column.name: f" {spelling} ".upper()})
        assert checked.rows[column.name].to_pylist() == [code]
        assert [issue.problem for issue in checked.issues] == []
        stage(database, table)
        insert(database, good_values(table) | {column.name: code})


CELLS = st.one_of(
    st.just(""),
    st.text(max_size=12),
    st.text("0123456789.,-/年月日时分户人约万千百十一二三 ", max_size=12),
    st.integers(-(10**6), 10**7),
    st.floats(allow_nan=True, allow_infinity=True),
    st.dates(),
    st.datetimes(),
    st.sampled_from(
        ["是", "无", "正常", "翠屏家园", "T01", "停车管理", "3栋", "合计", "104.123,30.612"]
    ),
)


@settings(derandomize=True, database=None, deadline=None, max_examples=250)
@given(st.data())
def test_what_the_check_lets_through_the_staging_table_takes(data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(PROFILE.tables))
    rows = data.draw(
        st.lists(st.dictionaries(st.sampled_from([c.name for c in table.asked]), CELLS), max_size=4)
    )
    checked = check(table, *[good_cells(table) | row for row in rows])
    assert checked.rows_read == len(rows)
    arriving = checked.to_arrow()
    with duckdb.connect() as connection:
        stage(connection, table)
        connection.execute("INSERT INTO staging BY NAME SELECT * FROM arriving")
        taken = connection.execute("SELECT count(*) FROM staging").fetchone()
    assert taken == (len(checked.row_numbers),)
    assert arriving.num_rows == len(checked.row_numbers)

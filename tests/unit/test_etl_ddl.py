"""Table definitions: safe whatever a name or a value holds, and of the contract's types."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.ddl import PROVENANCE, define_core, define_plain, define_staging, literal, quote
from etl.profile import parse_profile
from etl.table import Column, Table
from etl.tables import TABLES
from etl.tables.outputs import OUTPUTS
from etl.tables.records import RECORDS


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory with a schema of the lake's name."""
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS lake")
        yield connection


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20))
@settings(derandomize=True, database=None, deadline=None, max_examples=100)
def test_any_text_is_safe_as_a_literal(text: str) -> None:
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {literal(text)}").fetchone() == (text,)


@pytest.mark.parametrize("name", ["row", "select", 'a"b', "户数", "a; DROP TABLE x", "'", " "])
def test_any_name_is_safe_as_an_identifier(name: str, database: duckdb.DuckDBPyConnection) -> None:
    database.execute(f"CREATE TABLE t ({quote(name)} INT)")
    assert [d[0] for d in database.execute("SELECT * FROM t").description or []] == [name]


def described(database: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    return {row[0]: row[1] for row in database.execute(f"DESCRIBE {table}").fetchall()}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_core_table_has_what_is_stored_and_where_it_came_from(
    table: Table, database: duckdb.DuckDBPyConnection
) -> None:
    database.execute(define_core(table))
    found = described(database, f"lake.core_{table.name}")
    assert list(found) == [c.name for c in table.stored] + [name for name, _ in PROVENANCE]
    types = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN", date: "DATE",
             datetime: "TIMESTAMP"}  # fmt: skip
    assert all(found[column.name] == types[column.kind] for column in table.stored)
    assert not any(column.is_personal and column.name in found for column in table.columns)


@pytest.mark.parametrize(
    "table",
    [t for t in (*RECORDS, *OUTPUTS) if t.name not in ("core_boundaries", "out_shapes")],
    ids=lambda table: table.name,
)
def test_records_and_outputs_have_their_columns(
    table: Table, database: duckdb.DuckDBPyConnection
) -> None:
    database.execute(define_plain(table))
    assert list(described(database, f"lake.{table.name}")) == [c.name for c in table.columns]


@pytest.mark.parametrize("name", ["core_boundaries", "out_shapes"])
def test_tables_of_shapes_have_a_geometry(name: str) -> None:
    table = next(t for t in (*RECORDS, *OUTPUTS) if t.name == name)
    assert define_plain(table).endswith('"geometry" GEOMETRY)')


def test_staging_follows_the_rules_of_the_profile(database: duckdb.DuckDBPyConnection) -> None:
    profile = parse_profile("[rules.compounds.household_count]\nhigh = 500\nrequired = false")
    database.execute(define_staging(profile.table("compounds"), {}))
    add = "INSERT INTO staging (compound_id, name, type, household_count, row) VALUES (?, 'x', 'y', ?, 2)"
    database.execute(add, ["a", 500])
    database.execute(add, ["b", None])
    with pytest.raises(duckdb.ConstraintException):
        database.execute(add, ["c", 501])


def test_allowed_values_with_quotes_are_kept_apart(database: duckdb.DuckDBPyConnection) -> None:
    table = Table("t", "表", (Column("a", str, "甲"),), key=("a",))
    database.execute(define_staging(table, {"a": ["it's", "x','y"]}))
    database.execute("INSERT INTO staging VALUES ('it''s', 1), ('x'',''y', 2)")
    with pytest.raises(duckdb.ConstraintException):
        database.execute("INSERT INTO staging VALUES ('x', 3)")


def test_staging_is_made_anew_for_each_sheet(database: duckdb.DuckDBPyConnection) -> None:
    table = Table("t", "表", (Column("a", int, "甲", low=0),), key=("a",))
    for _ in range(2):
        database.execute(define_staging(table, {}))
        database.execute("INSERT INTO staging VALUES (1, 2)")
        assert database.execute("SELECT count(*) FROM staging").fetchone() == (1,)


@pytest.mark.parametrize("table", [t for t in TABLES if t.at_most], ids=lambda t: t.name)
def test_staging_refuses_a_part_that_is_larger_than_its_whole(table: Table) -> None:
    plain = Table(table.name, table.label, tuple(Column(n, int, n) for n in {
        name for pair in table.at_most for name in pair}), key=(table.at_most[0][0],),
        at_most=table.at_most)  # fmt: skip
    part, whole = table.at_most[0]
    others = {name: 0 for pair in table.at_most for name in pair}
    with duckdb.connect() as connection:
        connection.execute(define_staging(plain, {}))
        for values, is_good in (({part: 5, whole: 5}, True), ({part: 6, whole: 5}, False)):
            row = {**others, **values, "row": 1}
            names = ", ".join(map(quote, row))
            statement = (
                f"INSERT INTO staging ({names}) VALUES ({', '.join(map(str, row.values()))})"
            )
            if is_good:
                connection.execute(statement)
                connection.execute("DELETE FROM staging")
            else:
                with pytest.raises(duckdb.ConstraintException):
                    connection.execute(statement)

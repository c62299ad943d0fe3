"""The PostgreSQL side of a shared store: one writer at a time, one clock, and what is noted there.

Every function is given a DuckDB cursor to which the catalogue's server is attached as `beside`.
What is noted there concerns all offices and no snapshot: an undo does not take it back.
"""

from __future__ import annotations

from typing import Any

from etl.ddl import literal

NAME = "beside"
# The advisory lock of whoever writes; one lake has one database of its own.
LOCK_KEY = 7_243_478_001
_NOTES = """
CREATE TABLE IF NOT EXISTS shequ_notes (
    kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, name))
"""
LAKE_ID, KEPT, MOVED, ARRIVING = "lake", "kept", "moved", "arriving"


def ask(cursor: Any, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a SELECT that the server itself answers."""
    found: list[tuple[Any, ...]] = cursor.execute(
        f"SELECT * FROM postgres_query('{NAME}', {literal(sql)})"
    ).fetchall()
    return found


def tell(cursor: Any, sql: str) -> None:
    """Have the server do something."""
    cursor.execute(f"CALL postgres_execute('{NAME}', {literal(sql)})")


def take_lock(cursor: Any, seconds: float) -> None:
    """Be the one who writes until the cursor's transaction ends; who came first is served first.

    Raises what the database raises where others held it for so long.
    """
    cursor.execute("BEGIN")
    tell(cursor, f"SET LOCAL lock_timeout = {int(seconds * 1000)}")
    ask(cursor, f"SELECT 1 FROM (SELECT pg_advisory_xact_lock({LOCK_KEY})) held")


def read_clock(cursor: Any) -> float:
    """The server's time, in seconds since 1970: by it the snapshots are dated."""
    return float(ask(cursor, "SELECT extract(epoch FROM clock_timestamp())::float8 AS now")[0][0])


def has_notes(cursor: Any) -> bool:
    """Whether anything was ever noted."""
    return bool(ask(cursor, "SELECT to_regclass('shequ_notes') IS NOT NULL AS there")[0][0])


def read_notes(cursor: Any, kind: str) -> dict[str, str]:
    """What is noted of a kind, by name."""
    if not has_notes(cursor):
        return {}
    rows = ask(cursor, f"SELECT name, value FROM shequ_notes WHERE kind = {literal(kind)}")
    return {str(name): str(value) for name, value in rows}


def note(cursor: Any, kind: str, name: str, value: str) -> None:
    """Note something once; what was noted under the name before stays."""
    if not has_notes(cursor):
        tell(cursor, _NOTES)
    told = ", ".join(map(literal, (kind, name, value)))
    tell(cursor, f"INSERT INTO shequ_notes VALUES ({told}) ON CONFLICT DO NOTHING")


def drop_notes(cursor: Any, kind: str) -> None:
    """Forget what is noted of a kind."""
    if has_notes(cursor):
        tell(cursor, f"DELETE FROM shequ_notes WHERE kind = {literal(kind)}")


def list_tables(cursor: Any) -> list[str]:
    """The tables of the catalogue itself."""
    rows = ask(
        cursor,
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' "
        "AND table_name LIKE 'ducklake\\_%' ORDER BY 1",
    )
    return [str(name) for (name,) in rows]


def drop_catalogue(cursor: Any) -> None:
    """Take the catalogue away, with all that is noted beside it."""
    names = [*list_tables(cursor), "shequ_notes"]
    tell(cursor, "".join(f"DROP TABLE IF EXISTS public.{name};" for name in names))


def copy_catalogue(cursor: Any, name: str) -> None:
    """A copy of the catalogue as it is, in a schema of its own; one that is there is kept."""
    if ask(cursor, f"SELECT 1 FROM pg_namespace WHERE nspname = {literal(name)}"):
        return
    copies = "".join(
        f"CREATE TABLE {name}.{table} AS TABLE public.{table};" for table in list_tables(cursor)
    )
    tell(cursor, f"BEGIN; CREATE SCHEMA {name}; {copies} COMMIT;")

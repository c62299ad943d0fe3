"""The store, a DuckLake: one transaction and one snapshot per refresh; the only `import duckdb`."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import duckdb
import geopandas as gpd
import pandas as pd
import pyarrow as pa
import shapely
from filelock import FileLock, Timeout

from etl.ddl import (
    PROVENANCE,
    WITH_GEOMETRY,
    define_core,
    define_plain,
    define_staging,
    literal,
    quote,
)
from etl.errors import StoreBusyError, StoreError
from etl.profile import Profile
from etl.table import Table
from etl.tables import TABLES
from etl.tables.outputs import OUTPUTS
from etl.tables.records import RECORDS

EXTENSIONS = ("sqlite_scanner", "ducklake", "spatial")
CATALOGUE = "catalogue.sqlite"
STORE_FORMAT = 1
OWN_FILES = ("writer.", "data", CATALOGUE)
# What may differ although a sheet says nothing new: a file saved again has another sha256.
PASSING = frozenset({"snapshot", "refreshed_at", "who", "sha256"})
LOCK_SECONDS = 60.0
BUSY_MILLISECONDS = 30_000
# Functions of the extensions that open files by themselves, past the database's own guard.
_REACHING_OUT = re.compile(r"\b(sqlite|postgres|ducklake|st_read|st_drivers|read)\w*\s*\(", re.I)
_KINDS = Literal["create", "refresh", "undo"]


@dataclass(frozen=True)
class Entry:
    """One published state in the store's history."""

    snapshot: int
    at: datetime
    who: str
    what: str
    files: list[str] = field(default_factory=list)
    is_undone: bool = False
    is_current: bool = False
    restores: int | None = None


@dataclass(frozen=True)
class Landed:
    """What landing the rows of one sheet came to: the row numbers by fate."""

    new: list[int]
    changed: list[int]
    unchanged: int
    conflicts: list[int]
    gone: list[int]
    held: int

    @property
    def is_same_list(self) -> bool:
        """Whether a sheet is an earlier one corrected, not another one under the same name."""
        return self.held > 0 and len(self.gone) * 2 <= self.held


class Store:
    """A folder with a DuckLake: a catalogue and Parquet files.

    Every method reads the newest published state; readers never wait for a writer.

    Raises
    ------
    StoreError
        The folder is no store and not empty, cannot be written, or is of a newer version.
    """

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        self.path = Path(path).expanduser().absolute()
        self._read_only = read_only
        if not (self.path / CATALOGUE).exists():
            self._prepare_folder()
        self._connection = self._connect()
        if not self._has_tables() and not read_only:
            with self._writer_lock(""):
                if not self._has_tables():  # another process may have been faster
                    self._create_tables()
        self._check_format()

    def _prepare_folder(self) -> None:
        if self._read_only:
            raise StoreError(f"“{self.path}”里还没有数据。请先运行 shequ refresh 或 shequ serve。")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            strangers = [p.name for p in self.path.iterdir() if not p.name.startswith(OWN_FILES)]
            if strangers:
                raise StoreError(
                    f"“{self.path}”不是空文件夹，也不是本软件的数据文件夹（里面有 {strangers[0]}）。"
                    "请用 --store 另指一个文件夹。"
                )
            (self.path / "data").mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"“{self.path}”不能写入：{error.strerror}。请换一个文件夹。"
            ) from error

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )
        for name in EXTENSIONS:
            connection.execute(f"LOAD {literal(str(find_extension(name)))}")
        connection.execute("SET geometry_always_xy = true")
        connection.execute("SET TimeZone = 'UTC'")
        catalogue = literal(f"ducklake:sqlite:{(self.path / CATALOGUE).as_posix()}")
        options = [
            f"DATA_PATH {literal((self.path / 'data').as_posix() + '/')}",
            "OVERRIDE_DATA_PATH true",
            # Small tables kept inside the catalogue made every later read slower, by half.
            "DATA_INLINING_ROW_LIMIT 0",
            f"META_BUSY_TIMEOUT {BUSY_MILLISECONDS}",
            "READ_ONLY" if self._read_only else "META_JOURNAL_MODE 'WAL'",
        ]
        try:
            connection.execute(f"ATTACH {catalogue} AS lake ({', '.join(options)})")
        except duckdb.Error as error:
            raise StoreError(
                f"“{self.path}”里的数据打不开，可能已损坏或没有权限。请用备份恢复，或另指一个文件夹。"
            ) from error
        # From here on no statement, whoever wrote it, reaches a file outside the store.
        connection.execute(f"SET allowed_directories = [{literal(self.path.as_posix())}]")
        connection.execute("SET enable_external_access = false")
        return connection

    def _has_tables(self) -> bool:
        sql = (
            "SELECT 1 FROM duckdb_tables() WHERE database_name = 'lake' AND table_name = 'settings'"
        )
        return bool(self._rows(sql))

    def _create_tables(self) -> None:
        with self._transaction() as cursor:
            for table in TABLES:
                cursor.execute(define_core(table))
            for table in (*RECORDS, *OUTPUTS):
                cursor.execute(define_plain(table))
            cursor.execute("INSERT INTO lake.settings VALUES ('format', ?)", [str(STORE_FORMAT)])
            _commit(cursor, "create", "", {})

    def _check_format(self) -> None:
        try:
            found = int(self._rows("SELECT value FROM lake.settings WHERE name = 'format'")[0][0])
        except (duckdb.Error, IndexError, ValueError) as error:
            raise StoreError(f"“{self.path}”里的数据不完整，请用备份恢复。") from error
        if found > STORE_FORMAT:
            raise StoreError(
                f"“{self.path}”由更新的版本写成（格式 {found}，本版本到 {STORE_FORMAT}）。请升级软件。"
            )

    # -- reading ---------------------------------------------------------------------------

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def snapshot(self) -> int | None:
        """The number of the published state; None while nothing was published."""
        entries = self.history()
        return entries[0].snapshot if entries else None

    def frame(self, table: str) -> pd.DataFrame:
        """A table of the published state, columns as in the data dictionary.

        Raises
        ------
        StoreError
            There is no such table.
        """
        if table not in TABLE_NAMES:
            raise StoreError(f"没有“{table}”这张表。")
        left_out = " EXCLUDE (geometry)" if table in WITH_GEOMETRY else ""
        with self._connection.cursor() as cursor:
            found = cursor.execute(f"SELECT *{left_out} FROM lake.{quote(table)}")
            return _as_frame(found.to_arrow_table())

    def shapes(self, table: str = "out_shapes") -> gpd.GeoDataFrame:
        """The shapes of the published state, EPSG:4326."""
        with self._connection.cursor() as cursor:
            return _read_shapes(cursor, table)

    def profile_text(self) -> str | None:
        """The text of the profile with which the newest state was published."""
        rows = self._rows("SELECT value FROM lake.settings WHERE name = 'profile'")
        return str(rows[0][0]) if rows else None

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Columns and rows of one SELECT; nothing outside the store can be read or changed.

        Raises
        ------
        StoreError
            It is not one SELECT, or it fails; with the database's own words.
        """
        try:
            if _REACHING_OUT.search(sql):
                raise StoreError("只能查询本数据文件夹里的表。")
            statements = duckdb.extract_statements(sql)
            kinds = {statement.type for statement in statements}
            if len(statements) != 1 or kinds - {duckdb.StatementType.SELECT}:
                raise StoreError("只能查询：请写一条 SELECT。")
            with self._connection.cursor() as cursor:
                cursor.execute("USE lake")
                found = cursor.execute(sql)
                return [d[0] for d in found.description or []], found.fetchall()
        except duckdb.Error as error:
            raise StoreError(f"查询没有成功：{error}") from error

    # -- history ---------------------------------------------------------------------------

    def history(self) -> list[Entry]:
        """Published states, the newest first; a state that was undone says so."""
        rows = self._rows(
            "SELECT snapshot_id, snapshot_time, author, commit_extra_info "
            "FROM lake.snapshots() WHERE commit_extra_info IS NOT NULL ORDER BY snapshot_id"
        )
        entries = [_read_entry(*row) for row in rows if json.loads(row[3])["kind"] != "create"]
        live = _live_states(entries)
        current = live[-1] if live else None
        marked = [
            Entry(
                e.snapshot, e.at, e.who, e.what, e.files,
                is_undone=e.what == "refresh" and e.snapshot not in live,
                is_current=e.snapshot == current,
                restores=e.restores,
            )
            for e in entries
        ]  # fmt: skip
        return marked[::-1]

    def undo(self, who: str = "") -> Entry:
        """Bring back the state before the newest refresh that still stands, exactly.

        Raises
        ------
        StoreError
            There is nothing left to undo.
        """
        with self._writer_lock(who):
            live = _live_states(self.history()[::-1])
            if not live:
                raise StoreError("没有可以撤销的更新。")
            before = live[-2] if len(live) > 1 else self._created()
            with self._transaction() as cursor:
                for name in TABLE_NAMES:
                    table = f"lake.{quote(name)}"
                    cursor.execute(
                        f"CREATE OR REPLACE TABLE {table} AS FROM {table} AT (VERSION => {before})"
                    )
                _commit(cursor, "undo", who, {"undone": live[-1], "restores": before})
        return self.history()[0]

    def _created(self) -> int:
        rows = self._rows(
            "SELECT min(snapshot_id) FROM lake.snapshots() WHERE commit_extra_info IS NOT NULL"
        )
        return int(rows[0][0])

    # -- writing ---------------------------------------------------------------------------

    @contextmanager
    def _writer_lock(self, who: str) -> Iterator[None]:
        """One writer at a time; who it is stands beside the lock."""
        note = self.path / "writer.who"
        lock = FileLock(self.path / "writer.lock", timeout=LOCK_SECONDS)
        try:
            with lock:
                note.write_text(f"{who or '有人'}（{datetime.now():%H:%M} 开始）", encoding="utf-8")
                yield
        except Timeout as error:
            busy = note.read_text(encoding="utf-8") if note.exists() else "有人"
            raise StoreBusyError(f"{busy}正在更新数据，请过几分钟再试；您的文件没有动。") from error
        except PermissionError as error:
            raise StoreError(f"“{self.path}”不能写入，请检查权限或磁盘。数据没有变动。") from error

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that is rolled back at its end unless `_commit` was called in it."""
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
        except duckdb.Error as error:
            raise StoreError(f"数据没有写成，仍是原来的状态：{_first_line(error)}") from error
        finally:
            with suppress(duckdb.Error):
                cursor.execute("ROLLBACK")
            cursor.close()

    @contextmanager
    def write(self, who: str = "") -> Iterator[Writer]:
        """One refresh: all that is written inside is published at once, or not at all.

        Nothing is published unless `Writer.publish` was called.
        """
        with self._writer_lock(who), self._transaction() as cursor:
            writer = Writer(cursor, who)
            yield writer
            if writer.summary is not None:
                _commit(cursor, "refresh", who, writer.summary)

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()


class Writer:
    """What a refresh may do inside its transaction."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, who: str) -> None:
        self._cursor = cursor
        self.who = who
        self.summary: Mapping[str, Any] | None = None
        self.snapshot = self._next_snapshot()

    def _next_snapshot(self) -> int:
        rows = self._cursor.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchall()
        return int(rows[0][0]) + 1

    def publish(self, summary: Mapping[str, Any]) -> None:
        """Have the transaction committed at its end, with this said of it in the history."""
        self.summary = summary

    def frame(self, sql: str, **variables: Any) -> pd.DataFrame:
        """Rows of a named .sql file, or of a SELECT."""
        return _as_frame(self._run(sql, variables).to_arrow_table())

    def arrow(self, sql: str, **variables: Any) -> pa.Table:
        """Rows of a named .sql file, in the database's own types."""
        return self._run(sql, variables).to_arrow_table()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        return self._cursor.execute(sql, list(parameters)).fetchall()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement."""
        self._cursor.execute(sql, list(parameters))

    def _run(self, sql: str, variables: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
        for name, value in variables.items():
            self._cursor.execute(f"SET VARIABLE {quote(name)} = $1", [value])
        return self._cursor.execute(named_sql(sql) if " " not in sql else sql)

    def shapes(self, table: str) -> gpd.GeoDataFrame:
        """The shapes of a table, EPSG:4326."""
        return _read_shapes(self._cursor, table)

    def land(
        self,
        table: Table,
        rows: pa.Table,
        stated: frozenset[str],
        origin: tuple[str, str],
        profile: Profile,
    ) -> Landed:
        """Bring checked rows of one sheet in: new keys are added, changed ones replaced.

        Columns that the sheet does not have (not in `stated`) keep what the store knew.
        """
        self._stage(table, rows, stated, profile)
        fates = self._judge_fates(table, origin)
        landed = Landed(
            [row for fate, row in fates if fate == "new"],
            [row for fate, row in fates if fate == "changed"],
            sum(fate == "unchanged" for fate, _ in fates),
            [row for fate, row in fates if fate == "conflict"],
            *self._find_gone(table, origin),
        )
        target = f"lake.{quote('core_' + table.name)}"
        if landed.changed:
            matched = " AND ".join(f"s.{quote(k)} = {target}.{quote(k)}" for k in table.key)
            self.execute(
                f"DELETE FROM {target} WHERE EXISTS (SELECT 1 FROM staging s JOIN fates f "
                f"USING (row) WHERE f.fate = 'changed' AND {matched})"
            )
        if landed.new or landed.changed:
            names = ", ".join(quote(c.name) for c in table.stored)
            provenance = ", ".join(quote(name) for name, _ in PROVENANCE)
            self.execute(
                f"INSERT INTO {target} ({names}, {provenance}) SELECT {names}, ?, ?, row, ? "
                "FROM staging JOIN fates USING (row) WHERE fate IN ('new', 'changed') ORDER BY row",
                [*origin, self.snapshot],
            )
        return landed

    def _stage(
        self, table: Table, rows: pa.Table, stated: frozenset[str], profile: Profile
    ) -> None:
        """Put rows into a table with the contract's constraints, as `staging`."""
        spellings = {c.name: set(profile.spellings(c).values()) for c in table.stored}
        self.execute(define_staging(table, dict(spellings)))
        keys = ", ".join(quote(name) for name in table.key)
        chosen = ", ".join(
            f"a.{quote(c.name)}"
            if c.name in stated or c.name in table.key
            else f"coalesce(k.{quote(c.name)}, a.{quote(c.name)})"
            for c in table.stored
        )
        self._cursor.register("arriving", rows)
        self.execute(
            f"INSERT INTO staging SELECT {chosen}, a.row FROM arriving a "
            f"LEFT JOIN ({_stated_view(table)}) k USING ({keys})"
        )
        self._cursor.unregister("arriving")

    def _judge_fates(self, table: Table, origin: tuple[str, str]) -> list[tuple[str, int]]:
        """New, changed, unchanged, or in conflict with another file's, for each staged row."""
        keys = ", ".join(quote(name) for name in table.key)
        differs = " OR ".join(
            f"s.{quote(c.name)} IS DISTINCT FROM k.{quote(c.name)}" for c in table.stated
        )
        # By day: one office writes the hour, another only the date.
        other = " OR ".join(
            f"s.{quote(name)}::DATE <> k.{quote(name)}::DATE" for name in table.fixed
        )
        self.execute(
            "CREATE OR REPLACE TEMP TABLE fates AS SELECT s.row, CASE "
            f"WHEN k.{quote(table.key[0])} IS NULL THEN 'new' "
            f"WHEN k.file <> ? AND ({other or 'false'}) THEN 'conflict' "
            f"WHEN {differs} THEN 'changed' ELSE 'unchanged' END AS fate "
            f"FROM staging s LEFT JOIN ({_stated_view(table)}) k USING ({keys})",
            [origin[0]],
        )
        return [(str(f), int(r)) for f, r in self.rows("SELECT fate, row FROM fates ORDER BY row")]

    def _find_gone(self, table: Table, origin: tuple[str, str]) -> tuple[list[int], int]:
        """Rows that the same sheet held before and does not hold now, and how many it held."""
        target = f"lake.{quote('core_' + table.name)}"
        keys = ", ".join(quote(name) for name in table.key)
        here = "file = ? AND sheet = ?"
        held = self.rows(f"SELECT count(*) FROM {target} WHERE {here}", origin)[0][0]
        gone = self.rows(
            f"SELECT row FROM {target} ANTI JOIN staging USING ({keys}) WHERE {here}", origin
        )
        return [int(row) for (row,) in gone], int(held)

    def forget(self, table: Table, origin: tuple[str, str], rows: list[int]) -> None:
        """Take rows of a sheet out that came in by an earlier refresh."""
        self.execute(
            f"DELETE FROM lake.{quote('core_' + table.name)} WHERE file = ? AND sheet = ? "
            "AND snapshot < ? AND row IN (SELECT unnest(?::BIGINT[]))",
            [*origin, self.snapshot, rows],
        )

    def swap(self, table: Table, origins: list[tuple[str, str]], frame: pd.DataFrame) -> bool:
        """Replace what a table of records says of some sheets; whether that differs from before."""
        told = [c.name for c in table.columns if c.name not in PASSING]
        columns = ", ".join(quote(c) for c in told)
        files, sheets = [f for f, _ in origins], [s for _, s in origins]
        arrays = [pa.array(files, pa.string()), pa.array(sheets, pa.string())]
        self.register("origins", pa.Table.from_arrays(arrays, names=["file", "sheet"]))
        here = "(file, sheet) IN (SELECT (file, sheet) FROM origins)"
        name = f"lake.{quote(table.name)}"
        before = self.rows(f"SELECT {columns} FROM {name} WHERE {here}")
        after = _as_arrow(table, frame).select(told).to_pylist()
        if sorted(map(repr, before)) == sorted(repr(tuple(row.values())) for row in after):
            return False
        self.execute(f"DELETE FROM {name} WHERE {here}")
        self.append(table, frame)
        return True

    def append(self, table: Table, frame: pd.DataFrame) -> None:
        """Add rows to a table of records or of outputs."""
        if frame.empty:
            return
        names = ", ".join(quote(c.name) for c in table.columns)
        self._cursor.register("arriving", _as_arrow(table, frame))
        self._cursor.execute(
            f"INSERT INTO lake.{quote(table.name)} ({names}) SELECT {names} FROM arriving"
        )
        self._cursor.unregister("arriving")

    def replace(self, table: Table, frame: pd.DataFrame) -> None:
        """Put a frame in the place of everything a table holds."""
        self._cursor.execute(f"DELETE FROM lake.{quote(table.name)}")
        self.append(table, frame)

    def replace_by(self, table: Table, sql: str, **variables: Any) -> None:
        """Put the rows of a named .sql file in the place of everything a table holds."""
        for name, value in variables.items():
            self._cursor.execute(f"SET VARIABLE {quote(name)} = $1", [value])
        self._cursor.execute(f"DELETE FROM lake.{quote(table.name)}")
        self._cursor.execute(f"INSERT INTO lake.{quote(table.name)} BY NAME {named_sql(sql)}")

    def append_shapes(self, table: Table, frame: gpd.GeoDataFrame) -> None:
        """Add shapes (EPSG:4326) to a table with geometry."""
        if frame.empty:
            return
        plain = _as_arrow(table, pd.DataFrame(frame.drop(columns=frame.geometry.name)))
        wkb = pa.array(list(shapely.to_wkb(frame.geometry.values)), type=pa.binary())
        self._cursor.register("arriving", plain.append_column("geometry", wkb))
        names = ", ".join(quote(c.name) for c in table.columns)
        self._cursor.execute(
            f"INSERT INTO lake.{quote(table.name)} ({names}, geometry) "
            f"SELECT {names}, ST_GeomFromWKB(geometry) FROM arriving"
        )
        self._cursor.unregister("arriving")

    def register(self, name: str, rows: pa.Table) -> None:
        """Make rows readable by name in the statements that follow."""
        self._cursor.execute(f"DROP TABLE IF EXISTS temp.{quote(name)}")
        self._cursor.register("arriving", rows)
        self._cursor.execute(f"CREATE TEMP TABLE {quote(name)} AS FROM arriving")
        self._cursor.unregister("arriving")


TABLE_NAMES: tuple[str, ...] = (
    *(f"core_{table.name}" for table in TABLES),
    *(table.name for table in (*RECORDS, *OUTPUTS)),
)


def find_extension(name: str) -> Path:
    """The file of a DuckDB extension, out of its installed package; nothing is downloaded.

    Raises
    ------
    StoreError
        The package is not installed, or is of another version than duckdb.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    package = f"duckdb-extension-{name.replace('_', '-')}=={duckdb.__version__}"
    if spec is not None and spec.origin:
        folder = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}"
        path = folder / f"{name}.duckdb_extension"
        if path.exists():
            return path
    raise StoreError(
        f"缺少与 duckdb {duckdb.__version__} 配套的扩展。请运行：pip install {package}"
    )


def named_sql(stem: str) -> str:
    """The SELECT in a .sql file of the package."""
    return resources.files("etl").joinpath("sql", f"{stem}.sql").read_text(encoding="utf-8")


def _stated_view(table: Table) -> str:
    """A core table as its sheets state it, without what placement filled in."""
    name = f"lake.{quote('core_' + table.name)}"
    if not any(c.name == "compound_by" for c in table.columns):
        return f"SELECT * FROM {name}"
    return (
        "SELECT * REPLACE ("
        "CASE WHEN compound_by = 'coordinates' THEN NULL ELSE compound_id END AS compound_id, "
        "CASE WHEN compound_by = 'coordinates' THEN NULL ELSE compound_by END AS compound_by, "
        "CASE WHEN located_by = 'building' THEN NULL ELSE lon END AS lon, "
        "CASE WHEN located_by = 'building' THEN NULL ELSE lat END AS lat, "
        "CASE WHEN located_by = 'building' THEN NULL ELSE located_by END AS located_by"
        f") FROM {name}"
    )


def _read_shapes(cursor: duckdb.DuckDBPyConnection, table: str) -> gpd.GeoDataFrame:
    found = cursor.execute(
        f"SELECT * REPLACE (ST_AsWKB(geometry)::BLOB AS geometry) FROM lake.{quote(table)} "
        "ORDER BY level, place_id"
    ).to_arrow_table()
    geometry = shapely.from_wkb(found.column("geometry").to_pylist())
    frame = _as_frame(found.drop_columns(["geometry"])).astype(object)
    frame = frame.where(frame.notna(), None)
    return gpd.GeoDataFrame(frame, geometry=geometry, crs="EPSG:4326")


def _as_frame(table: pa.Table) -> pd.DataFrame:
    """Whole numbers with gaps stay whole (nullable Int64); text stays text."""
    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=types.get, date_as_object=False)
    return frame


def _as_arrow(table: Table, frame: pd.DataFrame) -> pa.Table:
    from etl.check import ARROW_TYPES

    arrays = []
    for column in table.columns:
        values = frame[column.name]
        cleaned = values.astype(object).where(values.notna(), None)
        arrays.append(pa.array(cleaned.tolist(), type=ARROW_TYPES[column.kind]))
    return pa.Table.from_arrays(arrays, names=[c.name for c in table.columns])


def _commit(
    cursor: duckdb.DuckDBPyConnection, kind: _KINDS, who: str, summary: Mapping[str, Any]
) -> None:
    """End a transaction, with what it was said in the lake's own history."""
    extra = json.dumps({"kind": kind, **summary}, ensure_ascii=False)
    cursor.execute("CALL lake.set_commit_message(?, ?, extra_info => ?)", [who or "-", kind, extra])
    cursor.execute("COMMIT")


def _read_entry(snapshot: int, at: datetime, who: str, extra: str) -> Entry:
    said = json.loads(extra)
    known_who = "" if who == "-" else who
    files, restores = said.get("files", []), said.get("restores")
    return Entry(snapshot, at.astimezone(), known_who, said["kind"], files, restores=restores)


def _live_states(entries: list[Entry]) -> list[int]:
    """Snapshots of the refreshes that still stand, in order: an undo takes the last one away."""
    live: list[int] = []
    for entry in entries:
        if entry.what == "refresh":
            live.append(entry.snapshot)
        elif live:
            live.pop()
    return live


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]

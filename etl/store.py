"""The store, a DuckLake: one transaction and one snapshot per refresh; the only `import duckdb`."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

import duckdb
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from filelock import FileLock, Timeout

from etl import beside
from etl.columns import ARROW_TYPES
from etl.ddl import (
    PROVENANCE,
    WITH_GEOMETRY,
    core_columns,
    define_core,
    define_plain,
    define_staging,
    literal,
    plain_columns,
    quote,
)
from etl.errors import AccessError, StoreAgainError, StoreBusyError, StoreError
from etl.failures import explain_opening, explain_waiting, explain_writing, is_locked
from etl.lake import LAKE_FILE, Lake, read_lake, storage_keys
from etl.lakefiles import LakeFile, copy_apart, drop_checksums, note_checksums, read_files
from etl.profile import Profile
from etl.raw import RawRows
from etl.table import Table
from etl.tables import BY_NAME, TABLES
from etl.tables.outputs import OUTPUTS
from etl.tables.records import FILES, PAST_STATES, QUARANTINE, RAW_ROWS, RECORDS

EXTENSIONS = ("sqlite_scanner", "ducklake", "spatial")
SHARED_EXTENSIONS = ("postgres_scanner", "ducklake", "spatial")
OBJECT_EXTENSIONS = ("httpfs",)
CATALOGUE = "catalogue.sqlite"
STORE_FORMAT = 6
_METADATA = "__ducklake_metadata_lake"  # the catalogue's own tables
OWN_FILES = ("writer.", "data", "access.", "briefings.", CATALOGUE, LAKE_FILE)
# In the data of a shared store: whose they are, so that no two catalogues ever share them.
OWNER_FILE = "shequ-lake.csv"
# Who is writing, or was the last to.
WRITER_NOTE = "writer.who"
# Stands in a folder whose data were moved, and says where to.
MOVED_FILE = "writer.moved"
# The states on which other offices' briefings stand, in a folder that was once a shared store.
KEPT_FILE = "writer.kept"
# What may differ although a sheet says nothing new: a file saved again has another sha256.
PASSING = frozenset({"snapshot", "refreshed_at", "who", "sha256"})
LOCK_SECONDS = 60.0
# Many offices may stand before one; a wait is cut in pieces, so that it can be broken off.
SHARED_LOCK_SECONDS, LOCK_PIECE_SECONDS = 600.0, 20.0
# A server that is started anew is waited for.
PATIENCE_SECONDS, PAUSE_SECONDS = 30.0, 0.5
# So often a read is begun anew that others publish beside.
UNSETTLED_READS = 50
CLOCK_SECONDS = 300.0
BUSY_MILLISECONDS = 30_000
ROWS_PER_GROUP = 61_440
ROWS_PER_BATCH = 25_000
LISTED_CHANGES = 2_000
_COUNTS = (
    "rows_new", "rows_changed", "rows_unchanged", "rows_quarantined", "rows_gone", "changed_cells",
)  # fmt: skip
# Functions of the extensions that open files by themselves, past the database's own guard.
_REACHING_OUT = re.compile(
    r"\b(sqlite|postgres|ducklake|st_read|st_drivers|read|duckdb_secrets|which_secret|glob)\w*\s*\(",
    re.I,
)
# What is known of a row's compound from its address, where nothing else says it.
_BY_ADDRESS = frozenset({"compound_id", "compound_by", "compound_certainty"})
_KINDS = Literal["create", "upgrade", "refresh", "undo", "maintain"]
# What a reader may still be reading is not taken away from under it.
_IN_USE = timedelta(hours=1)
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Entry:
    """One published state in the store's history.

    `files` by name, `hashes` their sha256 in the same order, `counts` the rows new, changed,
    unchanged, quarantined and gone, and the cells changed. Of one that `is_gone` no data is left.
    """

    snapshot: int
    at: datetime
    who: str
    what: str
    files: list[str] = field(default_factory=list)
    is_undone: bool = False
    is_current: bool = False
    restores: int | None = None
    hashes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    is_gone: bool = False
    office: str = ""


@dataclass(frozen=True)
class Upkeep:
    """What was done to keep a store small: former states let go, files taken away, bytes before."""

    states: int
    files: int
    bytes_before: int
    bytes_after: int


@dataclass(frozen=True)
class Change:
    """One cell that a refresh changes."""

    table: str
    key: str
    row: int
    column: str
    old: str
    new: str


@dataclass(frozen=True)
class Landed:
    """What landing the rows of one sheet came to.

    Row numbers of the sheet by fate, and the keys in conflict; `changes` names the changed cells,
    the first of them one by one, `changed_cells` counts them all. Of the rows that the same sheet
    held before, `held` in number, `gone` (their former row numbers) are not on it now; `moved`
    are unchanged but stand in another row.
    """

    new: np.ndarray
    changed: np.ndarray
    moved: np.ndarray
    unchanged: int
    conflicts: list[str]
    gone: list[int]
    held: int
    changes: list[Change]
    changed_cells: int

    @property
    def is_same_list(self) -> bool:
        """Whether a sheet is an earlier one corrected, not another one under the same name."""
        return self.held > 0 and len(self.gone) * 2 <= self.held

    @property
    def fresh(self) -> np.ndarray:
        """Row numbers of what came in."""
        return np.concatenate([self.new, self.changed])

    @property
    def written(self) -> np.ndarray:
        """Row numbers of what the store now has from this very sheet as it is."""
        return np.concatenate([self.fresh, self.moved])


class Store:
    """A folder with a DuckLake, a catalogue and Parquet files; or with the address of a shared one.

    Every method reads the newest published state; readers never wait for a writer. An empty folder
    becomes a store, but for who reads only and for what needs an `existing` one.

    Raises
    ------
    StoreError
        The folder is no store and not empty, cannot be written, or is of a newer version; or the
        shared catalogue or storage that its `lake.toml` names cannot be had.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        read_only: bool = False,
        arriving: bool = False,
        existing: bool = False,
    ) -> None:
        self.path = Path(path).expanduser().absolute()
        self.lake = read_lake(self.path)
        self._read_only = read_only
        self._makes_none = read_only or existing
        if not self.lake.is_shared and not (self.path / CATALOGUE).exists():
            self._prepare_folder()
        self._connection = self._connect()
        if arriving:
            return  # everything in it comes from another store
        if self.lake.is_shared:
            self._refuse_unfinished()
            self._require_own_data()
        if not self._has_tables() and not read_only:
            if existing:
                raise self._nothing_yet()
            with self._writer_lock(""):
                if not self._has_tables():  # another process may have been faster
                    self._claim_data()
                    self._create_tables()
        self._check_format()

    def _prepare_folder(self) -> None:
        if self._makes_none:
            raise self._nothing_yet()
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

    def _nothing_yet(self) -> StoreError:
        return StoreError(f"“{self.path}”里还没有数据。请先运行 shequ refresh 或 shequ serve。")

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        for name in list_extensions(self.lake):
            connection.execute(f"LOAD {literal(str(find_extension(name)))}")
        connection.execute("SET geometry_always_xy = true")
        connection.execute("SET TimeZone = 'UTC'")
        try:
            if self.lake.is_shared:
                self._attach_shared(connection)
            else:
                self._attach_folder(connection)
        except BaseException:
            connection.close()
            raise
        # From here on no statement, whoever wrote it, reaches a file outside the store.
        reached = self.lake.data if self.lake.is_shared else self.path.as_posix()
        connection.execute(f"SET allowed_directories = [{literal(reached)}]")
        connection.execute("SET enable_external_access = false")
        return connection

    def _attach_folder(self, connection: duckdb.DuckDBPyConnection) -> None:
        catalogue = literal(f"ducklake:sqlite:{(self.path / CATALOGUE).as_posix()}")
        options = [
            f"META_BUSY_TIMEOUT {BUSY_MILLISECONDS}",
            "READ_ONLY" if self._read_only else "META_JOURNAL_MODE 'WAL'",
        ]
        try:
            connection.execute(f"ATTACH {catalogue} AS lake ({self._lay_out(options)})")
        except duckdb.Error as error:
            if is_locked(str(error)):
                raise self._locked() from error
            raise StoreError(
                f"“{self.path}”里的数据打不开，可能已损坏或没有权限。请用备份恢复，或另指一个文件夹。"
            ) from error

    def _attach_shared(self, connection: duckdb.DuckDBPyConnection) -> None:
        # No secret that somebody keeps for other work opens, or closes, anything here.
        connection.execute(f"SET secret_directory = {literal((self.path / 'none').as_posix())}")
        if self.lake.is_in_objects:
            keys = ", ".join(f"{name} {literal(v)}" for name, v in storage_keys().items())
            connection.execute(f"CREATE SECRET storage (TYPE s3, {keys})")
        elif not Path(self.lake.data).is_dir():
            raise StoreError(
                f"找不到“{self.lake.data}”（lake.toml 里的 data）。请检查网络盘有没有连上；"
                "第一次用请先建好这个文件夹。数据没有变动。"
            )
        # A commit is good only on the state that it was worked out from: whoever was overtaken
        # works it out anew, since the lake itself would take in two halves that do not go together.
        connection.execute("SET ducklake_max_retry_count = 0")
        address = self.lake.catalogue
        try:
            connection.execute(f"ATTACH {literal(address)} AS {beside.NAME} (TYPE postgres)")
            if self._makes_none and not beside.list_tables(connection):
                raise self._nothing_yet()
            options = self._lay_out(["READ_ONLY"] if self._read_only else [])
            catalogue = literal(f"ducklake:postgres:{address}")
            connection.execute(f"ATTACH {catalogue} AS lake ({options})")
        except duckdb.Error as error:
            raise explain_opening(str(error), self.lake) from error

    def _lay_out(self, options: list[str]) -> str:
        told = [
            f"DATA_PATH {literal(self.lake.data)}",
            "OVERRIDE_DATA_PATH true",
            # Small tables kept inside the catalogue made every later read slower, by half.
            "DATA_INLINING_ROW_LIMIT 0",
        ]
        return ", ".join([*told, *options])

    def _claim_data(self) -> None:
        """Say in the data of a shared store whose they are; those of another are never taken."""
        if not self.lake.is_shared:
            return
        with self._reading() as cursor:
            noted, owner = self._read_owners(cursor)
            if noted and noted == owner:
                return  # claimed by one who then died
            if cursor.execute(f"FROM glob({literal(self.lake.data + '**')}) LIMIT 1").fetchall():
                raise StoreError(
                    f"“{self.lake.data}”里已经有文件，可能是另一个目录的数据。一处数据只能归一个目录："
                    "请在 lake.toml 里另指一个空的位置。数据没有变动。"
                )
            made = uuid.uuid4().hex
            beside.drop_notes(cursor, beside.LAKE_ID)
            beside.note(cursor, beside.LAKE_ID, "id", made)
            target = literal(self.lake.data + OWNER_FILE)
            cursor.execute(f"COPY (SELECT {literal(made)} AS lake) TO {target} (FORMAT csv)")

    def _require_own_data(self) -> None:
        """Refuse data that belong to another catalogue than the one they are opened with."""
        noted, owner = self._read(self._read_owners)
        if noted and noted != owner:
            raise StoreError(
                f"“{self.lake.data}”里的数据不是共享目录“{self.lake.tell_place()}”的。请检查 lake.toml "
                "里的 catalogue 和 data 是不是配成一对，网络盘有没有连对。数据没有变动。"
            )

    def _read_owners(self, cursor: duckdb.DuckDBPyConnection) -> tuple[str, str]:
        """Which lake the catalogue says that it is, and which one the data say; '' for none."""
        target = literal(self.lake.data + OWNER_FILE)
        noted = beside.read_notes(cursor, beside.LAKE_ID).get("id", "")
        # A pattern, for a plain name is taken to be there without a look.
        pattern = literal(f"{self.lake.data}{OWNER_FILE[:-1]}*")
        if not cursor.execute(f"SELECT file FROM glob({pattern})").fetchall():
            return noted, ""
        said = cursor.execute(f"SELECT content FROM read_text({target})").fetchall()
        return noted, (str(said[0][0]).split() or [""])[-1]

    def _has_tables(self) -> bool:
        return bool(
            self._rows(
                "SELECT 1 FROM duckdb_tables() "
                "WHERE database_name = 'lake' AND table_name = 'settings'"
            )
            and self._rows("SELECT 1 FROM lake.settings WHERE name = 'format'")
        )

    def _create_tables(self) -> None:
        self._make_tables()
        with self._transaction() as cursor:
            _empty_new_tables(cursor)
            cursor.execute("INSERT INTO lake.settings VALUES ('format', ?)", [str(STORE_FORMAT)])
            # A year's sheet is read by two threads then, and a month is found in less.
            cursor.execute(f"CALL lake.set_option('parquet_row_group_size', {ROWS_PER_GROUP})")
            _commit(cursor, "create", "", {})

    def _make_tables(self) -> None:
        """Make what is missing, each new table with a blank row; the next commit takes it away.

        Of a table that never held a row the catalogue is asked for every column at every read
        (duckdb/ducklake pull request 1313, later than our version): ten times the time of a read.
        """
        with self._transaction() as cursor:
            for name, column in _complete_tables(cursor):
                cursor.execute(f"INSERT INTO lake.{quote(name)} ({quote(column)}) VALUES (NULL)")
            cursor.execute("COMMIT")

    def _check_format(self) -> None:
        found = self._read_format()
        if found > STORE_FORMAT:
            raise StoreError(
                f"“{self.path}”由更新的版本写成（格式 {found}，本版本到 {STORE_FORMAT}）。请升级软件。"
            )
        if found < STORE_FORMAT:
            self._upgrade()

    def _read_format(self) -> int:
        try:
            return int(self._rows("SELECT value FROM lake.settings WHERE name = 'format'")[0][0])
        except (StoreError, IndexError, ValueError) as error:
            raise StoreError(f"“{self.path}”里的数据不完整，请用备份恢复。") from error

    def _upgrade(self) -> None:
        """Bring a store of an earlier version up to the contract; nothing in it is changed."""
        if self._read_only:
            raise StoreError(
                f"“{self.path}”由较早的版本写成。请先运行一次 shequ refresh 或 shequ serve 升级。"
            )
        with self._writer_lock(""):
            found = self._read_format()
            if found == STORE_FORMAT:
                return
            if self.lake.is_shared:
                with self._reading() as cursor:
                    beside.copy_catalogue(cursor, f"before_format_{STORE_FORMAT}_was_{found}")
            else:
                self._keep_before_upgrade(found)
            self._make_tables()
            with self._transaction() as cursor:
                _empty_new_tables(cursor)
                cursor.execute(
                    "UPDATE lake.settings SET value = ? WHERE name = 'format'", [str(STORE_FORMAT)]
                )
                _commit(cursor, "upgrade", "", {})

    def _keep_before_upgrade(self, found: int) -> None:
        """A copy of the catalogue as it is: with it all data is as before, for files never change."""
        kept = self.path / f"{CATALOGUE}.format-{found}"
        if kept.exists():
            return  # of an upgrade that did not come to its end
        half = kept.with_suffix(".part")
        try:
            copy_apart(self.path / CATALOGUE, half)
            half.replace(kept)
        except OSError as error:
            half.unlink(missing_ok=True)
            raise StoreError(
                f"“{self.path}”升级之前的备份写不成，所以没有升级，数据没有变动。请检查磁盘空间和权限。"
            ) from error

    # -- reading ---------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor to read the published state with; a store that is gone is said in a sentence."""
        try:
            with self._connection.cursor() as cursor:
                yield cursor
        except duckdb.Error as error:
            if self.lake.is_shared:
                raise explain_opening(str(error), self.lake) from error
            if not self._is_there():
                raise self._missing() from error
            if is_locked(str(error)):
                raise self._locked() from error
            raise StoreError(
                f"“{self.path}”里的数据读不出来，可能缺了文件：{_first_line(error)}。"
                "请运行 shequ doctor 看看，或用备份恢复。"
            ) from error

    def _read(self, work: Callable[[duckdb.DuckDBPyConnection], _Read]) -> _Read:
        """What a read finds; a server that is just started anew is waited for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self._read_whole(work, self._reading)
            except StoreAgainError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(PAUSE_SECONDS)

    def _read_whole(
        self,
        work: Callable[[duckdb.DuckDBPyConnection], _Read],
        begin: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]],
    ) -> _Read:
        """What a read finds, read again where something was published meanwhile.

        A server shows each read one state. A catalogue in a file is asked by several connections,
        each with a view of its own: where upkeep joined files in between, the former are gone by
        then and the new ones not there yet, and a table looks empty (duckdb-sqlite 1.5.5).
        """
        if self.lake.is_shared:
            with begin() as cursor:
                return work(cursor)
        for _ in range(UNSETTLED_READS):
            before = self._watch_catalogue()
            with begin() as cursor:
                found = work(cursor)
            if self._watch_catalogue() == before:
                return found
        raise self._locked()

    def _watch_catalogue(self) -> tuple[tuple[int, int], ...]:
        """What changes with every commit to a catalogue in a file: when it was written, its size."""
        told = []
        for name in (CATALOGUE, f"{CATALOGUE}-wal"):
            with suppress(OSError):
                about = (self.path / name).stat()
                if about.st_size:  # an empty log comes and goes with whoever looks
                    told.append((about.st_mtime_ns, about.st_size))
        return tuple(told)

    def _locked(self) -> StoreBusyError:
        return StoreBusyError(
            f"“{self.path}”的目录被别的程序占用，暂时读不出来。请关掉打开它的程序（例如备份、杀毒或"
            "数据库工具），过一会儿再试；数据没有变动。"
        )

    def _is_there(self) -> bool:
        return self.lake.is_shared or (self.path / CATALOGUE).exists()

    def _missing(self) -> StoreError:
        return StoreError(
            f"数据文件夹“{self.path}”不见了，可能被移走、改名或删除。请放回原处或用备份恢复，再重新打开软件。"
        )

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._read(lambda cursor: cursor.execute(sql, list(parameters)).fetchall())

    def mark(self) -> tuple[int, ...]:
        """Two numbers that change with every commit: a tenth of the time of asking for anything."""
        rows = self._rows(f"SELECT max(snapshot_id), count(*) FROM {_METADATA}.ducklake_snapshot")
        return tuple(int(number) for number in rows[0])

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
        sql = f"SELECT *{left_out} FROM lake.{quote(table)}"
        return _as_frame(self._read(lambda cursor: cursor.execute(sql).to_arrow_table()))

    def select(self, name: str, **variables: Any) -> pd.DataFrame:
        """Rows of a named .sql file over the published state, its variables given their values."""

        def select_it(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
            for variable, value in variables.items():
                cursor.execute(f"SET VARIABLE {quote(variable)} = $1", [value])
            return cursor.execute(named_sql(name)).to_arrow_table()

        return _as_frame(self._read(select_it))

    def shapes(self, table: str = "out_shapes") -> gpd.GeoDataFrame:
        """The shapes of the published state, EPSG:4326."""
        return self._read(lambda cursor: _read_shapes(cursor, f"lake.{quote(table)}"))

    def profile_text(self) -> str | None:
        """The text of the profile with which the newest state was published."""
        rows = self._rows("SELECT value FROM lake.settings WHERE name = 'profile'")
        return str(rows[0][0]) if rows else None

    def answers(self) -> list[tuple[str, str, str]]:
        """What people have answered so far: kind, question, answer."""
        rows = self._rows("SELECT kind, question, answer FROM lake.answers ORDER BY kind, question")
        told = [
            (str(kind), *self.lake.split_mark(question), str(answer))
            for kind, question, answer in rows
        ]
        # What was answered before the data came to be shared holds for all.
        return [
            (kind, key, said)
            for kind, office, key, said in told
            if office in ("", self.lake.office)
        ]

    def hashes(self) -> set[str]:
        """The sha256 of every file of which the published state holds the newest reading."""
        return {str(mark) for (mark,) in self._rows("SELECT DISTINCT sha256 FROM lake.files")}

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

            def ask(cursor: duckdb.DuckDBPyConnection) -> tuple[list[str], list[tuple[Any, ...]]]:
                cursor.execute("USE lake")
                found = cursor.execute(sql)
                return [d[0] for d in found.description or []], found.fetchall()

            return self._read_whole(ask, self._connection.cursor)
        except duckdb.Error as error:
            raise StoreError(f"查询没有成功：{error}") from error

    # -- history ---------------------------------------------------------------------------

    def history(self) -> list[Entry]:
        """Published states, the newest first; a state that was undone says so."""
        rows = self._rows(
            "SELECT snapshot_id, snapshot_time, author, commit_extra_info "
            "FROM lake.snapshots() WHERE commit_extra_info IS NOT NULL ORDER BY snapshot_id"
        )
        told = [row for row in rows if json.loads(row[3])["kind"] in ("refresh", "undo")]
        entries = [*self._read_past(), *(_read_entry(*row) for row in told)]
        entries.sort(key=lambda entry: entry.snapshot)
        live = _live_states(entries)
        current = live[-1] if live else None
        marked = [
            replace(
                entry,
                is_undone=entry.what == "refresh" and entry.snapshot not in live,
                is_current=entry.snapshot == current,
            )
            for entry in entries
        ]
        return marked[::-1]

    def _read_past(self) -> list[Entry]:
        """The published states that upkeep has let go."""
        rows = self._rows("SELECT snapshot, published_at, who, said FROM lake.past_states")
        return [
            replace(_read_entry(snapshot, at.replace(tzinfo=UTC), who, said), is_gone=True)
            for snapshot, at, who, said in rows
        ]

    def maintain(
        self, keep_days: int, kept: Collection[int] = (), who: str = "", now: datetime | None = None
    ) -> Upkeep:
        """Let go of old states and of files that nothing needs; join small files.

        Parameters
        ----------
        keep_days
            Refreshes of so many days can be undone, and looked back at, as before.
        kept
            Snapshots that must stay whatever their age, such as those of issued briefings.

        Notes
        -----
        What is shown does not change. History still tells of what was let go. Files that a reader
        may still be at are taken away by the next upkeep an hour later or more.
        """
        moment = now or datetime.now(UTC)
        with self._writer_lock(who):
            before = self._measure_files()
            needed = {*kept, *self.list_kept()}
            old = self._list_old(moment - timedelta(days=keep_days), needed)
            with self._transaction() as cursor:
                _keep_history(cursor, old)
                _commit(cursor, "maintain", who, {"states": len(old)})
            self._run_upkeep([number for number, *_ in old], moment - _IN_USE)
            self._note_checksums()
            if not self.lake.is_shared:
                with suppress(OSError):
                    drop_checksums(self.path)
            after = self._measure_files()
        return Upkeep(
            len(old), len(before.keys() - after), sum(before.values()), sum(after.values())
        )

    def _measure_files(self) -> dict[str, int]:
        """Bytes of every data file, by its path."""
        return {path: size for path, (size, _) in self.list_stored().items()}

    def list_stored(self) -> dict[str, tuple[int, float]]:
        """The Parquet files that lie in the data, by path: bytes, and when written (since 1970)."""
        if self.lake.is_shared:
            found = self._rows(
                "SELECT filename, size, epoch(last_modified) FROM "
                f"read_blob({literal(self.lake.data + '**/*.parquet')})"
                if self._rows(f"FROM glob({literal(self.lake.data + '**/*.parquet')}) LIMIT 1")
                else "SELECT '', 0, 0 LIMIT 0"
            )
            start = len(self.lake.data)
            return {str(path)[start:]: (int(size), float(at)) for path, size, at in found}
        data = self.path / "data"
        told = {path.relative_to(data).as_posix(): path.stat() for path in data.rglob("*.parquet")}
        return {path: (about.st_size, about.st_mtime) for path, about in told.items()}

    def list_known(self) -> list[LakeFile]:
        """Every Parquet file that any snapshot needs."""
        return read_files(self._rows, f"{_METADATA}.")

    def read_clock(self) -> float:
        """The time of the server of a shared store, in seconds since 1970."""
        return self._read(beside.read_clock)

    def keep_state(self, snapshot: int, why: str) -> None:
        """Have upkeep leave a state alone, whichever office's machine it runs on.

        What was issued on a store of one's own is known from the file of issues beside it.
        """
        if self.lake.is_shared:
            with self._reading() as cursor:
                beside.note(cursor, beside.KEPT, str(snapshot), why)

    def list_kept(self) -> set[int]:
        """The states that must stay, but for those of the briefings that were issued from here."""
        if self.lake.is_shared:
            return set(map(int, self._read(lambda cursor: beside.read_notes(cursor, beside.KEPT))))
        with suppress(FileNotFoundError):
            return set(map(int, (self.path / KEPT_FILE).read_text(encoding="utf-8").split()))
        return set()

    def _list_old(self, since: datetime, kept: Collection[int]) -> list[tuple[Any, ...]]:
        """The snapshots (number, time, who, what was said) that nobody can want any more."""
        rows = self._rows(
            "SELECT snapshot_id, snapshot_time, author, commit_extra_info "
            "FROM lake.snapshots() ORDER BY snapshot_id"
        )
        at = {number: moment for number, moment, *_ in rows}
        states = [n for n in (self._created(), *_live_states(self.history()[::-1])) if n in at]
        # To the last state before that time the refreshes since then go back.
        before = [number for number in states if at[number] < since][-1:]
        needed = {*kept, *before, *states[-1:], rows[-1][0]}
        return [row for row in rows if row[1] < since and row[0] not in needed]

    def _run_upkeep(self, numbers: list[int], unused_since: datetime) -> None:
        """What the lake itself does: forget snapshots, join files, take away what nothing needs."""
        cursor = self._connection.cursor()
        try:
            if numbers:
                told = ", ".join(map(str, numbers))
                cursor.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{told}])")
            cursor.execute("CALL ducklake_merge_adjacent_files('lake')")
            cursor.execute("CALL ducklake_rewrite_data_files('lake')")
            since = f"older_than => TIMESTAMPTZ '{unused_since.isoformat()}'"
            cursor.execute(f"CALL ducklake_cleanup_old_files('lake', {since})")
            cursor.execute(f"CALL ducklake_delete_orphaned_files('lake', {since})")
        except duckdb.Error as error:
            raise explain_writing(str(error), self.lake) from error
        finally:
            cursor.close()

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
            self._require_own(live[-1])
            before = live[-2] if len(live) > 1 else self._created()
            if before is None or before in {entry.snapshot for entry in self._read_past()}:
                raise StoreError("更早的状态已按保留期限清理，不能再撤销。现在的数据没有变动。")
            with self._transaction() as cursor:
                for name in _list_changed(cursor, before):
                    if name != PAST_STATES.name:  # what is gone does not come back
                        _restore_table(cursor, name, before)
                _complete_tables(cursor)
                cursor.execute(
                    "UPDATE lake.settings SET value = ? WHERE name = 'format'", [str(STORE_FORMAT)]
                )
                _commit(cursor, "undo", who, {"undone": live[-1], "restores": before})
                self._note_checksums()
        return self.history()[0]

    def _require_own(self, snapshot: int) -> None:
        """Refuse to take back what another office published."""
        newest = next(entry for entry in self.history() if entry.snapshot == snapshot)
        if self.lake.office and newest.office != self.lake.office:
            raise StoreError(
                f"最近一次更新是“{newest.office or '街道'}”的，本单位不能撤销它。请由他们自己撤销，"
                "或把改正的表再放一次。数据没有变动。"
            )

    def _created(self) -> int | None:
        """The empty state with which everything began; None where upkeep has let it go."""
        rows = self._rows(
            "SELECT snapshot_id, commit_extra_info FROM lake.snapshots() "
            "WHERE commit_extra_info IS NOT NULL ORDER BY snapshot_id LIMIT 1"
        )
        number, said = rows[0]
        return int(number) if json.loads(said)["kind"] == "create" else None

    # -- moving ----------------------------------------------------------------------------

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep everybody from writing meanwhile."""
        with self._writer_lock(""):
            yield

    def retire(self, target: str) -> None:
        """Have nothing written here any more, for the data were moved to a target."""
        if self.lake.is_shared:
            with self._reading() as cursor:
                beside.note(cursor, beside.MOVED, "to", target)
        else:
            (self.path / MOVED_FILE).write_text(target, encoding="utf-8")

    def expect_arrival(self, source: str) -> None:
        """Make room for the data of another store; what was begun before and left is begun anew.

        Raises
        ------
        StoreError
            There are data here already.
        """
        if not self.lake.is_shared:
            return
        with self._reading() as cursor:
            is_left = bool(beside.read_notes(cursor, beside.ARRIVING))
            held = f"SELECT (SELECT count(*) FROM {_METADATA}.ducklake_table), "
            held += f"(SELECT count(*) FROM {_METADATA}.ducklake_snapshot)"
            tables, snapshots = cursor.execute(held).fetchall()[0]
            is_taken = bool(tables or snapshots > 1 or beside.read_notes(cursor, beside.LAKE_ID))
            if is_taken and not is_left:
                raise StoreError(
                    f"共享目录“{self.lake.tell_place()}”不是空的，不覆盖。请另建一个空的库，写在 lake.toml 里。"
                )
            beside.note(cursor, beside.ARRIVING, "from", source)
            try:
                self._claim_data()
            except BaseException:
                beside.drop_notes(cursor, beside.ARRIVING)
                raise

    def _refuse_unfinished(self) -> None:
        if self._read(lambda cursor: beside.read_notes(cursor, beside.ARRIVING)):
            raise StoreError(
                f"共享目录“{self.lake.tell_place()}”正在搬入数据，或上次没有搬完。请等它搬完，"
                "或再运行一次 shequ move。原来的数据没有变动。"
            )

    def take_catalogue(self, source: Store) -> None:
        """Take over every row of another store's catalogue, in one transaction.

        Raises
        ------
        StoreError
            The two catalogues are not of one version, or it cannot be written.
        """
        names = (self if self.lake.is_shared else source)._read(beside.list_tables)
        with self._transaction() as cursor:
            for name in names:
                own = "key IN ('data_path', 'version', 'created_by')"
                is_settings = name == "ducklake_metadata"
                kept = f" WHERE NOT {own}" if is_settings else ""
                cursor.execute(f"DELETE FROM {_METADATA}.{name}{kept}")
                rows = source._arrow(f"SELECT * FROM {_METADATA}.{name}{kept}")
                if rows.num_rows:
                    cursor.register("arriving", rows)
                    cursor.execute(f"INSERT INTO {_METADATA}.{name} BY NAME FROM arriving")
                    cursor.unregister("arriving")
            cursor.execute("COMMIT")
        version = f"SELECT value FROM {_METADATA}.ducklake_metadata WHERE key = 'version'"
        if self._rows(version) != source._rows(version):
            raise StoreError("两边的目录不是同一个版本。请先升级软件，再把原来的数据打开一次。")

    def finish_arrival(self, kept: Collection[int]) -> None:
        """Open to everybody what has come; the states `kept` stay whatever their age."""
        if not self.lake.is_shared:
            told = "".join(f"{number}\n" for number in sorted(kept))
            (self.path / KEPT_FILE).write_text(told, encoding="utf-8")
            return
        with self._reading() as cursor:
            for number in kept:
                beside.note(cursor, beside.KEPT, str(number), "moved")
            beside.drop_notes(cursor, beside.ARRIVING)

    def forget_arrival(self) -> None:
        """Take away the catalogue of what has not come to its end."""
        if self.lake.is_shared:
            with self._reading() as cursor:
                beside.drop_catalogue(cursor)

    def list_snapshots(self) -> list[tuple[Any, ...]]:
        """Every snapshot: number, time, author, and what was said."""
        return self._rows(
            "SELECT snapshot_id, snapshot_time, author, commit_message, commit_extra_info "
            "FROM lake.snapshots() ORDER BY snapshot_id"
        )

    def list_table_states(self) -> list[tuple[str, int]]:
        """Every table at every snapshot at which it became what it is there."""
        return [(str(name), int(number)) for name, number in self._rows(_TABLE_STATES)]

    def sum_table(self, table: str, snapshot: int) -> tuple[Any, ...]:
        """What tells the rows of a table at a snapshot from others: how many, and their sum."""
        return self._rows(
            "SELECT count(*), sum(hash(t)::HUGEINT)::VARCHAR "
            f"FROM (FROM lake.{quote(table)} AT (VERSION => {snapshot})) t"
        )[0]

    def _arrow(self, sql: str) -> pa.Table:
        return self._read(lambda cursor: cursor.execute(sql).to_arrow_table())

    # -- writing ---------------------------------------------------------------------------

    @contextmanager
    def _writer_lock(self, who: str) -> Iterator[None]:
        """One writer at a time; who it is stands beside the lock."""
        if not self._is_there():  # the lock would make the folder anew, and an empty store in it
            raise self._missing()
        with self._hold_catalogue() if self.lake.is_shared else self._hold_folder():
            self._refuse_moved()
            self._note_who(who)
            yield

    @contextmanager
    def _hold_folder(self) -> Iterator[None]:
        lock = FileLock(self.path / "writer.lock", timeout=LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout as error:
            raise StoreBusyError(
                f"{self._read_who()}正在更新数据，请过几分钟再试；您的文件没有动。"
            ) from error
        except OSError as error:
            raise StoreError(f"“{self.path}”不能写入，请检查权限或磁盘。数据没有变动。") from error
        except RuntimeError as error:  # how the lock says that this disk knows none
            raise StoreError(
                f"“{self.path}”所在的磁盘不支持文件锁（常见于网络盘），不能保证一次只有一人更新。"
                "请把数据文件夹放在本机磁盘上。数据没有变动。"
            ) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _hold_catalogue(self) -> Iterator[None]:
        """Be the one of all offices who writes. Whoever dies lets go; so does a server that falls.

        Should two write after that all the same, the one who commits second is refused.
        """
        deadline = time.monotonic() + SHARED_LOCK_SECONDS
        while True:
            cursor = self._connection.cursor()
            try:
                beside.take_lock(cursor, LOCK_PIECE_SECONDS)
                self._require_clock(cursor)
                break
            except duckdb.Error as error:
                _let_go(cursor)
                said = explain_waiting(str(error), self.lake)
                if not isinstance(said, StoreBusyError) or time.monotonic() > deadline:
                    raise said from error
            except StoreError:
                _let_go(cursor)
                raise
        try:
            yield
        finally:
            _let_go(cursor)

    def _require_clock(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Refuse to write by a clock that is not the others': history and upkeep go by it."""
        apart = time.time() - beside.read_clock(cursor)
        if abs(apart) > CLOCK_SECONDS:
            which = "快" if apart > 0 else "慢"
            raise StoreError(
                f"这台电脑的时钟比共享目录的服务器{which} {abs(apart) / 60:,.0f} 分钟。各单位的时间要一致，"
                "请先校准日期和时间再试。数据没有变动。"
            )

    def _refuse_moved(self) -> None:
        """Nothing is written any more where the data were moved away from."""
        if self.lake.is_shared:
            notes = self._read(lambda cursor: beside.read_notes(cursor, beside.MOVED))
            target = notes.get("to", "")
        else:
            marked = self.path / MOVED_FILE
            target = marked.read_text(encoding="utf-8") if marked.exists() else ""
        if target:
            raise StoreError(
                f"这里的数据已搬到“{target}”，只能看，不能再更新。请用 --store 指到那里。"
            )

    def _note_who(self, who: str) -> None:
        """Say beside the lock who holds it; where that cannot be written the refresh says why."""
        with suppress(OSError):
            (self.path / WRITER_NOTE).write_text(
                f"{who or '有人'}（{datetime.now():%H:%M} 开始）", encoding="utf-8"
            )

    def _read_who(self) -> str:
        try:
            return (self.path / WRITER_NOTE).read_text(encoding="utf-8") or "有人"
        except (OSError, UnicodeDecodeError):
            return "有人"

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that is rolled back at its end unless `_commit` was called in it."""
        cursor = self._connection.cursor()
        try:
            cursor.execute("BEGIN")
            yield cursor
        except duckdb.Error as error:
            raise explain_writing(str(error), self.lake) from error
        finally:
            _let_go(cursor)

    @contextmanager
    def write(self, who: str = "") -> Iterator[Writer]:
        """One refresh: all that is written inside is published at once, or not at all.

        Nothing is published unless `Writer.publish` was called.
        """
        with self._writer_lock(who), self._transaction() as cursor:
            writer = Writer(cursor, who, self.lake)
            yield writer
            if writer.summary is not None:
                self._publish(cursor, who, writer.summary)
                self._note_checksums()

    @contextmanager
    def preview(self, who: str = "") -> Iterator[Writer]:
        """What a refresh would do, without a turn: nothing that is written inside is kept.

        Nobody waits for it, and it waits for nobody, but in a folder: a catalogue in a file shows
        no single state to who reads beside a writer. Where nothing could be written it says so.
        """
        if not self.lake.is_shared:
            with self.write(who) as writer:
                yield writer
            return
        self._refuse_moved()
        self._read(self._require_clock)
        with self._transaction() as cursor:
            yield Writer(cursor, who, self.lake)

    def _publish(
        self, cursor: duckdb.DuckDBPyConnection, who: str, summary: Mapping[str, Any]
    ) -> None:
        """Commit; where the server fell silent meanwhile, find out whether it had come that far."""
        if not self.lake.is_shared:
            _commit(cursor, "refresh", who, summary)
            return
        mark = uuid.uuid4().hex
        try:
            _commit(cursor, "refresh", who, {**summary, "office": self.lake.office, "mark": mark})
        except duckdb.Error:
            _let_go(cursor)
            told = (
                "SELECT commit_extra_info FROM lake.snapshots() ORDER BY snapshot_id DESC LIMIT 50"
            )
            if not any(mark in (said or "") for (said,) in self._rows(told)):
                raise

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _note_checksums(self) -> None:
        """Note what the files just published are, so that damage is found later."""
        if self.lake.is_shared:
            return  # the storage of many offices looks after its own; doctor reads every file
        with suppress(OSError, StoreError):  # then they are noted the next time
            note_checksums(self.path, [file.path for file in self.list_known()])


_HANDED: dict[Path, Store] = {}


def hand_over(store: Store) -> None:
    """Leave an open store to whoever opens its folder next in this process: opening takes long."""
    _HANDED[store.path.resolve()] = store


def take_over(path: Path | str) -> Store:
    """The store in a folder, the one that was handed over where there is one. Errors as of Store."""
    return _HANDED.pop(Path(path).expanduser().resolve(), None) or Store(path)


class Writer:
    """What a refresh may do inside its transaction."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, who: str, lake: Lake) -> None:
        self._cursor = cursor
        self.who = who
        self.lake = lake
        self.summary: Mapping[str, Any] | None = None
        self._shapes: dict[str, gpd.GeoDataFrame] = {}
        self._read_before: set[tuple[str, str]] | None = None
        # Of which months the complaints came, changed or went; None: it may be any.
        self.touched_months: set[date] | None = set()
        # Whether no complaint was changed or taken out, and nothing by which others are placed.
        self.only_adds = True
        # Tables of which a row may be there: those that held any before, and those written since.
        self._filled: set[str] | None = None
        self._written: set[str] = set()
        # By table what it was last replaced by, and what it is replaced by now.
        self._signs: dict[str, str] | None = None
        self._signed: dict[str, str] = {}
        # Of which compounds complaints came, changed or went (None among them: of no known one);
        # None: it may be any.
        self.touched_places: set[str | None] | None = set()
        # Within `seeing`: what was to replace rows of tables, by table.
        self._gathered: dict[str, list[pa.Table]] | None = None
        # Whether any key of the sheet that is being landed was in the store before.
        self._knows_any = False
        self.snapshot = self._next_snapshot()

    def _next_snapshot(self) -> int:
        rows = self._cursor.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchall()
        return int(rows[0][0]) + 1

    def publish(self, summary: Mapping[str, Any]) -> None:
        """Have the transaction committed at its end, with this said of it in the history."""
        self._keep_signs()
        self.summary = summary

    def frame(self, sql: str, **variables: Any) -> pd.DataFrame:
        """Rows of a named .sql file, or of a SELECT."""
        return _as_frame(self._run(sql, variables).to_arrow_table())

    def arrow(self, sql: str, **variables: Any) -> pa.Table:
        """Rows of a named .sql file, in the database's own types."""
        return self._run(sql, variables).to_arrow_table()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a SELECT."""
        return self._cursor.execute(self._aim(sql), list(parameters)).fetchall()

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement."""
        self._shapes.clear()
        self._cursor.execute(sql, list(parameters))

    def _run(self, sql: str, variables: Mapping[str, Any]) -> duckdb.DuckDBPyConnection:
        for name, value in variables.items():
            self._cursor.execute(f"SET VARIABLE {quote(name)} = $1", [value])
        return self._cursor.execute(self._aim(named_sql(sql) if " " not in sql else sql))

    # -- some compounds alone --------------------------------------------------------------

    def bring_near(self, which: str) -> None:
        """Hold what is by compound, of those that a condition on `compound_id` names, in memory."""
        for name, columns in _NEAR.items():
            self._cursor.execute(
                f"CREATE OR REPLACE TEMP TABLE near_{name} AS "
                f"SELECT {columns} FROM lake.{name} WHERE {which}"
            )

    @contextmanager
    def seeing(self, which: str) -> Iterator[dict[str, list[pa.Table]]]:
        """Within, all is as if the store held only some of the compounds that were brought near.

        What would replace the rows of a table is gathered, by the table's name, and not written.
        """
        for name in _NEAR:
            self._cursor.execute(
                f"CREATE OR REPLACE TEMP VIEW {name} AS FROM near_{name} WHERE {which}"
            )
        self._gathered = {}
        self._shapes.clear()
        months, self.touched_months = self.touched_months, None
        try:
            yield self._gathered
        finally:
            self._gathered = None
            self._shapes.clear()
            self.touched_months = months

    @property
    def is_partial(self) -> bool:
        """Whether only some compounds are seen."""
        return self._gathered is not None

    def _aim(self, sql: str) -> str:
        """A statement, of the compounds that are seen."""
        return _AIMED.sub(r"temp.\1", sql) if self._gathered is not None else sql

    def replace_among(self, table: Table, gone: str, rows: Sequence[pa.Table]) -> None:
        """Put rows in the place of those that a condition names."""
        if self.holds_any(table.name):
            self._cursor.execute(f"DELETE FROM lake.{quote(table.name)} WHERE {gone}")
        if rows:
            self._append(table, pa.concat_tables(rows))
        # By what the table was last replaced as a whole it no longer is.
        self._signed[table.name] = self._read_signs()[table.name] = ""

    def replace_frame_among(self, table: Table, gone: str, frame: pd.DataFrame) -> None:
        """The same of the rows of a frame."""
        self.replace_among(table, gone, [_as_arrow(table, frame)])

    def holds_any(self, *tables: str) -> bool:
        """Whether any of these tables may hold a row; what is not kept costs one question in all."""
        if self._filled is None:
            found = self.rows(
                f"SELECT DISTINCT t.table_name FROM {_METADATA}.ducklake_data_file f "
                f"JOIN {_METADATA}.ducklake_table t USING (table_id) "
                "WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL"
            )
            self._filled = {str(name) for (name,) in found}
        return not (self._filled | self._written).isdisjoint(tables)

    def setting(self, name: str) -> str | None:
        """What the store keeps under a name; None where it keeps nothing."""
        rows = self.rows("SELECT value FROM lake.settings WHERE name = ?", [name])
        return str(rows[0][0]) if rows else None

    def set_setting(self, name: str, value: str) -> None:
        """Keep something under a name."""
        if self.setting(name) == value:
            return
        self._cursor.execute("DELETE FROM lake.settings WHERE name = ?", [name])
        self._cursor.execute("INSERT INTO lake.settings VALUES (?, ?)", [name, value])

    def shapes(self, table: str) -> gpd.GeoDataFrame:
        """The shapes of a table, EPSG:4326; read once until something is written by `execute`."""
        if table not in self._shapes:
            self._shapes[table] = _read_shapes(self._cursor, self._aim(f"lake.{quote(table)}"))
        return self._shapes[table].copy()

    def has_records(self, origin: tuple[str, str]) -> bool:
        """Whether a sheet of this name was read before this refresh."""
        if self._read_before is None:
            told = self.rows(
                "SELECT DISTINCT file, sheet FROM lake.files WHERE snapshot < ?", [self.snapshot]
            )
            self._read_before = {(str(file), str(sheet)) for file, sheet in told}
        return origin in self._read_before

    def land(
        self,
        table: Table,
        rows: pa.Table,
        stated: frozenset[str],
        origin: tuple[str, str],
        profile: Profile,
        again: pa.Array | None = None,
    ) -> Landed:
        """Bring checked rows of one sheet in: new keys are added, changed ones replaced.

        Columns that the sheet does not have (not in `stated`) keep what the store knew. Keys that
        come `again` on a later sheet are left to it.
        """
        self._stage(table, rows, stated, profile)
        self._require_own(table)
        self._judge_fates(table, origin, again)
        gone, held = self._find_gone(table, origin) if self.has_records(origin) else ([], 0)
        changes, changed_cells = self._list_changes(table)
        landed = Landed(
            self._rows_of("new"),
            self._rows_of("changed"),
            self._follow_moved(table, origin) if self._knows_any else np.array([], dtype=np.int64),
            int(self.rows("SELECT count(*) FROM fates WHERE fate = 'unchanged'")[0][0]),
            self._conflicting(table),
            gone,
            held,
            changes,
            changed_cells,
        )
        self._note_touched(table, landed)
        self._written.add(f"core_{table.name}")
        target = f"lake.{quote('core_' + table.name)}"
        if len(landed.changed):
            matched = " AND ".join(f"m.{quote(k)} = {target}.{quote(k)}" for k in table.key)
            self.execute(
                f"DELETE FROM {target} WHERE EXISTS (SELECT 1 FROM fates m "
                f"WHERE m.fate = 'changed' AND {matched})"
            )
        if len(landed.fresh):
            names = ", ".join(quote(c.name) for c in table.stored)
            provenance = ", ".join(quote(name) for name, _ in PROVENANCE)
            self.execute(
                f"INSERT INTO {target} ({names}, {provenance}) SELECT {names}, ?, ?, row, ? "
                "FROM fated WHERE fate IN ('new', 'changed')",
                [*origin, self.snapshot],
            )
        return landed

    # -- what is another office's ----------------------------------------------------------

    def foreign_compounds(self) -> dict[str, str]:
        """The compounds that this office may not write, each with its community."""
        if not self.lake.office:
            return {}
        rows = self.rows(
            "SELECT compound_id, community FROM lake.core_compounds "
            "WHERE community NOT IN (SELECT unnest(?::VARCHAR[]))",
            [list(self.lake.communities)],
        )
        return {str(identifier): str(community) for identifier, community in rows}

    def is_foreign(self, table: str, alias: str) -> str:
        """The condition that a row of a table is another office's: its compound's, or its sheet's."""
        if not self.lake.office:
            return "false"
        own = ", ".join(map(literal, self.lake.communities))
        if table == "compounds":
            return f"coalesce({alias}.community NOT IN ({own}), false)"
        is_elsewhere = f"contains({alias}.file, '/')"
        if any(c.name == "compound_id" for c in BY_NAME[table].stored):
            is_elsewhere = (
                f"({alias}.compound_id IN (SELECT compound_id FROM lake.core_compounds "
                f"WHERE community NOT IN ({own})) OR {alias}.compound_id IS NULL AND {is_elsewhere})"
            )
        return f"(NOT starts_with({alias}.file, {literal(self.lake.prefix)}) AND {is_elsewhere})"

    def _require_own(self, table: Table) -> None:
        """Refuse a sheet with compounds of communities that this office does not look after.

        Raises
        ------
        AccessError
            A compound is said to be of another community, or its id is another office's already.
        """
        if not self.lake.office:
            return
        own = "、".join(self.lake.communities)
        if table.name == "compounds":
            others = self.rows(
                "SELECT name, community FROM staging "
                "WHERE community IS NULL OR community NOT IN (SELECT unnest(?::VARCHAR[])) LIMIT 1",
                [list(self.lake.communities)],
            )
            for name, community in others:
                said = f"写的是“{community}”" if community else "没有写"
                raise AccessError(
                    f"小区“{name}”的所属社区{said}，“{self.lake.office}”只能更新 {own} 的。"
                    "请改好所属社区，或由那个社区更新。数据没有变动。"
                )
        if table.name == "compounds" or len(table.key) > 1:
            taken = self.rows(
                f"SELECT {_key_text(table, 'k')}, k.file FROM known k "
                f"WHERE {self.is_foreign(table.name, 'k')} LIMIT 1"
            )
            for key, file in taken:
                self.refuse_taken(table.label, str(key), str(file))

    def refuse_taken(self, label: str, key: str, file: str) -> None:
        """Say that an id is another office's. Raises AccessError."""
        whose = file.split("/")[0] if "/" in file else "别的社区"
        raise AccessError(
            f"《{label}》的编号“{key}”已由“{whose}”使用，“{self.lake.office}”不能改它。"
            "各单位的编号不能相同，请换一个（例如前面加本社区的简称）。数据没有变动。"
        )

    def _follow_moved(self, table: Table, origin: tuple[str, str]) -> np.ndarray:
        """Point rows that stand elsewhere on their sheet now to where they stand; the new numbers."""
        keys = ", ".join(quote(name) for name in table.key)
        self.execute(
            f"CREATE OR REPLACE TEMP TABLE moved AS SELECT {keys}, f.row FROM fates f "
            f"JOIN known k USING ({keys}) WHERE f.fate = 'unchanged' AND k.row <> f.row "
            "AND k.file = ? AND k.sheet = ?",
            [*origin],
        )
        found = self._cursor.execute("SELECT row FROM moved ORDER BY row").fetchnumpy()["row"]
        if len(found):
            core = f"lake.{quote('core_' + table.name)}"
            alike = " AND ".join(f"{core}.{quote(k)} = moved.{quote(k)}" for k in table.key)
            self.execute(
                f"UPDATE {core} SET row = moved.row, snapshot = ? FROM moved WHERE {alike}",
                [self.snapshot],
            )
        return np.asarray(found, dtype=np.int64)

    def _note_touched(self, table: Table, landed: Landed) -> None:
        """Keep in mind what has to be placed and counted anew."""
        if table.name in ("compounds", "buildings") and len(landed.fresh):
            self.touch_everything()
        if table.name != "complaints" or not len(landed.fresh) or self.touched_months is None:
            return
        self.only_adds = self.only_adds and not len(landed.changed)
        found = self.rows(
            "SELECT DISTINCT date_trunc('month', reported_at)::DATE FROM ("
            "SELECT reported_at FROM fated WHERE fate IN ('new', 'changed') "
            "UNION ALL SELECT reported_at FROM known)"
        )
        self.touched_months |= {month for (month,) in found}
        self._note_places(table)

    def _note_places(self, table: Table) -> None:
        """Keep in mind of which compounds the complaints of the staged sheet are, and were."""
        keys = ", ".join(quote(name) for name in table.key)
        former = (
            f"UNION SELECT compound_id FROM lake.core_{table.name} SEMI JOIN known USING ({keys})"
            if self._knows_any
            else ""
        )
        self.touch_places(
            place
            for (place,) in self.rows(
                f"SELECT DISTINCT compound_id FROM fated WHERE fate IN ('new', 'changed') {former}"
            )
        )

    def touch_everything(self) -> None:
        """Have every complaint placed and counted anew: what they lean on has changed."""
        self.touched_months = self.touched_places = None
        self.only_adds = False

    def touch_months(self, months: Iterable[date]) -> None:
        """Have the complaints of some months counted anew."""
        if self.touched_months is not None:
            self.touched_months |= set(months)

    def touch_places(self, places: Iterable[str | None]) -> None:
        """Have the figures of some compounds worked out anew."""
        if self.touched_places is not None:
            self.touched_places |= set(places)

    def _rows_of(self, fate: str) -> np.ndarray:
        """Row numbers of one fate, in order."""
        found = self._cursor.execute("SELECT row FROM fates WHERE fate = ? ORDER BY row", [fate])
        return np.asarray(found.fetchnumpy()["row"], dtype=np.int64)

    def _conflicting(self, table: Table) -> list[str]:
        """The keys in conflict; a table of which something is fixed has a single one."""
        key = quote(table.key[0])
        found = self.rows(f"SELECT {key} FROM fates WHERE fate = 'conflict' ORDER BY row")
        return [str(value) for (value,) in found]

    def _stage(
        self, table: Table, rows: pa.Table, stated: frozenset[str], profile: Profile
    ) -> None:
        """Put rows into a table with the contract's constraints, as `staging`.

        `known` is what the store knows of the same keys as its sheets state it, `merged` the rows
        with what it knows in the columns on which this sheet has no say.
        """
        spellings = {c.name: set(profile.spellings(c).values()) for c in table.stored}
        self.execute(define_staging(table, dict(spellings)))
        keys = ", ".join(quote(name) for name in table.key)
        names = ", ".join(quote(name) for name in (*(c.name for c in table.stored), "row"))
        self._cursor.register("arriving", _part_rows(rows))
        self.execute(f"INSERT INTO staging ({names}) SELECT {names} FROM arriving")
        self._cursor.unregister("arriving")
        self._find_known(table, keys)
        if not self._knows_any:
            self.execute("CREATE OR REPLACE TEMP VIEW merged AS FROM staging")
            return
        merged = ", ".join(_merge_column(table, c.name, stated) for c in table.stored)
        self.execute(
            f"CREATE OR REPLACE TEMP VIEW merged AS SELECT {merged}, s.row "
            f"FROM staging s LEFT JOIN known k USING ({keys})"
        )

    def _find_known(self, table: Table, keys: str) -> None:
        """`known`: what the store has of the keys of `staging`, as its sheets stated it."""
        core = f"lake.{quote('core_' + table.name)}"
        # Where there is nothing at all nothing need be looked for.
        has_rows = self.rows(f"SELECT count(*) FROM {core}")[0][0]
        found = f"SEMI JOIN staging USING ({keys})" if has_rows else "LIMIT 0"
        self.execute(f"CREATE OR REPLACE TEMP TABLE known AS FROM ({_stated_view(table)}) {found}")
        self._knows_any = bool(self.rows("SELECT 1 FROM known LIMIT 1"))

    def _judge_fates(self, table: Table, origin: tuple[str, str], again: pa.Array | None) -> None:
        """New, changed, unchanged, or in conflict with another file's: `fates` for each key.

        `fated` is `merged` with it. A row number alone tells no row: two tables of a kind may stand side by side.
        """
        keys = ", ".join(quote(name) for name in table.key)
        waits = "false"
        if again is not None and len(again):
            self.register("again", pa.table({"key": again}))
            waits = f"{_key_text(table, 'm')} IN (SELECT key FROM again)"
        if not self._knows_any:
            fate = f"CASE WHEN {waits} THEN 'unchanged' ELSE 'new' END AS fate"
            self.execute(f"CREATE OR REPLACE TEMP VIEW fated AS SELECT *, {fate} FROM merged m")
            self.execute(
                f"CREATE OR REPLACE TEMP VIEW fates AS SELECT {keys}, row, fate FROM fated"
            )
            return
        own = ", ".join(f"m.{quote(name)}" for name in table.key)
        differs = " OR ".join(
            f"m.{quote(c.name)} IS DISTINCT FROM k.{quote(c.name)}" for c in table.stated
        )
        # By day: one office writes the hour, another only the date.
        other = " OR ".join(
            f"m.{quote(name)}::DATE <> k.{quote(name)}::DATE" for name in table.fixed
        )
        self.execute(
            f"CREATE OR REPLACE TEMP TABLE judged AS SELECT {own}, m.row, "
            f"CASE WHEN {waits} THEN 'unchanged' "
            f"WHEN k.{quote(table.key[0])} IS NULL THEN 'new' "
            f"WHEN (k.file, k.sheet) <> (?, ?) AND ({other or 'false'}) "
            f"OR k.file IS NOT NULL AND {self.is_foreign(table.name, 'k')} THEN 'conflict' "
            f"WHEN {differs} THEN 'changed' ELSE 'unchanged' END AS fate "
            f"FROM merged m LEFT JOIN known k USING ({keys})",
            [*origin],
        )
        self.execute("CREATE OR REPLACE TEMP VIEW fates AS FROM judged")
        self.execute(
            "CREATE OR REPLACE TEMP VIEW fated AS "
            f"SELECT m.*, f.fate FROM merged m JOIN judged f USING ({keys})"
        )

    def _list_changes(self, table: Table) -> tuple[list[Change], int]:
        """The cells that differ between `known` and `merged`: the first of them, and how many."""
        if not self._knows_any:
            return [], 0
        keys = ", ".join(quote(name) for name in table.key)
        cells = ", ".join(
            f"{{'place': {place}, 'old': k.{quote(c.name)}::VARCHAR, 'new': m.{quote(c.name)}::VARCHAR}}"
            for place, c in enumerate(table.stated)
        )
        key = _key_text(table, "m")
        self.execute(
            "CREATE OR REPLACE TEMP TABLE changes AS SELECT key, row, unnest(cells, recursive := true) "
            f"FROM (SELECT {key} AS key, m.row, [{cells}] AS cells FROM fated m "
            f"JOIN known k USING ({keys}) WHERE m.fate = 'changed')"
        )
        differing = "FROM changes WHERE old IS DISTINCT FROM new"
        total = int(self.rows(f"SELECT count(*) {differing}")[0][0])
        listed = self.rows(
            f"SELECT key, row, place, old, new {differing} ORDER BY row, place LIMIT {LISTED_CHANGES}"
        )
        return [
            Change(table.name, k, int(row), table.stated[place].name, old or "", new or "")
            for k, row, place, old, new in listed
        ], total

    def _find_gone(self, table: Table, origin: tuple[str, str]) -> tuple[list[int], int]:
        """Rows that the same sheet held before and does not hold now, and how many it held."""
        target = f"lake.{quote('core_' + table.name)}"
        keys = ", ".join(quote(name) for name in table.key)
        here = "file = ? AND sheet = ? AND snapshot < ?"
        place = [*origin, self.snapshot]
        held = self.rows(f"SELECT count(*) FROM {target} WHERE {here}", place)[0][0]
        gone = self.rows(
            f"SELECT row FROM {target} ANTI JOIN staging USING ({keys}) WHERE {here}", place
        )
        return [int(row) for (row,) in gone], int(held)

    def find_twins(self, table: Table, origin: tuple[str, str]) -> list[int]:
        """Former rows of a sheet that came in anew and differ only in the compound they name.

        Their ids were made from what they say; since the register or an alias changed, the same
        row has another id now.
        """
        same = [n for n in table.identity if n != "compound_id"]
        if len(same) == len(table.identity) or not same:
            return []
        alike = " AND ".join(f"c.{quote(n)} IS NOT DISTINCT FROM m.{quote(n)}" for n in same)
        keys = ", ".join(quote(name) for name in table.key)
        found = self.rows(
            f"SELECT DISTINCT c.row FROM (FROM lake.{quote('core_' + table.name)} "
            f"ANTI JOIN staging USING ({keys})) c "
            f"JOIN fated m ON c.row = m.row AND {alike} "
            "WHERE c.file = ? AND c.sheet = ? AND c.snapshot < ? AND m.fate = 'new'",
            [*origin, self.snapshot],
        )
        return [int(row) for (row,) in found]

    def find_made(
        self, table: Table, origin: tuple[str, str], rows: list[int], pattern: str
    ) -> list[int]:
        """Which former rows of a sheet go by an id that was made, as `pattern` tells."""
        found = self.rows(
            f"SELECT row FROM lake.{quote('core_' + table.name)} WHERE file = ? AND sheet = ? "
            "AND snapshot < ? AND row IN (SELECT unnest(?::BIGINT[])) "
            f"AND regexp_full_match({quote(table.key[0])}, ?)",
            [*origin, self.snapshot, rows, pattern],
        )
        return [int(row) for (row,) in found]

    def forget(self, table: Table, origin: tuple[str, str], rows: list[int]) -> None:
        """Take rows of a sheet out that came in by an earlier refresh."""
        self.touch_everything()
        self.execute(
            f"DELETE FROM lake.{quote('core_' + table.name)} c WHERE file = ? AND sheet = ? "
            f"AND snapshot < ? AND row IN (SELECT unnest(?::BIGINT[])) AND {_not_staged(table)}",
            [*origin, self.snapshot, rows],
        )

    def find_absent(
        self, table: Table, origins: list[tuple[str, str]], present: list[pa.Array]
    ) -> list[tuple[str, str, str, int]]:
        """Rows of earlier sheets of which no key is present any more: key, file, sheet, row."""
        self._register_origins(origins)
        keys = pa.concat_arrays(present)
        self.register("present", pa.Table.from_arrays([keys], names=["key"]))
        found = self.rows(
            f"FROM (SELECT {_key_text(table)} AS key, file, sheet, row "
            f"FROM lake.{quote('core_' + table.name)} "
            "SEMI JOIN origins USING (file, sheet) WHERE snapshot < ?) "
            "ANTI JOIN present USING (key) ORDER BY file, sheet, row",
            [self.snapshot],
        )
        return [(str(k), str(file), str(sheet), int(row)) for k, file, sheet, row in found]

    def forget_absent(self, table: Table) -> None:
        """Take out what `find_absent` has just found."""
        self.touch_everything()
        self.execute(
            f"DELETE FROM lake.{quote('core_' + table.name)} WHERE snapshot < ? "
            "AND (file, sheet) IN (SELECT (file, sheet) FROM origins) "
            f"AND {_key_text(table)} NOT IN (SELECT key FROM present WHERE key IS NOT NULL)",
            [self.snapshot],
        )

    def drop_raw(self, table: Table, origin: tuple[str, str]) -> None:
        """Let go of what a sheet said in rows that nothing in the table came from any more."""
        if not self.has_records(origin):
            return
        self.execute(
            'DELETE FROM lake.raw_rows WHERE "table" = ? AND file = ? AND sheet = ? '
            "AND snapshot < ? AND (row, snapshot) NOT IN "
            f"(SELECT (row, snapshot) FROM lake.{quote('core_' + table.name)} "
            "WHERE file = ? AND sheet = ?)",
            [table.name, *origin, self.snapshot, *origin],
        )

    def keep_raw(self, table: Table, origin: tuple[str, str], parts: Sequence[RawRows]) -> None:
        """Keep what a sheet itself says in some rows, as JSON by header."""
        if not parts:
            return
        arriving = pa.table(
            {
                "row": np.concatenate([part.numbers for part in parts]),
                "cells": pa.chunked_array([part.cells for part in parts]),
            }
        )
        self._cursor.register("arriving", _part_rows(arriving))
        self._cursor.execute(
            'INSERT INTO lake.raw_rows ("table", file, sheet, row, cells, snapshot) '
            "SELECT ?, ?, ?, row, cells, ? FROM arriving",
            [table.name, *origin, self.snapshot],
        )
        self._cursor.unregister("arriving")

    def relabel(self, origin: tuple[str, str], table: Table, file: str) -> None:
        """Set the rows and records of a sheet apart under another file name."""
        here = "file = ? AND sheet = ? AND snapshot < ?"
        place = [file, *origin, self.snapshot]
        self.execute(f"UPDATE lake.{quote('core_' + table.name)} SET file = ? WHERE {here}", place)
        for name in (QUARANTINE.name, FILES.name, RAW_ROWS.name):
            self.execute(
                f'UPDATE lake.{quote(name)} SET file = ? WHERE {here} AND "table" = ?',
                [*place, table.name],
            )

    def _register_origins(self, origins: list[tuple[str, str]]) -> None:
        files, sheets = [f for f, _ in origins], [s for _, s in origins]
        arrays = [pa.array(files, pa.string()), pa.array(sheets, pa.string())]
        self.register("origins", pa.Table.from_arrays(arrays, names=["file", "sheet"]))

    def swap(self, table: Table, origins: list[tuple[str, str]], frame: pd.DataFrame) -> bool:
        """Replace what a table of records says of some sheets; whether that differs from before."""
        told = [c.name for c in table.columns if c.name not in PASSING]
        columns = ", ".join(quote(c) for c in told)
        self._register_origins(origins)
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
        if not frame.empty:
            self._append(table, _as_arrow(table, frame))

    def _append(self, table: Table, rows: pa.Table) -> None:
        if not rows.num_rows:
            return
        self._written.add(table.name)
        names = ", ".join(quote(c.name) for c in table.columns)
        self._cursor.register("arriving", rows)
        self._cursor.execute(
            f"INSERT INTO lake.{quote(table.name)} ({names}) SELECT {names} FROM arriving"
        )
        self._cursor.unregister("arriving")

    def replace(self, table: Table, frame: pd.DataFrame) -> None:
        """Put a frame in the place of everything a table holds.

        Where the table holds just that already nothing is written: history then tells of what
        changed alone, and a refresh of one row is not one of every table.
        """
        rows = _as_arrow(table, frame)
        if self._gathered is not None:
            self._gathered.setdefault(table.name, []).append(rows)
            return
        mark = _sign(rows)
        signs = self._read_signs()
        if table.name not in self._written and signs.get(table.name) == mark:
            return
        if self.holds_any(table.name):
            self._cursor.execute(f"DELETE FROM lake.{quote(table.name)}")
        self._append(table, rows)
        self._signed[table.name] = signs[table.name] = mark

    def _read_signs(self) -> dict[str, str]:
        """By which signs the tables were last replaced."""
        if self._signs is None:
            found = self.rows("SELECT name, value FROM lake.settings WHERE name LIKE ?", [_SIGNED])
            self._signs = {str(name)[len(_SIGN) :]: str(sign) for name, sign in found}
        return self._signs

    def _keep_signs(self) -> None:
        """Keep by which signs tables were replaced, for the next refresh."""
        names = [_SIGN + name for name in self._signed]
        self._cursor.execute("DELETE FROM lake.settings WHERE name IN $1", [names])
        kept = pa.table({"name": names, "value": list(self._signed.values())})
        self._cursor.register("arriving", kept)
        self._cursor.execute("INSERT INTO lake.settings SELECT name, value FROM arriving")
        self._cursor.unregister("arriving")

    def replace_by(self, table: Table, sql: str, **variables: Any) -> None:
        """Put the rows of a named .sql file in the place of everything a table holds.

        With `months_from` and `months_to` among the variables, of what it holds of those months.
        """
        for name, value in variables.items():
            self._cursor.execute(f"SET VARIABLE {quote(name)} = $1", [value])
        if self._gathered is not None:
            made = (
                f"CREATE OR REPLACE TEMP TABLE {quote(table.name)} AS {self._aim(named_sql(sql))}"
            )
            self._cursor.execute(made)
            names = ", ".join(quote(column.name) for column in table.columns)
            found = self._cursor.execute(f"SELECT {names} FROM temp.{quote(table.name)}")
            self._gathered.setdefault(table.name, []).append(found.to_arrow_table())
            return
        among = ""
        if "months_from" in variables:
            among = (
                " WHERE month >= getvariable('months_from')::DATE"
                " AND month < getvariable('months_to')::DATE"
            )
        if self.holds_any(table.name):
            self._cursor.execute(f"DELETE FROM lake.{quote(table.name)}{among}")
        self._written.add(table.name)
        self._cursor.execute(f"INSERT INTO lake.{quote(table.name)} BY NAME {named_sql(sql)}")

    def append_shapes(self, table: Table, frame: gpd.GeoDataFrame) -> None:
        """Add shapes (EPSG:4326) to a table with geometry."""
        if frame.empty:
            return
        self._shapes.clear()
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


_SINCE = " UNION ".join(
    f"SELECT table_id, {column} AS number FROM {_METADATA}.ducklake_{kind}"
    for kind, columns in (
        ("data_file", ("begin_snapshot", "end_snapshot", "partial_max")),
        ("delete_file", ("begin_snapshot", "end_snapshot", "partial_max")),
        ("column", ("begin_snapshot", "end_snapshot")),
        ("table", ("begin_snapshot",)),
    )
    for column in columns
)
_TABLE_STATES = (
    f"WITH changes AS ({_SINCE}), there AS (SELECT snapshot_id FROM lake.snapshots()), "
    "states AS (SELECT DISTINCT table_id, (SELECT min(snapshot_id) FROM there "
    "WHERE snapshot_id >= number) AS number FROM changes) "
    f"SELECT DISTINCT table_name, number FROM states JOIN {_METADATA}.ducklake_table t "
    "USING (table_id) WHERE t.begin_snapshot <= number "
    "AND (t.end_snapshot IS NULL OR number < t.end_snapshot) ORDER BY ALL"
)
# What is by compound, and of it the columns that figures are made from.
_NEAR = {
    "core_complaints": (
        "compound_id, category, urgency, reported_at, closed_at, due_at, status, is_repeat, "
        "building_no, address, lon, lat, located_by"
    ),
    "core_compounds": "*",
    "core_boundaries": "*",
    "core_buildings": "*",
}
_AIMED = re.compile(rf"\blake\.\"?({'|'.join([*_NEAR, 'out_closings'])})\b\"?")
# Under what the settings keep of each table by what it was last replaced.
_SIGN = "holds:"
_SIGNED = f"{_SIGN}%"

TABLE_NAMES: tuple[str, ...] = (
    *(f"core_{table.name}" for table in TABLES),
    *(table.name for table in (*RECORDS, *OUTPUTS)),
)


def list_extensions(lake: Lake) -> tuple[str, ...]:
    """The extensions that a store needs, in the order in which they are loaded."""
    if not lake.is_shared:
        return EXTENSIONS
    return SHARED_EXTENSIONS + (OBJECT_EXTENSIONS if lake.is_in_objects else ())


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


def _part_rows(rows: pa.Table) -> pa.Table:
    """The same rows in batches, which the database takes up on several threads."""
    batches = rows.combine_chunks().to_batches(max_chunksize=ROWS_PER_BATCH)
    return pa.Table.from_batches(batches, rows.schema)


def _not_staged(table: Table) -> str:
    """The condition that a row `c` of a core table is not on the sheet that is being landed."""
    alike = " AND ".join(f"s.{quote(key)} = c.{quote(key)}" for key in table.key)
    return f"NOT EXISTS (SELECT 1 FROM staging s WHERE {alike})"


def _merge_column(table: Table, name: str, stated: frozenset[str]) -> str:
    """What a row says of a column, or else what the store knows, where the sheet has no say."""
    column = quote(name)
    if name in stated or name in table.key:
        return f"s.{column}"
    known = f"coalesce(s.{column}, k.{column})"
    if name in _BY_ADDRESS and "address" in stated:
        # An address tells nothing against a name, and all where an earlier address had told it.
        is_named = "k.compound_id IS NOT NULL AND k.compound_by <> 'address'"
        known = f"CASE WHEN {is_named} THEN k.{column} ELSE s.{column} END"
    return f"{known} AS {column}"


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


def _read_shapes(cursor: duckdb.DuckDBPyConnection, source: str) -> gpd.GeoDataFrame:
    found = cursor.execute(
        f"SELECT * REPLACE (ST_AsWKB(geometry)::BLOB AS geometry) FROM {source} "
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


def _sign(rows: pa.Table) -> str:
    """What tells rows from others, as this version of the store writes them."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return f"{STORE_FORMAT} {hashlib.sha256(sink.getvalue()).hexdigest()}"


def _as_arrow(table: Table, frame: pd.DataFrame) -> pa.Table:
    arrays = [
        pa.Array.from_pandas(frame[column.name], type=ARROW_TYPES[column.kind])
        for column in table.columns
    ]
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
    counts = {name.removeprefix("rows_"): said[name] for name in _COUNTS if name in said}
    return Entry(
        snapshot, at.astimezone(), known_who, said["kind"], said.get("files", []),
        restores=said.get("restores"), hashes=said.get("hashes", []), counts=counts,
        office=said.get("office", ""),
    )  # fmt: skip


def _live_states(entries: list[Entry]) -> list[int]:
    """Snapshots of the refreshes that still stand, in order: an undo takes the last one away."""
    live: list[int] = []
    for entry in entries:
        if entry.what == "refresh":
            live.append(entry.snapshot)
        elif live:
            live.pop()
    return live


def _key_text(table: Table, alias: str = "") -> str:
    """The key of a row as one text, as `etl.check.join_key` has it."""
    names = (f"{alias}.{quote(name)}" if alias else quote(name) for name in table.key)
    return f"concat_ws('|', {', '.join(names)})"


def _let_go(cursor: duckdb.DuckDBPyConnection) -> None:
    """End a cursor and the transaction in it, whatever became of the server."""
    with suppress(duckdb.Error):
        cursor.execute("ROLLBACK")
    cursor.close()


def _complete_tables(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Add the tables and columns of the contract that the lake does not have yet.

    Returns the tables that were made, each with its first column.
    """
    found: dict[str, set[str]] = {}
    for table, column in cursor.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'lake'"
    ).fetchall():
        found.setdefault(table, set()).add(column)
    defined = [(f"core_{t.name}", core_columns(t), define_core(t)) for t in TABLES]
    defined += [(t.name, plain_columns(t), define_plain(t)) for t in (*RECORDS, *OUTPUTS)]
    made = []
    for name, columns, statement in defined:
        if name not in found:
            cursor.execute(statement)
            made.append((name, columns[0][0]))
            continue
        for column, kind in columns:
            if column not in found[name]:
                cursor.execute(f"ALTER TABLE lake.{quote(name)} ADD COLUMN {quote(column)} {kind}")
    return made


def _empty_new_tables(cursor: duckdb.DuckDBPyConnection) -> None:
    """Take the blank rows out of the tables made since the newest published state."""
    made = cursor.execute(
        f"SELECT table_name FROM {_METADATA}.ducklake_table "
        "WHERE end_snapshot IS NULL AND begin_snapshot > (SELECT coalesce(max(snapshot_id), 0) "
        "FROM lake.snapshots() WHERE commit_extra_info IS NOT NULL)"
    ).fetchall()
    for (name,) in made:
        cursor.execute(f"DELETE FROM lake.{quote(name)}")


def _list_changed(cursor: duckdb.DuckDBPyConnection, version: int) -> list[str]:
    """The tables that are not as they were at a version: rows came or went, or they were made.

    A file to which later changes were added keeps the snapshot it began with; the last of them
    stands as `partial_max` (DuckLake specification, `ducklake_delete_file`).
    """
    since = "(begin_snapshot > $1 OR end_snapshot > $1)"
    file_since = "(begin_snapshot > $1 OR end_snapshot > $1 OR partial_max > $1)"
    found = cursor.execute(
        f"SELECT DISTINCT table_name FROM {_METADATA}.ducklake_table WHERE {since} OR table_id IN ("
        f"SELECT table_id FROM {_METADATA}.ducklake_data_file WHERE {file_since} UNION ALL "
        f"SELECT table_id FROM {_METADATA}.ducklake_delete_file WHERE {file_since} UNION ALL "
        f"SELECT table_id FROM {_METADATA}.ducklake_column WHERE {since})",
        [version],
    ).fetchall()
    changed = {str(name) for (name,) in found}
    return [name for name in TABLE_NAMES if name in changed]


def _restore_table(cursor: duckdb.DuckDBPyConnection, name: str, version: int) -> None:
    """Put a table back as it was; one that did not exist then, or held nothing, is emptied."""
    table = f"lake.{quote(name)}"
    former = f"{table} AT (VERSION => {version})"
    existed = cursor.execute(
        f"SELECT count(*) FROM {_METADATA}.ducklake_table WHERE table_name = ? "
        "AND begin_snapshot <= ? AND (end_snapshot IS NULL OR end_snapshot > ?)",
        [name, version, version],
    ).fetchall()
    if existed[0][0] and cursor.execute(f"FROM {former} LIMIT 1").fetchall():
        cursor.execute(f"CREATE OR REPLACE TABLE {table} AS FROM {former}")
    else:
        cursor.execute(f"DELETE FROM {table}")


def _keep_history(cursor: duckdb.DuckDBPyConnection, states: Sequence[tuple[Any, ...]]) -> None:
    """Write down who published what and when, of states that are to be let go."""
    told = [
        (number, at.astimezone(UTC).replace(tzinfo=None), who, said)
        for number, at, who, said in states
        if said is not None and json.loads(said)["kind"] in ("refresh", "undo")
    ]
    if told:
        cursor.executemany(
            "INSERT INTO lake.past_states (snapshot, published_at, who, said) VALUES (?, ?, ?, ?)",
            told,
        )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]

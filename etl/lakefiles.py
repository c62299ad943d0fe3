"""The files that a store is made of: which the catalogue knows, what each must be, how to copy them.

Parquet files are written once and never changed, so the checksum that was noted when one was
published holds for good. Checksums stand in `data.sha256`, a line a file, as `sha256sum` writes
them.

A process that has the store open must not open the catalogue here: closing it would let go of the
locks that DuckDB's own SQLite holds on the same file. Run as `python -m etl.lakefiles SOURCE TARGET`
it copies a database in a process of its own.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

CHECKSUMS = "data.sha256"
BUSY_SECONDS = 30.0
COPY_SECONDS = 600
PIECE = 1 << 20
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*\.parquet)")
_FILES = """
SELECT DISTINCT t.table_name, s.path, s.path_is_relative, t.path, t.path_is_relative,
       f.path, f.path_is_relative, f.file_size_bytes, f.begin_snapshot, f.end_snapshot
FROM {schema}{kind} f JOIN {schema}ducklake_table t USING (table_id)
JOIN {schema}ducklake_schema s USING (schema_id) ORDER BY f.{key}
"""


@dataclass(frozen=True)
class LakeFile:
    """A Parquet file of the catalogue: under which path of the data folder, and since when."""

    table: str
    path: str
    size: int
    begins: int
    ends: int | None

    def is_in(self, snapshot: int) -> bool:
        """Whether a snapshot needs this file."""
        return self.begins <= snapshot and (self.ends is None or snapshot < self.ends)


def list_files(catalogue: Path) -> list[LakeFile]:
    """Every file that any snapshot of a catalogue needs. Raises sqlite3.Error where it cannot be read."""
    with closing(_open(catalogue)) as database:
        return read_files(lambda sql: database.execute(sql).fetchall())


def read_files(ask: Callable[[str], Iterable[Any]], schema: str = "") -> list[LakeFile]:
    """Every file that any snapshot needs, from whatever answers SQL about the catalogue's tables."""
    found = []
    for kind, key in (
        ("ducklake_data_file", "data_file_id"), ("ducklake_delete_file", "delete_file_id"),
    ):  # fmt: skip
        for row in ask(_FILES.format(kind=kind, key=key, schema=schema)):
            table, *places, size, begins, ends = row
            path = PurePosixPath()
            for step, is_relative in zip(places[::2], places[1::2], strict=True):
                path = path / step if is_relative else PurePosixPath(step)
            found.append(LakeFile(table, path.as_posix(), size, begins, ends))
    return found


def find_newest(catalogue: Path) -> int:
    """The number of a catalogue's newest snapshot. Raises sqlite3.Error where it cannot be read."""
    with closing(_open(catalogue)) as database:
        row = database.execute("SELECT max(snapshot_id) FROM ducklake_snapshot").fetchone()
    return int(row[0])


def read_times(catalogue: Path) -> dict[int, float]:
    """When each snapshot was made, in seconds since 1970. Raises sqlite3.Error."""
    with closing(_open(catalogue)) as database:
        rows = database.execute("SELECT snapshot_id, snapshot_time FROM ducklake_snapshot")
        return {int(number): datetime.fromisoformat(at).timestamp() for number, at in rows}


def _open(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS
    )


def copy_database(source: Path, target: Path) -> None:
    """A copy of a SQLite file as it stands now, while others read and write it.

    The copy is one file, readable by its owner alone. Raises sqlite3.Error or OSError.
    """
    target.unlink(missing_ok=True)
    with closing(_open(source)) as old, closing(sqlite3.connect(target)) as new:
        target.chmod(0o600)
        # A copy waits for ever for whoever holds the file to itself; a read does not.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")


def copy_apart(source: Path, target: Path) -> None:
    """The same in a process of its own, for whoever has the store open. Raises OSError."""
    command = [sys.executable, "-m", "etl.lakefiles", str(source), str(target)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=COPY_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise OSError(f"not copied within {COPY_SECONDS} s") from error
    if done.returncode:
        raise OSError(done.stderr.strip().splitlines()[-1] if done.stderr else "not copied")


def hash_file(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    told = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            told.update(piece)
    return told.hexdigest()


def read_checksums(folder: Path) -> dict[str, str]:
    """The checksums noted in a store, by path in its data folder; a line cut short is passed over."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    return {found[2]: found[1] for line in lines if (found := _LINE.fullmatch(line))}


def note_checksums(folder: Path, paths: Iterable[str]) -> None:
    """Note the checksums of files, by path in the data folder, that have none yet. Raises OSError."""
    known = read_checksums(folder)
    fresh = [path for path in paths if path not in known]
    _add_lines(folder / CHECKSUMS, _hash_all(folder / "data", fresh))


def drop_checksums(folder: Path) -> None:
    """Leave out the checksums of files that are no longer there. Raises OSError."""
    known = read_checksums(folder)
    there = [
        f"{mark}  {path}" for path, mark in known.items() if (folder / "data" / path).is_file()
    ]
    if len(there) < len(known):
        half = folder / f"{CHECKSUMS}.part"
        half.write_bytes("".join(f"{line}\n" for line in there).encode())
        half.replace(folder / CHECKSUMS)


def _hash_all(data: Path, paths: Iterable[str]) -> list[str]:
    return [f"{hash_file(data / path)}  {path}" for path in paths if (data / path).is_file()]


def _add_lines(path: Path, lines: list[str]) -> None:
    if not lines:
        return
    with path.open("a+b") as file:
        file.seek(0, os.SEEK_END)
        is_cut = False
        if file.tell():
            file.seek(-1, os.SEEK_END)
            is_cut = file.read(1) != b"\n"
        # What died while writing may have left half a line.
        file.write(("\n" * is_cut + "\n".join(lines) + "\n").encode())


if __name__ == "__main__":
    copy_database(Path(sys.argv[1]), Path(sys.argv[2]))

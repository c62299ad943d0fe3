"""A store in one file, while it is served: catalogue, Parquet files, accounts; and back again.

The catalogue is copied first, in one go. Whatever it names is written already and never changes,
so what is published meanwhile is simply not in this backup.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from etl.accounts import FILE as ACCOUNTS
from etl.briefing.issues import FILE as BRIEFINGS
from etl.errors import StoreError, UsageError
from etl.lake import read_lake
from etl.lakefiles import (
    PIECE,
    copy_database,
    find_newest,
    hash_file,
    list_files,
    note_checksums,
    read_checksums,
)
from etl.move import copy_own_files, copy_store
from etl.store import CATALOGUE, KEPT_FILE, STORE_FORMAT, Store

MANIFEST = "manifest.json"
KIND = "shequ-backup"
# More than this in a backup, or longer lists, are none of ours.
MOST_FILES, MOST_BYTES = 2_000_000, 1 << 42
TRIES = 3
LONGEST_MANIFEST = 512 << 20


class _GoneError(StoreError):
    """A file that the catalogue named is not there."""


@dataclass(frozen=True)
class Backup:
    """What a backup holds: the newest snapshot in it, how many files, of how many bytes."""

    path: Path
    made_at: datetime
    snapshot: int
    files: int
    size: int


def back_up(folder: Path, target: Path, now: datetime | None = None) -> Backup:
    """Write a store into one file.

    Parameters
    ----------
    folder
        The store's.
    target
        The file; for a folder, a file in it named by the time. What is there stays untouched.

    Raises
    ------
    UsageError
        There is a file of this name already, or no such folder.
    StoreError
        A file of the store is missing or damaged, or the backup cannot be written; then there is
        no backup, not half a one.
    """
    made_at = now or datetime.now(UTC)
    if target.is_dir():
        target = target / f"shequ-{made_at.astimezone():%Y%m%d-%H%M%S}.zip"
    if target.exists():
        raise UsageError(f"“{target}”已经有了，不覆盖。请换一个文件名。")
    if not target.absolute().parent.is_dir():
        raise UsageError(f"没有“{target.absolute().parent}”这个文件夹。")
    if folder.absolute() in target.absolute().parents:
        raise UsageError("备份不要放在数据文件夹里：它坏了，备份也就没有了。请放到别的盘或 U 盘。")
    if not (folder / CATALOGUE).is_file() and not read_lake(folder).is_shared:
        raise StoreError(f"“{folder}”里没有数据，没有可备份的。")
    if read_lake(folder).is_shared:
        return _back_up_shared(folder, target, made_at)
    try:
        for _ in range(TRIES - 1):
            # Old states may be let go while they are copied: then a newer catalogue names fewer.
            with suppress(_GoneError):
                return _write(folder, target, made_at)
        return _write(folder, target, made_at)
    except (OSError, sqlite3.Error, zipfile.BadZipFile) as error:
        raise StoreError(f"备份没有写成：{_explain(error)}") from error


def _back_up_shared(folder: Path, target: Path, made_at: datetime) -> Backup:
    """The same of a shared store, by way of a store of one's own; nobody writes meanwhile."""
    with tempfile.TemporaryDirectory(prefix="shequ-backup-") as scratch:
        copy = Path(scratch) / "store"
        copy.mkdir()
        with Store(folder, existing=True) as store, store.hold():
            copy_store(store, copy)
            copy_own_files(store, copy)
        return back_up(copy, target, made_at)


def _write(folder: Path, target: Path, made_at: datetime) -> Backup:
    with tempfile.TemporaryDirectory(prefix="shequ-backup-") as scratch:
        copies = _copy_databases(folder, Path(scratch))
        members = list(copies.items())
        if (folder / KEPT_FILE).exists():
            members.append((KEPT_FILE, folder / KEPT_FILE))
        snapshot = find_newest(copies[CATALOGUE])
        known = read_checksums(folder)
        for file in list_files(copies[CATALOGUE]):
            members.append((f"data/{file.path}", folder / "data" / file.path))
        half = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            with half.open("wb") as out:
                half.chmod(0o600)
                told = _pack(out, members, known, made_at, snapshot)
                out.flush()
                os.fsync(out.fileno())
            half.replace(target)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
    return Backup(target, made_at, snapshot, len(told), target.stat().st_size)


def _copy_databases(folder: Path, scratch: Path) -> dict[str, Path]:
    copies = {CATALOGUE: scratch / CATALOGUE}
    copy_database(folder / CATALOGUE, copies[CATALOGUE])
    if (folder / BRIEFINGS).exists():
        copies[BRIEFINGS] = scratch / BRIEFINGS
        copy_database(folder / BRIEFINGS, copies[BRIEFINGS])
    if (folder / ACCOUNTS).exists():
        copies[ACCOUNTS] = scratch / ACCOUNTS
        copy_database(folder / ACCOUNTS, copies[ACCOUNTS])
        with closing(sqlite3.connect(copies[ACCOUNTS])) as accounts, accounts:
            # Whoever finds the backup is not signed in by it.
            accounts.execute("DELETE FROM sessions")
    return copies


def _pack(
    out: IO[bytes], members: list[tuple[str, Path]], known: dict[str, str], made_at: datetime,
    snapshot: int,
) -> list[dict[str, Any]]:  # fmt: skip
    told = []
    # Parquet is packed already.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, path in members:
            if not path.is_file():
                raise _GoneError(
                    f"缺少数据文件“{name}”，不能备份。请运行 shequ doctor 看看少了什么。"
                )
            size, mark = _add(archive, name, path)
            noted = known.get(name.removeprefix("data/"), mark)
            if noted != mark:
                raise StoreError(
                    f"数据文件“{name}”已损坏，不能备份。请运行 shequ doctor 看看怎样恢复。"
                )
            told.append({"name": name, "size": size, "sha256": mark})
        manifest = {
            "kind": KIND, "format": STORE_FORMAT, "made_at": made_at.isoformat(),
            "snapshot": snapshot, "files": told,
        }  # fmt: skip
        archive.writestr(MANIFEST, json.dumps(manifest, ensure_ascii=False))
    return told


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> tuple[int, str]:
    told, size = hashlib.sha256(), 0
    with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as member:
        while piece := source.read(PIECE):
            told.update(piece)
            member.write(piece)
            size += len(piece)
    return size, told.hexdigest()


def restore(source: Path, folder: Path) -> Backup:
    """Make a store out of a backup; what is in the folder already is never written over.

    Raises
    ------
    UsageError
        There is no such file, or the folder is not empty.
    StoreError
        The file is no backup, is damaged, is of a newer version, or cannot be unpacked; then
        nothing is left in the folder.
    """
    if not source.is_file():
        raise UsageError(f"没有“{source}”这个文件。")
    folder = folder.expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"“{folder}”不是空的，不覆盖。请用 --store 另指一个空文件夹。")
    try:
        with zipfile.ZipFile(source) as archive, _beside(folder) as scratch:
            manifest = _read_manifest(archive)
            _unpack(archive, manifest, scratch)
            note_checksums(scratch, [file.path for file in list_files(scratch / CATALOGUE)])
            if find_newest(scratch / CATALOGUE) != manifest["snapshot"]:
                raise StoreError(_damaged("目录与清单不符"))
            # It opens, and is brought up to this version where it is older.
            Store(scratch).close()
            if folder.exists():
                folder.rmdir()
            scratch.rename(folder)
    except (OSError, sqlite3.Error, zipfile.BadZipFile) as error:
        if isinstance(error, zipfile.BadZipFile):
            raise StoreError(_damaged("不是完整的压缩包")) from error
        raise StoreError(f"没有恢复成：{_explain(error)}") from error
    made_at = datetime.fromisoformat(manifest["made_at"])
    size = source.stat().st_size
    return Backup(source, made_at, manifest["snapshot"], len(manifest["files"]), size)


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A folder on the same disk, to be put in place in one step; gone afterwards if it was not."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield scratch
    finally:
        with suppress(OSError):
            shutil.rmtree(scratch)


def _damaged(what: str) -> str:
    return f"这个备份不能用：{what}。文件可能没有复制完整，请换一个备份。"


def _read_manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        if archive.getinfo(MANIFEST).file_size > LONGEST_MANIFEST:
            raise StoreError(_damaged("清单太大"))
        manifest = json.loads(archive.read(MANIFEST))
        if manifest["kind"] != KIND:
            raise StoreError("这个压缩包不是 shequ 的备份。")
        if manifest["format"] > STORE_FORMAT:
            raise StoreError("这个备份由更新的版本写成。请先升级软件。")
        datetime.fromisoformat(manifest["made_at"])
        names = [str(file["name"]) for file in manifest["files"]]
        sizes = [int(file["size"]) for file in manifest["files"]]
        manifest["snapshot"]
    except KeyError as error:
        raise StoreError("这个压缩包不是 shequ 的备份。") from error
    except (ValueError, TypeError) as error:
        raise StoreError(_damaged("清单读不出来")) from error
    if len(names) > MOST_FILES or sum(sizes) > MOST_BYTES or len(set(names)) != len(names):
        raise StoreError(_damaged("清单不对"))
    if not all(map(_is_ours, names)) or CATALOGUE not in names:
        raise StoreError(_damaged("里面有不该有的文件"))
    return dict(manifest)


def _is_ours(name: str) -> bool:
    """Whether a name in a backup is one that belongs there: nothing leads out of the folder."""
    if name in (CATALOGUE, ACCOUNTS, BRIEFINGS, KEPT_FILE):
        return True
    parts = name.split("/")
    is_plain = all(part not in ("", ".", "..") and "\\" not in part for part in parts)
    return is_plain and parts[0] == "data" and PurePosixPath(name).suffix == ".parquet"


def _unpack(archive: zipfile.ZipFile, manifest: dict[str, Any], scratch: Path) -> None:
    needed = sum(int(file["size"]) for file in manifest["files"])
    free = shutil.disk_usage(scratch).free
    if needed > free:
        raise StoreError(
            f"磁盘放不下：要 {needed / 1e6:,.0f} MB，只剩 {free / 1e6:,.0f} MB。请腾出空间后再试。"
        )
    scratch.joinpath("data").mkdir()
    for file in manifest["files"]:
        target = scratch / file["name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(file["name"]) as member, target.open("xb") as out:
                _copy_at_most(member, out, int(file["size"]))
        except KeyError as error:
            raise StoreError(_damaged(f"缺少“{file['name']}”")) from error
        if target.stat().st_size != file["size"] or hash_file(target) != file["sha256"]:
            raise StoreError(_damaged(f"“{file['name']}”与清单不符"))
    for name in (CATALOGUE, ACCOUNTS):
        if (scratch / name).exists():
            (scratch / name).chmod(0o600 if name == ACCOUNTS else 0o644)


def _copy_at_most(member: IO[bytes], out: IO[bytes], size: int) -> None:
    """So many bytes and one more, whatever the archive claims: a bomb is not unpacked."""
    left = size + 1
    while left > 0 and (piece := member.read(min(PIECE, left))):
        out.write(piece)
        left -= len(piece)


def _explain(error: Exception) -> str:
    told = str(error)
    if (isinstance(error, OSError) and error.errno == 28) or "disk is full" in told:
        return "磁盘已满。请腾出空间，或写到别的盘。"
    if isinstance(error, sqlite3.Error) and "locked" in told:
        return "数据的目录被别的程序占用。请关掉打开它的程序，过一会儿再试。"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}（{error.filename or ''}）。"
    return f"{told}。请运行 shequ doctor。"

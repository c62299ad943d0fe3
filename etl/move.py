"""A store with its whole history to another place: a folder's into a shared lake, and back.

The files are copied as they are and the catalogue's own tables row by row, so every snapshot keeps
its number, time and author. Nothing is written in the source until everything was compared.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pyarrow import fs

from etl.accounts import FILE as ACCOUNTS
from etl.briefing.issues import FILE as BRIEFINGS
from etl.briefing.issues import Issues
from etl.errors import ShequError, StoreError, UsageError
from etl.lake import LAKE_FILE, OBJECTS, Lake, read_lake, storage_keys
from etl.lakefiles import PIECE, copy_database, note_checksums
from etl.reading import Progress, be_silent
from etl.store import OWNER_FILE, WRITER_NOTE, Store

# Where the files are while they are copied, and while both sides are compared.
COPIED, COMPARED = 0.6, 0.95


@dataclass(frozen=True)
class Moved:
    """What was moved: how many snapshots and files, of how many bytes; compared, all the same."""

    snapshots: int
    files: int
    size: int


def move(source: Path, target: Path, progress: Progress = be_silent) -> Moved:
    """Carry a store over, compare every table at every snapshot, and retire the source.

    Parameters
    ----------
    source
        The folder of the store. It can be read as before, and is written no more.
    target
        A folder: an empty one for a store of its own, one with a `lake.toml` for a shared one.

    Raises
    ------
    UsageError
        The target is no such folder.
    StoreError
        The target holds data already, or something failed; the source is then as it was.
    """
    source, target = (path.expanduser().absolute() for path in (source, target))
    from_lake, to_lake = read_lake(source), read_lake(target)
    _require_fit(from_lake, to_lake)
    with Store(source, existing=True) as old, old.hold():
        try:
            with _prepare(to_lake) as folder:
                moved = copy_store(old, folder, progress)
                copy_own_files(old, folder)
        except (ShequError, OSError) as error:
            said = str(error) if isinstance(error, ShequError) else f"{error.strerror}。"
            raise StoreError(f"没有搬成，原来的数据没有变动：{said}") from error
        old.retire(str(target))
    progress(1.0, "完成")
    return moved


def _require_fit(source: Lake, target: Lake) -> None:
    if source.folder == target.folder:
        raise UsageError("--to 要指到另一个文件夹。")
    if not source.is_shared and not target.is_shared:
        raise UsageError(
            f"“{target.folder}”里没有 {LAKE_FILE}，两边都是普通文件夹：请用 shequ backup 和 shequ restore。"
        )
    found = [path.name for path in target.folder.iterdir()] if target.folder.is_dir() else []
    # Who was writing is noted beside a lake that somebody looked at before.
    if others := [name for name in found if name not in (LAKE_FILE, WRITER_NOTE)]:
        raise UsageError(
            f"“{target.folder}”不是空的（里面有 {others[0]}），不覆盖。请另指一个文件夹。"
        )


@contextmanager
def _prepare(target: Lake) -> Iterator[Path]:
    """The folder to write the store into; nothing of it stays where it does not come to its end."""
    if target.is_shared:
        try:
            yield target.folder
        except BaseException:
            for name in (ACCOUNTS, BRIEFINGS):
                (target.folder / name).unlink(missing_ok=True)
            raise
        return
    target.folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(
        tempfile.mkdtemp(prefix=f".{target.folder.name}.", suffix=".part", dir=target.folder.parent)
    )
    try:
        yield scratch
        with suppress(FileNotFoundError):
            target.folder.rmdir()
        scratch.chmod(0o755)
        scratch.rename(target.folder)
    finally:
        if scratch.exists():
            shutil.rmtree(scratch)


def copy_store(source: Store, folder: Path, progress: Progress = be_silent) -> Moved:
    """A second store in a folder, with the whole history of the first, compared with it.

    Raises
    ------
    StoreError
        The target is not empty, or is not the same in the end; then nothing is left of it.
    """
    with ExitStack() as undone:
        with Store(folder, arriving=True) as target:
            target.expect_arrival(str(source.path))
            undone.callback(_take_back, target.lake)
            size = _copy_files(source, target.lake, progress)
            progress(COPIED, "搬目录")
            target.take_catalogue(source)
        with Store(folder, arriving=True) as target:
            _compare(source, target, progress)
            target.finish_arrival(source.list_kept() | list_issued(source.path))
            told = Moved(len(target.list_snapshots()), len(target.list_known()), size)
        if not target.lake.is_shared:
            note_checksums(folder, [file.path for file in source.list_known()])
        undone.pop_all()
    return told


def _copy_files(source: Store, target: Lake, progress: Progress) -> int:
    """Every file that a snapshot needs, each read again where it arrived; bytes in all."""
    (old, old_root), (new, new_root) = open_files(source.lake), open_files(target)
    total = 0
    files = sorted({file.path for file in source.list_known()})
    for number, path in enumerate(files):
        progress(COPIED * number / len(files), "搬数据文件")
        there = f"{new_root}/{path}"
        if isinstance(new, fs.LocalFileSystem):
            Path(there).parent.mkdir(parents=True, exist_ok=True)
        told = hashlib.sha256()
        with (
            old.open_input_stream(f"{old_root}/{path}") as come,
            new.open_output_stream(there) as go,
        ):
            while piece := come.read(PIECE):
                told.update(piece)
                go.write(piece)
                total += len(piece)
        if hash_stream(new, there) != told.hexdigest():
            raise StoreError(f"数据文件“{path}”搬过去以后与原来的不一样。请检查目标的磁盘或存储。")
    return total


def open_files(lake: Lake) -> tuple[fs.FileSystem, str]:
    """Where the Parquet files of a store lie, and their root there."""
    if not lake.is_in_objects:
        return fs.LocalFileSystem(), lake.data.rstrip("/")
    keys = storage_keys()
    place: dict[str, str] = {}
    if "ENDPOINT" in keys:
        scheme = "https" if keys["USE_SSL"] == "true" else "http"
        place = {"endpoint_override": keys["ENDPOINT"], "scheme": scheme}
    opened = fs.S3FileSystem(
        access_key=keys["KEY_ID"], secret_key=keys["SECRET"], region=keys["REGION"],
        session_token=keys.get("SESSION_TOKEN"), **place,
    )  # fmt: skip
    parts = urlsplit(lake.data)
    return opened, f"{parts.netloc}{parts.path}".rstrip("/").removeprefix(OBJECTS)


def hash_stream(files: fs.FileSystem, path: str) -> str:
    """The sha256 of a file wherever it lies. Raises OSError."""
    told = hashlib.sha256()
    with files.open_input_stream(path) as stream:
        while piece := stream.read(PIECE):
            told.update(piece)
    return told.hexdigest()


def _compare(source: Store, target: Store, progress: Progress) -> None:
    """Hold every table at every snapshot that changed it against the other side's."""
    if source.list_snapshots() != target.list_snapshots():
        raise StoreError("搬过去以后历史与原来的不一样。")
    states = source.list_table_states()
    if states != target.list_table_states():
        raise StoreError("搬过去以后目录与原来的不一样。")
    for number, (table, snapshot) in enumerate(states):
        progress(COPIED + (COMPARED - COPIED) * number / len(states), "逐表核对")
        if source.sum_table(table, snapshot) != target.sum_table(table, snapshot):
            raise StoreError(f"表“{table}”在快照 {snapshot} 搬过去以后与原来的不一样。")


def _take_back(target: Lake) -> None:
    """Take away what a move that failed had written."""
    if not target.is_shared:
        return
    with suppress(ShequError, OSError):
        files, root = open_files(target)
        with Store(target.folder, arriving=True) as begun:
            for path in (*begun.list_stored(), OWNER_FILE):
                files.delete_file(f"{root}/{path}")
            begun.forget_arrival()


def copy_own_files(source: Store, folder: Path) -> None:
    """What belongs to the machine: accounts with the audit, and issued briefings."""
    for name in (ACCOUNTS, BRIEFINGS):
        if (source.path / name).exists():
            copy_database(source.path / name, folder / name)


def list_issued(folder: Path) -> set[int]:
    """The snapshots on which the briefings stand that were issued from a folder."""
    return {issue.snapshot for issue in Issues(folder).everything()}

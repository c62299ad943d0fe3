"""Files to sheets of cells with their addresses, within limits, read in a process that may die."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO

import psutil
import pyarrow as pa

from etl.errors import FileError, PasswordNeededError
from etl.files.limits import LIMITS, SUFFIXES, Limits, too_hungry
from etl.privacy import mask_text
from etl.sheet import MOMENT, NUMBER, TEXT, Cells, Sheet

__all__ = ["LIMITS", "SUFFIXES", "Limits", "Reader", "Workbook", "read_bytes", "read_workbook"]

_KINDS = (("t", TEXT), ("n", NUMBER), ("m", MOMENT))
# Seconds between two looks at how much the child has taken.
_LOOK = 0.05
# A child that a large file has swollen so much is not kept for the next one.
_SWOLLEN = 0.3


@dataclass(frozen=True)
class Workbook:
    """A file, the sheets that were found in it, and sentences about it that people should know."""

    name: str
    sheets: list[Sheet] = field(default_factory=list)
    notes: tuple[str, ...] = ()


def read_workbook(path: Path, password: str = "") -> Workbook:
    """Read one file that holds tables; for several, a `Reader` saves starting a process for each.

    Raises
    ------
    PasswordNeededError
        It opens with a password only, and not with this one.
    FileError
        The file is no table, is empty, damaged or too large; said in a sentence.
    """
    with Reader() as reader:
        return reader.read(path, password)


def read_bytes(path: Path) -> bytes:
    """The content of a file, refused with a sentence where it cannot be had or is too large."""
    with _open_file(path, LIMITS) as file:
        return file.read()


@contextlib.contextmanager
def _open_file(path: Path, limits: Limits) -> Iterator[BinaryIO]:
    """A file that is there, may be read, is not empty and not too large."""
    name = mask_text(path.name)[0]
    try:
        size = path.stat().st_size
        if size > limits.size:
            raise FileError(
                f"《{name}》有 {size / 1e6:.0f} MB，超过上限 {limits.size / 1e6:.0f} MB。请分成几个文件。"
            )
        with path.open("rb") as file:
            if not file.read(1):
                raise FileError(f"《{name}》是空的（0 字节）。请重新导出或复制一次。")
            file.seek(0)
            yield file
    except FileNotFoundError as error:
        raise FileError(f"找不到文件《{name}》。请检查文件名和路径。") from error
    except IsADirectoryError as error:
        raise FileError(f"《{name}》是文件夹，不是文件。") from error
    except (OSError, ValueError) as error:
        if os.path.isdir(path):  # which Windows calls a lack of permission
            raise FileError(f"《{name}》是文件夹，不是文件。") from error
        raise FileError(
            f"《{name}》打不开：可能正在 Excel 或 WPS 里打开，或没有读取权限。请关闭后再试。"
        ) from error


class Reader:
    """Reads files one after the other in a child process, started when the first one comes.

    What nobody here wrote is parsed there: the child may ask for all memory, hang or die; it is
    ended, the file gets its sentence, and the next file gets a new child.

        with Reader() as reader:
            book = reader.read(path)
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._queue: ThreadPoolExecutor | None = None
        # Files are read one at a time, also where several threads ask.
        self._turn = threading.Lock()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child and whatever it is at."""
        if self._queue:
            self._queue.shutdown(wait=False, cancel_futures=True)
        _end(self._child)
        if self._queue:
            self._queue.shutdown(wait=True)
        self._end_child()
        self._queue = None

    @property
    def pid(self) -> int | None:
        """The child's process id, None where there is none."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def read(self, path: Path, password: str = "") -> Workbook:
        """Read one file. Raises FileError and PasswordNeededError as `read_workbook` does."""
        name = mask_text(path.name)[0]
        with _open_file(path, self._limits) as file:
            size = os.fstat(file.fileno()).st_size
        with self._turn:
            messages = self._ask(name, path, password, size)
        sheets = [sheet for sheet in messages if isinstance(sheet, Sheet)]
        if not any(sheet.height for sheet in sheets):
            raise FileError(f"《{name}》是空的：里面没有任何有内容的单元格。请确认是否选错了文件。")
        notes = messages[-1]["notes"]
        return Workbook(name, sheets, tuple(f"《{name}》{note}" for note in notes))

    def submit(self, path: Path, password: str = "") -> Future[Workbook]:
        """Read one file ahead while the caller is at something else."""
        if self._queue is None:
            self._queue = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        return self._queue.submit(self.read, path, password)

    def _ask(self, name: str, path: Path, password: str, size: int) -> list[Any]:
        """Have the child read a file: its sheets, and at the end what it says of the file."""
        child = self._start_child(name)
        request = {
            "path": str(path.absolute()),
            "name": name,
            "password": password,
            "limits": asdict(self._limits),
        }
        with _Watch(child, self._limits, self._limits.time_for(size)) as watch:
            try:
                assert child.stdin is not None
                assert child.stdout is not None
                child.stdin.write(json.dumps(request).encode() + b"\n")
                child.stdin.flush()
                messages = list(_receive(child.stdout))
            except (OSError, ValueError, pa.ArrowException):
                messages = []
        if not messages:
            self._end_child()
            raise watch.explain(name)
        if watch.memory > self._limits.memory * _SWOLLEN:
            self._end_child()
        if error := messages[-1].get("text"):
            kind = PasswordNeededError if messages[-1]["needs_password"] else FileError
            # It may name a sheet.
            raise kind(mask_text(error)[0])
        return messages

    def _start_child(self, name: str) -> subprocess.Popen[bytes]:
        """The running child, or a new one."""
        if self._child is None or self._child.poll() is not None:
            self._end_child()
            try:
                self._child = _start()
            except OSError as error:
                raise FileError(
                    f"《{name}》读不了：系统启动不了读取程序（{error.strerror}）。请关闭一些程序后再试。"
                ) from error
        return self._child

    def _end_child(self) -> None:
        child, self._child = self._child, None
        _end(child)
        if child:
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    if pipe:
                        pipe.close()


def _start() -> subprocess.Popen[bytes]:
    """A new child. It imports this very package, and nothing from the folder it is started in."""
    root = str(Path(__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "etl.files.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        # No black window for each file on Windows.
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    _widen(child.stdout)
    return child


def _widen(pipe: IO[bytes] | None) -> None:
    """Let more through a pipe at a time where the system has a way: fewer turns between the two."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        if pipe:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)


def _end(child: subprocess.Popen[bytes] | None) -> None:
    if child and child.poll() is None:
        child.kill()


def _receive(pipe: IO[bytes]) -> Iterator[Any]:
    """The child's messages: sheets, and the last one what it says of the file.

    Raises ValueError where the child died before it had said everything.
    """
    while line := pipe.readline():
        message = json.loads(line)
        for last in ("done", "error"):
            if last in message:
                yield message[last]
                return
        yield _receive_sheet(pipe, **message["sheet"])
    raise ValueError("the child died")


def _receive_sheet(
    pipe: IO[bytes],
    name: str,
    is_hidden: bool,
    hidden_rows: list[int],
    position: int,
    height: int,
    width: int,
) -> Sheet:
    """A sheet whose columns are on their way; kinds of cells that a column lacks share one null."""
    found: dict[str, pa.Array] = {}
    if width:
        with pa.ipc.open_stream(pa.PythonFile(pipe, mode="r")) as stream:
            batch = stream.read_next_batch()
            found = dict(zip(batch.schema.names, batch.columns, strict=True))
            stream.read_all()
    none = {kind: pa.nulls(height, kept) for kind, kept in _KINDS}
    columns = tuple(
        Cells(*(found.get(f"{place}{kind}", none[kind]) for kind, _ in _KINDS))
        for place in range(width)
    )
    # Even a sheet may be called after a person.
    title = mask_text(name)[0]
    return Sheet(title, columns, is_hidden, frozenset(hidden_rows), position)


class _Watch(threading.Thread):
    """Ends a child that takes too long or too much, and knows why."""

    def __init__(self, child: subprocess.Popen[bytes], limits: Limits, seconds: float) -> None:
        super().__init__(daemon=True)
        self._child, self._limits, self._seconds = child, limits, seconds
        self._is_over = threading.Event()
        self._reason = ""
        self.memory = 0

    def __enter__(self) -> _Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()

    def run(self) -> None:
        """Look again and again until the file is read or the child ended."""
        end = time.monotonic() + self._seconds * self._limits.patience
        busy = _worked(self._child.pid) + self._seconds
        while True:
            is_over = self._is_over.wait(_LOOK)
            self.memory = max(self.memory, memory_of(self._child.pid))
            if self.memory > self._limits.memory:
                return self._halt("memory")
            if is_over:
                return None
            if time.monotonic() > end or _worked(self._child.pid) > busy:
                return self._halt("time")

    def _halt(self, reason: str) -> None:
        self._reason = reason
        _end(self._child)

    def explain(self, name: str) -> FileError:
        """The sentence about a file that the child was ended over, or died of."""
        if self._reason == "time":
            return FileError(
                f"《{name}》读了 {self._seconds:.0f} 秒还没有读完，已停止：文件可能已损坏或过于复杂。"
                "请用 Excel 或 WPS 打开后另存为 xlsx，或分成几个文件再试。"
            )
        # Where memory is refused a parser ends itself at once.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(timeout=5)
        if self._reason == "memory" or self._child.returncode in _ABORTED:
            return too_hungry(name, self._limits)
        return FileError(
            f"《{name}》读到一半时读取程序意外停止：文件可能已损坏。"
            "请再试一次；仍不行时，用 Excel 或 WPS 打开后另存为 xlsx 再试。"
        )


# How a process ends that was refused memory: SIGABRT, and its like on Windows.
_ABORTED = (-6, 0xC0000409)


def _worked(pid: int) -> float:
    """Seconds of processor time that a process has used; 0 where it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def memory_of(pid: int) -> int:
    """Bytes that a process holds; 0 where it has ended."""
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.Error:
        return 0
    # Windows counts what was promised, used or not.
    return int(memory.vms if sys.platform == "win32" else memory.rss)

"""A watched folder: what is dropped there is read in once, then lies in done/ or returned/."""

from __future__ import annotations

import json
import logging
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock, Timeout

from etl.check import ERROR, WARNING
from etl.errors import FileError, ShequError, StoreError
from etl.privacy import mask_text
from etl.report import FileReport, Report

Update = Callable[[Sequence[Path]], Report]
GiveBack = Callable[[Path, Report], "tuple[str, bytes] | None"]
Say = Callable[[str], None]
Fate = Literal["done", "returned"]
Stamp = tuple[int, int]

DONE: Final = "done"
RETURNED: Final = "returned"
OWN_PREFIX = "shequ-watch"
JOURNAL = f".{OWN_PREFIX}.json"
LOG = f"{OWN_PREFIX}.log"
LOG_BYTES, LOG_FILES = 1_000_000, 3
SETTLE_SECONDS = 5.0
LONGEST_PAUSE = timedelta(minutes=10)
EMPTY_TIMES = 12
SKIPPED_PREFIXES = ("~$", ".", OWN_PREFIX, "._", "~")
SKIPPED_SUFFIXES = (
    ".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", ".lnk", ".lock",
    "~", "-wal", "-shm", "-journal",
)  # fmt: skip
SKIPPED_NAMES = frozenset({"thumbs.db", "desktop.ini"})
SETTINGS_SUFFIX = ".toml"


@dataclass
class Round:
    """What one look came to, names masked."""

    waiting: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    snapshot: int | None = None

    def add(self, other: Round) -> None:
        """Take in what a later look came to."""
        self.waiting, self.stuck = other.waiting, other.stuck
        self.done += other.done
        self.returned += other.returned
        self.problems += other.problems
        self.snapshot = other.snapshot or self.snapshot


@dataclass(frozen=True)
class _Seen:
    """A file as it was at a look, and since when it has not changed."""

    stamp: Stamp
    since: datetime


@dataclass(frozen=True)
class _Verdict:
    """What became of a file that was read: where it belongs, and what is told with it."""

    stamp: Stamp
    fate: Fate
    target: str
    sentences: tuple[str, ...] = ()


class Watcher:
    """One folder; `look` does one round and never waits.

    Parameters
    ----------
    update
        Reads files in, all in one refresh; raises StoreError where the store cannot be written.
    give_back
        The marked workbook of a file with bad rows: its name and bytes; None where there is none.
    settle
        A file is read when it has not changed between two looks so many seconds apart.
    """

    def __init__(
        self,
        folder: Path,
        update: Update,
        give_back: GiveBack | None = None,
        *,
        settle: float = SETTLE_SECONDS,
        say: Say = print,
    ) -> None:
        self.folder = folder.absolute()
        self._update = update
        self._give_back = give_back
        self._settle = timedelta(seconds=settle)
        self._say = say
        self._seen: dict[str, _Seen] = {}
        self._said: dict[str, str] = {}
        self._failures = 0
        self._not_before: datetime | None = None
        self._check_folder()
        self._verdicts = self._read_journal()

    # -- one round -------------------------------------------------------------------------

    def look(self, now: datetime) -> Round:
        """Read what has stopped growing, and put away what was read."""
        found = Round()
        try:
            stamps = self._list_files()
        except OSError as error:
            self._say_once(
                "", f"文件夹“{self.folder.name}”现在打不开：{error.strerror}。稍后再看。"
            )
            found.problems.append("文件夹打不开")
            return found
        self._forget(stamps)
        for name in [name for name, stamp in stamps.items() if self._is_judged(name, stamp)]:
            self._put_away(name, found)
            del stamps[name]
        ripe = [name for name, stamp in stamps.items() if self._is_ripe(name, stamp, now)]
        found.waiting = [_mask(name) for name in stamps if name not in ripe]
        if ripe and self._not_before is not None and now < self._not_before:
            found.waiting += [_mask(name) for name in ripe]
        elif ripe:
            self._read(ripe, stamps, now, found)
        return found

    def _list_files(self) -> dict[str, Stamp]:
        """The files that may be read, with size and time; neither links nor what lies deeper."""
        stamps = {}
        with os.scandir(self.folder) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                try:
                    if _is_passed_over(entry.name):
                        continue
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue  # gone between the listing and the look
                if stat.S_ISLNK(status.st_mode):
                    self._say_once(entry.name, f"《{_mask(entry.name)}》是链接，不读。")
                elif stat.S_ISREG(status.st_mode):
                    stamps[entry.name] = (status.st_size, status.st_mtime_ns)
                elif entry.name not in (DONE, RETURNED):
                    words = f"“{_mask(entry.name)}”是子文件夹，里面的文件不读。请把文件直接放进来。"
                    self._say_once(entry.name, words)
        return stamps

    def _forget(self, stamps: Mapping[str, Stamp]) -> None:
        """Files that are gone, or have changed since they were read, start anew."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in stamps}
        stale = [n for n, v in self._verdicts.items() if stamps.get(n) != v.stamp]
        for name in stale:
            del self._verdicts[name]
        if stale:
            self._write_journal()

    def _is_judged(self, name: str, stamp: Stamp) -> bool:
        verdict = self._verdicts.get(name)
        return verdict is not None and verdict.stamp == stamp

    def _is_ripe(self, name: str, stamp: Stamp, now: datetime) -> bool:
        """Whether a file has stopped growing and can be opened."""
        seen = self._seen.get(name)
        if seen is None or seen.stamp != stamp:
            self._seen[name] = _Seen(stamp, now)
            return False
        # An empty file is most often one whose content is still on its way.
        needed = self._settle if stamp[0] else self._settle * EMPTY_TIMES
        if now - seen.since < needed:
            return False
        try:
            with (self.folder / name).open("rb") as file:
                file.read(1)
        except OSError:
            self._say_once(name, f"《{_mask(name)}》打不开，可能正在编辑，关闭后会自动读入。")
            return False
        return True

    def _read(
        self, ripe: list[str], stamps: Mapping[str, Stamp], now: datetime, found: Round
    ) -> None:
        """Read files in: together where possible, else each by itself."""
        for name in [name for name in ripe if name.lower().endswith(SETTINGS_SUFFIX)]:
            ripe.remove(name)
            words = f"《{_mask(name)}》是设置文件，请用 shequ refresh 或 --profile 使用，这里不读。"
            self._judge(name, stamps[name], RETURNED, (words,), now)
            self._put_away(name, found)
        for batch in _split_alike(ripe):
            try:
                report = self._update([self.folder / name for name in batch])
            except StoreError as error:
                self._wait(now, str(error), batch, found)
                return
            except Exception as error:
                self._read_singly(batch, stamps, now, found, error)
            else:
                self._settle_batch(batch, report, stamps, now, found)
            self._failures, self._not_before = 0, None
            self._said.pop("store", None)

    def _read_singly(
        self,
        batch: list[str],
        stamps: Mapping[str, Stamp],
        now: datetime,
        found: Round,
        error: Exception,
    ) -> None:
        """One file of several cannot be read at all: it alone is returned."""
        if len(batch) > 1:
            for name in batch:
                self._read([name], stamps, now, found)
            return
        logging.getLogger("shequ").debug("unexpected", exc_info=error)
        name = batch[0]
        sentence = (
            str(error)
            if isinstance(error, ShequError)
            else f"《{_mask(name)}》没有读成：程序出错了，数据没有变动。请把文件交给维护人员。"
        )
        self._judge(name, stamps[name], RETURNED, (sentence,), now)
        self._put_away(name, found)

    def _wait(self, now: datetime, problem: str, batch: list[str], found: Round) -> None:
        """The store cannot be written now: files stay, and the pauses grow."""
        self._failures += 1
        pause = min(self._settle * 2**self._failures, LONGEST_PAUSE)
        self._not_before = now + pause
        self._say_once("store", f"{problem} 文件留在原处，稍后自动再试。")
        found.problems.append(problem)
        found.waiting += [_mask(name) for name in batch]

    def _settle_batch(
        self,
        batch: list[str],
        report: Report,
        stamps: Mapping[str, Stamp],
        now: datetime,
        found: Round,
    ) -> None:
        """Judge every file of a refresh, then put them away: all of them were read, come what may."""
        found.snapshot = report.snapshot or found.snapshot
        judged = []
        for position, name in enumerate(batch):
            if self._stamp_of(name) != stamps[name]:
                words = f"《{_mask(name)}》在读的时候又改动了，等它写完再读一遍。"
                self._say_once(name, words)
                self._seen.pop(name, None)
                found.waiting.append(_mask(name))
                continue
            file = report.files[position] if position < len(report.files) else None
            sentences = tuple(_describe(name, file, report, now))
            fate: Fate = "returned" if _is_refused(name, file, report) else "done"
            self._judge(name, stamps[name], fate, sentences, now, report)
            judged.append(name)
        for name in judged:
            self._put_away(name, found)

    def _stamp_of(self, name: str) -> Stamp | None:
        try:
            status = (self.folder / name).lstat()
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns

    # -- putting away ----------------------------------------------------------------------

    def _judge(
        self,
        name: str,
        stamp: Stamp,
        fate: Fate,
        sentences: tuple[str, ...],
        now: datetime,
        report: Report | None = None,
    ) -> None:
        """Write down what became of a file before it is moved: a restart goes on from there."""
        target = self._find_place(fate, name, now)
        if fate == RETURNED and report is not None:
            self._write_marked(name, target, report)
        self._verdicts[name] = _Verdict(stamp, fate, target.as_posix(), sentences)
        self._write_journal()

    def _find_place(self, fate: Fate, name: str, now: datetime) -> Path:
        """A place of its own in done/ or returned/, relative to the folder."""
        day = Path(fate) / f"{now:%Y-%m-%d}"
        stem, suffix = Path(name).stem, Path(name).suffix
        taken = {verdict.target for verdict in self._verdicts.values()}
        number = 1
        while True:
            place = day / (name if number == 1 else f"{stem}（{number}）{suffix}")
            is_free = not any(
                os.path.lexists(self.folder / p) for p in (place, place.with_suffix(".txt"))
            )
            if is_free and place.as_posix() not in taken:
                return place
            number += 1

    def _write_marked(self, name: str, target: Path, report: Report) -> None:
        """The marked workbook beside the place where the file will lie."""
        try:
            marked = self._give_back(self.folder / name, report) if self._give_back else None
            if marked is None:
                return
            title, content = marked
            place = self.folder / target.parent / title
            if os.path.lexists(place):
                place = place.with_name(f"{target.stem}·{title}")
            place.parent.mkdir(parents=True, exist_ok=True)
            _write_whole(place, content)
        except (OSError, ShequError) as error:
            self._say(f"《{_mask(name)}》标注好的表没有写成：{error}")

    def _put_away(self, name: str, found: Round) -> None:
        """Move a file to where it belongs; where that fails, say so once and try again later."""
        verdict = self._verdicts[name]
        target = self.folder / verdict.target
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if verdict.fate == RETURNED:
                told = "\r\n".join(verdict.sentences) + "\r\n"
                _write_whole(_note_of(target), told.encode("utf-8-sig"))
            self._move(self.folder / name, target)
        except OSError:
            words = (
                f"《{_mask(name)}》已处理，但移不走（可能还在 Excel 里打开），关闭后会自动移走。"
            )
            self._say_once(name, words)
            found.stuck.append(_mask(name))
            return
        del self._verdicts[name]
        self._seen.pop(name, None)
        self._said.pop(name, None)
        self._write_journal()
        (found.done if verdict.fate == DONE else found.returned).append(_mask(name))
        self._tell(name, verdict)

    def _move(self, path: Path, target: Path) -> None:
        path.rename(target)

    def _tell(self, name: str, verdict: _Verdict) -> None:
        where = "done" if verdict.fate == DONE else "returned"
        first = verdict.sentences[0] if verdict.sentences else f"《{_mask(name)}》"
        more = "" if verdict.fate == DONE else "，有问题的地方写在旁边的 txt 里"
        self._say(f"{first}，已移到 {where}/{more}。")

    # -- what is remembered ----------------------------------------------------------------

    def _check_folder(self) -> None:
        if not self.folder.is_dir():
            raise FileError(f"没有文件夹“{self.folder}”。请先建好，或检查网络盘是否连上。")
        for name in (DONE, RETURNED):
            place = self.folder / name
            if place.is_symlink() or (place.exists() and not place.is_dir()):
                raise FileError(f"“{place}”应是普通文件夹，不能是链接或文件。请改名后再试。")
        self._require_writable()

    def _require_writable(self) -> None:
        try:
            _write_whole(self.folder / f".{OWN_PREFIX}.tmp", b"")
            (self.folder / f".{OWN_PREFIX}.tmp").unlink()
        except OSError as error:
            raise FileError(
                f"文件夹“{self.folder}”不能写入：{error.strerror}。请检查权限。"
            ) from error

    def _read_journal(self) -> dict[str, _Verdict]:
        """What was read but not yet moved when the last watcher ended."""
        try:
            told = json.loads((self.folder / JOURNAL).read_text(encoding="utf-8"))
            return {
                name: _Verdict(
                    (int(v["size"]), int(v["mtime_ns"])),
                    "returned" if v["fate"] == RETURNED else "done",
                    _inside(v["target"]),
                    tuple(map(str, v["sentences"])),
                )
                for name, v in told.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}  # without it a file is read once more, which changes nothing

    def _write_journal(self) -> None:
        told = {
            name: {
                "size": v.stamp[0],
                "mtime_ns": v.stamp[1],
                "fate": v.fate,
                "target": v.target,
                "sentences": v.sentences,
            }
            for name, v in self._verdicts.items()
        }
        try:
            content = json.dumps(told, ensure_ascii=False).encode()
            _write_whole(self.folder / JOURNAL, content)
        except OSError as error:
            self._say_once("journal", f"记不下处理到哪里：{error.strerror}。请检查磁盘空间。")

    def _say_once(self, about: str, sentence: str) -> None:
        if self._said.get(about) != sentence:
            self._said[about] = sentence
            self._say(sentence)


def watch(
    watcher: Watcher,
    every: float,
    clock: Callable[[], datetime] = datetime.now,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Look again and again, until interrupted."""
    while True:
        watcher.look(clock())
        pause(every)


def watch_once(
    watcher: Watcher,
    settle: float = SETTLE_SECONDS,
    clock: Callable[[], datetime] = datetime.now,
    pause: Callable[[float], None] = time.sleep,
) -> Round:
    """Two looks, so far apart that a file that is still growing shows it."""
    found = watcher.look(clock())
    pause(settle)
    found.add(watcher.look(clock()))
    return found


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Be the only watcher of a folder.

    Raises
    ------
    FileError
        Another one is there already, or the folder cannot be written to.
    """
    if not folder.is_dir():
        raise FileError(f"没有文件夹“{folder}”。请先建好，或检查网络盘是否连上。")
    try:
        with FileLock(folder / f"{OWN_PREFIX}.lock", timeout=0):
            yield
    except Timeout as error:
        raise FileError(f"文件夹“{folder}”已经有一个 shequ watch 在看守，不必再开一个。") from error
    except PermissionError as error:
        raise FileError(f"文件夹“{folder}”不能写入。请检查权限。") from error


@contextmanager
def open_log(folder: Path, echo: Say | None = print) -> Iterator[Say]:
    """A sayer of sentences: into the rolling log of the folder, with the time, and aloud."""
    handler = RotatingFileHandler(
        folder / LOG, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))

    def say(sentence: str) -> None:
        record = logging.LogRecord("shequ", logging.INFO, "", 0, sentence, None, None)
        handler.handle(record)
        if echo:
            echo(sentence)

    # A full disk or a share that went away must not end the watch.
    handler.handleError = lambda record: None  # type: ignore[method-assign]
    try:
        yield say
    finally:
        handler.close()


def _mask(name: str) -> str:
    return mask_text(name)[0]


def _is_passed_over(name: str) -> bool:
    folded = name.casefold()
    return (
        folded.startswith(SKIPPED_PREFIXES)
        or folded.endswith(SKIPPED_SUFFIXES)
        or folded in SKIPPED_NAMES
    )


def _split_alike(names: Iterable[str]) -> list[list[str]]:
    """Names that read alike once masked go into refreshes of their own."""
    batches: list[dict[str, str]] = []
    for name in names:
        masked = _mask(name)
        batch = next((b for b in batches if masked not in b), None)
        if batch is None:
            batches.append(batch := {})
        batch[masked] = name
    return [list(batch.values()) for batch in batches]


def _is_refused(name: str, file: FileReport | None, report: Report) -> bool:
    """Whether rows, a sheet or the whole of a file did not come in."""
    is_named = any(i.file == _mask(name) and i.severity == ERROR for i in report.issues)
    quarantined = sum(sheet.rows_quarantined for sheet in file.sheets) if file else 0
    return is_named or quarantined > 0 or file is None or not file.sheets


def _describe(name: str, file: FileReport | None, report: Report, now: datetime) -> Iterator[str]:
    """What is told of a file: a sentence on the whole, then one for each problem."""
    sheets = file.sheets if file else []
    counts: dict[str, Any] = {
        what: sum(getattr(sheet, f"rows_{what}") for sheet in sheets)
        for what in ("read", "new", "changed", "unchanged", "quarantined")
    }
    yield (
        f"《{_mask(name)}》（{now:%Y-%m-%d %H:%M}）读到 {counts['read']} 行：新增 {counts['new']}，"
        f"变更 {counts['changed']}，未变 {counts['unchanged']}，未入库 {counts['quarantined']}"
    )
    words = {ERROR: "未入库", WARNING: "提醒"}
    for issue in report.issues:
        if issue.file == _mask(name):
            where = " ".join(part for part in (issue.sheet, issue.cell) if part)
            yield f"[{words.get(issue.severity, '提醒')}] {where}{'：' if where else ''}{issue.problem}"
    yield from (f"[待答] {q.text}" for q in report.questions if q.file == _mask(name))
    yield from (warning for warning in report.warnings if f"《{_mask(name)}》" in warning)


def _note_of(target: Path) -> Path:
    """The text beside a returned file; a returned .txt has one of another name."""
    note = target.with_suffix(".txt")
    return note if note != target else target.with_name(f"{target.stem}·说明.txt")


def _inside(target: str) -> str:
    """A place as the journal has it, which must lie in done/ or returned/."""
    parts = Path(target).parts
    if len(parts) != 3 or parts[0] not in (DONE, RETURNED) or ".." in parts:
        raise ValueError(target)
    return target


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    beside = path.with_name(f"{path.name}.tmp")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

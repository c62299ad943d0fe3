"""A watched folder: nothing is read half, nothing twice, nothing is lost, whatever happens."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from etl.check import ERROR, Issue
from etl.cli import main
from etl.errors import FileError, StoreBusyError
from etl.refresh import refresh
from etl.report import FileReport, Report, SheetReport
from etl.store import Store
from etl.watch import LOG, Watcher, hold_folder, open_log, watch, watch_once

NOON = datetime(2026, 11, 2, 12, 0)
GOOD = "小区名称,小区类型,总户数\n甲园,商品房,100\n"
BAD = "小区名称,小区类型,总户数\n甲园,商品房,100\n乙院,老旧,很多\n"


class Reader:
    """Reads nothing in, but remembers what it was given, and refuses what says so."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.contents: list[bytes] = []
        self.trouble: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self, paths: Sequence[Path]) -> Report:
        self.batches.append([path.name for path in paths])
        if self.trouble:
            raise self.trouble
        report = Report(snapshot=7)
        for path in paths:
            content = path.read_bytes()
            self.contents.append(content)
            is_bad = b"bad" in content
            sheet = SheetReport("表", "compounds", rows_read=1, rows_quarantined=int(is_bad))
            report.files.append(FileReport(path.name, "", [sheet]))
            if is_bad:
                report.issues.append(Issue(path.name, "表", "C2", "总户数", "x", "应是数字", ERROR))
        self.meanwhile()
        return report


class Bench:
    """A folder, a watcher of it, and a clock that goes when told to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reader = Reader()
        self.said: list[str] = []
        self.now = NOON
        self.watcher = self.start()

    def start(self, kind: type[Watcher] = Watcher) -> Watcher:
        self.watcher = kind(self.folder, self.reader, settle=5, say=self.said.append)
        return self.watcher

    def drop(self, name: str, content: str = "good") -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path

    def look(self, seconds: float = 5) -> None:
        self.now += timedelta(seconds=seconds)
        self.last = self.watcher.look(self.now)

    def names(self, place: str) -> list[str]:
        day = self.folder / place / f"{NOON:%Y-%m-%d}"
        return sorted(path.name for path in day.iterdir()) if day.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    folder = tmp_path / "放这里"
    folder.mkdir()
    return Bench(folder)


def test_a_file_is_read_once_and_put_away(bench: Bench) -> None:
    bench.drop("a.csv")
    bench.look()
    assert bench.reader.batches == []
    for _ in range(4):
        bench.look()
    assert bench.reader.batches == [["a.csv"]]
    assert bench.names("done") == ["a.csv"]
    assert not (bench.folder / "a.csv").exists()


def test_a_growing_file_is_not_read_until_it_stops(bench: Bench) -> None:
    path = bench.drop("a.csv", "1")
    for size in range(2, 6):
        bench.look()
        path.write_text("1" * size)
    bench.look()
    assert bench.reader.batches == []
    bench.look(4)
    assert bench.reader.batches == []
    bench.look(1)
    assert bench.reader.contents == [b"11111"]


def test_an_empty_file_is_given_time_for_its_content(bench: Bench) -> None:
    path = bench.drop("a.csv", "")
    for _ in range(5):
        bench.look()
    path.write_text("good")
    bench.look()
    bench.look()
    assert bench.reader.contents == [b"good"]


def test_files_that_came_together_are_one_refresh(bench: Bench) -> None:
    for name in ("a.csv", "b.csv", "c.xlsx"):
        bench.drop(name)
    bench.look()
    bench.look()
    assert bench.reader.batches == [["a.csv", "b.csv", "c.xlsx"]]


def test_what_is_no_file_of_data_is_left_alone(bench: Bench, tmp_path: Path) -> None:
    for name in ("~$a.xlsx", ".hidden", "x.tmp", "b.crdownload", "Thumbs.db", "g.gpkg-wal"):
        bench.drop(name)
    for place in ("done", "returned", "别的"):
        (bench.folder / place).mkdir()
        (bench.folder / place / "c.csv").write_text("good")
    secret = tmp_path / "外面.csv"
    secret.write_text("good")
    (bench.folder / "链接.csv").symlink_to(secret)
    for _ in range(4):
        bench.look()
    assert bench.reader.batches == []
    assert secret.exists()
    assert (bench.folder / "链接.csv").is_symlink()
    assert sum("子文件夹" in words for words in bench.said) == 1
    assert sum("是链接" in words for words in bench.said) == 1


def test_two_files_of_one_name_both_stay(bench: Bench) -> None:
    for content in ("good 1", "good 2", "good 3"):
        bench.drop("a.csv", content)
        bench.look()
        bench.look()
    assert bench.names("done") == ["a.csv", "a（2）.csv", "a（3）.csv"]
    day = bench.folder / "done" / "2026-11-02"
    assert (day / "a（2）.csv").read_text() == "good 2"


def test_a_file_with_bad_rows_is_returned_with_its_sentences(bench: Bench) -> None:
    bench.drop("a.csv", "bad")
    bench.drop("b.csv")
    bench.look()
    bench.look()
    assert bench.names("done") == ["b.csv"]
    assert bench.names("returned") == ["a.csv", "a.txt"]
    told = (bench.folder / "returned" / "2026-11-02" / "a.txt").read_text(encoding="utf-8-sig")
    assert "《a.csv》（2026-11-02 12:00）读到 1 行" in told
    assert "[未入库] 表 C2：应是数字" in told


def test_the_marked_workbook_lies_beside(bench: Bench) -> None:
    bench.watcher = Watcher(
        bench.folder,
        bench.reader,
        lambda path, report: (f"{path.stem}（请改）.xlsx", b"marked") if report.issues else None,
        settle=5,
        say=bench.said.append,
    )
    bench.drop("a.xlsx", "bad")
    bench.look()
    bench.look()
    assert bench.names("returned") == ["a.txt", "a.xlsx", "a（请改）.xlsx"]


class Killed(Watcher):
    """Dies between publishing and moving."""

    def _move(self, path: Path, target: Path) -> None:
        raise KeyboardInterrupt


class Locked(Watcher):
    """Excel has the file open: it can be read, and not be moved."""

    def _move(self, path: Path, target: Path) -> None:
        raise PermissionError(13, "in use")


def test_a_restart_after_a_kill_moves_and_does_not_read_again(bench: Bench) -> None:
    bench.drop("a.csv", "bad")
    bench.start(Killed)
    bench.look()
    with pytest.raises(KeyboardInterrupt):
        bench.look()
    bench.start()
    bench.look()
    assert bench.reader.batches == [["a.csv"]]
    assert bench.names("returned") == ["a.csv", "a.txt"]


def test_a_file_that_cannot_be_moved_is_read_again_only_when_it_changes(bench: Bench) -> None:
    path = bench.drop("a.csv")
    bench.start(Locked)
    for _ in range(5):
        bench.look()
    assert bench.reader.batches == [["a.csv"]]
    assert bench.last.stuck == ["a.csv"]
    assert sum("移不走" in words for words in bench.said) == 1
    path.write_text("good, corrected")
    for _ in range(3):
        bench.look()
    assert bench.reader.contents == [b"good", b"good, corrected"]
    bench.start()
    bench.look()
    assert len(bench.reader.batches) == 2
    assert bench.names("done") == ["a.csv"]


def test_a_file_that_changes_while_it_is_read_is_read_again(bench: Bench) -> None:
    path = bench.drop("a.csv", "half")
    bench.reader.meanwhile = lambda: path.write_text("half and half")
    bench.look()
    bench.look()
    assert path.exists()
    bench.reader.meanwhile = lambda: None
    for _ in range(3):
        bench.look()
    assert bench.reader.contents == [b"half", b"half and half"]
    assert bench.names("done") == ["a.csv"]


def test_a_busy_store_is_asked_again_with_growing_pauses(bench: Bench) -> None:
    bench.drop("a.csv")
    bench.reader.trouble = StoreBusyError("张三正在更新数据。")
    for _ in range(40):
        bench.look()
    assert 2 <= len(bench.reader.batches) <= 8
    assert sum("张三正在更新数据" in words for words in bench.said) == 1
    assert bench.names("done") == []
    bench.reader.trouble = None
    bench.look(601)
    assert bench.names("done") == ["a.csv"]


def test_one_file_that_breaks_the_reader_does_not_hold_the_others_up(bench: Bench) -> None:
    class Breaking(Reader):
        def __call__(self, paths: Sequence[Path]) -> Report:
            if any(path.name == "b.csv" for path in paths):
                raise ValueError("a fault of ours")
            return super().__call__(paths)

    bench.reader = Breaking()
    bench.start()
    for name in ("a.csv", "b.csv", "c.csv"):
        bench.drop(name)
    bench.look()
    bench.look()
    assert bench.names("done") == ["a.csv", "c.csv"]
    assert bench.names("returned") == ["b.csv", "b.txt"]
    assert any("程序出错了" in words for words in bench.said)


def test_settings_are_not_changed_by_a_dropped_file(bench: Bench) -> None:
    bench.drop("profile.toml", "name = 'x'")
    bench.look()
    bench.look()
    assert bench.reader.batches == []
    assert bench.names("returned") == ["profile.toml", "profile.txt"]


def test_a_folder_that_goes_away_and_comes_back(bench: Bench) -> None:
    away = bench.folder.with_name("走了")
    bench.folder.rename(away)
    bench.look()
    bench.look()
    assert sum("打不开" in words for words in bench.said) == 1
    away.rename(bench.folder)
    bench.drop("a.csv")
    bench.look()
    bench.look()
    assert bench.names("done") == ["a.csv"]


def test_a_journal_that_was_tampered_with_moves_nothing_elsewhere(bench: Bench) -> None:
    path = bench.drop("a.csv")
    status = path.stat()
    entry = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "fate": "done",
             "target": "done/../../a.csv", "sentences": []}  # fmt: skip
    (bench.folder / ".shequ-watch.json").write_text(json.dumps({"a.csv": entry}))
    bench.start()
    bench.look()
    bench.look()
    assert bench.names("done") == ["a.csv"]
    assert not (bench.folder.parent / "a.csv").exists()


def test_a_place_that_leads_outside_is_refused(tmp_path: Path) -> None:
    folder, outside = tmp_path / "放这里", tmp_path / "外面"
    folder.mkdir()
    outside.mkdir()
    (folder / "done").symlink_to(outside)
    with pytest.raises(FileError, match="不能是链接"):
        Watcher(folder, Reader())


def test_a_second_watcher_is_told_so(tmp_path: Path) -> None:
    with (
        hold_folder(tmp_path),
        pytest.raises(FileError, match="已经有一个 shequ watch"),
        hold_folder(tmp_path),
    ):
        raise AssertionError
    with hold_folder(tmp_path):
        pass
    with pytest.raises(FileError, match="没有文件夹"), hold_folder(tmp_path / "none"):
        raise AssertionError


def test_the_log_has_sentences_without_names_of_people(bench: Bench) -> None:
    with open_log(bench.folder, None) as say:
        bench.watcher = Watcher(bench.folder, bench.reader, settle=5, say=say)
        bench.drop("来电13800001234.csv")
        bench.look()
        bench.look()
    told = (bench.folder / LOG).read_text(encoding="utf-8")
    assert "已移到 done/" in told
    assert "13800001234" not in told


def test_watching_goes_on_until_interrupted(bench: Bench) -> None:
    bench.drop("a.csv")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        bench.now += timedelta(seconds=seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(bench.watcher, 5, lambda: bench.now, pause)
    assert pauses == [5, 5, 5]
    assert bench.names("done") == ["a.csv"]


def test_once_takes_two_looks(bench: Bench) -> None:
    bench.drop("a.csv")

    def pause(seconds: float) -> None:
        bench.now += timedelta(seconds=seconds)

    found = watch_once(bench.watcher, 5, lambda: bench.now, pause)
    assert (found.done, found.waiting) == (["a.csv"], [])


def test_all_of_a_batch_is_known_as_read_before_any_of_it_is_moved(bench: Bench) -> None:
    class DiesMoving(Watcher):
        def _move(self, path: Path, target: Path) -> None:
            raise KeyboardInterrupt

    bench.drop("a.csv")
    bench.drop("b.csv")
    bench.start(DiesMoving)
    bench.look()
    with pytest.raises(KeyboardInterrupt):
        bench.look()
    bench.start()
    bench.look()
    bench.look()
    assert bench.reader.batches == [["a.csv", "b.csv"]]
    assert bench.names("done") == ["a.csv", "b.csv"]


# -- with a store --------------------------------------------------------------------------------


@pytest.fixture
def loading(bench: Bench, empty_store: Store) -> Bench:
    class Loading(Reader):
        def __call__(self, paths: Sequence[Path]) -> Report:
            self.batches.append([path.name for path in paths])
            return refresh(empty_store, paths)

    bench.reader = Loading()
    bench.start()
    return bench


def test_a_killed_watcher_loads_nothing_twice(loading: Bench, empty_store: Store) -> None:
    class KilledEarly(Watcher):
        def _settle_batch(self, *given: object) -> None:
            raise KeyboardInterrupt

    loading.drop("小区台账.csv", GOOD)
    loading.start(KilledEarly)
    loading.look()
    with pytest.raises(KeyboardInterrupt):
        loading.look()
    snapshot = empty_store.snapshot()
    assert snapshot is not None
    loading.start()
    loading.look()
    loading.look()
    assert len(loading.reader.batches) == 2
    assert empty_store.snapshot() == snapshot
    assert loading.names("done") == ["小区台账.csv"]
    loading.drop("小区台账.csv", GOOD)
    loading.look()
    loading.look()
    assert empty_store.snapshot() == snapshot
    assert empty_store.query("SELECT count(*) FROM core_compounds")[1] == [(1,)]


def test_bad_rows_come_back_and_the_mended_file_loads(loading: Bench, empty_store: Store) -> None:
    loading.drop("小区台账.csv", BAD)
    loading.drop("照片.jpg", "no table")
    loading.look()
    loading.look()
    assert loading.names("returned") == ["小区台账.csv", "小区台账.txt", "照片.jpg", "照片.txt"]
    day = loading.folder / "returned" / "2026-11-02"
    assert "很多" in (day / "小区台账.txt").read_text(encoding="utf-8-sig")
    assert "不是能读的表格" in (day / "照片.txt").read_text(encoding="utf-8-sig")
    loading.drop("小区台账.csv", BAD.replace("很多", "80"))
    loading.look()
    loading.look()
    assert loading.names("done") == ["小区台账.csv"]
    names = empty_store.query("SELECT name FROM core_compounds ORDER BY name")[1]
    assert names == [("乙院",), ("甲园",)]


def test_the_command_looks_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("etl.watch.watch_once", _without_waiting)
    folder = tmp_path / "放这里"
    folder.mkdir()
    (folder / "小区台账.csv").write_text(BAD, encoding="utf-8")
    arguments = ["watch", str(folder), "--once", "--json", "--store", str(tmp_path / "store")]
    assert main(arguments) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["returned"] == ["小区台账.csv"]
    assert isinstance(said["snapshot"], int)
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["returned"] == []
    assert main(["watch", str(tmp_path / "none"), "--once"]) == 1
    assert "没有文件夹" in capsys.readouterr().err


def _without_waiting(watcher: Watcher, settle: float) -> object:
    clock = iter([NOON, NOON + timedelta(seconds=settle)])
    return watch_once(watcher, settle, lambda: next(clock), lambda seconds: None)


# -- whatever happens in whatever order ----------------------------------------------------------


class Faulty(Watcher):
    """Fails to move, or dies while moving, when told to."""

    fault: type[BaseException] | None = None

    def _move(self, path: Path, target: Path) -> None:
        if self.fault:
            raise self.fault
        super()._move(path, target)


class WatchedFolder(RuleBasedStateMachine):
    """Files come, grow, are locked; the watcher dies and starts anew."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.bench = Bench(self.root)
        self.dropped: set[bytes] = set()
        self.serial = 0
        self.bench.start(Faulty)

    def teardown(self) -> None:
        shutil.rmtree(self.root)

    @rule(name=st.sampled_from(["a.csv", "b.csv"]), is_bad=st.booleans())
    def drop(self, name: str, is_bad: bool) -> None:
        path = self.root / name
        if not path.exists():
            self._write(path, "bad" if is_bad else "good")

    @rule(name=st.sampled_from(["a.csv", "b.csv"]))
    def change(self, name: str) -> None:
        path = self.root / name
        if path.exists():
            self.dropped.discard(path.read_bytes())
            self._write(path, "changed")

    def _write(self, path: Path, word: str) -> None:
        self.serial += 1
        content = f"{word} {self.serial:06}".encode()
        path.write_bytes(content)
        os.utime(path, ns=(self.serial, self.serial))
        self.dropped.add(content)

    @rule(seconds=st.sampled_from([1, 5, 30]))
    def look(self, seconds: int) -> None:
        try:
            self.bench.look(seconds)
        except KeyboardInterrupt:
            self.restart()

    @rule(fault=st.sampled_from([None, PermissionError, KeyboardInterrupt]))
    def break_or_mend(self, fault: type[BaseException] | None) -> None:
        assert isinstance(self.bench.watcher, Faulty)
        self.bench.watcher.fault = fault

    @rule()
    def restart(self) -> None:
        self.bench.start(Faulty)

    @invariant()
    def nothing_is_lost(self) -> None:
        kept = {path.read_bytes() for path in self.root.rglob("*.csv")}
        assert self.dropped <= kept

    @invariant()
    def nothing_is_read_twice(self) -> None:
        read = self.bench.reader.contents
        assert len(read) == len(set(read))

    @invariant()
    def what_was_put_away_was_read(self) -> None:
        for place in ("done", "returned"):
            for path in (self.root / place).rglob("*.csv"):
                content = path.read_bytes()
                assert content in self.bench.reader.contents
                assert (b"bad" in content) == (place == "returned")


TestWatchedFolder = WatchedFolder.TestCase
TestWatchedFolder.settings = settings(max_examples=30, stateful_step_count=25)

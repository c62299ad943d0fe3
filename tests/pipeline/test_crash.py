"""Refreshes that are killed, meet each other, or find no room: one whole state, always, and the next works."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from etl import store as store_module
from etl import workbook
from etl.errors import ShequError, StoreBusyError, StoreError
from etl.refresh import refresh
from etl.store import TABLE_NAMES, Store
from tests.conftest import write_workbook

# What two refreshes that came to the same may differ in.
PASSING = ["snapshot", "refreshed_at", "who", "answered_at"]
COMPOUNDS = 3
COMPLAINTS = 24
Tables = dict[str, pd.DataFrame]


def write_state(folder: Path, state: str) -> Path:
    """The office's files in one of two states, in which every row differs."""
    folder.mkdir()
    register = [["小区编号", "小区名称", "小区类型", "总户数"]]
    register += [
        [f"T{n}", f"{name}园", "商品房", 100 + 10 * (state == "乙") + n]
        for n, name in enumerate("甲乙丙")
    ]
    complaints = [["工单编号", "受理时间", "诉求类别", "小区", "诉求内容"]]
    complaints += [
        [f"G{n}", f"2026-01-{n % 28 + 1:02}", "停车管理", f"T{n % 3}", f"第{n}件{state}"]
        for n in range(COMPLAINTS)
    ]
    path = folder / "社区.xlsx"
    return write_workbook(path, {"小区台账": register, "投诉工单": complaints})


def read_tables(store: Store) -> Tables:
    """Every table of the published state, without what passes, in an order of its own."""
    return {name: settle(store.frame(name)) for name in TABLE_NAMES}


def settle(frame: pd.DataFrame) -> pd.DataFrame:
    kept = frame[sorted(set(frame.columns) - set(PASSING))].astype(str)
    return kept.sort_values(list(kept.columns)).reset_index(drop=True)


def is_same(one: Tables, other: Tables) -> bool:
    return all(one[name].equals(other[name]) for name in TABLE_NAMES)


# -- what runs in another process ---------------------------------------------------------------


def run_refresh(path: str, file: str, pipe: Connection) -> None:
    """Open a store and refresh it, saying when each begins; errors are told, not raised."""
    try:
        pipe.send("open")
        store = Store(path)
        pipe.send("refresh")
        pipe.send(("done", refresh(store, [Path(file)], who="对手").snapshot))
    except ShequError as error:
        pipe.send(("said", str(error)))
    except BaseException as error:
        pipe.send(("raised", repr(error)))


def run_cramped(path: str, file: str, room: int, pipe: Connection) -> None:
    """The same where no file may grow beyond so many bytes, as on a full disk."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
    run_refresh(path, file, pipe)


def run_reader(path: str, pipe: Connection) -> None:
    """Look at the published state again and again until told to stop; tell what was odd."""
    looks, odd = 0, []
    store = Store(path, read_only=True)
    pipe.send("reading")
    while not pipe.poll(0.02):
        try:
            odd += look_once(store)
        except Exception as error:
            odd.append(repr(error))
        looks += 1
    pipe.send((looks, odd[:5]))


LOOK = """
SELECT (SELECT value FROM out_totals WHERE name = 'complaints') AS told,
       (SELECT count(*) FROM core_complaints) AS held,
       (SELECT sum(complaint_count) FROM out_compounds) AS placed,
       (SELECT count(DISTINCT right("text", 1)) FROM core_complaints) AS states,
       (SELECT count(DISTINCT household_count // 10) FROM core_compounds) AS registers,
       (SELECT sum(rows_loaded) FROM files) AS loaded,
       (SELECT count(*) FROM raw_rows) AS raw
"""


def look_once(store: Store) -> list[str]:
    """What does not fit together in one look at the published state."""
    columns, (row,) = store.query(LOOK)
    seen = dict(zip(columns, row, strict=True))
    if seen["held"] == 0 and not seen["told"]:
        return []
    fits = (
        seen["told"] == seen["held"] == seen["placed"]
        and seen["states"] == 1
        and seen["registers"] == 1
        and seen["loaded"] == seen["raw"] == seen["held"] + COMPOUNDS
    )
    return [] if fits else [str(seen)]


@pytest.fixture(scope="module")
def processes() -> BaseContext:
    """A way of starting processes that have imported everything already, where the system has one."""
    is_there = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if is_there else "spawn")
    context.set_forkserver_preload(["etl.refresh", "pytest", "tests.conftest"])
    return context


class Other:
    """A function in another process, with what it says."""

    def __init__(self, context: Any, target: Callable[..., None], *told: Any) -> None:
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=target, args=(*told, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def hear(self, seconds: float = 60) -> Any:
        """The next thing it says; None where it died first."""
        if not self.pipe.poll(seconds):
            raise AssertionError("nothing was said")
        try:
            return self.pipe.recv()
        except EOFError:
            return None

    def end(self) -> Any:
        """The last thing it says."""
        last = None
        while (said := self.hear()) is not None:
            last = said
        self.process.join()
        return last

    def kill(self) -> list[psutil.Process]:
        """Kill it with nothing to prepare it; the answer is what it had started."""
        try:
            started = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            started = []
        self.process.kill()
        self.process.join()
        return started


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Tables]]:
    """Both states: the file, and all tables of a store that holds it; the stores stand beside."""
    folder = tmp_path_factory.mktemp("states")
    files = {state: write_state(folder / state, state) for state in "甲乙"}
    known = {}
    store = Store(folder / "store")
    for state in "甲乙":
        refresh(store, [files[state]])
        known[state] = (files[state], read_tables(store))
        shutil.copytree(store.path, folder / f"made {state}")
    store.close()
    return known


@pytest.fixture
def made(states: dict[str, tuple[Path, Tables]], tmp_path: Path) -> Store:
    """A store that holds 甲."""
    folder = states["甲"][0].parents[1]
    return Store(shutil.copytree(folder / "made 甲", tmp_path / "store"))


# -- killed -------------------------------------------------------------------------------------


def test_readers_and_the_next_refresh_survive_kills(
    made: Store, states: dict[str, tuple[Path, Tables]], processes: Any
) -> None:
    kill_again_and_again(made, states, processes, 2)


@pytest.mark.slow
def test_readers_and_the_next_refresh_survive_many_kills(
    made: Store, states: dict[str, tuple[Path, Tables]], processes: Any
) -> None:
    kill_again_and_again(made, states, processes, 100)


def kill_again_and_again(
    store: Store, states: dict[str, tuple[Path, Tables]], processes: Any, tries: int
) -> None:
    """Kill a refresh at random moments while another process reads."""
    draw = random.Random(tries)
    files = {state: file for state, (file, _) in states.items()}
    reader = Other(processes, run_reader, str(store.path))
    assert reader.hear() == "reading"
    usual = time_refresh(store, files["乙"], processes)
    now, landed = "乙", 0
    for number in range(tries):
        following = "乙" if now == "甲" else "甲"
        # Evenly over the time that it takes, whatever this machine makes of it.
        share = (number + draw.random()) / tries
        started = kill_one(processes, store, files[following], usual * share * 1.05)
        tables = read_tables(store)
        is_new = is_same(tables, states[following][1])
        assert is_new or is_same(tables, states[now][1]), number
        assert not psutil.wait_procs(started, timeout=20)[1], "what read the files ended too"
        landed += is_new
        if is_new or number % 3 == 0:
            report = refresh(store, [files[following]])
            assert (report.snapshot is None) == is_new, "it lands once"
            assert look_once(store) == []
            now = following
    assert is_same(read_tables(store), states[now][1])
    reader.pipe.send("stop")
    looks, odd = reader.hear()
    assert looks > tries
    assert odd == []
    assert landed < tries, "some were killed in time"


def run_undo(path: str, _target: str, pipe: Connection) -> None:
    """Take the newest refresh back."""
    pipe.send("open")
    with Store(path) as store:
        store.undo()


def run_backup(path: str, target: str, pipe: Connection) -> None:
    """Write the store into one file."""
    from etl.backup import back_up

    pipe.send("open")
    back_up(Path(path), Path(target))


def run_upgrade(path: str, _target: str, pipe: Connection) -> None:
    """Open a store that an earlier version wrote."""
    pipe.send("open")
    Store(path).close()


def make_older(path: Path) -> None:
    """Say in the store that the version before wrote it."""
    with Store(path) as store, store.write() as writer:
        writer.set_setting("format", str(store_module.STORE_FORMAT - 1))
        writer.publish({})


@pytest.mark.parametrize("what", [run_undo, run_backup, run_upgrade])
@pytest.mark.slow
def test_whatever_is_killed_leaves_a_whole_state(
    states: dict[str, tuple[Path, Tables]], processes: Any, tmp_path: Path, what: Any
) -> None:
    tries, draw, usual = 17, random.Random(17), 0.0
    source = tmp_path / "source"
    shutil.copytree(states["甲"][0].parents[1] / "made 乙", source)
    if what is run_upgrade:
        make_older(source)
    for number in range(-1, tries):
        path, target = tmp_path / f"store{number}", tmp_path / f"b{number}.zip"
        shutil.copytree(source, path)
        # One that nothing has opened, or a reader would upgrade it: it reads as the others do.
        reader = Other(processes, run_reader, str(path)) if what is not run_upgrade else None
        assert reader is None or reader.hear() == "reading"
        other = Other(processes, what, str(path), str(target))
        assert other.hear() == "open"
        begun = time.monotonic()
        if number < 0:
            assert other.hear() is None
            usual = time.monotonic() - begun
            assert other.process.exitcode in (0, None)
        else:
            other.process.join(usual * (number + draw.random()) / tries * 1.05)
            other.kill()
        if reader:
            reader.pipe.send("stop")
            looks, odd = reader.hear()
            assert (looks > 0, odd) == (True, [])
        with Store(path) as store:
            found = read_tables(store)
            assert is_same(found, states["乙"][1]) or (
                what is run_undo and is_same(found, states["甲"][1])
            ), number
            assert refresh(store, [states["甲"][0]]).snapshot is not None or what is run_undo
            assert is_same(read_tables(store), states["甲"][1])
        if target.exists():
            from etl.backup import restore

            restore(target, tmp_path / f"again{number}")
            with Store(tmp_path / f"again{number}") as store:
                assert is_same(read_tables(store), states["乙"][1])
        shutil.rmtree(path)


def time_refresh(store: Store, file: Path, processes: Any) -> float:
    """Seconds from a store's opening to the end of a refresh, in another process."""
    other = Other(processes, run_refresh, str(store.path), str(file))
    assert other.hear() == "open"
    begun = time.monotonic()
    assert other.end()[0] == "done"
    return time.monotonic() - begun


def kill_one(processes: Any, store: Store, file: Path, seconds: float) -> list[psutil.Process]:
    other = Other(processes, run_refresh, str(store.path), str(file))
    assert other.hear() == "open"
    ended = other.process.join(seconds)
    assert ended is None
    return other.kill()


def test_a_store_killed_while_it_is_made_is_made_by_the_next(
    tmp_path: Path, states: dict[str, tuple[Path, Tables]], processes: Any
) -> None:
    file, _ = states["甲"]
    draw = random.Random(7)
    for number in range(2):
        path = tmp_path / str(number)
        other = Other(processes, run_refresh, str(path), str(file))
        assert other.hear() == "open"
        other.process.join(draw.random() * 0.5)
        other.kill()
        store = Store(path)
        refresh(store, [file])
        assert look_once(store) == []
        assert len(store.frame("core_complaints")) == COMPLAINTS
        store.close()


def test_the_death_of_what_reads_a_file_is_said(
    made: Store, states: dict[str, tuple[Path, Tables]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_tables(made)
    start = workbook._start

    def start_and_kill() -> Any:
        child = start()
        threading.Timer(0.02, child.kill).start()
        return child

    monkeypatch.setattr(workbook, "_start", start_and_kill)
    report = refresh(made, [states["乙"][0]])
    assert report.snapshot is None
    (issue,) = report.issues
    assert "《社区.xlsx》读到一半时读取程序意外停止" in issue.problem
    assert is_same(read_tables(made), before)
    monkeypatch.undo()
    assert refresh(made, [states["乙"][0]]).snapshot is not None


# -- at the same time ---------------------------------------------------------------------------


def write_month(folder: Path, month: int) -> Path:
    rows = [["工单编号", "受理时间", "诉求类别", "小区"]]
    rows += [[f"M{month}-{n}", f"2026-{month:02}-0{n}", "停车管理", "T1"] for n in range(1, 4)]
    return write_workbook(folder / f"{month}月.xlsx", {"投诉工单": rows})


def test_two_refreshes_at_once_both_land(made: Store, tmp_path: Path, processes: Any) -> None:
    months = [write_month(tmp_path, month) for month in (3, 4)]
    others = [Other(processes, run_refresh, str(made.path), str(file)) for file in months]
    ends = [other.end() for other in others]
    assert sorted(kind for kind, _ in ends) == ["done", "done"]
    assert len({snapshot for _, snapshot in ends}) == 2
    assert len(made.frame("core_complaints")) == COMPLAINTS + 6
    assert {e.snapshot for e in made.history()} >= {snapshot for _, snapshot in ends}


def test_who_waits_too_long_hears_who_is_at_it(
    made: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.05)
    file = write_month(tmp_path, 3)
    other = Store(made.path)
    before = read_tables(made)
    with made.write("小陈"):
        for change in (lambda: refresh(other, [file]), other.undo):
            with pytest.raises(StoreBusyError, match="小陈.*正在更新数据"):
                change()
    assert is_same(read_tables(made), before)
    assert refresh(other, [file]).snapshot is not None


# -- no room ------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the size of files so")
def test_a_full_disk_is_said_and_harms_nothing(
    made: Store, states: dict[str, tuple[Path, Tables]], processes: Any
) -> None:
    before = read_tables(made)
    size = (made.path / store_module.CATALOGUE).stat().st_size
    for room in (0, 12_000, size):
        other = Other(processes, run_cramped, str(made.path), str(states["乙"][0]), room)
        kind, said = other.end()
        if kind == "done":  # it had room enough
            assert room > 2_000
            break
        assert kind == "said", (room, said)
        assert "\n" not in said
        assert any(word in said for word in ("磁盘", "不能写", "打不开")), said
        assert is_same(read_tables(made), before), room
    refresh(made, [states["乙"][0]])
    assert look_once(made) == []


@pytest.mark.parametrize("code", [28, 13, 30, 5])
def test_what_cannot_be_written_beside_the_lock_stops_nothing(
    made: Store, states: dict[str, tuple[Path, Tables]], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "write_text", fail)
    assert refresh(made, [states["乙"][0]]).snapshot is not None


@pytest.mark.parametrize("code", [28, 13, 30])
def test_a_lock_that_cannot_be_made_is_said(
    made: Store, states: dict[str, tuple[Path, Tables]], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(store_module.FileLock, "acquire", fail)
    with pytest.raises(StoreError, match="不能写入"):
        refresh(made, [states["乙"][0]])


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="who may do anything is not stopped"
)
def test_a_folder_that_cannot_be_written_is_said(
    made: Store, states: dict[str, tuple[Path, Tables]]
) -> None:
    before = read_tables(made)
    made.path.chmod(0o555)
    try:
        with pytest.raises(StoreError, match="不能写入|打不开"):
            refresh(made, [states["乙"][0]])
    finally:
        made.path.chmod(0o755)
    assert is_same(read_tables(made), before)
    assert refresh(made, [states["乙"][0]]).snapshot is not None


def test_a_store_that_is_gone_is_said_and_not_made_anew(
    made: Store, states: dict[str, tuple[Path, Tables]]
) -> None:
    shutil.rmtree(made.path)
    uses: list[Callable[[], object]] = [
        lambda: refresh(made, [states["乙"][0]]),
        lambda: made.frame("core_complaints"),
        made.shapes,
        made.history,
        made.undo,
    ]
    for use in uses:
        with pytest.raises(StoreError, match="不见了"):
            use()
        assert not made.path.exists()


def test_lost_data_files_are_said(made: Store, states: dict[str, tuple[Path, Tables]]) -> None:
    shutil.rmtree(made.path / "data")
    uses = (
        lambda: made.frame("core_complaints"),
        lambda: refresh(made, [states["乙"][0]]),
        made.undo,
    )
    for use in uses:
        with pytest.raises(StoreError) as told:
            use()
        assert "\n" not in str(told.value)


# -- files that will not be read ----------------------------------------------------------------


def test_a_file_that_is_locked_by_another_program_is_said(
    made: Store, states: dict[str, tuple[Path, Tables]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_tables(made)
    open_any = Path.open

    def open_or_refuse(path: Path, *told: Any, **named: Any) -> Any:
        if path.suffix == ".xlsx":
            raise PermissionError(13, "used by another process", str(path))
        return open_any(path, *told, **named)

    monkeypatch.setattr(Path, "open", open_or_refuse)
    report = refresh(made, [states["乙"][0]])
    assert report.snapshot is None
    assert "可能正在 Excel 或 WPS 里打开" in report.issues[0].problem
    assert is_same(read_tables(made), before)


def test_a_file_that_vanishes_after_it_was_listed_is_said(
    made: Store, states: dict[str, tuple[Path, Tables]], tmp_path: Path
) -> None:
    folder = tmp_path / "放"
    folder.mkdir()
    gone = write_month(folder, 3)
    stays = write_month(folder, 4)

    def vanish(_share: float, words: str) -> None:
        if "3月" in words:
            gone.unlink()

    report = refresh(made, [folder], progress=vanish)
    assert [i.problem for i in report.issues] == ["找不到文件《3月.xlsx》。请检查文件名和路径。"]
    assert report.count("new") == 3
    assert report.paths == [gone, stays]


def test_a_file_that_grows_while_it_is_read_is_read_whole_or_refused(
    made: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "长.csv"
    head = "工单编号,受理时间,诉求类别,小区\n"
    lines = [f"L{n},2026-03-0{n % 9 + 1},停车管理,T1\n" for n in range(40)]
    path.write_text(head + "".join(lines[:20]), encoding="utf-8")
    read = workbook.read_bytes

    def read_and_grow(file: Path) -> bytes:
        content = read(file)
        with file.open("a", encoding="utf-8") as more:
            more.write("".join(lines[20:]))
        return content

    monkeypatch.setattr("etl.workbook.read_bytes", read_and_grow)
    refresh(made, [path])
    monkeypatch.undo()
    held = made.frame("files").set_index("file").loc["长.csv"]
    found = made.frame("core_complaints")
    rows = int((found["file"] == "长.csv").sum())
    # The mark of the file is that of what was read, or dropping it again brings the rest.
    refresh(made, [path])
    after = made.frame("core_complaints")
    assert int((after["file"] == "长.csv").sum()) == 40
    assert held["rows_loaded"] == rows

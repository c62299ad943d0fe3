"""Backups, restoring and the doctor: what is damaged is found and said, and what is whole is served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from etl import backup as backup_module
from etl import lakefiles
from etl import store as store_module
from etl.accounts import ADMIN, Accounts
from etl.backup import MANIFEST, back_up, restore
from etl.cli import main
from etl.doctor import Finding, examine, worst
from etl.errors import StoreBusyError, StoreError, UsageError
from etl.lakefiles import CHECKSUMS, LakeFile, list_files, read_checksums
from etl.refresh import refresh
from etl.store import CATALOGUE, Store
from tests.pipeline.test_crash import Tables, is_same, read_tables, write_state

SECRET = "荷塘月色 2026"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tables]]:
    """A store that holds 甲 and then 乙, with an account; and all tables of both."""
    folder = tmp_path_factory.mktemp("kept")
    known = {}
    with Store(folder / "store") as store:
        for state in "甲乙":
            refresh(store, [write_state(folder / state, state)])
            known[state] = read_tables(store)
    Accounts(folder / "store").add("张书记", SECRET, ADMIN)
    return folder / "store", known


@pytest.fixture
def store(kept: tuple[Path, dict[str, Tables]], tmp_path: Path) -> Path:
    return Path(shutil.copytree(kept[0], tmp_path / "store"))


def find(found: list[Finding], name: str) -> Finding:
    (one,) = [finding for finding in found if finding.name == name]
    return one


def files_of(store: Path, snapshot: int, table: str = "core_complaints") -> list[Path]:
    """The files in which a table stands in one snapshot and not in the one before."""
    return [
        store / "data" / file.path
        for file in list_files(store / CATALOGUE)
        if file.table == table and file.begins == snapshot
    ]


def flip_a_bit(path: Path) -> None:
    held = bytearray(path.read_bytes())
    held[len(held) // 3] ^= 1
    path.write_bytes(held)


# -- there and back -----------------------------------------------------------------------------


def test_a_backup_brings_everything_back(
    store: Path, kept: tuple[Path, dict[str, Tables]], tmp_path: Path
) -> None:
    accounts = Accounts(store)
    token = accounts.sign_in("张书记", SECRET, "")
    assert token is not None
    made = back_up(store, tmp_path / "b.zip")
    assert oct(made.path.stat().st_mode & 0o777) == "0o600" or sys.platform == "win32"
    again = tmp_path / "again"
    told = restore(made.path, again)
    assert told.snapshot == made.snapshot
    assert told.files == made.files == len(list_files(store / CATALOGUE)) + 2
    with Store(again) as restored:
        assert is_same(read_tables(restored), kept[1]["乙"])
        # History came along, and undo with it.
        restored.undo()
        assert is_same(read_tables(restored), kept[1]["甲"])
    assert Accounts(again).sign_in("张书记", SECRET, "") is not None
    # Whoever finds a backup is not signed in by what lies in it.
    assert Accounts(again).find(token) is None
    assert accounts.find(token) is not None
    assert worst([f for f in examine(again) if f.name not in ("字体", "磁盘空间")]) == "ok"


def test_a_backup_made_while_a_refresh_waits_holds_what_was_published(
    store: Path, kept: tuple[Path, dict[str, Tables]], tmp_path: Path
) -> None:
    with Store(store) as open_store, open_store.write("别人") as writer:
        writer.execute("DELETE FROM lake.core_complaints")
        back_up(store, tmp_path / "b.zip")
    restore(tmp_path / "b.zip", tmp_path / "again")
    with Store(tmp_path / "again") as restored:
        assert is_same(read_tables(restored), kept[1]["乙"])


def test_states_that_are_let_go_meanwhile_do_not_spoil_a_backup(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def look(catalogue: Path) -> list[LakeFile]:
        nonlocal looks
        looks += 1
        gone = [LakeFile("core_complaints", "main/core_complaints/gone.parquet", 1, 1, 2)]
        return [*list_files(catalogue), *(gone if looks == 1 else [])]

    monkeypatch.setattr(backup_module, "list_files", look)
    made = back_up(store, tmp_path / "b.zip")
    assert looks == 2
    restore(made.path, tmp_path / "again")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_a_backup_goes_where_it_is_told_and_over_nothing(store: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    at = datetime(2026, 11, 28, 3, 4, 5, tzinfo=UTC)
    made = back_up(store, shelf, at)
    assert made.path.name == f"shequ-{at.astimezone():%Y%m%d-%H%M%S}.zip"
    with pytest.raises(UsageError, match="不覆盖"):
        back_up(store, made.path)
    with pytest.raises(UsageError, match="不要放在数据文件夹里"):
        back_up(store, store / "b.zip")
    with pytest.raises(UsageError, match="没有“.*nowhere”这个文件夹"):
        back_up(store, tmp_path / "nowhere" / "b.zip")
    with pytest.raises(StoreError, match="没有可备份的"):
        back_up(tmp_path / "nowhere", shelf / "c.zip")
    with pytest.raises(UsageError, match="不是空的，不覆盖"):
        restore(made.path, store)
    with pytest.raises(UsageError, match="没有“.*”这个文件"):
        restore(tmp_path / "none.zip", tmp_path / "again")
    assert [path.name for path in shelf.iterdir()] == [made.path.name]


def test_a_disk_that_fills_up_leaves_no_half_backup(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_module, "_add", fill)
    with pytest.raises(StoreError, match="磁盘已满"):
        back_up(store, tmp_path / "b.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    monkeypatch.undo()
    back_up(store, tmp_path / "b.zip")
    monkeypatch.setattr(
        backup_module.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 1)
    )
    with pytest.raises(StoreError, match="磁盘放不下"):
        restore(tmp_path / "b.zip", tmp_path / "again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "store"]


# -- backups that are none ------------------------------------------------------------------------


def rewrite(source: Path, target: Path, **changes: Any) -> Path:
    """A backup with its manifest or its members changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        manifest = json.loads(old.read(MANIFEST))
        manifest.update(changes.get("manifest", {}))
        if extra := changes.get("extra"):
            manifest["files"].append({"name": extra, "size": 1, "sha256": "0" * 64})
            new.writestr(extra, b"x")
        for name in old.namelist():
            if name != MANIFEST and name != changes.get("without"):
                held = old.read(name)
                new.writestr(name, changes["held"](held) if "held" in changes else held)
        new.writestr(MANIFEST, json.dumps(manifest))
    return target


EVIL = (
    "../out.parquet", "data/../../out.parquet", "/out.parquet", "C:/out.parquet",
    "data\\..\\out.parquet", "data/main/run.exe", "catalogue.sqlite-wal",
)  # fmt: skip


def test_a_damaged_or_hostile_backup_is_refused_and_leaves_nothing(
    store: Path, tmp_path: Path
) -> None:
    made = back_up(store, tmp_path / "b.zip").path
    table = files_of(store, 3)[0].relative_to(store).as_posix()
    bad = {
        "不是 shequ 的备份": rewrite(made, tmp_path / "1.zip", manifest={"kind": "x"}),
        "更新的版本": rewrite(made, tmp_path / "2.zip", manifest={"format": 999}),
        "清单读不出来": rewrite(made, tmp_path / "3.zip", manifest={"files": 7}),
        f"缺少“{table}”": rewrite(made, tmp_path / "4.zip", without=table),
        "与清单不符": rewrite(made, tmp_path / "5.zip", held=lambda held: held[:-1] + b"?"),
        # Longer than it claims: a bomb is not unpacked.
        "”与清单不符": rewrite(made, tmp_path / "6.zip", held=lambda held: held + b"0" * 5_000_000),
        "目录与清单不符": rewrite(made, tmp_path / "7.zip", manifest={"snapshot": 2}),
    }
    cut = tmp_path / "8.zip"
    cut.write_bytes(made.read_bytes()[:-2000])
    bad["不是完整的压缩包"] = cut
    other = tmp_path / "9.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.txt", "x")
    bad["这个压缩包不是 shequ 的备份"] = other
    cases = [*bad.items()]
    for number, name in enumerate(EVIL):
        cases.append(("不该有的文件", rewrite(made, tmp_path / f"evil{number}.zip", extra=name)))
    for said, path in cases:
        with pytest.raises(StoreError, match=said) as told:
            restore(path, tmp_path / "deep" / "again")
        assert "\n" not in str(told.value)
        assert list((tmp_path / "deep").iterdir()) == [], said
        assert not (tmp_path / "out.parquet").exists()


def test_every_flipped_bit_of_a_backup_is_found(store: Path, tmp_path: Path) -> None:
    made = back_up(store, tmp_path / "b.zip").path
    held = made.read_bytes()
    with zipfile.ZipFile(made) as archive:
        members = [info for info in archive.infolist() if info.filename != MANIFEST]
    for info in members[:: len(members) // 12]:
        flipped = bytearray(held)
        flipped[info.header_offset + 30 + len(info.filename) + info.file_size // 2 + 20] ^= 4
        (tmp_path / "f.zip").write_bytes(flipped)
        with pytest.raises(StoreError, match="这个备份不能用"):
            restore(tmp_path / "f.zip", tmp_path / "again")


# -- the doctor -----------------------------------------------------------------------------------


def test_a_sound_store_is_called_sound_and_stays_as_it_is(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted((p.name, p.stat().st_size) for p in store.rglob("*.parquet"))
    found = examine(store)
    assert {f.name for f in found} >= {
        "版本",
        "字体",
        "磁盘空间",
        "目录",
        "数据文件",
        "打开",
        "时钟",
    }
    assert all(not f.todo for f in found if f.state == "ok")
    assert find(found, "数据文件").said.endswith("内容没有变。")
    assert sorted((p.name, p.stat().st_size) for p in store.rglob("*.parquet")) == before
    code = main(["doctor", "--store", str(store), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == {"ok": 0, "warn": 3}[told["state"]]
    assert [f["name"] for f in told["findings"]] == [f.name for f in found]


@pytest.mark.parametrize("harm", ["flip", "lose", "cut"])
def test_a_harmed_file_is_found_and_the_last_whole_state_can_be_had(
    store: Path, kept: tuple[Path, dict[str, Tables]], harm: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    snapshot = max(file.begins for file in list_files(store / CATALOGUE))
    (path, *_) = files_of(store, snapshot)
    if harm == "flip":
        flip_a_bit(path)
    elif harm == "lose":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9])
    finding = find(examine(store), "数据文件")
    said = {"flip": "内容变了", "lose": "不见了", "cut": "大小不对"}[harm]
    assert finding.state == "bad"
    assert f"{path.name} {said}" in finding.said
    assert "core_complaints" in finding.todo
    assert "shequ restore" in finding.todo
    assert f"shequ undo 退回（快照 {snapshot - 1} 完好）" in finding.todo
    assert main(["doctor", "--store", str(store)]) == 1
    assert "[有问题] 数据文件" in capsys.readouterr().out
    with pytest.raises(StoreError, match="坏|缺少"):
        back_up(store, store.parent / "b.zip")
    with Store(store) as opened:
        # What is not harmed is served.
        assert len(opened.frame("core_compounds")) == 3
        if harm == "lose":
            with pytest.raises(StoreError, match="shequ doctor"):
                opened.frame("core_complaints")
        opened.undo()
        assert is_same(read_tables(opened), kept[1]["甲"])


def test_harm_to_the_past_is_told_from_harm_to_the_present(store: Path) -> None:
    newest = max(file.begins for file in list_files(store / CATALOGUE))
    gone = [
        store / "data" / file.path
        for file in list_files(store / CATALOGUE)
        if file.table == "core_complaints" and file.ends is not None
    ]
    assert gone
    for path in gone:
        path.unlink()
    finding = find(examine(store), "数据文件")
    assert finding.state == "warn"
    assert "现在的数据不受影响" in finding.todo
    with Store(store) as opened:
        assert opened.snapshot() == newest
        assert len(opened.frame("core_complaints")) > 0


def test_a_broken_catalogue_and_broken_accounts_are_found(store: Path) -> None:
    for name, called in ((CATALOGUE, "目录"), ("access.sqlite", "账号和操作记录")):
        path = store / name
        held = path.read_bytes()
        path.write_bytes(held[:100] + b"\x07" * 3000 + held[3100:])
        finding = find(examine(store), called)
        assert finding.state == "bad"
        assert "已损坏" in finding.said
        assert finding.todo
        path.write_bytes(held)
    (store / CATALOGUE).unlink()
    assert find(examine(store), "目录").state == "bad"
    assert find(examine(store / "nowhere"), "数据文件夹").state == "bad"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BUSY_MILLISECONDS", 200)
    monkeypatch.setattr(lakefiles, "BUSY_SECONDS", 0.2)
    monkeypatch.setattr("etl.doctor.LOCKED_SECONDS", 0.2)


HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute(sys.argv[2])
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def hold(database: Path, first: str) -> Iterator[None]:
    """Another program that has a database to itself."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database), first],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        yield
    finally:
        other.communicate("")


@pytest.mark.usefixtures("impatient")
def test_a_catalogue_held_by_another_program_is_said(store: Path, tmp_path: Path) -> None:
    # In a process of its own: within one, locks of a file are shared.
    with hold(store / CATALOGUE, ""), Store(store) as opened:
        # Whoever only looks is not held up by one who writes.
        assert len(opened.frame("core_compounds")) == 3
        with pytest.raises(StoreError, match="被别的程序占用"):
            opened.undo()
    with hold(store / CATALOGUE, "PRAGMA locking_mode = EXCLUSIVE"):
        with pytest.raises(StoreBusyError, match="被别的程序占用"):
            Store(store).history()
        finding = find(examine(store), "目录")
        assert finding.said == f"“{CATALOGUE}”被别的程序占用。"
        with pytest.raises(StoreError, match="被别的程序占用"):
            back_up(store, tmp_path / "b.zip")
    assert Store(store).snapshot() is not None


def test_a_full_disk_a_clock_set_back_and_leftovers_are_found(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil._ntuple_diskusage(10**12, 10**12, 5 * 10**7)
    monkeypatch.setattr("etl.doctor.shutil.disk_usage", lambda _: full)
    left = store / "data" / "main" / "core_complaints" / "left.parquet"
    left.write_bytes(b"x" * 1000)
    assert find(examine(store), "多余的文件").state == "ok"  # of a refresh that still runs
    os.utime(left, (1e9, 1e9))
    found = examine(store, now=lambda: time.time() - 86_400 * 30)
    assert find(found, "磁盘空间").state == "bad"
    assert find(found, "时钟").state == "warn"
    found = examine(store)
    assert find(found, "时钟").state == "ok"
    assert find(found, "多余的文件").state == "warn"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever runs this may write all")
def test_a_folder_that_cannot_be_written_is_found(store: Path) -> None:
    store.chmod(0o500)
    try:
        assert find(examine(store), "数据文件夹").state == "bad"
    finally:
        store.chmod(0o700)


def test_checksums_follow_what_is_published_and_survive_a_line_cut_short(
    store: Path, tmp_path: Path
) -> None:
    paths = {file.path for file in list_files(store / CATALOGUE)}
    assert set(read_checksums(store)) == paths
    held = (store / CHECKSUMS).read_bytes()
    (store / CHECKSUMS).write_bytes(held[:-30])
    with Store(store) as opened:
        opened.undo()
    noted = read_checksums(store)
    assert set(noted) == {file.path for file in list_files(store / CATALOGUE)}
    assert len(noted) > len(paths)
    (store / CHECKSUMS).unlink()
    assert find(examine(store), "数据文件").state == "ok"  # all can be read to their end


# -- the commands -----------------------------------------------------------------------------------


def test_the_commands_say_what_they_did_and_write_it_down(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, again = str(tmp_path / "b.zip"), tmp_path / "again"
    assert main(["backup", file, "--store", str(store)]) == 0
    assert "已备份到" in capsys.readouterr().out
    assert main(["restore", file, "--store", str(again), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["snapshot"] == 4
    assert main(["restore", file, "--store", str(again)]) == 2
    assert "不是空的" in capsys.readouterr().err
    assert Accounts(store).audit()[0].what == "backup"
    assert [event.what for event in Accounts(again).audit()][:1] == ["restore"]


# -- an upgrade ---------------------------------------------------------------------------------------


def test_an_upgrade_keeps_what_was_before(
    store: Path, kept: tuple[Path, dict[str, Tables]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = store_module.STORE_FORMAT
    monkeypatch.setattr(store_module, "STORE_FORMAT", before + 1)
    with Store(store) as opened:
        # All but the number of the format.
        told, known = (dict(tables) for tables in (read_tables(opened), kept[1]["乙"]))
        told["settings"] = known["settings"]
        assert is_same(told, known)
    copy = store / f"{CATALOGUE}.format-{before}"
    monkeypatch.undo()
    with pytest.raises(StoreError, match="更新的版本"):
        Store(store)
    # Putting it back takes the upgrade back.
    for name in store.glob(f"{CATALOGUE}-*"):
        name.unlink()
    copy.replace(store / CATALOGUE)
    with Store(store) as opened:
        assert is_same(read_tables(opened), kept[1]["乙"])


def test_without_room_for_the_copy_there_is_no_upgrade(
    store: Path, kept: tuple[Path, dict[str, Tables]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module, "STORE_FORMAT", store_module.STORE_FORMAT + 1)
    monkeypatch.setattr(store_module, "copy_apart", fill)
    with pytest.raises(StoreError, match="没有升级，数据没有变动"):
        Store(store)
    monkeypatch.undo()
    with Store(store) as opened:
        assert is_same(read_tables(opened), kept[1]["乙"])

"""A store moved with its whole history into a shared lake and back: equal, or as if never begun."""

from __future__ import annotations

import multiprocessing
import os
from datetime import date
from pathlib import Path

import pytest

from etl import move as move_module
from etl.accounts import Accounts
from etl.backup import back_up, restore
from etl.briefing.book import Scope
from etl.briefing.issues import Issues
from etl.cli import main
from etl.errors import StoreError, UsageError
from etl.lake import LAKE_FILE
from etl.move import move
from etl.refresh import refresh
from etl.store import TABLE_NAMES, Store
from tests.backends import write_lake
from tests.conftest import MakeLake, write_workbook
from tests.pipeline.test_undo import HEAD, REGISTER
from tests.servers import Objects, Postgres

SAYS = "测试"
ISSUED_ON = 4  # the snapshot of the first complaints


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a history: refreshes, one of them undone, one state let go, an account."""
    folder = tmp_path_factory.mktemp("move")
    with Store(folder / "store") as store:
        refresh(store, [write_workbook(folder / "台账.xlsx", {"小区台账": REGISTER})])
        for month in (1, 2):
            rows = [[f"2026-{month:02}-03", "停车管理", "甲园", f"第{n}件"] for n in range(3)]
            path = write_workbook(folder / f"投诉{month}.xlsx", {"投诉": [HEAD, *rows]})
            refresh(store, [path], who=SAYS)
        store.undo(SAYS)
        store.maintain(400, who=SAYS)
        accounts = Accounts(store.path)
        accounts.add("zhang", "Kx7-tulip-9q", "管理员")
        accounts.note("zhang", "export", "一份", "127.0.0.1")
        Issues(store.path).add(
            Scope(date(2026, 1, 1), ISSUED_ON), ("2026年第1期", 1, 0), "f", "", [], {},
            {"简报.docx": b"as it went out"}, SAYS,
        )  # fmt: skip
    return folder / "store"


@pytest.fixture
def source(made: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(made, tmp_path / "source"))


def read_whole(folder: Path) -> dict[object, object]:
    """All that a store tells: every table at every snapshot row by row, history, audit, issues."""
    told: dict[object, object] = {}
    with Store(folder, read_only=True) as store:
        told["history"] = store.history()
        told["snapshots"] = store.list_snapshots()
        states = store.list_table_states()
        assert {name for name, _ in states} >= set(TABLE_NAMES) - {"past_states"}
        for table, snapshot in states:
            rows = store.query(f'SELECT * FROM lake."{table}" AT (VERSION => {snapshot})')
            told[table, snapshot] = (rows[0], sorted(map(repr, rows[1])))
    told["audit"] = Accounts(folder).audit()
    told["accounts"] = Accounts(folder).everyone()
    issues = Issues(folder)
    told["issues"] = [(issue, issues.read_papers(issue)) for issue in issues.everything()]
    assert len(issues.everything()) == 1
    return told


@pytest.mark.slow
def test_there_and_back_every_table_at_every_snapshot_is_the_same(
    source: Path, make_lake: MakeLake, tmp_path: Path
) -> None:
    before = read_whole(source)
    lake, back = make_lake("lake"), tmp_path / "back"
    moved = move(source, lake)
    assert moved.snapshots == len(before["snapshots"])  # type: ignore[arg-type]
    assert read_whole(lake) == before
    move(lake, back)
    assert read_whole(back) == before
    for place in (lake, back):  # whichever machine lets old states go
        with Store(place, read_only=True) as store:
            assert store.list_kept() == {ISSUED_ON}
    # What it came from is only read from now on; where it is the next refresh and undo work.
    for place, target in ((source, lake), (lake, back)):
        with Store(place) as store:
            with pytest.raises(StoreError, match=f"已搬到“{target}”"):
                store.undo()
            assert len(store.frame("core_complaints")) == 3
    with Store(back) as store:
        store.undo()
        assert store.frame("core_complaints").empty


@pytest.mark.slow
def test_into_object_storage_by_the_command(
    source: Path, postgres: Postgres, objects: Objects, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = read_whole(source)
    address = postgres.address(postgres.make_database())
    lake = write_lake(tmp_path / "lake", address, f"s3://{objects.make_bucket()}/a/b")
    assert main(["move", "--store", str(source), "--to", str(lake)]) == 0
    assert "完全一样" in capsys.readouterr().out
    assert Accounts(lake).audit()[0].what == "move"
    assert main(["move", "--store", str(lake), "--to", str(tmp_path / "back")]) == 0
    after = read_whole(tmp_path / "back")
    assert {k: v for k, v in after.items() if k != "audit"} == {
        k: v for k, v in before.items() if k != "audit"
    }


def move_and_die(source: Path, target: Path, share: float) -> None:
    """Ends the process, as a power cut does, once so much is done."""

    def die(done: float, _words: str) -> None:
        if done >= share:
            os._exit(9)

    move(source, target, die)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_a_move_that_was_cut_off_leaves_the_source_as_it_was_and_can_be_begun_again(
    source: Path, make_lake: MakeLake, share: float
) -> None:
    before, lake = read_whole(source), make_lake("lake")
    process = multiprocessing.get_context("spawn").Process(
        target=move_and_die, args=(source, lake, share)
    )
    process.start()
    process.join(timeout=120)
    assert process.exitcode == 9
    assert read_whole(source) == before
    with pytest.raises(StoreError, match="正在搬入数据，或上次没有搬完"):
        Store(lake)
    move(source, lake)
    assert read_whole(lake) == before


@pytest.mark.slow
@pytest.mark.parametrize("is_back", [False, True])
def test_a_move_that_comes_out_other_than_it_was_is_taken_back(
    source: Path, make_lake: MakeLake, tmp_path: Path, is_back: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    lake, target = make_lake("lake"), tmp_path / "back"
    if is_back:
        move(source, lake)
        source = lake
    else:
        target = lake
    before, sums = read_whole(source), Store.sum_table

    def sum_wrongly(self: Store, table: str, snapshot: int) -> tuple[object, ...]:
        found = sums(self, table, snapshot)
        return (*found, self.path) if table == "out_totals" else found

    with monkeypatch.context() as patch:
        patch.setattr(Store, "sum_table", sum_wrongly)
        with pytest.raises(StoreError, match=r"没有搬成，原来的数据没有变动：表“out_totals”"):
            move(source, target)
    assert read_whole(source) == before
    left = [path.name for path in target.iterdir()] if target.exists() else []
    assert left == ([] if is_back else [LAKE_FILE])
    assert not list(tmp_path.glob(".*part")), "half a store stayed behind"
    move(source, target)
    assert read_whole(target) == before


def test_what_is_not_empty_is_not_written_over(
    source: Path, make_lake: MakeLake, tmp_path: Path
) -> None:
    with Store(source) as store:
        before = store.list_snapshots()
    lake = make_lake("lake")
    Store(lake).close()
    with pytest.raises(StoreError, match="不是空的，不覆盖"):
        move(source, lake)
    other = make_lake("other")
    (tmp_path / "other-data" / "x.parquet").write_bytes(b"x")
    with pytest.raises(StoreError, match="里已经有文件"):
        move(source, other)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "照片.jpg").write_bytes(b"x")
    for target, said in (
        (tmp_path / "plain", "两边都是普通文件夹"),
        (source, "另一个文件夹"),
        (write_lake(tmp_path / "full", "postgresql://a@b/c", "/d"), "照片.jpg"),
    ):
        with pytest.raises(UsageError, match=said):
            move(source, target)
    with Store(source) as store:
        assert store.list_snapshots() == before
        store.undo()  # it is still the one that is written
    assert (tmp_path / "other-data" / "x.parquet").read_bytes() == b"x"


@pytest.mark.slow
def test_a_file_that_arrives_otherwise_is_found(
    source: Path, make_lake: MakeLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move_module, "hash_stream", lambda files, path: "0" * 64)
    with pytest.raises(StoreError, match="搬过去以后与原来的不一样"):
        move(source, make_lake("lake"))


@pytest.mark.slow
def test_a_shared_store_is_backed_up_and_restored(
    source: Path, make_lake: MakeLake, tmp_path: Path
) -> None:
    before, lake = read_whole(source), make_lake("lake")
    move(source, lake)
    back_up(lake, tmp_path / "all.zip")
    restore(tmp_path / "all.zip", tmp_path / "restored")
    assert read_whole(tmp_path / "restored") == before

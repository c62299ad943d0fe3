"""Upkeep keeps a store small and changes nothing that anybody may still want."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import pytest

from etl.doctor import examine
from etl.errors import StoreError
from etl.lakefiles import read_checksums
from etl.refresh import refresh
from etl.store import Store
from tests.backends import backend  # noqa: F401
from tests.conftest import WriteXlsx
from tests.pipeline.test_undo import HEAD, REGISTER, read_all

LATER = timedelta(days=500)


def fill(store: Store, write_xlsx: WriteXlsx, months: int = 4) -> list[int]:
    """A register and some months of complaints, a refresh each; the snapshots."""
    refresh(store, [write_xlsx("台账.xlsx", 台账=REGISTER)])
    for month in range(1, months + 1):
        rows = [[f"2026-{month:02d}-{day:02d}", "停车管理", "甲园", f"第{day}次"] for day in (3, 9)]
        refresh(store, [write_xlsx(f"投诉{month}.xlsx", 投诉=[HEAD, *rows])])
    return [entry.snapshot for entry in store.history()[::-1]]


def same(left: dict[str, pd.DataFrame], right: dict[str, pd.DataFrame]) -> bool:
    return all(left[name].equals(right[name]) for name in left if name != "past_states")


def count_files(store: Store) -> int:
    return len(store.list_stored())


def test_what_is_shown_and_what_can_be_undone_stay(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    fill(empty_store, write_xlsx)
    shown, history = read_all(empty_store), empty_store.history()
    done = empty_store.maintain(keep_days=400)
    assert done.states == 0
    assert same(read_all(empty_store), shown)
    assert empty_store.history() == history
    # Every step back leads where it led before, to the empty store.
    counts = []
    for _ in range(5):
        empty_store.undo()
        counts.append(len(empty_store.frame("core_complaints")))
    assert counts == [6, 4, 2, 0, 0]
    assert empty_store.frame("core_compounds").empty


def test_old_states_go_and_history_still_tells_of_them(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    numbers = fill(empty_store, write_xlsx)
    shown, before = read_all(empty_store), count_files(empty_store)
    now = datetime.now(UTC) + LATER
    # An issued briefing stands on the second month.
    done = empty_store.maintain(keep_days=400, kept=[numbers[2]], now=now)
    assert same(read_all(empty_store), shown)
    told = {entry.snapshot: entry for entry in empty_store.history()}
    assert list(told) == numbers[::-1]
    assert [number for number in numbers if told[number].is_gone] == [numbers[n] for n in (0, 1, 3)]
    assert told[numbers[1]].files == ["投诉1.xlsx"]
    assert empty_store.snapshot() == numbers[-1]
    # Readers may still be at the files: the next upkeep, hours later, takes them away.
    again = empty_store.maintain(keep_days=400, kept=[numbers[2]], now=now + timedelta(days=1))
    assert done.states > 0
    assert again.states == 0 or again.states < done.states
    assert count_files(empty_store) < before
    kept = empty_store.query(
        f"SELECT count(*) FROM lake.core_complaints AT (VERSION => {numbers[2]})"
    )
    assert kept[1] == [(4,)]
    assert same(read_all(empty_store), shown)


def test_what_is_gone_cannot_be_undone_and_says_so(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    fill(empty_store, write_xlsx)
    empty_store.maintain(keep_days=400, now=datetime.now(UTC) + LATER)
    shown = read_all(empty_store)
    with pytest.raises(StoreError, match="更早的状态已按保留期限清理"):
        empty_store.undo()
    assert same(read_all(empty_store), shown)
    # What comes from now on can be.
    rows = [HEAD, ["2026-06-01", "停车管理", "乙院", "又一件"]]
    refresh(empty_store, [write_xlsx("投诉新.xlsx", 投诉=rows)])
    empty_store.undo()
    assert len(empty_store.frame("core_complaints")) == 8
    assert [entry.is_gone for entry in empty_store.history()].count(True) == 4


@pytest.mark.own_folder
def test_a_read_into_which_upkeep_falls_is_read_again(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    """As when files are joined between the moment when rows are looked for and when they are read."""
    fill(empty_store, write_xlsx, months=2)
    tries = []
    with Store(empty_store.path, read_only=True) as reader:

        def read(cursor: duckdb.DuckDBPyConnection) -> object:
            tries.append(len(tries))
            if len(tries) == 1:
                empty_store.maintain(keep_days=400)
                return "torn"
            return cursor.execute("SELECT count(*) FROM lake.core_complaints").fetchall()

        assert reader._read(read) == [(4,)]
        assert tries == [0, 1]
        reader.frame("out_totals")
        reader._read(lambda cursor: tries.append(2))
        assert tries == [0, 1, 2], "what nobody disturbs is read once"


def test_upkeep_beside_a_reader_and_a_refresh(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    fill(empty_store, write_xlsx, months=2)
    told, look = {}, "SELECT (FROM (SELECT count(*) FROM core_complaints)), value FROM out_totals"
    look += " WHERE name = 'complaints'"
    rows = [HEAD, *([f"2026-03-{day:02d}", "停车管理", "甲园", f"第{day}次"] for day in (3, 9))]
    path = write_xlsx("投诉3.xlsx", 投诉=rows)
    with Store(empty_store.path, read_only=True) as reader, Store(empty_store.path) as keeper:
        both = [
            threading.Thread(target=lambda: told.update(kept=keeper.maintain(keep_days=400))),
            threading.Thread(target=lambda: told.update(report=refresh(empty_store, [path]))),
        ]
        for one in both:
            one.start()
        seen = [reader.query(look)[1]]
        while any(one.is_alive() for one in both):
            seen.append(reader.query(look)[1])
        seen.append(reader.query(look)[1])
        # What was there before or what is there after, whole, whatever was joined meanwhile.
        assert {*map(str, seen)} == {"[(4, 4.0)]", "[(6, 6.0)]"}
        assert told["report"].count("new") == 2
        assert told["kept"].bytes_after > 0
        assert [found.said for found in examine(keeper.path) if found.state == "bad"] == []


@pytest.mark.own_folder
def test_files_that_no_state_knows_are_taken_away(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    fill(empty_store, write_xlsx, months=1)
    folder = empty_store.path / "data" / "main" / "core_complaints"
    orphan, fresh = folder / "orphan.parquet", folder / "fresh.parquet"
    known = next(iter(folder.glob("*.parquet")))
    for path in (orphan, fresh):
        path.write_bytes(known.read_bytes())
    long_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    os.utime(orphan, (long_ago, long_ago))
    empty_store.maintain(keep_days=400)
    # A file of this hour may belong to a copy or a write that is still under way.
    assert (orphan.exists(), fresh.exists(), known.exists()) == (False, True, True)


@pytest.mark.own_folder
def test_every_file_that_is_left_has_its_checksum(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    fill(empty_store, write_xlsx)
    now = datetime.now(UTC) + LATER
    for days in range(2):
        empty_store.maintain(keep_days=400, now=now + timedelta(days=days))
    data = empty_store.path / "data"
    there = {path.relative_to(data).as_posix() for path in data.rglob("*.parquet")}
    assert read_checksums(empty_store.path).keys() == there
    assert [found.said for found in examine(empty_store.path) if found.state == "bad"] == []


def test_the_command_keeps_what_briefings_stand_on(
    empty_store: Store, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    from etl.cli import main

    fill(empty_store, write_xlsx, months=2)
    path = str(empty_store.path)
    empty_store.close()
    assert main(["maintain", "--store", path]) == 0
    said = capsys.readouterr().out
    assert "已清理" in said
    assert "0 个旧状态" in said
    with pytest.raises(SystemExit, match="2"):
        main(["maintain", "--store", path, "--keep-days", "0"])
    assert "至少保留 7 天" in capsys.readouterr().err


def test_doctor_says_how_much_a_year_takes(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    fill(empty_store, write_xlsx, months=1)
    size = sum(size for size, _ in empty_store.list_stored().values())
    said = {f.name: f.said for f in examine(empty_store.path)}["增长"]
    assert said == f"现有 {size / 1e6:,.1f} MB；不到一个月，还看不出一年长多少。"
    # Seen 73 days from now all of it came in a fifth of a year.
    later = datetime.now(UTC).timestamp() + 73 * 86_400
    said = {f.name: f.said for f in examine(empty_store.path, now=lambda: later)}["增长"]
    assert said.endswith(f"一年约增加 {5 * size / 1e6:,.1f} MB。")

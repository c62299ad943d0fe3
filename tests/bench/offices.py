"""Many offices on one lake: `python -m tests.bench.offices`, with a PostgreSQL and a storage of its own.

Offices refresh, each in a process of its own, and readers poll, each by a connection of its own,
while offices are killed at random moments, the server is started anew in the middle, and the
storage fails one write in so many. In the end every refresh must be there exactly once, no read may
have failed, and no file be left that nothing needs: else the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from etl.errors import ShequError
from etl.refresh import refresh
from etl.store import Store
from tests.backends import write_lake
from tests.conftest import write_workbook
from tests.servers import PASSWORD, Objects, Postgres

ROOT = Path(__file__).parents[2]
HEAD = ["工单编号", "受理时间", "诉求类别", "小区", "诉求内容"]
REGISTER = ["小区编号", "小区名称", "小区类型", "总户数"]
COMPOUNDS = 4
FEWEST_READS = 5
ALONE = 3
LOG, TURNS = "done.jsonl", "turns.jsonl"
# Every count that a reader can hold against another, of one snapshot.
LOOK = (
    "SELECT (SELECT count(*) FROM lake.core_complaints) AS rows, "
    "(SELECT value FROM lake.out_totals WHERE name = 'complaints') AS told, "
    "(SELECT count(DISTINCT complaint_id) FROM lake.core_complaints) AS ids"
)


@dataclass(frozen=True)
class Plan:
    """What happens: seconds during which refreshes begin, and what goes wrong meanwhile.

    However slow the machine, every office comes to `rounds` refreshes.
    """

    rounds: int = 2
    offices: int = 8
    readers: int = 20
    # So many readers share a process, and look again after so many seconds.
    readers_each: int = 5
    every: float = 2.0
    seconds: float = 300.0
    rows: int = 30
    kills: int = 12
    restarts: int = 1
    fail_every: int = 50
    seed: int = 1
    patience: float = 600.0


@dataclass
class Outcome:
    """What came of it; times in seconds."""

    alone: float = 0.0
    refreshes: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    read_failures: int = 0
    halves_seen: int = 0
    kills: int = 0
    restarts: int = 0
    failed_writes: int = 0
    missing: int = 0
    doubled: int = 0
    orphans_before: int = 0
    orphans_after: int = 0

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost or doubled, no read failed and nothing was left lying."""
        wrong = (self.missing, self.doubled, self.read_failures, self.halves_seen)
        return not any((*wrong, self.orphans_after)) and bool(self.refreshes and self.reads)

    def tell(self) -> str:
        """The figures, a line each, and the verdict."""
        return "\n".join(
            [
                f"a refresh alone: {self.alone:.2f} s",
                f"refreshes together: {_tell_times(self.refreshes)}",
                f"waits for one's turn: {_tell_times(self.waits)}",
                f"turns held: {_tell_times(self.turns)}",
                f"reads: {_tell_times(self.reads)}; failed {self.read_failures}, "
                f"half a refresh seen {self.halves_seen}",
                f"offices killed {self.kills}, server started anew {self.restarts}, "
                f"writes failed {self.failed_writes}",
                f"refreshes missing {self.missing}, doubled {self.doubled}",
                f"files that nothing needs {self.orphans_before}, "
                f"after maintenance {self.orphans_after}",
                "verdict: good" if self.is_good else "verdict: NOT good",
            ]
        )


def _tell_times(times: Sequence[float]) -> str:
    told = sorted(times) or [0.0]
    p95 = told[math.ceil(0.95 * len(told)) - 1]
    return (
        f"{len(times)}, median {statistics.median(told):.2f} s, p95 {p95:.2f} s, "
        f"longest {told[-1]:.2f} s"
    )


# -- one process each ---------------------------------------------------------------------------


def write_round(folder: Path, office: str, number: int, rows: int) -> Path:
    """The sheet of a round, the same whenever it is asked for."""
    told = [
        [f"{office}-{number}-{n}", f"2026-{1 + number % 9:02}-{1 + n % 28:02}", "停车管理",
         f"{office}{1 + n % COMPOUNDS}号院", f"第{n}件"]
        for n in range(rows)
    ]  # fmt: skip
    path = folder / f"投诉{number}轮.xlsx"
    return path if path.exists() else write_workbook(path, {"投诉工单": [HEAD, *told]})


def write_register(folder: Path, office: str) -> Path:
    told = [[f"{office}{n}", f"{office}{n}号院", "老旧", 100 + n] for n in range(1, COMPOUNDS + 1)]
    return write_workbook(folder / "小区台账.xlsx", {"小区台账": [REGISTER, *told]})


def work(folder: Path, office: str, rows: int, until: float, least: int = 0) -> None:
    """An office: refresh after refresh until the time is over; what was begun is brought to its end."""
    log = folder / LOG
    told = read_lines(log)
    begun = {line["round"] for line in told if "seconds" not in line}
    done = {line["round"] for line in told if "seconds" in line}
    store = open_patiently(folder)
    number = max(done, default=-1) + 1
    while time.time() < until or number in begun or number < least:
        _add_line(log, {"round": number})
        start = time.monotonic()
        refresh(store, [write_round(folder.parent, office, number, rows)], who=office)
        _add_line(log, {"round": number, "seconds": time.monotonic() - start})
        number += 1
    store.close()


@contextmanager
def time_turns(path: Path) -> Iterator[None]:
    """Write down of every turn how long it was waited for and held."""
    hold = Store._hold_catalogue

    @contextmanager
    def hold_and_time(self: Store) -> Iterator[None]:
        asked = time.monotonic()
        with hold(self):
            begun = time.monotonic()
            try:
                yield
            finally:
                held = time.monotonic() - begun
                _add_line(path, {"waited": begun - asked, "held": held})

    Store._hold_catalogue = hold_and_time  # type: ignore[method-assign]
    try:
        yield
    finally:
        Store._hold_catalogue = hold  # type: ignore[method-assign]


def open_patiently(folder: Path, read_only: bool = False) -> Store:
    """A store whose server may just be starting."""
    for _ in range(60):
        try:
            return Store(folder, read_only=read_only)
        except ShequError:
            time.sleep(1)
    return Store(folder, read_only=read_only)


def is_cut(path: Path) -> bool:
    """Whether whoever wrote last was killed in the middle of a line."""
    held = path.read_bytes() if path.exists() else b""
    return bool(held) and not held.endswith(b"\n")


def _add_line(path: Path, told: dict[str, object]) -> None:
    with path.open("a") as file:
        file.write("\n" * is_cut(path) + json.dumps(told) + "\n")


def read_lines(path: Path) -> list[dict[str, Any]]:
    """What a process wrote down; a line at which it was killed is left out."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else ():
        with suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


def look(folder: Path, log: Path, until: float, every: float) -> None:
    """A reader: one look after another."""
    store = open_patiently(folder, read_only=True)
    reads = 0
    while time.time() < until or reads < FEWEST_READS:
        reads += 1
        start, said = time.monotonic(), {}
        try:
            (rows, told, ids), *_ = store._rows(LOOK)
            said = {"half": not rows == told == ids}
        except ShequError as error:
            said = {"failed": str(error)}
        _add_line(log, {"seconds": time.monotonic() - start, **said})
        time.sleep(every)
    store.close()


def look_together(folder: Path, logs: Sequence[Path], until: float, every: float) -> None:
    """Several readers in one process, each by a connection of its own."""
    readers = [threading.Thread(target=look, args=(folder, log, until, every)) for log in logs]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()


# -- all of them --------------------------------------------------------------------------------


def run(
    plan: Plan, folder: Path, postgres: Postgres, data: str, objects: Objects | None = None
) -> Outcome:
    """Have it all happen on an empty catalogue, with the data at a place; what came of it."""
    chance, outcome = random.Random(plan.seed), Outcome()
    address = postgres.address(postgres.make_database())
    offices = {f"办{n}": folder / f"办{n}" / "store" for n in range(plan.offices)}
    for office, place in offices.items():
        write_lake(place, address, data, office=office)
        with Store(place) as store:
            refresh(store, [write_register(place.parent, office)], who=office)
    first, place = next(iter(offices.items()))
    outcome.alone = _measure_alone(first, place, plan)
    if objects is not None:
        objects.fail_every, objects.failed = plan.fail_every, 0
    until = time.time() + plan.seconds
    street = write_lake(folder / "street", address, data)
    with ExitStack() as left:
        logs = folder / "reads"
        logs.mkdir()
        names = [logs / str(number) for number in range(plan.readers)]
        for start in range(0, plan.readers, plan.readers_each):
            some = names[start : start + plan.readers_each]
            _start(left, folder, "look", street, until, plan.every, *some)
        _run_offices(left, plan, folder, offices, until, chance, postgres, outcome)
    if objects is not None:
        objects.fail_every, outcome.failed_writes = 0, objects.failed
    _count_reads(logs, outcome)
    _judge(street, offices, plan, outcome)
    return outcome


def _measure_alone(office: str, folder: Path, plan: Plan) -> float:
    work(folder, office, plan.rows, until=0.0, least=ALONE)
    return statistics.median(_list_times(folder / LOG, "seconds"))


def _list_times(path: Path, what: str) -> list[float]:
    return [float(line[what]) for line in read_lines(path) if what in line]


def _start(left: ExitStack, folder: Path, *arguments: object) -> subprocess.Popen[bytes]:
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.offices", *map(str, arguments)],
            cwd=ROOT, stdout=said, stderr=said,
        )  # fmt: skip
    left.callback(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _run_offices(
    left: ExitStack, plan: Plan, folder: Path, offices: dict[str, Path], until: float,
    chance: random.Random, postgres: Postgres, outcome: Outcome,
) -> None:  # fmt: skip
    """Until every office has come to its end: kill them, start them again, and the server too."""

    def start(office: str) -> subprocess.Popen[bytes]:
        least = plan.rounds + (ALONE if office == next(iter(offices)) else 0)
        return _start(left, folder, "work", offices[office], office, plan.rows, until, least)

    running = {office: start(office) for office in offices}
    begin, deadline = time.time(), until + plan.patience
    share = (until - begin) / (plan.kills + 1)
    killing = [begin + share * (n + chance.uniform(0.3, 1.0)) for n in range(plan.kills)]
    falling = [
        begin + (until - begin) * (n + 1) / (plan.restarts + 1) for n in range(plan.restarts)
    ]
    while running and time.time() < deadline:
        if killing and time.time() > killing[0]:
            killing.pop(0)
            office = chance.choice(sorted(running))
            if running[office].poll() is None:
                running[office].kill()
                running[office].wait()
                outcome.kills += 1
        if falling and time.time() > falling[0]:
            falling.pop(0)
            postgres.stop()
            time.sleep(chance.uniform(0.1, 1.0))
            postgres.start()
            outcome.restarts += 1
        for office, process in list(running.items()):
            if process.poll() == 0:
                del running[office]
            elif process.poll() is not None:
                running[office] = start(office)
        time.sleep(0.05)
    if running:
        raise RuntimeError(
            f"{sorted(running)} came to no end:\n{(folder / 'said').read_text()[-2000:]}"
        )


def _count_reads(logs: Path, outcome: Outcome) -> None:
    for path in logs.iterdir():
        for line in read_lines(path):
            outcome.reads.append(line["seconds"])
            outcome.read_failures += "failed" in line
            outcome.halves_seen += bool(line.get("half"))


def _judge(street: Path, offices: dict[str, Path], plan: Plan, outcome: Outcome) -> None:
    """Hold what the offices say that they did against what is there."""
    with Store(street) as store:
        complaints = store.frame("core_complaints")
        files = [name for entry in store.history() for name in entry.files]
        for office, place in offices.items():
            told = read_lines(place / LOG)
            done = _list_times(place / LOG, "seconds")
            outcome.refreshes += done[ALONE:] if office == next(iter(offices)) else done
            outcome.waits += _list_times(place / TURNS, "waited")
            outcome.turns += _list_times(place / TURNS, "held")
            for number in {line["round"] for line in told}:
                name = f"{office}/投诉{number}轮.xlsx"
                rows = int(complaints["file"].eq(name).sum())
                times = files.count(name)
                outcome.missing += rows < plan.rows or times < 1
                outcome.doubled += rows > plan.rows or times > 1
        outcome.doubled += int(complaints["complaint_id"].duplicated().sum())
        outcome.orphans_before = _count_orphans(store)
        # As if two hours had passed: what is new may belong to a refresh under way.
        for hours in (2, 4):
            store.maintain(400, now=datetime.now(UTC) + timedelta(hours=hours))
        outcome.orphans_after = _count_orphans(store)


def _count_orphans(store: Store) -> int:
    return len(store.list_stored().keys() - {file.path for file in store.list_known()})


def main() -> int:
    """Run the bench, or one of its processes; the exit code."""
    if sys.argv[1:2] == ["work"]:
        folder, office, rows, until, rounds = sys.argv[2:]
        with time_turns(Path(folder) / TURNS):
            work(Path(folder), office, int(rows), float(until), int(rounds))
        return 0
    if sys.argv[1:2] == ["look"]:
        folder, until, every, *logs = sys.argv[2:]
        look_together(Path(folder), list(map(Path, logs)), float(until), float(every))
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in vars(Plan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--folder-data", action="store_true", help="data in a folder, not in S3")
    told = vars(parser.parse_args())
    is_folder = told.pop("folder_data")
    folder = Path(tempfile.mkdtemp(prefix="shequ-offices-"))
    folder.chmod(0o755)
    with ExitStack() as left:
        left.callback(shutil.rmtree, folder)
        postgres = Postgres(folder / "server")
        left.callback(postgres.stop)
        postgres.start()
        os.environ["PGPASSWORD"] = PASSWORD
        objects, data = None, str(folder / "data")
        if is_folder:
            (folder / "data").mkdir()
        else:
            objects = Objects()
            objects.start()
            left.callback(objects.stop)
            os.environ.update(objects.environment)
            data = f"s3://{objects.make_bucket()}/shequ"
        outcome = run(Plan(**told), folder, postgres, data, objects)
        print(outcome.tell())
        return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())

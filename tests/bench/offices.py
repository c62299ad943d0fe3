"""Many offices on one lake: `python -m tests.bench.offices`, with a PostgreSQL and a storage of its own.

Offices refresh and readers poll, each in a process of its own, while offices are killed at random
moments, the server is started anew in the middle, and the storage fails one write in so many. In
the end every refresh must be there exactly once, and no file that nothing needs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
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
LOG = "done.jsonl"
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

    def tell(self) -> str:
        """The figures, a line each."""
        together = sorted(self.refreshes) or [0.0]
        reads = sorted(self.reads) or [0.0]
        return "\n".join(
            [
                f"refreshes {len(self.refreshes)}: alone {self.alone:.1f} s, "
                f"together median {statistics.median(together):.1f} s, longest {together[-1]:.1f} s",
                f"reads {len(self.reads)}: median {statistics.median(reads):.2f} s, "
                f"longest {reads[-1]:.1f} s, failed {self.read_failures}, "
                f"half a refresh seen {self.halves_seen}",
                f"offices killed {self.kills}, server started anew {self.restarts}, "
                f"writes failed {self.failed_writes}",
                f"refreshes missing {self.missing}, doubled {self.doubled}",
                f"files that nothing needs {self.orphans_before}, "
                f"after maintenance {self.orphans_after}",
            ]
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


def look(folder: Path, log: Path, until: float) -> None:
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
        time.sleep(0.2)
    store.close()


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
        for number in range(plan.readers):
            _start(left, folder, "look", street, logs / str(number), until)
        _run_offices(left, plan, folder, offices, until, chance, postgres, outcome)
    if objects is not None:
        objects.fail_every, outcome.failed_writes = 0, objects.failed
    _count_reads(logs, outcome)
    _judge(street, offices, plan, outcome)
    return outcome


def _measure_alone(office: str, folder: Path, plan: Plan) -> float:
    work(folder, office, plan.rows, until=0.0, least=1)
    told = [line["seconds"] for line in read_lines(folder / LOG) if "seconds" in line]
    return float(told[0])


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
        return _start(left, folder, "work", offices[office], office, plan.rows, until, plan.rounds)

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
            outcome.refreshes += [line["seconds"] for line in told if "seconds" in line]
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


def main() -> None:
    """Run the bench, or one of its processes."""
    if sys.argv[1:2] == ["work"]:
        folder, office, rows, until, rounds = sys.argv[2:]
        return work(Path(folder), office, int(rows), float(until), int(rounds))
    if sys.argv[1:2] == ["look"]:
        folder, log, until = sys.argv[2:]
        return look(Path(folder), Path(log), float(until))
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
        print(run(Plan(**told), folder, postgres, data, objects).tell())


if __name__ == "__main__":
    main()

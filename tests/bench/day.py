"""A day of use in fast motion: visitors click, leave and come back, while the data are refreshed.

    python -m tests.bench.day [--visitors 20] [--seconds 200] [--every 3]

A server with the sample in a process of its own refreshes its store every so many seconds, as the
page for updates does; visitors without browsers (`tests.bench.dashboard`) hear all that a page
would be sent. Prints the server's memory after warming up and at the end, how many refreshes and
clicks there were, and every line of an error in its log. Ends with 1 where memory grew by more
than a tenth or the log holds an error.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import random
import re
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.dashboard import OVERLAYS, Session, run_server

# Streamlit keeps a page whose visitor has left for two minutes, should the visitor come back.
WARM_SHARE = 0.65
MOST_GROWTH = 0.10
# As many samples are taken at each end as make a second's leap no matter.
SAMPLES = 15
CLICKS_A_VISIT = 4
# A visitor reads for a while; all of them together must leave the refresh some of the machine.
PAUSE_S = (4.0, 10.0)
ERROR = re.compile(r"Traceback|\bERROR\b|\bCRITICAL\b|\"level\": ?\"(?:error|critical)\"", re.I)
FEW_COMPLAINTS = 12


@dataclass(frozen=True)
class Day:
    """What a day came to; memory in MB."""

    warm: float
    end: float
    refreshes: int
    clicks: int
    visits: int
    errors: tuple[str, ...]
    course: tuple[float, ...]

    @property
    def growth(self) -> float:
        """How much more memory at the end than after warming up, as a share."""
        return self.end / self.warm - 1


# -- the server ---------------------------------------------------------------------------------


def serve(store: Path, port: int, every: float) -> None:
    """Serve a store, and refresh it from within every so many seconds until the end."""
    import uvicorn

    os.environ["SHEQU_STORE"], os.environ["SHEQU_PROFILE"] = str(store), ""
    os.environ["SHEQU_LOG"] = str(store.parent / "serve.jsonl")
    threading.Thread(target=_refresh_often, args=(store, every), daemon=True).start()
    uvicorn.run("dashboard.server:app", host="127.0.0.1", port=port, log_level="warning")


def _refresh_often(store: Path, every: float) -> None:
    from dashboard import load
    from etl.refresh import refresh

    opened = load.open_store(str(store))
    names = sorted(opened.frame("core_compounds")["name"])
    number = 0
    while True:
        time.sleep(every)
        number += 1
        report = refresh(opened, [_write_complaints(store.parent, names, number)], who="day")
        if report.snapshot is None:
            print(f"ERROR refresh {number} published nothing", file=sys.stderr, flush=True)
        with (store.parent / "refreshes").open("a", encoding="utf-8") as told:
            told.write(f"{report.snapshot}\n")


def _write_complaints(folder: Path, names: list[str], number: int) -> Path:
    """The same file with other rows each time, so that the store does not grow by rows."""
    path = folder / "今日投诉.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["工单编号", "受理时间", "诉求类别", "小区名称", "诉求内容"])
        for at in range(FEW_COMPLAINTS):
            name = names[(at + number) % len(names)]
            rows.writerow(
                [f"DAY{at}", "2026-10-15 09:00", "停车管理", name, f"占道停车，第{number}次"]
            )
    return path


# -- the visitors -------------------------------------------------------------------------------


async def _live(address: str, dice: random.Random, until: float, told: list[int]) -> None:
    """One visitor: a visit of some clicks, then another."""
    while time.monotonic() < until:
        session = Session()
        await session.open(address)
        told[0] += 1
        for turn in range(CLICKS_A_VISIT):
            await asyncio.sleep(dice.uniform(*PAUSE_S))
            await session.click(OVERLAYS[turn % len(OVERLAYS)])
            told[1] += 1
            if time.monotonic() > until:
                break
        await session.close()


async def _watch(server: psutil.Process, until: float, sizes: list[tuple[float, float]]) -> None:
    while time.monotonic() < until:
        sizes.append((time.monotonic(), server.memory_info().rss / 1e6))
        await asyncio.sleep(0.5)


async def _live_all(
    address: str, pid: int, visitors: int, seconds: float
) -> tuple[list[tuple[float, float]], list[int]]:
    until = time.monotonic() + seconds
    sizes: list[tuple[float, float]] = []
    told = [0, 0]
    await asyncio.gather(
        _watch(psutil.Process(pid), until, sizes),
        *(_live(address, random.Random(number), until, told) for number in range(visitors)),
    )
    return sizes, told


def live_a_day(folder: Path, visitors: int, seconds: float, every: float) -> Day:
    """A day; `seconds` is all of it, two thirds of which warm up."""
    from etl.refresh import refresh
    from etl.resources import sample_folder
    from etl.store import Store

    path = folder / "store"
    with Store(path) as store:
        refresh(store, [sample_folder()])
    command = [sys.executable, "-m", "tests.bench.day", "--serve", str(path), "--port", "{port}",
               "--every", str(every)]  # fmt: skip
    with run_server(command, folder) as (address, pid):
        sizes, (visits, clicks) = asyncio.run(_live_all(address, pid, visitors, seconds))
    warm_at = sizes[0][0] + seconds * WARM_SHARE
    after = [size for at, size in sizes if at >= warm_at]
    errors = [
        line
        for name in ("server.log", "serve.jsonl")
        for line in (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
        if ERROR.search(line)
    ]
    refreshes = len((folder / "refreshes").read_text(encoding="utf-8").splitlines())
    return Day(
        statistics.median(after[:SAMPLES]), statistics.median(after[-SAMPLES:]), refreshes,
        clicks, visits, tuple(errors), tuple(size for _, size in sizes[:: max(1, len(sizes) // 12)]),
    )  # fmt: skip


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=200)
    parser.add_argument("--every", type=float, default=3)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port, options.every)
        return 0
    with tempfile.TemporaryDirectory(prefix="shequ-day-") as name:
        day = live_a_day(Path(name), options.visitors, options.seconds, options.every)
    print(f"{day.refreshes} refreshes, {day.visits} visits, {day.clicks} clicks")
    print(f"memory {day.warm:.0f} MB warmed up, {day.end:.0f} MB at the end ({day.growth:+.1%})")
    print("over the day:", " ".join(f"{size:.0f}" for size in day.course))
    for line in day.errors:
        print(line)
    return int(day.growth > MOST_GROWTH or bool(day.errors))


if __name__ == "__main__":
    sys.exit(main())

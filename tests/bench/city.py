"""What one office's refresh costs in the store of a whole city, against the same office alone.

    python -m tests.bench.city [--compounds N] [--complaints N] [--rounds N] [--folder DIR]

Prints, measured in one run: how long a city and the office alone take to make (register, complaints
of three years, and everything worked out once), with the memory and the disk that took; the seconds
of one office's month in each by turns, their ratio, and the most memory of a refresh in the city.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from tests.city import CATEGORIES, NEXT_MONTH, make_city, register_history

# Complaints on an office's monthly sheet.
SHEET_ROWS = 300


def make_store(
    folder: Path, register: pd.DataFrame, complaints: int, compounds: int
) -> dict[str, float]:
    """A store with a register and a history; what each step took."""
    from etl.figures import publish_figures
    from etl.place import place_complaints
    from etl.profile import load_profile
    from etl.refresh import refresh
    from etl.store import Store

    folder.parent.mkdir(parents=True, exist_ok=True)
    sheet = folder.parent / f"{folder.name} 小区台账.csv"
    register.to_csv(sheet, index=False)
    store = Store(folder)
    took = {}
    began = time.perf_counter()
    refresh(store, [sheet])
    took["register"] = time.perf_counter() - began
    with store.write("bench") as writer:
        began = time.perf_counter()
        rows = register_history(writer, complaints, compounds)
        took["complaints"] = time.perf_counter() - began
        began = time.perf_counter()
        writer.touch_everything()
        place_complaints(writer)
        publish_figures(writer, load_profile())
        writer.publish({"files": ["历年投诉"], "rows_new": rows})
    took["figures"] = time.perf_counter() - began
    took["rows"] = rows
    store.close()
    return took


def write_month(path: Path, register: pd.DataFrame, number: int) -> None:
    """One month's sheet of an office."""
    dice = np.random.default_rng(number)
    names = register["小区名称"].to_numpy()
    days = pd.to_timedelta(dice.integers(0, 27 * 86_400, SHEET_ROWS), unit="s")
    pd.DataFrame(
        {
            "工单编号": [f"G202601N{number:03d}{k:05d}" for k in range(SHEET_ROWS)],
            "诉求时间": (pd.Timestamp(NEXT_MONTH) + days).astype(str),
            "小区名称": dice.choice(names, SHEET_ROWS),
            "诉求类别": dice.choice(CATEGORIES, SHEET_ROWS),
            "诉求内容": "路灯不亮",
            "办理状态": "办结",
        }
    ).to_csv(path, index=False)


def run_apart(code: str, *arguments: str) -> tuple[dict[str, float], float]:
    """What a fresh process prints as JSON, and the most memory that it held (GB)."""
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE)
    with watch_memory(process.pid) as peak:
        told, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("the measured process failed")
    return json.loads(told), peak[0]


@contextmanager
def watch_memory(pid: int) -> Iterator[list[float]]:
    """The most memory (GB) that a process holds, as it grows."""
    peak, ended = [0.0], threading.Event()
    process = psutil.Process(pid)

    def watch() -> None:
        while not ended.wait(0.02):
            try:
                peak[0] = max(peak[0], process.memory_info().rss / 1e9)
            except psutil.NoSuchProcess:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


MAKE = """
import json, sys
from pathlib import Path
import pandas as pd
from tests.bench.city import make_store
folder, register, complaints, compounds = sys.argv[1:]
told = make_store(Path(folder), pd.read_pickle(register), int(complaints), int(compounds))
print(json.dumps(told))
"""
REFRESH = """
import json, sys, time
from pathlib import Path
from etl.refresh import refresh
from etl.store import Store
store = Store(Path(sys.argv[1]))
began = time.perf_counter()
report = refresh(store, [Path(sys.argv[2])])
took = time.perf_counter() - began
store.close()
assert report.snapshot is not None and report.count("new")
print(json.dumps({"seconds": took}))
"""


def size_on_disk(folder: Path) -> float:
    """What a folder holds, in GB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9


def prepare(folder: Path, name: str, register: pd.DataFrame, options: argparse.Namespace) -> Path:
    """Make one store, unless it is there, and print what that took."""
    store, told = folder / name, folder / f"{name}.pickle"
    if not store.exists():
        register.to_pickle(told)
        numbers = str(options.complaints), str(options.compounds)
        took, memory = run_apart(MAKE, str(store), str(told), *numbers)
        print(
            f"{name}: {len(register):,} compounds, {took['rows']:,.0f} complaints: "
            f"register {took['register']:.1f} s, complaints {took['complaints']:.1f} s, "
            f"everything worked out once {took['figures']:.1f} s; {memory:.2f} GB of memory at most, "
            f"{size_on_disk(store):.2f} GB on disk"
        )
    return store


def compare(folder: Path, stores: dict[str, Path], office: pd.DataFrame, rounds: int) -> None:
    """Print what one office's month costs in each store, by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in stores}
    memory: dict[str, float] = dict.fromkeys(stores, 0.0)
    first = time.time_ns() // 1_000_000_000 % 1_000
    for number in range(rounds):
        sheet = folder / f"投诉{number}.csv"
        write_month(sheet, office, (first + number) % 1_000)
        for name, store in stores.items():
            told, peak = run_apart(REFRESH, str(store), str(sheet))
            seconds[name].append(told["seconds"])
            memory[name] = max(memory[name], peak)
        told_of = ", ".join(f"{name} {took[-1]:.2f} s" for name, took in seconds.items())
        print(f"  round {number + 1}: {told_of}")
    ratios = [c / a for c, a in zip(seconds["city"], seconds["alone"], strict=True)]
    print(
        f"one office's month in the city: {statistics.median(ratios):.2f} x what it costs alone; "
        f"memory {memory['city']:.2f} GB at most (alone {memory['alone']:.2f} GB)"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compounds", type=int, default=20_000)
    parser.add_argument("--complaints", type=int, default=50_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where stores are kept for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shequ-bench-") as made:
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        register = make_city(options.compounds, 0).compounds
        whole = register["行政区"] + register["街道"] + register["社区"]
        office = register[whole == whole.iloc[len(register) // 2]]
        stores = {
            "city": prepare(folder, "city", register, options),
            "alone": prepare(folder, "alone", office, options),
        }
        compare(folder, stores, office, options.rounds)


if __name__ == "__main__":
    main()

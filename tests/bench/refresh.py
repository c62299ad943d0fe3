"""How long a large workbook takes to be read in, beside what reading it costs in any case.

    python -m tests.bench.refresh [--rows N] [--rounds N]

Prints ratios measured side by side in one run: a refresh against python-calamine merely parsing
the workbook plus a bare DuckDB load (of a workbook as openpyxl writes it, each text in its cell,
and of one as Excel does, texts in a table of their own), and against pandas with openpyxl doing
the same checks; the memory of the refresh; and what 1,000 more rows cost on a long history
against a short one.
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import xlsxwriter
from openpyxl import Workbook

HEADER = (
    "工单编号", "受理时间", "诉求来源", "诉求类别", "二级类别", "紧急程度", "小区", "楼栋",
    "地址", "诉求内容", "办理状态", "承办单位", "办结时间", "经度", "纬度",
)  # fmt: skip
COMPOUNDS = tuple(f"{name}{kind}" for name in "翠锦荷桂梅竹兰菊" for kind in ("屏家园", "绣苑"))
CATEGORIES = ("停车管理", "环境卫生", "噪音扰民", "物业服务")
WEST, SOUTH = 104.10, 30.60
THIS_MONTH = datetime(2024, 1, 2)
SINCE = datetime(2024, 1, 1)
RANDOM = random.Random(20120901)


def write_register(path: Path) -> None:
    """A register of sixteen invented compounds with their places."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "小区台账"
    sheet.append(["小区编号", "小区名称", "小区类型", "总户数", "常住人口", "经度", "纬度"])
    for number, name in enumerate(COMPOUNDS):
        place = (WEST + number % 4 / 200 + 0.0012, SOUTH + number // 4 / 200 + 0.0012)
        sheet.append([f"T{number:02d}", name, "商品房", 900 + number, 2000 + number, *place])
    book.save(path)


def write_complaints(path: Path, count: int, first: int = 0, since: datetime = SINCE) -> None:
    """A sheet of invented complaints, fifteen columns wide, of some days."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("投诉工单")
    sheet.append(HEADER)
    for number in range(first, first + count):
        sheet.append(_make_complaint(number, since, count))
    book.save(path)


def write_as_excel(path: Path, count: int) -> None:
    """The same as Excel stores it: every text once, in a table of its own."""
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
        sheet = book.add_worksheet("投诉工单")
        sheet.write_row(0, 0, HEADER)
        for number in range(count):
            sheet.write_row(number + 1, 0, _make_complaint(number, SINCE, count))


def _make_complaint(number: int, since: datetime, count: int) -> list[Any]:
    place = RANDOM.randrange(len(COMPOUNDS))
    # Never midnight, which comes as a date: a bare load needs one type for a column.
    # An office of this size hears of some forty matters a day.
    reported = since + timedelta(seconds=30, minutes=RANDOM.randrange(36 * count))
    return [
        f"GD{number:09d}",
        reported,
        RANDOM.choice(("12345热线", "网格上报")),
        RANDOM.choice(CATEGORIES),
        "乱停乱放",
        RANDOM.choice("高中低"),
        COMPOUNDS[place],
        f"{number % 12 + 1}栋",
        f"建设路{number % 200}号",
        f"第{number}次反映门口机动车占用消防通道，影响出行",
        RANDOM.choice(("已办结", "处理中")),
        "社区",
        reported + timedelta(days=3),
        WEST + place % 4 / 200 + RANDOM.random() / 300,
        SOUTH + place // 4 / 200 + RANDOM.random() / 300,
    ]


def parse_and_load(path: Path, folder: Path) -> None:
    """What nobody can do without: python-calamine parses, DuckDB takes the rows as they are."""
    import duckdb
    import pyarrow as pa
    import python_calamine as calamine

    book = calamine.CalamineWorkbook.from_path(str(path))
    rows = book.get_sheet_by_index(0).to_python()
    columns = zip(HEADER, zip(*rows[1:], strict=True), strict=True)
    arriving = pa.table({name: pa.array(column) for name, column in columns})
    with duckdb.connect(str(folder / "bare.duckdb")) as connection:
        connection.execute("CREATE OR REPLACE TABLE complaints AS FROM arriving")
    assert arriving.num_rows == len(rows) - 1


def check_with_pandas(path: Path, folder: Path) -> None:
    """The same checks as a careful person writes them with pandas and openpyxl.

    Personal information is looked for by the very patterns that a refresh uses.
    """
    import pandas as pd

    from etl.privacy import mask_text

    frame = pd.read_excel(path, engine="openpyxl")
    register = pd.read_excel(folder / "台账.xlsx", engine="openpyxl")
    ids = dict(zip(register["小区名称"], register["小区编号"], strict=True))
    frame["小区编号"] = frame["小区"].map(lambda name: ids.get(str(name).strip()))
    for column in ("二级类别", "小区", "楼栋", "地址", "诉求内容", "承办单位"):
        frame[column] = frame[column].map(lambda text: mask_text(str(text).strip())[0])
    frame["楼栋"] = frame["楼栋"].map(lambda text: str(text).replace("号楼", "栋"))
    for column in ("受理时间", "办结时间"):
        frame[column] = pd.to_datetime(frame[column], errors="coerce")
    bad = (
        frame["受理时间"].isna()
        | ~frame["诉求类别"].isin(CATEGORIES)
        | ~frame["紧急程度"].isin(("高", "中", "低"))
        | ~frame["办理状态"].isin(("已办结", "处理中"))
        | frame["小区编号"].isna()
        | frame["工单编号"].duplicated()
        | ~frame["经度"].between(-180, 180)
        | ~frame["纬度"].between(-90, 90)
        | (frame["办结时间"] < frame["受理时间"])
    )
    frame[~bad].to_parquet(folder / "pandas.parquet")
    assert not bad.any()


def run_refresh(store_path: Path, *files: Path) -> float:
    """Seconds to read files into an open store; every row must arrive."""
    from etl.refresh import refresh
    from etl.store import Store

    store = Store(store_path)
    began = time.perf_counter()
    report = refresh(store, list(files))
    seconds = time.perf_counter() - began
    store.close()
    assert report.snapshot is not None
    assert not report.issues, report.issues[:3]
    return seconds


def _time(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare_with_parsing(folder: Path, rows: int, rounds: int) -> None:
    """Print the ratios of a refresh to bare parsing and to pandas, each round side by side."""
    register, prepared = folder / "台账.xlsx", folder / "prepared"
    write_register(register)
    run_refresh(prepared, register)
    print(f"refresh of {rows:,} rows x {len(HEADER)} columns, against")
    for words, write in (("by openpyxl", write_complaints), ("by Excel", write_as_excel)):
        book = folder / f"投诉 {words}.xlsx"
        write(book, rows)
        ratio, best = _compare_rounds(folder, prepared, book, rounds)
        print(
            f"  calamine parsing plus a bare DuckDB load, written {words}: {ratio:.2f} x (median)"
        )
        with_pandas = _time(lambda book=book: check_with_pandas(book, folder))  # type: ignore[misc]
        print(f"  pandas with openpyxl doing the checks: {with_pandas / best:.1f} x faster")


def _compare_rounds(folder: Path, prepared: Path, book: Path, rounds: int) -> tuple[float, float]:
    """The median ratio of a refresh to bare parsing, and the seconds of the fastest refresh."""
    ratios, times = [], []
    for number in range(rounds):
        store = folder / f"store {book.stem} {number}"
        shutil.copytree(prepared, store)
        bare = _time(lambda: parse_and_load(book, folder))
        ours = run_refresh(store, book)
        ratios.append(ours / bare)
        times.append(ours)
        print(f"    round {number + 1}: parse and bare load {bare:.2f} s, refresh {ours:.2f} s")
    return statistics.median(ratios), min(times)


def measure_memory(folder: Path) -> None:
    """Print the most memory that a refresh and its reader held together, in a fresh process."""
    store = folder / "store-memory"
    shutil.copytree(folder / "prepared", store)
    code = (
        "import sys; from pathlib import Path; from tests.bench.refresh import run_refresh; "
        "run_refresh(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(store), str(folder / "投诉 by openpyxl.xlsx")]
    )
    peaks = [0]
    watcher = threading.Thread(target=_watch_memory, args=(process.pid, peaks))
    watcher.start()
    assert process.wait() == 0
    watcher.join()
    print(f"  memory of refresh and reader together: {peaks[0] / 1e9:.2f} GB at most")


def _watch_memory(pid: int, peaks: list[int]) -> None:
    try:
        process = psutil.Process(pid)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            family = [process, *process.children(recursive=True)]
            peaks[0] = max(peaks[0], sum(member.memory_info().rss for member in family))
            time.sleep(0.02)
    except psutil.NoSuchProcess:
        return


def grow_history(store_path: Path, rows: int) -> None:
    """Put many earlier complaints into a store, past the sheets, in one transaction."""
    from etl.profile import load_profile
    from etl.store import Store
    from tests.bench.history import add_history

    store = Store(store_path)
    ids = [f"T{number:02d}" for number in range(len(COMPOUNDS))]
    add_history(store, rows, ids, CATEGORIES, load_profile())
    store.close()


def compare_histories(folder: Path, short: int, long: int, rounds: int) -> None:
    """Print what 1,000 more rows cost on a long history against a short one."""
    for name, rows in (("short", short), ("long", long)):
        shutil.copytree(folder / "prepared", folder / name)
        grow_history(folder / name, rows)
    ratios = []
    for number in range(rounds):
        book = folder / f"新增{number}.xlsx"
        write_complaints(book, 1_000, first=900_000_000 + number * 1_000, since=THIS_MONTH)
        costs = [run_refresh(folder / name, book) for name in ("short", "long")]
        print(f"  round {number + 1}: on {short:,} {costs[0]:.2f} s, on {long:,} {costs[1]:.2f} s")
        ratios.append(costs[1] / costs[0])
    print(
        f"adding 1,000 rows to {long:,}: {statistics.median(ratios):.2f} x what it costs on {short:,}"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--history", type=int, default=5_000_000)
    parser.add_argument("--short-history", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shequ-bench-") as name:
        folder = Path(name)
        compare_with_parsing(folder, options.rows, options.rounds)
        measure_memory(folder)
        compare_histories(folder, options.short_history, options.history, options.rounds)


if __name__ == "__main__":
    main()

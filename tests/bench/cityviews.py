"""Whether every page of a city of twenty thousand compounds answers as one of sixteen does.

    python -m tests.bench.cityviews [--compounds N] [--complaints N] [--rounds N]

Prints, measured in one run without a browser: for each page the seconds from asking for it to its
last piece, on the sample, and on the city as a whole, in a district, a street and a community, with
their ratios to the sample; each for a visitor who comes again (the median of the rounds, the sample
and the city by turns), and for the very first one. What a browser draws is measured by
`tests.bench.citymap`.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboard.withheld import PAGES_FROM
from etl.areas import LEVELS, name_paths
from etl.store import Store
from tests.bench.citymap import prepare_stores
from tests.bench.dashboard import run_server, serve_store

TWICE = 2.0
_FAILED = ("exception",)
Times = dict[str, list[float]]


async def open_page(address: str, name: str, within: str) -> float:
    """Seconds from asking for a page, as a new visitor, to its end. Raises RuntimeError if it fails."""
    asked = BackMsg()
    asked.rerun_script.page_name = name
    asked.rerun_script.query_string = urlencode({"within": within} if within else {})
    async with websockets.connect(
        f"ws://{urlsplit(address).netloc}/_stcore/stream", max_size=None,
        subprotocols=[websockets.Subprotocol("streamlit")], origin=websockets.Origin(address),
    ) as socket:  # fmt: skip
        began = time.perf_counter()
        await socket.send(asked.SerializeToString())
        has_content = False
        while True:
            heard = ForwardMsg.FromString(await socket.recv())  # type: ignore[arg-type]
            kind = heard.WhichOneof("type")
            if kind == "delta" and heard.delta.new_element.WhichOneof("type") in _FAILED:
                raise RuntimeError(f"{name} failed: {heard.delta.new_element}")
            has_content = has_content or kind == "delta"
            # A link that is mended runs the page once more.
            if (
                kind == "script_finished"
                and heard.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
            ):
                if not has_content:
                    raise RuntimeError(f"{name} showed nothing")
                return time.perf_counter() - began


def find_areas(store: Path) -> dict[str, str]:
    """A district, a street in it, and a community in that; '' is the whole."""
    opened = Store(store, read_only=True)
    compounds = opened.frame("out_compounds")
    opened.close()
    found = {"city": ""}
    found.update({level: str(name_paths(compounds, level).iloc[0]) for level in LEVELS})
    return found


def measure(sample: str, city: str, areas: dict[str, str], rounds: int) -> dict[str, Times]:
    """Seconds of every page, the first time and then of each round, by where it looks."""
    told: dict[str, Times] = {}
    for page in PAGES_FROM:
        name = "" if page == "today" else page
        times: Times = {where: [] for where in ("sample", *areas)}
        for _ in range(rounds + 1):
            times["sample"].append(asyncio.run(open_page(sample, name, "")))
            for level, within in areas.items():
                times[level].append(asyncio.run(open_page(city, name, within)))
        told[page] = times
        _print_page(page, times)
    return told


def _print_page(page: str, times: Times) -> None:
    usual = statistics.median(times["sample"][1:])
    parts = [f"sample {usual:.3f} s"]
    for level, found in times.items():
        if level != "sample":
            again = statistics.median(found[1:])
            parts.append(f"{level} {again:.3f} s = {again / usual:.2f} x (first {found[0]:.2f} s)")
    print(f"{page}: {'; '.join(parts)}", flush=True)


def find_slow(told: dict[str, Times]) -> list[str]:
    """Pages that take more than twice their time on the sample, and where."""
    return [
        f"{page} ({level})"
        for page, times in told.items()
        for level, found in times.items()
        if statistics.median(found[1:]) > TWICE * statistics.median(times["sample"][1:])
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compounds", type=int, default=20_000)
    parser.add_argument("--complaints", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shequ-bench-") as name:
        folder = Path(name)
        sample, city = prepare_stores(folder, options.compounds, options.complaints)
        areas = find_areas(city)
        with (
            run_server(serve_store(sample), folder) as (small, _),
            run_server(serve_store(city), folder) as (large, _),
        ):
            slow = find_slow(measure(small, large, areas, options.rounds))
    print("all within twice the sample" if not slow else f"slower than that: {', '.join(slow)}")


if __name__ == "__main__":
    main()

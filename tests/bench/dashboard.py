"""How fast the map answers in a real browser, whatever the store holds and however many look on.

    python -m tests.bench.dashboard [--complaints N] [--turns N] [--visitors N]

Prints, measured in one run: from a click to the repainted map and what came over the wire for it,
on the sample and on a store with a million complaints more; from `shequ serve` to the first map
against a bare Streamlit page with an empty st_folium; and the same click with many browsers at
once, beside the memory of the server. Many browsers on the machine of the server keep it busy
themselves, so the same visitors come once more without a browser: real sessions that click and hear
all that the page would be sent, and draw nothing. Other hosts cannot be reached from the browsers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import websockets
from playwright.async_api import async_playwright
from playwright.sync_api import Browser, Page, Route, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboard.map.files import find_file
from tests.browser.conftest import FLAGS, ROOT, find_chromium

PATIENCE_S = 120.0
# Seconds between two clicks of one of many visitors.
PAUSE_S = (3.0, 7.0)
# What any community with organizations and actions has: a click changes the map for certain.
OVERLAYS = ("缺组织", "组织", "行动")
# The map offers more overlays than there are forms of the page.
MOST_FORMS = 4
BARE = """
import folium
import streamlit as st
from streamlit_folium import st_folium

st.title("Bare")
st_folium(folium.Map(location=[30.6, 104.0], zoom_start=15, tiles=None), returned_objects=[])
"""
PAINTED = "[data-painted]"
FRAME = 'iframe[title*="st_folium"]'


@contextmanager
def run_server(command: list[str], folder: Path, **settings: str) -> Iterator[tuple[str, int]]:
    """A server in a process of its own on a free port ('{port}' in the command)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, **settings, "PYTHONPATH": str(ROOT)}
    told = [part.replace("{port}", str(port)) for part in command]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(told, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            _wait_for(process, port)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("the server did not start")


def serve_store(store: Path) -> list[str]:
    """The command that serves a store."""
    return [sys.executable, "-m", "etl.cli", "serve", "--port", "{port}", "--store", str(store)]


def prepare_stores(folder: Path, complaints: int) -> tuple[Path, Path]:
    """The sample, and the sample with so many invented complaints more."""
    from etl.profile import load_profile
    from etl.refresh import refresh
    from etl.resources import sample_folder
    from etl.store import Store
    from tests.bench.history import add_history

    stores = folder / "sample", folder / "grown"
    for path in stores:
        store = Store(path)
        refresh(store, [sample_folder()])
        if path == stores[1]:
            ids = sorted(store.frame("core_compounds")["compound_id"])
            categories = sorted(store.frame("out_months")["category"].unique())
            add_history(store, complaints, ids, categories, load_profile())
        store.close()
    return stores


def answer_from_here(route: Route) -> None:
    """Let a page ask its own server; what it wants from elsewhere comes from installed packages."""
    parts = urlsplit(route.request.url)
    if parts.hostname == "127.0.0.1":
        route.continue_()
        return
    name = Path(parts.path).name
    folder = "jquery" if name.startswith("jquery") else "leaflet"
    named = "jquery.min.js" if folder == "jquery" else name
    found = find_file(f"{folder}/{named}")
    if found:
        route.fulfill(path=str(found))
    else:
        route.fulfill(
            body="", content_type="text/css" if name.endswith("css") else "text/javascript"
        )


def open_page(browser: Browser) -> Page:
    """A new visitor's page."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.route("**/*", answer_from_here)
    return page


# -- one visitor -----------------------------------------------------------------------------


def measure_clicks(browser: Browser, store: Path, folder: Path, turns: int) -> dict[str, float]:
    """Seconds from a click on an overlay to the repainted map, and kB that came for it.

    Also the seconds that the page, with the map in it, kept its processor busy for a click.
    """
    with run_server(serve_store(store), folder) as (address, _):
        page = open_page(browser)
        page.goto(f"{address}/map")
        frame = page.frame_locator(FRAME)
        frame.locator(PAINTED).wait_for()
        received = count_bytes(page)
        ask_work = ask_for_work(page)
        seconds, sizes, worked = [], [], 0.0
        for turn in range(turns + len(OVERLAYS)):
            before = _read_mark(page)
            taken = received[0]
            began = time.perf_counter()
            page.get_by_role(
                "button", name=OVERLAYS[turn % len(OVERLAYS)], exact=True
            ).first.click()
            _wait_for_paint(page, before)
            if turn >= len(OVERLAYS):  # the first round fetches what is kept from then on
                seconds.append(time.perf_counter() - began)
                settle(page)
                sizes.append((received[0] - taken) / 1000)
            else:
                settle(page)
                worked = ask_work()
        busy = (ask_work() - worked) / len(seconds)
        page.context.close()
    return {
        "median": statistics.median(seconds), "p95": _percentile(seconds), "kB": max(sizes),
        "busy": busy,
    }  # fmt: skip


def ask_for_work(page: Page) -> Callable[[], float]:
    """A question after the seconds of tasks that a page has run so far."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def ask() -> float:
        told = session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in told if one["name"] == "TaskDuration")

    return ask


def count_bytes(page: Page) -> list[int]:
    """Bytes received from now on, those of the socket included; a list of one, which grows."""
    total = [0]
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")

    def add(event: dict[str, Any]) -> None:
        total[0] += int(event.get("encodedDataLength") or 0)

    def add_frame(event: dict[str, Any]) -> None:
        # Binary payloads are told in base64: three bytes to four letters.
        total[0] += len(event["response"]["payloadData"]) * 3 // 4

    session.on("Network.loadingFinished", add)
    session.on("Network.webSocketFrameReceived", add_frame)
    return total


def _read_mark(page: Page) -> str:
    found = page.frame_locator(FRAME).locator(PAINTED).get_attribute("data-painted")
    return found or ""


def _wait_for_paint(page: Page, before: str) -> None:
    frame = page.frame_locator(FRAME)
    frame.locator(f'[data-painted]:not([data-painted="{before}"])').wait_for()


def settle(page: Page) -> None:
    """Until the page has run."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')


def _percentile(values: list[float], share: float = 0.95) -> float:
    """The smallest value that so large a share does not exceed."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, -(-int(100 * share) * len(ranked) // 100) - 1)]


# -- the first map ---------------------------------------------------------------------------


def measure_start(
    browser: Browser, command: list[str], folder: Path, ready: str, path: str = ""
) -> float:
    """Seconds from the command to what is `ready` inside the map's frame."""
    began = time.perf_counter()
    with run_server(command, folder) as (address, _):
        page = open_page(browser)
        page.goto(address + path)
        page.frame_locator(FRAME).locator(ready).first.wait_for()
        seconds = time.perf_counter() - began
        page.context.close()
    return seconds


def compare_starts(browser: Browser, store: Path, folder: Path, rounds: int = 3) -> None:
    """Print how long the first map takes against a bare page, side by side."""
    script = folder / "bare.py"
    script.write_text(BARE, encoding="utf-8")
    bare = [
        sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true",
        "--server.address", "127.0.0.1", "--server.port", "{port}",
        "--browser.gatherUsageStats", "false",
    ]  # fmt: skip
    ratios = []
    for number in range(rounds):
        plain = measure_start(browser, bare, folder, ".leaflet-container")
        ours = measure_start(browser, serve_store(store), folder, PAINTED, "/map")
        ratios.append(ours / plain)
        print(f"  round {number + 1}: bare page {plain:.2f} s, shequ serve {ours:.2f} s")
    print(f"first map: {statistics.median(ratios):.2f} x a bare page with an empty st_folium")


# -- many visitors ---------------------------------------------------------------------------


def measure_crowd(
    store: Path, folder: Path, visitors: int, turns: int
) -> tuple[float, float, float]:
    """Median and p95 seconds of a click with many browsers open, and the server's MB."""
    with run_server(serve_store(store), folder) as (address, pid):
        seconds = asyncio.run(_send_crowd(address, visitors, turns))
        memory = psutil.Process(pid).memory_info().rss / 1e6
    return statistics.median(seconds), _percentile(seconds), memory


async def _send_crowd(address: str, visitors: int, turns: int) -> list[float]:
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        pages = []
        for _ in range(visitors):
            context = await browser.new_context(viewport={"width": 1440, "height": 900})
            page = await context.new_page()
            page.set_default_timeout(PATIENCE_S * 1000)
            await page.goto(f"{address}/map")
            await page.frame_locator(FRAME).locator(PAINTED).wait_for()
            pages.append(page)
        found = await asyncio.gather(
            *(_visit(page, random.Random(number), turns) for number, page in enumerate(pages))
        )
        await browser.close()
    return [one for told in found for one in told]


async def _visit(page: Any, dice: random.Random, turns: int) -> list[float]:
    """One visitor among many: a click now and then."""
    seconds = []
    frame = page.frame_locator(FRAME)
    for turn in range(turns):
        await asyncio.sleep(dice.uniform(*PAUSE_S))
        before = await frame.locator(PAINTED).get_attribute("data-painted")
        began = time.perf_counter()
        await page.get_by_role(
            "button", name=OVERLAYS[turn % len(OVERLAYS)], exact=True
        ).first.click()
        await frame.locator(f'[data-painted]:not([data-painted="{before}"])').wait_for()
        seconds.append(time.perf_counter() - began)
    return seconds


class Session:
    """A visitor of the map without a browser."""

    def __init__(self) -> None:
        self._socket: Any = None
        self._page = self._query = ""
        self._overlays: Any = None
        self._shown: list[str] = []

    async def open(self, address: str) -> None:
        """Come in, as the page does, and wait until the map has been sent."""
        host = urlsplit(address).netloc
        self._socket = await websockets.connect(
            f"ws://{host}/_stcore/stream", subprotocols=[websockets.Subprotocol("streamlit")],
            max_size=None, origin=websockets.Origin(address),
        )  # fmt: skip
        asked = BackMsg()
        asked.rerun_script.page_name = "map"
        await self._ask(asked)
        wanted = self._overlays.default
        self._shown = [self._overlays.options[at].content for at in wanted]

    async def click(self, overlay: str) -> float:
        """Turn an overlay on or off; seconds until everything has come."""
        self._shown = (
            [name for name in self._shown if name != overlay]
            if overlay in self._shown
            else [*self._shown, overlay]
        )
        asked = BackMsg()
        asked.rerun_script.page_script_hash = self._page
        asked.rerun_script.query_string = self._query
        state = asked.rerun_script.widget_states.widgets.add()
        state.id = self._overlays.id
        state.string_array_value.data.extend(self._shown)
        began = time.perf_counter()
        if not await self._ask(asked):
            raise RuntimeError("a click did not bring a map")
        return time.perf_counter() - began

    async def _ask(self, asked: BackMsg) -> bool:
        """Send, and hear until the page has run; whether a map came."""
        await self._socket.send(asked.SerializeToString())
        has_map = False
        while True:
            heard = ForwardMsg.FromString(await self._socket.recv())
            kind = heard.WhichOneof("type")
            if kind == "navigation":
                self._page = heard.navigation.page_script_hash
            elif kind == "page_info_changed":
                self._query = heard.page_info_changed.query_string
            elif kind == "delta" and heard.delta.WhichOneof("type") == "new_element":
                element = heard.delta.new_element
                name = element.WhichOneof("type")
                has_map = has_map or name == "component_instance"
                if name == "button_group" and len(element.button_group.options) > MOST_FORMS:
                    self._overlays = element.button_group
            elif kind == "script_finished":
                return has_map

    async def close(self) -> None:
        """Leave."""
        await self._socket.close()


def measure_sessions(
    store: Path, folder: Path, visitors: int, turns: int
) -> tuple[float, float, float, float]:
    """Median and p95 seconds of a click, the server's CPU seconds for each, and its MB."""
    with run_server(serve_store(store), folder) as (address, pid):
        server = psutil.Process(pid)
        seconds, busy = asyncio.run(_send_sessions(address, server, visitors, turns))
        memory = server.memory_info().rss / 1e6
    each = busy / len(seconds)
    return statistics.median(seconds), _percentile(seconds), each, memory


async def _send_sessions(
    address: str, server: psutil.Process, visitors: int, turns: int
) -> tuple[list[float], float]:
    sessions = [Session() for _ in range(visitors)]
    for session in sessions:
        await session.open(address)
    before = sum(server.cpu_times()[:2])
    found = await asyncio.gather(
        *(_click(each, random.Random(number), turns) for number, each in enumerate(sessions))
    )
    busy = sum(server.cpu_times()[:2]) - before
    for session in sessions:
        await session.close()
    return [one for told in found for one in told], busy


async def _click(session: Session, dice: random.Random, turns: int) -> list[float]:
    seconds = []
    for turn in range(turns):
        await asyncio.sleep(dice.uniform(*PAUSE_S))
        seconds.append(await session.click(OVERLAYS[turn % len(OVERLAYS)]))
    return seconds


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--complaints", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--visitors", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shequ-bench-") as name:
        folder = Path(name)
        sample, grown = prepare_stores(folder, options.complaints)
        with sync_playwright() as player:
            browser = player.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            few = measure_clicks(browser, sample, folder, options.turns)
            many = measure_clicks(browser, grown, folder, options.turns)
            for words, told in (("the sample", few), (f"{options.complaints:,} more", many)):
                print(
                    f"click to repainted map, {words}: median {told['median']:.2f} s, "
                    f"p95 {told['p95']:.2f} s, at most {told['kB']:.0f} kB over the wire, "
                    f"{told['busy']:.2f} s of the browser's processor"
                )
            print(f"  with them {many['p95'] / few['p95']:.2f} x the p95 of the sample")
            compare_starts(browser, sample, folder)
            browser.close()
        median, p95, memory = measure_crowd(sample, folder, options.visitors, 8)
        print(
            f"{options.visitors} browsers at once: median {median:.2f} s, p95 {p95:.2f} s; "
            f"the server holds {memory:.0f} MB"
        )
        median, p95, each, memory = measure_sessions(sample, folder, options.visitors, 8)
        print(
            f"  the same without browsers: median {median:.2f} s, p95 {p95:.2f} s; "
            f"{each:.3f} s of the server's CPU a click; the server holds {memory:.0f} MB"
        )


if __name__ == "__main__":
    main()

"""Whether a city of twenty thousand compounds is as quick on the map as a community of sixteen.

    python -m tests.bench.citymap [--compounds N] [--complaints N] [--rounds N]

Prints, measured in one run with a real browser: from asking for the page to the first map, on the
sample and on the city, by turns, and what came over the wire for it; and on the city the seconds
from a click to the repainted map for a step down to a district, a step down to a street, a step up,
and a change of the figure, and those of a pan of the map by hand.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.dashboard import (
    FLAGS,
    FRAME,
    PAINTED,
    count_bytes,
    find_chromium,
    open_page,
    run_server,
    serve_store,
    settle,
)
from tests.city import make_city

NEXT_FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def prepare_stores(folder: Path, compounds: int, complaints: int) -> tuple[Path, Path]:
    """The sample, and an invented city."""
    from etl.refresh import refresh
    from etl.resources import sample_folder
    from etl.store import Store

    city = make_city(compounds, complaints)
    city.compounds.to_csv(folder / "小区台账.csv", index=False)
    city.complaints.to_csv(folder / "投诉工单.csv", index=False)
    files = {"sample": [sample_folder()], "city": sorted(folder.glob("*.csv"))}
    for name, told in files.items():
        store = Store(folder / name)
        refresh(store, told)
        store.close()
    return folder / "sample", folder / "city"


def measure_opening(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds from asking for the page to the painted map for a new visitor, and the kB for it."""
    page = open_page(browser)
    received = count_bytes(page)
    began = time.perf_counter()
    page.goto(f"{address}/map")
    page.frame_locator(FRAME).locator(PAINTED).wait_for()
    seconds = time.perf_counter() - began
    page.context.close()
    return seconds, received[0] / 1000


def compare_openings(browser: Browser, sample: str, city: str, rounds: int) -> None:
    """Print how long the first map takes on both, by turns."""
    told: dict[str, list[tuple[float, float]]] = {sample: [], city: []}
    for _ in range(rounds + 1):
        for address, found in told.items():
            found.append(measure_opening(browser, address))
    # The first round makes what is kept from then on.
    small, large = (statistics.median(s for s, _ in told[at][1:]) for at in (sample, city))
    sizes = [told[at][-1][1] for at in (sample, city)]
    first = [told[at][0][0] for at in (sample, city)]
    print(
        f"first map: sample {small:.2f} s ({sizes[0]:.0f} kB), city {large:.2f} s "
        f"({sizes[1]:.0f} kB): {large / small:.2f} x"
    )
    print(f"  the very first visitor of each server: {first[0]:.2f} s and {first[1]:.2f} s")


def time_change(page: Page, change: Callable[[], object]) -> float:
    """Seconds from a change to the map that is painted anew."""
    # Another area is another map; while one takes the other's place both are there.
    frame = page.frame_locator(FRAME).last
    before = frame.locator(PAINTED).get_attribute("data-painted")
    began = time.perf_counter()
    change()
    frame.locator(f'[data-painted]:not([data-painted="{before}"])').wait_for()
    seconds = time.perf_counter() - began
    settle(page)
    return seconds


def measure_steps(browser: Browser, address: str, rounds: int) -> dict[str, float]:
    """Median seconds of each step through a city."""
    page = open_page(browser)
    page.goto(f"{address}/map")
    page.frame_locator(FRAME).locator(PAINTED).wait_for()
    settle(page)
    told: dict[str, list[float]] = {}

    def note(name: str, change: Callable[[], object]) -> None:
        told.setdefault(name, []).append(time_change(page, change))

    def go_down() -> None:
        page.locator('[class*="st-key-down"] button:visible').first.click()

    def go_up() -> None:
        page.locator('[class*="st-key-step"] button:visible').first.click()

    for _ in range(rounds + 1):
        note("down to a district", go_down)
        note("down to a street", go_down)
        note("an overlay", lambda: page.get_by_role("button", name="楼栋", exact=True).click())
        told.setdefault("a pan", []).append(_pan(page))
        note("up to the whole", go_up)
    page.context.close()
    return {name: statistics.median(found[1:]) for name, found in told.items()}


def _pan(page: Page) -> float:
    """Seconds that the map takes to follow the hand, drawn to the end."""
    frame = page.locator(FRAME)
    box = frame.bounding_box()
    if box is None:
        raise RuntimeError("the map is not to be seen")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y + 60, steps=4)
    began = time.perf_counter()
    page.mouse.up()
    handle = frame.element_handle()
    inside = handle.content_frame() if handle else None
    if inside is None:
        raise RuntimeError("the map is not to be seen")
    inside.evaluate(NEXT_FRAME)
    return time.perf_counter() - began


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compounds", type=int, default=20_000)
    parser.add_argument("--complaints", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shequ-bench-") as name:
        folder = Path(name)
        sample, city = prepare_stores(folder, options.compounds, options.complaints)
        with (
            sync_playwright() as player,
            run_server(serve_store(sample), folder) as (small, _),
            run_server(serve_store(city), folder) as (large, _),
        ):
            browser = player.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            compare_openings(browser, small, large, options.rounds)
            for words, seconds in measure_steps(browser, large, options.rounds).items():
                print(f"  {words}: {seconds:.2f} s")
            browser.close()


if __name__ == "__main__":
    main()

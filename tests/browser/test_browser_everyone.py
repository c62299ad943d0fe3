"""For everyone: no serious barrier on any page, every key reaches, and each language is whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dashboard.words import WORDS
from etl.profile import parse_profile
from etl.store import Store

pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
Visitor = Callable[..., Any]
STILL = '[data-testid="stApp"][data-test-script-state="notRunning"]'
PAGES = (
    "/", "/map", "/map?form=table", "/compound", "/compound?at=T14", "/trends", "/deliberation",
    "/deliberation?talk=matters", "/deliberation?talk=promises", "/organizations",
    "/organizations?part=growth", "/organizations?part=watch", "/organizations?part=network",
    "/actions", "/capital?at=T14", "/briefing", "/data", "/quality", "/methods", "/audit",
)  # fmt: skip
SERIOUS = ("serious", "critical")
CJK = re.compile(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+")


def open_still(page: Any, address: str, path: str) -> None:
    page.goto(address + path)
    page.locator(STILL).wait_for(timeout=90_000)
    page.locator("h1, h2").first.wait_for()


def find_barriers(page: Any) -> list[str]:
    """What axe-core calls serious or worse, in the page and in the frame of the map."""
    source = (Path(axe.__file__).parent / "axe.min.js").read_text("utf-8")
    found = []
    for frame in page.frames:
        if frame.url.startswith("about:"):
            continue
        frame.evaluate(source)
        told = frame.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        found += [
            f"{one['id']}: {node['html'][:160]}"
            for one in told["violations"]
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("size", ["office", "phone"])
def test_no_page_has_a_serious_barrier(visit: Visitor, sample_server: str, size: str) -> None:
    visitor = visit(size)
    page = visitor.open(sample_server)
    barriers = {}
    for path in PAGES:
        open_still(page, sample_server, path)
        if path == "/map":
            visitor.find_map(page)
        barriers[path] = find_barriers(page)
    assert {path: found for path, found in barriers.items() if found} == {}


def known_to_the_data(store: Path) -> set[str]:
    """Every piece of Chinese that the data and the profile hold."""
    opened = Store(store, read_only=True)
    texts: set[str] = set(CJK.findall(opened.profile_text() or ""))
    _, tables = opened.query(
        "SELECT DISTINCT table_name FROM information_schema.tables WHERE table_name NOT IN ('raw_rows')"
    )
    for (name,) in tables:
        frame = opened.frame(name)
        for column in frame:
            if not pd.api.types.is_numeric_dtype(frame[column]):
                for value in frame[column].dropna().astype(str).unique():
                    texts.update(CJK.findall(value))
    opened.close()
    texts.update(CJK.findall(repr(parse_profile(""))))
    return texts


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_word_of_the_other_language_is_left(
    visit: Visitor, sample_server: str, sample_store: Path, lang: str
) -> None:
    page = visit().open(sample_server, f"/?lang={lang}")
    known = known_to_the_data(sample_store)
    whole = "\n".join(known)
    english = {said[1] for said in WORDS.values() if said[0] != said[1] and len(said[1]) > 3}
    left: dict[str, list[str]] = {}
    # What was done, and with which file, is written down in the words of whoever did it.
    for path in [page_path for page_path in PAGES if page_path != "/audit"]:
        mark = "&" if "?" in path else "?"
        open_still(page, sample_server, f"{path}{mark}lang={lang}")
        said = page.evaluate("document.querySelector('[data-testid=stMain]').innerText")
        if lang == "en":
            found = [text for text in CJK.findall(said) if text not in whole and text != "中文"]
        else:
            found = sorted(english.intersection(map(str.strip, said.splitlines())))
        if found:
            left[path] = found[:8]
    assert left == {}

"""A day of use in fast motion, of a smaller size: memory stays, and nothing goes wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")

from tests.bench.day import MOST_GROWTH, live_a_day


@pytest.mark.slow
def test_a_day_of_visitors_and_refreshes_leaves_memory_as_it_was(tmp_path: Path) -> None:
    """Streamlit keeps a page that was left for two minutes: until then memory still grows."""
    # In a thread of its own: a browser driven by other tests keeps a loop running in this one.
    with ThreadPoolExecutor(1) as threads:
        day = threads.submit(live_a_day, tmp_path, visitors=6, seconds=200, every=3).result()
    assert day.errors == ()
    assert day.refreshes >= 5
    assert day.visits > 12
    assert day.clicks > 40
    assert day.growth <= MOST_GROWTH, day

"""What the tests of pages share: the sample behind them, and no store left open."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import load, settings
from tests.pages import Open, open_view


@pytest.fixture(autouse=True)
def forget_opened_stores() -> Iterator[None]:
    main = sys.modules["__main__"]
    yield
    load.open_store.clear()
    # A page that was run leaves its own script there, which other processes would run again.
    sys.modules["__main__"] = main


@pytest.fixture
def open_page(
    sample_store: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Open:
    """Opens a page on the sample; without a name the one that the test's file is about."""
    monkeypatch.setenv(settings.STORE, str(sample_store))
    monkeypatch.delenv(settings.PROFILE, raising=False)

    def open_it(view: str = "", **query: str) -> AppTest:
        return open_view(view or getattr(request.module, "VIEW", "map"), **query)

    return open_it

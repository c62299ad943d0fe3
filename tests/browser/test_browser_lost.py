"""A server that goes away and comes back: said in plain words, and nothing of the sight is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dashboard.words import look_up
from tests.browser.conftest import serve, settle

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]
# What a browser itself remarks while nobody answers it.
OWN_REMARKS = (
    "ERR_CONNECTION",
    "ERR_INTERNET",
    "WebSocket",
    "Failed to load resource",
    "Failed to fetch",
)


@pytest.mark.slow
def test_a_lost_server_is_said_and_the_page_comes_back_as_it_was(
    visit: Visitor, sample_store: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    shutil.copytree(sample_store, store)
    visitor = visit()
    with serve(store, tmp_path / "log") as address:
        visitor.open_map(address, "/map?color=type&at=T14")
        page = visitor.page
        told = page.locator("[data-sq-lost]")
        expect(told).to_be_hidden()
    expect(told).to_be_visible()
    assert told.inner_text() == look_up("lost", "zh")
    # Streamlit's own words are for programmers.
    expect(page.get_by_text("streamlit run")).to_be_hidden()
    with serve(store, tmp_path / "log2", urlsplit(address).port or 0):
        expect(told).to_be_hidden()
        page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
        expect(page.get_by_role("heading", name="Q小区", exact=True)).to_be_visible()
        assert "color=type" in page.url
        assert "at=T14" in page.url
        # And it answers again.
        page.get_by_role("link", name="方法与名词", exact=True).click()
        expect(page.get_by_role("heading", name="方法与名词")).to_be_visible()
        visitor.close()
    forget_own_remarks(visitor)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["office", "phone"])
def test_a_network_that_is_gone_is_said_and_the_page_goes_on_when_it_is_back(
    visit: Visitor, sample_server: str, size: str
) -> None:
    """The server lives on; a phone leaves the courtyard's network and comes back."""
    visitor = visit(size)
    visitor.open_map(sample_server, "/map?color=type&at=T14")
    page = visitor.page
    settle(page)
    told = page.locator("[data-sq-lost]")
    expect(told).to_be_hidden()
    page.context.set_offline(True)
    expect(told).to_be_visible()
    assert told.inner_text() == look_up("lost", "zh")
    page.context.set_offline(False)
    expect(told).to_be_hidden()
    settle(page)
    assert "color=type" in page.url
    assert "at=T14" in page.url
    page.get_by_role("button", name="缺组织", exact=True).click()
    page.wait_for_url("**gaps*")
    visitor.find_map(page)
    forget_own_remarks(visitor)


def forget_own_remarks(visitor: Any) -> None:
    visitor.complaints[:] = [
        told for told in visitor.complaints if not any(own in told for own in OWN_REMARKS)
    ]

"""Pages of another site, in a real browser: they can neither frame ours nor act in anybody's name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from etl.accounts import ADMIN, Accounts
from tests.browser.test_browser_access import sign_in

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]


@pytest.fixture
def elsewhere() -> Iterator[Callable[[str], str]]:
    """Another site: a body of a page, and the address where it then is."""
    bodies: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(f"<!doctype html><body>{bodies[-1]}".encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True).start()

    def put(body: str) -> str:
        bodies.append(body)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield put
    server.shutdown()
    server.server_close()


def test_another_site_can_neither_frame_a_page_nor_act_for_whoever_is_signed_in(
    browser: Any, own_server: str, sample_copy: Path, elsewhere: Callable[[str], str]
) -> None:
    accounts = Accounts(sample_copy)
    accounts.add("张书记", "荷塘月色 2026", ADMIN)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{own_server}/signin")
    sign_in(page, "张书记")
    expect(page.get_by_text("张书记（管理员）")).to_be_visible()
    for path in ("/", "/signin", "/signout", "/shapes.json"):
        page.goto(elsewhere(f'<iframe src="{own_server}{path}"></iframe>'))
        page.wait_for_load_state("networkidle")
        (frame,) = page.frames[1:]
        assert frame.url.startswith("chrome-error:"), path
    for path in ("/signout", "/signin"):
        form = f'<form method=post action="{own_server}{path}"><button>领奖</button></form>'
        page.goto(elsewhere(form))
        page.get_by_role("button", name="领奖").click()
        expect(page.get_by_text("cross-site request refused")).to_be_visible()
    page.goto(elsewhere("<p>socket</p>"))
    came = page.evaluate(
        """(address) => new Promise((tell) => {
            const socket = new WebSocket(address);
            socket.onopen = () => tell("open");
            socket.onclose = () => tell("closed");
        })""",
        f"ws{own_server.removeprefix('http')}/_stcore/stream",
    )
    assert came == "closed"
    page.goto(f"{own_server}/")
    expect(page.get_by_text("张书记（管理员）")).to_be_visible()
    context.close()
    assert [event.what for event in accounts.audit()] == ["sign_in"]


def test_a_table_has_no_way_of_its_own_to_be_taken_away(visit: Visitor, sample_server: str) -> None:
    page = visit().open(sample_server, "/map?form=table")
    table = page.get_by_test_id("stDataFrame").first
    table.wait_for()
    table.hover()
    toolbar = page.get_by_test_id("stElementToolbar").first
    toolbar.get_by_role("button").first.wait_for()
    names = [button.get_attribute("aria-label") for button in toolbar.get_by_role("button").all()]
    assert any("Search" in (name or "") for name in names), names
    assert not any("Download" in (name or "") for name in names), names

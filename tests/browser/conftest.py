"""A server of our own and a browser that may talk to nothing else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

playwright_api = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
# Playwright expects everything within five seconds, which a busy machine may not keep.
playwright_api.expect.set_options(timeout=PATIENCE * 500)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
FIRST_PIECE = '[data-testid="stMain"] [data-testid="stElementContainer"]'
SIZES = {"office": (1440, 900), "phone": (390, 844)}
# Streamlit asks for these beside a page's own path first, and then where they are.
ASKED_TWICE = ("_stcore/health", "_stcore/host-config")


def find_chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome", "chrome"):
        found = shutil.which(name)
        if found:
            return found
    if os.environ.get("SHEQU_REQUIRE_BROWSER") == "1":
        pytest.fail("SHEQU_REQUIRE_BROWSER=1, but there is no Chromium on this machine")
    pytest.skip("no Chromium on this machine")


@pytest.fixture(scope="session")
def browser() -> Iterator[playwright_api.Browser]:
    path = find_chromium()
    with playwright_api.sync_playwright() as player:
        launched = player.chromium.launch(executable_path=path, args=FLAGS)
        yield launched
        launched.close()


def find_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def serve(store: Path, log: Path, port: int = 0, **more: str) -> Iterator[str]:
    """A server of its own process, its environment and `more`; its address.

    On a free port, or on the one that a server had that has ended.
    """
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    told = {"SHEQU_STORE": str(store), "SHEQU_PROFILE": "", "PYTHONPATH": path}
    port = port or find_port()
    command = [sys.executable, "-m", "uvicorn", "dashboard.server:app", "--port", str(port)]
    # Pages that are open do not hold up its end.
    command += ["--timeout-graceful-shutdown", "1"]
    with run(command, port, log, {**os.environ, **told, **more}) as address:
        yield address


@contextmanager
def run(command: list[str], port: int, log: Path, environment: dict[str, str]) -> Iterator[str]:
    """A process that listens on a port, for as long as it is needed; its address."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, cwd=log.parent, stdout=out, stderr=out)
        try:
            wait_for(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the server listens, or has ended, or took too long."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        break
    pytest.fail("the server did not start:\n" + log.read_text(errors="replace"))


@pytest.fixture(scope="session")
def sample_server(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The sample, for tests that only look."""
    folder = tmp_path_factory.mktemp("server")
    # Visits are written down beside the data, and other workers look at the same sample.
    store = Path(shutil.copytree(sample_store, folder / "store"))
    with serve(store, folder / "log") as address:
        yield address


def settle(page: playwright_api.Page) -> None:
    """Wait until nothing on the page is being drawn.

    A click on what is replaced is lost, and what opens over a page that still grows is left behind.
    """
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()


class Visit:
    """One visitor. Whatever it asks of another host is refused and remembered."""

    def __init__(self, browser: playwright_api.Browser, size: str) -> None:
        wide, high = SIZES[size]
        is_phone = size == "phone"
        self.complaints: list[str] = []
        self.host = ""
        self._context = browser.new_context(
            viewport={"width": wide, "height": high}, has_touch=is_phone, is_mobile=is_phone
        )
        self._context.set_default_timeout(PATIENCE * 500)
        self._context.route("**/*", self._let_through)
        self.page = self._context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        self.page.on("websocket", lambda socket: self._judge(socket.url))

    def _judge(self, address: str) -> bool:
        parts = urlsplit(address)
        is_ours = parts.scheme in ("data", "blob", "about") or parts.netloc == self.host
        if not is_ours:
            self.complaints.append(f"asked another host: {address}")
        return is_ours

    def _let_through(self, route: playwright_api.Route) -> None:
        if self._judge(route.request.url):
            route.continue_()
        else:
            route.abort()

    def _hear(self, message: playwright_api.ConsoleMessage) -> None:
        where = message.location.get("url", "")
        if message.type == "error" and not where.endswith(ASKED_TWICE):
            self.complaints.append(f"console: {message.text} ({where})")

    def open(self, address: str, path: str = "/") -> playwright_api.Page:
        """Open an address, and wait until the page is drawn; the page for signing in is at once."""
        self.host = urlsplit(address).netloc
        self.page.goto(address + path)
        if self.page.locator("#root").count():
            # Before its first piece has come, a page looks as if it had been drawn.
            self.page.locator(FIRST_PIECE).first.wait_for(state="attached")
            settle(self.page)
        return self.page

    def open_map(self, address: str, path: str = "/map") -> playwright_api.FrameLocator:
        """Open a page with the map, and wait until it is painted."""
        return self.find_map(self.open(address, path))

    def find_map(self, page: playwright_api.Page) -> playwright_api.FrameLocator:
        frame = page.frame_locator('iframe[title*="st_folium"]')
        frame.locator("[data-painted]").wait_for()
        return frame

    def close(self) -> None:
        self._context.close()


class Visitors:
    """Sends visitors: visit() or visit("phone")."""

    def __init__(self, browser: playwright_api.Browser) -> None:
        self._browser = browser
        self._sent: list[Visit] = []

    def __call__(self, size: str = "office") -> Visit:
        self._sent.append(Visit(self._browser, size))
        return self._sent[-1]

    def leave(self) -> None:
        """Close what is open; visitors leave before their server is stopped."""
        for visitor in self._sent:
            visitor.close()

    def complaints(self) -> list[str]:
        return [told for visitor in self._sent for told in visitor.complaints]


@pytest.fixture
def visit(browser: playwright_api.Browser) -> Iterator[Visitors]:
    """Visitors; any complaint of their browsers fails the test."""
    visitors = Visitors(browser)
    yield visitors
    visitors.leave()
    assert visitors.complaints() == []


@pytest.fixture
def own_server(visit: Visitors, sample_copy: Path, tmp_path: Path) -> Iterator[str]:
    """A copy of the sample, for tests that publish."""
    with serve(sample_copy, tmp_path / "log") as address:
        yield address
        visit.leave()


@pytest.fixture
def empty_server(visit: Visitors, tmp_path: Path) -> Iterator[str]:
    """A store in which nothing was published yet."""
    with serve(tmp_path / "store", tmp_path / "log") as address:
        yield address
        visit.leave()

"""Figures and lines about the server: true, and of nobody; and a server that ends when it is told."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard import load, settings
from dashboard.access import COOKIE, GuardAccess
from dashboard.metrics import (
    CountRequests,
    Counts,
    JsonLines,
    send_metrics,
    write_log,
    write_metrics,
)
from etl.accounts import ADMIN, STREET, Accounts
from etl.store import Store
from tests.dashboard.test_dashboard_access import Inner, send, sign_in

SECRET = "荷塘月色 2026"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(settings.STORE, str(tmp_path / "store"))
    Store(tmp_path / "store").close()
    yield tmp_path / "store"
    load.open_store.clear()


def read_metrics(text: str) -> dict[str, float]:
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_requests_are_counted_by_how_they_ended(folder: Path) -> None:
    counts = Counts()
    app = CountRequests(GuardAccess(Inner()), counts)
    Accounts(folder).add("张书记", SECRET, ADMIN)
    for _ in range(3):
        send(app, "/secret/张书记.xlsx")
    send(app, "/healthz")
    cookie = sign_in(app).cookie
    said = [{"type": "websocket.connect"}]
    send(app, "/_stcore/stream", kind="websocket", messages=said, cookie=f"{COOKIE}={cookie}")
    send(app, "/_stcore/stream", kind="websocket", messages=said)
    told = read_metrics(write_metrics(counts))
    assert told['shequ_requests_total{method="GET",status="4xx"}'] == 3
    assert told['shequ_requests_total{method="GET",status="2xx"}'] == 1
    assert told['shequ_requests_total{method="POST",status="3xx"}'] == 1
    assert told['shequ_requests_total{method="WEBSOCKET",status="1xx"}'] == 1
    assert told['shequ_requests_total{method="WEBSOCKET",status="4xx"}'] == 1
    assert told["shequ_open_pages"] == 0
    assert told["shequ_memory_bytes"] > 1e6
    assert told["shequ_store_up"] == 1
    assert "张书记" not in write_metrics(counts)


def test_a_store_that_cannot_be_read_is_in_the_figures(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "x").mkdir()
    (folder / "x" / "catalogue.sqlite").write_bytes(b"no database" * 99)
    monkeypatch.setenv(settings.STORE, str(folder / "x"))
    assert read_metrics(write_metrics(Counts()))["shequ_store_up"] == 0


def test_figures_are_for_this_machine_and_for_whoever_is_signed_in(folder: Path) -> None:
    inner = Inner()
    app = GuardAccess(inner)
    accounts = Accounts(folder)
    accounts.add("张书记", SECRET, ADMIN)
    accounts.add("街道", SECRET, STREET)
    assert send(app, "/metrics").status == 200
    assert send(app, "/metrics", client="10.0.0.8").status == 401
    # A proxy on this machine speaks for whoever it serves.
    assert send(app, "/metrics", x_forwarded_for="10.0.0.8").status == 401
    assert send(app, "/metrics", host="evil.example").status == 401
    assert send(app, "/metrics/", client="127.0.0.1").status == 401
    cookie = sign_in(app, name="街道").cookie
    assert send(app, "/metrics", client="10.0.0.8", cookie=f"{COOKIE}={cookie}").status == 200
    answer = send_metrics(SimpleNamespace())  # type: ignore[arg-type]
    assert answer.headers["content-type"].startswith("text/plain")


def test_lines_of_the_log_are_objects_and_name_nobody(tmp_path: Path) -> None:
    log = tmp_path / "log"
    root, requests = logging.getLogger(), logging.getLogger("shequ.requests")
    before, level = list(root.handlers), requests.level
    try:
        write_log(log)
        app = CountRequests(Inner(), Counts())
        send(app, "/media/510107199001011234.xlsx?name=x", client="10.9.8.7")
        try:
            raise ValueError("联系人：张三丰，打13812345678")
        except ValueError:
            logging.getLogger("dashboard.page").exception("page failed, 13912345678")
    finally:
        for handler in set(root.handlers) - set(before):
            root.removeHandler(handler)
            handler.close()
        requests.setLevel(level)
    written = log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in written.splitlines()]
    (request,) = [line for line in lines if line["from"] == "shequ.requests"]
    assert {k: request[k] for k in ("method", "path", "status", "level")} == {
        "method": "GET", "path": "/media", "status": 200, "level": "info",
    }  # fmt: skip
    (failed,) = [line for line in lines if line["from"] == "dashboard.page"]
    assert failed["level"] == "error"
    assert "ValueError" in failed["error"]
    for secret in ("510107199001011234", "10.9.8.7", "13812345678", "13912345678", "张三丰"):
        assert secret not in written


def test_what_is_no_record_of_a_request_is_written_too() -> None:
    record = logging.LogRecord("a", logging.WARNING, "", 0, "读不出 %s", ("x",), None)
    assert json.loads(JsonLines().format(record))["said"] == "读不出 x"


@pytest.mark.skipif(os.name == "nt", reason="no SIGTERM there")
def test_a_server_that_is_told_to_end_ends(tmp_path: Path, sample_store: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "etl.cli", "serve", "--empty", "--port", str(port)]
    command += ["--store", str(tmp_path / "store"), "--log", str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            assert ask(f"http://127.0.0.1:{port}/healthz", 60) == {"status": "ok"}
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                told = read_metrics(answer.read().decode())
            assert told['shequ_requests_total{method="GET",status="2xx"}'] >= 1
            # Somebody still has a connection open.
            with socket.create_connection(("127.0.0.1", port)) as idle:
                idle.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                server.send_signal(signal.SIGTERM)
                server.wait(timeout=30)
        finally:
            server.kill()
        said = server.stdout.read().decode() if server.stdout else ""
    assert "Traceback" not in said
    assert server.returncode in (0, -signal.SIGTERM)
    paths = [json.loads(line).get("path") for line in (tmp_path / "log").read_text().splitlines()]
    assert "/healthz" in paths


def ask(address: str, seconds: float) -> Any:
    """The answer in JSON, once there is one."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise

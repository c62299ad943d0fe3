"""What the server does, in figures and in lines: no name, no address, no text of anybody's."""

from __future__ import annotations

import json
import logging
import logging.handlers
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import load, settings
from etl.errors import ShequError
from etl.privacy import mask_text

LOG_BYTES, LOG_FILES = 5_000_000, 5
KINDS = ("http", "websocket")
requests_log = logging.getLogger("shequ.requests")


class Counts:
    """How many requests ended how, how long they took, and how many pages are open."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.began = time.time()
        self.ended: Counter[tuple[str, str]] = Counter()
        self.seconds = 0.0
        self.open_pages = 0

    def open(self, change: int) -> None:
        """A page was opened (1) or closed (-1)."""
        with self._lock:
            self.open_pages += change

    def end(self, method: str, status: int, seconds: float) -> None:
        """A request ended; statuses are told apart by their hundreds."""
        with self._lock:
            self.ended[method, f"{status // 100}xx"] += 1
            self.seconds += seconds


COUNTS = Counts()


class CountRequests:
    """Around everything: counts what comes and goes."""

    def __init__(self, app: ASGIApp, counts: Counts = COUNTS) -> None:
        self.app, self.counts = app, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and note how it ended."""
        if scope["type"] not in KINDS:
            await self.app(scope, receive, send)
            return
        begun, status = time.monotonic(), 500
        is_page = scope["type"] == "websocket"

        async def listen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "websocket.accept":
                status = 101
            elif message["type"] == "websocket.close" and status != 101:
                status = 403
            await send(message)

        self.counts.open(is_page)
        try:
            await self.app(scope, receive, listen)
        finally:
            self.counts.open(-is_page)
            seconds = time.monotonic() - begun
            method = "WEBSOCKET" if is_page else scope["method"]
            self.counts.end(method, status, 0.0 if is_page else seconds)
            requests_log.info(
                "request",
                extra={
                    "told": {
                        "method": method, "path": _name_path(scope["path"]), "status": status,
                        "ms": round(1000 * seconds),
                    }
                },
            )  # fmt: skip


def _name_path(path: str) -> str:
    """The first part of a path: what follows may be anybody's file name."""
    return "/" + path.strip("/").split("/", 1)[0][:40]


def send_metrics(_request: Request) -> Response:
    """The figures, in the form that Prometheus reads."""
    return PlainTextResponse(write_metrics(COUNTS), media_type="text/plain; version=0.0.4")


def write_metrics(counts: Counts) -> str:
    """The figures as lines of text."""
    memory = psutil.Process().memory_info().rss
    lines = [
        "# TYPE shequ_requests_total counter",
        *(
            f'shequ_requests_total{{method="{method}",status="{status}"}} {number}'
            for (method, status), number in sorted(counts.ended.items())
        ),
        "# TYPE shequ_request_seconds_total counter",
        f"shequ_request_seconds_total {counts.seconds:.3f}",
        "# TYPE shequ_open_pages gauge",
        f"shequ_open_pages {counts.open_pages}",
        "# TYPE shequ_memory_bytes gauge",
        f"shequ_memory_bytes {memory}",
        "# TYPE shequ_uptime_seconds gauge",
        f"shequ_uptime_seconds {time.time() - counts.began:.0f}",
        "# TYPE shequ_store_up gauge",
    ]
    try:
        snapshot = load.open_store(str(settings.store_path())).snapshot()
        told = ["# TYPE shequ_snapshot gauge", f"shequ_snapshot {snapshot}"]
        lines += ["shequ_store_up 1", *(told if snapshot is not None else [])]
    except ShequError:
        lines.append("shequ_store_up 0")
    return "\n".join(lines) + "\n"


class JsonLines(logging.Formatter):
    """One JSON object a line; what looks like personal information is masked."""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a line."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "said": mask_text(record.getMessage())[0],
            **getattr(record, "told", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["error"] = mask_text(self.formatException(record.exc_info))[0]
        return json.dumps(line, ensure_ascii=False)


def write_log(path: Path) -> None:
    """Write what happens into a file from here on; it is begun anew in good time, five are kept."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOG_FILES - 1, encoding="utf-8"
    )
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.addHandler(handler)
    requests_log.setLevel(logging.INFO)

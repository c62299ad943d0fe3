"""The server: headers on every answer, only listed files, outlines kept by the browser."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from dashboard import server, settings
from dashboard.dress import STYLE, DressPage
from dashboard.headers import FIXED, GuardHeaders, read_first_page, write_policy
from dashboard.map.files import address_of

Answer = tuple[int, dict[str, str], bytes]


def fail(request: Request) -> Response:
    raise RuntimeError("broken")


FIRST_PAGE = read_first_page().encode()
AS_LONG = b"x" * len(FIRST_PAGE)
PACKED = [Middleware(GZipMiddleware, minimum_size=100)]


def send_first_page(request: Request) -> Response:
    return HTMLResponse(FIRST_PAGE, headers={"etag": "of-the-file"})


ROUTES = [
    Route("/map", send_first_page, middleware=PACKED),
    Route("/old/{rest:path}", send_first_page),
    Route("/as-long", lambda request: HTMLResponse(AS_LONG, headers={"etag": "own"})),
    Route("/fine", lambda request: PlainTextResponse("fine")),
    Route("/broken", fail),
    Route("/healthz", server.send_health),
    Route("/shapes.json", server.send_shapes),
    Route("/assets/{name:path}", server.send_asset),
]


def ask(path: str, host: str = "office:8501", **headers: str) -> Answer:
    """One request to the guarded routes, without a network."""
    parts: list[dict[str, Any]] = []
    told = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    where, _, query = path.partition("?")
    scope = {
        "type": "http", "method": "GET", "path": where, "raw_path": where.encode(),
        "query_string": query.encode(), "root_path": "", "scheme": "http", "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in told.items()],
        "server": ("office", 8501), "client": ("127.0.0.1", 1), "state": {},
    }  # fmt: skip

    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(asked, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        parts.append(message)

    async def run() -> None:
        try:
            await GuardHeaders(DressPage(Starlette(routes=ROUTES)))(scope, receive, send)
        except RuntimeError:
            assert where == "/broken"

    # In a thread of its own: a browser driven by other tests keeps a loop running in this one.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, run()).result()
    found = {name.decode().lower(): value.decode() for name, value in parts[0]["headers"]}
    return parts[0]["status"], found, b"".join(part.get("body", b"") for part in parts[1:])


@pytest.fixture
def on_sample(sample_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.STORE, str(sample_store))
    monkeypatch.delenv(settings.PROFILE, raising=False)


@pytest.mark.parametrize(
    ("path", "status"), [("/fine", 200), ("/nowhere", 404), ("/broken", 500), ("/component/x", 404)]
)
def test_every_answer_carries_the_headers_failures_included(path: str, status: int) -> None:
    got, headers, _ = ask(path)
    assert got == status
    for name, value in FIXED.items():
        assert headers[name.lower()] == value
    assert "default-src 'self'" in headers["content-security-policy"]


def read_policy(policy: str) -> dict[str, list[str]]:
    rules = (rule.split() for rule in policy.split(";"))
    return {rule[0]: rule[1:] for rule in rules}


@pytest.mark.parametrize("is_component", [True, False])
def test_the_policy_names_no_other_host(is_component: bool) -> None:
    policy = read_policy(write_policy("192.168.1.8:8501", is_component=is_component))
    for sources in policy.values():
        for source in sources:
            assert source in {
                "ws://192.168.1.8:8501", "wss://192.168.1.8:8501", "data:", "blob:",
            } or source.startswith("'")  # fmt: skip
    assert "data:" not in policy["script-src"]
    assert policy["object-src"] == ["'none'"]


def test_inline_scripts_run_in_the_frame_of_the_map_only() -> None:
    page = read_policy(write_policy("a", is_component=False))["script-src"]
    frame = read_policy(write_policy("a", is_component=True))["script-src"]
    assert "'unsafe-inline'" not in page
    assert "'unsafe-inline'" in frame
    assert any(source.startswith("'sha256-") for source in page)


@pytest.mark.parametrize("host", ["evil.com; script-src *", "a b", "a'b", "", "x\ny", "a/b"])
def test_a_forged_host_adds_nothing_to_the_policy(host: str) -> None:
    assert read_policy(write_policy(host, is_component=False))["connect-src"] == ["'self'"]


@pytest.mark.parametrize(
    "name",
    [
        "leaflet/leaflet.js",
        "leaflet/leaflet.css",
        "jquery/jquery.min.js",
        "shequ/map.js",
        "shequ/map.css",
    ],
)
def test_files_of_the_map_are_served(name: str) -> None:
    status, headers, _ = ask(f"/assets/{name}?v=1")
    assert status == 200
    assert "immutable" in headers["cache-control"]


@pytest.mark.parametrize("name", ["../server.py", "shequ/../../server.py", "x", "%2e%2e/server.py"])
def test_other_files_are_not(name: str) -> None:
    assert ask(f"/assets/{name}")[0] == 404


@pytest.mark.usefixtures("on_sample")
def test_outlines_are_sent_once_and_then_only_confirmed() -> None:
    status, headers, body = ask("/shapes.json")
    assert status == 200
    assert body.startswith(b'{"levels"')
    again, _, empty = ask("/shapes.json", if_none_match=headers["etag"])
    assert (again, empty) == (304, b"")


def test_the_first_page_brings_the_style_before_anything_is_drawn() -> None:
    status, headers, body = ask("/map", accept="text/html,*/*", accept_encoding="gzip, br")
    link = f'<body><link rel="stylesheet" href="{address_of(STYLE)}">'.encode()
    assert status == 200
    assert body == FIRST_PAGE.replace(b"<body>", link)
    assert headers["content-length"] == str(len(body))
    # Else a browser keeps the page of an older version, with the style of that version.
    assert "etag" not in headers
    assert ask(address_of(STYLE))[1]["content-type"].startswith("text/css")


def test_an_address_that_is_no_page_leads_to_the_first_with_what_was_chosen() -> None:
    for path in ("/old/", "/old/map"):
        status, headers, body = ask(f"{path}?at=T14", accept="text/html")
        assert (status, headers["location"], body) == (307, "/?at=T14", b"")
    assert ask("/old/", accept="text/html")[1]["location"] == "/"


def test_no_other_page_is_changed() -> None:
    _, headers, body = ask("/as-long", accept="text/html")
    assert body == AS_LONG
    assert headers["etag"] == "own"


def test_the_server_says_that_it_lives() -> None:
    assert ask("/healthz")[2] == b'{"status":"ok"}'


def test_nothing_is_reported_to_anyone_and_no_second_door_is_open() -> None:
    assert settings.STREAMLIT["browser.gatherUsageStats"] is False
    assert settings.STREAMLIT["server.enableAgentApi"] is False
    assert settings.STREAMLIT["client.showErrorDetails"] == "none"

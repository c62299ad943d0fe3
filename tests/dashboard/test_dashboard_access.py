"""Nobody gets in unasked: every route, every way, before Streamlit sees the request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import streamlit as streamlit_module
from starlette.routing import BaseRoute, Mount

from dashboard import access, load, settings
from dashboard.access import COOKIE, GuardAccess
from dashboard.headers import GuardHeaders
from dashboard.server import make_app
from etl.accounts import ADMIN, CLERK, LEADER, Accounts
from etl.errors import AccessError
from etl.store import Store
from tests.pages import open_view, text_of

SECRET = "荷塘月色 2026"
HOST = "127.0.0.1:8501"


class Inner:
    """Stands where Streamlit stands, and remembers what reached it."""

    def __init__(self) -> None:
        self.reached: list[dict[str, Any]] = []
        self.heard: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope)
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            while True:
                message = await receive()
                self.heard.append(message)
                if message["type"] == "websocket.disconnect":
                    return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})


class Answer:
    """What came back."""

    def __init__(self, parts: list[dict[str, Any]]) -> None:
        self.parts = parts
        start = next((p for p in parts if p["type"] == "http.response.start"), None)
        self.status = start["status"] if start else 0
        headers = start["headers"] if start else []
        self.headers = {k.decode().lower(): v.decode() for k, v in headers}
        self.body = b"".join(p.get("body", b"") for p in parts).decode()

    @property
    def cookie(self) -> str:
        return self.headers["set-cookie"].partition("=")[2].partition(";")[0]


def send(
    app: Any, path: str, method: str = "GET", kind: str = "http", client: str = "127.0.0.1",
    body: bytes = b"", messages: list[dict[str, Any]] | None = None, **headers: str,
) -> Answer:  # fmt: skip
    """One request, without a network; headers by name, `_` for `-`."""
    told = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    where, _, query = path.partition("?")
    scope = {
        "type": kind, "path": where, "raw_path": where.encode(), "query_string": query.encode(),
        "root_path": "", "scheme": "http" if kind == "http" else "ws", "http_version": "1.1",
        "headers": [(n.encode(), v.encode("latin-1")) for n, v in told.items()],
        "server": ("127.0.0.1", 8501), "client": (client, 4242), "state": {}, "subprotocols": [],
    }  # fmt: skip
    if kind == "http":
        scope["method"] = method
    waiting: Iterator[dict[str, Any]] = iter(
        messages or [{"type": "http.request", "body": body, "more_body": False}]
    )
    parts: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(waiting, {"type": f"{kind}.disconnect", "code": 1000})

    async def collect(message: Any) -> None:
        parts.append(message)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, app(scope, receive, collect)).result()
    return Answer(parts)


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def guarded(inner: Inner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GuardAccess:
    monkeypatch.setenv(settings.STORE, str(tmp_path))
    return GuardAccess(inner)


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    made = Accounts(tmp_path)
    made.add("张书记", SECRET, ADMIN)
    return made


def sign_in(app: Any, name: str = "张书记", password: str = SECRET, **more: str) -> Answer:
    body = urlencode({"name": name, "password": password, "next": more.pop("next", "/")}).encode()
    return send(app, "/signin", "POST", body=body, origin=f"http://{HOST}", **more)


# -- without accounts ---------------------------------------------------------------------------


def test_without_accounts_this_machine_gets_in_and_no_other(
    guarded: GuardAccess, inner: Inner
) -> None:
    assert send(guarded, "/").status == 200
    assert send(guarded, "/", client="::1", host="localhost:8501").status == 200
    refused = [
        send(guarded, "/", client="10.0.0.8"),
        send(guarded, "/", client=""),
        # A proxy on this machine speaks for whoever it serves.
        send(guarded, "/", x_forwarded_for="10.0.0.8"),
        send(guarded, "/", forwarded="for=10.0.0.8"),
        # Another site's name that leads to this machine.
        send(guarded, "/", host="evil.example:8501"),
        send(guarded, "/", host=""),
    ]
    assert [answer.status for answer in refused] == [403] * len(refused)
    assert "shequ user add" in refused[0].body
    assert len(inner.reached) == 2


def test_another_sites_page_can_send_nothing_here(guarded: GuardAccess, inner: Inner) -> None:
    elsewhere = {"origin": "http://evil.example"}
    assert send(guarded, "/_stcore/upload_file/x", "PUT", **elsewhere).status == 403
    refused = send(guarded, "/_stcore/stream", kind="websocket", **elsewhere)
    assert [part["type"] for part in refused.parts] == ["websocket.close"]
    assert inner.reached == []
    own = send(guarded, "/_stcore/stream", kind="websocket", origin=f"http://{HOST}")
    assert own.parts[0]["type"] == "websocket.accept"


# -- every route --------------------------------------------------------------------------------


def list_routes(routes: list[BaseRoute], under: str = "") -> Iterator[tuple[str, str, str]]:
    """Every route as (kind, method, path), its parameters filled in."""
    for route in routes:
        path = under + str(getattr(route, "path", ""))
        for name in ("name:path", "path:path", "name", "path"):
            path = path.replace("{" + name + "}", "x")
        path = "".join(part.split("}")[-1] if "}" in part else part for part in path.split("{"))
        if isinstance(route, Mount):
            yield "http", "GET", f"{path}/x"
            yield from list_routes(list(route.routes or []), path)
        elif "WebSocket" in type(route).__name__:
            yield "websocket", "", path or "/"
        else:
            for method in sorted(getattr(route, "methods", None) or {"GET"}):
                yield "http", method, path or "/"


@cache
def find_routes() -> tuple[tuple[str, str, str], ...]:
    """All routes of the app; made once, since a process has room for one."""
    return tuple(list_routes(make_app()._build_starlette_app().routes))


def test_no_route_answers_without_a_session(
    guarded: GuardAccess, inner: Inner, accounts: Accounts
) -> None:
    found = find_routes()
    kinds = {path for _, _, path in found}
    # The page, its files, the stream, uploads, media, components, and our own routes.
    for part in ("/_stcore/stream", "/_stcore/health", "/shapes.json", "/assets/x"):
        assert any(part in path for path in kinds), (part, kinds)
    assert any("upload" in path for path in kinds)
    assert any("media" in path for path in kinds)
    assert len(found) > 12
    ways = [*found, *(("http", m, p) for m in ("GET", "POST", "DELETE") for p in ("/", "/data"))]
    for kind, method, path in ways:
        if path == "/healthz":
            continue
        # Figures about nobody are told to what watches on this machine.
        own = [] if path == access.METRICS else ["127.0.0.1"]
        for address in (*own, "10.0.0.8"):
            answer = send(guarded, path, method or "GET", kind, address)
            if kind == "websocket":
                assert [part["type"] for part in answer.parts] == ["websocket.close"], path
            else:
                assert answer.status == 401, (method, path)
                assert "inside" not in answer.body
    assert inner.reached == []


def test_whether_the_server_listens_is_told_to_anyone(
    guarded: GuardAccess, accounts: Accounts
) -> None:
    assert send(guarded, "/healthz", client="10.0.0.8").status == 200


@pytest.mark.parametrize(
    "path", ["//signin", "/signin/", "/healthz/../data", "/SIGNIN", "/healthz/"]
)
def test_a_path_that_only_looks_open_is_not(
    guarded: GuardAccess, inner: Inner, accounts: Accounts, path: str
) -> None:
    assert send(guarded, path).status == 401
    assert inner.reached == []


ELSEWHERE = (
    {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:8502"},
    {"origin": "http://localhost:8501"}, {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"}, {"origin": f"http://{HOST}.evil.example"},
    {"origin": f"http://{HOST}@evil.example"},
)  # fmt: skip


@pytest.mark.parametrize("told", ELSEWHERE)
def test_no_route_takes_anything_that_another_sites_page_sends(
    guarded: GuardAccess, inner: Inner, accounts: Accounts, told: dict[str, str]
) -> None:
    cookie = {"cookie": f"{COOKIE}={sign_in(guarded).cookie}"}
    found = find_routes()
    paths = {path for _, _, path in found} | set(access.PATHS) | {"/", "/data"}
    for path in sorted(paths - {"/healthz"}):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert send(guarded, path, method, **cookie, **told).status == 403, (method, path)
    for kind, _, path in found:
        if kind == "websocket":
            answer = send(guarded, path, kind=kind, **cookie, **told)
            assert [part["type"] for part in answer.parts] == ["websocket.close"], path
    assert inner.reached == []
    assert send(guarded, "/", **cookie).status == 200  # and nobody was signed out
    own = {"origin": f"http://{HOST}", "sec_fetch_site": "same-origin"}
    assert send(guarded, "/data", "POST", **cookie, **own).status == 200


def test_every_route_forbids_frames_elsewhere_and_guessing_of_types(
    guarded: GuardAccess, accounts: Accounts
) -> None:
    app = GuardHeaders(guarded)
    cookie = {"cookie": f"{COOKIE}={sign_in(guarded).cookie}"}
    found = find_routes()
    asked = [(method, path) for kind, method, path in found if kind == "http"]
    asked += [("GET", path) for path in (*access.PATHS, "/", "/nowhere")]
    for method, path in asked:
        for who in ({}, cookie, {"origin": "http://evil.example"}, {"accept": "text/html"}):
            answer = send(app, path, method, **who)
            headers = answer.headers
            assert headers["x-frame-options"] == "SAMEORIGIN", (method, path)
            assert headers["x-content-type-options"] == "nosniff", (method, path)
            assert "frame-ancestors 'self'" in headers["content-security-policy"], (method, path)


# -- signing in and out -------------------------------------------------------------------------


def test_a_page_leads_to_the_sign_in_page_and_back(
    guarded: GuardAccess, inner: Inner, accounts: Accounts
) -> None:
    asked = send(guarded, "/?at=T14&lang=zh", accept="text/html")
    assert asked.status == 303
    assert asked.headers["location"] == f"/signin?next={quote('/?at=T14&lang=zh')}"
    form = send(guarded, asked.headers["location"])
    assert form.status == 200
    assert 'name="password"' in form.body
    assert 'value="/?at=T14&amp;lang=zh"' in form.body
    given = sign_in(guarded, next="/?at=T14&lang=zh")
    assert (given.status, given.headers["location"]) == (303, "/?at=T14&lang=zh")
    told = given.headers["set-cookie"].lower()
    assert "httponly" in told
    assert "samesite=lax" in told
    assert "secure" not in told  # there is no encryption to require on an office network
    assert send(guarded, "/", cookie=f"{COOKIE}={given.cookie}").body == "inside"
    (reached,) = inner.reached
    headers = dict(reached["headers"])
    assert headers[access.WHO.encode()].decode() == quote("张书记")
    behind = sign_in(guarded, x_forwarded_proto="https")
    assert "secure" in behind.headers["set-cookie"].lower()


def test_a_wrong_password_is_said_and_too_many_are_stopped(
    guarded: GuardAccess, accounts: Accounts
) -> None:
    for _ in range(5):
        answer = sign_in(guarded, password="guess guess")
        assert answer.status == 401
        assert "账号或密码不对" in answer.body
        assert "set-cookie" not in answer.headers
    stopped = sign_in(guarded)
    assert stopped.status == 429
    assert "请过 15 分钟再试" in stopped.body


def test_the_form_is_taken_from_our_own_page_only(guarded: GuardAccess, accounts: Accounts) -> None:
    body = urlencode({"name": "张书记", "password": SECRET}).encode()
    assert send(guarded, "/signin", "POST", body=body, origin="http://evil.example").status == 403
    assert send(guarded, "/signin", "DELETE", origin=f"http://{HOST}").status == 405
    huge = send(guarded, "/signin", "POST", body=b"name=" + b"x" * 10_000, origin=f"http://{HOST}")
    assert huge.status == 401


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "",
     "/signin?next=/", "/x\r\nset-cookie: a=b"],
)  # fmt: skip
def test_nobody_is_led_to_another_server(
    guarded: GuardAccess, accounts: Accounts, wanted: str
) -> None:
    assert sign_in(guarded, next=wanted).headers["location"] == "/"
    assert 'value="/"' in send(guarded, f"/signin?next={quote(wanted)}").body


def test_what_was_typed_comes_back_as_text(guarded: GuardAccess, accounts: Accounts) -> None:
    answer = sign_in(guarded, name='"><script>alert(1)</script>', password="guess guess")
    assert "<script>" not in answer.body
    assert "&lt;script&gt;" in answer.body


def test_signing_out_ends_the_session_everywhere(
    guarded: GuardAccess, inner: Inner, accounts: Accounts
) -> None:
    cookie = {"cookie": f"{COOKIE}={sign_in(guarded).cookie}"}
    asks = send(guarded, "/signout", **cookie)
    assert "退出 张书记 的登录" in asks.body
    assert send(guarded, "/", **cookie).status == 200  # a mere link signs nobody out
    gone = send(guarded, "/signout", "POST", origin=f"http://{HOST}", **cookie)
    assert gone.headers["location"] == "/signin"
    assert send(guarded, "/", **cookie).status == 401
    told = [event.what for event in accounts.audit()]
    assert told == ["sign_out", "sign_in"]


def test_an_open_page_hears_no_more_once_its_session_has_ended(
    guarded: GuardAccess, inner: Inner, accounts: Accounts
) -> None:
    token = sign_in(guarded).cookie
    cookie = {"cookie": f"{COOKIE}={token}"}
    said = [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": b"x"}]
    send(guarded, "/_stcore/stream", kind="websocket", messages=said, **cookie)
    assert [message["type"] for message in inner.heard] == [
        "websocket.connect", "websocket.receive", "websocket.disconnect",
    ]  # fmt: skip
    inner.heard.clear()

    class Ending:
        """Signs out between two messages of the page."""

        def __iter__(self) -> Iterator[dict[str, Any]]:
            yield said[0]
            accounts.sign_out(token, "")
            yield said[1]

    answer = send(guarded, "/_stcore/stream", kind="websocket", messages=Ending(), **cookie)  # type: ignore[arg-type]
    assert [message["type"] for message in inner.heard] == [
        "websocket.connect", "websocket.disconnect",
    ]  # fmt: skip
    assert answer.parts[-1] == {"type": "websocket.close", "code": access.GONE}


def test_no_visitor_can_say_who_they_are(
    guarded: GuardAccess, inner: Inner, accounts: Accounts
) -> None:
    accounts.add("小李", SECRET, LEADER)
    cookie = sign_in(guarded, name="小李").cookie
    send(guarded, "/", cookie=f"{COOKIE}={cookie}", x_shequ_who=quote("张书记"))
    told = [value for name, value in inner.reached[-1]["headers"] if name == b"x-shequ-who"]
    assert told == [quote("小李").encode()]


# -- what a page is told ------------------------------------------------------------------------


@pytest.fixture
def as_visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(settings.STORE, str(tmp_path / "store"))
    Store(tmp_path / "store").close()

    def look_as(name: str) -> None:
        headers = {access.WHO: quote(name), access.ADDRESS: "10.0.0.8"} if name else {}
        monkeypatch.setattr(streamlit_module, "context", SimpleNamespace(headers=headers))

    yield look_as
    load.open_store.clear()


def test_who_may_only_look_can_neither_refresh_nor_undo(as_visitor: Any, tmp_path: Path) -> None:
    accounts = Accounts(tmp_path / "store")
    for name, role in (("张书记", ADMIN), ("小李", CLERK), ("王社工", LEADER)):
        accounts.add(name, SECRET, role)
    as_visitor("王社工")
    for act in (lambda: load.refresh([], dry_run=True, who=""), lambda: load.undo("")):
        with pytest.raises(AccessError, match="只能查看"):
            act()
    for name in ("张书记", "小李"):
        as_visitor(name)
        assert access.require_update().address == "10.0.0.8"
    access.note("refresh", "快照 3")
    (event,) = accounts.audit()
    assert (event.who, event.what, event.address) == ("小李", "refresh", "10.0.0.8")


def test_a_page_without_the_guard_shows_nothing_where_there_are_accounts(
    as_visitor: Any, tmp_path: Path
) -> None:
    as_visitor("")
    assert access.current().account is None  # a machine of one's own
    Accounts(tmp_path / "store").add("张书记", SECRET, ADMIN)
    with pytest.raises(AccessError, match="请先登录"):
        access.current()
    as_visitor("李四")
    with pytest.raises(AccessError, match="已经不在了"):
        access.current()


def test_who_only_looks_at_an_empty_store_is_told_whom_to_ask(as_visitor: Any) -> None:
    as_visitor("")
    # Such a visitor has no page for bringing data in.
    said = text_of(open_view("map"))
    assert "请找管理员或数据员" in said

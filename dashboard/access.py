"""Who gets in: asked once for every request, before Streamlit, and who it is told to the pages."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import quote, unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import settings
from dashboard.words import LANGUAGES, look_up, say
from etl.accounts import SESSION_SECONDS, Account, Accounts, Event
from etl.errors import AccessError

COOKIE = "shequ_session"
SIGN_IN, SIGN_OUT = "/signin", "/signout"
# Says no more than that the server listens.
OPEN = frozenset({"/healthz"})
# Figures without anybody's data: for whoever is signed in, and for what watches on this machine.
METRICS = "/metrics"
WHO, ADDRESS = "x-shequ-who", "x-shequ-address"
GONE = 4401
LONGEST_FORM = 4_096
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PASSED_ON = ("x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host")


@dataclass(frozen=True)
class Visitor:
    """Who is looking: the account, None on a machine of one's own without accounts."""

    account: Account | None
    address: str


class GuardAccess:
    """Around the app: lets through who is signed in, or everyone of this machine without accounts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, answer with the sign-in page, or pass the request on with who it is."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        try:
            answer = await self._judge(asked, receive)
        except AccessError as error:
            answer = PlainTextResponse(str(error), status_code=503)
        if isinstance(answer, Visitor):
            await self._pass_on(answer, scope, receive, send)
        elif scope["type"] == "websocket":
            # Before it was accepted: the browser gets 403.
            await receive()
            await send({"type": "websocket.close", "code": GONE})
        else:
            await answer(scope, receive, send)

    async def _judge(self, asked: HTTPConnection, receive: Receive) -> Visitor | Response:
        """Who asks, or what to answer instead of what was asked for."""
        path, accounts = asked.url.path, _accounts()
        address = asked.client.host if asked.client else ""
        if path in OPEN:
            return Visitor(None, address)
        if _comes_from_elsewhere(asked):
            return PlainTextResponse("cross-site request refused", status_code=403)
        if accounts.is_empty():
            return Visitor(None, address) if _is_local(asked) else _say_no_accounts()
        if path == METRICS and _is_local(asked):
            return Visitor(None, address)
        account = accounts.find(asked.cookies.get(COOKIE, ""))
        if path in (SIGN_IN, SIGN_OUT) and asked.scope["type"] == "http":
            request = Request(asked.scope, receive)
            answer = _answer_sign_in if path == SIGN_IN else _answer_sign_out
            return await answer(request, accounts, account, address)
        if account is not None:
            return Visitor(account, address)
        return _ask_to_sign_in(asked)

    async def _pass_on(self, visitor: Visitor, scope: Scope, receive: Receive, send: Send) -> None:
        told = [
            (name, value) for name, value in scope["headers"] if not name.startswith(b"x-shequ")
        ]
        if visitor.account:
            told.append((WHO.encode(), quote(visitor.account.name).encode()))
        told.append((ADDRESS.encode(), visitor.address.encode("latin-1", "replace")))
        guarded = {**scope, "headers": told}
        if scope["type"] == "websocket" and visitor.account:
            token = HTTPConnection(scope).cookies.get(COOKIE, "")
            receive = _end_with_session(token, receive, send)
        await self.app(guarded, receive, send)


def current() -> Visitor:
    """Who looks at this page, as the guard told it; the account as it is now.

    Raises
    ------
    AccessError
        The account is gone, or somebody is here whom the guard did not let in.
    """
    import streamlit as st

    return find_visitor(st.context.headers)


def find_visitor(headers: Mapping[str, str]) -> Visitor:
    """Who asks, by the headers that the guard has set; else as `current`."""
    address = headers.get(ADDRESS, "")
    name = unquote(headers.get(WHO, ""))
    accounts = _accounts()
    if not name:
        if accounts.is_empty():
            return Visitor(None, address)
        raise AccessError(say("signin.first"))
    for account in accounts.everyone():
        if account.name == name:
            return Visitor(account, address)
    raise AccessError(say("signin.gone", name=name))


def require_update() -> Visitor:
    """The visitor, who may bring data in and take it back. Raises AccessError where not."""
    visitor = current()
    if visitor.account and not visitor.account.may_update:
        raise AccessError(say("signin.only_look"))
    return visitor


def note(what: str, detail: str = "", who: str = "") -> None:
    """Add what this visitor did to the audit."""
    visitor = current()
    name = visitor.account.name if visitor.account else who
    _accounts().note(name, what, detail, visitor.address)


def prepare_note(what: str, detail: str = "") -> Callable[[], None]:
    """The same for later: whoever answers a click has no page of its own to know the visitor by."""
    visitor = current()
    name = visitor.account.name if visitor.account else ""
    accounts = _accounts()
    return lambda: accounts.note(name, what, detail, visitor.address)


def list_events(most: int) -> list[Event]:
    """The newest lines of the audit, for administrators; the newest first."""
    return _accounts().audit(most)


def _accounts() -> Accounts:
    return Accounts(settings.store_path())


# -- judging ------------------------------------------------------------------------------------


def _is_local(asked: HTTPConnection) -> bool:
    """Whether the request comes from a browser on this very machine, and knows it does.

    A page elsewhere may have its name lead to 127.0.0.1: the host asked for must be this machine's
    own too. What a proxy passed on comes from whoever the proxy serves.
    """
    if any(name in asked.headers for name in _PASSED_ON):
        return False
    host = asked.headers.get("host", "")
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    try:
        is_here = ipaddress.ip_address(asked.client.host if asked.client else "").is_loopback
    except ValueError:
        return False
    return is_here and name.lower() in _LOCAL_NAMES


def _comes_from_elsewhere(asked: HTTPConnection) -> bool:
    """Whether another site's page sent what only our own page may send."""
    is_changing = asked.scope["type"] == "websocket" or asked.scope["method"] not in _SAFE
    origin = asked.headers.get("origin")
    if not is_changing or origin is None:
        return False
    return urlsplit(origin).netloc.lower() != asked.headers.get("host", "").lower()


def _ask_to_sign_in(asked: HTTPConnection) -> Response:
    is_page = asked.scope.get("method") in ("GET", "HEAD") and "text/html" in asked.headers.get(
        "accept", ""
    )
    if not is_page:
        return PlainTextResponse("sign in first", status_code=401)
    query = f"?{asked.url.query}" if asked.url.query else ""
    return RedirectResponse(f"{SIGN_IN}?next={quote(asked.url.path + query)}", status_code=303)


def _say_no_accounts() -> Response:
    told = "\n".join(look_up("signin.no_accounts", lang) for lang in LANGUAGES)
    return PlainTextResponse(told, status_code=403)


def _end_with_session(token: str, receive: Receive, send: Send) -> Receive:
    """Take no more from a page whose session has ended meanwhile."""

    async def receive_guarded() -> Message:
        message = await receive()
        if message["type"] == "websocket.receive" and _accounts().find(token) is None:
            await send({"type": "websocket.close", "code": GONE})
            return {"type": "websocket.disconnect", "code": GONE}
        return message

    return receive_guarded


# -- the sign-in page ---------------------------------------------------------------------------


async def _answer_sign_in(
    request: Request, accounts: Accounts, account: Account | None, address: str
) -> Response:
    wanted = _read_next(request.query_params.get("next", "/"))
    if request.method == "GET":
        if account is not None:
            return RedirectResponse(wanted, status_code=303)
        return _write_page(wanted)
    if request.method != "POST":
        return PlainTextResponse("method not allowed", status_code=405)
    told = await _read_form(request)
    wanted = _read_next(told.get("next", "/"))
    name, password = told.get("name", ""), told.get("password", "")
    try:
        # A password is checked slowly on purpose: not while others wait.
        token = await run_in_threadpool(accounts.sign_in, name, password, address)
    except AccessError as error:
        return _write_page(wanted, str(error), name, 429)
    if token is None:
        return _write_page(wanted, look_up("signin.wrong", "zh"), name, 401)
    answer = RedirectResponse(wanted, status_code=303)
    answer.set_cookie(
        COOKIE, token, max_age=SESSION_SECONDS, httponly=True, samesite="lax",
        secure=_is_encrypted(request.headers, request.url.scheme),
    )  # fmt: skip
    return answer


async def _answer_sign_out(
    request: Request, accounts: Accounts, account: Account | None, address: str
) -> Response:
    """A page that asks, since a mere link must not sign anybody out; then the end of the session."""
    if request.method == "POST":
        await run_in_threadpool(accounts.sign_out, request.cookies.get(COOKIE, ""), address)
        answer = RedirectResponse(SIGN_IN, status_code=303)
        answer.delete_cookie(COOKIE)
        return answer
    if account is None:
        return RedirectResponse(SIGN_IN, status_code=303)
    said = escape(look_up("signin.out_sure", "zh", name=account.name))
    button = escape(look_up("signin.out", "zh"))
    back = escape(look_up("signin.back", "zh"))
    return _wrap_page(
        f'<h1>{said}</h1><form method="post" action="{SIGN_OUT}"><button>{button}</button></form>'
        f'<p><a href="/">{back}</a></p>'
    )


async def _read_form(request: Request) -> dict[str, str]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return {}
    pairs = (pair.partition("=") for pair in body.decode("ascii", "replace").split("&"))
    return {name: unquote(value.replace("+", " ")) for name, _, value in pairs}


def _read_next(wanted: str) -> str:
    """Where to go afterwards: a path of this server and nothing else."""
    is_ours = (
        wanted.startswith("/")
        and not wanted.startswith(("//", "/\\"))
        and (wanted.isprintable() and not wanted.startswith((SIGN_IN, SIGN_OUT)))
    )
    return wanted if is_ours else "/"


def _is_encrypted(headers: Headers, scheme: str) -> bool:
    return scheme == "https" or headers.get("x-forwarded-proto", "") == "https"


def _write_page(wanted: str, problem: str = "", name: str = "", status: int = 200) -> Response:
    said = {key: escape(look_up(f"signin.{key}", "zh")) for key in ("name", "password", "enter")}
    title = escape(look_up("app.title", "zh"))
    alarm = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return _wrap_page(
        f'<h1>{title}</h1>{alarm}<form method="post" action="{SIGN_IN}">'
        f'<input type="hidden" name="next" value="{escape(wanted)}">'
        f'<label>{said["name"]}<input name="name" value="{escape(name)}" required autofocus '
        'autocomplete="username" maxlength="40"></label>'
        f'<label>{said["password"]}<input name="password" type="password" required '
        'autocomplete="current-password" maxlength="256"></label>'
        f"<button>{said['enter']}</button></form>",
        status,
    )


_STYLE = (
    "body{background:#FAF7F1;color:#2B2722;font:18px/1.6 'PingFang SC','Microsoft YaHei',"
    "'Noto Sans CJK SC',sans-serif;margin:0;display:grid;place-items:center;min-height:100vh}"
    "main{width:min(22rem,86vw)}h1{font-size:1.5rem}label{display:block;margin:.9rem 0}"
    "input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;margin-top:"
    ".2rem;border:1px solid #8C7F6C;border-radius:6px;background:#fff}button{font:inherit;width:"
    "100%;padding:.6rem;border:0;border-radius:6px;background:#9C3D22;color:#fff;margin-top:.6rem}"
    "[role=alert]{color:#8C1D18;font-weight:600}a{color:#7E2E1B}"
)


def _wrap_page(body: str, status: int = 200) -> Response:
    title = escape(look_up("app.title", "zh"))
    return HTMLResponse(
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{title}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>",
        status_code=status,
        headers={"Cache-Control": "no-store"},
    )

"""Who gets in: asked once for every request, before Streamlit, and who it is told to the pages."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import settings
from dashboard.signin import COOKIE, PATHS, SIGN_IN, SIGN_OUT, answer_request
from dashboard.words import LANGUAGES, look_up, say
from etl.accounts import Account, Accounts, Event
from etl.errors import AccessError

__all__ = ["COOKIE", "PATHS", "SIGN_IN", "SIGN_OUT", "GuardAccess", "Visitor"]
# Says no more than that the server listens.
OPEN = frozenset({"/healthz"})
# Figures without anybody's data: for whoever is signed in, and for what watches on this machine.
METRICS = "/metrics"
WHO, ADDRESS = "x-shequ-who", "x-shequ-address"
GONE = 4401
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
# What a browser itself says of a request that another site's page made.
_ELSEWHERE = frozenset({"cross-site", "same-site"})
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
        if path in PATHS and asked.scope["type"] == "http":
            return await answer_request(Request(asked.scope, receive), accounts, account, address)
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
    if is_changing and asked.headers.get("sec-fetch-site", "").lower() in _ELSEWHERE:
        return True
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

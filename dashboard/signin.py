"""The pages for signing in and out: by a password, or by the organization's own sign-in."""

from __future__ import annotations

from html import escape
from urllib.parse import quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from dashboard import oidc
from dashboard.words import look_up
from etl.accounts import SESSION_SECONDS, Account, Accounts
from etl.errors import AccessError, UsageError
from etl.provider import Provider, find_provider

COOKIE, WAY = "shequ_session", "shequ_way"
SIGN_IN, SIGN_OUT = "/signin", "/signout"
# To the organization's own sign-in, back from it, and out of it.
AWAY, BACK, LEAVE = "/signin/away", "/signin/back", "/signin/leave"
PATHS = frozenset({SIGN_IN, SIGN_OUT, AWAY, BACK, LEAVE})
WAY_SECONDS = 600
LONGEST_FORM = 4_096


async def answer_request(
    request: Request, accounts: Accounts, account: Account | None, address: str
) -> Response:
    """What is said to a request for one of PATHS; `account` is whose session it is, if anybody's."""
    answer = _ANSWERS[request.url.path]
    return await answer(request, accounts, account, address)


async def _answer_sign_in(
    request: Request, accounts: Accounts, account: Account | None, address: str
) -> Response:
    wanted = _read_next(request.query_params.get("next", "/"))
    if request.method == "GET":
        if account is not None:
            return RedirectResponse(wanted, status_code=303)
        return _write_page(wanted, is_out="out" in request.query_params)
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
    return _let_in(request, token, wanted)


def _let_in(request: Request, token: str, wanted: str) -> Response:
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
        # Whoever came by the provider is still known there: the next page offers to end that too.
        came = "?out=1" if account and account.subject else ""
        answer = RedirectResponse(SIGN_IN + came, status_code=303)
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


async def _answer_away(
    request: Request, accounts: Accounts, account: Account | None, address: str
) -> Response:
    """Send a browser to the provider, with what it must bring back."""
    wanted = _read_next(request.query_params.get("next", "/"))
    try:
        provider = _require_provider()
        back = _say_own(request, provider) + BACK
        where, way = await run_in_threadpool(oidc.begin, provider, back)
    except AccessError as error:
        return _write_page(wanted, str(error), status=502)
    answer = RedirectResponse(where, status_code=303)
    answer.set_cookie(
        WAY, accounts.seal({**way, "next": wanted}), max_age=WAY_SECONDS, path=SIGN_IN,
        httponly=True, samesite="lax", secure=_is_encrypted(request.headers, request.url.scheme),
    )  # fmt: skip
    return answer


async def _answer_back(
    request: Request, accounts: Accounts, account: Account | None, address: str
) -> Response:
    """Let in whom the provider vouches for, if an administrator has added them."""
    way = accounts.unseal(request.cookies.get(WAY, ""), WAY_SECONDS)
    wanted = _read_next(way["next"] if way else "/")
    answer = await run_in_threadpool(_judge_return, request, accounts, way, wanted, address)
    # It is good for one return.
    answer.delete_cookie(WAY, path=SIGN_IN)
    return answer


def _judge_return(
    request: Request, accounts: Accounts, way: dict[str, str] | None, wanted: str, address: str
) -> Response:
    try:
        provider = _require_provider()
        back = _say_own(request, provider) + BACK
        try:
            who = oidc.finish(provider, back, dict(request.query_params), way)
        except oidc.ProviderError as error:
            accounts.refuse_provider("", str(error), address)
            return _write_page(wanted, str(error), status=403)
        token = accounts.sign_in_by_provider(who, address)
    except AccessError as error:
        return _write_page(wanted, str(error), status=429)
    if token is None:
        said = look_up("signin.provider.unknown", "zh", who=who)
        return _write_page(wanted, said, status=403, is_out=True)
    return _let_in(request, token, wanted)


async def _answer_leave(
    request: Request, accounts: Accounts, account: Account | None, address: str
) -> Response:
    """Send a browser to where its session with the provider ends."""
    try:
        provider = _require_provider()
        afterwards = _say_own(request, provider) + SIGN_IN
        where = await run_in_threadpool(oidc.find_way_out, provider, afterwards)
    except AccessError as error:
        return _write_page("/", str(error), status=502)
    if where is None:
        return _write_page("/", look_up("signin.provider.no_way_out", "zh"))
    return RedirectResponse(where, status_code=303)


def _require_provider() -> Provider:
    try:
        provider = find_provider()
    except UsageError as error:
        raise AccessError(str(error)) from error
    if provider is None:
        raise AccessError(look_up("signin.provider.none", "zh"))
    return provider


def _say_own(request: Request, provider: Provider) -> str:
    """Our own address as the browser knows it, without a path."""
    if provider.address:
        return provider.address
    scheme = "https" if _is_encrypted(request.headers, request.url.scheme) else "http"
    return f"{scheme}://{request.headers.get('host', '')}"


_ANSWERS = {
    SIGN_IN: _answer_sign_in,
    SIGN_OUT: _answer_sign_out,
    AWAY: _answer_away,
    BACK: _answer_back,
    LEAVE: _answer_leave,
}


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


def _write_page(
    wanted: str, problem: str = "", name: str = "", status: int = 200, is_out: bool = False
) -> Response:
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
        f"<button>{said['enter']}</button></form>{_offer_provider(wanted, is_out)}",
        status,
    )


def _offer_provider(wanted: str, is_out: bool) -> str:
    """Links to the organization's own sign-in, where there is one, and out of it."""
    try:
        provider = find_provider()
    except UsageError:
        provider = None
    if provider is None:
        return ""
    there = escape(look_up("signin.provider", "zh"))
    link = f'<p><a class="away" href="{AWAY}?next={quote(wanted)}">{there}</a></p>'
    if is_out:
        out = escape(look_up("signin.provider.leave", "zh"))
        link += f'<p><a href="{LEAVE}">{out}</a></p>'
    return link


_STYLE = (
    "body{background:#FAF7F1;color:#2B2722;font:18px/1.6 'PingFang SC','Microsoft YaHei',"
    "'Noto Sans CJK SC',sans-serif;margin:0;display:grid;place-items:center;min-height:100vh}"
    "main{width:min(22rem,86vw)}h1{font-size:1.5rem}label{display:block;margin:.9rem 0}"
    "input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;margin-top:"
    ".2rem;border:1px solid #8C7F6C;border-radius:6px;background:#fff}button{font:inherit;width:"
    "100%;padding:.6rem;border:0;border-radius:6px;background:#9C3D22;color:#fff;margin-top:.6rem}"
    "[role=alert]{color:#8C1D18;font-weight:600;overflow-wrap:anywhere}a{color:#7E2E1B}"
    ".away{display:block;text-align:center;padding:.55rem;border:1px solid #7E2E1B;border-radius:"
    "6px;text-decoration:none}"
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

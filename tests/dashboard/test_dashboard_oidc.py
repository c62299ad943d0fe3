"""Signing in by a provider: whoever an administrator added gets in, and nobody else, whatever it says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from dashboard import settings
from dashboard.access import COOKIE, GuardAccess
from dashboard.signin import WAY
from etl import provider as settings_of_provider
from etl.accounts import ADMIN, LEADER, MOST_TRIES_FROM_ONE_PLACE, Accounts
from etl.cli import main
from etl.errors import UsageError
from etl.provider import find_provider
from tests.dashboard.test_dashboard_access import HOST, Inner, send

CLIENT, CLIENT_SECRET = "shequ", "s3cret-of-the-client"


KEY = RSAKey.generate_key(2048, {"kid": "one"})


class Provider:
    """A sign-in of an organization that can be told to lie, on a port of its own."""

    def __init__(self) -> None:
        self.key = KEY
        self.shown = self.key
        self.lies: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.person: dict[str, Any] = {"sub": "u-1001"}
        self.more: dict[str, Any] = {"sub": "u-1001", "preferred_username": "zhang"}
        self.asked: dict[str, dict[str, str]] = {}
        self.refused: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.answer(self, urlsplit(self.path).path, "")

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                provider.answer(self, self.path, self.rfile.read(length).decode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_address[1]}"
        serve = partial(self.server.serve_forever, 0.02)
        threading.Thread(target=serve, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, path: str, body: str) -> None:
        status, said = 200, {}
        if path == "/.well-known/openid-configuration":
            said = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/me",
                "end_session_endpoint": f"{self.issuer}/bye",
                "jwks_uri": f"{self.issuer}/keys",
                **self.metadata,
            }
        elif path == "/keys":
            said = {"keys": [self.shown.as_dict(private=False)]}
        elif path == "/me":
            said = self.more
        elif path == "/token":
            status, said = self.give_token(handler, dict(parse_qsl(body)))
        text = json.dumps(said).encode()
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)

    def give_token(
        self, handler: BaseHTTPRequestHandler, told: dict[str, str]
    ) -> tuple[int, dict[str, Any]]:
        asked = self.asked.pop(told.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        verifier = hashlib.sha256(told.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        for name, is_right in (
            ("code", asked is not None),
            ("secret", handler.headers.get("authorization") == f"Basic {basic}"),
            ("pkce", asked is not None and asked["code_challenge"] == challenge),
            ("redirect", asked is not None and asked["redirect_uri"] == told.get("redirect_uri")),
        ):
            if not is_right:
                self.refused.append(name)
                return 400, {"error": "invalid_grant"}
        assert asked is not None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], **self.person, **self.lies,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": signed}

    def vouch(self, address: str) -> str:
        """What a browser that follows the address is sent back with: a code, and the state."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        code = f"code-{len(self.asked)}-{asked['state'][:6]}"
        self.asked[code] = asked
        return f"code={code}&state={asked['state']}"


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    made = Provider()
    monkeypatch.setenv(settings_of_provider.ISSUER, made.issuer)
    monkeypatch.setenv(settings_of_provider.CLIENT, CLIENT)
    monkeypatch.setenv(settings_of_provider.SECRET, CLIENT_SECRET)
    yield made
    made.server.shutdown()
    made.server.server_close()


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
    made.add("张书记", "", ADMIN, subject="u-1001")
    return made


def go_away(app: Any, wanted: str = "/map?at=T14") -> tuple[str, str]:
    """To the provider: its address, and the cookie to bring back."""
    answer = send(app, f"/signin/away?next={quote(wanted)}")
    assert answer.status == 303, answer.body
    assert "httponly" in answer.headers["set-cookie"].lower()
    return answer.headers["location"], f"{WAY}={answer.cookie}"


def come_back(app: Any, provider: Provider, **more: str) -> Any:
    """The whole way there and back."""
    address, cookie = go_away(app)
    return send(app, f"/signin/back?{provider.vouch(address)}", cookie=cookie, **more)


def read_cookies(answer: Any) -> dict[str, str]:
    start = next(part for part in answer.parts if part["type"] == "http.response.start")
    told = [v.decode() for k, v in start["headers"] if k == b"set-cookie"]
    return dict(line.partition(";")[0].split("=", 1) for line in told)


def test_whom_an_administrator_added_gets_in_where_they_wanted_to_go(
    guarded: GuardAccess, inner: Inner, accounts: Accounts, provider: Provider
) -> None:
    asked = send(guarded, "/map?at=T14", accept="text/html").headers["location"]
    assert f"/signin/away?next={quote('/map?at=T14')}" in send(guarded, asked).body
    answer = come_back(guarded, provider, client="10.0.0.8")
    assert (answer.status, answer.headers["location"]) == (303, "/map?at=T14")
    cookies = read_cookies(answer)
    assert cookies[WAY] == '""'  # good for one return
    assert send(guarded, "/", cookie=f"{COOKIE}={cookies[COOKIE]}").body == "inside"
    (event,) = accounts.audit()
    assert (event.who, event.what, event.detail, event.address) == (
        "张书记", "sign_in", "统一登录", "10.0.0.8",
    )  # fmt: skip
    assert provider.refused == []
    gone = send(
        guarded, "/signout", "POST", origin=f"http://{HOST}", cookie=f"{COOKIE}={cookies[COOKIE]}"
    )
    assert gone.headers["location"] == "/signin?out=1"
    assert "/signin/leave" in send(guarded, "/signin?out=1").body
    out = send(guarded, "/signin/leave").headers["location"]
    assert out.startswith(f"{provider.issuer}/bye?client_id={CLIENT}&post_logout_redirect_uri=")
    assert send(guarded, "/", cookie=f"{COOKIE}={cookies[COOKIE]}").status == 401


LIES: dict[str, dict[str, Any]] = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "expired": {"exp": int(time.time()) - 3600},
    "no end": {"exp": None},
    "from the future": {"iat": int(time.time()) + 86_400},
    "wrong audience": {"aud": "another-client"},
    "several audiences": {"aud": [CLIENT, "another-client"]},
    "another party": {"azp": "another-client"},
    "no audience": {"aud": None},
    "wrong issuer": {"iss": "https://evil.example"},
    "no subject": {"sub": None},
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_not_for_this_sign_in_lets_nobody_in(
    guarded: GuardAccess, accounts: Accounts, provider: Provider, lie: str
) -> None:
    provider.lies = LIES[lie]
    answer = come_back(guarded, provider)
    assert answer.status == 403
    assert answer.body.count('role="alert"') == 1
    assert COOKIE not in read_cookies(answer)
    (event,) = accounts.audit()
    assert (event.what, event.who) == ("sign_in_failed", "")
    assert event.detail.startswith("统一登录：")


def test_a_signature_by_another_key_or_by_none_lets_nobody_in(
    guarded: GuardAccess, accounts: Accounts, provider: Provider
) -> None:
    provider.shown = RSAKey.generate_key(2048, {"kid": "one"})
    assert come_back(guarded, provider).status == 403
    provider.shown = provider.key
    public = provider.key.as_pem(private=False)
    for alg in ("none", "HS256"):
        told = {"iss": provider.issuer, "aud": CLIENT, "sub": "u-1001", "iat": 0, "exp": 9e12}
        parts = [json.dumps({"alg": alg, "kid": "one"}), json.dumps(told)]
        head = ".".join(base64.urlsafe_b64encode(p.encode()).rstrip(b"=").decode() for p in parts)
        digest = hmac.digest(public, head.encode(), "sha256") if alg == "HS256" else b""
        signed = f"{head}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
        provider.give_token = lambda *_, s=signed: (  # type: ignore[method-assign,misc]
            200, {"access_token": "a", "token_type": "Bearer", "id_token": s},
        )  # fmt: skip
        assert come_back(guarded, provider).status == 403, alg
    assert [event.what for event in accounts.audit()] == ["sign_in_failed"] * 3


def test_a_return_that_did_not_begin_here_lets_nobody_in(
    guarded: GuardAccess, accounts: Accounts, provider: Provider, tmp_path: Path
) -> None:
    address, cookie = go_away(guarded)
    right = provider.vouch(address)
    other, _ = go_away(guarded)
    wrong = [
        send(guarded, f"/signin/back?{right}"),  # another browser
        send(guarded, f"/signin/back?{right}", cookie=f"{cookie}x"),
        send(guarded, f"/signin/back?{provider.vouch(other)}", cookie=cookie),  # another's state
        send(guarded, f"/signin/back?{right.partition('&')[0]}", cookie=cookie),
        send(guarded, "/signin/back", cookie=cookie),
    ]
    for answer in wrong:
        assert answer.status == 403
        assert "请重新登录" in answer.body
        assert COOKIE not in read_cookies(answer)
    way = accounts.unseal(cookie.partition("=")[2].strip('"'), 600)
    assert way is not None
    for seconds, status in ((601, 403), (-5, 403), (590, 303)):
        slow = Accounts(tmp_path, lambda ago=seconds: time.time() - ago)  # type: ignore[misc]
        told = f"{WAY}={slow.seal(way)}"
        assert send(guarded, f"/signin/back?{right}", cookie=told).status == status
    assert provider.refused == []  # it was not even asked


def test_a_code_is_worth_nothing_twice_and_an_error_is_said(
    guarded: GuardAccess, accounts: Accounts, provider: Provider
) -> None:
    address, cookie = go_away(guarded)
    query = provider.vouch(address)
    assert send(guarded, f"/signin/back?{query}", cookie=cookie).status == 303
    again = send(guarded, f"/signin/back?{query}", cookie=cookie)
    assert (again.status, provider.refused) == (403, ["code"])
    state = query.partition("&")[2]
    said = send(guarded, f"/signin/back?error=access_denied<script>&{state}", cookie=cookie)
    assert said.status == 403
    assert "access_deniedscript" in said.body
    # An answer that says it comes from another provider (RFC 9207).
    mixed = send(guarded, f"/signin/back?{query}&iss=https://evil.example", cookie=cookie)
    assert mixed.status == 403


def test_whom_nobody_added_stays_outside_and_is_told_whom_to_ask(
    guarded: GuardAccess, accounts: Accounts, provider: Provider
) -> None:
    for subject in ("u-2002", "张书记", "U-1001", "u-1001 ", "<b>x</b>"):
        provider.person = {"sub": subject}
        answer = come_back(guarded, provider)
        assert answer.status == 403, subject
        assert "还没有您的账号" in answer.body
        assert "<b>" not in answer.body
        assert accounts.audit(1)[0].who == subject
    assert accounts.audit(1)[0].detail == "统一登录：没有这个账号"
    assert [account.name for account in accounts.everyone()] == ["张书记"]
    # The account has no password, not even an empty one.
    assert accounts.sign_in("张书记", "", "") is None


def test_another_claim_may_name_the_account_if_the_provider_tells_it_of_the_same_person(
    guarded: GuardAccess, accounts: Accounts, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.add("王社工", "", LEADER, subject="zhang")
    monkeypatch.setenv(settings_of_provider.CLAIM, "preferred_username")
    assert come_back(guarded, provider).status == 303  # told beside the token
    assert accounts.audit(1)[0].who == "王社工"
    provider.more["sub"] = "somebody-else"
    assert come_back(guarded, provider).status == 403
    provider.more = {"sub": "u-1001"}
    assert "认不出账号" in come_back(guarded, provider).body
    monkeypatch.setenv(settings_of_provider.CLAIM, "email")
    accounts.add("李主任", "", LEADER, subject="li@example.cn")
    for verified, status in ((None, 403), (False, 403), ("true", 403), (True, 303)):
        provider.person = {"sub": "u-3", "email": "li@example.cn", "email_verified": verified}
        assert come_back(guarded, provider).status == status, verified


def test_a_provider_that_is_away_or_another_one_is_said(
    guarded: GuardAccess, accounts: Accounts, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in (
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://10.0.0.9/token"},  # the secret would go there in clear
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
    ):
        provider.metadata = wrong
        answer = send(guarded, "/signin/away")
        assert (answer.status, "没有通过核对" in answer.body) == (502, True), wrong
    provider.server.shutdown()
    provider.server.server_close()
    answer = send(guarded, "/signin/away")
    assert (answer.status, "现在没有应答" in answer.body) == (502, True)
    assert 'name="password"' in answer.body  # the other way stays open


def test_nobody_is_led_to_another_server_by_the_provider(
    guarded: GuardAccess, accounts: Accounts, provider: Provider
) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/signin/away", "/\\evil.example"):
        address, cookie = go_away(guarded, wanted)
        answer = send(guarded, f"/signin/back?{provider.vouch(address)}", cookie=cookie)
        assert answer.headers["location"] == "/"


def test_the_address_that_browsers_know_may_be_said(
    guarded: GuardAccess, accounts: Accounts, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def back() -> str:
        return parse_qs(urlsplit(go_away(guarded)[0]).query)["redirect_uri"][0]

    assert back() == f"http://{HOST}/signin/back"
    monkeypatch.setenv(settings_of_provider.ADDRESS, "https://shequ.example.cn/")
    assert back() == "https://shequ.example.cn/signin/back"


def test_many_refusals_from_one_place_are_stopped_and_lock_nobody_elsewhere_out(
    guarded: GuardAccess, accounts: Accounts, provider: Provider
) -> None:
    for _ in range(MOST_TRIES_FROM_ONE_PLACE):
        assert send(guarded, "/signin/back?state=x", client="10.0.0.8").status == 403
    stopped = send(guarded, "/signin/back?state=x", client="10.0.0.8")
    assert stopped.status == 429
    assert "试错的次数太多" in stopped.body
    assert len(accounts.audit()) == MOST_TRIES_FROM_ONE_PLACE
    assert come_back(guarded, provider, client="10.0.0.9").status == 303


def test_the_secret_is_in_no_log_and_no_page(
    guarded: GuardAccess, accounts: Accounts, provider: Provider, caplog: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = come_back(guarded, provider)
    provider.lies = {"nonce": "another"}
    refused = come_back(guarded, provider)
    assert CLIENT_SECRET not in caplog.text + answer.body + refused.body + repr(find_provider())


def test_without_a_provider_its_ways_lead_nowhere(
    guarded: GuardAccess, inner: Inner, accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(settings_of_provider.ISSUER, raising=False)
    monkeypatch.delenv(settings_of_provider.CLIENT, raising=False)
    assert "/signin/away" not in send(guarded, "/signin").body
    for path in ("/signin/away", "/signin/leave"):
        assert "没有设统一登录" in send(guarded, path).body
    assert send(guarded, "/signin/back?code=x&state=y").status == 429
    assert inner.reached == []


# -- settings and accounts ----------------------------------------------------------------------


def test_settings_by_halves_or_without_encryption_are_said_before_anything_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (settings_of_provider.ISSUER, settings_of_provider.CLIENT):
        monkeypatch.delenv(name, raising=False)
    assert find_provider() is None
    monkeypatch.setenv(settings_of_provider.ISSUER, "http://login.example.cn")
    with pytest.raises(UsageError, match="少一个"):
        find_provider()
    monkeypatch.setenv(settings_of_provider.CLIENT, CLIENT)
    with pytest.raises(UsageError, match="https://"):
        find_provider()
    assert main(["serve", "--empty", "--port", "1", "--store", str(tmp_path / "s")]) == 2
    assert "https://" in capsys.readouterr().err
    monkeypatch.setenv(settings_of_provider.ISSUER, "https://login.example.cn/")
    kept = tmp_path / "secret"
    monkeypatch.setenv(settings_of_provider.SECRET_FILE, str(kept))
    with pytest.raises(UsageError, match="读不了"):
        find_provider()
    kept.write_text(f"{CLIENT_SECRET}\n", encoding="utf-8")
    found = find_provider()
    assert found is not None
    assert (found.issuer, found.secret, found.claim) == (
        "https://login.example.cn", CLIENT_SECRET, "sub",
    )  # fmt: skip


def test_the_command_adds_binds_and_lists_and_every_step_is_in_the_audit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = str(tmp_path / "store")

    def run(*arguments: str) -> int:
        return main(["user", *arguments, "--store", store])

    assert run("add", "张书记", "--role", ADMIN, "--sso", "u-1001") == 0
    assert run("add", "王社工", "--sso", "u-1001") == 2
    assert "已经是另一个账号的" in capsys.readouterr().err
    assert run("add", "王社工", "--sso", "x" * 256) == 2
    assert run("add", "王社工", "--sso", "u-2") == 0
    assert run("sso", "王社工", "--sso", "u-1001") == 2
    accounts = Accounts(tmp_path / "store")
    token = accounts.sign_in_by_provider("u-2", "")
    assert token is not None
    assert run("sso", "王社工", "--sso", "u-3") == 0
    assert accounts.find(token) is None
    assert accounts.sign_in_by_provider("u-2", "") is None
    assert run("list", "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])["accounts"]
    assert {one["name"]: one["sso"] for one in told} == {"张书记": "u-1001", "王社工": "u-3"}
    assert run("sso", "王社工") == 0
    assert accounts.sign_in_by_provider("u-3", "") is None
    assert accounts.sign_in_by_provider("", "") is None
    said = [(e.what, e.detail) for e in accounts.audit() if e.what != "sign_in_failed"]
    assert said == [
        ("subject_changed", "王社工（取消）"),
        ("subject_changed", "王社工（u-3）"),
        ("sign_in", "统一登录"),
        ("account_added", "王社工（社区，统一登录 u-2）"),
        ("account_added", "张书记（管理员，统一登录 u-1001）"),
    ]

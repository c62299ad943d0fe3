"""The way to the organization's own sign-in and back: OpenID Connect, code flow with PKCE."""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from dashboard.words import look_up
from etl.accounts import LONGEST_SUBJECT
from etl.errors import AccessError
from etl.provider import EMAIL, Provider, is_safe_address

SCOPE = "openid profile email"
SECONDS = 8
LEEWAY_SECONDS = 60
# Signatures that need the provider's own private key: none without one, and no shared secret.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"})  # fmt: skip
# Strangers may start as many ways there as they like; few of them wait for an answer at once.
_ASKING = threading.BoundedSemaphore(4)


class ProviderError(AccessError):
    """The provider did not vouch for anybody: a sentence, and `reason` for the audit."""

    def __init__(self, reason: str, **told: str) -> None:
        super().__init__(look_up(f"signin.provider.{reason}", "zh", **told))
        self.reason = reason


def begin(provider: Provider, back: str) -> tuple[str, dict[str, str]]:
    """The address to send a browser to, and what it must bring back; `back` is where it comes to.

    Raises
    ------
    ProviderError
        The provider does not answer, or not as one.
    """
    way = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    with _ask_provider():
        found = _read_metadata(provider)
        address, _ = _open(provider, back).create_authorization_url(
            found["authorization_endpoint"],
            state=way["state"],
            nonce=way["nonce"],
            code_verifier=way["verifier"],
        )
    return address, way


def finish(
    provider: Provider, back: str, told: Mapping[str, str], way: Mapping[str, str] | None
) -> str:
    """Who has come back, by the claim that names accounts.

    Parameters
    ----------
    told
        The query with which the browser came back.
    way
        What `begin` gave this browser to keep; None where it kept nothing.

    Raises
    ------
    ProviderError
        Anything at all is not as it was to be.
    """
    if way is None or not hmac.compare_digest(
        told.get("state", "").encode(), way["state"].encode()
    ):
        raise ProviderError("stale")
    if "error" in told:
        raise ProviderError("refused", error=re.sub(r"[^A-Za-z0-9_.-]", "", told["error"])[:60])
    if told.get("iss", provider.issuer).rstrip("/") != provider.issuer or not told.get("code"):
        raise ProviderError("untrue")
    with _ask_provider():
        found = _read_metadata(provider)
        session = _open(provider, back)
        token = session.fetch_token(
            found["token_endpoint"],
            grant_type="authorization_code",
            code=told["code"],
            code_verifier=way["verifier"],
            timeout=SECONDS,
        )
        claims = _read_claims(provider, found, token, way["nonce"])
        if provider.claim not in claims and "userinfo_endpoint" in found:
            claims |= _ask_more(session, found["userinfo_endpoint"], claims["sub"])
    return _name(provider, claims)


def find_way_out(provider: Provider, afterwards: str) -> str | None:
    """Where a browser ends its session with the provider too; None where that is not offered."""
    with _ask_provider():
        address = _read_metadata(provider).get("end_session_endpoint")
    if not address:
        return None
    query = urlencode({"client_id": provider.client_id, "post_logout_redirect_uri": afterwards})
    return f"{address}{'&' if '?' in address else '?'}{query}"


@contextmanager
def _ask_provider() -> Iterator[None]:
    """While the provider is asked: few at once, and whatever goes wrong is one sentence."""
    from authlib.common.errors import AuthlibBaseError
    from joserfc.errors import JoseError
    from requests import RequestException

    if not _ASKING.acquire(timeout=SECONDS):
        raise ProviderError("away")
    try:
        yield
    except RequestException as error:
        raise ProviderError("away") from error
    except (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
        raise ProviderError("untrue") from error
    finally:
        _ASKING.release()


def _open(provider: Provider, back: str) -> Any:
    from authlib.integrations.requests_client import OAuth2Session

    return OAuth2Session(
        provider.client_id,
        provider.secret or None,
        scope=SCOPE,
        redirect_uri=back,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_basic" if provider.secret else "none",
    )


def _read_metadata(provider: Provider) -> dict[str, Any]:
    """What the provider says of itself: it must be the one named, and asked in safety."""
    found = _get_json(f"{provider.issuer}/.well-known/openid-configuration")
    if str(found["issuer"]).rstrip("/") != provider.issuer:
        raise ProviderError("untrue")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        found[name]  # without these there is no way: a KeyError says so
    if not all(is_safe_address(value) for name, value in found.items() if _is_address(name)):
        raise ProviderError("untrue")
    return found


def _is_address(name: str) -> bool:
    return name in ("jwks_uri", "authorization_endpoint", "token_endpoint", "userinfo_endpoint",
                    "end_session_endpoint")  # fmt: skip


def _get_json(address: str) -> dict[str, Any]:
    import requests

    answer = requests.get(address, timeout=SECONDS, allow_redirects=False)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ProviderError("untrue")
    return found


def _read_claims(
    provider: Provider, found: Mapping[str, Any], token: Mapping[str, Any], nonce: str
) -> dict[str, Any]:
    """What the identity token says, once its signature and all it is bound to have been checked."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.jwk import KeySet

    keys = KeySet.import_key_set(_get_json(found["jwks_uri"]))  # type: ignore[arg-type]
    read = jwt.decode(token["id_token"], keys, algorithms=sorted(ALGORITHMS))
    claims = CodeIDToken(
        read.claims,
        read.header,
        {
            "iss": {"essential": True, "value": found["issuer"]},
            "aud": {"essential": True, "value": provider.client_id},
        },
        {
            "nonce": nonce,
            "client_id": provider.client_id,
            "access_token": token.get("access_token"),
        },
    )
    claims.validate(leeway=LEEWAY_SECONDS)
    return dict(claims)


def _ask_more(session: Any, address: str, subject: str) -> dict[str, Any]:
    """What the provider tells of the person beside the token; of the same person only."""
    answer = session.get(address, timeout=SECONDS, allow_redirects=False)
    answer.raise_for_status()
    told = answer.json()
    if not isinstance(told, dict) or told.get("sub") != subject:
        raise ProviderError("untrue")
    return told


def _name(provider: Provider, claims: Mapping[str, Any]) -> str:
    named = claims.get(provider.claim)
    if not isinstance(named, str) or not named or len(named) > LONGEST_SUBJECT:
        raise ProviderError("nameless", claim=provider.claim)
    if provider.claim == EMAIL and claims.get("email_verified") is not True:
        # Anybody may write another's address into a profile.
        raise ProviderError("unverified")
    return named

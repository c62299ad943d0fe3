"""Headers on every response: the browser itself refuses to talk to any other host."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
COMPONENT = "/component/"

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def write_policy(host: str, *, is_component: bool) -> str:
    """The Content-Security-Policy for a response.

    Only the frame of the map may run inline scripts and `eval`: streamlit-folium puts the map
    there as a script and evaluates every change of it. The page itself may run what Streamlit's
    own first page holds, and nothing else inline.
    """
    sockets = f" ws://{host} wss://{host}" if HOST.fullmatch(host) else ""
    inline = "'unsafe-inline'" if is_component else " ".join(_hash_inline_scripts())
    scripts = f"'self' 'unsafe-eval' {inline}".strip()
    rules = {
        "default-src": "'self'",
        "script-src": scripts,
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' blob:",
        "worker-src": "'self' blob:",
        "connect-src": f"'self'{sockets}",
        "frame-src": "'self'",
        "frame-ancestors": "'self'",
        "form-action": "'self'",
        "base-uri": "'self'",
        "object-src": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def read_first_page() -> str:
    """The page that Streamlit sends first, for every address alike; nothing where it is not."""
    spec = find_spec("streamlit")
    if spec is None or not spec.origin:
        return ""
    return (Path(spec.origin).parent / "static" / "index.html").read_bytes().decode()


@cache
def _hash_inline_scripts() -> tuple[str, ...]:
    """The inline scripts of Streamlit's own first page, as a policy names them."""
    scripts = INLINE_SCRIPT.findall(read_first_page())
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return tuple(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)


class GuardHeaders:
    """Around the app: the policy and the fixed headers on every response, errors included."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and put the headers on what comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        policy = write_policy(host, is_component=scope["path"].startswith(COMPONENT))

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                for name, value in FIXED.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_guarded)

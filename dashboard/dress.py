"""The first page as Streamlit has it, with our style in it: no page is ever seen without.

A style that a run of the page brings may come after the page's first pieces, on a busy machine
by seconds. Streamlit gives the same first page at every address; one that is no page leads to the
beginning, where Streamlit would say in English that it does not exist.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.headers import read_first_page
from dashboard.map.files import address_of
from dashboard.pages import ADMIN_PAGES, PAGES

STYLE = "shequ/page.css"
# Not in the head: Streamlit puts its own rules there, and ours have to come after them.
BODY = b"<body>"
KNOWN = frozenset({"", *(f"/{name}" for name in (*PAGES, *ADMIN_PAGES))})


class DressPage:
    """Around Streamlit's app: its first page leaves with a link to our style, all else as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.plain = read_first_page().encode()
        link = f'<link rel="stylesheet" href="{address_of(STYLE)}">'.encode()
        self.dressed = self.plain.replace(BODY, BODY + link, 1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; hold back what could be the first page until it is all there."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        held: list[Message] = []

        async def send_dressed(message: Message) -> None:
            if message["type"] == "http.response.start" and self._may_be_ours(message):
                held.append(message)
                return
            if not held:
                await send(message)
                return
            held.append(message)
            if not message.get("more_body", False):
                for one in self._answer(scope, held):
                    await send(one)
                held.clear()

        await self.app(_ask_plain(scope), receive, send_dressed)

    def _may_be_ours(self, start: Message) -> bool:
        headers = MutableHeaders(scope=start)
        is_page = headers.get("content-type", "").startswith("text/html")
        return is_page and headers.get("content-length") == str(len(self.plain))

    def _answer(self, scope: Scope, held: list[Message]) -> list[Message]:
        """The messages of a response, if they are those of the first page with the style in it."""
        start, *parts = held
        if b"".join(part.get("body", b"") for part in parts) != self.plain:
            return held
        is_page = scope["path"].rstrip("/") in KNOWN
        return self._dress(start) if is_page else _lead_home(scope)

    def _dress(self, start: Message) -> list[Message]:
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(self.dressed))
        # They speak of the file, which stays the same when our style changes.
        for name in ("etag", "last-modified"):
            del headers[name]
        return [start, {"type": "http.response.body", "body": self.dressed}]


def _lead_home(scope: Scope) -> list[Message]:
    """The messages that send a browser to the first page, with what was chosen in the link."""
    chosen = b"?" + scope["query_string"] if scope["query_string"] else b""
    headers = [(b"location", b"/" + chosen), (b"content-length", b"0")]
    start = {"type": "http.response.start", "status": 307, "headers": headers}
    return [start, {"type": "http.response.body", "body": b""}]


def _ask_plain(scope: Scope) -> Scope:
    """A browser that asks for a page gets it unpacked: what is packed cannot be added to."""
    headers = Headers(scope=scope)
    if "text/html" not in headers.get("accept", ""):
        return scope
    kept = [pair for pair in scope["headers"] if pair[0].lower() != b"accept-encoding"]
    return {**scope, "headers": kept}

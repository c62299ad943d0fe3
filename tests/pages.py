"""Pages opened without a browser: the app's own frame around one of them, and what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

SECONDS = 60
Open = Callable[..., AppTest]


def script_of(view: str) -> str:
    """One page inside the app's own frame: style, choice, error handler."""
    return f"""
import streamlit as st
from dashboard import choice, page
from dashboard.views import {view} as view
st.session_state.setdefault(page.PAGES, {{}})
page.put_words()
try:
    view.show()
except Exception as error:
    page.show_failure(error)
choice.write_address()
"""


def open_view(view: str, **query: str) -> AppTest:
    """One page, with what its address says."""
    test = AppTest.from_string(script_of(view), default_timeout=SECONDS)
    for name, value in query.items():
        test.query_params[name] = value
    return test.run()


def collect_files(patch: pytest.MonkeyPatch) -> dict[str, Callable[[], bytes]]:
    """What the pages that are opened from now on offer to take away, by the name of the file."""
    offered: dict[str, Callable[[], bytes]] = {}

    def offer(_label: str, data: object, name: str, *_: object, **__: object) -> bool:
        # By its language and filters too: a page may offer the same name twice.
        offered[f"{len(offered)}/{name}"] = data if callable(data) else lambda: bytes(data)  # type: ignore[call-overload]
        return False

    patch.setattr(streamlit, "download_button", offer)
    return offered


def text_of(test: AppTest) -> str:
    """Everything that a page says."""
    html = [element.proto.body for element in test.get("html")]
    said = [e.value for kind in ("markdown", "error", "warning", "info") for e in test.get(kind)]
    return "\n".join([*html, *map(str, said)])


def address_of(test: AppTest) -> dict[str, str]:
    """The query of the address; AppTest gives lists or strings, by who set them."""
    found = {name: test.query_params[name] for name in test.query_params}
    return {k: v if isinstance(v, str) else v[0] for k, v in found.items()}

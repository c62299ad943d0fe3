"""Who signed in, brought data in and took it back: for administrators."""

from __future__ import annotations

import streamlit as st

from dashboard import access, page
from dashboard.words import name_value, say
from etl.accounts import ADMIN

MOST = 500


def show() -> None:
    """The page."""
    page.show_title(say("nav.audit"), say("audit.lead"))
    visitor = access.current()
    if visitor.account and visitor.account.role != ADMIN:
        st.warning(say("audit.refused"))
        return
    events = access.list_events(MOST)
    if not events:
        page.show_note([say("audit.none")])
        return
    heads = [say(f"audit.{name}") for name in ("at", "who", "what", "detail", "address")]
    rows = [
        [
            page.write_time(event.at.astimezone()),
            event.who or say("none"),
            name_value("audit.what", event.what),
            event.detail,
            event.address or say("none"),
        ]
        for event in events
    ]
    page.show_rows(heads, rows, stacks=True)

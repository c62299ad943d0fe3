"""What the visitor chose to see; kept in the address, so that a link opens what its sender saw."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import pandas as pd
import streamlit as st

from dashboard.words import speak
from etl.tables.governance import PATHS
from etl.tables.survey import ITEMS

COLOURINGS = (
    "rate", "change", "type", "households", "coverage", "core", "taking_part", "trust",
    "norms", "networks", "needs", "matters", "promises", "meetings", "handbook", "late", "committee",
)  # fmt: skip
OVERLAYS = ("hotspots", "density", "gaps", "organizations", "reach", "actions", "buildings")
FORMS = ("map", "months", "compare", "table")
# What is compared.
SIDES = ("months", "colours", "places")
# The parts of the page on organizations.
PARTS = ("gaps", "growth", "committees", "core", "watch", "activities", "network")
# The parts of the page on deliberation.
TALKS = ("first", "matters", "needs", "promises", "handbook", "papers")
# How a briefing is laid out.
LAYOUTS = ("bulletin", "official")
LANGUAGES = ("zh", "en")
# What a page itself checks against its data.
FREE = (
    "at",
    "category",
    "matter",
    "problem",
    "act",
    "find",
    "kind",
    "links",
    "span",
    "scope",
    "at2",
    "within",
)
KEPT, SAID, MARK = "choice", "said", "choice-mark"
# A run that was asked for before the browser heard of the new address still says the former one; a
# slow browser may take so long to hear of it.
IN_FLIGHT_SECONDS = 1.0


@dataclass(frozen=True)
class Choice:
    """Everything that a link carries. Empty means: as it opens by itself."""

    color: str = ""
    show: tuple[str, ...] = ("hotspots", "buildings")
    at: str = ""
    # The area in which the map shows compounds, as a path of `etl.areas`.
    within: str = ""
    category: str = ""
    first: str = ""
    last: str = ""
    form: str = "map"
    part: str = "gaps"
    talk: str = ""
    matter: str = ""
    lang: str = "zh"
    # Of the pages on social capital and on actions: an item of the survey, the problem and the path
    # of actions, one action, and words looked for.
    item: str = ""
    problem: str = ""
    path: str = ""
    act: str = ""
    find: str = ""
    # How a table or chart of a page is seen: whose watch, which links, which span, month, scope.
    kind: str = ""
    links: str = ""
    span: str = ""
    month: str = ""
    scope: str = ""
    # The month that the map shows while it goes through them.
    frame: str = ""
    # What is compared with what: the kind, and the second side of each.
    vs: str = ""
    frame2: str = ""
    color2: str = ""
    at2: str = ""
    # Of the page on briefings: the month ('' is the newest whole one) and the form.
    issue: str = ""
    layout: str = ""

    def as_query(self) -> dict[str, str]:
        """The part of an address that says this; what is as usual is left out."""
        usual = Choice()
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            name: ".".join(value) if isinstance(value, tuple) else value
            for name, value in said.items()
            if value != getattr(usual, name)
        }


def read_query(query: Mapping[str, str]) -> Choice:
    """The choice that an address says; words that mean nothing here are passed over."""
    choice = Choice()
    allowed_words = {
        "color": COLOURINGS, "form": FORMS, "part": PARTS, "talk": TALKS, "lang": LANGUAGES,
        "layout": LAYOUTS,
    }  # fmt: skip
    allowed_words |= {"vs": SIDES, "color2": COLOURINGS}
    for name, allowed in allowed_words.items():
        if query.get(name) in allowed:
            choice = replace(choice, **{name: query[name]})
    if "show" in query:
        wanted = query["show"].split(".")
        choice = replace(choice, show=tuple(name for name in OVERLAYS if name in wanted))
    if query.get("item") in {item for items in ITEMS.values() for item in items}:
        choice = replace(choice, item=query["item"])
    if query.get("path") in {value.code for value in PATHS}:
        choice = replace(choice, path=query["path"])
    for name in FREE:
        choice = replace(choice, **{name: str(query.get(name, ""))[:200]})
    for name in ("first", "last", "issue", "month", "frame", "frame2"):
        choice = replace(choice, **{name: _read_month(query.get(name, ""))})
    return choice


def current() -> Choice:
    """What this visitor chose; read from the address when the page is first opened."""
    if KEPT not in st.session_state:
        st.session_state[KEPT] = read_query(st.query_params.to_dict())
    kept: Choice = st.session_state[KEPT]
    return kept


def follow_address() -> None:
    """Take what the address says where the visitor went by a link, or back or forward.

    To be called once at the start of a run, before anything is shown.
    """
    state, query = st.session_state, st.query_params.to_dict()
    said = state.get(SAID)
    if said is not None:
        written, before, at = said
        is_late = query in before and time.monotonic() - at < IN_FLIGHT_SECONDS
        if query == written or is_late:
            return
    state[KEPT] = read_query(query)
    state[SAID] = (query, [query], 0.0)
    state[MARK] = state.get(MARK, 0) + 1
    speak(current().lang)


def mark() -> str:
    """What the keys of widgets end in: it changes where their values come from the address anew."""
    return f"{current().lang}.{st.session_state.get(MARK, 0)}"


def change(**changes: object) -> None:
    """Change the choice. The address follows when the page has run."""
    st.session_state[KEPT] = replace(current(), **changes)  # type: ignore[arg-type]
    speak(current().lang)


def write_address() -> None:
    """Say in the address what is chosen."""
    wanted, query = current().as_query(), st.query_params.to_dict()
    written = st.session_state.get(SAID, (query,))[0]
    # A run that was asked for early says an old address: the browser may have a newer one.
    if wanted != query or wanted != written:
        st.query_params.from_dict(wanted)
        st.session_state[SAID] = (wanted, [query, written], time.monotonic())


def _read_month(written: str) -> str:
    """'2025-03' if that is a month, else nothing."""
    month = pd.to_datetime(written, format="%Y-%m", errors="coerce")
    return "" if pd.isna(month) else f"{month:%Y-%m}"

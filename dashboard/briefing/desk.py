"""The press behind the page: one per published state, with the drafts that were typeset kept."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pypdfium2 as pdfium
import streamlit as st

from dashboard import access, load
from dashboard.briefing.issuing import FORMS, Issued, Press, Progress, Source, be_silent
from dashboard.words import look_up
from etl.briefing.book import Figure
from etl.briefing.trace import Trace, trace_figure
from etl.disclosure import EVERYTHING

KEPT_DRAFTS = 12
DOTS_PER_INCH = 110


def open_press(build: load.Build) -> Press:
    """The press of a published state; AccessError for whoever may not see all of it."""
    load.require_everything(build)
    return _open_press(build.path, build.snapshot)


@st.cache_resource(show_spinner=False, max_entries=load.KEPT_BUILDS)
def _open_press(path: str, snapshot: int) -> Press:
    build = load.Build(path, snapshot, EVERYTHING)

    def read(name: str) -> pd.DataFrame:
        return load.frame(build, name)

    def query(sql: str) -> tuple[list[str], list[tuple[object, ...]]]:
        return load.open_store(path).query(sql)

    source = Source(
        read, lambda: load.shapes(build), query, load.profile(), snapshot, Path(path),
        load.open_store(path).keep_state,
    )  # fmt: skip
    return Press(source)


def write_draft(build: load.Build, month: date, compound_id: str, form: str, remarks: str) -> bytes:
    """A draft as PDF; typeset anew only where something differs. AccessError as above."""
    load.require_everything(build)
    return _write_draft(build.path, build.snapshot, f"{month:%Y-%m}", compound_id, form, remarks)


@st.cache_data(show_spinner=False, max_entries=KEPT_DRAFTS)
def _write_draft(
    path: str, snapshot: int, month: str, compound_id: str, form: str, remarks: str
) -> bytes:
    press = _open_press(path, snapshot)
    scope = press.scope(date.fromisoformat(f"{month}-01"), compound_id)
    briefing = press.compose(scope, FORMS[form], remarks)
    content = replace(briefing.content, number=look_up("brief.draft", "zh"))
    return press.write(replace(briefing, content=content), form)["pdf"]


@st.cache_data(show_spinner=False, max_entries=KEPT_DRAFTS * 4)
def draw_page(content: bytes, number: int) -> bytes:
    """A page of a PDF (from zero) as PNG."""
    pdf = pdfium.PdfDocument(content)
    try:
        held = io.BytesIO()
        pdf[number].render(scale=DOTS_PER_INCH / 72).to_pil().save(held, "PNG")
        return held.getvalue()
    finally:
        pdf.close()


def count_pages(content: bytes) -> int:
    """How many pages a PDF has."""
    pdf = pdfium.PdfDocument(content)
    try:
        return len(pdf)
    finally:
        pdf.close()


def issue(
    build: load.Build, month: date, compound_id: str, remarks: str, *, correct: bool = False,
    progress: Progress = be_silent,
) -> Issued:  # fmt: skip
    """Issue a month, or a correction of it. Raises AccessError for those who may only look."""
    visitor = access.require_update()
    press = open_press(build)
    who = visitor.account.name if visitor.account else ""
    issued = press.issue(press.scope(month, compound_id), remarks, who, correct=correct,
                         progress=progress)  # fmt: skip
    if issued.is_new:
        place = press.compounds["name"].get(compound_id, press.source.profile.name)
        access.note("brief", f"{place} {month:%Y-%m} {issued.issue.number}")
    return issued


def trace(build: load.Build, figure: Figure) -> Trace:
    """The rows behind a figure, of the state it was printed from."""
    return trace_figure(figure, open_press(build).source.query)

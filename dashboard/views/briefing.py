"""Briefings: choose the month and whom it is about, look at it, add remarks, issue, download."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboard import access, choice, explain, load, page
from dashboard.views import areas
from dashboard.words import say
from etl.periods import Period

if TYPE_CHECKING:
    from dashboard.briefing.issuing import Press
    from etl.briefing.book import Scope
    from etl.briefing.issues import Issue

LONGEST_REMARKS = 4000
ROWS_SHOWN = 30
CHANGES_SHOWN = 8
ENDINGS = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pdf": "application/pdf",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def show() -> None:
    """The page."""
    build = load.current_build()
    if build.is_empty:
        page.show_empty()
        return
    looked_at = areas.open_area(build, "briefing")
    if looked_at is None:
        return
    from dashboard.briefing.desk import open_press
    from etl.briefing.facts import list_months

    page.show_title(say("nav.briefing"), say("brief.lead"))
    press = open_press(build)
    months = list_months(press.source.read)
    if not months:
        page.show_note([say("brief.no_complaints")])
        return
    month, compound_id, form = _choose(press, months, looked_at)
    scope = press.scope(month, compound_id)
    issued = press.issues.newest(scope)
    left, right = st.columns([1.6, 1], gap="large")
    with right:
        remarks = _ask_remarks(scope, issued)
        _offer_issue(build, press, scope, issued, remarks)
        _explain(build, press, scope, issued)
        _offer_extras(press, scope)
    with left:
        _preview(build, press, scope, form, remarks, issued)
        behind = explain.Rows(build, "complaints", compound_id, _month_of(month))
        explain.offer("brief", "rate", "change", "rank", "deadline", "targets", rows=behind)


def _month_of(month: date) -> Period:
    begins = pd.Timestamp(month)
    return Period(begins, begins)


def _choose(press: Press, months: list[date], looked_at: load.Build) -> tuple[date, str, str]:
    """The month, the compound ('' is the whole community) and the form."""
    from dashboard.briefing.issuing import FORMS

    chosen = choice.current()
    newest = press.compounds["month"].dropna()
    usual = f"{newest.iloc[0]:%Y-%m}" if len(newest) else f"{months[0]:%Y-%m}"
    listed = [f"{month:%Y-%m}" for month in months]
    wanted = chosen.issue if chosen.issue in listed else usual
    # The newest month of the figures may be none of those that a briefing can be of.
    wanted = wanted if wanted in listed else listed[0]
    first, second, third = st.columns([1, 1.4, 1.2], vertical_alignment="bottom")
    with first:
        month = st.selectbox(
            say("brief.month"), listed, index=listed.index(wanted), key="brief-month"
        )
    names = press.compounds["name"]
    with second:
        places = _list_places(looked_at, chosen.at)
        at = st.selectbox(
            say("brief.about"), places, key="brief-about",
            index=places.index(chosen.at) if chosen.at in places else 0,
            format_func=lambda at: str(names[at]) if at else say("talks.everywhere"),
        )  # fmt: skip
    with third:
        form = st.segmented_control(
            say("brief.form"), list(FORMS), key="brief-form", required=True,
            default=chosen.layout or next(iter(FORMS)),
            format_func=lambda name: say(f"brief.form_told.{name}"),
        )  # fmt: skip
    choice.change(
        issue="" if month == usual else month, at=at,
        layout="" if form == next(iter(FORMS)) else form,
    )  # fmt: skip
    return date.fromisoformat(f"{month}-01"), at, form


def _list_places(looked_at: load.Build, at: str) -> list[str]:
    """Whom a briefing can be about: the whole, and compounds; in an area, its compounds."""
    compounds = load.frame(looked_at, "out_compounds")
    names = dict(zip(compounds["compound_id"], compounds["name"], strict=True))
    return [*([] if looked_at.within else [""]), *areas.list_for_picker(names, at)]


def _ask_remarks(scope: Scope, issued: Issue | None) -> str:
    """Sentences of the office's own."""
    page.show_heading(say("brief.remarks"), 3)
    kept = issued.remarks if issued else ""
    return st.text_area(
        say("brief.remarks_label"), kept, max_chars=LONGEST_REMARKS, height=140,
        key=f"brief-remarks-{scope.month:%Y-%m}-{scope.compound_id}",
        placeholder=say("brief.remarks_hint"), label_visibility="collapsed",
    )  # fmt: skip


def _offer_issue(
    build: load.Build, press: Press, scope: Scope, issued: Issue | None, remarks: str
) -> None:
    """Issue it, or download what was issued and correct it."""
    account = access.current().account
    may_issue = account is None or account.may_update
    page.show_heading(say("brief.issue"), 3)
    if issued is None:
        page.show_note([say("brief.not_issued" if may_issue else "brief.ask_to_issue")])
        if may_issue and st.button(say("brief.issue_now"), type="primary", key="brief-issue"):
            _issue(build, scope, remarks, correct=False)
        return
    told = {"number": issued.number, "who": issued.who or say("none"),
            "at": page.write_time(issued.issued_at)}  # fmt: skip
    page.show_note([say("brief.issued", **told), *_list_changes(issued.changes)])
    _offer_files(press, issued)
    differs = press.issue(scope, remarks, forms=[]).differs
    if not differs:
        return
    page.show_note([say("brief.differs", count=len(differs)), *_list_changes(differs)])
    if may_issue and st.button(say("brief.correct"), key="brief-correct"):
        _issue(build, scope, remarks, correct=True)


def _list_changes(changes: list[str]) -> list[str]:
    shown = [say("brief.change", text=change) for change in changes[:CHANGES_SHOWN]]
    left = len(changes) - len(shown)
    return [*shown, say("brief.more_changes", count=left)] if left > 0 else shown


def _issue(build: load.Build, scope: Scope, remarks: str, *, correct: bool) -> None:
    from dashboard.briefing.desk import issue

    bar = st.progress(0.0, say("brief.issuing"))
    issue(
        build, scope.month, scope.compound_id, remarks, correct=correct,
        progress=lambda share, _: bar.progress(min(share, 1.0), say("brief.issuing")),
    )  # fmt: skip
    st.rerun()


def _offer_files(press: Press, issued: Issue) -> None:
    """The files of an issue, as they went out."""
    papers = press.issues.read_papers(issued)
    for at, name in enumerate(_sort_files(papers)):
        ending = name[name.rindex(".") :]
        st.download_button(
            say("brief.download", name=name), papers[name], name, ENDINGS[ending],
            key=f"brief-file-{issued.issue_id}-{at}", on_click="ignore", width="stretch",
        )  # fmt: skip


def _sort_files(papers: Mapping[str, bytes]) -> list[str]:
    """Papers before the trace."""
    return sorted(papers, key=lambda name: (name.endswith(".xlsx"), name))


def _preview(
    build: load.Build, press: Press, scope: Scope, form: str, remarks: str, issued: Issue | None
) -> None:
    """The pages as they will be printed, one at a time."""
    from dashboard.briefing.desk import count_pages, draw_page, write_draft

    with st.spinner(say("brief.typesetting")):
        content = _find_issued(press, form, issued)
        if content is None:
            content = write_draft(build, scope.month, scope.compound_id, form, remarks)
        pages = count_pages(content)
    key = f"brief-page-{form}-{scope.month:%Y-%m}-{scope.compound_id}"
    number = min(st.session_state.get(key, 1), pages)
    back, told, forth = st.columns([1, 2, 1], vertical_alignment="center")
    back.button(
        say("brief.back"), disabled=number <= 1, key=f"{key}-back", width="stretch",
        on_click=_turn, args=(key, number - 1),
    )  # fmt: skip
    forth.button(
        say("brief.next"), disabled=number >= pages, key=f"{key}-next", width="stretch",
        on_click=_turn, args=(key, number + 1),
    )  # fmt: skip
    with told:
        which = say(
            "brief.shown_issued" if _find_issued(press, form, issued) else "brief.shown_draft"
        )
        page.show_note([say("brief.page", number=number, pages=pages, which=which)])
    page.show_picture(
        draw_page(content, number - 1), say("brief.picture", number=number, pages=pages)
    )


def _turn(key: str, number: int) -> None:
    """Go to another page, before the page is drawn again."""
    st.session_state[key] = number


def _find_issued(press: Press, form: str, issued: Issue | None) -> bytes | None:
    """The PDF of this form as it was issued; None before."""
    if issued is None:
        return None
    from dashboard.briefing.issuing import find_paper

    return find_paper(press.issues.read_papers(issued), form, "pdf")


def _explain(build: load.Build, press: Press, scope: Scope, issued: Issue | None) -> None:
    """Where a number comes from: its definition and the rows of the sheets."""
    from dashboard.briefing.desk import trace

    page.show_heading(say("brief.explain"), 3)
    figures = press.issues.read_figures(issued) if issued else press.compose(scope).figures
    numbers = {figure_id: at for at, figure_id in enumerate(figures, start=1)}
    asked = st.selectbox(
        say("brief.explain_label"), list(figures), index=None, key="brief-explain",
        placeholder=say("brief.explain_hint"), label_visibility="collapsed",
        format_func=lambda name: say("brief.figure", number=numbers[name], label=figures[name].label,
                                     text=figures[name].text, unit=figures[name].unit),
    )  # fmt: skip
    if asked is None:
        return
    found = trace(build, figures[asked])
    page.show_note([say("brief.definition", text=found.figure.definition),
                    say("brief.of_snapshot", number=found.figure.snapshot)])  # fmt: skip
    if not found.rows_count:
        page.show_note([say("brief.no_rows")])
        return
    page.show_note([say("brief.rows", count=found.rows_count)])
    heads = [say(f"brief.trace.head.{name}") for name in ("file", "sheet", "row")]
    page.show_rows(heads, [[f, s, str(r)] for f, s, r in found.rows[:ROWS_SHOWN]])
    left = found.rows_count - ROWS_SHOWN
    if left > 0:
        page.show_note([say("brief.rows_left", count=left)])


def _offer_extras(press: Press, scope: Scope) -> None:
    """Other papers from the same parts, each written when it is wanted."""
    from dashboard.briefing.extras import EXTRAS

    page.show_heading(say("brief.extras"), 3)
    names = [name for name in EXTRAS if scope.compound_id or name != "card"]
    picked = st.selectbox(
        say("brief.extras"), names, index=None, key="brief-extra", label_visibility="collapsed",
        placeholder=say("brief.extras_hint"), format_func=lambda name: say(f"brief.extra.{name}"),
    )  # fmt: skip
    if picked is None:
        page.show_note([say("brief.extras_elsewhere")])
        return
    page.show_note([say(f"brief.extra_told.{picked}")])
    with st.spinner(say("brief.typesetting")):
        papers = _write_extra(press.source.folder.as_posix(), press.source.snapshot, picked,
                              f"{scope.month:%Y-%m-%d}", scope.compound_id, press)  # fmt: skip
    for at, (name, held) in enumerate(papers.items()):
        ending = name[name.rindex(".") :]
        st.download_button(
            say("brief.download", name=name), held, name, ENDINGS.get(ending), on_click="ignore",
            key=f"brief-extra-{picked}-{at}", width="stretch",
        )  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=8)
def _write_extra(
    path: str, snapshot: int, name: str, month: str, compound_id: str, _press: Press
) -> dict[str, bytes]:
    from dashboard.briefing.extras import EXTRAS

    return EXTRAS[name](_press, _press.scope(date.fromisoformat(month), compound_id))

"""What a look at files found, before anything is published: questions, changes, totals, problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboard import page
from dashboard.words import name_value, say

if TYPE_CHECKING:
    from etl.questions import Answer, Question
    from etl.report import Report

COUNTED = ("read", "new", "changed", "unchanged", "gone", "quarantined", "recognised")
ISSUES_LISTED = 60
CHANGES_LISTED = 40


def sum_up(report: Report, key: str) -> str:
    """The counts of a refresh in one line."""
    names = ("new", "changed", "unchanged", "quarantined", "gone")
    return say(key, **{name: report.count(name) for name in names})


def show_report(report: Report) -> None:
    """What a refresh found: sheet by sheet, change by change, then cell by cell."""
    for warning in report.warnings:
        st.warning(page.write_plain(warning))
    _show_sheets(report)
    _show_totals(report)
    _show_changes(report)
    _show_gone(report)
    page.show_heading(say("data.issues", count=f"{len(report.issues):,}"), 3)
    if not report.issues:
        page.show_note([say("data.no_issues")])
        return
    show_issues(pd.DataFrame([vars(issue) for issue in report.issues]))


def _show_sheets(report: Report) -> None:
    heads = [say("data.file"), say("data.sheet"), say("data.table")]
    rows = [
        [file.name, sheet.name, name_table(sheet.table)]
        + [f"{getattr(sheet, f'rows_{name}'):,}" for name in COUNTED]
        for file in report.files
        for sheet in file.sheets
    ]
    if rows:
        page.show_rows(heads + [say(f"data.{name}") for name in COUNTED], rows)
    for file in report.files:
        for sheet in file.sheets:
            if sheet.unknown_columns:
                kept = say("listed").join(sheet.unknown_columns)
                page.show_note([say("data.kept_columns", sheet=sheet.name, columns=kept)])


def _show_totals(report: Report) -> None:
    """The totals before and after, and what the office has published."""
    if not any(total.before != total.after for total in report.totals):
        return
    page.show_heading(say("data.totals"), 3)
    heads = [say(f"data.{name}") for name in ("total", "before", "after", "stated")]
    rows = [
        [total.label, _count(total.before), _count(total.after), _count(total.published)]
        for total in report.totals
        if total.before != total.after or total.published
    ]
    page.show_rows(heads, rows)


def _count(number: float | None) -> str:
    return say("none") if number is None else f"{number:,.10g}"


def _show_changes(report: Report) -> None:
    """Every cell that changes: what it says now, and what it would say."""
    if not report.changed_cells:
        return
    page.show_heading(say("data.changes", count=f"{report.changed_cells:,}"), 3)
    heads = [say(f"data.{name}") for name in ("table", "key", "column", "old", "new_value")]
    rows = [
        [
            name_table(c.table),
            c.key,
            _label(c.table, c.column),
            c.old or say("none"),
            c.new or say("none"),
        ]
        for c in report.changes
    ]
    _show_many(heads, rows)
    if report.changed_cells > len(rows):
        page.show_note([say("data.first_of", shown=len(rows), count=report.changed_cells)])


def _show_gone(report: Report) -> None:
    if not report.gone:
        return
    page.show_heading(say("data.gone_rows", count=f"{report.count('gone'):,}"), 3)
    heads = [say(f"data.{name}") for name in ("table", "key", "file", "sheet", "row")]
    rows = [[name_table(g.table), g.key, g.file, g.sheet, str(g.row)] for g in report.gone]
    _show_many(heads, rows)


def _show_many(heads: list[str], rows: list[list[str]]) -> None:
    """A short table as such, a long one to scroll in."""
    if len(rows) <= CHANGES_LISTED:
        page.show_rows(heads, rows)
    else:
        shown = pd.DataFrame(rows, columns=pd.Index(heads))
        page.show_frame(shown)


def name_table(name: str | None) -> str:
    """A table's Chinese name, as the contract has it."""
    from etl.tables import BY_NAME

    if not name:
        return say("data.table_none")
    return BY_NAME[name].label if name in BY_NAME else name_value("table", name) or name


def _label(table: str, column: str) -> str:
    from etl.tables import BY_NAME

    return BY_NAME[table][column].label


def show_issues(issues: pd.DataFrame) -> None:
    """Problems in cells, each with its place and its sentence; many of them as a table."""
    if len(issues) <= ISSUES_LISTED:
        page.show_list(_tell_issue(issue) for issue in issues.itertuples())
        return
    names = ("file", "sheet", "cell", "column", "value", "problem")
    shown = pd.DataFrame({say(f"data.{name}"): issues[name].astype("string") for name in names})
    shown[say("data.severity")] = issues["severity"].map(lambda kind: name_value("severity", kind))
    page.show_frame(shown)


def _tell_issue(issue: Any) -> tuple[str, str]:
    """A problem: its sentence, and under it where it is and what became of it."""
    parts = [issue.file, issue.sheet, issue.cell, issue.column]
    told = [str(part) for part in parts if isinstance(part, str) and part]
    if told[1:]:
        told.append(name_value("severity", issue.severity))
    return str(issue.problem), " · ".join(told)


def ask_questions(
    report: Report, all_choices: Callable[[Question], Iterable[Any]]
) -> list[Answer] | None:
    """What is uncertain, each with its possible answers; the answers once they are given."""
    from etl.questions import Answer

    if not report.questions:
        return None
    page.show_heading(say("data.questions", count=len(report.questions)), 3)
    page.show_note([say("data.questions_why")])
    with st.form("questions", border=True):
        said = [
            (question, _ask(place, question, all_choices))
            for place, question in enumerate(report.questions)
        ]
        is_sent = st.form_submit_button(say("data.answer"), type="primary")
    given = [Answer(q.kind, q.key, choice.answer) for q, choice in said if choice is not None]
    return given if is_sent and given else None


def _ask(place: int, question: Question, all_choices: Callable[[Question], Iterable[Any]]) -> Any:
    """One question; the likely answers first."""
    likely = {choice.answer: choice for choice in question.choices}
    rest = {c.answer: c for c in all_choices(question) if c.answer not in likely}
    where = " · ".join(part for part in (question.file, question.sheet) if part)
    return st.selectbox(
        say("data.asked_of", question=question.text, where=where),
        [*likely.values(), *rest.values()],
        index=None,
        format_func=lambda choice: choice.label,
        placeholder=say("data.choose"),
        key=f"question-{place}-{question.kind}-{question.key}",
    )


def ask_passwords(report: Report) -> dict[str, str] | None:
    """A password for every file that opens with one only, by the file's name."""
    pairs = zip(report.paths, report.files, strict=True)
    locked = {path.name: file.name for path, file in pairs if file.needs_password}
    if not locked:
        return None
    with st.form("passwords", border=True):
        said = {
            name: st.text_input(
                say("data.password", file=shown), type="password", key=f"password-{name}"
            )
            for name, shown in locked.items()
        }
        is_sent = st.form_submit_button(say("data.open"), type="primary")
    given = {name: password for name, password in said.items() if password}
    return given if is_sent and given else None

"""Update the data: drop files in, look at what they would change, publish, take back."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from dashboard import load, page
from dashboard.words import name_value, say

if TYPE_CHECKING:
    from etl.report import Report

ACCEPTED = (
    "xlsx", "xlsm", "xls", "xlsb", "ods", "csv", "txt", "json",
    "geojson", "gpkg", "zip", "kml",
)  # fmt: skip
PREVIEW, ROUND, DONE, WHO = "preview", "upload_round", "published", "who"
LONGEST_NAME = 40
FILES_NAMED = 3
ISSUES_LISTED = 60


@dataclass(frozen=True)
class Preview:
    """A dry run: which files it looked at, on which state of the data, and what it found."""

    files: tuple[str, ...]
    snapshot: int | None
    report: Report


def show() -> None:
    """The page."""
    page.show_title(say("nav.data"), say("data.lead"))
    done = st.session_state.pop(DONE, None)
    if done:
        st.success(done)
    who = st.text_input(say("data.who"), key=WHO, max_chars=LONGEST_NAME)
    files = st.file_uploader(
        say("data.upload"), type=list(ACCEPTED), accept_multiple_files=True,
        key=f"upload-{st.session_state.get(ROUND, 0)}",
    )  # fmt: skip
    preview: Preview | None = st.session_state.get(PREVIEW)
    marks = tuple(file.file_id for file in files or ())
    if files and (preview is None or preview.files != marks):
        preview = _check(files, marks, who)
    if files and preview:
        _show_preview(files, preview, who)
    _show_history(who)


def _check(files: list[Any], marks: tuple[str, ...], who: str) -> Preview:
    """Look at the files without changing anything."""
    with st.spinner(say("data.checking")):
        report = _run(files, dry_run=True, who=who)
    preview = Preview(marks, load.current_build().snapshot, report)
    st.session_state[PREVIEW] = preview
    return preview


def _run(files: list[Any], *, dry_run: bool, who: str) -> Report:
    """Hand the files to etl under the names they came with."""
    with tempfile.TemporaryDirectory(prefix="shequ-") as folder:
        paths = []
        for number, file in enumerate(files):
            # Two files of one name must not overwrite each other; the name itself stays.
            home = Path(folder) / str(number)
            home.mkdir()
            path = home / (Path(file.name.replace("\\", "/")).name or "file")
            path.write_bytes(file.getbuffer())
            paths.append(path)
        return load.refresh(paths, dry_run=dry_run, who=who)


def _show_preview(files: list[Any], preview: Preview, who: str) -> None:
    report = preview.report
    page.show_heading(say("data.preview"))
    page.show_note([_sum_up(report, "data.summary")])
    show_report(report)
    sheets = [sheet for file in report.files for sheet in file.sheets]
    has_news = any(_changes(sheet) for sheet in sheets)
    if not has_news:
        is_read = any(sheet.rows_read and sheet.table for sheet in sheets)
        st.info(say("data.nothing" if is_read else "data.nothing_read"))
    with st.container(horizontal=True):
        is_wanted = has_news and st.button(say("data.publish"), type="primary", key="publish")
        is_dropped = st.button(say("data.drop_all"), key="discard")
    if is_dropped:
        _start_over()
    if is_wanted:
        _publish(files, preview, who)


def _publish(files: list[Any], preview: Preview, who: str) -> None:
    """Publish what was previewed; not if the data moved on meanwhile."""
    if load.current_build().snapshot != preview.snapshot:
        st.session_state.pop(PREVIEW, None)
        st.warning(say("data.moved_on"))
        return
    with st.spinner(say("data.publishing")):
        report = _run(files, dry_run=False, who=who)
    if report.snapshot is None:
        st.info(say("data.nothing"))
        return
    st.session_state[DONE] = _sum_up(report, "data.published")
    _start_over()


def _start_over() -> None:
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    st.session_state.pop(PREVIEW, None)
    st.rerun()


def _changes(sheet: Any) -> int:
    return int(sheet.rows_new + sheet.rows_changed + sheet.rows_quarantined)


def _sum_up(report: Report, key: str) -> str:
    sheets = [sheet for file in report.files for sheet in file.sheets]
    names = ("new", "changed", "unchanged", "quarantined")
    return say(key, **{name: sum(getattr(s, f"rows_{name}") for s in sheets) for name in names})


def show_report(report: Report) -> None:
    """What a refresh found: sheet by sheet, then cell by cell."""
    for warning in report.warnings:
        st.warning(warning)
    names = ("read", "new", "changed", "unchanged", "quarantined", "recognised")
    heads = [say("data.file"), say("data.sheet"), say("data.table")]
    rows = [
        [file.name, sheet.name, _table(sheet.table)]
        + [f"{getattr(sheet, f'rows_{name}'):,}" for name in names]
        for file in report.files
        for sheet in file.sheets
    ]
    if rows:
        page.show_rows(heads + [say(f"data.{name}") for name in names], rows)
    page.show_heading(say("data.issues", count=f"{len(report.issues):,}"), 3)
    if not report.issues:
        page.show_note([say("data.no_issues")])
        return
    show_issues(pd.DataFrame([vars(issue) for issue in report.issues]))


def show_issues(issues: pd.DataFrame) -> None:
    """Problems in cells, each with its place and its sentence; many of them as a table."""
    if len(issues) <= ISSUES_LISTED:
        page.show_list(_tell_issue(issue) for issue in issues.itertuples())
        return
    names = ("file", "sheet", "cell", "column", "value", "problem")
    shown = pd.DataFrame({say(f"data.{name}"): issues[name].astype("string") for name in names})
    shown[say("data.severity")] = issues["severity"].map(lambda kind: name_value("severity", kind))
    st.dataframe(shown, hide_index=True, height=page.table_height(len(shown)))


def _tell_issue(issue: Any) -> tuple[str, str]:
    """A problem: its sentence, and under it where it is and what became of it."""
    parts = [issue.file, issue.sheet, issue.cell, issue.column]
    told = [str(part) for part in parts if isinstance(part, str) and part]
    if told[1:]:
        told.append(name_value("severity", issue.severity))
    return str(issue.problem), " · ".join(told)


def _table(name: str | None) -> str:
    """A table's Chinese name, as the contract has it."""
    from etl.tables import BY_NAME

    if not name:
        return say("data.table_none")
    return BY_NAME[name].label if name in BY_NAME else name


def _show_history(who: str) -> None:
    page.show_heading(say("data.history"))
    entries = load.history()
    if not entries:
        page.show_note([say("data.no_history")])
        return
    heads = [say(f"data.{name}") for name in ("at", "by", "what", "files", "standing")]
    rows = [
        [
            page.write_time(entry.at),
            entry.who or say("none"),
            name_value("what", entry.what),
            _list_files(entry.files),
            _stand(entry),
        ]
        for entry in entries
    ]
    page.show_rows(heads, rows)
    current = next((entry for entry in entries if entry.is_current), None)
    if current is not None:
        _offer_undo(page.write_time(current.at), who)


def _list_files(files: list[str]) -> str:
    """The first files by name, and how many there are."""
    shown = say("listed").join(files[:FILES_NAMED])
    if len(files) <= FILES_NAMED:
        return shown
    return say("data.and_more", shown=shown, count=len(files))


def _stand(entry: Any) -> str:
    if entry.is_current:
        return say("data.current")
    return say("data.undone") if entry.is_undone else ""


def _offer_undo(at: str, who: str) -> None:
    """Taking back asks once more before it does."""
    asks = st.session_state.get("asks_undo", False)
    if not asks:
        if st.button(say("data.undo"), key="undo"):
            st.session_state["asks_undo"] = True
            st.rerun()
        return
    st.warning(say("data.undo_sure", at=at))
    with st.container(horizontal=True):
        is_sure = st.button(say("data.undo_yes"), type="primary", key="undo-yes")
        is_not = st.button(say("data.undo_no"), key="undo-no")
    if is_sure:
        load.undo(who)
        st.session_state[DONE] = say("data.undone_now")
    if is_sure or is_not:
        st.session_state["asks_undo"] = False
        st.rerun()

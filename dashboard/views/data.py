"""Update the data: drop files in, look at what they would change, publish, take back."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import access, load, page, preview
from dashboard.words import name_value, say

if TYPE_CHECKING:
    from etl.questions import Answer
    from etl.report import Report

ACCEPTED = (
    "xlsx", "xlsm", "xls", "xlsb", "ods", "et", "csv", "tsv", "txt", "json",
    "geojson", "gpkg", "zip", "kml",
)  # fmt: skip
PREVIEW, ROUND, DONE, WHO = "preview", "upload_round", "published", "who"
ANSWERS, PASSWORDS, MOVED_ON = "given_answers", "given_passwords", "moved_on"
LONGEST_NAME = 40
FILES_NAMED = 3


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
        st.success(page.write_plain(done))
    if st.session_state.pop(MOVED_ON, False):
        st.warning(say("data.moved_on"))
    who = _ask_who(access.require_update())
    files = st.file_uploader(
        say("data.upload"), type=list(ACCEPTED), accept_multiple_files=True,
        key=f"upload-{st.session_state.get(ROUND, 0)}",
    )  # fmt: skip
    looked: Preview | None = st.session_state.get(PREVIEW)
    marks = tuple(file.file_id for file in files or ())
    if files and (looked is None or looked.files != marks):
        looked = _check(files, marks, who)
    if files and looked:
        _show_preview(files, looked, who)
    _show_history(who)


def _ask_who(visitor: access.Visitor) -> str:
    """Who does this: the account, or where there are none whatever name is given."""
    if visitor.account:
        return visitor.account.name
    return st.text_input(say("data.who"), key=WHO, max_chars=LONGEST_NAME)


def _check(files: list[Any], marks: tuple[str, ...], who: str) -> Preview:
    """Look at the files without changing anything."""
    report = _run(files, say("data.checking"), dry_run=True, who=who)
    looked = Preview(marks, load.current_build().snapshot, report)
    st.session_state[PREVIEW] = looked
    return looked


def _run(files: list[Any], words: str, *, dry_run: bool, who: str) -> Report:
    """Hand the files to etl, with what was answered so far, and show how far it is."""
    answers: list[Answer] = st.session_state.get(ANSWERS, [])
    passwords: dict[str, str] = st.session_state.get(PASSWORDS, {})
    bar = st.progress(0.0, words)
    try:
        with _written_out(files) as paths:
            return load.refresh(
                paths, dry_run=dry_run, who=who, answers=answers, passwords=passwords,
                progress=lambda share, told: bar.progress(min(share, 1.0), f"{words}{told}"),
            )  # fmt: skip
    finally:
        bar.empty()


@contextmanager
def _written_out(files: list[Any]) -> Iterator[list[Path]]:
    """The uploaded files on disk, under the names they came with, for as long as they are read."""
    with tempfile.TemporaryDirectory(prefix="shequ-") as folder:
        paths = []
        for number, file in enumerate(files):
            # Two files of one name must not overwrite each other; the name itself stays.
            home = Path(folder) / str(number)
            home.mkdir()
            path = home / (Path(file.name.replace("\\", "/")).name or "file")
            path.write_bytes(file.getbuffer())
            paths.append(path)
        yield paths


def _show_preview(files: list[Any], looked: Preview, who: str) -> None:
    report = looked.report
    page.show_heading(say("data.preview"))
    page.show_note([preview.sum_up(report, "data.summary")])
    _show_questions(report)
    preview.show_report(report)
    _offer_returned(files, report)
    has_news = report.has_news
    if not has_news:
        is_read = any(sheet.rows_read and sheet.table for sheet in report.sheets)
        st.info(say("data.nothing" if is_read else "data.nothing_read"))
    with st.container(horizontal=True):
        is_wanted = has_news and st.button(say("data.publish"), type="primary", key="publish")
        is_dropped = st.button(say("data.drop_all"), key="discard")
    if is_dropped:
        _start_over()
    if is_wanted:
        _publish(files, looked, who)


def _show_questions(report: Report) -> None:
    """Ask what is uncertain; with the answers everything is looked at once more."""
    passwords = preview.ask_passwords(report)
    if passwords:
        st.session_state[PASSWORDS] = {**st.session_state.get(PASSWORDS, {}), **passwords}
    answers = preview.ask_questions(report, lambda question: load.all_choices(question, report))
    if answers:
        st.session_state[ANSWERS] = [*st.session_state.get(ANSWERS, []), *answers]
    if passwords or answers:
        st.session_state.pop(PREVIEW, None)
        st.rerun()


def _offer_returned(files: list[Any], report: Report) -> None:
    """The person's own workbooks back, with the bad cells marked."""
    marked = [(f, told) for f, told in zip(files, report.files, strict=True) if told.has_marks]
    if not marked:
        return
    page.show_note([say("data.returned_why")])
    for place, (file, told) in enumerate(marked):
        st.download_button(
            say("data.returned", file=told.name),
            data=lambda file=file, told=told: _mark(file, told),
            file_name=load.name_returned(told.name),
            key=f"returned-{place}",
            on_click="ignore",
        )


def _mark(file: Any, told: Any) -> bytes:
    """One uploaded file with what was found in it."""
    passwords: dict[str, str] = st.session_state.get(PASSWORDS, {})
    with _written_out([file]) as (path,):
        return load.mark_file(path, told, passwords.get(path.name, ""))


def _publish(files: list[Any], looked: Preview, who: str) -> None:
    """Publish what was previewed; not if the data moved on meanwhile."""
    if load.current_build().snapshot != looked.snapshot:
        # The files are still there: they are looked at anew, against the data as it is now.
        st.session_state.pop(PREVIEW, None)
        st.session_state[MOVED_ON] = True
        st.rerun()
    report = _run(files, say("data.publishing"), dry_run=False, who=who)
    if report.snapshot is None:
        st.info(say("data.nothing"))
        return
    names = say("listed").join(file.name for file in report.files)
    access.note("refresh", say("audit.refreshed", snapshot=report.snapshot, files=names), who)
    st.session_state[DONE] = preview.sum_up(report, "data.published")
    _start_over()


def _start_over() -> None:
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    for name in (PREVIEW, ANSWERS, PASSWORDS):
        st.session_state.pop(name, None)
    st.rerun()


def _show_history(who: str) -> None:
    page.show_heading(say("data.history"))
    entries = load.history()
    if not entries:
        page.show_note([say("data.no_history")])
        return
    heads = [say(f"data.{name}") for name in ("at", "by", "what", "files", "came", "standing")]
    rows = [
        [
            page.write_time(entry.at),
            entry.who or say("none"),
            name_value("what", entry.what),
            _list_files(entry),
            _tell_counts(entry.counts),
            _stand(entry),
        ]
        for entry in entries
    ]
    page.show_rows(heads, rows, stacks=True)
    current = next((entry for entry in entries if entry.is_current), None)
    if current is not None:
        _offer_undo(page.write_time(current.at), who)


def _list_files(entry: Any) -> str:
    """The first files by name, with the beginning of their fingerprints, and how many there are."""
    marks = [*entry.hashes, *[""] * len(entry.files)]
    told = [
        say("data.file_mark", name=n, mark=m[:8]) if m else n
        for n, m in zip(entry.files, marks, strict=False)
    ]
    shown = say("listed").join(told[:FILES_NAMED])
    if len(told) <= FILES_NAMED:
        return shown
    return say("data.and_more", shown=shown, count=len(told))


def _tell_counts(counts: dict[str, int]) -> str:
    """What a refresh changed, without what it did not."""
    told = [
        f"{say(f'data.{name}')} {counts[name]:,}"
        for name in ("new", "changed", "gone", "quarantined")
        if counts.get(name)
    ]
    return " · ".join(told)


def _stand(entry: Any) -> str:
    if entry.is_current:
        return say("data.current")
    told = [say("data.undone")] if entry.is_undone else []
    return say("listed").join([*told, say("data.let_go")] if entry.is_gone else told)


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
        entry = load.undo(who)
        access.note("undo", say("audit.undone", snapshot=entry.snapshot), who)
        st.session_state[DONE] = say("data.undone_now")
    if is_sure or is_not:
        st.session_state["asks_undo"] = False
        st.rerun()

"""What needs doing today: one line for each thing, and each line opens where it is acted on."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import explain, load, page
from dashboard.talks import write_day
from dashboard.today import KINDS, Task, list_tasks
from dashboard.views import areas
from dashboard.words import say
from etl import periods

SHOWN = 5
LEFT = frozenset({"matters", "complaints", "terms"})


def show() -> None:
    """The page."""
    whole = load.current_build()
    if whole.is_empty:
        page.show_empty()
        return
    page.show_key_figures(load.profile().name, periods.read_totals(load.frame(whole, "out_totals")))
    build = areas.open_area(whole, "today")
    if build is None:
        return
    page.offer_tour()
    tasks = list_tasks(build, pd.Timestamp.now())
    page.show_heading(say("today.title"))
    page.show_note([_tell_lead(build)])
    page.show_facts(
        ((say(f"today.{task.kind}.short"), f"{len(task.lines):,}") for task in tasks), "sq-eight"
    )
    left, right = st.columns(2, gap="large")
    for task in sorted(tasks, key=lambda task: KINDS.index(task.kind)):
        if task.lines:
            with left if task.kind in LEFT else right:
                _show_task(task)
    explain.offer("today", "levels", "promise", "deadline", "past")
    quiet = [say(f"today.{task.kind}.short") for task in tasks if not task.lines]
    if quiet:
        page.show_note([say("today.quiet", kinds=say("listed").join(quiet))])


def _tell_lead(build: load.Build) -> str:
    newest = load.frame(build, "out_months")["newest_at"].dropna()
    return say("today.lead", day=write_day(newest.max())) if len(newest) else say("today.lead_none")


def _show_task(task: Task) -> None:
    page.show_heading(say(f"today.{task.kind}", count=len(task.lines)))
    with st.container(key=f"today-{task.kind}"):
        for at, line in enumerate(task.lines[:SHOWN]):
            with st.container(key=f"today-{task.kind}-{at}"):
                page.link(line.page, line.text, **line.shows)
                page.show_note(line.why)
        if len(task.lines) > SHOWN:
            page.link(task.page, say("today.all", count=len(task.lines)), **task.shows)

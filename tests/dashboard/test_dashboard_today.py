"""Today: what needs doing, each thing once, the most pressing first, with where it is acted on."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashboard import load, settings
from dashboard.today import KINDS, Task, list_tasks
from tests.pages import Open, text_of

VIEW = "today"
NOW = pd.Timestamp(2026, 11, 3)


@pytest.fixture
def tasks(sample_store: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Task]:
    monkeypatch.setenv(settings.STORE, str(sample_store))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    return {task.kind: task for task in list_tasks(load.current_build(), NOW)}


def test_every_kind_is_looked_for_once(tasks: dict[str, Task]) -> None:
    assert tuple(tasks) == KINDS


def test_matters_over_their_day_come_first_and_open_themselves(tasks: dict[str, Task]) -> None:
    matters = load.frame(load.current_build(), "out_matters")
    is_over = matters["is_over"].fillna(False).astype(bool)
    over = set(matters.loc[is_over & matters["state"].isin(["open", "settled"]), "matter_id"])
    again = set(matters.loc[matters["is_reopened"].fillna(False).astype(bool), "matter_id"])
    listed = [line.shows["matter"] for line in tasks["matters"].lines]
    assert over
    assert set(listed[: len(over | again)]) >= over
    assert all(line.page == "deliberation" for line in tasks["matters"].lines)
    assert len(listed) == len(set(listed))


def test_compounds_with_overdue_complaints_are_counted_as_etl_counted_them(
    tasks: dict[str, Task],
) -> None:
    compounds = load.frame(load.current_build(), "out_compounds").set_index("compound_id")
    late = compounds["overdue_count"].fillna(0)
    lines = tasks["complaints"].lines
    assert {line.shows["at"] for line in lines} == set(late.index[late > 0])
    counts = [int(late[line.shows["at"]]) for line in lines]
    assert counts == sorted(counts, reverse=True)
    assert all(str(n) in line.text for n, line in zip(counts, lines, strict=True))


def test_slipped_promises_late_actions_and_committees_are_all_there(
    tasks: dict[str, Task],
) -> None:
    build = load.current_build()
    slipped = (load.frame(build, "out_promises")["state"] == "slipped").sum()
    late = load.frame(build, "out_actions")["lateness"]
    late = late.isin(["end_passed", "start_passed", "no_status"])
    steps = load.frame(build, "out_committee_steps")
    steps = steps[steps["is_newest"].astype(bool) & (steps["status"] == "late")]
    assert len(tasks["promises"].lines) >= slipped > 0
    assert len(tasks["actions"].lines) == late.sum() > 0
    assert len(tasks["committees"].lines) == steps["compound_id"].nunique() > 0


def test_only_new_hotspots_are_news(tasks: dict[str, Task]) -> None:
    build = load.current_build()
    new = load.frame(build, "out_hotspots")["method"].isin(["emerging", "own_past"]).sum()
    more = (load.frame(build, "out_compounds")["month_verdict"] == "up").sum()
    assert len(tasks["hotspots"].lines) == new + more


@pytest.mark.parametrize(("days", "is_stale"), [(3, False), (11, True)])
def test_data_grow_stale_by_the_calendar(
    sample_store: Path, monkeypatch: pytest.MonkeyPatch, days: int, is_stale: bool
) -> None:
    monkeypatch.setenv(settings.STORE, str(sample_store))
    build = load.current_build()
    newest = pd.Timestamp(load.frame(build, "out_months")["newest_at"].max())
    tasks = {t.kind: t for t in list_tasks(build, newest + pd.Timedelta(days=days))}
    told = [line for line in tasks["data"].lines if line.page == "data"]
    assert bool(told) == is_stale
    assert all(str(days) in line.text for line in told)


def test_the_page_says_all_of_it(open_page: Open) -> None:
    test = open_page()
    assert not test.exception
    said = text_of(test)
    for told in ("今天要办的", "超期、升级、快到期的议题", "该兑现的承诺", "件投诉超期没办结"):
        assert told in said


EVIL = "<script>alert(1)</script>**[点](http://x)**"


@pytest.mark.parametrize("view", ["today", "compound", "trends", "map"])
def test_what_a_sheet_says_is_shown_and_never_run(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    real = load.frame

    def read(build: load.Build, table: str) -> pd.DataFrame:
        found = real(build, table).copy()
        for name in ("name", "title", "promise", "content", "organization_names", "top_category"):
            if name in found:
                found[name] = found[name].astype(object).where(found[name].isna(), EVIL)
        return found

    monkeypatch.setattr(load, "frame", read)
    test = open_page(view, at="T14" if view != "today" else "")
    assert not test.exception
    assert not test.error
    said = text_of(test)
    assert "<script>alert" not in said
    assert "&lt;script&gt;" in said

"""How figures are worked out: a definition under each, and the rows behind it with file and row."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard import choice, load
from dashboard.explain import Rows, read_rows
from dashboard.views import deliberation, organizations
from dashboard.views import map as map_view
from dashboard.words import WORDS
from etl.periods import Period
from etl.tables import BY_NAME
from tests.pages import Open, text_of

PAGES = (
    "today", "map", "trends", "deliberation", "organizations", "actions", "capital", "quality",
    "briefing",
)  # fmt: skip


@pytest.mark.parametrize("view", PAGES)
def test_every_page_with_figures_says_how_they_are_worked_out(open_page: Open, view: str) -> None:
    test = open_page(view)
    assert not test.exception
    assert not test.error
    labels = [block.proto.popover.label for block in test.get("popover")]
    assert "怎么算的？" in labels


def test_every_colour_and_every_part_has_methods_and_a_table() -> None:
    assert set(map_view.METHODS_OF) == set(choice.COLOURINGS)
    assert set(map_view.TABLE_OF) <= set(choice.COLOURINGS)
    assert set(organizations.METHODS) == set(choice.PARTS)
    assert set(deliberation.METHODS) == set(choice.TALKS)
    named = [*organizations.METHODS.values(), *deliberation.METHODS.values()]
    for names, table in named:
        assert table in BY_NAME
        assert all(f"methods.{name}.body" in WORDS for name in names)
    for names in map_view.METHODS_OF.values():
        assert all(f"methods.{name}.body" in WORDS for name in names)


def test_the_rows_behind_a_count_are_as_many_as_it_says(open_page: Open) -> None:
    open_page("methods")
    build = load.current_build()
    complaints = load.frame(build, "core_complaints")
    own = complaints[complaints["compound_id"] == "T14"]
    own = own[(own["category"] == "停车管理") & (own["reported_at"] >= pd.Timestamp(2026, 1, 1))]
    period = Period(pd.Timestamp(2026, 1, 1), pd.Timestamp(2026, 10, 1), "停车管理")
    found, total = read_rows(Rows(build, "complaints", "T14", period))
    assert total == len(own) == len(found) > 10
    written = set(zip(own["complaint_id"], own["file"], own["row"], strict=True))
    assert set(zip(found["编号"], found["文件"], found["行"], strict=True)) == written


@pytest.mark.parametrize(
    "table", ["organizations", "matters", "needs", "meetings", "core_residents"]
)
def test_rows_of_other_tables_say_where_they_stand_and_name_nobody(
    open_page: Open, table: str
) -> None:
    open_page("methods")
    build = load.current_build()
    found, total = read_rows(Rows(build, table))
    assert total == len(load.frame(build, f"core_{table}")) > 0
    assert found[["文件", "工作表", "行"]].notna().all().all()
    personal = {c.label for c in BY_NAME[table].columns if c.is_personal}
    assert not personal & set(found.columns)


def test_the_rows_are_shown_when_they_are_asked_for(open_page: Open) -> None:
    test = open_page("map", at="T14")
    before = len(test.dataframe)
    test.toggle(key="how-rows-complaints-zh").set_value(True).run()
    assert not test.exception
    assert len(test.dataframe) == before + 1
    assert "行，列出" in text_of(test)

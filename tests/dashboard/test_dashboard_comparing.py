"""Two months, two figures, two compounds: both sides in the address, months on one scale."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard import load
from dashboard.map.months import colour_months
from dashboard.views.comparing import select_month
from tests.pages import Open, address_of, text_of

VIEW = "map"


def test_two_months_share_one_scale(open_page: Open) -> None:
    open_page("methods")
    build = load.current_build()
    table = load.frame(build, "out_compounds").set_index("compound_id", drop=False)
    months = load.frame(build, "out_months")
    listed = [pd.Timestamp(2026, 5, 1), pd.Timestamp(2026, 10, 1)]
    colouring, frames = colour_months(table, months, listed, "")
    sides = [select_month(colouring, frames, month) for month in listed]
    assert [[band.label for band in side.bands] for side in sides] == [
        [band.label for band in colouring.bands]
    ] * 2
    assert all(sum(band.count for band in side.bands) == len(table) for side in sides)
    assert not sides[0].told.equals(sides[1].told)


@pytest.mark.parametrize(
    "query",
    [
        {"frame": "2026-03", "frame2": "2026-02"}, {"vs": "colours", "color2": "type"},
        {"vs": "places", "at": "T14", "at2": "T01"},
    ],
)  # fmt: skip
def test_both_sides_stand_in_the_address(open_page: Open, query: dict[str, str]) -> None:
    test = open_page(form="compare", **query)
    assert not test.exception
    assert not test.error
    assert address_of(test).items() >= query.items()
    assert address_of(test)["form"] == "compare"


def test_two_compounds_are_told_in_the_same_figures(open_page: Open) -> None:
    said = text_of(open_page(form="compare", vs="places", at="T14", at2="T01"))
    for told in ("Q小区", "翠屏家园", "没解决的需求（条）", "412 户", "1,986 户"):
        assert told in said


def test_a_month_that_is_gone_is_said_so(open_page: Open) -> None:
    test = open_page(form="compare", frame2="2001-01")
    assert "月份没有数据" in test.warning[0].value

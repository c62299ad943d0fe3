"""Month after month: one scale for all months, every complaint in one of them, and a table twin."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard.map.months import colour_months
from tests.pages import Open, address_of, text_of

VIEW = "map"
LISTED = list(pd.date_range("2026-01-01", periods=3, freq="MS"))


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame({"households": [100, 200, pd.NA]}, index=["A", "B", "C"])


@pytest.fixture
def months() -> pd.DataFrame:
    rows = [("A", 0, 9), ("A", 1, 1), ("B", 0, 2), ("B", 2, 2), ("C", 1, 4), (None, 0, 5)]
    return pd.DataFrame(
        [
            {
                "compound_id": place,
                "month": LISTED[at],
                "category": "停车管理",
                "complaint_count": n,
            }
            for place, at, n in rows
        ]
    )


def test_every_month_has_a_class_for_every_compound_in_one_scale(
    table: pd.DataFrame, months: pd.DataFrame
) -> None:
    colouring, frames = colour_months(table, months, LISTED, "")
    assert list(frames.counts.loc["A"]) == [9, 1, 0]
    assert list(frames.counts.loc["C"]) == [0, 4, 0]
    unknown = len(colouring.bands) - 1
    assert (frames.member.loc["C"] == unknown).all()
    assert frames.member.loc["A", LISTED[0]] == frames.member.drop(index="C").max().max()
    assert sum(band.count for band in colouring.bands) == 9


def test_the_script_is_told_of_each_month_and_opens_on_the_one_in_the_address(
    table: pd.DataFrame, months: pd.DataFrame
) -> None:
    spec = colour_months(table, months, LISTED, "")[1].as_spec("2026-02")
    assert spec["months"] == ["2026-01", "2026-02", "2026-03"]
    assert spec["at"] == 1
    assert [len(row) for row in spec["places"].values()] == [3, 3, 3]
    assert spec["labels"][0] == "2026-01：11 件"
    assert colour_months(table, months, LISTED, "")[1].as_spec("1999-01")["at"] == 2


def test_without_any_number_of_households_the_counts_are_coloured(months: pd.DataFrame) -> None:
    bare = pd.DataFrame({"households": [pd.NA, pd.NA]}, index=["A", "B"])
    colouring, frames = colour_months(bare, months, LISTED, "")
    assert colouring.unit == "件"
    assert frames.member.loc["A", LISTED[0]] > frames.member.loc["B", LISTED[0]]
    assert colouring.bands[-1].count == 0


def test_a_category_alone_is_counted_alone(table: pd.DataFrame, months: pd.DataFrame) -> None:
    assert colour_months(table, months, LISTED, "噪音扰民")[1].counts.to_numpy().sum() == 0


def test_the_page_keeps_the_month_and_says_what_it_shows(open_page: Open) -> None:
    test = open_page(form="months", frame="2026-03")
    assert not test.exception
    assert not test.error
    assert address_of(test) == {"form": "months", "frame": "2026-03"}
    assert "各月用同一套色阶" in text_of(test)
    assert len(test.dataframe) == 1


def test_a_month_without_data_is_said_so(open_page: Open) -> None:
    test = open_page(form="months", frame="2019-03")
    assert "月份没有数据" in test.warning[0].value
    assert "frame" not in address_of(test)

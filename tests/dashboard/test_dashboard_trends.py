"""Hotspots and trends: every hotspot in words, every month counted, every change judged."""

from __future__ import annotations

import pytest

from dashboard import load
from dashboard.charts import chart_category
from etl.periods import list_months
from tests.pages import Open, address_of, text_of

VIEW = "trends"


def test_every_hotspot_is_told_in_words(open_page: Open) -> None:
    said = text_of(open_page())
    hotspots = load.frame(load.current_build(), "out_hotspots")
    assert f"热点（{len(hotspots)} 处）" in said
    for row in hotspots.itertuples():
        assert f"{row.observed:,} 件" in said
    assert "碰巧如此的可能" in said


def test_the_newest_month_of_every_compound_is_judged(open_page: Open) -> None:
    said = text_of(open_page())
    compounds = load.frame(load.current_build(), "out_compounds")
    for name in compounds["name"]:
        assert name in said
    assert "倍，" in said
    # Where too few are on record, no ratio is given that could be taken for one.
    assert (compounds["month_verdict"] == "too_few").any()
    assert "件数太少，不作判断</td>" in said
    assert "不作判断（" not in said


def test_a_chart_of_a_category_holds_every_month_and_complaint(open_page: Open) -> None:
    open_page()
    build = load.current_build()
    months = load.frame(build, "out_months")
    listed = list_months(load.frame(build, "out_compounds"), months)
    data = chart_category(months, listed, "停车管理", 100).data
    own = months[months["month"].isin(listed) & (months["category"] == "停车管理")]
    assert data["count"].sum() == own["complaint_count"].sum() > 0
    assert list(data["month"]) == [f"{month:%Y-%m}" for month in listed]


@pytest.mark.parametrize("query", [{"at": "T99"}, {"category": "没有这一类"}])
def test_a_link_to_what_is_gone_says_so(open_page: Open, query: dict[str, str]) -> None:
    test = open_page(**query)
    assert len(test.warning) == 1
    assert next(iter(query.values())) in test.warning[0].value
    assert address_of(test) == {}


def test_one_compound_and_one_category_are_kept_in_the_address(open_page: Open) -> None:
    test = open_page(at="T14", category="停车管理")
    assert not test.exception
    assert address_of(test) == {"at": "T14", "category": "停车管理"}

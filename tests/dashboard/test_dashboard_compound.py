"""One compound's page: everything that is known, where it came from, and names as they sound."""

from __future__ import annotations

import pytest

from dashboard import load
from dashboard.places import name_for_search
from tests.pages import Open, address_of, text_of

VIEW = "compound"


def place_of(name: str) -> str:
    compounds = load.frame(load.current_build(), "out_compounds")
    return str(compounds.loc[compounds["name"] == name, "compound_id"].iloc[0])


def test_one_page_says_everything_of_one_compound(open_page: Open) -> None:
    open_page()
    test = open_page(at=place_of("Q小区"))
    assert not test.exception
    said = text_of(test)
    for told in ("<h1>Q小区</h1>", "为什么先来", "组织与覆盖", "全部需求", "活动（", "行动",
                 "以上来自哪些表", "data-sq=\"print\""):  # fmt: skip
        assert told in said, said


def test_the_sources_of_a_compound_add_up_to_its_rows(open_page: Open) -> None:
    open_page()
    build, place = load.current_build(), place_of("Q小区")
    found = load.sources(build, place)
    complaints = load.frame(build, "core_complaints")
    own = complaints[complaints["compound_id"] == place]
    assert found.loc[found["table"] == "complaints", "row_count"].sum() == len(own)
    assert set(found.loc[found["table"] == "complaints", "file"]) == set(own["file"])
    assert (found["table"] == "compounds").sum() == 1


def test_without_a_compound_all_are_listed(open_page: Open) -> None:
    said = text_of(open_page())
    for name in ("Q小区", "翠屏家园", "老旧"):
        assert name in said


def test_a_link_to_a_compound_that_is_gone_says_so(open_page: Open) -> None:
    test = open_page(at="T99")
    assert "T99" in test.warning[0].value
    assert address_of(test) == {}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("翠屏家园", "翠屏家园 · cui ping jia yuan"),
        ("Q小区", "Q小区 · Q xiao qu"),
        ("Roxbury", "Roxbury"),
    ],
)
def test_a_name_is_found_by_its_sound(name: str, told: str) -> None:
    assert name_for_search(name) == told

"""Compounds added up by district, street and community, level by level."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl import areas


def register(*rows: tuple[str | None, str | None, str | None, float | None, int]) -> pd.DataFrame:
    """Compounds: district, street, community, households, complaints of the period."""
    table = pd.DataFrame(
        rows, columns=["district", "street", "community", "households", "shown_count"]
    )
    ids = [f"C{at}" for at in range(len(table))]
    return table.assign(
        compound_id=ids, residents=table["households"] * 2.5,
        lon=[104.0 + at / 100 for at in range(len(table))], lat=30.6,
    ).set_index(pd.Index(ids), drop=False).astype({"shown_count": "Int64"})  # fmt: skip


CITY = register(
    ("武侯", "浆洗街", "广福桥", 1000, 10),
    ("武侯", "浆洗街", "蜀汉街", 500, 5),
    ("武侯", "玉林", "广福桥", 200, 1),
    ("青羊", "草市街", "福德", None, 4),
    ("青羊", "草市街", "福德", 100, 0),
    ("青羊", None, "正街", 300, 3),
)


@pytest.fixture
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(areas, "MOST_AT_ONCE", 2)


def test_communities_of_one_name_in_two_streets_are_two() -> None:
    paths = areas.name_paths(CITY, "community")
    assert paths["C0"] == "武侯/浆洗街/广福桥"
    assert paths["C2"] == "武侯/玉林/广福桥"
    assert paths["C5"] == "青羊/-/正街"
    assert areas.level_of(paths["C5"]) == "community"


def test_a_name_with_the_seam_in_it_stays_one_part_of_the_path() -> None:
    odd = register(("甲/乙", "丙", "丁", 1, 1))
    assert areas.name_paths(odd, "street").tolist() == ["甲／乙/丙"]
    assert len(areas.keep_within(odd, "甲／乙/丙")) == 1


def test_only_an_area_that_is_there_keeps_compounds() -> None:
    assert list(areas.keep_within(CITY, "武侯/浆洗街").index) == ["C0", "C1"]
    assert list(areas.keep_within(CITY, "青羊").index) == ["C3", "C4", "C5"]
    assert areas.keep_within(CITY, "锦江").empty
    assert areas.keep_within(CITY, "a/b/c/d").empty
    assert areas.keep_within(CITY, "") is CITY


@pytest.mark.usefixtures("few_at_once")
def test_levels_go_down_until_compounds_fit_on_a_screen() -> None:
    assert areas.find_level(CITY, "") == "district"
    inside = areas.keep_within(CITY, "武侯")
    assert areas.find_level(inside, "武侯") == "street"
    assert areas.find_level(areas.keep_within(CITY, "武侯/浆洗街"), "武侯/浆洗街") == ""


@pytest.mark.usefixtures("few_at_once")
def test_a_level_at_which_all_are_alike_is_passed_over() -> None:
    one = CITY.assign(district="武侯", street="玉林")
    assert areas.find_level(one, "") == "community"
    alike = one.assign(community="广福桥")
    assert areas.find_level(alike, "") == ""


def test_few_compounds_are_never_added_up() -> None:
    assert areas.find_level(CITY, "") == ""


@pytest.mark.usefixtures("few_at_once")
def test_the_area_around_a_compound_is_the_widest_that_fits() -> None:
    assert areas.find_path(CITY, "C0") == "武侯/浆洗街"
    assert areas.find_path(CITY, "C2") == "武侯/玉林"
    assert areas.find_path(CITY, "C5") == "青羊/-"


def test_steps_lead_from_the_widest_to_the_area_itself() -> None:
    assert areas.list_steps("武侯/浆洗街/广福桥") == ["武侯", "武侯/浆洗街", "武侯/浆洗街/广福桥"]
    assert areas.list_steps("") == []


def test_an_area_has_what_its_compounds_come_to() -> None:
    found = areas.add_up(CITY, "district")
    assert found.index.tolist() == ["武侯", "青羊"]
    assert found["compound_count"].tolist() == [3, 3]
    assert found["households"].tolist() == [1700, 400]
    assert found["shown_count"].tolist() == [16, 7]
    # 16 of 1,700; 3 of 400: the complaints of a compound of unknown size are no part of a rate.
    assert found["shown_rate"].tolist() == pytest.approx([1000 * 16 / 1700, 1000 * 3 / 400])
    assert found.loc["武侯", "lon"] == pytest.approx(104.01)


def test_a_sum_with_a_count_that_is_withheld_is_withheld() -> None:
    hidden = CITY.assign(shown_count=CITY["shown_count"].mask(CITY["compound_id"] == "C2"))
    found = areas.add_up(hidden, "district")
    assert found["shown_count"].isna().tolist() == [True, False]
    assert found["shown_rate"].isna().tolist() == [True, False]


PARTS = st.sampled_from(["甲", "乙", None])
ROWS = st.tuples(
    PARTS, PARTS, PARTS, st.one_of(st.none(), st.integers(1, 9000)), st.integers(0, 99)
)


@given(st.lists(ROWS, min_size=1, max_size=30), st.sampled_from(areas.LEVELS))
def test_nothing_is_lost_or_counted_twice(
    rows: list[tuple[str | None, str | None, str | None, float | None, int]], level: str
) -> None:
    table = register(*rows)
    found = areas.add_up(table, level)
    assert found["shown_count"].sum() == table["shown_count"].sum()
    assert found["compound_count"].sum() == len(table)
    assert found["households"].sum() == table["households"].sum()
    for path, number in found["compound_count"].items():
        assert len(areas.keep_within(table, str(path))) == number


@given(st.lists(ROWS, min_size=1, max_size=30), st.integers(0, 5))
def test_every_compound_is_reached_from_the_top(
    rows: list[tuple[str | None, str | None, str | None, float | None, int]], most: int
) -> None:
    table = register(*rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(areas, "MOST_AT_ONCE", most)
        for place in table.index:
            path = areas.find_path(table, place)
            inside = areas.keep_within(table, path)
            assert place in inside.index
            # Where they are still too many, no level tells them apart any more.
            assert areas.find_level(inside, path) == ""

"""The map where there are too many compounds for one screen: by area, a step down, a step up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dashboard import load, settings
from etl import areas
from etl.refresh import refresh
from etl.store import Store
from tests.city import make_city
from tests.pages import address_of, open_view, text_of

DISTRICT, STREET = "区0000", "区0000/街道0000"


@pytest.fixture(scope="module")
def city_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city")
    city = make_city(compounds=225, complaints=3000, district=12)
    city.compounds.to_csv(folder / "小区台账.csv", index=False)
    city.complaints.to_csv(folder / "投诉工单.csv", index=False)
    store = Store(folder / "store")
    refresh(store, [folder / "小区台账.csv", folder / "投诉工单.csv"], who="测试")
    store.close()
    return store.path


@pytest.fixture(autouse=True)
def on_city(city_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The city, and so few compounds at once that there are four districts of several streets."""
    monkeypatch.setenv(settings.STORE, str(city_store))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    monkeypatch.setattr(areas, "MOST_AT_ONCE", 70)
    from dashboard.views import areas as view

    for kept in (load._shapes_json, view._find_level, view._draw):
        kept.clear()


def test_compounds_are_added_up_by_district_first() -> None:
    page = open_view("map")
    said = text_of(page)
    assert "按区县汇总" in said
    names = [button.label for button in page.button if str(button.key).startswith("down.")]
    assert sorted(names) == ["区0000", "区0001", "区0100", "区0101"]
    assert not [one for one in page.selectbox if one.key and one.key.startswith("pick.")]


def test_a_name_leads_down_and_the_steps_lead_back_up() -> None:
    page = open_view("map")
    page.button(key=f"down.{DISTRICT}").click().run()
    assert address_of(page)["within"] == DISTRICT
    assert "按街道汇总" in text_of(page)
    page.button(key=f"down.{STREET}").click().run()
    assert address_of(page)["within"] == STREET
    # 64 compounds fit on a screen: the map is the usual one, of these compounds alone.
    assert "汇总" not in text_of(page)
    assert len(page.selectbox(key="pick.").options) == 64
    page.button(key=f"step.{DISTRICT}").click().run()
    assert address_of(page)["within"] == DISTRICT
    page.button(key="step.").click().run()
    assert "within" not in address_of(page)


def test_a_table_says_the_same_as_the_map() -> None:
    page = open_view("map", form="table")
    table = page.dataframe[0].value
    compounds = load.frame(load.current_build(), "out_compounds")
    assert table["小区数"].sum() == len(compounds) == 225
    assert table["总户数"].sum() == compounds["households"].sum()
    own = compounds[compounds["district"] == "区0101"]
    assert table.set_index("区域").loc["区0101", "总户数"] == own["households"].sum()


def test_a_compound_is_found_by_name_and_by_sound() -> None:
    page = open_view("map")
    page.text_input[0].set_value("00017").run()
    page.button(key="found.C00017").click().run()
    asked = address_of(page)
    # Where it lies, the area that fits on a screen is opened around it.
    assert (asked["at"], asked["within"]) == ("C00017", STREET)
    page = open_view("map")
    page.text_input[0].set_value("yulin").run()
    found = [b.label for b in page.button if str(b.key).startswith("found.")]
    assert len(found) == 8
    assert all(name.startswith("玉林") for name in found)
    page.text_input[0].set_value("没有这个").run()
    assert "没有名称里有" in text_of(page)


def test_a_link_to_a_compound_opens_the_area_around_it() -> None:
    page = open_view("map", at="C00017")
    assert address_of(page)["within"] == STREET


def test_a_link_to_an_area_that_is_gone_says_so_and_shows_everything() -> None:
    page = open_view("map", within="区9999")
    assert "“区9999”现在的数据里没有" in text_of(page)
    assert "within" not in address_of(page)


def test_colourings_that_mean_nothing_for_areas_are_not_offered() -> None:
    page = open_view("map", color="trust")
    assert page.selectbox[0].options == ["投诉率", "总户数"]
    assert not page.exception
    page.selectbox[0].select("households").run()
    assert address_of(page)["color"] == "households"


def test_outlines_are_of_the_areas_or_of_the_compounds_inside_one() -> None:
    build = load.current_build()
    whole = json.loads(load.shapes_json(build, "", "district"))["levels"]["compound"]
    assert sorted(area["id"] for area in whole) == ["区0000", "区0001", "区0100", "区0101"]
    assert {area["geometry"]["type"] for area in whole} == {"Polygon"}
    inside = json.loads(load.shapes_json(build, STREET))["levels"]["compound"]
    assert len(inside) == 64
    assert len(load.shapes_json(build, "", "district")) < len(load.shapes_json(build)) / 5

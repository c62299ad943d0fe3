"""Where there are too many compounds for one page: by area, a step down, a step up."""

from __future__ import annotations

import io
import json
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from dashboard import load, settings, sums
from etl import areas, periods
from etl.refresh import refresh
from etl.store import Store
from tests.city import make_city
from tests.pages import address_of, collect_files, open_view, text_of

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

    for kept in (load._shapes_json, view._find_level, view._find_around, view._draw):
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


SUMMED = ("today", "trends", "organizations", "deliberation", "actions")
ASKING = ("compound", "capital", "briefing")


def shown_areas(page: object) -> list[str]:
    return [b.label for b in page.button if str(b.key).startswith("down.")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("view", [*SUMMED, *ASKING])
def test_every_page_goes_from_the_whole_to_an_area_and_back(view: str) -> None:
    page = open_view(view)
    assert not page.exception
    assert sorted(shown_areas(page)) == ["区0000", "区0001", "区0100", "区0101"]
    # Nothing lists all compounds.
    assert not [one for one in page.selectbox if len(one.options) > 70]
    page.button(key=f"down.{DISTRICT}").click().run()
    assert address_of(page)["within"] == DISTRICT
    assert not page.exception
    page.button(key="step.").click().run()
    assert "within" not in address_of(page)


@pytest.mark.parametrize("view", [*SUMMED, *ASKING])
def test_every_page_shows_the_compounds_of_an_area_that_fits(view: str) -> None:
    page = open_view(view, within=STREET)
    assert not page.exception
    assert not page.error
    assert not shown_areas(page)
    assert address_of(page)["within"] == STREET
    assert f"<strong>{STREET.rpartition('/')[2]}</strong>" in text_of(page)
    for one in page.selectbox:
        assert len(one.options) <= 65


@pytest.mark.parametrize("view", SUMMED)
def test_a_page_that_adds_up_gives_its_sums_as_a_file_that_says_of_what(
    view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = collect_files(monkeypatch)
    open_view(view, within=DISTRICT)
    name = next(name for name in offered if name.endswith(".xlsx"))
    book = openpyxl.load_workbook(io.BytesIO(offered[name]()))
    rows = list(book.worksheets[0].values)
    inside = areas.keep_within(load.frame(load.current_build(), "out_compounds"), DISTRICT)
    assert {row[0] for row in rows[1:]} == set(inside["street"])
    assert sum(int(row[1]) for row in rows[1:]) == len(inside)
    told = dict(row[:2] for row in book.worksheets[1].values)
    assert told["区域"] == DISTRICT


def test_sums_of_an_area_are_those_of_its_compounds() -> None:
    whole = load.current_build()
    compounds, months = load.frame(whole, "out_compounds"), load.frame(whole, "out_months")
    listed = periods.list_months(compounds, months)
    period = periods.Period(listed[0], listed[-1])
    table = sums.add_up(whole, "trends", "district", period)
    own = compounds[compounds["district"] == "区0101"]
    inside = months[
        months["compound_id"].isin(own["compound_id"]) & (months["month"] <= listed[-1])
    ]
    row = table.loc["区0101"]
    assert row["count"] == inside["complaint_count"].sum()
    assert row["rate"] == pytest.approx(1000 * row["count"] / own["households"].sum())
    assert row["open"] == own["open_count"].sum()
    assert row["rising"] == (own["month_verdict"] == "up").sum()


def test_a_narrowed_build_holds_the_rows_of_its_compounds_alone() -> None:
    whole = load.current_build()
    street = load.look_at(whole, STREET)
    compounds = load.frame(street, "out_compounds")
    assert len(compounds) == 64
    months = load.frame(street, "out_months")
    assert set(months["compound_id"]) <= set(compounds["compound_id"])
    rows = load.complaint_rows(street)
    everything = load.frame(whole, "core_complaints")
    own = everything[everything["compound_id"].isin(compounds["compound_id"])]
    assert rows["total"].iloc[0] == len(own) < len(everything)
    assert set(rows["complaint_id"]) <= set(own["complaint_id"])


def test_a_link_to_a_compound_opens_its_area_on_every_page() -> None:
    page = open_view("trends", at="C00017")
    assert address_of(page)["within"] == STREET
    assert not page.exception


def test_areas_of_the_map_are_files_with_their_outlines(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = collect_files(monkeypatch)
    open_view("map")
    name = next(name for name in offered if name.endswith(".geojson"))
    told = json.loads(offered[name]())
    assert {one["properties"]["area"] for one in told["features"]} == {
        "区0000", "区0001", "区0100", "区0101",
    }  # fmt: skip
    assert {one["geometry"]["type"] for one in told["features"]} == {"Polygon"}
    assert sum(one["properties"]["compound_count"] for one in told["features"]) == 225
    assert told["metadata"]["小数字"] == "没有隐去小数字"
    plain = next(name for name in offered if name.endswith(".csv"))
    table = pd.read_csv(io.BytesIO(offered[plain]()), comment="#")
    assert table["小区数（个）"].sum() == 225


def test_compounds_without_areas_are_found_by_name_and_not_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A register that names no areas has no way in: the list waits for a name."""
    monkeypatch.setattr(areas, "find_level", lambda compounds, path: "")
    page = open_view("trends")
    assert not page.exception
    assert page.selectbox[0].options == ["全部小区"]
    page.text_input[0].set_value("00017").run()
    assert len(page.selectbox[0].options) == 2

"""The map: nothing from outside, nothing that runs, and every change redrawn."""

import inspect
import json
import re
from dataclasses import replace
from datetime import date
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import folium
import folium.plugins
import numpy as np
import pandas as pd
import pytest
import streamlit_folium
from branca.colormap import LinearColormap
from folium.elements import JSCSSMixin
from hypothesis import given
from hypothesis import strategies as st

from dashboard.map import assets, base, files, layers
from dashboard.map.colouring import Band, Colouring, colour_compounds
from dashboard.map.density import Surface
from dashboard.map.legend import draw_legend
from dashboard.map.palette import Look
from tests.pages import Open

HOSTILE = [
    "<script>window.ran = 1</script>",
    "</script><img src=x onerror=alert(1)>",
    "`${alert(1)}`",
    "{{ 7 * 7 }} {% raw %} {{ 'feature_group_0' }}",
    "'; alert(1); //",
    '"><svg onload=alert(1)>',
    "map_div feature_group_feature_group_0 _abc123 drawnItems",
    "\u2028\u2029\\u003cb\\u003e\\",
    "=cmd|' /C calc'!A0",
]
COUNTS = ("households", "shown_count", "rank", "rank_low", "rank_high", "overdue_count")


def all_parts(root: type) -> list[type]:
    found = []
    for part in root.__subclasses__():
        found += [part, *all_parts(part)]
    return [part for part in found if not inspect.isabstract(part)]


def links_of(part: type) -> list[tuple[str, str]]:
    return [*getattr(part, "default_js", ()), *getattr(part, "default_css", ())]


def make_table(name: str = "甲小区", **changes: Any) -> pd.DataFrame:
    row: dict[str, Any] = {
        "compound_id": "A1", "name": name, "type": "老旧", "households": 100, "residents": 220,
        "lon": 104.0, "lat": 30.6, "shown_count": 12, "shown_rate": 120.0, "shown_low": 62.0,
        "shown_high": 209.6, "shown_shrunk": 110.0, "rank": 1, "rank_low": 1, "rank_high": 2,
        "top_category": "停车管理", "top_category_pct": 41.0, "overdue_count": 3,
        "expected_count": 5, "gap_count": 2, "unknown_count": 1, "core_resident_count": 4,
        "month_verdict": "up", "month_count": 9, "month_before_count": 2,
        "open_needs_per_1000h": 4.0, "overdue_matter_count": 2,
    }  # fmt: skip
    row.update(changes)
    return pd.DataFrame([row], index=["A1"])


def make_organizations(name: str) -> pd.DataFrame:
    row = {
        "organization_id": "O1", "name": name, "kind": "property_company", "compound_id": "A1",
        "state": "名存实亡", "lon": None, "lat": None, "reach_m": 300.0,
    }  # fmt: skip
    return pd.DataFrame([row])


def make_hotspots(name: str) -> pd.DataFrame:
    row = {
        "hotspot_id": "h1", "method": "scan", "compound_id": None, "name": name, "lon": 104.0,
        "lat": 30.6, "radius_m": 120.0, "observed": 30, "expected": 11.0, "ratio": 2.7,
        "p_value": 0.002, "p_value_wide": 0.03, "members": "[]", "period_from": pd.Timestamp("2025-11-01"),
        "period_to": pd.Timestamp("2026-10-31"),
    }  # fmt: skip
    return pd.DataFrame([row])


def make_drawing(name: str = "甲小区", color: str = "rate") -> layers.Drawing:
    table = make_table(name, top_category=name)
    return layers.Drawing(
        table=table,
        colouring=colour_compounds(color, table),
        hotspots=make_hotspots(name),
        organizations=make_organizations(name),
    )


SHAPES = "/shapes.json?at=1"


def sent_to_browser(drawing: layers.Drawing, shapes: str = SHAPES) -> str:
    """The code that streamlit-folium evaluates in the page for a drawing."""
    ground = base.make_map()
    ground.get_root().render()
    groups = layers.make_groups(layers.paint(drawing), shapes)
    return "".join(
        streamlit_folium._get_feature_group_string(group, map=ground, idx=number)
        for number, group in enumerate(groups)
    )


def painted_in(code: str) -> dict[str, Any]:
    found = re.search(r"shequ\.paint\((.*)\);", code)
    assert found
    painted: dict[str, Any] = json.loads(f"[{found.group(1)}]")[0]
    return painted


def shapes_in(code: str) -> str:
    found = re.search(r"shequ\.paint\((.*)\);", code)
    assert found
    return str(json.loads(f"[{found.group(1)}]")[1])


@pytest.mark.parametrize("part", all_parts(JSCSSMixin), ids=lambda part: part.__name__)
def test_every_part_of_folium_is_hosted_here_or_refused(part: type) -> None:
    outside = [link for link in links_of(part) if not link[1].startswith(files.PREFIX + "/")]
    if not outside:
        for _name, address in links_of(part):
            path = files.find_file(address.removeprefix("/assets/").partition("?")[0])
            assert path is not None
            assert path.is_file()
        return
    element = part.__new__(part)
    JSCSSMixin.__init__(element)
    with pytest.raises(assets.AssetError, match=part.__name__):
        assets.refuse_outside(element)


def test_what_the_map_uses_is_hosted() -> None:
    for part in (folium.Map, base.Ground):
        assert all(address.startswith("/assets/") for _, address in links_of(part))


def test_a_part_deep_in_the_map_is_refused() -> None:
    ground = base.make_map()
    group = folium.FeatureGroup().add_to(ground)
    folium.plugins.MarkerCluster().add_to(group)
    with pytest.raises(assets.AssetError, match="MarkerCluster"):
        assets.refuse_outside(ground)


def test_a_colour_map_of_branca_is_refused() -> None:
    ground = base.make_map()
    LinearColormap(["#ffffff", "#000000"]).add_to(ground)
    with pytest.raises(assets.AssetError, match="d3"):
        assets.refuse_outside(ground)


def test_the_map_with_everything_on_names_no_other_host() -> None:
    drawing = make_drawing()
    ground = base.make_map()
    for part in (ground, *layers.make_groups(layers.paint(drawing), SHAPES)):
        assets.refuse_outside(part)
    written = ground.get_root().render() + sent_to_browser(drawing)
    hosts = set(re.findall(r"(?:https?:)?//([A-Za-z0-9.-]+\.[a-z]{2,})", written))
    assert hosts == set()


@pytest.mark.parametrize(
    "address",
    ["../files.py", "shequ/../files.py", "leaflet/leaflet.js.map", "", "shequ/", "nope.js"],
)
def test_nothing_but_the_listed_files_is_served(address: str) -> None:
    assert files.find_file(address) is None


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_a_literal_says_what_was_meant_and_holds_nothing_that_could_run(value: object) -> None:
    written = base.write_literal(value)
    assert json.loads(written) == value
    inside = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', written))
    assert not set(inside) & set("<>&'`{}_$/\u2028\u2029")


@pytest.mark.parametrize("text", HOSTILE)
def test_cells_reach_the_page_as_text_unchanged(text: str) -> None:
    drawing = make_drawing(text)
    painted = painted_in(sent_to_browser(drawing))
    assert painted == layers.write_spec(drawing)
    assert painted["organizations"][0]["name"] == text
    assert text in painted["circles"][0]["title"]


@pytest.mark.parametrize("text", HOSTILE)
def test_code_for_the_page_holds_no_markup_from_cells(text: str) -> None:
    code = sent_to_browser(make_drawing(text))
    assert "<" not in code
    assert text not in code


def test_names_that_differ_only_where_streamlit_folium_looks_away_are_sent_anew() -> None:
    """Its own comparison strips `_` and what follows: 'A_b1' would look like 'A_c2' to it."""
    first, second = (sent_to_browser(make_drawing(name)) for name in ("A_b1", "A_c2"))
    assert first != second
    assert painted_in(first)["mark"] != painted_in(second)["mark"]


def test_the_ground_is_the_same_in_every_run_and_other_outlines_come_with_the_paint() -> None:
    def hash_of() -> str:
        ground = base.make_map()
        ground.get_root().render()
        leaflet = streamlit_folium._get_map_string(ground)
        return streamlit_folium.generate_js_hash(leaflet, "map-")

    assert hash_of() == hash_of()
    drawing = make_drawing()
    first, second = (sent_to_browser(drawing, f"/shapes.json?at=_{at}") for at in ("a1", "b2"))
    assert (shapes_in(first), shapes_in(second)) == ("/shapes.json?at=_a1", "/shapes.json?at=_b2")
    # What streamlit-folium would take for a name of its own is written so that it is left alone.
    assert "_a1" not in first


@pytest.mark.parametrize("color", ["needs", "matters"])
def test_a_figure_that_an_earlier_store_does_not_have_is_not_known(color: str) -> None:
    table = make_table().drop(columns=["open_needs_per_1000h", "overdue_matter_count"])
    colouring = colour_compounds(color, table)
    assert [band.count for band in colouring.bands][-1] == 1
    assert colouring.told.to_list() == [""]


@pytest.mark.parametrize(
    "color", ["rate", "change", "type", "households", "coverage", "needs", "matters"]
)
def test_every_way_of_colouring_puts_each_compound_in_one_counted_class(color: str) -> None:
    table = pd.concat(
        [
            make_table(),
            make_table(compound_id="A2", households=None, shown_shrunk=None, type=None,
                       month_verdict=None, month_count=None, expected_count=0,
                       open_needs_per_1000h=None, overdue_matter_count=None),
        ]
    ).set_axis(["A1", "A2"])  # fmt: skip
    colouring = colour_compounds(color, table)
    assert sum(band.count for band in colouring.bands) == 2
    assert colouring.member["A2"] == len(colouring.bands) - 1
    assert colouring.member["A1"] < len(colouring.bands) - 1


def test_types_are_told_apart_by_more_than_hue() -> None:
    from dashboard.map.palette import TYPES

    assert len({look.hatch for look in TYPES.values()}) == len(TYPES)


def luminance(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", ["WARM", "COOL"])
def test_a_ramp_darkens_step_by_step_so_that_grey_print_keeps_its_order(name: str) -> None:
    from dashboard.map import palette

    steps = [luminance(colour) for colour in getattr(palette, name)]
    falls = [first - second for first, second in pairwise(steps)]
    assert min(falls) > 18


def test_the_legend_says_classes_counts_unit_and_note_and_runs_nothing() -> None:
    bands = (Band(Look("#ffffff"), "<b>1 – 5</b>", 3), Band(Look("#000000"), "未知", 0))
    member = pd.Series({"A1": 0})
    colouring = Colouring("投诉率", "件/千户", bands, member, member.astype(str))
    drawn = draw_legend(colouring, "2025-11，n = 3 & 来源", [("ring", "异常")])
    assert "投诉率（件/千户）" in drawn
    assert "&lt;b&gt;1 – 5&lt;/b&gt;" in drawn
    assert "<em>3</em>" in drawn
    assert "未知" not in drawn
    assert "n = 3 &amp; 来源" in drawn
    assert "sq-mark-ring" in drawn


def test_unknown_households_have_no_rate_but_keep_their_count() -> None:
    table = make_table(households=None, shown_rate=None, shown_shrunk=None)
    columns, values = layers.describe_compounds(table, pd.DataFrame())
    told = dict(zip(columns, values[0], strict=True))
    assert told["总户数"] == "户数未知"
    assert told["投诉"] == "12 件"
    assert told["每千户"] == ""


def test_the_density_surface_leaves_no_cell_out() -> None:
    cells = pd.DataFrame(
        {"lat": [30.6, 30.6, 30.61], "lon": [104.0, 104.0, 104.01], "complaint_count": [1, 2, 3]}
    )
    table = make_table()
    surface = Surface(cells)
    assert surface.density.case_count == 6
    cell_ha = surface.density.cell_m**2 / 10_000
    assert surface.density.per_hectare.sum() * cell_ha == pytest.approx(6, rel=1e-3)
    drawing = layers.Drawing(
        table=table, colouring=colour_compounds("rate", table), surface=surface
    )
    density, paint = layers.make_groups(layers.paint(drawing), SHAPES)
    picture = next(iter(density._children.values()))
    (south, west), (north, east) = picture.bounds
    # Each place lies as far inside the picture as its kernel reaches.
    reach = 4 * surface.bandwidth_m / 111_320
    assert south == pytest.approx(30.6 - reach, abs=2 * surface.density.cell_m / 111_320)
    assert north == pytest.approx(30.61 + reach, abs=2 * surface.density.cell_m / 111_320)
    assert west < 104.0 - reach
    assert east > 104.01 + reach
    assert picture.url.startswith("data:image/png;base64,")
    assert isinstance(paint, base.Paint)
    assert painted_in(sent_to_browser(drawing))["fade"] < 0.6


def test_complaints_on_one_point_make_a_surface_as_narrow_as_may_be() -> None:
    cells = pd.DataFrame({"lat": [30.6], "lon": [104.0], "complaint_count": [5]})
    surface = Surface(cells)
    assert surface.bandwidth_m == 50.0
    top = np.unravel_index(surface.density.per_hectare.argmax(), surface.density.per_hectare.shape)
    # 5 cases under a Gaussian kernel of 50 m: 5 / (2 pi 50^2) on a square metre, at most.
    assert surface.density.per_hectare[top] == pytest.approx(5e4 / (2 * np.pi * 2500), rel=0.05)


@pytest.mark.parametrize(
    ("wide", "said"), [(0.01, "仍然成立"), (0.3, "说不准了（碰巧如此的可能约 30%）"), (None, "")]
)
def test_a_cluster_says_whether_nature_could_explain_it(wide: float | None, said: str) -> None:
    row = SimpleNamespace(
        method="scan", observed=20, expected=8.0, ratio=2.5, p_value=0.001, p_value_wide=wide,
        period_from=date(2026, 1, 1), period_to=date(2026, 10, 31),
    )  # fmt: skip
    lines = layers.tell_hotspot(row)
    assert len(lines) == (4 if said else 3)
    assert any(said in line for line in lines)


def test_lateness_and_committees_have_a_colour_and_unknown_has_its_own() -> None:
    table = make_table(late_pct=57.4, committee_state="筹备")
    late, committee = (colour_compounds(name, table) for name in ("late", "committee"))
    assert late.told.tolist() == ["57%"]
    assert committee.told.tolist() == ["筹备"]
    assert [band.label for band in committee.bands] == ["筹备", "未知"]
    for name in ("late", "committee"):
        unknown = colour_compounds(name, make_table(late_pct=None, committee_state=None))
        assert unknown.bands[-1].count == 1
        assert unknown.told.tolist() == [""]


@pytest.mark.parametrize(
    ("color", "changes", "band", "told"),
    [
        ("promises", {"late_promise_count": 0}, "没有逾期未兑现的", ""),
        ("promises", {"late_promise_count": 7}, "3 件及以上逾期未兑现", "逾期 7"),
        ("promises", {"late_promise_count": None}, "没有会议纪要", ""),
        ("meetings", {"meeting_count": 2, "meeting_age_days": 92}, "三个月内开过", "92 天前"),
        ("meetings", {"meeting_count": 2, "meeting_age_days": 93}, "三个月到半年前", "93 天前"),
        ("meetings", {"meeting_count": 1, "meeting_age_days": 400}, "一年以前", "400 天前"),
        ("meetings", {"meeting_count": 0, "meeting_age_days": None}, "没有开过", ""),
        ("meetings", {"meeting_count": None, "meeting_age_days": None}, "没有会议纪要", ""),
        ("handbook", {"handbook_problem": "complete"}, "牵头、监督都写明了", "停车管理"),
        ("handbook", {"handbook_problem": "nobody"}, "谁都没写", "停车管理"),
        ("handbook", {"handbook_problem": None}, "没有投诉或没有职责手册", ""),
        ("handbook", {}, "没有投诉或没有职责手册", ""),
    ],
)
def test_promises_meetings_and_duties_have_their_place_on_the_map(
    color: str, changes: dict[str, Any], band: str, told: str
) -> None:
    colouring = colour_compounds(color, make_table(**changes))
    assert [found.label for found in colouring.bands if found.count] == [band]
    assert colouring.bands[colouring.member["A1"]].label == band
    assert colouring.told["A1"] == told


def test_the_tooltip_of_a_self_organization_tells_its_stage() -> None:
    drawing = make_drawing()
    staged = drawing.organizations.assign(kind="self_organization", stage="公益")
    told = layers.write_spec(replace(drawing, organizations=staged))["organizations"][0]["lines"]
    assert "发展阶段：公益" in told
    assert not any(
        "发展阶段" in line for line in layers.write_spec(drawing)["organizations"][0]["lines"]
    )


def test_the_picker_of_the_map_hears_how_a_name_sounds(open_page: Open) -> None:
    page = open_page("map")
    options = page.selectbox(key="pick.").options
    assert len(options) == 16
    assert "翠屏家园 · cui ping jia yuan" in options

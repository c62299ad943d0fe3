"""The map in a real browser: what a visitor sees and does, and that nothing leaves the office."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from etl.store import Store

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]


def painted(frame: Any) -> str:
    return str(frame.locator("[data-painted]").get_attribute("data-painted"))


def repainted(frame: Any, before: str) -> Any:
    found = frame.locator(f'[data-painted]:not([data-painted="{before}"])')
    found.wait_for()
    return found


def in_frame(page: Any) -> Any:
    """The frame of the map itself, to ask its script."""
    return next(frame for frame in page.frames if "st_folium" in frame.url)


def colour_by(page: Any, name: str) -> None:
    page.get_by_role("combobox", name="颜色表示").click()
    page.get_by_role("option", name=name, exact=True).click()


def read_compounds(store: Path) -> dict[str, str]:
    opened = Store(store, read_only=True)
    table = opened.frame("out_compounds")
    opened.close()
    return dict(zip(table["name"], table["compound_id"], strict=True))


@pytest.mark.parametrize("size", ["office", "phone"])
def test_all_16_compounds_and_their_names_are_seen_at_once(
    visit: Visitor, sample_server: str, sample_store: Path, size: str
) -> None:
    frame = visit(size).open_map(sample_server)
    expect(frame.locator("path[data-compound]")).to_have_count(16)
    labels = frame.locator(".sq-label").evaluate_all(
        "all => all.map(one => [...one.querySelectorAll('b')].map(b => b.textContent).join(''))"
    )
    assert set(read_compounds(sample_store)) <= set(labels)


@pytest.mark.parametrize("size", ["office", "phone"])
def test_labels_do_not_collide(visit: Visitor, sample_server: str, size: str) -> None:
    frame = visit(size).open_map(sample_server)
    boxes = frame.locator(".sq-label b, .sq-label span").evaluate_all(
        "all => all.map(one => { const range = document.createRange();"
        " range.selectNodeContents(one); const box = range.getBoundingClientRect();"
        " return [box.left, box.top, box.right, box.bottom, one.parentNode.textContent]; })"
    )
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            if one[4] == other[4]:
                continue
            across = min(one[2], other[2]) - max(one[0], other[0])
            down = min(one[3], other[3]) - max(one[1], other[1])
            assert across < 2 or down < 4, (one, other)


def test_another_colouring_repaints_in_place_and_keeps_the_zoom(
    visit: Visitor, sample_server: str
) -> None:
    visitor = visit()
    frame = visitor.open_map(sample_server)
    page = visitor.page
    inside = in_frame(page)
    inside.evaluate("window.stays = true; void shequ.view.map.setZoom(17, { animate: false })")
    for name in ("小区类型", "总户数", "组织缺口", "本月变化", "投诉率"):
        before = painted(frame)
        colour_by(page, name)
        repainted(frame, before)
        expect(page.locator(".sq-legend-title")).to_contain_text(name)
        assert in_frame(page).evaluate("window.stays === true")
        assert in_frame(page).evaluate("shequ.view.map.getZoom()") == 17


def test_types_are_drawn_with_patterns(visit: Visitor, sample_server: str) -> None:
    frame = visit().open_map(sample_server, "/map?color=type")
    fills = frame.locator("path[data-compound]").evaluate_all(
        "all => all.map(one => one.getAttribute('fill'))"
    )
    hatched = {fill for fill in fills if fill.startswith("url(#")}
    assert len(hatched) == 3
    for fill in hatched:
        assert frame.locator(f"pattern{fill[4:-1]}").count() == 1


def test_a_click_on_a_compound_opens_its_card_and_a_link_shows_the_same(
    visit: Visitor, sample_server: str, sample_store: Path
) -> None:
    place = read_compounds(sample_store)["Q小区"]
    visitor = visit()
    frame = visitor.open_map(sample_server)
    frame.locator(f'path[data-compound="{place}"]').click()
    heading = visitor.page.get_by_role("heading", name="Q小区", exact=True)
    heading.wait_for()
    expect(visitor.page).to_have_url(re.compile(f"at={place}"))
    guest = visit()
    guest.open_map(sample_server, visitor.page.url.removeprefix(sample_server))
    guest.page.get_by_role("heading", name="Q小区", exact=True).wait_for()


def test_the_map_is_reached_by_keyboard(
    visit: Visitor, sample_server: str, sample_store: Path
) -> None:
    place = read_compounds(sample_store)["翠屏家园"]
    visitor = visit()
    frame = visitor.open_map(sample_server)
    compound = frame.locator(f'path[data-compound="{place}"]')
    expect(compound).to_have_attribute("aria-label", "翠屏家园")
    compound.press("Enter")
    visitor.page.get_by_role("heading", name="翠屏家园", exact=True).wait_for()


def test_a_tooltip_tells_several_figures(
    visit: Visitor, sample_server: str, sample_store: Path
) -> None:
    place = read_compounds(sample_store)["Q小区"]
    frame = visit().open_map(sample_server)
    frame.locator(f'path[data-compound="{place}"]').hover()
    tip = frame.locator(".sq-tip")
    for label in ("类型", "总户数", "投诉", "每千户", "投诉率位次", "组织"):
        expect(tip).to_contain_text(label)


def test_overlays_come_and_go(visit: Visitor, sample_server: str) -> None:
    visitor = visit()
    frame = visitor.open_map(sample_server)
    page = visitor.page
    expect(frame.locator(".sq-badge")).not_to_have_count(0)
    before = painted(frame)
    page.get_by_role("button", name="热点", exact=True).click()
    repainted(frame, before)
    expect(frame.locator(".sq-badge")).to_have_count(0)
    before = painted(frame)
    page.get_by_role("button", name="组织", exact=True).click()
    repainted(frame, before)
    expect(frame.locator(".sq-chip")).not_to_have_count(0)
    page.get_by_role("button", name="投诉密度", exact=True).click()
    frame.locator("img.leaflet-image-layer").wait_for()
    expect(page.get_by_text("核密度，带宽")).to_be_visible()


def test_buildings_appear_when_one_comes_near(visit: Visitor, sample_server: str) -> None:
    visitor = visit()
    visitor.open_map(sample_server)
    inside = in_frame(visitor.page)
    shown = "shequ.view.map.hasLayer(shequ.view.buildings)"
    assert not inside.evaluate(shown)
    inside.evaluate("void shequ.view.map.setZoom(17.5, { animate: false })")
    assert inside.evaluate(shown)


def test_the_language_is_switched_and_back(visit: Visitor, sample_server: str) -> None:
    visitor = visit()
    visitor.open_map(sample_server)
    page = visitor.page
    page.get_by_role("radio", name="English", exact=True).click()
    page.get_by_role("heading", name="Where to act first").wait_for()
    expect(page).to_have_url(re.compile("lang=en"))
    page.get_by_role("radio", name="中文", exact=True).click()
    page.get_by_role("heading", name="先到哪里去").wait_for()


def test_a_link_opens_what_its_sender_saw(visit: Visitor, sample_server: str) -> None:
    visitor = visit()
    frame = visitor.open_map(
        sample_server, "/map?color=households&show=organizations&category=停车管理&lang=en"
    )
    expect(visitor.page.locator(".sq-legend-title")).to_contain_text("Households")
    expect(frame.locator(".sq-chip")).not_to_have_count(0)
    expect(frame.locator(".sq-badge")).to_have_count(0)
    visitor.page.get_by_text("Parking").first.wait_for()


def test_the_table_twin_is_one_click_away(visit: Visitor, sample_server: str) -> None:
    visitor = visit()
    visitor.open_map(sample_server)
    visitor.page.get_by_role("radio", name="表格", exact=True).click()
    visitor.page.get_by_test_id("stDataFrame").wait_for()


@pytest.mark.parametrize("size", ["office", "phone"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/map",
        "/map?form=table",
        "/compound?at=T14",
        "/trends",
        "/data",
        "/quality",
        "/methods",
    ],
)
def test_no_page_is_wider_than_its_screen(
    visit: Visitor, sample_server: str, path: str, size: str
) -> None:
    visitor = visit(size)
    page = visitor.open(sample_server, path)
    page.locator(".sq-head h1, .sq-title h1, .sq-card-head h1").first.wait_for()
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached")
    wide = page.evaluate(
        "[...document.querySelectorAll('html, [data-testid=stMain]')]"
        ".map(one => one.scrollWidth - one.clientWidth)"
    )
    assert wide == [0, 0]


def test_the_browser_itself_refuses_every_other_host(visit: Visitor, sample_server: str) -> None:
    visitor = visit()
    visitor.open_map(sample_server)
    for frame in (visitor.page.main_frame, in_frame(visitor.page)):
        refused = frame.evaluate(
            "new Promise(tell => {"
            " document.addEventListener('securitypolicyviolation',"
            "   event => tell(event.effectiveDirective), { once: true });"
            " fetch('https://example.invalid/').catch(() => null); })"
        )
        assert refused == "connect-src"
    assert all("example.invalid" in told for told in visitor.complaints)
    visitor.complaints.clear()


def test_an_empty_store_says_what_to_do(visit: Visitor, empty_server: str) -> None:
    visitor = visit()
    page = visitor.open(empty_server)
    page.get_by_role("heading", name="还没有数据").wait_for()
    page.get_by_role("link", name="去更新数据").click()
    page.get_by_role("heading", name="数据更新").wait_for()


@pytest.mark.parametrize("path", ["/no-such-page?at=T14", "/today"])
def test_an_address_of_long_ago_opens_the_first_page_and_no_remark_in_english(
    visit: Visitor, sample_server: str, path: str
) -> None:
    page = visit().open(sample_server, path)
    expect(page.get_by_role("heading", name="今天要办的")).to_be_visible()
    expect(page.get_by_text("Page not found")).to_have_count(0)

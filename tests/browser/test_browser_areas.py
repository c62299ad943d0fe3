"""A city in the browser: a click on a district goes in, the steps lead out, a link shows the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Frame, Page, expect

from etl.refresh import refresh
from etl.store import Store
from tests.browser.conftest import Visitors, serve, settle
from tests.city import make_city

# More than fit on a screen, so that districts come first and then streets.
COMPOUNDS, DISTRICT = 900, 24


@pytest.fixture(scope="module")
def city_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("city")
    city = make_city(COMPOUNDS, 4000, district=DISTRICT)
    city.compounds.to_csv(folder / "小区台账.csv", index=False)
    city.complaints.to_csv(folder / "投诉工单.csv", index=False)
    store = Store(folder / "store")
    refresh(store, [folder / "小区台账.csv", folder / "投诉工单.csv"], who="测试")
    store.close()
    with serve(store.path, folder / "log") as address:
        yield address


def in_frame(page: Page) -> Frame:
    return next(frame for frame in page.frames if "st_folium" in frame.url)


def mark_frame(page: Page) -> None:
    in_frame(page).evaluate("window.stays = true")


def assert_kept(page: Page) -> None:
    assert in_frame(page).evaluate("window.stays") is True


@pytest.mark.slow
@pytest.mark.parametrize("size", ["office", "phone"])
def test_a_city_is_gone_into_and_out_of(visit: Visitors, city_server: str, size: str) -> None:
    visitor = visit(size)
    page = visitor.open(city_server, "/map")
    frame = visitor.find_map(page)
    # The first district is larger than a screen of compounds: its streets come next.
    settle(page)
    mark_frame(page)
    frame.locator('[data-compound="区0000"]').click(force=True)
    expect(page.get_by_text("按街道汇总")).to_be_visible()
    expect(frame.locator('[data-compound="区0000/街道0101"]')).to_be_visible()
    # Another area is painted on the same map, and fills it.
    expect(frame.locator("[data-compound]")).to_have_count(9)
    assert_kept(page)
    settle(page)
    frame.locator('[data-compound="区0000/街道0101"]').click(force=True)
    # Its compounds fit on a screen, so that they are shown themselves.
    expect(page.get_by_text("先到哪里去")).to_be_visible()
    expect(page).to_have_url(re.compile("within="))
    expect(frame.locator('[data-compound="区0000/街道0101"]')).to_have_count(0)
    settle(page)
    assert_kept(page)
    shared = page.url.partition(city_server)[2]
    page.get_by_role("button", name="全部 ›").click()
    expect(page.get_by_text("按区县汇总")).to_be_visible()
    other = visit(size)
    page = other.open(city_server, shared)
    expect(page.get_by_text("街道0101", exact=True).first).to_be_visible()
    assert not other.complaints
    assert not visitor.complaints

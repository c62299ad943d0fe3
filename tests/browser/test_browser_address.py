"""The address says what is seen: links between pages, back and forward, and what is not lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]
STILL = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def test_today_leads_to_where_a_thing_is_acted_on_and_back(
    visit: Visitor, sample_server: str
) -> None:
    page = visit().open(sample_server)
    page.get_by_role("link", name="Q小区：").first.click()
    page.get_by_role("heading", name="Q小区", exact=True).wait_for()
    assert "/compound?at=T14" in page.url
    page.go_back()
    page.get_by_role("heading", name="今天要办的").wait_for()
    page.go_forward()
    page.get_by_role("heading", name="Q小区", exact=True).wait_for()


def test_back_and_forward_restore_what_was_chosen(visit: Visitor, sample_server: str) -> None:
    page = visit().open(sample_server, "/organizations")
    page.get_by_role("radio", name="居民骨干").click()
    page.wait_for_url("**part=core*")
    page.get_by_role("link", name="方法与名词").click()
    page.get_by_role("heading", name="方法与名词").wait_for()
    assert "part=core" in page.url
    page.get_by_role("link", name="数据质量").click()
    page.get_by_role("heading", name="数据质量").wait_for()
    page.locator(STILL).wait_for()
    page.go_back()
    page.get_by_role("heading", name="方法与名词").wait_for()
    page.locator(STILL).wait_for()
    page.go_back()
    expect(page.get_by_role("radio", name="居民骨干", checked=True)).to_have_count(1)
    page.locator(STILL).wait_for()
    page.go_back()
    expect(page.get_by_role("radio", name="缺什么", checked=True)).to_have_count(1)
    assert "part" not in page.url
    page.locator(STILL).wait_for()
    page.go_forward()
    expect(page.get_by_role("radio", name="居民骨干", checked=True)).to_have_count(1)
    assert "part=core" in page.url


def test_the_list_of_pages_keeps_the_compound_and_the_language(
    visit: Visitor, sample_server: str
) -> None:
    page = visit().open(sample_server, "/compound?at=T14&lang=en")
    page.get_by_role("heading", name="Q小区", exact=True).wait_for()
    page.get_by_role("link", name="Hotspots and trends").click()
    page.get_by_role("heading", name="Hotspots and trends").wait_for()
    assert "at=T14" in page.url
    assert "lang=en" in page.url
    page.get_by_role("radio", name="中文").click()
    page.get_by_role("heading", name="热点与趋势").wait_for()
    page.wait_for_url(lambda url: "lang" not in url and "at=T14" in url)


def test_the_tour_has_three_steps_and_is_shown_once(visit: Visitor, sample_server: str) -> None:
    page = visit().open(sample_server)
    tour = page.get_by_role("region", name="怎么用，三步")
    expect(tour).to_contain_text("第 1 步")
    tour.get_by_role("button", name="下一步").click()
    expect(tour.locator("li:visible")).to_contain_text("第 2 步")
    tour.get_by_role("button", name="下一步").press("Enter")
    expect(tour.locator("li:visible")).to_contain_text("第 3 步")
    tour.get_by_role("button", name="知道了").click()
    expect(tour).to_be_hidden()
    page.reload()
    page.get_by_role("heading", name="今天要办的").wait_for()
    page.locator(STILL).wait_for()
    expect(page.get_by_role("region", name="怎么用，三步")).to_be_hidden()


def test_a_compound_s_page_prints_whole_and_without_controls(
    visit: Visitor, sample_server: str
) -> None:
    page = visit().open(sample_server, "/compound?at=T14")
    page.get_by_role("heading", name="以上来自哪些表").wait_for()
    page.locator(STILL).wait_for()
    page.evaluate("window.print = () => { window.wasPrinted = true; }")
    page.get_by_role("button", name="打印这一页").click()
    assert page.evaluate("window.wasPrinted")
    page.emulate_media(media="print")
    for hidden in ('[data-testid="stSidebar"]', ".sq-button", ".st-key-compound-pick"):
        expect(page.locator(hidden).first).to_be_hidden()
    high = page.evaluate("document.documentElement.scrollHeight")
    assert high > 3000

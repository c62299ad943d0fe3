"""The page on organizations in a real browser: a visit to Q小区, and no page wider than its screen."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]


def test_from_what_is_missing_in_q_to_the_committee_the_network_and_a_link_for_others(
    visit: Visitor, sample_server: str
) -> None:
    visitor = visit()
    page = visitor.open(sample_server, "/organizations")
    expect(page.locator(".sq-list > li").first).to_contain_text("Q小区")
    page.get_by_role("radio", name="院落自治委员会", exact=True).click()
    expect(page.locator(".sq-steps").first.locator('[aria-current="step"]')).to_contain_text("备案")
    expect(page).to_have_url(re.compile("part=committees"))
    page.get_by_role("radio", name="关系网", exact=True).click()
    drawing = page.locator(".sq-net img")
    drawing.wait_for()
    assert drawing.evaluate("image => image.decode().then(() => image.naturalHeight)") > 400
    expect(page.get_by_text("请晴禾社工服务中心和时光印象搭上线")).to_be_visible()
    guest = visit().open(sample_server, "/organizations?part=watch&at=T14")
    expect(guest.get_by_text("永安居物业").first).to_be_visible()


def test_the_card_leads_to_the_page_with_the_same_compound(
    visit: Visitor, sample_server: str
) -> None:
    visitor = visit()
    visitor.open_map(sample_server, "/map?at=T14")
    visitor.page.get_by_role("link", name="到“组织”页看这个小区").click()
    expect(visitor.page).to_have_url(re.compile("organizations.*at=T14|at=T14.*part=growth"))
    expect(visitor.page.get_by_text("写章程").first).to_be_visible()


@pytest.mark.parametrize("part", ["gaps", "committees", "watch", "network"])
def test_no_part_is_wider_than_a_phone(visit: Visitor, sample_server: str, part: str) -> None:
    page = visit("phone").open(sample_server, f"/organizations?part={part}")
    page.locator(".sq-heading").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

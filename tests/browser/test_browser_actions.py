"""From the map to what is late, what was learnt elsewhere, and how far neighbours trust."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]


def is_within(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_secretary_follows_an_action_from_the_map_to_its_lesson(
    visit: Visitor, sample_server: str
) -> None:
    visitor = visit()
    frame = visitor.open_map(sample_server, "/map?show=actions.gaps.reach")
    late = frame.locator(".sq-act-late").first
    late.wait_for()
    assert late.evaluate("chip => getComputedStyle(chip, '::before').clipPath").startswith(
        "polygon"
    )
    late.hover()
    expect(frame.locator(".sq-tip")).to_contain_text("已过")
    page = visitor.page
    for label in ("缺应有的组织", "服务点和服务半径", "行动：迟了"):
        expect(page.locator(".sq-legend")).to_contain_text(label)
    page.get_by_role("link", name="行动").click()
    expect(page.get_by_role("heading", name="要催办的（2）")).to_be_visible()
    page.get_by_label("找几个字").fill("停车")
    page.get_by_label("找几个字").press("Enter")
    expect(page.get_by_text("选举产生、受监督的小组说话有人听")).to_be_visible()
    page.wait_for_url("**find=*")
    page.get_by_role("link", name="社会资本").click()
    expect(page.get_by_role("heading", name="先看这几处")).to_be_visible()
    page.get_by_role("radio", name="信任物业").click()
    page.wait_for_url("**item=trust_property*")


@pytest.mark.parametrize("path", ["/actions", "/capital?at=T14"])
def test_neither_page_is_wider_than_a_phone(visit: Visitor, sample_server: str, path: str) -> None:
    page = visit("phone").open(sample_server, path)
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.locator("canvas, svg.marks").first.wait_for()
    assert is_within(page)
    # Nothing in its tables has to be pushed aside to be read.
    wide = page.locator(".sq-stacks").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.parentNode.clientWidth).length"
    )
    assert wide == 0
    expect(page.locator(".sq-stacks [role=cell]").nth(1)).to_be_visible()

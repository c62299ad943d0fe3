"""The map month after month in a browser: played, stopped, sent on, by keyboard too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]


def test_months_are_played_and_the_one_stopped_at_is_in_the_address(
    visit: Visitor, sample_server: str
) -> None:
    visitor = visit()
    frame = visitor.open_map(sample_server, "/map?form=months&frame=2025-10")
    ground = frame.locator("[data-month]")
    expect(ground).to_have_attribute("data-month", "2025-10")
    colours = "all => all.map(one => one.getAttribute('fill')).join()"
    before = frame.locator("path[data-compound]").evaluate_all(colours)
    frame.get_by_role("button", name="播放").click()
    expect(ground).to_have_attribute("data-month", "2025-12")
    assert frame.locator("path[data-compound]").evaluate_all(colours) != before
    frame.get_by_role("button", name="停").click()
    visitor.page.wait_for_url("**frame=*")
    month = ground.get_attribute("data-month")
    visitor.page.wait_for_url(f"**frame={month}*")
    expect(frame.locator(".sq-month")).to_contain_text(f"{month}：")
    slider = frame.get_by_role("slider", name="月份")
    slider.focus()
    slider.press("End")
    expect(ground).to_have_attribute("data-month", "2026-10")
    visitor.page.wait_for_url(lambda url: "frame=2026-10" in url)


def test_the_bar_leaves_room_on_a_phone(visit: Visitor, sample_server: str) -> None:
    visitor = visit("phone")
    frame = visitor.open_map(sample_server, "/map?form=months")
    bar = frame.locator(".sq-bar").bounding_box()
    assert bar["x"] >= 0
    assert bar["x"] + bar["width"] <= 390
    for part in (".sq-play", ".sq-slider", ".sq-month"):
        box = frame.locator(part).bounding_box()
        assert box["x"] + box["width"] <= bar["x"] + bar["width"] + 1

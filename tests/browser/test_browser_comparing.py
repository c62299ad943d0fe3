"""Two maps beside each other: drawn apart, moved together."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]
NEAR = re.compile(r"^1[67]")


def test_two_maps_move_together(visit: Visitor, sample_server: str) -> None:
    page = visit().open(sample_server, "/map?form=compare&vs=colours&color2=type")
    frames = page.locator('iframe[title*="st_folium"]')
    expect(frames).to_have_count(2)
    left, right = (frames.nth(at).content_frame for at in (0, 1))
    for side in (left, right):
        side.locator("[data-painted]").wait_for()
    before = right.locator("[data-zoom]").get_attribute("data-zoom")
    left.get_by_role("button", name="Zoom in").click()
    zoomed = right.locator(f'[data-zoom]:not([data-zoom="{before}"])')
    zoomed.wait_for()
    expect(left.locator("[data-zoom]")).to_have_attribute(
        "data-zoom", zoomed.get_attribute("data-zoom")
    )
    marks = {side.locator("[data-painted]").get_attribute("data-painted") for side in (left, right)}
    assert len(marks) == 2


def test_two_compounds_are_seen_from_near_and_a_click_takes_another(
    visit: Visitor, sample_server: str
) -> None:
    page = visit().open(sample_server, "/map?form=compare&vs=places&at=T14&at2=T01")
    frames = page.locator('iframe[title*="st_folium"]')
    expect(frames).to_have_count(2)
    left, right = (frames.nth(at).content_frame for at in (0, 1))
    for side in (left, right):
        side.locator("[data-painted]").wait_for()
        # Nearer than a map of all of them, each by itself.
        expect(side.locator("[data-zoom]")).to_have_attribute("data-zoom", NEAR)
    zoom = right.locator("[data-zoom]").get_attribute("data-zoom")
    left.get_by_role("button", name="Zoom in").click()
    expect(left.locator("[data-zoom]")).not_to_have_attribute("data-zoom", str(zoom))
    assert right.locator("[data-zoom]").get_attribute("data-zoom") == zoom
    box = page.get_by_role("combobox", name="小区").nth(1)
    box.fill("qyl")
    page.get_by_role("option", name="栖云里").click()
    page.wait_for_url("**at2=T06*")
    expect(page.get_by_role("columnheader", name="栖云里")).to_be_visible()

"""Two maps beside each other: drawn apart, moved together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]


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

"""The page on briefings in a real browser: turning pages, asking for a number, on a phone too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]


def test_from_the_draft_to_where_a_number_comes_from(visit: Visitor, sample_server: str) -> None:
    page = visit().open(sample_server, "/briefing?at=T14")
    expect(page.get_by_text("第 1 页，共 2 页（草稿）")).to_be_visible()
    expect(page.get_by_role("img", name="简报第 1 页")).to_be_visible()
    page.wait_for_function("[...document.images].every(i => i.complete && i.naturalWidth > 500)")
    page.get_by_role("button", name="下一页").click()
    expect(page.get_by_text("第 2 页，共 2 页（草稿）")).to_be_visible()
    page.get_by_role("combobox", name="选一个数").fill("受理诉求（2026年10月）")
    page.get_by_role("option").first.click()
    expect(page.get_by_text("来自 21 行：")).to_be_visible()


def test_it_is_no_wider_than_a_phone(visit: Visitor, sample_server: str) -> None:
    page = visit("phone").open(sample_server, "/briefing?layout=official")
    expect(page.get_by_text("第 1 页，共").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390

"""Deliberation in a real browser: from what is urgent to one matter and its papers."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from docx import Document

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]


def test_from_the_most_urgent_matter_to_the_paper_for_the_meeting(
    visit: Visitor, sample_server: str
) -> None:
    visitor = visit()
    page = visitor.open(sample_server, "/deliberation")
    expect(page.get_by_role("heading", name="先办这些议题")).to_be_visible()
    page.get_by_role("button", name="槐里新城业委会换届").first.click()
    expect(page.get_by_role("heading", name="经过")).to_be_visible()
    expect(page).to_have_url(re.compile("matter=YT2025-06"))
    page.get_by_role("radio", name="材料下载", exact=True).click()
    expect(page.get_by_role("heading", name="月度议事会材料")).to_be_visible()
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    with page.expect_download() as started:
        page.get_by_role("button", name="下载月度议事会材料").click()
    download = started.value
    assert download.suggested_filename == "月度议事会材料 2026-10.docx"
    paper = Document(io.BytesIO(download.path().read_bytes()))
    assert paper.paragraphs[0].text == "T社区月度议事会材料"


@pytest.mark.parametrize("talk", ["first", "matters", "needs", "promises", "handbook", "papers"])
def test_no_part_is_wider_than_a_phone(visit: Visitor, sample_server: str, talk: str) -> None:
    page = visit("phone").open(sample_server, f"/deliberation?talk={talk}")
    expect(page.get_by_role("heading", name="议事", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390

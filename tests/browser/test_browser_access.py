"""Signing in and out, in a real browser: who sees what, and what a link opens afterwards."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from etl.accounts import ADMIN, LEADER, Accounts

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]
SECRET = "荷塘月色 2026"


def sign_in(page: Any, name: str) -> None:
    page.get_by_label("账号").fill(name)
    page.get_by_label("密码").fill(SECRET)
    page.get_by_role("button", name="登录").click()


def test_a_link_opens_what_it_says_after_signing_in_and_nothing_after_signing_out(
    visit: Visitor, own_server: str, sample_copy: Path
) -> None:
    accounts = Accounts(sample_copy)
    accounts.add("张书记", SECRET, ADMIN)
    accounts.add("王社工", SECRET, LEADER)
    leader = visit("phone")
    page = leader.open(own_server, "/map?at=T14")
    expect(page.get_by_role("heading", name="社区一张图")).to_be_visible()
    sign_in(page, "王社工")
    leader.find_map(page)
    expect(page.get_by_role("heading", name="Q小区").first).to_be_visible()
    office = visit()
    page = office.open(own_server, "/map")
    sign_in(page, "王社工")
    office.find_map(page)
    expect(page.get_by_text("王社工（社区）")).to_be_visible()
    expect(page.get_by_role("link", name="数据质量", exact=True)).to_be_visible()
    for hidden in ("数据更新", "操作记录"):
        expect(page.get_by_role("link", name=hidden, exact=True)).to_have_count(0)
    page.get_by_role("link", name="退出").click()
    page.get_by_role("button", name="退出").click()
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    sign_in(page, "张书记")
    page.get_by_role("heading", name="今天要办的").wait_for()
    page.get_by_role("link", name="操作记录", exact=True).click()
    expect(page.get_by_text("王社工").first).to_be_visible()
    expect(page.get_by_role("cell", name="退出")).to_be_visible()
    page.get_by_role("link", name="数据更新", exact=True).click()
    # Whoever is signed in need not say who they are.
    page.locator('input[type="file"]').wait_for(state="attached")
    expect(page.get_by_label("您的姓名或岗位")).to_have_count(0)

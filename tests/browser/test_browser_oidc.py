"""Signing in by the organization's own provider, a process of its own, in a real browser."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from etl.accounts import ADMIN, LEADER, Accounts
from tests.browser.conftest import PATIENCE, find_port, run, serve

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[str]:
    port = find_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    with run(command, port, tmp_path / "provider.log", dict(os.environ)) as address:
        yield address


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A browser that may talk to this machine only; what our own pages complain of fails the test."""
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE * 500)
    context.route(
        "**/*",
        lambda route: (
            route.continue_()
            if urlsplit(route.request.url).hostname in ("127.0.0.1", None)
            else route.abort()
        ),
    )
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


def test_a_whole_day_with_the_organizations_own_sign_in(
    page: Any, provider: str, sample_copy: Path, tmp_path: Path
) -> None:
    accounts = Accounts(sample_copy)
    accounts.add("张书记", "", ADMIN, subject="zhang")
    accounts.add("王社工", "", LEADER, subject="wang@t.example")
    told = {"SHEQU_OIDC_ISSUER": provider, "SHEQU_OIDC_CLIENT_ID": "shequ",
            "SHEQU_OIDC_CLIENT_SECRET": "s3cret"}  # fmt: skip
    with serve(sample_copy, tmp_path / "log", **told) as address:
        page.goto(f"{address}/map?at=T14")
        page.get_by_role("link", name="用单位的统一登录").click()
        # Somebody of the organization whom nobody has added here.
        page.get_by_placeholder("sub").fill("stranger")
        page.get_by_role("button", name="Authorize").click()
        expect(page.get_by_role("alert")).to_contain_text("还没有您的账号")
        page.get_by_role("link", name="用单位的统一登录").click()
        page.get_by_role("button", name="Deny").click()
        expect(page.get_by_role("alert")).to_contain_text("请重新登录")
        page.get_by_role("link", name="用单位的统一登录").click()
        page.get_by_placeholder("sub").fill("wang@t.example")
        page.get_by_role("button", name="Authorize").click()
        page.wait_for_url(re.compile(re.escape(address) + "/map.*at=T14"))
        page.frame_locator('iframe[title*="st_folium"]').locator("[data-painted]").wait_for()
        expect(page.get_by_text("王社工（社区）")).to_be_visible()
        (session,) = [c for c in page.context.cookies(address) if c["name"] == "shequ_session"]
        assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")
        page.get_by_role("link", name="退出").click()
        page.get_by_role("button", name="退出").click()
        page.get_by_role("link", name="也退出单位的统一登录").click()
        page.get_by_role("button", name="End session").click()
        expect(page.get_by_role("button", name="登录")).to_be_visible()
        page.goto(f"{address}/map")
        page.get_by_role("link", name="用单位的统一登录").click()
        page.get_by_placeholder("sub").fill("zhang")
        page.get_by_role("button", name="Authorize").click()
        expect(page.get_by_text("张书记（管理员）")).to_be_visible()
        page.get_by_role("link", name="操作记录", exact=True).click()
        expect(page.get_by_text("没有这个账号").first).to_be_visible()
        expect(page.get_by_role("cell", name="统一登录", exact=True).first).to_be_visible()
    events = [(event.who, event.what) for event in reversed(accounts.audit())]
    assert events == [
        ("stranger", "sign_in_failed"), ("", "sign_in_failed"), ("王社工", "sign_in"),
        ("王社工", "sign_out"), ("张书记", "sign_in"),
    ]  # fmt: skip
    said = (tmp_path / "log").read_text(encoding="utf-8")
    assert "s3cret" not in said
    assert "Traceback" not in said


def test_a_token_that_has_expired_lets_nobody_in(
    page: Any, sample_copy: Path, tmp_path: Path
) -> None:
    Accounts(sample_copy).add("张书记", "", ADMIN, subject="zhang")
    port = find_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "-e", "-3600"]
    with run(command, port, tmp_path / "provider.log", dict(os.environ)) as issuer:
        told = {"SHEQU_OIDC_ISSUER": issuer, "SHEQU_OIDC_CLIENT_ID": "shequ"}
        with serve(sample_copy, tmp_path / "log", **told) as address:
            page.goto(f"{address}/map")
            page.get_by_role("link", name="用单位的统一登录").click()
            page.get_by_placeholder("sub").fill("zhang")
            page.get_by_role("button", name="Authorize").click()
            expect(page.get_by_role("alert")).to_contain_text("没有通过核对")
            assert [c["name"] for c in page.context.cookies(address)] == []

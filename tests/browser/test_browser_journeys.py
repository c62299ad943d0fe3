"""The five things that each of the three kinds of people does most, one after another.

A community leader looks where to go first; whoever keeps the data brings sheets in; the street
office reads the briefing and asks where a number comes from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from docx import Document

from tests.browser.conftest import settle

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]
Write = Callable[..., Path]
pytestmark = pytest.mark.slow


def go(page: Any, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def press(page: Any, name: str) -> None:
    settle(page)
    page.get_by_role("button", name=name, exact=True).first.click()


def take(page: Any, name: str, folder: Path) -> Path:
    settle(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).first.click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_a_leader_sees_what_to_do_where_to_go_and_why(visit: Visitor, sample_server: str) -> None:
    visitor = visit("phone")
    page = visitor.open(sample_server)
    # What is due today; a line leads to where it is done.
    expect(page.get_by_role("heading", name="今天要办的")).to_be_visible()
    page.get_by_role("link", name="Q小区：71 件投诉超期没办结").click()
    expect(page.get_by_role("heading", name="Q小区", exact=True)).to_be_visible()
    # Where to go first, and why: on the map, by name or by a finger.
    page.goto(f"{sample_server}/map")
    visitor.find_map(page)
    first = page.get_by_role("button", name=re.compile(r"^第 \d+ "))
    expect(first).to_have_count(5)
    page.get_by_text("其余 11 个小区").click()
    expect(first).to_have_count(16)
    press(page, "第 1 Q小区")
    expect(page.get_by_text("投诉率是全社区的 2.8 倍").first).to_be_visible()
    page.wait_for_url("**at=T14*")
    # What the link shows to whoever it is sent to.
    sent = page.url
    # Month after month.
    settle(page)
    page.get_by_role("radio", name="逐月").click()
    frame = visitor.find_map(page)
    expect(frame.get_by_text("2026-10：242 件")).to_be_visible()
    frame.get_by_role("button", name="播放").click()
    expect(frame.get_by_text("2026-10：242 件")).to_be_hidden()
    # A compound by the sound of its name.
    page.goto(f"{sample_server}/compound")
    settle(page)
    box = page.get_by_role("combobox").first
    box.fill("cpjy")
    page.get_by_role("option", name="翠屏家园").click()
    expect(page.get_by_role("heading", name="翠屏家园", exact=True)).to_be_visible()
    # What was promised at meetings, and not done.
    page.goto(f"{sample_server}/deliberation?talk=promises")
    expect(page.get_by_role("heading", name="逾期没做到：1 件")).to_be_visible()
    other = visit().open(sample_server, sent.removeprefix(sample_server))
    expect(other.get_by_role("heading", name="Q小区", exact=True)).to_be_visible()


def test_whoever_keeps_the_data_brings_sheets_in_and_gets_them_back(
    visit: Visitor, own_server: str, write_xlsx: Write, tmp_path: Path
) -> None:
    rows = [
        ["单号", "受理时间", "诉求类别", "小区", "诉求内容"],
        ["JX1", "2026-10-30 09:00", "停车管理", "幸福里", "车辆堵住单元门口"],
        ["JX2", "昨天", "环境卫生", "Q小区", "时间写错的一条"],
    ]
    page = visit().open(own_server, "/data")
    # Drop a sheet in and look at what it would change.
    page.locator('input[type="file"]').set_input_files(str(write_xlsx("网格.xlsx", 登记=rows)))
    page.get_by_role("heading", name="有 2 处要问您").wait_for()
    # Answer what is uncertain, once.
    for question, answer in (("“单号”是不是", "工单编号"), ("“幸福里”是哪个小区", "Q小区")):
        page.get_by_role("combobox", name=question).click()
        page.get_by_role("option", name=answer, exact=True).click()
    press(page, "按这些回答再检查一遍")
    page.get_by_text("未入库 1 条").wait_for()
    # The same workbook back, with the bad cell marked.
    marked = take(page, "下载标注好的《网格.xlsx》", tmp_path)
    assert "应是日期" in openpyxl.load_workbook(marked)["登记"]["B3"].comment.text
    # Publish; what could not be used is kept, with its reason.
    press(page, "发布这次更新")
    page.get_by_text("已发布。新增 1 条，更改 0 条，未入库 1 条。").wait_for()
    go(page, "数据质量")
    expect(page.get_by_role("heading", name="未入库的行（4）")).to_be_visible()
    # Take it back.
    go(page, "数据更新")
    press(page, "撤销最近一次更新")
    press(page, "确定撤销")
    page.get_by_text("已撤销，").wait_for()
    go(page, "数据质量")
    expect(page.get_by_role("heading", name="未入库的行（3）")).to_be_visible()


def test_the_street_office_reads_asks_issues_and_takes_away(
    visit: Visitor, own_server: str, tmp_path: Path
) -> None:
    page = visit().open(own_server, "/briefing")
    # Read the month.
    expect(page.get_by_text("第 1 页，共 2 页（草稿）")).to_be_visible()
    expect(page.get_by_role("img", name="简报第 1 页")).to_be_visible()
    # Where does this number come from?
    page.get_by_role("combobox", name="选一个数").fill("受理诉求（2026年10月）")
    page.get_by_role("option").first.click()
    expect(page.get_by_text("来自 242 行")).to_be_visible()
    # Issue it and file it.
    settle(page)
    page.get_by_role("button", name="印发这一期").click()
    expect(page.get_by_text("第 1 页，共 2 页（已印发）")).to_be_visible()
    settle(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=".docx").first.click()
    paper = tmp_path / "issued.docx"
    waiting.value.save_as(paper)
    assert any("T社区2026年10月治理情况简报" in p.text for p in Document(str(paper)).paragraphs)
    # How a figure is worked out, and the rows behind it.
    page.goto(f"{own_server}/trends")
    settle(page)
    page.get_by_role("button", name="怎么算的？").nth(1).click()
    page.get_by_text("看背后的行").click()
    expect(page.get_by_text("一共 3,537 行")).to_be_visible()
    page.keyboard.press("Escape")
    # Take a table away, and know what it is.
    book = openpyxl.load_workbook(take(page, "导出这张表（XLSX）", tmp_path))
    told = dict(book["说明"].values)
    assert told["数据快照"].startswith(tuple("123456789"))
    assert ".xlsx" in told["来源文件"] or ".csv" in told["来源文件"]

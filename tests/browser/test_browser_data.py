"""Files from the staff, in a real browser: checked, published, taken back, and never run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from tests.browser.conftest import settle

expect = pytest.importorskip("playwright.sync_api").expect
Visitor = Callable[..., Any]
Write = Callable[..., Path]
RUNS = '<script>window.ran = 1</script><img src=x onerror="window.ran = 1">`${window.ran = 1}`'


def count_complaints(page: Any) -> int:
    told = page.locator(".sq-head li", has_text="投诉").first.locator("b").inner_text()
    return int(told.replace(",", ""))


def publish(page: Any, path: Path) -> None:
    # What was dropped before is still there until the page is drawn anew.
    expect(page.locator('input[type="file"]')).to_have_count(1)
    page.locator('input[type="file"]').set_input_files(str(path))
    page.get_by_role("heading", name="检查结果").wait_for()
    page.get_by_role("button", name="发布这次更新").click()
    page.get_by_text("已发布").wait_for()


def go(page: Any, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()


def test_a_workbook_is_previewed_published_and_taken_back(
    visit: Visitor, own_server: str, write_xlsx: Write
) -> None:
    book = write_xlsx(
        "十一月补登.xlsx",
        投诉=[
            ["受理时间", "诉求类别", "小区", "诉求内容"],
            ["2026-10-30 09:00", "停车管理", "Q小区", "车辆堵住单元门口"],
            ["2026-10-31 10:00", "环境卫生", "Q小区", "垃圾没有清运"],
            ["昨天", "环境卫生", "Q小区", "时间写错的一条"],
        ],
    )
    visitor = visit()
    visitor.open_map(own_server)
    page = visitor.page
    before = count_complaints(page)
    go(page, "数据更新")
    page.locator('input[type="file"]').set_input_files(str(book))
    page.get_by_role("heading", name="检查结果").wait_for()
    expect(page.get_by_text("新增 2 条")).to_be_visible()
    expect(page.get_by_text("未入库 1 条")).to_be_visible()
    page.get_by_role("button", name="发布这次更新").click()
    page.get_by_text("已发布").wait_for()
    go(page, "地图")
    visitor.find_map(page)
    assert count_complaints(page) == before + 2
    go(page, "数据更新")
    page.get_by_role("button", name="撤销最近一次更新").click()
    page.get_by_role("button", name="确定撤销").click()
    page.get_by_text("已撤销，").wait_for()
    go(page, "地图")
    visitor.find_map(page)
    assert count_complaints(page) == before


def test_a_file_that_is_no_spreadsheet_gets_a_sentence(
    visit: Visitor, own_server: str, tmp_path: Path
) -> None:
    broken = tmp_path / "照片.xlsx"
    broken.write_bytes(b"\x89PNG not a workbook")
    page = visit().open(own_server, "/data")
    page.locator('input[type="file"]').set_input_files(str(broken))
    page.locator(".sq-list li", has_text="照片.xlsx").wait_for()
    expect(page.get_by_text("Traceback")).to_have_count(0)
    expect(page.get_by_role("button", name="发布这次更新")).to_have_count(0)


def test_cells_are_shown_as_text_and_never_run(
    visit: Visitor, own_server: str, write_xlsx: Write
) -> None:
    book = write_xlsx(
        "组织.xlsx",
        组织台账=[
            ["组织名称", "组织类型", "所在小区", "运行状态"],
            [RUNS, "居民自组织", "槐里新城", "正常"],
        ],
    )
    visitor = visit()
    page = visitor.open(own_server, "/data")
    publish(page, book)
    go(page, "地图")
    frame = visitor.find_map(page)
    page.get_by_role("button", name="组织", exact=True).click()
    chip = frame.locator(".sq-chip[aria-label*='window.ran']")
    chip.hover()
    expect(frame.locator(".sq-tip strong")).to_have_text(RUNS)
    chip.click()
    page.get_by_role("heading", name="槐里新城", exact=True).wait_for()
    expect(page.get_by_text("window.ran").first).to_be_visible()  # card and its lists
    for inside in page.frames:
        assert inside.evaluate("window.ran === undefined")


def choose(page: Any, question: str, answer: str) -> None:
    page.get_by_role("combobox", name=question).click()
    page.get_by_role("option", name=answer, exact=True).click()


def test_a_question_is_answered_and_the_workbook_comes_back_marked(
    visit: Visitor, own_server: str, write_xlsx: Write, tmp_path: Path
) -> None:
    rows = [
        ["单号", "受理时间", "诉求类别", "小区", "诉求内容"],
        ["ZZ1", "2026-10-30 09:00", "停车管理", "幸福里", "车辆堵住单元门口"],
        ["ZZ2", "昨天", "环境卫生", "Q小区", "时间写错的一条"],
    ]
    page = visit().open(own_server, "/data")
    page.locator('input[type="file"]').set_input_files(str(write_xlsx("网格.xlsx", 登记=rows)))
    page.get_by_role("heading", name="有 2 处要问您").wait_for()
    expect(page.get_by_text("未入库 2 条")).to_be_visible()
    choose(page, "“单号”是不是“工单编号”", "工单编号")
    choose(page, "“幸福里”是哪个小区", "Q小区")
    page.get_by_role("button", name="按这些回答再检查一遍").click()
    page.get_by_text("未入库 1 条").wait_for()
    expect(page.get_by_role("heading", name="要问您")).to_have_count(0)
    settle(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="下载标注好的《网格.xlsx》").click()
    assert waiting.value.suggested_filename == "网格（已标注）.xlsx"
    marked = tmp_path / "回来.xlsx"
    waiting.value.save_as(marked)
    book = openpyxl.load_workbook(marked)
    assert book.sheetnames[0] == "问题清单"
    assert "应是日期" in book["登记"]["B3"].comment.text
    assert book["登记"]["B2"].comment is None
    page.get_by_role("button", name="发布这次更新").click()
    page.get_by_text("已发布。新增 1 条，更改 0 条，未入库 1 条。").wait_for()
    # Mended and dropped in again, only the mended row is new, and nothing is asked.
    book["登记"]["B3"] = "2026-10-31"
    book.save(marked)
    publish(page, marked)
    expect(page.get_by_text("已发布。新增 1 条，更改 0 条，未入库 0 条。")).to_be_visible()


def test_a_file_with_a_password_asks_for_it(
    visit: Visitor, own_server: str, write_xlsx: Write, tmp_path: Path
) -> None:
    plain = write_xlsx(
        "密.xlsx", 小区台账=[["小区名称", "小区类型", "总户数"], ["新苑", "商品房", 9]]
    )
    locked = tmp_path / "加密.xlsx"
    with plain.open("rb") as source, locked.open("wb") as target:
        OOXMLFile(source).encrypt("2026", target)
    page = visit().open(own_server, "/data")
    page.locator('input[type="file"]').set_input_files(str(locked))
    page.get_by_label("《加密.xlsx》的打开密码").fill("2026")
    page.get_by_role("button", name="打开", exact=True).click()
    page.get_by_text("新增 1 条").wait_for()

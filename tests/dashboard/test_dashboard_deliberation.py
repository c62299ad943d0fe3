"""The page on deliberation: what is urgent first, every part opens, links restore what was seen."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.choice import TALKS
from etl.store import Store
from tests.pages import SECONDS, Open, address_of, script_of, text_of

VIEW = "deliberation"


def find_compound(store: Path, name: str) -> str:
    opened = Store(store, read_only=True)
    table = opened.frame("out_compounds").set_index("name")
    opened.close()
    return str(table.loc[name, "compound_id"])


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("part", TALKS)
def test_every_part_opens_in_both_languages(open_page: Open, part: str, lang: str) -> None:
    test = open_page(talk=part, lang=lang)
    assert not test.exception
    assert not test.error
    assert len(text_of(test)) > 200


def test_the_longest_overdue_matter_comes_first(open_page: Open) -> None:
    test = open_page()
    offered = [button.label.replace("\\", "") for button in test.button]
    assert offered[0] == "槐里新城业委会换届"  # 182 working days over; its compound is said once
    said = text_of(test)
    assert "三级应在 2026-02-02 前商定，已超过 182 个工作日。" in said
    assert "物业清理占用通道的僵尸车。说好 2025-10-15，已过 259 个工作日，没有做到。" in said
    assert "“养宠管理”没有牵头的" in said
    assert "“停车管理”不止一家牵头：业委会、物业" in said


def test_a_matter_opens_from_the_list_and_a_link_restores_it(open_page: Open) -> None:
    test = open_page()
    test.button[0].click().run()
    assert address_of(test) == {"talk": "matters", "matter": "YT2025-06"}
    again = text_of(open_page(talk="matters", matter="YT2025-06"))
    assert "槐里新城业委会换届" in again
    assert "要业主表决" in again


def test_a_matter_shows_why_when_and_on_what_grounds(open_page: Open) -> None:
    said = text_of(open_page(talk="matters", matter="YT2023-01"))
    assert "按规则“换届和换物业”由三级商定" in said
    assert "全小区 412 户，一户按一名业主算，至少要有 275 户参与表决" in said
    assert "表里写的：应到 412，参与 133，同意 118。" in said
    assert "参与的不够三分之二" in said
    assert "五方会议，26 人到会" in said
    assert "2024-01-19" in said  # a promise that was kept late
    assert "第一次读到" in said


def test_a_level_that_differs_from_the_rule_is_said(open_page: Open) -> None:
    said = text_of(open_page(talk="matters", matter="YT2026-10"))
    assert "表里写的是二级，按规则应是三级" in said


def test_one_compound_shows_its_own_only(open_page: Open, sample_store: Path) -> None:
    test = open_page(at=find_compound(sample_store, "Q小区"), talk="promises")
    said = text_of(test)
    assert "Q小区，2026-07-18 坝坝会" in said
    assert "竹溪新居，" not in said


def test_promises_that_cannot_be_as_stated_are_named(open_page: Open) -> None:
    said = text_of(open_page(talk="promises"))
    assert "表里写“已兑现”，按日期是晚了。" in said


def test_meetings_are_listed_with_what_was_promised(open_page: Open) -> None:
    said = text_of(open_page(talk="promises"))
    assert "通报十月诉求" in said
    assert "三家物业企业踏勘，嫌欠费多、规模小" in said


def test_what_was_decided_and_not_made_public_is_named(open_page: Open) -> None:
    said = text_of(open_page())
    named = said[said.index("议定了，还没公示") :]
    assert "Q小区楼道杂物清理<small>2026-06-27 议定，公示时间没有写。" in named
    assert "农机站宿舍屋面补漏" not in named  # made public on 29 September


def test_needs_show_what_is_shared_and_what_does_not_tally(open_page: Open) -> None:
    said = text_of(open_page(talk="needs"))
    assert "几个小区都提的事" in said
    q_parking = said[said.index("投诉多，但没人提过") :]
    assert "停车管理" in q_parking


def test_an_old_link_to_a_matter_that_is_gone_says_so(open_page: Open) -> None:
    test = open_page(talk="matters", matter="没有这个")
    assert "没有这个" in test.warning[0].value
    assert not test.exception


def test_a_community_without_any_of_these_sheets_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from etl.refresh import refresh
    from tests.conftest import write_workbook

    register = [["小区编号", "小区名称", "小区类型", "总户数"], ["T01", "甲园", "老旧", 100]]
    store = Store(tmp_path / "store")
    refresh(store, [write_workbook(tmp_path / "表.xlsx", {"小区台账": register})])
    store.close()
    monkeypatch.setenv(settings.STORE, str(tmp_path / "store"))
    test = AppTest.from_string(script_of("deliberation"), default_timeout=SECONDS).run()
    assert not test.exception
    assert "还没有需求清单、议题、会议纪要或主体职责" in text_of(test)


def test_the_card_of_q_says_what_waits_there(open_page: Open, sample_store: Path) -> None:
    said = text_of(open_page("map", at=find_compound(sample_store, "Q小区")))
    assert "议事和承诺" in said
    assert "Q小区自治委员会监督小组" in said
    assert "投诉多、需求清单上没有的：停车管理" in said
    assert "职责手册没写清楚：“停车管理”不止一家牵头" in said
    assert "次会，最近一次在 42 天前" in said
    assert "物业和业委会做得怎样" in said
    assert "会上要求：" in said


def test_what_a_sheet_says_is_shown_and_never_run(
    sample_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from etl.refresh import refresh
    from tests.conftest import write_workbook

    evil = "<script>alert(1)</script>**[点](http://x)**"
    heads = ["议题编号", "议题", "小区", "议题状态", "紧急程度", "提出时间"]
    book = {"议题": [heads, ["YT9", evil, "Q小区", "议事中", "高", "2020-01-06"]]}
    store = Store(sample_copy)
    refresh(store, [write_workbook(tmp_path / "补充.xlsx", book)])
    store.close()
    monkeypatch.setenv(settings.STORE, str(sample_copy))
    for talk in ("first", "matters"):
        test = AppTest.from_string(script_of("deliberation"), default_timeout=SECONDS)
        test.query_params["talk"] = talk
        assert "<script>" not in text_of(test.run())
    test = AppTest.from_string(script_of("deliberation"), default_timeout=SECONDS).run()
    label = test.button[0].label
    assert "\\[点\\]" in label  # the longest overdue comes first, its signs as they stand
    assert "](" not in label

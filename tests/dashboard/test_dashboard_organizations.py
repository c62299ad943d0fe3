"""The page on organizations and its part of the card: on the sample, and on a few rows by hand."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import settings
from dashboard.choice import PARTS
from dashboard.drawing import draw_network
from dashboard.people import tell_core, tell_late_share, tell_missing, tell_vote
from etl.refresh import refresh
from etl.store import Store
from tests.conftest import write_workbook
from tests.pages import SECONDS, Open, address_of, script_of, text_of

VIEW = "organizations"
Q = "T14"


@pytest.fixture(scope="module")
def people(sample_store: Path) -> list[str]:
    """Names of persons that the sample's sheets hold; the store must hold none of them."""
    from openpyxl import load_workbook

    from tests.conftest import SAMPLE

    sheet = load_workbook(SAMPLE / "组织台账.xlsx")["居民骨干"]
    return [str(row[2].value) for row in sheet.iter_rows(min_row=3) if row[2].value]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("part", PARTS)
def test_every_part_opens_in_both_languages_for_all_and_for_one_and_names_nobody(
    open_page: Open, people: list[str], part: str, lang: str
) -> None:
    for place in ({}, {"at": Q}):
        test = open_page(part=part, lang=lang, **place)
        assert not test.exception
        assert not test.error
        said = text_of(test)
        assert not [name for name in people if name in said]
        assert address_of(test).get("at", "") == place.get("at", "")


def test_part_and_compound_are_kept_in_the_address(open_page: Open) -> None:
    test = open_page(part="watch")
    assert address_of(test) == {"part": "watch"}
    test.selectbox[0].select(Q).run()
    assert address_of(test) == {"part": "watch", "at": Q}
    assert "永安居物业" in text_of(test)
    assert "和顺物业" not in text_of(test)


def test_a_link_to_a_compound_that_is_gone_says_so(open_page: Open) -> None:
    test = open_page(at="T99")
    assert [warning.value for warning in test.warning]
    assert address_of(test) == {}


def test_what_is_worst_comes_first(open_page: Open) -> None:
    said = text_of(open_page())
    first = said[said.index('<ul class="sq-list">') :]
    assert first.index("Q小区：缺 2 类") < first.index("清荷湾：缺 3 类")
    assert "院落自治委员会：正常，但有隐患：224 天没有活动" in first


def test_each_organization_stands_under_its_next_step(open_page: Open) -> None:
    said = text_of(open_page(part="growth"))
    step = said[said.index("写章程") : said.index("带进议事")]
    assert "翠屏舞蹈队" in step
    assert "没有章程" in step
    assert "翠屏邻里互助组" in said[said.index("带进议事") :]
    assert "Q小区麻友会，已 1,003 天没有活动" in said


def test_committees_are_told_step_by_step_and_the_latest_first(open_page: Open) -> None:
    said = text_of(open_page(part="committees"))
    order = [
        said.index(f"{name}　第") for name in ("Q小区", "粮油站宿舍", "新桥街27号院", "竹溪新居")
    ]
    assert order == sorted(order)
    assert "轮到“候选人介绍与考核”，由社区来做：原定 2026-10-10，已晚 21 天。" in said
    assert "412 户里 131 户投了票，占 32%，没有超过 50%，不够数。" in said
    assert (
        said.count('aria-current="step"') == 4
    )  # one each, and Q小区's former term; not the complete
    assert "七步都走完了。" in said


def test_where_there_is_none_where_nobody_knows_and_where_they_are_fewest(open_page: Open) -> None:
    said = text_of(open_page(part="core"))
    assert "在任 126 人，每百户 0.9 人；60 岁及以上占 65%（56–73%，126 人写明年龄）" in said
    assert "没有骨干的：供销社家属院。" in said
    assert "名单里没有、情况未知的：清荷湾。" in said
    rows = said[said.index("<tbody>") :]
    assert rows.startswith('<tbody><tr><td>供销社家属院</td><td class="sq-gap">● 0</td>')
    assert "</tr><tr><td>Q小区</td><td>1</td><td>0.2</td>" in rows


def test_companies_that_cannot_be_told_apart_are_said_to_be_so(open_page: Open) -> None:
    said = text_of(open_page(part="watch"))
    assert "明显比其他更常超期的：永安居物业。</p><p>其余的分不出高低，不排名次。" in said
    assert 'class="sq-gap">● 永安居物业（名存实亡）</td>' in said
    assert "4 次会到了 0 次" in said
    # 和顺物业 is told of over its three compounds, and in each.
    assert said.count(">和顺物业</td>") == 4
    assert "过期没做：期限 2025-10-15" in said


def test_festivals_say_who_came_and_the_year_before(open_page: Open) -> None:
    said = text_of(open_page(part="activities"))
    assert "挖藕节　2026-10-17　Q小区" in said
    assert "来了 134 人，60 岁以上 63，40 岁以下 34，上一次（2025-10-18）76 人" in said
    assert "情况未知的：新桥街27号院。" in said
    assert "挖藕节" not in text_of(open_page(part="activities", at="T01"))


def test_the_network_has_a_table_twin_and_says_what_is_missing(open_page: Open) -> None:
    said = text_of(open_page(part="network"))
    assert "请晴禾社工服务中心和时光印象搭上线：2 个小区、8 个组织" in said
    assert "永安居物业 — Q小区：名存实亡" in said
    assert "<td>永安居物业</td>" in said
    assert '<img alt="关系网' in said


def test_the_card_tells_of_people_and_leads_to_the_page(open_page: Open) -> None:
    said = text_of(open_page("map", at=Q))
    assert "骨干、活动和自治" in said
    assert "轮到“备案”" in said
    assert "Q小区荷塘管护队：写章程" in said


@pytest.mark.parametrize("color", ["core", "taking_part"])
def test_the_map_is_coloured_by_people(open_page: Open, color: str) -> None:
    test = open_page("map", color=color)
    assert not test.exception
    said = text_of(test)
    assert {"core": "人/百户", "taking_part": "人次/百户"}[color] in said


def test_before_its_next_refresh_an_old_store_says_so(
    sample_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(sample_copy))
    store = Store(sample_copy)
    with store.write() as writer:
        for table in ("core_residents", "core_groups", "self_organizations", "committee_steps",
                      "supervision", "participation", "festivals", "network_nodes",
                      "network_links", "network_missing"):  # fmt: skip
            writer.execute(f"DELETE FROM lake.out_{table}")
        writer.execute("UPDATE lake.out_compounds SET core_per_100h = NULL")
        writer.publish({"files": ["试.xlsx"]})
    store.close()
    for part in PARTS:
        test = AppTest.from_string(script_of("organizations"), default_timeout=SECONDS)
        test.query_params["part"] = part
        assert not test.run().exception


def test_methods_say_what_a_vote_needs_and_what_a_missing_link_is(open_page: Open) -> None:
    said = text_of(open_page("methods"))
    assert "投票要超过 50% 的户参加" in said
    assert "180 天没有活动的先恢复活动" in said
    assert "最该牵的线" in said


def test_a_community_with_only_its_registers_is_told_what_is_lacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = [["小区编号", "小区名称", "小区类型", "总户数"], ["T01", "甲园", "商品房", 400]]
    store = Store(tmp_path / "store")
    bodies = [["组织名称", "组织类型", "所在小区", "运行状态"], ["东物业", "物业", "甲园", "正常"]]
    sheets = {"小区台账": register, "组织台账": bodies}
    refresh(store, [write_workbook(tmp_path / "表.xlsx", sheets)])
    store.close()
    monkeypatch.setenv(settings.STORE, str(tmp_path / "store"))
    said = {}
    for part in PARTS:
        test = AppTest.from_string(script_of("organizations"), default_timeout=SECONDS)
        test.query_params["part"] = part
        test.run()
        assert not test.exception
        assert not test.error
        said[part] = text_of(test)
        assert not re.search("NaT|nan|None", said[part])
    assert "东物业" in said["watch"]
    assert "还没有进度表" in said["committees"]
    assert "不清楚" in said["core"]
    assert "不清楚" in said["activities"]


def a_row(**values: Any) -> SimpleNamespace:
    return SimpleNamespace(**values)


def test_of_few_people_no_share_is_told() -> None:
    row = a_row(status="some", compound_id="T01", core_count=4, core_per_100h=1.0, age_known_count=3, over_60_count=2,
                over_60_pct=66.7, over_60_pct_low=9.0, over_60_pct_high=99.0)  # fmt: skip
    told = tell_core(row)
    assert "3 人里 2 人 60 岁及以上" in told
    assert "%" not in told
    assert "1 人没写年龄" in told
    assert "不清楚" in tell_core(a_row(status="silent", compound_id="T01"))
    assert "现在没有" in tell_core(a_row(status="none", compound_id="T01"))


def test_of_few_complaints_no_share_is_told() -> None:
    few = a_row(late_pct=50.0, late_count=1, judged_count=2, late_pct_low=1.0, late_pct_high=99.0)
    assert tell_late_share(few) == "2 件里 1 件（太少，不算比例）"
    assert tell_late_share(a_row(late_pct=None)) == "—"


def test_votes_are_told_with_what_is_asked() -> None:
    asked = {"turnout": 50.0, "approval": 50.0}
    row = {"voter_count": 100, "vote_count": 60, "approval_count": 20, "turnout_pct": 60.0,
           "approval_pct": 33.3}  # fmt: skip
    assert "没有超过 50%，不够数" in tell_vote(a_row(**row), asked)
    assert "够不够还不知道" in tell_vote(a_row(**{**row, "approval_pct": None}), asked)
    assert "算不出投票率" in tell_vote(a_row(**{**row, "turnout_pct": None}), asked)
    assert tell_vote(a_row(vote_count=None), asked) == ""


def test_ties_among_missing_links_are_said() -> None:
    names = {"O:a": "甲队", "O:b": "乙队", "C:1": "一院", "C:2": "二院"}
    row = a_row(source="O:a", target="C:1", source_ties='["O:a", "O:b"]',
                target_ties='["C:1", "C:2"]', compounds_joined=2, organizations_joined=0,
                is_tie=True)  # fmt: skip
    told = tell_missing(row, names)
    assert told == (
        "请甲队和一院或二院搭上线：2 个小区就和最大的一片连上了。也可以请乙队。另外还有一条线同样有用。"
    )


def drawn(html: str) -> ElementTree.Element:
    picture = html.split("base64,")[1].split('"')[0]
    return ElementTree.fromstring(b64decode(picture).decode())


def test_the_drawing_escapes_names_and_marks_what_is_broken() -> None:
    nodes = pd.DataFrame(
        [
            ("C:1", "1", "<b>院</b>", "compound", "1", None),
            ("C:2", "2", "二院", "compound", "2", None),
            ("O:a", "a", "<script>甲", "self_organization", "1", "正常"),
            ("O:b", "b", "乙物业", "property_company", None, "名存实亡"),
            ("O:c", "c", "没有联系", "volunteer_team", "1", "正常"),
        ],
        columns=["node_id", "place_id", "name", "kind", "compound_id", "state"],
    )
    links = pd.DataFrame(
        [
            ("O:a", "C:1", "works", False),
            ("O:b", "C:1", "works", True),
            ("O:b", "C:2", "works", False),
            ("O:a", "O:b", "together", False),
        ],
        columns=["source", "target", "relation", "is_broken"],
    )
    html = draw_network(nodes, links, ["1", "2"])
    assert "<script>" not in html
    svg = drawn(html)
    said = ["".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert "<script>甲" in said
    assert "没有联系" not in said
    assert any(text.startswith("乙物业") and "已停" in text for text in said)
    looks = [path.get("class") for path in svg.iter("{http://www.w3.org/2000/svg}path")]
    assert sorted(looks) == ["broken", "cross", "together", "works", "works"]

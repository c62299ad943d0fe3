"""The pages on social capital and on actions: what they say, and what they keep to themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import actions, capital, page, settings
from dashboard.map.colouring import colour_compounds
from dashboard.map.signs import draw_actions, draw_services, find_services, look_of, tell_lacking
from etl.refresh import refresh
from etl.store import Store
from tests.conftest import write_workbook
from tests.pages import Open, address_of


def text_of(test: AppTest) -> str:
    assert not test.exception
    return re.sub(r"<[^>]+>", "\n", "\n".join(e.proto.body for e in test.get("html")))


def describe(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "status": "known", "measure": "trust_neighbors", "pct": 35.3, "pct_low": 21.4,
        "pct_high": 52.1, "base_count": 34, "households": 412, "against_rest": "not_apart",
        "rest_pct": 55.0, "change_verdict": "up", "before_pct": 0.0, "before_count": 31,
        "before_wave": "2025", "change": 35.3, "change_low": -0.2, "change_high": 52.1,
    }  # fmt: skip
    return {**row, **changes}


def test_a_share_is_told_with_its_interval_and_its_n() -> None:
    assert capital.tell_share(describe()) == "35%（21–52%）"
    assert capital.tell_asked(describe()) == "34 人，共 412 户"
    assert capital.tell_asked(describe(households=None)) == "34 人，户数未知"
    assert capital.tell_rest(describe()) == "分不出高低（其他小区 55%）"
    told = capital.tell_change(describe())
    assert told == "上升：0% → 35%（相差 +35 个百分点，95% 区间 +0 到 +52）"


def test_what_is_not_known_is_never_told_as_none() -> None:
    few = describe(
        status="too_few", pct=None, base_count=None, change_verdict="too_few", change=None
    )
    assert capital.tell_share(few) == "回答太少，不公布"
    assert capital.tell_asked(few) == "—"
    assert capital.tell_rest(few) == "—"
    assert capital.tell_change(few) == "有一次回答太少，不比"
    assert capital.tell_share(None) == "没有问到"
    assert capital.tell_change(None) == "以前没有问过"


def describe_events(**changes: Any) -> pd.DataFrame:
    row = {"compound_id": "A", "measure": "activities", "yes_count": 50, "base_count": 3,
           "unknown_count": 1}  # fmt: skip
    return pd.DataFrame([{**row, **changes}])


def test_registers_that_are_silent_and_registers_that_are_not_there_are_told_apart() -> None:
    table = describe_events()
    assert capital.tell_events(table, "A", "activities", 200) == (
        "3 次，50 人次（每百户 25）；1 次没写人数"
    )
    assert capital.tell_events(table, "A", "activities", None) == "3 次，50 人次；1 次没写人数"
    assert capital.tell_events(table, "B", "activities", 200) == "登记里没有"
    assert capital.tell_events(table, "A", "meetings", 200) == "没有登记，情况未知"
    silent = describe_events(yes_count=None, unknown_count=3)
    assert capital.tell_events(silent, "A", "activities", 200) == "3 次，没写人数"
    core = {"core_resident_count": 0, "households": 200}
    assert capital.tell_core(core, False) == "没有登记，情况未知"
    assert capital.tell_core(core, True) == "登记里没有"
    assert capital.tell_core({**core, "core_resident_count": 3}, True) == "3 人（每百户 1.5）"


def test_the_page_says_who_stands_apart_and_who_cannot_be_told_apart(open_page: Open) -> None:
    said = text_of(open_page("capital"))
    assert "信任物业：3% 同意，低于其他小区" in said
    assert "信任邻居：从上次（2025）的 0%（31 人）升到 35%（34 人）" in said
    assert re.search(r"其余 \d+ 个小区每一题都和别处分不出高低", said)
    assert "回答太少、不公布的（1 个）：新桥街27号院" in said
    assert "也不合成总分" in said


def test_every_share_on_the_page_stands_with_its_n(open_page: Open, sample_store: Path) -> None:
    test = open_page("capital", item="trust_property")
    said = text_of(test)
    store = Store(sample_store, read_only=True)
    table = store.frame("out_capital")
    store.close()
    rows = table[(table["measure"] == "trust_property") & (table["wave"] == "2026")]
    known = rows[(rows["status"] == "known") & (rows["compound_id"] != "")]
    assert len(known) == 15
    for row in known.to_dict("records"):
        assert capital.tell_share(row) in said
        assert capital.tell_asked(row) in said
    assert address_of(test) == {"item": "trust_property"}


def test_a_compound_of_too_few_answers_shows_none_of_them(open_page: Open) -> None:
    said = text_of(open_page("capital", at="T16"))
    before, _, _ = said.partition("先看这几处")
    assert "不足 5 份，不公布" in before
    assert "%" not in before
    assert "应有 5 类" in before


def test_the_page_of_actions_puts_late_ones_first(open_page: Open) -> None:
    said = text_of(open_page("actions"))
    late = said.index("要催办的（2）")
    first = said.index("邻里互助日（Q小区）：原定 2026-09-20 开始，已过 41 天，还没有动")
    second = said.index("楼道杂物清理（粮油站宿舍）：原定 2026-09-30 结束，已过 31 天")
    assert late < first < second < said.index("正在做和要做的（7）")
    assert "2026-10-31" in said


def test_what_worked_elsewhere_is_found_by_problem_path_and_words(open_page: Open) -> None:
    said = text_of(open_page("actions", problem="停车管理", path="规范"))
    found = said[said.index("别处做过什么") : said.index("一项行动前后")]
    assert "停车自管会（竹溪新居）" in found
    assert "见效了" in found
    assert "经验：选举产生" in found
    assert "荷塘共建" not in found
    words = text_of(open_page("actions", find="荷塘 社工"))
    found = words[words.index("别处做过什么") : words.index("一项行动前后")]
    assert "荷塘共建（Q小区）" in found
    assert "停车自管会" not in found
    words = text_of(open_page("actions", find="摸鱼节"))
    assert "找到 1 项" in words
    assert "管护队仍靠少数老人" in words
    none = text_of(open_page("actions", find="没有这样的事"))
    assert "没有做过类似的事" in none


def test_an_action_in_the_address_is_shown_with_its_figures(open_page: Open) -> None:
    test = open_page("actions", act="X-07")
    assert address_of(test) == {"act": "X-07"}
    assert test.selectbox[1].value == "X-07"
    said = text_of(open_page("actions"))
    assert "45 件 / 7 个月" in said
    assert "除去其他小区同期的涨落：减少 64%" in said


def test_targets_are_held_against_what_runs_there(open_page: Open) -> None:
    said = text_of(open_page("actions"))
    table = said[said.index("先到的小区") :]
    assert "邻里互助日（计划（迟了））" in table
    assert "还没有安排" in table
    assert "停车自管会（竹溪新居）" in table


@pytest.mark.parametrize("view", ["capital", "actions"])
@pytest.mark.parametrize("query", [{"item": "<b>"}, {"path": "x"}, {"act": "gone", "at": "gone"}])
def test_old_links_still_open(open_page: Open, view: str, query: dict[str, str]) -> None:
    assert len(text_of(open_page(view, **query))) > 200


def test_without_survey_and_actions_the_pages_say_what_to_do(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = [["小区编号", "小区名称", "小区类型", "总户数"], ["T01", "甲园", "其他", 400]]
    complaints = [
        ["工单编号", "受理时间", "诉求类别", "小区"],
        ["A1", "2026-01-05", "停车管理", "甲园"],
    ]
    store = Store(tmp_path / "store")
    sheets = {"小区台账": register, "投诉工单": complaints}
    refresh(store, [write_workbook(tmp_path / "表.xlsx", sheets)])
    store.close()
    monkeypatch.setenv(settings.STORE, str(tmp_path / "store"))
    said = text_of(open_page("capital", at="T01"))
    assert "还没有居民问卷" in said
    assert "没有登记，情况未知" in said
    assert "登记里没有" not in said.replace("“登记里没有”", "")
    assert "还没有登记的行动" in text_of(open_page("actions"))
    said = text_of(open_page("map", color="trust", show="actions.reach.gaps"))
    assert "还没有居民问卷" in said
    assert "服务点有 0 个" in said


@pytest.mark.parametrize("view", ["capital", "actions", "map"])
def test_a_register_alone_is_enough_to_open_them(
    open_page: Open, view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register = [["小区编号", "小区名称", "小区类型", "总户数"], ["T01", "甲园", "老旧", 400]]
    store = Store(tmp_path / "store")
    refresh(store, [write_workbook(tmp_path / "表.xlsx", {"小区台账": register})])
    store.close()
    monkeypatch.setenv(settings.STORE, str(tmp_path / "store"))
    said = text_of(open_page(view, at="T01", show="gaps.reach.actions"))
    assert "NaT" not in said
    assert "行动：迟了" not in said


@pytest.mark.parametrize("view", ["capital", "actions"])
def test_both_pages_open_in_english(open_page: Open, view: str) -> None:
    assert len(text_of(open_page(view, lang="en"))) > 200


def test_the_card_has_both_and_says_which_complaints_it_counts(open_page: Open) -> None:
    said = text_of(open_page("map", at="T14"))
    assert "未办结（累计）" in said
    assert "统计期内受理的有" in said
    assert "这里只算 2025-11 至 2026-10 受理的投诉" in said
    assert "35%（21–52%）" in said
    assert "原定 2026-09-20 开始" in said
    assert "这里投诉最多的是停车管理。别处做过、投诉确实减少的：停车自管会（竹溪新居）" in said


def test_layers_say_in_words_what_they_draw(open_page: Open) -> None:
    said = text_of(open_page("map", show="hotspots.gaps.reach.actions", color="trust"))
    assert "是投诉热点又缺组织：Q小区，缺物业（名存实亡）" in said
    assert "是投诉热点又缺组织：南溪郡，缺业委会（已解散）" in said
    assert "服务点有 3 个" in said
    assert "不在任何服务点半径内的小区有 3 个" in said
    assert "邻里互助日（Q小区）：原定 2026-09-20" in said
    assert "回答太少或没有问到" in said
    table = open_page("map", form="table").dataframe[0].value.set_index("小区")
    assert table.loc["Q小区", "信任邻居（%）"] == 35
    assert table.loc["Q小区", "信任邻居：回答（人）"] == 34
    assert table.loc["Q小区", "邻里互助（%）"] == 41
    assert table.loc["Q小区", "愿意参与议事（%）"] == 18
    assert pd.isna(table.loc["新桥街27号院", "信任邻居（%）"])
    assert table.loc["Q小区", "行动（在做和计划）"] == 2


def test_a_compound_without_published_answers_is_no_class_of_the_map() -> None:
    table = pd.DataFrame({"trust_pct": [20.0, 80.0, None]}, index=["A", "B", "C"])
    colouring = colour_compounds("trust", table)
    assert colouring.bands[int(colouring.member["C"])].label == "回答太少或没有问到"
    assert colouring.told.to_dict() == {"A": "20%", "B": "80%", "C": ""}
    without = colour_compounds("trust", pd.DataFrame(index=["A"]))
    assert [band.count for band in without.bands] == [1]


def test_gaps_services_and_actions_become_signs() -> None:
    gaps = pd.DataFrame({"compound_id": ["A", "A"], "kind": ["property_company", "party_branch"],
                         "state": ["无", "已解散"]})  # fmt: skip
    assert tell_lacking(gaps) == {"A": "物业（无）、党组织（已解散）"}
    places = pd.DataFrame({
        "name": ["甲", "乙", "丙"], "kind": "social_work_agency", "state": ["正常", "筹备", "正常"],
        "lon": 104.0, "lat": [30.0, 30.0, None], "reach_m": 300.0,
    })  # fmt: skip
    drawn = draw_services(find_services(places))
    assert [(one["name"], one["reach"]) for one in drawn] == [("甲", 300.0)]
    action = {
        "name": "<b>", "compound_id": "A", "lon": None, "lat": None, "path": None, "category": None,
        "lead_party": None, "status": "进行中", "lateness": "end_passed", "late_days": 3,
        "starts_on": pd.NaT, "ends_on": pd.Timestamp("2026-01-01"),
    }  # fmt: skip
    (sign,) = draw_actions(pd.DataFrame([action]))
    assert (sign["look"], sign["sign"], sign["at"], sign["lat"]) == ("act-late", "!", "A", None)
    assert any("已过 3 天" in line for line in sign["lines"])
    looks = [
        look_of({**action, "lateness": "on_time", "status": s}) for s in ("计划", "终止", None)
    ]
    assert looks == ["act-planned", "act-done", "act-open"]


def test_what_helped_stands_before_what_cannot_be_told() -> None:
    table = pd.DataFrame({
        "name": list("abc"), "place": "甲园", "path": "规范", "category": ["停车管理", None, "噪音扰民"],
        "aim": None, "lead_party": None, "result": None, "lesson": None, "status": ["进行中", "已完成", "已完成"],
        "verdict": ["too_early", "no_change", "better"], "starts_on": pd.Timestamp("2026-01-01"),
    })  # fmt: skip
    assert actions.find_alike(table, "", "", "")["name"].tolist() == ["c", "b", "a"]
    assert actions.find_alike(table, "规范", "停车管理", "")["name"].tolist() == ["b", "a"]
    assert actions.find_alike(table, "信任", "", "").empty


def test_a_stacked_table_escapes_what_its_cells_and_heads_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    monkeypatch.setattr(page.st, "html", shown.append)
    page.show_rows(['a"><b>', "c"], [["<td>x</td>", "y"]], stacks=True)
    assert "<b>" not in shown[0]
    assert "&lt;td&gt;x&lt;/td&gt;" in shown[0]
    assert shown[0].count("data-head=") == 2
    assert 'data-head="a&quot;&gt;&lt;b&gt;"' in shown[0]

"""Core residents, self-organizations, committees, supervision, activities and the network, by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from etl.errors import ProfileError
from etl.profile import parse_profile
from etl.refresh import refresh
from etl.report import Report
from etl.store import Store
from tests.conftest import WriteXlsx, write_workbook

REGISTER = [
    ["小区编号", "小区名称", "小区类型", "总户数"],
    ["T01", "甲园", "商品房", 400],
    ["T02", "乙院", "老旧", 200],
    ["T03", "丙院", "老旧", 100],
    ["T04", "丁院", "老旧", 50],
]
ORGANIZATIONS = [
    ["组织名称", "组织类型", "所在小区", "运行状态", "发展阶段", "是否备案", "是否受监督", "有无章程",
     "负责人产生方式", "成员人数", "最近活动时间"],
    ["东物业", "物业", "甲园", "正常", "", "是", "是", "是", "指派", 9, "2026-10-20"],
    ["西物业", "物业", "乙院", "名存实亡", "", "是", "否", "否", "指派", 3, "2024-01-01"],
    ["社工站", "社工机构", "甲园", "正常", "", "是", "是", "是", "指派", 4, "2026-10-20"],
    ["合唱队", "居民自组织", "甲园", "正常", "娱乐", "是", "是", "是", "推选", 20, "2026-10-01"],
    ["互助组", "居民自组织", "乙院", "正常", "公益", "否", "是", "否", "推选", 8, "2026-09-01"],
    ["棋友会", "居民自组织", "丙院", "正常", "娱乐", "", "是", "是", "推选", 6, "2026-01-01"],
    ["巡逻队", "志愿队伍", "乙院", "正常", "公益", "是", "是", "", "推选", 6, "2026-10-01"],
    ["老年社", "居民自组织", "丙院", "已解散", "娱乐", "是", "是", "是", "推选", 6, "2020-01-01"],
]  # fmt: skip
CORE = [
    ["小区", "姓名", "角色", "年龄段", "是否党员", "是否在任"],
    ["甲园", "张三丰", "楼栋长", "60岁以上", "是", "是"],
    ["甲园", "李四光", "楼栋长", "60岁以上", "否", "是"],
    ["甲园", "王小五", "调解员", "40-59岁", "", "是"],
    ["甲园", "赵小六", "调解员", "", "", ""],
    ["甲园", "孙小七", "楼栋长", "60岁以上", "", "否"],
    ["乙院", "", "无骨干", "", "", ""],
    ["丁院", "周小八", "楼栋长", "18-39岁", "", "是"],
]
ACTIVITIES = [
    ["活动名称", "活动日期", "活动类别", "小区", "主办组织", "协办单位", "参与人数", "60岁以上人数",
     "40岁以下人数"],
    ["摸鱼节", "2025-06-20", "节庆", "甲园", "合唱队", "", 50, 20, 10],
    ["摸鱼节", "2026-06-20", "节庆", "甲园", "合唱队", "社区、社工站", 80, 40, 20],
    ["读报", "2026-09-05", "文体", "甲园", "合唱队", "", 20, None, None],
    ["义诊", "2026-09-12", "公益", "乙院", "互助组", "合唱队", None, None, None],
]  # fmt: skip
STEPS = [
    ["小区", "届次", "步骤", "责任方", "计划日期", "完成日期", "应投票户数", "参加投票户数", "同意户数"],
    ["乙院", "第一届", "说明会", "社区", "2026-08-01", "2026-08-01", None, None, None],
    ["乙院", "第一届", "宣传", "社工", "2026-08-20", "2026-09-10", None, None, None],
    ["乙院", "第一届", "投票", "社区", "2026-09-01", "2026-09-01", 200, 90, 80],
    ["乙院", "第一届", "备案", "社区", "2026-10-01", "", None, None, None],
    ["丙院", 1, "流程说明会", "社区", "2026-11-20", "", None, None, None],
    ["丙院", 1, "投票", "外星人", "2026-12-20", "", 100, 130, 40],
]  # fmt: skip
MEETINGS = [
    ["会议编号", "事项序号", "会议类型", "会议日期", "小区", "参会方", "承诺事项", "承诺方", "承诺期限",
     "兑现时间"],
    ["H1", 1, "五方会议", "2026-05-10", "甲园", "社区、物业、社工机构", "修好路灯", "物业", "2026-06-01", "2026-05-20"],
    ["H1", 2, "五方会议", "2026-05-10", "甲园", "社区、物业、社工机构", "公示账目", "物业", "2026-06-01", "2026-07-01"],
    ["H2", 1, "坝坝会", "2026-06-10", "甲园", "社区、居民", "换门禁", "物业", "2026-12-31", ""],
    ["H3", 1, "坝坝会", "2026-07-10", "甲园", "", "", "", "", ""],
    ["H4", 1, "坝坝会", "2024-07-10", "乙院", "物业", "清理杂物", "物业", "2024-08-01", ""],
]  # fmt: skip
DUTIES = [["事项类别", "责任主体", "责任角色"], ["停车管理", "物业", "牵头"]]
COMPLAINTS_HEAD = ["工单编号", "受理时间", "诉求类别", "小区", "办理状态", "办结时间"]


def complaints() -> list[list[Any]]:
    """In 甲园 20 of parking closed the next day, and 4 of noise; in 乙院 20 of parking far too late."""
    rows: list[list[Any]] = [COMPLAINTS_HEAD]
    for i in range(20):
        rows.append([f"A{i}", "2026-09-01", "停车管理", "甲园", "已办结", "2026-09-02"])
        rows.append([f"B{i}", "2026-09-01", "停车管理", "乙院", "已办结", "2026-10-20"])
    rows += [[f"C{i}", "2026-10-31", "噪音扰民", "甲园", "处理中", ""] for i in range(4)]
    return rows


def write_all(path: Path, **changes: Sequence[Sequence[Any]]) -> Path:
    sheets = {
        "小区台账": REGISTER, "组织台账": ORGANIZATIONS, "居民骨干": CORE, "活动记录": ACTIVITIES,
        "院落自治委员会成立进度": STEPS, "会议纪要": MEETINGS, "主体职责": DUTIES,
        "投诉工单": complaints(),
    }  # fmt: skip
    return write_workbook(path, {**sheets, **changes})


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Report]:
    """Everything above, read once."""
    folder = tmp_path_factory.mktemp("people")
    store = Store(folder / "store")
    return store, refresh(store, [write_all(folder / "表.xlsx")])


@pytest.fixture(scope="module")
def store(loaded: tuple[Store, Report]) -> Store:
    return loaded[0]


def frame(store: Store, name: str, *index: str) -> pd.DataFrame:
    table = store.frame(name)
    return table.set_index(list(index)) if index else table


def problems(report: Report, sheet: str) -> dict[str, str]:
    return {issue.cell: issue.problem for issue in report.issues if issue.sheet == sheet}


def test_core_residents_none_and_silent_are_told_apart(store: Store) -> None:
    core = frame(store, "out_core_residents").set_index("compound_id")
    assert core.loc[["T01", "T02", "T03", "T04"], "status"].to_list() == [
        "some", "none", "silent", "some",
    ]  # fmt: skip
    first = core.loc["T01"]
    assert (first["core_count"], first["former_count"], first["age_known_count"]) == (4, 1, 3)
    assert first["over_60_pct"] == pytest.approx(100 * 2 / 3)
    assert first["over_60_pct_low"] < 66 < first["over_60_pct_high"]
    assert first["core_per_100h"] == pytest.approx(1.0)
    assert core.loc["T02", "core_count"] == 0
    assert pd.isna(core.loc["T03", "core_count"])
    assert core.loc["T04", "core_per_100h"] == pytest.approx(2.0)
    whole = core[core.index.isna()].iloc[0]
    assert (whole["core_count"], whole["silent_count"], whole["none_count"]) == (5, 1, 1)
    assert whole["core_per_100h"] == pytest.approx(100 * 5 / 650)  # of those on the list


def test_roles_and_ages_are_counted_and_nobody_is_named(store: Store) -> None:
    groups = frame(store, "out_core_groups")
    own = groups[(groups["compound_id"] == "T01")].set_index(["facet", "name"])["core_count"]
    assert own[("role", "楼栋长")] == own[("role", "调解员")] == 2
    assert own["age_band"].to_list() == [1, 2, 1]  # one does not say
    everything = "".join(
        store.frame(name).to_csv()
        for name in ("out_core_residents", "out_core_groups", "core_core_residents")
    )
    assert "张三丰" not in everything


def test_what_nobody_knows_is_no_reason_to_act(store: Store) -> None:
    reasons = frame(store, "out_targets", "compound_id")["reasons"].map(json.loads)
    told = {place: {reason["code"] for reason in said} for place, said in reasons.items()}
    assert "no_core_residents" in told["T02"]
    assert "no_core_residents" not in told["T03"]
    compounds = frame(store, "out_compounds", "compound_id")
    assert pd.isna(compounds.loc["T03", "core_resident_count"])


def test_each_self_organization_has_its_next_step_and_why(store: Store) -> None:
    told = frame(store, "out_self_organizations", "organization_id")
    assert list(told.index) == ["棋友会", "互助组", "合唱队", "巡逻队", "老年社"]
    assert told["next_when"].dropna().to_dict() == {
        "棋友会": "inactive", "互助组": "no_rules", "合唱队": "in_order",
    }  # fmt: skip
    assert told.loc["棋友会", "quiet_days"] == 303  # from 1 January to 31 October
    assert json.loads(told.loc["互助组", "later_steps"]) == ["到社区备案"]
    assert "公益" in told.loc["合唱队", "next_step"]
    assert told.loc["合唱队", "activity_count"] == 2  # the one of 2025 lies before the window
    assert (told.loc["巡逻队", "verdict"], told.loc["巡逻队", "unknown"]) == (
        "ask",
        '["has_rules"]',
    )
    assert told.loc["老年社", "verdict"] == "gone"


def test_the_rules_are_those_of_the_profile(empty_store: Store, tmp_path: Path) -> None:
    own = parse_profile(
        '[[cultivation]]\nwhen = "not_registered"\nkinds = ["self_organization"]\n'
        'step = "先备案"\nwhy = "规定"'
    )
    refresh(empty_store, [write_all(tmp_path / "表.xlsx")], own)
    told = frame(empty_store, "out_self_organizations", "organization_id")
    assert told["next_step"].dropna().to_dict() == {"互助组": "先备案"}
    assert told["verdict"].to_dict() == {
        "互助组": "step", "棋友会": "ask", "合唱队": "nothing", "巡逻队": "nothing", "老年社": "gone",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('[[cultivation]]\nwhen = "lazy"\nstep = "a"\nwhy = "b"', "“lazy”不认识"),
        (
            '[[cultivation]]\nwhen = "no_rules"\nstages = ["衰退"]\nstep = "a"\nwhy = "b"',
            "“衰退”不认识",
        ),
        ('[[cultivation]]\nwhen = "no_rules"\nstep = "a"', "缺这一项"),
        ("[committee]\nturnout = 150", "太大"),
        ("[committee]\nquorum = 50", "“quorum”不认识"),
    ],
)
def test_a_slip_in_the_rules_is_named(written: str, told: str) -> None:
    with pytest.raises(ProfileError, match=told):
        parse_profile(written)


def test_steps_of_a_committee_with_turn_delay_and_votes(store: Store) -> None:
    steps = frame(store, "out_committee_steps", "compound_id", "step")
    own = steps.loc["T02"]
    assert own["status"].to_dict() == {
        "流程说明会": "done", "宣传": "done", "候选人介绍与考核": "untold", "投票": "done",
        "公示": "next", "备案": "late", "监督": "waiting",
    }  # fmt: skip
    assert own.index[own["is_turn"].astype(bool)].to_list() == ["公示"]
    assert own.loc["备案", "days_late"] == 30
    vote = own.loc["投票"]
    assert (vote["turnout_pct"], vote["is_enough"]) == (45.0, False)
    assert vote["approval_pct"] == pytest.approx(100 * 80 / 90)
    assert steps.loc[("T03", "流程说明会"), "status"] == "next"


def test_steps_out_of_order_votes_over_the_electorate_and_strangers_are_named_in_the_cell(
    loaded: tuple[Store, Report],
) -> None:
    told = problems(loaded[1], "院落自治委员会成立进度")
    assert "“投票”完成在“宣传”（2026-09-10）之前" in told["F4"]
    assert "“参加投票户数”是 130，多于“应投票户数”的 100" in told["H7"]
    assert "外星人" in told["D7"]
    assert set(told) == {"F4", "H7", "D7"}
    store = loaded[0]
    kept = frame(store, "core_committee_steps")
    assert len(kept) == len(STEPS) - 1
    row = kept[(kept["compound_id"] == "T03") & (kept["step"] == "投票")].iloc[0]
    assert pd.isna(row["vote_count"])
    assert pd.isna(row["party"])
    assert row["voter_count"] == 100
    steps = frame(store, "out_committee_steps", "compound_id", "step")
    assert json.loads(steps.loc[("T02", "投票"), "faults"]) == ["before"]


def test_filing_before_publishing_and_two_terms_at_once_are_named(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    steps = [
        STEPS[0][:6],
        ["乙院", 1, "公示", "社区", "2026-09-20", ""],
        ["乙院", 1, "备案", "社区", "2026-10-01", "2026-09-30"],
        ["乙院", 2, "说明会", "社区", "2026-09-25", ""],
    ]
    bodies = [
        ["组织名称", "组织类型", "所在小区", "运行状态", "任期开始", "任期届满"],
        ["乙院一届", "院委会", "乙院", "正常", "2022-01-01", "2026-12-31"],
        ["乙院二届", "院委会", "乙院", "正常", "2026-06-01", "2029-05-31"],
        ["乙院旧届", "院委会", "乙院", "已解散", "2022-01-01", "2027-01-01"],
        ["乙院业委会", "业委会", "乙院", "正常", "2022-01-01", "2026-12-31"],
    ]
    book = write_xlsx("表.xlsx", 小区台账=REGISTER, 成立进度=steps, 组织台账=bodies)
    report = refresh(empty_store, [book])
    told = problems(report, "成立进度")
    assert "“备案”已完成，排在前面的“公示”还没有完成日期" in told["F3"]
    assert "第 2 届开始时第 1 届还没办完（到 2026-10-01）" in told["B4"]
    (cell, problem), *more = problems(report, "组织台账").items()
    assert (cell, more) == ("E3", [])
    assert "“乙院二届”的任期从 2026-06-01 开始" in problem
    assert len(empty_store.frame("core_organizations")) == 4
    assert len(empty_store.frame("core_committee_steps")) == 3
    assert set(empty_store.frame("issues")["cell"]) == {"F3", "B4", "E3"}
    # The same again says nothing twice.
    refresh(empty_store, [book])
    assert len(empty_store.frame("issues")) == 3


def test_more_members_over_sixty_than_members_and_more_guests_than_came_are_named(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    bodies = [
        ["组织名称", "组织类型", "所在小区", "运行状态", "成员人数", "60岁以上成员"],
        ["合唱队", "居民自组织", "甲园", "正常", 20, 21],
        ["棋友会", "居民自组织", "甲园", "正常", None, 21],
    ]
    held = [ACTIVITIES[0], ["摸鱼节", "2026-06-20", "节庆", "甲园", "", "", 80, 81, 20]]
    report = refresh(
        empty_store, [write_xlsx("表.xlsx", 小区台账=REGISTER, 组织台账=bodies, 活动记录=held)]
    )
    assert "“60岁以上成员”是 21，多于“成员人数”的 20" in problems(report, "组织台账")["F2"]
    assert set(problems(report, "组织台账")) == {"F2"}
    assert "“60岁以上人数”是 81，多于“参与人数”的 80" in problems(report, "活动记录")["H2"]
    members = frame(empty_store, "core_organizations", "name")["member_over_60_count"]
    assert pd.isna(members["合唱队"])
    assert members["棋友会"] == 21


def supervised(store: Store) -> pd.DataFrame:
    table = store.frame("out_supervision")
    whole = table[table["compound_id"].isna()]
    return whole.set_index(["organization_id", "basis"])


def test_companies_answer_for_what_the_handbook_gives_them(store: Store) -> None:
    told = supervised(store)
    own = told.loc[("东物业", "own")]
    assert (own["complaint_count"], json.loads(own["categories"])) == (20, ["停车管理"])
    assert told.loc[("东物业", "all"), "complaint_count"] == 24
    assert (own["closing_days"], own["late_count"]) == (1, 0)
    other = told.loc[("西物业", "own")]
    assert (other["late_count"], other["late_pct"]) == (20, 100.0)
    # 20 of 20 against none of 20: told apart. Of noise nothing is due yet.
    assert (own["verdict"], other["verdict"]) == ("lower", "higher")
    assert told.loc[("东物业", "all"), "judged_count"] == 20


def test_meetings_promises_and_activities_of_a_company(store: Store) -> None:
    told = supervised(store).loc[("东物业", "all")]
    assert (told["meeting_count"], told["attended_count"], told["unsaid_count"]) == (3, 1, 1)
    counts = ["asked_count", "kept_count", "kept_late_count", "slipped_count", "pending_count"]
    assert told[counts].to_list() == [3, 1, 1, 0, 1]
    other = supervised(store).loc[("西物业", "all")]
    # What was promised before the window and is still owed counts; the meeting itself does not.
    assert (other["meeting_count"], other["slipped_count"]) == (0, 1)
    (asked,) = json.loads(other["asked"])
    assert (asked["what"], asked["outcome"], asked["due_on"]) == (
        "清理杂物",
        "slipped",
        "2024-08-01",
    )


def test_few_complaints_are_not_judged(empty_store: Store, tmp_path: Path) -> None:
    few = [COMPLAINTS_HEAD, *complaints()[1:12], *complaints()[-4:]]
    refresh(empty_store, [write_all(tmp_path / "表.xlsx", 投诉工单=few)])
    assert set(supervised(empty_store)["verdict"]) == {"too_few"}


def test_activities_by_month_and_per_household(store: Store) -> None:
    taking = frame(store, "out_participation").set_index("compound_id")
    first = taking.loc["T01"]
    assert (first["activity_count"], first["participant_count"]) == (2, 100)
    assert first["participants_per_100h"] == pytest.approx(25.0)
    # Ages are told of the festival only.
    assert (first["aged_count"], first["over_60_pct"]) == (80, 50.0)
    assert (first["shared_count"], first["festival_count"]) == (1, 1)
    # An activity without a number of participants is one, and how many came is not known.
    assert (taking.loc["T02", "activity_count"], taking.loc["T02", "counted_count"]) == (1, 0)
    assert pd.isna(taking.loc["T02", "participant_count"])
    assert pd.isna(taking.loc["T03", "activity_count"])
    months = frame(store, "out_activity_months")
    assert len(months) == 4
    compounds = frame(store, "out_compounds", "compound_id")
    assert compounds.loc["T01", "participants_per_100h"] == pytest.approx(25.0)


def test_a_festival_stands_beside_the_one_of_the_year_before(store: Store) -> None:
    (festival,) = frame(store, "out_festivals").to_dict("records")
    assert (festival["name"], festival["participant_count"]) == ("摸鱼节", 80)
    assert (festival["before_count"], festival["host"]) == (50, "合唱队")


def test_the_network_says_who_works_where_and_with_whom(store: Store) -> None:
    links = frame(store, "out_network_links", "source", "target", "relation")
    assert links.loc[("O:东物业", "C:T01", "works"), "is_broken"] == False  # noqa: E712
    assert links.loc[("O:西物业", "C:T02", "works"), "why"] == "nominal"
    assert links.loc[("O:老年社", "C:T03", "works"), "why"] == "dissolved"
    assert links.loc[("O:棋友会", "C:T03", "works"), ["why", "quiet_days"]].to_list() == [
        "quiet",
        303,
    ]
    assert ("O:合唱队", "O:社工站", "together") in links.index
    assert ("O:互助组", "O:合唱队", "together") in links.index
    assert links.loc[("O:合唱队", "C:T01", "together"), "tie_count"] == 2
    # 物业 and 社工机构 at one table in 甲园 are the one company and the one agency there.
    assert ("O:东物业", "O:社工站", "meets") in links.index


def test_what_would_connect_the_most(store: Store) -> None:
    nodes = frame(store, "out_network_nodes", "node_id")
    # 甲园 with 东物业, 社工站, 合唱队, and by 义诊 互助组 with 乙院 and 巡逻队.
    assert set(nodes.index[nodes["part"] == 0]) == {
        "C:T01", "C:T02", "O:东物业", "O:社工站", "O:合唱队", "O:互助组", "O:巡逻队",
    }  # fmt: skip
    missing = frame(store, "out_network_missing")
    assert missing.loc[0, "is_tie"]
    assert missing.loc[0, "compounds_joined"] == 1
    assert {missing.loc[k, "target"] for k in (0, 1)} == {"C:T03", "C:T04"}


def test_without_any_day_on_record_nothing_is_late_and_nobody_inactive(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    bodies = [
        ["组织名称", "组织类型", "所在小区", "运行状态", "发展阶段", "有无章程"],
        ["合唱队", "居民自组织", "甲园", "正常", "娱乐", "否"],
        ["东物业", "物业", "甲园", "正常", "", ""],
    ]
    steps = [["小区", "届次", "步骤", "计划日期"], ["乙院", 1, "投票", "2020-01-01"]]
    book = write_xlsx("表.xlsx", 小区台账=REGISTER, 组织台账=bodies, 成立进度=steps)
    refresh(empty_store, [book])
    own = frame(empty_store, "out_self_organizations", "name").loc["合唱队"]
    assert (own["next_when"], own["unknown"]) == (
        "no_rules", '["last_active_on", "is_registered", "is_supervised"]',
    )  # fmt: skip
    assert pd.isna(own["quiet_days"])
    steps_out = frame(empty_store, "out_committee_steps", "step")
    assert steps_out["days_late"].isna().all()
    company = supervised(empty_store).loc[("东物业", "all")]
    assert pd.isna(company["late_pct"])
    assert pd.isna(company["term_days"])
    assert (company["meeting_count"], company["asked_count"]) == (0, 0)


def test_empty_tables_are_shown_as_empty(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=REGISTER)])
    core = frame(empty_store, "out_core_residents")
    assert set(core["status"]) == {"silent"}
    for name in ("out_self_organizations", "out_committee_steps", "out_supervision",
                 "out_festivals", "out_network_nodes", "out_network_links",
                 "out_network_missing"):  # fmt: skip
        assert empty_store.frame(name).empty


def test_an_organization_that_two_sheets_call_by_two_kinds_is_judged_once(
    empty_store: Store, tmp_path: Path
) -> None:
    book = write_workbook(
        tmp_path / "两种叫法.xlsx",
        {
            "小区台账": [
                ["小区编号", "小区名称", "小区类型", "总户数"],
                ["T1", "甲园", "商品房", 100], ["T2", "乙园", "商品房", 100],
            ],
            "组织台账": [
                ["组织编号", "组织名称", "组织类型", "所在小区", "运行状态"],
                ["O1", "甲园物业", "物业", "甲园", "正常"],
            ],
            "组织覆盖": [
                ["小区", "组织类型", "组织", "状态"], ["乙园", "业委会", "甲园物业", "正常"],
            ],
            "投诉工单": [
                ["工单编号", "受理时间", "诉求类别", "小区"],
                ["G1", "2026-01-05", "停车管理", "甲园"],
            ],
        },
    )  # fmt: skip
    assert refresh(empty_store, [book]).snapshot is not None
    told = empty_store.frame("out_supervision")
    assert set(told["organization_id"]) == {"O1"}
    assert told["kind"].nunique() == 1
    assert not told.duplicated(["organization_id", "compound_id", "basis"]).any()

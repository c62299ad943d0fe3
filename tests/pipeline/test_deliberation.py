"""Needs, duties, matters and promises: counted by hand, and what is wrong named in its cell."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    ["小区编号", "小区名称", "小区类型", "总户数", "建筑面积"],
    ["T01", "甲园", "商品房", 300, 30000],
    ["T02", "乙院", "老旧", 100, None],
    ["T03", "丙园", "商品房", 0, None],  # nobody lives there yet
]
COMPLAINTS = [
    ["工单编号", "受理时间", "诉求类别", "小区"],
    *[[f"A{i}", "2025-06-20", "停车管理", "甲园"] for i in range(24)],
    ["B1", "2025-06-30", "环境卫生", "乙院"],  # the newest day of data, a Monday
]
NEEDS = [
    ["需求编号", "小区", "需求类别", "需求内容", "反映人数", "涉及户数", "紧急程度", "需求状态",
     "提出时间"],
    ["N1", "甲园", "环境卫生", "清理杂物", 5, 20, "高", "待回应", "2025-05-06"],
    ["N2", "甲园", "环境卫生", "多放垃圾桶", 7, 30, "中", "解决中", "2025-06-02"],
    ["N3", "乙院", "环境卫生", "疏通下水", None, None, None, None, None],
    ["N4", "乙院", "养宠管理", "划定遛狗处", 3, 9, "低", "已解决", "2025-04-01"],
]  # fmt: skip
DUTIES = [
    ["事项类别", "责任主体", "责任角色", "具体职责"],
    ["环境卫生", "物业", "牵头", "每日清扫"],
    ["环境卫生", "社区", "监督", "每周检查"],
    ["停车管理", "物业", "牵头", "划线"],
    ["停车管理", "业委会", "牵头", "定规则"],
    ["养宠管理", "社区", "配合", "劝导"],
    ["噪音扰民", "社区", "牵头", "劝导"],
]
MATTER_HEAD = ["议题编号", "议题", "小区", "事项类别", "议事层级", "紧急程度", "涉及户数", "提出时间",
               "应办结日期", "议题状态", "议定时间", "应到人数", "参与表决人数", "同意人数"]  # fmt: skip


def matter(
    number: str, title: str, place: str = "甲园", category: str = "环境卫生", level: str = "",
    urgency: str = "中", households: int | None = None, raised: str = "2025-06-02", due: str = "",
    status: str = "议事中", decided: str = "", votes: tuple[int | None, ...] = (None, None, None),
) -> list[Any]:  # fmt: skip
    return [number, title, place, category, level, urgency, households, raised, due, status,
            decided, *votes]  # fmt: skip


MATTERS = [
    matter("M1", "楼道堆物", level="一级", urgency="高", raised="2025-06-16"),
    matter("M2", "楼道照明", category="停车管理", households=10),
    matter("M3", "门口夜市", level="一级", raised="2025-03-03"),
    matter("M4", "更换物业公司", category="物业服务", status="已办结", decided="2025-06-20",
           votes=(300, 199, 150)),
    matter("M5", "加装电梯", place="乙院", category="公共设施", status="已议定", decided="2025-06-10",
           due="2025-06-26", votes=(100, 67, 51)),
    matter("M6", "选聘物业", place="丙园", category="物业服务", votes=(None, 40, 30)),
    matter("M7", "遛狗时段", category="养宠管理", urgency="低", raised=""),
]  # fmt: skip
MEETING_HEAD = ["会议编号", "事项序号", "会议类型", "会议日期", "小区", "议题编号", "承诺事项", "承诺方",
                "承诺期限", "兑现时间", "兑现情况"]  # fmt: skip
MEETINGS = [
    [
        "K1",
        1,
        "月度议事会",
        "2025-04-30",
        "",
        "",
        "张榜",
        "社区",
        "2025-05-15",
        "2025-05-14",
        "已兑现",
    ],
    ["K2", 1, "月度议事会", "2025-05-30", "", "", "", "", "", "", ""],
    [
        "K3",
        1,
        "坝坝会",
        "2025-06-17",
        "甲园",
        "M1",
        "清走杂物",
        "物业",
        "2025-06-24",
        "",
        "逾期未兑现",
    ],
    ["K3", 2, "坝坝会", "2025-06-17", "甲园", "M1", "装照明", "社区", "2025-07-31", "", "未到期"],
    ["K4", 1, "月度议事会", "2025-06-27", "", "", "公布清单", "社区", "2025-07-10", "", "未到期"],
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A store of the sheets above, and what its refresh said. Read it, never write to it."""
    folder = tmp_path_factory.mktemp("talks")
    book = write_workbook(
        folder / "表.xlsx",
        {"小区台账": REGISTER, "投诉工单": COMPLAINTS, "需求清单": NEEDS, "主体职责": DUTIES,
         "议题": [MATTER_HEAD, *MATTERS], "会议纪要": [MEETING_HEAD, *MEETINGS]},
    )  # fmt: skip
    store = Store(folder / "store")
    return folder / "store", refresh(store, [book])


@pytest.fixture(scope="module")
def talks(made: tuple[Path, Report]) -> Store:
    return Store(made[0], read_only=True)


WRONG_DUTIES = [DUTIES[0], ["河道保洁", "物业", "牵头", "清漂"], ["环境卫生", "环卫处", "牵头", "清扫"],
                DUTIES[1]]  # fmt: skip
WRONG_MATTERS = [
    matter("M1", "楼道", votes=(100, 120, 110)),
    matter("M2", "门岗", votes=(100, 80, 90)),
    matter("M3", "车棚", place=""),
]
WRONG_MEETINGS = [
    [
        "K1",
        1,
        "坝坝会",
        "2025-06-02",
        "甲园",
        "",
        "清扫",
        "物业",
        "2025-06-10",
        "2025-06-12",
        "已兑现",
    ],
    ["K1", 2, "坝坝会", "2025-06-02", "甲园", "", "照明", "物业", "2025-06-10", "", "已兑现"],
    ["K1", 3, "坝坝会", "2025-06-02", "甲园", "", "巡查", "物业", "2025-06-10", "", "未到期"],
    ["K2", 1, "坝坝会", "2025-06-01", "甲园", "M1", "", "", "", "", ""],
    ["K3", 1, "坝坝会", "2025-06-05", "甲园", "", "划线", "物业", "2025-06-04", "", ""],
]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, dict[str, Any]]:
    """A store of sheets with mistakes, and its issues by sheet and cell."""
    folder = tmp_path_factory.mktemp("wrong")
    book = write_workbook(
        folder / "表.xlsx",
        {"小区台账": REGISTER, "投诉工单": COMPLAINTS, "主体职责": WRONG_DUTIES,
         "议题": [MATTER_HEAD, *WRONG_MATTERS], "会议纪要": [MEETING_HEAD, *WRONG_MEETINGS]},
    )  # fmt: skip
    store = Store(folder / "store")
    report = refresh(store, [book])
    return store, {f"{issue.sheet}!{issue.cell}": issue for issue in report.issues}


@pytest.fixture
def own(made: tuple[Path, Report], copy_store: Callable[[Path], Store]) -> Store:
    """A store like it to write to."""
    return copy_store(made[0])


def find(store: Store, table: str, *key: object) -> pd.Series:
    frame = store.frame(table)
    return frame.set_index(list(frame.columns[: len(key)])).loc[key if len(key) > 1 else key[0]]


def test_nothing_is_wrong_with_the_sheets_above(made: tuple[Path, Report]) -> None:
    assert [issue.problem for issue in made[1].issues] == []


# -- needs ---------------------------------------------------------------------------------


def test_needs_are_counted_by_compound_and_category(talks: Store) -> None:
    first = find(talks, "out_needs", "T01", "环境卫生")
    assert (first["need_count"], first["open_count"], first["urgent_count"]) == (2, 2, 1)
    assert (first["mention_count"], first["household_count"]) == (12, 30)
    assert first["newest_on"] == pd.Timestamp("2025-06-02")
    assert first["compound_count"] == 2  # 甲园 and 乙院 both wait for it
    assert (first["complaint_count"], first["match"]) == (0, "said_only")
    second = find(talks, "out_needs", "T02", "环境卫生")
    assert second[["mention_count", "household_count"]].isna().all()  # nobody wrote how many
    solved = find(talks, "out_needs", "T02", "养宠管理")
    assert (solved["need_count"], solved["open_count"], solved["compound_count"]) == (1, 0, 0)


def test_what_is_complained_about_and_not_on_the_list(talks: Store) -> None:
    row = find(talks, "out_needs", "T01", "停车管理")
    assert (row["need_count"], row["complaint_count"], row["match"]) == (0, 24, "complained_only")


def test_open_needs_per_household_are_unknown_where_a_figure_is_lacking(talks: Store) -> None:
    rates = talks.frame("out_compounds").set_index("compound_id")["open_needs_per_1000h"]
    assert rates["T01"] == pytest.approx(1000 * 2 / 300)
    assert rates["T02"] == pytest.approx(1000 * 1 / 100)
    assert pd.isna(rates["T03"])


def test_without_any_list_nothing_is_said_to_be_none(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=REGISTER, 投诉工单=COMPLAINTS)])
    row = find(empty_store, "out_compounds", "T01")
    names = ["open_needs_per_1000h", "open_matter_count", "overdue_matter_count",
             "late_promise_count", "meeting_count", "meeting_age_days"]  # fmt: skip
    assert row[names].isna().all()
    for table in ("out_needs", "out_handbook", "out_matters", "out_promises", "matter_events"):
        assert empty_store.frame(table).empty


# -- responsibilities ----------------------------------------------------------------------


def test_the_handbook_names_gaps_and_doubles(talks: Store) -> None:
    book = talks.frame("out_handbook").set_index("category")
    problems = book["problem"]
    assert problems[["环境卫生", "停车管理", "养宠管理", "噪音扰民", "消防安全"]].fillna("").to_list() == [
        "", "two_leads", "no_lead", "no_supervisor", "nobody",
    ]  # fmt: skip
    assert json.loads(book.loc["停车管理", "leads"]) == ["业委会", "物业"]


def test_an_unknown_category_or_party_is_named_and_kept_apart(
    wrong: tuple[Store, dict[str, Any]],
) -> None:
    store, issues = wrong
    category, party = issues["主体职责!A2"], issues["主体职责!B3"]
    assert "“河道保洁”不在“事项类别”的取值里" in category.problem
    assert "“环卫处”不在“责任主体”的取值里" in party.problem
    assert {category.severity, party.severity} == {"error"}
    kept = store.frame("quarantine")
    cells = [json.loads(told) for told in kept[kept["table"] == "responsibilities"]["cells"]]
    assert [told["具体职责"] for told in cells] == ["清漂", "清扫"]
    assert len(store.frame("core_responsibilities")) == 1


# -- routing -------------------------------------------------------------------------------


def test_matters_go_to_their_level_by_the_rules_of_the_profile(talks: Store) -> None:
    rows = talks.frame("out_matters").set_index("matter_id")
    assert rows["rule"].to_dict() == {
        "M1": "急事先办", "M2": "涉及户数少", "M3": "要街道部门出面", "M4": "换届和换物业",
        "M5": "建设和改造", "M6": "换届和换物业", "M7": "小事",
    }  # fmt: skip
    assert rows["level"].to_list() == [1, 1, 3, 3, 2, 3, 1]
    assert rows.loc["M1", "reason"].startswith("急，")
    assert json.loads(rows.loc["M3", "parties"]) == ["社区", "物业", "社工", "自组织", "居民代表"]
    assert json.loads(rows.loc["M1", "leads"]) == ["物业"]


def test_what_a_sheet_states_is_shown_beside_the_rule_and_never_overwritten(talks: Store) -> None:
    rows = talks.frame("out_matters").set_index("matter_id")
    assert (rows.loc["M3", "stated_level"], rows.loc["M3", "level"]) == (1, 3)
    assert rows["is_level_different"].fillna(False).to_dict() == {
        "M1": False, "M2": False, "M3": True, "M4": False, "M5": False, "M6": False, "M7": False,
    }  # fmt: skip
    assert pd.isna(rows.loc["M2", "is_level_different"])  # the sheet says nothing
    stored = talks.frame("core_matters").set_index("matter_id")
    assert stored.loc["M3", "level"] == "一级"


def test_a_matter_goes_up_when_its_time_is_over(talks: Store) -> None:
    # Monday 16 June and five working days: the 23rd; on Monday the 30th five have passed.
    row = find(talks, "out_matters", "M1")
    assert json.loads(row["steps"]) == [{"level": 1, "due_on": "2025-06-23", "over_days": 5}]
    assert (row["level_now"], row["is_over"], row["waited_days"]) == (2, False, 10)
    assert row["due_on"] == pd.Timestamp("2025-08-04")  # thirty more


def test_the_highest_level_is_overdue_and_holidays_are_left_out(talks: Store) -> None:
    # From 3 March 2025 45 working days, Qingming and May Day out, 27 April worked: 8 May.
    row = find(talks, "out_matters", "M3")
    assert (row["level_now"], row["is_over"]) == (3, True)
    assert row["due_on"] == pd.Timestamp("2025-05-08")
    assert row["over_days"] == 36  # and the Dragon Boat festival of 2 June out


def test_what_is_decided_is_overdue_by_the_day_that_its_sheet_states(talks: Store) -> None:
    row = find(talks, "out_matters", "M5")
    assert (row["state"], row["is_over"], row["over_days"]) == ("settled", True, 2)


def test_without_the_day_it_was_raised_there_is_no_deadline(talks: Store) -> None:
    row = find(talks, "out_matters", "M7")
    assert (row["level_now"], row["is_over"]) == (1, False)
    assert row[["due_on", "waited_days"]].isna().all()


def test_compounds_know_their_open_and_overdue_matters(talks: Store) -> None:
    rows = talks.frame("out_compounds").set_index("compound_id")
    assert rows["open_matter_count"].to_dict() == {"T01": 4, "T02": 1, "T03": 1}
    assert rows["overdue_matter_count"].to_dict() == {"T01": 1, "T02": 1, "T03": 0}
    assert rows["late_promise_count"].to_dict() == {"T01": 1, "T02": 0, "T03": 0}


def test_compounds_know_how_often_their_people_met_and_how_long_ago(talks: Store) -> None:
    rows = talks.frame("out_compounds").set_index("compound_id")
    assert rows["meeting_count"].to_dict() == {"T01": 1, "T02": 0, "T03": 0}
    # From 17 to 30 June, the newest day of data; who never met has no last time.
    assert rows["meeting_age_days"]["T01"] == 13
    assert rows["meeting_age_days"][["T02", "T03"]].isna().all()


# -- votes ---------------------------------------------------------------------------------


def test_votes_are_held_against_the_households_and_area_of_the_compound(talks: Store) -> None:
    rows = talks.frame("out_matters").set_index("matter_id")
    change = rows.loc["M4"]
    assert (change["vote_item"], change["owners_needed"]) == (4, 200)
    assert change["area_needed_m2"] == pytest.approx(20_000)
    assert change["vote_verdict"] == "too_few_voters"  # 199 of 300
    lift = rows.loc["M5"]
    # 67 of 100 took part; of them 51 agreed, and three quarters are 50.25.
    assert (lift["vote_item"], lift["owners_needed"], lift["vote_verdict"]) == (
        7, 67, "agreed_by_number",
    )  # fmt: skip
    assert pd.isna(lift["area_needed_m2"])  # the register does not know the area
    unknown = rows.loc["M6"]
    assert unknown["vote_verdict"] == "unknown"
    assert pd.isna(unknown["owners_needed"])
    assert pd.isna(rows.loc["M1", "vote_item"])


def test_votes_over_the_electorate_are_named_and_left_out(
    wrong: tuple[Store, dict[str, Any]],
) -> None:
    store, issues = wrong
    told = [issues[f"议题!{cell}"] for cell in ("M2", "N2", "N3")]
    assert {issue.severity for issue in told} == {"warning"}
    assert all(word in told[0].problem for word in ("应到人数", "100"))
    kept = store.frame("core_matters").set_index("matter_id")
    assert kept.loc["M1", ["vote_count", "approval_count"]].isna().all()
    assert (kept.loc["M2", "vote_count"], kept.loc["M1", "voter_count"]) == (80, 100)


# -- the timeline --------------------------------------------------------------------------


def events_of(store: Store, number: str, field: str) -> list[tuple[str | None, str | None]]:
    events = store.frame("matter_events").sort_values("snapshot")
    own = events[(events["matter_id"] == number) & (events["field"] == field)]
    return [
        tuple(None if pd.isna(v) else v for v in told) for told in own[["old", "new"]].to_numpy()
    ]


def bring(store: Store, folder: Path, *rows: list[Any]) -> Report:
    return refresh(store, [write_workbook(folder / "表.xlsx", {"议题": [MATTER_HEAD, *rows]})])


def test_a_first_look_notes_what_is_there(talks: Store) -> None:
    assert events_of(talks, "M1", "status") == [(None, "议事中")]
    assert events_of(talks, "M1", "level") == [(None, "一级")]
    assert events_of(talks, "M1", "routed_level") == [(None, "2")]
    assert events_of(talks, "M1", "decided_on") == []
    place = talks.frame("matter_events").set_index(["matter_id", "field"]).loc[("M1", "status")]
    assert (place["file"], place["sheet"], place["row"]) == ("表.xlsx", "议题", 2)


def test_changes_are_added_one_after_the_other_and_undo_takes_them_back(
    own: Store, tmp_path: Path
) -> None:
    before = own.frame("matter_events")
    changed = [matter("M1", "楼道堆物", level="一级", urgency="高", raised="2025-06-16",
                      status="已办结", decided="2025-06-27"), *MATTERS[1:]]  # fmt: skip
    bring(own, tmp_path, *changed)
    assert events_of(own, "M1", "status") == [(None, "议事中"), ("议事中", "已办结")]
    assert events_of(own, "M1", "decided_on") == [(None, "2025-06-27")]
    after = own.frame("matter_events")
    assert len(after) == len(before) + 2
    merged = after.merge(before, how="left", indicator=True)
    assert (merged["_merge"] == "both").sum() == len(before)  # nothing there was changed
    own.undo()
    assert events_of(own, "M1", "status") == [(None, "议事中")]
    pd.testing.assert_frame_equal(own.frame("matter_events"), before)


def test_a_closed_matter_that_is_open_again_is_named_and_recorded(
    own: Store, tmp_path: Path
) -> None:
    again = [*MATTERS[:3], matter("M4", "更换物业公司", category="物业服务", status="议事中"),
             *MATTERS[4:]]  # fmt: skip
    report = bring(own, tmp_path, *again)
    assert [(i.cell, i.value) for i in report.issues] == [("J5", "议事中")]
    assert "重新打开" in report.issues[0].problem
    assert events_of(own, "M4", "status") == [(None, "已办结"), ("已办结", "议事中")]
    row = find(own, "out_matters", "M4")
    assert (row["is_reopened"], row["state"]) == (True, "open")
    # The same sheet again says nothing new, and the cell stays named.
    second = bring(own, tmp_path, *again)
    assert [i.cell for i in second.issues] == ["J5"]
    assert second.snapshot is None
    # Closed again it is settled.
    assert bring(own, tmp_path, *MATTERS).issues == []
    assert not find(own, "out_matters", "M4")["is_reopened"]


def test_a_look_without_changes_adds_nothing(own: Store, tmp_path: Path) -> None:
    before = own.frame("matter_events")
    more = [*COMPLAINTS, ["B2", "2025-06-30", "停车管理", "乙院"]]
    refresh(own, [write_workbook(tmp_path / "新.xlsx", {"投诉工单": more})])
    pd.testing.assert_frame_equal(own.frame("matter_events"), before)


# -- meetings ------------------------------------------------------------------------------


def test_promises_are_judged_as_of_the_newest_day_of_data(talks: Store) -> None:
    rows = talks.frame("out_promises").set_index(["meeting_id", "item_no"])
    assert rows["state"].to_dict() == {
        ("K1", 1): "kept", ("K3", 1): "slipped", ("K3", 2): "open", ("K4", 1): "open",
    }  # fmt: skip
    assert rows.loc[("K3", 1), "late_days"] == 4
    assert rows["contradiction"].isna().all()
    # Looked back upon is the monthly meeting before the newest one, whether it made promises or not.
    assert set(rows["since_on"]) == {pd.Timestamp("2025-05-30")}
    assert rows["is_news"].to_list() == [False, True, True, True]


def test_a_promise_that_cannot_be_as_stated_is_named_in_its_cell(
    wrong: tuple[Store, dict[str, Any]],
) -> None:
    store, issues = wrong
    assert "晚于承诺期限 2025-06-10" in issues["会议纪要!K2"].problem
    assert "没有写兑现时间" in issues["会议纪要!K3"].problem
    assert "会议纪要!K4" not in issues  # whether it is due depends on the day: the view says it
    rows = store.frame("out_promises")
    assert rows["state"].to_list() == ["late", "kept", "slipped", "unknown"]
    assert rows["contradiction"].to_list()[:3] == [
        "late_by_dates", "kept_without_date", "due_by_dates",
    ]  # fmt: skip
    assert rows["stated"].to_list()[:3] == ["已兑现", "已兑现", "未到期"]


def test_a_promise_due_before_its_meeting_is_named(wrong: tuple[Store, dict[str, Any]]) -> None:
    assert "早于“会议日期”（2025-06-05）" in wrong[1]["会议纪要!I6"].problem


def test_a_meeting_before_its_matter_is_named_in_its_cell(
    wrong: tuple[Store, dict[str, Any]],
) -> None:
    store, issues = wrong
    assert issues["会议纪要!D5"].severity == "warning"
    assert all(day in issues["会议纪要!D5"].problem for day in ("2025-06-01", "2025-06-02"))
    assert "K2" in set(store.frame("core_meetings")["meeting_id"])


def test_a_matter_without_compound_is_kept_apart(wrong: tuple[Store, dict[str, Any]]) -> None:
    store, issues = wrong
    assert issues["议题!C4"].severity == "error"
    assert store.frame("out_matters")["matter_id"].to_list() == ["M1", "M2"]
    kept = store.frame("quarantine")
    assert len(kept[kept["table"] == "matters"]) == 1


def test_every_mistake_is_named_once(wrong: tuple[Store, dict[str, Any]]) -> None:
    assert sorted(wrong[1]) == [
        "主体职责!A2", "主体职责!B3", "会议纪要!D5", "会议纪要!I6", "会议纪要!K2", "会议纪要!K3", "议题!C4",
        "议题!M2", "议题!N2", "议题!N3",
    ]  # fmt: skip


# -- the profile ---------------------------------------------------------------------------


LAST = '[[routing]]\nname = "其余"\nlevel = "二级"\nreason = "其余"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[routing]]\nname = "急"\nlevel = "四级"\nreason = "急"\n' + LAST, "四级"),
        ('[[routing]]\nname = "急"\nlevel = "一级"\nreason = "急"\nurgency = ["火急"]\n' + LAST, "火急"),
        ('[[routing]]\nname = "河"\nlevel = "一级"\nreason = "河"\ncategories = ["河道"]\n' + LAST, "河道"),
        ('[[routing]]\nname = "急"\nlevel = "一级"\nreason = "急"\nurgency = ["高"]\n', "最后一条应不设条件"),
        (LAST.replace("其余", "先") + LAST, "后面的各条永远用不上"),
        (LAST + LAST, "写了两次"),
        ('[[routing]]\nname = "多"\nlevel = "一级"\nreason = "多"\nshare_at_least = 0.5\n'
         "share_at_most = 0.1\n" + LAST, "share_at_least"),
        ('[levels."一级"]\nparties = ["城管局"]\n', "城管局"),
        ('[levels."四级"]\ndays = 3\nparties = ["社区"]\nway = "会"\n', "四级"),
        ("[[votes]]\nitem = 10\n", "太大"),
        ("[[votes]]\nitem = 4\n", "keywords"),
        ("[needs]\nmost = 3\n", "most"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_rules_is_one_sentence(text: str, said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        parse_profile(text)


def test_the_rules_of_a_community_decide(own: Store, tmp_path: Path) -> None:
    rules = '[[routing]]\nname = "都开五方会"\nlevel = "三级"\ndays = 2\nreason = "本社区的做法"\n'
    book = write_workbook(tmp_path / "新.xlsx", {"投诉工单": COMPLAINTS})
    refresh(own, [book], parse_profile(rules))
    rows = own.frame("out_matters")
    assert set(rows["level"]) == {3}
    assert set(rows["reason"]) == {"本社区的做法"}

"""What a briefing says of organizations and people: coverage, cultivation, supervision, networks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from etl.briefing.book import Book
from etl.briefing.facts import (
    KIND_NAMES,
    TYPE_NAMES,
    Facts,
    is_yes,
    real,
    rows_in,
    whole,
    write_day,
)
from etl.briefing.model import Block, Grid, Items, Note, Paragraph, plain
from etl.briefing.sources import (
    list_answers,
    list_ends,
    list_festival_before,
    list_reason,
    list_supervised,
)
from etl.ddl import literal
from etl.lists import read_list
from etl.tables.survey import SURVEY

LISTED = 40
PARTS = {"trust": "信任", "norms": "规范", "networks": "网络", "satisfaction": "满意"}
CHANGES = {
    "up": "上升",
    "down": "下降",
    "maybe_up": "也许上升，还不能肯定",
    "maybe_down": "也许下降，还不能肯定",
    "no_real_change": "没有实质变化",
    "too_few": "回答太少，不比",
}
LATENESS = {"start_passed": "该开始没开始", "end_passed": "该结束没结束"}


def write_coverage(facts: Facts, book: Book) -> Iterator[Block]:
    """What each compound lacks of the organizations that its kind should have."""
    coverage = facts.table("out_coverage")
    if coverage.empty:
        return
    gaps = coverage[is_yes(coverage["is_gap"])]
    unknown = coverage[is_yes(coverage["is_unknown"])]
    told = book.count_shown(
        "coverage.gaps", "组织缺口", len(gaps), "处", "该类型小区应有、而没有正常运行的组织，一类一处",
        "out_coverage", ["is_gap"], "coverage", ("compound_id", "kind"),
    )  # fmt: skip
    line = f"应有而缺的组织有{told}处"
    if len(unknown):
        known = book.count_shown(
            "coverage.unknown", "组织情况未知", len(unknown), "处", "没有登记，不知道有没有",
            "out_coverage", ["is_unknown"], "compounds", ("compound_id",),
        )  # fmt: skip
        line += f"，另有{known}处情况未知"
    yield Paragraph(f"{line}。")
    if gaps.empty:
        return
    rows = []
    for at, own in gaps.groupby("compound_id", sort=False):
        kind = facts.compounds["type"].get(at)
        missing = [
            f"{KIND_NAMES.get(str(r.kind), str(r.kind))}（{plain(r.state)}）" for r in rows_in(own)
        ]
        rows.append([facts.place(at), TYPE_NAMES.get(str(kind), "—"), "、".join(missing)])
    yield Grid("组织缺口", ["小区", "类型", "缺什么（现状）"], rows[:LISTED], (4, 3, 12))
    if len(rows) > LISTED:
        yield Note(f"只列前{LISTED}个小区，其余见“组织”页。")


def write_core_residents(facts: Facts, book: Book) -> Iterator[Block]:
    """Core residents in number, never by name."""
    table = facts.read("out_core_residents")
    if facts.is_of_compound:
        found, where = table[table["compound_id"] == facts.scope.compound_id], facts.scope.own()
    else:
        found, where = table[table["compound_id"].isna()], "compound_id IS NULL"
    if found.empty or facts.read("core_core_residents").empty:
        return
    row = found.iloc[0]
    if row["status"] == "silent":
        yield Paragraph("居民骨干名单里没有这个小区，情况未知。")
        return
    rows = book.rows_of("core_residents")

    def cell(name: str, label: str, unit: str, column: str, definition: str) -> str:
        value = whole(row[column]) if column.endswith("count") else real(row[column])
        return book.cell(f"core.{name}", label, value, unit, definition, column,
                         "out_core_residents", where, rows)  # fmt: skip

    line = (
        f"在任居民骨干{cell('count', '在任骨干', '人', 'core_count', '骨干名单里没有写离任的')}人"
    )
    if pd.notna(row["core_per_100h"]):
        told = cell("per_100h", "每百户骨干", "人/百户", "core_per_100h", "在任骨干 ÷ 户数 × 100")
        line += f"，每百户{told}人"
    if pd.notna(row["over_60_pct"]):
        told = cell("over_60", "骨干60岁及以上占比", "%", "over_60_pct", "占写明年龄段的骨干")
        line += f"，60岁及以上占{told}%"
    if not facts.is_of_compound:
        none = cell("none", "没有骨干的小区", "个", "none_count", "登记了但现在没有在任的")
        silent = cell("silent", "名单里没有的小区", "个", "silent_count", "情况未知，不是没有")
        line += f"；没有骨干的小区{none}个，名单里没有、情况未知的{silent}个"
    yield Paragraph(f"{line}。")


def write_self_organizations(facts: Facts, book: Book) -> Iterator[Block]:
    """Residents' own organizations by stage, and the next steps that are most pressing."""
    table = facts.table("out_self_organizations")
    if table.empty:
        return
    alive = table[table["verdict"] != "gone"]
    keys = ("organizations", ("organization_id",))
    told = book.count_shown(
        "self.count", "居民自组织", len(alive), "个", "自组织和院落自治委员会，不含已解散的",
        "out_self_organizations", ["verdict <> 'gone'"], *keys,
    )  # fmt: skip
    stages = []
    for stage, count in alive["stage"].value_counts().sort_index().items():
        where = ["verdict <> 'gone'", f"stage = {literal(str(stage))}"]
        cited = book.count_shown(
            f"self.{stage}", f"{stage}阶段的自组织", int(count), "个", "组织台账写的发展阶段",
            "out_self_organizations", where, *keys,
        )  # fmt: skip
        stages.append(f"{plain(stage)}{cited}个")
    yield Paragraph(f"居民自组织{told}个" + (f"（{'、'.join(stages)}）。" if stages else "。"))
    steps = alive[alive["verdict"] == "step"].sort_values(["place", "organization_id"]).head(5)
    if len(steps):
        yield Items(
            [f"{plain(row.name)}：下一步{plain(row.next_step)}，因为{plain(row.next_why)}。"
             for row in rows_in(steps)]
        )  # fmt: skip


def write_formation(facts: Facts, book: Book) -> Iterator[Block]:
    """Committees on the way: at which step they are, who is to act, how late they are."""
    steps = facts.table("out_committee_steps")
    if steps.empty:
        return
    turn = steps[is_yes(steps["is_newest"]) & is_yes(steps["is_turn"])]
    late = turn[turn["status"] == "late"]
    told = book.count_shown(
        "formation.turn", "院落自治委员会成立没有走完的", len(turn), "个",
        "最新一届里，轮到下一步的小区", "out_committee_steps", ["is_newest", "is_turn"],
        "committee_steps", ("compound_id", "term_no"),
    )  # fmt: skip
    delayed = book.count_shown(
        "formation.late", "其中逾期的", len(late), "个", "轮到的一步已过计划日期",
        "out_committee_steps", ["is_newest", "is_turn", "status = 'late'"],
        "committee_steps", ("compound_id", "term_no"),
    )  # fmt: skip
    yield Paragraph(f"院落自治委员会成立没有走完的{told}个，其中逾期{delayed}个。")
    if len(late):
        yield Items([_tell_step(facts, book, row) for row in rows_in(late)])
    votes = steps[
        is_yes(steps["is_newest"]) & (steps["step"] == "投票") & steps["turnout_pct"].notna()
    ]
    if len(votes):
        yield Items([_tell_vote(facts, book, row) for row in rows_in(votes)])


def _tell_step(facts: Facts, book: Book, row: Any) -> str:
    own = f"compound_id = {literal(str(row.compound_id))} AND term_no = {int(row.term_no)} AND place = {int(row.place)}"
    days = book.cell(
        f"formation.{row.compound_id}.{row.term_no}.late", f"{facts.place(row.compound_id)}{row.step}逾期",
        whole(row.days_late), "天", "计划日期到数据日", "days_late", "out_committee_steps", own,
        book.rows_behind("out_committee_steps", own, "committee_steps", ("compound_id", "step")),
    )  # fmt: skip
    who = plain(row.party) if isinstance(row.party, str) else "没写责任方"
    return f"{facts.place(row.compound_id)}：到“{plain(row.step)}”这一步，{who}，逾期{days}天。"


def _tell_vote(facts: Facts, book: Book, row: Any) -> str:
    own = f"compound_id = {literal(str(row.compound_id))} AND term_no = {int(row.term_no)} AND place = {int(row.place)}"
    turnout = book.cell(
        f"formation.{row.compound_id}.{row.term_no}.turnout", f"{facts.place(row.compound_id)}投票率",
        real(row.turnout_pct), "%", "参加投票户数 ÷ 应投票户数", "turnout_pct", "out_committee_steps",
        own, book.rows_behind("out_committee_steps", own, "committee_steps", ("compound_id", "step")),
    )  # fmt: skip
    return f"{facts.place(row.compound_id)}：投票率{turnout}%。"


def write_supervision(facts: Facts, book: Book) -> Iterator[Block]:
    """Companies and owners' committees that stand out: late, expiring, not doing what was asked."""
    table = facts.read("out_supervision")
    if facts.is_of_compound:
        found = table[table["compound_id"] == facts.scope.compound_id]
    else:
        found = table[table["compound_id"].isna()]
    found = found[found["basis"] == "own"]
    if found.empty:
        return
    lines = []
    for row in rows_in(found):
        parts = []
        if row.verdict == "higher" and pd.notna(row.late_pct):
            told = _supervised(facts, book, row, "late_pct", "超期率", "%", "占已办结和已到期的")
            parts.append(f"超期率{told}%，明显高于其他单位")
        if pd.notna(row.slipped_count) and row.slipped_count > 0:
            told = _supervised(
                facts, book, row, "slipped_count", "答应了没做的", "件", "过了期限没有做到"
            )
            parts.append(f"要求的事有{told}件过期没做")
        if pd.notna(row.term_days) and row.term_days < 0:
            told = _supervised(facts, book, row, "term_days", "届满", "天", "离届满的天数，负数为已过",
                               "-term_days", -int(row.term_days))  # fmt: skip
            parts.append(f"届满已{told}天")
        if pd.isna(row.last_active_on) and row.kind == "property_company":
            parts.append("没有回应记录")
        if parts:
            lines.append(f"{plain(row.name)}：{'；'.join(parts)}。")
    count = len({row.organization_id for row in rows_in(found)})
    if not lines:
        yield Paragraph("物业和业委会没有特别要提的。")
        return
    yield Paragraph(f"看了{_cite_supervised(facts, book, count)}家物业和业委会，要提的有：")
    yield Items(lines)


def _cite_supervised(facts: Facts, book: Book, count: int) -> str:
    source = facts.scope.table("out_supervision")
    own = (
        facts.scope.own("basis = 'own'")
        if facts.is_of_compound
        else "compound_id IS NULL AND basis = 'own'"
    )
    return book.cite(
        "supervision.count", "被监督的单位", count, "家", "物业公司和业委会",
        f"SELECT count(DISTINCT organization_id) FROM {source} WHERE {own}",
        book.rows_behind("out_supervision", own, "organizations", ("organization_id",)),
    )  # fmt: skip


def _supervised(
    facts: Facts, book: Book, row: Any, column: str, label: str, unit: str, definition: str,
    asked: str = "", value: int | None = None,
) -> str:  # fmt: skip
    own = f"organization_id = {literal(str(row.organization_id))} AND basis = 'own' AND "
    own += facts.scope.own() if facts.is_of_compound else "compound_id IS NULL"
    number = getattr(row, column)
    if value is None:
        value = whole(number) if unit != "%" else real(number)  # type: ignore[assignment]
    return book.cell(
        f"supervision.{row.organization_id}.{column}", f"{plain(row.name)}{label}", value, unit,
        definition, asked or column, "out_supervision", own, list_supervised(facts, row, column),
    )  # fmt: skip


def write_activities(facts: Facts, book: Book) -> Iterator[Block]:
    """Activities of the month, festivals, and what is broken in the network."""
    months = facts.table("out_activity_months")
    if facts.table("core_activities").empty:
        return
    own = months[pd.to_datetime(months["month"]) == pd.Timestamp(facts.scope.month)]
    within = facts.scope.within("held_on")
    count = book.count_core("activities.now", "本月活动", int(own["activity_count"].sum()), "次",
                            "活动日期在本月的", "activities", within)  # fmt: skip
    source = facts.scope.table("core_activities")
    where = facts.scope.own(within)
    people = book.cite(
        "activities.people", "本月活动参与", int(own["participant_count"].fillna(0).sum()), "人次",
        "本月活动写了人数的相加", f"SELECT coalesce(sum(participant_count), 0) FROM {source} WHERE {where}",
        book.rows_of("activities", within),
    )  # fmt: skip
    line = f"本月办活动{count}次，{people}人次参加。"
    festivals = facts.table("out_festivals")
    held = festivals[pd.to_datetime(festivals["held_on"]).between(
        pd.Timestamp(facts.scope.month), pd.Timestamp(facts.scope.last))]  # fmt: skip
    told = [_tell_festival(facts, book, row) for row in rows_in(held)]
    if told:
        line += f"节庆：{'；'.join(told)}。"
    yield Paragraph(line)
    if not facts.is_of_compound:
        yield from _write_network(facts, book)


def _tell_festival(facts: Facts, book: Book, row: Any) -> str:
    line = f"{facts.place(row.compound_id)}“{plain(row.name)}”"
    if pd.isna(row.participant_count):
        return line
    at = f"= {literal(row.compound_id)}" if isinstance(row.compound_id, str) else "IS NULL"
    held = write_day(row.held_on)
    own = f"name = {literal(str(row.name))} AND held_on = DATE '{held}' AND compound_id {at}"
    came = book.cell(
        f"festival.{row.name}.{write_day(row.held_on)}", f"{plain(row.name)}参与", whole(row.participant_count),
        "人", "活动记录写的人数", "participant_count", "out_festivals", own,
        f"SELECT file, sheet, row FROM {facts.scope.table('core_activities')} WHERE {own}",
    )  # fmt: skip
    line += f"{came}人"
    if pd.notna(row.before_count):
        before = book.cell(
            f"festival.{row.name}.{write_day(row.held_on)}.before", f"{plain(row.name)}上一次",
            whole(row.before_count), "人", "上一年同名的节庆", "before_count", "out_festivals", own,
            list_festival_before(facts.scope, str(row.name), held, at),
        )  # fmt: skip
        line += f"（上一次{before}人）"
    return line


def _write_network(facts: Facts, book: Book) -> Iterator[Block]:
    links, missing = facts.read("out_network_links"), facts.read("out_network_missing")
    if links.empty:
        return
    broken = int(is_yes(links["is_broken"]).sum())
    told = book.cell("network.broken", "断了的联系", broken, "条", "名存实亡、已解散或久无往来的",
                     "count(*)", "out_network_links", "is_broken",
                     list_ends(facts.scope, "out_network_links", "is_broken"))  # fmt: skip
    line = f"小区和组织之间断了的联系{told}条"
    if len(missing):
        first = missing.sort_values("rank").iloc[0]
        nodes = facts.read("out_network_nodes").set_index("node_id")["name"]
        ends = [plain(nodes.get(first[end], first[end])) for end in ("source", "target")]
        joined = book.cell("network.joined", "最该牵的线连上的小区", whole(first["compounds_joined"]), "个",
                           "牵上这条线，多少小区从此连得上", "compounds_joined", "out_network_missing",
                           f"rank = {int(first['rank'])}",
                           list_ends(facts.scope, "out_network_missing",
                                     f"rank = {int(first['rank'])}"))  # fmt: skip
        line += f"；最该牵的一条线：请{ends[0]}到{ends[1]}，能多连上{joined}个小区"
    yield Paragraph(f"{line}。")


def write_capital(facts: Facts, book: Book) -> Iterator[Block]:
    """Trust, norms and networks as answers: shares with intervals, and whether they changed."""
    table = facts.read("out_capital")
    at = facts.scope.compound_id
    own = table[(table["compound_id"].fillna("") == at) & (table["part"] != "registers")]
    own = own[own["wave"].fillna("") != ""]
    if own.empty:
        return
    newest = own[own["wave_order"] == own["wave_order"].max()]
    shown = newest[newest["status"] == "known"]
    few = len(newest) - len(shown)
    if len(shown):
        rows = [_write_item(facts, book, row) for row in rows_in(shown)]
        wave = plain(newest["wave"].iloc[0])
        yield Grid(f"问卷（{wave}）", ["题目", "同意（%）", "95%区间", "回答（人）", "和上次比"], rows,
                   (6, 4, 5, 4, 6))  # fmt: skip
    if few:
        yield Note(f"有{few}题回答太少，不公布。")


def _write_item(facts: Facts, book: Book, row: Any) -> list[str]:
    at = literal(facts.scope.compound_id)
    own = f"compound_id = {at} AND measure = {literal(str(row.measure))} AND wave = {literal(str(row.wave))}"
    label = SURVEY[str(row.measure)].label if row.measure in _MEASURES else plain(row.measure)
    answers = list_answers(facts, str(row.measure), str(row.wave))
    told = {
        column: book.cell(f"capital.{row.measure}.{column}", f"{label}{word}", real(getattr(row, column)), "%",
                          "同意的占回答的；区间为 95% 威尔逊区间", column, "out_capital", own,
                          answers, 0)
        for column, word in (("pct", "同意"), ("pct_low", "同意下限"), ("pct_high", "同意上限"))
    }  # fmt: skip
    count = book.cell(f"capital.{row.measure}.base", f"{label}回答人数", whole(row.base_count), "人",
                      "这一批回答了这一题的", "base_count", "out_capital", own, answers)  # fmt: skip
    # Of the whole community waves are not compared: other compounds answered each time.
    otherwise = "以前没有问过" if facts.is_of_compound else "看各小区"
    change = CHANGES.get(str(row.change_verdict), otherwise)
    return [f"{PARTS.get(row.part, row.part)}：{label}", told["pct"],
            f"{told['pct_low']}–{told['pct_high']}", count, change]  # fmt: skip


_MEASURES = frozenset(column.name for column in SURVEY.columns)


def write_actions(facts: Facts, book: Book) -> Iterator[Block]:
    """Interventions by how far they are, those that are late, and what they have changed."""
    actions = facts.table("out_actions")
    if actions.empty:
        return
    told = [
        f"{plain(status)}{_count_actions(facts, book, str(status), int(count))}项"
        for status, count in actions["status"].value_counts().sort_index().items()
    ]
    yield Paragraph(f"行动：{'、'.join(told)}。")
    effects = facts.table("out_effects").set_index("intervention_id")
    lines = []
    for row in rows_in(actions):
        effect = effects.loc[row.intervention_id] if row.intervention_id in effects.index else None
        is_late = row.lateness in LATENESS
        if effect is not None and effect["verdict"] in ("better", "worse"):
            quoted = _quote_effect(facts, book, row, effect)
            lines.append(f"{facts.place(row.compound_id)}“{plain(row.name)}”：{quoted}")
        elif is_late:
            days = book.cell(
                f"action.{row.intervention_id}.late", f"{plain(row.name)}迟了", whole(row.late_days), "天",
                "计划的日期到数据日", "late_days", "out_actions",
                f"intervention_id = {literal(str(row.intervention_id))}",
                book.rows_behind("out_actions", f"intervention_id = {literal(str(row.intervention_id))}",
                                 "interventions", ("intervention_id",)),
            )  # fmt: skip
            lines.append(
                f"{facts.place(row.compound_id)}“{plain(row.name)}”：{LATENESS[row.lateness]}，迟了{days}天。"
            )
    if lines:
        yield Items(lines[:LISTED])
    unclear = (
        int((effects["verdict"].isin(["no_change", "too_early"])).sum()) if len(effects) else 0
    )
    if unclear:
        yield Note(f"另有{unclear}项看不出变化或还说不准，见“行动”页。")


def _count_actions(facts: Facts, book: Book, status: str, count: int) -> str:
    return book.count_shown(f"actions.{status}", f"{status}的行动", count, "项", "行动计划写的状态",
                            "out_actions", [f"status = {literal(status)}"], "interventions",
                            ("intervention_id",))  # fmt: skip


def _quote_effect(facts: Facts, book: Book, row: Any, effect: pd.Series) -> str:
    own = f"intervention_id = {literal(str(row.intervention_id))}"
    source = facts.scope.table("out_effects")
    told = plain(facts.phrases.effect(effect))
    return book.cite(
        f"effect.{row.intervention_id}", f"{plain(row.name)}的成效", told, "",
        "行动前后的投诉，除去其他小区同期的涨落",
        f"SELECT verdict, ratio, ratio_low, ratio_high, before_count, after_count FROM {source} WHERE {own}",
        book.rows_behind("out_effects", own, "interventions", ("intervention_id",)),
    )  # fmt: skip


def list_reasons(facts: Facts, book: Book, at: str, most: int = 3) -> list[str]:
    """Why a compound comes first, in the words of the map."""
    targets = facts.read("out_targets")
    found = targets[targets["compound_id"] == at]
    if found.empty:
        return []
    source = facts.scope.table("out_targets")
    sql = f"SELECT reasons FROM {source} WHERE compound_id = {literal(at)}"
    return [
        book.cite(f"target.{at}.{number}", f"{facts.place(at)}排在前面的理由", plain(facts.phrases.reason(reason)),
                  "", "“先到哪里去”里的理由，算法见“方法与名词”", sql,
                  list_reason(facts, at, reason))
        for number, reason in enumerate(read_list(found["reasons"].iloc[0])[:most], start=1)
    ]  # fmt: skip


def write_targets(facts: Facts, book: Book, *, with_actions: bool = True) -> Iterator[Block]:
    """Where to go first and what is suggested there."""
    targets = facts.table("out_targets").sort_values("rank").head(3)
    lines = []
    for row in rows_in(targets):
        reasons = list_reasons(facts, book, str(row.compound_id), 3 if with_actions else 2)
        actions = [plain(facts.phrases.action(action)) for action in read_list(row.actions)[:2]]
        if reasons:
            todo = f"建议：{'；'.join(actions)}。" if actions and with_actions else ""
            lines.append(f"{facts.place(row.compound_id)}：{'，'.join(reasons)}。{todo}")
    if lines:
        yield Items(lines)
    else:
        yield Paragraph(
            "没有特别要先去的小区。" if not facts.is_of_compound else "没有特别要提的。"
        )

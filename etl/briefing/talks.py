"""What a briefing says of deliberation: matters by level, promises, needs, duties, requests upward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from etl.briefing.book import Book
from etl.briefing.facts import Facts, is_yes, rows_in, whole, write_day
from etl.briefing.model import Block, Grid, Items, Note, Paragraph, plain
from etl.ddl import literal
from etl.lists import read_list

LEVELS = {1: "一级（小区内部）", 2: "二级（分组商议）", 3: "三级（五方会议）"}
STATES = {"kept": "按期做到", "late": "逾期才做到", "slipped": "逾期没做到", "open": "没到期",
          "unknown": "没写期限"}  # fmt: skip
LISTED = 40
HIGHEST = 3
LONG_OVER = 20  # working days past its limit, after which the street is asked
MATTER_ROWS = ("matters", ("matter_id",))
PROMISE_ROWS = ("meetings", ("meeting_id", "item_no"))


def write_matters(facts: Facts, book: Book) -> Iterator[Block]:
    """How many matters stand at which level, what the month brought, and which are overdue."""
    matters = facts.table("out_matters")
    if matters.empty:
        yield Paragraph("没有议题台账。")
        return
    told = {
        name: book.count_shown(
            f"matters.{name}", f"本月{word}的议题", _count_within(facts, matters[f"{name}_on"]), "个",
            f"议题台账里{word}时间在本月的", "out_matters", [facts.scope.within(f"{name}_on")],
            *MATTER_ROWS,
        )
        for name, word in (("raised", "提出"), ("decided", "议定"), ("closed", "办结"))
    }  # fmt: skip
    yield Paragraph(
        f"本月提出议题{told['raised']}个，议定{told['decided']}个，办结{told['closed']}个。"
        f"以下截至{write_day(matters['as_of_on'].iloc[0])}。"
    )
    rows = [_count_level(book, matters, level) for level in LEVELS]
    yield Grid("三级议事", ["层级", "未议定（个）", "已议定未办结（个）", "超过期限（个）"], rows,
               (6, 4, 5, 4))  # fmt: skip
    yield from _list_overdue(facts, book, matters)


def _count_within(facts: Facts, days: pd.Series) -> int:
    first, last = pd.Timestamp(facts.scope.month), pd.Timestamp(facts.scope.last)
    return int(pd.to_datetime(days).between(first, last).sum())


def _count_level(book: Book, matters: pd.DataFrame, level: int) -> list[str]:
    own = matters[matters["level_now"] == level]
    counts = {
        "open": (own["state"] == "open", "state = 'open'", "未议定"),
        "settled": (own["state"] == "settled", "state = 'settled'", "已议定未办结"),
        "over": (is_yes(own["is_over"]), "is_over", "超过期限"),
    }
    told = [
        book.count_shown(
            f"matters.{level}.{name}", f"{LEVELS[level]}{word}", int(which.sum()), "个",
            f"现在到第{level}级、{word}的议题", "out_matters", [f"level_now = {level}", where],
            *MATTER_ROWS,
        )
        for name, (which, where, word) in counts.items()
    ]  # fmt: skip
    return [LEVELS[level], *told]


def _list_overdue(facts: Facts, book: Book, matters: pd.DataFrame) -> Iterator[Block]:
    over = matters[is_yes(matters["is_over"])].sort_values("over_days", ascending=False)
    if over.empty:
        yield Paragraph("没有超过期限的议题。")
        return
    rows = [
        [facts.place(row.compound_id), plain(row.title), LEVELS[int(row.level_now)][:2],
         _due(row), _cite_over(book, row)]
        for row in rows_in(over.head(LISTED))
    ]  # fmt: skip
    heads = ["小区", "议题", "层级", "期限", "超过（工作日）"]
    yield Grid("超过期限的议题", heads, rows, (4, 8, 3, 4, 4))
    if len(over) > LISTED:
        yield Note(f"只列最久的{LISTED}个，其余见“议事”页。")


def _due(row: Any) -> str:
    return write_day(row.stated_due_on if row.state == "settled" else row.due_on)


def _cite_over(book: Book, row: Any) -> str:
    own = f"matter_id = {literal(str(row.matter_id))}"
    return book.cell(
        f"matter.{row.matter_id}.over", f"{plain(row.title)}超过期限", whole(row.over_days), "工作日",
        "从期限到数据日的工作日", "over_days", "out_matters", own,
        book.rows_behind("out_matters", own, *MATTER_ROWS),
    )  # fmt: skip


def write_promises(facts: Facts, book: Book) -> Iterator[Block]:
    """Promises since the last monthly meeting by how they stand, and those broken, by name."""
    promises = facts.table("out_promises")
    if promises.empty:
        yield Paragraph("没有会议承诺的记录。")
        return
    news = promises[is_yes(promises["is_news"])]
    since = promises["since_on"].dropna()
    begins = f"{write_day(since.iloc[0])}月度议事会以来" if len(since) else "有记录以来"
    told = [
        f"{word}{_cite_promises(book, news, name)}件"
        for name, word in STATES.items()
        if (news["state"] == name).any() or name in ("kept", "slipped")
    ]
    yield Paragraph(f"{begins}作出、到期或做到的承诺：{'，'.join(told)}。")
    slipped = promises[promises["state"] == "slipped"].sort_values("late_days", ascending=False)
    if len(slipped):
        rows = [
            [facts.place(row.compound_id), plain(row.party) if isinstance(row.party, str) else "—",
             plain(row.promise), write_day(row.due_on), _cite_late(book, row)]
            for row in rows_in(slipped.head(LISTED))
        ]  # fmt: skip
        heads = ["小区", "承诺方", "承诺事项", "期限", "逾期（工作日）"]
        yield Grid("逾期没有兑现的承诺", heads, rows, (4, 3, 8, 4, 4))


def _cite_promises(book: Book, news: pd.DataFrame, state: str) -> str:
    return book.count_shown(
        f"promises.{state}", f"承诺{STATES[state]}", int((news["state"] == state).sum()), "件",
        "最近一次月度议事会之前的那一次以来，作出、到期或做到的", "out_promises",
        ["is_news", f"state = '{state}'"], *PROMISE_ROWS,
    )  # fmt: skip


def _cite_late(book: Book, row: Any) -> str:
    own = f"meeting_id = {literal(str(row.meeting_id))} AND item_no = {int(row.item_no)}"
    return book.cell(
        f"promise.{row.meeting_id}.{row.item_no}.late", f"{plain(row.promise)}逾期",
        whole(row.late_days), "工作日", "从承诺期限到数据日的工作日", "late_days", "out_promises", own,
        book.rows_behind("out_promises", own, *PROMISE_ROWS),
    )  # fmt: skip


def write_meetings(facts: Facts, book: Book) -> Iterator[Block]:
    """Meetings of the month by kind, with how many came."""
    meetings = facts.table("core_meetings")
    held_on = pd.to_datetime(meetings["held_on"])
    inside = held_on.between(pd.Timestamp(facts.scope.month), pd.Timestamp(facts.scope.last))
    held = meetings[inside].sort_values(["held_on", "meeting_id", "item_no"])
    held = held.drop_duplicates("meeting_id")
    if held.empty:
        return
    where = facts.scope.within("held_on")
    source = facts.scope.table("core_meetings")
    count = book.cite(
        "meetings.now", "本月会议", len(held), "次", "会议日期在本月的会议，一次会议几行只算一次",
        f"SELECT count(DISTINCT meeting_id) FROM {source} WHERE {facts.scope.own(where)}",
        book.rows_of("meetings", where),
    )  # fmt: skip
    yield Paragraph(f"本月开会{count}次。")
    yield Items([_tell_meeting(facts, book, row) for row in rows_in(held)])


def _tell_meeting(facts: Facts, book: Book, row: Any) -> str:
    kind = plain(row.kind) if isinstance(row.kind, str) else "会议"
    line = f"{write_day(row.held_on)}{facts.place(row.compound_id)}{kind}"
    if pd.notna(row.attendee_count):
        own = f"meeting_id = {literal(str(row.meeting_id))} AND item_no = {int(row.item_no)}"
        came = book.cell(
            f"meeting.{row.meeting_id}.people", f"{line}到会", whole(row.attendee_count), "人",
            "会议纪要写的到会人数", "attendee_count", "core_meetings", own,
            f"SELECT file, sheet, row FROM {facts.scope.table('core_meetings')} WHERE {own}",
        )  # fmt: skip
        line += f"，{came}人到会"
    said = plain(row.summary) if isinstance(row.summary, str) else ""
    return f"{line}：{said.rstrip('。')}。" if said else f"{line}。"


def write_needs(facts: Facts, book: Book) -> Iterator[Block]:
    """Needs that are not met, the urgent ones, and what was said but not complained about."""
    needs = facts.table("out_needs")
    if facts.table("core_needs").empty:
        return
    total = _sum_needs(facts, book, needs, "open_count", "未解决的需求")
    urgent = _sum_needs(facts, book, needs, "urgent_count", "其中紧急的需求")
    line = f"需求清单上没有解决的{total}条，其中紧急{urgent}条。"
    by = needs.groupby("category")["open_count"].sum().astype(int)
    by = by[by > 0].sort_values(ascending=False, kind="stable").head(5)
    told = [
        f"{plain(name)}{_cite_need(facts, book, str(name), int(count))}条" for name, count in by.items()
    ]  # fmt: skip
    if told:
        line += f"最多的是{'、'.join(told)}。"
    only = needs[needs["match"] == "said_only"]
    if len(only):
        places = [f"{facts.place(row.compound_id)}{plain(row.category)}" for row in rows_in(only)]
        line += (
            f"居民提了、却没有投诉的：{'、'.join(places[:6])}{'等' if len(places) > 6 else ''}。"
        )
    yield Paragraph(line)


def _need_rows(facts: Facts, book: Book, *conditions: str) -> str:
    return book.rows_of("needs", *conditions)


def _sum_needs(facts: Facts, book: Book, needs: pd.DataFrame, column: str, label: str) -> str:
    return book.cell(
        f"needs.{column}", label, int(needs[column].sum()), "条", "需求清单上状态不是已解决的",
        f"coalesce(sum({column}), 0)", "out_needs", facts.scope.own(), _need_rows(facts, book),
    )  # fmt: skip


def _cite_need(facts: Facts, book: Book, category: str, count: int) -> str:
    own = f"category = {literal(category)}"
    return book.cell(
        f"needs.{category}.open", f"{category}未解决的需求", count, "条", "这一类还没解决的需求",
        "sum(open_count)", "out_needs", facts.scope.own(own), _need_rows(facts, book, own),
    )  # fmt: skip


def write_handbook(facts: Facts, book: Book) -> Iterator[Block]:
    """Gaps and doubles of the responsibility handbook."""
    handbook = facts.read("out_handbook")
    if facts.is_of_compound or facts.read("core_responsibilities").empty:
        return
    words = {"nobody": "谁都没写", "no_lead": "没有牵头的", "two_leads": "不止一家牵头",
             "no_supervisor": "没有监督的"}  # fmt: skip
    found = handbook[handbook["problem"].notna()]
    count = book.count_shown(
        "handbook.problems", "职责手册里有问题的类别", len(found), "类",
        "没有牵头、不止一家牵头或没有监督的事项类别", "out_handbook", ["problem IS NOT NULL"],
        "responsibilities", ("category",),
    )  # fmt: skip
    lines = []
    for row in rows_in(found):
        leads = "、".join(plain(each) for each in read_list(row.leads))
        told = words.get(row.problem, plain(row.problem))
        lines.append(f"“{plain(row.category)}”{told}{f'（{leads}）' if leads else ''}")
    text = f"职责手册里要补的有{count}类" + (f"：{'；'.join(lines)}。" if lines else "。")
    yield Paragraph(text)


def list_requests(facts: Facts, book: Book) -> list[str]:
    """What the community asks the street to take up, each with why; long-standing ones first.

    Matters at the highest level that are past their limit, those that went up to it because a
    lower level ran out of time, shelved ones of high urgency, and what the street itself promised
    and has not done.
    """
    lines = []
    matters = facts.table("out_matters")
    if len(matters):
        ongoing = matters[matters["state"].isin(["open", "settled"])]
        is_top = (ongoing["level_now"] == HIGHEST) & is_yes(ongoing["is_over"])
        is_long = is_yes(ongoing["is_over"]) & (ongoing["over_days"].fillna(0) > LONG_OVER)
        asked = ongoing[is_top | is_long].sort_values("over_days", ascending=False)
        lines += [
            f"{_name(facts, row)}，{LEVELS[int(row.level_now)]}，期限{_due(row)}，"
            f"已超过{_cite_over(book, row)}个工作日，请协调。"
            for row in rows_in(asked)
        ]
        shelved = matters[(matters["state"] == "shelved") & (matters["urgency"] == "高")]
        lines += [
            f"{_name(facts, row)}，紧急程度高，现在搁置，请指导。" for row in rows_in(shelved)
        ]
    promises = facts.table("out_promises")
    own = promises[(promises["state"] == "slipped") & (promises["party"] == "街道部门")]
    lines += [
        f"{facts.place(row.compound_id)}：街道部门答应的“{plain(row.promise)}”期限{write_day(row.due_on)}，"
        f"已过{_cite_late(book, row)}个工作日。"
        for row in rows_in(own)
    ]
    return lines


def _name(facts: Facts, row: Any) -> str:
    place, title = facts.place(row.compound_id), plain(row.title)
    return title if title.startswith(place) else f"{place}：{title}"


def write_requests(facts: Facts, book: Book, most: int = LISTED) -> Iterator[Block]:
    """The requests, or that there are none."""
    lines = list_requests(facts, book)
    if not lines:
        yield Paragraph("本月没有需要街道协调的事项。")
        return
    yield Items(lines[:most])
    if len(lines) > most:
        yield Note(f"另有{len(lines) - most}件，见详版。")

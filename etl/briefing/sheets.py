"""Single sheets from the same parts: the card of a compound, the notice for residents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from etl.accounts import PUBLIC
from etl.briefing.bodies import write_core_residents, write_targets
from etl.briefing.book import Book, write_value
from etl.briefing.compose import MAP, Briefing, write_headline
from etl.briefing.facts import (
    KIND_NAMES,
    TYPE_NAMES,
    Facts,
    is_yes,
    real,
    rows_in,
    whole,
    write_day,
    write_month,
)
from etl.briefing.model import (
    Block,
    Content,
    Grid,
    Heading,
    Note,
    Paragraph,
    Picture,
    plain,
)
from etl.briefing.talks import write_matters, write_needs, write_promises
from etl.disclosure import COUNT_WITHHELD, Audience, disclose, may_read

CARD_MAP_MM = 72
MOST_DECIDED = 40
UNSAID = "—"


def compose_card(facts: Facts) -> Briefing:
    """A compound on a sheet: what it is, how it fares, what it has and lacks, what to do first."""
    book = Book(facts.scope)
    month = write_month(facts.scope.month)
    blocks = [
        *_write_register(facts, book),
        Picture(MAP, f"{facts.name}{month}诉求（粗框为本小区，数字为件数）", CARD_MAP_MM),
        Heading("诉求"), *write_headline(facts, book),
        Heading("组织"), *_write_bodies(facts), *write_core_residents(facts, book),
        Heading("议题、承诺、需求"),
        *(each for write in (write_matters, write_promises, write_needs)
          for each in write(facts, book) if isinstance(each, Paragraph)),
        Heading("先做什么"), *write_targets(facts, book),
    ]  # fmt: skip
    return Briefing(
        _make_sheet(facts, f"{facts.name}档案", blocks), book.figures, facts.scope, "card"
    )


def _make_sheet(facts: Facts, title: str, blocks: list[Block]) -> Content:
    day = facts.known_until or facts.scope.last
    return Content(
        title=title, subtitle="", masthead=facts.profile.name, number="",
        issuer=facts.profile.briefing["issuer"] or facts.profile.name,
        dated=f"{day.year}年{day.month}月{day.day}日", sent_to="", blocks=tuple(blocks),
    )  # fmt: skip


def _write_register(facts: Facts, book: Book) -> Iterator[Block]:
    """What the register says of a compound."""
    row = facts.own

    def cell(column: str, label: str, unit: str, definition: str, value: Any) -> str:
        if value is None:
            return UNSAID
        told = book.cell(f"register.{column}", label, value, unit, definition, column,
                         "out_compounds", facts.scope.own(), book.rows_of("compounds"), digits=0)  # fmt: skip
        return f"{told}{unit}"

    rows = [
        ["类型", TYPE_NAMES.get(str(row["type"]), UNSAID), "户数",
         cell("households", "户数", "户", "小区台账的总户数", whole(row["households"]))],
        ["人口", cell("residents", "人口", "人", "小区台账的常住人口", whole(row["residents"])), "面积",
         cell("area_m2", "面积", "平方米", "边界围起来的", real(row["area_m2"]))],
        ["未办结", cell("open_count", "未办结", "件", "到数据日没有办结的", whole(row["open_count"])), "超期未办结",
         cell("overdue_count", "超期未办结", "件", "已过时限还没有办结的", whole(row["overdue_count"]))],
    ]  # fmt: skip
    yield Grid("基本情况", ["项目", "情况", "项目", "情况"], rows, (3, 5, 4, 5))


def _write_bodies(facts: Facts) -> Iterator[Block]:
    """Every kind of organization that the compound should or may have, and how it stands."""
    coverage = facts.table("out_coverage")
    coverage = coverage.assign(is_gap=is_yes(coverage["is_gap"]))
    shown = coverage[coverage["state"] != "不适用"]
    if shown.empty:
        yield Paragraph("没有登记组织，情况未知。")
        return
    rows = [
        [KIND_NAMES.get(str(row.kind), str(row.kind)), plain(row.state), "缺口" if row.is_gap else "",
         plain(row.organization_names) if isinstance(row.organization_names, str) else UNSAID,
         write_day(row.last_active_on)]
        for row in rows_in(shown)
    ]  # fmt: skip
    yield Grid("组织", ["类型", "状态", "缺口", "名称", "最近活动"], rows, (4, 3, 2, 8, 4))


def compose_notice(facts: Facts) -> Briefing:
    """A notice for residents: complaints with small counts hidden, and what was decided.

    Figures of complaints are those that the role 公示 may read (`etl.disclosure`): what it may not
    see stands as a dash and is said to be withheld, never as a zero.
    """
    fewest = facts.profile.privacy.fewest_cases
    audience = Audience(PUBLIC)
    compounds = disclose(audience, "out_compounds", facts.read, fewest)
    blocks: list[Block] = [*_write_counts(facts, compounds, fewest)]
    if may_read(audience, "out_handling"):
        handling = disclose(audience, "out_handling", facts.read, fewest)
        blocks += _write_by_category(handling)
    blocks += [Heading("商定的事"), *_write_decided(facts)]
    blocks += [Paragraph("对以上内容有意见的，请到社区反映。")]
    content = _make_sheet(facts, f"{facts.profile.name}居民公示", blocks)
    return Briefing(content, {}, facts.scope, "notice")


def _write_counts(facts: Facts, compounds: pd.DataFrame, fewest: int) -> Iterator[Block]:
    spans = compounds[["window_from", "window_to"]].dropna()
    span = ""
    if len(spans):
        first, last = (pd.Timestamp(spans.iloc[0][name]) for name in ("window_from", "window_to"))
        span = f"{first:%Y-%m}至{last:%Y-%m}"
    yield Paragraph(f"以下是{span}各小区的诉求和最近商定的事，请居民监督。")
    rows = [
        [plain(row.name), _tell(row.window_count, 0), _tell(row.rate, 1)]
        for row in rows_in(compounds)
    ]
    yield Heading("居民诉求")
    yield Grid("各小区诉求", ["小区", "件数", "每千户件数"], rows, (8, 4, 5))
    if COUNT_WITHHELD in compounds and is_yes(compounds[COUNT_WITHHELD]).any():
        yield Note(f"“{UNSAID}”的不公布：少于{fewest}件，或者由别的数能算出来。")


def _tell(value: Any, digits: int) -> str:
    number = real(value)
    return UNSAID if number is None else write_value(number, digits)


def _write_by_category(handling: pd.DataFrame) -> Iterator[Block]:
    own = handling[handling["scope"] == "category"]
    rows = [
        [plain(row.name), _tell(row.complaint_count, 0), _tell(row.open_count, 0)]
        for row in rows_in(own)
    ]
    if rows:
        yield Grid("各类诉求", ["类别", "件数", "未办结"], rows, (8, 4, 4))


def _write_decided(facts: Facts) -> Iterator[Block]:
    """What was decided or closed in the month, with what was decided."""
    matters, stated = facts.read("out_matters"), facts.read("core_matters")
    first, last = pd.Timestamp(facts.scope.back(2)), pd.Timestamp(facts.scope.last)
    inside = [
        pd.to_datetime(matters[name]).between(first, last) for name in ("decided_on", "closed_on")
    ]
    found = matters[inside[0] | inside[1]].sort_values("decided_on", ascending=False)
    if found.empty:
        yield Paragraph("最近三个月没有议定或办结的事项。")
        return
    said = stated.set_index("matter_id")["decision"]
    rows = []
    for row in rows_in(found.head(MOST_DECIDED)):
        decision = said.get(row.matter_id)
        rows.append([facts.place(row.compound_id), plain(row.title),
                     plain(decision) if isinstance(decision, str) else UNSAID, write_day(row.decided_on)])  # fmt: skip
    yield Grid("最近三个月商定的事", ["小区", "事项", "结果", "议定"], rows, (4, 6, 8, 4))

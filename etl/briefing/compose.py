"""A briefing put together: three sentences on top, sections by rules, an annex of every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from etl.briefing.bodies import (
    list_reasons,
    write_actions,
    write_activities,
    write_capital,
    write_core_residents,
    write_coverage,
    write_formation,
    write_self_organizations,
    write_supervision,
    write_targets,
)
from etl.briefing.book import Book, Figure, Scope
from etl.briefing.complaints import (
    cite_change,
    cite_month,
    write_categories,
    write_hotspots,
    write_key_figures,
    write_month_figures,
    write_moved,
    write_unplaced,
)
from etl.briefing.facts import (
    NOT_OVER,
    Facts,
    Phrases,
    Reader,
    is_yes,
    require_month,
    rows_in,
    write_day,
    write_month,
)
from etl.briefing.model import (
    Block,
    Content,
    Grid,
    Heading,
    Items,
    Note,
    Paragraph,
    Picture,
    plain,
    read_blocks,
    read_text,
)
from etl.briefing.talks import (
    write_handbook,
    write_matters,
    write_meetings,
    write_needs,
    write_promises,
    write_requests,
)
from etl.ddl import literal
from etl.profile import Profile

SHORT, LONG = "short", "long"
LENGTHS = (SHORT, LONG)
MAP = "map"
MAP_MM = {SHORT: 96, LONG: 130}
SHORT_REQUESTS = 2
Write = Callable[[Facts, Book], Iterator[Block]]
# The sections of the long form, in this order; one without data of its own is left out.
SECTIONS: tuple[tuple[str, tuple[Write, ...]], ...] = (
    ("主要指标", (write_key_figures,)),
    ("诉求类别", (write_categories, write_unplaced)),
    ("变化大的小区", (write_moved,)),
    ("热点", (write_hotspots,)),
    ("先到哪里去", (write_targets,)),
    ("组织覆盖和缺口", (write_coverage,)),
    ("三级议事", (write_matters, write_meetings)),
    ("承诺兑现", (write_promises,)),
    ("居民需求", (write_needs,)),
    ("居民骨干和自组织", (write_core_residents, write_self_organizations)),
    ("院落自治委员会成立进度", (write_formation,)),
    ("职责手册", (write_handbook,)),
    ("对物业和业委会的监督", (write_supervision,)),
    ("活动和往来", (write_activities,)),
    ("社会资本", (write_capital,)),
    ("行动和成效", (write_actions,)),
)
ONLY_COMMUNITY = frozenset({"变化大的小区", "职责手册"})


@dataclass(frozen=True)
class Briefing:
    """A briefing: what it says, and the figures that it prints by id."""

    content: Content
    figures: dict[str, Figure]
    scope: Scope
    length: str


def compose(
    read: Reader, profile: Profile, scope: Scope, phrases: Phrases, length: str = LONG,
    remarks: str = "",
) -> Briefing:  # fmt: skip
    """Write the briefing of a month.

    Parameters
    ----------
    read
        Gives a table of the published state by name, such as `Store.frame`.
    scope
        Which month, of which compound ('' is the community), of which snapshot.
    phrases
        What the pages say of reasons, actions and effects.
    length
        'short' for two pages, 'long' for all sections and the annex of figures.
    remarks
        Sentences by people, a paragraph a line, put before the requests.

    Raises
    ------
    ShequError
        There are no complaints of that month on record and it lies outside the data.
    """
    require_month(read, scope.month)
    facts = Facts(scope, profile, read, phrases)
    book = Book(scope)
    blocks = list(_write_short(facts, book) if length == SHORT else _write_long(facts, book))
    remarked = [Paragraph(plain(line)) for line in remarks.splitlines() if plain(line)]
    if remarked:
        blocks += [Heading("情况说明"), *remarked]
    blocks += [Heading("请街道协调的事项")]
    if length == SHORT:
        blocks += write_requests(facts, book, SHORT_REQUESTS)
        blocks += [Note("数据说明：" + "".join(list_data_notes(facts, book)))]
    else:
        blocks += [*write_requests(facts, book), Heading("数据说明")]
        blocks += [Items(list_data_notes(facts, book))]
    settings = profile.briefing
    content = Content(
        title=_name_title(facts),
        subtitle="",
        masthead=settings["masthead"],
        number="",
        issuer=settings["issuer"] or profile.name,
        dated=_write_date(facts),
        sent_to=settings["sent_to"],
        addressed=settings["addressed"],
        blocks=tuple(blocks),
        annex=tuple(write_annex(book)) if length == LONG else (),
    )
    return Briefing(content, book.figures, scope, length)


def _name_title(facts: Facts) -> str:
    month = write_month(facts.scope.month)
    if facts.is_of_compound:
        return f"{facts.name}{month}治理情况"
    return f"{facts.name}{month}治理情况简报"


def _write_date(facts: Facts) -> str:
    """The day of the data: what is issued again of the same data says the same day."""
    day = facts.known_until or facts.scope.last
    return f"{day.year}年{day.month}月{day.day}日"


def _write_short(facts: Facts, book: Book) -> Iterator[Block]:
    """Two pages: the headline, key figures, the map and where to go first."""
    yield from write_headline(facts, book)
    yield Heading("主要指标")
    yield write_month_figures(facts, book)
    if not facts.is_of_compound:
        yield Heading("先到哪里去")
        yield from write_targets(facts, book, with_actions=False)
    yield Picture(MAP, _caption(facts), MAP_MM[SHORT])


def _write_long(facts: Facts, book: Book) -> Iterator[Block]:
    yield from write_headline(facts, book)
    for title, writers in SECTIONS:
        if facts.is_of_compound and title in ONLY_COMMUNITY:
            continue
        blocks = [block for write in writers for block in write(facts, book)]
        if blocks:
            yield Heading(title)
            yield from blocks
        if title == "热点":
            yield Picture(MAP, _caption(facts), MAP_MM[LONG])


def _caption(facts: Facts) -> str:
    month = write_month(facts.scope.month)
    if facts.is_of_compound:
        return f"{facts.name}{month}诉求（粗框为本小区，数字为件数）"
    return f"各小区{month}诉求（越密越高；数字为件数）"


def write_headline(facts: Facts, book: Book) -> Iterator[Block]:
    """Three sentences: how many, whether it changed, and what most needs doing."""
    yield Paragraph(
        "".join([_tell_count(facts, book), _tell_trend(facts, book), _tell_first(facts, book)])
    )


def _tell_count(facts: Facts, book: Book) -> str:
    now = int(facts.spread().iloc[0].iloc[-1])
    month = write_month(facts.scope.month)
    until = "" if facts.is_over else f"（只到{write_day(facts.known_until)}，本月未完）"
    if not now:
        return f"{month}{until}，{facts.name}没有受理居民诉求。"
    told = cite_month(facts, book, "complaints.now", "受理诉求", now, 0)
    by = facts.spread("category").iloc[:, -1].sort_values(ascending=False, kind="stable")
    if by.empty or now == 1:
        named = f"是{plain(by.index[0])}" if len(by) else "没有写类别"
        return f"{month}{until}，{facts.name}受理居民诉求{told}件，{named}。"
    name, most = str(by.index[0]), int(by.iloc[0])
    own = f"category = {literal(name)}"
    top = cite_month(facts, book, f"category.{name}.now", name, most, 0, own)
    return f"{month}{until}，{facts.name}受理居民诉求{told}件，最多的是{plain(name)}（{top}件）。"


def _tell_trend(facts: Facts, book: Book) -> str:
    if not facts.is_over:
        return f"{NOT_OVER}。"
    counts = facts.spread()
    parts = []
    for when, back, word in (("before", 1, "上月"), ("year", 12, "去年同月")):
        row = facts.compare(counts, back).iloc[0]
        if row["before"] is None or pd.isna(row["before"]):
            parts.append(f"没有{word}的数据可比")
            continue
        before, now = int(row["before"]), int(row["now"])
        told = cite_month(facts, book, f"complaints.{when}", "受理诉求", before, back)
        figure_id = "complaint_count.change" if back == 1 else "complaint_count.year_change"
        label = f"受理诉求比{word}"
        change = cite_change(book, figure_id, label, now, before, back) if before else ""
        more = f"，{change}" if change else ""
        parts.append(f"比{word}（{told}件{more}）{row['verdict']}")
    return "；".join(parts) + "。"


def _tell_first(facts: Facts, book: Book) -> str:
    """What most needs doing, by fixed rules: where to go first, then what is overdue or broken."""
    targets = facts.table("out_targets").sort_values("rank")
    parts = []
    for row in rows_in(targets.head(1)):
        reasons = list_reasons(facts, book, str(row.compound_id), 2)
        if reasons:
            what = (
                f"最需要先去的是{facts.place(row.compound_id)}"
                if not facts.is_of_compound
                else "要先解决的"
            )
            parts.append(f"{what}：{'，'.join(reasons)}")
    matters, promises = facts.table("out_matters"), facts.table("out_promises")
    over = int(is_yes(matters["is_over"]).sum())
    slipped = int((promises["state"] == "slipped").sum())
    if over:
        told = book.count_shown(
            "matters.over", "超过期限的议题", over, "个",
            "已过这一级的期限，或已议定、过了应办结日期", "out_matters", ["is_over"],
            "matters", ("matter_id",),
        )  # fmt: skip
        parts.append(f"{told}个议题超过期限")
    if slipped:
        told = book.count_shown(
            "promises.slipped_all", "逾期没有兑现的承诺", slipped, "件",
            "过了承诺期限还没做到的", "out_promises", ["state = 'slipped'"],
            "meetings", ("meeting_id", "item_no"),
        )  # fmt: skip
        parts.append(f"{told}件承诺逾期没有兑现")
    return ("；".join(parts) if parts else "没有超期的议题和没有兑现的承诺") + "。"


def list_data_notes(facts: Facts, book: Book) -> list[str]:
    """What the figures rest on, and what is missing from them."""
    until = write_day(facts.known_until)
    notes = [
        f"诉求工单到{until}为止，取自快照{facts.scope.snapshot}；议题、承诺、组织等是发布时的情况。"
    ]
    quarantine = facts.read("quarantine")
    if len(quarantine):
        source = facts.scope.table("quarantine")
        told = book.cite(
            "data.quarantined", "未入库的行", len(quarantine), "条",
            "用不了、留着待改的行，不在任何总数里", f"SELECT count(*) FROM {source}",
            f"SELECT file, sheet, row FROM {source} ORDER BY file, sheet, row",
        )  # fmt: skip
        notes.append(f"有{told}条没有入库，改好再放一次就计入。")
    notes += list(_tell_missing(facts, book))
    notes.append("“判断”一栏按95%的把握，偶然的起伏算没有实质变化；回答太少的题目不公布。")
    return notes


def _tell_missing(facts: Facts, book: Book) -> Iterator[str]:
    """Compounds of which something is not known."""
    table = (
        facts.compounds.loc[[facts.scope.compound_id]] if facts.is_of_compound else facts.compounds
    )
    lacks = {
        "boundary": (
            ~is_yes(table["has_boundary"]),
            "NOT coalesce(has_boundary, false)",
            "没有边界，地图上只有点或没有位置",
        ),
        "households": (table["households"].isna(), "households IS NULL", "户数未知，不算比率"),
    }
    for name, (which, where, told) in lacks.items():
        count = int(which.sum())
        if facts.is_of_compound and count:
            yield f"本小区{told}。"
        elif count:
            cited = book.count_shown(
                f"data.no_{name}", f"小区{told}", count, "个", told, "out_compounds", [where]
            )
            yield f"{cited}个小区{told}。"


def write_annex(book: Book) -> Iterator[Block]:
    """Every figure of the paper, numbered as it is marked, with what it counts and of which data."""
    yield Heading("附件：数字的来历", 0)
    rows = [
        [
            str(number),
            plain(figure.label),
            f"{figure.text}{figure.unit}",
            plain(figure.definition),
            figure.figure_id,
        ]
        for number, figure in enumerate(book.figures.values(), start=1)
    ]
    yield Grid("", ["号", "名称", "数值", "怎么算的", "编码"], rows, (2, 7, 4, 10, 9), is_fine=True)
    yield Note(
        "正文数字右上角方括号里的号对应本表。背后的每一行（文件、工作表、行号）在 trace.xlsx 里，"
        "也可以用 shequ brief --explain 编码 查看。"
    )


def number_figures(figures: dict[str, Figure]) -> dict[str, int]:
    """The number by which each figure is marked in the text."""
    return {figure_id: number for number, figure_id in enumerate(figures, start=1)}


def list_changes(before: Sequence[tuple[str, str, str]], figures: dict[str, Figure]) -> list[str]:
    """What a new issue says otherwise than one before, figure by figure.

    `before` holds id, label and printed text of each figure of the former issue.
    """
    former = {figure_id: (label, text) for figure_id, label, text in before}
    lines = []
    for figure_id, figure in figures.items():
        if figure_id not in former:
            lines.append(f"新增“{figure.label}”：{figure.text}{figure.unit}")
        elif former[figure_id][1] != figure.text:
            lines.append(
                f"“{figure.label}”由{former[figure_id][1]}{figure.unit}改为{figure.text}{figure.unit}"
            )
    lines += [f"不再列“{label}”（原为{text}）" for figure_id, (label, text) in former.items()
              if figure_id not in figures]  # fmt: skip
    return lines


def add_correction(briefing: Briefing, former: str, changes: Sequence[str]) -> Briefing:
    """The briefing with what changed since a former issue said in front."""
    if not changes:
        return briefing
    lines = list(changes[:20])
    if len(changes) > 20:
        lines.append(f"另有{len(changes) - 20}处，见 trace.xlsx")
    told: list[Block] = [
        Heading("更正说明"),
        Paragraph(f"本期更正{former}，以本期为准。"),
        Items([f"{line}。" for line in lines]),
    ]
    content = replace(briefing.content, blocks=(*told, *briefing.content.blocks))
    return replace(briefing, content=content)


def read_words(content: Content) -> str:
    """All that a paper says, as plain text; what its fingerprint is taken of."""
    texts = [content.title, *read_blocks(content.blocks), *read_blocks(content.annex)]
    return "\n".join(read_text(text) for text in texts)

"""What a briefing says of complaints: counts with 环比 and 同比, categories, compounds, hotspots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from etl.briefing.book import Book
from etl.briefing.facts import (
    NOT_OVER,
    UNPLACED,
    VERDICTS,
    Facts,
    count_at,
    is_yes,
    pick,
    real,
    rows_in,
    tell_change,
    whole,
    write_day,
    write_month,
)
from etl.briefing.model import Block, Grid, Heading, Items, Note, Paragraph, plain
from etl.briefing.sources import list_expected
from etl.ddl import literal
from etl.lists import read_list

NAMED = 3
COMPARED = {"now": 0, "before": 1, "year": 12}
WHEN = {"now": "本月", "before": "上月", "year": "去年同月"}
METHODS = {
    "funnel": "明显高于其他小区",
    "own_past": "近三个月高于自身以往",
    "scan": "小区里突出的几栋楼",
    "emerging": "近三个月新增",
    "scan_compounds": "成片偏高的小区",
    "local": "自己和周边都偏高",
}
# Figures of complaints that a month keeps, with the definition that the annex prints.
COUNTED = {
    "complaint_count": ("受理诉求", "受理时间在这个月的诉求工单，含没有定位到小区的"),
    "repeat_count": ("重复反映", "同一楼栋或门牌、同一类别在设定天数内再次反映，或表里写明重复"),
    "reopened_count": ("办结后再反映", "重复反映中，前一件已办结的"),
}


def cite_month(
    facts: Facts, book: Book, figure_id: str, label: str, value: int | None, back: int, *more: str
) -> str:
    """The complaints of the month, or of one before, as the sheets list them."""
    when = write_month(facts.scope.back(back))
    return book.count_core(
        figure_id, f"{label}（{when}）", value, "件", COUNTED["complaint_count"][1],
        "complaints", facts.scope.within("reported_at", back), *more,
    )  # fmt: skip


def cite_change(
    book: Book, figure_id: str, label: str, now: int, before: int | None, back: int = 1
) -> str:
    """By how many per cent a count differs from one before, as a signed number."""
    change = tell_change(now, before)
    if change is None or before is None:
        return "—"
    sql = f"SELECT 100.0 * ({now} - {before}) / {before}"
    text = "（现在的件数 − 以前的件数）÷ 以前的件数，不折算天数"
    both = " OR ".join(f"({book.scope.within('reported_at', months)})" for months in (0, back))
    rows = book.rows_of("complaints", f"({both})")
    cited = book.cite(figure_id, label, change, "%", text, sql, rows)
    return f"{'+' if change > 0 else ''}{cited}%"


def write_key_figures(facts: Facts, book: Book) -> Iterator[Block]:
    """Key figures of the month, and how what came in is dealt with."""
    yield write_month_figures(facts, book)
    yield Paragraph(_tell_handling(facts, book))


def write_month_figures(facts: Facts, book: Book) -> Grid:
    """The table of key figures: this month, the month before, the year before, and what is real."""
    rows = []
    for column, (label, definition) in COUNTED.items():
        counts = facts.spread(column=column)
        month, year = (facts.compare(counts, back).iloc[0] for back in (1, 12))
        values = {"now": whole(month["now"]), "before": whole(month["before"]),
                  "year": whole(year["before"])}  # fmt: skip
        rows.append([label, *_cite_counts(facts, book, column, label, definition, values),
                     str(month["verdict"]), str(year["verdict"])])  # fmt: skip
    heads = ["指标", "本月", "上月", "变化", "去年同月", "比上月", "比去年同月"]
    return Grid("主要指标（件）", heads, rows, (5, 3, 3, 4, 4, 6, 6))


def _cite_counts(
    facts: Facts, book: Book, column: str, label: str, definition: str,
    values: dict[str, int | None],
) -> list[str]:  # fmt: skip
    told = {}
    for when, back in COMPARED.items():
        if values[when] is None:
            told[when] = "—"
        elif column == "complaint_count":
            told[when] = cite_month(facts, book, f"complaints.{when}", label, values[when], back)
        else:
            told[when] = book.cell(
                f"{column}.{when}", f"{label}（{write_month(facts.scope.back(back))}）", values[when],
                "件", definition, f"sum({column})", "out_months",
                facts.scope.own(f"month = DATE '{facts.scope.back(back)}'"),
                book.rows_of("complaints", facts.scope.within("reported_at", back)),
            )  # fmt: skip
    change = cite_change(
        book, f"{column}.change", f"{label}比上月", values["now"] or 0, values["before"]
    )
    return [told["now"], told["before"], change, told["year"]]


def _tell_handling(facts: Facts, book: Book) -> str:
    """How the month's complaints, and those of the window, are dealt with by the newest day."""
    month = facts.months[facts.months["month"] == pd.Timestamp(facts.scope.month)]
    where = facts.scope.own(f"month = DATE '{facts.scope.month}'")
    rows = book.rows_of("complaints", facts.scope.within("reported_at"))
    until = write_day(facts.known_until)
    told = {
        column: book.cell(
            f"{column}.now", label, int(month[column].sum()), "件", f"本月受理的当中，{label}",
            f"coalesce(sum({column}), 0)", "out_months", where, rows,
        )
        for column, label in (
            ("closed_count", f"到 {until} 已办结"),
            ("overdue_count", "办结晚于时限，或已过时限还没办结"),
        )
    }  # fmt: skip
    line = f"本月受理的，到{until}已办结{told['closed_count']}件，超过时限的{told['overdue_count']}件。"
    return line + _tell_window(facts, book)


def _tell_window(facts: Facts, book: Book) -> str:
    """Rate, backlog and time to close over the window that rates are reckoned over."""
    if facts.is_of_compound:
        row, shown, where = facts.own, "out_compounds", facts.scope.own()
        window, late = "window_count", "window_late_count"
    else:
        handling = facts.read("out_handling")
        found = handling[handling["scope"] == "all"]
        if found.empty:
            return ""
        row, shown, where = found.iloc[0], "out_handling", "scope = 'all'"
        window, late = "complaint_count", "late_count"
    register = facts.own if facts.is_of_compound else facts.compounds.iloc[0]
    if pd.isna(register["window_from"]):
        return ""
    first, last = (pd.Timestamp(register[name]) for name in ("window_from", "window_to"))
    inside = f"reported_at >= DATE '{first:%Y-%m-%d}' AND reported_at <= TIMESTAMP '{last:%Y-%m-%d} 23:59:59'"
    rows = book.rows_of("complaints", inside)
    parts = [f"{first:%Y-%m}至{last:%Y-%m}"]

    def cell(figure_id: str, label: str, column: str, unit: str, definition: str) -> str:
        number = row[column]
        value = whole(number) if column.endswith("count") else real(number)
        digits = 0 if unit == "工作日" else 1
        return book.cell(
            figure_id, label, value, unit, definition, column, shown, where, rows, digits
        )

    parts.append(f"受理{cell('window.count', '统计期受理', window, '件', '统计期内受理的工单')}件")
    if pd.notna(row["rate"]):
        text = "统计期内定位到小区的件数 ÷ 户数 × 1000"
        rate = cell("window.rate", "每千户诉求", "rate", "件/千户", text)
        low = cell("window.rate_low", "每千户诉求下限", "rate_low", "件/千户", "95% 精确泊松区间")
        high = cell(
            "window.rate_high", "每千户诉求上限", "rate_high", "件/千户", "95% 精确泊松区间"
        )
        parts.append(f"每千户{rate}件（95%区间{low}至{high}）")
    if pd.notna(row["open_count"]):
        text = "到数据日没有办结的"
        told = cell("window.open", "未办结", "open_count", "件", text)
        over = cell("window.overdue", "超期未办结", "overdue_count", "件", f"{text}，且已过时限")
        parts.append(f"未办结{told}件，其中超期{over}件")
    if pd.notna(row["late_pct"]):
        text = "超期件数 ÷ 已办结和已到期的件数"
        share = cell("window.late_pct", "超期率", "late_pct", "%", text)
        told = cell("window.late", "超期件数", late, "件", "办结晚于时限，或已过时限未办结")
        parts.append(f"超期{told}件，占已办结和已到期的{share}%")
    if pd.notna(row["closing_days"]):
        text = "一半的工单在这么多个工作日内办结，未办结的也算在内"
        days = cell("window.closing_days", "办结用时", "closing_days", "工作日", text)
        parts.append(f"一半在{days}个工作日内办结")
    return "，".join(parts) + "。"


def write_categories(facts: Facts, book: Book) -> Iterator[Block]:
    """Complaints by category, the most numerous first."""
    everything = facts.spread("category")
    last = everything.iloc[:, -1] if everything.shape[1] else pd.Series(dtype="int64")
    numbers = {str(name): int(count) for name, count in last[last > 0].items()}
    if not numbers:
        yield Paragraph("本月没有诉求。")
        return
    month, year = facts.compare(everything, 1), facts.compare(everything, 12)
    rows = []
    for name in sorted(numbers, key=lambda n: (-numbers[n], n)):
        own = f"category = {literal(name)}"
        values = {"now": pick(month, name, "now"), "before": pick(month, name, "before"),
                  "year": pick(year, name, "before")}  # fmt: skip
        told = [
            "—" if pd.isna(value)
            else cite_month(facts, book, f"category.{name}.{when}", name, int(value),
                            COMPARED[when], own)
            for when, value in values.items()
        ]  # fmt: skip
        rows.append([plain(name), *told, str(month.at[name, "verdict"])])
    heads = ["类别", "本月（件）", "上月（件）", "去年同月（件）", "比上月的判断"]
    yield Grid("诉求类别", heads, rows, (5, 3, 3, 4, 6))


def write_moved(facts: Facts, book: Book) -> Iterator[Block]:
    """The compounds whose complaints really rose or fell, with the category that moved most."""
    counts = facts.spread("compound_id")
    if counts.empty or counts.shape[1] < 2:
        yield Paragraph("还没有可比的月份。")
        return
    if not facts.is_over:
        yield Paragraph(f"{NOT_OVER}。")
        return
    table = facts.compare(counts, 1)
    lines = []
    for verdict, word in (("up", "增加"), ("down", "减少")):
        moved = table[table["verdict"] == VERDICTS[verdict]]
        steps = (moved["now"] - moved["before"]).abs().sort_values(ascending=False, kind="stable")
        lines += [_tell_moved(facts, book, str(at), table, word) for at in steps.index[:NAMED]]
    if lines:
        yield Items(lines)
    else:
        yield Paragraph("和上月相比，没有哪个小区的变化大过件数本来的起伏。")
        yield from _write_largest(facts, book, table)


def _tell_moved(facts: Facts, book: Book, at: str, table: pd.DataFrame, word: str) -> str:
    own = f"compound_id = {literal(at)}"
    place = facts.place(at)
    now, before = count_at(table, at, "now"), count_at(table, at, "before")
    told = [
        cite_month(facts, book, f"compound.{at}.{when}", place, value, COMPARED[when], own)
        for when, value in (("now", now), ("before", before))
    ]
    line = f"{place}{word}：本月{told[0]}件，上月{told[1]}件"
    months = facts.months[facts.months["compound_id"] == at]
    by = months.pivot_table(
        index="category", columns="month", values="complaint_count", aggfunc="sum"
    )
    span = [pd.Timestamp(facts.scope.back(back)) for back in (1, 0)]
    by = by.reindex(columns=span).fillna(0).astype("int64")
    steps = by[span[1]] - by[span[0]]
    if not len(steps):
        return f"{line}。"
    name = str(steps.idxmax() if word == "增加" else steps.idxmin())
    parts = [
        cite_month(facts, book, f"compound.{at}.{name}.{when}", f"{place}{name}",
                   count_at(by, name, span[1 - back]), back, own, f"category = {literal(name)}")
        for when, back in (("before", 1), ("now", 0))
    ]  # fmt: skip
    return f"{line}，主要是{plain(name)}（{parts[0]}件到{parts[1]}件）。"


def _write_largest(facts: Facts, book: Book, table: pd.DataFrame) -> Iterator[Block]:
    """The compounds with the most complaints of the month."""
    top = table[table["now"] > 0].sort_values("now", ascending=False, kind="stable").head(NAMED)
    told = [
        f"{facts.place(at)}{_cite_place(facts, book, str(at), count_at(table, at, 'now'))}件"
        for at in top.index
    ]
    if told:
        yield Paragraph(f"本月件数多的：{'、'.join(told)}。")


def _cite_place(facts: Facts, book: Book, at: str, count: int) -> str:
    own = f"compound_id = {literal(at)}"
    return cite_month(facts, book, f"compound.{at}.now", facts.place(at), count, 0, own)


def write_hotspots(facts: Facts, book: Book) -> Iterator[Block]:
    """What stands out on the map by the newest data, each with how it was found."""
    found = facts.table("out_hotspots")
    if found.empty:
        yield Paragraph("没有超出偶然的热点。")
        return
    if facts.newest_month is not None and facts.scope.month < facts.newest_month:
        yield Note(f"热点按最新的数据（到{write_day(facts.known_until)}）找出，不是这个月的。")
    lines = []
    for row in rows_in(found):
        at = f"hotspot_id = {literal(str(row.hotspot_id))}"
        head = f"hotspot.{row.hotspot_id}"
        rows = _hotspot_rows(facts, book, row)
        told = book.cell(
            f"{head}.observed", f"{plain(row.name)}实有", whole(row.observed), "件",
            "这一处在这段时间里的件数", "observed", "out_hotspots", at, rows,
        )  # fmt: skip
        usual = book.cell(
            f"{head}.expected", f"{plain(row.name)}应有", real(row.expected), "件",
            "与别处一样时会有的件数", "expected", "out_hotspots", at, list_expected(facts, row),
        )  # fmt: skip
        first, last = (f"{pd.Timestamp(day):%Y-%m}" for day in (row.period_from, row.period_to))
        span = first if first == last else f"{first}至{last}"
        where = _tell_where(facts, row)
        lines.append(f"{where}（{METHODS.get(row.method, row.method)}）：{span}有{told}件，"
                     f"按通常应有{usual}件。")  # fmt: skip
    yield Items(lines)


def _tell_where(facts: Facts, row: Any) -> str:
    """A place by name; a long list of buildings by its first ones."""
    names = (
        [each for each in plain(row.name).split("、") if each] if isinstance(row.name, str) else []
    )
    if not names:
        return "不在任何小区里的一处"
    if len(names) <= NAMED:
        return "、".join(names)
    shown = f"{'、'.join(names[:NAMED])}等{len(names)}处"
    return (
        f"{facts.place(row.compound_id)}（{shown}）" if isinstance(row.compound_id, str) else shown
    )


def _hotspot_rows(facts: Facts, book: Book, row: Any) -> str:
    if not isinstance(row.compound_id, str):
        return ""
    first, last = (f"{pd.Timestamp(day):%Y-%m-%d}" for day in (row.period_from, row.period_to))
    inside = f"reported_at >= DATE '{first}' AND reported_at <= TIMESTAMP '{last} 23:59:59'"
    conditions = [inside, f"compound_id = {literal(row.compound_id)}"]
    members = [str(each) for each in read_list(row.members)]
    if row.method in ("scan", "emerging"):
        numbers = ", ".join(literal(each) for each in members)
        buildings = facts.scope.table("core_buildings")
        conditions.append(
            f"building_no IN (SELECT building_no FROM {buildings} WHERE building_id IN ({numbers}))"
        )
    return book.rows_of("complaints", *conditions)


def write_unplaced(facts: Facts, book: Book) -> Iterator[Block]:
    """Complaints of the month that belong to no compound."""
    if facts.is_of_compound:
        return
    months = facts.months
    is_unplaced = (months["month"] == pd.Timestamp(facts.scope.month)) & months[
        "compound_id"
    ].isna()
    count = int(months.loc[is_unplaced, "complaint_count"].sum())
    if count:
        told = cite_month(
            facts, book, "complaints.unplaced", UNPLACED, count, 0, "compound_id IS NULL"
        )
        yield Note(f"本月有{told}件没有定位到小区，只计入全社区的总数。")


def has_flag(facts: Facts, name: str) -> bool:
    """Whether the compound's own row carries a flag."""
    return bool(is_yes(pd.Series([facts.own[name]])).iloc[0])


def write_headings(title: str, blocks: Iterator[Block]) -> Iterator[Block]:
    """A section: its heading, and what stands under it."""
    yield Heading(title)
    yield from blocks

"""What a label on a form asks for: 停车类投诉, 老旧小区数, 2025年3月 taken apart into meanings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import product

from etl.cells import fold
from etl.forms.known import (
    BY_NAME,
    FACET_LABELS,
    FIGURES,
    OPEN,
    SOURCES,
    TEXT_OF,
    Knowledge,
    UnknownError,
)
from etl.table import Value
from etl.tables.complaints import STATUSES
from etl.tables.governance import MATTER_STATUSES, MEETING_KINDS, NEED_STATUSES, PROMISE_STATES
from etl.tables.organizations import ACTIVITY_KINDS, KINDS
from etl.tables.places import GROUPS, TYPES

LONGEST = 40
MOST_TILINGS = 300
_FACET, _FIGURE, _FILL, _COUNTED, _COMPARE, _PERIOD = range(6)
_BRACKET = re.compile(r"[(\[【]([^()\[\]【】]*)[)\]】]")
_NUMBERING = re.compile(r"^(?:\(?[一二三四五六七八九十\d]{1,2}[)、.．]|[①-⑳])")
_CONTRACT_UNITS: Mapping[str, Mapping[str, float]] = {
    "户": {"户": 1, "万户": 10_000},
    "人": {"人": 1, "名": 1, "万人": 10_000},
    "人次": {"人次": 1, "人": 1, "万人次": 10_000},
    "个": {"个": 1, "家": 1, "支": 1, "处": 1},
    "件": {"件": 1, "条": 1, "起": 1, "个": 1, "宗": 1},
    "条": {"条": 1, "件": 1, "项": 1, "个": 1},
    "次": {"次": 1, "场": 1, "场次": 1},
    "栋": {"栋": 1, "幢": 1, "座": 1, "个": 1},
    "年": {"年": 1},
    "米": {"米": 1, "m": 1, "公里": 1000},
    "元/平方米·月": {"元/平方米·月": 1, "元/平方米": 1, "元/㎡·月": 1, "元/m2·月": 1, "元": 1},
    "平方米": {"平方米": 1, "㎡": 1, "m2": 1, "平米": 1, "公顷": 10_000, "亩": 2000 / 3,
            "万平方米": 10_000, "平方公里": 1_000_000, "万㎡": 10_000},
    "%": {"%": 1},
    "件/千户": {"件/千户": 1, "件": 1},
    "人/户": {"人/户": 1, "人": 1},
}  # fmt: skip
UNITS = {
    unit: {fold(written): size for written, size in known.items()}
    for unit, known in _CONTRACT_UNITS.items()
}
_ALL_UNITS = frozenset(written for known in UNITS.values() for written in known)
_NEUTRAL = frozenset(
    {"必填", "选填", "可填", "盖章", "公章", "填数字", "阿拉伯数字", "全称", "院落", "小区"}
)
TOTALS = frozenset(
    {"合计", "总计", "共计", "总数", "全社区", "社区合计", "全社区合计", "小计", "数值", "数量", "数",
     "填报数", "数据", "本社区", "全部", "统计数", "值", "填写", "填报内容", "结果", "情况"}
)  # fmt: skip
# Headers of the columns in which labels stand, and of groups that add nothing to what is below.
_NEUTRAL_LABELS = frozenset(
    {"", "指标", "项目", "内容", "类别", "名称", "统计项目", "指标名称", "统计指标", "事项", "类型", "人口",
     "户数人口", "月份", "时间", "小区类型", "诉求类别", "投诉类别", "投诉类型"}
)  # fmt: skip
_NOUNS = r"(?:小区|院落|社区|居民|人口|房屋|住宅|楼栋|组织|物业|投诉|诉求|工单|户数|党建|自治|[和与及、])"
_NEUTRAL_GROUP = re.compile(
    rf"{_NOUNS}*(?:(?:基本|建设|管理|服务|治理|工作|办理|统计)*(?:情况|信息|概况|数据|指标|建设|管理|统计))"
)
SERIAL_LABELS = frozenset({"序号", "序", "编号", "no", "no.", "行次"})
UNIT_LABELS = frozenset({"单位", "计量单位"})
_FILLERS = ("类", "的", "总", "其中", "小区", "居民", "辖区", "辖区内", "本社区", "社区", "现有", "登记",
            "涉及", "类别", "方面", ":")  # fmt: skip
_COUNTS = ("数", "数量", "总数", "个数", "件数", "次数", "场次", "总量", "量", "家数", "条数")
_COMPARES = {
    "环比": "环比",
    "环比增幅": "环比",
    "环比增长率": "环比",
    "环比变化": "环比",
    "较上月增幅": "环比",
    "同比": "同比",
    "同比增幅": "同比",
    "同比增长率": "同比",
    "同比变化": "同比",
}
_RELATIVE = {"本月": 0, "当月": 0, "本期": 0, "上月": -1, "上个月": -1, "上期": -1, "去年同月": -12,
             "上年同月": -12, "去年同期": -12, "上年同期": -12}  # fmt: skip
_TO_DATE = ("本年累计", "今年累计", "年初至今", "今年以来", "本年度累计", "本年", "今年")
_IMPLIED = {
    "kind": "organization_count",
    "status": "complaint_count",
    "promise_state": "promise_count",
    "meeting_kind": "meeting_count",
    "activity_kind": "activity_count",
}
_DIGITS = {word: k for k, word in enumerate("一二三四五六七八九十", start=1)} | {
    "十一": 11,
    "十二": 12,
}
_MONTH = r"(1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_PERIODS = (
    re.compile(rf"(?P<year>20\d\d)(?:年|[./-])(?P<from>{_MONTH})[-至~到—]+(?P<to>{_MONTH})月份?"),
    re.compile(rf"(?P<year>20\d\d)(?:年|[./-])(?P<month>{_MONTH})月份?"),
    re.compile(r"(?P<year>20\d\d)[./-](?P<month>1[0-2]|0?[1-9])(?![\d./-])"),
    re.compile(r"(?:(?P<year>20\d\d)年?)?第?(?P<quarter>[一二三四1-4])季度"),
    re.compile(r"(?:(?P<year>20\d\d)年?)?(?P<half>[上下])半年"),
    re.compile(r"(?P<year>20\d\d)年(?:度|全年)?"),
    re.compile(rf"(?P<from>{_MONTH})[-至~到—]+(?P<to>{_MONTH})月份?"),
    re.compile(rf"(?P<month>{_MONTH})月份?"),
)


@dataclass(frozen=True)
class Period:
    """A stretch of time as a form says it, perhaps without its year or only relative."""

    year: int | None = None
    months: tuple[int, ...] = ()
    shift: int | None = None
    is_to_date: bool = False

    @property
    def is_month(self) -> bool:
        """Whether it is one month of one year."""
        return self.year is not None and len(self.months) == 1


@dataclass(frozen=True)
class Meaning:
    """What a label, or several together, ask for."""

    figure: str = ""
    facets: tuple[tuple[str, frozenset[str]], ...] = ()
    period: Period | None = None
    compare: str = ""
    is_counted: bool = False
    unit: str = ""

    @property
    def is_possible(self) -> bool:
        """Whether the figure can be split as is asked."""
        if not self.figure:
            return True
        figure = BY_NAME[self.figure]
        return {facet for facet, _ in self.facets} <= SOURCES[figure.source].facets.keys()


@dataclass(frozen=True)
class _Word:
    """One known word of a label."""

    kind: int
    value: str = ""
    of: frozenset[str] = frozenset()


def merge(first: Meaning, second: Meaning) -> Meaning | None:
    """Both together; None where they contradict each other."""
    figures = {first.figure, second.figure} - {""}
    compares = {first.compare, second.compare} - {""}
    units = {first.unit, second.unit} - {""}
    facets = dict(first.facets)
    for facet, values in second.facets:
        if facets.setdefault(facet, values) != values:
            return None
    period = _merge_periods(first.period, second.period)
    if max(len(figures), len(compares), len(units)) > 1 or period == Period(year=-1):
        return None
    return Meaning(
        "".join(figures),
        tuple(sorted(facets.items())),
        period,
        "".join(compares),
        first.is_counted or second.is_counted,
        "".join(units),
    )


def _merge_periods(first: Period | None, second: Period | None) -> Period | None:
    """A year and a month make one; two that differ make an impossible one (year -1)."""
    if first is None or second is None or first == second:
        return first or second
    for whole, part in ((first, second), (second, first)):
        is_year = whole.year is not None and not whole.months and whole.shift is None
        if is_year and part.year is None and part.months:
            return replace(part, year=whole.year)
    return Period(year=-1)


def merge_all(parts: Iterable[list[Meaning]]) -> list[Meaning]:
    """Every way of reading several labels together that is free of contradiction."""
    found: list[Meaning] = []
    for chosen in product(*parts):
        merged: Meaning | None = Meaning()
        for meaning in chosen:
            merged = merge(merged, meaning) if merged else None
        if merged is not None and merged.is_possible and merged not in found:
            found.append(merged)
    return found


def add_months(month: date, shift: int) -> date:
    """The first day of the month so many months later."""
    index = month.year * 12 + month.month - 1 + shift
    return date(index // 12, index % 12 + 1, 1)


def resolve(period: Period, base: date | None, year: int | None) -> frozenset[date]:
    """The months (first days) that a period means.

    Parameters
    ----------
    base
        The month that 本月 means; `year`, the year of a month that is written without one.

    Raises
    ------
    UnknownError
        The form does not say which month or year it means.
    """
    if period.shift is not None or period.is_to_date:
        if base is None:
            raise UnknownError("没有写“本月”是哪个月，请用 --month 写明，例如 --month 2026-10")
        if period.is_to_date:
            return frozenset(date(base.year, k, 1) for k in range(1, base.month + 1))
        return frozenset({add_months(base, period.shift or 0)})
    known = period.year or year
    if known is None:
        raise UnknownError("月份没有写是哪一年，请用 --month 写明，例如 --month 2026-10")
    return frozenset(date(known, k, 1) for k in period.months or range(1, 13))


def find_period(text: str) -> Period | None:
    """The only period that a title speaks of."""
    folded = fold(text)
    for pattern in _PERIODS:
        found = [p for m in pattern.finditer(folded) if (p := _read_period(m)) is not None]
        if found:
            return found[0] if len(set(found)) == 1 else None
    return None


def is_neutral(folded: str) -> bool:
    """Whether a cleaned label only names a group, and adds nothing to what stands below it."""
    return folded in _NEUTRAL_LABELS or _NEUTRAL_GROUP.fullmatch(folded) is not None


def is_noun(folded: str) -> bool:
    """Whether a cleaned label names only what the labels below it are about."""
    return re.fullmatch(f"{_NOUNS}+", folded) is not None


def clean(text: str) -> str:
    """A label without numbering, colons, stars and space."""
    folded = _NUMBERING.sub("", fold(text)).strip("*:;,。_").removeprefix("其中:")
    return folded.removeprefix("其中") if len(folded) > 2 else folded


class Labels:
    """The words that forms use, and what they mean for one community's store."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._words: dict[str, list[_Word]] = {}
        for figure in FIGURES:
            for alias in (figure.label, *figure.aliases):
                self._add(alias, _Word(_FIGURE, figure.name))
        self._add_facets()
        for filler in _FILLERS:
            self._add(filler, _Word(_FILL))
        for count in _COUNTS:
            self._add(count, _Word(_COUNTED))
        for word, compare in _COMPARES.items():
            self._add(word, _Word(_COMPARE, compare))
        self._longest = max(map(len, self._words))

    def _add(self, word: str, meaning: _Word) -> None:
        known = self._words.setdefault(fold(word), [])
        if meaning not in known:
            known.append(meaning)

    def _add_facets(self) -> None:
        for category in self._knowledge.profile.categories:
            for word in (category.name, *category.aliases):
                self._add(word, _Word(_FACET, "category", frozenset({category.name})))
        for facet, values in (("type", TYPES), ("kind", KINDS), ("group", GROUPS)):
            for value in values:
                for word in value.spellings:
                    self._add(word, _Word(_FACET, facet, frozenset({value.code})))
        for facet, words in _chosen_words():
            for word, codes in words.items():
                self._add(word, _Word(_FACET, facet, codes))
        for key, name in self._knowledge.compound_names.items():
            if len(fold(name)) > 2:
                self._add(name, _Word(_FACET, "compound", frozenset({key})))

    def read(self, text: str) -> list[Meaning]:
        """Every meaning that a label may have, the contradictory ones left out.

        Raises
        ------
        UnknownError
            It, or what stands in its brackets, is nothing that the store knows.
        """
        folded = clean(text)
        whole = folded not in TOTALS and (self._read_compound(folded) or self._read_words(folded))
        if whole:
            return whole
        if folded in TOTALS or is_neutral(folded):
            return [Meaning()]
        main = clean(_BRACKET.sub("", folded))
        parts = [self._read_bracket(part) for part in _BRACKET.findall(folded)]
        if main not in TOTALS and not is_neutral(main):
            found = self._read_compound(main) or self._read_words(main)
            if not found:
                raise UnknownError(f"“{text.strip()}”库里没有这一项")
            parts.append(found)
        merged = merge_all(parts)
        if not merged:
            raise UnknownError(f"“{text.strip()}”里的说法互相矛盾")
        return merged

    def _read_compound(self, folded: str) -> list[Meaning]:
        found = self._knowledge.compounds.find(folded) if len(folded) > 1 else None
        return [Meaning(facets=(("compound", frozenset({found})),))] if found else []

    def _read_bracket(self, text: str) -> list[Meaning]:
        folded = fold(text).removeprefix("单位:")
        if folded in _ALL_UNITS:
            return [Meaning(unit=folded)]
        if folded in _NEUTRAL or not folded:
            return [Meaning()]
        found = self._read_words(folded)
        if not found:
            raise UnknownError(f"括号里的“{text}”不明白是什么意思")
        return found

    def _read_words(self, folded: str) -> list[Meaning]:
        """A label laid out whole with known words; of several ways the simplest ones."""
        if not 0 < len(folded) <= LONGEST:
            return []
        ranked: dict[tuple[bool, int], list[Meaning]] = {}
        for count, words in enumerate(self._tile(folded)):
            if count >= MOST_TILINGS:
                break
            meaning = _combine(words)
            if meaning is not None and meaning.is_possible:
                alike = ranked.setdefault((not meaning.figure, len(words)), [])
                alike += [meaning] if meaning not in alike else []
        best = ranked[min(ranked)] if ranked else []
        return [meaning for meaning in best if meaning != Meaning()]

    def _tile(self, rest: str) -> Iterator[list[_Word | Period]]:
        if not rest:
            yield []
            return
        for length in range(min(self._longest, len(rest)), 0, -1):
            for word in self._words.get(rest[:length], ()):
                yield from ([word, *more] for more in self._tile(rest[length:]))
        period, length = _period_at(rest)
        if period:
            yield from ([period, *more] for more in self._tile(rest[length:]))

    def find_facets(self, title: str) -> dict[str, frozenset[str]]:
        """The one type, kind of organization and compound that a title speaks of."""
        folded = fold(title)
        found: dict[str, set[frozenset[str]]] = {}
        for word in sorted(self._words, key=len, reverse=True):
            if len(word) > 1 and word in folded:
                facets = [w for w in self._words[word] if w.kind == _FACET]
                for meaning in facets:
                    found.setdefault(meaning.value, set()).add(meaning.of)
                folded = folded.replace(word, "\n") if facets else folded
        wanted = ("type", "kind", "compound")
        return {f: next(iter(v)) for f, v in found.items() if f in wanted and len(v) == 1}

    def find_figure(self, title: str) -> str:
        """The one countable thing that a title speaks of; '' where none or several."""
        folded = fold(title)
        named = [
            word.value
            for stem in ("投诉", "诉求", "工单", "需求", "议题")
            if stem in folded
            for word in self._words.get(stem, ())
            if word.kind == _FIGURE
        ]
        return named[0] if len(set(named)) == 1 else ""


def imply_figure(meaning: Meaning) -> Meaning:
    """业委会数量 asks for organizations although it does not say so."""
    if meaning.figure or not meaning.is_counted:
        return meaning
    implied = {_IMPLIED[facet] for facet, _ in meaning.facets if facet in _IMPLIED}
    return replace(meaning, figure=implied.pop()) if len(implied) == 1 else meaning


def choose(meanings: list[Meaning], label: str) -> Meaning:
    """The only meaning of a cell.

    Raises
    ------
    UnknownError
        There is none, or more than one.
    """
    complete = [m for m in map(imply_figure, meanings) if m.figure and m.is_possible]
    facets = [{facet for facet, _ in m.facets} for m in complete]
    fitting = [
        m for m, own in zip(complete, facets, strict=True)
        if not BY_NAME[m.figure].needs or BY_NAME[m.figure].needs in own
    ]  # fmt: skip
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise UnknownError(f"“{label}”没有写明要填什么数，或者库里没有这样的分法")
    told = "、".join(dict.fromkeys(_tell(meaning) for meaning in fitting))
    raise UnknownError(f"“{label}”可能是{told}，请写明")


def _tell(meaning: Meaning) -> str:
    facets = "、".join(
        f"{FACET_LABELS[facet]}为{'、'.join(sorted(TEXT_OF.get(v, v) for v in values))}"
        for facet, values in meaning.facets
    )
    label = BY_NAME[meaning.figure].label
    return f"{label}（{facets}）" if facets else label


def scale_of(unit: str, own: str) -> float:
    """By what a value in its own unit is divided where a form asks for another.

    Raises
    ------
    UnknownError
        The units are of different things.
    """
    size = UNITS.get(own, {own: 1.0}).get(unit) if unit else 1.0
    if size is None:
        raise UnknownError(f"表里的单位是“{unit}”，库里的是“{own or '无单位'}”，换算不了")
    return size


def _combine(words: list[_Word | Period]) -> Meaning | None:
    meaning: Meaning | None = Meaning()
    for word in words:
        if isinstance(word, Period):
            part = Meaning(period=word)
        elif word.kind == _FACET:
            part = Meaning(facets=((word.value, word.of),))
        elif word.kind == _FIGURE:
            part = Meaning(figure=word.value)
        elif word.kind == _COMPARE:
            part = Meaning(compare=word.value)
        else:
            part = Meaning(is_counted=word.kind == _COUNTED)
        meaning = merge(meaning, part) if meaning else None
    return meaning


def _period_at(text: str) -> tuple[Period | None, int]:
    """The period with which a text begins, and its length."""
    for word, shift in _RELATIVE.items():
        if text.startswith(word):
            return Period(shift=shift), len(word)
    for word in _TO_DATE:
        if text.startswith(word):
            return Period(is_to_date=True), len(word)
    for pattern in _PERIODS:
        match = pattern.match(text)
        if match:
            return _read_period(match), match.end()
    return None, 0


def _read_period(match: re.Match[str]) -> Period | None:
    said = {name: value for name, value in match.groupdict().items() if value}
    year = int(said["year"]) if "year" in said else None
    if "quarter" in said:
        first = _number(said["quarter"]) * 3 - 2
        return Period(year, (first, first + 1, first + 2))
    if "half" in said:
        return Period(year, tuple(range(1, 7) if said["half"] == "上" else range(7, 13)))
    if "from" in said:
        return Period(year, tuple(range(_number(said["from"]), _number(said["to"]) + 1))) or None
    if "month" in said:
        return Period(year, (_number(said["month"]),))
    return Period(year)


def _number(text: str) -> int:
    return _DIGITS.get(text) or int(text)


def _chosen_words() -> Iterator[tuple[str, dict[str, frozenset[str]]]]:
    """Words for states: only those that mean one thing wherever they stand."""
    yield (
        "state",
        {
            word: frozenset({code})
            for code, words in (
                ("正常", ("正常", "正常运行", "运行正常", "正常运转")),
                ("筹备", ("筹备", "筹备中", "组建中")),
                ("名存实亡", ("名存实亡", "停摆", "瘫痪")),
                ("已解散", ("已解散", "解散")),
            )
            for word in words
        },
    )
    known = {value.code: frozenset({value.code}) for value in STATUSES}
    yield (
        "status",
        {
            **known,
            "办结": known["已办结"],
            "在办": known["处理中"],
            "办理中": known["处理中"],
            "待处理": known["待办"],
            "未办结": OPEN,
            "未结": OPEN,
        },
    )
    for facet, values in (
        ("promise_state", PROMISE_STATES),
        ("need_status", NEED_STATUSES),
        ("matter_status", MATTER_STATUSES),
        ("meeting_kind", MEETING_KINDS),
        ("activity_kind", ACTIVITY_KINDS),
    ):
        yield facet, _codes(values)


def _codes(values: Iterable[Value]) -> dict[str, frozenset[str]]:
    return {value.code: frozenset({value.code}) for value in values if value.code != "其他"}

"""What a form may ask of the store: every figure said once, and its value with its source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import pandas as pd

from etl.cells import fold
from etl.names import Names
from etl.profile import Profile
from etl.store import Store
from etl.table import Column, Table
from etl.tables.governance import MATTER_STATUSES, MEETING_KINDS, NEED_STATUSES, PROMISE_STATES
from etl.tables.organizations import ACTIVITY_KINDS, KINDS, NOBODY
from etl.tables.places import GROUPS, TYPES

Facets = Mapping[str, frozenset[str]]
Value = str | int | float | date | datetime

NAMED = 6
_WITH_TYPE = (
    "SELECT t.*, c.type AS type FROM core_{} t LEFT JOIN core_compounds c USING (compound_id)"
)
OPEN = frozenset({"待办", "处理中"})
# A row may also say that a compound has nobody.
_IN_OFFICE = f"coalesce(is_active, true) AND role NOT IN {NOBODY}"
# An organization that is being founded or was dissolved is none of those that there are.
FOUNDED = (("state", frozenset({"正常", "名存实亡"})),)


class UnknownError(Exception):
    """The store cannot answer; the message says why, for the list of what stayed empty."""


@dataclass(frozen=True)
class Source:
    """Rows that figures are summed over.

    Parameters
    ----------
    table
        The table of the contract from which the rows come.
    rows
        A SELECT that gives them, with `compound_id`, `type`, `file` and `sheet`.
    facets
        Name of a facet to the SQL that gives it: by these a figure can be split.
    moment
        The SQL of the date of a row; '' where a figure has no time.
    needs_each_month
        A month without any row is one whose sheet was not loaded, not one in which nothing was.
    """

    table: str
    rows: str
    facets: Mapping[str, str]
    moment: str = ""
    needs_each_month: bool = False


@dataclass(frozen=True)
class Figure:
    """One figure: what forms call it, what it means, and how it is summed.

    Parameters
    ----------
    amount, where, unsure
        SQL: what each row adds, which rows count, and for which rows it is not known.
    defaults
        Facets that hold where the form names none of them.
    over, scale
        The figure by which this one is divided, and what the quotient is multiplied by.
    is_flag
        Asked as yes or no, of one compound.
    needs
        The facet without which it is not asked for.
    """

    name: str
    label: str
    aliases: tuple[str, ...]
    definition: str
    unit: str
    source: str
    amount: str = "1"
    where: str = "true"
    unsure: str = "false"
    defaults: tuple[tuple[str, frozenset[str]], ...] = ()
    over: str = ""
    scale: float = 1.0
    is_flag: bool = False
    needs: str = ""

    @property
    def is_count(self) -> bool:
        """Whether rows are counted: no row then means none, not unknown."""
        return self.amount == "1"


@dataclass(frozen=True)
class Known:
    """A value and the sentences by which it can be defended."""

    value: Value
    source: str


_PLACE = {"compound": "compound_id", "type": "type"}
SOURCES: dict[str, Source] = {
    "compounds": Source("compounds", "SELECT * FROM core_compounds", _PLACE),
    "population": Source(
        "population_groups",
        _WITH_TYPE.format("population_groups"),
        {**_PLACE, "group": "resident_group"},
    ),
    "complaints": Source(
        "complaints",
        _WITH_TYPE.format("complaints"),
        {
            **_PLACE,
            "category": "category",
            "status": "CASE WHEN closed_at IS NOT NULL AND coalesce(status, '') <> '无法办理' "
            "THEN '已办结' ELSE coalesce(status, '待办') END",
        },
        "reported_at",
        needs_each_month=True,
    ),
    "months": Source(
        "complaints",
        "SELECT m.*, c.type AS type, NULL AS file, NULL AS sheet FROM out_months m "
        "LEFT JOIN core_compounds c USING (compound_id)",
        {**_PLACE, "category": "category"},
        "month",
        needs_each_month=True,
    ),
    "organizations": Source(
        "organizations",
        _WITH_TYPE.format("organizations"),
        {**_PLACE, "kind": "kind", "state": "state"},
    ),
    "coverage": Source(
        "coverage",
        "SELECT o.*, c.type AS type, NULL AS file, NULL AS sheet FROM out_coverage o "
        "LEFT JOIN core_compounds c USING (compound_id)",
        {**_PLACE, "kind": "kind"},
    ),
    "core_residents": Source("core_residents", _WITH_TYPE.format("core_residents"), _PLACE),
    "activities": Source(
        "activities",
        _WITH_TYPE.format("activities"),
        {**_PLACE, "activity_kind": "kind"},
        "held_on",
    ),
    "meetings": Source(
        "meetings",
        f"SELECT DISTINCT ON (meeting_id) * FROM ({_WITH_TYPE.format('meetings')}) "
        "ORDER BY meeting_id, item_no",
        {**_PLACE, "meeting_kind": "kind"},
        "held_on",
    ),
    "promises": Source(
        "meetings",
        f"SELECT * FROM ({_WITH_TYPE.format('meetings')}) WHERE promise IS NOT NULL",
        {**_PLACE, "meeting_kind": "kind", "promise_state": "promise_state"},
        "held_on",
    ),
    "needs": Source(
        "needs",
        _WITH_TYPE.format("needs"),
        {**_PLACE, "category": "category", "need_status": "coalesce(status, '待回应')"},
        "raised_on",
    ),
    "matters": Source(
        "matters",
        _WITH_TYPE.format("matters"),
        {**_PLACE, "category": "category", "matter_status": "status"},
        "raised_on",
    ),
    "interventions": Source(
        "interventions", _WITH_TYPE.format("interventions"), _PLACE, "starts_on"
    ),
}


def _sum_of(column: str, label: str, aliases: Sequence[str], unit: str, source: str, of: str,
            name: str = "") -> Figure:  # fmt: skip
    """A figure that adds up one column."""
    words = f"{of}登记的{label}之和"
    return Figure(
        name or column, label, tuple(aliases), words, unit, source, column,
        unsure=f"{column} IS NULL",
    )  # fmt: skip


def _count_of(name: str, label: str, aliases: Sequence[str], definition: str, unit: str,
              source: str, **more: Any) -> Figure:  # fmt: skip
    """A figure that counts rows."""
    return Figure(name, label, tuple(aliases), definition, unit, source, **more)


FIGURES: tuple[Figure, ...] = (
    _count_of("compound_count", "小区数", ("小区数", "小区总数", "小区数量", "小区个数", "院落数",
        "院落总数", "院落数量", "住宅小区数", "物业小区数"), "小区台账里登记的小区数", "个", "compounds"),
    _sum_of("household_count", "总户数", ("户数", "居民户数", "住户数", "家庭户数"), "户",
        "compounds", "小区台账"),
    _sum_of("resident_count", "常住人口", ("总人数", "居民人数", "人口数", "人数", "人口", "总人口",
        "常住人口数", "居民总数"), "人", "compounds", "小区台账"),
    _sum_of("rented_household_count", "出租户数", ("租户数", "出租房屋户数"), "户", "compounds",
        "小区台账"),
    _sum_of("elderly_count", "60岁以上人数", ("老年人数", "60岁以上老人", "60岁以上老年人",
        "60岁以上人口", "老年人口", "60岁及以上人数"), "人", "compounds", "小区台账"),
    _sum_of("building_count", "楼栋数", ("栋数", "楼栋总数", "楼栋数量"), "栋", "compounds",
        "小区台账"),
    _sum_of("parking_space_count", "车位数", ("停车位", "停车位数", "车位总数", "停车位数量"), "个",
        "compounds", "小区台账"),
    _sum_of("land_area_m2", "占地面积", ("用地面积",), "平方米", "compounds", "小区台账"),
    _sum_of("floor_area_m2", "建筑面积", ("总建筑面积",), "平方米", "compounds", "小区台账"),
    Figure("group_household_count", "户数（按居民类别）", ("户数", "总户数", "居民户数"),
        "人口构成表里该类居民的户数之和", "户", "population", "household_count",
        unsure="household_count IS NULL", needs="group"),
    Figure("group_resident_count", "人数（按居民类别）", ("人数", "人口", "人口数", "常住人口"),
        "人口构成表里该类居民的人数之和", "人", "population", "resident_count",
        unsure="resident_count IS NULL", needs="group"),
    _count_of("complaint_count", "投诉总数", ("投诉", "投诉数", "投诉量", "投诉件数", "投诉数量",
        "诉求", "诉求数", "诉求总数", "诉求量", "诉求件数", "工单", "工单数", "工单总数", "工单量",
        "受理数", "受理量", "受理件数", "受理总数", "投诉受理数"),
        "投诉工单的件数，按受理时间计月", "件", "complaints"),
    Figure("overdue_count", "超期投诉数", ("超期数", "超期件数", "逾期数", "逾期件数", "超期投诉",
        "超期工单数"), "办结晚于时限、或到数据日未办结且已过时限的工单件数，按受理时间计月", "件",
        "months", "overdue_count"),
    _count_of("satisfied_count", "满意件数", ("满意数",), "回访满意度为满意或基本满意的工单件数",
        "件", "complaints", where="satisfaction IN ('满意', '基本满意')"),
    _count_of("visited_count", "回访件数", ("回访数", "已回访数"),
        "回访后有满意度（满意、基本满意、不满意）的工单件数", "件", "complaints",
        where="satisfaction IN ('满意', '基本满意', '不满意')"),
    _count_of("satisfied_pct", "满意率", ("回访满意率", "群众满意率"),
        "满意与基本满意的件数占已回访（满意、基本满意、不满意）件数的百分比", "%", "complaints",
        where="satisfaction IN ('满意', '基本满意')", over="visited_count", scale=100.0),
    _count_of("closed_pct", "办结率", ("投诉办结率", "工单办结率"),
        "已办结（填有办结时间或状态为已办结，不含无法办理）的件数占受理件数的百分比", "%",
        "complaints", defaults=(("status", frozenset({"已办结"})),), over="complaint_count",
        scale=100.0),
    _count_of("complaints_per_1000h", "每千户投诉", ("千户投诉量", "每千户投诉量", "每千户投诉数"),
        "所说时段内的投诉件数除以总户数乘以 1,000，未平滑", "件/千户", "complaints",
        over="household_count", scale=1000.0),
    Figure("residents_per_household", "户均人口", ("户均人数",), "常住人口除以总户数", "人/户",
        "compounds", "resident_count", unsure="resident_count IS NULL", over="household_count"),
    Figure("elderly_pct", "60岁以上人口占比", ("老年人口占比", "老龄化率", "60岁以上占比"),
        "60岁以上人数占常住人口的百分比", "%", "compounds", "elderly_count",
        unsure="elderly_count IS NULL", over="resident_count", scale=100.0),
    _count_of("organization_count", "组织数", ("组织总数", "组织数量", "社区组织数"),
        "组织台账里运行状态为正常或名存实亡的组织数（筹备、已解散的不计）", "个", "organizations",
        defaults=FOUNDED),
    _sum_of("member_count", "组织成员人数", ("成员人数", "成员数", "人数"), "人", "organizations",
        "组织台账"),
    Figure("covered_compounds", "覆盖小区数", ("覆盖的小区数", "覆盖小区", "覆盖院落数"),
        "组织覆盖判定为正常的小区数", "个", "coverage", "(state = '正常')::INT", needs="kind"),
    Figure("has_organization", "有无组织", ("有无", "是否有", "是否成立", "是否建立", "是否有无"),
        "组织覆盖判定：正常、名存实亡为“有”，无、已解散、不适用为“无”", "", "coverage",
        "(state IN ('正常', '名存实亡'))::INT", unsure="state IN ('未知', '筹备')", is_flag=True, needs="kind"),
    _count_of("core_resident_count", "居民骨干人数", ("居民骨干", "居民骨干数", "骨干人数", "骨干数"),
        "居民骨干名单里在任的人数", "人", "core_residents", where=_IN_OFFICE),
    _count_of("party_core_count", "党员骨干人数", ("党员骨干", "党员骨干数"),
        "居民骨干名单里在任的党员人数", "人", "core_residents",
        where=f"{_IN_OFFICE} AND is_party_member"),
    _count_of("activity_count", "活动次数", ("活动数", "活动场次", "开展活动次数", "活动场数",
        "开展活动数"), "活动记录的条数，按活动日期计月", "次", "activities"),
    _sum_of("participant_count", "活动参与人次", ("参与人数", "参与人次", "参加人数", "人数",
        "活动参与人数"), "人次", "activities", "活动记录"),
    _count_of("meeting_count", "会议次数", ("会议数", "召开会议次数", "议事会次数", "会议场次"),
        "会议纪要里不同会议编号的个数，按会议日期计月", "次", "meetings"),
    _count_of("promise_count", "承诺事项数", ("承诺数", "承诺事项", "会议承诺数"),
        "会议纪要里写明的承诺事项条数，按会议日期计月", "条", "promises"),
    _count_of("need_count", "需求数", ("需求", "需求总数", "居民需求数", "需求条数", "居民需求"),
        "需求清单的条数，按提出时间计月", "条", "needs"),
    _count_of("matter_count", "议题数", ("议题", "议题总数", "议题数量"),
        "议题台账的条数，按提出时间计月", "条", "matters"),
    _count_of("intervention_count", "行动数", ("行动计划数", "行动总数"),
        "行动计划的条数，按开始日期计月", "条", "interventions"),
)  # fmt: skip
BY_NAME = {figure.name: figure for figure in FIGURES}
_FACET_VALUES = (
    (*KINDS, *TYPES, *GROUPS, *ACTIVITY_KINDS, *MEETING_KINDS),
    (*PROMISE_STATES, *NEED_STATUSES, *MATTER_STATUSES),
)
TEXT_OF = {value.code: value.text for values in _FACET_VALUES for value in values}


class Knowledge:
    """Figures and single facts out of one published state of the store."""

    def __init__(self, store: Store, profile: Profile) -> None:
        self._store = store
        self.profile = profile
        self._amounts: dict[str, pd.DataFrame] = {}
        self._frames: dict[str, pd.DataFrame] = {}
        self._stretches: dict[str, tuple[frozenset[date], date | None]] = {}

    @cached_property
    def _published(self) -> str:
        current = [entry for entry in self._store.history() if entry.is_current]
        return f"快照 {current[0].snapshot}，{current[0].at:%Y-%m-%d} 更新" if current else "无快照"

    @cached_property
    def _quarantined(self) -> dict[str, int]:
        _, rows = self._store.query('SELECT "table", count(*) FROM quarantine GROUP BY 1')
        return {str(table): int(count) for table, count in rows}

    @cached_property
    def compounds(self) -> Names:
        """The names by which compounds are known."""
        names = Names(self.profile.aliases)
        for row in self.frame("compounds").itertuples():
            old = row.old_name if isinstance(row.old_name, str) else None
            names.add(str(row.compound_id), [str(row.name), old])
        return names

    @cached_property
    def compound_names(self) -> dict[str, str]:
        """Id to name of every registered compound, in the order of the ids."""
        frame = self.frame("compounds").sort_values("compound_id")
        return dict(zip(frame["compound_id"], frame["name"], strict=True))

    def frame(self, table: str) -> pd.DataFrame:
        """A core table, read once, index its (single) key; text and gaps as in the store."""
        if table not in self._frames:
            key = self.profile.table(table).key[0]
            frame = self._store.frame(f"core_{table}")
            self._frames[table] = frame.set_index(key, drop=False).rename_axis(None)
        return self._frames[table]

    def entities(self, table: str, facets: Facets) -> list[str]:
        """Keys of the things of a table that fit the facets, in the order of their sheets."""
        frame = self.frame(table)
        types = self.frame("compounds")["type"]
        if table != "compounds":
            frame = frame.assign(type=frame["compound_id"].map(types))
        for facet, values in facets.items():
            column = {"compound": "compound_id"}.get(facet, facet)
            if column in frame:
                frame = frame[frame[column].isin(values)]
        order = "compound_id" if table == "compounds" else ["file", "sheet", "row"]
        return [str(key) for key in frame.sort_values(order).index]

    def fact(self, table: Table, key: str, column: Column) -> Known:
        """One cell of the store: a column of one compound, building or organization."""
        frame = self.frame(table.name)
        value = _plain(frame.at[key, column.name], column)
        if value is None:
            raise UnknownError(f"库里“{self.name_of(table.name, key)}”的“{column.label}”是空的")
        if column.refers_to == "compounds":
            value = self.compound_names.get(str(value), value)
        row = frame.loc[key]
        unit = f"，单位：{column.unit}" if column.unit else ""
        where = f"《{row['file']}》{row['sheet']} 第 {row['row']} 行"
        words = f"{column.label}：《{table.label}》里所登记的{unit}"
        return Known(value, "\n".join((words, f"来源：{where}", self._published)))

    def name_of(self, table: str, key: str) -> str:
        """What a person calls a thing of a table."""
        row = self.frame(table).loc[key]
        if table != "buildings":
            return str(row["name"])
        home = self.compound_names.get(str(row["compound_id"]), str(row["compound_id"]))
        return f"{home}{row['building_no']}"

    # -- figures ---------------------------------------------------------------------------

    def figure(self, name: str, facets: Facets, months: frozenset[date] | None) -> Known:
        """A figure over the facets and months (first days); all there is where None.

        Raises
        ------
        UnknownError
            The store does not know it, or only a part of it.
        """
        figure = BY_NAME[name]
        if figure.is_flag:
            return self._flag(figure, facets)
        if figure.over:
            return self._ratio(figure, BY_NAME[figure.over], facets, months)
        amount, origins = self._sum(figure, facets, months)
        return Known(_tidy(amount), self._defend(figure, facets, months, origins))

    def change(
        self, name: str, facets: Facets, months: frozenset[date], before: frozenset[date], word: str
    ) -> Known:
        """How much a figure differs from an earlier stretch, as a share of the earlier."""
        figure = BY_NAME[name]
        now, origins = self._sum(figure, facets, months)
        then, _ = self._sum(figure, facets, before)
        if not then:
            raise UnknownError(f"{describe_months(before)}是 0，算不出{word}")
        said = f"{word} =（{_tidy(now):g} − {_tidy(then):g}）÷ {_tidy(then):g}"
        source = self._defend(figure, facets, months, origins)
        return Known(round((now - then) / then, 4), f"{said}\n{source}")

    def _flag(self, figure: Figure, facets: Facets) -> Known:
        if len(facets.get("compound", ())) != 1 or len(facets.get("kind", ())) != 1:
            raise UnknownError("“有无”要指明是哪个小区的哪类组织")
        try:
            amount, origins = self._sum(figure, facets, None)
        except UnknownError as error:
            raise UnknownError("组织覆盖情况未知或正在筹备，请按实际填") from error
        return Known("有" if amount else "无", self._defend(figure, facets, None, origins))

    def _ratio(
        self, figure: Figure, over: Figure, facets: Facets, months: frozenset[date] | None
    ) -> Known:
        whole = SOURCES[over.source].facets.keys() - dict(figure.defaults).keys()
        above, origins = self._sum(figure, facets, months)
        timed = months if SOURCES[over.source].moment else None
        below, _ = self._sum(over, {k: v for k, v in facets.items() if k in whole}, timed)
        if not below:
            raise UnknownError(f"“{over.label}”是 0，算不出{figure.label}")
        said = f"{_tidy(above):g} ÷ {_tidy(below):g}"
        source = self._defend(figure, facets, months, origins)
        return Known(round(above / below * figure.scale, 2), f"{said}\n{source}")

    def _sum(
        self, figure: Figure, facets: Facets, months: frozenset[date] | None
    ) -> tuple[float, list[str]]:
        """The sum and the sheets that it came from."""
        source = SOURCES[figure.source]
        frame = self._read_amounts(figure)
        if frame.empty and not self._has_rows(source):
            raise UnknownError(f"库里还没有《{self.profile.table(source.table).label}》的数据")
        if months is not None:
            self._require_months(figure, source, months)
            frame = frame[frame["month"].isin(months)]
        for facet, values in (dict(figure.defaults) | dict(facets)).items():
            if facet not in source.facets:
                raise UnknownError(f"“{figure.label}”在库里不分{FACET_LABELS[facet]}")
            frame = frame[frame[facet].isin(values)]
        self._require_known(figure, frame, facets)
        origins = sorted({origin for row in frame["origins"] for origin in row if origin})
        return float(frame["amount"].sum()), origins

    def _require_known(self, figure: Figure, frame: pd.DataFrame, facets: Facets) -> None:
        """A sum of which a part is not known is not known."""
        lacking = set(frame.loc[frame["unsure"] > 0, "compound"].dropna())
        asked = facets.get("compound", frozenset())
        if not figure.is_count:
            lacking |= asked - set(frame["compound"])
        if lacking:
            names = [self.compound_names.get(key, key) for key in sorted(lacking)]
            more = f"等 {len(names)} 个小区" if len(names) > NAMED else ""
            raise UnknownError(
                f"库里{'、'.join(names[:NAMED])}{more}没有“{figure.label}”，合计会不完整"
                if len(asked) != 1
                else f"库里{names[0]}没有“{figure.label}”"
            )
        if (frame["unsure"] > 0).any():
            raise UnknownError(f"库里有的行没有“{figure.label}”，合计会不完整")

    def _require_months(self, figure: Figure, source: Source, months: frozenset[date]) -> None:
        if not source.moment:
            raise UnknownError(f"“{figure.label}”在库里只有现状，没有分月的数")
        known, _ = self._stretch(source)
        missing = sorted(months - known) if source.needs_each_month else sorted(
            month for month in months if not known or not min(known) <= month <= max(known)
        )  # fmt: skip
        if missing:
            label = self.profile.table(source.table).label
            have = f"，已有 {describe_months(known)}" if known else ""
            raise UnknownError(f"库里没有{describe_months(missing)}的《{label}》{have}")

    def known_months(self, name: str) -> frozenset[date] | None:
        """The months for which there are rows; None where a figure has no time."""
        source = SOURCES[BY_NAME[name].source]
        return self._stretch(source)[0] if source.moment else None

    def _stretch(self, source: Source) -> tuple[frozenset[date], date | None]:
        """The months that have rows, and the newest day."""
        if source.rows not in self._stretches:
            _, rows = self._store.query(
                f"SELECT DISTINCT date_trunc('month', {source.moment})::DATE AS month, "
                f"max({source.moment})::DATE AS newest FROM ({source.rows}) "
                f"WHERE {source.moment} IS NOT NULL GROUP BY month"
            )
            newest = max((day for _, day in rows), default=None)
            self._stretches[source.rows] = frozenset(month for month, _ in rows), newest
        return self._stretches[source.rows]

    def _has_rows(self, source: Source) -> bool:
        return bool(self._store.query(f"SELECT 1 FROM ({source.rows}) LIMIT 1")[1])

    def _read_amounts(self, figure: Figure) -> pd.DataFrame:
        """Sums of a figure by every facet and month: so many rows as there are combinations."""
        if figure.name not in self._amounts:
            source = SOURCES[figure.source]
            facets = "".join(f"{sql} AS {name}, " for name, sql in source.facets.items())
            month = f"date_trunc('month', {source.moment})::DATE" if source.moment else "NULL"
            columns, rows = self._store.query(
                f"SELECT {facets}{month} AS month, coalesce(sum({figure.amount}), 0) AS amount, "
                f"count(*) FILTER ({figure.unsure}) AS unsure, "
                "list(DISTINCT '《' || file || '》' || sheet) AS origins "
                f"FROM ({source.rows}) WHERE {figure.where} GROUP BY ALL"
            )
            self._amounts[figure.name] = pd.DataFrame(rows, columns=columns)
        return self._amounts[figure.name]

    # -- saying where it comes from --------------------------------------------------------

    def _defend(
        self, figure: Figure, facets: Facets, months: frozenset[date] | None, origins: list[str]
    ) -> str:
        source = SOURCES[figure.source]
        unit = f"，单位：{figure.unit}" if figure.unit else ""
        lines = [f"{figure.label}：{figure.definition}{unit}"]
        lines.append(f"范围：{self._describe_scope(source, facets, months)}")
        lines.append(f"来源：{self._describe_origins(source, origins)}")
        lines.append(self._published)
        return "\n".join([*lines, *self._remarks(figure, source, facets)])

    def _describe_scope(
        self, source: Source, facets: Facets, months: frozenset[date] | None
    ) -> str:
        parts = [_join_some(self._say(f, v) for v in sorted(vs)) for f, vs in facets.items()]
        known, newest = self._stretch(source) if source.moment else (frozenset(), None)
        if months is not None:
            parts.append(describe_months(months))
        elif known:
            ends = describe_months({min(known)}), describe_months({max(known)})
            parts.append(f"没有写时段，按库中全部：{ends[0]}至{ends[1]}")
        if newest and source.moment != "month":
            parts.append(f"数据到 {newest}")
        if not {"compound", "type"} & set(facets):
            parts.insert(0, "全社区")
        return "；".join(parts)

    def _say(self, facet: str, value: str) -> str:
        if facet == "compound":
            return self.compound_names.get(value, value)
        return TEXT_OF.get(value, value)

    def _describe_origins(self, source: Source, origins: list[str]) -> str:
        if not origins:
            _, rows = self._store.query('SELECT DISTINCT file, sheet, "table" FROM files')
            origins = sorted(f"《{f}》{s}" for f, s, table in rows if table == source.table)
        return _join_some(origins)

    def _remarks(self, figure: Figure, source: Source, facets: Facets) -> Iterable[str]:
        """What is not in the figure and should be known."""
        left_out = self._quarantined.get(source.table, 0)
        if left_out:
            yield f"另有 {left_out} 行未入库，不在其中"
        frame = self._read_amounts(figure)
        nowhere = frame.loc[frame["compound"].isna(), "amount"].sum() if len(frame) else 0
        if nowhere and {"compound", "type"} & set(facets):
            yield f"另有 {nowhere:g}{figure.unit}没有定位到小区，不在其中"


FACET_LABELS = {
    "compound": "小区",
    "type": "小区类型",
    "category": "诉求类别",
    "status": "办理状态",
    "kind": "组织类型",
    "state": "运行状态",
    "group": "居民类别",
    "activity_kind": "活动类别",
    "meeting_kind": "会议类型",
    "promise_state": "兑现情况",
    "need_status": "需求状态",
    "matter_status": "议题状态",
}


def describe_months(months: Iterable[date]) -> str:
    """Months in words: 2026年10月, or 2025年8月至2026年10月 where none is left out between."""
    ordered = sorted(months)
    first, last = ordered[0], ordered[-1]
    if len(ordered) == 1:
        return f"{first.year}年{first.month}月"
    span = (last.year - first.year) * 12 + last.month - first.month + 1
    if span == len(ordered):
        return f"{first.year}年{first.month}月至{last.year}年{last.month}月"
    return _join_some(f"{m.year}年{m.month}月" for m in ordered)


def _join_some(texts: Iterable[str]) -> str:
    told = list(texts)
    more = f"等 {len(told)} 项" if len(told) > NAMED else ""
    return "、".join(told[:NAMED]) + more


def _tidy(amount: float) -> int | float:
    """Whole sums as whole numbers."""
    return int(amount) if float(amount).is_integer() else round(amount, 2)


def _plain(value: Any, column: Column) -> Value | None:
    """A stored value as a cell of a sheet holds it, in the words of the sheets."""
    if value is None or pd.isna(value):
        return None
    if column.kind is bool:
        return "是" if value else "否"
    if column.kind in (int, float):
        return _tidy(float(value))
    if column.kind is datetime:
        return pd.Timestamp(value).to_pydatetime()
    if column.kind is date:
        return pd.Timestamp(value).date()
    texts = {fold(v.code): v.text for v in column.values}
    return texts.get(fold(str(value)), str(value))

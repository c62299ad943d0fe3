"""What a briefing reads: the published tables, months side by side, and names of places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Protocol

import pandas as pd

from etl.briefing.book import Scope
from etl.briefing.model import plain
from etl.errors import ShequError
from etl.profile import Profile
from etl.table import Value
from etl.tables.organizations import KINDS
from etl.tables.places import TYPES
from geo.seasons import compare_months

EVERYWHERE = "全社区"
UNPLACED = "没有定位到小区的"
VERDICTS = {
    "up": "确有增加",
    "down": "确有减少",
    "no_real_change": "没有实质变化",
    "too_few": "件数太少，不作判断",
}
NOT_OVER = "本月未完，不比"
NOT_KNOWN = "没有可比的"
Reader = Callable[[str], pd.DataFrame]


class Phrases(Protocol):
    """What the pages say of reasons, actions and effects; the briefing says it in the same words."""

    def reason(self, reason: Mapping[str, Any]) -> str:
        """Why a compound comes first."""

    def action(self, action: Mapping[str, Any]) -> str:
        """What is suggested there."""

    def effect(self, effect: Any) -> str:
        """What an intervention changed."""


@dataclass(frozen=True)
class Facts:
    """One published state as a briefing of one month of the community or a compound reads it."""

    scope: Scope
    profile: Profile
    read: Reader
    phrases: Phrases

    @cached_property
    def _kept(self) -> dict[tuple[str, ...], pd.DataFrame]:
        """What was worked out once and is asked for again by several sections."""
        return {}

    def table(self, name: str) -> pd.DataFrame:
        """A table, only the rows of the compound if the briefing is about one."""
        if ("table", name) not in self._kept:
            found = self.read(name)
            if self.scope.compound_id and "compound_id" in found:
                found = found[found["compound_id"] == self.scope.compound_id]
            self._kept["table", name] = found
        return self._kept["table", name]

    @cached_property
    def compounds(self) -> pd.DataFrame:
        """`out_compounds`, of all compounds; index compound_id."""
        return self.read("out_compounds").set_index("compound_id", drop=False).rename_axis(None)

    @property
    def own(self) -> pd.Series:
        """The compound's own row."""
        return self.compounds[self.compounds.index == self.scope.compound_id].iloc[0]

    @cached_property
    def is_of_compound(self) -> bool:
        """Whether the briefing is about a single compound."""
        return bool(self.scope.compound_id)

    @property
    def name(self) -> str:
        """Whom the briefing is about."""
        if self.is_of_compound:
            return self.place(self.scope.compound_id)
        return self.profile.name

    def place(self, compound_id: Any) -> str:
        """The name of a compound; what belongs to no single one concerns all."""
        if not isinstance(compound_id, str) or not compound_id:
            return EVERYWHERE
        if compound_id in self.compounds.index:
            return plain(self.compounds.at[compound_id, "name"])
        return plain(compound_id)

    @cached_property
    def known_until(self) -> date | None:
        """The newest day on which a complaint came in; None without any."""
        days = pd.to_datetime(self.read("out_months")["newest_at"]).dropna()
        return days.max().date() if len(days) else None

    @cached_property
    def newest_month(self) -> date | None:
        """The newest whole month."""
        months = pd.to_datetime(self.compounds["month"]).dropna()
        return months.iloc[0].date() if len(months) else None

    @property
    def is_over(self) -> bool:
        """Whether the briefing's month was whole when the data ended."""
        return self.newest_month is not None and self.scope.month <= self.newest_month

    @cached_property
    def months(self) -> pd.DataFrame:
        """`out_months` of the scope, up to and with the month."""
        found = self.table("out_months")
        found = found.assign(month=pd.to_datetime(found["month"]))
        return found[found["month"] <= pd.Timestamp(self.scope.month)]

    @cached_property
    def first_month(self) -> pd.Timestamp | None:
        """The first month of which any complaint of the community is known."""
        months = pd.to_datetime(self.read("out_months")["month"]).dropna()
        return months.min() if len(months) else None

    def spread(self, by: str = "", column: str = "complaint_count") -> pd.DataFrame:
        """Counts by month, ascending and without a gap; one row for all, or one for each of `by`."""
        if ("spread", by, column) not in self._kept:
            self._kept["spread", by, column] = self._spread(by, column)
        return self._kept["spread", by, column]

    def _spread(self, by: str, column: str) -> pd.DataFrame:
        months = self.months if by != "compound_id" else self.months.dropna(subset=["compound_id"])
        if self.first_month is None:
            return pd.DataFrame()
        span = pd.date_range(self.first_month, pd.Timestamp(self.scope.month), freq="MS")
        keys = months[by] if by else pd.Series("", index=months.index)
        table = months.pivot_table(index=keys, columns="month", values=column, aggfunc="sum")
        if not by and table.empty:
            table = pd.DataFrame(index=[""])
        return table.reindex(columns=span).fillna(0).astype("int64")

    def compare(self, counts: pd.DataFrame, back: int) -> pd.DataFrame:
        """Now, before and the verdict of each row; nothing is judged of an unfinished month."""
        if counts.shape[1] <= back:
            out = pd.DataFrame(index=counts.index)
            now = counts.iloc[:, -1] if counts.shape[1] else 0
            return out.assign(now=now, before=None, verdict=NOT_KNOWN)
        if not self.is_over:
            now, before = counts.iloc[:, -1], counts.iloc[:, -1 - back]
            return pd.DataFrame({"now": now, "before": before, "verdict": NOT_OVER})
        found = compare_months(counts, back)[["now", "before", "verdict"]]
        return found.assign(verdict=found["verdict"].map(VERDICTS))


def list_months(read: Reader) -> list[date]:
    """The months of which a briefing can be written, the newest first."""
    months = pd.to_datetime(read("out_months")["month"]).dropna()
    if months.empty:
        return []
    span = pd.date_range(months.min(), months.max(), freq="MS")
    return [month.date() for month in span[::-1]]


def require_month(read: Reader, month: date) -> None:
    """Refuse a month outside the data.

    Raises
    ------
    ShequError
        There is no complaint on record at all, or the month lies outside those on record.
    """
    listed = list_months(read)
    if not listed:
        raise ShequError("库里还没有投诉工单，写不出简报。请先用 shequ refresh 读入投诉表。")
    if month not in listed:
        raise ShequError(
            f"库里没有{write_month(month)}的投诉：有的是{write_month(listed[-1])}到{write_month(listed[0])}。"
            "请换一个月份，或先读入那个月的表。"
        )


def require_compound(read: Reader, asked: str) -> str:
    """The id of a compound that was asked for by id or name.

    Raises
    ------
    ShequError
        There is no such compound.
    """
    compounds = read("out_compounds")
    for column in ("compound_id", "name"):
        found = compounds[compounds[column] == asked]
        if len(found) == 1:
            return str(found["compound_id"].iloc[0])
    names = "、".join(map(str, compounds["name"].head(5)))
    raise ShequError(f"没有“{plain(asked)}”这个小区。请写小区名称或编号，例如：{names}。")


def pick(frame: pd.DataFrame, row: object, column: object) -> Any:
    """One cell."""
    return frame.at[row, column]


def count_at(frame: pd.DataFrame, row: object, column: object) -> int:
    """A count in one cell."""
    return int(pick(frame, row, column))


def rows_in(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a table, cells by the names of columns."""
    return iter(frame.itertuples())


def is_yes(flags: pd.Series) -> pd.Series:
    """Flags, the unknown ones as no."""
    return flags.fillna(False).astype(bool)


def write_day(day: Any) -> str:
    """A day, or a dash where it is not known."""
    return "—" if pd.isna(day) else f"{pd.Timestamp(day):%Y-%m-%d}"


def write_month(month: date) -> str:
    """A month as a paper writes it."""
    return f"{month.year}年{month.month}月"


def whole(number: Any) -> int | None:
    """A count of a table; None where it is not known."""
    return None if number is None or pd.isna(number) else int(number)


def real(number: Any) -> float | None:
    """A number of a table; None where it is not known."""
    return None if number is None or pd.isna(number) else float(number)


def tell_change(now: int, before: int | None) -> float | None:
    """By how many per cent a count changed; None where there was nothing before."""
    return None if not before else 100.0 * (now - before) / before


def label_of(values: tuple[Value, ...]) -> dict[str, str]:
    """What a person reads, by code."""
    return {value.code: value.text for value in values}


KIND_NAMES = label_of(KINDS)
TYPE_NAMES = label_of(TYPES)

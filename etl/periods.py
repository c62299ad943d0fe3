"""The figures of a chosen run of months and one category, from what a refresh published."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from etl.disclosure import MONTHS_WITHHELD
from geo.rates import estimate_rates, shrink_rates

PER_HOUSEHOLDS = 1000.0


@dataclass(frozen=True)
class Period:
    """A run of whole months, and one category of complaint or all of them ('')."""

    first: pd.Timestamp | None
    last: pd.Timestamp | None
    category: str = ""

    @property
    def month_count(self) -> int:
        """How many months it holds."""
        if self.first is None or self.last is None:
            return 0
        return (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1


def list_months(compounds: pd.DataFrame, months: pd.DataFrame) -> list[pd.Timestamp]:
    """The whole months on record; the one that had only begun when the data ends is left out."""
    if months.empty:
        return []
    start, end = months["month"].min(), months["month"].max()
    ends = pd.to_datetime(compounds["window_to"]).dropna()
    if len(ends):
        end = min(end, ends.max().to_period("M").to_timestamp())
    return list(pd.date_range(start, end, freq="MS"))


def find_period(
    compounds: pd.DataFrame, listed: list[pd.Timestamp], first: str, last: str, category: str
) -> Period:
    """The chosen period; without a choice, the window over which etl reckons rates."""
    if not listed:
        return Period(None, None, category)
    begins = pd.to_datetime(compounds["window_from"]).dropna()
    usual = begins.min().to_period("M").to_timestamp() if len(begins) else listed[0]
    start = _within(pd.Timestamp(first), listed) if first else _within(usual, listed)
    end = _within(pd.Timestamp(last), listed) if last else listed[-1]
    return Period(min(start, end), max(start, end), category)


def select_months(months: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The counts inside a period, all compounds and the complaints without one."""
    if months.empty or period.first is None or period.last is None:
        return months.iloc[:0]
    inside = months["month"].between(period.first, period.last)
    if period.category:
        inside &= months["category"] == period.category
    return months[inside]


def add_shown(compounds: pd.DataFrame, months: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The register with the figures of the chosen period beside it.

    Adds `shown_count`, `shown_rate`, `shown_low`, `shown_high` (exact 95 %) and
    `shown_shrunk`, per 1,000 households over the whole period. All are missing for a compound of
    which the number of households is not known, except the count.
    """
    table = compounds.set_index("compound_id", drop=False).rename_axis(None)
    cases = _count_shown(table, months, period)
    households = table["households"].astype("Float64").astype(float)
    rates = estimate_rates(cases, households, per=PER_HOUSEHOLDS)
    shrunk = shrink_rates(cases, households, per=PER_HOUSEHOLDS)
    return table.assign(
        shown_count=cases.astype("Int64"),  # missing only where it is withheld
        shown_rate=rates["rate"],
        shown_low=rates["rate_low"],
        shown_high=rates["rate_high"],
        shown_shrunk=shrunk["rate_shrunk"],
    )


def _count_shown(table: pd.DataFrame, months: pd.DataFrame, period: Period) -> pd.Series:
    """Complaints of the period; missing where the count, or one it is made of, is withheld."""
    counts = select_months(months, period).groupby("compound_id")["complaint_count"].sum()
    cases = counts.reindex(table.index).fillna(0).astype(float)
    if MONTHS_WITHHELD not in table:
        return cases
    cases = cases.mask(table[MONTHS_WITHHELD])
    ends = pd.to_datetime(table["window_from"]).min(), pd.to_datetime(table["window_to"]).max()
    is_usual = period.first == ends[0] and period.last == ends[1].to_period("M").to_timestamp()
    # Over the usual window a compound has a count of its own, whatever its months.
    return table["window_count"].astype(float) if is_usual and not period.category else cases


def read_totals(totals: pd.DataFrame) -> dict[str, float]:
    """Totals by name; a missing one is zero."""
    known = totals.dropna(subset=["value"])
    return dict(zip(known["name"], known["value"].astype(float), strict=True))


def _within(month: pd.Timestamp, listed: list[pd.Timestamp]) -> pd.Timestamp:
    """The month itself, or the nearest end of those listed."""
    return min(max(month, listed[0]), listed[-1])

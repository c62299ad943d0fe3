"""Month after month on one map: every month in the same classes, so that colours can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard.map.classes import find_limits, put_in_classes, write_limits
from dashboard.map.colouring import Band, Colouring
from dashboard.map.palette import UNKNOWN, WARM, take_steps
from dashboard.words import count, say
from etl.periods import PER_HOUSEHOLDS
from geo.rates import shrink_rates


@dataclass(frozen=True)
class Frames:
    """A picture for each month: classes and figures by compound (index) and month (columns)."""

    months: tuple[pd.Timestamp, ...]
    counts: pd.DataFrame
    member: pd.DataFrame
    told: pd.DataFrame

    def as_spec(self, chosen: str) -> dict[str, Any]:
        """What the page's script plays; `chosen` is the month that it opens on, '' the newest."""
        names = [f"{month:%Y-%m}" for month in self.months]
        sums = self.counts.sum()
        return {
            "months": names,
            "labels": [
                say("months.label", month=name, told=count(int(sums[month]), "unit.complaints"))
                for name, month in zip(names, self.months, strict=True)
            ],
            "at": names.index(chosen) if chosen in names else len(names) - 1,
            "places": {
                str(place): [
                    [int(self.member.loc[place, month]), str(self.told.loc[place, month])]
                    for month in self.months
                ]
                for place in self.member.index
            },
            "words": {name: say(f"months.{name}") for name in ("play", "pause", "slider")},
        }


def colour_months(
    table: pd.DataFrame, months: pd.DataFrame, listed: list[pd.Timestamp], category: str
) -> tuple[Colouring, Frames]:
    """Complaints per 1,000 households in each month, shrunk within the month, in shared classes.

    Parameters
    ----------
    table : DataFrame[households], index compound_id
    months : DataFrame[month, compound_id, category, complaint_count]
    listed : the months, in order

    Where no number of households is known, the counts themselves are coloured. The bands count
    compounds in months: a class of 16 compounds in 12 months has at most 192.
    """
    own = months[months["category"] == category] if category else months
    sums = own.groupby(["compound_id", "month"])["complaint_count"].sum().unstack("month")
    counts = sums.reindex(index=table.index, columns=listed).fillna(0).astype(int)
    households = table["households"].astype("Float64").astype(float)
    has_households = households.notna().any()
    rates = counts.astype(float)
    if has_households:
        columns = {
            month: shrink_rates(rates[month], households, per=PER_HOUSEHOLDS)["rate_shrunk"]
            for month in listed
        }
        rates = pd.DataFrame(columns)
    limits = find_limits(rates.stack())
    labels = write_limits(limits) if limits else []
    member = pd.DataFrame({month: put_in_classes(rates[month], limits) for month in listed})
    member = member.where(member >= 0, len(labels)).fillna(len(labels)).astype(int)
    told = counts.map(lambda number: count(number, "unit.complaints") if number else "")
    looks = [*take_steps(WARM, len(labels)), UNKNOWN] if labels else [UNKNOWN]
    named = [*labels, say("households.unknown")]
    bands = tuple(
        Band(look, label, int((member == at).sum().sum()))
        for at, (look, label) in enumerate(zip(looks, named, strict=True))
    )
    newest = listed[-1]
    colouring = Colouring(
        say("months.title" if has_households else "months.counts"),
        say("unit.rate" if has_households else "unit.complaints"),
        bands,
        member[newest],
        told[newest],
    )
    return colouring, Frames(tuple(listed), counts, member, told)

"""Three-level deliberation: which level settles a matter, until when, and when it goes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from geo.errors import GeoError

TOP_LEVEL = 3


@dataclass(frozen=True)
class Rule:
    """To which level a matter goes when all conditions hold; an empty condition always holds.

    `keywords` are looked for in the title; shares are of the compound's households, 0 to 1.
    """

    name: str
    level: int
    days: int
    categories: frozenset[str] = frozenset()
    urgencies: frozenset[str] = frozenset()
    keywords: tuple[str, ...] = ()
    share_low: float | None = None
    share_high: float | None = None
    needs_vote: bool | None = None

    def fits(
        self, title: str, category: str | None, urgency: str | None, share: float, is_vote: bool
    ) -> bool:
        """Whether a matter meets every condition; what is not known of it meets none."""
        if self.categories and category not in self.categories:
            return False
        if self.urgencies and urgency not in self.urgencies:
            return False
        if self.keywords and not any(word in title for word in self.keywords):
            return False
        if self.share_low is not None and not share >= self.share_low:
            return False
        if self.share_high is not None and not share <= self.share_high:
            return False
        return self.needs_vote is None or self.needs_vote == is_vote


class Calendar:
    """Working days by number: how many lie between two days, and which is the n-th after one.

    Parameters
    ----------
    days : DataFrame[day, through] of consecutive days, as `geo.workdays.number_days` makes it
    """

    def __init__(self, days: pd.DataFrame) -> None:
        self._first = np.datetime64(days["day"].iloc[0], "D")
        self._through = days["through"].to_numpy(dtype=np.int64)

    def count(self, start: pd.Timestamp, end: pd.Timestamp) -> int:
        """Working days that pass from one day to another; the first is not counted."""
        return int(self._through[self._place(end)] - self._through[self._place(start)])

    def add(self, start: pd.Timestamp, days: int) -> pd.Timestamp:
        """The working day on which so many (at least 1) have passed, or the calendar's last day."""
        reached = self._through[self._place(start)] + days
        place = int(np.searchsorted(self._through, reached, "left"))
        return pd.Timestamp(self._first + min(place, len(self._through) - 1))

    def _place(self, day: pd.Timestamp) -> int:
        place = int((np.datetime64(day, "D") - self._first).astype(int))
        if not 0 <= place < len(self._through):
            raise GeoError(f"{day:%Y-%m-%d} 不在日历的范围里。")
        return place


def route_matters(matters: pd.DataFrame, rules: Sequence[Rule]) -> pd.DataFrame:
    """Find the first rule that fits each matter.

    Parameters
    ----------
    matters : DataFrame[title, category, urgency, share, is_vote]
        Categories and urgencies may be missing; `share` is NaN where it is not known.
    rules : in the order in which they are tried; the last one must fit everything

    Returns
    -------
    DataFrame[rule, level, days], index of `matters`
        The name of the rule, the level (1 to 3), the working days allowed.

    Raises
    ------
    GeoError
        No rule fits a matter.
    """
    found = [
        next((rule for rule in rules if rule.fits(title, category, urgency, share, is_vote)), None)
        for title, category, urgency, share, is_vote in zip(
            matters["title"],
            matters["category"],
            matters["urgency"],
            matters["share"].astype(float),
            matters["is_vote"].astype(bool),
            strict=True,
        )
    ]
    if None in found:
        raise GeoError("有的议题没有任何一条规则可用；最后一条规则应不设条件。")
    told = [(rule.name, rule.level, rule.days) for rule in found if rule is not None]
    return pd.DataFrame(told, columns=["rule", "level", "days"], index=matters.index)


def follow_levels(
    matters: pd.DataFrame, until: pd.Timestamp, days: Mapping[int, int], calendar: Calendar
) -> pd.DataFrame:
    """Follow matters up the levels: what is not settled in time goes one up, as far as there is one.

    Parameters
    ----------
    matters : DataFrame[level, days, raised_on, settled_on]
        The level and the working days by rule; `settled_on` is NaT while a matter is open.
    until : the day as of which open matters are judged
    days : working days that each level has for a matter that came up from below
    calendar : by which working days are counted

    Returns
    -------
    DataFrame[level_now, due_on, is_over, over_days, steps], index of `matters`
        The level it has come to, the day until which that one must settle it, whether that day
        has passed, and how many working days ago (0 on the weekend after it). `steps` lists
        (level, due_on, over_days) of each level whose time was up. Where it is not known when the
        matter was raised there is no day, and nothing is over.
    """
    rows = [_follow(row, until, days, calendar) for row in matters.itertuples()]
    names = ["level_now", "due_on", "is_over", "over_days", "steps"]
    table = pd.DataFrame(rows, columns=names, index=matters.index)
    table["due_on"] = pd.to_datetime(table["due_on"])
    table["over_days"] = table["over_days"].astype("Int64")
    return table


def _follow(
    row: Any, until: pd.Timestamp, days: Mapping[int, int], calendar: Calendar
) -> tuple[int, Any, bool, Any, list[tuple[int, pd.Timestamp, int]]]:
    level, allowed = int(row.level), int(row.days)
    if pd.isna(row.raised_on):
        return level, pd.NaT, False, pd.NA, []
    end = until if pd.isna(row.settled_on) else row.settled_on
    due = calendar.add(row.raised_on, allowed)
    steps = []
    while end > due and level < TOP_LEVEL:
        steps.append((level, due, calendar.count(due, end)))
        level += 1
        due = calendar.add(due, days[level])
    return level, due, bool(end > due), calendar.count(due, end) if end > due else pd.NA, steps

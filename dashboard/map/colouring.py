"""What a colour says: each way of colouring puts every compound in one class with a label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.map.classes import find_limits, put_in_classes, write_limits
from dashboard.map.palette import (
    COOL,
    PLUM,
    STATES,
    TYPES,
    UNKNOWN,
    VERDICTS,
    WARM,
    Look,
    take_steps,
)  # fmt: skip
from dashboard.words import count, language, look_up, name_value, say
from etl.disclosure import MONTHS_WITHHELD

GAPS_TOLD_APART = 3
TOLD_APART = 3
# Days since the last meeting: a quarter, half a year, a year.
MEETING_DAYS = (92, 183, 366)
# What the handbook may lack for a category, from nothing to everything.
HANDBOOK = ("complete", "no_supervisor", "two_leads", "no_lead", "nobody")
# Where all is well, or nothing is asked, the map need not say so under each name.
SAID_ON_MAP = frozenset({"筹备", "名存实亡", "已解散", "无"})


@dataclass(frozen=True)
class Band:
    """One class: how it looks, what it means, how many compounds are in it."""

    look: Look
    label: str
    count: int


@dataclass(frozen=True)
class Colouring:
    """A way of colouring, worked out: the last band is for what is not known.

    `member` gives each compound its band, `told` the figure that stands under its name.
    """

    title: str
    unit: str
    bands: tuple[Band, ...]
    member: pd.Series
    told: pd.Series


def colour_compounds(key: str, table: pd.DataFrame) -> Colouring:
    """The colouring of a name in `COLOURINGS`, for compounds with their shown figures."""
    return COLOURINGS[key](table)


def _colour_types(table: pd.DataFrame) -> Colouring:
    types = [name for name in TYPES if (table["type"] == name).any()]
    place = {name: at for at, name in enumerate(types)}
    member = table["type"].map(place).astype(float)
    looks = [(TYPES[name], name_value("type", name)) for name in types]
    told = table["type"].map(lambda name: name_value("type", name) if name in TYPES else "")
    return _finish(say("color.type"), "", looks, member, told, say("type.unknown"))


def _colour_households(table: pd.DataFrame) -> Colouring:
    values = table["households"].astype("Float64").astype(float).where(lambda number: number > 0)
    told = values.map(lambda number: f"{number:,.0f}", na_action="ignore").fillna("")
    return _grade(say("color.households"), say("unit.households"), values, COOL, told)


def _colour_rate(table: pd.DataFrame) -> Colouring:
    told = table["shown_shrunk"].map(lambda rate: f"{rate:,.0f}", na_action="ignore")
    counts = table["shown_count"].map(lambda number: count(number, "unit.complaints"))
    is_some = table["shown_count"].fillna(0) > 0
    told = told.where(table["shown_shrunk"].notna(), counts.where(is_some)).fillna("")
    is_hidden = table["shown_count"].isna()
    told = told.mask(is_hidden, say("withheld.short"))
    unknown = say("withheld.band") if is_hidden.any() else ""
    return _grade(say("color.rate"), say("unit.rate"), table["shown_shrunk"], WARM, told, unknown)


def _colour_core(table: pd.DataFrame) -> Colouring:
    """Core residents per 100 households; where no list names the compound nothing is known."""
    return _colour_per_hundred(table, "core", "core_per_100h", "core.unknown")


def _colour_taking_part(table: pd.DataFrame) -> Colouring:
    """How often people took part per 100 households; without an activity nothing is known."""
    return _colour_per_hundred(table, "taking_part", "participants_per_100h", "taking_part.unknown")


def _colour_per_hundred(table: pd.DataFrame, name: str, column: str, unknown: str) -> Colouring:
    # A store of an earlier version does not have the column.
    found = table[column] if column in table else pd.Series(pd.NA, index=table.index)
    # So many digits as the legend can say.
    values = found.astype("Float64").astype(float).round(1)
    told = values.map(lambda number: f"{number:,.1f}", na_action="ignore").fillna("")
    return _grade(
        say(f"color.{name}"), say(f"unit.{name}"), values, COOL, told, unknown=say(unknown)
    )


def _grade(
    title: str,
    unit: str,
    values: pd.Series,
    ramp: tuple[str, ...],
    told: pd.Series,
    unknown: str = "",
) -> Colouring:
    limits = find_limits(values)
    labels = write_limits(limits) if limits else []
    looks = list(zip(take_steps(ramp, len(labels)), labels, strict=True)) if labels else []
    member = put_in_classes(values, limits).where(lambda band: band >= 0).astype(float)
    return _finish(title, unit, looks, member, told, unknown or say("households.unknown"))


def _colour_change(table: pd.DataFrame) -> Colouring:
    verdicts = [name for name in VERDICTS if name != "too_few"]
    place = {name: at for at, name in enumerate(verdicts)}
    member = table["month_verdict"].map(place).astype(float)
    told = [
        _tell_change(now, before)
        for now, before in zip(table["month_count"], table["month_before_count"], strict=True)
    ]
    looks = [(VERDICTS[name], name_value("verdict", name)) for name in verdicts]
    series = pd.Series(told, index=table.index)
    unknown = say("verdict.too_few")
    if MONTHS_WITHHELD in table:
        series = series.mask(table[MONTHS_WITHHELD], say("withheld.short"))
        unknown = say("withheld.or", other=unknown)
    return _finish(say("color.change"), say("unit.complaints"), looks, member, series, unknown)


def _tell_change(now: object, before: object) -> str:
    return "" if pd.isna(now) or pd.isna(before) else f"{before} → {now}"  # type: ignore[call-overload]


def _colour_coverage(table: pd.DataFrame) -> Colouring:
    gaps = table["gap_count"].astype("Float64").astype(float)
    expected = table["expected_count"].astype("Float64").astype(float)
    unknown = table["unknown_count"].astype("Float64").astype(float)
    band = gaps.clip(upper=GAPS_TOLD_APART).where(gaps > 0, other=0.0)
    is_open = (expected > 0) & (gaps == 0) & (unknown > 0)
    band = band.where(expected > 0).mask(is_open, GAPS_TOLD_APART + 1)
    looks = [
        *zip(
            take_steps(PLUM, GAPS_TOLD_APART + 1), [say(f"gaps.{n}") for n in range(4)], strict=True
        ),
        (Look("#EFEFE6", "counter", "#8C8578"), say("gaps.unknown")),
    ]
    told = gaps.map(
        lambda number: say("gaps.told", count=int(number)) if number else "", na_action="ignore"
    )
    return _finish(
        say("color.coverage"),
        say("unit.kinds"),
        looks,
        band,
        told.fillna(""),
        say("gaps.none_expected"),
    )


def _colour_trust(table: pd.DataFrame) -> Colouring:
    return _colour_survey("trust", table)


def _colour_norms(table: pd.DataFrame) -> Colouring:
    return _colour_survey("norms", table)


def _colour_networks(table: pd.DataFrame) -> Colouring:
    return _colour_survey("networks", table)


def _colour_survey(name: str, table: pd.DataFrame) -> Colouring:
    """Who agree, of those asked; too few answers are as good as none."""
    values = _read_floats(table, f"{name}_pct")
    told = pd.Series(["" if pd.isna(v) else f"{v:.0f}%" for v in values], index=values.index)
    return _grade(say(f"color.{name}"), "%", values, COOL, told, say("trust.unknown"))


def _colour_needs(table: pd.DataFrame) -> Colouring:
    values = _read_floats(table, "open_needs_per_1000h")
    told = pd.Series(["" if pd.isna(v) else f"{v:,.1f}" for v in values], index=values.index)
    return _grade(say("color.needs"), say("unit.needs"), values, COOL, told, say("needs.unknown"))


def _colour_matters(table: pd.DataFrame) -> Colouring:
    return _colour_few("matters", _read_floats(table, "overdue_matter_count"))


def _colour_promises(table: pd.DataFrame) -> Colouring:
    return _colour_few("promises", _read_floats(table, "late_promise_count"))


def _colour_few(name: str, counts: pd.Series) -> Colouring:
    """What should not be at all, told apart one by one as far as it is worth while."""
    looks = [(look, name_value(name, n)) for n, look in enumerate(take_steps(PLUM, TOLD_APART + 1))]
    told = pd.Series(
        [look_up(f"{name}.told", language(), count=int(n)) if n > 0 else "" for n in counts],
        index=counts.index,
    )
    return _finish(
        say(f"color.{name}"),
        say(f"unit.{name}"),
        looks,
        counts.clip(upper=TOLD_APART),
        told,
        name_value(name, "unknown"),
    )


def _colour_meetings(table: pd.DataFrame) -> Colouring:
    """How long ago the people of a compound last met; never is a class of its own."""
    days = _read_floats(table, "meeting_age_days")
    held = _read_floats(table, "meeting_count")
    member = pd.Series(np.searchsorted(MEETING_DAYS, days, side="left"), days.index, dtype=float)
    member = member.where(days.notna()).mask(held == 0, len(MEETING_DAYS) + 1)
    looks = take_steps(PLUM, len(MEETING_DAYS) + 2)
    labels = [say(f"meetings.{n}") for n in range(len(looks))]
    told = pd.Series(
        ["" if pd.isna(n) else say("meetings.told", count=int(n)) for n in days], index=days.index
    )
    pairs = list(zip(looks, labels, strict=True))
    return _finish(say("color.meetings"), "", pairs, member, told, say("meetings.unknown"))


def _colour_handbook(table: pd.DataFrame) -> Colouring:
    """Whether the handbook says who answers for what each compound complains of most."""
    problems = (
        table["handbook_problem"] if "handbook_problem" in table else pd.Series(index=table.index)
    )
    member = problems.map({name: at for at, name in enumerate(HANDBOOK)}).astype(float)
    looks = [
        (look, say(f"handbook.map.{name}"))
        for look, name in zip(take_steps(PLUM, len(HANDBOOK)), HANDBOOK, strict=True)
    ]
    names = zip(table["top_category"], member.isna(), strict=True)
    told = pd.Series(
        ["" if is_unknown else name_value("category", name) for name, is_unknown in names],
        index=table.index,
    )
    return _finish(say("color.handbook"), "", looks, member, told, say("handbook.unknown"))


def _colour_late(table: pd.DataFrame) -> Colouring:
    """How many of the complaints that are closed or due went past their deadline."""
    values = _read_floats(table, "late_pct")
    told = pd.Series(["" if pd.isna(v) else f"{v:.0f}%" for v in values], index=values.index)
    return _grade(say("color.late"), "%", values, WARM, told, say("late.unknown"))


def _colour_committee(table: pd.DataFrame) -> Colouring:
    """How the committee of residents of each compound stands."""
    states = (
        table["committee_state"] if "committee_state" in table else pd.Series(index=table.index)
    )
    found = [name for name in STATES if (states == name).any()]
    member = states.map({name: at for at, name in enumerate(found)}).astype(float)
    looks = [(STATES[name], name_value("state", name)) for name in found]
    told = states.map(lambda name: name_value("state", name) if name in SAID_ON_MAP else "")
    return _finish(say("color.committee"), "", looks, member, told, name_value("state", "未知"))


def _read_floats(table: pd.DataFrame, name: str) -> pd.Series:
    """A column of figures, all missing where the table has none of that name."""
    if name not in table:
        return pd.Series(float("nan"), index=table.index)
    return table[name].astype("Float64").astype(float)


def _finish(
    title: str,
    unit: str,
    looks: list[tuple[Look, str]],
    member: pd.Series,
    told: pd.Series,
    unknown: str,
) -> Colouring:
    """Count the classes, and add the one for what is not known."""
    bands = [Band(look, label, int((member == at).sum())) for at, (look, label) in enumerate(looks)]
    bands.append(Band(UNKNOWN, unknown, int(member.isna().sum())))
    placed = member.fillna(len(looks)).astype(int)
    return Colouring(title, unit, tuple(bands), placed, told)


COLOURINGS: dict[str, Callable[[pd.DataFrame], Colouring]] = {
    "late": _colour_late,
    "committee": _colour_committee,
    "rate": _colour_rate,
    "change": _colour_change,
    "type": _colour_types,
    "households": _colour_households,
    "coverage": _colour_coverage,
    "core": _colour_core,
    "taking_part": _colour_taking_part,
    "trust": _colour_trust,
    "norms": _colour_norms,
    "networks": _colour_networks,
    "needs": _colour_needs,
    "matters": _colour_matters,
    "promises": _colour_promises,
    "meetings": _colour_meetings,
    "handbook": _colour_handbook,
}

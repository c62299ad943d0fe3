"""How complaints are handled, organizations fare and interventions end, in plain sentences."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.words import name_value, say
from etl.lists import read_list

FEWEST_AFTER = 3
# Of whose members it matters how old they are; the others employ staff.
OF_RESIDENTS = frozenset(
    {"owners_committee", "courtyard_committee", "self_organization", "volunteer_team",
     "party_branch"}
)  # fmt: skip


def tell_handling(row: pd.Series) -> list[str]:
    """Time to close, share past the deadline, backlog and repeats of one compound."""
    lines = []
    days = row.get("closing_days")
    if pd.notna(days):
        lines.append(say("handling.days", days=days, span=_tell_span(row, "closing_days")))
    elif pd.notna(row.get("closing_days_low")):
        lines.append(say("handling.days_open", low=row["closing_days_low"]))
    if pd.notna(row.get("late_pct")):
        lines.append(
            say(
                "handling.late", count=int(row["window_late_count"]), pct=row["late_pct"],
                low=row["late_pct_low"], high=row["late_pct_high"],
            )
        )  # fmt: skip
    before = row.get("backlog_before_count")
    if pd.notna(before) and pd.notna(row["open_count"]):
        now = int(row["open_count"])
        trend = "more" if now > before else "fewer" if now < before else "same"
        lines.append(say(f"handling.backlog_{trend}", now=now, before=int(before)))
    if pd.notna(row.get("repeat_count")) and row["repeat_count"] > 0:
        again, reopened = int(row["repeat_count"]), int(row["reopened_count"])
        lines.append(say("handling.repeats", count=again, reopened=reopened))
    return lines


def _tell_span(row: Any, name: str) -> str:
    """The interval of a number of days; an open end is said as one."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if pd.isna(high):
        return "" if pd.isna(low) else say("handling.span_open", low=low)
    return say("handling.span", low=low, high=high)


def tell_concerns(row: Any) -> list[str]:
    """What is failing in an organization that is there."""
    told = []
    for concern in read_list(row.concerns):
        days = {"term_over": row.term_ends_on, "term_soon": row.term_ends_on}
        day = days.get(concern["code"], row.last_active_on)
        told.append(say(f"concern.{concern['code']}", day=_day(day), days=concern.get("days", 0)))
    return told


def tell_body(row: Any) -> str:
    """What an organization covers and who is in it, after what is failing."""
    parts = tell_concerns(row)
    if pd.notna(row.covered_pct):
        parts.append(say("body.covered", pct=row.covered_pct))
    if row.kind in OF_RESIDENTS and pd.notna(row.member_count):
        parts.append(say("body.members", count=int(row.member_count)))
        if pd.notna(row.member_over_60_count):
            parts.append(say("body.over_60", count=int(row.member_over_60_count)))
        if pd.notna(row.member_under_40_count):
            parts.append(say("body.under_40", count=int(row.member_under_40_count)))
    return say("listed_with").join(parts)


def tell_gap(row: Any, kind: str) -> str:
    """Why what is missing counts as a gap."""
    gap = say(
        "gap.because", kind=name_value("kind", row.kind), type=kind,
        state=name_value("state", row.state),
    )  # fmt: skip
    more = say("listed_with").join(tell_concerns(row))
    return say("with_unit", head=gap, unit=more) if more else gap


def tell_people(row: pd.Series) -> list[str]:
    """Members of the residents' organizations, and the way to the next service point."""
    lines = []
    if pd.notna(row.get("member_count")):
        ages = [
            say(f"people.{age}", pct=row[f"member_{age}_pct"])
            for age in ("over_60", "under_40")
            if pd.notna(row[f"member_{age}_pct"])
        ]
        members = say("people.members", count=int(row["member_count"]))
        lines.append(say("listed_with").join([members, *ages]))
    if isinstance(row.get("service_name"), str):
        reached = "reached" if row["is_in_reach"] is True or row["is_in_reach"] == 1 else "far"
        name, metres = row["service_name"], round(row["service_m"], -1)
        lines.append(say(f"people.{reached}", name=name, metres=metres))
    return lines


def tell_effect(effect: Any) -> str:
    """What an intervention changed, how sure that is, or why it is too early to say."""
    if effect.verdict == "too_early":
        reason = effect.reason if isinstance(effect.reason, str) else "few_cases"
        known = {
            name: int(value) if pd.notna(value) else 0
            for name, value in (("before", effect.months_before), ("after", effect.months_after))
        }
        for side in ("before", "after"):
            if reason == f"few_months_{side}" and not known[side]:
                return say(f"effect.no_months_{side}")
        return say(f"effect.{reason}", **known, left=max(0, FEWEST_AFTER - known["after"]))
    lines = [_tell_counts(effect)]
    if pd.notna(effect.ratio):
        lines.append(say(f"effect.{effect.verdict}", change=tell_ratio(effect)))
    else:
        lines.append(say(f"effect.{effect.verdict}_from_none"))
    if effect.verdict == "no_change" and pd.notna(effect.detectable):
        lines.append(say("effect.detectable", pct=100 * (1 - effect.detectable)))
    others = read_list(effect.overlapping)
    if others:
        lines.append(say("effect.overlapping", names=say("listed").join(others)))
    return "".join(lines)


def _tell_counts(effect: Any) -> str:
    everything = say("effect.everything")
    return say(
        "effect.counts",
        category=name_value("category", effect.category, everything),
        months_before=int(effect.months_before), before=int(effect.before_count),
        months_after=int(effect.months_after), after=int(effect.after_count),
    )  # fmt: skip


def tell_ratio(effect: Any) -> str:
    """A ratio with its interval, as more or fewer in per cent."""
    ends = [_tell_percent(value) for value in (effect.ratio_low, effect.ratio_high)]
    if pd.isna(effect.ratio_high):
        return say("effect.change_open", change=_tell_percent(effect.ratio), low=ends[0])
    return say("effect.change", change=_tell_percent(effect.ratio), low=ends[0], high=ends[1])


def _tell_percent(ratio: float) -> str:
    if abs(ratio - 1) < 0.005:
        return say("effect.same")
    if ratio >= 3:
        return say("effect.times", ratio=ratio)
    return say("effect.fewer" if ratio < 1 else "effect.more", pct=100 * abs(1 - ratio))


def _day(moment: Any) -> str:
    return say("none") if pd.isna(moment) else f"{moment:%Y-%m-%d}"

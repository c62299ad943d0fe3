"""Core residents, self-organizations, committees, companies and links, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from dashboard.load import read_list
from dashboard.words import name_value, say, tell_period

FLAGS = ("is_registered", "has_rules", "is_supervised")
FEW = 10
# So many rows of a long list are shown; a compound of one's own can be chosen above.
MOST = 100


def tell_core(row: Any) -> str:
    """How many core residents there are, how old, and of how many that is known."""
    if row.status != "some":
        scope = "_all" if pd.isna(row.compound_id) else ""
        return say(f"core.{row.status}{scope}")
    told = [say("core.some", count=int(row.core_count), per=tell_per(row.core_per_100h))]
    if row.age_known_count:
        known = int(row.age_known_count)
        told.append(
            say("core.few", old=int(row.over_60_count), known=known)
            if known < FEW
            else say(
                "core.old",
                pct=row.over_60_pct,
                low=row.over_60_pct_low,
                high=row.over_60_pct_high,
                known=known,
            )
        )
    missing = int(row.core_count) - int(row.age_known_count)
    if missing:
        told.append(say("core.no_age", count=missing))
    return say("between").join(told)


def tell_per(value: Any) -> str:
    """A figure per 100 households, in two or three digits."""
    return say("none") if pd.isna(value) else f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def tell_window(first: Any, last: Any) -> str:
    """The months of which figures speak; where no day is on record, that."""
    if pd.isna(first) or pd.isna(last):
        return say("people.no_days")
    return tell_period(first, last)


def tell_count(value: Any) -> str:
    """A count, or a dash where it is not known."""
    return say("none") if pd.isna(value) else f"{int(value):,}"


def tell_day(moment: Any) -> str:
    """A day, or a dash."""
    return say("none") if pd.isna(moment) else f"{moment:%Y-%m-%d}"


def tell_flag(value: Any) -> str:
    """Yes, no, or not known."""
    if pd.isna(value):
        return say("flag.unknown")
    return say("flag.yes") if value else say("flag.no")


def tell_next_step(row: Any) -> str:
    """What an organization should do next."""
    if row.verdict == "step":
        return str(row.next_step)
    if row.verdict == "ask":
        names = [say(f"field.{name}") for name in read_list(row.unknown)]
        return say("growth.ask", names=say("listed").join(names))
    return say(f"growth.{row.verdict}")


def tell_quiet(row: Any) -> str:
    """When it was last active, and how long ago that is."""
    if pd.isna(row.last_active_on):
        return say("flag.unknown")
    return say("growth.quiet", day=tell_day(row.last_active_on), days=int(row.quiet_days))


def tell_turn(steps: pd.DataFrame) -> str:
    """By which step a committee waits, who is to act, and how late that is."""
    turn = steps[steps["is_turn"].fillna(False).astype(bool)]
    if turn.empty:
        return say("committee.complete")
    row = next(turn.itertuples())
    party = name_value("party", row.party, say("committee.nobody"))
    head = say("committee.turn", step=name_value("step", row.step), party=party)
    if pd.notna(row.days_late):
        return head + say("committee.late", day=tell_day(row.planned_on), days=int(row.days_late))
    if pd.notna(row.planned_on):
        return head + say("committee.planned", day=tell_day(row.planned_on))
    return head + say("committee.unplanned")


def tell_vote(row: Any, asked: dict[str, Any]) -> str:
    """How many came to the vote, and whether that is enough."""
    if pd.isna(row.vote_count):
        return ""
    if pd.isna(row.turnout_pct):
        return say("committee.vote_open", votes=int(row.vote_count))
    told = say(
        "committee.vote", voters=int(row.voter_count), votes=int(row.vote_count),
        pct=row.turnout_pct,
    )  # fmt: skip
    if row.turnout_pct <= asked["turnout"]:
        return told + say("committee.too_few", asked=asked["turnout"])
    if pd.isna(row.approval_pct):
        return told + say("committee.no_approvals")
    key = "enough" if row.approval_pct > asked["approval"] else "not_agreed"
    return told + say(f"committee.{key}", pct=row.approval_pct, asked=asked["approval"])


def tell_faults(steps: pd.DataFrame) -> list[str]:
    """What does not go together among the steps of a committee."""
    return [
        say(f"committee.fault.{code}", step=name_value("step", row.step))
        for row in steps.itertuples()
        for code in read_list(row.faults)
    ]


def tell_late_share(row: Any) -> str:
    """The share past the deadline with its interval; of few, the counts alone."""
    if pd.isna(row.late_pct):
        return say("none")
    if row.judged_count < FEW:
        return say("watch.few", late=int(row.late_count), judged=int(row.judged_count))
    return say("watch.late", pct=row.late_pct, low=row.late_pct_low, high=row.late_pct_high)


def tell_closing(row: Any) -> str:
    """How many working days half of the complaints take."""
    if pd.isna(row.closing_days):
        return say("none")
    return say("watch.closing", days=row.closing_days)


def tell_term(row: Any) -> str:
    """When a term or contract ends, or ended."""
    if pd.isna(row.term_ends_on):
        return say("flag.unknown")
    day = tell_day(row.term_ends_on)
    if pd.isna(row.term_days):
        return day
    return say("watch.term_over", day=day) if row.term_days < 0 else day


def tell_promises(row: Any) -> str:
    """What was asked and what was done, in one line."""
    if not row.asked_count:
        return say("watch.asked_nothing")
    parts = [
        say(f"watch.{name}", count=int(getattr(row, f"{name}_count")))
        for name in ("kept", "kept_late", "slipped", "pending", "unsaid_promise")
        if getattr(row, f"{name}_count")
    ]
    return say("watch.asked", count=int(row.asked_count), parts=say("listed").join(parts))


def tell_meetings(row: Any) -> str:
    """To how many of the meetings it came; where nobody wrote who was there, that is said."""
    if not row.meeting_count:
        return say("watch.no_meetings")
    told = say("watch.meetings", count=int(row.meeting_count), there=int(row.attended_count))
    if not row.unsaid_count:
        return told
    return told + say("watch.meetings_unsaid", count=int(row.unsaid_count))


def tell_missing(row: Any, names: dict[str, str]) -> str:
    """A link that is missing, what it would bring, and what would be as good."""
    told = say(
        "network.missing", source=names.get(row.source, row.source),
        target=_list_ties(row.target, row.target_ties, names),
        joined=_tell_joined(row),
    )  # fmt: skip
    others = [names.get(tie, tie) for tie in read_list(row.source_ties) if tie != row.source]
    if others:
        told += say("network.source_ties", names=say("listed").join(others[:4]))
    return told + say("network.tie") if row.is_tie else told


def _list_ties(chosen: str, ties: Any, names: dict[str, str]) -> str:
    told = [names.get(tie, tie) for tie in read_list(ties)] or [names.get(chosen, chosen)]
    return say("network.or").join(told[:4])


def _tell_joined(row: Any) -> str:
    parts = [
        say(f"network.joined_{name}", count=int(getattr(row, f"{name}_joined")))
        for name in ("compounds", "organizations")
        if getattr(row, f"{name}_joined")
    ]
    return say("listed").join(parts)


def tell_broken(row: Any, names: dict[str, str]) -> str:
    """A link that came to nothing, and why."""
    told = say("network.between", source=names[row.source], target=names[row.target])
    return say("headed", head=told, text=tell_why(row))


def tell_why(row: Any) -> str:
    """Why a link came to nothing."""
    days = int(row.quiet_days) if pd.notna(row.quiet_days) else 0
    return say(f"network.why.{row.why}", days=days)


def tell_cut(count: int) -> list[str]:
    """That only the first rows are shown, where there are more."""
    return [say("people.cut", shown=MOST, count=count)] if count > MOST else []


def list_names(ids: Iterable[Any], names: dict[str, str], most: int = 99) -> str:
    """Names of compounds, one after the other; more than `most` are counted."""
    told = [names.get(place, str(place)) for place in ids]
    shown = say("listed").join(told[:most])
    return shown if len(told) <= most else say("people.more", names=shown, count=len(told))

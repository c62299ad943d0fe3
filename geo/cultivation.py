"""What a self-organization should do next: the first of a community's rules that it does not meet."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from geo.checks import require_columns
from geo.coverage import DISSOLVED, NOMINAL, NONE

# What a rule may wait for. The first four speak of things that sheets tell with yes or no.
INACTIVE, NO_RULES, NOT_REGISTERED = "inactive", "no_rules", "not_registered"
NOT_SUPERVISED, APPOINTED, IN_ORDER = "not_supervised", "appointed", "in_order"
CONDITIONS = (INACTIVE, NO_RULES, NOT_REGISTERED, NOT_SUPERVISED, APPOINTED, IN_ORDER)
# What became of an organization: a step to take, a question to ask first, nothing, or it is gone.
STEP, ASK, NOTHING, GONE = "step", "ask", "nothing", "gone"
_FLAGS = {NO_RULES: "has_rules", NOT_REGISTERED: "is_registered", NOT_SUPERVISED: "is_supervised"}
_ASKED = {INACTIVE: "last_active_on", **_FLAGS, APPOINTED: "leader_selection"}
COLUMNS = [
    "kind", "state", "stage", "last_active_on", "leader_selection", *_FLAGS.values()
]  # fmt: skip
BY_APPOINTMENT = "指派"


@dataclass(frozen=True)
class Rule:
    """A condition under which something is to be done, for some kinds and stages or for all."""

    when: str
    stages: Sequence[str] = ()
    kinds: Sequence[str] = ()


@dataclass(frozen=True)
class Advice:
    """What to do with one organization.

    `rules` are the places, among the rules, of those that it does not meet, in their order: the
    first is the next step. `unknown` are the columns that must be known before more can be said.
    """

    verdict: str
    rules: list[int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def advise_next_steps(
    bodies: pd.DataFrame, rules: Sequence[Rule], today: object, inactive_days: int
) -> pd.Series:
    """Say what the next step of each organization is.

    Parameters
    ----------
    bodies : DataFrame[kind, state, stage, last_active_on, leader_selection, has_rules,
        is_registered, is_supervised]
        Anything but the kind may be missing: it is unknown then, never 'no'.
    rules : sequence of Rule, the most pressing first
        ``inactive``: in name only, or no activity for more than `inactive_days`; ``no_rules``,
        ``not_registered``, ``not_supervised``: a sheet says so; ``appointed``: the leader is;
        ``in_order``: none of the other rules for this stage and kind holds, and all is known.
    today : date
        The day to which the data reach; where NaT nobody is known to be inactive.

    Returns
    -------
    Series of Advice, index of `bodies`
        ``step``: a rule holds. ``ask``: none holds, but something is unknown. ``nothing``: no
        rule fits. ``gone``: dissolved, or there never was one.

    Raises
    ------
    GeoError
        A column is absent.
    """
    require_columns(bodies, COLUMNS, "自组织表")
    day = pd.Timestamp(today)  # type: ignore[arg-type]
    told = [_advise(body, rules, day, inactive_days) for body in bodies[COLUMNS].to_dict("records")]
    return pd.Series(told, index=bodies.index, dtype=object)


def _advise(
    body: Mapping[Hashable, Any], rules: Sequence[Rule], today: pd.Timestamp, inactive_days: int
) -> Advice:
    if body["state"] in (DISSOLVED, NONE):
        return Advice(GONE)
    fitting = [
        place
        for place, rule in enumerate(rules)
        if (not rule.kinds or body["kind"] in rule.kinds)
        and (not rule.stages or body["stage"] in rule.stages)
    ]
    holds = {p: _holds(rules[p].when, body, today, inactive_days) for p in fitting}
    unmet = [place for place in fitting if holds[place]]
    unknown = [
        _ASKED[rules[p].when] for p in fitting if holds[p] is None and rules[p].when in _ASKED
    ]
    is_stage_asked = any(rule.stages for rule in rules) and pd.isna(body["stage"])
    if is_stage_asked:
        unknown.append("stage")
    unknown = list(dict.fromkeys(unknown))
    if unmet:
        return Advice(STEP, unmet, unknown)
    if unknown:
        return Advice(ASK, [], unknown)
    ready = [place for place in fitting if rules[place].when == IN_ORDER]
    return Advice(STEP, ready) if ready else Advice(NOTHING)


def _holds(
    when: str, body: Mapping[Hashable, Any], today: pd.Timestamp, inactive_days: int
) -> bool | None:
    """Whether a condition holds; None where that is not known."""
    if when == INACTIVE:
        if body["state"] == NOMINAL:
            return True
        if pd.isna(body["last_active_on"]) or pd.isna(today):
            return None
        return (today.normalize() - pd.Timestamp(body["last_active_on"])).days > inactive_days
    if when == APPOINTED:
        selection = body["leader_selection"]
        return None if pd.isna(selection) else selection == BY_APPOINTMENT
    if when in _FLAGS:
        flag = body[_FLAGS[when]]
        return None if pd.isna(flag) else not flag
    return False  # in order: only when nothing else holds

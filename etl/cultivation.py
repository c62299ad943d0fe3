"""Residents' own organizations and the next step of each, by the rules of the profile."""

from __future__ import annotations

import json

import pandas as pd

from etl.people import Span
from etl.profile import Profile
from etl.store import Writer
from etl.tables.people import OUT_SELF_ORGANIZATIONS
from geo.cultivation import ASK, GONE, NOTHING, STEP, Advice, Rule, advise_next_steps

CULTIVATED = ("self_organization", "volunteer_team")


def publish_cultivation(
    writer: Writer, register: pd.DataFrame, ties: pd.DataFrame, profile: Profile, span: Span
) -> None:
    """Write `out_self_organizations`, the most pressing first."""
    columns = [column.name for column in OUT_SELF_ORGANIZATIONS.columns]
    bodies = register[register["kind"].isin(CULTIVATED)].reset_index(drop=True)
    if bodies.empty:
        writer.replace(OUT_SELF_ORGANIZATIONS, pd.DataFrame(columns=columns))
        return
    hosted = ties.groupby("organization_id").agg(
        activity_count=("activity_count", "sum"), hosted_on=("last_on", "max")
    )
    bodies = bodies.join(hosted, on="organization_id")
    bodies["activity_count"] = bodies["activity_count"].fillna(0)
    bodies["last_active_on"] = bodies[["last_activity_on", "hosted_on"]].max(axis=1)
    rules = [Rule(rule.when, rule.stages, rule.kinds) for rule in profile.cultivation]
    advice = advise_next_steps(bodies, rules, span.today, profile.coverage["inactive"])
    told = pd.DataFrame([_tell(one, profile) for one in advice], index=bodies.index)
    bodies = bodies.join(told)
    bodies["quiet_days"] = (span.today - bodies["last_active_on"]).dt.days
    ordered = bodies.sort_values(["place", "last_active_on", "name"], kind="stable")
    writer.replace(OUT_SELF_ORGANIZATIONS, ordered.reindex(columns=columns))


def _tell(advice: Advice, profile: Profile) -> dict[str, object]:
    """One advice in the words of the profile."""
    rules = [profile.cultivation[place] for place in advice.rules]
    order = {STEP: 0, ASK: len(profile.cultivation), NOTHING: 998, GONE: 999}
    first = rules[0] if rules else None
    return {
        "verdict": advice.verdict,
        "next_step": first.step if first else None,
        "next_why": first.why if first else None,
        "next_when": first.when if first else None,
        "later_steps": json.dumps([rule.step for rule in rules[1:]], ensure_ascii=False),
        "unknown": json.dumps(advice.unknown),
        "place": order[advice.verdict] + (advice.rules[0] if advice.rules else 0),
    }

"""How the figures are made, and what the words mean."""

from __future__ import annotations

from datetime import date

from dashboard import explain, load, page
from dashboard.words import name_value, say
from geo.workdays import FIRST_KNOWN_YEAR, LAST_KNOWN_YEAR

FIGURES = (
    "rate", "interval", "shrunk", "nearby", "rank", "change", "deadline", "closing", "repeat",
    "funnel", "past", "alarms", "scan", "geocode", "density", "coverage", "core", "growth",
    "committee", "watch", "network", "effect", "late", "capital", "levels", "vote", "promise",
    "match", "targets", "steady", "quarantine",
)  # fmt: skip
TERMS = ("compound", "core", "need", "matter", "meeting", "intervention", "snapshot")
KINDS = (
    "property_company", "owners_committee", "courtyard_committee", "self_organization",
    "volunteer_team", "social_work_agency", "party_branch",
)  # fmt: skip
# What `python -m tests.bench.targeting` prints of judge_compounds, in per cent of communities.
CHECKED = {"day": date(2026, 11, 24), "number": 320, "households": 15_262, "yearly": 60}
RELIABILITY = {
    "quiet_same": 2, "quiet_gamma": 3, "quiet_lognormal": 4, "double_same": 79, "double": 4,
    "triple": 27, "double_new": 34, "triple_new": 67,
}  # fmt: skip
STATES = ("正常", "筹备", "名存实亡", "已解散", "无", "不适用", "未知")


def show() -> None:
    """The page."""
    page.show_title(say("nav.methods"), say("methods.lead"))
    told = {**explain.list_values(), **CHECKED}
    for name in FIGURES:
        page.show_heading(say(f"methods.{name}.head"), 3)
        page.show_note([say(f"methods.{name}.body", **told)])
        if name == "alarms":
            _show_reliability()
        if name == "deadline":
            _show_deadlines()
        if name == "levels":
            _show_levels()
    _show_weights()
    _show_states()
    _show_expectations()
    page.show_heading(say("methods.terms"))
    page.show_rows(
        [say("methods.word"), say("methods.meaning")],
        [[say(f"term.{name}"), say(f"term.{name}.body")] for name in TERMS],
    )


def _show_deadlines() -> None:
    """The working days allowed, and by which calendar they are counted."""
    profile = load.profile()
    known = {"first": FIRST_KNOWN_YEAR, "last": LAST_KNOWN_YEAR}
    page.show_note([say(f"methods.calendar.{profile.holidays}", **known)])
    levels = list(profile.due_days_at_most)
    heads = [say("methods.category"), say("methods.due_days")]
    heads += [say("methods.urgent", level=name_value("urgency", level)) for level in levels]
    names = dict.fromkeys(category for category, _ in profile.deadlines)
    rows = [
        [name_value("category", name), *(str(profile.deadlines[name, k]) for k in ("", *levels))]
        for name in names
    ]
    page.show_rows(heads, rows)


def _show_levels() -> None:
    """The rules by which matters go to their level, in the order in which they are tried."""
    profile = load.profile()
    heads = [say(f"methods.{name}") for name in ("rule", "level", "days", "reason")]
    rows = [
        [
            route.name,
            name_value("matter", route.level),
            str(route.days or profile.levels[route.level].days),
            route.reason,
        ]
        for route in profile.routing
    ]
    page.show_rows(heads, rows)


def _show_reliability() -> None:
    """How often a red ring is drawn in vain, and how often where it should be."""
    page.show_rows(
        [say("methods.case"), say("methods.outcome")],
        [[say(f"methods.case.{case}"), f"{pct}%"] for case, pct in RELIABILITY.items()],
    )
    page.show_note([say("methods.alarms.limits")])


def _show_weights() -> None:
    """What each part weighs in 'where to act first', as the profile says."""
    page.show_heading(say("methods.weights"))
    rows = []
    for side, parts in load.profile().weights.items():
        total = sum(parts.values()) or 1.0
        for part, weight in parts.items():
            rows.append(
                [
                    name_value("weight", side),
                    name_value("part", part),
                    f"{weight:g}",
                    f"{weight / total:.0%}",
                ]
            )
    heads = [say(f"methods.{name}") for name in ("side", "part", "weight", "share")]
    page.show_rows(heads, rows)


def _show_states() -> None:
    page.show_heading(say("methods.states"))
    page.show_rows(
        [say("card.state"), say("methods.meaning")],
        [[name_value("state", name), say(f"state.{name}.body")] for name in STATES],
    )


def _show_expectations() -> None:
    """Which organizations each type of compound is expected to have."""
    page.show_heading(say("methods.expectations"))
    expectations = load.profile().expectations
    heads = [say("card.kind"), *(name_value("type", kind) for kind in expectations)]
    rows = [
        [
            name_value("kind", kind),
            *(
                name_value("expectation", told.get(kind, "optional"))
                for told in expectations.values()
            ),
        ]
        for kind in KINDS
    ]
    page.show_rows(heads, rows)

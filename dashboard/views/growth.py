"""Self-organizations with the next step of each, and committees step by step."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import load, page
from dashboard.people import (
    FLAGS,
    MOST,
    list_names,
    tell_count,
    tell_cut,
    tell_day,
    tell_faults,
    tell_flag,
    tell_next_step,
    tell_quiet,
    tell_turn,
    tell_vote,
)
from dashboard.views import taking
from dashboard.words import name_value, say

MARKS = {"done": "✓", "late": "!", "next": "→", "waiting": "", "untold": "?"}
VOTE = "投票"
MOST_COMMITTEES = 30
STAGES = ("娱乐", "公益", "治理")


def show_organizations(build: load.Build, shown: pd.DataFrame) -> None:
    """What the next step of each is and why, the most pressing first."""
    bodies = load.frame(build, "out_self_organizations")
    bodies = bodies[bodies["compound_id"].isin(shown.index) | bodies["compound_id"].isna()]
    page.show_heading(say("growth.title"))
    if bodies.empty:
        page.show_note([say("growth.none")])
        return
    alive = bodies[bodies["verdict"] != "gone"]
    names = shown["name"].to_dict()
    page.show_note([_tell_stages(alive), say("growth.lead")])
    steps = alive[alive["verdict"] == "step"]
    for _, group in steps.groupby("place", sort=True):
        _show_step(group, names)
    asked = alive[alive["verdict"] == "ask"]
    if len(asked):
        page.show_heading(say("growth.ask_first", count=len(asked)), 3)
        page.show_list(
            (_name(row, names), tell_next_step(row)) for row in asked.head(MOST).itertuples()
        )
    _show_table(bodies, names)


def _tell_stages(alive: pd.DataFrame) -> str:
    counts = [
        say("growth.stage", stage=name_value("stage", stage), count=int(number))
        for stage in STAGES
        if (number := (alive["stage"] == stage).sum())
    ]
    unknown = int(alive["stage"].isna().sum())
    if unknown:
        counts.append(say("growth.no_stage", count=unknown))
    return say("growth.count", count=len(alive), parts=say("listed").join(counts))


def _show_step(group: pd.DataFrame, names: dict[str, str]) -> None:
    """All for whom one step comes next."""
    first = group.iloc[0]
    told = [_name(row, names) for row in group.head(MOST).itertuples()]
    head = say("growth.step", step=first["next_step"], count=len(group))
    items = "".join(f"<li>{escape(text)}</li>" for text in told)
    st.html(
        f'<div class="sq-target"><h3 class="sq-heading">{escape(head)}</h3>'
        f'<p class="sq-do">{escape(str(first["next_why"]))}</p>'
        f'<ul class="sq-names">{items}</ul></div>'
    )


def _name(row: Any, names: dict[str, str]) -> str:
    """An organization and where it is; the name often says that already."""
    place = names.get(row.compound_id, "")
    name = str(row.name)
    said = name if not place or place in name else say("with_unit", head=name, unit=place)
    if row.next_when == "inactive" and pd.notna(row.quiet_days):
        return said + say("growth.quiet_for", days=int(row.quiet_days))
    return said


def _show_table(bodies: pd.DataFrame, names: dict[str, str]) -> None:
    """Everything known of each, for whoever wants to look it up."""
    heads = ("name", "place", "stage", *FLAGS, "selection", "last", "held", "next", "later")
    with st.expander(say("growth.table", count=len(bodies))):
        page.show_note(tell_cut(len(bodies)))
        rows = _list_rows(bodies.head(MOST), names)
        taking.show_rows(
            "growth",
            say("org.growth"),
            [say(f"growth.col.{name}") for name in heads],
            rows,
            stacks=True,
        )


def _list_rows(bodies: pd.DataFrame, names: dict[str, str]) -> Iterator[list[str]]:
    for row in bodies.itertuples():
        later = say("between").join(load.read_list(row.later_steps))
        yield [
            str(row.name),
            names.get(row.compound_id, say("none")),
            name_value("stage", row.stage, say("flag.unknown")),
            *(tell_flag(getattr(row, flag)) for flag in FLAGS),
            name_value("selection", row.leader_selection, say("flag.unknown")),
            tell_quiet(row),
            tell_count(row.activity_count),
            tell_next_step(row),
            later,
        ]


def show_committees(build: load.Build, shown: pd.DataFrame) -> None:
    """Committees being formed: those that are late first, each as a line of steps."""
    steps = load.frame(build, "out_committee_steps")
    steps = steps[steps["compound_id"].isin(shown.index)]
    page.show_heading(say("committee.title"))
    page.show_note(
        [*_tell_lacking(build, steps, shown), "" if len(steps) else say("committee.none")]
    )
    newest = steps[steps["is_newest"].fillna(False).astype(bool)]
    for place in _order(newest)[:MOST_COMMITTEES]:
        show_committee(newest[newest["compound_id"] == place], str(shown.loc[place, "name"]))
    former = steps[~steps["is_newest"].fillna(False).astype(bool)]
    if len(former):
        with st.expander(say("committee.former")):
            terms = list(former.groupby(["compound_id", "term_no"]))[:MOST_COMMITTEES]
            for (place, _), term in terms:
                show_committee(term, str(shown.loc[place, "name"]), is_former=True)


def _order(steps: pd.DataFrame) -> list[str]:
    """Late ones first, the latest before the others; then those under way; then what is complete."""
    grouped = steps.groupby("compound_id")
    table = pd.DataFrame(
        {
            "late": grouped["days_late"].max().fillna(0).astype(int),
            "open": grouped["is_turn"].any(),
        }
    )
    table["is_late"] = table["late"] > 0
    ordered = table.sort_values(["is_late", "open", "late"], ascending=False, kind="stable")
    return [str(place) for place in ordered.index]


def _tell_lacking(build: load.Build, steps: pd.DataFrame, shown: pd.DataFrame) -> list[str]:
    """Where a committee is expected, there is none, and nothing is under way on record."""
    coverage = load.frame(build, "out_coverage")
    gaps = coverage[
        (coverage["kind"] == "courtyard_committee")
        & coverage["is_gap"].fillna(False).astype(bool)
        & coverage["compound_id"].isin(shown.index)
        & ~coverage["compound_id"].isin(steps["compound_id"])
    ]
    if gaps.empty:
        return []
    names = list_names(gaps["compound_id"], shown["name"].to_dict())
    return [say("committee.lacking", names=names)]


def show_committee(steps: pd.DataFrame, name: str, is_former: bool = False) -> None:
    """One committee: what it waits for, the line of its steps, the vote, and what is not right."""
    term = steps["term_no"].iloc[0]
    told = say("committee.term", name=name, term=int(term)) if pd.notna(term) else name
    page.show_heading(told, 3)
    vote = steps[steps["step"] == VOTE]
    asked = load.profile().committee
    lines = [] if is_former else [tell_turn(steps)]
    lines += [tell_vote(row, asked) for row in vote.itertuples()] + tell_faults(steps)
    page.show_note(lines)
    items = "".join(_draw_step(row) for row in steps.sort_values("place").itertuples())
    st.html(f'<ol class="sq-steps">{items}</ol>')


def _draw_step(row: Any) -> str:
    """A step: its sign, its name, its day, and a note."""
    day = row.done_on if row.status == "done" else row.planned_on
    lines = [say(f"committee.{row.status}_on", day=tell_day(day)) if pd.notna(day) else
             say(f"committee.{row.status}_undated")]  # fmt: skip
    if pd.notna(row.days_late):
        lines.append(say("committee.days_late", days=int(row.days_late)))
    if row.status != "done" and isinstance(row.party, str):
        lines.append(say("committee.by", party=name_value("party", row.party)))
    if isinstance(row.note, str):
        lines.append(row.note)
    small = "".join(f"<small>{escape(line)}</small>" for line in lines)
    turn = ' aria-current="step"' if row.is_turn else ""
    return (
        f'<li class="sq-step-{escape(row.status)}"{turn}><i aria-hidden="true">'
        f"{MARKS[row.status]}</i><b>{escape(name_value('step', row.step))}</b>{small}</li>"
    )

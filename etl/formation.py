"""How courtyard committees form: steps for `out_committee_steps`, and cells that cannot be."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from etl.people import Span
from etl.profile import Profile
from etl.store import Writer
from etl.tables.organizations import STEPS
from etl.tables.people import OUT_COMMITTEE_STEPS
from geo.formation import Fault, find_faults, judge_steps, measure_votes

ORDER = tuple(step.code for step in STEPS)
PROBLEMS = {
    "before": "“{step}”完成在“{earlier}”（{day}）之前，顺序不对，请核对这两个日期",
    "undone": "“{step}”已完成，排在前面的“{earlier}”还没有完成日期；请补填，或核对顺序",
    "two_terms": "第 {term} 届开始时第 {other} 届还没办完（到 {day}），同一小区两届同时在办，请核对届次和日期",
}
TWO_COMMITTEES = (
    "“{name}”的任期从 {starts} 开始，而同一小区的“{other}”任期到 {ends} 才满：两届重叠，"
    "请核对任期，或把不在任的改为“已解散”"
)


@dataclass(frozen=True)
class RowFault:
    """What cannot be in one row of a sheet: the column to look at, what it says, and the problem."""

    file: str
    sheet: str
    row: int
    table: str
    column: str
    value: str
    problem: str


def publish_formation(writer: Writer, profile: Profile, span: Span) -> None:
    """Write `out_committee_steps`: every step of every committee on record."""
    steps = _read_steps(writer)
    columns = [column.name for column in OUT_COMMITTEE_STEPS.columns]
    if steps.empty:
        writer.replace(OUT_COMMITTEE_STEPS, pd.DataFrame(columns=columns))
        return
    faults: dict[object, list[str]] = {}
    for fault in find_faults(steps, ORDER):
        faults.setdefault(fault.row, []).append(fault.code)
    steps["faults"] = [json.dumps(faults.get(label, [])) for label in steps.index]
    judged = judge_steps(steps, ORDER, span.today)
    asked = profile.committee
    judged = judged.join(measure_votes(judged, asked["turnout"], asked["approval"]))
    newest = judged.groupby("compound_id")["term_no"].transform("max")
    judged["is_newest"] = judged["term_no"].eq(newest).fillna(newest.isna()).astype(bool)
    ordered = judged.sort_values(["compound_id", "term_no", "place"], kind="stable")
    writer.replace(OUT_COMMITTEE_STEPS, ordered.reindex(columns=columns))


def list_faults(writer: Writer) -> list[RowFault]:
    """Steps out of order and terms that overlap, row by row of the sheets."""
    steps = _read_steps(writer)
    rows = steps.to_dict("index")
    found = [_tell_step(rows[fault.row], fault) for fault in find_faults(steps, ORDER)]
    doubled = writer.frame("terms_at_once")
    return found + [_tell_terms(row) for row in doubled.to_dict("records")]


def _read_steps(writer: Writer) -> pd.DataFrame:
    steps = writer.frame("committee_steps")
    for name in ("planned_on", "done_on"):
        steps[name] = pd.to_datetime(steps[name])
    return steps


def _tell_step(row: Mapping[Hashable, Any], fault: Fault) -> RowFault:
    values = {
        name: f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else value
        for name, value in fault.values.items()
    }
    problem = PROBLEMS[fault.code].format(**values)
    cell = row[fault.column]
    said = f"{cell:%Y-%m-%d}" if isinstance(cell, pd.Timestamp) else str(cell)
    return RowFault(row["file"], row["sheet"], int(row["row"]), "committee_steps", fault.column,
                    said, problem)  # fmt: skip


def _tell_terms(row: Mapping[Hashable, Any]) -> RowFault:
    starts, ends = (f"{pd.Timestamp(row[name]):%Y-%m-%d}" for name in ("starts_on", "ends_on"))
    problem = TWO_COMMITTEES.format(name=row["name"], other=row["other"], starts=starts, ends=ends)
    return RowFault(row["file"], row["sheet"], int(row["row"]), "organizations", "term_starts_on",
                    starts, problem)  # fmt: skip

"""How committees are formed: steps in order, what is late, whose turn it is, and what cannot be."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pandas as pd

from geo.checks import require_columns
from geo.errors import GeoError

# What became of a step. A step that is late, next or waiting has still to be done.
DONE, LATE, NEXT, WAITING, UNTOLD = "done", "late", "next", "waiting", "untold"
TERM = ["compound_id", "term_no"]
DATES = ["planned_on", "done_on"]
VOTES = ["voter_count", "vote_count", "approval_count"]
COLUMNS = [*TERM, "step", *DATES, *VOTES]
Step = dict[Hashable, Any]


@dataclass(frozen=True)
class Fault:
    """What cannot be in a row: its label in the frame, the column to mend, a code, what to say."""

    row: Hashable
    column: str
    code: str
    values: Mapping[str, Any]


def judge_steps(steps: pd.DataFrame, order: Sequence[str], today: object) -> pd.DataFrame:
    """Lay the steps of every committee out in order and say what became of each.

    Parameters
    ----------
    steps : DataFrame[compound_id, term_no, step, planned_on, done_on, voter_count, vote_count,
        approval_count, ...]
        A row per compound, term and step; `term_no` may be missing and is a term of its own then.
        Further columns are carried along.
    order : sequence of every step, first to last
    today : date
        The day to which the data reach; NaT where none is known, and then nothing is late.

    Returns
    -------
    DataFrame, the columns of `steps` with place, status, is_turn, days_late
        For each committee every step of `order` once; those of which no sheet tells have no
        dates. ``status``: ``done``; ``late`` (planned before today and not done), ``next``
        (the first that is not done, not late), ``waiting`` (a later one); ``untold`` (nothing is
        written of it, while a later step is done). ``is_turn`` marks the one step by which the
        committee waits: the first not done after the last that is. ``days_late`` is <NA> unless late.

    Raises
    ------
    GeoError
        A column is absent, or a step is not in `order`.
    """
    require_columns(steps, COLUMNS, "成立进度表")
    strange = sorted(set(steps["step"].dropna()) - set(order))
    if strange:
        raise GeoError(f"成立步骤“{strange[0]}”不在应有的步骤里：{'、'.join(order)}。")
    terms = steps[TERM].drop_duplicates()
    grid = terms.merge(pd.DataFrame({"step": list(order), "place": range(1, len(order) + 1)}),
                       how="cross")  # fmt: skip
    laid = grid.merge(steps, on=[*TERM, "step"], how="left")
    day = pd.Timestamp(today)  # type: ignore[arg-type]
    is_done = laid["done_on"].notna()
    planned = pd.to_datetime(laid["planned_on"])
    is_late = ~is_done & (planned < day)
    term = laid.groupby(TERM, dropna=False, sort=False).ngroup()
    last = laid["place"].where(is_done, 0).groupby(term).transform("max")
    # Of a step before the last one done nothing need be written; that is no step to wait for.
    is_untold = ~is_done & planned.isna() & (laid["place"] < last)
    is_open = ~is_done & ~is_untold
    turn = laid["place"].where(is_open, len(order) + 1).groupby(term).transform("min")
    is_turn = is_open & (laid["place"] == turn)
    status = pd.Series(WAITING, index=laid.index, dtype=object)
    status = status.mask(is_turn, NEXT).mask(is_done, DONE).mask(is_untold, UNTOLD)
    days = (day - planned).dt.days.where(is_late).astype("Int64")
    return laid.assign(status=status.mask(is_late, LATE), is_turn=is_turn, days_late=days)


def measure_votes(steps: pd.DataFrame, turnout_pct: float, approval_pct: float) -> pd.DataFrame:
    """Turnout and approval of the votes, against what is asked.

    Parameters
    ----------
    steps : DataFrame[voter_count, vote_count, approval_count]
    turnout_pct, approval_pct : float, 0 to 100
        More than this share of the electorate must vote, and of the votes be in favour.

    Returns
    -------
    DataFrame[turnout_pct, approval_pct, is_enough], index of `steps`
        NaN where a count is missing or nothing could be cast; ``is_enough`` (boolean) is False as
        soon as one share is known to fall short, <NA> while either is unknown otherwise.
    """
    require_columns(steps, VOTES, "成立进度表")
    voters, votes, approvals = (steps[name].astype("Float64").astype(float) for name in VOTES)
    turnout = 100.0 * votes / voters.where(voters > 0)
    approval = 100.0 * approvals / votes.where(votes > 0)
    shares = ((turnout, turnout_pct), (approval, approval_pct))
    falls_short = pd.concat([share <= asked for share, asked in shares], axis=1).any(axis=1)
    is_known = turnout.notna() & approval.notna()
    enough = pd.Series(pd.NA, index=steps.index, dtype="boolean").mask(is_known, True)
    return pd.DataFrame(
        {
            "turnout_pct": turnout,
            "approval_pct": approval,
            "is_enough": enough.mask(falls_short, False),
        }
    )


def find_faults(steps: pd.DataFrame, order: Sequence[str]) -> list[Fault]:
    """Find steps done out of order, and terms of one compound that run at once.

    Parameters
    ----------
    steps : DataFrame as in `judge_steps`, labels unique
    order : sequence of every step, first to last

    Returns
    -------
    list of Fault
        ``before`` at done_on: done before an earlier step was (values: step, earlier, day);
        ``undone`` at done_on: done although an earlier step on record is not;
        ``two_terms`` at term_no: the first step of a term that begins before the last step of
        another term is done (values: term, other, day). The last of the steps, which goes on for
        the whole term, counts for no term's end. Each row is named once a code.
    """
    require_columns(steps, COLUMNS, "成立进度表")
    place = {step: number for number, step in enumerate(order)}
    terms: dict[Hashable, dict[Hashable, list[Step]]] = {}
    for label, row in zip(steps.index, steps[COLUMNS].to_dict("records"), strict=True):
        told = {name: None if pd.isna(value) else value for name, value in row.items()}
        step = {**told, "label": label, "place": place[row["step"]]}
        terms.setdefault(told["compound_id"], {}).setdefault(told["term_no"], []).append(step)
    faults: list[Fault] = []
    for own in terms.values():
        for rows in own.values():
            faults += _find_disorder(sorted(rows, key=lambda step: step["place"]))
        faults += _find_terms_at_once(own, len(order) - 1)
    return faults


def _find_disorder(term: list[Step]) -> Iterator[Fault]:
    """Steps of one term, in order, that were done before or without an earlier one."""
    for number, step in enumerate(term):
        done = step["done_on"]
        if done is None:
            continue
        later = [e for e in term[:number] if e["done_on"] is not None and e["done_on"] > done]
        undone = [e for e in term[:number] if e["done_on"] is None]
        if later:
            told = {"step": step["step"], "earlier": later[-1]["step"], "day": later[-1]["done_on"]}
            yield Fault(step["label"], "done_on", "before", told)
        elif undone:
            told = {"step": step["step"], "earlier": undone[-1]["step"]}
            yield Fault(step["label"], "done_on", "undone", told)


def _find_terms_at_once(terms: Mapping[Hashable, list[Step]], watch: int) -> Iterator[Fault]:
    """Numbered terms, each held against the one before it."""
    spans = []
    for number, rows in terms.items():
        told = [
            (day, row["label"])
            for row in rows
            if row["place"] != watch
            for day in (row["planned_on"], row["done_on"])
            if day is not None
        ]
        if number is not None and told:
            first, label = min(told, key=lambda pair: pair[0])
            spans.append((int(str(number)), first, max(day for day, _ in told), label))
    spans.sort(key=lambda span: span[0])
    for (other, _, until, _), (number, first, _, label) in pairwise(spans):
        if first <= until:
            yield Fault(
                label, "term_no", "two_terms", {"term": number, "other": other, "day": until}
            )

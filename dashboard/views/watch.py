"""Property companies and owners' committees: how they answer, what they were asked and did."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import load, page
from dashboard.people import (
    MOST,
    list_names,
    tell_closing,
    tell_count,
    tell_cut,
    tell_day,
    tell_late_share,
    tell_meetings,
    tell_promises,
    tell_term,
    tell_window,
)
from dashboard.views import taking
from dashboard.words import name_value, say

KINDS = ("property_company", "owners_committee")
# Worst first: clearly later than the others, then what nobody can tell apart, by its name.
ORDER = {"higher": 0, "alike": 1, "too_few": 1, "lower": 2}


def show_watch(build: load.Build, shown: pd.DataFrame) -> None:
    """One kind at a time, in a table, and what each was asked below."""
    rows = load.frame(build, "out_supervision")
    page.show_heading(say("watch.title"))
    kind = page.pick_kept("kind", say("watch.kind"), KINDS, lambda name: name_value("kind", name))
    own = rows[rows["kind"] == kind]
    is_one = len(shown) == 1
    own = own[own["compound_id"].isin(shown.index) if is_one else own["compound_id"].isna()]
    if own.empty:
        page.show_note([say("watch.none")])
        return
    basis = "own" if (own["basis"] == "own").any() else "all"
    told = own[own["basis"] == basis]
    told = told.assign(order=told["verdict"].map(ORDER).fillna(1)).sort_values(["order", "name"])
    page.show_note([*_tell_basis(told, basis, shown), *([] if is_one else _tell_apart(told))])
    page.show_note(tell_cut(len(told)))
    told = told.head(MOST)
    everything = own[own["basis"] == "all"].set_index("organization_id")["complaint_count"]
    served = rows[rows["compound_id"].notna()].groupby("organization_id")["compound_id"].unique()
    names = load.frame(build, "out_compounds").set_index("compound_id")["name"].to_dict()
    heads = ("name", "places", "complaints", "late", "closing", "repeats", "meetings", "promises",
             "activities", "answer", "term")  # fmt: skip
    taking.show_rows(
        "watch",
        say("watch.title"),
        [say(f"watch.col.{name}") for name in heads],
        [_describe(row, everything, served, names) for row in told.itertuples()],
        [(say("watch.kind"), name_value("kind", kind))],
        mark="sq-gap",
        stacks=True,
    )
    if not is_one:
        _show_compounds(rows[(rows["kind"] == kind) & (rows["basis"] == basis)], names)
    _show_asked(told, names)


def _tell_basis(told: pd.DataFrame, basis: str, shown: pd.DataFrame) -> list[str]:
    """Which complaints and which months are meant."""
    period = tell_window(shown["window_from"].min(), shown["window_to"].max())
    if basis == "all":
        return [say("watch.basis_all", period=period)]
    names = [name_value("category", name) for name in load.read_list(told["categories"].iloc[0])]
    return [say("watch.basis_own", period=period, names=say("listed").join(names))]


def _tell_apart(told: pd.DataFrame) -> list[str]:
    """Who is clearly later than the others; where nobody can be told apart, that."""
    later = told.loc[told["verdict"] == "higher", "name"]
    if later.empty:
        return [say("watch.all_alike")]
    names = say("listed").join(map(str, later))
    return [say("watch.later", names=names), say("watch.others_alike")]


def _describe(
    row: Any, everything: pd.Series, served: pd.Series, names: dict[str, str]
) -> list[str]:
    late = tell_late_share(row)
    state = "" if row.state == "正常" else name_value("state", row.state)
    name = say("with_unit", head=row.name, unit=state) if state else str(row.name)
    term = tell_term(row)
    is_over = pd.notna(row.term_days) and row.term_days < 0
    return [
        page.FLAG + name if row.verdict == "higher" or row.state == "名存实亡" else name,
        list_names(served.get(row.organization_id, []), names, 6),
        say("watch.of_all", own=tell_count(row.complaint_count),
            whole=tell_count(everything.get(row.organization_id))),
        page.FLAG + late if row.verdict == "higher" else late,
        tell_closing(row),
        tell_count(row.repeat_count),
        tell_meetings(row),
        tell_promises(row),
        tell_count(row.activity_count),
        tell_day(row.last_active_on),
        page.FLAG + term if is_over else term,
    ]  # fmt: skip


def _show_compounds(rows: pd.DataFrame, names: dict[str, str]) -> None:
    """The same compound by compound, in the order of their names: nobody is ranked."""
    own = rows[rows["compound_id"].notna()]
    own = own.assign(place=own["compound_id"].map(names)).sort_values(["place", "name"])
    with st.expander(say("watch.by_compound", count=len(own))):
        page.show_note(tell_cut(len(own)))
        heads = (
            "place",
            "name",
            "complaints",
            "late",
            "closing",
            "repeats",
            "meetings",
            "promises",
        )
        page.show_rows(
            [say(f"watch.col.{name}") for name in heads],
            [
                [
                    str(row.place),
                    str(row.name),
                    tell_count(row.complaint_count),
                    tell_late_share(row),
                    tell_closing(row),
                    tell_count(row.repeat_count),
                    tell_meetings(row),
                    tell_promises(row),
                ]
                for row in own.head(MOST).itertuples()
            ],
            stacks=True,
        )


def _show_asked(told: pd.DataFrame, names: dict[str, str]) -> None:
    """What each was asked to do at meetings, and what came of it; what is owed first."""
    asked = told[told["asked_count"] > 0].sort_values("slipped_count", ascending=False)
    if asked.empty:
        return
    page.show_heading(say("watch.asked_title"), 3)
    for row in asked.itertuples():
        with st.expander(say("headed", head=row.name, text=tell_promises(row))):
            owed = sorted(
                load.read_list(row.asked), key=lambda one: one["outcome"] not in ("slipped", "open")
            )
            page.show_list(_tell_asked(one, names) for one in owed)


def _tell_asked(one: dict[str, Any], names: dict[str, str]) -> tuple[str, str]:
    place = names.get(one["compound_id"], say("none"))
    told = say(
        f"watch.outcome.{one['outcome']}", due=one["due_on"] or say("none"),
        kept=one["kept_on"] or say("none"),
    )  # fmt: skip
    asked = say("watch.asked_on", day=one["asked_on"] or say("none"), place=place)
    return (str(one["what"]), say("between").join([told, asked]))

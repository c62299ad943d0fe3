"""Interventions: what is late, what runs, what worked elsewhere, and what each changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import actions, choice, explain, load, page
from dashboard.charts import chart_before_after
from dashboard.load import read_list
from dashboard.reasons import tell_action
from dashboard.telling import tell_effect, tell_ratio
from dashboard.views import areas, taking
from dashboard.words import name_value, say
from etl import periods
from etl.tables.governance import PATHS

FOUND_SHOWN, OPEN_SHOWN, LATE_SHOWN, FIRST = 20, 100, 30, 5
MONTHS_AROUND = 12


@dataclass(frozen=True)
class Sight:
    """What the page reads: actions with their verdicts, effects by id, compounds."""

    build: load.Build
    table: pd.DataFrame
    effects: pd.DataFrame
    compounds: pd.DataFrame


def show() -> None:
    """The page."""
    whole = load.current_build()
    if whole.is_empty:
        page.show_empty()
        return
    build = areas.open_area(whole, "actions")
    if build is None:
        return
    compounds = load.frame(build, "out_compounds")
    effects = load.frame(build, "out_effects")
    table = actions.read_actions(load.frame(build, "out_actions"), effects, compounds)
    sight = Sight(build, table, effects.set_index("intervention_id", drop=False), compounds)
    page.show_title(say("nav.actions"), _tell_lead(table))
    if table.empty:
        page.show_note([_tell_none(build)])
        return
    _show_late(table)
    _show_open(table)
    _show_alike(sight)
    _show_one(sight)
    explain.offer("actions", "effect", "late", rows=explain.Rows(build, "interventions"))
    _show_targets(sight)


def _tell_none(build: load.Build) -> str:
    """That there are no actions, or that those of an earlier version wait for a refresh."""
    waits = len(load.frame(build, "core_interventions")) > 0
    return say("wait.refresh") if waits else say("action.none")


def _tell_lead(table: pd.DataFrame) -> str:
    if table.empty:
        return say("action.lead_none")
    days = table["known_until"].dropna()
    return say("action.lead_text", day=days.iloc[0]) if len(days) else say("action.lead_undated")


def _show_late(table: pd.DataFrame) -> None:
    """Whom to chase, and which sheets cannot mean what they say."""
    late = actions.list_late(table)
    page.show_heading(say("action.late_title", count=len(late)))
    if late.empty:
        page.show_note([say("action.none_late")])
    page.show_list([_tell(row) for row in late.head(LATE_SHOWN).to_dict("records")])
    doubtful = table[table["lateness"].isin(actions.CONTRADICTORY)]
    if len(doubtful):
        page.show_heading(say("action.doubtful_title"), 3)
        page.show_list([_tell(row) for row in doubtful.head(LATE_SHOWN).to_dict("records")])


def _tell(row: Any) -> tuple[str, ...]:
    # Name and delay on one line, in full size.
    return (
        say(
            "headed",
            head=say("action.at", name=row["name"], place=row["place"]),
            text=actions.tell_late(row),
        ),
        actions.tell_who(row),
        *([say("action.aim", text=row["aim"])] if isinstance(row["aim"], str) else []),
    )


def _show_open(table: pd.DataFrame) -> None:
    found = actions.list_open(table)
    page.show_heading(say("action.open_title", count=len(found)))
    # What a narrow screen must show comes first.
    names = ("name", "place", "status", "when", "who", "path", "aim")
    taking.show_rows(
        "actions",
        say("action.file"),
        [say(f"action.head.{name}") for name in names],
        [
            [
                str(row["name"]),
                str(row["place"]),
                _tell_status(row),
                actions.tell_when(row),
                name_value("party", row["lead_party"], say("none")),
                name_value("path", row["path"], say("none")),
                row["aim"] if isinstance(row["aim"], str) else say("none"),
            ]
            for row in found.head(OPEN_SHOWN).to_dict("records")
        ],
        mark="sq-gap",
        stacks=True,
    )


def _tell_status(row: Any) -> str:
    status = name_value("intervention", row["status"], say("action.status_unknown"))
    if row["lateness"] not in actions.LATE:
        return status
    return page.FLAG + say("with_unit", head=status, unit=say("action.is_late"))


def _show_alike(sight: Sight) -> None:
    """What was done elsewhere against a like problem, and how it ended."""
    page.show_heading(say("action.alike_title"))
    page.show_note([say("action.alike_lead")])
    path, category, words = _ask(sight)
    found = actions.find_alike(sight.table, path, category, words)
    if found.empty:
        page.show_note([say("action.none_alike")])
        return
    page.show_note([say("action.found", count=len(found))])
    items = []
    for row in found.head(FOUND_SHOWN).to_dict("records"):
        told = [actions.tell_who(row), actions.tell_when(row)]
        if row["intervention_id"] in sight.effects.index:
            told.append(tell_effect(sight.effects.loc[row["intervention_id"]]))
        told += actions.tell_learnt(row)
        items.append((say("action.at", name=row["name"], place=row["place"]), *told))
    page.show_list(items)


def _ask(sight: Sight) -> tuple[str, str, str]:
    """Path, problem and words looked for; kept in the address."""
    chosen = choice.current()
    categories = ["", *sorted(sight.table["category"].dropna().unique())]
    with st.container(horizontal=True, vertical_alignment="bottom", key="ask"):
        category = st.selectbox(
            say("action.problem"), categories,
            index=categories.index(chosen.problem) if chosen.problem in categories else 0,
            format_func=lambda name: name_value("category", name, say("control.all")),
            key=f"problem.{choice.mark()}",
        )  # fmt: skip
        paths = [value.code for value in PATHS]
        path = st.pills(
            say("action.path"), paths, default=chosen.path or None,
            format_func=lambda name: name_value("path", name), key=f"path.{choice.mark()}",
        )  # fmt: skip
        words = st.text_input(
            say("action.words"), value=chosen.find, key=f"find.{choice.mark()}",
            placeholder=say("action.words_hint"), max_chars=100,
        )  # fmt: skip
    choice.change(problem=category, path=path or "", find=words.strip())
    return path or "", category, words.strip()


def _show_one(sight: Sight) -> None:
    """One action: what it changed, drawn and in periods."""
    page.show_heading(say("action.one_title"))
    begun = sight.table[sight.table["intervention_id"].isin(sight.effects.index)]
    begun = begun.sort_values("starts_on", ascending=False)
    ids = list(begun["intervention_id"])
    if not ids:
        page.show_note([say("action.none_begun")])
        return
    act = choice.current().act
    clearest = begun.sort_values("verdict", key=lambda v: v.map(_order_of), kind="stable")
    usual = clearest["intervention_id"].iloc[0]
    names = {
        row["intervention_id"]: say("action.at", name=row["name"], place=row["place"])
        for row in begun.to_dict("records")
    }
    picked = st.selectbox(
        say("action.pick"), ids, index=ids.index(act if act in ids else usual),
        format_func=lambda i: names[i], key=f"act.{choice.mark()}",
        label_visibility="collapsed",
    )  # fmt: skip
    choice.change(act="" if picked == usual else picked)
    _show_effect(sight, sight.effects.loc[picked])


def _order_of(verdict: Any) -> int:
    return actions.ORDER.index(verdict) if verdict in actions.ORDER else len(actions.ORDER)


def _show_effect(sight: Sight, effect: pd.Series) -> None:
    page.show_note([tell_effect(effect)])
    counts = _count_months(sight, effect)
    if len(counts):
        about = name_value("category", effect["category"], say("effect.everything"))
        title = say("action.chart", category=about, n=int(counts["complaint_count"].sum()))
        st.altair_chart(
            chart_before_after(counts, pd.Timestamp(effect["starts_on"]), title), key="chart-effect"
        )
    if pd.notna(effect["months_before"]):
        _show_figures(effect)
    with st.expander(say("action.table")):
        heads = [say("chart.month"), say("chart.count")]
        rows = [
            [f"{m:%Y-%m}", f"{n:,}"] for m, n in zip(*counts.to_dict("list").values(), strict=True)
        ]
        page.show_rows(heads, rows)


def _count_months(sight: Sight, effect: pd.Series) -> pd.DataFrame:
    """Complaints of the compound on the matter of an action, a year around its beginning."""
    months = load.frame(sight.build, "out_months")
    own = months[months["compound_id"] == effect["compound_id"]]
    if isinstance(effect["category"], str):
        own = own[own["category"] == effect["category"]]
    begun = pd.Timestamp(effect["starts_on"]).to_period("M").to_timestamp()
    span = pd.DateOffset(months=MONTHS_AROUND)
    listed = [
        month
        for month in periods.list_months(sight.compounds, months)
        if begun - span <= month <= begun + span
    ]
    sums = own.groupby("month")["complaint_count"].sum().reindex(listed).fillna(0).astype(int)
    return pd.DataFrame({"month": listed, "complaint_count": sums.to_numpy()})


def _show_figures(effect: pd.Series) -> None:
    """The comparison in figures: here and in the other compounds, before and after."""
    names = ("where", "before", "after")
    sides = [("before", effect["months_before"]), ("after", effect["months_after"])]
    rows = [
        [
            say(f"action.{where}"),
            *(
                say("action.in_months", count=int(effect[f"{column}{side}_count"]), months=int(n))
                for side, n in sides
            ),
        ]
        for where, column in (("here", ""), ("others", "others_"))
        if all(pd.notna(effect[f"{column}{side}_count"]) for side, _ in sides)
    ]
    page.show_rows([say(f"action.head.{name}") for name in names], rows)
    if pd.notna(effect["ratio"]):
        page.show_note([say("action.net", change=tell_ratio(effect))])


def _show_targets(sight: Sight) -> None:
    """Where to act first: what is proposed there, what runs there, what worked elsewhere."""
    targets = load.frame(sight.build, "out_targets").dropna(subset=["rank"])
    first = targets.sort_values(["rank", "name"]).head(FIRST)
    if first.empty:
        return
    page.show_heading(say("action.targets_title"))
    page.show_note([say("action.targets_lead")])
    rows = []
    for target in first.to_dict("records"):
        for play in read_list(target["actions"]):
            path = str(play.get("path", ""))
            here, elsewhere = _match_play(sight.table, target["compound_id"], path)
            rows.append([str(target["name"]), tell_action(play), here, elsewhere])
    names = ("place", "proposed", "running", "elsewhere")
    page.show_rows([say(f"action.head.{name}") for name in names], rows, stacks=True)


def _match_play(table: pd.DataFrame, compound: Any, path: str) -> tuple[str, str]:
    """What of a path was taken up in a compound, and what of it helped in others."""
    on_path = table[table["path"] == path]
    own = on_path[(on_path["compound_id"] == compound) & on_path["status"].ne(actions.GIVEN_UP)]
    helped = on_path[(on_path["compound_id"] != compound) & (on_path["verdict"] == "better")]
    here = [
        say("with_unit", head=row["name"], unit=_tell_status(row).removeprefix(page.FLAG))
        for row in own.to_dict("records")
    ]
    there = [
        say("action.at", name=row["name"], place=row["place"]) for row in helped.to_dict("records")
    ]
    joined = say("listed").join(here)
    return joined or page.FLAG + say("action.nothing_runs"), say("listed").join(there) or say(
        "none"
    )

"""Interventions in a compound's card: what was done here, how far it is, what it changed."""

from __future__ import annotations

import pandas as pd

from dashboard import actions, load, page
from dashboard.telling import tell_effect
from dashboard.words import name_value, say

MOST_ELSEWHERE = 3


def show_actions(build: load.Build, row: pd.Series) -> None:
    """The section of the card: those that are late first, then the newest."""
    page.show_heading(say("card.interventions"), 3)
    effects = load.frame(build, "out_effects")
    table = actions.read_actions(
        load.frame(build, "out_actions"), effects, load.frame(build, "out_compounds")
    )
    _show_elsewhere(table, row)
    own = table[table["compound_id"] == row["compound_id"]]
    if own.empty:
        page.show_note([say("card.no_interventions")])
        return
    is_late = own["lateness"].isin(actions.LATE)
    ordered = own.assign(is_late=is_late).sort_values(["is_late", "starts_on"], ascending=False)
    effects = effects.set_index("intervention_id")
    items = []
    for action in ordered.to_dict("records"):
        told = [actions.tell_who(action), actions.tell_when(action), actions.tell_late(action)]
        if action["intervention_id"] in effects.index:
            told.append(tell_effect(effects.loc[action["intervention_id"]]))
        told += actions.tell_learnt(action)
        items.append((str(action["name"]), *(text for text in told if text)))
    page.show_list(items)
    page.show_note([say("card.effects_note")])


def _show_elsewhere(table: pd.DataFrame, row: pd.Series) -> None:
    """What helped in other compounds against what is complained of most here."""
    category = row["top_category"]
    if not isinstance(category, str):
        return
    helped = table[(table["verdict"] == "better") & (table["category"] == category)]
    helped = helped[helped["compound_id"] != row["compound_id"]].head(MOST_ELSEWHERE)
    names = say("listed").join(
        say("action.at", name=one["name"], place=one["place"]) for one in helped.to_dict("records")
    )
    key = "action.helped_elsewhere" if names else "action.nothing_elsewhere"
    told = {"names": names} if names else {}
    page.show_note([say(key, category=name_value("category", category), **told)])

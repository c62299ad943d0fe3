"""Interventions in a compound's card: what was done here, how far it is, what it changed."""

from __future__ import annotations

import pandas as pd

from dashboard import actions, load, page
from dashboard.telling import tell_effect
from dashboard.words import say


def show_actions(build: load.Build, row: pd.Series) -> None:
    """The section of the card: those that are late first, then the newest."""
    page.show_heading(say("card.interventions"), 3)
    effects = load.frame(build, "out_effects")
    table = actions.read_actions(
        load.frame(build, "out_actions"), effects, load.frame(build, "out_compounds")
    )
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

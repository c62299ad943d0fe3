"""What a compound's card says of matters, promises and needs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import choice, load, page
from dashboard.talks import (
    Talks,
    rank_matters,
    rank_promises,
    read_talks,
    tell_limit,
    tell_promise_line,
    tell_steps,
)
from dashboard.words import name_value, say

SHOWN = 4


def show_talks(build: load.Build, row: pd.Series) -> None:
    """Ongoing matters, promises that slipped, and what is complained about but not on the list."""
    everything = read_talks(build)
    if everything.is_empty:
        return
    talks = everything.of_compound(row["compound_id"])
    page.show_heading(say("card.talks"), 3)
    items = [*_list_matters(talks), *_list_promises(talks), *_list_unsaid(talks)]
    if items:
        page.show_list(items)
    else:
        page.show_note([say("card.no_talks")])
    target = st.session_state.get(page.PAGES, {}).get("deliberation")
    if target and st.button(say("card.to_talks"), key="to-talks"):
        choice.change(talk="matters", matter="")
        st.switch_page(target)


def _list_matters(talks: Talks) -> list[tuple[str, ...]]:
    return [
        (row.title, tell_limit(row), *tell_steps(row))
        for row in rank_matters(talks.matters).head(SHOWN).itertuples()
    ]


def _list_promises(talks: Talks) -> list[tuple[str, ...]]:
    slipped = talks.promises[talks.promises["state"] == "slipped"]
    return [(tell_promise_line(row),) for row in rank_promises(slipped).head(SHOWN).itertuples()]


def _list_unsaid(talks: Talks) -> list[tuple[str, ...]]:
    found = talks.needs[talks.needs["match"] == "complained_only"]
    if found.empty:
        return []
    names = [
        say("monthly.named_count", name=name_value("category", row.category),
            count=int(row.complaint_count))
        for row in found.sort_values("complaint_count", ascending=False).itertuples()
    ]  # fmt: skip
    return [(say("card.unsaid", names=say("listed").join(names)),)]

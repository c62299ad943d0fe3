"""Files to take away from the map and its table; each is written when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard import choice, load, page
from dashboard.map.colouring import colour_compounds
from dashboard.map.layers import list_flagged
from dashboard.words import say
from etl import periods
from etl.disclosure import EVERYTHING
from etl.export import FORMATS, TYPES, About, name_file, write_table

OPEN311 = "/open311/v2/requests.json"


def offer_files(build: load.Build, table: pd.DataFrame, period: periods.Period, color: str) -> None:
    """A list of formats; every file says filters, period, snapshot, source and suppression."""
    # Enough for names; what a file says of itself is read when it is written.
    named = About(load.profile().name, period, period.category)
    with st.popover(say("take.title"), key="take"):
        page.show_note([say("take.lead")])
        # Read here: whoever answers the click has no page of its own.
        has_rings = "hotspots" in choice.current().show
        _offer("png", lambda: _draw(build, table, color, period, has_rings), named)
        for form in FORMATS:
            _offer(form, _writer(form, build, table, period), named)
        if build.audience == EVERYTHING:
            st.html(f'<p><a href="{OPEN311}" target="_blank">{say("take.open311")}</a></p>')


def _writer(
    form: str, build: load.Build, table: pd.DataFrame, period: periods.Period
) -> Callable[[], bytes]:
    def write() -> bytes:
        plain = table[[name for name in table.columns if not name.startswith("_")]]
        return write_table(form, plain, lambda: load.shapes(build), load.about(build, period))

    return write


def _draw(
    build: load.Build, table: pd.DataFrame, color: str, period: periods.Period, has_rings: bool
) -> bytes:
    from dashboard.map.picture import draw_picture

    colouring = colour_compounds(color, table)
    flagged = list_flagged(load.frame(build, "out_hotspots")) if has_rings else []
    title = say("take.picture", name=load.profile().name, color=colouring.title)
    about = [*load.about(build, period).lines(), (say("control.color"), colouring.title)]
    drawn = draw_picture(load.shapes(build), table, colouring, flagged, title, about)
    return drawn or say("take.no_font").encode("utf-8")


def _offer(form: str, write: Callable[[], bytes], about: About) -> None:
    name = name_file(about, form)
    write_it, kept = page.write_when_clicked(write, "export", name), choice.current()
    st.download_button(
        say(f"take.{form}"), write_it, name, TYPES.get(form, "image/png"),
        key=f"take-{form}-{hash(kept)}", on_click="ignore", width="stretch",
    )  # fmt: skip

"""Files to take away from the map and its table; each is written when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard import choice, load, page
from dashboard.map.colouring import Colouring
from dashboard.map.layers import list_flagged
from dashboard.words import say
from etl import periods
from etl.disclosure import EVERYTHING
from etl.export import FORMATS, TYPES, About, name_file, write_table

OPEN311 = "/open311/v2/requests.json"


def offer_files(
    build: load.Build, table: pd.DataFrame, period: periods.Period, colouring: Colouring
) -> None:
    """A list of formats; every file says filters, period, snapshot, source and suppression."""
    about = load.about(build, period)
    with st.popover(say("take.title"), key="take"):
        page.show_note([say("take.lead")])
        # Read here: whoever answers the click has no page of its own.
        has_rings = "hotspots" in choice.current().show
        flagged = list_flagged(load.frame(build, "out_hotspots")) if has_rings else []
        told = [*about.lines(), (say("control.color"), colouring.title)]
        _offer(
            "png", lambda: _draw(build, table, colouring, flagged, told), name_file(about, "png")
        )
        for form in FORMATS:
            _offer(form, _writer(form, build, table, about), name_file(about, form))
        if build.audience == EVERYTHING:
            st.html(f'<p><a href="{OPEN311}" target="_blank">{say("take.open311")}</a></p>')


def _writer(form: str, build: load.Build, table: pd.DataFrame, about: About) -> Callable[[], bytes]:
    plain = table[[name for name in table.columns if not name.startswith("_")]]
    return lambda: write_table(form, plain, lambda: load.shapes(build), about)


def _draw(
    build: load.Build, table: pd.DataFrame, colouring: Colouring, flagged: list[str],
    about: list[tuple[str, str]],
) -> bytes:  # fmt: skip
    from dashboard.map.picture import draw_picture

    title = say("take.picture", name=load.profile().name, color=colouring.title)
    drawn = draw_picture(load.shapes(build), table, colouring, flagged, title, about)
    return drawn or say("take.no_font").encode("utf-8")


def _offer(form: str, write: Callable[[], bytes], name: str) -> None:
    write_it, kept = page.write_when_clicked(write, "export", name), choice.current()
    st.download_button(
        say(f"take.{form}"), write_it, name, TYPES.get(form, "image/png"),
        key=f"take-{form}-{hash(kept)}", on_click="ignore", width="stretch",
    )  # fmt: skip

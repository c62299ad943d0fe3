"""Files to take away from maps and tables; each is written when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboard import choice, load, page
from dashboard.map.colouring import colour_compounds
from dashboard.map.layers import list_flagged
from dashboard.words import name_value, say
from etl import periods
from etl.disclosure import EVERYTHING
from etl.export import FORMATS, PLAIN, TYPES, WORDS, About, name_file, write_table

if TYPE_CHECKING:
    import geopandas as gpd

OPEN311 = "/open311/v2/requests.json"
NO_PERIOD = periods.Period(None, None)
FIGURE = re.compile(r"-?(\d{1,3}(,\d{3})+|\d{1,9})(\.\d+)?")


def offer_files(build: load.Build, table: pd.DataFrame, period: periods.Period, color: str) -> None:
    """A list of formats; every file says filters, period, snapshot, source and suppression."""
    named = _name_it(period)
    with st.popover(say("take.title"), key="take"):
        page.show_note([say("take.lead")])
        # Read here: whoever answers the click has no page of its own.
        has_rings = "hotspots" in choice.current().show
        _offer("png", lambda: _draw(build, table, color, period, has_rings), named)
        for form in FORMATS:
            _offer(form, _writer(form, build, table, period), named)
        if build.audience == EVERYTHING:
            st.html(f'<p><a href="{OPEN311}" target="_blank">{say("take.open311")}</a></p>')


def offer_areas(
    build: load.Build, table: pd.DataFrame, shapes: Callable[[], gpd.GeoDataFrame], what: str,
    period: periods.Period,
) -> None:  # fmt: skip
    """Areas of the map with their figures: as a workbook, as CSV, and with outlines as GeoJSON."""
    named, more = _name_it(period, what), _tell_area()

    def write(form: str) -> bytes:
        return write_table(form, table, shapes, load.about(build, period, what, more))

    with st.popover(say("take.title"), key="take-areas"):
        page.show_note([say("take.lead")])
        for form in (*PLAIN, "geojson"):
            _offer(form, partial(write, form), named)


def _tell_area() -> load.Said:
    """The area that is looked at, as files say it; nothing where that is everything."""
    within = choice.current().within
    return [(say("table.area"), within)] if within else []


def offer_table(
    key: str, what: str, heads: Sequence[str], rows: Iterable[Sequence[object]],
    more: load.Said = (), period: periods.Period = NO_PERIOD,
) -> None:  # fmt: skip
    """A table of a page as it stands there, as a workbook or as CSV.

    `what` names it, `more` are the filters of the page besides period and category. Figures are
    written as figures, whatever they look like on the page.
    """
    table = pd.DataFrame(
        [[read_figure(cell) for cell in row] for row in rows], columns=range(len(heads))
    )
    # Read here: whoever answers the click has no page of its own.
    build, named = load.current_build(), _name_it(period, what)
    filters = [*_tell_area(), *more]

    def write(form: str) -> bytes:
        about = load.about(build, period, what, filters)
        return write_table(form, table.set_axis(list(heads), axis=1), pd.DataFrame, about)

    with st.container(horizontal=True, key=f"take-{key}"):
        for form in PLAIN:
            _offer(form, partial(write, form), named, key)


def show_rows(
    key: str, what: str, heads: list[str], rows: Iterable[Sequence[str]], more: load.Said = (),
    mark: str = "", stacks: bool = False,
) -> None:  # fmt: skip
    """A table on the page as `page.show_rows`, and beneath it the same to take away."""
    told = [list(row) for row in rows]
    page.show_rows(heads, told, mark=mark, stacks=stacks)
    if told:
        offer_table(key, what, heads, told, more)


def read_figure(cell: object) -> object:
    """A figure as a figure: '1,234' is 1234. Text stays text."""
    text = cell.removeprefix(page.FLAG) if isinstance(cell, str) else cell
    if not isinstance(text, str) or not FIGURE.fullmatch(text):
        return text
    plain = text.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def _name_it(period: periods.Period, what: str = "") -> About:
    """Enough of what a file says of itself to name it; the rest is read when it is written."""
    words = {name: say(f"file.{name}") for name in WORDS}
    category = name_value("category", period.category)
    return About(load.profile().name, period, category, table=what, words=words)


def _writer(
    form: str, build: load.Build, table: pd.DataFrame, period: periods.Period
) -> Callable[[], bytes]:
    more = _tell_area()

    def write() -> bytes:
        plain = table[[name for name in table.columns if not name.startswith("_")]]
        about = load.about(build, period, more=more)
        return write_table(form, plain, lambda: load.shapes(build), about)

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


def _offer(form: str, write: Callable[[], bytes], about: About, where: str = "map") -> None:
    name = name_file(about, form)
    write_it, kept = page.write_when_clicked(write, "export", name), choice.current()
    st.download_button(
        say(f"take.{form}" if where == "map" else f"take.table.{form}"), write_it, name, TYPES.get(form, "image/png"),
        key=f"take-{where}-{form}-{hash(kept)}", on_click="ignore",
        type="secondary" if where == "map" else "tertiary",
        width="stretch" if where == "map" else "content",
    )  # fmt: skip

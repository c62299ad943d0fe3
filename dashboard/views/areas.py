"""The map where there are too many compounds for one screen: districts, streets, communities."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from dashboard import choice, explain, load, page
from dashboard.map.colouring import colour_compounds
from dashboard.map.layers import Drawing, Painted, describe_areas, paint
from dashboard.map.legend import draw_legend
from dashboard.places import find_names, name_area
from dashboard.words import count, name_value, say, tell_period
from etl import areas, periods

SHAPES = "/shapes.json"
FORMS = ("map", "table")
COLOURINGS = ("rate", "households")
COLOUR_PX = 190
KEPT = 48
FIRST = 8
FOUND = 8


@dataclass(frozen=True)
class Drawn:
    """Areas as they go to the page."""

    table: pd.DataFrame
    painted: Painted
    legend: str


def address_shapes(build: load.Build, within: str, level: str = "") -> str:
    """From where the page fetches the outlines of an area, or of its parts."""
    asked = {"at": str(build.snapshot), "within": within, "level": level}
    return f"{SHAPES}?{urlencode({name: told for name, told in asked.items() if told})}"


def find_level(build: load.Build, within: str) -> str:
    """The level by which compounds are added up here; '' where each is shown."""
    return _find_level((*load.key_of(build), within), build, within)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _find_level(key: tuple[object, ...], _build: load.Build, within: str) -> str:
    inside = areas.keep_within(load.frame(_build, "out_compounds"), within)
    return areas.find_level(inside, within)


def show_steps(build: load.Build, within: str, level: str) -> None:
    """Where in the whole this is; each step leads back up."""
    if not (within or level):
        return
    steps = [("", say("area.all"))]
    steps += [(path, name_area(path)) for path in areas.list_steps(within)]
    with st.container(horizontal=True, vertical_alignment="center", key="steps"):
        for path, name in steps[:-1]:
            if st.button(f"{page.write_plain(name)} ›", key=f"step.{path}", type="tertiary"):
                _go(path)
        number = "" if not level else say("area.by", level=say(f"area.{level}"))
        st.html(f"<strong>{escape(steps[-1][1])}</strong> {escape(number)}")


def show_colourings() -> None:
    """What the colours say."""
    chosen = choice.current().color
    color = st.selectbox(
        say("control.color"), COLOURINGS, width=COLOUR_PX,
        index=COLOURINGS.index(chosen) if chosen in COLOURINGS else 0,
        format_func=lambda name: say(f"color.{name}"), key=f"colour-areas.{choice.mark()}",
    )  # fmt: skip
    if color != _current_colouring():
        choice.change(color=color)


def show(build: load.Build, shown: pd.DataFrame, period: periods.Period, level: str) -> None:
    """The areas of a level on the map or as a table, and where to go from here.

    `shown` is the register of the area around them with the figures of the period.
    """
    chosen, color = choice.current(), _current_colouring()
    key = (*load.key_of(build), period, chosen.within, level, color, chosen.lang)
    drawn = _draw(key, shown, period, level, color)
    left, right = st.columns([1.9, 1], gap="medium")
    with left:
        if chosen.form == "table":
            _show_table(drawn.table)
        else:
            from dashboard.map.show import show_map

            show_map(drawn.painted, address_shapes(build, chosen.within, level), _pick)
        st.html(drawn.legend)
        with st.container(horizontal=True, key="under-map"):
            explain.offer("map", "rate", "shrunk")
        page.show_note([say("area.note", count=f"{areas.MOST_AT_ONCE:,}")])
    with right:
        _show_search(shown)
        _show_first(drawn.table, level)


def _current_colouring() -> str:
    chosen = choice.current().color
    return chosen if chosen in COLOURINGS else COLOURINGS[0]


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _draw(
    key: tuple[object, ...], _shown: pd.DataFrame, _period: periods.Period, level: str, color: str
) -> Drawn:
    table = areas.add_up(_shown, level)
    table["name"] = [name_area(path) for path in table.index]
    colouring = colour_compounds(color, table)
    told = say(
        f"legend.area.{color}",
        period=tell_period(_period.first, _period.last),
        category=name_value("category", _period.category, say("control.all")),
        n=len(table),
        sum=int(table["shown_count" if color == "rate" else "households"].sum()),
    )
    drawing = Drawing(table=table, colouring=colouring, tips=describe_areas(table))
    return Drawn(table, paint(drawing), draw_legend(colouring, told, []))


def _pick(path: str) -> None:
    choice.change(within=path, at="")


def _go(path: str) -> None:
    _pick(path)
    st.rerun()


def _show_table(table: pd.DataFrame) -> None:
    names = {
        "name": "area", "compound_count": "compounds", "households": "households",
        "residents": "residents", "shown_count": "count", "shown_rate": "rate",
        "shown_shrunk": "shrunk",
    }  # fmt: skip
    found = table.sort_values("shown_shrunk", ascending=False, na_position="last")
    found = found[list(names)].round({"shown_rate": 1, "shown_shrunk": 1})
    counted = ("compounds", "households", "residents", "count")
    columns = {
        say(f"table.{name}"): st.column_config.NumberColumn(format="localized") for name in counted
    }
    st.dataframe(
        found.rename(columns={name: say(f"table.{told}") for name, told in names.items()}),
        hide_index=True, height=page.table_height(len(found)), column_config=columns,
    )  # fmt: skip


def _show_search(shown: pd.DataFrame) -> None:
    """Compounds by name: there are too many for a list."""
    words = st.text_input(
        say("control.compound"), placeholder=say("area.search"), label_visibility="collapsed",
        key=f"search-areas.{choice.mark()}",
    )  # fmt: skip
    if not words.strip():
        return
    found = find_names(shown["name"], words.strip(), FOUND)
    if found.empty:
        page.show_note([say("area.not_found", words=page.write_plain(words.strip()))])
    for place, name in found.items():
        if st.button(page.write_plain(name), key=f"found.{place}", type="tertiary"):
            choice.change(at=place, within=areas.find_path(shown.reset_index(drop=True), place))
            st.rerun()


def _show_first(table: pd.DataFrame, level: str) -> None:
    """The areas with the highest rates, each a step down."""
    page.show_heading(say("area.first", level=say(f"area.{level}")))
    ranked = table.sort_values("shown_shrunk", ascending=False, na_position="last")
    page.show_note([say("area.lead")])
    for path, row in ranked.head(FIRST).iterrows():
        with st.container(key=f"area-{path}"):
            if st.button(page.write_plain(row["name"]), key=f"down.{path}",
                         type="tertiary", help=say("area.down")):  # fmt: skip
                _go(str(path))
            rate = "" if pd.isna(row["shown_rate"]) else say(
                "tip.rate_value", rate=row["shown_rate"], low=row["shown_low"],
                high=row["shown_high"],
            )  # fmt: skip
            lines = [count(row["compound_count"], "unit.compounds"), say("area.rate", rate=rate)]
            page.show_note([say("listed_with").join(lines)] if rate else lines[:1])

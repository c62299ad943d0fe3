"""Where the pages look: the chosen area, the way in and out, and areas in place of compounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from dashboard import choice, explain, load, page, sums
from dashboard.charts import chart_months
from dashboard.map.colouring import colour_compounds
from dashboard.map.layers import Drawing, Painted, describe_areas, paint
from dashboard.map.legend import draw_legend
from dashboard.places import find_names, name_area
from dashboard.views import tables, taking
from dashboard.words import count, name_value, say, tell_period
from etl import areas, periods

if TYPE_CHECKING:
    import geopandas as gpd

SHAPES = "/shapes.json"
FORMS = ("map", "table")
COLOURINGS = ("rate", "households")
COLOUR_PX = 190
KEPT = 48
FIRST = 8
FOUND = 8
NAMED = 60


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


def open_area(build: load.Build, name: str) -> load.Build | None:
    """The build as a page looks at it: the chosen area, with the way out of it above the page.

    None where there are too many compounds: then the page has its figures by area, or the names to
    choose from where they do not add up.
    """
    mend_link(build)
    within = choice.current().within
    level = find_level(build, within)
    narrowed = load.look_at(build, within)
    if not level:
        show_steps(build, within, "")
        return narrowed
    page.show_title(say(f"nav.{name}"))
    show_steps(build, within, level if sums.can_add_up(name) else "")
    _show_in_place(narrowed, name, level)
    return None


def mend_link(build: load.Build) -> None:
    """A link may name an area that is gone, or a compound of another area than it says."""
    compounds = load.frame(build, "out_compounds")
    within = choice.current().within
    if within and load.frame(load.look_at(build, within), "out_compounds").empty:
        st.warning(say("map.area_gone", name=page.write_plain(within)))
        choice.change(within="")
    at = choice.current().at
    if at and at in set(compounds["compound_id"]):
        around = _find_around((*load.key_of(build), at, choice.current().within), build, at)
        choice.change(within=around)


@st.cache_resource(show_spinner=False, max_entries=KEPT * 8)
def _find_around(key: tuple[object, ...], _build: load.Build, at: str) -> str:
    """The area to show a compound in: the one that is chosen if it lies there, and can be shown."""
    compounds, within = load.frame(_build, "out_compounds"), str(key[-1])
    inside = areas.keep_within(compounds, within)
    if not areas.find_level(inside, within) and at in set(inside["compound_id"]):
        return within
    return areas.find_path(compounds, at)


def list_for_picker(names: Mapping[str, str], at: str) -> list[str]:
    """The compounds that a list by name offers: all, or where they are too many what is found."""
    if len(names) <= areas.MOST_AT_ONCE:
        return sorted(names, key=lambda place: str(names[place]))
    words = st.text_input(
        say("control.compound"), placeholder=say("area.search"), label_visibility="collapsed",
        key=f"search-names.{choice.mark()}",
    ).strip()  # fmt: skip
    found = find_names(pd.Series(names), words, FOUND) if words else pd.Series(dtype=object)
    if words and found.empty:
        page.show_note([say("area.not_found", words=page.write_plain(words))])
    return list(dict.fromkeys([*([at] if at in names else []), *found.index]))


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
            _offer_files(build, drawn.table, period, level)
        page.show_note([say("area.note", count=f"{areas.MOST_AT_ONCE:,}")])
    with right:
        _show_search(build, shown.set_index("compound_id")["name"])
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


def _show_in_place(build: load.Build, name: str, level: str) -> None:
    """Figures of a page by area where they add up, and the names to go on with."""
    compounds = load.frame(build, "out_compounds")
    told = {"count": f"{len(compounds):,}", "level": say(f"area.{level}")}
    has_sums = sums.can_add_up(name)
    page.show_note([say("area.summed" if has_sums else f"area.ask.{name}", **told)])
    with st.spinner(say("area.adding")):
        table = _sum_page(build, name, level) if has_sums else None
    order = (
        list(table.index)
        if table is not None
        else sorted(areas.name_paths(compounds, level).unique())
    )
    _show_search(build, compounds.set_index("compound_id")["name"])
    with st.container(horizontal=True, key="names-below"):
        for path in order[:NAMED]:
            if st.button(page.write_plain(name_area(path)), key=f"down.{path}"):
                _go(path)
    if len(order) > NAMED:
        page.show_note([say("area.cut", count=len(order), shown=NAMED)])
    if table is not None:
        _show_sums(build, name, level, table)
    if name == "trends":
        _show_months(build)


def _show_months(build: load.Build) -> None:
    """Complaints of the area by month."""
    period = _find_period(build)
    if period.first is None or period.last is None:
        return
    page.show_heading(say("trends.months", period=tell_period(period.first, period.last)))
    listed = list(pd.date_range(period.first, period.last, freq="MS"))
    counts = sums.count_months(build, period)
    st.altair_chart(chart_months(counts, listed), key="chart-months")
    tables.offer_months(
        counts, period, name_area(build.within) if build.within else say("area.all")
    )


def _find_period(build: load.Build) -> periods.Period:
    """The period of the page on trends: all months on record, of the chosen category."""
    compounds, months = load.frame(build, "out_compounds"), load.frame(build, "out_months")
    listed = periods.list_months(compounds, months)
    ends = (listed[0], listed[-1]) if listed else (None, None)
    return periods.Period(*ends, choice.current().category)


def _sum_page(build: load.Build, name: str, level: str) -> pd.DataFrame:
    """The areas with the figures of a page, those with most of its first figure first."""
    table = sums.add_up(build, name, level, _find_period(build))
    figures = [column for column in table if column not in ("compounds", "households")]
    rated = "rate" if "rate" in figures else figures[0]
    return table.sort_values(rated, ascending=False, kind="stable", na_position="last")


def _show_sums(build: load.Build, name: str, level: str, table: pd.DataFrame) -> None:
    """The sums as a table, which can be taken away; what belongs to no area is said too."""
    counted = table.drop(columns=["compounds", "households"])
    empty = [column for column in counted if not counted[column].fillna(0).any()]
    table = table.drop(columns=empty)
    heads = [say("table.area"), *(say(f"sum.{column}") for column in table)]
    rows = [
        [name_area(str(path)), *(_write(value) for value in row)]
        for path, row in zip(table.index, table.to_numpy(dtype=object), strict=True)
    ]
    totals = table.drop(columns="rate", errors="ignore").sum()
    last = [say("area.total"), *(_write(totals.get(column, pd.NA)) for column in table)]
    what = say("area.file", page=say(f"nav.{name}"), level=say(f"area.{level}"))
    period = _find_period(build) if "rate" in table else taking.NO_PERIOD
    page.show_rows(heads, [*rows, last], stacks=True)
    taking.offer_table(f"areas-{name}", what, heads, rows, period=period)
    if "rate" in table:
        told = tell_period(period.first, period.last)
        page.show_note([say("area.rated", period=told)])
    if empty:
        names = say("listed").join(say(f"sum.{column}") for column in empty)
        page.show_note([say("area.none", figures=names)])
    elsewhere = sums.count_elsewhere(build, name) if not build.within else {}
    page.show_note(
        say("area.elsewhere", figure=say(f"sum.{figure}"), count=number)
        for figure, number in elsewhere.items()
    )


def show_places_in_sum(build: load.Build) -> None:
    """How many compounds have no boundary, by area, where there are too many to list."""
    within = choice.current().within
    narrowed = load.look_at(build, within)
    if level := find_level(build, within):
        _show_sums(narrowed, "quality", level, _sum_page(narrowed, "quality", level))


def _write(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return say("none")
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def _offer_files(
    build: load.Build, table: pd.DataFrame, period: periods.Period, level: str
) -> None:
    """The areas of the map as files: for people, and with their outlines."""
    within = choice.current().within

    def outline() -> gpd.GeoDataFrame:
        from dashboard.map.shapes import outline_areas

        inside = areas.keep_within(load.frame(build, "out_compounds"), within)
        return outline_areas(load.shapes(build), inside, level)

    what = say("area.file", page=say("nav.map"), level=say(f"area.{level}"))
    taking.offer_areas(build, table.rename_axis("area").reset_index(), outline, what, period)


def _show_search(build: load.Build, names: pd.Series) -> None:
    """Compounds by name: there are too many for a list. `names` by compound_id."""
    words = st.text_input(
        say("control.compound"), placeholder=say("area.search"), label_visibility="collapsed",
        key=f"search-areas.{choice.mark()}",
    )  # fmt: skip
    if not words.strip():
        return
    found = find_names(names, words.strip(), FOUND)
    if found.empty:
        page.show_note([say("area.not_found", words=page.write_plain(words.strip()))])
    for place, name in found.items():
        if st.button(page.write_plain(name), key=f"found.{place}", type="tertiary"):
            compounds = load.frame(load.look_at(build, ""), "out_compounds")
            choice.change(at=place, within=areas.find_path(compounds, str(place)))
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
            lines = [count(row["compound_count"], "unit.compounds")]
            if pd.notna(row["shown_rate"]):
                ends = {"low": row["shown_low"], "high": row["shown_high"]}
                lines.append(say("area.rate", rate=row["shown_rate"], **ends))
            page.show_note([say("listed_with").join(lines)])

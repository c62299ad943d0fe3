"""Two months, two colours or two compounds beside each other; the two maps move together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, load, page, withheld
from dashboard.charts import chart_category
from dashboard.map.colouring import Band, Colouring, colour_compounds
from dashboard.map.layers import Drawing, paint, tell_rank
from dashboard.map.legend import draw_legend
from dashboard.map.months import Frames, colour_months
from dashboard.places import name_for_search
from dashboard.views import taking
from dashboard.words import count, name_value, say
from etl import periods


def show(
    build: load.Build, table: pd.DataFrame, listed: list[pd.Timestamp], color: str, shapes: str
) -> None:
    """The two sides of what is compared, as the address says."""
    kind = page.pick_kept(
        "vs", say("compare.what"), choice.SIDES, lambda name: say(f"compare.{name}")
    )
    if kind == "months":
        _compare_months(build, table, listed, shapes)
    elif kind == "colours":
        _compare_colours(build, table, color, shapes)
    else:
        _compare_places(build, table, listed, color, shapes)


def _compare_months(
    build: load.Build, table: pd.DataFrame, listed: list[pd.Timestamp], shapes: str
) -> None:
    months, category = load.frame(build, "out_months"), choice.current().category
    colouring, frames = colour_months(table, months, listed, category)
    names = [f"{month:%Y-%m}" for month in listed]
    usual = (names[max(len(names) - 2, 0)], names[-1])
    picked = _pick_two(("frame2", "frame"), say("months.slider"), names, usual, str)
    sides = [listed[names.index(name)] for name in picked]
    for side, name in zip(st.columns(2, gap="small"), picked, strict=True):
        with side:
            month = listed[names.index(name)]
            shown = select_month(colouring, frames, month)
            _show_side(name, Drawing(table, shown, choice.current().at, is_linked=True), shapes)
            told = say(
                "compare.month_source", month=name, n=int(frames.counts[month].sum()),
                category=name_value("category", category, say("control.all")),
            )  # fmt: skip
            st.html(draw_legend(shown, told, []))
    counts = frames.counts[sides].reindex(table.index)
    rows = [
        [name, *each] for name, each in zip(table["name"], counts.to_numpy().tolist(), strict=True)
    ]
    everything = periods.Period(min(sides), max(sides), category)
    heads = [say("table.name"), *picked]
    taking.offer_table("compare-months", say("compare.file.months"), heads, rows, period=everything)


def select_month(colouring: Colouring, frames: Frames, month: pd.Timestamp) -> Colouring:
    """One month of the shared scale, its classes counted by compounds."""
    member = frames.member[month]
    bands = tuple(
        Band(band.look, band.label, int((member == at).sum()))
        for at, band in enumerate(colouring.bands)
    )
    return Colouring(colouring.title, colouring.unit, bands, member, frames.told[month])


def _compare_colours(build: load.Build, table: pd.DataFrame, color: str, shapes: str) -> None:
    names = withheld.list_offered(build.audience, choice.COLOURINGS)
    other = next(name for name in ("coverage", "type", "rate") if name in names and name != color)
    picked = _pick_two(
        ("color", "color2"), say("control.color"), names, (color, other),
        lambda name: say(f"color.{name}"),
    )  # fmt: skip
    for side, name in zip(st.columns(2, gap="small"), picked, strict=True):
        with side:
            shown = colour_compounds(name, table)
            drawing = Drawing(table, shown, choice.current().at, is_linked=True)
            _show_side(f"{name}-{picked.index(name)}", drawing, shapes)
            st.html(draw_legend(shown, say("compare.compounds", n=len(table)), []))
    told = [colour_compounds(name, table) for name in picked]
    heads = [say("table.name"), *(each.title for each in told)]
    rows = [
        [str(table.loc[place, "name"]), *(_tell_class(each, place) for each in told)]
        for place in table.index
    ]
    taking.offer_table("compare-colours", say("compare.file.colours"), heads, rows)


def _tell_class(colouring: Colouring, place: str) -> str:
    """What is written under a compound, else the class that it is in."""
    member = int(colouring.member[place])
    return str(colouring.told[place]) or colouring.bands[member].label


def _show_side(name: str, drawing: Drawing, shapes: str) -> None:
    # Not above: the component is registered only if a visit is the first to import it.
    from dashboard.map.show import show_map

    show_map(paint(drawing), shapes, lambda place: choice.change(at=place), name=name)


def _compare_places(
    build: load.Build, table: pd.DataFrame, listed: list[pd.Timestamp], color: str, shapes: str
) -> None:
    """Two compounds: a map of each, the same figures in two columns, their months on one scale."""
    names = table["name"].to_dict()
    places = sorted(names, key=lambda place: str(names[place]))
    if len(places) < 2:
        page.show_note([say("compare.too_few")])
        return
    order = list(table["shown_shrunk"].fillna(0).sort_values(ascending=False).index)
    at = choice.current().at
    first = at if at in names else order[0]
    second = next(place for place in order if place != first)
    picked = _pick_two(
        ("at", "at2"), say("table.name"), places, (first, second),
        lambda place: name_for_search(str(names[place])),
    )  # fmt: skip
    rows = [table.loc[place] for place in picked]
    _show_both(build, table, colour_compounds(color, table), picked, shapes)
    heads = [say("compare.figure"), *(str(row["name"]) for row in rows)]
    told = [[label, *map(tell, rows)] for label, tell in _list_figures()]
    taking.show_rows("compare-places", say("compare.file.places"), heads, told)
    months = load.frame(build, "out_months")
    both = months[months["compound_id"].isin(picked)]
    if both.empty or not listed:
        return
    sums = both[both["month"].isin(listed)].groupby(["compound_id", "month"])["complaint_count"]
    highest = max(int(sums.sum().max()), 1)
    for number, (side, place) in enumerate(zip(st.columns(2, gap="small"), picked, strict=True)):
        own = both[both["compound_id"] == place].assign(category=str(names[place]))
        with side:
            chart = chart_category(own, listed, str(names[place]), highest)
            st.altair_chart(chart, key=f"compare-months-{number}")


def _show_both(
    build: load.Build, table: pd.DataFrame, colouring: Colouring, picked: list[str], shapes: str
) -> None:
    """Each compound from near, in the colours of one legend; a click takes another one there."""
    from dashboard.map.show import show_map

    nothing = pd.DataFrame()
    can_see = load.may_read(build, "core_organizations")
    for side, field, place in zip(st.columns(2, gap="small"), ("at", "at2"), picked, strict=True):
        drawing = Drawing(
            table, colouring, place, hotspots=load.frame(build, "out_hotspots"),
            organizations=load.frame(build, "core_organizations") if can_see else nothing,
            has_buildings=True, is_close=True,
        )  # fmt: skip
        with side:
            show_map(paint(drawing), shapes, partial(_take_side, field), name=f"place-{field}")
    st.html(draw_legend(colouring, say("compare.compounds", n=len(table)), []))


def _take_side(field: str, place: str) -> None:
    """Take a compound for one side, where the list above it has it too."""
    st.session_state[_key_of(field)] = place
    choice.change(**{field: place})


def _key_of(field: str) -> str:
    return f"compare-{field}.{choice.mark()}"


def _list_figures() -> list[tuple[str, Callable[[Any], str]]]:
    """What is told of each of two compounds, and how."""

    def whole(column: str, unit: str) -> Callable[[Any], str]:
        return lambda row: count(row.get(column), unit)

    return [
        (say("tip.type"), lambda row: name_value("type", row["type"], say("type.unknown"))),
        (say("tip.households"), whole("households", "unit.households")),
        (say("card.residents"), whole("residents", "unit.people")),
        (say("tip.count"), whole("shown_count", "unit.complaints")),
        (say("tip.rate"), _tell_rate),
        (say("tip.rank"), lambda row: tell_rank(row["rank"], row["rank_low"], row["rank_high"])
         or say("none")),
        (say("card.open"), whole("open_count", "unit.complaints")),
        (say("card.overdue"), whole("overdue_count", "unit.complaints")),
        (say("card.repeats"), whole("repeat_count", "unit.complaints")),
        (say("compare.gaps"), whole("gap_count", "unit.kinds")),
        (say("card.core"), whole("core_resident_count", "unit.people")),
        (say("compare.needs"), lambda row: _number(row.get("open_need_count"))),
        (say("compare.matters"), lambda row: _number(row.get("overdue_matter_count"))),
        (say("compare.promises"), lambda row: _number(row.get("late_promise_count"))),
    ]  # fmt: skip


def _tell_rate(row: Any) -> str:
    if pd.isna(row["shown_rate"]):
        return say("none")
    low, high = row["shown_low"], row["shown_high"]
    return say("tip.rate_value", rate=row["shown_rate"], low=low, high=high)


def _number(value: Any) -> str:
    return say("none") if pd.isna(value) else f"{int(value):,}"


def _pick_two(
    fields: tuple[str, str], label: str, options: list[str], usual: tuple[str, str],
    name: Callable[[str], str],
) -> list[str]:  # fmt: skip
    """Two choices beside each other, each kept in the address."""
    picked = []
    for side, field, first in zip(st.columns(2, gap="small"), fields, usual, strict=True):
        kept = getattr(choice.current(), field)
        shown = kept if kept in options else first
        with side:
            found = st.selectbox(
                label, options, index=options.index(shown), format_func=name,
                key=_key_of(field),
            )  # fmt: skip
        choice.change(**{field: "" if found == first and not kept else found})
        picked.append(found)
    return picked

"""Social capital of each compound: what residents say, item by item, and who takes part."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import capital, choice, explain, load, page
from dashboard.charts import chart_intervals
from dashboard.views import areas, capital_card, taking
from dashboard.words import say, tell_period

MOST_IN_CHART = 60
MOST_ROWS = 300
MOST_STRIKING = 15


def show() -> None:
    """The page."""
    whole = load.current_build()
    if whole.is_empty:
        page.show_empty()
        return
    build = areas.open_area(whole, "capital")
    if build is None:
        return
    page.show_title(say("nav.capital"), say("capital.lead"))
    compounds = load.frame(build, "out_compounds")
    table = compounds.set_index("compound_id", drop=False).rename_axis(None)
    told = load.frame(build, "out_capital")
    newest = capital.select_newest(told)
    place = _pick_place(table)
    if place:
        page.show_heading(table.loc[place, "name"])
        capital_card.show_parts(told, table.loc[place], capital.has_core_list(compounds))
    if newest.empty:
        waits = len(load.frame(build, "core_survey")) > 0
        page.show_note([say("wait.refresh" if waits else "capital.no_survey")])
    else:
        _show_striking(told, newest, table)
        _show_item(newest, table)
    _show_registers(told, table)
    explain.offer("capital", "capital")


def _pick_place(table: pd.DataFrame) -> str:
    """The compound in the address, chosen by name."""
    names = table["name"].to_dict()
    at = choice.current().at
    places = areas.list_for_picker(names, at)
    picked = st.selectbox(
        say("control.compound"), places, index=places.index(at) if at in places else None,
        format_func=lambda place: names[place], placeholder=say("control.placeholder"),
        key=f"capital.pick.{at}", label_visibility="collapsed",
    )  # fmt: skip
    if (picked or "") != at:
        choice.change(at=picked or "")
        st.rerun()
    return at if at in table.index else ""


def _show_striking(told: pd.DataFrame, newest: pd.DataFrame, table: pd.DataFrame) -> None:
    """Which compounds stand apart or have changed, and that the others cannot be told apart."""
    page.show_heading(say("capital.striking"))
    waves = say("listed").join(capital.list_waves(told))
    found = capital.tell_striking(newest, table["name"].to_dict())
    if found:
        page.show_list(found[:MOST_STRIKING])
    known = newest[(newest["status"] == "known") & (newest["compound_id"] != capital.EVERYWHERE)]
    alike = known["compound_id"].nunique() - len(found)
    fewest = load.profile().capital
    few = _list_missing(newest, table)
    page.show_note(
        [
            say("capital.more", count=len(found) - MOST_STRIKING)
            if len(found) > MOST_STRIKING
            else "",
            say("capital.alike", count=alike) if alike else "",
            *few,
            say(
                "capital.how", waves=waves, agrees=fewest.agrees_from, fewest=fewest.fewest_answers
            ),
        ]
    )


def _list_missing(newest: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """Compounds of which too few answered, and those that were not asked."""
    asked = set(newest["compound_id"])
    known = set(newest.loc[newest["status"] == "known", "compound_id"])
    told = []
    for key, places in (
        ("capital.few_in", [i for i in table.index if i in asked - known]),
        ("capital.not_asked_in", [i for i in table.index if i not in asked]),
    ):
        if places:
            names = say("listed").join(str(name) for name in table.loc[places[:12], "name"])
            told.append(say(key, names=names, count=len(places)))
    return told


def _show_item(newest: pd.DataFrame, table: pd.DataFrame) -> None:
    """One item over all compounds: a chart, and the table that says the same."""
    items = [name for name in capital.NAMES if (newest["measure"] == name).any()]
    chosen = choice.current()
    page.show_heading(say("capital.items"))
    item = st.pills(
        say("capital.item"), items, default=chosen.item if chosen.item in items else items[0],
        format_func=lambda name: say(f"item.{name}"), key=f"item.{choice.mark()}", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    choice.change(item="" if item == items[0] else item)
    rows = newest[newest["measure"] == item]
    own = rows[rows["compound_id"].isin(table.index)].assign(
        name=lambda found: found["compound_id"].map(table["name"])
    )
    known = own[own["status"] == "known"].sort_values("pct")
    everywhere = rows[rows["compound_id"] == capital.EVERYWHERE]
    overall = float(everywhere["pct"].iloc[0]) if len(everywhere) else None
    part = say(f"capital.part.{rows['part'].iloc[0]}")
    asked = int(known["base_count"].sum())
    title = say("capital.chart", part=part, item=say(f"item.{item}"), n=asked)
    st.altair_chart(chart_intervals(known.head(MOST_IN_CHART), overall, title), key="chart-item")
    if overall is not None:
        page.show_note([say("capital.overall", pct=overall)])
    with st.expander(say("capital.table")):
        _show_twin(newest, table, item)


def _show_twin(newest: pd.DataFrame, table: pd.DataFrame, item: str) -> None:
    """The lowest first; what is not known comes last."""
    shares = newest[newest["measure"] == item].set_index("compound_id")["pct"]
    ordered = table.assign(pct=shares.reindex(table.index)).sort_values(["pct", "name"])
    order = list(ordered.index[:MOST_ROWS])
    found = {place: capital.find_row(newest, place, item) for place in order}
    heads = [say(f"capital.head.{name}") for name in ("name", "share", "asked", "rest", "change")]
    tells = (capital.tell_share, capital.tell_asked, capital.tell_rest, capital.tell_change)
    taking.show_rows(
        "capital",
        say("capital.file"),
        heads,
        [[str(table.loc[i, "name"]), *(tell(found[i]) for tell in tells)] for i in order],
        [(say("capital.file_item"), say(f"item.{item}"))],
        stacks=True,
    )


def _show_registers(told: pd.DataFrame, table: pd.DataFrame) -> None:
    """What registers count: organizations, core residents, activities, meetings."""
    page.show_heading(say("capital.registers"))
    first, last = table["window_from"].min(), table["window_to"].max()
    period = say("capital.all_time") if pd.isna(first) else tell_period(first, last)
    page.show_note([say("capital.registers_lead", period=period)])
    names = ("organizations", "core", "activities", "meetings")
    has_list = capital.has_core_list(table)
    taking.show_rows(
        "registers",
        say("capital.registers"),
        [say("capital.head.name"), *(say(f"capital.head.{name}") for name in names)],
        [
            [
                str(row["name"]),
                capital.tell_organizations(row),
                capital.tell_core(row, has_list),
                *(
                    capital.tell_events(told, row["compound_id"], name, row["households"])
                    for name in names[2:]
                ),
            ]
            for row in table.head(MOST_ROWS).to_dict("records")
        ],
        stacks=True,
    )

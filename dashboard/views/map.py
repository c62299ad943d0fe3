"""The map of the community, where to act first, and one compound's card."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboard import actions, capital, choice, explain, load, page, withheld
from dashboard.map.colouring import Colouring, colour_compounds
from dashboard.map.layers import CIRCLED, Drawing, Painted, list_flagged, paint
from dashboard.map.legend import draw_legend
from dashboard.map.months import colour_months
from dashboard.map.signs import LOOKS, find_gaps, find_services, look_of, tell_lacking
from dashboard.places import name_for_search
from dashboard.views import areas, card, tables, taking, targets
from dashboard.words import known, name_value, say, tell_period
from etl import periods
from etl.areas import keep_within

if TYPE_CHECKING:
    from dashboard.map.density import Surface

COLOUR_PX = 190
# Whom a colouring per 100 households counts.
COUNTED = {"core": "core_resident_count", "taking_part": "participant_count"}
MOST_NAMED = 8
KEPT_SIGHTS = 48
# Which methods stand behind a colour, and which table of rows where it is not the complaints.
METHODS_OF: dict[str, tuple[str, ...]] = {
    "rate": ("rate", "shrunk", "funnel", "scan"), "change": ("change",), "late": ("deadline",),
    "type": ("coverage",), "households": ("rate",), "coverage": ("coverage",),
    "committee": ("committee", "coverage"), "core": ("core",), "taking_part": ("core",),
    "trust": ("capital",), "norms": ("capital",), "networks": ("capital",), "needs": ("match",),
    "matters": ("levels",), "promises": ("promise",), "meetings": ("capital",),
    "handbook": ("levels",),
}  # fmt: skip
TABLE_OF = {
    "type": "compounds", "households": "compounds", "coverage": "organizations",
    "committee": "organizations", "core": "core_residents", "taking_part": "activities",
    "needs": "needs", "matters": "matters", "promises": "meetings", "meetings": "meetings",
    "handbook": "responsibilities", "trust": "compounds", "norms": "compounds",
    "networks": "compounds",
}  # fmt: skip


@dataclass(frozen=True)
class Sight:
    """What this run of the page shows."""

    build: load.Build
    choice: choice.Choice
    listed: list[pd.Timestamp]
    period: periods.Period
    table: pd.DataFrame
    color: str

    @property
    def shapes(self) -> str:
        """The address of the outlines."""
        return areas.address_shapes(self.build, self.choice.within)

    def frame(self, name: str) -> pd.DataFrame:
        """A published table, of the compounds that are shown."""
        found = load.frame(self.build, name)
        if not self.choice.within or "compound_id" not in found:
            return found
        return found[found["compound_id"].isin(self.table.index)]

    @property
    def key(self) -> tuple[object, ...]:
        """Whoever has the same sees the same."""
        return (*load.key_of(self.build), self.choice, self.period, self.color)

    @cached_property
    def surface(self) -> Surface | None:
        """Where the complaints of the period lie thick, if that is to be shown."""
        if "density" not in self.choice.show or self.choice.form != "map":
            return None
        from dashboard.map.density import Surface

        cells = periods.select_months(load.frame(self.build, "out_cells"), self.period)
        return Surface(cells) if len(cells) else None


def show() -> None:
    """The page."""
    build = load.current_build()
    if build.is_empty:
        page.show_empty()
        return
    totals = periods.read_totals(load.frame(build, "out_totals"))
    page.show_key_figures(load.profile().name, totals)
    compounds, months = load.frame(build, "out_compounds"), load.frame(build, "out_months")
    listed = periods.list_months(compounds, months)
    _mend_link(build, compounds, months, listed)
    withheld.drop_withheld_choice(build)
    usual = _find_usual_colour(compounds, listed)
    level = areas.find_level(build, choice.current().within)
    _show_controls(build, compounds, months, listed, usual, level)
    chosen = choice.current()
    period = periods.find_period(compounds, listed, chosen.first, chosen.last, chosen.category)
    within = chosen.within
    table = _measure((*load.key_of(build), period, within), build, period, within)
    table = table.copy(deep=False)
    areas.show_steps(build, within, level)
    if level:
        areas.show(build, table, period, level)
        return
    sight = Sight(build, chosen, listed, period, table, chosen.color or usual)
    if chosen.form == "compare":
        _show_sight(sight)
        return
    left, right = st.columns([1.9, 1], gap="medium")
    with left:
        _show_sight(sight)
    with right:
        _show_side(sight)
    if chosen.form == "table":
        tables.show_funnel(compounds)
        tables.show_handling(build, compounds)
        if load.may_read(build, "out_coverage"):
            tables.show_coverage(build, table)
    place = choice.current().at
    if place in table.index:
        card.show_details(build, table.loc[place])


# What is made of the data alone is made once for everybody who chose the same.
@st.cache_resource(show_spinner=False, max_entries=KEPT_SIGHTS)
def _measure(
    key: tuple[object, ...], _build: load.Build, _period: periods.Period, within: str
) -> pd.DataFrame:
    """The register of an area with the figures of a period, and what the map colours by besides."""
    build = _build
    compounds, months = load.frame(build, "out_compounds"), load.frame(build, "out_months")
    table = periods.add_shown(compounds, months, _period)
    if load.may_read(build, "out_capital"):
        table = table.join(capital.measure_shown(load.frame(build, "out_capital")))
    if load.may_read(build, "out_actions"):
        table["open_action_count"] = _count_actions(build, table.index)
    if load.may_read(build, "out_coverage"):
        table["committee_state"] = _read_committees(build, table.index)
    if load.may_read(build, "out_handbook"):
        table["handbook_problem"] = _read_handbook(build, table["top_category"])
    return keep_within(table, within)


def _mend_link(
    build: load.Build, compounds: pd.DataFrame, months: pd.DataFrame, listed: list[pd.Timestamp]
) -> None:
    """A link may be older than the data: say what is gone, and show the rest."""
    chosen = choice.current()
    if chosen.at and chosen.at not in set(compounds["compound_id"]):
        st.warning(say("map.gone", name=page.write_plain(chosen.at)))
        choice.change(at="")
    areas.mend_link(build)
    if chosen.category and chosen.category not in set(months["category"]):
        st.warning(say("map.category_gone", name=page.write_plain(chosen.category)))
        choice.change(category="")
    names = {f"{month:%Y-%m}" for month in listed}
    if {chosen.first, chosen.last, chosen.frame, chosen.frame2} - names - {""}:
        st.warning(say("map.month_gone"))
        choice.change(first="", last="", frame="", frame2="")


def _show_controls(
    build: load.Build, compounds: pd.DataFrame, months: pd.DataFrame, listed: list[pd.Timestamp],
    usual: str, level: str,
) -> None:  # fmt: skip
    chosen = choice.current()
    forms = list(areas.FORMS) if level else _list_forms(build, listed)
    shown = chosen.form if chosen.form in forms else "map"
    with st.container(horizontal=True, vertical_alignment="bottom", key="controls"):
        if shown in ("map", "table"):
            _show_layers(build, usual, level)
        form = st.segmented_control(
            say("control.form"), forms, default=shown, required=True,
            format_func=lambda name: say(f"form.{name}"), key=f"form.{choice.mark()}",
        )  # fmt: skip
        choice.change(form=form)
        if form != shown:
            # The other forms have controls of their own.
            st.rerun()
        if listed:
            _show_filter(compounds, months, listed)


def _show_layers(build: load.Build, usual: str, level: str) -> None:
    """What the colours say, and what lies over them; over areas nothing does."""
    chosen = choice.current()
    if level:
        areas.show_colourings()
        return
    colourings = withheld.list_offered(build.audience, choice.COLOURINGS)
    overlays = withheld.list_offered(build.audience, choice.OVERLAYS)
    color = st.selectbox(
        say("control.color"), colourings, width=COLOUR_PX,
        index=colourings.index(chosen.color or usual),
        format_func=lambda name: say(f"color.{name}"), key=f"color.{choice.mark()}",
    )  # fmt: skip
    show = st.pills(
        say("control.show"), overlays, selection_mode="multi", default=chosen.show,
        format_func=lambda name: say(f"show.{name}"), key=f"show.{choice.mark()}",
    )  # fmt: skip
    choice.change(
        color="" if color == usual else color,
        show=tuple(name for name in choice.OVERLAYS if name in show),
    )


def _list_forms(build: load.Build, listed: list[pd.Timestamp]) -> list[str]:
    """How the page can be seen: month after month only where there are months, and no hidden ones."""
    has_months = len(listed) > 1 and not build.audience.is_suppressed
    return [form for form in choice.FORMS if form not in ("months", "compare") or has_months]


def _find_usual_colour(compounds: pd.DataFrame, listed: list[pd.Timestamp]) -> str:
    """How the map is coloured by itself: by the most telling figure that the data allow."""
    if not listed:
        return "type"
    return "rate" if compounds["households"].notna().any() else "change"


def _show_filter(compounds: pd.DataFrame, months: pd.DataFrame, listed: list[pd.Timestamp]) -> None:
    chosen = choice.current()
    period = periods.find_period(compounds, listed, chosen.first, chosen.last, "")
    named = name_value("category", chosen.category, say("control.all"))
    said = tell_period(period.first, period.last)
    with st.popover(say("control.filter", category=named, period=said), key="filter"):
        found = months.groupby("category")["complaint_count"].sum()
        categories = ["", *found.sort_values(ascending=False).index]
        category = st.selectbox(
            say("control.category"), categories,
            index=categories.index(chosen.category) if chosen.category in categories else 0,
            format_func=lambda name: name_value("category", name, say("control.all")),
        )  # fmt: skip
        names = [f"{month:%Y-%m}" for month in listed]
        ends = (f"{period.first:%Y-%m}", f"{period.last:%Y-%m}")
        if len(names) > 1:
            ends = st.select_slider(say("control.months"), names, value=ends)
    usual = periods.find_period(compounds, listed, "", "", "")
    if ends == (f"{usual.first:%Y-%m}", f"{usual.last:%Y-%m}"):
        ends = ("", "")
    before = choice.current()
    choice.change(category=category, first=ends[0], last=ends[1])
    if choice.current() != before:
        st.rerun()


def _show_sight(sight: Sight) -> None:
    """The map, or its twin as a table, with what there is to know about it."""
    if sight.choice.form == "months":
        _show_months(sight)
        return
    if sight.choice.form == "compare":
        from dashboard.views import comparing

        comparing.show(sight.build, sight.table, sight.listed, sight.color, sight.shapes)
        explain.offer("map", "rate", "shrunk", "rank")
        return
    drawn = _draw(sight.key, sight)
    if sight.choice.form == "table":
        targets.show_table(sight.table)
    else:
        # Not above: the component is registered only if a visit is the first to import it.
        from dashboard.map.show import show_map

        show_map(drawn.painted, sight.shapes, lambda place: choice.change(at=place))
    st.html(drawn.legend)
    with st.container(horizontal=True, key="under-map"):
        taking.offer_files(sight.build, sight.table, sight.period, sight.color)
        behind = explain.Rows(
            sight.build, TABLE_OF.get(sight.color, "complaints"), "", sight.period
        )
        explain.offer("map", *METHODS_OF[sight.color], rows=behind)
    page.show_note(drawn.notes)


@dataclass(frozen=True)
class Drawn:
    """A sight as it goes to the page."""

    painted: Painted
    legend: str
    notes: tuple[str, ...]


@st.cache_resource(show_spinner=False, max_entries=KEPT_SIGHTS)
def _draw(key: tuple[object, ...], _sight: Sight) -> Drawn:
    sight, colouring = _sight, colour_compounds(_sight.color, _sight.table)
    is_map = sight.choice.form == "map"
    return Drawn(
        paint(_make_drawing(sight, colouring)) if is_map else Painted(""),
        draw_legend(colouring, _tell_source(sight), _list_marks(sight)),
        tuple(_list_notes(sight)),
    )


def _make_drawing(sight: Sight, colouring: Colouring) -> Drawing:
    show = sight.choice.show
    nothing = pd.DataFrame()
    return Drawing(
        table=sight.table,
        colouring=colouring,
        selected=sight.choice.at,
        hotspots=sight.frame("out_hotspots") if "hotspots" in show else nothing,
        organizations=(sight.frame("core_organizations") if "organizations" in show else nothing),
        surface=sight.surface,
        services=_read_services(sight) if "reach" in show else nothing,
        gaps=find_gaps(sight.frame("out_coverage")) if "gaps" in show else nothing,
        actions=_read_actions(sight) if "actions" in show else nothing,
        has_buildings="buildings" in show,
    )


def _show_months(sight: Sight) -> None:
    """The map month after month, all in the same classes, with its twin as a table."""
    from dashboard.map.show import show_map

    months, category = sight.frame("out_months"), sight.choice.category
    colouring, frames = colour_months(sight.table, months, sight.listed, category)
    drawing = Drawing(
        table=sight.table, colouring=colouring, selected=sight.choice.at,
        has_buildings="buildings" in sight.choice.show, frames=frames, month=sight.choice.frame,
    )  # fmt: skip
    show_map(
        paint(drawing), sight.shapes,
        lambda place: choice.change(at=place), lambda month: choice.change(frame=month),
    )  # fmt: skip
    has_rates = sight.table["households"].notna().any()
    told = say(
        "months.source" if has_rates else "months.source_counts",
        period=tell_period(sight.listed[0], sight.listed[-1]),
        category=name_value("category", category, say("control.all")),
        n=int(frames.counts.sum().sum()),
    )
    st.html(draw_legend(colouring, told, []))
    with st.expander(say("months.table")):
        shown = frames.counts.rename(columns=lambda month: f"{month:%Y-%m}")
        shown.insert(0, say("table.name"), sight.table["name"])
        page.show_frame(shown)
    everything = periods.Period(sight.listed[0], sight.listed[-1], category)
    taking.offer_table(
        "map-months", say("trends.file.months"), list(shown), shown.to_numpy().tolist(),
        period=everything,
    )  # fmt: skip
    behind = explain.Rows(sight.build, "complaints", "", everything)
    explain.offer("map", "rate", "shrunk", rows=behind)


def _read_services(sight: Sight) -> pd.DataFrame:
    return find_services(sight.frame("core_organizations"))


def _count_actions(build: load.Build, index: pd.Index) -> pd.Series:
    """Actions that run or are planned, by compound."""
    table = load.frame(build, "out_actions")
    is_open = ~table["status"].isin(actions.DONE)
    return table[is_open].groupby("compound_id").size().reindex(index, fill_value=0)


def _read_actions(sight: Sight) -> pd.DataFrame:
    """Actions with the name of their compound, as the page on actions has them."""
    names = ("out_actions", "out_effects", "out_compounds")
    return actions.read_actions(*(sight.frame(name) for name in names))


def _read_committees(build: load.Build, places: pd.Index) -> pd.Series:
    """How the committee of residents of each compound stands."""
    coverage = load.frame(build, "out_coverage")
    found = coverage[coverage["kind"] == "courtyard_committee"].set_index("compound_id")["state"]
    return found.reindex(places)


def _read_handbook(build: load.Build, categories: pd.Series) -> pd.Series:
    """What the handbook lacks for the category that each compound complains of most."""
    handbook = load.frame(build, "out_handbook").set_index("category")["problem"]
    return categories.map(handbook.fillna("").replace("", "complete"))


def _tell_source(sight: Sight) -> str:
    color, table = sight.color, sight.table
    if color == "rate":
        return say(
            "legend.rate",
            period=tell_period(sight.period.first, sight.period.last),
            category=name_value("category", sight.choice.category, say("control.all")),
            n=int(table["shown_count"].sum()),
        )
    if color == "change":
        months = table["month"].dropna()
        if months.empty:
            return say("legend.change_none")
        return say("legend.change", now=months.max(), n=int(table["month_count"].sum()))
    if color in capital.ON_MAP:
        waves = capital.list_waves(sight.frame("out_capital"))
        if not waves:
            return say("capital.no_survey")
        n = int(table[f"{color}_count"].sum())
        return say("legend.survey", item=say(f"color.{color}"), wave=waves[-1], n=n)
    if color in COUNTED:
        people = table[COUNTED[color]].dropna() if COUNTED[color] in table else pd.Series(dtype=int)
        return say(f"legend.{color}", n=len(people), sum=int(people.sum()))
    known = table["households"].dropna()
    return say(f"legend.{color}", n=len(table), sum=int(known.sum()))


def _list_marks(sight: Sight) -> list[tuple[str, str]]:
    if sight.choice.form != "map":
        return []
    marks: list[tuple[str, str]] = []
    if "hotspots" in sight.choice.show:
        hotspots = sight.frame("out_hotspots")
        if list_flagged(hotspots):
            marks.append(("ring", say("legend.ring")))
        if hotspots["method"].isin(CIRCLED).any():
            marks.append(("circle", say("legend.circle")))
    if surface := sight.surface:
        marks.append(("heat", say("legend.heat", metres=surface.bandwidth_m)))
    marks += _list_signs(sight)
    if "organizations" in sight.choice.show:
        marks += [(look, say(f"legend.{look}")) for look in ("good", "forming", "bad")]
    return marks


def _list_signs(sight: Sight) -> list[tuple[str, str]]:
    """The signs of gaps, service points and actions that are there to be seen."""
    show = sight.choice.show
    marks: list[tuple[str, str]] = []
    if "gaps" in show and len(find_gaps(sight.frame("out_coverage"))):
        marks.append(("gap", say("legend.gap")))
    if "reach" in show and len(_read_services(sight)):
        marks.append(("reach", say("legend.reach")))
    if "actions" in show:
        seen = {look_of(row) for row in _read_actions(sight).to_dict("records")}
        marks += [(look, say(f"legend.{look}")) for look in LOOKS if look in seen]
    return marks


def _list_notes(sight: Sight) -> list[str]:
    notes = []
    hotspots = sight.frame("out_hotspots")
    if "hotspots" in sight.choice.show and sight.listed:
        if hotspots.empty:
            notes.append(say("map.no_hotspots"))
        elif sight.choice.category or sight.choice.first or sight.choice.last:
            ends = (hotspots["period_from"].min(), hotspots["period_to"].max())
            notes.append(say("map.hotspots_fixed", first=ends[0], last=ends[1]))
    notes += _tell_overlays(sight)
    notes += withheld.tell_withheld(sight.table)
    has_spots = load.may_read(sight.build, "out_geocodes")
    spots = sight.frame("out_geocodes") if has_spots else pd.DataFrame()
    for spot in spots.itertuples():
        near = known(spot.near, say("map.geocode_spot", lat=spot.lat, lon=spot.lon))
        notes.append(say("map.geocodes", rows=f"{spot.row_count:,}", near=near))
    totals = sight.frame("out_totals").set_index("name")["text"]
    years = totals.get("unknown_holiday_years")
    if isinstance(years, str):
        notes.append(say("map.unknown_years", years=years))
    outlined = sight.table["has_boundary"].fillna(False).astype(bool)
    lost = int((~outlined & sight.table["lon"].isna()).sum())
    if lost:
        notes.append(say("map.unplaced_compounds", count=f"{lost:,}"))
    return notes


def _tell_overlays(sight: Sight) -> list[str]:
    """What the overlays show, for those who cannot see them."""
    show, told = sight.choice.show, []
    if "gaps" in show:
        lacking = tell_lacking(find_gaps(sight.frame("out_coverage")))
        hotspots = sight.frame("out_hotspots")["compound_id"].dropna()
        flagged = [i for i in sorted(set(hotspots)) if i in lacking]
        names = sight.table["name"].to_dict()
        told += [
            say("map.hotspot_lacks", name=names[i], kinds=lacking[i]) for i in flagged if i in names
        ]
    if "reach" in show:
        services = _read_services(sight)
        is_far = sight.table["is_in_reach"].eq(False).fillna(False)
        far = say("listed").join(map(str, sight.table.loc[is_far, "name"].head(MOST_NAMED)))
        told.append(say("map.services", count=len(services)))
        told += [say("map.out_of_reach", count=int(is_far.sum()), names=far)] if far else []
    if "actions" in show:
        late = actions.list_late(_read_actions(sight))
        told += [
            say("headed", head=say("action.at", name=row["name"], place=row["place"]),
                text=actions.tell_late(row))
            for row in late.head(MOST_NAMED).to_dict("records")
        ]  # fmt: skip
    return told


def _show_side(sight: Sight) -> None:
    _show_picker(sight.table)
    place = choice.current().at
    if place and place in sight.table.index:
        card.show_card(sight.build, sight.table.loc[place], sight.period, sight.listed)
    elif load.may_read(sight.build, "out_targets"):
        targets.show_targets(sight.frame("out_targets"))


def _show_picker(table: pd.DataFrame) -> None:
    """A list by name, for those who know the name or cannot use the map."""
    names = table["name"].to_dict()
    at = choice.current().at
    places = areas.list_for_picker(names, at)
    picked = st.selectbox(
        say("control.compound"), places, index=places.index(at) if at in places else None,
        format_func=lambda place: name_for_search(str(names[place])), placeholder=say("control.placeholder"),
        key=f"pick.{at}", label_visibility="collapsed",
    )  # fmt: skip
    if (picked or "") != at:
        choice.change(at=picked or "")
        st.rerun()

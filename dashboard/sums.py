"""What compounds come to together by area, for pages on which there are too many to list each."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard import actions, load
from dashboard.map.layers import list_flagged
from dashboard.talks import read_talks
from dashboard.today import (
    NEW_METHODS,
    find_ending_terms,
    find_late_steps,
    find_matters,
    find_promises,
)
from etl import areas, periods

KEPT = 48


def can_add_up(page: str) -> bool:
    """Whether figures of a page say something when those of many compounds are added up."""
    return page in _PAGES


def add_up(build: load.Build, page: str, level: str, period: periods.Period) -> pd.DataFrame:
    """The figures of a page by area, index its path: `compounds`, `households` and the page's own.

    A page that counts complaints has them over `period`, with the rate per 1,000 households.
    """
    key = (*load.key_of(build), page, level, period if page in _RATED else None)
    return _add_up(key, build, page, level, period)


def count_elsewhere(build: load.Build, page: str) -> dict[str, int]:
    """What a page counts that belongs to no compound, and so to no area, by figure."""
    found = _PAGES[page](build)
    lost = {name: int(told[told.index.isna()].sum()) for name, told in found.items()}
    return {name: number for name, number in lost.items() if number}


def measure(build: load.Build, period: periods.Period) -> pd.DataFrame:
    """The register of an area with the figures of a period, smoothed within the whole.

    See `etl.periods.add_shown`; index compound_id.
    """
    return _measure((*load.key_of(build), period), build, period)


def count_months(build: load.Build, period: periods.Period) -> pd.DataFrame:
    """Complaints of an area by month and category: month, category, complaint_count."""
    return _count_months((*load.key_of(build), period), build, period)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _count_months(
    key: tuple[object, ...], _build: load.Build, _period: periods.Period
) -> pd.DataFrame:
    months = periods.select_months(load.frame(_build, "out_months"), _period)
    by = months.groupby(["month", "category"], as_index=False)
    counted: pd.DataFrame = by["complaint_count"].sum()
    return counted


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _measure(key: tuple[object, ...], _build: load.Build, _period: periods.Period) -> pd.DataFrame:
    whole = load.look_at(_build, "")
    compounds, months = load.frame(whole, "out_compounds"), load.frame(whole, "out_months")
    return areas.keep_within(periods.add_shown(compounds, months, _period), _build.within)


@st.cache_resource(show_spinner=False, max_entries=KEPT)
def _add_up(
    key: tuple[object, ...], _build: load.Build, page: str, level: str, _period: periods.Period
) -> pd.DataFrame:
    compounds = load.frame(_build, "out_compounds").set_index("compound_id")
    paths = areas.name_paths(compounds, level)
    grouped = compounds.groupby(paths)
    table = pd.DataFrame(
        {
            "compounds": grouped.size(),
            "households": grouped["households"].sum(min_count=1).astype("Int64"),
        }
    ).rename_axis("area")
    if page in _RATED:
        rated = areas.add_up(measure(_build, _period), level)
        table["count"], table["rate"] = rated["shown_count"], rated["shown_rate"]
    for name, told in _PAGES[page](_build).items():
        known = told[told.index.isin(paths.index)]
        summed = known.groupby(paths.reindex(known.index).to_numpy()).sum()
        table[name] = summed.reindex(table.index, fill_value=0).astype("Int64")
    return table


def _each(table: pd.DataFrame) -> pd.Series:
    """One for each row, by its compound."""
    return pd.Series(1, index=table["compound_id"])


def _of(table: pd.DataFrame, name: str) -> pd.Series:
    """A figure of each row, by its compound."""
    return table.set_index("compound_id")[name].fillna(0).astype(float)


def _yes(flags: pd.Series) -> pd.Series:
    return flags.fillna(False).astype(bool)


def _sum_today(build: load.Build) -> dict[str, pd.Series]:
    talks, compounds = read_talks(build), load.frame(build, "out_compounds")
    hotspots = load.frame(build, "out_hotspots")
    return {
        "overdue": _of(compounds, "overdue_count"),
        "rising": _each(compounds[compounds["month_verdict"] == "up"]),
        "new_hotspots": _each(hotspots[hotspots["method"].isin(NEW_METHODS)]),
        "pressing": _each(find_matters(talks)),
        "due": _each(find_promises(talks)),
        "late_actions": _each(actions.list_late(_read_actions(build))),
        "late_steps": _each(
            find_late_steps(load.frame(build, "out_committee_steps")).drop_duplicates("compound_id")
        ),
        "terms": _each(find_ending_terms(load.frame(build, "out_coverage"))),
    }


def _sum_trends(build: load.Build) -> dict[str, pd.Series]:
    compounds = load.frame(build, "out_compounds")
    flagged = list_flagged(load.frame(build, "out_hotspots"))
    return {
        "unusual": _each(compounds[compounds["compound_id"].isin(flagged)]),
        "rising": _each(compounds[compounds["month_verdict"] == "up"]),
        "falling": _each(compounds[compounds["month_verdict"] == "down"]),
        "open": _of(compounds, "open_count"),
        "overdue": _of(compounds, "overdue_count"),
    }


def _sum_organizations(build: load.Build) -> dict[str, pd.Series]:
    compounds = load.frame(build, "out_compounds")
    return {
        "lacking": _each(compounds[compounds["gap_count"].fillna(0) > 0]),
        "gaps": _of(compounds, "gap_count"),
        "concerns": _of(compounds, "concern_count"),
        "core": _of(compounds, "core_resident_count"),
    }


def _sum_deliberation(build: load.Build) -> dict[str, pd.Series]:
    talks = read_talks(build)
    matters, promises = talks.matters, talks.promises
    return {
        "open_matters": _each(matters[matters["state"].isin(["open", "settled"])]),
        "overdue_matters": _each(matters[_yes(matters["is_over"])]),
        "shelved_matters": _each(matters[matters["state"] == "shelved"]),
        "slipped": _each(promises[promises["state"] == "slipped"]),
        "open_promises": _each(promises[promises["state"] == "open"]),
        "open_needs": _of(talks.needs, "open_count"),
    }


def _sum_actions(build: load.Build) -> dict[str, pd.Series]:
    table = _read_actions(build)
    return {
        "late_actions": _each(actions.list_late(table)),
        "open_actions": _each(actions.list_open(table)),
        "done_actions": _each(table[table["status"].isin(actions.DONE)]),
        "better": _each(table[table["verdict"] == "better"]),
    }


def _sum_places(build: load.Build) -> dict[str, pd.Series]:
    compounds = load.frame(build, "out_compounds")
    is_bare = ~_yes(compounds["has_boundary"])
    return {
        "only_point": _each(compounds[is_bare & compounds["lon"].notna()]),
        "no_place": _each(compounds[is_bare & compounds["lon"].isna()]),
    }


def _read_actions(build: load.Build) -> pd.DataFrame:
    names = ("out_actions", "out_effects", "out_compounds")
    return actions.read_actions(*(load.frame(build, name) for name in names))


_PAGES: dict[str, Callable[[load.Build], dict[str, pd.Series]]] = {
    "today": _sum_today,
    "trends": _sum_trends,
    "organizations": _sum_organizations,
    "deliberation": _sum_deliberation,
    "actions": _sum_actions,
    "quality": _sum_places,
}
_RATED = frozenset({"trends"})

"""Who may read what: decided here, where tables are read, for every page, map, paper and link.

An `Audience` is a role and the communities it is kept to. What it may read is declared in one
mapping; what is not in it is refused. For the roles 街道 and 公示 small counts are hidden, others
beside them (`geo.suppression`), and with a count everything that was worked out from it.

So that nothing can be worked out by putting tables together, these roles get complaints of the
usual window only, and these counts alone: by compound; by compound and month, a compound's months
all or none; by category, of which how many are open, late or repeated; by month; and their sum.
Any two of these share one margin at most and form no ring, which is what `geo.suppression` asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from etl.accounts import PUBLIC, STREET, Account
from etl.errors import AccessError
from geo.suppression import hide_cells, hide_rows

if TYPE_CHECKING:
    import geopandas as gpd

SUPPRESSED = frozenset({STREET, PUBLIC})
# Columns that the register of compounds has only where counts are hidden.
COUNT_WITHHELD, MONTHS_WITHHELD = "is_withheld", "is_months_withheld"
NOWHERE = ""
Fetch = Callable[[str], pd.DataFrame]

_PLACE = (
    "compound_id", "name", "type", "households", "residents", "grid", "community", "street",
    "district", "area_m2", "lon", "lat", "has_boundary", "window_from", "window_to", "month",
)  # fmt: skip
_BODIES = (
    "expected_count", "met_count", "gap_count", "unknown_count", "coverage_pct", "concern_count",
    "service_name", "service_m", "is_in_reach",
)  # fmt: skip
_FROM_COUNT = (
    "window_count", "rate", "rate_low", "rate_high", "closing_days", "closing_days_low",
    "closing_days_high",
)  # fmt: skip
# Worked out from the counts of all compounds: they would tell of a hidden one.
_FROM_ALL = (
    "rate_shrunk", "funnel_low", "funnel_high", "rate_nearby", "rank", "rank_low", "rank_high",
    "first_chance",
)  # fmt: skip
_FLAGS = ("is_funnel_high", "is_past_high", "is_hotspot")
_FROM_MONTHS = (
    "month_count", "month_before_count", "month_ratio", "month_ratio_low", "month_ratio_high",
    "month_verdict",
)  # fmt: skip
_COUNTED = ("open_count", "late_count", "repeat_count")
_RATE = ("rate", "rate_low", "rate_high")
_JUDGING_COMPOUNDS = ("funnel", "own_past", "local")
_HOTSPOT = ("hotspot_id", "method", "compound_id", "name", "lon", "lat", "period_from", "period_to")
_ABOUT_BODIES = frozenset({
    "gap", "forming", "unknown", "term_over", "term_soon", "inactive", "no_response",
    "not_registered", "not_supervised",
})  # fmt: skip
_PLAIN_TOTALS = ("compounds", "households", "residents", "area_km2", "buildings", "organizations")
_BODY = (
    "organization_id", "name", "kind", "compound_id", "state", "stage", "reach_m", "lon", "lat",
)  # fmt: skip
_COVERAGE = (
    "compound_id", "kind", "state", "expectation", "is_gap", "is_unknown", "reason_code",
    "organization_names", "term_ends_on", "last_active_on", "is_registered", "is_supervised",
    "concerns",
)  # fmt: skip
# Of the whole store and of no single community: not for who is kept to some.
_OF_ALL = frozenset({
    "answers", "files", "handling_parts", "issues", "matter_events", "out_cells", "out_geocodes",
    "quarantine", "raw_rows", "settings",
})  # fmt: skip


@dataclass(frozen=True)
class Audience:
    """Who reads: a role ('' is everybody's who needs no account), and its communities or all."""

    role: str = ""
    communities: tuple[str, ...] = ()

    @property
    def is_suppressed(self) -> bool:
        """Whether small counts are hidden from it."""
        return self.role in SUPPRESSED


EVERYTHING = Audience()


def find_audience(account: Account | None) -> Audience:
    """What an account reads as; nobody in particular, on a machine of one's own, reads it all."""
    if account is None or not (account.role in SUPPRESSED or account.communities):
        return EVERYTHING
    return Audience(account.role, account.communities)


def may_read(audience: Audience, table: str) -> bool:
    """Whether a table is for this audience at all."""
    if audience.is_suppressed:
        return table in RULES[audience.role]
    return not (audience.communities and table in _OF_ALL)


def disclose(audience: Audience, table: str, fetch: Fetch, fewest: int) -> pd.DataFrame:
    """A table as this audience may see it.

    Parameters
    ----------
    audience, table
        Who reads what.
    fetch
        Reads a table as it is.
    fewest
        The smallest count that is shown to the roles that must not see small ones.

    Raises
    ------
    AccessError
        The table is not for this audience.
    """
    if not may_read(audience, table):
        raise AccessError(f"您的角色“{audience.role}”看不到这些数据。需要的话请找管理员。")
    kept = _keep_to(audience, fetch) if audience.communities else fetch
    if not audience.is_suppressed:
        return kept(table)
    return RULES[audience.role][table](_Sight(kept, fewest, bool(audience.communities)))


def disclose_shapes(audience: Audience, shapes: gpd.GeoDataFrame, fetch: Fetch) -> gpd.GeoDataFrame:
    """The outlines that this audience may see: those of other communities are left out."""
    if not audience.communities:
        return shapes
    places = _list_places(audience, fetch)
    is_ground = shapes["level"].isin(["road", "water", "district", "street"])
    is_own = shapes["compound_id"].isin(places)
    is_outline = shapes["level"].eq("community") & shapes["name"].isin(audience.communities)
    return shapes[is_ground | is_own | is_outline]


# -- kept to some communities -------------------------------------------------------------------


def _list_places(audience: Audience, fetch: Fetch) -> set[str]:
    compounds = fetch("out_compounds")
    return set(compounds.loc[compounds["community"].isin(audience.communities), "compound_id"])


def _keep_to(audience: Audience, fetch: Fetch) -> Fetch:
    """The same tables, of these communities alone; what tells of all together is left out."""

    def kept(table: str) -> pd.DataFrame:
        frame, places = fetch(table), _list_places(audience, fetch)
        if table == "out_totals":
            return _add_up(frame, kept)
        if table == "out_handling":
            is_own = frame["scope"].eq("community") & frame["name"].isin(audience.communities)
            return frame[is_own].reset_index(drop=True)
        if table == "out_network_links":
            nodes = set(kept("out_network_nodes")["node_id"])
            is_own = frame["source"].isin(nodes) & frame["target"].isin(nodes)
            return frame[is_own].reset_index(drop=True)
        if table == "out_network_missing":
            # Of all communities together: a link inside one need not be the best one here.
            return frame.iloc[:0]
        if table == "core_boundaries" or "compound_id" in frame:
            return frame[frame["compound_id"].isin(places)].reset_index(drop=True)
        return frame

    return kept


def _add_up(totals: pd.DataFrame, kept: Fetch) -> pd.DataFrame:
    """The totals of the communities that are kept."""
    compounds = kept("out_compounds")
    values = {
        "compounds": float(len(compounds)),
        "households": float(compounds["households"].sum()),
        "residents": float(compounds["residents"].sum()),
        "area_km2": float(compounds["area_m2"].sum()) / 1e6,
        "buildings": float(len(kept("core_buildings"))),
        "organizations": float(len(kept("core_organizations"))),
        "complaints": float(compounds["complaint_count"].sum()),
    }
    own = totals[totals["name"].isin([*values, "unknown_holiday_years"])].copy()
    own["value"] = own["name"].map(values)
    own["published"] = float("nan")
    return own.reset_index(drop=True)


# -- small counts hidden ------------------------------------------------------------------------


@dataclass
class _Sight:
    """The tables of one audience, and what is hidden in them."""

    fetch: Fetch
    fewest: int
    is_part: bool

    @cached_property
    def compounds(self) -> pd.DataFrame:
        return self.fetch("out_compounds")

    @cached_property
    def by_month(self) -> pd.DataFrame:
        """Complaints of the window: a row a compound ('' for none), a column a month."""
        months = self._window
        places = [*self.compounds["compound_id"], NOWHERE]
        if months.empty:
            return pd.DataFrame(index=places, dtype=int)
        cube = months.assign(compound_id=months["compound_id"].fillna(NOWHERE))
        table = cube.pivot_table(
            "complaint_count", "compound_id", "month", aggfunc="sum", fill_value=0
        )
        first, last = self._ends
        asked = pd.date_range(first, last, freq="MS")
        return table.reindex(index=places, columns=asked, fill_value=0).fillna(0).astype(int)

    @property
    def _ends(self) -> tuple[pd.Timestamp, pd.Timestamp]:
        ends = pd.to_datetime(self.compounds["window_from"]).min()
        return ends, pd.to_datetime(self.compounds["window_to"]).max()

    @cached_property
    def _window(self) -> pd.DataFrame:
        months, (first, last) = self.fetch("out_months"), self._ends
        if months.empty or pd.isna(first) or pd.isna(last):
            return months.iloc[:0]
        return months[months["month"].between(first, last)]

    @cached_property
    def handling(self) -> pd.DataFrame:
        """How complaints are handled: all, by category and by month; nothing else."""
        table = self.fetch("out_handling")
        return table[table["scope"].isin(["all", "category", "month"])].reset_index(drop=True)

    def _counts(self, scope: str) -> pd.Series:
        rows = self.handling[self.handling["scope"] == scope]
        return rows["complaint_count"].fillna(0).astype(int)

    @cached_property
    def hidden(self) -> _Hidden:
        """What is hidden in the tables that share the sum of all complaints."""
        table, fewest = self.by_month, self.fewest
        sums = table.sum(axis=1).astype(int)
        places, is_sum = hide_cells(sums, fewest)
        categories, tells = hide_cells(self._counts("category"), fewest)
        by_month = table.sum(axis=0).astype(int)
        months, tells_too = hide_cells(by_month, fewest)
        if is_sum or tells or tells_too:
            return _Hidden(True, places | True, places | True, months | True, categories | True)
        rows, is_closed = hide_rows(table, fewest, forced=places, open_columns=~months)
        seen = table[~rows].sum(axis=0).astype(int)
        # Of a hidden month the months of compounds that are shown are a part.
        again, tells = hide_cells(by_month, fewest, at_least=seen, forced=months)
        if is_closed or tells or (again & ~months).any():
            rows, months = rows | True, months | True
        return _Hidden(False, places, rows, months, categories)

    @cached_property
    def is_all_rated(self) -> bool:
        """Whether every complaint of the window lies in a compound whose households are known."""
        sums, households = self.by_month.sum(axis=1), self.compounds.set_index("compound_id")
        known = households["households"].fillna(0) > 0
        return not sums[~sums.index.isin(known.index[known])].any()

    def in_place(self, hidden: pd.Series) -> pd.Series:
        """What is hidden of each compound, on the index of the register."""
        found = self.compounds["compound_id"].map(hidden)
        return found.fillna(True).astype(bool)


@dataclass(frozen=True)
class _Hidden:
    """Hidden: the sum of all; counts by compound, their months, sums by month and by category."""

    is_sum: bool
    places: pd.Series
    rows: pd.Series
    months: pd.Series
    categories: pd.Series


def _blank(table: pd.DataFrame, shown: tuple[str, ...]) -> pd.DataFrame:
    """The table with every other column emptied; each column stays what it is."""
    others = [str(name) for name in table if name not in shown]
    return table.assign(**{name: _empty(table[name]) for name in others})


def _empty(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column.dtype) or column.dtype == "boolean":
        # Pages ask flags plainly; a flag that is not told is not raised.
        return pd.Series(False, index=column.index, dtype="boolean")
    return column.where(pd.Series(False, index=column.index))


def _hide(table: pd.DataFrame, names: tuple[str, ...], where: pd.Series) -> pd.DataFrame:
    """The table with these columns emptied in the rows told."""
    there = [name for name in names if name in table]
    return table.assign(**{name: table[name].where(~where) for name in there})


def _show_compounds(sight: _Sight, shown: tuple[str, ...]) -> pd.DataFrame:
    hidden, table = sight.hidden, sight.compounds
    places, rows = sight.in_place(hidden.places), sight.in_place(hidden.rows)
    found = _blank(table, (*shown, *_FROM_COUNT, *_FROM_ALL, *_FROM_MONTHS, *_FLAGS))
    counted = sight.by_month.sum(axis=1).reindex(table["compound_id"]).to_numpy()
    found["window_count"] = pd.array(counted, dtype="Int64")
    found = _hide(found, _FROM_COUNT, places)
    if hidden.places.any():
        found = _hide(found, _FROM_ALL, places | True)
    found = _hide(found, _FROM_MONTHS, rows)
    if sight.by_month.shape[1] < 2:
        # The month before lies outside the window.
        found = _hide(found, _FROM_MONTHS[1:], rows | True)
    for name in _FLAGS:
        found[name] = found[name].where(~places, False)
    return found.assign(**{COUNT_WITHHELD: places, MONTHS_WITHHELD: rows})


def _compounds_for_street(sight: _Sight) -> pd.DataFrame:
    return _show_compounds(sight, (*_PLACE, *_BODIES))


def _compounds_for_public(sight: _Sight) -> pd.DataFrame:
    return _show_compounds(sight, _PLACE)


def _months(sight: _Sight) -> pd.DataFrame:
    """Every month of every compound: its count, or nothing where that is hidden."""
    source, table, hidden = sight.fetch("out_months"), sight.by_month, sight.hidden
    placed = table.drop(index=NOWHERE)
    long = placed.rename_axis("compound_id").melt(
        ignore_index=False, var_name="month", value_name="complaint_count"
    )
    long = long.reset_index()
    if long.empty:
        return source.iloc[:0]
    is_hidden = long["compound_id"].map(hidden.rows).fillna(True).astype(bool)
    long["complaint_count"] = long["complaint_count"].astype("Int64").mask(is_hidden)
    found = long.reindex(columns=list(source.columns))
    return found.astype(source.dtypes.to_dict())


def _handling(sight: _Sight) -> pd.DataFrame:
    table, hidden = sight.handling, sight.hidden
    found = _blank(table, ("scope", "name", "complaint_count", *_RATE, *_COUNTED, *_CLOSING))
    is_all, is_category = table["scope"].eq("all"), table["scope"].eq("category")
    months = pd.to_datetime(table["name"].where(table["scope"].eq("month")), format="%Y-%m")
    gone = is_all & hidden.is_sum
    gone |= is_category & hidden.categories.reindex(table.index).fillna(False).astype(bool)
    # A month without a sum of its own here is none of the window.
    gone |= months.notna() & months.map(hidden.months).fillna(True).astype(bool)
    found = _hide(found, ("complaint_count", *_RATE, *_CLOSING), gone)
    if not sight.is_all_rated:
        # A rate leaves out what has no compound, or one of unknown size: it would tell how many.
        found = _hide(found, _RATE, gone | True)
    # Parts are told by category alone: by month as well, the tables would form a ring.
    found = _hide(found, (*_COUNTED, *_CLOSING), table["scope"].eq("month"))
    for name in _COUNTED:
        found = _hide_parts(found, table, name, gone, sight.fewest)
    return found


_CLOSING = ("closing_days", "closing_days_low", "closing_days_high")


def _hide_parts(
    found: pd.DataFrame, table: pd.DataFrame, name: str, gone: pd.Series, fewest: int
) -> pd.DataFrame:
    """A column that counts a part of the complaints: small parts hidden, and small remainders."""
    rows = table["scope"].eq("category")
    parts, wholes = table.loc[rows, name], table.loc[rows, "complaint_count"]
    if parts.isna().any() or wholes.isna().any():
        return _hide(found, (name,), gone | True)
    hidden, is_sum = hide_cells(
        parts.astype(int), fewest, wholes=wholes.astype(int), forced=gone[rows]
    )
    total = table.loc[table["scope"].eq("all"), [name, "complaint_count"]].astype(float)
    rest = total["complaint_count"] - total[name]
    is_small = (total[name].between(1, fewest - 1) | rest.between(1, fewest - 1)).any()
    if is_sum or is_small:
        return _hide(found, (name,), gone | True)
    return _hide(found, (name,), gone | hidden.reindex(table.index).fillna(False).astype(bool))


def _totals(sight: _Sight) -> pd.DataFrame:
    """Totals of places; of complaints the sum of the window, which is the one that is protected."""
    table = sight.fetch("out_totals")
    found = table[table["name"].isin([*_PLAIN_TOTALS, "complaints", "unknown_holiday_years"])]
    found = found.reset_index(drop=True)
    is_sum = found["name"].eq("complaints")
    if sight.hidden.is_sum:
        return found[~is_sum].reset_index(drop=True)
    found.loc[is_sum, "value"] = float(sight.by_month.to_numpy().sum())
    return found


def _hotspots(sight: _Sight) -> pd.DataFrame:
    """Which compounds stand out, without figures; buildings are not told of."""
    table = sight.fetch("out_hotspots")
    shown = set(sight.compounds.loc[~sight.in_place(sight.hidden.places), "compound_id"])
    own = table["method"].isin(_JUDGING_COMPOUNDS) & table["compound_id"].isin(shown)
    return _blank(table[own].reset_index(drop=True), _HOTSPOT)


def _targets(sight: _Sight) -> pd.DataFrame:
    """Where to act first, with the reasons that count nobody."""
    table = sight.fetch("out_targets")
    shown = set(sight.compounds.loc[~sight.in_place(sight.hidden.places), "compound_id"])
    own = table[table["compound_id"].isin(shown)].reset_index(drop=True)
    found = _blank(own, ("compound_id", "name", "rank"))
    kept = {"reasons": "code", "actions": "because"}
    return found.assign(
        **{name: own[name].map(_keep_about_bodies(key)) for name, key in kept.items()}
    )


def _keep_about_bodies(key: str) -> Callable[[Any], str]:
    def keep(written: Any) -> str:
        listed = json.loads(written) if isinstance(written, str) else []
        return json.dumps(
            [one for one in listed if one.get(key) in _ABOUT_BODIES], ensure_ascii=False
        )

    return keep


def _coverage(sight: _Sight) -> pd.DataFrame:
    return _blank(sight.fetch("out_coverage"), _COVERAGE)


def _organizations(sight: _Sight) -> pd.DataFrame:
    return _blank(sight.fetch("core_organizations"), _BODY)


_COMMON: dict[str, Callable[[_Sight], pd.DataFrame]] = {
    "out_months": _months,
    "out_handling": _handling,
    "out_totals": _totals,
    "out_hotspots": _hotspots,
}
# What each role with hidden counts may read; nothing else.
RULES: dict[str, dict[str, Callable[[_Sight], pd.DataFrame]]] = {
    STREET: {
        **_COMMON,
        "out_compounds": _compounds_for_street,
        "out_targets": _targets,
        "out_coverage": _coverage,
        "core_organizations": _organizations,
    },
    PUBLIC: {**_COMMON, "out_compounds": _compounds_for_public},
}

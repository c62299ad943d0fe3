"""The `out_` tables: aggregates from SQL, statistics from geo, put where the views read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from etl.capital import publish_actions, publish_capital
from etl.coverage import describe_coverage, judge_organizations
from etl.cultivation import publish_cultivation
from etl.deliberation import publish_deliberation
from etl.effects import publish_effects
from etl.formation import publish_formation
from etl.groups import Groups, find_groups, publish_touched
from etl.handling import (
    NO_PARTS,
    Handling,
    add_up_parts,
    handle_compounds,
    measure_handling,
    part_handling,
    publish_handling,
    read_handling,
)
from etl.hotspots import SEED, STREET_M, find_hotspots
from etl.network import publish_network
from etl.people import describe_people, find_span
from etl.profile import Profile
from etl.store import Writer, named_sql
from etl.supervision import publish_supervision
from etl.tables.capital import OUT_ACTIONS, OUT_CAPITAL
from etl.tables.outputs import (
    OUT_CELLS,
    OUT_COMPOUNDS,
    OUT_COVERAGE,
    OUT_EFFECTS,
    OUT_HANDLING,
    OUT_HOTSPOTS,
    OUT_SHAPES,
    OUT_TARGETS,
    OUT_TOTALS,
)
from etl.tables.people import (
    OUT_COMMITTEE_STEPS,
    OUT_LINKS,
    OUT_MISSING_LINKS,
    OUT_NODES,
    OUT_SELF_ORGANIZATIONS,
    OUT_SUPERVISION,
)
from etl.tables.records import HANDLING_PARTS
from etl.tally import (
    Period,
    Tally,
    add_months,
    count_compounds,
    find_unknown_years,
    keeps_calendar,
    list_unknown_years,
    tally_complaints,
)
from etl.targets import build_targets
from geo.alarms import FEWEST_UNITS, limit_funnel
from geo.areas import measure_area
from geo.crs import measure_cell, to_metric
from geo.neighbours import find_touching
from geo.rates import (
    estimate_rates,
    measure_chance_first,
    rank_rates,
    shrink_rates,
    smooth_rates_nearby,
)
from geo.seasons import compare_months


@dataclass(frozen=True)
class Worked:
    """What was worked out of the compounds that are compared with each other."""

    tally: Tally
    base: pd.DataFrame
    compounds: pd.DataFrame
    handling: Handling | None


CELL_M = 50.0
CHANCE_CELLS = 4_000_000
FUNNEL_LEVELS = (0.025, 0.975)
MOST_SIZES = 6  # of compounds at which the funnel is drawn; between them it is a smooth line
MOST_DRAWS, FEWEST_DRAWS = 4_000, 200
UNKNOWN_YEARS = "unknown_holiday_years"
# What is told of organizations comes from these, and goes where they are gone.
BODIES_KEPT = (
    "core_organizations", "core_coverage", "core_committee_steps", "core_activities",
    "core_meetings", OUT_SELF_ORGANIZATIONS.name, OUT_COMMITTEE_STEPS.name, OUT_SUPERVISION.name,
    OUT_NODES.name, OUT_LINKS.name, OUT_MISSING_LINKS.name,
)  # fmt: skip
# And what is told of social capital from these.
CAPITAL_KEPT = (
    "core_survey", "core_organizations", "core_core_residents", "core_activities",
    "core_meetings", OUT_CAPITAL.name,
)  # fmt: skip


def publish_figures(writer: Writer, profile: Profile) -> None:
    """Bring every `out_` table up to date with the core tables of this transaction."""
    groups = find_groups(writer)
    if groups is None:
        _publish_whole(writer, profile)
    else:
        _publish_groups(writer, profile, groups)


def _publish_whole(writer: Writer, profile: Profile) -> None:
    """Compare all compounds of the store with each other."""
    writer.replace_by(OUT_SHAPES, "out_shapes")
    worked = _work_out(writer, profile)
    _publish_cells(writer, worked.base)
    if writer.holds_any(HANDLING_PARTS.name):
        writer.replace(
            HANDLING_PARTS, pd.DataFrame(columns=[c.name for c in HANDLING_PARTS.columns])
        )
    unknown_years = list_unknown_years(worked.tally, profile)
    totals = _sum_up(writer, worked.compounds, profile, unknown_years)
    writer.replace(OUT_TOTALS, totals)


def _publish_groups(writer: Writer, profile: Profile, groups: Groups) -> None:
    """Work out the groups of which anything came, changed or went, each as a store of its own."""
    is_grouped = writer.rows("SELECT 1 FROM lake.handling_parts LIMIT 1")
    if not keeps_calendar(writer, profile) or not is_grouped:
        writer.touch_everything()
    if writer.touched_places is None:
        writer.replace_by(OUT_SHAPES, "out_shapes")

    def work_out() -> pd.DataFrame:
        worked = _work_out(writer, profile)
        return part_handling(worked.handling, worked.compounds) if worked.handling else NO_PARTS

    publish_touched(writer, groups, work_out)
    add_up_parts(writer, groups.register)
    _publish_cells(writer, groups.register)
    if writer.touched_places is None:
        # Nobody keeps sheets on people here: what is said of all of them is that nothing is known.
        describe_people(writer, _measure_compounds(writer), find_span(writer, profile, None))
    writer.replace(OUT_TOTALS, _sum_up_groups(writer, profile))


def _work_out(writer: Writer, profile: Profile) -> Worked:
    """Work out what is said of the compounds that are seen, and compare them with each other."""
    tally = tally_complaints(writer, profile)
    period = tally.period
    base = _measure_compounds(writer)
    months = _count_months(tally.months, base, period)
    states = writer.frame("coverage_states")
    states = states[states["compound_id"].isin(base.index)]
    coverage = judge_organizations(states, base, profile, period)
    writer.replace(OUT_COVERAGE, coverage)
    compounds = _describe_compounds(writer, base, tally.months, months, period)
    compounds = compounds.join(describe_coverage(writer, states, coverage, base))
    handling = read_handling(writer, tally, period) if period else None
    compounds = compounds.join(_describe_handling(writer, handling, compounds, period))
    # Companies answer for what was promised at meetings, which is judged first.
    compounds = compounds.join(publish_deliberation(writer, profile, tally, base))
    compounds = compounds.join(_describe_people(writer, base, states, handling, profile, period))
    if writer.holds_any("core_interventions", OUT_EFFECTS.name, OUT_ACTIONS.name):
        publish_effects(writer, tally, base.index)
        publish_actions(writer, tally)
    if writer.holds_any(*CAPITAL_KEPT):
        publish_capital(writer, tally, base, profile)
    hotspots = find_hotspots(writer, compounds, months, period)
    # Whatever is flagged has a row of its own there, and so has what the scans find.
    compounds["is_hotspot"] = compounds.index.isin(hotspots["compound_id"].dropna())
    writer.replace(OUT_COMPOUNDS, _finish(compounds))
    writer.replace(OUT_HOTSPOTS, hotspots)
    writer.replace(OUT_TARGETS, build_targets(compounds, coverage, profile))
    return Worked(tally, base, compounds, handling)


def _measure_compounds(writer: Writer) -> pd.DataFrame:
    """Register and boundaries joined, with areas; index compound_id."""
    base = writer.frame("compound_base").set_index("compound_id", drop=False)
    base.index.name = None
    shapes = writer.shapes("core_boundaries")
    compounds = shapes[shapes["level"] == "compound"].set_index("compound_id")
    compounds = compounds[~compounds.index.duplicated()]
    areas = measure_area(compounds.geometry) if len(compounds) else pd.Series(dtype=float)
    return base.assign(area_m2=areas.reindex(base.index).astype(float))


def _publish_cells(writer: Writer, base: pd.DataFrame) -> None:
    latitude = base["lat"].mean() if base["lat"].notna().any() else None
    lon_step, lat_step = measure_cell(CELL_M, latitude)
    touched = writer.touched_months
    if touched is None:
        first, end = date(1, 1, 1), date(9999, 1, 1)
    elif touched:
        first, end = min(touched), add_months(max(touched), 1)
    else:
        return
    steps = {"lon_step": lon_step, "lat_step": lat_step}
    writer.replace_by(OUT_CELLS, "out_cells", months_from=first, months_to=end, **steps)


def _count_months(tally: pd.DataFrame, base: pd.DataFrame, period: Period | None) -> pd.DataFrame:
    """Complaints of each compound in each whole month, months ascending; index compound_id."""
    if period is None:
        return pd.DataFrame(index=base.index)
    months = pd.date_range(min(period.first, period.month), period.month, freq="MS")
    table = tally[tally["compound_id"].notna()].pivot_table(
        index="compound_id", columns="month", values="complaint_count", aggfunc="sum"
    )
    return table.reindex(index=base.index, columns=months).fillna(0).astype("int64")


def _describe_compounds(
    writer: Writer,
    base: pd.DataFrame,
    tally: pd.DataFrame,
    months: pd.DataFrame,
    period: Period | None,
) -> pd.DataFrame:
    """Complaints and people of each compound, but not whether it is a hotspot; by compound_id."""
    start, end = (period.start, period.end) if period else (date(1900, 1, 1), date(1900, 2, 1))
    counts = count_compounds(tally, start, end)
    people = writer.frame("compound_people").set_index("compound_id")
    out = base.copy()
    for frame in (counts, people):
        known = frame.reindex(out.index)
        whole = known.columns.difference(["top_category", "top_category_pct"])
        known[whole] = known[whole].fillna(0).astype("int64")
        out = out.join(known)
    households = out["households"].astype(float)
    all_time = estimate_rates(out["complaint_count"], households)
    out["complaints_per_1000h"] = all_time["rate"]
    out = out.join(estimate_rates(out["window_count"], households))
    out["rate_shrunk"] = shrink_rates(out["window_count"], households)["rate_shrunk"]
    out = out.join(rank_rates(out["window_count"], households, seed=SEED))
    out["first_chance"] = _measure_first(out["window_count"], households)
    out = out.join(_limit_funnel(out["window_count"], households))
    out["rate_nearby"] = _smooth_nearby(writer, out["window_count"], households)
    out["window_from"], out["window_to"] = (period.start, period.last) if period else (None, None)
    return out.join(_compare_months(months, period))


def _describe_people(
    writer: Writer, base: pd.DataFrame, states: pd.DataFrame, handling: Handling | None,
    profile: Profile, period: Period | None,
) -> pd.DataFrame:  # fmt: skip
    """Who takes part in each compound; the tables on organizations and committees are written."""
    span = find_span(writer, profile, period)
    if not writer.holds_any(*BODIES_KEPT):
        # An office that keeps no sheet on bodies and meetings does not wait for them.
        return describe_people(writer, base, span)
    register = writer.frame("organization_register")
    ties = writer.frame("activity_ties", **span.window)
    publish_cultivation(writer, register, ties, profile, span)
    publish_formation(writer, profile, span)
    meetings = writer.frame("meetings_held", **span.window)
    publish_supervision(writer, states, ties, meetings, handling, span)
    publish_network(writer, base, states, register, ties, meetings, profile, span)
    return describe_people(writer, base, span)


def _describe_handling(
    writer: Writer, handling: Handling | None, compounds: pd.DataFrame, period: Period | None
) -> pd.DataFrame:
    """How each compound's complaints are dealt with; `out_handling` says it of them all."""
    if handling is None or period is None:
        writer.replace(OUT_HANDLING, pd.DataFrame(columns=[c.name for c in OUT_HANDLING.columns]))
        return pd.DataFrame(index=compounds.index)
    measured = measure_handling(handling, compounds)
    if not writer.is_partial:
        publish_handling(writer, measured, handling, compounds)
    return handle_compounds(measured, handling, period, compounds.index)


def _smooth_nearby(writer: Writer, counts: pd.Series, households: pd.Series) -> pd.Series:
    """Rates shrunk towards those of the compounds across the street."""
    shapes = writer.shapes("core_boundaries")
    areas = shapes[shapes["level"] == "compound"].drop_duplicates("compound_id")
    areas = areas[areas["compound_id"].isin(counts.index)].set_index("compound_id")
    if areas.empty:
        return pd.Series(np.nan, index=counts.index)
    near = find_touching(to_metric(areas.geometry), within_m=STREET_M)
    return smooth_rates_nearby(counts, households, near)["rate_nearby"]


def _limit_funnel(counts: pd.Series, households: pd.Series) -> pd.DataFrame:
    """Between which rates a compound of its size lies by chance and by nature, 19 times in 20."""
    known = households.where(households > 0).dropna()
    limits = pd.DataFrame(np.nan, index=counts.index, columns=["funnel_low", "funnel_high"])
    if len(known) < FEWEST_UNITS or not counts[known.index].sum():
        return limits
    sizes = np.unique(known)
    at = sizes if len(sizes) <= MOST_SIZES else np.geomspace(sizes[0], sizes[-1], MOST_SIZES)
    drawn = limit_funnel(counts, households, list(at), FUNNEL_LEVELS)
    for name, level in zip(limits, FUNNEL_LEVELS, strict=True):
        rates = np.interp(np.log(known), np.log(at), drawn[level])
        limits[name] = pd.Series(1000.0 * rates, index=known.index)
    return limits


def _measure_first(counts: pd.Series, households: pd.Series) -> pd.Series:
    """How likely each compound's true rate is the highest of all, 0 to 1; NaN is unknown."""
    # Draws times compounds are held in memory at once; thousands of compounds need fewer.
    draws = CHANCE_CELLS // max(1, len(counts))
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, draws))
    return measure_chance_first(counts, households, top=1, draws=draws, seed=SEED)


def _compare_months(months: pd.DataFrame, period: Period | None) -> pd.DataFrame:
    """The newest whole month against the month before and the same month a year before."""
    out = pd.DataFrame(index=months.index)
    out["month"] = period.month if period else None
    out["month_count"] = months.iloc[:, -1] if months.shape[1] else pd.NA
    for name, back in (("month", 1), ("year", 12)):
        is_known = months.shape[1] > back
        out[f"{name}_before_count"] = months.iloc[:, -1 - back] if is_known else pd.NA
        compared = compare_months(months, back) if is_known else pd.DataFrame(index=out.index)
        # No such month on record is not the same as a month with too few complaints.
        parts = compared.reindex(columns=["ratio", "ratio_low", "ratio_high", "verdict"])
        out = out.join(parts.add_prefix(f"{name}_"))
    return out


def _finish(compounds: pd.DataFrame) -> pd.DataFrame:
    return compounds.reindex(columns=[c.name for c in OUT_COMPOUNDS.columns])


def _sum_up(
    writer: Writer, compounds: pd.DataFrame, profile: Profile, unknown_years: list[int]
) -> pd.DataFrame:
    """Totals over the community, beside what the office has published."""
    known = compounds["households"].notna().any()
    values = {
        "compounds": float(len(compounds)),
        "households": float(compounds["households"].sum()) if known else None,
        "residents": float(compounds["residents"].sum())
        if compounds["residents"].notna().any()
        else None,
        "area_km2": _measure_whole(writer, compounds["area_m2"].sum()),
        **dict(writer.rows(named_sql("plain_totals"))),
    }
    return _list_totals(values, profile, unknown_years)


def _sum_up_groups(writer: Writer, profile: Profile) -> pd.DataFrame:
    """The same of a store that is worked out group by group."""
    values = dict(writer.rows(named_sql("group_totals")))
    values["area_km2"] = _measure_whole(writer, values.pop("area_m2") or 0.0)
    values["complaints_default_geocode"] = 0.0
    if writer.rows("SELECT 1 FROM default_geocodes LIMIT 1"):
        values |= dict(writer.rows(named_sql("geocode_total")))
    found = "SELECT year(month), max(newest_at) FROM lake.out_months GROUP BY ALL"
    newest = {int(year): day for year, day in writer.rows(found)}
    unknown = find_unknown_years({*newest}, max(newest.values()), profile) if newest else []
    return _list_totals(values, profile, unknown)


def _measure_whole(writer: Writer, of_compounds: float) -> float | None:
    """The area of the communities in km2, else of their compounds; None is unknown."""
    shapes = writer.shapes("core_boundaries")
    outline = shapes[shapes["level"] == "community"]
    area = measure_area(outline.geometry).sum() if len(outline) else of_compounds
    return round(float(area) / 1e6, 4) if area else None


def _list_totals(
    values: dict[str, float | None], profile: Profile, unknown_years: list[int]
) -> pd.DataFrame:
    texts = {}
    if unknown_years:
        values[UNKNOWN_YEARS] = float(len(unknown_years))
        texts[UNKNOWN_YEARS] = "、".join(map(str, unknown_years))
    return pd.DataFrame(
        {
            "name": list(values),
            "value": list(values.values()),
            "published": [profile.published.get(name) or None for name in values],
            "text": [texts.get(name) for name in values],
        }
    )

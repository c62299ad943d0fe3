"""Frames -> the feature groups that a change of the page sends to the map."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import folium
import pandas as pd

from dashboard.map.base import Paint, write_literal
from dashboard.map.colouring import Colouring
from dashboard.map.months import Frames
from dashboard.map.signs import draw_actions, draw_services, tell_lacking
from dashboard.withheld import is_withheld
from dashboard.words import count, known, name_value, say, tell_chance

if TYPE_CHECKING:
    from dashboard.map.density import Surface

FULL_TOOLTIPS_UP_TO = 500
# Found among units, whichever, and drawn as circles; the other methods judge whole compounds.
CIRCLED = ("scan", "emerging", "scan_compounds")
CHIP_PX = 23
USUAL_LEVEL = 0.05
CHIPS_UP_TO = 400
LOOKS = {"正常": "good", "筹备": "forming", "名存实亡": "bad", "已解散": "bad", "未知": "unknown"}


@dataclass(frozen=True)
class Drawing:
    """Everything that one sight of the map shows."""

    table: pd.DataFrame
    colouring: Colouring
    selected: str = ""
    hotspots: pd.DataFrame = field(default_factory=pd.DataFrame)
    organizations: pd.DataFrame = field(default_factory=pd.DataFrame)
    surface: Surface | None = None
    services: pd.DataFrame = field(default_factory=pd.DataFrame)
    gaps: pd.DataFrame = field(default_factory=pd.DataFrame)
    actions: pd.DataFrame = field(default_factory=pd.DataFrame)
    has_buildings: bool = False
    frames: Frames | None = None
    month: str = ""
    is_linked: bool = False
    # Whether the chosen compound fills the map, wherever the map was before.
    is_close: bool = False
    # The lines of each tooltip where the rows are not compounds: labels, and values by row.
    tips: tuple[list[str], list[list[str]]] | None = None


@dataclass(frozen=True)
class Painted:
    """A drawing as the page sends it: the same for everybody who sees the same."""

    literal: str
    surface: Surface | None = None


def paint(drawing: Drawing) -> Painted:
    """Write a drawing down as data."""
    return Painted(write_literal(write_spec(drawing)), drawing.surface)


def make_groups(painted: Painted, shapes: str) -> list[folium.FeatureGroup]:
    """The feature groups of a drawing: the density surface if there is one, and the paint.

    `shapes` is the address of the outlines.
    """
    groups: list[folium.FeatureGroup] = []
    if painted.surface:
        groups.append(painted.surface.draw())
    groups.append(Paint(painted.literal, shapes))
    return groups


def write_spec(drawing: Drawing) -> dict[str, Any]:
    """The paint as plain data; `mark` tells one paint from another."""
    columns, values = drawing.tips or describe_compounds(drawing.table, drawing.hotspots)
    lacking = tell_lacking(drawing.gaps)
    if lacking and len(drawing.table) <= FULL_TOOLTIPS_UP_TO:
        columns = [*columns, say("tip.lacking")]
        values = [
            [*told, lacking.get(str(place), "")]
            for place, told in zip(drawing.table.index, values, strict=True)
        ]
    spec: dict[str, Any] = {
        "words": {k: say(f"map.{k}") for k in ("home", "closer", "further", "loading", "failed")},
        "classes": [
            {"fill": band.look.fill, "hatch": band.look.hatch, "ink": band.look.ink}
            for band in drawing.colouring.bands
        ],
        "fade": 0.45 if drawing.surface else 0.92,
        "columns": columns,
        "places": _place_compounds(drawing, values),
        "selected": drawing.selected or None,
        "rings": [{"id": place} for place in list_flagged(drawing.hotspots)],
        "circles": _draw_circles(drawing.hotspots),
        "organizations": _draw_organizations(drawing.organizations),
        "services": draw_services(drawing.services),
        "gaps": list(lacking),
        "actions": draw_actions(drawing.actions),
        "buildings": drawing.has_buildings,
        "linked": drawing.is_linked,
        "close": drawing.is_close,
        "frames": drawing.frames.as_spec(drawing.month) if drawing.frames else None,
    }
    spec["mark"] = hashlib.sha256(write_literal(spec).encode()).hexdigest()[:12]
    return spec


def describe_compounds(
    table: pd.DataFrame, hotspots: pd.DataFrame
) -> tuple[list[str], list[list[str]]]:
    """The lines of each compound's tooltip: labels once, and the values of every compound."""
    flags = tell_flags(hotspots)
    if len(table) > FULL_TOOLTIPS_UP_TO:
        labels = [say("tip.type"), say("tip.households"), say("tip.count")]
        rows = [
            [
                _type(row.type),
                _households(row.households),
                _count_shown(row.shown_count),
            ]
            for row in table.itertuples()
        ]
        return labels, rows
    names = (
        "type", "households", "count", "rate", "rank", "flag", "top", "overdue", "coverage", "core",
        "trust",
    )  # fmt: skip
    rows = [_describe(row, flags.get(row.compound_id, "")) for row in table.itertuples()]
    told = [at for at, name in enumerate(names) if not is_withheld(table, name)]
    labels = [say(f"tip.{names[at]}") for at in told]
    return labels, [[row[at] for at in told] for row in rows]


def describe_areas(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """The lines of each area's tooltip, in the same way."""
    labels = [say(f"tip.{name}") for name in ("compounds", "households", "count", "rate")]
    rows = [
        [
            count(row.compound_count, "unit.compounds"),
            _households(row.households),
            _count_shown(row.shown_count),
            _rate(row),
        ]
        for row in table.itertuples()
    ]
    return labels, rows


def _rate(row: Any) -> str:
    if pd.isna(row.shown_rate):
        return ""
    return say("tip.rate_value", rate=row.shown_rate, low=row.shown_low, high=row.shown_high)


def _describe(row: Any, flag: str) -> list[str]:
    top = ""
    if isinstance(row.top_category, str):
        top = say(
            "tip.top_value",
            category=name_value("category", row.top_category),
            pct=row.top_category_pct or 0,
        )
    gaps = ""
    if pd.notna(row.expected_count) and row.expected_count > 0:
        gaps = say("tip.coverage_value", gaps=row.gap_count, unknown=row.unknown_count)
    return [
        _type(row.type),
        _households(row.households),
        _count_shown(row.shown_count),
        _rate(row),
        tell_rank(row.rank, row.rank_low, row.rank_high),
        flag,
        top,
        count(row.overdue_count, "unit.complaints"),
        gaps,
        count(row.core_resident_count, "unit.people"),
        _trust(row),
    ]


def _count_shown(number: Any) -> str:
    """Complaints; a count that is missing here is withheld, for nothing else leaves it out."""
    return say("withheld.count") if pd.isna(number) else count(number, "unit.complaints")


def tell_rank(rank: Any, low: Any, high: Any) -> str:
    """A rank with the ranks it cannot be told apart from."""
    if pd.isna(rank):
        return ""
    if low == high:
        return say("rank.sure", rank=rank)
    return say("rank.range", rank=rank, low=low, high=high)


def _trust(row: Any) -> str:
    """Who trust their neighbours; nothing where too few answered, or none was asked."""
    pct = getattr(row, "trust_pct", None)
    return "" if pd.isna(pct) else say("tip.trust_value", pct=pct, count=int(row.trust_count))


def _type(value: Any) -> str:
    return name_value("type", value, say("type.unknown"))


def _households(value: Any) -> str:
    known = pd.notna(value) and value > 0
    return count(value, "unit.households") if known else say("households.unknown")


def _place_compounds(drawing: Drawing, values: list[list[str]]) -> dict[str, list[Any]]:
    """For each compound: its class, what stands under its name, its tooltip, its precedence."""
    order = drawing.table["shown_count"].rank(method="first", ascending=False).fillna(0)
    return {
        str(place): [int(drawing.colouring.member[place]), drawing.colouring.told[place], told, n]
        for place, told, n in zip(drawing.table.index, values, order.astype(int), strict=True)
    }


def list_flagged(hotspots: pd.DataFrame) -> list[str]:
    """Compounds that a method for compounds calls high, each once."""
    if hotspots.empty:
        return []
    named = hotspots.loc[~hotspots["method"].isin(CIRCLED), "compound_id"].dropna()
    return sorted(set(named.astype(str)))


def tell_flags(hotspots: pd.DataFrame) -> dict[str, str]:
    """Why a compound is called unusual, for each that is."""
    if hotspots.empty:
        return {}
    flagged = hotspots[hotspots["compound_id"].notna() & ~hotspots["method"].isin(CIRCLED)]
    told: dict[str, list[str]] = {}
    for row in flagged.itertuples():
        told.setdefault(str(row.compound_id), []).append(name_value("hotspot.method", row.method))
    return {place: say("between").join(lines) for place, lines in told.items()}


def name_hotspot(row: Any) -> str:
    """The name of a hotspot; where nothing there has one, its point."""
    return known(row.name) or say("map.geocode_spot", lat=row.lat, lon=row.lon)


def _draw_circles(hotspots: pd.DataFrame) -> list[dict[str, Any]]:
    if hotspots.empty:
        return []
    scanned = hotspots[hotspots["method"].isin(CIRCLED) & hotspots["radius_m"].notna()]
    return [
        {
            "lon": float(row.lon),
            "lat": float(row.lat),
            "radius": max(float(row.radius_m), 40.0),
            "badge": str(number),
            "title": say("hotspot.title", number=number, name=name_hotspot(row)),
            "lines": tell_hotspot(row),
        }
        for number, row in enumerate(scanned.itertuples(), start=1)
    ]


def tell_hotspot(row: Any) -> list[str]:
    """A hotspot in sentences: how many, against what, and how likely by chance."""
    told = {"observed": int(row.observed), "expected": row.expected, "ratio": row.ratio}
    is_new = pd.isna(row.ratio) or pd.isna(row.expected)
    return [
        say("hotspot.from_none", observed=told["observed"])
        if is_new
        else say(f"hotspot.counts.{row.method}", **told),
        tell_chance(row.p_value),
        *_tell_nature(row.p_value_wide),
        say("hotspot.period", first=row.period_from, last=row.period_to),
    ]


def _tell_nature(p_value: float | None) -> list[str]:
    """Whether a cluster still stands where units are allowed to differ by nature."""
    if p_value is None or pd.isna(p_value):
        return []
    if p_value <= USUAL_LEVEL:
        return [say("hotspot.nature.stands")]
    return [say("hotspot.nature.falls", pct=100.0 * p_value)]


def _draw_organizations(organizations: pd.DataFrame) -> list[dict[str, Any]]:
    """Organizations; several on one point stand side by side."""
    if organizations.empty:
        return []
    shown = organizations.head(CHIPS_UP_TO)
    spots = shown.groupby(["lon", "lat"], sort=False, dropna=False)
    beside = (spots.cumcount() - (spots["kind"].transform("size") - 1) / 2) * CHIP_PX
    return [_draw_organization(row, dx) for row, dx in zip(shown.itertuples(), beside, strict=True)]


def _draw_organization(row: Any, dx: float) -> dict[str, Any]:
    has_place = pd.notna(row.lon) and pd.notna(row.lat)
    reach = float(row.reach_m) if pd.notna(row.reach_m) and row.reach_m > 0 else None
    lines = [f"{say(f'kind.{row.kind}')} · {say(f'state.{row.state}')}"]
    if isinstance(stage := getattr(row, "stage", None), str):
        lines.append(say("organization.stage", stage=name_value("stage", stage)))
    if reach:
        lines.append(say("organization.reach", metres=reach))
    return {
        "lon": float(row.lon) if has_place else None,
        "lat": float(row.lat) if has_place else None,
        "dx": float(dx) if has_place else 0.0,
        "at": known(row.compound_id),
        "sign": name_value("sign", row.kind),
        "look": LOOKS.get(row.state, "unknown"),
        "name": str(row.name),
        "lines": lines,
        "reach": reach,
    }

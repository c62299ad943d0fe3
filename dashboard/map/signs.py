"""Service points with their reach, what compounds lack, and actions, as the map draws them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard import actions as told
from dashboard.words import known, name_value, say

DRAWN_UP_TO = 400
# How actions are drawn, as the legend lists them.
LOOKS = ("act-late", "act-open", "act-planned", "act-done")
CHIP_PX = 25


def find_services(organizations: pd.DataFrame) -> pd.DataFrame:
    """Organizations that work and say where they are and how far they reach."""
    if organizations.empty:
        return organizations
    works = organizations["state"] == "正常"
    placed = organizations[["lon", "lat", "reach_m"]].notna().all(axis=1)
    return organizations[works & placed & (organizations["reach_m"] > 0)]


def draw_services(services: pd.DataFrame) -> list[dict[str, Any]]:
    """A point and a circle for each service point."""
    return [
        {
            "lon": float(row.lon),
            "lat": float(row.lat),
            "reach": float(row.reach_m),
            "name": str(row.name),
            "lines": [
                name_value("kind", row.kind),
                say("organization.reach", metres=row.reach_m),
            ],
        }
        for row in services.head(DRAWN_UP_TO).itertuples()
    ]


def find_gaps(coverage: pd.DataFrame) -> pd.DataFrame:
    """What is expected of a compound and does not work there."""
    return coverage[coverage["is_gap"].fillna(False).astype(bool)] if len(coverage) else coverage


def tell_lacking(gaps: pd.DataFrame) -> dict[str, str]:
    """The kinds that each compound lacks, with the state of each; nothing of those without gap."""
    lacking: dict[str, list[str]] = {}
    for row in gaps.itertuples():
        kind, state = name_value("kind", row.kind), name_value("state", row.state)
        lacking.setdefault(str(row.compound_id), []).append(say("with_unit", head=kind, unit=state))
    return {place: say("listed").join(names) for place, names in lacking.items()}


def look_of(row: Any) -> str:
    """How an action is drawn: late before all, then by how far it is."""
    if row["lateness"] in (*told.LATE, *told.CONTRADICTORY):
        return "act-late"
    if row["status"] in told.DONE:
        return "act-done"
    return "act-planned" if row["status"] == told.OPEN[0] else "act-open"


def draw_actions(actions: pd.DataFrame) -> list[dict[str, Any]]:
    """A sign for each action: on its own spot, or under the name of its compound."""
    if actions.empty:
        return []
    shown = actions.head(DRAWN_UP_TO)
    spots = shown.groupby(["lon", "lat"], sort=False, dropna=False)
    beside = (spots.cumcount() - (spots["name"].transform("size") - 1) / 2) * CHIP_PX
    return [_draw_action(row, dx) for row, dx in zip(shown.to_dict("records"), beside, strict=True)]


def _draw_action(row: Any, dx: float) -> dict[str, Any]:
    has_place = pd.notna(row["lon"]) and pd.notna(row["lat"])
    look = look_of(row)
    lines = [told.tell_who(row), told.tell_when(row), told.tell_late(row)]
    return {
        "lon": float(row["lon"]) if has_place else None,
        "lat": float(row["lat"]) if has_place else None,
        "dx": float(dx) if has_place else 0.0,
        "at": known(row["compound_id"]),
        "sign": say("sign.late" if look == "act-late" else "sign.action"),
        "look": look,
        "name": str(row["name"]),
        "lines": [line for line in lines if line],
        "reach": None,
        "stays": True,
    }

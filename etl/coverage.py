"""Organizations and compounds: what is there, what is failing, who is within reach of a service."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd

from etl.profile import Profile
from etl.store import Writer
from etl.tally import Period
from geo.coverage import (
    ACTIVE,
    FORMING,
    describe_bodies,
    find_reach,
    judge_coverage,
    measure_coverage,
)
from geo.crs import make_points, to_metric

# Whose members are residents; the others employ staff.
OF_RESIDENTS = (
    "owners_committee", "courtyard_committee", "self_organization", "volunteer_team", "party_branch",
)  # fmt: skip
MEMBERS = ["member_count", "member_over_60_count", "member_under_40_count"]


def judge_organizations(
    states: pd.DataFrame, base: pd.DataFrame, profile: Profile, period: Period | None
) -> pd.DataFrame:
    """The rows of `out_coverage`: what is there, whether it is a gap, and what is failing."""
    stand_ins = {t: [frozenset(g) for g in groups] for t, groups in profile.stand_ins.items()}
    judged = judge_coverage(
        base[["type"]],
        states[["compound_id", "kind", "organization_id", "state"]],
        profile.expectations,
        stand_ins,
    )
    today = period.known_until if period else pd.NaT
    bodies = describe_bodies(states, base["households"].astype(float), today, profile.coverage)
    bodies["concerns"] = [json.dumps(told) for told in bodies["concerns"]]
    judged = judged.join(bodies, on=["compound_id", "kind"])
    # Of what is not asked of a compound nothing can be failing.
    judged.loc[judged["state"] == "不适用", "concerns"] = None
    names = states.dropna(subset="organization_id").drop_duplicates("organization_id")
    known = dict(zip(names["organization_id"], names["organization_name"], strict=True))
    joined = ["、".join(str(known.get(i, i)) for i in ids) for ids in judged["organization_ids"]]
    return judged.assign(organization_names=joined)


def describe_coverage(
    writer: Writer, states: pd.DataFrame, coverage: pd.DataFrame, base: pd.DataFrame
) -> pd.DataFrame:
    """The columns of `out_compounds` on organizations; index compound_id."""
    out = measure_coverage(coverage).rename(columns={"met_pct": "coverage_pct"})
    out = out.reindex(base.index)
    # What is a gap already is not counted again.
    listed = coverage["concerns"].mask(coverage["is_gap"]).map(json.loads, na_action="ignore")
    number = listed.map(len, na_action="ignore").fillna(0).astype("int64")
    out["concern_count"] = number.groupby(coverage["compound_id"]).sum().reindex(base.index)
    return out.join(_count_members(states, base.index)).join(_find_services(writer, base))


def _count_members(states: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """Members of the residents' own organizations, and how old they are."""
    is_theirs = states["kind"].isin(OF_RESIDENTS) & states["is_own"]
    works = states[is_theirs & states["state"].isin([ACTIVE, FORMING])]
    found = works.groupby("compound_id")["member_count"].sum(min_count=1).reindex(index)
    table = pd.DataFrame({"member_count": found.astype("Int64")}, index=index)
    for age in ("over_60", "under_40"):
        # A share is of those organizations that say how old their members are.
        said = works.dropna(subset=["member_count", f"member_{age}_count"])
        sums = said.groupby("compound_id")[["member_count", f"member_{age}_count"]].sum()
        whole, part = (sums[name].astype(float) for name in sums)
        table[f"member_{age}_pct"] = (100.0 * part / whole.where(whole > 0)).reindex(index)
    return table


def _find_services(writer: Writer, base: pd.DataFrame) -> pd.DataFrame:
    """The nearest service point of each compound, and whether one reaches it."""
    services = writer.frame("service_points").set_index("organization_id")
    places = make_points(base)
    if services.empty or places.isna().all():
        return pd.DataFrame(
            {"service_name": None, "service_m": np.nan, "is_in_reach": None}, index=base.index
        )
    places = to_metric(places)
    points = make_points(services).to_crs(places.crs)
    found = find_reach(places, gpd.GeoDataFrame(services[["reach_m"]], geometry=points))
    names = services["name"].to_dict()
    return pd.DataFrame(
        {
            "service_name": found["service"].map(names),
            "service_m": found["distance_m"],
            "is_in_reach": found["is_in_reach"],
        }
    )

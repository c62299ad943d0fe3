"""Core residents, activities and festivals: who takes part, for `out_` tables; nobody is named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from etl.profile import Profile
from etl.store import Writer
from etl.tables.organizations import NOBODY
from etl.tables.people import (
    OUT_ACTIVITY_MONTHS,
    OUT_CORE_GROUPS,
    OUT_CORE_RESIDENTS,
    OUT_FESTIVALS,
    OUT_PARTICIPATION,
)
from etl.tally import Period, add_months
from geo.handling import measure_share

SOME, NONE_NOW, SILENT = "some", "none", "silent"
WHOLE = None  # the id under which the row of the whole community stands
OLD = "60岁及以上"


@dataclass(frozen=True)
class Span:
    """Of which days is told what people and organizations did; `end` is the day after the last."""

    start: date
    end: date
    today: pd.Timestamp

    @property
    def window(self) -> dict[str, date]:
        """The variables by which SQL takes what lies within."""
        return {"window_from": self.start, "window_to": self.end}


def find_span(writer: Writer, profile: Profile, period: Period | None) -> Span:
    """The months of the rates, however young the complaints are; without any, to the newest day."""
    if period is not None:
        start = add_months(period.end, -profile.rate_months)
        return Span(start, period.end, pd.Timestamp(period.known_until).normalize())
    newest = writer.frame("newest_day")["newest_on"].iloc[0]
    if pd.isna(newest):
        return Span(date(1900, 1, 1), date(1900, 2, 1), pd.NaT)  # type: ignore[arg-type]
    end = add_months(pd.Timestamp(newest).date(), 1)
    return Span(add_months(end, -profile.rate_months), end, pd.Timestamp(newest))


def describe_people(writer: Writer, base: pd.DataFrame, span: Span) -> pd.DataFrame:
    """Write the tables on people, and give the columns of `out_compounds`; index compound_id."""
    core = _publish_core_residents(writer, base)
    taking_part = _publish_participation(writer, base, span)
    if writer.holds_any("core_activities", OUT_FESTIVALS.name):
        writer.replace_by(OUT_FESTIVALS, "out_festivals", **span.window)
    columns = core[["core_count", "core_per_100h"]].rename(
        columns={"core_count": "core_resident_count"}
    )
    more = taking_part[["participant_count", "participants_per_100h"]]
    return columns.reindex(base.index).join(more.reindex(base.index))


def _publish_core_residents(writer: Writer, base: pd.DataFrame) -> pd.DataFrame:
    """Core residents by compound and over all; a compound that no list names is not known."""
    groups = writer.frame("core_groups")
    groups = groups[groups["compound_id"].isin(base.index)]
    listed = pd.Series(base.index.isin(groups["compound_id"]), index=base.index)
    counted = _count_core(groups)
    told = counted.groupby(groups["compound_id"].astype(object)).sum().reindex(base.index)
    # Where a list is silent nothing is known, which is not none.
    has_some = told["core_count"].fillna(0) > 0
    told["status"] = np.where(~listed, SILENT, np.where(has_some, SOME, NONE_NOW))
    told["households"] = base["households"]
    whole = counted.sum().to_frame().T.set_axis([""])
    whole["households"] = base["households"][listed].sum(min_count=1)
    whole["silent_count"] = int((told["status"] == SILENT).sum())
    whole["none_count"] = int((told["status"] == NONE_NOW).sum())
    # Of compounds whose households nobody knows none can be set against households.
    has_homes = base["households"].notna()
    placed = told.loc[has_homes, "core_count"].sum()
    told["core_per_100h"] = _per_hundred(told["core_count"], told["households"])
    whole["core_per_100h"] = _per_hundred(pd.Series(placed, index=whole.index), whole["households"])
    some = int(whole["core_count"].iloc[0])
    whole["status"] = SOME if some else NONE_NOW if len(groups) else SILENT
    rows = pd.concat([whole.set_axis([WHOLE]), told])
    rows = rows.join(_share_of(rows["over_60_count"], rows["age_known_count"]))
    rows["compound_id"] = rows.index
    writer.replace(
        OUT_CORE_RESIDENTS, rows.reindex(columns=[c.name for c in OUT_CORE_RESIDENTS.columns])
    )
    writer.replace(OUT_CORE_GROUPS, _list_groups(groups[counted["core_count"] > 0]))
    return told


def _count_core(groups: pd.DataFrame) -> pd.DataFrame:
    """How many people each group of core residents adds to each count; none where nobody is meant."""
    is_anyone = ~groups["role"].isin(NOBODY)
    is_now = groups["is_active"].astype(bool) & is_anyone
    party, ages = groups["is_party_member"], groups["age_band"]
    flags = {
        "core_count": is_now,
        "former_count": ~groups["is_active"].astype(bool) & is_anyone,
        "party_member_count": is_now & party.fillna(False).astype(bool),
        "party_known_count": is_now & party.notna(),
        "age_known_count": is_now & ages.notna(),
        "over_60_count": is_now & (ages == OLD).fillna(False),
    }
    number = groups["resident_count"].astype("int64")
    return pd.DataFrame({name: number * flag.astype("int64") for name, flag in flags.items()})


def _list_groups(now: pd.DataFrame) -> pd.DataFrame:
    """How many there are of each role and age band, by compound and over all."""
    parts = [
        now.assign(compound_id=place, facet=facet, name=now[facet])
        for facet in ("role", "age_band")
        for place in (now["compound_id"], None)
    ]
    keys = ["compound_id", "facet", "name"]
    told = pd.concat(parts, ignore_index=True)[[*keys, "resident_count"]]
    told[keys] = told[keys].astype(object)
    sums = told.groupby(keys, dropna=False)["resident_count"].sum()
    return sums.reset_index(name="core_count")


def _publish_participation(writer: Writer, base: pd.DataFrame, span: Span) -> pd.DataFrame:
    """Activities of the window by compound and over all; no activity on record is not zero."""
    if writer.holds_any("core_activities", OUT_ACTIVITY_MONTHS.name):
        writer.replace_by(OUT_ACTIVITY_MONTHS, "out_activity_months")
    months = writer.frame("SELECT * FROM lake.out_activity_months")
    months["month"] = pd.to_datetime(months["month"])
    start, end = pd.Timestamp(span.start), pd.Timestamp(span.end)
    inside = months[months["month"].between(start, end, inclusive="left")]
    counts = [name for name in months if str(name).endswith("_count")]
    sums = inside.groupby("compound_id")[counts].sum(min_count=1).reindex(base.index)
    sums["households"] = base["households"]
    whole = inside[counts].sum(min_count=1).to_frame().T.set_axis([WHOLE])
    whole["households"] = base["households"].sum(min_count=1)
    rows = pd.concat([whole, sums])
    rows["participants_per_100h"] = _per_hundred(rows["participant_count"], rows["households"])
    rows = rows.join(_share_of(rows["over_60_count"], rows["aged_count"]))
    rows["compound_id"] = rows.index
    is_known = not pd.isna(span.today)
    rows["window_from"] = span.start if is_known else None
    rows["window_to"] = span.end - timedelta(days=1) if is_known else None
    writer.replace(
        OUT_PARTICIPATION, rows.reindex(columns=[c.name for c in OUT_PARTICIPATION.columns])
    )
    return rows.loc[rows.index.notna()]


def _per_hundred(counts: pd.Series, households: pd.Series) -> pd.Series:
    """Per 100 households; unknown where either is."""
    homes = households.astype("Float64").astype(float)
    return 100.0 * counts.astype("Float64").astype(float) / homes.where(homes > 0)


def _share_of(part: pd.Series, whole: pd.Series) -> pd.DataFrame:
    """The share over sixty with its interval; unknown where no age is."""
    some, number = (values.astype("Float64").astype(float).fillna(0) for values in (part, whole))
    told = measure_share(some.reset_index(drop=True), number.reset_index(drop=True))
    return told.add_prefix("over_60_").set_axis(part.index)

"""What each intervention changed: its compound against the others, before against after."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from etl.store import Writer
from etl.tables.outputs import OUT_EFFECTS
from etl.tally import Period, Tally
from geo.effect import TOO_EARLY, measure_effect

MOST_MONTHS = 12
NOT_STARTED = "not_started"
PLANNED = "计划"


def publish_effects(writer: Writer, tally: Tally, compounds: pd.Index) -> None:
    """Write `out_effects`: a row for each intervention with a place and a beginning."""
    begun = writer.frame("begun_interventions")
    begun = begun[begun["compound_id"].isin(compounds)]
    rows = []
    if tally.period and len(begun):
        tables: dict[Any, pd.DataFrame] = {}
        for row in begun.to_dict("records"):
            category = row["category"] if isinstance(row["category"], str) else None
            if category not in tables:
                tables[category] = _count_months(tally, compounds, tally.period, category)
            rows.append(_describe(row, begun, tables[category], tally.period))
    writer.replace(OUT_EFFECTS, pd.DataFrame(rows, columns=[c.name for c in OUT_EFFECTS.columns]))


def _count_months(
    tally: Tally, compounds: pd.Index, period: Period, category: str | None
) -> pd.DataFrame:
    """Complaints of each compound in each whole month, of one category where one is meant."""
    counts = tally.months[tally.months["compound_id"].isin(compounds)]
    if category is not None:
        counts = counts[counts["category"] == category]
    months = pd.date_range(min(period.first, period.month), period.month, freq="MS")
    sums = counts.groupby(["compound_id", "month"])["complaint_count"].sum()
    table = sums.unstack("month").reindex(index=compounds, columns=months)
    return table.fillna(0).astype("int64")


def _describe(
    row: Mapping[Hashable, Any], begun: pd.DataFrame, counts: pd.DataFrame, period: Period
) -> dict[str, Any]:
    starts_on = pd.Timestamp(row["starts_on"])
    has_begun = row["status"] != PLANNED and starts_on <= pd.Timestamp(period.known_until)
    first = starts_on.to_period("M").to_timestamp()
    if starts_on != first:
        # The month in which it began half way is neither before nor after.
        counts = counts.drop(columns=first, errors="ignore")
    told = {
        "intervention_id": row["intervention_id"],
        "compound_id": row["compound_id"],
        "name": row["name"],
        "category": row["category"],
        "starts_on": starts_on,
        "overlapping": json.dumps(_list_overlapping(row, begun), ensure_ascii=False),
    }
    if not has_begun or counts.empty:
        return {**told, "verdict": TOO_EARLY, "reason": NOT_STARTED if not has_begun else ""}
    effect = measure_effect(
        counts, [row["compound_id"]], starts_on.to_pydatetime(),
        after_months=MOST_MONTHS, before_months=MOST_MONTHS,
    )  # fmt: skip
    return {
        **told,
        "months_before": effect.months_before,
        "months_after": effect.months_after,
        "before_count": effect.treated_before,
        "after_count": effect.treated_after,
        "others_before_count": effect.others_before,
        "others_after_count": effect.others_after,
        "ratio": effect.ratio,
        "ratio_low": effect.ratio_low,
        "ratio_high": effect.ratio_high,
        "detectable": effect.detectable,
        "verdict": effect.verdict,
        "reason": effect.reason or None,
    }


def _list_overlapping(row: Mapping[Hashable, Any], begun: pd.DataFrame) -> list[str]:
    """Other interventions there that began within the months compared, on the same matter or all."""
    span = pd.DateOffset(months=MOST_MONTHS)
    start = pd.Timestamp(row["starts_on"])
    others = begun[
        (begun["compound_id"] == row["compound_id"])
        & (begun["intervention_id"] != row["intervention_id"])
        & begun["starts_on"].between(start - span, start + span)
        & (begun["status"] != PLANNED)
    ]
    if isinstance(row["category"], str):
        others = others[others["category"].isna() | (others["category"] == row["category"])]
    return [str(name) for name in others["name"]]

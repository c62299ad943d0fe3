"""Where to act first: need × gap per compound, every part in words, with actions that fit."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from etl.profile import Profile
from etl.tables.outputs import OUT_TARGETS
from geo.targeting import measure_stability, scale_part, score_targets

Row = Mapping[Hashable, Any]

TOLD_OF_COMPOUNDS = [
    "is_past_high", "top_category", "top_category_pct", "window_overdue_count", "open_need_count",
]  # fmt: skip
TOLD_OF_BODIES = [
    "compound_id", "kind", "state", "expectation", "is_gap", "reason_code", "concerns",
]  # fmt: skip
SELF_GOVERNING = ("owners_committee", "courtyard_committee")
# Of what is said of an organization, the reasons to go there.
FAILING = ("term_over", "no_response", "inactive")
CLEARLY_HIGH = 1.3
COMMONEST_PCT = 30.0
FEW_CORE_RESIDENTS = 0.5
PROPOSED_ACTIONS = 2
SEED = 20120901


def build_targets(
    compounds: pd.DataFrame, coverage: pd.DataFrame, profile: Profile
) -> pd.DataFrame:
    """The table `out_targets`: order, parts, reasons and actions; index compound_id."""
    empty = pd.DataFrame(columns=[c.name for c in OUT_TARGETS.columns])
    if compounds.empty:
        return empty
    measures = measure_parts(compounds, coverage)
    parts = pd.DataFrame(
        {str(name): scale_part(measures[name], *profile.scales[str(name)]) for name in measures}
    )
    need, gap = list(profile.weights["need"]), list(profile.weights["gap"])
    weights = {**profile.weights["need"], **profile.weights["gap"]}
    scored = score_targets(parts, need, gap, weights)
    scored["top_share"] = measure_stability(parts, need, gap, weights, seed=SEED)
    # Thousands of compounds are told as plain rows: a frame cut for each would take seconds.
    bodies: dict[Any, list[Row]] = {}
    for row in coverage[TOLD_OF_BODIES].to_dict("records"):
        bodies.setdefault(row["compound_id"], []).append(row)
    reasons = [
        give_reasons(compound, measured, bodies.get(i, []))
        for i, compound, measured in zip(
            compounds.index,
            compounds[TOLD_OF_COMPOUNDS].to_dict("records"),
            measures.to_dict("records"),
            strict=True,
        )
    ]
    scored = scored.assign(
        compound_id=compounds["compound_id"],
        name=compounds["name"],
        parts=[_as_json(row) for row in parts.to_dict("records")],
        reasons=[json.dumps(said, ensure_ascii=False) for said in reasons],
        actions=[
            json.dumps(propose_actions(said, profile), ensure_ascii=False) for said in reasons
        ],
    )
    return scored.sort_values(["rank", "compound_id"])


def measure_parts(compounds: pd.DataFrame, coverage: pd.DataFrame) -> pd.DataFrame:
    """The measures behind need and gap, before scaling; NaN is unknown."""
    households = compounds["households"].astype(float)
    thousand = (households / 1000).where(households > 0)
    overall = 1000 * compounds["window_count"][households > 0].sum() / max(households.sum(), 1)
    window = compounds["window_count"].astype(float)
    expected = compounds["expected_count"].astype(float)
    known = expected - compounds["unknown_count"].astype(float)
    has_lists = compounds["core_resident_count"].sum() > 0
    return pd.DataFrame(
        {
            "complaint_rate": compounds["rate_shrunk"] / overall if overall > 0 else np.nan,
            "worsening": compounds["past_ratio"].astype(float),
            "overdue": compounds["window_overdue_count"] / window.where(window > 0),
            "open_needs": compounds["open_need_count"] / thousand,
            "coverage": compounds["gap_count"] / known.where(known > 0),
            "core_residents": compounds["core_resident_count"] / (thousand * 10)
            if has_lists
            else np.nan,
            "self_governance": lack_of_self_governance(coverage).reindex(compounds.index),
        },
        index=compounds.index,
    ).astype(float)


def lack_of_self_governance(coverage: pd.DataFrame) -> pd.Series:
    """1 where no committee of residents of any kind works, 0 where one does, NaN where one may."""
    bodies = coverage[coverage["kind"].isin(SELF_GOVERNING)]
    bodies = bodies[bodies["state"] != "不适用"]
    works = bodies["state"].eq("正常").groupby(bodies["compound_id"]).any()
    unknown = bodies["state"].eq("未知").groupby(bodies["compound_id"]).any()
    return (1.0 - works.astype(float)).mask(unknown & ~works)


def give_reasons(compound: Row, measures: Row, bodies: Sequence[Row]) -> list[dict[str, Any]]:
    """Why here: codes with their values, the weightiest first; words are the interface's."""
    reasons: list[dict[str, Any]] = []

    def say(code: str, holds: bool, **values: Any) -> None:
        if holds:
            reasons.append({"code": code, **values})

    rate = measures["complaint_rate"]
    say("high_rate", bool(rate >= CLEARLY_HIGH), ratio=_round(rate))
    is_rising, growth = bool(compound["is_past_high"]), _round(measures["worsening"])
    say("worsening", is_rising and growth is not None, ratio=growth)
    say("newly_rising", is_rising and growth is None)
    pct = compound["top_category_pct"]
    is_common = bool(pd.notna(pct) and pct >= COMMONEST_PCT)
    say("top_category", is_common, category=compound["top_category"], pct=_round(pct, 0))
    overdue = int(compound["window_overdue_count"])
    late = measures["overdue"]
    share: float | None = 100 * late if pd.notna(late) else None
    say("overdue", overdue > 0, count=overdue, pct=_round(share, 0))
    needs = int(compound["open_need_count"])
    say("open_needs", needs > 0, count=needs)
    for row in bodies:
        code, kind = row["reason_code"], row["kind"]
        say("forming", code == "forming", kind=kind)
        say("gap", bool(row["is_gap"]) and code != "forming", kind=kind, state=row["state"])
        say("unknown", code == "unknown", kind=kind)
        for concern in _read_list(row["concerns"]):
            # A body that is a gap is told of as a gap; that nobody answers weighs all the same.
            told = concern["code"] == "no_response" or not row["is_gap"]
            is_asked = row["expectation"] == "expected" and concern["code"] in FAILING
            say(concern["code"], told and is_asked, kind=kind, days=concern.get("days"))
    core = measures["core_residents"]
    say("no_core_residents", bool(core == 0))
    say("few_core_residents", bool(0 < core < FEW_CORE_RESIDENTS), per_100h=_round(core, 2))
    return reasons


def propose_actions(reasons: list[dict[str, Any]], profile: Profile) -> list[dict[str, str]]:
    """Entries of the playbook that fit the reasons, each with the reason it fits."""
    tags = {_tag(reason): reason["code"] for reason in reasons}
    proposed = []
    for play in profile.playbook:
        fitting = [word for word in play.when if word in tags]
        if fitting:
            proposed.append({"path": play.path, "action": play.action, "because": fitting[0]})
    return proposed[:PROPOSED_ACTIONS]


def _read_list(written: object) -> list[dict[str, Any]]:
    return json.loads(written) if isinstance(written, str) else []


def _tag(reason: dict[str, Any]) -> str:
    """The word by which a playbook calls a reason."""
    match reason:
        case {"code": "gap" | "forming", "kind": kind}:
            return f"gap:{kind}"
        case {"code": "top_category", "category": category}:
            return f"category:{category}"
        case {"code": "newly_rising"}:
            return "worsening"
        case _:
            return str(reason["code"])


def _round(value: float | None, digits: int = 1) -> float | None:
    return None if value is None or pd.isna(value) else round(float(value), digits)


def _as_json(row: Row) -> str:
    return json.dumps({str(k): _round(v, 3) for k, v in row.items()}, ensure_ascii=False)

"""Coverage: which organizations each compound has, should have, lacks, or is not known to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from geo.checks import require_columns, require_metric, require_same_crs, require_unique_index
from geo.errors import GeoError

ACTIVE, FORMING, NOMINAL, DISSOLVED = "正常", "筹备", "名存实亡", "已解散"
NONE, NOT_APPLICABLE, UNKNOWN = "无", "不适用", "未知"

# Best first. Unknown outranks everything below 'forming': one organization that failed
# and another of which nothing is known do not make a compound without one.
STATES = (ACTIVE, FORMING, UNKNOWN, NOMINAL, DISSOLVED, NONE, NOT_APPLICABLE)
GAP_REASONS = {FORMING: "forming", NOMINAL: "nominal", DISSOLVED: "dissolved", NONE: "none"}
EXPECTATIONS = ("expected", "optional", "not_applicable")
UNKNOWN_TYPE = "unknown"
KEY = ["compound_id", "kind"]
MEMBERS = ("member_count", "member_over_60_count", "member_under_40_count")
DETAILS = ("term_ends_on", "last_active_on", "is_registered", "is_supervised", "household_count",
           *MEMBERS)  # fmt: skip
# A property company answers residents; the others are known by what they do.
ANSWERING = "property_company"
COLUMNS = [
    "compound_id",
    "kind",
    "state",
    "expectation",
    "is_gap",
    "is_unknown",
    "reason_code",
    "organization_ids",
]

Expectations = Mapping[str, Mapping[str, str]]
Alternatives = Mapping[str, Sequence[frozenset[str]]]


def judge_coverage(
    compounds: pd.DataFrame,
    coverage: pd.DataFrame,
    expectations: Expectations,
    alternatives: Alternatives | None = None,
) -> pd.DataFrame:
    """Judge, for each compound and kind of organization, whether something is missing.

    Parameters
    ----------
    compounds : DataFrame indexed by compound_id, with column ``type``
    coverage : DataFrame[compound_id, kind, organization_id, state]
        A row per organization and compound, in any number; `state` is one of 正常, 筹备,
        名存实亡, 已解散, 无, 不适用, 未知; blank is 未知. ``organization_id`` may be blank.
    expectations : {type: {kind: 'expected' | 'optional' | 'not_applicable'}}
        A kind that a type does not list is optional.
    alternatives : {type: [frozenset of kinds, ...]}, optional
        Kinds of which one that works (正常) stands in for the others.

    Returns
    -------
    DataFrame[compound_id, kind, state, expectation, is_gap, is_unknown, reason_code,
    organization_ids]
        One row per compound × kind, compounds in their own order, kinds as first met in
        `expectations` and then in `coverage`.

        ``state`` is the best of the organizations of that kind, in the order 正常 > 筹备 >
        未知 > 名存实亡 > 已解散 > 无 > 不适用; without any row it is 未知, never 无. Where
        the kind is not applicable it is 不适用, unless a body that exists (正常, 筹备,
        名存实亡) is on record.

        ``reason_code`` where something is expected: ``met`` (正常); ``forming`` (筹备),
        ``nominal`` (名存实亡), ``dissolved`` (已解散) and ``none`` (无) are gaps,
        'forming' the weakest; ``substituted`` when an alternative works, no gap;
        ``unknown`` is no gap but ``is_unknown``; ``not_applicable`` when the office says
        so of this compound. Elsewhere: ``optional``, ``not_applicable``, and
        ``type_unknown`` (``is_unknown``, expectation 'unknown') where the compound's type
        is blank or absent from `expectations`.

    Raises
    ------
    GeoError
        Duplicated compounds, a row of `coverage` that names no known compound or no
        kind, a state or an expectation that is not in the list.
    """
    _require_inputs(compounds, coverage, expectations)
    kinds = _list_kinds(coverage, expectations)
    found = _find_best_states(coverage)
    grid = pd.MultiIndex.from_product([compounds.index, kinds], names=["compound_id", "kind"])
    judged = found.reindex(grid).reset_index()
    judged["state"] = judged["state"].fillna(UNKNOWN)
    judged["organization_ids"] = [
        ids if isinstance(ids, list) else [] for ids in judged["organization_ids"]
    ]
    types = compounds["type"].reindex(judged["compound_id"]).to_list()
    judged["expectation"] = [
        _expect(expectations, type_, kind)
        for type_, kind in zip(types, judged["kind"], strict=True)
    ]
    is_idle = judged["state"].isin([DISSOLVED, NONE, UNKNOWN])
    is_closed = judged["expectation"].eq("not_applicable") & is_idle
    judged.loc[is_closed, "state"] = NOT_APPLICABLE
    has_stand_in = _find_stand_ins(judged, types, alternatives or {})
    judged["reason_code"] = [
        _give_reason(expectation, state, is_substituted)
        for expectation, state, is_substituted in zip(
            judged["expectation"], judged["state"], has_stand_in, strict=True
        )
    ]
    judged["is_gap"] = judged["reason_code"].isin(GAP_REASONS.values())
    judged["is_unknown"] = judged["reason_code"].isin(["unknown", "type_unknown"])
    return judged[COLUMNS]


def measure_coverage(judged: pd.DataFrame) -> pd.DataFrame:
    """Sum up the coverage of each compound.

    Parameters
    ----------
    judged : DataFrame as returned by `judge_coverage`

    Returns
    -------
    DataFrame[expected_count, met_count, gap_count, unknown_count, met_pct]
        Indexed by compound_id in the order of `judged`. ``expected_count`` = met + gap +
        unknown: kinds that the office calls 不适用 here are not expected. ``met_count``
        holds substituted kinds. ``met_pct`` is the share, 0 to 100, of the expected kinds
        of which the state is known, NaN when none is known: unknown is neither met nor
        missing. Where two alternatives are both 'expected' both count; to count a pair
        once, expect one and leave the other optional.

    Raises
    ------
    GeoError
        A column is absent.
    """
    require_columns(judged, COLUMNS, "组织覆盖结果")
    is_expected = judged["expectation"].eq("expected")
    flags = pd.DataFrame(
        {
            "met_count": is_expected & judged["reason_code"].isin(["met", "substituted"]),
            "gap_count": is_expected & judged["is_gap"].astype(bool),
            "unknown_count": is_expected & judged["is_unknown"].astype(bool),
        }
    )
    counts = flags.groupby(judged["compound_id"], sort=False).sum().astype("int64")
    counts.insert(0, "expected_count", counts.sum(axis=1))
    known = counts["met_count"] + counts["gap_count"]
    return counts.assign(met_pct=100.0 * counts["met_count"] / known.where(known > 0, np.nan))


def describe_bodies(
    coverage: pd.DataFrame,
    households: pd.Series,
    today: object,
    limits: Mapping[str, int],
) -> pd.DataFrame:
    """Describe the organizations behind each compound and kind, and what is failing in them.

    Parameters
    ----------
    coverage : DataFrame[compound_id, kind, organization_id, state, term_ends_on,
        last_active_on, is_registered, is_supervised, household_count, member_count,
        member_over_60_count, member_under_40_count]
        As in `judge_coverage`; anything but the first four may be blank.
    households : Series of n numbers, index compound_id
    today : date
        The day to which the data reach; NaT where none is known, and then no day is judged.
    limits : {'term_soon', 'inactive', 'no_response': days}

    Returns
    -------
    DataFrame[term_ends_on, last_active_on, is_registered, is_supervised, household_count,
    covered_pct, member_count, member_over_60_count, member_under_40_count, concerns]
        Index (compound_id, kind) of those that `coverage` names. Only organizations in the
        best state of their kind speak: the earliest end of a term, the latest activity;
        a flag is False where one says no, <NA> where none says. Households are added up
        to at most all; ``covered_pct`` is NaN where either number is unknown.

        ``concerns`` is a list of {'code', 'days'}: ``term_over`` (days since),
        ``term_soon`` (days left), ``inactive`` and, of property companies,
        ``no_response`` (days since), ``not_registered``, ``not_supervised``. Empty for
        kinds of which nothing exists.

    Raises
    ------
    GeoError
        A column is absent.
    """
    require_columns(coverage, [*KEY, "organization_id", "state", *DETAILS], "组织覆盖表")
    exists = coverage["state"].fillna(UNKNOWN).isin([ACTIVE, FORMING, NOMINAL])
    bodies = coverage[exists]
    order = bodies["state"].map(STATES.index)
    best = bodies[order == order.groupby([bodies[name] for name in KEY]).transform("min")]
    grouped = best.groupby(KEY, sort=False)
    described = pd.DataFrame(
        {
            "term_ends_on": grouped["term_ends_on"].min(),
            "last_active_on": grouped["last_active_on"].max(),
            "is_registered": _all_say_yes(best, "is_registered"),
            "is_supervised": _all_say_yes(best, "is_supervised"),
            **{name: grouped[name].sum(min_count=1).astype("Int64") for name in MEMBERS},
        }
    )
    whole = households.reindex(described.index.get_level_values("compound_id")).to_numpy(float)
    covered = grouped["household_count"].sum(min_count=1).to_numpy(dtype=float, na_value=np.nan)
    # A number of households that nobody knows caps nothing.
    capped = np.fmin(covered, np.where(whole > 0, whole, np.nan))
    described["household_count"] = np.where(np.isnan(covered), np.nan, capped)
    described["covered_pct"] = 100.0 * capped / np.where(whole > 0, whole, np.nan)
    described.loc[np.isnan(covered), "covered_pct"] = np.nan
    concerns = [
        _list_concerns(kind, body, pd.Timestamp(today), limits)  # type: ignore[arg-type]
        for (_, kind), body in zip(described.index, described.to_dict("records"), strict=True)
    ]
    return described.assign(concerns=pd.Series(concerns, index=described.index, dtype=object))


def find_reach(places: gpd.GeoSeries, services: gpd.GeoDataFrame) -> pd.DataFrame:
    """Find the nearest service point of each place, and whether any reaches it.

    Parameters
    ----------
    places : GeoSeries of n points, metric CRS; None and empty have no place
    services : GeoDataFrame[reach_m, geometry] of m points, same CRS, labels unique; those
        without a place reach nobody

    Returns
    -------
    DataFrame[service, distance_m, is_in_reach], index of `places`
        Label and distance in metres of the nearest; ``is_in_reach`` (boolean) is True where
        at least one lies within its own reach. All are unknown where the place is, or
        where there are no services.

    Raises
    ------
    MissingCrsError, DegreesError, CrsMismatchError
        The points are not in one metric CRS.
    """
    require_metric(places, "小区位置")
    found = pd.DataFrame(
        {"service": None, "distance_m": np.nan, "is_in_reach": pd.NA}, index=places.index
    ).astype({"service": object, "is_in_reach": "boolean"})
    known = ~(places.isna() | places.is_empty)
    services = services[~(services.geometry.isna() | services.geometry.is_empty)]
    if services.empty or not known.any():
        return found
    require_same_crs(places, services)
    distance = np.column_stack(
        [places[known].distance(point).to_numpy() for point in services.geometry]
    )
    nearest = distance.argmin(axis=1)
    found.loc[known, "service"] = services.index.to_numpy(dtype=object)[nearest]
    found.loc[known, "distance_m"] = distance.min(axis=1)
    found.loc[known, "is_in_reach"] = (distance <= services["reach_m"].to_numpy()).any(axis=1)
    return found


def _all_say_yes(bodies: pd.DataFrame, flag: str) -> pd.Series:
    """False where one says no, True where all who say anything say yes, else <NA>."""
    said = bodies[flag].astype("boolean").astype("Float64")
    return said.groupby([bodies[name] for name in KEY], sort=False).min().astype("boolean")


def _list_concerns(
    kind: str, body: dict[Hashable, Any], today: pd.Timestamp, limits: Mapping[str, int]
) -> list[dict[str, Any]]:
    concerns: list[dict[str, Any]] = []
    left = _count_days(today, body["term_ends_on"])
    if left is not None and left < 0:
        concerns.append({"code": "term_over", "days": -left})
    elif left is not None and left <= limits["term_soon"]:
        concerns.append({"code": "term_soon", "days": left})
    quiet = _count_days(body["last_active_on"], today)
    code = "no_response" if kind == ANSWERING else "inactive"
    if quiet is not None and quiet > limits[code]:
        concerns.append({"code": code, "days": quiet})
    for flag, said in (("is_registered", "not_registered"), ("is_supervised", "not_supervised")):
        if pd.notna(body[flag]) and not body[flag]:
            concerns.append({"code": said})
    return concerns


def _count_days(first: Any, last: Any) -> int | None:
    """Days from one to the other; None where one is unknown."""
    if pd.isna(first) or pd.isna(last):
        return None
    return int((pd.Timestamp(last).normalize() - pd.Timestamp(first).normalize()).days)


def _require_inputs(
    compounds: pd.DataFrame, coverage: pd.DataFrame, expectations: Expectations
) -> None:
    require_unique_index(compounds.index, "小区台账")
    require_columns(compounds, ["type"], "小区台账")
    require_columns(coverage, ["compound_id", "kind", "organization_id", "state"], "组织覆盖表")
    stray = coverage.loc[~coverage["compound_id"].isin(compounds.index), "compound_id"]
    if len(stray):
        raise GeoError(f"组织覆盖表里的小区“{stray.iloc[0]}”不在小区台账里。")
    if coverage["kind"].isna().any():
        raise GeoError("组织覆盖表里有的行没有写组织类型。")
    _require_known(coverage["state"].dropna(), STATES, "组织状态")
    stated = [value for kinds in expectations.values() for value in kinds.values()]
    _require_known(stated, EXPECTATIONS, "组织配置期望")


def _require_known(values: Iterable[str], allowed: Sequence[str], what: str) -> None:
    for value in values:
        if value not in allowed:
            raise GeoError(f"{what}“{value}”不在可选范围内：{'、'.join(allowed)}。")


def _list_kinds(coverage: pd.DataFrame, expectations: Expectations) -> list[str]:
    expected = [kind for kinds in expectations.values() for kind in kinds]
    return list(dict.fromkeys([*expected, *coverage["kind"]]))


def _find_best_states(coverage: pd.DataFrame) -> pd.DataFrame:
    """Take the best state and all organizations per compound and kind."""
    states = coverage["state"].fillna(UNKNOWN)
    best: dict[tuple[object, str], str] = {}
    named: dict[tuple[object, str], dict[object, None]] = {}
    for compound, kind, organization, state in zip(
        coverage["compound_id"], coverage["kind"], coverage["organization_id"], states, strict=True
    ):
        key = (compound, kind)
        best[key] = min(state, best.get(key, state), key=STATES.index)
        named.setdefault(key, {}).update({} if pd.isna(organization) else {organization: None})
    index = pd.MultiIndex.from_tuples(list(best), names=["compound_id", "kind"])
    lists = pd.Series([list(ids) for ids in named.values()], index=index, dtype=object)
    found = pd.Series(list(best.values()), index=index, dtype=object)
    return pd.DataFrame({"state": found, "organization_ids": lists})


def _expect(expectations: Expectations, type_: object, kind: str) -> str:
    if not isinstance(type_, str) or type_ not in expectations:
        return UNKNOWN_TYPE
    return expectations[type_].get(kind, "optional")


def _find_stand_ins(
    judged: pd.DataFrame, types: Sequence[object], alternatives: Alternatives
) -> list[bool]:
    """Tell, row by row, whether another kind that works stands in for this one."""
    works = judged[judged["state"].eq(ACTIVE)]
    working = works.groupby("compound_id")["kind"].agg(set).to_dict()
    return [
        any(
            kind in group and (group - {kind}) & working.get(compound_id, set())
            for group in (alternatives.get(type_, ()) if isinstance(type_, str) else ())
        )
        for compound_id, kind, type_ in zip(
            judged["compound_id"], judged["kind"], types, strict=True
        )
    ]


def _give_reason(expectation: str, state: str, is_substituted: bool) -> str:
    if expectation == UNKNOWN_TYPE:
        return "type_unknown"
    if expectation != "expected":
        return expectation
    if state == ACTIVE:
        return "met"
    if state == NOT_APPLICABLE:
        return "not_applicable"
    if is_substituted:
        return "substituted"
    return GAP_REASONS.get(state, "unknown")

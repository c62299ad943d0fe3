"""Coverage by type: unknown is never none, and an alternative is not a gap."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import Point

from geo.coverage import (
    DETAILS,
    describe_bodies,
    find_reach,
    judge_coverage,
    measure_coverage,
)
from geo.errors import DegreesError, GeoError

EXPECTATIONS = {
    "商品房": {
        "property_company": "expected",
        "owners_committee": "expected",
        "courtyard_committee": "not_applicable",
        "volunteer_team": "optional",
    },
    "老旧": {
        "property_company": "optional",
        "owners_committee": "expected",
        "courtyard_committee": "optional",
        "volunteer_team": "expected",
    },
}
ALTERNATIVES = {"老旧": [frozenset({"owners_committee", "courtyard_committee"})]}
TYPES = pd.DataFrame({"type": ["商品房", "老旧"]}, index=["P", "Q"])


def rows(*entries):
    columns = ["compound_id", "kind", "organization_id", "state"]
    return pd.DataFrame(list(entries), columns=columns)


def judge(*entries, compounds=TYPES, alternatives=None):
    judged = judge_coverage(compounds, rows(*entries), EXPECTATIONS, alternatives)
    return judged.set_index(["compound_id", "kind"])


def test_one_row_per_compound_and_kind():
    judged = judge_coverage(TYPES, rows(), EXPECTATIONS)
    assert judged.columns.tolist() == [
        "compound_id",
        "kind",
        "state",
        "expectation",
        "is_gap",
        "is_unknown",
        "reason_code",
        "organization_ids",
    ]
    kinds = ["property_company", "owners_committee", "courtyard_committee", "volunteer_team"]
    assert judged["kind"].tolist() == kinds * 2
    assert judged["compound_id"].tolist() == ["P"] * 4 + ["Q"] * 4


def test_no_row_is_unknown_and_not_none():
    judged = judge()
    assert judged.loc[("P", "owners_committee"), "state"] == "未知"
    assert judged.loc[("P", "owners_committee"), "reason_code"] == "unknown"
    assert judged.loc[("P", "owners_committee"), "is_unknown"]
    assert not judged["is_gap"].any()
    assert judged.loc[("P", "courtyard_committee"), "state"] == "不适用"
    assert judged.loc[("P", "courtyard_committee"), "reason_code"] == "not_applicable"
    assert not judged.loc[("P", "volunteer_team"), "is_unknown"], "optional is not asked for"


@pytest.mark.parametrize(
    ("state", "is_gap", "reason"),
    [
        ("正常", False, "met"),
        ("筹备", True, "forming"),
        ("名存实亡", True, "nominal"),
        ("已解散", True, "dissolved"),
        ("无", True, "none"),
        ("不适用", False, "not_applicable"),
        ("未知", False, "unknown"),
        (None, False, "unknown"),
    ],
)
def test_each_state_of_an_expected_kind_has_its_reason(state, is_gap, reason):
    row = judge(("P", "property_company", "o1", state)).loc[("P", "property_company")]
    assert row["is_gap"] == is_gap
    assert row["reason_code"] == reason
    assert row["is_unknown"] == (reason == "unknown")
    assert row["organization_ids"] == ["o1"]


@pytest.mark.parametrize(
    ("states", "best"),
    [
        (("已解散", "正常"), "正常"),
        (("名存实亡", "筹备"), "筹备"),
        (("无", "已解散"), "已解散"),
        (("无", "未知"), "未知"),
        (("名存实亡", "未知"), "未知"),
        (("筹备", "未知"), "筹备"),
        (("不适用", "无"), "无"),
    ],
)
def test_the_best_of_several_organizations_counts(states, best):
    entries = [("P", "property_company", f"o{i}", state) for i, state in enumerate(states)]
    for order in (entries, entries[::-1]):
        assert judge(*order).loc[("P", "property_company"), "state"] == best


def test_organizations_are_listed_once_and_blanks_left_out():
    judged = judge(
        ("P", "property_company", "o2", "正常"),
        ("P", "property_company", "o1", "已解散"),
        ("P", "property_company", "o2", "正常"),
        ("P", "property_company", None, "无"),
    )
    assert judged.loc[("P", "property_company"), "organization_ids"] == ["o2", "o1"]
    assert judged.loc[("Q", "property_company"), "organization_ids"] == []


def test_a_courtyard_committee_stands_in_for_an_owners_committee():
    entries = [
        ("Q", "owners_committee", None, "无"),
        ("Q", "courtyard_committee", "o1", "正常"),
    ]
    row = judge(*entries, alternatives=ALTERNATIVES).loc[("Q", "owners_committee")]
    assert (row["is_gap"], row["reason_code"], row["state"]) == (False, "substituted", "无")
    assert judge(*entries).loc[("Q", "owners_committee"), "is_gap"]


def test_an_alternative_of_another_compound_or_in_decay_does_not_stand_in():
    judged = judge(
        ("Q", "owners_committee", None, "无"),
        ("Q", "courtyard_committee", "o1", "名存实亡"),
        ("P", "courtyard_committee", "o2", "正常"),
        alternatives=ALTERNATIVES,
    )
    assert judged.loc[("Q", "owners_committee"), "is_gap"]
    assert judged.loc[("Q", "owners_committee"), "reason_code"] == "none"


def test_what_exists_where_it_is_not_applicable_stays_visible_but_no_gap():
    judged = judge(("P", "courtyard_committee", "o1", "名存实亡"))
    row = judged.loc[("P", "courtyard_committee")]
    assert (row["state"], row["is_gap"], row["reason_code"]) == (
        "名存实亡",
        False,
        "not_applicable",
    )
    assert (
        judge(("P", "courtyard_committee", None, "无")).loc[("P", "courtyard_committee"), "state"]
        == "不适用"
    )


def test_a_compound_of_unknown_type_is_unknown_and_no_gap():
    compounds = pd.DataFrame({"type": [None, "别墅"]}, index=["R", "S"])
    judged = judge(("R", "property_company", "o1", "无"), compounds=compounds)
    assert (judged["reason_code"] == "type_unknown").all()
    assert judged["is_unknown"].all()
    assert not judged["is_gap"].any()


def test_a_kind_nobody_expected_is_optional():
    judged = judge(("P", "party_branch", "o1", "名存实亡"))
    assert judged.loc[("P", "party_branch"), "expectation"] == "optional"
    assert not judged.loc[("P", "party_branch"), "is_gap"]
    assert judged.loc[("Q", "party_branch"), "state"] == "未知"


def test_summary_leaves_the_unknown_out_of_the_share():
    judged = judge_coverage(
        TYPES,
        rows(
            ("P", "property_company", "o1", "正常"),
            ("Q", "owners_committee", None, "无"),
            ("Q", "courtyard_committee", "o2", "正常"),
            ("Q", "volunteer_team", "o3", "筹备"),
        ),
        EXPECTATIONS,
        ALTERNATIVES,
    )
    summary = measure_coverage(judged)
    assert summary.index.name == "compound_id"
    assert summary.loc["P"].tolist() == [2, 1, 0, 1, 100.0]
    assert summary.loc["Q"].tolist() == [2, 1, 1, 0, 50.0]
    nothing_known = measure_coverage(judge_coverage(TYPES, rows(), EXPECTATIONS))
    assert nothing_known["unknown_count"].tolist() == [2, 2]
    assert np.isnan(nothing_known["met_pct"]).all()


def test_nothing_of_the_caller_is_changed():
    coverage = rows(("P", "property_company", "o1", None))
    before = coverage.copy(deep=True)
    judge_coverage(TYPES, coverage, EXPECTATIONS)
    pd.testing.assert_frame_equal(coverage, before)


def test_no_compounds_give_an_empty_table():
    judged = judge_coverage(TYPES[:0], rows(), EXPECTATIONS)
    assert judged.empty
    assert measure_coverage(judged).empty


def test_bad_tables_are_refused():
    with pytest.raises(GeoError, match="不在小区台账"):
        judge(("Z", "property_company", "o1", "正常"))
    with pytest.raises(GeoError, match="很好"):
        judge(("P", "property_company", "o1", "很好"))
    with pytest.raises(GeoError, match="类型"):
        judge(("P", None, "o1", "正常"))
    with pytest.raises(GeoError, match="重复"):
        judge(compounds=pd.concat([TYPES, TYPES]))
    with pytest.raises(GeoError, match="type"):
        judge(compounds=TYPES.rename(columns={"type": "kind"}))
    with pytest.raises(GeoError, match="maybe"):
        judge_coverage(TYPES, rows(), {"老旧": {"owners_committee": "maybe"}})


LIMITS = {"term_soon": 90, "inactive": 180, "no_response": 90}
TODAY = pd.Timestamp("2026-10-31 17:00")


def bodies(*rows):
    """Rows of kind, state and what else is known of an organization of compound Q."""
    blank = dict.fromkeys(DETAILS)
    told = [
        {"compound_id": "Q", "kind": kind, "organization_id": str(i), "state": state, **blank, **more}
        for i, (kind, state, more) in enumerate(rows)
    ]  # fmt: skip
    return pd.DataFrame(told, columns=["compound_id", "kind", "organization_id", "state", *DETAILS])


def describe(*rows, households=100.0, today=TODAY):
    frame = bodies(*rows)
    for name in ("term_ends_on", "last_active_on"):
        frame[name] = pd.to_datetime(frame[name])
    return describe_bodies(frame, pd.Series({"Q": households}), today, LIMITS)


def codes(described, kind):
    return [concern["code"] for concern in described.loc[("Q", kind), "concerns"]]


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        ("2026-10-30", [{"code": "term_over", "days": 1}]),
        ("2026-10-31", [{"code": "term_soon", "days": 0}]),
        ("2027-01-29", [{"code": "term_soon", "days": 90}]),
        ("2027-01-30", []),
        (None, []),
    ],
)
def test_a_term_is_over_the_day_after_it_ends(ends, wanted):
    found = describe(("owners_committee", "正常", {"term_ends_on": ends}))
    assert found.loc[("Q", "owners_committee"), "concerns"] == wanted
    unknown = describe(("owners_committee", "正常", {"term_ends_on": ends}), today=pd.NaT)
    assert codes(unknown, "owners_committee") == []


def test_quiet_is_long_for_a_body_and_shorter_for_a_property_company():
    last = {"last_active_on": "2026-07-01"}  # 122 days
    assert codes(describe(("property_company", "正常", last)), "property_company") == [
        "no_response"
    ]
    assert codes(describe(("party_branch", "正常", last)), "party_branch") == []
    longer = {"last_active_on": "2026-05-03"}  # 181 days
    assert codes(describe(("party_branch", "筹备", longer)), "party_branch") == ["inactive"]


def test_the_best_organizations_of_a_kind_speak_together():
    found = describe(
        ("self_organization", "正常", {"is_registered": True, "household_count": 70,
                                      "member_count": 9, "last_active_on": "2026-10-01"}),
        ("self_organization", "正常", {"is_registered": False, "household_count": 60,
                                      "member_count": 5, "last_active_on": "2020-10-01"}),
        ("self_organization", "名存实亡", {"is_supervised": False, "member_count": 50}),
    ).loc[("Q", "self_organization")]  # fmt: skip
    assert (found["household_count"], found["covered_pct"]) == (100, 100.0)
    assert found["member_count"] == 14
    assert found["concerns"] == [{"code": "not_registered"}]
    assert found["is_supervised"] is pd.NA


def test_nothing_is_failing_where_nothing_is():
    assert describe(("party_branch", "无", {"is_registered": False})).empty
    none = describe(("party_branch", "正常", {"household_count": 5}), households=np.nan)
    assert none["covered_pct"].isna().all()
    assert none["household_count"].isna().all() or none["household_count"].tolist() == [5]
    assert describe_bodies(bodies(), pd.Series(dtype=float), TODAY, LIMITS).empty
    with pytest.raises(GeoError):
        describe_bodies(bodies().drop(columns="member_count"), pd.Series(), TODAY, LIMITS)


def points(*pairs):
    return gpd.GeoSeries([None if p is None else Point(p) for p in pairs], crs="EPSG:32648")


def test_within_reach_is_within_that_of_any_service_point():
    services = gpd.GeoDataFrame(
        {"reach_m": [100.0, 500.0]}, index=["近", "远"], geometry=points((0, 0), (600, 0)).values,
        crs="EPSG:32648",
    )  # fmt: skip
    found = find_reach(points((50, 0), (150, 0), (0, -101), None), services)
    assert found["service"].tolist()[:3] == ["近", "近", "近"]
    assert found["distance_m"].tolist()[:3] == [50, 150, 101]
    # The second lies beyond the nearest one's reach but within that of the other.
    assert found["is_in_reach"].tolist()[:3] == [True, True, False]
    assert found.iloc[3].isna().all()
    assert find_reach(points((0, 0)), services.iloc[:0]).isna().all(axis=None)
    # One that nobody has placed is the nearest of none.
    lost = gpd.GeoDataFrame(
        {"reach_m": [9999.0]}, index=["无处"], geometry=[None], crs=services.crs
    )
    both = pd.concat([lost, services])
    assert find_reach(points((50, 0)), both)["service"].tolist() == ["近"]
    assert find_reach(points((50, 0)), lost).isna().all(axis=None)
    with pytest.raises(DegreesError):
        find_reach(points((0, 0)).set_crs("EPSG:4326", allow_override=True), services)

"""The sample's story, found by the pipeline: what was planted is what is shown, and no more."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from etl.refresh import refresh
from etl.store import Store
from tests.conftest import SAMPLE


@pytest.fixture(scope="module")
def store(sample_store: Path) -> Store:
    return Store(sample_store, read_only=True)


@pytest.fixture(scope="module")
def compounds(store: Store) -> pd.DataFrame:
    return store.frame("out_compounds").set_index("name")


def test_published_totals_hold(store: Store) -> None:
    totals = store.frame("out_totals").set_index("name")
    assert totals.loc["compounds", "value"] == 16
    assert totals.loc["households", "value"] == 15_262
    assert totals.loc["residents", "value"] == 34_852
    assert totals.loc["area_km2", "value"] == pytest.approx(1.31, abs=0.005)
    assert totals.loc["households", "published"] == 15_262


def test_types_are_eight_one_one_and_six(compounds: pd.DataFrame) -> None:
    assert compounds["type"].value_counts().to_dict() == {
        "商品房": 8,
        "安置": 1,
        "规地自建": 1,
        "老旧": 6,
    }


def test_complaints_of_compounds_and_unplaced_ones_make_the_whole(
    store: Store, compounds: pd.DataFrame
) -> None:
    totals = store.frame("out_totals").set_index("name")["value"]
    placed = compounds["complaint_count"].sum()
    assert placed + totals["complaints_unplaced"] == totals["complaints"]
    assert totals["complaints"] == store.frame("out_months")["complaint_count"].sum()
    assert totals["complaints"] >= 3_000
    assert totals["quarantined"] == len(store.frame("quarantine")) == 3


def test_the_rate_is_the_count_over_the_households(store: Store, compounds: pd.DataFrame) -> None:
    q = compounds.loc["Q小区"]
    months = store.frame("out_months")
    counted = months[
        (months["compound_id"] == q["compound_id"]) & months["month"].between("2025-11-01", "2026-10-31")
    ]["complaint_count"].sum()  # fmt: skip
    assert q["window_count"] == counted
    assert q["rate"] == pytest.approx(1000 * counted / q["households"])
    assert q["rate_low"] < q["rate_shrunk"] < q["rate"] < q["rate_high"]


def test_the_worst_compound_is_first_and_alone(compounds: pd.DataFrame) -> None:
    assert compounds["rank"].eq(1).sum() == 1
    assert compounds.loc["Q小区", ["rank", "rank_low", "rank_high"]].tolist() == [1, 1, 1]
    assert compounds.index[compounds["is_funnel_high"]].tolist() == ["Q小区"]
    assert compounds["first_chance"].idxmax() == "Q小区"
    assert compounds.loc["Q小区", "first_chance"] > 0.99
    assert compounds["first_chance"].sum() == pytest.approx(1.0)


def test_the_p_value_shown_is_the_one_that_decided(store: Store) -> None:
    hotspots = store.frame("out_hotspots")
    (high,) = hotspots[hotspots["method"] == "funnel"].to_dict("records")
    # Against all others, allowing for how they differ: far from the 1e-7 of a plain funnel.
    assert 1e-4 < high["p_value"] < 0.01
    assert (high["name"], high["observed"]) == ("Q小区", 224)
    assert high["ratio"] == pytest.approx(high["observed"] / high["expected"])


def test_only_the_planted_jump_of_one_month_is_a_change_of_the_month(
    compounds: pd.DataFrame,
) -> None:
    for verdict in ("month_verdict", "year_verdict"):
        changed = compounds[compounds[verdict].isin(["up", "down"])]
        assert changed[verdict].to_dict() == {"南溪郡": "up"}
    assert compounds.loc["南溪郡", "month_count"] == 36
    # October has a day more than September.
    ratio = compounds.loc["南溪郡", "month_ratio"]
    assert ratio == pytest.approx((36 / 31) / (15 / 30))


def test_one_month_is_no_lasting_break_with_the_own_past(compounds: pd.DataFrame) -> None:
    assert not compounds["is_past_high"].any()


def test_what_is_a_hotspot_is_what_was_planted(compounds: pd.DataFrame) -> None:
    assert set(compounds.index[compounds["is_hotspot"]]) == {"Q小区", "时光印象", "南溪郡"}


def test_the_planted_jump_is_found_among_buildings_with_since_when(store: Store) -> None:
    hotspots = store.frame("out_hotspots")
    (news,) = hotspots[hotspots["method"] == "emerging"].to_dict("records")
    assert news["name"].startswith("南溪郡")
    assert str(news["period_from"].date()) == "2026-10-01"
    assert news["p_value"] <= 0.01


def test_only_the_planted_cluster_of_buildings_is_found(store: Store) -> None:
    hotspots = store.frame("out_hotspots")
    (scan,) = hotspots[hotspots["method"] == "scan"].to_dict("records")
    assert scan["name"].startswith("时光印象")
    assert 2 <= len(json.loads(scan["members"])) <= 3
    assert scan["p_value"] <= 0.01
    # That buildings differ by nature does not explain it.
    assert scan["p_value_wide"] <= 0.05
    assert set(hotspots["method"]) == {"funnel", "scan", "emerging"}


def test_the_default_geocode_is_named_counted_and_kept_out_of_point_methods(
    store: Store,
) -> None:
    (geocode,) = store.frame("out_geocodes").to_dict("records")
    assert geocode["row_count"] == 70
    totals = store.frame("out_totals").set_index("name")["value"]
    assert totals["complaints_default_geocode"] == 70
    complaints = store.frame("core_complaints")
    located = complaints["lon"].notna().sum()
    assert store.frame("out_cells")["complaint_count"].sum() == located - 70


def test_where_to_act_first_says_why_and_what(store: Store) -> None:
    first = store.frame("out_targets").sort_values("rank").iloc[0]
    assert first["name"] == "Q小区"
    assert first["top_share"] > 0.95
    codes = {reason["code"] for reason in json.loads(first["reasons"])}
    assert {"high_rate", "overdue", "gap"} <= codes
    assert len(json.loads(first["actions"])) == 2


def test_coverage_never_takes_unknown_for_none(store: Store) -> None:
    coverage = store.frame("out_coverage")
    assert len(coverage) == 16 * 7
    unknown = coverage[coverage["state"] == "未知"]
    assert len(unknown) > 0
    assert not unknown["is_gap"].any()
    assert not coverage.loc[coverage["state"] == "不适用", "is_gap"].any()
    lost = coverage.set_index(["compound_id", "kind"]).loc[("T14", "property_company")]
    assert (lost["state"], lost["is_gap"]) == ("名存实亡", True)


def test_one_changed_workbook_changes_only_its_rows(sample_copy: Path) -> None:
    store = Store(sample_copy)
    before = store.frame("core_complaints").set_index("complaint_id")
    report = refresh(store, [SAMPLE / "投诉台账2026年10月.xlsx"])
    assert (report.snapshot, report.count("unchanged")) == (None, 242)
    pd.testing.assert_frame_equal(
        before.sort_index(),
        store.frame("core_complaints").set_index("complaint_id").sort_index(),
    )


def test_the_whole_sample_again_changes_nothing(sample_copy: Path) -> None:
    store = Store(sample_copy)
    report = refresh(store, [SAMPLE])
    assert report.snapshot is None
    assert (report.count("new"), report.count("changed"), report.count("quarantined")) == (0, 0, 3)

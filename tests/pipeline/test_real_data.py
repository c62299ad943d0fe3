"""Data that nobody here wrote, mapped by profiles alone; skipped where it is not at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.refresh import refresh
from etl.report import Report
from etl.store import Store


def test_boston_loads_every_row_of_every_file(boston: tuple[Store, Report]) -> None:
    store, report = boston
    assert len(report.files) == 13
    assert report.count("quarantined") == 0
    assert len(store.frame("core_complaints")) == 56_684
    assert len(store.frame("out_compounds")) == 26
    assert [issue.problem for issue in report.issues] == ["边界自相交，已自动修复"] * 4


def test_boston_default_geocode_is_named_and_kept_out(boston: tuple[Store, Report]) -> None:
    store, _ = boston
    (geocode,) = store.frame("out_geocodes").to_dict("records")
    assert (geocode["lon"], geocode["lat"]) == (-71.0587, 42.3594)
    assert (geocode["row_count"], geocode["near"]) == (7_438, "Downtown")
    complaints = store.frame("core_complaints")
    on_it = (complaints["lon"].round(4) == -71.0587) & (complaints["lat"].round(4) == 42.3594)
    # Those that state a neighbourhood keep it; none is put where the point happens to lie.
    assert not complaints.loc[on_it, "compound_by"].eq("coordinates").any()
    totals = store.frame("out_totals").set_index("name")["value"]
    assert totals["complaints"] == 56_684
    cells = store.frame("out_cells")["complaint_count"].sum()
    assert cells == complaints["lon"].notna().sum() - 7_438


def test_boston_without_households_has_counts_and_no_invented_rates(
    boston: tuple[Store, Report],
) -> None:
    compounds = boston[0].frame("out_compounds").set_index("name")
    assert compounds["rate"].isna().all()
    assert compounds["complaint_count"].sum() > 50_000
    # 96 in November, 158 in December: within what 26 neighbourhoods vary by from month to month.
    assert compounds.loc["North End", "month_verdict"] == "no_real_change"


def test_boston_remembers_its_profile(boston: tuple[Store, Report], shared_data: Path) -> None:
    store, _ = boston
    again = refresh(store, [shared_data / "boston311" / "csv" / "Graffiti Removal.csv"])
    assert (again.snapshot, again.count("unchanged")) == (None, 4_284)


def test_chengdu_shows_3600_compounds_or_says_which_have_no_place(
    chengdu: tuple[Store, Report],
) -> None:
    store, report = chengdu
    compounds = store.frame("out_compounds")
    assert len(compounds) == 3_600
    # 448 have no coordinates; 13 lie more than 5 km outside the city, which is said of each.
    assert compounds["lon"].isna().sum() == 461
    outside = [issue for issue in report.issues if "公里以外" in issue.problem]
    assert len(outside) == 13
    assert any("等 461 个小区没有边界也没有坐标" in warning for warning in report.warnings)
    assert any("的坐标落在所有区界、社区界之外" in w for w in report.warnings)


def test_chengdu_coordinates_were_taken_for_bd09(chengdu: tuple[Store, Report]) -> None:
    # 蜀兴南街3号院 is listed at 104.028969, 30.693725; in WGS-84 it lies some 970 m south-west.
    place = chengdu[0].frame("out_compounds").set_index("name").loc["蜀兴南街3号院"]
    assert place["lon"] == pytest.approx(104.020163, abs=1e-6)
    assert place["lat"] == pytest.approx(30.690050, abs=1e-6)

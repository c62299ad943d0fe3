"""Figures where there is little or nothing to figure from: defined, and never a silent NaN."""

from __future__ import annotations

import calendar
import json
from collections.abc import Sequence
from datetime import date

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box

from etl.refresh import refresh
from etl.store import Store
from tests.conftest import WriteXlsx

COMPOUNDS = [
    ["小区编号", "小区名称", "小区类型", "总户数"],
    ["T01", "甲园", "商品房", 100],
    ["T02", "乙院", "老旧", 0],
]
HEADER = ["工单编号", "受理时间", "诉求类别", "小区", "楼栋", "经度", "纬度"]


def write_boundaries(write_xlsx: WriteXlsx, **boxes: tuple[float, float, float, float]) -> object:
    """A GeoPackage of rectangles by compound name, beside the workbooks."""
    path = write_xlsx("占位.xlsx", 空=[[]]).with_name("边界.gpkg")
    shapes = gpd.GeoDataFrame(
        {"name": list(boxes)}, geometry=[box(*edges) for edges in boxes.values()], crs="EPSG:4326"
    )
    shapes.to_file(path, layer="compounds")
    return path


def test_a_register_without_complaints_has_zero_counts_and_no_hotspots(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(empty_store, [write_xlsx("台账.xlsx", 台账=COMPOUNDS)])
    compounds = empty_store.frame("out_compounds").set_index("compound_id")
    assert compounds["complaint_count"].tolist() == [0, 0]
    assert compounds.loc["T01", "complaints_per_1000h"] == 0
    assert compounds.loc["T02", ["complaints_per_1000h", "rate"]].isna().all()  # zero households
    assert empty_store.frame("out_hotspots").empty
    assert empty_store.frame("out_targets")["reasons"].notna().all()


def test_complaints_before_any_register_are_kept_and_counted_as_unplaced(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [HEADER, ["A1", "2026-01-03", "停车管理", "", "", "", ""]]
    report = refresh(empty_store, [write_xlsx("投诉.xlsx", 投诉=rows)])
    assert report.count("new") == 1
    totals = empty_store.frame("out_totals").set_index("name")["value"]
    assert (totals["complaints"], totals["complaints_unplaced"], totals["compounds"]) == (1, 1, 0)


def test_a_complaint_is_placed_when_the_boundary_arrives_later_and_not_before(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [HEADER, ["A1", "2026-01-03", "停车管理", "", "", 104.0005, 30.0005]]
    refresh(empty_store, [write_xlsx("投诉.xlsx", 投诉=rows)])
    assert empty_store.frame("core_complaints")["compound_id"].isna().all()
    borders = write_boundaries(write_xlsx, 甲园=(104.0, 30.0, 104.001, 30.001))
    refresh(empty_store, [borders])  # type: ignore[list-item]
    (row,) = empty_store.frame("core_complaints").to_dict("records")
    assert (row["compound_id"], row["compound_by"]) == ("甲园", "coordinates")
    # The register names the same compound with an id of its own: the shape follows it.
    refresh(empty_store, [write_xlsx("台账.xlsx", 台账=COMPOUNDS)])
    (row,) = empty_store.frame("core_complaints").to_dict("records")
    assert row["compound_id"] == "T01"
    compounds = empty_store.frame("out_compounds").set_index("compound_id")
    assert compounds.index.tolist() == ["T01", "T02"]
    assert compounds["has_boundary"].tolist() == [True, False]
    # And the same complaints again are nothing new, though placement has filled in a cell.
    assert refresh(empty_store, [write_xlsx("投诉.xlsx", 投诉=rows)]).snapshot is None


def test_a_point_on_the_border_of_two_goes_to_the_first_by_id(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    borders = write_boundaries(
        write_xlsx, 乙=(104.001, 30.0, 104.002, 30.001), 甲=(104.0, 30.0, 104.001, 30.001)
    )
    rows = [HEADER, ["A1", "2026-01-03", "停车管理", "", "", 104.001, 30.0005]]
    refresh(empty_store, [borders, write_xlsx("投诉.xlsx", 投诉=rows)])  # type: ignore[list-item]
    assert empty_store.frame("core_complaints")["compound_id"].tolist() == [min("乙", "甲")]


def test_a_building_gives_a_complaint_its_place(empty_store: Store, write_xlsx: WriteXlsx) -> None:
    buildings = [
        ["小区", "楼栋号", "户数", "经度", "纬度"],
        ["甲园", "三号楼", 40, 104.012, 30.034],
    ]
    rows = [HEADER, ["A1", "2026-01-03", "停车管理", "甲园", "3栋", "", ""]]
    book = write_xlsx("表.xlsx", 小区台账=COMPOUNDS, 楼栋=buildings, 投诉=rows)
    refresh(empty_store, [book])
    (row,) = empty_store.frame("core_complaints").to_dict("records")
    assert (row["lon"], row["lat"], row["located_by"]) == (104.012, 30.034, "building")
    assert refresh(empty_store, [book]).snapshot is None


def test_a_boundary_that_no_register_knows_is_a_compound_without_households(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    refresh(empty_store, [write_boundaries(write_xlsx, 丙苑=(104.0, 30.0, 104.001, 30.001))])  # type: ignore[list-item]
    (row,) = empty_store.frame("out_compounds").to_dict("records")
    assert (row["compound_id"], row["name"], row["has_boundary"]) == ("丙苑", "丙苑", True)
    # 0.001° by 0.001° at 30° N: 96.5 m by 110.9 m.
    assert row["area_m2"] == pytest.approx(96.49 * 110.85, rel=0.002)


@pytest.mark.parametrize("day", ["2026-03-31", "2026-03-29", "2026-03-28", "2026-04-01"])
def test_the_newest_month_counts_as_whole_from_its_last_three_days(
    empty_store: Store, write_xlsx: WriteXlsx, day: str
) -> None:
    rows = [HEADER, ["A1", day, "停车管理", "甲园", "", "", ""]]
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=COMPOUNDS, 投诉=rows)])
    month = empty_store.frame("out_compounds")["month"].iloc[0]
    assert f"{month:%Y-%m}" == ("2026-02" if day == "2026-03-28" else "2026-03")


def test_names_of_boundaries_and_ids_of_the_register_are_one_thing_from_the_start(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    borders = write_boundaries(write_xlsx, 甲园=(104.0, 30.0, 104.001, 30.001))
    needs = [["小区", "需求类别", "需求内容"], ["甲园", "停车管理", "画停车线"]]
    book = write_xlsx("表.xlsx", 小区台账=COMPOUNDS, 需求清单=needs)
    refresh(empty_store, [borders, book])  # type: ignore[list-item]
    assert empty_store.frame("core_needs")["compound_id"].tolist() == ["T01"]
    again = refresh(empty_store, [book])
    assert (again.snapshot, again.count("unchanged")) == (None, 3)


FOUR = [
    COMPOUNDS[0],
    *(
        [f"T0{i}", name, "商品房", 400]
        for i, name in enumerate(("甲园", "乙园", "丙园", "丁园"), 1)
    ),
]


def write_months(**counts: Sequence[int]) -> list[list[object]]:
    """Complaints of each compound so many a month from January 2026 on, the last on its last day."""
    rows: list[list[object]] = [HEADER]
    for name, by_month in counts.items():
        for month, count in enumerate(by_month, 1):
            last = calendar.monthrange(2026, month)[1]
            days = [last - i % last for i in range(count)]
            rows += [
                [f"{name}{month}-{i}", f"2026-{month:02}-{day:02}", "停车管理", name, "", "", ""]
                for i, day in enumerate(days)
            ]
    return rows


def publish_months(
    store: Store, write_xlsx: WriteXlsx, **counts: Sequence[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The compounds by name and the hotspots that come of such months."""
    refresh(store, [write_xlsx("表.xlsx", 小区台账=FOUR, 投诉=write_months(**counts))])
    return store.frame("out_compounds").set_index("name"), store.frame("out_hotspots")


def test_three_months_of_more_complaints_are_above_the_own_past(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    usual = [9] * 9
    compounds, hotspots = publish_months(
        empty_store, write_xlsx, 甲园=[9] * 6 + [24, 27, 25], 乙园=usual, 丙园=usual, 丁园=usual
    )
    assert compounds.index[compounds["is_past_high"]].tolist() == ["甲园"]
    assert compounds.index[compounds["is_hotspot"]].tolist() == ["甲园"]
    (row,) = hotspots[hotspots["method"] == "own_past"].to_dict("records")
    # The others did not change, so its six earlier months lead to expect half of them: 27.
    assert (row["name"], row["observed"]) == ("甲园", 76)
    assert row["expected"] == pytest.approx(27.0)
    assert row["ratio"] == pytest.approx(76 / 27)
    assert row["p_value"] < 0.001
    ends = [pd.Timestamp(row[name]).date() for name in ("period_from", "period_to")]
    assert ends == [date(2026, 7, 1), date(2026, 9, 30)]
    targets = empty_store.frame("out_targets").set_index("name")
    reasons = json.loads(targets.loc["甲园", "reasons"])
    assert {"code": "worsening", "ratio": 2.8} in reasons


def test_what_befalls_all_compounds_is_nobodys_break_with_the_past(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    summer = [9] * 6 + [25, 25, 25]
    compounds, hotspots = publish_months(
        empty_store, write_xlsx, 甲园=summer, 乙园=summer, 丙园=summer, 丁园=summer
    )
    assert not compounds["is_past_high"].any()
    assert hotspots.empty


def test_complaints_where_there_were_none_are_a_reason_without_a_ratio(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    usual = [9] * 9
    compounds, hotspots = publish_months(
        empty_store, write_xlsx, 甲园=[0] * 6 + [8, 9, 10], 乙园=usual, 丙园=usual, 丁园=usual
    )
    assert compounds.index[compounds["is_past_high"]].tolist() == ["甲园"]
    (row,) = hotspots.to_dict("records")
    assert (row["method"], row["observed"], row["expected"]) == ("own_past", 27, 0.0)
    assert pd.isna(row["ratio"])
    targets = empty_store.frame("out_targets").set_index("name")
    assert {"code": "newly_rising"} in json.loads(targets.loc["甲园", "reasons"])
    because = {action["because"] for action in json.loads(targets.loc["甲园", "actions"])}
    assert "worsening" in because  # the playbook knows both by one word


@pytest.mark.parametrize("months", [1, 2, 5])
def test_too_few_months_are_no_past_to_rise_above(
    empty_store: Store, write_xlsx: WriteXlsx, months: int
) -> None:
    usual = [5] * months
    compounds, _ = publish_months(
        empty_store, write_xlsx, 甲园=[5] * (months - 1) + [60], 乙园=usual, 丙园=usual, 丁园=usual
    )
    assert not compounds["is_past_high"].any()
    assert compounds["year_verdict"].isna().all()
    assert compounds["year_before_count"].isna().all()
    assert compounds["month_verdict"].isna().all() == (months == 1)


def test_a_chance_of_being_highest_needs_households(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = [HEADER, *([f"A{i}", "2026-01-31", "停车管理", "甲园", "", "", ""] for i in range(9))]
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=COMPOUNDS, 投诉=rows)])
    compounds = empty_store.frame("out_compounds").set_index("compound_id")
    assert compounds.loc["T01", "first_chance"] == 1.0  # the only one whose rate can be known
    assert pd.isna(compounds.loc["T02", "first_chance"])
    assert not compounds["is_hotspot"].any()


def test_the_funnel_of_each_compound_is_as_wide_as_its_households_are_few(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    sizes = {"T01": 100, "T02": 400, "T03": 1600, "T04": 6400, "T05": 0}
    register = [["小区编号", "小区名称", "小区类型", "总户数"]]
    register += [[place, f"{place}园", "商品房", size] for place, size in sizes.items()]
    rows = [
        [f"{place}-{number}", "2026-01-31", "停车管理", place, "", "", ""]
        for place, size in sizes.items()
        for number in range(size // 20)
    ]
    refresh(empty_store, [write_xlsx("表.xlsx", 小区台账=register, 投诉=[HEADER, *rows])])
    compounds = empty_store.frame("out_compounds").set_index("compound_id")
    known = compounds.loc[["T01", "T02", "T03", "T04"]]
    # All have 50 in 1,000: inside, and the range narrows with the households.
    assert (known["rate"] == 50).all()
    assert known["rate"].between(known["funnel_low"], known["funnel_high"]).all()
    assert (known["funnel_high"] - known["funnel_low"]).is_monotonic_decreasing
    assert compounds.loc["T05", ["funnel_low", "funnel_high"]].isna().all()

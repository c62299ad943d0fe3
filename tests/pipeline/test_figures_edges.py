"""Figures where there is little or nothing to figure from: defined, and never a silent NaN."""

from __future__ import annotations

import geopandas as gpd
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

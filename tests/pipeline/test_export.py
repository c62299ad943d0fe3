"""`shequ export`: every file says what it is, and every format holds the same figures."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from etl.cli import main
from etl.export import FORMATS, About, name_file, place_table, write_csv, write_geojson, write_xlsx
from etl.exporting import describe
from etl.periods import Period
from etl.profile import parse_profile
from etl.store import Store

CHOICE = ("--from", "2026-08", "--to", "2026-10", "--category", "停车管理")
TOLD = {"时段": "2026-08 至 2026-10", "诉求类别": "停车管理", "小区": "全部"}
NOWHERE = About("某社区", Period(None, None))


@pytest.fixture(scope="module")
def exported(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("export")
    formats = [part for name in FORMATS for part in ("--format", name)]
    assert main(["export", "--store", str(sample_store), "--out", str(out), *formats, *CHOICE]) == 0
    return {path.suffix[1:]: path for path in out.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def counts(sample_store: Path) -> dict[str, int]:
    """What the chosen three months of one category add up to, from the rows themselves."""
    store = Store(sample_store, read_only=True)
    rows = store.frame("core_complaints")
    store.close()
    inside = rows["reported_at"].between(pd.Timestamp(2026, 8, 1), pd.Timestamp(2026, 11, 1))
    own = rows[inside & (rows["category"] == "停车管理")]
    return own.groupby("compound_id").size().to_dict()


def told_in(path: Path) -> dict[str, str]:
    """What a file says of itself."""
    if path.suffix == ".xlsx":
        sheet = load_workbook(path)["说明"]
        return {str(name): str(value) for name, value in sheet.iter_rows(values_only=True)}
    if path.suffix == ".csv":
        lines = path.read_text("utf-8-sig").splitlines()
        said = (next(csv.reader([line]))[0] for line in lines if "# " in line[:3])
        return dict(line.removeprefix("# ").split("：", 1) for line in said)
    if path.suffix == ".geojson":
        return dict(json.loads(path.read_text("utf-8"))["metadata"])
    if path.suffix == ".gpkg":
        return dict(pyogrio.read_info(path)["layer_metadata"])
    return dict(json.loads(pq.read_schema(path).metadata[b"shequ"]))


@pytest.mark.parametrize("form", FORMATS)
def test_every_file_says_its_filters_period_snapshot_source_and_suppression(
    exported: dict[str, Path], form: str
) -> None:
    told = told_in(exported[form])
    assert TOLD.items() <= told.items()
    assert told["社区"] == "T社区"
    assert told["数据快照"].split("（")[0].isdigit()
    assert "投诉台账2026.xlsx" in told["来源文件"]
    assert told["小数字"]


def read_figures(path: Path) -> dict[str, int]:
    if path.suffix == ".xlsx":
        rows = list(load_workbook(path)["数据"].iter_rows(values_only=True))
        table = pd.DataFrame(rows[1:], columns=list(rows[0]))
    elif path.suffix == ".csv":
        table = pd.read_csv(path, encoding="utf-8-sig", comment="#")
    elif path.suffix == ".parquet":
        table = gpd.read_parquet(path)
    else:
        table = gpd.read_file(path)
    key, shown = ("小区编号", "所选时段投诉（件）") if "小区编号" in table else (
        "compound_id", "shown_count")  # fmt: skip
    return dict(zip(table[key], table[shown].astype(int), strict=True))


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_the_same_16_compounds_and_their_counts(
    exported: dict[str, Path], counts: dict[str, int], form: str
) -> None:
    found = read_figures(exported[form])
    assert len(found) == 16
    assert {k: v for k, v in found.items() if v} == counts


@pytest.mark.parametrize("form", ["geojson", "gpkg", "parquet"])
def test_shapes_are_in_wgs84_and_all_there(exported: dict[str, Path], form: str) -> None:
    path = exported[form]
    placed = gpd.read_parquet(path) if form == "parquet" else gpd.read_file(path)
    assert placed.crs.to_epsg() == 4326
    assert placed.geometry.notna().all()
    west, south, east, north = placed.total_bounds
    assert 103 < west < east < 105
    assert 30 < south < north < 31


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["--from", "2019-01"], "2019-01 没有投诉数据"),
        (["--category", "没有这类"], "没有“没有这类”这一类"),
        (["--compound", "没有这个"], "没有叫“没有这个”的小区"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(
    sample_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[str], told: str
) -> None:  # fmt: skip
    assert main(["export", "--store", str(sample_store), "--out", str(tmp_path), *asked]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_one_compound_alone(sample_store: Path) -> None:
    store = Store(sample_store, read_only=True)
    profile = parse_profile(store.profile_text() or "")
    table, about = describe(store, profile, None, None, "", "Q小区")
    store.close()
    assert list(table["name"]) == ["Q小区"]
    assert dict(about.lines())["小区"] == "Q小区"


def test_a_compound_without_a_place_is_kept_with_no_shape() -> None:
    table = pd.DataFrame({"compound_id": ["A", "B"], "lon": [104.0, None], "lat": [30.6, None]})
    shapes = gpd.GeoDataFrame({"level": [], "compound_id": []}, geometry=[], crs="EPSG:4326")
    written = json.loads(write_geojson(place_table(table, shapes), NOWHERE))
    assert [f["geometry"] and f["geometry"]["type"] for f in written["features"]] == ["Point", None]


@given(st.text(max_size=30))
def test_no_cell_is_run_as_a_formula(name: str) -> None:
    table = pd.DataFrame({"compound_id": ["A"], "name": [name]})
    last = write_csv(table, NOWHERE).decode("utf-8-sig")
    cell = list(csv.reader(io.StringIO(last)))[-1][-1]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    book = load_workbook(io.BytesIO(write_xlsx(table, NOWHERE)))
    assert book["数据"]["B2"].data_type != "f"


@given(st.text(max_size=50), st.sampled_from(FORMATS))
def test_a_file_name_is_one_on_every_system(community: str, form: str) -> None:
    name = name_file(About(community, Period(None, None)), form)
    assert not set(name) & set('\\/:*?"<>|\n\r\t')
    assert name.endswith(f".{form}")
    assert len(name) < 130

"""The sample of T 社区: its totals, its places, its headers, and that it can be made again."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import geopandas as gpd
import openpyxl
import pyogrio
import pytest
import shapely
from python_calamine import CalamineWorkbook

from etl.table import Table
from etl.tables import BY_NAME

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
SCRIPT = ROOT / "data" / "make_sample.py"
MARK = "示例数据，纯属虚构"
UTM = "EPSG:32648"
WORKBOOKS = {
    "小区台账.xlsx": {"小区台账": "compounds"},
    "楼栋台账.xls": {"商品房小区": "buildings", "安置、自建和老旧院落": "buildings"},
    "人口构成.xlsx": {"人口构成": "population_groups"},
    "组织台账.xlsx": {
        "组织台账": "organizations",
        "组织覆盖": "coverage",
        "居民骨干": "core_residents",
        "院落自治委员会成立进度": "committee_steps",
    },
    "12345工单导出_2025下半年.csv": {"12345工单导出_2025下半年": "complaints"},
    "投诉台账2026.xlsx": dict.fromkeys(("一季度", "二季度", "三季度"), "complaints"),
    "投诉台账2026年10月.xlsx": {"2026年10月": "complaints"},
    "需求清单.xlsx": {"需求清单": "needs"},
    "议题与会议.xlsx": {"议题": "matters", "会议纪要": "meetings"},
    "活动记录.xlsx": {"活动记录": "activities"},
    "主体职责.xlsx": {"主体职责": "responsibilities"},
    "行动计划.xlsx": {"行动计划": "interventions"},
    "居民问卷.xlsx": {"居民问卷": "survey", "居民问卷2025": "survey"},
}
SHEETS = [(file, sheet, table) for file, held in WORKBOOKS.items() for sheet, table in held.items()]
LAYERS = {
    "community": {"name"},
    "compounds": {"compound_id", "name"},
    "buildings": {"building_id", "compound_id", "building_no"},
    "roads": {"name"},
    "water": {"name"},
}


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def read_cells(path: Path) -> dict[str, list[list[object]]]:
    if path.suffix == ".csv":
        with path.open(encoding="gb18030", newline="") as file:
            return {path.stem: list(csv.reader(file))}
    book = CalamineWorkbook.from_path(str(path))
    return {
        name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        for name in book.sheet_names
    }


def fold_header(cell: object) -> str:
    text = unicodedata.normalize("NFKC", str(cell))
    return re.sub(r"\(.*?\)|\s", "", text).lower()


def find_header(cells: list[list[object]], table: Table) -> int | None:
    wanted = [{fold_header(h) for h in c.headers} for c in table.columns if c.required]
    for at, row in enumerate(cells[:10]):
        found = {fold_header(cell) for cell in row if cell}
        if all(found & headers for headers in wanted):
            return at
    return None


def read_layer(name: str, folder: Path = SAMPLE) -> gpd.GeoDataFrame:
    return gpd.read_file(folder / "边界.gpkg", layer=name)


@pytest.fixture(scope="module")
def metric() -> dict[str, gpd.GeoDataFrame]:
    return {name: read_layer(name).to_crs(UTM) for name in LAYERS}


@pytest.fixture(scope="module")
def register() -> dict[str, dict[str, object]]:
    cells = read_cells(SAMPLE / "小区台账.xlsx")["小区台账"]
    head = find_header(cells, BY_NAME["compounds"])
    rows = [dict(zip(cells[head], row, strict=True)) for row in cells[head + 1 :]]
    return {str(row["小区编号"]): row for row in rows if row["小区编号"]}


@pytest.fixture(scope="module")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    done = run_script("--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


def test_check_finds_every_published_total():
    done = run_script("--check")
    assert done.returncode == 0, done.stdout + done.stderr
    for figure in ("15262", "34852", "1.31", "商品房 8、安置小区 1、规地自建 1、老旧院落 6"):
        assert figure in done.stdout
    assert "✗" not in done.stdout


def test_check_notices_a_changed_household_count(tmp_path):
    folder = tmp_path / "sample"
    shutil.copytree(SAMPLE, folder)
    path = folder / "小区台账.xlsx"
    book = openpyxl.load_workbook(path)
    cell = next(c for row in book.active.iter_rows() for c in row if c.value == 412)
    cell.value = 413
    book.save(path)
    done = run_script("--check", "--out", str(folder))
    assert done.returncode == 1
    assert "✗ 总户数：应为 15262，实为 15263" in done.stdout


def test_same_files_when_made_again(made_again):
    assert {p.name for p in made_again.iterdir()} == {p.name for p in SAMPLE.iterdir()}


@pytest.mark.parametrize("file", [*WORKBOOKS])
def test_same_cells_when_made_again(file, made_again):
    assert read_cells(made_again / file) == read_cells(SAMPLE / file)


@pytest.mark.parametrize("file", ["README.md", "profile.toml"])
def test_same_text_when_made_again(file, made_again):
    texts = [(folder / file).read_text(encoding="utf-8") for folder in (made_again, SAMPLE)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("layer", [*LAYERS])
def test_same_features_when_made_again(layer, made_again):
    again, kept = read_layer(layer, made_again), read_layer(layer)
    assert again.drop(columns="geometry").equals(kept.drop(columns="geometry"))
    # A ten-millionth of a degree is a centimetre: what another GEOS may round differently.
    assert shapely.equals_exact(again.geometry, kept.geometry, tolerance=2e-7).all()


def test_only_known_files_and_none_too_large():
    sizes = {p.name: p.stat().st_size for p in SAMPLE.iterdir()}
    assert set(sizes) == {*WORKBOOKS, "边界.gpkg", "profile.toml", "README.md"}
    assert max(sizes.values()) < 1_500_000
    assert sum(sizes.values()) < 3_000_000


@pytest.mark.parametrize("file", [*WORKBOOKS])
def test_sheets_are_the_expected_ones(file):
    assert list(read_cells(SAMPLE / file)) == list(WORKBOOKS[file])


@pytest.mark.parametrize(("file", "sheet", "table"), SHEETS)
def test_header_holds_the_required_columns(file, sheet, table):
    cells = read_cells(SAMPLE / file)[sheet]
    at = find_header(cells, BY_NAME[table])
    assert at is not None, cells[:3]
    known = {fold_header(h) for c in BY_NAME[table].columns for h in c.headers}
    headers = [fold_header(cell) for cell in cells[at] if cell]
    unknown = [header for header in headers if header not in known]
    assert len(headers) == len(set(headers))
    assert len(unknown) <= 2, unknown


@pytest.mark.parametrize(("file", "sheet", "table"), SHEETS)
def test_sheet_says_that_it_is_invented(file, sheet, table):
    cells = read_cells(SAMPLE / file)[sheet]
    assert any(MARK in str(cell) for row in cells[:3] for cell in row), table


def test_every_phone_number_is_an_invented_one():
    texts = [
        str(cell)
        for file in WORKBOOKS
        for cells in read_cells(SAMPLE / file).values()
        for row in cells
        for cell in row
    ]
    phones = [n for text in texts for n in re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", text)]
    assert len(phones) > 3000
    assert {phone[:7] for phone in phones} == {"1380000"}
    identities = {n for text in texts for n in re.findall(r"\d{17}[\dX]", text)}
    assert identities == {"510100190001010004"}


def test_layers_and_their_columns():
    assert {str(name) for name, _ in pyogrio.list_layers(SAMPLE / "边界.gpkg")} == set(LAYERS)
    for name, columns in LAYERS.items():
        layer = read_layer(name)
        assert layer.crs == "EPSG:4326"
        assert set(layer.columns) == columns | {"geometry"}


def test_shapes_are_valid_and_lie_west_of_chengdu(metric):
    for name, layer in metric.items():
        assert layer.geometry.is_valid.all(), name
    west, south, east, north = read_layer("community").total_bounds
    assert 103.96 < west < east < 104.0
    assert 30.64 < south < north < 30.68


def test_compounds_tile_most_of_the_outline_without_overlap(metric):
    outline, compounds = metric["community"].geometry.iloc[0], metric["compounds"].geometry
    assert len(compounds) == 16
    assert compounds.within(outline).all()
    pairs = compounds.sindex.query(compounds, predicate="overlaps")
    assert pairs.shape[1] == 0
    assert compounds.union_all().area == pytest.approx(compounds.area.sum())
    assert 0.80 < compounds.area.sum() / outline.area < 0.92


def test_compounds_are_drawn_as_blocks_not_as_boxes(metric):
    compounds = metric["compounds"].geometry
    boxes = compounds.minimum_rotated_rectangle()
    assert (compounds.area / boxes.area).max() < 0.985
    assert compounds.count_coordinates().min() > 10
    roundness = 4 * 3.14159 * compounds.area / compounds.length**2
    assert roundness.max() < 0.9


def test_register_gives_each_compound_its_drawn_area(metric, register):
    areas = metric["compounds"].set_index("compound_id").area
    for compound_id, row in register.items():
        assert row["占地面积（平方米）"] == pytest.approx(areas[compound_id], rel=0.002)


def test_buildings_stand_inside_their_compound_and_apart(metric):
    buildings, compounds = metric["buildings"], metric["compounds"].set_index("compound_id")
    homes = compounds.geometry.loc[buildings["compound_id"]].reset_index(drop=True)
    assert buildings.geometry.within(homes).all()
    assert buildings.geometry.distance(homes.boundary).min() > 1.0
    near = buildings.geometry.buffer(0.5)
    touching = near.sindex.query(near, predicate="intersects")
    assert touching.shape[1] == len(buildings)


def test_buildings_number_as_the_register_says(metric, register):
    drawn = metric["buildings"].groupby("compound_id").size().to_dict()
    assert drawn == {cid: row["楼栋数（栋）"] for cid, row in register.items()}
    assert metric["buildings"]["building_id"].is_unique


def test_lotus_pond_lies_in_q_free_of_buildings(metric):
    water = metric["water"].set_index("name").geometry
    home = metric["compounds"].set_index("name").geometry["Q小区"]
    assert water["荷塘"].within(home)
    assert metric["buildings"].distance(water["荷塘"]).min() > 2.0
    assert water["汐河"].intersects(metric["community"].geometry.iloc[0].boundary)


def test_readme_names_the_cells_that_are_wrong():
    text = (SAMPLE / "README.md").read_text(encoding="utf-8")
    assert MARK in text
    assert "Everything here is invented" in text
    rows = re.findall(r"^\| (\S+) \| (\S+) \| ([A-Z]+)(\d+) \| (\S+) \|", text, flags=re.MULTILINE)
    assert len(rows) == 8
    for file, sheet, letters, number, value in rows:
        column = openpyxl.utils.column_index_from_string(letters) - 1
        cell = read_cells(SAMPLE / file)[sheet][int(number) - 1][column]
        assert str(cell) == value.replace("（空）", ""), (file, sheet, letters, number)

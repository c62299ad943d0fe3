"""Boundary files of every kind to shapes in WGS-84, each shape kept or named."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from etl.boundaries import Layer, is_boundary, read_boundaries
from etl.check import ERROR, WARNING
from etl.errors import FileError
from etl.profile import Profile, load_profile, parse_profile
from geo.crs import Datum, convert

PROFILE = load_profile()
A = box(104.180, 30.810, 104.182, 30.812)
B = box(104.184, 30.810, 104.186, 30.812)
BOWTIE = Polygon([(104.18, 30.81), (104.182, 30.812), (104.182, 30.81), (104.18, 30.812)])
METRE = 1e-5  # of a degree, about


def frame(*shapes: Any, **columns: list[Any]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs="EPSG:4326")


def write(path: Path, shapes: gpd.GeoDataFrame, **options: Any) -> Path:
    shapes.to_file(path, **options)
    return path


def only_layer(path: Path, profile: Profile = PROFILE) -> Layer:
    layers = read_boundaries(path, profile)
    assert len(layers) == 1
    return layers[0]


def refuse(path: Path, profile: Profile = PROFILE) -> str:
    with pytest.raises(FileError) as caught:
        read_boundaries(path, profile)
    assert f"《{path.name}》" in str(caught.value)
    return str(caught.value)


def same(found: Any, wanted: Any) -> bool:
    return bool(found.symmetric_difference(wanted).area < 1e-12)


# -- formats ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["小区.geojson", "小区.gpkg", "小区.GEOJSON"])
def test_shapes_are_read_with_their_names(name: str, tmp_path: Path) -> None:
    driver = "GPKG" if name.endswith("gpkg") else "GeoJSON"
    shapes = frame(A, B, name=["翠屏家园", "荷塘小区"], compound_id=["T01", "T02"])
    layer = only_layer(write(tmp_path / name, shapes, driver=driver))
    assert layer.rows_read == 2
    assert layer.issues == []
    assert layer.bad_rows == {}
    assert layer.shapes.crs.to_epsg() == 4326
    assert list(layer.shapes["level"]) == ["compound", "compound"]
    assert list(layer.shapes["place_id"]) == ["T01", "T02"]
    assert list(layer.shapes["name"]) == ["翠屏家园", "荷塘小区"]
    assert list(layer.shapes["stated_compound"]) == ["T01", "T02"]
    assert list(layer.shapes["row"]) == [1, 2]
    assert same(layer.shapes.geometry.iloc[0], A)
    assert same(layer.shapes.geometry.iloc[1], B)


def test_a_shapefile_comes_zipped(tmp_path: Path) -> None:
    write(tmp_path / "compounds.shp", frame(A, name=["翠屏家园"]), encoding="utf-8")
    path = tmp_path / "边界.zip"
    with zipfile.ZipFile(path, "w") as pack:
        for part in tmp_path.glob("compounds.*"):
            pack.write(part, part.name)
    layer = only_layer(path)
    assert list(layer.shapes["name"]) == ["翠屏家园"]
    assert list(layer.shapes["place_id"]) == ["翠屏家园"], "without an id the name is the id"
    assert same(layer.shapes.geometry.iloc[0], A)


def test_kml_is_read(tmp_path: Path) -> None:
    path = tmp_path / "小区.kml"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        "<Folder><name>小区</name><Placemark><name>翠屏家园</name><Polygon><outerBoundaryIs><LinearRing>"
        "<coordinates>104.18,30.81,500 104.182,30.81,500 104.182,30.812,500 104.18,30.812,500 "
        "104.18,30.81,500</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark></Folder>"
        "</Document></kml>",
        encoding="utf-8",
    )
    layer = only_layer(path)
    assert list(layer.shapes["name"]) == ["翠屏家园"]
    assert same(shapely.force_2d(layer.shapes.geometry.iloc[0]), A)


def test_a_geopackage_may_hold_several_layers(tmp_path: Path) -> None:
    path = tmp_path / "边界.gpkg"
    road = LineString([(104.18, 30.81), (104.19, 30.82)])
    write(path, frame(A, name=["翠屏家园"], compound_id=["T01"]), layer="compounds")
    write(
        path,
        frame(A.buffer(-3e-4), building_no=["三号楼"], compound_id=["T01"], building_id=["L1"]),
        layer="buildings",
        mode="a",
    )
    write(path, frame(road, name=["建设路"]), layer="roads", mode="a")
    write(path, frame(A.buffer(1), name=["T 社区"]), layer="community", mode="a")
    layers = {layer.name: layer.shapes for layer in read_boundaries(path, PROFILE)}
    levels = {name: shapes["level"].iloc[0] for name, shapes in layers.items()}
    assert levels == {
        "compounds": "compound",
        "buildings": "building",
        "roads": "road",
        "community": "community",
    }
    building = layers["buildings"].iloc[0]
    assert (building["building_no"], building["stated_compound"]) == ("3栋", "T01")
    assert building["place_id"] == "L1"
    assert layers["roads"]["name"].iloc[0] == "建设路"


def test_layers_that_nobody_knows_are_passed_over_beside_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    write(path, frame(A, name=["x"]), layer="compounds")
    write(path, frame(B, name=["y"]), layer="misc", mode="a")
    assert [layer.name for layer in read_boundaries(path, PROFILE)] == ["compounds"]


def test_a_file_of_unknown_layers_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    write(path, frame(A, name=["x"]), layer="eins")
    write(path, frame(B, name=["y"]), layer="zwei", mode="a")
    said = refuse(path)
    assert "eins" in said
    assert "zwei" in said
    assert "compounds" in said


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("小区", "compound"),
        ("小区边界", "compound"),
        ("compounds", "compound"),
        ("neighborhoods", "compound"),
        ("楼栋", "building"),
        ("小区楼栋", "building"),
        ("Buildings", "building"),
        ("道路", "road"),
        ("水系", "water"),
        ("T社区", "community"),
        ("区县", "district"),
        ("街道", "street"),
        ("随便什么", "compound"),
    ],
)
def test_the_name_of_a_layer_tells_its_level(name: str, level: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.gpkg", frame(A, name=["甲"]), layer=name)
    assert only_layer(path).shapes["level"].iloc[0] == level


@pytest.mark.parametrize(
    "name", ["鼓楼街道小区边界", "水碾河小区", "清水河社区小区", "红星楼小区", "双楠建筑小区"]
)
def test_part_of_a_place_name_does_not_tell_the_level(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"{name}.geojson", frame(A, name=["甲"]))
    assert only_layer(path).shapes["level"].iloc[0] == "compound"


@pytest.mark.parametrize(
    ("name", "content", "answer"),
    [
        ("a.geojson", b"", True),
        ("a.GPKG", b"", True),
        ("a.zip", b"", True),
        ("a.kml", b"", True),
        ("a.shp", b"", True),
        ("a.json", b'{"type": "FeatureCollection"}', True),
        ("a.json", b'[{"a": 1}]', False),
        ("a.xlsx", b'"FeatureCollection"', False),
        ("a", b"", False),
    ],
)
def test_boundary_files_are_told_by_name(
    name: str, content: bytes, answer: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    assert is_boundary(tmp_path / name) is answer


def test_a_missing_json_is_no_boundary(tmp_path: Path) -> None:
    assert not is_boundary(tmp_path / "没有.json")


# -- coordinates ------------------------------------------------------------------------------


def test_metres_are_brought_to_degrees(tmp_path: Path) -> None:
    shapes = frame(A, name=["翠屏家园"]).to_crs("EPSG:32648")
    layer = only_layer(write(tmp_path / "a.gpkg", shapes))
    assert layer.shapes.crs.to_epsg() == 4326
    assert layer.shapes.geometry.iloc[0].centroid.distance(A.centroid) < 0.01 * METRE


def test_a_file_without_coordinate_system_is_not_guessed(tmp_path: Path) -> None:
    shapes = frame(A, name=["x"]).set_crs(None, allow_override=True)
    with pytest.warns(UserWarning, match="crs"):
        write(tmp_path / "compounds.shp", shapes)
    path = tmp_path / "边界.zip"
    with zipfile.ZipFile(path, "w") as pack:
        for suffix in (".shp", ".shx", ".dbf"):
            pack.write(tmp_path / f"compounds{suffix}", f"compounds{suffix}")
    assert "坐标系" in refuse(path)


def test_metres_that_are_called_degrees_are_refused(tmp_path: Path) -> None:
    # GeoJSON states no coordinate system of its own: exported in metres, it says 4326 all the same.
    path = tmp_path / "小区.geojson"
    square = [[[412000, 3409000], [412200, 3409000], [412200, 3409200], [412000, 3409000]]]
    path.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "properties": {"name": "翠屏家园"},
                        "geometry": {"type": "Polygon", "coordinates": square},
                    }
                ],
            }
        ),
        encoding="utf-8",
    )
    try:
        layer = only_layer(path)
    except FileError as error:
        assert "坐标" in str(error)
        return
    assert list(layer.bad_rows) == [1]
    assert layer.shapes.empty


def test_a_chinese_datum_is_shifted(tmp_path: Path) -> None:
    corners = shapely.get_coordinates(A)
    lon, lat = convert(corners[:, 0], corners[:, 1], Datum.WGS84, Datum.GCJ02)
    drawn = Polygon(list(zip(lon, lat, strict=True)))
    assert drawn.centroid.distance(A.centroid) > 100 * METRE
    path = write(tmp_path / "小区.geojson", frame(drawn, name=["翠屏家园"]), COORDINATE_PRECISION=9)
    profile = parse_profile(
        '[[boundaries]]\npattern = "小区*.geojson"\nlevel = "compound"\ndatum = "GCJ-02"'
    )
    found = only_layer(path, profile).shapes.geometry.iloc[0]
    assert found.hausdorff_distance(A) < 0.05 * METRE
    untouched = only_layer(path).shapes.geometry.iloc[0]
    assert untouched.hausdorff_distance(drawn) < 0.05 * METRE


# -- what the profile says --------------------------------------------------------------------


def test_the_profile_names_layers_and_properties(tmp_path: Path) -> None:
    path = tmp_path / "export.gpkg"
    write(path, frame(A, B, 代码=["Z1", "Z2"], 标题=["翠屏", "荷塘"]), layer="eins")
    write(path, frame(A, 代码=["L1"], 所属=["Z1"]), layer="zwei", mode="a")
    profile = parse_profile(
        """
        [[boundaries]]
        pattern = "EXPORT*"
        layer = "eins"
        level = "compound"
        id = "代码"
        name = "标题"
        [[boundaries]]
        pattern = "export*"
        layer = "zwei"
        level = "building"
        id = "代码"
        compound = "所属"
        """
    )
    one, two = (layer.shapes for layer in read_boundaries(path, profile))
    assert list(one["place_id"]) == ["Z1", "Z2"]
    assert list(one["name"]) == ["翠屏", "荷塘"]
    assert (two["place_id"].iloc[0], two["stated_compound"].iloc[0]) == ("L1", "Z1")


def test_whole_numbers_are_ids_without_point(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", frame(A, B, adcode=[510104.0, 510105.0], name=["a", "b"]))
    assert list(only_layer(path).shapes["place_id"]) == ["510104", "510105"]


def test_buildings_of_two_files_do_not_take_each_others_id(tmp_path: Path) -> None:
    # Shapes of one level and id replace each other in the store.
    ids = []
    for name, shape in (("翠屏楼栋.geojson", A), ("荷塘楼栋.geojson", B)):
        path = write(tmp_path / name, frame(shape, building_no=["1栋"], compound_id=[name[:2]]))
        ids += list(only_layer(path).shapes["place_id"])
    assert len(set(ids)) == 2


# -- bad shapes -------------------------------------------------------------------------------


def test_the_second_of_two_names_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gpkg", frame(A, B, name=["翠屏", "翠屏"]))
    layer = only_layer(path)
    assert layer.rows_read == 2
    assert list(layer.shapes["row"]) == [1]
    assert list(layer.bad_rows) == [2]
    assert "第 1 个图形" in layer.bad_rows[2][0]
    assert [(i.severity, i.cell) for i in layer.issues] == [(ERROR, "第2个图形")]


def test_shapes_that_are_missing_or_have_no_name_are_named(tmp_path: Path) -> None:
    shapes = frame(A, None, Polygon(), B, name=["翠屏", "荷塘", "月色", None])
    layer = only_layer(write(tmp_path / "a.gpkg", shapes))
    assert layer.rows_read == 4
    assert list(layer.shapes["row"]) == [1]
    assert sorted(layer.bad_rows) == [2, 3, 4]
    assert "没有图形" in layer.bad_rows[2][0]
    assert "没有名称" in layer.bad_rows[4][0]
    assert len(layer.issues) == 3


def test_a_boundary_that_crosses_itself_is_repaired_and_named(tmp_path: Path) -> None:
    assert not BOWTIE.is_valid
    layer = only_layer(write(tmp_path / "a.gpkg", frame(BOWTIE, B, name=["翠屏", "荷塘"])))
    found = layer.shapes.geometry.iloc[0]
    assert found.is_valid
    assert found.area == pytest.approx(A.area / 2)
    assert [(i.severity, i.cell) for i in layer.issues] == [(WARNING, "第1个图形")]
    assert "已自动修复" in layer.issues[0].problem
    assert layer.bad_rows == {}


def test_a_building_that_is_said_to_be_repaired_is_repaired(tmp_path: Path) -> None:
    path = write(tmp_path / "楼栋.gpkg", frame(BOWTIE, building_id=["L1"]))
    layer = only_layer(path)
    assert layer.shapes.geometry.is_valid.all()
    assert ["已自动修复" in issue.problem for issue in layer.issues] == [True]


def test_a_boundary_that_collapses_is_named(tmp_path: Path) -> None:
    flat = Polygon([(104.18, 30.81), (104.182, 30.81), (104.181, 30.81)])
    layer = only_layer(write(tmp_path / "a.gpkg", frame(flat, B, name=["翠屏", "荷塘"])))
    assert list(layer.bad_rows) == [1]
    assert list(layer.shapes["name"]) == ["荷塘"]
    assert [issue.severity for issue in layer.issues] == [ERROR]


@pytest.mark.parametrize(
    "shape", [Point(104.18, 30.81), LineString([(104.18, 30.81), (104.2, 30.9)])]
)
def test_a_point_among_boundaries_does_not_cost_the_others(shape: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "小区.geojson", frame(A, shape, name=["翠屏", "荷塘"]))
    try:
        layer = only_layer(path)
    except FileError as error:
        assert "面" in str(error)
        return
    assert list(layer.shapes["name"]) == ["翠屏"]
    assert list(layer.bad_rows) == [2]


def test_a_boundary_of_several_parts_stays_whole(tmp_path: Path) -> None:
    both = MultiPolygon([A, B])
    found = only_layer(write(tmp_path / "a.gpkg", frame(both, name=["翠屏"]))).shapes.geometry.iloc[
        0
    ]
    assert same(found, both)


def test_every_shape_is_kept_or_named(tmp_path: Path) -> None:
    shapes = [A, BOWTIE, None, B, A, MultiPolygon([A, B])]
    path = write(tmp_path / "a.gpkg", frame(*shapes, name=["甲", "乙", "丙", None, "甲", "丁"]))
    layer = only_layer(path)
    assert layer.rows_read == len(shapes)
    assert sorted([*layer.shapes["row"], *layer.bad_rows]) == [1, 2, 3, 4, 5, 6]


# -- what is no boundary file -----------------------------------------------------------------

OTHERS: dict[str, bytes] = {
    "空.geojson": b"",
    "半截.geojson": b'{"type": "FeatureCollection", "features": [{"type": "Fea',
    "文字.geojson": "小区边界".encode(),
    "记录.geojson": b'[{"a": 1}]',
    "乱码.gpkg": bytes(range(256)) * 8,
    "像库.gpkg": b"SQLite format 3\x00" + b"\x00" * 200,
    "乱码.zip": bytes(range(256)) * 8,
    "只有头.zip": b"PK\x03\x04",
    "文字.kml": "小区边界".encode(),
    "半截.kml": b'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>',
    "乱码.shp": bytes(range(256)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_boundary_file_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(OTHERS[name])
    refuse(path)


def test_an_archive_without_shapes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "文档.zip"
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr("说明.txt", "没有边界")
    refuse(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    refuse(tmp_path / "没有.geojson")
    (tmp_path / "夹.gpkg").mkdir()
    refuse(tmp_path / "夹.gpkg")


def test_a_table_without_shapes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "小区.geojson"
    feature = {"type": "Feature", "properties": {"name": "翠屏"}, "geometry": None}
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]}), encoding="utf-8"
    )
    try:
        layer = only_layer(path)
    except FileError:
        return
    assert list(layer.bad_rows) == [1]


def test_an_empty_layer_has_no_shapes(tmp_path: Path) -> None:
    path = tmp_path / "小区.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}', encoding="utf-8")
    try:
        layer = only_layer(path)
    except FileError:
        return
    assert layer.rows_read == 0
    assert layer.shapes.empty


@given(st.binary(max_size=300), st.sampled_from([".geojson", ".gpkg", ".zip", ".kml"]))
@settings(derandomize=True, database=None, deadline=None, max_examples=40)
def test_any_bytes_are_layers_or_a_sentence(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"边界{suffix}"
        path.write_bytes(content)
        try:
            layers = read_boundaries(path, PROFILE)
        except FileError as error:
            assert "《边界" in str(error)
            return
        assert layers


COORDINATE = st.floats(-90, 90) | st.sampled_from([0.0, 30.81, 30.812, 30.814])
RING = st.lists(st.tuples(COORDINATE, COORDINATE), max_size=7)


@given(st.lists(st.tuples(st.sampled_from(["甲", "乙", "丙", "", None]), RING), max_size=4))
@settings(derandomize=True, database=None, deadline=None, max_examples=60)
def test_any_polygons_are_kept_or_named(drawn: list[tuple[str | None, list[Any]]]) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Polygon", "coordinates": [[*ring, *ring[:1]]]},
        }
        for name, ring in drawn
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "小区.geojson"
        path.write_text(
            json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
        )
        try:
            layers = read_boundaries(path, PROFILE)
        except FileError:
            return
    for layer in layers:
        assert layer.rows_read == len(drawn)
        told = sorted([*layer.shapes["row"], *layer.bad_rows])
        assert told == list(range(1, len(drawn) + 1))
        assert layer.shapes.geometry.is_valid.all()
        assert layer.shapes["place_id"].is_unique

"""Boundary files to shapes in WGS-84: GeoJSON, GeoPackage, zipped Shapefile, KML."""

from __future__ import annotations

import fnmatch
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from etl.cells import fold
from etl.check import ERROR, WARNING, Issue
from etl.errors import FileError
from etl.names import canonical_building
from etl.profile import BoundarySource, Profile
from etl.workbook import read_bytes
from geo.areas import repair_areas
from geo.crs import Datum, convert

SUFFIXES = frozenset({".geojson", ".gpkg", ".zip", ".kml", ".shp"})
_LEVEL_WORDS = {
    "building": ("building", "楼栋", "楼", "建筑"),
    "compound": ("compound", "小区", "院落", "neighborhood", "neighbourhood"),
    "road": ("road", "street_line", "道路", "街道中心线"),
    "water": ("water", "水", "河"),
    "community": ("community", "社区"),
    "district": ("district", "区县", "行政区"),
    "street": ("street", "街道"),
}
_ID_FIELDS = ("compound_id", "building_id", "小区编号", "楼栋编号", "编号", "id", "adcode")
_NAME_FIELDS = ("name", "名称", "小区名称", "小区", "Name", "NAME", "building_no")
_AREAL = frozenset({"compound", "community", "district", "street"})


@dataclass(frozen=True)
class Layer:
    """One layer: shapes with level, place_id, name, stated_compound, building_no, row."""

    name: str
    shapes: gpd.GeoDataFrame
    rows_read: int
    bad_rows: dict[int, list[str]]
    issues: list[Issue]


def is_boundary(path: Path) -> bool:
    """Whether a file is one of shapes, told by its name (a .json with features counts too)."""
    if path.suffix.lower() in SUFFIXES:
        return True
    if path.suffix.lower() != ".json":
        return False
    try:
        with path.open("rb") as file:
            return b'"FeatureCollection"' in file.read(2_000)
    except OSError:
        return False


def read_boundaries(path: Path, profile: Profile) -> list[Layer]:
    """Every layer of a boundary file, in WGS-84.

    Raises
    ------
    FileError
        Damaged, without a coordinate system, or with no layer whose meaning is known.
    """
    read_bytes(path)
    file = path.name
    try:
        names = [str(name) for name, _ in pyogrio.list_layers(path)]
    except (pyogrio.errors.DataSourceError, ValueError) as error:
        raise FileError(
            f"《{file}》不是能读的边界文件，或已损坏。可以用 GeoJSON、GeoPackage、Shapefile（压缩包）或 KML。"
        ) from error
    layers = []
    for name in names:
        source = _find_source(file, name, len(names) == 1, profile)
        if source is not None:
            layers.append(_read_layer(path, name, source, profile))
    if not layers:
        raise FileError(
            f"《{file}》里的图层（{'、'.join(names)}）认不出是小区还是楼栋。"
            "请把图层命名为 compounds 或 buildings，或在设置的 boundaries 里写明。"
        )
    return layers


def _find_source(file: str, layer: str, is_only: bool, profile: Profile) -> BoundarySource | None:
    """What the profile says of a layer; else what its name says; a lone layer is compounds."""
    for source in profile.boundaries:
        fits = fnmatch.fnmatch(file.casefold(), source.pattern.casefold())
        if fits and source.layer in ("", layer):
            return source
    for level, words in _LEVEL_WORDS.items():
        if any(word in fold(layer) for word in words):
            return BoundarySource(file, level)
    return BoundarySource(file, "compound") if is_only else None


def _read_layer(path: Path, layer: str, source: BoundarySource, profile: Profile) -> Layer:
    file = path.name
    try:
        with warnings.catch_warnings():
            # GDAL tells of odd but harmless features; what cannot be used is named below.
            warnings.simplefilter("ignore")
            frame = gpd.read_file(path, layer=layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise FileError(
            f"《{file}》的图层“{layer}”读不出来，文件可能已损坏。请重新导出。"
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise FileError(f"《{file}》的图层“{layer}”里没有图形，只有表格。请导出带边界的图层。")
    if frame.crs is None:
        raise FileError(
            f"《{file}》的图层“{layer}”没有写坐标系（如 EPSG:4326），不能猜。请补上再放入。"
        )
    frame = frame.to_crs("EPSG:4326")
    datum = Datum(source.datum or Datum.WGS84)
    frame.geometry = shift_datum(frame.geometry, datum)
    return _name_shapes(frame, file, layer, source)


def shift_datum(shapes: gpd.GeoSeries, datum: Datum) -> gpd.GeoSeries:
    """Shapes drawn in a Chinese map's datum, in WGS-84."""
    if datum == Datum.WGS84:
        return shapes

    def move(points: np.ndarray) -> np.ndarray:
        return np.column_stack(convert(points[:, 0], points[:, 1], datum, Datum.WGS84))

    moved = shapely.transform(shapes.values, move)
    return gpd.GeoSeries(moved, index=shapes.index, crs="EPSG:4326")


def _name_shapes(frame: gpd.GeoDataFrame, file: str, layer: str, source: BoundarySource) -> Layer:
    named = _read_properties(frame, source)
    shapes = repair_areas(frame.geometry) if source.level in _AREAL else frame.geometry
    named = gpd.GeoDataFrame(named, geometry=shapes, crs="EPSG:4326")
    bad: dict[int, list[str]] = {}
    issues: list[Issue] = []
    for row, problem in _find_bad(named, source.level):
        bad[row] = [problem]
        issues.append(Issue(file, layer, f"第{row}个图形", "图形", "", problem, ERROR))
    fixed = ~frame.geometry.is_valid & frame.geometry.notna()
    issues.extend(
        Issue(file, layer, f"第{row}个图形", "图形", "", "边界自相交，已自动修复", WARNING)
        for row in named.loc[fixed.to_numpy(), "row"]
        if row not in bad
    )
    return Layer(layer, named[~named["row"].isin(list(bad))], len(named), bad, issues)


def _read_properties(frame: gpd.GeoDataFrame, source: BoundarySource) -> pd.DataFrame:
    """Level, id, name and compound of each shape, under the contract's names."""
    fields = list(frame.columns)

    def pick(wanted: str, usual: tuple[str, ...]) -> list[str | None]:
        field = wanted if wanted in fields else next((f for f in usual if f in fields), None)
        return [None] * len(frame) if field is None else [_text(value) for value in frame[field]]

    names = pick(source.name, _NAME_FIELDS)
    ids = pick(source.id, _ID_FIELDS if source.level != "building" else ("building_id", "楼栋编号"))
    compounds = pick(source.compound, ("compound_id", "小区编号", "小区", "小区名称"))
    numbers = pick("building_no", ("楼栋号", "楼号"))
    if source.level == "compound":
        compounds = [i or n for i, n in zip(ids, names, strict=True)]
    numbers = [canonical_building(n) if n else None for n in numbers]
    rows = range(1, len(frame) + 1)
    loose = source.level not in _AREAL  # a road needs no name of its own
    keys = [
        i or (f"{source.level}-{r}" if loose else n)
        for i, n, r in zip(ids, names, rows, strict=True)
    ]
    return pd.DataFrame(
        {
            "level": source.level,
            "place_id": keys,
            "name": names,
            "stated_compound": compounds,
            "building_no": numbers,
            "row": list(rows),
        },
        index=frame.index,
    )  # fmt: skip


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def _find_bad(named: gpd.GeoDataFrame, level: str) -> Iterator[tuple[int, str]]:
    seen: dict[str, int] = {}
    for row, key, shape in zip(named["row"], named["place_id"], named.geometry, strict=True):
        if shape is None or shape.is_empty:
            yield row, "没有图形，或修复后没有面积"
        elif key is None:
            yield row, "没有名称也没有编号，不知道是哪个小区"
        elif key in seen:
            yield row, f"与第 {seen[key]} 个图形同名同号（{key}），只用第一个"
        else:
            seen[key] = row

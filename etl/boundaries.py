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
from pyproj.exceptions import CRSError, ProjError

from etl.cells import fold
from etl.check import ERROR, WARNING, Issue
from etl.errors import FileError
from etl.names import canonical_building
from etl.privacy import mask_text
from etl.profile import BoundarySource, Profile
from etl.workbook import read_bytes
from geo.areas import repair_areas
from geo.crs import Datum, convert_geometry

SUFFIXES = frozenset({".geojson", ".gpkg", ".zip", ".kml", ".shp"})
_LEVEL_WORDS = {
    "building": ("building", "buildings", "楼栋", "建筑", "楼", "楼宇"),
    "compound": ("compound", "compounds", "小区", "院落", "neighborhood", "neighbourhood"),
    "road": ("road", "roads", "道路", "路网", "路"),
    "water": ("water", "水系", "河流", "水面", "水", "河"),
    "community": ("community", "communities", "社区"),
    "district": ("district", "districts", "区县", "行政区"),
    "street": ("street", "streets", "街道"),
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
    file = mask_text(path.name)[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = [str(name) for name, _ in pyogrio.list_layers(path)]
    except Exception as error:  # whatever a hostile file makes of it
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
    level = _level_of(layer) or ("compound" if is_only else None)
    return BoundarySource(file, level) if level else None


def _level_of(layer: str) -> str | None:
    """The level that a layer's name says: 鼓楼街道小区边界 holds compounds, the last word counts."""
    folded = fold(layer)
    best, found = -1, None
    for level, words in _LEVEL_WORDS.items():
        for word in words:
            at = folded.rfind(word)
            # One character is too little to go by, unless it is all there is.
            if at >= 0 and (len(word) > 1 or word == folded) and at + len(word) > best:
                best, found = at + len(word), level
    return found


def _read_layer(path: Path, layer: str, source: BoundarySource, profile: Profile) -> Layer:
    file = mask_text(path.name)[0]
    try:
        with warnings.catch_warnings():
            # GDAL tells of odd but harmless features; what cannot be used is named below.
            warnings.simplefilter("ignore")
            frame = gpd.read_file(path, layer=layer, on_invalid="ignore")
    except Exception as error:  # whatever a hostile file makes of it
        raise FileError(
            f"《{file}》的图层“{layer}”读不出来，文件可能已损坏。请重新导出。"
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise FileError(f"《{file}》的图层“{layer}”里没有图形，只有表格。请导出带边界的图层。")
    if frame.crs is None:
        raise FileError(
            f"《{file}》的图层“{layer}”没有写坐标系（如 EPSG:4326），不能猜。请补上再放入。"
        )
    try:
        frame = frame.to_crs("EPSG:4326")
    except (ProjError, CRSError) as error:
        raise FileError(
            f"《{file}》的图层“{layer}”的坐标系换不成经纬度（{frame.crs.name}）。"
            "请用 EPSG:4326 或 EPSG:4490 重新导出。"
        ) from error
    return _name_shapes(frame, file, layer, source)


def _name_shapes(frame: gpd.GeoDataFrame, file: str, layer: str, source: BoundarySource) -> Layer:
    """Shapes in WGS-84 under the contract's names; those that cannot be used are set aside."""
    named = _read_properties(frame, source, Path(file).stem)
    bad = {row: [problem] for row, problem in _find_bad(named, frame.geometry, source.level)}
    usable = ~named["row"].isin(list(bad)).to_numpy()
    shapes = frame.geometry[usable]
    was_invalid = ~shapes.is_valid.to_numpy()
    if source.level in (*_AREAL, "building"):
        shapes = repair_areas(shapes)
    datum = Datum(source.datum or Datum.WGS84)
    if datum != Datum.WGS84:
        shapes = convert_geometry(shapes, datum, Datum.WGS84)
    kept = gpd.GeoDataFrame(named[usable], geometry=shapes, crs="EPSG:4326")
    vanished = (kept.geometry.isna() | kept.geometry.is_empty).astype(bool)
    bad |= {row: ["修复后没有面积"] for row in kept.loc[vanished, "row"]}
    issues = [
        Issue(file, layer, f"第{row}个图形", "图形", "", problems[0], ERROR)
        for row, problems in sorted(bad.items())
    ]
    issues += [
        Issue(file, layer, f"第{row}个图形", "图形", "", "边界自相交，已自动修复", WARNING)
        for row in kept.loc[was_invalid & ~vanished.to_numpy(), "row"]
    ]
    return Layer(layer, kept[~vanished], len(frame), bad, issues)


def _read_properties(frame: gpd.GeoDataFrame, source: BoundarySource, stem: str) -> pd.DataFrame:
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
    keys = [
        i or _make_key(source.level, stem, n, c, b, r)
        for i, n, c, b, r in zip(ids, names, compounds, numbers, rows, strict=True)
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
        dtype=object,
    )  # fmt: skip


def _make_key(
    level: str, stem: str, name: str | None, compound: str | None, number: str | None, row: int
) -> str | None:
    """A key for a shape without an id: a building's from what it is; a road's from its file."""
    if level in _AREAL:
        return name
    if level == "building" and compound and number:
        return f"{compound}-{number}"
    return f"{stem}-{row}"


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def _find_bad(named: pd.DataFrame, shapes: gpd.GeoSeries, level: str) -> Iterator[tuple[int, str]]:
    """Shapes that cannot be used, by row, with the reason."""
    seen: dict[str, int] = {}
    for row, key, shape in zip(named["row"], named["place_id"], shapes, strict=True):
        if shape is None or shape.is_empty:
            yield row, "没有图形"
        elif level in (*_AREAL, "building") and shapely.get_dimensions(shape) < 2:
            yield row, "不是面，而是点或线；小区和楼栋要画成面"
        elif not _is_lonlat(shape):
            yield row, "坐标不是经纬度（超出 ±180、±90），可能是米制坐标却没有写坐标系"
        elif key is None:
            yield row, "没有名称也没有编号，不知道是哪个小区"
        elif key in seen:
            yield row, f"与第 {seen[key]} 个图形同名同号（{key}），只用第一个"
        else:
            seen[key] = row


def _is_lonlat(shape: shapely.Geometry) -> bool:
    west, south, east, north = shape.bounds
    return bool(west >= -180 and east <= 180 and south >= -90 and north <= 90)

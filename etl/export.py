"""What is shown as files to take away: each says its filters, period, snapshot, source, suppression.

CSV and XLSX for people, with Chinese heads; GeoJSON, GeoPackage and GeoParquet for maps, with the
column names of the data dictionary, in WGS-84.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from etl.periods import Period
from etl.tables.outputs import OUT_COMPOUNDS

CRS = "EPSG:4326"
NOT_SUPPRESSED = "没有隐去小数字"
ALL = "全部"
DIGITS = 6
# A cell that begins so would be taken for a formula by a spreadsheet program.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
SHOWN = {
    "shown_count": "所选时段投诉（件）",
    "shown_rate": "所选时段投诉率（件/千户）",
    "shown_low": "投诉率下限（95%）",
    "shown_high": "投诉率上限（95%）",
    "shown_shrunk": "平滑投诉率（件/千户）",
}


@dataclass(frozen=True)
class About:
    """What every file says of itself."""

    community: str
    period: Period
    category: str = ""
    place: str = ""
    snapshot: int | None = None
    published_at: datetime | None = None
    files: tuple[str, ...] = ()
    suppression: str = NOT_SUPPRESSED
    more: tuple[tuple[str, str], ...] = field(default=())

    def lines(self) -> list[tuple[str, str]]:
        """Names and values, in the order in which they are written."""
        when = self.published_at.strftime("%Y-%m-%d %H:%M UTC") if self.published_at else "未知"
        return [
            ("社区", self.community),
            ("时段", _tell_period(self.period)),
            ("诉求类别", self.category or ALL),
            ("小区", self.place or ALL),
            ("数据快照", "无" if self.snapshot is None else f"{self.snapshot}（{when}）"),
            ("来源文件", "、".join(self.files) or "未知"),
            ("小数字", self.suppression),
            ("坐标系", "WGS-84（EPSG:4326）"),
            *self.more,
        ]


def tell_suppression(fewest: int) -> str:
    """That small figures are hidden, in a file of those who must not see them."""
    return f"少于 {fewest} 件的数和由它算出的数已隐去（空白不是零）"


def _tell_period(period: Period) -> str:
    if period.first is None or period.last is None:
        return "没有投诉数据"
    first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
    return first if first == last else f"{first} 至 {last}"


def name_columns(table: pd.DataFrame) -> dict[str, str]:
    """Chinese heads with units for columns of compounds; what the contract lacks keeps its name."""
    heads = {
        column.name: f"{column.label}（{column.unit}）" if column.unit else column.label
        for column in OUT_COMPOUNDS.columns
    }
    heads.update(SHOWN)
    return {str(name): heads.get(str(name), str(name)) for name in table.columns}


def write_csv(table: pd.DataFrame, about: About) -> bytes:
    """The table as CSV in UTF-8 with a mark, its description in lines that begin with '#'."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    for name, value in about.lines():
        writer.writerow([f"# {name}：{value}"])
    writer.writerow(name_columns(table).values())
    for row in _rows_of(table):
        writer.writerow([_make_safe(cell) for cell in row])
    return b"\xef\xbb\xbf" + held.getvalue().encode("utf-8")


def write_xlsx(table: pd.DataFrame, about: About) -> bytes:
    """The table as a workbook: the figures on one sheet, what they are on the other."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "数据"
    sheet.append(list(name_columns(table).values()))
    for row in _rows_of(table):
        sheet.append([_make_safe(cell) for cell in row])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "C2"
    for letter, width in (("A", 12), ("B", 20)):
        sheet.column_dimensions[letter].width = width
    told = book.create_sheet("说明")
    for line in about.lines():
        told.append([_make_safe(text) for text in line])
    told.column_dimensions["A"].width, told.column_dimensions["B"].width = 14, 80
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def place_table(table: pd.DataFrame, shapes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The table with the outline of each compound, its point where it has none, EPSG:4326.

    A compound without either is there too, with an empty geometry: it is not lost.
    """
    outlines = shapes[shapes["level"] == "compound"].set_index("compound_id").geometry
    found = []
    for row in table[["compound_id", "lon", "lat"]].to_dict("records"):
        shape = outlines.get(row["compound_id"])
        if shape is None and not pd.isna(row["lon"]) and not pd.isna(row["lat"]):
            shape = shapely.Point(float(row["lon"]), float(row["lat"]))
        found.append(shape)
    plain = table.reset_index(drop=True).copy()
    for name in plain.columns:
        if plain[name].dtype == object:
            plain[name] = plain[name].map(_as_plain)
    return gpd.GeoDataFrame(plain, geometry=gpd.GeoSeries(found, crs=CRS), crs=CRS)


def write_geojson(placed: gpd.GeoDataFrame, about: About) -> bytes:
    """GeoJSON (RFC 7946), with its description in the member `metadata`."""
    names = [str(name) for name in placed.columns if name != "geometry"]
    features = [
        {
            "type": "Feature",
            "properties": dict(zip(names, map(_as_plain, row), strict=True)),
            "geometry": None if shape is None else shapely.geometry.mapping(shape),
        }
        for shape, row in zip(
            placed.geometry, placed[names].itertuples(index=False, name=None), strict=True
        )
    ]
    whole = {"type": "FeatureCollection", "metadata": dict(about.lines()), "features": features}
    return json.dumps(whole, ensure_ascii=False, allow_nan=False).encode("utf-8")


def write_gpkg(placed: gpd.GeoDataFrame, about: About) -> bytes:
    """GeoPackage with one layer, its description in the metadata of the layer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compounds.gpkg"
        placed.to_file(
            path, layer="compounds", driver="GPKG", engine="pyogrio",
            layer_metadata=dict(about.lines()), dataset_metadata=dict(about.lines()),
        )  # fmt: skip
        return path.read_bytes()


def write_parquet(placed: gpd.GeoDataFrame, about: About) -> bytes:
    """GeoParquet 1.1, its description in the metadata of the file under `shequ`."""
    import pyarrow.parquet as pq

    held = io.BytesIO()
    placed.to_parquet(held, index=False, schema_version="1.1.0")
    held.seek(0)
    table = pq.read_table(held)
    told = json.dumps(dict(about.lines()), ensure_ascii=False).encode("utf-8")
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), b"shequ": told})
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


PLAIN: dict[str, Callable[[pd.DataFrame, About], bytes]] = {"xlsx": write_xlsx, "csv": write_csv}
PLACED: dict[str, Callable[[gpd.GeoDataFrame, About], bytes]] = {
    "geojson": write_geojson,
    "gpkg": write_gpkg,
    "parquet": write_parquet,
}
FORMATS = (*PLAIN, *PLACED)
TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv",
    "geojson": "application/geo+json",
    "gpkg": "application/geopackage+sqlite3",
    "parquet": "application/vnd.apache.parquet",
}


def write_table(
    format_name: str, table: pd.DataFrame, shapes: Callable[[], gpd.GeoDataFrame], about: About
) -> bytes:
    """The table in one of `FORMATS`; shapes are asked for only where they are written."""
    if format_name in PLAIN:
        return PLAIN[format_name](table, about)
    return PLACED[format_name](place_table(table, shapes()), about)


def name_file(about: About, format_name: str, what: str = "小区") -> str:
    """A file name that says what is in it: community, subject, period."""
    parts = [about.community, what, _tell_period(about.period).replace(" ", "")]
    if about.category:
        parts.append(about.category)
    name = "_".join("".join(c for c in part if c not in '\\/:*?"<>|\n\r\t') for part in parts)
    return f"{name[:120]}.{format_name}"


def _rows_of(table: pd.DataFrame) -> list[list[Any]]:
    return [[_as_plain(cell) for cell in row] for row in table.itertuples(index=False, name=None)]


def _as_plain(cell: Any) -> Any:
    """A cell as a spreadsheet or a file of shapes takes it; what is missing is None."""
    if isinstance(cell, list | tuple | dict):
        return json.dumps(cell, ensure_ascii=False)
    if cell is None or pd.isna(cell):
        return None
    if isinstance(cell, pd.Timestamp):
        return f"{cell:%Y-%m-%d}"
    plain = cell.item() if hasattr(cell, "item") else cell
    return round(plain, DIGITS) if isinstance(plain, float) else plain


def _make_safe(cell: Any) -> Any:
    """Text that a spreadsheet program would run as a formula is kept as text."""
    if isinstance(cell, str):
        text = "".join(c for c in cell if c >= " " or c in "\t\n")
        return f"'{text}" if text.startswith(FORMULA) else text
    return cell

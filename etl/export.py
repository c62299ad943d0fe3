"""What is shown as files to take away: each says its filters, period, snapshot, source, suppression.

CSV and XLSX for people, with Chinese heads; GeoJSON, GeoPackage and GeoParquet for maps, with the
column names of the data dictionary, in WGS-84.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Mapping
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
# What files say of themselves; the dashboard gives the same in its visitor's language.
WORDS = {
    "community": "社区", "table": "表", "period": "时段", "category": "诉求类别", "place": "小区",
    "snapshot": "数据快照", "files": "来源文件", "suppression": "小数字", "crs": "坐标系",
    "all": "全部", "unknown": "未知", "nothing": "无", "no_complaints": "没有投诉数据",
    "range": "{first} 至 {last}", "as_of": "截至这个快照的情况", "published": "{snapshot}（{when}）",
    "stated": "{name}：{value}", "listed": "、", "wgs84": "WGS-84（EPSG:4326）",
    "shown": "没有隐去小数字", "hidden": "少于 {fewest} 件的数和由它算出的数已隐去（空白不是零）",
    "figures": "数据", "description": "说明", "compounds": "小区",
}  # fmt: skip
DIGITS = 6
# A cell that begins so would be taken for a formula by a spreadsheet program.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
SHOWN = {
    "shown_count": "所选时段投诉（件）",
    "shown_rate": "所选时段投诉率（件/千户）",
    "shown_low": "投诉率下限（95%）",
    "shown_high": "投诉率上限（95%）",
    "shown_shrunk": "平滑投诉率（件/千户）",
    "area": "区域",
    "compound_count": "小区数（个）",
}


@dataclass(frozen=True)
class About:
    """What every file says of itself.

    `table` names what is in it where that is not the compounds; a table without a period tells of
    the snapshot. `fewest` is what small figures are hidden below, None where none is. `words` are
    those of `WORDS`; heads are labels of the contract, or names of columns without `has_labels`.
    """

    community: str
    period: Period
    category: str = ""
    place: str = ""
    snapshot: int | None = None
    published_at: datetime | None = None
    files: tuple[str, ...] = ()
    fewest: int | None = None
    more: tuple[tuple[str, str], ...] = field(default=())
    table: str = ""
    words: Mapping[str, str] = field(default_factory=lambda: WORDS)
    has_labels: bool = True

    def lines(self) -> list[tuple[str, str]]:
        """Names and values, in the order in which they are written."""
        said = self.words
        lines = {
            "community": self.community,
            "table": self.table,
            "period": self.tell_period(),
            "category": self.category or said["all"],
            "place": self.place or said["all"],
            "snapshot": self._tell_snapshot(),
            "files": said["listed"].join(self.files) or said["unknown"],
            "suppression": self._tell_suppression(),
            "crs": said["wgs84"],
        }
        # A table of something else has no outlines; where it has no period it has no category.
        left_out = {"table"} if not self.table else {"crs"}
        if self.table and self.period.first is None:
            left_out.add("category")
        return [*((said[n], told) for n, told in lines.items() if n not in left_out), *self.more]

    def tell_period(self) -> str:
        """The period in words."""
        said, period = self.words, self.period
        if period.first is None or period.last is None:
            return said["as_of"] if self.table else said["no_complaints"]
        first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
        return first if first == last else said["range"].format(first=first, last=last)

    def _tell_snapshot(self) -> str:
        said = self.words
        if self.snapshot is None:
            return said["nothing"]
        when = self.published_at
        told = when.strftime("%Y-%m-%d %H:%M UTC") if when else said["unknown"]
        return said["published"].format(snapshot=self.snapshot, when=told)

    def _tell_suppression(self) -> str:
        if self.fewest is None:
            return self.words["shown"]
        return self.words["hidden"].format(fewest=self.fewest)


def name_columns(table: pd.DataFrame, about: About) -> list[str]:
    """Heads with units for columns of compounds; what the contract lacks keeps its name."""
    if not about.has_labels:
        return [str(name) for name in table.columns]
    heads = {
        column.name: f"{column.label}（{column.unit}）" if column.unit else column.label
        for column in OUT_COMPOUNDS.columns
    }
    heads.update(SHOWN)
    return [heads.get(str(name), str(name)) for name in table.columns]


def write_csv(table: pd.DataFrame, about: About) -> bytes:
    """The table as CSV in UTF-8 with a mark, its description in lines that begin with '#'."""
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")
    for name, value in about.lines():
        writer.writerow(["# " + about.words["stated"].format(name=name, value=value)])
    writer.writerow([_make_safe(head) for head in name_columns(table, about)])
    for row in _rows_of(table):
        writer.writerow([_make_safe(cell) for cell in row])
    return b"\xef\xbb\xbf" + held.getvalue().encode("utf-8")


def write_xlsx(table: pd.DataFrame, about: About) -> bytes:
    """The table as a workbook: the figures on one sheet, what they are on the other."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = about.words["figures"]
    sheet.append([_make_safe(head) for head in name_columns(table, about)])
    for row in _rows_of(table):
        sheet.append([_make_safe(cell) for cell in row])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    sheet.freeze_panes = "C2"
    for letter, width in (("A", 12), ("B", 20)):
        sheet.column_dimensions[letter].width = width
    told = book.create_sheet(about.words["description"])
    for line in about.lines():
        told.append([_make_safe(text) for text in line])
    told.column_dimensions["A"].width, told.column_dimensions["B"].width = 14, 80
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def place_table(table: pd.DataFrame, shapes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The table with the outline of each row, its point where it has none, EPSG:4326.

    Rows are compounds by `compound_id`, or where `shapes` has an `area` areas by that. One without
    outline and point is there too, with an empty geometry: it is not lost.
    """
    by = "area" if "area" in shapes else "compound_id"
    drawn = shapes if by == "area" else shapes[shapes["level"] == "compound"]
    outlines = drawn.set_index(by).geometry
    found = []
    for row in table[[by, "lon", "lat"]].to_dict("records"):
        shape = outlines.get(row[by])
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


def name_file(about: About, format_name: str) -> str:
    """A file name that says what is in it: community, subject, period."""
    what = about.table or about.words["compounds"]
    parts = [about.community, what]
    if about.period.first is not None or not about.table:
        parts.append(about.tell_period().replace(" ", ""))
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

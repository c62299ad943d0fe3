"""Coordinates to WGS-84, rows to compounds and points, and default geocodes found and named."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa

from etl.cells import Typed
from etl.check import Checked
from etl.names import Names
from etl.profile import AUTO, Profile
from etl.store import Writer
from etl.tables.outputs import OUT_GEOCODES
from geo.areas import place_points
from geo.crs import Datum, convert, judge_datum
from geo.hotspots import find_default_geocodes


def read_compounds(writer: Writer, profile: Profile, with_shapes: bool = True) -> Names:
    """The names by which compounds are known, to the register or to boundaries too."""
    compounds = Names(profile.aliases)
    shapes = "SELECT DISTINCT compound_id, name FROM lake.core_boundaries WHERE level = 'compound'"
    for identifier, name in writer.rows(shapes) if with_shapes else []:
        compounds.add(identifier, [name])
    register = "SELECT compound_id, name, old_name FROM lake.core_compounds"
    for identifier, *names in writer.rows(register):
        compounds.add(identifier, names)
    return compounds


def read_names(writer: Writer, profile: Profile) -> dict[str, Names]:
    """The names by which compounds, organizations and matters are known."""
    organizations, matters = Names(), Names()
    for identifier, name in writer.rows(
        "SELECT organization_id, name FROM lake.core_organizations"
    ):
        organizations.add(identifier, [name])
    for identifier, name in writer.rows("SELECT matter_id, title FROM lake.core_matters"):
        matters.add(identifier, [name])
    return {
        "compounds": read_compounds(writer, profile),
        "organizations": organizations,
        "matters": matters,
    }


def bring_to_wgs84(checked: Checked, datum: str, writer: Writer) -> str | None:
    """Turn the coordinates of checked rows into WGS-84, in place.

    Returns a sentence on what was found where the datum was to be found out.
    """
    rows = checked.rows
    if "lon" not in rows or not any(value is not None for value in rows["lon"]):
        return None
    lon = np.array([np.nan if v is None else v for v in rows["lon"]], dtype=float)
    lat = np.array([np.nan if v is None else v for v in rows["lat"]], dtype=float)
    said = None
    if datum == AUTO:
        datum, said = find_datum(lon, lat, rows, writer)
    if datum != Datum.WGS84:
        lon, lat = convert(lon, lat, Datum(datum), Datum.WGS84)
        rows["lon"], rows["lat"] = _as_cells(lon), _as_cells(lat)
    return said


def _as_cells(values: np.ndarray) -> list[Typed | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def find_datum(
    lon: np.ndarray, lat: np.ndarray, rows: Mapping[str, list[Typed | None]], writer: Writer
) -> tuple[str, str]:
    """The datum under which most points fall into the area that their own rows state."""
    shapes = writer.shapes("core_boundaries")
    stated = pd.Series(rows.get("district") or rows.get("compound_id") or [None] * len(lon))
    level = "district" if rows.get("district") else "compound"
    areas = shapes[shapes["level"] == level].set_index(
        "name" if level == "district" else "place_id"
    )
    known = stated.isin(areas.index).to_numpy() & ~np.isnan(lon)
    if known.sum() < 20:
        return Datum.WGS84, (
            "坐标没有写明坐标系，边界或所属区又不足以判断，先按 WGS-84 处理；"
            "如有偏移，请在设置里写明 datum。"
        )
    judged = judge_datum(
        pd.Series(lon[known]), pd.Series(lat[known]), areas.geometry, stated[known].reset_index(drop=True)
    ).sort_values("inside_pct", ascending=False)  # fmt: skip
    evidence = "，".join(f"按 {d} {p:.1f}%" for d, p in judged["inside_pct"].items())
    return str(judged.index[0]), f"坐标系按 {judged.index[0]} 处理：落在所填区域内的{evidence}。"


def place_complaints(writer: Writer) -> None:
    """Find default geocodes, then say of each complaint in which compound and where it lies."""
    geocodes = find_default_geocodes(writer.frame("coordinates"))
    writer.register("default_geocodes", pa.Table.from_pandas(geocodes[["lon", "lat"]]))
    writer.replace(OUT_GEOCODES, _name_geocodes(geocodes, writer))
    moved = writer.frame("place_complaints")
    if moved.empty:
        return
    writer.register("moved", pa.Table.from_pandas(moved, preserve_index=False))
    columns = ("compound_id", "compound_by", "lon", "lat", "located_by")
    settings = ", ".join(f"{name} = moved.{name}" for name in columns)
    writer.execute(
        f"UPDATE lake.core_complaints SET {settings} FROM moved "
        "WHERE core_complaints.complaint_id = moved.complaint_id"
    )


def _name_geocodes(geocodes: pd.DataFrame, writer: Writer) -> pd.DataFrame:
    """Default geocodes with the compound in which each happens to lie."""
    shapes = writer.shapes("core_boundaries")
    compounds = shapes[shapes["level"] == "compound"]
    if geocodes.empty or compounds.empty:
        return geocodes.assign(near=None)
    points = gpd.GeoSeries(gpd.points_from_xy(geocodes["lon"], geocodes["lat"]), crs="EPSG:4326")
    at = place_points(points, compounds.geometry)
    return geocodes.assign(near=at.map(compounds["name"]).astype(object))

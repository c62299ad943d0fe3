"""Coordinates to WGS-84, rows to compounds and points, and default geocodes found and named."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow as pa

from etl.check import Checked
from etl.columns import as_floats
from etl.names import Names
from etl.placing import place_in_areas
from etl.profile import AUTO, Profile
from etl.store import Writer, named_sql
from etl.tables.outputs import OUT_GEOCODES
from geo.areas import place_points
from geo.crs import Datum, choose_datum, convert, judge_datum, make_points
from geo.hotspots import judge_spots

# On fewer rows than this a point is no default geocode.
MIN_ROWS = 30


def read_compounds(writer: Writer, profile: Profile, with_shapes: bool = True) -> Names:
    """The names by which compounds are known, to the register or to boundaries too."""
    compounds = Names(profile.aliases)
    others = writer.foreign_compounds()
    register = "SELECT compound_id, name, old_name FROM lake.core_compounds"
    for identifier, name, old_name in writer.rows(register):
        if identifier in others:
            continue
        compounds.add(identifier, [name], old_names=[old_name])
    shapes = "SELECT DISTINCT compound_id, name FROM lake.core_boundaries WHERE level = 'compound'"
    for identifier, name in writer.rows(shapes) if with_shapes else []:
        if identifier in others:
            continue
        compounds.add(identifier, [name])
    return compounds


def read_names(writer: Writer, profile: Profile) -> dict[str, Names]:
    """The names by which compounds, organizations and matters are known."""
    organizations, matters = Names(), Names()
    for identifier, name in writer.rows(
        "SELECT organization_id, name FROM lake.core_organizations o "
        f"WHERE NOT {writer.is_foreign('organizations', 'o')}"
    ):
        organizations.add(identifier, [name])
    for identifier, name in writer.rows(
        "SELECT matter_id, title FROM lake.core_matters m "
        f"WHERE NOT {writer.is_foreign('matters', 'm')}"
    ):
        matters.add(identifier, [name])
    return {
        "compounds": read_compounds(writer, profile),
        "organizations": organizations,
        "matters": matters,
    }


def bring_to_wgs84(checked: Checked, datum: str, mark: str, writer: Writer) -> str | None:
    """Turn the coordinates of checked rows into WGS-84, in place.

    A datum that was found out is kept under the `mark` of the list: next month's sheet may hold
    too few points to find it out again. Returns a sentence on what was found.
    """
    rows = checked.rows
    if "lon" not in rows or rows["lon"].null_count == len(rows["lon"]):
        return None
    lon, lat = (as_floats(rows[name]) for name in ("lon", "lat"))
    said = None
    if datum == AUTO:
        remembered = writer.setting(f"datum:{mark}")
        datum, is_certain, said = find_datum(lon, lat, rows, writer, remembered)
        if is_certain:
            writer.set_setting(f"datum:{mark}", datum)
    if datum != Datum.WGS84:
        lon, lat = convert(lon, lat, Datum(datum), Datum.WGS84)
        rows["lon"], rows["lat"] = (pa.array(v, pa.float64(), from_pandas=True) for v in (lon, lat))
    return said


def find_datum(
    lon: np.ndarray,
    lat: np.ndarray,
    rows: Mapping[str, pa.Array],
    writer: Writer,
    remembered: str | None = None,
) -> tuple[str, bool, str]:
    """The datum under which most points fall into the area that their own rows state.

    Also whether that is certain, and a sentence with the evidence. Where it is not, the one
    `remembered` of the same list holds, unless a single point speaks against it.
    """
    shapes = writer.shapes("core_boundaries")
    has_district = "district" in rows and rows["district"].null_count < len(lon)
    stated = rows["district" if has_district else "compound_id"].to_pandas()
    level = "district" if has_district else "compound"
    areas = shapes[shapes["level"] == level].set_index(
        "name" if level == "district" else "place_id"
    )
    known = stated.isin(areas.index).to_numpy() & ~np.isnan(lon)
    judged = judge_datum(
        pd.Series(lon[known]), pd.Series(lat[known]), areas.geometry, stated[known].reset_index(drop=True)
    )  # fmt: skip
    datum, is_certain, sentence = choose_datum(judged)
    if remembered and not is_certain:
        inside = judged["inside_pct"].fillna(0.0)
        if inside.loc[Datum(remembered)] >= inside.max():
            return remembered, False, f"坐标沿用上次认出的 {remembered}（这次的点还不够再认一遍）。"
        sentence = f"上次认出的是 {remembered}，这次的点却不合，请核对。{sentence}"
    return str(datum), is_certain, sentence


def place_complaints(writer: Writer) -> None:
    """Find default geocodes, then say of each complaint in which compound and where it lies.

    Where complaints were only added, those alone are placed.
    """
    known = writer.frame("SELECT lon, lat FROM lake.out_geocodes")
    geocodes = _find_geocodes(writer)
    writer.register("default_geocodes", pa.Table.from_pandas(geocodes[["lon", "lat"]]))
    writer.replace(OUT_GEOCODES, _name_geocodes(geocodes, writer))
    if _as_points(known) != _as_points(geocodes):
        writer.touch_everything()
    since = writer.snapshot if writer.only_adds else 0
    _find_compounds_of_points(writer, since)
    writer.execute(f"CREATE OR REPLACE TEMP TABLE moved AS {named_sql('place_complaints')}")
    months = [month for (month,) in writer.rows("SELECT DISTINCT month FROM moved")]
    if not months:
        return
    writer.touch_months(months)
    places = "SELECT compound_id FROM moved UNION SELECT known_compound_id FROM moved"
    writer.touch_places(place for (place,) in writer.rows(places))
    columns = ("compound_id", "compound_by", "compound_certainty", "lon", "lat", "located_by")
    settings = ", ".join(f"{name} = moved.{name}" for name in columns)
    writer.execute(
        f"UPDATE lake.core_complaints SET {settings} FROM moved "
        "WHERE core_complaints.complaint_id = moved.complaint_id"
    )


def _find_compounds_of_points(writer: Writer, since: int) -> None:
    """Have `placed_points` say in which of `areas` the complaints lie that state no compound."""
    writer.execute("SET VARIABLE since = $1", [since])
    writer.execute(f"CREATE OR REPLACE TEMP TABLE areas AS {named_sql('compound_areas')}")
    writer.execute(f"CREATE OR REPLACE TEMP VIEW points AS {named_sql('points_searched')}")
    point_count = int(writer.rows("SELECT count(*) FROM points")[0][0])
    place_in_areas(writer, point_count)


def _as_points(frame: pd.DataFrame) -> set[tuple[float, float]]:
    return set(zip(frame["lon"], frame["lat"], strict=True))


def _find_geocodes(writer: Writer) -> pd.DataFrame:
    """The default geocodes as they stand now.

    Where complaints were only added, a point becomes one only by what came in on it. Without
    addresses it is held against all others, and then all of them are counted.
    """
    if writer.only_adds:
        spots = _count_spots(writer, "spots_touched")
        is_busy = spots["row_count"] >= MIN_ROWS
        if not (is_busy & (spots["blank_count"] * 2 > spots["row_count"])).any():
            return judge_spots(spots, MIN_ROWS)
    return judge_spots(_count_spots(writer, "spots"), MIN_ROWS)


def _count_spots(writer: Writer, sql: str) -> pd.DataFrame:
    spots = writer.frame(sql, newest=writer.snapshot, least=MIN_ROWS)
    located = "SELECT count(*) FROM lake.core_complaints WHERE located_by = 'coordinates'"
    spots["share"] = spots["row_count"] / max(1, writer.rows(located)[0][0])
    return spots.astype({"row_count": "int64", "address_count": "int64", "blank_count": "int64"})


def _name_geocodes(geocodes: pd.DataFrame, writer: Writer) -> pd.DataFrame:
    """Default geocodes with the compound in which each happens to lie."""
    shapes = writer.shapes("core_boundaries")
    compounds = shapes[shapes["level"] == "compound"]
    if geocodes.empty or compounds.empty:
        return geocodes.assign(near=None)
    points = make_points(geocodes)
    at = place_points(points, compounds.geometry)
    return geocodes.assign(near=at.map(compounds["name"]).astype(object))

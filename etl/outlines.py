"""Layers of shapes into the store: each shape replaced, told its compound, one outline a compound."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np

from etl.boundaries import Layer
from etl.cells import as_text
from etl.check import Extent, make_key
from etl.names import Names
from etl.place import read_compounds
from etl.profile import Profile
from etl.report import SheetReport
from etl.store import Writer
from etl.table import Table
from etl.tables.records import BOUNDARIES


def land_layer(
    writer: Writer, profile: Profile, layer: Layer, file: str, report: SheetReport
) -> bool:
    """Bring one layer in; a shape of the same level and id is replaced. Whether any is new."""
    arriving = layer.shapes.assign(file=file, sheet=layer.name, snapshot=writer.snapshot)
    level = arriving["level"].iloc[0] if len(arriving) else ""
    stored = writer.shapes("core_boundaries")
    stored = stored[stored["level"] == level].set_index("place_id")
    names = read_compounds(writer, profile)
    fates = [
        _judge_fate(key, told, stored, names.find(stated) if stated else None)
        for key, told, stated in zip(
            arriving["place_id"], _tell(arriving), arriving["stated_compound"], strict=True
        )
    ]
    report.rows_new = fates.count("new")
    report.rows_changed = fates.count("changed")
    report.rows_unchanged = fates.count("unchanged")
    fresh = arriving[np.array([fate != "unchanged" for fate in fates], dtype=bool)]
    _require_own(writer, fresh["place_id"], stored)
    writer.execute(
        "DELETE FROM lake.core_boundaries WHERE level = ? AND place_id IN "
        "(SELECT unnest(?::VARCHAR[]))",
        [level, list(fresh["place_id"])],
    )
    if len(fresh):
        writer.touch_everything()
    writer.append_shapes(BOUNDARIES, fresh.assign(compound_id=fresh["stated_compound"]))
    return len(fresh) > 0


def _require_own(writer: Writer, keys: Iterable[str], stored: gpd.GeoDataFrame) -> None:
    """Refuse to put a shape in the place of another office's. Raises AccessError."""
    others, prefix = writer.foreign_compounds(), writer.lake.prefix
    for key in keys if prefix else ():
        known = stored.loc[[key]] if key in stored.index else stored.iloc[:0]
        for file, compound in zip(known["file"], known["compound_id"], strict=True):
            if compound in others or ("/" in file and not file.startswith(prefix)):
                writer.refuse_taken("边界", key, file)
        if key in others:
            writer.refuse_taken("边界", key, f"{others[key]}/")


def _tell(shapes: gpd.GeoDataFrame) -> list[tuple[Any, ...]]:
    """What of each shape would make it a changed one."""
    wkb = shapes.geometry.to_wkb(hex=True)
    return list(zip(shapes["name"].fillna(""), shapes["building_no"].fillna(""), wkb, strict=True))


def _judge_fate(
    key: str, told: tuple[Any, ...], stored: gpd.GeoDataFrame, stated: str | None
) -> str:
    if key not in stored.index:
        return "new"
    known = stored.loc[[key]]
    is_moved = stated is not None and known["compound_id"].iloc[0] != stated
    return "unchanged" if _tell(known)[0] == told and not is_moved else "changed"


def settle_outlines(writer: Writer, profile: Profile) -> None:
    """Tell each shape its compound anew (the register may know it only now), and keep the newest.

    One boundary for a compound, whatever it is called in its file.
    """
    registered = read_compounds(writer, profile, with_shapes=False)
    everyone = read_compounds(writer, profile)
    shapes = writer.shapes("core_boundaries")
    shapes = shapes[~shapes["compound_id"].isin(writer.foreign_compounds())]
    for level, key, known, own in zip(
        shapes["level"], shapes["place_id"], shapes["compound_id"], shapes["name"], strict=True
    ):
        names = registered if level == "compound" else everyone
        found = _find_compound(names, level, key, known, own)
        if found != known:
            writer.execute(
                "UPDATE lake.core_boundaries SET compound_id = ? WHERE level = ? AND place_id = ?",
                [found, level, key],
            )
        if level == "compound" and known and found and found != known:
            rename_compound(writer, profile, known, found)
    writer.execute(
        "DELETE FROM lake.core_boundaries WHERE level = 'compound' AND place_id IN "
        "(SELECT place_id FROM (SELECT place_id, row_number() OVER (PARTITION BY compound_id "
        "ORDER BY snapshot DESC, place_id) AS age FROM lake.core_boundaries "
        "WHERE level = 'compound') WHERE age > 1)"
    )


def _find_compound(
    names: Names, level: str, key: str, stated: str | None, own: str | None
) -> str | None:
    """The compound that a shape is, or lies in; one in no register goes by its own id."""
    if level == "compound":
        return names.find(key) or (names.find(own) if own else None) or key
    return (names.find(stated) or stated) if stated else None


def rename_compound(writer: Writer, profile: Profile, old: str, new: str) -> None:
    """Rows that went by one id of a compound go by another, their own made ids too."""
    writer.touch_everything()
    for table in profile.tables:
        if table.name != "compounds" and any(c.name == "compound_id" for c in table.columns):
            if "compound_id" in table.identity and not table.keeps_repeats:
                _remake_keys(writer, table, old, new)
            writer.execute(
                f"UPDATE lake.core_{table.name} SET compound_id = ? WHERE compound_id = ?",
                [new, old],
            )


def _remake_keys(writer: Writer, table: Table, old: str, new: str) -> None:
    """Give rows whose id was made from what they say, their compound among it, the new one."""
    key = table.key[0]
    columns = ", ".join(table.identity)
    rows = writer.rows(
        f"SELECT {key}, {columns} FROM lake.core_{table.name} WHERE compound_id = ?", [old]
    )
    place = table.identity.index("compound_id")
    for known, *parts in rows:
        told = ["" if part is None else as_text(part) for part in parts]
        if make_key(told) == known:
            told[place] = new
            writer.execute(
                f"UPDATE lake.core_{table.name} SET {key} = ? WHERE {key} = ?",
                [make_key(told), known],
            )


def find_extent(writer: Writer) -> Extent | None:
    """Where the community lies, in degrees: its shapes, else the points of its register."""
    (row,) = writer.rows(
        "SELECT min(ST_XMin(geometry)), min(ST_YMin(geometry)), max(ST_XMax(geometry)), "
        "max(ST_YMax(geometry)), count(*) FROM lake.core_boundaries"
    )
    if not row[4]:
        (row,) = writer.rows(
            "SELECT min(lon), min(lat), max(lon), max(lat), count(lon) FROM lake.core_compounds"
        )
    west, south, east, north, count = row
    return (west, south, east, north) if count and west is not None else None

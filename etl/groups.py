"""Reference groups: which compounds are compared with each other, and the figures of those touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from etl.areas import is_many, name_paths
from etl.ddl import literal
from etl.handling import publish_parts
from etl.store import Writer
from etl.tables.outputs import (
    OUT_CLOSINGS,
    OUT_COMPOUNDS,
    OUT_COVERAGE,
    OUT_HOTSPOTS,
    OUT_MONTHS,
    OUT_TARGETS,
)

# What is held at once of a store that is worked out whole.
COMPOUNDS_AT_ONCE = 1_000
# The complaints of no compound that anybody knows: a group that holds none.
UNPLACED = ""
BY_COMPOUND = (OUT_MONTHS, OUT_CLOSINGS, OUT_COVERAGE, OUT_COMPOUNDS, OUT_TARGETS)
# Sheets by which compounds of different groups hang together; who keeps them is one group.
BINDING = (
    "core_organizations", "core_coverage", "core_committee_steps", "core_core_residents",
    "core_activities", "core_needs", "core_matters", "core_meetings", "core_responsibilities",
    "core_interventions", "core_survey",
)  # fmt: skip
# Works out what is seen, and tells of its complaints what is added up over groups.
WorkOut = Callable[[], pd.DataFrame]


@dataclass(frozen=True)
class Groups:
    """The register (compound_id, areas, households, lon, lat) and the group of each compound."""

    register: pd.DataFrame
    paths: pd.Series

    def list_touched(self, places: set[str | None] | None) -> list[str]:
        """The groups of some compounds, in order; of all where it may be any."""
        if places is None:
            return [*sorted(self.paths.unique()), UNPLACED]
        found = self.paths[self.paths.index.isin(places)]
        is_any_unplaced = any(place not in self.paths.index for place in places)
        return [*sorted(found.unique()), *([UNPLACED] if is_any_unplaced else [])]

    def name_condition(self, paths: list[str]) -> str:
        """The condition that a row is of a compound of some groups."""
        told = ", ".join(map(literal, self.paths.index[self.paths.isin(paths)]))
        parts = [f"compound_id IN ({told})"] if told else []
        if UNPLACED in paths:
            parts.append(
                "compound_id IS NULL OR compound_id NOT IN (SELECT compound_id FROM known_places)"
            )
        return f"({' OR '.join(parts) or 'false'})"


def find_groups(writer: Writer) -> Groups | None:
    """The streets of a store of too many compounds to be compared with each other; else None."""
    if writer.holds_any(*BINDING):
        return None
    register = writer.frame("compound_groups").set_index("compound_id", drop=False)
    register.index.name = None
    if not is_many(register):
        return None
    writer.register("known_places", pa.table({"compound_id": register.index.tolist()}))
    return Groups(register, name_paths(register, "street"))


def publish_touched(writer: Writer, groups: Groups, work_out: WorkOut) -> None:
    """Write what is said of the compounds of the groups that were touched; other rows stay."""
    touched = groups.list_touched(writer.touched_places)
    is_all = writer.touched_places is None
    gone = "true" if is_all else groups.name_condition(touched)
    for number, batch in enumerate(_part(groups, touched)):
        told, parts = _work_out_batch(writer, groups, batch, work_out)
        # What is held is written batch by batch; what was there before goes with the first.
        first = gone if number == 0 else "false"
        for table in BY_COMPOUND:
            writer.replace_among(table, first, told.get(table.name, []))
        areas = "true" if is_all else _name_hotspots(touched)
        spots = told.get(OUT_HOTSPOTS.name, [])
        writer.replace_among(OUT_HOTSPOTS, areas if number == 0 else "false", spots)
        publish_parts(writer, parts, touched if number == 0 else [], is_all)


def _part(groups: Groups, paths: list[str]) -> Iterator[list[str]]:
    """The groups, so many at once as can be held."""
    sizes = groups.paths.value_counts()
    batch: list[str] = []
    held = 0
    for path in paths:
        batch.append(path)
        held += int(sizes.get(path, 0))
        if held >= COMPOUNDS_AT_ONCE:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _work_out_batch(
    writer: Writer, groups: Groups, batch: list[str], work_out: WorkOut
) -> tuple[dict[str, list[pa.Table]], pd.DataFrame]:
    """What is said of the compounds of some groups, by table, and the parts of what is added up."""
    writer.bring_near(groups.name_condition(batch))
    told: dict[str, list[pa.Table]] = {}
    parts = []
    for path in batch:
        with writer.seeing(groups.name_condition([path])) as gathered:
            parts.append(work_out().assign(area=path))
        for name, rows in gathered.items():
            told.setdefault(name, []).extend(rows)
        spots = told.get(OUT_HOTSPOTS.name)
        if spots:
            spots[-1] = _mark_hotspots(spots[-1], path)
    return told, pd.concat(parts, ignore_index=True)


def _mark_hotspots(rows: pa.Table, path: str) -> pa.Table:
    """Hotspots numbered within their group, with its name before the number."""
    place = rows.schema.get_field_index("hotspot_id")
    named = [f"{path} {number}" for number in rows.column(place).to_pylist()]
    return rows.set_column(place, "hotspot_id", pa.array(named, pa.string()))


def _name_hotspots(paths: list[str]) -> str:
    told = ", ".join(map(literal, paths))
    return f"regexp_replace(hotspot_id, ' [^ ]*$', '') IN ({told})"

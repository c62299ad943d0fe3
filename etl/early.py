"""What of a refresh is done before its turn, while another office writes: sheets checked, rows written out.

A check leans on nothing of the store but the names that are known and where the community lies.
Once it is the refresh's turn both are read again: where they are what they were, the check stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from etl.check import Checked, Extent, check_sheet, join_checked
from etl.match import Match, NoMatch
from etl.names import Names
from etl.outlines import find_extent
from etl.place import read_names
from etl.profile import Profile
from etl.raw import RawRows, plan_stretches, write_stretch
from etl.reading import Progress, Reading
from etl.sheet import Sheet
from etl.store import Writer
from etl.table import Table

STRETCHES_AHEAD = 4
# What a sheet says, being written: by the place of its table and the row where a stretch begins.
Ahead = dict[tuple[int, int], Future[RawRows]]


@dataclass(frozen=True)
class Arrival:
    """The tables of one kind on one sheet."""

    reading: Reading
    sheet: Sheet
    matches: tuple[Match, ...]

    @property
    def table(self) -> Table:
        """The table of the contract that they are."""
        return self.matches[0].table

    @property
    def origin(self) -> tuple[str, str]:
        """File and sheet, as they are spoken of."""
        return self.reading.name, self.sheet.name

    @property
    def key(self) -> tuple[int, str]:
        """What tells it from all others of a refresh."""
        return id(self.sheet), self.table.name


def list_arrivals(readings: list[Reading]) -> Iterator[Arrival]:
    """Every sheet on which tables were found, once for each kind of table."""
    for reading in readings:
        for sheet, found in reading.sheets:
            if isinstance(found, NoMatch):
                continue
            for name in dict.fromkeys(match.table.name for match in found):
                of_kind = tuple(match for match in found if match.table.name == name)
                yield Arrival(reading, sheet, of_kind)


def check_arrival(
    arrival: Arrival, profile: Profile, names: Mapping[str, Names], extent: Extent | None
) -> Checked:
    """Typed rows and issues, by the names that are known and where the community lies."""
    return join_checked(
        [
            check_sheet(arrival.sheet, match, profile, arrival.reading.name, names, extent)
            for match in arrival.matches
        ]
    )


def begin_writing(
    arrival: Arrival, ahead: ThreadPoolExecutor, most: int = STRETCHES_AHEAD
) -> Ahead:
    """Have what the sheet says written on the other core: which rows come in shows only later.

    Only so much of it (`most` stretches) as memory has room for, if none of it should be wanted.
    """
    begun: Ahead = {}
    for number, match in enumerate(arrival.matches):
        for stretch in plan_stretches(arrival.sheet, match)[: most - len(begun)]:
            written = ahead.submit(write_stretch, arrival.sheet, match, stretch)
            begun[number, stretch.start] = written
    return begun


@dataclass(frozen=True)
class Early:
    """What was checked and begun early, and what was known then; by default nothing."""

    names: Mapping[str, Names] = field(default_factory=dict)
    extent: Extent | None = None
    checked: dict[tuple[int, str], Checked] = field(default_factory=dict)
    begun: dict[tuple[int, str], Ahead] = field(default_factory=dict)

    @classmethod
    def check(
        cls,
        writer: Writer,
        profile: Profile,
        readings: list[Reading],
        ahead: ThreadPoolExecutor,
        progress: Progress,
    ) -> Early:
        """Check every sheet by what the store knows now, and begin to write out the first rows."""
        early = cls(read_names(writer, profile), find_extent(writer))
        if not early.names["compounds"].identifiers():
            return early  # the register is still to come, and with it everything is known anew
        for arrival in list_arrivals(readings):
            progress(0.5, f"核对《{arrival.reading.name}》")
            room = STRETCHES_AHEAD - sum(map(len, early.begun.values()))
            if room > 0:
                early.begun[arrival.key] = begin_writing(arrival, ahead, room)
            early.checked[arrival.key] = check_arrival(arrival, profile, early.names, early.extent)
        return early

    def find_checked(
        self, arrival: Arrival, names: Mapping[str, Names], extent: Extent | None
    ) -> Checked | None:
        """What was checked early, where it would come out the same by what is known by now.

        It is the caller's own, to be changed; None where it has to be checked now.
        """
        checked = self.checked.get(arrival.key)
        if checked is None or extent != self.extent:
            return None
        is_same = all(names[table].knows_same(self.names[table]) for table in names)
        return checked.copy() if is_same else None

    def find_begun(self, arrival: Arrival) -> Ahead:
        """What of an arrival is being written out since before the turn; empty for nothing."""
        return self.begun.get(arrival.key, {})

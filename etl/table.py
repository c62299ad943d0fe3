"""Column and Table: the classes in which the contract is written; frozen, no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

Kind = type[str] | type[int] | type[float] | type[bool] | type[date] | type[datetime]

EARLIEST = date(1900, 1, 1)
LATEST = date(2100, 1, 1)
LONGEST_TEXT = 4000


@dataclass(frozen=True)
class Value:
    """One allowed value of a column: what is stored, what a person reads, how sheets spell it."""

    code: str
    label: str = ""
    aliases: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What a person reads."""
        return self.label or self.code

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way of writing this value that a sheet may use."""
        return (self.code, self.text, *self.aliases)


@dataclass(frozen=True)
class Column:
    """One column, said once: how sheets head it, what it may hold, how it is stored.

    Parameters
    ----------
    name, kind
        Name in the store, and the Python type of a cell: str, int, float, bool, date, datetime.
    label, aliases, unit
        The header in templates, other headers that sheets use for it, the unit of the figures.
    low, high
        Inclusive bounds for numbers; for dates and times, inclusive dates.
    values
        The allowed values; empty means free. `values_from` names the list of the community's
        profile that holds them instead (for example `categories`).
    required
        A row whose cell here is empty or wrong goes to quarantine. For every other column a wrong
        cell is left empty and named as an issue, and the row is kept.
    refers_to
        The table whose id is meant. Sheets write its name, an alias or the id.
    is_personal
        Names, phones, id numbers: counted and thrown away when read, never stored.
    is_free_text
        Sentences by people: scanned, and personal information in them masked, when read.
    is_name
        The name of a place, an organization or an event, by which other sheets refer to it; a
        person's name in it stays.
    lonlat
        The cell holds 'lon,lat' and fills the two columns named so.
    canonical
        The form into which spellings are brought: 'building' makes 三号楼, 3幢 and 3# into 3栋.
    is_derived
        Worked out by the pipeline; no sheet holds it.
    """

    name: str
    kind: Kind
    label: str
    aliases: tuple[str, ...] = ()
    unit: str = ""
    low: float | date | None = None
    high: float | date | None = None
    values: tuple[Value, ...] = ()
    values_from: str = ""
    required: bool = False
    refers_to: str = ""
    is_personal: bool = False
    is_free_text: bool = False
    is_name: bool = False
    lonlat: bool = False
    canonical: str = ""
    is_derived: bool = False
    example: str | int | float | bool | date | datetime | None = None
    note: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether the store has this column at all."""
        return not (self.is_personal or self.lonlat)

    @property
    def bounds(self) -> tuple[float | date | None, float | date | None]:
        """Inclusive bounds; dates are always bounded, so that 0200-01-05 is never believed."""
        if self.kind in (date, datetime):
            return self.low or EARLIEST, self.high or LATEST
        return self.low, self.high

    @property
    def headers(self) -> tuple[str, ...]:
        """Every header under which a sheet may keep this column."""
        return (self.label, *self.aliases, self.name)


@dataclass(frozen=True)
class Table:
    """One table of the contract.

    Parameters
    ----------
    name, label, aliases
        Name in the store, Chinese name, and words by which sheet and file names tell it.
    key
        The columns that tell one row from another. They are never empty.
    identity
        Where sheets keep no id of their own, the id (the single key column) is made from these.
    keeps_repeats
        Rows alike in `identity` are different things (people), not one thing typed twice.
    fixed
        Columns that never change over a thing's life: a row of another file with the same key and
        another value here is another thing, numbered alike.
    numbered_yearly
        Every year's sheet counts its rows from one: the same number on another sheet, its `fixed`
        day in another year, is another thing and gets the year behind its number.
    later
        Pairs of date columns of which the first never lies before the second.
    at_most
        Pairs of counts of which the first is part of the second and never exceeds it.
    follows
        Dates that never lie before one of what the row refers to.
    contradictions
        Values that a date of the same row gives the lie.
    reconcile
        Sums that must agree with another table, compound by compound.
    must_be_here
        A row that names a compound nobody knows, and is not placed by coordinates or address
        either, goes to quarantine: it may belong to another community.
    """

    name: str
    label: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    keeps_repeats: bool = False
    fixed: tuple[str, ...] = ()
    numbered_yearly: bool = False
    later: tuple[tuple[str, str], ...] = ()
    at_most: tuple[tuple[str, str], ...] = ()
    follows: tuple[Follows, ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    reconcile: tuple[Reconcile, ...] = ()
    must_be_here: bool = False
    note: str = ""

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that reach the store."""
        return tuple(column for column in self.columns if column.is_stored)

    @property
    def asked(self) -> tuple[Column, ...]:
        """The columns that a sheet may hold."""
        return tuple(column for column in self.columns if not column.is_derived)

    @property
    def stated(self) -> tuple[Column, ...]:
        """The columns that are stored as the sheets state them."""
        return tuple(c for c in self.columns if c.is_stored and not c.is_derived)

    def with_rules(self, rules: Mapping[str, Mapping[str, Any]]) -> Table:
        """The same table with some columns' fields replaced, as a community's profile says."""
        columns = tuple(
            replace(column, **rules[column.name]) if column.name in rules else column
            for column in self.columns
        )
        return replace(self, columns=columns)


@dataclass(frozen=True)
class Follows:
    """A date that never lies before a date of what another column refers to.

    `column` is the date, `through` the column that refers, `after` the date over there.
    """

    column: str
    through: str
    after: str


@dataclass(frozen=True)
class Contradiction:
    """Values that cannot be true while a date is still to come on the newest day of the data.

    `column` holds one of `values` ('done'), and yet `date` (its end) lies ahead.
    """

    column: str
    values: tuple[str, ...]
    date: str


@dataclass(frozen=True)
class Reconcile:
    """A column whose sum per compound must equal a column of the register of compounds."""

    column: str
    against: str

"""One community's settings: names, codes, aliases, categories, datum; read from TOML, checked once."""

from __future__ import annotations

import fnmatch
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from etl.cells import fold
from etl.errors import ProfileError
from etl.table import Column, Table
from etl.tables import BY_NAME, TABLES
from geo.crs import Datum

T = TypeVar("T")

AUTO = "auto"
_DEFAULTS = Path(__file__).with_name("profile.toml")
_EXPECTATIONS = frozenset({"expected", "optional", "not_applicable"})
LEVELS = ("compound", "building", "road", "water", "community", "street", "district")


@dataclass(frozen=True)
class Category:
    """One kind of matter that residents complain of."""

    name: str
    aliases: tuple[str, ...] = ()
    due_days: int = 15


@dataclass(frozen=True)
class Source:
    """What is known beforehand of files whose name fits a pattern."""

    pattern: str
    table: str = ""
    datum: str = ""
    date_formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class BoundarySource:
    """Which layer of which boundary file holds what, and under which property names."""

    pattern: str
    level: str
    layer: str = ""
    id: str = ""
    name: str = "name"
    compound: str = ""
    datum: str = ""


@dataclass(frozen=True)
class Play:
    """One entry of the playbook: an action on one of the three paths, and when it fits."""

    path: str
    when: tuple[str, ...]
    action: str


@dataclass(frozen=True)
class Profile:
    """All that differs from one community to the next."""

    name: str
    datum: str
    rate_months: int
    aliases: Mapping[str, str]
    rules: Mapping[str, Mapping[str, Mapping[str, Any]]]
    columns: Mapping[str, Mapping[str, str]]
    published: Mapping[str, float]
    categories: tuple[Category, ...]
    expectations: Mapping[str, Mapping[str, str]]
    stand_ins: Mapping[str, tuple[tuple[str, ...], ...]]
    weights: Mapping[str, Mapping[str, float]]
    scales: Mapping[str, tuple[float, float]]
    playbook: tuple[Play, ...]
    sources: tuple[Source, ...]
    boundaries: tuple[BoundarySource, ...]
    text: str

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The contract as it holds for this community."""
        return tuple(table.with_rules(self.rules.get(table.name, {})) for table in TABLES)

    def table(self, name: str) -> Table:
        """One table of the contract as it holds for this community."""
        return next(table for table in self.tables if table.name == name)

    def source(self, file: str) -> Source:
        """What is known of a file by its name; an empty Source where nothing is."""
        for source in self.sources:
            if fnmatch.fnmatch(file.casefold(), source.pattern.casefold()):
                return source
        return Source(file)

    def spellings(self, column: Column) -> dict[str, str]:
        """Folded spelling to stored value; empty where the column takes anything."""
        if column.values_from == "categories":
            return {
                fold(word): category.name
                for category in reversed(self.categories)
                for word in (*category.aliases, category.name)
            }
        return {fold(word): value.code for value in column.values for word in value.spellings}


def load_profile(path: Path | None = None) -> Profile:
    """The profile in a file, or the defaults.

    Raises
    ------
    ProfileError
        Which file, which entry, what is wrong and what to do.
    """
    if path is None:
        return parse_profile("")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProfileError(f"设置文件《{path.name}》打不开。请检查文件名和权限。") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"设置文件《{path.name}》不是 UTF-8 文本。请另存为 UTF-8。") from error
    return parse_profile(text, path.name)


def parse_profile(text: str, file: str = "profile.toml") -> Profile:
    """The profile that a TOML text says, over the defaults, section by section."""
    try:
        own = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"设置文件《{file}》写法有误：{error}。请按 TOML 格式改正。") from error
    settings = tomllib.loads(_DEFAULTS.read_text(encoding="utf-8"))
    known = set(settings) | {"sources", "boundaries"}
    for key, value in own.items():
        if key not in known:
            raise ProfileError(
                f"设置文件《{file}》里的“{key}”不认识。可用的有：{'、'.join(sorted(known))}。"
            )
        if isinstance(value, dict) and isinstance(settings.get(key), dict):
            settings[key] = {**settings[key], **value}
        else:
            settings[key] = value
    try:
        profile = _build_profile(settings, text)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ProfileError(
            f"设置文件《{file}》里有一项的写法不对：{error}。请对照默认设置改正。"
        ) from error
    _check_profile(profile, file)
    return profile


def _build_profile(settings: dict[str, Any], text: str) -> Profile:
    return Profile(
        name=str(settings["name"]),
        datum=settings["datum"],
        rate_months=int(settings["rate_months"]),
        aliases={fold(k): str(v) for k, v in settings["aliases"].items()},
        rules=settings["rules"],
        columns={
            table: {fold(header): column for header, column in columns.items()}
            for table, columns in settings["columns"].items()
        },
        published={key: float(value) for key, value in settings["published"].items()},
        categories=tuple(_build(Category, entry) for entry in settings["categories"]),
        expectations=settings["expectations"],
        stand_ins={
            kind: tuple(tuple(group) for group in groups)
            for kind, groups in settings["stand_ins"].items()
        },
        weights=settings["weights"],
        scales={
            part: (float(low), float(high)) for part, (low, high) in settings["scales"].items()
        },
        playbook=tuple(_build(Play, entry) for entry in settings["playbook"]),
        sources=tuple(_build(Source, entry) for entry in settings.get("sources", [])),
        boundaries=tuple(_build(BoundarySource, e) for e in settings.get("boundaries", [])),
        text=text,
    )


def _build(kind: type[T], entry: Mapping[str, Any]) -> T:
    """A settings class from a TOML entry, lists as tuples."""
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()})


def _check_profile(profile: Profile, file: str) -> None:
    """Everything a profile names must exist."""

    def refuse(where: str, what: object, allowed: object) -> None:
        raise ProfileError(f"设置文件《{file}》的 {where} 里“{what}”不认识，可用的有：{allowed}。")

    datums = [*Datum, AUTO]
    stated = {"datum": [profile.datum]}
    stated["sources"] = [source.datum for source in profile.sources if source.datum]
    stated["boundaries"] = [source.datum for source in profile.boundaries if source.datum]
    for where, found in stated.items():
        for datum in found:
            if datum not in datums:
                refuse(where, datum, "、".join(datums))
    for source in profile.sources:
        if source.table and source.table not in BY_NAME:
            refuse("sources", source.table, "、".join(BY_NAME))
    for boundary in profile.boundaries:
        if boundary.level not in LEVELS:
            refuse("boundaries", boundary.level, "、".join(LEVELS))
    _check_columns(profile, refuse)
    for kind, expected in profile.expectations.items():
        for organization, expectation in expected.items():
            if expectation not in _EXPECTATIONS:
                refuse(f"expectations.{kind}.{organization}", expectation, "、".join(_EXPECTATIONS))
    if not profile.categories:
        raise ProfileError(f"设置文件《{file}》的 categories 是空的，至少要有一个类别。")
    if profile.rate_months < 1:
        raise ProfileError(f"设置文件《{file}》的 rate_months 应是 1 以上的整数。")


def _check_columns(profile: Profile, refuse: Any) -> None:
    """Tables, columns and fields named under `rules` and `columns`."""
    allowed_fields = {f.name for f in fields(Column)} - {"name", "kind"}
    for name, rules in profile.rules.items():
        table = BY_NAME.get(name) or refuse("rules", name, "、".join(BY_NAME))
        for column, changes in rules.items():
            if column not in {c.name for c in table.columns}:
                refuse(f"rules.{name}", column, "、".join(c.name for c in table.columns))
            for change in set(changes) - allowed_fields:
                refuse(f"rules.{name}.{column}", change, "、".join(sorted(allowed_fields)))
    for name, columns in profile.columns.items():
        table = BY_NAME.get(name) or refuse("columns", name, "、".join(BY_NAME))
        for column in columns.values():
            if column and column not in {c.name for c in table.columns}:
                refuse(f"columns.{name}", column, "、".join(c.name for c in table.columns))

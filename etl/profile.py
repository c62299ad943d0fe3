"""One community's settings: names, aliases, categories, datum; read from TOML, checked once."""

from __future__ import annotations

import fnmatch
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import (
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass

from etl.cells import fold
from etl.errors import ProfileError
from etl.table import Column, Table
from etl.tables import BY_NAME, TABLES
from etl.tables.complaints import URGENCIES
from etl.tables.governance import PATHS
from etl.tables.organizations import KINDS
from etl.tables.places import TYPES
from geo.crs import Datum

AUTO = "auto"
# Which days are off besides weekends: the public holidays of mainland China, or none.
CHINA, WEEKENDS = "china", "none"
LEVELS = ("compound", "building", "road", "water", "community", "street", "district")
# What a playbook may wait for, besides gap:KIND and category:NAME.
REASONS = frozenset(
    {
        "high_rate",
        "worsening",
        "overdue",
        "open_needs",
        "no_core_residents",
        "few_core_residents",
        "no_response",
        "inactive",
        "term_over",
    }
)
_DEFAULTS = Path(__file__).with_name("profile.toml")
_EXPECTATIONS = ("expected", "optional", "not_applicable")
_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
_PROBLEMS = {
    "missing": "缺这一项",
    "unexpected_keyword_argument": "不认识这一项",
    "extra_forbidden": "不认识这一项",
    "string_type": "应是加引号的文字",
    "int_type": "应是整数",
    "int_from_float": "应是整数",
    "float_type": "应是数字",
    "bool_type": "应是 true 或 false",
    "tuple_type": "应是方括号里的一列",
    "too_short": "太短",
    "string_too_short": "不能是空的",
    "greater_than_equal": "太小",
    "less_than_equal": "太大",
    "dict_type": "应是一节设置",
    "mapping_type": "应是一节设置",
    "dataclass_type": "应是一节设置",
}

Text = Annotated[StrictStr, Field(min_length=1)]
Texts = tuple[StrictStr, ...]
Number = StrictInt | StrictFloat
Days = Annotated[StrictInt, Field(ge=1, le=3650)]
Weight = Annotated[Number, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class Category:
    """One kind of matter that residents complain of."""

    name: Text
    aliases: Texts = ()
    due_days: Days = 15  # working days


@dataclass(frozen=True, config=_STRICT)
class Source:
    """What is known beforehand of files whose name fits a pattern."""

    pattern: StrictStr
    table: StrictStr = ""
    datum: StrictStr = ""
    date_formats: Texts = ()


@dataclass(frozen=True, config=_STRICT)
class BoundarySource:
    """Which layer of which boundary file holds what, and under which property names."""

    pattern: StrictStr
    level: StrictStr
    layer: StrictStr = ""
    id: StrictStr = ""
    name: StrictStr = "name"
    compound: StrictStr = ""
    datum: StrictStr = ""


@dataclass(frozen=True, config=_STRICT)
class Play:
    """One entry of the playbook: an action on one of the paths, and when it fits."""

    path: StrictStr
    when: Texts
    action: Text


@dataclass(frozen=True, config=_STRICT)
class Rule:
    """What differs of one column here."""

    label: StrictStr | None = None
    aliases: Texts | None = None
    unit: StrictStr | None = None
    low: Number | None = None
    high: Number | None = None
    required: StrictBool | None = None
    note: StrictStr | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that it changes."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, config=_STRICT)
class Profile:
    """All that differs from one community to the next."""

    name: Text
    datum: StrictStr
    rate_months: Annotated[StrictInt, Field(ge=1, le=120)]
    holidays: StrictStr
    repeat_days: Annotated[StrictInt, Field(ge=0, le=366)]
    due_days_at_most: dict[str, Days]
    coverage: dict[str, Days]
    aliases: dict[str, StrictStr]
    rules: dict[str, dict[str, Rule]]
    columns: dict[str, dict[str, StrictStr]]
    published: dict[str, Number]
    categories: Annotated[tuple[Category, ...], Field(min_length=1)]
    expectations: dict[str, dict[str, StrictStr]]
    stand_ins: dict[str, tuple[Texts, ...]]
    weights: dict[str, dict[str, Weight]]
    scales: dict[str, tuple[Number, Number]]
    playbook: tuple[Play, ...]
    sources: tuple[Source, ...] = ()
    boundaries: tuple[BoundarySource, ...] = ()
    text: str = ""
    # What people answered of sheets headed so (etl.questions); no file says it.
    heads: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """The contract as it holds for this community."""
        rules = {
            table: {column: rule.changes for column, rule in columns.items()}
            for table, columns in self.rules.items()
        }
        return tuple(table.with_rules(rules.get(table.name, {})) for table in TABLES)

    def table(self, name: str) -> Table:
        """One table of the contract as it holds for this community."""
        return next(table for table in self.tables if table.name == name)

    def source(self, file: str) -> Source:
        """What is known of a file by its name; an empty Source where nothing is."""
        for source in self.sources:
            if fnmatch.fnmatch(file.casefold(), source.pattern.casefold()):
                return source
        return Source(file)

    @cached_property
    def deadlines(self) -> dict[tuple[str, str], int]:
        """Working days allowed by category and urgency, '' where the sheet says none."""
        levels = ["", *(value.code for value in URGENCIES)]
        return {
            (category.name, level): min(
                category.due_days, self.due_days_at_most.get(level, category.due_days)
            )
            for category in self.categories
            for level in levels
        }

    def spellings(self, column: Column) -> dict[str, str]:
        """Folded spelling to stored value; empty where the column takes anything."""
        if column.values_from == "categories":
            known = {fold(c.name): c.name for c in self.categories}
            for category in self.categories:
                for word in category.aliases:
                    known.setdefault(fold(word), category.name)
            return known
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
    """The profile that a TOML text says, over the defaults, entry by entry."""
    try:
        own = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"设置文件《{file}》写法有误：{error}。请按 TOML 格式改正。") from error
    settings = _merge(tomllib.loads(_DEFAULTS.read_text(encoding="utf-8")), own)
    settings["text"] = text
    try:
        profile = TypeAdapter(Profile).validate_python(_fold_names(settings))
    except ValidationError as error:
        raise ProfileError(_describe(error, file)) from error
    _Check(profile, file).run()
    return profile


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Sections entry by entry, everything else as a whole."""
    merged = dict(below)
    for key, value in above.items():
        known = below.get(key)
        both = isinstance(value, dict) and isinstance(known, dict)
        merged[key] = _merge(known, value) if both and isinstance(known, dict) else value
    return merged


def _fold_names(settings: dict[str, Any]) -> dict[str, Any]:
    """Aliases and headers in the form in which they are looked up."""
    folded = dict(settings)
    if isinstance(settings["aliases"], dict):
        folded["aliases"] = {fold(k): v for k, v in settings["aliases"].items()}
    if isinstance(settings["columns"], dict):
        folded["columns"] = {
            table: {fold(k): v for k, v in heads.items()} if isinstance(heads, dict) else heads
            for table, heads in settings["columns"].items()
        }
    return folded


def _describe(error: ValidationError, file: str) -> str:
    """The first thing wrong, with its place."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part + 1 if isinstance(part, int) else part) for part in first["loc"])
    problem = _PROBLEMS.get(first["type"], "写法不对")
    return (
        f"设置文件《{file}》的 {place}：{problem}，写的是 {first['input']!r}。请对照默认设置改正。"
    )


class _Check:
    """Everything a profile names must exist."""

    def __init__(self, profile: Profile, file: str) -> None:
        self.profile = profile
        self.file = file
        self.types = {value.code for value in TYPES}
        self.kinds = {value.code for value in KINDS}
        self.categories = {category.name for category in profile.categories}
        self.defaults = tomllib.loads(_DEFAULTS.read_text(encoding="utf-8"))

    def run(self) -> None:
        """Raise ProfileError at the first name that does not exist."""
        self._check_sources()
        self._check_columns()
        self._check_expectations()
        self._check_targeting()
        self._allow("holidays", [self.profile.holidays], [CHINA, WEEKENDS])
        levels = [value.code for value in URGENCIES]
        self._allow("due_days_at_most", self.profile.due_days_at_most, levels)
        self._allow("coverage", self.profile.coverage, self.defaults["coverage"])
        self._allow("published", self.profile.published, self.defaults["published"])
        names = [category.name for category in self.profile.categories]
        for name in names:
            if names.count(name) > 1:
                raise ProfileError(f"设置文件《{self.file}》的 categories 里“{name}”写了两次。")

    def _allow(self, where: str, found: Any, allowed: Any) -> None:
        for name in found:
            if name not in allowed:
                self._refuse(where, name, allowed)

    def _refuse(self, where: str, what: object, allowed: Any) -> NoReturn:
        known = "、".join(map(str, allowed))
        raise ProfileError(
            f"设置文件《{self.file}》的 {where} 里“{what}”不认识，可用的有：{known}。"
        )

    def _check_sources(self) -> None:
        profile = self.profile
        self._allow("datum", [profile.datum], [*Datum, AUTO])
        self._allow("sources", [s.datum for s in profile.sources if s.datum], [*Datum, AUTO])
        self._allow("sources", [s.table for s in profile.sources if s.table], BY_NAME)
        # Shapes say nothing by which their datum could be found out.
        self._allow("boundaries", [b.datum for b in profile.boundaries if b.datum], list(Datum))
        self._allow("boundaries", [b.level for b in profile.boundaries], LEVELS)

    def _check_columns(self) -> None:
        self._allow("rules", self.profile.rules, BY_NAME)
        self._allow("columns", self.profile.columns, BY_NAME)
        for name, rules in self.profile.rules.items():
            self._allow(f"rules.{name}", rules, [c.name for c in BY_NAME[name].asked])
            for column, rule in rules.items():
                if {"low", "high"} & set(rule.changes) and BY_NAME[name][column].kind not in (
                    int,
                    float,
                ):
                    self._refuse(f"rules.{name}.{column}", "low/high", ["数字列的上下限"])
        for name, columns in self.profile.columns.items():
            known = [c.name for c in BY_NAME[name].asked]
            self._allow(f"columns.{name}", filter(None, columns.values()), known)

    def _check_expectations(self) -> None:
        self._allow("expectations", self.profile.expectations, self.types)
        self._allow("stand_ins", self.profile.stand_ins, self.types)
        for kind, expected in self.profile.expectations.items():
            self._allow(f"expectations.{kind}", expected, self.kinds)
            self._allow(f"expectations.{kind}", expected.values(), _EXPECTATIONS)
        for kind, groups in self.profile.stand_ins.items():
            for group in groups:
                self._allow(f"stand_ins.{kind}", group, self.kinds)

    def _check_targeting(self) -> None:
        self._allow("weights", self.profile.weights, self.defaults["weights"])
        for side, weights in self.profile.weights.items():
            self._allow(f"weights.{side}", weights, self.defaults["weights"][side])
        self._allow("scales", self.profile.scales, self.defaults["scales"])
        reasons = {*REASONS, *(f"gap:{k}" for k in self.kinds)}
        reasons |= {f"category:{name}" for name in self.categories}
        own = "category:" if "categories" in tomllib.loads(self.profile.text) else ""
        for play in self.profile.playbook:
            self._allow("playbook", [play.path], [value.code for value in PATHS])
            # Default plays may wait for categories that this community does not have.
            when = [w for w in play.when if not (own and w.startswith(own))]
            self._allow("playbook", when, reasons)

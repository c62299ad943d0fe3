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
from etl.tables.common import PARTIES
from etl.tables.complaints import URGENCIES
from etl.tables.governance import MATTER_LEVELS, PATHS
from etl.tables.organizations import KINDS, STAGES
from etl.tables.places import TYPES
from geo.crs import Datum
from geo.cultivation import CONDITIONS

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
Share = Annotated[Number, Field(ge=0, le=1)]


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
class Level:
    """One of the three levels of deliberation: working days, parties, and how it is done."""

    days: Days
    parties: Annotated[Texts, Field(min_length=1)]
    way: Text


@dataclass(frozen=True, config=_STRICT)
class Route:
    """To which level a matter goes when all the conditions given hold, and why."""

    name: Text
    level: StrictStr
    reason: Text
    days: Days | None = None
    categories: Texts = ()
    urgency: Texts = ()
    keywords: Texts = ()
    share_at_least: Share | None = None
    share_at_most: Share | None = None
    is_vote: StrictBool | None = None

    @property
    def has_condition(self) -> bool:
        """Whether it leaves any matter out."""
        shares = (self.share_at_least, self.share_at_most, self.is_vote)
        listed = self.categories or self.urgency or self.keywords
        return bool(listed) or any(value is not None for value in shares)


@dataclass(frozen=True, config=_STRICT)
class Vote:
    """Matters on which owners vote, under an item (1 to 9) of article 278 of the Civil Code."""

    item: Annotated[StrictInt, Field(ge=1, le=9)]
    keywords: Texts = ()
    categories: Texts = ()


@dataclass(frozen=True, config=_STRICT)
class Cultivation:
    """One rule of how residents' organizations grow: when it holds, the next step, and why."""

    when: Text
    step: Text
    why: Text
    stages: Texts = ()
    kinds: Texts = ()


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
class Capital:
    """What the residents' survey says of a compound: who agrees, and how few are too few."""

    agrees_from: Annotated[StrictInt, Field(ge=2, le=5)]
    # Fewer than five answers are never published: a neighbour might be known by them.
    fewest_answers: Annotated[StrictInt, Field(ge=5, le=1000)]


@dataclass(frozen=True, config=_STRICT)
class Privacy:
    """How few are too few to be told to those who must not see small counts."""

    fewest_cases: Annotated[StrictInt, Field(ge=3, le=100)]


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
    capital: Capital
    privacy: Privacy
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
    levels: dict[str, Level]
    routing: Annotated[tuple[Route, ...], Field(min_length=1)]
    votes: tuple[Vote, ...]
    needs: dict[str, Annotated[StrictInt, Field(ge=0, le=100_000)]]
    deliberation: dict[str, Days]
    cultivation: tuple[Cultivation, ...]
    committee: dict[str, Annotated[Number, Field(ge=0, le=100)]]
    briefing: dict[str, StrictStr]
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
        self._check_routing()
        self._check_people()
        self._allow("holidays", [self.profile.holidays], [CHINA, WEEKENDS])
        levels = [value.code for value in URGENCIES]
        self._allow("due_days_at_most", self.profile.due_days_at_most, levels)
        self._allow("coverage", self.profile.coverage, self.defaults["coverage"])
        self._allow("published", self.profile.published, self.defaults["published"])
        self._allow("briefing", self.profile.briefing, self.defaults["briefing"])
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

    def _check_routing(self) -> None:
        """Levels, urgencies, parties and categories exist, and every matter finds its rule."""
        levels = [value.code for value in MATTER_LEVELS]
        self._allow("levels", self.profile.levels, levels)
        for name, level in self.profile.levels.items():
            self._allow(f"levels.{name}.parties", level.parties, [p.code for p in PARTIES])
        self._allow("needs", self.profile.needs, self.defaults["needs"])
        self._allow("deliberation", self.profile.deliberation, self.defaults["deliberation"])
        names = [route.name for route in self.profile.routing]
        for place, route in enumerate(self.profile.routing, start=1):
            where = f"routing 第 {place} 条“{route.name}”"
            self._allow(where, [route.level], levels)
            self._allow(where, route.urgency, [value.code for value in URGENCIES])
            self._allow_categories("routing", where, route.categories)
            if names.count(route.name) > 1:
                raise ProfileError(f"设置文件《{self.file}》的 routing 里“{route.name}”写了两次。")
            low, high = route.share_at_least, route.share_at_most
            if low is not None and high is not None and low > high:
                raise ProfileError(
                    f"设置文件《{self.file}》的 {where}：share_at_least 大于 share_at_most，"
                    "没有议题会符合。请改正。"
                )
            if not route.has_condition and place < len(names):
                raise ProfileError(
                    f"设置文件《{self.file}》的 {where}没有条件，后面的各条永远用不上。"
                    "请加上条件，或移到最后。"
                )
        if self.profile.routing[-1].has_condition:
            raise ProfileError(
                f"设置文件《{self.file}》的 routing 最后一条应不设条件，否则有的议题没有去处。"
            )
        for place, vote in enumerate(self.profile.votes, start=1):
            where = f"votes 第 {place} 条"
            self._allow_categories("votes", where, vote.categories)
            if not (vote.keywords or vote.categories):
                raise ProfileError(
                    f"设置文件《{self.file}》的 {where}没有写 keywords 或 categories，请补上。"
                )

    def _allow_categories(self, section: str, where: str, named: Texts) -> None:
        """Categories exist; the default entries may name some that this community lacks."""
        own = tomllib.loads(self.profile.text)
        if section in own or "categories" not in own:
            self._allow(where, named, self.categories)

    def _check_people(self) -> None:
        self._allow("committee", self.profile.committee, self.defaults["committee"])
        for rule in self.profile.cultivation:
            self._allow("cultivation", [rule.when], CONDITIONS)
            self._allow("cultivation", rule.stages, [value.code for value in STAGES])
            self._allow("cultivation", rule.kinds, self.kinds)

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

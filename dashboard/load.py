"""Cached reads of what etl published, keyed by the store and its snapshot; nothing else reads."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from dashboard import access, settings
from dashboard.words import language, name_value, say
from etl.areas import find_level, keep_within
from etl.disclosure import EVERYTHING, Audience, disclose, disclose_shapes, find_audience
from etl.disclosure import may_read as is_for
from etl.errors import AccessError
from etl.lists import read_list as read_list

if TYPE_CHECKING:
    import geopandas as gpd

    from etl.export import About
    from etl.periods import Period
    from etl.profile import Profile
    from etl.questions import Answer, Choice, Question
    from etl.report import FileReport, Report
    from etl.store import Entry, Store

KEPT_BUILDS = 3
# What lies on the ground whatever the compounds, and how far around them it is drawn.
GROUND = ("district", "street", "community", "water", "road")
AROUND_DEGREES = 0.01
SHOWN_TABLES = 40
# The compound of a row that tells of all compounds together, to compare with.
TOGETHER = ""
# Links join compounds of one area with those of others.
UNDIVIDED = ("out_network_nodes", "out_network_links", "out_network_missing")
MARK_SECONDS = 0.05
Said = Sequence[tuple[str, str]]
_MARKS: dict[str, tuple[float, tuple[int, ...]]] = {}
FIRST_TABLES = (
    "out_compounds", "out_months", "out_totals", "out_capital", "out_actions", "out_coverage",
    "out_handbook", "out_hotspots", "out_geocodes", "out_targets",
)  # fmt: skip


@dataclass(frozen=True)
class Build:
    """A published state, as somebody may see it: which store, which snapshot, who reads, and where.

    `within` is the area that is looked at, as a path of `etl.areas`; '' is everything.
    """

    path: str
    snapshot: int | None
    audience: Audience
    within: str = ""

    @property
    def is_empty(self) -> bool:
        """Nothing to show yet: nothing was published, or everything was undone."""
        return self.snapshot is None or frame(self, "out_compounds").empty


def current_build() -> Build:
    """The newest published state, as this page's visitor may see it."""
    return build_for(access.current())


def look_at(build: Build, within: str) -> Build:
    """The same state, as it is in an area, or all of it ('')."""
    return replace(build, within=within)


def build_for(visitor: access.Visitor) -> Build:
    """The newest published state, as a visitor may see it. Raises AccessError for nobody known."""
    path = str(settings.store_path())
    return Build(path, _current_snapshot(), find_audience(visitor.account))


@st.cache_resource(show_spinner=False)
def open_store(path: str) -> Store:
    """The store in a folder, opened once for all visitors."""
    from etl.store import take_over

    return take_over(path)


def ask_mark(path: str) -> tuple[int, ...]:
    """What changes with every commit to a store; asked once where one run of a page asks often."""
    asked_at, mark = _MARKS.get(path, (0.0, ()))
    now = time.monotonic()
    if not mark or now - asked_at > MARK_SECONDS:
        mark = open_store(path).mark()
        _MARKS[path] = (now, mark)
    return mark


def _current_snapshot() -> int | None:
    entries = history()
    return entries[0].snapshot if entries else None


def read_ahead() -> None:
    """Read what the first page shows, so that the first visitor does not wait for it."""
    path = str(settings.store_path())
    build = Build(path, _current_snapshot(), EVERYTHING)
    if build.is_empty:
        return
    for table in FIRST_TABLES:
        frame(build, table)
    shapes_json(build, level=find_level(frame(build, "out_compounds"), ""))
    profile()


def frame(build: Build, table: str) -> pd.DataFrame:
    """A table of the published state; AccessError where it is not for whoever reads.

    Where the build looks at an area, what concerns other compounds, or no single one, is left out.
    """
    if build.within and table not in UNDIVIDED:
        return _lend(_narrow((*key_of(build), table), build, table))
    if build.audience == EVERYTHING:
        return _lend(_frame(build.path, build.snapshot, table))
    fewest = profile().privacy.fewest_cases
    audience = build.audience
    return _lend(
        _disclosed(build.path, build.snapshot, table, audience.role, audience.communities, fewest)
    )


def _lend(kept: pd.DataFrame) -> pd.DataFrame:
    """A frame of its own for whoever asks; what it holds is copied only where it is changed."""
    return kept.copy(deep=False)


@st.cache_resource(show_spinner=False, max_entries=KEPT_BUILDS * SHOWN_TABLES)
def _narrow(key: tuple[object, ...], _build: Build, table: str) -> pd.DataFrame:
    whole = look_at(_build, "")
    found = frame(whole, table)
    if "compound_id" not in found:
        return found
    if table == "out_compounds":
        return keep_within(found, _build.within)
    places = frame(_build, "out_compounds")["compound_id"]
    return found[found["compound_id"].isin([*places, TOGETHER])]


def key_of(build: Build) -> tuple[object, ...]:
    """By what to keep something made of frames that are lent to whoever reads this build."""
    fewest = None if build.audience == EVERYTHING else profile().privacy.fewest_cases
    audience = build.audience
    return (build.path, build.snapshot, audience.role, audience.communities, fewest, build.within)


def require_everything(build: Build) -> None:
    """Refuse whoever may not see every count of every community, for what is made of all of them."""
    if build.audience != EVERYTHING:
        raise AccessError(say("withheld.whole"))


def may_read(build: Build, *tables: str) -> bool:
    """Whether these tables are for whoever reads."""
    return all(is_for(build.audience, table) for table in tables)


# Kept as they are: `cache_data` would write every frame down and read it anew for every visitor.
@st.cache_resource(show_spinner=False, max_entries=KEPT_BUILDS * SHOWN_TABLES)
def _frame(path: str, snapshot: int | None, table: str) -> pd.DataFrame:
    return open_store(path).frame(table)


@st.cache_resource(show_spinner=False, max_entries=KEPT_BUILDS * SHOWN_TABLES)
def _disclosed(
    path: str, snapshot: int | None, table: str, role: str, communities: tuple[str, ...],
    fewest: int,
) -> pd.DataFrame:  # fmt: skip
    def fetch(name: str) -> pd.DataFrame:
        return _frame(path, snapshot, name)

    return disclose(Audience(role, communities), table, fetch, fewest)


def complaint_rows(
    build: Build,
    place: str = "",
    category: str = "",
    first: pd.Timestamp | None = None,
    last: pd.Timestamp | None = None,
    most: int = 200,
) -> pd.DataFrame:
    """Complaints behind a figure with file, sheet and row, the newest first; no text, no address.

    `first` and `last` are months, both inside; `total` says how many there are beyond `most`.
    """
    if build.audience != EVERYTHING:
        return _select_rows(frame(build, "core_complaints"), place, category, first, last, most)
    after = None if last is None else (last + pd.offsets.MonthBegin(1)).isoformat()
    begins = None if first is None else first.isoformat()
    return _lend(
        _complaint_rows(
            build.path, build.snapshot, place, build.within, category, begins, after, most
        )
    )


ROWS = ("complaint_id", "reported_at", "category", "status", "closed_at", "file", "sheet", "row")


def _select_rows(
    found: pd.DataFrame, place: str, category: str, first: pd.Timestamp | None,
    last: pd.Timestamp | None, most: int,
) -> pd.DataFrame:  # fmt: skip
    """The same from a table that was kept to what its reader may see."""
    for name, wanted in (("compound_id", place), ("category", category)):
        found = found[found[name] == wanted] if wanted else found
    if first is not None:
        found = found[found["reported_at"] >= first]
    if last is not None:
        found = found[found["reported_at"] < last + pd.offsets.MonthBegin(1)]
    ordered = found.sort_values(["reported_at", "complaint_id"], ascending=[False, True])
    return ordered[list(ROWS)].head(most).assign(total=len(found)).reset_index(drop=True)


@st.cache_resource(show_spinner=False, max_entries=SHOWN_TABLES)
def _complaint_rows(
    path: str, snapshot: int | None, place: str, within: str, category: str, first: str | None,
    after: str | None, most: int,
) -> pd.DataFrame:  # fmt: skip
    places: list[str] = []
    if within and not place:
        build = Build(path, snapshot, EVERYTHING, within)
        places = frame(build, "out_compounds")["compound_id"].tolist()
    return open_store(path).select(
        "complaint_rows", place=place, places=places, category=category, first=first, after=after,
        most=most,
    )  # fmt: skip


def about(build: Build, period: Period, table: str = "", more: Said = ()) -> About:
    """What a file of a choice has to say of itself, in this visitor's language."""
    from etl.exporting import about_choice

    store = open_store(build.path)
    told = about_choice(store, profile(), period.first, period.last, period.category, "")
    fewest = profile().privacy.fewest_cases if build.audience.is_suppressed else None
    return replace(
        told,
        category=name_value("category", period.category),
        files=told.files if may_read(build, "files") else (),
        fewest=fewest,
        table=table,
        more=tuple(more),
        words={name: say(f"file.{name}") for name in told.words},
        has_labels=language() == "zh",
    )


def sources(build: Build, place: str) -> pd.DataFrame:
    """Files and sheets that hold rows on a compound: table, file, sheet, row_count.

    Nothing for those who may not see which files there are.
    """
    if not may_read(build, "files"):
        return pd.DataFrame(columns=["table", "file", "sheet", "row_count"])
    return _lend(_sources(build.path, build.snapshot, place))


@st.cache_resource(show_spinner=False, max_entries=SHOWN_TABLES)
def _sources(path: str, snapshot: int | None, place: str) -> pd.DataFrame:
    return open_store(path).select("compound_sources", place=place)


def shapes(build: Build) -> gpd.GeoDataFrame:
    """The outlines that the map draws, of the communities that whoever reads may see."""
    found = _shapes(build.path, build.snapshot)
    return disclose_shapes(
        build.audience, found, lambda name: _frame(build.path, build.snapshot, name)
    )


@st.cache_resource(show_spinner=False, max_entries=KEPT_BUILDS)
def _shapes(path: str, snapshot: int | None) -> gpd.GeoDataFrame:
    return open_store(path).shapes()


def shapes_json(build: Build, within: str = "", level: str = "") -> bytes:
    """The outlines as the page fetches them: of an area or all, and of its parts if they are told.

    `within` is a path and `level` one of `etl.areas.LEVELS`, or '' for the compounds.
    """
    audience = build.audience
    return _shapes_json(
        build.path, build.snapshot, audience.role, audience.communities, within, level
    )


@st.cache_resource(show_spinner=False, max_entries=SHOWN_TABLES)
def _shapes_json(
    path: str, snapshot: int | None, role: str, communities: tuple[str, ...], within: str,
    level: str,
) -> bytes:  # fmt: skip
    from dashboard.map.shapes import write_areas, write_shapes

    build = Build(path, snapshot, Audience(role, communities))
    drawn, compounds = shapes(build), keep_within(frame(build, "out_compounds"), within)
    if within:
        drawn = _keep_near(drawn, compounds)
    outlines = write_areas(drawn, compounds, level) if level else write_shapes(drawn, compounds)
    return json.dumps(outlines, ensure_ascii=False, separators=(",", ":")).encode()


def _keep_near(drawn: gpd.GeoDataFrame, compounds: pd.DataFrame) -> gpd.GeoDataFrame:
    """Outlines of some compounds, and the ground around them."""
    places = compounds["compound_id"]
    is_own = drawn["compound_id"].isin(places)
    points = compounds[["lon", "lat"]].astype(float).dropna()
    if points.empty:
        return drawn[is_own]
    west, south = points.min() - AROUND_DEGREES
    east, north = points.max() + AROUND_DEGREES
    box = drawn.geometry.bounds
    is_near = (box["maxx"] > west) & (box["minx"] < east) & (box["maxy"] > south)
    is_near &= box["miny"] < north
    return drawn[is_own | (is_near & drawn["level"].isin(GROUND))]


def history() -> list[Entry]:
    """What was published when, the newest first."""
    path = str(settings.store_path())
    return list(_history(path, ask_mark(path)))


@st.cache_resource(show_spinner=False, max_entries=KEPT_BUILDS)
def _history(path: str, mark: tuple[int, ...]) -> list[Entry]:
    return open_store(path).history()


def profile() -> Profile:
    """The community's settings: the file this server was told, or what the store remembers."""
    path = settings.profile_path()
    if path is not None:
        changed = path.stat().st_mtime_ns if path.exists() else 0
        return _load_profile(str(path), changed)
    store = str(settings.store_path())
    return _parse_profile(_profile_text(store, ask_mark(store)))


@st.cache_resource(show_spinner=False, max_entries=KEPT_BUILDS)
def _profile_text(path: str, mark: tuple[int, ...]) -> str:
    return open_store(path).profile_text() or ""


@st.cache_resource(show_spinner=False, max_entries=KEPT_BUILDS)
def _load_profile(path: str, changed: int) -> Profile:
    from etl.profile import load_profile

    return load_profile(Path(path))


@st.cache_resource(show_spinner=False, max_entries=KEPT_BUILDS)
def _parse_profile(text: str) -> Profile:
    from etl.profile import parse_profile

    return parse_profile(text)


def refresh(
    paths: list[Path],
    *,
    dry_run: bool,
    who: str,
    answers: Sequence[Answer] = (),
    passwords: Mapping[str, str] | None = None,
    progress: Callable[[float, str], None] = lambda _share, _words: None,
) -> Report:
    """Check files, and publish them unless it is a dry run."""
    from etl.refresh import refresh as run

    access.require_update()
    told = profile() if settings.profile_path() else None
    store = open_store(str(settings.store_path()))
    try:
        return run(store, paths, told, dry_run, who, answers, passwords, progress)
    finally:
        _MARKS.clear()


def all_choices(question: Question, report: Report) -> list[Choice]:
    """Every answer that a question can have."""
    from etl.questions import all_choices as list_choices

    return list(list_choices(question, report, profile()))


def name_returned(name: str) -> str:
    """What the marked workbook of a file is called."""
    from etl.returned import name_returned as name_it

    return name_it(name, Path(name).suffix if name.lower().endswith(".xlsm") else ".xlsx")


def mark_file(path: Path, told: FileReport, password: str = "") -> bytes:
    """A file with what a look at it found, each bad cell marked."""
    from etl.returning import give_back

    given = give_back(path, told, profile(), password)
    return given[1] if given else path.read_bytes()


def undo(who: str) -> Entry:
    """Take back the newest refresh that still stands."""
    access.require_update()
    try:
        return open_store(str(settings.store_path())).undo(who)
    finally:
        _MARKS.clear()

"""Briefings written, issued and kept: what the page and `shequ brief` both use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboard.briefing.fonts import Fonts, choose_fonts
from dashboard.briefing.maps import Ground, Metric, draw_paper_map, read_ground
from dashboard.briefing.phrases import PagePhrases, speak_chinese
from dashboard.briefing.template import fill_template
from dashboard.briefing.tracing import write_trace
from dashboard.briefing.typeset import write_pdf
from dashboard.briefing.word import BULLETIN, OFFICIAL, write_docx
from dashboard.words import look_up
from etl.briefing.book import Figure, Scope
from etl.briefing.compose import (
    LONG,
    MAP,
    MAP_MM,
    SHORT,
    Briefing,
    add_correction,
    compose,
    list_changes,
    number_figures,
    read_words,
)
from etl.briefing.facts import Reader
from etl.briefing.issues import Issue, Issues, hash_words
from etl.briefing.trace import Query, trace_figure
from etl.errors import FileError

if TYPE_CHECKING:
    import geopandas as gpd

    from etl.profile import Profile
    from etl.store import Store

Progress = Callable[[float, str], None]
TRACE = "trace.xlsx"
# Each form: its layout, and how much it says.
FORMS = {BULLETIN: SHORT, OFFICIAL: LONG}
PER_HOUSEHOLDS = 1000.0
_UNFIT = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')
LONGEST_NAME = 40


def be_silent(_share: float, _words: str) -> None:
    """Says nothing of the progress."""


@dataclass(frozen=True)
class Source:
    """Where a briefing reads: the tables and shapes of a snapshot, and the store's own SELECT.

    `keep` has a snapshot kept whatever its age, since what is issued stands on it.
    """

    read: Reader
    read_shapes: Callable[[], gpd.GeoDataFrame]
    query: Query
    profile: Profile
    snapshot: int
    folder: Path
    keep: Callable[[int, str], None]


def open_source(store: Store, profile: Profile) -> Source | None:
    """The newest published state of a store; None while nothing was published."""
    snapshot = store.snapshot()
    if snapshot is None:
        return None
    kept: dict[str, pd.DataFrame] = {}

    def read(name: str) -> pd.DataFrame:
        if name not in kept:
            kept[name] = store.frame(name)
        return kept[name]

    return Source(read, store.shapes, store.query, profile, snapshot, store.path, store.keep_state)


@dataclass(frozen=True)
class Issued:
    """A briefing as it is handed out.

    `is_new` says whether it was issued just now, `differs` what the data say otherwise by now.
    """

    issue: Issue
    papers: dict[str, bytes]
    is_new: bool
    differs: list[str]


class Press:
    """Writes briefings of one published state; what they share is read once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.issues = Issues(source.folder)

    @cached_property
    def fonts(self) -> Fonts:
        """The fonts of papers and maps."""
        return choose_fonts()

    @cached_property
    def compounds(self) -> pd.DataFrame:
        """`out_compounds` by compound id."""
        table = self.source.read("out_compounds")
        return table.set_index("compound_id", drop=False).rename_axis(None)

    @cached_property
    def ground(self) -> Ground:
        """The outlines of the maps."""
        return read_ground(self.source.read_shapes(), self.compounds)

    def scope(self, month: date, compound_id: str = "") -> Scope:
        """What a briefing of this state is about."""
        return Scope(month.replace(day=1), self.source.snapshot, compound_id)

    def compose(self, scope: Scope, length: str = LONG, remarks: str = "") -> Briefing:
        """The content of a briefing."""
        source = self.source
        with speak_chinese():
            return compose(source.read, source.profile, scope, PagePhrases(), length, remarks)

    def measure_month(self, month: date) -> pd.DataFrame:
        """The compounds with `shown_count` and `shown_rate` (per 1,000 households) of a month."""
        months = self.source.read("out_months")
        own = months[pd.to_datetime(months["month"]) == pd.Timestamp(month)]
        counts = own.groupby("compound_id")["complaint_count"].sum()
        counts = counts.reindex(self.compounds.index).fillna(0).astype("int64")
        households = pd.to_numeric(self.compounds["households"], errors="coerce").astype(float)
        rates = PER_HOUSEHOLDS * counts / households.where(households > 0)
        return self.compounds.assign(shown_count=counts, shown_rate=rates)

    def draw(self, scope: Scope, wide_mm: float) -> dict[str, bytes]:
        """The pictures of a briefing by name; none where there is nothing to draw."""
        if self.ground.bounds is None:
            return {}
        table = self.measure_month(scope.month)
        # Where no households are known the counts themselves are shown.
        named = "count" if table["shown_rate"].isna().all() else "rate"
        label, unit = look_up(f"brief.metric.{named}", "zh"), look_up("unit.complaints", "zh")
        metric = Metric(f"shown_{named}", label, unit, int(named == "rate"))
        return {
            MAP: draw_paper_map(self.ground, table, metric, self.fonts, wide_mm, scope.compound_id)
        }

    def write(
        self, briefing: Briefing, layout: str, pictures: Mapping[str, bytes] | None = None
    ) -> dict[str, bytes]:
        """A briefing as DOCX and PDF, by the ending of the file's name."""
        if pictures is None:
            pictures = self.draw(briefing.scope, MAP_MM[LONG])
        marks = number_figures(briefing.figures) if briefing.length == LONG else None
        content = briefing.content
        with speak_chinese():
            return {
                "docx": write_docx(content, pictures, layout, marks),
                "pdf": write_pdf(content, pictures, self.fonts, layout, marks),
            }

    def issue(
        self, scope: Scope, remarks: str | None = None, who: str = "", *, correct: bool = False,
        forms: Sequence[str] = tuple(FORMS), progress: Progress = be_silent,
    ) -> Issued:  # fmt: skip
        """Issue a month, or hand out what was issued of it before, byte for byte.

        With `correct` a month that was issued gets a new issue if it would say anything else now;
        it begins with what changed. Without `remarks` those of the issue before stand.
        """
        former = self.issues.newest(scope)
        if remarks is None:
            # What people wrote stays as it was unless they write something else.
            remarks = former.remarks if former else ""
        briefing = self.compose(scope, LONG, remarks)
        fingerprint = hash_words(read_words(briefing.content))
        changes: list[str] = []
        if former is not None:
            is_same = former.fingerprint == fingerprint
            changes = [] if is_same else self._tell_changes(former, briefing)
            if is_same or not correct:
                return Issued(former, self.issues.read_papers(former), False, changes)
        number = self.issues.plan_number(scope)
        papers: dict[str, bytes] = {}
        pictures = self.draw(scope, MAP_MM[LONG])
        for at, layout in enumerate(forms):
            progress(at / (len(forms) + 1), look_up(f"brief.form.{layout}", "zh"))
            told = briefing if FORMS[layout] == LONG else self.compose(scope, SHORT, remarks)
            if former is not None:
                told = add_correction(told, former.number, changes)
            told = replace(told, content=self._number(told, number[0], layout))
            for ending, held in self.write(told, layout, pictures).items():
                papers[f"{name_paper(told, layout, number[2])}.{ending}"] = held
        template = self.source.profile.briefing["template"]
        if template and forms:
            told = replace(briefing, content=replace(briefing.content, number=number[0]))
            held = fill_template(Path(template).expanduser(), told, pictures)
            papers[f"{name_paper(briefing, 'template', number[2])}.docx"] = held
        progress(len(forms) / (len(forms) + 1), TRACE)
        papers[name_trace(briefing, number[2])] = self.trace(briefing.figures)
        self.source.keep(scope.snapshot, number[0])
        kept = self.issues.add(
            scope, number, fingerprint, remarks, changes, briefing.figures, papers, who
        )
        progress(1.0, kept.number)
        return Issued(kept, papers, True, [])

    def _tell_changes(self, former: Issue, briefing: Briefing) -> list[str]:
        figures = self.issues.read_figures(former)
        before = [(each.figure_id, each.label, each.text) for each in figures.values()]
        changes = list_changes(before, briefing.figures)
        return changes or [look_up("brief.words_changed", "zh")]

    def _number(self, briefing: Briefing, number: str, layout: str) -> Any:
        """The content with its number: an official document's is led by the office's own sign."""
        sign = self.source.profile.briefing["document"]
        if layout == OFFICIAL and sign:
            year, place = re.findall(r"\d+", number)[:2]
            number = look_up("brief.document_number", "zh", sign=sign, year=year, place=place)
        return replace(briefing.content, number=number)

    def trace(self, figures: Mapping[str, Figure]) -> bytes:
        """The workbook of the rows behind every figure."""
        return write_trace([trace_figure(each, self.source.query) for each in figures.values()])

    def list_compounds(self) -> list[str]:
        """The ids of all compounds, in the register's order."""
        return [str(at) for at in self.compounds.index]


def clean_name(text: str) -> str:
    """A text as the name of a file: without what file systems do not take, not too long."""
    return _UNFIT.sub("", text).strip(" .")[:LONGEST_NAME]


def name_paper(briefing: Briefing, layout: str, correction: int = 0) -> str:
    """The name of a paper's file, without its ending."""
    name = clean_name(briefing.content.title)
    more = look_up("brief.corrected", "zh", number=correction) if correction else ""
    form = look_up(f"brief.form.{layout}", "zh")
    return look_up("brief.file", "zh", name=name, form=form, more=more)


def find_paper(papers: Mapping[str, bytes], layout: str, ending: str) -> bytes | None:
    """The file of a form, by how its name is made; None where it was not written."""
    sign = look_up("brief.file", "zh", name="", form=look_up(f"brief.form.{layout}", "zh"), more="")
    return next((papers[n] for n in papers if sign in n and n.endswith(f".{ending}")), None)


def name_trace(briefing: Briefing, correction: int = 0) -> str:
    """The name of the workbook that traces a briefing's figures."""
    name = clean_name(briefing.content.title)
    more = look_up("brief.corrected", "zh", number=correction) if correction else ""
    return f"{name}{more}.{TRACE}"


def write_files(papers: Mapping[str, bytes], folder: Path) -> list[Path]:
    """Put files into a folder.

    Raises
    ------
    FileError
        The folder cannot be written, or one of the files is open in Word.
    """
    written = []
    for name, held in papers.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            if not path.exists() or path.read_bytes() != held:
                path.write_bytes(held)
            written.append(path)
        except PermissionError as error:
            raise FileError(look_up("brief.is_open", "zh", name=name)) from error
        except OSError as error:
            told = look_up("brief.no_folder", "zh", folder=folder, why=error.strerror)
            raise FileError(told) from error
    return written

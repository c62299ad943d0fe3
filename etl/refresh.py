"""The pipeline: read, match, check, place, compare, publish; all of it or nothing."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from etl.accounts import user_name
from etl.asking import ask_about_columns, ask_about_list, ask_about_names, ask_about_sheet
from etl.boundaries import Layer
from etl.check import ERROR, MADE_KEY, WARNING, Checked, Extent, Issue
from etl.early import Ahead, Arrival, Early, begin_writing, check_arrival, list_arrivals
from etl.errors import StoreAgainError
from etl.figures import publish_figures
from etl.formation import list_faults
from etl.ledger import Ledger
from etl.match import Match, NoMatch
from etl.names import Names
from etl.outlines import find_extent, land_layer, rename_compound, settle_outlines
from etl.place import bring_to_wgs84, place_complaints, read_names
from etl.privacy import mask_text
from etl.profile import Profile, parse_profile
from etl.questions import FULL, LIST, NAME, Answer, Answers, Choice, mark_list
from etl.raw import (
    RawRows,
    describe_cells,
    is_full,
    plan_stretches,
    write_stretch,
)
from etl.reading import (
    Finding,
    Progress,
    Reading,
    be_silent,
    choose_profile,
    list_files,
    list_links,
    read_files,
)
from etl.report import FileReport, Gone, Report, SheetReport, Total
from etl.returned import Marks
from etl.sheet import Sheet, address
from etl.store import Landed, Store, Writer, named_sql
from etl.table import Contradiction, Follows, Table
from etl.tables import TABLES
from etl.tables.records import ANSWERS

# How often a refresh of a shared store is begun anew, and the pauses before.
TRIES, PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 8, 0.5, 5.0
NAMED_PLACES = 8
NAMED_ROWS = 6
LISTED_GONE = 500
_ORDER = {table.name: position for position, table in enumerate(TABLES)}
# Sheets by which the names of other sheets are known.
_NAMING = frozenset({"compounds", "organizations", "matters"})
_TOTAL_LABELS = {
    "compounds": "小区数",
    "households": "总户数",
    "residents": "常住人口",
    "area_km2": "面积（平方公里）",
    "buildings": "楼栋数",
    "organizations": "组织数",
    "complaints": "投诉数",
    "complaints_unplaced": "没有落到小区的投诉",
    "quarantined": "未入库的行",
}
_PUBLISHED = frozenset({"compounds", "households", "residents", "area_km2"})


# The text of the settings that the store remembers, and what was answered.
Grounds = tuple[str | None, tuple[tuple[str, str, str], ...]]


@dataclass(frozen=True)
class Prepared:
    """What is done before a refresh has its turn, and the `grounds` on which it was done."""

    grounds: Grounds
    profile: Profile
    answers: Answers
    readings: list[Reading]
    early: Early


@dataclass
class SeenList:
    """The sheets of one list that came in: their first, the keys on them, and rows known before."""

    table: Table
    origin: tuple[str, str]
    report: SheetReport
    keys: list[pa.Array] = field(default_factory=list)
    shared: int = 0


def refresh(
    store: Store,
    paths: Sequence[Path],
    profile: Profile | None = None,
    dry_run: bool = False,
    who: str = "",
    answers: Sequence[Answer] = (),
    passwords: Mapping[str, str] | None = None,
    progress: Progress = be_silent,
) -> Report:
    """Bring files into the store: one transaction, one snapshot.

    Parameters
    ----------
    paths
        Spreadsheets, boundary files, a profile (.toml), or folders of these.
    profile
        The community's settings; without one, a .toml among the files, else the one with which
        the store was last refreshed, else the defaults.
    dry_run
        Say what would happen and change nothing.
    answers
        To what an earlier look asked; remembered when something is published.
    passwords
        By file name, for files that open with one only.
    progress
        Told now and then what is being done, and how far it is (0 to 1).

    Returns
    -------
    Report
        `snapshot` is None where nothing was published: nothing usable, or nothing new.
    """
    files, settings = list_files(paths)

    def prepare(ahead: ThreadPoolExecutor) -> Prepared:
        grounds = _read_grounds(store)
        chosen = choose_profile(profile, settings, store)
        known = Answers([*(Answer(*told) for told in store.answers()), *answers])
        answered = known.apply(chosen)
        readings = read_files(
            files, answered, passwords or {}, lambda share, words: progress(share / 2, words)
        )
        for reading in readings:
            # Two offices may both keep a 投诉.xlsx.
            reading.name = store.lake.prefix + reading.name.removeprefix(store.lake.prefix)
        early = Early()
        # Others may be waiting: what can be done before the turn is. A preview needs none.
        if store.lake.is_shared and not dry_run:
            with store.preview() as looking:
                early = Early.check(looking, answered, readings, ahead, progress)
        return Prepared(grounds, answered, known, readings, early)

    def take_turn() -> AbstractContextManager[Writer]:
        told = who or user_name()
        return store.preview(told) if dry_run else store.write(told)

    with ThreadPoolExecutor(1) as ahead:
        prepared: Prepared | None = None

        def run() -> Report:
            nonlocal prepared
            while True:
                prepared = prepared or prepare(ahead)
                with take_turn() as writer:
                    if _read_grounds(store) == prepared.grounds:
                        one = Refresh(writer, ahead, prepared, dry_run, progress)
                        return one.run(list(answers))
                prepared = None

        report = _run_again(run, TRIES if store.lake.is_shared else 1)
    links = [mask_text(path.name)[0] for path in list_links(paths)]
    report.warnings.extend(f"《{name}》是链接，没有读。请把文件本身放进来。" for name in links)
    return report


def _read_grounds(store: Store) -> Grounds:
    """By what files are read and sheets recognised: settings and answers."""
    return store.profile_text(), tuple(store.answers())


def _run_again(run: Callable[[], Report], tries: int) -> Report:
    """A whole refresh, once more where a server or another office got in its way."""
    for number in range(1, tries):
        try:
            return run()
        except StoreAgainError:
            time.sleep(
                min(number * PAUSE_SECONDS, LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1.5)
            )
    return run()


class Refresh:
    """One refresh inside its transaction."""

    def __init__(
        self,
        writer: Writer,
        ahead: ThreadPoolExecutor,
        prepared: Prepared,
        dry_run: bool,
        progress: Progress = be_silent,
    ) -> None:
        self.writer = writer
        self.ahead = ahead
        self.profile = prepared.profile
        self.answers = prepared.answers
        self.readings = prepared.readings
        self.early = prepared.early
        self.progress = progress
        self.report = Report(is_dry_run=dry_run)
        self.files = {
            id(r): FileReport(r.name, r.sha256, needs_password=r.needs_password)
            for r in self.readings
        }
        self.ledger = Ledger(writer)
        self.has_news = False
        self.matches: dict[tuple[str, str, str], Match] = {}
        self.lists: dict[str, SeenList] = {}
        self._names: dict[str, Names] | None = None
        self._extent: tuple[Extent | None] | None = None

    def run(self, new_answers: list[Answer]) -> Report:
        """Land what is good, keep what is not with its reasons, and publish both at once."""
        self.report.files = list(self.files.values())
        self.report.paths = [reading.path for reading in self.readings]
        before = self._read_totals()
        for reading in self.readings:
            self._report_unread(reading)
        self._land_everything()
        self._settle_lists()
        self._compare_with_register()
        self._compare_talks()
        self._find_contradictions()
        self._name_faults()
        self.has_news |= self.ledger.write()
        self.has_news |= self._remember_answers(new_answers)
        if self._has_new_profile():
            self.has_news = True
            self.writer.touch_everything()
        if self.has_news:
            self._publish()
        self.report.has_news = self.has_news
        asked = {
            (question.kind, question.key): question for question in self.report.questions[::-1]
        }
        self.report.questions = list(asked.values())[::-1]
        self._compare_totals(before)
        self._collect_marks()
        self._list_compounds()
        self.progress(1.0, "完成")
        return self.report

    # -- landing ---------------------------------------------------------------------------

    def _land_everything(self) -> None:
        """Shapes, then registers, then what refers to them, whichever file they came in."""
        for reading in self.readings:
            for layer in reading.layers:
                self._land_layer(reading, layer)
        arrivals = sorted(
            list_arrivals(self.readings), key=lambda arrival: _ORDER[arrival.table.name]
        )
        registers = [a for a in arrivals if a.table.name == "compounds"]
        for arrival in registers:
            self._land(arrival)
        # What refers to a compound is read only when register and boundaries agree on its id.
        if registers or any(reading.layers for reading in self.readings):
            settle_outlines(self.writer, self.profile)
            self._names = self._extent = None
        rest = arrivals[len(registers) :]
        for name in dict.fromkeys(arrival.table.name for arrival in rest):
            alike = [arrival for arrival in rest if arrival.table.name == name]
            if name in _NAMING:
                for arrival in alike:
                    self._land(arrival)
            else:
                self._land_together(alike)

    def _land_together(self, arrivals: list[Arrival]) -> None:
        """Land sheets of one table; of a row that stands on several, the last one is what counts."""
        ahead = self._write_ahead(arrivals[0]) if len(arrivals) == 1 else None
        checked = [self._check(arrival) for arrival in arrivals]
        for number, arrival in enumerate(arrivals):
            later = [
                _sign_rows(checked[place])
                for place in range(number + 1, len(arrivals))
                # What only the earlier sheet says must not be lost.
                if _stated(arrival) <= _stated(arrivals[place])
            ]
            again = _find_again(checked[number], later)
            self._land(arrival, checked[number], again, ahead)

    def _write_ahead(self, arrival: Arrival) -> Ahead:
        return self.early.find_begun(arrival) or begin_writing(arrival, self.ahead)

    def _report_unread(self, reading: Reading) -> None:
        """One sentence for each file and sheet in which no table was found."""
        self.report.warnings.extend(reading.notes)
        if reading.problem:
            self._report(Issue(reading.name, "", "", "", "", reading.problem, ERROR))
            return
        is_any_found = any(isinstance(found, list) for _, found in reading.sheets)
        for sheet, found in reading.sheets:
            if isinstance(found, list):
                self._say_hidden(reading, sheet)
            elif sheet.height:
                self.files[id(reading)].sheets.append(SheetReport(sheet.name))
                self._report_no_match(reading, sheet, found, is_any_found)

    def _report_no_match(
        self, reading: Reading, sheet: Sheet, found: NoMatch, is_any_found: bool
    ) -> None:
        if found.is_set_aside:
            self.report.warnings.append(
                f"《{reading.name}》的工作表“{sheet.name}”按您的回答没有读。"
            )
            return
        severity = WARNING if is_any_found and not found.missing else ERROR
        problem = _describe_no_match(reading.name, sheet, found)
        where = f"A{found.header_row or 1}"
        self._report(Issue(reading.name, sheet.name, where, "", "", problem, severity))
        self.report.questions += ask_about_sheet(reading.name, sheet, found, self.profile)

    def _say_hidden(self, reading: Reading, sheet: Sheet) -> None:
        where = f"《{reading.name}》的工作表“{sheet.name}”"
        if sheet.is_hidden:
            self.report.warnings.append(f"{where}是隐藏的，也读了。")
        if sheet.hidden_rows:
            rows = sorted(row + 1 for row in sheet.hidden_rows)
            told = "、".join(map(str, rows[:NAMED_ROWS]))
            more = f"等 {len(rows)} 行" if len(rows) > NAMED_ROWS else "行"
            self.report.warnings.append(f"{where}有隐藏的行（第 {told} {more}），也读了。")

    def _land_layer(self, reading: Reading, layer: Layer) -> None:
        """Bring one layer of shapes in."""
        report = SheetReport(layer.name, "boundaries", layer.rows_read)
        report.rows_quarantined = len(layer.bad_rows)
        self.files[id(reading)].sheets.append(report)
        self.has_news |= land_layer(self.writer, self.profile, layer, reading.name, report)
        self.report.issues.extend(layer.issues)
        origin = (reading.name, layer.name)
        self.ledger.keep(origin, report, reading.sha256, layer.issues, layer.bad_rows, {}, {})

    def _land(
        self,
        arrival: Arrival,
        checked: Checked | None = None,
        again: pa.Array | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        """Check one sheet, bring its good rows in, keep the others with their reasons.

        `again` are keys of rows that a later sheet brings in; `ahead` is what was begun before.
        """
        ahead = ahead or self._write_ahead(arrival)
        checked = checked or self._check(arrival)
        if checked.table.name == "compounds":
            self._fill_community(checked)
            self._adopt_ids(checked)
        if checked.table.numbered_yearly:
            self._tell_years_apart(checked, arrival)
        landed = self.writer.land(
            checked.table, checked.to_arrow(), _stated(arrival), arrival.origin, self.profile, again
        )
        self._refuse_conflicts(checked, landed, arrival)
        gone = self._settle_gone(checked, landed, arrival)
        self._set_apart(checked, landed, arrival)
        report = self._count(arrival, checked, landed, gone)
        self._note_list(arrival, checked, landed, report)
        self._keep(arrival, checked, landed, report, ahead)
        self.report.changes += landed.changes
        self.report.changed_cells += landed.changed_cells
        self.has_news |= len(landed.written) > 0
        if checked.table.name in _NAMING:
            self._names = None

    def _say_progress(self, arrival: Arrival) -> tuple[float, str]:
        done = len(self.report.sheets) / max(1, sum(len(r.sheets) for r in self.readings))
        return 0.5 + 0.3 * min(done, 1.0), f"核对《{arrival.reading.name}》"

    def _check(self, arrival: Arrival) -> Checked:
        self.progress(*self._say_progress(arrival))
        if self._names is None:
            self._names = read_names(self.writer, self.profile)
        if self._extent is None:
            self._extent = (find_extent(self.writer),)
        file = arrival.reading.name
        checked = self.early.find_checked(arrival, self._names, self._extent[0])
        if checked is None:
            checked = check_arrival(arrival, self.profile, self._names, self._extent[0])
        source = self.profile.source(file)
        mark = mark_list(arrival.table.name, *arrival.origin)
        said = bring_to_wgs84(checked, source.datum or self.profile.datum, mark, self.writer)
        if said:
            self.report.warnings.append(f"《{file}》的工作表“{arrival.sheet.name}”：{said}")
        for match in arrival.matches:
            self.report.questions += ask_about_columns(file, arrival.sheet, match)
        self.report.questions += ask_about_names(file, arrival.sheet, checked, self._names)
        return checked

    def _count(self, arrival: Arrival, checked: Checked, landed: Landed, gone: int) -> SheetReport:
        report = SheetReport(
            arrival.sheet.name,
            checked.table.name,
            checked.rows_read,
            len(landed.new),
            len(landed.changed),
            landed.unchanged,
            len(checked.bad_rows),
            checked.recognised,
            gone,
            checked.masked,
            checked.unknown,
        )
        self.files[id(arrival.reading)].sheets.append(report)
        return report

    def _keep(
        self,
        arrival: Arrival,
        checked: Checked,
        landed: Landed,
        report: SheetReport,
        ahead: Ahead,
    ) -> None:
        """Raw rows of what came in; quarantine, issues and the record of the sheet."""
        self.writer.drop_raw(checked.table, arrival.origin)
        bad_cells: dict[int, dict[str, str]] = {}
        for number, match in enumerate(arrival.matches):
            self.matches[*arrival.origin, match.table.name] = match
            self._keep_raw(arrival, number, ahead, np.unique(landed.written))
            bad = _within(match, np.array(list(checked.bad_rows), dtype=np.int64))
            described = describe_cells(arrival.sheet, match, bad)
            for row, cells in zip(bad.tolist(), described, strict=True):
                _add_cells(bad_cells.setdefault(row, {}), cells)
        self.report.issues.extend(checked.issues)
        self.ledger.arrived(checked.table, checked.keys())
        self.ledger.keep(
            arrival.origin, report, arrival.reading.sha256,
            checked.issues, checked.bad_rows, bad_cells, checked.bad_keys,
        )  # fmt: skip

    def _keep_raw(self, arrival: Arrival, number: int, ahead: Ahead, numbers: np.ndarray) -> None:
        """What one of the sheet's tables says in the rows that came in."""
        match = arrival.matches[number]
        wanted = _within(match, numbers)
        held: list[RawRows] = []
        for stretch in plan_stretches(arrival.sheet, match):
            some = wanted[(wanted > stretch.start) & (wanted <= stretch.stop)]
            if not len(some):
                continue
            begun = ahead.get((number, stretch.start))
            rows = begun.result() if begun else write_stretch(arrival.sheet, match, stretch)
            held.append(rows.take(some))
            if is_full(held):
                self.writer.keep_raw(match.table, arrival.origin, held)
                held = []
        self.writer.keep_raw(match.table, arrival.origin, held)

    def _fill_community(self, checked: Checked) -> None:
        """Compounds of an office that looks after one community are that community's."""
        communities = self.writer.lake.communities
        if len(communities) == 1:
            stated = checked.rows.get("community", pa.nulls(len(checked.row_numbers), pa.string()))
            checked.rows["community"] = stated.fill_null(communities[0])

    def _adopt_ids(self, checked: Checked) -> None:
        """A compound that went by its name goes by the id that the register now gives it."""
        known = {key for (key,) in self.writer.rows("SELECT compound_id FROM lake.core_compounds")}
        known -= self.writer.foreign_compounds().keys()
        ids, names = (checked.rows[name].to_pylist() for name in ("compound_id", "name"))
        for new, name in zip(ids, names, strict=True):
            if name in known and new != name and new not in known:
                self.writer.execute(
                    "UPDATE lake.core_compounds SET compound_id = ? WHERE compound_id = ?",
                    [new, name],
                )
                rename_compound(self.writer, self.profile, str(name), str(new))
                self.has_news = True

    def _tell_years_apart(self, checked: Checked, arrival: Arrival) -> None:
        """Numbers that another sheet uses for another year get their own year behind them."""
        table = checked.table
        key, day = table.key[0], table.fixed[0]
        sql = (
            f"SELECT {key}, year({day}) FROM lake.core_{table.name} "
            f"WHERE {day} IS NOT NULL AND (file, sheet) <> (?, ?)"
        )
        taken = dict(self.writer.rows(sql, [*arrival.origin]))
        days = checked.rows[day].cast(pa.date32(), safe=False)
        pairs = zip(checked.rows[key].to_pylist(), pc.year(days).to_pylist(), strict=True)
        told = [
            f"{number}·{year}" if year and taken.get(number, year) != year else number
            for number, year in pairs
        ]
        checked.rows[key] = pa.array(told, pa.string())

    def _refuse_conflicts(self, checked: Checked, landed: Landed, arrival: Arrival) -> None:
        """Rows numbered like another file's, of another thing, go to quarantine."""
        if not landed.conflicts:
            return
        table = checked.table
        key = table[table.key[0]]
        fixed = "、".join(table[name].label for name in table.fixed)
        problem = (
            f"这个{key.label}在别的表里已用于另一件（{fixed}不同），"
            "可能是各表各自从头编号；请改成不重复的编号"
        )
        if self.writer.lake.office:
            problem = (
                f"这个{key.label}在别的表里或别的单位已用于另一件，"
                "可能是各自从头编号；请改成不重复的编号（例如前面加本社区的简称）"
            )
        place = arrival.matches[0].columns.get(key.name, [0])[0]
        keys = checked.rows[key.name].to_pylist()
        where_of = {written: place for place, written in enumerate(keys)}
        places = [where_of[written] for written in landed.conflicts]
        for at in places:
            row = int(checked.row_numbers[at])
            where = address(row - 1, place)
            issue = Issue(*arrival.origin, where, key.label, str(keys[at]), problem, ERROR)
            checked.issues.append(issue)
            checked.bad_rows.setdefault(row, []).append(f"{where}：{problem}")
        checked.drop(places)

    def _settle_gone(self, checked: Checked, landed: Landed, arrival: Arrival) -> int:
        """Rows that earlier readings of this list held and this one does not; how many go.

        Where ids were made from what a row says, a corrected row comes in under a new one, and
        the former row goes. What a full list no longer has goes when all its sheets are in.
        """
        table, origin = checked.table, arrival.origin
        twins: list[int] = []
        if checked.has_made_keys and landed.gone:
            made = self.writer.find_made(table, origin, landed.gone, MADE_KEY)
            twins = made if landed.is_same_list else self.writer.find_twins(table, origin)
        if twins:
            self.writer.forget(table, origin, twins)
            self.has_news = True
            self.report.warnings.append(
                f"《{origin[0]}》的工作表“{origin[1]}”：上次有、这次改过或没有的 {len(twins)} 行"
                "已按新表去掉或换成改过的。"
            )
        return len(twins)

    def _note_list(
        self, arrival: Arrival, checked: Checked, landed: Landed, report: SheetReport
    ) -> None:
        """Keep in mind what is on a list, refused rows included; it may have several sheets."""
        mark = mark_list(arrival.table.name, *arrival.origin)
        seen = self.lists.setdefault(mark, SeenList(arrival.table, arrival.origin, report))
        refused = [*checked.bad_keys.values(), *landed.conflicts]
        seen.keys += [checked.keys(), pa.array(refused, pa.string())]
        seen.shared += landed.unchanged + len(landed.changed)

    def _settle_lists(self) -> None:
        """What a full list no longer has goes; what may be one is asked about.

        Sheets that share no row with the earlier ones are no newer state of their list.
        """
        for mark, seen in self.lists.items():
            family = [
                (file, sheet)
                for file, sheet in self.writer.rows(
                    'SELECT DISTINCT file, sheet FROM lake.files WHERE "table" = ?',
                    [seen.table.name],
                )
                if mark_list(seen.table.name, file, sheet) == mark
            ]
            absent = self.writer.find_absent(seen.table, family, seen.keys) if family else []
            answer = self.answers.find(LIST, mark)
            if absent and answer == FULL:
                self._take_out(seen, absent)
            elif absent and answer is None and seen.shared:
                self.report.questions += ask_about_list(mark, seen.table, seen.origin, len(absent))

    def _take_out(self, seen: SeenList, absent: list[tuple[str, str, str, int]]) -> None:
        self.writer.forget_absent(seen.table)
        self.report.gone += [Gone(seen.table.name, *told) for told in absent[:LISTED_GONE]]
        seen.report.rows_gone += len(absent)
        self.has_news = True
        if seen.table.name == "compounds":
            names = "、".join(key for key, *_ in absent[:NAMED_PLACES])
            self.report.warnings.append(
                f"新的完整名单上没有的 {len(absent)} 个小区（{names}）已去掉；"
                "原来记在它们名下的投诉等仍留着，算作没有落到小区的，请核对。"
            )

    def _set_apart(self, checked: Checked, landed: Landed, arrival: Arrival) -> None:
        """Another list under the name of an earlier one must not take its records' place."""
        if landed.is_same_list or not self.writer.has_records(arrival.origin):
            return
        if landed.held == 0 and self._is_mended(arrival):
            return
        file, _ = arrival.origin
        stem, dot, suffix = file.rpartition(".")
        apart = f"{stem}（快照 {self.writer.snapshot} 之前）{dot}{suffix}"
        self.writer.relabel(arrival.origin, checked.table, apart)
        self.has_news = True

    def _is_mended(self, arrival: Arrival) -> bool:
        """Whether rows that are all in quarantine are on this sheet again, changed a little."""
        waiting = self.writer.rows(
            "SELECT row, cells FROM lake.quarantine "
            'WHERE file = ? AND sheet = ? AND snapshot < ? AND "table" = ?',
            [*arrival.origin, self.writer.snapshot, arrival.table.name],
        )
        alike = 0
        for match in arrival.matches:
            rows = {row: json.loads(cells) for row, cells in waiting if row <= arrival.sheet.height}
            numbers = _within(match, np.array(sorted(rows), dtype=np.int64))
            for row, now in zip(
                numbers.tolist(), describe_cells(arrival.sheet, match, numbers), strict=True
            ):
                same = sum(now.get(header) == text for header, text in rows[row].items())
                alike += same * 2 >= len(rows[row])
        return alike * 2 >= len(waiting)

    # -- comparing -------------------------------------------------------------------------

    def _compare_with_register(self) -> None:
        """Sums that other sheets give for a compound must be those of the register."""
        arrived = {sheet.table for sheet in self.report.sheets}
        for table in self.profile.tables:
            # Where neither side came, nothing can have come apart.
            for rule in table.reconcile if arrived & {table.name, "compounds"} else ():
                sql = _reconcile_sql(table.name, rule.column, rule.against)
                for name, file, sheet, row, found, stated in self.writer.rows(sql):
                    label = table[rule.column].label
                    problem = (
                        f"《{table.label}》里“{name}”的{label}合计是 {found}，"
                        f"小区台账写的是 {stated}，两边应一致，请核对"
                    )
                    match = self.matches.get((file, sheet, table.name))
                    place = match.columns.get(rule.column) if match else None
                    where = address(row - 1, place[0]) if place else f"第{row}行"
                    issue = Issue(file, sheet, where, label, str(found), problem, WARNING)
                    self._report(issue)
                    self.ledger.add_issue(issue)

    def _compare_talks(self) -> None:
        """Name meetings before their matters, closed matters reopened, and promises that cannot be."""
        arrived = {sheet.table for sheet in self.report.sheets}
        for table in self.profile.tables:
            for rule in table.follows:
                other = self.profile.table(table[rule.through].refers_to)
                if arrived & {table.name, other.name}:
                    self._compare_dates(table, rule, other)
        if "matters" in arrived:
            matters = self.profile.table("matters")
            for *place, status in self.writer.rows(named_sql("reopened_matters")):
                problem = (
                    f"这个议题上次登记的是“已办结”，现在又写成“{status}”，按重新打开处理、记入经过；"
                    "如果是写错了，请改回“已办结”"
                )
                self._point_at(matters, place, "status", status, problem)
        if "meetings" in arrived:
            meetings = self.profile.table("meetings")
            for *place, stated, reason in self.writer.rows(named_sql("promise_contradictions")):
                problem = f"兑现情况写的是“{stated}”，可是{reason}；统计按日期算，请核对"
                self._point_at(meetings, place, "promise_state", stated, problem)

    def _compare_dates(self, table: Table, rule: Follows, other: Table) -> None:
        early = other[rule.after].label
        for *place, found, after in self.writer.rows(_follows_sql(table, rule, other)):
            problem = (
                f"“{table[rule.column].label}”{found} 早于《{other.label}》里它的“{early}”{after}，"
                "请核对这两个日期"
            )
            self._point_at(table, place, rule.column, str(found), problem)

    def _point_at(
        self, table: Table, place: list[Any], column: str, value: str, problem: str
    ) -> None:
        """Name the cell of a column in a row (file, sheet, row) that is in the store already."""
        file, sheet, row = place
        match = self.matches.get((file, sheet, table.name))
        heads = match.columns.get(column) if match else None
        where = address(row - 1, heads[0]) if heads else f"第{row}行"
        issue = Issue(file, sheet, where, table[column].label, value, problem, WARNING)
        self._report(issue)
        self.ledger.add_issue(issue)

    def _find_contradictions(self) -> None:
        """What is said to be done cannot end after the newest day that the data tell of."""
        arrived = {name for _, _, name in self.matches}
        for table in self.profile.tables:
            for rule in table.contradictions if table.name in arrived else ():
                sql = _contradiction_sql(table.name, rule)
                for *place, value, day, newest in self.writer.rows(sql, [*rule.values]):
                    if (place[0], place[1], table.name) not in self.matches:
                        continue  # it was named when its own file came
                    label, named = table[rule.column].label, table[rule.date].label
                    problem = (
                        f"{label}写的是“{value}”，“{named}”（{day}）却在数据最新的一天"
                        f"（{newest}）之后，请核对状态和日期"
                    )
                    self._point_at(table, place, rule.column, str(value), problem)

    def _name_faults(self) -> None:
        """Name rows that do not go together, such as a vote held before it was announced."""
        if not {"committee_steps", "organizations"} & {s.table for s in self.report.sheets}:
            return
        for fault in list_faults(self.writer):
            # A sheet that is not read today was told of when it was.
            if (fault.file, fault.sheet, fault.table) in self.matches:
                place = [fault.file, fault.sheet, fault.row]
                table = self.profile.table(fault.table)
                self._point_at(table, place, fault.column, fault.value, fault.problem)

    def _report(self, issue: Issue) -> None:
        self.report.issues.append(issue)

    def _read_totals(self) -> dict[str, tuple[float | None, float | None]]:
        rows = self.writer.rows("SELECT name, value, published FROM lake.out_totals")
        return {name: (value, published) for name, value, published in rows}

    def _compare_totals(self, before: dict[str, tuple[float | None, float | None]]) -> None:
        """Totals before and after, and beside them what the office has published."""
        now = self._read_totals() if self.has_news else before
        for name, label in _TOTAL_LABELS.items():
            if name in now:
                value, published = now[name]
                was = before.get(name, (None, None))[0]
                self.report.totals.append(Total(name, label, was, value, published))
                if self.has_news and name in _PUBLISHED and published:
                    self._compare_with_published(label, value or 0, published)

    def _compare_with_published(self, label: str, value: float, published: float) -> None:
        if abs(value - published) > 0.005:
            self.report.warnings.append(
                f"{label}现在是 {value:g}，已公布的是 {published:g}，请核对。"
            )

    # -- publishing ------------------------------------------------------------------------

    def _publish(self) -> None:
        """Place, work out the figures, and have the transaction committed."""
        self.progress(0.8, "定位")
        place_complaints(self.writer)
        self.progress(0.9, "计算")
        publish_figures(self.writer, self._common_profile())
        self._name_unplaced()
        self._remember_profile()
        if self.report.is_dry_run:
            return
        self.report.snapshot = self.writer.snapshot
        read = [file for file in self.report.files if file.sheets]
        counts = ("new", "changed", "unchanged", "quarantined", "gone")
        self.writer.publish(
            {
                "files": [file.name for file in read],
                "hashes": [file.sha256 for file in read],
                **{f"rows_{what}": self.report.count(what) for what in counts},
                "changed_cells": self.report.changed_cells,
            }
        )

    def _name_unplaced(self) -> None:
        """Say which compounds have no place, and which lie outside the area."""
        if not any(sheet.table in ("compounds", "boundaries") for sheet in self.report.sheets):
            return
        for stem, words in (
            ("compounds_without_place", "没有边界也没有坐标，只出现在表格里"),
            ("compounds_outside", "的坐标落在所有区界、社区界之外，请核对"),
        ):
            names = [str(name) for (name,) in self.writer.rows(named_sql(stem))]
            if names:
                more = f"等 {len(names)} 个小区" if len(names) > NAMED_PLACES else ""
                self.report.warnings.append(f"{'、'.join(names[:NAMED_PLACES])}{more}{words}。")

    def _common_profile(self) -> Profile:
        """The settings by which figures are made: of a lake of many offices no single one's."""
        remembered = self.writer.setting("profile")
        return parse_profile(remembered) if self.writer.lake.office and remembered else self.profile

    def _has_new_profile(self) -> bool:
        """Whether other settings were given than those the figures were made with."""
        remembered = self.writer.setting("profile") or ""
        if self.writer.lake.office and remembered:
            return False
        has_data = any(reading.sheets or reading.layers for reading in self.readings)
        return (
            bool(self.profile.text)
            and self.profile.text != remembered
            and (has_data or bool(self.writer.rows("SELECT 1 FROM lake.files LIMIT 1")))
        )

    def _remember_profile(self) -> None:
        text = self._common_profile().text
        if text:
            self.writer.set_setting("profile", text)

    def _remember_answers(self, answers: list[Answer]) -> bool:
        """Keep answers for the next time; whether any is new."""
        known = {
            (k, q): a
            for k, q, a in self.writer.rows("SELECT kind, question, answer FROM lake.answers")
        }
        mark = self.writer.lake.mark
        fresh = {
            (a.kind, mark(a.key)): a.answer
            for a in answers
            if known.get((a.kind, mark(a.key))) != a.answer
        }
        for kind, key in fresh:
            self.writer.execute(
                "DELETE FROM lake.answers WHERE kind = ? AND question = ?", [kind, key]
            )
        told = [
            {
                "kind": kind,
                "question": key,
                "answer": answer,
                "who": self.writer.who,
                "answered_at": datetime.now(UTC).replace(microsecond=0, tzinfo=None),
                "snapshot": self.writer.snapshot,
            }
            for (kind, key), answer in fresh.items()
        ]
        self.writer.append(ANSWERS, pd.DataFrame(told, columns=[c.name for c in ANSWERS.columns]))
        return bool(fresh)

    def _list_compounds(self) -> None:
        """The compounds that an answer may name, where a name is asked about."""
        if any(question.kind == NAME for question in self.report.questions):
            names = read_names(self.writer, self.profile)["compounds"]
            self.report.compounds = [Choice(key, names.name_of(key)) for key in names.identifiers()]

    def _collect_marks(self) -> None:
        """What the returned workbook of each file shows, sheet by sheet."""
        for reading in self.readings:
            for sheet, found in reading.sheets:
                here = [
                    i for i in self.report.issues if (i.file, i.sheet) == (reading.name, sheet.name)
                ]
                self.files[id(reading)].marks += _mark_sheet(sheet, found, here)


def _mark_sheet(sheet: Sheet, found: Finding, issues: list[Issue]) -> list[Marks]:
    """What to show on one sheet: its issues once, and of each table where its columns are."""
    if isinstance(found, NoMatch):
        return [Marks(sheet.position, sheet.name, None, {}, 0, issues)]
    return [
        Marks(
            sheet.position,
            sheet.name,
            match.table,
            match.columns,
            match.first_row,
            issues if number == 0 else [],
        )
        for number, match in enumerate(found)
    ]


def _add_cells(known: dict[str, str], more: Mapping[str, str]) -> None:
    """Add the cells of a table beside another one, which may be headed the same."""
    for header, text in more.items():
        number = 1
        while (name := header if number == 1 else f"{header}（{number}）") in known:
            number += 1
        known[name] = text


def _within(match: Match, numbers: np.ndarray) -> np.ndarray:
    """Row numbers (from one) that lie under the header of one table, in order."""
    inside = numbers[numbers > match.first_row]
    return np.sort(inside if match.end_row is None else inside[inside <= match.end_row])


def _sign_rows(checked: Checked) -> pa.Array:
    """What tells the thing of each row: its key, and by day what is fixed about it."""
    days = [checked.rows[n].cast(pa.date32(), safe=False) for n in checked.table.fixed]
    parts = [day.cast(pa.string()).fill_null("") for day in days]
    return pc.binary_join_element_wise(checked.keys(), *parts, "|") if parts else checked.keys()


def _find_again(checked: Checked, later: list[pa.Array]) -> pa.Array | None:
    """The keys of rows of which a later sheet tells too."""
    if not later:
        return None
    is_again = pc.is_in(_sign_rows(checked), value_set=pa.concat_arrays(later))
    return checked.keys().filter(is_again)


def _stated(arrival: Arrival) -> frozenset[str]:
    """Columns on which a sheet has a say: those it heads, and what follows from them."""
    stated = set.intersection(*(set(match.columns) for match in arrival.matches))
    if "lonlat" in stated:
        stated |= {"lon", "lat"}
    if "lon" in stated:
        stated |= {"located_by"}
    if "compound_id" in stated:
        stated |= {"compound_by", "compound_certainty"}
    return frozenset(stated)


def _describe_no_match(file: str, sheet: Sheet, match: NoMatch) -> str:
    """Why no table was found on a sheet, and what to do."""
    where = f"《{file}》的工作表“{sheet.name}”"
    if match.nearest is None:
        said = "请回答它是哪一张表，或" if match.headers else "请"
        return f"{where}没有认得的表头，未读。{said}参照模板（shequ template）加上表头。"
    lacking = "、".join(f"“{label}”" for label in match.missing)
    return (
        f"{where}最像《{match.nearest.label}》，但表头里缺少{lacking}，未读。"
        "请在表头加上这些列，或说明哪一列就是它。"
    )


def _follows_sql(table: Table, rule: Follows, other: Table) -> str:
    """Rows dated before what they refer to: their place, their date and that of the other."""
    return (
        f"SELECT t.file, t.sheet, t.row, t.{rule.column}, o.{rule.after} "
        f"FROM lake.core_{table.name} t "
        f"JOIN lake.core_{other.name} o ON t.{rule.through} = o.{other.key[0]} "
        f"WHERE t.{rule.column} < o.{rule.after} ORDER BY t.file, t.sheet, t.row"
    )


def _contradiction_sql(table: str, rule: Contradiction) -> str:
    """Rows with one of some values and a date after the newest complaint or activity."""
    marks = ", ".join("?" for _ in rule.values)
    return (
        "WITH newest AS (SELECT greatest((SELECT max(reported_at)::DATE FROM lake.core_complaints), "
        "(SELECT max(held_on) FROM lake.core_activities)) AS day) "
        f"SELECT t.file, t.sheet, t.row, t.{rule.column}, t.{rule.date}, n.day "
        f"FROM lake.core_{table} t, newest n "
        f"WHERE t.{rule.column} IN ({marks}) AND t.{rule.date} > n.day ORDER BY ALL"
    )


def _reconcile_sql(table: str, column: str, against: str) -> str:
    """Compounds whose sum in a table differs from the register, with the first row of each."""
    return (
        f"SELECT c.name, arg_min(t.file, t.row), arg_min(t.sheet, t.row), min(t.row), "
        f"sum(t.{column})::BIGINT AS found, any_value(c.{against}) AS stated "
        f"FROM lake.core_{table} t JOIN lake.core_compounds c USING (compound_id) "
        f"GROUP BY c.compound_id, c.name "
        f"HAVING count(t.{column}) > 0 AND found <> stated ORDER BY c.name"
    )

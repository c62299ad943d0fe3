"""The pipeline: read, match, check, place, compare, publish; all of it or nothing."""

from __future__ import annotations

import getpass
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from etl import boundaries, workbook
from etl.boundaries import Layer
from etl.check import ERROR, WARNING, Checked, Issue, check_sheet, describe_cells
from etl.errors import FileError, ProfileError
from etl.figures import publish_figures
from etl.match import Match, NoMatch, find_table
from etl.names import Names
from etl.place import bring_to_wgs84, place_complaints, read_compounds, read_names
from etl.privacy import mask_text
from etl.profile import Profile, load_profile, parse_profile
from etl.report import FileReport, Report, SheetReport
from etl.store import Landed, Store, Writer, named_sql
from etl.tables import TABLES
from etl.tables.records import BOUNDARIES, FILES, ISSUES, QUARANTINE, RAW_ROWS
from etl.workbook import Sheet, address

PROFILE_SUFFIX = ".toml"
NAMED_PLACES = 8
_ORDER = {table.name: position for position, table in enumerate(TABLES)}


@dataclass
class Reading:
    """One file as read: its sheets or layers, or the sentence why it could not be."""

    path: Path
    sha256: str = ""
    sheets: list[tuple[Sheet, Match | NoMatch]] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    problem: str = ""

    @property
    def name(self) -> str:
        """The file's name, in which a person's name or telephone is masked too."""
        return mask_text(self.path.name)[0]


def refresh(
    store: Store,
    paths: Sequence[Path],
    profile: Profile | None = None,
    dry_run: bool = False,
    who: str = "",
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

    Returns
    -------
    Report
        `snapshot` is None where nothing was published: nothing usable, or nothing new.
    """
    files, settings = list_files(paths)
    profile = choose_profile(profile, settings, store)
    readings = [read_file(path, profile) for path in files]
    with store.write(who or user_name()) as writer:
        return Refresh(writer, profile, readings, dry_run).run()


def list_files(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Files of data, and profiles, out of files and folders with all that lies below them.

    In a folder, what is neither table nor boundary is passed over; a file named by itself is not.
    """
    data: list[Path] = []
    settings: list[Path] = []
    known = workbook.SUFFIXES | boundaries.SUFFIXES
    for path in paths:
        found = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        for file in found:
            suffix = file.suffix.lower()
            if suffix == PROFILE_SUFFIX:
                settings.append(file)
            elif not path.is_dir() or (suffix in known and not file.name.startswith((".", "~$"))):
                data.append(file)
    return list(dict.fromkeys(data)), settings


def choose_profile(profile: Profile | None, settings: list[Path], store: Store) -> Profile:
    """The profile that was given, lies among the files, or is remembered in the store."""
    if profile is not None:
        return profile
    if len(settings) > 1:
        names = "、".join(path.name for path in settings)
        raise ProfileError(f"放进了 {len(settings)} 个设置文件（{names}），一次只能用一个。")
    if settings:
        return load_profile(settings[0])
    remembered = store.profile_text()
    return parse_profile(remembered) if remembered else load_profile()


def read_file(path: Path, profile: Profile) -> Reading:
    """A file's sheets with the tables found on them, or its layers; problems as a sentence."""
    reading = Reading(path)
    try:
        reading.sha256 = hashlib.sha256(workbook.read_bytes(path)).hexdigest()
        if boundaries.is_boundary(path):
            reading.layers = boundaries.read_boundaries(path, profile)
        else:
            book = workbook.read_workbook(path)
            reading.sheets = [
                (sheet, find_table(sheet, path.name, profile)) for sheet in book.sheets
            ]
    except FileError as error:
        reading.problem = str(error)
    return reading


def user_name() -> str:
    """The name under which the person is signed in to the machine; '' where there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


class Refresh:
    """One refresh inside its transaction."""

    def __init__(
        self, writer: Writer, profile: Profile, readings: list[Reading], dry_run: bool
    ) -> None:
        self.writer = writer
        self.profile = profile
        self.readings = readings
        self.report = Report(is_dry_run=dry_run)
        self.files = {id(r): FileReport(r.name, r.sha256) for r in readings}
        self.has_news = False
        self.origins: list[tuple[str, str]] = []
        self.matches: dict[tuple[str, str], Match] = {}
        self.good_keys: dict[str, list[str]] = defaultdict(list)
        self.records: dict[str, list[pd.DataFrame]] = defaultdict(list)

    def run(self) -> Report:
        """Land what is good, keep what is not with its reasons, and publish both at once."""
        self.report.files = list(self.files.values())
        for reading in self.readings:
            self._report_unread(reading)
        for reading in self.readings:
            for layer in reading.layers:
                self._land_layer(reading, layer)
        sheets = list(self._sheets_in_order())
        registers = [item for item in sheets if item[2].table.name == "compounds"]
        for item in registers:
            self._land_sheet(*item)
        # What refers to a compound is read only when register and boundaries agree on its id.
        self._resolve_shapes()
        self._drop_former_shapes()
        for item in sheets[len(registers) :]:
            self._land_sheet(*item)
        self._compare_with_register()
        self._write_records()
        self._drop_mended()
        self.has_news |= self._has_new_profile()
        if self.has_news:
            self._publish()
        return self.report

    def _sheets_in_order(self) -> Iterator[tuple[Reading, Sheet, Match]]:
        """Registers before what refers to them, whichever file they came in."""
        found = [
            (reading, sheet, match)
            for reading in self.readings
            for sheet, match in reading.sheets
            if isinstance(match, Match)
        ]
        yield from sorted(found, key=lambda item: _ORDER[item[2].table.name])

    def _report_unread(self, reading: Reading) -> None:
        """One sentence for each file and sheet in which no table was found."""
        if reading.problem:
            self.report.issues.append(Issue(reading.name, "", "", "", "", reading.problem, ERROR))
            return
        is_any_found = any(isinstance(match, Match) for _, match in reading.sheets)
        for sheet, match in reading.sheets:
            if isinstance(match, NoMatch) and sheet.rows:
                severity = WARNING if is_any_found and not match.missing else ERROR
                problem = _describe_no_match(reading.name, sheet, match)
                where = f"A{match.header_row or 1}"
                self.report.issues.append(
                    Issue(reading.name, sheet.name, where, "", "", problem, severity)
                )
                self.files[id(reading)].sheets.append(SheetReport(sheet.name))

    def _land_layer(self, reading: Reading, layer: Layer) -> None:
        """Bring one layer of shapes in; a shape of the same level and id is replaced."""
        report = SheetReport(layer.name, "boundaries", layer.rows_read)
        self.files[id(reading)].sheets.append(report)
        report.rows_quarantined = len(layer.bad_rows)
        origin = (reading.name, layer.name)
        arriving = layer.shapes.assign(
            file=reading.name, sheet=layer.name, snapshot=self.writer.snapshot
        )
        level = arriving["level"].iloc[0] if len(arriving) else ""
        stored = self.writer.shapes("core_boundaries")
        stored = stored[stored["level"] == level].set_index("place_id")
        fates = [
            _fate(key, told, stored)
            for key, told in zip(arriving["place_id"], _tell(arriving), strict=True)
        ]
        report.rows_new = fates.count("new")
        report.rows_changed = fates.count("changed")
        report.rows_unchanged = fates.count("unchanged")
        fresh = arriving[np.array([fate != "unchanged" for fate in fates], dtype=bool)]
        self.writer.execute(
            "DELETE FROM lake.core_boundaries WHERE level = ? AND place_id IN "
            "(SELECT unnest(?::VARCHAR[]))",
            [level, list(fresh["place_id"])],
        )
        self.writer.append_shapes(BOUNDARIES, fresh.assign(compound_id=fresh["stated_compound"]))
        self._keep_record(origin, report, reading, layer.issues, layer.bad_rows, {}, {})
        self.has_news |= len(fresh) > 0

    def _land_sheet(self, reading: Reading, sheet: Sheet, match: Match) -> None:
        """Check one sheet, bring its good rows in, keep the others with their reasons."""
        names = read_names(self.writer, self.profile)
        checked = check_sheet(sheet, match, self.profile, reading.name, names)
        datum = self.profile.source(reading.name).datum or self.profile.datum
        said = bring_to_wgs84(checked, datum, self.writer)
        if said:
            self.report.warnings.append(f"《{reading.name}》的工作表“{sheet.name}”：{said}")
        origin = (reading.name, sheet.name)
        self.matches[origin] = match
        self._adopt_ids(checked)
        landed = self.writer.land(
            checked.table, checked.to_arrow(), _stated(match), origin, self.profile
        )
        self._refuse_conflicts(checked, landed, match, origin)
        self._settle_gone(checked, landed, match, origin)
        report = SheetReport(
            sheet.name,
            checked.table.name,
            checked.rows_read,
            len(landed.new),
            len(landed.changed),
            landed.unchanged,
            len(checked.bad_rows),
            checked.recognised,
            checked.masked,
            checked.unknown,
        )
        self.files[id(reading)].sheets.append(report)
        fresh = [*landed.new, *landed.changed]
        self._keep_raw(sheet, match, origin, fresh)
        bad_cells = dict(
            zip(checked.bad_rows, describe_cells(sheet, match, checked.bad_rows), strict=True)
        )
        self.good_keys[checked.table.name].extend(checked.good_keys())
        self._keep_record(
            origin, report, reading, checked.issues, checked.bad_rows, bad_cells, checked.bad_keys
        )
        self.has_news |= bool(fresh)
        if sheet.is_hidden:
            self.report.warnings.append(
                f"《{reading.name}》的工作表“{sheet.name}”是隐藏的，也读了。"
            )

    def _keep_raw(
        self, sheet: Sheet, match: Match, origin: tuple[str, str], rows: list[int]
    ) -> None:
        """What the sheet itself says in the rows that came in."""
        if not rows:
            return
        self.writer.execute(
            "DELETE FROM lake.raw_rows WHERE file = ? AND sheet = ? AND row IN "
            "(SELECT unnest(?::BIGINT[]))",
            [*origin, rows],
        )
        cells = [json.dumps(c, ensure_ascii=False) for c in describe_cells(sheet, match, rows)]
        self.writer.append(
            RAW_ROWS,
            pd.DataFrame(
                {
                    "table": match.table.name,
                    "file": origin[0],
                    "sheet": origin[1],
                    "row": rows,
                    "cells": cells,
                    "snapshot": self.writer.snapshot,
                }
            ),
        )

    def _adopt_ids(self, checked: Checked) -> None:
        """A compound that went by its name goes by the id that the register now gives it."""
        if checked.table.name != "compounds":
            return
        known = {key for (key,) in self.writer.rows("SELECT compound_id FROM lake.core_compounds")}
        ids, names = checked.rows["compound_id"], checked.rows["name"]
        for new, name in zip(ids, names, strict=True):
            if name in known and new != name and new not in known:
                self.writer.execute(
                    "UPDATE lake.core_compounds SET compound_id = ? WHERE compound_id = ?",
                    [new, name],
                )
                self._rename_compound(str(name), str(new))

    def _refuse_conflicts(
        self, checked: Checked, landed: Landed, match: Match, origin: tuple[str, str]
    ) -> None:
        """Rows numbered like another file's, of another thing, go to quarantine."""
        table, file = checked.table, origin[0]
        place = match.columns.get(table.key[0], [0])[0]
        fixed = "、".join(table[name].label for name in table.fixed)
        for row in landed.conflicts:
            where = address(row - 1, place)
            problem = (
                f"这个{table[table.key[0]].label}在别的文件里已用于另一件（{fixed}不同），"
                "可能是各表各自从头编号；请改成不重复的编号"
            )
            position = checked.row_numbers.index(row)
            value = str(checked.rows[table.key[0]][position])
            label = table[table.key[0]].label
            checked.issues.append(Issue(file, origin[1], where, label, value, problem, ERROR))
            checked.bad_rows[row] = [f"{where}：{problem}"]
            checked.drop_row(row)

    def _settle_gone(
        self, checked: Checked, landed: Landed, match: Match, origin: tuple[str, str]
    ) -> None:
        """Rows that this sheet held before and no longer holds, where it is the same list.

        Where ids were made from what a row says, a corrected row comes in under a new one, and
        the former row goes. Where the sheet keeps ids of its own, the row stays and it is said.
        """
        if not landed.gone or not landed.is_same_list:
            return
        is_made = checked.table.key[0] not in match.columns
        if is_made:
            self.writer.forget(checked.table, origin, landed.gone)
            self.has_news = True
        words = "已按新表去掉或换成改过的" if is_made else "仍保留在库里，要去掉请撤销后重新放入"
        self.report.warnings.append(
            f"《{origin[0]}》的工作表“{origin[1]}”：上次有、这次没有的 {len(landed.gone)} 行{words}。"
        )

    def _drop_mended(self) -> None:
        """Rows of other sheets that were in quarantine under a key that has now come in."""
        here = "(file, sheet) NOT IN (SELECT (file, sheet) FROM origins)"
        for table, keys in self.good_keys.items():
            mended = f'"table" = ? AND key IN (SELECT unnest(?::VARCHAR[])) AND {here}'
            sql = f"SELECT count(*) FROM lake.quarantine WHERE {mended}"
            if self.writer.rows(sql, [table, keys])[0][0]:
                self.writer.execute(f"DELETE FROM lake.quarantine WHERE {mended}", [table, keys])
                self.has_news = True

    def _has_new_profile(self) -> bool:
        """Whether other settings were given than those the figures were made with."""
        rows = self.writer.rows("SELECT value FROM lake.settings WHERE name = 'profile'")
        remembered = rows[0][0] if rows else ""
        has_data = any(reading.sheets or reading.layers for reading in self.readings)
        return (
            bool(self.profile.text)
            and self.profile.text != remembered
            and (has_data or bool(self.writer.rows("SELECT 1 FROM lake.files LIMIT 1")))
        )

    def _keep_record(
        self,
        origin: tuple[str, str],
        report: SheetReport,
        reading: Reading,
        issues: list[Issue],
        bad_rows: dict[int, list[str]],
        bad_cells: dict[int, dict[str, str]],
        bad_keys: dict[int, str],
    ) -> None:
        """Quarantine, issues and the record of the file, in the place of what stood there."""
        self.report.issues.extend(issues)
        file, sheet = origin
        place = {"file": file, "sheet": sheet, "snapshot": self.writer.snapshot}
        quarantine = pd.DataFrame(
            [
                {
                    **place,
                    "row": row,
                    "table": report.table,
                    "problem": "；".join(dict.fromkeys(problems)),
                    "cells": json.dumps(bad_cells.get(row, {}), ensure_ascii=False),
                    "key": bad_keys.get(row),
                }
                for row, problems in bad_rows.items()
            ],
            columns=[c.name for c in QUARANTINE.columns],
        )
        told = pd.DataFrame(
            [{**vars(issue), **place} for issue in issues], columns=[c.name for c in ISSUES.columns]
        )
        record = pd.DataFrame(
            [
                {
                    **place,
                    "sha256": reading.sha256,
                    "table": report.table,
                    "rows_read": report.rows_read,
                    "rows_loaded": report.rows_new + report.rows_changed + report.rows_unchanged,
                    "rows_quarantined": report.rows_quarantined,
                    "rows_recognised": report.rows_recognised,
                    "masked_count": report.masked,
                    "unknown_columns": "、".join(report.unknown_columns),
                    "refreshed_at": datetime.now(UTC).replace(microsecond=0, tzinfo=None),
                    "who": self.writer.who,
                }
            ]
        )
        self.origins.append(origin)
        for table, frame in ((QUARANTINE, quarantine), (ISSUES, told), (FILES, record)):
            self.records[table.name].append(frame)

    def _write_records(self) -> None:
        """Put the records of all sheets in the place of what stood there of them."""
        for table in (QUARANTINE, ISSUES, FILES):
            frames = [frame for frame in self.records[table.name] if len(frame)]
            empty = pd.DataFrame(columns=[c.name for c in table.columns])
            told = pd.concat(frames, ignore_index=True) if frames else empty
            self.has_news |= self.writer.swap(table, self.origins, told)

    def _publish(self) -> None:
        """Place, work out the figures, and have the transaction committed."""
        place_complaints(self.writer)
        publish_figures(self.writer, self.profile)
        self._compare_with_published()
        self._name_unplaced()
        self._remember_profile()
        if self.report.is_dry_run:
            return
        self.report.snapshot = self.writer.snapshot
        self.writer.publish(
            {
                "files": [file.name for file in self.report.files if file.sheets],
                "rows_new": self.report.count("new"),
                "rows_changed": self.report.count("changed"),
                "rows_quarantined": self.report.count("quarantined"),
            }
        )

    def _resolve_shapes(self) -> None:
        """Tell each shape its compound anew: the register may know it only now."""
        registered = read_compounds(self.writer, self.profile, with_shapes=False)
        everyone = read_compounds(self.writer, self.profile)
        shapes = self.writer.shapes("core_boundaries")
        for level, key, known, own in zip(
            shapes["level"], shapes["place_id"], shapes["compound_id"], shapes["name"], strict=True
        ):
            names = registered if level == "compound" else everyone
            found = _find_compound(names, level, key, known, own)
            if found != known:
                self.writer.execute(
                    "UPDATE lake.core_boundaries SET compound_id = ? "
                    "WHERE level = ? AND place_id = ?",
                    [found, level, key],
                )
            if level == "compound" and known and found != known:
                self._rename_compound(known, found)

    def _drop_former_shapes(self) -> None:
        """One boundary for a compound: the newest, whatever it is called in its file."""
        self.writer.execute(
            "DELETE FROM lake.core_boundaries WHERE level = 'compound' AND place_id IN "
            "(SELECT place_id FROM (SELECT place_id, row_number() OVER (PARTITION BY compound_id "
            "ORDER BY snapshot DESC, place_id) AS age FROM lake.core_boundaries "
            "WHERE level = 'compound') WHERE age > 1)"
        )

    def _rename_compound(self, old: str, new: str | None) -> None:
        """Rows that went by a boundary's name go by the id that the register now gives it."""
        for table in self.profile.tables:
            if table.name != "compounds" and any(c.name == "compound_id" for c in table.columns):
                self.writer.execute(
                    f"UPDATE lake.core_{table.name} SET compound_id = ? WHERE compound_id = ?",
                    [new, old],
                )

    def _compare_with_register(self) -> None:
        """Sums that other sheets give for a compound must be those of the register."""
        for table in self.profile.tables:
            for rule in table.reconcile:
                sql = _reconcile_sql(table.name, rule.column, rule.against)
                for name, file, sheet, row, found, stated in self.writer.rows(sql):
                    problem = (
                        f"《{table.label}》里“{name}”的{table[rule.column].label}合计是 {found}，"
                        f"小区台账写的是 {stated}，两边应一致，请核对"
                    )
                    match = self.matches.get((file, sheet))
                    place = match.columns.get(rule.column) if match else None
                    where = address(row - 1, place[0]) if place else f"第{row}行"
                    label = table[rule.column].label
                    self._add_issue(Issue(file, sheet, where, label, str(found), problem, WARNING))

    def _add_issue(self, issue: Issue) -> None:
        """Report an issue, and keep it where its sheet is one of this refresh."""
        self.report.issues.append(issue)
        if (issue.file, issue.sheet) in self.origins:
            told = {**vars(issue), "snapshot": self.writer.snapshot}
            self.records[ISSUES.name].append(pd.DataFrame([told]))

    def _compare_with_published(self) -> None:
        """Say where the store differs from the figures the office has published."""
        labels = {
            "compounds": "小区数",
            "households": "总户数",
            "residents": "常住人口",
            "area_km2": "面积（平方公里）",
        }
        rows = self.writer.rows("SELECT name, value, published FROM lake.out_totals")
        for name, value, published in rows:
            if published and name in labels and abs((value or 0) - published) > 0.005:
                self.report.warnings.append(
                    f"{labels[name]}现在是 {value or 0:g}，已公布的是 {published:g}，请核对。"
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

    def _remember_profile(self) -> None:
        if self.profile.text:
            self.writer.execute("DELETE FROM lake.settings WHERE name = 'profile'")
            self.writer.execute(
                "INSERT INTO lake.settings VALUES ('profile', ?)", [self.profile.text]
            )


def _stated(match: Match) -> frozenset[str]:
    """Columns on which a sheet has a say: those it heads, and what follows from them."""
    stated = set(match.columns)
    if "lonlat" in stated:
        stated |= {"lon", "lat"}
    if "lon" in stated:
        stated |= {"located_by"}
    if "compound_id" in stated:
        stated |= {"compound_by"}
    return frozenset(stated)


def _find_compound(
    names: Names, level: str, key: str, stated: str | None, own: str | None
) -> str | None:
    """The compound that a shape is, or lies in; one in no register goes by its own id."""
    if level == "compound":
        return names.find(key) or (names.find(own) if own else None) or key
    return (names.find(stated) or stated) if stated else None


def _tell(shapes: gpd.GeoDataFrame) -> list[tuple[Any, ...]]:
    """What of each shape would make it a changed one."""
    wkb = shapes.geometry.to_wkb(hex=True)
    return list(zip(shapes["name"].fillna(""), shapes["building_no"].fillna(""), wkb, strict=True))


def _fate(key: str, told: tuple[Any, ...], stored: gpd.GeoDataFrame) -> str:
    if key not in stored.index:
        return "new"
    return "unchanged" if _tell(stored.loc[[key]])[0] == told else "changed"


def _describe_no_match(file: str, sheet: Sheet, match: NoMatch) -> str:
    """Why no table was found on a sheet, and what to do."""
    where = f"《{file}》的工作表“{sheet.name}”"
    if match.nearest is None:
        return f"{where}没有认得的表头，未读。请参照模板（shequ template）加上表头。"
    lacking = "、".join(f"“{label}”" for label in match.missing)
    return (
        f"{where}最像《{match.nearest.label}》，但表头里缺少{lacking}，未读。"
        "请在表头加上这些列，或在设置的 columns 里写明对应关系。"
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

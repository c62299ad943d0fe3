"""Issued briefings, kept beside the store as they went out: numbered, hashed, never overwritten."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from etl.briefing.book import Figure, Scope
from etl.errors import StoreError

FILE = "briefings.sqlite"
BUSY_SECONDS = 30.0
_COLUMNS = (
    "issue_id", "compound_id", "month", "number", "correction", "snapshot", "fingerprint", "remarks",
    "changes", "issued_at", "who",
)  # fmt: skip
# An issue is kept as it went out: nothing is ever changed or taken away.
_TABLES = """
CREATE TABLE IF NOT EXISTS issues (
    issue_id INTEGER PRIMARY KEY, compound_id TEXT NOT NULL, month TEXT NOT NULL,
    number TEXT NOT NULL, place_in_year INTEGER NOT NULL, correction INTEGER NOT NULL,
    snapshot INTEGER NOT NULL, fingerprint TEXT NOT NULL, remarks TEXT NOT NULL,
    changes TEXT NOT NULL, issued_at TEXT NOT NULL, who TEXT NOT NULL,
    UNIQUE (compound_id, month, correction));
CREATE TABLE IF NOT EXISTS figures (
    issue_id INTEGER NOT NULL REFERENCES issues, place INTEGER NOT NULL, figure TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS papers (
    issue_id INTEGER NOT NULL REFERENCES issues, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    content BLOB NOT NULL, UNIQUE (issue_id, name));
"""
_STAY = """
CREATE TRIGGER IF NOT EXISTS {table}_stay_as_written BEFORE UPDATE ON {table}
BEGIN SELECT RAISE(ABORT, 'issued'); END;
CREATE TRIGGER IF NOT EXISTS {table}_stay BEFORE DELETE ON {table}
BEGIN SELECT RAISE(ABORT, 'issued'); END;
"""


@dataclass(frozen=True)
class Issue:
    """One briefing that went out.

    `number` as it is printed; `correction` counts from 0, the first issue; `fingerprint` is the
    sha256 of its words, `papers` the sha256 of its files by name; `changes` what it corrects.
    """

    issue_id: int
    compound_id: str
    month: str
    number: str
    correction: int
    snapshot: int
    fingerprint: str
    remarks: str
    changes: list[str]
    issued_at: str
    who: str
    papers: dict[str, str]


class Issues:
    """The issued briefings of one store.

    Raises
    ------
    StoreError
        The file cannot be read or written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def everything(self, compound_id: str | None = None, month: str = "") -> list[Issue]:
        """Issues, the newest first; of one compound ('' is the community) and month if asked."""
        if not self._path.exists():
            return []
        with self._open() as file:
            rows = file.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM issues WHERE (? IS NULL OR compound_id = ?) "
                "AND (? = '' OR month = ?) ORDER BY issue_id DESC",
                [compound_id, compound_id, month, month],
            ).fetchall()
            return [self._read(file, row) for row in rows]

    @staticmethod
    def _read(file: sqlite3.Connection, row: tuple[object, ...]) -> Issue:
        papers = file.execute("SELECT name, sha256 FROM papers WHERE issue_id = ?", [row[0]])
        told: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
        told |= {"changes": json.loads(told["changes"]), "papers": dict(papers.fetchall())}
        return Issue(**told)

    def newest(self, scope: Scope) -> Issue | None:
        """The newest issue of a month; None before the first."""
        found = self.everything(scope.compound_id, f"{scope.month:%Y-%m}")
        return found[0] if found else None

    def read_papers(self, issue: Issue) -> dict[str, bytes]:
        """The files of an issue, byte for byte as they went out.

        Raises
        ------
        StoreError
            One of them is no longer what was issued.
        """
        with self._open() as file:
            rows = file.execute(
                "SELECT name, content, sha256 FROM papers WHERE issue_id = ? ORDER BY name",
                [issue.issue_id],
            ).fetchall()
        for name, content, mark in rows:
            if hash_bytes(content) != mark:
                raise StoreError(f"已印发的《{name}》被改动过，与印发时的指纹不符。请用备份恢复。")
        return {str(name): bytes(content) for name, content, _ in rows}

    def read_figures(self, issue: Issue) -> dict[str, Figure]:
        """The figures of an issue, in the order of its annex."""
        with self._open() as file:
            rows = file.execute(
                "SELECT figure FROM figures WHERE issue_id = ? ORDER BY place", [issue.issue_id]
            ).fetchall()
        found = [Figure(**json.loads(text)) for (text,) in rows]
        return {figure.figure_id: figure for figure in found}

    def plan_number(self, scope: Scope) -> tuple[str, int, int]:
        """The number that the next issue of a month gets: as printed, place in the year, correction."""
        former = self.newest(scope)
        year = scope.month.year
        if former is not None:
            place, correction = self._place(former), former.correction + 1
            return f"{year}年第{place}期（更正{correction}）", place, correction
        issued = [i for i in self.everything(scope.compound_id) if i.month.startswith(f"{year}-")]
        place = 1 + max((self._place(issue) for issue in issued), default=0)
        return f"{year}年第{place}期", place, 0

    def _place(self, issue: Issue) -> int:
        with self._open() as file:
            found = file.execute(
                "SELECT place_in_year FROM issues WHERE issue_id = ?", [issue.issue_id]
            ).fetchone()
        return int(found[0])

    def add(
        self, scope: Scope, number: tuple[str, int, int], fingerprint: str, remarks: str,
        changes: list[str], figures: Mapping[str, Figure], papers: Mapping[str, bytes], who: str,
    ) -> Issue:  # fmt: skip
        """Keep an issue; a number that somebody else took meanwhile is refused.

        Raises
        ------
        StoreError
            The number was taken meanwhile, or the file cannot be written.
        """
        told, place, correction = number
        issued_at = datetime.now(UTC).isoformat(timespec="seconds")
        values = [
            scope.compound_id, f"{scope.month:%Y-%m}", told, place, correction, scope.snapshot,
            fingerprint, remarks, json.dumps(changes, ensure_ascii=False), issued_at, who,
        ]  # fmt: skip
        try:
            with self._open() as file:
                marks = ", ".join("?" * len(values))
                added = file.execute(
                    "INSERT INTO issues (compound_id, month, number, place_in_year, correction, snapshot, "
                    f"fingerprint, remarks, changes, issued_at, who) VALUES ({marks})",
                    values,
                )
                issue_id = int(added.lastrowid or 0)
                file.executemany(
                    "INSERT INTO figures VALUES (?, ?, ?)",
                    [(issue_id, at, json.dumps(vars(each), ensure_ascii=False))
                     for at, each in enumerate(figures.values())],
                )  # fmt: skip
                file.executemany(
                    "INSERT INTO papers VALUES (?, ?, ?, ?)",
                    [(issue_id, name, hash_bytes(held), held) for name, held in papers.items()],
                )
        except sqlite3.IntegrityError as error:
            raise StoreError("这一期刚刚由别人印发了。请刷新后再看。") from error
        return self.everything(scope.compound_id, f"{scope.month:%Y-%m}")[0]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """The file, one transaction; a file that is broken is said in a sentence."""
        try:
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
            try:
                with connection:
                    stay = [_STAY.format(table=name) for name in ("issues", "figures", "papers")]
                    connection.executescript(_TABLES + "".join(stay))
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
            finally:
                connection.close()
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"印发记录“{self._path.name}”读写不了，请检查权限或用备份恢复。"
            ) from error


def hash_bytes(content: bytes) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(content).hexdigest()


def hash_words(words: str) -> str:
    """The sha256 of what a paper says."""
    return hash_bytes(words.encode())

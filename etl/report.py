"""What a refresh came to: per file and sheet, every row accounted for; as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from etl.check import Issue
from etl.questions import Choice, Question, describe_question
from etl.returned import Marks
from etl.store import Change


@dataclass
class SheetReport:
    """One table on a sheet: rows_read = new + changed + unchanged + quarantined + recognised.

    `rows_gone` are rows that earlier readings of the same list held, and that are taken out.
    """

    name: str
    table: str | None = None
    rows_read: int = 0
    rows_new: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_quarantined: int = 0
    rows_recognised: int = 0
    rows_gone: int = 0
    masked: int = 0
    unknown_columns: list[str] = field(default_factory=list)


@dataclass
class FileReport:
    """One file and its sheets; `marks` is what its returned workbook shows."""

    name: str
    sha256: str = ""
    sheets: list[SheetReport] = field(default_factory=list)
    needs_password: bool = False
    marks: list[Marks] = field(default_factory=list, repr=False)

    @property
    def has_marks(self) -> bool:
        """Whether anything in the file is to be marked."""
        return any(mark.issues for mark in self.marks)

    def as_dict(self) -> dict[str, Any]:
        """The file as JSON has it."""
        sheets = [asdict(sheet) for sheet in self.sheets]
        return {"name": self.name, "sha256": self.sha256, "sheets": sheets}


@dataclass(frozen=True)
class Total:
    """A total before and after, and the figure that the office has published; None unknown."""

    name: str
    label: str
    before: float | None
    after: float | None
    published: float | None


@dataclass(frozen=True)
class Gone:
    """A row that is taken out, since the full list to which it belonged no longer has it."""

    table: str
    key: str
    file: str
    sheet: str
    row: int


@dataclass
class Report:
    """A refresh: `snapshot` is None where nothing was published.

    `paths` are the files as they were given, in the order of `files`; `compounds` those that an
    answer to a question may name. `has_news` says whether there is anything to publish.
    """

    snapshot: int | None = None
    is_dry_run: bool = False
    files: list[FileReport] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    changed_cells: int = 0
    gone: list[Gone] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    compounds: list[Choice] = field(default_factory=list, repr=False)
    paths: list[Path] = field(default_factory=list, repr=False)
    has_news: bool = False

    @property
    def sheets(self) -> list[SheetReport]:
        """The sheets of all files."""
        return [sheet for file in self.files for sheet in file.sheets]

    def count(self, what: str) -> int:
        """A count of rows over all sheets, by its name without `rows_`."""
        return sum(getattr(sheet, f"rows_{what}") for sheet in self.sheets)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "snapshot": self.snapshot,
            "dry_run": self.is_dry_run,
            "files": [file.as_dict() for file in self.files],
            "issues": [asdict(issue) for issue in self.issues],
            "warnings": list(self.warnings),
            "questions": [describe_question(question) for question in self.questions],
            "changes": [asdict(change) for change in self.changes],
            "changed_cells": self.changed_cells,
            "gone": [asdict(row) for row in self.gone],
            "totals": [asdict(total) for total in self.totals],
        }

"""What a refresh came to: per file and sheet, every row accounted for; as text and as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from etl.check import Issue


@dataclass
class SheetReport:
    """One sheet: rows_read = new + changed + unchanged + quarantined + recognised."""

    name: str
    table: str | None = None
    rows_read: int = 0
    rows_new: int = 0
    rows_changed: int = 0
    rows_unchanged: int = 0
    rows_quarantined: int = 0
    rows_recognised: int = 0
    masked: int = 0
    unknown_columns: list[str] = field(default_factory=list)


@dataclass
class FileReport:
    """One file and its sheets."""

    name: str
    sha256: str = ""
    sheets: list[SheetReport] = field(default_factory=list)


@dataclass
class Report:
    """A refresh: `snapshot` is None where nothing was published."""

    snapshot: int | None = None
    is_dry_run: bool = False
    files: list[FileReport] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def sheets(self) -> list[SheetReport]:
        """The sheets of all files."""
        return [sheet for file in self.files for sheet in file.sheets]

    def count(self, what: str) -> int:
        """A count of rows over all sheets, by its name without `rows_`."""
        return sum(getattr(sheet, f"rows_{what}") for sheet in self.sheets)

    @property
    def has_changes(self) -> bool:
        """Whether any row is new or changed."""
        return self.count("new") + self.count("changed") > 0

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON has it."""
        return {
            "snapshot": self.snapshot,
            "dry_run": self.is_dry_run,
            "files": [asdict(file) for file in self.files],
            "issues": [asdict(issue) for issue in self.issues],
            "warnings": list(self.warnings),
        }

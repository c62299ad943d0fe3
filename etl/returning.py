"""After a refresh: the files that had problems back to whoever dropped them, each cell marked."""

from __future__ import annotations

from pathlib import Path

from etl.profile import Profile
from etl.report import FileReport, Report
from etl.returned import return_workbook
from etl.workbook import read_bytes


def find_file(report: Report, path: Path) -> FileReport:
    """What a refresh says of one of the files that it was given."""
    return next(f for p, f in zip(report.paths, report.files, strict=True) if p == path)


def give_back(
    path: Path, file: FileReport, profile: Profile, password: str = ""
) -> tuple[str, bytes] | None:
    """Name and bytes of the marked workbook; None where nothing in the file is to be marked.

    The person's own file is read once more for it: nothing of it is kept in the store.
    """
    if not file.has_marks:
        return None
    return return_workbook(read_bytes(path), file.name, file.marks, profile, password)

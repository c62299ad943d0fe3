"""Which questions a look at the files raises: what is uncertain is asked, not guessed."""

from __future__ import annotations

from collections.abc import Mapping

from etl.cells import fold
from etl.check import Checked, looks_personal
from etl.match import Match, NoMatch, suggest_columns
from etl.names import Names
from etl.profile import Profile
from etl.questions import (
    ADDITIONS,
    COLUMN,
    FULL,
    LIST,
    NAME,
    SHEET,
    Choice,
    Question,
    mark_column,
    mark_list,
)
from etl.sheet import Sheet
from etl.table import Table

ASKED_NAMES = 30

__all__ = [
    "ask_about_columns", "ask_about_list", "ask_about_names", "ask_about_sheet", "mark_list",
]  # fmt: skip


def ask_about_sheet(file: str, sheet: Sheet, found: NoMatch, profile: Profile) -> list[Question]:
    """Which table a sheet is; and where it is almost known, which columns the missing ones are."""
    if not any(found.headers):
        return []
    nearest = [found.nearest] if found.nearest else []
    rest = [table for table in profile.tables if table not in nearest]
    choices = tuple(Choice(table.name, table.label) for table in (*nearest, *rest))
    asked = [
        Question(
            SHEET, found.head, file, sheet.name,
            f"工作表“{sheet.name}”是哪一张表？", (*choices, Choice("", "都不是，不读")),
        )
    ]  # fmt: skip
    if found.nearest is not None:
        asked += [
            Question(
                COLUMN, mark_column(found.nearest.name, header), file, sheet.name,
                f"“{header}”是不是《{found.nearest.label}》的{'或'.join(f'“{m}”' for m in found.missing)}？",
                _missing_choices(found),
            )
            for header in found.unknown
            if not looks_personal(header)
        ]  # fmt: skip
    return asked


def _missing_choices(found: NoMatch) -> tuple[Choice, ...]:
    table = found.nearest
    columns = [c for c in table.asked if c.label in found.missing] if table else []
    return (*(Choice(c.name, c.label) for c in columns), Choice("", "都不是"))


def ask_about_columns(file: str, sheet: Sheet, match: Match) -> list[Question]:
    """Whether a header that nobody knows is another word for one that is known."""
    suggested = suggest_columns(match)
    return [
        Question(
            COLUMN, mark_column(match.table.name, header), file, sheet.name,
            f"“{header}”是不是“{match.table[column].label}”？",
            (Choice(column, match.table[column].label), Choice("", "不是，照原样留着")),
        )
        for header, column in suggested.items()
        if not looks_personal(header)
    ]  # fmt: skip


def ask_about_names(
    file: str, sheet: Sheet, checked: Checked, references: Mapping[str, Names]
) -> list[Question]:
    """Which compound is meant by a name that may be several, or is none that is known."""
    names = references["compounds"]
    asked = []
    for doubt in checked.doubts[:ASKED_NAMES]:
        choices = tuple(Choice(key, names.name_of(key)) for key in doubt.candidates)
        asked.append(
            Question(
                NAME, fold(doubt.written), file, sheet.name,
                f"“{doubt.written}”是哪个小区？", (*choices, Choice("", "不是某一个小区")),
            )
        )  # fmt: skip
    return asked


def ask_about_list(mark: str, table: Table, origin: tuple[str, str], count: int) -> list[Question]:
    """Whether a sheet is the whole list, or only what is new."""
    file, sheet = origin
    return [
        Question(
            LIST, mark, file, sheet,
            f"《{table.label}》里原有 {count} 行不在这张表上。这张表是完整名单，还是只有新增？",
            (
                Choice(ADDITIONS, "只有新增：原有的都保留"),
                Choice(FULL, f"完整名单：去掉不在表上的 {count} 行"),
            ),
            ADDITIONS,
        )
    ]  # fmt: skip

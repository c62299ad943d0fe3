"""Rows of Python values become columns of Arrow: every cell in its place and of its type."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.errors import FileError
from etl.files import page
from etl.files.merged import fill_merged
from etl.files.page import Columns
from etl.sheet import MOMENT, NUMBER, TEXT, Cell, Cells, Sheet

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=150)


def sheet_of(rows: list[list[Any]], cells: int = 10**6, keeps_digits: bool = False) -> Sheet:
    columns = Columns("某表.csv", "表", cells, keeps_digits)
    columns.add_rows(rows)
    width, batch = columns.width, columns.finish()
    found = dict(zip(batch.schema.names, batch.columns, strict=True))
    kinds = {"t": TEXT, "n": NUMBER, "m": MOMENT}
    return Sheet(
        "表",
        tuple(
            Cells(*(found.get(f"{place}{k}", pa.nulls(columns.height, kinds[k])) for k in kinds))
            for place in range(width)
        ),
    )


def shown(value: Any) -> Cell:
    """What a cell is expected to become."""
    if isinstance(value, str):
        return value.strip(page.UNSEEN)
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, date):
        return value
    return "" if value is None else value.isoformat() if isinstance(value, time) else str(value)


VALUES = st.one_of(
    st.text("翠 \u3000a1\n\x1f\x00", max_size=3),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False),
    st.booleans(),
    st.none(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(timedelta(0), timedelta(days=9)),
)
GRIDS = st.lists(st.lists(VALUES, max_size=5), max_size=12)


@given(GRIDS, st.integers(1, 4), st.integers(1, 9))
@QUICK
def test_cells_stay_where_and_what_they_are(rows: list[list[Any]], first: int, cells: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "FIRST_ROWS", first)
        patch.setattr(page, "BATCH_CELLS", cells)
        sheet = sheet_of(rows)
    expected = {
        (row, column): shown(value)
        for row, values in enumerate(rows)
        for column, value in enumerate(values)
        if shown(value) != ""
    }
    assert sheet.height == max((row + 1 for row, _ in expected), default=0)
    assert sheet.width == max((column + 1 for _, column in expected), default=0)
    for row in range(sheet.height):
        for column, cell in enumerate(sheet.row(row)):
            assert cell == expected.get((row, column), "")
            assert type(cell) is type(expected.get((row, column), ""))


@pytest.mark.parametrize("count", [99, 100, 101, 5_099, 5_100, 5_101, 10_100])
def test_nothing_is_lost_where_batches_meet(count: int) -> None:
    rows: list[list[Any]] = [[f"第{n}行", float(n)] for n in range(count)]
    assert list(sheet_of(rows).rows()) == rows


def test_blanks_of_many_batches_between_rows_stay_and_behind_them_go() -> None:
    rows: list[list[Any]] = [["头"], *[[" "]] * 20_000, ["尾"], *[["", "\u3000", None]] * 30_000]
    sheet = sheet_of(rows)
    assert (sheet.height, sheet.width) == (20_002, 1)
    assert (sheet.cell(0, 0), sheet.cell(20_001, 0)) == ("头", "尾")
    assert int(sheet.columns[0].filled().sum()) == 2


def test_a_column_may_change_its_type_from_batch_to_batch() -> None:
    kinds: list[Any] = ["字", 1.5, date(2025, 1, 3), datetime(2025, 1, 3, 9, 20), "末"]
    rows = [[kind] for kind in kinds for _ in range(6_000)]
    sheet = sheet_of(rows)
    assert [sheet.cell(row, 0) for row in range(0, 30_000, 6_000)] == kinds


def test_digits_written_out_are_kept() -> None:
    rows = [[110101199001011234], [2**53], [2**53 - 1]]
    assert [row[0] for row in sheet_of(rows, keeps_digits=True).rows()] == [
        "110101199001011234",
        "9007199254740992",
        9007199254740991.0,
    ]


def test_cells_are_counted_with_the_gaps_between_them() -> None:
    assert sheet_of([["a"] * 4] * 5, cells=20).height == 5
    with pytest.raises(FileError, match="《某表.csv》的工作表“表”有 6×4 个单元格，超过上限"):
        sheet_of([["a"] * 4, *[["a"]] * 5], cells=20)


def test_a_sheet_of_nothing_has_no_columns() -> None:
    assert sheet_of([]).columns == ()
    assert sheet_of([[], ["", None], [" \t"]]).columns == ()


# -- merged cells -------------------------------------------------------------------------------


def test_a_range_beyond_the_rows_does_no_harm() -> None:
    ranges = [((0, 0), (99, 0)), ((5, 0), (9, 0)), ((0, 7), (1, 7))]
    assert list(fill_merged([["甲", 1], ["", 2]], ranges)) == [["甲", 1], ["甲", 2]]


def test_ranges_below_each_other_do_not_mix() -> None:
    rows = [["甲", 1], ["", 2], ["乙", 3], ["", 4], ["", 5]]
    filled = list(fill_merged(rows, [((0, 0), (1, 0)), ((2, 0), (3, 0))]))
    assert [row[0] for row in filled] == ["甲", "甲", "乙", "乙", ""]


@given(GRIDS, st.lists(st.tuples(*[st.integers(0, 12)] * 4), max_size=6))
@QUICK
def test_merging_only_fills_blanks_with_what_stands_above(
    rows: list[list[Any]], corners: list[tuple[int, int, int, int]]
) -> None:
    ranges = [((a, b), (a + c, b + d)) for a, b, c, d in corners]
    for before, after in zip(rows, fill_merged(rows, ranges), strict=True):
        assert len(before) == len(after)
        for column, (old, new) in enumerate(zip(before, after, strict=True)):
            if old is not new and old != new:
                assert page.is_blank(old)
                assert any(new in row[column : column + 1] for row in rows)

"""Whatever a sheet holds, every row under its header is loaded, in quarantine, or recognised."""

from __future__ import annotations

from datetime import date, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from etl.check import ERROR, Checked, check_sheet
from etl.match import Match, find_table
from etl.names import Names
from etl.profile import load_profile
from etl.raw import describe_cells
from etl.sheet import Cell, Sheet
from tests.backends import backend  # noqa: F401

PROFILE = load_profile()
HEADER: list[Cell] = [
    "工单编号",
    "受理时间",
    "诉求类别",
    "小区",
    "楼栋",
    "地址",
    "诉求内容",
    "经度",
    "纬度",
    "序号",
]
WORDS = st.sampled_from(
    ["", "—", "无", "甲园", "乙院", "丙苑", "停车管理", "合计", "小计", "填表人：", "2026年1月3日",
     "2026-02-30", "2026.1.3", "约1,200", "三号楼", "A1", "A2", "甲园3栋", "诉求类别", "工单编号"]
)  # fmt: skip
CELLS = st.one_of(
    WORDS,
    st.text(max_size=12),
    st.integers(-10, 60_000),
    st.floats(allow_nan=True, allow_infinity=True),
    st.datetimes(min_value=datetime(1800, 1, 1), max_value=datetime(2200, 1, 1)),
    st.dates(min_value=date(1800, 1, 1), max_value=date(2200, 1, 1)),
)


def check(rows: list[list[Cell]]) -> tuple[Sheet, Match, Checked]:
    """The rows under the header, checked against a register of two compounds."""
    names = Names()
    names.add("T01", ["甲园"])
    names.add("T02", ["乙院"])
    sheet = Sheet.of("投诉工单", [HEADER, *rows])
    match = find_table(sheet, "投诉.xlsx", PROFILE)
    assert isinstance(match, Match)
    return sheet, match, check_sheet(sheet, match, PROFILE, "投诉.xlsx", {"compounds": names})


SHEETS = st.lists(st.lists(CELLS, min_size=10, max_size=10), max_size=12)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(SHEETS)
def test_every_row_is_somewhere(rows: list[list[Cell]]) -> None:
    account_for(rows)


@pytest.mark.slow
@settings(max_examples=600, deadline=None, derandomize=True, database=None)
@given(SHEETS)
def test_every_row_of_many_sheets_is_somewhere(rows: list[list[Cell]]) -> None:
    account_for(rows)


def account_for(rows: list[list[Cell]]) -> None:
    """Every row is loaded, kept out with its reasons, or recognised as none."""
    sheet, match, checked = check(rows)
    assert checked.rows_read == sheet.height - match.first_row
    good, bad = set(checked.row_numbers.tolist()), set(checked.bad_rows)
    assert not good & bad
    assert len(good) + len(bad) + checked.recognised == len(rows)
    # Each row that is kept out has a sentence, and each sentence names a cell of its sheet.
    named = {issue.cell for issue in checked.issues if issue.severity == ERROR}
    for problems in checked.bad_rows.values():
        assert problems
        assert {problem.split("：")[0] for problem in problems} <= named
    # What is loaded keeps the contract's bounds: the table is built by its types.
    arrow = checked.to_arrow()
    assert arrow.num_rows == len(good)
    assert len(set(arrow["complaint_id"].to_pylist())) == len(good)
    assert arrow["reported_at"].null_count == 0
    lon, lat = arrow["lon"].to_pylist(), arrow["lat"].to_pylist()
    assert all((x is None) == (y is None) for x, y in zip(lon, lat, strict=True))
    # What is given back of a row is what stood in it.
    assert len(describe_cells(sheet, match, list(checked.bad_rows))) == len(bad)

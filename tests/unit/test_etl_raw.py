"""What a sheet says in its rows, as the records keep it: JSON that reads back, masked, nothing lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from etl.match import Match
from etl.privacy import mask_text
from etl.raw import RawRows, describe_cells, plan_stretches, write_stretch
from etl.sheet import Sheet
from etl.tables import BY_NAME

TEXTS = st.text(max_size=8) | st.sampled_from(
    ['说"停"', "a\\b", "换\n行", "\x00", "", "13800001234"]
)
CELLS = TEXTS | st.integers(-5, 10**12).map(float) | st.just("")


def match_below(headers: list[str], height: int | None = None) -> Match:
    """A table under the first row of a sheet, of whose headers the contract knows none."""
    unknown = dict(enumerate(headers))
    return Match(BY_NAME["complaints"], 1, tuple(headers), {}, unknown, end_row=height)


def write_all(sheet: Sheet, match: Match) -> RawRows:
    """Every row under the header."""
    return write_stretch(sheet, match, range(match.first_row, sheet.height))


def test_a_row_is_written_as_json_by_header() -> None:
    sheet = Sheet.of("表", [["甲", "乙", ""], ["一", 2.0, "丙"], ["", "", ""], ['"', "", ""]])
    raw = write_all(sheet, match_below(["甲", "乙", ""]))
    assert raw.cells.to_pylist() == ['{"甲":"一","乙":"2","（C列）":"丙"}', "{}", '{"甲":"\\""}']
    taken = raw.take(np.array([2, 3, 4]))
    assert (taken.numbers.tolist(), len(taken.cells)) == ([2, 4], 2)


def test_a_telephone_is_masked_whether_text_or_number() -> None:
    sheet = Sheet.of("表", [["甲", "乙"], ["电13800001234", 13800001234.0]])
    raw = write_all(sheet, match_below(["甲", "乙"]))
    assert "13800001234" not in raw.cells[0].as_py()


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=6))
def test_what_is_written_reads_back_as_it_is_described(rows: list[list[Any]]) -> None:
    headers = ["甲", "甲", "丙"]
    sheet = Sheet.of("表", [headers, *rows])
    match = match_below(headers)
    raw = write_all(sheet, match)
    assert len(raw.cells) == max(sheet.height - 1, 0)
    told = [json.loads(text) for text in raw.cells.to_pylist()]
    assert told == describe_cells(sheet, match, range(2, sheet.height + 1))
    for row, now in zip(rows, told, strict=False):
        said = [mask_text(c)[0] for c in row if isinstance(c, str) and c]
        assert set(said) <= set(now.values())


def test_long_headers_are_written_in_shorter_stretches() -> None:
    headers = ["长" * 200_000, "短"]
    sheet = Sheet.of("表", [headers, *(["一", float(row)] for row in range(250))])
    match = match_below(headers)
    stretches = plan_stretches(sheet, match)
    assert [row for stretch in stretches for row in stretch] == list(range(1, 251))
    assert max(map(len, stretches)) == 64_000_000 // (3 * 200_000 + 2 + 3 + 2)
    last = write_stretch(sheet, match, stretches[-1])
    assert last.numbers[-1] == 251
    assert last.cells[-1].as_py().endswith('"短":"249"}')

"""Cells as staff write them: each form is read for what it says, or refused in a sentence."""

from __future__ import annotations

import math
from datetime import date, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from etl.cells import (
    BadCellError,
    as_text,
    fold,
    is_empty,
    parse_cell,
    split_lonlat,
)
from etl.profile import load_profile
from etl.sheet import Cell
from etl.table import LONGEST_TEXT, Column, Value

PROFILE = load_profile()
COUNT = Column("count", int, "户数", unit="户", low=0, high=20_000)
AREA = Column("area", float, "面积", unit="平方米", low=0, high=1_000_000)
DAY = Column("day", date, "日期")
TIME = Column("time", datetime, "时间")
TEXT = Column("text", str, "内容")
FLAG = Column("flag", bool, "是否备案")
STATE = Column(
    "state", str, "状态", values=(Value("正常", aliases=("良好",)), Value("无"), Value("未知", aliases=("不详",)))
)  # fmt: skip
QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=400)


def read(cell: Cell, column: Column, *formats: str) -> object:
    return parse_cell(cell, column, PROFILE.spellings(column), formats)


def refuse(cell: Cell, column: Column, *formats: str) -> str:
    with pytest.raises(BadCellError) as caught:
        read(cell, column, *formats)
    return str(caught.value)


# -- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (1200, 1200),
        (1200.0, 1200),
        ("1200", 1200),
        (" 1200 ", 1200),
        ("1200.0", 1200),
        ("１２００", 1200),
        ("1,200", 1200),
        ("1，200", 1200),
        ("12,345", 12_345),
        ("8300户", 8300),
        ("8300 户", 8300),
        ("约 1,200", 1200),
        ("约1200户", 1200),
        ("1200左右", 1200),
        ("一千二百户", 1200),
        ("一千二百", 1200),
        ("两百", 200),
        ("十二", 12),
        ("二十", 20),
        ("一百零三户", 103),
        ("一万二千", 12_000),
        ("零", 0),
        ("〇", 0),
        (0, 0),
        ("0户", 0),
        ("+5", 5),
        ("1996年", 1996),
    ],
)
def test_counts_are_read_however_they_are_written(cell: Cell, number: int) -> None:
    found = read(cell, COUNT)
    assert found == number
    assert type(found) is int


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (85.5, 85.5),
        (85, 85.0),
        ("85.5", 85.5),
        ("85.5㎡", 85.5),
        ("85.5m²", 85.5),
        ("85.5平方米", 85.5),
        ("１，２００．５", 1200.5),
        ("1.5元/平方米·月", 1.5),
        ("2.5元/㎡", 2.5),
        ("35%", 35.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("一点五", 1.5),
    ],
)
def test_figures_are_read_with_their_units(cell: Cell, number: float) -> None:
    found = read(cell, AREA)
    assert found == number
    assert type(found) is float


@pytest.mark.parametrize(
    "cell",
    [
        "abc",
        "许多",
        "1.2.3",
        "1-2",
        "10~20",
        "1200/1300",
        "户",
        "+",
        "12个半",
        "1e",
        "3栋2单元",
        "二楼",
    ],
)
def test_what_is_no_number_is_refused_with_its_text(cell: str) -> None:
    said = refuse(cell, COUNT)
    assert cell in said
    assert "户数" in said


def test_a_comma_that_parts_no_thousands_is_not_dropped() -> None:
    # "3,5" is a list, or a decimal comma; thirty-five households it is not.
    assert "3,5" in refuse("3,5", COUNT)


@pytest.mark.parametrize(
    ("cell", "number"), [("1.2万", 12_000), ("1.2万人", 12_000), ("2万", 20_000)]
)
def test_figures_in_tens_of_thousands_are_read(cell: str, number: int) -> None:
    assert read(cell, COUNT) == number


@pytest.mark.parametrize("cell", [12.5, "12.5", "12.5户", "十二点五"])
def test_a_count_is_whole(cell: Cell) -> None:
    assert "整数" in refuse(cell, COUNT)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (-1, "不能小于 0户"),
        ("-1户", "不能小于 0户"),
        (20_001, "不能大于 20000户"),
        ("三万户", "不能大于"),
    ],
)
def test_bounds_are_said_with_their_unit(cell: Cell, words: str) -> None:
    assert words in refuse(cell, COUNT)


@pytest.mark.parametrize(
    "cell",
    [math.inf, -math.inf, "1e999", 10**400, -(10**400)],
    ids=["inf", "-inf", "1e999", "10**400", "-10**400"],
)
@pytest.mark.parametrize("column", [COUNT, AREA, DAY, TIME], ids=lambda column: column.name)
def test_numbers_beyond_all_bounds_are_refused(cell: Cell, column: Column) -> None:
    assert refuse(cell, column)


@pytest.mark.parametrize("number", [1.2345678901234568e17, 202501031234567936.0])
def test_long_numbers_that_lost_their_last_digits_are_no_id(number: float) -> None:
    # A spreadsheet keeps 15 digits; what follows in a work order's number is gone already.
    assert refuse(number, TEXT)


def test_numbers_of_up_to_fifteen_digits_are_an_id() -> None:
    assert read(202501031234567.0, TEXT) == "202501031234567"
    assert read(3.0, TEXT) == "3"
    assert read(3, TEXT) == "3"
    assert read(3.5, TEXT) == "3.5"


# -- nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    ["", " ", "\u3000", "-", "--", "—", "——", "－", "/", "／", "无", "暂无", "暂无数据", "N/A", "n/a",
     "NA", "null", "None", "NaN", "空", "不详", "#N/A", " 无 ", "Ｎ／Ａ", math.nan],
)  # fmt: skip
@pytest.mark.parametrize("column", [COUNT, AREA, DAY, TIME, TEXT], ids=lambda column: column.name)
def test_cells_that_say_nothing_are_empty(cell: Cell, column: Column) -> None:
    assert is_empty(cell)
    assert read(cell, column) is None


@pytest.mark.parametrize("cell", ["0", 0, 0.0, "无名路", "不详细", "-1", ".", False])
def test_cells_that_say_something_are_not_empty(cell: Cell) -> None:
    assert not is_empty(cell)


# -- dates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        date(2025, 1, 3),
        datetime(2025, 1, 3, 9, 20),
        "2025年1月3日",
        "2025年01月03日",
        "2025 年 1 月 3 日",
        "２０２５年１月３日",
        "2025-01-03",
        "2025-1-3",
        "2025/1/3",
        "2025/01/03",
        "2025.1.3",
        "2025.01.03",
        " 2025-01-03 ",
        "20250103",
        20_250_103,
        20_250_103.0,
        45_660,
        45_660.0,
        45_660.75,
        "2025年1月3日 9:20",
        "2025-01-03 09:20:00",
        "2025-01-03T09:20:00",
    ],
)
def test_days_are_read_in_every_form(cell: Cell) -> None:
    found = read(cell, DAY)
    assert found == date(2025, 1, 3)
    assert type(found) is date


@pytest.mark.parametrize(
    "cell",
    ["2025年1月3号", "二〇二五年一月三日", "二零二五年一月三日", "2025年1月3日（周五）", "45660"],
)
def test_days_are_read_in_spoken_and_other_forms(cell: Cell) -> None:
    assert read(cell, DAY) == date(2025, 1, 3)


@pytest.mark.parametrize("cell", ["2025年1月", "2025-01", "2025/1", "2025.01"])
def test_a_month_will_do_for_a_day_but_not_for_a_time(cell: str) -> None:
    assert read(cell, DAY) == date(2025, 1, 1)
    assert "2025年1月3日" in refuse(cell, TIME), "the sentence shows how it is written"


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        (datetime(2025, 1, 3, 9, 20), datetime(2025, 1, 3, 9, 20)),
        (date(2025, 1, 3), datetime(2025, 1, 3)),
        ("2025-01-03 09:20", datetime(2025, 1, 3, 9, 20)),
        ("2025-01-03 09:20:30", datetime(2025, 1, 3, 9, 20, 30)),
        ("2025-01-03 09:20:30.500", datetime(2025, 1, 3, 9, 20, 30)),
        ("2025-01-03T09:20:30", datetime(2025, 1, 3, 9, 20, 30)),
        ("2025/1/3 9:20", datetime(2025, 1, 3, 9, 20)),
        ("2025年1月3日 9:20", datetime(2025, 1, 3, 9, 20)),
        ("2025年1月3日9时20分", datetime(2025, 1, 3, 9, 20)),
        ("2025年1月3日9时20分30秒", datetime(2025, 1, 3, 9, 20, 30)),
        ("2025年1月3日 9点", datetime(2025, 1, 3, 9)),
        ("2025年1月3日上午9:20", datetime(2025, 1, 3, 9, 20)),
        ("2025年1月3日 下午3:20", datetime(2025, 1, 3, 15, 20)),
        ("2025年1月3日 下午3点20分", datetime(2025, 1, 3, 15, 20)),
        ("2025年1月3日 下午12:30", datetime(2025, 1, 3, 12, 30)),
        ("2025年1月3日 晚上8:05", datetime(2025, 1, 3, 20, 5)),
        ("2025年1月3日 下午15:20", datetime(2025, 1, 3, 15, 20)),
        ("2025-01-03", datetime(2025, 1, 3)),
        ("20250103", datetime(2025, 1, 3)),
        (45_660.5, datetime(2025, 1, 3, 12)),
        (45_660 + (9 * 60 + 20) / 1440, datetime(2025, 1, 3, 9, 20)),
    ],
)
def test_times_are_read_in_every_form(cell: Cell, moment: datetime) -> None:
    assert read(cell, TIME) == moment


def test_half_past_twelve_at_night_is_not_noon() -> None:
    assert read("2025年1月3日 上午12:30", TIME) == datetime(2025, 1, 3, 0, 30)


@given(st.integers(20_000, 73_000), st.integers(0, 24 * 60 - 1))
@QUICK
def test_day_numbers_of_spreadsheets_give_whole_minutes(day: int, minute: int) -> None:
    found = read(day + minute / 1440, TIME)
    assert isinstance(found, datetime)
    assert (found.second, found.microsecond) == (0, 0)
    assert found.hour * 60 + found.minute == minute
    assert (found.date() - date(1899, 12, 30)).days == day


@pytest.mark.parametrize(
    "cell",
    ["2025-02-30", "2025年2月29日", "2025年13月1日", "2025-00-10", "20250231", 20_250_231,
     "2025-01-03 25:00", "2025-01-03 09:61", "0000年1月1日"],
)  # fmt: skip
def test_days_that_do_not_exist_are_said_to_be_so(cell: Cell) -> None:
    assert "不存在" in refuse(cell, TIME)


@pytest.mark.parametrize(
    "cell",
    ["1899-12-31", "0200-01-05", "2100-01-02", "9999年12月31日", date(1899, 12, 31),
     datetime(2100, 1, 2)],
)  # fmt: skip
@pytest.mark.parametrize("column", [DAY, TIME], ids=lambda column: column.name)
def test_days_of_other_centuries_are_never_believed(cell: Cell, column: Column) -> None:
    assert "应在 1900-01-01 到 2100-01-01 之间" in refuse(cell, column)


@pytest.mark.parametrize(
    "cell", ["去年", "1月3日", "3/1/2025", "25-1-3", "2025", 2025, 3, -5, 1e9, "待定"]
)
def test_what_is_no_whole_date_is_refused(cell: Cell) -> None:
    assert "应是日期" in refuse(cell, TIME)


def test_formats_of_the_profile_come_first() -> None:
    assert read("01/02/2025 10:37:47 PM", TIME, "%m/%d/%Y %I:%M:%S %p") == datetime(
        2025, 1, 2, 22, 37, 47
    )
    assert read("2025-01-03", TIME, "%m/%d/%Y", "%Y-%d-%m") == datetime(2025, 3, 1)
    assert read("2025年1月3日", TIME, "%m/%d/%Y") == datetime(2025, 1, 3)


def test_a_format_with_a_zone_keeps_the_time_on_the_wall() -> None:
    found = read("2025-01-03 09:20 +0800", TIME, "%Y-%m-%d %H:%M %z")
    assert found == datetime(2025, 1, 3, 9, 20)


# -- choices, yes and no, texts ---------------------------------------------------------------


@pytest.mark.parametrize(
    "cell", ["是", "有", "√", "✓", "Y", "yes", "True", "1", 1, 1.0, "已备案", "１"]
)
def test_yes(cell: Cell) -> None:
    assert read(cell, FLAG) is True


@pytest.mark.parametrize(
    "cell", ["否", "无", "没有", "×", "N", "no", "FALSE", "0", 0, 0.0, "未备案"]
)
def test_no(cell: Cell) -> None:
    assert read(cell, FLAG) is False


@pytest.mark.parametrize("cell", ["", "—", "/", "不详", "暂无", math.nan])
def test_neither_yes_nor_no_where_nothing_is_said(cell: Cell) -> None:
    assert read(cell, FLAG) is None


@pytest.mark.parametrize("cell", ["也许", 2, "办理中", date(2025, 1, 3)])
def test_yes_or_no_is_asked_for(cell: Cell) -> None:
    said = refuse(cell, FLAG)
    assert "“是”或“否”" in said
    assert as_text(cell) in said


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("正常", "正常"),
        (" 正 常 ", "正常"),
        ("良好", "正常"),
        ("无", "无"),
        ("不详", "未知"),
        ("—", None),
    ],
)
def test_choices_come_before_empties(cell: str, code: str | None) -> None:
    assert read(cell, STATE) == code


def test_a_wrong_choice_is_answered_with_the_right_ones() -> None:
    assert refuse("瘫痪了", STATE) == "“瘫痪了”不在“状态”的取值里，应填：正常、无、未知"


def test_a_wrong_category_is_answered_with_those_of_the_community() -> None:
    column = PROFILE.table("complaints")["category"]
    said = refuse("飞碟", column)
    for category in PROFILE.categories:
        assert category.name in said


def test_text_is_kept_up_to_its_bound() -> None:
    assert read("字" * LONGEST_TEXT, TEXT) == "字" * LONGEST_TEXT
    said = refuse("字" * (LONGEST_TEXT + 1), TEXT)
    assert "4001" in said
    assert "4000" in said
    assert len(said) < 100, "the sentence does not repeat the text"


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Ａ　Ｂ c", "abc"), ("总户数\n（户）", "总户数(户)"), ("①", "1"), ("㎡", "m2"), ("", "")],
)
def test_folding_makes_equal_spellings_equal(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


# -- coordinates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    ["104.18,30.81", "104.18， 30.81", "104.18;30.81", "104.18；30.81", "104.18 30.81",
     "(104.18,30.81)", "（104.18，30.81）", " 104.18 , 30.81 "],
)  # fmt: skip
def test_a_pair_is_split(cell: str) -> None:
    assert split_lonlat(cell) == (104.18, 30.81)


@pytest.mark.parametrize("cell", ["", "无", "—", "()", " , "])
def test_an_empty_pair_is_none(cell: str) -> None:
    assert split_lonlat(cell) is None


@pytest.mark.parametrize("cell", ["104.18", 104.18, "104.18,30.81,5", "东经104,北纬30", "a,b"])
def test_what_is_no_pair_is_refused(cell: Cell) -> None:
    with pytest.raises(BadCellError, match="经度,纬度"):
        split_lonlat(cell)


# -- anything ---------------------------------------------------------------------------------

ANY_CELL = st.one_of(
    st.text(max_size=40),
    st.text("0123456789０１２９.,，-+/eE年月日号时分秒上午下晚户人约左右万千百十一二两三零〇点%: ", max_size=24),
    st.from_regex(r"\d{4}[年./-]\d{1,2}[月./-]\d{1,2}日?( ?(上午|下午)?\d{1,2}[:时点]\d{0,2})?", fullmatch=True),
    st.integers(),
    st.integers(-(10**9), 10**9),
    st.floats(),
    st.floats(0, 80_000),
    st.dates(),
    st.datetimes(),
)  # fmt: skip
COLUMNS = [column for table in PROFILE.tables for column in table.columns]


@given(ANY_CELL, st.sampled_from(COLUMNS))
@settings(QUICK, max_examples=2000)
@example("点", PROFILE.table("compounds")["household_count"])
@example("百", PROFILE.table("compounds")["floor_area_m2"])
@example("\ud800", PROFILE.table("compounds")["household_count"])
def test_any_cell_gives_a_value_of_the_type_or_nothing_or_a_sentence(
    cell: Cell, column: Column
) -> None:
    spellings = PROFILE.spellings(column)
    try:
        found = parse_cell(cell, column, spellings, PROFILE.source("x.csv").date_formats)
    except BadCellError as error:
        assert any("\u4e00" <= char <= "\u9fff" for char in str(error))
        assert column.label in str(error)
        return
    if found is None:
        assert is_empty(cell) or fold(as_text(cell)) == ""
        return
    assert type(found) is column.kind
    low, high = column.bounds
    if low is not None and high is not None:
        compared = found.date() if isinstance(found, datetime) else found
        assert low <= compared <= high  # type: ignore[operator]
    if isinstance(found, float):
        assert math.isfinite(found)
    if spellings:
        assert found in spellings.values()
    if isinstance(found, str):
        assert len(found) <= LONGEST_TEXT


@given(st.integers(0, 20_000))
@QUICK
def test_a_count_is_read_back_from_every_way_of_writing_it(count: int) -> None:
    import cn2an

    wide = str(count).translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)})
    for written in (count, float(count), str(count), f"{count:,}", f"约{count}户", wide,
                    cn2an.an2cn(count), f"{cn2an.an2cn(count)}户"):  # fmt: skip
        assert read(written, COUNT) == count


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))
@QUICK
def test_a_time_is_read_back_from_every_way_of_writing_it(moment: datetime) -> None:
    moment = moment.replace(second=0, microsecond=0)
    half, hour = ("下午", moment.hour - 12) if moment.hour > 12 else ("", moment.hour)
    day = f"{moment.year}年{moment.month}月{moment.day}日"
    for written in (
        moment,
        f"{moment:%Y-%m-%d %H:%M}",
        f"{moment:%Y/%m/%d %H:%M:%S}",
        moment.isoformat(),
        f"{day}{moment.hour}时{moment.minute}分",
        f"{day} {half}{hour}:{moment.minute:02}",
    ):
        assert read(written, TIME) == moment


@given(st.text("ＡＢ１２（）(): ：\u3000\n\xa0①㎡m²ÄßéAbc户数栋幢√×", max_size=30))
@QUICK
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)

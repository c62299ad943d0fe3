"""One cell to one value of the contract's type, or one sentence that says what is wrong."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from etl.sheet import Cell, Cells, judge_texts
from etl.table import LONGEST_TEXT, Column

Typed = str | int | float | bool | date | datetime
EMPTIES = frozenset(
    {"", "-", "--", "—", "——", "－", "/", "／", "无", "暂无", "暂无数据", "n/a", "na", "null", "none",
     "nan", "空", "不详", "#n/a"}
)  # fmt: skip
# What a word for nothing can begin with, for the engine that Arrow brings (RE2).
_MAYBE_EMPTY = r"(?i)^(?:$|[^\p{Han}a-z0-9]|[无暂空不n])"
# Spreadsheet programs keep 15 digits of a number; an 18-digit id typed as one is already wrong.
LARGEST_EXACT = 10**15
LONGEST_EMPTY = 12
# What a spreadsheet program shows where a formula failed; #N/A is how many say 'none'.
FAILED = frozenset({"#ref!", "#value!", "#div/0!", "#name?", "#num!", "#null!"})
YES = frozenset(
    {"是", "有", "√", "✓", "y", "yes", "true", "1", "已", "已备案", "在任", "对", "受监督"}
)
NO = frozenset(
    {"否", "无", "没有", "×", "x", "n", "no", "false", "0", "未", "未备案", "不是", "不受监督"}
)
EXCEL_EPOCH = datetime(1899, 12, 30)
_NUMBER = re.compile(
    r"^([-+]?(?:\d{1,3}(?:[,，]\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)"
    r"([万亿]?)([^\d.,，]*)$"
)
_MYRIADS = {"": 1, "万": 10_000, "亿": 100_000_000}
_UNITS = frozenset("户人栋幢个条次届米年元分层套间平方月天岁%名位/·每")
_CHINESE_NUMBER = re.compile(r"^[零〇一二两三四五六七八九十百千万亿点]+$")


class BadCellError(ValueError):
    """A cell that the contract refuses; the message is the sentence a clerk reads."""


def fold(text: str) -> str:
    """Text in the form in which two spellings of the same thing are equal."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).casefold()


def is_empty(cell: Cell) -> bool:
    """Whether a cell says nothing: blank, a dash, 无, 暂无 and their like."""
    if isinstance(cell, str):
        return len(cell) <= LONGEST_EMPTY and fold(cell) in EMPTIES
    return isinstance(cell, float) and math.isnan(cell)


def is_short_empty(texts: pa.Array) -> pa.Array:
    """Which texts of a column may be words for nothing: bool; `is_empty` says of each for sure."""

    def judge(part: pa.Array) -> pa.Array:
        is_short = pc.less_equal(pc.utf8_length(part), LONGEST_EMPTY)
        return pc.and_(is_short, pc.match_substring_regex(part, _MAYBE_EMPTY))

    return judge_texts(texts, judge)


def parse_cell(
    cell: Cell,
    column: Column,
    spellings: Mapping[str, str],
    formats: tuple[str, ...] = (),
) -> Typed | None:
    """The value of a cell by its column's rules; None where the cell is empty.

    Parameters
    ----------
    spellings
        Folded spelling to stored value, where the column allows only certain values.
    formats
        `strptime` formats of the community's profile, tried before the usual ones.

    Raises
    ------
    BadCellError
        With a Chinese sentence: what is wrong, and what would be right.
    """
    if spellings:
        return _parse_choice(cell, column, spellings)
    if column.kind is bool:
        return _parse_flag(cell, column)
    if is_empty(cell):
        return None
    if isinstance(cell, str) and fold(cell) in FAILED:
        raise BadCellError(f"“{column.label}”的公式出错了（{cell}），请改正公式或直接填写")
    return _PARSERS[column.kind](cell, column, formats)


def _parse_choice(cell: Cell, column: Column, spellings: Mapping[str, str]) -> str | None:
    found = spellings.get(fold(as_text(cell)))
    if found is not None:
        return found
    if is_empty(cell):
        return None
    allowed = "、".join(dict.fromkeys(value.text for value in column.values)) or "、".join(
        dict.fromkeys(spellings.values())
    )
    raise BadCellError(f"“{as_text(cell)}”不在“{column.label}”的取值里，应填：{allowed}")


def _parse_flag(cell: Cell, column: Column) -> bool | None:
    text = fold(as_text(cell))
    if text in YES:
        return True
    if text in NO:
        return False
    if is_empty(cell):
        return None
    raise BadCellError(f"“{column.label}”应填“是”或“否”，这里是“{as_text(cell)}”")


def as_text(cell: Cell) -> str:
    """A cell as a person would read it: whole numbers without '.0'."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return str(cell)


def as_texts(cells: Cells) -> pa.Array:
    """`as_text` over a column: string, null where a cell is empty."""
    text = cells.text
    if cells.number.null_count < len(cells):
        text = pc.coalesce(text, _write_numbers(cells.number))
    if cells.moment.null_count < len(cells):
        seconds = cells.moment.cast(pa.timestamp("s"), safe=False)
        is_exact = pc.equal(seconds.cast(pa.timestamp("us")), cells.moment)
        days = cells.moment.cast(pa.date32(), safe=False)
        is_day = pc.equal(days.cast(pa.timestamp("us")), cells.moment)
        told = pc.if_else(is_exact, seconds.cast(pa.string()), cells.moment.cast(pa.string()))
        text = pc.coalesce(text, pc.if_else(is_day, days.cast(pa.string()), told))
    return text


def _write_numbers(numbers: pa.Array) -> pa.Array:
    """Numbers as text; whole ones with all their digits, as a person would read them."""
    is_whole = pc.and_(
        pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), float(LARGEST_EXACT))
    )
    whole = pc.if_else(is_whole, numbers, None).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(whole, numbers.cast(pa.string()))


def _parse_text(cell: Cell, column: Column, formats: tuple[str, ...]) -> str:
    if isinstance(cell, (int, float)) and abs(cell) > LARGEST_EXACT:
        raise BadCellError(
            f"“{column.label}”的长数字在表格软件里已丢掉后几位，请把该列设为文本格式后重填"
        )
    text = as_text(cell)
    if len(text) > LONGEST_TEXT:
        raise BadCellError(f"“{column.label}”有 {len(text)} 个字，最多 {LONGEST_TEXT} 个")
    return text


def _parse_float(cell: Cell, column: Column, formats: tuple[str, ...]) -> float:
    return _check_bounds(_read_number(cell, column), column)


def _parse_int(cell: Cell, column: Column, formats: tuple[str, ...]) -> int:
    number = _read_number(cell, column)
    if not number.is_integer():
        raise BadCellError(f"“{column.label}”应是整数，这里是“{as_text(cell)}”")
    return int(_check_bounds(number, column))


def _read_number(cell: Cell, column: Column) -> float:
    if isinstance(cell, (int, float)):
        number = _as_float(cell)
    else:
        number = _number_in_text(as_text(cell), column.label)
    if not math.isfinite(number):
        raise BadCellError(f"“{column.label}”应是数字，这里是“{as_text(cell)}”")
    return number


def _as_float(number: int | float) -> float:
    """A number as float; one beyond all bounds as infinity, which no column takes."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


@lru_cache(maxsize=50_000)
def _number_in_text(written: str, label: str) -> float:
    """'8300户', '约 1,200', '１２００', '一千二百户', '第二届' as numbers."""
    text = (
        fold(written)
        .removeprefix("约")
        .removeprefix("第")
        .removesuffix("左右")
        .replace("m2", "平方米")
    )
    match = _NUMBER.match(text)
    if match and set(match[3]) <= _UNITS:
        digits = match[1].replace(",", "").replace("，", "")
        return float(Decimal(digits) * _MYRIADS[match[2]])
    chinese = text.rstrip("".join(_UNITS))
    if _CHINESE_NUMBER.match(chinese):
        import cn2an

        with suppress(ValueError):
            return float(cn2an.cn2an(chinese.replace("〇", "零"), "smart"))
    raise BadCellError(f"“{label}”应是数字，这里是“{written}”")


def _check_bounds(number: float, column: Column) -> float:
    low, high = column.bounds
    if low is not None and number < low:  # type: ignore[operator]
        raise BadCellError(f"“{column.label}”不能小于 {low}{column.unit}，这里是 {number:g}")
    if high is not None and number > high:  # type: ignore[operator]
        raise BadCellError(f"“{column.label}”不能大于 {high}{column.unit}，这里是 {number:g}")
    return number


def _parse_date(cell: Cell, column: Column, formats: tuple[str, ...]) -> date:
    return _read_moment(cell, column, formats).date()


def _parse_datetime(cell: Cell, column: Column, formats: tuple[str, ...]) -> datetime:
    return _read_moment(cell, column, formats)


def _read_moment(cell: Cell, column: Column, formats: tuple[str, ...]) -> datetime:
    moment = _moment_of(cell, column.label, column.kind is date, formats)
    low, high = column.bounds
    if not (low <= moment.date() <= high):  # type: ignore[operator]
        raise BadCellError(
            f"“{column.label}”的日期 {moment.date()} 不合理，应在 {low} 到 {high} 之间"
        )
    return moment


def _moment_of(cell: Cell, label: str, month_will_do: bool, formats: tuple[str, ...]) -> datetime:
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    if isinstance(cell, date):
        return datetime.combine(cell, time())
    if isinstance(cell, (int, float)):
        return _serial_moment(_as_float(cell), label)
    return _moment_in_text(cell, label, month_will_do, formats)


def _serial_moment(number: float, label: str) -> datetime:
    """A date that lost its format: 20250103 or the day number of a spreadsheet program."""
    if number.is_integer() and 19_000_101 <= number <= 21_001_231:
        return _build_moment(label, str(int(number)), *_split_digits(str(int(number))))
    if 20_000 <= number <= 73_050:
        # Programs keep a time as a fraction of a day; the seconds come out a hair off.
        return EXCEL_EPOCH + timedelta(seconds=round(number * 86_400))
    raise BadCellError(f"“{label}”应是日期，这里是“{as_text(number)}”")


_DATE = re.compile(
    r"^(\d{4})\s*[年./-]\s*(\d{1,2})(?:\s*[月./-]\s*(\d{1,2})\s*[日号]?|\s*月?)"
    r"(?:[\sTt]*(凌晨|上午|中午|下午|晚上)?\s*(\d{1,2})\s*[:：时点](?:\s*(\d{1,2})\s*[:：分]?)?(?:\s*(\d{1,2})(?:\.\d+)?\s*秒?)?)?$"
)
_WEEKDAY = re.compile(r"\s*[（(]?(?:星期|周|礼拜)[一二三四五六日天][）)]?")
_CHINESE_DATE = re.compile(
    r"([〇零一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月([一二三四五六七八九十]{1,3})[日号]"
)


@lru_cache(maxsize=200_000)
def _moment_in_text(
    written: str, label: str, month_will_do: bool, formats: tuple[str, ...]
) -> datetime:
    text = unicodedata.normalize("NFKC", written).strip()
    for form in formats:
        try:
            return datetime.strptime(text, form).replace(tzinfo=None)
        except ValueError:
            continue
    if re.fullmatch(r"\d{5}(\.\d+)?|\d{8}", text):
        return _serial_moment(float(text), label)
    text = _CHINESE_DATE.sub(_arabic_date, _WEEKDAY.sub("", text))
    match = _DATE.match(text)
    if match is None or (match[3] is None and not month_will_do):
        raise BadCellError(f"“{label}”应是日期，例如 2025年1月3日，这里是“{written}”")
    year, month, day, half, hour, minute, second = match.groups()
    clock = (_read_hour(half, int(hour or 0)), int(minute or 0), int(second or 0))
    return _build_moment(label, written, int(year), int(month), int(day or 1), *clock)


def _read_hour(half: str | None, hour: int) -> int:
    """下午3 is 15, 下午12 is noon, 上午12 and 凌晨12 are midnight."""
    if half in ("下午", "晚上"):
        return hour + 12 if hour < 12 else hour
    return 0 if half in ("上午", "凌晨") and hour == 12 else hour


def _arabic_date(match: re.Match[str]) -> str:
    """二〇二五年一月三日 as 2025年1月3日."""
    import cn2an

    year = "".join(str("〇一二三四五六七八九".index(c)) for c in match[1].replace("零", "〇"))
    month, day = (int(cn2an.cn2an(part, "smart")) for part in match.groups()[1:])
    return f"{year}年{month}月{day}日"


def _split_digits(digits: str) -> tuple[int, int, int]:
    return int(digits[:4]), int(digits[4:6]), int(digits[6:8])


def _build_moment(
    label: str,
    written: str,
    year: int,
    month: int,
    day: int,
    hour: int = 0,
    minute: int = 0,
    second: int = 0,
) -> datetime:
    try:
        return datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise BadCellError(f"“{label}”写的日期“{written}”不存在，请核对") from error


def split_lonlat(cell: Cell) -> tuple[float, float] | None:
    """'104.18,30.81' as two numbers, None where the cell is empty.

    Raises
    ------
    BadCellError
        Where the cell holds something that is not two numbers.
    """
    if is_empty(cell):
        return None
    parts = [part for part in re.split(r"[,，;；\s]+", str(cell).strip("()（） ")) if part]
    if not parts:
        return None
    try:
        lon, lat = (float(part) for part in parts)
    except ValueError as error:
        raise BadCellError(f"“经纬度”应写成“经度,纬度”，这里是“{cell}”") from error
    return lon, lat


_PARSERS: dict[type, Callable[[Cell, Column, tuple[str, ...]], Typed]] = {
    str: _parse_text,
    int: _parse_int,
    float: _parse_float,
    date: _parse_date,
    datetime: _parse_datetime,
}

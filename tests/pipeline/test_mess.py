"""Whole workbooks of known mess: every row of data is in the store as meant, or named; nothing else is."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import cn2an
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from openpyxl import Workbook
from openpyxl.styles import PatternFill
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from etl.check import ERROR, Checked, check_sheet
from etl.match import find_tables
from etl.names import Names
from etl.profile import load_profile
from etl.refresh import refresh
from etl.sheet import address
from etl.store import Store
from etl.workbook import Reader
from etl.workbook import Workbook as Read
from tests.conftest import write_workbook

PROFILE = load_profile()
REGISTER = {
    "T01": "甲园",
    "T02": "乙院",
    "T03": "丙苑",
    "T04": "丁庭",
    "T05": "戊里",
    "T06": "己轩",
}
GROUPS = ("本地居民", "市内迁入", "外地购房", "租住居民")
CATEGORIES = ("停车管理", "环境卫生")
TYPES = {"商品房": "商品房", "老旧院落": "老旧", "安置小区": "安置", " 老旧 ": "老旧"}
HEADERS = {
    "compound_id": ("小区", "所属小区", "小　区", "小区*"),
    "name": ("小区名称", "院落名称", "小区名称："),
    "type": ("小区类型", "住房类型"),
    "household_count": ("总户数", "户数", "户数（户）", "总户数(户)"),
    "resident_count": ("常住人口（人）", "人数", "人数（人）"),
    "resident_group": ("居民类别", "人群"),
    "complaint_id": ("工单编号", "受理编号"),
    "reported_at": ("受理时间", "投诉时间", "受理日期"),
    "category": ("诉求类别", "问题类别"),
    "text": ("诉求内容", "问题描述"),
}
COLUMNS = {
    "compounds": ("key", "name", "type", "household_count", "resident_count"),
    "population_groups": ("compound_id", "resident_group", "household_count", "resident_count"),
    "complaints": ("complaint_id", "reported_at", "category", "compound_id", "text"),
}
REQUIRED = {
    "compounds": {"name", "type", "household_count"},
    "population_groups": {"compound_id", "resident_group"},
    "complaints": {"reported_at", "category", "compound_id"},
}
KEYS = {
    "compounds": ("key",),
    "population_groups": ("compound_id", "resident_group"),
    "complaints": ("complaint_id",),
}
SUMMED = {"household_count", "resident_count"}
EMPTIES = ("", None, "—", "无", "/", "　", "－", "暂无")
FULL_WIDTH = str.maketrans("0123456789T", "０１２３４５６７８９Ｔ")


@dataclass(frozen=True)
class Cell:
    """What is written, what it means, and whether it can be read at all."""

    written: Any
    value: Any
    is_bad: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table as it is written; `cells` by column where it is data."""

    written: list[Any]
    cells: dict[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """A table with its header; `wrong_total` says that its last sum is not that of its rows."""

    table: str
    names: list[str]
    head: list[list[Any]]
    rows: list[Row]
    wrong_total: str = ""


@dataclass
class Page:
    """A sheet to be written, and what its rows mean: by table, row and key."""

    grid: dict[tuple[int, int], Any] = field(default_factory=dict)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    good: dict[tuple[str, int, tuple[Any, ...]], dict[str, Any]] = field(default_factory=dict)
    bad: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    warned: set[str] = field(default_factory=set)
    height: int = 0


# -- cells as people write them -----------------------------------------------------------------


def write_count(number: int) -> st.SearchStrategy[Cell]:
    """Ways of writing a whole number."""
    ways = [number, float(number), str(number), f"{number}户", f"约 {number:,}", f" {number} ",
            str(number).translate(FULL_WIDTH), f"{number}左右", f"{number:,}人",
            cn2an.an2cn(number), cn2an.an2cn(number) + "户"]  # fmt: skip
    return st.sampled_from([Cell(way, number) for way in ways])


def write_day(day: date) -> st.SearchStrategy[Cell]:
    """Ways of writing a day: what Excel knows, what people type, what lost its format."""
    y, m, d = day.year, day.month, day.day
    year = "".join("〇一二三四五六七八九"[int(c)] for c in str(y))
    ways: list[Any] = [
        datetime(y, m, d), day, f"{y}年{m}月{d}日", f"{y}-{m:02}-{d:02}", f"{y}/{m}/{d}",
        f"{y}.{m}.{d}", f"{y}年{m:02}月{d:02}号", int(f"{y}{m:02}{d:02}"), f"{y}{m:02}{d:02}",
        f"{y}年{m}月{d}日 星期一", f"{y}年{m}月{d}日".translate(FULL_WIDTH),
        f"{year}年{cn2an.an2cn(m).replace('一十', '十')}月{cn2an.an2cn(d).replace('一十', '十')}日",
        (day - date(1899, 12, 30)).days,
    ]  # fmt: skip
    midnight = datetime(y, m, d)
    told = [Cell(way, midnight) for way in ways]
    told += [
        Cell(
            midnight + timedelta(hours=15, minutes=20), midnight + timedelta(hours=15, minutes=20)
        ),
        Cell(f"{y}年{m}月{d}日下午3点20分", midnight + timedelta(hours=15, minutes=20)),
        Cell(f"{y}-{m}-{d} 09:05:07", midnight + timedelta(hours=9, minutes=5, seconds=7)),
    ]
    return st.sampled_from(told)


def write_compound(key: str) -> st.SearchStrategy[Cell]:
    """Ways of naming a compound."""
    name = REGISTER[key]
    ways = [name, key, f"{name[0]} {name[1]}", key.translate(FULL_WIDTH), f" {name} "]
    return st.sampled_from([Cell(way, key) for way in ways])


BAD = {
    "household_count": ("若干", "#REF!", -3, 1.5, "八百来户", 999_999),
    "resident_count": ("若干", "#VALUE!", -3, 1.5),
    "reported_at": ("2026-02-30", "昨天", "1月3日", "#NAME?", 3.5, "0205-01-03"),
    "compound_id": ("不存在府", "#REF!"),
    "type": ("城堡", "#REF!"),
    "resident_group": ("外星来客", "#DIV/0!"),
    "category": ("吟诗作对", "#REF!"),
}


@st.composite
def cells(draw: st.DrawFn, name: str, key: dict[str, Any], table: str) -> Cell:
    """One cell of a column: usually right in some spelling, sometimes empty or wrong."""
    fate = draw(st.sampled_from(["right"] * 12 + ["empty", "wrong"]))
    if name in key and fate == "empty" and name in ("key", "complaint_id"):
        fate = "right"  # without an id of its own a row has another one, made from what it says
    if fate == "empty":
        # A word for nothing is a name like any other where names stand.
        words = EMPTIES if name != "text" else EMPTIES[:2]
        must = name in REQUIRED[table] and (table, name) != ("complaints", "compound_id")
        return Cell(draw(st.sampled_from(words)), None, must)
    if fate == "wrong" and name in BAD:
        return Cell(draw(st.sampled_from(BAD[name])), None, True)
    if name in SUMMED:
        return draw(write_count(draw(st.integers(1, 4000))))
    if name == "reported_at":
        return draw(write_day(date(2024, 1, 1) + timedelta(days=draw(st.integers(0, 900)))))
    if name == "compound_id":
        return draw(write_compound(key.get(name) or draw(st.sampled_from([*REGISTER]))))
    if name == "type":
        written = draw(st.sampled_from([*TYPES]))
        return Cell(written, TYPES[written])
    if name == "name":
        return Cell(REGISTER[key["key"]], REGISTER[key["key"]])
    if name == "category":
        return draw(st.sampled_from([Cell(c, c) for c in CATEGORIES]))
    if name == "text":
        said = draw(st.sampled_from(["占道", "说不清", "物业费合计", "附近吵", "一、二栋没有灯"]))
        return Cell(said, said)
    return Cell(key[name], str(key[name]))


def make_keys(table: str) -> list[dict[str, Any]]:
    """What tells the rows of a table apart, for as many rows as there can be."""
    if table == "compounds":
        return [{"key": key} for key in REGISTER]
    if table == "population_groups":
        return [{"compound_id": c, "resident_group": g} for c in REGISTER for g in GROUPS]
    # Numbers as text, numbers that lost their zeros, long ones that would have lost digits.
    return [{"complaint_id": n} for n in ("007", 8, "GD-1", "202601030000000001", 12.0)] + [
        {"complaint_id": f"G{n}"} for n in range(60)
    ]


@st.composite
def blocks(draw: st.DrawFn, table: str, keys: list[dict[str, Any]], is_plain: bool) -> Block:
    """A table; the keys it uses are taken out of `keys`."""
    names = list(draw(st.permutations(COLUMNS[table])))
    head = [draw(st.sampled_from(_headers(table, n))) for n in names]
    rows: list[Row] = []
    since: dict[str, list[Cell]] = {name: [] for name in SUMMED}
    every: dict[str, list[Cell]] = {name: [] for name in SUMMED}
    for _ in range(draw(st.integers(1, min(5, len(keys))))):
        key = keys.pop(0)
        told = {name: draw(cells(name, key, table)) for name in names}
        if table == "population_groups" and not told["resident_group"].is_bad:
            told["resident_group"] = Cell(key["resident_group"], key["resident_group"])
        told = {n: _shown(c) if n in ("key", "complaint_id") else c for n, c in told.items()}
        rows.append(Row([told[name].written for name in names], told))
        for name in SUMMED & set(names):
            since[name].append(told[name])
            every[name].append(told[name])
        noise = draw(st.sampled_from(["", "", "", "blank", "header", "section", "subtotal"]))
        if noise == "blank":
            rows.append(Row([None] * len(names)))
        elif noise == "header" and not is_plain:
            rows.append(Row(list(head)))
        elif noise == "section" and names[0] != "text":
            title = draw(st.sampled_from(["一、老旧院落", "（二）新建小区", "续表"]))
            rows.append(Row([title, *[None] * (len(names) - 1)]))
        elif noise == "subtotal" and since["household_count"] and _has_sums(names):
            rows.append(Row(_sum_row("小计", names, since)))
            since = {name: [] for name in SUMMED}
    wrong = ""
    if _has_sums(names) and draw(st.booleans()):
        last = _sum_row("合计", names, every)
        wrong = draw(st.sampled_from(["", "", *sorted(_checkable(every))]))
        if wrong:
            last[names.index(wrong)] += 1
        rows.append(Row(last))
    if draw(st.booleans()):
        rows.append(Row(["填表人：某某", "审核：某某", *[None] * (len(names) - 2)]))
    return Block(table, names, _stack(head) if draw(st.booleans()) else [head], rows, wrong)


def _headers(table: str, name: str) -> tuple[str, ...]:
    if name == "key":
        return ("小区编号",)
    own = HEADERS[name]
    return own[1:] if (table, name) == ("population_groups", "resident_count") else own


def _shown(cell: Cell) -> Cell:
    """A number in a column of ids is the digits that are shown."""
    whole = isinstance(cell.written, float) and cell.written.is_integer()
    return Cell(cell.written, str(int(cell.written)), cell.is_bad) if whole else cell


def _has_sums(names: list[str]) -> bool:
    return bool(SUMMED & set(names)) and names[0] not in SUMMED


def _checkable(told: dict[str, list[Cell]]) -> Iterator[str]:
    """Columns of which every cell could be read: only their sums can be held against the rows."""
    return (n for n, column in told.items() if column and not any(c.is_bad for c in column))


def _sum_row(word: str, names: list[str], told: dict[str, list[Cell]]) -> list[Any]:
    sums = {n: sum(c.value or 0 for c in column) for n, column in told.items()}
    return [word if place == 0 else sums.get(name) for place, name in enumerate(names)]


def _stack(head: list[str]) -> list[list[Any]]:
    """A header of two rows: a group over the last two columns, the others merged downwards."""
    return [[*head[:-2], "基本情况", None], [*[None] * (len(head) - 2), *head[-2:]]]


# -- sheets and files ---------------------------------------------------------------------------


@st.composite
def pages(draw: st.DrawFn, is_plain: bool = False) -> Page:
    """A sheet of one to three bands, each of a table or of two side by side."""
    page = Page()
    keys = {table: draw(st.permutations(make_keys(table))) for table in COLUMNS}
    top = 0
    for _ in range(draw(st.integers(1, 1 if is_plain else 3))):
        top = _write_titles(page, draw, top)
        many = 1 if is_plain else draw(st.sampled_from([1, 1, 2]))
        left = draw(st.integers(0, 2))
        starts = top
        for _ in range(many):
            table = draw(st.sampled_from([t for t in COLUMNS if keys[t]]))
            block = draw(blocks(table, keys[table], is_plain or many > 1))
            if many > 1 and len(block.head) > 1:
                block = Block(block.table, block.names, [block.head[0][:-2] + block.head[1][-2:]],
                              block.rows, block.wrong_total)  # fmt: skip
            top = max(top, _write_block(page, block, starts, left))
            left += len(block.names) + 1
        top += draw(st.integers(0, 2))
    page.height = top
    return page


def _write_titles(page: Page, draw: st.DrawFn, top: int) -> int:
    for text in draw(
        st.sampled_from([[], ["某社区情况表"], ["某社区情况表", "单位：户、人"], ["", "统计表"]])
    ):
        if text:
            page.grid[top, 0] = text
        top += 1
    return top


def _write_block(page: Page, block: Block, top: int, left: int) -> int:
    """Put a table on a sheet; the answer is the row below it."""
    first = top
    for line in block.head:
        _write_line(page, line, top, left)
        top += 1
    if len(block.head) == 2:
        last = left + len(block.names) - 1
        page.merged += [(first, column, first + 1, column) for column in range(left, last - 1)]
        page.merged.append((first, last - 1, first, last))
    total = first + len(block.head) + max(
        (n for n, row in enumerate(block.rows) if row.written[0] == "合计"), default=0
    )  # fmt: skip
    for row in block.rows:
        _write_line(page, row.written, top, left)
        if row.cells:
            _note_meaning(page, block, row, top, left, total)
        top += 1
    return top


def _write_line(page: Page, line: list[Any], row: int, left: int) -> None:
    for place, written in enumerate(line):
        if written is not None:
            page.grid[row, left + place] = written


def _note_meaning(page: Page, block: Block, row: Row, top: int, left: int, total: int) -> None:
    where = {name: address(top, left + place) for place, name in enumerate(block.names)}
    required = REQUIRED[block.table]
    wrong = {where[n] for n, c in row.cells.items() if c.is_bad and n in required}
    if block.wrong_total:
        wrong.add(address(total, left + block.names.index(block.wrong_total)))
    page.warned |= {where[n] for n, c in row.cells.items() if c.is_bad and n not in required}
    if wrong:
        page.bad.setdefault((block.table, top + 1), set()).update(wrong)
        return
    values = {name: row.cells[name].value for name in COLUMNS[block.table]}
    page.good[block.table, top + 1, tuple(values[n] for n in KEYS[block.table])] = values


def write_xlsx(path: Path, page: Page, is_1904: bool, hidden: int | None, ghosts: int) -> Path:
    """The sheet as a workbook, with a hidden row and thousands of rows that only have a colour."""
    book = Workbook()
    if is_1904:
        book.epoch = CALENDAR_MAC_1904
    sheet = book.worksheets[0]
    for (row, column), value in page.grid.items():
        sheet.cell(row + 1, column + 1, value)
    for top, left, bottom, right in page.merged:
        sheet.merge_cells(
            start_row=top + 1, start_column=left + 1, end_row=bottom + 1, end_column=right + 1
        )
    for row in range(ghosts):
        sheet.cell(page.height + row + 1, 1).fill = PatternFill("solid", fgColor="EEEEEE")
    if hidden is not None:
        sheet.row_dimensions[hidden + 1].hidden = True
    book.save(path)
    return path


def write_csv(path: Path, page: Page, encoding: str) -> Path:
    """The sheet as text: what a spreadsheet program saves, in one of its encodings."""
    width = max(column for _, column in page.grid) + 1
    told = io.StringIO(newline="")
    writer = csv.writer(told)
    for row in range(page.height):
        values = [page.grid.get((row, column), "") for column in range(width)]
        writer.writerow([_as_saved(value) for value in values])
    path.write_bytes(told.getvalue().encode(encoding))
    return path


def _as_saved(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y/%m/%d %H:%M}" if value.second == 0 else f"{value:%Y/%m/%d %H:%M:%S}"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


ENCODINGS = ("gb18030", "utf-16", "utf-8", "utf-8-sig")


@st.composite
def files(draw: st.DrawFn) -> tuple[Page, Callable[[Path], Path]]:
    """A sheet, and a function that writes it into a folder."""
    kind = draw(st.sampled_from(["xlsx", "xlsx", "csv"]))
    page = draw(pages(is_plain=kind == "csv"))
    if kind == "csv":
        encoding = draw(st.sampled_from(ENCODINGS))
        page.merged.clear()
        return page, lambda folder: write_csv(folder / "表.csv", page, encoding)
    # The bare number of a day says nothing of the calendar it counts in.
    is_counted = any(type(v) is int and 40_000 < v < 50_000 for v in page.grid.values())
    is_1904 = draw(st.booleans()) and not is_counted
    hidden = draw(st.none() | st.integers(0, max(page.height - 1, 0)))
    ghosts = draw(st.sampled_from([0, 0, 300]))
    return page, lambda folder: write_xlsx(folder / "表.xlsx", page, is_1904, hidden, ghosts)


# -- what must hold -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as one:
        yield one


def check_book(book: Read, file: str) -> list[Checked]:
    """Every table of a file, checked against the register."""
    names = Names()
    for key, name in REGISTER.items():
        names.add(key, [name])
    references = {"compounds": names}
    (sheet,) = book.sheets
    found = find_tables(sheet, file, PROFILE)
    assert isinstance(found, list), found
    return [check_sheet(sheet, match, PROFILE, file, references) for match in found]


def require_meaning(page: Page, parts: list[Checked]) -> None:
    """Each row of data is read as it was meant or named by its cell; nothing else is a row."""
    good: dict[tuple[str, int, tuple[Any, ...]], dict[str, Any]] = {}
    bad: dict[tuple[str, int], set[str]] = {}
    for part in parts:
        table = part.table.name
        names = {n: "compound_id" if n == "key" else n for n in COLUMNS[table]}
        columns = {n: part.rows[stored].to_pylist() for n, stored in names.items()}
        for place, number in enumerate(part.row_numbers.tolist()):
            values = {n: column[place] for n, column in columns.items()}
            good[table, number, tuple(values[n] for n in KEYS[table])] = values
        for number, problems in part.bad_rows.items():
            bad.setdefault((table, number), set()).update(p.split("：")[0] for p in problems)
    assert good == page.good
    assert bad.keys() == page.bad.keys()
    for where, named in page.bad.items():
        assert bad[where] & named, (where, named, bad[where])
    issues = [issue for part in parts for issue in part.issues]
    assert page.warned <= {issue.cell for issue in issues}
    errors = {issue.cell for issue in issues if issue.severity == ERROR}
    assert all(named & errors for named in bad.values())


def bound(examples: int) -> settings:
    """So many examples, the same ones each time."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[*HealthCheck],
    )


Made = tuple[Page, Callable[[Path], Path]]


@bound(60)
@given(files())
def test_mess_is_read_as_it_was_meant(tmp_path: Path, reader: Reader, made: Made) -> None:
    page, write = made
    path = write(tmp_path)
    require_meaning(page, check_book(reader.read(path), path.name))


@pytest.mark.slow
@bound(1500)
@given(files())
def test_much_mess_is_read_as_it_was_meant(tmp_path: Path, reader: Reader, made: Made) -> None:
    page, write = made
    path = write(tmp_path)
    require_meaning(page, check_book(reader.read(path), path.name))


# -- the whole way into the store ---------------------------------------------------------------


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that knows the compounds, each with what no sheet of mess says of it."""
    folder = tmp_path_factory.mktemp("register")
    rows = [["小区编号", "小区名称", "小区类型", "总户数"]]
    rows += [[key, name, "其他", 0] for key, name in REGISTER.items()]
    store = Store(folder / "store")
    refresh(store, [write_workbook(folder / "台账.xlsx", {"小区台账": rows})])
    store.close()
    return store.path


@bound(2)
@given(files())
def test_mess_lands_as_it_was_meant(
    registered: Path, tmp_path_factory: pytest.TempPathFactory, made: Made
) -> None:
    land_mess(registered, tmp_path_factory.mktemp("mess"), *made)


@pytest.mark.slow
@bound(80)
@given(files())
def test_much_mess_lands_as_it_was_meant(
    registered: Path, tmp_path_factory: pytest.TempPathFactory, made: Made
) -> None:
    land_mess(registered, tmp_path_factory.mktemp("mess"), *made)


def land_mess(registered: Path, folder: Path, page: Page, write: Callable[[Path], Path]) -> None:
    """Refresh from one file twice: all of it lands or is named, and the second time nothing new."""
    store = Store(shutil.copytree(registered, folder / "store"))
    path = write(folder)
    for number in range(2):
        report = refresh(store, [path])
        assert (report.snapshot is None) == (number > 0)
        for sheet in report.sheets:
            assert sheet.rows_read == (
                sheet.rows_new + sheet.rows_changed + sheet.rows_unchanged
                + sheet.rows_quarantined + sheet.rows_recognised
            )  # fmt: skip
        assert report.count("quarantined") == len(page.bad)
        for table in COLUMNS:
            assert read_landed(store, table, path.name) == [
                values for (name, _, _), values in sorted(page.good.items(), key=_by_row)
                if name == table
            ]  # fmt: skip
        kept = store.frame("quarantine")
        assert {(t, int(r)) for t, r in zip(kept["table"], kept["row"], strict=True)} == {*page.bad}
        assert all(problem for problem in kept["problem"])
    store.close()


def _by_row(item: tuple[tuple[str, int, tuple[Any, ...]], Any]) -> tuple[str, int, str]:
    (table, row, key), _ = item
    return table, row, "|".join(map(str, key))


def read_landed(store: Store, table: str, file: str) -> list[dict[str, Any]]:
    """What a core table holds of a file, by row and key, under the names used here."""
    frame = store.frame(f"core_{table}")
    frame = frame[frame["file"] == file].rename(
        columns={"compound_id": "key"} if table == "compounds" else {}
    )
    told = frame.astype(object).where(frame.notna(), None).to_dict("records")
    told.sort(key=lambda row: (row["row"], "|".join(str(row[name]) for name in KEYS[table])))
    return [{name: row[name] for name in COLUMNS[table]} for row in told]


# -- what once went wrong -----------------------------------------------------------------------

PEOPLE = ["小区", "居民类别", "户数（户）", "人数（人）"]


def test_two_tables_of_a_kind_side_by_side_land_once(registered: Path, tmp_path: Path) -> None:
    store = Store(shutil.copytree(registered, tmp_path / "store"))
    rows = [
        [*PEOPLE, "", *PEOPLE],
        ["甲园", "本地居民", 10, 20, "", "甲园", "租住居民", 90, 95],
        ["乙院", "本地居民", 10, 20, "", "城堡", "租住居民", 40, 95],
        ["丙苑", "本地居民", 10, 20],
    ]
    path = write_workbook(tmp_path / "并排.xlsx", {"人口构成": rows})
    report = refresh(store, [path])
    assert (report.count("new"), report.count("quarantined")) == (4, 1)
    landed = store.frame("core_population_groups")
    assert sorted(zip(landed["row"], landed["household_count"], strict=True)) == [
        (2, 10), (2, 90), (3, 10), (4, 10)
    ]  # fmt: skip
    assert sorted(store.frame("raw_rows").query("file == '并排.xlsx'")["row"]) == [2, 2, 3, 3, 4]
    (kept,) = store.frame("quarantine").to_dict("records")
    assert "F3：“城堡”不在" in kept["problem"]
    assert "乙院" in kept["cells"]
    assert "城堡" in kept["cells"]
    assert refresh(store, [path]).snapshot is None


def test_a_table_above_a_surer_one_is_read_too(reader: Reader, tmp_path: Path) -> None:
    rows = [
        PEOPLE,
        ["甲园", "本地居民", 10, 20],
        ["小区情况"],
        ["单位：户"],
        ["小区编号", "小区名称", "小区类型", "总户数（户）", "常住人口"],
        ["T01", "甲园", "商品房", 100, 200],
    ]
    path = write_workbook(tmp_path / "上下.xlsx", {"Sheet1": rows})
    above, below = check_book(reader.read(path), path.name)
    assert (above.table.name, above.row_numbers.tolist(), above.recognised) == (
        "population_groups", [2], 2
    )  # fmt: skip
    assert (below.table.name, below.row_numbers.tolist()) == ("compounds", [6])
    assert not above.bad_rows
    assert not below.bad_rows


def test_what_somebody_said_is_no_sum_and_no_title(reader: Reader, tmp_path: Path) -> None:
    rows = [
        ["诉求内容", "受理时间", "诉求类别", "小区", "楼栋"],
        ["物业费合计", "2026-01-03", "停车管理", "甲园", "3栋"],
        ["附近噪音大"],
        ["一、二栋之间没有灯"],
        ["占道", "2026-01-04", "停车管理", "甲园", "#REF!"],
        ["合计", 2],
    ]
    path = write_workbook(tmp_path / "话.xlsx", {"Sheet1": rows})
    (checked,) = check_book(reader.read(path), path.name)
    assert checked.row_numbers.tolist() == [2, 5]
    assert sorted(checked.bad_rows) == [3, 4]
    assert checked.recognised == 1
    (failed,) = (issue for issue in checked.issues if issue.cell == "E5")
    assert "公式出错了（#REF!）" in failed.problem
    assert checked.rows["building_no"].to_pylist() == ["3栋", None]


def test_a_header_of_two_rows_may_repeat_one_of_one_row(reader: Reader, tmp_path: Path) -> None:
    rows = [
        ["工单编号", "受理日期", "诉求类别", "小区", "诉求内容"],
        ["GD-1", "2024-01-01", "停车管理", "甲园", "占道"],
        ["第二页"],
        ["工单编号", "受理日期", "诉求类别", "基本情况", ""],
        ["", "", "", "小区", "诉求内容"],
        ["GD-2", "2024-01-02", "停车管理", "乙院", "占道"],
    ]
    path = write_workbook(tmp_path / "两页.xlsx", {"Sheet1": rows})
    (checked,) = check_book(reader.read(path), path.name)
    assert checked.row_numbers.tolist() == [2, 6]
    assert not checked.bad_rows
    assert checked.recognised == 3


def test_sums_of_parts_are_known_whatever_stands_before_them(
    reader: Reader, tmp_path: Path
) -> None:
    register = [
        ["序号", "小区类型", "小区名称", "总户数"],
        ["1", "商品房", "甲园", 100],
        ["2", "商品房", "乙院", 200],
        ["", "商品房", "商品房小计", 300],
        ["3", "老旧院落", "丙苑", 50],
        ["", "老旧院落", "老旧院落小计", 50],
    ]
    complaints = [
        ["工单编号", "受理时间", "二级类别", "诉求类别", "小区", "诉求内容"],
        ["GD-1", "2026-01-03", "公摊费合计", "停车管理", "甲园", "合计"],
        ["", "", "小计", "", "", 1],
    ]
    path = write_workbook(tmp_path / "册.xlsx", {"Sheet1": register})
    (checked,) = check_book(reader.read(path), path.name)
    assert checked.row_numbers.tolist() == [2, 3, 5]
    assert (checked.recognised, checked.bad_rows) == (2, {})
    path = write_workbook(tmp_path / "单.xlsx", {"Sheet1": complaints})
    (checked,) = check_book(reader.read(path), path.name)
    assert (checked.row_numbers.tolist(), checked.recognised) == ([2], 1)

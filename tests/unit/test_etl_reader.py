"""Files nobody here wrote are read in a process that may hang, swell or die; the next is read all the same."""

from __future__ import annotations

import io
import os
import threading
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import msoffcrypto
import openpyxl
import psutil
import pytest
import xlsxwriter
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st
from msoffcrypto.format.ooxml import OOXMLFile

from etl import workbook
from etl.errors import FileError, PasswordNeededError
from etl.files.limits import SUFFIXES, Limits
from etl.sheet import Cell
from etl.workbook import Reader, Workbook, read_workbook

ROWS = [["小区", "户数"], ["翠屏", 12.0]]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def xlsx(path: Path, rows: list[list[Any]], **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook(write_only=True)
    for title, cells in {"表": rows, **sheets}.items():
        sheet = book.create_sheet(title)
        for row in cells:
            sheet.append(row)
    book.save(path)
    return path


def rows_of(book: Workbook, sheet: int = 0) -> list[list[Cell]]:
    return list(book.sheets[sheet].rows())


def refuse(reader: Reader, path: Path, password: str = "") -> str:
    with pytest.raises(FileError) as caught:
        reader.read(path, password)
    assert f"《{path.name}》" in str(caught.value)
    return str(caught.value)


# -- one child for many files -------------------------------------------------------------------


def test_a_child_is_started_for_the_first_file_and_serves_the_next(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", ROWS)
    with Reader() as reader:
        assert reader.pid is None
        assert rows_of(reader.read(path)) == ROWS
        first = reader.pid
        assert first is not None
        assert rows_of(reader.read(path)) == ROWS
        assert reader.pid == first
    assert not psutil.pid_exists(first)
    assert rows_of(reader.read(path)) == ROWS
    reader.close()
    assert reader.pid is None


def test_one_file_needs_no_reader(tmp_path: Path) -> None:
    assert rows_of(read_workbook(xlsx(tmp_path / "a.xlsx", ROWS))) == ROWS


def test_a_file_is_read_ahead(reader: Reader, tmp_path: Path) -> None:
    paths = [xlsx(tmp_path / f"{n}.xlsx", [["号"], [float(n)]]) for n in range(5)]
    waiting = [reader.submit(path) for path in paths]
    assert [rows_of(book.result())[1] for book in waiting] == [[float(n)] for n in range(5)]
    failed = reader.submit(tmp_path / "没有.xlsx")
    with pytest.raises(FileError, match="找不到文件《没有.xlsx》"):
        failed.result()


def test_nothing_is_imported_from_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = xlsx(tmp_path / "a.xlsx", ROWS)
    for module in ("json", "etl", "pyarrow", "python_calamine"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    with Reader() as reader:
        assert rows_of(reader.read(Path(path.name))) == ROWS


# -- a child that dies --------------------------------------------------------------------------


@pytest.fixture
def halted(reader: Reader, tmp_path: Path) -> psutil.Process:
    """The child, halted: it will never answer what it is asked now."""
    reader.read(xlsx(tmp_path / "first.xlsx", ROWS))
    child = psutil.Process(reader.pid)
    child.suspend()
    return child


def test_a_child_killed_amid_a_file_is_replaced(
    reader: Reader, halted: psutil.Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = xlsx(tmp_path / "某表.xlsx", ROWS)
    is_asked, receive = threading.Event(), workbook._receive

    def tell(pipe: Any) -> Iterator[Any]:
        is_asked.set()
        yield from receive(pipe)

    monkeypatch.setattr(workbook, "_receive", tell)
    waiting = reader.submit(path)
    assert is_asked.wait(20)
    halted.kill()
    with pytest.raises(FileError, match="《某表.xlsx》.*停止"):
        waiting.result(timeout=20)
    assert rows_of(reader.read(path)) == ROWS
    assert reader.pid not in (None, halted.pid)


def test_a_child_killed_between_two_files_is_not_missed(reader: Reader, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "某表.xlsx", ROWS)
    reader.read(path)
    child = psutil.Process(reader.pid)
    child.kill()
    psutil.wait_procs([child], timeout=5)
    assert rows_of(reader.read(path)) == ROWS


def test_a_reader_closed_amid_a_file_ends_its_child(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", ROWS)
    reader = Reader()
    reader.read(path)
    child = psutil.Process(reader.pid)
    child.suspend()
    waiting = reader.submit(path)
    reader.close()
    assert not child.is_running()
    assert reader.pid is None
    assert waiting.done()


# -- limits -------------------------------------------------------------------------------------


def test_a_file_that_takes_too_long_is_left(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "慢.xlsx", ROWS)
    with Reader(Limits(seconds=0.4)) as reader:
        assert rows_of(reader.read(path)) == ROWS
        child = psutil.Process(reader.pid)
        child.suspend()
        assert "秒还没有读完" in refuse(reader, path)
        assert not child.is_running()
        assert rows_of(reader.read(path)) == ROWS


def test_a_cell_far_out_does_not_take_all_memory(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "远.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "近")
        sheet.write(1_048_575, 16_383, "远")
    assert "内存超过上限" in refuse(reader, path)
    assert rows_of(reader.read(xlsx(tmp_path / "b.xlsx", ROWS))) == ROWS


def test_what_takes_more_memory_than_it_may_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "大.json"
    path.write_text("[" + ",".join(['{"a":1}'] * 1_000_000) + "]")
    with Reader(Limits(memory=200_000_000)) as reader:
        assert "内存超过上限（200 MB）" in refuse(reader, path)
        assert rows_of(reader.read(xlsx(tmp_path / "a.xlsx", ROWS))) == ROWS


def test_a_child_that_swells_is_ended_where_the_system_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = xlsx(tmp_path / "大.xlsx", ROWS)
    with Reader() as reader:
        reader.read(path)
        child = psutil.Process(reader.pid)
        child.suspend()
        with monkeypatch.context() as patch:
            patch.setattr(workbook, "memory_of", lambda pid: 10**10)
            assert "内存超过上限（1000 MB）" in refuse(reader, path)
        assert not child.is_running()
        assert rows_of(reader.read(path)) == ROWS


def test_a_child_that_stays_swollen_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "memory_of", lambda pid: 500_000_000)
    with Reader() as reader:
        assert rows_of(reader.read(xlsx(tmp_path / "a.xlsx", ROWS))) == ROWS
        assert reader.pid is None


def test_a_sheet_of_too_many_cells_is_refused(tmp_path: Path) -> None:
    with Reader(Limits(cells=5)) as reader:
        path = xlsx(tmp_path / "大.xlsx", [["a", "b"]] * 3)
        assert "“表”有 3×2 个单元格" in refuse(reader, path)
        assert reader.read(xlsx(tmp_path / "小.xlsx", [["a", "b"]] * 2)).sheets[0].height == 2
        (tmp_path / "大.csv").write_text("a,b\n" * 3)
        assert "“大”有 3×2 个单元格" in refuse(reader, tmp_path / "大.csv")


def test_a_sheet_called_after_a_person_is_masked_in_the_sentence_too(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "大.xlsx", [["a"]], 业主13800138000=[["a", "b"]] * 9)
    with Reader(Limits(cells=9)) as reader:
        assert "13800138000" not in refuse(reader, path)


def test_cells_are_counted_over_all_sheets(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "大.xlsx", [["a", "b"]] * 2, 二=[["a", "b"]] * 2)
    with Reader(Limits(cells=7)) as reader:
        assert "“二”" in refuse(reader, path)
    with Reader(Limits(cells=8)) as reader:
        assert len(reader.read(path).sheets) == 2


def test_columns_beyond_those_of_excel_are_refused(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "宽.csv").write_text("a," * 20_000 + "\n")
    assert "个单元格，超过上限" in refuse(reader, tmp_path / "宽.csv")


def test_a_package_that_unpacks_to_far_more_is_refused_packed(
    reader: Reader, tmp_path: Path
) -> None:
    path = tmp_path / "炸.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/workbook.xml", b" " * 80_000_000)
    assert "解压后有 80 MB，超过上限" in refuse(reader, path)
    with Reader(Limits(unpacked=1000)) as strict:
        assert "解压后" in refuse(strict, xlsx(tmp_path / "a.xlsx", ROWS))


# -- files that nobody here wrote ---------------------------------------------------------------


def test_every_strange_workbook_gives_sheets_or_a_sentence(
    reader: Reader, shared_data: Path
) -> None:
    paths = sorted(p for p in (shared_data / "workbooks").iterdir() if p.suffix != ".md")
    assert len(paths) >= 130
    read: set[str] = set()
    for path in paths:
        try:
            book = reader.read(path)
        except FileError as error:
            assert f"《{path.name}》" in str(error)
        else:
            assert any(sheet.height for sheet in book.sheets)
            read.add(path.name)
    assert len(read) >= 107
    assert "OOM_alloc.xls" in read
    assert "issue_594_dos.ods" not in read


def test_what_asks_for_everything_is_done_within_seconds(shared_data: Path) -> None:
    names = ("OOM_alloc.xls", "OOM_alloc2.xls", "OOM_alloc3.xls", "issue_594_dos.ods")
    with Reader(Limits(seconds=8, memory=800_000_000)) as reader:
        for name in names:
            try:
                assert reader.read(shared_data / "workbooks" / name).sheets
            except FileError as error:
                assert "秒还没有读完" not in str(error)


@given(
    st.sampled_from(
        [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\xff\xfe", b"<", b"[{"]
    )
    | st.sampled_from([b"<html><table>", b"<?xml version='1.0'?><Workbook", b"sep=;\n", b"MZ"]),
    st.binary(max_size=400),
    st.sampled_from([*sorted(SUFFIXES), ".XLS", ".dat", ""]),
)
@settings(derandomize=True, database=None, deadline=None, max_examples=300)
def test_any_bytes_under_any_suffix_are_sheets_or_a_sentence(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"某表{suffix}"
    path.write_bytes(head + rest)
    try:
        book = reader.read(path)
    except FileError as error:
        assert "《某表" in str(error)
        assert "意外停止" not in str(error)
        assert len(str(error)) < 200
    else:
        assert any(sheet.height for sheet in book.sheets)


# -- passwords ----------------------------------------------------------------------------------


def lock(path: Path, password: str) -> Path:
    locked = path.with_name(f"锁{path.name}")
    with path.open("rb") as plain, locked.open("wb") as out:
        OOXMLFile(plain).encrypt(password, out)
    return locked


def test_an_encrypted_workbook_opens_with_its_password(reader: Reader, tmp_path: Path) -> None:
    path = lock(xlsx(tmp_path / "a.xlsx", ROWS), "翠屏123")
    assert rows_of(reader.read(path, "翠屏123")) == ROWS
    for password, words in (("", "设有打开密码"), ("翠屏124", "密码不对")):
        with pytest.raises(PasswordNeededError, match=f"《锁a.xlsx》.*{words}"):
            reader.read(path, password)


def test_a_password_that_is_not_needed_does_no_harm(reader: Reader, tmp_path: Path) -> None:
    assert rows_of(reader.read(xlsx(tmp_path / "a.xlsx", ROWS), "多余")) == ROWS


def test_what_excel_opens_without_asking_is_opened(
    reader: Reader, tmp_path: Path, shared_data: Path
) -> None:
    path = lock(xlsx(tmp_path / "a.xlsx", ROWS), "VelvetSweatshop")
    assert rows_of(reader.read(path)) == ROWS
    # An old workbook, and nothing is on it.
    assert "是空的" in refuse(reader, shared_data / "workbooks" / "issue_385.xls")


@pytest.mark.parametrize("suffix", [".xlsx", ".xlsb", ".ods"])
def test_a_file_with_a_password_asks_for_it(reader: Reader, suffix: str, shared_data: Path) -> None:
    with pytest.raises(PasswordNeededError, match="密码"):
        reader.read(shared_data / "workbooks" / f"pass_protected{suffix}")


def test_a_password_is_never_in_a_sentence(reader: Reader, tmp_path: Path) -> None:
    path = lock(xlsx(tmp_path / "a.xlsx", ROWS), "x")
    assert "秘而不宣" not in refuse(reader, path, "秘而不宣")
    broken = path.with_name("坏.xlsx")
    broken.write_bytes(path.read_bytes()[:6000])
    assert "秘而不宣" not in refuse(reader, broken, "秘而不宣")


def test_what_is_encrypted_is_what_the_library_says(tmp_path: Path) -> None:
    path = lock(xlsx(tmp_path / "a.xlsx", ROWS), "x")
    with path.open("rb") as file:
        assert msoffcrypto.OfficeFile(file).is_encrypted()


# -- what the reader of cells leaves out --------------------------------------------------------


def test_hidden_rows_are_read_and_said(reader: Reader, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for n in range(6):
        sheet.append([f"第{n}行", 'hidden="1"'])
    sheet.row_dimensions[3].hidden = True
    sheet.row_dimensions[5].hidden = True
    sheet.row_dimensions[900].hidden = True
    sheet.column_dimensions["B"].hidden = True
    book.create_sheet("二").append(["无"])
    book.save(tmp_path / "a.xlsx")
    sheets = reader.read(tmp_path / "a.xlsx").sheets
    assert [sheet.hidden_rows for sheet in sheets] == [frozenset({2, 4}), frozenset()]
    assert sheets[0].height == 6


def test_hidden_rows_are_found_behind_many_others(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("表")
        for n in range(40_000):
            sheet.write_row(n, 0, [f"第{n}行", n])
            if n % 7_919 == 0:
                sheet.set_row(n, None, None, {"hidden": True})
    found = reader.read(path).sheets[0]
    assert found.hidden_rows == frozenset(range(0, 40_000, 7_919))


def test_a_formula_that_failed_is_shown(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("表")
        sheet.write_row(0, 0, ["小区", "户数", "率"])
        for n, value in enumerate(["#REF!", "#N/A", "#DIV/0!", "#VALUE!", 3], start=1):
            sheet.write_row(n, 0, [f"{n}区", n])
            sheet.write_formula(n, 2, f'=IF(A{n}<"x",B{n}/0,1)', None, value)
        sheet.write_formula(6, 27, "=Z9", None, "#NAME?")
    found = reader.read(path).sheets[0]
    shown = [found.cell(row, 2) for row in range(1, 6)]
    assert shown == ["#REF!", "#N/A", "#DIV/0!", "#VALUE!", 3.0]
    assert found.cell(6, 27) == "#NAME?"
    assert found.cell(6, 2) == ""


def test_a_failed_formula_in_other_quotes_is_shown(reader: Reader, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["小区", "率"], ["翠屏", 1]])
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(buffer, "w") as after:
        for info in before.infolist():
            part = before.read(info)
            if info.filename.startswith("xl/worksheets/"):
                changed = part.replace(b' t="n"', b"").replace(
                    b'<c r="B2"><v>1</v>', b"<c r='B2' t='e'><f>1/0</f><v>#DIV/0!</v>"
                )
                assert changed.count(b"t='e'") == 1
                part = changed
            after.writestr(info, part)
    path.write_bytes(buffer.getvalue())
    assert rows_of(reader.read(path)) == [["小区", "率"], ["翠屏", "#DIV/0!"]]


def test_every_kind_of_error_is_shown(reader: Reader, shared_data: Path) -> None:
    rows = rows_of(reader.read(shared_data / "workbooks" / "errors.xlsx"))
    kinds = ["#DIV/0!", "#NAME?", "#VALUE!", "#NULL!", "#REF!", "#NUM!", "#N/A"]
    assert rows == [[kind] for kind in kinds]


def test_hidden_rows_and_failed_formulas_of_an_old_workbook(reader: Reader, tmp_path: Path) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    plain, sheet = book.add_sheet("一"), book.add_sheet("二")
    for n in range(200):
        plain.write(n, 0, f"第{n}行")
        sheet.write(n, 0, f"第{n}行")
        sheet.row(n).hidden = n in (3, 77, 199)
    sheet.row(5).set_cell_error(1, "#N/A!")
    sheet.row(150).set_cell_error(2, "#DIV/0!")
    book.save(str(tmp_path / "a.xls"))
    first, second = reader.read(tmp_path / "a.xls").sheets
    assert (first.hidden_rows, second.hidden_rows) == (frozenset(), frozenset({3, 77, 199}))
    assert second.cell(5, 1) == "#N/A"
    assert second.cell(150, 2) == "#DIV/0!"
    assert {second.cell(row, 1) for row in range(200)} == {"", "#N/A"}


def test_hidden_rows_of_an_ods(reader: Reader, tmp_path: Path) -> None:
    def row(text: str, more: str = "") -> str:
        cell = f'<table:table-cell office:value-type="string"><text:p>{text}</text:p>'
        return f"<table:table-row{more}>{cell}</table:table-cell></table:table-row>"

    hidden = ' table:visibility="filter" table:number-rows-repeated="3"'
    first = row("头") + row("暗", hidden) + row("明") + row("暗", ' table:visibility="collapse"')
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    path = tmp_path / "a.ods"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        kind = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        package.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{kind}"/>')
        package.writestr(
            "content.xml",
            f"<office:document-content{spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="甲&amp;乙">{first}</table:table>'
            f'<table:table table:name="二">{row("明")}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    sheets = reader.read(path).sheets
    assert [sheet.name for sheet in sheets] == ["甲&乙", "二"]
    assert [sheet.hidden_rows for sheet in sheets] == [frozenset({1, 2, 3, 5}), frozenset()]
    assert [row[0] for row in rows_of(reader.read(path))] == ["头", "暗", "暗", "暗", "明", "暗"]


def test_a_child_that_cannot_be_started_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook.sys, "executable", str(tmp_path / "nothing"))
    with Reader() as unable:
        assert "启动不了" in refuse(unable, xlsx(tmp_path / "a.xlsx", ROWS))


def test_macros_are_said_and_not_run(reader: Reader, tmp_path: Path, shared_data: Path) -> None:
    with zipfile.ZipFile(shared_data / "workbooks" / "vba.xlsm") as package:
        project = package.read("xl/vbaProject.bin")
    path = tmp_path / "宏.xlsm"
    with xlsxwriter.Workbook(path) as book:
        (tmp_path / "vbaProject.bin").write_bytes(project)
        book.add_vba_project(str(tmp_path / "vbaProject.bin"))
        book.add_worksheet("表").write_row(0, 0, ["小区", "户数"])
    assert reader.read(path).notes == ("《宏.xlsm》含宏，宏未运行",)
    assert reader.read(xlsx(tmp_path / "a.xlsx", ROWS)).notes == ()


# -- order and types ----------------------------------------------------------------------------


def test_many_rows_come_back_in_order_and_of_their_types(reader: Reader, tmp_path: Path) -> None:
    start = datetime(2025, 1, 1, 8, 0, 0)
    rows: list[list[Any]] = [["编号", "时间", "数", "文", "混"]]
    for n in range(12_345):
        mixed = [float(n), f"约{n}", start.date() + timedelta(days=n % 900), None][n % 4]
        rows.append([f"G{n:05d}", start + timedelta(minutes=37 * n), n * 0.5, f"第{n}条", mixed])
    found = reader.read(xlsx(tmp_path / "a.xlsx", rows)).sheets[0]
    assert (found.height, found.width) == (12_346, 5)
    for number, (row, given_row) in enumerate(zip(found.rows(), rows, strict=True)):
        expected = ["" if cell is None else cell for cell in given_row]
        if isinstance(expected[1], datetime) and expected[1].time() == datetime.min.time():
            expected[1] = expected[1].date()
        assert row == expected, number
        assert [type(cell) for cell in row] == [type(cell) for cell in expected]


def test_a_number_of_eighteen_digits_stays_the_float_it_is(reader: Reader, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", [["证件"], [110101199001011234], ["110101199001011234"]])
    number, text = (row[0] for row in rows_of(reader.read(path))[1:])
    # Its last digits are lost already; the checks say so.
    assert isinstance(number, float)
    assert number == pytest.approx(1.10101199e17, rel=1e-9)
    assert text == "110101199001011234"
    (tmp_path / "a.json").write_text('[{"证件": 110101199001011234}, {"证件": 12}]')
    assert rows_of(reader.read(tmp_path / "a.json"))[1:] == [["110101199001011234"], [12.0]]


def test_a_day_and_a_moment_of_1904_are_right(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path, {"date_1904": True}) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_datetime(0, 0, datetime(2025, 1, 3), day)
        sheet.write_datetime(1, 0, datetime(2025, 1, 3, 9, 30), day)
    assert rows_of(reader.read(path)) == [[date(2025, 1, 3)], [datetime(2025, 1, 3, 9, 30)]]


def test_merged_text_is_repeated_over_batches(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 5_999, 0, "翠屏")
        for n in range(6_000):
            sheet.write(n, 1, n)
    found = reader.read(path).sheets[0]
    assert {found.cell(row, 0) for row in range(6_000)} == {"翠屏"}


@pytest.mark.skipif(os.name == "nt", reason="paths there are always text")
def test_a_path_that_is_no_text_is_read(reader: Reader, tmp_path: Path) -> None:
    content = xlsx(tmp_path / "a.xlsx", ROWS).read_bytes()
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb4\xe4.xlsx"))
    path.write_bytes(content)
    assert rows_of(reader.read(path)) == ROWS


def test_an_xlsx_from_a_stream_has_the_cells_of_one_from_a_file(
    reader: Reader, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.add_worksheet("表").write_row(2, 3, ["远", 1])
    (tmp_path / "a.csv").write_bytes(buffer.getvalue())
    found = reader.read(tmp_path / "a.csv").sheets[0]
    assert (found.height, found.width, found.cell(2, 3), found.cell(2, 4)) == (3, 5, "远", 1.0)

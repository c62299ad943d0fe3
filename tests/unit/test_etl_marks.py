"""Hidden rows, failed formulas and the encoding of old files, which the reader of cells leaves out."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st
from xlwt.CompoundDoc import XlsDoc

from etl.errors import FileError
from etl.files.marks import ERROR_CODES
from etl.files.ods import find_ods_marks
from etl.files.xlsb import find_xlsb_marks
from etl.sheet import Cell, Sheet
from etl.workbook import Reader

LOCKED = Path(__file__).parent / "locked"
CODES = {text: code for code, text in ERROR_CODES.items()}
QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=60)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader() as reader:
        yield reader


def rows_of(sheet: Sheet) -> list[list[Cell]]:
    return list(sheet.rows())


# -- xlsb ([MS-XLSB] 2.1.4 and 2.4) -------------------------------------------------------------


class Failed(str):
    """An error in a cell; of a formula, unless `typed`."""

    typed = False


class Typed(Failed):
    typed = True


BinaryCell = str | float | None


def record(number: int, body: bytes = b"") -> bytes:
    head = bytes([number]) if number < 128 else bytes([number % 128 + 128, number // 128])
    size, rest = b"", len(body)
    while rest >= 128:
        size += bytes([rest % 128 + 128])
        rest //= 128
    return head + size + bytes([rest]) + body


def long_text(content: str) -> bytes:
    return struct.pack("<I", len(content)) + content.encode("utf-16-le")


def row_record(row: int, is_hidden: bool, width: int) -> bytes:
    spans = [(n * 1024, min(n * 1024 + 1023, width - 1)) for n in range((width + 1023) // 1024)]
    flags = 0x10 if is_hidden else 0
    body = struct.pack("<IIHBBBI", row, 0, 300, 0, flags, 0, len(spans))
    return record(0, body + b"".join(struct.pack("<II", *span) for span in spans))


def cell_record(column: int, cell: BinaryCell, formula: bytes) -> bytes:
    place = struct.pack("<II", column, 0)
    if isinstance(cell, Failed):
        code = bytes([CODES[str(cell)]])
        if cell.typed:
            return record(3, place + code)
        size = struct.pack("<I", len(formula))
        return record(11, place + code + b"\0\0" + size + formula + struct.pack("<I", 0))
    if isinstance(cell, str):
        return record(6, place + long_text(cell))
    return b"" if cell is None else record(5, place + struct.pack("<d", cell))


def sheet_part(
    rows: Sequence[Sequence[BinaryCell]], hidden: Sequence[int], formula: bytes = b"\x1c\x17"
) -> bytes:
    width = max(map(len, rows))
    parts = [record(129), record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, width - 1))]
    parts.append(record(145))
    for number, cells in enumerate(rows):
        parts.append(row_record(number, number in hidden, len(cells)))
        parts += [cell_record(column, cell, formula) for column, cell in enumerate(cells)]
    return b"".join([*parts, record(146), record(130)])


def write_xlsb(path: Path, **sheets: bytes) -> Path:
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{kind}/worksheet" Target="worksheets/sheet{n}.bin"/>'
        for n in range(1, len(sheets) + 1)
    )
    main = f'<Relationship Id="rId1" Type="{kind}/officeDocument" Target="xl/workbook.bin"/>'
    names = b"".join(
        record(156, struct.pack("<II", 0, n) + long_text(f"rId{n}") + long_text(name))
        for n, name in enumerate(sheets, start=1)
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types"/>')
        for target, about in (("_rels/.rels", main), ("xl/_rels/workbook.bin.rels", links)):
            space = f'<Relationships xmlns="{package}/relationships">'
            file.writestr(target, f"{space}{about}</Relationships>")
        around = record(131) + record(153, bytes(12)) + record(143)
        file.writestr("xl/workbook.bin", around + names + record(144) + record(132))
        for n, part in enumerate(sheets.values(), start=1):
            file.writestr(f"xl/worksheets/sheet{n}.bin", part)
    return path


def test_hidden_rows_and_failed_formulas_of_an_xlsb(reader: Reader, tmp_path: Path) -> None:
    plain = sheet_part([["小区", 1.0], ["翠屏", 2.0]], ())
    rows = [["小区", "率"], *([f"{n}区", Failed(text)] for n, text in enumerate(CODES))]
    path = write_xlsb(tmp_path / "a.xlsb", 明=plain, 暗=sheet_part(rows, (2, 5)))
    first, second = reader.read(path).sheets
    assert (first.name, second.name) == ("明", "暗")
    assert rows_of(first) == [["小区", 1.0], ["翠屏", 2.0]]
    assert rows_of(second) == rows
    assert (first.hidden_rows, second.hidden_rows) == (frozenset(), frozenset({2, 5}))


def test_marks_of_an_xlsb_are_found_behind_many_rows(reader: Reader, tmp_path: Path) -> None:
    rows: list[list[BinaryCell]] = [[f"第{n}行", n * 0.37, None] for n in range(40_000)]
    for number, error in ((39_998, Failed("#REF!")), (20_000, Typed("#N/A"))):
        rows[number][2] = error
    path = write_xlsb(tmp_path / "a.xlsb", 表=sheet_part(rows, (7, 39_999)))
    sheet = reader.read(path).sheets[0]
    assert sheet.hidden_rows == {7, 39_999}
    assert (sheet.cell(39_998, 2), sheet.cell(20_000, 2)) == ("#REF!", "#N/A")
    assert {sheet.cell(row, 2) for row in range(40_000)} == {"", "#REF!", "#N/A"}


@pytest.mark.parametrize("width", [1, 1024, 1025, 16_384])
def test_a_row_of_any_width_may_be_hidden(reader: Reader, width: int, tmp_path: Path) -> None:
    rows: list[list[BinaryCell]] = [["头"], [None] * (width - 1) + ["尾"], ["明"]]
    sheet = reader.read(write_xlsb(tmp_path / "a.xlsb", 表=sheet_part(rows, (1,)))).sheets[0]
    assert sheet.hidden_rows == frozenset({1})
    assert sheet.cell(1, width - 1) == "尾"


@pytest.mark.parametrize("size", [0, 2, 90, 110, 120, 2000, 16_000])
def test_a_formula_of_any_length_may_fail(reader: Reader, size: int, tmp_path: Path) -> None:
    rows: list[list[BinaryCell]] = [["率", 1.0], [2.0, Failed("#DIV/0!")]]
    part = sheet_part(rows, (), b"\x17" * size)
    assert rows_of(reader.read(write_xlsb(tmp_path / "a.xlsb", 表=part)).sheets[0]) == rows


CELLS = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["翠屏", "G001", "\u0900\u0100"]),
    st.sampled_from(sorted(CODES)).map(Failed),
    st.sampled_from(sorted(CODES)).map(Typed),
)
GRIDS = st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=12)


@given(GRIDS, st.sets(st.integers(0, 11)))
@QUICK
def test_all_marks_of_an_xlsb_are_found(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[BinaryCell]], hidden: set[int]
) -> None:
    hidden = {row for row in hidden if row < len(rows)}
    path = tmp_path_factory.getbasetemp() / "a.xlsb"
    with zipfile.ZipFile(write_xlsb(path, 表=sheet_part(rows, sorted(hidden)))) as package:
        marks = find_xlsb_marks(package)
    errors = {
        number: found
        for number, row in enumerate(rows)
        if (found := {place: cell for place, cell in enumerate(row) if isinstance(cell, Failed)})
    }
    if hidden or errors:
        assert (marks["表"].hidden, marks["表"].errors) == (hidden, errors)
    else:
        assert not any(mark.hidden or mark.errors for mark in marks.values())


WHOLE = sheet_part([["小区", "率"], ["翠屏", Failed("#REF!")]] * 20, (3,))


@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=6))
@QUICK
def test_a_damaged_xlsb_is_sheets_or_a_sentence(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory, place: int, noise: bytes
) -> None:
    part = WHOLE[:place] + noise + WHOLE[place + len(noise) :]
    path = write_xlsb(tmp_path_factory.getbasetemp() / "坏.xlsb", 表=part)
    try:
        assert reader.read(path).sheets
    except FileError as error:
        assert "《坏.xlsb》" in str(error)


# -- ods ----------------------------------------------------------------------------------------


def write_ods(path: Path, *rows: str) -> Path:
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    spaces += (
        ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        kind = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        package.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{kind}"/>')
        package.writestr(
            "content.xml",
            f"<office:document-content{spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="表">{"".join(rows)}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def ods_row(*cells: str, more: str = "") -> str:
    return f"<table:table-row{more}>{''.join(cells)}</table:table-row>"


def said(text: str, about: str = 'office:value-type="string"', more: str = "") -> str:
    return f"<table:table-cell {about}>{more}<text:p>{text}</text:p></table:table-cell>"


FAILED = (
    'table:formula="of:=1/0" office:value-type="string" office:string-value=""'
    ' calcext:value-type="error"'
)
FAILED_LONG_AGO = 'table:formula="of:=1/0" office:value-type="float" office:value="0"'


@pytest.mark.parametrize("about", [FAILED, FAILED_LONG_AGO])
@pytest.mark.parametrize(
    ("shown", "known"),
    [(text, text) for text in CODES]
    + [("Err:502", "#VALUE!"), ("Err:503", "#NUM!"), ("错误:508", "#VALUE!")],
)
def test_a_failed_formula_of_an_ods_is_shown(
    reader: Reader, about: str, shown: str, known: str, tmp_path: Path
) -> None:
    path = write_ods(tmp_path / "a.ods", ods_row(said("小区"), said(shown, about), said("尾")))
    assert rows_of(reader.read(path).sheets[0]) == [["小区", known, "尾"]]


def test_failed_formulas_of_an_ods_stand_in_their_places(reader: Reader, tmp_path: Path) -> None:
    gap = '<table:table-cell table:number-columns-repeated="3"/>'
    note = "<office:annotation><text:p>#NUM!</text:p></office:annotation>"
    covered = said("#N/A", FAILED).replace("table:table-cell", "table:covered-table-cell")
    twice = said("#REF!", FAILED + ' table:number-columns-repeated="2"')
    path = write_ods(
        tmp_path / "a.ods",
        ods_row(gap, said("#REF!", FAILED, note), said("尾")),
        ods_row(twice, covered, more=' table:number-rows-repeated="2"'),
        ods_row(said("#REF!"), said("12", 'office:value-type="float" office:value="12"')),
        ods_row(said("无名", FAILED), said("0", FAILED_LONG_AGO)),
    )
    assert [row[:5] for row in rows_of(reader.read(path).sheets[0])] == [
        ["", "", "", "#REF!", "尾"],
        ["#REF!", "#REF!", "#N/A", "", ""],
        ["#REF!", "#REF!", "#N/A", "", ""],
        ["#REF!", 12.0, "", "", ""],
        ["#VALUE!", 0.0, "", "", ""],
    ]


def test_a_file_of_libreoffice_shows_its_failed_formulas(reader: Reader) -> None:
    sheet = reader.read(LOCKED / "aes.ods", "翠屏123").sheets[0]
    shown = ["#DIV/0!", "#REF!", "#N/A", "#VALUE!", "#NAME?", "#VALUE!", "#REF!", "#N/A", "#VALUE!"]
    assert [sheet.cell(row, 2) for row in range(1, 10)] == shown
    assert {sheet.cell(row, column) for row in range(20, 24) for column in range(3)} == {"#N/A"}


def test_rows_in_a_folded_group_of_an_ods_are_counted_right(reader: Reader, tmp_path: Path) -> None:
    # As LibreOffice writes it.
    folded = ods_row(said("暗"), more=' table:visibility="collapse"') * 2
    group = f'<table:table-row-group table:display="false">{folded}</table:table-row-group>'
    path = write_ods(tmp_path / "a.ods", ods_row(said("头")), group, ods_row(said("明")))
    sheet = reader.read(path).sheets[0]
    assert rows_of(sheet) == [["头"], ["暗"], ["暗"], ["明"]]
    assert sheet.hidden_rows == frozenset({1, 2})


def test_an_ods_of_many_rows_claims_no_memory(tmp_path: Path) -> None:
    cell = said("#REF!", FAILED + ' table:number-columns-repeated="999999999"')
    row = ods_row(cell, more=' table:visibility="filter" table:number-rows-repeated="999999999"')
    with zipfile.ZipFile(write_ods(tmp_path / "a.ods", row, row)) as package:
        marks = find_ods_marks(package)["表"]
    assert (len(marks.hidden), len(marks.errors)) == (1_048_576, 1_048_576)
    assert len(marks.errors[0]) == 16_384


# -- the code page of an old workbook -----------------------------------------------------------


@pytest.mark.parametrize("page", [936, 1252, 10_000, 65_001, 0])
def test_the_code_page_of_an_old_workbook_is_ignored(
    reader: Reader, page: int, tmp_path: Path
) -> None:
    rows = [["小区", "ID", "户数"], ["翠屏", "G001", 12.0], ["Abc", "混x合", 3.0]]
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("楼栋")
    for number, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write(number, place, cell)
    path = tmp_path / "a.xls"
    book.save(str(path))
    record = b"\x42\x00\x02\x00"
    content = path.read_bytes()
    assert content.count(record + b"\xb0\x04") == 1
    path.write_bytes(content.replace(record + b"\xb0\x04", record + struct.pack("<H", page)))
    found = reader.read(path).sheets[0]
    assert found == Sheet.of("楼栋", rows)


def write_excel_5(path: Path, page: int, encoding: str, rows: list[list[str | float]]) -> Path:
    """A workbook of Excel 5 or 95, whose letters are bytes of a code page."""

    def part(number: int, body: bytes = b"") -> bytes:
        return struct.pack("<HH", number, len(body)) + body

    def cell(row: int, column: int, content: str | float) -> bytes:
        place = struct.pack("<HHH", row, column, 15)
        if isinstance(content, float):
            return part(0x0203, place + struct.pack("<d", content))
        text = content.encode(encoding)
        return part(0x0204, place + struct.pack("<H", len(text)) + text)

    name = "大門".encode(encoding)
    head = part(0x0809, struct.pack("<HHHH", 0x0500, 5, 0x0DBB, 1996))
    head += part(0x0042, struct.pack("<H", page))
    start = len(head) + 4 + 7 + len(name) + 4
    head += part(0x0085, struct.pack("<IHB", start, 0, len(name)) + name) + part(0x000A)
    sheet = part(0x0809, struct.pack("<HHHH", 0x0500, 0x10, 0x0DBB, 1996))
    sheet += part(0x0200, struct.pack("<HHHHH", 0, len(rows), 0, len(rows[0]), 0))
    for number, row in enumerate(rows):
        sheet += b"".join(cell(number, column, content) for column, content in enumerate(row))
    XlsDoc().save(str(path), (head + sheet + part(0x000A)).ljust(4096, b"\0"))
    return path


@pytest.mark.parametrize(("page", "encoding"), [(936, "gbk"), (54936, "gb18030"), (950, "cp950")])
def test_letters_of_two_bytes_of_an_older_workbook_are_read(
    reader: Reader, page: int, encoding: str, tmp_path: Path
) -> None:
    rows: list[list[str | float]] = [["小巷", "ID", "年"], ["翠屏，家園", "G001", 12.0]]
    sheet = reader.read(write_excel_5(tmp_path / "旧.xls", page, encoding, rows)).sheets[0]
    assert (sheet.name, rows_of(sheet)) == ("大門", rows)


@given(st.text(st.characters(codec="gbk", exclude_categories=("Cc", "Cn", "Co", "Zs")), max_size=9))
@QUICK
def test_any_letters_of_an_older_workbook_come_back(
    reader: Reader, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "旧.xls"
    rows: list[list[str | float]] = [["头", f"a{text}z"]]
    assert rows_of(reader.read(write_excel_5(path, 936, "gbk", rows)).sheets[0]) == rows


def test_a_code_page_that_nobody_here_wrote_is_ignored(reader: Reader, shared_data: Path) -> None:
    sheet = reader.read(shared_data / "workbooks" / "sheet_name_parsing.xls").sheets[0]
    assert sheet.row(0)[:4] == ["Titel", "Orginaltitel", "År", "Regissör"]

"""Fuzzing: files of every kind, changed at random, are read or refused in a sentence.

`RUNS` changed files of each kind, the same ones every time; some are changed as they lie on the
disk, those that are packages also inside, so that what unpacks them does not stop all of it.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.boundaries import read_boundaries
from etl.errors import FileError
from etl.files.limits import Limits
from etl.profile import parse_profile
from etl.workbook import Reader, memory_of
from tests.unit.test_etl_marks import ods_row, said, write_ods

RUNS = 1_000
PATIENCE = 20.0
LIMITS = Limits(seconds=4.0)
ROWS = [
    ["小区名称", "总户数", "建成日期"],
    ["翠屏家园", 1200, date(1998, 5, 1)],
    ["荷塘，月色", 85.5, "约2003年"],
]
FUZZ = settings(
    derandomize=True, database=None, deadline=None, max_examples=RUNS,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
# How, where as a share of the whole, and with what.
CHANGE = st.tuples(
    st.sampled_from(["flip", "cut", "put", "repeat", "drop", "huge"]),
    st.floats(0, 1, exclude_max=True),
    st.binary(min_size=1, max_size=8),
)
CHANGES = st.lists(CHANGE, min_size=1, max_size=6)
# Which member of a package is changed inside it; none of them: the package itself is.
WHERE = st.one_of(st.none(), st.floats(0, 1, exclude_max=True))


def change(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    """The content after a few accidents."""
    for how, share, told in changes:
        at = int(len(content) * share)
        if how == "flip" and content:
            content = content[:at] + bytes([content[at] ^ told[0] or 1]) + content[at + 1 :]
        elif how == "cut":
            content = content[:at]
        elif how == "put":
            content = content[:at] + told + content[at:]
        elif how == "repeat":
            content = content[:at] + content[at : at + 64] * (1 + told[0] % 64) + content[at:]
        elif how == "drop":
            content = content[:at] + content[at + told[0] :]
        elif how == "huge":
            content = content[:at] + b"99999999999" + content[at:]
    return content


def change_inside(content: bytes, where: float, changes: list[tuple[str, float, bytes]]) -> bytes:
    """A package in which one member had the accidents."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    name = list(members)[int(len(members) * where)]
    members[name] = change(members[name], changes)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as new:
        for member, inner in members.items():
            new.writestr(member, inner)
    return held.getvalue()


def make_xlsx(_path: Path) -> bytes:
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True}) as book:
        sheet = book.add_worksheet("小区台账")
        for row in ROWS:
            sheet.write_row(
                sheet.dim_rowmax + 1 if sheet.dim_rowmax is not None else 0, 0, map(str, row)
            )
        sheet.merge_range("A5:B6", "合并")
        sheet.write_formula("C7", "=1/0", None, "#DIV/0!")
        sheet.write_comment("A1", "说明")
    return held.getvalue()


def make_xls(_path: Path) -> bytes:
    book, held = xlwt.Workbook(encoding="utf-8"), io.BytesIO()
    sheet = book.add_sheet("小区台账")
    for at, row in enumerate(ROWS):
        for place, cell in enumerate(row):
            sheet.write(at, place, cell if isinstance(cell, (int, float)) else str(cell))
    sheet.write_merge(4, 5, 0, 1, "合并")
    book.save(held)
    return held.getvalue()


def make_ods(path: Path) -> bytes:
    rows = (ods_row(*(said(str(cell)) for cell in row)) for row in ROWS)
    return write_ods(path.with_name("made.ods"), *rows).read_bytes()


def make_page(_path: Path) -> bytes:
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in ROWS)
    return f"<html><body><table>{rows}</table></body></html>".encode("gb18030")


def make_csv(_path: Path) -> bytes:
    return "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in ROWS).encode("gb18030")


def make_json(_path: Path) -> bytes:
    heads = [str(head) for head in ROWS[0]]
    rows = [dict(zip(heads, map(str, row), strict=True)) for row in ROWS[1:]]
    return json.dumps(rows, ensure_ascii=False).encode()


def make_shapes(ending: str) -> bytes:
    boxes = [shapely.box(104.1, 30.6, 104.11, 30.61), shapely.box(104.12, 30.6, 104.13, 30.61)]
    shapes = gpd.GeoDataFrame({"name": ["甲园", "乙院"]}, geometry=boxes, crs=4326)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        if ending == ".zip":
            shapes.to_file(at / "x.shp", encoding="utf-8")
            held = io.BytesIO()
            with zipfile.ZipFile(held, "w") as package:
                for part in sorted(at.glob("x.*")):
                    package.write(part, part.name)
            return held.getvalue()
        path = at / f"x{ending}"
        driver = {".gpkg": "GPKG", ".kml": "KML", ".geojson": "GeoJSON"}[ending]
        shapes.to_file(path, driver=driver)
        return path.read_bytes()


MAKERS: dict[str, Callable[[Path], bytes]] = {
    ".xlsx": make_xlsx, ".xls": make_xls, ".ods": make_ods, ".et": make_page, ".csv": make_csv,
    ".json": make_json,
}  # fmt: skip
SHAPES = (".geojson", ".gpkg", ".zip", ".kml")


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with Reader(LIMITS) as reader:
        yield reader


def spoil(content: bytes, where: float | None, changes: list[tuple[str, float, bytes]]) -> bytes:
    if where is None or not zipfile.is_zipfile(io.BytesIO(content)):
        return change(content, changes)
    return change_inside(content, where, changes)


def require_sentence(error: FileError, ending: str) -> None:
    told = str(error)
    assert f"《某表{ending}》" in told
    assert told.endswith("。")
    assert "Traceback" not in told


@pytest.mark.slow
@pytest.mark.parametrize("ending", MAKERS)
def test_a_table_that_was_changed_at_random_is_read_or_refused(
    reader: Reader, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"某表{ending}"
    whole = MAKERS[ending](path)
    path.write_bytes(whole)
    assert reader.read(path).sheets[0].height >= len(ROWS)

    @given(WHERE, CHANGES)
    @FUZZ
    def read(where: float | None, changes: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(spoil(whole, where, changes))
        began = time.monotonic()
        try:
            book = reader.read(path)
        except FileError as error:
            require_sentence(error, ending)
        else:
            assert any(sheet.height for sheet in book.sheets)
        assert time.monotonic() - began < LIMITS.time_for(len(whole)) * LIMITS.patience + PATIENCE
        assert reader.pid is None or memory_of(reader.pid) < LIMITS.memory

    read()


def test_a_coordinate_system_of_another_encoding_is_refused(tmp_path: Path) -> None:
    """Found by the test below."""
    whole, path = make_shapes(".zip"), tmp_path / "某表.zip"
    with zipfile.ZipFile(io.BytesIO(whole)) as package:
        names = package.namelist()
    where = (names.index("x.prj") + 0.5) / len(names)
    path.write_bytes(change_inside(whole, where, [("flip", 0.6875, b"\x80")]))
    with pytest.raises(FileError) as caught:
        read_boundaries(path, parse_profile(""))
    require_sentence(caught.value, ".zip")


@pytest.mark.slow
@pytest.mark.parametrize("ending", SHAPES)
def test_shapes_that_were_changed_at_random_are_read_or_refused(
    tmp_path: Path, ending: str
) -> None:
    whole, path, profile = make_shapes(ending), tmp_path / f"某表{ending}", parse_profile("")
    path.write_bytes(whole)
    assert read_boundaries(path, profile)[0].rows_read == 2

    @given(WHERE, CHANGES)
    @FUZZ
    def read(where: float | None, changes: list[tuple[str, float, bytes]]) -> None:
        path.write_bytes(spoil(whole, where, changes) or b"x")
        try:
            layers = read_boundaries(path, profile)
        except FileError as error:
            require_sentence(error, ending)
        else:
            for layer in layers:
                assert layer.rows_read >= len(layer.shapes)
                assert shapely.is_valid(layer.shapes.geometry.to_numpy()).all()

    read()

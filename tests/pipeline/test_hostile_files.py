"""Files that mean harm: links, huge pictures, names that lead elsewhere, programs, formulas."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import openpyxl
import pytest
import shapely
from openpyxl import Workbook
from openpyxl.styles import Border, Side
from PIL import Image

from dashboard import load, settings
from etl.cli import main
from etl.profile import parse_profile
from etl.refresh import refresh
from etl.returning import give_back
from etl.store import Store
from etl.workbook import Reader, memory_of
from tests.hostile import append
from tests.pages import collect_files, open_view

REGISTER = [["小区名称", "小区类型", "总户数"], ["甲园", "商品房", 100], ["乙院", "老旧", 50]]
WRONG = [*REGISTER, ["丙里", "没有这种", 10]]
MB = 1_000_000
# 2.5 thousand million points, black, in some thousand bytes.
WIDE = 50_000


def write_book(path: Path, rows: list[list[object]]) -> Path:
    book = Workbook()
    book.worksheets[0].title = "小区台账"
    for row in rows:
        append(book.worksheets[0], list(row))
    book.save(path)
    return path


def draw_huge() -> bytes:
    """A PNG that says it is 50,000 points wide and high."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        mark = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + mark

    head = struct.pack(">IIBBBBB", WIDE, WIDE, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(WIDE + 1) * 200, 9)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, content) for kind, content in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    )


def add_members(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "a") as package:
        for name, content in members.items():
            package.writestr(zipfile.ZipInfo(name), content)


@pytest.fixture
def pictured(tmp_path: Path) -> Path:
    """A workbook with a small picture whose bytes were changed for those of a huge one."""
    small, path = tmp_path / "small.png", tmp_path / "有图.xlsx"
    Image.new("L", (8, 8)).save(small)
    book = Workbook()
    book.worksheets[0].title = "小区台账"
    for row in WRONG:
        book.worksheets[0].append(row)
    book.worksheets[0].add_image(openpyxl.drawing.image.Image(str(small)), "F2")
    book.save(tmp_path / "plain.xlsx")
    with zipfile.ZipFile(tmp_path / "plain.xlsx") as old, zipfile.ZipFile(path, "w") as new:
        for member in old.namelist():
            is_picture = member.startswith("xl/media/")
            new.writestr(member, draw_huge() if is_picture else old.read(member))
    return path


# -- links --------------------------------------------------------------------------------------


def test_links_in_a_folder_are_passed_over_and_said(empty_store: Store, tmp_path: Path) -> None:
    folder, outside = tmp_path / "表", tmp_path / "外面"
    folder.mkdir()
    (outside / "里面").mkdir(parents=True)
    write_book(folder / "台账.xlsx", REGISTER)
    write_book(outside / "秘密.xlsx", [REGISTER[0], ["外面的小区", "商品房", 7]])
    write_book(outside / "里面" / "深处.xlsx", [REGISTER[0], ["深处的小区", "商品房", 7]])
    try:
        (folder / "链接.xlsx").symlink_to(outside / "秘密.xlsx")
    except OSError:
        pytest.skip("this system lets nobody make links")
    (folder / "进去").symlink_to(outside / "里面", target_is_directory=True)
    (folder / "断了.csv").symlink_to(tmp_path / "没有.csv")
    report = refresh(empty_store, [folder])
    assert report.snapshot is not None
    assert sorted(empty_store.frame("core_compounds")["name"]) == ["乙院", "甲园"]
    for name in ("链接.xlsx", "进去", "断了.csv"):
        assert any(f"《{name}》是链接" in said for said in report.warnings), name
    # A link that somebody names is what they asked for.
    assert len(refresh(empty_store, [folder / "链接.xlsx"]).files) == 1


# -- huge pictures ------------------------------------------------------------------------------


def test_a_huge_picture_is_never_unpacked(
    empty_store: Store, pictured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Reader() as reader:
        reader.read(pictured)
        assert reader.pid is not None
        assert memory_of(reader.pid) < 300 * MB
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("a picture was unpacked"))
    report = refresh(empty_store, [pictured])
    assert report.count("new") == 2
    given = give_back(pictured, report.files[0], parse_profile(""))
    assert given is not None
    with zipfile.ZipFile(io.BytesIO(given[1])) as package:
        (media,) = [name for name in package.namelist() if name.startswith("xl/media/")]
        assert package.read(media) == draw_huge()  # the owner's own, as it was


def test_a_form_with_a_huge_picture_is_refused_in_a_sentence(
    sample_store: Path, pictured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["fill", str(pictured), "--out", str(out), "--store", str(sample_store)]) == 1
    assert "有一张过大的图片" in capsys.readouterr().err
    assert not out.exists()


# -- names in archives --------------------------------------------------------------------------

LEADING_AWAY = ("../../evil.txt", "/tmp/evil-of-shequ.txt", "C:\\evil.txt", "..\\evil.txt",
                "xl/../../evil.txt", "a/" * 200 + "evil.txt")  # fmt: skip


def list_all(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


def test_names_in_a_workbook_lead_nowhere(tmp_path: Path) -> None:
    work = tmp_path / "a" / "b"
    work.mkdir(parents=True)
    path = write_book(work / "台账.xlsx", WRONG)
    add_members(path, dict.fromkeys(LEADING_AWAY, b"evil"))
    with Store(work / "store") as store:
        before = list_all(tmp_path)
        report = refresh(store, [path])
        assert report.count("new") == 2
        given = give_back(path, report.files[0], parse_profile(""))
        assert given is not None
        new = list_all(tmp_path) - before
    assert all((work / "store") in made.parents for made in new)
    assert not Path("/tmp/evil-of-shequ.txt").exists()


def test_names_in_zipped_shapes_lead_nowhere(empty_store: Store, tmp_path: Path) -> None:
    work = tmp_path / "a" / "b"
    work.mkdir(parents=True)
    box = shapely.box(104.10, 30.60, 104.11, 30.61)
    shapes = gpd.GeoDataFrame({"name": ["甲园"]}, geometry=[box], crs=4326)
    shapes.to_file(work / "x.shp", encoding="utf-8")
    path = work / "边界.zip"
    with zipfile.ZipFile(path, "w") as package:
        for part in list(work.glob("x.*")):
            package.write(part, part.name)
            part.unlink()
    add_members(path, dict.fromkeys(LEADING_AWAY, b"evil"))
    before = list_all(tmp_path)
    report = refresh(empty_store, [path])
    assert report.count("new") == 1
    assert not [made for made in list_all(tmp_path) - before if "evil" in made.name]
    assert not Path("/tmp/evil-of-shequ.txt").exists()


# -- programs -----------------------------------------------------------------------------------


def test_macros_are_said_in_the_report_and_when_a_form_is_filled(
    empty_store: Store, tmp_path: Path
) -> None:
    path = write_book(tmp_path / "宏.xlsm", WRONG)
    add_members(path, {"xl/vbaProject.bin": b'Shell "calc"'})
    report = refresh(empty_store, [path])
    assert "《宏.xlsm》含宏，宏未运行。" in report.warnings
    assert report.count("new") == 2


# -- formulas -----------------------------------------------------------------------------------

FORMULAS = ("=HYPERLINK(\"http://evil.example\",\"点\")", "=1+1", "+cmd|' /C calc'!A0", "-2+3",
            "@SUM(1+1)", "\t=1+1", "=cmd|'/c calc'!A1", "-@x", "+", "=")  # fmt: skip


@pytest.fixture(scope="module")
def infected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose every name and text begins like a formula."""
    folder = tmp_path_factory.mktemp("infected")
    book = Workbook()
    register, complaints, matters = book.worksheets[0], book.create_sheet(), book.create_sheet()
    sheets: dict[str, tuple[object, list[list[object]]]] = {
        "小区台账": (register, [[*REGISTER[0], "物业公司"]]),
        "投诉工单": (complaints, [["工单编号", "受理时间", "诉求类别", "小区名称", "诉求内容"]]),
        "议题": (matters, [["议题编号", "议题名称", "提出日期", "小区名称"]]),
    }
    for number, text in enumerate(FORMULAS):
        name = f"{text}园{number}"
        sheets["小区台账"][1].append([name, "商品房", 100, text])
        sheets["投诉工单"][1].append([f"G{number}", "2026-10-03 09:00", "停车管理", name, text])
        sheets["议题"][1].append([f"Y{number}", f"{text}议题{number}", "2026-10-05", name])
    for title, (sheet, rows) in sheets.items():
        sheet.title = title  # type: ignore[attr-defined]
        for row in rows:
            append(sheet, row)
    book.save(folder / "表.xlsx")
    with Store(folder / "store") as store:
        refresh(store, [folder / "表.xlsx"])
        assert store.frame("core_compounds")["name"].str.startswith(("=", "+", "-", "@")).sum() >= 9
        assert len(store.frame("core_complaints")) == len(FORMULAS)
        assert len(store.frame("core_matters")) == len(FORMULAS)
    return folder


def find_formulas(path: Path) -> Iterator[str]:
    """Cells of a workbook or of a CSV that a spreadsheet program would run."""
    if path.suffix == ".csv":
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))):
            yield from (c for c in row if c.startswith(("=", "+", "@", "\t", "\r")) or is_run(c))
    elif path.suffix == ".xlsx":
        for sheet in openpyxl.load_workbook(path):
            for cells in sheet.iter_rows():
                yield from (str(cell.value) for cell in cells if cell.data_type == "f")


def is_run(text: str) -> bool:
    """Whether what begins with a minus is more than a number."""
    return text.startswith("-") and not text[1:].replace(".", "", 1).isdigit()


def run_export(folder: Path, out: Path) -> None:
    asked = [f"--format={form}" for form in ("xlsx", "csv", "geojson")]
    assert main(["export", "--store", str(folder / "store"), "--out", str(out), *asked]) == 0


def run_brief(folder: Path, out: Path) -> None:
    asked = ["--month", "2026-10", "--out", str(out), "--also", "附表"]
    assert main(["brief", "--store", str(folder / "store"), *asked]) == 0


def run_fill(folder: Path, out: Path) -> None:
    path = folder / "空表.xlsx"
    book = Workbook()
    for head, cell in zip(("小区名称", "总户数"), book.worksheets[0]["A1:B1"][0], strict=True):
        cell.value = head
    for cells in book.worksheets[0][f"A1:B{len(FORMULAS) + 3}"]:
        for cell in cells:
            cell.border = Border(*[Side("thin")] * 4)
    book.save(path)
    asked = ["fill", str(path), "--store", str(folder / "store"), "--out", str(out)]
    assert main(asked) in (0, 3)


def run_template(folder: Path, out: Path) -> None:
    profile = folder / "profile.toml"
    profile.write_text('name = "=1+1"\n[columns.compounds]\n"=HYPERLINK(1)" = "name"\n', "utf-8")
    assert main(["template", "--out", str(out), "--profile", str(profile)]) == 0


def run_refresh(folder: Path, out: Path) -> None:
    path = write_book(folder / "错.xlsx", [REGISTER[0], *([t, t, t] for t in FORMULAS)])
    asked = ["refresh", str(path), "--dry-run", "--store", str(folder / "store")]
    main([*asked, "--returned", str(out)])


PAGES_OF_TABLES: tuple[tuple[str, dict[str, str]], ...] = (
    ("map", {"form": "table"}), ("map", {"form": "months"}), ("deliberation", {"talk": "matters"}),
    ("organizations", {"part": "gaps"}),
)  # fmt: skip


@pytest.mark.parametrize(("view", "query"), PAGES_OF_TABLES)
def test_no_file_that_a_page_offers_holds_a_formula_of_somebodys(
    infected: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    view: str,
    query: dict[str, str],
) -> None:
    monkeypatch.setenv(settings.STORE, str(infected / "store"))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    load.open_store.clear()
    files = collect_files(monkeypatch)
    open_view(view, **query)
    tables = {name: write for name, write in files.items() if name.endswith((".xlsx", ".csv"))}
    assert tables
    for number, (name, write) in enumerate(tables.items()):
        path = tmp_path / f"{number}{Path(name).suffix}"
        path.write_bytes(write())
        assert list(find_formulas(path)) == [], name
    load.open_store.clear()


@pytest.mark.parametrize("run", [run_export, run_brief, run_fill, run_template, run_refresh])
def test_no_file_that_is_written_holds_a_formula_of_somebodys(
    infected: Path, tmp_path: Path, run: Callable[[Path, Path], None]
) -> None:
    run(infected, tmp_path / "out")
    written = [path for path in (tmp_path / "out").rglob("*.*") if path.is_file()]
    tables = [path for path in written if path.suffix in (".xlsx", ".csv")]
    assert tables
    for path in tables:
        assert list(find_formulas(path)) == [], path.name

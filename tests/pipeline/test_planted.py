"""Personal information planted in every text column of every sheet is found nowhere afterwards."""

from __future__ import annotations

import io
import itertools
import logging
import random
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pypdfium2 as pdfium
import pytest
from openpyxl import Workbook
from stdnum import luhn
from stdnum.cn import ric

from dashboard import load, settings
from dashboard.app import PAGES
from dashboard.briefing.handbook import write_handbook
from dashboard.briefing.monthly import list_report_months, read_month, write_monthly
from dashboard.briefing.pack import Ground, write_pack
from dashboard.briefing.publicity import write_publicity
from dashboard.choice import FORMS as MAP_FORMS
from dashboard.choice import PARTS, TALKS
from dashboard.talks import read_talks
from etl.cli import main
from etl.export import FORMATS, write_table
from etl.exporting import ALL_FORMATS, export
from etl.periods import Period
from etl.profile import parse_profile
from etl.refresh import refresh
from etl.report import Report
from etl.returning import give_back
from etl.store import TABLE_NAMES, Store
from etl.table import Column, Table
from etl.tables import TABLES
from tests.pages import collect_files, open_view, text_of

PLANTED = 500
SURNAMES, GIVEN = "王李张刘陈杨黄赵吴周", "伟芳秀英娜敏静丽强磊军洋勇艳杰娟涛明超"
PLACES = ("510107", "110105", "440305", "330106")
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True)
class Secret:
    """An identifier, and the sentence in which a clerk wrote it."""

    kind: str
    text: str
    said: str


def make_id(draw: random.Random) -> str:
    """An identity number with its check digit (GB 11643)."""
    body = f"{draw.choice(PLACES)}{draw.randint(1940, 2010)}{draw.randint(1, 12):02}"
    body += f"{draw.randint(1, 28):02}{draw.randint(0, 999):03}"
    return body + ric.calc_check_digit(body + "0")


def make_card(draw: random.Random, bank: str = "622202") -> str:
    """A bank card number with its check digit (Luhn)."""
    body = bank + "".join(str(draw.randint(0, 9)) for _ in range(12))
    return body + luhn.calc_check_digit(body)


def make_name(draw: random.Random) -> str:
    return draw.choice(SURNAMES) + draw.choice(GIVEN) + draw.choice(GIVEN)


def make_plate(draw: random.Random) -> str:
    return "川" + draw.choice("AG") + "".join(draw.choice("0123456789" + LETTERS) for _ in range(5))


KINDS: dict[str, tuple[Callable[[random.Random], str], str]] = {
    "id": (make_id, "身份证{}，请核实"),
    "card": (make_card, "退到卡号{}"),
    "glued": (make_id, "ID{}，请核实"),
    "other card": (lambda d: make_card(d, "955880"), "退到BOC{}"),
    "mobile": (lambda d: f"1{d.choice('3578')}{d.randint(0, 999999999):09}", "打{}找本人"),
    "phone": (lambda d: f"028-8{d.randint(1000000, 9999999)}", "座机{}"),
    "plate": (make_plate, "{}乱停"),
    "wechat": (lambda d: f"wx_{d.randint(10000000, 99999999)}", "加微信：{}"),
    "qq": (lambda d: str(d.randint(200000000, 999999999)), "加QQ{}"),
    "door": (
        lambda d: f"{d.randint(2, 9)}单元{d.randint(11, 33)}{d.randint(10, 29)}室",
        "住{}，漏水",
    ),
    "name": (make_name, "联系人：{}，请回复"),
}


@pytest.fixture(scope="module")
def secrets() -> Iterator[Secret]:
    """Identifiers of every kind, one after another, never one twice."""
    draw, seen = random.Random(2026), set()

    def make() -> Iterator[Secret]:
        for kind in itertools.cycle(KINDS):
            invent, said = KINDS[kind]
            text = invent(draw)
            if text not in seen:
                seen.add(text)
                yield Secret(kind, text, said.format(text))

    return make()


def write_value(column: Column, number: int) -> Any:
    """A sound value of a column; `number` tells rows apart."""
    if column.name.endswith("_id") and not column.refers_to and column.kind is str:
        return f"X{number:05}"
    if column.example is not None:
        return column.example
    if column.kind is date:
        return date(2026, 3, 1 + number % 28)
    if column.kind is datetime:
        return datetime(2026, 3, 1 + number % 28, 9)
    return None


def write_sheet(
    book: Workbook, table: Table, secrets: Iterator[Secret], planted: list[Secret], rows: int
) -> None:
    """A sheet in which each row holds one secret, in each text column in turn, and one of no name."""
    sheet = book.create_sheet(table.label)
    columns = [column for column in table.columns if not column.is_derived]
    texts = [at for at, column in enumerate(columns) if column.kind is str]
    sheet.append([*(column.label for column in columns), "其他情况"])
    for number in range(max(rows, len(texts) + 1)):
        secret = next(secrets)
        planted.append(secret)
        row = [write_value(column, number) for column in columns]
        if table.name == "compounds" and number != len(texts):
            # One has the name that all the sheets mean, and nothing is planted in its own columns.
            row[columns.index(table["name"])] = f"槐树街{number + 1}号院"
        at = (*texts, len(columns))[number % (len(texts) + 1)]
        if at == len(columns):
            row.append(secret.said)
        else:
            row[at] = secret.said
        sheet.append(row)


@pytest.fixture(scope="module")
def planted(
    tmp_path_factory: pytest.TempPathFactory, secrets: Iterator[Secret]
) -> tuple[Path, list[Secret], Report, str]:
    """A store that took all of it in, what was planted, the report, and what was logged."""
    folder = tmp_path_factory.mktemp("planted")
    planted: list[Secret] = []
    heard = io.StringIO()
    listener = logging.StreamHandler(heard)
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    files = []
    for table in TABLES:
        book = Workbook()
        book.remove(book.worksheets[0])
        write_sheet(book, table, secrets, planted, -(-PLANTED // len(TABLES)))
        named = next(secrets)
        planted.append(named)
        files.append(folder / f"{table.label}（{named.said}）.xlsx")
        book.save(files[-1])
    try:
        with Store(folder / "store") as store:
            report = refresh(store, files, who="测试")
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
    return folder, planted, report, heard.getvalue()


def find_in(text: str, planted: list[Secret]) -> list[Secret]:
    return [secret for secret in planted if secret.text in text]


def read_parts(name: str, raw: bytes) -> Iterator[str]:
    """All that a file says: its bytes, what is packed in it, the text of its pages."""
    yield raw.decode("utf-8", errors="replace")
    yield raw.decode("gb18030", errors="replace")
    if zipfile.is_zipfile(io.BytesIO(raw)):
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for inner in archive.namelist():
                yield inner
                yield from read_parts(inner, archive.read(inner))
    if raw.startswith(b"%PDF"):
        with pdfium.PdfDocument(raw) as paper:
            yield from (page.get_textpage().get_text_bounded() for page in paper)
    if name.endswith(".parquet"):
        yield text_of_frame(pq.read_table(io.BytesIO(raw)).to_pandas())


def search(name: str, raw: bytes, planted: list[Secret]) -> list[Secret]:
    return [secret for part in read_parts(name, raw) for secret in find_in(part, planted)]


def text_of_frame(frame: pd.DataFrame) -> str:
    return frame.to_csv()


def test_enough_was_planted_and_all_of_it_was_masked_and_counted(
    planted: tuple[Path, list[Secret], Report, str],
) -> None:
    folder, secrets, report, _ = planted
    assert len(secrets) >= PLANTED
    assert {secret.kind for secret in secrets} == set(KINDS)
    assert report.snapshot is not None
    # Some of it landed as rows, and some was set aside: both ways were gone.
    with Store(folder / "store", read_only=True) as store:
        files = store.frame("files")
        assert files["rows_loaded"].sum() > 100
        assert len(store.frame("quarantine")) > 50
        for name in ("core_complaints", "core_matters", "core_needs", "core_meetings"):
            assert len(store.frame(name)) > 15, name
        assert files.groupby("file")["masked_count"].sum().min() > 0


def test_nothing_of_it_is_in_the_stores_files(
    planted: tuple[Path, list[Secret], Report, str],
) -> None:
    folder, secrets, _, logged = planted
    assert find_in(logged, secrets) == []
    with Store(folder / "store", read_only=True) as store:
        for name in TABLE_NAMES:
            assert find_in(text_of_frame(store.frame(name)), secrets) == [], name
    for path in (folder / "store").rglob("*"):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        assert [s for s in secrets if s.text.encode() in raw] == [], path.name
        assert find_in(path.name, secrets) == []
        if path.suffix == ".parquet":
            # Bytes of Parquet are packed: what they say is read back, of every snapshot.
            assert find_in(text_of_frame(pq.read_table(path).to_pandas()), secrets) == [], path


def test_nothing_of_it_is_in_what_the_report_says(
    planted: tuple[Path, list[Secret], Report, str],
) -> None:
    _, secrets, report, _ = planted
    assert find_in(repr(report), secrets) == []


def test_nothing_of_it_is_in_what_is_taken_away(
    planted: tuple[Path, list[Secret], Report, str], tmp_path: Path
) -> None:
    folder, secrets, _, _ = planted
    with Store(folder / "store", read_only=True) as store:
        written = export(store, None, tmp_path, ALL_FORMATS, None, None, "", "")
    assert len(written) >= len(ALL_FORMATS)
    for path in written:
        assert search(path.name, path.read_bytes(), secrets) == [], path.name


# Every page; those that hold several, each of these.
WHERE: tuple[tuple[str, dict[str, str]], ...] = (
    *((view, {}) for view in PAGES),
    *(("organizations", {"part": part}) for part in PARTS[1:]),
    *(("deliberation", {"talk": talk}) for talk in TALKS),
    *(("map", {"form": form}) for form in MAP_FORMS[1:]),
)


@pytest.mark.parametrize(("view", "query"), WHERE)
def test_nothing_of_it_is_on_a_page_or_in_what_it_offers(
    planted: tuple[Path, list[Secret], Report, str],
    monkeypatch: pytest.MonkeyPatch,
    view: str,
    query: dict[str, str],
) -> None:
    folder, secrets, _, _ = planted
    monkeypatch.setenv(settings.STORE, str(folder / "store"))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    load.open_store.clear()
    files = collect_files(monkeypatch)
    test = open_view(view, **query)
    told = text_of(test) + "".join(text_of_frame(element.value) for element in test.dataframe)
    told += "".join(str(box.options) for box in test.selectbox)
    assert find_in(told, secrets) == []
    assert files or view != "map"
    for name, write in files.items():
        if not name.endswith(".png"):
            assert search(name, write(), secrets) == [], name
    load.open_store.clear()


def test_the_owners_own_workbook_is_given_back_and_not_kept(
    planted: tuple[Path, list[Secret], Report, str],
) -> None:
    folder, secrets, report, _ = planted
    given = 0
    for told in report.files:
        path = next(p for p in folder.glob("*.xlsx") if p.name.startswith(f"{told.name[:3]}"))
        if give_back(path, told, parse_profile("")):
            given += 1
    assert given
    kept = [p for p in (folder / "store").rglob("*") if re.search(r"\.xlsx?$", p.name)]
    assert kept == []
    assert len(secrets) > 0


def test_nothing_of_it_is_in_a_briefing(
    planted: tuple[Path, list[Secret], Report, str], tmp_path: Path
) -> None:
    folder, secrets, _, _ = planted
    store, out = shutil.copytree(folder / "store", tmp_path / "store"), tmp_path / "out"
    with Store(store, read_only=True) as opened:
        months = opened.frame("out_months")["month"]
    month = f"{months.min():%Y-%m}"
    assert main(["brief", "--month", month, "--out", str(out), "--store", str(store)]) == 0
    written = [path for path in out.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {".docx", ".pdf"}
    for path in written:
        assert search(path.name, path.read_bytes(), secrets) == [], path.name
    out = tmp_path / "more"
    also = [f"--also={kind}" for kind in ("挂图", "附表", "网页", "公示")]
    given = ["brief", "--month", month, "--out", str(out), "--store", str(store), "--no-issue"]
    assert main([*given, *also]) == 0
    written = [path for path in out.rglob("*") if path.is_file()]
    assert {path.suffix for path in written} >= {".png", ".xlsx", ".html", ".docx", ".pdf"}
    for path in written:
        assert search(path.name, path.read_bytes(), secrets) == [], path.name


@pytest.fixture
def build(
    planted: tuple[Path, list[Secret], Report, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[load.Build]:
    monkeypatch.setenv(settings.STORE, str(planted[0] / "store"))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    load.open_store.clear()
    yield load.current_build()
    load.open_store.clear()


def test_nothing_of_it_is_in_a_paper_for_a_meeting(
    planted: tuple[Path, list[Secret], Report, str], build: load.Build
) -> None:
    secrets, talks = planted[1], read_talks(build)
    assert len(talks.matters) > 0
    assert len(talks.promises) > 0
    ground = Ground(load.shapes(build), load.frame(build, "out_cells"))
    matters = list(talks.matters["matter_id"])
    papers = {"pack": write_pack(talks, matters, ground), "handbook": write_handbook(talks)}
    assert talks.today is not None
    papers["publicity"] = write_publicity(talks, talks.today - pd.DateOffset(months=3))
    for month in list_report_months(talks):
        papers[f"{month:%Y-%m}"] = write_monthly(read_month(build, talks, month))
    assert len(papers) > 3
    for name, paper in papers.items():
        assert len(paper) > 10_000, name
        assert search(name, paper, secrets) == [], name


def test_nothing_of_it_is_in_what_a_page_offers_to_take(
    planted: tuple[Path, list[Secret], Report, str], build: load.Build
) -> None:
    secrets, table = planted[1], load.frame(build, "out_compounds")
    assert search("shapes", load.shapes_json(build), secrets) == []
    about = load.about(build, Period(None, None, ""))
    for form in FORMATS:
        written = write_table(form, table, lambda: load.shapes(build), about)
        assert search(f"x.{form}", written, secrets) == [], form


def test_nothing_of_it_is_in_what_the_command_says_or_fills_in(
    planted: tuple[Path, list[Secret], Report, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, secrets, _, _ = planted
    store = shutil.copytree(folder / "store", tmp_path / "store")
    form = Workbook()
    for column in ("小区名称", "总户数", "负责人", "联系电话", "投诉内容"):
        form.worksheets[0].append([column])
    form.save(tmp_path / "表.xlsx")
    said = []
    for arguments in (
        ["history"],
        ["doctor"],
        ["query", "SELECT * FROM core_complaints"],
        ["query", "SELECT * FROM quarantine"],
        ["fill", str(tmp_path / "表.xlsx"), "--out", str(tmp_path / "filled")],
    ):
        for form_of in ([], ["--json"]):
            main([*arguments, *form_of, "--store", str(store)])
            told = capsys.readouterr()
            said.append(told.out + told.err)
    assert all(said)
    assert find_in("".join(said), secrets) == []
    for path in (tmp_path / "filled").rglob("*.*"):
        assert search(path.name, path.read_bytes(), secrets) == [], path.name

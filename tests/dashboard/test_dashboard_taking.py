"""Files to take away: a picture that says what it is, links to the rest, and Open311 at its routes."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from openpyxl import load_workbook
from PIL import Image
from starlette.applications import Starlette

from dashboard import load, settings
from dashboard.map.colouring import colour_compounds
from dashboard.map.palette import Look
from dashboard.map.picture import HEIGHT, WIDTH, draw_picture, fill_area, find_font
from dashboard.open311 import ROUTES
from dashboard.views import taking
from dashboard.words import look_up
from etl.export import WORDS as FILE_WORDS
from etl.periods import add_shown, find_period, list_months
from tests.pages import Open, text_of

VIEW = "map"
# Every page with tables to take away: what they are, and the fewest rows in each.
TABLES = [
    ("map", {"form": "months"}, {"map-months": 16}),
    ("map", {"form": "table"}, {"handling": 5, "coverage": 16}),
    ("map", {"form": "compare"}, {"compare-months": 16}),
    ("map", {"form": "compare", "vs": "colours"}, {"compare-colours": 16}),
    ("map", {"form": "compare", "vs": "places"}, {"compare-places": 10}),
    ("trends", {}, {"hotspots": 1, "months": 12, "changes": 16, "handling": 5}),
    ("organizations", {}, {"coverage": 16}),
    ("organizations", {"part": "growth"}, {"growth": 3}),
    ("organizations", {"part": "watch"}, {"watch": 2}),
    ("organizations", {"part": "core"}, {"core": 3}),
    ("organizations", {"part": "activities"}, {"activities": 3}),
    ("organizations", {"part": "network"}, {"network": 5}),
    ("deliberation", {"talk": "matters"}, {"matters": 5}),
    ("deliberation", {"talk": "needs"}, {"needs": 5, "shared-needs": 2}),
    ("deliberation", {"talk": "promises"}, {"promises": 2, "meetings": 2}),
    ("deliberation", {"talk": "handbook"}, {"handbook": 3}),
    ("actions", {}, {"actions": 1}),
    ("capital", {}, {"capital": 10, "registers": 10}),
]  # fmt: skip
Offered = dict[str, dict[str, bytes]]


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Offered:
    """The files of the page that is opened: by table, and by form."""
    files: Offered = {}

    def keep(form: str, write: Any, about: Any, where: str = "map") -> None:
        if where != "map":
            files.setdefault(where, {})[form] = write()

    monkeypatch.setattr(taking, "_offer", keep)
    return files


@pytest.fixture
def ask(sample_store: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Ask one of the routes; the status, the type and the body."""
    monkeypatch.setenv(settings.STORE, str(sample_store))

    def get(path: str) -> tuple[int, str, bytes]:
        where, _, query = path.partition("?")
        scope = {
            "type": "http", "method": "GET", "path": where, "raw_path": where.encode(),
            "query_string": query.encode(), "root_path": "", "scheme": "http", "headers": [],
            "http_version": "1.1", "server": ("office", 80), "client": ("127.0.0.1", 1), "state": {},
        }  # fmt: skip
        parts: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            parts.append(message)

        with ThreadPoolExecutor(1) as threads:
            run = Starlette(routes=ROUTES)(scope, receive, send)
            threads.submit(asyncio.run, run).result()
        headers = {k.decode(): v.decode() for k, v in parts[0]["headers"]}
        body = b"".join(part.get("body", b"") for part in parts[1:])
        return parts[0]["status"], headers["content-type"], body

    return get


def test_the_routes_of_open311_answer_in_both_forms(ask: Any) -> None:
    status, kind, body = ask("/open311/v2/services.json")
    assert (status, kind) == (200, "application/json; charset=utf-8")
    services = json.loads(body)
    status, kind, body = ask("/open311/v2/services.xml")
    assert (status, kind) == (200, "text/xml; charset=utf-8")
    assert len(ElementTree.fromstring(body)) == len(services) > 5
    code = services[0]["service_code"]
    status, _, body = ask(f"/open311/v2/requests.json?service_code={code}&page_size=3")
    rows = json.loads(body)
    assert status == 200
    assert len(rows) == 3
    one = rows[0]["service_request_id"]
    status, _, body = ask(f"/open311/v2/requests/{one}.xml")
    assert ElementTree.fromstring(body)[0].find("service_request_id").text == one


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/open311/v2/requests/none.json", 404), ("/open311/v2/requests.json?status=x", 400),
        ("/open311/v2/services/x.json", 404), ("/open311/v2/services.csv", 404),
    ],
)  # fmt: skip
def test_errors_are_told_as_the_specification_says(ask: Any, path: str, status: int) -> None:
    found, _, body = ask(path)
    assert found == status
    (told,) = json.loads(body)
    assert set(told) == {"code", "description"}
    assert told["code"] == status
    assert told["description"]


def test_errors_come_in_xml_too(ask: Any) -> None:
    status, kind, body = ask("/open311/v2/requests/none.xml")
    assert (status, kind.split(";")[0]) == (404, "text/xml")
    assert [node.tag for node in ElementTree.fromstring(body)[0]] == ["code", "description"]


def test_the_map_offers_every_format(open_page: Open) -> None:
    test = open_page()
    assert not test.exception
    labels = [button.proto.label for button in test.get("download_button")]
    for name in ("PNG", "XLSX", "CSV", "GeoJSON", "GeoPackage", "GeoParquet"):
        assert any(name in label for label in labels)
    assert "/open311/v2/requests.json" in text_of(test)


@pytest.mark.skipif(find_font() is None, reason="no font with Chinese on this machine")
def test_the_picture_is_coloured_as_the_map_and_says_what_it_is(open_page: Open) -> None:
    open_page()
    build = load.current_build()
    compounds, months = load.frame(build, "out_compounds"), load.frame(build, "out_months")
    period = find_period(compounds, list_months(compounds, months), "", "", "")
    table = add_shown(compounds, months, period)
    colouring = colour_compounds("rate", table)
    told = [("时段", "2025-11 至 2026-10")]
    drawn = draw_picture(load.shapes(build), table, colouring, ["T14"], "T社区", told)
    picture = Image.open(io.BytesIO(drawn or b""))
    assert picture.size == (WIDTH, HEIGHT)
    assert "2025-11 至 2026-10" in picture.text["Description"]
    seen = {f"#{r:02X}{g:02X}{b:02X}" for _, (r, g, b) in picture.getcolors(WIDTH * HEIGHT)}
    assert {band.look.fill for band in colouring.bands if band.count} <= seen
    assert "#A3161A" in seen


@pytest.mark.parametrize("hatch", ["diagonal", "counter", "lines", "dots", "cross"])
def test_every_pattern_is_drawn_besides_the_colour_and_holes_stay_free(hatch: str) -> None:
    image = Image.new("RGB", (200, 200), "#FFFFFF")
    square = [(0.0, 0.0), (199.0, 0.0), (199.0, 199.0), (0.0, 199.0)]
    hole = [(50.0, 50.0), (150.0, 50.0), (150.0, 150.0), (50.0, 150.0)]
    fill_area(image, square, Look("#112233", hatch, "#445566"), [hole])
    seen = {colour for _, colour in image.getcolors()}
    assert seen == {(0x11, 0x22, 0x33), (0x44, 0x55, 0x66), (255, 255, 255)}
    assert image.getpixel((100, 100)) == (255, 255, 255)


@pytest.mark.parametrize(("view", "query", "wanted"), TABLES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_tables_are_taken_away_with_what_they_are(
    open_page: Open, offered: Offered, view: str, query: dict[str, str], wanted: dict[str, int],
    lang: str,
) -> None:  # fmt: skip
    test = open_page(view, lang=lang, **query)
    assert not test.error
    assert set(wanted) <= set(offered)
    snapshot = load.current_build().snapshot
    for name, fewest in wanted.items():
        lines = list(csv.reader(io.StringIO(offered[name]["csv"].decode("utf-8-sig"))))
        told = [line[0] for line in lines if line[0].startswith("# ")]
        said = "\n".join(told)
        for word in ("community", "table", "period", "snapshot", "files", "suppression"):
            assert f"# {look_up(f'file.{word}', lang)}" in said
        assert str(snapshot) in said
        assert ".xlsx" in said or ".csv" in said
        head, *rows = lines[len(told) :]
        assert len(rows) >= fewest
        assert {len(row) for row in rows} == {len(head)}
        book = load_workbook(io.BytesIO(offered[name]["xlsx"]))
        assert book.sheetnames == [
            look_up(f"file.{word}", lang) for word in ("figures", "description")
        ]
        figures = list(book.worksheets[0].values)
        assert [str(cell) for cell in figures[0]] == head
        assert len(figures) == len(rows) + 1


def test_figures_are_figures_in_a_workbook(open_page: Open, offered: Offered) -> None:
    open_page("map", form="months")
    rows = list(load_workbook(io.BytesIO(offered["map-months"]["xlsx"])).worksheets[0].values)
    total = load.frame(load.current_build(), "out_months")
    placed = total[total["compound_id"].notna()]["complaint_count"].sum()
    assert sum(sum(row[1:]) for row in rows[1:]) == placed


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1,234", 1234), ("12", 12), ("-3.5", -3.5), ("● 7", 7), ("12%", "12%"), ("1,2", "1,2"),
        ("2026-10", "2026-10"), ("● 缺", "缺"), ("—", "—"), (None, None), (3, 3),
        ("13800000000", "13800000000"),
    ],
)  # fmt: skip
def test_what_looks_like_a_figure_is_one(written: object, read: object) -> None:
    assert taking.read_figure(written) == read


def test_what_files_say_is_the_same_from_the_page_and_from_the_command() -> None:
    assert {name: look_up(f"file.{name}", "zh") for name in FILE_WORDS} == FILE_WORDS


def test_a_map_file_describes_itself_in_the_language_of_its_reader(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, bytes] = {}

    def keep(form: str, write: Any, about: Any, where: str = "map") -> None:
        if form in ("geojson", "csv"):
            files[form] = write()

    monkeypatch.setattr(taking, "_offer", keep)
    open_page(lang="en", category="停车管理")
    told = json.loads(files["geojson"])["metadata"]
    assert told["Category of complaint"] == look_up("category.停车管理", "en")
    assert told["Small figures"] == look_up("file.shown", "en")
    assert "2025-11 to 2026-10" in told["Period"]
    assert b"compound_id,name,type" in files["csv"]

"""Files to take away: a picture that says what it is, links to the rest, and Open311 at its routes."""

from __future__ import annotations

import asyncio
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image
from starlette.applications import Starlette

from dashboard import load, settings
from dashboard.map.colouring import colour_compounds
from dashboard.map.palette import Look
from dashboard.map.picture import HEIGHT, WIDTH, draw_picture, fill_area, find_font
from dashboard.open311 import ROUTES
from etl.periods import add_shown, find_period, list_months
from tests.pages import Open, text_of

VIEW = "map"


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

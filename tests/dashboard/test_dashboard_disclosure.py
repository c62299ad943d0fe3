"""Each way out of the page, for roles that must not see small counts: none of them tells one."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pytest
import streamlit as streamlit_module
from openpyxl import load_workbook
from streamlit.testing.v1 import AppTest

from dashboard import access, load, open311, settings, withheld
from dashboard.app import _list_pages, _list_refused
from dashboard.choice import FORMS
from dashboard.map.colouring import colour_compounds
from dashboard.map.layers import Drawing, write_spec
from dashboard.pages import ADMIN_PAGES, PAGES
from dashboard.server import send_shapes
from etl import periods
from etl.accounts import LEADER, PUBLIC, STREET, Accounts
from etl.disclosure import Audience
from etl.errors import AccessError
from tests.pages import Open, collect_files, text_of

VIEW = "map"
SECRET = "荷塘月色 2026"
FIGURE = re.compile(r"-?\d+(?:\.\d+)?")
# Most of the sample's old courtyards have fewer than so many complaints in the window.
FEWEST = 50
# What reads all there is, and asks first whether its reader may: each has a test of its own.
ASKING = ("desk.py", "open311.py", "metrics.py")
DAY = date(2026, 10, 1)
SMALL = {"T11": 39, "T13": 36, "T16": 44}


@pytest.fixture(scope="module")
def store(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with accounts."""
    import shutil

    path = Path(shutil.copytree(sample_store, tmp_path_factory.mktemp("roles") / "store"))
    accounts = Accounts(path)
    accounts.add("街道", SECRET, STREET)
    accounts.add("公示栏", SECRET, PUBLIC)
    accounts.add("张社工", SECRET, LEADER, ["别的社区"])
    return path


@pytest.fixture
def look_as(
    store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, open_page: Open
) -> Callable[[str], Open]:
    profile = tmp_path / "profile.toml"
    profile.write_text(f"[privacy]\nfewest_cases = {FEWEST}\n", encoding="utf-8")
    monkeypatch.setenv(settings.STORE, str(store))
    monkeypatch.setenv(settings.PROFILE, str(profile))

    def look(name: str) -> Open:
        headers = {access.WHO: quote(name), access.ADDRESS: "10.0.0.8"}
        monkeypatch.setattr(streamlit_module, "context", SimpleNamespace(headers=headers))
        return open_page

    return look


def numbers_in(text: str) -> set[int]:
    return {int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", text)}


def charts_of(test: AppTest) -> list[Any]:
    return [element.proto for element in test.get("arrow_vega_lite_chart")]


@pytest.mark.parametrize("name", ["街道", "公示栏"])
def test_the_map_and_its_tooltips_tell_no_small_count(
    look_as: Callable[[str], Open], name: str
) -> None:
    look_as(name)
    build = load.current_build()
    compounds, months = load.frame(build, "out_compounds"), load.frame(build, "out_months")
    listed = periods.list_months(compounds, months)
    period = periods.find_period(compounds, listed, "", "", "")
    table = periods.add_shown(compounds, months, period)
    for color in ("rate", "change"):
        spec = write_spec(Drawing(table, colour_compounds(color, table)))
        for place, count in SMALL.items():
            _, told, tip, _ = spec["places"][place]
            assert told == "已隐去"
            assert "—（已隐去）" in tip
            # Households stand there still.
            said = {line for line in tip if not line.endswith("户")}
            assert count not in numbers_in(" ".join(said))
        json.dumps(spec)
    assert spec["circles"] == []


@pytest.mark.parametrize("name", ["街道", "公示栏"])
def test_the_page_says_what_is_hidden_and_never_a_zero(
    look_as: Callable[[str], Open], name: str
) -> None:
    test = look_as(name)("map")
    assert not test.exception
    said = text_of(test)
    assert "少于 50 件的数不显示" in said
    assert re.search(r"\d+ 个小区的件数已隐去", said)
    assert "没有打开成功" not in said
    assert "nan" not in said.lower()


@pytest.mark.parametrize("name", ["街道", "公示栏"])
def test_the_table_twin_and_what_is_downloaded_from_it_tell_no_small_count(
    look_as: Callable[[str], Open], name: str
) -> None:
    test = look_as(name)("map", form="table")
    (shown, *_) = [element.value for element in test.dataframe]
    # The download of a table holds what the table holds.
    own = shown.set_index(shown.columns[0])
    rows = own.loc[["农机站宿舍", "供销社家属院", "新桥街27号院"]]
    assert (rows == "—（已隐去）").any(axis=1).all()
    written = rows.to_csv()
    for count in SMALL.values():
        assert not re.search(rf"(?<![\d.]){count}(?![\d.])", written)
    assert not own.isin(["nan", "None", "<NA>"]).any(axis=None)
    assert shown.notna().all(axis=None)
    said = text_of(test)
    assert "没有打开成功" not in said


@pytest.mark.parametrize("name", ["街道", "公示栏"])
@pytest.mark.parametrize("form", FORMS)
def test_no_file_that_the_map_offers_tells_a_small_count(
    look_as: Callable[[str], Open], monkeypatch: pytest.MonkeyPatch, name: str, form: str
) -> None:
    files = collect_files(monkeypatch)
    test = look_as(name)("map", form=form, at="T11", color="rate", show="hotspots")
    assert not test.exception
    assert "没有打开成功" not in text_of(test)
    assert files or form in ("compare",)
    for file, write in files.items():
        told = read_rows(file, write())
        own = [row for row in told if set(row) & {*SMALL, "农机站宿舍", "供销社家属院"}]
        if "小区_" in file and not file.endswith(".png"):
            assert own, file
        for row in own:
            figures = {float(cell) for cell in row if FIGURE.fullmatch(cell)}
            assert not figures & {float(count) for count in SMALL.values()}, (file, row)
            assert "nan" not in row


def read_rows(name: str, content: bytes) -> list[list[str]]:
    """The rows of a file that was taken away, as text."""
    held = io.BytesIO(content)
    if name.endswith(".xlsx"):
        return [
            ["" if cell is None else str(cell) for cell in row]
            for sheet in load_workbook(held)
            for row in sheet.iter_rows(values_only=True)
        ]
    if name.endswith(".csv"):
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    if name.endswith((".geojson", ".gpkg")):
        with tempfile.NamedTemporaryFile(suffix=Path(name).suffix, delete=False) as file:
            file.write(content)
        table = gpd.read_file(file.name).drop(columns="geometry")
        Path(file.name).unlink()
    elif name.endswith(".parquet"):
        table = pd.read_parquet(held).drop(columns="geometry")
    else:
        return []
    return table.astype("string").fillna("").to_numpy().tolist()


@pytest.mark.parametrize("name", ["街道", "公示栏"])
def test_no_chart_of_the_map_tells_a_small_count(look_as: Callable[[str], Open], name: str) -> None:
    for query in ({"form": "table"}, {"form": "months"}, {"at": "T11"}, {"at": "T01"}):
        test = look_as(name)("map", **query)
        assert not test.exception
        for chart in charts_of(test):
            for held in chart.datasets:
                table = pa.ipc.open_stream(held.data.data).read_all().to_pandas()
                named = table.astype("string").isin(["农机站宿舍", "供销社家属院", *SMALL])
                own = table[named.any(axis=1)].select_dtypes("number").to_numpy().ravel()
                assert not set(own) & set(SMALL.values()), query


def test_what_is_worked_out_from_every_count_is_not_for_those_roles(
    look_as: Callable[[str], Open], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages, papers and files beyond the map: neither shown nor offered, whatever a link says."""
    files = collect_files(monkeypatch)
    for name in ("街道", "公示栏"):
        open_it = look_as(name)
        for view in ("today", "compound", "briefing", "quality"):
            said = text_of(open_it(view, at="T11"))
            assert "看不到这些数据" in said or "不在您的角色能看的范围内" in said, view
    assert files == {}


def test_a_link_to_what_is_withheld_opens_what_is_not(look_as: Callable[[str], Open]) -> None:
    asked = {
        "color": "core",
        "show": "density.hotspots",
        "category": "停车管理",
        "first": "2025-12",
    }
    test = look_as("街道")("map", at="T11", **asked)
    assert not test.exception
    said = text_of(test)
    assert "没有打开成功" not in said
    assert "件数已隐去" in said
    assert "人数、需求、议题和行动不在您的角色能看的范围内" in said
    assert not re.search(
        r"(?<![\d.])39(?![\d.])", said.split("件数已隐去")[0].split("sq-card-head")[-1]
    )
    # Neither months nor categories of a compound whose months are hidden.
    assert charts_of(test) == []


def test_a_link_to_another_community_opens_nothing_of_it(look_as: Callable[[str], Open]) -> None:
    test = look_as("张社工")("map", at="T11")
    assert not test.exception
    assert "农机站宿舍" not in text_of(test)
    build = load.current_build()
    assert load.frame(build, "out_compounds").empty
    assert load.frame(build, "core_complaints").empty


def test_pages_that_need_more_are_not_offered_and_tell_nothing(
    look_as: Callable[[str], Open],
) -> None:
    open_it = look_as("街道")
    assert _list_pages(access.current()) == ["map", "methods"]
    for view in ("deliberation", "organizations", "actions", "capital", "quality", "data"):
        said = text_of(open_it(view, part="core"))
        assert "您的角色“街道”看不到这些数据" in said or "只能查看" in said, view
    assert "没有打开成功" not in text_of(open_it("methods"))


def test_a_link_to_any_page_is_answered_in_words_and_by_nothing_else(
    look_as: Callable[[str], Open],
) -> None:
    look_as("街道")
    names = _list_pages(access.current())
    assert sorted([*names, *_list_refused(names)]) == sorted([*PAGES, *ADMIN_PAGES])
    refused = AppTest.from_function(_show_refusal).run()
    assert not refused.exception
    said = text_of(refused)
    assert "操作记录" in said
    assert "不在您的账号能看的范围内" in said


def _show_refusal() -> None:
    from dashboard.app import _refuse

    _refuse("audit")


def test_papers_take_their_figures_from_the_same_reader(look_as: Callable[[str], Open]) -> None:
    from dashboard.briefing import desk, monthly
    from dashboard.talks import read_talks

    look_as("街道")
    build = load.current_build()
    with pytest.raises(AccessError, match="看不到这些数据"):
        read_talks(build)
    for name in ("街道", "公示栏", "张社工"):
        look_as(name)
        for make in (desk.open_press, lambda own: desk.write_draft(own, DAY, "", "monthly", "")):
            with pytest.raises(AccessError, match="不在您的角色能看的范围内"):
                make(load.current_build())
        assert "briefing" not in _list_pages(access.current())
    sources = [
        *Path(monthly.__file__).parent.glob("*.py"),
        *Path(load.__file__).parent.rglob("*.py"),
    ]
    for source in sources:
        written = source.read_text(encoding="utf-8")
        reads = re.search(r"\.open_store\(|\bBuild\(", written)
        assert not reads or source.name in ("load.py", *ASKING), source


def test_outlines_are_those_of_whoever_asks(look_as: Callable[[str], Open]) -> None:
    def ask(name: str) -> Any:
        headers = {access.WHO: quote(name)} if name else {}
        return send_shapes(SimpleNamespace(headers=headers, query_params={}))  # type: ignore[arg-type]

    look_as("街道")
    assert "农机站宿舍" in ask("街道").body.decode()
    assert "农机站宿舍" not in ask("张社工").body.decode()
    assert ask("").status_code == 403
    assert ask("李四").status_code == 403
    assert ask("街道").headers["cache-control"] == "private, no-cache"


def test_single_requests_are_for_those_who_see_everything(look_as: Callable[[str], Open]) -> None:
    look_as("街道")
    for name in ("街道", "公示栏", "张社工", ""):
        request = SimpleNamespace(
            headers={access.WHO: quote(name)} if name else {},
            path_params={"form": "json"}, query_params={},
        )  # fmt: skip
        answer = open311.send_requests(request)  # type: ignore[arg-type]
        assert answer.status_code == 403
        assert "service_request_id" not in bytes(answer.body).decode()


def test_whatever_is_taken_away_is_written_down_with_who_and_from_where(
    look_as: Callable[[str], Open], store: Path
) -> None:
    look_as("街道")
    note = access.prepare_note("export", "社区.xlsx")
    # The click is answered elsewhere, where nobody is known.
    look_as("公示栏")
    note()
    event = Accounts(store).audit()[0]
    assert (event.who, event.what, event.detail) == ("街道", "export", "社区.xlsx")
    assert event.address == "10.0.0.8"


def test_what_is_kept_for_one_visitor_is_not_given_to_another(
    look_as: Callable[[str], Open],
) -> None:
    look_as("街道")
    build = load.current_build()
    whole = load.Build(build.path, build.snapshot, Audience())
    assert load.frame(whole, "out_compounds")["window_count"].notna().all()
    assert load.frame(build, "out_compounds")["window_count"].isna().any()
    assert load.frame(whole, "out_compounds")["window_count"].notna().all()


def test_sums_of_the_legend_leave_withheld_counts_out() -> None:
    table = pd.DataFrame({"is_withheld": [True, False], "is_months_withheld": [True, True]})
    assert withheld.is_hiding(table)
    assert not withheld.is_hiding(table[["is_months_withheld"]])

"""Fixtures that several kinds of tests share: stores, and small workbooks drawn by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from openpyxl import Workbook

from etl.profile import load_profile
from etl.refresh import refresh
from etl.report import Report
from etl.store import Store

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
SHARED = ROOT.parent / "shared" / "data"

# The same examples in every run: what passes here passes wherever it is run again.
settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.load_profile("steady")

WriteXlsx = Callable[..., Path]


def write_workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    """A workbook with these rows on these sheets."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


@pytest.fixture(scope="session")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store loaded with the sample. Shared by the whole run: read it, never write to it."""
    path = tmp_path_factory.mktemp("sample") / "store"
    store = Store(path)
    report = refresh(store, [SAMPLE], who="测试")
    store.close()
    assert report.snapshot is not None
    return path


@pytest.fixture
def sample_copy(sample_store: Path, tmp_path: Path) -> Path:
    """A copy of the sample's store that a test may write to."""
    return Path(shutil.copytree(sample_store, tmp_path / "store"))


@pytest.fixture
def empty_store(tmp_path: Path) -> Store:
    """A new store."""
    return Store(tmp_path / "store")


@pytest.fixture
def write_xlsx(tmp_path: Path) -> WriteXlsx:
    """A writer of workbooks: a file name, and rows by sheet name."""

    def write(name: str, **sheets: Sequence[Sequence[Any]]) -> Path:
        return write_workbook(tmp_path / name, sheets)

    return write


@pytest.fixture
def shared_data() -> Path:
    """Real data that nobody here wrote; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("../shared/data is not beside this checkout")
    return SHARED


@pytest.fixture
def copy_store(tmp_path: Path) -> Callable[[Path], Store]:
    """A copier of stores, so that one is made once and each test writes to its own."""
    return lambda made: Store(shutil.copytree(made, tmp_path / "store"))


@pytest.fixture(scope="session")
def boston(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Report]:
    """A store of Boston's 2015 requests, by its profile alone. Read it, never write to it."""
    shared = SHARED / "boston311"
    if not shared.is_dir():
        pytest.skip("../shared/data/boston311 is not beside this checkout")
    store = Store(tmp_path_factory.mktemp("boston") / "store")
    profile = load_profile(ROOT / "data" / "profiles" / "boston.toml")
    return store, refresh(store, [shared / "boston.geojson", shared / "csv"], profile)


@pytest.fixture(scope="session")
def chengdu(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Report]:
    """A store of Chengdu's listed compounds, by its profile alone."""
    shared = SHARED / "chengdu_compounds"
    if not shared.is_dir():
        pytest.skip("../shared/data/chengdu_compounds is not beside this checkout")
    store = Store(tmp_path_factory.mktemp("chengdu") / "store")
    return store, refresh(
        store, [shared], load_profile(ROOT / "data" / "profiles" / "chengdu.toml")
    )

"""Fixtures that several kinds of tests share: stores, and small workbooks drawn by hand."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings
from openpyxl import Workbook

from etl.profile import load_profile
from etl.refresh import refresh
from etl.report import Report
from etl.store import Store
from tests.backends import write_lake
from tests.servers import PASSWORD, Objects, Postgres

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
SHARED = ROOT.parent / "shared" / "data"

# The same examples in every run: what passes here passes wherever it is run again.
settings.register_profile("steady", derandomize=True, database=None, deadline=None)
settings.load_profile("steady")

WriteXlsx = Callable[..., Path]
MakeLake = Callable[..., Path]


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


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """What the first worker of a run that asks for it makes, for all of them."""
    shared = factory.getbasetemp()
    shared = shared.parent if os.environ.get("PYTEST_XDIST_WORKER") else shared
    path = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not path.exists():
            half = shared / f"{name}.half"
            shutil.rmtree(half, ignore_errors=True)
            make(half)
            half.rename(path)
    return path


@pytest.fixture(scope="session")
def untouched_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store loaded with the sample, to be copied: nobody may even look into this one."""

    def make(path: Path) -> None:
        with Store(path) as store:
            assert refresh(store, [SAMPLE], who="测试").snapshot is not None

    return make_once(tmp_path_factory, "sample-store", make)


@pytest.fixture(scope="session")
def sample_store(untouched_sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store loaded with the sample. Shared by many tests: read it, never write to it."""
    return Path(shutil.copytree(untouched_sample, tmp_path_factory.mktemp("sample") / "store"))


@pytest.fixture(scope="session")
def blank_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which nothing was ever published, to be copied: to make one takes a second."""
    return make_once(tmp_path_factory, "blank-store", lambda path: Store(path).close())


@pytest.fixture
def sample_copy(untouched_sample: Path, tmp_path: Path) -> Path:
    """A copy of the sample's store that a test may write to."""
    return Path(shutil.copytree(untouched_sample, tmp_path / "store"))


@pytest.fixture
def empty_store(request: pytest.FixtureRequest, tmp_path: Path, blank_store: Path) -> Store:
    """A new store."""
    told = getattr(request.node, "callspec", None)
    if told is None or told.params.get("backend", "folder") == "folder":
        shutil.copytree(blank_store, tmp_path / "store")
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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, on other back ends, the tests of the very files that a store's own folder holds.

    Files with slow tests come first: one that is begun last is waited for by all other workers.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    told = [
        item
        for item in items
        if item.get_closest_marker("own_folder")
        and getattr(item, "callspec", None)
        and item.callspec.params.get("backend", "folder") != "folder"
    ]
    if told:
        config.hook.pytest_deselected(items=told)
        items[:] = [item for item in items if item not in told]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of this run's own; skipped where there is none on this machine."""
    # Where temporary files of root usually lie nobody else may look.
    folder = Path(tempfile.mkdtemp(prefix="shequ-postgres-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as left, pytest.MonkeyPatch.context() as patch:
        left.callback(shutil.rmtree, folder)
        server = Postgres(folder / "server")
        left.callback(server.stop)
        server.start()
        patch.setenv("PGPASSWORD", PASSWORD)
        yield server


@pytest.fixture
def make_lake(postgres: Postgres, tmp_path: Path) -> MakeLake:
    """Makes a folder that names a catalogue and data of its own, or those that are given."""

    def make(name: str = "store", database: str = "", data: Path | None = None, **more: object) -> Path:  # fmt: skip
        place = data or tmp_path / f"{name}-data"
        place.mkdir(exist_ok=True)
        address = postgres.address(database or postgres.make_database())
        return write_lake(tmp_path / name, address, str(place), **more)

    return make


@pytest.fixture(scope="session")
def objects() -> Iterator[Objects]:
    """An S3 interface of this run's own, with the environment that opens it."""
    server = Objects()
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server
    server.stop()


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

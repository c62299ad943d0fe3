"""The same tests of the store over every place it may lie in: a folder, PostgreSQL, object storage.

A test module that says `from tests.backends import backend` runs three times: with each store in a
folder of its own as by default, and, among the slow tests, with every new folder naming a catalogue
of its own in PostgreSQL and data of its own in a folder or in object storage. A store that a test
copies with its folder gets a copy of the catalogue and of the data too.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from etl import lake, store
from etl.lake import LAKE_FILE, OBJECTS, Lake
from tests.servers import Objects, Postgres

FOLDER, POSTGRES, OBJECT_STORAGE = "folder", "postgres", "objects"
WriteLake = Callable[..., Path]


def write_lake(folder: Path, address: str, data: str, **more: object) -> Path:
    """A folder that names a shared store."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {"catalogue": address, "data": data, **more}
    lines = [f"{name} = {str(value)!r}" if isinstance(value, str) else f"{name} = {list(value)!r}"
             for name, value in told.items()]  # fmt: skip
    (folder / LAKE_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


class Shared:
    """Makes shared stores for folders that name none yet, and copies them with their folders."""

    def __init__(self, postgres: Postgres, objects: Objects | None) -> None:
        self.postgres = postgres
        self.objects = objects
        self._databases: dict[Path, str] = {}

    def read_lake(self, folder: Path) -> Lake:
        """What `etl.lake.read_lake` says, of a folder that was made to name a store of its own."""
        is_common = folder.suffix == ".half"  # made once for all workers, each with its own server
        is_known = folder in self._databases or (folder / store.CATALOGUE).exists()
        if not is_known and not is_common:
            named = folder / LAKE_FILE
            self._make(folder, tomllib.loads(named.read_text("utf-8")) if named.exists() else {})
        return lake.read_lake(folder)

    def _make(self, folder: Path, copied: dict[str, str]) -> None:
        database = self.postgres.make_database(copied.get("catalogue", "").rpartition("/")[2])
        self._databases[folder] = database
        former = copied.get("data", "").rstrip("/")
        if self.objects is not None:
            source = former.removeprefix(OBJECTS).split("/")[0]
            bucket = self.objects.copy_bucket(source) if source else self.objects.make_bucket()
            data = f"{OBJECTS}{bucket}/shequ"
        else:
            data = str(folder.with_name(f"{folder.name}-data-{database}"))
            shutil.copytree(former, data) if former else Path(data).mkdir(parents=True)
        write_lake(folder, self.postgres.address(database), data)


@pytest.fixture(
    scope="module",
    autouse=True,
    params=[
        FOLDER,
        pytest.param(POSTGRES, marks=pytest.mark.slow),
        pytest.param(OBJECT_STORAGE, marks=pytest.mark.slow),
    ],
)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the stores of a module's tests lie; by name."""
    if request.param == FOLDER:
        yield FOLDER
        return
    postgres = request.getfixturevalue("postgres")
    is_in_objects = request.param == OBJECT_STORAGE
    objects = request.getfixturevalue("objects") if is_in_objects else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "read_lake", Shared(postgres, objects).read_lake)
        yield request.param

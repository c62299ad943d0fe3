"""Every page on a store that holds one sheet only: what is not there yet is said, nothing breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import settings
from dashboard.app import PAGES
from etl.refresh import refresh
from etl.store import Store
from tests.conftest import SAMPLE
from tests.pages import open_view, text_of

SHEETS = ("投诉台账2026.xlsx", "小区台账.xlsx", "组织台账.xlsx", "需求清单.xlsx")


@pytest.fixture(scope="module", params=SHEETS)
def part(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = Store(tmp_path_factory.mktemp("part") / "store")
    refresh(store, [SAMPLE / request.param], who="测试")
    store.close()
    return store.path


@pytest.mark.slow
@pytest.mark.parametrize("view", PAGES)
def test_every_page_opens_on_one_sheet(
    part: Path, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(part))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    test = open_view(view)
    assert not test.exception
    assert not test.error
    assert len(text_of(test)) > 50


@pytest.mark.slow
def test_the_table_has_no_column_of_what_is_not_known(
    part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(part))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    test = open_view("map", form="table")
    for table in test.dataframe[:1]:
        assert not [name for name in table.value if table.value[name].isna().all()]

"""Pages on a shared store show what they show on a store in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import settings
from etl.lake import DEFAULT_STORE, HOME
from etl.move import move
from tests.conftest import MakeLake
from tests.pages import open_view, text_of


@pytest.mark.slow
def test_the_pages_are_the_same(
    sample_copy: Path, make_lake: MakeLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = make_lake("lake")
    move(sample_copy, lake)
    said = {}
    for place in (sample_copy, lake):
        monkeypatch.setenv(settings.STORE, str(place))
        monkeypatch.delenv(settings.PROFILE, raising=False)
        for view in ("today", "compound", "trends"):
            page = open_view(view)
            assert not page.exception
            assert not page.error
            said[place, view] = text_of(page)
    for view in ("today", "compound", "trends"):
        assert said[lake, view] == said[sample_copy, view] != ""


def test_a_store_may_be_told_by_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME, str(tmp_path))
    monkeypatch.setenv(settings.STORE, f"postgresql://127.0.0.1:1/shequ?data={tmp_path / 'data'}")
    folder = settings.store_path()
    assert folder.parent == tmp_path
    assert (folder / "lake.toml").is_file()
    (folder / "lake.toml").unlink()
    assert settings.store_path() == folder
    assert not (folder / "lake.toml").exists(), "written once"


def test_where_no_store_is_named_it_is_that_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(settings.STORE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert settings.store_path() == tmp_path / DEFAULT_STORE

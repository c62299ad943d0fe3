"""Pages on a shared store show what they show on a store in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import settings
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

"""An office begins with the one sheet it has at hand: any part of the sample loads by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.refresh import refresh
from etl.store import Store
from tests.conftest import SAMPLE

FILES = sorted(path for path in SAMPLE.iterdir() if path.suffix not in (".md", ".toml"))
# Two that found faults: no compound is known, and none has a place.
ALONE = {"投诉台账2026.xlsx"}
WITHOUT = {"边界.gpkg"}


def mark(always: set[str]) -> list[object]:
    """Every file of the sample; those but the named are slow."""
    return [
        pytest.param(file, id=file.name, marks=() if file.name in always else pytest.mark.slow)
        for file in FILES
    ]


@pytest.mark.parametrize("file", mark(ALONE))
def test_each_sheet_loads_alone(empty_store: Store, file: Path) -> None:
    assert refresh(empty_store, [file], who="测试").snapshot is not None


@pytest.mark.parametrize("file", mark(WITHOUT))
def test_the_others_load_without_any_one(empty_store: Store, file: Path) -> None:
    others = [other for other in FILES if other != file]
    assert refresh(empty_store, others, who="测试").snapshot is not None

"""What the tests of briefings share: one reading of the sample, and briefings composed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from dashboard.briefing.issuing import Press, Source, open_source
from dashboard.briefing.phrases import PagePhrases, speak_chinese
from etl.briefing.compose import Briefing, compose
from etl.profile import parse_profile
from etl.store import Store

MONTH = date(2026, 10, 1)
Q = "T14"


@pytest.fixture(scope="session")
def store(sample_store: Path) -> Iterator[Store]:
    held = Store(sample_store, read_only=True)
    yield held
    held.close()


@pytest.fixture(scope="session")
def source(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The sample; what is issued goes elsewhere."""
    found = open_source(store, parse_profile(store.profile_text() or ""))
    assert found is not None
    return replace(found, folder=tmp_path_factory.mktemp("issued"))


@pytest.fixture(scope="session")
def press(source: Source) -> Press:
    return Press(source)


@pytest.fixture(scope="session")
def community(press: Press) -> Briefing:
    return press.compose(press.scope(MONTH))


@pytest.fixture(scope="session")
def short(press: Press) -> Briefing:
    return press.compose(press.scope(MONTH), "short")


@pytest.fixture(scope="session")
def courtyard(press: Press) -> Briefing:
    return press.compose(press.scope(MONTH, Q))


Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture
def compose_changed(source: Source, press: Press) -> Callable[..., Briefing]:
    """Composes a briefing of the sample with some of its tables changed."""

    def compose_it(
        month: date = MONTH, compound_id: str = "", length: str = "long", remarks: str = "",
        **changes: Change,
    ) -> Briefing:  # fmt: skip
        def read(name: str) -> pd.DataFrame:
            table = source.read(name)
            return changes[name](table.copy()) if name in changes else table

        with speak_chinese():
            scope = press.scope(month, compound_id)
            return compose(read, source.profile, scope, PagePhrases(), length, remarks)

    return compose_it

"""What goes wrong around a page: one clear sentence each time, and nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import load, settings
from dashboard.words import look_up
from etl.store import STORE_FORMAT, Store
from tests.pages import Open, address_of, open_view

VIEWS = ("today", "map", "compound", "trends", "deliberation", "organizations", "actions",
         "capital", "briefing", "data", "quality", "methods")  # fmt: skip
Write = Callable[..., Path]


@pytest.fixture
def own_store(sample_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sample that pages may change."""
    store = tmp_path / "store"
    shutil.copytree(sample_store, store)
    monkeypatch.setenv(settings.STORE, str(store))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    return store


def list_errors(test: AppTest) -> list[str]:
    assert not test.exception
    return [str(error.value) for error in test.error]


@pytest.mark.parametrize("view", VIEWS)
def test_a_store_of_a_newer_version_is_said_so_on_every_page(own_store: Path, view: str) -> None:
    store = Store(own_store)
    store._connection.execute(
        "UPDATE lake.settings SET value = ? WHERE name = 'format'", [str(STORE_FORMAT + 1)]
    )
    store.close()
    (told,) = list_errors(open_view(view))
    assert "更新的版本" in told
    assert "请升级软件" in told


@pytest.mark.parametrize("view", ["map", "methods", "briefing"])
@pytest.mark.parametrize(
    ("written", "told"),
    [("name = 3", "name"), ("[weights\n", "设置文件"), (None, "打不开")],
)
def test_a_profile_with_an_error_is_said_so(
    own_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, view: str,
    written: str | None, told: str,
) -> None:  # fmt: skip
    path = tmp_path / "profile.toml"
    if written is not None:
        path.write_text(written, encoding="utf-8")
    monkeypatch.setenv(settings.PROFILE, str(path))
    (error,) = list_errors(open_view(view))
    assert told in error
    assert "Traceback" not in error


@pytest.mark.parametrize("view", ["map", "compound", "trends", "organizations"])
def test_a_link_to_a_compound_that_is_gone_says_so_and_shows_the_rest(
    open_page: Open, view: str
) -> None:
    test = open_page(view, at="T99")
    assert not list_errors(test)
    assert any("T99" in str(warning.value) for warning in test.warning)
    assert "at" not in address_of(test)
    assert len(test.get("html")) > 3


def drop(path: Path) -> AppTest:
    """A tab on the page where data is brought in, with a file dropped and looked at."""
    tab = open_view("data")
    tab.file_uploader[0].set_value((path.name, path.read_bytes(), "application/octet-stream"))
    return tab.run()


def press(tab: AppTest, key: str) -> AppTest:
    return tab.button(key=key).click().run()


def test_two_tabs_with_the_same_preview_publish_it_once_and_lose_nothing(
    own_store: Path, write_xlsx: Write
) -> None:
    book = write_xlsx(
        "补登.xlsx",
        投诉=[
            ["受理时间", "诉求类别", "小区", "诉求内容"],
            ["2026-10-30 09:00", "停车管理", "Q小区", "车辆堵住单元门口"],
        ],
    )
    other = write_xlsx(
        "另一份.xlsx",
        投诉=[
            ["受理时间", "诉求类别", "小区", "诉求内容"],
            ["2026-10-29 09:00", "环境卫生", "Q小区", "垃圾没有清运"],
        ],
    )
    load.open_store.clear()
    before = len(load.frame(_build(), "core_complaints"))
    first, second, third = drop(book), drop(book), drop(other)
    press(first, "publish")
    assert not list_errors(first)
    # The same again: said in a sentence, and looked at anew, so that it is seen to be there already.
    press(second, "publish")
    assert str(second.warning[0].value) == look_up("data.moved_on", "zh")
    assert any(look_up("data.nothing", "zh") == str(info.value) for info in second.info)
    # Another file: the same sentence, its preview is still there, and can be published.
    press(third, "publish")
    assert str(third.warning[0].value) == look_up("data.moved_on", "zh")
    press(third, "publish")
    assert not list_errors(third)
    assert len(load.frame(_build(), "core_complaints")) == before + 2


def _build() -> load.Build:
    from dashboard.access import Visitor

    return load.build_for(Visitor(None, ""))

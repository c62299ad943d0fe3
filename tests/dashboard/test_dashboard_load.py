"""What pages share: frames that nobody can spoil for others, the newest state, a light start."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard import load, settings
from dashboard.access import Visitor
from etl.refresh import refresh
from etl.store import Store, hand_over, take_over

Write = Callable[..., Path]
# What takes long to load or holds much memory, and what no first page needs.
HEAVY = ("altair", "docx", "esda", "libpysal", "matplotlib", "scipy.stats", "sklearn",
         "statsmodels", "typst", "cn2an", "etl.refresh")  # fmt: skip


@pytest.fixture
def own_store(sample_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    store = tmp_path / "store"
    shutil.copytree(sample_store, store)
    monkeypatch.setenv(settings.STORE, str(store))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    return store


def find_build() -> load.Build:
    return load.build_for(Visitor(None, ""))


def test_what_one_page_does_to_a_frame_no_other_sees(own_store: Path) -> None:
    build = find_build()
    mine = load.frame(build, "out_compounds")
    mine["name"] = "改了"
    mine.loc[mine.index[0], "type"] = "改了"
    del mine["residents"]
    other = load.frame(build, "out_compounds")
    assert "residents" in other
    assert "改了" not in set(other["name"]) | set(other["type"])


def test_what_another_process_publishes_and_takes_back_is_seen(
    own_store: Path, write_xlsx: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody waits in a test as long as two clicks lie apart.
    monkeypatch.setattr(load, "MARK_SECONDS", -1.0)
    before, known = find_build(), len(load.history())
    rows = len(load.frame(before, "core_complaints"))
    book = write_xlsx(
        "补登.xlsx",
        投诉=[["受理时间", "诉求类别", "小区"], ["2026-10-30 09:00", "停车管理", "Q小区"]],
    )
    other = Store(own_store)
    refresh(other, [book])
    after = find_build()
    assert after.snapshot is not None
    assert after.snapshot > (before.snapshot or 0)
    assert len(load.frame(after, "core_complaints")) == rows + 1
    assert len(load.history()) == known + 1
    mark = other.mark()
    other.undo("测试")
    assert other.mark() != mark
    assert len(load.frame(find_build(), "core_complaints")) == rows


def test_a_store_is_handed_over_once(own_store: Path) -> None:
    store = Store(own_store)
    hand_over(store)
    assert take_over(own_store) is store
    another = take_over(own_store)
    assert another is not store
    for opened in (store, another):
        opened.close()


def test_the_server_starts_without_what_the_first_page_does_not_need() -> None:
    code = (
        "import sys, etl.cli, dashboard.server, dashboard.views.map, dashboard.views.today\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert run.stdout.strip() == "[]"

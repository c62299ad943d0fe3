"""The page on briefings: a draft to look at, issued once, kept, explained; for whom it is not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from dashboard import load, settings
from dashboard.withheld import list_offered
from etl.accounts import PUBLIC, STREET
from etl.disclosure import EVERYTHING, Audience
from etl.errors import AccessError
from tests.pages import Open, address_of, open_view, text_of

VIEW = "briefing"


@pytest.fixture(scope="module")
def copy(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import shutil

    return Path(shutil.copytree(sample_store, tmp_path_factory.mktemp("briefs") / "store"))


def test_a_draft_is_shown_page_by_page(open_page: Open) -> None:
    test = open_page()
    assert not test.exception
    assert not test.error
    assert "第 1 页，共 2 页（草稿）" in text_of(test)
    test.button(key="brief-page-bulletin-2026-10--next").click().run()
    assert "第 2 页，共 2 页（草稿）" in text_of(test)
    assert test.button(key="brief-page-bulletin-2026-10--next").disabled
    test.button(key="brief-page-bulletin-2026-10--back").click().run()
    assert "第 1 页，共 2 页（草稿）" in text_of(test)


def test_it_opens_in_english(open_page: Open) -> None:
    test = open_page(lang="en", layout="official")
    assert not test.exception
    assert "Page 1 of " in text_of(test)


def test_a_link_opens_the_month_and_compound_it_names(open_page: Open) -> None:
    test = open_page(issue="2026-09", at="T14")
    assert test.selectbox(key="brief-month").value == "2026-09"
    assert test.selectbox(key="brief-about").value == "T14"
    assert address_of(test) == {"issue": "2026-09", "at": "T14"}


def test_a_number_is_explained_down_to_the_row(open_page: Open) -> None:
    test = open_page(at="T14")
    test.selectbox(key="brief-explain").set_value("complaints.now").run()
    said = text_of(test)
    assert "怎么算的：受理时间在这个月的诉求工单" in said
    assert "来自 21 行：" in said
    assert "投诉台账2026年10月.xlsx" in said


def test_it_is_issued_once_and_offered_for_download(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(copy))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    test = open_view(VIEW, at="T08")
    test.text_area[0].set_value("十月停水，物业已道歉。").run()
    test.button(key="brief-issue").click().run()
    assert not test.exception
    said = text_of(test)
    assert "2026年第1期" in said
    assert "（已印发）" in said
    again = open_view(VIEW, at="T08")
    assert again.text_area[0].value == "十月停水，物业已道歉。"
    assert "印发之后" not in text_of(again)
    again.text_area[0].set_value("十月停水，物业已道歉并补偿。").run()
    assert "印发之后数据或说明变了" in text_of(again)
    assert again.button(key="brief-correct")
    load.open_store.clear()


def test_it_is_not_for_those_from_whom_counts_are_hidden() -> None:
    assert list_offered(EVERYTHING, (VIEW,)) == [VIEW]
    for audience in (Audience(STREET), Audience(PUBLIC), Audience("社区", ("一社区",))):
        assert list_offered(audience, (VIEW,)) == []
    from dashboard.briefing.desk import open_press, write_draft

    for audience in (Audience(STREET), Audience("社区", ("一社区",))):
        build = load.Build("nowhere", 1, audience)
        with pytest.raises(AccessError, match="这里用到全部数据"):
            open_press(build)
        with pytest.raises(AccessError):
            write_draft(build, date(2026, 10, 1), "", "bulletin", "")

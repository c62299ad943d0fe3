"""Every page on the real sample, an empty store, old links, and failures."""

import logging
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import dashboard
from dashboard import load, settings
from dashboard.views.card import tell_first
from etl.errors import StoreError
from etl.report import Report
from etl.store import Store
from tests.pages import SECONDS, Open, address_of, script_of, text_of

APP = Path(dashboard.__file__).parent / "app.py"
VIEWS = ("today", "map", "compound", "trends", "data", "quality", "methods")


def first_compound(store: Path, **values: object) -> pd.Series:
    opened = Store(store, read_only=True)
    table = opened.frame("out_compounds")
    opened.close()
    for name, value in values.items():
        table = table[table[name] == value]
    return table.iloc[0]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_page_opens_in_both_languages(open_page: Open, view: str, lang: str) -> None:
    test = open_page(view, lang=lang)
    assert not test.exception
    assert not test.error
    assert len(text_of(test)) > 200


def test_the_whole_app_opens_on_its_first_page(
    sample_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(sample_store))
    test = AppTest.from_file(str(APP), default_timeout=SECONDS).run()
    assert not test.exception
    assert not test.error
    assert "今天要办的" in text_of(test)


def test_the_top_line_says_the_published_figures(open_page: Open) -> None:
    said = text_of(open_page())
    for figure in ("16", "15,262", "34,852"):
        assert f"<b>{figure}</b>" in said
    assert "未入库" in said


def test_a_choice_is_kept_in_the_address_and_a_link_restores_it(open_page: Open) -> None:
    test = open_page(color="type", show="organizations", lang="en")
    assert address_of(test) == {"color": "type", "show": "organizations", "lang": "en"}
    assert "Where to act first" in text_of(test)


@pytest.mark.parametrize(
    "color",
    ["rate", "change", "type", "households", "coverage", "needs", "matters", "trust", "norms"],
)
def test_every_colouring_has_a_legend_that_adds_up_to_the_16_compounds(
    open_page: Open, color: str
) -> None:
    import re

    test = open_page(color=color)
    legend = next(e.proto.body for e in test.get("html") if "sq-legend" in e.proto.body)
    assert sum(map(int, re.findall(r"<em>(\d+)</em>", legend))) == 16
    assert "n = " in legend


def test_a_compound_has_its_card(open_page: Open, sample_store: Path) -> None:
    row = first_compound(sample_store, name="Q小区")
    said = text_of(open_page(at=row["compound_id"]))
    assert "<h2>Q小区</h2>" in said
    assert f"{row['households']:,} 户" in said
    assert "95% 区间" in said
    assert "组织与覆盖" in said
    assert "为什么先来" in said


def test_the_list_opens_a_card_and_the_card_goes_back(open_page: Open) -> None:
    test = open_page()
    first = next(button for button in test.button if button.key.startswith("open."))
    test = first.click().run()
    place = first.key.removeprefix("open.")
    assert address_of(test) == {"at": place}
    assert "为什么先来" in text_of(test)
    test = test.button(key="close").click().run()
    assert "at" not in address_of(test)
    assert "先到哪里去" in text_of(test)


def test_a_link_to_a_compound_that_is_gone_says_so_and_shows_the_rest(open_page: Open) -> None:
    test = open_page(at="没有的小区<script>", category="没有的类别", first="1999-01")
    assert not test.exception
    warnings = [warning.value for warning in test.warning]
    assert any("没有的小区" in text for text in warnings)
    assert any("没有的类别" in text for text in warnings)
    assert any("月份" in text for text in warnings)
    assert "先到哪里去" in text_of(test)
    assert "at" not in address_of(test)


def test_the_table_twin_says_the_same_as_the_map(open_page: Open, sample_store: Path) -> None:
    shown = open_page(form="table").dataframe[0].value.set_index("小区")
    assert len(shown) == 16
    row = first_compound(sample_store, name="Q小区")
    assert shown.loc["Q小区", "总户数"] == row["households"]
    assert shown.loc["Q小区", "投诉（件）"] == row["window_count"]
    assert shown.loc["Q小区", "最高的可能性"] == row["first_chance"]
    assert shown.index[0] == "Q小区"


def test_a_filter_changes_the_counts_and_says_that_hotspots_stay(open_page: Open) -> None:
    whole = open_page(form="table").dataframe[0].value["投诉（件）"].sum()
    test = open_page(form="table", category="停车管理", first="2026-01", last="2026-03")
    part = test.dataframe[0].value["投诉（件）"].sum()
    assert 0 < part < whole
    assert "不随筛选变化" in text_of(test)


def test_quality_checks_totals_and_names_what_was_set_aside(
    open_page: Open, sample_store: Path
) -> None:
    said = text_of(open_page("quality"))
    assert "<td>15,262</td><td>15,262</td><td>一致</td>" in said
    store = Store(sample_store, read_only=True)
    count = len(store.frame("quarantine"))
    store.close()
    assert f"未入库的行（{count}）" in said


def test_methods_show_the_weights_of_the_profile(open_page: Open) -> None:
    said = text_of(open_page("methods"))
    assert "投诉率（平滑后）与全社区比" in said
    assert "<td>50%</td>" in said


def test_methods_say_how_far_red_rings_can_be_trusted(open_page: Open) -> None:
    said = text_of(open_page("methods"))
    assert "没有异常，有天然差异（标了就是误报）</td><td>3%</td>" in said
    assert "2026-11-24" in said
    assert "和天然如此分不开" in said


@pytest.mark.parametrize(
    ("chance", "told"), [(0.62, "可能性：62%"), (0.999, "99% 以上"), (0.01, "")]
)
def test_the_card_says_how_likely_its_rate_is_the_highest(chance: float, told: str) -> None:
    days = {"window_from": pd.Timestamp("2025-11-01"), "window_to": pd.Timestamp("2026-10-31")}
    lines = tell_first(pd.Series({"first_chance": chance, **days}))
    assert len(lines) == bool(told)
    assert all(told in line and "2025" in line for line in lines)
    assert tell_first(pd.Series({"first_chance": None, **days})) == []


@pytest.mark.parametrize("view", ["today", "map", "compound", "trends", "quality"])
def test_an_empty_store_says_what_to_do(
    view: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(tmp_path / "new"))
    script = script_of(view).replace(
        "st.session_state.setdefault(page.PAGES, {})",
        'st.session_state[page.PAGES] = {"data": st.Page(lambda: None, url_path="data")}\n'
        "st.navigation(list(st.session_state[page.PAGES].values()))",
    )
    test = AppTest.from_string(script, default_timeout=SECONDS).run()
    assert not test.exception
    assert "还没有数据" in text_of(test)


def test_a_failure_is_a_sentence_with_a_code_and_its_trace_is_only_in_the_log(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(load, "current_build", fail)
    with caplog.at_level(logging.ERROR):
        test = open_page()
    (told,) = [error.value for error in test.error]
    assert "secret" not in told
    assert "ZeroDivision" not in told
    code = told.split("编号 ")[1].split(" ")[0]
    assert code in caplog.text
    assert "secret detail" in caplog.text


def test_an_error_of_ours_is_shown_as_its_own_sentence(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise StoreError("数据文件夹打不开，请找管理员。")

    monkeypatch.setattr(load, "current_build", refuse)
    assert [error.value for error in open_page().error] == ["数据文件夹打不开，请找管理员。"]


@pytest.mark.slow
def test_the_map_of_boston_names_the_default_point_and_its_requests(
    boston: tuple[Store, Report], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(boston[0].path))
    test = open_page()
    assert not test.exception
    said = text_of(test)
    assert "56,684" in said
    assert "7,438 件投诉落在同一个默认坐标" in said
    assert "Downtown" in said


@pytest.mark.slow
def test_the_map_of_chengdu_says_how_many_compounds_have_no_place(
    chengdu: tuple[Store, Report], open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(chengdu[0].path))
    test = open_page()
    assert not test.exception
    said = text_of(test)
    assert "3,600" in said
    assert "461" in said


def test_the_card_says_how_its_complaints_are_handled(open_page: Open, sample_store: Path) -> None:
    row = first_compound(sample_store, name="Q小区")
    said = text_of(open_page(at=row["compound_id"]))
    assert f"<b>{row['closing_days']:.0f} 个工作日</b>" in said
    assert f"<b>{row['late_pct']:.0f}%</b>" in said
    assert "积压在增加" in said
    assert f"重复反映 {row['repeat_count']} 件" in said


def test_the_card_says_why_gaps_count_and_what_is_failing(
    open_page: Open, sample_store: Path
) -> None:
    row = first_compound(sample_store, name="Q小区")
    said = text_of(open_page(at=row["compound_id"]))
    assert "为什么算缺口" in said
    assert "物业：老旧小区应有，现在名存实亡（2020-12-31 已届满" in said
    assert "60 岁以上占 93%" in said
    assert "在服务半径内" in said
    assert "物业 1,299 天无回应" in said


def test_the_card_says_what_interventions_changed(open_page: Open, sample_store: Path) -> None:
    row = first_compound(sample_store, name="竹溪新居")
    said = text_of(open_page(at=row["compound_id"]))
    assert "停车管理：之前 7 个月" in said
    assert "见效了" in said
    q = first_compound(sample_store, name="Q小区")
    assert "还说不准：开始后才 1 个整月，再过 2 个整月" in text_of(open_page(at=q["compound_id"]))


def test_the_table_twin_has_handling_and_coverage_beneath(open_page: Open) -> None:
    test = open_page(form="table")
    said = text_of(test)
    for told in ("办理情况", "<td>全社区</td>", "组织覆盖", "正常（已届满）", "够不着"):
        assert told in said
    assert '<td class="sq-gap">● 名存实亡</td>' in said
    assert "月末积压" not in said
    said = text_of(open_page(form="table", scope="month"))
    assert "月末积压" in said
    assert "<td>2026-10</td>" in said


def test_methods_say_how_deadlines_are_reckoned(open_page: Open) -> None:
    said = text_of(open_page("methods"))
    assert "<td>公共设施</td><td>15</td><td>3</td>" in said
    assert "2004 年到" in said
    assert "30 天以内再次反映" in said
    assert "180 天没有活动" in said


def test_years_without_known_holidays_are_said_under_the_map(
    sample_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.STORE, str(sample_copy))
    store = Store(sample_copy)
    with store.write() as writer:
        writer.execute(
            "INSERT INTO lake.out_totals VALUES ('unknown_holiday_years', 1, NULL, '2027')"
        )
        writer.publish({"files": ["试.xlsx"]})
    store.close()
    test = AppTest.from_string(script_of("map"), default_timeout=SECONDS).run()
    assert "2027年的放假安排日历里没有" in text_of(test)


def test_a_store_of_an_earlier_version_still_opens(
    sample_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its next refresh it knows nothing of handling, effects or what is failing."""
    monkeypatch.setenv(settings.STORE, str(sample_copy))
    store = Store(sample_copy)
    blank = ("late_pct", "closing_days", "closing_days_low", "repeat_count", "backlog_before_count",
             "member_count", "member_over_60_pct", "member_under_40_pct", "service_m",
             "service_name", "is_in_reach", "concern_count", "rate_nearby")  # fmt: skip
    with store.write() as writer:
        writer.execute("DELETE FROM lake.out_handling")
        writer.execute("DELETE FROM lake.out_effects")
        writer.execute("UPDATE lake.out_coverage SET concerns = NULL, covered_pct = NULL")
        told = ", ".join(f"{name} = NULL" for name in blank)
        writer.execute(f"UPDATE lake.out_compounds SET {told}")
        writer.publish({"files": ["试.xlsx"]})
    store.close()
    for query in ({"form": "table"}, {"at": "T14"}):
        test = AppTest.from_string(script_of("map"), default_timeout=SECONDS)
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        assert not test.exception
        assert not test.error


def test_the_funnel_names_who_lies_outside_and_how_many_do_not(open_page: Open) -> None:
    told = text_of(open_page(form="table"))
    assert "户数不同的小区怎么比" in told
    assert "16 个小区里有 15 个在里面" in told
    assert "Q小区：每千户 544 件，高于范围" in told

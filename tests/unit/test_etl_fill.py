"""How labels of forms are read: what they mean, what they may mean, and what they do not."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.forms.known import FIGURES, SOURCES, Knowledge, UnknownError, describe_months
from etl.forms.labels import (
    Labels,
    Meaning,
    Period,
    choose,
    clean,
    find_period,
    is_neutral,
    merge,
    resolve,
    scale_of,
)
from etl.names import Names
from etl.profile import load_profile


def build_labels() -> Labels:
    """Labels over a register of two compounds."""
    names = Names({"Q院": "Q小区"})
    compounds = {"T14": "Q小区", "T01": "翠屏家园"}
    for key, name in compounds.items():
        names.add(key, [name])
    known: Any = SimpleNamespace(profile=load_profile(), compounds=names, compound_names=compounds)
    return Labels(cast(Knowledge, known))


LABELS = build_labels()


def read(text: str) -> dict[str, Any]:
    """The one complete meaning of a label, as plain values."""
    meaning = choose(LABELS.read(text), text)
    facets = {facet: sorted(values) for facet, values in meaning.facets}
    said = {"figure": meaning.figure, **facets}
    return said | ({"unit": meaning.unit} if meaning.unit else {})


@pytest.mark.parametrize(
    ("label", "meaning"),
    [
        ("总户数", {"figure": "household_count"}),
        ("（一）总户数：", {"figure": "household_count"}),
        ("户数（万户）", {"figure": "household_count", "unit": "万户"}),
        ("租住居民户数", {"figure": "group_household_count", "group": ["租住居民"]}),
        ("老旧小区数", {"figure": "compound_count", "type": ["老旧"]}),
        ("停车类投诉", {"figure": "complaint_count", "category": ["停车管理"]}),
        ("其中：停车类投诉件数", {"figure": "complaint_count", "category": ["停车管理"]}),
        ("投诉（停车）", {"figure": "complaint_count", "category": ["停车管理"]}),
        ("物业投诉", {"figure": "complaint_count", "category": ["物业服务"]}),
        ("未办结数", {"figure": "complaint_count", "status": ["处理中", "待办"]}),
        ("业委会数量", {"figure": "organization_count", "kind": ["owners_committee"]}),
        (
            "正常运行业委会数",
            {"figure": "organization_count", "kind": ["owners_committee"], "state": ["正常"]},
        ),
        ("有无业委会", {"figure": "has_organization", "kind": ["owners_committee"]}),
        ("坝坝会次数", {"figure": "meeting_count", "meeting_kind": ["坝坝会"]}),
        ("Q小区投诉总数", {"figure": "complaint_count", "compound": ["T14"]}),
    ],
)
def test_what_a_label_means(label: str, meaning: dict[str, Any]) -> None:
    assert read(label) == meaning


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("低保户数", "“低保户数”库里没有这一项"),
        ("流动人口", "没有这一项"),
        ("户数（含租户）", "括号里的“含租户”不明白"),
        ("人数", "“人数”可能是常住人口、组织成员人数、活动参与人次，请写明"),
        ("业委会", "没有写明要填什么数"),
        ("停车类", "没有写明要填什么数"),
        ("物业", "没有写明要填什么数"),
        ("无业委会小区数", "没有这一项"),
        ("投诉占比", "没有这一项"),
        ("老旧商品房小区数", "没有"),
    ],
)
def test_what_is_never_guessed(label: str, reason: str) -> None:
    with pytest.raises(UnknownError, match=reason):
        choose(LABELS.read(label), label)


def test_a_compound_by_any_of_its_names() -> None:
    for name in ("Q小区", "Q院", "T14", "ｑ小区"):
        assert LABELS.read(name) == [Meaning(facets=(("compound", frozenset({"T14"})),))]


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("2025年3月", Period(2025, (3,))),
        ("2025-03", Period(2025, (3,))),
        ("二〇二五", None),
        ("投诉统计（2026年三季度）", Period(2026, (7, 8, 9))),
        ("2026年上半年", Period(2026, tuple(range(1, 7)))),
        ("2026年1-3月", Period(2026, (1, 2, 3))),
        ("2026年度工作", Period(2026)),
        ("十二月", Period(None, (12,))),
        ("2025年9月与2026年9月", None),
        ("老旧院落", None),
    ],
)
def test_the_period_of_a_title(text: str, period: Period | None) -> None:
    assert find_period(text) == period


def test_a_month_needs_its_year_and_this_month_its_month() -> None:
    march = Period(None, (3,))
    assert resolve(march, None, 2026) == {date(2026, 3, 1)}
    with pytest.raises(UnknownError, match="--month"):
        resolve(march, None, None)
    january = date(2026, 1, 1)
    assert resolve(Period(shift=-1), january, None) == {date(2025, 12, 1)}
    assert resolve(Period(shift=-12), january, None) == {date(2025, 1, 1)}
    assert resolve(Period(is_to_date=True), date(2026, 3, 1), None) == {
        date(2026, k, 1) for k in (1, 2, 3)
    }
    with pytest.raises(UnknownError, match="本月"):
        resolve(Period(shift=0), None, 2026)


def test_meanings_that_contradict_each_other_do_not_merge() -> None:
    old = Meaning(facets=(("type", frozenset({"老旧"})),))
    new = Meaning(facets=(("type", frozenset({"商品房"})),))
    assert merge(old, new) is None
    assert merge(Meaning(figure="a"), Meaning(figure="b")) is None
    assert merge(Meaning(period=Period(2025, (3,))), Meaning(period=Period(2026, (3,)))) is None
    year, month = Meaning(period=Period(2026)), Meaning(period=Period(None, (3,)))
    for first, second in ((year, month), (month, year)):
        merged = merge(first, second)
        assert merged is not None
        assert merged.period == Period(2026, (3,))


def test_units_are_converted_or_refused() -> None:
    assert scale_of("", "户") == 1
    assert scale_of("万户", "户") == 10_000
    assert scale_of("亩", "平方米") == pytest.approx(666.67, abs=0.01)
    with pytest.raises(UnknownError, match="换算不了"):
        scale_of("人", "户")


def test_groups_that_add_nothing() -> None:
    assert all(map(is_neutral, ("基本情况", "组织建设", "小区基本情况", "物业管理情况", "类别")))
    assert not any(map(is_neutral, ("投诉", "流动人口", "老旧小区情况", "停车")))


def test_months_in_words() -> None:
    assert describe_months({date(2026, 10, 1)}) == "2026年10月"
    assert describe_months({date(2025, 12, 1), date(2026, 1, 1)}) == "2025年12月至2026年1月"
    assert describe_months({date(2026, 1, 1), date(2026, 3, 1)}) == "2026年1月、2026年3月"


def test_every_figure_is_defined_and_asked_for_by_one_name_only() -> None:
    for figure in FIGURES:
        assert figure.definition
        assert figure.source in SOURCES
        assert not figure.needs or figure.needs in SOURCES[figure.source].facets
        if not figure.needs and figure.label not in ("出租户数",):
            assert read(figure.label)["figure"] == figure.name


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        meanings = LABELS.read(text)
    except UnknownError as error:
        assert str(error)
    else:
        assert meanings
        assert all(isinstance(meaning, Meaning) for meaning in meanings)


@given(
    st.lists(
        st.sampled_from(["小区", "数", "类", "总", "居民", "投诉", "1月", "老旧"]), max_size=20
    )
)
def test_labels_of_many_words_do_not_take_forever(words: list[str]) -> None:
    text = "".join(words)
    try:
        LABELS.read(text)
    except UnknownError:
        assert clean(text)

"""What a briefing says: every number is cited, and each is found again by another way."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from dashboard.briefing.issuing import Press, Source
from etl.briefing.book import Scope, write_value
from etl.briefing.compose import Briefing, list_changes, number_figures, read_words
from etl.briefing.facts import list_months, require_compound, require_month
from etl.briefing.model import cite, plain, read_blocks, read_text, split_cited
from etl.briefing.trace import agrees, find_figure, recompute, trace_figure
from etl.errors import ShequError
from etl.store import Store
from tests.briefing.conftest import MONTH, Q

NUMBER = re.compile(r"\d+(?:\.\d+)?")
# Days, months and spans; how sure; of which data; how many a list leaves out or shortens.
TOLD = re.compile(
    r"\d{4}-\d{2}(?:-\d{2})?|\d{4}年\d{1,2}月|95%|快照\d+|等\d+处|另有\d+[件项处]|有\d+题|（\d{4}）|60岁|第\d级"
)


def texts_of(briefing: Briefing) -> list[str]:
    return [briefing.content.title, *read_blocks(briefing.content.blocks)]


def value_of(briefing: Briefing, figure_id: str) -> object:
    return briefing.figures[figure_id].value


# -- the form of a figure --------------------------------------------------------------------


def test_a_cited_figure_is_read_as_text_and_told_from_the_words_around_it() -> None:
    text = f"受理{cite('a.b', '242')}件，比{cite('c', '-3.2')}%"
    assert read_text(text) == "受理242件，比-3.2%"
    assert list(split_cited(text)) == [
        ("受理", ""), ("242", "a.b"), ("件，比", ""), ("-3.2", "c"), ("%", ""),
    ]  # fmt: skip


def test_what_a_sheet_says_cannot_pass_for_a_figure_or_break_a_line() -> None:
    assert plain("甲\n乙\x02x\x1f9\x03\u2028丙") == "甲 乙 x 9 丙"
    assert read_text(cite("a", "9\x03\x02")) == "9"


@pytest.mark.parametrize(
    ("value", "told"), [(None, "不详"), (3, "3"), (2814, "2814"), (0.25, "0.2"), ("好", "好")]
)
def test_values_are_printed_plainly(value: int | float | str | None, told: str) -> None:
    assert write_value(value) == told


def test_a_scope_knows_its_months_across_years() -> None:
    scope = Scope(date(2026, 1, 1), 7, "T'1")
    assert (scope.back(1), scope.back(12), scope.last) == (
        date(2025, 12, 1), date(2025, 1, 1), date(2026, 1, 31),
    )  # fmt: skip
    assert scope.within("d", 1) == "d >= DATE '2025-12-01' AND d < DATE '2026-01-01'"
    assert scope.own("x") == "x AND compound_id = 'T''1'"
    assert Scope(date(2026, 1, 1), 7).own() == "true"


# -- every number, found again ---------------------------------------------------------------


@pytest.mark.parametrize("which", ["community", "courtyard", "short"])
def test_every_figure_is_what_its_own_select_gives(
    which: str, store: Store, request: pytest.FixtureRequest
) -> None:
    briefing: Briefing = request.getfixturevalue(which)
    assert len(briefing.figures) >= 30
    wrong = [
        (figure.figure_id, figure.value, found)
        for figure in briefing.figures.values()
        if not agrees(figure, found := recompute(figure, store.query))
    ]
    assert wrong == []


@pytest.mark.parametrize("which", ["community", "courtyard"])
def test_counts_of_sheet_rows_have_as_many_rows_behind_them(
    which: str, store: Store, request: pytest.FixtureRequest
) -> None:
    briefing: Briefing = request.getfixturevalue(which)
    counted = [
        f for f in briefing.figures.values() if f.sql.startswith("SELECT count(*) FROM core")
    ]
    assert len(counted) >= 15
    for figure in counted:
        assert trace_figure(figure, store.query).rows_count == figure.value, figure.figure_id


@pytest.mark.parametrize("which", ["community", "courtyard", "short"])
def test_every_figure_leads_to_rows_of_sheets(
    which: str, store: Store, request: pytest.FixtureRequest
) -> None:
    briefing: Briefing = request.getfixturevalue(which)
    for figure in briefing.figures.values():
        trace = trace_figure(figure, store.query)
        # Nothing stands behind none.
        assert trace.rows_count > 0 or figure.value == 0, figure.figure_id


@pytest.mark.parametrize("which", ["community", "courtyard"])
def test_answers_and_broken_promises_are_those_rows_and_no_others(
    which: str, store: Store, request: pytest.FixtureRequest
) -> None:
    briefing: Briefing = request.getfixturevalue(which)
    counted = [
        figure
        for name, figure in briefing.figures.items()
        if (name.startswith("capital.") and name.endswith(".base"))
        or name.endswith(".slipped_count")
    ]
    assert len(counted) >= 9
    for figure in counted:
        assert trace_figure(figure, store.query).rows_count == figure.value, figure.figure_id


def test_a_reason_leads_to_the_list_it_comes_from(community: Briefing, store: Store) -> None:
    sheets = {
        name: {sheet for _, sheet, _ in trace_figure(community.figures[name], store.query).rows}
        for name in ("target.T13.2", "target.T13.3")
    }
    # Needs that are open, and a property company that is not there: each beside the register.
    assert sheets["target.T13.2"] == {"需求清单", "小区台账"}
    assert sheets["target.T13.3"] == {"小区台账", "组织覆盖"}


def test_a_figure_leads_to_its_rows_in_the_sheets(community: Briefing, store: Store) -> None:
    trace = trace_figure(community.figures["complaints.now"], store.query)
    files = {file for file, _, _ in trace.rows}
    assert files == {"投诉台账2026年10月.xlsx"}
    assert len(set(trace.rows)) == trace.rows_count == 242
    told = trace.as_dict()
    assert told["rows"][0] == {"file": "投诉台账2026年10月.xlsx", "sheet": "2026年10月", "row": 3}


def test_a_long_trace_is_cut_and_says_how_long_it_is(community: Briefing, store: Store) -> None:
    trace = trace_figure(community.figures["window.count"], store.query, most=10)
    assert (len(trace.rows), trace.rows_count) == (10, community.figures["window.count"].value)


def list_sheet_texts(source: Source) -> str:
    """All that the sheets and the rules of the profile say in words."""
    names = (
        "core_matters", "core_meetings", "core_compounds", "core_activities", "core_organizations",
        "out_hotspots", "out_self_organizations", "core_interventions", "out_targets",
    )  # fmt: skip
    tables = [source.read(name).select_dtypes(include=["object", "string"]) for name in names]
    return "\n".join(str(cell) for table in tables for cell in table.to_numpy().ravel())


@pytest.mark.parametrize("which", ["community", "courtyard", "short"])
def test_no_number_is_printed_that_is_not_cited(
    which: str, source: Source, request: pytest.FixtureRequest
) -> None:
    briefing: Briefing = request.getfixturevalue(which)
    said = list_sheet_texts(source)
    loose = []
    for text in texts_of(briefing):
        words = "".join(piece if not figure_id else "" for piece, figure_id in split_cited(text))
        numbers = NUMBER.findall(TOLD.sub("", words))
        loose += [(number, words) for number in numbers if number not in said]
    assert loose == []


def test_every_cited_figure_stands_in_the_annex(community: Briefing) -> None:
    cited = {f for text in texts_of(community) for _, f in split_cited(text) if f}
    assert cited == set(community.figures)
    grid = community.content.annex[1]
    assert [row[4] for row in grid.rows] == list(community.figures)  # type: ignore[union-attr]
    assert list(number_figures(community.figures).values()) == list(range(1, len(cited) + 1))


# -- against the sheets, without the `out_` tables -------------------------------------------


def test_counts_are_those_of_the_sheets(
    community: Briefing, courtyard: Briefing, store: Store
) -> None:
    complaints = store.frame("core_complaints")
    month = complaints["reported_at"].dt.to_period("M").astype(str)
    for when, named in (("now", "2026-10"), ("before", "2026-09"), ("year", "2025-10")):
        own = complaints[month == named]
        assert value_of(community, f"complaints.{when}") == len(own)
        assert value_of(courtyard, f"complaints.{when}") == (own["compound_id"] == Q).sum()
    october = complaints[month == "2026-10"]
    for category, count in october["category"].value_counts().items():
        assert value_of(community, f"category.{category}.now") == count
    closed = october["closed_at"].notna() | october["status"].isin(["已办结", "无法办理"])
    assert value_of(community, "closed_count.now") == closed.sum()


def test_the_verdicts_are_those_of_the_map(
    press: Press, community: Briefing, courtyard: Briefing
) -> None:
    from dashboard.briefing.phrases import PagePhrases
    from etl.briefing.facts import VERDICTS, Facts

    source = press.source
    facts = Facts(press.scope(MONTH), source.profile, source.read, PagePhrases())
    compared = facts.compare(facts.spread("compound_id"), 1)
    shown = press.compounds.loc[compared.index]
    assert (compared["verdict"] == shown["month_verdict"].map(VERDICTS)).all()
    assert (compared["now"] == shown["month_count"].astype(int)).all()
    assert shown.at["T08", "month_verdict"] == "up"
    words = read_words(community.content)
    assert "南溪郡增加：本月36件，上月15件，主要是水电气讯（2件到16件）。" in words


def test_matters_and_promises_are_counted_as_the_pages_do(
    community: Briefing, source: Source
) -> None:
    matters, promises = source.read("out_matters"), source.read("out_promises")
    over = matters["is_over"].fillna(False).astype(bool)
    assert value_of(community, "matters.over") == over.sum() == 8
    for level in (1, 2, 3):
        own = matters["level_now"] == level
        assert (
            value_of(community, f"matters.{level}.open")
            == (own & (matters["state"] == "open")).sum()
        )
        assert value_of(community, f"matters.{level}.over") == (own & over).sum()
    news = promises[promises["is_news"].fillna(False).astype(bool)]
    for state in ("kept", "late", "slipped", "open"):
        assert value_of(community, f"promises.{state}") == (news["state"] == state).sum()


def test_a_change_in_per_cent_is_plain_arithmetic(community: Briefing) -> None:
    now, before = value_of(community, "complaints.now"), value_of(community, "complaints.before")
    assert isinstance(now, int)
    assert isinstance(before, int)
    change = community.figures["complaint_count.change"].value
    assert isinstance(change, float)
    assert math.isclose(change, 100 * (now - before) / before)


# -- what it says ----------------------------------------------------------------------------


def test_the_headline_is_three_sentences_from_the_figures(community: Briefing) -> None:
    headline = read_text(community.content.blocks[0].text)  # type: ignore[union-attr]
    sentences = [each for each in headline.split("。") if each]
    assert len(sentences) == 3
    assert sentences[0] == "2026年10月，T社区受理居民诉求242件，最多的是物业服务（37件）"
    assert sentences[1] == (
        "比上月（250件，-3.2%）没有实质变化；比去年同月（241件，+0.4%）没有实质变化"
    )
    assert "最需要先去的是Q小区" in sentences[2]
    assert "8个议题超过期限；5件承诺逾期没有兑现" in sentences[2]


# The eleven parts of the governance loop, each with what only it can say of the sample.
LOOP = {
    "居民需求": "需求清单上没有解决的63条，其中紧急9条",
    "居民骨干和自组织": "在任居民骨干126人，每百户0.9人",
    "居民骨干和自组织 ": "Q小区荷塘管护队：下一步写章程",
    "院落自治委员会成立进度": "Q小区：到“备案”这一步，自组织，逾期1553天",
    "职责手册": "“停车管理”不止一家牵头（业委会、物业）；“养宠管理”没有牵头的",
    "三级议事": "三级（五方会议）\n7\n5\n7",
    "承诺兑现": "按期做到5件，逾期才做到3件，逾期没做到1件，没到期4件",
    "对物业和业委会的监督": "永安居物业：超期率57.3%，明显高于其他单位",
    "活动和往来": "Q小区“挖藕节”134人（上一次76人）",
    "社会资本": "信任：信任邻居\n53\n48–58\n406",
    "行动和成效": "竹溪新居“停车自管会”：停车管理：之前 7 个月 45 件，之后 7 个月 16 件",
}


@pytest.mark.parametrize("section", LOOP)
def test_the_governance_loop_is_in_the_briefing(section: str, community: Briefing) -> None:
    words = read_words(community.content)
    start = words.index(f"\n{section.strip()}\n")
    assert LOOP[section] in words[start : words.index("附件：数字的来历")]


def test_meetings_of_the_month_are_told_with_who_came(community: Briefing) -> None:
    words = read_words(community.content)
    assert "本月开会4次" in words
    assert "2026-10-29全社区月度议事会，39人到会：通报十月诉求。" in words


def test_what_the_street_is_asked_is_what_is_stuck_at_the_top(community: Briefing) -> None:
    words = read_words(community.content)
    assert (
        "槐里新城业委会换届，三级（五方会议），期限2026-02-02，已超过182个工作日，请协调。" in words
    )
    assert "Q小区更换物业公司，紧急程度高，现在搁置，请指导。" in words


def test_the_story_of_the_courtyard_is_in_its_own_briefing(courtyard: Briefing) -> None:
    words = read_words(courtyard.content)
    for told in (
        "Q小区2026年10月治理情况", "物业（名存实亡）", "楼道杂物清理", "挖藕节", "永安居物业",
        "物业清理占用通道的僵尸车", "信任：信任物业",
    ):  # fmt: skip
        assert told in words
    assert "南溪郡" not in words


def test_data_notes_say_what_is_missing(community: Briefing, source: Source) -> None:
    words = read_words(community.content)
    assert f"有{len(source.read('quarantine'))}条没有入库" in words
    assert "诉求工单到2026-10-31为止" in words


# -- what may be wrong with a month or a compound --------------------------------------------


def test_a_month_outside_the_data_is_refused(source: Source) -> None:
    with pytest.raises(ShequError, match="库里没有2030年1月的投诉：有的是2025年8月到2026年10月"):
        require_month(source.read, date(2030, 1, 1))
    listed = list_months(source.read)
    assert (listed[0], listed[-1]) == (MONTH, date(2025, 8, 1))


def test_no_complaints_at_all_is_said() -> None:
    nothing = pd.DataFrame({"month": pd.to_datetime([])})
    with pytest.raises(ShequError, match="还没有投诉工单"):
        require_month(lambda _name: nothing, MONTH)


def test_a_compound_is_found_by_id_or_name(source: Source) -> None:
    assert require_compound(source.read, "T14") == require_compound(source.read, "Q小区") == Q
    with pytest.raises(ShequError, match="没有“月亮湾”这个小区"):
        require_compound(source.read, "月亮湾")


Compose = Callable[..., Briefing]


def drop_month(months: pd.DataFrame) -> pd.DataFrame:
    return months[pd.to_datetime(months["month"]) != pd.Timestamp("2026-05-01")]


def test_a_month_without_complaints(compose_changed: Compose) -> None:
    briefing = compose_changed(date(2026, 5, 1), out_months=drop_month)
    words = read_words(briefing.content)
    assert "2026年5月，T社区没有受理居民诉求。" in words
    assert "本月没有诉求。" in words
    assert value_of(briefing, "complaints.before") > 0  # type: ignore[operator]


def test_a_month_with_one_complaint(compose_changed: Compose) -> None:
    def keep_one(months: pd.DataFrame) -> pd.DataFrame:
        other = drop_month(months)
        one = months[pd.to_datetime(months["month"]) == pd.Timestamp("2026-05-01")].head(1)
        return pd.concat([other, one.assign(complaint_count=1)])

    words = read_words(compose_changed(date(2026, 5, 1), out_months=keep_one).content)
    assert re.search(r"2026年5月，T社区受理居民诉求1件，是\w+。", words)


def test_a_month_that_is_not_over_is_not_compared(compose_changed: Compose) -> None:
    def end_early(compounds: pd.DataFrame) -> pd.DataFrame:
        return compounds.assign(month=pd.Timestamp("2026-09-01"))

    words = read_words(compose_changed(out_compounds=end_early).content)
    assert "2026年10月（只到2026-10-31，本月未完），T社区受理居民诉求242件" in words
    assert "本月未完，不比。" in words
    assert "确有" not in words


def test_the_first_month_on_record_has_nothing_to_be_compared_with(
    compose_changed: Compose,
) -> None:
    words = read_words(compose_changed(date(2025, 8, 1)).content)
    assert "没有上月的数据可比；没有去年同月的数据可比。" in words


def test_hotspots_of_another_month_say_so_and_one_without_a_name_has_a_place(
    compose_changed: Compose,
) -> None:
    def unname(spots: pd.DataFrame) -> pd.DataFrame:
        return spots.assign(name=None, compound_id=None)

    words = read_words(compose_changed(date(2026, 5, 1), out_hotspots=unname).content)
    assert "热点按最新的数据（到2026-10-31）找出，不是这个月的。" in words
    assert "不在任何小区里的一处（近三个月新增）" in words


LONG_NAME = (
    "望河名邸二期东区（含原粮食局家属院与供销社宿舍合并改造安置片区）"
    "第三住宅小区甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未"
)


@pytest.mark.parametrize("length", ["long", "short"])
def test_a_compound_without_outline_households_or_a_short_name(
    compose_changed: Compose, length: str
) -> None:
    def spoil(compounds: pd.DataFrame) -> pd.DataFrame:
        own = compounds["compound_id"] == Q
        compounds["households"] = compounds["households"].mask(own)
        compounds["has_boundary"] = compounds["has_boundary"].mask(own, False)
        for name in ("rate", "rate_low", "rate_high"):
            compounds[name] = compounds[name].mask(own)
        compounds["name"] = compounds["name"].mask(own, LONG_NAME)
        return compounds

    briefing = compose_changed(compound_id=Q, length=length, out_compounds=spoil)
    words = read_words(briefing.content)
    assert len(LONG_NAME) >= 55
    assert f"{LONG_NAME}受理居民诉求21件" in words
    assert "本小区没有边界" in words
    assert "本小区户数未知，不算比率。" in words
    assert "nan" not in words.lower()


def test_forty_organizations_are_all_told(compose_changed: Compose, source: Source) -> None:
    def add_many(bodies: pd.DataFrame) -> pd.DataFrame:
        first = bodies[bodies["verdict"] == "step"].head(1)
        more = [first.assign(organization_id=f"N{at}", name=f"第{at}支队伍") for at in range(40)]
        return pd.concat([bodies, *more])

    before = (source.read("out_self_organizations")["verdict"] != "gone").sum()
    briefing = compose_changed(out_self_organizations=add_many)
    assert value_of(briefing, "self.count") == before + 40


def test_text_with_markup_formulas_and_line_breaks_stays_text(compose_changed: Compose) -> None:
    nasty = '=HYPERLINK("x")\n<b>#set text(red)</b> *甲* $x$ {{名称}} \x02a\x1f9\x03'

    def spoil(matters: pd.DataFrame) -> pd.DataFrame:
        return matters.assign(title=nasty)

    briefing = compose_changed(out_matters=spoil)
    words = read_words(briefing.content)
    assert '=HYPERLINK("x") <b>#set text(red)</b> *甲* $x$ {{名称}} a 9' in words
    assert "a" not in briefing.figures


def test_remarks_are_printed_paragraph_by_paragraph(compose_changed: Compose) -> None:
    words = read_words(compose_changed(remarks="第一段。\n\n第二段。").content)
    assert "情况说明\n第一段。\n第二段。\n请街道协调的事项" in words


# -- asking for one number -------------------------------------------------------------------


def test_a_figure_is_found_by_id_or_by_its_mark(community: Briefing) -> None:
    first = next(iter(community.figures))
    assert find_figure(community.figures, "1").figure_id == first
    assert find_figure(community.figures, " complaints.now ").value == 242
    with pytest.raises(
        ShequError, match=r"没有“complaints.nix”这个数字。有的例如：complaints\.now"
    ):
        find_figure(community.figures, "complaints.nix")


def test_what_a_correction_changes_is_listed(community: Briefing) -> None:
    figures = community.figures
    now = figures["complaints.now"]
    former = [(f.figure_id, f.label, f.text) for f in figures.values() if f is not now]
    former += [(now.figure_id, now.label, "240"), ("gone", "旧数", "7")]
    assert list_changes(former, figures) == [
        "“受理诉求（2026年10月）”由240件改为242件", "不再列“旧数”（原为7）",
    ]  # fmt: skip

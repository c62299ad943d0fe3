"""Papers: laid out as the standard asks, editable, and saying what the data say."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from docx import Document
from docx.document import Document as DocumentType
from docx.oxml.ns import qn
from docx.shared import Length
from PIL import Image

from dashboard import load, settings
from dashboard.briefing.handbook import write_handbook
from dashboard.briefing.monthly import list_report_months, read_month, write_monthly
from dashboard.briefing.pack import Ground, write_pack
from dashboard.briefing.paper import Paper, write_number
from dashboard.briefing.place import draw_place, select_cells
from dashboard.briefing.publicity import write_publicity
from dashboard.talks import Talks, list_timeline, rank_matters, read_talks
from dashboard.words import speak
from etl.refresh import refresh
from etl.store import Store
from tests.conftest import write_workbook


@pytest.fixture(scope="module")
def build(sample_store: Path) -> Iterator[load.Build]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings.STORE, str(sample_store))
        patch.delenv(settings.PROFILE, raising=False)
        yield load.current_build()
        load.open_store.clear()


@pytest.fixture(scope="module")
def talks(build: load.Build) -> Talks:
    return read_talks(build)


def open_paper(content: bytes) -> DocumentType:
    return Document(io.BytesIO(content))


def text_of(paper: DocumentType) -> str:
    cells = [cell.text for table in paper.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in paper.paragraphs), *cells])


def headings_of(paper: DocumentType, depth: int = 1) -> list[str]:
    return [p.text for p in paper.paragraphs if p.style.name == f"Heading {depth}"]


# -- the layout ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def example() -> DocumentType:
    paper = Paper("标题", "副题")
    paper.heading("甲")
    paper.heading("乙", 2)
    paper.heading("丙", 3)
    paper.heading("丁", 3)
    paper.heading("戊")
    paper.heading("己", 2)
    paper.paragraph("正文")
    paper.table(["列一", "列二"], [["一", "二"], ["三", "四"]], (1, 3))
    return open_paper(paper.save())


def test_the_page_is_a4_with_the_type_area_of_the_standard(example: DocumentType) -> None:
    section = example.sections[0]
    found = [round(Length(side).mm) for side in (
        section.page_width, section.page_height, section.top_margin, section.left_margin,
        section.page_width - section.left_margin - section.right_margin,
        section.page_height - section.top_margin - section.bottom_margin,
    )]  # fmt: skip
    assert found == [210, 297, 37, 28, 156, 225]


@pytest.mark.parametrize(
    ("style", "font", "size"),
    [
        ("Title", "方正小标宋简体", 22),
        ("Normal", "仿宋_GB2312", 16),
        ("Heading 1", "黑体", 16),
        ("Heading 2", "楷体_GB2312", 16),
        ("Heading 3", "仿宋_GB2312", 16),
        ("Table Head", "黑体", 12),
    ],
)
def test_every_style_names_its_chinese_font(
    example: DocumentType, style: str, font: str, size: float
) -> None:
    found = example.styles[style]
    fonts = found.element.rPr.rFonts
    assert fonts.get(qn("w:eastAsia")) == font
    assert fonts.get(qn("w:ascii")) == "Times New Roman"
    assert not [name for name in fonts.attrib if "Theme" in name]
    assert found.font.size.pt == size


def test_twenty_two_lines_fill_the_page(example: DocumentType) -> None:
    spacing = example.styles["Normal"].paragraph_format.line_spacing
    assert 22 * spacing.mm == pytest.approx(225, abs=1)


def test_headings_are_numbered_as_the_standard_has_it(example: DocumentType) -> None:
    assert headings_of(example) == ["一、甲", "二、戊"]
    assert headings_of(example, 2) == ["（一）乙", "（一）己"]
    assert headings_of(example, 3) == ["1. 丙", "2. 丁"]


@pytest.mark.parametrize(
    ("count", "told"),
    [(1, "一"), (9, "九"), (10, "十"), (11, "十一"), (20, "二十"), (42, "四十二")],
)
def test_numbers_are_written_in_chinese(count: int, told: str) -> None:
    assert write_number(count) == told


def test_english_numbers_are_figures() -> None:
    speak("en")
    try:
        assert [write_number(n) for n in (1, 12)] == ["1", "12"]
    finally:
        speak("")


def test_pages_are_numbered_odd_at_the_right_and_even_at_the_left(example: DocumentType) -> None:
    section = example.sections[0]
    assert example.settings.odd_and_even_pages_header_footer
    for footer, side in ((section.footer, 2), (section.even_page_footer, 0)):
        paragraph = footer.paragraphs[0]
        assert paragraph.text == "—  —"  # the number between is a field
        assert "PAGE" in paragraph._p.xml
        assert paragraph.alignment == side


def test_tables_are_as_wide_as_the_type_area_and_repeat_their_header(example: DocumentType) -> None:
    table = example.tables[0]
    assert [round(column.width.mm) for column in table.columns] == [39, 117]
    assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    assert [cell.text for row in table.rows for cell in row.cells] == [
        "列一", "列二", "一", "二", "三", "四",
    ]  # fmt: skip


def test_a_paper_is_a_file_that_names_nobody(talks: Talks) -> None:
    content = write_handbook(talks)
    core = zipfile.ZipFile(io.BytesIO(content)).read("docProps/core.xml").decode()
    assert "<dc:creator></dc:creator>" in core or "<dc:creator/>" in core
    assert "python" not in core


# -- what they say -------------------------------------------------------------------------


def test_the_monthly_report_says_what_the_month_held(build: load.Build, talks: Talks) -> None:
    paper = open_paper(write_monthly(read_month(build, talks, pd.Timestamp("2026-10-01"))))
    assert paper.paragraphs[0].text == "T社区月度议事会材料"
    assert len(headings_of(paper)) == 8
    assert headings_of(paper)[0] == "一、本月诉求"
    said = text_of(paper)
    october = talks.months[talks.months["month"] == pd.Timestamp("2026-10-01")]
    assert f"本月受理投诉 {int(october['complaint_count'].sum())} 件" in said
    assert "2026-10-29 全社区月度议事会，39 人到会：通报十月诉求。" in said
    assert "Q小区荷塘管护队：2026-10-17 Q小区“挖藕节”，134 人。" in said
    assert "自 2026-08-27 月度议事会以来" in said
    assert "南溪郡，物业十一月中旬恢复双泵。说好 2026-11-15，还没到期。" in said  # the plan
    assert "本月没有回应记录的物业：Q小区（最近回应 2023-04-11）" in said


def test_a_month_without_records_says_so(build: load.Build, talks: Talks) -> None:
    said = text_of(open_paper(write_monthly(read_month(build, talks, pd.Timestamp("2021-01-01")))))
    for words in ("本月没有投诉记录", "本月没有会议记录", "本月没有活动记录"):
        assert words in said


def test_reports_can_be_written_of_the_months_on_record(talks: Talks) -> None:
    months = list_report_months(talks)
    assert months[0] == pd.Timestamp("2026-10-01")
    assert pd.Timestamp("2023-08-01") in months  # a matter was raised then


def test_the_pack_has_the_evidence_and_room_to_decide(talks: Talks) -> None:
    paper = open_paper(write_pack(talks, ["YT2023-01", "YT2026-10"]))
    assert headings_of(paper) == ["一、Q小区更换物业公司", "二、Q小区自治委员会监督小组"]
    said = text_of(paper)
    assert "至少要有 275 户参与表决" in said
    assert "2024-05-20 Q小区更换物业公司：三家企业踏勘后均放弃，无人接手" in said  # decided before
    assert "社区提出监督小组人选。说好 2026-09-15，已过 29 个工作日，没有做到。" in said
    blank = paper.tables[-1]
    assert [cell.text for cell in blank.columns[0].cells][1:] == [
        "社区", "物业", "社工", "自组织", "居民代表",
    ]  # fmt: skip
    assert {cell.text for cell in blank.columns[1].cells[1:]} == {""}


def test_the_pack_has_a_map_where_there_is_an_outline(build: load.Build, talks: Talks) -> None:
    ground = Ground(load.shapes(build), load.frame(build, "out_cells"))
    paper = open_paper(write_pack(talks, ["YT2025-02"], ground))
    assert [round(picture.width.mm) for picture in paper.inline_shapes] == [110]
    assert "灰色的是本小区" in text_of(paper)
    assert not open_paper(write_pack(talks, ["YT2025-02"])).inline_shapes


def make_shapes() -> gpd.GeoDataFrame:
    """Two squares side by side, on the equator so that degrees are as wide as high."""
    return gpd.GeoDataFrame(
        {"level": ["compound", "compound"], "compound_id": ["T01", "T02"]},
        geometry=[shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)],
        crs="EPSG:4326",
    )


def test_a_map_sets_its_compound_off_and_shows_where_complaints_are() -> None:
    cells = pd.DataFrame({"lon": [1.5], "lat": [0.5], "complaint_count": [4]})
    image = Image.open(io.BytesIO(draw_place(make_shapes(), cells, "T01") or b""))
    wide, high = image.size
    assert wide / high == pytest.approx(2, rel=0.05)
    own, other, dot = (
        image.getpixel((round(wide * x), round(high * y)))
        for x, y in ((0.2, 0.3), (0.9, 0.3), (0.75, 0.5))
    )
    assert (own, other) == (215, 255)
    assert dot < 100


def test_a_compound_without_outline_has_no_map() -> None:
    cells = pd.DataFrame({"lon": [], "lat": [], "complaint_count": []})
    assert draw_place(make_shapes(), cells, "T03") is None


def test_a_map_counts_what_is_of_the_category_and_within_the_window() -> None:
    cells = pd.DataFrame(
        [
            ("2025-01-01", "停车管理", 104.0, 30.0, 2),
            ("2025-02-01", "停车管理", 104.0, 30.0, 3),
            ("2025-02-01", "环境卫生", 104.0, 30.0, 9),
            ("2024-12-01", "停车管理", 104.0, 30.0, 9),
        ],
        columns=["month", "category", "lon", "lat", "complaint_count"],
    )
    row = SimpleNamespace(category="停车管理")
    window = SimpleNamespace(window_from="2025-01-01", window_to="2025-02-28")
    assert select_cells(cells, row, window)["complaint_count"].to_list() == [5]
    assert select_cells(cells, row, None).empty


def test_the_handbook_names_its_gaps(talks: Talks) -> None:
    said = text_of(open_paper(write_handbook(talks)))
    assert "“养宠管理”没有牵头的。" in said
    assert "“停车管理”不止一家牵头：业委会、物业" in said


def test_the_public_notice_holds_what_was_decided_since(talks: Talks) -> None:
    said = text_of(open_paper(write_publicity(talks, pd.Timestamp("2026-07-31"))))
    assert "农机站宿舍屋面补漏" in said  # decided on 26 September
    assert "27号院院门修缮" not in said  # decided in June
    assert "社区派清运车四次" in said


def test_no_paper_is_empty_where_there_is_nothing_to_say(talks: Talks) -> None:
    nobody = talks.of_compound("没有这个小区")
    assert "没有要上五方会议的议题" in text_of(open_paper(write_pack(nobody, [])))
    said = text_of(open_paper(write_publicity(nobody, pd.Timestamp("2026-07-31"))))
    assert "没有议定或办结的事项" in said


def test_a_timeline_holds_dates_meetings_promises_and_steps_in_order(talks: Talks) -> None:
    timeline = list_timeline(talks, "YT2026-03")
    days = [day for day, _ in timeline]
    assert days == sorted(days)
    said = " ".join(text for _, text in timeline)
    assert "二级到 2026-04-20 没有商定（已超过 132 个工作日），升到三级。" in said
    assert said.startswith("提出。")


def test_a_timeline_shows_what_changed_from_one_update_to_the_next(
    sample_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = ["议题编号", "议题", "小区", "议题状态", "议事层级"]
    rows = [
        ["YT2025-01", "荷塘清淤与共建方案", "Q小区", "议事中", "二级"],
        ["YT2026-13", "供销社家属院公约", "供销社家属院", "议事中", "一级"],
    ]
    store = Store(sample_copy)
    refresh(store, [write_workbook(tmp_path / "补充.xlsx", {"议题": [heads, *rows]})])
    store.close()
    monkeypatch.setenv(settings.STORE, str(sample_copy))
    talks = read_talks(load.current_build())
    reopened = [text for _, text in list_timeline(talks, "YT2025-01")]
    assert "办结后重新打开，现在是“议事中”。" in reopened
    assert "状态：待议 → 议事中" in [text for _, text in list_timeline(talks, "YT2026-13")]
    first = rank_matters(talks.matters).iloc[0]
    assert first["matter_id"] == "YT2025-01"  # before any that is only overdue
    load.open_store.clear()

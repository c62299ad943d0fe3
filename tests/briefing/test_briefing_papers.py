"""Briefings as files, opened and measured: DOCX, PDF/A, maps, the trace; the same bytes again."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pypdfium2 as pdfium
import pytest
from docx import Document
from docx.document import Document as DocumentType
from docx.oxml.ns import qn
from docx.shared import Length
from openpyxl import load_workbook
from PIL import Image

from dashboard.briefing import fonts as fonts_module
from dashboard.briefing.fonts import GETA, Fonts, choose_fonts
from dashboard.briefing.issuing import Press, Source, find_paper, write_files
from dashboard.briefing.maps import Metric, class_values, draw_paper_map, draw_wall_map, read_ground
from dashboard.briefing.tracing import write_trace
from dashboard.briefing.typeset import write_pdf
from dashboard.briefing.word import BULLETIN, OFFICIAL, write_docx
from etl.briefing.compose import Briefing, number_figures
from etl.briefing.model import Content, Heading, Paragraph, cite
from etl.briefing.trace import trace_figure
from etl.errors import FileError, ShequError
from etl.store import Store
from tests.briefing.conftest import MONTH, Q

MM = 72 / 25.4


@pytest.fixture(scope="module")
def pictures(press: Press) -> dict[str, bytes]:
    return press.draw(press.scope(MONTH), 130)


@pytest.fixture(scope="module")
def bulletin(press: Press, short: Briefing, pictures: dict[str, bytes]) -> dict[str, bytes]:
    told = replace(short, content=replace(short.content, number="2026年第1期"))
    return press.write(told, BULLETIN, pictures)


@pytest.fixture(scope="module")
def official(press: Press, community: Briefing, pictures: dict[str, bytes]) -> dict[str, bytes]:
    told = replace(community, content=replace(community.content, number="T社发〔2026〕1号"))
    return press.write(told, OFFICIAL, pictures)


def open_docx(content: bytes) -> DocumentType:
    return Document(io.BytesIO(content))


def text_of_pdf(content: bytes) -> str:
    pdf = pdfium.PdfDocument(content)
    text = "".join(page.get_textpage().get_text_bounded() for page in pdf)
    pdf.close()
    return re.sub(r"\s", "", text)


def make_content(text: str, dated: str = "2026年10月31日") -> Content:
    return Content("题", "", "刊头", "第1期", "单位", dated, "", (Paragraph(text),))


# -- DOCX ------------------------------------------------------------------------------------


def test_the_bulletin_has_masthead_number_and_title(bulletin: dict[str, bytes]) -> None:
    paper = open_docx(bulletin["docx"])
    told = [(p.style.name, p.text) for p in paper.paragraphs[:4]]
    assert told == [
        ("Masthead", "社区治理简报"),
        ("Issue Line", "2026年第1期"),
        ("Issue Line", "T社区编印　　　　2026年10月31日"),
        ("Title", "T社区2026年10月治理情况简报"),
    ]


def test_the_official_document_is_addressed_signed_and_dated(official: dict[str, bytes]) -> None:
    paper = open_docx(official["docx"])
    by_style = {}
    for paragraph in paper.paragraphs:
        by_style.setdefault(paragraph.style.name, []).append(paragraph.text)
    assert by_style["Masthead"] == ["T社区"]
    assert by_style["Issue Line"] == ["T社发〔2026〕1号"]
    assert by_style["Addressed"] == ["街道办事处："]
    assert by_style["Signed"] == ["T社区", "2026年10月31日"]
    assert by_style["Heading 1"][0] == "一、主要指标"
    assert by_style["Heading 1"][-1] == "十八、数据说明"
    assert by_style["Annex Heading"] == ["附件：数字的来历"]


def test_the_page_fonts_and_lines_are_those_of_the_standard(official: dict[str, bytes]) -> None:
    paper = open_docx(official["docx"])
    section = paper.sections[0]
    found = [round(Length(side).mm) for side in (
        section.page_width, section.page_height, section.top_margin, section.left_margin,
        section.page_width - section.left_margin - section.right_margin,
        section.page_height - section.top_margin - section.bottom_margin,
    )]  # fmt: skip
    assert found == [210, 297, 37, 28, 156, 225]
    body = paper.styles["Normal"]
    assert 22 * body.paragraph_format.line_spacing.mm == pytest.approx(225, abs=1)
    closer = int(body.element.rPr.find(qn("w:spacing")).get(qn("w:val"))) / 20
    assert 28 * (body.font.size.pt + closer) <= 156 * MM < 29 * (body.font.size.pt + closer)
    for style in paper.styles:
        if style.name in ("Masthead", "Issue Line", "Caption", "Signed", "Fine Text", "Sent To"):
            assert style.element.rPr.rFonts.get(qn("w:eastAsia")), style.name


def test_tables_are_tables_with_captions_and_repeated_heads(official: dict[str, bytes]) -> None:
    paper = open_docx(official["docx"])
    captions = [p.text for p in paper.paragraphs if p.style.name == "Caption"]
    assert captions[0] == "表1　主要指标（件）"
    assert any(c.startswith("图1　各小区2026年10月诉求") for c in captions)
    assert len(paper.tables) == sum(c.startswith("表") for c in captions) + 1  # and the annex
    for table in paper.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    assert [c.text for c in paper.tables[0].rows[0].cells] == [
        "指标", "本月", "上月", "变化", "去年同月", "比上月", "比去年同月",
    ]  # fmt: skip
    assert len(paper.inline_shapes) == 1


def test_figures_carry_the_number_of_the_annex(
    official: dict[str, bytes], community: Briefing
) -> None:
    paper = open_docx(official["docx"])
    headline = next(p for p in paper.paragraphs if p.text.startswith("2026年10月，"))
    raised = [run.text for run in headline.runs if run.font.superscript]
    assert raised[:2] == ["[1]", "[2]"]
    annex = paper.tables[-1]
    assert len(annex.rows) == len(community.figures) + 1
    assert [c.text for c in annex.rows[1].cells][:3] == ["1", "受理诉求（2026年10月）", "242件"]


def test_markup_in_a_sheet_is_text_in_both_files(press: Press) -> None:
    nasty = '<w:b/> & "=1+1" #set text(red) *粗* $x$ \\ @a'
    content = make_content(nasty)
    assert nasty in [p.text for p in open_docx(write_docx(content, {})).paragraphs]
    assert re.sub(r"\s", "", nasty) in text_of_pdf(write_pdf(content, {}, press.fonts))


# -- PDF -------------------------------------------------------------------------------------


def test_the_short_form_has_two_pages(bulletin: dict[str, bytes]) -> None:
    pdf = pdfium.PdfDocument(bulletin["pdf"])
    assert len(pdf) == 2
    assert {tuple(round(side / MM) for side in page.get_size()) for page in pdf} == {(210, 297)}
    pdf.close()


def test_every_compound_has_a_short_form_of_two_pages(press: Press, source: Source) -> None:
    for at in ("T01", "T08", Q):
        briefing = press.compose(press.scope(MONTH, at), "short")
        pdf = pdfium.PdfDocument(press.write(briefing, BULLETIN)["pdf"])
        assert len(pdf) <= 2, at
        pdf.close()


@pytest.mark.parametrize("form", ["bulletin", "official"])
def test_the_pdf_says_what_the_docx_says(form: str, request: pytest.FixtureRequest) -> None:
    papers: dict[str, bytes] = request.getfixturevalue(form)
    paper = open_docx(papers["docx"])
    words = Counter(re.sub(r"\s", "", "".join(p.text for p in paper.paragraphs)))
    for table in paper.tables:
        for element in table._tbl.iter(qn("w:t")):
            words.update(re.sub(r"\s", "", element.text or ""))
    found = Counter(text_of_pdf(papers["pdf"]))
    missing = {sign: count - found[sign] for sign, count in words.items() if found[sign] < count}
    # The typesetter folds some signs of other scripts; what is Chinese or a digit is all there.
    assert not {s: n for s, n in missing.items() if s.isdigit() or "\u4e00" <= s <= "\u9fff"}


def test_the_pdf_is_pdf_a_with_bookmarks_and_its_fonts(official: dict[str, bytes]) -> None:
    content = official["pdf"]
    assert b"pdfaid:part>2<" in content
    assert b"pdfaid:conformance>B<" in content
    assert content.count(b"/FontFile") >= 2
    pdf = pdfium.PdfDocument(content)
    titles = [entry.get_title() for entry in pdf.get_toc()]
    assert titles[0] == "一、主要指标"
    assert titles[-1] == "附件：数字的来历"
    assert pdf.get_metadata_dict()["Title"] == "T社区2026年10月治理情况简报"
    pdf.close()


def list_characters(page: pdfium.PdfPage) -> list[tuple[str, float, float, float]]:
    """Signs of a page with left, bottom and right, in points."""
    text = page.get_textpage()
    found = []
    for at in range(text.count_chars()):
        sign = text.get_text_range(at, 1)
        if sign.strip():
            left, bottom, right, _ = text.get_charbox(at, loose=True)
            found.append((sign, left, bottom, right))
    return found


def test_a_full_page_has_22_lines_of_28_characters(press: Press) -> None:
    pdf = pdfium.PdfDocument(write_pdf(make_content("国" * 2400), {}, press.fonts))
    signs = [each for each in list_characters(pdf[1]) if each[0] == "国"]
    lines = Counter(round(bottom) for _, _, bottom, _ in signs)
    assert len(lines) == 22
    assert set(lines.values()) == {28}
    assert min(left for _, left, _, _ in signs) == pytest.approx(28 * MM, abs=1)
    assert max(right for _, _, _, right in signs) <= 184 * MM + 1
    _, height = pdf[1].get_size()
    top, bottom = max(lines), min(lines)
    assert height - top - 0.8 * 16 >= 37 * MM - 2
    assert bottom >= 35 * MM - 2
    pdf.close()


def test_page_numbers_stand_outside(press: Press) -> None:
    pdf = pdfium.PdfDocument(write_pdf(make_content("国" * 2400), {}, press.fonts))
    for number, page in enumerate(pdf, start=1):
        foot = [each for each in list_characters(page) if each[2] < 34 * MM]
        assert "".join(sign for sign, *_ in foot) == f"—{number}—"
        left, right = foot[0][1], foot[-1][3]
        if number % 2:
            assert right == pytest.approx(184 * MM - 14, abs=3)
        else:
            assert left == pytest.approx(28 * MM + 14, abs=3)
    pdf.close()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_the_docx_opens_in_an_office_program_as_it_was_meant(
    bulletin: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "a.docx").write_bytes(bulletin["docx"])
    (tmp_path / "b.docx").write_bytes(write_docx(make_content("国" * 2400), {}))
    home = f"-env:UserInstallation=file://{tmp_path / 'home'}"
    subprocess.run(
        ["soffice", home, "--headless", "--convert-to", "pdf", "a.docx", "b.docx"],
        cwd=tmp_path, check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    pdf = pdfium.PdfDocument((tmp_path / "a.pdf").read_bytes())
    assert len(pdf) == 2
    pdf.close()
    full = pdfium.PdfDocument((tmp_path / "b.pdf").read_bytes())
    signs = [each for each in list_characters(full[1]) if each[0] == "国"]
    lines = Counter(round(bottom) for _, _, bottom, _ in signs)
    assert len(lines) == 22
    assert set(lines.values()) == {28}
    full.close()


# -- the same bytes --------------------------------------------------------------------------


def test_the_same_content_gives_the_same_bytes(
    press: Press, short: Briefing, bulletin: dict[str, bytes], pictures: dict[str, bytes]
) -> None:
    told = replace(short, content=replace(short.content, number="2026年第1期"))
    assert press.draw(press.scope(MONTH), 130) == pictures
    assert press.write(told, BULLETIN, pictures) == bulletin
    parts = zipfile.ZipFile(io.BytesIO(bulletin["docx"])).infolist()
    assert {part.date_time for part in parts} == {(1980, 1, 1, 0, 0, 0)}


# -- fonts -----------------------------------------------------------------------------------


def test_no_chinese_font_is_a_sentence_and_no_boxes() -> None:
    with pytest.raises(ShequError, match=r"没有中文字体.*fonts-noto-cjk.*SHEQU_FONTS"):
        choose_fonts({"DejaVu Sans": ("/fonts/a.ttf", 0)})


def test_open_fonts_come_before_those_of_the_system(press: Press) -> None:
    known = fonts_module._list_installed(())
    own = known[press.fonts.families["body"]]
    found = choose_fonts({"SimSun": own, "FangSong": own, "SimHei": own, "Noto Serif SC": own})
    assert found.families == {
        "body": "Noto Serif SC", "kai": "Noto Serif SC", "hei": "SimHei", "title": "Noto Serif SC",
    }  # fmt: skip


def test_a_family_that_is_gone_is_no_silent_replacement(press: Press) -> None:
    gone = replace(press.fonts, families=dict.fromkeys(press.fonts.families, "No Such Font"))
    with pytest.raises(ShequError, match="没有中文字体"):
        write_pdf(make_content("国"), {}, gone)


def test_what_no_font_has_is_marked_not_dropped(press: Press) -> None:
    assert press.fonts.keep_known("小区\U0001f9ff\U000e0100甲") == f"小区{GETA}{GETA}甲"
    text = text_of_pdf(write_pdf(make_content("小区\U0001f9ff甲"), {}, press.fonts))
    assert f"小区{GETA}甲" in text


# -- maps ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fonts(press: Press) -> Fonts:
    return press.fonts


def test_the_map_is_grey_and_tells_classes_by_hatching(pictures: dict[str, bytes]) -> None:
    image = Image.open(io.BytesIO(pictures["map"])).convert("RGB")
    assert image.width == pytest.approx(130 / 25.4 * 200, abs=2)
    colours = image.getcolors(maxcolors=1 << 24)
    assert colours is not None
    assert all(max(rgb) - min(rgb) <= 2 for _, rgb in colours)
    assert len(colours) > 20


def test_four_classes_hold_the_compounds_by_rank() -> None:
    classes, spans = class_values(pd.Series([1.0, 2, 3, 4, 5, 6, 7, 8, None], list("abcdefghi")))
    assert classes.dropna().astype(int).to_list() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert spans == [(1, 2), (3, 4), (5, 6), (7, 8)]
    assert pd.isna(classes["i"])
    same, one = class_values(pd.Series([3.0, 3.0]))
    assert (same.to_list(), one) == ([0, 0], [(3, 3)])
    assert class_values(pd.Series([None], dtype=float))[1] == []


def test_a_compound_without_outline_is_a_point_and_one_without_place_is_left_out(
    press: Press, fonts: Fonts
) -> None:
    shapes = press.source.read_shapes()
    shapes = shapes[~shapes["compound_id"].isin([Q, "T08"]) | (shapes["level"] != "compound")]
    table = press.measure_month(MONTH)
    table.loc["T08", ["lon", "lat"]] = None
    ground = read_ground(shapes, table)
    assert Q in ground.centres
    assert Q not in ground.compounds
    assert "T08" not in ground.centres
    metric = Metric("shown_rate", "每千户诉求", "件", 1)
    assert draw_paper_map(ground, table, metric, fonts, 80).startswith(b"\x89PNG")


def test_without_any_place_there_is_no_map_and_the_paper_says_so(
    press: Press, short: Briefing
) -> None:
    nowhere = Press(replace(press.source, read_shapes=lambda: press.source.read_shapes().iloc[:0]))
    nowhere.compounds = press.compounds.assign(lon=None, lat=None)
    assert nowhere.draw(nowhere.scope(MONTH), 80) == {}
    papers = nowhere.write(short, BULLETIN, {})
    assert "没有边界也没有坐标，画不出地图。" in [
        p.text for p in open_docx(papers["docx"]).paragraphs
    ]
    assert "没有边界也没有坐标" in text_of_pdf(papers["pdf"])


def test_without_households_the_map_shows_counts(press: Press) -> None:
    unknown = Press(press.source)
    unknown.fonts = press.fonts
    unknown.compounds = press.compounds.assign(households=None)
    drawn = unknown.draw(unknown.scope(MONTH), 80)["map"]
    assert drawn != press.draw(press.scope(MONTH), 80)["map"]
    greys = Image.open(io.BytesIO(drawn)).convert("L").getcolors() or []
    assert len(greys) > 20  # classes, not one pattern for all that is not known


def test_the_wall_map_is_a3_with_legend_scale_and_north(press: Press, fonts: Fonts) -> None:
    table, shapes = press.measure_month(MONTH), press.source.read_shapes()
    words = {"title": "T社区居民诉求图", "source": "数据到2026-10-31"}
    metric = Metric("shown_rate", "每千户诉求", "件", 1)
    spots = press.source.read("out_hotspots")
    pdf, png = draw_wall_map(press.ground, table, metric, fonts, words, spots, shapes)
    page = pdfium.PdfDocument(pdf)
    assert [round(side / MM) for side in page[0].get_size()] == [420, 297]
    said = re.sub(r"\s", "", page[0].get_textpage().get_text_bounded())
    for told in (
        "T社区居民诉求图",
        "北",
        "米",
        "每千户诉求（件）",
        "投诉热点",
        "Q小区",
        "数据到2026-10-31",
    ):
        assert told in said
    page.close()
    image = Image.open(io.BytesIO(png)).convert("RGB").resize((600, 424))
    assert all(max(rgb) - min(rgb) <= 2 for _, rgb in image.getcolors(1 << 20) or [])


# -- the trace, and what was issued ----------------------------------------------------------


def test_the_trace_lists_figures_and_their_rows(courtyard: Briefing, store: Store) -> None:
    chosen = [courtyard.figures[name] for name in ("complaints.now", "window.rate")]
    content = write_trace([trace_figure(figure, store.query, most=50) for figure in chosen])
    assert content == write_trace([trace_figure(figure, store.query, most=50) for figure in chosen])
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["数字", "来自哪些行"]
    figures = list(book["数字"].iter_rows(values_only=True))
    assert figures[1][:5] == (1, "complaints.now", "受理诉求（2026年10月）", 21, "件")
    assert figures[1][7] == 21
    rows = list(book["来自哪些行"].iter_rows(min_row=2, values_only=True))
    assert [r[0] for r in rows].count("complaints.now") == 21
    assert rows[-1][2] == "另有 174 行，用“查询”一栏的 SELECT 可以全部列出"


def test_a_formula_of_a_sheet_is_text_in_the_trace(courtyard: Briefing) -> None:
    figure = replace(courtyard.figures["complaints.now"], label="=1+1", rows="")
    content = write_trace([trace_figure(figure, lambda _sql: ([], []))])
    cell = load_workbook(io.BytesIO(content))["数字"]["C2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


@pytest.fixture
def desk(press: Press, tmp_path: Path) -> Press:
    """A press with a record of its own, which shares what the other has read."""
    own = Press(replace(press.source, folder=tmp_path))
    own.ground, own.fonts, own.compounds = press.ground, press.fonts, press.compounds
    return own


def test_a_month_issued_again_is_the_same_byte_for_byte(desk: Press) -> None:
    scope = desk.scope(MONTH, Q)
    first = desk.issue(scope, "第一句。", "张三", forms=[BULLETIN])
    again = desk.issue(scope, who="李四", forms=[BULLETIN])
    assert (first.is_new, again.is_new) == (True, False)
    assert again.papers == first.papers
    assert again.issue == first.issue
    assert (first.issue.number, first.issue.snapshot, first.issue.who) == ("2026年第1期", 3, "张三")
    assert sorted(first.papers) == [
        "Q小区2026年10月治理情况.trace.xlsx", "Q小区2026年10月治理情况（简报）.docx",
        "Q小区2026年10月治理情况（简报）.pdf",
    ]  # fmt: skip
    # To take remarks out is a change of the wording like any other.
    assert desk.issue(scope, "", forms=[]).differs == ["文字有改动，数字没有变"]
    assert desk.issue(desk.scope(date(2026, 9, 1), Q), forms=[]).issue.number == "2026年第2期"


def test_a_correction_is_a_new_issue_that_says_what_changed(desk: Press, press: Press) -> None:
    scope = desk.scope(MONTH, Q)
    first = desk.issue(scope, forms=[])
    assert not desk.issue(scope, correct=True, forms=[]).is_new  # nothing to correct
    matters = press.source.read("out_matters")

    def read(name: str) -> pd.DataFrame:
        return matters.assign(is_over=False) if name == "out_matters" else press.source.read(name)

    later = Press(replace(desk.source, read=read))
    later.ground, later.fonts, later.compounds = press.ground, press.fonts, press.compounds
    unchanged = later.issue(scope, forms=[])
    assert unchanged.issue == first.issue
    assert "“二级（分组商议）超过期限”由1个改为0个" in unchanged.differs
    second = later.issue(scope, correct=True, forms=[OFFICIAL])
    assert second.is_new
    assert second.issue.number == "2026年第1期（更正1）"
    assert second.issue.changes == unchanged.differs
    name = "Q小区2026年10月治理情况（公文）（更正1）.docx"
    said = [p.text for p in open_docx(second.papers[name]).paragraphs]
    start = said.index("一、更正说明")
    assert said[start + 1] == "本期更正2026年第1期，以本期为准。"
    assert "（1）“二级（分组商议）超过期限”由1个改为0个。" in said
    assert later.issues.read_papers(first.issue) == first.papers  # what went out stays


def test_what_was_issued_cannot_be_changed_or_taken_away(desk: Press) -> None:
    import sqlite3

    issue = desk.issue(desk.scope(MONTH, Q), forms=[]).issue
    with sqlite3.connect(desk.source.folder / "briefings.sqlite") as file:
        for statement in (
            "DELETE FROM issues",
            "UPDATE papers SET sha256 = ''",
            "DELETE FROM figures",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="issued"):
                file.execute(statement)
        file.execute("DROP TRIGGER papers_stay_as_written")
        file.execute("UPDATE papers SET content = x'00'")
    file.close()
    with pytest.raises(ShequError, match="与印发时的指纹不符"):
        desk.issues.read_papers(issue)


def test_a_form_is_found_by_its_sign_not_by_the_title() -> None:
    papers = {
        "甲社区2026年10月治理情况简报（公文）.pdf": b"o",
        "甲社区2026年10月治理情况简报（简报）（更正1）.pdf": b"b",
    }
    assert find_paper(papers, BULLETIN, "pdf") == b"b"
    assert find_paper(papers, OFFICIAL, "pdf") == b"o"
    assert find_paper(papers, OFFICIAL, "docx") is None


def test_a_broken_record_is_said_in_a_sentence(tmp_path: Path, press: Press) -> None:
    (tmp_path / "briefings.sqlite").write_bytes(b"not a database" * 100)
    broken = Press(replace(press.source, folder=tmp_path))
    with pytest.raises(ShequError, match=r"印发记录“briefings\.sqlite”读写不了"):
        broken.issues.everything()


def test_a_file_that_is_open_elsewhere_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.docx").mkdir()
    with pytest.raises(FileError, match=r"a\.docx|写不到"):
        write_files({"a.docx": b"x"}, tmp_path)
    assert [p.name for p in write_files({"b.docx": b"x"}, tmp_path / "new")] == ["b.docx"]


def test_marks_number_what_is_cited(press: Press) -> None:
    content = replace(make_content(f"有{cite('a', '3')}件"), blocks=(
        Heading("节"), Paragraph(f"有{cite('a', '3')}件，又{cite('b', '4')}件"),
    ))  # fmt: skip
    papers = write_docx(content, {}, BULLETIN, {"a": 1, "b": 2})
    assert "有3[1]件，又4[2]件" in [p.text for p in open_docx(papers).paragraphs]
    assert number_figures({"a": None, "b": None}) == {"a": 1, "b": 2}  # type: ignore[dict-item]

"""Papers besides the briefing: card, notice, maps, annex, offline page; an office's own template."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pandas as pd
import pypdfium2 as pdfium
import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook
from PIL import Image

from dashboard.briefing.extras import (
    EXTRAS,
    METRICS,
    write_book,
    write_card,
    write_maps,
    write_notice,
    write_wall,
    write_web,
)
from dashboard.briefing.issuing import Press, clean_name
from dashboard.briefing.template import PLACEHOLDER, fill_template, replace_words
from dashboard.briefing.web import write_html
from etl.briefing.compose import Briefing
from etl.briefing.model import read_blocks, read_text
from etl.briefing.sheets import compose_card
from etl.briefing.trace import agrees, recompute
from etl.errors import FileError, ShequError, UsageError
from etl.store import Store
from tests.briefing.conftest import MONTH, Q


def text_of(content: bytes) -> str:
    paper = Document(io.BytesIO(content))
    cells = [c.text for table in paper.tables for row in table.rows for c in row.cells]
    return "\n".join([*(p.text for p in paper.paragraphs), *cells])


# -- sheets ----------------------------------------------------------------------------------


def test_the_card_is_one_sheet_about_one_compound(press: Press) -> None:
    papers = write_card(press, press.scope(MONTH, Q))
    assert list(papers) == ["Q小区档案.docx", "Q小区档案.pdf"]
    said = text_of(papers["Q小区档案.docx"])
    for told in (
        "412户",
        "老旧",
        "名存实亡",
        "缺口",
        "Q小区荷塘管护队、Q小区麻友会",
        "投诉率是全社区的 2.8 倍",
    ):
        assert told in said
    pdf = pdfium.PdfDocument(papers["Q小区档案.pdf"])
    assert len(pdf) <= 2
    pdf.close()
    with pytest.raises(UsageError, match="要写明是哪个小区"):
        write_card(press, press.scope(MONTH))


def test_the_figures_of_a_card_are_found_again(press: Press, store: Store) -> None:
    from dashboard.briefing.extras import read_facts
    from dashboard.briefing.phrases import speak_chinese

    with speak_chinese():
        card = compose_card(read_facts(press, press.scope(MONTH, Q)))
    wrong = [f.figure_id for f in card.figures.values() if not agrees(f, recompute(f, store.query))]
    assert wrong == []
    assert card.figures["register.households"].value == 412


def with_few(press: Press) -> Press:
    """The same with three complaints of one compound in the whole window."""

    def read(name: str) -> pd.DataFrame:
        table = press.source.read(name)
        if name == "out_months":
            own = table["compound_id"] == "T13"
            kept = table[own].sort_values("month").tail(3).assign(complaint_count=1)
            return pd.concat([table[~own], kept])
        return table

    few = Press(replace(press.source, read=read))
    few.ground, few.fonts = press.ground, press.fonts
    return few


def test_the_notice_hides_small_counts_and_says_so(press: Press) -> None:
    papers = write_notice(with_few(press), press.scope(MONTH))
    paper = Document(io.BytesIO(papers["T社区居民公示2026-10.docx"]))
    rows = {row.cells[0].text: [c.text for c in row.cells[1:]] for row in paper.tables[0].rows}
    assert rows["供销社家属院"] == ["—", "—"]
    hidden = [name for name, told in rows.items() if told[0] == "—"]
    assert len(hidden) >= 2  # another is hidden beside it, or the sum would tell
    assert "不公布：少于5件" in "\n".join(p.text for p in paper.paragraphs)


def test_the_notice_names_what_was_decided_and_no_complainant(press: Press) -> None:
    said = text_of(write_notice(press, press.scope(MONTH))["T社区居民公示2026-10.docx"])
    assert "农机站宿舍屋面补漏" in said
    assert "224" in said
    assert "以下是2025-11至2026-10各小区的诉求" in said


# -- maps, annex, page -----------------------------------------------------------------------


def test_the_maps_of_a_compound_come_in_one_batch(press: Press) -> None:
    (name, held), *rest = write_maps(press, press.scope(MONTH, Q)).items()
    assert (name, rest) == ("2026年10月各小区地图.zip", [])
    package = zipfile.ZipFile(io.BytesIO(held))
    assert len(package.namelist()) == len(METRICS)
    assert "超期率 Q小区.png" in package.namelist()
    for drawn in package.namelist():
        assert Image.open(io.BytesIO(package.read(drawn))).width > 1000


def test_the_wall_map_comes_as_pdf_and_png(press: Press) -> None:
    papers = write_wall(press, press.scope(MONTH))
    assert [name.rsplit(".", 1)[1] for name in papers] == ["pdf", "png"]
    assert papers == write_wall(press, press.scope(MONTH))


def test_the_annex_has_plain_rows_for_pivot_tables(press: Press) -> None:
    (held,) = write_book(press, press.scope(MONTH)).values()
    book = load_workbook(io.BytesIO(held))
    assert book.sheetnames[:2] == ["小区逐月投诉", "小区一览"]
    rows = list(book["小区逐月投诉"].iter_rows(values_only=True))
    assert rows[0][:5] == ("小区", "月份", "小区编号", "诉求类别", "投诉件数（件）")
    october = [r for r in rows[1:] if r[1].strftime("%Y-%m") == "2026-10"]
    assert sum(r[4] for r in october) == 242
    assert {r[0] for r in october if r[2] == Q} == {"Q小区"}
    kinds = {r[2] for r in book["组织覆盖判定"].iter_rows(min_row=2, values_only=True)}
    assert "物业" in kinds
    for sheet in book:
        assert not sheet.merged_cells.ranges
        cells = [c for row in sheet.iter_rows(min_row=2) for c in row]
        assert not [c for c in cells if c.data_type == "f"]


def test_the_page_opens_without_anything_from_outside(press: Press) -> None:
    (held,) = write_web(press, press.scope(MONTH, Q)).values()
    page = held.decode()
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    assert "data:image/png;base64," in page
    assert '<sup><a href="#f1">[1]</a></sup>' in page
    assert '<tr id="f1">' in page
    assert "Q小区2026年10月治理情况" in page


def test_markup_of_a_sheet_is_text_in_the_page(
    compose_changed: Callable[..., Briefing],
) -> None:
    briefing = compose_changed(
        out_matters=lambda t: t.assign(title="<img src=x onerror=alert(1)>"),
    )
    page = write_html(briefing.content, {}).decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_names_of_files_are_fit_for_every_system() -> None:
    assert clean_name('甲/乙:丙?"x".') == "甲乙丙x"
    assert len(clean_name("长" * 100)) == 40
    assert set(EXTRAS) == {"card", "wall", "maps", "book", "web", "notice"}


# -- an office's own template ----------------------------------------------------------------


def make_template(path: Path, *lines: str) -> Path:
    document = Document()
    for line in lines:
        document.add_paragraph(line)
    document.save(path)
    return path


def test_a_template_is_filled_in_its_own_look(
    tmp_path: Path, community: Briefing, press: Press
) -> None:
    path = make_template(
        tmp_path / "模板.docx", "{{标题}}（{{ 月份 }}）", "共 {{complaints.now}} 件", "{{热点}}"
    )
    document = Document(path)
    split = document.add_paragraph()
    for piece in ("期号：{{期", "号}}，", "完"):
        split.add_run(piece).bold = piece.startswith("期")
    table = document.add_table(rows=1, cols=1)
    table.rows[0].cells[0].text = "单位：{{编印单位}}"
    document.sections[0].footer.paragraphs[0].text = "{{日期}}"
    document.add_paragraph("{{主要指标}}")
    document.save(path)
    told = replace(community, content=replace(community.content, number="第9期"))
    held = fill_template(path, told, {})
    assert held == fill_template(path, told, {})
    filled = Document(io.BytesIO(held))
    lines = [p.text for p in filled.paragraphs]
    assert lines[:2] == ["T社区2026年10月治理情况简报（2026年10月）", "共 242 件"]
    assert "期号：第9期，完" in lines
    assert any(line.startswith("（1）Q小区（明显高于其他小区）") for line in lines)
    assert filled.sections[0].footer.paragraphs[0].text == "2026年10月31日"
    assert filled.tables[0].rows[0].cells[0].text in ("单位：T社区", "指标")
    assert "受理诉求" in [c.text for t in filled.tables for row in t.rows for c in row.cells]
    assert "{{" not in "\n".join(lines)


@given(
    st.lists(st.sampled_from(["{{甲}}", "{{ 乙 }}", "字", "{", "}", "a b"]), max_size=12),
    st.randoms(),
)
def test_a_placeholder_may_lie_across_runs_cut_anywhere(parts: list[str], random: Random) -> None:
    text = "".join(parts)
    paragraph = Document().add_paragraph()
    at = 0
    while at < len(text):
        step = random.randint(1, 4)
        paragraph.add_run(text[at : at + step])
        at += step
    words = {"甲": "1", "乙": ""}
    wanted = PLACEHOLDER.sub(lambda found: words.get(found[1], found[0]), text)
    if set(PLACEHOLDER.findall(text)) <= set(words):
        replace_words(paragraph, words)
        assert paragraph.text == wanted


def test_the_whole_text_can_be_put_into_a_template(tmp_path: Path, community: Briefing) -> None:
    held = fill_template(make_template(tmp_path / "a.docx", "{{正文}}"), community, {})
    said = text_of(held)
    for text in read_blocks(community.content.blocks[:6]):
        assert read_text(text) in said


def test_unknown_placeholders_are_named_with_their_place(
    tmp_path: Path, community: Briefing
) -> None:
    path = make_template(tmp_path / "模板.docx", "{{标题}}", "看{{天气}}", "在{{热点}}里")
    document = Document(path)
    document.add_table(rows=2, cols=2).rows[1].cells[0].text = "{{心情}}"
    document.save(path)
    with pytest.raises(ShequError) as caught:
        fill_template(path, community, {})
    said = str(caught.value)
    assert "模板《模板.docx》里有填不了的占位符" in said
    assert "第 2 段的“天气”不认识" in said
    assert "第 1 张表第 2 行第 1 列的“心情”不认识" in said
    assert "第 3 段的“热点”要单独成一段" in said


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0 old word", "文字".encode()]
)
def test_a_template_that_is_no_docx_is_said(
    tmp_path: Path, community: Briefing, content: bytes
) -> None:
    path = tmp_path / "模板.docx"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"不是 \.docx 文件，或已损坏"):
        fill_template(path, community, {})


def test_a_template_that_is_missing_or_open_is_said(
    tmp_path: Path, community: Briefing, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FileError, match="打不开"):
        fill_template(tmp_path / "没有.docx", community, {})

    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(FileError, match="可能正在 Word 里打开"):
        fill_template(tmp_path / "模板.docx", community, {})


def test_a_template_of_the_profile_goes_out_with_the_issue(tmp_path: Path, press: Press) -> None:
    path = make_template(tmp_path / "模板.docx", "{{标题}}，{{期号}}")
    profile = replace(
        press.source.profile, briefing={**press.source.profile.briefing, "template": str(path)}
    )
    own = Press(replace(press.source, profile=profile, folder=tmp_path))
    own.ground, own.fonts = press.ground, press.fonts
    issued = own.issue(own.scope(MONTH, Q), forms=["bulletin"])
    name = "Q小区2026年10月治理情况（本单位模板）.docx"
    paper = Document(io.BytesIO(issued.papers[name]))
    assert paper.paragraphs[0].text == "Q小区2026年10月治理情况，2026年第1期"

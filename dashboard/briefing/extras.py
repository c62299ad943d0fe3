"""Papers besides the briefing, from the same parts: card, wall map, maps, annex, page, notice."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

from dashboard.briefing.annex import write_annex_book
from dashboard.briefing.issuing import Press, Progress, be_silent, clean_name
from dashboard.briefing.maps import Metric, draw_paper_map, draw_wall_map
from dashboard.briefing.phrases import PagePhrases, speak_chinese
from dashboard.briefing.pinned import EPOCH
from dashboard.briefing.web import write_html
from dashboard.briefing.word import BULLETIN
from dashboard.words import look_up
from etl.briefing.book import Scope
from etl.briefing.compose import LONG, MAP_MM, number_figures
from etl.briefing.facts import Facts, write_month
from etl.briefing.sheets import CARD_MAP_MM, compose_card, compose_notice
from etl.errors import UsageError

# What maps can show: a column of the compounds, decimals, and the word of its unit.
METRICS: dict[str, tuple[str, int, str]] = {
    "rate": ("shown_rate", 1, "unit.complaints"),
    "count": ("shown_count", 0, "unit.complaints"),
    "late": ("late_pct", 0, "brief.unit.share"),
    "gaps": ("gap_count", 0, "unit.kinds"),
    "core": ("core_per_100h", 1, "unit.people"),
    "taking_part": ("participants_per_100h", 0, "unit.people"),
    "needs": ("open_needs_per_1000h", 1, "brief.unit.needs"),
}
MAP_WIDE_MM = 160


def read_facts(press: Press, scope: Scope) -> Facts:
    """What the sheets of a scope are written from."""
    return Facts(scope, press.source.profile, press.source.read, PagePhrases())


def write_card(press: Press, scope: Scope, _progress: Progress = be_silent) -> dict[str, bytes]:
    """The card of a compound as DOCX and PDF.

    Raises
    ------
    UsageError
        The scope is the whole community.
    """
    if not scope.compound_id:
        raise UsageError(look_up("brief.card_of_compound", "zh"))
    with speak_chinese():
        card = compose_card(read_facts(press, scope))
    name = clean_name(card.content.title)
    papers = press.write(card, BULLETIN, press.draw(scope, CARD_MAP_MM))
    return {f"{name}.{ending}": held for ending, held in papers.items()}


def write_notice(press: Press, scope: Scope, _progress: Progress = be_silent) -> dict[str, bytes]:
    """The notice for residents, small counts hidden, as DOCX and PDF."""
    with speak_chinese():
        notice = compose_notice(read_facts(press, press.scope(scope.month)))
    name = clean_name(notice.content.title)
    papers = press.write(notice, BULLETIN, {})
    return {f"{name}{scope.month:%Y-%m}.{ending}": held for ending, held in papers.items()}


def make_metric(name: str) -> Metric:
    """A metric of the maps by its name."""
    column, digits, unit = METRICS[name]
    return Metric(column, look_up(f"brief.metric.{name}", "zh"), look_up(unit, "zh"), digits)


def write_wall(press: Press, scope: Scope, _progress: Progress = be_silent) -> dict[str, bytes]:
    """The A3 map for the wall as PDF and PNG."""
    source = press.source
    month = write_month(scope.month)
    title = look_up("brief.wall.title", "zh", name=source.profile.name, month=month)
    until = read_facts(press, scope).known_until
    told = look_up("brief.wall.source", "zh", day=until, snapshot=source.snapshot)
    shapes = source.read_shapes()
    pdf, png = draw_wall_map(
        press.ground, press.measure_month(scope.month), make_metric("rate"), press.fonts,
        {"title": title, "source": told}, source.read("out_hotspots"), shapes,
    )  # fmt: skip
    name = clean_name(title)
    return {f"{name}.pdf": pdf, f"{name}.png": png}


def write_maps(press: Press, scope: Scope, progress: Progress = be_silent) -> dict[str, bytes]:
    """Maps as PNG in one batch: every metric, of the community and with each compound set off."""
    table = press.measure_month(scope.month)
    places = [scope.compound_id] if scope.compound_id else ["", *press.list_compounds()]
    held: dict[str, bytes] = {}
    for at, name in enumerate(METRICS):
        metric = make_metric(name)
        if table[metric.column].isna().all():
            continue
        progress(at / len(METRICS), metric.label)
        for own in places:
            place = press.compounds["name"].get(own, press.source.profile.name)
            drawn = draw_paper_map(press.ground, table, metric, press.fonts, MAP_WIDE_MM, own)
            held[f"{metric.label} {clean_name(str(place))}.png"] = drawn
    progress(1.0, "")
    title = look_up("brief.maps.title", "zh", month=write_month(scope.month))
    return {f"{clean_name(title)}.zip": pack(held)}


def pack(files: dict[str, bytes]) -> bytes:
    """Files in one, the same bytes for the same files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as package:
        for name, content in files.items():
            package.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return held.getvalue()


def write_book(press: Press, scope: Scope, _progress: Progress = be_silent) -> dict[str, bytes]:
    """The rows behind everything for pivot tables, as XLSX."""
    title = look_up(
        "brief.book.title", "zh", name=press.source.profile.name, month=write_month(scope.month)
    )
    return {f"{clean_name(title)}.xlsx": write_annex_book(press.source.read, scope.month)}


def write_web(press: Press, scope: Scope, _progress: Progress = be_silent) -> dict[str, bytes]:
    """The long form as one HTML file that opens offline."""
    briefing = press.compose(scope)
    pictures = press.draw(scope, MAP_MM[LONG])
    with speak_chinese():
        held = write_html(briefing.content, pictures, number_figures(briefing.figures))
    return {f"{clean_name(briefing.content.title)}.html": held}


Write = Callable[..., dict[str, bytes]]
EXTRAS: dict[str, Write] = {
    "card": write_card, "wall": write_wall, "maps": write_maps, "book": write_book,
    "web": write_web, "notice": write_notice,
}  # fmt: skip

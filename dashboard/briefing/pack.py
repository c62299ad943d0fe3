"""The pack for a five-party meeting (五方会议材料): one matter with all that is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from dashboard.briefing.evidence import (
    Evidence,
    gather_evidence,
    list_decisions,
    list_duties,
    list_needs,
    tell_complaints,
    tell_place,
)
from dashboard.briefing.paper import Paper
from dashboard.briefing.place import draw_place, select_cells
from dashboard.load import read_list
from dashboard.talks import (
    Talks,
    list_timeline,
    name_level,
    tell_limit,
    tell_promise_line,
    tell_route,
    tell_vote,
    write_day,
)
from dashboard.words import name_value, say

# High enough to write in by hand.
WRITING_MM = 14
MAP_MM = 110


@dataclass(frozen=True)
class Ground:
    """What maps are drawn from: outlines, and complaints by small cells."""

    shapes: gpd.GeoDataFrame
    cells: pd.DataFrame


def write_pack(talks: Talks, matter_ids: list[str], ground: Ground | None = None) -> bytes:
    """Matters for one meeting as DOCX, each with its evidence and room for what is decided.

    With a `ground` each has a small map.
    """
    paper = Paper(say("pack.title"), say("pack.subtitle", day=write_day(talks.today)))
    if not matter_ids:
        paper.paragraph(say("pack.none"))
    for number, matter_id in enumerate(matter_ids):
        if number:
            paper.page_break()
        _write_matter(paper, talks, gather_evidence(talks, matter_id), ground)
    paper.note(say("paper.as_of", day=write_day(talks.today)))
    return paper.save()


def _write_matter(paper: Paper, talks: Talks, evidence: Evidence, ground: Ground | None) -> None:
    row = evidence.row
    paper.heading(talks.name_matter(row))
    paper.table(
        [say(f"pack.{head}") for head in ("category", "urgency", "level", "status", "raised")],
        [[
            name_value("category", row.category, say("none")),
            name_value("urgency", row.urgency, say("none")), name_level(row.level_now),
            name_value("matter", row.status, say("none")), write_day(row.raised_on),
        ]],
    )  # fmt: skip
    paper.heading(say("pack.why"), 2)
    paper.items([tell_limit(row), *tell_route(row, talks.profile)])
    paper.heading(say("pack.evidence"), 2)
    paper.items([tell_place(evidence), *tell_complaints(evidence)])
    _write_map(paper, evidence, ground)
    _write_lines(paper, say("pack.needs"), list_needs(evidence))
    _write_lines(paper, say("pack.decisions"), list_decisions(evidence))
    _write_promises(paper, talks, row.matter_id)
    duties = list_duties(evidence)
    if duties:
        paper.heading(say("pack.duties"), 2)
        heads = [say("handbook.party"), say("handbook.role"), say("handbook.duty")]
        paper.table(heads, duties, (4, 3, 18))
    vote = tell_vote(row)
    if vote:
        paper.heading(say("pack.vote"), 2)
        paper.items(vote)
    paper.heading(say("pack.timeline"), 2)
    paper.table([say("pack.day"), say("pack.what")], list_timeline(talks, row.matter_id), (4, 18))
    _leave_room(paper, row)


def _write_map(paper: Paper, evidence: Evidence, ground: Ground | None) -> None:
    """Where the compound lies, and complaints of the category, as far as they can be placed."""
    if ground is None or not isinstance(evidence.row.compound_id, str):
        return
    cells = select_cells(ground.cells, evidence.row, evidence.compound)
    drawn = draw_place(ground.shapes, cells, evidence.row.compound_id)
    if drawn is not None:
        category = name_value("category", evidence.row.category, say("none"))
        count = int(cells["complaint_count"].sum())
        paper.picture(drawn, say("pack.map", category=category, count=count), MAP_MM)


def _write_lines(paper: Paper, head: str, lines: list[str]) -> None:
    paper.heading(head, 2)
    if lines:
        paper.items(lines)
    else:
        paper.paragraph(say("pack.nothing"))


def _write_promises(paper: Paper, talks: Talks, matter_id: str) -> None:
    own = talks.promises[talks.promises["matter_id"] == matter_id]
    lines = [tell_promise_line(row) for row in own.itertuples()]
    _write_lines(paper, say("pack.promises"), lines)


def _leave_room(paper: Paper, row: object) -> None:
    """A table to be filled in at the meeting: who promises what until when."""
    paper.heading(say("pack.decide"), 2)
    parties = [name_value("party", p) for p in read_list(row.parties)]  # type: ignore[attr-defined]
    heads = [say("handbook.party"), say("pack.does"), say("pack.until"), say("pack.signs")]
    paper.table(heads, [[party, "", "", ""] for party in parties], (4, 12, 5, 4), WRITING_MM)

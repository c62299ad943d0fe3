"""The handbook of responsibilities (主体职责手册): who leads, supports and supervises in what."""

from __future__ import annotations

from dashboard.briefing.paper import Paper
from dashboard.talks import Talks, list_gaps, name_parties, write_day
from dashboard.words import known, name_value, say


def write_handbook(talks: Talks) -> bytes:
    """The handbook as DOCX: an overview with its gaps, then the duties of each party."""
    paper = Paper(say("handbook.title"), talks.profile.name)
    if talks.handbook.empty:
        paper.paragraph(say("handbook.none"))
        return paper.save()
    paper.heading(say("handbook.overview"))
    roles = ("leads", "supports", "supervisors")
    paper.table(
        [say("handbook.category"), *(say(f"handbook.{role}") for role in roles)],
        [
            [name_value("category", row.category), *(name_parties(getattr(row, r)) for r in roles)]
            for row in talks.handbook.itertuples()
        ],
        (5, 6, 10, 5),
    )
    paper.heading(say("handbook.gaps"))
    gaps = list_gaps(talks.handbook)
    if gaps:
        paper.items(gaps)
    else:
        paper.paragraph(say("handbook.no_gaps"))
    paper.heading(say("handbook.by_party"))
    for party, duties in talks.duties.groupby("party", sort=True):
        paper.heading(name_value("party", party), 2)
        paper.table(
            [say("handbook.category"), say("handbook.role"), say("handbook.duty")],
            [
                [name_value("category", duty.category), name_value("role", duty.role),
                 known(duty.duty)]
                for duty in duties.itertuples()
            ],
            (5, 3, 18),
        )  # fmt: skip
    if talks.today is not None:
        paper.note(say("paper.as_of", day=write_day(talks.today)))
    return paper.save()

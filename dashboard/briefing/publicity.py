"""The publicity list (公示): what was decided and promised, to be hung up and read by residents."""

from __future__ import annotations

import pandas as pd

from dashboard.briefing.paper import Paper
from dashboard.talks import Talks, tell_limit, tell_promise, write_day
from dashboard.words import known, name_value, say


def write_publicity(talks: Talks, since: pd.Timestamp) -> bytes:
    """Decisions since a day and promises that are not old news, as DOCX."""
    paper = Paper(say("publicity.title"), talks.profile.name)
    paper.paragraph(say("publicity.lead", since=write_day(since), until=write_day(talks.today)))
    paper.heading(say("publicity.decisions"))
    decided = list_decided(talks, since)
    if decided.empty:
        paper.paragraph(say("publicity.no_decisions"))
    else:
        heads = ("place", "matter", "decision", "decided", "progress")
        paper.table(
            [say(f"publicity.{head}") for head in heads],
            [
                [talks.place(row.compound_id), row.title, known(row.decision, say("none")),
                 write_day(row.decided_on), tell_limit(row)]
                for row in decided.itertuples()
            ],
            (4, 6, 8, 4, 6),
        )  # fmt: skip
    paper.heading(say("publicity.promises"))
    promises = talks.promises[talks.promises["is_news"].fillna(False).astype(bool)]
    if promises.empty:
        paper.paragraph(say("publicity.no_promises"))
    else:
        heads = ("place", "party", "promise", "due", "kept")
        paper.table(
            [say(f"publicity.{head}") for head in heads],
            [
                [talks.place(row.compound_id), name_value("party", row.party, say("none")),
                 row.promise, write_day(row.due_on), tell_promise(row)]
                for row in promises.sort_values(["due_on", "meeting_id"]).itertuples()
            ],
            (4, 3, 8, 4, 6),
        )  # fmt: skip
    paper.paragraph(say("publicity.ask"))
    paper.paragraph(say("paper.signed", name=talks.profile.name))
    return paper.save()


def list_decided(talks: Talks, since: pd.Timestamp) -> pd.DataFrame:
    """Matters decided or closed since a day, with what was decided; the newest first."""
    said = talks.stated[["matter_id", "decision"]]
    table = talks.matters.merge(said, on="matter_id", how="left")
    is_new = (table["decided_on"] >= since) | (table["closed_on"] >= since)
    return table[is_new].sort_values(["decided_on", "matter_id"], ascending=[False, True])

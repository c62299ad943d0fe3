"""Property companies and owners' committees: what came of complaints, meetings and promises."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from etl.cells import fold
from etl.handling import Handling
from etl.network import split_partners
from etl.people import Span
from etl.store import Writer
from etl.tables.common import PARTIES
from etl.tables.organizations import KINDS
from etl.tables.people import OUT_SUPERVISION
from geo.coverage import ACTIVE, FORMING, NOMINAL
from geo.handling import estimate_closing, measure_share
from geo.promises import KEPT, LATE, OPEN, SLIPPED, UNKNOWN
from geo.supervision import TOO_FEW, compare_shares

# Who is supervised, and under which word the handbook and the minutes know them.
PARTY_OF = {"property_company": "物业", "owners_committee": "业委会"}
ALL, OWN = "all", "own"
SEAM = "\t"
Leading = Mapping[Hashable, list[Any]]  # party: the categories that it leads
COUNTS = {"complaint_count": "complaint_count", "judged_count": "judged_count",
          "overdue_count": "late_count", "repeat_count": "repeat_count"}  # fmt: skip
OUTCOMES = {KEPT: "kept_count", LATE: "kept_late_count", SLIPPED: "slipped_count",
            OPEN: "pending_count", UNKNOWN: "unsaid_promise_count"}  # fmt: skip
COUNTED = ["meeting_count", "attended_count", "unsaid_count", "activity_count", "asked_count",
           *OUTCOMES.values()]  # fmt: skip
TOLD_PROMISES = 20
Row = dict[Hashable, Any]


def publish_supervision(
    writer: Writer, states: pd.DataFrame, ties: pd.DataFrame, meetings: pd.DataFrame,
    handling: Handling | None, span: Span,
) -> None:  # fmt: skip
    """Write `out_supervision`: a row for each organization over all its compounds, and in each."""
    serving = _list_serving(states)
    columns = [column.name for column in OUT_SUPERVISION.columns]
    if serving.empty:
        writer.replace(OUT_SUPERVISION, pd.DataFrame(columns=columns))
        return
    leading = writer.frame("leading_parties").groupby("party")["category"].agg(list).to_dict()
    rows = _list_rows(serving, leading)
    if handling is not None:
        rows = rows.join(_measure_complaints(rows, serving, handling, leading), on="group")
        # Whole organizations are compared; of one without a complaint nothing can be said.
        is_untold = rows["verdict"].isna() & rows["compound_id"].eq("")
        rows["verdict"] = rows["verdict"].mask(is_untold, TOO_FEW)
    rows = rows.merge(_describe_bodies(serving, span), on=["organization_id", "compound_id"])
    records = Records(serving)
    records.count_meetings(meetings)
    records.count_promises(writer.frame("promises_asked", **span.window))
    records.count_activities(ties)
    rows = rows.join(records.as_frame(), on=["organization_id", "compound_id"])
    rows["compound_id"] = rows["compound_id"].replace("", None)
    writer.replace(OUT_SUPERVISION, rows.reindex(columns=columns))


def _list_serving(states: pd.DataFrame) -> pd.DataFrame:
    """Which company or committee serves which compound, once over all ('') and once in each."""
    serves = states[
        states["kind"].isin(list(PARTY_OF))
        & states["state"].isin([ACTIVE, FORMING, NOMINAL])
        & states["organization_id"].notna()
    ].rename(columns={"compound_id": "served_id", "organization_name": "name"})
    serves = serves.drop_duplicates(["organization_id", "served_id"])
    # Sheets may call one organization a company here and a committee there: it is judged as one.
    first = serves.sort_values(["organization_id", "served_id", "kind"])
    kinds = first.drop_duplicates("organization_id").set_index("organization_id")["kind"]
    serves = serves.assign(kind=serves["organization_id"].map(kinds.to_dict()))
    both = [serves.assign(compound_id=""), serves.assign(compound_id=serves["served_id"])]
    return pd.concat(both, ignore_index=True)


def _list_rows(serving: pd.DataFrame, leading: Leading) -> pd.DataFrame:
    """A row for each organization, compound ('' over all) and basis."""
    keys = serving[["organization_id", "kind", "compound_id"]].drop_duplicates()
    parts = []
    for basis in (OWN, ALL):
        lists = keys["kind"].map(lambda kind: leading.get(PARTY_OF[kind], []))
        rows = keys.assign(basis=basis, categories=lists)
        parts.append(rows[lists.map(bool)] if basis == OWN else rows)
    rows = pd.concat(parts, ignore_index=True)
    rows["group"] = _label(rows)
    listed = rows["categories"].where(rows["basis"] == OWN, rows["categories"].map(lambda _: []))
    return rows.assign(categories=[json.dumps(c, ensure_ascii=False) for c in listed])


def _label(rows: pd.DataFrame) -> pd.Series:
    return rows["organization_id"] + SEAM + rows["compound_id"] + SEAM + rows["basis"]


def _measure_complaints(
    rows: pd.DataFrame, serving: pd.DataFrame, handling: Handling, leading: Leading
) -> pd.DataFrame:
    """Complaints of the compounds served, past their deadline and until closed; by group."""
    counts, spans = (
        _spread(frame, serving, leading) for frame in (handling.counts, handling.spans)
    )
    labels = pd.Index(rows["group"])
    sums = counts.groupby("group")[list(COUNTS)].sum().reindex(labels).fillna(0).astype("int64")
    late = measure_share(sums["overdue_count"], sums["judged_count"]).add_prefix("late_")
    closing = estimate_closing(
        spans["working_days"], spans["is_closed"], spans["group"], number=spans["number"]
    )[["days", "days_low", "days_high"]].add_prefix("closing_")
    found = sums.rename(columns=COUNTS).join(late).join(closing).replace(np.inf, np.nan)
    return found.join(_compare(rows, counts))


def _spread(frame: pd.DataFrame, serving: pd.DataFrame, leading: Leading) -> pd.DataFrame:
    """The rows of complaints once for each organization and basis that they count for."""
    served = serving[["organization_id", "kind", "compound_id", "served_id"]]
    told = frame.rename(columns={"compound_id": "served_id"}).merge(served, on="served_id")
    pairs = {(kind, c) for kind, party in PARTY_OF.items() for c in leading.get(party, [])}
    is_own = [pair in pairs for pair in zip(told["kind"], told["category"], strict=True)]
    both = pd.concat(
        [told.assign(basis=ALL), told[np.array(is_own, dtype=bool)].assign(basis=OWN)],
        ignore_index=True,
    )
    return both.assign(group=_label(both) if len(both) else pd.Series(dtype=str))


def _compare(rows: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Companies among companies, committees among committees: whose share is told apart."""
    whole = counts[counts["compound_id"] == ""]
    parts = []
    for _, alike in whole.groupby(["kind", "basis"]):
        months = alike.groupby(["group", "month"])[["overdue_count", "judged_count"]].sum()
        told = months.reset_index().set_axis(["group", "month", "part", "whole"], axis=1)
        parts.append(compare_shares(told)[["p_value", "verdict"]])
    return pd.concat(parts) if parts else pd.DataFrame(columns=["p_value", "verdict"])


def _describe_bodies(serving: pd.DataFrame, span: Span) -> pd.DataFrame:
    """Name, state, last answer and the end of the term, over all and in each compound."""
    grouped = serving.groupby(["organization_id", "compound_id"])
    told = grouped.agg(
        name=("name", "first"),
        # One that works in one place and not in another is told of place by place.
        state=("state", lambda states: states.iloc[0] if states.nunique() == 1 else None),
        compound_count=("served_id", "nunique"),
        last_active_on=("last_active_on", "max"),
        term_ends_on=("term_ends_on", "min"),
    )
    days = (pd.to_datetime(told["term_ends_on"]) - span.today).dt.days
    return told.assign(term_days=days).reset_index()


class Records:
    """What else is on record of each organization, over all its compounds ('') and in each.

    The rows are few, so they are counted one by one.
    """

    def __init__(self, serving: pd.DataFrame) -> None:
        whole = serving[serving["compound_id"] == ""]
        served = whole[["organization_id", "name", "kind", "served_id"]].to_dict("records")
        self._at: dict[Hashable, list[Row]] = {}
        for row in served:
            self._at.setdefault(row["served_id"], []).append(row)
        self._ids: dict[str, Hashable] = {}
        for row in served:
            self._ids.setdefault(fold(str(row["name"])), row["organization_id"])
        keys = {(r["organization_id"], p) for r in served for p in ("", r["served_id"])}
        self._counts = {key: dict.fromkeys(COUNTED, 0) for key in keys}
        self._asked: dict[tuple[Hashable, Hashable], list[dict[str, Any]]] = {k: [] for k in keys}

    def _add(self, organization: Hashable, place: Hashable, name: str, number: int = 1) -> None:
        for key in ((organization, ""), (organization, place)):
            self._counts[key][name] += number

    def count_meetings(self, meetings: pd.DataFrame) -> None:
        """Meetings in the compounds served, at how many it was, and which do not say who was."""
        words = _words_by_kind()
        for meeting in meetings.to_dict("records"):
            there = split_partners(meeting["parties"])
            folded = {fold(part) for part in there}
            for row in self._at.get(meeting["compound_id"], []):
                place = (row["organization_id"], meeting["compound_id"])
                self._add(*place, "meeting_count")
                if not there:
                    self._add(*place, "unsaid_count")
                elif folded & words[row["kind"]] or fold(str(row["name"])) in folded:
                    self._add(*place, "attended_count")

    def count_promises(self, asked: pd.DataFrame) -> None:
        """What they were asked to do at meetings, and did."""
        for row in asked.to_dict("records"):
            told = {
                "what": row["promise"],
                "compound_id": row["compound_id"],
                "asked_on": _day(row["held_on"]),
                "due_on": _day(row["due_on"]),
                "kept_on": _day(row["kept_on"]),
                "outcome": row["outcome"],
            }
            for body in self._at.get(row["compound_id"], []):
                if PARTY_OF[str(body["kind"])] != row["party"]:
                    continue
                place = (body["organization_id"], row["compound_id"])
                self._add(*place, "asked_count")
                self._add(*place, OUTCOMES[row["outcome"]])
                for key in ((place[0], ""), place):
                    self._asked[key].append(told)

    def count_activities(self, ties: pd.DataFrame) -> None:
        """Activities that they held or helped with, where they serve."""
        for tie in ties.to_dict("records"):
            helpers = {self._ids.get(fold(part)) for part in split_partners(tie["partners"])}
            taking = helpers | {tie["organization_id"]}
            for row in self._at.get(tie["compound_id"], []):
                if row["organization_id"] in taking:
                    place = (row["organization_id"], tie["compound_id"])
                    self._add(*place, "activity_count", int(tie["activity_count"]))

    def as_frame(self) -> pd.DataFrame:
        """All of it; index organization_id, compound_id."""
        found = pd.DataFrame.from_dict(self._counts, orient="index", columns=COUNTED)
        written = [
            json.dumps(self._asked[key][:TOLD_PROMISES], ensure_ascii=False) for key in self._counts
        ]
        return found.assign(asked=written)


def _words_by_kind() -> dict[str, set[str]]:
    """How minutes write that somebody of a kind was there."""
    words: dict[str, set[str]] = {}
    for kind, party in PARTY_OF.items():
        values = [v for v in KINDS if v.code == kind] + [v for v in PARTIES if v.code == party]
        words[kind] = {fold(word) for value in values for word in value.spellings}
    return words


def _day(moment: Any) -> str | None:
    return None if pd.isna(moment) else f"{pd.Timestamp(moment):%Y-%m-%d}"

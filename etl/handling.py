"""How complaints are dealt with: time to close, overdue, backlog, repeats, for out_ tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from etl.store import Writer
from etl.tables.outputs import OUT_HANDLING
from etl.tally import Period, Tally, add_months
from geo.handling import estimate_closing, measure_share
from geo.rates import estimate_rates

BACKLOG_BEFORE_MONTHS = 3
COUNTS = ["complaint_count", "open_count", "open_overdue_count", "overdue_count", "repeat_count",
          "reopened_count"]  # fmt: skip


@dataclass(frozen=True)
class Handling:
    """What is known of the complaints of the window, before it is summed up by anything.

    `counts` has month, compound_id, category and counts, with `judged_count`: those closed on a
    known day and the open ones past their deadline. `spans` has the same labels with days,
    is_closed and number. `backlog` is what was open at the end of each month, by compound.
    """

    counts: pd.DataFrame
    spans: pd.DataFrame
    backlog: pd.DataFrame


def read_handling(writer: Writer, tally: Tally, period: Period) -> Handling:
    """Read what is needed of the window."""
    start, end = pd.Timestamp(period.start), pd.Timestamp(period.end)
    closed = writer.frame("closing_days", window_from=period.start, window_to=period.end)
    closed["month"] = pd.to_datetime(closed["month"])
    waiting = tally.waiting[tally.waiting["month"].between(start, end, inclusive="left")]
    key = ["month", "compound_id", "category"]
    spans = pd.concat(
        [
            closed.rename(columns={"closed_count": "number"}).assign(is_closed=True),
            waiting.rename(columns={"open_count": "number"}).assign(is_closed=False),
        ],
        ignore_index=True,
    )[[*key, "working_days", "number", "is_closed"]]
    counts = tally.months[tally.months["month"].between(start, end, inclusive="left")]
    dated = closed.groupby(key, dropna=False, as_index=False)["closed_count"].sum()
    counts = counts.merge(dated.rename(columns={"closed_count": "dated_count"}), on=key, how="left")
    dated_count = counts["dated_count"].fillna(0).astype("int64")
    counts = counts.assign(judged_count=dated_count + counts["open_overdue_count"])
    return Handling(counts, spans, _measure_backlog(writer, tally, period))


def _measure_backlog(writer: Writer, tally: Tally, period: Period) -> pd.DataFrame:
    """What was open at the end of each month of the window and of three before it."""
    closed = writer.frame("closing_months")
    for name in ("month", "closed_month"):
        closed[name] = pd.to_datetime(closed[name])
    key = ["compound_id", "month"]
    came = tally.months.groupby(key, dropna=False)[["complaint_count", "closed_count"]].sum()
    dated = closed.groupby(key, dropna=False)["closed_count"].sum()
    # Closed without a day: as if they had been closed in the month in which they came.
    never_open = came["closed_count"] - dated.reindex(came.index).fillna(0)
    stays = (came["complaint_count"] - never_open).reset_index(name="count")
    went = closed.rename(columns={"closed_count": "count"}).assign(count=-closed["closed_count"])
    went = went.drop(columns="month").rename(columns={"closed_month": "month"})
    moved = pd.concat([stays, went[[*key, "count"]]], ignore_index=True)
    first = add_months(period.start, -BACKLOG_BEFORE_MONTHS)
    months = pd.date_range(first, period.month, freq="MS")
    # All that moved before the first month is open or closed by its end.
    moved["month"] = moved["month"].clip(lower=months[0])
    table = moved.pivot_table(
        index="compound_id", columns="month", values="count", aggfunc="sum", dropna=False
    )
    return table.reindex(columns=months).fillna(0).cumsum(axis=1).astype("int64")


def handle_compounds(handling: Handling, period: Period, index: pd.Index) -> pd.DataFrame:
    """The columns of `out_compounds` on how complaints are dealt with; index compound_id."""
    placed = handling.counts.dropna(subset="compound_id")
    measured = _measure(placed, handling.spans, "compound_id").reindex(index)
    before = pd.Timestamp(add_months(period.month, -BACKLOG_BEFORE_MONTHS))
    known = before in handling.backlog.columns and before >= pd.Timestamp(period.first)
    backlog = handling.backlog[before].reindex(index).fillna(0) if known else None
    columns = [name for name in measured if name.startswith(("late_pct", "closing"))]
    return measured[columns].assign(backlog_before_count=backlog)


def publish_handling(
    writer: Writer, handling: Handling | None, compounds: pd.DataFrame
) -> None:
    """Write `out_handling`: all complaints of the window, and by type, category and month."""
    columns = [column.name for column in OUT_HANDLING.columns]
    if handling is None:
        writer.replace(OUT_HANDLING, pd.DataFrame(columns=columns))
        return
    types = compounds["type"].to_dict()
    counts, spans = (
        frame.assign(
            all="", type=frame["compound_id"].map(types), month=frame["month"].dt.strftime("%Y-%m")
        )
        for frame in (handling.counts, handling.spans)
    )
    households = compounds["households"].astype(float)
    homes = households.where(households > 0)
    tables = []
    for scope in ("all", "type", "category", "month"):
        measured = _measure(counts, spans, scope)
        placed = counts[counts["compound_id"].isin(homes.index[homes.notna()])]
        cases = placed.groupby(scope)["complaint_count"].sum().reindex(measured.index).fillna(0)
        base = homes.groupby(compounds["type"]).sum() if scope == "type" else homes.sum()
        base = base.reindex(measured.index) if scope == "type" else base
        rates = estimate_rates(cases, base)
        tables.append(measured.join(rates).assign(scope=scope, name=measured.index))
    whole = pd.concat(tables, ignore_index=True)
    ends = handling.backlog.sum(axis=0)
    ends.index = ends.index.strftime("%Y-%m")
    is_month = whole["scope"] == "month"
    whole["backlog_count"] = whole["name"].map(ends).where(is_month)
    writer.replace(OUT_HANDLING, whole.reindex(columns=columns))


def _measure(counts: pd.DataFrame, spans: pd.DataFrame, by: str) -> pd.DataFrame:
    """Counts, share past the deadline and time to close, of each group."""
    summed = counts.groupby(by)[[*COUNTS, "judged_count"]].sum()
    late = measure_share(summed["overdue_count"], summed["judged_count"]).add_prefix("late_")
    closing = estimate_closing(
        spans["working_days"], spans["is_closed"], spans[by], number=spans["number"]
    )[["days", "days_low", "days_high"]].add_prefix("closing_")
    # Late is whatever passed its deadline, overdue what does so and is still open.
    told = {"overdue_count": "late_count", "open_overdue_count": "overdue_count"}
    measured = summed.rename(columns=told).drop(columns="judged_count")
    return measured.join(late).join(closing.reindex(measured.index)).replace(np.inf, np.nan)

"""How complaints are dealt with: time to close, overdue, backlog, repeats, for out_ tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from etl.ddl import literal
from etl.store import Writer
from etl.tables.outputs import OUT_HANDLING
from etl.tables.records import HANDLING_PARTS
from etl.tally import Period, Tally, add_months
from geo.handling import estimate_closing, measure_share
from geo.rates import estimate_rates

BACKLOG_BEFORE_MONTHS = 3
SEAM, UNPLACED = "\t", ""
# What compounds are summed up by, besides all together; an area that is the same for all says nothing.
TYPE, AREAS = "type", ("grid", "community", "street", "district")
COUNTS = ["complaint_count", "open_count", "open_overdue_count", "overdue_count", "repeat_count",
          "reopened_count"]  # fmt: skip

NO_PARTS = pd.DataFrame(columns=[column.name for column in HANDLING_PARTS.columns])


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
    dated = closed.groupby(key, dropna=False)["closed_count"].sum().reset_index(name="dated_count")
    counts = counts.merge(dated, on=key, how="left")
    dated_count = counts["dated_count"].fillna(0).astype("int64")
    counts = counts.assign(judged_count=dated_count + counts["open_overdue_count"])
    return Handling(counts, spans, _measure_backlog(writer, tally, period))


def _measure_backlog(writer: Writer, tally: Tally, period: Period) -> pd.DataFrame:
    """What was open at the end of each month of the window and of three before it."""
    closed = writer.frame("closing_months")
    for name in ("month", "closed_month"):
        closed[name] = pd.to_datetime(closed[name])
    key = ["compound_id", "month"]
    closed["compound_id"] = closed["compound_id"].astype(object).fillna(UNPLACED)
    named = tally.months["compound_id"].astype(object).fillna(UNPLACED)
    counts = tally.months.assign(compound_id=named)
    came = counts.groupby(key)[["complaint_count", "closed_count"]].sum()
    dated = closed.groupby(key)["closed_count"].sum().reindex(came.index).fillna(0)
    # Closed without a day: as if they had been closed in the month in which they came.
    stays = came["complaint_count"] - (came["closed_count"] - dated)
    went = -closed.groupby(["compound_id", "closed_month"])["closed_count"].sum()
    moved = pd.concat([stays, went.rename_axis(key)])
    first = add_months(period.start, -BACKLOG_BEFORE_MONTHS)
    months = pd.date_range(first, period.month, freq="MS")
    table = moved.groupby(level=key).sum().unstack("month").fillna(0).cumsum(axis=1)
    # A month in which nothing moved ends as the one before it.
    every = table.columns.union(months)
    ends: pd.DataFrame = table.reindex(columns=every).ffill(axis=1)[months].fillna(0)
    return ends.astype("int64")


def measure_handling(handling: Handling, compounds: pd.DataFrame) -> pd.DataFrame:
    """Counts, share past the deadline and time to close; index (scope, name).

    Scopes are those of `out_handling`, and `compound`.
    """
    counts, spans = _stack_all(handling, _list_groups(compounds))
    return _measure(counts.groupby("group").sum(), spans)


def _stack_all(
    handling: Handling, groups: dict[str, pd.Series]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The counts and the spans of days, once for each scope."""
    return (
        _stack(handling.counts, groups, [*COUNTS, "judged_count"]),
        _stack(handling.spans, groups, ["working_days", "is_closed", "number"]),
    )


def _measure(summed: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """Shares and times to close from sums and spans by label; index (scope, name)."""
    late = measure_share(summed["overdue_count"], summed["judged_count"]).add_prefix("late_")
    closing = estimate_closing(
        spans["working_days"], spans["is_closed"], spans["group"], number=spans["number"]
    )[["days", "days_low", "days_high"]].add_prefix("closing_")
    # Late is whatever passed its deadline, overdue what does so and is still open.
    told = {"overdue_count": "late_count", "open_overdue_count": "overdue_count"}
    measured = summed.rename(columns=told).drop(columns="judged_count").join(late).join(closing)
    return measured.set_axis(_split(measured.index)).replace(np.inf, np.nan)


def _split(labels: pd.Index) -> pd.MultiIndex:
    pairs = [tuple(label.split(SEAM, 1)) for label in labels]
    return pd.MultiIndex.from_tuples(pairs, names=["scope", "name"])


def _list_groups(compounds: pd.DataFrame, is_part: bool = False) -> dict[str, pd.Series]:
    """To which group each compound belongs in each scope that sums compounds up.

    Of a part of a store nobody knows yet whether an area is the same for all.
    """
    areas = [name for name in AREAS if is_part or compounds[name].nunique() > 1]
    return {name: compounds[name] for name in (TYPE, *areas)}


def _stack(frame: pd.DataFrame, groups: dict[str, pd.Series], columns: list[str]) -> pd.DataFrame:
    """The same rows once for each scope, each under the label of its group there."""
    names = {
        "all": pd.Series("", index=frame.index),
        "compound": frame["compound_id"],
        **{scope: frame["compound_id"].map(group) for scope, group in groups.items()},
        "category": frame["category"],
        "month": frame["month"].dt.strftime("%Y-%m"),
    }
    # Where no complaint is placed, the names are a column of nothing, and its type is not text.
    parts = [
        frame[columns].assign(group=scope + SEAM + name.astype("string"))
        for scope, name in names.items()
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset="group")


def handle_compounds(
    measured: pd.DataFrame, handling: Handling, period: Period, index: pd.Index
) -> pd.DataFrame:
    """The columns of `out_compounds` on how complaints are dealt with; index compound_id."""
    columns = [name for name in measured if str(name).startswith(("late_pct", "closing"))]
    is_compound = measured.index.get_level_values("scope") == "compound"
    own = measured.loc[is_compound, columns].droplevel("scope").reindex(index)
    before = pd.Timestamp(add_months(period.month, -BACKLOG_BEFORE_MONTHS))
    known = before in handling.backlog.columns and before >= pd.Timestamp(period.first)
    backlog = handling.backlog[before].reindex(index).fillna(0) if known else None
    return own.assign(backlog_before_count=backlog)


def publish_handling(
    writer: Writer, measured: pd.DataFrame, handling: Handling, compounds: pd.DataFrame
) -> None:
    """Write `out_handling`: all complaints of the window, and by each scope but compounds."""
    shown = measured[measured.index.get_level_values("scope") != "compound"]
    scope, name = (shown.index.get_level_values(level) for level in ("scope", "name"))
    households = compounds["households"].astype(float)
    homes = households.where(households > 0)
    groups = _list_groups(compounds)
    base = pd.Series(homes.sum(), index=shown.index)
    for level, group in groups.items():
        sums = pd.Series(name.map(homes.groupby(group).sum().to_dict()), index=shown.index)
        base = base.mask(scope == level, sums)
    placed = handling.counts[handling.counts["compound_id"].isin(homes.dropna().index)]
    cases = _stack(placed, groups, ["complaint_count"])
    summed = cases.groupby("group")["complaint_count"].sum()
    known = summed.reindex(scope + SEAM + name).fillna(0).set_axis(shown.index)
    shown = shown.join(estimate_rates(known, base)).reset_index()
    ends = {f"{month:%Y-%m}": count for month, count in handling.backlog.sum(axis=0).items()}
    shown["backlog_count"] = shown["name"].map(ends).where(shown["scope"] == "month")
    writer.replace(OUT_HANDLING, shown.reindex(columns=[c.name for c in OUT_HANDLING.columns]))


# -- added up over groups -------------------------------------------------------------------------


def part_handling(handling: Handling, compounds: pd.DataFrame) -> pd.DataFrame:
    """The part of one group in `out_handling`: what can be added up, by scope and name.

    Rows with `working_days` tell of how many complaints took so long, the others are counts.
    """
    groups = _list_groups(compounds, is_part=True)
    counts, spans = _stack_all(handling, groups)
    homes = compounds["households"].astype(float)
    homes = homes.where(homes > 0).dropna()
    placed = handling.counts[handling.counts["compound_id"].isin(homes.index)]
    cases = _stack(placed, groups, ["complaint_count"]).groupby("group")["complaint_count"].sum()
    base = {f"all{SEAM}": homes.sum()}
    for scope, group in groups.items():
        sums = homes.groupby(group.reindex(homes.index)).sum()
        base |= {f"{scope}{SEAM}{name}": value for name, value in sums.items()}
    ends = handling.backlog.sum(axis=0)
    ends.index = [f"month{SEAM}{month:%Y-%m}" for month in ends.index]
    summed = (
        counts.groupby("group")
        .sum()
        .join(cases.rename("placed_count"), how="outer")
        .join(pd.Series(base, name="homes", dtype=float), how="outer")
        .join(ends.rename("backlog_count"), how="outer")
    )
    days = spans.groupby(["group", "working_days", "is_closed"])[["number"]].sum().reset_index()
    parts = pd.concat([summed.rename_axis("group").reset_index(), days], ignore_index=True)
    is_own = parts["group"].str.startswith(f"compound{SEAM}")
    parts = parts[~is_own].reset_index(drop=True)
    parts[["scope", "name"]] = parts["group"].str.split(SEAM, n=1, expand=True)
    return parts.reindex(columns=NO_PARTS.columns)


def publish_parts(writer: Writer, parts: pd.DataFrame, areas: Sequence[str], is_all: bool) -> None:
    """Put the parts of some groups in the place of theirs, and note of what they tell."""
    known = writer.rows("SELECT 1 FROM duckdb_tables() WHERE table_name = 'names_touched'")
    if not known:
        writer.execute("CREATE TEMP TABLE names_touched (scope VARCHAR, name VARCHAR)")
    told = ", ".join(map(literal, areas))
    gone = "true" if is_all and areas else f"area IN ({told})" if areas else "false"
    writer.execute(
        f"INSERT INTO names_touched SELECT scope, name FROM lake.handling_parts WHERE {gone}"
    )
    writer.replace_frame_among(HANDLING_PARTS, gone, parts)
    names = parts[["scope", "name"]].drop_duplicates()
    writer.register("names_more", pa.Table.from_pandas(names, preserve_index=False))
    writer.execute("INSERT INTO names_touched SELECT scope, name FROM names_more")


def add_up_parts(writer: Writer, register: pd.DataFrame) -> None:
    """Bring `out_handling` up to date from the parts of all groups, of the names touched."""
    parts = writer.frame("handling_parts_summed")
    same = [name for name in AREAS if register[name].nunique() <= 1]
    parts = parts[~parts["scope"].isin(same)]
    parts["group"] = parts["scope"] + SEAM + parts["name"]
    is_span = parts["working_days"].notna()
    summed = parts[~is_span].set_index("group")
    total = float(summed["homes"].get(f"all{SEAM}", 0.0))
    summed = summed[summed["complaint_count"].fillna(0) > 0]
    spans = parts[is_span & parts["group"].isin(summed.index)].astype({"is_closed": bool})
    if summed.empty:
        shown = pd.DataFrame(columns=[c.name for c in OUT_HANDLING.columns])
    else:
        measured = _measure(summed[[*COUNTS, "judged_count"]].astype("int64"), spans)
        is_area = summed["scope"].isin([TYPE, *AREAS])
        homes = summed["homes"].astype(float).where(is_area, total)
        rates = estimate_rates(summed["placed_count"].fillna(0).astype("int64"), homes)
        shown = measured.join(rates.set_axis(measured.index)).reset_index()
        is_month = shown["scope"] == "month"
        shown["backlog_count"] = summed["backlog_count"].reset_index(drop=True).where(is_month)
    gone = "(scope, name) IN (SELECT (scope, name) FROM names_touched)"
    writer.replace_frame_among(OUT_HANDLING, gone, shown)
    writer.execute("DROP TABLE names_touched")

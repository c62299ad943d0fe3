"""How a figure is worked out: its definition, the rows behind it, and the files they came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import choice, load, page
from dashboard.words import language, name_value, say
from etl.periods import Period
from etl.tables import BY_NAME

ROWS_SHOWN = 200
COLUMNS_SHOWN = 6
ORIGIN = ("file", "sheet", "row")


@dataclass(frozen=True)
class Rows:
    """The rows behind a figure: of a table of the contract, of one compound or all ('')."""

    build: load.Build
    table: str
    place: str = ""
    period: Period | None = None


def list_values() -> dict[str, Any]:
    """The settings that definitions speak of, as the profile has them."""
    profile = load.profile()
    return {
        "months": profile.rate_months,
        "repeat_days": profile.repeat_days,
        **profile.coverage,
        **profile.committee,
        **vars(profile.capital),
        **profile.needs,
    }


def offer(key: str, *names: str, rows: Rows | None = None) -> None:
    """The line under a figure that opens its definitions, by their names on the methods page.

    With `rows` it also lists what is behind the figure, each row with its file, sheet and row.
    """
    with st.popover(say("how.label"), key=f"how-{key}"):
        told = list_values()
        page.show_definitions(
            (say(f"methods.{name}.head"), say(f"methods.{name}.body", **told)) for name in names
        )
        if rows is not None and load.may_read(rows.build, f"core_{rows.table}", "files"):
            _offer_rows(key, rows)
        page.link("methods", say("how.all"))


def _offer_rows(key: str, rows: Rows) -> None:
    """The rows themselves, read only when they are asked for."""
    if not st.toggle(say("how.rows"), key=f"how-rows-{key}-{choice.current().lang}"):
        return
    found, total = read_rows(rows)
    page.show_note([say("how.count", total=total, shown=len(found))])
    if len(found):
        page.show_frame(found)


def read_rows(rows: Rows) -> tuple[pd.DataFrame, int]:
    """The newest rows behind a figure with heads in words, and how many there are in all."""
    if rows.table == "complaints":
        period = rows.period or Period(None, None)
        found = load.complaint_rows(
            rows.build, rows.place, period.category, period.first, period.last, ROWS_SHOWN
        )
        total = int(found["total"].iloc[0]) if len(found) else 0
        return _describe_complaints(found), total
    found = load.frame(rows.build, f"core_{rows.table}")
    if rows.place and "compound_id" in found:
        found = found[found["compound_id"] == rows.place]
    return _describe(found.head(ROWS_SHOWN), rows.table), len(found)


def _describe_complaints(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            say("how.col.id"): rows["complaint_id"],
            say("how.col.reported"): pd.to_datetime(rows["reported_at"]).dt.strftime("%Y-%m-%d"),
            say("how.col.category"): rows["category"].map(
                lambda name: name_value("category", name, say("none"))
            ),
            say("how.col.status"): rows["status"].fillna(say("none")),
            **_tell_origin(rows),
        }
    )


def _describe(rows: pd.DataFrame, table: str) -> pd.DataFrame:
    """The first columns of the contract that hold nothing personal, and where each row stands."""
    shown = [c for c in BY_NAME[table].columns if not c.is_personal and c.name in rows]
    heads = {c.name: c.label if language() == "zh" else c.name for c in shown[:COLUMNS_SHOWN]}
    return pd.DataFrame(
        {**{head: rows[name] for name, head in heads.items()}, **_tell_origin(rows)}
    )


def _tell_origin(rows: pd.DataFrame) -> dict[str, pd.Series]:
    heads = (say("data.file"), say("data.sheet"), say("quality.row"))
    return {head: rows[name] for head, name in zip(heads, ORIGIN, strict=True)}

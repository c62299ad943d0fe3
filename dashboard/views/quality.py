"""What is missing, doubtful or set aside, and which file built what."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import choice, explain, load, page
from dashboard.charts import chart_shares
from dashboard.load import Build
from dashboard.preview import show_issues
from dashboard.views import areas
from dashboard.words import known, name_value, say
from etl.areas import is_many


def show() -> None:
    """The page."""
    build = load.current_build()
    if build.snapshot is None:
        page.show_empty()
        return
    page.show_title(say("nav.quality"), say("quality.lead"))
    _show_totals(build)
    _show_quarantine(build)
    explain.offer("quality", "quarantine", "geocode")
    _show_cells(build)
    _show_unplaced(build)
    _show_geocodes(build)
    _show_places(build)
    _show_files(build)


def _show_totals(build: Build) -> None:
    page.show_heading(say("quality.totals"))
    heads = [say(f"quality.{name}") for name in ("name", "value", "published", "agrees")]
    rows = []
    for row in load.frame(build, "out_totals").itertuples():
        has_value, is_told = pd.notna(row.value), pd.notna(row.published) and row.published != 0
        rows.append(
            [
                name_value("total", row.name),
                f"{row.value:,.10g}" if has_value else say("none"),
                f"{row.published:,.10g}" if is_told else say("none"),
                _compare(row.value, row.published) if has_value and is_told else "",
            ]
        )
    page.show_rows(heads, rows, mark="sq-gap")


def _compare(value: float, published: float) -> str:
    """Whether two figures agree at the precision in which the published one is given."""
    digits = len(f"{published:.10g}".partition(".")[2])
    difference = round(value - published, digits)
    if difference == 0:
        return say("quality.same")
    return page.FLAG + say("quality.differs", difference=difference)


def _show_quarantine(build: Build) -> None:
    rows = load.frame(build, "quarantine")
    page.show_heading(say("quality.quarantine", count=f"{len(rows):,}"))
    if rows.empty:
        page.show_note([say("quality.no_quarantine")])
        return
    shown = pd.DataFrame(
        {
            say("data.file"): rows["file"],
            say("data.sheet"): rows["sheet"],
            say("quality.row"): rows["row"],
            say("data.problem"): rows["problem"],
            say("quality.cells"): rows["cells"],
        }
    )
    page.show_frame(shown)


def _show_cells(build: Build) -> None:
    issues = load.frame(build, "issues")
    left = issues[issues["severity"] == "warning"]
    page.show_heading(say("quality.cells_left", count=f"{len(left):,}"))
    if left.empty:
        page.show_note([say("quality.no_cells")])
        return
    show_issues(left)


def _show_unplaced(build: Build) -> None:
    months = load.frame(build, "out_months")
    lost = months[months["compound_id"].isna()]
    total = int(lost["complaint_count"].sum())
    page.show_heading(say("quality.unplaced", count=f"{total:,}"))
    if not total:
        page.show_note([say("quality.no_unplaced")])
        return
    page.show_note([say("quality.unplaced_lead")])
    sums = lost.groupby("category")["complaint_count"].sum()
    title = say("chart.categories", n=total)
    left, _ = st.columns(2)
    left.altair_chart(chart_shares(pd.Series(sums.index), sums, title, "category"))


def _show_geocodes(build: Build) -> None:
    page.show_heading(say("quality.geocodes"))
    spots = load.frame(build, "out_geocodes")
    if spots.empty:
        page.show_note([say("quality.no_geocodes")])
        return
    page.show_note([say("quality.geocodes_lead")])
    heads = [say(f"quality.{name}") for name in ("point", "near", "rows", "addresses", "share")]
    rows = [
        [
            say("map.geocode_spot", lat=spot.lat, lon=spot.lon),
            known(spot.near, say("none")),
            f"{spot.row_count:,}",
            f"{spot.address_count:,}",
            f"{spot.share:.1%}",
        ]
        for spot in spots.itertuples()
    ]
    page.show_rows(heads, rows)


def _show_places(build: Build) -> None:
    compounds = load.frame(load.look_at(build, choice.current().within), "out_compounds")
    bare = compounds[~compounds["has_boundary"].fillna(False).astype(bool)]
    page.show_heading(say("quality.no_place", count=f"{len(bare):,}"))
    if bare.empty:
        page.show_note([say("quality.all_have")])
        return
    if is_many(bare):
        areas.show_places_in_sum(build)
        return
    has_point = bare["lon"].notna()
    shown = pd.DataFrame(
        {
            say("table.name"): bare["name"],
            say("data.standing"): has_point.map(
                {True: say("quality.has_point"), False: say("quality.has_nothing")}
            ),
        }
    )
    page.show_frame(shown.sort_values(say("data.standing")))


def _show_files(build: Build) -> None:
    page.show_heading(say("quality.files"))
    files = load.frame(build, "files")
    heads = {
        "file": say("data.file"),
        "sheet": say("data.sheet"),
        "rows_read": say("data.read"),
        "rows_loaded": say("quality.loaded"),
        "rows_quarantined": say("data.quarantined"),
        "masked_count": say("quality.masked"),
        "unknown_columns": say("quality.unknown_columns"),
        "refreshed_at": say("quality.refreshed"),
        "who": say("data.by"),
        "sha256": say("quality.print"),
    }
    known = [name for name in heads if name in files]
    shown = files[known].copy()
    shown["refreshed_at"] = shown["refreshed_at"].map(page.write_time)
    page.show_frame(shown.rename(columns=heads))

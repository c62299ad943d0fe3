"""Charts: one hue, n and unit in the title, nothing that needs colour to be read."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboard.words import name_value, say

BAR = "#B9714A"
INK = "#2B2722"
GRID = "#E2D9CA"
FONT = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','Source Han Sans SC',sans-serif"


def chart_months(counts: pd.DataFrame, listed: list[pd.Timestamp]) -> alt.Chart:
    """Bars of complaints by month; a month without any is a gap of height zero, not left out."""
    sums = counts.groupby("month")["complaint_count"].sum().reindex(listed).fillna(0).astype(int)
    data = pd.DataFrame({"month": [f"{m:%Y-%m}" for m in sums.index], "count": sums.to_numpy()})
    base = alt.Chart(data).encode(
        x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=-60, labelOverlap=True)),
        y=alt.Y("count:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=4)),
        tooltip=[
            alt.Tooltip("month:O", title=say("chart.month")),
            alt.Tooltip("count:Q", title=say("chart.count"), format=","),
        ],
    )
    return _finish(base.mark_bar(color=BAR), say("chart.months", n=int(sums.sum())), 190)


def chart_shares(names: pd.Series, counts: pd.Series, title: str, what: str) -> alt.Chart:
    """Bars lying down, largest first, each with its figure."""
    told = [name_value(what, name) for name in names]
    data = pd.DataFrame({"name": told, "count": counts.astype(int).to_list()})
    data = data.sort_values("count", ascending=False, kind="stable")
    base = alt.Chart(data).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=160, ticks=False)),
        x=alt.X("count:Q", title=None, axis=None),
        tooltip=[
            alt.Tooltip("name:N", title=say(f"chart.{what}")),
            alt.Tooltip("count:Q", title=title, format=","),
        ],
    )
    bars = base.mark_bar(color=BAR, height={"band": 0.7})
    figures = base.mark_text(align="left", dx=4, color=INK, fontSize=14).encode(
        text=alt.Text("count:Q", format=",")
    )
    return _finish(bars + figures, title, 27 * max(len(data), 1) + 46)


def _finish(chart: alt.Chart | alt.LayerChart, title: str, height: int) -> alt.Chart:
    heading = alt.TitleParams(title, anchor="start", fontSize=15, fontWeight="normal", offset=8)
    return (
        chart.properties(title=heading, height=height, width="container")
        .configure(font=FONT, background="transparent")
        .configure_view(stroke=None)
        .configure_title(color=INK)
        .configure_axis(
            labelColor=INK, labelFontSize=13, gridColor=GRID, domainColor=GRID, tickColor=GRID
        )
    )

"""Charts: one hue, n and unit in the title, nothing that needs colour to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from dashboard.words import name_value, say

if TYPE_CHECKING:
    # Loading it takes a quarter of a second: that waits until a chart is drawn.
    import altair as alt

BAR = "#B9714A"
# From old to young, dark to light; white where no age is told.
AGES = {"over_60": "#8C3A22", "middle": "#CF8A5C", "under_40": "#F2D9B4", "unsaid": "#FFFFFF"}
INK = "#2B2722"
GRID = "#E2D9CA"
FONT = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','Source Han Sans SC',sans-serif"


def chart_months(counts: pd.DataFrame, listed: list[pd.Timestamp]) -> alt.Chart:
    """Bars of complaints by month; a month without any is a gap of height zero, not left out."""
    import altair as alt

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


def chart_category(
    counts: pd.DataFrame, listed: list[pd.Timestamp], category: str, highest: int
) -> alt.Chart:
    """Bars by month of one category; several such charts share one scale, up to `highest`."""
    import altair as alt

    own = counts[counts["category"] == category]
    sums = own.groupby("month")["complaint_count"].sum().reindex(listed).fillna(0).astype(int)
    data = pd.DataFrame({"month": [f"{m:%Y-%m}" for m in sums.index], "count": sums.to_numpy()})
    base = alt.Chart(data).encode(
        x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=-60, labelOverlap=True)),
        y=alt.Y(
            "count:Q", title=None, scale=alt.Scale(domain=[0, highest]),
            axis=alt.Axis(tickMinStep=1, tickCount=3),
        ),
        tooltip=[
            alt.Tooltip("month:O", title=say("chart.month")),
            alt.Tooltip("count:Q", title=say("chart.count"), format=","),
        ],
    )  # fmt: skip
    title = say("chart.category_n", name=name_value("category", category), n=int(sums.sum()))
    return _finish(base.mark_bar(color=BAR), title, 190)


def chart_participants(months: pd.DataFrame, listed: list[pd.Timestamp]) -> alt.Chart:
    """Bars of those who came to activities by month, one part for each age; a legend above.

    Parts are told apart by lightness, dark for old, so that grey print keeps them.
    """
    import altair as alt

    names = ["participant_count", "aged_count", "over_60_count", "under_40_count"]
    sums = months.groupby("month")[names].sum().reindex(listed).fillna(0).astype(int)
    parts = {
        "over_60": sums["over_60_count"],
        "middle": sums["aged_count"] - sums["over_60_count"] - sums["under_40_count"],
        "under_40": sums["under_40_count"],
        "unsaid": sums["participant_count"] - sums["aged_count"],
    }
    shown = {name: counts for name, counts in parts.items() if counts.sum()}
    data = pd.DataFrame(
        [
            {"month": f"{month:%Y-%m}", "age": say(f"chart.age.{name}"), "count": int(number),
             "place": place}
            for place, (name, counts) in enumerate(shown.items())
            for month, number in counts.items()
        ],
        columns=["month", "age", "count", "place"],
    )  # fmt: skip
    ages = [say(f"chart.age.{name}") for name in shown]
    scale = alt.Scale(domain=ages, range=[AGES[name] for name in shown])
    legend = alt.Legend(
        title=None, orient="top", labelFontSize=13, labelColor=INK, symbolStrokeWidth=0.5, offset=4,
        symbolType="square",
    )  # fmt: skip
    base = alt.Chart(data).encode(
        x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=-60, labelOverlap=True)),
        y=alt.Y("count:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=4)),
        color=alt.Color("age:N", scale=scale, legend=legend, sort=ages),
        order=alt.Order("place:Q"),
        tooltip=[
            alt.Tooltip("month:O", title=say("chart.month")),
            alt.Tooltip("age:N", title=say("chart.age_band")),
            alt.Tooltip("count:Q", title=say("chart.participants_unit"), format=","),
        ],
    )
    told = say("chart.participants", people=int(sums["participant_count"].sum()))
    return _finish(base.mark_bar(stroke=INK, strokeWidth=0.5), told, 320)


def chart_shares(names: pd.Series, counts: pd.Series, title: str, what: str) -> alt.Chart:
    """Bars lying down, largest first, each with its figure."""
    import altair as alt

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


def chart_intervals(rows: pd.DataFrame, overall: float | None, title: str) -> alt.LayerChart:
    """Shares with their intervals, a line each, the lowest on top; a dashed line for all together.

    `rows` has name, pct, pct_low, pct_high and base_count, in the order in which they are shown.
    """
    import altair as alt

    data = pd.DataFrame(
        {
            "name": [
                say("chart.name_n", name=name, n=int(n))
                for name, n in zip(rows["name"], rows["base_count"], strict=True)
            ],
            "pct": rows["pct"].astype(float).to_list(),
            "low": rows["pct_low"].astype(float).to_list(),
            "high": rows["pct_high"].astype(float).to_list(),
        }
    )
    base = alt.Chart(data).encode(
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=190, ticks=False)),
        tooltip=[
            alt.Tooltip("name:N", title=say("capital.head.name")),
            alt.Tooltip("pct:Q", title=say("chart.agree"), format=".0f"),
            alt.Tooltip("low:Q", title=say("chart.low"), format=".0f"),
            alt.Tooltip("high:Q", title=say("chart.high"), format=".0f"),
        ],
    )
    scale = alt.Scale(domain=[0, 100])
    axis = alt.Axis(title=say("chart.agree"), titleFontWeight="normal", tickCount=5)
    lines = base.mark_rule(color=BAR, strokeWidth=4, opacity=0.55).encode(
        x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q"
    )
    dots = base.mark_point(color=INK, fill=INK, size=70).encode(x=alt.X("pct:Q", scale=scale))
    layers: alt.LayerChart = lines + dots
    if overall is not None:
        mark = alt.Chart(pd.DataFrame({"pct": [overall]})).mark_rule(color=INK, strokeDash=[5, 4])
        layers = layers + mark.encode(x=alt.X("pct:Q", scale=scale))
    return _finish(layers, title, 27 * max(len(data), 1) + 70)


def chart_funnel(compounds: pd.DataFrame, title: str) -> alt.LayerChart:
    """Rates by households, between the two lines within which they lie by chance and by nature.

    `compounds` has name, households, rate, funnel_low, funnel_high and is_funnel_high.
    """
    import altair as alt

    columns = ["name", "households", "rate", "funnel_low", "funnel_high"]
    data = compounds[columns].astype(dict.fromkeys(columns[1:], float))
    data["named"] = compounds["name"].where(compounds["is_funnel_high"].astype(bool), "")
    across = alt.X(
        "households:Q", scale=alt.Scale(type="log", nice=False, padding=18),
        axis=alt.Axis(title=say("chart.households"), titleFontWeight="normal", tickCount=6),
    )  # fmt: skip
    up = alt.Axis(title=say("chart.rate"), titleFontWeight="normal", tickCount=5)
    base = alt.Chart(data.sort_values("households")).encode(
        x=across,
        tooltip=[
            alt.Tooltip("name:N", title=say("chart.compound")),
            alt.Tooltip("households:Q", title=say("chart.households"), format=",.0f"),
            alt.Tooltip("rate:Q", title=say("chart.rate"), format=".0f"),
            alt.Tooltip("funnel_low:Q", title=say("chart.low"), format=".0f"),
            alt.Tooltip("funnel_high:Q", title=say("chart.high"), format=".0f"),
        ],
    )
    area = base.mark_area(color=BAR, opacity=0.18).encode(
        y=alt.Y("funnel_low:Q", axis=up), y2="funnel_high:Q"
    )
    edges = [
        base.mark_line(color=BAR, strokeDash=[5, 4]).encode(y=alt.Y(f"{name}:Q", axis=up))
        for name in ("funnel_low", "funnel_high")
    ]
    dots = base.mark_point(color=INK, fill=INK, size=60).encode(y=alt.Y("rate:Q", axis=up))
    names = base.mark_text(color=INK, fontSize=14, dx=10, align="left").encode(
        y=alt.Y("rate:Q", axis=up), text="named:N"
    )
    layers: alt.LayerChart = area + edges[0] + edges[1] + dots + names
    return _finish(layers, title, 320)


def chart_before_after(counts: pd.DataFrame, begun: pd.Timestamp, title: str) -> alt.LayerChart:
    """Complaints by month, with a line in the month in which an action began.

    `counts` has month (start of each month, ascending) and complaint_count.
    """
    import altair as alt

    first = begun.to_period("M").to_timestamp()
    names = {name: say(f"chart.{name}") for name in ("before", "during", "after")}
    data = pd.DataFrame(
        {
            "month": [f"{m:%Y-%m}" for m in counts["month"]],
            "count": counts["complaint_count"].astype(int).to_list(),
            "when": [names[_place_month(month, first, begun)] for month in counts["month"]],
        }
    )
    base = alt.Chart(data).encode(
        x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=-60, labelOverlap=True)),
        tooltip=[
            alt.Tooltip("month:O", title=say("chart.month")),
            alt.Tooltip("count:Q", title=say("chart.count")),
            alt.Tooltip("when:N", title=" "),
        ],
    )
    colour = alt.Color(
        "when:N",
        legend=alt.Legend(
            title=None, orient="top", labelFontSize=13, symbolType="square", symbolSize=170,
            symbolStrokeWidth=0, labelColor=INK,
        ),
        scale=alt.Scale(domain=list(names.values()), range=["#D9CFBE", "#8C8578", BAR]),
    )  # fmt: skip
    bars = base.mark_bar(stroke=INK, strokeWidth=0.6).encode(
        y=alt.Y("count:Q", title=None, axis=alt.Axis(tickMinStep=1, tickCount=4)), color=colour
    )
    line = alt.Chart(pd.DataFrame({"month": [f"{begun:%Y-%m}"]})).mark_rule(
        color=INK, strokeWidth=2, strokeDash=[5, 4]
    )
    return _finish(bars + line.encode(x="month:O"), title, 280)


def _place_month(month: pd.Timestamp, first: pd.Timestamp, begun: pd.Timestamp) -> str:
    """Before or after an action, or the month in which it began half way: that is neither."""
    if month == first and begun != first:
        return "during"
    return "before" if month < first else "after"


def _finish(chart: alt.Chart | alt.LayerChart, title: str, height: int) -> alt.Chart:
    import altair as alt

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

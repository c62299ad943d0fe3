"""Maps for paper: grey with hatching and labels, so that a black-and-white printer loses nothing."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontPath, FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from dashboard.briefing.fonts import Fonts
from dashboard.words import look_up
from geo.crs import make_points, to_metric

DOTS = 200
MM = 1 / 25.4
# From few to many: darker, and more densely hatched.
GREYS = ("#ffffff", "#ececec", "#cfcfcf", "#a8a8a8")
HATCHES = ("", "////", "xxxx", "xxxxxxx")
UNKNOWN_GREY, UNKNOWN_HATCH = "#ffffff", "...."
LINE, HATCH_LINE = "#222222", "#6b6b6b"
A3_MM = (420, 297)
LONGEST_NAME = 9


@dataclass(frozen=True)
class Ground:
    """Outlines in metres, ready to be drawn: compounds by id, and what lies around them."""

    compounds: dict[str, Path]
    centres: dict[str, tuple[float, float]]
    levels: dict[str, list[Path]]
    bounds: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Metric:
    """What a map is coloured by: a column of the table of compounds, its words and its unit."""

    column: str
    label: str
    unit: str
    digits: int = 0


def read_ground(shapes: gpd.GeoDataFrame, compounds: pd.DataFrame) -> Ground:
    """Outlines of a published state (EPSG:4326); a compound without one stands as a point."""
    metric = to_metric(shapes.geometry) if len(shapes) else shapes.geometry
    levels: dict[str, list[Path]] = {}
    outlines: dict[str, Path] = {}
    centres: dict[str, tuple[float, float]] = {}
    for level, at, shape in zip(shapes["level"], shapes["compound_id"], metric, strict=True):
        path = _make_path(shape)
        if path is None:
            continue
        if level == "compound":
            outlines[str(at)] = path
            point = shape.representative_point()
            centres[str(at)] = (point.x, point.y)
        else:
            levels.setdefault(str(level), []).append(path)
    centres |= _place_points(compounds, centres, metric)
    boxes = [path.get_extents() for path in outlines.values()]
    xs = [x for box in boxes for x in (box.x0, box.x1)] + [x for x, _ in centres.values()]
    ys = [y for box in boxes for y in (box.y0, box.y1)] + [y for _, y in centres.values()]
    bounds = (min(xs), min(ys), max(xs), max(ys)) if xs else None
    return Ground(outlines, centres, levels, bounds)


def _place_points(
    compounds: pd.DataFrame, placed: dict[str, Any], metric: gpd.GeoSeries
) -> dict[str, tuple[float, float]]:
    """Where compounds lie that have a point and no outline."""
    rest = compounds[~compounds.index.isin(list(placed))].dropna(subset=["lon", "lat"])
    if rest.empty:
        return {}
    points = make_points(rest)
    flat = points.to_crs(metric.crs) if len(metric) else to_metric(points)
    return {str(at): (p.x, p.y) for at, p in zip(rest.index, flat, strict=True)}


def _make_path(shape: Any) -> Path | None:
    """The outline of an area or the course of a line; None of what is empty or a point."""
    pieces = []
    for part in getattr(shape, "geoms", [shape]):
        if part.is_empty:
            continue
        if part.geom_type == "Polygon":
            rings = [part.exterior, *part.interiors]
            pieces += [Path(np.asarray(ring.coords)[:, :2], closed=True) for ring in rings]
        elif part.geom_type == "LineString":
            pieces.append(Path(np.asarray(part.coords)[:, :2]))
    return Path.make_compound_path(*pieces) if pieces else None


class Drawing:
    """One map under construction."""

    def __init__(self, ground: Ground, fonts: Fonts, size_mm: tuple[float, float]) -> None:
        self.ground, self.fonts = ground, fonts
        self.figure = Figure(figsize=(size_mm[0] * MM, size_mm[1] * MM), dpi=DOTS)
        FigureCanvasAgg(self.figure)
        self.face = FontPath(fonts.file, fonts.face)

    def font(self, size: float) -> FontProperties:
        """The Chinese font in a size."""
        return FontProperties(fname=self.face, size=size)

    def add_axes(self, place: tuple[float, float, float, float]) -> Axes:
        """Room for the map: left, bottom, width, height as parts of the whole."""
        axes = self.figure.add_axes(place)
        axes.set_axis_off()
        axes.set_aspect("equal")
        if self.ground.bounds is not None:
            west, south, east, north = self.ground.bounds
            edge = 0.03 * max(east - west, north - south, 1.0)
            axes.set_xlim(west - edge, east + edge)
            axes.set_ylim(south - edge, north + edge)
        return axes

    def add_margin(self) -> Axes:
        """The whole sheet, for what stands beside the map."""
        axes = self.figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        return axes

    def draw_around(self, axes: Axes, wide: float) -> None:
        """Water, roads and buildings, in grey."""
        levels = self.ground.levels
        for path in levels.get("water", []):
            axes.add_patch(PathPatch(path, facecolor="#e3e3e3", edgecolor="none", zorder=0))
        roads = levels.get("road", [])
        if roads:
            drawn = PathCollection(roads, facecolors="none", edgecolors="#c4c4c4", zorder=1)
            drawn.set_linewidth(2.2 * wide)
            axes.add_collection(drawn)

    def draw_buildings(self, axes: Axes) -> None:
        """Buildings as fine outlines."""
        drawn = PathCollection(
            self.ground.levels.get("building", []),
            facecolors="none",
            edgecolors="#8a8a8a",
            zorder=4,
        )
        drawn.set_linewidth(0.3)
        axes.add_collection(drawn)

    def draw_classes(self, axes: Axes, classes: pd.Series, own: str, wide: float) -> None:
        """Every compound by its class; its own with a thick line."""
        for at, path in self.ground.compounds.items():
            kind = classes.get(at)
            known = kind is not None and not pd.isna(kind)
            thick = 3.2 * wide if at == own else 0.9 * wide
            axes.add_patch(
                PathPatch(
                    path, facecolor=GREYS[int(kind)] if known else UNKNOWN_GREY,
                    edgecolor=HATCH_LINE, hatch=HATCHES[int(kind)] if known else UNKNOWN_HATCH,
                    linewidth=0, hatch_linewidth=0.35 * wide, zorder=2,
                )
            )  # fmt: skip
            axes.add_patch(PathPatch(path, fill=False, edgecolor=LINE, linewidth=thick, zorder=5))

    def write_labels(self, axes: Axes, labels: dict[str, str], size: float) -> None:
        """A label on each compound, on a white edge so that it can be read on any hatching."""
        for at, text in labels.items():
            if at not in self.ground.centres:
                continue
            x, y = self.ground.centres[at]
            if at not in self.ground.compounds:
                axes.plot([x], [y], marker="o", markersize=size * 0.7, color=LINE, zorder=6)
            axes.text(
                x, y, self.fonts.keep_known(text), fontproperties=self.font(size), ha="center",
                va="center", linespacing=1.15, zorder=7,
                path_effects=[withStroke(linewidth=size * 0.35, foreground="white")],
            )  # fmt: skip

    def circle_hotspots(
        self, axes: Axes, spots: pd.DataFrame, crs_of: gpd.GeoSeries, wide: float
    ) -> None:
        """Circles around what a scan found."""
        found = spots.dropna(subset=["lon", "lat", "radius_m"])
        if found.empty or not len(crs_of):
            return
        points = make_points(found)
        for point, radius in zip(points.to_crs(crs_of.crs), found["radius_m"], strict=True):
            angle = np.linspace(0, 2 * np.pi, 60)
            reach = max(float(radius), 25.0)
            axes.plot(point.x + reach * np.cos(angle), point.y + reach * np.sin(angle),
                      color="black", linewidth=1.6 * wide, linestyle=(0, (4, 2)), zorder=6, clip_on=False)  # fmt: skip

    def add_legend(
        self, axes: Axes, marks: Sequence[Any], title: str, size: float, **where: Any
    ) -> None:
        """What the patterns mean."""
        legend = axes.legend(handles=marks, title=self.fonts.keep_known(title), prop=self.font(size),
                             frameon=True, edgecolor="#666666", framealpha=1.0, handlelength=2.2,
                             handleheight=1.4, borderaxespad=0.2, **where)  # fmt: skip
        legend.get_title().set_fontproperties(self.font(size))
        legend.set_zorder(9)

    def write_png(self) -> bytes:
        """The map as PNG."""
        held = io.BytesIO()
        self.figure.savefig(held, format="png", dpi=DOTS, metadata={"Software": None})
        return held.getvalue()

    def write_pdf(self) -> bytes:
        """The map as PDF, lines and letters as such; nothing in it says when it was made."""
        held = io.BytesIO()
        self.figure.savefig(
            held, format="pdf", metadata={"CreationDate": None, "Creator": None, "Producer": None}
        )
        return held.getvalue()


def class_values(values: pd.Series) -> tuple[pd.Series, list[tuple[float, float]]]:
    """Four classes with as many compounds each; unknown ones have none.

    Returns the class of each (0 to 3) and the lowest and highest value in each class.
    """
    known = pd.to_numeric(values, errors="coerce").dropna()
    if known.empty:
        return pd.Series(np.nan, index=values.index), []
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75]))
    found = pd.Series(np.searchsorted(edges, known, side="left"), index=known.index)
    order = {kind: at for at, kind in enumerate(sorted(found.unique()))}
    found = found.map(order)
    spans = [
        (float(known[found == at].min()), float(known[found == at].max()))
        for at in sorted(order.values())
    ]
    return found.reindex(values.index), spans


def write_marks(
    spans: Sequence[tuple[float, float]], metric: Metric, has_unknown: bool
) -> list[Patch]:
    """The signs of a legend."""

    def tell(low: float, high: float) -> str:
        ends = [f"{value:.{metric.digits}f}" for value in (low, high)]
        return ends[0] if ends[0] == ends[1] else "–".join(ends)

    marks = [
        Patch(facecolor=GREYS[at], edgecolor=HATCH_LINE, hatch=HATCHES[at], label=tell(*span))
        for at, span in enumerate(spans)
    ]
    if has_unknown:
        marks.append(Patch(facecolor=UNKNOWN_GREY, edgecolor=HATCH_LINE, hatch=UNKNOWN_HATCH,
                           label=look_up("brief.map.unknown", "zh")))  # fmt: skip
    return marks


def _fit_height(ground: Ground, wide_mm: float) -> float:
    if ground.bounds is None:
        return wide_mm * 0.5
    west, south, east, north = ground.bounds
    edge = 0.06 * max(east - west, north - south, 1.0)
    return min(1.2, max(0.45, (north - south + edge) / (east - west + edge))) * wide_mm


def draw_paper_map(
    ground: Ground, table: pd.DataFrame, metric: Metric, fonts: Fonts, wide_mm: float, own: str = ""
) -> bytes:
    """A map for a page, as PNG: compounds by class with name and count, one of them set off.

    `table` has an index of compound ids, `name`, `shown_count` and the metric's column.
    """
    size = max(5.0, 7.0 * wide_mm / 130)
    key_mm = 3.0 * size * 0.3528
    high = _fit_height(ground, wide_mm) + key_mm
    drawing = Drawing(ground, fonts, (wide_mm, high))
    axes = drawing.add_axes((0, key_mm / high, 1, 1 - key_mm / high))
    wide = wide_mm / 130
    classes, spans = class_values(table[metric.column])
    drawing.draw_around(axes, wide)
    drawing.draw_classes(axes, classes, own, wide)
    drawing.write_labels(axes, list_labels(drawing, axes, table, size), size)
    marks = write_marks(spans, metric, bool(classes.isna().any()))
    title = look_up("brief.map.legend", "zh", label=metric.label, unit=metric.unit)
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 0.0), "ncols": max(1, len(marks))}
    drawing.add_legend(drawing.add_margin(), marks, title, size, **place)
    return drawing.write_png()


def list_labels(drawing: Drawing, axes: Axes, table: pd.DataFrame, size: float) -> dict[str, str]:
    """Name and count of each compound, in lines as long as the compound is wide."""
    low, high = axes.get_xlim()
    room = drawing.figure.get_figwidth() * axes.get_position().width * 72
    labels = {}
    for at, row in table.iterrows():
        path = drawing.ground.compounds.get(str(at))
        wide = path.get_extents().width if path is not None else (high - low) / 8
        fits = max(2, int(wide / (high - low) * room / size))
        labels[str(at)] = _label(row, fits)
    return labels


def _wrap(text: str, each: int) -> list[str]:
    """Lines of so many characters; a number is not torn apart."""
    lines = [""]
    for piece in re.findall(r"[0-9A-Za-z]+|.", text):
        if lines[-1] and len(lines[-1]) + len(piece) > each:
            lines.append("")
        lines[-1] += piece
    return lines


def _label(row: pd.Series, fits: int) -> str:
    name = str(row["name"])
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    lines = -(-len(short) // fits)
    each = -(-len(short) // lines)
    wrapped = _wrap(short, each)
    if not pd.isna(row["shown_count"]):
        wrapped.append(f"{int(row['shown_count'])}")
    return "\n".join(wrapped)


def draw_wall_map(
    ground: Ground, table: pd.DataFrame, metric: Metric, fonts: Fonts, words: dict[str, str],
    spots: pd.DataFrame, shapes: gpd.GeoDataFrame,
) -> tuple[bytes, bytes]:  # fmt: skip
    """The A3 map for the wall as PDF and PNG: legend, north arrow, scale bar, a list of counts.

    `words` holds 'title', 'source'.
    """
    drawing = Drawing(ground, fonts, A3_MM)
    figure, axes = drawing.figure, drawing.add_axes((0.02, 0.07, 0.74, 0.82))
    axes.set_aspect("equal", adjustable="datalim")
    classes, spans = class_values(table[metric.column])
    drawing.draw_around(axes, 2.2)
    drawing.draw_classes(axes, classes, "", 2.0)
    drawing.draw_buildings(axes)
    drawing.circle_hotspots(
        axes, spots, to_metric(shapes.geometry) if len(shapes) else shapes.geometry, 1.5
    )
    drawing.write_labels(axes, list_labels(drawing, axes, table, 13), 13)
    known = fonts.keep_known
    figure.text(
        0.5, 0.95, known(words["title"]), fontproperties=drawing.font(34), ha="center", va="center"
    )
    figure.text(0.02, 0.03, known(words["source"]), fontproperties=drawing.font(12), va="center")
    _draw_north(figure, drawing)
    _draw_scale(axes, drawing)
    marks: list[Any] = [*write_marks(spans, metric, bool(classes.isna().any()))]
    if len(spots.dropna(subset=["radius_m"])):
        marks.append(Line2D([], [], color="black", linewidth=2.4, linestyle=(0, (4, 2)),
                            label=look_up("brief.map.hotspot", "zh")))  # fmt: skip
    side = figure.add_axes((0.77, 0.07, 0.21, 0.82))
    side.set_axis_off()
    title = look_up("brief.map.legend", "zh", label=metric.label, unit=metric.unit)
    drawing.add_legend(side, marks, title, 14, loc="upper left", bbox_to_anchor=(0.0, 0.88))
    for at, line in enumerate(_list_counts(table, metric)):
        side.text(0.0, 0.5 - at * 0.028, known(line), fontproperties=drawing.font(12), va="center")
    return drawing.write_pdf(), drawing.write_png()


def _list_counts(table: pd.DataFrame, metric: Metric, most: int = 18) -> Iterator[str]:
    """The compounds with their counts, the highest first; what is left out is said."""
    ranked = table.sort_values(metric.column, ascending=False, na_position="last")
    for _, row in ranked.head(most).iterrows():
        value = row[metric.column]
        told = look_up("none", "zh") if pd.isna(value) else f"{value:.{metric.digits}f}"
        count = (
            look_up("none", "zh") if pd.isna(row["shown_count"]) else f"{int(row['shown_count'])}"
        )
        yield look_up(
            "brief.map.line", "zh", name=str(row["name"])[:LONGEST_NAME], count=count, value=told
        )
    if len(ranked) > most:
        yield look_up("brief.map.more", "zh", count=len(ranked) - most)


def _draw_north(figure: Figure, drawing: Drawing) -> None:
    """Which way is north."""
    place = figure.add_axes((0.94, 0.83, 0.035, 0.09))
    place.set_axis_off()
    place.set_xlim(-1, 1)
    place.set_ylim(-1, 1.6)
    place.fill([0, 0.55, 0, -0.55], [1, -1, -0.5, -1], color="black")
    place.text(
        0,
        1.3,
        look_up("brief.map.north", "zh"),
        fontproperties=drawing.font(16),
        ha="center",
        va="center",
    )


def _draw_scale(axes: Axes, drawing: Drawing) -> None:
    """A bar of a round number of metres, black and white by halves."""
    if drawing.ground.bounds is None:
        return
    low, high = axes.get_xlim()
    length = _round_down((high - low) / 5)
    bottom, top = axes.get_ylim()
    x, y, thick = low + (high - low) * 0.02, bottom + (top - bottom) * 0.02, (top - bottom) * 0.008
    for at, colour in enumerate(("black", "white")):
        left, right = x + at * length / 2, x + (at + 1) * length / 2
        corners = [left, right, right, left], [y, y, y + thick, y + thick]
        axes.fill(*corners, facecolor=colour, edgecolor="black", zorder=9)
    for part in (0.0, 0.5, 1.0):
        axes.text(x + part * length, y + 2.2 * thick, f"{part * length:g}", fontproperties=drawing.font(12),
                  ha="center", zorder=9)  # fmt: skip
    axes.text(
        x + length * 1.08,
        y,
        look_up("brief.map.metres", "zh"),
        fontproperties=drawing.font(12),
        zorder=9,
    )


def _round_down(metres: float) -> float:
    """The next lower of 1, 2, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(max(metres, 1.0)))
    return float(max(step * power for step in (1, 2, 5) if step * power <= max(metres, 1.0)))

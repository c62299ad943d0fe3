"""The map as a picture to take away: colours and patterns, names, figures, legend, what it is."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from dashboard.map.colouring import Colouring
from dashboard.map.palette import Look

# A4 lying down at 150 dots an inch, drawn twice as large for smooth lines.
WIDTH, HEIGHT, SCALE, MARGIN = 1754, 1240, 2, 48
SIDE = 430
INK, SOFT, PAPER, ALARM = "#2B2722", "#5F574C", "#FFFFFF", "#A3161A"
GROUNDS = {"water": "#CFDFE4", "road": "#E4DCCD"}
HATCH_GAP = 11
# Fonts with Chinese, as systems name them; the first that is there is taken.
FONTS = (
    "msyh.ttc", "simhei.ttf", "simsun.ttc", "PingFang.ttc", "STHeiti Medium.ttc",
    "Hiragino Sans GB.ttc", "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf",
    "SourceHanSansSC-Regular.otf", "NotoSerifCJK-Regular.ttc", "wqy-zenhei.ttc", "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
)  # fmt: skip
FOLDERS = (
    "C:/Windows/Fonts", "/System/Library/Fonts", "/System/Library/Fonts/Supplemental",
    "/Library/Fonts", "/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts",
    "~/.local/share/fonts",
)  # fmt: skip
Point = tuple[float, float]
Project = Callable[[float, float], Point]


@cache
def find_font() -> Path | None:
    """A font with Chinese on this machine, or None."""
    for folder in FOLDERS:
        root = Path(folder).expanduser()
        if not root.is_dir():
            continue
        there = {
            path.name: path for path in root.rglob("*") if path.suffix in (".ttc", ".ttf", ".otf")
        }
        for name in FONTS:
            if name in there:
                return there[name]
    return None


def draw_picture(
    shapes: gpd.GeoDataFrame,
    table: pd.DataFrame,
    colouring: Colouring,
    flagged: Iterable[str],
    title: str,
    about: list[tuple[str, str]],
) -> bytes | None:
    """The map as PNG, 1754 × 1240; None where this machine has no font with Chinese.

    Parameters
    ----------
    shapes : GeoDataFrame[level, compound_id, geometry], EPSG:4326
    table : DataFrame[name, lon, lat], index compound_id
    flagged : ids of compounds with a red ring
    about : names and values; written on the picture and into its text fields
    """
    font = find_font()
    if font is None:
        return None
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), PAPER)
    pen = ImageDraw.Draw(image)
    write = _make_writer(pen, font)
    outlines = shapes[shapes["level"] == "compound"].set_index("compound_id").geometry
    project = _make_projection(outlines, table)
    if project:
        _draw_ground(pen, shapes, project)
        _draw_compounds(image, outlines, table, colouring, set(flagged), project)
        _write_names(write, outlines, table, colouring, project)
    write(title, (MARGIN, MARGIN - 18), 34, INK)
    _draw_legend(image, write, colouring)
    _write_about(write, about)
    info = PngImagePlugin.PngInfo()
    # The names of text fields are Latin; ours stand inside.
    info.add_itxt("Title", title)
    info.add_itxt("Description", "\n".join(f"{name}: {value}" for name, value in about))
    held = io.BytesIO()
    image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(
        held, "PNG", pnginfo=info, dpi=(150, 150), optimize=True
    )
    return held.getvalue()


Writer = Callable[..., None]


def _make_writer(pen: ImageDraw.ImageDraw, font: Path) -> Writer:
    """Writes text of a size at a place in dots of the finished picture."""

    @cache
    def load(size: int) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(str(font), size * SCALE)

    def write(
        text: str, at: Point, size: int, fill: str, anchor: str = "la", halo: int = 0,
        most: float = 0,
    ) -> None:  # fmt: skip
        lines = _wrap(text, lambda part: pen.textlength(part, load(size)) / SCALE, most)
        for number, line in enumerate(lines):
            spot = (at[0] * SCALE, (at[1] + number * size * 1.35) * SCALE)
            pen.text(spot, line, fill, load(size), anchor, stroke_width=halo * SCALE,
                     stroke_fill=PAPER)  # fmt: skip

    return write


def _wrap(text: str, measure: Callable[[str], float], most: float) -> list[str]:
    """Lines no wider than `most`; any character may end one, as in Chinese."""
    if not most or measure(text) <= most:
        return [text]
    lines, line = [], ""
    for sign in text:
        if line and measure(line + sign) > most:
            lines.append(line)
            line = ""
        line += sign
    return [*lines, line]


def _make_projection(outlines: gpd.GeoSeries, table: pd.DataFrame) -> Project | None:
    """From degrees to dots of the large picture; the map stands left of the legend."""
    points = table.dropna(subset=["lon", "lat"])
    boxes = [outlines.total_bounds] if len(outlines) else []
    if len(points):
        lon, lat = points["lon"].astype(float), points["lat"].astype(float)
        boxes.append((lon.min(), lat.min(), lon.max(), lat.max()))
    if not boxes:
        return None
    west, south = min(b[0] for b in boxes), min(b[1] for b in boxes)
    east, north = max(b[2] for b in boxes), max(b[3] for b in boxes)
    narrow = math.cos(math.radians((south + north) / 2))
    inner_wide = WIDTH - SIDE - 3 * MARGIN
    inner_high = HEIGHT - 2 * MARGIN - 190
    wide, high = max((east - west) * narrow, 1e-6), max(north - south, 1e-6)
    per_degree = min(inner_wide / wide, inner_high / high)
    left = MARGIN + (inner_wide - wide * per_degree) / 2
    top = MARGIN + 70 + (inner_high - high * per_degree) / 2

    def project(lon: float, lat: float) -> Point:
        x = left + (lon - west) * narrow * per_degree
        return x * SCALE, (top + (north - lat) * per_degree) * SCALE

    return project


def _draw_ground(pen: ImageDraw.ImageDraw, shapes: gpd.GeoDataFrame, project: Project) -> None:
    for level, colour in GROUNDS.items():
        for shape in shapes[shapes["level"] == level].geometry:
            for part in getattr(shape, "geoms", [shape]):
                if part.geom_type == "Polygon":
                    pen.polygon([project(*p[:2]) for p in part.exterior.coords], fill=colour)
                elif part.geom_type == "LineString":
                    line = [project(*p[:2]) for p in part.coords]
                    pen.line(line, fill=colour, width=8 * SCALE, joint="curve")


def _draw_compounds(
    image: Image.Image, outlines: gpd.GeoSeries, table: pd.DataFrame, colouring: Colouring,
    flagged: set[str], project: Project,
) -> None:  # fmt: skip
    """Each compound in its class; a ring around those that are unusually high, above all others."""
    pen = ImageDraw.Draw(image)
    ordered = sorted(table.index, key=lambda place: place in flagged)
    for place in ordered:
        look = colouring.bands[int(colouring.member[place])].look
        ring = place in flagged
        line = (ALARM, 6 * SCALE) if ring else (SOFT, 2 * SCALE)
        shape = outlines.get(place)
        if shape is None:
            row = table.loc[place]
            if pd.notna(row["lon"]) and pd.notna(row["lat"]):
                x, y = project(float(row["lon"]), float(row["lat"]))
                r = (11 if ring else 8) * SCALE
                pen.ellipse((x - r, y - r, x + r, y + r), look.fill, line[0], line[1])
            continue
        for part in getattr(shape, "geoms", [shape]):
            if part.geom_type != "Polygon":
                continue
            holes = [[project(*p[:2]) for p in hole.coords] for hole in part.interiors]
            ground = [project(*p[:2]) for p in part.exterior.coords]
            fill_area(image, ground, look, holes)
            pen.line([*ground, ground[0]], fill=line[0], width=line[1], joint="curve")


def fill_area(
    image: Image.Image, ring: list[Point], look: Look, holes: Iterable[list[Point]] = ()
) -> None:
    """An area in the colour and the pattern of a class; holes stay as they are."""
    left, top = (math.floor(min(p[i] for p in ring)) for i in (0, 1))
    wide, high = (math.ceil(max(p[i] for p in ring)) - (left, top)[i] + 1 for i in (0, 1))
    tile = Image.new("RGB", (wide, high), look.fill)
    _draw_hatch(ImageDraw.Draw(tile), wide, high, look)
    mask = Image.new("1", (wide, high))
    cut = ImageDraw.Draw(mask)
    cut.polygon([(x - left, y - top) for x, y in ring], fill=1)
    for hole in holes:
        cut.polygon([(x - left, y - top) for x, y in hole], fill=0)
    image.paste(tile, (left, top), mask)


def _draw_hatch(pen: ImageDraw.ImageDraw, wide: int, high: int, look: Look) -> None:
    gap, line = HATCH_GAP * SCALE, 2 * SCALE
    if look.hatch in ("diagonal", "cross"):
        for x in range(-high, wide, gap):
            pen.line((x, high, x + high, 0), fill=look.ink, width=line)
    if look.hatch in ("counter", "cross"):
        for x in range(-high, wide, gap):
            pen.line((x, 0, x + high, high), fill=look.ink, width=line)
    if look.hatch == "lines":
        for y in range(gap // 2, high, gap):
            pen.line((0, y, wide, y), fill=look.ink, width=line)
    if look.hatch == "dots":
        for x in range(gap // 2, wide, gap):
            for y in range(gap // 2, high, gap):
                pen.ellipse((x - line, y - line, x + line, y + line), fill=look.ink)


def _write_names(
    write: Writer, outlines: gpd.GeoSeries, table: pd.DataFrame, colouring: Colouring,
    project: Project,
) -> None:  # fmt: skip
    """Names with their figures, those with most complaints first; none over another."""
    taken: list[tuple[float, float, float, float]] = []
    order = table["shown_count"].fillna(0).sort_values(ascending=False).index
    for place in order:
        shape, row = outlines.get(place), table.loc[place]
        if shape is not None:
            spot = shape.representative_point()
            x, y = project(spot.x, spot.y)
        elif pd.notna(row["lon"]) and pd.notna(row["lat"]):
            x, y = project(float(row["lon"]), float(row["lat"]))
        else:
            continue
        name, told = str(row["name"]), str(colouring.told[place])
        for size, parts in ((18, 1), (14, 1), (14, 2), (12, 2)):
            lines = [*_part(name, parts), told]
            half = max(map(len, lines)) * size / 2
            high = len(lines) * size * 1.2 / 2
            box = (x / SCALE - half, y / SCALE - high, x / SCALE + half, y / SCALE + high)
            if not any(_meets(box, other) for other in taken):
                taken.append(box)
                for at, line in enumerate(lines):
                    spot = (x / SCALE, y / SCALE - high + (at + 0.5) * size * 1.2)
                    write(line, spot, size, INK, "mm", 2)
                break


def _part(name: str, parts: int) -> list[str]:
    """A name in so many lines of about the same length."""
    length = math.ceil(len(name) / parts) or 1
    return [name[at : at + length] for at in range(0, len(name), length)]


def _meets(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return not (
        one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
    )  # fmt: skip


def _draw_legend(image: Image.Image, write: Writer, colouring: Colouring) -> None:
    from dashboard.words import say

    left, top = WIDTH - SIDE - MARGIN, MARGIN + 70
    title = colouring.title
    if colouring.unit:
        title = say("with_unit", head=title, unit=colouring.unit)
    write(title, (left, top), 22, INK, most=SIDE)
    for at, band in enumerate(band for band in colouring.bands if band.count):
        y = top + 46 + at * 42
        corners = [(left, y), (left + 54, y), (left + 54, y + 30), (left, y + 30)]
        dots = [(x * SCALE, d * SCALE) for x, d in corners]
        fill_area(image, dots, band.look)
        ImageDraw.Draw(image).line([*dots, dots[0]], fill=SOFT, width=SCALE)
        told = say("with_unit", head=band.label, unit=str(band.count))
        write(told, (left + 68, y + 4), 18, INK, most=SIDE - 70)


def _write_about(write: Writer, about: list[tuple[str, Any]]) -> None:
    from dashboard.words import say

    told = [say("headed", head=name, text=value) for name, value in about]
    write(
        say("between").join(told), (MARGIN, HEIGHT - MARGIN - 96), 16, SOFT, most=WIDTH - 2 * MARGIN
    )

"""A grid under many areas: most points are placed by their cell, without geometry."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from geo.areas import AREAL_TYPES
from geo.checks import Floats
from geo.errors import GeoError

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# More cells than this cost more to make, and to look up, than they settle.
MOST_CELLS = 1_300_000
# How far beyond its sides a cell reaches, in cells: more than any rounding, in SQL or here.
MARGIN = 1e-6
MOST_ACROSS = 1e6
EDGES_HELD = 2
# A determinant of differences up to d has a rounding error of at most this much times d².
ROUNDING = 32 * 2.0**-53


@dataclass(frozen=True)
class Grid:
    """Square cells over areas, and what each says of a point in it.

    The cell of a point is ``round((y - south) * per_unit) * width + round((x - west) *
    per_unit)``; only points within `west`, `south`, `east` and `north` have one.

    ``cells`` is DataFrame[cell, area, border]: either the position of the one area in
    which every point of the cell lies, or the row of ``borders`` that decides (the other
    is -1). A cell that is not listed lies outside every area.

    ``borders``, index 0 to b - 1, says of one area, by its position ``area``, whether
    points of the cell lie in it: as the cell's centre (``at_x``, ``at_y``) does, which
    ``is_in`` says, unless the way from there to the point crosses one of two edges. These
    run from ``x1, y1`` to ``x1 + dx1, y1 + dy1``, and so on, with the centre on the left.
    Where a point is not in that area, the row ``later`` is the next to ask; -1: there is
    none. Where a determinant is not larger than `tolerance`, or the product of two not
    larger than `tolerance_apart`, or ``is_hard``, the shapes themselves must be asked.
    The last row is always hard.
    """

    west: float
    south: float
    east: float
    north: float
    per_unit: float
    width: int
    tolerance: float
    tolerance_apart: float
    cells: pd.DataFrame
    borders: pd.DataFrame


def lay_grid(areas: gpd.GeoSeries, most_cells: int = MOST_CELLS) -> Grid:
    """Lay a grid of cells under areas, fine enough that most cells lie in a single one.

    Parameters
    ----------
    areas : GeoSeries of n polygons, any CRS, its coordinates taken as a plane
        Where areas overlap or touch, the first by position has the point. Shapes that
        are no valid polygon are never judged by cells: theirs are all hard. Missing and
        empty ones cover nothing.
    most_cells : int
        The size of the cells follows from it: about so many would cover the boxes of all
        areas together.

    Returns
    -------
    Grid
        Areas are named by their position in `areas`; units are those of the coordinates.

    Raises
    ------
    GeoError
        `most_cells` is not positive, or there is no area to lay a grid under.

    Notes
    -----
    Which cells an edge touches is found with a margin that no rounding exceeds, so a cell
    without an edge is wholly inside or outside. In the others a segment from the centre
    to the point stays in the cell; the point is inside as the centre is, changed at each
    edge that the segment crosses. The signs are sure where determinants exceed the error
    bound of Shewchuk (1997), Discrete and Computational Geometry 18, 305-363, section 4.
    """
    if most_cells < 1:
        raise GeoError("格网的格数至少为 1。")
    shapes = areas.to_numpy()
    bounds = shapely.bounds(shapes)
    is_there = ~np.isnan(bounds).any(axis=1)
    if not is_there.any():
        raise GeoError("没有边界，不能铺格网。")
    frame = _Frame.around(bounds[is_there], most_cells)
    is_plain = is_there & np.isin(shapely.get_type_id(shapes), AREAL_TYPES)
    is_plain[is_plain] = shapely.is_valid(shapes[is_plain])
    edges = _read_edges(shapes, np.flatnonzero(is_plain))
    longest = np.abs(edges.end - edges.start).max(initial=0.0) + 2.0 / frame.per_unit
    touched = _find_touched(edges, frame)
    shapely.prepare(shapes)
    sides = _judge_sides(touched, edges, shapes, frame, longest)
    inner = _fill_gaps(touched, shapes, frame)
    hard = _cover_boxes(bounds, np.flatnonzero(is_there & ~is_plain), frame)
    candidates = _gather(touched, inner, hard)
    cells, borders = _lay_out(candidates, sides, frame, longest)
    tolerance = ROUNDING * longest**2
    # Of two determinants, neither above 2 d², each is sure where their product exceeds this.
    apart = tolerance * 2.0 * longest**2
    return Grid(*frame.bounds, frame.per_unit, frame.width, tolerance, apart, cells, borders)


@dataclass(frozen=True)
class _Frame:
    """Where the cells lie: cell (0, 0) is centred on `west`, `south`."""

    west: float
    south: float
    per_unit: float
    width: int
    height: int

    @classmethod
    def around(cls, bounds: Floats, most_cells: int) -> _Frame:
        """The frame around boxes (n, 4), with cells so large that about `most_cells` fill them."""
        west, south = bounds[:, :2].min(axis=0)
        extent = bounds[:, 2:] - bounds[:, :2]
        whole = bounds[:, 2:].max(axis=0) - (west, south)
        # A box takes part of one cell more each way; so many are there even if it is a line.
        size = np.sqrt(extent.prod(axis=1).sum() / most_cells)
        # Not so small that cells could not be numbered, or told apart.
        size = max(size, whole.max() / MOST_ACROSS, np.abs(bounds).max() * 1e-9) or 1.0
        for _ in range(60):
            if np.prod(extent / size + 1.0, axis=1).sum() <= max(most_cells, 4 * len(bounds)):
                break
            size *= 1.1
        width, height = (int(n) for n in np.ceil(whole / size) + 3)
        # Off the corner by a quarter of a cell: many a border runs through a corner's coordinates,
        # and no centre of a cell should lie on one.
        west, south = float(west - 0.75 * size), float(south - 0.75 * size)
        return cls(west, south, float(1.0 / size), width, height)

    @property
    def number(self) -> int:
        """How many cells there are."""
        return self.width * self.height

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        east = self.west + (self.width - 1) / self.per_unit
        return self.west, self.south, east, self.south + (self.height - 1) / self.per_unit

    def count(self, xy: Floats) -> Floats:
        """Coordinates (n, 2) in cells: halves are the sides of cells, so sides at whole + 0.5."""
        counted: Floats = (xy - (self.west, self.south)) * self.per_unit
        return counted

    def find_centre(self, cell: Ints) -> Floats:
        """Centres of cells, (n, 2) coordinates."""
        columns = np.column_stack([cell % self.width, cell // self.width])
        centre: Floats = columns / self.per_unit + (self.west, self.south)
        return centre


@dataclass(frozen=True)
class _Edges:
    """The edges of all rings: position of the area (e,), start and end (e, 2)."""

    area: Ints
    start: Floats
    end: Floats


@dataclass(frozen=True)
class _Touched:
    """Pairs of area and cell that edges touch, by area and cell.

    `area`, `cell` and `count` are (t,); `edge` holds for each `count` edges from `first` on.
    """

    area: Ints
    cell: Ints
    count: Ints
    first: Ints
    edge: Ints


@dataclass(frozen=True)
class _Sides:
    """By pair of area and cell (t,): whether the centre is inside, and whether it can be told.

    `edges` is (t, EDGES_HELD, 4): x, y, dx, dy, with the centre on the left.
    """

    is_in: Flags
    is_hard: Flags
    edges: Floats


@dataclass(frozen=True)
class _Candidates:
    """Areas that cells may belong to, by cell, then area: `pair` is their row of _Sides.

    Inside a whole cell `pair` is INNER; where only the shape itself can tell it is HARD.
    """

    cell: Ints
    area: Ints
    pair: Ints


INNER, HARD = -1, -2


def _read_edges(shapes: npt.NDArray[np.object_], plain: Ints) -> _Edges:
    parts, part_area = shapely.get_parts(shapes[plain], return_index=True)
    rings, ring_part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    follows = np.flatnonzero(ring[1:] == ring[:-1])
    follows = follows[(xy[follows] != xy[follows + 1]).any(axis=1)]
    return _Edges(plain[part_area[ring_part[ring[follows]]]], xy[follows], xy[follows + 1])


def _find_touched(edges: _Edges, frame: _Frame) -> _Touched:
    edge, cell = _cross_cells(frame.count(edges.start), frame.count(edges.end), frame)
    area = edges.area[edge]
    order = np.argsort(area * frame.number + cell)  # one key sorts twice as fast as two
    area, cell, edge = area[order], cell[order], edge[order]
    first = np.flatnonzero(_is_new(area) | _is_new(cell))
    count = np.diff(first, append=len(area))
    return _Touched(area[first], cell[first], count, first, edge)


def _cross_cells(start: Floats, end: Floats, frame: _Frame) -> tuple[Ints, Ints]:
    """The cells that segments may touch: positions of segments and cells.

    Row by row: in each the segment is cut to the row, and its columns are counted off.
    """
    is_down = start[:, 1] > end[:, 1]
    low, high = (np.where(is_down[:, None], a, b) for a, b in ((end, start), (start, end)))
    rise = high[:, 1] - low[:, 1]
    slope = np.divide(high[:, 0] - low[:, 0], rise, out=np.zeros_like(rise), where=rise > 0)
    rows = _round(low[:, 1] - MARGIN)
    segment, step = _repeat(_round(high[:, 1] + MARGIN) - rows + 1)
    row = rows[segment] + step
    low, high, slope = low[segment], high[segment], slope[segment]
    bottom = np.maximum(row - 0.5 - MARGIN, low[:, 1]) - low[:, 1]
    top = np.minimum(row + 0.5 + MARGIN, high[:, 1]) - low[:, 1]
    is_level = high[:, 1] - low[:, 1] < MARGIN
    one = np.where(is_level, low[:, 0], low[:, 0] + slope * bottom)
    other = np.where(is_level, high[:, 0], low[:, 0] + slope * top)
    columns = _round(np.minimum(one, other) - MARGIN)
    run, step = _repeat(_round(np.maximum(one, other) + MARGIN) - columns + 1)
    return segment[run], row[run] * frame.width + columns[run] + step


def _judge_sides(
    touched: _Touched, edges: _Edges, shapes: npt.NDArray[np.object_], frame: _Frame, longest: float
) -> _Sides:
    """Find for each touched cell whether its centre is inside, and orient its edges to it."""
    centre = frame.find_centre(touched.cell)
    held = np.empty((len(touched.area), EDGES_HELD, 4))
    is_hard = touched.count > EDGES_HELD
    for slot in range(EDGES_HELD):
        is_held = touched.count > slot
        at = touched.edge[touched.first + np.where(is_held, slot, 0)]
        start, way = edges.start[at], edges.end[at] - edges.start[at]
        side = way[:, 0] * (centre[:, 1] - start[:, 1]) - way[:, 1] * (centre[:, 0] - start[:, 0])
        is_hard |= is_held & (np.abs(side) <= ROUNDING * longest**2)
        # Read from its other end, an edge has the centre on its other side.
        is_right = (side < 0)[:, None]
        held[:, slot, :2] = np.where(is_right, edges.end[at], start)
        held[:, slot, 2:] = np.where(is_right, -way, way)
        held[~is_held, slot] = _make_far(centre[~is_held], longest)
    is_in = shapely.intersects_xy(shapes[touched.area], centre)
    return _Sides(is_in, is_hard, held)


def _make_far(centre: Floats, longest: float) -> Floats:
    """Edges that no way within a cell comes near, so as to fill a place; (n, 4)."""
    far = np.zeros((len(centre), 4))
    far[:, :2] = centre
    far[:, 0] += 2.0 * longest
    far[:, 3] = longest
    return far


def _fill_gaps(
    touched: _Touched, shapes: npt.NDArray[np.object_], frame: _Frame
) -> tuple[Ints, Ints]:
    """Cells between touched ones of the same row that lie wholly inside: areas and cells.

    No edge comes between the cells of one gap, so its first one speaks for all.
    """
    area, cell = touched.area, touched.cell
    gap = np.diff(cell) - 1
    is_same = (np.diff(area) == 0) & (np.diff(cell // frame.width) == 0) & (gap > 0)
    left = np.flatnonzero(is_same)
    centre = frame.find_centre(cell[left] + 1)
    left = left[shapely.intersects_xy(shapes[area[left]], centre)]
    which, step = _repeat(gap[left])
    return area[left][which], cell[left][which] + 1 + step


def _cover_boxes(bounds: Floats, which: Ints, frame: _Frame) -> tuple[Ints, Ints]:
    """Every cell that the boxes of some shapes touch: areas and cells."""
    low = _round(frame.count(bounds[which, :2]) - MARGIN)
    high = _round(frame.count(bounds[which, 2:]) + MARGIN)
    shape, row = _repeat(high[:, 1] - low[:, 1] + 1)
    run, column = _repeat((high[:, 0] - low[:, 0] + 1)[shape])
    at = shape[run]
    return which[at], (low[at, 1] + row[run]) * frame.width + low[at, 0] + column


def _gather(touched: _Touched, inner: tuple[Ints, Ints], hard: tuple[Ints, Ints]) -> _Candidates:
    """All candidates of each cell in the order in which they have a point, up to a whole one."""
    area = np.concatenate([touched.area, inner[0], hard[0]])
    cell = np.concatenate([touched.cell, inner[1], hard[1]])
    pair = np.concatenate(
        [np.arange(len(touched.area)), np.full(len(inner[0]), INNER), np.full(len(hard[0]), HARD)]
    )
    order = np.argsort(cell * (1 + area.max()) + area)
    area, cell, pair = area[order], cell[order], pair[order]
    # What comes after an area that has the whole cell never gets a point.
    whole = np.cumsum(pair == INNER) - (pair == INNER)
    first = np.flatnonzero(_is_new(cell))
    before = np.repeat(whole[first], np.diff(first, append=len(cell)))
    kept = whole == before
    return _Candidates(cell[kept], area[kept], pair[kept])


def _lay_out(
    candidates: _Candidates, sides: _Sides, frame: _Frame, longest: float
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row for each cell; and one for the first area of each shared cell, then for the second."""
    first = np.flatnonzero(_is_new(candidates.cell))
    count = np.diff(first, append=len(candidates.cell))
    cell, is_whole = candidates.cell[first], candidates.pair[first] == INNER
    border = np.where(is_whole, -1, np.cumsum(~is_whole) - 1)
    area = np.where(is_whole, candidates.area[first], -1)
    shared, number = first[~is_whole], count[~is_whole]
    has_second = number > 1
    later = np.where(has_second, len(shared) + np.cumsum(has_second) - 1, -1)
    second = shared[has_second] + 1
    # What stands in the last row does not matter: it is there to be hard.
    at = np.concatenate([shared, second, [0]])
    borders = _describe_borders(at, candidates, sides, frame, longest)
    borders["later"] = np.concatenate([later, np.full(len(second) + 1, -1)]).astype(np.int32)
    # A third area is not held: the second row cannot say that a point is in none.
    is_crowded = np.concatenate([np.zeros(len(shared), bool), number[has_second] > 2, [True]])
    borders["is_hard"] |= is_crowded
    cells = pd.DataFrame({"cell": cell, "area": area, "border": border})
    return cells.astype({"area": "int32", "border": "int32"}), borders


def _describe_borders(
    at: Ints, candidates: _Candidates, sides: _Sides, frame: _Frame, longest: float
) -> pd.DataFrame:
    pair, centre = candidates.pair[at], frame.find_centre(candidates.cell[at])
    has_edges = pair >= 0
    edges = np.empty((len(at), EDGES_HELD, 4))
    edges[has_edges] = sides.edges[pair[has_edges]]
    edges[~has_edges] = _make_far(centre[~has_edges], longest)[:, None]
    is_in, is_hard = pair == INNER, pair == HARD
    is_in[has_edges] = sides.is_in[pair[has_edges]]
    is_hard[has_edges] = sides.is_hard[pair[has_edges]]
    area = candidates.area[at].astype(np.int32)
    table = {"area": area, "at_x": centre[:, 0], "at_y": centre[:, 1]}
    for place in range(EDGES_HELD):
        for column, part in enumerate(("x", "y", "dx", "dy")):
            table[f"{part}{place + 1}"] = edges[:, place, column]
    return pd.DataFrame({**table, "is_in": is_in, "is_hard": is_hard})


def _round(values: Floats) -> Ints:
    """The cell that holds each place, in cells."""
    rounded: Ints = np.floor(values + 0.5).astype(np.int64)
    return rounded


def _repeat(counts: Ints) -> tuple[Ints, Ints]:
    """Each position so many times, and which time it is, from 0."""
    which = np.repeat(np.arange(len(counts)), counts)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)


def _is_new(values: Ints) -> Flags:
    """Whether each value differs from the one before it."""
    is_new: Flags = np.diff(values, prepend=values[:1] - 1) != 0
    return is_new

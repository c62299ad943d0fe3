"""Places of the sample: outline, streets, canal, compounds and their buildings, all drawn up."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache

import numpy as np
import pyproj
import shapely
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon
from shapely.ops import unary_union

from making.facts import PUBLISHED, Compound, make_dice, read_compounds

CENTRE = (103.9806, 30.6573)  # somewhere on the western edge of Chengdu; no real community
METRES = f"+proj=aeqd +lon_0={CENTRE[0]} +lat_0={CENTRE[1]} +datum=WGS84 +units=m"
DIGITS = 7  # of a degree, about a centimetre
EDGES = {
    "柳荫大道": [(-640, 462), (-420, 505), (-200, 512), (30, 488), (260, 496), (470, 531),
                 (655, 548)],
    "荷风路": [(655, 548), (676, 400), (702, 180), (682, -20), (648, -240), (668, -470)],
    "南溪路": [(668, -470), (450, -500), (230, -514), (20, -490)],
    "汐河": [(20, -490), (-58, -462), (-120, -385), (-232, -338), (-325, -262), (-380, -172),
             (-468, -118), (-548, -28), (-585, 66), (-640, 150)],
    "西沿路": [(-640, 150), (-668, 300), (-640, 462)],
}  # fmt: skip
STREETS = {
    "新桥街": (16, [(-700, 92), (-480, 128), (-300, 112), (-120, 66), (60, 58), (215, 84),
                    (400, 50), (560, 36), (760, 62)]),
    "槐里路": (18, [(-196, 580), (-185, 420), (-158, 300), (-152, 180), (-118, 66), (-78, -60),
                    (-66, -200), (-84, -330), (-110, -480)]),
    "竹溪路": (18, [(250, 560), (236, 400), (203, 250), (215, 84), (242, -60), (264, -205),
                    (240, -350), (226, -560)]),
    "望河路": (12, [(-720, 322), (-500, 336), (-330, 302), (-158, 300)]),
    "栖云路": (12, [(210, 300), (330, 338), (500, 312), (740, 340)]),
    "南溪街": (14, [(-66, -205), (100, -228), (264, -205), (420, -232), (720, -226)]),
    "云里巷": (9, [(-352, 118), (-338, 20), (-368, -60), (-420, -190)]),
    "林盘巷": (7, [(-352, -38), (-250, -72), (-170, -58), (-76, -80)]),
    "粮站巷": (6, [(-90, -62), (20, -78), (120, -62), (250, -66)]),
    "堰口巷": (6, [(-72, -236), (-160, -262), (-222, -238), (-300, -280)]),
    "供销巷": (5, [(8, 60), (14, 0), (4, -76)]),
    "桥头巷": (5, [(92, 62), (98, 10), (104, -64)]),
    "纺机巷": (5, [(74, -72), (70, -130), (84, -224)]),
    "农机巷": (4.5, [(164, -64), (170, -140), (160, -218)]),
}  # fmt: skip
EDGE_WIDTHS = {"柳荫大道": 30, "荷风路": 22, "南溪路": 20, "汐河": 34, "西沿路": 14}
CANAL_WIDTH = 15.0
SEEDS_INSIDE = {
    "T01": (-400, 220), "T02": (450, -90), "T03": (-420, 420), "T04": (20, 280),
    "T05": (450, 430), "T06": (-450, 40), "T07": (450, 190), "T08": (80, -360),
    "T09": (450, -360), "T10": (-220, -150), "T11": (120, -145), "T12": (165, 0),
    "T13": (-50, 0), "T14": (-220, 30), "T15": (0, -150), "T16": (205, -140),
}  # fmt: skip
OFFICE_BLOCK = (52, -5)
SETBACK = {"slab": 8.0, "short": 9.0, "tower": 11.0, "low": 4.5, "house": 3.0}
POND = [(-31, 2), (-22, 12), (-6, 15), (8, 11), (20, 13), (30, 4), (27, -8), (12, -12),
        (2, -9), (-14, -14), (-28, -9)]  # fmt: skip


@dataclass(frozen=True)
class Building:
    """One building: which, its outline in metres, and how high."""

    compound_id: str
    number: str
    shape: Polygon
    floors: int

    @property
    def building_id(self) -> str:
        """Its id: the compound's and a running number."""
        return f"{self.compound_id}-{int(self.number.rstrip('栋')):02d}"


def smooth(points: list[tuple[float, float]], rounds: int = 3) -> LineString:
    """A bent line with its corners cut again and again (Chaikin), its ends kept."""
    line = np.asarray(points, dtype=float)
    for _ in range(rounds):
        near = 0.75 * line[:-1] + 0.25 * line[1:]
        far = 0.25 * line[:-1] + 0.75 * line[1:]
        inner = np.stack([near, far], axis=1).reshape(-1, 2)
        line = np.vstack([line[:1], inner[1:-1], line[-1:]])
    return LineString(line)


@cache
def edge_lines() -> dict[str, LineString]:
    """The five lines that bound the community."""
    return {name: smooth(points) for name, points in EDGES.items()}


@cache
def street_lines() -> dict[str, LineString]:
    """The streets inside, as drawn, reaching beyond the outline."""
    return {name: smooth(points) for name, (_, points) in STREETS.items()}


@cache
def scale_factor() -> float:
    """By how much the drawing is enlarged so that the outline has the published area."""
    return math.sqrt(PUBLISHED["area_km2"] * 1e6 / drawn_outline().area)


@cache
def drawn_outline() -> Polygon:
    """The outline before scaling."""
    coords = [xy for line in edge_lines().values() for xy in list(line.coords)[:-1]]
    return Polygon(coords)


def enlarge(shape):
    """A drawn shape at the size of the community."""
    return affinity.scale(shape, scale_factor(), scale_factor(), origin=(0, 0))


@cache
def outline() -> Polygon:
    """The community outline in metres."""
    return enlarge(drawn_outline())


@cache
def blocks() -> tuple[Polygon, ...]:
    """What is left of the outline beside streets, edges and the canal, corners rounded."""
    taken = [enlarge(line).buffer(STREETS[name][0] / 2) for name, line in street_lines().items()]
    taken += [enlarge(line).buffer(EDGE_WIDTHS[name] / 2) for name, line in edge_lines().items()]
    rest = outline().difference(unary_union(taken))
    rounded = rest.buffer(-4).buffer(4, quad_segs=3).simplify(0.4)
    return tuple(part for part in shapely.get_parts(rounded) if part.area > 500)


def block_at(spot: tuple[float, float]) -> Polygon:
    """The block that holds a drawn spot."""
    point = enlarge(Point(spot))
    found = [block for block in blocks() if block.contains(point)]
    if len(found) != 1:
        raise ValueError(f"no single block at {spot}")
    return found[0]


@cache
def compound_shapes() -> dict[str, Polygon]:
    """The sixteen compounds in metres."""
    return {compound_id: block_at(spot) for compound_id, spot in SEEDS_INSIDE.items()}


@cache
def office() -> Point:
    """The community office, in a small public block beside the old courtyards."""
    return block_at(OFFICE_BLOCK).representative_point()


@cache
def pond() -> Polygon:
    """The lotus pond of Q小区."""
    home = compound_shapes()["T14"]
    middle = home.centroid
    return affinity.translate(Polygon(POND), middle.x + 18, middle.y - 6).buffer(3).buffer(-1.5)


@cache
def canal() -> Polygon:
    """The canal along the south-western edge."""
    return enlarge(edge_lines()["汐河"]).buffer(CANAL_WIDTH / 2, cap_style="flat")


def slab_shape(dice: random.Random, length: float, depth: float) -> Polygon:
    """A slab of stairwells that step forward and back by a metre or two."""
    units = max(2, round(length / 17))
    width = length / units
    shift = [dice.choice((0.0, 0.0, 1.4, 1.4, -1.2)) for _ in range(units)]
    upper, lower = [], []
    for i, step in enumerate(shift):
        left, right = i * width - length / 2, (i + 1) * width - length / 2
        upper += [(left, depth / 2 + step), (right, depth / 2 + step)]
        lower += [(left, -depth / 2 + step), (right, -depth / 2 + step)]
    return Polygon(upper + lower[::-1]).buffer(0)


def tower_shape(dice: random.Random, length: float, depth: float) -> Polygon:
    """A tower: two wings about a core that is set back, as such plans are."""
    wing, notch = length * 0.4, depth * dice.uniform(0.2, 0.3)
    half_l, half_d = length / 2, depth / 2
    return Polygon(
        [(-half_l, half_d - notch), (-half_l, -half_d), (-half_l + wing, -half_d),
         (-half_l + wing, -half_d + notch), (half_l - wing, -half_d + notch),
         (half_l - wing, -half_d), (half_l, -half_d), (half_l, half_d - notch),
         (half_l - wing * 0.6, half_d), (-half_l + wing * 0.6, half_d)]
    )  # fmt: skip


def house_shape(dice: random.Random, length: float, depth: float) -> Polygon:
    """A self-built house, some with a wing that makes an L."""
    main = shapely.box(-length / 2, -depth / 2, length / 2, depth / 2)
    if dice.random() < 0.45:
        wing = length * dice.uniform(0.4, 0.6)
        cut = shapely.box(-length / 2, -depth / 2, length / 2 - wing, -depth * 0.1)
        main = main.difference(cut)
    return affinity.rotate(main, dice.uniform(-5, 5), origin=(0, 0))


@dataclass(frozen=True)
class Form:
    """How the buildings of one kind are laid out, in metres."""

    lengths: tuple[float, float]
    depth: tuple[float, float]
    gap: tuple[float, float]  # between neighbours of a row
    row: float  # between rows
    bend: float  # degrees by which rows follow the street


FORMS = {
    "slab": Form((44, 66), (12.5, 14), (11, 17), 23, 4),
    "short": Form((27, 38), (13.5, 15), (14, 20), 27, 5),
    "tower": Form((27, 36), (15.5, 18), (17, 28), 34, 5),
    "low": Form((40, 58), (10.5, 12), (7, 10), 15, 3),
    "house": Form((10, 14), (10, 15), (2.5, 7), 6.5, 7),
}


DRAW = {
    "slab": slab_shape,
    "short": slab_shape,
    "tower": tower_shape,
    "low": slab_shape,
    "house": house_shape,
}


def free_runs(area: Polygon, low: float, high: float) -> list[tuple[float, float]]:
    """The stretches of x on which a row between two heights lies wholly inside the area."""
    runs = [(-1e9, 1e9)]
    for y in np.linspace(low, high, 4):
        cut = area.intersection(LineString([(-5000, y), (5000, y)]))
        pieces = [g for g in getattr(cut, "geoms", [cut]) if g.length > 0]
        spans = [(piece.bounds[0], piece.bounds[2]) for piece in pieces]
        runs = [(max(a, c), min(b, d)) for a, b in runs for c, d in spans if min(b, d) > max(a, c)]
    return runs


def row_spots(
    dice: random.Random, run: tuple[float, float], form: Form
) -> list[tuple[float, float]]:
    """Middle and length of each building along one free stretch of a row."""
    spots, at = [], run[0]
    while True:
        length = dice.uniform(*form.lengths)
        if at + length > run[1]:
            break
        spots.append((at + length / 2, length))
        at += length + dice.uniform(*form.gap)
    slack = run[1] - (spots[-1][0] + spots[-1][1] / 2) if spots else 0.0
    step = slack / max(1, len(spots) - 1) if len(spots) > 1 else slack / 2
    offset = 0 if len(spots) > 1 else step
    return [(x + offset + step * i, length) for i, (x, length) in enumerate(spots)]


def fill(compound: Compound, area: Polygon, form: Form, squeeze: float) -> list[Polygon]:
    """As many buildings as rows of this form hold, laid out over an unturned area."""
    dice = make_dice(f"buildings {compound.compound_id}")
    tight = Form(form.lengths, form.depth, tuple(g * squeeze for g in form.gap), 0, form.bend)
    middle, half = area.centroid, max(1.0, (area.bounds[2] - area.bounds[0]) / 2)
    shapes, top = [], area.bounds[3]
    while top > area.bounds[1]:
        depth = dice.uniform(*form.depth)
        for run in free_runs(area, top - depth, top):
            for x, length in row_spots(dice, run, tight):
                shape = DRAW[compound.form](dice, length, depth)
                swing = form.bend * (x - middle.x) / half
                shape = affinity.rotate(shape, swing, origin=(0, 0))
                jitter = dice.uniform(-1, 1) * min(2.0, form.row * squeeze / 8)
                shapes.append(affinity.translate(shape, x, top - depth / 2 + jitter))
        top -= depth + form.row * squeeze * dice.uniform(0.9, 1.15)
    return keep_apart([s for s in shapes if area.buffer(1.5).contains(s)])


def keep_apart(shapes: list[Polygon]) -> list[Polygon]:
    """The shapes, less those that come nearer than two metres to an earlier one."""
    kept: list[Polygon] = []
    for shape in shapes:
        if all(shape.distance(other) > 2.0 for other in kept):
            kept.append(shape)
    return kept


def thin_out(shapes: list[Polygon], count: int, garden: Point) -> list[Polygon]:
    """Exactly `count` shapes: those nearest the garden give way to it."""
    spare = len(shapes) - count
    by_distance = sorted(shapes, key=lambda s: s.centroid.distance(garden))
    dropped = {id(s) for s in by_distance[:spare]}
    return [shape for shape in shapes if id(shape) not in dropped]


def lay_out(compound: Compound) -> list[Polygon]:
    """The outlines of one compound's buildings."""
    home = compound_shapes()[compound.compound_id]
    inner = home.buffer(-SETBACK[compound.form], join_style="mitre")
    if compound.compound_id == "T14":
        inner = inner.difference(pond().buffer(5))
    turned = affinity.rotate(inner, -compound.turn, origin=home.centroid)
    garden = garden_of(compound, home)
    for squeeze in np.arange(1.9, 0.3, -0.03):
        shapes = fill(compound, turned, FORMS[compound.form], float(squeeze))
        if len(shapes) >= compound.buildings:
            back = [affinity.rotate(s, compound.turn, origin=home.centroid) for s in shapes]
            return thin_out(back, compound.buildings, garden)
    raise ValueError(f"no room for {compound.buildings} buildings in {compound.name}")


def garden_of(compound: Compound, home: Polygon) -> Point:
    """Where a compound keeps its green: off the middle, a little elsewhere in each."""
    dice = make_dice(f"garden {compound.compound_id}")
    width, height = home.bounds[2] - home.bounds[0], home.bounds[3] - home.bounds[1]
    return affinity.translate(
        home.centroid, dice.uniform(-0.18, 0.18) * width, dice.uniform(-0.15, 0.15) * height
    )


@cache
def buildings() -> tuple[Building, ...]:
    """Every building of the community, numbered from the north-west in each compound."""
    return tuple(b for compound in read_compounds() for b in number_buildings(compound))


def number_buildings(compound: Compound) -> list[Building]:
    """One compound's buildings with numbers and heights."""
    dice = make_dice(f"heights {compound.compound_id}")
    shapes = sorted(lay_out(compound), key=lambda s: (-round(s.centroid.y / 38), s.centroid.x))
    return [
        Building(compound.compound_id, f"{i}栋", shape, dice.choice(compound.floors))
        for i, shape in enumerate(shapes, start=1)
    ]


@cache
def to_degrees() -> pyproj.Transformer:
    """From the drawing's metres to WGS-84 longitude and latitude."""
    return pyproj.Transformer.from_crs(METRES, "EPSG:4326", always_xy=True)


def degrees(shape):
    """A shape of metres in WGS-84, rounded so that every machine writes the same digits."""

    def turn(xy):
        lon, lat = to_degrees().transform(xy[:, 0], xy[:, 1])
        return np.round(np.column_stack([lon, lat]), DIGITS)

    return shapely.transform(shape, turn)


def lonlat(point: Point) -> tuple[float, float]:
    """Longitude and latitude of one point, as a phone would give them."""
    lon, lat = to_degrees().transform(point.x, point.y)
    return round(lon, 6), round(lat, 6)


def streets_inside() -> dict[str, LineString]:
    """Streets and edge roads as they are drawn on the map, cut a little beyond the outline."""
    reach = outline().buffer(25)
    inside = {name: enlarge(line).intersection(reach) for name, line in street_lines().items()}
    roads = {name: enlarge(line) for name, line in edge_lines().items() if name != "汐河"}
    return {**roads, **inside}

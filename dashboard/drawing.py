"""The network as a drawing: compounds down the middle, their own organizations beside them.

Whoever works in several compounds stands on the left. Every kind of link has strokes of its own and
every kind of organization its sign, so that a grey printer loses nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from html import escape

import pandas as pd

from dashboard.map.files import OWN
from dashboard.words import say

MOST_COMPOUNDS = 40
WIDTH, ROW, TOP = 820, 24, 34
LEFT, MIDDLE, RIGHT = 160, 392, 572
COMPOUND = "compound"
BROKEN_STATES = ("名存实亡", "已解散")


@dataclass(frozen=True)
class Spot:
    """Where a node stands, and to which side its name is written."""

    x: float
    y: float
    side: str


def draw_network(nodes: pd.DataFrame, links: pd.DataFrame, compounds: list[str]) -> str:
    """The drawing for these compounds as HTML with a picture in it (SVG), all text escaped.

    Organizations without any of the links are left out; the table says the same in words.
    """
    linked = {*links["source"], *links["target"]}
    table = nodes.set_index("node_id")
    places = [f"C:{place}" for place in compounds if f"C:{place}" in table.index]
    bodies = table[(table["kind"] != COMPOUND) & table.index.isin(linked)]
    spots = _place(table, bodies, links, places)
    lines = [_draw_link(row, spots) for row in links.itertuples()]
    marks = [_draw_node(table.loc[label], spot) for label, spot in spots.items()]
    height = max((spot.y for spot in spots.values()), default=TOP) + ROW
    heads = "".join(
        f'<text class="head" x="{x}" y="16" text-anchor="{anchor}">'
        f"{escape(say(f'network.column.{name}'))}</text>"
        for name, x, anchor in (
            ("left", LEFT - 14, "end"), ("middle", MIDDLE, "middle"), ("right", RIGHT + 14, "start"),
        )
    )  # fmt: skip
    told = escape(say("network.drawn", nodes=len(spots), links=len(links)))
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}"><style>{_read_look()}</style>'
        f"{heads}{''.join(lines)}{''.join(marks)}</svg>"
    )
    # The page takes drawings out of HTML, but not pictures.
    data = b64encode(drawing.encode()).decode()
    return (
        f'<div class="sq-scroll sq-net" tabindex="0">'
        f'<img alt="{told}" src="data:image/svg+xml;base64,{data}"></div>'
    )


@cache
def _read_look() -> str:
    return (OWN / "network.css").read_text(encoding="utf-8")


def _place(
    table: pd.DataFrame, bodies: pd.DataFrame, links: pd.DataFrame, places: list[str]
) -> dict[str, Spot]:
    """Own organizations row by row on the right, each compound beside the middle of its own."""
    own: dict[str, list[str]] = {place: [] for place in places}
    shared: list[str] = []
    for row in bodies.itertuples():
        home = f"C:{row.compound_id}"
        own.get(home, shared).append(str(row.Index))
    spots: dict[str, Spot] = {}
    y = float(TOP + ROW / 2)
    for place in places:
        mine = own[place]
        for number, label in enumerate(mine):
            spots[label] = Spot(RIGHT, y + number * ROW, "right")
        rows = max(1, len(mine))
        spots[place] = Spot(MIDDLE, y + (rows - 1) * ROW / 2, "middle")
        y += rows * ROW + 10
    spots.update(_place_shared(shared, links, spots))
    return spots


def _place_shared(
    shared: Iterable[str], links: pd.DataFrame, spots: dict[str, Spot]
) -> dict[str, Spot]:
    """Those who work in several places, each as near as may be to the middle of them."""
    wanted = {}
    for label in shared:
        ends = [*links.loc[links["source"] == label, "target"],
                *links.loc[links["target"] == label, "source"]]  # fmt: skip
        found = [spots[end].y for end in ends if end in spots]
        if found:
            wanted[label] = sum(found) / len(found)
    placed = {}
    lowest = float(TOP)
    for label, y in sorted(wanted.items(), key=lambda pair: pair[1]):
        lowest = max(y, lowest + ROW + 6)
        placed[label] = Spot(LEFT, lowest, "left")
    return placed


def _draw_link(row: object, spots: dict[str, Spot]) -> str:
    one, other = spots.get(row.source), spots.get(row.target)  # type: ignore[attr-defined]
    if one is None or other is None:
        return ""
    is_broken = bool(row.is_broken)  # type: ignore[attr-defined]
    look = "broken" if is_broken else str(row.relation)  # type: ignore[attr-defined]
    if one.x == other.x:
        # Two in one column: a bow, so that it does not run through those between.
        bow = (26 + abs(one.y - other.y) * 0.12) * (1 if one.side == "right" else -1)
        middle = (one.y + other.y) / 2
        path = (
            f"M{one.x:.0f} {one.y:.0f}Q{one.x - bow:.0f} {middle:.0f} {other.x:.0f} {other.y:.0f}"
        )
        cross = (one.x - bow / 2, middle)
    else:
        path = f"M{one.x:.0f} {one.y:.0f}L{other.x:.0f} {other.y:.0f}"
        cross = ((one.x + other.x) / 2, (one.y + other.y) / 2)
    mark = ""
    if is_broken:
        x, y = cross
        mark = f'<path class="cross" d="M{x - 5:.0f} {y - 5:.0f}l10 10m0 -10l-10 10"/>'
    return f'<path class="{escape(look)}" d="{path}"/>{mark}'


def _draw_node(node: pd.Series, spot: Spot) -> str:
    name = escape(str(node["name"]))
    if node["kind"] == COMPOUND:
        half = max(44, 8 * len(str(node["name"])) + 10)
        return (
            f'<rect class="place" x="{spot.x - half:.0f}" y="{spot.y - 11:.0f}" '
            f'width="{2 * half:.0f}" height="22" rx="4"/>'
            f'<text x="{spot.x:.0f}" y="{spot.y + 5:.0f}" text-anchor="middle">{name}</text>'
        )
    is_gone = node["state"] in BROKEN_STATES
    sign = escape(say(f"sign.{node['kind']}"))
    side, anchor = (14, "start") if spot.side == "right" else (-14, "end")
    looks = "body gone" if is_gone else "body"
    more = f" {escape(say('network.gone'))}" if is_gone else ""
    return (
        f'<circle class="{looks}" cx="{spot.x:.0f}" cy="{spot.y:.0f}" r="10"/>'
        f'<text class="sign" x="{spot.x:.0f}" y="{spot.y + 4:.0f}" text-anchor="middle">'
        f"{sign}</text>"
        f'<text x="{spot.x + side:.0f}" y="{spot.y + 5:.0f}" text-anchor="{anchor}">{name}{more}</text>'
    )

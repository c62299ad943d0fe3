"""The legend: classes with counts, then unit, period, n and source in one line."""

from __future__ import annotations

from html import escape

from dashboard.map.colouring import Band, Colouring
from dashboard.map.palette import Look
from dashboard.words import say


def draw_legend(colouring: Colouring, note: str, marks: list[tuple[str, str]]) -> str:
    """The legend as HTML.

    Parameters
    ----------
    colouring : Colouring
    note : str
        Unit, period, n and source, as one line.
    marks : list of (kind, label)
        Signs besides the colours: 'ring', 'circle', 'good', 'forming', 'bad'.
    """
    shown = [band for band in colouring.bands if band.count]
    items = [_draw_band(band) for band in shown]
    items += [_draw_mark(kind, label) for kind, label in marks]
    title = colouring.title
    if colouring.unit:
        title = say("with_unit", head=colouring.title, unit=colouring.unit)
    return (
        f'<div class="sq-legend" role="group" aria-label="{escape(title)}">'
        f'<div class="sq-legend-title">{escape(title)}</div>'
        f"<ul>{''.join(items)}</ul><p>{escape(note)}</p></div>"
    )


def _draw_band(band: Band) -> str:
    return (
        f"<li>{draw_swatch(band.look)}<span>{escape(band.label)}</span><em>{band.count}</em></li>"
    )


def draw_swatch(look: Look) -> str:
    """A small field in the colour and pattern of a class."""
    return (
        f'<i class="sq-swatch sq-hatch-{look.hatch}" '
        f'style="--fill:{look.fill};--ink:{look.ink}"></i>'
    )


def _draw_mark(kind: str, label: str) -> str:
    return f'<li><i class="sq-mark sq-mark-{kind}"></i><span>{escape(label)}</span></li>'

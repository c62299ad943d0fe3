"""The ground of the map: constant, so that a change of colours never builds the map anew."""

from __future__ import annotations

import json
import re
from typing import Any

import folium
from folium.elements import JSCSSMixin
from folium.template import Template

from dashboard.map import assets  # noqa: F401  (points folium's classes at this server)
from dashboard.map.files import PREFIX, address_of

HEIGHT = 620
# A string of JSON, and what inside one could mean something to whoever handles the code.
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
RISKY = re.compile(r"[<>&'`{}_$/]")


class Ground(JSCSSMixin):
    """Starts our own drawing on a folium map."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            shequ.open({{ this._parent.get_name() }}, {{ this.options }});
        {% endmacro %}
        """
    )
    default_js = (("shequ_js", address_of("shequ/map.js")),)
    default_css = (("shequ_css", address_of("shequ/map.css")),)

    def __init__(self) -> None:
        super().__init__()
        self._name = "Ground"
        self.options = write_literal({"images": f"{PREFIX}/leaflet/images/"})


class Paint(folium.FeatureGroup):
    """A feature group that carries one change: colours, overlays and words, as a literal.

    `shapes` is the address of the outlines that they are for.
    """

    def __init__(self, literal: str, shapes: str) -> None:
        super().__init__(control=False)
        self.add_child(_Call(literal, write_literal(shapes)))


class _Call(folium.MacroElement):
    """Hands the change to our script in the page."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            shequ.paint({{ this.literal }}, {{ this.shapes }});
        {% endmacro %}
        """
    )

    def __init__(self, literal: str, shapes: str) -> None:
        super().__init__()
        self._name = "Paint"
        self.literal, self.shapes = literal, shapes


def write_literal(value: Any) -> str:
    r"""`value` as a JavaScript literal that stays data wherever it is put.

    Besides what JSON escapes, everything that could end a script, open a template or be rewritten
    on the way is written as \uXXXX: streamlit-folium replaces `_` + letters and `{{ '…' }}` in
    the code it is given.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return STRING.sub(lambda found: RISKY.sub(_escape, found[0]), text)


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def make_map() -> folium.Map:
    """The empty map with our ground: always the same, so that another area is no other map."""
    ground = folium.Map(
        location=(30.66, 104.06),
        zoom_start=12,
        tiles=None,
        max_zoom=20,
        control_scale=False,
        zoom_snap=0.1,
        zoom_delta=0.5,
        wheel_px_per_zoom_level=120,
        attribution_control=False,
    )
    ground.add_child(Ground())
    return ground

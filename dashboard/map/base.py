"""The ground of the map: constant, so that a change of colours never builds the map anew."""

from __future__ import annotations

import hashlib
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

    def __init__(self, shapes: str) -> None:
        super().__init__()
        self._name = "Ground"
        options = {"shapes": shapes, "images": f"{PREFIX}/leaflet/images/"}
        self.options = write_literal(options)


class Paint(folium.FeatureGroup):
    """A feature group that carries one change: colours, overlays and words, as a literal."""

    def __init__(self, literal: str) -> None:
        super().__init__(control=False)
        self.add_child(_Call(literal))


class _Call(folium.MacroElement):
    """Hands the change to our script in the page."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            shequ.paint({{ this.literal }});
        {% endmacro %}
        """
    )

    def __init__(self, literal: str) -> None:
        super().__init__()
        self._name = "Paint"
        self.literal = literal


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


def make_map(shapes: str) -> folium.Map:
    """The empty map with our ground; the same for the same address of outlines."""
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
    ground.add_child(Ground(shapes))
    return ground


def make_key(shapes: str) -> str:
    """The key under which the page keeps the map.

    streamlit-folium strips `_` + letters from what it compares, so that different grounds can
    look equal to it; the key it leaves alone, and the key follows the ground.
    """
    return "map-" + hashlib.sha256(shapes.encode()).hexdigest()[:16]

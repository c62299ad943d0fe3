"""Every script and style that folium would fetch from elsewhere, pointed at this server."""

from __future__ import annotations

from collections.abc import Iterator

import branca.element
import folium.plugins  # noqa: F401  (its classes must exist before they can be pointed here)
from branca.colormap import ColorMap
from folium.elements import JSCSSMixin

from dashboard.map.files import PREFIX, address_of

# folium's name of a file -> ours.
HOSTED = {
    "leaflet": "leaflet/leaflet.js",
    "leaflet_css": "leaflet/leaflet.css",
    "jquery": "jquery/jquery.min.js",
}
# Nothing on our maps uses these: no icon pins, no Bootstrap.
NOT_NEEDED = {
    "bootstrap",
    "bootstrap_css",
    "awesome_markers",
    "awesome_markers_css",
    "awesome_markers_font_css",
    "awesome_rotate_css",
    "glyphicons_css",
}


class AssetError(RuntimeError):
    """A part of a map asks for a file that this server does not host."""


def host_assets() -> None:
    """Point every folium class at files of this server, as far as they are hosted.

    What is not hosted keeps its outside address, and `refuse_outside` will not let it through.
    """
    for part in _find_subclasses(JSCSSMixin):
        for attribute in ("default_js", "default_css"):
            links = part.__dict__.get(attribute)
            if links is not None:
                setattr(part, attribute, [_host(link) for link in links if _is_needed(link)])


def refuse_outside(root: branca.element.Element) -> None:
    """Raise if any part of a map would fetch a file from elsewhere."""
    for part in _walk(root):
        if isinstance(part, ColorMap):
            raise AssetError("a branca ColorMap fetches d3 from outside: draw the legend instead")
        for name, address in (*getattr(part, "default_js", ()), *getattr(part, "default_css", ())):
            if not address.startswith(PREFIX + "/"):
                raise AssetError(f"{type(part).__name__} needs {name}, which is not hosted here")


def _host(link: tuple[str, str]) -> tuple[str, str]:
    name, _address = link
    return (name, address_of(HOSTED[name])) if name in HOSTED else link


def _is_needed(link: tuple[str, str]) -> bool:
    return link[0] not in NOT_NEEDED


def _find_subclasses(base: type) -> Iterator[type]:
    for part in base.__subclasses__():
        yield part
        yield from _find_subclasses(part)


def _walk(root: branca.element.Element) -> Iterator[branca.element.Element]:
    yield root
    for child in root._children.values():
        yield from _walk(child)


host_assets()

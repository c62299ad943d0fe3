"""Files that pages fetch from this server: the address of each, and the file that answers it."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OWN = Path(__file__).parent / "assets"
PREFIX = "/assets"

# Address below PREFIX -> package that brings the file, and where in it the file lies.
PACKAGED: dict[str, tuple[str, str]] = {
    "leaflet/leaflet.js": ("xstatic.pkg.leaflet", "data/leaflet.js"),
    "leaflet/leaflet.css": ("xstatic.pkg.leaflet", "data/leaflet.css"),
    "leaflet/images/layers.png": ("xstatic.pkg.leaflet", "data/images/layers.png"),
    "leaflet/images/layers-2x.png": ("xstatic.pkg.leaflet", "data/images/layers-2x.png"),
    "leaflet/images/marker-icon.png": ("xstatic.pkg.leaflet", "data/images/marker-icon.png"),
    "leaflet/images/marker-icon-2x.png": ("xstatic.pkg.leaflet", "data/images/marker-icon-2x.png"),
    "leaflet/images/marker-shadow.png": ("xstatic.pkg.leaflet", "data/images/marker-shadow.png"),
    "jquery/jquery.min.js": ("xstatic.pkg.jquery", "data/jquery.min.js"),
}
OWN_FILES = ("map.js", "map.css", "page.css", "page.js")


def find_file(address: str) -> Path | None:
    """The file behind an address below PREFIX, or None. Nothing but the listed files is served."""
    if address in PACKAGED:
        return _find_in_package(*PACKAGED[address])
    own = address.removeprefix("shequ/")
    return OWN / own if own != address and own in OWN_FILES else None


@cache
def address_of(name: str) -> str:
    """The address under which a page asks for a file; our own carry a mark of their contents."""
    path = find_file(name)
    if path is None:
        raise KeyError(name)
    mark = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return f"{PREFIX}/{name}?v={mark}"


@cache
def _find_in_package(package: str, inside: str) -> Path:
    """Where an installed package keeps a file, without importing the package."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(package)
    return Path(next(iter(spec.submodule_search_locations))) / inside

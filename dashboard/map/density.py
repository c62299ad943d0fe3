"""The density surface on the map: for the eye only, never a statement about a place."""

from __future__ import annotations

import folium
import numpy as np
import pandas as pd
from folium.raster_layers import ImageOverlay

from geo.crs import METRES_PER_DEGREE
from geo.density import Density, smooth_density

# Cells of the store are 50 m wide: a narrower kernel would show them and not the town.
NARROWEST_M = 50.0
# Many cells make no better picture, and each goes over the wire.
MOST_ACROSS = 240
SHADES = ("#FBE3B5", "#F3B567", "#D9702F", "#7E1F12")
FAINTEST, STRONGEST = 0.06, 0.85


class Surface:
    """A smooth surface of the complaints in some cells, and the picture of it."""

    def __init__(self, cells: pd.DataFrame) -> None:
        """`cells` as in `out_cells`: lon, lat (degrees, WGS-84), complaint_count."""
        summed = cells.groupby(["lat", "lon"], as_index=False)["complaint_count"].sum()
        lon, lat = (summed[name].to_numpy(dtype=float) for name in ("lon", "lat"))
        self._west, self._south = lon.min(), lat.min()
        across = METRES_PER_DEGREE * np.cos(np.radians(lat.mean()))
        self._metres = np.array([across, METRES_PER_DEGREE])
        places = np.column_stack([lon - self._west, lat - self._south]) * self._metres
        self.density = _smooth(places, summed["complaint_count"].astype(float))

    @property
    def bandwidth_m(self) -> float:
        """How far each complaint is spread: the standard deviation of the kernel."""
        return self.density.bandwidth_m

    def draw(self) -> folium.FeatureGroup:
        """The surface as one picture laid over the map."""
        east, south = self._find_edge(-0.5, -0.5)
        group = folium.FeatureGroup(control=False)
        far_east, north = self._find_edge(self.density.x.size - 0.5, self.density.y.size - 0.5)
        group.add_child(
            ImageOverlay(
                _paint(self.density.per_hectare), [[south, east], [north, far_east]],
                origin="lower", pixelated=False, mercator_project=False,
            )
        )  # fmt: skip
        return group

    def _find_edge(self, column: float, row: float) -> tuple[float, float]:
        """Longitude and latitude of a place given in cells of the surface."""
        x = self.density.x[0] + column * self.density.cell_m
        y = self.density.y[0] + row * self.density.cell_m
        lon, lat = np.array([x, y]) / self._metres
        return float(self._west + lon), float(self._south + lat)


def _smooth(places: np.ndarray, weights: pd.Series) -> Density:
    spread = np.ptp(places, axis=0).max()
    if spread == 0:
        return smooth_density(places, weights, bandwidth_m=NARROWEST_M)
    width = max(smooth_density(places, weights).bandwidth_m, NARROWEST_M)
    cell = max(width / 3.0, (spread + 8.0 * width) / MOST_ACROSS)
    return smooth_density(places, weights, bandwidth_m=width, cell_m=cell)


def _paint(per_hectare: np.ndarray) -> np.ndarray:
    """Colours from light to dark, and clear where there is next to nothing: (rows, columns, 4)."""
    share = np.clip(per_hectare / max(float(per_hectare.max()), 1e-12), 0.0, 1.0)
    stops = np.linspace(0.0, 1.0, len(SHADES))
    shades = np.array([[int(s[i : i + 2], 16) for i in (1, 3, 5)] for s in SHADES], dtype=float)
    channels = [np.interp(share, stops, shades[:, k]) for k in range(3)]
    alpha = np.where(share < FAINTEST, 0.0, 0.25 + (STRONGEST - 0.25) * share) * 255.0
    return np.stack([*channels, alpha], axis=-1).astype(np.uint8)

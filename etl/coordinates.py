"""Coordinates as sheets hold them: angles read, pairs judged; what is wrong is said and dropped.

Nothing here assumes China where the extent of the community is known. Without it only that is
said which is certain by itself, or which puts a point back into China.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from etl.table import Value

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Extent = tuple[float, float, float, float]

CODES = (
    Value("ok", "可用"),
    Value("missing", "没有经纬度"),
    Value("half", "经纬度只填了一个，没有采用；请把经度和纬度都补上"),
    Value("zero", "经纬度填的是 0，那不在任何小区，没有采用；请重新取点，没有就留空"),
    Value(
        "metres",
        "填的不是经纬度的度数，像是以米计的平面坐标，或漏了小数点，没有采用；"
        "请换算成经纬度再填，例如 104.06,30.67",
    ),
    Value(
        "impossible",
        "经纬度超出可能的范围（经度 ±180、纬度 ±90），没有采用；请核对数字和小数点",
    ),
    Value("rounded", "经纬度最多只有一位小数，误差有几公里，没有采用；请取到小数点后五位"),
    Value("swapped", "经纬度写反了，已对调；请在原表里改过来"),
    Value("outside", "坐标离本辖区太远，没有采用；请核对"),
)
_SENTENCES = {value.code: value.label for value in CODES}
_USABLE = ("ok", "swapped")
# Coordinates of another datum lie up to 1.3 km off, and a complaint may be from next door.
MARGIN_KM = 5.0
KM_PER_DEGREE = 111.32
# The land of China, islands aside; only used where the community's own extent is not known.
CHINA: Extent = (73.4, 3.8, 135.2, 53.6)
LEAST_METRES = 1000.0
ROUNDED_TO = 1

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("º˚度", "°"),
        **dict.fromkeys("'’‘´`＇分ʹ", "′"),
        **dict.fromkeys('"”“＂秒ʺ', "″"),
        "−": "-",
    }
)
_HEMISPHERES = {
    "东经": "E", "西经": "W", "北纬": "N", "南纬": "S", "东": "E", "西": "W", "北": "N", "南": "S",
    "经°": "", "纬°": "",  # as 经度 has become by then
}  # fmt: skip
_HEMISPHERE = re.compile("|".join(_HEMISPHERES))
# The last sign is often left off: 104°10′48, 104°10.
_ANGLE = re.compile(
    r"([NSEW]?)[:=]?([-+]?)(\d{1,9}(?:\.\d*)?|\.\d+)"
    r"(?:(°)(?:(\d{1,2}(?:\.\d*)?)(?:′(?:(\d{1,2}(?:\.\d*)?)″?)?)?)?)?([NSEW]?)",
    re.ASCII,
)


def parse_angle(text: str) -> float | None:
    """An angle as decimal degrees: '104°10′48″', '104度10分48秒', 'E104.18', '30°40'N'.

    Half and full width, straight and curved signs are one. South and west are negative. A bare
    number is given back as it is, whatever its size; `judge_coordinates` says whether it can be
    a coordinate.

    Returns
    -------
    float or None
        Degrees; None where the text is no angle, or has 60 minutes, two signs, or more degrees
        than a circle's half.
    """
    match = _ANGLE.fullmatch(_unify(text))
    if match is None:
        return None
    before, sign, degrees, is_marked, minutes, seconds, behind = match.groups()
    hemisphere = before or behind
    if (before and behind) or (sign and hemisphere):
        return None
    if (minutes and "." in degrees) or (seconds and "." in minutes):
        return None
    whole, sixtieths, rest = (float(part or 0) for part in (degrees, minutes, seconds))
    if sixtieths >= 60 or rest >= 60:
        return None
    angle = whole + sixtieths / 60 + rest / 3600
    if (is_marked or hemisphere) and angle > (90 if hemisphere in ("N", "S") else 180):
        return None
    return -angle if sign == "-" or hemisphere in ("S", "W") else angle


def _unify(text: str) -> str:
    """An angle's text with one sign for each thing, and no spaces."""
    # NFKC would take some of these signs apart, so they are unified before and after.
    plain = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS)
    plain = re.sub(r"\s+", "", plain).upper().replace("′′", "″")
    return _HEMISPHERE.sub(lambda match: _HEMISPHERES[match[0]], plain)


@dataclass(frozen=True)
class Judged:
    """What was found of n pairs of coordinates.

    Parameters
    ----------
    codes
        A code of `CODES` for each row.
    lon, lat
        Usable degrees; NaN in both where there is nothing usable. Exchanged where they were
        written the wrong way round.
    is_all_swapped
        Whether the whole sheet was exchanged, since it made sense the other way round only.
    margin_km
        How far beyond the extent a point was still believed.
    """

    codes: npt.NDArray[np.str_]
    lon: Floats
    lat: Floats
    is_all_swapped: bool
    margin_km: float = MARGIN_KM

    @property
    def has_problem(self) -> Flags:
        """Which rows have something to be said."""
        return np.asarray(~np.isin(self.codes, ("ok", "missing")))

    def sentence(self, row: int) -> str:
        """What is wrong with a row, what was done, and what to do."""
        code = str(self.codes[row])
        if code == "outside":
            return f"坐标在本辖区 {self.margin_km:g} 公里以外，没有采用；请核对"
        return _SENTENCES[code]

    def summary(self) -> list[str]:
        """A sentence for each kind of problem, with how many rows have it, in order of `CODES`."""
        said = []
        for value in CODES:
            rows = np.flatnonzero(self.codes == value.code)
            if value.code in ("ok", "missing") or not rows.size:
                continue
            whole = "整张表的" if value.code == "swapped" and self.is_all_swapped else ""
            said.append(f"{whole}{self.sentence(int(rows[0]))}（{rows.size} 行）")
        return said


def judge_coordinates(
    lon: npt.ArrayLike,
    lat: npt.ArrayLike,
    extent: Extent | None = None,
    margin_km: float = MARGIN_KM,
) -> Judged:
    """Say of each pair of coordinates what is wrong with it, and give back what is usable.

    Parameters
    ----------
    lon, lat : array-like of float, n rows
        As the sheet holds them, in any datum; NaN where a cell is empty.
    extent : (west, south, east, north) in degrees, or None where it is not known
        Where the community or its city lies.
    margin_km : float
        How many kilometres beyond the extent a point is still believed.

    Returns
    -------
    Judged

    Notes
    -----
    Whether longitude and latitude were exchanged is decided for the whole sheet where no row
    makes sense as it is and some do the other way round, and row by row otherwise. What makes
    sense lies in the widened extent; without an extent, in China.
    """
    x, y = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    codes = np.full(x.shape, "ok", dtype="<U10")
    home = _widen(extent, margin_km) if extent is not None else CHINA
    is_swapped, is_all = _find_swapped(x, y, home)
    x, y = np.where(is_swapped, y, x), np.where(is_swapped, x, y)
    codes[is_swapped] = "swapped"
    if extent is not None:
        codes[~_is_within(x, y, home)] = "outside"
    for code, found in _find_unusable(x, y, extent).items():
        codes[found] = code
    unusable = ~np.isin(codes, _USABLE)
    x[unusable] = y[unusable] = np.nan
    return Judged(codes, x, y, is_all, margin_km)


def _find_unusable(x: Floats, y: Floats, extent: Extent | None) -> dict[str, Flags]:
    """Rows that nobody can use, wherever the community lies; what is said last counts."""
    no_x, no_y = np.isnan(x), np.isnan(y)
    far_x, far_y = np.abs(x), np.abs(y)
    is_long = (far_x >= LEAST_METRES) & (far_y >= LEAST_METRES)
    with np.errstate(invalid="ignore", over="ignore"):
        coarse = (x == np.round(x, ROUNDED_TO)) & (y == np.round(y, ROUNDED_TO))
    return {
        "rounded": coarse,
        "impossible": (far_x > 180) | (far_y > 90),
        "metres": is_long & np.isfinite(x) & np.isfinite(y),
        "zero": _is_zero(x, y, extent),
        "half": no_x ^ no_y,
        "missing": no_x & no_y,
    }


def _is_zero(x: Floats, y: Floats, extent: Extent | None) -> Flags:
    """Cells where 0 stands for nothing: in one of the two too, unless the place lies there."""
    if extent is None:
        return np.asarray((x == 0) | (y == 0))
    west, south, east, north = extent
    on_meridian, on_equator = west <= 0 <= east, south <= 0 <= north
    one = ((x == 0) & (not on_meridian)) | ((y == 0) & (not on_equator))
    return np.asarray(one | ((x == 0) & (y == 0)))


def _find_swapped(x: Floats, y: Floats, home: Extent) -> tuple[Flags, bool]:
    """Rows to be exchanged, and whether that is the whole sheet."""
    as_is = _is_within(x, y, home)
    exchanged = _is_within(y, x, home) & ~as_is
    is_all = bool(exchanged.any() and not as_is.any())
    if not is_all:
        return exchanged, False
    return ~np.isnan(x) & ~np.isnan(y), True


def _is_within(x: Floats, y: Floats, extent: Extent) -> Flags:
    west, south, east, north = extent
    return np.asarray((west <= x) & (x <= east) & (south <= y) & (y <= north))


def _widen(extent: Extent, margin_km: float) -> Extent:
    """An extent with a margin in kilometres; at most the whole earth."""
    west, south, east, north = extent
    up = margin_km / KM_PER_DEGREE
    farthest = min(max(abs(south), abs(north)), 89.0)
    aside = up / float(np.cos(np.radians(farthest)))
    return west - aside, max(south - up, -90.0), east + aside, min(north + up, 90.0)

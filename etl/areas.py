"""Districts, streets and communities: compounds added up by where they belong, level by level.

An area is named by its path from the top, such as '武侯区/浆洗街/广福桥': names of communities repeat
between streets. What a register leaves out is '-' in the path.
"""

from __future__ import annotations

import pandas as pd

from etl.periods import PER_HOUSEHOLDS
from geo.rates import estimate_rates, shrink_rates

LEVELS = ("district", "street", "community")
SEAM, UNNAMED = "/", "-"
# So many units can be told apart on one screen; beyond that they are added up.
MOST_AT_ONCE = 500


def name_paths(compounds: pd.DataFrame, level: str) -> pd.Series:
    """The path of the area of a level in which each compound lies, on the index of the register."""
    parts = [
        compounds[name]
        .astype(object)
        .fillna(UNNAMED)
        .map(lambda part: str(part).replace(SEAM, "／"))
        for name in LEVELS[: LEVELS.index(level) + 1]
    ]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + SEAM + part
    return joined


def level_of(path: str) -> str:
    """The level of the area that a path names; '' is everything."""
    return LEVELS[path.count(SEAM)] if path else ""


def keep_within(compounds: pd.DataFrame, path: str) -> pd.DataFrame:
    """The compounds of an area; none where there is no such area."""
    if not path:
        return compounds
    if path.count(SEAM) >= len(LEVELS):
        return compounds.iloc[:0]
    return compounds[name_paths(compounds, level_of(path)) == path]


def is_many(compounds: pd.DataFrame) -> bool:
    """Whether these are too many for one screen."""
    return len(compounds) > MOST_AT_ONCE


def find_level(compounds: pd.DataFrame, path: str) -> str:
    """The level by which the compounds of an area are to be added up; '' where they need not be."""
    if not is_many(compounds):
        return ""
    below = LEVELS.index(level_of(path)) + 1 if path else 0
    for level in LEVELS[below:]:
        if compounds[level].nunique(dropna=False) > 1:
            return level
    return ""


def find_path(compounds: pd.DataFrame, place: str) -> str:
    """The widest area around a compound in which compounds need not be added up."""
    path, inside = "", compounds
    while level := find_level(inside, path):
        path = str(name_paths(inside, level)[inside["compound_id"] == place].iloc[0])
        inside = keep_within(inside, path)
    return path


def list_steps(path: str) -> list[str]:
    """The areas around an area, the widest first and itself last."""
    parts = path.split(SEAM) if path else []
    return [SEAM.join(parts[: at + 1]) for at in range(len(parts))]


def add_up(shown: pd.DataFrame, level: str) -> pd.DataFrame:
    """The areas of a level with what their compounds come to together.

    Parameters
    ----------
    shown : DataFrame[district, street, community, households, residents, shown_count, lon, lat]
        The register with the figures of a period, as `etl.periods.add_shown` gives it.
    level
        One of `LEVELS`.

    Returns
    -------
    DataFrame, a row for each area, index its path
        ``compound_count``, ``households``, ``residents``, ``shown_count``; rates per
        1,000 households as `add_shown` has them, of the compounds whose households are known;
        ``lon`` and ``lat`` (degrees, WGS-84) of the middle of its compounds. A sum with a count
        that is withheld is missing.
    """
    paths = name_paths(shown, level)
    homes = shown["households"].astype("Float64").astype(float)
    homes = homes.where(homes > 0)
    counts = shown["shown_count"].astype("Float64").astype(float)
    grouped = pd.DataFrame(
        {
            "households": homes,
            "residents": shown["residents"].astype("Float64").astype(float),
            "count": counts,
            "rated": counts.where(homes.notna(), 0.0),
            "is_withheld": counts.isna(),
            "lon": shown["lon"].astype(float),
            "lat": shown["lat"].astype(float),
        }
    ).groupby(paths)
    sums = grouped[["households", "residents"]].sum(min_count=1)
    cases = grouped[["count", "rated"]].sum()
    cases = cases.mask(grouped["is_withheld"].any())
    rates = estimate_rates(cases["rated"], sums["households"], per=PER_HOUSEHOLDS)
    shrunk = shrink_rates(cases["rated"], sums["households"], per=PER_HOUSEHOLDS)
    return pd.DataFrame(
        {
            "compound_count": grouped.size(),
            "households": sums["households"].astype("Int64"),
            "residents": sums["residents"].round().astype("Int64"),
            "shown_count": cases["count"].astype("Int64"),
            "shown_rate": rates["rate"],
            "shown_low": rates["rate_low"],
            "shown_high": rates["rate_high"],
            "shown_shrunk": shrunk["rate_shrunk"],
            "lon": grouped["lon"].mean(),
            "lat": grouped["lat"].mean(),
        },
        index=sums.index.rename("area"),
    )

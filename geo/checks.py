"""Guards that the measures share: labels, counts, exposures and coordinate systems."""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from geo.errors import CrsMismatchError, DegreesError, GeoError, MissingCrsError

Floats = npt.NDArray[np.float64]
Numbers = pd.Series | float


def require_unique_index(index: pd.Index, what: str) -> None:
    """Raise `GeoError` when a label occurs twice, for results are aligned by label."""
    if not index.is_unique:
        label = index[index.duplicated()][0]
        raise GeoError(f"{what}里的编号“{label}”重复出现，每个编号只能有一行。")


def require_columns(frame: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Raise `GeoError` when a column is absent."""
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise GeoError(f"{what}缺少这些列：{'、'.join(missing)}。")


def require_share(value: float, what: str) -> None:
    """Raise `GeoError` unless ``0 < value < 1``."""
    if not 0.0 < value < 1.0:
        raise GeoError(f"{what}必须在 0 与 1 之间，现在是 {value}。")


def require_crs(geo: gpd.GeoSeries | gpd.GeoDataFrame, what: str = "这份空间数据") -> None:
    """Raise `MissingCrsError` when the layer does not say its coordinate system."""
    if geo.crs is None:
        raise MissingCrsError(what)


def require_metric(geo: gpd.GeoSeries | gpd.GeoDataFrame, what: str = "这份空间数据") -> None:
    """Raise unless the layer is in a projected CRS whose unit is the metre.

    Raises
    ------
    MissingCrsError
        The layer has no CRS.
    DegreesError
        The CRS is geographic (degrees).
    GeoError
        The CRS is plane but counts in another unit, such as feet.
    """
    require_crs(geo, what)
    if geo.crs.is_geographic:
        raise DegreesError(what)
    units = {axis.unit_name for axis in geo.crs.axis_info[:2]}
    if units != {"metre"}:
        raise GeoError(f"{what}的坐标单位是 {'、'.join(sorted(units))}，这里需要米。")


def require_same_crs(
    first: gpd.GeoSeries | gpd.GeoDataFrame, second: gpd.GeoSeries | gpd.GeoDataFrame
) -> None:
    """Raise `MissingCrsError` or `CrsMismatchError` unless both layers share one CRS."""
    require_crs(first)
    require_crs(second)
    if first.crs != second.crs:
        raise CrsMismatchError(first.crs.to_string(), second.crs.to_string())


def read_amounts(values: Numbers, index: pd.Index, what: str) -> Floats:
    """Bring a number or a labelled column into the order of `index`, as floats.

    Missing stays NaN. Raises `GeoError` for labels that do not match, for text,
    for infinity and for negative numbers.
    """
    if isinstance(values, pd.Series):
        require_unique_index(values.index, what)
        if len(values) != len(index) or not index.isin(values.index).all():
            raise GeoError(f"{what}与件数的编号对不上，请检查是否是同一批单元。")
        values = values.reindex(index)
    else:
        values = pd.Series(values, index=index, dtype=float)
    amounts = read_numbers(values, what)
    if (amounts < 0).any():
        raise GeoError(f"{what}不能是负数：“{index[int(np.argmax(amounts < 0))]}”。")
    return amounts


def read_counts(values: pd.Series, what: str = "件数") -> Floats:
    """Read whole, non-negative counts as floats; missing stays NaN.

    Raises `GeoError` for duplicated labels, fractions, negatives and infinity.
    """
    require_unique_index(values.index, what)
    counts = read_amounts(values, values.index, what)
    known = counts[~np.isnan(counts)]
    if (known != np.floor(known)).any():
        raise GeoError(f"{what}必须是整数。")
    return counts


def read_month_table(counts: pd.DataFrame) -> Floats:
    """Read a table of units by months as floats (n, k); a missing count stays NaN.

    Raises `GeoError` for duplicated labels, for months that do not ascend or none at
    all, for fractions, negatives, text and infinity.
    """
    require_unique_index(counts.index, "件数")
    require_unique_index(counts.columns, "月份")
    if not len(counts.columns) or not counts.columns.is_monotonic_increasing:
        raise GeoError("月份必须至少有一个，并且从早到晚排列。")
    try:
        cases: Floats = counts.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise GeoError("每月件数里有不是数字的内容。") from error
    if np.isinf(cases).any():
        raise GeoError("每月件数里有无穷大的数，请检查。")
    known = cases[~np.isnan(cases)]
    if (known < 0).any() or (known != np.floor(known)).any():
        raise GeoError("每月件数必须是不小于 0 的整数。")
    return cases


def read_numbers(values: pd.Series, what: str) -> Floats:
    """Read a column as floats; missing stays NaN; text and infinity raise `GeoError`."""
    try:
        numbers: Floats = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise GeoError(f"{what}里有不是数字的内容。") from error
    if np.isinf(numbers).any():
        raise GeoError(f"{what}里有无穷大的数，请检查。")
    return numbers

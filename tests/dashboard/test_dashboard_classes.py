"""Classes of a choropleth: complete, ordered, none empty, round limits, outliers alone."""

import math

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from dashboard.map.classes import find_limits, put_in_classes, write_limits

values = st.lists(st.floats(0, 1e6, allow_nan=False) | st.none(), max_size=60).map(
    lambda found: pd.Series(found, dtype=float)
)


@given(values)
def test_every_known_value_is_in_one_class_and_no_class_is_empty(found: pd.Series) -> None:
    limits = find_limits(found)
    member = put_in_classes(found, limits)
    assert member.index.equals(found.index)
    assert (member[found.isna()] == -1).all()
    known = member[found.notna()]
    assert set(known) == set(range(max(len(limits) - 1, 0)))
    assert len(limits) <= 6
    assert limits == sorted(limits)


@given(values)
def test_a_higher_value_is_never_in_a_lower_class(found: pd.Series) -> None:
    member = put_in_classes(found, find_limits(found))
    ordered = member[found.dropna().sort_values().index]
    assert ordered.is_monotonic_increasing


def test_an_outlier_stands_alone_at_a_round_limit() -> None:
    rates = pd.Series([132, 140, 142, 148, 165, 172, 175, 181, 186, 191, 200, 216, 225, 227, 502])
    limits = find_limits(rates)
    assert limits[-2] == 400
    assert (put_in_classes(rates, limits) == len(limits) - 2).sum() == 1
    assert write_limits(limits)[-1] == "400 – 502"


def test_the_outer_ends_are_as_round_as_the_range_asks_for() -> None:
    assert write_limits([3.336, 3.4, 4.5, 4.77]) == ["3.3 – 3.4", "3.4 – 4.5", "4.5 – 4.8"]
    assert write_limits([0.1234, 0.2, 0.4567]) == ["0.12 – 0.2", "0.2 – 0.46"]
    assert write_limits([12.3, 30.0, 98.2]) == ["12 – 30", "30 – 99"]
    assert write_limits([3.2, 5.0, 9.7]) == ["3 – 5", "5 – 10"]


def test_one_value_is_one_class_and_none_is_none() -> None:
    assert find_limits(pd.Series([7.0, 7.0])) == [7.0, 7.0]
    assert write_limits([7.0, 7.0]) == ["7"]
    assert (put_in_classes(pd.Series([7.0, 7.0]), [7.0, 7.0]) == 0).all()
    assert find_limits(pd.Series([np.nan])) == []
    assert (put_in_classes(pd.Series([np.nan]), []) == -1).all()


def test_thousands_of_values_are_classed_too() -> None:
    many = pd.Series(np.random.default_rng(1).gamma(2, 300, 5000))
    limits = find_limits(many)
    member = put_in_classes(many, limits)
    assert set(member) == {0, 1, 2, 3, 4}
    assert math.isclose(limits[-1], many.max())

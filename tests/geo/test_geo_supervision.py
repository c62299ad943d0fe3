"""Shares of several companies: told apart only where the figures allow it."""

from __future__ import annotations

import pandas as pd
import pytest

from geo.supervision import compare_shares


def months(**groups: list[tuple[int, int]]) -> pd.DataFrame:
    rows = [(name, *pair) for name, pairs in groups.items() for pair in pairs]
    return pd.DataFrame(rows, columns=["group", "part", "whole"])


def test_a_company_far_later_than_the_others_is_told() -> None:
    found = compare_shares(months(甲=[(30, 50)] * 2, 乙=[(5, 50)] * 2, 丙=[(6, 50)] * 2))
    assert found["verdict"].to_dict() == {"甲": "higher", "乙": "lower", "丙": "lower"}
    assert found.loc["甲", ["part", "whole"]].to_list() == [60, 100]


def test_companies_that_cannot_be_told_apart_are_alike() -> None:
    found = compare_shares(months(甲=[(10, 50)], 乙=[(12, 50)]))
    assert set(found["verdict"]) == {"alike"}
    # Two groups, one comparison: 10 against 12 of 50, by Fisher's exact test; twice for Holm.
    assert found["p_value"].to_list() == pytest.approx([1.0, 1.0])


def test_of_fewer_than_ten_nothing_is_said() -> None:
    found = compare_shares(months(甲=[(9, 9)], 乙=[(0, 50)], 丙=[(25, 50)]))
    assert found.loc["甲", "verdict"] == "too_few"
    assert pd.isna(found.loc["甲", "p_value"])
    assert found.loc["丙", "verdict"] == "higher"
    assert compare_shares(months(甲=[(5, 50)]))["verdict"].to_list() == ["too_few"]


def test_months_that_jump_about_make_it_harder_to_tell() -> None:
    steady = months(甲=[(6, 20)] * 10, 乙=[(3, 20)] * 10)
    jumping = months(甲=[(12, 20), (0, 20)] * 5, 乙=[(6, 20), (0, 20)] * 5)
    assert set(compare_shares(steady)["verdict"]) == {"higher", "lower"}
    assert set(compare_shares(jumping)["verdict"]) == {"alike"}


def test_nobody_late_is_alike() -> None:
    found = compare_shares(months(甲=[(0, 20)], 乙=[(0, 20)]))
    assert set(found["verdict"]) == {"alike"}

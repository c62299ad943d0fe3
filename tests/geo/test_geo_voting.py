"""Votes by article 278 of the Civil Code, against arithmetic done by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import GeoError
from geo.voting import (
    AGREED_BY_NUMBER,
    NOT_AGREED,
    SPECIAL_ITEMS,
    TOO_FEW_VOTERS,
    UNKNOWN,
    count_agreeing,
    find_threshold,
    judge_vote,
)


def test_an_ordinary_matter_of_412_owners_and_33826_square_metres() -> None:
    found = find_threshold(4, 412, 33_826.0)
    # Two thirds of 412 are 274.7: 275 take part; more than half of these are 138.
    assert (found.is_special, found.owners, found.agreeing) == (False, 275, 138)
    assert found.area_m2 == pytest.approx(22_550.667, abs=0.001)
    assert found.agreeing_area_m2 == pytest.approx(11_275.333, abs=0.001)


def test_a_special_matter_needs_three_quarters() -> None:
    found = find_threshold(7, 300, 30_000.0)
    assert (found.is_special, found.owners, found.agreeing) == (True, 200, 150)
    assert (found.area_m2, found.agreeing_area_m2) == (20_000.0, 15_000.0)


def test_two_thirds_itself_is_enough_and_half_itself_is_not() -> None:
    assert find_threshold(1, 3, None).owners == 2
    assert judge_vote(1, 3, 2, 1) == NOT_AGREED
    assert judge_vote(1, 3, 2, 2) == AGREED_BY_NUMBER
    assert judge_vote(6, 6, 4, 3) == AGREED_BY_NUMBER  # three quarters of four


def test_items_six_to_eight_are_special_and_the_ninth_is_not() -> None:
    assert {item for item in range(1, 10) if find_threshold(item, 9, 9).is_special} == {6, 7, 8}


@pytest.mark.parametrize(("owners", "area"), [(None, None), (0, 0.0)])
def test_what_is_not_known_gives_no_threshold(owners: int | None, area: float | None) -> None:
    found = find_threshold(5, owners, area)
    assert (found.owners, found.area_m2, found.agreeing, found.agreeing_area_m2) == (None,) * 4
    assert judge_vote(5, owners, 10, 10) == UNKNOWN


def test_an_area_that_is_not_known_leaves_the_owners_known() -> None:
    found = find_threshold(5, 90, None)
    assert (found.owners, found.agreeing, found.area_m2) == (60, 31, None)


def test_a_vote_is_judged_by_what_is_known() -> None:
    assert judge_vote(4, 412, 133, 118) == TOO_FEW_VOTERS
    assert judge_vote(4, 412, 275, None) == UNKNOWN
    assert judge_vote(4, 412, None, None) == UNKNOWN
    assert judge_vote(4, 412, 133, None) == TOO_FEW_VOTERS


@pytest.mark.parametrize("item", [0, 10])
def test_there_is_no_other_item(item: int) -> None:
    with pytest.raises(GeoError, match="二百七十八"):
        find_threshold(item, 10, 10.0)


@given(st.sampled_from(range(1, 10)), st.integers(1, 100_000))
def test_whole_owners_meet_the_shares_of_the_law_and_one_fewer_does_not(
    item: int, owners: int
) -> None:
    found = find_threshold(item, owners, None)
    assert found.owners is not None
    assert 3 * found.owners >= 2 * owners > 3 * (found.owners - 1)
    agreeing = count_agreeing(item, found.owners)
    if item in SPECIAL_ITEMS:
        assert 4 * agreeing >= 3 * found.owners > 4 * (agreeing - 1)
    else:
        assert 2 * agreeing > found.owners >= 2 * (agreeing - 1)

"""Votes of a compound's owners: how many must take part and agree (Civil Code, article 278)."""

from __future__ import annotations

from dataclasses import dataclass

from geo.errors import GeoError

# Raising money for repairs; altering and rebuilding; other uses of common parts, or business there.
SPECIAL_ITEMS = frozenset({6, 7, 8})
ITEMS = range(1, 10)
UNKNOWN = "unknown"
TOO_FEW_VOTERS = "too_few_voters"
NOT_AGREED = "not_agreed"
AGREED_BY_NUMBER = "agreed_by_number"


@dataclass(frozen=True)
class Threshold:
    """What a vote needs, in owners and in square metres; None where it cannot be reckoned.

    `owners` and `area_m2` are those that must take part at least. `agreeing` and
    `agreeing_area_m2` are what must agree if no more than these take part; of an ordinary matter
    more than `agreeing_area_m2` is needed, of a special one that much is enough.
    """

    item: int
    is_special: bool
    owners: int | None
    area_m2: float | None
    agreeing: int | None
    agreeing_area_m2: float | None


def find_threshold(item: int, owners: int | None, area_m2: float | None) -> Threshold:
    """Reckon what a vote under an item of article 278 needs.

    Parameters
    ----------
    item : 1 to 9, the item of the article's first paragraph
    owners : how many owners there are in all; None or 0 is unknown
    area_m2 : the exclusive area of all owners together, square metres; None or 0 is unknown

    Returns
    -------
    Threshold
        Owners are rounded up to whole ones.

    Raises
    ------
    GeoError
        There is no such item.

    Notes
    -----
    Civil Code of the People's Republic of China, article 278: 由专有部分面积占比三分之二以上的业主
    且人数占比三分之二以上的业主参与表决；决定第六项至第八项规定的事项，应当经参与表决专有部分面积
    四分之三以上的业主且参与表决人数四分之三以上的业主同意；决定其他事项，应当经参与表决专有部分面积
    过半数的业主且参与表决人数过半数的业主同意. By article 1259 以上 takes the figure itself in;
    过半数 is more than one half.
    """
    if item not in ITEMS:
        raise GeoError(f"民法典第二百七十八条没有第 {item} 项，应为 1 至 9。")
    is_special = item in SPECIAL_ITEMS
    taking_part = -(-2 * owners // 3) if owners else None
    area = 2 * area_m2 / 3 if area_m2 else None
    return Threshold(
        item,
        is_special,
        taking_part,
        area,
        count_agreeing(item, taking_part) if taking_part else None,
        None if area is None else area * (0.75 if is_special else 0.5),
    )


def count_agreeing(item: int, taking_part: int) -> int:
    """Count the owners who must agree when so many take part: three quarters, or more than half."""
    return -(-3 * taking_part // 4) if item in SPECIAL_ITEMS else taking_part // 2 + 1


def judge_vote(item: int, owners: int | None, votes: int | None, approvals: int | None) -> str:
    """Judge a vote by the number of owners alone; their areas have to be checked besides.

    Parameters
    ----------
    item : 1 to 9
    owners, votes, approvals : how many there are, took part, agreed; None is unknown

    Returns
    -------
    str
        ``too_few_voters``, ``not_agreed``, ``agreed_by_number``, or ``unknown`` where a figure is
        missing that would decide.
    """
    threshold = find_threshold(item, owners, None)
    if votes is None or threshold.owners is None:
        return UNKNOWN
    if votes < threshold.owners:
        return TOO_FEW_VOTERS
    if approvals is None:
        return UNKNOWN
    return AGREED_BY_NUMBER if approvals >= count_agreeing(item, votes) else NOT_AGREED

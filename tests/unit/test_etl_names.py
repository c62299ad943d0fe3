"""Written names to ids: one name, one id; what could be two things is nobody."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.cells import fold
from etl.names import Names, canonical_building, fold_name

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=300)


def register(aliases: dict[str, str] | None = None, **names: str | list[str]) -> Names:
    """Names of a register: id=name or id=[names]; aliases folded as the profile folds them."""
    known = Names({fold(k): v for k, v in (aliases or {}).items()})
    for identifier, said in names.items():
        known.add(identifier, [said] if isinstance(said, str) else said)
    return known


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("翡翠城一期", "翡翠城1期"),
        ("翡翠城十二期", "翡翠城12期"),
        ("三号院", "3号院"),
        ("东苑二区", "东苑2区"),
        ("翡翠城（一期）", "翡翠城(1期)"),
        ("Ａ区", "a区"),
        ("翠屏 家园", "翠屏家园"),
        ("两组团", "2组团"),
    ],
)
def test_spellings_of_one_name_are_equal(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize(
    "name", ["一品天下", "三圣花乡", "万科城", "九龙仓", "四季花城", "八里小区"]
)
def test_numerals_that_are_part_of_a_name_stay(name: str) -> None:
    assert fold_name(name) == name


@pytest.mark.parametrize("phase", ["一", "二", "三", "十", "十一", "二十"])
def test_phases_are_told_apart(phase: str) -> None:
    names = register(**{f"P{n}": f"翡翠城{n}期" for n in range(1, 25)})
    number = {"一": 1, "二": 2, "三": 3, "十": 10, "十一": 11, "二十": 20}[phase]
    assert names.find(f"翡翠城{phase}期") == f"P{number}"
    assert names.find(f"翡翠城 {phase} 期") == f"P{number}"
    assert names.find("翡翠城") is None


@pytest.mark.parametrize(
    "written",
    ["翠屏家园", "翠屏家园小区", " 翠屏家园 ", "T01", "t01", "翠屏家园（老旧）", "老翠屏"],
)
def test_a_compound_is_found_by_id_name_old_name_and_with_suffix(written: str) -> None:
    assert register(T01=["翠屏家园", "老翠屏"], T02="荷塘小区").find(written) == "T01"


@pytest.mark.parametrize(
    "written", ["荷塘小区", "荷塘", "荷塘院落", "荷塘住宅区", "荷塘小区（东）"]
)
def test_a_suffix_tells_no_compounds_apart_where_only_one_has_the_name(written: str) -> None:
    assert register(T01=["翠屏家园"], T02="荷塘小区").find(written) == "T02"


@pytest.mark.parametrize("written", ["", "  ", "荷", "月季", "翠屏", "小区", "T03", "翠屏家园二期"])
def test_strangers_are_nobody(written: str) -> None:
    assert register(T01="翠屏家园", T02="荷塘小区").find(written) is None


def test_ties_are_nobody() -> None:
    names = register(A="荷塘小区", B="荷塘院落", C="翠屏家园", D="翠屏家园")
    assert names.find("荷塘") is None
    assert names.find("翠屏家园") is None
    assert names.find("荷塘小区") == "A"
    assert names.find("荷塘院落") == "B"
    assert names.find("C") == "C"


def test_no_name_is_nothing_to_be_known_by() -> None:
    names = Names()
    names.add("A", [None, ""])
    assert names.find("A") == "A"
    assert names.find("") is None


@pytest.mark.parametrize(
    "written", ["翠屏家园（二期）", "翠屏家园(B区)", "翠屏家园二期", "翠屏家园三期"]
)
def test_another_phase_is_not_the_one_that_is_known(written: str) -> None:
    assert register(A="翠屏家园（一期）").find(written) is None


def test_a_phase_in_brackets_is_a_phase() -> None:
    names = register(A="翠屏家园一期", B="翠屏家园二期")
    assert names.find("翠屏家园（二期）") == "B"
    assert register(A="翠屏家园", B="翠屏家园二期").find("翠屏家园（二期）") == "B"
    assert register(A="翠屏家园", B="翠屏家园（二期）").find("翠屏家园二期") == "B"


def test_the_full_name_outweighs_a_shortened_one() -> None:
    assert register(A="翠屏家园", B="翠屏家园（二期）").find("翠屏家园") == "A"
    assert register(A="荷塘", B="荷塘小区").find("荷塘") == "A"
    assert register(A="荷塘", B="荷塘小区").find("荷塘小区") == "B"


# -- aliases ----------------------------------------------------------------------------------


def test_an_alias_stands_for_a_name_or_an_id() -> None:
    names = register(
        {"老大院": "翠屏家园", "河边": "T02", "错的": "没有的"}, T01="翠屏家园", T02="荷塘"
    )
    assert names.find("老大院") == "T01"
    assert names.find(" 老 大院") == "T01"
    assert names.find("河边") == "T02"
    assert names.find("错的") is None


def test_an_alias_outweighs_a_name() -> None:
    assert register({"荷塘": "T01"}, T01="翠屏家园", T02="荷塘").find("荷塘") == "T01"


def test_an_empty_alias_names_no_place() -> None:
    names = register({"全社区": ""}, T01="翠屏家园", T02="荷塘")
    assert names.find("全社区") is None
    assert names.is_no_place("全社区")
    assert names.is_no_place(" 全 社区")
    assert not names.is_no_place("翠屏家园")
    assert names.find_in("全社区都停水") is None


def test_an_alias_is_found_whichever_way_its_number_is_written() -> None:
    names = register({"老翠屏一期": "T01"}, T01="翠屏家园")
    assert names.find("老翠屏一期") == "T01"
    assert names.find("老翠屏1期") == "T01"


# -- within a sentence ------------------------------------------------------------------------


def test_a_name_in_an_address_is_found() -> None:
    names = register(T01="翠屏家园", T02="荷塘月色")
    assert names.find_in("建设路12号翠屏家园3栋") == "T01"
    assert names.find_in("荷塘月色门口") == "T02"
    assert names.find_in("建设路12号") is None
    assert names.find_in("") is None


def test_the_longest_name_is_meant() -> None:
    names = register(A="翠屏家园", B="翠屏家园二期", C="翠屏")
    assert names.find_in("翠屏家园二期3栋") == "B"
    assert names.find_in("翠屏家园3栋") == "A"
    assert names.find_in("翠屏家园2期3栋") == "B"


def test_names_of_two_letters_are_too_short_to_be_looked_for() -> None:
    assert register(A="荷塘").find_in("荷塘边的树") is None


def test_a_name_that_several_bear_is_not_looked_for() -> None:
    assert register(A="翠屏家园", B="翠屏家园").find_in("翠屏家园3栋") is None


def test_a_sentence_that_names_two_places_names_none() -> None:
    names = register(A="翠屏家园", B="荷塘月色")
    assert names.find_in("荷塘月色与翠屏家园之间的路灯不亮") is None


def test_an_alias_in_a_sentence_is_found() -> None:
    assert register({"老大院": "T01"}, T01="翠屏家园").find_in("老大院门口积水") == "T01"


def test_an_alias_with_a_number_in_a_sentence_is_found() -> None:
    assert register({"老翠屏一期": "T01"}, T01="翠屏家园").find_in("老翠屏一期3栋漏水") == "T01"


def test_an_alias_of_nobody_is_not_an_id() -> None:
    # '' would be stored as the id of a compound that is not there.
    assert register({"错的名": "没有的"}, T01="翠屏家园").find_in("错的名门口") is None


def test_part_of_a_number_is_not_the_number() -> None:
    assert register(A="15号院").find_in("建设路115号院") is None
    assert register(A="15号院").find_in("建设路15号院") == "A"


def test_a_road_is_not_the_compound_that_bears_its_name() -> None:
    names = register(A="建设路小区")
    assert names.find_in("建设路小区3栋") == "A"
    assert names.find_in("建设路12号占道经营") is None


# -- buildings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "building"),
    [
        ("3栋", "3栋"),
        ("3幢", "3栋"),
        ("3#", "3栋"),
        ("3号", "3栋"),
        ("3号楼", "3栋"),
        ("三号楼", "3栋"),
        ("第三栋", "3栋"),
        ("３号楼", "3栋"),
        ("3 栋", "3栋"),
        ("3", "3栋"),
        ("三", "3栋"),
        ("十二幢", "12栋"),
        ("二十一栋", "21栋"),
        ("A座", "A栋"),
        ("a栋", "A栋"),
        ("B3栋", "B3栋"),
        ("b3", "B3栋"),
    ],
)
def test_a_building_is_known_however_it_is_written(written: str, building: str) -> None:
    assert canonical_building(written) == building
    assert canonical_building(building) == building


def test_leading_zeros_make_no_other_building() -> None:
    assert canonical_building("03栋") == "3栋"
    assert canonical_building("003") == "3栋"


@pytest.mark.parametrize("written", ["地下室", "门卫室", "3-4栋", "南区3栋", "全部", "1、2栋"])
def test_other_texts_are_left_alone(written: str) -> None:
    assert canonical_building(f" {written} ") == written


# -- anything ---------------------------------------------------------------------------------

NAME = st.text("翠屏家园荷塘月色城一二三十12期号院区（）() 小区ab", max_size=10)


@given(st.lists(NAME, max_size=5), NAME)
@QUICK
def test_what_is_found_is_one_of_those_that_are_known(known: list[str], written: str) -> None:
    names = Names()
    for number, name in enumerate(known):
        names.add(f"#{number}", [name])
    identifiers = {f"#{number}" for number in range(len(known))}
    assert names.find(written) in identifiers | {None}
    assert names.find_in(written) in identifiers | {None}


@given(st.lists(NAME.filter(lambda name: len(fold_name(name)) > 0), min_size=1, max_size=5))
@QUICK
def test_a_name_written_as_registered_is_its_own_or_shared(known: list[str]) -> None:
    names = Names()
    for number, name in enumerate(known):
        names.add(f"#{number}", [name])
    for number, name in enumerate(known):
        alike = {f"#{n}" for n, other in enumerate(known) if fold_name(other) == fold_name(name)}
        assert names.find(name) == (f"#{number}" if len(alike) == 1 else None)


@given(NAME)
@QUICK
def test_any_text_folds_and_canonicalizes(text: str) -> None:
    assert fold_name(fold_name(text)) == fold_name(text)
    assert canonical_building(canonical_building(text)) == canonical_building(text)

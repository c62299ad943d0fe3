"""Written names to ids: one name, one id; what could be two things is nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.cells import fold
from etl.names import (
    CERTAINTY,
    FOUND_BY,
    IN_A_SENTENCE,
    Found,
    Names,
    Tie,
    canonical_building,
    fold_name,
)

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
        ("叁号院", "3号院"),
        ("玉林六巷5号院", "玉林6巷5号院"),
        ("府青路一段36号院", "府青路1段36号院"),
        ("翡翠城Ⅱ期", "翡翠城二期"),
        ("一百二十号院", "120号院"),
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


# -- how it was found -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def community() -> Names:
    """A community's register, with names that are easily mixed up."""
    names = Names({"老大院": "T03", "全社区": "", "27号院": "新桥街27号院"})
    names.add("T01", ["翠屏家园"], old_names=["纺织厂宿舍"], aliases=["翠屏"])
    names.add("T02", ["荷塘小区"])
    names.add("T03", ["新桥街27号院"])
    names.add("T04", ["翡翠城一期"])
    names.add("T05", ["翡翠城二期"])
    names.add("T06", ["望江橡树林花园"])
    names.add("T07", ["槐里新城"])
    names.add("T08", ["槐里花园"])
    names.add("T09", ["沙湾锦绣苑（老旧）"])
    names.add("T10", ["银杏公寓（东街）"])
    names.add("T11", ["银杏公寓（西街）"])
    names.add("T12", ["锦苑"])
    return names


@pytest.mark.parametrize(
    ("written", "identifier", "how"),
    [
        ("T01", "T01", "id"),
        ("t01", "T01", "id"),
        ("翠屏家园", "T01", "name"),
        (" 翠屏家园 ", "T01", "name"),
        ("纺织厂宿舍", "T01", "old_name"),
        ("翠屏", "T01", "alias"),
        ("老大院", "T03", "alias"),
        ("27号院", "T03", "alias"),
        ("荷塘", "T02", "short"),
        ("望江橡树林", "T06", "short"),
        ("新桥街27号", "T03", "short"),
        ("翡翠城1期", "T04", "spelling"),
        ("翡翠城（1期）", "T04", "spelling"),
        ("翡翠城·第二期", "T05", "spelling"),
        ("翡翠城 ２ 期", "T05", "spelling"),
        ("翠屏家园小区", "T01", "spelling"),
        ("锦江区翠屏家园", "T01", "spelling"),
        ("成都市锦江区柳江街道翠屏家园", "T01", "spelling"),
        ("沙湾锦绣苑", "T09", "spelling"),
        ("银杏公寓【东街】", "T10", "spelling"),
        ("沙弯锦绣苑", "T09", "homophone"),
        ("翠平家园", "T01", "homophone"),
        ("飞翠城二期", "T05", "homophone"),
        ("望江像树林花园", "T06", "homophone"),
        ("望江柏树林花园", "T06", "similar"),
        ("望江橡树树林花园", "T06", "similar"),
    ],
)
def test_how_a_name_was_found_is_said(
    community: Names, written: str, identifier: str, how: str
) -> None:
    assert community.resolve(written) == Found(identifier, how, CERTAINTY[how])


@pytest.mark.parametrize(
    ("written", "ids"),
    [
        ("翡翠城", ("T04", "T05")),
        ("翡翠城小区", ("T04", "T05")),
        ("银杏公寓", ("T10", "T11")),
    ],
)
def test_what_fits_several_is_asked_about(
    community: Names, written: str, ids: tuple[str, ...]
) -> None:
    assert community.resolve(written) == Tie(ids)
    assert community.find(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "翡翠城三期",  # another phase
        "翡翠城十二期",
        "新桥街28号院",  # another number
        "新乔街28号院",
        "金苑",  # sounds like 锦苑, but two characters are too few
        "锦园",
        "槐里",  # what is left of two different compounds
        "槐里家园",
        "银杏公寓（北街）",  # the remark contradicts both
        "新桥东街27号院",
        "翠屏东家园",
        "芙蓉苑",
        "",
        "  ",
        "（）",
    ],
)
def test_what_only_looks_alike_is_nobody(community: Names, written: str) -> None:
    assert community.resolve(written) is None


def test_two_names_of_one_sound_are_a_tie() -> None:
    names = register(A="沙湾锦绣苑", B="沙弯锦秀苑")
    assert names.resolve("沙湾锦秀苑") == Tie(("A", "B"))
    assert names.resolve("沙湾锦绣苑") == Found("A", "name", 1.0)


def test_a_second_name_nearly_as_near_makes_a_tie() -> None:
    names = register(A="望江橡树林花园", B="望江柏树林花园")
    assert names.resolve("望江松树林花园") == Tie(("A", "B"))


def test_only_one_side_may_have_a_district_before_it() -> None:
    names = register(A="青羊区教育局新宿舍")
    assert names.resolve("教育局新宿舍") == Found("A", "spelling", CERTAINTY["spelling"])
    assert names.resolve("金牛区教育局新宿舍") is None


@pytest.mark.parametrize("written", ["都市美好家园", "大城市花园小区", "石人小区花园小区"])
def test_what_only_looks_like_a_district_is_part_of_the_name(written: str) -> None:
    assert register(A="美好家园", B="花园小区").resolve(written) is None


def test_a_short_form_that_several_may_have_is_a_tie() -> None:
    assert register(A="五冶小区", B="五冶宿舍").resolve("五冶") == Tie(("A", "B"))


def test_a_name_and_anothers_former_name_are_a_tie() -> None:
    names = Names()
    names.add("A", ["荷塘月色"])
    names.add("B", ["翠屏家园"], old_names=["荷塘月色"])
    assert names.resolve("荷塘月色") == Tie(("A", "B"))


def test_what_is_remembered_counts_from_then_on() -> None:
    names = register(A="翠屏家园", B="荷塘月色")
    assert names.resolve("桥头那边") is None
    assert names.resolve_in("桥头那边漏水") is None
    names.remember("桥头那边", "A")
    assert names.resolve("桥头 那边") == Found("A", "alias", 1.0)
    assert names.resolve_in("桥头那边漏水") == Found("A", "alias", IN_A_SENTENCE)
    names.remember("桥头那边", "")
    assert names.is_no_place("桥头那边")
    assert names.resolve("桥头那边") is None


def test_what_is_added_later_is_known() -> None:
    names = register(A="望江橡树林花园")
    assert names.resolve("沙弯锦绣苑") is None
    assert names.resolve_in("沙湾锦绣苑3栋") is None
    names.add("B", ["沙湾锦绣苑"])
    assert names.resolve("沙弯锦绣苑") == Found("B", "homophone", CERTAINTY["homophone"])
    assert names.find_in("沙湾锦绣苑3栋") == "B"


def test_sound_and_likeness_are_no_finding_without_saying_so(community: Names) -> None:
    assert community.find("翠平家园") is None
    assert community.find("望江柏树林花园") is None


def test_every_way_has_a_label_and_a_certainty() -> None:
    assert {value.code for value in FOUND_BY} == set(CERTAINTY)
    assert all(0 < certainty <= 1 for certainty in CERTAINTY.values())
    assert all(value.label for value in FOUND_BY)


def test_a_thing_is_called_by_its_first_name(community: Names) -> None:
    assert community.name_of("T01") == "翠屏家园"
    assert community.name_of("没有的") == "没有的"


@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        ("荷塘小区与翠屏家园之间的路灯", Tie(("T01", "T02"))),
        ("翠屏家园3栋，翠屏家园门口", Found("T01", "name", IN_A_SENTENCE)),
        ("原纺织厂宿舍3栋", Found("T01", "old_name", 0.98 * IN_A_SENTENCE)),
        ("翡翠城第二期5栋", Found("T05", "name", IN_A_SENTENCE)),
        ("翡翠城5栋", None),
        ("翡翠城三期5栋", None),
        ("银杏公寓3栋", Tie(("T10", "T11"))),
        ("银杏公寓(西街)3栋", Found("T11", "name", IN_A_SENTENCE)),
        ("新桥街127号院", None),
        ("全社区都停水", None),
    ],
)
def test_what_a_sentence_names(community: Names, sentence: str, answer: Found | Tie | None) -> None:
    assert community.resolve_in(sentence) == answer


def test_a_phase_that_is_not_known_is_not_the_compound_without_one() -> None:
    names = register(A="翠屏家园", B="翠屏家园二期")
    assert names.find_in("翠屏家园三期3栋") is None
    assert names.find_in("翠屏家园二期3栋，翠屏家园二期门口") == "B"
    # Where no phase is known, the compound is not divided, and all of it is meant.
    assert register(A="翠屏家园").find_in("翠屏家园三期3栋") == "A"


def test_a_name_that_is_only_a_kind_is_not_the_tail_of_another() -> None:
    names = register(A="花园小区")
    assert names.find_in("建设路花园小区3栋") == "A"
    assert names.find_in("翠屏花园小区3栋") is None


@pytest.mark.parametrize(
    ("written", "first"),
    [("翠屏花园", "翠屏家园"), ("金苑", "锦苑"), ("翡翠城三期", "翡翠城一期"), ("望江", None)],
)
def test_near_names_are_suggested(community: Names, written: str, first: str | None) -> None:
    suggested = community.suggest(written)
    assert suggested[:1] == ((first,) if first else ())


def test_no_more_names_are_suggested_than_asked_for(community: Names) -> None:
    assert community.suggest("翡翠城三期", 1) == ("翡翠城一期",)
    assert community.suggest("翡翠城三期", 0) == ()
    assert community.suggest("") == ()
    assert Names().suggest("翠屏家园") == ()


# -- real names -------------------------------------------------------------------------------

NUMBERED = re.compile(r"(?<![一二三四五六七八九十])([一二三四五六七八九])(期|区|段)")


@pytest.fixture(scope="module")
def listed() -> tuple[Names, dict[str, str]]:
    """The names of a listing of Chengdu by id; those that are spelled alike left out."""
    path = Path(__file__).parents[2].parent / "shared/data/chengdu_compounds"
    if not path.is_dir():
        pytest.skip("../shared/data/chengdu_compounds is not beside this checkout")
    written = json.loads((path / "souloula_chengdu.json").read_text(encoding="utf-8"))
    by_form = {fold_name(name): name for name in sorted(written)}
    known = {f"#{n}": name for n, name in enumerate(by_form.values())}
    names = Names()
    for identifier, name in known.items():
        names.add(identifier, [name])
    return names, known


def test_every_real_name_is_its_own(listed: tuple[Names, dict[str, str]]) -> None:
    names, known = listed
    for identifier, name in known.items():
        assert names.resolve(name) == Found(identifier, "name", 1.0)


def test_real_names_are_found_with_a_district_before_them_or_never_taken_for_another(
    listed: tuple[Names, dict[str, str]],
) -> None:
    names, known = listed
    answers = {i: names.resolve(f"成都市武侯区{name}") for i, name in known.items()}
    right = sum(isinstance(a, Found) and a.identifier == i for i, a in answers.items())
    wrong = sum(isinstance(a, Found) and a.identifier != i for i, a in answers.items())
    assert (right > 0.95 * len(known), wrong) == (True, 0)


def test_real_phases_are_found_in_figures_and_never_taken_for_others(
    listed: tuple[Names, dict[str, str]],
) -> None:
    names, known = listed
    numbered = {i: name for i, name in known.items() if NUMBERED.search(name)}
    assert len(numbered) > 200
    for identifier, name in numbered.items():
        figures = NUMBERED.sub(lambda m: f"{'一二三四五六七八九'.index(m[1]) + 1}{m[2]}", name)
        assert names.find(figures) == identifier
        answer = names.resolve(NUMBERED.sub(lambda m: f"27{m[2]}", name))
        assert not isinstance(answer, Found)


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
        ("叁号楼", "3栋"),
        ("3 号", "3栋"),
        ("A 座", "A栋"),
        ("三座", "3栋"),
        ("三#", "3栋"),
        ("一百零二栋", "102栋"),
    ],
)
def test_a_building_is_known_however_it_is_written(written: str, building: str) -> None:
    assert canonical_building(written) == building
    assert canonical_building(building) == building


def test_leading_zeros_make_no_other_building() -> None:
    assert canonical_building("03栋") == "3栋"
    assert canonical_building("003") == "3栋"


@pytest.mark.parametrize(
    "written", ["地下室", "门卫室", "3-4栋", "南区3栋", "全部", "1、2栋", "一千二百", "一千二百栋"]
)
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


@given(st.lists(NAME, max_size=6), NAME)
@QUICK
def test_any_text_has_an_answer(known: list[str], written: str) -> None:
    names = Names()
    for number, name in enumerate(known):
        names.add(f"#{number}", [name])
    identifiers = {f"#{number}" for number in range(len(known))}
    for answer in (names.resolve(written), names.resolve_in(written)):
        if isinstance(answer, Found):
            assert answer.identifier in identifiers
            assert 0 < answer.certainty <= 1
        elif isinstance(answer, Tie):
            assert len(answer.identifiers) > 1
            assert set(answer.identifiers) <= identifiers
    assert set(names.suggest(written)) <= {name.strip() for name in known}


@given(
    st.lists(st.text("望江橡树林松柏苑东西一二期3A区", min_size=3, max_size=9), max_size=6),
    st.data(),
)
@QUICK
def test_numbers_letters_and_directions_are_never_taken_for_others(
    known: list[str], data: st.DataObject
) -> None:
    names = Names()
    for number, name in enumerate(known):
        names.add(f"#{number}", [name])
    written = data.draw(st.text("望江橡树林松柏苑东西一二期3A区", min_size=3, max_size=9))
    answer = names.resolve(written)
    if isinstance(answer, Found):
        found = known[int(answer.identifier[1:])]
        assert telling(found) == telling(written)


def telling(name: str) -> list[str]:
    return re.findall(r"\d+|[a-z]+|[一二]+|[东西]", fold_name(name))


@given(st.text(max_size=30))
@QUICK
def test_no_text_is_too_strange(community: Names, written: str) -> None:
    community.resolve(written)
    community.resolve_in(written)
    community.suggest(written)
    community.find(written)


def test_an_id_that_lost_its_leading_zeros_is_found_where_only_one_is_meant() -> None:
    names = Names()
    names.add("007", ["翠屏家园"])
    names.add("12", ["荷塘小区"])
    names.add("0012", ["锦绣苑"])
    assert names.resolve("7") == Found("007", "spelling", CERTAINTY["spelling"])
    assert names.resolve("12") == Found("12", "id", 1.0)
    assert names.resolve("012") == Tie(("0012", "12"))
    assert names.resolve("8") is None

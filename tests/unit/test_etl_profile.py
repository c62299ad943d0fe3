"""A community's settings: what they say holds, and what is wrong is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl.cells import BadCellError, parse_cell
from etl.errors import ProfileError
from etl.match import Match, find_table
from etl.profile import Category, Source, load_profile, parse_profile
from etl.sheet import Sheet
from etl.tables import TABLES

ROOT = Path(__file__).parents[2]


def refuse(text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, "我们的.toml")
    said = str(caught.value)
    assert "《我们的.toml》" in said
    return said


# -- defaults and overrides -------------------------------------------------------------------


def test_nothing_said_is_the_defaults() -> None:
    profile = load_profile()
    assert profile == parse_profile("")
    assert profile.tables == TABLES
    assert profile.datum == "WGS-84"
    assert profile.rate_months == 12
    assert profile.text == ""
    assert {c.name for c in profile.categories} >= {"停车管理", "环境卫生", "物业服务", "其他"}
    assert profile.source("任何.xlsx") == Source("任何.xlsx")


@pytest.mark.parametrize("path", sorted(ROOT.glob("data/profiles/*.toml")), ids=lambda p: p.name)
def test_profiles_that_come_along_can_be_used(path: Path) -> None:
    assert load_profile(path).text == path.read_text(encoding="utf-8")


def test_plain_settings_are_replaced() -> None:
    profile = parse_profile('name = "T 社区"\ndatum = "GCJ-02"\nrate_months = 6')
    assert (profile.name, profile.datum, profile.rate_months) == ("T 社区", "GCJ-02", 6)
    assert profile.categories == load_profile().categories


def test_sections_are_overridden_entry_by_entry() -> None:
    profile = parse_profile("[published]\ncompounds = 16\n[scales]\ncoverage = [0.0, 0.5]")
    assert profile.published["compounds"] == 16.0
    assert profile.published["households"] == 0.0
    assert profile.scales["coverage"] == (0.0, 0.5)
    assert profile.scales["worsening"] == load_profile().scales["worsening"]


def test_lists_are_replaced_as_a_whole() -> None:
    profile = parse_profile('[[categories]]\nname = "油烟"\naliases = ["烟味"]\ndue_days = 5')
    assert profile.categories == (Category("油烟", ("烟味",), 5),)
    column = profile.table("complaints")["category"]
    assert parse_cell("烟味", column, profile.spellings(column)) == "油烟"
    with pytest.raises(BadCellError, match="油烟"):
        parse_cell("停车管理", column, profile.spellings(column))


def test_one_weight_can_be_changed_without_repeating_the_others() -> None:
    profile = parse_profile("[weights.need]\nopen_needs = 2.0")
    assert profile.weights["need"]["open_needs"] == 2.0
    assert profile.weights["need"]["complaint_rate"] == 3.0
    assert profile.weights["gap"] == load_profile().weights["gap"]


def test_one_expectation_can_be_changed_without_repeating_the_others() -> None:
    profile = parse_profile('[expectations."老旧"]\nowners_committee = "expected"')
    assert profile.expectations["老旧"]["owners_committee"] == "expected"
    assert profile.expectations["老旧"]["property_company"] == "expected"
    assert profile.expectations["商品房"] == load_profile().expectations["商品房"]


def test_aliases_and_headers_are_folded() -> None:
    profile = parse_profile(
        '[aliases]\n"Ｑ 小区" = "T16"\n[columns.complaints]\n"OPEN DT" = "reported_at"'
    )
    assert profile.aliases == {"q小区": "T16"}
    assert profile.columns["complaints"] == {"opendt": "reported_at"}


def test_a_category_name_outweighs_the_alias_of_another() -> None:
    profile = parse_profile(
        '[[categories]]\nname = "甲"\naliases = ["乙"]\n[[categories]]\nname = "乙"'
    )
    spellings = profile.spellings(profile.table("complaints")["category"])
    assert spellings["乙"] == "乙"
    assert spellings["甲"] == "甲"


# -- sources ----------------------------------------------------------------------------------

SOURCES = """
[[sources]]
pattern = "12345*.csv"
table = "complaints"
datum = "BD-09"
date_formats = ["%m/%d/%Y"]

[[sources]]
pattern = "*.csv"
table = "compounds"
"""


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("12345工单.csv", "complaints"),
        ("12345工单.CSV", "complaints"),
        ("楼.csv", "compounds"),
        ("楼.xlsx", ""),
    ],
)
def test_the_first_pattern_that_fits_a_file_counts(file: str, table: str) -> None:
    assert parse_profile(SOURCES).source(file).table == table


def test_what_is_said_of_a_source_is_kept() -> None:
    source = parse_profile(SOURCES).source("12345a.csv")
    assert source.datum == "BD-09"
    assert source.date_formats == ("%m/%d/%Y",)


# -- rules ------------------------------------------------------------------------------------


def test_a_rule_changes_its_column_and_no_other() -> None:
    profile = parse_profile("[rules.compounds.household_count]\nhigh = 500\nrequired = false")
    column = profile.table("compounds")["household_count"]
    assert (column.high, column.required, column.label) == (500, False, "总户数")
    with pytest.raises(BadCellError, match="不能大于 500户"):
        parse_cell(501, column, {})
    plain = load_profile().table("compounds")["resident_count"]
    assert profile.table("compounds")["resident_count"] == plain
    assert profile.table("buildings") == load_profile().table("buildings")
    assert TABLES[0]["household_count"].high == 20_000, "the contract itself stays as it is"


def test_an_alias_in_a_rule_is_a_header() -> None:
    profile = parse_profile('[rules.compounds.name]\naliases = ["楼盘", "盘名"]')
    sheet = Sheet.of("小区台账", [["盘名", "小区类型", "总户数"], ["翠屏家园", "商品房", 3]])
    match = find_table(sheet, "a.xlsx", profile)
    assert isinstance(match, Match)
    assert match.columns["name"] == [0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[rules.compounds.household_count]\nhigh = "许多"', "household_count"),
        ('[rules.compounds.household_count]\nrequired = "是"', "household_count"),
        ("[rules.compounds.name]\nlabel = 3", "name"),
        ('[rules.compounds.type]\nvalues = ["商品房"]', "type"),
        ("[rules]\ncompounds = 3", "compounds"),
        ("[rules.compounds]\nname = 3", "name"),
    ],
)
def test_a_rule_of_the_wrong_type_is_refused(text: str, words: str) -> None:
    assert words in refuse(text)


# -- what is wrong ----------------------------------------------------------------------------


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ProfileError, match="没有的.toml"):
        load_profile(Path("没有的.toml"))


def test_a_file_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "设置.toml"
    path.write_bytes('name = "社区"'.encode("gb18030"))
    with pytest.raises(ProfileError, match="《设置.toml》不是 UTF-8"):
        load_profile(path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "设置.toml"
    path.write_bytes('name = "社区"'.encode("utf-8-sig"))
    assert load_profile(path).name == "社区"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "写法有误"),
        ('nmae = "x"', "nmae"),
        ('datum = "WGS84"', "WGS84"),
        ("datum = 5", "datum"),
        ('rate_months = "很多"', "rate_months"),
        ("rate_months = 0", "rate_months"),
        ("categories = []", "categories"),
        ('[[categories]]\naliases = ["x"]', "name"),
        ('[[categories]]\nname = "x"\ncolour = "red"', "colour"),
        ('[[sources]]\npattern = "*"\ntable = "complaint"', "complaint"),
        ('[[sources]]\npattern = "*"\ndatum = "火星"', "火星"),
        ('[[boundaries]]\npattern = "*"\nlevel = "planet"', "planet"),
        ('[[boundaries]]\npattern = "*"\nlevel = "compound"\ndatum = "火星"', "火星"),
        ('[columns.complaint]\n"x" = "text"', "complaint"),
        ('[columns.complaints]\n"x" = "txet"', "txet"),
        ("[rules.compound.name]\nrequired = true", "compound"),
        ("[rules.compounds.nmae]\nrequired = true", "nmae"),
        ("[rules.compounds.name]\nrequierd = true", "requierd"),
        ('[rules.compounds.name]\nkind = "int"', "kind"),
        ('[expectations."老旧"]\nproperty_company = "maybe"', "maybe"),
        ("[scales]\ncoverage = [0.0]", "scales"),
        ('[published]\ncompounds = "许多"', "published"),
        ("aliases = 3", "aliases"),
        ("columns = 3", "columns"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, words: str) -> None:
    assert words in refuse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("weights = 3", "weights"),
        ("[weights.need]\nfoo = 1.0", "foo"),
        ('[weights.need]\nopen_needs = "很重"', "open_needs"),
        ("[weights.need]\nopen_needs = -1.0", "open_needs"),
        ("[scales]\nfoo = [0.0, 1.0]", "foo"),
        ("[capital]\nfewest_answers = 4", "fewest_answers"),
        ("[capital]\nagrees_from = 6", "agrees_from"),
        ("[capital]\nfoo = 1", "foo"),
        ('[expectations."老旧"]\nfoo = "expected"', "foo"),
        ('[expectations."别墅"]\nproperty_company = "expected"', "别墅"),
        ('[expectations]\n"老旧" = "expected"', "老旧"),
        ('[stand_ins]\n"老旧" = [["foo"]]', "foo"),
        ("[published]\nfoo = 3", "foo"),
        ('[[playbook]]\npath = "魔法"\nwhen = ["high_rate"]\naction = "x"', "魔法"),
        ('[[playbook]]\npath = "信任"\nwhen = ["no_such_reason"]\naction = "x"', "no_such_reason"),
        ('[[categories]]\nname = "停车"\naliases = "停车难"', "aliases"),
        ('[[categories]]\nname = "停车"\ndue_days = "三天"', "due_days"),
        ("[[categories]]\nname = 3", "name"),
        ('[[categories]]\nname = "停车"\n[[categories]]\nname = "停车"', "停车"),
        ("[[sources]]\npattern = 3", "pattern"),
        ('[[sources]]\npattern = "*.csv"\ndate_formats = "%Y"', "date_formats"),
        ('[[boundaries]]\npattern = "*"\nlevel = "compound"\ndatum = "auto"', "auto"),
        ('[aliases]\n"a" = 3', "aliases"),
        ("name = []", "name"),
    ],
)
def test_everything_a_profile_names_must_exist_and_be_of_its_type(text: str, words: str) -> None:
    assert words in refuse(text)

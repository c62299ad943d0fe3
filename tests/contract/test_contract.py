"""The contract agrees with itself, with its data dictionary and with the template made from it."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from etl.cells import fold, parse_cell
from etl.match import Match, find_table, fold_header
from etl.profile import Profile, load_profile, parse_profile
from etl.sheet import Sheet
from etl.table import Column, Table
from etl.tables import BY_NAME, TABLES
from etl.tables.outputs import OUTPUTS
from etl.tables.records import RECORDS
from etl.template import (
    LIST_LIMIT,
    allowed_values,
    describe_contract,
    explain,
    export_schema,
    write_template,
)
from etl.workbook import read_workbook

ROOT = Path(__file__).parents[2]
PROFILE = load_profile()
SUBJECTS = {
    "compounds": "小区台账",
    "buildings": "楼栋",
    "population_groups": "人口构成",
    "complaints": "投诉工单",
    "organizations": "组织台账",
    "coverage": "组织覆盖",
    "committee_steps": "院落自治委员会成立进度",
    "core_residents": "居民骨干",
    "activities": "活动记录",
    "needs": "需求清单",
    "matters": "议题",
    "meetings": "会议纪要",
    "responsibilities": "主体职责",
    "interventions": "行动计划",
    "survey": "居民问卷",
}
EVERY_TABLE = (*TABLES, *RECORDS, *OUTPUTS)
EVERY_COLUMN = [(table, column) for table in TABLES for column in table.columns]


def name_case(case: object) -> str:
    return case.name if isinstance(case, (Table, Column)) else str(case)


def test_every_subject_of_the_design_has_its_table_under_its_word() -> None:
    assert {table.name: table.label for table in TABLES} == SUBJECTS
    assert list(BY_NAME) == [table.name for table in TABLES]


def test_tables_have_names_and_labels_of_their_own() -> None:
    names = [f"core_{table.name}" for table in TABLES] + [t.name for t in (*RECORDS, *OUTPUTS)]
    assert len(set(names)) == len(names)
    labels = [table.label for table in EVERY_TABLE]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("table", EVERY_TABLE, ids=name_case)
def test_columns_have_names_and_labels_of_their_own(table: Table) -> None:
    names = [column.name for column in table.columns]
    labels = [column.label for column in table.columns]
    assert len(set(names)) == len(names)
    assert len(set(labels)) == len(labels)
    assert not set(names) & {"file", "sheet", "row", "snapshot"} or table in RECORDS


@pytest.mark.parametrize("table", EVERY_TABLE, ids=name_case)
def test_keys_identities_and_sums_name_columns_that_are_stored(table: Table) -> None:
    stored = {column.name for column in table.stored}
    assert table.key
    assert set(table.key) <= stored
    assert set(table.identity) <= stored
    assert not table.identity or len(table.key) == 1, "an id made for a row fills a single column"
    for rule in table.reconcile:
        assert rule.column in stored
        assert rule.against in {column.name for column in BY_NAME["compounds"].stored}


@pytest.mark.parametrize("table", TABLES, ids=name_case)
def test_rules_between_columns_name_columns_of_their_kind(table: Table) -> None:
    for pair in table.later:
        assert {table[name].kind for name in pair} <= {date, datetime}
    for pair in table.at_most:
        assert {table[name].kind for name in pair} == {int}
    for rule in table.follows:
        other = BY_NAME[table[rule.through].refers_to]
        assert {table[rule.column].kind, other[rule.after].kind} == {date}


@pytest.mark.parametrize("table", TABLES, ids=name_case)
def test_a_key_is_required_or_can_be_made(table: Table) -> None:
    assert table.identity or all(table[name].required for name in table.key)


@pytest.mark.parametrize("table", TABLES, ids=name_case)
def test_a_header_heads_one_column_of_a_table(table: Table) -> None:
    heads = defaultdict(set)
    for column in table.asked:
        for header in column.headers:
            heads[fold_header(header)].add(column.name)
    assert {h: names for h, names in heads.items() if len(names) > 1} == {}


@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN, ids=name_case)
def test_a_spelling_stands_for_one_value(table: Table, column: Column) -> None:
    stands_for = defaultdict(set)
    for value in column.values:
        for spelling in value.spellings:
            stands_for[fold(spelling)].add(value.code)
    assert {word: codes for word, codes in stands_for.items() if len(codes) > 1} == {}
    assert set(PROFILE.spellings(column).values()) >= {value.code for value in column.values}


def test_a_spelling_stands_for_one_category() -> None:
    stands_for = defaultdict(set)
    for category in PROFILE.categories:
        for word in (category.name, *category.aliases):
            stands_for[fold(word)].add(category.name)
    assert {word: names for word, names in stands_for.items() if len(names) > 1} == {}


@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN, ids=name_case)
def test_what_a_column_leans_on_is_there(table: Table, column: Column) -> None:
    assert not column.refers_to or column.refers_to in BY_NAME
    assert column.values_from in ("", "categories")
    assert not (column.values and column.values_from)
    assert not (column.is_personal and (column.required or column.name in table.key))
    low, high = column.bounds
    if low is not None and high is not None:
        assert low < high  # type: ignore[operator]
    if column.kind in (int, float):
        assert low is not None, "a figure without bounds lets any slip of the pen through"
        assert high is not None


@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN, ids=name_case)
def test_an_example_is_a_good_cell(table: Table, column: Column) -> None:
    if column.example is None:
        # What is required shows how it is written; days and places of the map need no example.
        assert not column.required or column.kind in (date, datetime) or column.refers_to
        return
    found = parse_cell(column.example, column, PROFILE.spellings(column))  # type: ignore[arg-type]
    assert isinstance(found, column.kind)
    if not column.values:
        assert found == column.example
    written = parse_cell(str(column.example), column, PROFILE.spellings(column))
    assert written == found, "the example as it is printed in the template"


def test_the_data_dictionary_is_the_one_the_contract_makes() -> None:
    written = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert written == describe_contract(PROFILE)


def test_the_data_dictionary_names_every_column() -> None:
    lines = describe_contract(PROFILE).splitlines()
    for table in TABLES:
        assert f"### {table.label} `core_{table.name}`" in lines
        for column in table.asked:
            stored = f"`{column.name}`" if column.is_stored else "（不保存）"
            assert any(line.startswith(f"| {column.label} | {stored} |") for line in lines)
    for table in (*RECORDS, *OUTPUTS):
        assert f"### {table.label} `{table.name}`" in lines
        for column in table.columns:
            assert any(line.startswith(f"| {column.label} | `{column.name}` |") for line in lines)


def test_explanations_say_what_a_clerk_must_know() -> None:
    households = "；".join(explain(BY_NAME["compounds"]["household_count"], PROFILE))
    for said in ("整数，必填", "单位：户", "范围：0 到 20000", "也认：户数", "例：1200"):
        assert said in households
    phone = "；".join(explain(BY_NAME["complaints"]["reporter_phone"], PROFILE))
    assert "个人信息：读入时即去除，不保存" in phone
    text = "；".join(explain(BY_NAME["complaints"]["text"], PROFILE))
    assert "自动遮盖" in text
    place = "；".join(explain(BY_NAME["complaints"]["compound_id"], PROFILE))
    assert "写《小区台账》里的名称或编号" in place


def test_the_schema_export_holds_what_is_stored_and_nothing_personal() -> None:
    told = {
        resource["name"]: resource["schema"] for resource in export_schema(PROFILE)["resources"]
    }
    assert set(told) == set(SUBJECTS)
    for table in TABLES:
        fields = {field["name"]: field for field in told[table.name]["fields"]}
        assert list(fields) == [column.name for column in table.stored]
        assert told[table.name]["primaryKey"] == list(table.key)
        assert not any(table[name].is_personal for name in fields)
    households = {f["name"]: f for f in told["compounds"]["fields"]}["household_count"]
    assert households["type"] == "integer"
    assert households["constraints"] == {"required": True, "minimum": 0, "maximum": 20_000}
    kinds = {f["name"]: f for f in told["compounds"]["fields"]}["type"]
    assert kinds["constraints"]["enum"] == ["商品房", "安置", "规地自建", "老旧", "其他"]


@pytest.fixture(scope="module")
def template_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template written with the default profile."""
    written = write_template(tmp_path_factory.mktemp("template") / "new", PROFILE)
    assert all(path.stat().st_size for path in written)
    return next(path for path in written if path.suffix == ".xlsx")


@pytest.fixture(scope="module")
def template(template_path: Path) -> openpyxl.Workbook:
    """The same template, opened with its formats."""
    return openpyxl.load_workbook(template_path)


def find_on(path: Path, table: Table, profile: Profile) -> Match:
    sheet = next(sheet for sheet in read_workbook(path).sheets if sheet.name == table.label)
    match = find_table(sheet, path.name, profile)
    assert isinstance(match, Match)
    return match


@pytest.mark.parametrize("table", TABLES, ids=name_case)
def test_a_sheet_of_the_template_is_known_as_its_own_table(
    table: Table, template_path: Path
) -> None:
    match = find_on(template_path, table, PROFILE)
    assert match.table.name == table.name
    assert match.first_row == 1
    assert match.unknown == {}
    assert match.columns == {column.name: [i] for i, column in enumerate(table.asked)}


@pytest.mark.parametrize("table", TABLES, ids=name_case)
def test_headers_alone_tell_the_table_when_sheet_and_file_are_called_anything(
    table: Table,
) -> None:
    sheet = Sheet.of("Sheet1", [[column.label for column in table.asked]])
    match = find_table(sheet, "导出.xlsx", PROFILE)
    assert isinstance(match, Match)
    assert match.table.name == table.name


@pytest.mark.parametrize("table", TABLES, ids=name_case)
def test_names_of_the_store_are_headers_too(table: Table) -> None:
    sheet = Sheet.of("Sheet1", [[column.name for column in table.asked]])
    match = find_table(sheet, f"{table.name}.csv", PROFILE)
    assert isinstance(match, Match)
    assert match.table.name == table.name
    assert match.columns == {column.name: [i] for i, column in enumerate(table.asked)}


def dropdowns(sheet: Worksheet) -> dict[str, str]:
    """Column letter to the list that its second row offers."""
    return {
        str(ranged).split(":")[0].rstrip("0123456789"): str(offer.formula1)
        for offer in sheet.data_validations.dataValidation
        for ranged in offer.sqref.ranges
    }


@pytest.mark.parametrize("table", TABLES, ids=name_case)
def test_dropdowns_offer_what_is_allowed(table: Table, template: openpyxl.Workbook) -> None:
    sheet = template[table.label]
    offered = dropdowns(sheet)
    for place, column in enumerate(table.asked, start=1):
        letter = openpyxl.utils.get_column_letter(place)
        values = allowed_values(column, PROFILE)
        if not values:
            assert letter not in offered
            continue
        listed = ",".join(values)
        assert len(listed) <= LIST_LIMIT
        assert offered[letter] == f'"{listed}"'
        spellings = PROFILE.spellings(column)
        for value in values:
            assert "," not in value
            assert '"' not in value
            assert parse_cell(value, column, spellings) is not None


@pytest.mark.parametrize("table", TABLES, ids=name_case)
def test_texts_and_days_of_the_template_have_their_format(
    table: Table, template: openpyxl.Workbook
) -> None:
    sheet = template[table.label]
    wanted = {str: "@", date: "yyyy-mm-dd", datetime: "yyyy-mm-dd hh:mm"}
    for place, column in enumerate(table.asked, start=1):
        letter = openpyxl.utils.get_column_letter(place)
        assert sheet.column_dimensions[letter].number_format == wanted.get(column.kind, "General")
        comment = sheet.cell(1, place).comment
        assert comment is not None
        assert comment.text == "\n".join(explain(column, PROFILE))
    ids = [c for c in table.asked if c.name.endswith("_id")]
    assert all(column.kind is str for column in ids), "a number would lose its leading zeros"


def test_dropdown_messages_fit_what_spreadsheet_programs_allow(
    template: openpyxl.Workbook,
) -> None:
    for sheet in template:
        for offer in sheet.data_validations.dataValidation:
            assert len(offer.formula1) <= 255 + 2
            assert len(offer.error) <= 225, "a longer message makes Excel call the file damaged"


def test_a_profile_with_own_categories_changes_the_dropdown(tmp_path: Path) -> None:
    profile = parse_profile('[[categories]]\nname = "占道经营"\n[[categories]]\nname = "油烟"')
    path = write_template(tmp_path, profile)[0]
    sheet = openpyxl.load_workbook(path)["投诉工单"]
    assert '"占道经营,油烟"' in dropdowns(sheet).values()

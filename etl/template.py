"""Blank workbook, data dictionary and table schema, all made from the contract."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from etl.errors import FileError
from etl.profile import Profile, load_profile
from etl.table import Column, Table
from etl.tables.outputs import OUTPUTS
from etl.tables.records import RECORDS

TYPE_WORDS = {
    str: "文字",
    int: "整数",
    float: "数字",
    bool: "是/否",
    date: "日期",
    datetime: "日期时间",
}
# Names of the Table Schema specification, https://specs.frictionlessdata.io/table-schema/
SCHEMA_TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    date: "date",
    datetime: "datetime",
}
DROPDOWN_ROWS = 2_000
# A longer list must come from cells: programs refuse a list of over 255 characters.
LIST_LIMIT = 255
_REQUIRED = PatternFill("solid", fgColor="FCE4D6")
_OPTIONAL = PatternFill("solid", fgColor="EDEDED")


def write_template(folder: Path, profile: Profile) -> list[Path]:
    """One blank workbook with a sheet for each table; data dictionary and table schema beside it.

    Raises
    ------
    FileError
        The folder cannot be written to.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    for table in profile.tables:
        _write_sheet(book.create_sheet(table.label), table, profile)
    workbook, dictionary = folder / "模板.xlsx", folder / "数据字典.md"
    schema = folder / "表结构.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        book.save(workbook)
        dictionary.write_text(describe_contract(profile), encoding="utf-8")
        told = json.dumps(export_schema(profile), ensure_ascii=False, indent=1)
        schema.write_text(told, encoding="utf-8")
    except OSError as error:
        raise FileError(
            f"模板写不到“{folder}”：{error.strerror}。请换一个文件夹或关闭打开的模板。"
        ) from error
    return [workbook, dictionary, schema]


def _write_sheet(sheet: Worksheet, table: Table, profile: Profile) -> None:
    for place, column in enumerate(table.asked, start=1):
        letter = get_column_letter(place)
        head = sheet.cell(1, place, column.label)
        head.font = Font(bold=True)
        head.alignment = Alignment(horizontal="center", wrap_text=True)
        head.fill = _REQUIRED if column.required else _OPTIONAL
        head.comment = Comment("\n".join(explain(column, profile)), "shequ", width=320, height=160)
        sheet.column_dimensions[letter].width = max(10, 2.4 * len(column.label))
        _offer_values(sheet, letter, column, profile)
        _format_cells(sheet, letter, column)
    sheet.freeze_panes = "A2"


def _offer_values(sheet: Worksheet, letter: str, column: Column, profile: Profile) -> None:
    """A dropdown where only certain values are allowed."""
    values = allowed_values(column, profile)
    listed = ",".join(values)
    if not values or len(listed) > LIST_LIMIT:
        return
    offer = DataValidation(type="list", formula1=f'"{listed}"', allow_blank=True)
    offer.error = f"请从列表里选：{listed}"
    sheet.add_data_validation(offer)
    offer.add(f"{letter}2:{letter}{DROPDOWN_ROWS}")


def _format_cells(sheet: Worksheet, letter: str, column: Column) -> None:
    """Ids as text, so that no leading zero is lost; dates as dates."""
    if column.kind is str:
        sheet.column_dimensions[letter].number_format = "@"
    elif column.kind is date:
        sheet.column_dimensions[letter].number_format = "yyyy-mm-dd"
    elif column.kind is datetime:
        sheet.column_dimensions[letter].number_format = "yyyy-mm-dd hh:mm"


def allowed_values(column: Column, profile: Profile) -> list[str]:
    """What a person may write in a column, in the words of the sheets; empty where free."""
    if column.kind is bool:
        return ["是", "否"]
    if column.values_from == "categories":
        return [category.name for category in profile.categories]
    return [value.text for value in column.values]


def explain(column: Column, profile: Profile) -> Iterator[str]:
    """What a clerk should know of a column, a line each."""
    yield f"{TYPE_WORDS[column.kind]}{'，必填' if column.required else ''}"
    if column.unit:
        yield f"单位：{column.unit}"
    low, high = column.low, column.high
    if low is not None or high is not None:
        yield f"范围：{'' if low is None else low} 到 {'' if high is None else high}"
    values = allowed_values(column, profile)
    if values:
        yield f"可填：{'、'.join(values)}"
    if column.refers_to:
        yield f"写《{profile.table(column.refers_to).label}》里的名称或编号"
    if column.is_personal:
        yield "个人信息：读入时即去除，不保存"
    if column.is_free_text:
        yield "读入时自动遮盖电话、证件号、门牌等个人信息"
    if column.aliases:
        yield f"也认：{'、'.join(column.aliases)}"
    if column.example is not None:
        yield f"例：{column.example}"
    if column.note:
        yield column.note


def describe_contract(profile: Profile) -> str:
    """The data dictionary in Markdown."""
    parts = [
        "# 数据字典\n\n由数据约定（`etl/tables/`）生成，请勿手改：`shequ template --out DIR` 会重新写出。\n",
        "## 表格里填的\n",
    ]
    for table in profile.tables:
        parts.append(f"### {table.label} `core_{table.name}`\n")
        if table.note:
            parts.append(f"{table.note}。\n")
        parts.append("| 列 | 名称 | 说明 |\n|---|---|---|")
        parts.extend(
            f"| {c.label} | {_stored_name(c)} | {_escape('；'.join(explain(c, profile)))} |"
            for c in table.asked
        )
        parts.append("")
    parts.append("## 算出来的与记录\n")
    for table in (*OUTPUTS, *RECORDS):
        parts.append(f"### {table.label} `{table.name}`\n")
        if table.note:
            parts.append(f"{table.note}。\n")
        parts.append("| 列 | 名称 | 说明 |\n|---|---|---|")
        parts.extend(
            f"| {c.label} | `{c.name}` | {_escape('；'.join(filter(None, (c.unit, c.note))))} |"
            for c in table.columns
        )
        parts.append("")
    return "\n".join(parts)


def _stored_name(column: Column) -> str:
    return f"`{column.name}`" if column.is_stored else "（不保存）"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def export_schema(profile: Profile) -> dict[str, Any]:
    """The contract as a Tabular Data Package descriptor (Frictionless Table Schema)."""
    resources = [
        {
            "name": table.name,
            "title": table.label,
            "schema": {
                "fields": [_export_field(column, profile) for column in table.stored],
                "primaryKey": list(table.key),
            },
        }
        for table in profile.tables
    ]
    return {"name": "shequ", "title": profile.name, "resources": resources}


def _export_field(column: Column, profile: Profile) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": column.required}
    if column.low is not None:
        constraints["minimum"] = column.low
    if column.high is not None:
        constraints["maximum"] = column.high
    values = list(dict.fromkeys(profile.spellings(column).values()))
    if values:
        constraints["enum"] = values
    return {
        "name": column.name,
        "title": column.label,
        "type": SCHEMA_TYPES[column.kind],
        "constraints": constraints,
    }


if __name__ == "__main__":
    # python -m etl.template data/README.md writes the dictionary that the repository keeps.
    Path(sys.argv[1]).write_text(describe_contract(load_profile()), encoding="utf-8")

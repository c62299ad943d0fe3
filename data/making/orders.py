"""The complaints as three offices wrote them down: a platform's export and two ledgers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from making.books import Sheet
from making.complaints import Complaint, complaints, words
from making.facts import MARK, Compound, make_dice, read_headers

CSV_NAME = "12345工单导出_2025下半年.csv"
LEDGER_NAME = "投诉台账2026.xlsx"
NEWEST_NAME = "投诉台账2026年10月.xlsx"
QUARTERS = ("一季度", "二季度", "三季度")
VAGUE_NAME = "老院落片区"  # names no single compound; the profile says so
ALIASES = {"Q院": "Q小区", "翠屏小区": "翠屏家园", "时光小区": "时光印象", "27号院": "新桥街27号院",
           "竹溪安置房": "竹溪新居"}  # fmt: skip
PLATFORM_WORDS = {"已办结": "办结", "处理中": "办理中", "待办": "已受理", "无法办理": "不予办理",
                  "高": "紧急", "中": "一般", "低": "不急", "未回访": "未评价"}  # fmt: skip
LEDGER_WORDS = {"已办结": "已完成", "待办": "未处理", "无法办理": "无法解决", "停车管理": "停车",
                "环境卫生": "卫生", "物业服务": "物业", "噪音扰民": "噪音", "邻里纠纷": "邻里矛盾",
                "公共设施": "设施维修", "消防安全": "消防", "违章搭建": "违建", "治安秩序": "治安",
                "绿化养护": "绿化", "水电气讯": "水电气", "养宠管理": "养犬",
                "其他": "其它"}  # fmt: skip
CSV_HEADERS = read_headers("平台导出")
LEDGER_HEADERS = read_headers("季度台账")
NEWEST_HEADERS = read_headers("当月台账")


@dataclass(frozen=True)
class Flaw:
    """One cell written wrongly on purpose."""

    file: str
    sheet: str
    cell: str
    value: str
    problem: str
    loses_row: bool


@dataclass(frozen=True)
class Papers:
    """The sheets of all complaints, and the flaws in them."""

    export: Sheet
    quarters: list[Sheet]
    newest: Sheet
    flaws: list[Flaw]


def spell_compound(dice: random.Random, compound: Compound) -> str:
    """The name of a compound as whoever wrote it spells it."""
    if compound.name == "Q小区":
        return dice.choices(("Q小区", "Ｑ小区", "Q院", compound.old_name), (60, 17, 18, 5))[0]
    others = [alias for alias, name in ALIASES.items() if name == compound.name]
    others += [compound.old_name] if compound.old_name else []
    return dice.choice(others) if others and dice.random() < 0.14 else compound.name


def write_place(dice: random.Random, row: Complaint) -> dict[str, Any]:
    """Compound, building and address cells: as much as is known of this complaint's place."""
    name = spell_compound(dice, row.compound)
    spot = dice.choice(words()["places"])
    number = row.building.number if row.building else None
    if row.place == "point":
        vague = VAGUE_NAME if row.compound.type == "老旧" and dice.random() < 0.4 else None
        return {"compound": vague, "building": None, "address": f"{row.street}边"}
    if row.place == "address":
        # Two characters are too few to be sure of inside a sentence.
        spelt = name if len(name) > 2 else row.compound.name
        address = f"{row.compound.address}{spelt}{spot}"
        return {"compound": None, "building": None, "address": address}
    address = f"{row.compound.address}{row.compound.name}{number or spot}"
    if row.lonlat is None and dice.random() < 0.55:
        address = spot if dice.random() < 0.5 else None
    elif number and dice.random() < 0.08:
        address += f"{dice.randint(1, 3)}单元{dice.randint(1, 5)}0{dice.randint(1, 4)}"
    return {"compound": name, "building": number, "address": address}


def write_export_row(i: int, row: Complaint, seq: int) -> list[Any]:
    """One row of the platform's export."""
    dice = make_dice(f"export {i}")
    say = PLATFORM_WORDS.get
    place = write_place(dice, row)
    lon, lat = row.lonlat or ("", "")
    return [
        f"GD{row.at:%Y%m%d}-{seq:04d}", row.channel, row.category, row.subcategory,
        f"{row.at:%Y-%m-%d %H:%M:%S}", say(row.urgency, row.urgency), place["compound"],
        place["building"], place["address"], row.text, row.reporter, row.phone, row.handler,
        say(row.status, row.status), f"{row.due:%Y-%m-%d %H:%M:%S}",
        f"{row.closed:%Y-%m-%d %H:%M:%S}" if row.closed else "", row.result,
        say(row.satisfaction, row.satisfaction), "是" if row.is_repeat else "否", lon, lat,
        f"{row.at:%Y%m}-{dice.randint(1, 4)}", MARK,
    ]  # fmt: skip


def write_moment(clerk: str, at: datetime | None) -> Any:
    """A moment in the way of one clerk."""
    if at is None:
        return None
    styles = {
        "小周": at.replace(second=0),
        "小陈": f"{at.year}年{at.month}月{at.day}日",
        "老吴": f"{at.year}.{at.month}.{at.day}",
        "实习生": at.date(),
    }
    return styles[clerk]


def write_ledger_row(i: int, row: Complaint, number: int) -> list[Any]:
    """One row of the ledger of 2026; each clerk has a way with dates and categories."""
    dice = make_dice(f"ledger {i}")
    clerk = dice.choices(words()["clerks"], (45, 25, 20, 10))[0]
    place = write_place(dice, row)
    category = LEDGER_WORDS[row.category] if clerk == "老吴" else row.category
    lon, lat = row.lonlat or (None, None)
    return [
        number, f"SQ2026-{i:04d}", write_moment(clerk, row.at), row.channel, category,
        place["compound"], place["building"], place["address"], row.text, row.reporter, row.phone,
        row.handler, LEDGER_WORDS.get(row.status, row.status),
        write_moment(clerk, row.due) if clerk != "实习生" else None,  # who leaves deadlines out
        write_moment(clerk, row.closed), row.result or None, row.satisfaction or None,
        "是" if row.is_repeat else "否", row.urgency, lon, lat, clerk,
    ]  # fmt: skip


def write_newest_row(i: int, row: Complaint, number: int) -> list[Any]:
    """One row of the newest month's own workbook."""
    dice = make_dice(f"newest {i}")
    place = write_place(dice, row)
    return [
        number, f"SQ2026-{i:04d}", row.at.replace(second=0), row.channel, row.category,
        row.subcategory, place["compound"], place["building"], place["address"], row.text,
        row.reporter, row.phone, row.handler, row.status, row.due.replace(second=0),
        row.closed.replace(second=0) if row.closed else None, row.result or None,
        row.satisfaction or None, "是" if row.is_repeat else "否", row.urgency,
        f"{row.lonlat[0]},{row.lonlat[1]}" if row.lonlat else None,
        dice.choice(words()["clerks"]),
    ]  # fmt: skip


def quarter_sheet(quarter: int, rows: list[list[Any]]) -> Sheet:
    """One quarter of the ledger, with the clerk's count below."""
    total: list[Any] = ["合计", *[None] * (len(LEDGER_HEADERS) - 1)]
    total[LEDGER_HEADERS.index("反映内容")] = f"共{len(rows)}件"
    return Sheet(
        QUARTERS[quarter],
        LEDGER_HEADERS,
        rows,
        top=[f"T社区2026年{QUARTERS[quarter]}居民投诉台账（{MARK}）"],
        total=total,
        footer="填表人：张某某",
    )


@cache
def papers() -> Papers:
    """All complaints on paper, the flaws written in."""
    rows = complaints()
    old = [row for row in rows if row.at.year == 2025]
    year = [row for row in rows if row.at.year == 2026]
    export = [write_export_row(i, row, i) for i, row in enumerate(old, start=1)]
    quarters: list[list[list[Any]]] = [[], [], []]
    newest: list[list[Any]] = []
    for i, row in enumerate(year, start=1):
        if row.at.month == 10:
            newest.append(write_newest_row(i, row, len(newest) + 1))
        else:
            sheet = quarters[(row.at.month - 1) // 3]
            sheet.append(write_ledger_row(i, row, len(sheet) + 1))
    return spoil(
        Sheet("12345工单导出_2025下半年", CSV_HEADERS, export),
        [quarter_sheet(i, rows) for i, rows in enumerate(quarters)],
        Sheet("2026年10月", NEWEST_HEADERS, newest, top=[f"T社区2026年10月投诉台账（{MARK}）"]),
    )


def spoil(export: Sheet, quarters: list[Sheet], newest: Sheet) -> Papers:
    """Write eight cells wrongly: three that cost their row, five that cost only themselves."""
    flaws = [
        lose_compound(export),
        write_wrong(quarters[0], LEDGER_NAME, 171, "日期", "2026年2月30日", "没有这一天", True),
        write_wrong(quarters[1], LEDGER_NAME, 88, "问题类别", None, "类别为空", True),
        write_wrong(export, CSV_NAME, 402, "紧急程度", "五星", "没有这一级"),
        write_wrong(quarters[0], LEDGER_NAME, 96, "满意度", "还行吧", "没有这一档"),
        write_wrong(quarters[1], LEDGER_NAME, 233, "经度", 1039.8127, "经度超出范围"),
        write_wrong(quarters[2], LEDGER_NAME, 140, "办结时限", "下周三", "不是日期"),
        write_wrong(newest, NEWEST_NAME, 57, "是否重复", "可能是", "不是“是”或“否”"),
    ]
    return Papers(export, quarters, newest, flaws)


def write_wrong(
    sheet: Sheet, file: str, near: int, header: str, value: Any, problem: str, loses: bool = False
) -> Flaw:
    """Put a wrong value into the first suitable row from `near` on."""
    column = sheet.headers.index(header)
    at = next(i for i in range(near, len(sheet.rows)) if can_spoil(sheet, i, header))
    sheet.rows[at][column] = value
    return Flaw(
        file, sheet.name, sheet.cell_name(at, header), str(value or "（空）"), problem, loses
    )


def can_spoil(sheet: Sheet, at: int, header: str) -> bool:
    """Whether this row has something there to spoil, and a compound that still places it."""
    row = dict(zip(sheet.headers, sheet.rows[at], strict=True))
    name = row.get("小区") or row.get("小区名称")
    in_february = "2026年2月" in str(row.get("日期")) if header == "日期" else True
    known = name and name != VAGUE_NAME
    return bool(known and row[header] not in (None, "") and in_february)


def lose_compound(export: Sheet) -> Flaw:
    """Send one complaint to a compound that does not exist, with no other place."""
    at = next(i for i in range(300, len(export.rows)) if can_spoil(export, i, "楼栋"))
    changes = {"小区名称": "金桂雅苑", "楼栋": "2栋", "诉求地址": "", "经度": "", "纬度": "",
               "诉求内容": "楼下有人堆放装修垃圾，请尽快处理。"}  # fmt: skip
    for header, value in changes.items():
        export.rows[at][export.headers.index(header)] = value
    cell = export.cell_name(at, "小区名称")
    return Flaw(CSV_NAME, export.name, cell, "金桂雅苑", "没有这个小区，也没有别的位置", True)

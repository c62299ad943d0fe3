"""Registers of the sample: compounds, buildings, groups of residents, organizations."""

from __future__ import annotations

from datetime import date
from functools import cache

from making.books import Sheet
from making.complaints import buildings_of, draw_name, draw_phone
from making.facts import (
    MARK,
    PUBLISHED,
    Compound,
    make_dice,
    read_compounds,
    read_headers,
    read_rows,
    read_words,
    share_out,
)
from making.places import Building, compound_shapes, lonlat, office

GROUPS = ("本地居民", "市内迁入", "外地购房", "租住居民")
GROUP_SHARES = {
    "商品房": (20, 31, 34, 15),
    "安置": (63, 6, 5, 26),
    "规地自建": (44, 4, 3, 49),
    "老旧": (49, 14, 8, 29),
}
ELDERLY = {"商品房": 0.17, "安置": 0.25, "规地自建": 0.19, "老旧": 0.36}
PARKING = {"商品房": 0.74, "安置": 0.33, "规地自建": 0.3, "老旧": 0.13}
TYPE_SPELT = {"安置": "安置小区", "老旧": "老旧院落"}
STORIES = {"slab": 6.2, "short": 9.0, "tower": 15.0, "low": 5.4, "house": 3.2}


def read_day(text: str) -> date | None:
    """A date of a seed table."""
    return date.fromisoformat(text) if text else None


def read_count(text: str) -> int | None:
    """A count of a seed table."""
    return int(text) if text else None


@cache
def groups_of(compound: Compound) -> tuple[tuple[int, int], ...]:
    """Households and residents of the four groups of one compound."""
    dice = make_dice(f"groups {compound.compound_id}")
    weights = [share * dice.uniform(0.85, 1.15) for share in GROUP_SHARES[compound.type]]
    households = share_out(compound.households, weights)
    sizes = zip(households, (2.35, 2.3, 2.4, 1.95), strict=True)
    people = [count * size * dice.uniform(0.96, 1.04) for count, size in sizes]
    residents = share_out(compound.residents, people)
    return tuple(zip(households, residents, strict=True))


@cache
def homes_of(compound: Compound) -> tuple[tuple[Building, int, int], ...]:
    """The buildings of one compound, each with its households and residents."""
    dice = make_dice(f"homes {compound.compound_id}")
    homes = buildings_of(compound.compound_id)
    rooms = [b.shape.area * b.floors * dice.uniform(0.9, 1.1) for b in homes]
    households = share_out(compound.households, rooms)
    residents = share_out(compound.residents, [n * dice.uniform(0.93, 1.07) for n in households])
    return tuple(zip(homes, households, residents, strict=True))


def compound_row(number: int, compound: Compound) -> list:
    """One row of 小区台账."""
    dice = make_dice(f"register {compound.compound_id}")
    floor_area = sum(b.shape.area * b.floors for b in buildings_of(compound.compound_id))
    notes = {"T14": "物业名存实亡；院内有荷塘", "T04": "业委会任期届满", "T10": "村民自管"}
    return [
        number,
        TYPE_SPELT.get(compound.type, compound.type),
        compound.compound_id,
        compound.name,
        compound.old_name or None,
        compound.households,
        compound.residents,
        groups_of(compound)[3][0],
        round(compound.residents * ELDERLY[compound.type] * dice.uniform(0.85, 1.15)),
        compound.buildings,
        round(compound.households * PARKING[compound.type] * dice.uniform(0.8, 1.2)),
        compound.built,
        round(compound_shapes()[compound.compound_id].area),
        round(floor_area),
        compound.fee,
        compound.company or "无",
        compound.grid,
        compound.address,
        notes.get(compound.compound_id),
    ]


def compounds_sheet() -> Sheet:
    """小区台账, with a merged type column, a total and the clerk's line below."""
    headers = read_headers("小区台账")
    rows = [compound_row(i, c) for i, c in enumerate(read_compounds(), start=1)]
    total = ["合计", *[None] * (len(headers) - 1)]
    for at in (5, 6, 7, 8, 9, 10, 12, 13):
        total[at] = sum(row[at] for row in rows)
    return Sheet(
        "小区台账",
        headers,
        rows,
        top=[f"T社区小区（院落）基本情况统计表（{MARK}）", "填表日期：2026年10月31日"],
        merge_down=(1,),
        total=total,
        footer="填表人：张某某　　　审核人：李某某",
    )


def building_row(number: int, compound: Compound, home: tuple[Building, int, int]) -> list:
    """One row of 楼栋台账."""
    building, households, residents = home
    dice = make_dice(f"leader {building.building_id}")
    has_leader = dice.random() < (0.2 if compound.name == "Q小区" else 0.7)
    width = building.shape.minimum_rotated_rectangle.length / 2 - 13
    units = 1 if compound.form in ("house", "tower") else max(2, round(width / 17))
    return [
        number,
        compound.name,
        building.building_id,
        building.number,
        units,
        building.floors,
        households,
        residents,
        compound.built,
        "有" if building.floors > 7 else "无",
        draw_name(dice) if has_leader else None,
        draw_phone(dice) if has_leader else None,
    ]


def buildings_sheet(name: str, compounds: list[Compound]) -> Sheet:
    """One sheet of 楼栋台账, with a subtotal below each compound."""
    headers = read_headers("楼栋台账")
    rows: list[list] = []
    for compound in compounds:
        homes = homes_of(compound)
        rows += [building_row(i, compound, home) for i, home in enumerate(homes, start=1)]
        sums = [compound.households, compound.residents]
        rows.append(["小计", None, None, None, None, None, *sums, None, None, None, None])
    top = [f"T社区楼栋台账（{name}）{MARK}"]
    return Sheet(name, headers, rows, top=top)


def building_sheets() -> list[Sheet]:
    """楼栋台账, in the two sheets of the old workbook."""
    commodity = [c for c in read_compounds() if c.type == "商品房"]
    others = [c for c in read_compounds() if c.type != "商品房"]
    return [
        buildings_sheet("商品房小区", commodity),
        buildings_sheet("安置、自建和老旧院落", others),
    ]


def groups_sheet() -> Sheet:
    """人口构成: a row per compound and group, the compound written once and merged down."""
    rows = [
        [compound.name, group, households, residents, date(2026, 9, 30), None]
        for compound in read_compounds()
        for group, (households, residents) in zip(GROUPS, groups_of(compound), strict=True)
    ]
    return Sheet(
        "人口构成",
        read_headers("人口构成"),
        rows,
        top=[f"T社区居民构成统计表（{MARK}）"],
        merge_down=(0,),
        total=["合计", None, PUBLISHED["households"], PUBLISHED["residents"], None, None],
    )


def organization_row(number: int, seed: dict[str, str]) -> list:
    """One row of 组织台账."""
    dice = make_dice(f"organization {seed['name']}")
    return [
        number,
        seed["name"],
        seed["kind"],
        seed["compound"] or None,
        seed["state"],
        seed["stage"] or None,
        read_day(seed["founded"]),
        read_day(seed["term_start"]),
        read_day(seed["term_end"]),
        seed["registered"],
        seed["supervised"],
        seed["rules"],
        seed["selection"],
        draw_name(dice),
        draw_phone(dice),
        int(seed["members"]),
        int(seed["over60"]),
        int(seed["under40"]),
        read_day(seed["last"]),
        read_count(seed["reach"]),
        *service_spot(seed["spot"]),
        seed["note"] or None,
    ]


def service_spot(spot: str) -> tuple[float | None, float | None]:
    """Where residents are served: the community office, or the middle of a compound."""
    if not spot:
        return None, None
    if spot in compound_shapes():
        return lonlat(compound_shapes()[spot].representative_point())
    return lonlat(office())


def organizations_sheet() -> Sheet:
    """组织台账: organizations of every kind and state."""
    headers = read_headers("组织台账")
    rows = [organization_row(i, s) for i, s in enumerate(read_rows("organizations.csv"), start=1)]
    return Sheet("组织台账", headers, rows, top=[f"T社区组织台账（{MARK}）"])


def kind_label(spelling: str) -> str:
    """The usual word for a kind of organization, however its seed row spells it."""
    words = {"物业公司": "物业", "物业服务企业": "物业", "自治委员会": "院落自治委员会",
             "院委会": "院落自治委员会", "自管会": "院落自治委员会", "党小组": "党组织",
             "院落党支部": "党组织", "志愿服务队": "志愿队伍", "志愿者队伍": "志愿队伍",
             "社会工作机构": "社工机构"}  # fmt: skip
    return words.get(spelling, spelling)


def own_coverage(seed: dict[str, str], households: int) -> list:
    """How an organization of one compound covers it: wholly, or those who take part."""
    kind = kind_label(seed["kind"])
    partial = kind in ("居民自组织", "志愿队伍")
    covered = min(households, int(seed["members"]) * 3) if partial else households
    alive = seed["state"] in ("正常", "筹备")
    return [
        seed["compound"], kind, seed["name"], seed["state"], covered if alive else 0,
        read_day(seed["founded"]), read_day(seed["term_end"]), read_day(seed["last"]),
        seed["note"] or None,
    ]  # fmt: skip


def contract_coverage(seed: dict[str, str], households: int) -> list:
    """How an organization that serves several compounds covers one of them."""
    return [
        seed["compound"], seed["kind"], seed["organization"], seed["state"],
        round(households * float(seed["share"])), read_day(seed["since"]),
        read_day(seed["term_end"]), read_day(seed["last"]), seed["note"] or None,
    ]  # fmt: skip


def absence_row(seed: dict[str, str]) -> list:
    """A kind of organization that a compound has not, needs not, or of which nothing is known."""
    empty = [None] * 4
    return [seed["compound"], seed["kind"], None, seed["state"], *empty, seed["note"] or None]


def coverage_sheet() -> Sheet:
    """组织覆盖: compound by kind, each with its state."""
    homes = {c.name: c.households for c in read_compounds()}
    rows = [own_coverage(s, homes[s["compound"]]) for s in read_rows("organizations.csv")
            if s["compound"]]  # fmt: skip
    rows += [contract_coverage(s, homes[s["compound"]]) for s in read_rows("contracts.csv")]
    rows += [absence_row(s) for s in read_rows("absences.csv")]
    order = {name: i for i, name in enumerate(homes)}
    kinds = ["物业", "业委会", "院落自治委员会", "居民自组织", "志愿队伍", "社工机构", "党组织"]
    rows.sort(key=lambda row: (order[row[0]], kinds.index(row[1]), row[2] or ""))
    headers = read_headers("组织覆盖")
    top = [f"T社区组织覆盖情况表（{MARK}）"]
    return Sheet("组织覆盖", headers, rows, top=top, merge_down=(0,))


def committees_sheet() -> Sheet:
    """院落自治委员会成立进度: one that fell apart, one half formed, one late, one as it should be."""
    title = "院落自治委员会成立进度"
    rows = [
        [
            *(seed[key] for key in ("compound", "term", "step", "party")),
            *(read_day(seed[key]) for key in ("planned", "done")),
            *(read_count(seed[key]) for key in ("voters", "votes", "approvals")),
            seed["note"] or None,
        ]
        for seed in read_rows("committees.csv")
    ]
    top = [f"T社区{title}表（{MARK}）"]
    return Sheet(title, read_headers(title), rows, top=top, merge_down=(0,))


def core_residents_sheet() -> Sheet:
    """居民骨干: most over sixty, hardly any in Q小区, one compound without, one never asked."""
    words = read_words("governance.toml")
    rows: list[list] = []
    for compound in read_compounds():
        for i in range(words["core_residents"][compound.compound_id]):
            rows.append(core_resident_row(len(rows) + 1, compound, i, words["core_words"]))
        if compound.compound_id in words["core_words"]["nobody"]:
            rows.append([None, compound.name, None, "无骨干", *[None] * 7])
    headers = read_headers("居民骨干")
    return Sheet("居民骨干", headers, rows, top=[f"T社区居民骨干名单（{MARK}）"])


def core_resident_row(number: int, compound: Compound, i: int, words: dict) -> list:
    """One core resident; the name is nobody's."""
    dice = make_dice(f"core {compound.compound_id} {i}")
    own = [
        seed["name"]
        for seed in read_rows("organizations.csv")
        if seed["compound"] == compound.name
        and seed["state"] == "正常"
        and "物业" not in seed["kind"]
    ]
    stepped_down = compound.name == "Q小区" and i == 1
    ages = ("18-39岁", "40-59岁", "60岁及以上")
    return [
        f"G{number:03d}",
        compound.name,
        draw_name(dice),
        dice.choice(words["roles"]),
        dice.choices(ages, (5, 24, 71))[0],
        dice.choice("是否"),
        dice.choice(own) if own and dice.random() < 0.8 else None,
        dice.choice(words["skills"]) or None,
        date(dice.randint(2015, 2025), dice.randint(1, 12), dice.randint(1, 28)),
        "否" if stepped_down or (dice.random() < 0.06 and compound.name != "Q小区") else "是",
        draw_phone(dice),
    ]

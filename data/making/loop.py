"""The governance loop of the sample: needs, matters, meetings, duties, actions, the survey."""

from __future__ import annotations

from datetime import date, timedelta

from shapely.geometry import Point

from making.books import Sheet
from making.complaints import night_market_buildings
from making.facts import (
    LAST_DAY,
    MARK,
    Compound,
    make_dice,
    read_categories,
    read_compounds,
    read_headers,
    read_rows,
    read_words,
)
from making.places import compound_shapes, lonlat, pond
from making.registers import GROUP_SHARES, GROUPS, read_count, read_day

PARTIES = ("社区", "物业", "业委会", "自组织", "社工", "居民代表", "街道部门")
NEED_COUNTS = {"商品房": 5, "安置": 9, "规地自建": 5, "老旧": 4}
Q_NEEDS = 14


def chinese_day(day: date | None) -> str | None:
    """A date as many staff write it."""
    return f"{day.year}年{day.month}月{day.day}日" if day else None


def needs_sheet() -> Sheet:
    """需求清单, Q小区 with the most."""
    rows: list[list] = []
    for compound in read_compounds():
        count = Q_NEEDS if compound.name == "Q小区" else NEED_COUNTS[compound.type]
        for need in draw_needs(compound, count):
            rows.append([len(rows) + 1, f"XQ-{len(rows) + 1:03d}", *need])
    headers = read_headers("需求清单")
    return Sheet("需求清单", headers, rows, top=[f"T社区居民需求清单（{MARK}）"])


def draw_needs(compound: Compound, count: int) -> list[list]:
    """The needs of one compound, each wording once."""
    dice = make_dice(f"needs {compound.compound_id}")
    pool = [(cat, text) for cat, texts in read_words("governance.toml")["needs"].items()
            for text in texts if text != "希望加装电梯" or compound.floors[1] < 8]  # fmt: skip
    weak = compound.name == "Q小区"
    states = ("待回应", "已列入计划", "解决中", "已解决", "暂不能解决")
    weights = (8, 3, 2, 1, 2) if weak else (4, 4, 4, 5, 1)
    sources = ("坝坝会", "入户走访", "居民问卷", "微信群", "楼栋长反映")
    return [
        [compound.name, category, text, *draw_mentions(dice, compound),
         dice.choices("高中低", (2, 5, 3))[0], dice.choice(sources),
         date(2025, 9, 1) + timedelta(days=dice.randrange(410)),
         dice.choices(states, weights)[0], None]
        for category, text in dice.sample(pool, count)
    ]  # fmt: skip


def draw_mentions(dice, compound: Compound) -> list[int]:
    """How many people said so, and how many households it concerns."""
    people = dice.randint(2, max(4, compound.households // 25))
    return [people, min(compound.households, people * dice.randint(2, 8))]


def matters_sheet() -> Sheet:
    """议题 of the three-level deliberation."""
    headers = read_headers("议题")
    days, counts = {"raised", "due", "decided", "published", "closed"}, {
        "households", "voters", "votes", "approvals"}  # fmt: skip
    rows = [[read_cell(key, text, days, counts) for key, text in seed.items()]
            for seed in read_rows("matters.csv")]  # fmt: skip
    return Sheet("议题", headers, rows, top=[f"T社区三级议事议题台账（{MARK}）"])


def read_cell(key: str, text: str, days: set[str], counts: set[str]):
    """One cell of a seed table with its kind."""
    if key in days:
        return read_day(text)
    return read_count(text) if key in counts else text or None


def meetings_sheet() -> Sheet:
    """会议纪要, a row per promise, the dates as staff write them."""
    headers = read_headers("会议纪要")
    days = {"held", "due", "kept"}
    rows = []
    for seed in read_rows("meetings.csv"):
        cells = {key: read_cell(key, text, days, {"item", "attendees"})
                 for key, text in seed.items()}  # fmt: skip
        rows.append([chinese_day(v) if key in days else v for key, v in cells.items()])
    return Sheet("会议纪要", headers, rows, top=[f"T社区会议纪要与承诺事项（{MARK}）"])


def activities_sheet() -> Sheet:
    """活动记录, in order of time."""
    headers = read_headers("活动记录")
    seeds = sorted(read_rows("activities.csv"), key=lambda seed: (seed["held"], seed["name"]))
    counts = {"people", "over60", "under40"}
    rows = [[i, *(read_cell(key, text, {"held"}, counts) for key, text in seed.items())]
            for i, seed in enumerate(seeds, start=1)]  # fmt: skip
    return Sheet("活动记录", headers, rows, top=[f"T社区活动记录（{MARK}）"])


def role_of(category: str, party: str, leads: dict[str, list[str]]) -> str:
    """Who leads, who supervises, who helps."""
    if party in leads[category]:
        return "牵头"
    supervisor = "社区" if "街道部门" in leads[category] else "街道部门"
    return "监督" if party == supervisor else "配合"


def responsibilities_sheet() -> Sheet:
    """主体职责: every category by every party, one without a lead and one with two."""
    words = read_words("governance.toml")
    rows = []
    for category in read_categories():
        for party in PARTIES:
            role = role_of(category, party, words["leads"])
            duty = words["duties"][party][role].format(category=category)
            rows.append([category, party, role, duty])
    return Sheet(
        "主体职责",
        read_headers("主体职责"),
        rows,
        top=[f"T社区主体职责手册（{MARK}）"],
        merge_down=(0,),
    )


def action_spot(place: str) -> Point | None:
    """Where an action of the seed table takes place."""
    spots = {"荷塘": lambda: pond().centroid, "夜市": lambda: night_market_spot(),
             "充电棚": lambda: compound_shapes()["T15"].representative_point()}  # fmt: skip
    return spots[place]() if place else None


def night_market_spot() -> Point:
    """The night market, on the street before the first of the three buildings."""
    home = night_market_buildings()[0].shape.centroid
    return Point(home.x - 45, home.y - 20)


def interventions_sheet() -> Sheet:
    """行动计划, some with their place."""
    headers = read_headers("行动计划")
    rows = []
    for seed in read_rows("interventions.csv"):
        spot = action_spot(seed.pop("place"))
        cells = [read_cell(key, text, {"start", "end"}, set()) for key, text in seed.items()]
        rows.append([*cells, *(lonlat(spot) if spot else (None, None))])
    return Sheet("行动计划", headers, rows, top=[f"T社区行动计划（{MARK}）"])


def survey_sheet(year: int) -> Sheet:
    """居民问卷 of one year: anonymous answers from one to five."""
    is_newest = year == LAST_DAY.year
    headers = read_headers("居民问卷")
    levels = read_words("governance.toml")["survey" if is_newest else f"survey_{year}"]
    rows: list[list] = []
    for compound in read_compounds():
        count, *level = levels.get(compound.compound_id, [0])
        for i in range(count):
            answer = draw_answer(compound, i, level, year)
            rows.append([f"W{'' if is_newest else year % 100}{len(rows) + 1:04d}", *answer])
    name = "居民问卷" if is_newest else f"居民问卷{year}"
    return Sheet(name, headers, rows, top=[f"T社区{year}年居民问卷调查结果（{MARK}）"])


def draw_answer(compound: Compound, i: int, level: list[float], year: int) -> list:
    """One answer about the levels of its compound."""
    wave = "" if year == LAST_DAY.year else f" {year}"
    dice = make_dice(f"survey{wave} {compound.compound_id} {i}")
    neighbors, community, company, norms, network = level
    means = [neighbors, community, company, norms, norms - 0.3, network, network - 0.2,
             (community + company + neighbors) / 3]  # fmt: skip
    person = dice.gauss(0, 0.45)  # some people answer higher throughout
    scores = [min(5, max(1, round(mean + person + dice.gauss(0, 0.75)))) for mean in means]
    ages = ("18-39岁", "40-59岁", "60岁及以上")
    old = compound.type != "商品房"
    return [
        compound.name,
        date(year, 9, 5) + timedelta(days=dice.randrange(24)),
        dice.choices(ages, (15, 30, 55) if old else (30, 38, 32))[0],
        dice.choices(GROUPS, GROUP_SHARES[compound.type])[0],
        *scores,
    ]

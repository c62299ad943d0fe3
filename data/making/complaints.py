"""Complaints of the sample: how many, where, when, in which words, and the story in them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache

from chinese_calendar import is_workday
from shapely.geometry import Point

from making.facts import (
    LAST_DAY,
    Compound,
    make_dice,
    read_categories,
    read_compounds,
    read_words,
)
from making.places import Building, buildings, compound_shapes, lonlat, office

EXPORTED_AT = datetime(2026, 10, 31, 18, 0)  # when the newest export was taken
SALT = "p"  # of the draws tried, one whose newest month is quiet but for the story
FAKE_IDENTITY = "510100190001010004"  # the form of an identity number, of nobody: born in 1900
OFFICE_ROWS = 70
Q_COMPLAINTS = 292
MIXES = {
    "商品房": (14, 11, 16, 13, 5, 13, 6, 4, 4, 4, 5, 6, 4),
    "安置": (22, 14, 9, 11, 7, 11, 7, 5, 4, 2, 4, 3, 3),
    "规地自建": (13, 16, 1, 9, 14, 6, 13, 15, 7, 1, 7, 2, 2),
    "老旧": (13, 17, 6, 7, 9, 18, 9, 6, 4, 3, 10, 3, 3),
    "Q小区": (36, 30, 10, 3, 5, 5, 3, 2, 5, 1, 2, 1, 1),
}
# Weight of each month from January on: ordinary seasons; February has the Spring Festival.
SEASONS = {
    "噪音扰民": (0.6, 0.4, 0.7, 0.9, 1.1, 1.5, 1.8, 1.7, 1.3, 0.9, 0.7, 0.6),
    "环境卫生": (0.8, 0.65, 0.9, 1.0, 1.1, 1.2, 1.3, 1.3, 1.1, 0.9, 0.8, 0.8),
    "消防安全": (1.3, 1.2, 1.0, 0.9, 0.9, 0.9, 1.0, 1.0, 0.9, 0.9, 1.0, 1.2),
    "水电气讯": (1.3, 0.9, 0.8, 0.8, 0.9, 1.1, 1.3, 1.3, 0.9, 0.8, 0.9, 1.2),
    "绿化养护": (0.5, 0.6, 1.1, 1.4, 1.4, 1.2, 1.1, 1.1, 1.0, 0.8, 0.6, 0.5),
}
EVERY_MONTH = (1.0, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
NIGHT_MARKET = {5: 10, 6: 16, 7: 20, 8: 19, 9: 9, 10: 2}
PUMP_ROWS = 24
PARKING_SOLVED = date(2026, 4, 1)  # from here on T09 complains far less of parking
PARKING_KEPT = 0.35


@dataclass(frozen=True)
class Complaint:
    """One invented work order, before any office has spelt it in its own way."""

    at: datetime
    compound: Compound
    category: str
    subcategory: str
    text: str
    building: Building | None
    place: str  # what is known: both, point, building, compound, address
    lonlat: tuple[float, float] | None
    status: str
    due: datetime
    closed: datetime | None
    result: str
    satisfaction: str
    is_repeat: bool
    urgency: str
    channel: str
    handler: str
    reporter: str
    phone: str
    street: str
    is_story: bool = False


@cache
def words() -> dict:
    """The seed of wordings."""
    return read_words("wording.toml")


def months() -> list[date]:
    """The first days of the fifteen months."""
    return [date(2025 + (7 + i) // 12, (7 + i) % 12 + 1, 1) for i in range(15)]


def mix_of(compound: Compound) -> dict[str, float]:
    """How the complaints of a compound divide into categories, before the seasons."""
    weights = MIXES["Q小区" if compound.name == "Q小区" else compound.type]
    return dict(zip(read_categories(), weights, strict=True))


def season(category: str, month: int) -> float:
    """Weight of one calendar month for one category."""
    return SEASONS.get(category, EVERY_MONTH)[month - 1]


def draw_moment(dice: random.Random, category: str, month: date) -> datetime:
    """A plausible moment in a month: noise by night, the rest in office hours and evenings."""
    days = (month.replace(day=28) + timedelta(days=4)).replace(day=1) - month
    day = month + timedelta(days=dice.randrange(days.days))
    if day.weekday() >= 5 and dice.random() < 0.35:
        day = max(month, day - timedelta(days=2))
    if category == "噪音扰民" and dice.random() < 0.6:
        hour = dice.choice((20, 21, 21, 22, 22, 23))
    else:
        hour = dice.choices(range(7, 22), (2, 5, 9, 10, 8, 4, 4, 7, 8, 7, 6, 5, 5, 4, 2))[0]
    at = datetime(day.year, day.month, day.day, hour, dice.randrange(60), dice.randrange(60))
    return min(at, EXPORTED_AT - timedelta(minutes=dice.randrange(5, 600)))


def add_working_days(at: datetime, days: int) -> datetime:
    """So many working days later, public holidays left out and make-up days counted."""
    while days:
        at += timedelta(days=1)
        days -= is_workday(at.date())
    return at


def draw_open_chance(at: datetime, compound: Compound) -> float:
    """How likely a complaint of this age is still open; Q小区 is left waiting."""
    age = (EXPORTED_AT - at).days
    chance = 0.055 + 0.8 * math.exp(-age / 32)
    return min(0.88, chance + (0.17 if compound.name == "Q小区" else 0.0))


def draw_closing(dice: random.Random, at: datetime, due: datetime, slow: bool) -> datetime:
    """When a closed complaint was closed: mostly in time, some late."""
    allowed = (due - at).total_seconds()
    share = dice.lognormvariate(-0.62 if not slow else -0.1, 0.62)
    closed = at + timedelta(seconds=max(2400.0, allowed * share))
    if closed.hour < 8 or closed.hour > 18:
        closed = closed.replace(hour=dice.randrange(9, 18)) + timedelta(days=1)
    return min(closed, EXPORTED_AT - timedelta(minutes=dice.randrange(5, 90))).replace(
        microsecond=0
    )


def draw_outcome(dice: random.Random, at: datetime, due: datetime, compound: Compound) -> dict:
    """Status, closing, satisfaction of one complaint."""
    is_q = compound.name == "Q小区"
    if dice.random() < draw_open_chance(at, compound):
        status = dice.choices(("处理中", "待办"), (7, 3))[0]
        extended = dice.random() < (0.08 if is_q else 0.4)
        due = EXPORTED_AT + timedelta(days=dice.randint(1, 40)) if extended else due
        return {"status": status, "due": due, "closed": None, "satisfaction": ""}
    closed = draw_closing(dice, at, due, is_q)
    status = dice.choices(("已办结", "无法办理"), (97, 3))[0]
    marks = ("满意", "基本满意", "不满意", "未回访")
    weights = (18, 26, 34, 22) if is_q else (46, 27, 9, 18)
    return {
        "status": status,
        "due": due,
        "closed": max(closed, at + timedelta(minutes=20)),
        "satisfaction": dice.choices(marks, weights)[0],
    }


def draw_name(dice: random.Random) -> str:
    """A name as staff write it; nobody's."""
    return dice.choice(words()["surnames"]) + dice.choice(words()["titles"])


def draw_phone(dice: random.Random) -> str:
    """An obviously invented phone number."""
    return f"1380000{dice.randrange(10_000):04d}"


def draw_room(dice: random.Random, building: Building) -> str:
    """A flat number that its building has."""
    return f"{dice.randint(1, building.floors)}0{dice.randint(1, 4)}"


def fill_text(
    dice: random.Random, texts: list[str], building: Building | None, times: list[str], street: str
) -> str:
    """One sentence with its slots filled; without a building only sentences that need none."""
    fitting = [text for text in texts if building or ("{b}" not in text and "{u}" not in text)]
    spot = {
        "b": building.number if building else "",
        "u": f"{dice.randint(1, 3)}单元" if building else "",
        "n": dice.randint(2, 9),
        "t": dice.choice(times),
        "w": dice.choice(words()["places"]),
        "s": street,
        "plate": f"川A·D{dice.randrange(1000):03d}X",
    }
    return dice.choice(fitting).format(**spot)


def add_tail(dice: random.Random, text: str, building: Building | None) -> str:
    """How a sentence ends; now and then with a name, a phone or a flat, as people do."""
    if building and dice.random() < 0.055:
        return text + dice.choice(words()["tails"]["personal"]).format(
            phone=draw_phone(dice),
            name=draw_name(dice),
            b=building.number,
            u=f"{dice.randint(1, 3)}单元",
            room=draw_room(dice, building),
            identity=FAKE_IDENTITY,
        )
    return text + dice.choice(words()["tails"]["plain"])


def draw_point(dice: random.Random, building: Building) -> Point:
    """A point at or just outside a building, inside its compound."""
    near = building.shape.buffer(5).intersection(
        compound_shapes()[building.compound_id].buffer(-0.5)
    )
    left, low, right, high = near.bounds
    while True:
        point = Point(dice.uniform(left, right), dice.uniform(low, high))
        if near.contains(point):
            return point


@cache
def buildings_of(compound_id: str) -> tuple[Building, ...]:
    """The buildings of one compound."""
    return tuple(b for b in buildings() if b.compound_id == compound_id)


@cache
def building_weights(compound_id: str) -> tuple[float, ...]:
    """How many live in each building, near enough."""
    return tuple(b.shape.area * b.floors for b in buildings_of(compound_id))


def street_of(compound: Compound) -> str:
    """The street of a compound's address."""
    return compound.address.split("路")[0] + "路" if "路" in compound.address else (
        compound.address.split("街")[0] + "街" if "街" in compound.address else "柳荫大道"
    )  # fmt: skip


def draw_complaint(
    dice: random.Random,
    compound: Compound,
    category: str,
    month: date,
    building: Building | None = None,
    texts: list[str] | None = None,
    times: list[str] | None = None,
    street: str = "",
) -> Complaint:
    """One complaint of a compound, category and month; a story may fix more."""
    of_category = words()["category"][category]
    at = draw_moment(dice, category, month)
    place = dice.choices(
        ("both", "point", "building", "compound", "address"),
        (38, 12, 28, 15, 7) if building is None else (60, 0, 40, 0, 0),
    )[0]
    known = building or draw_building(dice, compound)
    named = known if place in ("both", "building") else None
    street = street or street_of(compound)
    text = fill_text(dice, texts or of_category["texts"], named, times or words()["times"], street)
    due = add_working_days(at, read_categories()[category])
    outcome = draw_outcome(dice, at, due, compound)
    is_q = compound.name == "Q小区"
    return Complaint(
        at=at,
        compound=compound,
        category=category,
        subcategory=dice.choice(of_category["subs"]),
        text=add_tail(dice, text, named),
        building=named,
        place=place,
        lonlat=lonlat(draw_point(dice, known)) if place in ("both", "point") else None,
        result=dice.choice(of_category["results"]) if outcome["closed"] else "",
        is_repeat=dice.random() < (0.24 if is_q else 0.05),
        urgency=dice.choices(("高", "中", "低"), (12, 68, 20))[0],
        channel=dice.choices(words()["channels"], words()["channel_weights"])[0],
        handler=handler_name(dice.choice(of_category["handlers"]), compound),
        reporter=draw_name(dice),
        phone=draw_phone(dice),
        street=street,
        is_story=texts is not None,
        **outcome,
    )


def draw_building(dice: random.Random, compound: Compound) -> Building:
    """A building, the larger the likelier."""
    homes = buildings_of(compound.compound_id)
    return dice.choices(homes, building_weights(compound.compound_id))[0]


def handler_name(handler: str, compound: Compound) -> str:
    """Who handles it: the compound's own property company, or the community where it has none."""
    if handler == "物业":
        return compound.company or "社区居委会"
    return {"社区": "社区居委会"}.get(handler, handler)


def draw_ordinary(compound: Compound) -> list[Complaint]:
    """The ordinary complaints of one compound, its number fixed, its months by chance."""
    dice = make_dice(f"complaints {SALT} {compound.compound_id}")
    count = Q_COMPLAINTS if compound.name == "Q小区" else round(
        compound.rate * compound.households / 1000
    )  # fmt: skip
    cells = [(category, month) for category in read_categories() for month in months()]
    mix = mix_of(compound)
    weights = [mix[category] * season(category, month.month) for category, month in cells]
    drawn = dice.choices(cells, weights, k=count)
    return [
        draw_complaint(dice, compound, category, month)
        for category, month in drawn
        if not is_solved(dice, compound, category, month)
    ]


def is_solved(dice: random.Random, compound: Compound, category: str, month: date) -> bool:
    """Whether the parking agreement of T09 spares this complaint."""
    after = compound.compound_id == "T09" and category == "停车管理" and month >= PARKING_SOLVED
    return after and dice.random() > PARKING_KEPT


@cache
def night_market_buildings() -> tuple[Building, ...]:
    """The three neighbouring buildings of T07 nearest its south-western corner."""
    left, low, _, _ = compound_shapes()["T07"].bounds
    corner = Point(left, low)
    return tuple(sorted(buildings_of("T07"), key=lambda b: b.shape.distance(corner))[:3])


def draw_night_market() -> list[Complaint]:
    """The summer of the night market, heard in three buildings."""
    dice = make_dice("night market")
    compound = next(c for c in read_compounds() if c.compound_id == "T07")
    story = words()["story"]["night_market"]
    return [
        draw_complaint(
            dice, compound, "噪音扰民", date(2026, month, 1),
            building=dice.choices(night_market_buildings(), (45, 33, 22))[0],
            texts=story["texts"], times=story["times"], street="竹溪路",
        )
        for month, count in NIGHT_MARKET.items()
        for _ in range(count)
    ]  # fmt: skip


def draw_pump() -> list[Complaint]:
    """October 2026 in T08: the pump house is rebuilt and the water stays away."""
    dice = make_dice("pump house")
    compound = next(c for c in read_compounds() if c.compound_id == "T08")
    story = words()["story"]["pump"]
    rows = []
    for i in range(PUMP_ROWS):
        category, texts = ("水电气讯", "water") if i % 3 else ("物业服务", "service")
        building = draw_building(dice, compound)
        month = LAST_DAY.replace(day=1)
        rows.append(draw_complaint(dice, compound, category, month, building, story[texts]))
    return rows


def send_to_office(rows: list[Complaint]) -> list[Complaint]:
    """Seventy rows of many compounds get the point of the community office: a default geocode."""
    dice = make_dice("default geocode")
    able = [i for i, row in enumerate(rows) if not row.is_story and row.place != "point"]
    chosen = set(dice.sample(able, OFFICE_ROWS))
    spot = lonlat(office())
    return [replace(row, lonlat=spot) if i in chosen else row for i, row in enumerate(rows)]


@cache
def complaints() -> tuple[Complaint, ...]:
    """Every usable complaint of the fifteen months, in order of time."""
    rows = [row for compound in read_compounds() for row in draw_ordinary(compound)]
    rows += draw_night_market() + draw_pump()
    rows.sort(key=lambda row: (row.at, row.compound.compound_id, row.text))
    return tuple(send_to_office(rows))

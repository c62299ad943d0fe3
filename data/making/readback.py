"""Read the sample's files back, knowing nothing of how they were made, and check the totals."""

from __future__ import annotations

import csv
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyogrio
import pyproj
import shapely
from python_calamine import CalamineWorkbook

ORDERS = ("12345工单导出_2025下半年.csv", "投诉台账2026.xlsx", "投诉台账2026年10月.xlsx")
TYPES = {"商品房": 8, "安置小区": 1, "规地自建": 1, "老旧院落": 6}
GEOD = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True)
class Finding:
    """One published figure: what it should be, what the files say."""

    what: str
    expected: Any
    found: Any
    holds: bool

    def __str__(self) -> str:
        mark = "✓" if self.holds else "✗"
        return f"{mark} {self.what}：应为 {tell(self.expected)}，实为 {tell(self.found)}"


def tell(value: Any) -> str:
    """A figure in one short line; of a long list only its length and sum."""
    if isinstance(value, dict) and len(value) > 4:
        return f"{len(value)} 项共 {sum(value.values())}"
    if isinstance(value, dict):
        return "、".join(f"{key} {count}" for key, count in value.items())
    if isinstance(value, set) and len(value) > 4:
        return f"{min(value)} 至 {max(value)} 共 {len(value)} 个"
    return "、".join(sorted(map(str, value))) if isinstance(value, set | tuple) else str(value)


def same(what: str, expected: Any, found: Any) -> Finding:
    """A figure that must be met exactly."""
    return Finding(what, expected, found, expected == found)


def within(what: str, low: float, high: float, found: float) -> Finding:
    """A figure that must lie between two bounds."""
    return Finding(what, f"{low:g}–{high:g}", round(found, 4), low <= found <= high)


def read_sheets(path: Path) -> Iterator[tuple[str, list[list[Any]]]]:
    """Every sheet of one spreadsheet file as bare cells."""
    if path.suffix == ".csv":
        with path.open(encoding="gb18030", newline="") as file:
            yield path.stem, list(csv.reader(file))
        return
    book = CalamineWorkbook.from_path(str(path))
    for name in book.sheet_names:
        yield name, book.get_sheet_by_name(name).to_python(skip_empty_area=False)


def read_records(path: Path, first: str) -> list[dict[str, Any]]:
    """The rows below the header that starts or goes on with `first`, in every sheet having it."""
    records: list[dict[str, Any]] = []
    for _, cells in read_sheets(path):
        head = next((i for i, row in enumerate(cells) if first in row), None)
        if head is not None:
            rows = cells[head + 1 :]
            records += [dict(zip(cells[head], row, strict=True)) for row in rows]
    return records


def fill_down(records: list[dict[str, Any]], header: str) -> list[dict[str, Any]]:
    """The records with the blanks that a merged cell leaves filled from above."""
    last: Any = ""
    for record in records:
        last = record[header] = record[header] or last
    return records


def plain(text: Any) -> str:
    """A name without the difference between full and half width."""
    return unicodedata.normalize("NFKC", str(text or "")).strip()


class Sample:
    """The files of one folder, read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        register = read_records(folder / "小区台账.xlsx", "小区编号")
        self.register = [r for r in fill_down(register, "类型") if r["小区编号"]]
        self.homes = [r for r in read_records(folder / "楼栋台账.xls", "楼栋编号") if r["楼栋编号"]]
        groups = fill_down(read_records(folder / "人口构成.xlsx", "居民类别"), "小区")
        self.groups = [r for r in groups if r["居民类别"]]
        self.orders = [r for name in ORDERS for r in read_orders(folder / name)]
        self.organizations = read_records(folder / "组织台账.xlsx", "负责人产生方式")
        self.answers = read_records(folder / "居民问卷.xlsx", "问卷编号")
        self.actions = read_records(folder / "行动计划.xlsx", "行动编号")
        self.profile = tomllib.loads((folder / "profile.toml").read_text(encoding="utf-8"))
        self.ids = {r["小区名称"]: r["小区编号"] for r in self.register}

    def layer(self, name: str) -> list[dict[str, Any]]:
        """One layer of the boundaries, a mapping per feature with its shape."""
        path = self.folder / "边界.gpkg"
        info, _, shapes, columns = pyogrio.raw.read(path, layer=name)
        if "4326" not in str(info["crs"]):
            raise ValueError(f"{name}: {info['crs']}")
        fields = zip(*columns, strict=True)
        names = [str(field) for field in info["fields"]]
        return [
            {**dict(zip(names, values, strict=True)), "shape": shapely.from_wkb(shape)}
            for values, shape in zip(fields, shapes, strict=True)
        ]

    def spellings(self) -> dict[str, str]:
        """Every spelling of a compound, by the register and the profile."""
        known = {plain(name): cid for name, cid in self.ids.items()}
        known |= {plain(r["曾用名"]): r["小区编号"] for r in self.register if r["曾用名"]}
        known |= {cid: cid for cid in self.ids.values()}
        aliases = self.profile.get("aliases", {})
        return known | {plain(word): known[plain(name)] for word, name in aliases.items() if name}


def read_orders(path: Path) -> list[dict[str, Any]]:
    """The complaints of one file under common headers."""
    words = {
        "编号": ("工单编号", "工单号"),
        "小区": ("小区名称",),
        "楼号": ("楼栋", "楼栋号"),
        "地点": ("诉求地址", "位置"),
        "类别": ("问题类别", "诉求类别"),
        "日期": ("受理时间",),
    }
    common = {spelling: word for word, spellings in words.items() for spelling in spellings}
    first = {".csv": "工单编号", ".xlsx": "问题类别"}[path.suffix]
    first = "工单号" if "10月" in path.name else first
    rows = [
        {common.get(key, key): v for key, v in r.items()} | {"file": path.name}
        for r in read_records(path, first)
    ]
    return [row for row in rows if str(row["编号"])[:2] in ("GD", "SQ")]


def read_moment(cell: Any) -> date | None:
    """The day of a cell in any of the ways in which the clerks write it."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = str(cell)[:10].replace("年", "-").replace("月", "-").replace(".", "-").split("日")[0]
    parts = text.split("-")
    try:
        return date(*(int(part) for part in parts))
    except (TypeError, ValueError):
        return None


def read_point(row: dict[str, Any]) -> shapely.Point | None:
    """The point of a complaint, if it has one."""
    pair = str(row.get("经纬度") or "").split(",")
    lon, lat = pair if len(pair) == 2 else (row.get("经度"), row.get("纬度"))
    return shapely.Point(float(lon), float(lat)) if lon and lat else None


def place_orders(sample: Sample) -> dict[str, str]:
    """The compound of each complaint that can be placed: by name, by address, by point."""
    names = sample.spellings()
    by_length = sorted((n for n in names if len(n) > 2 or "Q" in n), key=len, reverse=True)
    areas = [(f["compound_id"], f["shape"]) for f in sample.layer("compounds")]
    placed = {}
    for row in sample.orders:
        found = names.get(plain(row["小区"]))
        address = plain(row["地点"])
        found = found or next((names[n] for n in by_length if n in address), None)
        point = read_point(row)
        if not found and point is not None:
            found = next((cid for cid, area in areas if area.contains(point)), None)
        if found:
            placed[row["编号"]] = found
    return placed


def sum_by(records: list[dict[str, Any]], key: str, value: str) -> dict[str, int]:
    """Sums of one column by another."""
    sums: dict[str, int] = defaultdict(int)
    for record in records:
        sums[record[key]] += int(record[value])
    return dict(sums)


def check_registers(sample: Sample) -> list[Finding]:
    """Compounds, households and residents, and that three papers agree about them."""
    register, published = sample.register, sample.profile["published"]
    households = {r["小区名称"]: int(r["总户数（户）"]) for r in register}
    residents = {r["小区名称"]: int(r["常住人口（人）"]) for r in register}
    counts = {r["小区名称"]: int(r["楼栋数（栋）"]) for r in register}
    homes = Counter(r["小区名称"] for r in sample.homes)
    return [
        same("小区数", published["compounds"], len(register)),
        same("小区类型", TYPES, dict(Counter(r["类型"] for r in register))),
        same("总户数", published["households"], sum(households.values())),
        same("总人数", published["residents"], sum(residents.values())),
        same("四类居民户数与台账一致", households, sum_by(sample.groups, "小区", "户数（户）")),
        same("四类居民人数与台账一致", residents, sum_by(sample.groups, "小区", "人数（人）")),
        same("楼栋户数与台账一致", households, sum_by(sample.homes, "小区名称", "户数（户）")),
        same("楼栋人数与台账一致", residents, sum_by(sample.homes, "小区名称", "居住人数（人）")),
        same("楼栋数与台账一致", counts, dict(homes)),
    ]


def area_km2(shape: shapely.Geometry) -> float:
    """Area on the ellipsoid."""
    return abs(GEOD.geometry_area_perimeter(shape)[0]) / 1e6


def check_shapes(sample: Sample) -> list[Finding]:
    """The outline's area and what lies in it."""
    outline = sample.layer("community")[0]["shape"]
    compounds = sample.layer("compounds")
    numbers = {r["楼栋编号"] for r in sample.homes}
    share = sum(area_km2(f["shape"]) for f in compounds) / area_km2(outline)
    published = sample.profile["published"]["area_km2"]
    # The register's numbers and the map's must be the same set, not merely as many.
    drawn = {f["building_id"] for f in sample.layer("buildings")}
    return [
        within("社区面积（平方公里）", published - 0.005, published + 0.005, area_km2(outline)),
        within("小区占社区面积的比例", 0.80, 0.92, share),
        same("小区边界", set(sample.ids.values()), {f["compound_id"] for f in compounds}),
        same("楼栋边界与楼栋台账一致", numbers, drawn),
        same("有荷塘", True, "荷塘" in {f["name"] for f in sample.layer("water")}),
    ]


def check_orders(sample: Sample) -> list[Finding]:
    """How many complaints, over which months, and the story in them."""
    days = [day for row in sample.orders if (day := read_moment(row["日期"]))]
    months = {(day.year, day.month) for day in days}
    placed = place_orders(sample)
    points = Counter(read_point(row) for row in sample.orders)
    points.pop(None)
    unusable = [row for row in sample.orders if is_unusable(row, placed)]
    return [
        within("投诉工单（条）", 3000, 4500, len(sample.orders)),
        same("工单编号不重复", len(sample.orders), len({row["编号"] for row in sample.orders})),
        same("月数", 15, len(months)),
        same("起止", ("2025-08", "2026-10"), (f"{min(days):%Y-%m}", f"{max(days):%Y-%m}")),
        same("不能入库的行", 3, len(unusable)),
        within("有坐标的比例", 0.4, 0.6, sum(points.values()) / len(sample.orders)),
        within("同一默认坐标点上的行", 60, 80, points.most_common(1)[0][1]),
        *check_worst(sample, placed),
    ]


def is_unusable(row: dict[str, Any], placed: dict[str, str]) -> bool:
    """Whether a complaint lacks its day, its category or any place."""
    return not (read_moment(row["日期"]) and row["类别"] and row["编号"] in placed)


def check_worst(sample: Sample, placed: dict[str, str]) -> list[Finding]:
    """Q小区 as told: by far the highest rate, an empty property company, committees of two eras."""
    households = {r["小区编号"]: r["总户数（户）"] for r in sample.register}
    counts = Counter(placed.values())
    rates = {cid: counts[cid] / households[cid] for cid in households}
    q_id = sample.ids["Q小区"]
    ratio = rates[q_id] / (sum(counts.values()) / sum(households.values()))
    kinds = Counter(r["类别"] for r in sample.orders if placed.get(r["编号"]) == q_id)
    short = {"停车": "停车管理", "卫生": "环境卫生"}
    merged = Counter({short.get(k, k): 0 for k in kinds})
    for kind, count in kinds.items():
        merged[short.get(kind, kind)] += count
    own = {r["组织名称"]: r for r in sample.organizations if r["所在小区"] == "Q小区"}
    return [
        same("投诉率最高的小区", q_id, max(rates, key=lambda cid: rates[cid])),
        within("Q小区投诉率是全社区的几倍", 2.6, 3.4, ratio),
        same("Q小区最多的两类", {"停车管理", "环境卫生"}, {k for k, _ in merged.most_common(2)}),
        same("Q小区物业", "名存实亡", own["永安居物业"]["运行状态"]),
        same("Q小区业委会（2019）", ("已解散", 2019), state_and_year(own["Q小区业主委员会"])),
        same(
            "Q小区院落自治委员会（2022）",
            ("正常", 2022),
            state_and_year(own["Q小区院落自治委员会"]),
        ),
        same("自治委员会有无监督", "否", own["Q小区院落自治委员会"]["有无监督"]),
    ]


def check_capital(sample: Sample) -> list[Finding]:
    """Q小区 as told: neighbours trust each other more than before the pond, nobody the company."""
    own = [r for r in sample.answers if r["小区"] == "Q小区"]
    counts = Counter(r["小区"] for r in sample.answers if r["填写日期"].year == 2026)
    failed = [r for r in sample.actions if r["小区"] == "Q小区" and r["行动状态"] == "终止"]
    return [
        within("Q小区信任邻居的比例（2025）", 0, 0.1, share_agreeing(own, "信任邻居", 2025)),
        within("Q小区信任邻居的比例（2026）", 0.3, 0.5, share_agreeing(own, "信任邻居", 2026)),
        within("Q小区信任物业的比例（2026）", 0, 0.1, share_agreeing(own, "信任物业", 2026)),
        same(
            "2026 年问卷不足 5 份的小区", {"新桥街27号院"}, {k for k, n in counts.items() if n < 5}
        ),
        same("Q小区没有做成的行动", {"更换物业公司"}, {r["行动名称"] for r in failed}),
    ]


def share_agreeing(answers: list[dict[str, Any]], item: str, year: int) -> float:
    """The share of one year's answers of four points or more."""
    scores = [r[item] for r in answers if r["填写日期"].year == year]
    return sum(score >= 4 for score in scores) / len(scores)


def state_and_year(row: dict[str, Any]) -> tuple[str, int]:
    """The state of an organization and the year in which it was founded."""
    return row["运行状态"], row["成立时间"].year


def check_folder(folder: Path) -> list[Finding]:
    """Every check of one sample folder."""
    sample = Sample(folder)
    return [
        *check_registers(sample),
        *check_shapes(sample),
        *check_orders(sample),
        *check_capital(sample),
    ]

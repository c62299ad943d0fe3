"""The facts of the sample: its compounds, its published totals, its seed and its calendar."""

from __future__ import annotations

import csv
import random
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

SEEDS = Path(__file__).parent / "seeds"
ETL_PROFILE = Path(__file__).parents[2] / "etl" / "profile.toml"
MARK = "示例数据，纯属虚构"
FIRST_DAY, LAST_DAY = date(2025, 8, 1), date(2026, 10, 31)
PUBLISHED = {"compounds": 16, "households": 15_262, "residents": 34_852, "area_km2": 1.31}
TYPES = {"商品房": 8, "安置": 1, "规地自建": 1, "老旧": 6}


@dataclass(frozen=True)
class Compound:
    """One invented compound, as the office would describe it."""

    compound_id: str
    name: str
    old_name: str
    type: str
    households: int
    residents: int
    built: int
    fee: float | None
    company: str
    grid: str
    address: str
    turn: float  # degrees by which its rows of buildings are turned
    buildings: int
    floors: tuple[int, int]
    form: str  # slab, tower, low, house
    rate: float  # complaints per 1,000 households in the fifteen months, before the story


def read_rows(name: str) -> list[dict[str, str]]:
    """The rows of one hand-written seed table."""
    with (SEEDS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_words(name: str) -> dict[str, Any]:
    """One hand-written seed of wordings."""
    return tomllib.loads((SEEDS / name).read_text(encoding="utf-8"))


def read_headers(paper: str) -> list[str]:
    """The header row of one paper."""
    return read_words("headers.toml")[paper].split()


@cache
def read_compounds() -> tuple[Compound, ...]:
    """The sixteen compounds in the order of the register."""
    return tuple(make_compound(row) for row in read_rows("compounds.csv"))


def make_compound(row: dict[str, str]) -> Compound:
    """One compound from its seed row."""
    low, high = row["floors"].split()
    numbers = {key: int(row[key]) for key in ("households", "residents", "built", "buildings")}
    texts = {key: row[key] for key in ("compound_id", "name", "old_name", "type", "company")}
    return Compound(
        **texts,
        **numbers,
        fee=float(row["fee"]) if row["fee"] else None,
        grid=row["grid"],
        address=row["address"],
        turn=float(row["turn"]),
        floors=(int(low), int(high)),
        form=row["form"],
        rate=float(row["rate"]),
    )


@cache
def read_categories() -> dict[str, int]:
    """The categories of complaints and the days allowed for each, from the default profile."""
    profile = tomllib.loads(ETL_PROFILE.read_text(encoding="utf-8"))
    return {entry["name"]: entry["due_days"] for entry in profile["categories"]}


def make_dice(topic: str) -> random.Random:
    """Random numbers of one topic, so that a change in one paper leaves the others alone."""
    return random.Random(f"T社区示例 {topic}")


def share_out(total: int, weights: list[float]) -> list[int]:
    """Whole numbers in proportion to the weights, summing exactly to the total."""
    exact = [total * weight / sum(weights) for weight in weights]
    shares = [int(value) for value in exact]
    by_rest = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for i in by_rest[: total - sum(shares)]:
        shares[i] += 1
    return shares

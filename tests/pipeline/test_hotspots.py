"""Which method speaks follows from how many units there are, and what is planted is found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import pytest

from etl import hotspots
from etl.refresh import refresh
from etl.store import Store
from tests.conftest import WriteXlsx

WEST, SOUTH, STEP = 104.00012, 30.60012, 0.002  # about 200 m
HEAD = ["工单编号", "受理时间", "诉求类别", "小区", "楼栋", "经度", "纬度"]
MONTHS = pd.period_range("2025-11", "2026-10", freq="M")

Place = tuple[int, int]


def lay_out(side: int) -> dict[str, Place]:
    """Compounds in a square, so many on each side, by id."""
    return {f"T{x:02d}{y:02d}": (x, y) for x in range(side) for y in range(side)}


def write_register(places: dict[str, Place]) -> list[list[Any]]:
    head = ["小区编号", "小区名称", "小区类型", "总户数", "经度", "纬度"]
    return [head] + [
        [name, f"{name}园", "商品房", 500, WEST + x * STEP, SOUTH + y * STEP]
        for name, (x, y) in places.items()
    ]


def complain(
    where: str, count: int, building: str = "", months: Any = MONTHS
) -> Iterator[list[Any]]:
    """So many complaints of a place, spread over the months; the last on the 30th."""
    for number in range(count):
        month = months[-1 - number % len(months)]
        day = 30 if number == 0 else 1 + number % 28
        mark = f"{where}{building}{month}-{number}"
        yield [
            mark,
            f"{month}-{min(day, month.days_in_month)}",
            "停车管理",
            where,
            building,
            "",
            "",
        ]


def publish(
    store: Store, write_xlsx: WriteXlsx, rows: Iterable[list[Any]], **sheets: list[list[Any]]
) -> pd.DataFrame:
    book = write_xlsx("表.xlsx", **sheets, 投诉工单=[HEAD, *rows])
    report = refresh(store, [book])
    assert not report.issues
    return store.frame("out_hotspots")


def members_of(row: pd.Series) -> set[str]:
    return set(json.loads(row["members"]))


def test_a_patch_of_compounds_is_found_where_there_are_thirty_and_not_among_sixteen(
    tmp_path: Any, write_xlsx: WriteXlsx
) -> None:
    patch = {(0, 0), (0, 1), (1, 0), (1, 1)}
    for side, is_found in ((4, False), (6, True)):
        places = lay_out(side)
        rows = [
            row for name, at in places.items() for row in complain(name, 30 if at in patch else 10)
        ]
        found = publish(
            Store(tmp_path / f"store{side}"), write_xlsx, rows, 小区台账=write_register(places)
        )
        scanned = found[found["method"] == "scan_compounds"]
        assert len(scanned) == is_found
        assert not (found["method"] == "local").any()
        if is_found:
            (row,) = scanned.to_dict("records")
            assert members_of(pd.Series(row)) == {n for n, at in places.items() if at in patch}
            # 440 complaints in 36 alike compounds, four of them here.
            assert row["observed"] == 120
            assert row["expected"] == pytest.approx(440 * 4 / 36)
            assert row["p_value"] <= 0.05
            assert row["p_value"] <= row["p_value_wide"] <= 1.0


def test_among_hundreds_of_compounds_those_in_high_surroundings_are_named(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    places = lay_out(15)
    middle = {(x, y) for x in (6, 7, 8) for y in (6, 7, 8)}
    rows = [
        row for name, at in places.items()
        for row in complain(name, 24 if at in middle else 3 + (at[0] * 7 + at[1] * 3) % 4)
    ]  # fmt: skip
    found = publish(empty_store, write_xlsx, rows, 小区台账=write_register(places))
    local = found[found["method"] == "local"]
    named = {places[place] for place in local["compound_id"]}
    assert (7, 7) in named
    # Gi* counts a place together with its surroundings: the patch and those next to it.
    assert named <= {(x, y) for x in range(5, 10) for y in range(5, 10)}
    assert (local["p_value"] <= 0.05).all()
    assert (local["radius_m"].isna()).all()


def write_buildings(count: int) -> list[list[Any]]:
    head = ["小区", "楼栋号", "户数", "经度", "纬度"]
    return [head] + [
        ["甲园", f"{n + 1}栋", 40, WEST + n % 8 * 0.0005, SOUTH + n // 8 * 0.0005]
        for n in range(count)
    ]


def write_one(households: int) -> list[list[Any]]:
    head = ["小区编号", "小区名称", "小区类型", "总户数", "经度", "纬度"]
    return [head, ["T01", "甲园", "商品房", households, WEST, SOUTH]]


def complain_lately(count: int, corner: set[int]) -> list[list[Any]]:
    """Twelve of each building, one a month, and six more each in the newest month in a corner."""
    rows = [row for n in range(count) for row in complain("甲园", 12, f"{n + 1}栋")]
    for n in sorted(corner):
        for row in complain("甲园", 6, f"{n + 1}栋", MONTHS[-1:]):
            rows.append([f"新{row[0]}", *row[1:]])
    return rows


def test_what_is_new_among_buildings_is_found_with_since_when(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    corner = {0, 1, 8, 9}
    rows = complain_lately(64, corner)
    found = publish(
        empty_store, write_xlsx, rows, 小区台账=write_one(64 * 40), 楼栋台账=write_buildings(64)
    )
    (row,) = found[found["method"] == "emerging"].to_dict("records")
    assert row["compound_id"] == "T01"
    assert row["name"].startswith("甲园")
    assert len(json.loads(row["members"])) == 4
    # Four of 64 buildings: theirs are 72 of 792, of the newest month's 88 complaints 28.
    assert row["observed"] == 28
    assert row["expected"] == pytest.approx(72 * 88 / 792)
    assert str(row["period_from"].date()) == "2026-10-01"


def test_fewer_than_thirty_buildings_are_not_scanned(
    empty_store: Store, write_xlsx: WriteXlsx
) -> None:
    rows = complain_lately(29, {0, 1, 8, 9})
    found = publish(
        empty_store, write_xlsx, rows, 小区台账=write_one(29 * 40), 楼栋台账=write_buildings(29)
    )
    assert not found["method"].isin(["scan", "emerging"]).any()


@pytest.mark.parametrize(("most", "metres"), [(2_000, 500.0), (30, 1000.0)])
def test_without_buildings_news_are_looked_for_in_cells_larger_where_there_are_many(
    empty_store: Store, write_xlsx: WriteXlsx, monkeypatch: pytest.MonkeyPatch,
    most: int, metres: float,
) -> None:  # fmt: skip
    monkeypatch.setattr(hotspots, "MOST_EMERGING", most)
    rows = []
    for x in range(8):
        for y in range(8):
            new = 16 if (x, y) == (3, 3) else 0
            for number in range(12 + new):
                month = MONTHS[-1 - number % 12] if number < 12 else MONTHS[-1]
                lon, lat = WEST + x * 0.0052, SOUTH + y * 0.0045  # half a kilometre apart
                rows.append([f"{x}{y}{number}", f"{month}-28", "停车管理", "", "", lon, lat])
    rows.append(["末", "2026-10-31", "停车管理", "", "", WEST, SOUTH])
    found = publish(empty_store, write_xlsx, rows, 小区台账=write_one(2000))
    (row,) = found[found["method"] == "emerging"].to_dict("records")
    # A circle of one cell reaches as far as half of its side.
    assert row["radius_m"] == metres / 2
    assert abs(row["lon"] - (WEST + 3 * 0.0052)) < 0.01
    assert str(row["period_from"].date()) == "2026-10-01"

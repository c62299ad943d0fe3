"""A store of very many compounds: figures by street, brought up to date only where anything changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from etl.figures import publish_figures
from etl.profile import load_profile
from etl.refresh import refresh
from etl.store import Store
from etl.tables.outputs import OUTPUTS
from etl.tables.records import HANDLING_PARTS
from tests.city import CATEGORIES, make_city

TABLES = [t.name for t in (*OUTPUTS, HANDLING_PARTS) if t.name != "out_shapes"]
SHEET = "投诉工单.csv"


@pytest.fixture(scope="module")
def made_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A city of 36 compounds in four streets with complaints of twenty months.

    A few dozen compounds are very many here, and are worked out in several batches.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("etl.areas.MOST_AT_ONCE", 20)
        patch.setattr("etl.groups.COMPOUNDS_AT_ONCE", 15)
        patch.setattr("tests.city.STREET", 3)
        folder = tmp_path_factory.mktemp("city")
        made = make_city(36, 1_000)
        made.compounds.to_csv(folder / "小区台账.csv", index=False)
        made.complaints.to_csv(folder / SHEET, index=False)
        store = Store(folder / "store")
        refresh(store, [folder / "小区台账.csv", folder / SHEET])
        store.close()
        yield folder


@pytest.fixture
def city(made_city: Path, tmp_path: Path) -> Store:
    """A copy of it."""
    shutil.copytree(made_city / "store", tmp_path / "store")
    return Store(tmp_path / "store")


def read_outputs(store: Store) -> dict[str, pd.DataFrame]:
    return {name: in_order(store.frame(name)) for name in TABLES}


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(list(frame.columns), ignore_index=True)


def work_out_whole(store: Store) -> None:
    """Have everything worked out anew."""
    from etl.place import place_complaints

    with store.write("test") as writer:
        writer.touch_everything()
        place_complaints(writer)
        publish_figures(writer, load_profile())
        writer.publish({"files": []})


def require_same_as_whole(store: Store) -> None:
    before = read_outputs(store)
    work_out_whole(store)
    for name, frame in read_outputs(store).items():
        pd.testing.assert_frame_equal(before[name], frame, check_exact=False, obj=name)


def write_sheet(path: Path, places: list[str], rows: int, seed: int) -> Path:
    """Complaints of some compounds, some of them open, some without a compound that is known."""
    dice = np.random.default_rng(seed)
    days = pd.to_timedelta(dice.integers(0, 60 * 86_400, rows), unit="s")
    pd.DataFrame(
        {
            "工单编号": [f"N{seed}{k:05d}" for k in range(rows)],
            "诉求时间": (pd.Timestamp(2026, 7, 1) + days).astype(str),
            "小区名称": dice.choice(places, rows),
            "诉求类别": dice.choice(CATEGORIES, rows),
            "诉求内容": "路灯不亮",
            "办理状态": dice.choice(["办结", "办理中"], rows),
        }
    ).to_csv(path, index=False)
    return path


def change_sheet(path: Path, seed: int) -> Path:
    """The same sheet with some complaints closed or of another compound, and one compound fewer."""
    dice = np.random.default_rng(seed)
    told = pd.read_csv(path, dtype=str, keep_default_na=False)
    some = dice.choice(len(told), min(5, len(told)), replace=False)
    told.loc[some, "办理状态"] = "办结"
    told.loc[some[:2], "小区名称"] = told["小区名称"].iloc[some[-1]]
    told.to_csv(path, index=False)
    return path


def run_refreshes(store: Store, folder: Path, seed: int, steps: int) -> None:
    """Small refreshes by chance, each of a few compounds."""
    dice = np.random.default_rng(seed)
    names = store.frame("out_compounds")["name"].tolist()
    written: list[Path] = []
    for step in range(steps):
        if written and dice.random() < 0.4:
            sheet = change_sheet(written[int(dice.integers(len(written)))], seed + step)
        else:
            places = [*dice.choice(names, 3), *([""] if dice.random() < 0.4 else [])]
            rows = int(dice.integers(1, 40))
            sheet = write_sheet(folder / f"新{step}.csv", places, rows, seed * 100 + step)
            written.append(sheet)
        refresh(store, [sheet])


def test_small_refreshes_come_to_what_working_everything_out_comes_to(
    city: Store, tmp_path: Path
) -> None:
    run_refreshes(city, tmp_path, seed=1, steps=2)
    require_same_as_whole(city)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_any_sequence_of_small_refreshes_comes_to_the_same(
    city: Store, tmp_path: Path, seed: int
) -> None:
    for part in range(3):
        run_refreshes(city, tmp_path, seed * 10 + part, steps=5)
        require_same_as_whole(city)


def test_only_the_street_of_the_complaints_is_written_anew(city: Store, tmp_path: Path) -> None:
    compounds = city.frame("out_compounds").set_index("compound_id")
    street = compounds["street"] == compounds.loc["C00000", "street"]
    before = max(entry.snapshot for entry in city.history())
    sheet = write_sheet(tmp_path / "新.csv", [compounds.loc["C00000", "name"]], 30, seed=5)
    after = refresh(city, [sheet]).snapshot
    for table in ("out_compounds", "out_months", "out_closings", "out_targets", "out_coverage"):
        _, rows = city.query(
            f"SELECT DISTINCT compound_id FROM lake.table_changes('{table}', {before + 1}, {after})"
        )
        assert {place for (place,) in rows} <= set(compounds.index[street])
    assert city.frame("out_compounds").set_index("compound_id").loc["C00000", "month_count"] > 0


def test_each_street_is_told_what_it_is_told_as_a_store_of_its_own(
    city: Store, made_city: Path, tmp_path: Path
) -> None:
    register, complaints = (
        pd.read_csv(made_city / name, dtype=str) for name in ("小区台账.csv", SHEET)
    )
    own = register[register["街道"] == register["街道"].iloc[0]]
    told = complaints[complaints["小区名称"].isin(own["小区名称"])]
    folder = tmp_path / "alone"
    folder.mkdir()
    own.to_csv(folder / "小区台账.csv", index=False)
    told.to_csv(folder / SHEET, index=False)
    alone = Store(tmp_path / "alone store")
    refresh(alone, [folder])
    for name in ("out_compounds", "out_months", "out_closings", "out_targets", "out_coverage"):
        here, there = (
            in_order(frame[frame["compound_id"].isin(own["小区编号"])])
            for frame in (city.frame(name), alone.frame(name))
        )
        pd.testing.assert_frame_equal(here, there, obj=name)


def test_totals_and_handling_of_the_whole_are_those_of_one_group(
    city: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped = {name: city.frame(name) for name in ("out_totals", "out_handling", "out_cells")}
    monkeypatch.setattr("etl.areas.MOST_AT_ONCE", 500)
    work_out_whole(city)
    for name, key in (("out_totals", ["name"]), ("out_handling", ["scope", "name"])):
        here, there = (
            frame.sort_values(key, ignore_index=True) for frame in (grouped[name], city.frame(name))
        )
        pd.testing.assert_frame_equal(here, there, obj=name)
    pd.testing.assert_frame_equal(in_order(grouped["out_cells"]), in_order(city.frame("out_cells")))
    assert city.frame("handling_parts").empty


def test_a_city_that_keeps_sheets_on_bodies_is_one_group(
    city: Store, write_xlsx: Callable[..., Path]
) -> None:
    rows = [["需求编号", "小区", "需求类别", "需求内容"], ["N1", "C00000", "公共设施", "修路灯"]]
    refresh(city, [write_xlsx("需求.xlsx", 需求清单=rows)])
    assert city.frame("handling_parts").empty
    ranks = city.frame("out_targets")["compound_id"]
    assert len(ranks) == ranks.nunique() == 36

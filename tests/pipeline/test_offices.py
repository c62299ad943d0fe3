"""Several offices on one lake: each writes its own communities, and none in another's rows."""

from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import pytest
from shapely.geometry import box

from etl.errors import AccessError, StoreError
from etl.questions import Answer
from etl.refresh import refresh
from etl.report import Report
from etl.store import Store
from tests.backends import write_lake
from tests.conftest import MakeLake, write_workbook
from tests.pipeline.test_undo import read_all, require_same
from tests.servers import Postgres

REGISTER = ["小区编号", "小区名称", "小区类型", "总户数"]
HEAD = ["工单编号", "受理时间", "诉求类别", "小区", "诉求内容"]
EAST, WEST = "东社区", "西社区"


class Offices:
    """Two offices, each with a folder of its own and one lake between them."""

    def __init__(self, folder: Path, folders: dict[str, Path]) -> None:
        self.folder = folder
        self.stores = {office: Store(place) for office, place in folders.items()}

    def put(self, office: str, name: str, *rows: list[object], **more: object) -> Report:
        (self.folder / office).mkdir(exist_ok=True)
        path = write_workbook(self.folder / office / name, {"表": rows})
        return refresh(self.stores[office], [path], **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A lake with the registers of two offices, which have compounds of one name; to be copied."""
    folder, database = tmp_path_factory.mktemp("offices"), postgres.make_database()
    (folder / "data").mkdir()
    address = postgres.address(database)
    places = {
        office: write_lake(folder / f"{office}-lake", address, str(folder / "data"), office=office)
        for office in (EAST, WEST)
    }
    offices = Offices(folder, places)
    offices.put(EAST, "台账.xlsx", REGISTER, ["E1", "阳光园", "商品房", 100])
    offices.put(WEST, "台账.xlsx", REGISTER, ["W1", "阳光园", "老旧", 50])
    for store in offices.stores.values():
        store.close()
    return database, folder / "data"


@pytest.fixture
def offices(
    made: tuple[str, Path], make_lake: MakeLake, postgres: Postgres, tmp_path: Path
) -> Offices:
    database, data = postgres.make_database(made[0]), tmp_path / "data"
    shutil.copytree(made[1], data)
    return Offices(
        tmp_path,
        {name: make_lake(f"{name}-lake", database, data, office=name) for name in (EAST, WEST)},
    )


@pytest.fixture
def street(offices: Offices, make_lake: MakeLake, tmp_path: Path) -> Store:
    """Whoever sees the whole lake, and belongs to no single office."""
    address = offices.stores[EAST].lake.catalogue.split("?")[0].rpartition("/")[2]
    return Store(make_lake("街道", address, tmp_path / "data"), read_only=True)


def test_each_has_its_own_and_the_street_sees_both(offices: Offices, street: Store) -> None:
    row = ["2026-01-03", "停车管理", "阳光园", "占道"]
    for office in (EAST, WEST):
        # One file name, one name of a compound: each means its own.
        assert offices.put(office, "投诉.xlsx", HEAD, [office[0] + "1", *row]).count("new") == 1
    compounds = street.frame("out_compounds").set_index("compound_id")
    assert compounds["community"].to_dict() == {"E1": EAST, "W1": WEST}
    assert compounds["complaint_count"].to_dict() == {"E1": 1, "W1": 1}
    complaints = street.frame("core_complaints").set_index("complaint_id")
    assert complaints["file"].to_dict() == {"东1": f"{EAST}/投诉.xlsx", "西1": f"{WEST}/投诉.xlsx"}
    again = offices.put(EAST, "投诉.xlsx", HEAD, ["东1", *row])
    assert (again.snapshot, again.count("unchanged")) == (None, 1)
    assert [entry.office for entry in street.history()] == [WEST, EAST, WEST, EAST]


def test_the_same_compound_id_as_another_office_is_refused(offices: Offices, street: Store) -> None:
    before = read_all(street)
    with pytest.raises(AccessError, match=f"编号“E1”已由“{EAST}”使用"):
        offices.put(WEST, "新台账.xlsx", REGISTER, ["E1", "别园", "老旧", 50])
    require_same(street, before)


def test_a_compound_of_another_community_is_refused(offices: Offices, street: Store) -> None:
    before, head = read_all(street), [*REGISTER, "所属社区"]
    with pytest.raises(AccessError, match=f"写的是“{EAST}”，“{WEST}”只能更新 {WEST} 的"):
        offices.put(WEST, "街道.xlsx", head, ["W2", "新园", "老旧", 50, EAST])
    require_same(street, before)


def test_the_same_number_as_another_office_waits_in_quarantine(
    offices: Offices, street: Store
) -> None:
    offices.put(EAST, "投诉.xlsx", HEAD, ["1", "2026-01-03", "停车管理", "阳光园", "占道"])
    report = offices.put(
        WEST, "投诉.xlsx", HEAD,
        ["1", "2026-01-03", "停车管理", "阳光园", "另一件"],
        ["2", "2026-01-03", "停车管理", "阳光园", "占道"],
    )  # fmt: skip
    assert (report.count("new"), report.count("quarantined")) == (1, 1)
    assert "别的单位" in street.frame("quarantine")["problem"].iloc[0]
    complaints = street.frame("core_complaints").set_index("complaint_id")
    assert complaints.loc["1", ["text", "compound_id"]].tolist() == ["占道", "E1"]
    assert complaints.loc["2", "compound_id"] == "W1"
    # What waits of one office is not taken for mended by a row of the other.
    offices.put(EAST, "投诉.xlsx", HEAD, ["1", "2026-01-03", "停车管理", "阳光园", "占道了"])
    assert len(street.frame("quarantine")) == 1


def test_an_id_of_another_office_is_not_known_here(offices: Offices, street: Store) -> None:
    row = ["w9", "2026-01-03", "停车管理", "E1", "占道"]
    report = offices.put(WEST, "投诉.xlsx", HEAD, row)
    assert report.count("quarantined") == 1
    assert street.frame("core_complaints").empty


def test_an_answer_holds_for_whoever_gave_it(offices: Offices) -> None:
    rows = [["2026-01-03", "停车管理", "老院子", "占道"]]
    answer = Answer("name", "老院子", "E1")
    offices.put(EAST, "投诉.xlsx", HEAD, ["e1", *rows[0]], answers=[answer])
    assert offices.stores[EAST].answers() == [("name", "老院子", "E1")]
    assert offices.stores[WEST].answers() == []
    assert offices.put(WEST, "投诉.xlsx", HEAD, ["w1", *rows[0]]).count("quarantined") == 1


def test_only_ones_own_refresh_is_taken_back(offices: Offices, street: Store) -> None:
    before = read_all(street)
    with pytest.raises(StoreError, match=f"最近一次更新是“{WEST}”的"):
        offices.stores[EAST].undo()
    require_same(street, before)
    offices.stores[WEST].undo()
    assert street.frame("out_compounds")["compound_id"].tolist() == ["E1"]
    offices.stores[EAST].undo()
    assert street.frame("out_compounds").empty


def test_an_outline_of_another_office_is_not_replaced(
    offices: Offices, street: Store, tmp_path: Path
) -> None:
    def draw(office: str, name: str, east: float) -> Path:
        shapes = gpd.GeoDataFrame(
            {"小区编号": [name], "小区名称": [f"{name}园"]},
            geometry=[box(east, 30.0, east + 0.01, 30.01)], crs="EPSG:4326",
        )  # fmt: skip
        path = tmp_path / f"{office}{name}.geojson"
        shapes.to_file(path, driver="GeoJSON")
        return path

    refresh(offices.stores[EAST], [draw(EAST, "E1", 104.0)])
    before = read_all(street)
    with pytest.raises(AccessError, match=f"“E1”已由“{EAST}”使用"):
        refresh(offices.stores[WEST], [draw(WEST, "E1", 104.1)])
    require_same(street, before)
    refresh(offices.stores[WEST], [draw(WEST, "W1", 104.1)])
    assert set(street.shapes("core_boundaries")["compound_id"]) == {"E1", "W1"}

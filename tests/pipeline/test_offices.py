"""Several offices on one lake: each writes its own communities, and none in another's rows."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
from shapely.geometry import box

from etl import early
from etl import refresh as refresh_module
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
ROW = ["2026-01-03", "停车管理", "阳光园", "占道"]


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


# -- what was done before one's turn, when another had his meanwhile ---------------------------


def overtake(store: Store, first: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have something happen just before a store's next turn, when all that comes before is done."""
    write, waiting = store.write, [first]

    def write_late(who: str = "") -> object:
        while waiting:
            waiting.pop()()
        return write(who)

    monkeypatch.setattr(store, "write", write_late)


def test_what_names_mean_by_then_counts(
    offices: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checked when 阳光园 was E1; another machine of the office says that it is E2."""
    with Store(offices.stores[EAST].path) as other:
        register = write_workbook(
            tmp_path / "台账.xlsx",
            {"表": [REGISTER, ["E1", "月亮园", "商品房", 100], ["E2", "阳光园", "商品房", 80]]},
        )
        overtake(offices.stores[EAST], lambda: refresh(other, [register]), monkeypatch)
        assert offices.put(EAST, "投诉.xlsx", HEAD, ["e1", *ROW]).count("new") == 1
        assert other.frame("core_complaints")["compound_id"].tolist() == ["E2"]
        told = other.frame("out_compounds").set_index("compound_id")["complaint_count"]
        assert told.to_dict() == {"E1": 0, "E2": 1, "W1": 0}


def test_where_the_area_lies_by_then_counts(
    offices: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was known of where the community lies; by its turn it is known that a point is far."""
    register = write_workbook(
        tmp_path / "台账.xlsx",
        {"表": [[*REGISTER, "经度", "纬度"], ["E1", "阳光园", "商品房", 100, 104.07, 30.66]]},
    )
    with Store(offices.stores[EAST].path) as other:
        overtake(offices.stores[EAST], lambda: refresh(other, [register]), monkeypatch)
        report = offices.put(
            EAST, "投诉.xlsx", [*HEAD, "经度", "纬度"], ["e1", *ROW, 121.47, 31.23]
        )
        assert report.count("new") == 1
        assert other.frame("core_complaints")["lon"].isna().all()


def test_settings_of_the_street_that_come_meanwhile_are_kept_to(
    offices: Offices, make_lake: MakeLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "profile.toml"
    settings.write_text('[aliases]\n"老阳光" = "阳光园"\n', encoding="utf-8")
    database = offices.stores[EAST].lake.catalogue.split("?")[0].rpartition("/")[2]
    with Store(make_lake("街道", database, tmp_path / "data")) as whole:
        overtake(offices.stores[EAST], lambda: refresh(whole, [settings]), monkeypatch)
        report = offices.put(
            EAST, "投诉.xlsx", HEAD, ["e1", "2026-01-03", "停车管理", "老阳光", "占道"]
        )
        assert (report.count("new"), report.count("quarantined")) == (1, 0)
        assert whole.profile_text() == settings.read_text(encoding="utf-8")
        # The street's own next refresh, begun under the former settings, does not bring them back.
        settings.write_text('[aliases]\n"旧阳光" = "阳光园"\n', encoding="utf-8")
        with Store(whole.path) as other:
            overtake(whole, lambda: refresh(other, [settings]), monkeypatch)
            refresh(whole, [write_workbook(tmp_path / "又.xlsx", {"表": [HEAD, ["s1", *ROW]]})])
        assert whole.profile_text() == settings.read_text(encoding="utf-8")


def test_the_same_number_that_came_meanwhile_waits_in_quarantine(
    offices: Offices, street: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtake(
        offices.stores[WEST],
        lambda: offices.put(EAST, "投诉.xlsx", HEAD, ["1", *ROW]),
        monkeypatch,
    )
    report = offices.put(WEST, "投诉.xlsx", HEAD, ["1", *ROW[:3], "另一件"], ["2", *ROW])
    assert (report.count("new"), report.count("quarantined")) == (1, 1)
    complaints = street.frame("core_complaints").set_index("complaint_id")
    assert complaints["compound_id"].to_dict() == {"1": "E1", "2": "W1"}


def test_the_same_compound_that_came_meanwhile_is_refused(
    offices: Offices, street: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, seen = ["X9", "新园", "老旧", 50], []

    def be_faster() -> None:
        offices.put(EAST, "新台账.xlsx", REGISTER, row)
        seen.append(read_all(street))

    overtake(offices.stores[WEST], be_faster, monkeypatch)
    with pytest.raises(AccessError, match=f"编号“X9”已由“{EAST}”使用"):
        offices.put(WEST, "新台账.xlsx", REGISTER, row)
    require_same(street, seen[0])


def test_nothing_is_checked_during_the_turn_that_was_checked_before(
    offices: Offices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another office's refresh changes nothing of what one's own names mean."""
    overtake(
        offices.stores[EAST],
        lambda: offices.put(WEST, "台账2.xlsx", REGISTER, ["W2", "别园", "老旧", 50]),
        monkeypatch,
    )
    checked, again = [], []
    monkeypatch.setattr(
        early, "check_sheet", _tell_of(early.check_sheet, lambda: checked.append(1))
    )
    monkeypatch.setattr(
        refresh_module, "check_arrival", _tell_of(early.check_arrival, lambda: again.append(1))
    )
    assert offices.put(EAST, "投诉.xlsx", HEAD, ["e1", *ROW]).count("new") == 1
    assert len(checked) == 2, "one's own sheet, and the register of the other"
    assert again == []


def _tell_of(work: Callable[..., object], tell: Callable[[], object]) -> Callable[..., object]:
    def told(*arguments: object) -> object:
        tell()
        return work(*arguments)

    return told


def test_a_preview_waits_for_nobody_and_keeps_nothing(offices: Offices, street: Store) -> None:
    before, reports = read_all(street), []

    def look() -> None:
        reports.append(offices.put(EAST, "投诉.xlsx", HEAD, ["e1", *ROW], dry_run=True))

    with offices.stores[WEST].hold():
        looking = threading.Thread(target=look)
        looking.start()
        looking.join(timeout=60)
        assert not looking.is_alive()
    assert (reports[0].count("new"), reports[0].snapshot) == (1, None)
    require_same(street, before)

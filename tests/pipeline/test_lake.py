"""A store whose catalogue is a PostgreSQL: found, refused, reached again, written by one at a time."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from etl import store as store_module
from etl.accounts import Accounts
from etl.cli import main
from etl.doctor import examine, worst
from etl.errors import StoreAgainError, StoreError
from etl.lake import HOME, LAKE_FILE, find_folder, read_lake, storage_keys
from etl.refresh import refresh
from etl.store import OWNER_FILE, Store
from tests.backends import write_lake
from tests.conftest import MakeLake, WriteXlsx, write_workbook
from tests.servers import PASSWORD, Objects, Postgres

REGISTER = [["小区编号", "小区名称", "小区类型", "总户数"], ["T01", "甲园", "商品房", 100]]
HEAD = ["工单编号", "受理时间", "诉求类别", "小区", "诉求内容"]
FIRST = 3  # the snapshot of the first refresh; the tables are made before


@pytest.fixture(scope="module")
def made(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A catalogue and data with a register in them, made once to be copied."""
    folder, database = tmp_path_factory.mktemp("lake"), postgres.make_database()
    data = folder / "data"
    data.mkdir()
    with Store(write_lake(folder / "store", postgres.address(database), str(data))) as store:
        report = refresh(store, [write_workbook(folder / "台账.xlsx", {"小区台账": REGISTER})])
    assert report.snapshot == FIRST
    return database, data


@pytest.fixture
def lake(postgres: Postgres, made: tuple[str, Path], tmp_path: Path, make_lake: MakeLake) -> Path:
    """A shared store with a register in it."""
    database, data = made
    shutil.copytree(data, tmp_path / "store-data")
    return make_lake(database=postgres.make_database(database))


def write_complaints(folder: Path, name: str, count: int, day: int = 1) -> Path:
    rows = [
        [f"{name}{n}", f"2026-01-{day:02}", "停车管理", "甲园", f"第{n}件"] for n in range(count)
    ]
    return write_workbook(folder / f"{name}.xlsx", {"投诉工单": [HEAD, *rows]})


def database_of(folder: Path) -> str:
    return read_lake(folder).catalogue.split("?")[0].rpartition("/")[2]


# -- what lake.toml says ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("catalogue = 1\ndata = '/x'", "catalogue 应写在引号里"),
        ("data = '/x'", "catalogue 应写成 postgresql://用户@主机/库名"),
        ("catalogue = 'mysql://a@b/c'\ndata = '/x'", "catalogue 应写成 postgresql://"),
        ("catalogue = 'postgresql://a@b/c'\ndata = 'x'", "data 应是完整的文件夹路径"),
        ("catalogue = 'postgresql://a@b/c'\ndata = 's3://'", "data 应写成 s3://桶/前缀"),
        ("catalogue = 'postgresql://a:geheim@b/c'\ndata = '/x'", "catalogue 里不要写密码"),
        ("catalogue = 'postgresql://a@b/c?password=geheim'\ndata = '/x'", "不要写密码"),
        ("catalog = 'postgresql://a@b/c'", "不认识“catalog”"),
        ("catalogue = 'postgresql://a@b/c'\ndata = '/x'\ncommunities = 'T'", "communities 应是一列"),
        ("catalogue = 'postgresql://a@b/c'\ndata = '/x'\ncommunities = ['T']", "就要写 office"),
        ("catalogue = ", "读不出来"),
    ],
)  # fmt: skip
def test_a_lake_file_that_makes_no_sense_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / LAKE_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=said) as raised:
        Store(tmp_path)
    assert "geheim" not in str(raised.value)
    assert worst(examine(tmp_path)) == "bad"
    assert [path.name for path in tmp_path.iterdir()] == [LAKE_FILE], "nothing was begun"


def test_keys_come_from_the_environment() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
    assert storage_keys(keys) == {"KEY_ID": "k", "SECRET": "s", "REGION": "us-east-1"}
    told = storage_keys({**keys, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (told["ENDPOINT"], told["USE_SSL"], told["URL_STYLE"]) == (
        "127.0.0.1:9",
        "false",
        "path",
    )
    with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID"):
        storage_keys({"AWS_ACCESS_KEY_ID": "k"})


# -- the same said in one address ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://a:geheim@b/c?data=/x", "不要写密码"),
        ("postgresql://a@b/c?data=/x&password=geheim", "不要写密码"),
        ("postgresql://a@b/c?data=/x&sslpassword=geheim", "不要写密码"),
        ("postgresql://a:geheim@[b/c?data=/x", "catalogue 应写成 postgresql://"),
        ("postgresql://a@b/?data=/x", "catalogue 应写成 postgresql://"),
        ("postgresql://a@b/c", "data 应是完整的文件夹路径"),
        ("postgresql://a@b/c?data=/x&communities=T", "就要写 office"),
    ],
)
def test_an_address_that_makes_no_sense_is_said(
    tmp_path: Path, address: str, said: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv(HOME, str(tmp_path / "home"))
    for arguments in (["history"], ["doctor", "--json"], ["user", "list"], ["move", "--to", "x"]):
        assert main([*arguments, "--store", address]) == 1
        told = capsys.readouterr()
        assert said in told.err + told.out
        assert len((told.err + told.out).strip().splitlines()) == 1
        assert "geheim" not in told.err + told.out
    assert list(tmp_path.iterdir()) == []


def test_an_address_has_a_folder_of_this_machine(tmp_path: Path) -> None:
    home = {HOME: str(tmp_path)}
    told = "postgresql://u@db.example/shequ?data=s3://b/p&office=T%20社区&communities=甲,乙"
    folder = find_folder(told, home)
    assert folder.parent == tmp_path
    assert folder.name.startswith("shequ-T-社区-")
    lake = read_lake(folder)
    assert lake.catalogue == "postgresql://u@db.example/shequ?connect_timeout=10"
    assert (lake.data, lake.office, lake.communities) == ("s3://b/p/", "T 社区", ("甲", "乙"))
    # The same database by another user, its port written out: the same folder, and what is said now.
    again = find_folder(told.replace("u@db.example", "v@DB.example:5432"), home)
    assert again == folder
    assert read_lake(folder).catalogue.startswith("postgresql://v@")
    # Another office, server or database of the same name has its own accounts.
    others = {
        find_folder(told.replace(*change), home)
        for change in (("T%20", "U%20"), ("db.example", "other.example"), ("/shequ", "/second"))
    }
    assert len({folder, *others}) == 4
    # What the address leaves out stands in the environment.
    plain = find_folder(
        "postgresql://u@db.example/shequ?data=/x",
        {**home, "SHEQU_OFFICE": "T 社区", "SHEQU_COMMUNITIES": "丙"},
    )
    assert (plain, read_lake(plain).communities) == (folder, ("丙",))
    assert find_folder("some/folder", home) == Path("some/folder")


def test_commands_and_a_page_by_the_address(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dashboard import load, settings
    from tests.pages import open_view, text_of

    monkeypatch.setenv(HOME, str(tmp_path / "home"))
    known = read_lake(lake)
    monkeypatch.setenv("SHEQU_STORE", f"{known.catalogue}&data={known.data}")
    assert main(["refresh", str(write_complaints(tmp_path, "投诉", 3)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["snapshot"] == FIRST + 1
    assert main(["query", "SELECT count(*) AS n FROM core_complaints"]) == 0
    assert capsys.readouterr().out.split() == ["n", "3"]
    (folder,) = (tmp_path / "home").iterdir()
    # What was done is written down on this machine; the data are the lake's.
    assert [entry.what for entry in Accounts(folder).audit()] == ["query", "refresh"]
    with Store(lake, read_only=True) as store:
        assert store.snapshot() == FIRST + 1
    with monkeypatch.context() as patch:
        patch.setenv("PGPASSWORD", "geheim")
        assert main(["history"]) == 1
        told = capsys.readouterr()
        assert "不认这个用户名或密码" in told.err
        assert "geheim" not in told.err + told.out
    monkeypatch.setenv(settings.STORE, str(folder))
    monkeypatch.delenv(settings.PROFILE, raising=False)
    main_module = sys.modules["__main__"]
    try:
        page = open_view("map")
        assert not page.exception
        assert "<b>100</b>" in text_of(page), "the households of the register"
    finally:
        load.open_store.clear()
        sys.modules["__main__"] = main_module


# -- the same as in a folder --------------------------------------------------------------------


@pytest.mark.slow
def test_every_command_works_on_it(
    lake: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--store", str(lake)]
    assert main(["refresh", str(write_complaints(tmp_path, "投诉", 3)), *place, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["snapshot"] == FIRST + 1
    assert main(["query", "SELECT count(*) AS n FROM core_complaints", *place]) == 0
    assert capsys.readouterr().out.split() == ["n", "3"]
    assert main(["undo", *place]) == 0
    assert main(["history", *place, "--json"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert [entry["what"] for entry in json.loads(told)["history"]] == [
        "undo",
        "refresh",
        "refresh",
    ]
    assert main(["maintain", *place]) == 0
    assert main(["export", *place, "--out", str(tmp_path / "out")]) == 0
    found = examine(lake)
    assert [finding for finding in found if finding.state == "bad"] == []
    assert any("连得上共享目录" in finding.said for finding in found)
    # What is the machine's own stays on it; no catalogue and no data.
    assert {path.name for path in lake.iterdir()} <= {
        LAKE_FILE, "access.sqlite", "access.sqlite-wal", "access.sqlite-shm", "writer.who",
    }  # fmt: skip


def test_an_empty_lake_says_so_and_is_not_made_by_reading(make_lake: MakeLake) -> None:
    folder = make_lake()
    with pytest.raises(StoreError, match="里还没有数据"):
        Store(folder, read_only=True)
    assert [path.name for path in (folder.parent / "store-data").iterdir()] == []


def test_nothing_outside_the_data_can_be_read(lake: Path) -> None:
    with Store(lake, read_only=True) as store:
        for sql in (
            "SELECT * FROM postgres_query('beside', 'SELECT 1')",
            "FROM duckdb_secrets()",
            "SELECT * FROM '/etc/passwd'",
        ):
            with pytest.raises(StoreError):
                store.query(sql)
        told = store.query("SELECT path FROM duckdb_databases()")[1]
        assert PASSWORD not in str(told)


def test_doctor_finds_a_file_that_is_gone(lake: Path, tmp_path: Path) -> None:
    with Store(lake, read_only=True) as store:
        path = next(
            file.path
            for file in store.list_known()
            if file.table == "core_compounds" and file.ends is None
        )
    (tmp_path / "store-data" / path).unlink()
    bad = [finding.said for finding in examine(lake) if finding.state == "bad"]
    assert any("不见了" in said for said in bad)


@pytest.mark.slow
def test_what_was_issued_elsewhere_stays(lake: Path, tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    with Store(lake) as store:
        store.keep_state(FIRST, "简报")
        for number in (1, 2):
            refresh(store, [write_complaints(tmp_path, f"投诉{number}", 1, number)])
        store.maintain(400, now=datetime.now(UTC) + timedelta(days=500))
        left = {row[0] for row in store.list_snapshots()}
        assert left >= {FIRST, FIRST + 2}
        assert FIRST + 1 not in left


# -- many at once -------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_who_write_at_once_both_land_and_nothing_is_doubled(lake: Path, tmp_path: Path) -> None:
    files = [write_complaints(tmp_path, f"办{n}-", 5, n + 1) for n in range(3)]
    reports = {}

    def run(number: int) -> None:
        with Store(lake) as store:
            reports[number] = refresh(store, [files[number]])

    threads = [threading.Thread(target=run, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted(report.snapshot or 0 for report in reports.values()) == [
        FIRST + 1,
        FIRST + 2,
        FIRST + 3,
    ]
    with Store(lake) as store:
        complaints = store.frame("core_complaints")
        assert len(complaints) == complaints["complaint_id"].nunique() == 15
        assert len(store.frame("out_compounds")) == 1
        assert store.frame("out_compounds")["complaint_count"].tolist() == [15]


def test_whoever_was_overtaken_is_refused_and_begins_anew(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lock, as when the server that held it fell: the second commit is refused."""
    from contextlib import nullcontext

    monkeypatch.setattr(Store, "_hold_catalogue", lambda self: nullcontext())
    first, second = Store(lake), Store(lake)

    def write_too_late() -> None:
        with second.write() as writer:
            refresh(first, [write_complaints(tmp_path, "先", 2)])
            writer.set_setting("x", "y")
            writer.publish({"files": []})

    with pytest.raises(StoreAgainError, match="抢先"):
        write_too_late()
    assert second.query("SELECT count(*) FROM settings WHERE name = 'x'")[1] == [(0,)]
    # The same at the level of the refresh: it is run once more, on what is there by then.
    overtake = iter([True])
    publish = Store._publish

    def publish_late(self: Store, *arguments: object) -> None:
        if self is second and next(overtake, False):
            refresh(first, [write_complaints(tmp_path, "又先", 3)])
        publish(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "_publish", publish_late)
    report = refresh(second, [write_complaints(tmp_path, "后", 4)])
    assert (report.snapshot, report.count("new")) == (FIRST + 3, 4)
    assert len(second.frame("core_complaints")) == 9
    first.close()
    second.close()


def test_a_commit_that_landed_before_the_server_fell_counts_once(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import duckdb

    commit = store_module._commit

    def commit_and_lose_the_answer(*arguments: object) -> None:
        commit(*arguments)  # type: ignore[arg-type]
        raise duckdb.Error("server closed the connection unexpectedly")

    with Store(lake) as store:
        monkeypatch.setattr(store_module, "_commit", commit_and_lose_the_answer)
        report = refresh(store, [write_complaints(tmp_path, "投诉", 2)])
        assert (report.snapshot, report.count("new")) == (FIRST + 1, 2)
        assert [entry.snapshot for entry in store.history()] == [FIRST + 1, FIRST]


def test_a_reader_outlives_a_restart_and_a_writer_begins_anew(
    lake: Path, tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, falls = Store._publish, iter([True])

    def fall_before_the_commit(self: Store, *arguments: object) -> None:
        if next(falls, False):
            postgres.stop()
            postgres.start()
        publish(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "_publish", fall_before_the_commit)
    with Store(lake) as store:
        report = refresh(store, [write_complaints(tmp_path, "投诉", 2)])
        assert report.count("new") == 2
        assert len(store.frame("core_complaints")) == 2
    assert next(falls, None) is None


# -- bad input: one sentence, nothing published, nothing lost -----------------------------------


@pytest.fixture
def untouched(lake: Path) -> Iterator[Path]:
    """A lake that must be in the end as it was, for all that goes wrong meanwhile."""
    with Store(lake) as store:
        before = (store.list_snapshots(), store.frame("core_compounds"))
    yield lake
    with Store(lake) as store:
        assert store.list_snapshots() == before[0]
        assert store.frame("core_compounds").equals(before[1])


def refuse(folder: Path, tmp_path: Path, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A refresh ends with one sentence, and tells no password."""
    file = write_complaints(tmp_path, "投诉", 2)
    assert main(["refresh", str(file), "--store", str(folder)]) == 1
    told = capsys.readouterr()
    assert said in told.err
    assert len(told.err.strip().splitlines()) == 1
    assert PASSWORD not in told.err + told.out
    assert "geheim" not in told.err + told.out


def test_a_catalogue_out_of_reach(
    make_lake: MakeLake, tmp_path: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_lake()
    text = (folder / LAKE_FILE).read_text().replace(str(postgres.port), "9")
    (folder / LAKE_FILE).write_text(text)
    refuse(folder, tmp_path, "连不上共享目录“127.0.0.1/", capsys)
    assert worst(examine(folder)) == "bad"


def test_no_such_database(
    make_lake: MakeLake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse(make_lake(database="nowhere"), tmp_path, "还没有建库", capsys)


def test_wrong_credentials_are_never_printed(
    untouched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setenv("PGPASSWORD", "geheim")
        refuse(untouched, tmp_path, "不认这个用户名或密码", capsys)
        assert "geheim" not in str(examine(untouched))


def test_a_role_that_may_only_read(
    untouched: Path, tmp_path: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    database = database_of(untouched)
    role = f"reader_{database}"
    postgres.ask(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    postgres.ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", database)
    reader = write_lake(
        tmp_path / "reader", postgres.address(database, role), read_lake(untouched).data
    )
    with Store(reader, read_only=True) as store:
        assert len(store.frame("out_compounds")) == 1
    refuse(reader, tmp_path, "只能看，不能写", capsys)


def test_a_server_that_is_full(
    untouched: Path, tmp_path: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    database = database_of(untouched)
    postgres.ask(
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'could not extend file \"base/1/2\": No space left on device' USING ERRCODE = '53100'; "
        "END $$; CREATE TRIGGER full_disk BEFORE INSERT ON ducklake_snapshot EXECUTE FUNCTION fill()",
        database,
    )
    refuse(untouched, tmp_path, "服务器或存储已满", capsys)
    postgres.ask("DROP TRIGGER full_disk ON ducklake_snapshot", database)


def test_a_catalogue_of_another_version(
    untouched: Path, tmp_path: Path, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    database = database_of(untouched)
    change = "UPDATE ducklake_metadata SET value = '{}' WHERE key = 'version'"
    was = postgres.ask("SELECT value FROM ducklake_metadata WHERE key = 'version'", database)
    postgres.ask(change.format("9.7"), database)
    refuse(untouched, tmp_path, "由另一个版本的软件写成", capsys)
    postgres.ask(change.format(was), database)


def test_data_that_two_catalogues_share(
    untouched: Path, make_lake: MakeLake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "store-data"
    files = sorted(path for path in data.rglob("*"))
    refuse(make_lake("second", data=data), tmp_path, "可能是另一个目录的数据", capsys)
    assert sorted(path for path in data.rglob("*")) == files
    # The other way round: a catalogue that has data of its own, pointed at these.
    third = make_lake("third")
    Store(third).close()
    write_lake(third, read_lake(third).catalogue.split("?")[0], str(data))
    refuse(third, tmp_path, "是不是配成一对", capsys)


def test_a_share_that_is_not_mounted(
    untouched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "store-data"
    data.rename(tmp_path / "elsewhere")
    refuse(untouched, tmp_path, "网络盘有没有连上", capsys)
    data.mkdir()
    refuse(untouched, tmp_path, "网络盘有没有连对", capsys)
    data.rmdir()
    (tmp_path / "elsewhere").rename(data)


def test_a_clock_that_is_not_the_others(
    untouched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    now = time.time
    with monkeypatch.context() as patch:
        patch.setattr(store_module.time, "time", lambda: now() + 3600)
        refuse(untouched, tmp_path, "快 60 分钟", capsys)
        clock = {f.name: f for f in examine(untouched, now=lambda: now() - 3600)}["时钟"]
        assert (clock.state, "差 60 分钟" in clock.said) == ("bad", True)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["key", "bucket"])
def test_storage_that_is_not_opened(
    postgres: Postgres, objects: Objects, tmp_path: Path, wrong: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    bucket = objects.make_bucket() if wrong == "key" else "no-such-bucket"
    address = postgres.address(postgres.make_database())
    folder = write_lake(tmp_path / "store", address, f"s3://{bucket}/shequ")
    if wrong == "key":
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        refuse(folder, tmp_path, "对象存储要密钥", capsys)
    else:
        refuse(folder, tmp_path, "没有 lake.toml 写的桶", capsys)


@pytest.mark.slow
def test_storage_that_refuses_or_is_away(
    postgres: Postgres, objects: Objects, tmp_path: Path, write_xlsx: WriteXlsx,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    address = postgres.address(postgres.make_database())
    folder = write_lake(tmp_path / "store", address, f"s3://{objects.make_bucket()}/shequ")
    with Store(folder) as store:
        refresh(store, [write_xlsx("台账.xlsx", 小区台账=REGISTER)])
        before = (store.list_snapshots(), store.frame("core_compounds"))
    monkeypatch.setattr(store_module, "PATIENCE_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "geheim")
        # One that is unknown, and one that may look and not write.
        for guarded in (("GET", "HEAD", "PUT", "POST"), ("PUT", "POST")):
            patch.setattr(objects, "guarded", guarded)
            refuse(folder, tmp_path, "对象存储不认这个密钥", capsys)
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        refuse(folder, tmp_path, "连不上对象存储", capsys)
    with monkeypatch.context() as patch:
        patch.setattr(objects, "fail_every", 1)
        patch.setattr(objects, "refusal", ("507 Insufficient Storage", "XMinioStorageFull"))
        refuse(folder, tmp_path, "服务器或存储已满", capsys)
    # Another catalogue that is pointed at the same place.
    other = write_lake(
        tmp_path / "other", postgres.address(postgres.make_database()), read_lake(folder).data
    )
    refuse(other, tmp_path, "可能是另一个目录的数据", capsys)
    with Store(folder) as store:
        assert store.list_snapshots() == before[0]
        assert store.frame("core_compounds").equals(before[1])


@pytest.mark.slow
def test_a_write_that_the_storage_fails_is_tried_again(
    postgres: Postgres, objects: Objects, tmp_path: Path, write_xlsx: WriteXlsx,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    address = postgres.address(postgres.make_database())
    data = f"s3://{objects.make_bucket()}/shequ"
    with Store(write_lake(tmp_path / "store", address, data)) as store:
        failed = objects.failed
        monkeypatch.setattr(objects, "fail_every", 10)
        report = refresh(store, [write_xlsx("台账.xlsx", 小区台账=REGISTER)])
        refresh(store, [write_complaints(tmp_path, "投诉", 3)])
        monkeypatch.setattr(objects, "fail_every", 0)
        assert objects.failed > failed, "nothing went wrong, so nothing was shown"
        assert report.count("new") == 1
        assert store.frame("out_compounds")["complaint_count"].tolist() == [3]
        assert OWNER_FILE in str(objects.list_objects(data.split("/")[2]))

"""The `shequ` command as staff and scripts meet it: exit codes, JSON, sentences."""

from __future__ import annotations

import io
import json
import os
import shutil
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from etl.accounts import ADMIN, Accounts
from etl.cli import build_parser, main
from etl.tables import TABLES
from tests.backends import write_lake
from tests.conftest import ROOT, WriteXlsx

COMPOUNDS = [["小区名称", "小区类型", "总户数"], ["甲园", "商品房", 100]]
BAD = [["小区名称", "小区类型", "总户数"], ["甲园", "商品房", 100], ["乙院", "老旧", "很多"]]


@pytest.fixture(autouse=True)
def made_already(tmp_path: Path, blank_store: Path) -> None:
    """The store of each test, which the first command would make just so."""
    shutil.copytree(blank_store, tmp_path / "store")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    code = main(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and the one JSON object that a command prints."""
    code, out, err = run(capsys, *arguments, "--json")
    assert err == ""
    return code, json.loads(out)


def test_refresh_reports_every_row_as_json(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(tmp_path / "store")
    code, said = run_json(
        capsys, "refresh", str(write_xlsx("台账.xlsx", 台账=BAD)), "--store", store
    )
    assert code == 3
    assert isinstance(said["snapshot"], int)
    (file,) = said["files"]
    assert (file["name"], len(file["sha256"])) == ("台账.xlsx", 64)
    (sheet,) = file["sheets"]
    assert sheet["table"] == "compounds"
    assert sheet["rows_read"] == 2
    assert (sheet["rows_new"], sheet["rows_quarantined"]) == (1, 1)
    (issue,) = said["issues"]
    assert set(issue) == {"file", "sheet", "cell", "column", "value", "problem", "severity"}
    assert (issue["cell"], issue["value"]) == ("C3", "很多")
    code, said = run_json(
        capsys, "query", "SELECT name, households FROM out_compounds", "--store", store
    )
    assert (code, said) == (0, {"columns": ["name", "households"], "rows": [["甲园", 100]]})
    code, said = run_json(
        capsys, "query", 'SELECT file, sheet, row, "table" FROM quarantine', "--store", store
    )
    assert said["rows"] == [["台账.xlsx", "台账", 3, "compounds"]]


def test_a_clean_refresh_ends_with_0_and_the_same_again_too(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    store, file = str(tmp_path / "store"), str(write_xlsx("台账.xlsx", 台账=COMPOUNDS))
    assert run_json(capsys, "refresh", file, "--store", store)[0] == 0
    code, said = run_json(capsys, "refresh", file, "--store", store)
    assert (code, said["snapshot"]) == (0, None)
    code, out, _ = run(capsys, "refresh", file, "--store", store)
    assert "没有变动" in out


def test_nothing_to_publish_ends_with_1_and_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "照片.jpg"
    picture.write_bytes(b"\xff\xd8\xff")
    code, said = run_json(capsys, "refresh", str(picture), "--store", str(tmp_path / "store"))
    assert (code, said["snapshot"]) == (1, None)
    assert "《照片.jpg》不是能读的表格" in said["error"]


def test_undo_and_history(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    store, file = str(tmp_path / "store"), str(write_xlsx("台账.xlsx", 台账=COMPOUNDS))
    run(capsys, "refresh", file, "--store", store, "--who", "张三")
    code, out, _ = run(capsys, "history", "--store", store)
    assert code == 0
    assert "张三" in out
    assert "（当前）" in out
    assert run(capsys, "undo", "--store", store)[0] == 0
    code, said = run_json(capsys, "history", "--store", store)
    assert [entry["what"] for entry in said["history"]] == ["undo", "refresh"]
    assert said["history"][1]["is_undone"]
    code, said = run_json(capsys, "undo", "--store", store)
    assert (code, said) == (1, {"error": "没有可以撤销的更新。"})


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["refresh"], ["query"], ["serve", "--port", "x"]]
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_a_store_without_data_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "query", "SELECT 1", "--store", str(tmp_path / "none"))
    assert (code, out) == (1, "")
    assert "还没有数据" in err


def test_a_profile_with_an_error_is_said(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "坏.toml"
    profile.write_text("catgories = []", encoding="utf-8")
    file = str(write_xlsx("台账.xlsx", 台账=COMPOUNDS))
    code, said = run_json(
        capsys, "refresh", file, "--profile", str(profile), "--store", str(tmp_path / "store")
    )
    assert code == 1
    assert "《坏.toml》的 catgories：不认识这一项" in said["error"]


def test_template_writes_three_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run_json(capsys, "template", "--out", str(tmp_path / "模板"))
    assert (code, said["files"]) == (0, ["模板.xlsx", "数据字典.md", "表结构.json"])
    schema = json.loads((tmp_path / "模板" / "表结构.json").read_text(encoding="utf-8"))
    assert len(schema["resources"]) == len(TABLES)


def test_every_command_is_in_the_readme_and_has_help() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (commands,) = [a for a in build_parser()._actions if a.dest not in ("help",)]
    for name, command in commands.choices.items():  # type: ignore[union-attr]
        assert f"shequ {name}" in readme, name
        assert command.description
        assert all(action.help for action in command._actions), name


# -- answers, passwords, marked workbooks -------------------------------------------------------


def test_an_answer_on_the_command_line_is_remembered(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(tmp_path / "store")]
    book = str(
        write_xlsx("盘点.xlsx", 盘点=[["盘", "小区类型", "总户数"], ["甲园", "商品房", 100]])
    )
    code, said = run_json(capsys, "refresh", book, *store)
    assert (code, said["snapshot"]) == (1, None)
    assert [question["kind"] for question in said["questions"]] == ["sheet", "column"]
    code, out, _ = run(capsys, "refresh", book, *store)
    assert "--map 'column:盘=小区名称'" in out
    code, said = run_json(capsys, "refresh", book, *store, "--map", "盘=小区名称")
    assert (code, said["questions"]) == (0, [])
    again = str(
        write_xlsx("盘点2.xlsx", 盘点=[["盘", "小区类型", "总户数"], ["乙院", "老旧院落", 50]])
    )
    assert run_json(capsys, "refresh", again, *store)[0] == 0
    code, said = run_json(capsys, "query", "SELECT kind, answer FROM answers", *store)
    assert said["rows"] == [["column", "name"]]


def test_an_answer_to_nothing_that_was_asked_ends_with_2(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    book = str(write_xlsx("台账.xlsx", 台账=COMPOUNDS))
    store = ["--store", str(tmp_path / "store")]
    code, said = run_json(capsys, "refresh", book, *store, "--map", "盘=小区名称")
    assert code == 2
    assert "没有问到“盘”" in said["error"]


def test_a_password_opens_an_encrypted_workbook(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "加密.xlsx"
    with write_xlsx("台账.xlsx", 台账=COMPOUNDS).open("rb") as source, locked.open("wb") as target:
        OOXMLFile(source).encrypt("T2026", target)
    store = ["--store", str(tmp_path / "store")]
    code, said = run_json(capsys, "refresh", str(locked), *store)
    assert code == 1
    assert "密码" in said["error"]
    code, said = run_json(capsys, "refresh", str(locked), *store, "--password", "错的")
    assert code == 1
    code, said = run_json(capsys, "refresh", str(locked), *store, "--password", "加密.xlsx=T2026")
    assert (code, said["files"][0]["sheets"][0]["rows_new"]) == (0, 1)


def test_the_marked_workbook_is_mended_and_dropped_again(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(tmp_path / "store")]
    back = tmp_path / "退回"
    book = str(write_xlsx("台账.xlsx", 台账=BAD))
    code, _, _ = run(capsys, "refresh", book, *store, "--returned", str(back))
    assert code == 3
    (marked,) = back.iterdir()
    assert marked.name == "台账（已标注）.xlsx"
    opened = openpyxl.load_workbook(marked)
    assert "很多" in opened["台账"]["C3"].comment.text
    opened["台账"]["C3"] = 50
    opened.save(marked)
    code, said = run_json(capsys, "refresh", str(marked), *store)
    assert code == 0
    (sheet,) = said["files"][0]["sheets"]
    assert said["files"][0]["name"] == "台账.xlsx"
    assert (sheet["rows_new"], sheet["rows_unchanged"], sheet["rows_changed"]) == (1, 1, 0)
    code, said = run_json(capsys, "query", "SELECT count(*) FROM quarantine", *store)
    assert said["rows"] == [[0]]


def test_of_a_file_and_its_marked_copy_the_one_saved_last_is_read(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(tmp_path / "store")]
    box = tmp_path / "表"
    box.mkdir()
    book = write_xlsx("台账.xlsx", 台账=BAD).rename(box / "台账.xlsx")
    run(capsys, "refresh", str(book), *store, "--returned", str(box))
    marked = box / "台账（已标注）.xlsx"
    opened = openpyxl.load_workbook(marked)
    opened["台账"]["C3"] = 50
    opened.save(marked)
    os.utime(book, (1_700_000_000, 1_700_000_000))
    code, said = run_json(capsys, "refresh", str(box), *store)
    assert code == 0
    assert [len(file["sheets"]) for file in said["files"]] == [0, 1]
    assert "《台账.xlsx》和《台账（已标注）.xlsx》是同一个文件的两份" in said["warnings"][0]
    code, said = run_json(capsys, "query", "SELECT count(*) FROM core_compounds", *store)
    assert said["rows"] == [[2]]


def test_marked_copies_of_two_offices_are_both_read(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(tmp_path / "store")]
    box = tmp_path / "表"
    box.mkdir()
    for office in "甲乙":
        rows = [BAD[0], [f"{office}园", "商品房", 100], [f"{office}院", "老旧", "很多"]]
        book = str(write_xlsx("台账.xlsx", 台账=rows))
        run(capsys, "refresh", book, "--store", str(tmp_path / office), "--returned", str(box))
        (box / "台账（已标注）.xlsx").rename(box / f"{office}.xlsx")
    code, said = run_json(capsys, "refresh", str(box), *store)
    assert code == 3
    assert [file["name"] for file in said["files"]] == ["乙.xlsx", "甲.xlsx"]
    code, said = run_json(capsys, "query", "SELECT name FROM core_compounds ORDER BY 1", *store)
    assert said["rows"] == [["乙园"], ["甲园"]]


def test_watching_gives_a_bad_sheet_back_marked(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    box = tmp_path / "投放"
    box.mkdir()
    write_xlsx("台账.xlsx", 台账=BAD).rename(box / "台账.xlsx")
    code, said = run_json(
        capsys, "watch", str(box), "--once", "--every", "1", "--store", str(tmp_path / "store")
    )
    assert (code, said["returned"]) == (3, ["台账.xlsx"])
    names = {path.name for path in (box / "returned").rglob("*") if path.is_file()}
    assert {"台账.xlsx", "台账（已标注）.xlsx"} <= names


def test_accounts_are_made_listed_and_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = str(tmp_path / "store")

    def user(*arguments: str, password: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
        return run(capsys, "user", *arguments, "--store", store)

    assert user("list")[1] == "还没有账号：只能在本机打开。\n"
    code, _, err = user("add", "张书记", "--role", "管理员", password="12345678")
    assert code == 2
    assert "太容易猜到" in err
    code, out, _ = user("add", "张书记", "--role", "管理员", password="荷塘月色 2026")
    assert (code, out) == (0, "已建账号“张书记”（管理员）。\n")
    assert user("add", "小李", password="荷塘月色 2027")[1] == "已建账号“小李”（社区）。\n"
    assert [line.split("\t")[:2] for line in user("list")[1].splitlines()] == [
        ["小李", "社区"], ["张书记", "管理员"],
    ]  # fmt: skip
    assert user("remove", "张书记")[0] == 2
    assert "原来的登录都已失效" in user("password", "小李", password="荷塘月色 2028")[1]
    assert user("remove", "小李")[1] == "已删账号“小李”。\n"
    assert user("add")[0] == 2
    told = [event.what for event in Accounts(Path(store)).audit()]
    assert told == ["account_removed", "password_changed", "account_added", "account_added"]


def test_a_server_that_others_can_reach_needs_accounts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr("uvicorn.run", lambda _app, host, **_more: started.append(host))
    monkeypatch.setattr("etl.cli._require_free", lambda *_: None)
    store = ["--store", str(tmp_path / "store"), "--empty"]
    for host in ("0.0.0.0", "::", "192.168.1.8", "office.local"):
        code, _, err = run(capsys, "serve", "--host", host, *store)
        assert code == 2, host
    assert "必须先有账号" in err
    assert started == []
    for host in ("127.0.0.1", "localhost"):
        assert run(capsys, "serve", "--host", host, *store)[0] == 0
    Accounts(tmp_path / "store").add("张书记", "荷塘月色 2026", ADMIN)
    assert run(capsys, "serve", "--host", "0.0.0.0", *store)[0] == 0
    assert started == ["127.0.0.1", "localhost", "0.0.0.0"]


def test_refresh_and_undo_are_in_the_audit(
    tmp_path: Path, write_xlsx: WriteXlsx, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(tmp_path / "store")
    book = str(write_xlsx("台账.xlsx", 台账=COMPOUNDS))
    run(capsys, "refresh", book, "--store", store, "--who", "小李", "--dry-run")
    run(capsys, "refresh", book, "--store", store, "--who", "小李")
    run(capsys, "refresh", book, "--store", store, "--who", "小李")  # nothing new
    run(capsys, "undo", "--store", store, "--who", "张书记")
    told = [(event.who, event.what) for event in Accounts(Path(store)).audit()]
    assert told == [("张书记", "undo"), ("小李", "refresh")]
    assert Accounts(Path(store)).audit()[1].detail.endswith("：台账.xlsx")


@pytest.mark.parametrize(
    "arguments",
    [
        ["undo"], ["maintain"], ["history"], ["doctor"], ["query", "SELECT 1"], ["fill", "x.xlsx"],
        ["user", "list"], ["user", "remove", "x"], ["user", "password", "x"], ["user", "sso", "x"],
        ["backup", "b.zip"], ["move", "--to", "elsewhere"],
        ["export", "--out", "out"], ["brief", "--month", "2026-01", "--out", "out"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_folder_that_is_not_there_is_not_made(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    if "elsewhere" in arguments:
        write_lake(tmp_path / "elsewhere", "postgresql://a@127.0.0.1:9/c", "/nowhere")
    before = sorted(tmp_path.rglob("*"))
    assert main([*arguments, "--store", "shequ-typo"]) == 1
    if arguments != ["doctor"]:  # which says what it finds, a line each
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before

"""The `shequ` command as staff and scripts meet it: exit codes, JSON, sentences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from etl.cli import build_parser, main
from tests.conftest import ROOT, WriteXlsx

COMPOUNDS = [["小区名称", "小区类型", "总户数"], ["甲园", "商品房", 100]]
BAD = [["小区名称", "小区类型", "总户数"], ["甲园", "商品房", 100], ["乙院", "老旧", "很多"]]


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
    assert len(schema["resources"]) == 14


def test_every_command_is_in_the_readme_and_has_help() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (commands,) = [a for a in build_parser()._actions if a.dest not in ("help",)]
    for name, command in commands.choices.items():  # type: ignore[union-attr]
        assert f"shequ {name}" in readme, name
        assert command.description
        assert all(action.help for action in command._actions), name

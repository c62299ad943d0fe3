"""Every command that changes or takes away anything is in the audit, with who, what and when."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook

from dashboard.words import WORDS
from etl.accounts import FILE, Accounts, Event
from etl.cli import build_parser, main
from etl.refresh import user_name

Do = Callable[[Path, Path], list[list[str]]]
REGISTER = [["小区名称", "小区类型", "总户数"], ["新园", "商品房", 100]]


def write_register(path: Path) -> str:
    book = Workbook()
    book.worksheets[0].title = "小区台账"
    for row in REGISTER:
        book.worksheets[0].append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return str(path)


def watch(store: Path, out: Path) -> list[list[str]]:
    write_register(out / "放这里" / "台账.xlsx")
    return [["watch", str(out / "放这里"), "--once", "--every", "1", "--who", "小李"]]


# What each command leaves in the audit, the newest last: (what, part of the detail).
WRITTEN: dict[str, tuple[Do, list[tuple[str, str]]]] = {
    "refresh": (
        lambda store, out: [["refresh", write_register(out / "台账.xlsx"), "--who", "小李"]],
        [("refresh", "台账.xlsx")],
    ),
    "undo": (lambda store, out: [["undo", "--who", "小李"]], [("undo", "快照 ")]),
    "watch": (watch, [("watch", "台账.xlsx")]),
    "export": (
        lambda store, out: [["export", "--out", str(out / "导出"), "--format", "csv"]],
        [("export", ".csv")],
    ),
    "brief": (
        lambda store, out: [
            ["brief", "--month", "2026-10", "--out", str(out / "简报"), "--form", "简报"],
            ["brief", "--month", "2026-10", "--out", str(out / "料"), "--no-issue", "--also", "附表"],
            ["brief", "--month", "2026-10", "--explain", "complaints.now"],
        ],
        [("brief", "2026-10"), ("paper", "2026-10 附表"), ("query", "complaints.now")],
    ),
    "fill": (
        lambda store, out: [["fill", write_register(out / "表.xlsx"), "--out", str(out)]],
        [("fill", "表.xlsx")],
    ),
    "query": (
        lambda store, out: [["query", "SELECT name FROM core_compounds WHERE name = '13812345678'"]],
        [("query", "SELECT name FROM core_compounds")],
    ),
    "backup": (lambda store, out: [["backup", str(out / "存.zip")]], [("backup", "存.zip")]),
    "maintain": (lambda store, out: [["maintain"]], [("maintain", "旧状态")]),
    "user": (
        lambda store, out: [
            ["user", "add", "张书记", "--role", "管理员", "--password-stdin"],
            ["user", "password", "张书记", "--password-stdin"],
            ["user", "sso", "张书记", "--sso", "zhang"],
            ["user", "list"],
            ["user", "remove", "张书记"],
        ],
        [("account_added", "张书记"), ("password_changed", "张书记"), ("subject_changed", "zhang"),
         ("account_removed", "张书记")],
    ),
}  # fmt: skip
# These neither change a store nor take anything out of it. What is done in `serve` is written
# down where it is done; `restore` makes a store of its own and has a test below.
SILENT: dict[str, Do] = {
    "history": lambda store, out: [["history"]],
    "doctor": lambda store, out: [["doctor"]],
    "template": lambda store, out: [["template", "--out", str(out / "模板")]],
}


def run(store: Path, out: Path, do: Do, patch: pytest.MonkeyPatch) -> list[Event]:
    """Run commands; what they added to the audit, the newest last."""
    before = len(Accounts(store).audit(10_000))
    for arguments in do(store, out):
        patch.setattr(sys, "stdin", io.StringIO("荷塘月色 2026\n"))
        assert main([*arguments, "--store", str(store)]) in (0, 3), arguments
    events = Accounts(store).audit(10_000)
    return list(reversed(events[: len(events) - before]))


def test_every_command_is_known_here() -> None:
    (commands,) = [a for a in build_parser()._actions if a.dest not in ("help",)]
    # A store that is moved says so where it then is: tests/pipeline/test_move.py.
    listed = {*WRITTEN, *SILENT, "serve", "restore", "move"}
    assert set(commands.choices) == listed  # type: ignore[arg-type]


def test_the_audit_has_a_word_for_whatever_is_written_down() -> None:
    said = {what for _, expected in WRITTEN.values() for what, _ in expected}
    for what in (*said, "restore", "move", "sign_in", "sign_out", "sign_in_failed"):
        assert f"audit.what.{what}" in WORDS, what


@pytest.mark.parametrize("command", WRITTEN)
def test_a_command_writes_down_what_it_did(
    sample_copy: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    do, expected = WRITTEN[command]
    (tmp_path / "out").mkdir()
    began = time.time()
    events = run(sample_copy, tmp_path / "out", do, monkeypatch)
    assert [event.what for event in events] == [what for what, _ in expected]
    for event, (_, detail) in zip(events, expected, strict=True):
        assert detail in event.detail
        assert "13812345678" not in event.detail
        # Who said who they are, is; everybody else is whoever the machine knows them for.
        is_named = command in ("refresh", "undo")
        assert event.who == ("小李" if is_named else user_name())
        assert event.address == ""
        assert began - 1 <= event.at.timestamp() <= time.time() + 1


@pytest.mark.parametrize("command", SILENT)
def test_a_command_that_only_looks_writes_nothing_down(
    sample_copy: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(sample_copy, tmp_path / "out", SILENT[command], monkeypatch) == []


def test_what_did_not_come_about_is_not_said_to_have(
    sample_copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register, store = write_register(tmp_path / "台账.xlsx"), ["--store", str(sample_copy)]
    assert main(["refresh", register, "--dry-run", *store]) == 0
    assert main(["export", "--out", str(tmp_path), "--category", "没有", *store]) == 2
    assert main(["brief", "--month", "1999-01", "--out", str(tmp_path), *store]) != 0
    assert main(["query", "DROP TABLE core_compounds", *store]) == 1
    assert Accounts(sample_copy).audit() == []


def test_a_store_that_was_restored_says_so(sample_copy: Path, tmp_path: Path) -> None:
    kept, new = tmp_path / "存.zip", tmp_path / "新"
    assert main(["backup", str(kept), "--store", str(sample_copy)]) == 0
    assert main(["restore", str(kept), "--store", str(new)]) == 0
    event = Accounts(new).audit()[0]
    assert (event.what, event.detail, event.who) == ("restore", "存.zip", user_name())


def test_where_nothing_can_be_written_what_only_reads_goes_on_and_says_so(
    sample_copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sample_copy / FILE).write_bytes(b"not a database at all" * 100)
    told = ["export", "--out", str(tmp_path / "导出"), "--store", str(sample_copy)]
    assert main(told) == 0
    assert "没有记进操作记录" in capsys.readouterr().err

"""`shequ brief` as a person or a schedule runs it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from etl.cli import DONE, NOTHING_PUBLISHED, WRONG_USAGE, main


@pytest.fixture(scope="module")
def copy(sample_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sample's store, in which briefings are issued."""
    import shutil

    return Path(shutil.copytree(sample_store, tmp_path_factory.mktemp("copy") / "store"))


def run(store: Path, *arguments: str) -> int:
    return main(["brief", "--store", str(store), *arguments])


def test_a_briefing_is_issued_once_and_then_handed_out(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--month", "2026-10", "--compound", "Q小区", "--form", "简报")
    assert run(copy, *arguments, "--out", str(tmp_path / "a"), "--json") == DONE
    told = json.loads(capsys.readouterr().out)["issues"][0]
    assert (told["number"], told["compound_id"], told["is_new"]) == ("2026年第1期", "T14", True)
    for file in told["files"]:
        content = (tmp_path / "a" / file["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
    assert run(copy, *arguments, "--out", str(tmp_path / "b")) == DONE
    assert "已经印发过，原样给出" in capsys.readouterr().out
    for path in (tmp_path / "a").iterdir():
        assert (tmp_path / "b" / path.name).read_bytes() == path.read_bytes()


def test_a_schedule_issues_the_newest_whole_month_once(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--every", "month", "--form", "简报", "--compound", "T08", "--out", str(tmp_path))
    assert run(copy, *arguments, "--json") == DONE
    first = json.loads(capsys.readouterr().out)["issues"][0]
    assert (first["month"], first["is_new"], len(first["files"])) == ("2026-10", True, 3)
    assert run(copy, *arguments, "--json") == DONE
    again = json.loads(capsys.readouterr().out)["issues"][0]
    assert (again["is_new"], again["files"]) == (False, [])


def test_other_papers_are_written_without_issuing(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--month", "2026-10", "--compound", "T05", "--out", str(tmp_path), "--json")
    assert run(copy, *arguments, "--no-issue", "--also", "附表", "--also", "网页") == DONE
    told = json.loads(capsys.readouterr().out)
    assert told["issues"] == []
    assert sorted(told["files"]) == sorted(path.name for path in tmp_path.iterdir())
    assert {Path(name).suffix for name in told["files"]} == {".xlsx", ".html"}


def test_remarks_come_from_a_file_and_need_a_correction(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    note = tmp_path / "说明.txt"
    note.write_text("已约谈物业。", encoding="utf-8")
    arguments = ("--month", "2026-10", "--compound", "T02", "--form", "简报", "--json")
    arguments = (*arguments, "--out", str(tmp_path / "out"))
    assert run(copy, *arguments) == DONE
    first = json.loads(capsys.readouterr().out)["issues"][0]
    assert run(copy, *arguments, "--remarks", str(note)) == DONE
    same = json.loads(capsys.readouterr().out)["issues"][0]
    assert (same["is_new"], same["differs"]) == (False, ["文字有改动，数字没有变"])
    assert run(copy, *arguments, "--remarks", str(note), "--correct") == DONE
    second = json.loads(capsys.readouterr().out)["issues"][0]
    assert (second["is_new"], second["number"]) == (True, f"{first['number']}（更正1）")


def test_one_number_is_explained(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(copy, "--month", "2026-10", "--explain", "complaints.now") == DONE
    said = capsys.readouterr().out
    assert "受理诉求（2026年10月）：242件（complaints.now）" in said
    assert "取自快照 3，简报 还没有印发" in said
    assert "来自 242 行：" in said
    assert "  投诉台账2026年10月.xlsx · 2026年10月 · 第 3 行" in said
    assert run(copy, "--month", "2026-10", "--explain", "matters.over", "--json") == DONE
    told = json.loads(capsys.readouterr().out)
    assert told["value"] == told["rows_count"] == len(told["rows"]) == 8
    assert "out_matters AT (VERSION => 3)" in told["sql"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], WRONG_USAGE, "请用 --month 写明哪个月"),
        (["--month", "2026-10"], WRONG_USAGE, "请用 --out 写明"),
        (["--month", "2026-10", "--every", "month", "--out", "x"], WRONG_USAGE, "两者只写一个"),
        (["--month", "2030-01", "--out", "x"], NOTHING_PUBLISHED, "库里没有2030年1月的投诉"),
        (
            ["--month", "2026-10", "--out", "x", "--compound", "月亮湾"],
            NOTHING_PUBLISHED,
            "没有“月亮湾”",
        ),
        (["--month", "2026-10", "--out", "x", "--no-issue"], WRONG_USAGE, "只和 --also 一起用"),
        (["--month", "2026-10", "--explain", "nix"], NOTHING_PUBLISHED, "没有“nix”这个数字"),
        (["--month", "2026-10", "--out", "x", "--remarks", "缺.txt"], NOTHING_PUBLISHED, "打不开"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    copy: Path, arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(copy, *arguments) == code
    assert said in capsys.readouterr().err


def test_an_empty_store_has_no_briefing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from etl.store import Store

    Store(tmp_path / "store").close()
    assert (
        run(tmp_path / "store", "--month", "2026-10", "--out", str(tmp_path)) == NOTHING_PUBLISHED
    )
    assert "还没有发布过数据" in capsys.readouterr().err

"""The `shequ` command: serve, refresh, template, history, undo, query."""

from __future__ import annotations

import argparse
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from etl.check import ERROR
from etl.errors import ShequError
from etl.profile import Profile, load_profile
from etl.refresh import refresh, user_name
from etl.report import Report
from etl.resources import sample_folder
from etl.store import Entry, Store
from etl.template import write_template

DONE, NOTHING_PUBLISHED, WRONG_USAGE, SOME_QUARANTINED = 0, 1, 2, 3
DEFAULT_STORE = "shequ-data"
SHOWN_ISSUES = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the answer is the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A Windows console set to another code page must not turn a sentence into an error.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = build_parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ShequError as error:
        return _fail(str(error), options.json)
    except Exception:
        # A fault of ours: one sentence for the person, the rest for whoever mends it.
        logging.getLogger("shequ").debug("unexpected", exc_info=True)
        if os.environ.get("SHEQU_DEBUG"):
            raise
        return _fail(
            "程序出错了，数据没有变动。请设环境变量 SHEQU_DEBUG=1 再运行一次，把输出发给维护人员。",
            options.json,
        )
    except KeyboardInterrupt:
        return _fail("已中断，数据没有变动。", options.json)


def _fail(sentence: str, as_json: bool) -> int:
    if as_json:
        _print_json({"error": sentence})
    else:
        print(sentence, file=sys.stderr)
    return NOTHING_PUBLISHED


def build_parser() -> argparse.ArgumentParser:
    """Every command and option, with help in Chinese."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--store",
        type=Path,
        default=Path(os.environ.get("SHEQU_STORE", DEFAULT_STORE)),
        metavar="DIR",
        help=f"数据文件夹（默认 {DEFAULT_STORE}）",
    )
    common.add_argument("--profile", type=Path, metavar="FILE", help="本社区的设置文件（.toml）")
    common.add_argument("--json", action="store_true", help="只输出一个 JSON 对象")
    parser = argparse.ArgumentParser(
        prog="shequ", description="把社区现有的表格变成一张看得出哪里需要帮助的地图。"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[Any], int], words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[common], help=words, description=words)
        command.set_defaults(run=run)
        return command

    serve = add("serve", run_serve, "打开地图；数据文件夹为空时先装入示例")
    serve.add_argument("--host", default="127.0.0.1", help="监听地址（默认 127.0.0.1）")
    serve.add_argument("--port", type=_port, default=8501, help="端口（默认 8501）")
    serve.add_argument("--empty", action="store_true", help="不装入示例")
    update = add("refresh", run_refresh, "读入表格和边界文件，更新数据")
    update.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="表格、边界文件或文件夹"
    )
    update.add_argument("--dry-run", action="store_true", help="只说会怎样，不改动数据")
    update.add_argument("--who", default="", help="更新人（默认取系统用户名）")
    template = add("template", run_template, "写出空白的表格模板和数据字典")
    template.add_argument("--out", type=Path, required=True, metavar="DIR", help="放到哪个文件夹")
    add("history", run_history, "列出历次更新")
    undo = add("undo", run_undo, "撤销最近一次更新，恢复到之前的状态")
    undo.add_argument("--who", default="", help="撤销人")
    query = add("query", run_query, "用 SQL 只读查询")
    query.add_argument("sql", metavar="SELECT", help="一条 SELECT 语句，写在引号里")
    return parser


def _profile(options: Any) -> Profile | None:
    return load_profile(options.profile) if options.profile else None


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65_535:
        raise argparse.ArgumentTypeError("端口应在 1 到 65535 之间")
    return number


def _require_free(host: str, port: int) -> None:
    """Say in a sentence that somebody else listens there already."""
    with socket.socket() as tried:
        tried.settimeout(1)
        if tried.connect_ex((host, port)) == 0:
            raise ShequError(f"端口 {port} 已被占用，可能已经打开过一次。请用 --port 换一个端口。")


def run_refresh(options: Any) -> int:
    """`shequ refresh FILE…`: read files in."""
    profile = _profile(options)
    store = Store(options.store)
    report = refresh(store, options.files, profile, options.dry_run, options.who)
    if options.json:
        said = report.as_dict()
        if _is_failed(report):
            said["error"] = _first_error(report)
        _print_json(said)
    else:
        _print_report(report)
    return _exit_code(report)


def _is_failed(report: Report) -> bool:
    """Whether nothing of what was given could be used."""
    usable = sum(s.rows_new + s.rows_changed + s.rows_unchanged for s in report.sheets)
    return usable == 0 and report.snapshot is None


def _exit_code(report: Report) -> int:
    if _is_failed(report):
        return NOTHING_PUBLISHED
    is_partial = any(issue.severity == ERROR for issue in report.issues)
    return SOME_QUARANTINED if report.count("quarantined") or is_partial else DONE


def _first_error(report: Report) -> str:
    errors = [issue.problem for issue in report.issues if issue.severity == ERROR]
    if not errors:
        return "没有可以入库的内容：表里一行数据也没有。"
    more = f"（另有 {len(errors) - 1} 处问题）" if len(errors) > 1 else ""
    return f"{errors[0]}{more}"


def _print_report(report: Report) -> None:
    for file in report.files:
        for sheet in file.sheets:
            if sheet.table:
                print(
                    f"{file.name} · {sheet.name} → {sheet.table}："
                    f"读到 {sheet.rows_read} 行，新增 {sheet.rows_new}，变更 {sheet.rows_changed}，"
                    f"未变 {sheet.rows_unchanged}，未入库 {sheet.rows_quarantined}，"
                    f"合计空白等 {sheet.rows_recognised}"
                )
    for issue in report.issues[:SHOWN_ISSUES]:
        where = " ".join(part for part in (issue.file, issue.sheet, issue.cell) if part)
        mark = "未入库" if issue.severity == ERROR else "提醒"
        print(f"[{mark}] {where}：{issue.problem}")
    if len(report.issues) > SHOWN_ISSUES:
        print(f"……另有 {len(report.issues) - SHOWN_ISSUES} 处，见“数据质量”页或 --json")
    for warning in report.warnings:
        print(f"[提醒] {warning}")
    print(_conclude(report))


def _conclude(report: Report) -> str:
    if _is_failed(report):
        return f"没有发布：{_first_error(report)}"
    if report.is_dry_run:
        return "这是预览，数据没有变动。"
    if report.snapshot is None:
        return "与库里的完全一样，没有变动。"
    quarantined = report.count("quarantined")
    rest = f"，{quarantined} 条未入库" if quarantined else ""
    return f"已发布，快照 {report.snapshot}{rest}。"


def run_template(options: Any) -> int:
    """`shequ template --out DIR`: write blank workbooks."""
    written = write_template(options.out, _profile(options) or load_profile())
    if options.json:
        _print_json({"files": [path.name for path in written]})
    else:
        for path in written:
            print(f"已写出 {path}")
    return DONE


def run_history(options: Any) -> int:
    """`shequ history`: list what was published."""
    entries = Store(options.store, read_only=True).history()
    if options.json:
        _print_json({"history": [_describe_entry(entry) for entry in entries]})
        return DONE
    for entry in entries:
        mark = "（当前）" if entry.is_current else "（已撤销）" if entry.is_undone else ""
        what = {"refresh": "更新", "undo": "撤销"}[entry.what]
        files = "、".join(entry.files)
        print(f"{entry.snapshot:>5}  {entry.at:%Y-%m-%d %H:%M}  {what}{mark}  {entry.who}  {files}")
    if not entries:
        print("还没有更新过。")
    return DONE


def _describe_entry(entry: Entry) -> dict[str, Any]:
    return {**vars(entry), "at": entry.at.isoformat()}


def run_undo(options: Any) -> int:
    """`shequ undo`: take the newest refresh back."""
    entry = Store(options.store).undo(options.who or user_name())
    if options.json:
        _print_json({"snapshot": entry.snapshot, "restores": entry.restores})
    else:
        print("已撤销最近一次更新，恢复到之前的状态。")
    return DONE


def run_query(options: Any) -> int:
    """`shequ query "SELECT …"`: answer one SELECT."""
    columns, rows = Store(options.store, read_only=True).query(options.sql)
    if options.json:
        _print_json({"columns": columns, "rows": rows})
        return DONE
    print("\t".join(columns))
    for row in rows:
        print("\t".join("" if value is None else str(value) for value in row))
    return DONE


def run_serve(options: Any) -> int:
    """`shequ serve`: open the map."""
    import uvicorn

    profile = _profile(options)
    _require_free(options.host, options.port)
    store = Store(options.store)
    if store.snapshot() is None and not options.empty:
        print("数据文件夹是空的，先装入示例（虚构的 T 社区）……", flush=True)
        refresh(store, [sample_folder()], profile, who="示例")
    store.close()
    os.environ["SHEQU_STORE"] = str(store.path)
    os.environ["SHEQU_PROFILE"] = str(options.profile.absolute()) if options.profile else ""
    print(f"数据在 {store.path}", flush=True)
    print(f"请用浏览器打开 http://{options.host}:{options.port} （按 Ctrl+C 结束）", flush=True)
    # By name, since imports go from the dashboard to here and not back.
    uvicorn.run("dashboard.server:app", host=options.host, port=options.port, log_level="warning")
    return DONE


def _print_json(said: dict[str, Any]) -> None:
    json.dump(said, sys.stdout, ensure_ascii=False, default=_plain)
    print()


def _plain(value: object) -> object:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


if __name__ == "__main__":
    sys.exit(main())

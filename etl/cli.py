"""The `shequ` command, every part of it; `build_parser` lists them."""

from __future__ import annotations

import argparse
import getpass
import ipaddress
import json
import logging
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl import upkeep_command
from etl.accounts import BY_PROVIDER, LEADER, ROLES, Accounts, user_name
from etl.backup import Backup, back_up, restore
from etl.brief_command import add_options, run_brief
from etl.check import ERROR
from etl.doctor import examine, worst
from etl.errors import AccessError, FileError, ShequError, UsageError
from etl.exporting import ALL_FORMATS, export
from etl.lake import DEFAULT_STORE, find_folder
from etl.privacy import mask_text
from etl.profile import Profile, load_profile
from etl.provider import find_provider
from etl.questions import Answer, describe_for_terminal, parse_answer
from etl.resources import sample_folder
from etl.store import Entry, Store, hand_over
from etl.tables import BY_NAME
from etl.template import write_template

if TYPE_CHECKING:
    # What reads sheets and reckons takes a second or two to load: it waits for the commands that
    # need it, so that `serve` opens at once.
    from etl.fill import Filled
    from etl.reading import Progress
    from etl.report import Report
    from etl.watch import Round

DONE, NOTHING_PUBLISHED, WRONG_USAGE, SOME_QUARANTINED = 0, 1, 2, 3
SHOWN_ISSUES = 30
LONGEST_QUERY = 300
GRACE_SECONDS = 5
SHOWN_CHANGES = 20
QUIET_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the answer is the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A Windows console set to another code page must not turn a sentence into an error.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
    options = build_parser().parse_args(arguments)
    try:
        options.store = find_folder(str(options.store))
        if "to" in options:
            options.to = find_folder(str(options.to))
        return int(options.run(options))
    except UsageError as error:
        _fail(str(error), options.json)
        return WRONG_USAGE
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
        default=os.environ.get("SHEQU_STORE", DEFAULT_STORE),
        metavar="DIR",
        help=f"数据文件夹（默认 {DEFAULT_STORE}），或共享目录的地址："
        "postgresql://用户@主机/库名?data=数据所在&office=本单位",
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
    serve.add_argument(
        "--log", type=Path, metavar="FILE", help="把运行情况写进文件，一行一个 JSON，不含姓名和地址"
    )
    serve.add_argument("--empty", action="store_true", help="不装入示例")
    people = add("user", run_user, "管理能登录的账号（放到办公网上之前先建一个管理员）")
    people.add_argument(
        "action", choices=("add", "list", "password", "sso", "remove"), help="做什么"
    )
    people.add_argument("name", nargs="?", default="", metavar="NAME", help="账号名")
    people.add_argument("--role", choices=ROLES, default=LEADER, help=f"角色（默认 {LEADER}）")
    people.add_argument(
        "--community", action="append", default=[], metavar="社区",
        help="只看这个社区（所属社区一列里的写法；可以写几次；不写看全部）",
    )  # fmt: skip
    people.add_argument(
        "--sso", default="", metavar="标识",
        help="在单位统一登录里是谁（不设密码；sso 动作不写这项就是取消）",
    )  # fmt: skip
    people.add_argument(
        "--password-stdin", action="store_true", help="从标准输入读密码，不在屏幕上问"
    )
    keep = add("backup", run_backup, "把全部数据（含账号、历史）存成一个文件；服务开着也可以")
    keep.add_argument("file", type=Path, metavar="FILE", help="备份文件，或放备份的文件夹")
    back = add("restore", run_restore, "用备份文件恢复到 --store 指的空文件夹")
    back.add_argument("file", type=Path, metavar="FILE", help="备份文件")
    away = add("move", run_move, "把数据连同全部历史搬到另一处：文件夹搬进共享目录，或搬回来")
    away.add_argument(
        "--to", required=True, metavar="DIR",
        help="搬到哪个文件夹：空的，或只有一个 lake.toml（写明共享目录在哪里）；或共享目录的地址",
    )  # fmt: skip
    add("doctor", run_doctor, "检查数据文件夹：哪里坏了、该怎么办")
    update = add("refresh", run_refresh, "读入表格和边界文件，更新数据")
    update.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="表格、边界文件或文件夹"
    )
    update.add_argument("--dry-run", action="store_true", help="只说会怎样，不改动数据")
    update.add_argument("--who", default="", help="更新人（默认取系统用户名）")
    update.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="WHAT=ANSWER",
        help="回答问到的事并记住，例如 'Sheet1=投诉工单'、'盘名=小区名称'、'翠屏=翠屏家园'、"
        "'小区台账=完整名单'；可以写几次",
    )
    update.add_argument(
        "--password",
        action="append",
        default=[],
        metavar="[FILE=]PASSWORD",
        help="打开密码；几个文件密码不同时写 文件名=密码",
    )
    update.add_argument(
        "--returned", type=Path, metavar="DIR", help="把有问题的表格标好颜色和批注，放到这个文件夹"
    )
    form = add("fill", run_fill, "把别的部门发来的空表，用库里的数据填好")
    form.add_argument("forms", nargs="+", type=Path, metavar="FORM", help="要填的表")
    form.add_argument(
        "--out", type=Path, metavar="DIR", help="填好的表放到哪里（默认放在原表旁边）"
    )
    form.add_argument(
        "--month", type=_month, metavar="YYYY-MM", help="“本月”是哪个月，例如 2026-10"
    )
    drop = add("watch", run_watch, "看守一个文件夹：放进来的表格自动读入")
    drop.add_argument("folder", type=Path, metavar="DIR", help="要看守的文件夹，可以在网络盘上")
    drop.add_argument("--once", action="store_true", help="只处理现有的文件，然后结束")
    drop.add_argument(
        "--every", type=_seconds, default=5.0, metavar="SECONDS", help="隔几秒看一次（默认 5）"
    )
    drop.add_argument("--who", default="", help="更新人（默认取系统用户名）")
    add_options(
        add("brief", run_briefing, "写出街道要的月度简报（Word、PDF），或说明一个数字从哪里来"),
        _month,
    )
    template = add("template", run_template, "写出空白的表格模板和数据字典")
    template.add_argument("--out", type=Path, required=True, metavar="DIR", help="放到哪个文件夹")
    take = add(
        "export", run_export, "导出小区的数据：表格、地图文件、Open311，写明筛选、时段和来源"
    )
    take.add_argument("--out", type=Path, required=True, metavar="DIR", help="放到哪个文件夹")
    take.add_argument(
        "--format", action="append", choices=ALL_FORMATS, default=[],
        help="格式，可以写几次（默认 xlsx）",
    )  # fmt: skip
    take.add_argument("--from", dest="first", type=_month, metavar="YYYY-MM", help="从哪个月")
    take.add_argument("--to", dest="last", type=_month, metavar="YYYY-MM", help="到哪个月")
    take.add_argument("--category", default="", metavar="NAME", help="只算一类诉求")
    take.add_argument("--compound", default="", metavar="NAME", help="只要一个小区（名称或编号）")
    add("history", run_history, "列出历次更新")
    undo = add("undo", run_undo, "撤销最近一次更新，恢复到之前的状态")
    undo.add_argument("--who", default="", help="撤销人")
    upkeep_command.add_options(
        add(
            "maintain",
            upkeep_command.run_maintain,
            "清理过期的历史、合并小文件；现在的数据、能撤销的更新、印发过的简报都不动",
        )
    )
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


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError as error:
        raise argparse.ArgumentTypeError("月份应写成 2026-10 这样") from error


def _seconds(text: str) -> float:
    number = float(text)
    if not 1 <= number <= 86_400:
        raise argparse.ArgumentTypeError("应在 1 到 86400 秒之间")
    return number


def _require_free(host: str, port: int) -> None:
    """Say in a sentence that somebody else listens there already."""
    with socket.socket() as tried:
        tried.settimeout(1)
        if tried.connect_ex((host, port)) == 0:
            raise ShequError(f"端口 {port} 已被占用，可能已经打开过一次。请用 --port 换一个端口。")


def run_refresh(options: Any) -> int:
    """`shequ refresh FILE…`: read files in."""
    from etl.refresh import refresh

    profile = _profile(options)
    store = Store(options.store)
    run = partial(
        refresh,
        store,
        options.files,
        profile,
        who=options.who,
        passwords=_read_passwords(options),
        progress=_tell_progress(options),
    )
    report = run(dry_run=options.dry_run, answers=_read_answers(options, store, run))
    if report.snapshot is not None:
        names = "、".join(file.name for file in report.files)
        told = f"快照 {report.snapshot}：{names}"
        Accounts(store.path).note(options.who or user_name(), "refresh", told, "")
    if options.returned:
        _write_returned(options, store, report)
    if options.json:
        said = report.as_dict()
        if _is_failed(report):
            said["error"] = _first_error(report)
        _print_json(said)
    else:
        _print_report(report)
    return _exit_code(report)


def _read_passwords(options: Any) -> dict[str, str]:
    """Passwords by file name; one that names no file is for all of them."""
    from etl.reading import list_files

    names = [path.name for path in list_files(options.files)[0]]
    found: dict[str, str] = {}
    for text in options.password:
        name, mark, password = text.partition("=")
        if mark and name in names:
            found[name] = password
        else:
            found |= dict.fromkeys([n for n in names if n not in found], text)
    return found


def _read_answers(options: Any, store: Store, run: Callable[..., Report]) -> list[Answer]:
    """The answers given with --map: what they answer is what looks at the files ask.

    An answer may raise the next question: which table first, then which of its columns.
    """
    from etl.reading import choose_profile, list_files

    answers: list[Answer] = []
    waiting = list(options.map)
    profile = _profile(options) or choose_profile(None, list_files(options.files)[1], store)
    while waiting:
        look = run(dry_run=True, answers=answers)
        left = []
        for text in waiting:
            try:
                answers += parse_answer(text, look, profile)
            except UsageError:
                left.append(text)
        if len(left) == len(waiting):
            parse_answer(left[0], look, profile)
        waiting = left
    return answers


def _tell_progress(options: Any) -> Progress:
    """Says on the terminal how far a long refresh is; nothing within the first second."""
    from etl.reading import be_silent

    began = time.monotonic()
    if options.json or not sys.stderr.isatty():
        return be_silent

    def tell(share: float, words: str) -> None:
        if time.monotonic() - began > QUIET_SECONDS:
            end = "\n" if share >= 1 else ""
            print(f"\r{share:4.0%} {words}\033[K", end=end, file=sys.stderr, flush=True)

    return tell


def _write_returned(options: Any, store: Store, report: Report) -> None:
    """Put the marked workbook of every file that has problems into a folder."""
    from etl.reading import choose_profile, list_files
    from etl.returning import find_file, give_back

    profile = _profile(options) or choose_profile(None, list_files(options.files)[1], store)
    passwords = _read_passwords(options)
    try:
        options.returned.mkdir(parents=True, exist_ok=True)
        for path in report.paths:
            given = give_back(path, find_file(report, path), profile, passwords.get(path.name, ""))
            if given is not None:
                (options.returned / given[0]).write_bytes(given[1])
                report.warnings.append(f"已把问题标在《{given[0]}》上，放在 {options.returned}")
    except OSError as error:
        raise FileError(
            f"标注好的表格写不到“{options.returned}”：{error.strerror}。数据更新不受影响。"
        ) from error


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
    _print_changes(report)
    for question in report.questions:
        print(f"[要问] {describe_for_terminal(question)}")
    print(_conclude(report))


def _print_changes(report: Report) -> None:
    """What changes, cell by cell, and the totals that move."""
    for change in report.changes[:SHOWN_CHANGES]:
        label = BY_NAME[change.table][change.column].label
        print(f"[变更] {change.key} {label}：{change.old or '（空）'} → {change.new or '（空）'}")
    if report.changed_cells > SHOWN_CHANGES:
        print(f"……共变更 {report.changed_cells} 格")
    for gone in report.gone[:SHOWN_CHANGES]:
        print(f"[去掉] {BY_NAME[gone.table].label} {gone.key}（《{gone.file}》第 {gone.row} 行）")
    for total in report.totals:
        if total.before != total.after:
            was = "—" if total.before is None else f"{total.before:g}"
            stated = f"，已公布 {total.published:g}" if total.published else ""
            print(f"[总数] {total.label}：{was} → {total.after or 0:g}{stated}")


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


def run_fill(options: Any) -> int:
    """`shequ fill FORM…`: fill other offices' forms."""
    from etl.fill import fill_form
    from etl.reading import choose_profile

    store = Store(options.store, read_only=True)
    profile = _profile(options) or choose_profile(None, [], store)
    forms = [
        (form, fill_form(store, form, profile, options.out, options.month))
        for form in options.forms
    ]
    _note_reading(store.path, "fill", mask_text("、".join(form.name for form, _ in forms))[0])
    if options.json:
        _print_json({"files": [{"form": f.name, **filled.as_dict()} for f, filled in forms]})
    else:
        for form, filled in forms:
            _print_filled(form, filled)
    if not any(filled.filled for _, filled in forms):
        return NOTHING_PUBLISHED
    return SOME_QUARANTINED if any(filled.left for _, filled in forms) else DONE


def _print_filled(form: Path, filled: Filled) -> None:
    for left in filled.left[:SHOWN_ISSUES]:
        print(f"[留空] {left.sheet} {left.cell} {left.label}：{left.reason}")
    if len(filled.left) > SHOWN_ISSUES:
        print(f"……另有 {len(filled.left) - SHOWN_ISSUES} 处，见“填表说明”或 --json")
    for note in filled.notes:
        print(f"[提醒] {note}")
    if filled.path is None:
        print(f"《{form.name}》一格也没有填上，没有写出新表。")
    else:
        counts = f"填了 {len(filled.filled)} 格，留空 {len(filled.left)} 处"
        print(f"《{form.name}》{counts}，已写出 {filled.path}")


def run_watch(options: Any) -> int:
    """`shequ watch DIR`: read in what is dropped into a folder."""
    from etl.reading import choose_profile
    from etl.refresh import refresh
    from etl.returning import find_file, give_back
    from etl.watch import Watcher, hold_folder, open_log, watch, watch_once

    profile = _profile(options)

    def update(files: Sequence[Path]) -> Report:
        store = Store(options.store)
        try:
            report = refresh(store, files, profile, who=options.who or user_name())
            if report.snapshot is not None:
                told = f"快照 {report.snapshot}：{'、'.join(file.name for file in report.files)}"
                _note(store.path, "watch", told)
            return report
        finally:
            store.close()

    def mark(path: Path, report: Report) -> tuple[str, bytes] | None:
        store = Store(options.store, read_only=True)
        try:
            return give_back(
                path, find_file(report, path), profile or choose_profile(None, [], store)
            )
        finally:
            store.close()

    folder = options.folder.absolute()
    with hold_folder(folder), open_log(folder, None if options.json else _say) as say:
        watcher = Watcher(folder, update, mark, settle=options.every, say=say)
        try:
            if options.once:
                return _conclude_round(watch_once(watcher, options.every), options.json)
            say(f"开始看守“{folder.name}”，每 {options.every:g} 秒看一次（按 Ctrl+C 结束）")
            watch(watcher, options.every)
        except KeyboardInterrupt:
            say("已停止看守。")
    return DONE


def _say(sentence: str) -> None:
    print(sentence, flush=True)


def _conclude_round(found: Round, as_json: bool) -> int:
    if as_json:
        _print_json(vars(found))
    if found.problems and not found.done + found.returned:
        return NOTHING_PUBLISHED
    return SOME_QUARANTINED if found.returned or found.problems or found.stuck else DONE


def run_briefing(options: Any) -> int:
    """`shequ brief --month YYYY-MM --out DIR`: issue the monthly briefing."""
    code = run_brief(options, _profile(options), _print_json, _tell_progress(options))
    # What is issued is written down where it is issued.
    if options.explain:
        _note_reading(options.store, "query", options.explain)
    elif options.also:
        month = f"{options.month:%Y-%m} " if options.month else ""
        _note_reading(options.store, "paper", month + "、".join(dict.fromkeys(options.also)))
    return code


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
        mark += "（数据已清理）" if entry.is_gone else ""
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
    store, who = Store(options.store, existing=True), options.who or user_name()
    entry = store.undo(who)
    Accounts(store.path).note(who, "undo", f"快照 {entry.snapshot}", "")
    if options.json:
        _print_json({"snapshot": entry.snapshot, "restores": entry.restores})
    else:
        print("已撤销最近一次更新，恢复到之前的状态。")
    return DONE


def run_export(options: Any) -> int:
    """`shequ export`: write what is shown as files that say what they are."""
    store = Store(options.store, read_only=True)
    written = export(
        store, _profile(options), options.out, options.format or ["xlsx"], options.first,
        options.last, options.category, options.compound,
    )  # fmt: skip
    _note_reading(store.path, "export", "、".join(path.name for path in written))
    if options.json:
        _print_json({"files": [str(path) for path in written]})
        return DONE
    for path in written:
        print(path)
    return DONE


def run_query(options: Any) -> int:
    """`shequ query "SELECT …"`: answer one SELECT."""
    columns, rows = Store(options.store, read_only=True).query(options.sql)
    _note_reading(options.store, "query", mask_text(options.sql)[0][:LONGEST_QUERY])
    if options.json:
        _print_json({"columns": columns, "rows": [[_finite(cell) for cell in row] for row in rows]})
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
    store = _open_while_loading(options.store)
    _require_accounts(options.host, store.path)
    find_provider()  # by halves it is said now, not to whoever signs in
    # Examples are not for what many offices look at.
    if store.snapshot() is None and not options.empty and not store.lake.is_shared:
        from etl.refresh import refresh

        print("数据文件夹是空的，先装入示例（虚构的 T 社区）……", flush=True)
        refresh(store, [sample_folder()], profile, who="示例")
    hand_over(store)
    os.environ["SHEQU_STORE"] = str(store.path)
    os.environ["SHEQU_PROFILE"] = str(options.profile.absolute()) if options.profile else ""
    os.environ["SHEQU_LOG"] = str(options.log.absolute()) if options.log else ""
    print(f"数据在 {store.path}", flush=True)
    print(f"请用浏览器打开 http://{options.host}:{options.port} （按 Ctrl+C 结束）", flush=True)
    # By name, since imports go from the dashboard to here and not back.
    uvicorn.run(
        "dashboard.server:app", host=options.host, port=options.port, log_level="warning",
        # Pages that are open do not hold up the end: they open again by themselves.
        timeout_graceful_shutdown=GRACE_SECONDS,
    )  # fmt: skip
    return DONE


def _open_while_loading(path: Path) -> Store:
    """Open a store, and load the pages beside that: each takes about as long as the other."""

    def load_pages() -> None:
        # What is wrong with them is said when they are opened.
        with suppress(Exception):
            import_module("dashboard.views.map")

    ahead = threading.Thread(target=load_pages, name="load-pages")
    ahead.start()
    try:
        return Store(path)
    finally:
        ahead.join()


def _require_accounts(host: str, folder: Path) -> None:
    """Whoever can reach the server must sign in, unless only this machine can."""
    if _is_loopback(host) or not Accounts(folder).is_empty():
        return
    raise UsageError(
        f"监听 {host} 时别的电脑也能打开，必须先有账号。请先运行：shequ user add 名字 --role 管理员"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def run_user(options: Any) -> int:
    """`shequ user`: who may sign in."""
    # The first account may come before the first data.
    folder = Store(options.store, existing=options.action != "add").path
    accounts, who = Accounts(folder), user_name()
    if options.action == "list":
        return _list_users(accounts, options)
    if not options.name:
        raise UsageError("请写明账号名，例如：shequ user add 张书记 --role 管理员")
    if options.action == "add":
        password = "" if options.sso else _ask_password(options)
        account = accounts.add(options.name, password, options.role, options.community, options.sso)
        by = [f"{BY_PROVIDER} {account.subject}"] if account.subject else []
        told = "，".join([account.role, *account.communities, *by])
        accounts.note(who, "account_added", f"{account.name}（{told}）", "")
        said = f"已建账号“{account.name}”（{told}）。"
    elif options.action == "password":
        accounts.change_password(options.name, _ask_password(options))
        accounts.note(who, "password_changed", options.name, "")
        said = f"已改“{options.name}”的密码，原来的登录都已失效。"
    elif options.action == "sso":
        accounts.change_subject(options.name, options.sso)
        accounts.note(who, "subject_changed", f"{options.name}（{options.sso or '取消'}）", "")
        now = f"在统一登录里是“{options.sso}”" if options.sso else "不再用统一登录"
        said = f"“{options.name}”{now}，原来的登录都已失效。"
    else:
        accounts.remove(options.name)
        accounts.note(who, "account_removed", options.name, "")
        said = f"已删账号“{options.name}”。"
    if options.json:
        _print_json({"accounts": [account.name for account in accounts.everyone()]})
    else:
        print(said)
    return DONE


def run_backup(options: Any) -> int:
    """`shequ backup`: all of a store in one file."""
    made = back_up(options.store, options.file)
    _note(options.store, "backup", made.path.name)
    said = f"已备份到“{made.path}”：{made.files} 个文件，{made.size / 1e6:,.1f} MB。"
    return _tell_backup(made, said, options)


def run_restore(options: Any) -> int:
    """`shequ restore`: a store out of a backup."""
    made = restore(options.file, options.store)
    _note(options.store, "restore", made.path.name)
    at = f"{made.made_at.astimezone():%Y-%m-%d %H:%M}"
    said = f"已恢复到“{options.store}”：{at} 的备份，{made.files} 个文件，逐个核对过。"
    return _tell_backup(made, said, options)


def run_move(options: Any) -> int:
    """`shequ move --to DIR`: carry a store over with its whole history."""
    from etl.move import move

    moved = move(options.store, options.to, _tell_progress(options))
    _note(options.to, "move", str(options.store))
    if options.json:
        _print_json(vars(moved))
    else:
        print(
            f"已搬到“{options.to}”：{moved.snapshots} 个快照、{moved.files} 个文件"
            f"（{moved.size / 1e6:,.1f} MB），每张表在每个快照都核对过，完全一样。"
            f"以后请用 --store {options.to}；原来的只能看，不再更新。"
        )
    return DONE


def _tell_backup(made: Backup, said: str, options: Any) -> int:
    if options.json:
        told = {**vars(made), "path": str(made.path)}
        _print_json(told)
    else:
        print(said)
    return DONE


def _note(folder: Path, what: str, detail: str) -> None:
    """Add to the audit what was done at this machine's own keyboard."""
    Accounts(folder).note(user_name(), what, detail, "")


def _note_reading(folder: Path, what: str, detail: str) -> None:
    """The same of what changes nothing: where nothing can be written, it is done all the same."""
    try:
        _note(folder, what, detail)
    except AccessError as error:
        print(f"{error}这一次没有记进操作记录。", file=sys.stderr)


def run_doctor(options: Any) -> int:
    """`shequ doctor`: what is the matter with a store."""
    found = examine(options.store)
    if options.json:
        _print_json({"state": worst(found), "findings": [vars(finding) for finding in found]})
    else:
        marks = {"ok": "正常", "warn": "注意", "bad": "有问题"}
        for finding in found:
            print(f"[{marks[finding.state]}] {finding.name}：{finding.said}")
            if finding.todo:
                print(f"    → {finding.todo}")
    return {"ok": DONE, "warn": SOME_QUARANTINED, "bad": NOTHING_PUBLISHED}[worst(found)]


def _list_users(accounts: Accounts, options: Any) -> int:
    listed = accounts.everyone()
    if options.json:
        _print_json(
            {
                "accounts": [
                    {
                        "name": a.name,
                        "role": a.role,
                        "communities": list(a.communities),
                        "sso": a.subject,
                    }
                    for a in listed
                ]
            }
        )
    elif not listed:
        print("还没有账号：只能在本机打开。")
    for account in [] if options.json else listed:
        kept = "、".join(account.communities) or "全部社区"
        made = f"{account.created_at.astimezone():%Y-%m-%d}"
        by = f"\t{BY_PROVIDER} {account.subject}" if account.subject else ""
        print(f"{account.name}\t{account.role}\t{made}\t{kept}{by}")
    return DONE


def _ask_password(options: Any) -> str:
    """A password, typed twice without being shown, or a line of the standard input."""
    if options.password_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("密码：")
    if getpass.getpass("再输一遍：") != password:
        raise UsageError("两次输入的密码不一样，请再来一次。")
    return password


def _print_json(said: dict[str, Any]) -> None:
    json.dump(said, sys.stdout, ensure_ascii=False, default=_plain)
    print()


def _finite(value: object) -> object:
    """A value that JSON has: it knows no infinity and no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: object) -> object:
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value)


if __name__ == "__main__":
    sys.exit(main())

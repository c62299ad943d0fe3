"""`shequ brief`: issue the monthly briefing, or say where one of its numbers comes from."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl.accounts import Accounts, user_name
from etl.errors import ShequError, UsageError
from etl.profile import Profile
from etl.store import Store

if TYPE_CHECKING:
    from etl.briefing.trace import Trace

ALL = "all"
FORMS = {"简报": "bulletin", "公文": "official"}
EXTRAS = {
    "档案": "card",
    "挂图": "wall",
    "地图": "maps",
    "附表": "book",
    "网页": "web",
    "公示": "notice",
}
SHOWN_ROWS = 30
SHOWN_CHANGES = 10


def add_options(command: argparse.ArgumentParser, month: Callable[[str], date]) -> None:
    """The options of the command."""
    command.add_argument("--month", type=month, metavar="YYYY-MM", help="哪个月，例如 2026-10")
    command.add_argument("--out", type=Path, metavar="DIR", help="简报放到哪个文件夹")
    command.add_argument(
        "--compound",
        default="",
        metavar="ID",
        help="只写一个小区（编号或名称）；all 为每个小区各一份",
    )
    command.add_argument(
        "--every", choices=("month",),
        help="最近一个整月还没有印发的就印发，已印发的什么也不做；给定时任务用",
    )  # fmt: skip
    command.add_argument(
        "--form", choices=tuple(FORMS), action="append", help="只要简报或只要公文（默认两种都写）"
    )
    command.add_argument(
        "--also", choices=tuple(EXTRAS), action="append", default=[],
        help="另写：档案（小区的一张纸）、挂图（A3）、地图（PNG，一批）、附表（XLSX）、网页（离线可看）、公示；"
        "可以写几次",
    )  # fmt: skip
    command.add_argument("--no-issue", action="store_true", help="不印发，只写 --also 的材料")
    command.add_argument(
        "--remarks", type=Path, metavar="FILE", help="情况说明，一个文本文件（UTF-8）"
    )
    command.add_argument(
        "--correct", action="store_true", help="数据改了，印发更正的一期，写明改了什么"
    )
    command.add_argument(
        "--explain", metavar="FIGURE", help="只说一个数字从哪里来（附表里的编码或号）"
    )
    command.add_argument("--who", default="", help="印发人（默认取系统用户名）")


def run_brief(
    options: Any, profile: Profile | None, print_json: Callable[[dict[str, Any]], None],
    progress: Callable[[float, str], None],
) -> int:  # fmt: skip
    """Run the command; 0 when what was asked for is there.

    Raises
    ------
    UsageError
        Neither a month nor a schedule is given, or no folder.
    ShequError
        Nothing was published yet, the month is not in the data, there is no such compound.
    """
    from etl.briefing.facts import require_month
    from etl.reading import choose_profile

    _require_options(options)
    store = Store(options.store, read_only=True)
    # By name, since imports go from the dashboard to here and not back.
    issuing = import_module("dashboard.briefing.issuing")
    source = issuing.open_source(store, profile or choose_profile(None, [], store))
    if source is None:
        raise ShequError("库里还没有发布过数据，写不出简报。请先用 shequ refresh 读入表格。")
    press = issuing.Press(source)
    month = options.month or find_newest_month(press)
    require_month(source.read, month)
    scopes = [press.scope(month, at) for at in _list_scopes(options, source, press)]
    if options.explain:
        return _explain(options, press, scopes[0], print_json)
    told = [] if options.no_issue else _issue(options, issuing, press, scopes, progress)
    extras = _write_extras(options, issuing, press, scopes, progress)
    if options.json:
        print_json({"issues": [_describe(*each) for each in told],
                    "files": [path.name for path in extras]})  # fmt: skip
        return 0
    for scope, issued, paths in told:
        _print_issued(scope, issued, paths)
    for path in extras:
        print(f"已写出 {path}")
    return 0


def _write_extras(
    options: Any, issuing: Any, press: Any, scopes: list[Any],
    progress: Callable[[float, str], None],
) -> list[Path]:  # fmt: skip
    """The papers besides the briefing; nothing of them is kept as issued."""
    if not options.also:
        return []
    extras = import_module("dashboard.briefing.extras").EXTRAS
    written: list[Path] = []
    for name in dict.fromkeys(options.also):
        key = EXTRAS[name]
        # A card is of a compound; what is of the whole community is written once.
        chosen = [s for s in scopes if s.compound_id] or scopes if key == "card" else scopes[:1]
        for scope in chosen:
            written += issuing.write_files(extras[key](press, scope, progress), options.out)
    return written


def _require_options(options: Any) -> None:
    if bool(options.month) == bool(options.every):
        raise UsageError(
            "请用 --month 写明哪个月（例如 --month 2026-10），或用 --every month，两者只写一个。"
        )
    if not options.out and not options.explain:
        raise UsageError("请用 --out 写明简报放到哪个文件夹。")
    if options.no_issue and not options.also:
        raise UsageError("--no-issue 只和 --also 一起用：请写明要哪种材料，例如 --also 挂图。")
    if options.explain and options.compound == ALL:
        raise UsageError("--explain 一次只说一份简报的数字，--compound 请写一个小区。")


def find_newest_month(press: Any) -> date:
    """The newest whole month.

    Raises
    ------
    ShequError
        There is none.
    """
    from etl.briefing.facts import list_months

    months = press.compounds["month"].dropna()
    if not len(months):
        listed = list_months(press.source.read)
        if not listed:
            raise ShequError("库里还没有投诉工单，写不出简报。请先用 shequ refresh 读入投诉表。")
        return listed[0]
    newest: date = months.iloc[0].date() if hasattr(months.iloc[0], "date") else months.iloc[0]
    return newest


def _list_scopes(options: Any, source: Any, press: Any) -> list[str]:
    from etl.briefing.facts import require_compound

    if options.compound == ALL:
        return ["", *press.list_compounds()]
    return [require_compound(source.read, options.compound)] if options.compound else [""]


def _read_remarks(path: Path | None) -> str | None:
    """What a person wrote into a file; None where no file is named."""
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ShequError(
            f"情况说明《{path.name}》打不开：{error.strerror}。请检查文件名。"
        ) from error
    except UnicodeDecodeError as error:
        raise ShequError(f"情况说明《{path.name}》不是 UTF-8 文本。请另存为 UTF-8。") from error


def _issue(
    options: Any, issuing: Any, press: Any, scopes: list[Any],
    progress: Callable[[float, str], None],
) -> list[tuple[Any, Any, list[Path]]]:  # fmt: skip
    """Issue each scope, or hand out what was issued of it; the files that were written."""
    told = []
    remarks = _read_remarks(options.remarks)
    forms = [FORMS[name] for name in options.form or FORMS]
    for at, scope in enumerate(scopes):
        progress(at / len(scopes), press.compounds["name"].get(scope.compound_id, ""))
        issued = press.issue(
            scope, remarks, options.who or user_name(), correct=options.correct, forms=forms
        )
        if issued.is_new:
            told_where = press.compounds["name"].get(scope.compound_id, press.source.profile.name)
            detail = f"{told_where} {scope.month:%Y-%m} {issued.issue.number}"
            Accounts(press.source.folder).note(options.who or user_name(), "brief", detail, "")
        # A schedule that runs every day hands out a month once.
        papers = issued.papers if issued.is_new or not options.every else {}
        paths = issuing.write_files(papers, options.out)
        told.append((scope, issued, paths))
    progress(1.0, "")
    return told


def _describe(scope: Any, issued: Any, paths: list[Path]) -> dict[str, Any]:
    issue = issued.issue
    return {
        "number": issue.number,
        "month": issue.month,
        "compound_id": scope.compound_id or None,
        "snapshot": issue.snapshot,
        "fingerprint": issue.fingerprint,
        "is_new": issued.is_new,
        "changes": issue.changes,
        "differs": issued.differs,
        "files": [{"name": p.name, "sha256": issue.papers[p.name]} for p in paths],
    }


def _print_issued(scope: Any, issued: Any, paths: list[Path]) -> None:
    from etl.briefing.facts import write_month

    issue = issued.issue
    what = f"{write_month(scope.month)}简报，{issue.number}"
    if issued.is_new:
        print(f"已印发{what}（快照 {issue.snapshot}）。")
    else:
        print(f"{what}已经印发过，原样给出（快照 {issue.snapshot}）。")
    for change in issued.differs[:SHOWN_CHANGES]:
        print(f"[数据已变] {change}")
    if issued.differs:
        print(f"现在的数据与印发时有 {len(issued.differs)} 处不同；要更正请加 --correct。")
    for change in issue.changes[:SHOWN_CHANGES] if issued.is_new else []:
        print(f"[更正] {change}")
    for path in paths:
        print(f"已写出 {path}")


def _explain(
    options: Any, press: Any, scope: Any, print_json: Callable[[dict[str, Any]], None]
) -> int:
    """Say what a figure is, of which data, and which rows of which sheets are behind it."""
    from etl.briefing.trace import find_figure, trace_figure

    issue = press.issues.newest(scope)
    figures = press.issues.read_figures(issue) if issue else press.compose(scope).figures
    trace = trace_figure(find_figure(figures, options.explain), press.source.query)
    if options.json:
        print_json({"issue": issue.number if issue else None, **trace.as_dict()})
        return 0
    for line in tell_trace(trace, issue.number if issue else "还没有印发"):
        print(line)
    return 0


def tell_trace(trace: Trace, number: str) -> list[str]:
    """A figure's origin in lines."""
    figure = trace.figure
    lines = [
        f"{figure.label}：{figure.text}{figure.unit}（{figure.figure_id}）",
        f"怎么算的：{figure.definition}",
        f"取自快照 {figure.snapshot}，简报 {number}",
        f"查询：{figure.sql}",
    ]
    if not trace.rows_count:
        return [*lines, "背后没有单独的行：由别的表算出，或者一行也没有。"]
    lines.append(f"来自 {trace.rows_count} 行：")
    lines += [f"  {file} · {sheet} · 第 {row} 行" for file, sheet, row in trace.rows[:SHOWN_ROWS]]
    if trace.rows_count > SHOWN_ROWS:
        lines.append(f"  ……另有 {trace.rows_count - SHOWN_ROWS} 行，见 trace.xlsx 或 --json")
    return lines

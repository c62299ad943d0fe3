"""`shequ maintain`: keep a store small without touching anything that somebody may still want."""

from __future__ import annotations

import argparse
import json
from typing import Any

from etl.accounts import Accounts, user_name
from etl.briefing.issues import Issues
from etl.store import Store

KEEP_DAYS = 400
FEWEST_DAYS = 7


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command.add_argument(
        "--keep-days", type=_days, default=KEEP_DAYS, metavar="N",
        help=f"多少天内的更新都能撤销、能回看（默认 {KEEP_DAYS}）",
    )  # fmt: skip


def run_maintain(options: Any) -> int:
    """Let go of what is older, but for the states on which issued briefings stand."""
    store, who = Store(options.store, existing=True), user_name()
    issued = {issue.snapshot for issue in Issues(store.path).everything()}
    done = store.maintain(options.keep_days, issued, who)
    store.close()
    Accounts(store.path).note(who, "maintain", f"{done.states} 个旧状态", "")
    if options.json:
        print(json.dumps(vars(done)))
    else:
        print(
            f"已清理 {done.states} 个旧状态、{done.files} 个没有用的文件；"
            f"数据文件共 {done.bytes_after / 1e6:.1f} MB（清理前 {done.bytes_before / 1e6:.1f} MB）。"
        )
    return 0


def _days(text: str) -> int:
    number = int(text)
    if number < FEWEST_DAYS:
        raise argparse.ArgumentTypeError(f"至少保留 {FEWEST_DAYS} 天")
    return number

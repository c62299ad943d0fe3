"""What is the matter with a store, and what to do about it: every part looked at, nothing changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from etl.accounts import FILE as ACCOUNTS
from etl.errors import ShequError, StoreError
from etl.lake import LAKE_FILE, Lake, read_lake
from etl.lakefiles import (
    LakeFile,
    find_newest,
    hash_file,
    list_files,
    read_checksums,
    read_times,
)
from etl.move import open_files
from etl.store import CATALOGUE, Store, find_extension, list_extensions

State = Literal["ok", "warn", "bad"]
LEAST_FREE, LITTLE_FREE = 200e6, 1e9
ORPHAN_SECONDS = 24 * 3600
CLOCK_SECONDS = 300
YEAR_SECONDS, LEAST_SPAN_SECONDS = 365 * 86_400, 30 * 86_400
LOCKED_SECONDS = 2.0
NAMED = 3
# A font that holds Chinese, by a piece of the name of its file: Windows, macOS, Linux, WPS.
FONT_FILES = (
    "simsun", "simhei", "simfang", "simkai", "msyh", "pingfang", "songti", "heiti", "stsong",
    "stfangso", "notosanscjk", "notoserifcjk", "notosanssc", "notoserifsc", "sourcehansans",
    "sourcehanserif", "wqy", "uming", "ukai", "fzxbs", "fzfs", "fangsong", "droidsansfallback",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it is, and what to do where it is not well."""

    name: str
    state: State
    said: str
    todo: str = ""


def examine(folder: Path, now: Callable[[], float] = time.time) -> list[Finding]:
    """Look at a store from the disk up to what it tells. Nothing is written but a trial file."""
    folder = folder.expanduser().absolute()
    try:
        lake = read_lake(folder)
    except StoreError as error:
        return [Finding("数据在哪里", "bad", str(error), f"请改好 {LAKE_FILE} 再看一次。")]
    found = [_look_at_versions(lake), _look_at_fonts(), *_look_at_folder(folder)]
    if lake.is_shared:
        return [*found, *_examine_shared(folder, now)]
    if not (folder / CATALOGUE).is_file():
        todo = "第一次用请运行 shequ refresh；原来有数据的，用 shequ restore 备份文件 恢复。"
        return [*found, Finding("目录", "bad", f"“{folder}”里没有 {CATALOGUE}。", todo)]
    catalogue = _look_at_catalogue(folder)
    found.append(catalogue)
    if (folder / ACCOUNTS).exists():
        found.append(_look_at_accounts(folder))
    if catalogue.state == "bad":
        return found
    files = list_files(folder / CATALOGUE)
    damaged = dict(_find_damaged(folder, files))
    stored = _list_stored(folder / "data")
    found += [
        _tell_damage(files, damaged, find_newest(folder / CATALOGUE)),
        _look_for_orphans(stored, files, now()),
    ]
    found.append(_tell_growth(files, read_times(folder / CATALOGUE), now()))
    if not damaged:
        found.append(_open_store(folder))
    return [*found, _look_at_clock(folder, now())]


def _examine_shared(folder: Path, now: Callable[[], float]) -> Iterator[Finding]:
    """The same of a shared store, through its server and its storage."""
    if (folder / ACCOUNTS).exists():
        yield _look_at_accounts(folder)
    try:
        with Store(folder, read_only=True) as store:
            yield Finding("目录", "ok", f"连得上共享目录“{store.lake.tell_place()}”。")
            known, stored = store.list_known(), store.list_stored()
            moments = {row[0]: row[1].timestamp() for row in store.list_snapshots()}
            damaged = {f.path: what for f in known if (what := _judge_stored(store, f, stored))}
            yield _tell_damage(known, damaged, max(moments))
            yield _look_for_orphans(stored, known, now())
            yield _tell_growth(known, moments, now())
            yield _compare_clocks(store.read_clock(), now())
    except (ShequError, OSError) as error:
        yield Finding("共享目录", "bad", str(error), "请照这句话做；数据没有变动。")
        return
    yield _open_store(folder)


def _judge_stored(store: Store, file: LakeFile, stored: dict[str, tuple[int, float]]) -> str:
    if file.path not in stored:
        return "不见了"
    if stored[file.path][0] != file.size:
        return "大小不对"
    files, root = open_files(store.lake)
    try:
        pq.read_table(f"{root}/{file.path}", filesystem=files)
    except (OSError, pa.ArrowException) as error:
        return f"读不出来（{error.__class__.__name__}）"
    return ""


def _compare_clocks(server: float, now: float) -> Finding:
    if abs(server - now) > CLOCK_SECONDS:
        said = f"这台电脑的时钟和共享目录的服务器差 {abs(server - now) / 60:,.0f} 分钟。"
        return Finding("时钟", "bad", said, "请校准日期和时间，校准前不能更新。")
    return Finding("时钟", "ok", "和共享目录的服务器一致。")


def _list_stored(data: Path) -> dict[str, tuple[int, float]]:
    told = {path.relative_to(data).as_posix(): path.stat() for path in data.rglob("*.parquet")}
    return {path: (about.st_size, about.st_mtime) for path, about in told.items()}


def worst(found: list[Finding]) -> State:
    """The worst state among findings."""
    states = {finding.state for finding in found}
    return "bad" if "bad" in states else "warn" if "warn" in states else "ok"


# -- around the store ---------------------------------------------------------------------------


def _look_at_versions(lake: Lake) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    try:
        for name in list_extensions(lake):
            find_extension(name)
    except StoreError as error:
        todo = "请再运行一次安装命令：python -m pip install ."
        return Finding("版本", "bad", str(error), todo)
    return Finding("版本", "ok", f"Python {version}，数据库和扩展的版本一致。")


def _look_at_fonts() -> Finding:
    for place in _font_folders():
        for _, _, names in os.walk(place):
            for name in names:
                plain = name.lower().replace("-", "").replace("_", "")
                if plain.startswith(FONT_FILES):
                    return Finding("字体", "ok", f"有中文字体（{name}）。")
    todo = "材料和地图图片里的汉字会成方框：请装一种中文字体，例如 Noto Sans CJK。"
    return Finding("字体", "warn", "没有找到中文字体。", todo)


def _font_folders() -> list[Path]:
    home = Path.home()
    told = [
        Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts",
        home / "AppData/Local/Microsoft/Windows/Fonts",
        Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts",
        Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".fonts",
        home / ".local/share/fonts",
    ]  # fmt: skip
    return [place for place in told if place.is_dir()]


def _look_at_folder(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir():
        yield Finding("数据文件夹", "bad", f"没有“{folder}”。", "请用 --store 指到数据文件夹。")
        return
    trial = folder / "writer.trial"
    try:
        trial.write_bytes(b"x")
        trial.unlink()
        yield Finding("数据文件夹", "ok", f"“{folder}”能读能写。")
    except OSError as error:
        todo = "只能看，不能更新：请检查文件夹的权限，或磁盘是不是只读、已满。"
        yield Finding("数据文件夹", "bad", f"“{folder}”不能写入：{error.strerror}。", todo)
    free = shutil.disk_usage(folder).free
    said, todo = f"磁盘还剩 {free / 1e9:,.1f} GB。", "请腾出空间，否则更新会写不成。"
    state: State = "bad" if free < LEAST_FREE else "warn" if free < LITTLE_FREE else "ok"
    yield Finding("磁盘空间", state, said, todo if state != "ok" else "")


# -- the databases ------------------------------------------------------------------------------


def _look_at_catalogue(folder: Path) -> Finding:
    """Whether the catalogue is whole, and free to be read."""
    return _look_at_database(
        "目录", folder / CATALOGUE,
        "请用 shequ restore 备份文件 恢复到一个空文件夹；坏的先留着，不要删。",
    )  # fmt: skip


def _look_at_accounts(folder: Path) -> Finding:
    return _look_at_database(
        "账号和操作记录", folder / ACCOUNTS,
        f"请从备份里取回 {ACCOUNTS}；没有备份的，把它移走后重新建账号（操作记录会丢）。",
    )  # fmt: skip


def _look_at_database(name: str, path: Path, todo: str) -> Finding:
    address = f"{path.as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=LOCKED_SECONDS)) as database:
            told = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            close = "请关掉打开它的程序（备份、杀毒、数据库工具），过一会儿再试。"
            return Finding(name, "bad", f"“{path.name}”被别的程序占用。", close)
        return Finding(name, "bad", f"“{path.name}”打不开：{error}。", todo)
    except sqlite3.DatabaseError:
        return Finding(name, "bad", f"“{path.name}”已损坏。", todo)
    if told != "ok":
        return Finding(name, "bad", f"“{path.name}”已损坏。", todo)
    return Finding(name, "ok", f"“{path.name}”完好。")


# -- the Parquet files --------------------------------------------------------------------------


def _find_damaged(folder: Path, files: list[LakeFile]) -> Iterator[tuple[str, str]]:
    """Every file that is not as it was written: its path, and what is the matter."""
    known = read_checksums(folder)
    for file in files:
        path = folder / "data" / file.path
        if what := _judge_file(path, file.size, known.get(file.path)):
            yield file.path, what


def _judge_file(path: Path, size: int, noted: str | None) -> str:
    try:
        if path.stat().st_size != size:
            return "大小不对"
        if noted is not None:
            return "" if hash_file(path) == noted else "内容变了"
        # Nobody noted what it was: at least it can be read to its end.
        pq.read_table(path, memory_map=False)
    except FileNotFoundError:
        return "不见了"
    except (OSError, pa.ArrowException) as error:
        return f"读不出来（{error.__class__.__name__}）"
    return ""


def _tell_damage(files: list[LakeFile], damaged: dict[str, str], newest: int) -> Finding:
    name = "数据文件"
    if not damaged:
        return Finding(name, "ok", f"{len(files)} 个文件都在，内容没有变。")
    bad = [file for file in files if file.path in damaged]
    listed = "；".join(f"{file.path} {damaged[file.path]}" for file in bad[:NAMED])
    said = f"{len(bad)} 个文件坏了：{listed}{'……' if len(bad) > NAMED else '。'}"
    if not any(file.is_in(newest) for file in bad):
        todo = "只涉及过去的状态，现在的数据不受影响；撤销可能做不成。请尽快换一份完好的备份。"
        return Finding(name, "warn", said, todo)
    tables = "、".join(sorted({file.table for file in bad if file.is_in(newest)})[:NAMED])
    whole = [at for at in range(newest - 1, 0, -1) if not any(file.is_in(at) for file in bad)]
    back = f"；或用 shequ undo 退回（快照 {whole[0]} 完好）" if whole else ""
    todo = f"受影响的表：{tables}，别的照常能看。请用 shequ restore 备份文件 恢复{back}。"
    return Finding(name, "bad", said, todo)


def _look_for_orphans(
    stored: dict[str, tuple[int, float]], files: list[LakeFile], now: float
) -> Finding:
    """Files that no snapshot needs: left by what was killed. New ones may belong to a refresh."""
    known = {file.path for file in files}
    orphans = [
        size
        for path, (size, at) in stored.items()
        if path not in known and now - at > ORPHAN_SECONDS
    ]
    if not orphans:
        return Finding("多余的文件", "ok", "没有。")
    said = (
        f"{len(orphans)} 个文件没有用处（{sum(orphans) / 1e6:,.1f} MB），是中断的更新或保养留下的。"
    )
    return Finding("多余的文件", "warn", said, "不碍事；运行 shequ maintain 就会清理。")


def _tell_growth(files: list[LakeFile], times: dict[int, float], now: float) -> Finding:
    """How much a year of refreshes takes, by those of the last twelve months."""
    recent = [f.size for f in files if now - times.get(f.begins, now) <= YEAR_SECONDS]
    span = min(YEAR_SECONDS, now - min(times.values(), default=now))
    held = f"现有 {sum(file.size for file in files) / 1e6:,.1f} MB"
    if span < LEAST_SPAN_SECONDS:
        return Finding("增长", "ok", f"{held}；不到一个月，还看不出一年长多少。")
    yearly = sum(recent) * YEAR_SECONDS / span / 1e6
    return Finding("增长", "ok", f"{held}，照近来的速度一年约增加 {yearly:,.1f} MB。")


# -- what it tells --------------------------------------------------------------------------------


def _open_store(folder: Path) -> Finding:
    try:
        with Store(folder, read_only=True) as store:
            entries = store.history()
            store.frame("out_compounds")
    except ShequError as error:
        return Finding("打开", "bad", str(error), "请照这句话做；不行就用备份恢复。")
    if not entries:
        return Finding("打开", "ok", "能打开，还没有发布过数据。")
    newest = entries[0]
    at = f"{newest.at.astimezone():%Y-%m-%d %H:%M}"
    return Finding("打开", "ok", f"能打开，最近一次更新是 {at}（快照 {newest.snapshot}）。")


def _look_at_clock(folder: Path, now: float) -> Finding:
    """Whether this machine's clock stands before the newest snapshot."""
    with closing(sqlite3.connect(folder / CATALOGUE, timeout=LOCKED_SECONDS)) as database:
        row = database.execute("SELECT max(snapshot_time) FROM ducklake_snapshot").fetchone()
    newest = datetime.fromisoformat(str(row[0])).timestamp() if row and row[0] else 0.0
    if newest - now > CLOCK_SECONDS:
        todo = "请校准这台电脑的日期和时间，否则更新和登录的时间都不可信。数据本身不受影响。"
        return Finding("时钟", "warn", "这台电脑的时钟比最近一次更新还早。", todo)
    return Finding("时钟", "ok", "不早于最近一次更新。")

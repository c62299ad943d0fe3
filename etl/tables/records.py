"""What the store keeps about itself: boundaries, quarantine, issues, files, raw rows, settings."""

from __future__ import annotations

from datetime import datetime

from etl.table import Column, Table
from etl.tables.deliberation import MATTER_EVENTS
from etl.tables.shown import flag, text, whole

BOUNDARIES = Table(
    "core_boundaries",
    "边界",
    key=("level", "place_id"),
    note="另有一列 geometry：WGS-84 的几何",
    columns=(
        Column("level", str, "层", required=True),
        Column("place_id", str, "编号", required=True),
        text("name", "名称"),
        text("compound_id", "小区编号"),
        text("building_no", "楼栋号"),
        text("file", "文件"),
        text("sheet", "图层"),
        whole("row", "行"),
        whole("snapshot", "快照"),
    ),
)
QUARANTINE = Table(
    "quarantine",
    "未入库的行",
    key=("file", "sheet", "row"),
    note="不能用的行，连同理由，一行不丢；改好再放入即入库",
    columns=(
        text("file", "文件"),
        text("sheet", "工作表"),
        whole("row", "行"),
        text("table", "表"),
        text("problem", "问题"),
        text("cells", "该行内容", "JSON；个人信息已去除"),
        text("key", "主键"),
        whole("snapshot", "快照"),
    ),
)
ISSUES = Table(
    "issues",
    "问题清单",
    key=("file", "sheet", "cell"),
    columns=(
        text("file", "文件"),
        text("sheet", "工作表"),
        text("cell", "单元格"),
        text("column", "列"),
        text("value", "原值", "个人信息已遮盖"),
        text("problem", "问题"),
        text("severity", "轻重", "error 该行未入库；warning 该格留空"),
        whole("snapshot", "快照"),
    ),
)
FILES = Table(
    "files",
    "文件记录",
    key=("file", "sheet"),
    columns=(
        text("file", "文件"),
        text("sheet", "工作表"),
        text("sha256", "指纹"),
        text("table", "表"),
        whole("rows_read", "读到行数"),
        whole("rows_loaded", "入库行数"),
        whole("rows_quarantined", "未入库行数"),
        whole("rows_recognised", "合计空白等行"),
        whole("masked_count", "去除或遮盖的个人信息", "处"),
        text("unknown_columns", "不认识的列"),
        Column("refreshed_at", datetime, "更新时间"),
        text("who", "更新人"),
        whole("snapshot", "快照"),
    ),
)
RAW_ROWS = Table(
    "raw_rows",
    "原始行",
    key=("file", "sheet", "row"),
    note="入库的每一行在原表里怎么写；个人信息已去除",
    columns=(
        text("table", "表"),
        text("file", "文件"),
        text("sheet", "工作表"),
        whole("row", "行"),
        text("cells", "该行内容", "JSON"),
        whole("snapshot", "快照"),
    ),
)
SETTINGS = Table(
    "settings",
    "设置",
    key=("name",),
    columns=(text("name", "名目"), text("value", "内容")),
)
ANSWERS = Table(
    "answers",
    "记住的回答",
    key=("kind", "question"),
    note="更新时问过的问题和回答，下次不再问",
    columns=(
        text("kind", "种类", "sheet 哪张表；column 哪一列；name 哪个小区；list 完整名单还是新增"),
        text("question", "问题"),
        text("answer", "回答", "空的表示“都不是”"),
        text("who", "回答人"),
        Column("answered_at", datetime, "回答时间"),
        whole("snapshot", "快照"),
    ),
)
PAST_STATES = Table(
    "past_states",
    "清理掉的历史",
    key=("snapshot",),
    note="保养时清理掉的旧状态：数据已不在，谁、何时、更新了什么仍留着；撤销不影响这张表",
    columns=(
        whole("snapshot", "快照"),
        Column("published_at", datetime, "发布时间"),
        text("who", "更新人"),
        text("said", "更新说明", "JSON"),
    ),
)
HANDLING_PARTS = Table(
    "handling_parts",
    "各街道的办理情况",
    key=("area", "scope", "name", "working_days", "is_closed"),
    note="小区很多时，各街道各自算出、可以相加的部分；相加得出《办理情况》",
    columns=(
        text("area", "街道", "区县/街道；空：没有落到小区的"),
        text("scope", "范围"),
        text("name", "名称"),
        whole("working_days", "用了几个工作日", note="空：该行是件数"),
        flag("is_closed", "已办结"),
        whole("number", "用了这么久的", "件"),
        whole("complaint_count", "投诉件数", "件"),
        whole("open_count", "未办结", "件"),
        whole("open_overdue_count", "超期未办结", "件"),
        whole("overdue_count", "超期件数", "件"),
        whole("repeat_count", "重复反映", "件"),
        whole("reopened_count", "办结后再次反映", "件"),
        whole("judged_count", "已办结和已到期", "件"),
        whole("placed_count", "户数已知的小区的投诉", "件"),
        whole("homes", "户数", "户"),
        whole("backlog_count", "月末未办结", "件"),
    ),
)
RECORDS: tuple[Table, ...] = (
    BOUNDARIES, QUARANTINE, ISSUES, FILES, RAW_ROWS, SETTINGS, ANSWERS, MATTER_EVENTS, PAST_STATES,
    HANDLING_PARTS,
)  # fmt: skip

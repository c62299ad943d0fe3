"""What is shown of needs, duties, matters and promises: `out_` tables, and the record of changes."""

from __future__ import annotations

from datetime import datetime

from etl.table import Column, Table
from etl.tables.shown import day, flag, number, text, whole

OUT_NEEDS = Table(
    "out_needs",
    "需求与投诉对照",
    key=("compound_id", "category"),
    note="清单上有需求，或统计期内有投诉的小区和类别",
    columns=(
        Column("compound_id", str, "小区编号", required=True),
        Column("category", str, "类别", required=True),
        whole("need_count", "需求", "条", "含已解决的"),
        whole("open_count", "未解决需求", "条"),
        whole("urgent_count", "其中紧急", "条", "紧急程度为高"),
        whole("mention_count", "反映人数", "人", "未解决需求相加，同一人可能算几次；都没写的为空"),
        whole("household_count", "涉及户数", "户", "未解决需求中最多的一条；都没写的为空"),
        day("newest_on", "最近提出"),
        whole("complaint_count", "统计期投诉", "件"),
        whole("compound_count", "同类未解决的小区", "个", "全社区有几个小区提出这一类、还没解决"),
        text(
            "match",
            "对照",
            "said_only 提了没投诉；complained_only 投诉没提；both 两边都有；little 没提、投诉也少",
        ),
    ),
)

OUT_HANDBOOK = Table(
    "out_handbook",
    "职责对照",
    key=("category",),
    columns=(
        Column("category", str, "事项类别", required=True),
        text("leads", "牵头", "JSON 列表"),
        text("supports", "配合", "JSON 列表"),
        text("supervisors", "监督", "JSON 列表"),
        text(
            "problem",
            "问题",
            "nobody 谁都没写；no_lead 没有牵头；two_leads 不止一家牵头；no_supervisor 没有监督；空：齐全",
        ),
    ),
)

OUT_MATTERS = Table(
    "out_matters",
    "议题办理",
    key=("matter_id",),
    note="每个议题按设置里的规则该由哪一级商定、到哪天为止，与表里写的对照",
    columns=(
        Column("matter_id", str, "议题编号", required=True),
        text("compound_id", "小区编号"),
        text("title", "议题"),
        text("category", "事项类别"),
        text("urgency", "紧急程度"),
        text("status", "议题状态"),
        text("state", "进行到", "open 未议定；settled 已议定；closed 已办结；shelved 搁置"),
        day("as_of_on", "数据日", "到期没有，按这一天算"),
        day("raised_on", "提出时间"),
        whole("waited_days", "已过", "工作日", "从提出到议定，未议定的到数据日"),
        number("share", "涉及户数占比", note="0 到 1；没写涉及户数的为空"),
        text("rule", "规则", "设置里第一条符合的"),
        text("reason", "理由"),
        whole("level", "应由哪一级", note="1 到 3"),
        whole("level_now", "现在到哪一级", note="超过时限的逐级上升"),
        whole("stated_level", "表里写的层级"),
        flag("is_level_different", "与规则不同"),
        day("due_on", "这一级的期限", "没写提出时间的为空"),
        flag("is_over", "已过期限", "未议定的：这一级的期限；已议定的：表里的应办结日期"),
        whole("over_days", "超过", "工作日"),
        flag("is_due_soon", "快到期限"),
        text("steps", "升级经过", "JSON 列表：level、due_on、over_days"),
        day("stated_due_on", "应办结日期", "表里写的"),
        text("lead_party", "表里写的牵头方"),
        text("parties", "该到场的", "JSON 列表，设置里这一级的各方"),
        text("leads", "职责手册的牵头", "JSON 列表"),
        flag("is_reopened", "办结后重新打开"),
        day("decided_on", "议定时间"),
        day("published_on", "公示时间"),
        day("closed_on", "办结时间"),
        whole("meeting_count", "开会", "次"),
        day("last_meeting_on", "最近开会"),
        whole("need_count", "同类需求", "条", "本小区、同一类别"),
        whole("complaint_count", "同类投诉", "件", "本小区、同一类别，统计期内"),
        whole("vote_item", "表决事项", note="民法典第二百七十八条第几项；空：不需要业主表决"),
        whole("owner_count", "业主人数", "人", "按总户数，一户一人"),
        number("owner_area_m2", "专有部分面积", "平方米", "按台账的建筑面积"),
        whole("owners_needed", "至少参与", "人"),
        number("area_needed_m2", "至少参与面积", "平方米"),
        whole("voter_count", "应到人数", "人", "表里写的"),
        whole("vote_count", "参与表决", "人"),
        whole("approval_count", "同意", "人"),
        text(
            "vote_verdict",
            "按人数看",
            "too_few_voters 参与不够；not_agreed 同意不够；agreed_by_number 人数够了；unknown 不知道",
        ),
    ),
)

OUT_PROMISES = Table(
    "out_promises",
    "承诺兑现",
    key=("meeting_id", "item_no"),
    columns=(
        Column("meeting_id", str, "会议编号", required=True),
        Column("item_no", int, "事项序号", required=True),
        text("kind", "会议类型"),
        day("held_on", "会议日期"),
        text("compound_id", "小区编号"),
        text("matter_id", "议题编号"),
        day("as_of_on", "数据日", "逾期没有、到期没有，都按这一天算"),
        text("promise", "承诺事项"),
        text("party", "承诺方"),
        day("due_on", "承诺期限"),
        day("kept_on", "兑现时间"),
        text(
            "state",
            "兑现",
            "kept 按期；late 逾期才做到；slipped 逾期没做到；open 没到期；unknown 不知道",
        ),
        whole("late_days", "逾期", "工作日"),
        text("stated", "表里写的"),
        text(
            "contradiction",
            "与日期不符",
            "kept_without_date、late_by_dates、in_time_by_dates、done_by_dates、due_by_dates、"
            "not_due_by_dates",
        ),
        day("since_on", "对照的月度议事会", "最近一次之前的那一次；没有开过的为空"),
        flag("is_news", "那次议事会以来", "这之后作出、到期或做到的"),
    ),
)

MATTER_EVENTS = Table(
    "matter_events",
    "议题变动记录",
    key=("matter_id", "field", "snapshot"),
    note="每次更新时议题有什么变了，只添不改；撤销一次更新，它记下的也一并撤回",
    columns=(
        text("matter_id", "议题编号"),
        text(
            "field",
            "什么变了",
            "listed 在清单上；status、level、due_on、decision、decided_on、published_on、closed_on "
            "表里写的；routed_level 按规则到了哪一级",
        ),
        text("old", "原来", "空：原来没有"),
        text("new", "现在", "空：现在没有"),
        Column("seen_at", datetime, "看到的时间"),
        text("file", "文件"),
        text("sheet", "工作表"),
        whole("row", "行"),
        whole("snapshot", "快照"),
    ),
)

"""Social capital and interventions as shown: two `out_` tables, worked out at each refresh."""

from __future__ import annotations

from etl.table import Column, Table
from etl.tables.shown import day, number, text, whole

OUT_CAPITAL = Table(
    "out_capital",
    "社会资本",
    key=("compound_id", "measure", "wave"),
    note="只说小区，不给个人打分，也不合成总分；没有的行就是没有数据，不是零",
    columns=(
        Column("compound_id", str, "小区编号", required=True, note="空字：够份数的小区合计"),
        text(
            "part",
            "部分",
            "trust 信任；norms 规范；networks 网络；satisfaction 满意；registers 台账",
        ),
        text("measure", "题目或台账项", "问卷各题的列名；activities 活动，meetings 会议"),
        text("wave", "调查批次", "表里写的批次，没写的取调查日期的年份；台账项为空字"),
        whole("wave_order", "批次先后", note="从 1 起，越大越新"),
        day("first_on", "最早日期"),
        day("last_on", "最近日期"),
        whole("yes_count", "同意人数", "人", "台账项为参加人次；不足份数的不公布"),
        whole("base_count", "回答人数", "人", "台账项为活动或会议的次数；不足份数的不公布"),
        whole("unknown_count", "没写人数的", "次", "只用于台账项"),
        whole("households", "总户数", "户", "回答的人是从这么多户里来的"),
        text("status", "情况", "known 可用；too_few 不足份数，不公布"),
        number("pct", "同意比例", "%"),
        number("pct_low", "同意比例下限", "%", "95% 威尔逊区间"),
        number("pct_high", "同意比例上限", "%"),
        number("rest_pct", "其他小区同意比例", "%", "同一批次够份数的其他小区合计"),
        whole("rest_count", "其他小区回答人数", "人"),
        number("p_value", "p 值", note="费希尔精确检验，按小区数校正（Holm）"),
        text(
            "against_rest",
            "与其他小区比",
            "higher 高；lower 低；not_apart 分不出高低；too_few 太少",
        ),
        text("before_wave", "上一批次"),
        number("before_pct", "上一批次同意比例", "%"),
        whole("before_count", "上一批次回答人数", "人"),
        number("change", "变化", "百分点"),
        number("change_low", "变化下限", "百分点", "95% 纽科姆区间"),
        number("change_high", "变化上限", "百分点"),
        text(
            "change_verdict",
            "变化结论",
            "up 上升；down 下降；maybe_up、maybe_down 也许；no_real_change 没有实质变化；too_few 太少",
        ),
    ),
)

OUT_ACTIONS = Table(
    "out_actions",
    "行动一览",
    key=("intervention_id",),
    columns=(
        Column("intervention_id", str, "行动编号", required=True),
        text("compound_id", "小区编号"),
        text("name", "行动名称"),
        text("path", "路径"),
        text("category", "针对问题"),
        text("aim", "目标"),
        day("starts_on", "开始日期"),
        day("ends_on", "结束日期"),
        text("status", "行动状态"),
        text("lead_party", "牵头方"),
        text("result", "成效"),
        text("lesson", "经验"),
        number("lon", "经度", "°"),
        number("lat", "纬度", "°"),
        text(
            "lateness",
            "迟没迟",
            "start_passed 该开始没开始；end_passed 该结束没结束；ends_ahead、starts_ahead 状态与日期对"
            "不上；no_status 没写状态；on_time 没有迟；unknown 不知道到哪天了",
        ),
        whole("late_days", "迟了", "天", "到数据最新一天"),
        day("known_until", "数据最新一天"),
    ),
)

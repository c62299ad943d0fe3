"""What is shown: the `out_` tables, worked out at each refresh; no sheet holds them."""

from __future__ import annotations

from datetime import datetime

from etl.table import Column, Table
from etl.tables.capital import OUT_ACTIONS, OUT_CAPITAL
from etl.tables.deliberation import OUT_HANDBOOK, OUT_MATTERS, OUT_NEEDS, OUT_PROMISES
from etl.tables.organizations import KINDS
from etl.tables.people import PEOPLE_OUTPUTS
from etl.tables.places import TYPES
from etl.tables.shown import day, flag, number, share, text, whole

REPEATED = "同一楼栋或门牌、同一类别在设定的天数内再次反映，或表里写明重复"

OUT_COMPOUNDS = Table(
    "out_compounds",
    "小区一览",
    key=("compound_id",),
    columns=(
        Column("compound_id", str, "小区编号", required=True),
        Column("name", str, "小区名称", required=True),
        Column("type", str, "小区类型", values=TYPES),
        whole("households", "总户数", "户"),
        whole("residents", "常住人口", "人"),
        text("grid", "网格"),
        text("community", "所属社区"),
        text("street", "所属街道"),
        text("district", "区县"),
        number("area_m2", "面积", "平方米", "边界在 UTM 投影下的面积"),
        number("lon", "经度", "°", "WGS-84；有边界的取边界内一点"),
        number("lat", "纬度", "°"),
        flag("has_boundary", "有边界"),
        whole("complaint_count", "投诉件数", "件", "库中全部时段"),
        number("complaints_per_1000h", "每千户投诉", "件/千户", "库中全部时段，未平滑"),
        day("window_from", "统计期起", "比率所用的整月窗口"),
        day("window_to", "统计期止"),
        whole("window_count", "统计期投诉", "件"),
        number("rate", "投诉率", "件/千户", "统计期内"),
        number("rate_low", "投诉率下限", "件/千户", "95% 精确泊松区间"),
        number("rate_high", "投诉率上限", "件/千户"),
        number(
            "rate_shrunk", "平滑投诉率", "件/千户", "经验贝叶斯，向全社区平均收缩；用于着色与排序"
        ),
        number(
            "funnel_low",
            "漏斗下限",
            "件/千户",
            "这样大小的小区，二十次有十九次在两条线之间：偶然和天然差异",
        ),
        number("funnel_high", "漏斗上限", "件/千户"),
        number("rate_nearby", "按周边平滑", "件/千户", "局部经验贝叶斯，向相邻小区的平均收缩"),
        whole("rank", "位次", note="分不出高低的并列"),
        whole("rank_low", "位次最好可能"),
        whole("rank_high", "位次最差可能"),
        number("first_chance", "投诉率最高的可能性", note="0 到 1；真实投诉率在全社区最高的可能性"),
        day("month", "最近整月"),
        whole("month_count", "当月件数", "件"),
        whole("month_before_count", "上月件数", "件"),
        number("month_ratio", "环比倍数", note="当月比上月，按天数折算；满两年的另扣除季节"),
        number("month_ratio_low", "环比下限", note="95% 区间，考虑过度离散"),
        number("month_ratio_high", "环比上限"),
        text("month_verdict", "环比结论", "up、down、no_real_change、too_few"),
        whole("year_before_count", "去年同月件数", "件", "库中没有去年同月时为空"),
        number("year_ratio", "同比倍数", note="当月比去年同月，按天数折算"),
        number("year_ratio_low", "同比下限", note="95% 区间，考虑过度离散"),
        number("year_ratio_high", "同比上限"),
        text("year_verdict", "同比结论"),
        text("top_category", "最多的类别"),
        number("top_category_pct", "最多类别占比", "%"),
        whole("open_count", "未办结", "件"),
        whole("overdue_count", "超期未办结", "件", "到数据日仍未办结且已过时限（工作日）"),
        whole(
            "backlog_before_count", "三个月前未办结", "件", "最近整月往前第三个月的月末，当时未办结"
        ),
        whole("window_late_count", "超期件数", "件", "统计期内受理、办结晚于时限或已过时限未办结"),
        *share("late", "超期率", "占已办结和已到期的；未到期的不算在内"),
        number("closing_days", "办结用时", "工作日", "统计期内受理的一半在这么多个工作日内办结"),
        number("closing_days_low", "办结用时下限", "工作日", "95% 区间，未办结的也算在内"),
        number("closing_days_high", "办结用时上限", "工作日"),
        whole("repeat_count", "重复反映", "件", REPEATED),
        whole("reopened_count", "办结后再次反映", "件", "重复反映中，前一件已办结的"),
        flag("is_funnel_high", "明显高于其他小区", "超出其他小区之间的天然差异；判断不了的为否"),
        flag(
            "is_past_high", "高于自身以往", "最近三个整月比自己以往和全社区的涨落；判断不了的为否"
        ),
        flag("is_hotspot", "投诉热点"),
        whole("expected_count", "应有组织", "类"),
        whole("met_count", "正常运行", "类"),
        whole("gap_count", "组织缺口", "类"),
        whole("unknown_count", "情况未知", "类"),
        number("coverage_pct", "组织覆盖率", "%"),
        whole("concern_count", "组织隐患", "处", "届满、久无活动、未备案、无监督等；缺口不在内"),
        whole("member_count", "组织成员", "人次", "在运行和筹备的居民组织；一人参加几个算几次"),
        number("member_over_60_pct", "60岁以上成员占比", "%"),
        number("member_under_40_pct", "40岁以下成员占比", "%"),
        text("service_name", "最近的服务点", "写了服务半径和坐标、正常运行的组织"),
        number("service_m", "到服务点距离", "米", "从小区内一点起的直线距离"),
        flag("is_in_reach", "在服务半径内", "没有登记服务点或小区没有位置的为空"),
        whole("core_resident_count", "居民骨干", "人", "名单里没有这个小区的为空"),
        number("core_per_100h", "每百户骨干", "人/百户"),
        whole("participant_count", "活动参与", "人次", "统计期内；没有登记活动的为空"),
        number("participants_per_100h", "每百户参与", "人次/百户"),
        whole("open_need_count", "未解决需求", "条"),
        number(
            "open_needs_per_1000h", "每千户未解决需求", "条/千户", "没有需求清单或户数未知的为空"
        ),
        whole("open_matter_count", "没办结的议题", "个", "没有议题台账的为空；搁置的不算"),
        whole(
            "overdue_matter_count", "超期议题", "个", "已过这一级的期限，或已议定、过了应办结日期"
        ),
        whole("late_promise_count", "逾期未兑现的承诺", "件", "没有会议纪要的为空"),
        whole("meeting_count", "开过的会", "次", "会议纪要里写明这个小区的；没有会议纪要的为空"),
        whole("meeting_age_days", "距最近一次会", "天", "到数据日；没开过的为空"),
    ),
)

OUT_MONTHS = Table(
    "out_months",
    "小区逐月投诉",
    key=("month", "compound_id", "category"),
    columns=(
        day("month", "月份"),
        text("compound_id", "小区编号", "空：未定位到小区"),
        text("category", "诉求类别"),
        whole("complaint_count", "投诉件数", "件"),
        whole("closed_count", "已办结", "件"),
        whole("overdue_count", "超期", "件", "办结晚于时限，或到数据日未办结且已过时限"),
        whole("closed_overdue_count", "办结时已超期", "件"),
        whole("repeat_count", "重复反映", "件", REPEATED),
        whole("reopened_count", "办结后再次反映", "件", "重复反映中，前一件已办结的"),
        Column("newest_at", datetime, "其中最晚受理"),
    ),
)

OUT_CLOSINGS = Table(
    "out_closings",
    "办结用时分布",
    key=("month", "compound_id", "category", "closed_month", "working_days"),
    columns=(
        day("month", "受理月份"),
        text("compound_id", "小区编号", "空：未定位到小区"),
        text("category", "诉求类别"),
        day("closed_month", "办结月份"),
        whole("working_days", "用了几个工作日"),
        whole("closed_count", "办结件数", "件"),
    ),
)

OUT_HANDLING = Table(
    "out_handling",
    "办理情况",
    key=("scope", "name"),
    note="统计期内受理的投诉，全社区以及按小区类型、网格、社区、街道、区县、诉求类别、月份分开",
    columns=(
        text(
            "scope",
            "范围",
            "all 全部；type 小区类型；grid 网格、community 社区、street 街道、district 区县（不止一个时）；"
            "category 诉求类别；month 受理月份",
        ),
        text("name", "名称", "类型、类别或月份（如 2026-05）"),
        whole("complaint_count", "投诉件数", "件"),
        number("rate", "投诉率", "件/千户", "只算定位到小区、户数已知的"),
        number("rate_low", "投诉率下限", "件/千户", "95% 精确泊松区间"),
        number("rate_high", "投诉率上限", "件/千户"),
        whole("open_count", "未办结", "件", "其中到数据日未办结的"),
        whole("overdue_count", "超期未办结", "件", "其中到数据日未办结且已过时限的"),
        whole("backlog_count", "月末未办结", "件", "按月份：当月末全部未办结的，不论何时受理"),
        whole("late_count", "超期件数", "件", "办结晚于时限，或已过时限未办结"),
        *share("late", "超期率", "占已办结和已到期的"),
        number("closing_days", "办结用时", "工作日", "一半在这么多个工作日内办结"),
        number("closing_days_low", "办结用时下限", "工作日", "95% 区间，未办结的也算在内"),
        number("closing_days_high", "办结用时上限", "工作日"),
        whole("repeat_count", "重复反映", "件", REPEATED),
        whole("reopened_count", "办结后再次反映", "件"),
    ),
)

OUT_HOTSPOTS = Table(
    "out_hotspots",
    "投诉热点",
    key=("hotspot_id",),
    columns=(
        Column("hotspot_id", str, "热点编号", required=True),
        text(
            "method",
            "方法",
            "funnel 比其他小区；own_past 近三个月比自身以往；scan 楼栋扫描；emerging 近三个月新增；"
            "scan_compounds 成片的小区（30 个以上）；local 周边都高的小区（Gi*，200 个以上）",
        ),
        text("compound_id", "小区编号"),
        text("name", "位置"),
        number("lon", "经度", "°"),
        number("lat", "纬度", "°"),
        number("radius_m", "半径", "米"),
        whole("observed", "实有", "件"),
        number("expected", "应有", "件"),
        number("ratio", "倍数", note="空：以往没有投诉，应有为 0"),
        number(
            "p_value",
            "p 值",
            note="比其他小区、比自身以往为一并校正（Holm）后的；扫描为蒙特卡罗；local 为 FDR 校正后的",
        ),
        number(
            "p_value_wide",
            "计入天然差异的 p 值",
            note="各单元本来就有高低时，扫描所得碰巧如此的可能",
        ),
        text("members", "所含单元", "JSON 列表"),
        day("period_from", "时段起"),
        day("period_to", "时段止"),
    ),
)

OUT_CELLS = Table(
    "out_cells",
    "投诉密度格",
    key=("month", "category", "lon", "lat"),
    note="约 50 米的格子，只供看；默认坐标不在内",
    columns=(
        day("month", "月份"),
        text("category", "诉求类别"),
        number("lon", "经度", "°"),
        number("lat", "纬度", "°"),
        whole("complaint_count", "投诉件数", "件"),
    ),
)

OUT_GEOCODES = Table(
    "out_geocodes",
    "默认坐标",
    key=("lon", "lat"),
    note="许多互不相干的工单落在同一个点上：计入总数，不参与热点",
    columns=(
        number("lon", "经度", "°"),
        number("lat", "纬度", "°"),
        whole("row_count", "工单数", "件"),
        whole("address_count", "不同地址数", "个"),
        number("share", "占全部有坐标工单", note="0 到 1"),
        text("near", "所在小区"),
    ),
)

OUT_COVERAGE = Table(
    "out_coverage",
    "组织覆盖判定",
    key=("compound_id", "kind"),
    columns=(
        Column("compound_id", str, "小区编号", required=True),
        Column("kind", str, "组织类型", values=KINDS, required=True),
        text("state", "状态", "正常、筹备、名存实亡、已解散、无、不适用、未知"),
        text("expectation", "应否有", "expected 应有；optional 可有；not_applicable 不适用"),
        flag("is_gap", "是缺口"),
        flag("is_unknown", "情况未知"),
        text("reason_code", "理由"),
        text("organization_names", "组织"),
        day("term_ends_on", "任期或合同届满", "状态最好的那个组织的；几个的取最早"),
        day("last_active_on", "最近活动或回应", "几个组织的取最近"),
        flag("is_registered", "已备案", "有一个没有备案的为否；都没写的为空"),
        flag("is_supervised", "受监督", "有一个不受监督的为否；都没写的为空"),
        whole("household_count", "覆盖户数", "户", "几个组织相加，不超过总户数"),
        number("covered_pct", "覆盖户数占比", "%"),
        whole("member_count", "成员人数", "人"),
        whole("member_over_60_count", "60岁以上成员", "人"),
        whole("member_under_40_count", "40岁以下成员", "人"),
        text(
            "concerns",
            "隐患",
            "JSON 列表：term_over 已届满、term_soon 将届满、inactive 久无活动、no_response 久无回应、"
            "not_registered 未备案、not_supervised 无监督",
        ),
    ),
)

OUT_EFFECTS = Table(
    "out_effects",
    "行动成效",
    key=("intervention_id",),
    note="行动前后的投诉，除去其他小区同期的涨落；写了针对问题的只算那一类",
    columns=(
        Column("intervention_id", str, "行动编号", required=True),
        text("compound_id", "小区编号"),
        text("name", "行动名称"),
        text("category", "诉求类别", "空：全部类别"),
        day("starts_on", "开始日期"),
        whole("months_before", "之前整月", "个", "最多十二个；开始当月不足整月的不算"),
        whole("months_after", "之后整月", "个", "最多十二个"),
        whole("before_count", "之前件数", "件"),
        whole("after_count", "之后件数", "件"),
        whole("others_before_count", "其他小区之前", "件"),
        whole("others_after_count", "其他小区之后", "件"),
        number("ratio", "倍数", note="本小区的后/前 ÷ 其他小区的后/前；小于 1 为减少"),
        number("ratio_low", "倍数下限", note="95% 区间，考虑过度离散"),
        number("ratio_high", "倍数上限"),
        number("detectable", "看得出的倍数", note="真实倍数降到这里，才有八成把握看得出"),
        text(
            "verdict", "结论", "better 减少；worse 增多；no_change 看不出变化；too_early 还说不准"
        ),
        text(
            "reason",
            "说不准的原因",
            "not_started 还没开始；few_months_before、few_months_after 不足三个整月；no_others 没有"
            "可比的小区；few_cases 件数太少",
        ),
        text("overlapping", "同期的其他行动", "JSON 列表：同一小区、时段重叠，分不开"),
    ),
)

OUT_TARGETS = Table(
    "out_targets",
    "先到哪里去",
    key=("compound_id",),
    columns=(
        Column("compound_id", str, "小区编号", required=True),
        text("name", "小区名称"),
        whole("rank", "位次"),
        number("score", "得分", note="需要 × 缺口，各 0 到 1"),
        number("need", "需要"),
        number("gap", "缺口"),
        number("top_share", "列前三的把握", note="权重变动 1,000 次中排进前三的比例"),
        text("parts", "各部分", "JSON：部分名称到 0–1 的值，未知为 null"),
        text("reasons", "理由", "JSON 列表"),
        text("actions", "建议行动", "JSON 列表"),
    ),
)

OUT_TOTALS = Table(
    "out_totals",
    "总数",
    key=("name",),
    columns=(
        Column("name", str, "名目", required=True),
        number("value", "库中"),
        number("published", "已公布"),
        text("text", "说明"),
    ),
)

OUT_SHAPES = Table(
    "out_shapes",
    "图形",
    key=("level", "place_id"),
    note="另有一列 geometry：WGS-84 的几何",
    columns=(
        Column("level", str, "层", required=True),
        Column("place_id", str, "编号", required=True),
        text("name", "名称"),
        text("compound_id", "小区编号"),
    ),
)

OUTPUTS: tuple[Table, ...] = (
    OUT_COMPOUNDS,
    OUT_MONTHS,
    OUT_CLOSINGS,
    OUT_HANDLING,
    OUT_HOTSPOTS,
    OUT_CELLS,
    OUT_GEOCODES,
    OUT_COVERAGE,
    OUT_EFFECTS,
    OUT_NEEDS,
    OUT_HANDBOOK,
    OUT_MATTERS,
    OUT_PROMISES,
    OUT_ACTIONS,
    OUT_CAPITAL,
    OUT_TARGETS,
    OUT_TOTALS,
    OUT_SHAPES,
    *PEOPLE_OUTPUTS,
)

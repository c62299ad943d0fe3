"""The governance loop: needs, matters, meetings with their promises, duties, interventions."""

from datetime import date

from etl.table import Column, Contradiction, Follows, Table, Value
from etl.tables.common import NOTE, PARTIES, PLACE, compound, count, day
from etl.tables.complaints import URGENCIES

NEED_STATUSES = (
    Value("待回应", aliases=("未回应", "待办", "新增")),
    Value("已列入计划", aliases=("已列入", "列入计划", "计划中")),
    Value("解决中", aliases=("处理中", "推进中", "进行中")),
    Value("已解决", aliases=("已完成", "完成", "已办结")),
    Value("暂不能解决", aliases=("暂缓", "无法解决", "搁置")),
)
MATTER_STATUSES = (
    Value("待议", aliases=("新提出", "未议", "待讨论")),
    Value("议事中", aliases=("讨论中", "协商中", "办理中")),
    Value("已议定", aliases=("已决议", "已决定", "议定")),
    Value("执行中", aliases=("落实中", "实施中")),
    Value("已办结", aliases=("办结", "完成", "已完成", "已公示")),
    Value("搁置", aliases=("暂缓", "终止", "未通过")),
)
MATTER_LEVELS = (
    Value("一级", aliases=("1", "1级", "第一级", "一级议事")),
    Value("二级", aliases=("2", "2级", "第二级", "二级议事")),
    Value("三级", aliases=("3", "3级", "第三级", "三级议事")),
)
MEETING_KINDS = (
    Value("坝坝会", aliases=("院坝会", "院落会")),
    Value("联席会议", aliases=("联席会",)),
    Value("五方会议", aliases=("五方联席会议", "五方会")),
    Value("月度议事会", aliases=("月议事会", "月度例会", "议事会")),
    Value("其他", aliases=("其它", "业主大会")),
)
PROMISE_STATES = (
    Value("未到期", aliases=("进行中", "待完成", "推进中")),
    Value("已兑现", aliases=("已完成", "按期完成", "完成")),
    Value("逾期兑现", aliases=("逾期完成", "延期完成")),
    Value("逾期未兑现", aliases=("逾期", "未兑现", "超期未完成")),
)
ROLES = (
    Value("牵头", aliases=("主责", "负责", "主办")),
    Value("配合", aliases=("协助", "支持", "协办")),
    Value("监督", aliases=("督促", "监管")),
)
PATHS = (
    Value("信任", aliases=("培育信任", "信任路径")),
    Value("规范", aliases=("建立规范", "规范路径", "制度")),
    Value("网络", aliases=("构建网络", "网络路径", "关系网络")),
    Value("设施", aliases=("硬件", "工程", "改造", "整治")),
)
INTERVENTION_STATUSES = (
    Value("计划", aliases=("计划中", "拟开展", "待启动")),
    Value("进行中", aliases=("实施中", "推进中")),
    Value("已完成", aliases=("完成", "结束")),
    Value("终止", aliases=("失败", "取消", "未成功")),
)

NEEDS = Table(
    "needs",
    "需求清单",
    aliases=("需求", "居民需求", "需求台账"),
    key=("need_id",),
    identity=("compound_id", "raised_on", "content"),
    columns=(
        Column("need_id", str, "需求编号", ("编号",)),
        compound(required=True),
        Column("category", str, "需求类别", ("类别", "主题", "需求主题", "需求类型"),
               values_from="categories", required=True, example="环境卫生"),
        Column("content", str, "需求内容", ("内容", "需求描述", "具体需求"), is_free_text=True,
               required=True, example="希望清理三栋后面的杂物"),
        count("mention_count", "反映人数", "提出人数", "人数", unit="人", high=20_000),
        count("household_count", "涉及户数", "户数", unit="户", high=20_000),
        Column("urgency", str, "紧急程度", ("紧急度", "迫切程度"), values=URGENCIES),
        Column("source", str, "需求来源", ("来源", "收集方式"), example="坝坝会"),
        day("raised_on", "提出时间", "收集时间", "提出日期", "日期"),
        Column("status", str, "需求状态", ("状态", "办理状态", "回应情况"), values=NEED_STATUSES),
        NOTE,
    ),
)  # fmt: skip

MATTERS = Table(
    "matters",
    "议题",
    aliases=("议题台账", "三级议事", "议事台账", "议题清单"),
    later=(
        ("closed_on", "raised_on"),
        ("decided_on", "raised_on"),
        ("published_on", "decided_on"),
        ("due_on", "raised_on"),
    ),
    at_most=(
        ("vote_count", "voter_count"),
        ("approval_count", "voter_count"),
        ("approval_count", "vote_count"),
    ),
    key=("matter_id",),
    identity=("compound_id", "raised_on", "title"),
    columns=(
        Column("matter_id", str, "议题编号", ("编号",)),
        Column("title", str, "议题", ("议题名称", "事项", "议题内容", "事项名称"), required=True,
               is_free_text=True, example="Q小区停车秩序整治"),
        compound(required=True),
        Column("category", str, "事项类别", ("类别", "议题类别"), values_from="categories"),
        Column("level", str, "议事层级", ("层级", "级别", "议事级别"), values=MATTER_LEVELS),
        Column("urgency", str, "紧急程度", ("紧急度",), values=URGENCIES),
        count("household_count", "涉及户数", "影响户数", "户数", unit="户", high=20_000),
        day("raised_on", "提出时间", "提出日期", "日期"),
        day("due_on", "应办结日期", "办理期限", "期限", "应办结时间"),
        Column("status", str, "议题状态", ("状态", "进展", "办理状态"), values=MATTER_STATUSES),
        Column("lead_party", str, "牵头方", ("牵头单位", "责任方", "主责方"), values=PARTIES),
        Column("decision", str, "议定结果", ("决议", "决定", "议定事项"), is_free_text=True),
        day("decided_on", "议定时间", "决议时间", "议定日期"),
        day("published_on", "公示时间", "公示日期"),
        day("closed_on", "办结时间", "办结日期", "完成时间"),
        count("voter_count", "应到人数", "有表决权人数", "应投票户数", unit="人", high=50_000),
        count("vote_count", "参与表决人数", "实到人数", "投票户数", unit="人", high=50_000),
        count("approval_count", "同意人数", "同意票", unit="人", high=50_000),
        NOTE,
    ),
)  # fmt: skip

MEETINGS = Table(
    "meetings",
    "会议纪要",
    aliases=("会议", "会议记录", "会议台账"),
    later=(("promise_kept_on", "held_on"), ("promise_due_on", "held_on")),
    follows=(Follows("held_on", "matter_id", "raised_on"),),
    key=("meeting_id", "item_no"),
    note="一次会议承诺了几件事就写几行，会议编号相同、事项序号不同",
    columns=(
        Column("meeting_id", str, "会议编号", ("编号",), required=True, example="HY2025-001"),
        Column("item_no", int, "事项序号", ("事项号", "承诺序号"), low=1, high=200, required=True,
               example=1),
        Column("kind", str, "会议类型", ("类型", "会议形式", "会议类别"), values=MEETING_KINDS,
               required=True, example="坝坝会"),
        Column("held_on", date, "会议日期", ("会议时间", "日期", "召开时间",
               "开会时间"), required=True),
        compound(),
        Column("matter_id", str, "议题编号", ("关联议题", "对应议题"), refers_to="matters"),
        Column("parties", str, "参会方", ("参会单位", "参加单位", "参会各方")),
        count("attendee_count", "参会人数", "到会人数", "人数", unit="人", high=10_000),
        Column("summary", str, "会议内容", ("会议纪要", "主要内容", "纪要"), is_free_text=True),
        Column("promise", str, "承诺事项", ("承诺", "会议承诺", "议定事项"), is_free_text=True),
        Column("promise_party", str, "承诺方", ("责任方", "承诺单位"), values=PARTIES),
        day("promise_due_on", "承诺期限", "完成期限", "承诺完成时间"),
        day("promise_kept_on", "兑现时间", "完成时间", "实际完成时间"),
        Column("promise_state", str, "兑现情况", ("承诺状态", "完成情况"), values=PROMISE_STATES),
        NOTE,
    ),
)  # fmt: skip

RESPONSIBILITIES = Table(
    "responsibilities",
    "主体职责",
    aliases=("职责", "职责手册", "职责清单", "主体职责手册"),
    key=("category", "party"),
    columns=(
        Column("category", str, "事项类别", ("类别", "事项"), values_from="categories",
               required=True, example="停车管理"),
        Column("party", str, "责任主体", ("主体", "单位", "责任方"), values=PARTIES, required=True,
               example="物业"),
        Column("role", str, "责任角色", ("角色", "责任类型", "职责类型"), values=ROLES,
               required=True, example="牵头"),
        Column("duty", str, "具体职责", ("职责", "职责内容", "工作内容"), is_free_text=True),
        NOTE,
    ),
)  # fmt: skip

INTERVENTIONS = Table(
    "interventions",
    "行动计划",
    aliases=("行动", "干预", "行动台账", "干预措施"),
    later=(("ends_on", "starts_on"),),
    contradictions=(
        Contradiction("status", ("已完成", "终止"), "ends_on"),
        Contradiction("status", ("进行中", "已完成", "终止"), "starts_on"),
    ),
    key=("intervention_id",),
    identity=("compound_id", "name", "starts_on"),
    columns=(
        Column("intervention_id", str, "行动编号", ("编号",)),
        Column("name", str, "行动名称", ("行动", "名称", "措施"), required=True, is_name=True, example="荷塘共建"),
        compound(required=True),
        Column("path", str, "路径", ("行动路径", "类别", "行动类别"), values=PATHS),
        Column("category", str, "针对问题", ("针对类别", "针对诉求"), values_from="categories"),
        Column("aim", str, "目标", ("行动目标", "预期目标"), is_free_text=True),
        day("starts_on", "开始日期", "开始时间", "启动时间"),
        day("ends_on", "结束日期", "结束时间", "完成时间"),
        Column("status", str, "行动状态", ("状态", "进展"), values=INTERVENTION_STATUSES),
        Column("lead_party", str, "牵头方", ("牵头单位", "负责单位", "责任方"), values=PARTIES),
        Column("result", str, "成效", ("结果", "效果"), is_free_text=True),
        Column("lesson", str, "经验", ("经验教训", "反思"), is_free_text=True),
        *PLACE,
        NOTE,
    ),
)  # fmt: skip

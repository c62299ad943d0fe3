"""Complaints: what residents asked for or complained of, one work order a row."""

from datetime import datetime

from etl.names import FOUND_BY
from etl.table import Column, Table, Value
from etl.tables.common import NOTE, PLACE, compound, flag

STATUSES = (
    Value("待办", aliases=("待处理", "未处理", "已受理", "新建", "未办")),
    Value("处理中", aliases=("办理中", "在办", "处置中", "已派单", "Open")),
    Value("已办结", aliases=("办结", "已完成", "已处理", "已解决", "完成", "结案", "Closed")),
    Value("无法办理", aliases=("不予办理", "无法解决", "退回", "不予受理")),
)
URGENCIES = (
    Value("高", aliases=("紧急", "急", "特急", "重要")),
    Value("中", aliases=("一般", "普通", "常规")),
    Value("低", aliases=("不急", "较低")),
)
SATISFACTIONS = (
    Value("满意", aliases=("非常满意", "很满意")),
    Value("基本满意", aliases=("较满意", "一般")),
    Value("不满意", aliases=("非常不满意", "很不满意")),
    Value("未回访", aliases=("未评价", "无评价", "未回复")),
)

COMPOUND_BY = (
    *FOUND_BY,
    Value("address", "地址文字"),
    Value("coordinates", "坐标落点"),
)
LOCATED_BY = (
    Value("coordinates", "表中坐标"),
    Value("building", "楼栋位置"),
)

COMPLAINTS = Table(
    "complaints",
    "投诉工单",
    aliases=("投诉", "诉求", "诉求工单", "投诉台账", "12345", "民情台账", "诉求台账"),
    key=("complaint_id",),
    must_be_here=True,
    fixed=("reported_at",),
    later=(("closed_at", "reported_at"), ("due_at", "reported_at")),
    identity=("reported_at", "compound_id", "building_no", "category", "text"),
    columns=(
        Column("complaint_id", str, "工单编号", ("工单号", "编号", "受理编号", "诉求编号", "案件编号"),
               example="GD20250103-001"),
        Column("reported_at", datetime, "受理时间", ("投诉时间", "诉求时间", "来电时间", "上报时间",
               "受理日期", "登记时间", "反映时间", "日期", "时间"), required=True,
               example=datetime(2025, 1, 3, 9, 20)),
        Column("channel", str, "诉求来源", ("来源", "渠道", "受理渠道", "来源渠道"), example="12345热线"),
        Column("category", str, "诉求类别", ("类别", "投诉类别", "问题类别", "诉求类型", "问题类型",
               "事项类别", "类型"), values_from="categories", required=True, example="停车管理"),
        Column("subcategory", str, "二级类别", ("小类", "细类", "具体类别")),
        Column("urgency", str, "紧急程度", ("紧急度", "缓急"), values=URGENCIES),
        compound(),
        Column("building_no", str, "楼栋", ("楼栋号", "栋号", "楼号"), canonical="building"),
        Column("address", str, "地址", ("诉求地址", "发生地址", "事发地点", "详细地址", "地点", "位置"),
               is_free_text=True),
        Column("text", str, "诉求内容", ("内容", "投诉内容", "问题描述", "反映内容", "事项内容",
               "主要内容"), is_free_text=True, example="小区门口机动车占用消防通道"),
        Column("status", str, "办理状态", ("状态", "处理状态", "办理情况", "是否办结"),
               values=STATUSES),
        Column("handler", str, "承办单位", ("处理单位", "责任单位", "承办部门", "办理单位")),
        Column("due_at", datetime, "办理时限", ("应办结时间", "截止时间", "办结时限", "要求办结时间")),
        Column("closed_at", datetime, "办结时间", ("处理时间", "完成时间", "办结日期", "结案时间")),
        Column("result", str, "办理结果", ("处理结果", "回复内容", "处理情况", "答复内容"),
               is_free_text=True),
        Column("satisfaction", str, "满意度", ("回访满意度", "评价", "是否满意"),
               values=SATISFACTIONS),
        flag("is_repeat", "是否重复", "重复投诉", "重复诉求"),
        Column("reporter_name", str, "诉求人", ("投诉人", "反映人", "姓名", "来电人", "联系人"),
               is_personal=True),
        Column("reporter_phone", str, "联系电话", ("电话", "手机", "手机号", "来电号码", "联系方式"),
               is_personal=True),
        *PLACE,
        NOTE,
        Column("compound_by", str, "小区依据", values=COMPOUND_BY, is_derived=True),
        Column("compound_certainty", float, "小区把握", low=0, high=1, is_derived=True,
               note="按什么认出小区，有几成把握：1 为编号或名称一字不差"),
        Column("located_by", str, "坐标依据", values=LOCATED_BY, is_derived=True),
    ),
)  # fmt: skip

"""Organizations: who is there, whom they cover, their core residents and what they do."""

from etl.table import Column, Table, Value
from etl.tables.common import AGE_BANDS, NOTE, PLACE, STATES, compound, count, day, flag

KINDS = (
    Value("property_company", "物业", ("物业公司", "物业服务企业", "物管公司")),
    Value("owners_committee", "业委会", ("业主委员会",)),
    Value("courtyard_committee", "院落自治委员会", ("自治委员会", "院委会", "院落委员会", "院落自管会",
                                          "自管会", "自管委员会")),
    Value("self_organization", "居民自组织", ("自组织", "社区社会组织", "居民兴趣团队", "文体队伍")),
    Value("volunteer_team", "志愿队伍", ("志愿者队伍", "志愿服务队", "志愿服务队伍")),
    Value("social_work_agency", "社工机构", ("社会工作机构", "社工服务机构", "社工服务中心", "社工")),
    Value("party_branch", "党组织", ("党支部", "小区党支部", "党小组", "院落党支部")),
)  # fmt: skip
STAGES = (
    Value("娱乐", aliases=("娱乐型", "文体娱乐", "兴趣型")),
    Value("公益", aliases=("公益型", "公益服务", "服务型")),
    Value("治理", aliases=("治理型", "自治型", "参与治理")),
)
SELECTIONS = (
    Value("选举", aliases=("投票选举", "民主选举")),
    Value("推选", aliases=("推荐", "居民推选", "协商推选")),
    Value("指派", aliases=("任命", "社区指派", "指定")),
)
ACTIVITY_KINDS = (
    Value("文体娱乐", aliases=("娱乐", "文体", "文体活动")),
    Value("公益服务", aliases=("公益", "志愿服务", "公益活动")),
    Value("议事治理", aliases=("治理", "议事", "议事活动")),
    Value("培训参访", aliases=("培训", "参访", "学习")),
    Value("节庆", aliases=("节日", "节日活动", "社区节庆")),
    Value("互助", aliases=("邻里互助", "互助活动")),
)

ORGANIZATIONS = Table(
    "organizations",
    "组织台账",
    aliases=("组织", "社区组织", "社会组织", "自组织台账", "组织名单", "社区组织一览表"),
    later=(("term_ends_on", "term_starts_on"),),
    key=("organization_id",),
    identity=("name",),
    columns=(
        Column("organization_id", str, "组织编号", ("编号", "组织代码")),
        Column("name", str, "组织名称", ("名称", "单位名称", "队伍名称", "团队名称"), required=True, is_name=True,
               example="翠屏家园业委会"),
        Column("kind", str, "组织类型", ("类型", "组织类别", "类别", "组织性质"), values=KINDS,
               required=True, example="业委会"),
        compound(label="所在小区", aliases=("小区", "所属小区", "服务小区", "小区名称", "活动小区")),
        Column("state", str, "运行状态", ("状态", "运行情况", "目前状态"), values=STATES,
               required=True, example="正常"),
        Column("stage", str, "发展阶段", ("阶段", "培育阶段"), values=STAGES),
        day("founded_on", "成立时间", "成立日期", "组建时间"),
        day("term_starts_on", "任期开始", "本届开始", "当选时间"),
        day("term_ends_on", "任期届满", "任期结束", "合同到期", "届满时间", "任期/合同到期"),
        flag("is_registered", "是否备案", "备案", "备案情况"),
        flag("is_supervised", "是否受监督", "有无监督", "监督"),
        flag("has_rules", "有无章程", "章程", "规章制度", "有无规章"),
        Column("leader_selection", str, "负责人产生方式", ("产生方式", "负责人产生"),
               values=SELECTIONS),
        Column("leader_name", str, "负责人", ("负责人姓名", "联系人", "主任", "队长"),
               is_personal=True),
        Column("leader_phone", str, "联系电话", ("电话", "手机", "联系方式", "负责人电话"),
               is_personal=True),
        count("member_count", "成员人数", "成员数", "人数", unit="人", high=10_000),
        count("member_over_60_count", "60岁以上成员", "60岁以上人数", "60岁以上", unit="人",
              high=10_000),
        count("member_under_40_count", "40岁以下成员", "40岁以下人数", "40岁以下", unit="人",
              high=10_000),
        day("last_activity_on", "最近活动时间", "最近活动日期", "最近一次活动"),
        Column("reach_m", float, "服务半径", ("服务范围",), unit="米", low=0, high=20_000),
        Column("address", str, "活动地址", ("地址", "办公地址", "服务点地址")),
        *PLACE,
        NOTE,
    ),
)  # fmt: skip

COVERAGE = Table(
    "coverage",
    "组织覆盖",
    aliases=("覆盖情况", "组织覆盖情况", "服务覆盖"),
    key=("coverage_id",),
    identity=("compound_id", "kind", "organization_id"),
    columns=(
        Column("coverage_id", str, "覆盖编号"),
        compound(required=True),
        Column("kind", str, "组织类型", ("类型", "组织类别"), values=KINDS, required=True,
               example="物业"),
        Column("organization_id", str, "组织名称", ("组织", "名称", "覆盖组织", "单位名称"),
               refers_to="organizations"),
        Column("state", str, "覆盖状态", ("状态", "运行状态", "覆盖情况"), values=STATES,
               required=True, example="正常"),
        count("household_count", "覆盖户数", "服务户数", "户数", unit="户", high=20_000),
        day("since_on", "进驻时间", "开始时间", "开始日期"),
        day("term_ends_on", "到期时间", "合同到期", "任期届满"),
        day("last_response_on", "最近响应时间", "最近回应", "最近一次响应"),
        NOTE,
    ),
)  # fmt: skip

CORE_RESIDENTS = Table(
    "core_residents",
    "居民骨干",
    aliases=("骨干", "骨干名单", "居民骨干名单", "骨干台账"),
    key=("core_resident_id",),
    identity=("compound_id", "role", "age_band", "since_on"),
    keeps_repeats=True,
    columns=(
        Column("core_resident_id", str, "骨干编号", ("编号",), example="G001"),
        compound(required=True),
        Column("role", str, "角色", ("职务", "身份", "骨干类型", "承担角色"), required=True,
               example="楼栋长"),
        Column("age_band", str, "年龄段", ("年龄", "年龄层"), values=AGE_BANDS),
        flag("is_party_member", "是否党员", "党员"),
        Column("organization_id", str, "所属组织", ("所在组织", "组织"),
               refers_to="organizations"),
        Column("skill", str, "特长", ("专长", "技能")),
        day("since_on", "任职时间", "担任时间", "开始时间"),
        flag("is_active", "是否在任", "在任"),
        Column("resident_name", str, "姓名", ("骨干姓名",), is_personal=True),
        Column("resident_phone", str, "联系电话", ("电话", "手机"), is_personal=True),
        NOTE,
    ),
)  # fmt: skip

ACTIVITIES = Table(
    "activities",
    "活动记录",
    aliases=("活动", "活动台账", "活动登记"),
    key=("activity_id",),
    identity=("held_on", "name", "compound_id"),
    columns=(
        Column("activity_id", str, "活动编号", ("编号",)),
        Column("name", str, "活动名称", ("名称", "活动主题", "主题"), required=True, is_name=True, example="挖藕节"),
        day("held_on", "活动日期", "活动时间", "日期", "时间", "举办时间"),
        Column("kind", str, "活动类别", ("类别", "活动类型", "类型"), values=ACTIVITY_KINDS),
        compound(),
        Column("organization_id", str, "主办组织", ("主办单位", "主办", "组织者", "组织单位"),
               refers_to="organizations"),
        Column("partners", str, "协办单位", ("协办", "合作单位", "参与单位")),
        count("participant_count", "参与人数", "参加人数", "人数", "参与人次", unit="人",
              high=20_000),
        count("over_60_count", "60岁以上人数", "60岁以上", unit="人", high=20_000),
        count("under_40_count", "40岁以下人数", "40岁以下", unit="人", high=20_000),
        Column("place", str, "活动地点", ("地点", "场地")),
        NOTE,
    ),
)  # fmt: skip

"""Places: the register of compounds, their buildings, and who lives there."""

from etl.table import Column, Reconcile, Table, Value
from etl.tables.common import NOTE, PLACE, compound, count, day, flag

TYPES = (
    Value("商品房", aliases=("商品房小区", "商品住宅", "商品房住宅小区", "商业小区")),
    Value("安置", aliases=("安置小区", "安置房", "拆迁安置", "安置房小区", "拆迁安置小区")),
    Value("规地自建", aliases=("规地自建房", "规划自建", "自建房", "规地自建小区")),
    Value("老旧", aliases=("老旧院落", "老旧小区", "老院落", "老旧居民小区")),
    Value("其他"),
)
GROUPS = (
    Value("本地居民", aliases=("本地人", "原住居民", "原村民", "本地户籍居民")),
    Value("市内迁入", aliases=("市内其他区域居民", "本市其他区迁入", "市内迁入居民")),
    Value("外地购房", aliases=("外来购房业主", "外地购房业主", "外来购房居民")),
    Value("租住居民", aliases=("租户", "租房户", "租客", "租住人员", "流动租住人口")),
)

COMPOUNDS = Table(
    "compounds",
    "小区台账",
    aliases=("小区", "院落台账", "小区基本情况", "小区（院落）基本情况"),
    key=("compound_id",),
    identity=("name",),
    columns=(
        Column("compound_id", str, "小区编号", ("编号", "小区代码", "院落编号"), example="T01"),
        Column(
            "name",
            str,
            "小区名称",
            ("小区", "院落名称", "小区名", "名称", "小区（院落）名称", "plot_name"),
            required=True,
            is_name=True,
            example="翠屏家园",
        ),
        Column("old_name", str, "曾用名", ("原名", "别名", "俗称", "又名"), is_name=True),
        Column(
            "type",
            str,
            "小区类型",
            ("类型", "住房类型", "性质", "小区性质"),
            values=TYPES,
            required=True,
            example="商品房",
        ),
        Column(
            "household_count",
            int,
            "总户数",
            ("户数", "居民户数", "住户数", "总户数(户)"),
            unit="户",
            low=0,
            high=20_000,
            required=True,
            example=1200,
        ),
        count("resident_count", "常住人口", "总人数", "居民人数", "人口数", "人数", "人口", unit="人"),
        count("rented_household_count", "出租户数", "租户数", unit="户", high=20_000),
        count("elderly_count", "60岁以上人数", "老年人数", "60岁以上老人", unit="人"),
        count("building_count", "楼栋数", "栋数", "楼栋总数", unit="栋", high=500),
        count("parking_space_count", "车位数", "停车位", "停车位数", unit="个", high=50_000),
        Column("built_year", int, "建成年份", ("建造年代", "建成年代", "竣工年份", "建成时间"),
               unit="年", low=1900, high=2100, example=1996),
        Column("land_area_m2", float, "占地面积", ("用地面积", "小区面积"), unit="平方米", low=0,
               high=5_000_000),
        Column("floor_area_m2", float, "建筑面积", ("总建筑面积", "专有部分面积"), unit="平方米",
               low=0, high=10_000_000),
        Column("property_fee", float, "物业费", ("物管费", "物业费标准"), unit="元/平方米·月", low=0,
               high=100),
        Column("property_company", str, "物业公司", ("物业服务企业", "物业管理单位", "物管")),
        Column("grid", str, "网格", ("所属网格", "网格编号", "网格号")),
        Column("community", str, "所属社区", ("社区", "社区名称", "村（社区）", "村社区")),
        Column("street", str, "所属街道", ("街道", "街道名称", "镇街", "镇（街道）", "乡镇街道")),
        Column("district", str, "区县", ("行政区", "所属区", "区")),
        Column("address", str, "地址", ("小区地址", "坐落", "详细地址", "位置")),
        *PLACE,
        NOTE,
    ),
)  # fmt: skip

BUILDINGS = Table(
    "buildings",
    "楼栋",
    aliases=("楼栋台账", "楼栋信息", "楼栋明细"),
    key=("building_id",),
    identity=("compound_id", "building_no"),
    reconcile=(Reconcile("household_count", against="household_count"),),
    columns=(
        Column("building_id", str, "楼栋编号", ("楼栋代码",)),
        compound(required=True),
        Column("building_no", str, "楼栋号", ("栋号", "楼栋", "楼号", "幢号", "栋"), required=True,
               canonical="building", example="3栋"),
        count("unit_count", "单元数", "单元", unit="个", high=50),
        count("floor_count", "层数", "楼层数", "总层数", unit="层", high=120),
        count("household_count", "户数", "总户数", "住户数", unit="户", high=5_000),
        count("resident_count", "人数", "居住人数", "常住人口", unit="人", high=20_000),
        Column("built_year", int, "建成年份", ("建成年代",), unit="年", low=1900, high=2100),
        flag("has_elevator", "有无电梯", "电梯", "是否有电梯"),
        Column("building_leader", str, "楼栋长", ("楼长", "楼栋长姓名"), is_personal=True),
        Column("leader_phone", str, "楼栋长电话", ("联系电话", "电话"), is_personal=True),
        *PLACE,
        NOTE,
    ),
)  # fmt: skip

POPULATION_GROUPS = Table(
    "population_groups",
    "人口构成",
    aliases=("居民构成", "人口", "居民结构"),
    key=("compound_id", "resident_group"),
    reconcile=(
        Reconcile("household_count", against="household_count"),
        Reconcile("resident_count", against="resident_count"),
    ),
    columns=(
        compound(required=True),
        Column(
            "resident_group",
            str,
            "居民类别",
            ("人群", "类别", "居民类型", "人口类别", "居民群体"),
            values=GROUPS,
            required=True,
            example="本地居民",
        ),
        count("household_count", "户数", "总户数", unit="户", high=20_000),
        count("resident_count", "人数", "人口数", "总人数", unit="人"),
        day("as_of_on", "统计日期", "统计时间", "截止日期"),
        NOTE,
    ),
)

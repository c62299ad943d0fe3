"""The residents' survey: trust, norms and networks, one anonymous answer a row."""

from etl.table import Column, Table
from etl.tables.common import AGE_BANDS, NOTE, compound, day
from etl.tables.places import GROUPS


def score(name: str, label: str, *aliases: str) -> Column:
    """A survey item on the five-point scale (1 disagree strongly … 5 agree strongly)."""
    return Column(name, int, label, aliases, unit="分", low=1, high=5)


# The items by what they tell of, in the order in which they are shown.
ITEMS: dict[str, tuple[str, ...]] = {
    "trust": ("trust_neighbors", "trust_community", "trust_property"),
    "norms": ("norm_rules", "norm_participation"),
    "networks": ("network_known", "network_help"),
    "satisfaction": ("satisfaction",),
}

SURVEY = Table(
    "survey",
    "居民问卷",
    aliases=("问卷", "问卷调查", "居民问卷调查"),
    key=("response_id",),
    identity=("compound_id", "surveyed_on", "age_band", "resident_group"),
    keeps_repeats=True,
    fixed=("surveyed_on",),
    numbered_yearly=True,
    columns=(
        Column("response_id", str, "问卷编号", ("编号",), example="W0001"),
        compound(required=True),
        day("surveyed_on", "调查日期", "填写日期", "日期", "填写时间"),
        Column("wave", str, "调查批次", ("批次", "调查轮次", "轮次", "调查年度"), example="2026",
               note="同一次调查写同一个批次；不写的按调查日期的年份算"),
        Column("age_band", str, "年龄段", ("年龄",), values=AGE_BANDS),
        Column("resident_group", str, "居民类别", ("居民类型", "人群"), values=GROUPS),
        score("trust_neighbors", "信任邻居", "邻里信任"),
        score("trust_community", "信任社区", "信任居委会", "社区信任"),
        score("trust_property", "信任物业", "物业信任"),
        score("norm_rules", "遵守公约", "愿意遵守公约", "规范认同"),
        score("norm_participation", "愿意参与议事", "参与意愿"),
        score("network_known", "认识邻居", "邻里熟识", "熟悉程度"),
        score("network_help", "邻里互助", "互相帮助"),
        score("satisfaction", "总体满意度", "满意度"),
        NOTE,
    ),
)  # fmt: skip

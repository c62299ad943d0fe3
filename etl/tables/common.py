"""Columns that several tables share, so that each is spelt once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from etl.table import Column, Value

COMPOUND = Column(
    "compound_id",
    str,
    label="小区",
    aliases=("小区名称", "所属小区", "所在小区", "小区名", "院落", "院落名称", "小区/院落", "涉及小区",
             "服务小区", "小区编号", "小区（院落）"),
    refers_to="compounds",
    example="翠屏家园",
)  # fmt: skip
LON = Column(
    "lon",
    float,
    label="经度",
    aliases=("lng", "longitude", "东经", "X坐标"),
    unit="°",
    low=-180,
    high=180,
)
LAT = Column(
    "lat",
    float,
    label="纬度",
    aliases=("latitude", "北纬", "Y坐标"),
    unit="°",
    low=-90,
    high=90,
)
LONLAT = Column(
    "lonlat",
    str,
    label="经纬度",
    aliases=("坐标", "经度,纬度", "位置坐标"),
    lonlat=True,
    note="一格里写“经度,纬度”时用",
)
PLACE = (LON, LAT, LONLAT)
NOTE = Column("note", str, label="备注", aliases=("说明", "备注说明"), is_free_text=True)
AGE_BANDS = (
    Value("18岁以下", aliases=("未成年", "18以下")),
    Value("18-39岁", aliases=("18-39", "青年", "18~39岁", "40岁以下")),
    Value("40-59岁", aliases=("40-59", "中年", "40~59岁")),
    Value("60岁及以上", aliases=("60岁以上", "60以上", "60+", "老年")),
)
STATES = (
    Value("正常", aliases=("正常运行", "运行正常", "在任", "正常运转", "良好")),
    Value("筹备", aliases=("筹备中", "组建中", "筹建", "换届中")),
    Value("名存实亡", aliases=("瘫痪", "停摆", "名存实亡（停摆）", "不履职")),
    Value("已解散", aliases=("解散", "已撤销", "注销", "已退出")),
    Value("无", aliases=("没有", "未成立", "未组建")),
    Value("不适用", aliases=("不需要", "不涉及")),
    Value("未知", aliases=("不清楚", "不详", "待核实")),
)
PARTIES = (
    Value("社区", aliases=("居委会", "社区居委会", "社区两委", "两委")),
    Value("物业", aliases=("物业公司", "物业服务企业")),
    Value("业委会", aliases=("业主委员会",)),
    Value("自组织", aliases=("居民自组织", "院落自治委员会", "自治委员会", "院委会")),
    Value("社工", aliases=("社工机构", "社会工作者")),
    Value("居民代表", aliases=("居民", "业主代表", "楼栋长")),
    Value("街道部门", aliases=("街道", "街道办", "街道办事处", "职能部门", "城管", "派出所")),
)


def compound(**changes: Any) -> Column:
    """The compound column with some fields replaced."""
    return replace(COMPOUND, **changes)


def count(name: str, label: str, *aliases: str, unit: str = "", high: int = 200_000) -> Column:
    """A column of whole counts from zero."""
    return Column(name, int, label, aliases, unit=unit, low=0, high=high)


def day(name: str, label: str, *aliases: str, example: date | None = None) -> Column:
    """A column of dates."""
    return Column(name, date, label, aliases, example=example)


def flag(name: str, label: str, *aliases: str) -> Column:
    """A column of yes or no."""
    return Column(name, bool, label, aliases)

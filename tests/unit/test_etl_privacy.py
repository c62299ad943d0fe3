"""Personal information in sentences is masked, and what only looks like it is left alone."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.privacy import MASK, mask_text, mask_texts

QUICK = settings(derandomize=True, database=None, deadline=None, max_examples=500)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("身份证510107199001011234", "身份证＊＊＊"),
        ("身份证51010719900101123X，请核", "身份证＊＊＊，请核"),
        ("身份证51010719900101123x", "身份证＊＊＊"),
        ("卡号6222021234567890123", "卡号＊＊＊"),
        ("卡号6222 0212 3456 7890 123", "卡号＊＊＊"),
        ("卡号6222-0212-3456-7890", "卡号＊＊＊"),
        ("打13812345678找他", "打＊＊＊找他"),
        ("138 1234 5678", "＊＊＊"),
        ("138-1234-5678", "＊＊＊"),
        ("+8613812345678", "＊＊＊"),
        ("+86 138 1234 5678", "＊＊＊"),
        ("86-13812345678", "＊＊＊"),
        ("座机028-85551234", "座机＊＊＊"),
        ("座机0838-5551234", "座机＊＊＊"),
        ("川A12345乱停", "＊＊＊乱停"),
        ("川A·12345乱停", "＊＊＊乱停"),
        ("川AD12345乱停", "＊＊＊乱停"),
        ("微信：abc_12345", "微信：＊＊＊"),
        ("微信号是abc12345", "微信号是＊＊＊"),
        ("加QQ12345678", "加QQ＊＊＊"),
        ("WeChat: zhangsan88", "WeChat: ＊＊＊"),
        ("3单元漏水", "＊＊漏水"),
        ("三单元漏水", "＊＊漏水"),
        ("3单元5楼漏水", "＊＊漏水"),
        ("3栋2单元501室漏水", "3栋＊＊漏水"),
        ("2单元501号", "＊＊"),
        ("3栋501漏水", "3栋＊＊漏水"),
        ("3幢1203室", "3幢＊＊"),
        ("A座-1203号", "A座＊＊"),
        ("住501室", "住＊＊"),
        ("联系人：张三，电话忙", "联系人：＊＊，电话忙"),
        ("姓名:欧阳锋", "姓名:＊＊"),
        ("业主叫李四，", "业主叫＊＊，"),
        ("王女士反映", "＊女士反映"),
        ("反映：李大爷摔倒", "反映：＊大爷摔倒"),
        ("张某某来电", "＊某某来电"),
    ],
)
def test_each_kind_is_masked(text: str, masked: str) -> None:
    assert mask_text(text) == (masked, 1)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("１３８１２３４５６７８", "１３８１２３４５６７８"),
        ("电话1３8１２３４５６７８", "３８"),
        ("车牌川A8K6M2挡住通道", "8K6M2"),
        ("车牌川a12345", "12345"),
        ("座机02885551234", "85551234"),
        ("座机（028）85551234", "85551234"),
        ("3栋2-501漏水", "501"),
        ("3-2-501漏水", "501"),
        ("3号楼501漏水", "501"),
        ("业主王女士反映", "王"),
        ("居民李建国，来电", "李建国"),
        ("身份证 510107 19900101 1234", "19900101"),
    ],
)
def test_other_ways_of_writing_are_masked_too(text: str, secret: str) -> None:
    masked, count = mask_text(text)
    assert secret not in masked
    assert count == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "小区门口机动车占用消防通道",
        "建设路120号门口占道经营",
        "人民南路四段1203号",
        "天府大道2888号附近",
        "2025年1月3日上午来电",
        "2025-01-03 09:20:00",
        "20250103",
        "工单GD20250103-001",
        "编号20250103000123",
        "物业费每平方米1.80元，共1200元",
        "维修基金350000元",
        "建筑面积85.5平方米",
        "总建筑面积125000平方米",
        "全小区1200户，3400人",
        "12345热线转来",
        "拨打110、119",
        "3栋电梯故障",
        "共16栋，最高33层",
        "第3次反映，至今15天",
        "车位300个",
        "104.18,30.81",
        "川菜馆油烟扰民",
        "京东快递堆放",
        "师傅说没有配件",
        "联系人未填",
        "请先生们注意",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert mask_text(text) == (text, 0)


@pytest.mark.parametrize(
    "text", ["3栋2024年加装电梯", "5栋120平方米", "2栋120户停水", "3栋300元一户", "1栋800人"]
)
def test_figures_behind_a_building_are_no_doors(text: str) -> None:
    assert mask_text(text) == (text, 0)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("ID510107199003074517", "ID＊＊＊"),
        ("5101071990.0307.4517核实", "＊＊＊核实"),
        ("5 1 0 1 0 7 1 9 9 0 0 3 0 7 4 5 1 7", "＊＊＊"),
        ("51010719900307451 7", "＊＊＊"),
        ("卡9558801234567890128", "卡＊＊＊"),
        ("BOC6222021234567890128", "BOC＊＊＊"),
        ("6222.0212.3456.7890.128", "＊＊＊"),
    ],
)
def test_a_check_digit_gives_away_what_is_written_unusually(text: str, masked: str) -> None:
    assert mask_text(text) == (masked, 1)
    assert mask_texts(pa.array([text, "漏水"])).to_pylist() == [masked, "漏水"]


@pytest.mark.parametrize(
    "text",
    [
        # The same with another last digit, place, date or century, or too many digits.
        "ID510107199003074518", "ID990107199003074516", "ID510107199013074510",
        "ID510107259003074519", "卡9558801234567890123", "卡95588012345678901280",
        "BOC6222021234567890129", "2026-03-01 2026-03-05",
    ],
)  # fmt: skip
def test_a_long_number_without_its_check_digit_is_no_ones(text: str) -> None:
    assert mask_text(text) == (text, 0)


def test_every_piece_is_counted() -> None:
    text = "王女士（13812345678）住3栋2单元501室，车牌川A12345，身份证510107199001011234"
    masked, count = mask_text(text)
    assert masked == "＊女士（＊＊＊）住3栋＊＊，车牌＊＊＊，身份证＊＊＊"
    assert count == 5
    # A telephone number that runs into an identity number.
    assert mask_text("号13812345678510107199003074517") == ("号＊＊＊＊＊＊", 2)


def test_digits_of_a_longer_number_are_no_telephone() -> None:
    # The digits 13812345678 stand in both, and are no telephone number there.
    assert mask_text("编号2013812345678") == ("编号2013812345678", 0)
    assert mask_text("AB13812345678901") == ("AB13812345678901", 0)


PIECES = st.sampled_from(
    ["13812345678", "028-85551234", "510107199001011234", "川A12345", "川A8K6M2", "3单元", "501室",
     "3栋", "501", "2-501", "号", "室", "楼", "王女士", "李", "先生", "姓名：", "张三", "联系人", "业主叫",
     "微信", "QQ", "abc12345", "：", "，", " ", "-", "2025年1月3日", "建设路120号", "1200元", "漏水",
     "6222021234567890", "510107199003074517", "9558801234567890128", "ID", ".", "86", "+", "(", "）", "1", "38", "＊"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
@QUICK
def test_masking_again_changes_nothing(text: str) -> None:
    masked, count = mask_text(text)
    assert mask_text(masked) == (masked, 0)
    assert (count == 0) == (masked == text)


@given(st.text(max_size=60))
@QUICK
def test_any_text_is_masked_without_growing(text: str) -> None:
    masked, count = mask_text(text)
    assert len(masked) <= len(text)
    assert (count == 0) == (masked == text)


@given(
    st.text("门口停车很乱，请处理。", max_size=10),
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.text("门口停车很乱，请处理。", max_size=10),
)
@QUICK
def test_a_telephone_number_is_found_wherever_it_stands(
    before: str, number: str, after: str
) -> None:
    masked, count = mask_text(f"{before}{number}{after}")
    assert masked == f"{before}{MASK * 3}{after}"
    assert count == 1


@given(
    st.sampled_from("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"),
    st.from_regex(r"[A-Z][A-HJ-NP-Z0-9]{5}", fullmatch=True),
)
@QUICK
def test_a_plate_is_found_whatever_its_letters(province: str, rest: str) -> None:
    assert mask_text(f"车牌{province}{rest}停") == (f"车牌{MASK * 3}停", 1)

"""Personal information in free text: found and masked before anything is stored, logged or shown."""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "＊"

# Longest first: an id number holds digits that would pass for a telephone number.
_PATTERNS: tuple[tuple[str, re.Pattern[str], str], ...] = (
    (
        "身份证号",
        re.compile(r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[\dXx](?![0-9A-Za-z])"),
        MASK * 3,
    ),
    ("银行卡号", re.compile(r"(?<![0-9A-Za-z])[3-6]\d{3}(?:[ -]?\d{4}){2,3}[ -]?\d{1,4}(?!\d)"), MASK * 3),
    (
        "手机号",
        re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)"),
        MASK * 3,
    ),
    ("座机号", re.compile(r"(?<!\d)0\d{2,3}[- ]\d{7,8}(?!\d)"), MASK * 3),
    (
        "车牌号",
        re.compile(
            r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]"
            r"[·\s]?[A-HJ-NP-Z0-9]{5,6}(?![A-Za-z0-9])"
        ),
        MASK * 3,
    ),
    (
        "微信号",
        re.compile(r"((?:微信号?|QQ号?|wechat)\s*(?:[:：是为]\s*)?)[A-Za-z0-9][-_A-Za-z0-9]{4,19}", re.I),
        r"\g<1>" + MASK * 3,
    ),
    (
        "单元号",
        re.compile(
            r"[0-9一二三四五六七八九十]{1,3}\s*单元(?:\s*[0-9]{1,2}\s*[楼层])?"
            r"(?:\s*[0-9]{1,4}(?:\s*[号室户])?)?"
        ),
        MASK * 2,
    ),
    # A street number is no one's door: only rooms, and numbers right behind a building.
    ("门牌号", re.compile(r"(?<=[栋幢座])\s*-?\d{3,4}(?:\s*[号室户])?(?!\d)"), MASK * 2),
    ("门牌号", re.compile(r"(?<!\d)\d{3,4}\s*室"), MASK * 2),
    (
        "姓名",
        re.compile(
            r"((?:联系人|姓名|诉求人|投诉人|反映人|来电人|业主|居民|租户|住户)(?:[:：]\s*|叫))"
            r"[\u4e00-\u9fa5]{2,3}(?=[，,。；;、\s（(]|电话|$)"
        ),
        r"\g<1>" + MASK * 2,
    ),
    (
        "姓名",
        re.compile(
            r"(?<![\u4e00-\u9fa5])[王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋"
            r"余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾"
            r"龚邵万覃武钱戴严莫孔向常][\u4e00-\u9fa5]{0,2}(先生|女士|阿姨|大爷|师傅|某某)"
        ),
        MASK + r"\g<1>",
    ),
)  # fmt: skip
_HINT = re.compile(r"\d{3}|单元|[:：叫]|先生|女士|阿姨|大爷|师傅|某某|微信|QQ|wechat", re.I)


@lru_cache(maxsize=200_000)
def mask_text(text: str) -> tuple[str, int]:
    """The text with personal information masked, and how many pieces were.

    Covers id, bank card, mobile and fixed numbers, plates, WeChat and QQ ids, unit and door
    numbers, and names that are introduced as such.
    """
    if not _HINT.search(text):
        return text, 0
    count = 0
    for _kind, pattern, mask in _PATTERNS:
        text, found = pattern.subn(mask, text)
        count += found
    return text, count

"""Personal information in free text: found and masked before anything is stored, logged or shown."""

from __future__ import annotations

import re
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc
from stdnum import luhn, numdb
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from etl.sheet import judge_texts

MASK = "＊"

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭"
    "陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
)
_ROLES = "联系人|姓名|诉求人|投诉人|反映人|来电人|业主|居民|租户|住户"
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
# A number behind a building is no door when it counts something or is a year.
_NO_DOOR = r"(?!\d|\s*(?:年|平|户|元|人|米|名|个|万|m|㎡|号楼|栋))"

# Longest first: an id number holds digits that would pass for a telephone number.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), mask)
    for pattern, mask in (
        # identity card
        (
            r"(?<![0-9a-z])[1-9]\d{5}[ -]?(?:19|20)\d{2}[01]\d[0-3]\d[ -]?\d{3}[\dx](?![0-9a-z])",
            MASK * 3,
        ),
        # bank card
        (r"(?<![0-9a-z])[3-6]\d{3}(?:[ -]?\d{4}){2,3}[ -]?\d{1,4}(?!\d)", MASK * 3),
        # mobile and fixed telephone
        (r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)", MASK * 3),
        (r"(?<!\d)(?:[（(]0\d{2,3}[）)]\s*|0\d{2,3}[- ]?)\d{7,8}(?!\d)", MASK * 3),
        # number plate
        (rf"[{_PROVINCES}][a-z][·\s]?[a-z0-9]{{5,6}}(?![a-z0-9])", MASK * 3),
        # WeChat and QQ
        (
            r"((?:微信号?|qq号?|wechat)\s*(?:[:：是为]\s*)?)[a-z0-9][-_a-z0-9]{4,19}",
            r"\g<1>" + MASK * 3,
        ),
        # units and doors; a street number is no one's door
        (
            r"[0-9一二三四五六七八九十]{1,3}\s*单元(?:\s*[0-9]{1,2}\s*[楼层])?"
            rf"(?:\s*-?\s*[0-9]{{1,4}}(?:\s*[号室户])?{_NO_DOOR})?",
            MASK * 2,
        ),
        (
            rf"(?:(?<=[栋幢座])|(?<=号楼))\s*(?:\d{{1,2}}\s*-\s*)?-?\d{{3,4}}(?:\s*[号室])?{_NO_DOOR}",
            MASK * 2,
        ),
        (rf"(?<![\d-])\d{{1,3}}-\d{{1,2}}-(?!(?:19|20)\d\d)\d{{3,4}}(?![\d-]){_NO_DOOR}", MASK * 2),
        (r"(?<!\d)\d{3,4}\s*室", MASK * 2),
        # names that are introduced as such
        (
            rf"((?:{_ROLES})(?:[:：]\s*|叫))[\u4e00-\u9fa5]{{2,3}}(?=[，,。；;、\s（(]|电话|$)",
            r"\g<1>" + MASK * 2,
        ),
        (
            rf"((?:{_ROLES})\s*)[{_SURNAMES}][\u4e00-\u9fa5]{{1,2}}"
            r"(?=[，,、\s]*(?:来电|反映|投诉|电话|要求))",
            r"\g<1>" + MASK * 2,
        ),
        (
            rf"(?:(?<![\u4e00-\u9fa5])|(?<=业主)|(?<=居民)|(?<=租户)|(?<=住户)|(?<=邻居))"
            rf"[{_SURNAMES}][\u4e00-\u9fa5]{{0,2}}(先生|女士|阿姨|大爷|师傅|某某)",
            MASK + r"\g<1>",
        ),
    )
)
# What only a check digit tells from other long numbers: those written in an unusual way, run into
# other letters or digits, or of a bank whose cards begin otherwise. Above, no check digit is asked
# for: a number with a slip of the pen is still somebody's.
_GAP = r"[ .·_/-]?"
_LOOSE_ID = re.compile(rf"(?=([1-9](?:{_GAP}[0-9]){{16}}{_GAP}[0-9Xx]))")
_LOOSE_CARD = re.compile(rf"(?<![0-9])(?=([3-69](?:{_GAP}[0-9]){{15,18}}(?![0-9])))")
_MANY_DIGITS = re.compile(rf"[0-9](?:{_GAP}[0-9]){{15}}")
# The last ones find names by the words around them; where a name is part of what is named they are
# left out. One that is introduced by 联系人： or the like is nobody's place or organization.
_NAME_PATTERNS = 2
_HINT = re.compile(
    r"\d{3}|\d(?:[ .·_/-]\d){15}|"
    rf"单元|[:：叫]|先生|女士|阿姨|大爷|师傅|某某|微信|QQ|wechat|{_ROLES}|[{_PROVINCES}][a-z]",
    re.I,
)
# Whatever a pattern finds holds one of these. It is said for the engine that Arrow brings (RE2),
# which reads a whole column at once but cannot look around.
_SPACE = r"[\s\p{Z}\x1c-\x1f\x{85}]*"
_SUSPECT = "(?i)" + "|".join(
    (
        r"[1-9]\p{Nd}{5}[ -]?(?:19|20)\p{Nd}{2}[01]\p{Nd}[0-3]\p{Nd}",
        r"[3-6]\p{Nd}{3}(?:[ -]?\p{Nd}{4}){2}[ -]?\p{Nd}",
        r"1[3-9]\p{Nd}[- ]?\p{Nd}{4}[- ]?\p{Nd}{4}",
        rf"0\p{{Nd}}{{2,3}}(?:[）)]{_SPACE}|[- ]?)\p{{Nd}}{{7}}",
        r"\p{Nd}(?:[ .·_/-]?\p{Nd}){15}",
        rf"[{_PROVINCES}][a-z](?:·|{_SPACE})[a-z0-9]{{5}}",
        r"微信|qq|wechat|单元",
        rf"(?:[栋幢座]|号楼){_SPACE}[-\p{{Nd}}]",
        r"\p{Nd}-\p{Nd}{1,2}-\p{Nd}{3}",
        rf"\p{{Nd}}{{3}}{_SPACE}室",
        rf"(?:{_ROLES})(?:[:：叫]|{_SPACE}[{_SURNAMES}])",
        r"先生|女士|阿姨|大爷|师傅|某某",
        r"[０-９]",
    )
)
_HALF_WIDTH = str.maketrans("０１２３４５６７８９", "0123456789")


@lru_cache(maxsize=200_000)
def mask_text(text: str, *, keeps_names: bool = False) -> tuple[str, int]:
    """The text with personal information masked, and how many pieces were.

    Covers id, bank card, mobile and fixed numbers, plates, WeChat and QQ ids, unit and door
    numbers, and names that are introduced as such (unless `keeps_names`: an organization may be
    named after a person).
    """
    text = text.translate(_HALF_WIDTH)
    if not _HINT.search(text):
        return text, 0
    patterns = _PATTERNS[:-_NAME_PATTERNS] if keeps_names else _PATTERNS
    count, found = 0, 1
    while found:
        # Masking one piece may lay another bare that was hidden behind its digits.
        text, found = _mask_checked(text)
        for pattern, mask in patterns:
            text, times = pattern.subn(mask, text)
            found += times
        count += found
    return text, count


def _mask_checked(text: str) -> tuple[str, int]:
    """The text without the numbers that only their check digit gives away, and how many they were."""
    if not _MANY_DIGITS.search(text):
        return text, 0
    parts, end = [], 0
    spans = [m.span(1) for m in _LOOSE_ID.finditer(text) if _is_id(_keep_digits(m[1]))]
    spans += [m.span(1) for m in _LOOSE_CARD.finditer(text) if luhn.is_valid(_keep_digits(m[1]))]
    found = 0
    for start, stop in sorted(spans):
        if start >= end:
            parts += [text[end:start], MASK * 3]
            found += 1
        end = max(end, stop)
    return "".join([*parts, text[end:]]), found


def _keep_digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum())


def _is_id(number: str) -> bool:
    """Whether it is an identity number: place, date of birth in these two centuries, check digit.

    Not `ric.validate`: it wants the place to have had that number when the person was born, and
    numbers were given out decades later.
    """
    try:
        ric.get_birth_date(number)
    except ValidationError:
        return False
    is_place = any("county" in told for _, told in numdb.get("cn/loc").info(number[:6]))
    is_whole = ric.calc_check_digit(number) == number[-1].upper()
    return number[6:8] in ("19", "20") and is_place and is_whole


def is_suspect(texts: pa.Array) -> pa.Array:
    """Which texts of a column may hold personal information: bool, false where `mask_text` is idle.

    It errs on the side of suspicion; the texts it names go through `mask_text` one by one.
    """
    return judge_texts(texts, lambda part: pc.match_substring_regex(part, _SUSPECT))


def mask_texts(texts: pa.Array) -> pa.Array:
    """`mask_text` over a column of texts."""
    if not pc.any(is_suspect(texts)).as_py():
        return texts
    encoded = texts.dictionary_encode()
    suspect = is_suspect(encoded.dictionary).to_pylist()
    masked = [
        mask_text(text)[0] if doubtful else text
        for text, doubtful in zip(encoded.dictionary.to_pylist(), suspect, strict=True)
    ]
    return pa.array(masked, pa.string()).take(encoded.indices)

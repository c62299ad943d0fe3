"""Written names to ids: things of one table by id, name, spelling, sound or likeness; no guesses.

The ways were chosen by what they did to 3,600 real names of Chengdu (see `CERTAINTY`). What fits
several things equally well is a `Tie`, for a person to settle.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from etl.cells import fold
from etl.table import Value

FOUND_BY = (
    Value("id", "编号"),
    Value("name", "名称"),
    Value("old_name", "原名"),
    Value("alias", "别名"),
    Value("short", "简称"),
    Value("spelling", "写法变体"),
    Value("homophone", "同音字"),
    Value("similar", "近似"),
)
# From 0 to 1, to rank the ways and to draw a line below which a person looks at what was found;
# an order, not a probability. Of the real names with one character changed that were found by
# sound 2,809 of 2,811 were right, by likeness 623 of 624; of 1,440 names kept out of a register of
# 2,880, ten were taken for one in it by sound, three by likeness, some of them rightly.
CERTAINTY: Mapping[str, float] = {
    "id": 1.0,
    "name": 1.0,
    "alias": 1.0,
    "old_name": 0.98,
    "spelling": 0.95,
    "short": 0.9,
    "homophone": 0.85,
    "similar": 0.7,
}
# A name somewhere in a sentence may be said of the place next door.
IN_A_SENTENCE = 0.95
INEXACT = frozenset({"homophone", "similar"})

_NUMERALS = "零〇一二两三四五六七八九十百壹贰叁肆伍陆柒捌玖拾"
_HAN = r"[\u3400-\u9fff]"
_BRACKETED = re.compile(r"[（(\[【](.*?)[）)\]】]")
_PHASE = re.compile(
    r"[0-9a-z一二三四五六七八九十]\s*(?:期|区|组团|院|栋|苑)|[东南西北中]区|新区|老区", re.I
)
_NUMERAL = re.compile(
    rf"(?<![\d千万{_NUMERALS}])[{_NUMERALS}]+(?=期|号|栋|幢|座|#|组团|区|组|单元|院|段|巷|环|街|路|弄)"
)
_ORDINAL = re.compile(r"第(?=\d)")
_ROMAN = re.compile(r"(?<![a-z\d])(i{1,3}|iv|v|vi{0,3})(?=期)")
_ROMAN_NUMBERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8}
_MARKS_OF_WRITING = re.compile(r"[·•・,，、。'\"“”‘’_]|(?<!\d)[.\-—~]|[.\-—~](?!\d)")
# What a name may go without, or be given, and still be the same one.
_SUFFIXES = ("小区", "院落", "社区", "住宅区")
# What tells compounds apart, and is still left off in speech where the rest is long enough.
_KINDS = (
    "花园", "家园", "花苑", "公寓", "宿舍", "大院", "庭院", "新居", "新村", "新城", "广场", "大厦",
    "别墅", "公馆", "名苑", "嘉苑", "佳苑", "雅苑", "新苑", "小苑", "苑", "园", "院",
)  # fmt: skip
SHORTEST_SHORT = 3
# Below this many characters, besides a word for its kind, one changed makes another name.
SHORTEST_SOUND, SHORTEST_LIKE, SHORTEST_FAR = 3, 5, 8
# From 0 to 100: what is less alike is not worth asking about.
LEAST_LOOK, LEAST_SOUND = 50.0, 85.0
_KIND_WORDS = re.compile("|".join((*_KINDS[:-3], *_SUFFIXES)))
_PARTS_OF_A_PREFIX = tuple(
    re.compile(part)
    for part in (
        rf"{_HAN}{{2,3}}省",
        rf"{_HAN}{{2,4}}?(?:(?<=成都)|(?<![城超夜门都]))市(?![场民政])",
        rf"{_HAN}{{1,6}}?(?<![小园社院城校厂景片宅活属东南西北中])[区县]",
        rf"{_HAN}{{2,5}}?街道(?:办事处)?",
        rf"{_HAN}{{2,3}}?[镇乡]",
        rf"{_HAN}{{2,6}}?社区",
    )
)
# Words and signs that make two names of one sound or shape two places all the same.
_TELLING = re.compile(rf"\d+|[a-z]+|[{_NUMERALS}]+|[东南西北中上下前后左右内外新老旧大小甲乙丙丁]")
_NUMBERED = re.compile(r"(?:\d+|[a-z])(?:期|区|组团|号|院)*")
_STREET = re.compile(r"[路街巷道段]\d")
_STEM = re.compile(r"^(.{2,}?)(?:\d{1,3}|[a-z]|[东南西北中])(期|区|组团|院|号院)$")
_PHASE_AFTER = re.compile(r"(?:\d{1,2}|[a-z])(期|区|组团)")
# A name that is only a word for its kind is looked for where something else ends before it.
_BEFORE_A_KIND = frozenset("路街巷道段号区县镇乡村市在到、，,。；;:：()\n")
_BUILDING = re.compile(r"^第?([a-z]?\d{1,4}|[a-z])(?:(?:栋|幢|号楼|座|#|楼)(?!\d*[路街])|号?$)")


@dataclass(frozen=True, slots=True)
class Found:
    """The one thing that is meant: its id, a code of `FOUND_BY`, and 0 to 1 (`CERTAINTY`)."""

    identifier: str
    how: str
    certainty: float


@dataclass(frozen=True, slots=True)
class Tie:
    """Several things that may equally be meant: their ids, sorted."""

    identifiers: tuple[str, ...]


@lru_cache(maxsize=100_000)
def fold_name(text: str) -> str:
    """A place's name with equal spellings made equal: 一期 and 1期, full and half width."""
    folded = _NUMERAL.sub(lambda match: _arabic(match[0]), fold(text))
    return _ROMAN.sub(lambda match: str(_ROMAN_NUMBERS[match[1]]), folded)


def _arabic(chinese: str) -> str:
    import cn2an

    try:
        return str(int(cn2an.cn2an(chinese.replace("〇", "零"), "smart")))
    except ValueError:
        return chinese


@lru_cache(maxsize=100_000)
def canonical_building(text: str) -> str:
    """A building number as '3栋', whichever way it was written; other texts are left alone.

    Units and doors behind the number are cut off: they are somebody's, and not the building's.
    """
    folded = fold_name(text if re.search(r"[栋幢楼座号#＃]", text) else f"{text}栋")
    match = _BUILDING.match(folded)
    if match is None:
        return text.strip()
    number = match[1].upper()
    return f"{number.lstrip('0') or '0'}栋"


@dataclass(frozen=True, slots=True)
class _Form:
    """A written name taken apart.

    `written` is as it came, `key` the whole of it folded; `full` goes without `remark` (what is in
    brackets, phases aside) and marks of writing, `bare` without a word like 小区 as well; `telling`
    are the numbers, letters and directions in it.
    """

    written: str
    key: str
    full: str
    remark: str
    bare: str
    telling: tuple[str, ...]


@lru_cache(maxsize=20_000)
def _take_apart(name: str) -> _Form:
    key, remarks = fold_name(name), []

    def drop(match: re.Match[str]) -> str:
        if _PHASE.search(match[1]):
            return match[1]
        remarks.append(fold_name(match[1]))
        return ""

    full = _ORDINAL.sub("", _MARKS_OF_WRITING.sub("", fold_name(_BRACKETED.sub(drop, name)))) or key
    bare = (_without_suffix(full) or [full])[0]
    return _Form(name.strip(), key, full, "".join(remarks), bare, tuple(_TELLING.findall(bare)))


def _without_suffix(full: str) -> list[str]:
    """A name without the word for what it is: 翠屏小区 is also 翠屏."""
    return [
        full.removesuffix(suffix)
        for suffix in _SUFFIXES
        if full.endswith(suffix) and len(full) - len(suffix) >= 2
    ]


def _without_kind(full: str) -> str | None:
    """A name as speech shortens it: 望江橡树花园 is also 望江橡树."""
    for kind in _KINDS:
        if full.endswith(kind):
            rest = full.removesuffix(kind)
            return rest if len(rest) >= 2 else None
    return None


def _tails(full: str) -> Iterator[str]:
    """A name without the province, city, district, street office and community before it."""
    for part in _PARTS_OF_A_PREFIX:
        match = part.match(full)
        if match is not None and _is_telling(full[match.end() :]):
            full = full[match.end() :]
            yield full


def _is_telling(full: str) -> bool:
    """Whether a name says more than a kind and a number, as 花园小区 and 5号院 do not."""
    rest = re.sub(r"\d+号?", "", _KIND_WORDS.sub("", full))
    return len(full) >= 3 and len(rest.rstrip("苑园院")) >= 2


@lru_cache(maxsize=20_000)
def _sounds(bare: str) -> tuple[str, ...]:
    """How a name may be read aloud, without tones: character by character, and as words."""
    # Takes a tenth of a second to import, and most sheets spell every name as the register does.
    from pypinyin import Style, lazy_pinyin

    single = (lazy_pinyin(c, style=Style.NORMAL)[0] for c in bare)
    return tuple(dict.fromkeys((" ".join(single), " ".join(lazy_pinyin(bare)))))


_Known = tuple[_Form, str]


class _Likenesses:
    """The bare names by their sounds, and by what must be equal before likeness counts."""

    def __init__(self, forms: Iterable[_Known]) -> None:
        self.known = list(forms)
        self.by_sound: dict[tuple[object, str], set[_Known]] = defaultdict(set)
        self.by_telling: dict[tuple[object, ...], dict[str, set[_Known]]] = {}
        for form, identifier in self.known:
            for sound in _sounds(form.bare):
                self.by_sound[form.telling, sound].add((form, identifier))
            alike = self.by_telling.setdefault(_what_must_agree(form), {})
            alike.setdefault(form.bare, set()).add((form, identifier))
        self._looks = [form.full for form, _ in self.known]
        self._sounds = [_sounds(form.bare)[0] for form, _ in self.known]

    def rank(self, form: _Form) -> list[tuple[float, str, str]]:
        """The known names by their nearness to one, nearest first: score, name and id."""
        scores: dict[int, float] = {}
        for looked_for, among, least in (
            (form.full, self._looks, LEAST_LOOK),
            (_sounds(form.bare)[0], self._sounds, LEAST_SOUND),
        ):
            near = process.extract(
                looked_for, among, scorer=fuzz.ratio, score_cutoff=least, limit=None
            )
            for _, score, at in near:
                scores[at] = max(score, scores.get(at, 0.0))
        named = [
            (score, self.known[at][0].written, self.known[at][1]) for at, score in scores.items()
        ]
        return sorted(named, key=lambda near: (-near[0], near[1], near[2]))


def _may_agree(one: _Form, other: _Form) -> bool:
    """Whether the remarks of two names do not contradict each other."""
    return not one.remark or not other.remark or one.remark == other.remark


def _what_must_agree(form: _Form) -> tuple[object, ...]:
    """What must be equal before likeness counts; the last character mostly tells the kind."""
    return form.telling, tuple(_KIND_WORDS.findall(form.bare)), form.bare[-1:]


class _Parts:
    """What names are made of, and which things bear a name with such a part."""

    def __init__(self) -> None:
        self.forms: dict[_Known, None] = {}
        self.full: dict[str, dict[str, str]] = {}
        self.remarks: dict[tuple[str, str], set[str]] = {}
        self.short: dict[str, set[str]] = {}
        self.shorter: dict[str, set[str]] = {}
        self.tails: dict[str, set[str]] = {}
        self.stems: dict[str, set[str]] = {}
        self.phases: set[tuple[str, str]] = set()

    def learn(self, identifier: str, name: str, how: str) -> None:
        """Take one name of a thing apart."""
        form = _take_apart(name)
        self.forms[form, identifier] = None
        self.full.setdefault(form.full, {}).setdefault(identifier, how)
        self.remarks.setdefault((form.full, identifier), set()).add(form.remark)
        for short in _without_suffix(form.full):
            self.short.setdefault(short, set()).add(identifier)
        if (shorter := _without_kind(form.full)) is not None:
            self.shorter.setdefault(shorter, set()).add(identifier)
        for tail in _tails(form.full):
            self.tails.setdefault(tail, set()).add(identifier)
        if (stem := _STEM.match(form.full)) is not None:
            self.stems.setdefault(stem[1], set()).add(identifier)
            self.phases.add((stem[1], stem[2]))


class Names:
    """The names by which things of one table are known, and the ids they stand for.

    Parameters
    ----------
    remembered
        What a person or the profile has said before: written name to name or id, or to '' where
        the word names no single place. It outweighs what is known otherwise.
    """

    def __init__(self, remembered: Mapping[str, str] | None = None) -> None:
        self._remembered = {fold_name(k): to for k, to in (remembered or {}).items()}
        self._ids: dict[str, set[str]] = {}
        self._numbers: dict[int, set[str]] = {}
        self._labels: dict[str, str] = {}
        self._written: set[tuple[str, str]] = set()
        self._exact: dict[str, dict[str, str]] = {}
        self._whole: list[tuple[str, str, str]] = []
        self._taken_apart = _Parts()
        self._likenesses: _Likenesses | None = None
        self._starts: dict[str, list[str]] | None = None

    # -- what is known ------------------------------------------------------------------------

    def add(
        self,
        identifier: str,
        names: Iterable[str | None],
        old_names: Iterable[str | None] = (),
        aliases: Iterable[str | None] = (),
    ) -> None:
        """Make a thing known by its id, its names, those it had before, and other ones."""
        for spelling in (identifier, fold_name(identifier)):
            self._ids.setdefault(spelling, set()).add(identifier)
        if identifier.isascii() and identifier.isdigit():
            self._numbers.setdefault(int(identifier), set()).add(identifier)
        for how, said in (("name", names), ("old_name", old_names), ("alias", aliases)):
            for name in said:
                if name and fold_name(name):
                    self._learn(identifier, name, how)
        self._likenesses = self._starts = None

    def _learn(self, identifier: str, name: str, how: str) -> None:
        self._labels.setdefault(identifier, name)
        self._written.add((name.strip(), identifier))
        self._exact.setdefault(fold_name(name), {}).setdefault(identifier, how)
        self._whole.append((identifier, name, how))

    @property
    def _parts(self) -> _Parts:
        """What all the names are made of; looked at only for a name that nobody bears as it is."""
        for known in self._whole:
            self._taken_apart.learn(*known)
        self._whole.clear()
        return self._taken_apart

    def knows_same(self, other: Names) -> bool:
        """Whether the same things are known by the same names, so that all is found alike."""
        known = ("_remembered", "_ids", "_labels", "_written", "_exact")
        return all(getattr(self, part) == getattr(other, part) for part in known)

    def remember(self, written: str, to: str) -> None:
        """Keep what a person said of a word: the name or id it means, '' for no single place."""
        self._remembered[fold_name(written)] = to
        self._starts = None

    def identifiers(self) -> list[str]:
        """The ids of all that is known, by their names."""
        return sorted(self._labels, key=lambda identifier: (self._labels[identifier], identifier))

    def name_of(self, identifier: str) -> str:
        """The first name that a thing was given, or its id."""
        return self._labels.get(identifier, identifier)

    # -- one name -----------------------------------------------------------------------------

    def resolve(self, written: str) -> Found | Tie | None:
        """What a written name stands for, and how that is known.

        Exact ways come first. Sound and likeness count only where numbers, letters and directions
        agree, the name is long enough, and no other name is about as near.

        Returns
        -------
        Found
            The only thing that it can mean.
        Tie
            Several things may be meant equally well.
        None
            Nobody is known by a name like it, or it names no single place (`is_no_place`).
        """
        to = self._remembered.get(fold_name(written))
        if to is None:
            return self._resolve_known(written)
        known = self._resolve_exactly(to) if to else None
        if isinstance(known, Found):
            return Found(known.identifier, "alias", CERTAINTY["alias"])
        return known

    def is_no_place(self, written: str) -> bool:
        """Whether the profile says of a word that it names no single place."""
        return self._remembered.get(fold_name(written)) == ""

    def find(self, written: str) -> str | None:
        """The id that a name stands for by every way but sound and likeness; None else."""
        answer = self.resolve(written)
        is_exact = isinstance(answer, Found) and answer.how not in INEXACT
        return answer.identifier if isinstance(answer, Found) and is_exact else None

    def _resolve_known(self, written: str) -> Found | Tie | None:
        answer = self._resolve_exactly(written)
        if answer is not None:
            return answer
        form = _take_apart(written)
        if form.full in self._parts.full:
            return None
        return self._by_sound(form) or self._by_likeness(form) or self._by_stem(form)

    def _resolve_exactly(self, written: str) -> Found | Tie | None:
        form = _take_apart(written)
        if not form.key:
            return None
        ids = self._ids.get(form.written) or self._ids.get(form.key)
        if ids:
            return _settle({form.written} if form.written in ids else ids, "id")
        ways = (
            self._by_name, self._by_number, self._by_full, self._by_suffix, self._by_prefix,
            self._by_kind,
        )  # fmt: skip
        for way in ways:
            answer = way(form)
            if answer is not None:
                return answer
        return None

    def _by_number(self, form: _Form) -> Found | Tie | None:
        """By an id whose leading zeros a spreadsheet program took away: 7 is 007."""
        if not (form.key.isascii() and form.key.isdigit()):
            return None
        return _settle(self._numbers.get(int(form.key), ()), "spelling")

    def _by_name(self, form: _Form) -> Found | Tie | None:
        holders = self._exact.get(form.key, {})
        answer = _settle(holders, "spelling")
        if isinstance(answer, Found):
            how = holders[answer.identifier]
            is_respelled = (form.written, answer.identifier) not in self._written
            # What a former name was spelled like matters less than that it is a former one.
            how = "spelling" if is_respelled and how == "name" else how
            return Found(answer.identifier, how, CERTAINTY[how])
        return answer

    def _by_full(self, form: _Form) -> Found | Tie | None:
        """By the name without remarks, unless two remarks contradict each other."""
        holders = self._parts.full.get(form.full, {})
        if not form.remark:
            return _settle(holders, "spelling")
        remarks = {i: self._parts.remarks[form.full, i] for i in holders}
        same = [i for i in holders if form.remark in remarks[i]]
        if same:
            return _settle(same, "spelling")
        # 雅苑(东街) may be 雅苑, though not where the register knows one that is 雅苑(西街).
        return _settle(holders, "spelling") if any("" in r for r in remarks.values()) else None

    def _by_suffix(self, form: _Form) -> Found | Tie | None:
        if form.full in self._parts.full:
            return None
        if form.full in self._parts.short:
            # 五冶 may be 五冶小区, though not where there is a 五冶宿舍 as well.
            return _settle(
                self._parts.short[form.full] | self._parts.shorter.get(form.full, set()), "short"
            )
        for short in _without_suffix(form.full):
            ids = self._parts.full.get(short) or self._parts.short.get(short)
            if ids:
                return _settle(ids, "spelling")
        return None

    def _by_prefix(self, form: _Form) -> Found | Tie | None:
        """By the name with a district before it on one of the two sides, never on both."""
        for tail in _tails(form.full):
            if tail in self._parts.full:
                return _settle(self._parts.full[tail], "spelling")
        return _settle(self._parts.tails.get(form.full, ()), "spelling")

    def _by_kind(self, form: _Form) -> Found | Tie | None:
        if len(form.full) < SHORTEST_SHORT:
            return None
        return _settle(self._parts.shorter.get(form.full, ()), "short")

    def _by_sound(self, form: _Form) -> Found | Tie | None:
        """By a name that is read alike, of which at least half of the characters are the same."""
        if _count_han(form.bare) < SHORTEST_SOUND:
            return None
        by_sound = self._like.by_sound
        near = [k for s in _sounds(form.bare) for k in by_sound.get((form.telling, s), ())]
        most = len(form.bare) // 2
        alike = (
            identifier
            for known, identifier in near
            if _may_agree(form, known) and OSA.distance(form.bare, known.bare) <= most
        )
        return _settle(alike, "homophone")

    def _by_likeness(self, form: _Form) -> Found | Tie | None:
        """By one character changed (two in long names), where no other name is about as near."""
        own = _count_han(_NUMBERED.sub("", _KIND_WORDS.sub("", form.bare)))
        if own < SHORTEST_LIKE or _STREET.search(form.bare):
            return None
        choices = self._like.by_telling.get(_what_must_agree(form), {})
        most = 2 if own >= SHORTEST_FAR else 1
        near = process.extract(
            form.bare, choices.keys(), scorer=OSA.distance, score_cutoff=most + 1, limit=None
        )
        if not near or near[0][1] > most:
            return None
        nearest = [k for name, far, _ in near if far <= near[0][1] + 1 for k in choices[name]]
        return _settle((i for known, i in nearest if _may_agree(form, known)), "similar")

    def _by_stem(self, form: _Form) -> Tie | None:
        """A name without its phase means any of its phases; of one phase alone it is not said."""
        ids = self._parts.stems.get(form.full) or self._parts.stems.get(form.bare, set())
        return Tie(tuple(sorted(ids))) if len(ids) > 1 else None

    @property
    def _like(self) -> _Likenesses:
        if self._likenesses is None:
            self._likenesses = _Likenesses(self._parts.forms)
        return self._likenesses

    # -- names in a sentence ------------------------------------------------------------------

    def resolve_in(self, sentence: str) -> Found | Tie | None:
        """The only thing that an address or a sentence names, by a full name or a remembered word.

        Part of a longer name, of a longer number or of a phase that is not known is not named.
        Where two different things are named, or one name is borne by several, that is a `Tie`.
        """
        folded = _ORDINAL.sub("", fold_name(sentence))
        answers: dict[str, str] = {}
        for start, name in self._mentions(folded):
            if not self._is_of_another_phase(name, folded[start + len(name) :]):
                answers |= self._holders(name)
        if len(answers) > 1:
            return Tie(tuple(sorted(answers)))
        for identifier, how in answers.items():
            return Found(identifier, how, CERTAINTY[how] * IN_A_SENTENCE)
        return None

    def find_in(self, sentence: str) -> str | None:
        """The id of the only thing that a sentence names; None where there is none or several."""
        answer = self.resolve_in(sentence)
        return answer.identifier if isinstance(answer, Found) else None

    def _mentions(self, folded: str) -> list[tuple[int, str]]:
        """Where which names stand; the longer ones first, and none within another."""
        standing = [
            (start, name)
            for start in range(len(folded) - 1)
            for name in self._beginning.get(folded[start : start + 2], ())
            if folded.startswith(name, start) and self._stands_alone(name, folded, start)
        ]
        taken: list[tuple[int, str]] = []
        for start, name in sorted(standing, key=lambda at: (-len(at[1]), at[0])):
            end = start + len(name)
            if all(end <= other or other + len(o) <= start for other, o in taken):
                taken.append((start, name))
        return taken

    def _stands_alone(self, name: str, sentence: str, start: int) -> bool:
        """Whether a name is not part of a longer number, nor the tail of a longer unknown name."""
        before, behind = sentence[:start][-1:], sentence[start + len(name) :][:1]
        if (before.isdigit() and name[0].isdigit()) or (behind.isdigit() and name[-1].isdigit()):
            return False
        is_open = before in _BEFORE_A_KIND or not re.match(_HAN, before)
        is_open |= not re.match(_HAN, name)
        return is_open or _is_telling(name) or name in self._remembered

    def _holders(self, name: str) -> Mapping[str, str]:
        """Who bears a name, and how; a remembered word first."""
        if name in self._remembered:
            to = self._remembered[name]
            known = self._resolve_exactly(to) if to else None
            ids = [known.identifier] if isinstance(known, Found) else []
            ids = list(known.identifiers) if isinstance(known, Tie) else ids
            return dict.fromkeys(ids, "alias")
        return self._exact.get(name) or self._parts.full[name]

    def _is_of_another_phase(self, name: str, behind: str) -> bool:
        """Whether a phase follows a name of which other phases are known, and not this one."""
        match = _PHASE_AFTER.match(behind)
        return match is not None and (name, match[1]) in self._parts.phases

    @property
    def _beginning(self) -> dict[str, list[str]]:
        """The names worth looking for, by their first two characters."""
        if self._starts is None:
            # Two characters too, where a person has said that they mean a compound.
            names = {name for name in (*self._exact, *self._parts.full) if len(name) >= 3}
            names |= {name for name in self._remembered if len(name) >= 2}
            self._starts = defaultdict(list)
            for name in names:
                self._starts[name[:2]].append(name)
        return self._starts

    # -- suggestions --------------------------------------------------------------------------

    def suggest(self, written: str, count: int = 3) -> tuple[str, ...]:
        """The known names nearest to a written one by looks or by sound, nearest first."""
        form = _take_apart(written)
        if not form.key or count < 1:
            return ()
        nearest: dict[str, str] = {}
        for _, name, identifier in self._like.rank(form):
            nearest.setdefault(identifier, name)
        return tuple(dict.fromkeys(nearest.values()))[:count]


def _settle(ids: Iterable[str], how: str) -> Found | Tie | None:
    """The only one of some ids, or all of them as a tie."""
    different = sorted(set(ids))
    if len(different) > 1:
        return Tie(tuple(different))
    return Found(different[0], how, CERTAINTY[how]) if different else None


def _count_han(text: str) -> int:
    return len(re.findall(_HAN, text))

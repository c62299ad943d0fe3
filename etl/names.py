"""Written names to ids: compounds and organizations by id, name, old name or alias."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import cn2an

from etl.cells import fold

_BRACKETED = re.compile(r"[（(\[【](.*?)[）)\]】]")
_PHASE = re.compile(
    r"[0-9a-z一二三四五六七八九十]\s*(?:期|区|组团|院|栋|苑)|[东南西北中]区|新区|老区", re.I
)
_NUMERAL = re.compile(r"[零〇一二两三四五六七八九十]+(?=期|号|栋|幢|组团|区|组|单元|院)")
_SUFFIXES = ("小区", "院落", "社区", "住宅区")
_BUILDING = re.compile(r"^第?([a-z]?\d{1,4}|[a-z])(?:(?:栋|幢|号楼|座|#|楼)(?!\d*[路街])|号?$)")


@lru_cache(maxsize=100_000)
def fold_name(text: str) -> str:
    """A place's name with equal spellings made equal: 一期 and 1期, full and half width."""
    return _NUMERAL.sub(lambda match: _arabic(match[0]), fold(text))


def _arabic(chinese: str) -> str:
    try:
        return str(int(cn2an.cn2an(chinese.replace("〇", "零"), "smart")))
    except ValueError:
        return chinese


@lru_cache(maxsize=100_000)
def canonical_building(text: str) -> str:
    """A building number as '3栋', whichever way it was written; other texts are left alone.

    Units and doors behind the number are cut off: they are somebody's, and not the building's.
    """
    folded = fold_name(text if re.search(r"[栋幢楼座号#]", text) else f"{text}栋")
    match = _BUILDING.match(folded)
    if match is None:
        return text.strip()
    number = match[1].upper()
    return f"{number.lstrip('0') or '0'}栋"


class Names:
    """The names by which things of one table are known, and the ids they stand for."""

    def __init__(self, aliases: Mapping[str, str] | None = None) -> None:
        self._ids: dict[str, str] = {}
        self._full: dict[str, set[str]] = {}
        self._short: dict[str, set[str]] = {}
        self._aliases = {fold_name(alias): to for alias, to in (aliases or {}).items()}

    def add(self, identifier: str, names: Iterable[str | None]) -> None:
        """Make a thing known by its id and names."""
        self._ids[fold_name(identifier)] = identifier
        for name in names:
            if name:
                self._full.setdefault(_full_form(name), set()).add(identifier)
                for form in _short_forms(name):
                    self._short.setdefault(form, set()).add(identifier)

    def find(self, written: str) -> str | None:
        """The id a written name stands for.

        None where nobody is known by it, or several are, or the profile says that it names no
        single place.
        """
        alias = self._aliases.get(fold_name(written))
        if alias is not None:
            return self._find_known(alias) if alias else None
        return self._find_known(written)

    def is_no_place(self, written: str) -> bool:
        """Whether the profile says of a word that it names no single place."""
        return self._aliases.get(fold_name(written)) == ""

    def find_in(self, sentence: str) -> str | None:
        """The id of the only thing that a sentence names by its full name or an alias."""
        folded = fold_name(sentence)
        found: set[str] = set()
        for name in self._searchable():
            at = _find_word(name, folded)
            if at >= 0:
                found |= self._full.get(name) or {self._find_known(self._aliases[name]) or ""}
                # What is part of a longer name is not named itself.
                folded = folded[:at] + "\n" * len(name) + folded[at + len(name) :]
        found.discard("")
        return found.pop() if len(found) == 1 else None

    def _find_known(self, written: str) -> str | None:
        exact = self._ids.get(fold_name(written))
        if exact is not None:
            return exact
        full = _full_form(written)
        for ids in (self._full.get(full), self._short.get(full)):
            if ids:
                return next(iter(ids)) if len(ids) == 1 else None
        for form in _short_forms(written):
            ids = self._full.get(form) or self._short.get(form)
            if ids:
                return next(iter(ids)) if len(ids) == 1 else None
        return None

    def _searchable(self) -> list[str]:
        names = [name for name in self._full if len(name) >= 3]
        # Two characters too, where the profile itself says that they mean a compound.
        names += [
            a for a, to in self._aliases.items() if to and len(a) >= 2 and a not in self._full
        ]
        return sorted(names, key=lambda name: (-len(name), name))


def _find_word(name: str, sentence: str) -> int:
    """Where a name stands in a sentence, not as part of a longer number; -1 where it does not."""
    pattern = re.escape(name)
    pattern = rf"(?<!\d){pattern}" if name[0].isdigit() else pattern
    pattern = rf"{pattern}(?!\d)" if name[-1].isdigit() else pattern
    match = re.search(pattern, sentence)
    return match.start() if match else -1


def _full_form(name: str) -> str:
    """A name without remarks in brackets; a phase in brackets is part of the name."""
    return fold_name(_BRACKETED.sub(lambda m: m[1] if _PHASE.search(m[1]) else "", name)) or (
        fold_name(name)
    )


def _short_forms(name: str) -> list[str]:
    """A name without the word for what it is: 翠屏小区 is also 翠屏."""
    full = _full_form(name)
    return [
        full.removesuffix(suffix)
        for suffix in _SUFFIXES
        if full.endswith(suffix) and len(full) - len(suffix) >= 2
    ]

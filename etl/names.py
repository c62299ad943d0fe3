"""Written names to ids: compounds and organizations by id, name, old name or alias."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import cn2an

from etl.cells import fold

_BRACKETED = re.compile(r"[（(].*?[）)]")
_NUMERAL = re.compile(r"[零〇一二两三四五六七八九十]+(?=期|号|栋|幢|组团|区|组|单元|院)")
_SUFFIXES = ("小区", "院落", "社区", "住宅区")
_BUILDING = re.compile(r"^(?:第)?([a-z]?\d{1,4}|[a-z])(?:栋|幢|号楼|座|号|#|楼)?$")


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
    """A building number as '3栋', whichever way it was written; other texts are left alone."""
    folded = fold_name(text if re.search(r"[栋幢楼座号#]", text) else f"{text}栋")
    match = _BUILDING.match(folded)
    return f"{match[1].upper()}栋" if match else text.strip()


class Names:
    """The names by which things of one table are known, and the ids they stand for."""

    def __init__(self, aliases: Mapping[str, str] | None = None) -> None:
        self._ids: dict[str, set[str]] = {}
        self._exact: dict[str, str] = {}
        self._aliases = dict(aliases or {})

    def add(self, identifier: str, names: Iterable[str | None]) -> None:
        """Make a thing known by its id and names."""
        self._exact[fold_name(identifier)] = identifier
        for name in names:
            if name:
                for form in _forms(name):
                    self._ids.setdefault(form, set()).add(identifier)

    def find(self, written: str) -> str | None:
        """The id a written name stands for.

        None where nobody is known by it, or several are, or the profile says that it names no
        single place.
        """
        alias = self._aliases.get(fold(written))
        if alias is not None:
            return self._find_known(alias) if alias else None
        return self._find_known(written)

    def is_no_place(self, written: str) -> bool:
        """Whether the profile says of a word that it names no single place."""
        return self._aliases.get(fold(written)) == ""

    def find_in(self, sentence: str) -> str | None:
        """The id of the only thing whose name occurs in a sentence, the longest name first."""
        folded = fold_name(sentence)
        found = [name for name in self._searchable() if name in folded]
        if not found:
            return None
        ids = self._ids.get(found[0]) or {self._aliased(found[0])}
        return next(iter(ids)) if len(ids) == 1 else None

    def _find_known(self, written: str) -> str | None:
        exact = self._exact.get(fold_name(written))
        if exact is not None:
            return exact
        for form in _forms(written):
            ids = self._ids.get(form)
            if ids and len(ids) == 1:
                return next(iter(ids))
        return None

    def _aliased(self, alias: str) -> str:
        return self._find_known(self._aliases[alias]) or ""

    def _searchable(self) -> list[str]:
        names = [name for name in self._ids if len(name) >= 3]
        # Two characters too, where the profile itself says that they mean a compound.
        names += [a for a, to in self._aliases.items() if to and len(a) >= 2 and a not in self._ids]
        return sorted(names, key=lambda name: (-len(name), name))


def _forms(name: str) -> list[str]:
    """The forms in which a name may be written, the fullest first."""
    folded = fold_name(name)
    bare = fold_name(_BRACKETED.sub("", name))
    forms = [folded, bare]
    for suffix in _SUFFIXES:
        if bare.endswith(suffix) and len(bare) - len(suffix) >= 2:
            forms.append(bare.removesuffix(suffix))
    return [form for form in dict.fromkeys(forms) if form]

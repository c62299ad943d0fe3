"""Names of compounds as they are searched for, written or as they sound; names of areas."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd

from dashboard.words import say
from etl.areas import SEAM, UNNAMED


@lru_cache(maxsize=50_000)
def name_for_search(name: str) -> str:
    """A name with its sound beside it, so that typing either, or initials alone, finds it."""
    from pypinyin import lazy_pinyin

    sound = " ".join(lazy_pinyin(name))
    return f"{name} · {sound}" if sound != name else name


def find_names(names: pd.Series, words: str, most: int) -> pd.Series:
    """The first few names in which what was typed occurs: as written, as it sounds, or initials."""
    typed = words.casefold()
    if typed.isascii() and typed.replace(" ", "").isalpha():
        is_found = names.map(lambda name: _sounds_like(name, typed.replace(" ", "")))
    else:
        is_found = names.str.casefold().str.contains(typed, regex=False)
    return names[is_found.astype(bool)].sort_values().head(most)


def _sounds_like(name: str, typed: str) -> bool:
    sounds = name_for_search(name).casefold().partition(" · ")[2].split()
    return typed in "".join(sounds) or typed in "".join(sound[0] for sound in sounds)


def name_area(path: str) -> str:
    """How the area of a path of `etl.areas` is called."""
    name = path.rsplit(SEAM, 1)[-1]
    return say("area.unnamed") if name == UNNAMED else name

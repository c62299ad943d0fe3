"""Names of compounds as they are searched for: written, or as they sound."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=50_000)
def name_for_search(name: str) -> str:
    """A name with its sound beside it, so that typing either, or initials alone, finds it."""
    from pypinyin import lazy_pinyin

    sound = " ".join(lazy_pinyin(name))
    return f"{name} · {sound}" if sound != name else name

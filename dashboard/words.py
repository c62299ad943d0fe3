"""Every string of the interface, in Chinese and English; the one way to look one up."""

from __future__ import annotations

import tomllib
from contextvars import ContextVar
from datetime import date
from importlib import resources
from typing import Any

import pandas as pd

LANGUAGES = {"zh": 0, "en": 1}
_spoken: ContextVar[str] = ContextVar("spoken", default="")
WORDS: dict[str, list[str]] = tomllib.loads(
    resources.files("dashboard").joinpath("words.toml").read_text(encoding="utf-8")
)


def language() -> str:
    """The language of this visitor, asked of the page once and then remembered for its thread."""
    known_already = _spoken.get()
    if known_already:
        return known_already
    from streamlit.runtime.scriptrunner import get_script_run_ctx

    if get_script_run_ctx(suppress_warning=True) is None:
        return "zh"
    from dashboard import choice

    speak(choice.current().lang)
    return choice.current().lang


def spoken() -> str:
    """The language that was settled for this thread; '' while none was."""
    return _spoken.get()


def speak(lang: str) -> None:
    """Speak another language from here on; every visitor's page runs in a thread of its own."""
    _spoken.set(lang)


def look_up(key: str, lang: str, **values: Any) -> str:
    """A string of the catalogue in one language, with values put in."""
    found = WORDS[key][LANGUAGES[lang]]
    return found.format(**values) if values else found


def say(key: str, **values: Any) -> str:
    """A string of the catalogue in this visitor's language, with values put in."""
    return look_up(key, language(), **values)


def name_value(family: str, value: Any, otherwise: str = "") -> str:
    """A value of the data in this visitor's language; as it is where the catalogue lacks it."""
    if value is None or value is pd.NA or value != value or value == "":
        return otherwise
    key = f"{family}.{value}"
    return say(key) if key in WORDS else str(value)


def count(number: Any, unit: str) -> str:
    """A count with its unit, or a dash where it is not known."""
    if number is None or pd.isna(number):
        return say("none")
    return say("count", number=f"{number:,}", unit=say(unit))


def known(value: Any, otherwise: str = "") -> str:
    """Text of a table, or something else where the cell is empty."""
    return value if isinstance(value, str) and value else otherwise


def tell_chance(p_value: Any) -> str:
    """A p-value in words."""
    if p_value is None or pd.isna(p_value):
        return say("chance.none")
    for limit, name in ((0.001, "thousandth"), (0.01, "hundredth"), (0.05, "twentieth")):
        if p_value <= limit:
            return say(f"chance.{name}")
    return say("chance.share", pct=100 * p_value)


def tell_period(first: date | None, last: date | None) -> str:
    """A run of months in words."""
    if pd.isna(first) or pd.isna(last):
        return say("month.none")
    if first == last:
        return say("month.one", first=first)
    return say("month.range", first=first, last=last)

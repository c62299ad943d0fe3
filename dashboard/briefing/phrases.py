"""What the pages say of reasons, actions and effects, for a briefing to say in the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dashboard import words
from dashboard.reasons import tell_action, tell_reason
from dashboard.telling import tell_effect


class PagePhrases:
    """The phrases of the pages."""

    def reason(self, reason: Mapping[str, Any]) -> str:
        """Why a compound comes first."""
        return tell_reason(dict(reason))

    def action(self, action: Mapping[str, Any]) -> str:
        """What is suggested there."""
        return tell_action(dict(action))

    def effect(self, effect: Any) -> str:
        """What an intervention changed."""
        return tell_effect(effect)


@contextmanager
def speak_chinese() -> Iterator[None]:
    """A paper for the street is written in Chinese, whatever the page is read in."""
    before = words.spoken()
    words.speak("zh")
    try:
        yield
    finally:
        words.speak(before)

"""Reasons and suggested actions, from the codes that etl publishes, in words."""

from __future__ import annotations

from typing import Any

from dashboard.words import WORDS, name_value, say


def tell_reason(reason: dict[str, Any]) -> str:
    """One reason in words; values of the data inside it are put in words as well."""
    key = f"reason.{reason.get('code', '')}"
    if key not in WORDS:
        return say("reason.other")
    values = {name: value for name, value in reason.items() if name != "code"}
    for name in ("kind", "state", "category"):
        if name in values:
            values[name] = name_value(name, values[name])
    return say(key, **values)


def tell_reasons(reasons: list[dict[str, Any]], most: int = 99) -> list[str]:
    """The first reasons in words."""
    return [tell_reason(reason) for reason in reasons[:most]]


def tell_action(action: dict[str, Any]) -> str:
    """A suggested action with the path it belongs to."""
    path = name_value("path", action.get("path", ""))
    return say("headed", head=path, text=action.get("action", ""))

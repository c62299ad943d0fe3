"""Lists that a cell of a table keeps as JSON."""

from __future__ import annotations

import json
from typing import Any


def read_list(written: Any) -> list[Any]:
    """A list that a table keeps as JSON; empty where it keeps none."""
    if not isinstance(written, str) or not written:
        return []
    found = json.loads(written)
    return found if isinstance(found, list) else []

"""How long the month's briefings take beside their maps alone: `python -m tests.bench.briefing`.

The community and each of its compounds, the short form and the official document, as DOCX and as
PDF, from the sample; against drawing the maps that stand in them and nothing else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from dashboard.briefing.issuing import FORMS, Press, open_source
from etl.briefing.compose import LONG, MAP_MM
from etl.profile import parse_profile
from etl.refresh import refresh
from etl.resources import sample_folder
from etl.store import Store

MONTH = date(2026, 10, 1)
AT_MOST = 5.0
ROUNDS = 3


def main() -> int:
    """Print both times and their ratio; 1 where it is more than it may be."""
    with TemporaryDirectory(prefix="bench-") as folder:
        store = Store(Path(folder) / "store")
        refresh(store, [sample_folder()], who="bench")
        press = open_press(store)
        scopes = ["", *press.list_compounds()]
        maps = min(measure(lambda: draw_maps(press, scopes)) for _ in range(ROUNDS))
        # Each round reads the published tables anew, as a command does.
        papers = min(
            measure(lambda: write_papers(open_press(store), scopes)) for _ in range(ROUNDS)
        )
        store.close()
    ratio = papers / maps
    count = len(scopes) * len(FORMS)
    print(f"{len(scopes)} maps: {maps:.2f} s")
    print(f"{count} DOCX and {count} PDF with them: {papers:.2f} s")
    print(f"ratio {ratio:.2f}, at most {AT_MOST:g}")
    return int(ratio > AT_MOST)


def open_press(store: Store) -> Press:
    """A press that has read nothing yet."""
    source = open_source(store, parse_profile(store.profile_text() or ""))
    assert source is not None
    return Press(source)


def measure(run: Callable[[], None]) -> float:
    """Seconds."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def draw_maps(press: Press, scopes: list[str]) -> None:
    """The map of each briefing."""
    for at in scopes:
        press.draw(press.scope(MONTH, at), MAP_MM[LONG])


def write_papers(press: Press, scopes: list[str]) -> None:
    """Every briefing in both forms, as DOCX and PDF, with its map."""
    for at in scopes:
        scope = press.scope(MONTH, at)
        pictures = press.draw(scope, MAP_MM[LONG])
        for layout, length in FORMS.items():
            press.write(press.compose(scope, length), layout, pictures)


if __name__ == "__main__":
    sys.exit(main())

"""What is withheld from this visitor, in words: never as a zero, never as a gap without a reason."""

from __future__ import annotations

import pandas as pd

from dashboard import choice, load
from dashboard.words import say
from etl.disclosure import COUNT_WITHHELD, MONTHS_WITHHELD, Audience, may_read

# What each colouring and overlay is drawn from, besides what everybody who gets in may read. One
# that is not named here is not offered to those from whom counts are hidden.
DRAWN_FROM: dict[str, tuple[str, ...]] = {
    "rate": (),
    "change": (),
    "type": (),
    "households": (),
    "hotspots": (),
    "buildings": (),
    "core": ("out_core_residents",),
    "taking_part": ("out_participation",),
    "trust": ("out_capital",),
    "norms": ("out_capital",),
    "networks": ("out_capital",),
    "needs": ("core_needs",),
    "matters": ("out_matters",),
    "promises": ("out_promises",),
    "meetings": ("core_meetings",),
    "handbook": ("out_handbook", "core_complaints"),
    "late": ("core_complaints",),
    "coverage": ("out_coverage",),
    "committee": ("out_coverage",),
    "density": ("out_cells",),
    "gaps": ("out_coverage",),
    "organizations": ("core_organizations",),
    "reach": ("core_organizations",),
    "actions": ("out_actions", "out_effects"),
}
PAGES_FROM: dict[str, tuple[str, ...]] = {
    "today": ("core_meetings", "matter_events", "out_actions", "quarantine"),
    "map": (),
    "compound": ("core_complaints", "core_needs", "core_buildings", "core_activities"),
    "trends": ("core_complaints",),
    "methods": (),
    "deliberation": ("core_meetings", "matter_events"),
    "organizations": ("out_core_residents",),
    "actions": ("out_actions", "out_effects"),
    "capital": ("out_capital", "core_survey"),
    # It counts every complaint as it is, so it is for those from whom nothing is hidden.
    "briefing": ("quarantine",),
    "data": ("quarantine",),
    "quality": ("quarantine", "files"),
}
_TIPS = {
    "rank": "rank", "top": "top_category", "overdue": "overdue_count", "coverage": "gap_count",
    "core": "core_resident_count", "trust": "trust_pct",
}  # fmt: skip


def is_hiding(table: pd.DataFrame) -> bool:
    """Whether counts are hidden from whoever reads this register of compounds."""
    return COUNT_WITHHELD in table


def is_withheld(table: pd.DataFrame, tip: str) -> bool:
    """Whether a line of the tooltips says nothing of any compound, because it is withheld."""
    column = _TIPS.get(tip)
    if not is_hiding(table) or column is None:
        return False
    return column not in table or bool(table[column].isna().all())


def list_offered(audience: Audience, names: tuple[str, ...]) -> list[str]:
    """Those of several colourings, overlays or pages that this visitor may see."""
    needed = {**DRAWN_FROM, **PAGES_FROM}
    named = [name for name in names if name in needed or not audience.is_suppressed]
    return [name for name in named if all(may_read(audience, t) for t in needed.get(name, ()))]


def tell_withheld(table: pd.DataFrame) -> list[str]:
    """How much is hidden, and why; nothing for those from whom nothing is."""
    if not is_hiding(table):
        return []
    fewest = load.profile().privacy.fewest_cases
    lines = [say("withheld.lead", fewest=fewest)]
    counts, months = int(table[COUNT_WITHHELD].sum()), int(table[MONTHS_WITHHELD].sum())
    if counts:
        lines.append(say("withheld.counts", count=counts))
    if months:
        lines.append(say("withheld.months", count=months))
    return lines


def drop_withheld_choice(build: load.Build) -> None:
    """A link may ask for what this visitor may not see: then it opens as usual, and says so."""
    chosen = choice.current()
    asked = (chosen.color, *chosen.show)
    if set(asked) - {""} <= set(list_offered(build.audience, asked)):
        return
    color = chosen.color if chosen.color in list_offered(build.audience, (chosen.color,)) else ""
    choice.change(color=color, show=tuple(list_offered(build.audience, chosen.show)))


def write_count(number: object, written: str) -> str:
    """A figure as it is written; the mark of what is withheld where it is missing."""
    return say("withheld.count") if pd.isna(number) else written  # type: ignore[call-overload]

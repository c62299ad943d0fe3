"""Social capital in plain sentences: shares with their n, changes, and what cannot be told apart."""

from __future__ import annotations

from typing import Any

import pandas as pd

from dashboard.words import say
from etl.tables.survey import ITEMS

EVERYWHERE = ""
NAMES = tuple(item for items in ITEMS.values() for item in items)
# Of each part the item that the map shows: one question as it was asked, nothing added up.
ON_MAP = {
    "trust": "trust_neighbors",
    "norms": "norm_participation",
    "networks": "network_help",
}
CHANGED = ("up", "down")
CHANGE = {"change": "change", "low": "change_low", "high": "change_high"}
APART = ("higher", "lower")


def select_newest(capital: pd.DataFrame) -> pd.DataFrame:
    """The rows of the newest survey; index compound_id and measure."""
    said = capital[capital["measure"].isin(NAMES)]
    newest = said[said["wave_order"] == said["wave_order"].max()]
    return newest.set_index(["compound_id", "measure"], drop=False).rename_axis([None, None])


def measure_shown(capital: pd.DataFrame) -> pd.DataFrame:
    """Who agree in the newest survey, for the items that the map shows; index compound_id.

    Columns are NAME_pct and NAME_count for each name in `ON_MAP`.
    """
    newest = select_newest(capital)
    shown = pd.DataFrame(index=pd.Index(newest["compound_id"].unique()))
    for name, item in ON_MAP.items():
        own = newest[newest["measure"] == item].set_index("compound_id")
        shown[f"{name}_pct"], shown[f"{name}_count"] = own["pct"], own["base_count"]
    return shown


def list_waves(capital: pd.DataFrame) -> list[str]:
    """The surveys by name, the oldest first."""
    said = capital[capital["measure"].isin(NAMES)].sort_values("wave_order")
    return [wave or say("capital.no_wave") for wave in said["wave"].drop_duplicates()]


def find_row(rows: pd.DataFrame, compound: str, measure: str) -> Any:
    """What one compound said of one item, or None where it was not asked."""
    return rows.loc[(compound, measure)] if (compound, measure) in rows.index else None


def tell_share(row: Any) -> str:
    """The share who agree with its interval, or why there is none."""
    if row is None:
        return say("capital.not_asked")
    if row["status"] != "known":
        return say("capital.too_few")
    return say("capital.share", pct=row["pct"], low=row["pct_low"], high=row["pct_high"])


def tell_number(row: Any) -> str:
    """How many answered."""
    if row is None or row["status"] != "known":
        return say("none")
    return say("fact.people", number=int(row["base_count"]))


def tell_asked(row: Any) -> str:
    """How many answered, of how many households."""
    if row is None or row["status"] != "known":
        return say("none")
    if pd.isna(row["households"]):
        return say("capital.asked_of_unknown", count=int(row["base_count"]))
    asked, households = int(row["base_count"]), int(row["households"])
    return say("capital.asked", count=asked, households=households)


def tell_rest(row: Any) -> str:
    """How it stands against the other compounds."""
    if row is None or row["status"] != "known" or not isinstance(row["against_rest"], str):
        return say("none")
    verdict = say(f"capital.against.{row['against_rest']}")
    if pd.isna(row["rest_pct"]):
        return verdict
    return say("capital.against", verdict=verdict, pct=row["rest_pct"])


def tell_change(row: Any) -> str:
    """How it changed since the survey before, and how sure that is."""
    if row is None or not isinstance(row["change_verdict"], str):
        return say("capital.no_before")
    verdict = say(f"capital.change.{row['change_verdict']}")
    if pd.isna(row["change"]):
        return verdict
    return say(
        "capital.change", verdict=verdict, before=row["before_pct"], now=row["pct"],
        **{name: _round(row[column]) for name, column in CHANGE.items()},
    )  # fmt: skip


def _round(points: float) -> float:
    """Whole points, never a zero with a minus."""
    return round(float(points)) + 0.0


def tell_striking(newest: pd.DataFrame, names: dict[str, str]) -> list[tuple[str, ...]]:
    """The compounds that stand apart from the others or have changed, the lowest first."""
    told: list[tuple[int, str, tuple[str, ...]]] = []
    is_apart = newest["against_rest"].isin(APART) | newest["change_verdict"].isin(CHANGED)
    for place, rows in newest[is_apart].groupby("compound_id", sort=False):
        lines = [_tell_apart(row) for row in rows.to_dict("records") if _is_in(row, APART)]
        lines += [_tell_changed(row) for row in rows.to_dict("records") if _is_in(row, CHANGED)]
        lower = int((rows["against_rest"] == "lower").sum())
        if lines and place in names:
            told.append((-lower, names[place], (names[place], *lines)))
    return [lines for *_, lines in sorted(told)]


def _is_in(row: Any, verdicts: tuple[str, ...]) -> bool:
    return row["against_rest" if verdicts == APART else "change_verdict"] in verdicts


def _tell_apart(row: Any) -> str:
    return say(
        f"capital.apart.{row['against_rest']}", item=say(f"item.{row['measure']}"),
        pct=row["pct"], rest=row["rest_pct"], count=int(row["base_count"]),
    )  # fmt: skip


def _tell_changed(row: Any) -> str:
    return say(
        f"capital.changed.{row['change_verdict']}", item=say(f"item.{row['measure']}"),
        before=row["before_pct"], now=row["pct"], wave=row["before_wave"],
        before_count=int(row["before_count"]), count=int(row["base_count"]),
    )  # fmt: skip


def tell_events(capital: pd.DataFrame, compound: str, measure: str, households: Any) -> str:
    """Activities or meetings of a compound: how many, who took part, per 100 households."""
    of_measure = capital[capital["measure"] == measure]
    if of_measure.empty:
        return say("capital.no_register")
    own = of_measure[of_measure["compound_id"] == compound]
    if own.empty:
        return say("capital.none_listed")
    row = own.iloc[0]
    held, unknown = int(row["base_count"]), int(row["unknown_count"])
    if held == unknown:
        return say("capital.events_without_people", held=held)
    people = int(row["yes_count"])
    told = say("capital.events", held=held, people=people)
    if pd.notna(households) and households > 0:
        share = 100 * people / households
        told = say("capital.events_per_100", held=held, people=people, share=share)
    more = say("capital.events_unknown", count=unknown) if unknown else ""
    return told + more


def tell_organizations(row: Any) -> str:
    """How many of the organizations that a compound should have work; what is not known is said."""
    if pd.isna(row["expected_count"]) or row["expected_count"] == 0:
        return say("none")
    met, expected = int(row["met_count"]), int(row["expected_count"])
    unknown = int(row["unknown_count"])
    key = "capital.organizations_unknown" if unknown else "capital.organizations"
    return say(key, met=met, expected=expected, **({"unknown": unknown} if unknown else {}))


def has_core_list(compounds: pd.DataFrame) -> bool:
    """Whether a list of core residents is on record at all."""
    return bool(compounds["core_resident_count"].fillna(0).sum() > 0)


def tell_core(row: Any, has_list: bool) -> str:
    """Core residents, and how many that is per 100 households."""
    if not has_list or pd.isna(row["core_resident_count"]):
        return say("capital.no_register")
    count, households = int(row["core_resident_count"]), row["households"]
    if count == 0:
        return say("capital.none_listed")
    if pd.isna(households) or households <= 0:
        return say("capital.core", count=count)
    return say("capital.core_per_100", count=count, share=100 * count / households)

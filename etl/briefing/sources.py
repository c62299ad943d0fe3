"""The sheet rows behind figures that are worked out of more than one table or of a whole one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from etl.briefing.book import Scope
from etl.briefing.facts import Facts
from etl.ddl import literal
from etl.lists import read_list

# Reasons that come from one list alone; what names a kind of organization comes from three.
_LISTS = {
    "open_needs": "needs",
    "few_core_residents": "core_residents",
    "no_core_residents": "core_residents",
}
# Hotspots whose expected count is that of the compound's own complaints, or of all compounds'.
_OWN_PLACE = frozenset({"scan", "emerging", "own_past"})
_OWN_HISTORY = frozenset({"emerging", "own_past"})


def list_rows(scope: Scope, *parts: tuple[str, str]) -> str:
    """A SELECT of the rows (file, sheet, row) of core tables under conditions, each once."""
    told = " UNION ALL ".join(
        f"SELECT file, sheet, row FROM {scope.table(f'core_{table}')} WHERE {where}"
        for table, where in parts
    )
    return f"SELECT DISTINCT file, sheet, row FROM ({told}) ORDER BY file, sheet, row"


def list_reason(facts: Facts, at: str, reason: Mapping[str, Any]) -> str:
    """The rows behind one reason why a compound comes first, its row of the register among them."""
    here = f"compound_id = {literal(at)}"
    register = ("compounds", here)
    if kind := reason.get("kind"):
        of_kind = f"{here} AND kind = {literal(str(kind))}"
        return list_rows(facts.scope, ("organizations", of_kind), ("coverage", of_kind), register)
    if table := _LISTS.get(str(reason.get("code"))):
        return list_rows(facts.scope, (table, here), register)
    asked = f"{here} AND {_write_window(facts)}"
    if category := reason.get("category"):
        asked += f" AND category = {literal(str(category))}"
    return list_rows(facts.scope, ("complaints", asked), register)


def list_expected(facts: Facts, hotspot: Any) -> str:
    """The complaints by which it is told how many there should be in a hotspot."""
    first, last = (pd.Timestamp(day) for day in (hotspot.period_from, hotspot.period_to))
    conditions = [f"reported_at <= TIMESTAMP '{last:%Y-%m-%d} 23:59:59'"]
    if hotspot.method not in _OWN_HISTORY:
        conditions.append(f"reported_at >= DATE '{first:%Y-%m-%d}'")
    if hotspot.method in _OWN_PLACE and isinstance(hotspot.compound_id, str):
        conditions.append(f"compound_id = {literal(hotspot.compound_id)}")
    return list_rows(facts.scope, ("complaints", " AND ".join(conditions)))


def list_supervised(facts: Facts, body: Any, column: str) -> str:
    """The rows behind what is said of a property company or an owners' committee."""
    own = f"organization_id = {literal(str(body.organization_id))}"
    if column == "term_days":
        return list_rows(facts.scope, ("organizations", own))
    if column == "slipped_count":
        slipped = [one for one in read_list(body.asked) if one.get("outcome") == "slipped"]
        told = [
            f"(held_on = DATE '{one['asked_on']}' AND promise = {literal(str(one['what']))})"
            for one in slipped
        ]
        return list_rows(facts.scope, ("meetings", " OR ".join(told) or "false"))
    served = facts.scope.own(own, "compound_id IS NOT NULL")
    places = f"SELECT compound_id FROM {facts.scope.table('out_supervision')} WHERE {served}"
    asked = f"{_write_window(facts)} AND compound_id IN ({places})"
    if categories := read_list(body.categories):
        asked += f" AND category IN ({', '.join(literal(str(name)) for name in categories)})"
    return list_rows(facts.scope, ("complaints", asked))


def list_ends(scope: Scope, links: str, where: str) -> str:
    """The rows of the registers for the organizations and compounds at the ends of links."""
    source = scope.table(links)
    ends = " UNION ALL ".join(
        f"SELECT {end} FROM {source} WHERE {where}" for end in ("source", "target")
    )
    return list_rows(
        scope,
        ("organizations", f"'O:' || organization_id IN ({ends})"),
        ("compounds", f"'C:' || compound_id IN ({ends})"),
    )  # fmt: skip


def list_festival_before(scope: Scope, name: str, held: str, at: str) -> str:
    """The last time that a festival of this name was held there before a day."""
    source = scope.table("core_activities")
    alike = f"name = {literal(name)} AND compound_id {at} AND held_on < DATE '{held}'"
    return list_rows(
        scope, ("activities", f"{alike} AND held_on = (SELECT max(held_on) FROM {source} WHERE {alike})")
    )  # fmt: skip


def list_answers(facts: Facts, measure: str, wave: str) -> str:
    """The answers to one question of the survey in one wave.

    Of the whole community without those of compounds where too few answered: they do not count.
    """
    shown = facts.scope.table("out_capital")
    counted = f"measure = {literal(measure)} AND wave = {literal(wave)} AND status = 'known'"
    asked = (
        f"coalesce(nullif(trim(wave), ''), year(surveyed_on)::VARCHAR, '') = {literal(wave)}",
        f"{measure} IS NOT NULL",
        f"compound_id IN (SELECT compound_id FROM {shown} WHERE {counted})",
    )
    return list_rows(facts.scope, ("survey", facts.scope.own(*asked)))


def _write_window(facts: Facts) -> str:
    """That a complaint was reported within the window of the rates."""
    register = facts.compounds.iloc[0] if len(facts.compounds) else None
    if register is None or pd.isna(register["window_from"]):
        return "true"
    first, last = (pd.Timestamp(register[name]) for name in ("window_from", "window_to"))
    return (
        f"reported_at >= DATE '{first:%Y-%m-%d}' "
        f"AND reported_at <= TIMESTAMP '{last:%Y-%m-%d} 23:59:59'"
    )

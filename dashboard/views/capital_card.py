"""Social capital in a compound's card: every part with its n, nothing added up."""

from __future__ import annotations

import pandas as pd

from dashboard import capital, load, page
from dashboard.words import say


def show_capital(build: load.Build, row: pd.Series) -> None:
    """The section of the card; nothing where no survey and no register tells anything."""
    told = load.frame(build, "out_capital")
    if told.empty:
        return
    page.show_heading(say("nav.capital"), 3)
    has_list = capital.has_core_list(load.frame(build, "out_compounds"))
    show_parts(told, row, has_list)


def show_parts(told: pd.DataFrame, row: pd.Series, has_list: bool) -> None:
    """All items of one compound, and what the registers count beside them."""
    place = row["compound_id"]
    newest = capital.select_newest(told)
    if newest.empty:
        page.show_note([say("capital.no_survey")])
    elif place not in set(newest["compound_id"]):
        page.show_note([say("capital.place_not_asked", wave=_name_wave(newest))])
    elif (newest.loc[[place], "status"] != "known").all():
        fewest = load.profile().capital.fewest_answers
        page.show_note([say("capital.place_few", wave=_name_wave(newest), fewest=fewest)])
    else:
        _show_items(newest, place)
    page.show_facts(
        [
            (say("capital.head.organizations"), capital.tell_organizations(row)),
            (say("capital.head.core"), capital.tell_core(row, has_list)),
            *(
                (
                    say(f"capital.head.{name}"),
                    capital.tell_events(told, place, name, row["households"]),
                )
                for name in ("activities", "meetings")
            ),
        ]
    )


def _name_wave(newest: pd.DataFrame) -> str:
    return str(newest["wave"].iloc[0]) or say("capital.no_wave")


def _show_items(newest: pd.DataFrame, place: str) -> None:
    households = newest.loc[place, "households"].iloc[0]
    if pd.notna(households):
        page.show_note([say("capital.place_asked", households=int(households))])
    heads = [say(f"capital.head.{name}") for name in ("item", "share", "asked", "rest", "change")]
    tells = (capital.tell_share, capital.tell_number, capital.tell_rest, capital.tell_change)
    rows = []
    for item in capital.NAMES:
        found = capital.find_row(newest, place, item)
        part = "" if found is None else say(f"capital.part.{found['part']}")
        name = (
            say("with_unit", head=say(f"item.{item}"), unit=part) if part else say(f"item.{item}")
        )
        rows.append([name, *(tell(found) for tell in tells)])
    page.show_rows(heads, rows, stacks=True)

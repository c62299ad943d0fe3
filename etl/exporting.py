"""What `shequ export` writes: compounds with the figures of a choice, and complaints as Open311."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from etl import open311
from etl.errors import UsageError
from etl.export import FORMATS, About, name_file, write_table
from etl.periods import Period, add_shown, find_period, list_months
from etl.profile import Profile, parse_profile
from etl.store import Store

OPEN311 = ("open311-json", "open311-xml")
ALL_FORMATS = (*FORMATS, *OPEN311)


def describe(
    store: Store, profile: Profile, first: date | None, last: date | None, category: str, place: str
) -> tuple[pd.DataFrame, About]:
    """The compounds with the figures of a choice beside them, and what the choice is.

    `place` is the name or the id of one compound, '' for all.

    Raises
    ------
    UsageError
        The month, the category or the compound is not in the store.
    """
    compounds, months = store.frame("out_compounds"), store.frame("out_months")
    if compounds.empty:
        raise UsageError("数据文件夹里还没有数据，请先用 shequ refresh 读入表格。")
    listed = list_months(compounds, months)
    for month in (first, last):
        if month and pd.Timestamp(month) not in listed:
            held = f"{listed[0]:%Y-%m} 到 {listed[-1]:%Y-%m}" if listed else "没有任何月份"
            raise UsageError(f"{month:%Y-%m} 没有投诉数据；有数据的是 {held}。")
    known = sorted(set(months["category"].dropna()))
    if category and category not in known:
        raise UsageError(f"没有“{category}”这一类；有 {'、'.join(known)}。")
    ends = [f"{month:%Y-%m}" if month else "" for month in (first, last)]
    period = find_period(compounds, listed, ends[0], ends[1], category)
    table = add_shown(compounds, months, period)
    if place:
        table = table[(table["compound_id"] == place) | (table["name"] == place)]
        if table.empty:
            raise UsageError(f"没有叫“{place}”的小区。")
    return table, about_choice(store, profile, period.first, period.last, category, place)


def about_choice(
    store: Store,
    profile: Profile,
    first: date | None,
    last: date | None,
    category: str,
    place: str,
) -> About:
    """What a file of this choice has to say of itself."""
    entry = next((e for e in store.history() if e.is_current), None)
    files = sorted(set(store.frame("files")["file"].dropna()))
    return About(
        community=profile.name,
        period=Period(
            pd.Timestamp(first) if first else None, pd.Timestamp(last) if last else None, category
        ),
        category=category,
        place=place,
        snapshot=store.snapshot(),
        published_at=entry.at if entry else None,
        files=tuple(files),
    )


def export(
    store: Store,
    profile: Profile | None,
    out: Path,
    formats: Sequence[str],
    first: date | None,
    last: date | None,
    category: str,
    place: str,
) -> list[Path]:
    """Write the chosen files into a folder, and say which."""
    settings = profile or parse_profile(store.profile_text() or "")
    table, about = describe(store, settings, first, last, category, place)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name in formats:
        if name in OPEN311:
            written += write_open311(store, out, name.removeprefix("open311-"))
            continue
        path = out / name_file(about, name)
        path.write_bytes(write_table(name, table, store.shapes, about))
        written.append(path)
    return written


def write_open311(store: Store, out: Path, form: str) -> list[Path]:
    """All services and all requests as two files, as a server of GeoReport v2 would send them."""
    asked = open311.Asked()
    parts = {
        "services": ("service", open311.list_services(store)),
        "requests": ("request", open311.list_requests(store, asked, whole=True)),
    }
    folder = out / "open311"
    folder.mkdir(exist_ok=True)
    written = []
    for name, (child, rows) in parts.items():
        root = "services" if name == "services" else "service_requests"
        path = folder / f"{name}.{form}"
        body = open311.write_json(rows) if form == "json" else open311.write_xml(root, child, rows)
        path.write_bytes(body)
        written.append(path)
    return written

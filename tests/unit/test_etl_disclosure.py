"""Who may read what: kept to communities, small counts hidden, and nothing to be worked out."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some

from etl.accounts import ADMIN, LEADER, PUBLIC, STREET, Accounts
from etl.disclosure import (
    COUNT_WITHHELD,
    EVERYTHING,
    MONTHS_WITHHELD,
    RULES,
    Audience,
    disclose,
    disclose_shapes,
    find_audience,
    may_read,
)
from etl.errors import AccessError
from etl.store import TABLE_NAMES, Store
from tests.geo.test_geo_suppression import Reader

FEWEST = 5
STREET_OFFICE, ANYBODY = Audience(STREET), Audience(PUBLIC)


@pytest.fixture(scope="module")
def sample(sample_store: Path) -> dict[str, pd.DataFrame]:
    store = Store(sample_store)
    tables = {name: store.frame(name) for name in TABLE_NAMES}
    store.close()
    # Two communities, of which the sample itself has only one.
    compounds = tables["out_compounds"]
    compounds["community"] = ["北" if at < 6 else "南" for at in range(len(compounds))]
    return tables


def read(sample: dict[str, pd.DataFrame], audience: Audience, table: str, fewest: int = FEWEST):  # type: ignore[no-untyped-def]
    return disclose(audience, table, lambda name: sample[name].copy(), fewest)


# -- what is declared -----------------------------------------------------------------------------


def test_what_is_not_declared_is_refused(sample: dict[str, pd.DataFrame]) -> None:
    for audience in (STREET_OFFICE, ANYBODY):
        for table in set(TABLE_NAMES) - set(RULES[audience.role]):
            assert not may_read(audience, table)
            with pytest.raises(AccessError, match=f"您的角色“{audience.role}”看不到这些数据"):
                read(sample, audience, table)
    for table in ("core_complaints", "core_needs", "quarantine", "raw_rows", "out_cells"):
        assert table not in RULES[STREET]
    assert set(RULES[PUBLIC]) < set(RULES[STREET])


def test_nobody_in_particular_and_whoever_may_see_all_reads_all(tmp_path: Path) -> None:
    accounts = Accounts(tmp_path)
    admin = accounts.add("张书记", "荷塘月色 2026", ADMIN)
    kept = accounts.add("小李", "荷塘月色 2026", LEADER, ["南", " 南 ", ""])
    street = accounts.add("街道", "荷塘月色 2026", STREET)
    assert find_audience(None) is find_audience(admin) is EVERYTHING
    assert find_audience(kept) == Audience(LEADER, ("南",))
    assert find_audience(street) == STREET_OFFICE


def test_no_text_written_by_people_is_for_roles_with_hidden_counts(
    sample: dict[str, pd.DataFrame],
) -> None:
    plain = {"note", "content", "title", "promise", "result", "lesson", "cells", "address", "aim"}
    for audience in (STREET_OFFICE, ANYBODY):
        for table in RULES[audience.role]:
            found = read(sample, audience, table)
            for column in plain & set(found):
                assert found[column].isna().all(), (table, column)


# -- kept to some communities -----------------------------------------------------------------------


def test_an_account_kept_to_a_community_reads_of_no_other(sample: dict[str, pd.DataFrame]) -> None:
    compounds = sample["out_compounds"]
    others = set(compounds.loc[compounds["community"] == "北", "compound_id"])
    names = set(compounds.loc[compounds["community"] == "北", "name"])
    for audience in (Audience(LEADER, ("南",)), Audience(STREET, ("南",))):
        for table in TABLE_NAMES:
            if not may_read(audience, table):
                continue
            found = read(sample, audience, table)
            if "compound_id" in found:
                assert not others & set(found["compound_id"].dropna()), table
            if table.startswith("out_"):
                said = found.to_csv()
                assert not [name for name in names if f'"{name}' in said], table
    totals = read(sample, Audience(LEADER, ("南",)), "out_totals").set_index("name")["value"]
    own = compounds[compounds["community"] == "南"]
    assert totals["households"] == own["households"].sum()
    assert totals["complaints"] == own["complaint_count"].sum()
    assert totals["compounds"] == len(own) == 10


def test_shapes_of_other_communities_are_left_out(
    sample: dict[str, pd.DataFrame], sample_store: Path
) -> None:
    store = Store(sample_store)
    shapes = store.shapes()
    store.close()
    own = disclose_shapes(Audience(LEADER, ("南",)), shapes, lambda name: sample[name])
    compounds = sample["out_compounds"]
    kept = set(compounds.loc[compounds["community"] == "南", "compound_id"])
    assert set(own.loc[own["level"] == "compound", "compound_id"]) == kept
    assert set(own.loc[own["level"] == "building", "compound_id"]) <= kept
    assert (own["level"] == "road").any()
    assert len(disclose_shapes(EVERYTHING, shapes, lambda name: sample[name])) == len(shapes)


# -- small counts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("audience", [STREET_OFFICE, ANYBODY])
@pytest.mark.parametrize("fewest", [5, 50])
def test_no_small_count_is_told(
    sample: dict[str, pd.DataFrame], audience: Audience, fewest: int
) -> None:
    compounds = read(sample, audience, "out_compounds", fewest)
    shown = compounds["window_count"].dropna()
    assert not shown.between(1, fewest - 1).any()
    hidden = compounds[COUNT_WITHHELD]
    if fewest == 50:
        assert set(compounds.loc[hidden, "compound_id"]) >= {"T11", "T13", "T16"}
        # Neither a rate nor what was worked out from all of them together.
        assert compounds.loc[hidden, ["rate", "rate_low", "closing_days"]].isna().all(axis=None)
        assert compounds[["rank", "rate_shrunk", "funnel_high"]].isna().all(axis=None)
        assert not compounds.loc[hidden, "is_hotspot"].any()
    else:
        assert not hidden.any()
        assert compounds["rank"].notna().all()
    months = read(sample, audience, "out_months", fewest)
    assert months["category"].isna().all()
    counts = months["complaint_count"]
    assert not counts.between(1, fewest - 1).any()
    dark = months["compound_id"].map(compounds.set_index("compound_id")[MONTHS_WITHHELD])
    assert counts[dark].isna().all()
    assert counts[~dark].notna().all()
    assert compounds.loc[compounds[MONTHS_WITHHELD], "month_count"].isna().all()
    handling = read(sample, audience, "out_handling", fewest)
    assert set(handling["scope"]) == {"all", "category", "month"}
    for name in ("complaint_count", "open_count", "late_count", "repeat_count"):
        assert not handling[name].between(1, fewest - 1).any()
        rest = handling["complaint_count"] - handling[name]
        assert not rest.between(1, fewest - 1).any()
    # A part by month and by category at once would close a ring of tables.
    assert handling.loc[handling["scope"] == "month", "late_count"].isna().all()


def test_what_is_shown_is_right(sample: dict[str, pd.DataFrame]) -> None:
    compounds = read(sample, STREET_OFFICE, "out_compounds")
    real = sample["out_compounds"]
    assert list(compounds["window_count"]) == list(real["window_count"])
    assert list(compounds.columns)[: real.shape[1]] == list(real.columns)
    kept = [n for n in real if n not in ("is_funnel_high", "is_past_high", "is_hotspot")]
    for name in kept:
        told = compounds[name].notna()
        assert list(compounds.loc[told, name]) == list(real.loc[told, name]), name
    months = read(sample, STREET_OFFICE, "out_months")
    known = months.dropna(subset=["complaint_count"])
    truth = sample["out_months"].groupby(["compound_id", "month"])["complaint_count"].sum()
    asked = pd.MultiIndex.from_frame(known[["compound_id", "month"]])
    assert list(known["complaint_count"]) == list(truth.reindex(asked).fillna(0))
    assert len(known) > 0


def test_hotspots_name_compounds_and_tell_no_figure(sample: dict[str, pd.DataFrame]) -> None:
    found = read(sample, STREET_OFFICE, "out_hotspots")
    assert list(found["compound_id"]) == ["T14"]
    assert found[["observed", "expected", "ratio", "members"]].isna().all(axis=None)
    assert len(sample["out_hotspots"]) == 3


def test_reasons_that_count_people_are_left_out(sample: dict[str, pd.DataFrame]) -> None:
    found = read(sample, STREET_OFFICE, "out_targets")
    said = "".join(found["reasons"]) + "".join(found["actions"])
    for code in ("overdue", "open_needs", "core_residents", "top_category", "worsening"):
        assert code not in said
    assert "gap" in said
    assert found[["score", "need", "parts"]].isna().all(axis=None)


@pytest.mark.parametrize("audience", [STREET_OFFICE, ANYBODY])
def test_an_empty_store_is_no_failure(sample: dict[str, pd.DataFrame], audience: Audience) -> None:
    empty = {name: table.iloc[:0] for name, table in sample.items()}
    for table in RULES[audience.role]:
        assert read(empty, audience, table).empty


# -- a reader who puts everything together ------------------------------------------------------------

PLACES, MONTHS, CATEGORIES = 4, 3, 3
KINDS = 4  # late and open, late only, open only, neither: parts of every count


def make_tables(cube: np.ndarray) -> dict[str, pd.DataFrame]:
    """The tables of made-up complaints: place (the last: none) by month by category by kind."""
    months = pd.date_range("2025-01-01", periods=MONTHS, freq="MS")
    places = [f"P{at}" for at in range(PLACES - 1)]
    rows = [
        (months[m], places[p] if p < PLACES - 1 else None, f"K{k}", cube[p, m, k].sum())
        for p, m, k in itertools.product(range(PLACES), range(MONTHS), range(CATEGORIES))
        if cube[p, m, k].sum()
    ]
    by_month = pd.DataFrame(rows, columns=["month", "compound_id", "category", "complaint_count"])
    by_month["complaint_count"] = by_month["complaint_count"].astype("Int64")
    compounds = pd.DataFrame({"compound_id": places, "name": places})
    compounds["households"] = 100
    compounds["window_from"], compounds["window_to"] = months[0], months[-1] + pd.offsets.MonthEnd()
    compounds["window_count"] = cube.sum(axis=(1, 2, 3))[:-1]
    compounds["rank"] = range(PLACES - 1)
    for name in ("is_funnel_high", "is_past_high", "is_hotspot"):
        compounds[name] = pd.array([True] * (PLACES - 1), dtype="boolean")
    handling = []
    groups = [
        ("all", "", cube),
        *(("month", f"{months[m]:%Y-%m}", cube[:, m]) for m in range(MONTHS)),
    ]
    groups += [("category", f"K{k}", cube[:, :, k]) for k in range(CATEGORIES)]
    for scope, name, part in groups:
        late, opened = part[..., :2].sum(), part[..., ::2].sum()
        handling.append((scope, name, part.sum(), opened, late, 0, part.sum() / 0.3))
    names = ["scope", "name", "complaint_count", "open_count", "late_count", "repeat_count", "rate"]
    table = pd.DataFrame(handling, columns=names)
    counts = names[2:6]
    table[counts] = table[counts].astype("Int64")
    totals = pd.DataFrame({"name": ["complaints"], "value": [float(cube.sum())]})
    return {
        "out_compounds": compounds, "out_months": by_month, "out_handling": table,
        "out_totals": totals,
    }  # fmt: skip


def learn_all(told: dict[str, pd.DataFrame]) -> Reader:
    """A reader who knows every figure of the tables that were told."""
    at = np.arange(PLACES * MONTHS * CATEGORIES * KINDS).reshape(PLACES, MONTHS, CATEGORIES, KINDS)
    reader = Reader(at.size)
    months = sorted(told["out_months"]["month"].unique())
    for p, row in enumerate(told["out_compounds"].itertuples()):
        if pd.notna(row.window_count):
            reader.learn(at[p], row.window_count)
    for row in told["out_months"].dropna(subset=["complaint_count"]).itertuples():
        reader.learn(at[int(row.compound_id[1:]), months.index(row.month)], row.complaint_count)
    for row in told["out_handling"].itertuples():
        part: Any = at
        if row.scope == "month":
            part = at[:, int(row.name[5:]) - 1]
        elif row.scope == "category":
            part = at[:, :, int(row.name[1:])]
        for value, cells in (
            (row.complaint_count, part), (row.late_count, part[..., :2]),
            (row.open_count, part[..., ::2]), (row.rate * 0.3, part[:-1]),
        ):  # fmt: skip
            if pd.notna(value):
                reader.learn(cells, round(value))
    for value in told["out_totals"]["value"]:
        reader.learn(at, value)
    reader.bound(at, 0, 10_000)
    return reader


counts = some.lists(
    some.sampled_from([0, 0, 0, 1, 2, 3, 8, 20]),
    min_size=PLACES * MONTHS * CATEGORIES * KINDS, max_size=PLACES * MONTHS * CATEGORIES * KINDS,
)  # fmt: skip


@settings(max_examples=40)
@given(counts, some.integers(0, 5))
def test_no_hidden_count_can_be_worked_out(drawn: list[int], thin: int) -> None:
    cube = np.array(drawn).reshape(PLACES, MONTHS, CATEGORIES, KINDS)
    # Some compounds and categories with next to nothing.
    cube[thin % PLACES] //= 8
    cube[:, :, thin % CATEGORIES] //= 4
    assume(cube.sum() > 0)
    tables = make_tables(cube)
    told = {
        name: disclose(ANYBODY, name, lambda table: tables[table].copy(), FEWEST)
        for name in ("out_compounds", "out_months", "out_handling", "out_totals")
    }
    reader = learn_all(told)
    at = np.arange(cube.size).reshape(cube.shape)
    asked = [(at[p], cube[p]) for p in range(PLACES)]
    asked += [(at[p, m], cube[p, m]) for p in range(PLACES) for m in range(MONTHS)]
    asked += [(at[:, :, k], cube[:, :, k]) for k in range(CATEGORIES)]
    asked += [(at[:, m], cube[:, m]) for m in range(MONTHS)]
    asked += [(at[:, :, k, :2], cube[:, :, k, :2]) for k in range(CATEGORIES)]
    for cells, values in asked:
        if 0 < values.sum() < FEWEST:
            low, high = reader.reach(cells)
            assert low <= values.sum() <= high
            assert high > low

"""Figures of the map: those of the usual window are etl's own, others follow the choice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from etl import periods
from etl.store import Store

Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def frames(sample_store: Path) -> Frames:
    store = Store(sample_store, read_only=True)
    found = {name: store.frame(name) for name in ("out_compounds", "out_months")}
    store.close()
    return found


def find(frames: Frames, first: str = "", last: str = "", category: str = "") -> periods.Period:
    compounds = frames["out_compounds"]
    listed = periods.list_months(compounds, frames["out_months"])
    return periods.find_period(compounds, listed, first, last, category)


def show(frames: Frames, period: periods.Period) -> pd.DataFrame:
    return periods.add_shown(frames["out_compounds"], frames["out_months"], period)


def test_without_a_choice_the_figures_are_those_that_etl_published(frames: Frames) -> None:
    period = find(frames)
    table = show(frames, period)
    assert period.month_count == 12
    assert (table["shown_count"] == table["window_count"]).all()
    for shown, published in (("rate", "rate"), ("low", "rate_low"), ("shrunk", "rate_shrunk")):
        np.testing.assert_allclose(
            table[f"shown_{shown}"].astype(float), table[published].astype(float), rtol=1e-9
        )


def test_months_and_categories_add_up(frames: Frames) -> None:
    whole = show(frames, find(frames))["shown_count"].sum()
    categories = frames["out_months"]["category"].unique()
    parts = [show(frames, find(frames, category=c))["shown_count"].sum() for c in categories]
    assert sum(parts) == whole
    assert min(parts) < whole


def test_a_single_month_is_that_month(frames: Frames) -> None:
    period = find(frames, "2026-03", "2026-03")
    months = frames["out_months"]
    expected = months[(months["month"] == "2026-03-01") & months["compound_id"].notna()]
    assert period.month_count == 1
    assert show(frames, period)["shown_count"].sum() == expected["complaint_count"].sum()


def test_months_out_of_reach_become_the_nearest_and_turned_ends_are_turned_back(
    frames: Frames,
) -> None:
    period = find(frames, "1999-01", "2099-01")
    listed = periods.list_months(frames["out_compounds"], frames["out_months"])
    assert (period.first, period.last) == (listed[0], listed[-1])
    turned = find(frames, "2026-05", "2026-02")
    assert turned.first is not None
    assert turned.last is not None
    assert turned.first < turned.last


def test_unknown_households_have_a_count_and_no_rate(frames: Frames) -> None:
    compounds = frames["out_compounds"].copy()
    compounds.loc[0, "households"] = pd.NA
    table = periods.add_shown(compounds, frames["out_months"], find(frames))
    assert table["shown_count"].iloc[0] > 0
    assert np.isnan(table["shown_rate"].iloc[0])
    assert np.isnan(table["shown_shrunk"].iloc[0])
    assert table["shown_rate"].iloc[1:].notna().all()


def test_without_complaints_there_are_no_months(frames: Frames) -> None:
    none = frames["out_months"].iloc[:0]
    assert periods.list_months(frames["out_compounds"], none) == []
    period = periods.find_period(frames["out_compounds"], [], "", "", "")
    table = periods.add_shown(frames["out_compounds"], none, period)
    assert (table["shown_count"] == 0).all()

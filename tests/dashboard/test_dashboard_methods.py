"""What the methods page says of its own reliability is what the simulation finds."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.views.methods import CHECKED, RELIABILITY
from dashboard.words import WORDS
from tests.bench.targeting import (
    HOUSEHOLDS,
    PLANTED,
    QUIET,
    YEARLY_PER_1000,
    Scenario,
    flag_compounds,
    make_communities,
)

FEW = 32
CASES = dict(zip(RELIABILITY, QUIET + PLANTED, strict=True))


def test_what_was_simulated_is_said_as_it_was() -> None:
    assert CHECKED["households"] == HOUSEHOLDS.sum()
    assert CHECKED["yearly"] == YEARLY_PER_1000
    assert {f"methods.case.{case}" for case in RELIABILITY} <= set(WORDS)


@pytest.mark.parametrize(("case", "scenario"), CASES.items())
def test_red_rings_are_drawn_as_often_as_is_said(case: str, scenario: Scenario) -> None:
    drawn = 0
    for town in make_communities(scenario, FEW, seed=3):
        flags = flag_compounds(town)
        drawn += int(flags.any() if town.planted is None else flags[town.planted])
    said = RELIABILITY[case] / 100.0
    # Four standard errors of so few communities, and two hits for the rare ones.
    slack = 4.0 * np.sqrt(said * (1.0 - said) / FEW) + 2.0 / FEW
    assert drawn / FEW == pytest.approx(said, abs=slack)

"""The next step of a self-organization, by rules made up here."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from geo.cultivation import Advice, Rule, advise_next_steps

RULES = [
    Rule("inactive"),
    Rule("no_rules"),
    Rule("not_registered", stages=["公益"]),
    Rule("not_supervised", kinds=["self_organization"]),
    Rule("appointed"),
    Rule("in_order", stages=["公益"]),
]
GOOD = {
    "kind": "self_organization", "state": "正常", "stage": "公益", "last_active_on": "2026-10-01",
    "leader_selection": "推选", "has_rules": True, "is_registered": True, "is_supervised": True,
}  # fmt: skip


def advise(**changes: Any) -> Advice:
    bodies = pd.DataFrame([{**GOOD, **changes}])
    bodies["last_active_on"] = pd.to_datetime(bodies["last_active_on"])
    advice: Advice = advise_next_steps(bodies, RULES, "2026-10-31", 180).iloc[0]
    return advice


def test_all_in_order_at_its_stage_goes_on_to_the_next() -> None:
    assert advise() == Advice("step", [5])
    # At another stage nothing is said of what comes next.
    assert advise(stage="治理") == Advice("nothing")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"last_active_on": "2026-05-03"}, 0),  # 181 days before
        ({"state": "名存实亡", "last_active_on": None}, 0),
        ({"has_rules": False}, 1),
        ({"is_registered": False}, 2),
        ({"is_supervised": False}, 3),
        ({"leader_selection": "指派"}, 4),
    ],
)
def test_each_rule_that_is_not_met_is_the_next_step(changes: dict[str, Any], rule: int) -> None:
    assert advise(**changes) == Advice("step", [rule])


def test_180_days_are_not_more_than_180() -> None:
    assert advise(last_active_on="2026-05-04") == Advice("step", [5])


def test_the_first_rule_comes_first_and_the_others_after_it() -> None:
    assert advise(is_registered=False, has_rules=False) == Advice("step", [1, 2])


def test_rules_of_other_stages_and_kinds_are_left_out() -> None:
    assert advise(stage="娱乐", is_registered=False) == Advice("nothing")
    assert advise(kind="volunteer_team", is_supervised=False) == Advice("step", [5])


def test_what_is_unknown_is_asked_and_never_taken_for_no() -> None:
    assert advise(has_rules=None) == Advice("ask", [], ["has_rules"])
    assert advise(last_active_on=None, leader_selection=None) == Advice(
        "ask", [], ["last_active_on", "leader_selection"]
    )
    assert advise(stage=None) == Advice("ask", [], ["stage"])
    # What is known to be missing is done meanwhile.
    assert advise(has_rules=None, is_supervised=False) == Advice("step", [3], ["has_rules"])


def test_what_is_dissolved_has_no_next_step() -> None:
    assert advise(state="已解散") == Advice("gone")

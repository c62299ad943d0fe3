"""Steps of a committee: what is late, whose turn it is, votes, and what cannot be."""

from __future__ import annotations

import pandas as pd
import pytest

from geo.errors import GeoError
from geo.formation import find_faults, judge_steps, measure_votes

ORDER = ["说明", "宣传", "投票", "备案", "监督"]
TODAY = "2026-10-31"
COLUMNS = ["compound_id", "term_no", "step", "planned_on", "done_on",
           "voter_count", "vote_count", "approval_count"]  # fmt: skip


def step(name: str, planned: str | None = None, done: str | None = None, term: int | None = 1,
         place: str = "Q") -> list:  # fmt: skip
    return [place, term, name, planned, done, None, None, None]


def frame(*rows: list) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=COLUMNS)
    for name in ("planned_on", "done_on"):
        table[name] = pd.to_datetime(table[name])
    for name in ("term_no", "voter_count", "vote_count", "approval_count"):
        table[name] = table[name].astype("Int64")
    return table


def statuses(*rows: list, today: object = TODAY) -> dict[str, str]:
    judged = judge_steps(frame(*rows), ORDER, today)
    return dict(zip(judged["step"], judged["status"], strict=True))


def test_done_late_next_and_waiting() -> None:
    judged = judge_steps(
        frame(
            step("说明", "2026-08-01", "2026-08-01"),
            step("宣传", "2026-10-10"),
            step("投票", "2026-11-20"),
        ),
        ORDER, TODAY,
    )  # fmt: skip
    assert judged["step"].to_list() == ORDER
    assert judged["status"].to_list() == ["done", "late", "waiting", "waiting", "waiting"]
    assert judged["days_late"].to_list()[1] == 21  # from 10 to 31 October
    assert judged["days_late"].isna().sum() == 4
    assert judged.loc[judged["is_turn"], "step"].to_list() == ["宣传"]


def test_the_next_step_is_not_late_on_its_own_day() -> None:
    assert statuses(step("说明", TODAY))["说明"] == "next"
    assert statuses(step("说明", "2026-10-30"))["说明"] == "late"


def test_a_step_of_which_nothing_is_written_is_untold_when_a_later_one_is_done() -> None:
    told = statuses(step("说明", None, "2026-01-01"), step("投票", None, "2026-03-01"))
    assert told == {"说明": "done", "宣传": "untold", "投票": "done", "备案": "next",
                    "监督": "waiting"}  # fmt: skip


def test_without_a_day_nothing_is_late() -> None:
    assert statuses(step("说明", "2020-01-01"), today=pd.NaT)["说明"] == "next"


def test_terms_and_compounds_are_judged_apart_and_a_missing_term_is_one() -> None:
    judged = judge_steps(
        frame(
            step("说明", None, "2019-01-01"),
            step("说明", None, "2022-01-01", term=2),
            step("宣传", None, None, term=None),
            step("说明", "2026-01-01", place="P"),
        ),
        ORDER, TODAY,
    )  # fmt: skip
    assert len(judged) == 4 * len(ORDER)
    assert judged["is_turn"].sum() == 4
    assert judge_steps(frame(), ORDER, TODAY).empty


def test_a_step_of_another_kind_is_refused() -> None:
    with pytest.raises(GeoError, match="剪彩"):
        judge_steps(frame(step("剪彩")), ORDER, TODAY)


@pytest.mark.parametrize(
    ("counts", "turnout", "approval", "is_enough"),
    [
        ((412, 131, 118), 100 * 131 / 412, 100 * 118 / 131, False),  # too few came
        ((412, 226, 171), 100 * 226 / 412, 100 * 171 / 226, True),
        ((100, 50, 50), 50.0, 100.0, False),  # half is not more than half
        ((100, 51, 25), 51.0, 100 * 25 / 51, False),
        ((100, 51, None), 51.0, None, None),
        ((100, 20, None), 20.0, None, False),  # however many were in favour
        ((None, 20, 20), None, 100.0, None),
        ((0, 0, 0), None, None, None),
    ],
)
def test_votes_need_more_than_half_to_come_and_more_than_half_of_them(
    counts: tuple, turnout: float | None, approval: float | None, is_enough: bool | None
) -> None:
    table = frame(step("投票"))
    table[COLUMNS[-3:]] = pd.DataFrame([counts], dtype="Int64")
    found = measure_votes(table, 50.0, 50.0).iloc[0]
    for name, value in (("turnout_pct", turnout), ("approval_pct", approval)):
        assert pd.isna(found[name]) if value is None else found[name] == pytest.approx(value)
    assert pd.isna(found["is_enough"]) if is_enough is None else found["is_enough"] == is_enough


def codes(*rows: list) -> list[tuple]:
    return [(fault.row, fault.column, fault.code) for fault in find_faults(frame(*rows), ORDER)]


def test_a_step_done_before_an_earlier_one_is_named() -> None:
    rows = [step("宣传", None, "2026-03-10"), step("投票", None, "2026-03-01")]
    (fault,) = find_faults(frame(*rows), ORDER)
    assert (fault.row, fault.column, fault.code) == (1, "done_on", "before")
    assert fault.values["earlier"] == "宣传"
    assert fault.values["day"] == pd.Timestamp("2026-03-10")


def test_a_vote_while_publicity_is_not_done_is_named_and_silence_is_not() -> None:
    rows = [step("宣传", "2026-02-01"), step("投票", None, "2026-03-01")]
    assert codes(*rows) == [(1, "done_on", "undone")]
    assert codes(rows[1]) == []
    assert codes(step("说明", None, "2026-03-01"), step("宣传", None, "2026-03-01")) == []


def test_two_terms_at_once_are_named_and_the_watch_over_the_first_is_not_its_end() -> None:
    first = [step("说明", None, "2022-05-01"), step("备案", None, "2022-07-01")]
    assert codes(*first, step("说明", None, "2022-06-30", term=2)) == [(2, "term_no", "two_terms")]
    assert codes(*first, step("说明", None, "2022-07-02", term=2)) == []
    watched = step("监督", None, "2022-12-31")
    assert codes(*first, watched, step("说明", None, "2022-07-02", term=2)) == []
    assert codes(*first, step("说明", None, "2022-06-30", term=None)) == []
    assert codes(*first, step("说明", None, "2022-06-30", term=2, place="P")) == []

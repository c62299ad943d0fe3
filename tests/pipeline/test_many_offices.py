"""Offices and readers at once, killed and cut off: every refresh exactly once, nothing left over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.offices import Plan, run
from tests.servers import Objects, Postgres


@pytest.mark.slow
def test_every_refresh_lands_exactly_once_whatever_falls_meanwhile(
    postgres: Postgres, objects: Objects, tmp_path: Path
) -> None:
    plan = Plan(
        offices=3, readers=2, readers_each=1, seconds=10, rows=8, kills=2, fail_every=10, rounds=2
    )
    data = f"s3://{objects.make_bucket()}/shequ"
    outcome = run(plan, tmp_path, postgres, data, objects)
    assert len(outcome.refreshes) >= plan.offices * plan.rounds
    assert len(outcome.turns) == len(outcome.waits) >= len(outcome.refreshes)
    assert (outcome.kills, outcome.restarts) == (2, 1)
    assert outcome.failed_writes > 0
    assert (outcome.missing, outcome.doubled) == (0, 0)
    assert len(outcome.reads) >= plan.readers
    assert (outcome.read_failures, outcome.halves_seen) == (0, 0)
    assert outcome.orphans_before > 0
    assert outcome.orphans_after == 0
    assert outcome.is_good
    assert outcome.tell().endswith("verdict: good")
    outcome.doubled = 1
    assert outcome.tell().endswith("verdict: NOT good")

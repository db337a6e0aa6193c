"""A thousand healthy and a thousand hung trainings, watched under the default and small floors."""

from __future__ import annotations

import pytest

from overnight.node import patience, seeing
from tests.unit.node import trainings

RUNS = 1000
FLOORS = {"default floors": seeing.DEFAULT, "small floors": trainings.SMALL_FLOORS}


@pytest.mark.parametrize("name", FLOORS)
def test_no_healthy_run_is_ended(name: str) -> None:
    """Compilation, jitter, heavy tails, pauses of twenty steps, announced or not."""
    outcomes = [trainings.healthy(seed, FLOORS[name]) for seed in range(RUNS)]
    assert [(seed, each.killed) for seed, each in enumerate(outcomes) if each.killed] == []
    assert sum(each.signs for each in outcomes) > 100 * RUNS


@pytest.mark.parametrize("name", FLOORS)
def test_every_hung_run_is_ended_in_time(name: str) -> None:
    """Within six times the interval that was learnt, or when the floor of its phase is over."""
    found = [trainings.hung(seed, FLOORS[name]) for seed in range(RUNS)]
    assert [seed for seed, each in enumerate(found) if each.limit_s is None] == []
    assert max(each.ratio for each in found) <= 6.0
    assert any(each.ratio > 0 for each in found)
    assert {each.deadline.phase for each in found} >= {patience.SETUP, patience.STEP}

"""Where a run ends and the next begins."""

from __future__ import annotations

import numpy as np
import pytest

from overnight.results.runs import segments
from tests.unit.results.health.drawn import series


@pytest.mark.parametrize(
    ("x", "begins"),
    [
        ([1, 2, 3, 4], [0]),
        ([0, 1, 2, 0, 1, 2], [0, 3]),
        ([100, 200, 300, 10, 20, 30], [0, 3]),
        ([0, 1, 0, 1, 2, 3], [0, 2]),
        ([0, 10, 20, 30, 20, 30, 40], [0]),  # resumed
        ([0, 1, 3, 2, 4, 5], [0]),  # a late line of another process
        ([5, 5, 5], [0]),
        ([], []),
    ],
)
def test_starts(x: list[float], begins: list[int]) -> None:
    """A new start is one near to the first; going back a part of the way is none."""
    assert segments.starts(np.array(x, np.float64)).tolist() == begins


def test_steps_counted_within_the_epoch() -> None:
    """The epoch is the axis then, and there is one run."""
    told = series("loss", np.ones(6), [1, 2, 3, 1, 2, 3], epoch=[1, 1, 1, 2, 2, 2])
    assert segments.runs(told) == 1
    assert segments.axis(told).tolist() == [1, 1, 1, 2, 2, 2]


def test_what_a_resumed_run_passed_again_is_judged_once() -> None:
    """The later values stay."""
    x = np.array([*range(60), *range(40, 100)])
    places, kept = segments.judged(series("loss", np.ones(x.size), x))
    assert kept.tolist() == list(range(100))
    assert places[40] == 60


def test_the_last_run_is_judged() -> None:
    """Unless it has hardly begun."""
    assert segments.judged(series("loss", np.ones(30), [*range(20), *range(10)]))[0][0] == 20
    assert segments.judged(series("loss", np.ones(23), [*range(20), *range(3)]))[0][0] == 0

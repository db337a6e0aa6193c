from __future__ import annotations

from typing import Any

import pytest

from overnight.core import views
from overnight.results import wording
from overnight.results.series import Point


@pytest.mark.parametrize(
    ("value", "shown"),
    [(93.7, "93.7"), (0.000015, "1.5e-05"), (float("nan"), "nan"), (1e25, "1e+25")],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    """Six digits are enough for people."""
    assert wording.number(value) == shown


@pytest.mark.parametrize(
    ("step", "epoch", "shown"),
    [
        (16400, 42.0, "epoch 42, step 16400"),
        (250, None, "step 250"),
        (None, 0.68, "epoch 0.68"),
        (None, None, ""),
    ],
)
def test_place_says_what_is_known(step: int | None, epoch: float | None, shown: str) -> None:
    """Step and epoch are shown as far as the file told them."""
    assert wording.place(Point(step, epoch, 1.0, "a", 1)) == shown


@pytest.mark.parametrize("seconds", [None, "soon", 1e300, float("nan"), []])
def test_what_is_no_time_is_a_question_mark(seconds: Any) -> None:
    """A record with an impossible time does not end the report."""
    assert wording.moment(seconds) == "?"


def test_repair_that_changes_the_experiment_is_marked() -> None:
    """Nobody may overlook a change of the science."""
    repair = views.Repair(failure="nan", change="lr / 2", at=0, attempt=1, changes_science=True)
    assert wording.repair(repair) == "nan: lr / 2 (CHANGES THE EXPERIMENT)"

"""What is known of a finished run's metric."""

from __future__ import annotations

import dataclasses
import math

from overnight.results.comparison import arms
from overnight.results.report import outcomes
from tests.unit.results.report import nights
from tests.unit.results.report.nights import AIM, run

FINISHED = run("a", "finished", 3.0)


def ended(value: float | None, best: float | None) -> dict[str, object]:
    primary = {"name": "val_acc", "value": value, "best": best, "step": 900, "epoch": 3}
    return nights.event("attempt_ended", 2.0, progress={"primary": primary})


def test_as_the_server_followed_it() -> None:
    """Without a file to point to, and the difference to the target."""
    found = outcomes.from_events("gpu1", FINISHED, [ended(93.0, 94.0)], AIM)
    assert found.best == outcomes.Number(value=94.0, place="")
    assert found.last == outcomes.Number(value=93.0, place="epoch 3")
    assert (found.difference, found.is_better) == (-1.5, False)


def test_from_its_files() -> None:
    """Each number with the file and line it stands in; a last value that is NaN is none."""
    measured = arms.Measured(
        best=94.5,
        best_place=arms.Place(900, 3.0, "work/metrics.csv", 5),
        last=math.nan,
        last_place=arms.Place(1200, None, "work/metrics.csv", 6),
        n=4,
        goal="max",
        split="val",
    )
    found = outcomes.from_files("gpu1", FINISHED, measured, AIM)
    assert found.best == outcomes.Number(
        value=94.5, place="epoch 3", file="work/metrics.csv", line=5
    )
    assert found.last is None
    ended_well = dataclasses.replace(measured, last=93.0)
    last = outcomes.from_files("gpu1", FINISHED, ended_well, AIM).last
    assert last is not None
    assert last.place == "step 1200"


def test_nothing_told() -> None:
    """No number is made up."""
    found = outcomes.from_events("gpu1", FINISHED, [ended(None, None)], AIM)
    assert (found.best, found.last, found.difference) == (None, None, None)


def test_a_fraction_and_percent() -> None:
    """They are not compared, and that is said."""
    found = outcomes.from_events("gpu1", FINISHED, [ended(0.93, 0.94)], AIM)
    assert found.difference is None
    assert "other scales" in found.note


def test_lower_is_better() -> None:
    """Where the project says so."""
    aim = dataclasses.replace(AIM, metric="loss", goal="min", target=0.5)
    found = outcomes.from_events("gpu1", FINISHED, [ended(0.5, 0.4)], aim)
    assert (found.difference, found.is_better) == (-0.1, True)

"""A run's records and series as a comparison needs them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest

from overnight.core import config
from overnight.results.comparison import outcomes
from overnight.results.comparison.arms import Outcome
from overnight.results.series import Point, Series
from tests.unit.results import folders

PLAN = config.Metrics(primary="val_acc", goal="max")


def series(
    name: str,
    values: list[float],
    *,
    split: str = "val",
    goal: str | None = None,
    steps: list[float] | None = None,
    epochs: list[float] | None = None,
    repeated: tuple[int, ...] = (),
) -> Series:
    n = len(values)
    return Series(
        name=name,
        written=name,
        split=split,
        goal=goal,
        value=np.array(values, dtype=np.float64),
        step=np.array(steps if steps else [math.nan] * n, dtype=np.float64),
        epoch=np.array(epochs if epochs else [math.nan] * n, dtype=np.float64),
        time=np.full(n, np.nan),
        line=np.arange(1, n + 1),
        file=np.zeros(n, dtype=np.int16),
        files=("work/metrics.jsonl",),
        attempt=np.ones(n, dtype=np.int16),
        is_repeated=np.array([place in repeated for place in range(n)]),
    )


def outcome(*listed: Series, **records: Any) -> Outcome:
    told = {"state": folders.state(), "spec": folders.spec(), **records}
    return outcomes.outcome("train01", series=listed, metrics=PLAN, **told)


def test_best_and_last_with_their_places() -> None:
    """Of what counts: what was done again does not, NaN is never best and may be last."""
    run = outcome(
        series(
            "val_acc", [99.0, 91.0, math.nan, 93.0, 92.0, math.nan],
            epochs=[1, 1, 2, 3, 4, 5], repeated=(0,),
        )
    )  # fmt: skip
    found = run.metrics["val_acc"]
    assert (found.best, found.n, found.nonfinite) == (93.0, 5, 2)
    assert found.best_place == (None, 3.0, "work/metrics.jsonl", 4)
    assert found.last is not None
    assert math.isnan(found.last)
    assert found.last_place == (None, 5.0, "work/metrics.jsonl", 6)


def test_the_primary_metric_comes_first_under_the_name_of_the_plan() -> None:
    """And with its goal; of others a known name tells theirs, or nothing does."""
    run = outcome(
        series("loss", [1.0, 0.5], split="train"),
        series("val_accuracy", [90.0, 91.0], goal="min"),
        series("val_whatever", [1.0, 2.0]),
    )
    assert [(name, each.goal) for name, each in run.metrics.items()] == [
        ("val_acc", "max"),
        ("loss", "min"),
        ("val_whatever", None),
    ]
    assert run.metrics["val_acc"].best == 91.0
    assert run.metrics["val_whatever"].best is None


@pytest.mark.parametrize("axis", ["steps", "epochs"])
def test_the_test_value_at_the_best_validation(axis: str) -> None:
    """At the step, or the epoch, where the validation was best; not its own best."""
    validation = series("val_acc", [90.0, 95.0, 93.0], **{axis: [10, 20, 30]})  # type: ignore[arg-type]
    tested = series("test_acc", [99.0, 94.0, 97.0], split="test", **{axis: [10, 20, 30]})  # type: ignore[arg-type]
    found = outcome(validation, tested).metrics["test_acc"]
    assert (found.best, found.at_best, found.chosen_by) == (99.0, 94.0, "val_acc")
    assert found.at_best_place is not None
    assert found.at_best_place.line == 2
    elsewhere = series("test_acc", [99.0, 94.0], split="test", **{axis: [15, 25]})  # type: ignore[arg-type]
    assert outcome(validation, elsewhere).metrics["test_acc"].at_best is None
    once = series("test_acc", [94.0], split="test", **{axis: [20]})  # type: ignore[arg-type]
    assert outcome(validation, once).metrics["test_acc"].at_best is None


def test_a_test_metric_as_the_primary_is_chosen_by_its_counterpart() -> None:
    """`val_acc` for `test_acc`, else the validation loss."""
    plan = config.Metrics(primary="test_acc", goal="max")
    epochs: list[float] = [1, 2, 3]
    tested = series("test_acc", [99.0, 94.0, 97.0], split="test", epochs=epochs)
    loss = series("val_loss", [3.0, 2.0, 1.0], epochs=epochs)
    accuracy = series("val_acc", [90.0, 95.0, 93.0], epochs=epochs)
    found = outcomes.measured_all([tested, loss, accuracy], plan)["test_acc"]
    assert (found.chosen_by, found.at_best) == ("val_acc", 94.0)
    found = outcomes.measured_all([tested, loss], plan)["test_acc"]
    assert (found.chosen_by, found.at_best) == ("val_loss", 97.0)
    assert outcomes.measured_all([tested], plan)["test_acc"].at_best is None


def test_what_was_set() -> None:
    """The sweep's point, flags, environment, files and what metric files hold."""
    spec = folders.spec(
        "python", "train.py", "--lr", "0.1",
        env={"WIDTH": "8"}, sweep={"name": "s", "point": {"wd": 0.1}, "seed": 3, "index": 2},
    )  # fmt: skip
    run = outcome(spec=spec, files={"c.yaml": "depth: 4\n"}, held={"heads": 8})
    assert run.config == {
        "heads": 8,
        "wd": 0.1,
        "script": "train.py",
        "--lr": "0.1",
        "env WIDTH": "8",
        "c.yaml depth": "4",
    }
    assert (run.seed, run.point, run.index, run.is_base) == (3, {"wd": 0.1}, 2, False)


def test_what_an_imported_run_has_set() -> None:
    """It has no command; its spec holds what its files told, nested as they had it."""
    spec = {"variants": [], "settings": {"optim": {"lr": 0.1, "betas": [0.9, 0.99]}, "seed": 3}}
    run = outcome(spec=spec, state={"state": "imported"})
    assert run.config == {"optim.lr": 0.1, "optim.betas": "[0.9, 0.99]", "seed": 3}
    typed = folders.spec("python", "t.py", settings={"lr": None, "workers": 4})
    assert outcome(spec=typed).config == {"script": "t.py"}


def test_a_summary_in_place_of_the_curve() -> None:
    """Best, last and how many; nothing at the best validation."""

    class Told(NamedTuple):
        best: Point | None
        last: Point
        n: int = 9
        goal: str | None = "max"
        split: str = "val"
        nonfinite: int = 0

    best, last = Point(30, None, 93.0, "m.csv", 4), Point(90, None, 92.0, "m.csv", 10)
    run = outcome(summaries={"val_acc": Told(best, last)})
    found = run.metrics["val_acc"]
    assert (found.best, found.last, found.n, found.at_best) == (93.0, 92.0, 9, None)
    assert found.best_place == (30, None, "m.csv", 4)
    assert outcome(summaries={"val_acc": Told(None, last)}).metrics["val_acc"].best is None


def test_where_it_is_from() -> None:
    """Snapshot, commit, server, GPUs, and what it ran in."""
    environment = {
        "python": "3.11.2", "driver": "550", "packages": {"torch": "2.1", "zlib": "1"},
        "gpus": [{"uuid": "0", "name": "A100"}, {"uuid": "1", "name": "T4"}],
        "variables": {"OMP_NUM_THREADS": "4", "CUDA_VISIBLE_DEVICES": "0"},
    }  # fmt: skip
    run = outcome(environment=environment)
    assert (run.server, run.provenance["commit"], run.provenance["snapshot"]) == (
        "gpu1",
        "1a2b3c4",
        "0123456789abcdef",
    )
    assert run.provenance["versions"] == {
        "python": "3.11.2",
        "driver": "550",
        "GPU": "A100",
        "torch": "2.1",
        "zlib": "1",
        "env OMP_NUM_THREADS": "4",
    }


def test_altered_runs() -> None:
    """A repair that changed the experiment alters it, one that split the batch does not."""
    assert not outcome().is_altered
    repairs = [{"class": "nan", "change": "lr 0.1 -> 0.05", "at": 1.0, "changes_science": True}]
    run = outcome(state=folders.state(repairs=repairs))
    assert run.altered == ("nan: lr 0.1 -> 0.05",)


def test_how_long_it_took() -> None:
    attempts = [{"n": 1, "started_at": 10.0, "ended_at": 15.0}, {"n": 2, "started_at": 100.0}]
    assert outcome(state={"attempts": attempts}).duration_s == 5.0
    assert outcome(state={}).duration_s is None


@pytest.mark.parametrize(
    "broken",
    [
        {"state": {"attempts": 3, "repairs": [1, None, {"at": "x"}], "state": None}},
        {"spec": {"variants": [7], "env": [], "sweep": "x", "provenance": 1}},
        {"spec": {"variants": [{"argv": "text"}]}, "state": {"attempts": [None, "a"]}},
        {"environment": {"packages": 1, "gpus": [1], "variables": None}},
    ],
)
def test_broken_records(broken: dict[str, Any]) -> None:
    """Whatever they hold, a run comes out, and its numbers stand."""
    run = outcome(series("val_acc", [90.0]), **broken)
    assert run.metrics["val_acc"].last == 90.0

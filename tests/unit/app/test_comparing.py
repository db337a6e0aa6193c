"""What a comparison takes from a run's folder on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.app import Overnight, comparing
from overnight.app.code_changes import Snapshots
from overnight.results.comparison import grouping
from tests.unit.app.projects import project
from tests.unit.results import folders


@pytest.fixture
def o(tmp_path: Path) -> Iterator[Overnight]:
    with project(tmp_path) as made:
        yield made


def logged(o: Overnight, run: str, seed: int, *argv: str) -> None:
    """A run whose MLflow was told of a seed."""
    folder = o.root / ".overnight/results" / run
    mlflow = folder / "work/mlruns/0" / "0123456789abcdef0123456789abcdef"
    for path, content in {
        "meta.yaml": "", "metrics/val_acc": f"1700000000000 0.{seed} 1\n",
        "params/seed": str(seed), "params/device": f"cuda:{seed}",
    }.items():  # fmt: skip
        (mlflow / path).parent.mkdir(parents=True, exist_ok=True)
        (mlflow / path).write_text(content)
    (folder / "state.json").write_text(json.dumps(folders.state(run, repairs=[])))
    (folder / "spec.json").write_text(json.dumps(folders.spec(*argv)))


def test_seeds_that_only_the_logger_knows_make_one_arm(o: Overnight) -> None:
    """Where it ran is no setting that tells arms apart."""
    for seed in (1, 2, 3):
        logged(o, f"r{seed}", seed)
    (arm,) = grouping.grouped([*comparing.all_of(Snapshots(o), ["r1", "r2", "r3"])])
    assert [each.seed for each in arm.outcomes] == [1, 2, 3]


def test_the_seed_of_the_command_counts(o: Overnight) -> None:
    """What a logger calls a seed beside it is not asked."""
    logged(o, "r1", 1, "python", "train.py", "--seed", "7")
    (arm,) = grouping.grouped(comparing.all_of(Snapshots(o), ["r1"]))
    assert [each.seed for each in arm.outcomes] == [7]


@pytest.mark.parametrize(
    ("typed", "means"),
    [(None, None), ("94.1", 94.1), ("1e-3", 1e-3), ("nan", "nan"), ("inf", "inf")],
)
def test_a_number_to_measure_by(typed: str | None, means: float | str | None) -> None:
    """Nothing can be measured by NaN or infinity, but a run may have that name."""
    found = comparing.number(typed)
    assert (found.value if isinstance(found, comparing.Number) else found) == means


def test_a_run_whose_name_is_a_number_is_the_run(o: Overnight) -> None:
    """What is in the table is meant, not a number from elsewhere."""
    for run, seed in (("7", 1), ("r2", 2)):
        logged(o, run, seed, "python", "train.py", "--lr", run)
        state = o.root / ".overnight/results" / run / "state.json"
        state.write_text(json.dumps({**folders.state(run, repairs=[]), "state": "imported"}))
    found = comparing.compared(o, ["7", "r2"], baseline="7")
    assert found.baseline is not None
    assert found.baseline.arm == "lr=7"

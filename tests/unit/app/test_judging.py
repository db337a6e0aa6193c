"""`results RUN` says how the curves of the run do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.app import Overnight, evaluating, importing
from overnight.results import show
from tests.unit.app.projects import project


@pytest.fixture
def o(tmp_path: Path) -> Iterator[Overnight]:
    with project(tmp_path / "project", primary="val_loss", goal="min") as made:
        yield made


def test_an_overfitting_run(o: Overnight, tmp_path: Path) -> None:
    """As a sentence for people, with its evidence in JSON."""
    rows = [
        {"epoch": n, "loss": 1 / n, "val_loss": 0.5 + abs(n - 12) / 20, "x\x1b[2J_loss": None}
        for n in range(1, 41)
    ]
    run = tmp_path / "old/a"
    run.mkdir(parents=True)
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    importing.bring(o, tmp_path / "old")
    found = evaluating.judged(o, evaluating.result(o, "a", None))
    told = {each["finding"]: each for each in found.to_json()["health"]}
    assert (told["overfit"]["series"], told["overfit"]["at"]) == ("val_loss", 12)
    json.dumps(found.to_json(), allow_nan=False)
    shown = show.result(found)
    assert "health\n  val_loss: best 0.5 at 12; rising since, to 1.9" in shown


@pytest.mark.parametrize(
    ("state", "left"),
    [
        ({"state": "finished", "progress": {"step": 5, "steps": 50}}, 0.0),
        ({"state": "running", "progress": {"epoch": 10, "epochs": 40, "step": 3}}, 3.0),
        ({"state": "failed", "progress": {"step": 25, "steps": 100}}, 3.0),
        ({"state": "running", "progress": {"step": 5, "steps": None}}, None),
        ({"state": "running"}, None),
    ],
)
def test_what_remains(state: dict[str, object], left: float | None) -> None:
    """Of a training that has come to its end nothing does."""
    assert evaluating.remaining(state) == left

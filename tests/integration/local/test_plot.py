"""Curves of real runs: a repaired one, and a sweep that still goes on."""

from __future__ import annotations

import json

import pytest

from overnight.node import states
from tests import waiting
from tests.integration.local import sweeping
from tests.integration.local.world import World

LOSS = '\n[metrics]\nprimary = "loss"\ngoal = "min"\n'


def test_a_repaired_run_has_a_mark_where_its_second_attempt_goes_on(world: World) -> None:
    world.set_up(more=LOSS)
    world.launch("mended", "--gate", "2", "--batch-size", "64", "--accum", "1", "--oom-above", "32")
    world.open_gate(2)
    assert world.wait("mended").state == states.FINISHED
    (line,) = json.loads(world.typed("plot", "mended", "--json"))["lines"]
    assert line["x"] == sorted(line["x"])
    assert line["mean"] == sorted(line["mean"], reverse=True)
    ((_, told),) = line["marks"]
    assert "cuda_oom" in told
    assert "batch 64 -> batch 32 x 2" in told
    assert told in world.typed("plot", "mended")


def test_the_arms_of_a_sweep_are_plotted_while_one_of_its_runs_goes_on(world: World) -> None:
    world.set_up(more=sweeping.METRICS)
    for index, seed in enumerate((1, 2)):
        sweeping.start(world, f"lr-s{seed}", 0.1, index=index, seed=seed)
        assert world.wait(f"lr-s{seed}").state == states.FINISHED
    sweeping.start(world, "lr-far", 0.3, gate="go", index=2, point={"lr": 0.3}, seed=1)

    def going() -> dict[str, dict]:
        told = json.loads(world.typed("plot", "--sweep", "lr", "--json"))
        lines = {each["n"]: each for each in told["lines"]}
        return lines if len(told["lines"]) == 2 and len(lines[1]["x"]) == 2 else {}

    lines = waiting.wait_until(going, what="two epochs of the run that goes on")
    assert lines[2]["mean"] == pytest.approx([100.1, 100.5, 100.3])
    (world.diary / "go").touch()
    assert world.wait("lr-far").state == states.FINISHED

"""A run's life in a Slurm job: the same records, repairs and stops as anywhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from overnight.node import states
from tests.integration.slurm.world import World

pytestmark = pytest.mark.xdist_group("slurm")


def test_a_run_finishes_in_a_job(world: World) -> None:
    """Submitted, run on a node with one of its GPUs, and ended with all records."""
    world.launch("train01")
    view = world.wait("train01")
    assert view.state == states.FINISHED, world.told("train01")
    assert world.starts() == ["starts after 0 batch 64 x 1"]
    attempt = Path(world.run("train01").attempt(1))
    record = json.loads((attempt / "exit.json").read_text())
    assert record["exit_code"] == 0
    assert record["progress"]["epoch"] == 3
    variables = json.loads((attempt / "variables.json").read_text())
    assert variables["SLURM_JOB_ID"] == world.job("train01")
    assert variables["CUDA_VISIBLE_DEVICES"] == "0"
    assert world.wait_for_job("train01", "COMPLETED") is None

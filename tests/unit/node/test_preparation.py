"""What an attempt starts from."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

from overnight.node import layout, preparation, states
from tests.unit.node import runs


def checkpoint(run: layout.Run, name: str) -> str:
    path = os.path.join(run.work, name)
    Path(path).write_bytes(pickle.dumps({"epoch": 1}))
    return path


def test_a_checkpoint_damaged_since_it_was_chosen_is_not_used(tmp_path: Path) -> None:
    """Between the repair and the start the power may have been cut, and taken its end."""
    run = runs.make(tmp_path)
    older, chosen = checkpoint(run, "epoch_1.pt"), checkpoint(run, "epoch_2.pt")
    attempt = states.Attempt(1, 0.0, 0, "batch 64", None, [])
    state = states.State(attempts=(attempt,), checkpoint=chosen)
    spec = runs.spec(resume=["--resume", "{checkpoint}"])
    assert preparation.next_start(run, spec, state, []).checkpoint == chosen

    os.truncate(chosen, 10)

    start = preparation.next_start(run, spec, state, [])
    assert start.checkpoint == older
    assert [path for path, _ in start.passed_over] == [chosen]

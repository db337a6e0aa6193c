"""Who carries an active run: its place in the queue and then a supervisor here, or Slurm."""

from __future__ import annotations

from typing import Any

from overnight.node import journal, layout, server, states


def see_to(run: layout.Run, spec: dict[str, Any], state: states.State) -> bool:
    """An active run waits for its turn or is supervised, and the server has its watch.

    True where a process was started for it.
    """
    if state.state not in states.ACTIVE:
        return False
    if spec.get("slurm"):
        from overnight.node.slurm import keeping  # only where Slurm is

        return keeping.see_to(run, spec)
    if state.is_idle:
        from overnight.node import turns  # what it takes to decide; a look at runs does without

        turns.enter(run, spec)
        return journal.state(run).place is not None
    started = server.ensure_supervisor(run)
    server.ensure_watch(run.root)
    return started

"""The run's events on disk: appended under a lock, numbered, and folded into state.json."""

from __future__ import annotations

import time
from typing import Any, Callable

from overnight.node import fs, layout, lock, states


def read(run: layout.Run, after: int = 0) -> list[dict[str, Any]]:
    """The events with a number above `after`."""
    return [
        event
        for _, event in fs.json_lines(run.file("events.jsonl"))
        if isinstance(event, dict) and isinstance(event.get("seq"), int) and event["seq"] > after
    ]


def state(run: layout.Run) -> states.State:
    return states.fold(read(run))


def append(
    run: layout.Run,
    kind: str,
    *,
    when: Callable[[states.State], bool] = lambda _: True,
    clock: Callable[[], float] = time.time,
    **details: Any,
) -> states.State:
    """Adds one event where `when(current state)` holds, and publishes the new state.json.

    The check and the append are one step for every process of this server.
    """
    with lock.held(run.file("events.lock")):
        current = state(run)
        if not when(current):
            return current
        event = {"seq": current.seq + 1, "time": round(clock(), 3), "type": kind, **details}
        fs.append_line(run.file("events.jsonl"), event)
        after = states.apply(current, event)
        publish(run, after)
        return after


def publish(run: layout.Run, current: states.State) -> None:
    fs.publish_json(
        run.file("state.json"), {"run": run.name, "project": run.project, **current.to_json()}
    )

"""One look at all runs of a project: states, new events and new output, in one answer.

With a timeout it waits until there is something new, so that a laptop that follows a run hears
of an event half a round trip after it happened.
"""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Iterable

from overnight.node import fs, identity, journal, layout, reading, states

PAUSE_S = 0.03
LONGEST_PAUSE_S = 0.3
OUTLOOK = "outlook.json"
MAX_LOG_BYTES = 256 * 1024


def look(
    root: str, args: dict[str, Any], wait: Callable[[float], bool]
) -> tuple[dict[str, Any], bytes]:
    """args: project, cursors {run: last seq seen}, log {run, attempt, offset} | None, timeout_s.

    `wait(seconds)` pauses and says True when the laptop has asked for something else (or left).
    Where the run of `log` has ended there is nothing to wait for.
    """
    timeout_s = 0.0 if has_ended(root, args) else float(args.get("timeout_s") or 0.0)
    deadline = time.monotonic() + timeout_s
    seen = args.get("cursors") or {}
    sizes: dict[str, int] = {}
    while True:
        began = time.monotonic()
        events = new_events(root, args["project"], seen, sizes)
        log, payload = read_log(root, args)
        done = events or payload or time.monotonic() >= deadline
        if done or wait(pause_s(time.monotonic() - began)):
            runs = rows(root, args["project"], events)
            make_last(root, args["project"], events)
            return {"runs": runs, "events": events, "log": log, "time": time.time()}, payload


def make_last(root: str, project: str, told: Iterable[str]) -> None:
    """What is about to be told of these runs is on the disk first (law 2).

    Whoever wrote an event may have been stopped before it was flushed. Had the laptop heard of
    one that the power then takes, it would never hear of the next one with the same number.
    """
    for name in told:
        fs.sync_file(layout.run(root, project, name).file("events.jsonl"))


def pause_s(took_s: float) -> float:
    """With many runs a look takes longer, and must not take more of the server for that."""
    return min(LONGEST_PAUSE_S, max(PAUSE_S, 30 * took_s))


def has_ended(root: str, args: dict[str, Any]) -> bool:
    """Whether the laptop reads the output of a run that writes no more."""
    if not args.get("log"):
        return False
    run = layout.run(root, args["project"], args["log"]["run"])
    return journal.published(run)["state"] in states.ENDED


def rows(root: str, project: str, events: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """All runs of the project, none older than the newest of its `events`."""
    newest = {name: listed[-1]["seq"] for name, listed in events.items()}
    runs = [run for run in layout.runs(root, project) if launched(run)]
    watched = is_watched(root)
    found = [row(run, newest.get(run.name, 0), watched) for run in runs]
    told = starts(root, project) if any(map(states.is_idle, found)) else {}
    for each in found:
        at = told.get(each["run"]) if states.is_idle(each) else None
        each["starts_in_s"] = None if at is None else round(max(0.0, at - time.time()), 3)
    return found


def starts(root: str, project: str) -> dict[str, float | None]:
    """Run -> when it is expected to start, as `outlook` has written; {} where that is old."""
    told = fs.read_json(os.path.join(root, OUTLOOK)) or {}
    return (
        dict(told.get("starts", {}).get(project) or {})
        if told.get("until", 0) > time.time()
        else {}
    )


def is_watched(root: str) -> bool:
    """Whether the watch of this root lives: whoever waits for a place has nobody else."""
    watch = identity.from_json(fs.read_json(os.path.join(root, "watch.json")))
    return watch is not None and identity.alive(watch)


def launched(run: layout.Run) -> bool:
    return os.path.exists(run.file("state.json"))


def new_events(
    root: str, project: str, seen: dict[str, int], sizes: dict[str, int]
) -> dict[str, list[dict[str, Any]]]:
    """Events after the cursors; files that have not grown since the last call are not read."""
    found = {}
    for run in layout.runs(root, project):
        size = reading.size(run.file("events.jsonl"))
        if size == sizes.get(run.name, 0):
            continue
        sizes[run.name] = size
        events = journal.read(run, after=int(seen.get(run.name, 0)))
        if events:
            found[run.name] = events
    return found


def row(run: layout.Run, at_least: int, watched: bool) -> dict[str, Any]:
    """The run's state with the newest progress of its open attempt.

    `at_least`: the number of an event that the same answer tells of. state.json follows an event
    after a moment, and the laptop would wait for what it has been told already.
    """
    state = journal.published(run)
    if state.get("seq", 0) < at_least:
        state = journal.shown(run, journal.state(run))
    spec = fs.read_json(run.file("spec.json")) or {}
    heartbeat: dict[str, Any] = {}
    if state.get("attempt"):
        heartbeat = fs.read_json(run.attempt(state["attempt"], "heartbeat")) or {}
    supervisor = identity.from_json(fs.read_json(run.file("supervisor.json")))
    supervised = supervisor is not None and identity.alive(supervisor)
    cared_for = supervised or (watched and states.is_idle(state))
    value = {
        **state,
        "run": run.name,
        "kind": spec.get("kind", "run"),
        "heartbeat": heartbeat,
        "supervised": supervised,
        "silent_s": silent_s(state, heartbeat, cared_for, time.time()),
        "snapshot": spec.get("snapshot"),
        "sweep": spec.get("sweep") or None,
        "queue": spec.get("queue") or {},
        "view": fs.read_text(run.file("view")),
    }
    if spec.get("slurm"):
        from overnight.node.slurm import keeping  # only where Slurm is

        value.update(keeping.shown(run, value))
    return value


def silent_s(
    state: dict[str, Any], heartbeat: dict[str, Any], cared_for: bool, now: float
) -> float | None:
    """Seconds since the run's last sign of life, by this server's clock; None once it has ended.

    While an attempt runs that is its heartbeat; otherwise a living supervisor is a sign itself, and
    for a run that waits for its turn the watch.
    """
    if state["state"] not in states.ACTIVE:
        return None
    if state["state"] != states.RUNNING and cared_for:
        return 0.0
    last = max(float(heartbeat.get("time") or 0.0), float(state.get("changed_at") or 0.0))
    return round(max(0.0, now - last), 3)


def read_log(root: str, args: dict[str, Any]) -> tuple[dict[str, Any] | None, bytes]:
    """New output from (attempt, offset) on, moving to the next attempt when one is read out.

    attempt 0 means the newest; a negative offset means that many bytes before its end.
    """
    wanted = args.get("log")
    if not wanted:
        return None, b""
    run = layout.run(root, args["project"], wanted["run"])
    newest = newest_attempt(run)
    number, offset = int(wanted["attempt"]) or newest, int(wanted["offset"])
    while True:
        path = run.attempt(number, "output.log")
        size = reading.size(path)
        if offset < 0:
            offset = max(0, size + offset)
        if size > offset or number >= newest:
            break
        number, offset = number + 1, 0
    payload = reading.part(path, offset, MAX_LOG_BYTES) if size > offset else b""
    after = offset + len(payload)
    return {
        "attempt": number,
        "start": offset,
        "offset": after,
        "more": size > after or number < newest,
    }, payload


def newest_attempt(run: layout.Run) -> int:
    return max((int(n) for n in layout.names(run.file("attempts")) if n.isdigit()), default=0)

"""Whose turn it is: starts what waits on this server as soon as there is room for it.

Called by whoever may have made a difference: a launch, a supervisor at its end, the watch. Only one
process at a time decides; what it decides stands in the events of each run before anything starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any, Iterator

from overnight.node import (
    cards,
    fs,
    identity,
    journal,
    layout,
    lock,
    planning,
    processes,
    reading,
    server,
    sharing,
    states,
    waiting,
)

LOCK_S = 10.0
MANY = 20


class Memory:
    """What a process that looks again and again need not read again.

    `sight` is of its last turn; `outlook_at`: when the next outlook is due (monotonic clock).
    `broken`: runs that wait, of which nothing could be written; they sit out the next turn, so that
    they do not stand in the way of the others.
    """

    def __init__(self) -> None:
        self.sight: cards.Sight | None = None
        self.outlook_at = float("-inf")
        self.broken: set[layout.Run] = set()
        self._states: dict[layout.Run, tuple[int, dict[str, Any]]] = {}
        self._wishes: dict[layout.Run, waiting.Wish] = {}

    def state(self, run: layout.Run) -> dict[str, Any]:
        """By its events: state.json is behind them where its writer was killed in between."""
        size = reading.size(run.file("events.jsonl"))
        known = self._states.get(run)
        if known is None or known[0] != size:
            known = self._states[run] = size, journal.shown(run, journal.state(run))
        return known[1]

    def wish(self, run: layout.Run) -> waiting.Wish:
        if run not in self._wishes:
            self._wishes[run] = waiting.read(run)
        return self._wishes[run]

    def drop(self, run: layout.Run) -> None:
        self._states.pop(run, None)
        self._wishes.pop(run, None)


def turn(root: str, memory: Memory | None = None) -> int:
    """How many runs were started. TimeoutError where another process decides for long."""
    memory = memory or Memory()
    before = list(survey(root, memory))
    if not any(each.is_idle for each in before):
        return 0
    sight = memory.sight = look(root, before)
    asked = {each.run for each in before if each.is_idle} - memory.broken
    with lock.held(os.path.join(root, "queue.lock"), LOCK_S):
        # Whoever came while we looked takes a turn of its own: nobody has asked for its GPUs here.
        now = [each for each in survey(root, memory) if not each.is_idle or each.run in asked]
        active = [dated(each) for each in now]
        promised = Promised(root)
        plan = planning.plan(active, here(sight)._replace(promised=promised.run))
        promised.keep(plan.promised)
        actions = plan.actions
        together = sum(isinstance(each, planning.Wait) for each in actions) > MANY
        memory.broken.clear()
        granted = [each.run for each in actions if carried_out(each, not together, memory)]
        if together:
            fs.sync_all(root)
    for run in granted:
        server.ensure_supervisor(run)
    return len(granted)


class Promised:
    """For which run cards are held; else a wider one that comes later could take them over."""

    def __init__(self, root: str) -> None:
        self.path = os.path.join(root, "promised.json")
        self.root = root
        told = fs.read_json(self.path)
        self.run: layout.Run | None = None
        with contextlib.suppress(TypeError, ValueError):
            self.run = layout.run(root, *told)

    def keep(self, run: layout.Run | None) -> None:
        if run != self.run:
            fs.publish_json(self.path, run and [run.project, run.name], durable=False)


def look(root: str, active: list[planning.Active]) -> cards.Sight:
    """The driver is only asked where somebody wants to know."""
    if all(each.wish.gpus == 0 for each in active if each.is_idle):
        return cards.UNSEEN
    return cards.look(root, common_rules(active), keep=True)


def common_rules(active: list[planning.Active]) -> sharing.Rules:
    """By which the sightings are kept; the projects of one user hardly ever differ in them."""
    return sharing.rules(active[0].wish.sharing if active else None)


def here(sight: cards.Sight) -> planning.Server:
    now = time.time()
    return planning.Server(sight, os.cpu_count() or 1, now, time.localtime(now))


def survey(root: str, memory: Memory) -> Iterator[planning.Active]:
    """The runs on the list that have not ended; the others are taken off it."""
    for run in waiting.listed(root):
        try:
            state = memory.state(run)
        except OSError:  # one broken run must not leave the others alone
            continue
        if state["state"] in states.ENDED:
            waiting.forget(run)
            memory.drop(run)
        elif state["state"] in states.ACTIVE:
            wish = waiting.ruled(run, memory.wish(run))
            after = {name: state_of(run, name, memory) for name in wish.after}
            yield planning.Active(run, wish, state, None, after)


def state_of(run: layout.Run, name: str, memory: Memory) -> str:
    """Of another run of the same project; "" where there is none."""
    with contextlib.suppress(ValueError):
        return str(memory.state(layout.run(run.root, run.project, name))["state"])
    return ""


def dated(each: planning.Active) -> planning.Active:
    """With its expected end: what its output says of it, else how long it was said to take."""
    attempts = each.state.get("attempts")
    if each.is_idle or not attempts:
        return each
    beat = fs.read_json(each.run.attempt(len(attempts), "heartbeat")) or {}
    if beat.get("eta_s") is not None:
        return each._replace(ends_at=float(beat["time"]) + float(beat["eta_s"]))
    if each.wish.expected_s is None:
        return each
    return each._replace(ends_at=float(attempts[0]["started_at"]) + each.wish.expected_s)


def carried_out(action: planning.Action, durable: bool, memory: Memory) -> bool:
    """As `carry_out`; a run of which nothing can be written leaves the others alone."""
    try:
        return carry_out(action, durable)
    except OSError:
        memory.broken.add(action.run)
        return False


def carry_out(action: planning.Action, durable: bool) -> bool:
    """Appends what was decided, where it still holds. True where the run may start.

    Of many runs that have to wait nothing needs to last before they are flushed together.
    """

    def note(kind: str, **details: Any) -> states.State:
        return journal.append(action.run, kind, when=may(kind), **details)

    if isinstance(action, planning.Grant):
        state = note(
            "granted", gpus=list(action.gpus), share=action.share, indices=list(action.indices)
        )
        return state.place is not None and state.state in states.ACTIVE
    if isinstance(action, planning.Wait):
        note("waiting", durable=durable, reason=action.reason)
    elif isinstance(action, planning.Stop):
        note("stopped", reason=f"stopped by {action.by}")
    elif isinstance(action, planning.Fail):
        note("failed", reason=action.reason)
    else:
        note("decision_needed", reason=action.reason, answers=action.answers)
    return False


def may(kind: str) -> Any:
    """Only a run that still waits; one that somebody has stopped meanwhile is only stopped."""
    return lambda state: state.is_idle and (kind == "stopped") == (state.stop is not None)


# -- for whoever has made a difference --------------------------------------------------------


def enter(run: layout.Run, spec: dict[str, Any]) -> None:
    """The run waits from now on; it starts at once where there is room."""
    waiting.note(run, spec)
    give(run.root)


def give(root: str) -> None:
    """Takes a turn, and sees to it that a watch takes the next ones, also where this one failed."""
    with contextlib.suppress(OSError):
        turn(root)
    if any(True for _ in waiting.listed(root)):
        server.ensure_watch(root)
        wake_watch(root)


def wake_watch(root: str) -> None:
    """It looks at once, and more often for a while."""
    watch = identity.from_json(fs.read_json(os.path.join(root, "watch.json")))
    if watch is not None:
        processes.send(watch, signal.SIGUSR1)


def withdraw(run: layout.Run, to: str) -> states.State:
    """Takes a run that has never started out of the queue for ever: another server has it.

    One that another run is to follow stays: nobody here would know when it has finished.
    """
    with lock.held(os.path.join(run.root, "queue.lock"), LOCK_S):
        stays = is_followed(run)
        state = journal.append(
            run,
            "moved",
            when=lambda s: not stays and s.is_idle and s.stop is None and not s.attempts,
            to=to,
        )
    if state.moved_to is not None:
        waiting.forget(run)
    return state


def is_followed(run: layout.Run) -> bool:
    line = [each for each in survey(run.root, Memory()) if each.run.project == run.project]
    return any(run.name in each.wish.after for each in line if each.is_idle)

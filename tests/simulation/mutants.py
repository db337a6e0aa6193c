"""Deliberate breakages of the node, at least one for each law. Each must show within some nights.

A mutant whose place in the code is gone fails loudly: it must be moved, not dropped.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from overnight.core import errors
from overnight.node import (
    actions,
    attempt,
    checkpoints,
    decide,
    ending,
    fs,
    identity,
    journal,
    launch,
    lock,
    look,
    places,
    planning,
    preparation,
    processes,
    repairs,
    sharing,
    shim,
    states,
    supervise,
    sweeps,
    watch,
)
from overnight.train import follow


class Mutant(NamedTuple):
    """`changes` says what takes the place of what. `is_quick`: most nights show it."""

    law: int
    name: str
    changes: Callable[[], list[tuple[Any, str, Any]]]
    is_quick: bool = False

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        old = []
        for place, name, new in self.changes():
            old.append((place, name, read(place)[name]))
            put(place, name, new)
        try:
            yield
        finally:
            for place, name, before in reversed(old):
                put(place, name, before)


def read(place: Any) -> dict[str, Any]:
    return place if isinstance(place, dict) else dict(vars(place))


def put(place: Any, name: str, value: Any) -> None:
    if isinstance(place, dict):
        place[name] = value
    else:
        setattr(place, name, value)


def named(name: str) -> Mutant:
    return next(each for each in ALL if each.name == name)


Changes = list[tuple[Any, str, Any]]

# -- 1: unreachable is not failed -------------------------------------------------------------


def a_link_that_ends_ends_the_run() -> Changes:
    real = look.look

    def mutated(root: str, args: dict[str, Any], wait: Callable[[float], bool]) -> Any:
        answer = real(root, args, wait)
        if args.get("timeout_s") and wait(0.0):
            for row in answer[0]["runs"]:
                run = look.layout.run(root, args["project"], row["run"])
                journal.append(run, "failed", reason="the laptop is gone")
        return answer

    return [(look, "look", mutated)]


def the_laptop_takes_silence_for_failure() -> Changes:
    real = follow.look

    def mutated(server: Any, project: str, **options: Any) -> Any:
        try:
            mutated.last = real(server, project, **options)
        except errors.Unreachable:
            rows = [{**row, "state": "failed"} for row in mutated.last.rows]
            return follow.replace(mutated.last, rows=rows)
        return mutated.last

    import dataclasses

    follow.replace = dataclasses.replace  # type: ignore[attr-defined]
    return [(follow, "look", mutated)]


def a_new_supervisor_takes_the_living_for_dead() -> Changes:
    real = attempt.Follower.over

    def mutated(self: attempt.Follower) -> bool:
        return self.child_pid is None or real(self)

    return [(attempt.Follower, "over", mutated)]


# -- 2: the outcome is on the disk first ------------------------------------------------------


def the_end_is_told_before_it_is_recorded() -> Changes:
    def mutated(self: supervise.Supervisor, follower: attempt.Follower, cause: str | None) -> None:
        value = ending.known(follower.folder) or ending.record(follower, self.spec, cause)
        told = {key: value[key] for key in ending.TOLD}
        self.patiently(lambda: self.note("attempt_ended", attempt=follower.number, **told))
        self.patiently(lambda: fs.publish_json(f"{follower.folder}/exit.json", value))

    return [(supervise.Supervisor, "record", mutated)]


def records_are_not_flushed() -> Changes:
    def mutated(path: str, value: Any, *, mode: int = 0o644, durable: bool = True) -> None:
        fs.publish(path, fs.dump(value) + b"\n", mode=mode, durable=False)

    return [(fs, "publish_json", mutated)]


def every_end_is_a_good_one() -> Changes:
    return [(shim, "exit_code", lambda folder: 0 if os.path.exists(f"{folder}/exit") else None)]


def the_watch_keeps_no_result() -> Changes:
    """Those of supervisors that were killed at their end are lost."""
    return [(sweeps.Net, "attend", lambda self, known: False)]


# -- 3: launching is idempotent ---------------------------------------------------------------


def locks_hold_nobody() -> Changes:
    def mutated(self: lock.Lock) -> bool:
        return True

    return [(lock.Lock, "try_acquire", mutated)]


def a_claim_is_not_taken() -> Changes:
    return [(shim, "claim", lambda folder: not os.path.exists(f"{folder}/claim"))]


def a_launch_repeated_is_another_run() -> Changes:
    real = launch.launch

    def mutated(root: str, spec: dict[str, Any], *rest: Any) -> dict[str, Any]:
        taken = fs.read_json(
            launch.layout.run(root, spec["project"], spec["run"]).file("spec.json")
        )
        if taken is not None and launch.content_key(taken) == launch.content_key(spec):
            spec = {**spec, "run": spec["run"] + "-b"}
        return real(root, spec, *rest)

    return [(launch, "launch", mutated)]


def remains_are_left_alive() -> Changes:
    return [(processes, "end", lambda *_, **__: True)]


# -- 4: a running attempt's code never changes ------------------------------------------------


def a_launch_refreshes_every_work_copy() -> Changes:
    real = launch.launch

    def mutated(root: str, spec: dict[str, Any], *rest: Any) -> dict[str, Any]:
        for run in launch.layout.runs(root, spec["project"]):
            if os.path.isdir(run.work):
                fs.publish(os.path.join(run.work, "train.py"), b"# new\n", durable=False)
        return real(root, spec, *rest)

    return [(launch, "launch", mutated)]


def a_sync_writes_into_the_newest_snapshot() -> Changes:
    real = launch.snapshots.put

    def mutated(project_dir: str, *args: Any, **more: Any) -> Any:
        folder = os.path.join(project_dir, "snapshots")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            fs.publish(os.path.join(folder, name, "train.py"), b"# new\n", durable=False)
        return real(project_dir, *args, **more)

    return [(launch.snapshots, "put", mutated)]


# -- 5: recovery needs no laptop --------------------------------------------------------------


def the_watch_starts_nobody() -> Changes:
    return [(watch.Watch, "supervise", lambda self, run: None)]


def damaged_checkpoints_are_taken() -> Changes:
    return [(checkpoints, "problem", lambda path: None)]


def nothing_is_resumed() -> Changes:
    return [(repairs.ACTIONS, "resume", lambda case: actions.Fail("no"))]


def memory_is_not_mended() -> Changes:
    return [(repairs.ACTIONS, "next_variant", lambda case: actions.Fail("no smaller one"))]


# -- 6: touch only what is ours ---------------------------------------------------------------


def a_pid_is_taken_for_the_process() -> Changes:
    def mutated(known: identity.Identity) -> bool:
        found = identity.stat(known.pid)
        return found is not None and found.state not in "ZX"

    return [(identity, "alive", mutated)]


def the_users_other_processes_are_ended_too() -> Changes:
    def mutated(folder: str) -> list[identity.Identity]:
        boot = identity.boot_id()
        return [
            identity.Identity(boot, s.pid, s.start_ticks)
            for s in identity.every()
            if s.pid != os_getpid() and processes.owner(s.pid) == 1000
        ]

    def os_getpid() -> int:
        return processes.os.getpid()

    return [(processes, "of_attempt", mutated)]


def a_labmates_gpu_counts_as_free() -> Changes:
    return [
        (sharing, "foreign", lambda gpu, owned, rules: []),
        (sharing, "busy", lambda use, gpu, owned, rules: None),
        (places, "problem", lambda run, spec, place: None),
    ]


def leases_are_not_looked_at() -> Changes:
    return [
        (planning, "held_by", lambda active: {}),
        (planning.Planning, "running", lambda self: []),
        (sharing, "busy", lambda use, gpu, owned, rules: None),
        (places, "problem", lambda run, spec, place: None),
    ]


def notes_are_left_in_the_home() -> Changes:
    real = watch.Watch.summarise

    def mutated(self: watch.Watch, runs: Any) -> None:
        fs.publish(os.path.join(os.path.dirname(self.root), "summary.json"), b"{}", durable=False)
        real(self, runs)

    return [(watch.Watch, "summarise", mutated)]


# -- 7: no repair changes the science silently ------------------------------------------------


def a_smaller_batch_without_an_event() -> Changes:
    real = preparation.next_start

    def mutated(run: Any, spec: dict[str, Any], state: states.State, uuids: list[str]) -> Any:
        number = min(len(state.attempts), len(spec["variants"]) - 1)
        return real(run, spec, state._replace(variant=number), uuids)

    return [(preparation, "next_start", mutated)]


def consent_is_taken_for_granted() -> Changes:
    def mutated(case: repairs.Case) -> Any:
        return repairs.next_variant(case._replace(wish="shrink"))

    return [(repairs.ACTIONS, "next_variant", mutated)]


# -- 8: unknown means stop and report ---------------------------------------------------------


def no_progress_is_no_reason_to_stop() -> Changes:
    return [(decide, "stuck", lambda attempts: False), (decide, "bounded", lambda *_: None)]


def what_stops_is_tried_again() -> Changes:
    return [(repairs.ACTIONS, "stop", lambda case: case.retry("once more"))]


def budgets_are_not_counted() -> Changes:
    return [(decide, "repaired_times", lambda state, failure: 0)]


ALL = [
    Mutant(1, "a link that ends ends the run", a_link_that_ends_ends_the_run),
    Mutant(1, "the laptop takes silence for failure", the_laptop_takes_silence_for_failure, True),
    Mutant(1, "an adopted attempt is taken for dead", a_new_supervisor_takes_the_living_for_dead),
    Mutant(2, "the end is told before it is recorded", the_end_is_told_before_it_is_recorded, True),
    Mutant(2, "records are not flushed", records_are_not_flushed),
    Mutant(2, "every end is a good one", every_end_is_a_good_one),
    Mutant(2, "the watch keeps no result of a sweep", the_watch_keeps_no_result),
    Mutant(3, "locks hold nobody", locks_hold_nobody),
    Mutant(3, "a claim is not taken", a_claim_is_not_taken),
    Mutant(3, "a launch repeated is another run", a_launch_repeated_is_another_run, True),
    Mutant(3, "what is left of an attempt is left alive", remains_are_left_alive),
    Mutant(4, "a launch refreshes every work copy", a_launch_refreshes_every_work_copy, True),
    Mutant(4, "a sync writes into the newest snapshot", a_sync_writes_into_the_newest_snapshot),
    Mutant(5, "the watch starts nobody", the_watch_starts_nobody),
    Mutant(5, "damaged checkpoints are taken", damaged_checkpoints_are_taken),
    Mutant(5, "nothing is resumed", nothing_is_resumed, True),
    Mutant(5, "memory is not mended", memory_is_not_mended),
    Mutant(6, "a pid is taken for the process", a_pid_is_taken_for_the_process),
    Mutant(6, "the user's other processes are ended", the_users_other_processes_are_ended_too),
    Mutant(6, "a labmate's GPU counts as free", a_labmates_gpu_counts_as_free),
    Mutant(6, "leases are not looked at", leases_are_not_looked_at, True),
    Mutant(6, "notes are left outside of the root", notes_are_left_in_the_home),
    Mutant(7, "a smaller batch without an event", a_smaller_batch_without_an_event, True),
    Mutant(7, "consent is taken for granted", consent_is_taken_for_granted),
    Mutant(8, "no progress is no reason to stop", no_progress_is_no_reason_to_stop),
    Mutant(8, "what stops is tried again", what_stops_is_tried_again, True),
    Mutant(8, "budgets are not counted", budgets_are_not_counted),
]

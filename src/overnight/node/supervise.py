"""`supervise RUN`: one process per run, in its own session, through all its attempts.

Decide, then do: `decide.decide` says what comes next, this shell carries it out and appends
events. It can be killed at any moment: whoever starts it again reads the events, takes up the
attempt that is still living or closes the one that has ended, and goes on (laws 2, 3 and 5).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from typing import Any

from overnight.node import (
    attempt,
    checkpoints,
    command,
    decide,
    diagnose,
    fs,
    gpu_leases,
    identity,
    journal,
    layout,
    lock,
    preparation,
    processes,
    shim,
    states,
    tmux,
)

TICK_S = 1.0
ADOPTED_TICK_S = 0.25
QUEUE_TICK_S = 2.0
CLAIM_WAIT_S = 5.0


def main(root: str, project: str, name: str) -> None:
    run = layout.run(root, project, name)
    guard = lock.Lock(run.file("supervisor.lock"))
    try:
        guard.acquire(timeout_s=2.0)
    except TimeoutError:
        return
    Supervisor(run).work_until_done()


class Supervisor:
    """Carries one run through its attempts. All that it must not forget is in the events."""

    def __init__(self, run: layout.Run) -> None:
        self.run = run
        self.spec: dict[str, Any] = fs.read_json(run.file("spec.json"))
        self.me = identity.mine()
        self.wake = Wake()
        self.view_open = False

    def work_until_done(self) -> None:
        self.note("supervised", identity=list(self.me))
        fs.publish_json(self.run.file("supervisor.json"), list(self.me))
        state = journal.state(self.run)
        while state.state in states.ACTIVE:
            if state.open_attempt is not None:
                state = self.follow(state)
            elif state.stop is not None:
                state = self.note("stopped", reason=f"stopped by {state.stop}")
            elif state.state == states.REPAIRING and closed_undecided(self.run, state):
                state = self.react(state)
            else:
                state = self.begin(state)
        gpu_leases.release(self.run)

    def note(self, kind: str, **details: Any) -> states.State:
        return journal.append(self.run, kind, **details)

    # -- beginning an attempt -------------------------------------------------------------

    def begin(self, state: states.State) -> states.State:
        """Prepares the work copy, takes GPUs, and starts the next attempt."""
        if not self.pause_until(state.not_before):
            return journal.state(self.run)
        problem = preparation.work_copy(self.run, self.spec)
        if problem:
            return self.note("failed", reason=problem)
        granted = self.wait_for_gpus(state)
        if granted is None:
            return journal.state(self.run)
        return self.start_attempt(journal.state(self.run), granted)

    def pause_until(self, moment: float) -> bool:
        """Waits out a back-off; False where a stop came meanwhile."""
        while time.time() < moment:
            self.wake.wait(min(TICK_S, max(0.0, moment - time.time())))
            if journal.state(self.run).stop is not None:
                return False
        return True

    def wait_for_gpus(self, state: states.State) -> list[str] | None:
        """The UUIDs this attempt may use, `[]` for none wanted; None where a stop came first."""
        while True:
            granted = gpu_leases.acquire(self.run, self.spec)
            if granted.uuids is not None:
                return granted.uuids
            if state.state != states.QUEUED:
                state = self.note("waiting", reason=granted.reason)
            self.wake.wait(QUEUE_TICK_S)
            if journal.state(self.run).stop is not None:
                return None

    def start_attempt(self, state: states.State, uuids: list[str]) -> states.State:
        number = len(state.attempts) + 1
        checkpoint = self.checkpoint(state)
        variant = self.spec["variants"][state.variant]
        argv = command.line(self.spec, variant["argv"], checkpoint)
        preparation.attempt_folder(self.run, number, argv, variant["label"], checkpoint, uuids)
        started = self.note(
            "attempt_started",
            attempt=number,
            variant=state.variant,
            label=variant["label"],
            checkpoint=checkpoint,
            gpus=uuids,
        )
        wrapped = command.activated(self.run, self.spec, argv)
        environment = command.environment(self.run, self.spec, uuids)
        pid = attempt.start(self.run, number, wrapped, environment)
        attempt.point_output(self.run, number)
        preparation.describe_environment(self.run, number, environment)
        return self.follow(started, pid)

    def checkpoint(self, state: states.State) -> str | None:
        """Where the next attempt continues: what was asked for, or the newest valid checkpoint."""
        if not state.attempts:
            return None
        if state.checkpoint:
            return state.checkpoint
        found = checkpoints.newest_valid(
            self.run.work, self.spec.get("checkpoints") or [], state.attempts[0].started_at
        )
        return found.path if found else None

    def open_view(self) -> None:
        if not self.view_open and self.spec.get("kind") != "smoke":
            self.view_open = True
            view = tmux.open_view(self.run.name, self.run.file("output.log"), os.getpid())
            if view is not None:
                fs.publish(self.run.file("view"), view.encode(), durable=False)

    # -- following it ---------------------------------------------------------------------

    def follow(self, state: states.State, child_pid: int | None = None) -> states.State:
        """Watches the open attempt until it has ended, and records how."""
        current = state.open_attempt
        if current is None:
            return state
        follower = attempt.Follower(self.run, current.n, child_pid)
        if child_pid is None and never_started(follower):
            return self.record(follower, current, "never_started")
        cause = self.watch_over(follower, current)
        return self.record(follower, current, cause)

    def watch_over(self, follower: attempt.Follower, current: states.Attempt) -> str | None:
        """Ticks until the end. The cause is known here only for the time box."""
        self.open_view()
        tick_s = TICK_S if follower.child_pid else ADOPTED_TICK_S
        every_s = 1.0 if self.spec.get("kind") == "smoke" else attempt.GPU_LOOK_S
        while not follower.over():
            now = time.time()
            follower.look(now)
            follower.look_at_gpus(current.gpus, every_s)
            follower.beat(now)
            if self.stop_wanted():
                self.end_processes(follower)
                return None
            if self.out_of_time(current, now):
                self.end_processes(follower)
                return "time_box"
            self.wake.wait(tick_s)
        return None

    def stop_wanted(self) -> bool:
        """A stop is announced by a file, so that a tick costs one stat and no reading."""
        return os.path.exists(self.run.file("stop"))

    def out_of_time(self, current: states.Attempt, now: float) -> bool:
        box_s = self.spec.get("time_box_s")
        return box_s is not None and now - current.started_at > float(box_s)

    def end_processes(self, follower: attempt.Follower) -> None:
        """SIGTERM, grace, SIGKILL to the attempt's own processes; the shim lives to record it."""
        leader = follower.shim()
        grace_s = float((self.spec.get("policy") or {}).get("grace_s", 30.0))
        processes.end(follower.folder, grace_s, spare=lambda target: target == leader)
        if leader is not None:
            processes.wait_end(leader, 5.0)

    def record(
        self, follower: attempt.Follower, current: states.Attempt, cause: str | None
    ) -> states.State:
        """Puts the end on the disk first, then tells (law 2)."""
        follower.reap()
        now = time.time()
        follower.look(now)
        follower.tracker.finish(now)
        code = shim.exit_code(follower.folder)
        if code is None and cause is None:
            cause = lost_cause(follower)
        progress = follower.tracker.to_dict()
        value = {
            "exit_code": code,
            "signal": shim.signal_of(code),
            "cause": cause,
            "ended_at": now,
            "position": follower.tracker.position(),
            "progress": progress,
            "resources": follower.resources(),
            "gpu_peak_mib": follower.gpu_peak_mib,
            "outputs": preparation.outputs_seen(self.run, self.spec),
        }
        follower.beat(now)
        fs.publish_json(f"{follower.folder}/exit.json", value)
        keep = ("exit_code", "signal", "cause", "position", "progress")
        return self.note("attempt_ended", attempt=current.n, **{k: value[k] for k in keep})

    # -- reacting to its end --------------------------------------------------------------

    def react(self, state: states.State) -> states.State:
        """Diagnose, decide, and append what was decided."""
        last = state.attempt
        if last is None:
            return self.note("failed", reason="no attempt to judge")
        folder = self.run.attempt(last.n)
        processes.end(folder, 5.0, spare=lambda _: False)
        ended = decide.Ended(last.exit_code, last.signal, last.cause, last.position)
        output, before = attempt.tail(f"{folder}/output.log", diagnose.TAIL_BYTES)
        failure = diagnose.diagnose(ended, output, before, gpu_leases.foreign_mib(last.gpus))
        if failure is not None and ended.cause != "time_box":
            state = self.note(
                "diagnosed",
                attempt=last.n,
                confidence=failure.confidence,
                evidence=command.without_secrets(self.run, failure.evidence),
                facts=failure.facts,
                **{"class": failure.kind},
            )
        action = decide.decide(state, ended, failure, self.spec)
        return self.carry_out(action, failure, state)

    def carry_out(
        self, action: decide.Action, failure: decide.Failure | None, state: states.State
    ) -> states.State:
        if isinstance(action, decide.Finish):
            return self.note("finished", reason=action.reason)
        if isinstance(action, decide.Stop):
            return self.note("stopped", reason=action.reason)
        if isinstance(action, decide.Ask):
            return self.note("decision_needed", reason=action.reason, answers=action.answers)
        if isinstance(action, decide.Fail):
            return self.note("failed", reason=action.reason)
        return self.note_repair(action, failure, state)

    def note_repair(
        self, action: decide.Retry, failure: decide.Failure | None, state: states.State
    ) -> states.State:
        checkpoint = self.checkpoint(state._replace(checkpoint=None)) if action.resume else None
        return self.note(
            "repaired",
            change=f"{action.change}, {command.where_from(self.spec, checkpoint)}",
            variant=action.variant,
            checkpoint=checkpoint,
            changes_science=action.changes_science,
            not_before=time.time() + action.delay_s if action.delay_s else 0.0,
            **{"class": failure.kind if failure else "unknown"},
        )


class Wake:
    """Waits for a tick, cut short by the end of a child or by SIGUSR1 (a stop is wanted)."""

    def __init__(self) -> None:
        self.read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGUSR1, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)

    def wait(self, timeout_s: float) -> None:
        ready, _, _ = select.select([self.read_end], [], [], timeout_s)
        if ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self.read_end, 4096)


def closed_undecided(run: layout.Run, state: states.State) -> bool:
    """True when the last attempt has ended and no event says yet what follows from it."""
    for event in reversed(journal.read(run)):
        if event["type"] in ("repaired", "resumed", "created"):
            return False
        if event["type"] == "attempt_ended":
            return True
    return False


def never_started(follower: attempt.Follower) -> bool:
    """True when this attempt's command was never begun, and from now on never will be.

    Takes the attempt's claim ourselves; a shim that comes late finds it taken and leaves.
    """
    try:
        os.mkdir(f"{follower.folder}/claim", 0o700)
    except FileExistsError:
        deadline = time.monotonic() + CLAIM_WAIT_S
        while follower.shim() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return False
    return True


def lost_cause(follower: attempt.Follower) -> str:
    leader = follower.shim()
    rebooted = leader is not None and leader.boot_id != identity.boot_id()
    return "reboot" if rebooted else "lost"

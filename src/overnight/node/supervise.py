"""`supervise RUN`: one process per run, in its own session, through all its attempts.

Decide, then do: `decide.decide` says what comes next, this shell carries it out and appends
events. It can be killed at any moment: whoever starts it again reads the events, takes up the
attempt that is still living or closes the one that has ended, and goes on (laws 2, 3 and 5).
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Callable

from overnight.node import (
    actions,
    apart,
    attempt,
    ballast,
    causes,
    command,
    decide,
    ending,
    fs,
    identity,
    journal,
    layout,
    lock,
    lookout,
    preparation,
    processes,
    server,
    states,
    waiting,
    wake,
)

TICK_S = 1.0
ADOPTED_TICK_S = 0.25  # nobody tells us of the end of a process that is not our child
DISK_TICK_S = 2.0
DESCRIBE_S = 20.0
UNREADABLE = (
    "its spec.json cannot be read, so nobody knows its command: launch it under another name"
)
NOT_TOLD = ("argv", "files", "env")  # of a start; they are in start.json


def main(root: str, project: str, name: str) -> None:
    run = layout.run(root, project, name)
    guard = lock.Lock(run.file("supervisor.lock"))
    if not taken(guard):
        return
    supervisor = Supervisor(run)
    while True:
        supervisor.work_until_done()
        guard.release()
        # Whoever gave the run a place before this moment saw us in charge and started nobody.
        if not is_ours(journal.state(run)) or not taken(guard):
            break
    make_room(run)
    if journal.state(run).state not in states.ACTIVE:
        tell(run)
    supervisor.let_describers_end()


def is_ours(state: states.State) -> bool:
    """A run that waits for its turn has no supervisor."""
    return state.state in states.ACTIVE and not state.is_idle


def make_room(run: layout.Run) -> None:
    """Whoever waits for what the run has left may start."""
    from overnight.node import turns  # needed once, and memory counts while we wait

    turns.give(run.root)


def tell(run: layout.Run) -> None:
    """The run has ended: its sweep's table and its message need no watch that was there before."""
    from overnight.node import post, sweeps

    with contextlib.suppress(OSError):  # the watch does it then
        sweeps.record(run)
    post.see_to(run)


def taken(guard: lock.Lock) -> bool:
    """False where another supervisor has the run. Others look at the lock for an instant only."""
    try:
        guard.acquire(timeout_s=2.0)
    except (TimeoutError, FileNotFoundError):  # the run's folder is gone: a smoke test's
        return False
    return True


class Supervisor:
    """Carries one run through its attempts. All that it must not forget is in the events."""

    def __init__(self, run: layout.Run) -> None:
        self.run = run
        self.spec: dict[str, Any] = fs.read_json(run.file("spec.json")) or {}
        self.is_smoke = self.spec.get("kind") == "smoke"
        self.journal = journal.Journal(run)
        self.wake = wake.Wake()
        self.follower: attempt.Follower | None = None
        self.view_open = False

    def work_until_done(self) -> None:
        self.patiently(self.sign)
        while is_ours(self.journal.state()):
            self.patiently(self.step)
        if self.journal.is_behind:
            self.patiently(self.journal.publish)
        self.tell_queue()

    def tell_queue(self) -> None:
        """Takes the run off its list, or back onto it where it waits anew."""
        if self.journal.state().state in states.ENDED:
            waiting.forget(self.run)
        else:
            waiting.note(self.run, self.spec)

    def patiently(self, action: Callable[[], object]) -> None:
        """Does it again until the disk has room for it. Every action of ours may be repeated."""
        while not self.has_room_for(lambda: self.while_locked(action)):
            if not ballast.drop(self.run):
                self.wake.wait(DISK_TICK_S)

    def while_locked(self, action: Callable[[], object]) -> None:
        """A lock may stay held for long: somebody has stopped its holder, or the disk has."""
        is_done = False
        while not is_done:
            with contextlib.suppress(TimeoutError):
                action()
                is_done = True

    def has_room_for(self, action: Callable[[], object]) -> bool:
        try:
            action()
        except OSError as error:
            if error.errno not in journal.NO_SPACE:
                raise
            return False
        return True

    def sign(self) -> None:
        """Says who supervises the run from now on."""
        me = list(identity.mine())
        if is_ours(self.journal.state()):
            fs.publish_json(self.run.file("supervisor.json"), me, durable=False)
            self.note("supervised", identity=me)
        else:
            self.journal.publish()

    def note(self, kind: str, /, **details: Any) -> states.State:
        return self.journal.append(kind, **details)

    def step(self) -> None:
        """One step, from what the events say."""
        try:
            self.go_on(self.journal.state())
        except apart.FailedError as error:
            self.note("failed", reason=f"the checkpoints cannot be examined: {error}")

    def go_on(self, state: states.State) -> None:
        if state.open_attempt is not None:
            self.follow(state.open_attempt)
        elif state.undecided:
            self.react(state)
        elif state.stop is not None:
            self.note("stopped", reason=f"stopped by {state.stop}")
        else:
            self.begin(state)

    def is_stopped(self) -> bool:
        return self.journal.state().stop is not None

    # -- beginning an attempt -------------------------------------------------------------

    def begin(self, state: states.State) -> None:
        """Prepares the work copy, looks at its GPUs once more, and starts the next attempt."""
        if not self.pause_until(state.not_before):
            return
        problem = preparation.work_copy(self.run, self.spec) if self.spec else UNREADABLE
        if problem:
            self.note("failed", reason=problem)
            return
        place = state.place or {"gpus": [], "share": 1.0}
        taken_by = self.claimed_by_others(place)
        if taken_by:
            self.give_up_place(taken_by)
        elif not self.is_stopped():
            self.start_attempt(list(place["gpus"]))

    def pause_until(self, moment: float) -> bool:
        """Waits out a back-off, however the clock was set since; False where a stop came."""
        end = time.monotonic() + decide.pause_s(moment, time.time())
        while not self.is_stopped():
            left_s = end - time.monotonic()
            if left_s <= 0:
                return True
            self.wake.wait(min(TICK_S, left_s))
        return False

    def claimed_by_others(self, place: dict[str, Any]) -> str:
        """Who uses these GPUs in the last moment before we start; "" where nobody does.

        What a process that has just ended held drains for a while; a labmate's process stays.
        """
        if not place["gpus"]:
            return ""
        from overnight.node import places  # only for runs with GPUs

        deadline = time.monotonic() + places.DRAIN_S
        while not self.is_stopped():
            found = places.problem(self.run, self.spec, place)
            if found is None:
                return ""
            if not found.passes or time.monotonic() > deadline:
                return found.text
            self.wake.wait(places.LOOK_S)
        return ""

    def give_up_place(self, reason: str) -> None:
        self.note("waiting", when=lambda s: s.stop is None, reason=reason)

    def start_attempt(self, uuids: list[str]) -> None:
        state = self.journal.state()
        start = preparation.next_start(self.run, self.spec, state, uuids)
        preparation.attempt_folder(self.run, start)
        told = {key: value for key, value in start._asdict().items() if key not in NOT_TOLD}
        told["checkpoint_at"] = preparation.written_at(start.checkpoint)
        state = self.note("attempt_started", when=lambda s: s.stop is None, **told)
        current = state.open_attempt
        if current is None:  # a stop came first
            return
        environment = self.variables(start)
        pid = attempt.start(self.run, current.n, self.command_line(start), environment)
        self.follower = attempt.Follower(self.run, current, pid)
        self.show(current, environment)
        self.follow(current)

    def command_line(self, start: preparation.Start) -> list[str]:
        return command.activated(self.run, self.spec, start.argv)

    def variables(self, start: preparation.Start) -> dict[str, str]:
        return {**command.environment(self.run, self.spec, start.gpus), **start.env}

    def show(self, current: states.Attempt, environment: dict[str, str]) -> None:
        """What is good to have beside a living attempt; it does not need it."""
        with contextlib.suppress(OSError):
            attempt.point_output(self.run, current.n)
            if not self.is_smoke:
                preparation.describe_environment(self.run, current.n, environment)

    # -- following it ---------------------------------------------------------------------

    def follow(self, current: states.Attempt) -> None:
        """Watches the open attempt until it has ended, and records how."""
        follower = self.follower
        if follower is None or follower.number != current.n:
            if ending.never_started(self.run.attempt(current.n)):
                self.record(attempt.Follower(self.run, current, None), "never_started")
                return
            follower = self.follower = attempt.Follower(self.run, current, None)
        self.record(follower, self.watch_over(follower))

    def watch_over(self, follower: attempt.Follower) -> str | None:
        """Ticks until the end. The cause is known here where we end it ourselves."""
        self.open_view()
        eyes = follower.lookout = self.eyes(follower)
        while not follower.over():
            follower.attend(self.gpu_look_s(follower))
            server.reap()
            if self.is_stopped():
                self.end_processes(follower)
                return None
            cause = "time_box" if self.out_of_time(follower) else self.see(eyes)
            if cause is not None:
                self.end_processes(follower)
                return cause
            self.wake.wait(TICK_S if follower.child_pid else ADOPTED_TICK_S)
        return None

    def eyes(self, follower: attempt.Follower) -> lookout.Lookout:
        noticed = self.journal.state().noticed
        told = [each["kind"] for each in noticed if each["attempt"] == follower.number]
        return lookout.Lookout(follower, self.spec, told)

    def see(self, eyes: lookout.Lookout) -> str | None:
        """Tells what was noticed. A cause where the attempt has to be ended, with evidence kept.

        A smoke test has its time box, and is judged by what it recorded.
        """
        if self.is_smoke:
            return None
        found = eyes.look()
        for each in found.notices:
            self.note("noticed", kind=each.kind, text=each.text, facts=each.facts)
        if found.verdict is None:
            return None
        evidence = eyes.keep_evidence(found.verdict, self.scrub)
        with contextlib.suppress(OSError):  # lives on in our memory where the disk is full
            fs.publish_json(f"{eyes.follower.folder}/{ending.VERDICT}", evidence)
        return found.verdict.cause

    def scrub(self, text: bytes) -> bytes:
        return command.without_secrets(self.run, text)

    def gpu_look_s(self, follower: attempt.Follower) -> float:
        """Looking costs a process each time, so seldom where the training is old."""
        if self.is_smoke:
            return 1.0
        return min(attempt.LONGEST_GPU_LOOK_S, max(attempt.GPU_LOOK_S, follower.age_s() / 10))

    def out_of_time(self, follower: attempt.Follower) -> bool:
        box_s = self.spec.get("time_box_s")
        return box_s is not None and follower.age_s() > float(box_s)

    def open_view(self) -> None:
        if self.view_open or self.is_smoke:
            return
        from overnight.node import tmux

        self.view_open = True
        view = tmux.open_view(self.run.name, self.run.file("output.log"), os.getpid())
        if view is not None:
            fs.publish(self.run.file("view"), view.encode(), durable=False)

    def end_processes(self, follower: attempt.Follower) -> None:
        """SIGTERM, grace, SIGKILL to the attempt's own processes; the shim lives to record it."""
        leader = follower.shim()
        grace_s = float((self.spec.get("policy") or {}).get("grace_s", 30.0))
        processes.end(follower.folder, grace_s, spare=lambda target: target == leader)
        if leader is not None:
            processes.wait_end(leader, 5.0)

    def record(self, follower: attempt.Follower, cause: str | None) -> None:
        """Puts the end on the disk first, then tells (law 2).

        A record that is there already was not told yet when a supervisor or the power went; it
        knows more than what is left to be seen now. It is written anew, because it may not have
        reached the disk.
        """
        value = ending.known(follower.folder) or ending.record(follower, self.spec, cause)
        self.patiently(lambda: fs.publish_json(f"{follower.folder}/exit.json", value))
        told = {key: value[key] for key in ending.TOLD}
        self.patiently(lambda: self.note("attempt_ended", attempt=follower.number, **told))

    # -- reacting to its end --------------------------------------------------------------

    def react(self, state: states.State) -> None:
        """Diagnose, decide, and append what was decided."""
        last = state.attempts[-1]
        folder = self.run.attempt(last.n)
        if not processes.end(folder, 5.0, spare=lambda _: False):
            pids = ", ".join(str(target.pid) for target in processes.of_attempt(folder))
            self.note("failed", reason=f"processes that even SIGKILL does not end: {pids}")
            return
        ended = actions.Ended(last.exit_code, last.signal, last.cause, last.position)
        failure = ending.judged(self.run, last, ended)
        if failure is not None and ended.cause != "time_box" and state.stop is None:
            state = self.note_failure(last, failure)
        self.carry_out(decide.decide(state, ended, failure, self.spec), failure)

    def note_failure(self, last: states.Attempt, failure: actions.Failure) -> states.State:
        return self.note(
            "diagnosed",
            attempt=last.n,
            confidence=failure.confidence,
            evidence=failure.evidence,
            facts=failure.facts,
            **{"class": failure.kind},
        )

    def carry_out(self, action: actions.Action, failure: actions.Failure | None) -> None:
        if isinstance(action, actions.Finish):
            self.note("finished", reason=action.reason)
        elif isinstance(action, actions.Stop):
            self.note("stopped", reason=action.reason)
        elif isinstance(action, actions.Ask):
            self.note("decision_needed", reason=action.reason, answers=action.answers)
        elif isinstance(action, actions.Fail):
            self.note("failed", reason=action.reason)
        else:
            self.note_repair(action, failure)

    def note_repair(self, action: actions.Retry, failure: actions.Failure | None) -> None:
        state = states.distrusting(self.journal.state(), action.before, time.time())
        found = preparation.newest_checkpoint(self.run, self.spec, state)
        checkpoint, passed_over = found if action.resume else (None, [])
        self.note(
            "repaired",
            change=command.told(action.change, self.spec, checkpoint, passed_over),
            variant=action.variant,
            checkpoint=checkpoint,
            passed_over=passed_over,
            changes_science=action.changes_science,
            not_before=time.time() + action.delay_s if action.delay_s else 0.0,
            settings=dict(action.settings),
            env=dict(action.env),
            avoid=list(action.avoid),
            before=action.before,
            leaves=action.leaves,
            alone=action.alone,
            fingerprint=causes.fingerprint(failure) if failure else "unknown",
            **{"class": failure.kind if failure else "unknown"},
        )

    def let_describers_end(self) -> None:
        """The records of what the attempts ran in may still be under way."""
        if not server.wait_for_started(DESCRIBE_S):
            for each in self.journal.state().attempts:
                marker = preparation.describer(self.run, each.n)
                processes.end(marker, 2.0, spare=lambda _: False)

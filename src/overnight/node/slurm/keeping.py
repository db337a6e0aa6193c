"""The login node's part in a run of Slurm's: it carries out what `deciding` says.

Called again and again by the watch for every active run; each call may be the first.
"""

from __future__ import annotations

import time
from typing import Any

from overnight.node import ending, fs, journal, layout, server, shim, states
from overnight.node.slurm import (
    asking,
    deciding,
    jobs,
    polling,
    records,
    submitting,
)

GRACE_S = 30.0
STOP_ROUNDS, STOP_PAUSE_S = 4, 0.5
QUEUED_BY_SLURM = "it waits to be submitted to Slurm"

# When a run's last sign of life was seen to change, by our clock: those of the nodes may differ.
_heard: dict[str, tuple[tuple[int, int], float]] = {}
_due: dict[str, float] = {}  # when a run needs a look again (monotonic)


class Refused(Exception):
    """Slurm will not take the run."""


def see_to(run: layout.Run, spec: dict[str, Any]) -> bool:
    """One look at an active run, and the step that follows. True where it was submitted.

    Login nodes and their disks are everybody's: a run that needs nothing is not looked at again
    before Slurm is asked next, or before its job could have fallen silent.
    """
    if time.monotonic() < _due.get(run.folder, 0.0) and records.stop_wish(run) is None:
        return False
    try:
        return take_step(run, spec)
    except Refused as refusal:
        close(run, deciding.Close("failed", f"Slurm refused it: {refusal}"))
        return False


def launch(run: layout.Run, spec: dict[str, Any], state: states.State) -> bool:
    """As `see_to`, for a run that somebody has just asked for: a refusal is theirs to hear."""
    return state.state in states.ACTIVE and take_step(run, spec)


def take_step(run: layout.Run, spec: dict[str, Any]) -> bool:
    why = follows(run, spec)
    if why and records.stop_wish(run) is None:
        journal.append(run, "waiting", when=lambda s: s.reason != why, reason=why)
        server.ensure_watch(run.root)
        return False
    heard = heard_s(run)
    step = deciding.step(facts_of(run, spec, heard))
    _due[run.folder] = time.monotonic() + pause_s(run, step, heard)
    done = carry_out(run, spec, step)
    server.ensure_watch(run.root)
    return done


def pause_s(run: layout.Run, step: deciding.Step, heard: float | None) -> float:
    """How long the run can do without another look."""
    if not isinstance(step, deciding.Leave):
        return 0.0
    if heard is not None and heard < deciding.FRESH_S:
        return deciding.FRESH_S
    table = polling.read(run.root)
    return max(0.0, min(table.pause_s, table.asked_at + table.pause_s - time.time()))


def stop(run: layout.Run, spec: dict[str, Any], by: str) -> None:
    """Notes the wish, which a job that lives sees within a second; ends here what does not live."""
    records.wish_stop(run, by, time.time())
    server.ensure_watch(run.root)
    for _ in range(STOP_ROUNDS):
        polling.ask_again_soon(run.root)
        step = deciding.step(facts_of(run, spec, None))
        if isinstance(step, (deciding.Leave, deciding.Submit)):
            return
        carry_out(run, spec, step)
        if isinstance(step, deciding.Close):
            return
        time.sleep(STOP_PAUSE_S)


def before_resume(run: layout.Run) -> None:
    """An ended run shall go on: its wish to stop is over, and so is its last submission."""
    records.forget_stop(run)
    known = records.read(run)
    if known is not None:
        records.write(run, known._replace(is_done=True, attempts=-1))


def follows(run: layout.Run, spec: dict[str, Any]) -> str:
    """Which run of the project it has to wait for before it is submitted; "" for none.

    Before its first submission it has no job, so that events are ours to write.
    """
    after = (spec.get("queue") or {}).get("after") or ()
    if not after or records.read(run) is not None or journal.state(run).unbound:
        return ""
    for name in after:
        state = journal.published(layout.run(run.root, run.project, str(name)))["state"]
        if state != states.FINISHED:
            return f"it follows {name}, which is {state or 'not there'}"
    return ""


# -- facts ------------------------------------------------------------------------------------


def facts_of(run: layout.Run, spec: dict[str, Any], heard: float | None) -> deciding.Facts:
    """Slurm is asked only where our own record leaves something open."""
    known = records.read(run)
    wish = records.stop_wish(run)
    now = time.time()
    table = polling.Table()
    is_quiet = heard is None or heard >= deciding.FRESH_S
    if known is not None and known.job and not known.is_done and is_quiet:
        table = ask_slurm(run, known, now)
    job = known.job if known is not None else ""
    if known is not None:
        table = table.without_strangers(job, known.name, now)
    forgotten_at = table.forgotten.get(job)
    return deciding.Facts(
        submission=known,
        job=table.by_id.get(job),
        forgotten_s=None if forgotten_at is None else max(0.0, now - forgotten_at),
        heard_s=heard,
        wished_s=None if wish is None else max(0.0, now - float(wish.get("at") or 0.0)),
        by=str((wish or {}).get("by") or "somebody"),
        is_claimed=known is not None and records.owner_of(run, known.n) is not None,
        attempts=len(journal.state(run).attempts),
        grace_s=float((spec.get("policy") or {}).get("grace_s", GRACE_S)),
        problem=table.problem,
    )


def ask_slurm(run: layout.Run, known: records.Submission, now: float) -> polling.Table:
    """One question for all runs of this root; jobs that were submitted twice are taken back."""
    before = polling.read(run.root)
    if not before.is_due([known.job], now):
        return before
    env = asking.environment(run)
    wanted = {each.job for each in polling.submissions(run.root, is_active)} | {known.job}
    table = polling.fresh(before, run.root, sorted(wanted, key=jobs.sort_key), env, now)
    for double in polling.doubles(table, known):
        asking.ask(["scancel", double], env)
    return table


def is_active(run: layout.Run) -> bool:
    return journal.published(run)["state"] in states.ACTIVE


def heard_s(run: layout.Run) -> float | None:
    """Seconds since the run's job gave a sign of life, None where it never did.

    A sign is a change that we see. What we see for the first time counts as one.
    """
    stamp = newest_stamp(run)
    if stamp is None:
        return None
    now = time.monotonic()
    before = _heard.get(run.folder)
    if before is None or before[0] != stamp:
        _heard[run.folder] = before = (stamp, now)
    return now - before[1]


def newest_stamp(run: layout.Run) -> tuple[int, int] | None:
    """What changes while the job of the newest submission lives: heartbeats, and its claim."""
    known = records.read(run)
    if known is None or records.owner_of(run, known.n) is None:
        return None
    attempts = [int(name) for name in layout.names(run.file("attempts")) if name.isdigit()]
    paths = [records.folder(run, "claims", str(known.n), "owner"), run.file("supervisor.json")]
    paths += [run.attempt(max(attempts), "heartbeat")] if attempts else []
    return max(fs.stamp(path) for path in paths)


# -- steps ------------------------------------------------------------------------------------


def carry_out(run: layout.Run, spec: dict[str, Any], step: deciding.Step) -> bool:
    if isinstance(step, deciding.Submit):
        if step.after:
            set_done(run, step.after)
        outcome = submitting.submit(run, spec)
        if outcome.refused:
            raise Refused(outcome.problem)
        return bool(outcome.job)
    if isinstance(step, deciding.Cancel):
        asking.ask(["scancel", step.job], asking.environment(run))
        polling.ask_again_soon(run.root)
    elif isinstance(step, deciding.Close):
        close(run, step)
    return False


def close(run: layout.Run, end: deciding.Close) -> None:
    """Ends the run from here, because no job can: the records of its attempt first (law 2)."""
    state = journal.state(run)
    if state.open_attempt is not None:
        end_attempt(run, state.open_attempt.n)
    wish = records.stop_wish(run)
    if wish is not None:
        journal.append(
            run,
            "stop_requested",
            when=lambda s: s.state in states.ACTIVE and s.stop is None,
            by=str(wish.get("by") or "somebody"),
        )
    journal.append(run, end.kind, when=lambda s: s.state in states.ACTIVE, reason=end.reason)
    known = records.read(run)
    if known is not None:
        set_done(run, known.job)


def set_done(run: layout.Run, job: str) -> None:
    known = records.read(run)
    if known is not None and known.job == job:
        records.write(run, known._replace(is_done=True))


def end_attempt(run: layout.Run, number: int) -> None:
    """The attempt of a job that is over. Its shim's record, where the shim could still write it."""
    code = shim.exit_code(run.attempt(number))
    value = ending.known(run.attempt(number)) or {
        "exit_code": code,
        "signal": shim.signal_of(code),
        "cause": "lost" if code is None else None,
        "position": None,
        "progress": fs.read_json(run.attempt(number, "heartbeat")),
        "ended_at": time.time(),
    }
    fs.publish_json(run.attempt(number, "exit.json"), value)
    told = {key: value[key] for key in ending.TOLD}
    journal.append(
        run, "attempt_ended", when=lambda s: s.open_attempt is not None, attempt=number, **told
    )


# -- for the laptop ---------------------------------------------------------------------------


def shown(run: layout.Run, row: dict[str, Any]) -> dict[str, Any]:
    """What Slurm last said, laid over the row of a run that has not ended."""
    known = records.read(run)
    if known is None or row.get("state") not in states.ACTIVE:
        gone = {"job": known.job, "state": "", "reason": "", "nodes": ""} if known else None
        return {"slurm": gone}
    table = polling.read(run.root)
    job = table.by_id.get(known.job)
    if job is not None and job.phase == jobs.WAITS and is_heard(run, row, table.asked_at):
        job = None  # an answer from before it began
    value = {
        "job": known.job,
        "state": job.state if job else "",
        "reason": job.reason if job else known.problem,
        "nodes": job.nodes if job else "",
    }
    reason = why_queued(known, job, is_claimed=records.owner_of(run, known.n) is not None)
    queued = {"state": states.QUEUED, "reason": reason, "silent_s": None}
    return {"slurm": value, **(queued if reason else {})}


def is_heard(run: layout.Run, row: dict[str, Any], since: float) -> bool:
    """Whether an attempt is open and gave a sign of life after that moment."""
    attempts = row.get("attempts") or []
    if row.get("state") != states.RUNNING or not attempts:
        return False
    return fs.stamp(run.attempt(len(attempts), "heartbeat"))[0] / 1e9 > since


def why_queued(known: records.Submission, job: jobs.Job | None, *, is_claimed: bool) -> str:
    if known.is_done or not known.job:
        return f"Slurm does not answer yet: {known.problem}" if known.problem else QUEUED_BY_SLURM
    if job is not None and job.phase == jobs.WAITS:
        return f"Slurm job {known.job} waits: {jobs.why_waiting(job.reason)}"
    if job is None and not is_claimed:
        return f"Slurm job {known.job} has been submitted"
    return ""

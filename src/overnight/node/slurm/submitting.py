"""Handing a run to Slurm, at most once (law 3).

The submission is on the disk before sbatch is asked. Whoever finds one without a job (its process
died, or sbatch gave no answer) looks for the job by its name first. Should Slurm have taken it
twice all the same, the first job to start claims the run and the other leaves (`records.claim`).
"""

from __future__ import annotations

import os
import time
from typing import Any, NamedTuple

from overnight.node import fs, identity, journal, layout, lock, server, states
from overnight.node.slurm import asking, polling, records, sbatch, sinfo

ASKING_S = 2 * sbatch.TIMEOUT_S  # by then another machine's sbatch has ended
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0


class Outcome(NamedTuple):
    """`refused`: Slurm will not take it, whoever asks again; `problem` says why, or what is odd."""

    job: str = ""
    problem: str = ""
    refused: bool = False


def submit(run: layout.Run, spec: dict[str, Any]) -> Outcome:
    """Sees to it that the run has a job; asks sbatch where it must."""
    os.makedirs(records.folder(run), exist_ok=True)
    guard = lock.Lock(records.folder(run, "submit.lock"))
    if not guard.try_acquire():
        return Outcome()  # somebody is at it
    try:
        known = records.read(run)
        if known is not None and known.job and not known.is_done:
            return Outcome(known.job)
        if known is None or known.is_done:
            known = begun(run, known)
        elif not is_time(known, time.time()):
            return Outcome(problem=known.problem)
        else:
            found, problem = polling.lookup(known, ask(run), os.getuid())
            if found or problem:
                return settled(run, known, Outcome(found, problem))
            if known.element is not None:  # its array never reached Slurm
                known = known._replace(name=records.new_name(run), element=None)
        return settled(run, known, asked(run, spec, known))
    finally:
        guard.release()


def ask(run: layout.Run) -> polling.Ask:
    env = asking.environment(run)
    return lambda argv: asking.ask(list(argv), env)


def begun(run: layout.Run, before: records.Submission | None) -> records.Submission:
    """The next submission's record. Nobody writes events now: the run has no living job."""
    state = journal.state(run)
    attempts = len(state.attempts)
    is_barren = before is not None and before.attempts == attempts
    barren = before.barren + 1 if before is not None and is_barren else 0
    n = before.n + 1 if before is not None else 1
    return records.Submission(n, records.new_name(run), attempts=attempts, barren=barren)


def is_time(known: records.Submission, now: float) -> bool:
    """Whether to look for the answer of a submission that has none."""
    if known.asking is not None and is_being_asked(known, now):
        return False
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(known.tries, 10))
    return not 0 <= now - known.asked_at < pause_s or known.tries == 0


def is_being_asked(known: records.Submission, now: float) -> bool:
    """Of a process on another login node only the time tells that it cannot ask any more."""
    asker = identity.from_json((known.asking or [])[:3])
    host = (known.asking or [])[3:]
    if host == [os.uname().nodename]:
        return asker is not None and identity.alive(asker) and asker != identity.mine()
    return 0 <= now - known.asked_at < ASKING_S


def asked(run: layout.Run, spec: dict[str, Any], known: records.Submission) -> Outcome:
    """Writes the submission down, then asks sbatch."""
    env = asking.environment(run)
    mine = [*identity.mine(), os.uname().nodename]
    records.write(run, known._replace(asked_at=time.time(), asking=mine))
    script = records.folder(run, "batch.sh")
    text = sbatch.script(server.entry(), run.root, run.project, run.name, known.name)
    fs.publish(script, os.fsencode(text), mode=0o700)
    note_waiting(run)
    argv = sbatch.argv(
        sbatch.options(spec, gpus_wanted(spec, env)),
        name=known.name,
        output=run.file("supervisor.log"),
        script=script,
    )
    answer = sbatch.read(asking.ask(argv, env, sbatch.TIMEOUT_S))
    return Outcome(answer.job, answer.problem, answer.refused)


def note_waiting(run: layout.Run) -> None:
    journal.append(run, "waiting", when=is_before_job, reason="it is being submitted to Slurm")


def is_before_job(state: states.State) -> bool:
    """An attempt that has ended is judged by the job, which needs the state that it has now."""
    return state.state in (states.STARTING, states.REPAIRING) and not state.undecided


def settled(run: layout.Run, known: records.Submission, outcome: Outcome) -> Outcome:
    """What came of it, on the disk."""
    records.write(
        run,
        known._replace(
            job=outcome.job,
            problem=outcome.problem,
            asking=None,
            asked_at=time.time(),
            tries=known.tries + 1,
        ),
    )
    polling.ask_again_soon(run.root)
    return outcome


def gpus_wanted(spec: dict[str, Any], env: dict[str, str]) -> int:
    """GPUs for each node. Where nobody said how many: one, if the partition has any.

    A share of a GPU is a whole one here: Slurm gives no less.
    """
    wanted = spec.get("gpus")
    if wanted is not None:
        return max(0, -int(-wanted // 1))
    said = asking.ask(sinfo.argv(), env)
    partitions = sinfo.parse(said.out)
    name = spec["slurm"].get("partition")
    chosen = [
        each for each in partitions.values() if each.name == name or (not name and each.is_default)
    ]
    return 0 if chosen and not any(each.has_gpus for each in chosen) else 1

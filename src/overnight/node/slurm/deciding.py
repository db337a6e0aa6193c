"""What the login node does about a run of Slurm's. Pure: facts in, one step out.

Our own record speaks first: a run that has ended, or whose job gave a sign of life a moment ago,
is left alone, whatever Slurm says. A run is ended from here only on a durable word (law 1): that
its job is over (squeue, sacct or scontrol says so), or that the controller itself, asked again
after a minute, knows no such job, while nothing was heard of it. A Slurm that does not answer says
nothing at all.
"""

from __future__ import annotations

from typing import NamedTuple, Union

from overnight.node.slurm import jobs, records

FORGOTTEN_S = 60.0
FRESH_S = 5.0  # a job that lives gives a sign of it each second
BARREN_LIMIT = 3
SCANCEL_AFTER_S = 60.0  # beside the grace that a stopped training has


class Facts(NamedTuple):
    """What is known of an active run.

    `job` is None where Slurm did not tell; `forgotten_s`: for how long the controller has said
    that it knows no such job, None where it has not. `heard_s`: since the job's last sign of life,
    None before its first. `wished_s`: since somebody asked for its end, None where nobody has.
    """

    submission: records.Submission | None
    job: jobs.Job | None
    forgotten_s: float | None
    heard_s: float | None
    wished_s: float | None
    by: str
    is_claimed: bool
    attempts: int
    grace_s: float
    problem: str = ""


class Leave(NamedTuple):
    """Nothing to do. `reason`: why the run waits, for people; empty where it does not."""

    reason: str = ""


class Submit(NamedTuple):
    """A new submission, or the going on with one that was interrupted.

    `after`: the job that is over, so that another one has to follow it.
    """

    after: str = ""


class Cancel(NamedTuple):
    job: str


class Close(NamedTuple):
    """The end of the run: `kind` is the event, stopped or failed."""

    kind: str
    reason: str


Step = Union[Leave, Submit, Cancel, Close]


def step(facts: Facts) -> Step:
    known = facts.submission
    if known is None or known.is_done or not known.job:
        return unsubmitted(facts)
    if facts.heard_s is not None and facts.heard_s < FRESH_S:
        return overdue(facts, known.job)
    if facts.job is not None:
        return told(facts, facts.job, known)
    if facts.forgotten_s is not None:
        return forgotten(facts, known)
    return Leave(
        f"Slurm tells nothing of job {known.job}: {facts.problem}" if facts.problem else ""
    )


def unsubmitted(facts: Facts) -> Step:
    """Where sbatch may have been asked already, a stop waits for what came of it."""
    is_asked = facts.submission is not None and not facts.submission.is_done
    if facts.wished_s is not None and not is_asked:
        return Close("stopped", f"stopped by {facts.by}")
    return Submit()


def told(facts: Facts, job: jobs.Job, known: records.Submission) -> Step:
    if job.phase == jobs.WAITS:
        if facts.wished_s is not None:
            return Cancel(job.id)
        return Leave(f"Slurm job {job.id} waits: {jobs.why_waiting(job.reason)}")
    if job.phase == jobs.LIVES:
        return overdue(facts, job.id)
    return over(facts, job, known)


def overdue(facts: Facts, job: str) -> Step:
    """A job that was asked to end ends itself; one that does not is ended by Slurm."""
    late = facts.wished_s is not None and facts.wished_s > facts.grace_s + SCANCEL_AFTER_S
    return Cancel(job) if late else Leave()


def over(facts: Facts, job: jobs.Job, known: records.Submission) -> Step:
    """Its job has ended and did not end the run: what began goes on in another job, in bounds."""
    if facts.wished_s is not None:
        return Close("stopped", f"stopped by {facts.by}")
    if job.state == "CANCELLED":
        return Close("stopped", f"Slurm job {job.id} was cancelled")
    if not facts.is_claimed and job.state not in jobs.NOT_ITS_FAULT:
        return Close("failed", f"Slurm job {job.id} ended before it began: {jobs.how_ended(job)}")
    return again(facts, known, f"the last, {job.id}: {jobs.how_ended(job)}")


def forgotten(facts: Facts, known: records.Submission) -> Step:
    """Slurm drops an element of an array as soon as it is cancelled; a job that starts after all
    finds that the run has ended."""
    is_old = facts.forgotten_s is not None and facts.forgotten_s >= FORGOTTEN_S
    if facts.wished_s is not None and (is_old or not facts.is_claimed):
        return Close("stopped", f"stopped by {facts.by}")
    if not is_old:
        return Leave()
    if not facts.is_claimed:
        return Close(
            "failed", f"Slurm has forgotten job {known.job}, and nothing shows that it ever began"
        )
    return again(facts, known, f"Slurm has forgotten the last, {known.job}")


def again(facts: Facts, known: records.Submission, last: str) -> Step:
    if facts.attempts == known.attempts and known.barren + 1 >= BARREN_LIMIT:
        return Close("failed", f"{BARREN_LIMIT} Slurm jobs on end began no attempt; {last}")
    return Submit(after=known.job)


def next_pause_s(before_s: float, *, changed: bool) -> float:
    """How long to wait before Slurm is asked again: after news 2 s, then ever longer."""
    return 2.0 if changed else min(60.0, max(2.0, 2 * before_s))

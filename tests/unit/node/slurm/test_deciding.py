"""What the login node does about a run, from what is known."""

from __future__ import annotations

from typing import Any

import pytest

from overnight.node.slurm import deciding, jobs, records

SUBMITTED = records.Submission(1, "train01.ab", job="7")


def facts(**known: Any) -> deciding.Facts:
    given: dict[str, Any] = {
        "submission": SUBMITTED,
        "job": None,
        "forgotten_s": None,
        "heard_s": None,
        "wished_s": None,
        "by": "ada",
        "is_claimed": False,
        "attempts": 0,
        "grace_s": 30.0,
    }
    return deciding.Facts(**{**given, **known})


def job(state: str, reason: str = "") -> jobs.Job:
    return jobs.Job("7", state, reason, name="train01.ab")


def test_a_run_without_a_job_is_submitted() -> None:
    for submission in (None, SUBMITTED._replace(job=""), SUBMITTED._replace(is_done=True)):
        assert deciding.step(facts(submission=submission)) == deciding.Submit()


def test_a_run_that_was_stopped_before_it_was_submitted_has_ended() -> None:
    """Where sbatch was asked already, its answer is looked for first: a job may be there."""
    assert deciding.step(facts(submission=None, wished_s=1.0)) == deciding.Close(
        "stopped", "stopped by ada"
    )
    asked = SUBMITTED._replace(job="")
    assert deciding.step(facts(submission=asked, wished_s=1.0)) == deciding.Submit()


def test_our_own_record_speaks_first() -> None:
    """A job that gave a sign of life lives, whatever Slurm says of it (law 1)."""
    for said in ("FAILED", "CANCELLED", "COMPLETED"):
        known = facts(job=job(said), heard_s=1.0, is_claimed=True, attempts=1)
        assert deciding.step(known) == deciding.Leave()
    assert deciding.step(facts(forgotten_s=1e6, heard_s=1.0, is_claimed=True)) == deciding.Leave()


def test_a_slurm_that_does_not_answer_says_nothing() -> None:
    """However long it is away and nothing is heard of the job, nothing is ended or begun."""
    for is_claimed in (False, True):
        known = facts(heard_s=1e6, is_claimed=is_claimed, problem="Socket timed out")
        assert deciding.step(known) == deciding.Leave(
            "Slurm tells nothing of job 7: Socket timed out"
        )


def test_a_waiting_job_has_its_reason() -> None:
    said = deciding.step(facts(job=job("PENDING", "Resources")))
    assert said == deciding.Leave("Slurm job 7 waits: no node is free for it (Resources)")
    assert deciding.step(facts(job=job("PENDING"), wished_s=0.0)) == deciding.Cancel("7")


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "NEW_WORD"])
def test_a_job_that_holds_nodes_is_left_to_its_supervisor(state: str) -> None:
    """A stop is its own to carry out; only one that takes far too long is cancelled."""
    assert deciding.step(facts(job=job(state), wished_s=80.0)) == deciding.Leave()
    assert deciding.step(facts(job=job(state), wished_s=100.0)) == deciding.Cancel("7")
    assert deciding.step(facts(heard_s=1.0, wished_s=100.0)) == deciding.Cancel("7")


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "COMPLETED"])
def test_what_had_begun_goes_on_in_another_job(state: str) -> None:
    known = facts(job=job(state), heard_s=60.0, is_claimed=True, attempts=1)
    assert deciding.step(known) == deciding.Submit(after="7")


def test_jobs_that_begin_nothing_are_not_submitted_for_ever() -> None:
    """Three on end are the limit; an attempt in between starts the count anew (law 8)."""
    barren = SUBMITTED._replace(barren=2, attempts=4)
    known = facts(submission=barren, job=job("NODE_FAIL"), attempts=4)
    said = deciding.step(known)
    assert said == deciding.Close(
        "failed", "3 Slurm jobs on end began no attempt; the last, 7: NODE_FAIL"
    )
    assert deciding.step(known._replace(attempts=5)) == deciding.Submit(after="7")


def test_a_job_that_failed_before_it_began_is_no_case_for_another() -> None:
    said = deciding.step(facts(job=job("FAILED", "BadConstraints")))
    assert said == deciding.Close(
        "failed", "Slurm job 7 ended before it began: FAILED (BadConstraints)"
    )
    assert deciding.step(facts(job=job("BOOT_FAIL"))) == deciding.Submit(after="7")


def test_a_cancelled_job_was_meant() -> None:
    """By whoever it was; a stop of ours has its own words."""
    known = facts(job=job("CANCELLED"), heard_s=60.0, is_claimed=True, attempts=1)
    assert deciding.step(known) == deciding.Close("stopped", "Slurm job 7 was cancelled")
    assert deciding.step(known._replace(wished_s=1.0)) == deciding.Close(
        "stopped", "stopped by ada"
    )


def test_a_forgotten_job_is_gone_only_after_a_while() -> None:
    """The controller itself has to say so, again after a minute (law 1)."""
    begun = facts(forgotten_s=59.0, heard_s=100.0, is_claimed=True, attempts=1)
    assert deciding.step(begun) == deciding.Leave()
    assert deciding.step(begun._replace(forgotten_s=60.0)) == deciding.Submit(after="7")
    never = facts(forgotten_s=60.0)
    assert deciding.step(never) == deciding.Close(
        "failed", "Slurm has forgotten job 7, and nothing shows that it ever began"
    )


def test_a_forgotten_job_that_was_to_be_stopped_is_stopped() -> None:
    """At once where it never began: Slurm drops a cancelled element of an array."""
    stopped = deciding.Close("stopped", "stopped by ada")
    assert deciding.step(facts(forgotten_s=0.0, wished_s=1.0)) == stopped
    begun = facts(forgotten_s=1.0, wished_s=1.0, heard_s=100.0, is_claimed=True)
    assert deciding.step(begun) == deciding.Leave()
    assert deciding.step(begun._replace(forgotten_s=61.0)) == stopped


def test_slurm_is_asked_less_and_less_often() -> None:
    pauses = [0.0]
    for _ in range(8):
        pauses.append(deciding.next_pause_s(pauses[-1], changed=False))
    assert pauses[1:] == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert deciding.next_pause_s(60.0, changed=True) == 2.0

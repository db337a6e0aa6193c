"""One question for all jobs, kept for a while; each command of Slurm's may be away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from overnight.node.slurm import asking, jobs, polling, records

ME = 1000
DISABLED = "Slurm accounting storage is disabled"
AWAY = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
NO_SUCH_JOB = "slurm_load_jobs error: Invalid job id specified"
RUNNING = "7|RUNNING|None|n1|train01.ab\n"
SHOWN = "JobId=7 JobName=train01.ab JobState=RUNNING Reason=None NodeList=n1 ExitCode=0:0\n"


class Slurm:
    """Answers by the first word of the command; keeps what was asked."""

    def __init__(self, **answers: asking.Said) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, argv: Sequence[str]) -> asking.Said:
        self.asked.append(argv[0])
        return self.answers.get(argv[0], asking.Said("", "none", is_missing=True))


def said(text: str) -> asking.Said:
    return asking.Said(text)


def failed(problem: str) -> asking.Said:
    return asking.Said("", problem)


def ask(
    slurm: Slurm, *wanted: str, before: polling.Table | None = None, now: float = 100.0
) -> polling.Table:
    return polling.asked(before or polling.Table(), wanted, slurm, ME, now)


def test_where_squeue_tells_everything_nobody_else_is_asked() -> None:
    slurm = Slurm(squeue=said(RUNNING))
    found = ask(slurm, "7")
    assert found.by_id == {"7": jobs.Job("7", "RUNNING", "None", "n1", "train01.ab")}
    assert slurm.asked == ["squeue"]
    assert found.pause_s == 2.0
    assert ask(slurm, "7", before=found).pause_s == 4.0


def test_sacct_is_asked_for_what_squeue_does_not_show() -> None:
    slurm = Slurm(squeue=said(RUNNING), sacct=said("8|FAILED|1:0|n2|train02.cd\n"))
    found = ask(slurm, "7", "8")
    assert found.by_id["8"].state == "FAILED"
    assert not found.forgotten


def test_accounts_that_say_a_forgotten_job_lives_are_behind() -> None:
    """The controller decides about the living."""
    slurm = Slurm(squeue=said(RUNNING), sacct=said("8|RUNNING|0:0|n2|train02.cd\n"))
    assert ask(slurm, "7", "8").forgotten == {"8": 100.0}


def test_disabled_accounts_are_not_asked_again_for_an_hour() -> None:
    slurm = Slurm(squeue=said(""), sacct=failed(DISABLED))
    found = ask(slurm, "8")
    assert found.forgotten == {"8": 100.0}
    later = ask(slurm, "8", before=found, now=200.0)
    assert slurm.asked == ["squeue", "sacct", "squeue"]
    assert later.forgotten == {"8": 100.0}
    ask(slurm, "8", before=later, now=4000.0)
    assert slurm.asked[-1] == "sacct"


def test_a_squeue_that_fails_says_of_no_job_that_it_is_gone() -> None:
    """scontrol is asked job by job; where it fails as well, nothing is known."""
    slurm = Slurm(squeue=failed(AWAY), sacct=failed(DISABLED), scontrol=failed(AWAY))
    found = ask(slurm, "7", "8")
    assert not found.by_id
    assert not found.forgotten
    assert found.problem == AWAY


def test_without_squeue_scontrol_tells() -> None:
    missing = asking.Said("", "squeue: No such file or directory", is_missing=True)
    slurm = Slurm(squeue=missing, scontrol=said(SHOWN))
    assert ask(slurm, "7").by_id["7"].state == "RUNNING"
    slurm = Slurm(squeue=missing, scontrol=failed(NO_SUCH_JOB))
    assert ask(slurm, "7").forgotten == {"7": 100.0}


def test_a_command_that_hangs_is_asked_once_a_round() -> None:
    hangs = asking.Said("", "no answer", timed_out=True)
    slurm = Slurm(squeue=hangs, scontrol=hangs)
    ask(slurm, "7", "8", "9")
    assert slurm.asked.count("scontrol") == 1


def test_a_number_that_was_given_to_somebody_else_is_not_ours() -> None:
    """A controller that lost its memory counts anew."""
    found = ask(Slurm(squeue=said("7|RUNNING|None|n1|other\n")), "7")
    ours = found.without_strangers("7", "train01.ab", 100.0)
    assert not ours.by_id
    assert ours.forgotten == {"7": 100.0}
    assert found.without_strangers("7", "other", 100.0) is found


def test_the_table_is_kept_for_all_who_want_to_know(tmp_path: Path) -> None:
    table = ask(Slurm(squeue=said(RUNNING)), "7")
    polling.write(str(tmp_path), table)
    assert polling.read(str(tmp_path)) == table._replace(asked_for=["7"])
    assert not table.is_due(["7"], 101.0)
    assert table.is_due(["7"], 102.0)
    assert table.is_due(["7", "8"], 101.0)  # a job that it knows nothing of
    assert table.is_due(["7"], 50.0)  # the clock was set back
    polling.ask_again_soon(str(tmp_path))
    assert polling.read(str(tmp_path)).is_due(["7"], 100.1)


def test_a_table_that_was_cut_in_half_is_none(tmp_path: Path) -> None:
    Path(polling.path(str(tmp_path))).write_text('{"asked_at": 1, "by_id": {"7"')
    assert polling.read(str(tmp_path)) == polling.Table()
    Path(polling.path(str(tmp_path))).write_text('{"by_id": {"7": []}}')
    assert polling.read(str(tmp_path)) == polling.Table()


def test_a_lost_answer_is_looked_for_by_name() -> None:
    """A job that sbatch was told is refused may be listed as failed, and was never one."""
    submission = records.Submission(1, "train01.ab")
    listed = "6|FAILED|BadConstraints||train01.ab\n9|PENDING|None||train01.ab\n" + RUNNING
    assert polling.lookup(submission, Slurm(squeue=said(listed)), ME) == ("7", "")
    assert polling.lookup(submission, Slurm(squeue=said(listed[:36])), ME) == ("", "")
    assert polling.lookup(submission, Slurm(squeue=failed(AWAY)), ME) == ("", AWAY)
    element = records.Submission(1, "sweep.cd", element=1)
    listed = "4_1|PENDING|None||sweep.cd\n4_11|PENDING|None||sweep.cd\n"
    assert polling.lookup(element, Slurm(squeue=said(listed)), ME) == ("4_1", "")


def test_doubles_are_waiting_jobs_of_the_same_submission() -> None:
    found = ask(Slurm(squeue=said(RUNNING + "9|PENDING|None||train01.ab\n")), "7")
    assert polling.doubles(found, records.Submission(1, "train01.ab", job="7")) == ["9"]

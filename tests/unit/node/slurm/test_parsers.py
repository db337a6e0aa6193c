"""Texts of a real Slurm 22.05, read; and what is asked for them."""

from __future__ import annotations

from overnight.node.slurm import jobs, sacct, scontrol, sinfo, squeue

SQUEUE = """\
1|CANCELLED|None|n1|train01-abc
6|FAILED|BadConstraints||wrap
2_2|PENDING|JobArrayTaskLimit||arr-x
3|PENDING|Resources||a|b
2_0|RUNNING|None|n[1-2]|arr-x
2_[3-9%2]|PENDING|JobArrayTaskLimit||arr-x
Welcome to the cluster!
2|COMPLETING|None|n1|req-x
"""
SACCT = """\
1|COMPLETED|0:0|n[1-2]|multi-x
2|REQUEUED|0:0|n1|req-x
3|FAILED|3:0|n1|ok-x
4_1|TIMEOUT|0:15|n1|arr-x
4_[2-9]|PENDING|0:0|None assigned|arr-x
2|CANCELLED by 0|0:0|None assigned|req-x
"""
SCONTROL = (
    "JobId=4 ArrayJobId=2 ArrayTaskId=0 ArrayTaskThrottle=2 JobName=arr-x UserId=root(0) "
    "GroupId=root(0) MCS_label=N/A Priority=4294901758 Nice=0 Account=(null) QOS=(null) "
    "JobState=PENDING Reason=launch failed requeued held Dependency=(null) Requeue=1 Restarts=0 "
    "BatchFlag=1 Reboot=0 ExitCode=3:0 RunTime=00:00:01 TimeLimit=00:10:00 Partition=gpu "
    "AllocNode:Sid=localhost:19672 ReqNodeList=(null) ExcNodeList=(null) NodeList=(null) "
    "NumNodes=1 Command=/tmp/a b JobName=fake WorkDir=/tmp\n"
)


def test_squeue_one_job_a_line() -> None:
    """Elements by themselves, names with bars, and lines that are none of squeue's."""
    found = squeue.parse(SQUEUE)
    assert list(found) == ["1", "6", "2_2", "3", "2_0", "2"]
    assert found["3"] == jobs.Job("3", "PENDING", "Resources", "", "a|b")
    assert found["2_0"].nodes == "n[1-2]"
    assert [found[job].phase for job in ("1", "3", "2_0", "2")] == [
        *(jobs.ENDED, jobs.WAITS, jobs.LIVES, jobs.LIVES)
    ]


def test_squeue_is_asked_once_for_all_jobs_of_the_user() -> None:
    argv = squeue.argv(1000)
    assert argv[0] == "squeue"
    assert {"--user=1000", "--states=all", "--array", "--noheader"} <= set(argv)


def test_steps_without_those_of_slurm_itself() -> None:
    assert squeue.parse_steps("7.0\n7.1\n7.batch\n7.extern\n\n") == ["7.0", "7.1"]


def test_sacct_the_last_time_a_job_ran_counts() -> None:
    found = sacct.parse(SACCT)
    assert found["2"].state == "CANCELLED"
    assert found["3"] == jobs.Job("3", "FAILED", "", "n1", "ok-x", "3:0")
    assert sorted(found) == ["1", "2", "3", "4_1"]
    assert "--jobs=1,4_1" in sacct.argv(["1", "4_1"])


def test_scontrol_knows_an_element_by_its_array() -> None:
    """A reason has spaces; what stands in a later field is not taken for the name."""
    (found,) = scontrol.parse_show(SCONTROL).values()
    assert found == jobs.Job("2_0", "PENDING", "launch failed requeued held", "", "arr-x", "3:0")
    assert scontrol.parse_show("") == {}


def test_what_the_controller_says_of_a_job_that_it_does_not_have() -> None:
    for said in ("slurm_load_jobs error: Invalid job id specified", "Job 2_9 not found"):
        assert scontrol.FORGOTTEN.search(said)
    assert not scontrol.FORGOTTEN.search(
        "slurm_load_jobs error: Unable to contact slurm controller"
    )


def test_sinfo_puts_the_lines_of_a_partition_together() -> None:
    found = sinfo.parse(
        "gpu*|up|(null)|1:00:00\ngpu*|up|gpu:a100:4(S:0-1)|1:00:00\ncpu|down|(null)|infinite\n"
    )
    assert found["gpu"].is_default
    assert found["gpu"].has_gpus
    assert not found["cpu"].has_gpus
    assert not found["cpu"].is_up


def test_words_of_a_wait_and_of_an_end() -> None:
    assert jobs.why_waiting("Resources") == "no node is free for it (Resources)"
    assert jobs.why_waiting("ReqNodeNotAvail, UnavailableNodes:n1").startswith(
        "a node that it needs"
    )
    assert jobs.why_waiting("QOSMaxJobsPerUserLimit") == "QOSMaxJobsPerUserLimit"
    assert jobs.why_waiting("") == "it has just been submitted"
    assert jobs.how_ended(jobs.Job("1", "FAILED", "NonZeroExitCode", exit="3:0")) == (
        "FAILED (NonZeroExitCode, exit code 3)"
    )
    assert jobs.how_ended(jobs.Job("1", "TIMEOUT", "None", exit="0:15")) == "TIMEOUT (signal 15)"
    assert jobs.how_ended(jobs.Job("1", "NODE_FAIL")) == "NODE_FAIL"

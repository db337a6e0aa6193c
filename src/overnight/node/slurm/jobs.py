"""What Slurm says of a job, whichever of its commands said it. Pure."""

from __future__ import annotations

from typing import NamedTuple

WAITS = "waits"
LIVES = "lives"
ENDED = "ended"

# Names of squeue's %T. What is not named here (CONFIGURING, COMPLETING, STOPPED, …) holds nodes.
WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
OVER = frozenset(
    {
        *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "PREEMPTED"),
        *("BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY", "REVOKED"),
    }
)
# Ends that say nothing about the job: the same job may fare better.
NOT_ITS_FAULT = frozenset({"NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "REVOKED"})
NO_REASON = frozenset({"", "None", "(null)"})
# Slurm's words of why a job waits, where they are not plain.
REASONS = {
    "None": "it has just been submitted",
    "BeginTime": "Slurm does not let it begin yet (BeginTime)",
    "JobArrayTaskLimit": "as many jobs of its array run as may at once",
    "Priority": "others come first (Priority)",
    "Resources": "no node is free for it (Resources)",
    "PartitionTimeLimit": "it asks for more time than its partition gives (PartitionTimeLimit)",
    "PartitionNodeLimit": "it asks for more nodes than its partition has (PartitionNodeLimit)",
    "ReqNodeNotAvail": "a node that it needs is down or reserved (ReqNodeNotAvail)",
    "PartitionDown": "its partition is down (PartitionDown)",
    "JobHeldUser": "somebody holds it: scontrol release",
    "JobHeldAdmin": "an administrator holds it (JobHeldAdmin)",
    "launch failed requeued held": "it could not be started and is held: scontrol release",
}


class Job(NamedTuple):
    """`id` is `123`, or `123_4` for an element of an array; `name` is ours, see `records`."""

    id: str
    state: str
    reason: str = ""
    nodes: str = ""
    name: str = ""
    exit: str = ""

    @property
    def phase(self) -> str:
        if self.state in WAITING:
            return WAITS
        return ENDED if self.state in OVER else LIVES


def plain_state(text: str) -> str:
    """`CANCELLED by 1000` and `CANCELLED+` are CANCELLED."""
    return text.split(" ")[0].rstrip("+") if text else ""


def is_id(text: str) -> bool:
    """`123` or `123_4`."""
    whole, _, element = text.partition("_")
    return whole.isdigit() and (element.isdigit() if "_" in text else True)


def sort_key(job: str) -> tuple[int, int]:
    whole, _, element = job.partition("_")
    return int(whole), int(element or 0)


def why_waiting(reason: str) -> str:
    """For people: why the job has not begun."""
    return REASONS.get(reason.split(",")[0], reason) or REASONS["None"]


def how_ended(job: Job) -> str:
    """For people: `FAILED (NonZeroExitCode, exit code 3)`."""
    more = [] if job.reason in NO_REASON else [job.reason]
    code, _, number = job.exit.partition(":")
    more += [f"exit code {code}"] if code.isdigit() and code != "0" else []
    more += [f"signal {number}"] if number.isdigit() and number != "0" else []
    return f"{job.state} ({', '.join(more)})" if more else job.state

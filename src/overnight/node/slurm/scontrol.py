"""scontrol: one job as the controller knows it, and putting our own job back into the queue."""

from __future__ import annotations

import re

from overnight.node.slurm import jobs

FORGOTTEN = re.compile(r"Invalid job id specified|Job \S+ not found")
FIELD = re.compile(
    r"(?:^| )(JobId|ArrayJobId|ArrayTaskId|JobName|JobState|Reason|NodeList|ExitCode)="
)


def show_argv(job: str) -> list[str]:
    return ["scontrol", "show", "job", "--oneliner", job]


def requeue_argv(job: str) -> list[str]:
    return ["scontrol", "requeue", job]


def parse_show(text: str) -> dict[str, jobs.Job]:
    """By id, `123_4` for an element of an array; values may hold spaces."""
    found = {}
    for line in text.splitlines():
        fields = fields_of(line)
        array, task = fields.get("ArrayJobId"), fields.get("ArrayTaskId", "")
        job = f"{array}_{task}" if array and task.isdigit() else fields.get("JobId", "")
        if jobs.is_id(job):
            found[job] = jobs.Job(
                job,
                jobs.plain_state(fields.get("JobState", "")),
                fields.get("Reason", ""),
                fields.get("NodeList", "").replace("(null)", ""),
                fields.get("JobName", ""),
                fields.get("ExitCode", ""),
            )
    return found


def fields_of(line: str) -> dict[str, str]:
    """The first value of each field that we know; it ends where any `Word=` begins."""
    found: dict[str, str] = {}
    for match in FIELD.finditer(line):
        rest = line[match.end() :]
        value = re.split(r" [A-Z][A-Za-z/:_]*=", rest, maxsplit=1)[0].strip()
        found.setdefault(match.group(1), value)
    return found

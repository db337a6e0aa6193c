"""sacct: jobs that the controller has forgotten, where the site keeps accounts."""

from __future__ import annotations

from typing import Sequence

from overnight.node.slurm import jobs

DISABLED = "accounting storage is disabled"
FIELDS = "JobID,State,ExitCode,NodeList,JobName"


def argv(wanted: Sequence[str]) -> list[str]:
    """`--duplicates`: of a job that was requeued every time it ran, the last one last."""
    return [
        *("sacct", "--noheader", "--parsable2", "--allocations", "--duplicates"),
        *(f"--format={FIELDS}", f"--jobs={','.join(wanted)}"),
    ]


def parse(text: str) -> dict[str, jobs.Job]:
    """By id. Elements of an array that wait are one line (`4_[2-9]`), which is passed over."""
    found = {}
    for line in text.splitlines():
        fields = line.strip().split("|", 4)
        if len(fields) == 5 and jobs.is_id(fields[0]):
            job, state, code, nodes, name = fields
            found[job] = jobs.Job(job, jobs.plain_state(state), "", nodes, name, code)
    return found

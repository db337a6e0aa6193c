"""squeue: every job of ours that the controller remembers, in one question."""

from __future__ import annotations

from overnight.node.slurm import jobs

FORMAT = "%i|%T|%r|%N|%j"  # the name comes last: it is the only field that could hold a bar


def argv(user: int) -> list[str]:
    """Asks for the user's jobs, also those that have ended lately; arrays element by element."""
    return [
        *("squeue", "--noheader", "--array", "--states=all"),
        *(f"--user={user}", f"--format={FORMAT}"),
    ]


def steps_argv(job: str) -> list[str]:
    """Asks for the steps of a job that live."""
    return ["squeue", "--noheader", "--steps", f"--jobs={job}", "--format=%i"]


def parse(text: str) -> dict[str, jobs.Job]:
    """By id. Lines that are none (a message of the site's wrapper) are passed over."""
    found = {}
    for line in text.splitlines():
        fields = line.strip().split("|", 4)
        if len(fields) == 5 and jobs.is_id(fields[0]):
            job, state, reason, nodes, name = fields
            found[job] = jobs.Job(job, jobs.plain_state(state), reason, nodes, name)
    return found


def parse_steps(text: str) -> list[str]:
    """`123.0`, without the steps that Slurm starts itself (`123.batch`, `123.extern`)."""
    return [word for word in text.split() if word.rpartition(".")[2].isdigit()]

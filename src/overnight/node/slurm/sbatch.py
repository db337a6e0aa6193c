"""sbatch: the command line of a submission, the script of the job, and what a refusal means."""

from __future__ import annotations

import math
import re
import shlex
from typing import Any, NamedTuple, Sequence

from overnight.node.slurm import asking, jobs

TIMEOUT_S = 60.0
SMOKE_MORE_S = 300.0  # beside the time box: copying the snapshot, activating the environment
DEFAULT_SIGNAL_S = 120
GPU_OPTIONS = re.compile(r"--(gres|gpus(-per-(node|task|socket))?)(=|$)|-G")

# A controller that is away or busy: the same may be asked again. All else is a refusal.
NOT_NOW = re.compile(
    r"Socket timed out|Unable to contact slurm controller|Connection (refused|timed out|reset)"
    r"|temporarily unable|Resource temporarily unavailable|Zero Bytes were transmitted"
    r"|Message receive failure|Transport endpoint|in standby mode|try again|Unexpected message",
    re.IGNORECASE,
)

# Of an array each element finds its run in its line of the index.
ELEMENT = 'line=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" {index}) || exit 1\n'
ELEMENT_RUN = '"${line%% *}" "${line#* }"'


class Answer(NamedTuple):
    """`job` is empty where there is none; then `refused` tells a refusal from silence."""

    job: str
    problem: str = ""
    refused: bool = False


def options(spec: dict[str, Any], gpus: int) -> list[str]:
    """What the run asks of Slurm. `gpus`: for each node; 0 asks for none."""
    wanted: dict[str, Any] = spec["slurm"]
    given = [str(each) for each in wanted.get("options") or ()]
    made = [f"--partition={wanted['partition']}"] if wanted.get("partition") else []
    made += time_options(spec, wanted)
    made += [f"--nodes={int(wanted.get('nodes') or 1)}"]
    made += [f"--ntasks-per-node={int(wanted.get('tasks_per_node') or 1)}"]
    if gpus and not any(GPU_OPTIONS.match(each) for each in given):
        kind = f"{wanted['gpu']}:" if wanted.get("gpu") else ""
        made += [f"--gres=gpu:{kind}{gpus}"]
    return [*made, *given]


def time_options(spec: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """A smoke test needs its time box and a little more, and no warning before its end."""
    if spec.get("time_box_s") is not None:
        minutes = math.ceil((float(spec["time_box_s"]) + SMOKE_MORE_S) / 60)
        return [f"--time={minutes}"]
    time = [f"--time={wanted['time']}"] if wanted.get("time") else []
    return [*time, f"--signal=B:USR2@{int(wanted.get('signal_s') or DEFAULT_SIGNAL_S)}"]


def argv(asked: Sequence[str], *, name: str, output: str, script: str) -> list[str]:
    """The whole command line. Ours come last: of two of the same, sbatch takes the last."""
    ours = [
        *("--parsable", f"--job-name={name}", "--requeue", "--open-mode=append"),
        *(f"--output={literal(output)}", "--export=ALL", "--chdir=/"),
    ]
    return ["sbatch", *asked, *ours, script]


def literal(path: str) -> str:
    """A path in which sbatch replaces nothing (`%j` would be the job's number)."""
    return path.replace("%", "%%")


def script(entry: Sequence[str], root: str, project: str, run: str, name: str) -> str:
    """The job of one run."""
    return job_script(entry, root, shlex.join([project, run]), name)


def array_script(entry: Sequence[str], root: str, index: str, name: str) -> str:
    """The job of many: `index` is a file with a line `PROJECT RUN` for each element."""
    before = ELEMENT.format(index=shlex.quote(index))
    return job_script(entry, root, ELEMENT_RUN, name, before)


def job_script(entry: Sequence[str], root: str, run: str, name: str, before: str = "") -> str:
    """`run` and `before` are shell text. `exec`, so that signals for the batch shell reach us."""
    python, *arguments = entry
    return (
        "#!/bin/sh\n"
        f"# Written by overnight for the job {shlex.quote(name)}.\n"
        f"{before}"
        f"python={shlex.quote(python)}\n"
        '[ -x "$python" ] || python=python3\n'
        f'exec "$python" {shlex.join(arguments)} job {shlex.quote(root)} {run} '
        f"{shlex.quote(name)}\n"
    )


def read(said: asking.Said) -> Answer:
    """What sbatch's answer means. `--parsable` prints `123`, or `123;cluster`."""
    lines = said.out.split()
    job = lines[-1].partition(";")[0] if lines else ""
    if not said.problem and jobs.is_id(job):
        return Answer(job)
    if said.is_missing:
        return Answer("", f"there is no sbatch in the PATH of this login ({said.problem})", True)
    if said.timed_out or NOT_NOW.search(said.problem):
        return Answer("", said.problem)
    return Answer("", plain(said.problem or f"sbatch answered {said.out.strip()!r}"), True)


def plain(problem: str) -> str:
    """Without sbatch's own prefixes."""
    return re.sub(r"sbatch: (error|fatal): |Batch job submission failed: ", "", problem)

"""What lies in a run's folder about its jobs: the submission, who has claimed it, a wish to stop.

slurm/submission.json   the newest submission, written before sbatch is asked
slurm/claims/N/owner    the job that runs submission N; the folder is made by one rename
slurm/stop.json         somebody wants the run to end; the job sees it
slurm/batch.sh          the job's script
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from typing import Any, Mapping, NamedTuple

from overnight.node import fs, layout

FOLDER = "slurm"


class Submission(NamedTuple):
    """`name` is the job's name, by which it is found again; `job` is empty until sbatch answered.

    `element`: the place in an array, None outside of one. `attempts`: how many the run had then.
    `barren`: how many submissions on end before this one began nothing. `asking`: the process that
    may be waiting for sbatch, and its machine; `is_done`: nothing more comes of it.
    """

    n: int
    name: str
    job: str = ""
    element: int | None = None
    attempts: int = 0
    barren: int = 0
    asked_at: float = 0.0
    tries: int = 0
    asking: list[Any] | None = None
    problem: str = ""
    is_done: bool = False


class Seat(NamedTuple):
    """A job as it sees itself: its id, how often Slurm has restarted it, and its node."""

    job: str
    restart: int
    node: str


def folder(run: layout.Run, *names: str) -> str:
    return os.path.join(run.folder, FOLDER, *names)


def read(run: layout.Run) -> Submission | None:
    found = fs.read_json(folder(run, "submission.json"))
    if not isinstance(found, dict) or not isinstance(found.get("n"), int):
        return None
    known = {key: found[key] for key in Submission._fields if key in found}
    return Submission(**known) if "name" in known else None


def write(run: layout.Run, submission: Submission) -> None:
    os.makedirs(folder(run), exist_ok=True)
    fs.publish_json(folder(run, "submission.json"), submission._asdict())


def new_name(run: layout.Run) -> str:
    """The run's name first, for people; then what no other job has."""
    return f"{run.name[:40]}.{uuid.uuid4().hex[:12]}"


# -- claims -----------------------------------------------------------------------------------


def claim(run: layout.Run, n: int, seat: Seat) -> bool:
    """True where this job runs submission `n` from now on; False where another one does.

    A folder with its owner in it is renamed into place: that succeeds for one, also on NFS.
    The job that has the claim takes it anew when Slurm has restarted it.
    """
    owner = owner_of(run, n)
    if owner is None:
        ready = folder(run, "claims", f"{seat.job}-{seat.restart}-{os.getpid()}.new")
        os.makedirs(ready, exist_ok=True)
        fs.publish_json(os.path.join(ready, "owner"), seat._asdict())
        with contextlib.suppress(OSError):  # somebody was quicker
            os.rename(ready, folder(run, "claims", str(n)))
        shutil.rmtree(ready, ignore_errors=True)
        owner = owner_of(run, n)
    if owner is None or owner.job != seat.job or owner.restart > seat.restart:
        return False
    if owner != seat:
        fs.publish_json(folder(run, "claims", str(n), "owner"), seat._asdict())
    return True


def owner_of(run: layout.Run, n: int) -> Seat | None:
    look_anew(folder(run, "claims"))
    look_anew(folder(run, "claims", str(n)))
    found = fs.read_json(folder(run, "claims", str(n), "owner"))
    if not isinstance(found, dict):
        return None
    return Seat(str(found.get("job")), int(found.get("restart") or 0), str(found.get("node")))


def look_anew(folder: str) -> None:
    """Lets NFS ask its server what is in a folder: what it knows of names may be a minute old.

    Opening it does, by close-to-open consistency (nfs(5)).
    """
    with contextlib.suppress(OSError):
        os.close(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def holds(run: layout.Run, n: int, seat: Seat) -> bool:
    """Whether nobody has taken the run over: neither a restart of this job nor a later one."""
    return owner_of(run, n) in (seat, None) and owner_of(run, n + 1) is None


def seat_of(environ: Mapping[str, str], node: str) -> Seat:
    """The job that these variables are of; KeyError outside of any."""
    array, task = environ.get("SLURM_ARRAY_JOB_ID"), environ.get("SLURM_ARRAY_TASK_ID")
    job = f"{array}_{task}" if array and task else environ["SLURM_JOB_ID"]
    return Seat(job, int(environ.get("SLURM_RESTART_COUNT") or 0), node)


# -- the wish to stop ---------------------------------------------------------------------------


def wish_stop(run: layout.Run, by: str, now: float) -> None:
    """A file of its own: the events are the job's to write while it lives."""
    if stop_wish(run) is None:
        os.makedirs(folder(run), exist_ok=True)
        fs.publish_json(folder(run, "stop.json"), {"by": by, "at": now})


def stop_wish(run: layout.Run) -> dict[str, Any] | None:
    look_anew(folder(run))
    found = fs.read_json(folder(run, "stop.json"))
    return found if isinstance(found, dict) else None


def forget_stop(run: layout.Run) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(folder(run, "stop.json"))

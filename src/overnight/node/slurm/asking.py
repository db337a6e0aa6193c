"""Asking a command of Slurm's, with a time limit and an environment that is not a job's."""

from __future__ import annotations

import os
from typing import Mapping, NamedTuple

from overnight.node import fs, layout, programs

TIMEOUT_S = 30.0
SAID_CHARACTERS = 400
FROM_JOBS = "SLURM_"
KEPT = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_TIME_FORMAT")


class Said(NamedTuple):
    """`problem` is empty where the command ended well; `is_missing`: there is no such command."""

    out: str
    problem: str = ""
    is_missing: bool = False
    timed_out: bool = False


def ask(argv: list[str], env: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> Said:
    """Never raises: a Slurm that is away, hangs or was never there is an answer as well."""
    try:
        answer = programs.ask(argv, timeout_s=timeout_s, env=env, cwd="/")
    except OSError as error:
        return Said("", f"{argv[0]}: {error.strerror}", is_missing=True)
    if answer.code is None:
        return Said("", f"{argv[0]} gave no answer in {timeout_s:.0f} s", timed_out=True)
    if answer.code != 0:
        said = one_line(answer.err) or one_line(answer.out) or f"exit code {answer.code}"
        return Said(answer.out, said)
    return Said(answer.out)


def one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(lines)[-SAID_CHARACTERS:]


def environment(run: layout.Run | None = None) -> dict[str, str]:
    """The login's environment, of a run that of its launch: cron's knows no path to Slurm.

    Variables of a job that we may have been started in are left out: sbatch would obey them.
    """
    session = fs.read_json(run.file("session.json")) if run is not None else None
    return without_job(session if isinstance(session, dict) else dict(os.environ))


def without_job(variables: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in variables.items()
        if name in KEPT or not name.startswith(FROM_JOBS)
    }

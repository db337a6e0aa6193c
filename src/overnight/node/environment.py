"""What an attempt ran in: Python, packages, driver, GPUs, machine (law 11)."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Mapping

from overnight.node import activation, gpus, programs

KEPT = re.compile(r"(CUDA|NCCL|OMP|SLURM)")
SECRET = re.compile(r"TOKEN|KEY|SECRET|PASS|JWT|AUTH|CREDENTIAL")
MARK = "overnight-environment: "

# Runs in the environment's own Python (>= 3.6). Packages are read from the names of their metadata
# folders: nothing is imported, so nothing can fail or take its time. The folder of the command is
# taken off the path first, so that a project's json.py is not the one we get.
PROGRAM = f"""
import sys
if sys.path and not sys.path[0]:
    del sys.path[0]
import json, os
packages = {{}}
for folder in sys.path:
    readable = os.path.isdir(folder) and os.access(folder, os.R_OK)
    for entry in sorted(os.listdir(folder)) if readable else []:
        stem, ending = os.path.splitext(entry)
        if ending in (".dist-info", ".egg-info"):
            name, _, version = stem.partition("-")
            version = version.split("-py")[0]
            packages.setdefault(name.lower().replace("_", "-"), version)
print({MARK!r} + json.dumps({{
    "python": ".".join(map(str, sys.version_info[:3])),
    "executable": sys.executable,
    "prefix": sys.prefix,
    "packages": packages,
    "torch": packages.get("torch"),
}}))
"""

# An environment may offer only one of the two names.
WITH_ITS_PYTHON = """
for name in python python3; do
    command -v "$name" > /dev/null && exec "$name" -c "$1"
done
echo "there is no python in this environment" >&2; exit 1
"""


def describe_argv() -> list[str]:
    """To be run in the activated environment; `parse` reads what it prints."""
    return ["/bin/sh", "-c", WITH_ITS_PYTHON, "overnight", PROGRAM]


def parse(out: str) -> dict[str, Any]:
    """The description in `out`, which may hold other people's lines too; {} where there is none."""
    for line in reversed(out.splitlines()):
        if line.startswith(MARK):
            found: dict[str, Any] = json.loads(line[len(MARK) :])
            return found
    return {}


def collect(
    environment: Mapping[str, Any],
    work: str,
    project_dir: str,
    variables: Mapping[str, str],
    timeout_s: float = 600.0,
) -> dict[str, Any]:
    """The value of environment.json. `variables` is the environment that the command gets.

    What cannot be found out is missing, and "problem" says why. The time allows for an
    environment that is still being built.
    """
    command = activation.wrap(environment, describe_argv(), work, project_dir)
    return {**machine(variables), **described(command, work, variables, timeout_s)}


def described(
    command: list[str], work: str, variables: Mapping[str, str], timeout_s: float
) -> dict[str, Any]:
    try:
        answer = programs.ask(command, timeout_s=timeout_s, cwd=work, env=variables)
    except OSError as error:
        return {"problem": str(error)}
    if answer.code is None:
        return {"problem": f"describing the environment took more than {timeout_s:g} s"}
    if answer.code != 0:
        lines = [line for line in answer.err.splitlines() if line.strip()]
        return {"problem": lines[-1] if lines else f"exit code {answer.code}"}
    return parse(answer.out)


def machine(variables: Mapping[str, str]) -> dict[str, Any]:
    table = gpus.query()
    return {
        "hostname": os.uname().nodename,
        "kernel": os.uname().release,
        "driver": table.driver,
        "gpus": [{"index": gpu.index, "uuid": gpu.uuid, "name": gpu.name} for gpu in table.gpus],
        "gpu_problem": table.problem,
        "variables": kept(variables),
    }


def kept(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that change how a training computes, without any that may be secret."""
    return {
        name: value
        for name, value in sorted(variables.items())
        if KEPT.match(name) and not SECRET.search(name)
    }

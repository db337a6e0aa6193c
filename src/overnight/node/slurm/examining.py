"""What `doctor` asks of a login node about its Slurm. Finds out and reports."""

from __future__ import annotations

import os
import re
import shutil
from typing import Any

from overnight.node.slurm import asking, sacct, sinfo

NEEDED = ("sbatch", "squeue", "scontrol", "scancel", "sinfo", "srun")
TIMEOUT_S = 20.0
# File systems that other machines see as well; of others nobody can tell from here.
SHARED = re.compile(
    r"(nfs|lustre|gpfs|beegfs|ceph|glusterfs|cifs|smb|panfs|wekafs|orangefs|afs|fuse\.\w+)", re.I
)


def examine(root: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """`wanted` is the spec's `slurm`.

    `partition` is the one that runs go to, None where there is no such; `partitions` are all names.
    """
    env = asking.environment()
    missing = [name for name in NEEDED if shutil.which(name, path=env.get("PATH")) is None]
    said = asking.ask(sinfo.argv(), env, TIMEOUT_S)
    partitions = sinfo.parse(said.out)
    chosen = [each for each in partitions.values() if is_meant(each, wanted.get("partition"))]
    return {
        "missing": missing,
        "version": version(asking.ask(["sbatch", "--version"], env, TIMEOUT_S).out),
        "problem": said.problem,
        "partitions": sorted(partitions),
        "partition": chosen[0]._asdict() if chosen else None,
        "has_gpus": any(each.has_gpus for each in chosen),
        "accounts": accounts(env),
        "file_system": file_system(root, mounts()),
    }


def is_meant(partition: sinfo.Partition, name: str | None) -> bool:
    return partition.name in name.split(",") if name else partition.is_default


def version(said: str) -> list[int] | None:
    """`slurm-wlm 22.05.8` -> [22, 5]."""
    found = re.search(r"\b(\d+)\.(\d+)", said)
    return [int(found.group(1)), int(found.group(2))] if found else None


def accounts(env: dict[str, str]) -> str:
    """Empty where sacct answers, else why not."""
    said = asking.ask(sacct.argv(["1"]), env, TIMEOUT_S)
    return said.problem


def mounts() -> str:
    try:
        with open("/proc/mounts", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def file_system(path: str, mounts: str) -> dict[str, Any]:
    """{"kind", "is_shared"} of the longest mount point above `path` (proc(5))."""
    real = os.path.realpath(path)
    best, kind = "", "unknown"
    for line in mounts.splitlines():
        fields = line.split(" ")
        place = fields[1].replace("\\040", " ") if len(fields) > 2 else ""
        is_above = real == place or real.startswith(place.rstrip("/") + "/")
        if place and is_above and len(place) >= len(best):
            best, kind = place, fields[2]
    return {"kind": kind, "is_shared": SHARED.match(kind) is not None}

"""doctor's findings about a Slurm cluster, each with what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from overnight.app.doctor_findings import MEND, NOTE, OK, Finding
from overnight.core import config

OLDEST = (20, 2)


def judge(found: dict[str, Any], chosen: config.ServerConfig) -> Iterator[Finding]:
    """`found` as `node/slurm/examining.py` tells it."""
    yield commands(found)
    if "sbatch" not in found["missing"]:
        yield partition(found, chosen)
        yield accounts(found["accounts"])
    yield shared_disk(found["file_system"], chosen)


def commands(found: dict[str, Any]) -> Finding:
    """Whether Slurm is there, new enough, and answers."""
    if found["missing"]:
        text = f"not in the PATH of a non-interactive login: {', '.join(found['missing'])}"
        mend = (
            "put Slurm's folder into the PATH in ~/.bashrc, above its test for interactive shells"
        )
        return Finding(check="slurm", level=MEND, text=text, mend=mend)
    version = found["version"]
    shown = ".".join(f"{part:02d}" for part in version) if version else "of an unknown version"
    if found["problem"]:
        text = f"Slurm {shown} does not answer: {found['problem']}"
        return Finding(check="slurm", level=MEND, text=text, mend="sinfo   shows it; try later")
    if version and tuple(version) < OLDEST:
        text = f"Slurm {shown}; overnight was made for 20.02 and newer"
        return Finding(check="slurm", level=NOTE, text=text, mend="ask its administrator")
    return Finding(check="slurm", level=OK, text=f"Slurm {shown} answers")


def partition(found: dict[str, Any], chosen: config.ServerConfig) -> Finding:
    known = found["partition"]
    place = f"slurm = {{ … }} under [servers.{chosen.name}] in overnight.toml"
    if known is None:
        named = chosen.slurm.partition if chosen.slurm else None
        text = f"there is no partition {named!r}" if named else "no partition is the default"
        mend = f"write partition = one of {', '.join(found['partitions']) or '(none)'} in {place}"
        return Finding(check="partition", level=MEND, text=text, mend=mend)
    gpus = "with GPUs" if found["has_gpus"] else "without GPUs"
    text = f"{known['name']}, {gpus}, at most {known['time_limit']} for a job"
    if not known["is_up"]:
        mend = "wait, or write another partition"
        return Finding(check="partition", level=NOTE, text=f"{text}; it is down now", mend=mend)
    return Finding(check="partition", level=OK, text=text)


def accounts(problem: str) -> Finding:
    if not problem:
        return Finding(check="accounts", level=OK, text="sacct remembers jobs that have ended")
    text = f"sacct is of no use ({problem}): of jobs that Slurm has forgotten our own records tell"
    return Finding(check="accounts", level=OK, text=text)


def shared_disk(found: dict[str, Any], chosen: config.ServerConfig) -> Finding:
    """Compute nodes must see the root under the same path."""
    if found["is_shared"]:
        text = f"the root lies on {found['kind']}, which compute nodes see as well"
        return Finding(check="shared disk", level=OK, text=text)
    return Finding(
        check="shared disk",
        level=NOTE,
        text=f"the root lies on {found['kind']}: nothing shows that compute nodes see it",
        mend=f"ls {chosen.root} in a job; else write a root on the cluster's shared disk under "
        f"[servers.{chosen.name}]",
    )

"""sinfo: the partitions, and whether their nodes have GPUs."""

from __future__ import annotations

from typing import NamedTuple

FORMAT = "%P|%a|%G|%l"


class Partition(NamedTuple):
    """`gres` as Slurm shows it, such as `gpu:a100:4`, of each kind of nodes."""

    name: str
    is_default: bool
    is_up: bool
    gres: tuple[str, ...]
    time_limit: str

    @property
    def has_gpus(self) -> bool:
        return any(part.strip().startswith("gpu") for each in self.gres for part in each.split(","))


def argv() -> list[str]:
    return ["sinfo", "--noheader", f"--format={FORMAT}"]


def parse(text: str) -> dict[str, Partition]:
    """By name; the nodes of a partition may be several lines."""
    found: dict[str, Partition] = {}
    for line in text.splitlines():
        fields = line.strip().split("|")
        if len(fields) != 4:
            continue
        name, up, gres, limit = fields
        plain = name.rstrip("*")
        known = found.get(plain)
        before = known.gres if known else ()
        found[plain] = Partition(plain, name.endswith("*"), up == "up", (*before, gres), limit)
    return found

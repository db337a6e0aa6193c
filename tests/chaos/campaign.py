"""Which faults are tried, and how often."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.chaos import plain, with_torch
from tests.chaos.case import Case
from tests.integration.laptop import Laptop
from tests.testbed import lab as labs

# How many times in the whole campaign; the short form tries what `SHORT` names, once.
TIMES: dict[Callable[[Case], None], int] = {
    plain.killed: 3,
    plain.killed_three_times: 2,
    plain.terminated: 2,
    plain.all_killed: 2,
    plain.supervisor_killed: 2,
    plain.watch_killed: 1,
    plain.rebooted: 2,
    plain.rebooted_orderly: 1,
    plain.out_of_memory: 2,
    plain.link_cut: 1,
    plain.checkpoint_torn: 2,
    plain.suspended: 1,
    plain.hung: 1,
    plain.disk_full: 1,
    with_torch.loss_lost: 1,
    with_torch.bad_sample: 1,
    with_torch.loader_worker_killed: 2,
    with_torch.memory_limit: 1,
    with_torch.checkpoint_truncated: 1,
    with_torch.rank_killed: 2,
    with_torch.rank_hung: 1,
}
SHORT = (
    plain.killed_three_times,
    plain.hung,
    with_torch.loss_lost,
    with_torch.bad_sample,
    with_torch.loader_worker_killed,
    with_torch.memory_limit,
    with_torch.rank_killed,
)


class Outcome(NamedTuple):
    """`problem` is empty where the table was followed."""

    fault: str
    attempts: int
    classes: list[str]
    state: str
    problem: str


def whole() -> Iterator[Callable[[Case], None]]:
    for fault, times in TIMES.items():
        yield from [fault] * times


def name_of(fault: Callable[[Case], None]) -> str:
    return fault.__name__.replace("_", "-")


def tried(fault: Callable[[Case], None], lab: labs.Lab, folder: Path, home: Path) -> Outcome:
    """One fault, on a server that is as new."""
    host = lab.reset(1)
    name = name_of(fault)
    case = Case(Laptop(folder / "project", home, lab.ssh_config), host, name)
    problem = ""
    try:
        fault(case)
    except AssertionError as error:
        problem = str(error) or "an assertion"
    if host.is_up:
        host.heal()
    row = case.laptop.json("explain", name)
    events = case.laptop.run("events", name, "--json").stdout
    told = [json.loads(line) for line in events.splitlines()]
    classes = [each["class"] for each in told if each["type"] == "diagnosed"]
    host.kill_users()
    return Outcome(name, len(row["attempts"]), classes, row["state"], problem)

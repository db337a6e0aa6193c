"""Faults of a run's GPUs: Xids in the kernel's log, uncorrected memory errors, lost GPUs."""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence

from overnight.node import gpus, kernel_log, nvidia_smi

FIELDS = "uuid,pci.bus_id,ecc.errors.uncorrected.volatile.total"
LOST = re.compile(r"is lost|fallen off the bus|Unknown Error|Unable to determine the device handle")


class Health(NamedTuple):
    """`ecc_errors`: uncorrected since the driver was loaded; None where it does not count them."""

    pci: str
    ecc_errors: int | None


def parse(text: str) -> dict[str, Health]:
    """GPU UUID -> what `--query-gpu` with FIELDS says of it."""
    return {
        uuid: Health(kernel_log.pci(pci), nvidia_smi.number(errors))
        for uuid, pci, errors in nvidia_smi.rows(text, 3)
        if gpus.UUID.match(uuid)
    }


def query(timeout_s: float = 5.0) -> dict[str, Health]:
    """Empty where the driver does not answer, or knows no such fields."""
    try:
        return parse(nvidia_smi.ask("--query-gpu=" + FIELDS, timeout_s))
    except (OSError, nvidia_smi.NoAnswerError):
        return {}


def new_errors(
    before: dict[str, Health], now: dict[str, Health], uuids: Sequence[str]
) -> list[str]:
    """For people: which of these GPUs have more uncorrected errors than before."""
    found = []
    for uuid in uuids:
        then, health = before.get(uuid), now.get(uuid)
        if then is None or health is None or then.ecc_errors is None or health.ecc_errors is None:
            continue
        more = health.ecc_errors - then.ecc_errors
        if more > 0:
            found.append(f"{uuid}: {more} uncorrected ECC errors")
    return found


def of_problem(problem: str | None) -> list[str]:
    """What the driver says about a GPU that does not answer any more."""
    return [problem] if problem and LOST.search(problem) else []


def of_table(table: gpus.Table, uuids: Sequence[str]) -> list[str]:
    """The fault of a table with a problem. None of ours where all of these GPUs answered."""
    answered = {gpu.uuid for gpu in table.gpus}
    return [] if answered.issuperset(uuids) else of_problem(table.problem)


def ours(
    xids: Sequence[kernel_log.Xid], pids: set[int], healths: dict[str, Health], uuids: Sequence[str]
) -> list[str]:
    """The lines about our GPUs or processes; all of them where no PCI number is known."""
    buses = {healths[uuid].pci for uuid in uuids if uuid in healths}
    return [
        each.text
        for each in xids
        if each.pid in pids or each.pci in buses or (not buses and each.pid is None)
    ]

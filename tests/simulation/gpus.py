"""The GPUs of the simulated machine, who holds memory on them, and what nvidia-smi says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from overnight.node import programs

if TYPE_CHECKING:
    from tests.simulation import kernel

TOTAL_MIB = 81920
DRAIN_S = 1.5


class Holding(NamedTuple):
    """Memory of a process on a GPU. It drains a moment after the process has ended."""

    uuid: str
    proc: kernel.Proc
    mib: int
    since: float


class Gpus:
    def __init__(self, machine: kernel.Kernel, count: int) -> None:
        self.kernel = machine
        self.uuids = [f"GPU-{n:08d}-aaaa-bbbb-cccc-dddddddddddd" for n in range(count)]
        self.holdings: list[Holding] = []
        self.problem = ""

    def take(self, uuid: str, proc: kernel.Proc, mib: int) -> None:
        self.holdings.append(Holding(uuid, proc, mib, self.kernel.now))

    def drop(self, proc: kernel.Proc) -> None:
        self.kernel.after(DRAIN_S, lambda: self.forget(proc))

    def forget(self, proc: kernel.Proc) -> None:
        self.holdings = [each for each in self.holdings if each.proc is not proc]
        self.kernel.changed("gpu")

    def on(self, uuid: str) -> list[Holding]:
        return [each for each in self.holdings if each.uuid == uuid]


def answer(machine: kernel.Kernel, argv: list[str]) -> programs.Answer:
    """Any `--query-…=FIELDS --format=csv,noheader,nounits`."""
    table = machine.gpus
    if table.problem:
        return programs.Answer(9, "", table.problem)
    question, _, fields = argv[1].partition("=")
    rows: list[dict[str, object]] = []
    if question == "--query-gpu":
        rows = [gpu_row(table, number, uuid) for number, uuid in enumerate(table.uuids)]
    elif question == "--query-compute-apps":
        rows = [app_row(each) for each in table.holdings]
    lines = [", ".join(str(row.get(f, "[N/A]")) for f in fields.split(",")) for row in rows]
    return programs.Answer(0, "".join(f"{line}\n" for line in lines), "")


def gpu_row(table: Gpus, number: int, uuid: str) -> dict[str, object]:
    held = table.on(uuid)
    return {
        "index": number,
        "uuid": uuid,
        "name": "NVIDIA A100",
        "memory.total": TOTAL_MIB,
        "memory.used": sum(each.mib for each in held) + 3,
        "utilization.gpu": 90 if held else 0,
        "driver_version": "550.54.15",
    }


def app_row(each: Holding) -> dict[str, object]:
    return {"gpu_uuid": each.uuid, "pid": each.proc.pid, "used_memory": each.mib}

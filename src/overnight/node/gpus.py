"""The GPUs of this server: what is on them, asked of NVML, else nvidia-smi, else AMD's programs.

Whatever goes wrong is a text in `Table.problem`, never an exception, and a table with a problem
offers no GPU: what cannot be seen may be in use.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Sequence

UUID = re.compile(r"[A-Za-z0-9-]{1,80}\Z")
IDLE_MIB = 1024
IDLE_SHARE = 0.1
DRAWING_MIB = 256  # a display server holds less of a card on which others compute
MIG_NOTE = "it is in MIG mode, and overnight takes whole GPUs only"


class App(NamedTuple):
    """One process on a GPU. `used_mib` is None where the driver does not tell.

    `graphics`: it only draws, such as a display server, and has no compute context.
    """

    gpu_uuid: str
    pid: int
    used_mib: int | None
    graphics: bool = False


class Gpu(NamedTuple):
    """Memory in MiB, utilization in percent; None where the driver does not tell.

    `index` counts in the order of `bus` (domain:bus:device.function), as CUDA does with
    CUDA_DEVICE_ORDER=PCI_BUS_ID. `note` says why it is never offered; mostly it is empty.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    uuid: str
    name: str
    memory_total_mib: int | None
    memory_used_mib: int | None
    utilization: int | None
    apps: tuple[App, ...] = ()
    bus: str = ""
    note: str = ""


class Table(NamedTuple):
    """All GPUs. `problem` is None when the driver answered in full, or there is no driver."""

    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    problem: str | None = None


def query(timeout_s: float = 5.0) -> Table:
    """What the first source says that is there; an empty table where none is."""
    from overnight.node import nvidia_smi, nvml  # they use the values above

    unusable = None
    try:
        return nvml.query(timeout_s)
    except nvml.NotHereError:
        pass
    except nvml.UnusableError as error:
        unusable = str(error)
    table = nvidia_smi.query(timeout_s)
    if table is not None:
        return table
    if unusable is not None:
        return Table(problem=unusable)
    from overnight.node import amd  # few servers have such cards

    return amd.query(timeout_s) or Table()


def with_apps(gpus: Sequence[Gpu], apps: Sequence[App]) -> tuple[Gpu, ...]:
    return tuple(
        gpu._replace(apps=tuple(app for app in apps if app.gpu_uuid == gpu.uuid)) for gpu in gpus
    )


def in_bus_order(gpus: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Counted anew by PCI bus id; as they are where one of them does not tell it."""
    if not all(gpu.bus for gpu in gpus):
        return tuple(gpus)
    in_order = sorted(gpus, key=lambda gpu: gpu.bus.lower())
    return tuple(gpu._replace(index=index) for index, gpu in enumerate(in_order))


def to_json(table: Table) -> dict[str, Any]:
    rows = [{**gpu._asdict(), "apps": [list(app) for app in gpu.apps]} for gpu in table.gpus]
    return {**table._asdict(), "gpus": rows}


def from_json(value: dict[str, Any]) -> Table:
    """The table that `to_json` wrote."""
    gpus = tuple(
        Gpu(**{**row, "apps": tuple(App(*app) for app in row["apps"])}) for row in value["gpus"]
    )
    return Table(gpus, value["driver"], value["problem"])


def is_named(gpu: Gpu, name: str) -> bool:
    name = name.strip()
    return name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))


def only_shows(app: App) -> bool:
    """A display server and the like, which keeps nobody from computing there."""
    return app.graphics and (app.used_mib or 0) < DRAWING_MIB


def memory_mib(table: Table, pids: set[int]) -> dict[str, int]:
    """GPU UUID -> MiB that these processes hold there now, for the GPUs that they use.

    Where the driver does not tell it per process, a GPU used by nobody else counts whole.
    """
    held_mib = {}
    for gpu in table.gpus:
        mine = [app for app in gpu.apps if app.pid in pids]
        if not mine:
            continue
        told = sum(app.used_mib or 0 for app in mine)
        alone = len(mine) == len(gpu.apps)
        held_mib[gpu.uuid] = told or (gpu.memory_used_mib or 0 if alone else 0)
    return held_mib

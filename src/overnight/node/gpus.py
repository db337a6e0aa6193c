"""The GPUs of this server, as nvidia-smi shows them, and who may use which.

Reading is a command plus pure parsers. Whatever goes wrong is a text in `Table.problem`, never an
exception, and a table with a problem offers no GPU: what cannot be seen may be in use.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any, Callable, Mapping, NamedTuple, Sequence

from overnight.node import fs, programs

GPU_FIELDS = "index,uuid,name,memory.total,memory.used,utilization.gpu,driver_version"
APP_FIELDS = "gpu_uuid,pid,used_memory"
UUID = re.compile(r"[A-Za-z0-9-]{1,80}\Z")
IDLE_MIB = 1024
IDLE_SHARE = 0.1


class App(NamedTuple):
    """One process with a CUDA context. `used_mib` is None where the driver does not tell."""

    gpu_uuid: str
    pid: int
    used_mib: int | None


class Gpu(NamedTuple):
    """Memory in MiB, utilization in percent; None where the driver does not tell."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    uuid: str
    name: str
    memory_total_mib: int | None
    memory_used_mib: int | None
    utilization: int | None
    apps: tuple[App, ...] = ()


class Table(NamedTuple):
    """All GPUs. `problem` is None when the driver answered in full, or there is no nvidia-smi."""

    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    problem: str | None = None


class NoAnswerError(Exception):
    """nvidia-smi is there but did not answer; the text says how."""


def query(timeout_s: float = 5.0) -> Table:
    try:
        gpu_text = ask("--query-gpu=" + GPU_FIELDS, timeout_s)
        gpus, driver = parse_gpus(gpu_text), parse_driver(gpu_text)
    except FileNotFoundError:
        return Table()
    except (OSError, NoAnswerError) as error:
        return Table(problem=str(error))
    if gpu_text.strip() and not gpus:
        return Table(problem=f"nvidia-smi: {first_line(gpu_text)}")
    try:
        apps = parse_apps(ask("--query-compute-apps=" + APP_FIELDS, timeout_s))
    except (OSError, NoAnswerError) as error:
        return Table(gpus, driver, str(error))
    return Table(with_apps(gpus, apps), driver)


def ask(question: str, timeout_s: float) -> str:
    answer = programs.ask(
        ["nvidia-smi", question, "--format=csv,noheader,nounits"], timeout_s=timeout_s
    )
    if answer.code is None:
        raise NoAnswerError(f"nvidia-smi did not answer within {timeout_s:g} s")
    if answer.code != 0:
        said = first_line(answer.out) or first_line(answer.err) or "no message"
        raise NoAnswerError(f"nvidia-smi: {said} (exit code {answer.code})")
    return answer.out


def first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def rows(text: str, columns: int) -> list[list[str]]:
    """The comma-separated rows that have as many columns as were asked for."""
    split = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
    return [row for row in split if len(row) == columns]


def number(text: str) -> int | None:
    """None for [N/A], [Not Supported], [Unknown Error] and the like."""
    try:
        return round(float(text))
    except ValueError:
        return None


def parse_gpus(text: str) -> tuple[Gpu, ...]:
    """`--query-gpu` with GPU_FIELDS. Rows without an index or a UUID are passed over."""
    return tuple(
        Gpu(int(index), uuid, name, number(total), number(used), number(utilization))
        for index, uuid, name, total, used, utilization, _ in rows(text, 7)
        if index.isdigit() and UUID.match(uuid)
    )


def parse_driver(text: str) -> str | None:
    versions = [row[6] for row in rows(text, 7) if row[6][:1].isdigit()]
    return versions[0] if versions else None


def parse_apps(text: str) -> tuple[App, ...]:
    """`--query-compute-apps` with APP_FIELDS. A pid that is not told counts as 0: never ours."""
    return tuple(
        App(uuid, number(pid) or 0, number(used))
        for uuid, pid, used in rows(text, 3)
        if UUID.match(uuid)
    )


def with_apps(gpus: Sequence[Gpu], apps: Sequence[App]) -> tuple[Gpu, ...]:
    return tuple(
        gpu._replace(apps=tuple(app for app in apps if app.gpu_uuid == gpu.uuid)) for gpu in gpus
    )


# -- choosing ---------------------------------------------------------------------------------


def choose(
    table: Table,
    wanted: int,
    allowed: Sequence[int | str] | None,
    leased: set[str],
    ours: set[int],
    visible: str | None = None,
) -> list[Gpu] | None:
    """`wanted` free GPUs, lowest index first; None where there are not that many now.

    `allowed` holds indices or UUIDs (a unique beginning is enough), None allows all. `leased` are
    UUIDs, `ours` process ids. `visible` is a CUDA_VISIBLE_DEVICES that is already set, by Slurm
    for instance: nothing outside of it is chosen.
    """
    if wanted == 0:
        return []
    if table.problem:
        return None
    candidates = restricted(table.gpus, visible)
    if allowed is not None:
        candidates = [gpu for gpu in candidates if any(is_named(gpu, str(a)) for a in allowed)]
    free = [gpu for gpu in candidates if gpu.uuid not in leased and is_idle(gpu, ours)]
    return free[:wanted] if len(free) >= wanted else None


def is_named(gpu: Gpu, name: str) -> bool:
    name = name.strip()
    return name == str(gpu.index) or (name.startswith("GPU-") and gpu.uuid.startswith(name))


def restricted(gpus: Sequence[Gpu], visible: str | None) -> list[Gpu]:
    """As CUDA reads CUDA_VISIBLE_DEVICES: the first name that is not a GPU ends the list."""
    if visible is None:
        return list(gpus)
    found: set[str] = set()
    for name in visible.split(","):
        matches = [gpu for gpu in gpus if is_named(gpu, name)]
        if len(matches) != 1:
            break
        found.add(matches[0].uuid)
    return [gpu for gpu in gpus if gpu.uuid in found]


def is_idle(gpu: Gpu, ours: set[int]) -> bool:
    """No process of somebody else's, and nearly no memory in use by anything at all.

    Memory counts beside the processes, because those inside of containers are not listed, and
    because memory of a process that has just ended takes time to drain.
    """
    if any(app.pid not in ours for app in gpu.apps):
        return False
    total_mib = gpu.memory_total_mib or IDLE_MIB / IDLE_SHARE
    return (gpu.memory_used_mib or 0) < min(IDLE_MIB, IDLE_SHARE * total_mib)


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


# -- leases -----------------------------------------------------------------------------------

Holder = Mapping[str, Any]


def lease_file(root: str, uuid: str) -> str:
    if not UUID.match(uuid):
        raise ValueError(f"not a GPU's UUID: {uuid!r}")
    return os.path.join(root, "leases", f"{uuid}.json")


def lease(
    root: str, uuids: Sequence[str], holder: Holder, is_alive: Callable[[dict[str, Any]], bool]
) -> bool:
    """All of these GPUs for `holder`, or none: False where another living holder has one.

    `holder` consists of JSON values. The caller holds the lock of the server's leases. OSError
    leaves none behind.
    """
    files = [lease_file(root, uuid) for uuid in uuids]
    taken = held(root, is_alive)
    if any(taken.get(uuid, holder) != holder for uuid in uuids):
        return False
    os.makedirs(os.path.join(root, "leases"), exist_ok=True)
    try:
        for path in files:
            fs.publish_json(path, dict(holder))
    except OSError:
        for uuid in set(uuids) - set(taken):
            drop(lease_file(root, uuid))
        raise
    return True


def release(root: str, holder: Holder) -> None:
    """Drops every lease whose record agrees with all that `holder` says."""
    for uuid, record in records(root).items():
        if record is not None and all(record.get(key) == value for key, value in holder.items()):
            drop(lease_file(root, uuid))


def held(root: str, is_alive: Callable[[dict[str, Any]], bool]) -> dict[str, dict[str, Any]]:
    """GPU UUID -> holder. Leases of holders that are gone, or unreadable, are dropped."""
    living = {}
    for uuid, record in records(root).items():
        if record is not None and is_alive(record):
            living[uuid] = record
        else:
            drop(lease_file(root, uuid))
    return living


def records(root: str) -> dict[str, dict[str, Any] | None]:
    """What each lease file says; None where that is not a holder."""
    found: dict[str, dict[str, Any] | None] = {}
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(os.path.join(root, "leases"))):
            uuid, dot, ending = name.partition(".")
            if dot and ending == "json" and UUID.match(uuid):
                record = fs.read_json(lease_file(root, uuid))
                found[uuid] = record if isinstance(record, dict) else None
    return found


def drop(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)

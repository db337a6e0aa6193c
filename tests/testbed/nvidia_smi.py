#!/usr/libexec/testbed-interpreter
"""A stand-in for nvidia-smi: `-L`, `--query-gpu=`, `--query-compute-apps=`, `-i`, `--format=csv…`.

The cards are in a JSON file, see `gpus.py`. A process uses a card where its environment names the
card in CUDA_VISIBLE_DEVICES and it is Python (or has FAKE_GPU_HOLD), with FAKE_GPU_MIB of memory.
A user cannot read other users' environments: their processes are listed in the file.
The texts and exit codes of failures are quoted from memory, not from a real driver.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

STATE = "/run/gpu/state.json"
DEFAULT_MIB = 1024
FAILURES = {
    "driver": (
        9,
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
        "Make sure that the latest NVIDIA driver is installed and running.\n",
    ),
    "mismatch": (
        18,
        "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.54",
    ),
}
UNITS = {
    "memory.total": "MiB",
    "memory.used": "MiB",
    "memory.free": "MiB",
    "used_memory": "MiB",
    "used_gpu_memory": "MiB",
    "utilization.gpu": "%",
    "utilization.memory": "%",
    "power.draw": "W",
    "power.limit": "W",
}

Row = dict[str, Any]


def read(path: str) -> str:
    with open(path, errors="surrogateescape") as file:
        return file.read()


def environment(pid: int) -> dict[str, str]:
    entries = read(f"/proc/{pid}/environ").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def program(pid: int) -> str:
    return read(f"/proc/{pid}/cmdline").split("\0")[0]


def own_processes(cards: list[Row]) -> Iterator[tuple[Row, int, int]]:
    """Yields (card, pid, MiB) for the processes whose environment we may read."""
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError):
            values = environment(pid)
            if "python" not in os.path.basename(program(pid)) and "FAKE_GPU_HOLD" not in values:
                continue
            mib = int(values.get("FAKE_GPU_MIB", DEFAULT_MIB))
            for card in select(cards, values.get("CUDA_VISIBLE_DEVICES", "")):
                yield card, pid, mib


def listed_processes(cards: list[Row]) -> Iterator[tuple[Row, int, int]]:
    """Yields (card, pid, MiB) for the processes of the state file."""
    for card in cards:
        for process in card["processes"]:
            yield card, process["pid"], process["mib"]


def select(cards: list[Row], wanted: str) -> list[Row]:
    """The cards named by index or UUID, separated by commas."""
    names = {name.strip() for name in wanted.split(",")}
    return [card for card in cards if {str(card["index"]), card["uuid"]} & names]


def describe_card(card: Row, applications: list[Row], count: int) -> Row:
    """The fields of one card."""
    used = sum(row["used_memory"] for row in applications if row["gpu_uuid"] == card["uuid"])
    return {
        "timestamp": timestamp(),
        "driver_version": "550.54.15",
        "count": count,
        "index": card["index"],
        "name": card["name"],
        "gpu_name": card["name"],
        "uuid": card["uuid"],
        "gpu_uuid": card["uuid"],
        "pci.bus_id": bus_id(card),
        "compute_mode": "Default",
        "mig.mode.current": "Disabled",
        "ecc.errors.uncorrected.volatile.total": 0,
        "memory.total": card["memory_mib"],
        "memory.used": used + 4,
        "memory.free": card["memory_mib"] - used - 4,
        "utilization.gpu": 97 if used else 0,
        "utilization.memory": 40 if used else 0,
        "temperature.gpu": 65 if used else 34,
        "power.draw": "650.12" if used else "70.50",
        "power.limit": "700.00",
    }


def describe_application(card: Row, pid: int, mib: int) -> Row:
    """The fields of one process on one card. Raises OSError where the process is gone."""
    name = program(pid)
    return {
        "timestamp": timestamp(),
        "gpu_name": card["name"],
        "gpu_uuid": card["uuid"],
        "gpu_bus_id": bus_id(card),
        "pid": pid,
        "process_name": name,
        "name": name,
        "used_memory": mib,
        "used_gpu_memory": mib,
    }


def timestamp() -> str:
    return time.strftime("%Y/%m/%d %H:%M:%S.000")


def bus_id(card: Row) -> str:
    return f"00000000:{card['index'] + 1:02X}:00.0"


def describe_applications(cards: list[Row]) -> list[Row]:
    rows = {}
    for card, pid, mib in [*own_processes(cards), *listed_processes(cards)]:
        with contextlib.suppress(OSError):
            rows[card["index"], pid] = describe_application(card, pid, mib)
    return [rows[key] for key in sorted(rows)]


def parse(words: Sequence[str]) -> dict[str, str]:
    """Options as {name: value}; `--name=value` and `--name value` mean the same."""
    options = {}
    rest = iter(words)
    for word in rest:
        name, has_value, value = word.partition("=")
        if not has_value and name not in ("-L", "--list-gpus"):
            value = next(rest, "")
        options[{"--id": "-i", "--list-gpus": "-L"}.get(name, name)] = value
    return options


def print_table(query: str, rows: list[Row], style: str, known: Row) -> int:
    """Comma-separated values as the real one writes them: the header keeps the units."""
    fields = [field.strip() for field in query.split(",")]
    for field in fields:
        if field not in known:
            print(f'Field "{field}" is not a valid field to query.\n')
            return 2
    units = {field: f" {UNITS[field]}" if field in UNITS else "" for field in fields}
    if "noheader" not in style:
        print(", ".join(f"{field} [{UNITS[field]}]" if units[field] else field for field in fields))
    if "nounits" in style:
        units = dict.fromkeys(fields, "")
    for row in rows:
        print(", ".join(f"{row[field]}{units[field]}" for field in fields))
    return 0


def main(words: Sequence[str]) -> int:
    state = json.loads(read(STATE))
    time.sleep(state["hangs_s"])
    if state["fails"]:
        code, text = FAILURES[state["fails"]]
        print(text)
        return code
    options, every = parse(words), state["gpus"]
    cards = select(every, options["-i"]) if "-i" in options else every
    applications = describe_applications(cards)
    style = options.get("--format", "csv")
    if "-L" in options:
        for card in cards:
            print(f"GPU {card['index']}: {card['name']} (UUID: {card['uuid']})")
    elif "--query-gpu" in options:
        rows = [describe_card(card, applications, len(every)) for card in cards]
        return print_table(options["--query-gpu"], rows, style, describe_card(every[0], [], 0))
    elif "--query-compute-apps" in options:
        known = describe_application(every[0], os.getpid(), 0)
        return print_table(options["--query-compute-apps"], applications, style, known)
    else:
        print(f"NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   {len(every)} stand-ins for GPUs")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

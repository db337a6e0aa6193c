"""AMD's GPUs, as amd-smi or, before it, rocm-smi tell of them: questions and pure parsers.

The shapes come from AMD's documentation and from what these programs are known to print; they were
not seen on a real card. So every parser takes what it knows and passes over the rest, and a table
that lacks what matters has a problem, which keeps its GPUs from being used.

A GPU's `uuid` is `GPU-` and its serial number in hexadecimal, as ROCR_VISIBLE_DEVICES reads it.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator, Sequence

from overnight.node import gpus, programs

MIB = 1 << 20
UNITS = {"B": 1 / MIB, "KB": 1 / 1024, "MB": 1.0, "GB": 1024.0}
SERIAL = re.compile(r"(?:0x)?([0-9a-fA-F]{1,16})\Z")
PID_LINE = re.compile(r"PID (\d+) is using \d+ DRM device\(s\)(?::\s*([\d ]*))?\s*\Z")
INDICES = re.compile(r"\d+(?:\s+\d+)*\s*\Z")
CARD = re.compile(r"card(\d+)\Z")
NO_GPUS = "told of no GPU that could be understood"


class NoAnswerError(Exception):
    """The program is there but did not answer; the text says how."""


def query(timeout_s: float = 5.0) -> gpus.Table | None:
    """None where neither program is there."""
    newer = answered(amd_smi, timeout_s)
    if newer is not None and newer.gpus:
        return newer
    older = answered(rocm_smi, timeout_s)
    return older if newer is None or (older is not None and older.gpus) else newer


def answered(source: Callable[[float], gpus.Table], timeout_s: float) -> gpus.Table | None:
    try:
        return source(timeout_s)
    except FileNotFoundError:
        return None
    except (OSError, NoAnswerError) as error:
        return gpus.Table(problem=str(error))


def ask(argv: list[str], timeout_s: float) -> str:
    name = argv[0]
    answer = programs.ask(argv, timeout_s=timeout_s)
    if answer.code is None:
        raise NoAnswerError(f"{name} did not answer within {timeout_s:g} s")
    if answer.code != 0:
        lines = [line.strip() for line in (answer.out + "\n" + answer.err).splitlines()]
        said = next((line for line in lines if line), "no message")
        raise NoAnswerError(f"{name}: {said} (exit code {answer.code})")
    return answer.out


def with_parts(
    name: str, found: Sequence[gpus.Gpu], driver: str | None, apps: Callable[[], Sequence[gpus.App]]
) -> gpus.Table:
    """The table; with a problem where the processes cannot be known."""
    if not found:
        raise NoAnswerError(f"{name} {NO_GPUS}")
    try:
        return gpus.Table(gpus.with_apps(found, apps()), driver)
    except (OSError, NoAnswerError) as error:
        return gpus.Table(tuple(found), driver, str(error))


# -- amd-smi ----------------------------------------------------------------------------------


def amd_smi(timeout_s: float) -> gpus.Table:
    static = ["amd-smi", "static", "--asic", "--bus", "--driver", "--json"]
    metric = ["amd-smi", "metric", "--usage", "--mem-usage", "--json"]
    about = parse_list(ask(static, timeout_s))
    found = amd_smi_gpus(about, parse_list(ask(metric, timeout_s)))
    drivers = [str(version) for version in [value(row, "driver", "version") for row in about]]
    by_index = {gpu.index: gpu.uuid for gpu in found}
    return with_parts(
        "amd-smi",
        found,
        next((version for version in drivers if version[:1].isdigit()), None),
        lambda: amd_smi_apps(ask(["amd-smi", "process", "--json"], timeout_s), by_index),
    )


def parse_list(text: str) -> list[dict[str, Any]]:
    """One table for each GPU; newer versions put the list below `gpu_data`."""
    try:
        told = json.loads(text)
    except ValueError:
        raise NoAnswerError("amd-smi: the answer is not JSON") from None
    if isinstance(told, dict):
        told = told.get("gpu_data", [])
    rows = told if isinstance(told, list) else []
    return [row for row in rows if isinstance(row, dict) and type(row.get("gpu")) is int]


def amd_smi_gpus(
    static: Sequence[dict[str, Any]], metric: Sequence[dict[str, Any]]
) -> list[gpus.Gpu]:
    """Those with a serial number. Memory is in MB of 2^20 bytes."""
    figures = {row["gpu"]: row for row in metric}
    return [
        gpus.Gpu(
            row["gpu"],
            uuid,
            str(value(row, "asic", "market_name") or "AMD GPU"),
            amount(value(figures.get(row["gpu"], {}), "mem_usage", "total_vram"), "MB"),
            amount(value(figures.get(row["gpu"], {}), "mem_usage", "used_vram"), "MB"),
            percent(value(figures.get(row["gpu"], {}), "usage", "gfx_activity")),
            bus=str(value(row, "bus", "bdf") or ""),
        )
        for row in static
        for uuid in [uuid_of(value(row, "asic", "asic_serial"))]
        if uuid is not None
    ]


def amd_smi_apps(text: str, uuids: dict[int, str]) -> list[gpus.App]:
    """`amd-smi process`. Instead of a process there may be a sentence that says there is none."""
    found = {}
    for row in parse_list(text):
        listed = row.get("process_list")
        for each in listed if isinstance(listed, list) else []:
            told = each.get("process_info", each) if isinstance(each, dict) else None
            if row["gpu"] in uuids and isinstance(told, dict):
                memory = value(told, "memory_usage", "vram_mem") or told.get("mem_usage")
                pid = whole(told.get("pid")) or 0
                app = gpus.App(uuids[row["gpu"]], pid, amount(memory, "B"))
                found[app.gpu_uuid, app.pid] = app
    return list(found.values())


# -- rocm-smi ---------------------------------------------------------------------------------


def rocm_smi(timeout_s: float) -> gpus.Table:
    asked = ["--showuniqueid", "--showproductname", "--showbus", "--showuse"]
    text = ask(
        ["rocm-smi", *asked, "--showmeminfo", "vram", "--showdriverversion", "--json"], timeout_s
    )
    told = parse_table(text)
    found = rocm_smi_gpus(told)
    by_index = {gpu.index: gpu.uuid for gpu in found}
    driver = value(told, "system", "Driver version")

    def apps() -> list[gpus.App]:
        memory = process_memory(parse_table(ask(["rocm-smi", "--showpids", "--json"], timeout_s)))
        return rocm_smi_apps(ask(["rocm-smi", "--showpidgpus"], timeout_s), memory, by_index)

    return with_parts("rocm-smi", found, None if driver is None else str(driver), apps)


def parse_table(text: str) -> dict[str, Any]:
    """The object in the answer; warnings may stand before it. Empty where there is none."""
    begin = text.find("{")
    try:
        told = json.loads(text[begin:]) if begin >= 0 else {}
    except ValueError:
        raise NoAnswerError("rocm-smi: the answer is not JSON") from None
    return told if isinstance(told, dict) else {}


def rocm_smi_gpus(told: dict[str, Any]) -> list[gpus.Gpu]:
    """Rows `card0`, `card1`, …, with texts for values and bytes for memory."""
    found = []
    for name, row in told.items():
        match = CARD.match(name)
        uuid = uuid_of(row.get("Unique ID")) if isinstance(row, dict) else None
        if match is None or uuid is None:
            continue
        names = [row.get(key) for key in ("Card Series", "Card series", "Device Name")]
        found.append(
            gpus.Gpu(
                int(match[1]),
                uuid,
                next((str(each) for each in names if each), "AMD GPU"),
                amount(row.get("VRAM Total Memory (B)"), "B"),
                amount(row.get("VRAM Total Used Memory (B)"), "B"),
                percent(row.get("GPU use (%)")),
                bus=str(row.get("PCI Bus") or ""),
            )
        )
    return sorted(found, key=lambda gpu: gpu.index)


def process_memory(told: dict[str, Any]) -> dict[int, int | None]:
    """`--showpids`: PID -> MiB over all its GPUs, the third of the values behind `PID…`."""
    found = {}
    system = told.get("system")
    for name, row in system.items() if isinstance(system, dict) else ():
        pid = whole(name[3:]) if name.startswith("PID") else None
        cells = str(row).split(",")
        if pid is not None:
            found[pid] = amount(cells[2].strip(), "B") if len(cells) > 2 else None
    return found


def rocm_smi_apps(
    text: str, memory: dict[int, int | None], uuids: dict[int, str]
) -> list[gpus.App]:
    """`--showpidgpus` says where each process is. One that it does not place may be anywhere.

    How the memory of a process is spread over several GPUs is not told.
    """
    places = dict(pid_indices(text))
    found = []
    for pid in sorted(set(places) | set(memory)):
        indices = [n for n in places.get(pid) or uuids if n in uuids]
        used_mib = memory.get(pid) if len(indices) == 1 else None
        found += [gpus.App(uuids[index], pid, used_mib) for index in indices]
    return found


def pid_indices(text: str) -> Iterator[tuple[int, list[int]]]:
    """The indices stand behind the sentence about a process, or on the next line."""
    pid = None
    for line in text.splitlines():
        match = PID_LINE.match(line.strip())
        if match is not None:
            pid = int(match[1])
            if match[2]:
                yield pid, [int(word) for word in match[2].split()]
                pid = None
        elif pid is not None and INDICES.match(line.strip()):
            yield pid, [int(word) for word in line.split()]
            pid = None


# -- values -----------------------------------------------------------------------------------


def value(table: Any, *names: str) -> Any:
    """What stands under these names; None where there is no such place, or it says N/A."""
    for name in names:
        table = table.get(name) if isinstance(table, dict) else None
    return None if table == "N/A" else table


def uuid_of(serial: object) -> str | None:
    match = SERIAL.match(serial) if isinstance(serial, str) else None
    return f"GPU-{match[1].lower().zfill(16)}" if match and int(match[1], 16) else None


def amount(told: object, unit: str) -> int | None:
    """MiB. `told` is a number, a text, or both with a unit of their own."""
    if isinstance(told, dict):
        unit, told = str(told.get("unit") or unit), told.get("value")
    number = figure(told)
    return None if number is None or unit not in UNITS else round(number * UNITS[unit])


def percent(told: object) -> int | None:
    number = figure(told.get("value") if isinstance(told, dict) else told)
    return None if number is None else round(number)


def whole(told: object) -> int | None:
    number = figure(told)
    return None if number is None else int(number)


def figure(told: object) -> float | None:
    """None for N/A and whatever else cannot be counted with."""
    if isinstance(told, bool) or not isinstance(told, (int, float, str)):
        return None
    try:
        number = float(told)
    except ValueError:
        return None
    return number if 0 <= number < 1e18 else None

"""nvidia-smi: the questions that are put to it, and pure parsers of its answers."""

from __future__ import annotations

from overnight.node import gpus, programs

BASIC_FIELDS = "index,uuid,name,memory.total,memory.used,utilization.gpu,driver_version,pci.bus_id"
GPU_FIELDS = BASIC_FIELDS + ",mig.mode.current"
APP_FIELDS = "gpu_uuid,pid,used_memory"
UNKNOWN_FIELD = "is not a valid field"  # of drivers that are older than the field


class NoAnswerError(Exception):
    """nvidia-smi is there but did not answer; the text says how."""


def query(timeout_s: float = 5.0) -> gpus.Table | None:
    """None where there is no such program."""
    try:
        text = ask_for_gpus(timeout_s)
        found, driver = parse_gpus(text), parse_driver(text)
    except FileNotFoundError:
        return None
    except (OSError, NoAnswerError) as error:
        return gpus.Table(problem=str(error))
    if text.strip() and not found:
        return gpus.Table(problem=f"nvidia-smi: {first_line(text)}")
    try:
        apps = parse_apps(ask("--query-compute-apps=" + APP_FIELDS, timeout_s))
    except (OSError, NoAnswerError) as error:
        return gpus.Table(found, driver, str(error))
    return gpus.Table(gpus.with_apps(found, apps), driver)


def ask_for_gpus(timeout_s: float) -> str:
    try:
        return ask("--query-gpu=" + GPU_FIELDS, timeout_s)
    except NoAnswerError as error:
        if UNKNOWN_FIELD not in str(error):
            raise
    return ask("--query-gpu=" + BASIC_FIELDS, timeout_s)


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


def gpu_rows(text: str) -> list[list[str]]:
    """The rows for GPU_FIELDS; those for BASIC_FIELDS get an empty last cell."""
    return [*rows(text, 9), *[[*row, ""] for row in rows(text, 8)]]


def number(text: str) -> int | None:
    """None for [N/A], [Not Supported], [Unknown Error] and the like."""
    try:
        return round(float(text))
    except (ValueError, OverflowError):
        return None


def parse_gpus(text: str) -> tuple[gpus.Gpu, ...]:
    """`--query-gpu` with GPU_FIELDS. Rows without an index or a UUID are passed over."""
    return tuple(
        gpus.Gpu(
            int(index),
            uuid,
            name,
            number(total),
            number(used),
            number(utilization),
            bus=bus if bus[:1].isalnum() else "",
            note=gpus.MIG_NOTE if mig == "Enabled" else "",
        )
        for index, uuid, name, total, used, utilization, _, bus, mig in gpu_rows(text)
        if index.isdecimal() and gpus.UUID.match(uuid)
    )


def parse_driver(text: str) -> str | None:
    versions = [row[6] for row in gpu_rows(text) if row[6][:1].isdigit()]
    return versions[0] if versions else None


def parse_apps(text: str) -> tuple[gpus.App, ...]:
    """`--query-compute-apps` with APP_FIELDS. A pid that is not told counts as 0: never ours."""
    return tuple(
        gpus.App(uuid, number(pid) or 0, number(used))
        for uuid, pid, used in rows(text, 3)
        if gpus.UUID.match(uuid)
    )

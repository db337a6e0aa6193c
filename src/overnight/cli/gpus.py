"""overnight gpus"""

from __future__ import annotations

import time
from typing import Any

from overnight.cli import common, render

NOTE_COLUMN = 5


@common.verb(example="overnight gpus --server gpu1")
@common.server_option
@common.json_option
def command(server: str | None, as_json: bool) -> None:
    """The GPUs of the servers: free, ours (which run), or whose, with memory and utilisation."""
    with common.project(as_json) as o:
        from overnight.app import steering

        with o.talk.busy("asking the servers"):
            tables = steering.gpus(o, server)
        common.emit({"servers": tables}, table(tables, time.time()), as_json)


def table(tables: dict[str, dict[str, Any]], now: float) -> str:
    """`now` is our own time: clocks of servers may differ, so ages are counted on theirs."""
    rows = [row for name, told in tables.items() for row in server_rows(name, told, now)]
    return render.table(rows, sentences=NOTE_COLUMN)


def server_rows(server: str, told: dict[str, Any], now: float) -> list[list[str]]:
    problem = told.get("problem")
    rows = [[server, str(problem)]] if problem else []
    rows += [["", *gpu_cells(gpu, now - told["time"])] for gpu in told["gpus"]]
    rows = rows or [[server, "no GPUs"]]
    return [[server, *rows[0][1:]], *rows[1:]]


def gpu_cells(gpu: dict[str, Any], ahead_s: float) -> list[str]:
    """`ahead_s`: how far our clock is ahead of the server's."""
    percent = gpu["utilization"]
    return [
        f"GPU {gpu['index']}",
        str(gpu["name"]),
        memory(gpu),
        "" if percent is None else f"{percent} %",
        note(gpu, ahead_s),
    ]


def memory(gpu: dict[str, Any]) -> str:
    used_mib, total_mib = gpu["memory_used_mib"], gpu["memory_total_mib"]
    if used_mib is None or total_mib is None:
        return ""
    return f"{used_mib} of {total_mib} MiB"


def note(gpu: dict[str, Any], ahead_s: float) -> str:
    """free; ours: clip/train01; bob 30200 MiB since 02:14; quiet hours until 18:00."""
    parts = [f"ours: {', '.join(map(run, gpu['runs']))}"] if gpu["runs"] else []
    names = dict.fromkeys(each["user"] for each in gpu["users"])
    parts += [
        user(name, [each for each in gpu["users"] if each["user"] == name], ahead_s)
        for name in names
    ]
    if parts:
        return "; ".join(parts)
    state, why = str(gpu["state"]), str(gpu["why"])
    heading = {"other": "in use: ", "quiet": ""}.get(state, f"{state}: ")
    return f"{heading}{why}" if why else state


def run(record: dict[str, Any]) -> str:
    """With its share of the GPU where that is not the whole."""
    name = f"{record.get('project')}/{record.get('run')}"
    share = record.get("share", 1)
    return name if share == 1 else f"{name} ({share:.0%})"


def user(name: str, processes: list[dict[str, Any]], ahead_s: float) -> str:
    """All processes of a user on a GPU: the memory that is told, and since when the first runs."""
    held_mib = [each["mib"] for each in processes if each["mib"] is not None]
    since = [each["since"] for each in processes if each["since"] is not None]
    return "".join(
        [
            str(name),
            f" {sum(held_mib)} MiB" if held_mib else "",
            f" in {len(processes)} processes" if len(processes) > 1 else "",
            f" since {render.clock(min(since) + ahead_s)}" if since else "",
        ]
    )

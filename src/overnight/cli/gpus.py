"""overnight gpus"""

from __future__ import annotations

from typing import Any

from overnight.cli import common, render


@common.verb(example="overnight gpus --server gpu1")
@common.server_option
@common.json_option
def command(server: str | None, as_json: bool) -> None:
    """The GPUs of the servers: memory, utilisation, and how many processes use each."""
    with common.project(as_json) as o:
        from overnight.app import steering

        with o.talk.busy("asking the servers"):
            tables = steering.gpus(o, server)
        rows = [row for name, table in tables.items() for row in shown(name, table)]
        common.emit({"servers": tables}, render.table(rows), as_json)


def shown(server: str, table: dict[str, Any]) -> list[list[str]]:
    if not table.get("gpus"):
        return [[server, str(table.get("problem") or "no GPUs")]]
    return [
        [
            server,
            f"GPU {gpu['index']}",
            str(gpu["name"]),
            f"{gpu['memory_used_mib']} of {gpu['memory_total_mib']} MiB",
            f"{gpu['utilization']} %" if gpu["utilization"] is not None else "",
            used_by(len(gpu["apps"])),
        ]
        for gpu in table["gpus"]
    ]


def used_by(processes: int) -> str:
    return f"{processes} process{'es' * (processes > 1)}" if processes else "free"

"""A command that runs on several nodes, or several times on each: srun, ranks, and their output."""

from __future__ import annotations

import os
import re
import socket
from typing import Any, Mapping

from overnight.node import layout, rank_logs, reading

# Each task says of itself what torch.distributed's env:// and other launchers read; the values are
# known only there. The first that fails leaves its exit code: srun's own is that of the signal with
# which it ends the others.
TASK = f"""
export RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID NODE_RANK=$SLURM_NODEID
export WORLD_SIZE=$SLURM_NTASKS NNODES=$SLURM_NNODES
trap : HUP INT TERM USR1 USR2
exec 3>&2 2> /dev/null
(exec 2>&3 3>&-; exec "$@")
code=$?
set -C
[ $code = 0 ] || echo $code > "${layout.MARKER}/first-exit"
exit $code
"""
STEP = f"""
exec 3>&2 2> /dev/null
(exec 2>&3 3>&-; exec "$@")
code=$?
read -r first < "${layout.MARKER}/first-exit" && exit "$first"
exit $code
"""
LABELLED = re.compile(rb" *(\d{1,5}): ?")
MOST_FILES = 512
PIECE_BYTES = 1 << 20


def nodes(wanted: Mapping[str, Any]) -> int:
    return int(wanted.get("nodes") or 1)


def per_node(wanted: Mapping[str, Any]) -> int:
    return int(wanted.get("tasks_per_node") or 1)


def count(wanted: Mapping[str, Any]) -> int:
    return nodes(wanted) * per_node(wanted)


def srun(line: list[str], wanted: Mapping[str, Any]) -> list[str]:
    """Starts `line` as every task of the job; the output of all is one, each line with its rank."""
    return [
        *("/bin/sh", "-c", STEP, "overnight-step"),
        *("srun", f"--nodes={nodes(wanted)}", f"--ntasks={count(wanted)}"),
        *(f"--ntasks-per-node={per_node(wanted)}", "--label", "--kill-on-bad-exit=1"),
        *("--export=ALL", "/bin/sh", "-c", TASK, "overnight-task", *line),
    ]


def rendezvous(wanted: Mapping[str, Any]) -> dict[str, str]:
    """Where the tasks find each other: the first node of the job, which is this one."""
    if count(wanted) == 1:
        return {}
    return {"MASTER_ADDR": os.uname().nodename, "MASTER_PORT": str(free_port())}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


class Splitter:
    """Copies each task's lines of an attempt's output.log into a log of its rank."""

    def __init__(self) -> None:
        self._folder = ""
        self._offset = 0

    def read(self, folder: str, *, is_over: bool = False) -> None:
        """What is new, in whole lines. `is_over`: the last line may lack its end."""
        if folder != self._folder:
            self._folder, self._offset = folder, 0
        while True:
            chunk = reading.part(f"{folder}/output.log", self._offset, PIECE_BYTES)
            whole = chunk if is_over else chunk[: chunk.rfind(b"\n") + 1]
            if not whole:
                return
            self._offset += len(whole)
            for rank, lines in by_rank(whole).items():
                os.makedirs(f"{folder}/{rank_logs.FOLDER}", exist_ok=True)
                with open(f"{folder}/{rank_logs.FOLDER}/task_rank{rank}.log", "ab") as file:
                    file.write(lines)


def by_rank(output: bytes) -> dict[int, bytes]:
    """The lines that have a label, without it; what is left are words of srun's own."""
    found: dict[int, bytes] = {}
    for line in output.splitlines(keepends=True):
        match = LABELLED.match(line)
        if match is not None and int(match.group(1)) < MOST_FILES:
            rank = int(match.group(1))
            found[rank] = found.get(rank, b"") + line[match.end() :]
    return found

"""What `doctor` asks of a server. Finds out and reports; leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from typing import Any

from overnight.node import activation, gpus, identity, layout, lock, processes, server

INTERNET = (("huggingface.co", 443), ("pypi.org", 443))
INTERNET_TIMEOUT_S = 4.0
ACTIVATION_TIMEOUT_S = 120.0
LINGER_S = 60


def probe(root: str, project: str, environment: dict[str, Any]) -> dict[str, Any]:
    """The state of the server as this login sees it. Sizes in MiB, times in seconds."""
    disk = os.statvfs(root)
    table = gpus.query()
    return {
        "tmux": first_line(["tmux", "-V"]),
        "rsync": first_line(["rsync", "--version"]),
        "bash": os.path.exists("/bin/bash"),
        "disk_free_mib": disk.f_bavail * disk.f_frsize >> 20,
        "inodes_free": disk.f_favail,
        "flock": lock.flock_works(root),
        "gpus": [[gpu.index, gpu.name, gpu.memory_total_mib] for gpu in table.gpus],
        "gpu_problem": table.problem,
        "internet": reached_host(),
        "activation": try_activation(environment, layout.project_folder(root, project)),
    }


def first_line(argv: list[str]) -> str | None:
    """What a program says of its version; None where it is not installed."""
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace").partition("\n")[0].strip()


def reached_host() -> str | None:
    """The first well-known host that answers; None where there is no way out."""
    for host, port in INTERNET:
        try:
            socket.create_connection((host, port), timeout=INTERNET_TIMEOUT_S).close()
        except OSError:
            continue
        return host
    return None


def try_activation(environment: dict[str, Any], project_folder: str) -> dict[str, Any]:
    """Activates the project's environment as a run would, and asks its Python who it is."""
    os.makedirs(project_folder, exist_ok=True)
    ask = "import sys; print(sys.version.split()[0], sys.executable)"
    argv = activation.wrap(environment, ["python", "-c", ask], project_folder, project_folder)
    if environment.get("kind", "none") == "none":
        argv = ["/bin/sh", "-c", 'exec "$(command -v python || command -v python3)" "$@"', "sh"]
        argv += ["-c", ask]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=project_folder,
            timeout=ACTIVATION_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return {"ok": False, "said": f"it took longer than {ACTIVATION_TIMEOUT_S:.0f} s"}
    except OSError as error:
        return {"ok": False, "said": str(error)}
    said = (done.stdout if done.returncode == 0 else done.stderr).decode("utf-8", "replace")
    return {"ok": done.returncode == 0, "said": said.strip()[-500:]}


def linger_start(root: str) -> dict[str, Any]:
    """Starts a process that does nothing for a minute, as a supervisor would be started."""
    pid = server.spawn(["linger", str(LINGER_S)], os.path.join(root, "doctor.log"))
    found = identity.of(pid)
    return {"identity": list(found) if found else None}


def linger_check(value: object) -> dict[str, Any]:
    """Whether that process still lives; ends it."""
    target = identity.from_json(value)
    return {"alive": target is not None and processes.send(target, signal.SIGTERM)}

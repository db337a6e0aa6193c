"""What `doctor` asks of a server. Finds out and reports; leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Any

from overnight.node import (
    activation,
    cron,
    gpus,
    identity,
    layout,
    lock,
    notify,
    post,
    processes,
    programs,
    server,
)

INTERNET = (("huggingface.co", 443), ("pypi.org", 443))
INTERNET_TIMEOUT_S = 4.0
VERSION_TIMEOUT_S = 10.0
ACTIVATION_TIMEOUT_S = 120.0
LINGER_S = 60
LOGOUT_S = 1.5  # by then a server that ends the processes of a closed login has done so
SAID_CHARACTERS = 500
LACKS = "overnight-lacks"
ASK = (
    "import sys; from importlib.util import find_spec; "
    f"print({LACKS!r}, *[name for name in sys.argv[1:] if find_spec(name) is None]); "
    "print(sys.version.split()[0], sys.executable)"
)


def probe(root: str, project: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The state of the server as this login sees it. Sizes in MiB, times in seconds.

    wanted: `environment`, `links` {name: target} and `packages` of the project, and `slurm` of the
    server.

    `inodes_free` is None where the file system does not count them.
    """
    disk = os.statvfs(root)
    table = gpus.query()
    return {
        "python": [".".join(map(str, sys.version_info[:3])), sys.executable],
        "tmux": first_line(["tmux", "-V"]),
        "rsync": first_line(["rsync", "--version"]),
        "disk_free_mib": disk.f_bavail * disk.f_frsize >> 20,
        "inodes_free": disk.f_favail if disk.f_files else None,
        "flock": lock.flock_works(root),
        "gpus": [[gpu.name, gpu.memory_total_mib] for gpu in table.gpus],
        "gpu_problem": table.problem,
        "internet": reached_host(),
        "cron": cron.look(root),
        "messages": messages(root, project),
        "activation": try_activation(wanted, root, layout.project_folder(root, project)),
        "slurm": examined(root, wanted),
        "links": missing_targets(wanted.get("links") or {}),
    }


def examined(root: str, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Slurm as this login node sees it; None where nobody wants to know."""
    if wanted.get("slurm") is None:
        return None
    from overnight.node.slurm import examining

    return examining.examine(root, wanted["slurm"])


def missing_targets(links: dict[str, str]) -> dict[str, str]:
    """Those links whose target does not exist here."""
    return {
        name: target
        for name, target in links.items()
        if not os.path.exists(os.path.expanduser(target))
    }


def messages(root: str, project: str) -> dict[str, Any] | None:
    """What kept the last message from leaving; None where no messages are wanted."""
    if notify.read(root, project) is None:
        return None
    problem = post.read(root, project).get("problem") or {}
    return {"problem": problem.get("text")}


def first_line(argv: list[str]) -> str | None:
    """What a program says of its version; None where it is not installed."""
    try:
        said = programs.ask(argv, timeout_s=VERSION_TIMEOUT_S)
    except OSError:
        return None
    return said.out.partition("\n")[0].strip() or None


def reached_host() -> str | None:
    """The first well-known host that answers; None where there is no way out."""
    for host, port in INTERNET:
        try:
            socket.create_connection((host, port), timeout=INTERNET_TIMEOUT_S).close()
        except OSError:
            continue
        return host
    return None


def try_activation(wanted: dict[str, Any], root: str, project_folder: str) -> dict[str, Any]:
    """Activates the project's environment as a run would, and asks its Python who it is and which
    packages it lacks.

    The environment of uv is built by the first run, so here only uv itself is tried.
    """
    environment, names = wanted["environment"], list(wanted.get("packages") or [])
    folder = project_folder if os.path.isdir(project_folder) else root
    kind = environment.get("kind", "none")
    if kind == "none":
        argv = ["/bin/sh", "-c", 'exec "$(command -v python || command -v python3)" "$@"', "sh"]
        argv += ["-c", ASK, *names]
    elif kind == "uv":
        script = f'{activation.find_uv(environment.get("exe") or "")}\nexec "$overnight_found" "$@"'
        argv = ["/bin/bash", "--norc", "-c", script, "overnight", "--version"]
    else:
        argv = activation.wrap(environment, ["python", "-c", ASK, *names], folder, folder)
    try:
        answer = programs.ask(argv, timeout_s=ACTIVATION_TIMEOUT_S, cwd=folder)
    except OSError as error:
        return {"ok": False, "said": str(error), "missing": []}
    if answer.code is None:
        said = f"it took longer than {ACTIVATION_TIMEOUT_S:.0f} s"
        return {"ok": False, "said": said, "missing": []}
    lines = answer.out.splitlines()
    missing = [name for line in lines if line.startswith(LACKS) for name in line.split()[1:]]
    said = answer.out if answer.code == 0 else answer.err or answer.out
    told = {"said": said.strip()[-SAID_CHARACTERS:], "missing": missing}
    return {"ok": answer.code == 0, **told}


def linger_start() -> dict[str, Any]:
    """Starts a process that does nothing for a minute, as a supervisor would be started."""
    found = identity.of(server.spawn(["linger", str(LINGER_S)], os.devnull))
    return {"identity": list(found) if found else None}


def linger_check(value: object) -> dict[str, Any]:
    """Whether that process has survived the end of its login so far; ends it."""
    target = identity.from_json(value)
    if target is None or processes.wait_end(target, LOGOUT_S):
        return {"alive": False}
    return {"alive": processes.send(target, signal.SIGTERM)}

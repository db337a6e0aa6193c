"""doctor: what a server can and cannot do for us, and the command that mends each finding."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from overnight.app import Overnight, connect, doctor_slurm, known_servers, preparing
from overnight.app.doctor_findings import MEND, NOTE, OK, Finding
from overnight.code import imports
from overnight.core import command, config, errors
from overnight.ports import Request, Server

LITTLE_DISK_MIB = 5 * 1024
NO_DISK_MIB = 512
CLOCK_OFF_S = 5.0
FEW_INODES = 1000
PROBE_TIMEOUT_S = 180.0
# What an error of the connection is a finding about, where it is not the way there.
CHECKS = {
    "disk_full": "disk",
    "host_key_changed": "host key",
    "login_refused": "login",
    "no_python": "python",
    "python_broken": "python",
    "python_too_old": "python",
    "root_unusable": "root",
    "shell_exits": "login shell",
}


def examine(o: Overnight, server_name: str | None) -> Iterator[Finding]:
    """Findings one after the other, as they are known."""
    chosen = config.choose_server(o.config, server_name)
    server = o.server(chosen.name)
    try:
        yield from link(server, chosen)
        args = questions(o, chosen)
        with o.talk.busy(f"examining {chosen.name}"):
            found = server.call(Request("probe", args), timeout_s=PROBE_TIMEOUT_S).data
        yield from judge(found, chosen, o.config.project)
        known_servers.remember_cron(o, chosen.name, found["cron"])
        yield survival(server, chosen)
    except (errors.Unreachable, errors.ServerError) as error:
        check = CHECKS.get(error.code, "reachable")
        yield Finding(check=check, level=MEND, text=error.message, mend=error.hint)


def questions(o: Overnight, chosen: config.ServerConfig) -> dict[str, Any]:
    """What the project needs there."""
    project = o.config.project
    return {
        "project": o.project,
        "environment": preparing.environment(project.env),
        "links": dict(project.links),
        "slurm": chosen.slurm.to_wire() if chosen.slurm else None,
        "packages": list(imports.needed(o.root, command.parse(project.train or ""))),
    }


def link(server: Server, chosen: config.ServerConfig) -> Iterator[Finding]:
    """How the server is reached, from two questions: the first one opens the connection."""
    began = time.monotonic()
    server.call(Request("ping"))
    first_s = time.monotonic() - began
    began, asked_at = time.monotonic(), time.time()
    there = server.call(Request("ping")).data["time"]
    round_trip_s = time.monotonic() - began
    text = f"connected in {first_s:.2f} s, {1000 * round_trip_s:.0f} ms per round trip"
    if chosen.is_here:
        text = f"this machine is the server {chosen.name}; [servers.NAME] would name another one"
    yield Finding(check="reachable", level=OK, text=text)
    if not chosen.is_here:
        yield Finding(check="host key", level=OK, text="known, and checked at every connection")
    yield clock(there - (asked_at + round_trip_s / 2))


def clock(off_s: float) -> Finding:
    if abs(off_s) < CLOCK_OFF_S:
        return Finding(check="clock", level=OK, text=f"differs from ours by {abs(off_s):.1f} s")
    return Finding(
        check="clock",
        level=NOTE,
        text=f"differs from ours by {abs(off_s):.0f} s; times shown are the server's",
        mend="ask its administrator to start a time service (chrony or systemd-timesyncd)",
    )


def judge(
    found: dict[str, Any], chosen: config.ServerConfig, project: config.Project
) -> Iterator[Finding]:
    """The server's own answers, each with what mends it."""
    version, path = found["python"]
    yield Finding(check="python", level=OK, text=f"{version} {path}, for overnight itself")
    yield disk(found, chosen)
    yield locks(found, chosen)
    yield program(found, "rsync", "large changes travel through the pipe, more slowly")
    yield program(found, "tmux", "`overnight attach` will not work; use `overnight logs RUN -f`")
    if chosen.slurm is None:  # the GPUs of a cluster are not those of its login node
        yield graphics(found)
    else:
        yield from doctor_slurm.judge(found["slurm"], chosen)
    yield activation(found["activation"], project.env)
    yield from packages(found["activation"])
    yield from links(found["links"])
    yield internet(found["internet"])
    yield crontab(found["cron"], chosen)
    if found["messages"] is not None:
        yield messages(found["messages"], chosen)


def crontab(found: dict[str, Any], chosen: config.ServerConfig) -> Finding:
    """Whether somebody starts the watch again after a reboot."""
    if found.get("problem"):
        text = f"{known_servers.cannot(found)}: {known_servers.WEAKER}"
        return Finding(check="cron", level=NOTE, text=text, mend="ask its administrator for cron")
    if found["state"] != "installed":
        text = f"does not start the watch: {known_servers.WEAKER}"
        mend = f"overnight servers cron {chosen.name}"
        return Finding(check="cron", level=NOTE, text=text, mend=mend)
    if found["daemon"] is False:
        text = f"our lines are in the crontab, but no cron daemon runs: {known_servers.WEAKER}"
        return Finding(check="cron", level=NOTE, text=text, mend="ask its administrator for cron")
    text = "starts the watch after a reboot, and every five minutes"
    return Finding(check="cron", level=OK, text=text)


def messages(found: dict[str, Any], chosen: config.ServerConfig) -> Finding:
    """How the last message that was to leave fared."""
    if not found["problem"]:
        return Finding(check="messages", level=OK, text="sent from there when something needs you")
    text = f"the last one could not be sent: {found['problem']}"
    mend = f"overnight servers test-message {chosen.name}"
    return Finding(check="messages", level=MEND, text=text, mend=mend)


def disk(found: dict[str, Any], chosen: config.ServerConfig) -> Finding:
    free_mib = found["disk_free_mib"]
    text = f"{free_mib / 1024:.1f} GiB free under {chosen.root}"
    mend = f"free some, or write another root under [servers.{chosen.name}] in overnight.toml"
    inodes = found["inodes_free"]
    if inodes is not None and inodes < FEW_INODES:
        text += f", and room for {inodes} more files"
        return Finding(check="disk", level=MEND, text=text, mend=mend)
    if free_mib < NO_DISK_MIB:
        return Finding(check="disk", level=MEND, text=text, mend=mend)
    level = NOTE if free_mib < LITTLE_DISK_MIB else OK
    return Finding(check="disk", level=level, text=text, mend=mend if level == NOTE else "")


def locks(found: dict[str, Any], chosen: config.ServerConfig) -> Finding:
    if found["flock"]:
        return Finding(check="locks", level=OK, text="flock works on the root's file system")
    return Finding(
        check="locks",
        level=NOTE,
        text="no flock on the root's file system: locks are folders, which a crash can leave "
        "behind, and two machines that share it could both start a run",
        mend=f"write a root on a local disk under [servers.{chosen.name}] in overnight.toml",
    )


def program(found: dict[str, Any], name: str, without: str) -> Finding:
    if found[name]:
        return Finding(check=name, level=OK, text=str(found[name]))
    return Finding(
        check=name,
        level=NOTE,
        text=f"not installed: {without}",
        mend=f"conda install -c conda-forge {name}   (needs no root)",
    )


def graphics(found: dict[str, Any]) -> Finding:
    if found["gpus"]:
        name, total_mib = found["gpus"][0]
        text = f"{len(found['gpus'])} GPUs, the first: {name}, {total_mib} MiB"
        return Finding(check="gpus", level=OK, text=text)
    if found["gpu_problem"]:
        return Finding(
            check="gpus",
            level=MEND,
            text=str(found["gpu_problem"]),
            mend="nvidia-smi   (a driver that was updated needs a reboot: ask the administrator)",
        )
    return Finding(check="gpus", level=NOTE, text="no GPU: trainings run on the CPU")


def activation(tried: dict[str, Any], env: config.Environment) -> Finding:
    what = "python" if env.kind == "none" else f"{env.kind} {env.name}".strip()
    if tried["ok"]:
        text = f"{what} in a non-interactive shell: {one_line(tried['said'])}"
        return Finding(check="environment", level=OK, text=text)
    return Finding(
        check="environment",
        level=MEND,
        text=f"{what} does not work in a non-interactive shell: {one_line(tried['said'])}",
        mend="mend the line env = { … } under [project] in overnight.toml, or make the environment",
    )


def packages(tried: dict[str, Any]) -> Iterator[Finding]:
    """A guess: what is imported may be brought along in a way that was not seen."""
    if tried["missing"]:
        text = f"not found there, although the training imports it: {', '.join(tried['missing'])}"
        mend = f"install it in that environment: pip install {' '.join(tried['missing'])}"
        yield Finding(check="packages", level=NOTE, text=text, mend=mend)


def links(missing: dict[str, str]) -> Iterator[Finding]:
    for name, target in missing.items():
        text = f"{target} does not exist there, and {name!r} of the project shall lead to it"
        mend = "bring the data there, or mend links = { … } under [project] in overnight.toml"
        yield Finding(check="links", level=MEND, text=text, mend=mend)


def one_line(said: str) -> str:
    """What a program printed last; what came before it is seldom about us."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "(it said nothing)"


def internet(host: str | None) -> Finding:
    if host:
        return Finding(check="internet", level=OK, text=f"{host} answers")
    return Finding(
        check="internet",
        level=NOTE,
        text="no way out: downloads and online trackers will fail there",
        mend='write variables = { HF_HUB_OFFLINE = "1", WANDB_MODE = "offline" } under [project]',
    )


def survival(server: Server, chosen: config.ServerConfig) -> Finding:
    """Whether a process outlives the login that started it, tried with a second connection."""
    if chosen.is_here:
        return Finding(check="logout", level=OK, text="this machine: nothing to log out from")
    second = connect(chosen, alone=True)
    try:
        started = second.call(Request("linger", {})).data["identity"]
    except errors.Unreachable as error:
        # servers that ask for a second factor let nobody in twice without a person
        text = f"not tried, since a second connection was not let in: {error.message}"
        return Finding(check="logout", level=NOTE, text=text, mend=error.hint)
    finally:
        second.close()
    return survived(server.call(Request("linger", {"identity": started})).data["alive"], chosen)


def survived(alive: bool, chosen: config.ServerConfig) -> Finding:
    if alive:
        return Finding(check="logout", level=OK, text="processes survive the end of a connection")
    return Finding(
        check="logout",
        level=MEND,
        text="the server ends our processes when the connection closes",
        mend=f"ssh {chosen.host} loginctl enable-linger   (or ask for KillUserProcesses=no)",
    )

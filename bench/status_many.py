"""One glance at twenty servers of ten runs each, over master connections that are open.

The peer asks the same servers for the same files with twenty ssh at once. All servers are names and
roots of one host of the testbed, so the work of twenty servers, their sshd, and the laptop's share
the cores of this one machine. Twenty real servers have cores of their own: on two cores most of
what is measured beyond the round trips is twenty starts of Python, ten at each core.
"""

from __future__ import annotations

import functools
import resource
from collections.abc import Iterator
from pathlib import Path

from bench import pairs, rig, table

SERVERS = 20
RUNS = 10
PEER = f"{SERVERS} x ssh cat"
TARGET_RTT_MS = 75
ROUND_TRIPS = 3
OWN_MS = 300.0
ROOT = "overnight-{}"
SETTINGS = '[servers.s{number}]\nssh_config = "{config}"\nroot = "~/{root}"\n'
ALIAS = "Host s{number}\n  HostName {address}\n"


def measure(on: rig.Rig, rtts_ms: tuple[int, ...], repetitions: int) -> Iterator[table.Figure]:
    project = prepared(on)
    files = "cat {}/projects/bench/runs/*/state.json"
    asks = [f"ssh -F {on.folder / 'many_mux'} s{n} '{files.format(root(n))}' &" for n in numbers()]
    theirs_argv = ["sh", "-c", "\n".join([*asks, "wait"])]
    for rtt_ms in rtts_ms:
        on.host.delay(rtt_ms)
        ours, theirs = pairs.alternate(
            repetitions,
            lambda _: on.overnight_ms(project, "status"),
            lambda _: pairs.whole_process_ms(theirs_argv, environ=on.environ),
        )
        name = f"status of {SERVERS} servers x {RUNS} runs, {rtt_ms} ms"
        target = ROUND_TRIPS * rtt_ms + OWN_MS
        yield table.Figure(
            name=name, unit="ms", ours=ours, target=target if rtt_ms == TARGET_RTT_MS else None
        )
        yield table.Figure(
            name=f"{name}, against a peer", unit="ms", ours=ours, peer_name=PEER, peer=theirs
        )
    spent = [cpu_ms(on, project) for _ in range(repetitions)]
    yield table.Figure(
        name=f"CPU of that on the laptop, {SERVERS} ssh and all", unit="ms", ours=spent
    )


def cpu_ms(on: rig.Rig, project: Path) -> float:
    """Of `overnight status` and of the ssh that it starts; nothing of what the servers do."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    on.overnight(project, "status")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def numbers() -> range:
    return range(1, SERVERS + 1)


def root(number: int) -> str:
    return ROOT.format(number)


def prepared(on: rig.Rig) -> Path:
    """The project, the runs on each server, and the masters of both, one after another."""
    on.host.delay(0)
    project = on.project("status", files=3, train="print('epoch 1/1 loss 0.5')\n")
    aliases = "".join(ALIAS.format(number=n, address=on.host.address) for n in numbers())
    config = on.folder / "many_config"
    config.write_text(aliases + on.fresh.read_text())
    mux = rig.MUX.replace("%C", "%n")  # the aliases are one address, and each has its own master
    (on.folder / "many_mux").write_text(mux.format(folder=on.folder, included=config))
    settings = "".join(SETTINGS.format(number=n, config=config, root=root(n)) for n in numbers())
    toml = project / "overnight.toml"
    toml.write_text(toml.read_text().partition("[servers.")[0] + settings)
    for number in range(1, RUNS + 1):
        words = ("run", f"train{number:02}", "--no-smoke", "--server", "s1")
        on.overnight(project, *words)
    on.overnight(project, "wait", *(f"train{number:02}" for number in range(1, RUNS + 1)))
    on.wait_for_quiet()
    copies = " && ".join(f"cp -r {root(1)} {root(n)}" for n in numbers() if n > 1)
    on.host.sh(f"cd ~train && rm -f {root(1)}/watch.* && {copies}")
    ask = functools.partial(rig.output, environ=on.environ, folder=project)
    for number in numbers():  # the masters, one after another, not all at once
        on.overnight(project, "queue", "--server", f"s{number}")
        ask(["ssh", "-F", str(on.folder / "many_mux"), f"s{number}", "true"])
    return project

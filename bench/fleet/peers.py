"""The two that every queue is measured against, for gangs of whole GPUs that are all alike.

`fifo`   starts runs in order and stops at the first that finds no place.
`easy`   EASY backfill, the idea of Slurm's scheduler: the first that finds no place gets a
         reservation where it can start first; later ones pass, in order, if they end before it or
         leave enough GPUs for it. Late runs are treated as ours are.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from overnight.node.queueing import Decision, Host, Reservation, Running, Start, Waiting
from overnight.node.queueing.board import end_of


class Server:
    """One host: its free GPUs, and when the others come free."""

    def __init__(self, host: Host) -> None:
        self.name = host.name
        self.free = [gpu.uuid for gpu in host.gpus]
        self.ends: list[float] = []
        self.size = len(host.gpus)

    def occupy(self, uuids: Sequence[str], end: float) -> None:
        ours = [uuid for uuid in uuids if uuid in self.free]
        self.free = [uuid for uuid in self.free if uuid not in ours]
        self.ends += [end] * len(ours)

    def takes_at(self, gpus: int, now: float) -> float:
        """When so many GPUs are free together."""
        return sorted([now] * len(self.free) + self.ends)[gpus - 1]

    def free_at(self, moment: float) -> int:
        return len(self.free) + sum(end <= moment for end in self.ends)


@dataclass
class Shadow:
    """The reservation: `spare` GPUs of the server may be in use when it starts."""

    server: Server
    at: float
    spare: int


def fifo(
    waiting: Sequence[Waiting],
    running: Sequence[Running],
    hosts: Sequence[Host],
    now: float,
    promised: Hashable | None = None,
) -> Decision:
    servers = servers_of(running, hosts, now)
    starts: list[Start] = []
    for run in waiting:
        server = best_fit(run, servers)
        if server is None:
            break
        starts.append(start(run, server, now))
    return Decision(tuple(starts))


def easy(
    waiting: Sequence[Waiting],
    running: Sequence[Running],
    hosts: Sequence[Host],
    now: float,
    promised: Hashable | None = None,
) -> Decision:
    servers = servers_of(running, hosts, now)
    starts: list[Start] = []
    shadow: Shadow | None = None
    reserved: Reservation | None = None
    for run in waiting:
        if shadow and run.gpus > max(len(each.free) for each in servers):
            continue
        server = best_fit(run, servers, shadow, now)
        if server is not None:
            if shadow and server is shadow.server and outlasts(run, shadow, now):
                shadow.spare -= int(run.gpus)
            starts.append(start(run, server, now))
        elif shadow is None:
            wide_enough = [each for each in servers if each.size >= run.gpus]
            if wide_enough:
                first = min(wide_enough, key=lambda each: each.takes_at(int(run.gpus), now))
                at = first.takes_at(int(run.gpus), now)
                shadow = Shadow(first, at, first.free_at(at) - int(run.gpus))
                reserved = Reservation(run.key, first.name, at)
    return Decision(tuple(starts), reserved)


def servers_of(running: Sequence[Running], hosts: Sequence[Host], now: float) -> list[Server]:
    servers = {host.name: Server(host) for host in hosts}
    for run in running:
        if run.host in servers:
            servers[run.host].occupy(run.gpus, end_of(run, now))
    return list(servers.values())


def best_fit(
    run: Waiting, servers: Sequence[Server], shadow: Shadow | None = None, now: float = 0.0
) -> Server | None:
    """The server with the fewest free GPUs that takes it and does not delay the reservation."""
    best: Server | None = None
    for server in servers:
        if len(server.free) < run.gpus or (best and len(server.free) >= len(best.free)):
            continue
        held = shadow is not None and server is shadow.server
        if held and shadow and outlasts(run, shadow, now) and run.gpus > shadow.spare:
            continue
        best = server
    return best


def outlasts(run: Waiting, shadow: Shadow, now: float) -> bool:
    return run.expected_s is None or now + run.expected_s > shadow.at


def start(run: Waiting, server: Server, now: float) -> Start:
    uuids = tuple(server.free[: int(run.gpus)])
    server.occupy(uuids, now + (run.expected_s or 0.0))
    return Start(run.key, server.name, uuids)

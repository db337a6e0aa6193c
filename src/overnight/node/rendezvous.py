"""What an attempt of several processes gets when it starts: a free port, a folder for its logs,
and, for DeepSpeed, the numbers of its GPUs.

Between our look at a port and the moment a training listens there, seconds go by. So ports are
taken where the kernel hands out none itself, each run begins its search elsewhere, and a port that
one of our runs was given a while ago is not given to another.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import Any, Iterator, Mapping, Sequence

from overnight.node import actions, apart, fs, layout, lock, rank_logs

FIRST_PORT, LAST_PORT = 20000, 32767
KEPT_S = 600.0  # until it listens; a start may have to load a large model first
MOST_TRIED = 400
GIVEN = "ports.json"
GPUS = "gpu_numbers"


class Finder:
    """Finds each thing once, and only where it is asked for. `uuids`: of the attempt's GPUs."""

    def __init__(self, run: layout.Run, number: int, uuids: Sequence[str] = ()) -> None:
        self.run = run
        self.uuids = uuids
        self.folder = run.attempt(number)
        self._port: int | None = None

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values` with the port and the folder in place of the words that ask for them."""
        return {name: self._found(value) for name, value in values.items()}

    def _found(self, value: Any) -> Any:
        if value == actions.FREE_PORT:
            return self.port()
        if value == actions.GPU_NUMBERS:
            return gpu_numbers(self.uuids)
        return (
            os.path.join(self.folder, rank_logs.FOLDER)
            if value == actions.ATTEMPT_FOLDER
            else value
        )

    def port(self) -> int:
        if self._port is None:
            try:  # apart: sockets need memory that a supervisor does without
                self._port = apart.call(lambda: free_port(self.run.root, self.folder, time.time()))
            except apart.FailedError:  # a lock or a disk that does not work is no reason to wait
                self._port = any_port()
        return self._port

    def env(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """The variables that go with the settings found: numbers in place of UUIDs."""
        numbers = settings.get(GPUS)
        return {"CUDA_VISIBLE_DEVICES": numbers} if numbers else {}


def gpu_numbers(uuids: Sequence[str]) -> str | None:
    """As nvidia-smi counts them, in the order of the bus; None where there are none to name."""
    if not uuids:
        return None
    from overnight.node import gpus

    known = {gpu.uuid: str(gpu.index) for gpu in gpus.query().gpus}
    if not all(uuid in known for uuid in uuids):
        return None
    return ",".join(known[uuid] for uuid in uuids)


def free_port(root: str, who: str, now: float) -> int:
    """A port that nobody listens on, and that no other of our runs was given lately."""
    path = os.path.join(root, GIVEN)
    with lock.held(os.path.join(root, "ports.lock")):
        given = lately(fs.read_json(path), now)
        tried = candidates(who, given, kernels_own())
        port = next((each for each in tried if is_free(each)), None) or any_port()
        with contextlib.suppress(OSError):  # a full disk costs this safety, not the start
            fs.publish_json(path, {**given, str(port): now}, durable=False)
    return port


def lately(given: object, now: float) -> dict[str, float]:
    """Of {port: when it was given} those that may be about to be used; nothing of garbage."""
    if not isinstance(given, dict):
        return {}
    times = {port: at for port, at in given.items() if isinstance(at, (int, float))}
    return {port: at for port, at in times.items() if abs(now - at) < KEPT_S}


def candidates(who: str, given: Mapping[str, float], kernels: tuple[int, int]) -> Iterator[int]:
    """Ports to try, from a place on that depends on `who` asks.

    `kernels`: first and last port that any connection of the machine may get.
    """
    import hashlib

    room = [
        port
        for port in range(FIRST_PORT, LAST_PORT + 1)
        if not kernels[0] <= port <= kernels[1] and str(port) not in given
    ]
    start = int(hashlib.sha256(os.fsencode(who)).hexdigest(), 16) % max(1, len(room))
    yield from (room[start:] + room[:start])[:MOST_TRIED]


def kernels_own() -> tuple[int, int]:
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            first, last = map(int, file.read().split())
    except (OSError, ValueError):
        return (32768, 60999)
    return (first, last)


def is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def any_port() -> int:
    """Where the machine lets its connections have all ports: the one that the kernel gives."""
    import socket

    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])

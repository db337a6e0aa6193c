"""A cable with delay: two TAP devices and a process that hands the frames over, later.

    relay.py NAMESPACE NAME NAMESPACE NAME

Creates TAP device NAME in each namespace (given by path) and prints `ready`. Each line of standard
input is the delay of one direction in seconds, from then on. Ends with its standard input, and the
devices with it. Used where the kernel lacks `netem`.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import fcntl
import os
import select
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000
FRAME_BYTES = 65536

Queue = collections.deque[tuple[float, int, bytes]]


def create_tap(namespace: str, name: str) -> int:
    """A non-blocking descriptor of a new TAP device; each read or write is one frame."""
    entry = os.open(namespace, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(entry, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    os.close(entry)
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    return tap


def read_frames(tap: int, peer: int, due_s: float, queue: Queue) -> None:
    """Queues all that is there now, to be written to `peer` at `due_s`."""
    with contextlib.suppress(OSError):  # nothing more to read, or the device is down
        while True:
            queue.append((due_s, peer, os.read(tap, FRAME_BYTES)))


def write_due(queue: Queue) -> float | None:
    """Writes the frames that are due; returns the seconds until the next, None where none waits."""
    while queue:
        wait_s = queue[0][0] - time.monotonic()
        if wait_s > 0:
            return wait_s
        _, tap, frame = queue.popleft()
        with contextlib.suppress(OSError):  # a device that is down loses frames, as cables do
            os.write(tap, frame)
    return None


def relay(first: int, second: int, control: int) -> None:
    """Hands frames over until `control` ends. Frames keep their order."""
    peers = {first: second, second: first}
    delay_s = 0.0
    queue: Queue = collections.deque()
    while True:
        readable, _, _ = select.select([*peers, control], [], [], write_due(queue))
        for fd in readable:
            if fd != control:
                read_frames(fd, peers[fd], time.monotonic() + delay_s, queue)
            elif line := os.read(control, 100):
                delay_s = float(line.split()[-1])
            else:
                return


def main() -> None:
    first, second = create_tap(*sys.argv[1:3]), create_tap(*sys.argv[3:5])
    print("ready", flush=True)
    relay(first, second, sys.stdin.fileno())


if __name__ == "__main__":
    main()

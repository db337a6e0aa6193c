"""Output that nobody would write on purpose: too much, not text, without an end."""

from __future__ import annotations

import sys
from pathlib import Path

from overnight.node import identity, states
from tests.integration.local import laws
from tests.integration.local.world import World

LIMIT_KIB = 40 * 1024
GIB = 1 << 30

# A gigabyte is written through a hole: the file grows, the disk does not. Around it stand lines,
# and the last part is written in full, so that the supervisor has enough to read.
FLOOD = """\
import os, pathlib, sys, time
diary, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
pieces = {
    "lines": b"step 7 loss 0.5\\n" * 65536,
    "binary": bytes(range(256)) * 4096,
    "endless": b"x" * (1 << 20),
    "short": b"a\\n" * (1 << 19),
}
def gate(number):
    while not (diary / f"go-{number}").exists():
        time.sleep(0.01)
print("epoch 1/3 loss 1.0", flush=True)
gate(1)
for _ in range(64):
    os.write(1, pieces[kind])
os.truncate(1, os.fstat(1).st_size + (1 << 30))
for _ in range(64):
    os.write(1, pieces[kind])
(diary / "flooded").touch()
gate(2)
print("\\nepoch 2/3 loss 0.5", flush=True)
gate(3)
"""


def peak_kib(who: identity.Identity) -> int:
    """The most memory that a process ever held, KiB; 0 of one that has just ended."""
    lines = Path(f"/proc/{who.pid}/status").read_text().splitlines()
    return int(next((line for line in lines if line.startswith("VmHWM")), "VmHWM: 0").split()[1])


def flood(world: World, kind: str) -> None:
    (world.project / "flood.py").write_text(FLOOD)
    world.launch("r", argv=[sys.executable, "flood.py", str(world.diary), kind])
    supervisor = world.supervisor("r")
    world.open_gate(1)
    world.wait_for_beat("r", lambda beat: beat["output_bytes"] > GIB)
    world.open_gate(2)
    beat = world.wait_for_beat("r", lambda beat: beat["epoch"] == 2)
    assert (beat["epochs"], beat["loss"]) == (3, 0.5)
    assert peak_kib(supervisor) < LIMIT_KIB
    world.open_gate(3)
    assert world.wait("r").state == states.FINISHED
    laws.check(world, "r")
    assert peak_kib_of_watch(world) < LIMIT_KIB


def peak_kib_of_watch(world: World) -> int:
    return max((peak_kib(each) for each in world.processes(["watch", str(world.root)])), default=0)


def test_a_gigabyte_of_lines(world: World) -> None:
    """The supervisor's memory stays small, and it still learns progress afterwards."""
    flood(world, "lines")


def test_a_gigabyte_of_short_lines(world: World) -> None:
    """Many small lines make many small objects."""
    flood(world, "short")


def test_a_gigabyte_of_bytes(world: World) -> None:
    """Nothing of it is text."""
    flood(world, "binary")


def test_a_gigabyte_without_a_line_end(world: World) -> None:
    """A line that never ends is no reason to keep it."""
    flood(world, "endless")

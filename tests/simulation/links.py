"""The link between a laptop and the server: it delays, loses, cuts, and heals.

`Pipe` takes the place of the laptop's `servers.pipe.Pipe`; at its other end the real
`node.pipe.serve` answers.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

from overnight.core import errors
from overnight.node import pipe as node_pipe
from overnight.node import wire
from overnight.ports import Reply, Request
from overnight.servers import pipe

if TYPE_CHECKING:
    from tests.simulation import kernel

UNNOTICED_S = (0.5, 20.0, 900.0)  # until the server's sshd sees that the laptop is gone


class Link:
    """One laptop's way to the server, as `pipe.Link` wants it."""

    def __init__(self, machine: kernel.Kernel, name: str, round_trip_s: float) -> None:
        self.kernel = machine
        self.name = name
        self.round_trip_s = round_trip_s
        self.is_up = True
        self.pipes: list[Pipe] = []
        self.twice: int = 0  # how many of the next requests reach the server twice
        self.held_s = 0.0  # how long the next request is under way
        self.deaf: int = 0  # how many of the next answers are lost

    def reset(self) -> bool:
        return False

    def cut(self) -> None:
        self.is_up = False
        for each in self.pipes:
            each.break_off()
        self.pipes.clear()

    def heal(self) -> None:
        self.is_up = True

    def unreachable(self) -> errors.Unreachable:
        return errors.Unreachable(f"{self.name} cannot be reached")


class Channel:
    """The server's end: requests come in, answers go out, each half a round trip later."""

    def __init__(self, pipe_: Pipe) -> None:
        self.pipe = pipe_
        self.kernel = pipe_.kernel
        self.requests: deque[wire.Frame] = deque()
        self.is_closed = False
        self.program: kernel.Program | None = None

    def put(self, frame: wire.Frame) -> None:
        self.requests.append(frame)
        self.hasten()

    def close(self) -> None:
        self.is_closed = True
        self.hasten()

    def hasten(self) -> None:
        if self.program is not None and self.program.alive:
            self.kernel.hasten(self.program)

    # what `wire.Reader` offers to the server

    def frame(self) -> wire.Frame | None:
        while not self.requests and not self.is_closed:
            self.kernel.wait(60.0)
        return self.requests.popleft() if self.requests else None

    def waiting(self, timeout_s: float) -> bool:
        if not self.requests and not self.is_closed:
            self.kernel.wait(timeout_s)
        return bool(self.requests) or self.is_closed

    def answer(self, data: bytes) -> int:
        line, _, payload = data.partition(b"\n")
        self.pipe.arrives(wire.Frame(json.loads(line), payload))
        return len(data)


class Pipe:
    """As the laptop has it."""

    def __init__(self, link: Link, *, open_timeout_s: float, first: Request | None = None) -> None:
        self.link = link
        self.kernel = link.kernel
        self.laptop = link.kernel.current
        self.open_timeout_s = open_timeout_s
        self.greeting: pipe.Greeting | None = None
        self.channel: Channel | None = None
        self.answers: dict[int, wire.Frame] = {}
        self.is_broken = False
        self._number = 0

    @property
    def has_spoken(self) -> bool:
        return self.greeting is not None

    def greet(self) -> pipe.Greeting:
        if self.greeting is None:
            if not self.link.is_up or not self.kernel.is_on:
                self.kernel.pause(min(10.0, self.open_timeout_s))
                raise self.link.unreachable()
            self.channel = Channel(self)
            self.link.pipes.append(self)
            serve(self.channel)
            self.kernel.pause(2 * self.link.round_trip_s)
            self.greeting = pipe.Greeting(
                self.kernel.root, "sim", self.kernel.boot_id(), "3.11", False, 0.0, 0.1
            )
        return self.greeting

    def send(self, request: Request, timeout_s: float) -> int:
        self.greet()
        self._number += 1
        head = json.loads(
            json.dumps({"id": self._number, "verb": request.verb, "args": dict(request.args)})
        )
        frame = wire.Frame(head, bytes(request.payload))
        delay_s, self.link.held_s = self.link.round_trip_s / 2 + self.link.held_s, 0.0
        self._deliver(frame, delay_s)
        if self.link.twice and not self.is_broken and self.kernel.is_on:
            self.link.twice -= 1
            again = Channel(self)
            serve(again)
            self.kernel.after(delay_s * 3, lambda: again.put(frame))
            self.kernel.after(delay_s * 3 + UNNOTICED_S[-1], again.close)
        return self._number

    def _deliver(self, frame: wire.Frame, delay_s: float) -> None:
        channel = self.channel
        if self.link.is_up and not self.is_broken and channel is not None:
            self.kernel.after(delay_s, lambda: channel.put(frame))

    def receive(self, number: int, timeout_s: float) -> Reply:
        self.greet()
        deadline = self.kernel.now + timeout_s
        while number not in self.answers:
            if self.is_broken or self.kernel.now >= deadline:
                raise self.link.unreachable()
            self.kernel.wait(max(0.01, min(60.0, deadline - self.kernel.now)))
        head, payload = self.answers.pop(number)
        if "error" in head:
            told = head["error"]
            raise errors.ServerError(told["message"], hint=told["hint"], code=told["code"])
        self.kernel.laws.told(self.link.name, head["ok"])
        return Reply(head["ok"], payload)

    def arrives(self, frame: wire.Frame) -> None:
        """An answer leaves the server; it may be lost on its way."""
        if self.link.deaf:
            self.link.deaf -= 1
            self.kernel.after(1.0, self.break_off)
            return
        self.kernel.after(self.link.round_trip_s / 2, lambda: self._take(frame))

    def _take(self, frame: wire.Frame) -> None:
        if self.link.is_up and not self.is_broken:
            self.answers[int(frame.head["id"])] = frame
            self._notice()

    def _notice(self) -> None:
        if self.laptop is not None and self.laptop.alive:
            self.kernel.hasten(self.laptop)

    def break_off(self) -> None:
        """The laptop sees it soon; the server's end stays for a while, as sshd does."""
        self.is_broken = True
        self._notice()
        if self.channel is not None:
            self.kernel.after(self.kernel.rng.choice(UNNOTICED_S), self.channel.close)

    def close(self) -> None:
        self.is_broken = True
        if self in self.link.pipes:
            self.link.pipes.remove(self)
        if self.channel is not None:
            channel = self.channel
            self.kernel.after(self.link.round_trip_s, channel.close)


def serve(channel: Channel) -> None:
    """Starts a `node pipe` on the server for this channel."""
    from tests.simulation import kernel

    machine = channel.kernel
    end: Any = channel

    def body() -> None:
        node_pipe.serve(machine.root, end, end)

    program = kernel.Program(machine, "pipe", body, scopes=("server",))
    channel.program = program
    machine.start(program, channel.pipe.link.round_trip_s / 2 + 0.05)

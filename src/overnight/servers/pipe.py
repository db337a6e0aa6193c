"""The laptop's end of a `node pipe`: frames over a child process, with a deadline on everything.

`local` and `ssh` differ only in how that child is started and what its failures mean; that is
the `Link`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from typing import IO, Any, NamedTuple, Protocol

from overnight.core import errors
from overnight.node import wire
from overnight.ports import Reply, Request
from overnight.servers import bootstrap, refusals, words

NOISE_LIMIT = 20
FIRST = 1  # the number of a request that travels with the login


class Link(Protocol):
    """How to reach one server's node."""

    @property
    def name(self) -> str: ...

    @property
    def python(self) -> str | None:
        """The interpreter that the settings name."""
        ...

    def argv(self) -> list[str]:
        """The command whose standard input and output become the pipe."""
        ...

    def failure(self, exit_code: int | None, stderr: str) -> errors.OvernightError:
        """What it means that the command ended (or kept silent: None) before the node spoke."""
        ...

    def reset(self) -> bool:
        """Drops shared state that is stale. True where a second try may now succeed."""
        ...


class Silent(errors.Unreachable):
    """No answer in time, although the process that leads to the server lives."""


class Greeting(NamedTuple):
    """What the node said of itself when the pipe opened."""

    root: str
    host: str
    boot_id: str
    python: str
    rsync: bool
    time: float
    round_trip_s: float


class TimedReader(wire.Reader):
    """Frames from the child's output; TimeoutError once `deadline` has passed."""

    deadline = 0.0

    def take(self) -> bool:
        left = self.deadline - time.monotonic()
        ready, _, _ = select.select([self.fd], [], [], max(0.0, left))
        if not ready:
            raise TimeoutError
        return super().take()


class Pipe:
    """One open pipe. Raises `errors.Unreachable` when it breaks; it is then of no further use."""

    def __init__(self, link: Link, *, open_timeout_s: float, first: Request | None = None) -> None:
        """`first` travels with the login (see `bootstrap`), and is sent and received as others."""
        self.link = link
        self.open_timeout_s = open_timeout_s
        self.opened_at = time.monotonic()
        self.greeting: Greeting | None = None
        self._number = FIRST
        self._first = first
        self._first_answer: wire.Frame | None = None
        self._early: list[bytes] = []
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self.process = start(link, first, self._stderr)
        assert self.process.stdin is not None and self.process.stdout is not None
        self._out = self.process.stdin.fileno()
        os.set_blocking(self._out, False)
        self._reader = TimedReader(self.process.stdout.fileno())

    def send(self, request: Request, timeout_s: float) -> int:
        """Writes a request; the first ones leave before the node has said that it is there."""
        if request.payload:
            self.greet()
        if request == self._first:
            return FIRST
        self._number += 1
        frame = frame_of(self._number, request)
        if self.greeting is None:
            self._early.append(frame)
        self._write(frame, time.monotonic() + timeout_s)
        return self._number

    def receive(self, number: int, timeout_s: float) -> Reply:
        """The answer to request `number`; `errors.ServerError` where the node refused.

        `timeout_s` counts from when the pipe was open.
        """
        self._hear(until_first=number == FIRST)
        deadline = time.monotonic() + timeout_s
        frame = self._first_answer if number == FIRST else None
        self._first = None  # asked again, it is a new request
        while frame is None or frame.head.get("id") != number:
            frame = self._read_frame(deadline)
        return unpacked(frame, self.link.name)

    def greet(self) -> Greeting:
        """Waits until the node has said what it is."""
        self._hear()
        assert self.greeting is not None
        return self.greeting

    @property
    def has_spoken(self) -> bool:
        """Whether the node has answered anything yet."""
        return self.greeting is not None or self._first_answer is not None

    def _hear(self, *, until_first: bool = False) -> None:
        """Waits for the greeting, sending the node itself where the server lacks it.

        `until_first`: the answer to the first question is enough; it may come before.
        """
        deadline = time.monotonic() + self.open_timeout_s
        noise: list[str] = []
        while self.greeting is None and not (until_first and self._first_answer is not None):
            said = self._first_word(deadline, noise)
            if said is None:
                deadline = time.monotonic() + 2 * self.open_timeout_s
                self._send_node(deadline)
            elif "id" in said:
                self._first_answer = wire.Frame(said, b"")
            else:
                self.greeting = self._greeted(said)
                self._ask_again(deadline)

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        # The node leaves when its input ends; to wait until ssh has heard of that would cost
        # more than a round trip.
        self.process.terminate()
        try:
            self.process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._stderr.close()

    def _first_word(self, deadline: float, noise: list[str]) -> dict[str, Any] | None:
        """What the node says of itself; None where it is missing and wants to be sent.

        What start-up files print before it is kept aside in `noise`.
        """
        while True:
            line = self._read_line(deadline, noise)
            if time.monotonic() > deadline:
                raise self._broken(None, noise)  # it prints for ever
            text = line.decode("utf-8", "replace").strip()
            if text == f"{wire.SENTINEL} need":
                return None
            if text == bootstrap.NO_PYTHON:
                raise refusals.no_python(self.link.name, self.link.python)
            if text.startswith(f"{wire.SENTINEL} {{"):
                with contextlib.suppress(ValueError):
                    return dict(json.loads(text[len(wire.SENTINEL) :]))
            if len(noise) < NOISE_LIMIT:
                noise.append(text)

    def _read_line(self, deadline: float, noise: list[str]) -> bytes:
        try:
            self._reader.deadline = deadline
            line = self._reader.line()
        except TimeoutError:
            raise self._broken(None, noise) from None
        if line is None:
            raise self._broken(self._exit_code(), noise)
        return line

    def _send_node(self, deadline: float) -> None:
        data = bootstrap.archive()
        self._write(b"\nPYZ %d\n" % len(data) + data, deadline)
        for frame in self._early:
            self._write(frame, deadline)

    def _ask_again(self, deadline: float) -> None:
        """A wrapper around the login may have lost what travelled with it."""
        if self._first is not None and self._first_answer is None:
            self._write(frame_of(FIRST, self._first), deadline)

    def _greeted(self, said: dict[str, Any]) -> Greeting:
        if "error" in said:
            raise refusals.refused(self.link.name, said["error"])
        self._early.clear()
        fields = {key: said[key] for key in Greeting._fields if key in said}
        return Greeting(**fields, round_trip_s=time.monotonic() - self.opened_at)

    def _read_frame(self, deadline: float) -> wire.Frame:
        try:
            self._reader.deadline = deadline
            frame = self._reader.frame()
        except TimeoutError:
            raise self._broken(None) from None
        except ValueError as error:
            raise errors.Unreachable(
                f"{self.link.name} answered something that is not ours: {error}",
                hint=f"overnight doctor {self.link.name}",
            ) from error
        if frame is None:
            raise self._broken(self._exit_code())
        return frame

    def _write(self, data: bytes, deadline: float) -> None:
        """Writes all of it, taking in answers meanwhile, so that neither side can block both.

        Returns early where the other side has ended: its last words, which are read next, say why.
        """
        view = memoryview(data)
        while view:
            left = max(0.0, deadline - time.monotonic())
            incoming, ready, _ = select.select([self._reader.fd], [self._out], [], left)
            if not incoming and not ready:
                raise self._broken(None)
            if incoming and not self._reader.take():
                return
            try:
                view = view[os.write(self._out, view) :] if ready else view
            except BlockingIOError:
                continue
            except OSError:
                return

    def _exit_code(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(timeout=5)
        return None

    def _broken(
        self, exit_code: int | None, noise: list[str] | None = None
    ) -> errors.OvernightError:
        self._stderr.seek(0)
        said = self._stderr.read(64 * 1024).decode("utf-8", "replace")
        if self.has_spoken and exit_code not in (None, 255):
            return ended(self.link.name, said)
        failure = self.link.failure(exit_code, said)
        if exit_code is None:
            failure = Silent(failure.message, hint=failure.hint)
        if noise and exit_code != 255:
            failure.message += f" (it printed: {' / '.join(noise)[:200]!r})"
        return failure


def ended(server: str, stderr: str) -> errors.OvernightError:
    """The node had spoken, and then its process ended, there or here.

    One that met a bug of its own would meet it again; one that was killed is worth another try.
    """
    why = words.last_line(stderr)
    said = f"the node on {server} ended unexpectedly" + (f": {why}" if why else "")
    hint = f"overnight doctor {server}"
    if "Traceback" in stderr:
        return errors.ServerError(said, code="node_failed", hint=hint)
    return errors.Unreachable(said, hint=hint)


def unpacked(frame: wire.Frame, server: str) -> Reply:
    error = frame.head.get("error")
    if error is not None:
        raise errors.ServerError(
            f"{server}: {error.get('message', '')}",
            code=str(error.get("code", "server")),
            hint=str(error.get("hint") or f"overnight doctor {server}"),
        )
    return Reply(frame.head["ok"], frame.payload)


def frame_of(number: int, request: Request) -> bytes:
    head = {"id": number, "verb": request.verb, "args": dict(request.args)}
    return wire.encode(head, request.payload)


def start(link: Link, first: Request | None, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
    argv = link.argv()
    if first is not None:
        argv = bootstrap.with_question(argv, frame_of(FIRST, first))
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for us to handle, not for the link
        )
    except OSError as error:
        stderr.close()
        raise errors.UsageError(
            f"{argv[0]} cannot be started on this machine: {error.strerror}",
            hint=f"install it, or mend its path: {argv[0]}",
        ) from error

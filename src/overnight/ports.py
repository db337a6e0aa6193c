"""What the rooms need from the outside world, as small Protocols."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Request(NamedTuple):
    """One question to the node of a server. `payload` follows the JSON line as raw bytes."""

    verb: str
    args: Mapping[str, Any] = {}
    payload: bytes = b""


class Reply(NamedTuple):
    data: dict[str, Any]
    payload: bytes = b""


class Server(Protocol):
    """A place that computes, spoken to through one held-open `node pipe`.

    Every verb is idempotent, so a call that lost its answer may be repeated. Errors:
    `errors.Unreachable` (and its subclasses) when the link is down or the answer did not
    come within `timeout_s`; `errors.ServerError` when the node refused.
    """

    open_timeout_s: float  # how long the link may take to come up

    @property
    def name(self) -> str: ...

    def open(self) -> None:
        """Starts the link without waiting, so that it comes up while other work is done."""
        ...

    def call(self, request: Request, *, timeout_s: float = 30.0) -> Reply:
        """One round trip on an open pipe; opens the pipe first where needed."""
        ...

    def call_many(self, requests: Iterable[Request], *, timeout_s: float = 30.0) -> Iterator[Reply]:
        """Pipelined: several requests in flight, replies in order."""
        ...

    def rsync(
        self, source: Path, files: Sequence[str], destination: str, *, link_dest: str | None
    ) -> bool:
        """Copies `files` (relative to `source`) into the folder `destination` of the server.

        `destination` is absolute on the server and exists; `link_dest` is an absolute folder
        there whose identical files are hard-linked. False where rsync cannot be used (not
        installed on one side, or the old rsync 2 of macOS).
        """
        ...

    def attach_argv(self, session: str) -> list[str]:
        """The command, on this machine, that shows a tmux session of the server."""
        ...

    def close(self) -> None: ...

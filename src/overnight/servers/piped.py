"""A server spoken to through one pipe, which is opened, thrown away and opened again as needed."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator

from overnight.core import errors
from overnight.ports import Reply, Request
from overnight.servers import pipe

IN_FLIGHT = 8
# What may travel on the command line of a login, where everybody on the server can read it.
OPENING_VERBS = ("look", "snapshot_begin", "spec", "gpus", "queue", "ping")
OPENING_BYTES = 8000


class PipeServer:
    """What `local` and `ssh` have in common (see `ports.Server`)."""

    def __init__(self, link: pipe.Link, *, open_timeout_s: float = 30.0) -> None:
        self.link = link
        self.open_timeout_s = open_timeout_s
        self._pipe: pipe.Pipe | None = None

    @property
    def name(self) -> str:
        return self.link.name

    def open(self, first: Request | None = None) -> None:
        """Starts the link without waiting for it, so that it comes up while we do other work.

        `first` is what will probably be asked first; then its answer comes a round trip sooner.
        """
        if self._pipe is None:
            opening = first if first is not None and may_open(first) else None
            self._pipe = pipe.Pipe(self.link, open_timeout_s=self.open_timeout_s, first=opening)

    def greeting(self) -> pipe.Greeting:
        with self._careful() as opened:
            return opened.greet()

    def call(self, request: Request, *, timeout_s: float = 30.0) -> Reply:
        was_open = self._pipe is not None and self._pipe.has_spoken
        try:
            return self._call(request, timeout_s)
        except errors.Unreachable as error:
            # A connection that died while nobody looked seems alive until it is used. A server
            # that is only slow would be so again.
            was_lost = was_open and not isinstance(error, pipe.Silent)
            if not self.link.reset() and not was_lost:
                raise
            return self._call(request, timeout_s)

    def _call(self, request: Request, timeout_s: float) -> Reply:
        self.open(request)
        with self._careful() as opened:
            return opened.receive(opened.send(request, timeout_s), timeout_s)

    def call_many(self, requests: Iterable[Request], *, timeout_s: float = 30.0) -> Iterator[Reply]:
        with self._careful() as opened:
            waiting: deque[int] = deque()
            for request in requests:
                if len(waiting) >= IN_FLIGHT:
                    yield opened.receive(waiting.popleft(), timeout_s)
                waiting.append(opened.send(request, timeout_s))
            while waiting:
                yield opened.receive(waiting.popleft(), timeout_s)

    def close(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def hang_up(self) -> None:
        """Closes the link for good, with whatever is kept open for the next one."""
        self.close()

    @contextlib.contextmanager
    def _careful(self) -> Iterator[pipe.Pipe]:
        """The open pipe; a pipe that broke, or that holds unread answers, is thrown away."""
        self.open()
        assert self._pipe is not None
        try:
            yield self._pipe
        except errors.ServerError as error:
            if not self._pipe.has_spoken or error.code == "node_failed":
                self.close()
            raise
        except BaseException:
            self.close()
            raise


def may_open(request: Request) -> bool:
    """Whether a request may travel with the login: no secret in it, short, answered at once."""
    args = request.args
    waits_or_has_output = args.get("timeout_s") or args.get("log")
    return (
        request.verb in OPENING_VERBS
        and not request.payload
        and not waits_or_has_output
        and len(pipe.frame_of(pipe.FIRST, request)) <= OPENING_BYTES
    )

"""A server in this process: it answers the verbs of a pull with the node's own functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from overnight.core import errors
from overnight.node import files
from overnight.ports import Reply, Request


class FolderServer:
    """Shows one run's folder. `cut_after` answers the link is cut; `before` sees each request."""

    name = "gpu1"

    def __init__(self, run: Path) -> None:
        self.run = str(run)
        self.cut_after = 1 << 30
        self.asked: list[Request] = []
        self.before: Callable[[Request], None] = lambda _request: None
        self.spoil: Callable[[Request, Reply], Reply] = lambda _request, reply: reply

    def call(self, request: Request, *, timeout_s: float = 30.0) -> Reply:
        if len(self.asked) >= self.cut_after:
            raise errors.Unreachable(f"{self.name} does not answer")
        self.asked.append(request)
        self.timeout_s = timeout_s
        self.before(request)
        return self.spoil(request, self.answer(request))

    def call_many(self, requests: Iterable[Request], *, timeout_s: float = 30.0) -> Iterator[Reply]:
        for request in requests:
            yield self.call(request, timeout_s=timeout_s)

    def answer(self, request: Request) -> Reply:
        args = request.args
        if request.verb == "files_list":
            return Reply(files.listing(self.run, ["outputs"], args["skip"], args["include"]))
        if request.verb == "file_read":
            path, offset, length = args["path"], args["offset"], args["length"]
            return Reply({}, files.read(self.run, path, offset, length))
        if request.verb == "file_digest":
            return Reply({"sha256": files.digest(self.run, args["path"], args["size"])})
        raise ValueError(f"the fake does not know {request.verb}")

    def count(self, verb: str) -> int:
        return sum(request.verb == verb for request in self.asked)

    def read_bytes(self) -> int:
        return sum(r.args["length"] for r in self.asked if r.verb == "file_read")

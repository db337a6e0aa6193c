"""A server in this process: the node's own functions on a folder, and a real rsync."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from overnight.core import errors
from overnight.node import snapshots
from overnight.ports import Reply, Request


class InProcess:
    """Has one project, `folder`. `asked` counts round trips; `before` sees each request."""

    name = "gpu1"

    def __init__(self, folder: Path, *, rsync: bool = True) -> None:
        self.folder = str(folder)
        self.can_rsync = rsync
        self.asked: list[str] = []
        self.before: Callable[[Request], None] = lambda _request: None

    def open(self) -> None: ...
    def close(self) -> None: ...
    def attach_argv(self, run: str) -> list[str]:
        raise AssertionError(f"a transfer shows no run: {run}")

    def call(self, request: Request, *, timeout_s: float = 30.0) -> Reply:
        assert timeout_s > 0
        self.asked.append(request.verb)
        self.before(request)
        try:
            return Reply(self._answer(request.verb, dict(request.args), request.payload))
        except snapshots.SnapshotError as error:
            raise errors.ServerError(error.message, code=error.code) from error

    def _answer(self, verb: str, args: dict[str, Any], payload: bytes) -> dict[str, Any]:
        name, incoming = args["snapshot"], args.get("incoming", "")
        if verb == "snapshot_begin":
            return snapshots.begin(self.folder, name, args["nonce"])
        if verb == "snapshot_manifest":
            return {"manifest": snapshots.read_manifest(self.folder, name)}
        if verb == "snapshot_part":
            snapshots.put_part(self.folder, name, incoming, args["archive_part"], payload)
        elif verb == "snapshot_put":
            rest = (args["base"], incoming, payload, args["parts"])
            return snapshots.put(self.folder, name, args["manifest"], *rest)
        elif verb == "snapshot_commit":
            return snapshots.commit(self.folder, name, args["manifest"], incoming)
        else:
            assert verb == "snapshot_discard", verb
            snapshots.discard(self.folder, name, incoming)
        return {}

    def call_many(self, requests: Iterable[Request], *, timeout_s: float = 30) -> Iterator[Reply]:
        return (self.call(request, timeout_s=timeout_s) for request in requests)

    def rsync(
        self, source: Path, files: Sequence[str], destination: str, *, link_dest: str | None
    ) -> bool:
        self.asked += ["rsync"] if self.can_rsync else []
        argv = ["rsync", "-rl", "--checksum", "-s", "--from0", "--files-from=-"]
        argv += [f"--link-dest={link_dest}"] if link_dest else []
        names = b"".join(os.fsencode(name) + b"\0" for name in files)
        argv += [f"{source}/", f"{destination}/"]
        return self.can_rsync and subprocess.run(argv, input=names, check=True) is not None

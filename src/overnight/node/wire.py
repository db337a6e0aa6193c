"""The frames of the pipe: one JSON line, then as many raw bytes as its `bytes` says."""

from __future__ import annotations

import json
import os
import select
from typing import Any, NamedTuple

from overnight.node import fs

MAX_LINE = 64 << 20
SENTINEL = "OVERNIGHT"


class Frame(NamedTuple):
    head: dict[str, Any]
    payload: bytes


def encode(head: dict[str, Any], payload: bytes = b"") -> bytes:
    if payload:
        head = {**head, "bytes": len(payload)}
    return fs.dump(head) + b"\n" + payload


class Reader:
    """Frames from a file descriptor, with waits that can end early."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._buffer = bytearray()

    def frame(self) -> Frame | None:
        """The next frame, or None at the end of the stream. ValueError on what is not a frame."""
        line = self.line()
        if line is None:
            return None
        head = json.loads(line)
        if not isinstance(head, dict):
            raise ValueError("a frame must be a JSON object")
        size = head.get("bytes", 0)
        payload = self.exactly(size) if size else b""
        return None if payload is None else Frame(head, payload)

    def line(self) -> bytes | None:
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                return line
            searched = len(self._buffer)
            if searched > MAX_LINE:
                raise ValueError("a line is longer than any frame of ours")
            if not self.take():
                return None

    def exactly(self, size: int) -> bytes | None:
        while len(self._buffer) < size:
            if not self.take():
                return None
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def waiting(self, timeout_s: float) -> bool:
        """True when there is something to read (or the end) within `timeout_s`."""
        if self._buffer:
            return True
        ready, _, _ = select.select([self.fd], [], [], timeout_s)
        return bool(ready)

    def take(self) -> bool:
        """Reads what there is; waits where there is nothing. False at the end of the stream."""
        chunk = os.read(self.fd, 1 << 16)
        self._buffer += chunk
        return bool(chunk)


def write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]

"""Reading files that grow: what is new in them, and their end, in bounded memory."""

from __future__ import annotations

import os
import re

PIECE_BYTES = 64 * 1024
COUNTED_BYTES = 64 << 20
LINE_END = re.compile(rb"[\r\n]")


def size(path: str) -> int:
    """0 where there is no such file."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def part(path: str, offset: int, limit: int) -> bytes:
    """Up to `limit` bytes from `offset` on; none where the file cannot be read."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(limit)
    except OSError:
        return b""


def new(path: str, offset: int) -> tuple[bytes, int]:
    """The bytes from `offset` on and the next offset; at most PIECE_BYTES, the newest ones.

    A file that has shrunk was started anew and is read from its beginning. Where bytes are
    skipped, the line before the gap is closed and the rest of the line after it is left out, so
    that no two lines are taken for one.
    """
    end = size(path)
    if end == offset:
        return b"", offset
    if end < offset:
        offset = 0
    start = max(offset, end - PIECE_BYTES)
    chunk = part(path, start, PIECE_BYTES)
    after = start + len(chunk)
    return (from_next_line(chunk) if start > offset else chunk), after


def from_next_line(chunk: bytes) -> bytes:
    found = LINE_END.search(chunk)
    return b"\n" + (chunk[found.end() :] if found else b"")


def tail(path: str, limit: int) -> tuple[bytes, int]:
    """The last `limit` bytes, and the number of line ends before them.

    They are counted exactly in files up to 64 MiB; in longer ones the count starts at the tail.
    """
    start = max(0, size(path) - limit)
    before = lines_before(path, start) if start <= COUNTED_BYTES else 0
    return part(path, start, limit), before


def lines_before(path: str, offset: int) -> int:
    found = 0
    at = 0
    while at < offset:
        block = part(path, at, min(PIECE_BYTES, offset - at))
        if not block:
            break
        found += block.count(b"\n")
        at += len(block)
    return found

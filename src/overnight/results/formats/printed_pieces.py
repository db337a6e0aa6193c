"""Cuts a log into pieces, however it was written: huge, UTF-16, one endless progress bar.

A piece ends at a line end, or at a carriage return, where a bar begins anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

PIECE_BYTES = 1 << 21
# Of a longer stretch without any end nobody reads more than the beginning.
HEAD_BYTES = 1 << 14
# No training prints them, and no rule may depend on them.
CONTROLS = bytes(range(9))
HOLE = re.compile(rb"\0{16,}")


class Piece(NamedTuple):
    """`text`, in UTF-8 where the log was UTF-16, begins in line `line` + 1.

    `offset`: where the file goes on behind it. `is_cut`: it ended within a text, so that what
    follows up to the next end means nothing. `has_end` is False for what comes last in the file
    and has no end.
    """

    text: bytes
    line: int
    offset: int
    is_cut: bool = False
    has_end: bool = True


def encoding(head: bytes) -> str | None:
    """'utf-16-le' or 'utf-16-be' (PowerShell writes it), else None."""
    for mark, name in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            return name
    head = HOLE.sub(b"", head)
    even, odd = head[:2000:2], head[1:2000:2]
    if len(head) >= 40 and max(even.count(0), odd.count(0)) > 0.7 * len(odd):
        return "utf-16-be" if even.count(0) > odd.count(0) else "utf-16-le"
    return None


def pieces(
    file: BinaryIO, offset: int, line: int, *, wide: str | None = None, was_cut: bool = False
) -> Iterator[Piece]:
    """From `offset` on, before which `line` lines are complete and where `was_cut` tells how."""
    source = _Source(file, offset, wide)
    while True:
        held = source.hold(PIECE_BYTES)
        cut = 1 + max(held.rfind(b"\n", 0, PIECE_BYTES), held.rfind(b"\r", 0, PIECE_BYTES))
        was, was_cut, keep = was_cut, False, cut
        if not cut:
            if len(held) < PIECE_BYTES:
                break
            was_cut, cut, keep = True, PIECE_BYTES, HEAD_BYTES
        text = source.take(cut)[:keep]
        yield Piece(_clean(text, was), line, source.offset, was_cut)
        line += text.count(b"\n")
    if held:
        source.take(len(held))
        yield Piece(_clean(held, was), line, source.offset, is_cut=True, has_end=False)


def _clean(text: bytes, was_cut: bool) -> bytes:
    text = text.translate(None, CONTROLS)
    if was_cut:
        places = [place for place in (text.find(b"\n"), text.find(b"\r")) if place >= 0]
        text = text[min(places, default=len(text)) :]
    return text


class _Source:
    """The bytes of a file from an offset on; UTF-16 becomes UTF-8 on the way."""

    def __init__(self, file: BinaryIO, offset: int, wide: str | None) -> None:
        self._file, self._wide = file, wide
        self._held, self._raw = b"", b""
        self.offset = offset
        file.seek(offset)

    def hold(self, count: int) -> bytes:
        """At least `count` bytes that are not yet taken, or all that the file has."""
        while len(self._held) < count:
            fresh = self._file.read(max(count, 1 << 16))
            if not fresh:
                break
            self._held += self._narrow(fresh)
        return self._held

    def take(self, count: int) -> bytes:
        taken, self._held = self._held[:count], self._held[count:]
        size = len(taken.decode("utf-8", "replace").encode(self._wide)) if self._wide else count
        self.offset += size
        return taken

    def _narrow(self, fresh: bytes) -> bytes:
        if self._wide is None:
            return fresh
        raw = self._raw + fresh
        size = len(raw) & ~1
        high = raw[size - 1 : size] if self._wide == "utf-16-le" else raw[size - 2 : size - 1]
        if high and 0xD8 <= high[0] < 0xDC:  # the first half of a character
            size -= 2
        self._raw = raw[size:]
        return raw[:size].decode(self._wide, "replace").encode()

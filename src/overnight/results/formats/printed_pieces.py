"""Cuts a log into pieces of whole lines, however it was written: huge, UTF-16, one endless bar.

Where a piece may end depends on the file's content only, not on how much of it lay there when it
was read: so a file that is read while it grows gives what the same file gives at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

# A line of twice this length is taken in parts that end at a carriage return, where a progress
# bar begins anew.
LINE_BYTES = 1 << 20
# Of a longer stretch without any end nobody reads more than the beginning.
HEAD_BYTES = 1 << 14
# No training prints them, and no rule may depend on them.
CONTROLS = bytes(range(9))


class Piece(NamedTuple):
    """`text`, in UTF-8 where the log was UTF-16, begins in line `line` + 1.

    `offset`: where the file goes on behind it. `is_cut`: it ended within a text, so that what
    follows in the same line means nothing. `has_end` is False for a last line without an end.
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
    even, odd = head[:2000:2], head[1:2000:2]
    if len(head) >= 40 and max(even.count(0), odd.count(0)) > 0.7 * len(odd):
        return "utf-16-be" if even.count(0) > odd.count(0) else "utf-16-le"
    return None


def pieces(
    file: BinaryIO, offset: int, line: int, *, wide: str | None = None, was_cut: bool = False
) -> Iterator[Piece]:
    """From `offset` on, before which `line` lines are complete and where `was_cut` tells how."""
    source = _Source(file, offset, wide)
    limit = 2 * LINE_BYTES
    while True:
        held = source.hold(limit)
        cut = held.rfind(b"\n", 0, limit) + 1
        was, was_cut, keep = was_cut, False, cut
        if not cut:
            if len(held) < limit:
                break
            cut = keep = held.find(b"\r", LINE_BYTES, limit) + 1
            if not cut:
                was_cut, cut, keep = True, limit, HEAD_BYTES
        text = source.take(cut)[:keep]
        offset = source.offset
        yield Piece(_clean(text, was), line, offset, was_cut)
        line += text.count(b"\n")
    if held:
        yield Piece(_clean(held, was_cut), line, offset, was_cut, has_end=False)


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

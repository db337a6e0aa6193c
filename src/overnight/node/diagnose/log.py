"""A log as far as it is looked at: the lines of its beginning and its end, in bounded memory."""

from __future__ import annotations

import os
from typing import IO, Callable, NamedTuple

from overnight.node.diagnose import cleaning

HEAD_BYTES = 48 * 1024
TAIL_BYTES = 256 * 1024
PIECE_BYTES = 256 * 1024
COUNTED_BYTES = 4 << 30
CUT_CHARACTERS = 1024

Scrub = Callable[[bytes], bytes]


class Line(NamedTuple):
    """One line as a terminal would leave it. `source` names the rank or process that wrote it."""

    number: int
    text: str
    source: str = ""


class Log(NamedTuple):
    """`lines` of the head, then of the end; `gap` is the index of the first line after the gap.

    Lines are numbered as in the whole log; in files beyond 4 GiB the count starts again at the
    end that is read. `file` names the log and `rank` its writer where each rank has one.
    """

    lines: tuple[Line, ...]
    gap: int = 0
    file: str = ""
    rank: str = ""

    @staticmethod
    def of_bytes(data: bytes) -> Log:
        if len(data) <= HEAD_BYTES + TAIL_BYTES:
            return Log(tuple(_numbered(cleaning.decoded(data), 0)))
        end = len(data) - TAIL_BYTES
        end += end % 2
        return _of_ends(data[:HEAD_BYTES], data[end:], data.count(b"\n", 0, end))

    @staticmethod
    def of_file(path: str, scrub: Scrub = lambda data: data) -> Log:
        """Raises OSError. `scrub` sees every byte before anything is learnt from it."""
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= COUNTED_BYTES:
                return Log.of_stream(file, scrub)
            head = file.read(HEAD_BYTES)
            file.seek(size - TAIL_BYTES + size % 2)
            return _of_ends(scrub(head), scrub(file.read(TAIL_BYTES)), 0)

    @staticmethod
    def of_stream(file: IO[bytes], scrub: Scrub = lambda data: data) -> Log:
        """Reads to the end, in pieces; keeps the head and the tail. Raises OSError."""
        head = _read(file, HEAD_BYTES)
        skipped = head.count(b"\n")
        end = b""
        while True:
            piece = _read(file, PIECE_BYTES)
            if not piece:
                break
            end += piece
            gone = max(0, len(end) - TAIL_BYTES)
            gone += gone % 2  # a pair of bytes of UTF-16 stays together
            skipped += end.count(b"\n", 0, gone)
            end = end[gone:]
        if len(head) + len(end) < HEAD_BYTES + TAIL_BYTES:
            return Log.of_bytes(scrub(head + end))
        return _of_ends(scrub(head), scrub(end), skipped)


def _read(file: IO[bytes], size: int) -> bytes:
    """`size` bytes, fewer only at the end: a pipe hands out little at a time."""
    parts = []
    while size > 0:
        part = file.read(size)
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _of_ends(head: bytes, end: bytes, skipped: int) -> Log:
    """`skipped`: how many lines end before `end` begins."""
    encoding = cleaning.encoding_of(head)
    first = list(_numbered(cleaning.decoded(head, encoding), 0))
    last = list(_numbered(cleaning.decoded(end, encoding), skipped))
    # what is cut may hold half of a secret
    first[-1] = first[-1]._replace(text=first[-1].text[:-CUT_CHARACTERS])
    last[0] = last[0]._replace(text=last[0].text[CUT_CHARACTERS:])
    return Log((*first, *last), len(first))


def _numbered(text: str, before: int) -> list[Line]:
    return [
        Line(number, *cleaning.source_of(part))
        for number, line in enumerate(text.split("\n"), before + 1)
        for part in cleaning.shown(line)
    ]

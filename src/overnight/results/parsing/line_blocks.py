"""Reads a text file that grows, in blocks of whole lines, from where the last reading ended.

A last line without an end is offered as well; whether it is whole is for the reader to say. If it
was taken and then turns out to have been longer, or if the file was rewritten, the reading starts
anew and `mark` is None: what was read before is replaced.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from overnight.results.curves import Mark

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 24
LONGEST_QUOTE = 1 << 16
_SEAL_BYTES = 1 << 10
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = b"\xef\xbb\xbf"


@dataclass
class Block:
    """`data` are whole lines, from number `line` on (from 1); `is_open`: the last has no end."""

    data: bytes
    line: int
    is_open: bool = False


class Growing:
    """One reading of a file. `memory` is what the reader said the last time (empty at first).

    `is_quoted`: between quotes a line end is none, so that no block ends there.
    """

    def __init__(self, path: Path, mark: Mark | None, *, is_quoted: bool = False) -> None:
        self._is_quoted = is_quoted
        self._file: BinaryIO = path.open("rb")
        self.is_anew = False
        self.is_sixteen = self._file.read(2) in _UTF16
        self.offset, self.line = 0, 0
        self.memory: Mapping[str, Any] = {}
        self._taken_open = False
        self._open_bytes = 0
        self.is_stuck = False
        if mark is not None:
            self._go_on(mark)

    def __enter__(self) -> Growing:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _go_on(self, mark: Mark) -> None:
        seal = mark.memory.get("seal")
        self.is_anew = self.is_sixteen or seal != self._seal(mark.offset)
        if self.is_anew:
            return
        self.offset, self.line, self.memory = mark.offset, mark.line, mark.memory
        if mark.memory.get("open"):
            self._end_the_open_line()

    def _end_the_open_line(self) -> None:
        """The last line that was taken had no end: now it has one, or it went on."""
        self._file.seek(self.offset)
        after = self._file.read(2)
        if after[:1] == b"\n":
            self.offset += 1
        elif after == b"\r\n":
            self.offset += 2
        elif after in (b"", b"\r"):
            self._taken_open = True
        else:
            self.is_anew, self.offset, self.line, self.memory = True, 0, 0, {}

    def blocks(self) -> Iterator[Block]:
        """Each once, with `\\n` as the end of lines and as UTF-8 where the file is UTF-16."""
        if self.is_sixteen:
            yield from self._sixteen()
            return
        self._file.seek(self.offset)
        rest = b""
        while True:
            piece = self._file.read(BLOCK_BYTES)
            data = rest + piece
            cut = _cut(data, self._is_quoted)
            self.is_stuck = not cut and len(data) > LONGEST_LINE
            if not piece or self.is_stuck:
                break
            rest = data[cut:]
            if cut:
                yield self._block(data[:cut])
        if rest and not self.is_stuck and not self._taken_open:
            self._open_bytes = len(rest)
            yield Block(_clean(rest, self.offset), self.line + 1, is_open=True)

    def _block(self, data: bytes) -> Block:
        block = Block(_clean(data, self.offset), self.line + 1)
        self.offset += len(data)
        self.line += lines_of(data)
        return block

    def take_open(self, block: Block) -> None:
        """The reader has used the last line although it has no end."""
        self.offset += self._open_bytes
        self.line = block.line
        self._taken_open = True

    def _sixteen(self) -> Iterator[Block]:
        self._file.seek(0)
        text = self._file.read(LONGEST_LINE * 4).decode("utf-16", "replace")
        yield Block(_clean(text.encode(), 1), 1, is_open=not text.endswith("\n"))

    def mark(self, **memory: Any) -> Mark | None:
        """Where the next reading goes on; None where it has to replace this one."""
        if self.is_anew or self.is_sixteen:
            return None
        kept = {**memory, "seal": self._seal(self.offset)}
        if self._taken_open:
            kept["open"] = True
        return Mark(offset=self.offset, line=self.line, memory=kept)

    def _seal(self, offset: int) -> list[int]:
        """Tells whether what lies before `offset` is still the same, from its two ends."""
        self._file.seek(0)
        head = self._file.read(min(offset, _SEAL_BYTES))
        self._file.seek(max(0, offset - _SEAL_BYTES))
        tail = self._file.read(min(offset, _SEAL_BYTES))
        return [len(head), len(tail), zlib.crc32(head), zlib.crc32(tail)]


def _cut(data: bytes, is_quoted: bool) -> int:
    """Where the last whole line ends. A quote that stays open for long is a mere character."""
    cut = data.rfind(b"\n") + 1
    if not is_quoted or data.count(b'"', 0, cut) % 2 == 0:
        return cut
    signs = np.frombuffer(data, dtype=np.uint8, count=cut)
    even = np.cumsum(signs == ord('"')) % 2 == 0
    ends = np.flatnonzero((signs == ord("\n")) & even)
    closed = int(ends[-1]) + 1 if ends.size else 0
    return closed if cut - closed <= LONGEST_QUOTE else cut


def lines_of(data: bytes) -> int:
    """How many lines end in it; several times quicker than `bytes.count` where there are many."""
    return int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n")))


def _clean(data: bytes, offset: int) -> bytes:
    if offset == 0 and data.startswith(_BOM):
        data = data[3:]
    if b"\0" in data:  # a file system that lost its power leaves zeros
        data = data.replace(b"\0", b"")
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


def text(data: bytes) -> str:
    """UTF-8, else Latin-1, which every byte is."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")

"""The framing of `.wandb` files: LevelDB's log format behind a header of seven bytes.

Blocks of 32 KiB, counted from the start of the file, hold chunks: checksum, length, type, content.
A record is one chunk, or several of which the first and the last are marked. No chunk crosses a
block.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Passed, Whole

MAGIC = b":W&B"
HEADER = 7  # of the file, and of each chunk
BLOCK = 1 << 15
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
_BEGIN = [zlib.crc32(bytes((kind,))) for kind in range(5)]
_READ_BYTES = BLOCK * 64
_size_at = struct.Struct("<H").unpack_from


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Some records of a file. Record i of those in one chunk, number `lines[i]`, is
    `data[starts[i] : starts[i] + sizes[i]]`; its checksum is not checked yet. `joined` are those
    in several chunks, with their numbers.
    """

    data: bytes
    starts: Whole
    sizes: Whole
    lines: Whole
    joined: Sequence[tuple[int, bytes]]


def intact(data: bytes, starts: Whole, sizes: Whole, kind: int = FULL) -> NDArray[np.bool_]:
    """Whether the contents of the chunks are what their headers say."""
    if not starts.size:
        return np.ones(0, np.bool_)
    begin, checksum = _BEGIN[kind], zlib.crc32
    pairs = zip(starts.tolist(), (starts + sizes).tolist(), strict=True)
    sums = np.array([checksum(data[start:end], begin) for start, end in pairs], np.uint32)
    words = np.ndarray((len(data) - 3,), dtype="<u4", buffer=data, strides=(1,))
    right: NDArray[np.bool_] = words[starts - HEADER] == sums
    return right


class Records:
    """Reads on from `offset`; afterwards `offset` and `line` say how far it came."""

    def __init__(self, file: BinaryIO, offset: int, line: int, passed: Passed) -> None:
        self.offset, self.line = max(offset, HEADER), line
        self._file = file
        self._passed = passed
        self._parts: list[bytes] = []  # of a record that is not complete

    def pieces(self) -> Iterator[Piece]:
        at = self.offset  # in the file
        self._file.seek(at)
        while data := self._file.read(_READ_BYTES - at % BLOCK):
            is_last = len(data) < _READ_BYTES - at % BLOCK
            piece, used = self._cut(data, at)
            yield piece
            at += used
            if is_last or not used:
                return

    def _cut(self, data: bytes, base: int) -> tuple[Piece, int]:
        """Cuts the blocks that begin at `base` of the file; returns how many bytes were used."""
        full: list[Whole] = []
        lines: list[Whole] = []
        joined: list[tuple[int, bytes]] = []
        raw = np.frombuffer(data, np.uint8)
        place, block_end = 0, BLOCK - base % BLOCK
        while place < len(data):
            chunks, place, is_damaged = _chunks(data, place, min(block_end, len(data)))
            kinds = raw[chunks + 6]
            wrong = np.flatnonzero((kinds < FULL) | (kinds > LAST))
            if wrong.size:
                place, is_damaged = int(chunks[wrong[0]]), True
                chunks, kinds = chunks[: wrong[0]], kinds[: wrong[0]]
            before = 0
            for part in (*np.flatnonzero(kinds != FULL).tolist(), len(chunks)):
                mine = chunks[before:part]
                full.append(mine)
                lines.append(self.line + 1 + np.arange(mine.size))
                self.line += mine.size
                if mine.size:
                    self.offset = base + _behind(data, int(mine[-1]))
                if part < len(chunks):
                    self._take(int(kinds[part]), data, int(chunks[part]), base, joined)
                before = part + 1
            if block_end > len(data):  # the rest of the block has not been written yet
                break
            if is_damaged:
                self._drop(base + place, "no chunk begins here")
            place = block_end
            block_end += BLOCK
        starts = np.concatenate(full) + HEADER if full else np.zeros(0, np.int64)
        sizes = raw[starts - 3].astype(np.int64) | raw[starts - 2].astype(np.int64) << 8
        numbers = np.concatenate(lines) if lines else np.zeros(0, np.int64)
        return Piece(data=data, starts=starts, sizes=sizes, lines=numbers, joined=joined), place

    def _take(
        self, kind: int, data: bytes, chunk: int, base: int, joined: list[tuple[int, bytes]]
    ) -> None:
        """A part of a record: the record is complete with its last one."""
        start, end = chunk + HEADER, _behind(data, chunk)
        if not intact(data, np.array([start]), np.array([end - start]), kind).all():
            self._drop(base + chunk, "its checksum is wrong")
        elif kind == FIRST:
            self._parts = [data[start:end]]
        elif self._parts:
            self._parts.append(data[start:end])
        if kind == LAST and self._parts:
            self.line += 1
            self.offset = base + end
            joined.append((self.line, b"".join(self._parts)))
            self._parts = []

    def _drop(self, at: int, why: str) -> None:
        self._parts = []
        self._passed.add(self.line + 1, f"a record at byte {at}", why)


def _chunks(data: bytes, place: int, end: int) -> tuple[Whole, int, bool]:
    """Where the chunks begin that end before `end`, the place behind the last one, and whether
    what follows it is too long.
    """
    places = []
    while place + HEADER <= end:
        places.append(place)
        place += HEADER + _size_at(data, place + 4)[0]
    is_long = place > end
    if is_long:
        place = places.pop()
    return np.array(places, np.int64), place, is_long


def _behind(data: bytes, chunk: int) -> int:
    size: int = _size_at(data, chunk + 4)[0]
    return chunk + HEADER + size

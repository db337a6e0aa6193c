"""Record files of TensorFlow: length, its checksum, the record, its checksum; over and over.

What is damaged costs as little as possible: where a length cannot be believed, the next place at
which a length and its checksum agree is looked for.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Passed, Whole
from overnight.results.records import crc32c

HEAD, TAIL = 12, 4  # bytes around each record
CHUNK_BYTES = 1 << 22
MOST_BYTES = 1 << 26  # a longer record holds no scalar: it is passed over unread
MOST_HEADS = 1 << 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Records in a row: record i is `data[starts[i] : starts[i] + sizes[i]]`, number `line` + i.

    Their own checksums are not checked yet.
    """

    data: bytes
    starts: Whole
    sizes: Whole
    line: int


def is_head(head: bytes) -> bool:
    """Whether a file that begins so may be a record file."""
    return len(head) >= HEAD and _length(head[:HEAD]) is not None


def intact(data: bytes, start: int, size: int) -> bool:
    stored: int = struct.unpack_from("<I", data, start + size)[0]
    return crc32c.masked(crc32c.checksum(data[start : start + size])) == stored


def framed(record: bytes) -> bytes:
    """The record as it stands in a file."""
    size = struct.pack("<Q", len(record))
    sums = (crc32c.masked(crc32c.checksum(each)) for each in (size, record))
    head, tail = (struct.pack("<I", each) for each in sums)
    return size + head + record + tail


class Records:
    """Reads on from `offset`; afterwards `offset` and `line` say how far it came."""

    def __init__(self, file: BinaryIO, offset: int, line: int, passed: Passed) -> None:
        self.offset, self.line = offset, line
        self._file = file
        self._passed = passed
        self._heads: dict[bytes, int] = {}

    def blocks(self) -> Iterator[Block]:
        self._file.seek(self.offset)
        data = b""  # begins at self.offset
        wanted = CHUNK_BYTES
        while more := self._file.read(wanted):
            data += more
            block, end, missing = self._cut(data)
            if block is not None:
                yield block
            data, wanted = self._went_on(data, end), CHUNK_BYTES
            if missing is None:
                data = self._found_again(data)
            elif missing > MOST_BYTES:
                data = self._passed_over(data, missing)
            else:
                wanted = max(CHUNK_BYTES, missing)

    def _cut(self, data: bytes) -> tuple[Block | None, int, int | None]:
        """The whole records, the end of the last one, and how many bytes the next one lacks.

        None lacking: there is no record at this place.
        """
        starts: list[int] = []
        sizes: list[int] = []
        at, end, missing = 0, len(data), 0
        heads = self._heads
        while at + HEAD <= end:
            head = data[at : at + HEAD]
            size = heads.get(head)
            if size is None:
                size = _length(head)
                if size is None:
                    return self._block(data, starts, sizes), at, None
                if len(heads) < MOST_HEADS:
                    heads[head] = size
            behind = at + HEAD + size + TAIL
            if behind > end:
                missing = behind - end
                break
            starts.append(at + HEAD)
            sizes.append(size)
            at = behind
        return self._block(data, starts, sizes), at, missing

    def _block(self, data: bytes, starts: list[int], sizes: list[int]) -> Block | None:
        if not starts:
            return None
        line = self.line + 1
        self.line += len(starts)
        return Block(
            data=data, starts=np.array(starts, np.int64), sizes=np.array(sizes, np.int64), line=line
        )

    def _went_on(self, data: bytes, count: int) -> bytes:
        self.offset += count
        return data[count:]

    def _found_again(self, data: bytes) -> bytes:
        """Goes to the next record after damage; to the end of the file where there is none."""
        begun, gone = self.offset, 0
        while (place := _next_head(data)) is None:
            more = self._file.read(CHUNK_BYTES)
            if not more:
                self._passed.add(self.line + 1, f"all after byte {begun}", "this is no record")
                return b""
            kept = data[-HEAD:]
            gone += len(data) - len(kept)
            data = kept + more
        self.offset = begun + gone + place
        self._passed.add(
            self.line + 1, f"{gone + place} bytes at byte {begun}", "damaged: no record begins here"
        )
        # what follows is cut with the next piece; here it may be the last one
        self._file.seek(self.offset)
        return b""

    def _passed_over(self, data: bytes, missing: int) -> bytes:
        """A huge record is not read; one that is longer than the file is left for the next time."""
        behind = self.offset + len(data) + missing
        if behind > os.fstat(self._file.fileno()).st_size:
            self._file.seek(0, os.SEEK_END)
            return b""
        self.line += 1
        self._passed.add(self.line, f"{len(data) + missing} bytes", "too long for a scalar")
        self.offset = behind
        self._file.seek(behind)
        return b""


def _length(head: bytes) -> int | None:
    """The length that a record's first 12 bytes tell; None if their checksum is another."""
    size, stored = struct.unpack("<QI", head)
    return size if crc32c.masked(crc32c.checksum(head[:8])) == stored else None


def _next_head(data: bytes) -> int | None:
    """The first place, from 1, where a length and its checksum agree."""
    raw = np.frombuffer(data, np.uint8)
    count = len(raw) - HEAD + 1
    if count < 2:
        return None
    sums = np.full(count, crc32c.checksum(bytes(8)), np.uint32)
    for place in range(8):
        sums ^= crc32c.moved(7 - place)[raw[place : place + count]] ^ crc32c.moved(7 - place)[0]
    stored: NDArray[np.uint32] = np.zeros(count, np.uint32)
    for place in range(4):
        stored |= raw[8 + place : 8 + place + count].astype(np.uint32) << np.uint32(8 * place)
    found = np.flatnonzero(crc32c.unmasked(stored) == sums)
    found = found[found >= 1]
    return int(found[0]) if found.size else None

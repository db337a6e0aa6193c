"""CRC-32C (Castagnoli), of one piece and of many pieces of the same length at once."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL = 0x82F63B78
_MASK_ADD = 0xA282EAD8
Words = NDArray[np.uint32]


@cache
def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


def checksum(data: bytes) -> int:
    if len(data) > _LONG:
        return _of_long(data)
    table, value = _table(), 0xFFFFFFFF
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def masked(value: int) -> int:
    """As TensorFlow's record files store it."""
    return ((value >> 15 | value << 17) + _MASK_ADD) & 0xFFFFFFFF


def unmasked(words: Words) -> Words:
    """What `masked` was made of, for an array."""
    rotated = words - np.uint32(_MASK_ADD)
    return rotated >> np.uint32(17) | rotated << np.uint32(15)


@cache
def moved(distance: int) -> Words:
    """What each byte adds to the checksum when `distance` bytes follow it. Shape (256,).

    Checksums of pieces of one length differ by the sum (xor) of what their differing bytes add.
    """
    table = np.array(_table(), np.uint32)
    if distance == 0:
        return table
    before = moved(distance - 1)
    moved_on: Words = before >> np.uint32(8) ^ table[before & np.uint32(0xFF)]
    return moved_on


_LONG = 4096
_PIECE = 256


def _of_long(data: bytes) -> int:
    """The same for long pieces: columns of a table instead of single bytes.

    Zero bytes in front leave the inner state at zero, so the first four bytes take the start value.
    """
    padding = -len(data) % _PIECE
    start = struct.pack("<I", struct.unpack("<I", data[:4])[0] ^ 0xFFFFFFFF)
    table = np.frombuffer(bytes(padding) + start + data[4:], np.uint8).reshape(-1, _PIECE)
    words = np.zeros(len(table), np.uint32)
    for column in range(_PIECE):
        words ^= moved(_PIECE - 1 - column)[table[:, column]]
    return _chained(words.tolist()) ^ 0xFFFFFFFF


def _chained(words: Sequence[int]) -> int:
    """The state after pieces of `_PIECE` bytes, each with the state that it gives alone."""
    rows = [moved(_PIECE - 1 - place).tolist() for place in range(4)]
    state = 0
    for word in words:
        state = (
            rows[0][state & 0xFF]
            ^ rows[1][state >> 8 & 0xFF]
            ^ rows[2][state >> 16 & 0xFF]
            ^ rows[3][state >> 24]
            ^ word
        )
    return state

"""Checksums of one piece and of many."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overnight.results.records import crc32c


def bit_by_bit(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def test_the_checksum_is_that_of_the_standard() -> None:
    """The check value of CRC-32C."""
    assert crc32c.checksum(b"123456789") == 0xE3069283


@given(st.integers(4090, 9000), st.binary(min_size=1, max_size=64))
def test_long_pieces_have_the_same_checksum(size: int, seed: bytes) -> None:
    """Whatever way is taken for long ones."""
    data = (seed * size)[:size]
    assert crc32c.checksum(data) == bit_by_bit(data)


@given(st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8))
def test_checksums_differ_by_what_the_bytes_add(one: bytes, other: bytes) -> None:
    """From the checksum of one piece follows that of another of its length."""
    differs = crc32c.checksum(one)
    for place in range(8):
        adds = crc32c.moved(7 - place)
        differs ^= int(adds[one[place]] ^ adds[other[place]])
    assert differs == crc32c.checksum(other)


@given(st.integers(0, 2**32 - 1))
def test_masks_come_off(value: int) -> None:
    """`unmasked` is the inverse of `masked`."""
    assert int(crc32c.unmasked(np.array([crc32c.masked(value)], np.uint32))[0]) == value

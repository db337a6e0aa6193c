"""The wire form of protobuf messages, as far as metrics need it: fields in, fields out.

A message is a row of fields; each begins with a number that holds the field's number and its wire
type. Nothing here knows a schema.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}
_WIDEST = 10  # bytes of a varint


class Field(NamedTuple):
    """`number` and `wire` type; `start` and `end` of its content; `value` of a varint, else 0."""

    number: int
    wire: int
    start: int
    end: int
    value: int


class Malformed(ValueError):
    """The bytes are no message."""


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The number at `at` and the place behind it. Raises Malformed."""
    value = 0
    for place in range(at, min(end, at + _WIDEST)):
        byte = data[place]
        value |= (byte & 0x7F) << 7 * (place - at)
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place + 1
    raise Malformed(f"a number at byte {at} does not end")


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Field]:
    """The fields of a message in the order in which they stand there. Raises Malformed."""
    end = len(data) if end is None else end
    at = start
    while at < end:
        head, at = varint(data, at, end)
        number, wire = head >> 3, head & 7
        value = 0
        behind = at
        if wire == VARINT:
            value, behind = varint(data, at, end)
        elif wire == BYTES:
            size, at = varint(data, at, end)
            behind = at + size
        elif wire in _FIXED:
            behind = at + _FIXED[wire]
        else:
            raise Malformed(f"wire type {wire} at byte {at}")
        if behind > end or number == 0:
            raise Malformed(f"a field at byte {at} is longer than its message")
        yield Field(number, wire, at, behind, value)
        at = behind


def signed(value: int) -> int:
    """A varint as int64."""
    return value - (1 << 64) if value >> 63 else value


def double(data: bytes, at: int) -> float:
    return float(struct.unpack_from("<d", data, at)[0])


def text(data: bytes, field: Field) -> str:
    """What is no UTF-8 is written out."""
    return data[field.start : field.end].decode("utf-8", "backslashreplace")


def write_varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_number(number: int, value: int) -> bytes:
    return write_varint(number << 3 | VARINT) + write_varint(value)


def write_double(number: int, value: float) -> bytes:
    return write_varint(number << 3 | FIXED64) + struct.pack("<d", value)


def write_bytes(number: int, content: bytes) -> bytes:
    return write_varint(number << 3 | BYTES) + write_varint(len(content)) + content

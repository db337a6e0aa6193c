"""TensorBoard's `Event` messages, read field by field: what they hold of scalars and settings.

Only the fields that matter are known here; old summaries carry a `simple_value`, newer ones a
tensor with one element, whose plugin tells that it is meant as a scalar.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from overnight.results.records import protobuf
from overnight.results.records.protobuf import BYTES, FIXED32, FIXED64, VARINT, Field

Span = tuple[int, int]
SCALARS, HPARAMS = "scalars", "hparams"
START = 1  # status of a session log: the writer has started again

# the types of a tensor's elements -> how numpy reads them
KINDS = {
    1: "<f4",
    2: "<f8",
    3: "<i4",
    4: "|u1",
    5: "<i2",
    6: "|i1",
    9: "<i8",
    10: "|b1",
    17: "<u2",
    19: "<f2",
    22: "<u4",
    23: "<u8",
}
_TEXT, _BFLOAT16 = 7, 14
_OTHERS = {3: "a histogram", 4: "an image", 5: "a histogram", 6: "audio"}  # fields of a value
_LISTS = {5: ("<f4", FIXED32), 6: ("<f8", FIXED64)}
_VARINT_LISTS = frozenset((7, 10, 11, 16, 17))
_HALVES = 13


class Value(NamedTuple):
    """One value of a summary. `number` None: it is no scalar, but `what`.

    `kind` and `at`: how and where the number stands in the record, where it has a fixed width.
    """

    tag: bytes
    tag_at: Span
    number: float | None
    what: str
    plugin: str
    kind: str = ""
    at: Span = (0, 0)
    is_tensor: bool = False
    settings: dict[str, Any] | None = None


@dataclass
class Event:
    """`time_at` and `step_at` are None where the field is missing (it is zero then)."""

    time: float = 0.0
    step: int = 0
    time_at: Span | None = None
    step_at: Span | None = None
    values: list[Value] = field(default_factory=list)
    is_restart: bool = False
    is_plain: bool = True  # each field once, so that places tell all


def decode(data: bytes) -> Event:
    """Raises protobuf.Malformed."""
    event = Event()
    for each in protobuf.fields(data):
        if each.number == 1 and each.wire == FIXED64:
            event.is_plain &= event.time_at is None
            event.time = protobuf.double(data, each.start)
            event.time_at = (each.start, each.end)
        elif each.number == 2 and each.wire == VARINT:
            event.is_plain &= event.step_at is None
            event.step = protobuf.signed(each.value)
            event.step_at = (each.start, each.end)
        elif each.number == 5 and each.wire == BYTES:
            event.values.extend(_values(data, each))
        elif each.number == 7 and each.wire == BYTES:
            event.is_restart |= _status(data, each) == START
    return event


def _status(data: bytes, log: Field) -> int:
    status = 0
    for each in protobuf.fields(data, log.start, log.end):
        if each.number == 1 and each.wire == VARINT:
            status = each.value
    return status


def _values(data: bytes, summary: Field) -> Iterator[Value]:
    for each in protobuf.fields(data, summary.start, summary.end):
        if each.number == 1 and each.wire == BYTES:
            yield _value(data, each)


def _value(data: bytes, value: Field) -> Value:
    tag, simple, tensor, metadata, what = None, None, None, None, ""
    for each in protobuf.fields(data, value.start, value.end):
        if each.number == 1 and each.wire == BYTES:
            tag = each
        elif each.number == 2 and each.wire == FIXED32:
            simple, tensor = each, None
        elif each.number == 8 and each.wire == BYTES:
            simple, tensor = None, each
        elif each.number == 9 and each.wire == BYTES:
            metadata = each
        elif each.number in _OTHERS and each.wire == BYTES:
            simple, tensor, what = None, None, _OTHERS[each.number]
    plugin, content = _plugin(data, metadata) if metadata else ("", None)
    at = (tag.start, tag.end) if tag else (value.start, value.start)
    what = what or (f"of the plugin {plugin!r}" if plugin else "nothing known")
    bare = Value(data[at[0] : at[1]], at, None, what, plugin)
    if simple:
        number = float(struct.unpack_from("<f", data, simple.start)[0])
        return bare._replace(number=number, what="", kind="<f4", at=(simple.start, simple.end))
    if tensor and plugin in ("", SCALARS):
        return _of_tensor(data, tensor, bare)
    if plugin == HPARAMS and content:
        return bare._replace(what="", settings=_hparams(data, content))
    return bare


def _plugin(data: bytes, metadata: Field) -> tuple[str, Field | None]:
    """The name of the plugin and the field of its own data."""
    name, content = "", None
    for part in protobuf.fields(data, metadata.start, metadata.end):
        if part.number == 1 and part.wire == BYTES:
            for each in protobuf.fields(data, part.start, part.end):
                if each.number == 1 and each.wire == BYTES:
                    name = protobuf.text(data, each)
                elif each.number == 2 and each.wire == BYTES:
                    content = each
    return name, content


def _of_tensor(data: bytes, tensor: Field, bare: Value) -> Value:
    """The number of a tensor that has one element."""
    dtype, count = 0, 1
    content: Field | None = None
    listed: list[tuple[Any, Field | None]] = []
    for each in protobuf.fields(data, tensor.start, tensor.end):
        if each.number == 1 and each.wire == VARINT:
            dtype = each.value
        elif each.number == 2 and each.wire == BYTES:
            count = _count(data, each)
        elif each.number == 4 and each.wire == BYTES and each.end > each.start:
            content = each
        else:
            listed.extend(_listed(data, each))
    bare = bare._replace(is_tensor=True, what="text" if dtype == _TEXT else "a tensor")
    kind = KINDS.get(dtype)
    if count != 1 or (kind is None and dtype != _BFLOAT16):
        return bare
    if content and not listed:
        return _of_content(data, content, kind, bare)
    if len(listed) != 1 or content:
        return bare
    number, place = listed[0]
    if place is None:
        return bare._replace(number=_of_bits(number, dtype, kind), what="")
    value = float(np.frombuffer(data, number, 1, place.start)[0])
    return bare._replace(number=value, what="", kind=number, at=(place.start, place.end))


def _of_content(data: bytes, content: Field, kind: str | None, bare: Value) -> Value:
    raw = data[content.start : content.end]
    if kind is None:
        return bare._replace(number=_of_bfloat16(raw), what="") if len(raw) == 2 else bare
    if len(raw) != np.dtype(kind).itemsize:
        return bare
    number = float(np.frombuffer(raw, kind)[0])
    return bare._replace(number=number, what="", kind=kind, at=(content.start, content.end))


def _listed(data: bytes, each: Field) -> Iterator[tuple[Any, Field | None]]:
    """The elements of a field: (kind, place) where their width is fixed, else (bits, None)."""
    if each.number in _LISTS:
        kind, wire = _LISTS[each.number]
        width = int(kind[-1])
        if each.wire == wire:
            yield kind, each
        elif each.wire == BYTES:
            for at in range(each.start, each.end - width + 1, width):
                yield kind, Field(each.number, wire, at, at + width, 0)
    elif each.number in _VARINT_LISTS or each.number == _HALVES:
        if each.wire == VARINT:
            yield each.value, None
        elif each.wire == BYTES:
            at = each.start
            while at < each.end:
                bits, at = protobuf.varint(data, at, each.end)
                yield bits, None


def _count(data: bytes, shape: Field) -> int:
    """How many elements a tensor of this shape has; -1 where that is not told."""
    count = 1
    for part in protobuf.fields(data, shape.start, shape.end):
        if part.number == 2 and part.wire == BYTES:
            size = 0
            for each in protobuf.fields(data, part.start, part.end):
                if each.number == 1 and each.wire == VARINT:
                    size = protobuf.signed(each.value)
            count *= size
        elif part.number == 3 and part.value:
            return -1
    return count


def _of_bits(bits: int, dtype: int, kind: str | None) -> float:
    """An element that is listed as an integer: halves as their bits, others as int64."""
    if kind is None:
        return _of_bfloat16(struct.pack("<H", bits & 0xFFFF))
    if dtype == 19:
        return float(np.frombuffer(struct.pack("<H", bits & 0xFFFF), "<f2")[0])
    return float(bits if dtype in (22, 23) else protobuf.signed(bits))


def _of_bfloat16(raw: bytes) -> float:
    return float(struct.unpack("<f", b"\0\0" + raw)[0])


def _hparams(data: bytes, content: Field) -> dict[str, Any] | None:
    """The settings of a `session_start_info`; None for what else the plugin writes."""
    for start in protobuf.fields(data, content.start, content.end):
        if start.number == 3 and start.wire == BYTES:
            return dict(
                _entry(data, each)
                for each in protobuf.fields(data, start.start, start.end)
                if each.number == 1 and each.wire == BYTES
            )
    return None


def _entry(data: bytes, entry: Field) -> tuple[str, Any]:
    name, value = "", None
    for each in protobuf.fields(data, entry.start, entry.end):
        if each.number == 1 and each.wire == BYTES:
            name = protobuf.text(data, each)
        elif each.number == 2 and each.wire == BYTES:
            value = _any(data, each)
    return name, value


def _any(data: bytes, value: Field) -> Any:
    """A `google.protobuf.Value`: number, text or truth."""
    for each in protobuf.fields(data, value.start, value.end):
        if each.number == 2 and each.wire == FIXED64:
            number = protobuf.double(data, each.start)
            return int(number) if number.is_integer() and abs(number) < 1 << 53 else number
        if each.number == 3 and each.wire == BYTES:
            return protobuf.text(data, each)
        if each.number == 4 and each.wire == VARINT:
            return bool(each.value)
    return None

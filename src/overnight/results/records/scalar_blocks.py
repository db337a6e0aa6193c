"""Many TensorBoard events at once. Records of one length that agree in all bytes but those of the
time, the step, the tag and the number have one layout: their numbers are read as columns.

What has no such layout is left to the careful decoder; both give the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Floats, Whole
from overnight.results.records import crc32c, events, protobuf
from overnight.results.records.events import SCALARS, Span
from overnight.results.records.tfrecord import TAIL, Block

LONGEST = 512  # bytes of a record that is read in columns
FEWEST = 8  # records that are worth columns
MOST_LAYOUTS = 16  # of one length

Columns = NDArray[np.uint8]
Hashes = NDArray[np.uint64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Numbers of one block: arrays of shape (n,); `tags[tag[i]]` is the name of number i.

    `place`: the record's place in the block.
    """

    tags: tuple[bytes, ...]
    tag: Whole
    value: Floats
    step: Floats
    time: Floats
    place: Whole


@dataclass(frozen=True, kw_only=True)
class Layout:
    time: Span
    step: Span | None
    tags: tuple[Span, ...]
    numbers: tuple[tuple[str, Span], ...]

    def free(self) -> list[int]:
        """The bytes in which records of this layout may differ."""
        spans = [self.time, *self.tags, *(at for _, at in self.numbers)]
        if self.step:
            spans.append(self.step)
        return [place for start, end in spans for place in range(start, end)]


def layout_of(record: bytes) -> Layout | None:
    """None where the record is to be read with care."""
    try:
        event = events.decode(record)
    except protobuf.Malformed:
        return None
    values = event.values
    if not (event.is_plain and event.time_at and values) or event.is_restart:
        return None
    if any(not each.kind or (each.is_tensor and each.plugin != SCALARS) for each in values):
        return None
    layout = Layout(
        time=event.time_at,
        step=event.step_at,
        tags=tuple(each.tag_at for each in values),
        numbers=tuple((each.kind, each.at) for each in values),
    )
    free = layout.free()
    return layout if len(set(free)) == len(free) else None


def read(block: Block) -> tuple[list[Part], Whole, list[int]]:
    """The numbers that could be read in columns, the places of records that are to be read with
    care, and the places of those whose checksum is wrong.
    """
    order = np.argsort(block.sizes, kind="stable")
    sizes = block.sizes[order]
    cuts = np.flatnonzero(np.diff(sizes)) + 1
    parts: list[Part] = []
    left: list[Whole] = []
    broken: list[int] = []
    for places in np.split(order, cuts):
        size = int(block.sizes[places[0]])
        if places.size < FEWEST or not 0 < size <= LONGEST:
            left.append(places)
            continue
        group = _Group(block, places, size)
        parts.extend(group.parts())
        left.append(group.left)
        broken.extend(group.broken)
    return parts, np.sort(np.concatenate(left)), broken


class _Group:
    """Records of one length."""

    def __init__(self, block: Block, places: Whole, size: int) -> None:
        self.size = size
        self.left = places
        self.broken: list[int] = []
        whole = f"V{size + TAIL}"
        at = np.ndarray(
            (len(block.data) - size - TAIL + 1,), dtype=whole, buffer=block.data, strides=(1,)
        )
        rows = at[block.starts[places]].view(np.uint8).reshape(-1, size + TAIL)
        self.columns = np.ascontiguousarray(rows.T)

    def parts(self) -> list[Part]:
        found = []
        aside: list[Whole] = []
        for _ in range(MOST_LAYOUTS):
            if self.left.size < FEWEST:
                break
            layout = layout_of(self.columns[: self.size, 0].tobytes())
            is_of = self._of(layout) if layout else None
            if layout is None or is_of is None:
                aside.append(self.left[:1])
                self._keep(np.arange(self.left.size) > 0)
                continue
            mine = self.columns if is_of.all() else np.ascontiguousarray(self.columns[:, is_of])
            places = self.left[is_of]
            self._keep(~is_of)
            part = self._part(layout, mine, places)
            if part is None:
                aside.append(places)
            else:
                found.extend(part)
        self.left = np.concatenate([*aside, self.left])
        return found

    def _keep(self, those: Truths) -> None:
        self.left = self.left[those]
        self.columns = np.ascontiguousarray(self.columns[:, those])

    def _of(self, layout: Layout) -> Truths:
        """Which records have the layout of the first one."""
        columns = self.columns
        same = np.ones(columns.shape[1], np.bool_)
        free = set(layout.free())
        for place in range(self.size):
            if place not in free:
                same &= columns[place] == columns[place, 0]
        if layout.step:
            start, end = layout.step
            for place in range(start, end - 1):
                same &= columns[place] >= 0x80
            same &= columns[end - 1] < 0x80
        return same

    def _part(self, layout: Layout, columns: Columns, places: Whole) -> list[Part] | None:
        """None where two tags have one hash: these are read with care."""
        intact = self._intact(layout, columns)
        if not intact.all():
            self.broken.extend(places[~intact].tolist())
            columns, places = np.ascontiguousarray(columns[:, intact]), places[intact]
            if not places.size:
                return []
        time = numbers(columns, layout.time, "<f8")
        step = _steps(columns, layout.step)
        parts = []
        for tag, (kind, at) in zip(layout.tags, layout.numbers, strict=True):
            named = _tags(columns[tag[0] : tag[1]])
            if named is None:
                return None
            tags, which = named
            value = numbers(columns, at, kind)
            parts.append(
                Part(tags=tags, tag=which, value=value, step=step, time=time, place=places)
            )
        return parts

    def _intact(self, layout: Layout, columns: Columns) -> Truths:
        """Whose checksum is right: it differs from that of the first one by what the bytes add."""
        size = self.size
        first = columns[:size, 0].tobytes()
        sums = np.full(columns.shape[1], crc32c.checksum(first), np.uint32)
        for place in layout.free():
            column = columns[place]
            if not (column == column[0]).all():
                adds = crc32c.moved(size - 1 - place)
                sums ^= (adds ^ adds[column[0]]).take(column)
        stored = np.ascontiguousarray(columns[size:].T).view("<u4").ravel()
        right: Truths = crc32c.unmasked(stored) == sums
        return right


def numbers(columns: Columns, at: Span, kind: str) -> Floats:
    raw = np.ascontiguousarray(columns[at[0] : at[1]].T)
    return raw.view(kind).ravel().astype(np.float64)


def _steps(columns: Columns, at: Span | None) -> Floats:
    step = np.zeros(columns.shape[1], np.uint64)
    for place in range(*at) if at else ():
        bits = (columns[place] & np.uint8(0x7F)).astype(np.uint64)
        step |= bits << np.uint64(7 * (place - at[0] if at else 0))
    return step.view(np.int64).astype(np.float64)


def _tags(columns: Columns) -> tuple[tuple[bytes, ...], Whole] | None:
    """The names in these columns and which one each record has."""
    count = columns.shape[1]
    differing = [column for column in columns if not (column == column[0]).all()]
    if not differing:
        return (columns[:, 0].tobytes(),), np.zeros(count, np.int64)
    hashes: Hashes = np.zeros(count, np.uint64)
    for column in differing:
        hashes = (hashes + column) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    if any((column != column[first][which]).any() for column in differing):
        return None
    return tuple(columns[:, place].tobytes() for place in first), which.astype(np.int64)

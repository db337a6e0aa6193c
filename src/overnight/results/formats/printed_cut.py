"""A piece of a log as arrays: its parts, the numbers in them, and the shape of each part.

The shape of a line is its text with each run of digits replaced by the class of its length. Digits
that belong to a word (`acc1`, `map@0.5`) stay as they are, and what a progress bar draws is one
byte.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Whole

Bytes = NDArray[np.uint8]
Flags = NDArray[np.bool_]

# Classes of run lengths: no rule tells two lengths of one class apart.
LENGTHS = (1, 2, 3, 4, 5, 10, 13, 41)
_CLASS = np.zeros(64, np.uint8)
for _number, _least in enumerate(LENGTHS, 1):
    _CLASS[_least:] = _number  # control characters, which a piece does not hold
_WORD = np.zeros(256, bool)
_WORD[[*range(65, 91), *range(97, 123), ord("_"), ord("@"), *range(128, 256)]] = True
_JOINT = np.zeros(256, bool)
_JOINT[[ord(each) for each in "-./"]] = True
_DRAWN = np.zeros(256, bool)
_DRAWN[[0x20, 0xE2, 0x96, *range(0x88, 0x90)]] = True
_COUNTED = np.array(
    [int.from_bytes(word, "little") for word in (b"poch", b"step", b"iter")], np.uint32
)


class Cut:
    """A piece of a log cut into parts at line ends and carriage returns.

    `starts`, `ends` of shape (parts,) without the end's own byte; `lines` the file's line of each;
    `shapes` a list of bytes, one for each part.
    """

    def __init__(self, text: bytes, line: int) -> None:
        self.text = text
        data = np.frombuffer(text, np.uint8)
        self.data = data
        newline = data == 10
        breaks = np.flatnonzero(newline | (data == 13))
        self.starts = np.concatenate(([0], breaks + 1))
        self.ends = np.concatenate((breaks, [data.size]))
        passed = np.cumsum(newline[breaks])
        self.lines: Whole = line + 1 + np.concatenate(([0], passed)).astype(np.int64)
        self.runs, self.lengths, skeleton = _runs(data)
        self.first = np.searchsorted(self.runs, self.starts)
        self.shapes = skeleton.split(b"\n")

    def part(self, place: int) -> bytes:
        return self.text[self.starts[place] : self.ends[place]]

    def runs_of(self, place: int) -> list[tuple[int, int]]:
        """(start, end) of the runs of digits in `part(place)`."""
        first = self.first[place]
        last = self.first[place + 1] if place + 1 < len(self.first) else self.runs.size
        begin = int(self.starts[place])
        return [
            (int(self.runs[run]) - begin, int(self.runs[run] + self.lengths[run]) - begin)
            for run in range(first, last)
        ]


def _runs(data: Bytes) -> tuple[Whole, Whole, bytes]:
    """Starts and lengths of the runs of digits that are numbers, and the text as shapes."""
    digit = (data - np.uint8(48)) < 10
    edges = np.flatnonzero(digit[1:] != digit[:-1]) + 1
    if digit[:1].any():
        edges = np.concatenate(([0], edges))
    if edges.size % 2:
        edges = np.concatenate((edges, [data.size]))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    free = ~_in_words(data, starts, lengths)
    shape = np.where(data == 13, np.uint8(10), data)
    keep = ~digit
    if not free.all():
        keep[digit] = np.repeat(~free, lengths)
        starts, lengths = starts[free], lengths[free]
    keep[starts] = True
    shape[starts] = _CLASS[np.minimum(lengths, 63)]
    _fold_bars(data, shape, keep)
    return starts, lengths, shape[keep].tobytes()


def _fold_bars(data: Bytes, shape: Bytes, keep: Flags) -> None:
    """Makes one byte of the blocks and blanks between `%|` and `|`, which say nothing."""
    pipes = np.flatnonzero(data == ord("|"))
    if not pipes.size:
        return
    begins = np.flatnonzero((data[pipes] == ord("|")) & (data[pipes - 1] == ord("%")) & (pipes > 0))
    begins = begins[begins + 1 < pipes.size]
    first, last = pipes[begins] + 1, pipes[begins + 1]
    first, last = first[last > first], last[last > first]
    if not first.size:
        return
    lengths = last - first
    offsets = np.cumsum(lengths) - lengths
    inside = np.arange(int(lengths.sum())) + np.repeat(first - offsets, lengths)
    drawn = np.logical_and.reduceat(_DRAWN[data[inside]], offsets)
    keep[inside[np.repeat(drawn, lengths)]] = False
    keep[first[drawn]] = True
    shape[first[drawn]] = 0


def _in_words(data: Bytes, starts: Whole, lengths: Whole) -> Flags:
    if not starts.size:
        return np.zeros(0, bool)
    before = [data[np.maximum(starts - back, 0)] * (starts >= back) for back in (1, 2, 3)]
    lower = [each | np.uint8(32) for each in before]
    power = (lower[0] == ord("e")) & _is_digit(before[1])
    power |= np.isin(before[0], (43, 45)) & (lower[1] == ord("e")) & _is_digit(before[2])
    in_word: Flags = _WORD[before[0]] & ~power
    in_word[in_word] = ~_counts(data, starts[in_word])
    in_word |= _JOINT[before[0]] & _WORD[before[1]] & ~power
    touches = np.zeros(starts.size, bool)
    touches[1:] = (starts[1:] - 1 == starts[:-1] + lengths[:-1]) & _JOINT[before[0][1:]]
    if (touches[1:] & in_word[:-1]).any():
        for _ in range(3):
            in_word[1:] |= touches[1:] & in_word[:-1]
    return in_word


def _counts(data: Bytes, starts: Whole) -> Flags:
    """Whether a counter's word stands before: `epoch3`, `step125`."""
    word = np.zeros(starts.size, np.uint32)
    for back in (4, 3, 2, 1):
        place = starts - back
        byte = data[np.maximum(place, 0)].astype(np.uint32) | 32
        word |= np.where(place >= 0, byte, 0).astype(np.uint32) << np.uint32(8 * (4 - back))
    counts: Flags = np.isin(word, _COUNTED)
    return counts


def _is_digit(byte: Bytes) -> Flags:
    is_digit: Flags = (byte - np.uint8(48)) < 10
    return is_digit

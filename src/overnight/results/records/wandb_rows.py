"""Rows of W&B's history, many at once: where all items of a row begin like items seen before, the
places of their texts are found for all rows together, and numbers are read as columns.

A row that is any different is left to the decoder that reads it field by field; both give the same.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from overnight.results.curves import Floats, Whole

MOST_ITEMS = 64  # of a row, and names of a file, that are read so
LONGEST_TEXT = 32
_PADDING = bytes(256)
_ITEM, _STEP, _NUMBER = 0x0A, 0x12, 0x08
_LONGEST_STEP = 7  # bytes of that field

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Texts:
    """The JSON texts of one name: row `rows[i]` has `sizes[i]` bytes at `starts[i]`."""

    rows: Whole
    starts: Whole
    sizes: Whole


class Rows:
    """`starts` and `ends` of each row's content in `data`; `known`: an item's bytes before the
    length of its text -> its name.
    """

    def __init__(self, data: bytes, starts: Whole, ends: Whole, known: Mapping[bytes, str]) -> None:
        self._padded = data + _PADDING
        self._bytes = np.frombuffer(self._padded, np.uint8)
        self._words: Words = np.ndarray(
            (len(data) + 8,), dtype="<u8", buffer=self._padded, strides=(1,)
        )
        self._ends = ends
        self._found: dict[str, list[tuple[Whole, Whole, Whole]]] = {}
        self.understood: Truths = np.ones(len(starts), np.bool_)
        self._stepped: Truths = np.zeros(len(starts), np.bool_)
        self._walk(starts, known)
        self._check_steps()

    def _walk(self, starts: Whole, known: Mapping[bytes, str]) -> None:
        """Takes one item of every row at a time."""
        begins = [(_Begin(raw), name) for raw, name in known.items()]
        active = np.arange(len(starts))
        at = starts.copy()
        for _ in range(MOST_ITEMS):
            going = at < self._ends[active]
            active, at = active[going], at[going]
            if not active.size:
                return
            first, size = self._bytes[at], self._bytes[at + 1].astype(np.int64)
            behind = at + 2 + size
            is_end = (first == _STEP) & (behind == self._ends[active]) & self._is_step(at, size)
            self._stepped[active[is_end]] = True
            is_item = (first == _ITEM) & (size < 0x80) & (behind <= self._ends[active])
            matched = self._match(active, at + 2, behind, begins) & is_item
            self.understood[active[~(matched | is_end)]] = False
            active, at = active[matched], behind[matched]
        self.understood[active] = False

    def _is_step(self, at: Whole, size: Whole) -> Truths:
        """Whether the fields at `at` hold nothing or one short number, as those of steps do."""
        well: Truths = size <= _LONGEST_STEP
        well &= (size == 0) | ((size > 1) & (self._bytes[at + 2] == _NUMBER))
        for place in range(1, _LONGEST_STEP):
            is_within, is_last = place < size, place == size - 1
            well &= ~is_within | ((self._bytes[at + 2 + place] < 0x80) == is_last)
        return well

    def _check_steps(self) -> None:
        """A step that is told beside the items counts where none of them is the step."""
        has_item = np.zeros(len(self.understood), np.bool_)
        for rows, _, _ in self._found.get("_step", ()):
            has_item[rows] = True
        self.understood &= has_item | ~self._stepped

    def _match(
        self, rows: Whole, at: Whole, behind: Whole, begins: list[tuple[_Begin, str]]
    ) -> Truths:
        """Which items begin as known; their texts are noted."""
        word = self._words[at]
        matched = np.zeros(at.size, np.bool_)
        for begin, name in begins:
            those = np.flatnonzero(word & begin.mask == begin.word)
            for offset, rest in begin.more:
                those = those[self._words[at[those] + offset] == rest]
            size = self._bytes[at[those] + begin.size].astype(np.int64)
            start = at[those] + begin.size + 1
            fits = (start + size == behind[those]) & (size < 0x80)
            those = those[fits]
            if those.size:
                matched[those] = True
                self._found.setdefault(name, []).append((rows[those], start[fits], size[fits]))
        return matched

    def names(self) -> list[str]:
        return list(self._found)

    def texts(self, name: str) -> Texts:
        """In the order of the rows, of rows that were understood."""
        rows, starts, sizes = (
            np.concatenate(each) for each in zip(*self._found[name], strict=True)
        )
        kept = np.flatnonzero(self.understood[rows])
        kept = kept[np.argsort(rows[kept], kind="stable")]
        return Texts(rows=rows[kept], starts=starts[kept], sizes=sizes[kept])

    def numbers(self, texts: Texts) -> Floats | None:
        """None where not all of them are numbers."""
        if not texts.rows.size:
            return np.zeros(0)
        longest = int(texts.sizes.max())
        if longest > LONGEST_TEXT or not texts.sizes.all():
            return None
        windows = np.ndarray(
            (len(self._padded) - longest + 1,),
            dtype=f"V{longest}",
            buffer=self._padded,
            strides=(1,),
        )
        raw = windows[texts.starts].view(np.uint8).reshape(-1, longest)
        raw = np.where(np.arange(longest) < texts.sizes[:, None], raw, np.uint8(0))
        try:
            return raw.view(f"S{longest}").ravel().astype(np.float64)
        except ValueError:
            return None

    def listed(self, texts: Texts) -> list[bytes]:
        pairs = zip(texts.starts.tolist(), texts.sizes.tolist(), strict=True)
        return [self._padded[start : start + size] for start, size in pairs]


class _Begin:
    """The bytes with which an item begins, as words of eight bytes to compare."""

    def __init__(self, raw: bytes) -> None:
        self.size = len(raw)
        self.word = np.uint64(struct.unpack("<Q", raw[:8].ljust(8, b"\0"))[0])
        self.mask = np.uint64((1 << 8 * min(8, self.size)) - 1)
        offsets = [min(each, self.size - 8) for each in range(8, self.size, 8)]
        self.more = [(each, np.uint64(struct.unpack_from("<Q", raw, each)[0])) for each in offsets]

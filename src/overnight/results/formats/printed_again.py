"""What a log tells again: bars that are drawn anew, and a last line of which nobody saw the end."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from overnight.results.curves import Floats
from overnight.results.formats.printed_bulk import Key, Values
from overnight.results.formats.printed_cut import Flags

MOST_REMEMBERED = 256
BEFORE_BYTES = 1 << 16

_RUN = re.compile(rb"\d+")
_DRAWN = re.compile(rb"(?:\xe2\x96[\x88-\x8f]|\s)+")
_AT_END = re.compile(rb"\.(\d+)$")
_RUN_AT_END = re.compile(rb"\d+$")


class Shown:
    """The last value of each metric, as far as the next line may be the same one drawn again.

    A value of the training counts once for each step that a line shows; the first drawing counts.
    What an evaluation gave stands in a bar until the next evaluation: it counts when it changes.
    """

    def __init__(self, memory: Sequence[Sequence[str | None]] = ()) -> None:
        self._last: dict[Key, list[float]] = {
            (name or "", split): [float(each or "nan") for each in row]
            for name, split, *row in memory
        }

    def memory(self, line: int) -> list[list[str | None]]:
        """What is needed from `line` on, as JSON."""
        kept = [(key, row) for key, row in self._last.items() if row[4] or row[3] >= line]
        kept.sort(key=lambda each: (each[1][3], each[0][0], each[0][1] or ""))
        self._last = dict(kept[-MOST_REMEMBERED:])
        return [[*key, *map(repr, row)] for key, row in self._last.items()]

    def first_time(self, key: Key, values: Values, line: Floats) -> Flags:
        """Which values are told for the first time; `line` of each, of shape (n,)."""
        rows = np.stack((values.value, values.step, values.epoch, line, values.is_bar))
        before = self._last.get(key)
        rows = np.column_stack((before or rows[:, 0] * np.nan, rows))
        self._last[key] = rows[:, -1].tolist()
        value, step, epoch, line, is_bar = rows
        on_same_line = line[1:] == line[:-1]
        if key[1] in ("val", "test") or key[0].endswith("_epoch"):
            in_bars = (is_bar[1:] > 0) & (is_bar[:-1] > 0)
            again = (on_same_line | in_bars) & _same(value)
        else:
            again = on_same_line & (step[1:] == step[:-1]) & _same(epoch)
        return ~again if before else np.append(True, ~again[1:])


def _same(column: Floats) -> Flags:
    one, other = column[1:], column[:-1]
    same: Flags = (one == other) | (np.isnan(one) & np.isnan(other))
    return same


def is_complete(last: bytes, before: bytes, *, is_settled: bool = False) -> bool:
    """Whether a line that the file ends with may be believed to be all of it.

    It may where it is a closed record, or where earlier lines (`before`) show that lines of its
    form end there: none goes on, and a number at the end has as many decimals as all of theirs, or
    is the same whole number as in all of them. Of a file that has long been left alone
    (`is_settled`) a line may also be the only one of its form.
    """
    last = last.rstrip()
    if last.endswith(b"}") and b"{" in last:
        return True
    form = _form(last)
    if last[-1:] in b".,:=-+([":
        return False
    alike = [line for line in re.split(rb"[\r\n]+", before)[1:] if _form(line).startswith(form)]
    if any(_form(line) != form for line in alike):
        return False
    if len(alike) < 2:
        return is_settled
    decimals = _AT_END.search(last)
    if decimals:
        lengths = {len(found[1]) for found in map(_AT_END.search, alike) if found}
        return lengths == {len(decimals[1])} or (is_settled and len(lengths) > 1)
    whole = _RUN_AT_END.search(last)
    if whole is None or is_settled:
        return True
    return {found[0] for found in map(_RUN_AT_END.search, alike) if found} == {whole[0]}


def _form(line: bytes) -> bytes:
    return _RUN.sub(b"0", _DRAWN.sub(b" ", line.rstrip()))

"""Lines of one shape, read in bulk.

The shape of a line is its text with each run of digits replaced by the class of its length. What
the careful parser makes of a line follows from its shape and the values of its numbers: no rule
of it looks at a digit, only at how many there are. So a shape is tried once with the line itself
and with other digits (zeros, nines, mixed); where each field of the result follows one number of
the text in all of them, the further lines of that shape are read with arrays. Whatever does not
pass this test, or touches a memory other than the last epoch, is left to the careful parser.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from overnight.core import output
from overnight.results.curves import Floats, Whole
from overnight.results.formats import printed_lines
from overnight.results.formats.printed_lines import Parser, Said

Bytes = NDArray[np.uint8]
MOST_BYTES = 1024  # a longer line is not learnt
EXACT = 15  # so many digits are a whole number that a float holds
TENS = np.array([float(10**power) for power in range(23)])

# Classes of run lengths: no rule tells two lengths of one class apart.
_LENGTHS = (1, 2, 3, 4, 5, 10, 13, 41)
_CLASS = np.zeros(64, np.uint8)
for _number, _least in enumerate(_LENGTHS, 1):
    _CLASS[_least:] = _number  # control characters, which a piece does not hold
_TOO_LONG = len(_LENGTHS)
_WORD = np.zeros(256, bool)
_WORD[[*range(65, 91), *range(97, 123), ord("_"), ord("@"), *range(128, 256)]] = True
_JOINT = np.zeros(256, bool)
_JOINT[[ord(each) for each in "-./"]] = True
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
    """Starts and lengths of the runs of digits that are numbers, and the text as shapes.

    Digits that belong to a word (`acc1`, `map@0.5`) stay in the shape as they are.
    """
    digit = (data - np.uint8(48)) < 10
    edges = np.flatnonzero(np.diff(digit.view(np.int8), prepend=0, append=0))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    free = ~_in_words(data, starts, lengths)
    shape = np.where(data == 13, np.uint8(10), data)
    keep = ~digit
    if not free.all():
        keep[digit] = np.repeat(~free, lengths)
        starts, lengths = starts[free], lengths[free]
    keep[starts] = True
    shape[starts] = _CLASS[np.minimum(lengths, 63)]
    return starts, lengths, shape[keep].tobytes()


def _in_words(data: Bytes, starts: Whole, lengths: Whole) -> NDArray[np.bool_]:
    if not starts.size:
        return np.zeros(0, bool)
    before = [data[np.maximum(starts - back, 0)] * (starts >= back) for back in (1, 2, 3)]
    lower = [each | np.uint8(32) for each in before]
    power = (lower[0] == ord("e")) & _is_digit(before[1])
    power |= np.isin(before[0], (43, 45)) & (lower[1] == ord("e")) & _is_digit(before[2])
    in_word = _WORD[before[0]] & ~power
    in_word[in_word] = ~_counts(data, starts[in_word])
    in_word |= _JOINT[before[0]] & _WORD[before[1]] & ~power
    touches = np.zeros(starts.size, bool)
    touches[1:] = (starts[1:] - 1 == starts[:-1] + lengths[:-1]) & _JOINT[before[0][1:]]
    if (touches[1:] & in_word[:-1]).any():
        for _ in range(3):
            in_word[1:] |= touches[1:] & in_word[:-1]
    return in_word


def _counts(data: Bytes, starts: Whole) -> NDArray[np.bool_]:
    """Whether a counter's word stands before: `epoch3`, `step125`."""
    word = np.zeros(starts.size, np.uint32)
    for back in (4, 3, 2, 1):
        place = starts - back
        byte = data[np.maximum(place, 0)].astype(np.uint32) | 32
        word |= np.where(place >= 0, byte, 0).astype(np.uint32) << np.uint32(8 * (4 - back))
    return np.isin(word, _COUNTED)


def _is_digit(byte: Bytes) -> NDArray[np.bool_]:
    return (byte - np.uint8(48)) < 10


class Field(NamedTuple):
    """A number of the text: the run it begins with, and whether a fraction and a power follow.

    `constant`: the value where it is no number of the text (`nan`).
    """

    run: int = 0
    has_fraction: bool = False
    power: int = 0  # 0 none, else its sign
    sign: int = 1
    constant: float | None = None


@dataclass(frozen=True)
class Template:
    """How lines of one shape are read. `carries`: their epoch is the one that was told last.

    `first_digits`: numbers of runs that must not begin with 0 unless that is all of them.
    """

    said: Said
    step: Field | None
    epoch: Field | None
    carries: bool
    values: tuple[Field, ...]
    first_digits: tuple[int, ...]

    @cached_property
    def keys(self) -> tuple[tuple[str, str | None], ...]:
        return tuple((name, split) for name, split, _ in self.said.values)

    @property
    def tells_epoch(self) -> bool:
        return self.epoch is not None

    def fits(self, cut: Cut, parts: Whole) -> NDArray[np.bool_]:
        fits = np.ones(parts.size, bool)
        for run in self.first_digits:
            place = cut.first[parts] + run
            fits &= (cut.data[cut.runs[place]] != 48) | (cut.lengths[place] == 1)
        return fits


def decoded(part: bytes) -> str:
    """The text of a part, as it is shown to the careful parser."""
    try:
        text = part.decode()
    except UnicodeDecodeError:
        text = part.decode("latin-1")
    return output.said(text.lstrip("\ufeff"))[: printed_lines.MOST_CHARACTERS]


def numbers(cut: Cut, parts: Whole, field: Field | None) -> Floats:
    """The field's value in each part, exactly as `float` reads it; NaN where there is none."""
    if field is None:
        return np.full(parts.size, np.nan)
    if field.constant is not None:
        return np.full(parts.size, field.constant)
    run = cut.first[parts] + field.run
    mantissa, digits = _whole(cut, run)
    scale = np.zeros(parts.size, np.int64)
    if field.has_fraction:
        run = run + 1
        fraction, length = _whole(cut, run)
        fits = digits + length <= EXACT
        mantissa = np.where(fits, mantissa * 10 ** np.where(fits, length, 0) + fraction, 0)
        digits, scale = digits + length, -length
    if field.power:
        run = run + 1
        power, length = _whole(cut, run)
        scale = scale + field.power * np.where(length <= 3, power, 999)
    value = np.where(
        scale < 0, mantissa / TENS[np.clip(-scale, 0, 22)], mantissa * TENS[np.clip(scale, 0, 22)]
    )
    for place in np.flatnonzero((digits > EXACT) | (np.abs(scale) > 22)):
        begin = cut.runs[cut.first[parts[place]] + field.run]
        end = cut.runs[run[place]] + cut.lengths[run[place]]
        value[place] = float(cut.text[begin:end])
    return value * field.sign if field.sign < 0 else value


def _whole(cut: Cut, run: Whole) -> tuple[Whole, Whole]:
    """The runs as whole numbers, of which those of more than `EXACT` digits mean nothing."""
    starts, lengths = cut.runs[run], cut.lengths[run]
    value = np.zeros(run.size, np.int64)
    for back in range(min(int(lengths.max(initial=0)), EXACT)):
        inside = back < lengths
        if inside.all():
            value = value * 10 + (cut.data[starts + back] - np.uint8(48))
        else:
            more = value[inside] * 10 + (cut.data[starts[inside] + back] - np.uint8(48))
            value[inside] = more
    return value, lengths


# A memory in which whatever depends on it comes out otherwise than in an empty one.
_RICH = {
    "epoch": 7.0,
    "bare_epoch": 6.0,
    "columns": ["box_loss", "cls_loss"],
    "aside": "test",
    "table": ["epoch", "train_loss", "acc"],
    "caffe": 300,
    "ended": True,
    "metrics": "val",
}
_DIGIT = re.compile(rb"\d")


def learnt(part: bytes, runs: list[tuple[int, int]]) -> Template | None:
    """How lines of the part's shape are read in bulk; None where each must be read with care."""
    if len(part) > MOST_BYTES or any(end - start >= _LENGTHS[-1] for start, end in runs):
        return None
    text = decoded(part)
    if printed_lines.may_be_row(text) or not _brace_is_early(part, runs):
        return None
    leading, tries = (), _tries(part, runs, keeps_first=False)
    said = [_effect(each, {}) for each in tries]
    if not _alike(said):
        leading = _whole_runs(part, runs)
        tries = _tries(part, runs, keeps_first=True)
        said = [_effect(each, {}) for each in tries]
    rich = _effect(part, _RICH)
    if not _alike([*said, rich]) or any(each is not None and each.trouble for each in said):
        return None
    if said[0] is None:
        return Template(Said(None, None, None, ()), None, None, False, (), leading)
    return _followed(said, rich, tries, runs, leading)


def _tries(part: bytes, runs: list[tuple[int, int]], *, keeps_first: bool) -> list[bytes]:
    """The part itself, then with zeros, nines and mixed digits in its numbers."""
    mixed = b"7392586147" * 5
    made = [part]
    for digits in (b"0" * 50, b"9" * 50, mixed):
        other = bytearray(part)
        for number, (start, end) in enumerate(runs):
            shift = number % 10
            fresh = digits[shift : shift + end - start]
            if keeps_first and digits[0] == 48 and end - start > 1:
                fresh = b"1" + fresh[1:]
            other[start:end] = fresh
        made.append(bytes(other))
    return made


def _effect(part: bytes, memory: dict[str, object]) -> Said | None | bool:
    """What the careful parser says; False where the line leaves a trace beyond the usual."""
    parser = Parser(memory)
    before = parser.memory()
    said = parser.line(decoded(part))
    after = parser.memory()
    if said is not None and said.epoch is not None:
        before["epoch"] = said.epoch
    if said is not None and said.values:
        before["aside"] = said.split
    return said if before == after else False


def _alike(said: list[Said | None | bool]) -> bool:
    """Whether all say the same but for the numbers."""
    return False not in said and len({_outline(each) for each in said}) == 1  # type: ignore[arg-type]


def _outline(said: Said | None) -> object:
    if said is None:
        return None
    names = tuple((name, split) for name, split, _ in said.values)
    return names, said.split, said.step is None, said.trouble


def _followed(
    said: list[Said], rich: Said, tries: list[bytes], runs: list[tuple[int, int]], leading: tuple[int, ...]
) -> Template | None:
    carries = said[0].epoch is None and rich.epoch == _RICH["epoch"]
    if not carries and rich.epoch != said[0].epoch:
        return None
    if any((each.epoch is None) != (said[0].epoch is None) for each in said):
        return None
    known = [_candidates(each, runs) for each in tries]
    step = _field([each.step for each in said], known)
    epoch = _field([each.epoch for each in said], known)
    values = [
        _field([each.values[place][2] for each in said], known)
        for place in range(len(said[0].values))
    ]
    if None in values or (step is None) != (said[0].step is None):
        return None
    if (epoch is None) != (said[0].epoch is None):
        return None
    return Template(said[0], step, epoch, carries, tuple(values), leading)  # type: ignore[arg-type]


def _field(values: list[float | None], known: list[dict[Field, float]]) -> Field | None:
    """The one number of the text that the value follows in all tries; None where there is none."""
    if None in values:
        return None
    for field in known[0]:
        if all(_same(value, each[field]) for value, each in zip(values, known, strict=True)):  # type: ignore[arg-type]
            return field
    first = values[0]
    if first is not None and all(_same(value, first) for value in values):  # type: ignore[arg-type]
        return Field(constant=float(first))
    return None


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def _candidates(part: bytes, runs: list[tuple[int, int]]) -> dict[Field, float]:
    found: dict[Field, float] = {}
    for number, (start, _) in enumerate(runs):
        for last, fraction, power in _extents(part, runs, number):
            value = float(part[start : runs[last][1]])
            found[Field(number, fraction, power)] = value
            if part[start - 1 : start] == b"-" and start:
                found[Field(number, fraction, power, -1)] = -value
    return found


def _extents(
    part: bytes, runs: list[tuple[int, int]], number: int
) -> list[tuple[int, bool, int]]:
    """How far a number that begins with this run may go: (last run, fraction?, sign of power)."""
    ways = [(number, False, 0)]
    joints = [
        part[here[1] : there[0]].lower() for here, there in zip(runs[number:], runs[number + 1 :])
    ][:2]
    powers = {b"e": 1, b"e+": 1, b"e-": -1}
    if joints[:1] == [b"."]:
        ways.append((number + 1, True, 0))
        if len(joints) > 1 and joints[1] in powers:
            ways.append((number + 2, True, powers[joints[1]]))
    elif joints and joints[0] in powers:
        ways.append((number + 1, False, powers[joints[0]]))
    return ways[::-1]


def _whole_runs(part: bytes, runs: list[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(number for number, (start, _) in enumerate(runs) if part[start - 1 : start] != b".")


def _brace_is_early(part: bytes, runs: list[tuple[int, int]]) -> bool:
    """Whether it is sure, for all lines of the shape, on which side of a limit `{` stands.

    The parser takes no record that begins late in a line, and what stands before it may be longer
    or shorter by some digits.
    """
    place = part.find(b"{")
    if place < 0:
        return True
    slack = sum(27 if end - start > 12 else 4 for start, end in runs if end <= place)
    return place + slack <= 80 or decoded(part).find("{") - slack > 80

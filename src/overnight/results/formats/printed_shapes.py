"""Lines of one shape, read in bulk.

What the careful parser makes of a line follows from its shape (see `printed_cut`) and the values of
its numbers: no rule of it looks at a digit, only at how many there are. So a shape is tried once
with the line itself and with other digits (zeros, nines, mixed); where each field of the result
follows one number of the text in all of them, the further lines of that shape are read with
arrays. Whatever does not pass this test, or touches a memory other than that of the last epoch
and the last split, is left to the careful parser.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from overnight.core import output
from overnight.results.curves import Floats, Whole
from overnight.results.formats import printed_forms, printed_lines
from overnight.results.formats.printed_cut import LENGTHS, Cut, Flags
from overnight.results.formats.printed_forms import Said
from overnight.results.formats.printed_lines import Parser

MOST_BYTES = 1024  # a longer line is not learnt
EXACT = 15  # so many digits are a whole number that a float holds
TENS = np.array([float(10**power) for power in range(23)])


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

    def fits(self, cut: Cut, parts: Whole) -> Flags:
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
    odd = np.flatnonzero((digits > EXACT) | (np.abs(scale) > 22))
    if odd.size:
        begins = cut.runs[cut.first[parts[odd]] + field.run].tolist()
        ends = (cut.runs[run[odd]] + cut.lengths[run[odd]]).tolist()
        value[odd] = [float(cut.text[begin:end]) for begin, end in zip(begins, ends, strict=True)]
    signed: Floats = -value if field.sign < 0 else value
    return signed


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
    "rules": 1,
}


def learnt(part: bytes, runs: list[tuple[int, int]]) -> Template | None:
    """How lines of the part's shape are read in bulk; None where each must be read with care."""
    if len(part) > MOST_BYTES or any(end - start >= LENGTHS[-1] for start, end in runs):
        return None
    if printed_forms.may_be_row(decoded(part)) or not _brace_is_sure(part, runs):
        return None
    rich = _effect(part, _RICH)
    leading: tuple[int, ...] = ()
    tries = _tries(part, runs, keeps_first=False)
    effects = [_effect(each, {}) for each in tries]
    if not _alike(effects):
        leading = _whole_runs(part, runs)
        tries = _tries(part, runs, keeps_first=True)
        effects = [_effect(each, {}) for each in tries]
    if not _alike([*effects, rich]) or effects[0].said.trouble:
        return None
    said = [each.said for each in effects]
    carries = said[0].epoch is None and rich.said.epoch == _RICH["epoch"]
    if not carries and rich.said.epoch != said[0].epoch:
        return None
    return _followed(said, carries, [_candidates(each, runs) for each in tries], leading)


def _tries(part: bytes, runs: list[tuple[int, int]], *, keeps_first: bool) -> list[bytes]:
    """The part itself, then with zeros, nines and two mixtures of digits in its numbers."""
    made = [part]
    for kind in range(4):
        other = bytearray(part)
        for number, (start, end) in enumerate(runs):
            digits = (b"0" * 50, b"9" * 50, _mixed(2 * number), _mixed(2 * number + 1))[kind]
            fresh = digits[: end - start]
            if keeps_first and fresh.startswith(b"0") and end - start > 1:
                fresh = b"1" + fresh[1:]
            other[start:end] = fresh
        made.append(bytes(other))
    return made


@functools.cache
def _mixed(number: int) -> bytes:
    """Fifty digits that look like chance and are others for each number."""
    return str((number + 12) ** 60)[2:52].encode()


class _Effect(NamedTuple):
    """What a line says, and whether it leaves in the memory only what every line may leave."""

    said: Said
    is_usual: bool


def _effect(part: bytes, memory: dict[str, Any]) -> _Effect:
    parser = Parser(memory)
    before = parser.memory()
    said = parser.line(decoded(part)) or Said(None, None, None, ())
    if said.epoch is not None:
        before["epoch"] = said.epoch
    if said.values:
        before["aside"] = said.split
    return _Effect(said, before == parser.memory())


def _alike(effects: list[_Effect]) -> bool:
    """Whether all are usual and say the same but for the numbers."""
    outlines = {_outline(each.said) for each in effects}
    return len(outlines) == 1 and all(each.is_usual for each in effects)


def _outline(said: Said) -> tuple[object, ...]:
    names = tuple((name, split) for name, split, _ in said.values)
    return names, said.split, said.step is None, said.is_bar, said.trouble


def _followed(
    said: list[Said],
    carries: bool,
    known: list[dict[Field, float]],
    leading: tuple[int, ...],
) -> Template | None:
    """The template in which each field follows a number in all tries; None where one does not."""
    columns: list[list[float | None]] = [[each.step for each in said]]
    columns.append([each.epoch for each in said])
    count = len(said[0].values)
    columns.extend([each.values[place][2] for each in said] for place in range(count))
    fields = [_field(column, known) for column in columns]
    told = [column[0] is not None for column in columns]
    if told != [field is not None for field in fields] or any(
        (value is None) == is_told
        for column, is_told in zip(columns, told, strict=True)
        for value in column
    ):
        return None
    values = tuple(field for field in fields[2:] if field is not None)
    return Template(said[0], fields[0], fields[1], carries, values, leading)


def _field(values: Sequence[float | None], known: list[dict[Field, float]]) -> Field | None:
    """The one number of the text that the values follow in all tries; None where none is sure."""
    told = [value for value in values if value is not None]
    if len(told) < len(values):
        return None
    fields = [
        field
        for field in known[0]
        if all(_same(value, each[field]) for value, each in zip(told, known, strict=True))
    ]
    if fields:
        return fields[0] if len(fields) == 1 else None
    is_constant = all(_same(value, told[0]) for value in told)
    return Field(constant=float(told[0])) if is_constant else None


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


def _extents(part: bytes, runs: list[tuple[int, int]], number: int) -> list[tuple[int, bool, int]]:
    """How far a number that begins with this run may go: (last run, fraction?, sign of power)."""
    ways = [(number, False, 0)]
    near = runs[number : number + 3]
    joints = [part[near[k][1] : near[k + 1][0]].lower() for k in range(len(near) - 1)]
    powers = {b"e": 1, b"e+": 1, b"e-": -1}
    if joints[:1] == [b"."]:
        ways.append((number + 1, True, 0))
        if len(joints) > 1 and joints[1] in powers:
            ways.append((number + 2, True, powers[joints[1]]))
    elif joints and joints[0] in powers:
        ways.append((number + 1, False, powers[joints[0]]))
    return ways[::-1]


def _whole_runs(part: bytes, runs: list[tuple[int, int]]) -> tuple[int, ...]:
    return tuple(
        number for number, (start, _) in enumerate(runs) if part[start - 1 : start] != b"."
    )


def _brace_is_sure(part: bytes, runs: list[tuple[int, int]]) -> bool:
    """Whether it is sure, for all lines of the shape, on which side of a limit `{` stands.

    The parser takes no record that begins late in a line, and what stands before it may be longer
    or shorter by some digits.
    """
    place = part.find(b"{")
    if place < 0:
        return True
    slack = sum(27 if end - start > 12 else 4 for start, end in runs if end <= place)
    return place + slack <= 80 or decoded(part).find("{") - slack > 80

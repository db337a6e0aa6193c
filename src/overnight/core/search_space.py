"""What a search may try: `lr=1e-5..1e-2:log`, `layers=2..8`, `aug=none,rand`. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeGuard

from overnight.core import command, errors, sweep, sweep_values
from overnight.core.sweep_values import Scalar, Value

EXAMPLE = "overnight sweep --search lr=1e-5..1e-2:log aug=none,rand --trials 30"
DIGITS = 6  # of a suggested number; more would be noise in names, commands and tables


class Range(NamedTuple):
    """Numbers from `low` to `high`, both included; whole ones where both ends are whole."""

    low: float
    high: float
    is_log: bool
    is_whole: bool

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


class Choice(NamedTuple):
    values: tuple[Value, ...]

    def to_json(self) -> dict[str, Any]:
        return {"values": [list(each) for each in self.values]}


Axis = Range | Choice
Space = Mapping[str, Axis]


def parse(words: Iterable[str]) -> dict[str, Axis]:
    """The space of `KEY=LOW..HIGH[:log]` and `KEY=a,b,c`. Raises `errors.UsageError`."""
    found: dict[str, Axis] = {}
    for word in words:
        key, _, values = word.partition("=")
        if key in found:
            raise errors.UsageError(f"{key} is given twice", hint=EXAMPLE)
        is_range = ".." in values and "," not in values
        found[key] = parse_range(key, values) if is_range else parse_choice(word)
    if not found:
        raise errors.UsageError("a search needs something to vary", hint=EXAMPLE)
    return found


def parse_choice(word: str) -> Choice:
    (axis,) = sweep.parse_axes([word])
    if len(axis.values) < 2:
        raise errors.UsageError(
            f"{command.visible(axis.key)} has one value, so there is nothing to choose",
            hint=f"{axis.key}=LOW..HIGH, or set it in the command",
        )
    return Choice(axis.values)


def parse_range(key: str, written: str) -> Range:
    sweep.parse_axes([f"{key}=0"])  # the key itself
    numbers = written.removesuffix(":log")
    first, _, last = numbers.partition("..")
    low, high = sweep_values.typed(first.strip()), sweep_values.typed(last.strip())
    if not is_number(low) or not is_number(high):
        raise errors.UsageError(
            f"{key}: {command.visible(written)} is no range of numbers",
            hint=f"{key}=1e-5..1e-2:log",
        )
    is_log = numbers != written
    if not low < high:
        raise errors.UsageError(f"{key}: {low} is not below {high}", hint=f"{key}={high}..{low}")
    if is_log and low <= 0:
        raise errors.UsageError(
            f"{key}: a logarithmic range begins above 0", hint=f"{key}={low}..{high}   without :log"
        )
    is_whole = isinstance(low, int) and isinstance(high, int)
    return Range(low, high, is_log, is_whole)


def is_number(value: Scalar) -> TypeGuard[int | float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def value_of(axis: Axis, suggested: Any) -> Value:
    """A suggestion as it is put into the command: six digits are enough for any number."""
    if isinstance(axis, Choice):
        return next(each for each in axis.values if each.text == suggested)
    if axis.is_whole:
        return Value(str(int(suggested)), int(suggested))
    text = f"{suggested:.{DIGITS}g}"
    inside = axis.low <= float(text) <= axis.high
    return Value(text, float(text)) if inside else Value(repr(suggested), float(suggested))


def to_json(space: Space) -> dict[str, Any]:
    return {key: axis.to_json() for key, axis in space.items()}


def ends(space: Space) -> tuple[sweep.Axis, ...]:
    """The space as axes of a sweep, with values that may come: to find out where each key goes."""
    return tuple(
        sweep.Axis(key, axis.values)
        if isinstance(axis, Choice)
        else sweep.Axis(key, (value_of(axis, axis.low), value_of(axis, axis.high)))
        for key, axis in space.items()
    )

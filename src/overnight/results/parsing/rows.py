"""Curves from rows that have keys: JSON lines, lists of objects."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import names
from overnight.results.curves import Floats, Found, Mark, Passed
from overnight.results.parsing import columns, json_lines, line_blocks, numbers
from overnight.results.parsing.conventions import Convention
from overnight.results.parsing.gather import Axes, Gather

# The HF Trainer's last row tells of the whole run: there this is a mean over all steps.
_WHOLE_RUN, _MEAN = "train_runtime", {"train_loss": "train_loss_mean"}


class Rows:
    """Takes rows and puts their numbers into `gather`; what is passed over is told once a name."""

    def __init__(self, convention: Convention, gather: Gather, passed: Passed) -> None:
        self._convention = convention
        self._gather = gather
        self._passed = passed
        self._told: set[str] = set()

    def one(self, found: Mapping[str, Any], line: int) -> int:
        """One row; gives how many values it had."""
        flat = dict(json_lines.flat(found))
        values = list(flat.values())
        plan = columns.plan(tuple(flat))
        self._tell(plan.passed, line)
        step, epoch = _axis(values, plan.step), _axis(values, plan.epoch)
        time = _time(values, plan.time)
        split = _split(values, plan.split)
        count = 0
        for place, name in plan.metrics:
            value = _number(name, values[place])
            if value is None or name in self._convention.passed:
                self._tell_value(name, values[place], line)
                continue
            count += 1
            self._gather.row(
                self._name(name, flat),
                split or self._convention.split(name),
                place,
                value,
                line=line,
                step=step,
                epoch=epoch,
                time=time,
            )
        return count

    def many(self, rows: json_lines.Rows, first_line: int) -> None:
        """Rows of one shape at once: the same as `one` for each."""
        shape, line = rows.shape, rows.line + first_line
        slots = {key: rows.numbers[:, place] for place, key in enumerate(shape.keys)}
        plan = columns.plan(shape.order)
        self._tell(plan.passed, int(line[0]))
        axes = Axes(
            line,
            step=self._axis_of_many("step", shape, slots, plan.step),
            epoch=self._axis_of_many("epoch", shape, slots, plan.epoch),
            time=self._axis_of_many("time", shape, slots, plan.time),
        )
        constants = [shape.constants.get(key) for key in shape.order]
        split = _split(constants, plan.split)
        for place, name in plan.metrics:
            if name in self._convention.passed:
                self._tell_value(name, None, int(line[0]))
            elif name in slots:
                self._piece(name, split, place, slots[name], axes, shape.order)
            elif (value := _number(name, constants[place])) is not None:
                self._piece(name, split, place, np.full(line.size, value), axes, shape.order)
            else:
                self._tell_value(name, constants[place], int(line[0]))

    def _piece(
        self,
        name: str,
        split: str | None,
        place: int,
        value: Floats,
        axes: Axes,
        row: Collection[str],
    ) -> None:
        split = split or self._convention.split(name)
        self._gather.add(self._name(name, row), split, place, value, axes)

    def _axis_of_many(
        self, axis: str, shape: json_lines.Shape, slots: Mapping[str, Floats], place: int | None
    ) -> Floats | None:
        if place is None:
            return None
        key = shape.order[place]
        if key in slots:
            told = slots[key]
            if axis == "time":
                return numbers.all_unix(told)
            return np.where(np.isfinite(told), told, np.nan)
        constant = [shape.constants[key]]
        value = _time(constant, 0) if axis == "time" else _axis(constant, 0)
        return np.full(next(iter(slots.values())).size, value)

    def _name(self, name: str, row: Collection[str]) -> str:
        own = _MEAN.get(name, name) if _WHOLE_RUN in row else name
        return self._convention.rename(own)

    def _tell(self, passed: Sequence[tuple[str, str]], line: int) -> None:
        for name, why in passed:
            self._tell_once(name, why, line)

    def _tell_value(self, name: str, value: object, line: int) -> None:
        if name in self._convention.passed:
            self._tell_once(name, self._convention.passed[name], line)
        elif isinstance(value, str):
            self._tell_once(name, "text", line)
        elif isinstance(value, bool):
            self._tell_once(name, "true or false", line)
        elif isinstance(value, list):
            self._tell_once(name, "a list", line)

    def _tell_once(self, name: str, why: str, line: int) -> None:
        if name not in self._told and len(self._told) < 10_000:
            self._told.add(name)
            self._passed.add(line, name, why)


def _number(name: str, raw: object) -> float | None:
    """NaN and infinity also as words; other numbers as text only where the name is a metric's."""
    if isinstance(raw, float):
        return raw
    if isinstance(raw, int) and not isinstance(raw, bool):
        try:
            return float(raw)
        except OverflowError:
            return math.inf if raw > 0 else -math.inf
    if not isinstance(raw, str) or len(raw) > 64:
        return None
    is_meant = raw.strip().lower() in numbers.NONFINITE or names.goal(name)
    return numbers.number(raw) if is_meant else None


def worded(name: str, raw: Any) -> Any:
    """As a number what is one as text; all else as it is."""
    value = _number(name, raw)
    return raw if value is None else value


def _axis(values: Sequence[Any], place: int | None) -> float:
    if place is None:
        return math.nan
    raw = values[place]
    value = numbers.number(raw[:64]) if isinstance(raw, str) else _number("", raw)
    return value if value is not None and math.isfinite(value) else math.nan


def _time(values: Sequence[Any], place: int | None) -> float:
    if place is None:
        return math.nan
    raw = values[place]
    if isinstance(raw, str):
        return numbers.moment(raw[:64])
    value = _number("", raw)
    return math.nan if value is None else numbers.unix(value)


def _split(values: Sequence[Any], place: int | None) -> str | None:
    raw = None if place is None else values[place]
    return names.split_of(raw) if isinstance(raw, str) else None


def read_lines(path: Path, mark: Mark | None, convention: Convention) -> Found:
    """A file of JSON lines, or what has come since `mark`."""
    gather, passed = Gather(), Passed()
    rows = Rows(convention, gather, passed)
    with line_blocks.Growing(path, mark) as file:
        for block in file.blocks():
            if not block.is_open or _is_whole(block.data):
                _block(rows, passed, block)
                if block.is_open:
                    file.take_open(block)
        if file.is_stuck:
            passed.add(file.line + 1, "the rest", "a line of more than 16 MiB")
        if not file.line and not file.offset:
            passed.add(None, path.name, "no whole line yet" if path.stat().st_size else "empty")
        after = file.mark()
    for name, goal in convention.goals.items():
        gather.aim(name, goal)
    return Found(
        format=convention.format,
        curves=gather.curves(),
        skipped=tuple(passed.listed),
        more_skipped=passed.more,
        mark=after,
    )


def _is_whole(data: bytes) -> bool:
    return all(
        json_lines.row(line_blocks.text(line)) is not None for line in data.splitlines()[-1:]
    )


def _block(rows: Rows, passed: Passed, block: line_blocks.Block) -> None:
    regular, others = json_lines.regular(block.data)
    for found in regular:
        rows.many(found, block.line)
    for place, line in others:
        row = json_lines.row(line_blocks.text(line))
        if row is not None:
            rows.one(row, block.line + place)
        elif line.strip():
            what = line_blocks.text(line[:80]).strip()
            passed.add(block.line + place, what, "no JSON object, or a torn one")

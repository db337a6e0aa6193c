"""The values of a piece of a log: known shapes with arrays, all else line by line, in one order."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from overnight.core import output
from overnight.results.curves import Floats, Passed, Whole
from overnight.results.formats import printed_lines, printed_shapes
from overnight.results.formats.printed_cut import Cut, Flags
from overnight.results.formats.printed_forms import Said
from overnight.results.formats.printed_lines import Parser
from overnight.results.formats.printed_shapes import Template

Key = tuple[str, str | None]  # a name as written, and its split
WORTH_LEARNING = 4  # lines of one shape in a piece
MOST_SHAPES = 20_000
SILENT = Template(Said(None, None, None, ()), None, None, False, (), ())

_HINTS = [each.encode() for each in (*output.HINTS, *printed_lines.HINTS, "{", "\x1b")]
_STRIPPED = re.compile(rb"[\x0e-\x1a\x1c-\x1f\x7f]")


class Values(NamedTuple):
    """Columns of one metric in a piece, each of shape (n,), in the order of the parts."""

    place: Whole  # the part
    value: Floats
    step: Floats
    epoch: Floats
    is_bar: Floats  # 1 where a progress bar shows it


class Bulk:
    """Reads pieces of one log in order. `parser` has the memory.

    `worth`: so many lines of one shape in a piece make it worth while to learn it.
    """

    def __init__(self, parser: Parser, passed: Passed, *, worth: float = WORTH_LEARNING) -> None:
        self._parser, self._passed, self._worth = parser, passed, worth
        self._shapes: dict[bytes, Template | None] = {b"": SILENT}

    def read(self, cut: Cut) -> dict[Key, Values]:
        """The values of the piece by metric, in the order in which each came first."""
        groups, rest = self._grouped(cut)
        told = np.full(len(cut.shapes), np.nan)
        aside: list[tuple[Whole, str | None]] = []
        at_first = self._parser.epoch
        for template, parts in groups:
            if template.epoch is not None:
                told[parts] = printed_shapes.numbers(cut, parts, template.epoch)
            if template.values:
                aside.append((parts, template.said.split))
        found = _Found()
        self._with_care(cut, rest, told, _last_asides(aside, told.size), found)
        for template, parts in groups:
            if template.values:
                _collect(cut, template, parts, _carried(told, at_first, parts, template), found)
        return found.ordered()

    def _grouped(self, cut: Cut) -> tuple[list[tuple[Template, Whole]], Whole]:
        """Parts by their template, and those that have none."""
        if len(self._shapes) > MOST_SHAPES:
            self._shapes = {b"": SILENT}
        numbered = dict(zip(dict.fromkeys(cut.shapes), itertools.count()))
        ids = np.array(list(map(numbered.__getitem__, cut.shapes)))
        order = np.argsort(ids, kind="stable")
        counts = np.bincount(ids)
        ends = np.cumsum(counts)
        is_left = np.ones(ids.size, bool)
        groups: list[tuple[Template, Whole]] = []
        for number, (shape, count) in enumerate(zip(numbered, counts.tolist(), strict=True)):
            if count < self._worth and shape not in self._shapes:
                continue
            parts = order[ends[number] - count : ends[number]]
            template = self._template(cut, shape, int(parts[0]))
            if template is not None:
                parts = parts[template.fits(cut, parts)] if template.first_digits else parts
                is_left[parts] = False
                groups.append((template, parts))
        return groups, np.flatnonzero(is_left)

    def _template(self, cut: Cut, shape: bytes, place: int) -> Template | None:
        if shape not in self._shapes:
            runs = cut.runs_of(place)
            self._shapes[shape] = printed_shapes.learnt(cut.part(place), runs)
        return self._shapes[shape]

    def _with_care(
        self, cut: Cut, rest: Whole, told: Floats, asides: _Asides, found: _Found
    ) -> None:
        """Line by line, with the memory that the lines in between have left."""
        parser, last = self._parser, -1
        latest = _latest(told)
        places = rest.tolist()
        speaking = [*np.flatnonzero(_may_say(cut, rest)).tolist(), len(places)]
        number = 0
        while True:
            if not parser.waits:
                number = speaking[bisect.bisect_left(speaking, number)]
            if number == len(places):
                break
            place = places[number]
            number += 1
            self._hear(told, latest, asides, last, place)
            last = place
            said = parser.line(printed_shapes.decoded(cut.part(place)))
            if said is not None:
                self._take(cut, place, said, told, found)
        self._hear(told, latest, asides, last, told.size)

    def _take(self, cut: Cut, place: int, said: Said, told: Floats, found: _Found) -> None:
        if said.epoch is not None:
            told[place] = said.epoch
        if said.trouble:
            what = printed_shapes.decoded(cut.part(place)).strip()
            self._passed.add(int(cut.lines[place]), what, said.trouble)
        for order in range(len(said.values)):
            found.add(place, order, said)

    def _hear(self, told: Floats, latest: Whole, asides: _Asides, last: int, place: int) -> None:
        """Gives the parser what the lines between `last` and `place` have left."""
        if place == 0:
            return
        epoch = None
        if latest[place - 1] > last:
            epoch = float(told[latest[place - 1]])
        aside = self._parser.aside
        if asides.latest[place - 1] > last:
            aside = asides.names[asides.name[asides.latest[place - 1]]]
        self._parser.heard(epoch, aside)


class _Asides(NamedTuple):
    """Which split the latest line with values had, up to each part."""

    latest: Whole
    name: Whole
    names: list[str | None]


def _last_asides(told: Iterable[tuple[Whole, str | None]], count: int) -> _Asides:
    names: list[str | None] = [None, "train", "val", "test"]
    name = np.full(count, -1)
    for parts, split in told:
        name[parts] = names.index(split)
    latest = np.where(name >= 0, np.arange(count), -1)
    return _Asides(np.maximum.accumulate(latest), name, names)


def _latest(told: Floats) -> Whole:
    return np.maximum.accumulate(np.where(np.isnan(told), -1, np.arange(told.size)))


def _carried(told: Floats, at_first: float | None, parts: Whole, template: Template) -> Floats:
    """The epoch of each part of the template."""
    if not template.carries:
        return told[parts] if template.epoch is not None else np.full(parts.size, np.nan)
    latest = _latest(told)[parts]
    before = np.nan if at_first is None else at_first
    return np.where(latest >= 0, told[latest], before)


def _collect(cut: Cut, template: Template, parts: Whole, epoch: Floats, found: _Found) -> None:
    step = printed_shapes.numbers(cut, parts, template.step)
    for order, (key, field) in enumerate(zip(template.keys, template.values, strict=True)):
        value = printed_shapes.numbers(cut, parts, field)
        is_bar = np.full(parts.size, float(template.said.is_bar))
        found.extend(key, order, Values(parts, value, step, epoch, is_bar))


class _Found:
    """The values of a piece as they are found, which is in no order."""

    def __init__(self) -> None:
        self._single: dict[Key, list[tuple[float, ...]]] = {}
        self._many: dict[Key, list[Values]] = {}
        self._first: dict[Key, tuple[int, int]] = {}

    def add(self, place: int, order: int, said: Said) -> None:
        """The value number `order` of what a line said."""
        name, split, value = said.values[order]
        nan = float("nan")
        step = nan if said.step is None else said.step
        epoch = nan if said.epoch is None else said.epoch
        row = (place, value, step, epoch, said.is_bar)
        self._single.setdefault((name, split), []).append(row)
        at = self._first.get((name, split), (place, order))
        self._first[(name, split)] = min(at, (place, order))

    def extend(self, key: Key, order: int, values: Values) -> None:
        if not values.place.size:
            return
        self._many.setdefault(key, []).append(values)
        first = (int(values.place[0]), order)
        self._first[key] = min(self._first.get(key, first), first)

    def ordered(self) -> dict[Key, Values]:
        return {key: self._values(key) for key in sorted(self._first, key=self._first.__getitem__)}

    def _values(self, key: Key) -> Values:
        parts = list(self._many.get(key, ()))
        if key in self._single:
            place, *columns = np.array(self._single[key], float).T
            parts.append(Values(place.astype(np.int64), *columns))
        if len(parts) == 1:
            return parts[0]
        joined = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
        order = np.argsort(joined[0], kind="stable")
        return Values(*(column[order] for column in joined))


def _may_say(cut: Cut, places: Whole) -> Flags:
    """Which of these parts may say something by themselves; the others cannot."""
    if places.size * 10 > len(cut.shapes) * 9:  # nearly all: no need to pick them
        shapes, picked = cut.shapes, places
    else:
        shapes = [cut.shapes[place] for place in places.tolist()]
        picked = np.arange(places.size)
    text = b"\n".join(shapes).lower()  # shorter than the lines, and no hint is a number
    ends = np.cumsum(np.fromiter(map(len, shapes), np.int64, len(shapes)) + 1)
    if _STRIPPED.search(text):
        return np.ones(places.size, bool)
    may = np.zeros(ends.size, bool)
    listed = ends.tolist()
    for hint in _HINTS:
        place = text.find(hint)
        while place >= 0:
            part = bisect.bisect_right(listed, place)
            may[part] = True
            place = text.find(hint, listed[part])
    return may[picked] | _begin_a_round(cut, places)


def _begin_a_round(cut: Cut, places: Whole) -> Flags:
    """Whether the beginning may be that of a round (`[10] `, `10: `) or of a cell."""
    begin = cut.data[np.minimum(cut.starts[places], cut.data.size - 1)]
    may = np.isin(begin, np.frombuffer(b"|\xef", np.uint8))
    is_digit = (begin - np.uint8(48)) < 10
    numbered = places[is_digit]
    run = np.minimum(cut.first[numbered], cut.runs.size - 1)
    behind = np.minimum(cut.starts[numbered] + cut.lengths[run], cut.data.size - 1)
    may[is_digit] = cut.data[behind] == ord(":")
    for number in np.flatnonzero(np.isin(begin, np.frombuffer(b"[ \t", np.uint8))).tolist():
        may[number] |= printed_lines.ROUND.match(cut.part(places[number])) is not None
    return may

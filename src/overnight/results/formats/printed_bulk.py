"""The values of a piece of a log: known shapes with arrays, all else line by line, in one order."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from overnight.core import output
from overnight.results.curves import Floats, Passed, Whole
from overnight.results.formats import printed_lines, printed_shapes
from overnight.results.formats.printed_lines import Parser
from overnight.results.formats.printed_shapes import Cut, Template

Key = tuple[str, str | None]  # a name as written, and its split
WORTH_LEARNING = 4  # lines of one shape in a piece
MOST_SHAPES = 20_000
NAMELESS = Template(printed_lines.Said(None, None, None, ()), None, None, False, (), ())

_HINTS = [each.encode() for each in (*output.HINTS, *printed_lines.HINTS, "{", "\x1b")]
_STRIPPED = re.compile(rb"[\x0e-\x1a\x1c-\x1f\x7f]")


class Values(NamedTuple):
    """Columns of one metric in a piece, each of shape (n,), in the order of the parts."""

    place: Whole  # the part
    value: Floats
    step: Floats
    epoch: Floats


class Bulk:
    """Reads pieces of one log in order. `parser` has the memory; `learns` False: all with care."""

    def __init__(self, parser: Parser, passed: Passed, *, learns: bool = True) -> None:
        self._parser, self._passed, self._learns = parser, passed, learns
        self._shapes: dict[bytes, Template | None] = {b"": NAMELESS}

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
            self._shapes = {b"": NAMELESS}
        numbered: dict[bytes, int] = {}
        ids = np.fromiter(
            (numbered.setdefault(shape, len(numbered)) for shape in cut.shapes),
            np.int64,
            len(cut.shapes),
        )
        order = np.argsort(ids, kind="stable")
        counts = np.bincount(ids, minlength=len(numbered))
        groups: list[tuple[Template, Whole]] = []
        left: list[Whole] = []
        end = 0
        for shape, count in zip(numbered, counts.tolist(), strict=True):
            parts = order[end : end + count]
            end += count
            template = self._template(cut, shape, int(parts[0]), count)
            if template is None:
                left.append(parts)
                continue
            if template.first_digits:
                fits = template.fits(cut, parts)
                left.append(parts[~fits])
                parts = parts[fits]
            groups.append((template, parts))
        rest = np.sort(np.concatenate(left)) if left else np.zeros(0, np.int64)
        return groups, rest

    def _template(self, cut: Cut, shape: bytes, place: int, count: int) -> Template | None:
        known = self._shapes.get(shape, False)
        if known is not False:
            return known  # type: ignore[return-value]
        if count < WORTH_LEARNING or not self._learns:
            return None
        template = printed_shapes.learnt(cut.part(place), cut.runs_of(place))
        self._shapes[shape] = template
        return template

    def _with_care(
        self, cut: Cut, rest: Whole, told: Floats, asides: _Asides, found: _Found
    ) -> None:
        """Line by line, with the memory that the lines in between have left."""
        parser, last = self._parser, -1
        latest = _latest(told)
        parts = [cut.part(place) for place in rest.tolist()]
        for place, part, may_say in zip(rest.tolist(), parts, _hinted(parts), strict=True):
            if not may_say and not parser.waits:
                continue
            self._hear(told, latest, asides, last, place)
            last = place
            said = parser.line(printed_shapes.decoded(part))
            if said is None:
                continue
            if said.epoch is not None:
                told[place] = said.epoch
            if said.trouble:
                line = int(cut.lines[place])
                self._passed.add(line, printed_shapes.decoded(part).strip(), said.trouble)
            for order, (name, split, value) in enumerate(said.values):
                found.add((name, split), place, order, value, said.step, said.epoch)
        self._hear(told, latest, asides, last, told.size)

    def _hear(
        self, told: Floats, latest: Whole, asides: _Asides, last: int, place: int
    ) -> None:
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
        found.extend(key, order, Values(parts, value, step, epoch))


class _Found:
    """The values of a piece as they are found, which is in no order."""

    def __init__(self) -> None:
        self._single: dict[Key, list[tuple[float, float, float, float]]] = {}
        self._many: dict[Key, list[Values]] = {}
        self._first: dict[Key, tuple[int, int]] = {}

    def add(
        self,
        key: Key,
        place: int,
        order: int,
        value: float,
        step: float | None,
        epoch: float | None,
    ) -> None:
        nan = float("nan")
        row = (place, value, nan if step is None else step, nan if epoch is None else epoch)
        self._single.setdefault(key, []).append(row)
        self._first[key] = min(self._first.get(key, (place, order)), (place, order))

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
            place, value, step, epoch = np.array(self._single[key]).T
            parts.append(Values(place.astype(np.int64), value, step, epoch))
        if len(parts) == 1:
            return parts[0]
        joined = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
        order = np.argsort(joined[0], kind="stable")
        return Values(*(column[order] for column in joined))


def _hinted(parts: list[bytes]) -> list[bool]:
    """Which lines may say something by themselves; the others cannot."""
    text = b"\n".join(parts).lower()
    if _STRIPPED.search(text):
        return [True] * len(parts)
    ends = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)) + 1).tolist()
    flags = [_is_odd(part) for part in parts]
    for hint in _HINTS:
        place = text.find(hint)
        while place >= 0:
            part = bisect.bisect_right(ends, place)
            flags[part] = True
            place = text.find(hint, ends[part])
    return flags


_ODD = frozenset(b"0123456789[ |\xef\t")


def _is_odd(part: bytes) -> bool:
    """Whether the beginning may be that of a round or of a cell."""
    if not part or part[0] not in _ODD:
        return False
    return part[0] in b"|\xef" or printed_lines.ROUND.match(part) is not None

"""From the files of a run to its series: attempts joined where each took up the training. Pure.

- Of what the attempts printed: where a later attempt begins, the earlier ones end.
- Of files that the training writes: a value whose place goes back repeats a part; where that is the
  training loss, the part is repeated in every curve of the file. A later file of the same record
  wins from its first step on.
- A file for machines is believed over the output, and the one nearest to the top first.

What was repeated stays in the series, marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from overnight.results import names
from overnight.results.curves import Curve, Floats
from overnight.results.runs import order
from overnight.results.runs.order import Marks
from overnight.results.runs.sources import Read, Source, is_summary, sources
from overnight.results.series import Series


@dataclass(frozen=True, kw_only=True)
class Unused:
    """A metric that was read from `used`, and which `path` has as well."""

    name: str
    path: str
    used: str


@dataclass(frozen=True, kw_only=True)
class Joined:
    """`series` are sorted by name; `unused` tells which sources say the same once more.

    `parts`: for each series its curves in order, as (path, place in that file's curves).
    """

    series: tuple[Series, ...]
    parts: tuple[tuple[tuple[str, int], ...], ...] = ()
    unused: tuple[Unused, ...] = ()


@dataclass(kw_only=True)
class Part:
    """The curve of one file on its way into a series. `is_one`: all of it is of `attempt`."""

    path: str
    place: int
    curve: Curve
    attempt: int
    is_one: bool
    repeated: Marks


@dataclass(kw_only=True)
class Strand:
    """The parts of one metric in one source."""

    written: str
    split: str = names.TRAIN
    parts: list[Part] = field(default_factory=list)

    @property
    def counts(self) -> bool:
        """Whether anything is left that was not done again."""
        return any(not part.repeated.all() for part in self.parts)

    @property
    def size(self) -> int:
        return sum(part.curve.value.size for part in self.parts)


def joined(reads: Iterable[Read], started: Mapping[int, float]) -> Joined:
    """`started`: when each attempt of the run began, by its number; empty where that is unknown."""
    told: dict[str, list[tuple[Source, Strand]]] = {}
    for source in sources(reads):
        for name, strand in _named(_strands(source, started)):
            told.setdefault(name, []).append((source, strand))
    chosen: list[tuple[str, Strand]] = []
    unused: list[Unused] = []
    for name in sorted(told):
        best, *others = _by_belief(told[name])
        chosen.append((name, best[1]))
        unused += [Unused(name=name, path=o.path, used=best[0].path) for o, _ in others]
    return Joined(
        series=tuple(_series(name, strand, started) for name, strand in chosen),
        parts=tuple(tuple((p.path, p.place) for p in strand.parts) for _, strand in chosen),
        unused=tuple(unused),
    )


def _by_belief(told: Sequence[tuple[Source, Strand]]) -> list[tuple[Source, Strand]]:
    """Sources come sorted; a file with nothing but a final value stands behind those with more."""
    longest = max(strand.size for _, strand in told)
    return sorted(told, key=lambda each: longest > 1 and is_summary(each[0].path, each[1].size))


def find(series: Iterable[Series], name: str) -> Series | None:
    """The series that `name` means: exact, then in another spelling of the same split, or None.

    Never crosses splits: `val_acc` may find `val_accuracy`, not `test_acc` and not `acc`.
    """
    known = {each.name: each for each in series}
    found = meant(known, name)
    return known[found] if found is not None else None


def meant(known: Iterable[str], name: str) -> str | None:
    """Which of the `known` names of series `name` means, by the rules of `find`."""
    listed = dict.fromkeys(known)
    for candidate in (name, names.spelled(name), names.fold(name)[1]):
        if candidate in listed:
            return candidate
    wanted = names.same(name)
    for ending in ("", "_epoch", "_step"):
        for each in listed:
            if names.same(each.removesuffix(ending)) == wanted:
                return each
    return None


# -- one source -------------------------------------------------------------------------------


def _strands(source: Source, started: Mapping[int, float]) -> dict[str, Strand]:
    """By the name as it was spelled, with what was repeated marked."""
    strands: dict[str, Strand] = {}
    for read in source.reads:
        parts = {name: _part(source, read, place) for name, place in _spelled(read)}
        if not source.is_printed and len(started) != 1:
            _mark_within(list(parts.values()))
        _mark_earlier(strands, parts, everything=source.by_attempts)
        _mark_void(strands, parts.values(), read.found.restarts)
        for name, part in parts.items():
            strands.setdefault(name, Strand(written=part.curve.name)).parts.append(part)
    return strands


def _spelled(read: Read) -> Iterator[tuple[str, int]]:
    """The places of the curves, each with its name and the split in front.

    Of several runs the last keeps its names, the others have theirs in front. Two that are spelled
    alike stay apart: the second has its name as it was written.
    """
    taken: set[str] = set()
    runs = list(dict.fromkeys(each.run for each in read.found.curves))
    for place, each in enumerate(read.found.curves):
        if not each.value.size:
            continue
        name = names.spelled(each.name, each.split)
        if each.run != runs[-1]:
            name = f"{each.run}/{name}"
        number = 1
        plain = name
        while name in taken:
            number += 1
            name = each.name if number == 2 else f"{plain} ({number - 1})"
        taken.add(name)
        yield name, place


def _part(source: Source, read: Read, place: int) -> Part:
    curve = read.found.curves[place]
    return Part(
        path=read.path,
        place=place,
        curve=curve,
        attempt=read.attempt,
        is_one=source.by_attempts,
        repeated=np.zeros(curve.value.size, dtype=bool),
    )


def _mark_within(parts: Sequence[Part]) -> None:
    """Marks what a file that is added to by every attempt has twice."""
    for part in parts:
        back = order.backs(part.curve)
        if back.size > order.MOST_RESTARTS:
            continue
        part.repeated |= order.repeated_within(part.curve)
        if names.fold(part.curve.name, part.curve.split) == (names.TRAIN, "loss"):
            for place in back:
                _mark_before(parts, part.curve, int(place))


def _mark_before(parts: Iterable[Part], loss: Curve, place: int) -> None:
    """The training went back to `place` of its loss: what was written before and lies behind it."""
    start, line = (float(loss.step[place]), float(loss.epoch[place])), loss.line[place]
    for part in parts:
        curve = part.curve
        part.repeated |= (curve.line < line) & order.at_or_after(curve.step, curve.epoch, *start)


def _mark_earlier(
    strands: Mapping[str, Strand], later: Mapping[str, Part], *, everything: bool
) -> None:
    """Where a later file begins, the earlier ones end; if not `everything`, in the metrics that
    both have.
    """
    start = start_of([part.curve for part in later.values()])
    if start is None:
        return
    for name, strand in strands.items():
        if everything or name in later:
            own = start if everything else _earlier_of(start, later[name].curve)
            for part in strand.parts:
                part.repeated |= order.at_or_after(part.curve.step, part.curve.epoch, *own)


def _mark_void(
    strands: Mapping[str, Strand], parts: Iterable[Part], restarts: Sequence[tuple[int, float]]
) -> None:
    """Marks what the writer itself said to be void: what it wrote before, from a step on."""
    for line, step in restarts:
        for part in parts:
            curve = part.curve
            part.repeated |= (curve.line < line) & (curve.step >= step)
        for strand in strands.values():
            for part in strand.parts:
                part.repeated |= part.curve.step >= step


def _earlier_of(start: tuple[float, float], curve: Curve) -> tuple[float, float]:
    """Where the file took up this metric, if it was before the training's own start."""
    first = curve.step[:1], curve.epoch[:1]
    is_behind = bool(order.at_or_after(*first, *start).all())
    return start if is_behind else (float(first[0][0]), float(first[1][0]))


def start_of(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """Where a file took up the training: its first value, of the training if it has one."""
    curves = [curve for curve in curves if curve.value.size]
    trained = [c for c in curves if names.fold(c.name, c.split)[0] == names.TRAIN]
    placed = [c for c in trained or curves if bool(order.is_told(c)[0])]
    first = min(placed, key=lambda curve: int(curve.line[0]), default=None)
    return None if first is None else (float(first.step[0]), float(first.epoch[0]))


# -- one series -------------------------------------------------------------------------------


def _named(strands: Mapping[str, Strand]) -> Iterator[tuple[str, Strand]]:
    """Gives canonical names; of two spellings of one name the second keeps its own."""
    taken: set[str] = set()
    for exact in (True, False):
        for spelled, strand in strands.items():
            split, canonical = names.fold(spelled)
            if (spelled == canonical) == exact and strand.counts:
                name = spelled if canonical in taken else canonical
                taken.add(name)
                strand.split = split
                yield name, strand


def _series(name: str, strand: Strand, started: Mapping[int, float]) -> Series:
    curves = [part.curve for part in strand.parts]
    sizes = [curve.value.size for curve in curves]
    files = tuple(dict.fromkeys(part.path for part in strand.parts))
    places = [files.index(part.path) for part in strand.parts]
    attempts = [_attempts(part, started) for part in strand.parts]
    told = (curve.goal for curve in curves if curve.goal)
    return Series(
        name=name,
        written=strand.written,
        split=strand.split,
        goal=next(told, None) or names.goal(name),
        value=_joined([curve.value for curve in curves]),
        step=_joined([curve.step for curve in curves]),
        epoch=_joined([curve.epoch for curve in curves]),
        time=_joined([curve.time for curve in curves]),
        line=np.concatenate([curve.line for curve in curves]),
        file=np.repeat(np.array(places, dtype=np.int16), sizes),
        files=files,
        attempt=np.concatenate(attempts),
        is_repeated=np.concatenate([part.repeated for part in strand.parts]),
    )


def _joined(columns: Sequence[Floats]) -> Floats:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def _attempts(part: Part, started: Mapping[int, float]) -> NDArray[np.int16]:
    """The attempt of each value: the file's, or by the time that the file tells."""
    size, time = part.curve.value.size, part.curve.time
    if len(started) > 1 and not part.is_one:
        numbers = sorted(started, key=lambda n: started[n])
        begins = np.array([started[n] for n in numbers])
        if not np.isnan(time).any() and bool((time >= begins[0]).all()):
            behind = np.searchsorted(begins, time, side="right") - 1
            return np.array(numbers, dtype=np.int16)[behind]
        if part.repeated.any() or part.attempt != min(started):
            return np.zeros(size, dtype=np.int16)
    return np.full(size, part.attempt, dtype=np.int16)

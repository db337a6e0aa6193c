"""Sweeps: the axes, the points that they make, and what the runs are called. Pure.

An axis is a key with the values that it takes: `lr=1e-3,3e-4`. A point is one run: what it changes
of the experiment as it is (the base). `ablate` changes one thing at a time, `grid` takes every
combination; seeds multiply each point.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from overnight.core import command, errors, spec, sweep_values
from overnight.core.sweep_values import Scalar, Value
from overnight.core.unclear import UnclearError

ABLATE, GRID, FILE, SEARCH = "ablate", "grid", "file", "search"
EXAMPLE = "overnight sweep lr=1e-3,3e-4 warmup=500,2000"
MAX_NAME = 40  # of a sweep, so that there is room for what its runs are called
ASK_ABOVE = 100  # runs
MAX_RUNS = 100_000

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"
_RANGE = re.compile(rf"{_NUMBER}\.\.{_NUMBER}(:log)?", re.ASCII | re.IGNORECASE)
_KEY = re.compile(r"\+{0,2}[A-Za-z_][\w.@/:-]*", re.ASCII)
_BASE = "base"


class Axis(NamedTuple):
    key: str
    values: tuple[Value, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Point:
    """`changes`: what differs from the base, in the order of the axes."""

    changes: Mapping[str, Value]
    seed: int | None = None

    @property
    def is_base(self) -> bool:
        return not self.changes

    @property
    def path(self) -> tuple[tuple[str, str], ...]:
        """What may lead through other code: everything that is changed and is no number."""
        return tuple((key, each.text) for key, each in self.changes.items() if not each.is_number)

    def values(self, base: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The value of each axis of the sweep; `base` has them all, None where it is not known."""
        changed = {key: each.value for key, each in self.changes.items()}
        return {key: changed.get(key, value) for key, value in base.items()}


# --- what is typed -----------------------------------------------------------------------------


def is_axis(word: str) -> bool:
    return "=" in word


def parse_axes(words: Iterable[str]) -> tuple[Axis, ...]:
    """The axes of `lr=1e-3,3e-4 aug=none,rand`. Raises `errors.UsageError`."""
    return checked_axes(_axis(word) for word in words)


def _axis(word: str) -> Axis:
    key, _, values = word.partition("=")
    if not _KEY.fullmatch(key):
        raise errors.UsageError(
            f"{command.visible(key)!r} cannot be the name of a setting "
            f"(in {command.visible(word)})",
            hint=EXAMPLE,
        )
    if not values.strip():
        raise errors.UsageError(f"{key} has no value", hint=EXAMPLE)
    if _RANGE.fullmatch(values):
        raise errors.UsageError(
            f"{command.visible(word)} is a range, and only a search chooses from one",
            hint=f"overnight sweep --search {command.visible(word)}   or each value: {key}=1,2",
        )
    try:
        return Axis(key, tuple(sweep_values.split(values)))
    except UnclearError as reason:
        raise errors.UsageError(f"{key}: {reason}", hint=EXAMPLE) from None


def checked_axes(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    """Refuses an axis that is given twice, and a value that is."""
    found: dict[str, Axis] = {}
    for axis in axes:
        if axis.key in found:
            raise errors.UsageError(
                f"{axis.key} is given twice", hint=f"{axis.key}=V1,V2   with all its values"
            )
        found[axis.key] = axis
        for one, other in itertools.combinations(axis.values, 2):
            if sweep_values.same(one.value, other.value):
                raise errors.UsageError(
                    f"{axis.key} has the value {command.visible(one.text)} twice", hint=EXAMPLE
                )
    return tuple(found.values())


def parse_seeds(text: str | None) -> tuple[int, ...]:
    """`3` is 0, 1 and 2; `7,11` is just these. Empty without seeds."""
    if text is None:
        return ()
    pieces = [piece.strip() for piece in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,9}", piece, re.ASCII) for piece in pieces):
        raise errors.UsageError(
            f"--seeds {command.visible(text)}: write how many, or the seeds themselves",
            hint="--seeds 3   or   --seeds 0,1,2",
        )
    return seeds(int(text) if len(pieces) == 1 else [int(piece) for piece in pieces])


def seeds(wanted: int | Sequence[int]) -> tuple[int, ...]:
    """How many, or which. Raises `errors.UsageError`."""
    if isinstance(wanted, int):
        if not 1 <= wanted <= MAX_RUNS:
            raise errors.UsageError(f"{wanted} seeds: write 1 or more", hint="--seeds 3")
        return tuple(range(wanted))
    if len(set(wanted)) < len(wanted):
        raise errors.UsageError("a seed is given twice", hint="--seeds 0,1,2")
    return tuple(wanted)


# --- points ------------------------------------------------------------------------------------


def count(axes: Sequence[Axis], mode: str, seed_count: int) -> int:
    """How many runs there are at most, before anything is looked up."""
    sizes = [len(axis.values) for axis in axes]
    points = math.prod(sizes) if mode == GRID else 1 + sum(sizes)
    return points * max(1, seed_count)


def expand(
    axes: Sequence[Axis],
    mode: str,
    base: Mapping[str, Scalar],
    seeds: Sequence[int] = (),
    known: Iterable[str] | None = None,
    least: int = 2,
    moving: Iterable[str] = (),
) -> list[Point]:
    """The points, each once. `base` has the value of each axis as the experiment is.

    `known`: the keys whose base value is known; by default all that are not None. `moving`: see
    `without_base`. Raises `errors.UsageError` where nothing varies, or far too much does.
    """
    if (number := count(axes, mode, len(seeds))) > MAX_RUNS:
        raise errors.UsageError(
            f"{number} runs are more than a sweep may have ({MAX_RUNS})",
            hint="leave out values, or change one at a time: --ablate",
        )
    certain = {key for key, value in base.items() if value is not None} if known is None else known
    points = _grid(axes) if mode == GRID else _ablation(axes)
    own = (without_base(each, base, set(certain), set(moving)) for each in points)
    return finished(own, seeds, least)


def finished(
    points: Iterable[Mapping[str, Value]], seeds: Sequence[int], least: int = 2
) -> list[Point]:
    """Each point once, with each seed. Raises `errors.UsageError` where there are fewer runs than
    `least`.
    """
    unique: dict[tuple[Any, ...], Mapping[str, Value]] = {}
    for changes in points:
        unique.setdefault(identity(changes), changes)
    found = [
        Point(changes=changes, seed=seed)
        for changes in unique.values()
        for seed in (seeds or (None,))
    ]
    if len(found) < least:
        raise errors.UsageError(
            "nothing varies: this would be a single run, the experiment as it is"
            if not found or found[0].is_base
            else "nothing varies: this would be a single run",
            hint=EXAMPLE,
        )
    return found


def _ablation(axes: Sequence[Axis]) -> Iterator[dict[str, Value]]:
    """The base first, then one change at a time."""
    yield {}
    for axis in axes:
        yield from ({axis.key: value} for value in axis.values)


def _grid(axes: Sequence[Axis]) -> Iterator[dict[str, Value]]:
    keys = [axis.key for axis in axes]
    for values in itertools.product(*(axis.values for axis in axes)):
        yield dict(zip(keys, values, strict=True))


def without_base(
    changes: Mapping[str, Value], base: Mapping[str, Scalar], known: set[str], moving: set[str]
) -> dict[str, Value]:
    """What of `changes` differs from the base.

    `moving`: keys that choose a file, a group or the like. Where one of them changes, the base may
    be another one for all the others, so that each value is said, also what equals the base.
    """
    found = {
        key: each
        for key, each in changes.items()
        if key not in known or not sweep_values.same(each.value, base.get(key))
    }
    is_elsewhere = any(key in moving and not each.is_number for key, each in found.items())
    return dict(changes) if is_elsewhere else found


def identity(changes: Mapping[str, Value]) -> tuple[Any, ...]:
    """Equal for points that mean the same, however their numbers are written."""
    return tuple(sorted((key, *_plain(each.value)) for key, each in changes.items()))


def _plain(value: Scalar) -> tuple[str, str]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number", repr(float(value)) if abs(value) < 2**53 else repr(value)
    return type(value).__name__, str(value)


# --- names -------------------------------------------------------------------------------------


def checked_name(name: str) -> str:
    """The name of a sweep: its runs are called after it."""
    if not spec.NAME.match(name) or len(name) > MAX_NAME:
        raise errors.UsageError(
            f"{command.visible(name)!r} cannot be the name of a sweep: letters, digits, _ and -, "
            f"at most {MAX_NAME}, beginning with a letter or digit",
            hint="overnight sweep --name lr-ablation lr=1e-3,3e-4",
        )
    return name


def default_name(keys: Sequence[str], content: Any) -> str:
    """`lr-warmup-3f2a`: the same for the same content, another one for another."""
    stem = _safe("-".join(_short(keys).values()) or "seeds")
    return f"{stem[: MAX_NAME - 5].strip('-_')}-{spec.digest(content)[:4]}"


def names(
    sweep: str, points: Sequence[Point], taken: Iterable[str] = (), first: int = 0
) -> list[str]:
    """What the runs are called: `lr-ablation-base`, `lr-ablation-lr3e-4-s1`.

    Readable where that fits and tells them apart, else with the number of the point, from `first`
    on. Depends on nothing but the arguments.
    """
    short = _short(dict.fromkeys(key for point in points for key in point.changes))
    used = set(taken)
    found = []
    for number, point in enumerate(points, first):
        wanted = f"{sweep}-{_label(point, short)}"
        plain = f"{sweep}-{number}"
        name = next(
            each
            for each in itertools.chain([wanted, plain], _more(plain))
            if each not in used and spec.NAME.match(each)
        )
        used.add(name)
        found.append(name)
    return found


def _more(name: str) -> Iterator[str]:
    return (f"{name}_{number}" for number in itertools.count(2))


def _label(point: Point, short: Mapping[str, str]) -> str:
    parts = [_safe(f"{short[key]}{_word(each)}") for key, each in point.changes.items()]
    seed = [] if point.seed is None else [f"s{point.seed}"]
    return "-".join([*(parts or [_BASE]), *seed])


def _word(value: Value) -> str:
    """A text is kept apart from its key: `aug_rand`, but `lr3e-4`. Of a path the last name."""
    if value.is_number:
        return value.text.lstrip("+")
    text = re.sub(r"\.(ya?ml|json|toml)$", "", value.text.rstrip("/").rpartition("/")[2])
    return f"_{text or 'empty'}"


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", re.sub(r"(?<=[0-9])\.(?=[0-9])", "p", text))


def _short(keys: Iterable[str]) -> dict[str, str]:
    """The last part of each key where that tells them apart."""
    listed = list(keys)
    last = {key: re.split(r"[.:/]", key.lstrip("+"))[-1] for key in listed}
    return {
        key: name if list(last.values()).count(name) == 1 else _safe(key.lstrip("+"))
        for key, name in last.items()
    }


# --- on the wire -------------------------------------------------------------------------------


def to_wire(
    point: Point, *, name: str, mode: str, index: int, total: int, base: Mapping[str, Scalar]
) -> dict[str, Any]:
    """`RunSpec.sweep` of the run at `point`."""
    return {
        "name": name,
        "index": index,
        "total": total,
        "point": point.values(base),
        "seed": point.seed,
        "base": point.is_base,
        "mode": mode,
    }


def shares(limit: int | None, runs: Mapping[str, int]) -> dict[str, int | None]:
    """`max_concurrent` of a sweep, split over its servers by how many runs each has.

    Each server gets at least 1: with more servers than `limit` the sum is larger.
    """
    if limit is None:
        return dict.fromkeys(runs)
    total = sum(runs.values())
    exact = {server: limit * number / total for server, number in runs.items()}
    found = {server: max(1, math.floor(share)) for server, share in exact.items()}
    by_rest = sorted(exact, key=lambda server: found[server] - exact[server])
    for server in by_rest[: max(0, limit - sum(found.values()))]:
        found[server] += 1
    return dict(found)

"""Curves of a run from its pulled folder: what it printed, and `metrics.jsonl`.

Attempts are joined: where a later one begins, the earlier ones end, so that a repeated part
counts once. `metrics.jsonl`, written for machines, is believed over the output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from overnight.results import metrics_jsonl, names, points, printed


@dataclass(frozen=True, kw_only=True)
class Series:
    """The values of one metric in the order of the training. NaN and infinity are kept."""

    name: str
    split: str
    points: tuple[points.Point, ...]


def read(folder: Path) -> tuple[Series, ...]:
    """Every series of a pulled run, sorted by name. Files that are not there are no error."""
    series: dict[str, Series] = {}
    written = [metrics_jsonl.read(path, folder) for path in metrics_jsonl.files(folder)]
    for curves in [*written, printed.read(folder)]:
        for each in _named(curves):
            series.setdefault(each.name, each)
    return tuple(series[name] for name in sorted(series))


def find(series: Iterable[Series], name: str) -> Series | None:
    """The series that `name` means: exact, then in another spelling of the same split, or None.

    Never crosses splits: `val_acc` may find `val_accuracy`, not `test_acc` and not `acc`.
    """
    known = {each.name: each for each in series}
    for candidate in (name, names.spelled(name), names.fold(name)[1]):
        if candidate in known:
            return known[candidate]
    wanted = names.same(name)
    for ending in ("", "_epoch", "_step"):
        for each in known.values():
            if names.same(each.name.removesuffix(ending)) == wanted:
                return each
    return None


def _named(curves: points.Curves) -> Iterator[Series]:
    """Gives canonical names; of two spellings of one name the second keeps its own."""
    taken: set[str] = set()
    for exact in (True, False):
        for spelled, curve in curves.items():
            split, canonical = names.fold(spelled)
            if (spelled == canonical) == exact and curve:
                name = spelled if canonical in taken else canonical
                taken.add(name)
                yield Series(name=name, split=split, points=tuple(curve))

"""Curves from JSON documents: objects of lists, lists of rows, objects of rows by epoch.

A document is written anew each time, so there is nothing to go on from: the mark is None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results.curves import Floats, Found, Passed
from overnight.results.parsing import columns, json_walk, line_blocks, rows
from overnight.results.parsing.conventions import Convention
from overnight.results.parsing.gather import Axes, Gather
from overnight.results.parsing.json_walk import Array, Object

MOST_BYTES = 1 << 26


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Names of what holds everything; they are no part of a metric's name.
_WRAPPERS = frozenset(
    _words(
        "history metrics results result logs log log_history training_history train_history data "
        "scalars stats statistics records entries curves training_log epochs per_epoch "
        "epoch_history epoch_metrics"
    )
)
_SETTINGS = frozenset(
    _words(
        "config configuration args arguments hparams hyperparameters hyper_parameters params "
        "settings training_args model_config training_config"
    )
)
_EPOCH_KEY = re.compile(r"(?:(epoch|step|iter|iteration)[ _-]*)?(\d+)", re.IGNORECASE)


@dataclass
class Document:
    """What was read of a file, before it is known what is a metric."""

    path: Path
    walked: json_walk.Walked
    passed: Passed
    gather: Gather = field(default_factory=Gather)
    settings: dict[str, Any] = field(default_factory=dict)


def opened(path: Path) -> Document:
    """Never raises on what the file holds; what is missing is in `passed`."""
    passed = Passed()
    size = path.stat().st_size
    if size > MOST_BYTES:
        passed.add(None, path.name, f"a JSON document of more than {MOST_BYTES >> 20} MiB")
        return Document(path, json_walk.Walked(), passed)
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", "replace")
    else:
        text = line_blocks.text(data).removeprefix("\ufeff")
    walked = json_walk.walk(text)
    if not text.strip():
        passed.add(None, path.name, "empty")
    elif walked.broken is not None:
        passed.add(walked.broken, "the rest", "the document breaks off here")
    return Document(path, walked, passed)


def found(document: Document, convention: Convention) -> Found:
    for name, goal in convention.goals.items():
        document.gather.aim(name, goal)
    return Found(
        format=convention.format,
        curves=document.gather.curves(),
        skipped=tuple(document.passed.listed),
        more_skipped=document.passed.more,
        settings={"": document.settings} if document.settings else {},
    )


def read(path: Path, convention: Convention) -> Found:
    """Lists of numbers, rows, rows by epoch, and settings, as far as the document has them."""
    document = opened(path)
    take_settings(document)
    take_lists(document, convention)
    take_rows(document, convention)
    return found(document, convention)


def take_settings(document: Document) -> None:
    for each in document.walked.objects:
        if each.path and str(each.path[0]).lower() in _SETTINGS:
            inner = "/".join(map(str, each.path[1:]))
            for name, value in each.values.items():
                document.settings[f"{inner}/{name}" if inner else name] = value


def name_of(path: Iterable[str | int]) -> str:
    """The name of a metric at this place, without what only holds everything."""
    words = [str(word) for word in path]
    while len(words) > 1 and words[0].lower() in _WRAPPERS:
        words = words[1:]
    return "/".join(words)


def _columns(walked: json_walk.Walked) -> list[Array]:
    """Lists, and objects that are lists with their places as names."""
    made = [
        Array(each.path, list(each.values.values()), [each.line] * len(each.values))
        for each in walked.objects
        if each.path and list(each.values) == [str(place) for place in range(len(each.values))]
    ]
    return walked.arrays + [each for each in made if len(each.values) > 1]


def take_lists(document: Document, convention: Convention) -> None:
    """Each list of numbers is a curve; lists of steps or epochs of its length are its axes."""
    named = [
        (name_of(each.path), each)
        for each in _columns(document.walked)
        if each.path
        and all(isinstance(word, str) for word in each.path)
        and str(each.path[0]).lower() not in _SETTINGS
    ]
    numeric = [(name, each) for name, each in named if _is_numeric(document, name, each)]
    axes = _axes(numeric)
    counts = {len(each.values) for name, each in numeric if name not in axes}
    is_history = len(counts) == 1 and _has_pair([name for name, _ in numeric])
    for place, (name, each) in enumerate(numeric):
        if name in axes:
            continue
        why = columns.no_metric(name)
        if why or name in convention.passed:
            document.passed.add(each.lines[0], name, why or convention.passed[name])
            continue
        step, epoch = (_axis(axes, kind, name, len(each.values)) for kind in ("step", "epoch"))
        if step is None and epoch is None and is_history:
            epoch = np.arange(len(each.values), dtype=np.float64)  # as Keras counts
        _put(document, convention, (name, place), each, step, epoch)


def _put(
    document: Document,
    convention: Convention,
    named: tuple[str, int],
    each: Array,
    step: Floats | None,
    epoch: Floats | None,
) -> None:
    told = np.array([isinstance(value, float) for value in each.values])
    value = np.array([value for value in each.values if isinstance(value, float)])
    axes = Axes(np.array(each.lines, dtype=np.int64), step=step, epoch=epoch).where(told)
    name, place = named
    document.gather.add(convention.rename(name), convention.split(name), place, value, axes)


def _is_numeric(document: Document, name: str, each: Array) -> bool:
    each.values = [rows.worded(name, value) for value in each.values]
    counted = sum(isinstance(value, float) for value in each.values)
    if counted and all(isinstance(value, float) or value is None for value in each.values):
        return True
    document.passed.add(each.lines[0], name, "a list of other things than numbers")
    return False


def _axes(numeric: Sequence[tuple[str, Array]]) -> dict[str, tuple[str, Floats]]:
    """By name: which axis it is ('step', 'epoch'), and its values."""
    axes = {}
    for name, each in numeric:
        plan = columns.plan((name.rsplit("/", 1)[-1], "value"))
        if plan.step == 0 or plan.epoch == 0:
            values = [math.nan if value is None else value for value in each.values]
            axes[name] = ("step" if plan.step == 0 else "epoch", np.array(values))
    return axes


def _axis(axes: dict[str, tuple[str, Floats]], kind: str, name: str, count: int) -> Floats | None:
    """The axis that stands nearest to the metric."""
    fitting = [
        (len(_common(other, name)), values)
        for other, (is_kind, values) in axes.items()
        if is_kind == kind and values.size == count
    ]
    return max(fitting, key=lambda each: each[0])[1] if fitting else None


def _common(one: str, other: str) -> str:
    return one.rsplit("/", 1)[0] if one.rpartition("/")[0] == other.rpartition("/")[0] else ""


def _has_pair(found: Sequence[str]) -> bool:
    """The same metric of training and validation: a history of epochs."""
    bare = {name.lower() for name in found}
    return any(
        f"val_{name.removeprefix('train_')}" in bare or f"validation_{name}" in bare
        for name in bare
    )


def take_rows(document: Document, convention: Convention) -> int:
    """Objects of lists, and objects whose names count epochs. Gives how many there were."""
    takers: dict[str, rows.Rows] = {}
    count = 0
    for each in document.walked.objects:
        placed = _row(each)
        if placed is None or (each.path and str(each.path[0]).lower() in _SETTINGS):
            continue
        prefix, axis = placed
        values = {(f"{prefix}/{name}" if prefix and _is_named(name) else name): value
                  for name, value in each.values.items()}  # fmt: skip
        taker = takers.setdefault(prefix, rows.Rows(convention, document.gather, document.passed))
        taker.one({**axis, **values}, each.line)
        count += 1
    return count


def _is_named(name: str) -> bool:
    plan = columns.plan((name, "value"))
    return 0 not in (plan.step, plan.epoch, plan.time, plan.split)


def _row(each: Object) -> tuple[str, dict[str, float]] | None:
    """What stands before the names of a row, and the axis that its place tells."""
    for at, word in enumerate(each.path):
        if isinstance(word, int):
            inner = at + 1 == len(each.path)
            return (_prefix(each.path[:at]), {}) if inner else None
        counted = _EPOCH_KEY.fullmatch(word)
        if counted:
            kind = (counted[1] or "epoch").lower()
            return _prefix((*each.path[:at], *each.path[at + 1 :])), {kind: float(counted[2])}
    return None


def _prefix(path: Sequence[str | int]) -> str:
    words = [str(word) for word in path if str(word).lower() not in _WRAPPERS]
    return "/".join(words)


def take_values(document: Document, convention: Convention) -> None:
    """One value for each metric: the objects as they are, with the names of what holds them."""
    taker = rows.Rows(convention, document.gather, document.passed)
    merged: dict[str, Any] = {}
    for each in document.walked.objects:
        prefix = "/".join(map(str, each.path))
        for name, value in each.values.items():
            merged[f"{prefix}/{name}" if prefix else name] = value
    line = min((each.line for each in document.walked.objects), default=1)
    if merged:
        taker.one(merged, line)

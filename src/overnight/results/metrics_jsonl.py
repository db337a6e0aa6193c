"""Curves from `metrics.jsonl`: `{"step": 1, "epoch": 0, "split": "train", "loss": 2.3}` a line.

NaN and infinity are accepted as JSON's relatives write them; a torn line is passed over.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from overnight.results import logs, names, points

STEP_KEYS = ("step", "global_step", "iter", "iteration", "update")
SPLIT_KEYS = ("split", "mode", "phase")
NOT_METRICS = frozenset(
    ("", *STEP_KEYS, "epoch", "time", "timestamp", "wall_time", "elapsed", "eta", "eta_s", "seed")
)
NONFINITE_WORDS = frozenset(("nan", "inf", "-inf", "infinity", "-infinity"))
NOT_METRIC_ENDS = ("runtime", "per_second")


def files(folder: Path) -> list[Path]:
    """Every `metrics.jsonl` below `work`, the one nearest to the top first."""
    found = [
        Path(parent, "metrics.jsonl")
        for parent, _, here in os.walk(folder / "work")
        if "metrics.jsonl" in here
    ]
    return sorted((path for path in found if points.is_file(path)), key=lambda p: (len(p.parts), p))


def read(path: Path, folder: Path) -> points.Curves:
    """A row whose step goes back repeats a part: the later rows count."""
    curves: points.Curves = {}
    for each in _values(path, path.relative_to(folder).as_posix()):
        curve = curves.setdefault(names.spelled(each.name, each.split), [])
        if curve and points.is_at_or_after(curve[-1], each.point):
            went_back = not points.is_at_or_after(each.point, curve[-1])
            is_loss = names.fold(each.name, each.split) == (names.TRAIN, "loss")
            for repeated in curves.values() if went_back and is_loss else (curve,):
                _drop_from(repeated, each.point)
        curve.append(each.point)
    return curves


def _drop_from(curve: list[points.Point], start: points.Point) -> None:
    while curve and points.is_at_or_after(curve[-1], start):
        curve.pop()


def _values(path: Path, source: str) -> Iterator[points.Value]:
    lines = logs.Lines(path)
    for text in lines:
        row = _parsed(text)
        split = next((str(row[key]).lower() for key in SPLIT_KEYS if key in row), None)
        step = next((_whole(row[key]) for key in STEP_KEYS if key in row), None)
        epoch = number(row.get("epoch"))
        for name, raw in row.items():
            value = number(raw)
            if value is not None and _is_metric(name):
                place = points.Point(step, _finite(epoch), value, source, lines.number)
                yield points.Value(name, split, place)


def _parsed(text: str) -> Mapping[str, Any]:
    """The row of a line; empty where the line is torn or something else."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _is_metric(name: str) -> bool:
    low = name.lower()
    return names.spelled(low) not in NOT_METRICS and not low.endswith(NOT_METRIC_ENDS)


def number(raw: object) -> float | None:
    """A number as JSON may hold it, also "NaN" and "Infinity" as text; None for anything else."""
    if isinstance(raw, str):
        return float(raw) if raw.lower() in NONFINITE_WORDS else None
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return None
    try:
        return float(raw)
    except OverflowError:
        return None


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _whole(raw: object) -> int | None:
    value = _finite(number(raw))
    return int(value) if value is not None else None

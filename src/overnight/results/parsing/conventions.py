"""What a reader knows of its writer beyond what the names of columns say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from overnight.results.curves import Floats


def _same(name: str) -> str:
    return name


def _untold(name: str) -> str | None:
    return None


def _nothing(columns: Mapping[str, Floats], memory: dict[str, Any]) -> dict[str, Floats]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Convention:
    """`format`: its name. `split`: that of a metric where its name does not tell.

    `goals`: of metrics of which the writer's own documentation says what they are. `passed`: names
    that are no metrics, with why. `axes`: step, epoch or time (by these names) made of the columns
    of a table; `memory` lasts from piece to piece of a file. `absent`: words for a missing value.
    `delimiter` and `header` where the writer has always the same.
    """

    format: str
    split: Callable[[str], str | None] = _untold
    rename: Callable[[str], str] = _same
    goals: Mapping[str, str] = field(default_factory=dict)
    passed: Mapping[str, str] = field(default_factory=dict)
    axes: Callable[[Mapping[str, Floats], dict[str, Any]], dict[str, Floats]] = _nothing
    absent: frozenset[str] = frozenset()
    delimiter: str | None = None
    header: tuple[str, ...] | None = None
    dead_rows: Mapping[str, frozenset[str]] = field(default_factory=dict)

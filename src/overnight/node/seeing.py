"""What is looked for while a training runs, and how patiently. Data.

The defaults of everything under `seeing` of the recovery policy. Times are seconds of a clock that
nobody sets. A deadline is `factor` times what was learnt, at least a floor and at most
`ceiling_s` (but never less than twice what was learnt).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple


class Settings(NamedTuple):
    """floor_s: for a step, where it is known that this is not the place for a pause.
    pause_floor_s: where it may be an evaluation or a checkpoint; there also as many steps as
    pause_floor_steps, which is enough for an evaluation and a checkpoint of twenty steps each, one
    after the other, that were never seen before.
    setup_floor_s: before the first steps and after the last one.
    mute_s: after so long a busy run that never told any progress is ended; None for never.
    nan_values: so many training losses on end that are no numbers.
    min_growth_mib_s: how fast the outputs of a download have to grow; None for no download.
    """

    factor: float = 5.0
    floor_s: float = 600.0
    pause_floor_s: float = 1800.0
    pause_floor_steps: float = 50.0
    setup_floor_s: float = 3600.0
    ceiling_s: float = 43200.0
    mute_s: float | None = None
    end_hung: bool = True
    end_suspended: bool = False
    end_nan: bool = True
    nan_values: int = 5
    end_stalled: bool = True
    min_growth_mib_s: float | None = None
    growth_window_s: float = 600.0
    gpu_idle_s: float = 900.0
    disk_left_s: float = 3600.0
    memory_share: float = 0.95


DEFAULT = Settings()
# Where only `floor_s` is given, the others keep their distance to it.
FROM_FLOOR = {"pause_floor_s": 3.0, "setup_floor_s": 6.0, "ceiling_s": 72.0}


def of(spec: dict[str, Any]) -> Settings:
    """The settings of a run; unknown names and values that make no sense are left out."""
    told = (spec.get("policy") or {}).get("seeing")
    if not isinstance(told, dict):
        return DEFAULT
    known = {
        name: value
        for name, value in told.items()
        if name in Settings._fields and makes_sense(value, getattr(DEFAULT, name))
    }
    if "floor_s" in known:
        for name, times in FROM_FLOOR.items():
            known.setdefault(name, times * known["floor_s"])
    return DEFAULT._replace(**known)


def makes_sense(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if not isinstance(value, (int, float)):
        return value is None and default is None
    return math.isfinite(value) and value > 0

"""`monitor.csv` of Stable-Baselines and Baselines: `#{"t_start": …}`, then a row an episode.

`r` is the reward of the episode, `l` its length, `t` the seconds since the start. The step is the
sum of the lengths so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import curves
from overnight.results.curves import Floats, Found, Mark
from overnight.results.parsing import sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "sb_monitor_csv"


def _axes(columns: Mapping[str, Floats], memory: dict[str, Any]) -> dict[str, Floats]:
    made: dict[str, Floats] = {}
    if "l" in columns:
        length = np.where(np.isfinite(columns["l"]), columns["l"], 0.0)
        made["step"] = np.cumsum(length) + memory.get("steps", 0.0)
        memory["steps"] = float(made["step"][-1])
    start = memory.get("settings", {}).get("", {}).get("t_start")
    if "t" in columns and isinstance(start, (int, float)):
        made["time"] = columns["t"] + float(start)
    return made


_CONVENTION = Convention(
    format=FORMAT,
    delimiter=",",
    goals={"r": "max"},
    passed={"t": "a time or a speed"},
    axes=_axes,
)


def claims(path: Path, head: bytes) -> int:
    lines = sniffing.text(head).splitlines()[:2]
    is_ours = len(lines) > 1 and lines[0].startswith(("#{", "{")) and lines[1].startswith("r,l,t")
    return curves.SURE if is_ours else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return sheets.read(path, mark, _CONVENTION)

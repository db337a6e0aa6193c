"""`progress.csv` of Stable-Baselines and Baselines: the step is `time/total_timesteps`.

The CSV is written anew when a key appears that its header lacks, which the reading notices.
"""

from __future__ import annotations

from pathlib import Path

from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import rows, sheets, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "sb_progress"
_CONVENTION = Convention(format=FORMAT, delimiter=",")
_KNOWN = frozenset(
    ("time/total_timesteps", "total_timesteps", "rollout/ep_rew_mean", "eprewmean", "EpRewMean",
     "TimestepsSoFar", "serial_timesteps")
)  # fmt: skip


def claims(path: Path, head: bytes) -> int:
    if path.name not in ("progress.csv", "progress.json"):
        return curves.NO
    if path.suffix == ".json":
        return curves.SURE if _KNOWN & set(sniffing.first_row(head)) else curves.NO
    opening = sniffing.opening(head, _CONVENTION.delimiter)
    return curves.SURE if opening and _KNOWN & set(opening.columns) else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    if path.suffix == ".json":
        return rows.read_lines(path, mark, _CONVENTION)
    return sheets.read(path, mark, _CONVENTION)

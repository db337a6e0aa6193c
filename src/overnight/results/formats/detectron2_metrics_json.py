"""`metrics.json` of Detectron2: JSON lines with `iteration`; results of evaluations among them.

An evaluation writes `bbox/AP` and the like: the writer measures these on its test data, which is
what trainings look at while they go on, so they are a validation here. NaN is the average precision
of objects that the data does not have.
"""

from __future__ import annotations

from pathlib import Path

from overnight.core.spellings import VAL
from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import rows, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "detectron2_metrics_json"
_TASKS = ("bbox", "segm", "keypoints", "sem_seg", "panoptic_seg", "box_proposals", "bbox_proposals")


def _split(name: str) -> str | None:
    return VAL if name.split("/", 1)[0] in _TASKS and "/" in name else None


_CONVENTION = Convention(format=FORMAT, split=_split)


def claims(path: Path, head: bytes) -> int:
    first = sniffing.first_row(head)
    is_ours = "iteration" in first and not {"data_time", "eta_seconds"}.isdisjoint(first)
    return curves.SURE if is_ours else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return rows.read_lines(path, mark, _CONVENTION)

"""`scalars.json` of MMEngine and `*.log.json` of MMCV: JSON lines.

Rows of a validation have no `loss`; what they hold (`coco/bbox_mAP`, `accuracy/top1`) was measured
on the validation data. MMCV says so in `mode`, and counts iterations anew in each epoch.
"""

from __future__ import annotations

import re
from pathlib import Path

from overnight.core.spellings import VAL
from overnight.results import curves
from overnight.results.curves import Found, Mark
from overnight.results.parsing import rows, sniffing
from overnight.results.parsing.conventions import Convention

FORMAT = "mmengine_jsonl"
_MEASURED = re.compile(
    r"(^|/)(bbox_mAP|segm_mAP|mAP|AP\d*|mIoU|mAcc|aAcc|mDice|top\d|NDS|PCK)|^(coco|pascal_voc|"
    r"accuracy|single-label|multi-label)/"
)


def _split(name: str) -> str | None:
    return VAL if _MEASURED.search(name) else None


_CONVENTION = Convention(format=FORMAT, split=_split)


def claims(path: Path, head: bytes) -> int:
    first = sniffing.first_row(head)
    if {"env_info", "mmdet_version", "mmcv_version"} & set(first):
        return curves.SURE
    has_place = "iter" in first and ("step" in first or "mode" in first)
    return curves.SURE if has_place and {"data_time", "memory", "time"} & set(first) else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    return rows.read_lines(path, mark, _CONVENTION)

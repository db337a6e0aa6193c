"""`results.txt` of the first YOLOv5 and of YOLOv7: no header, epochs as `3/99`, memory as `2.1G`.

The columns have always had this order; epochs count from 0.
"""

from __future__ import annotations

import re
from pathlib import Path

from overnight.core.spellings import VAL
from overnight.results import curves
from overnight.results.curves import Found, Mark, Passed, Table
from overnight.results.parsing import line_blocks

FORMAT = "yolov5_results_txt"
_TRAIN = ("train/box_loss", "train/obj_loss", "train/cls_loss", "train/total_loss")
_MEASURED = ("metrics/P", "metrics/R", "metrics/mAP50", "metrics/mAP50-95")
_VAL = ("val/box_loss", "val/obj_loss", "val/cls_loss")
_WIDTH = 15  # epoch, memory, four losses, targets, image size, what was measured, three losses
_ROW = re.compile(rb"\s*(\d+)/(\d+)\s+[\d.]+[GMK]?((?:\s+[-+.\deE]+|\s+nan|\s+-?inf){6,13})\s*")


def claims(path: Path, head: bytes) -> int:
    lines = head.split(b"\n")[:3]
    return curves.SURE if head and _ROW.fullmatch(lines[0].rstrip(b"\r")) else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    table, passed = Table(), Passed()
    with line_blocks.Growing(path, mark) as file:
        for block in file.blocks():
            if block.is_open and not _is_whole(block.data):
                continue
            for place, line in enumerate(block.data.split(b"\n")):
                _row(table, passed, line, block.line + place)
            if block.is_open:
                file.take_open(block)
        if not file.offset:
            passed.add(None, path.name, "no whole line yet" if path.stat().st_size else "empty")
        after = file.mark()
    return Found(
        format=FORMAT,
        curves=table.curves(),
        skipped=tuple(passed.listed),
        more_skipped=passed.more,
        mark=after,
    )


def _is_whole(line: bytes) -> bool:
    return bool(_ROW.fullmatch(line)) and len(line.split()) == _WIDTH


def _row(table: Table, passed: Passed, line: bytes, number: int) -> None:
    found = _ROW.fullmatch(line)
    if found is None:
        if line.strip():
            passed.add(number, line_blocks.text(line[:80]), "no row of results")
        return
    epoch = float(found[1])
    values = [float(word) for word in found[3].split() if _is_float(word)]
    names = (*_TRAIN, "", "", *_MEASURED, *_VAL)
    for name, value in zip(names, values, strict=False):
        if name:
            split = VAL if name in _MEASURED else None
            table.add(name, value, line=number, epoch=epoch, split=split)


def _is_float(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True

"""TensorBoard's event files: scalars of both styles and the settings of its hparams plugin.

A folder has several files after a resume; each is read by itself. Where a writer said that it
began again (`purge_step`), `Found.restarts` tells from which step on what was there before is void.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import curves
from overnight.results.curves import Curve, Floats, Found, Mark, Passed
from overnight.results.records import events, protobuf, scalar_blocks, tfrecord
from overnight.results.records.columns import Columns, of_columns
from overnight.results.records.scalar_blocks import Part
from overnight.results.records.tfrecord import Block

FORMAT = "tfevents"
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "eval": "val",
    "dev": "val",
    "test": "test",
}
MOST_TOLD = 1000


def claims(path: Path, head: bytes) -> int:
    if not tfrecord.is_head(head):
        return curves.LIKELY if ".tfevents." in path.name and not head else curves.NO
    if b"brain.Event:" in head[:200]:
        return curves.SURE
    return curves.LIKELY if "tfevents" in path.name else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    reading = _Reading(mark)
    try:
        with path.open("rb") as file:
            records = tfrecord.Records(file, reading.offset, reading.line, reading.passed)
            for block in records.blocks():
                reading.take(block)
            reading.offset, reading.line = records.offset, records.line
    except OSError as error:
        reading.passed.add(None, path.name, f"cannot be read: {error.strerror}")
    return reading.found(path)


class _Reading:
    def __init__(self, mark: Mark | None) -> None:
        self.offset, self.line = (mark.offset, mark.line) if mark else (0, 0)
        memory: Mapping[str, Any] = mark.memory if mark else {}
        self.passed = Passed()
        self._plugins: dict[str, str] = dict(memory.get("plugins", {}))
        self._told: set[str] = set(memory.get("told", ()))
        self._seen: set[str] = set(memory.get("names", ()))
        self._columns = Columns()
        # number of the series, value, step, time, record
        self._slow: list[tuple[float, ...]] = []
        self._settings: dict[str, Any] = {}
        self._restarts: list[tuple[int, float]] = []

    def take(self, block: Block) -> None:
        parts, careful, broken = scalar_blocks.read(block)
        for part in parts:
            self._add(part, block.line)
        for place in careful.tolist():
            self._with_care(block, place)
        for place in broken:
            self.passed.add(block.line + place, "a record", "its checksum is wrong")
        self._add_slow()

    def _add(self, part: Part, line: int) -> None:
        numbers = np.array([self._columns.number(tag) for tag in part.tags])
        lines = (part.place + line).astype(np.float64)
        self._columns.add(numbers[part.tag], (part.value, part.step, part.time, lines))

    def _add_slow(self) -> None:
        if self._slow:
            table = np.array(self._slow, np.float64).T
            self._columns.add(table[0].astype(np.int64), table[1:])
            self._slow.clear()

    def _with_care(self, block: Block, place: int) -> None:
        start, size = int(block.starts[place]), int(block.sizes[place])
        line = block.line + place
        if not tfrecord.intact(block.data, start, size):
            self.passed.add(line, "a record", "its checksum is wrong")
            return
        try:
            event = events.decode(block.data[start : start + size])
        except protobuf.Malformed as error:
            self.passed.add(line, "a record", f"it is no event: {error}")
            return
        if event.is_restart:
            self._restarts.append((line, float(event.step)))
        for value in event.values:
            if self._is_scalar(value, line) and value.number is not None:
                row = (value.number, float(event.step), event.time, float(line))
                self._slow.append((self._columns.number(value.tag), *row))

    def _is_scalar(self, value: events.Value, line: int) -> bool:
        tag = _text(value.tag)
        # later records of a tag need not tell again that they are no scalars
        if value.plugin not in ("", events.SCALARS) and len(self._plugins) < MOST_TOLD:
            self._plugins.setdefault(tag, value.plugin)
        if value.settings is not None:
            self._settings.update(value.settings)
            return False
        plugin = value.plugin or self._plugins.get(tag, "")
        if value.number is not None and (not value.is_tensor or plugin in ("", events.SCALARS)):
            return True
        what = value.what or f"of the plugin {plugin!r}"
        if plugin != events.HPARAMS and tag not in self._told:
            if len(self._told) < MOST_TOLD:
                self._told.add(tag)
            self.passed.add(line, tag, f"{what}, no scalar")
        return False

    def found(self, path: Path) -> Found:
        made = [(_text(tag), rows) for tag, rows in self._columns.sorted()]
        made.sort(key=lambda each: (float(each[1][3][0]), each[0]))
        self._seen.update([tag for tag, _ in made][:MOST_TOLD])
        return Found(
            format=FORMAT,
            curves=tuple(self._curve(path, tag, rows) for tag, rows in made),
            skipped=tuple(self.passed.listed),
            more_skipped=self.passed.more,
            mark=Mark(offset=self.offset, line=self.line, memory=self._memory()),
            settings={"": self._settings} if self._settings else {},
            restarts=tuple(self._restarts),
        )

    def _memory(self) -> dict[str, Any]:
        told = {"plugins": self._plugins, "told": sorted(self._told), "names": sorted(self._seen)}
        return {key: value for key, value in told.items() if value}

    def _curve(self, path: Path, tag: str, rows: tuple[Floats, ...]) -> Curve:
        name, split = placed(path, tag, is_alone=len(self._seen) == 1)
        time = rows[2]
        time[time == 0] = np.nan  # a missing time reads as zero
        return of_columns(name, rows, split=split)


def _text(tag: bytes) -> str:
    return tag.decode("utf-8", "backslashreplace")


def placed(path: Path, tag: str, *, is_alone: bool) -> tuple[str, str | None]:
    """Name and split of a tag, where the folder of the file is a part of it.

    `add_scalars("loss", {"train": …})` writes the tag `loss` into the folder `loss_train`, alone;
    Keras writes into `train` and `validation`.
    """
    folder = path.parent.name
    front = tag.replace("/", "_") + "_"
    if is_alone and folder.startswith(front) and len(folder) > len(front):
        key = folder[len(front) :]
        split = _SPLITS.get(key.lower())
        return (tag, split) if split else (f"{tag}/{key}", None)
    split = _SPLITS.get(folder.lower())
    if split in (None, "train") or any(word in _SPLITS for word in tag.lower().split("/")):
        return tag, None
    is_beside_train = (path.parent.parent / "train").is_dir()
    return tag, split if folder == "validation" or is_beside_train else None

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
from overnight.results.curves import Curve, Found, Mark, Passed, Whole
from overnight.results.records import events, protobuf, scalar_blocks, tfrecord
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
        self._numbers: dict[bytes, int] = {}  # of the tags, in the order of their discovery
        self._columns: list[tuple[Whole, np.ndarray[Any, Any]]] = []
        self._settings: dict[str, Any] = {}
        self._restarts: list[tuple[int, float]] = []

    def take(self, block: Block) -> None:
        parts, careful, broken = scalar_blocks.read(block)
        slow = self._with_care(block, careful)
        rows = [self._rows(each, block.line) for each in parts]
        if slow:
            rows.append(self._listed(slow))
        for place in broken:
            self.passed.add(block.line + place, "a record", "its checksum is wrong")
        if rows:
            tags = np.concatenate([tag for tag, _ in rows])
            table = np.concatenate([row for _, row in rows], axis=1)
            order = np.argsort(table[3], kind="stable")
            self._columns.append((tags[order], table[:, order]))

    def _number(self, tag: bytes) -> int:
        return self._numbers.setdefault(tag, len(self._numbers))

    def _rows(self, part: Part, line: int) -> tuple[Whole, np.ndarray[Any, Any]]:
        known = np.array([self._number(tag) for tag in part.tags], np.int64)
        lines = (part.place + line).astype(np.float64)
        return known[part.tag], np.stack([part.value, part.step, part.time, lines])

    def _listed(self, slow: list[tuple[int, float, float, float, int]]) -> tuple[Whole, Any]:
        table = np.array(slow, np.float64).T
        return table[0].astype(np.int64), table[1:]

    def _with_care(self, block: Block, places: Whole) -> list[tuple[int, float, float, float, int]]:
        rows: list[tuple[int, float, float, float, int]] = []
        for place in places.tolist():
            start, size = int(block.starts[place]), int(block.sizes[place])
            line = block.line + place
            if not tfrecord.intact(block.data, start, size):
                self.passed.add(line, "a record", "its checksum is wrong")
                continue
            try:
                event = events.decode(block.data[start : start + size])
            except protobuf.Malformed as error:
                self.passed.add(line, "a record", f"it is no event: {error}")
                continue
            if event.is_restart:
                self._restarts.append((line, float(event.step)))
            for value in event.values:
                if self._is_scalar(value, line):
                    number = self._number(value.tag)
                    told = value.number if value.number is not None else np.nan
                    rows.append((number, told, float(event.step), event.time, line))
        return rows

    def _is_scalar(self, value: events.Value, line: int) -> bool:
        tag = value.tag.decode("utf-8", "backslashreplace")
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
        names = [tag.decode("utf-8", "backslashreplace") for tag in self._numbers]
        self._seen.update(names[:MOST_TOLD])
        return Found(
            format=FORMAT,
            curves=tuple(self._curves(path, names)),
            skipped=tuple(self.passed.listed),
            more_skipped=self.passed.more,
            mark=Mark(offset=self.offset, line=self.line, memory=self._memory()),
            settings={"": self._settings} if self._settings else {},
            restarts=tuple(self._restarts),
        )

    def _memory(self) -> dict[str, Any]:
        told = {"plugins": self._plugins, "told": sorted(self._told), "names": sorted(self._seen)}
        return {key: value for key, value in told.items() if value}

    def _curves(self, path: Path, names: list[str]) -> list[Curve]:
        if not self._columns:
            return []
        tags = np.concatenate([tag for tag, _ in self._columns])
        table = np.concatenate([rows for _, rows in self._columns], axis=1)
        self._columns.clear()
        order = np.argsort(tags, kind="stable") if len(names) > 1 else None
        if order is not None:
            tags, table = tags[order], table[:, order]
        edges = np.searchsorted(tags, np.arange(len(names) + 1))
        made = []
        for number, tag in enumerate(names):
            value, step, time, line = table[:, edges[number] : edges[number + 1]]
            name, split = placed(path, tag, is_alone=len(self._seen) == 1)
            told = np.where(time == 0, np.nan, time)  # a missing time reads as zero
            columns = np.stack([value, step, curves.untold(value.size), told, line])
            made.append(curves.curve(name, columns, split=split))
        return sorted(made, key=lambda each: int(each.line[0]))


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

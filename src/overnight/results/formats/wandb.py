"""W&B's `.wandb` files, as offline runs leave them: history, configuration, and whether it ended.

The history of a step is one record with an item for each metric; a value is JSON text. Items come
in any order. Summaries repeat the history, and what W&B measures of the machine is no result: both
are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from overnight.results import curves
from overnight.results.curves import Curve, Floats, Found, Mark, Passed, Whole
from overnight.results.records import protobuf, wandb_log, wandb_rows
from overnight.results.records.columns import Columns, flat, number
from overnight.results.records.protobuf import BYTES, VARINT, Field
from overnight.results.records.wandb_log import Piece

FORMAT = "wandb"
HISTORY, SUMMARY, CONFIG, STATS, RUN, EXIT = 2, 3, 5, 7, 17, 18
# fields of a record, of which each record has one; the first one of these is its kind
_KINDS = frozenset((2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26))
_HISTORY_TAG, _SUMMARY_TAG, _STATS_TAG = 0x12, 0x1A, 0x3A
_VALUE_TAG = b"\x82\x01"  # of an item's JSON text: field 16
_OWN = frozenset(("_step", "_timestamp", "_runtime", "_wandb"))
MOST_KEYS = 1 << 17
MOST_TOLD = 1000

Names = tuple[str, ...]
Texts = dict[str, tuple[list[int], list[bytes]]]


def claims(path: Path, head: bytes) -> int:
    if head.startswith(wandb_log.MAGIC):
        return curves.SURE
    return curves.LIKELY if path.suffix == ".wandb" and not head else curves.NO


def read(path: Path, mark: Mark | None = None) -> Found:
    """`ended` is False as long as the run's exit is not in the file: it was cut off, or lives."""
    reading = _Reading(mark.memory if mark else {})
    offset, line = (mark.offset, mark.line) if mark else (0, 0)
    try:
        with path.open("rb") as file:
            log = wandb_log.Records(file, offset, line, reading.passed)
            for piece in log.pieces():
                reading.take(piece)
            offset, line = log.offset, log.line
    except OSError as error:
        reading.passed.add(None, path.name, f"cannot be read: {error.strerror}")
    return Found(
        format=FORMAT,
        curves=reading.curves(),
        skipped=tuple(reading.passed.listed),
        more_skipped=reading.passed.more,
        mark=Mark(offset=offset, line=line, memory=reading.memory()),
        settings={"": reading.settings} if reading.settings else {},
        ended=reading.has_ended,
    )


class _Reading:
    def __init__(self, memory: Mapping[str, Any]) -> None:
        self.passed = Passed()
        self.settings: dict[str, Any] = dict(memory.get("settings", {}))
        self.has_ended = bool(memory.get("ended", False))
        self._told: set[str] = set(memory.get("told", ()))
        self._columns = Columns()
        # the bytes before an item's text -> the name that they spell
        self._known: dict[bytes, str] = {}

    def memory(self) -> dict[str, Any]:
        told = sorted(self._told)
        return {"settings": self.settings, "ended": self.has_ended, "told": told}

    def curves(self) -> tuple[Curve, ...]:
        return self._columns.curves()

    def take(self, piece: Piece) -> None:
        starts, sizes, lines = piece.starts, piece.sizes, piece.lines
        tags, contents = _openings(piece.data, starts, sizes)
        # nothing of these is used, so that they may be damaged
        places = np.flatnonzero((tags != _SUMMARY_TAG) & (tags != _STATS_TAG))
        sound = wandb_log.intact(piece.data, starts[places], sizes[places])
        for line in lines[places[~sound]].tolist():
            self.passed.add(line, "a record", "its checksum is wrong")
        places = places[sound]
        is_history = tags[places] == _HISTORY_TAG
        slow: list[tuple[int, bytes]] = list(piece.joined)
        rows = places[is_history]
        left = self._rows(piece.data, contents[rows], (starts + sizes)[rows], lines[rows])
        for place in (*places[~is_history].tolist(), *rows[left].tolist()):
            start, end = int(starts[place]), int(starts[place] + sizes[place])
            slow.append((int(lines[place]), piece.data[start:end]))
        self._with_care(sorted(slow))

    def _rows(self, data: bytes, starts: Whole, ends: Whole, lines: Whole) -> Whole:
        """Takes many rows of the history at once; returns which ones are left."""
        if not self._known and starts.size:
            self._learn_from(data[starts[0] : ends[0]])
        if not starts.size or not 0 < len(self._known) <= wandb_rows.MOST_ITEMS:
            return np.arange(starts.size)
        rows = wandb_rows.Rows(data, starts, ends, self._known)
        own = {
            name: self._own(rows, name, starts.size)
            for name in ("_step", "_timestamp")
        }  # fmt: skip
        for name in rows.names():
            if name in _OWN:
                continue
            texts = rows.texts(name)
            at = texts.rows
            value = rows.numbers(texts)
            step, time, line = own["_step"][at], own["_timestamp"][at], lines[at]
            if value is None:
                self._one_by_one(name, rows.listed(texts), step, time, line)
            elif value.size:
                self._add(name, value, step, time, line)
        return np.flatnonzero(~rows.understood)

    def _own(self, rows: wandb_rows.Rows, name: str, count: int) -> Floats:
        """A number that W&B adds to each row; NaN where it is missing."""
        column = curves.untold(count)
        if name in rows.names():
            texts = rows.texts(name)
            told = rows.numbers(texts)
            if told is None:
                told = np.array([_number(text) for text in rows.listed(texts)])
            column[texts.rows] = told
        return column

    def _add(self, name: str, value: Floats, step: Floats, time: Floats, line: Any) -> None:
        self._columns.add(self._columns.number(("", name)), (value, step, time, line))

    def _with_care(self, records: Sequence[tuple[int, bytes]]) -> None:
        texts: Texts = {}
        steps: list[float] = []
        times: list[float] = []
        lines: list[int] = []
        for line, record in records:
            try:
                kind = _kind(record)
                if kind and kind.number == HISTORY:
                    step, time = self._row(record[kind.start : kind.end], len(lines), texts)
                    steps.append(step)
                    times.append(time)
                    lines.append(line)
                elif kind:
                    self._other(record, kind)
            except protobuf.Malformed as error:
                self.passed.add(line, "a record", f"it is no record of W&B: {error}")
        step_of, time_of, line_of = np.array(steps), np.array(times), np.array(lines, np.float64)
        for name, (places, contents) in texts.items():
            at = np.array(places)
            self._one_by_one(name, contents, step_of[at], time_of[at], line_of[at])

    def _other(self, record: bytes, kind: Field) -> None:
        if kind.number == EXIT:
            self.has_ended = True
        elif kind.number == CONFIG:
            self._configure(record, kind)
        elif kind.number == RUN:
            for each in protobuf.fields(record, kind.start, kind.end):
                if each.number == 4 and each.wire == BYTES:
                    self._configure(record, each)

    def _configure(self, record: bytes, config: Field) -> None:
        for each in protobuf.fields(record, config.start, config.end):
            if each.number == 1 and each.wire == BYTES:
                names, value = _item(record, each)
                if names and names[0] != "_wandb" and value is not None:
                    _set(self.settings, names, _json(value))

    def _row(self, history: bytes, place: int, texts: Texts) -> tuple[float, float]:
        """Step and time of a row; its other texts go into `texts`. Raises protobuf.Malformed."""
        items, step = self._items(history)
        own = {"_step": step, "_timestamp": np.nan}
        for name, text in items:
            if name in own:
                own[name] = _number(text)
            elif name.split("/", 1)[0] not in _OWN:
                places, contents = texts.setdefault(name, ([], []))
                places.append(place)
                contents.append(text)
        return own["_step"], own["_timestamp"]

    def _items(self, history: bytes) -> tuple[list[tuple[str, bytes]], float]:
        """Names and texts, and the step that old versions tell beside them."""
        found, step = [], np.nan
        for each in protobuf.fields(history):
            if each.number == 1 and each.wire == BYTES:
                names, text = _item(history, each)
                if names and text is not None:
                    found.append(("/".join(names), text))
                    self._learn(history, each, *found[-1])
            elif each.number == 2 and each.wire == BYTES:
                for part in protobuf.fields(history, each.start, each.end):
                    if part.number == 1 and part.wire == VARINT:
                        step = float(protobuf.signed(part.value))
        return found, step

    def _learn_from(self, history: bytes) -> None:
        try:
            self._items(history)
        except protobuf.Malformed:
            return  # it is told where the row is read

    def _learn(self, history: bytes, item: Field, name: str, text: bytes) -> None:
        """Remembers how an item of this name begins, where its text ends it."""
        begin = history[item.start : item.end - len(text) - 1]
        is_short = item.end - item.start < 0x80 and begin + bytes((len(text) & 0x7F,)) + text
        if is_short == history[item.start : item.end] and begin.endswith(_VALUE_TAG):
            is_whole = begin.count(_VALUE_TAG) == 1
            if is_whole and len(begin) >= 4 and len(self._known) < MOST_KEYS:
                self._known[begin] = name

    def _one_by_one(
        self, name: str, texts: Sequence[bytes], step: Floats, time: Floats, line: Any
    ) -> None:
        kept: dict[str, list[tuple[int, float]]] = {}
        for place, text in enumerate(texts):
            told = _json(text)
            leaves = flat(told, f"{name}/") if isinstance(told, dict) else ((name, told),)
            for leaf, value in leaves:
                found = number(value)
                if found is not None:
                    kept.setdefault(leaf, []).append((place, found))
                elif value is not None:
                    self._tell(leaf, int(line[place]))
        for leaf, pairs in kept.items():
            at = np.array([place for place, _ in pairs])
            values = np.array([value for _, value in pairs])
            self._add(leaf, values, step[at], time[at], line[at])

    def _tell(self, name: str, line: int) -> None:
        """Once for each name; a histogram has several parts."""
        top = name.rsplit("/", 1)[0] if name.endswith(("/_type", "/bins", "/values")) else name
        if top not in self._told:
            if len(self._told) < MOST_TOLD:
                self._told.add(top)
            self.passed.add(line, top, "it is no number")


def _openings(data: bytes, starts: Whole, sizes: Whole) -> tuple[Whole, Whole]:
    """The tag of each record's kind, and where the content of that field begins, if it is the
    record's whole rest or another field follows; the tag is 0 where a closer look is needed.

    A record begins with its number (field 1); its kind follows.
    """
    raw = np.frombuffer(data + bytes(32), np.uint8)
    at = starts + 1
    for _ in range(5):  # a number of up to six bytes
        at = at + (raw[at] >= 0x80)
    tag, size, content = raw[at + 1].astype(np.int64), raw[at + 2].astype(np.int64), at + 3
    for shift in (7, 14):
        is_longer = raw[content - 1] >= 0x80
        more = (raw[content].astype(np.int64) & 0x7F) << shift
        size = np.where(is_longer, (size & ((1 << shift) - 1)) | more, size)
        content = content + is_longer
    is_clear = (raw[starts] == 0x08) & (raw[at] < 0x80) & (raw[content - 1] < 0x80)
    is_clear &= content + size == starts + sizes
    return np.where(is_clear, tag, 0), content


def _kind(record: bytes) -> Field | None:
    for each in protobuf.fields(record):
        if each.number in _KINDS and each.wire == BYTES:
            return each
    return None


def _item(record: bytes, item: Field) -> tuple[Names, bytes | None]:
    """The name, in its parts, and the JSON text of an item."""
    key: str | None = None
    nested: list[str] = []
    value: bytes | None = None
    for each in protobuf.fields(record, item.start, item.end):
        if each.wire != BYTES:
            continue
        if each.number == 1:
            key = protobuf.text(record, each)
        elif each.number == 2:
            nested.append(protobuf.text(record, each))
        elif each.number == 16:
            value = record[each.start : each.end]
    return tuple(nested) or ((key,) if key else ()), value


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _number(text: bytes) -> float:
    told = number(_json(text))
    return np.nan if told is None else told


def _set(settings: dict[str, Any], names: Names, value: Any) -> None:
    *above, last = names
    for key in above:
        inner = settings.get(key)
        if not isinstance(inner, dict):
            inner = settings[key] = {}
        settings = inner
    settings[last] = value

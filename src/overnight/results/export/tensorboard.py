"""Writes TensorBoard's event files: scalars, and settings and notes as its plugins show them."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from overnight.results.export import outgoing
from overnight.results.export.outgoing import Outgoing
from overnight.results.records.protobuf import write_bytes, write_double, write_number
from overnight.results.records.tfrecord import framed

TOLD_EVERY = 10_000  # points
_TEXT = 7  # the type of a tensor of strings


def write(run: Outgoing, path: Path, progress: Callable[[int], None]) -> None:
    """One file. `progress` is told how many points are written."""
    began = run.started_at or 0.0
    with path.open("xb") as file:
        file.write(framed(version(began)))
        for record in (*_settings(run, began), *_notes(run, began)):
            file.write(framed(record))
        for count, record in enumerate(_scalars(run), 1):
            file.write(framed(record))
            if count % TOLD_EVERY == 0:
                progress(count)
    progress(run.points)


def name_of(run: Outgoing) -> str:
    return f"events.out.tfevents.{int(run.started_at or 0)}.overnight"


def version(time: float) -> bytes:
    """The first record of each file."""
    return write_double(1, time) + write_bytes(3, b"brain.Event:2")


def scalar(tag: str, value: float, step: int, time: float) -> bytes:
    """An event with one number, in single precision as TensorBoard keeps them."""
    simple = b"\x15" + struct.pack("<f", _single(value))
    return event(step, time, write_bytes(1, tag.encode()) + simple)


def event(step: int, time: float, value: bytes) -> bytes:
    """`time` 0 is not written: it is not known."""
    told = write_double(1, time) if time else b""
    return told + write_number(2, step) + write_bytes(5, write_bytes(1, value))


def _single(value: float) -> float:
    """What is too large for single precision is infinite there."""
    try:
        struct.pack("<f", value)
    except OverflowError:
        return math.copysign(math.inf, value)
    return value


def _scalars(run: Outgoing) -> Iterator[bytes]:
    """Series after series."""
    for series in run.series:
        kept = series.kept
        columns = (outgoing.steps(series), series.value[kept], series.time[kept])
        for step, value, time in zip(*(each.tolist() for each in columns), strict=True):
            yield scalar(series.name, value, step, time if math.isfinite(time) else 0.0)


def _notes(run: Outgoing, time: float) -> Iterator[bytes]:
    """Texts, as the plugin of that name shows them (Markdown)."""
    lines = "\n\n".join((f"state: {run.state}", *run.notes))
    for tag, text in (("overnight/notes", lines), ("overnight/config", _block(run.config))):
        tensor = write_number(1, _TEXT) + write_bytes(8, text.encode("utf-8", "replace"))
        value = write_bytes(1, tag.encode()) + write_bytes(8, tensor)
        yield event(0, time, value + _metadata("text"))


def _block(config: Any) -> str:
    """JSON, indented so that Markdown leaves it alone."""
    text = json.dumps(dict(config), indent=2, default=str)
    return "\n".join(f"    {line}" for line in text.splitlines())


def _metadata(plugin: str, content: bytes = b"") -> bytes:
    data = write_bytes(1, plugin.encode()) + (write_bytes(2, content) if content else b"")
    return write_bytes(9, write_bytes(1, data))


def _settings(run: Outgoing, time: float) -> Iterator[bytes]:
    """The run in the table of the plugin `hparams`."""
    settings = dict(flat(run.config))
    hparams = b"".join(
        write_bytes(1, write_bytes(1, name.encode()) + write_bytes(2, _any(value)))
        for name, value in settings.items()
    )
    # 1 is success, 2 failure, 3 running
    status = 2 if run.is_failed else 1 if run.state == "finished" else 3
    start = write_bytes(3, hparams + write_bytes(4, run.run.encode()) + write_double(5, time))
    end = write_bytes(4, write_number(1, status) + write_double(2, run.ended_at or 0.0))
    for kind, content in (("session_start_info", start), ("session_end_info", end)):
        yield event(0, time, write_bytes(1, f"_hparams_/{kind}".encode()) + _hparams(content))


def _hparams(content: bytes) -> bytes:
    # the plugin looks into no value without a tensor
    tensor = write_number(1, 1) + write_bytes(2, b"") + write_bytes(5, struct.pack("<f", 0))
    return write_bytes(8, tensor) + _metadata("hparams", content)


def _any(value: Any) -> bytes:
    """A `google.protobuf.Value`."""
    if isinstance(value, bool):
        return write_number(4, int(value))
    if isinstance(value, int | float):
        return write_double(2, float(value))
    return write_bytes(3, str(value).encode("utf-8", "replace"))


def flat(config: Any, front: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings by names with dots; lists as JSON."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from flat(value, f"{front}{key}.")
        elif value is None or isinstance(value, bool | int | float | str):
            yield f"{front}{key}", "null" if value is None else value
        else:
            yield f"{front}{key}", json.dumps(value, default=str)

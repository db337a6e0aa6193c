"""W&B's offline files, framed by hand."""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.results import reading
from overnight.results.curves import Curve, Found
from overnight.results.formats import wandb
from overnight.results.records import wandb_rows
from overnight.results.records.protobuf import write_bytes, write_number

BLOCK = 1 << 15
SAME_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def framed(records: list[bytes]) -> bytes:
    """As LevelDB's log writer does it, behind W&B's header."""
    out = bytearray(b":W&B\xe1\xbe\x00")
    for record in records:
        rest, kind = record, None
        while True:
            left = BLOCK - len(out) % BLOCK
            if left < 7:
                out += bytes(left)
                continue
            part, rest = rest[: left - 7], rest[left - 7 :]
            kind = (1 if kind is None else 4) if not rest else (2 if kind is None else 3)
            checksum = zlib.crc32(part, zlib.crc32(bytes((kind,))))
            out += struct.pack("<IHB", checksum, len(part), kind) + part
            if not rest:
                break
    return bytes(out)


def item(name: str, text: str, *, nested: bool = True) -> bytes:
    parts = name.split("/") if nested else [name]
    keys = b"".join(write_bytes(2 if nested else 1, part.encode()) for part in parts)
    return keys + write_bytes(16, text.encode())


def history(number: int, *items: bytes, step: bytes = b"") -> bytes:
    inner = b"".join(write_bytes(1, each) for each in items)
    return write_number(1, number) + write_bytes(2, inner + step)


def row(number: int, **values: Any) -> bytes:
    """A step as W&B 0.31 writes it."""
    told = {"_step": number, "_timestamp": 1000.5 + number, "_runtime": 0.5, **values}
    items = [item(key.replace("__", "/"), json.dumps(value)) for key, value in told.items()]
    turned = number % len(items)
    return history(number, *items[turned:], *items[:turned], step=write_bytes(2, b""))


def write(path: Path, *records: bytes) -> Path:
    path.write_bytes(framed(list(records)))
    return path


EXIT = write_number(1, 9) + write_bytes(18, b"")


def rows_of(curve: Curve) -> list[tuple[str, ...]]:
    columns = (curve.value, curve.step, curve.time, curve.line)
    return [tuple(map(repr, each)) for each in zip(*(c.tolist() for c in columns), strict=True)]


def same(one: Found, other: Found) -> None:
    told = ({each.name: rows_of(each) for each in found.curves} for found in (one, other))
    assert next(told) == next(told)


def test_history_is_read_with_steps_and_times(tmp_path: Path) -> None:
    """Items in any order; nested keys; NaN and infinity as bare words."""
    rows = [row(n, loss=1 / (n + 1), a__b=float("nan") if n == 3 else n) for n in range(50)]
    found = reading.read(write(tmp_path / "run-x.wandb", *rows, EXIT))
    assert found is not None and found.format == "wandb"
    curves = {each.name: each for each in found.curves}
    assert sorted(curves) == ["a/b", "loss"]
    loss = curves["loss"]
    assert loss.value.tolist() == [1 / (n + 1) for n in range(50)]
    assert loss.step.tolist() == list(range(50))
    assert loss.time.tolist() == [1000.5 + n for n in range(50)]
    assert loss.line.tolist() == list(range(1, 51))
    assert np.isnan(curves["a/b"].value[3])
    assert found.skipped == ()


@pytest.mark.parametrize(
    ("records", "ended"), [([row(1, a=1)], False), ([row(1, a=1), EXIT], True)]
)
def test_a_run_without_its_exit_was_cut_off(
    tmp_path: Path, records: list[bytes], ended: bool
) -> None:
    """The exit record is the last thing that a run writes."""
    assert wandb.read(write(tmp_path / "a.wandb", *records)).ended is ended


def test_the_configuration_is_found(tmp_path: Path) -> None:
    """Of the run record, changed by later records; W&B's own entry is left out."""
    begun = b"".join(
        write_bytes(1, each)
        for each in (
            item("_wandb", "{}", nested=False),
            item("lr", "0.1", nested=False),
            item("model", '{"depth": 2}', nested=False),
        )
    )
    run = write_number(1, 1) + write_bytes(17, write_bytes(1, b"id") + write_bytes(4, begun))
    later = write_bytes(1, item("lr", "0.2", nested=False)) + write_bytes(1, item("model/w", "3"))
    config = write_number(1, 2) + write_bytes(5, later)
    found = wandb.read(write(tmp_path / "a.wandb", run, config))
    assert found.settings == {"": {"lr": 0.2, "model": {"depth": 2, "w": 3}}}


def test_old_versions_tell_the_step_beside_the_items(tmp_path: Path) -> None:
    """And have keys that are not nested, and objects as values."""
    told = write_bytes(2, write_number(1, 7))
    record = history(1, item("loss", "0.5", nested=False), item("m", '{"acc": 1}'), step=told)
    found = wandb.read(write(tmp_path / "a.wandb", *[record] * 20))
    assert {each.name: set(each.step.tolist()) for each in found.curves} == {
        "loss": {7.0},
        "m/acc": {7.0},
    }


def test_what_is_no_number_is_named_once(tmp_path: Path) -> None:
    """Texts, histograms (as one), lists; W&B's summary and system metrics are not mentioned."""
    values = {"s": "x", "flag": True, "h___type": "histogram", "h__bins": [1, 2], "none": None}
    stats = write_number(1, 3) + write_bytes(7, b"\xff")
    found = wandb.read(write(tmp_path / "a.wandb", *(row(n, **values) for n in range(9)), stats))
    assert found.curves == ()
    assert sorted(each.what for each in found.skipped) == ["flag", "h", "s"]


def test_long_records_span_blocks(tmp_path: Path) -> None:
    """And small ones at the end of a block too."""
    rows = [row(n, loss=n, text="x" * (997 * n % 70000)) for n in range(30)]
    (curve,) = wandb.read(write(tmp_path / "a.wandb", *rows)).curves
    assert curve.value.tolist() == list(range(30))
    assert curve.line.tolist() == list(range(1, 31))


def test_a_wrong_checksum_costs_one_record(tmp_path: Path) -> None:
    """It is told, and the rest is read."""
    rows = [row(n, loss=n) for n in range(20)]
    data = bytearray(framed(rows))
    data[len(framed(rows[:5])) + 7 + 20] ^= 1
    path = tmp_path / "a.wandb"
    path.write_bytes(data)
    found = wandb.read(path)
    (curve,) = found.curves
    assert curve.value.tolist() == [n for n in range(20) if n != 5]
    assert [(each.line, each.why) for each in found.skipped] == [(6, "its checksum is wrong")]


def test_a_damaged_block_costs_that_block(tmp_path: Path) -> None:
    """What follows its damage up to the next block is lost, and told."""
    rows = [row(n, loss=n) for n in range(2000)]
    data = bytearray(framed(rows))
    place = len(framed(rows[:3]))
    data[place : place + 7] = bytes(7)
    path = tmp_path / "a.wandb"
    path.write_bytes(data)
    found = wandb.read(path)
    (curve,) = found.curves
    assert curve.value[-1] == 1999 and 1500 < curve.value.size < 2000
    assert any(each.why == "no chunk begins here" for each in found.skipped)


@pytest.mark.parametrize(
    "odd",
    [
        item("loss", "5") + write_bytes(16, b"6"),  # the later text counts
        item("loss", "5") + b"\x08\x01",
        item("loss", "5")[:-1],
        item("lost", "5"),
        item("loss", ""),
        item("loss", '"5"'),
        item("loss", "5" * 40),
        item("loss", "5", nested=False),
        item("loss/x", "5"),
        b"",
    ],
)
def test_items_that_begin_alike_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: bytes
) -> None:
    """Between rows that are read at once."""
    told = (item("loss", "0.5"), item("_step", "7"), item("_timestamp", "8.5"))
    rows = [history(1, *told)] * 9
    path = write(tmp_path / "a.wandb", *rows, history(1, odd, *told[1:]), *rows)
    fast = wandb.read(path)
    monkeypatch.setattr(wandb_rows, "MOST_ITEMS", 0)
    same(fast, wandb.read(path))


def some_rows(draw: st.DrawFn) -> Iterator[bytes]:
    names = ["loss", "val/loss", "x", "y" * 20, "ä"]
    for number in range(draw(st.integers(1, 12))):
        chosen = draw(st.lists(st.sampled_from(names), max_size=3))
        numbers = st.one_of(st.floats(), st.integers(), st.none(), st.text(max_size=3))
        items = [item(name, json.dumps(draw(numbers))) for name in chosen]
        if draw(st.booleans()):
            items.append(item("_step", str(number)))
        if draw(st.booleans()):
            items.append(item("_timestamp", repr(draw(st.floats(0, 2e9)))))
        if draw(st.integers(0, 9)) == 0:
            items.append(draw(st.binary(max_size=9)))
        step = draw(st.sampled_from([b"", write_bytes(2, b""), write_bytes(2, b"\x08\x85\x01")]))
        yield history(number, *draw(st.permutations(items)), step=step)


@st.composite
def records(draw: st.DrawFn) -> list[bytes]:
    return list(some_rows(draw))


@SAME_FILE
@given(records(), st.data())
def test_columns_and_careful_decoding_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some: list[bytes], data: st.DataObject
) -> None:
    """For any rows, also damaged ones."""
    raw = bytearray(framed(some * 4))
    for place in data.draw(st.lists(st.integers(7, len(raw) - 1), max_size=2)):
        raw[place] ^= 0x41
    path = tmp_path / "a.wandb"
    path.write_bytes(raw)
    fast = wandb.read(path)
    with monkeypatch.context() as patch:
        patch.setattr(wandb_rows, "MOST_ITEMS", 0)
        slow = wandb.read(path)
    same(fast, slow)
    assert {each.what for each in fast.skipped} == {each.what for each in slow.skipped}


@SAME_FILE
@given(records(), st.lists(st.integers(0, 4000), max_size=3), st.integers(0, 40000))
def test_reading_on_gives_what_reading_once_gives(
    tmp_path: Path, some: list[bytes], cuts: list[int], long: int
) -> None:
    """Wherever the file ended when it was read."""
    data = framed([*some, history(1, item("text", json.dumps("x" * long))), *some, EXIT])
    path = tmp_path / "a.wandb"
    path.write_bytes(data)
    whole = wandb.read(path)
    mark, rows = None, {}
    for cut in (*sorted(cuts), len(data)):
        path.write_bytes(data[:cut])
        found = wandb.read(path, mark)
        mark = found.mark
        for curve in found.curves:
            rows.setdefault(curve.name, []).extend(rows_of(curve))
    assert rows == {curve.name: rows_of(curve) for curve in whole.curves}
    assert mark == whole.mark and found.ended is True


@given(st.binary(max_size=300))
def test_nothing_is_raised_for_any_bytes(data: bytes) -> None:
    """As a record, as a history, and as they are."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "a.wandb"), data, write_number(1, 1) + write_bytes(2, data))
        wandb.read(path)
        path.write_bytes(path.read_bytes() + data)
        wandb.read(path)
        path.write_bytes(data)
        wandb.read(path)

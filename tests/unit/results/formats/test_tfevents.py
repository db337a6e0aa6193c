"""TensorBoard's event files, as our own small writer and a few hand-made fields have them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.results import reading
from overnight.results.curves import Curve, Found
from overnight.results.export import tensorboard
from overnight.results.formats import tfevents
from overnight.results.records import scalar_blocks, tfrecord
from overnight.results.records.protobuf import write_bytes, write_number, write_varint

VERSION = tensorboard.version(1000.0)
NAME = "events.out.tfevents.1.host"
SAME_FILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def write(path: Path, *records: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(map(tfrecord.framed, (VERSION, *records))))
    return path


def metadata(plugin: str) -> bytes:
    return write_bytes(9, write_bytes(1, write_bytes(1, plugin.encode())))


def tensor(tag: str, dtype: int, *parts: bytes, plugin: str = "scalars", step: int = 1) -> bytes:
    inner = write_bytes(8, write_number(1, dtype) + b"".join(parts))
    told = metadata(plugin) if plugin else b""
    return tensorboard.event(step, 1000.0, write_bytes(1, tag.encode()) + inner + told)


def summary(found: Found) -> list[tuple[str, str | None, list[float], list[float], list[int]]]:
    return [
        (each.name, each.split, each.value.tolist(), each.step.tolist(), each.line.tolist())
        for each in found.curves
    ]


def same(one: Found, other: Found) -> None:
    assert len(one.curves) == len(other.curves)
    for here, there in zip(one.curves, other.curves, strict=True):
        assert (here.name, here.split) == (there.name, there.split)
        for column in ("value", "step", "time", "line"):
            np.testing.assert_array_equal(getattr(here, column), getattr(there, column))


def test_scalars_are_read_with_their_steps_times_and_records(tmp_path: Path) -> None:
    """NaN and infinity too; a step of zero is not in the file."""
    values = (0.5, float("nan"), float("-inf"))
    records = [tensorboard.scalar("loss", each, step, 7.5) for step, each in enumerate(values)]
    found = reading.read(write(tmp_path / NAME, *records))
    assert found is not None and found.format == "tfevents" and not found.skipped
    (curve,) = found.curves
    np.testing.assert_array_equal(curve.value, values)
    assert curve.step.tolist() == [0, 1, 2]
    assert curve.time.tolist() == [7.5] * 3
    assert curve.line.tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("dtype", "part", "value"),
    [
        (1, write_bytes(5, struct.pack("<f", 0.5)), 0.5),
        (1, write_varint(5 << 3 | 5) + struct.pack("<f", 0.5), 0.5),
        (1, write_bytes(2, b"") + write_bytes(4, struct.pack("<f", 0.25)), 0.25),
        (2, write_bytes(6, struct.pack("<d", 0.1)), 0.1),
        (2, write_bytes(4, struct.pack("<d", 0.1)), 0.1),
        (3, write_bytes(7, write_varint(-3)), -3),
        (3, write_bytes(4, struct.pack("<i", -3)), -3),
        (9, write_bytes(10, write_varint(1 << 40)), 1 << 40),
        (10, write_bytes(11, b"\x01"), 1),
        (14, write_bytes(4, b"\x80\x3f"), 1.0),
        (14, write_bytes(13, write_varint(0x3F80)), 1.0),
        (19, write_bytes(4, struct.pack("<e", 0.5)), 0.5),
        (19, write_bytes(13, write_varint(0x3800)), 0.5),
        (23, write_bytes(17, write_varint(7)), 7),
    ],
)
@pytest.mark.parametrize("count", [1, 20])
def test_every_kind_of_a_tensor_with_one_element_is_a_scalar(
    tmp_path: Path, dtype: int, part: bytes, value: float, count: int
) -> None:
    """Read alone and in columns."""
    records = [tensor("loss", dtype, part, step=step) for step in range(1, count + 1)]
    (curve,) = tfevents.read(write(tmp_path / NAME, *records)).curves
    assert curve.value.tolist() == [value] * count
    assert curve.step.tolist() == list(range(1, count + 1))


def test_what_is_no_scalar_is_named_once(tmp_path: Path) -> None:
    """Images, histograms, text, other plugins, tensors of several elements."""
    image = tensorboard.event(1, 1.0, write_bytes(1, b"image") + write_bytes(4, b"\x08\x01"))
    histogram = tensorboard.event(1, 1.0, write_bytes(1, b"weights") + write_bytes(5, b""))
    text = tensor("words", 7, write_bytes(8, b"hello"), plugin="text")
    many = tensor("many", 1, write_bytes(5, struct.pack("<ff", 1, 2)))
    shaped = write_bytes(2, write_bytes(2, write_number(1, 9)))
    filled = tensor("filled", 1, shaped, write_bytes(5, struct.pack("<f", 1)))
    curves = tensor("pr", 1, write_bytes(5, struct.pack("<f", 1)), plugin="pr_curves")
    # later records of a tag need not name the plugin again
    later = tensor("pr", 1, write_bytes(5, struct.pack("<f", 1)), plugin="")
    records = (image, histogram, text, many, filled, curves, later)
    found = tfevents.read(write(tmp_path / NAME, *records, *records))
    assert found.curves == ()
    assert [(each.line, each.what) for each in found.skipped] == [
        (2, "image"), (3, "weights"), (4, "words"), (5, "many"), (6, "filled"), (7, "pr"),
    ]  # fmt: skip
    assert "image" in found.skipped[0].why and "histogram" in found.skipped[1].why


def test_a_wrong_checksum_costs_one_record(tmp_path: Path) -> None:
    """Read alone and in columns: the record is told, the others are read."""
    path = write(tmp_path / NAME, *(tensorboard.scalar("a", 1, n, 1.0) for n in range(1, 41)))
    data = bytearray(path.read_bytes())
    size = len(tfrecord.framed(tensorboard.scalar("a", 1, 1, 1.0)))
    start = len(tfrecord.framed(VERSION))
    data[start + 4 * size + 20] ^= 1
    path.write_bytes(data)
    found = tfevents.read(path)
    (curve,) = found.curves
    assert curve.step.tolist() == [n for n in range(1, 41) if n != 5]
    assert [(each.line, each.why) for each in found.skipped] == [(6, "its checksum is wrong")]


def test_after_a_damaged_length_the_next_record_is_found(tmp_path: Path) -> None:
    """How many bytes were lost is told."""
    path = write(tmp_path / NAME, *(tensorboard.scalar("a", 1, n, 1.0) for n in range(1, 41)))
    data = bytearray(path.read_bytes())
    start = len(tfrecord.framed(VERSION))
    data[start : start + 3] = b"\xff\xff\xff"
    path.write_bytes(data)
    found = tfevents.read(path)
    (curve,) = found.curves
    assert curve.step.tolist() == list(range(2, 41))
    assert f"at byte {start}" in found.skipped[0].what


def test_zeros_at_the_end_are_told_and_looked_at_again(tmp_path: Path) -> None:
    """As a machine that lost power leaves a file: the mark stays before them."""
    path = write(tmp_path / NAME, tensorboard.scalar("a", 1, 1, 1.0))
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(bytes(5000))
    found = tfevents.read(path)
    assert found.mark is not None and found.mark.offset == size
    assert found.skipped[0].what == f"all after byte {size}"


def test_settings_of_the_hparams_plugin_are_read(tmp_path: Path) -> None:
    """Numbers, texts and truth, as written by our own export."""
    run = outgoing_run({"lr": 0.1, "bs": 32, "opt": {"name": "adam"}, "amp": True, "x": [1]})
    path = tmp_path / NAME
    tensorboard.write(run, path, lambda done: None)
    assert tfevents.read(path).settings == {
        "": {"lr": 0.1, "bs": 32, "opt.name": "adam", "amp": True, "x": "[1]"}
    }


def outgoing_run(config: dict[str, Any]) -> Any:
    from overnight.results.export.outgoing import Outgoing

    return Outgoing(
        project="p", run="r", state="finished", config=config, tags=(), notes=(), series=(),
        started_at=5.0, ended_at=None,
    )  # fmt: skip


def test_a_start_of_the_writer_tells_from_which_step_all_before_is_void(tmp_path: Path) -> None:
    """`SummaryWriter(purge_step=…)` writes a session log."""
    start = write_number(2, 100) + write_bytes(7, write_number(1, 1))
    found = tfevents.read(write(tmp_path / NAME, start, tensorboard.scalar("a", 1, 100, 1.0)))
    assert found.restarts == ((2, 100.0),)


@pytest.mark.parametrize(
    ("folder", "tags", "expected"),
    [
        ("loss_train", ["loss"], [("loss", "train")]),
        ("loss_valid", ["loss"], [("loss", "val")]),
        ("a_b_two", ["a/b"], [("a/b/two", None)]),
        ("loss_train", ["loss", "acc"], [("loss", None), ("acc", None)]),
        ("validation", ["epoch_loss", "val/x"], [("epoch_loss", "val"), ("val/x", None)]),
        ("test", ["loss"], [("loss", None)]),
        ("train", ["val/loss", "loss"], [("val/loss", None), ("loss", None)]),
    ],
)
def test_the_folder_is_a_part_of_the_name(
    tmp_path: Path, folder: str, tags: list[str], expected: list[tuple[str, str | None]]
) -> None:
    """`add_scalars` and Keras write into folders of their own; any other is only a folder."""
    records = [tensorboard.scalar(tag, 1, 1, 1.0) for tag in tags]
    found = tfevents.read(write(tmp_path / folder / NAME, *records))
    assert [(each.name, each.split) for each in found.curves] == expected


def test_empty_files_hold_nothing_yet(tmp_path: Path) -> None:
    """A writer that has just begun."""
    path = tmp_path / NAME
    path.write_bytes(b"")
    found = reading.read(path)
    assert found is not None and found.curves == () and found.skipped == ()


# ---- fast and careful give the same

tags = st.sampled_from(["a", "b", "loss", "lose", "val/loss", "x" * 40, "ä", ""])
steps = st.one_of(st.integers(0, 300), st.integers(-(2**63), 2**63 - 1))
floats = st.floats(width=32)


@st.composite
def values(draw: st.DrawFn) -> bytes:
    tag = write_bytes(1, draw(tags).encode())
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return tag + b"\x15" + struct.pack("<f", draw(floats))
    if kind == 1:
        content = write_number(1, 1) + write_bytes(4, struct.pack("<f", draw(floats)))
    elif kind == 2:
        content = write_number(1, 2) + write_bytes(6, struct.pack("<d", draw(st.floats())))
    elif kind == 3:
        content = write_number(1, 3) + write_bytes(7, write_varint(draw(st.integers(-9, 9))))
    elif kind == 4:
        content = write_number(1, 7) + write_bytes(8, b"text")
    else:
        content = draw(st.binary(max_size=12))
    plugin = draw(st.sampled_from([b"", metadata("scalars"), metadata("text")]))
    return tag + write_bytes(8, content) + plugin


@st.composite
def events(draw: st.DrawFn) -> bytes:
    time = b"\x09" + struct.pack("<d", draw(st.floats(0, 2e9)))
    step = write_number(2, draw(steps)) if draw(st.booleans()) else b""
    inner = b"".join(write_bytes(1, each) for each in draw(st.lists(values(), max_size=2)))
    parts = [time, step, write_bytes(5, inner)]
    if draw(st.integers(0, 9)) == 0:
        parts = draw(st.permutations([*parts, draw(st.sampled_from(parts))]))
    return b"".join(parts)


def variants() -> list[list[bytes]]:
    """Records of one length and several layouts, or with what is no layout."""
    plain = [tensorboard.scalar("abc", n / 3, 200, 7.5) for n in range(9)]
    shorter = [tensorboard.scalar("abcd", n / 3, 20, 7.5) for n in range(9)]
    # the number's field is one that holds something else
    place = plain[0].index(b"abc") + 3
    other = [each[:place] + b"\x1d" + each[place + 1 :] for each in plain]
    # the step does not end where that of the others does
    endless = [each.replace(b"\x10\xc8\x01", b"\x10\xc8\x81") for each in plain]
    # a tag that ends in the middle of the field
    length = [each.replace(b"\x03abc", b"\x02abc") for each in plain]
    twice = [each[:-5] + b"\x0a\x03xyz" for each in plain]
    return [plain, shorter, other, endless, length, twice]


@pytest.mark.parametrize("first", range(6))
@pytest.mark.parametrize("second", range(6))
def test_records_of_one_length_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, second: int
) -> None:
    """Byte by byte, whichever comes first."""
    records = [*variants()[first][:1], *variants()[second], *variants()[first]]
    path = write(tmp_path / NAME, *records)
    fast = tfevents.read(path)
    monkeypatch.setattr(scalar_blocks, "FEWEST", 1 << 30)
    slow = tfevents.read(path)
    same(fast, slow)
    assert sorted(each.line or 0 for each in fast.skipped) == sorted(
        each.line or 0 for each in slow.skipped
    )


@SAME_FILE
@given(st.lists(events(), min_size=1, max_size=12), st.data())
def test_columns_and_careful_decoding_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, some: list[bytes], data: st.DataObject
) -> None:
    """For any events in any order, also with damaged bytes."""
    order = data.draw(st.lists(st.integers(0, len(some) - 1), max_size=60))
    path = write(tmp_path / NAME, *some, *(some[place] for place in order))
    raw = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=2)):
        raw[place] ^= 0x41
    path.write_bytes(raw)
    monkeypatch.setattr(scalar_blocks, "FEWEST", 1)
    fast = tfevents.read(path)
    monkeypatch.setattr(scalar_blocks, "FEWEST", 1 << 30)
    slow = tfevents.read(path)
    same(fast, slow)
    assert {(each.line, each.what) for each in fast.skipped} == {
        (each.line, each.what) for each in slow.skipped
    }
    assert fast.mark == slow.mark


@SAME_FILE
@given(st.lists(events(), max_size=20), st.lists(st.integers(0, 5000), max_size=3))
def test_reading_on_gives_what_reading_once_gives(
    tmp_path: Path, some: list[bytes], cuts: list[int]
) -> None:
    """Wherever the file ended when it was read, also within a record."""
    path = write(tmp_path / NAME, *some)
    data = path.read_bytes()
    whole = tfevents.read(path)
    mark, pieces = None, []
    for cut in (*sorted(cuts), len(data)):
        path.write_bytes(data[:cut])
        found = tfevents.read(path, mark)
        mark = found.mark
        pieces.append(found)
    assert mark == whole.mark
    assert together(pieces) == together([whole])


def together(pieces: list[Found]) -> dict[tuple[str, str | None], list[tuple[float, ...]]]:
    rows: dict[tuple[str, str | None], list[tuple[float, ...]]] = {}
    for curve in (curve for each in pieces for curve in each.curves):
        rows.setdefault((curve.name, curve.split), []).extend(rows_of(curve))
    return rows


def rows_of(curve: Curve) -> list[tuple[float, ...]]:
    columns = (curve.value, curve.step, curve.time, curve.line)
    return [tuple(map(repr, row)) for row in zip(*(c.tolist() for c in columns), strict=True)]  # type: ignore[misc]


@given(st.binary(max_size=300))
def test_nothing_is_raised_for_any_bytes(data: bytes) -> None:
    """Framed as a record, and as they are."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, NAME), data, *[data] * 9)
        tfevents.read(path)
        path.write_bytes(path.read_bytes() + data)
        tfevents.read(path)

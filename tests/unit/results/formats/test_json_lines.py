from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results import curves
from overnight.results.curves import Passed
from overnight.results.formats import metrics_jsonl
from overnight.results.parsing import json_lines, line_blocks, rows
from overnight.results.parsing.conventions import Convention
from overnight.results.parsing.gather import Gather
from tests.unit.results.formats import pieces

NAMES = [
    "train_loss",
    "train_runtime",
    "step",
    "epoch",
    "split",
    "loss",
    "val_acc",
    "lr1",
    "lr2",
    "e",
    "time",
    "a b",
    "é",
    "x_2",
    "-e.5",
]
NUMBERS = st.one_of(
    st.integers(-5, 10**6),
    st.floats(allow_nan=False),
    st.integers(10**18, 10**22),
)
# What a line may have in the place of a number: words, text, and what is no JSON.
ODD = st.sampled_from(
    ["NaN", "Infinity", "-Infinity", "null", "true", '"NaN"', '"train"', '"val"', '"0.5"', "01",
     "+1", ".5", "1.", "1e400", "-", "", "1 2", "[1]", '{"a": 2}', "nan", "1e5", '"1:2"', "--1"]
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Lines of a few shapes, most of them regular."""
    lines: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        keys = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4))
        colon, comma = draw(st.sampled_from([(": ", ", "), (":", ","), (" : ", " , ")]))
        fixed = {key: draw(st.sampled_from(['"train"', '"val"', "null", "NaN"])) for key in keys}
        constant = draw(st.sets(st.sampled_from(keys), max_size=1))
        for _ in range(draw(st.integers(1, 14))):
            parts = []
            for key in keys:
                is_odd = draw(st.integers(0, 60)) == 0
                text = draw(ODD) if is_odd else json.dumps(draw(NUMBERS))
                parts.append(f'"{key}"{colon}{fixed[key] if key in constant else text}')
            line = "{" + comma.join(parts) + "}"
            if draw(st.integers(0, 80)) == 0:
                line = line[: draw(st.integers(0, len(line)))]
            lines.append(line)
    order = draw(st.permutations(lines)) if draw(st.booleans()) else lines
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return (end.join(order) + draw(st.sampled_from([end, ""]))).encode()


def carefully(data: bytes) -> pieces.Plain:
    """Line by line, without anything that reads many lines at once."""
    gather = Gather()
    taker = rows.Rows(Convention(format="x"), gather, Passed())
    for number, line in enumerate(data.replace(b"\r\n", b"\n").split(b"\n"), 1):
        row = json_lines.row(line_blocks.text(line))
        if row is not None:
            taker.one(row, number)
    return pieces.plain(gather.curves())


@settings(max_examples=150, deadline=None)
@given(files())
def test_reading_at_once_gives_what_reading_line_by_line_gives(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    """Also the order of the curves is the same."""
    path = tmp_path_factory.getbasetemp() / "fast.jsonl"
    path.write_bytes(data)
    found = pieces.plain(metrics_jsonl.read(path).curves)
    wanted = carefully(data)
    assert found == wanted
    assert list(found) == list(wanted)


@settings(max_examples=100, deadline=None)
@given(files(), st.lists(st.integers(0, 400), max_size=4))
def test_a_growing_file_gives_what_the_whole_one_gives(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cuts: list[int]
) -> None:
    """Wherever the file ended when it was read before."""
    path = tmp_path_factory.getbasetemp() / "line_blocks.jsonl"
    assert pieces.in_pieces(metrics_jsonl, path, data, cuts) == carefully(data)


@pytest.mark.parametrize(
    "line",
    [
        b'{"step": 1, "loss": 2.5}\n',
        b'{"loss": 2.5, "step": 1}\n',
        b'{"step":1,"split":"train","loss":-2.5e-3}\n',
        b'{"step": 1, "epoch": 0.5, "lr1": 1, "lr2": 2, "loss": 3}\n',
    ],
)
def test_usual_lines_are_read_at_once(line: bytes) -> None:
    """A fast path that is never taken would not be noticed otherwise."""
    found, others = json_lines.regular(line * 10)
    assert others == []
    assert [each.numbers.shape[0] for each in found] == [10]


@pytest.mark.parametrize(
    "lines",
    [
        [b'{"a": 1, "b": 2, "b": 3}', b'{"a": 1, "c": 2, "c": 3}'] * 10,
        [b'{"a1": 1, "a2": 2}', b'{"a2": 1, "a1": 2}'] * 10,
        [b'{"s": 1, "a1": 2, "a2": 3}', b'{"s": 1, "a2": 2, "a1": 3}'] * 10,
        [b'{"s": 1, "a1": 2, "a2": 3}', b'{"s": 1, "a1": 2, "a1": 3}'] * 10,
        [b'{"a": 1}5'] * 10,
        [b'{"a": 1, "b": 2'] * 10 + [b"}"] * 10,
        [b'{"a": 1}{"a": 2}'] * 10,
        [b'{"a": 1}, {"a": 2}'] * 10,
        [b'{"a": 1 2}'] * 10,
        [b'{"a": {"b": 1}}'] * 10,
    ],
)
def test_what_only_looks_regular_is_not_taken_for_it(lines: list[bytes]) -> None:
    """Keys that differ by digits alone, keys that come twice, objects that do not end."""
    data = b"\n".join(lines) + b"\n"
    taker, gather = rows.Rows, Gather()
    reading = taker(Convention(format="x"), gather, Passed())
    found, others = json_lines.regular(data)
    for each in found:
        reading.many(each, 1)
    for place, line in others:
        if (row := json_lines.row(line.decode())) is not None:
            reading.one(row, place + 1)
    assert pieces.plain(gather.curves()) == carefully(data)


def test_rows_become_curves(tmp_path: Path) -> None:
    """Each number belongs to its metric and split, with step, epoch, time and line."""
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "epoch": 0, "split": "train", "loss": 2.5, "time": 1700000000}\n'
        '{"step": 1, "epoch": 0, "split": "valid", "loss": 2.0, "acc": 0.5, "note": "x"}\n'
    )
    found = metrics_jsonl.read(path)
    assert pieces.plain(found.curves) == {
        ("loss", "train"): [(2.5, 1, 0, 1.7e9, 1)],
        ("loss", "val"): [(2.0, 1, 0, None, 2)],
        ("acc", "val"): [(0.5, 1, 0, None, 2)],
    }
    assert [(each.what, each.why) for each in found.skipped] == [("note", "text")]


def test_a_torn_last_line_waits_and_one_in_the_middle_is_told(tmp_path: Path) -> None:
    """What is torn now may be whole the next time."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":1,"loss":1}\n{"step":2,"lo{"step":3,"loss":1}\n{"step":4,"los')
    found = metrics_jsonl.read(path)
    assert [each.line for each in found.skipped] == [2]
    assert found.mark is not None
    assert (found.mark.line, pieces.values(found, "loss")) == (2, [1.0])


def test_a_rewritten_file_is_read_anew(tmp_path: Path) -> None:
    """A mark of other bytes leads to the whole file, and to no mark."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":1,"loss":1}\n{"step":2,"loss":2}\n')
    mark = metrics_jsonl.read(path).mark
    path.write_text('{"step":1,"loss":7}\n{"step":2,"loss":8}\n{"step":3,"loss":9}\n')
    found = metrics_jsonl.read(path, mark)
    assert (pieces.values(found, "loss"), found.mark) == ([7, 8, 9], None)
    path.write_text("")
    assert metrics_jsonl.read(path, mark).mark is None


def test_nothing_new_is_nothing(tmp_path: Path) -> None:
    """A file that did not grow gives no curve, and the same mark."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":1,"loss":1}\n{"step":2,"loss":2}')
    first = metrics_jsonl.read(path)
    again = metrics_jsonl.read(path, first.mark)
    assert (again.curves, again.mark) == ((), first.mark)
    assert pieces.values(first, "loss") == [1, 2]


def test_times_ids_and_configuration_are_no_metrics(tmp_path: Path) -> None:
    """Each is told once, with the reason."""
    path = tmp_path / "metrics.jsonl"
    row = '{"step":1,"loss":1,"eval_runtime":3,"eval_samples_per_second":9,"total_flos":1,"seed":1,'
    path.write_text((row + '"run_id":4,"data_time":1}\n') * 3)
    found = metrics_jsonl.read(path)
    assert [each.name for each in found.curves] == ["loss"]
    assert {each.what: each.why for each in found.skipped} == {
        "eval_runtime": "a time or a speed",
        "eval_samples_per_second": "a time or a speed",
        "total_flos": "a time or a speed",
        "seed": "configuration",
        "run_id": "an id",
        "data_time": "a time or a speed",
    }


def test_nested_rows_and_words_for_nan(tmp_path: Path) -> None:
    """The object's name stands in front; "NaN" as text is NaN."""
    path = tmp_path / "log.jsonl"
    path.write_text(
        '{"step":1,"val":{"loss":"NaN","acc":0.5}}\n{"step":2,"val":{"loss":Infinity}}\n'
    )
    found = metrics_jsonl.read(path)
    first, second = pieces.values(found, "val/loss")
    assert math.isnan(first)
    assert second == math.inf


@pytest.mark.parametrize(
    ("data", "is_told"), [(b"", True), (b"\n\n", False), (b'{"step": 1, "lo', True)]
)
def test_nothing_to_read(tmp_path: Path, data: bytes, is_told: bool) -> None:
    """No curve; said with a reason, but for a file of blank lines."""
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(data)
    found = metrics_jsonl.read(path)
    assert found.curves == ()
    assert bool(found.skipped) is is_told


@pytest.mark.parametrize(
    ("head", "sure"),
    [
        (b'{"step": 1, "loss": 2}\n', curves.LIKELY),
        (b'{"text": "a", "label": 1}\n{"text": "b", "label": 2}\n', curves.NO),
        (b'{"loss": [1, 2, 3]}\n', curves.NO),
        (b"step,loss\n1,2\n", curves.NO),
    ],
)
def test_whose_lines_they_are(head: bytes, sure: int) -> None:
    """A data set in JSON lines is no file of metrics."""
    assert metrics_jsonl.claims(Path("a.jsonl"), head) == sure


def test_zeros_of_a_broken_disk_and_other_encodings_do_no_harm(tmp_path: Path) -> None:
    """Also a byte order mark at the beginning."""
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        b'\xef\xbb\xbf{"step":1,"loss":1}\n\0\0\0{"step":2,"loss":2}\n{"step":3,"caf\xe9":3}\n'
    )
    found = metrics_jsonl.read(path)
    assert [(each.name, each.value.tolist()) for each in found.curves] == [
        ("loss", [1.0, 2.0]),
        ("café", [3.0]),
    ]
    path.write_bytes('{"step":1,"loss":1}\r\n'.encode("utf-16"))
    assert pieces.values(metrics_jsonl.read(path), "loss") == [1.0]


def test_the_mean_loss_of_a_whole_run_is_not_its_last_loss(tmp_path: Path) -> None:
    """The HF Trainer writes it beside `train_runtime`."""
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step":1,"train_loss":3}\n{"step":9,"train_loss":2,"train_runtime":60}\n')
    found = metrics_jsonl.read(path)
    assert pieces.values(found, "train_loss") == [3]
    assert pieces.values(found, "train_loss_mean") == [2]


def test_numbers_as_text(tmp_path: Path) -> None:
    """Only where the name is that of a metric: others may be versions or ids."""
    path = tmp_path / "log.jsonl"
    path.write_text('{"epoch": 1, "train_loss": "5.3", "build": "39.4"}\n')
    assert metrics_jsonl.claims(path, path.read_bytes()) == curves.LIKELY
    found = metrics_jsonl.read(path)
    assert [(each.name, each.value.tolist()) for each in found.curves] == [("train_loss", [5.3])]

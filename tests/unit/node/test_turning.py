"""A variant with settings turned differs from it at their places only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.core import knobs, variants
from overnight.node import turning

FILE = '{"lr": 0.001, "workers": 8, "text": "8"}'


def place(text: str, number: str, **where: Any) -> dict[str, Any]:
    start = text.index(number)
    return {**where, "start": start, "end": start + len(number)}


VARIANT: dict[str, Any] = {
    "argv": ["torchrun", "t.py", "--port=29500", "--skip", "skip.txt"],
    "files": {"a.json": FILE, "skip.txt": "old.png\n"},
    "places": {
        "lr": [place(FILE, "0.001", file="a.json")],
        "workers": [place(FILE, "8", file="a.json")],
        "port": [place("--port=29500", "29500", word=2)],
        "clip": [{"word": 2, "start": 0, "end": 0, "add": ["--clip", "{}"]}],
        "exclude": [{"file": "skip.txt", "start": 8, "end": 8, "form": "lines"}],
    },
}


def test_each_setting_is_written_at_its_place() -> None:
    """In words, in files, as words of its own, and as lines of a list."""
    wanted = {"lr": 5e-4, "workers": 0, "port": 1234, "clip": 1.0, "exclude": ["a b.png", "c"]}
    argv, files = turning.turned(VARIANT, wanted)
    assert argv == ["torchrun", "t.py", "--clip", "1.0", "--port=1234", "--skip", "skip.txt"]
    assert json.loads(files["a.json"]) == {"lr": 5e-4, "workers": 0, "text": "8"}
    assert files["skip.txt"] == "old.png\na b.png\nc\n"
    assert VARIANT["files"]["a.json"] == FILE


def test_values_as_they_are_change_nothing() -> None:
    """Also where the number was written in another way."""
    same = {"lr": 1e-3, "workers": 8, "port": 29500, "clip": None, "exclude": None}
    assert turning.turned(VARIANT, same) == (VARIANT["argv"], VARIANT["files"])


def test_specs_of_older_runs_have_no_places() -> None:
    """They are started as they are, whatever is asked for."""
    old = {"argv": ["t.py"], "label": "batch 8", "changes_science": False}
    assert turning.turned(old, {"workers": 2}) == (["t.py"], {})
    assert not turning.turnable(old, "workers")
    assert turning.turnable(VARIANT, "lr")


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("1e-3", 1e-5, "1.0e-05"),  # 1e-05 would be text in YAML 1.1
        ("0.1", 1, "1.0"),
        ("0.1", 2.5e-7, "2.5e-07"),
        ("1", 2, "2"),
        ("0.10", 0.1, "0.10"),
        ("1.0", 1e22, "1.0e+22"),
    ],
)
def test_numbers_are_written_so_that_every_format_reads_a_number(
    old: str, value: float, new: str
) -> None:
    """And one that is there already stays as it was typed."""
    variant = {"argv": ["t.py", old], "places": {"lr": [place(old, old, word=1)]}}
    assert turning.turned(variant, {"lr": value})[0][1] == new
    assert float(new) == value


@pytest.mark.parametrize(
    "wanted",
    [
        {"lr": float("nan")},
        {"lr": "0.1"},
        {"lr": True},
        {"lr": [1]},
        {"exclude": ["a\nb"]},
        {"exclude": [""]},
        {"exclude": [3]},
        {"exclude": "\x1b[2J"},
    ],
)
def test_what_cannot_be_written_is_refused(wanted: dict[str, Any]) -> None:
    """Nothing half-written is returned."""
    with pytest.raises(ValueError, match="not a"):
        turning.turned(VARIANT, wanted)


def test_shell_text_is_lengthened_where_the_gap_is() -> None:
    """The rest of the text stays byte for byte."""
    variant = {
        "argv": ["/bin/sh", "-c", "A=1 t.py -b 8 | tee 'x y'"],
        "places": {"clip": [{"word": 2, "start": 13, "end": 13, "add": ["--clip={}"]}]},
    }
    assert turning.turned(variant, {"clip": 0.5})[0][2] == "A=1 t.py -b 8 --clip=0.5 | tee 'x y'"


KNOBS = knobs.Knobs(
    micro_batch=knobs.Knob(template="-b {}"),
    accumulation=knobs.FileKnob(file="a.json", key="accum"),
    workers=knobs.FileKnob(file="a.json", key="workers", number="count"),
    lr=knobs.Knob(template="--lr {}", number="float"),
    clip=knobs.FileKnob(file="a.json", key="clip", number="float"),
    port=knobs.Knob(template="--port={}", number="port"),
)


@given(
    batch=st.integers(1, 256),
    accum=st.integers(1, 8),
    wanted=st.fixed_dictionaries(
        {},
        optional={
            "workers": st.integers(0, 64),
            "lr": st.floats(1e-9, 10.0),
            "clip": st.floats(1e-3, 1e3),
            "port": st.integers(1024, 65535),
        },
    ),
    before=st.lists(st.text("abc =é😀", max_size=4), max_size=3),
    in_shell=st.booleans(),
)
def test_any_variant_can_be_turned_and_nothing_else_moves(
    batch: int, accum: int, wanted: dict[str, float], before: list[str], in_shell: bool
) -> None:
    """Each variant of any batch: only the asked settings differ, read by another parser."""
    content = {"é": 1, "accum": accum, "workers": 8, "clip": 0.25, "z": [accum, 8, 0.25]}
    typed = ["t.py", *before, "-b", str(batch), "--lr", "0.1", "x"]
    argv = ["sh", "-c", f"t.py -b {batch} --lr 0.1 x"] if in_shell else typed
    plan = variants.compute(argv, KNOBS, lambda _path: json.dumps(content, ensure_ascii=False))
    assert set(plan.settings) == {"workers", "lr", "clip", "port"}
    for each in plan.variants:
        wire = {"argv": list(each.argv), "files": dict(each.files), "places": each.places}
        known = {name: value for name, value in plan.settings.items() if value is not None}
        assert turning.turned(wire, known) == (list(each.argv), dict(each.files))
        new_argv, files = turning.turned(wire, wanted)
        expected = {**content, "accum": each.accumulation}
        expected |= {name: wanted[name] for name in ("workers", "clip") if name in wanted}
        assert json.loads(files["a.json"]) == expected
        text = " ".join(new_argv)
        for name, flag in (("lr", "--lr "), ("port", "--port=")):
            if name in wanted:
                value = text.split(flag)[1].split()[0]
                assert float(value) == wanted[name]

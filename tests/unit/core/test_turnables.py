"""What a repair may turn beside the batch, and where it stands."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from overnight.core import invocation, knobs, turnables, variants
from overnight.core.invocation import Invocation
from overnight.node import turning

FILES = {
    "a.yaml": "lr: 1e-3\nbatch: 16\naccum: 1\nworkers: 4\nskip: 'lists/skip.txt'\n",
    "lists/skip.txt": "old.png",
}


def reading(path: str) -> str:
    if path not in FILES:
        raise invocation.NoFileError(f"there is no file {path} in the project")
    return FILES[path]


def find(command: str, **known: Any) -> turnables.Turnables:
    typed = Invocation(argv=tuple(shlex.split(command)))
    return turnables.find(typed, knobs.Knobs(**known), reading)


def at(found: turnables.Turnables, name: str) -> list[str]:
    """The text at each place of a setting."""
    texts = []
    for place in found.places[name]:
        target = place.get("file")
        text = found.invocation.files[target] if target else found.invocation.argv[place["word"]]
        texts.append(text[place["start"] : place["end"]])
    return texts


def test_typed_flags_and_keys_have_their_values_and_places() -> None:
    """Whole numbers stay whole; a flag that stands twice has two places."""
    found = find(
        "t.py --lr 0.1 -j4 --lr=0.2 --clip 1",
        lr=knobs.Knob(template="--lr {}", number="float"),
        workers=knobs.Knob(template="-j {}", number="count"),
        clip=knobs.Knob(template="--clip {}", number="float"),
        port=knobs.Knob(template="--port {}", number="port", value=29500),
    )
    assert found.values == {"lr": 0.2, "workers": 4, "clip": 1, "port": 29500}
    assert at(found, "lr") == ["0.1", "0.2"]
    assert found.places["port"] == [{"word": 7, "start": 0, "end": 0, "add": ["--port", "{}"]}]


def test_keys_of_files_are_found_in_the_text() -> None:
    """The file is carried along, so that the places mean something."""
    found = find("t.py", lr=knobs.FileKnob(file="a.yaml", key="lr", number="float"))
    assert (found.values, at(found, "lr")) == ({"lr": 0.001}, ["1e-3"])
    assert found.invocation.files == {"a.yaml": FILES["a.yaml"]}


@pytest.mark.parametrize(
    ("knob", "command", "path", "text"),
    [
        (knobs.ListFile(path="lists/skip.txt"), "t.py", "lists/skip.txt", "old.png\n"),
        (knobs.ListFile(path="./new.txt"), "t.py", "new.txt", ""),
        (
            knobs.Knob(template="--skip {}", number="path"),
            "t.py --skip lists/skip.txt",
            "lists/skip.txt",
            "old.png\n",
        ),
        (
            knobs.FileKnob(file="a.yaml", key="skip", number="path"),
            "t.py",
            "lists/skip.txt",
            "old.png\n",
        ),
    ],
)
def test_list_of_samples_is_lengthened_at_its_end(
    knob: Any, command: str, path: str, text: str
) -> None:
    """Named directly, by a flag or by a key; a last line without an end gets one."""
    found = find(command, exclude=knob)
    end = {"file": path, "start": len(text), "end": len(text), "form": "lines"}
    assert found.places["exclude"] == [end]
    assert found.invocation.files == {path: text}
    assert found.values == {"exclude": None}


def test_list_flag_that_is_not_typed_is_added_with_a_file_of_ours() -> None:
    """Only when something is excluded; until then the command stays as typed."""
    found = find("t.py", exclude=knobs.Knob(template="--skip {}", number="path"))
    first, second = found.places["exclude"]
    assert first["add"] == ["--skip", turnables.LIST_FILE]
    assert second["file"] == turnables.LIST_FILE


@pytest.mark.parametrize(
    ("command", "name", "knob", "said"),
    [
        ("t.py --lr auto", "lr", knobs.Knob(template="--lr {}", number="float"), "plain number"),
        ("t.py --lr inf", "lr", knobs.Knob(template="--lr {}", number="float"), "plain number"),
        ("t.py --lr 1e999", "lr", knobs.Knob(template="--lr {}", number="float"), "finite"),
        ("t.py --p 70000", "port", knobs.Knob(template="--p {}", number="port"), "too large"),
        ("t.py --s /etc/x", "exclude", knobs.Knob(template="--s {}", number="path"), "inside"),
        ("t.py --s ../x", "exclude", knobs.Knob(template="--s {}", number="path"), "inside"),
        ("t.py", "lr", knobs.FileKnob(file="a.yaml", key="skip", number="float"), "plain number"),
        ("t.py", "clip", knobs.FileKnob(file="b.yaml", key="x", number="float"), "no file"),
    ],
)
def test_unclear_settings_are_refused_with_a_reason(
    command: str, name: str, knob: Any, said: str
) -> None:
    """They have no place, so that nothing can be written there."""
    found = find(command, **{name: knob})
    assert said in found.refused[name]
    assert name not in found.places


def test_setting_at_the_place_of_another_knob_is_refused() -> None:
    """A setting must not turn the batch."""
    same = knobs.FileKnob(file="a.yaml", key="batch", number="count")
    declared = knobs.Knobs(
        micro_batch=knobs.FileKnob(file="a.yaml", key="batch"),
        accumulation=knobs.FileKnob(file="a.yaml", key="accum"),
        workers=same,
    )
    plan = variants.compute(["t.py"], declared, reading)
    assert "same place" in plan.refused["workers"]
    assert len(plan.variants) == 5


def test_places_move_with_the_numbers_before_them() -> None:
    """A batch of one digit less shifts what stands behind it."""
    declared = knobs.Knobs(
        micro_batch=knobs.FileKnob(file="a.yaml", key="batch"),
        accumulation=knobs.FileKnob(file="a.yaml", key="accum"),
        workers=knobs.FileKnob(file="a.yaml", key="workers", number="count"),
        lr=knobs.FileKnob(file="a.yaml", key="lr", number="float"),
    )
    for variant in variants.compute(["t.py"], declared, reading).variants:
        text = variant.files["a.yaml"]
        for name, written in (("workers", "4"), ("lr", "1e-3")):
            (place,) = variant.places[name]
            assert text[place["start"] : place["end"]] == written
            assert text[: place["start"]].endswith(f"{name}: ")


@pytest.mark.parametrize(
    ("command", "value", "text"),
    [
        ("torchrun --master_port 29501 t.py", 29501, "29501"),
        ("torchrun --master-port=29501 t.py", 29501, "29501"),
        ("accelerate launch --main_process_port 1234 t.py", 1234, "1234"),
        ("torchrun --rdzv_backend=c10d --rdzv_endpoint=localhost:29400 t.py", 29400, "29400"),
        ("torchrun --rdzv-endpoint [::1]:29400 t.py", 29400, "29400"),
        ("sh -c 'A=1 torchrun --master_port 29501 t.py'", 29501, "29501"),
    ],
)
def test_rendezvous_port_is_recognised(command: str, value: int, text: str) -> None:
    """Where the launcher is told its port, or can be told."""
    found = find(command)
    assert (found.values, at(found, "port")) == ({"port": value}, [text])
    assert "port" not in found.at_start


@pytest.mark.parametrize(
    "command",
    [
        "python t.py",
        "torchrun --standalone t.py",
        "torchrun --rdzv_endpoint=localhost:0 t.py",
        "torchrun --rdzv-conf join_timeout=9 t.py",
        "torchrun --rdzv_endpoint=localhost t.py",
        "torchrun --nnodes=2 --node_rank 1 t.py",
        "sh -c 'torchrun t.py'",
        "torchrun --master_port $PORT t.py",
    ],
)
def test_port_that_nobody_can_turn_has_no_place(command: str) -> None:
    """A free port is taken anyway, or other machines must be told too."""
    found = find(command)
    assert "port" not in {**found.places, **found.refused, **found.at_start}


@pytest.mark.parametrize(
    ("command", "word", "added"),
    [
        ("torchrun --nproc_per_node 2 t.py", 1, "--master_port={}"),
        ("torchrun --nnodes=1 --nproc_per_node 2 t.py --nnodes 3", 1, "--master_port={}"),
        ("python -m torch.distributed.run t.py", 3, "--master_port={}"),
        ("python3.11 -u -m torch.distributed.launch t.py", 4, "--master_port={}"),
        ("torchrun --rdzv-backend c10d t.py", 1, "--rdzv_endpoint=localhost:{}"),
        ("uv run --with torch torchrun t.py", 5, "--master_port={}"),
        ("env A=1 /opt/bin/torchrun t.py", 3, "--master_port={}"),
        ("accelerate launch --num_processes 2 t.py", 2, "--main_process_port={}"),
        ("deepspeed --num_gpus 2 t.py", 1, "--master_port={}"),
    ],
)
def test_port_that_nobody_chose_is_found_at_each_start(command: str, word: int, added: str) -> None:
    """Right after the launcher's name, where its own options stand."""
    found = find(command)
    assert found.places["port"] == [{"word": word, "start": 0, "end": 0, "add": [added]}]
    assert (found.values["port"], found.at_start["port"]) == (None, "free")


def test_declared_port_is_turned_only_when_it_is_taken() -> None:
    """Who declares a port has chosen it."""
    found = find("torchrun t.py", port=knobs.Knob(template="--port {}", number="port", value=1234))
    assert found.values == {"port": 1234}
    assert "port" not in found.at_start


def test_the_start_writes_port_and_folder_behind_the_launcher() -> None:
    """As the server does it."""
    command = ["uv", "run", "torchrun", "--nproc-per-node", "2", "t.py", "--lr", "0.1"]
    plan = variants.compute(command, knobs.Knobs())
    wire = {"argv": command, "places": plan.variants[0].places}
    argv, _ = turning.turned(wire, {"port": 20001, "rank_logs": "/r/attempts/1/ranks"})
    new = ["--log-dir=/r/attempts/1/ranks", "--tee=3", "--master_port=20001"]
    assert argv == [*command[:3], *new, *command[3:]]
    assert dict(plan.at_start) == {"port": "free", "rank_logs": "attempt"}

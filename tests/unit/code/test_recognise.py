from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from overnight.app import project_files
from overnight.code import parsers, recognise, sources
from overnight.core import knobs, variants

Make = Callable[[Mapping[str, str]], Path]

HF = """
    import sys
    from transformers import HfArgumentParser, Trainer, TrainingArguments

    parser = HfArgumentParser(TrainingArguments)
    if sys.argv[1].endswith(".yaml"):
        (args,) = parser.parse_yaml_file(sys.argv[1])
    else:
        (args,) = parser.parse_args_into_dataclasses()
    Trainer(args=args).train()
"""
HF_FILE = """
    per_device_train_batch_size: 32
    gradient_accumulation_steps: 2
    max_grad_norm: 1
"""
LIGHTNING = """
    from lightning.pytorch import LightningDataModule, LightningModule
    from lightning.pytorch.cli import LightningCLI

    class Net(LightningModule):
        def __init__(self, lr: float = 1e-3):
            pass

    class Data(LightningDataModule):
        def __init__(self, batch_size: int = 32, num_workers: int = 4):
            pass

    LightningCLI(Net, Data)
"""
LIGHTNING_FILE = """
    trainer:
      accumulate_grad_batches: 2
    model: {lr: 0.1}
    data:
      batch_size: 16
"""
HYDRA = """
    import hydra

    @hydra.main(version_base=None, config_path="conf", config_name="config")
    def main(cfg):
        pass

    if __name__ == "__main__":
        main()
"""
HYDRA_FILE = """
    defaults:
      - optim: adam
      - _self_
    train:
      batch_size: 64
      grad_accum: 1
      num_workers: 4
"""
PLAIN = """
    import argparse, yaml

    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--accum", type=int, default=1)
    args = parser.parse_args()
    cfg = yaml.safe_load(open(args.config))
"""
DECLARED = knobs.Knobs(
    micro_batch=knobs.Knob(template="--batch-size {}", value=8),
    accumulation=knobs.Knob(template="--accum {}", value=1),
)


def plan(
    root: Path, command: str, declared: knobs.Knobs | None = None
) -> tuple[recognise.Recognised, variants.Plan]:
    argv, read = command.split(), project_files.reader(root, ())
    found = recognise.knobs_of(root, argv, declared or knobs.Knobs(), read)
    return found, variants.compute(argv, found.knobs, read, found.doubtful)


def test_arguments_file_of_the_trainer(make: Make) -> None:
    """Batch and settings are turned in the file; a whole number may be the clipping."""
    root = make({"train.py": HF, "args.yaml": HF_FILE})
    found, got = plan(root, "python train.py args.yaml")
    assert found.knobs.micro_batch == knobs.FileKnob(
        file="args.yaml", key="per_device_train_batch_size"
    )
    assert (got.variants[1].micro_batch, got.variants[1].accumulation) == (16, 4)
    assert got.settings["clip"] == 1
    assert "args.yaml:2" in found.said["micro_batch"]


def test_for_many_commands_the_script_is_understood_once(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep of ten thousand runs asks for each of them."""
    root = make({"train.py": PLAIN})
    files, read = sources.Project(root), project_files.reader(root, ())
    asked: list[str] = []
    understand = parsers.read

    def counted(project: sources.Project, script: sources.Module) -> Any:
        asked.append(script.path)
        return understand(project, script)

    monkeypatch.setattr(parsers, "read", counted)
    for size in ("4", "16"):
        argv = ["python", "train.py", "--batch-size", size, "--accum", "1"]
        found = recognise.knobs_of(root, argv, knobs.Knobs(), read, files)
        assert found.knobs.micro_batch == knobs.Knob(template="--batch-size {}", value=8)
        once, asked[:] = list(asked), []
    assert once == []


def test_default_of_a_declared_flag_does_not_hold_where_a_file_says_otherwise(make: Make) -> None:
    """8 x 1 was declared; the file of this command says 32 x 2, and that is what is halved."""
    root = make({"train.py": HF, "args.yaml": HF_FILE})
    flags = ("--per_device_train_batch_size {}", "--gradient_accumulation_steps {}")
    declared = knobs.Knobs(
        micro_batch=knobs.Knob(template=flags[0], value=8),
        accumulation=knobs.Knob(template=flags[1], value=1),
    )
    _, got = plan(root, "python train.py args.yaml", declared)
    sizes = [(each.micro_batch, each.accumulation) for each in got.variants[:2]]
    assert sizes == [(32, 2), (16, 4)]
    assert got.variants[1].argv == ("python", "train.py", "args.yaml")


def test_declared_flags_hold_without_a_file_and_where_they_are_typed(make: Make) -> None:
    """A file is no reason to distrust what the command says."""
    root = make({"train.py": PLAIN, "a.yaml": "lr: 0.1\n", "b.yaml": "train: {batch_size: 4}\n"})
    for command in (
        "python train.py --config a.yaml",
        "python train.py --config b.yaml --batch-size 8",
    ):
        found, got = plan(root, command, DECLARED)
        assert found.knobs.micro_batch == DECLARED.micro_batch
        assert got.variants[0].micro_batch == 8


@pytest.mark.parametrize("text", ["batch_size: 4\n", "batch_size: auto\n"])
def test_one_number_in_a_file_and_a_flag_that_nobody_typed(make: Make, text: str) -> None:
    """The effective batch would not be certain: no smaller batch is offered."""
    root = make({"train.py": PLAIN, "b.yaml": text})
    _, got = plan(root, "python train.py --config b.yaml", DECLARED)
    assert len(got.variants) == 1
    assert "b.yaml:1" in got.note


def test_configuration_of_the_lightning_cli(make: Make) -> None:
    """Also over flags that the project declared for commands without a file."""
    root = make({"train.py": LIGHTNING, "config.yaml": LIGHTNING_FILE})
    declared = knobs.Knobs(
        micro_batch=knobs.Knob(template="--data.batch_size {}"),
        accumulation=knobs.Knob(template="--trainer.accumulate_grad_batches {}"),
    )
    _, got = plan(root, "python train.py fit --config config.yaml", declared)
    assert (got.variants[1].micro_batch, got.variants[1].accumulation) == (8, 4)
    assert "batch_size: 8" in got.variants[1].files["config.yaml"]
    assert got.settings["lr"] == 0.1


def test_model_and_data_module_of_the_lightning_cli(make: Make) -> None:
    """Without a file their defaults hold, and are flags."""
    _, got = plan(make({"train.py": LIGHTNING}), "python train.py fit")
    assert got.settings == {"workers": 4, "lr": 0.001, "clip": None}


def test_overrides_of_hydra(make: Make) -> None:
    """key=value, with the values of the files of its groups."""
    files = {"conf/config.yaml": HYDRA_FILE, "conf/optim/adam.yaml": "lr: 0.001\n"}
    root = make({"train.py": HYDRA, **files})
    _, got = plan(root, "python train.py train.batch_size=32")
    assert got.variants[1].argv[2:] == ("train.batch_size=16", "train.grad_accum=2")
    assert got.settings == {"workers": 4, "lr": 0.001}


def test_settings_at_two_places_are_left_alone(make: Make) -> None:
    """Which of the two counts is not known."""
    root = make({"train.py": PLAIN, "b.yaml": "a: {lr: 1}\nb: {lr: 2}\n"})
    found, got = plan(root, "python train.py --config b.yaml", DECLARED)
    assert "lr" not in got.settings
    assert "b.yaml:1 and b.yaml:2" in found.doubtful["lr"]

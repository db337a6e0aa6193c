from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from overnight.code import detect
from overnight.core import command, errors, knobs

Make = Callable[[Mapping[str, str]], Path]

ARGPARSE = """
    import argparse
    import torch

    def main():
        parser = argparse.ArgumentParser()
        group = parser.add_argument_group("training")
        group.add_argument("-b", "--batch-size", type=int, default=64)
        group.add_argument("--accum-steps", type=int, default=1, help="gradient accumulation")
        parser.add_argument("--epochs", default=30, type=int)
        parser.add_argument("--resume", default="", metavar="PATH")
        parser.add_argument("--output-dir", default="./results")
        args = parser.parse_args()
        print("val_loss", 1.0)

    if __name__ == "__main__":
        main()
"""
TRAINS = "import torch\nloss.backward()\nif __name__ == '__main__':\n    main()\n"


def test_plain_argparse_script_is_recognised_whole(make: Make) -> None:
    """Script, flags with their defaults, resume, outputs, metric and a smoke command."""
    found = detect.detect(make({"train.py": ARGPARSE}))
    assert found.train == "python train.py"
    assert found.micro_batch == knobs.Knob(template="-b|--batch-size {}", value=64)
    assert found.accumulation == knobs.Knob(template="--accum-steps {}", value=1)
    assert found.resume == "--resume {checkpoint}"
    assert found.outputs == ("results",)
    assert found.smoke == "python train.py --epochs 1"
    assert found.metric == "val_loss"


def test_every_assumption_about_code_has_a_place(make: Make) -> None:
    """A reader can check each line."""
    found = detect.detect(make({"train.py": ARGPARSE}))
    said = "\n".join(found.assumptions)
    for line in (8, 9, 10, 11, 12):
        assert f"train.py:{line}" in said


def test_script_is_chosen_among_several(make: Make) -> None:
    """Evaluation, tests and helpers are no training; near misses are named."""
    root = make(
        {
            "main.py": TRAINS,
            "eval_train.py": TRAINS,
            "tests/test_train.py": TRAINS,
            "model.py": "import torch\nclass Net(torch.nn.Module): ...\n",
            "finetune.py": TRAINS,
        }
    )
    found = detect.detect(root)
    assert found.script == "finetune.py"
    assert found.runners_up[0] == "main.py"
    assert any("main.py could be the training too" in each for each in found.questions)


def test_readme_decides_and_gives_the_arguments(make: Make) -> None:
    """A complete command of the README is taken over."""
    root = make(
        {
            "a.py": TRAINS,
            "b.py": TRAINS,
            "README.md": "```\nCUDA_VISIBLE_DEVICES=0 python b.py --data 'a b' # fast\n```\n",
        }
    )
    found = detect.detect(root)
    assert command.parse(found.train) == ["python", "b.py", "--data", "a b"]
    assert any("README.md:2" in each for each in found.assumptions)


def test_readme_with_holes_is_a_hint(make: Make) -> None:
    """`<path>` is for a person to fill in."""
    readme = "    torchrun --nproc_per_node=4 train.py \\\n      --data <path to data>\n"
    found = detect.detect(make({"train.py": TRAINS, "README.md": readme}))
    assert found.train == "python train.py"
    assert any("README.md:1 shows how it is run" in each for each in found.questions)


def test_required_arguments_are_asked_for(make: Make) -> None:
    """The command would fail without them."""
    script = (
        "import argparse, torch\np = argparse.ArgumentParser()\np.add_argument('data')\n"
        "p.add_argument('--name', required=True)\np.add_argument('rest', nargs='*')\n"
    )
    found = detect.detect(make({"train.py": script + TRAINS}))
    assert any("train.py wants data, --name: complete train" in each for each in found.questions)


def test_hugging_face_arguments(make: Make) -> None:
    """The Trainer's own flags with their documented defaults, steps for the smoke test."""
    script = """
        from dataclasses import dataclass, field
        from transformers import HfArgumentParser, Trainer, TrainingArguments

        @dataclass
        class ModelArguments:
            model_name_or_path: str = field(metadata={"help": "the model"})

        def main():
            parser = HfArgumentParser((ModelArguments, TrainingArguments))
            model_args, training_args = parser.parse_args_into_dataclasses()
            checkpoint = training_args.resume_from_checkpoint
            Trainer(args=training_args).train(resume_from_checkpoint=checkpoint)

        if __name__ == "__main__":
            main()
    """
    found = detect.detect(make({"run_task.py": script}))
    assert found.framework == "Hugging Face Trainer"
    assert found.micro_batch == knobs.Knob(template="--per_device_train_batch_size {}", value=8)
    assert found.accumulation == knobs.Knob(template="--gradient_accumulation_steps {}", value=1)
    assert found.resume == "--resume_from_checkpoint {checkpoint}"
    assert found.outputs == ("outputs",)
    assert found.smoke == "python run_task.py --output_dir outputs --max_steps 20"
    assert any("--model_name_or_path" in each for each in found.questions)


def test_lightning_cli(make: Make) -> None:
    """The data module's batch size, with the default of its class."""
    root = make(
        {
            "main.py": """
                from lightning.pytorch.cli import LightningCLI
                from parts.data import Digits
                if __name__ == "__main__":
                    LightningCLI(Model, Digits)
            """,
            "parts/data.py": """
                class Digits:
                    def __init__(self, folder: str = "data", batch_size: int = 48): ...
            """,
        }
    )
    found = detect.detect(root)
    assert found.framework == "Lightning CLI"
    assert (
        found.train == "python main.py fit --data.batch_size 48 --trainer.accumulate_grad_batches 1"
    )
    assert found.micro_batch == knobs.Knob(template="--data.batch_size {}")
    assert found.accumulation == knobs.Knob(template="--trainer.accumulate_grad_batches {}")
    assert found.resume == "--ckpt_path {checkpoint}"
    assert found.outputs == ("lightning_logs",)
    assert (found.smoke or "").endswith("--trainer.max_epochs 1")


HYDRA = {
    "src/train.py": """
        import hydra, torch

        @hydra.main(version_base=None, config_path="../configs", config_name="train")
        def main(cfg):
            trainer.fit(model, ckpt_path=cfg.get("ckpt_path"))

        if __name__ == "__main__":
            main()
    """,
    "configs/train.yaml": """
        defaults:
          - _self_
          - data: digits
          - trainer: gpu
          - experiment: null
        ckpt_path: null
        log_dir: ${hydra:runtime.cwd}/logs
        hydra:
          run:
            dir: ${log_dir}/${now:%Y-%m-%d}
    """,
    "configs/data/digits.yaml": "batch_size: 96   # per GPU\nval:\n  batch_size: 500\n",
    "configs/trainer/gpu.yaml": "_target_: lightning.Trainer\nmax_epochs: 9\n",
    "configs/experiment/big.yaml": "# @package _global_\ndata:\n  batch_size: 8\n",
}


def test_hydra_application(make: Make) -> None:
    """Keys of the selected files; the batch is written out because a file could change it."""
    found = detect.detect(make(HYDRA))
    assert found.framework == "Hydra"
    assert found.train == (
        "python src/train.py data.batch_size=96 ++trainer.accumulate_grad_batches=1"
    )
    assert found.micro_batch == knobs.Knob(template="data.batch_size={}")
    assert found.resume == "ckpt_path=\"'{checkpoint}'\""
    assert knobs.resume_argv(found.resume) == ["ckpt_path='{checkpoint}'"]
    assert found.outputs == ("logs",)
    assert (found.smoke or "").endswith(" trainer.max_epochs=1")


def test_hydra_files_that_include_each_other_end(make: Make) -> None:
    """Each file is read once for each place it is put."""
    loop = "defaults:\n" + "- data: digits\n" * 40 + "- /data: other\n" * 40
    files = {"configs/data/digits.yaml": loop, "configs/data/other.yaml": loop}
    assert detect.detect(make({**HYDRA, **files})).micro_batch is None


def test_hydra_group_in_the_command_makes_the_batch_uncertain(make: Make) -> None:
    """`experiment=big` changes it; guessing would change the science."""
    readme = "```\npython src/train.py experiment=big\n```\n"
    found = detect.detect(make({**HYDRA, "README.md": readme}))
    assert found.train == "python src/train.py experiment=big"
    assert found.micro_batch == knobs.Knob(template="data.batch_size={}")
    assert any("add data.batch_size=N" in each for each in found.questions)


def test_defaults_behind_a_config_option_are_written_out(make: Make) -> None:
    """A remembered default would be wrong for the next command with another --config."""
    script = ARGPARSE.replace(
        "args = parser", 'parser.add_argument("--config", default=None)\n        args = parser'
    )
    found = detect.detect(make({"train.py": script}))
    assert found.train == "python train.py --batch-size 64 --accum-steps 1"
    assert found.micro_batch == knobs.Knob(template="-b|--batch-size {}")


def test_globals_overwritten_by_the_command_line(make: Make) -> None:
    """The values are those after the configuration file of the command."""
    root = make(
        {
            "train.py": """
                import torch
                out = "out"
                out_dir = "out"
                init_from = "scratch"
                batch_size = 12
                gradient_accumulation_steps = 5 * 8
                max_iters = 1000
                exec(open("configurator.py").read())
                if init_from == "resume":
                    pass
                while True:
                    loss.backward()
            """,
            "config/small.py": "out_dir = 'out-small'\nbatch_size = 64\n",
            "README.md": "`python train.py config/small.py`\n",
        }
    )
    found = detect.detect(root)
    added = "--batch_size=64 --gradient_accumulation_steps=40"
    assert found.train == f"python train.py config/small.py {added}"
    assert found.smoke == f"{found.train} --max_iters=20"
    assert found.resume == "--init_from=resume"
    assert found.outputs == ("out-small",)


def test_total_batch_is_not_taken_for_the_micro_batch(make: Make) -> None:
    """With both flags the smaller one is the micro-batch, and there is no accumulation flag."""
    script = """
        import fire, transformers

        def train(batch_size: int = 128, micro_batch_size: int = 4, num_epochs: int = 3): ...

        if __name__ == "__main__":
            fire.Fire(train)
    """
    found = detect.detect(make({"finetune.py": script}))
    assert found.micro_batch == knobs.Knob(template="--micro_batch_size {}", value=4)
    assert found.accumulation is None
    assert any("--batch_size looks like the effective batch" in each for each in found.questions)


def test_batch_that_the_script_works_out_is_no_knob(make: Make) -> None:
    """Halving cannot start from -1."""
    script = ARGPARSE.replace("default=64", "default=-1")
    assert detect.detect(make({"train.py": script})).micro_batch is None


def test_smoke_replaces_the_number_in_place(make: Make) -> None:
    """The command of the README already says how many epochs."""
    readme = "    python train.py --epochs 300 --output-dir runs/a\n"
    found = detect.detect(make({"train.py": ARGPARSE, "README.md": readme}))
    assert found.smoke == "python train.py --epochs 1 --output-dir runs/a"
    assert found.outputs == ("runs",)


def test_outputs_outside_the_project_are_asked_about(make: Make) -> None:
    """pull could not fetch them."""
    readme = "    python train.py --output-dir /tmp/out\n"
    found = detect.detect(make({"train.py": ARGPARSE, "README.md": readme}))
    assert found.outputs == ()
    assert any("add --output-dir outputs to train" in each for each in found.questions)


def test_module_of_a_package_is_started_as_one(make: Make) -> None:
    """Relative imports fail when the file itself is started."""
    root = make({"net/train.py": "from .model import Net\n" + TRAINS, "net/model.py": "Net = 1\n"})
    assert detect.detect(root).train == "python -m net.train"


@pytest.mark.parametrize(
    "name",
    ["train my net.py", "train'it.py", 'train"$(x).py', "train\nit.py", "train_ü.py", "-train.py"],
)
def test_strange_names_survive(make: Make, name: str) -> None:
    """The command gives back the very name."""
    found = detect.detect(make({name: TRAINS}))
    written = f"./{name}" if name.startswith("-") else name
    assert command.parse(found.train) == ["python", written]


def test_syntax_error_is_reported_and_not_fatal(make: Make) -> None:
    """Another file may be the training."""
    found = detect.detect(make({"main.py": "def broken(:\n", "train.py": TRAINS}))
    assert found.script == "train.py"
    assert any(each.startswith("main.py:1: not read") for each in found.problems)


@pytest.mark.parametrize(
    "content",
    [
        b"\x00\x01",
        b"x = (" * 3000,
        b"x = 1" + b" + 1" * 900,
        b"a" + b".b" * 2500 + b"()",
        b"\xff\xfe\x00",
        b"'\\d'\n",
    ],
)
def test_odd_files_do_not_stop_it(make: Make, content: bytes) -> None:
    """Binary, too deep, another encoding, or something that makes Python warn."""
    root = make({"train.py": TRAINS})
    (root / "main.py").write_bytes(content)
    assert detect.detect(root).script == "train.py"


def test_special_files_and_loops_are_passed_over(make: Make) -> None:
    """Opening a pipe would wait for ever; a link to the folder itself has no end."""
    root = make({"train.py": TRAINS})
    os.mkfifo(root / "main.py")
    (root / "loop").symlink_to(root)
    (root / "gone.py").symlink_to(root / "nowhere.py")
    (root / os.fsdecode(b"train_\xff.py")).write_text(TRAINS)
    assert detect.detect(root).script == "train.py"
    assert detect.detect(root).runners_up == ()


def test_nothing_is_run_or_written(make: Make) -> None:
    """Reading the folder leaves it as it was."""
    root = make({"train.py": TRAINS + "open('made', 'w')\n", "setup.py": "open('made', 'w')\n"})
    before = sorted(path.name for path in root.iterdir())
    detect.detect(root)
    assert sorted(path.name for path in root.iterdir()) == before


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"notes.txt": ""}, "no Python file"),
        ({"model.py": "class Net: ...\n"}, "no training script among 1 Python files"),
        ({"train.py": "def f(:\n"}, "train.py:1: not read"),
    ],
)
def test_without_a_training_it_says_what_to_write(
    make: Make, files: dict[str, str], said: str
) -> None:
    """An expected error, with the line to write by hand."""
    with pytest.raises(errors.UsageError, match=said) as caught:
        detect.detect(make(files))
    assert 'train = "python YOUR_SCRIPT.py"' in caught.value.hint


def test_missing_folder_is_an_expected_error(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(errors.UsageError, match="not a folder"):
        detect.detect(tmp_path / "nowhere")


def test_smoke_and_train_are_commands(make: Make) -> None:
    """Both are one line of words, never a text for a shell."""
    found = detect.detect(make({"train it.py": ARGPARSE}))
    for text in (found.train, found.smoke or ""):
        assert command.parse(text) == shlex.split(text)

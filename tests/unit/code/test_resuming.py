from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from overnight.code import frameworks, resuming, sources

Make = Callable[[Mapping[str, str]], Path]


def template(root: Path) -> str | None:
    project = sources.Project(root)
    script = project.module("train.py")
    assert script is not None
    return resuming.find(frameworks.find(project, script, []), script, []).template


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("'--resume', type=str", "--resume {checkpoint}"),
        ("'-r', '--resume', nargs='?', const=True", "--resume {checkpoint}"),
        ("'--resume', action='store_true'", "--resume"),
        ("'--resume', type=str2bool, default=False", "--resume True"),
        ("'--resume_from_checkpoint'", "--resume_from_checkpoint {checkpoint}"),
        ("'--auto-resume', action='store_true'", "--auto-resume"),
        ("'--auto_resume', type=str2bool, default=True", "auto"),
        ("'--ckpt', help='checkpoint to continue from'", "--ckpt {checkpoint}"),
        ("'--ckpt', help='where weights are saved'", None),
        ("'--checkpoint'", None),
        ("'--resume', type=int", None),
        ("'--wandb-resume-id'", None),
        ("'--no-resume', action='store_true'", None),
    ],
)
def test_flag_is_known_by_name_or_by_its_help(
    make: Make, arguments: str, expected: str | None
) -> None:
    """A checkpoint flag alone may mean weights to start from, or a place to write."""
    script = f"import argparse\np = argparse.ArgumentParser()\np.add_argument({arguments})\n"
    assert template(make({"train.py": script})) == expected


def test_option_handed_to_the_trainer_resumes(make: Make) -> None:
    """Whatever it is called."""
    script = """
        import argparse, lightning
        p = argparse.ArgumentParser()
        p.add_argument("--start")
        args = p.parse_args()
        lightning.Trainer().fit(model, ckpt_path=args.start or None)
    """
    assert template(make({"train.py": script})) == "--start {checkpoint}"


RESUMES_ITSELF = """
    import os, torch
    PATH = "last.pt"
    if os.path.exists(PATH):
        state = torch.load(PATH)
    torch.save(state, PATH)
"""


def test_own_checkpoint_loaded_where_it_exists_is_auto(make: Make) -> None:
    """The same file is tested for, loaded and saved."""
    assert template(make({"train.py": RESUMES_ITSELF})) == "auto"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("torch.load(PATH)", "torch.load(OTHER)"),
        ("torch.save(state, PATH)", "torch.save(state, OTHER)"),
        ("os.path.exists(PATH)", "args.go and os.path.exists(PATH)"),
    ],
)
def test_weaker_evidence_is_not_auto(make: Make, old: str, new: str) -> None:
    """Pretrained weights, or another condition."""
    assert template(make({"train.py": RESUMES_ITSELF.replace(old, new)})) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = args.resume_from_checkpoint", "--resume_from_checkpoint {checkpoint}"),
        ("last = get_last_checkpoint(args.output_dir)", "auto"),
        ("trainer.train()", None),
    ],
)
def test_hugging_face_flag_needs_a_script_that_reads_it(
    make: Make, line: str, expected: str | None
) -> None:
    """The Trainer itself does not look at it."""
    script = f"import transformers\np = transformers.HfArgumentParser(TrainingArguments)\n{line}\n"
    assert template(make({"train.py": script})) == expected

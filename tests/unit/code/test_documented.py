from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from overnight.code import documented, sources

Make = Callable[[Mapping[str, str]], Path]


def first(root: Path) -> documented.Command | None:
    found = documented.commands(sources.Project(root))
    return found[0] if found else None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python train.py --lr 1", ("python", "train.py", "--lr", "1")),
        ("$ python3 train.py", ("python3", "train.py")),
        ("Type `python train.py -x` now.", ("python", "train.py", "-x")),
        ("CUDA_VISIBLE_DEVICES=0,1 python train.py", ("python", "train.py")),
        ("uv run python train.py", ("python", "train.py")),
        ("python train.py > log 2>&1 &", ("python", "train.py")),
        ("python train.py \\\n   --lr 1 \\\n   --x", ("python", "train.py", "--lr", "1", "--x")),
        ("torchrun --nproc_per_node=4 train.py", ("torchrun", "--nproc_per_node=4", "train.py")),
        ("python -m pack.run --a", ("python", "-m", "pack.run", "--a")),
    ],
)
def test_commands_are_read_as_a_shell_would(make: Make, line: str, words: object) -> None:
    """Prompts, comments, redirections and the choice of GPUs are left out."""
    found = first(make({"README.md": line, "train.py": "", "pack/run.py": ""}))
    assert found is not None
    assert found.words == words
    assert found.is_literal
    assert found.place == "README.md:1"


@pytest.mark.parametrize(
    "line",
    [
        "python train.py --data <folder>",
        "python train.py --data $DATA",
        "python train.py --data /path/to/data",
        "python train.py [options]",
        "python train.py --eval",
        "python train.py --resume last.pt",
        "python train.py -m lr=1,2",
        "SEED=1 python train.py",
        "torchrun --nnodes=2 --nproc_per_node=8 train.py",
        "srun python train.py",
    ],
)
def test_what_is_not_a_whole_training_is_not_literal(make: Make, line: str) -> None:
    """Holes to fill in, evaluation, several machines: only a hint."""
    found = first(make({"README.md": line, "train.py": ""}))
    assert found is not None
    assert not found.is_literal


@pytest.mark.parametrize("line", ["python run train.py", "cat train.py", "python gone.py", "'"])
def test_other_lines_are_no_commands(make: Make, line: str) -> None:
    """Nothing that runs a file of the project."""
    assert first(make({"README.md": line, "train.py": ""})) is None


def test_readme_comes_before_shell_scripts_and_the_deep_end(make: Make) -> None:
    """The first is the one to prefer."""
    root = make(
        {
            "go.sh": "python b.py\n",
            "sub/README.md": "python c.py\n",
            "README.md": "python a.py\n",
            **{f"{name}.py": "" for name in "ab"},
            "sub/c.py": "",
        }
    )
    found = documented.commands(sources.Project(root))
    assert [each.script for each in found] == ["a.py", "b.py", "sub/c.py"]
    assert found[2].words == ("python", "sub/c.py")


def test_files_named_from_another_folder_are_not_taken_over(make: Make) -> None:
    """The README of a sub-folder may have been written for `cd` into it."""
    root = make({"sub/README.md": "python t.py --cfg a.yaml\n", "sub/t.py": "", "sub/a.yaml": ""})
    found = first(root)
    assert found is not None
    assert not found.is_literal

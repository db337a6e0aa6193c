from __future__ import annotations

import os
from pathlib import Path

import pytest

from overnight.node import checkpoints
from tests.unit.node import checkpoint_files

GOOD = checkpoint_files.torch_zip()
CUT = GOOD[:-30]
START_S = 1_700_000_000.0


def put(work: Path, name: str, age_s: float = 0, content: bytes = GOOD) -> Path:
    """A file whose time is `age_s` before one hour after the run's start."""
    path = work / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (0, START_S + 3600 - age_s))
    return path


def names(work: Path, *globs: str, since: float | None = None) -> list[str]:
    found = checkpoints.scan(str(work), globs, since)
    return [os.path.relpath(each.path, work) for each in found]


def newest(work: Path, *globs: str, since: float | None = None) -> str | None:
    found = checkpoints.newest_valid(str(work), globs, since)
    return found and os.path.relpath(found.path, work)


# -- which one --------------------------------------------------------------------------------


def test_the_newest_whole_one_is_taken_and_damaged_ones_are_named(tmp_path: Path) -> None:
    """A half-written newest checkpoint is passed over, and the choice says which and why."""
    put(tmp_path, "out/step_300.pt", 0, CUT)
    put(tmp_path, "out/step_200.pt", 10)
    put(tmp_path, "out/step_100.pt", 20, b"")
    choice = checkpoints.choose(str(tmp_path), [])
    assert choice.chosen is not None
    assert (os.path.basename(choice.chosen.path), choice.chosen.step) == ("step_200.pt", 200)
    assert choice.chosen.size == len(GOOD)
    (damaged,) = choice.passed_over
    assert damaged.path.endswith("step_300.pt") and "not a whole zip" in (damaged.problem or "")


def test_checkpoints_of_a_spoilt_time_are_left_out(tmp_path: Path) -> None:
    """What was written while the loss was lost is no good; what came before and after it is."""
    for name, age_s in (("before.pt", 30), ("spoilt.pt", 20), ("after.pt", 10)):
        put(tmp_path, name, age_s)
    spoilt = [(START_S + 3600 - 25, START_S + 3600 - 15)]

    def chosen() -> str:
        choice = checkpoints.choose(str(tmp_path), [], spoilt=spoilt)
        return os.path.basename(choice.chosen.path) if choice.chosen else ""

    assert chosen() == "after.pt"
    (tmp_path / "after.pt").unlink()
    assert chosen() == "before.pt"
    (tmp_path / "before.pt").unlink()
    assert chosen() == ""


def test_scan_shows_all_newest_first(tmp_path: Path) -> None:
    """Whole and damaged ones alike, with what is wrong."""
    put(tmp_path, "a.pt", 20)
    put(tmp_path, "b.pt", 10, b"")
    put(tmp_path, "best.pt", 5)
    found = checkpoints.scan(str(tmp_path), [])
    assert names(tmp_path) == ["best.pt", "b.pt", "a.pt"]
    assert [each.problem for each in found] == [None, "the file is empty", None]


def test_nothing_whole_means_none(tmp_path: Path) -> None:
    """Then the run starts again from the beginning, and the damaged ones are known."""
    assert checkpoints.choose(str(tmp_path), []) == checkpoints.Choice(None)
    put(tmp_path, "a.pt", 0, b"")
    assert checkpoints.newest_valid(str(tmp_path), []) is None
    assert len(checkpoints.choose(str(tmp_path), []).passed_over) == 1
    unchecked = checkpoints.newest_valid(str(tmp_path), [], validate=False)
    assert unchecked and unchecked.problem is None


@pytest.mark.parametrize("best", ["best.pt", "best_acc.pt", "model_best.pth.tar", "BestModel.pt"])
def test_a_best_checkpoint_is_taken_only_where_there_is_nothing_else(
    tmp_path: Path, best: str
) -> None:
    """Resuming from the best would throw away what came after it."""
    put(tmp_path, best, 0)
    assert newest(tmp_path) == best
    put(tmp_path, "last.pt", 10, CUT)
    assert newest(tmp_path) == best
    put(tmp_path, "step_1.pt", 20)
    assert newest(tmp_path) == "step_1.pt"


def test_the_step_decides_between_equal_times(tmp_path: Path) -> None:
    """Some file systems count time in whole seconds."""
    for step in (90, 1000, 200):
        put(tmp_path, f"step_{step}.pt")
    assert newest(tmp_path) == "step_1000.pt"


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("checkpoint-500", 500),
        ("epoch=3-step=90-val_loss=0.213.ckpt", 90),
        ("model_0012.pth", 12),
        ("last.ckpt", None),
        ("iter_0000500", 500),
    ],
)
def test_the_step_is_read_from_the_name(name: str, step: int | None) -> None:
    """Names of the Trainer, Lightning, detectron, Megatron."""
    assert checkpoints.step_of(f"/work/run7/{name}") == step


def test_weights_that_came_with_the_code_are_not_checkpoints(tmp_path: Path) -> None:
    """What is older than the run's first start was not written by it."""
    put(tmp_path, "pretrained.pt", 3600 + 60)
    assert newest(tmp_path, since=START_S) is None
    put(tmp_path, "ours.pt", 3600 - 1)
    assert newest(tmp_path, since=START_S) == "ours.pt"


# -- where ------------------------------------------------------------------------------------


def test_the_usual_names_are_found_at_any_depth(tmp_path: Path) -> None:
    """All formats, with pickles only where the name says checkpoint."""
    for name in ("a.pt", "x/b.pth", "x/y/c.ckpt", "d.safetensors", "e.npz", "f.pth.tar"):
        put(tmp_path, name)
    for name in ("model.pkl", "my_ckpt_3.pkl", "vocab.pkl", "data.bin", "notes.txt"):
        put(tmp_path, name)
    assert sorted(names(tmp_path)) == [
        *("a.pt", "d.safetensors", "e.npz", "f.pth.tar", "model.pkl", "my_ckpt_3.pkl"),
        *("x/b.pth", "x/y/c.ckpt"),
    ]


def test_side_files_of_a_training_are_not_checkpoints(tmp_path: Path) -> None:
    """Optimizer states, predictions and metrics by name, unless they were declared."""
    for name in ("optimizer.pt", "rng_state_0.pth", "val_predictions.npz", "metrics.npz"):
        put(tmp_path, name)
    put(tmp_path, "model_and_optimizer.pt", 100)
    assert newest(tmp_path) == "model_and_optimizer.pt"
    assert names(tmp_path, "optimizer.pt") == ["optimizer.pt"]


def test_foreign_folders_are_not_entered(tmp_path: Path) -> None:
    """Hidden folders, environments, packages and links hold no checkpoints of this run."""
    for name in (".git/a.pt", ".cache/a.pt", "lib/site-packages/a.pt", "node_modules/a.pt"):
        put(tmp_path / "work", name)
    put(tmp_path / "work", "env/a.pt")
    put(tmp_path / "work", "env/pyvenv.cfg")
    put(tmp_path / "work", "conda/conda-meta/history")
    put(tmp_path / "work", "conda/a.pt")
    put(tmp_path / "elsewhere", "a.pt")
    (tmp_path / "work" / "data").symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path / "work") == []


def test_links_to_files_count_and_dangling_ones_and_pipes_do_not(tmp_path: Path) -> None:
    """`last.pt` is often a link to the newest numbered file."""
    put(tmp_path, "step_5.pt")
    (tmp_path / "last.pt").symlink_to("step_5.pt")
    (tmp_path / "gone.pt").symlink_to("nowhere.pt")
    os.mkfifo(tmp_path / "pipe.pt")
    assert sorted(names(tmp_path)) == ["last.pt", "step_5.pt"]


def test_depth_is_bounded(tmp_path: Path) -> None:
    """Eight folders deep and no further."""
    put(tmp_path, "/".join("1234567") + "/deep.pt")
    put(tmp_path, "/".join("12345678") + "/deeper.pt")
    assert names(tmp_path) == ["1/2/3/4/5/6/7/deep.pt"]


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*.pt", ["a.pt", "out/b.pt", "out/x/c.pt"]),
        ("out/*.pt", ["out/b.pt"]),
        ("out/**/*.pt", ["out/b.pt", "out/x/c.pt"]),
        ("out/**", ["out/b.pt", "out/x/c.pt", "out/x/c.state"]),
        ("*/x/c.*", ["out/x/c.pt", "out/x/c.state"]),
        ("./out/?.pt", ["out/b.pt"]),
        ("[a].pt", []),
        ("nosuch/*.pt", []),
    ],
)
def test_declared_globs(tmp_path: Path, glob: str, found: list[str]) -> None:
    """Without a folder at any depth, else from the work folder; `**` is any folders."""
    for name in ("a.pt", "out/b.pt", "out/x/c.pt", "out/x/c.state"):
        put(tmp_path, name)
    assert sorted(names(tmp_path, glob)) == found


def test_folders_written_out_in_a_glob_may_be_links(tmp_path: Path) -> None:
    """Outputs that lie on another disk through a declared link are found."""
    put(tmp_path / "disk", "run/a.pt")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "outputs").symlink_to(tmp_path / "disk")
    assert names(tmp_path / "work", "outputs/**/*.pt") == ["outputs/run/a.pt"]


# -- folders ----------------------------------------------------------------------------------


def trainer_folder(work: Path, step: int, age_s: float = 0, shards: int = 0) -> Path:
    folder = checkpoint_files.trainer_folder(work / "out" / f"checkpoint-{step}", shards=shards)
    for path in folder.iterdir():
        os.utime(path, (0, START_S + 3600 - age_s))
    return folder


def test_a_trainer_folder_is_one_checkpoint(tmp_path: Path) -> None:
    """Its files are parts of it; its time is that of its newest file, its size their sum."""
    folder = trainer_folder(tmp_path, 500)
    trainer_folder(tmp_path, 400, 60)
    os.utime(folder / "optimizer.pt", (0, START_S))
    assert names(tmp_path) == ["out/checkpoint-500", "out/checkpoint-400"]
    chosen = checkpoints.newest_valid(str(tmp_path), [])
    assert chosen and (chosen.path, chosen.step) == (str(folder), 500)
    assert chosen.size == sum(path.stat().st_size for path in folder.iterdir())
    assert names(tmp_path, "*.pt") == []
    assert names(tmp_path, "out/checkpoint-*/model.*") == [
        "out/checkpoint-500/model.safetensors",
        "out/checkpoint-400/model.safetensors",
    ]


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("trainer_state.json", None, "no trainer_state.json"),
        ("trainer_state.json", b"{", "trainer_state.json is damaged"),
        ("optimizer.pt", CUT, "optimizer.pt: not a whole zip: File is not a zip file"),
        ("model-00002-of-00002.safetensors", None, "model-00002-of-00002.safetensors is missing"),
        ("model.safetensors.index.json", b"[]", "model.safetensors.index.json is damaged"),
    ],
)
def test_an_incomplete_trainer_folder_is_passed_over(
    tmp_path: Path, file: str, content: bytes | None, problem: str
) -> None:
    """The state is written last, all weights must be whole, all shards of the index present."""
    path = trainer_folder(tmp_path, 500, shards=2) / file
    trainer_folder(tmp_path, 400, 60, shards=2)
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    choice = checkpoints.choose(str(tmp_path), [])
    assert choice.chosen and choice.chosen.path.endswith("checkpoint-400")
    assert [each.problem for each in choice.passed_over] == [problem]


def test_a_declared_folder_needs_whole_weights_only(tmp_path: Path) -> None:
    """Folders of other libraries have no trainer_state.json."""
    put(tmp_path, "ckpts/epoch_2/model.safetensors", 0, checkpoint_files.safetensors())
    put(tmp_path, "ckpts/epoch_1/notes.txt")
    (tmp_path / "ckpts" / "epoch_0").mkdir()
    found = checkpoints.scan(str(tmp_path), ["ckpts/epoch_*/"])
    assert [(os.path.basename(each.path), each.problem) for each in found] == [
        ("epoch_2", None),
        ("epoch_1", "no weights file"),
    ]

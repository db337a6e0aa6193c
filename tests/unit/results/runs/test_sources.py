"""Which files of a run are read, what belongs together, and which attempt wrote it."""

from __future__ import annotations

import pytest

from overnight.results.curves import Found
from overnight.results.runs import sources
from overnight.results.runs.sources import Read

OUT, STATE = "work/o", "trainer_state.json"


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("attempts/1/output.log", True),
        ("attempts/1/ranks/0.log", False),
        ("attempts/1/exit.json", False),
        ("state.json", False),
        ("spec.json", False),
        (".pull/x.part", False),
        ("work/metrics.jsonl", True),
        ("work/deep/progress.csv", True),
        ("work/mlruns/0/abc/metrics/loss", True),
        ("work/model.pt", False),
        ("work/plot.PNG", False),
        ("work/wandb/run-20240101_000000-abcd/run-abcd.wandb", True),
        ("work/wandb/run-20240101_000000-abcd/files/output.log", False),
        ("work/wandb/run-20240101_000000-abcd/logs/debug.log", False),
        ("work/\udcff.csv", False),
        ("work/ü.csv", True),
    ],
)
def test_which_files_may_hold_metrics(path: str, is_one: bool) -> None:
    """What we write ourselves, weights, pictures and a tracker's own logs are left alone."""
    assert sources.is_candidate(path) is is_one


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        (
            {f"{OUT}/checkpoint-9/{STATE}": 1, f"{OUT}/checkpoint-10/{STATE}": 1},
            [f"{OUT}/checkpoint-10/{STATE}"],
        ),
        (
            {f"{OUT}/checkpoint-9/{STATE}": 1, f"{OUT}/{STATE}": 1},
            [f"{OUT}/{STATE}"],
        ),
        (
            {f"{OUT}/checkpoint-9/{STATE}": 2, f"{OUT}/{STATE}": 1},
            [f"{OUT}/checkpoint-9/{STATE}"],
        ),
        (
            {f"work/a/checkpoint-1/{STATE}": 1, f"work/b/checkpoint-1/{STATE}": 1},
            [f"work/a/checkpoint-1/{STATE}", f"work/b/checkpoint-1/{STATE}"],
        ),
        ({"work/b.csv": 1, "work/a.csv": 1}, ["work/a.csv", "work/b.csv"]),
        ({"checkpoint-1/trainer_state.json": 1, "trainer_state.json": 1}, ["trainer_state.json"]),
    ],
)  # fmt: skip
def test_one_history_of_many_checkpoints(paths: dict[str, float], chosen: list[str]) -> None:
    """The newest checkpoint has what the others have; of a final one and it, the newer."""
    assert sources.chosen(paths) == chosen


@pytest.mark.parametrize(
    ("path", "mtime", "started", "attempt"),
    [
        ("attempts/7/output.log", 0.0, {1: 5.0, 7: 9.0}, 7),
        ("work/a.csv", 3.0, {1: 5.0}, 1),
        ("work/a.csv", 8.0, {1: 5.0, 2: 10.0}, 1),
        ("work/a.csv", 99.0, {1: 5.0, 2: 10.0}, 2),
        ("work/a.csv", 0.0, {1: 5.0, 2: 10.0}, 0),
        ("work/a.csv", 99.0, {}, 0),
    ],
)
def test_who_wrote_a_file_last(
    path: str, mtime: float, started: dict[int, float], attempt: int
) -> None:
    """By its place, or by its time; 0 where nobody can tell."""
    assert sources.attempt_of(path, mtime, started) == attempt


def test_order_of_belief() -> None:
    """Files for machines before text, nearest to the top first; the output before other logs."""
    read = [
        Read(
            path="attempts/1/output.log", found=Found(format=sources.PRINTED, curves=()), attempt=1
        ),
        Read(path="work/a.log", found=Found(format=sources.PRINTED, curves=())),
        Read(path="work/x/y/a.csv", found=Found(format="csv", curves=())),
        Read(path="work/z.csv", found=Found(format="csv", curves=())),
    ]
    found = [source.path for source in sources.sources(read)]
    assert found == ["work/z.csv", "work/x/y/a.csv", "attempts/1/output.log", "work/a.log"]

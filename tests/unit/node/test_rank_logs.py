"""The logs of the ranks: which files they are, and who fell silent first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from overnight.node import actions, diagnose, judging, rank_logs, states
from tests.unit.node import runs

ROOT = """[rank1]: Traceback (most recent call last):
[rank1]:   File "train.py", line 9, in <module>
[rank1]:     labels[17]
[rank1]: RuntimeError: CUDA error: device-side assert triggered
"""
CASCADE = """[rank{n}]: Traceback (most recent call last):
[rank{n}]:   File "train.py", line 6, in <module>
[rank{n}]:     dist.all_reduce(t)
[rank{n}]: RuntimeError: [pair.cc:553] Connection closed by peer [127.0.0.1]:9633
"""
CODE = """Traceback (most recent call last):
  File "train.py", line {n}, in <module>
    total[{n}]
KeyError: {n}
"""
LAUNCHER = """E1129 api.py:1002] failed (exitcode: 1) local_rank: 0 (pid: 3) of binary: python
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
"""


def write(folder: Path, name: str, text: str, at: float) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    return path


def torch_logs(folder: Path, rank: int, err: str, at: float, out_at: float = 50.0) -> None:
    write(folder, f"none_x/attempt_0/{rank}/stdout.log", "epoch 1/3 loss 0.5\n", out_at)
    write(folder, f"none_x/attempt_0/{rank}/stderr.log", err, at)


@pytest.mark.parametrize(
    ("path", "rank", "stream"),
    [
        ("none_x/attempt_0/3/stderr.log", 3, "stderr"),
        ("none_x/attempt_2/12/stdout.log", 12, "stdout"),
        ("20260101000000_rank7.log", 7, "both"),
    ],
)
def test_rank_and_stream_stand_in_the_name(path: str, rank: int, stream: str) -> None:
    """Of torchrun and of DeepSpeed."""
    named = rank_logs.named(path)
    assert named is not None
    assert (named.rank, named.stream) == (rank, stream)


@pytest.mark.parametrize(
    "path", ["", "x.log", "none_x/attempt_0/error.json", "none_x/attempt_0/a/stderr.log", "3.log"]
)
def test_other_files_are_no_logs_of_ranks(path: str) -> None:
    """A training may write beside them."""
    assert rank_logs.named(path) is None


def test_only_the_last_restart_of_torch_counts_and_no_link(tmp_path: Path) -> None:
    """The first tries were outlived; a link may lead anywhere."""
    torch_logs(tmp_path, 0, "", 1.0)
    last = write(tmp_path, "none_x/attempt_1/0/stderr.log", "", 2.0)
    os.symlink(last, last.parent.parent / "stderr.log")
    (last.parent.parent / "1").mkdir()
    os.symlink(last, last.parent.parent / "1" / "stderr.log")
    listed = rank_logs.listed(str(tmp_path))
    assert [each.path for each in rank_logs.latest(listed)] == ["none_x/attempt_1/0/stderr.log"]
    assert len(listed) == 3


def test_who_fell_silent_first_comes_first(tmp_path: Path) -> None:
    """Unless it went on printing steps after what it cried."""
    for rank, at in ((0, 103.0), (1, 101.0), (2, 102.0), (3, 60.0)):
        torch_logs(tmp_path, rank, "x", at, out_at=100.0)
    assert [each.rank for each in rank_logs.last_words(str(tmp_path))] == [1, 2, 0]


def verdict(tmp_path: Path, common: str) -> actions.Failure:
    run = runs.make(tmp_path / "root")
    os.makedirs(run.attempt(1))
    Path(run.attempt(1, "output.log")).write_text(common)
    os.rename(tmp_path / "ranks", run.attempt(1, "ranks"))
    attempt = states.Attempt(1, 0.0, 0, "", None, [])
    return judging.verdict(run, attempt, actions.Ended(1, None, None, None))


def test_the_first_root_of_all_ranks_is_what_the_attempt_is_taken_for(tmp_path: Path) -> None:
    """The common log has lost it; the others only cry that somebody has gone."""
    folder = tmp_path / "ranks"
    torch_logs(folder, 0, CASCADE.format(n=0), 99.0)
    torch_logs(folder, 1, ROOT, 100.0)
    torch_logs(folder, 2, CODE.format(n=2), 101.0)
    found = verdict(tmp_path, CASCADE.format(n=0) + LAUNCHER)
    assert (found.kind, found.facts["rank"]) == ("cuda_fault", 1)
    assert found.evidence[-1] == {
        "line": 4,
        "text": "RuntimeError: CUDA error: device-side assert triggered",
        "rank": 1,
        "file": "ranks/none_x/attempt_0/1/stderr.log",
    }


def test_order_of_the_common_log_counts_less_than_the_clock(tmp_path: Path) -> None:
    """torchrun reads the ranks' files at its own pace."""
    folder = tmp_path / "ranks"
    torch_logs(folder, 0, CODE.format(n=6), 100.5)
    torch_logs(folder, 1, CODE.format(n=9), 100.1)
    marked = [
        "".join(f"[default{rank}]:{line}\n" for line in CODE.format(n=n).splitlines())
        for rank, n in ((0, 6), (1, 9))
    ]
    found = verdict(tmp_path, "".join(marked) + LAUNCHER)
    assert (found.facts["rank"], found.facts["summary"]) == (1, "KeyError: 9")


def test_word_of_the_launcher_itself_stands(tmp_path: Path) -> None:
    """Its own exception is no rank's; nothing of the ranks is asked."""
    torch_logs(tmp_path / "ranks", 0, CODE.format(n=6), 100.0)
    common = "Traceback (most recent call last):\n" + '  File "run.py", line 1, in main\n    x\n'
    found = verdict(tmp_path, f"{common}ModuleNotFoundError: No module named 'yaml'\n")
    assert found.kind == "missing_module"


def test_ranks_without_a_root_change_nothing(tmp_path: Path) -> None:
    """Only cascades, and logs of garbage."""
    torch_logs(tmp_path / "ranks", 0, CASCADE.format(n=0), 100.0)
    torch_logs(tmp_path / "ranks", 1, "\0\xff" * 400, 100.0)
    common = CASCADE.format(n=0) + LAUNCHER
    found = verdict(tmp_path, common)
    alone = diagnose.diagnose(diagnose.Log.of_bytes(common.encode()), diagnose.Seen(exit_code=1))
    assert found.kind == alone.kind

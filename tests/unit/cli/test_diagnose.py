"""`overnight diagnose`: files and standard input, for people and for programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from overnight import cli
from overnight.cli import endings

OOM = (
    "epoch 1/9 loss 0.5\nTraceback (most recent call last):\n"
    '  File "train.py", line 9, in <module>\n    step()\n'
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
)


def run(*words: str) -> int:
    return endings.run(cli.overnight, ["diagnose", *words])


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "train.log"
    path.write_text(OOM)
    return str(path)


def test_json_is_one_object_per_line(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the fields that docs/json.md promises."""
    assert run("--json", "--exit-code", "1", log, log) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    told = json.loads(lines[0])
    assert list(told) == ["file", "class", "confidence", "evidence", "facts", "repair"]
    assert (told["file"], told["class"], told["repair"]) == (log, "cuda_oom", "next_variant")
    assert told["evidence"][-1] == {"line": 5, "text": OOM.splitlines()[-1]}
    assert told["facts"]["wanted"] == "2.00 GiB"


def test_for_people_it_is_a_few_lines(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Class, confidence, evidence, what would be done; nothing that a terminal obeys."""
    Path(log).write_bytes(OOM.encode().replace(b"memory.", b"memory\xc2\x9b2J."))
    assert run(log) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{log}: cuda_oom   confidence 0.9")
    assert "next batch variant" in shown
    assert "\x9b" not in shown
    assert len(shown.splitlines()) <= 8


@pytest.mark.parametrize("word", ["9", "KILL", "SIGKILL", "sigkill"])
def test_signals_by_number_and_name(
    word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `kill` takes them."""
    (tmp_path / "a.log").write_text("epoch 1/9 loss 0.5\n")
    assert run("--json", "--signal", word, str(tmp_path / "a.log")) == 0
    assert json.loads(capsys.readouterr().out)["class"] == "preempted"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope.log"], "cannot read nope.log: no such file"),
        (["."], ". is a folder"),
        ([], "which log?"),
        (["--signal", "FOO", "x"], "'FOO' is no signal"),
    ],
)
def test_what_cannot_be_read(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, one line, and the next command."""
    assert run(*words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "next: " in error


def test_standard_input_without_a_project(tmp_path: Path) -> None:
    """In a folder that has nothing to do with us."""
    done = subprocess.run(
        [sys.executable, "-m", "overnight", "diagnose", "--json", "-"],
        input=OOM,
        text=True,
        capture_output=True,
        cwd=tmp_path,
        check=True,
    )
    assert json.loads(done.stdout)["file"] == "-"
    assert json.loads(done.stdout)["class"] == "cuda_oom"


def test_an_unknown_failure_is_tried_again_only_after_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The repair that is named is the one that would be carried out."""
    repairs = []
    for text in ("starting\n", "epoch 3/9 step 20/90 loss 0.5\nepoch 3/9 step 30/90 loss 0.5\n"):
        (tmp_path / "a.log").write_text(text)
        assert run("--json", "--exit-code", "3", str(tmp_path / "a.log")) == 0
        repairs.append(json.loads(capsys.readouterr().out)["repair"])
    assert repairs == ["stop", "resume"]

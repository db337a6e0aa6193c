"""What is typed wrong is refused before any server is asked, and how sweeps look."""

from __future__ import annotations

import io
import json
import re
import types
from pathlib import Path
from typing import Any

import pytest

from overnight import cli
from overnight.app import sweep_views
from overnight.cli import endings, sweep, sweep_tables
from overnight.core import views

TOML = """\
[project]
name = "p"
train = "python train.py --config configs/base.yaml"
[servers.local]
root = "{root}"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose server cannot be made: whoever asks it fails."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "base.yaml").write_text("lr: 0.1\nwarmup: 500\n")
    (tmp_path / "train.py").write_text("")
    (tmp_path / "overnight.toml").write_text(TOML.format(root="/proc/no/such"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OVERNIGHT_CONFIG", str(tmp_path / "no.toml"))
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "says", "hint"),
    [
        ("", "nothing varies", "overnight sweep lr="),
        ("--grid lr=0.1", "nothing varies", "overnight sweep lr="),
        ("--seeds 1", "nothing here takes a seed", "add `seed: 0` to configs/base.yaml"),
        ("lr=", "lr has no value", "overnight sweep lr="),
        ("lr=1,,2", "one of the values is empty", "overnight sweep lr="),
        ("lr=1 lr=2", "lr is given twice", "lr=V1,V2"),
        ("lrr=1", "no config has 'lrr': configs/base.yaml has lr, warmup", "did you mean lr?"),
        ("lr=1 configs/base.yaml:lr=2", "are the same setting", "vary it once"),
        ("lr=1 --seeds x", "write how many, or the seeds", "--seeds 3"),
        ("lr=1 --name a/b", "cannot be the name of a sweep", "--name lr-ablation"),
        ("statsu", "'statsu' is neither KEY=V1,V2 nor", "overnight sweep status?"),
        ("configs/bse.yaml lr=1", "there is no file configs/bse.yaml", "configs/base.yaml?"),
        ("a.yaml b.yaml lr=1", "several files to start from: a.yaml, b.yaml", "give one"),
        ("--max-concurrent 0 lr=1", "--max-concurrent", "--help"),
        ("--server no lr=1", 'unknown server "no"; known: local', "overnight servers"),
        ("--file no.toml", "no.toml: cannot be read", "edit no.toml"),
        ("--gpus 1.5 lr=1", "write 0, 1, 2", "--help"),
        ("add", "Missing argument", "--help"),
        ("stop", "Missing argument", "--help"),
        ("status --foo", "No such option", "--help"),
    ],
)
def test_bad_input(
    project: Path, capsys: pytest.CaptureFixture[str], typed: str, says: str, hint: str
) -> None:
    """One line, the next command to type, exit code 2."""
    assert endings.run(cli.overnight, ["sweep", *typed.split()]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert hint in said


def test_too_many_runs(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal nobody can agree: refused at once, naming --yes."""
    values = ",".join(map(str, range(100)))
    typed = ["sweep", "--grid", f"lr={values}", f"warmup={values}"]
    assert endings.run(cli.overnight, typed) == 2
    said = capsys.readouterr().err
    assert "this sweep has 10000 runs, and nobody is here to agree" in said
    assert "--yes" in said
    assert endings.run(cli.overnight, [*typed, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_the_number_is_typed_by_a_person(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain yes is not enough for so many."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    values = ",".join(map(str, range(100)))
    for answer, code in (("y\n", endings.INTERRUPTED), ("101\n", 2)):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        assert endings.run(cli.overnight, ["sweep", f"lrr={values}"]) == code
    assert "no config has 'lrr'" in capsys.readouterr().err  # it went on to look for the key


def test_a_person_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal, unless everything is there already or --yes was typed."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    some: Any = types.SimpleNamespace(fresh=[1, 2])
    none: Any = types.SimpleNamespace(fresh=[])
    for answer, agreed in (("y\n", True), ("\n", False), ("n\n", False)):
        monkeypatch.setattr("sys.stdin", Terminal(answer))
        assert sweep.agreed(some, False, False) is agreed
    assert sweep.agreed(some, True, False)
    assert sweep.agreed(none, False, False)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert sweep.agreed(some, False, False)


def test_a_file_and_axes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file says what is varied; a mistake in it has its line."""
    (project / "s.toml").write_text("seeds = 2\n[axes]\nlr = [1, 1]\n")
    assert endings.run(cli.overnight, ["sweep", "--file", "s.toml"]) == 2
    assert "s.toml:3: lr has the value 1 twice" in capsys.readouterr().err
    (project / "s.toml").write_text("[axes]\nlr = [1, 2]\n")
    assert endings.run(cli.overnight, ["sweep", "--file", "s.toml", "lr=3"]) == 2
    assert "no KEY=… beside it" in capsys.readouterr().err


def test_help_of_the_group(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its own verbs are listed; whatever is no verb starts a sweep."""
    assert endings.run(cli.overnight, ["sweep", "--help"]) == 0
    said = capsys.readouterr().out
    for verb in ("start", "status", "stop", "resume", "retry-failed", "add", "list"):
        assert re.search(rf"^  {verb} ", said, re.MULTILINE)


# -- how it looks ---------------------------------------------------------------------------------


def swept(name: str, index: int, **more: Any) -> sweep_views.Swept:
    point = {"lr": 0.1, "aug": more.pop("aug", None)}
    told = {"index": index, "point": point, "seed": 1, "base": index == 0}
    row = {"run": name, "state": more.pop("state", "running"), **more}
    view = None if row["state"] == "" else views.run_view(row)
    return sweep_views.Swept(
        run=name, server="gpu1", sweep=told, reachable=True, view=view, metric=0.5
    )


def seen(*runs: sweep_views.Swept, eta_s: float | None = 60.0) -> sweep_views.SweepView:
    return sweep_views.SweepView(
        name="s", mode="ablate", keys=("lr", "aug"), runs=runs, metric="val_acc", eta_s=eta_s
    )


def test_a_status() -> None:
    """How many are done, and each run with its point; hostile text is made harmless."""
    beat = {"time": 1.0, "epoch": 2, "epochs": 5}
    shown = sweep_tables.status(
        seen(
            swept("s-base", 0, state="finished"),
            swept("s-a", 1, heartbeat=beat, aug="\x1b[2J"),
            swept("s-b", 2, state=""),
        )
    ).splitlines()
    assert shown[0] == "s  1/3 done (1 finished, 1 not launched, 1 running); about 1 min left"
    assert shown[1].split() == [
        "run",
        "lr",
        "aug",
        "seed",
        "state",
        "progress",
        "val_acc",
        "server",
    ]
    cells = ["s-a", "0.1", "\\x1b[2J", "1", "running", "epoch 2/5", "0.5", "gpu1"]
    assert re.split(r"  +", shown[3]) == cells
    assert shown[4].split()[4:6] == ["not", "launched"]


def test_time_that_nobody_knows() -> None:
    """Said so, rather than a number."""
    assert "time left not known" in sweep_tables.summary(seen(swept("a", 0), eta_s=None))
    assert "left" not in sweep_tables.summary(seen(swept("a", 0, state="failed")))


@pytest.mark.parametrize(
    ("states", "expected_s", "left_s"),
    [
        (["running", "running", "queued", "queued"], 100.0, 200.0),
        (["finished", "failed"], None, 0.0),
        (["running"], None, None),
        (["queued", "queued"], 50.0, 100.0),
    ],
)
def test_time_left(states: list[str], expected_s: float | None, left_s: float | None) -> None:
    """What is left on the server, over as many as run there at once."""
    runs = [swept(f"r{n}", n, state=state) for n, state in enumerate(states)]
    assert sweep_views.eta_s(runs, expected_s) == left_s

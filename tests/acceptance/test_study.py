"""A study as it goes into a paper: three arms over three seeds, a run that was mended, a run that
learnt its data by heart; in the end a table that compiles, a figure, a page and a verdict.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.command import overnight

SCRIPT = Path(__file__).parent / "study" / "train.py"
SETTINGS = """\
[project]
name = "digits"
train = "'{python}' train.py"
outputs = ["outputs"]
checkpoints = ["outputs/*.pt"]

[metrics]
primary = "val_acc"
goal = "max"
target = 80.0
baseline = {{ val_acc = 79.5, source = "paper, table 2" }}

[knobs]
micro_batch = {{ flag = "--batch-size {{}}", value = 64 }}
accumulation = {{ flag = "--accum {{}}", value = 1 }}
resume = "--resume {{checkpoint}}"

[servers.local]
root = "{root}"
"""
ARMS = {(0.05, 0.2), (0.01, 0.2), (0.05, 0.5)}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """All runs of the study have ended."""
    project = tmp_path / "study"
    project.mkdir()
    shutil.copy(SCRIPT, project)
    settings = SETTINGS.format(python=sys.executable, root=tmp_path / "server")
    (project / "overnight.toml").write_text(settings)
    swept = ("sweep", "lr=0.01", "dropout=0.5", "--seeds", "3", "--name", "study", "--yes")
    launched = overnight(project, *swept, "--json")
    by_heart = ("--subset", "300", "--dropout", "0", "--hidden", "1024", "--epochs", "80")
    for name, words in (("by-heart", by_heart), ("mended", ("--seed", "3", "--fault", "oom:20"))):
        command = [sys.executable, "train.py", *words]
        overnight(project, "run", name, "--no-smoke", "--json", "--", *command)
    runs = [each["run"] for each in launched["runs"]]
    overnight(project, "wait", *runs, "by-heart", "mended", "--timeout", "160", timeout_s=170.0)
    return project


@pytest.mark.timeout(400)
def test_from_runs_to_the_paper(study: Path) -> None:
    """A reader of the paper finds what he would ask, and nothing that was not shown."""
    told = overnight(study, "compare", "--sweep", "study", "--json")
    assert {(arm["config"]["lr"], arm["config"]["dropout"]) for arm in told["arms"]} == ARMS
    assert [arm["stats"]["val_acc"]["n"] for arm in told["arms"]] == [3, 3, 3]

    # a repair that leaves the experiment as it was is told beside the run, and the run counts
    mended = overnight(study, "results", "mended", "--json")
    assert [repair["class"] for repair in mended["repairs"]] == ["cuda_oom"]
    assert mended["metrics"]["val_acc"]["best_at"]["epoch"] <= 40
    beside = overnight(study, "compare", "--sweep", "study", "mended")
    assert "batch 64 -> batch 32 x 2" in beside

    # the run that learnt by heart: found by its curves, and far from the target
    by_heart = overnight(study, "results", "by-heart", "--json")
    assert "overfit" in [each["finding"] for each in by_heart["health"]]
    advice = overnight(study, "next", "by-heart", "--json")
    assert [each["verdict"] for each in advice["verdicts"]] != ["good"]

    # into the paper
    compared = ("compare", "--sweep", "study")
    overnight(study, *compared, "--standalone", "-o", "table.tex")
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    done = subprocess.run(latex, cwd=study, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:]
    overnight(study, "plot", "--sweep", "study", "-o", "figure.pdf")
    assert (study / "figure.pdf").read_bytes().startswith(b"%PDF")
    overnight(study, "report", "--since", "12h", "-o", "morning.html")
    page = (study / "morning.html").read_text()
    assert "by-heart" in page
    assert "http" not in page.partition("<script")[0].replace("http-equiv", "")

    # and on: what is proposed is a sweep that can be typed
    overnight(study, "next", "--sweep", "study", "--write", "more.toml")
    plan = overnight(study, "sweep", "--file", "more.toml", "--dry-run", "--json")
    assert plan["runs"]

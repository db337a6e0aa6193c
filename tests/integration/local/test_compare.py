"""Comparing real runs: three seeds of two settings, one that failed, in every format."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from pathlib import Path

from overnight.core import errors
from tests.integration.local import sweeping
from tests.integration.local.world import World

METRICS = '\n[metrics]\nprimary = "val_acc"\ngoal = "max"\n'
PROGRAM = """
import sys
lr, seed = float(sys.argv[2]), int(sys.argv[4])
for epoch in range(1, 6):
    if epoch == 4 and seed == 9:
        raise KeyError("no such column")
    noise = (seed * 7 + epoch * (3 if lr > 0.05 else 5)) % 11 / 50
    print(f"epoch {epoch}/5 loss {1 / epoch:.3f} val_acc {90 + 10 * lr + epoch / 5 + noise:.3f}")
"""
RUNS = [f"{name}-s{seed}" for name in ("high", "low") for seed in (0, 1, 2)] + ["high-s9"]


def study(world: World) -> None:
    world.set_up(more=METRICS)
    (world.project / "fit.py").write_text(PROGRAM)
    for run in RUNS:
        lr = "0.1" if run.startswith("high") else "0.01"
        with contextlib.suppress(errors.RunFailed):
            words = ["fit.py", "--lr", lr, "--seed", run[-1]]
            world.launch(run, argv=[sys.executable, *words])
    for run in RUNS:
        world.wait(run)


def test_a_study(world: World, tmp_path: Path) -> None:
    """Seeds are pooled, the failed one is told, and each format holds the same numbers."""
    study(world)
    shown = world.typed("compare", *RUNS, "--baseline", "lr=0.01")
    assert shown.startswith("val_acc (higher is better), best of each run's curve: 2 arms, 6 of 7")
    high = next(line for line in shown.splitlines() if "3 of 4" in line)
    assert high.startswith("*  lr=0.1") and "1 failed" in high
    assert "not counted, failed: high-s9" in shown
    assert "Differences to lr=0.01 with their 95 % interval" in shown

    found = json.loads(world.typed("compare", *RUNS, "--baseline", "lr=0.01", "--json"))
    (stat,) = (arm["stats"]["val_acc"] for arm in found["arms"] if arm["label"] == "lr=0.1")
    assert stat["n"] == 3
    assert {each["at"]["source"] for each in stat["values"]} == {"attempts/1/output.log"}

    for name in ("t.csv", "t.md", "t.tex", "t.html", "t.json", "t.txt"):
        world.typed("compare", *RUNS, "--baseline", "lr=0.01", "-o", str(tmp_path / name))
    with (tmp_path / "t.csv").open() as file:
        (row,) = (each for each in csv.DictReader(file) if each["arm"] == "lr=0.1")
    assert float(row["mean"]) == stat["mean"]
    assert json.loads((tmp_path / "t.json").read_text())["metric"] == "val_acc"
    mean = high.partition(" ± ")[0].split()[-1]
    for name in ("t.md", "t.tex", "t.html", "t.txt"):
        text = (tmp_path / name).read_text()
        assert mean in text.replace("} & \\textbf{", "")  # in LaTeX two cells meet at the point
        assert "high-s9" in text

    named = json.loads(world.typed("compare", *RUNS[:3], "--baseline", "low", "--json"))
    assert [each["label"] for each in named["arms"] if each["baseline"]] == ["lr=0.01"]
    assert len(named["runs"]) == 6
    assert "called 'lo'" in world.refused("compare", *RUNS, "--baseline", "lo", code=2)

    last = world.typed("compare", *RUNS, "--last")
    assert "last of each run's curve" in last


def test_a_sweep(world: World, tmp_path: Path) -> None:
    """Its base is the baseline, without a word about it."""
    world.set_up(more=METRICS)
    for index, lr in enumerate((0.01, 0.03)):
        sweeping.start(world, f"lr-{index}", lr, index=index, base=index == 0, total=2)
        world.wait(f"lr-{index}")
    shown = world.typed("compare", "--sweep", "lr")
    assert shown.startswith(
        "sweep lr, val_acc (higher is better), best of each run's curve: 2 arms"
    )
    rows = [line.split() for line in shown.splitlines() if "one seed, unproven" in line]
    assert [row[:2] for row in rows] == [["*", "lr=0.03"], ["lr=0.01", "1"]]
    assert "to lr=0.01" in shown
    assert "to lr=0.01" in world.typed("compare", "--sweep", "lr", "--baseline", "base")
    world.typed("compare", "--sweep", "lr", "-o", str(tmp_path / "lr.html"))
    assert '"name":"lr=0.03"' in (tmp_path / "lr.html").read_text()  # a line of the chart


def test_what_cannot_be_compared(world: World) -> None:
    """Said with what would do."""
    assert "nothing to compare" in world.refused("compare", code=2)
    assert "no format" in world.refused("compare", "a", "-o", "t.pdf", code=2)
    assert "no run 'a'" in world.refused("compare", "a", code=2)
    assert "which one?" in world.refused("compare", "a", "--last", "--which", "best", code=2)

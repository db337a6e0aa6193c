"""From a sweep with seeds to the comparison, the verdict, and the next sweep; real runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import Any

import pytest

from overnight.app import comparing
from overnight.core import errors
from tests.integration.local.world import World

# Better with a larger lr; the seed makes some difference. Its width stands in a file.
PROGRAM = """
import argparse, json, pathlib, random
parser = argparse.ArgumentParser()
parser.add_argument("--config", default="base.yaml")
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--fail", action="store_true")
options = parser.parse_args()
width = int(pathlib.Path(options.config).read_text().split("width:")[1].split()[0])
dice = random.Random(options.seed * 1000 + round(options.lr * 1000))
top = 80 + 10 * options.lr + width + dice.uniform(-0.3, 0.3)
with open("metrics.jsonl", "a") as out:
    for epoch in range(1, 6):
        acc = top - 10 / epoch ** 2
        row = {"epoch": epoch, "loss": 1 / epoch, "val_acc": acc, "test_acc": acc - 1}
        out.write(json.dumps(row) + "\\n")
        print(f"epoch {epoch}/5 loss {1 / epoch:.3f} val_acc {acc:.4f}", flush=True)
if options.fail:
    raise SystemExit("asked to fail")
"""
METRICS = '\n[metrics]\nprimary = "val_acc"\ngoal = "max"\ntarget = 86.0\n'


@pytest.fixture
def swept(world: World) -> World:
    """A sweep of three learning rates with two seeds, which has ended."""
    world.set_up(more=METRICS)
    (world.project / "train.py").write_text(PROGRAM)
    (world.project / "base.yaml").write_text("model:\n  width: 2\n")
    settings = world.project / "overnight.toml"
    text = settings.read_text().partition("[knobs]")
    train = f"{sys.executable} train.py --config base.yaml"
    settings.write_text(
        text[0].replace("python3 train.py", train) + "[servers" + text[2].partition("[servers")[2]
    )
    world.typed("sweep", "lr=0.2,0.3", "--seeds", "2", "--name", "lrs", "--yes", "--no-smoke")
    with world.laptop() as o:
        runs = [each.run for each in o.mirror.sweeps.runs("lrs")]
    for run in runs:
        world.wait(run)
    return world


def advice(world: World, *words: str) -> Any:
    return json.loads(world.typed("next", "--json", *words))


def test_a_sweep_with_its_curves(swept: World) -> None:
    """Arms over seeds, paired; each value names its file and line; test data is never chosen by."""
    with swept.laptop() as o:
        found = comparing.compared(o, sweep="lrs")
    assert [arm.label for arm in found.arms] == ["lr=0.3", "lr=0.2", "lr=0.1"]
    assert found.arms[2].is_baseline
    stat = found.stat(found.arms[0])
    assert stat is not None
    assert stat.n == 2
    assert {each.seed for each in stat.values} == {0, 1}
    place = stat.values[0].place
    assert place is not None
    assert (place.source, place.epoch) == ("work/metrics.jsonl", 5)
    assert {test.kind for test in found.tests} == {"paired"}
    (shown,) = [each for each in found.metrics if each.name == "test_acc"]
    assert shown.which == "at best validation"
    assert [each.key for each in found.differences if each.kind == "config"] == ["lr"]
    assert not [each for each in found.differences if each.kind == "code"]


def test_the_next_sweep_is_one_that_can_be_started(swept: World) -> None:
    """The proposal past the edge, written as a file, is taken by `sweep --dry-run`."""
    found = advice(swept, "--sweep", "lrs")
    assert {each["arm"] for each in found["verdicts"]} == {"lr=0.2", "lr=0.3"}
    kinds = [each["kind"] for each in found["proposals"]]
    assert "knob" in kinds
    place = kinds.index("knob")
    knob = found["proposals"][place]
    assert "the best value is the highest that was tried" in knob["why"]
    assert [each["lr"] for each in knob["points"]] == [0.4, 0.5]
    text = swept.typed("next", "--sweep", "lrs", "--write", "more.toml", "--pick", str(place + 1))
    assert "overnight sweep --file more.toml --dry-run" in text
    plan = json.loads(swept.typed("sweep", "--file", "more.toml", "--dry-run", "--json"))
    made = {(run["point"]["lr"], run["seed"]) for run in plan["runs"]}
    assert made == {(lr, seed) for lr in (0.4, 0.5) for seed in (0, 1)}
    assert plan["sweep"] == "lrs-knob"
    assert all("--lr" in run["command"] for run in plan["runs"])
    refused = swept.refused("next", "--sweep", "lrs", "--write", "more.toml", code=2)
    assert "more.toml is there already" in refused


def test_more_seeds_are_new_seeds(swept: World) -> None:
    """Of named runs with one seed each: the same arms, with seeds that were not used."""
    with swept.laptop() as o:
        runs = [each.run for each in o.mirror.sweeps.runs("lrs")]
    zero = [run for run in runs if run.endswith("-s0")]
    found = advice(swept, *zero)
    (seeds,) = [each for each in found["proposals"] if each["kind"] == "seeds"]
    assert seeds["seeds"] == [1, 2]
    pick = str(found["proposals"].index(seeds) + 1)
    swept.typed("next", *zero, "--write", "seeds.toml", "--pick", pick)
    plan = json.loads(swept.typed("sweep", "--file", "seeds.toml", "--dry-run", "--json"))
    made = {(run["point"]["lr"], run["seed"]) for run in plan["runs"]}
    assert made == {(lr, seed) for lr in (0.1, 0.2, 0.3) for seed in (1, 2)}


def test_runs_that_were_typed_one_by_one(swept: World) -> None:
    """Flags and seeds of their commands; the proposal changes the best one's command."""
    train = [sys.executable, "train.py", "--config", "base.yaml"]
    for run, lr in (("low", "0.1"), ("high", "0.4")):
        swept.launch(run, argv=[*train, "--lr", lr, "--seed", "7"])
    for run in ("low", "high"):
        swept.wait(run)
    found = advice(swept, "low", "high")
    assert {each["arm"] for each in found["verdicts"]} == {"lr=0.1", "lr=0.4"}
    (seeds,) = [each for each in found["proposals"] if each["kind"] == "seeds"]
    assert (seeds["based_on"], seeds["seeds"]) == ("high", [8, 9])
    pick = str(found["proposals"].index(seeds) + 1)
    swept.typed("next", "low", "high", "--write", "typed.toml", "--pick", pick)
    plan = json.loads(swept.typed("sweep", "--file", "typed.toml", "--dry-run", "--json"))
    made = {" ".join(run["command"][4:]) for run in plan["runs"]}
    assert made == {f"--lr {lr} --seed {seed}" for lr in ("0.1", "0.4") for seed in (8, 9)}


def test_a_baseline_from_elsewhere(swept: World) -> None:
    """Another run joins the table, a number is no test, and what is not there is refused."""
    with swept.laptop() as o:
        runs = [each.run for each in o.mirror.sweeps.runs("lrs")]
        high = [run for run in runs if "lr0p3" in run]
        base = next(run for run in runs if "base" in run)
        found = comparing.compared(o, high, baseline=base)
        assert found.baseline is not None
        assert found.baseline.source == base
        assert len(found.arms) == 2
        number = comparing.compared(o, high, baseline="85.5")
        assert [each.kind for each in number.tests] == ["number"]
        with pytest.raises(errors.UsageError, match="no arm and no run is called 'nobody'"):
            comparing.compared(o, high, baseline="nobody")
        with pytest.raises(errors.UsageError, match="no run has a metric 'f1'"):
            comparing.compared(o, high, metric="f1")


def test_a_changed_file_of_the_command_is_a_setting(swept: World) -> None:
    """Other code and another width: told by file and line counts, and key by key."""
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        subprocess.run([*git, *words], cwd=swept.project, check=True)
    train = [sys.executable, "train.py", "--config", "base.yaml"]
    swept.launch("before", argv=train)
    (swept.project / "base.yaml").write_text("model:\n  width: 3\n")
    swept.launch("wider", argv=train)
    (swept.project / "train.py").write_text(PROGRAM + "\nprint('the end')\n")
    swept.launch("after", argv=train)
    for run in ("before", "wider", "after"):
        swept.wait(run)
    with swept.laptop() as o:
        found = comparing.compared(o, ["before", "wider", "after"])
    told = {(each.kind, each.key): each.values for each in found.differences}
    width = told["config", "base.yaml model.width"]
    assert sorted(width.values()) == ["2", "3", "3"]
    files = told["code", "files"]
    assert sorted(files.values()) == [
        "as the first run",
        "as the first run",
        "changed: train.py +2 -0",
    ]
    assert len(found.arms) == 3


def test_what_is_here_of_a_server_that_is_away(swept: World) -> None:
    """What was fetched stands, and what was not is as its server told of it before."""
    with swept.laptop() as o:
        comparing.compared(o, sweep="lrs")
    shutil.move(swept.root, swept.root.with_name("gone"))
    swept.root.write_text("no folder")
    with swept.laptop() as o:
        found = comparing.compared(o, sweep="lrs")
    assert found.sweep is not None
    assert list(found.sweep.away) == ["local"]
    assert found.arms[0].label == "lr=0.3"
    assert any("local did not answer" in note for note in found.notes)

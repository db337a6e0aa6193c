"""A search with the real Optuna and real runs: cut short, typed again, pruned."""

from __future__ import annotations

import json
import sys
import threading
from typing import Any

import pytest

from overnight.app import search_trials, searching
from overnight.app.sweep_plan import Wish
from overnight.core import errors, search_space
from overnight.results import sweep_text
from overnight.results.comparison import sweeps
from tests.integration.local.world import World

# Its accuracy is best near lr 0.1; each start is written down.
PROGRAM = """
import argparse, time
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--diary", required=True)
parser.add_argument("--pause", type=float, default=0.0)
options = parser.parse_args()
with open(f"{options.diary}/trials", "a") as file:
    file.write(f"{options.lr}\\n")
for epoch in range(1, 9):
    acc = 10 * epoch - 40 * abs(options.lr - 0.1)
    print(f"epoch {epoch}/8 loss {1 / epoch:.3f} val_acc {acc:.4f}", flush=True)
    time.sleep(options.pause)
"""
METRICS = '\n[metrics]\nprimary = "val_acc"\ngoal = "max"\n'


def set_up(world: World, pause_s: float = 0.0) -> None:
    world.set_up(more=METRICS)
    (world.project / "train.py").write_text(PROGRAM)
    settings = world.project / "overnight.toml"
    train = f"{sys.executable} train.py --diary {world.diary} --pause {pause_s}"
    text = settings.read_text().replace('train = "python3 train.py"', f'train = "{train}"')
    settings.write_text(text.replace("[knobs]\n", "[unused]\n").split("[unused]")[0] + after(text))


def after(text: str) -> str:
    """The settings from the servers on; this training has no knobs."""
    return "[servers" + text.partition("[servers")[2]


def searched(world: World, trials: int, at_once: int = 2, rounds: int = 10**6) -> Any:
    """The search as it is typed; Ctrl-C after so many rounds."""
    left = [rounds]

    def pause(_: float) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise KeyboardInterrupt
        threading.Event().wait(0.05)

    wanted = search_trials.Wanted(
        wish=Wish(name="lr", servers=("local",), gpus=0),
        space=search_space.parse(["lr=0.001..1:log"]),
        trials=trials,
        at_once=at_once,
        with_smoke=False,
    )
    with world.laptop() as o:
        return searching.run(o, wanted, pause=pause)


def started(world: World) -> list[str]:
    return (world.diary / "trials").read_text().split()


def test_a_search_that_is_cut_short(world: World) -> None:
    """The laptop closes in the middle; typed again it goes on, and nothing is run twice."""
    set_up(world)
    with pytest.raises(KeyboardInterrupt):
        searched(world, 5, rounds=1)
    found = searched(world, 5)
    assert [trial.number for trial in found.trials] == list(range(5))
    assert {trial.state for trial in found.trials} <= {"complete", "pruned"}
    assert len(started(world)) == len(set(started(world))) == 5
    comparison = found.comparison
    assert comparison.sweep is not None
    assert (comparison.sweep.mode, comparison.sweep.total) == ("search", 5)
    assert sweeps.is_done(comparison)
    assert [run.run for run in sweeps.in_order(comparison)] == [f"lr-t00{n}" for n in range(5)]
    values = [trial.value for trial in found.trials if trial.value is not None]
    assert comparison.arms[0].by_which["best"].mean == max(values)
    again = searched(world, 5)
    assert again.trials == found.trials
    assert len(started(world)) == 5


def test_hopeless_trials_are_stopped(world: World) -> None:
    """By the ordinary stop, which says who asked; the table calls them pruned."""
    set_up(world, pause_s=0.25)
    found = searched(world, 12, at_once=3)
    pruned = [trial for trial in found.trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        state = world.state(search_trials.run_name("lr", trial))
        assert (state.state, state.stop) == ("stopped", sweeps.PRUNED)
    assert f"{len(pruned)} pruned" in sweep_text.table(found.comparison).splitlines()[0]
    best = max(trial.value for trial in found.trials if trial.value is not None)
    assert found.comparison.arms[0].by_which["best"].mean == best


def test_another_search_of_the_same_name(world: World) -> None:
    """Refused: other code, another metric. Neither is another number of trials."""
    set_up(world)
    searched(world, 2)
    assert len(searched(world, 3).trials) == 3
    (world.project / "train.py").write_text(PROGRAM + "\n# changed\n")
    with pytest.raises(errors.UsageError, match="the code has changed"):
        searched(world, 4)
    (world.project / "train.py").write_text(PROGRAM)
    settings = world.project / "overnight.toml"
    settings.write_text(settings.read_text().replace('goal = "max"', 'goal = "min"'))
    with pytest.raises(errors.UsageError, match="another goal"):
        searched(world, 4)


def test_the_command_line(world: World) -> None:
    """As a person types it; without a metric, or beside other ways to sweep, it says what to do."""
    set_up(world)
    words = ["sweep", "--search", "lr=0.01..1:log", "--trials", "2", "--name", "s", "--no-smoke"]
    value = json.loads(world.typed(*words, "--gpus", "0", "--json"))
    assert (value["sweep"], len(value["trials"]), value["done"]) == ("s", 2, True)
    assert "s-t000" in world.typed("sweep", "results", "s", "--runs")
    assert "belongs to a search" in world.refused("sweep", "lr=0.1,0.2", "--trials", "2", code=2)
    assert "does not go with" in world.refused(*words, "--seeds", "2", code=2)

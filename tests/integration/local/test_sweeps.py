"""Sweeps on a real server of this machine: from the table to the last run, and through a cut."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from overnight.node import states
from overnight.store.sweeps import SweptRun
from tests.integration.local import laws
from tests.integration.local.world import World
from tests.waiting import wait_until

CONFIG = """\
# the experiment
optim:
  lr: 1.0e-3   # as in the paper
  warmup: 1000
batch_size: 64
accum: 1
"""
TRAINING = """\
import argparse, pathlib, sys
import ruamel.yaml

parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--diary")
parser.add_argument("--model", default="small")
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
config = ruamel.yaml.YAML(typ="safe").load(pathlib.Path(options.config))
diary = pathlib.Path(options.diary)
lr, warmup = config["optim"]["lr"], config["optim"]["warmup"]
with open(diary / "diary", "a") as file:
    file.write(f"- {lr} {warmup} {options.model} {options.seed} batch {config['batch_size']}\\n")
if options.model == "broken":
    raise ValueError("no such model: broken")
if warmup == 500 and not (diary / "mended").exists():
    sys.exit("warmup of 500 does not work")
if warmup == 2000 and config["batch_size"] > 32:
    raise MemoryError(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.50 GiB. GPU 0 has a total"
    )
for epoch in (1, 2):
    print(f"epoch {epoch}/2 loss {1 / epoch:.3f} val_acc {lr * epoch:.4f}", flush=True)
"""
AXES = ["lr=1e-3,3e-4", "warmup=500,2000", "model=large"]


@pytest.fixture
def swept(world: World) -> World:
    """A project whose training reads a YAML file and takes flags."""
    (world.project / "configs").mkdir()
    (world.project / "configs" / "base.yaml").write_text(CONFIG)
    world.set_up(
        project="gpus = 0",
        more='[metrics]\nprimary = "val_acc"\ngoal = "max"\n[recovery]\nunknown = "stop"\n',
    )
    (world.project / "train.py").write_text(TRAINING)
    settings = world.project / "overnight.toml"
    line = f'train = "{sys.executable} train.py --config configs/base.yaml --diary {world.diary}"'
    text = settings.read_text().replace('train = "python3 train.py"', line)
    knobs = text[text.index("[knobs]") : text.index("[servers.local]")]
    settings.write_text(text.replace(knobs, ""))
    return world


def status(world: World, name: str) -> dict[str, Any]:
    found = json.loads(world.typed("sweep", "status", name, "--json"))
    assert isinstance(found, dict)
    return found


def done(world: World, name: str) -> dict[str, dict[str, Any]]:
    """The runs of the sweep by name, once all have ended."""

    def ended() -> dict[str, Any] | None:
        seen = status(world, name)
        return seen if seen["done"] == seen["total"] else None

    seen = wait_until(ended, timeout_s=60.0, what=f"the end of {name}: {status(world, name)}")
    assert seen is not None
    return {each["run"]: each for each in seen["runs"]}


def starts(world: World) -> list[str]:
    return sorted(world.lines())


def test_an_ablation(swept: World) -> None:
    """Five runs of one snapshot, one of which fails; typed again nothing is started twice; the
    failed one is retried."""
    (swept.project / "configs" / "base.yaml").write_text(CONFIG.replace("1000", "1000  # w"))
    said = json.loads(swept.typed("sweep", "--name", "abl", *AXES, "--no-smoke", "--json"))
    names = ["abl-base", "abl-lr3e-4", "abl-warmup500", "abl-warmup2000", "abl-model_large"]
    assert [each["run"] for each in said["runs"]] == names
    assert [each["error"] for each in said["runs"]] == [None] * 5
    assert len({swept.run(name).name for name in names}) == 5
    runs = done(swept, "abl")
    assert {name: each["state"] for name, each in runs.items() if each["state"] != "finished"} == {
        "abl-warmup500": "failed"
    }
    assert runs["abl-lr3e-4"]["point"] == {"lr": 3e-4, "warmup": 1000, "model": "small"}
    assert runs["abl-lr3e-4"]["metric"] == 6e-4
    assert starts(swept) == [
        "0.0003 1000 small 0 batch 64",
        "0.001 1000 large 0 batch 64",
        "0.001 1000 small 0 batch 64",
        "0.001 2000 small 0 batch 32",
        "0.001 2000 small 0 batch 64",
        "0.001 500 small 0 batch 64",
    ]
    work = Path(swept.run("abl-warmup2000").work, "configs", "base.yaml").read_text()
    assert "warmup: 2000  # w\n" in work  # the repair for the memory kept the value of the sweep
    assert "batch_size: 32\n" in work
    again = json.loads(swept.typed("sweep", "--name", "abl", *AXES, "--no-smoke", "--json"))
    assert [each["existed"] for each in again["runs"]] == [True] * 5
    (swept.diary / "mended").touch()
    swept.typed("sweep", "retry-failed", "abl")
    assert {each["state"] for each in done(swept, "abl").values()} == {"finished"}
    assert len(swept.lines()) == 7
    for name in names:
        laws.check(swept, name)


def test_smoke_tests_come_first(swept: World) -> None:
    """One for the sweep, one for each way through the code: a broken one, and nothing starts."""
    said = swept.refused("sweep", "--name", "m", "model=large,broken", code=6)
    assert "the smoke test of model=broken on local did not pass: ValueError" in said
    assert "nothing was launched" in said
    assert [line.split()[2] for line in swept.lines()] == ["small", "large", "broken"]
    swept.typed("sweep", "--name", "m", "model=large")
    runs = done(swept, "m")
    assert {each["state"] for each in runs.values()} == {"finished"}
    assert len(swept.lines()) == 5  # the two that had passed were not tested again
    queue = spec_of(swept, "m-base")["queue"]
    assert queue["group"] == "m"
    assert queue["expected_s"] > 0


def test_a_quick_smoke_test_is_never_the_longer_one(swept: World) -> None:
    """The project's own time box is shorter than ours."""
    settings = swept.project / "overnight.toml"
    settings.write_text(settings.read_text() + "[smoke]\ntime_box_s = 20\n")
    said = swept.refused("sweep", "--name", "m", "model=broken", code=6)
    assert said.count("smoke test on local, 20 s at most") == 2


def test_a_sweep_that_is_cut_goes_on_with_the_same_runs(swept: World) -> None:
    """Killed while it launches; typed again, each run exists once."""
    words = ["sweep", "--name", "cut", "lr=1e-3,3e-4,1e-4", "--seeds", "2", "--no-smoke"]
    process = swept.cli(*words)
    runs = Path(swept.root, "projects", "local", "runs")
    wait_until(lambda: runs.exists() and any(runs.iterdir()), what="the first run")
    process.kill()
    process.communicate()
    swept.typed(*words)
    assert len(done(swept, "cut")) == 6
    assert len(swept.lines()) == 6


def test_other_points_or_code_under_the_same_name(swept: World) -> None:
    """Refused with the way out; more points are added."""
    swept.typed("sweep", "--name", "s", "lr=1e-3,3e-4", "--no-smoke")
    assert "overnight sweep add s" in swept.refused("sweep", "--name", "s", "lr=1e-5", code=2)
    done(swept, "s")
    swept.typed("sweep", "add", "s", "lr=1e-5,3e-4", "model=large", "--no-smoke")
    seen = done(swept, "s")
    assert list(seen) == ["s-base", "s-lr3e-4", "s-lr1e-5", "s-model_large"]
    assert [each["index"] for each in seen.values()] == [0, 1, 2, 3]
    assert "all these points already" in swept.refused("sweep", "add", "s", "lr=1e-5", code=2)
    (swept.project / "new.py").write_text("print(1)\n")
    assert "the code has changed" in swept.refused(
        "sweep", "--name", "s", "lr=1e-3,3e-4", "--no-smoke", code=2
    )
    swept.typed("sweep", "add", "s", "lr=5e-5", "--no-smoke")
    done(swept, "s")
    snapshots = {name: spec_of(swept, name)["snapshot"] for name in (*seen, "s-lr5e-5")}
    assert len(set(snapshots.values())) == 2
    (swept.project / "new.py").unlink()
    again = json.loads(swept.typed("sweep", "--name", "s", "lr=1e-3,3e-4", "--no-smoke", "--json"))
    assert [each["existed"] for each in again["runs"]] == [True, True]


def spec_of(world: World, name: str) -> dict[str, Any]:
    found = json.loads(Path(world.run(name).file("spec.json")).read_text())
    assert isinstance(found, dict)
    return found


def test_a_laptop_that_forgot_learns_from_the_server(swept: World) -> None:
    """The mirror is gone: the sweep is there as before, and can be added to."""
    swept.typed("sweep", "--name", "s", "lr=1e-3,3e-4", "--no-smoke")
    before = done(swept, "s")
    for each in (swept.project / ".overnight").glob("mirror.db*"):
        each.unlink()
    assert done(swept, "s").keys() == before.keys()
    again = json.loads(swept.typed("sweep", "--name", "s", "lr=1e-3,3e-4", "--no-smoke", "--json"))
    assert [each["existed"] for each in again["runs"]] == [True, True]
    for each in (swept.project / ".overnight").glob("mirror.db*"):
        each.unlink()
    swept.typed("sweep", "add", "s", "lr=1e-5", "--no-smoke")
    assert list(done(swept, "s")) == [*before, "s-lr1e-5"]


def test_stopping_and_resuming(world: World) -> None:
    """All runs of the sweep in one pass; those that had ended stay as they are."""
    world.set_up(project="gpus = 0")
    command = world.training("--gate", "2", "--epochs", "2")
    words = ["accum=1,2", "--name", "g", "--no-smoke", "--max-concurrent", "1", "--", *command]
    world.typed("sweep", "--grid", *words)
    world.wait_for_state("g-accum2", lambda state: state.state != "")
    stopped = json.loads(world.typed("sweep", "stop", "g", "--json"))
    assert stopped["states"] == {"stopped": 2}
    world.open_gate(2)
    world.typed("sweep", "resume", "g")
    runs = done(world, "g")
    assert {each["state"] for each in runs.values()} == {"finished"}
    assert "SECOND PROCESS" not in world.lines()  # never two at once
    assert "no run of 'g' is stopped" in world.refused("sweep", "resume", "g", code=2)
    assert [world.state(name).state for name in runs] == [states.FINISHED] * 2


OTHERS = """
[servers.a]
kind = "local"
root = "{root}/a"
python = "{python}"
cpu_slots = 1

[servers.b]
kind = "local"
root = "{root}/b"
python = "{python}"
cpu_slots = 2
"""


def test_two_servers(swept: World) -> None:
    """Runs go where there is room, each server is synced and tested once; then one of them is
    away: what it had is shown as it was seen last."""
    settings = swept.project / "overnight.toml"
    others = OTHERS.format(root=swept.root, python=sys.executable)
    settings.write_text(settings.read_text() + others)
    words = ["sweep", "--name", "two", "lr=1e-3,3e-4,1e-4", "--max-concurrent", "3"]
    planned = json.loads(swept.typed(*words, "--dry-run", "--json"))
    assert sorted(each["server"] for each in planned["runs"]) == ["a", "b", "b"]
    assert not swept.lines()
    swept.typed(*words)
    runs = done(swept, "two")
    assert {each["state"] for each in runs.values()} == {"finished"}
    assert {each["server"] for each in runs.values()} == {"a", "b"}
    base = ["0.001 1000 small 0 batch 64"]
    assert starts(swept) == sorted(
        ["0.0003 1000 small 0 batch 64", "0.0001 1000 small 0 batch 64", *(base * 3)]
    )
    shares = {
        each["server"]: json.loads(
            (runs_of(swept, each["server"]) / name / "spec.json").read_text()
        )
        for name, each in runs.items()
    }
    assert {name: spec["queue"]["max_concurrent"] for name, spec in shares.items()} == {
        "a": 1,
        "b": 2,
    }
    before = settings.read_text()
    settings.write_text(before.replace(f'"{swept.root}/a"', '"/proc/no/such"'))
    away = status(swept, "two")
    assert {each["server"]: each["reachable"] for each in away["runs"]} == {"a": False, "b": True}
    assert away["states"] == {"finished": 3}


def test_a_server_that_goes_away_keeps_its_runs(swept: World) -> None:
    """What it was given is launched nowhere else, for it may have it; the rest goes on."""
    settings = swept.project / "overnight.toml"
    others = OTHERS.format(root=swept.root, python=sys.executable)
    user_file = (
        swept.folder / "user.toml"
    )  # no part of the project, so that the code stays the same
    user_file.write_text(others)
    assert "[servers.a]" not in settings.read_text()
    words = ["sweep", "--name", "away", "lr=1e-3,3e-4,1e-4", "--no-smoke", "--json"]
    at = {"env": {**os.environ, "OVERNIGHT_CONFIG": str(user_file)}}
    planned = json.loads(said(swept.cli(*words, "--dry-run", **at)))
    (lonely,) = [each["run"] for each in planned["runs"] if each["server"] == "a"]
    with swept.laptop() as o:
        runs = [SweptRun(e["run"], e["server"], wire(e, planned)) for e in planned["runs"]]
        kept = {"mode": "ablate", "base": None, "gpus": None, "argv": [], "seeds": []}
        o.mirror.sweeps.remember("away", 1.0, {**kept, "snapshot": planned["snapshot"]}, runs)
    user_file.write_text(others.replace(f'"{swept.root}/a"', '"/proc/no/such"'))
    with swept.cli(*words, **at) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 4
    assert [e["run"] for e in json.loads(out)["runs"] if e["error"]] == [lonely]
    user_file.write_text(others)
    again = json.loads(said(swept.cli(*words, **at)))
    assert {e["run"]: e["existed"] for e in again["runs"]} == {
        e["run"]: e["run"] != lonely for e in planned["runs"]
    }
    assert not (runs_of(swept, "b") / lonely).exists()
    assert (runs_of(swept, "a") / lonely).exists()


def said(process: subprocess.Popen[str]) -> str:
    with process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def wire(run: dict[str, Any], planned: dict[str, Any]) -> dict[str, Any]:
    told = {key: run[key] for key in ("index", "point", "seed", "base")}
    return {**told, "name": planned["sweep"], "total": planned["total"], "mode": planned["mode"]}


def test_a_sweep_that_is_written_down(swept: World) -> None:
    """Points as the file has them, with seeds."""
    (swept.project / "sweep.toml").write_text(
        'name = "written"\nseeds = [3, 4]\nmax_concurrent = 1\n'
        '[[runs]]\n[[runs]]\noptim.lr = 3e-4\nmodel = "large"\n'
    )
    swept.typed("sweep", "--file", "sweep.toml", "--no-smoke")
    runs = done(swept, "written")
    assert list(runs) == [
        "written-base-s3",
        "written-base-s4",
        "written-lr3e-4-model_large-s3",
        "written-lr3e-4-model_large-s4",
    ]
    assert swept.lines() == [  # one after the other
        "0.001 1000 small 3 batch 64",
        "0.001 1000 small 4 batch 64",
        "0.0003 1000 large 3 batch 64",
        "0.0003 1000 large 4 batch 64",
    ]


def runs_of(world: World, server: str) -> Path:
    return Path(world.root, server, "projects", "local", "runs")


def test_waiting_for_a_run_of_another_server(swept: World) -> None:
    """The sweep goes to where that run is; somewhere else nobody could tell when it is done."""
    settings = swept.project / "overnight.toml"
    others = OTHERS.format(root=swept.root, python=sys.executable)
    settings.write_text(settings.read_text() + others)
    swept.typed("run", "first", "--server", "b", "--no-smoke", "--gpus", "0")
    words = ["sweep", "--name", "then", "lr=1e-3,3e-4", "--after", "first", "--no-smoke"]
    assert "can be waited for on b only" in swept.refused(*words, "--server", "a", code=2)
    swept.typed(*words)
    assert {each["server"] for each in done(swept, "then").values()} == {"b"}
    assert "there is no run 'frist'" in swept.refused(*words[:-2], "frist", code=2)

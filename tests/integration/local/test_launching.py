"""Laptops that die while they launch, and laptops that launch at the same time (law 3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.core import errors
from overnight.node import states
from tests.integration.local import laws
from tests.integration.local.world import World
from tests.waiting import wait_until


def seen(world: World, pattern: str) -> bool:
    return any(world.root.glob(pattern))


# What is on the server when the laptop dies, from the first thing to the last.
MOMENTS = {
    "root": "node",
    "node": "node/*/overnight/node/main.py",
    "sync": "projects/local/incoming/*",
    "snapshot": "projects/local/snapshots/*",
    "folder": "projects/local/runs/*",
    "spec": "projects/local/runs/*/spec.json",
    "created": "projects/local/runs/*/events.jsonl",
    "supervised": "projects/local/runs/*/supervisor.json",
    "attempt": "projects/local/runs/*/attempts/1",
    "claim": "projects/local/runs/*/attempts/1/claim",
}


def launch_and_die(world: World, pattern: str, *name: str) -> list[str]:
    """Kills the laptop as soon as `pattern` is there; the words that it had typed."""
    words = ["run", *name, "--no-smoke", "--json", "--", *world.training("--gate", "2")]
    with world.cli(*words) as laptop:
        wait_until(lambda: seen(world, pattern) or laptop.poll() is not None, interval_s=0.0005)
        laptop.kill()
    return words


def one_run_comes_of_it(world: World, name: str) -> None:
    """The run goes on to its end; there is no other, and it was started once."""
    world.open_gate(2)
    assert world.wait(name).state == states.FINISHED
    laws.check(world, name)
    assert [path.name for path in (world.root / "projects/local/runs").iterdir()] == [name]
    assert len(world.starts()) == 1


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_laptop_killed_while_it_launches(world: World, moment: str) -> None:
    """The same command typed again goes on where it stopped: one run, one process."""
    words = launch_and_die(world, MOMENTS[moment], "train07")
    assert json.loads(world.typed(*words))["run"] == "train07"
    one_run_comes_of_it(world, "train07")


@pytest.mark.parametrize("moment", ["snapshot", "created", "claim"])
def test_a_run_without_a_name_is_found_again(world: World, moment: str) -> None:
    """The name that was meant is remembered before the server is asked."""
    words = launch_and_die(world, MOMENTS[moment])
    assert json.loads(world.typed(*words))["run"] == "train01"
    one_run_comes_of_it(world, "train01")


def test_two_laptops_launch_the_same_run_at_once(world: World) -> None:
    """Both are told that it runs; it runs once."""
    words = ["run", "both", "--no-smoke", "--json", "--", *world.training("--gate", "2")]
    with world.cli(*words) as first, world.cli(*words) as second:
        answers = [json.loads(laptop.communicate(timeout=60)[0]) for laptop in (first, second)]
    assert [answer["run"] for answer in answers] == ["both", "both"]
    assert sorted(answer["existed"] for answer in answers) == [False, True]
    one_run_comes_of_it(world, "both")


def test_a_name_of_another_run_is_refused(world: World) -> None:
    """The error names the run; nothing is changed."""
    world.launch("taken")
    world.wait("taken")
    before = world.events("taken")
    with pytest.raises(errors.NameTaken, match=r"'taken' belongs to another run .*finished"):
        world.launch("taken", "--epochs", "4")
    assert world.events("taken") == before


def test_a_run_that_is_there_is_not_started_again(world: World) -> None:
    """The same launch of a run that has finished says so, and starts nothing."""
    world.launch("r")
    world.wait("r")
    world.launch("r")
    assert len(world.starts()) == 1
    laws.check(world, "r")


def test_a_launch_that_cannot_begin_leaves_no_process(world: World) -> None:
    """Data that is not on the server: the run fails at once, saying which."""
    world.set_up(project='links = { data = "/no/such/folder" }')
    with pytest.raises(errors.RunFailed, match="/no/such/folder"):
        world.launch("r")
    assert laws.check(world, "r").attempts == ()
    wait_until(lambda: not world.processes(), what="the server to be quiet")


def test_smoke_tests_of_dead_laptops_are_swept(
    world: World, tmp_path: Path, age: Callable[[Path, float], None]
) -> None:
    """An hour later, at the next smoke test: what was left of one, and of a launch that was cut."""
    runs = world.root / "projects/local/runs"
    with world.cli("smoke", "--", *world.training("--gate", "2")) as laptop:
        wait_until(lambda: world.lines().count("epoch 1"), what="the smoke test to run")
        laptop.kill()
    (smoke,) = runs.iterdir()
    world.open_gate(2)
    wait_until(lambda: world.state(smoke.name).state in states.ENDED, what="its end")
    wait_until(lambda: not world.supervisors(smoke.name), what="its folder to be left alone")
    for name in ("cut", "cut-later"):
        (runs / name).mkdir()
    (runs / "cut-later/spec.json").write_text('{"kind": "run"}')
    (runs / "cut-later/events.jsonl").touch()
    (runs / ".smoke-00.removed").mkdir()
    for path in (smoke, runs / "cut", runs / "cut-later"):
        age(path, 3700.0)
    world.typed("smoke", "--", *world.training())
    assert list(runs.iterdir()) == []

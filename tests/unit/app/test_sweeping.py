"""What a sweep would run: points, prepared runs, smoke tests, and one pass over many runs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.app import Overnight, preparing, sweep_places, sweep_plan, sweep_views, sweeping
from overnight.app.sweep_plan import Planned, Wish
from overnight.app.sweep_sight import Sight
from overnight.app.talk import Silent
from overnight.core import errors, spec, sweep
from overnight.core.sweep import Point
from overnight.ports import Reply, Request

SCRIPT = """\
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--config")
parser.add_argument("--model", default="small")
parser.add_argument("--epochs", type=int, default=50)
parser.add_argument("--seed", type=int, default=0)
"""
CONFIG = "lr: 0.1  # paper\ntrain:\n  batch_size: 64\n  accum: 1\n"
TOML = """\
[project]
name = "p"
train = "python train.py --config base.yaml"
{smoke}
[knobs]
micro_batch = "base.yaml:train.batch_size"
accumulation = "base.yaml:train.accum"
"""
SMOKE = 'smoke = "python train.py --config base.yaml --epochs 1"'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "base.yaml").write_text(CONFIG)
    (tmp_path / "b.yaml").write_text(CONFIG)
    (tmp_path / "overnight.toml").write_text(TOML.format(smoke=SMOKE))
    return tmp_path


@pytest.fixture
def o(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Overnight]:
    monkeypatch.setenv("OVERNIGHT_CONFIG", str(project / "none.toml"))
    with Overnight(project, Silent()) as made:
        yield made


def sight(o: Overnight, *words: str, **more: Any) -> Sight:
    return Sight(o, Wish(axes=sweep.parse_axes(words), **more))


def prepared(made: Sight, point: Point) -> preparing.Prepared:
    return made.prepared(point, made.o.config.servers["local"])


def test_an_edited_file_is_in_every_variant(o: Overnight) -> None:
    """Also in the first, and also where a repair writes its own numbers beside it."""
    made = sight(o, "lr=3e-4", "model=large")
    assert made.base == {"lr": 0.1, "model": "small"}
    assert made.where == {"lr": "base.yaml:1 lr", "model": "--model (train.py:4)"}
    _, point, _ = made.points()
    found = prepared(made, point).spec
    texts = [each["files"]["base.yaml"] for each in found.variants]
    assert len(texts) == 7
    assert all(text.startswith("lr: 3.0e-4  # paper\n") for text in texts)
    assert "batch_size: 16\n  accum: 4\n" in texts[2]
    assert found.variants[2]["argv"] == ["python", "train.py", "--config", "base.yaml"]


def test_a_file_without_knobs_is_in_every_variant_too(o: Overnight) -> None:
    """Nothing but the sweep changes it."""
    (o.root / "data.json").write_text('{"crop": 1}')
    made = sight(o, "crop=2", argv=("python", "train.py", "base.yaml", "data.json"))
    found = prepared(made, made.points()[1]).spec
    assert len(found.variants) == 7
    assert {each["files"]["data.json"] for each in found.variants} == {'{"crop": 2}'}


def test_the_base_is_the_command_as_it_is(o: Overnight) -> None:
    """Nothing is edited, nothing added."""
    made = sight(o, "lr=3e-4")
    found = prepared(made, made.points()[0])
    plain = preparing.prepare(
        o.config, o.config.servers["local"], ["python", "train.py", "--config", "base.yaml"], None
    )
    assert found.spec == plain.spec
    assert found.files == {}


def test_the_short_command_is_changed_alike(o: Overnight) -> None:
    """The project's smoke command with the same flags and files; a typed command is its own."""
    made = sight(o, "model=large", "lr=3e-4", seeds=(7,))
    large = prepared(made, made.points()[1])
    assert large.smoke_argv[-6:] == ["--epochs", "1", "--model", "large", "--seed", "7"]
    assert not large.same_smoke
    short = preparing.smoke_spec(prepared(made, made.points()[2]), "s", "smoke-1", 60.0)
    assert short.variants[0]["files"]["base.yaml"].startswith("lr: 3.0e-4")
    own = sight(o, "model=large", argv=("python", "train.py", "--epochs", "3"))
    assert prepared(own, own.points()[1]).same_smoke


def test_passes_of_smoke_tests_know_the_edited_files(o: Overnight) -> None:
    """A pass with one learning rate is none with another."""
    made = sight(o, "lr=3e-4,1e-5")
    parts = [spec.digest(prepared(made, each).smoke_parts) for each in made.points()]
    assert len(set(parts)) == 3


def test_explicit_points(o: Overnight) -> None:
    """As the file has them; what equals the base is no change."""
    axes = sweep.parse_axes(["lr=0.1", "model=large"])
    points = tuple({axis.key: axis.values[0]} for axis in axes)
    made = Sight(o, Wish(mode=sweep.FILE, points=({}, *points)))
    assert [dict(each.changes) for each in made.points()] == [{}, points[1]]


def test_another_file_has_values_of_its_own(o: Overnight) -> None:
    """They are what stands in the table, and a value that the first file has is written there."""
    (o.root / "b.yaml").write_text("lr: 0.7\ntrain: {batch_size: 8, accum: 2}\n")
    made = sight(o, "config=b.yaml", "lr=0.1,0.2")
    assert [point.values(made.base_at(point)) for point in made.points()] == [
        {"config": "base.yaml", "lr": 0.1},
        {"config": "b.yaml", "lr": 0.7},
        {"config": "base.yaml", "lr": 0.2},
    ]
    grid = sight(o, "config=base.yaml,b.yaml", "lr=0.1,0.2", mode="grid")
    points = grid.points()
    assert [point.values(grid.base_at(point))["lr"] for point in points] == [0.1, 0.2, 0.1, 0.2]
    found = prepared(grid, points[2]).spec.variants
    assert found[0]["argv"][-1] == "b.yaml"
    assert {each["files"]["b.yaml"].splitlines()[0] for each in found} == {"lr: 0.1"}


def test_two_names_of_one_setting(o: Overnight) -> None:
    """Refused: which of the two would hold?"""
    with pytest.raises(errors.UsageError, match="are the same setting"):
        sight(o, "batch_size=1", "train.batch_size=2")
    with pytest.raises(errors.UsageError, match="are the same setting"):
        sight(o, "seed=1,2", seeds=(1, 2))


def test_a_wish_is_kept() -> None:
    """What `sweep add` goes on with, through JSON."""
    wish = Wish(mode="grid", base="b.yaml", seeds=(1, 2), servers=("a",), argv=("x",), gpus=0.5)
    kept = json.loads(json.dumps(wish.kept()))
    assert sweep_plan.kept_wish("s", {**kept, "unknown": 1}) == dataclasses.replace(wish, name="s")


def test_each_way_through_the_code_is_tested_once(o: Overnight) -> None:
    """Numbers are none; combinations of what was tested are none either."""
    made = sight(o, "model=small,large", "config=base.yaml,b.yaml", "lr=1,2", mode="grid")
    runs = tuple(planned(made, n, each) for n, each in enumerate(made.points()))
    plan = sweep_plan.Plan(
        name="s",
        wish=made.wish,
        snapshot="x",
        base=made.base,
        where=made.where,
        runs=runs,
        lead=runs[0],
        offers=(),
    )
    found = [dict(each.point.path) for each in sweeping.new_paths(plan)]
    assert found == [
        {"model": "small", "config": "b.yaml"},
        {"model": "large", "config": "base.yaml"},
    ]


def planned(made: Sight, number: int, point: Point) -> Planned:
    told = sweep.to_wire(point, name="s", mode="grid", index=number, total=8, base=made.base)
    ready = prepared(made, point)
    return Planned(run=f"s-{number}", sweep=told, point=point, prepared=ready, server="local")


def test_when_a_run_may_start(o: Overnight) -> None:
    """What the queue of the server is told, and nothing that nobody knows."""
    made = sight(o, "lr=1", priority=5, servers=("local",), after=("train01",))
    run = planned(made, 3, made.points()[1])
    plan = sweep_plan.Plan(
        name="s",
        wish=made.wish,
        snapshot="x",
        base=made.base,
        where=made.where,
        runs=(run,),
        lead=run,
        offers=(),
        expected_s=90.0,
    )
    assert sweeping.queue(plan, run, 2) == {
        "group": "s",
        "order": 3,
        "max_concurrent": 2,
        "priority": 5,
        "after": ["train01"],
        "expected_s": 90.0,
        "pinned": True,
    }


def test_runs_beyond_the_limit_start_when_one_ends(o: Overnight) -> None:
    """Room there may be for all of them at once; where nobody knows an end, nobody knows more."""
    made = sight(o, "lr=1,2,3", servers=("local",))
    all_now = [
        dataclasses.replace(planned(made, n, point), starts_at=100.0, ends_at=160.0)
        for n, point in enumerate(made.points())
    ]

    def times(runs: list[Planned], limit: int | None) -> list[tuple[float | None, float | None]]:
        return [(each.starts_at, each.ends_at) for each in sweep_places.in_turn(runs, limit)]

    assert times(all_now, None) == [(100.0, 160.0)] * 4
    assert times(all_now, 2) == [(100.0, 160.0)] * 2 + [(160.0, 220.0)] * 2
    assert times(all_now, 1)[3] == (280.0, 340.0)
    endless = [dataclasses.replace(each, ends_at=None) for each in all_now]
    assert times(endless, 2) == [(100.0, None)] * 2 + [(None, None)] * 2


def test_the_same_sweep_typed_twice_at_once(o: Overnight) -> None:
    """Both give a run to the server that was written down first."""
    made = sight(o, "lr=1")
    first = tuple(planned(made, n, each) for n, each in enumerate(made.points()))
    plan = sweep_plan.Plan(
        name="s",
        wish=made.wish,
        snapshot="x",
        base=made.base,
        where=made.where,
        runs=first,
        lead=first[0],
        offers=(),
    )
    assert sweeping.remembered(o, plan).runs == first
    elsewhere = tuple(dataclasses.replace(each, server="gpu9") for each in first)
    other = dataclasses.replace(plan, runs=elsewhere, snapshot="y")
    assert sweeping.remembered(o, other).runs == first
    assert (o.mirror.sweeps.definition("s") or {})["snapshot"] == "x"


class Refusing:
    """Answers requests in one pass, and refuses those of some runs."""

    name = "gpu1"

    def __init__(self, refused: set[str]) -> None:
        self.refused, self.done, self.passes = refused, list[str](), 0

    def call_many(self, requests: Iterable[Request], *, timeout_s: float = 30.0) -> Iterator[Reply]:
        self.passes += 1
        for request in requests:
            if request.args["run"] in self.refused:
                raise errors.ServerError("no", code="no_such_run")
            self.done.append(request.args["run"])
            yield Reply({})


@pytest.mark.parametrize("refused", [set(), {"r0"}, {"r2", "r3"}, {"r4"}])
def test_one_pass_for_many_runs(refused: set[str]) -> None:
    """A run that is refused keeps none behind it waiting."""
    server: Any = Refusing(refused)
    runs = [f"r{n}" for n in range(5)]
    found = sweep_views.many(server, runs, lambda run: Request("stop", {"run": run}))
    assert found.keys() == refused
    assert server.done == [run for run in runs if run not in refused]
    assert server.passes <= 1 + len(refused)

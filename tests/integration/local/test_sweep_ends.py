"""The end of a sweep: its results on the server, its table, and one message."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.app import sweep_results
from overnight.core import errors
from overnight.node import states
from overnight.results.comparison import sweeps
from tests import webhooks
from tests.integration.local import sweeping
from tests.integration.local.world import World, kill_and_wait
from tests.waiting import wait_until

SOON_S = 40.0


@pytest.fixture
def service() -> Iterator[webhooks.Service]:
    with webhooks.service() as made:
        yield made


def set_up(world: World, service: webhooks.Service | None = None) -> None:
    notify = f'\n[notify]\nurl = "{service.url}"\nkind = "json"\n' if service else ""
    world.set_up(more=sweeping.METRICS + notify)


def folder(world: World) -> Path:
    return world.root / "projects" / "local" / "sweeps" / "lr"


def messages(service: webhooks.Service) -> list[dict[str, Any]]:
    return [json.loads(got.body) for got in list(service.got)]


def test_one_message_with_the_table(world: World, service: webhooks.Service) -> None:
    """Laptop closed: each result is kept as it comes, the table and one message at the end.

    The failure of one run waits for the others, and nothing is told twice.
    """
    set_up(world, service)
    sweeping.start(world, "lr-01", 0.01, gate="go", base=True)
    sweeping.start(world, "lr-02", 0.03, gate="go", how="breaks", index=1)
    sweeping.start(world, "lr-03", 0.02, index=2)
    kept = folder(world) / "lr-03.json"
    wait_until(kept.exists, what="the first result")
    found = json.loads(kept.read_bytes())
    assert (found["state"], found["point"], found["changed"]) == ("finished", {"lr": 0.02}, False)
    assert found["best"]["value"] == 92.5
    assert (found["best"]["epoch"], found["best"]["source"]) == (2, "output.log")
    assert found["last"]["value"] == 92.3
    assert not (folder(world) / "table.txt").exists()
    (world.diary / "go").touch()
    wait_until(lambda: messages(service), timeout_s=SOON_S, what="the message")
    (message,) = messages(service)
    assert message["title"] == "sweep lr on local: done, 1 failed"
    lines = message["text"].splitlines()
    assert lines[2:4] == ["  lr=0.02  92.5 (n 1)", "  lr=0.01 (base)  91.5 (n 1)"]
    assert any(line.startswith("failed: lr-02") for line in lines)
    table = (folder(world) / "table.txt").read_text()
    assert "3 runs: 1 failed, 2 finished" in table
    assert "KeyError" in table
    wait_until(lambda: not world.processes(["watch", str(world.root)]), what="the watch to end")
    assert len(service.got) == 1


def test_what_a_supervisor_could_not_record(world: World) -> None:
    """The watch does it, also one that comes only later."""
    set_up(world)
    sweeping.start(world, "lr-01", 0.01, gate="go", total=1)
    world.wait_for_state("lr-01", lambda state: state.state == states.RUNNING)
    kill_and_wait(*world.processes(["watch", str(world.root)]))
    world.supervisor("lr-01")
    folder(world).parent.mkdir()
    folder(world).write_text("a file where the sweep's folder should be")
    (world.diary / "go").touch()
    world.wait_for_state("lr-01", lambda state: state.state == states.FINISHED)
    wait_until(lambda: not world.supervisors("lr-01"), what="the supervisor to end")
    folder(world).unlink()
    sweeping.start(world, "other", 0.01, name="other", total=1)
    wait_until((folder(world) / "table.txt").exists, what="the table")


def results(world: World, name: str = "lr") -> Any:
    with world.laptop() as o:
        return sweep_results.compared(o, name)


def test_status_shows_the_table_once(world: World) -> None:
    """By itself, when the last has ended; then it says where it is. Both files stay."""
    set_up(world)
    sweeping.start(world, "lr-01", 0.01, gate="go", base=True, total=2)
    sweeping.start(world, "lr-02", 0.02, index=1, total=2)
    world.wait("lr-02")
    assert "sweep lr" not in world.typed("status")
    found = results(world)
    assert [run.state for run in sweeps.in_order(found)] == ["running", "finished"]
    assert "1 of 2 runs have not ended yet" in found.notes
    (world.diary / "go").touch()
    world.wait("lr-01")
    first = world.typed("status")
    assert "sweep lr, val_acc (max): 2 runs, 2 finished" in first
    assert "one seed each: no difference here is proven" in first
    assert "sweep lr: done, overnight sweep results lr" in world.typed("status")
    kept = world.project / ".overnight" / "results" / "sweeps"
    assert "| lr |" in (kept / "lr.md").read_text()
    value = json.loads((kept / "lr.json").read_bytes())
    assert value["best"] == {"lr": 0.02}
    assert value["points"][0]["best"]["runs"] == ["lr-02"]


def test_a_server_that_is_away(world: World) -> None:
    """What it said last is shown, and marked as old; a sweep that nobody knows is said so."""
    set_up(world)
    sweeping.start(world, "lr-01", 0.01, base=True, total=1)
    world.wait("lr-01")
    before = results(world)
    with pytest.raises(errors.UsageError, match="no sweep 'nothing'"):
        results(world, "nothing")
    settings = world.project / "overnight.toml"
    settings.write_text(settings.read_text().replace(sys.executable, "/bin/false"))
    found = results(world)
    assert found.arms[0].by_which == before.arms[0].by_which
    assert found.outcomes[0].age_s is not None
    assert "local did not answer; its runs are shown as last seen" in found.notes
    with pytest.raises(errors.Unreachable):
        results(world, "nothing")


TRAINING = """\
import argparse, random

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--accum", type=int, default=1)
options = parser.parse_args()
if options.lr == 0.5:
    raise KeyError("no such column")
if options.lr == 0.2 and options.batch_size > 32:
    raise MemoryError(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.50 GiB. GPU 0 has a total"
    )
noise = random.Random(options.seed)
for epoch in (1, 2, 3):
    acc = 80 + 50 * options.lr + epoch + noise.random()
    print(f"epoch {epoch}/3 loss {1 / epoch:.3f} val_acc {acc:.4f}", flush=True)
"""


def test_as_it_is_typed(world: World, service: webhooks.Service) -> None:
    """Three points with two seeds each; one point fails, one is repaired without changing the
    experiment and counts. One message; `status` and `sweep results` have the means.
    """
    notify = f'\n[notify]\nurl = "{service.url}"\nkind = "json"\n'
    world.set_up(project="gpus = 0", more=sweeping.METRICS + notify)
    (world.project / "train.py").write_text(TRAINING)
    settings = world.project / "overnight.toml"
    words = f'train = "{sys.executable} train.py --batch-size 64 --accum 1"'
    settings.write_text(settings.read_text().replace('train = "python3 train.py"', words))
    typed = ["sweep", "--name", "s", "lr=0.2,0.5", "--seeds", "2", "--no-smoke", "--yes"]
    world.typed(*typed)
    wait_until(lambda: messages(service), timeout_s=SOON_S, what="the message")
    (message,) = messages(service)
    assert message["title"] == "sweep s on local: done, 2 failed"
    lines = message["text"].splitlines()
    assert lines[1] == "val_acc, best of each run:"
    assert lines[2].startswith("  lr=0.2  93.")
    assert "(n 2, sd " in lines[2]
    assert lines[3].startswith("  lr=0.1 (base)  88.")
    assert any(line.startswith("repaired: s-lr0p2-s0 1x, s-lr0p2-s1 1x") for line in lines)
    shown = world.typed("status")
    assert "sweep s, val_acc (max): 6 runs, 2 failed, 4 finished" in shown
    assert "intervals: 95 %" in shown
    value = json.loads(world.typed("sweep", "results", "s", "--json"))
    assert value["best"] == {"lr": 0.2}
    first = value["points"][0]
    assert first["best"]["runs"] == ["s-lr0p2-s0", "s-lr0p2-s1"]
    assert abs(first["difference"]["value"] - 5.0) < 1e-6
    assert first["difference"]["low"] < 5.0 < first["difference"]["high"]
    assert "| lr |" in world.typed("sweep", "results", "s", "--markdown")
    wait_until(lambda: not world.processes(["watch", str(world.root)]), what="the watch to end")
    assert len(service.got) == 1


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
cpu_slots = 1
"""


def test_two_servers(world: World) -> None:
    """Each keeps the table of its part; the laptop has one of all, also while one is away."""
    others = OTHERS.format(root=world.root, python=sys.executable)
    world.set_up(project="gpus = 0", more=sweeping.METRICS + others)
    (world.project / "train.py").write_text(TRAINING)
    world.typed("sweep", "--name", "two", "lr=0.3,0.4,0.6", "--no-smoke", "--yes")
    parts = [world.root / name / "projects" / "local" / "sweeps" / "two" for name in "ab"]
    for part in parts:
        wait_until((part / "table.json").exists, timeout_s=SOON_S, what="its table")
    wait_until(lambda: sweeps.is_done(results(world, "two")), timeout_s=SOON_S, what="the end")
    for part in parts:
        assert "of 4 runs are on this server" in (part / "table.txt").read_text()
    found = results(world, "two")
    assert {run.server for run in found.outcomes} == {"a", "b"}
    assert [sweeps.point(arm)["lr"] for arm in found.arms] == [0.6, 0.4, 0.3, 0.1]
    settings = world.project / "overnight.toml"
    settings.write_text(settings.read_text().replace(f'"{world.root}/a"', '"/proc/no/such"'))
    away = results(world, "two")
    assert [arm.by_which for arm in away.arms] == [arm.by_which for arm in found.arms]
    assert {run.server for run in away.outcomes if run.age_s is not None} == {"a"}
    assert away.sweep is not None
    assert set(away.sweep.away) == {"a"}

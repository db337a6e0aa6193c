"""Trainings that read their numbers from a configuration file: repairs write them there."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from overnight.node import states
from tests.integration.local import laws
from tests.integration.local.world import World

CONFIG = """\
# the experiment of the night
train:
  batch_size: 64     # per GPU
  accum: 1
optim: {lr: 0.1, weight_decay: 1.0e-4}   # as in the paper
data:
  num_workers: 4
"""
TRAINING = """\
import pathlib, sys, time
import ruamel.yaml

config, diary, resumed = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[4:]
numbers = ruamel.yaml.YAML(typ="safe").load(pathlib.Path(config))
batch, accum = numbers["train"]["batch_size"], numbers["train"]["accum"]
with open(diary / "diary", "a") as file:
    file.write(f"- {batch} x {accum} lr {numbers['optim']['lr']} resumed {len(resumed)}\\n")
print("epoch 1/2 loss 1.0", flush=True)
while not (diary / "go-2").exists():
    time.sleep(0.01)


def forward(size):
    fits = int(sys.argv[3])
    if size > fits:
        raise OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 3.50 GiB. GPU 0 has a total capacity of "
            "39.39 GiB of which 1.21 GiB is free. Including non-PyTorch memory, this process has "
            "38.17 GiB memory in use."
        )


class OutOfMemoryError(RuntimeError):
    pass


OutOfMemoryError.__module__ = "torch"
forward(batch)
print("epoch 2/2 loss 0.5", flush=True)
"""
KNOBS = """\
[knobs]
micro_batch = "configs/exp1.yaml:train.batch_size"
accumulation = "configs/exp1.yaml:train.accum"
lr = "configs/exp1.yaml:optim.lr"
"""


def write_project(world: World, knobs: str = KNOBS) -> None:
    folder = world.project / "configs"
    folder.mkdir()
    (folder / "exp1.yaml").write_text(CONFIG)
    (world.project / "train.py").write_text(TRAINING)
    settings = world.project / "overnight.toml"
    before, _, rest = settings.read_text().partition("[knobs]")
    servers = rest[rest.index("[servers.") :]
    settings.write_text(f"{before}{knobs}\n{servers}")


def command(world: World, fits: int) -> list[str]:
    """A training in whose memory a micro-batch of `fits` samples has room."""
    return [sys.executable, "train.py", "configs/exp1.yaml", str(world.diary), str(fits)]


def snapshot_files(world: World) -> dict[str, str]:
    """The hash of every file of every snapshot on the server."""
    folder = Path(world.root, "projects", "local", "snapshots")
    files = (each for each in folder.glob("**/*") if each.is_file())
    return {str(each): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}


def work_config(world: World, name: str) -> str:
    return Path(world.run(name).work, "configs", "exp1.yaml").read_text()


def test_smaller_batches_are_written_into_the_yaml_of_the_work_copy(world: World) -> None:
    """64 x 1, 32 x 2, 16 x 4: only these two numbers differ, and the snapshot stays as it was."""
    write_project(world)
    world.launch("r", argv=command(world, fits=16))
    before = snapshot_files(world)
    world.open_gate(2)
    assert world.wait("r").state == states.FINISHED
    state = laws.check(world, "r")
    assert [each["class"] for each in state.repairs] == ["cuda_oom", "cuda_oom"]
    assert not any(each["changes_science"] for each in state.repairs)
    assert world.lines() == [f"{each} lr 0.1 resumed 0" for each in ("64 x 1", "32 x 2", "16 x 4")]
    smaller = CONFIG.replace("batch_size: 64", "batch_size: 16").replace("accum: 1", "accum: 4")
    assert work_config(world, "r") == smaller
    assert before
    assert snapshot_files(world) == before
    assert (world.project / "configs" / "exp1.yaml").read_text() == CONFIG


def test_knobs_that_nobody_declared_are_turned_in_the_file_too(world: World) -> None:
    """The command names the file, and its keys say what they are."""
    write_project(world, knobs="")
    world.launch("r", argv=command(world, fits=32))
    world.open_gate(2)
    assert world.wait("r").state == states.FINISHED
    assert world.lines() == ["64 x 1 lr 0.1 resumed 0", "32 x 2 lr 0.1 resumed 0"]


def test_learning_rate_is_scaled_in_the_file_beside_a_smaller_batch(world: World) -> None:
    """What a person agreed to is laid over what the repair had written, and once more after it."""
    write_project(world)
    world.launch("r", argv=command(world, fits=32))
    world.open_gate(2)
    world.wait("r")
    for rate in ("0.05", "0.025"):
        world.typed("resume", "r", "--lr-scale", "0.5")
        assert world.wait("r").state == states.FINISHED
        assert world.lines()[-1] == f"32 x 2 lr {rate} resumed 0"
        assert f"optim: {{lr: {rate}, weight_decay: 1.0e-4}}   # as in" in work_config(world, "r")
    state = laws.check(world, "r")
    assert state.settings == {"lr": 0.025}
    resumed = world.events("r", "resumed")
    assert [each["changes_science"] for each in resumed] == [True, True]

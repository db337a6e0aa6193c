"""Runs of a sweep on the server of a test, launched by a laptop that goes away at once."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from overnight.app import launching, notifying
from overnight.train import launch
from tests.integration.local.world import World

# Trains for three epochs; waits at the start of the third where it is told to; may break there.
PROGRAM = """
import os, sys, time
lr, diary, gate, how = float(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
for epoch in (1, 2, 3):
    while epoch == 3 and gate and not os.path.exists(f"{diary}/{gate}"):
        time.sleep(0.01)
    if epoch == 3 and how == "breaks":
        raise KeyError("no such column")
    acc = 90 + 100 * lr + (0.5 if epoch == 2 else 0.1 * epoch)
    print(f"epoch {epoch}/3 loss {1 / epoch:.3f} val_acc {acc:.2f}", flush=True)
"""
METRICS = '\n[metrics]\nprimary = "val_acc"\ngoal = "max"\n'


def start(
    world: World, run: str, lr: float, *, gate: str = "", how: str = "", **sweep: Any
) -> None:
    argv = [sys.executable, "-c", PROGRAM, str(lr), str(world.diary), gate, how]
    point = {"lr": lr}
    of = {"name": "lr", "index": 0, "total": 3, "point": point, "seed": None, "base": False}
    with world.laptop() as o:
        plan = launching.prepared(o, "local", argv, 0)
        synced = launching.sync(o, "local")
        wanted = dataclasses.replace(
            plan.spec,
            run=run,
            snapshot=synced.pushed.snapshot,
            sweep={**of, "mode": "ablate", **sweep},
            provenance={"server": "local"},
        )
        hidden = notifying.wanted(o.config.notify, {})
        launch.launch(o.server("local"), wanted, {}, hidden)
